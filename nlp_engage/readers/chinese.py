"""Raw web APIs of Chinese platforms: Xiaohongshu, Douyin (and TikTok), Bilibili, Zhihu, NetEase Music, Douban."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.readers.records import Layout, Page, SkipRecord, has, make
from nlp_engage.readers.styles import Style
from nlp_engage.readers.values import as_id, as_link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Format
    from nlp_engage.types import Comment


def _xhs(record: dict[str, Any], page: Page) -> dict[str, Any]:
    tags = record.get("show_tags")
    return {**record, "owner": isinstance(tags, list) and "is_author" in tags}


XIAOHONGSHU: Final = Style(
    name="xiaohongshu",
    title="Xiaohongshu web API (comment/page)",
    platform="xiaohongshu",
    keys=(
        "user_info.user_id content sub_comment_count", "user_info.user_id content note_id target_comment",
        "user.id content likes sub_comments",
    ),
    lists=("data.comments", "comments", ""),
    layout=Layout(
        id="id", thread="note_id", parent="target_comment.id", two_level=True,
        author="user_info.user_id|user.id|user.userid",
        name="user_info.nickname|user.nickname", text="content", created="create_time|time", likes="like_count|likes",
        replies="sub_comment_count|sub_comments_total", owner="owner", below=("sub_comments",), zone=8,
    ),
    adapt=_xhs,
)  # fmt: skip


def _douyin(record: dict[str, Any], page: Page) -> dict[str, Any]:
    return {**record, "owner": record.get("label_text") == "作者" or record.get("label_type") == 1}


def _tiktok(comment: Comment, record: dict[str, Any], page: Page) -> Comment:
    if record.keys() & {"share_info", "comment_language", "author_pin", "allow_download_photo"}:
        return msgspec.structs.replace(comment, platform="tiktok", lang=record.get("comment_language") or None)
    return comment


DOUYIN: Final = Style(
    name="douyin",
    title="Douyin and TikTok web APIs (comment list)",
    platform="douyin",
    keys=("cid aweme_id digg_count", "cid aweme_id text create_time"),
    lists=("comments", "data.comments", ""),
    layout=Layout(
        id="cid", thread="aweme_id", parent="reply_to_reply_id|reply_id", floor="reply_id", two_level=True,
        author="user.uid|user.sec_uid|user.unique_id", name="user.nickname|user.unique_id", text="text",
        created="create_time", likes="digg_count", replies="reply_comment_total", owner="owner",
        below=("reply_comment",),
    ),
    adapt=_douyin,
    finish=_tiktok,
)  # fmt: skip


def _bilibili_page(page: Page) -> Iterator[Comment]:
    """The owner (UP) of the page, and the comments that stand outside its lists."""
    data = page.value.get("data") or {}
    upper = data.get("upper") or {}
    page.owner = as_link(upper.get("mid"))
    top = data.get("top") or {}
    for one in (upper.get("top"), top.get("upper") if isinstance(top, dict) else None, data.get("root"), top):
        if has(one, "rpid content.message"):
            page.extra.append(one)
    yield from ()


def _bilibili(record: dict[str, Any], page: Page) -> dict[str, Any]:
    kind, number = record.get("type", 1), as_id(record.get("oid_str") or record.get("oid"))
    thread = f"av{number}" if kind == 1 else f"t{kind}-{number}"
    return {**record, "thread": thread if number else None, "member": record.get("member") or {}}


BILIBILI: Final = Style(
    name="bilibili",
    title="Bilibili reply API (reply, reply/main, reply/reply)",
    platform="bilibili",
    keys=("rpid content.message",),
    lists=("data.top_replies", "data.replies", "data.hots", "replies", ""),
    layout=Layout(
        id="rpid_str|rpid", thread="thread", parent="parent_str|parent", floor="root_str|root", two_level=True,
        author="mid_str|mid|member.mid", name="member.uname", text="content.message", created="ctime", likes="like",
        replies="rcount", below=("replies",),
    ),
    opening=_bilibili_page,
    adapt=_bilibili,
    once=True,
)  # fmt: skip

_CONTENT: Final = re.compile(r"/(?:answers|articles|pins|zvideos|questions)/(\d+)/")
_MAX_THREADS: Final = 2_000_000


def _zhihu_page(page: Page) -> Iterator[Comment]:
    """What is commented on stands in the address of the next page only; replies to a comment do not name it."""
    paging = page.value.get("paging") or {}
    found = next((m for k in ("next", "previous") if (m := _CONTENT.search(str(paging.get(k) or "")))), None)
    page.state["content"] = found[1] if found else None
    yield from ()


def _zhihu(record: dict[str, Any], page: Page) -> dict[str, Any]:
    if record.get("type", "comment") != "comment":
        raise SkipRecord("Zhihu items that are no comments")
    threads: dict[str, str] = page.source.memory.setdefault("threads", {})
    content = page.state.get("content")
    floor = as_link(record.get("reply_root_comment_id"))
    own = as_id(record.get("id"))
    if content and own and len(threads) < _MAX_THREADS:
        threads[own] = content
    tags = record.get("author_tag") or ()
    owner = record.get("is_author") or any(t.get("type") == "content_author" for t in tags if isinstance(t, dict))
    return {**record, "thread": content or threads.get(floor or "") or threads.get(own or ""), "owner": owner}


def _has_content(source: Any) -> bool:
    return any(_CONTENT.search(str(doc.get("paging"))) for doc in source.sample.docs if isinstance(doc, dict))


ZHIHU: Final = Style(
    name="zhihu",
    title="Zhihu comment API (v5, v4)",
    platform="zhihu",
    keys=("content author reply_comment_id", "content author child_comment_count", "content author.member vote_count",
          "content reply_comment_id reply_root_comment_id", "content reply_comment_id child_comment_count"),
    lists=("data", ""),
    layout=Layout(
        id="id", thread="thread", parent="reply_comment_id", floor="reply_root_comment_id", two_level=True,
        author="author.id|author.member.id|author.url_token", name="author.name|author.member.name", text="content",
        created="created_time", likes="like_count|vote_count", replies="child_comment_count", owner="owner",
        deleted="is_delete", below=("child_comments",), html=True,
    ),
    opening=_zhihu_page,
    adapt=_zhihu,
    first=_has_content,
)  # fmt: skip


def _netease_page(page: Page) -> Iterator[Comment]:
    data = page.value.get("data")
    thread = page.value.get("threadId") or (data.get("threadId") if isinstance(data, dict) else None)
    page.thread = as_link(thread) or page.thread
    floor = data.get("ownerComment") if isinstance(data, dict) else None  # replies to one comment come with it
    if has(floor, "commentId content"):
        page.extra.append(floor)
    yield from ()


def _netease(record: dict[str, Any], page: Page) -> dict[str, Any]:
    """A reply says so by what it quotes, also where its parent id is 0."""
    quoted = record.get("beReplied") or ()
    first = quoted[0] if isinstance(quoted, list) and quoted and isinstance(quoted[0], dict) else {}
    return {**record, "above": as_link(first.get("beRepliedCommentId")) or record.get("parentCommentId")}


NETEASE: Final = Style(
    name="netease",
    title="NetEase Cloud Music comments",
    platform="netease",
    keys=("commentId beReplied", "commentId content user.userId"),
    lists=("topComments", "hotComments", "comments", "data.topComments", "data.hotComments", "data.comments", ""),
    layout=Layout(
        id="commentId", thread="threadId", parent="above", author="user.userId", name="user.nickname",
        text="content", created="time", likes="likedCount", replies="showFloorComment.replyCount|replyCount",
    ),
    opening=_netease_page,
    adapt=_netease,
    once=True,
)  # fmt: skip


def _douban_post(page: Page) -> Iterator[Comment]:
    topic = page.value.get("topic")
    if has(topic, "id title"):
        page.thread = as_id(topic["id"]) or page.thread
        yield make(topic, _DOUBAN_POST, page, platform="douban")


_DOUBAN_POST: Final = Layout(
    id="id", thread="id", author="author.id", name="author.name", text="title+content", created="create_time",
    likes="like_count", replies="comments_count", html=True, zone=8,
)  # fmt: skip
DOUBAN: Final = Style(
    name="douban",
    title="Douban group topics (mobile API)",
    platform="douban",
    keys=("id text author.name create_time vote_count", "id text author.name create_time ref_comment"),
    lists=("popular_comments", "comments", ""),
    layout=Layout(
        id="id", parent="ref_comment.id|parent_cid", floor="parent_cid", author="author.id", name="author.name",
        text="text", created="create_time", likes="vote_count", replies="total_replies", deleted="is_deleted",
        below=("replies",), zone=8,
    ),
    opening=_douban_post,
    once=True,
)  # fmt: skip

STYLES: Final = (XIAOHONGSHU, DOUYIN, BILIBILI, ZHIHU, NETEASE, DOUBAN)
FORMATS: Final[tuple[Format, ...]] = tuple(style.format() for style in STYLES)
