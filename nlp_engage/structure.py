"""The shape of a thread: depth, width, virality, and who kept an exchange up.

Every function is one or two loops over ``DialogueTree.parents``: linear, without recursion. Stand-ins
(virtual posts, tombstones) are no comments and are never counted as such, but they connect: a reply to a
tombstone stands at depth 2 because somebody stood at depth 1. ``structural_virality`` alone takes all nodes,
for it measures the cascade as it was, and a comment that is missing today was part of it.
"""

from __future__ import annotations

from collections import Counter
from math import exp, fsum, log
from typing import TYPE_CHECKING

import numpy as np

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from nlp_engage.types import DialogueTree, FloatArray, IntArray


def depths(tree: DialogueTree) -> IntArray:
    """Steps from each node up to the post.

    Returns:
        0 for the post, 1 for what answers it, and so on; stand-ins are steps. Shape: (n,), int32.
    """
    parents = tree.parents.tolist()
    depth = [0] * len(parents)
    for i in range(1, len(parents)):
        depth[i] = depth[parents[i]] + 1
    return np.array(depth, dtype=np.int32)


def max_depth(tree: DialogueTree) -> int:
    """Depth of the deepest comment; 0 where nobody answered the post."""
    return len(_widths(tree)) - 1


def width(tree: DialogueTree) -> int:
    """Most comments at one depth below the post; 0 where nobody answered it."""
    return max(_widths(tree)[1:], default=0)


def thread_h_index(tree: DialogueTree, depth: IntArray | None = None) -> int:
    """The largest h such that at least h comments stand at depth h: high if a thread is both wide and deep.

    The post is depth 0 and no comment, so a thread without comments has 0. Levels need not shrink with depth,
    so a level may hold fewer comments than its depth and a deeper one enough; the deepest that does counts.

    Source: Gómez, Kaltenbrunner and López 2008, "Statistical analysis of the social network and discussion
    threads in Slashdot", doi 10.1145/1367497.1367585.

    Args:
        tree: The tree.
        depth: Its ``depths``, if they are known already.
    """
    return max((h for h, comments in enumerate(_widths(tree, depth)) if h and comments >= h), default=0)


def _widths(tree: DialogueTree, depth: IntArray | None = None) -> list[int]:
    """Real nodes at each depth, the post's 0 first; the deepest level always holds one or is the post's."""
    found = np.bincount((depths(tree) if depth is None else depth)[~tree.stand_in]).tolist()
    return found or [0]


def child_counts(tree: DialogueTree) -> IntArray:
    """Direct replies of each node, tombstones not counted. Shape: (n,), int32."""
    answered = tree.parents[1:][~tree.stand_in[1:]]
    return np.bincount(answered, minlength=len(tree)).astype(np.int32)


def subtree_sizes(tree: DialogueTree) -> IntArray:
    """Real nodes at and below each node, itself included. Stand-ins connect, but count nothing.

    Returns:
        1 or more for real nodes and tombstones. Shape: (n,), int32.

    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment
    >>> tree = build_tree([Comment(id="p", thread_id="p"), Comment(id="a", thread_id="p", parent_id="gone")])
    >>> subtree_sizes(tree).tolist(), child_counts(tree).tolist(), depths(tree).tolist()
    ([2, 1, 1], [0, 1, 0], [0, 1, 2])
    """
    return np.array(_sums_below(tree, (~tree.stand_in).tolist()), dtype=np.int32)


def _sums_below(tree: DialogueTree, values: Sequence[int]) -> list[int]:
    parents, sums = tree.parents.tolist(), [int(v) for v in values]
    for i in range(len(sums) - 1, 0, -1):
        sums[parents[i]] += sums[i]
    return sums


def structural_virality(tree: DialogueTree) -> float | None:
    """Mean distance between two nodes: near 2 for a broadcast, about n/3 for a chain.

    All nodes count, the post and stand-ins included. The link above a subtree of s nodes lies between
    s·(n - s) pairs, so one backward loop finds the sum of all distances.

    Source: Goel, Anderson, Hofman and Watts 2016, "The structural virality of online diffusion",
    doi 10.1287/mnsc.2015.2158, equation 1.

    Returns:
        1 or more, in links; ``None`` for fewer than two nodes, where no pair exists.

    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment
    >>> star = [Comment(id=c, thread_id="p", parent_id="p") for c in "abc"]
    >>> structural_virality(build_tree([Comment(id="p", thread_id="p"), *star]))
    1.5
    """
    n = len(tree)
    if n < 2:
        return None
    between = sum(size * (n - size) for size in _sums_below(tree, [1] * n)[1:])
    return between / (n * (n - 1) / 2)


