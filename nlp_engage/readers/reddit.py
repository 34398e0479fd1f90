"""Reddit: API listings (saved ``.json`` pages) and the monthly dumps of comments and submissions."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.readers.base import Format
from nlp_engage.readers.markup import plain
from nlp_engage.readers.records import BadRecordError, SkipRecord, describe, excerpt, has, join
from nlp_engage.readers.styles import candidates, pages
from nlp_engage.readers.values import MangledIdError, as_count, as_id, as_time
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

_GONE: Final = frozenset(
    {"[deleted]", "[removed]", "[deleted by user]", "[removed by reddit]", "[ removed by reddit ]"}
)
_OFFICIAL: Final = ("moderator", "admin", "special")
_LISTS: Final = ("data.children", "json.data.things", "data", "")
STUBS: Final = "Reddit 'more' stubs"
MISSING: Final = "replies behind Reddit 'more' stubs (not in the archive)"


def comment(data: dict[str, Any], kind: str = "") -> Comment:
    """A ``t1`` object as a comment, a ``t3`` object as a post.

    Raises:
        BadRecordError: It is neither, or has no id.
    """
    try:
        own = as_id(data.get("id")) or (as_id(data.get("name")) or "").removeprefix("t1_").removeprefix("t3_")
        link, parent = as_id(data.get("link_id")), as_id(data.get("parent_id"))
    except MangledIdError as error:
        raise BadRecordError(f"the id {error} is rounded (by a spreadsheet): its last digits are lost") from None
    if not own:
        raise BadRecordError("no id")
    if kind == "t3" or (not kind and "title" in data and "body" not in data):
        return _post(data, own)
    if link is None or ("body" not in data and "body_html" not in data):
        raise BadRecordError(f"no Reddit comment or post (link_id and body, or title): {describe(data)}")
    thread = link if link.startswith("t3_") else f"t3_{link}"
    if parent is not None and not parent.startswith(("t1_", "t3_")):
        parent = thread if f"t3_{parent}" == thread else f"t1_{parent}"
    text = _text(data.get("body")) if "body" in data else plain(_text(data.get("body_html")))
    gone = text.strip().lower() in _GONE
    return Comment(
        id=f"t1_{own}",
        thread_id=thread,
        parent_id=parent or thread,
        author=_author(data),
        text="" if gone else text,
        created=_time(data),
        likes=as_count(data["score"] if data.get("score") is not None else data.get("ups")),
        is_owner=data.get("is_submitter") is True or _is_poster(data) or _speaks_officially(data),
        platform="reddit",
        deleted=gone,
    )


def _is_poster(data: dict[str, Any]) -> bool:
    """Listings of a user's comments name the author of the post."""
    return _author(data) is not None and data.get("link_author") == data.get("author")


def _speaks_officially(data: dict[str, Any]) -> bool:
    """Whether a moderator or admin speaks as such: in a brand's subreddit, that is the brand."""
    return data.get("distinguished") in _OFFICIAL and data.get("author") != "AutoModerator"


def _post(data: dict[str, Any], own: str) -> Comment:
    body = _text(data.get("selftext"))
    title, gone = _text(data.get("title")), body.strip().lower() in _GONE
    return Comment(
        id=f"t3_{own}",
        thread_id=f"t3_{own}",
        author=_author(data),
        text=join([title, "" if gone else body]),
        created=_time(data),
        likes=as_count(data["score"] if data.get("score") is not None else data.get("ups")),
        is_owner=True,
        platform="reddit",
        n_replies=as_count(data.get("num_comments")),
        deleted=title.strip().lower() in _GONE,
    )


def _text(value: Any) -> str:
    return (unescape(value) if "&" in value else value) if isinstance(value, str) else ""


def _author(data: dict[str, Any]) -> str | None:
    name = data.get("author")
    return name if isinstance(name, str) and name and name != "[deleted]" else None


def _time(data: dict[str, Any]) -> Any:
    return as_time(data.get("created_utc"))  # never "created": that one is shifted by the server's zone


