"""Trees and tables as text, for terminals."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from nlp_engage.types import LABELS, LinkMethod

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from nlp_engage.types import DialogueTree, LabelledTree

_MARKS = {LABELS[0]: "M", LABELS[1]: "D", LABELS[2]: "S"}
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_TOLD = frozenset(LinkMethod) - {LinkMethod.STATED, LinkMethod.REPAIRED, LinkMethod.FLOOR}
"""Methods that are told of a link: it was recovered, or (a stranger's) the platform's own is doubtful."""
_WIDTH = 96
"""Columns of a line; a Chinese character takes two."""


def draw(tree: DialogueTree, *, labels: LabelledTree | None = None, limit: int = 60) -> str:
    """Draw a tree, one line a comment, with its label where labels are given.

    Args:
        tree: The tree.
        labels: The same tree with labels.
        limit: Comments to draw; the rest is counted in a last line.

    Returns:
        Lines of at most 96 columns. Control characters of the archive's text are left out, so that it cannot
        steer a terminal.

    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment
    >>> print(draw(build_tree([
    ...     Comment(id="p", thread_id="p", author="shop", text="New cups!"),
    ...     Comment(id="a", thread_id="p", parent_id="p", author="ann", text="Do they leak?"),
    ... ])))
    p  shop: New cups!
    └─ ann: Do they leak?

    A link that was recovered says how, and how sure it is:

    >>> floor = dict(thread_id="p", parent_id="1", root_id="1")
    >>> print(draw(build_tree([
    ...     Comment(id="1", thread_id="p", parent_id="p", author="ann", text="Do they leak?"),
    ...     Comment(id="2", **floor, author="bob", text="Mine does not."),
    ...     Comment(id="3", **floor, author="ann", text="@bob Good to know."),
    ... ])))
    p  (post not in the archive)
    └─ ann: Do they leak?
       └─ bob: Mine does not.
          └─ ‹name 100%› ann: @bob Good to know.
    """
    children: list[list[int]] = [[] for _ in range(len(tree))]
    for i in range(1, len(tree)):
        children[int(tree.parents[i])].append(i)
    lines: list[str] = []
    stack: list[tuple[int, str, str]] = [(0, "", "")]
    while stack and len(lines) < limit + 1:
        i, first, rest = stack.pop()
        lines.append(_shorten(first + _node(tree, i, labels)))
        below = [(c, rest + "├─ ", rest + "│  ") for c in children[i]]
        if below:
            below[-1] = (children[i][-1], rest + "└─ ", rest + "   ")
        stack += reversed(below)
    if len(lines) < len(tree):
        lines.append(f"... and {len(tree) - len(lines)} more")
    return "\n".join(lines)


def _node(tree: DialogueTree, i: int, labels: LabelledTree | None) -> str:
    comment = tree.comments[i]
    name = plain(comment.id)
    if tree.stand_in[i]:
        return f"{name}  (post not in the archive)" if i == 0 else f"({name}: not in the archive)"
    mark = ""
    if labels is not None and i > 0:
        known = not np.isnan(labels.probabilities[i, 0])
        mark = f"[{_MARKS[LABELS[int(labels.probabilities[i].argmax())]] if known else '-'}] "
    if tree.link_method[i] in _TOLD:
        mark += f"‹{tree.link_method[i]} {tree.link_confidence[i]:.0%}› "
    who = plain(comment.author_name or comment.author or "?") + ("*" if comment.is_owner else "")
    text = "(deleted)" if comment.deleted else plain(comment.text) or "(no text)"
    return f"{name + '  ' if i == 0 else ''}{mark}{who}: {text}"


def in_columns(lines: Sequence[Sequence[str]], left: Container[int] = ()) -> str:
    """Cells in columns, each as wide as its widest cell on a screen, where a Chinese character is two wide.

    Args:
        lines: Rows of equally many cells.
        left: Columns that are set flush left; the others are set flush right.

    >>> print(in_columns([["中文", "1"], ["en", "23"]], left=(0,)))
    中文   1
    en    23
    """
    widths = [max(map(_columns, cells)) for cells in zip(*lines, strict=True)]
    rows = []
    for line in lines:
        spaces = [" " * (width - _columns(cell)) for cell, width in zip(line, widths, strict=True)]
        cells = [c + s if k in left else s + c for k, (c, s) in enumerate(zip(line, spaces, strict=True))]
        rows.append("  ".join(cells).rstrip())
    return "\n".join(rows)


def _columns(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def plain(text: str) -> str:
    """One line without characters that steer a terminal: controls, lone surrogates, changes of direction."""
    line = " ".join(text[: 4 * _WIDTH].split())
    return "".join(c for c in line if unicodedata.category(c) not in ("Cc", "Cs") and c not in _BIDI)


def _shorten(line: str) -> str:
    columns = 0
    for place, character in enumerate(line):
        columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if columns > _WIDTH:
            return line[: place - 1] + "…"
    return line
