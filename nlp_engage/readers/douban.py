"""Douban: saved pages of group topics. A reply quotes whom it answers: the quote tells which comment that is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nlp_engage.readers.base import Format, whole_page
from nlp_engage.readers.markup import element, plain
from nlp_engage.readers.records import join
from nlp_engage.readers.styles import AGAIN
from nlp_engage.readers.values import as_count, as_time
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

_RECORD: Final = re.compile(r"<li\b[^<>]*\bdata-cid\s*=\s*[\"']?(\w+)[^<>]*>")
_TOPIC: Final = re.compile(r"/group/topic/(\d+)")
_HEADING: Final = re.compile(r"<h1\b[^<>]*>([^<]*)")
_PEOPLE: Final = re.compile(r"/people/([^/\"'<>]+)")
_NAME: Final = re.compile(r"\balt\s*=\s*[\"']([^\"'<>]*)")
_TIME: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d\d(?::\d\d)?")
_DIGITS: Final = re.compile(r"\d[\d,]*")
_CUT: Final = re.compile(r"(?:\.{3}|…+)$")
_MAX_REMEMBERED: Final = 1_000_000
"""Authors, over all pages."""


def _sniff(source: Source) -> str | None:
    if source.sample.kind not in ("html", "xml"):
        return None
    text = source.sample.text
    if "data-cid" in text and "reply-content" in text:
        return "comments with data-cid and reply-content"
    return "topic-content of Douban" if "topic-content" in text and "douban.com" in text else None


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    """A comment begins with a ``<li data-cid=...>`` and goes on to the next one."""
    page = whole_page(source, report)
    if page is None:
        return
    starts = list(_RECORD.finditer(page))
    head = page[: starts[0].start()] if starts else page
    named = _TOPIC.search(page)
    topic = _Topic(thread=named[1] if named else source.label, said=source.memory.setdefault("said", {}))
    told: set[str] = source.memory.setdefault("told", set())
    if "topic-content" in head and topic.thread not in told:  # every page of a topic repeats it
        told.add(topic.thread)
        yield topic.post(head)
    records: dict[str, str] = {}
    for number, start in enumerate(starts, 1):
        end = starts[number].start() if number < len(starts) else len(page)
        if records.pop(start[1], None) is not None:  # popular comments stand above the others, and among them
            report.skip(AGAIN)
        records[start[1]] = page[start.end() : end]
    for own, html in records.items():
        yield topic.comment(own, html)


@dataclass(slots=True)
class _Topic:
    """A topic: what its authors have said so far, on this page and those before."""

    thread: str
    said: dict[tuple[str, str], list[tuple[str, str]]]

    def post(self, html: str) -> Comment:
        """The topic itself."""
        heading = _HEADING.search(html)
        content = html[html.find("topic-content") :]
        author, name = _author(content)
        text = plain(element(content, "topic-richtext")[1])
        created = element(content, "create-time")[1]
        return Comment(
            id=self.thread, thread_id=self.thread, author=author, author_name=name, platform="douban", is_owner=True,
            text=join([plain(heading[1]) if heading else "", text]), created=_time(created),
        )  # fmt: skip

    def comment(self, own: str, html: str) -> Comment:
        """A comment, with the one it quotes for its parent."""
        author, name = _author(html)
        text = plain(element(html, "reply-content")[1])
        votes = _DIGITS.search(plain(element(html, "comment-vote")[1]))
        parent = self._quoted(element(html, "reply-quote-content")[1])
        if author and len(self.said) < _MAX_REMEMBERED:
            self.said.setdefault((self.thread, author), []).append((own, _squeezed(text)))
        return Comment(
            id=own, thread_id=self.thread, parent_id=parent or self.thread, author=author, author_name=name, text=text,
            created=_time(element(html, "pubtime")[1]), likes=as_count(votes[0]) if votes else None, platform="douban",
        )  # fmt: skip

    def _quoted(self, html: str) -> str | None:
        """The latest comment by the quoted author that begins with the quoted words."""
        source = element(html, "pubdate")[1]
        people = _PEOPLE.search(source)
        if not people:
            return None
        whole = element(html, "ref-content")[1]  # a long quote stands there twice: cut short, and whole
        words = _squeezed(_CUT.sub("", plain(whole or html.replace(source, "")).strip()))
        said = reversed(self.said.get((self.thread, people[1]), []))
        return next((own for own, text in said if words and text.startswith(words)), None)


def _author(html: str) -> tuple[str | None, str | None]:
    face = element(html, "user-face")[1]
    people, name = _PEOPLE.search(face), _NAME.search(face)
    shown = plain(name[1]) or None if name else None
    return (people[1] if people else shown), shown if people else None


def _time(html: str) -> datetime | None:
    found = _TIME.search(html)
    return as_time(found[0], 8) if found else None


def _squeezed(text: str) -> str:
    return "".join(text.split())


DOUBAN_PAGE: Final = Format(
    name="douban-page", title="Douban group topics (saved HTML)", sniff=_sniff, read=_read, posts_own=True
)
