"""A thread as the report draws it: which comments of a large one are shown, and how they nest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp_engage.report.gallery import by_owner
from nlp_engage.structure import depths
from nlp_engage.types import ACTS, LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.report.safety import Veil
    from nlp_engage.report.words import Words
    from nlp_engage.types import LabelledTree

MAX_COMMENTS: Final = 200
"""Comments drawn of one thread."""
MAX_NESTING: Final = 7
"""Deeper comments stand at this level and say how deep they are: a page has no room, browsers have limits."""
TEXT_CHARS: Final = 600
THREAD_CHARS: Final = 24_000
"""Characters shown of a thread, about: where they do not fit, its longest texts are cut. Bounds the file."""
SHORT_CHARS: Final = 80
FIRST_BRANCHES: Final = 4
"""Branches shown at once; the rest waits behind a button."""
CODES: Final = ("m", "d", "s")
"""One letter for each label, in the order of ``LABELS``: names of CSS classes and of colours."""


@dataclass(slots=True, kw_only=True)
class Node:
    """A comment in its place, everything in words.

    Attributes:
        code: ``m``, ``d``, ``s`` for its label, ``x`` without one, ``o`` for the owner's.
        who: Name, pseudonym, or a word for the unknown author.
        owner: Written by the page owner.
        when: Day of writing, or nothing.
        likes: Likes, or nothing.
        text: Text, or nothing where it may not be shown.
        note: Why there is no text.
        label: Name of the label, or why there is none.
        probability: Probability of that label, or nothing.
        act: Finer reason, or nothing.
        credit: Credit, or nothing.
        deep: Its depth in words, where it stands deeper than it is drawn.
        earned: Credit of the comment and of all that are drawn below it.
        below: Number of comments drawn below it.
        hidden: Direct and indirect replies that are not drawn and hang at this node.
        children: Comments drawn below it.
    """

    code: str
    who: str
    owner: bool
    when: str
    likes: str
    text: str | None
    note: str
    label: str
    probability: str
    act: str
    credit: str
    deep: str
    earned: float
    below: int = 0
    hidden: int = 0
    children: list[Node] = field(default_factory=list)


def shown_nodes(labelled: LabelledTree, credits: Mapping[int, float], limit: int = MAX_COMMENTS) -> list[int]:
    """Which nodes of a tree to draw: all of a small one, else those with most credit and what they answer.

    Args:
        labelled: The tree.
        credits: Credit of each node that has some.
        limit: Nodes below the post, at most.

    Returns:
        Places in the tree, ascending, the post first; with each node its parent.
    """
    tree = labelled.tree
    if len(tree) <= limit + 1:
        return list(range(len(tree)))
    parents = tree.parents.tolist()
    taken = {0}
    for i in sorted(range(1, len(tree)), key=lambda i: (-credits.get(i, 0.0), i)):
        path: list[int] = []
        while i not in taken and len(taken) + len(path) <= limit:
            path.append(i)
            i = parents[i]
        if i in taken:
            taken.update(path)
        if len(taken) > limit:
            break
    return sorted(taken)


def text_limit(lengths: Sequence[int], room: int = THREAD_CHARS) -> int:
    """The longest a text may be so that all fit in ``room``; between ``SHORT_CHARS`` and ``TEXT_CHARS``.

    >>> text_limit([500, 500]), text_limit([500] * 200), text_limit([500] * 100 + [10] * 100)
    (600, 120, 230)
    """
    left, texts = room, len(lengths)
    for length in sorted(lengths):
        fair = left // texts
        if length > fair:  # this one and all longer ones are cut to an equal part of what is left
            return min(max(fair, SHORT_CHARS), TEXT_CHARS)
        left, texts = left - length, texts - 1
    return TEXT_CHARS


def draw_thread(labelled: LabelledTree, credits: Mapping[int, float], words: Words, veil: Veil) -> Node:
    """The post of a thread with its replies nested below it.

    Args:
        labelled: The tree.
        credits: Credit of each node that has some.
        words: Language of the report.
        veil: What may be seen.

    Returns:
        The post; ``children`` are nested at most ``MAX_NESTING`` deep. Branches with most credit come first, below
        that it goes by time.
    """
    tree, depth = labelled.tree, depths(labelled.tree).tolist()
    parents = tree.parents.tolist()
    nodes: dict[int, Node] = {}
    seats: dict[int, int] = {}  # node -> the node it is drawn under
    shown = shown_nodes(labelled, credits)
    limit = text_limit([len(tree.comments[i].text) for i in shown])
    for i in shown:
        nodes[i] = _node(labelled, i, credits.get(i), depth[i], limit if i else TEXT_CHARS, words, veil)
        if i:
            parent = parents[i]
            seats[i] = parent if depth[i] <= MAX_NESTING else seats[parent]
            nodes[seats[i]].children.append(nodes[i])
    for i in range(1, len(tree)):
        if i not in nodes and not tree.stand_in[i]:
            j = parents[i]
            while j not in nodes:
                j = parents[j]
            nodes[j].hidden += 1
    for i in reversed(nodes):
        if i:
            nodes[seats[i]].below += nodes[i].below + 1
            nodes[seats[i]].earned += nodes[i].earned
    nodes[0].children.sort(key=lambda node: -node.earned)
    return nodes[0]


def _node(
    labelled: LabelledTree, i: int, credit: float | None, depth: int, limit: int, words: Words, veil: Veil
) -> Node:
    comment, p = labelled.tree.comments[i], labelled.probabilities[i]
    owner, known = by_owner(labelled.tree, i) and i > 0, not np.isnan(p[0])
    text, note = _text(labelled, i, limit, words, veil)
    best, act = int(np.nan_to_num(p).argmax()), int(labelled.acts[i])
    return Node(
        code="o" if owner else CODES[best] if known else "x",
        who=veil.name(comment.author, comment.author_name) or words("threads.anonymous"),
        owner=owner,
        when=words.date(comment.created) if comment.created else "",
        likes=words.count("like", comment.likes) if comment.likes else "",
        text=text,
        note=note,
        label=words(f"label.{LABELS[best]}") if known else "" if i == 0 else _unlabelled(labelled, i, words),
        probability=f"{p[best]:.2f}" if known else "",
        act=words(f"act.{ACTS[act]}") if known and act >= 0 else "",
        credit="" if credit is None or owner else words("threads.credit", value=f"{credit:.2f}"),
        deep=words("threads.deeper", n=str(depth)) if depth > MAX_NESTING else "",
        earned=0.0 if credit is None or owner else credit,
    )


def _text(labelled: LabelledTree, i: int, limit: int, words: Words, veil: Veil) -> tuple[str | None, str]:
    comment = labelled.tree.comments[i]
    if labelled.tree.stand_in[i]:
        return None, words("threads.missing" if i else "threads.missing_post")
    if comment.deleted:
        return None, words("threads.deleted")
    if veil.no_text:
        return None, words("threads.no_text")
    text = veil.text(comment.text, limit)
    return (text, "") if text else (None, words("threads.empty_post" if i == 0 else "language.none"))


def _unlabelled(labelled: LabelledTree, i: int, words: Words) -> str:
    if labelled.tree.stand_in[i]:
        return ""
    return words("threads.out_of_domain", why=words.language(labelled.languages[i]))
