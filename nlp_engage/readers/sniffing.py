"""Look at the head of a file and say what kind of thing it is, before any format is asked."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any, Final

import ijson

from nlp_engage.readers.base import HEAD_BYTES, Sample
from nlp_engage.readers.jsonio import build, decode
from nlp_engage.readers.jsontext import BadJsonError
from nlp_engage.readers.streams import encoding_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_DOCS: Final = 50
_DELIMITERS: Final = ",\t;|"
_BINARY: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "an office document (save it as .xlsx or CSV), or a zip archive that cannot be listed (unpack it)"),
    (b"\xd0\xcf\x11\xe0", "an old office document, or one with a password (save it as .xlsx or CSV, without one)"),
    (b"SQLite format 3\x00", "an SQLite database inside another archive: unpack that first"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"RIFF", "an audio, video or WebP file"),
)


def make_sample(head: bytes) -> Sample:
    r"""Describe the (decompressed) head of a file.

    Args:
        head: Its first bytes, ``HEAD_BYTES`` at most.

    Returns:
        The sample; its ``kind`` says which attributes are filled.

    >>> make_sample(b'{"id": 1}\n{"id": 2}\n').kind, make_sample(b'id;text\n1;hi\n').header
    ('lines', ('id', 'text'))
    """
    if not head.strip(b"\x00 \t\r\n\x0b\x0c\x1c\x1d\x1e\xef\xbb\xbf"):
        return Sample(kind="empty", seen="an empty file" if not head else "a file of white space or zero bytes")
    for magic, what in _BINARY:
        if head.startswith(magic):
            return Sample(kind="parquet" if what == "parquet" else "binary", seen=what)
    encoding = encoding_of(head)
    text = head.decode("gb18030" if encoding == "gb18030" else encoding, "replace").lstrip("\ufeff")
    if _looks_binary(text):
        return Sample(kind="binary", seen=f"binary data beginning with {head[:16]!r}")
    start = text.lstrip("\x00 \t\r\n")
    if start[:1] in "[{":
        return _json_sample(start, encoding)
    if start.startswith("<"):
        return _markup_sample(start, encoding)
    return _table_sample(text, encoding)


def _looks_binary(text: str) -> bool:
    part = text[:4096]
    odd = sum((c < " " and c not in "\t\r\n\x00\x0c\x1b\x08\x0b") or c == "\ufffd" for c in part)
    return odd * 10 > len(part)


def _json_sample(text: str, encoding: str) -> Sample:
    rows = text.split("\n")
    whole = rows if len(text) < HEAD_BYTES // 4 else rows[:-1]  # the last line may be cut
    whole = [row for row in whole if row.strip("\x00 \t\r")][: 2 * _DOCS]
    values = [v for row in whole for v in _values(row)]
    several = len(whole) > 1 or (len(whole) == 1 and len(rows) > 1)
    if values and isinstance(values[0], dict | list) and 2 * len(values) > len(whole) and (several or len(values) > 1):
        return Sample(
            kind="lines", text=text, docs=tuple(values[:_DOCS]), encoding=encoding, seen=_seen(values[0], "lines")
        )
    value = _first_value(text.encode("utf-8", "replace"))
    docs = value[:_DOCS] if isinstance(value, list) else [value]
    return Sample(kind="json", text=text, docs=tuple(docs), encoding=encoding, seen=_seen(value, ""))


def _first_value(data: bytes) -> Any:
    """The value that a text begins with, as far as it goes."""
    if len(data) < HEAD_BYTES:  # most likely whole
        try:
            return decode(data)
        except BadJsonError:
            pass
    return build(ijson.basic_parse(data, multiple_values=True))[0]


def _values(row: str) -> list[Any]:
    row = row.strip("\x00 \t\r")
    if not row.startswith(("{", "[{")):
        return []
    try:
        return [decode(row.encode("utf-8", "replace"))]
    except BadJsonError:
        return []


def _seen(value: Any, form: str) -> str:
    return f"JSON {form}{': ' if form else 'with '}{_named(value)}"


def _named(value: Any, depth: int = 0) -> str:
    if isinstance(value, dict):
        keys = ", ".join(str(k)[:40] for k in list(value)[:12])
        return f"an object with the keys {keys}" if keys else "an empty object"
    if isinstance(value, list):
        if not value:
            return "an empty array"
        return f"an array of {_named(value[0], depth + 1)}" if depth < 3 else "arrays"
    return f"the value {str(value)[:40]!r}"


def _markup_sample(text: str, encoding: str) -> Sample:
    page = re.match(
        r"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|div|li|ul|span)\b", text, re.IGNORECASE | re.DOTALL
    )
    kind = "html" if page else "xml"
    root = re.search(r"<([A-Za-z_][\w:.-]*)([^<>]{0,300})", text)
    seen = f"{kind.upper()} beginning with <{root[1]}{root[2]}>" if root else f"{kind.upper()} without any element"
    return Sample(kind=kind, text=text, encoding=encoding, seen=seen)


def _table_sample(text: str, encoding: str) -> Sample:
    rows = [row for row in text.splitlines()[:30] if row.strip()] or [""]
    delimiter, header = ",", []  # type: str, list[str]
    for candidate in _DELIMITERS:
        names = split_row(rows[0], candidate)
        if len(names) > len(header):
            delimiter, header = candidate, names
    if len(header) < 2 or any(len(name) > 200 for name in header):
        return Sample(kind="text", text=text, encoding=encoding, seen=f"text beginning with {rows[0][:60]!r}")
    columns = clean_header(header)
    regular = _regular(text, delimiter, len(columns))
    return Sample(
        kind="table",
        text=text,
        header=tuple(columns),
        delimiter=delimiter,
        regular=regular,
        encoding=encoding,
        seen=f"a table with the columns {', '.join(c[:40] for c in columns[:20])}",
    )


def _regular(text: str, delimiter: str, width: int) -> bool:
    try:
        sizes = [
            len(row)
            for row, _ in zip(csv.reader(text.splitlines(), delimiter=delimiter), range(30), strict=False)
            if row
        ]
    except csv.Error:
        return False
    return len(sizes) > 1 and 3 * sum(size == width for size in sizes) > 2 * len(sizes)


def split_row(row: str, delimiter: str) -> list[str]:
    """Split one line of a table."""
    try:
        return next(csv.reader([row], delimiter=delimiter), [])
    except csv.Error:
        return []


def clean_header(names: Sequence[str]) -> list[str]:
    """Column names without byte order marks, zero bytes and outer spaces."""
    return [name.strip('\ufeff\x00 \t\r\n"') for name in names]
