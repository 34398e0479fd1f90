"""One engine for all formats that are lists of records: where the lists are, what the records look like."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.readers.base import Format
from nlp_engage.readers.chains import Chains
from nlp_engage.readers.jsonio import documents, listed
from nlp_engage.readers.records import (
    ODD,
    BadRecordError,
    Page,
    SkipRecord,
    author_of,
    describe,
    excerpt,
    getter,
    has,
    link,
    make,
)
from nlp_engage.readers.tables import rows
from nlp_engage.readers.values import as_id
from nlp_engage.types import ReadReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from nlp_engage.readers.base import Source
    from nlp_engage.readers.records import Layout
    from nlp_engage.types import Comment

_TRIED: Final = 50
_MAX_SEEN: Final = 1_000_000
EMPTY: Final = "items that are null (gone before they were saved)"
AGAIN: Final = "comments that a page lists again (pinned, hot, included)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A format of records.

    Attributes:
        name: Name of the format.
        title: What it is, in words.
        platform: Platform name of its comments.
        keys: Alternatives, each a set of dotted paths (separated by spaces) that a record has to have.
        check: What keys alone cannot tell of a record.
        table: Whether these may be the columns of a CSV file as well.
        lists: Where records are in a document; ``""``: the document itself.
        layout: The fields.
        opening: How a document begins a page: sets ``page.thread`` and ``page.owner``, yields its post, puts
            records that stand outside the lists into ``page.extra``.
        beside: Comments that a record tells along with itself (the post it repeats); they come before it.
        adapt: Changes a record before its fields are taken, or raises ``SkipRecord`` / ``BadRecordError``.
        finish: Changes a comment afterwards, seeing its record.
        ahead: All files of the format are looked through first, to know the authors of posts that come late.
        chained: The same, and records name no thread: it is the end of their chain of parents.
        alone: Tells of a document that is a page even where it has no list of records.
        once: Whether a document may list a comment twice (pinned, hot): the second is skipped.
        first: Which files are to be read first, because they hold the posts.
    """

    name: str
    title: str
    platform: str
    keys: tuple[str, ...]
    layout: Layout
    check: Callable[[Any], bool] | None = None
    table: bool = False
    lists: tuple[str, ...] = ("",)
    opening: Callable[[Page], Iterable[Comment]] | None = None
    beside: Callable[[dict[str, Any], Page], Iterable[Comment]] | None = None
    adapt: Callable[[dict[str, Any], Page], dict[str, Any]] | None = None
    finish: Callable[[Comment, dict[str, Any], Page], Comment] | None = None
    ahead: bool = False
    chained: bool = False
    alone: Callable[[Any], bool] = lambda value: False
    once: bool = False
    first: Callable[[Source], bool] = lambda source: False

    def format(self) -> Format:
        """The row of the registry."""
        return Format(
            name=self.name, title=self.title, sniff=self.sniff, read=self.read, posts_own=self.layout.posts_own,
            holds_posts=self.first, prepare=self.prepare if self.chained or self.ahead else None,
        )  # fmt: skip

    def fits(self, record: Any) -> str | None:
        """The set of keys by which a record is of this style, or ``None``."""
        fitting = next((keys for keys in self.keys if has(record, keys)), None)
        if fitting is None or self.check is None:
            return fitting
        try:
            return fitting if self.check(record) else None
        except ODD:
            return None

    def sniff(self, source: Source) -> str | None:
        """Look for a record with one of the sets of keys."""
        sample = source.sample
        if sample.kind == "table" and self.table:
            fitting = next((keys.split() for keys in self.keys if {*keys.split()} <= {*sample.header}), None)
            return f"columns {', '.join(fitting)}" if fitting else None
        if sample.kind not in ("json", "lines"):
            return None
        for doc in sample.docs:
            for path in self.lists:
                for record in candidates(doc, path):
                    if keys := self.fits(record):
                        return f"keys {', '.join(keys.split())}" + (f" in {path}" if path else "")
            if self._outside(doc, source):
                return "records beside an empty list"
        return None

    def _outside(self, doc: Any, source: Source) -> bool:
        """Whether a document holds records outside its lists (a pinned comment that is the only one)."""
        page = Page(source=source, value=doc, thread=source.label, state={})
        for _ in self._opened(page, ReadReport()):
            pass
        return any(self.fits(record) for record in page.extra)

    def _stands(self, doc: Any, source: Source) -> bool:
        return self.alone(doc) or self._outside(doc, source)

    def prepare(self, source: Source) -> None:
        """Learn the parent of every record of a file, and who wrote the posts."""
        chains: Chains = source.memory.setdefault("chains", Chains())
        authors: dict[str, str | None] = source.memory.setdefault("authors", {})
        for page, records in pages(source, self.lists, ReadReport(), self.name, self.fits):
            for _ in self._opened(page, ReadReport()):
                pass
            for _, record in records:
                try:
                    adapted = self._adapted(record, page)
                    own = as_id(getter(self.layout.id)(adapted))
                except (SkipRecord, *ODD):
                    continue
                if own:
                    above = link(adapted, self.layout.parent, page)
                    chains.add(own, above)
                    if above is None and len(authors) < _MAX_SEEN:
                        authors[own] = author_of(adapted, self.layout, page)[0]

    def read(self, source: Source, report: ReadReport) -> Iterator[Comment]:
        """Read every record of a file."""
        for page, records in pages(source, self.lists, report, self.name, self.fits, self._stands):
            yield from self._opened(page, report)
            for place, record in chain(enumerate(page.extra, 1), records):
                yield from self.comments(record, page, report, place)

    def _opened(self, page: Page, report: ReadReport) -> Iterator[Comment]:
        if self.opening is None or not isinstance(page.value, dict):
            return
        try:
            yield from self.opening(page)
        except ODD as error:
            report.reject(page.source.name, 1, f"the page around the records has an unexpected form ({error})")

    def comments(self, record: Any, page: Page, report: ReadReport, place: int) -> Iterator[Comment]:
        """The comment that a record is, then everything in the lists inside it, without recursion."""
        stack: list[tuple[Any, Comment | None, str | None]] = [(record, None, None)]  # (record, holder, its floor)
        while stack:
            one, above, floor = stack.pop()
            if one is None:
                report.skip(EMPTY)
                continue
            try:
                adapted = self._adapted(one, page)
                comment = self._comment(adapted, above, floor, page)
                more = tuple(self.beside(adapted, page)) if self.beside is not None else ()
            except SkipRecord as reason:
                report.skip(str(reason))
                continue
            except BadRecordError as error:
                report.reject(page.source.name, place, str(error), excerpt(one))
                continue
            except ODD as error:
                report.reject(page.source.name, place, f"a field has an unexpected form ({error})", excerpt(one))
                continue
            yield from more
            if self.once and seen(comment.id, page):
                report.skip(AGAIN)
            else:
                yield comment
            below = [r for path in self.layout.below for r in listed(adapted, path) or ()]
            stack += [(r, comment, floor or comment.id) for r in reversed(below)]

    def _adapted(self, record: Any, page: Page) -> dict[str, Any]:
        if not isinstance(record, dict):
            raise BadRecordError(f"a record should be an object, this is {describe(record)}")
        return self.adapt(record, page) if self.adapt is not None else record

    def _comment(self, record: dict[str, Any], above: Comment | None, floor: str | None, page: Page) -> Comment:
        if self.chained:
            own, chains = as_id(getter(self.layout.id)(record)), page.source.memory.get("chains")
            page.thread = (chains.root(own) if chains else link(record, self.layout.parent, page) or own) if own else ""
        comment = make(record, self.layout, page, platform=self.platform, above=above, floor=floor)
        authors = page.source.memory.get("authors", {}) if self.layout.posts_own and not comment.is_owner else {}
        if comment.author is not None and authors.get(comment.thread_id) == comment.author:
            comment = msgspec.structs.replace(comment, is_owner=True)
        return comment if self.finish is None else self.finish(comment, record, page)


