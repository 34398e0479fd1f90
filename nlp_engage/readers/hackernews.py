"""Hacker News: Algolia (nested items, search hits) and Firebase (one object an item)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.readers.records import Layout, Page, SkipRecord, make
from nlp_engage.readers.styles import Style
from nlp_engage.readers.values import as_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Format
    from nlp_engage.types import Comment

_KINDS: Final = frozenset({"story", "comment", "job", "poll", "pollopt"})


def _algolia(record: dict[str, Any], page: Page) -> dict[str, Any]:
    kind = record.get("type") or next((t for t in record.get("_tags") or () if t in _KINDS), "comment")
    if kind == "pollopt":
        raise SkipRecord("Hacker News poll options")
    own = record.get("id") or record.get("objectID")
    if kind != "comment":
        return {**record, "id": own, "story_id": own}
    gone = record.get("author") is None and not (record.get("text") or record.get("comment_text"))
    return {**record, "id": own, "gone": gone, "title": None, "story_text": None}


def _story(record: dict[str, Any], page: Page) -> Iterator[Comment]:
    """A comment that was found by a search names its story: often that is all there is of the post."""
    own, title = as_link(record.get("story_id")), record.get("story_title")
    listed: dict[str, Any] = page.source.memory.get("authors", {})  # stories of all files, from the look ahead
    told: set[str] = page.source.memory.setdefault("told", set())
    if own and isinstance(title, str) and title and own not in listed and own not in told:
        told.add(own)
        yield make({"id": own, "story_id": own, "title": title}, ALGOLIA.layout, page, platform=ALGOLIA.platform)


ALGOLIA: Final = Style(
    name="hn-algolia",
    title="Hacker News from Algolia (items, search)",
    platform="hackernews",
    keys=("created_at_i children type", "created_at_i children story_id", "objectID created_at_i _tags"),
    lists=("hits", ""),
    layout=Layout(
        id="id", thread="story_id", parent="parent_id", author="author", text="title+text|story_text|comment_text",
        created="created_at_i|created_at", likes="points", replies="num_comments", deleted="gone", below=("children",),
        html=True,
    ),
    beside=_story,
    adapt=_algolia,
    ahead=True,
)  # fmt: skip


def _is_item(record: Any) -> bool:
    return record.get("type") in _KINDS and isinstance(record.get("time"), int | str)


def _firebase(record: dict[str, Any], page: Page) -> dict[str, Any]:
    kind = record.get("type")
    if kind == "pollopt":
        raise SkipRecord("Hacker News poll options")
    replies = record.get("descendants") if kind != "comment" else len(record["kids"]) if record.get("kids") else None
    return {**record, "replies": replies, "gone": record.get("deleted") or record.get("dead")}


FIREBASE: Final = Style(
    name="hn-firebase",
    title="Hacker News items (Firebase API)",
    platform="hackernews",
    keys=("id type time",),
    check=_is_item,
    lists=("items", "{}", ""),
    layout=Layout(
        id="id", parent="parent", author="by", text="title+text", created="time", likes="score", replies="replies",
        deleted="gone", html=True,
    ),
    adapt=_firebase,
    chained=True,
)  # fmt: skip

BIGQUERY: Final = replace(
    FIREBASE,
    name="hn-bigquery",
    title="Hacker News table (BigQuery export)",
    keys=("id by parent type time text",),
    table=True,
    check=None,
)

FORMATS: Final[tuple[Format, ...]] = (ALGOLIA.format(), FIREBASE.format(), BIGQUERY.format())
