"""All structure measures of a million comments, beside networkx working out depths and distances of some of them.

Run: ``python bench/structure_speed.py [--comments N]``. The trees are made up; making them is not timed. networkx has
no measure of its own for most of this: depth by a breadth-first walk and structural virality by its Wiener index.
"""

from __future__ import annotations

import argparse
import random
import time
from itertools import count
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from nlp_engage import structure
from nlp_engage.tree import build_tree
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.types import DialogueTree

GOAL_SECONDS = 10
RIVAL_COMMENTS = 20_000


def trees(comments: int) -> Iterator[DialogueTree]:
    """Threads of all sizes, some deep, some wide, by few and by many authors."""
    rng, left = random.Random(7), comments
    for t in count():
        size = min(left, max(1, int(rng.lognormvariate(2.5, 1.3))))
        deep = rng.random() * 0.8
        records = [Comment(id="p", thread_id="p", author=f"page{t % 40}")]
        for k in range(size):
            above = records[-1 if rng.random() < deep else rng.randrange(len(records))]
            author = f"u{int(rng.paretovariate(0.2)) % 400}"
            records.append(Comment(id=f"c{k:06}", thread_id="p", parent_id=above.id, author=author))
        yield build_tree(records)
        left -= size
        if not left:
            return


def ours(tree: DialogueTree) -> None:
    """Every measure of the module."""
    structure.max_depth(tree)
    structure.width(tree)
    structure.thread_h_index(tree)
    structure.child_counts(tree)
    structure.subtree_sizes(tree)
    structure.structural_virality(tree)
    structure.effective_participants(c.author for c in tree.comments)
    structure.exchange_weights(tree, np.ones(len(tree)))


def theirs(tree: DialogueTree) -> None:
    """Two of them."""
    graph = nx.Graph((i, int(p)) for i, p in enumerate(tree.parents) if p >= 0)
    max(nx.single_source_shortest_path_length(graph, 0).values())
    nx.wiener_index(graph)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comments", type=int, default=1_000_000)
    wanted = parser.parse_args().comments
    seconds, their_seconds, n, their_n = 0.0, 0.0, 0, 0
    for tree in trees(wanted):
        start = time.perf_counter()
        ours(tree)
        seconds += time.perf_counter() - start
        n += len(tree) - 1
        if their_n < RIVAL_COMMENTS:
            start = time.perf_counter()
            theirs(tree)
            their_seconds += time.perf_counter() - start
            their_n += len(tree) - 1
    print(f"all structure measures of {n:,} comments: {seconds:.1f} s (goal: {GOAL_SECONDS} s a million)")
    print(f"networkx, depth and distances of {their_n:,} comments: {their_seconds:.1f} s")
    print(f"ratio: {(n / seconds) / (their_n / their_seconds):.1f} x the comments/s, for eight measures against two")


if __name__ == "__main__":
    main()