def seen(own: str, page: Page) -> bool:
    """Whether a file has told a comment before; now it has."""
    known: set[str] = page.state.setdefault("seen", set())
    if own in known:
        return True
    if len(known) < _MAX_SEEN:
        known.add(own)
    return False


def pages(
    source: Source,
    lists: Sequence[str],
    report: ReadReport,
    name: str,
    whole: Callable[[Any], object] = lambda value: None,
    outside: Callable[[Any, Source], bool] = lambda value, source: False,
) -> Iterator[tuple[Page, Iterable[tuple[int, Any]]]]:
    """Yield the pages of a file, each with the place and value of its records; a table is one page.

    ``whole`` tells of a document that is a record itself, ``outside`` of one whose only records are in no list.
    """
    state: dict[str, Any] = {}
    if source.sample.kind == "table":
        yield Page(source=source, value=None, thread=source.label, state=state), rows(source, report)
        return
    for document in documents(source, lists, report, whole):
        value, records = document.value, iter(document.records)
        if not whole(value) and outside(value, source):
            records = (found for found in records if found[1] is not value)  # with null for a list, it is none itself
        elif not document.found:
            report.reject(source.name, document.place, f"no {name} record: {describe(value)}")
            continue
        yield Page(source=source, value=value, thread=source.label, state=state), records


def candidates(doc: Any, path: str) -> Iterator[Any]:
    """The first records at a path of a sample document."""
    if isinstance(doc, list):
        for element in doc[:_TRIED]:
            if not isinstance(element, list):
                yield from candidates(element, path)
    elif not path:
        yield doc
    else:
        yield from (listed(doc, path) or [])[:_TRIED]
