"""The platforms' own reply counters, and how much of what they count is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp_engage.types import BoolArray, Comment, DialogueTree


def replies_collected(nodes: Sequence[Comment], parents: Sequence[int], stand_in: BoolArray) -> list[int]:
    """What platforms count: under the post everything, under a comment its replies and all of its floor.

    Args:
        nodes: Comments of a thread, the post first.
        parents: Index of the parent of each; of the post anything.
        stand_in: Which of them are not in the archive.

    >>> from nlp_engage.types import Comment
    >>> nodes = [Comment(id=i, thread_id="p") for i in "pab"]
    >>> replies_collected(nodes, [-1, 0, 1], np.zeros(3, dtype=np.bool_))
    [2, 1, 0]
    """
    place = {c.id: i for i, c in enumerate(nodes)}
    collected = [0] * len(nodes)
    gone = stand_in.tolist()
    for i, (comment, parent) in enumerate(zip(nodes, parents, strict=True)):
        if i and not gone[i]:
            floor = place.get(comment.root_id) if comment.root_id else None
            for counter in {0, parent, parent if floor in (None, i) else floor}:
                collected[counter] += 1
    return collected


def completeness(tree: DialogueTree) -> tuple[int, int] | None:
    """How much of a thread is there, by the platform's own counters.

    Args:
        tree: Any tree.

    Returns:
        ``(collected, declared)`` in comments, or ``None`` where the platform does not tell. The post's
        counter counts every comment below it. Without one, the comments directly under the post and their
        counters are taken, if all of these have one and none of them is a tombstone. ``declared`` is the
        platform's word: it may be less than ``collected``, for counters lag behind.

    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment
    >>> completeness(build_tree([Comment(id="p", thread_id="p", n_replies=7),
    ...                          Comment(id="a", thread_id="p", parent_id="p")]))
    (1, 7)
    """
    collected = replies_collected(tree.comments, tree.parents.tolist(), tree.stand_in)
    if tree.post.n_replies is not None:
        return collected[0], tree.post.n_replies
    top = np.flatnonzero(tree.parents == 0).tolist()
    counters = [tree.comments[i].n_replies for i in top]
    known = [n for n in counters if n is not None]
    if not known or len(known) < len(counters):
        return None
    return len(top) + sum(collected[i] for i in top), len(top) + sum(known)
