"""Weibo: web and open APIs, three crawlers, two research data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.readers.records import BadRecordError, Layout, Page, has, make
from nlp_engage.readers.styles import Style

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Format, Source
    from nlp_engage.types import Comment

_STATUS: Final = Layout(
    id="idstr|mid|id", thread="idstr|mid|id", author="user.idstr|user.id", name="user.screen_name",
    text="text_raw|longText.content|text", created="created_at", likes="attitudes_count", replies="comments_count",
    html=True,
)  # fmt: skip


def _post(record: dict[str, Any], page: Page) -> Iterator[Comment]:
    """The open API repeats the whole post with every comment: tell it once."""
    if has(record, "status.text status.user"):
        post = make(record["status"], _STATUS, page, platform="weibo")
        told: set[str] = page.state.setdefault("told", set())
        if post.id not in told:
            told.add(post.id)
            yield post


def _root(page: Page) -> Iterator[Comment]:
    """Replies to one comment come with that comment beside them."""
    root = page.value.get("rootComment")
    page.extra += root if isinstance(root, list) else [root] if root else []
    yield from ()


_GONE: Final = frozenset({"该评论已被删除", "该评论已删除", "此评论已被删除", "抱歉，该评论已被删除"})


def _gone(comment: Comment, record: dict[str, Any], page: Page) -> Comment:
    text = comment.text.strip().rstrip("。.")
    return msgspec.structs.replace(comment, deleted=True, text="") if text in _GONE else comment


def _is_comment(record: Any) -> bool:
    return (
        isinstance(record.get("user"), dict)
        and isinstance(record.get("created_at"), str)
        and "comments_count" not in record
    )


COMMENTS: Final = Style(
    name="weibo",
    title="Weibo comment APIs (hotflow, buildComments, comments/show)",
    platform="weibo",
    keys=("rootid user text created_at", "floor_number user text created_at", "like_counts user text created_at",
          "user.screen_name text created_at status", "user.screen_name text created_at like_count total_number"),
    check=_is_comment,
    lists=("data.data", "data", "comments", ""),
    layout=Layout(
        id="idstr|id|mid", thread="status.idstr|status.mid|status.id", parent="reply_comment.idstr|reply_comment.id",
        floor="rootidstr|rootid", two_level=True, author="user.idstr|user.id", name="user.screen_name",
        text="text_raw|text", created="created_at", likes="like_count|like_counts", replies="total_number",
        below=("comments",), html=True, zone=8,
    ),
    opening=_root,
    beside=_post,
    finish=_gone,
    once=True,
)  # fmt: skip

STATUSES: Final = Style(
    name="weibo-posts",
    title="Weibo posts (statuses)",
    platform="weibo",
    keys=("mid user.screen_name text comments_count", "idstr user.screen_name text comments_count"),
    lists=("statuses", "data.list", "data.statuses", ""),
    layout=_STATUS,
    first=lambda source: True,
)  # fmt: skip

CRAWLER: Final = Style(
    name="weibo-crawler",
    title="weibo-crawler (comments)",
    platform="weibo",
    keys=("id weibo_id created_at user_screen_name text",),
    table=True,
    layout=Layout(
        id="id", thread="weibo_id", parent="root_id", floor="root_id", author="user_id|user_screen_name",
        name="user_screen_name", text="text", created="created_at", likes="like_count", html=True, zone=8,
    ),
)  # fmt: skip
CRAWLER_POSTS: Final = Style(
    name="weibo-crawler-posts",
    title="weibo-crawler (posts)",
    platform="weibo",
    keys=("id bid 正文 评论数", "id bid user_id screen_name text comments_count"),
    table=True,
    layout=Layout(
        id="id", thread="id", author="user_id|用户id|screen_name|用户昵称", name="screen_name|用户昵称",
        text="正文|text", created="完整日期|发布时间|日期|full_created_at|created_at",
        likes="点赞数|attitudes_count", replies="评论数|comments_count", html=True, zone=8,
    ),
    first=lambda source: True,
)  # fmt: skip

SPIDER: Final = Style(
    name="weibospider",
    title="WeiboSpider (comments)",
    platform="weibo",
    keys=("_id comment_user content", "_id content like_counts crawl_time"),
    layout=Layout(
        id="_id", thread="tweet_id|weibo_id", parent="reply_comment._id", author="comment_user._id",
        name="comment_user.nick_name", text="content", created="created_at", likes="like_counts", zone=8,
    ),
)  # fmt: skip


def _stem(page: Page) -> str:
    """The Chinese Rumor Dataset keeps a post and its comments in two folders under one file name."""
    return page.source.label.rpartition("/")[2]


def _ced_record(record: dict[str, Any], page: Page) -> dict[str, Any]:
    thread = _stem(page)
    if "mid" in record:
        return {**record, "thread": thread}
    parts = [record.get("comments"), record.get("reposts")]
    total = sum(p for p in parts if isinstance(p, int)) if any(isinstance(p, int) for p in parts) else None
    return {**record, "mid": thread, "thread": thread, "total": total, "uid": None, "date": record.get("time")}


def _ced_posts(source: Source) -> bool:
    return "reposts" in (CED.sniff(source) or "")


CED: Final = Style(
    name="weibo-ced",
    title="Chinese Rumor Dataset (CED: posts, comments and reposts)",
    platform="weibo",
    keys=("mid uid parent kids text", "text user reposts comments time has_url"),
    layout=Layout(
        id="mid", thread="thread", parent="parent", author="uid", text="text", created="date", likes="likes",
        replies="total", zone=8,
    ),
    adapt=_ced_record,
    first=_ced_posts,
)  # fmt: skip

_CHECKED_POST: Final = Layout(
    id="id", thread="id", author="user_id", text="text", created="date", likes="like_num", replies="comment_num",
    zone=8,
)  # fmt: skip


def _checked_page(page: Page) -> Iterator[Comment]:
    if not has(page.value, "id text"):
        raise BadRecordError("a CHECKED file should hold one post with id and text")
    post = make(page.value, _CHECKED_POST, page, platform="weibo")
    page.thread, page.owner = post.id, post.author
    yield post


def _checked(record: dict[str, Any], page: Page) -> dict[str, Any]:
    return {**record, "text": str(record.get("text") or "").lstrip(":：")}


CHECKED: Final = Style(
    name="weibo-checked",
    title="CHECKED (Weibo posts on COVID-19 with comments)",
    platform="weibo",
    keys=("id date user_id text",),
    check=lambda record: not {"rootid", "created_at", "comments"} & record.keys(),
    lists=("comments",),
    layout=Layout(id="id", author="user_id", text="text", created="date", zone=8),
    opening=_checked_page,
    adapt=_checked,
)  # fmt: skip

STYLES: Final = (SPIDER, CRAWLER, CRAWLER_POSTS, CED, CHECKED, STATUSES, COMMENTS)
FORMATS: Final[tuple[Format, ...]] = tuple(style.format() for style in STYLES)
