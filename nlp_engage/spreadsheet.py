"""Tables that people open and save in a spreadsheet: written so that no cell runs, read however it was saved."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "'")
"""A spreadsheet would run a cell that begins so, or, with the last, drop it."""


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Rows as a CSV with a byte order mark, by which spreadsheets know UTF-8; ``None`` is an empty cell.

    >>> to_csv(["uid", "reply"], [{"uid": "c1", "reply": "=1+1"}]).decode("utf-8-sig").splitlines()
    ['uid,reply', "c1,'=1+1"]
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(row.get(name)) for name in columns])
    return out.getvalue().encode("utf-8-sig", "replace")


def _harmless(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_RISKY) else text


def from_csv(text: str) -> tuple[list[str], list[dict[str, str]]]:
    r"""Names of the columns, and the rows, of a CSV with commas, semicolons or tabs, as countries differ.

    Raises:
        csv.Error: The text is no CSV.

    >>> from_csv("uid;reply\nc1;'=1+1\n")
    (['uid', 'reply'], [{'uid': 'c1', 'reply': '=1+1'}])
    """
    first = text.split("\n", 1)[0]
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    rows = [{k: (v or "").removeprefix("'") for k, v in row.items() if k} for row in table]
    return list(table.fieldnames or ()), rows


def read_text(path: Path) -> str:
    """Text of a sheet, line ends inside its cells as they are.

    Raises:
        DataError: The file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: the sheet cannot be read ({error.strerror or error}); check its name") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: the sheet cannot be read ({error}); save it as UTF-8") from None
