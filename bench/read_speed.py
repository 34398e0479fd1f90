"""Reading an archive and building its trees, beside ConvoKit loading the same comments as a corpus.

Each measurement is a process of its own, so that peak memory is its own. ConvoKit is no dependency of the project:
``make rivals`` installs it into a separate environment; without it only our figures are printed.
"""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from texts import archive_files, source

from nlp_engage.readers import read
from nlp_engage.writers import write

COMMENTS = 100_000
ROUNDS = 3
RIVAL = Path(__file__).resolve().parents[1] / ".venv-rivals" / "bin" / "python"

OURS = """
import json, resource, sys, time
from nlp_engage.readers import read
from nlp_engage.tree import build_trees
start = time.perf_counter()
n = trees = 0
for tree in build_trees(read([sys.argv[1]])):
    n += len(tree); trees += 1
print(json.dumps({"n": n, "seconds": time.perf_counter() - start,
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
ONLY_READ = OURS.replace("for tree in build_trees(read([sys.argv[1]])):", "for tree in read([sys.argv[1]]):").replace(
    "n += len(tree)", "n += 1"
)
THEIRS = """
import json, resource, sys, time
from convokit import Corpus
start = time.perf_counter()
corpus = Corpus(filename=sys.argv[1])
print(json.dumps({"n": len(corpus.get_utterance_ids()), "seconds": time.perf_counter() - start,
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def measured(python: str, script: str, path: Path) -> tuple[float, float]:
    """Comments a second (median of the rounds) and peak memory in MB."""
    rates, peaks = [], []
    for _ in range(ROUNDS):
        done = subprocess.run([python, "-c", script, str(path)], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        rates.append(found["n"] / found["seconds"])
        peaks.append(found["mb"])
    return statistics.median(rates), max(peaks)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        jsonl, corpus = Path(scratch) / "archive.jsonl", Path(scratch) / "corpus"
        comments = list(itertools.islice(read(archive_files()), COMMENTS))
        write(iter(comments), jsonl, None)
        write(iter(comments), corpus, "convokit")
        print(f"texts: {source()}, {len(comments)} comments, one core")
        print(f"{'':44}{'comments/s':>12}{'peak MB':>10}")
        rows = {
            "canonical JSONL, read only": (sys.executable, ONLY_READ, jsonl),
            "canonical JSONL, read and trees": (sys.executable, OURS, jsonl),
            "ConvoKit corpus, read and trees": (sys.executable, OURS, corpus),
        }
        if RIVAL.exists():
            rows["convokit 5.0.0, Corpus(filename=...)"] = (str(RIVAL), THEIRS, corpus)
        found = {name: measured(*row) for name, row in rows.items()}
        for name, (rate, peak) in found.items():
            print(f"{name:44}{rate:12,.0f}{peak:10.0f}")
        if RIVAL.exists():
            _, ours, ours_corpus, theirs = found.values()
            print(f"ratio on JSONL: {ours[0] / theirs[0]:.1f} x the speed, 1/{theirs[1] / ours[1]:.1f} of the memory")
            print(f"ratio on the same corpus folder: {ours_corpus[0] / theirs[0]:.1f} x the speed")
        else:
            print("rival not measured: run `make rivals` first")


if __name__ == "__main__":
    main()
