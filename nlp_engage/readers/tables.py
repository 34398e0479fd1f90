"""Rows of CSV and TSV files, one by one, as records."""

from __future__ import annotations

import csv
import io
from typing import IO, TYPE_CHECKING, Final

from nlp_engage.readers.base import MAX_RECORD
from nlp_engage.readers.sniffing import clean_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

_FIELD: Final = 4 * 1024 * 1024
"""Characters of the longest field; a longer one is a quote that was never closed."""


def rows(source: Source, report: ReadReport) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and row (column -> text) of a table; broken rows are rejected.

    Empty fields are left out. A row with more fields than columns is rejected: it would be read wrongly.
    """
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD))
    with source.open() as stream:
        table = csv.reader(_text_lines(stream), delimiter=source.sample.delimiter)
        header: list[str] | None = None
        broken = False
        while True:
            try:
                row = next(table, None)
            except csv.Error as error:
                if not broken:
                    report.reject(source.name, table.line_num, f"broken row: {error}; read on at the next whole one")
                broken = True
                continue
            if row is None:
                return
            if not any(row):
                continue
            if header is None:
                header = clean_header(row)
            elif broken and len(row) != len(header):
                continue
            elif len(row) > len(header) and any(row[len(header) :]):
                reason = f"{len(row)} fields under {len(header)} columns: an unquoted delimiter or line break"
                report.reject(source.name, table.line_num, reason, source.sample.delimiter.join(row)[:200])
            else:
                broken = False
                yield table.line_num, {name: text for name, text in zip(header, row, strict=False) if text}


def _text_lines(stream: IO[bytes]) -> Iterator[str]:
    """Lines as text; a line without end is handed on in pieces, so that it fails by its length."""
    with io.TextIOWrapper(stream, "utf-8", errors="replace", newline="") as text:
        while line := text.readline(MAX_RECORD):
            yield line
