"""Whom a reply answers on platforms that show two levels: the name at the start of its text.

Weibo, Bilibili, Douyin, Xiaohongshu, Tieba, YouTube and Instagram file every reply under a *floor* (a
top-level comment). Where the archive tells nothing finer (``parent_id == root_id``), the text often does:
``回复 @name :`` or ``@handle``. The target is then the nearest earlier comment of that name on that floor.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nlp_engage.types import Comment

# How sure a link is. First estimates, to be calibrated by measurement where platforms state the target.
UNIQUE_NAME: Final = 0.97
"""The name belongs to exactly one earlier comment on the floor."""
FLOOR_ONLY: Final = 0.9
"""The platform names the floor and the text nobody: as far as one can tell, the floor comment is meant."""
NEAREST_OF_SEVERAL: Final = 0.8
"""Several earlier comments bear the name; the nearest is taken."""
UNRESOLVED: Final = 0.5
"""The text addresses somebody who has no earlier comment on the floor: the platform's link is kept."""

TimeKey = tuple[float, str]

_HEAD_CHARS: Final = 400
_NAME_CHARS: Final = 64
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe0e\ufe0f\ufeff]")
_ANSWER = re.compile(r"回[复覆]\s*")
_COLON = re.compile(r":")
_NAME_END = re.compile(r"[\s:,。、!?]|$")
_ADDRESSED = re.compile(r"@\S|回[复覆]\s*(?:@|[^\s:]{1,40}?\s*:)")


class Target(NamedTuple):
    """What the text of a flattened reply says about its parent.

    Attributes:
        node: Index of the comment that is answered, ``None`` where the platform's own link has to stand.
        confidence: How sure the resulting link is, in (0, 1].
    """

    node: int | None
    confidence: float


def time_key(comment: Comment) -> TimeKey:
    """Order of comments in time: seconds since 1970, then id; a missing time sorts last.

    >>> from nlp_engage.types import Comment
    >>> time_key(Comment(id="c", thread_id="p"))
    (inf, 'c')
    """
    return (inf if comment.created is None else comment.created.timestamp()), comment.id


def recover_targets(comments: Sequence[Comment]) -> dict[int, Target]:
    """Find the real targets of replies for which the platform only tells the floor.

    A reply is looked at if ``parent_id == root_id`` and that is neither itself nor the post. Names are
    compared without case, width, invisible characters and leading ``@``; since nicknames may hold spaces and
    colons, the longest known name of the floor wins. Of several handles the first that is known counts. The
    floor comment is earlier than anything on its floor, whatever its time.

    Args:
        comments: The comments of one thread, ids unique, in any order.

    Returns:
        Index of each flattened reply -> its target. Linear in the text plus one sort of the floors.

    >>> from nlp_engage.types import Comment
    >>> floor = dict(thread_id="p", parent_id="1", root_id="1")
    >>> recover_targets([
    ...     Comment(id="1", thread_id="p", parent_id="p", author="u1", author_name="小张", text="好看"),
    ...     Comment(id="2", **floor, author="u2", author_name="店", text="谢谢"),
    ...     Comment(id="3", **floor, author="u1", author_name="小张", text="回复 @店 :多少钱"),
    ... ])
    {1: Target(node=None, confidence=0.9), 2: Target(node=1, confidence=0.97)}
    """
    flattened = [i for i, c in enumerate(comments) if _is_flattened(c)]
    turns = _turns_by_name(comments, {comments[i].root_id for i in flattened})
    return {i: _target(comments[i], turns) for i in flattened}


def _is_flattened(comment: Comment) -> bool:
    root = comment.root_id
    return root is not None and root == comment.parent_id and root not in (comment.id, comment.thread_id)


_Turns = dict[tuple[str | None, str], list[tuple[TimeKey, int]]]


def _turns_by_name(comments: Sequence[Comment], floors: set[str | None]) -> _Turns:
    """The comments of each (floor, name), earliest first."""
    spoken: list[tuple[TimeKey, int, str | None]] = []
    for i, comment in enumerate(comments):
        if comment.id in floors:
            spoken.append(((-inf, ""), i, comment.id))
        if comment.root_id in floors and comment.root_id != comment.id:
            spoken.append((time_key(comment), i, comment.root_id))
    spoken.sort(key=lambda turn: turn[0])
    turns: _Turns = defaultdict(list)
    for key, i, floor in spoken:
        for name in {_name(comments[i].author_name), _name(comments[i].author)} - {""}:
            turns[floor, name].append((key, i))
    return turns


def _target(comment: Comment, turns: _Turns) -> Target:
    head, now = _fold(comment.text[:_HEAD_CHARS]).lstrip(), time_key(comment)
    for names in _addresses(head):
        for name in names:
            spoken = turns.get((comment.root_id, name), [])
            earlier = bisect_left(spoken, (now, -1))
            if earlier:
                return Target(spoken[earlier - 1][1], UNIQUE_NAME if earlier == 1 else NEAREST_OF_SEVERAL)
    return Target(None, UNRESOLVED if _ADDRESSED.match(head) else FLOOR_ONLY)


def _addresses(head: str) -> Iterator[list[str]]:
    """The addresses a text opens with, each as the names it may stand for, longest first."""
    if answer := _ANSWER.match(head):
        rest = head[answer.end() :]
        yield _beginnings(rest.lstrip("@ "), _NAME_END if rest.startswith("@") else _COLON)
        return  # what follows is the reply itself: a handle in there is somebody else
    while head.startswith("@"):
        rest = head.lstrip("@")
        yield _beginnings(rest, _NAME_END)
        head = "".join(rest.split(maxsplit=1)[1:])


def _beginnings(text: str, end: re.Pattern[str]) -> list[str]:
    return [text[: m.start()].rstrip() for m in end.finditer(text, 0, _NAME_CHARS + 1)][::-1]


def _name(name: str | None) -> str:
    return _fold(name or "").strip().lstrip("@").strip()


def _fold(text: str) -> str:
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()
