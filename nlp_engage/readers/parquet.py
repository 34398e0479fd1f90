"""Parquet: the canonical columns, or others that are mapped like those of a table."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.readers.base import Format
from nlp_engage.readers.canonical import FIELDS, lenient, page_of
from nlp_engage.readers.records import BadRecordError, excerpt
from nlp_engage.readers.streams import TooLargeError, unpacked
from nlp_engage.readers.tabular import column_map, guess, mapped, told
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport


def _sniff(source: Source) -> str | None:
    if source.sample.kind != "parquet":
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(_opened(source)).names
    except (pa.ArrowException, OSError):
        return "Parquet magic bytes"  # damaged: the reader says how
    if {"id", "thread_id"} <= {*names} and {"text", "parent_id"} & {*names}:
        return "Parquet with columns id, thread_id"
    if source.columns or "text" in guess(names):
        return f"Parquet with column map {told(column_map(names, source))}"
    return None


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    """Read row group by row group; other column names are mapped as in tables."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(_opened(source))  # closed with the last reference; it holds no Python file
        names = file.schema_arrow.names
        if not {"id", "thread_id"} <= {*names}:
            columns = column_map(names, source)
            records = _rows(file, [c for c in names if c in columns.values()], source)
            yield from mapped(records, columns, source, report)
            return
        wanted = [c for c in names if c in FIELDS]
        page = page_of(source)
        for place, row in _rows(file, wanted, source):
            record = {k: v for k, v in row.items() if v is not None}
            try:
                yield _comment(record) or lenient(row, page)
            except BadRecordError as error:
                report.reject(source.name, place, str(error), excerpt(row))
    except TooLargeError as error:
        report.reject(source.name, 1, str(error))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        report.reject(
            source.name, 1, f"the Parquet file is damaged: {str(error).splitlines()[0] if str(error) else error!r}"
        )


def _opened(source: Source) -> Any:
    """What pyarrow opens: the path, or the bytes of a file inside a zip or compressed as a whole."""
    import pyarrow as pa

    content = unpacked(source.path)
    return content if isinstance(content, Path) else pa.BufferReader(content)


def _rows(file: Any, columns: list[str], source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    place, size = 0, 0
    for batch in file.iter_batches(batch_size=16_384, columns=columns):
        if source.cut.limit is not None and size > source.cut.limit:
            source.cut.made = True
            return
        size += batch.nbytes
        for row in batch.to_pylist():
            place += 1
            yield place, row


_TYPES: Final[Mapping[str, Any]] = {
    "likes": int, "n_replies": int, "is_owner": bool, "deleted": bool, "created": datetime,
}  # fmt: skip


def _comment(record: dict[str, Any]) -> Comment | None:
    """The comment, if all types are as they should be."""
    if not record.get("id") or not record.get("thread_id"):
        return None
    for name, value in record.items():
        if type(value) is not _TYPES.get(name, str):
            return None
    return Comment(**record)


PARQUET = Format(
    name="parquet",
    title="Parquet with the canonical columns (or mapped ones)",
    sniff=_sniff,
    read=_read,
)
