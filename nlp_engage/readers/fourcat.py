"""4CAT and Zeeschuimer: tables in 4CAT's columns, and envelopes around the objects of a platform."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.readers import chinese, fediverse, meta, twitter, weibo
from nlp_engage.readers.base import Format
from nlp_engage.readers.records import Layout, Page, describe, excerpt, has
from nlp_engage.readers.styles import Style, candidates, pages
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

_QUOTE: Final = re.compile(r"(?:^|\n)\s*>>(\d+)")
_PLATFORMS: Final = {"douban": "is_topic_elite", "telegram": "chat", "4chan": "board", "vk": "in_reply_to_comment_id"}
INSIDE: Final = (*twitter.STYLES, *chinese.STYLES, *meta.STYLES, *weibo.STYLES, *fediverse.STYLES)
"""What an envelope may hold: the formats that read a single object of a platform."""


def _row(record: dict[str, Any], page: Page) -> dict[str, Any]:
    """Find the parent: each data source says it in another column, 4chan only in the text."""
    own, thread = str(record.get("id") or ""), str(record.get("thread_id") or "")
    ways = ("reply_to", "in_reply_to", "in_reply_to_comment_id", "parent_id")
    above = next((found for way in ways if (found := record.get(way))), None)
    if above and "-" in own and "-" not in str(above):
        above = f"{own.rpartition('-')[0]}-{above}"  # Telegram: <chat>-<message>
    post = record.get("post_id")
    floor = None
    if post and thread not in ("", own) and thread != post:
        floor, thread = thread, str(post)  # TikTok: a reply names its floor as thread
    elif post and thread == own:
        thread = str(post)
    if not above and "board" in record and (quoted := _QUOTE.search(str(record.get("body") or ""))):
        above = quoted[1]
    shown = record.get("author") if record.get("author_id") else record.get("author_full") or record.get("author")
    return {**record, "thread": thread, "above": above or floor, "floor": floor, "shown": shown}


def _platform(comment: Comment, record: dict[str, Any], page: Page) -> Comment:
    header = page.source.sample.header
    name = next((p for p, column in _PLATFORMS.items() if column in header), None)
    return msgspec.structs.replace(comment, platform=name) if name else comment


TABLE: Final = Style(
    name="4cat",
    title="4CAT and Zeeschuimer tables (CSV)",
    platform="4cat",
    keys=("id thread_id body author timestamp", "id thread_id body author_id timestamp in_reply_to_comment_id"),
    table=True,
    check=lambda record: "__import_meta" not in record,
    layout=Layout(
        id="id", thread="thread", parent="above", floor="floor", author="author_id|author",
        name="shown|author_name", text="subject+body", created="unix_timestamp|timestamp",
        likes="likes|like_count|num_likes", replies="replies|reply_count|post_comments",
        owner="is_author|is_thread_owner", html=True, newlines=True, posts_own=False,
    ),
    adapt=_row,
    finish=_platform,
)  # fmt: skip


def _sniff(source: Source) -> str | None:
    if source.sample.kind not in ("json", "lines"):
        return None
    for doc in source.sample.docs:
        for record in candidates(doc, ""):
            if has(record, "source_platform data item_id"):
                return "keys source_platform, data, item_id"
    return None


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    """Open the envelope and read what is in it by the format of its platform."""
    for page, records in pages(source, ("",), report, "Zeeschuimer"):
        for place, envelope in records:
            inside = envelope.get("data") if isinstance(envelope, dict) else None
            style = style_of(inside)
            if style is None:
                what = f"platform {str(envelope.get('source_platform'))[:60]}, " if isinstance(envelope, dict) else ""
                reason = f"no comment of a supported platform: {what}{describe(inside)}"
                report.reject(source.name, place, reason, excerpt(envelope))
                continue
            for comment in style.comments(inside, page, report, place):
                tiktok = style is chinese.DOUYIN and "tiktok" in str(envelope.get("source_platform"))
                yield msgspec.structs.replace(comment, platform="tiktok") if tiktok else comment


def style_of(record: Any) -> Style | None:
    """The format of a single object of a platform.

    >>> style_of({"cid": "1", "aweme_id": "2", "digg_count": 0}).name
    'douyin'
    """
    return next((style for style in INSIDE if style.fits(record)), None)


ZEESCHUIMER: Final = Format(
    name="zeeschuimer", title="Zeeschuimer (ndjson envelopes)", sniff=_sniff, read=_read, posts_own=True
)
FORMATS: Final[tuple[Format, ...]] = (ZEESCHUIMER, TABLE.format())
