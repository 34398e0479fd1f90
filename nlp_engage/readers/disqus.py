"""Disqus exports: threads first, then posts beside them that say to which thread they belong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nlp_engage.readers.base import Format
from nlp_engage.readers.markup import plain
from nlp_engage.readers.records import join
from nlp_engage.readers.values import as_time
from nlp_engage.readers.xmlstream import tokens
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

_LEAVES: Final = frozenset({
    "link", "title", "message", "createdAt", "isDeleted", "isSpam", "name", "username", "email", "isAnonymous",
})  # fmt: skip
_NAMES: Final = _LEAVES | {"thread", "post", "parent", "author", "category"}


def _sniff(source: Source) -> str | None:
    sample = source.sample
    if sample.kind == "xml" and "<disqus" in sample.text and "http://disqus.com" in sample.text:
        return "namespace disqus.com"
    return None


@dataclass(slots=True)
class _Record:
    kind: str
    own: str
    fields: dict[str, str] = field(default_factory=dict)
    thread: str = ""
    parent: str = ""


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    record: _Record | None = None
    leaf, buffer, author, number = "", list[str](), False, 0
    owners: dict[str, str] = {}
    with source.open() as stream:
        for kind, name, attributes in tokens(stream, _NAMES):
            if kind == "text":
                if leaf:
                    buffer.append(name)
            elif kind == "start":
                own = attributes.get("dsq:id", "")
                if name in ("thread", "post") and record is None:
                    record, number = _Record(name, own), number + 1
                elif name in ("thread", "parent") and record is not None:
                    setattr(record, name, own)
                elif name == "author":
                    author = True
                elif name in _LEAVES:
                    leaf = name
                    buffer.clear()
            elif name == leaf:
                if record is not None:
                    record.fields.setdefault(f"author/{name}" if author else name, "".join(buffer).strip())
                leaf = ""
            elif name == "author":
                author = False
            elif record is not None and name == record.kind and not (name == "thread" and record.kind == "post"):
                yield from _done(record, owners, source, report, number)
                record = None
    if record is not None:
        report.reject(source.name, number, f"the export breaks off inside <{record.kind}>", str(record.fields)[:200])


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
            id=f"thread:{record.own}", thread_id=f"thread:{record.own}", author=author, is_owner=True, platform="disqus",
            author_name=name if name != author else None, created=as_time(get("createdAt")),
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
