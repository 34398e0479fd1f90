"""Facebook and Instagram: Graph API pages of comments (and posts), and a scraper's tables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.readers.records import BadRecordError, Layout, Page
from nlp_engage.readers.styles import Style

if TYPE_CHECKING:
    from nlp_engage.readers.base import Format

_IDS: Final = re.compile(
    r"(?:[?&](reply_comment_id|comment_id|story_fbid|fbid|v)=|/(?:posts|videos|reel|photos)/(?:[^/?]+/)*?)(\w+)"
)
_PAGE: Final = re.compile(r"facebook\.com/(\d+)(?=/)|[?&]id=(\d+)")
_ASKED: Final = re.compile(r"graph\.\w+\.com/v[\d.]+/(\w+)/(comments|replies|media|posts|feed)\b")


def _asked(page: Page) -> tuple[str, str]:
    """The object whose comments a page holds, from the address of the next page: ``(id, edge)``."""
    paging = page.value.get("paging") if isinstance(page.value, dict) else None
    links = [str(paging.get(k) or "") for k in ("next", "previous")] if isinstance(paging, dict) else []
    found = next((m for link in links if (m := _ASKED.search(link))), None)
    return (found[1], found[2]) if found else ("", "")


def _list(record: dict[str, Any], name: str) -> list[Any]:
    inner = record.get(name)
    data = inner.get("data") if isinstance(inner, dict) else None
    return data if isinstance(data, list) else []


def _facebook(record: dict[str, Any], page: Page) -> dict[str, Any]:
    """Ids are ``<post>_<comment>``; where none was asked for, the permalink has them."""
    link = str(record.get("permalink_url") or "")
    where = {(m[1] or "post"): m[2] for m in _IDS.finditer(link)}
    own = record.get("id")
    comment = where.get("reply_comment_id") or where.get("comment_id")
    post = where.get("post") or where.get("story_fbid") or where.get("fbid") or where.get("v")
    owner = next((m[1] or m[2] for m in [_PAGE.search(link)] if m), None)
    if own is None and comment is None:
        raise BadRecordError("neither id nor permalink_url with comment_id: ask the API for one of them")
    if own is None:
        own = f"{post}_{comment}" if post else comment
    first, _, second = str(own).partition("_")
    writer = record.get("from")
    writer_id = str(writer.get("id")) if isinstance(writer, dict) else None
    if second and comment is None and _is_post(record, first, second, writer_id):
        page.state.setdefault("pages", {})[second] = first
        return {**record, "own": second, "thread": second, "owner": True}
    thread = (first if second else None) or post or _asked(page)[0].rpartition("_")[2]
    parent = record.get("parent")
    above = parent.get("id") if isinstance(parent, dict) else None
    if above is None and where.get("reply_comment_id") and where.get("comment_id"):
        above = f"{post}_{where['comment_id']}" if post else where["comment_id"]
    owner = owner or page.state.get("pages", {}).get(thread)
    return {**record, "own": own, "thread": thread, "above": above, "owner": bool(owner) and writer_id == owner}


def _is_post(record: dict[str, Any], first: str, second: str, writer: str | None) -> bool:
    """A post is ``<page>_<post>``: its comments begin with the second half, and the page wrote it."""
    below = [str(r.get("id") or "") for r in _list(record, "comments") if isinstance(r, dict)]
    if any(below):
        return any(own.startswith(f"{second}_") for own in below)
    return "shares" in record or "status_type" in record or "full_picture" in record or writer == first


FACEBOOK: Final = Style(
    name="facebook-graph",
    title="Facebook Graph API (comments of posts)",
    platform="facebook",
    keys=("message created_time", "from.id created_time comment_count"),
    lists=("data", "comments.data", "{}", ""),
    layout=Layout(
        id="own", thread="thread", parent="above", floor="above", two_level=True, author="from.id", name="from.name",
        text="message|story", created="created_time",
        likes="like_count|likes.summary.total_count|reactions.summary.total_count",
        replies="comment_count|comments.summary.total_count", owner="owner", below=("comments.data",),
    ),
    adapt=_facebook,
    once=True,
)  # fmt: skip


def _instagram(record: dict[str, Any], page: Page) -> dict[str, Any]:
    asked, edge = _asked(page)
    if "caption" in record or "media_type" in record or "comments_count" in record:
        return {
            **record,
            "thread": record.get("id"),
            "text": record.get("caption"),
            "replies_": record.get("comments_count"),
        }
    media = record.get("media")
    thread = media.get("id") if isinstance(media, dict) else asked if edge == "comments" else None
    parent = record.get("parent_id") or (asked if edge == "replies" else None)
    return {**record, "thread": thread, "above": parent}


def _is_instagram(record: Any) -> bool:
    stamp = record.get("timestamp")
    return (
        isinstance(stamp, str)
        and re.search(r"T[\d:.]+(?:\+0000|Z|\+00:00)$", stamp) is not None
        and "message" not in record
    )


INSTAGRAM: Final = Style(
    name="instagram-graph",
    title="Instagram Graph API (comments of media)",
    platform="instagram",
    keys=("id text timestamp", "id caption timestamp"),
    check=_is_instagram,
    lists=("data", "comments.data", "{}", ""),
    layout=Layout(
        id="id", thread="thread", parent="above", floor="above", two_level=True,
        author="username|from.username|user.id|from.id", name="username|from.username", text="text",
        created="timestamp", likes="like_count", replies="replies_", below=("replies.data", "comments.data"),
    ),
    adapt=_instagram,
)  # fmt: skip

SCRAPER: Final = Style(
    name="facebook-scraper",
    title="facebook-page-post-scraper (CSV of comments)",
    platform="facebook",
    keys=("comment_id status_id parent_id comment_message",),
    table=True,
    layout=Layout(
        id="comment_id", thread="status_id", parent="parent_id", floor="parent_id", author="comment_author",
        text="comment_message", created="comment_published", likes="num_reactions|comment_likes", zone=-5,
    ),
)  # fmt: skip
SCRAPER_POSTS: Final = Style(
    name="facebook-scraper-posts",
    title="facebook-page-post-scraper (CSV of posts)",
    platform="facebook",
    keys=("status_id status_message status_published",),
    table=True,
    layout=Layout(
        id="status_id", thread="status_id", author="status_author", text="status_message|link_name",
        created="status_published", likes="num_reactions|num_likes", replies="num_comments", zone=-5,
    ),
    first=lambda source: True,
)  # fmt: skip

STYLES: Final = (FACEBOOK, INSTAGRAM, SCRAPER, SCRAPER_POSTS)
FORMATS: Final[tuple[Format, ...]] = tuple(style.format() for style in STYLES)
