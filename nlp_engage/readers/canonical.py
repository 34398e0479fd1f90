"""The canonical archive format as JSON lines, decoded straight into comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.readers.base import MAX_RECORD, Format
from nlp_engage.readers.jsonio import decode, documents
from nlp_engage.readers.records import BadRecordError, Layout, Page, describe, excerpt, has, make
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

_CHUNK: Final = 1024 * 1024
_DECODER = msgspec.json.Decoder(Comment)
FIELDS: Final = Comment.__struct_fields__
LAYOUT: Final = Layout(
    id="id", thread="thread_id", parent="parent_id", floor="root_id", author="author", name="author_name",
    text="text", created="created", likes="likes", replies="n_replies", owner="is_owner", deleted="deleted",
    lang="lang",
)  # fmt: skip
_FOREIGN: Final = frozenset({"__import_meta", "unix_timestamp"})  # 4CAT's data also has id, thread_id and text


def _sniff(source: Source) -> str | None:
    sample = source.sample
    if sample.kind not in ("lines", "json"):
        return None
    docs = [r for d in sample.docs for r in (d if isinstance(d, list) else [d])]
    good = sum(_is_canonical(d) for d in docs)
    return "keys id, thread_id, text" if good and good * 2 >= len(docs) else None


def _is_canonical(record: Any) -> bool:
    """A foreign record may have an id and a thread_id too: text or a parent has to be there, or nothing else."""
    if not has(record, "id thread_id") or not _FOREIGN.isdisjoint(record):
        return False
    return "text" in record or "parent_id" in record or record.keys() <= {*FIELDS}


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    if source.sample.kind == "lines" and not source.sample.inside:
        yield from _read_lines(source, report)
        return
    page = page_of(source)
    for document in documents(source, ("",), report):
        try:
            yield lenient(document.value, page)
        except BadRecordError as error:
            report.reject(source.name, document.place, str(error), excerpt(document.value))


def page_of(source: Source) -> Page:
    """Records of these formats stand for themselves: there is nothing around them."""
    return Page(source=source, value={}, thread=source.label, state={})


def _read_lines(source: Source, report: ReadReport) -> Iterator[Comment]:
    """Decode a chunk of lines at once; only where that fails, line by line."""
    number = 1
    page = page_of(source)
    with source.open() as stream:
        while chunk := stream.read(_CHUNK):
            if not chunk.endswith(b"\n"):
                chunk += stream.readline(MAX_RECORD + 1)
                if len(chunk) > MAX_RECORD and not chunk.endswith(b"\n") and (rest := _skip(stream)):
                    start = chunk.rfind(b"\n") + 1
                    yield from _decode_chunk(chunk[:start], number, page, report)
                    number += chunk.count(b"\n") + 1
                    reason = f"the line is longer than {MAX_RECORD:,} bytes (it has {len(chunk) - start + rest:,})"
                    report.reject(source.name, number - 1, reason, chunk[start : start + 200].decode(errors="replace"))
                    continue
            yield from _decode_chunk(chunk, number, page, report)
            number += chunk.count(b"\n")


def _skip(stream: Any) -> int:
    size = 0
    while line := stream.readline(_CHUNK):
        size += len(line)
        if line.endswith(b"\n"):
            break
    return size


def _decode_chunk(chunk: bytes, number: int, page: Page, report: ReadReport) -> Iterator[Comment]:
    try:
        comments = _DECODER.decode_lines(chunk)
    except (ValueError, RecursionError):
        comments = None
    if comments is not None and all([c.id and c.thread_id for c in comments]):
        yield from comments
        return
    for place, line in enumerate(chunk.split(b"\n"), number):
        row = line.strip(b" \t\r\x00")
        if not row:
            continue
        try:
            yield _decode_line(row, page)
        except ValueError as error:
            report.reject(page.source.name, place, str(error), row[:200].decode(errors="replace"))


def _decode_line(line: bytes, page: Page) -> Comment:
    try:
        comment = _DECODER.decode(line)
        if comment.id and comment.thread_id:
            return comment
    except (ValueError, RecursionError):
        pass  # types or encoding are off: try to understand what was meant
    return lenient(decode(line), page)


def lenient(record: Any, page: Page) -> Comment:
    """A canonical record whose types are off: ids as numbers, counters as text, times in other forms.

    Raises:
        BadRecordError: It is no object, or has no id or thread_id.
    """
    if not isinstance(record, dict):
        raise BadRecordError(f"a record should be an object with id and thread_id, this is {describe(record)}")
    if not has(record, "id thread_id"):
        raise BadRecordError(f"id and thread_id are required; this is {describe(record)}")
    if record["thread_id"] in (None, "", [], {}):
        raise BadRecordError("thread_id is empty")
    comment = make(record, LAYOUT, page, platform=_word(record.get("platform")))
    owner = bool(record.get("is_owner"))  # here a post says itself whether it is the owner's
    parent = record.get("parent_id")
    return msgspec.structs.replace(
        comment, is_owner=owner, parent_id=str(parent) if isinstance(parent, str | int) and parent != "" else None
    )


def _word(value: Any) -> str | None:
    return value.strip().lower() or None if isinstance(value, str) else None


CANONICAL = Format(
    name="canonical",
    title="canonical JSON lines (id, thread_id, parent_id, author, text, ...)",
    sniff=_sniff,
    read=_read,
)
