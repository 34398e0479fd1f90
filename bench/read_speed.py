"""Reading an archive and building its trees, beside ConvoKit loading the same comments as a corpus.

Each measurement is a process of its own, so that peak memory is its own, and rivals take turns, so that what else
the machine does meets all of them. ConvoKit is no dependency of the project: ``make rivals`` installs it into a
separate environment; without it only our figures are printed. ``--comments N`` takes another part of the archive.
"""

from __future__ import annotations

import argparse
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

COMMENTS = 400_000
ROUNDS = 3
RIVAL = Path(__file__).resolve().parents[1] / ".venv-rivals" / "bin" / "python"
FLOOR = 250_000
"""Comments a second that reading canonical lines should reach on one core."""

OURS = """
import json, resource, sys, time
from nlp_engage.readers import read
from nlp_engage.tree import build_trees
start = time.perf_counter()
n = trees = 0
for tree in build_trees(read([sys.argv[1]])):
    n += len(tree) - int(tree.stand_in.sum()); trees += 1
print(json.dumps({"n": n, "seconds": time.perf_counter() - start,
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
ONLY_READ = OURS.replace("for tree in build_trees(read([sys.argv[1]])):", "for tree in read([sys.argv[1]]):").replace(
    "n += len(tree) - int(tree.stand_in.sum())", "n += 1"
)
THEIRS = """
import json, resource, sys, time
from convokit import Corpus
start = time.perf_counter()
corpus = Corpus(filename=sys.argv[1])
seconds = time.perf_counter() - start
print(json.dumps({"n": len(corpus.get_utterance_ids()), "seconds": seconds,
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def once(python: str, script: str, path: Path) -> tuple[float, float]:
    """Comments a second and peak memory in MB of one process."""
    done = subprocess.run([python, "-c", script, str(path)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return found["n"] / found["seconds"], found["mb"]


def measured(rows: dict[str, tuple[str, str, Path]]) -> dict[str, tuple[float, float]]:
    """Median speed and highest peak of each row over the rounds."""
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
    for _ in range(ROUNDS):
        for name, row in rows.items():
            seen[name].append(once(*row))
    return {n: (statistics.median(r for r, _ in got), max(mb for _, mb in got)) for n, got in seen.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comments", type=int, default=COMMENTS)
    wanted = parser.parse_args().comments
    with tempfile.TemporaryDirectory() as scratch:
        jsonl, corpus = Path(scratch) / "archive.jsonl", Path(scratch) / "corpus"
        write(itertools.islice(read(archive_files()), wanted), jsonl, None)
        count = write(read(jsonl), corpus, "convokit")
        print(f"texts: {source()}, {count} comments, one core, median of {ROUNDS}")
        print(f"{'':44}{'comments/s':>12}{'peak MB':>10}")
        rows = {
            "canonical JSONL, read only": (sys.executable, ONLY_READ, jsonl),
            "canonical JSONL, read and trees": (sys.executable, OURS, jsonl),
            "ConvoKit corpus, read and trees": (sys.executable, OURS, corpus),
        }
        if RIVAL.exists():
            rows["convokit 5.0.0, Corpus(filename=...)"] = (str(RIVAL), THEIRS, corpus)
        found = measured(rows)
        for name, (rate, peak) in found.items():
            print(f"{name:44}{rate:12,.0f}{peak:10.0f}")
        only, ours, ours_corpus = list(found.values())[:3]
        print(f"read only: {only[0] / FLOOR:.1f} x the {FLOOR:,}/s wanted of one core")
        if RIVAL.exists():
            theirs = list(found.values())[3]
            print(f"ratio on JSONL: {ours[0] / theirs[0]:.1f} x the speed, 1/{theirs[1] / ours[1]:.1f} of the memory")
            print(
                f"ratio on the same corpus folder: {ours_corpus[0] / theirs[0]:.1f} x the speed, "
                f"1/{theirs[1] / ours_corpus[1]:.1f} of the memory"
            )
        else:
            print("rival not measured: run `make rivals` first")


if __name__ == "__main__":
    main()
