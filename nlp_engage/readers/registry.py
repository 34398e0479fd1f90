"""All formats, and the one ``read`` that finds out which of them a file is."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from nlp_engage.errors import ReadError
from nlp_engage.readers import (
    chats,
    chinese,
    fediverse,
    forums,
    fourcat,
    hackernews,
    meta,
    tieba,
    twitter,
    video,
    weibo,
)
from nlp_engage.readers.canonical import CANONICAL
from nlp_engage.readers.convokit import CONVOKIT
from nlp_engage.readers.disqus import DISQUS
from nlp_engage.readers.douban import DOUBAN_PAGE
from nlp_engage.readers.files import Found, UnreadableError, find, open_source
from nlp_engage.readers.inside import Table
from nlp_engage.readers.jsonio import dig
from nlp_engage.readers.mediacrawler import MEDIACRAWLER
from nlp_engage.readers.parquet import PARQUET
from nlp_engage.readers.records import ODD
from nlp_engage.readers.reddit import REDDIT, REDDIT_DUMP
from nlp_engage.readers.tabular import RECORDS, TABLE
from nlp_engage.readers.wordpress import WXR
from nlp_engage.readers.youtube import YOUTUBE
from nlp_engage.types import ReadReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from nlp_engage.readers.base import Format, Sample, Source
    from nlp_engage.types import Comment

FORMATS: Final[tuple[Format, ...]] = (
    PARQUET,
    CONVOKIT,
    WXR,
    DISQUS,
    REDDIT,
    YOUTUBE,
    MEDIACRAWLER,
    *video.FORMATS,  # 4CAT keeps the columns of YouTube Data Tools beside its own
    *fourcat.FORMATS,
    *chinese.FORMATS,
    *tieba.FORMATS,
    DOUBAN_PAGE,
    *weibo.FORMATS,
    *forums.FORMATS,
    *twitter.FORMATS,
    *fediverse.FORMATS,
    *chats.FORMATS,
    *hackernews.FORMATS,
    REDDIT_DUMP,
    *meta.FORMATS,
    CANONICAL,
    TABLE,
    RECORDS,
)
"""Every format, in the order in which sniffers are asked: the most specific first."""

_MAX_OWNERS: Final = 2_000_000
"""Posts whose author is remembered, to know the owner's comments in other files."""
_Owners: TypeAlias = "dict[tuple[str | None, str], str]"
"""Platform and thread id -> author of the post."""
_ENVELOPES: Final = ("data", "result", "results", "response", "items", "comments", "list", "records", "rows", "body")
"""Members under which people's own scripts put what a platform has answered, up to two deep."""
_DATA: Final = frozenset({"json", "lines", "xml", "parquet"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    found: Found
    format: Format
    first: bool
    inside: str = ""


def read(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    report: ReadReport | None = None,
    *,
    head: int | None = None,
    owners: Collection[str] = (),
) -> Iterator[Comment]:
    r"""Read archives of any supported format, mixed as you like.

    Files are recognised by content, never by name, also through gzip, zstd, bzip2 and xz. Those with posts
    come first, so that the owner's comments are known in the files that follow; otherwise the order is that of
    the paths, sorted within folders.

    Args:
        paths: Files, folders (with everything below them) and globs.
        format: Name of a format (see ``FORMATS``), instead of sniffing.
        columns: Column map for tables: our field -> their column. What is not given is guessed.
        report: The books, filled while comments are drawn: formats, rejects, skips.
        head: Sample the archive: read only about so many bytes (decompressed) of the beginning of each file.
            What is broken by the cut is no reject.
        owners: Ids or names of the accounts that own the page, where the export does not tell: what they wrote is
            marked ``is_owner``. Compared without case and leading ``@``.

    Returns:
        Posts and comments, one at a time: a file is never held in memory.

    Raises:
        ReadError: A path does not exist, a file that was named is of no known format, or (at the end) there was
            no comment at all.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a.csv").write_text("评论ID,评论内容\n7,好看\n", "utf-8-sig")
    ...     [(c.id, c.thread_id, c.text) for c in read(folder)]
    [('7', 'a', '好看')]
    """
    books = ReadReport() if report is None else report
    chosen = None if format is None else _named(format)
    listed = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    jobs = [job for found in find(listed) if (job := _plan(found, chosen, columns, books))]
    jobs.sort(key=lambda job: not job.first)
    comments = _Run(jobs, columns, books, head).comments([str(p) for p in listed])
    return _marked(comments, frozenset(map(account_key, owners))) if owners else comments


def account_key(name: str | None) -> str:
    """What accounts are compared by.

    >>> account_key(" @Shop") == account_key("shop")
    True
    """
    return (name or "").strip().removeprefix("@").casefold()


def _marked(comments: Iterator[Comment], owners: frozenset[str]) -> Iterator[Comment]:
    for comment in comments:
        if not comment.is_owner and not owners.isdisjoint(
            (account_key(comment.author), account_key(comment.author_name))
        ):
            comment = msgspec.structs.replace(comment, is_owner=True)
        yield comment


def _named(name: str) -> Format:
    for known in FORMATS:
        if known.name == name:
            return known
    raise ReadError(f"there is no format {name!r}; formats: {', '.join(f.name for f in FORMATS)}")


def _plan(found: Found, chosen: Format | None, columns: Mapping[str, str] | None, report: ReadReport) -> _Job | None:
    """Find the format of a file, or say in the books why it is left out."""
    try:
        return _recognised(found, open_source(found, columns), chosen, report)
    except UnreadableError as error:
        why = str(error)
    except (*ODD, RecursionError) as error:
        why = f"its format could not be found; this is a defect of the readers: {error!r}"
    report.formats[str(found.path)] = f"unreadable: {why}"
    report.reject(str(found.path), 1, why)
    return None


def _recognised(found: Found, source: Source, chosen: Format | None, report: ReadReport) -> _Job | None:
    name, sample = source.name, source.sample
    if sample.kind == "empty":
        report.formats[name] = f"ignored: {sample.seen}"
        return None
    picked = (chosen, "chosen by the user") if chosen else sniff(source)
    if picked is None and (opened := _envelope(source)):
        source, picked = opened
    if picked is None and _is_empty_page(sample):
        report.formats[name] = f"ignored: a page without records ({sample.seen})"
        return None
    if picked is None:
        if found.named:
            raise ReadError(unknown(source))
        if isinstance(found.path, Table):
            report.formats[name] = f"ignored: a table without comments ({sample.seen})"
        elif sample.kind in _DATA or sample.regular:
            report.formats[name] = f"unknown: {sample.seen}"
            report.reject(name, 1, f"unknown format: {sample.seen}")
        else:
            report.formats[name] = f"ignored: no archive ({sample.seen})"
        return None
    inside = source.sample.inside
    report.formats[name] = f"{picked[0].name}: {picked[1]}" + (f" inside {inside}" if inside else "")
    return _Job(found=found, format=picked[0], first=picked[0].holds_posts(source), inside=inside)


def sniff(source: Source) -> tuple[Format, str] | None:
    """The first format that recognises a source, and why; a table with a given column map is read by that."""
    if source.columns and {*source.columns.values()} & {*source.sample.header} and (reason := TABLE.sniff(source)):
        return TABLE, reason
    for known in FORMATS:
        if reason := known.sniff(source):
            return known, reason
    return None


_RECORDS: Final = (
    "data", "comments", "items", "hits", "messages", "replies", "ancestors", "descendants", "orderedItems", "data.data",
    "data.comments", "data.replies",
)  # fmt: skip


def _is_empty_page(sample: Sample) -> bool:
    """Whether a platform has answered that there is nothing (any more): the last page of many."""
    lists = [found for doc in sample.docs for path in _RECORDS if isinstance(found := dig(doc, path), list)]
    return sample.kind in ("json", "lines") and not any(lists) and (bool(lists) or not sample.docs)


def _envelope(source: Source) -> tuple[Source, tuple[Format, str]] | None:
    """The first member of JSON values in which a format is recognised: the source as it is from there on."""
    for path in (*_ENVELOPES, *(f"{outer}.{inner}" for outer in _ENVELOPES for inner in _ENVELOPES)):
        if any(isinstance(dig(doc, path), dict | list) for doc in source.sample.docs):
            opened = _inside(source, path)
            if picked := sniff(opened):
                return opened, picked
    return None


def _inside(source: Source, path: str) -> Source:
    """A source whose JSON values are taken for what stands under a member of each."""
    docs: list[Any] = []
    for doc in source.sample.docs:
        found = dig(doc, path)
        docs += found if isinstance(found, list) else [found]
    return replace(source, sample=replace(source.sample, docs=tuple(docs[:50]), inside=path))


def unknown(source: Source) -> str:
    """The message for a file of no known format."""
    hint = "Name its columns with --column text=COLUMN ..." if source.sample.kind == "table" else "Try --format NAME"
    return (
        f"{source.name} is of no known format. It is {source.sample.seen}. {hint}, or convert it to the canonical "
        "format (JSON lines with id, thread_id, parent_id, author, text). "
        f"Supported formats (docs/formats.md says more): {', '.join(f.name for f in FORMATS)}"
    )


class _Run:
    """One read: its files in order, and what is remembered from one to the next."""

    def __init__(
        self, jobs: Sequence[_Job], columns: Mapping[str, str] | None, report: ReadReport, head: int | None
    ) -> None:
        self._jobs, self._columns, self._report, self._head = jobs, columns, report, head
        self._owners: _Owners = {}
        self._memory: dict[str, dict[str, Any]] = {job.format.name: {} for job in jobs}

    def comments(self, paths: Sequence[str]) -> Iterator[Comment]:
        """Everything that can be read of the files."""
        for job in self._jobs:
            if job.format.prepare is not None:
                with suppress(UnreadableError, OSError):  # booked below
                    job.format.prepare(self._open(job))
        for job in self._jobs:
            try:
                source = self._open(job)
            except UnreadableError as error:
                self._report.reject(str(job.found.path), 1, str(error))
            else:
                yield from self._file(job, source)
        if not self._report.kept:
            raise ReadError(_nothing(self._report, paths))

    def _open(self, job: _Job) -> Source:
        source = open_source(job.found, self._columns, self._memory[job.format.name], self._head)
        return _inside(source, job.inside) if job.inside else source

    def _file(self, job: _Job, source: Source) -> Iterator[Comment]:
        report, name = self._report, source.name
        books = report if self._head is None else _SampleBooks(report, source)
        try:
            posts_own, owners = job.format.posts_own, self._owners
            for comment in job.format.read(source, books):
                report.kept += 1
                yield _own(comment, owners) if posts_own else comment
        except OSError as error:
            report.reject(name, 1, f"reading stopped: {error.strerror or error}")
        except (*ODD, RecursionError) as error:
            report.reject(name, 1, f"reading stopped; this is a defect of the {job.format.name} reader: {error!r}")
        for fault in source.faults:
            report.reject(name, 1, fault)
        if source.cut.made:
            source.notes["only the beginning was read"] += 0
        if source.notes:
            notes = "; ".join(f"{count} {note}" if count else note for note, count in source.notes.items())
            report.formats[name] += f"; {notes}"


class _SampleBooks(ReadReport):
    """The books of a file that is only sampled: what the cut has broken is no reject."""

    def __init__(self, report: ReadReport, source: Source) -> None:
        super().__init__(skipped=report.skipped)
        self._report, self._source = report, source

    def reject(self, file: str, place: int, reason: str, excerpt: str = "") -> None:
        """Book a reject, unless the stream has ended early."""
        if not self._source.cut.made:
            self._report.reject(file, place, reason, excerpt)


def _own(comment: Comment, owners: _Owners) -> Comment:
    """Mark what the author of the post wrote below it."""
    if comment.author is None or (comment.is_owner and comment.id != comment.thread_id):
        return comment
    thread = comment.platform, comment.thread_id  # platforms count alike: an id alone may be that of another post
    if comment.id == comment.thread_id:
        if len(owners) < _MAX_OWNERS:
            owners[thread] = comment.author
    elif owners.get(thread) == comment.author:
        return msgspec.structs.replace(comment, is_owner=True)
    return comment


def _nothing(report: ReadReport, paths: Sequence[str]) -> str:
    seen: list[Any] = [f"{name}: {what}" for name, what in list(report.formats.items())[:5]]
    why = [f"{r.file}, {r.place}: {r.reason}" for r in report.rejected[:3]]
    return (
        f"no comment could be read from {', '.join(paths[:5])}. Seen: {'; '.join(seen) or 'no file'}. "
        f"Rejected: {report.n_rejected}{' (' + '; '.join(why) + ')' if why else ''}. "
        "Check the files, or name the format with --format and columns with --column."
    )