def _things(thing: Any, report: ReadReport) -> Iterator[Comment]:
    """Everything in a thing and below it, parents first, without recursion."""
    stack = [thing]
    while stack:
        one = stack.pop()
        if not isinstance(one, dict):
            raise BadRecordError(f"a Reddit thing should be an object, this is {describe(one)}")
        kind, data = one.get("kind"), one.get("data")
        if not isinstance(data, dict):  # the bare data of a comment or submission
            kind, data = one.get("kind", "") if one.get("kind") in ("t1", "t3", "more") else "", one
        if kind == "Listing":
            stack += reversed(_list(data.get("children")))
        elif kind == "more":
            report.skip(STUBS)
            report.skip(MISSING, _behind(data))
        elif kind in ("", "t1", "t3"):
            made, below = comment(data, str(kind)), _below(data)
            yield _counted(made, below) if below else made
            stack += reversed(below)
        else:
            raise SkipRecord(f"Reddit things of kind {kind}"[:60])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _below(data: dict[str, Any]) -> list[Any]:
    replies = data.get("replies")
    if isinstance(replies, dict) and isinstance(replies.get("data"), dict):
        return _list(replies["data"].get("children"))
    return _list(replies) or _list(data.get("children") if "body" in data else None)


def _behind(data: dict[str, Any]) -> int:
    """How many replies a stub stands for; "continue this thread" does not say and stands for at least one."""
    return max(1, as_count(data.get("count")) or 0, len(_list(data.get("children"))))


def _counted(made: Comment, below: list[Any]) -> Comment:
    """A comment with the number of its replies: those that are there and those behind stubs."""
    stubs = [t for t in below if isinstance(t, dict) and t.get("kind") == "more"]
    if not stubs or made.n_replies is not None:
        return made
    missing = sum(_behind(t["data"] if isinstance(t.get("data"), dict) else t) for t in stubs)
    import msgspec

    return msgspec.structs.replace(made, n_replies=len(below) - len(stubs) + missing)


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    for _, records in pages(source, _LISTS, report, "Reddit"):
        for place, record in records:
            try:
                yield from _things(record, report)
            except SkipRecord as reason:
                report.skip(str(reason))
            except BadRecordError as error:
                report.reject(source.name, place, str(error), excerpt(record))


def _sniff(source: Source) -> str | None:
    if source.sample.kind not in ("json", "lines"):
        return None
    for doc in source.sample.docs:
        for one in doc if isinstance(doc, list) else [doc]:
            if isinstance(one, dict) and one.get("kind") == "Listing":
                return "kind Listing"
            if has(one, "json.data.things"):
                return "json.data.things"
            if isinstance(one, dict) and one.get("kind") in ("t1", "t3") and isinstance(one.get("data"), dict):
                return f"kind {one['kind']}"
    return None


def _is_dump(record: Any) -> str | None:
    if has(record, "link_id parent_id body") and str(record["link_id"]).startswith("t3_"):
        return "keys link_id (t3_...), parent_id, body"
    if has(record, "title subreddit num_comments") and has(record, "author id") and not has(record, "body"):
        return "keys title, subreddit, num_comments (submissions)"
    return None


def _sniff_dump(source: Source) -> str | None:
    if source.sample.kind == "table":
        header = {*source.sample.header}
        return "columns link_id, parent_id, body" if {"id", "link_id", "parent_id", "body"} <= header else None
    if source.sample.kind not in ("json", "lines"):
        return None
    for doc in source.sample.docs:
        for path in _LISTS:
            for record in candidates(doc, path):
                inner = record["data"] if isinstance(record, dict) and isinstance(record.get("data"), dict) else record
                if reason := _is_dump(inner):
                    return reason
    return None


def _has_submissions(source: Source) -> bool:
    return "submissions" in (_sniff_dump(source) or "")


REDDIT = Format(
    name="reddit", title="Reddit API listings (saved .json pages)", sniff=_sniff, read=_read, posts_own=True
)
REDDIT_DUMP = Format(
    name="reddit-dump", title="Reddit dumps (Pushshift, Arctic Shift: RC_ and RS_ files)",
    sniff=_sniff_dump, read=_read, posts_own=True, holds_posts=_has_submissions,
)  # fmt: skip
