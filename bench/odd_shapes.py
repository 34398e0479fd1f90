"""Archives of odd shapes through ``label`` and ``measure``: a giant thread, giant comments, threads of one comment.

The labels come from a stand-in (``flat_memory.py``); each shape runs in processes of its own.

Run: ``python bench/odd_shapes.py [--full]``; ``--full`` takes 300,000 comments in a thread and a million threads.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import msgspec
from flat_memory import GOAL, measured

from nlp_engage.types import Comment

WORDS = ["soup", "queue", "window", "colour", "battery", "never", "my", "好喝", "门店", "颜色", "排队", "再来"]


def giant_thread(size: int):
    """One thread; a third answers somebody, one chain of a thousand among them."""
    rng = random.Random(1)
    yield Comment(id="p", thread_id="p", author="shop", text="New cups!")
    for k in range(size):
        parent = f"c{k - 1}" if 0 < k < 1_000 else f"c{rng.randrange(k)}" if k and rng.random() < 0.3 else "p"
        text = " ".join(rng.choices(WORDS, k=1 + k % 12)) + f" {k}"
        yield Comment(id=f"c{k}", thread_id="p", parent_id=parent, author=f"u{k % 9_999}", text=text)


def giant_comment(size: int):
    """A comment of so many bytes, and another of one word so long."""
    yield Comment(id="p", thread_id="p", author="shop", text="New cups!")
    yield Comment(id="a", thread_id="p", parent_id="p", author="ann", text="what a long day " * (size // 16))
    yield Comment(id="b", thread_id="p", parent_id="p", author="bob", text="哈" * (size // 3))
    yield Comment(id="c", thread_id="p", parent_id="a", author="cid", text="[" * size)


def single_comments(size: int):
    """Threads of one comment whose post is not in the archive."""
    rng = random.Random(2)
    for k in range(size):
        text = " ".join(rng.choices(WORDS, k=1 + k % 12))
        yield Comment(id=f"c{k}", thread_id=f"p{k}", parent_id=f"p{k}", author=f"u{k % 99_999}", text=text)


SHAPES = {
    "one thread of {:,} comments": (giant_thread, 30_000, 300_000),
    "comments of {:,} bytes": (giant_comment, 5_000_000, 5_000_000),
    "{:,} threads of one comment": (single_comments, 30_000, 1_000_000),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--scratch", help="folder for archive and run (default: the system's)")
    options = parser.parse_args()
    peaks = []
    print(f"{'':36}{'':9}{'seconds':>9}{'peak MiB':>10}")
    for title, (make, small, full) in SHAPES.items():
        size = full if options.full else small
        with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
            archive, run = Path(folder) / "archive.jsonl", Path(folder) / "run"
            with archive.open("wb") as out:
                for comment in make(size):
                    out.write(msgspec.json.encode(comment) + b"\n")
            for verb in ("label", "measure"):
                found = measured(verb, archive, run)
                peaks.append(found["peak"])
                peak = f"{found['peak'] / 2**20:,.0f}"
                print(f"{title.format(size):36}{verb:9}{found['seconds']:9.1f}{peak:>10}", flush=True)
    return 0 if max(peaks) < GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
