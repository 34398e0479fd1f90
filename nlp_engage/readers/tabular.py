"""CSV and TSV of unknown make: columns are guessed from their names, English or Chinese, or given by the user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.errors import ReadError
from nlp_engage.readers.base import Format
from nlp_engage.readers.canonical import FIELDS, LAYOUT
from nlp_engage.readers.inside import Table
from nlp_engage.readers.jsonio import documents
from nlp_engage.readers.markup import tidy
from nlp_engage.readers.records import BadRecordError, Page, excerpt, make
from nlp_engage.readers.tables import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nlp_engage.readers.base import Source
    from nlp_engage.types import Comment, ReadReport

NAMES: Final[dict[str, str]] = {
    "text": "text body content message comment comment_text comment_body comment_content comment_message review "
    "review_text reply reply_text tweet full_text textoriginal textdisplay "
    "评论内容 评论 内容 正文 文本 评论正文 回复内容 留言 留言内容 評論內容 評論 內容 留言內容 微博正文",
    "id": "id comment_id commentid cid reply_id tweet_id 评论id 评论编号 编号 回复id 評論id 編號",
    "thread_id": "thread_id thread post_id postid video_id videoid note_id status_id article_id topic_id "
    "conversation_id submission_id link_id media_id post_url "
    "帖子id 文章id 视频id 笔记id 微博id 主题id 作品id 动态id 帖子编号 文章编号 貼文id "
    "帖子链接 视频链接 笔记链接 作品链接",
    "parent_id": "parent_id parentid parent reply_to reply_to_id replyto in_reply_to in_reply_to_id in_response_to "
    "parent_comment_id parent_comment 父评论id 父id 上级评论id 回复的评论id 被回复id 父評論id",
    "root_id": "root_id rootid root root_comment_id top_level_id 根评论id 一级评论id",
    "author": "author_id authorid user_id userid uid from_id channel_id author user username user_name screen_name "
    "commenter from 用户id 作者id 用户编号 用户 作者 評論者id 用戶id 用户名",
    "author_name": "author_name authorname nickname nick_name display_name name author_display_name "
    "authordisplayname user_nickname screen_name username user_name "
    "昵称 用户昵称 用户名 用户名称 评论者 评论人 作者昵称 暱稱 名稱 用戶名",
    "created": "created created_at createdat created_utc create_time created_time timestamp time date datetime "
    "published published_at publishedat comment_published pub_date posted posted_at posted_on "
    "时间 发布时间 评论时间 创建时间 日期 发表时间 回复时间 時間 發布時間 評論時間",
    "likes": "likes like_count likecount score upvotes ups votes favorites favorite_count digg_count num_likes "
    "num_reactions heart_count 点赞 点赞数 赞 赞数 点赞量 获赞数 喜欢数 點讚數 讚",
    "n_replies": "n_replies reply_count replycount replies num_replies comment_count total_reply_count "
    "sub_comment_count 回复数 回复量 评论数 子评论数 回覆數",
    "is_owner": "is_owner is_author is_submitter author_is_uploader is_brand from_page "
    "是否作者 是否博主 是否楼主 作者回复",
    "deleted": "deleted is_deleted removed 是否删除 已删除",
    "lang": "lang language 语言 語言",
    "platform": "platform site 平台 来源平台",
}
"""Our field -> column names it goes by, surest first. Compared without case, spaces, ``_``, ``-`` and dots."""


def _fold(name: str) -> str:
    return re.sub(r"[\s_\-.:：（）()]+", "", name.casefold())


_KNOWN: Final = {field: [_fold(n) for n in names.split()] for field, names in NAMES.items()}


def guess(header: Sequence[str]) -> dict[str, str]:
    """Guess which column is which field; no column serves two fields.

    >>> guess(["评论ID", "用户昵称", "评论内容", "点赞数"])
    {'text': '评论内容', 'id': '评论ID', 'author_name': '用户昵称', 'likes': '点赞数'}
    """
    folded = {_fold(name): name for name in reversed(header)}
    found: dict[str, str] = {}
    for field, names in _KNOWN.items():
        column = next((folded[n] for n in names if n in folded and folded[n] not in found.values()), None)
        if column is not None:
            found[field] = column
    return found


def column_map(header: Sequence[str], source: Source) -> dict[str, str]:
    """The user's column map completed by guesses.

    Raises:
        ReadError: The map names a field or column that does not exist, or no column can hold the text.
    """
    given = dict(source.columns)
    for field, column in given.items():
        if field not in FIELDS:
            raise ReadError(f"--column {field}={column}: there is no field {field!r}; fields: {', '.join(FIELDS)}")
        if column not in header:
            raise ReadError(
                f"--column {field}={column}: {source.name} has no column {column!r}; columns: {', '.join(header)}"
            )
    found = {f: c for f, c in guess(header).items() if f not in given and c not in given.values()} | given
    if "text" not in found:
        raise ReadError(
            f"{source.name}: no column looks like the text of comments (columns: {', '.join(header)}). "
            "Name it with --column text=COLUMN, and others likewise."
        )
    return {f: found[f] for f in FIELDS if f in found}


def mapped(
    records: Iterable[tuple[int, dict[str, Any]]], columns: Mapping[str, str], source: Source, report: ReadReport
) -> Iterator[Comment]:
    """Make comments of rows. Without an id column rows are numbered; without a thread column, a file is a thread."""
    page = Page(source=source, value=None, thread=source.label, state={})
    for number, (place, row) in enumerate(records, 1):
        record = {field: row.get(column) for field, column in columns.items()}
        if "id" not in columns:
            record["id"] = f"{source.label}:{number}"
        if isinstance(record["text"], str):
            record["text"] = tidy(record["text"])
        platform = record.get("platform")
        try:
            yield make(record, LAYOUT, page, platform=str(platform).lower() if platform else None)
        except BadRecordError as error:
            report.reject(source.name, place, str(error), excerpt(row))


def _sniff(source: Source) -> str | None:
    if source.sample.kind != "table":
        return None
    if not source.columns:
        found = guess(source.sample.header)
        if "text" not in found or len(found) < 2:
            return None
    return "column map " + told(column_map(source.sample.header, source))


def told(columns: Mapping[str, str]) -> str:
    """A column map as the user would write it."""
    return ", ".join(f"{field}={column}" for field, column in columns.items())


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    header = source.sample.header
    if source.sample.kind != "table":
        raise ReadError(
            f"{source.name} is no table: it is {source.sample.seen}. Leave --format out to have it recognised."
        )
    yield from mapped(rows(source, report), column_map(header, source), source, report)


def _flat(record: Any) -> dict[str, Any]:
    """A record with the members of the objects in it beside its own: ``user.name``."""
    found: dict[str, Any] = {}
    for key, value in record.items() if isinstance(record, dict) else ():
        if isinstance(value, dict):
            found |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            found[key] = value
    return found


def _keys(source: Source) -> list[str]:
    """All keys of the sample's records; none if some hold records of their own: then they are no rows of a table."""
    rows = [_flat(doc) for doc in source.sample.docs]
    nested = any(isinstance(one, dict) for row in rows for v in row.values() if isinstance(v, list) for one in v)
    return [] if nested else list(dict.fromkeys(str(key) for row in rows for key in row))


def _sniff_records(source: Source) -> str | None:
    if source.sample.kind not in ("json", "lines"):
        return None
    keys = _keys(source)
    found = guess(keys)
    if source.columns and {*source.columns.values()} <= {*keys}:
        return "column map " + told(column_map(keys, source))
    known = {"id", "author", "author_name", "created", "parent_id", "thread_id"} & found.keys()
    enough = 1 if isinstance(source.path, Table) else 2  # rows of a table, like those of CSV; any JSON has ids
    return "column map " + told(column_map(keys, source)) if "text" in found and len(known) >= enough else None


def _read_records(source: Source, report: ReadReport) -> Iterator[Comment]:
    columns = column_map(_keys(source), source)
    records = ((document.place, _flat(document.value)) for document in documents(source, ("",), report))
    yield from mapped(records, columns, source, report)


RECORDS = Format(
    name="records", title="JSON objects with a column map (guessed, or given with --column)", sniff=_sniff_records,
    read=_read_records,
)  # fmt: skip
TABLE = Format(
    name="table", title="CSV or TSV with a column map (guessed, or given with --column)", sniff=_sniff, read=_read
)
