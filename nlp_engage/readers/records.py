"""From a record to a comment: a table of field names says where everything is.

A field is written as dotted paths with alternatives: ``"user.uid|user.id"`` is the first of the two that is
there. ``Layout`` is one row of such names; ``styles`` holds the formats that are made of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nlp_engage.readers.markup import plain
from nlp_engage.readers.values import MangledIdError, as_count, as_flag, as_id, as_link, as_time
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nlp_engage.readers.base import Source


class SkipRecord(Exception):  # noqa: N818  # no error: the record is no comment by the format's own rules
    """Raised by ``adapt`` for a record that is no comment; the message is the reason."""


class BadRecordError(ValueError):
    """A record that should be a comment and cannot be one; the message says why."""


ODD = (TypeError, AttributeError, KeyError, IndexError, ValueError, ArithmeticError)
"""What the code of a format may meet in a record that has a field of an unexpected form: the record is rejected."""


@lru_cache(maxsize=4096)
def getter(paths: str) -> Callable[[Mapping[str, Any]], Any]:
    """A function that fetches the first of some dotted paths that holds anything.

    >>> getter("user.uid|uid")({"user": None, "uid": 7}), getter("user.uid")({"user": {"uid": "u"}})
    (7, 'u')
    """
    ways = [tuple(way.split(".")) for way in paths.split("|") if way]
    if not ways:
        return lambda record: None
    if len(ways) == 1 and len(ways[0]) == 1:
        name = ways[0][0]
        return lambda record: record.get(name)

    def get(record: Mapping[str, Any]) -> Any:
        for way in ways:
            value: Any = record
            for name in way:
                value = value.get(name) if isinstance(value, dict) else None
            if value is not None and value != "":
                return value
        return None

    return get


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where the fields of a comment (or post) are in a record.

    Attributes:
        id: Its id; required.
        thread: The post it stands under; where absent, the page's thread (``Page.thread``).
        parent: What it answers, the truest field first.
        floor: The top-level comment, on platforms with two levels.
        two_level: Whether the record in whose list a reply stands is its floor.
        author: Stable id of the author.
        name: Display name; also the author where there is no id.
        text: Text; of several alternatives joined with ``+`` all that are there are used (title, body).
        created: Time of writing.
        likes: Likes or score.
        replies: The platform's reply counter.
        owner: Fields that are true for the owner of the page.
        deleted: Fields that are true for deleted comments.
        lang: Language tag.
        below: Lists of replies inside the record.
        html: Whether the text is HTML.
        newlines: Whether line breaks in that HTML count.
        zone: Hours east of UTC of times without zone.
        posts_own: Whether the author of a post owns the page.
    """

    id: str
    thread: str = ""
    parent: str = ""
    floor: str = ""
    two_level: bool = False
    author: str = ""
    name: str = ""
    text: str = ""
    created: str = ""
    likes: str = ""
    replies: str = ""
    owner: str = ""
    deleted: str = ""
    lang: str = ""
    below: tuple[str, ...] = ()
    html: bool = False
    newlines: bool = False
    zone: int = 0
    posts_own: bool = True


@dataclass(slots=True, kw_only=True)
class Page:
    """What is known of the surroundings of some records: the document they came in.

    Attributes:
        source: The file.
        value: The document (of a huge one everything but its records; of a table nothing).
        thread: Thread id of records that name none.
        owner: Author id of the page's owner, where the document states it.
        state: Room for a format's own memory within a file.
        extra: Records of the document that stand outside its lists.
    """

    source: Source
    value: Any
    thread: str
    owner: str | None = None
    state: dict[str, Any]
    extra: list[Any] = field(default_factory=list)


def make(
    record: Mapping[str, Any],
    layout: Layout,
    page: Page,
    *,
    platform: str | None,
    above: Comment | None = None,
    floor: str | None = None,
) -> Comment:
    """Make a comment of a record.

    Args:
        record: The record.
        layout: Where its fields are.
        page: Its surroundings.
        platform: The platform.
        above: The comment in whose list of replies it stands.
        floor: Id of the top-level comment above it.

    Raises:
        BadRecordError: It has no id, or a spreadsheet has destroyed it.
    """
    own, thread = _ids(record, layout, page, above)
    root = (link(record, layout.floor, page) if layout.floor else None) or (floor if layout.two_level else None)
    if root in (own, thread):
        root = None
    links = (link(record, way, page) for way in layout.parent.split("|") if way)
    target = next((one for one in links if one and one not in (own, thread)), None)
    is_post = own == thread
    author, name = author_of(record, layout, page)
    return Comment(
        id=own,
        thread_id=thread,
        parent_id=None if is_post else target or root or (above.id if above else thread),
        author=author,
        text=text_of(record, layout),
        created=_time(record, layout, page),
        likes=as_count(getter(layout.likes)(record)),
        is_owner=(is_post and layout.posts_own)
        or any(as_flag(getter(w)(record)) for w in layout.owner.split("|") if w)
        or (author is not None and author == page.owner),
        lang=_text(getter(layout.lang)(record)),
        platform=platform,
        author_name=name,
        root_id=None if is_post else root,
        n_replies=as_count(getter(layout.replies)(record)),
        deleted=any(as_flag(getter(w)(record)) for w in layout.deleted.split("|") if w),
    )


