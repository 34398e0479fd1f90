"""Peak memory of ``label`` and ``measure`` as an archive grows: it has to stay flat, and under 2 GB.

The archive is the pool (or the samples) repeated under new ids, sorted by time as dumps are, so that the comments of a
thread lie far apart. The labels come from a stand-in that hashes the text: the model would take half a day for the
largest size, and its memory does not depend on the archive. Each measurement is a process of its own.

Run: ``python bench/flat_memory.py [--full] [--sizes N ...]``; ``--full`` goes to 5 million comments.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
from texts import archive_files, source

from nlp_engage.readers import read
from nlp_engage.types import ACT_LABEL, ACTS, LABELS, Predictions

SMALL, FULL = (50_000, 200_000), (500_000, 1_500_000, 5_000_000)
GOAL = 2 * 1024**3
FIRST_ACT = np.array([next(i for i, act in enumerate(ACTS) if ACT_LABEL[act] == label) for label in LABELS], np.int32)


class StandIn:
    """Labels that follow from the text alone."""

    fingerprint: ClassVar = {"name": "stand-in", "scheme": "bench", "template": "bench", "sha256": "0" * 64}

    def predict(self, contexts):
        """Label a batch."""
        digests = b"".join(blake2b(c.reply.encode(), digest_size=6).digest() for c in contexts)
        raw = np.frombuffer(digests, "<u2").reshape(-1, len(LABELS)) + 1.0
        p = raw / raw.sum(axis=1, keepdims=True)
        return Predictions(probabilities=p, acts=FIRST_ACT[p.argmax(1)], act_probabilities=p.max(axis=1))


def write_archive(path: Path, comments: int) -> None:
    """The pool again and again under new ids and authors, in order of time: windows of one round are interleaved."""
    pool = list(read(archive_files()))
    rng = random.Random(7)
    start = datetime(2020, 1, 1, tzinfo=UTC)
    written = 0
    with path.open("wb") as out:
        for turn in count():
            rng.shuffle(pool)
            for n, c in enumerate(pool):
                new = msgspec.structs.replace(
                    c,
                    id=f"{c.id}.{turn}",
                    thread_id=f"{c.thread_id}.{turn}",
                    parent_id=c.parent_id and f"{c.parent_id}.{turn}",
                    root_id=c.root_id and f"{c.root_id}.{turn}",
                    author=c.author and f"{c.author}.{turn // 4}",
                    created=start + timedelta(days=turn, seconds=n / 2),
                )
                out.write(msgspec.json.encode(new) + b"\n")
                written += 1
                if written == comments:
                    return


def work(verb: str, archive: str, run: str) -> None:
    """One verb in this process; prints what it took as JSON."""
    start = time.perf_counter()
    if verb == "label":
        from nlp_engage.archive import label_archive

        m = label_archive([archive], run, StandIn()).manifest
        found = {"threads": m["threads"], "comments": m["comments"], "parts": m["parts"]}
    else:
        from nlp_engage.archive import read_run
        from nlp_engage.classify.folder import DEFAULT_MODEL, model_folder, read_scores
        from nlp_engage.measure import held_out_of, measure

        known = held_out_of(read_scores(model_folder()), DEFAULT_MODEL)  # as the verb does: shares corrected as well
        row = measure(read_run(run), held_out=known).rows()[0]
        found = {"comments": row["n_replies"], "eq": [row["eq_low"], row["eq"], row["eq_high"]]}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({**found, "seconds": time.perf_counter() - start, "peak": peak}))


def measured(verb: str, archive: Path, run: Path) -> dict:
    command = [sys.executable, __file__, "--work", verb, str(archive), str(run)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="0.5, 1.5 and 5 million comments instead of 0.05 and 0.2")
    parser.add_argument("--sizes", type=int, nargs="+")
    parser.add_argument("--scratch", help="folder for archive and run (default: the system's)")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(*options.work)
        return 0
    peaks = []
    print(f"texts: {source()}, repeated under new ids, in order of time; a stand-in for the model; 1,000 resamples")
    print(f"{'records':>10}{'':10}{'seconds':>9}{'a second':>11}{'peak MiB':>10}")
    for size in options.sizes or (FULL if options.full else SMALL):
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            archive, run = Path(folder) / "archive.jsonl", Path(folder) / "run"
            write_archive(archive, size)
            for verb in ("label", "measure"):
                found = measured(verb, archive, run)
                rate, peaks = size / found["seconds"], [*peaks, found["peak"]]
                peak = f"{found['peak'] / 2**20:,.0f}"
                print(f"{size:10,} {verb:9}{found['seconds']:9.0f}{rate:11,.0f}{peak:>10}", flush=True)
    print(f"highest peak {max(peaks) / 2**20:,.0f} MiB (goal: under 2,048)")
    return 0 if max(peaks) < GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
