"""MediaCrawler: seven Chinese platforms, posts and comments in separate files, two generations of columns.

Since July 2026 its files hold a hash instead of the user id and a masked nickname; both are read alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.readers.base import Format
from nlp_engage.readers.records import BadRecordError, Layout, Page, describe, excerpt, link, make
from nlp_engage.readers.styles import candidates, pages

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from nlp_engage.readers.base import Source
    from nlp_engage.types import Comment, ReadReport

_USER: Final = "user_id|creator_hash"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of file: which columns give it away, and where its fields are.

    Attributes:
        platform: The platform.
        all: Columns that have to be there.
        one: Columns of which at least one has to be there (none: no matter).
        layout: The fields.
        prefix: What the post id gets in front, where posts and comments are numbered alike.
    """

    platform: str
    all: str
    layout: Layout
    one: str = ""
    prefix: str = ""
    post: bool = False

    def fits(self, columns: Collection[str]) -> bool:
        """Whether these are the columns of this kind."""
        return all(c in columns for c in self.all.split()) and (
            not self.one or any(c in columns for c in self.one.split())
        )


def _comment(thread: str, **where: Any) -> Layout:
    fields: dict[str, Any] = {
        "id": "comment_id", "parent": "parent_comment_id", "author": _USER, "name": "nickname", "text": "content",
        "created": "create_time", "likes": "like_count", "replies": "sub_comment_count",
    }  # fmt: skip
    return Layout(thread=thread, **(fields | where))


def _post(own: str, **where: Any) -> Layout:
    fields: dict[str, Any] = {
        "id": own, "thread": own, "author": _USER, "name": "nickname", "text": "title+desc",
        "created": "create_time|time",
        "likes": "liked_count", "replies": "comment_count|comments_count|video_comment",
    }  # fmt: skip
    return Layout(**(fields | where))


_NICK: Final = "user_nickname|nickname"
_KINDS: Final[tuple[_Kind, ...]] = (
    _Kind(platform="weibo", all="comment_id content note_id", one="comment_like_count create_date_time",
          layout=_comment("note_id", floor="parent_comment_id", likes="comment_like_count")),
    _Kind(platform="tieba", all="comment_id content note_id", one="tieba_id tieba_name",
          layout=_comment("note_id", floor="parent_comment_id", author=f"{_USER}|user_link", name=_NICK,
                          created="publish_time", zone=8)),
    _Kind(platform="xiaohongshu", all="comment_id content note_id", layout=_comment("note_id")),
    _Kind(platform="douyin", all="comment_id content aweme_id",
          layout=_comment("aweme_id", floor="parent_comment_id")),
    _Kind(platform="zhihu", all="comment_id content content_id", one="content_type publish_time",
          layout=_comment("content_id", author=f"{_USER}|user_link", name=_NICK, created="publish_time", html=True)),
    _Kind(platform="bilibili", all="comment_id content video_id", one="parent_comment_id like_count sex sign",
          layout=_comment("video_id"), prefix="av"),
    _Kind(platform="kuaishou", all="comment_id content video_id", layout=_comment("video_id")),
    _Kind(platform="tieba", all="note_id title", one="tieba_id tieba_name", post=True,
          layout=_post("note_id", author=f"{_USER}|user_link", name=_NICK, created="publish_time",
                       replies="total_replay_num", zone=8)),
    _Kind(platform="weibo", all="note_id content", one="create_date_time comments_count shared_count", post=True,
          layout=_post("note_id", text="content", html=True)),
    _Kind(platform="xiaohongshu", all="note_id title desc", post=True,
          layout=_post("note_id", created="time|create_time")),
    _Kind(platform="douyin", all="aweme_id desc", post=True, layout=_post("aweme_id")),
    _Kind(platform="zhihu", all="content_id", one="content_text voteup_count", post=True,
          layout=_post("content_id", text="title+content_text|desc", created="created_time", likes="voteup_count",
                       author=f"{_USER}|user_link", name=_NICK)),
    _Kind(platform="bilibili", all="video_id title", one="video_play_count video_danmaku video_comment", post=True,
          layout=_post("video_id"), prefix="av"),
    _Kind(platform="kuaishou", all="video_id title", post=True, layout=_post("video_id")),
)  # fmt: skip
_CREATORS: Final = frozenset(
    {"fans", "follows", "interaction", "tag_list", "total_fans", "total_liked", "videos_count"}
)
_OURS: Final = "last_modify_ts"


def _kind(columns: Collection[str]) -> _Kind | None:
    return next((kind for kind in _KINDS if kind.fits(columns)), None)


def _sniff(source: Source) -> str | None:
    sample = source.sample
    if sample.kind == "table":
        return _reason({*sample.header})
    if sample.kind not in ("json", "lines"):
        return None
    records = (r for doc in sample.docs for r in candidates(doc, "") if isinstance(r, dict))
    return next((reason for r in records if (reason := _reason(r))), None)


def _reason(columns: Collection[str]) -> str | None:
    if _OURS not in columns:
        return None
    if kind := _kind(columns):
        what = "posts" if kind.post else "comments"
        return f"{kind.platform} {what} (columns {_OURS}, {', '.join(kind.all.split())})"
    return f"creators (columns {_OURS}, fans)" if _CREATORS & {*columns} else None


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    fixed = _kind(source.sample.header) if source.sample.kind == "table" else None
    for page, records in pages(source, ("",), report, "MediaCrawler"):
        for place, record in records:
            try:
                columns = record if isinstance(record, dict) else {}
                kind = fixed or _kind(columns)
                if kind is None:
                    if _CREATORS & columns.keys():
                        report.skip("MediaCrawler creator profiles")
                        continue
                    raise BadRecordError(
                        f"neither post nor comment of a platform MediaCrawler knows: {describe(record)}"
                    )
                yield _made(kind, record, page)
            except BadRecordError as error:
                report.reject(source.name, place, str(error), excerpt(record))


def _made(kind: _Kind, record: Mapping[str, Any], page: Page) -> Comment:
    if kind.prefix:
        number = link(record, kind.layout.thread, page)
        record = {**record, kind.layout.thread: f"{kind.prefix}{number}" if number else None}
    return make(record, kind.layout, page, platform=kind.platform)


def _holds_posts(source: Source) -> bool:
    return " posts " in (_sniff(source) or "")


MEDIACRAWLER = Format(
    name="mediacrawler", title="MediaCrawler (Xiaohongshu, Weibo, Bilibili, Douyin, Kuaishou, Tieba, Zhihu)",
    sniff=_sniff, read=_read, posts_own=True, holds_posts=_holds_posts,
)  # fmt: skip
