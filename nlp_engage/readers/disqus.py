"""Disqus exports: threads first, then posts beside them that say to which thread they belong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

from nlp_engage.readers.base import Format
from nlp_engage.readers.markup import plain
from nlp_engage.readers.records import join
from nlp_engage.readers.values import as_time
from nlp_engage.readers.xmlstream import Words, tokens
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

_LEAVES: Final = frozenset({
    "link", "title", "message", "createdAt", "isDeleted", "isSpam", "name", "username", "email", "isAnonymous",
})  # fmt: skip
_NAMES: Final = _LEAVES | {"thread", "post", "parent", "author", "category"}


class _BreaksOffError(Exception):
    """The file ends inside a record."""


def _sniff(source: Source) -> str | None:
    sample = source.sample
    if sample.kind == "xml" and "<disqus" in sample.text and "http://disqus.com" in sample.text:
        return "namespace disqus.com"
    return None


@dataclass(slots=True)
class _Record:
    """A thread or post that is being read."""

    kind: str
    own: str
    fields: dict[str, str] = field(default_factory=dict)
    thread: str = ""
    parent: str = ""
    author: bool = False

    def begin(self, name: str, own: str) -> None:
        """An element without text of its own begins."""
        if name == "author":
            self.author = True
        elif name == "thread":
            self.thread = own
        elif name == "parent":
            self.parent = own

    def end(self, name: str) -> bool:
        """An element ends; whether it is the record itself."""
        if name == "author":
            self.author = False
        return name == self.kind

    def put(self, name: str, text: str) -> None:
        """A field is complete."""
        self.fields.setdefault(f"author/{name}" if self.author else name, text)


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    owners: dict[str, str] = {}
    number = 0
    with source.open() as stream:
        try:
            for number, record in enumerate(_records(stream), 1):
                yield from _done(record, owners, source, report, number)
        except _BreaksOffError as error:
            report.reject(source.name, number + 1, f"the export breaks off inside <{error}>")


def _records(stream: IO[bytes]) -> Iterator[_Record]:
    """Threads and posts, one after the other."""
    record: _Record | None = None
    leaf, words = "", Words()
    for kind, name, attributes in tokens(stream, _NAMES):
        if kind == "text":
            if leaf:
                words.add(name)
        elif record is None:
            if kind == "start" and name in ("thread", "post"):
                record = _Record(name, attributes.get("dsq:id", ""))
        elif kind == "start":
            leaf = name if name in _LEAVES else ""
            words.take()
            record.begin(name, attributes.get("dsq:id", ""))
        elif name == leaf:
            record.put(name, words.take())
            leaf = ""
        elif record.end(name):
            yield record
            record = None
    if record is not None:
        raise _BreaksOffError(record.kind)


def _done(
    record: _Record, owners: dict[str, str], source: Source, report: ReadReport, number: int
) -> Iterator[Comment]:
    get = record.fields.get
    author = get("author/username") or get("author/name") or None
    name = get("author/name") or None
    if record.kind == "thread":
        if not (get("title") or get("link") or get("message")):
            report.skip("Disqus threads without title and link")
            return
        if author:
            owners[record.own] = author
        yield Comment(
            id=f"thread:{record.own}", thread_id=f"thread:{record.own}", author=author, is_owner=True,
            author_name=name if name != author else None, created=as_time(get("createdAt")), platform="disqus",
            text=join([plain(get("title", "")), plain(get("message", ""))]) or get("link", ""),
        )  # fmt: skip
        return
    if get("isSpam") == "true":
        report.skip("comments marked as spam")
        return
    if not record.own or not record.thread:
        report.reject(source.name, number, "a Disqus post without dsq:id or thread", get("message", "")[:200])
        return
    gone = get("isDeleted") == "true"
    yield Comment(
        id=record.own, thread_id=f"thread:{record.thread}", parent_id=record.parent or f"thread:{record.thread}",
        author=author, author_name=name if name != author else None, text=plain(get("message", "")),
        created=as_time(get("createdAt")), deleted=gone, platform="disqus",
        is_owner=bool(get("author/username")) and owners.get(record.thread) == author,
    )  # fmt: skip


DISQUS: Final = Format(name="disqus", title="Disqus export (XML)", sniff=_sniff, read=_read)
