"""YouTube comments from download tools: yt-dlp, youtube-comment-downloader, YouTube Data Tools."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.readers.jsonio import HOLDER
from nlp_engage.readers.markup import plain
from nlp_engage.readers.records import BadRecordError, Layout, Page, join, make
from nlp_engage.readers.styles import Style
from nlp_engage.readers.values import MangledIdError, as_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Format, Source
    from nlp_engage.types import Comment

_POST: Final = Layout(
    id="id", thread="id", author="channel_id|uploader_id", name="uploader|channel", text="title+description",
    created="timestamp|release_timestamp|upload_date", likes="like_count", replies="comment_count",
)  # fmt: skip
_TICK: Final = timedelta(microseconds=1)


def _platform(page: Page) -> str:
    return _site(page.value if isinstance(page.value, dict) else {})


def _site(info: dict[str, Any]) -> str:
    """The platform a video is on, by the name of the extractor (``vimeo:album``)."""
    name = info.get("extractor_key") or info.get("extractor") or info.get("ie_key")
    return str(name).split(":")[0].lower() if name else "youtube"


def _opening(page: Page) -> Iterator[Comment]:
    """The video is the post; its channel owns the page. A playlist (``-J``) holds several, also without comments."""
    entries = page.value.get("entries")
    for video in [page.value] if not isinstance(entries, list) else entries:
        if not isinstance(video, dict) or isinstance(video.get("entries"), list):
            page.extra.append(video)  # gone before it was saved, or no video: booked
        elif post := _enter(video, page):
            yield post


def _enter(video: dict[str, Any], page: Page) -> Comment | None:
    """Begin the page of a video; returns its post, or ``None`` if it has no id."""
    try:
        own = as_id(video.get("id"))
    except MangledIdError:
        own = None
    if own is None:
        return None
    page.value, page.thread, page.owner, page.state["order"] = video, own, None, 0
    post = make(video, _POST, page, platform=_platform(page))
    page.owner = post.author
    return post


def _finish(comment: Comment, record: dict[str, Any], page: Page) -> Comment:
    """Floors of YouTube stand in the ids; its times are estimates ("11 days ago") that only the order refines."""
    changes: dict[str, Any] = {"platform": _platform(page)}
    if changes["platform"] == "youtube":
        name = comment.author_name or ""
        changes["author_name"] = name.removeprefix("@") or None
        if "." in comment.id:
            changes["root_id"] = comment.id.partition(".")[0]
        page.state["order"] = order = page.state.get("order", 0) + 1
        if comment.created is not None and order < 1_000_000:
            changes["created"] = comment.created + order * _TICK
    return msgspec.structs.replace(comment, **changes)


def _is_comment(record: Any) -> bool:
    return isinstance(record.get("parent"), str | int) and {"author", "author_id"} & record.keys() != set()


def _no_playlist(record: dict[str, Any], page: Page) -> dict[str, Any]:
    if isinstance(record.get("entries"), list):
        raise BadRecordError("a playlist within a playlist; save every playlist in a file of its own")
    return record


def _words(record: dict[str, Any], page: Page) -> dict[str, Any]:
    video = _no_playlist(record, page).get(HOLDER)  # its entry of a playlist
    if video is not None and video is not page.value and not _enter(video, page):
        raise BadRecordError("its entry of the playlist has no id before it; save every video in a file of its own")
    text = record.get("text")
    return record if isinstance(text, str) else {**record, "text": plain(str(record.get("html") or ""))}


def _is_video(value: Any) -> bool:
    """Whether a document is a video or a playlist, told by what comes before the comments."""
    if not isinstance(value, dict):
        return False
    entries = value.get("entries")
    if isinstance(entries, list):
        return any(isinstance(entry, dict) and "entries" not in entry and _is_video(entry) for entry in entries)
    return value.keys() >= {"id", "title", "formats"}


def _sniff(source: Source) -> str | None:
    """Comments, or a video with its formats: these are so long that the comments may lie beyond the sample."""
    if reason := YT_DLP.sniff(source):
        return reason
    json = source.sample.kind in ("json", "lines")
    return "keys id, title, formats" if json and any(map(_is_video, source.sample.docs)) else None


YT_DLP: Final = Style(
    name="yt-dlp",
    title="yt-dlp (.info.json with --write-comments)",
    platform="youtube",
    keys=("id parent text", "id parent html"),
    check=_is_comment,
    lists=("comments", "entries[].comments"),
    layout=Layout(
        id="id", parent="parent", author="author_id|author", name="author", text="text", created="timestamp",
        likes="like_count", owner="author_is_uploader",
    ),
    opening=_opening,
    adapt=_words,
    finish=_finish,
    alone=lambda value: isinstance(value, dict) and value.keys() >= {"id", "title"},
)  # fmt: skip


YT_DLP_BARE: Final = replace(
    YT_DLP,
    name="yt-dlp-comments",
    title="yt-dlp (the list of comments alone)",
    keys=("id parent text author_is_uploader", "id parent text _time_text", "id parent text author_thumbnail"),
    lists=("",),
    opening=None,
    alone=lambda value: False,
)


YT_DLP_VIDEOS: Final = Style(
    name="yt-dlp-videos",
    title="yt-dlp (.info.json of a video, or a playlist, without comments)",
    platform="youtube",
    keys=("id title extractor", "id title extractor_key", "id title ie_key"),
    check=lambda record: not record.get("comments") and not isinstance(record.get("entries"), list),
    lists=("entries", ""),
    layout=_POST,
    adapt=_no_playlist,
    finish=lambda comment, record, page: msgspec.structs.replace(comment, platform=_site(record)),
    first=lambda source: True,
)  # fmt: skip


def _handle(name: Any) -> str | None:
    return name.removeprefix("@") if isinstance(name, str) else None


def _downloaded(record: dict[str, Any], page: Page) -> dict[str, Any]:
    own = record.get("cid")
    if not isinstance(own, str):
        raise BadRecordError("no cid")
    floor = own.partition(".")[0]
    return {
        **record, "parent": None if floor == own else floor, "author": _handle(record.get("author")),
        "text": join([str(record.get("text") or "")]),
    }  # fmt: skip


COMMENT_DOWNLOADER: Final = Style(
    name="youtube-comment-downloader",
    title="youtube-comment-downloader (JSON lines)",
    platform="youtube",
    keys=("cid votes heart", "cid text channel author votes", "cid text time author"),
    lists=("comments", ""),
    layout=Layout(
        id="cid", parent="parent", floor="parent", author="channel|author", name="author", text="text",
        created="time_parsed", likes="votes", replies="replies",
    ),
    adapt=_downloaded,
)  # fmt: skip

DATA_TOOLS: Final = Style(
    name="youtube-data-tools",
    title="YouTube Data Tools (comments of a video, also through 4CAT)",
    platform="youtube",
    keys=("id isReplyTo authorName text publishedAt",),
    table=True,
    layout=Layout(
        id="id", parent="isReplyTo", floor="isReplyTo", author="authorChannelId|authorChannelUrl|authorName",
        name="authorName", text="text", created="publishedAt", likes="likeCount", replies="replyCount", html=True,
        newlines=True,
    ),
    adapt=lambda record, page: {**record, "authorName": _handle(record.get("authorName"))},
)  # fmt: skip

STYLES: Final = (YT_DLP, YT_DLP_BARE, YT_DLP_VIDEOS, COMMENT_DOWNLOADER, DATA_TOOLS)
FORMATS: Final[tuple[Format, ...]] = (
    replace(YT_DLP.format(), sniff=_sniff),
    *(style.format() for style in STYLES if style is not YT_DLP),
)
