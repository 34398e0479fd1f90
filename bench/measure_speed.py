"""How long a million labelled comments take to measure, with 1,000 resamples, and in how much memory.

Run: ``python bench/measure_speed.py [--comments N]``. The archive is made up and streamed; making it is not timed.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np

from nlp_engage.measure import collect, measure_table
from nlp_engage.tree import build_tree
from nlp_engage.types import ACTS, Comment, LabelledTree

WORDS = ("soup", "queue", "window", "colour", "battery", "好喝", "门店", "颜色", "排队", "再来", "never", "my")
START = datetime(2025, 1, 1, tzinfo=UTC)
GOAL_SECONDS, GOAL_BYTES = 20, 2 * 1024**3


class Archive:
    """A stream of labelled trees that knows how long it took to make them."""

    def __init__(self, comments: int) -> None:
        self.comments, self.seconds = comments, 0.0

    def __iter__(self) -> Iterator[LabelledTree]:
        rng, numbers = random.Random(7), np.random.default_rng(7)
        left = self.comments
        for t in count():
            start = time.perf_counter()
            size = min(left, max(1, int(rng.lognormvariate(2.5, 1.3))))
            tree = _labelled(t, size, rng, numbers)
            self.seconds += time.perf_counter() - start
            yield tree
            left -= size
            if not left:
                return


def _labelled(t: int, size: int, rng: random.Random, numbers: np.random.Generator) -> LabelledTree:
    thread, platform = f"t{t}", ("reddit", "weibo", "youtube")[t % 3]
    at = START + timedelta(hours=t / 20)
    comments = [
        Comment(id=thread, thread_id=thread, author=f"page{t % 40}", created=at, likes=t % 97, platform=platform)
    ]
    for k in range(size):
        deep = rng.random() < 0.35
        author = f"page{t % 40}" if rng.random() < 0.05 else f"u{int(rng.paretovariate(0.2)) % 400_000}"
        comments.append(
            Comment(
                id=f"{thread}.{k}",
                thread_id=thread,
                parent_id=rng.choice(comments).id if deep else thread,
                author=author,
                text=" ".join(rng.choices(WORDS, k=1 + int(rng.expovariate(1 / 12)))),
                created=at + timedelta(minutes=k),
                likes=int(rng.paretovariate(1)),
                platform=platform,
            )
        )
    p = numbers.dirichlet((1.2, 0.8, 0.6), size=size + 1)
    p[0] = np.nan
    acts = numbers.integers(0, len(ACTS), size + 1).astype(np.int32)
    acts[0] = -1
    languages = ("none", *(("en", "zh")[t % 2] for _ in range(size)))
    return LabelledTree(
        tree=build_tree(comments), probabilities=p, acts=acts, act_probabilities=p.max(axis=1), languages=languages
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--comments", type=int, default=1_000_000)
    parser.add_argument("--all-only", action="store_true", help="one row for all, no groupings")
    parser.add_argument("--resamples", type=int, default=1_000)
    options = parser.parse_args()
    archive = Archive(options.comments)
    start = time.perf_counter()
    table = collect(archive)
    collecting = time.perf_counter() - start - archive.seconds
    print(f"{len(table):,} comments in {len(table.thread_ids):,} threads by {len(table.authors):,} authors")
    print(f"{'collect':<12}{collecting:8.1f} s   {len(table) / collecting:,.0f} comments/s")
    total = collecting
    print(f"peak memory after collecting {_peak() / 1024**2:,.0f} MiB")
    for by in (None,) if options.all_only else (None, "platform", "lang", "week", "thread_id", "author"):
        start = time.perf_counter()
        rows = len(measure_table(table, by=by, resamples=options.resamples).groups)
        spent = time.perf_counter() - start
        total += spent if by is None else 0.0
        print(f"{'by ' + by if by else 'all':<12}{spent:8.1f} s   {rows:,} rows")
    peak = _peak()
    print(f"measure(): {total:.1f} s (goal {GOAL_SECONDS} s), peak memory {peak / 1024**2:,.0f} MiB (goal 2,048 MiB)")
    return 0 if total < GOAL_SECONDS and peak < GOAL_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
