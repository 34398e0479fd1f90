"""Baidu Tieba: saved pages (HTML with JSON in attributes), the PC web API and the app API (aiotieba)."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.readers.base import Format, whole_page
from nlp_engage.readers.jsonio import decode
from nlp_engage.readers.markup import attributes, plain
from nlp_engage.readers.records import ODD, BadRecordError, Layout, Page, join, make
from nlp_engage.readers.styles import Style
from nlp_engage.readers.values import as_count, as_id, as_link, as_time
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

_DATA: Final = re.compile(r"data-field\s*=\s*(['\"])")
_TITLE: Final = re.compile(r"<title[^<>]*>([^<]*)</title>")
_HEADING: Final = re.compile(r"<h[13]\b([^<>]*core_title_txt[^<>]*)>")
_FORUM: Final = re.compile(r"(?:【[^】]*】)?_百度贴吧\s*$")
_THREAD: Final = re.compile(r"thread_id['\"]?\s*[:=]\s*['\"]?(\d+)|tieba\.baidu\.com/p/(\d+)|href=\"/p/(\d+)")
_TIME: Final = re.compile(r"(?:tail-info|lzl_time)\"[^<>]*>\s*(\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d\d)")


def _sniff(source: Source) -> str | None:
    sample = source.sample
    if sample.kind not in ("html", "xml"):
        return None
    if "data-field" in sample.text and ("post_id" in sample.text or "spid" in sample.text):
        return "data-field with post_id or spid"
    return "title of a Tieba page" if "百度贴吧" in sample.text or "tieba.baidu.com" in sample.text else None


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    """A record begins where a data-field holds a post or sub-post, and goes on to the next one."""
    page = whole_page(source, report)
    if page is None:
        return
    starts = list(_starts(page))
    named = _THREAD.search(page)
    thread = next((t for t in named.groups() if t), "") if named else source.label
    state = _Thread(thread or source.label, _title(page))
    for number, (_, begin, data) in enumerate(starts, 1):
        rest = page[begin : starts[number][0] if number < len(starts) else len(page)]
        try:
            field = decode(data.encode())
            yield state.sub_post(field, rest) if "spid" in field else state.post(field, rest)
        except ODD as error:
            report.reject(source.name, number, f"no Tieba post: {error}", data[:200])


def _starts(page: str) -> Iterator[tuple[int, int, str]]:
    """Where the data-field of a post begins and ends, and what it holds."""
    at, mark = 0, _DATA.search(page)
    while mark:
        end = page.find(mark[1], mark.end())
        if end < 0:
            return
        data = unescape(page[mark.end() : end])
        if '"spid"' in data or ('"post_id"' in data and '"content"' in data):
            yield mark.start(), end + 1, data
        at = end + 1
        mark = _DATA.search(page, at)


def _title(page: str) -> str:
    if heading := _HEADING.search(page):
        title = attributes(heading[1]).get("title", "")
        if title:
            return title
    found = _TITLE.search(page)
    return _FORUM.sub("", unescape(found[1])).strip() if found else ""


class _Thread:
    """A page: its thread, and the floor that sub-posts stand on."""

    def __init__(self, thread: str, title: str) -> None:
        self.thread, self.title, self.floor = thread, title, ""

    def post(self, field: dict[str, Any], rest: str) -> Comment:
        """A floor; the first one is the post itself."""
        content, writer = field["content"], field.get("author") or {}
        self.thread = as_link(content.get("thread_id")) or self.thread
        own, first = as_id(content.get("post_id")), as_count(content.get("post_no")) == 1
        if own is None:
            raise BadRecordError("no post_id")
        self.floor = own
        text = plain(str(content.get("content") or _between(rest, f'id="post_content_{own}"', "</div>")))
        author, name = _author(writer)
        times = _TIME.findall(rest)
        return Comment(
            id=self.thread if first else own, thread_id=self.thread, parent_id=None if first else self.thread,
            author=author, author_name=name, text=join([self.title, text]) if first else text,
            created=as_time(times[-1] if times else content.get("date"), 8), platform="tieba",
            is_owner=first or "louzhubiaoshi" in rest,
            n_replies=None if first else as_count(content.get("comment_num")),
        )  # fmt: skip

    def sub_post(self, field: dict[str, Any], rest: str) -> Comment:
        """A reply below a floor."""
        own = as_id(field["spid"])
        if own is None:
            raise BadRecordError("no spid")
        author, name = _author(field)
        time = _TIME.search(rest)
        return Comment(
            id=own, thread_id=self.thread, parent_id=self.floor or self.thread, root_id=self.floor or None,
            author=author, author_name=name, created=as_time(time[1], 8) if time else None, platform="tieba",
            text=plain(_between(rest, 'class="lzl_content_main', 'class="lzl_content_reply')),
        )  # fmt: skip


def _author(writer: dict[str, Any]) -> tuple[str | None, str | None]:
    """Floors tell the user id, sub-posts do not: the portrait is what both have."""
    portrait = str(writer.get("portrait") or "").partition("?")[0]
    author = portrait or as_link(writer.get("user_id")) or writer.get("user_name") or None
    name = writer.get("showname") or writer.get("user_nickname") or writer.get("user_name") or None
    return author, name if name != author else None


def _between(text: str, begin: str, end: str) -> str:
    """What stands in the element that begins with a mark, up to another mark."""
    start = text.find(begin)
    start = text.find(">", start) + 1 if start >= 0 else 0
    stop = text.find(end, start) if start else -1
    return text[start : text.rfind("<", start, stop + 1) if stop > start else len(text)] if start else ""


HTML: Final = Format(name="tieba", title="Tieba pages (saved HTML)", sniff=_sniff, read=_read, posts_own=True)


def _fragments(content: Any) -> str:
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    return "".join(str(f.get("text") or f.get("c") or "") for f in content if isinstance(f, dict))


def _page(page: Page) -> Iterator[Comment]:
    """Authors stand in a list of their own, the first floor beside the others."""
    inner = page.value.get("data")
    value = inner if isinstance(inner, dict) and "post_list" in inner else page.value
    users = value.get("user_list") or ()
    names = {as_id(u.get("id")): u.get("name_show") or u.get("name") for u in users}
    page.state["names"] = names
    thread = value.get("thread") or {}
    page.thread = as_id(thread.get("id") or thread.get("tid")) or page.thread
    page.state["title"], page.state["total"] = thread.get("title"), thread.get("reply_num")
    first = value.get("first_floor")
    if isinstance(first, dict):
        post = _record({"author_id": (thread.get("author") or {}).get("id"), **first, "floor": 1}, page)
        yield make(post, _LAYOUT, page, platform="tieba")


def _record(record: dict[str, Any], page: Page) -> dict[str, Any]:
    writer = record.get("author")
    author = as_link(record.get("author_id")) or (as_link(writer.get("id")) if isinstance(writer, dict) else None)
    name = page.state.get("names", {}).get(author)
    if not name and isinstance(writer, dict):
        name = writer.get("name_show") or writer.get("name")
    fields = {
        **record, "words": _fragments(record.get("content")), "writer": author, "name": name,
        "replies": record.get("sub_post_number"),
    }  # fmt: skip
    agree = record.get("agree")
    fields["likes"] = agree.get("agree_num") if isinstance(agree, dict) else agree
    page.thread = as_link(record.get("tid")) or page.thread
    if as_count(record.get("floor")) == 1:
        heading = {"title": page.state.get("title"), "replies": page.state.get("total")}
        return fields | {"id": page.thread, "tid": page.thread} | heading
    return fields | {"tid": page.thread, "title": None}


_LAYOUT: Final = Layout(
    id="id", thread="tid", two_level=True, author="writer", name="name", text="title+words", created="time|create_time",
    likes="likes", replies="replies", below=("sub_post_list.sub_post_list", "sub_post_list"), zone=8,
)  # fmt: skip
API: Final = Style(
    name="tieba-api",
    title="Tieba web and app APIs (post_list)",
    platform="tieba",
    keys=("id author_id time content", "id author.id time content floor"),
    lists=("post_list", "data.post_list", ""),
    layout=_LAYOUT,
    opening=_page,
    adapt=_record,
    once=True,
)  # fmt: skip

STYLES: Final = (API,)
FORMATS: Final[tuple[Format, ...]] = (HTML, API.format())