def _ids(record: Mapping[str, Any], layout: Layout, page: Page, above: Comment | None) -> tuple[str, str]:
    try:
        own, thread = as_id(getter(layout.id)(record)), as_link(getter(layout.thread)(record))
    except MangledIdError as error:
        raise BadRecordError(
            f"the id {error} is rounded: a spreadsheet has taken it for a number and its last digits are lost; "
            "export again and keep ids as text"
        ) from None
    if own is None:
        raise BadRecordError(f"no id (looked for {layout.id.replace('|', ', ')})")
    return own, thread or (above.thread_id if above else page.thread or page.source.label)


def link(record: Mapping[str, Any], paths: str, page: Page) -> str | None:
    """The first of some fields that points at something; rounded ids are noted and left out."""
    for way in paths.split("|"):
        try:
            if found := as_link(getter(way)(record)):
                return found
        except MangledIdError:
            page.source.notes["parent ids that a spreadsheet has rounded (their last digits are lost)"] += 1
    return None


def author_of(record: Mapping[str, Any], layout: Layout, page: Page) -> tuple[str | None, str | None]:
    """The author's id (without one, the name) and display name (where it is another)."""
    author = _soft_id(record, layout.author, page)
    name = _text(getter(layout.name)(record))
    author = author or name
    return author, name if name != author else None


def _soft_id(record: Mapping[str, Any], paths: str, page: Page) -> str | None:
    try:
        return as_link(getter(paths)(record))
    except MangledIdError as error:
        page.source.notes["author ids that a spreadsheet has rounded (their last digits are lost)"] += 1
        return str(error)


def _time(record: Mapping[str, Any], layout: Layout, page: Page) -> Any:
    value = getter(layout.created)(record)
    moment = as_time(value, layout.zone)
    if moment is None and value not in (None, "", 0):
        page.source.notes["times that could not be read"] += 1
    return moment


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, dict | list | bool):
        return None
    return str(value).strip() or None


def text_of(record: Mapping[str, Any], layout: Layout) -> str:
    """The text of a record as plain text; parts joined with ``+`` in the layout stand in paragraphs."""
    parts: list[str] = []
    for way in layout.text.split("+"):
        value = getter(way)(record)
        text = (
            value if isinstance(value, str) else "" if value is None or isinstance(value, dict | list) else str(value)
        )
        text = plain(text, quotes=False, newlines=layout.newlines) if layout.html else text
        if text and text not in parts:
            parts.append(text)
    return "\n\n".join(parts)


def has(record: Any, keys: str) -> bool:
    """Whether a record has all of some dotted keys.

    >>> has({"user": {"id": 1}, "text": None}, "user.id text"), has({"user": None}, "user.id")
    (True, False)
    """
    for path in keys.split():
        value = record
        for name in path.split("."):
            if not isinstance(value, dict) or name not in value:
                return False
            value = value[name]
    return True


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def describe(value: Any) -> str:
    """A value in a few words, for messages.

    >>> describe({"code": -404, "message": "x"}), describe([1])
    ('an object with the keys code, message', 'an array')
    """
    if isinstance(value, dict):
        return (
            "an object with the keys " + ", ".join(str(k)[:40] for k in list(value)[:8]) if value else "an empty object"
        )
    return "an array" if isinstance(value, list) else f"{type(value).__name__} {str(value)[:40]!r}"


def excerpt(record: Any) -> str:
    """The beginning of a record, without walking through all of it."""
    if not isinstance(record, dict):
        return str(record)[:200] if not isinstance(record, list) else "[...]"
    parts = (f"{k}: {str(v)[:60] if not isinstance(v, dict | list) else '...'}" for k, v in list(record.items())[:6])
    return ", ".join(parts)


def join(parts: Sequence[str | None]) -> str:
    """Paragraphs of those parts that are there.

    >>> join(["Title", None, ""])
    'Title'
    """
    return "\n\n".join(p for p in parts if p)
