"""YouTube Data API v3: comment threads, lists of replies, and videos (as posts)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.readers.markup import plain
from nlp_engage.readers.records import BadRecordError, Layout, Page, SkipRecord
from nlp_engage.readers.styles import Style
from nlp_engage.readers.values import as_link

if TYPE_CHECKING:
    from nlp_engage.readers.base import Source
    from nlp_engage.types import Comment

_LAYOUT: Final = Layout(
    id="id", thread="snippet.videoId|video", parent="snippet.parentId", floor="snippet.parentId", two_level=True,
    author="snippet.authorChannelId.value|snippet.authorChannelUrl", name="snippet.authorDisplayName", text="text",
    created="snippet.publishedAt", likes="snippet.likeCount", replies="total", owner="owner", below=("replies",),
)  # fmt: skip
_MAX_REMEMBERED: Final = 2_000_000


def _adapt(record: dict[str, Any], page: Page) -> dict[str, Any]:
    """Make one flat record of a thread, a comment or a video."""
    kind = record.get("kind")
    snippet = record.get("snippet")
    if not isinstance(snippet, dict):
        raise BadRecordError("no snippet: ask the API for part=snippet")
    if kind == "youtube#video" or ("topLevelComment" not in snippet and "title" in snippet):
        return _video(record, snippet)
    if (
        not str(kind).startswith("youtube#comment")
        and not {"topLevelComment", "textDisplay", "textOriginal"} & snippet.keys()
    ):
        raise SkipRecord(f"YouTube objects of kind {kind}"[:60])
    top = snippet.get("topLevelComment")
    if isinstance(top, dict) and isinstance(top.get("snippet"), dict):
        replies = record.get("replies")
        below = replies.get("comments") if isinstance(replies, dict) else None
        comment = {"id": record.get("id"), **top, "total": snippet.get("totalReplyCount"), "replies": below}
        video, channel = snippet.get("videoId"), snippet.get("channelId")
        inner = top["snippet"]
    else:
        comment, video, channel, inner = dict(record), None, None, snippet
    comment["text"] = text(inner)
    comment["video"] = video or _remembered(inner, page)
    channel = channel or inner.get("channelId") or page.state.get("channel")
    page.state["channel"] = channel  # replies inside a thread do not repeat it
    writer = inner.get("authorChannelId")
    comment["owner"] = bool(channel) and isinstance(writer, dict) and writer.get("value") == channel
    return comment


def text(snippet: dict[str, Any]) -> str:
    """What was written: the original, else the displayed HTML."""
    original = snippet.get("textOriginal")
    return original if isinstance(original, str) else plain(str(snippet.get("textDisplay") or ""))


def _video(record: dict[str, Any], snippet: dict[str, Any]) -> dict[str, Any]:
    counts = record.get("statistics")
    counts = counts if isinstance(counts, dict) else {}
    return {
        "id": record.get("id"), "video": record.get("id"), "total": counts.get("commentCount"),
        "text": "\n\n".join(str(t) for t in (snippet.get("title"), snippet.get("description")) if t),
        "snippet": {
            "authorChannelId": {"value": snippet.get("channelId")}, "authorDisplayName": snippet.get("channelTitle"),
            "publishedAt": snippet.get("publishedAt"), "likeCount": counts.get("likeCount"),
        },
    }  # fmt: skip


def _remembered(snippet: dict[str, Any], page: Page) -> Any:
    """The video of the comment that is answered: ``comments.list`` does not repeat it."""
    videos: dict[str, str] = page.source.memory
    return videos.get(as_link(snippet.get("parentId")) or "")


def _finish(comment: Comment, record: dict[str, Any], page: Page) -> Comment:
    if comment.root_id is None and not comment.is_post and len(page.source.memory) < _MAX_REMEMBERED:
        page.source.memory[comment.id] = comment.thread_id
    name = (comment.author_name or "").removeprefix("@")
    return msgspec.structs.replace(comment, author_name=name) if name and name != comment.author_name else comment


def _first(source: Source) -> bool:
    reason = STYLE.sniff(source) or ""
    return "title" in reason or "topLevelComment" in reason


STYLE: Final = Style(
    name="youtube",
    title="YouTube Data API v3 (commentThreads, comments, videos)",
    platform="youtube",
    keys=(
        "kind snippet.topLevelComment", "snippet.topLevelComment.snippet", "kind snippet.textDisplay",
        "kind snippet.title snippet.channelId",
    ),
    lists=("items", ""),
    layout=_LAYOUT,
    adapt=_adapt,
    finish=_finish,
    first=_first,
)  # fmt: skip
YOUTUBE: Final = STYLE.format()