def effective_participants(authors: Iterable[Hashable]) -> float:
    """How many people, writing equally much, would be as diverse as these: exp of the Shannon entropy.

    Source: Hill 1973, "Diversity and evenness", doi 10.2307/1934352 (the Hill number of order 1).

    Args:
        authors: Author of each comment, one entry a comment.

    Returns:
        0 for no comments, else from 1 up to the number of different authors.

    >>> effective_participants(["ann", "bob", "ann", "bob"]), effective_participants([])
    (2.0, 0.0)
    """
    counts = Counter(authors).values()
    n = sum(counts)
    # fsum is exact, so that it does not matter who came first
    return exp(log(n) - fsum(c * log(c) for c in counts) / n) if n else 0.0


def exchange_weights(tree: DialogueTree, weights: FloatArray) -> FloatArray:
    """How much the other side said in return, for each node: the ``r_i`` of the measure.

    An *exchange* is a maximal chain along a path from the post to a leaf in which two different known authors
    alternate (the post's author may be one). A comment without author and a stand-in end a chain. For a node
    and a chain that holds it, sum the weights of the other author's turns that come after the first turn of
    the node's author in this chain. ``r_i`` is the largest such sum over all chains that hold the node.

    With weights of 1: in A, B (B answers A's post) r(B) = 0; in A, B, A r(B) = 1; in A, B, A, B both turns of
    B have 1; if C answers B's comment under A's post, r(B) = 1 and r(C) = 0.

    Args:
        tree: The tree.
        weights: What a turn counts, 0 or more; the measure gives the probability that it is no mindless one.
            Shape: (n,), float64.

    Returns:
        0 where nobody came back to the node's author. Shape: (n,), float64.

    Raises:
        DataError: There is not one weight a node, or one is negative or not a number.

    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment
    >>> turns = [("p", None, "ann"), ("1", "p", "bob"), ("2", "1", "ann"), ("3", "2", "bob")]
    >>> tree = build_tree([Comment(id=i, thread_id="p", parent_id=up, author=a) for i, up, a in turns])
    >>> exchange_weights(tree, np.ones(4)).tolist()
    [2.0, 1.0, 2.0, 1.0]
    """
    if weights.shape != (len(tree),) or not bool(np.all(weights >= 0)):
        raise DataError(
            f"exchange_weights got weights of shape {weights.shape} for thread {tree.thread_id!r}: "
            f"there must be {len(tree)}, one a node, each 0 or more. Give 0 to nodes without a label."
        )
    parents, counts = tree.parents.tolist(), weights.tolist()
    links = _exchange_links(tree, parents)
    before, (after, opened) = _said_before(parents, links, counts), _said_after(parents, links, counts)
    return np.array([max(b + a, o) for b, a, o in zip(before, after, opened, strict=True)], dtype=np.float64)


_NO_LINK, _OPENS, _CONTINUES = range(3)


def _exchange_links(tree: DialogueTree, parents: Sequence[int]) -> list[int]:
    """What each node is to its parent: nobody else's answer, the second turn of a chain, or a later one."""
    known = [c.author or None for c in tree.comments]  # stand-ins have no author
    links = [_NO_LINK] * len(parents)
    for i in range(1, len(parents)):
        p = parents[i]
        if known[i] is None or known[p] is None or known[i] == known[p]:
            continue
        links[i] = _CONTINUES if links[p] and known[i] == known[parents[p]] else _OPENS
    return links


def _said_before(parents: Sequence[int], links: Sequence[int], weights: Sequence[float]) -> list[float]:
    """Weight of the other's turns above each node in its chain, from the first turn of its author on."""
    theirs = [0.0] * len(parents)
    own = [0.0] * len(parents)  # the node's author's turns since the other's first one, this turn included
    for i, link in enumerate(links):
        if link == _CONTINUES:  # the roles of parent and child are swapped
            theirs[i] = own[parents[i]]
            own[i] = theirs[parents[i]] + weights[i]
        elif link == _OPENS:
            own[i] = weights[i]
    return theirs


def _said_after(
    parents: Sequence[int], links: Sequence[int], weights: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Most weight of the other's turns below each node: in the chain it is a reply in, in one it opens."""
    theirs, own, opened = [0.0] * len(parents), [0.0] * len(parents), [0.0] * len(parents)
    for i in range(len(parents) - 1, 0, -1):
        p = parents[i]
        if links[i] == _CONTINUES:
            theirs[p] = max(theirs[p], weights[i] + own[i])
            own[p] = max(own[p], theirs[i])
        elif links[i] == _OPENS:
            opened[p] = max(opened[p], weights[i] + own[i])
    return theirs, opened
