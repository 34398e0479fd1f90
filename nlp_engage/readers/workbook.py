"""Excel workbooks (MediaCrawler's, and what people save): read like a folder with a file of JSON lines a sheet."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import ExitStack, closing
from datetime import date, datetime, time, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import ZipFile

from nlp_engage.errors import MissingExtraError, require
from nlp_engage.readers.inside import Inside, Rows, Table
from nlp_engage.readers.sniffing import clean_header
from nlp_engage.readers.streams import BOMB_BYTES, BOMB_RATIO, MAX_PACKED, TooLargeError, inflate, unpacked
from nlp_engage.readers.zipped import MAGIC

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_ROWS: Final = 1_048_576
"""Rows of the largest sheet that Excel makes."""
_DIGITS: Final = 15
"""Digits of a number that Excel keeps; it makes zeros of the others."""
_TRIED: Final = 200
_FEW: Final = 3
_SHEET: Final = re.compile(r"xl/worksheets/[^/]+")
_BROKEN: Final = (Exception,)
"""What a damaged workbook raises: the library lets through whatever its parts raise (zip, XML, numbers)."""


class _Quiet(Rows):
    """Rows of a sheet, without the library's warnings of what it does not draw."""

    def pull(self) -> bytes:
        """The next rows."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return super().pull()


class _Sheet(Table):
    """A sheet of a workbook."""

    broken = _BROKEN
    stream = _Quiet

    @staticmethod
    def damaged(error: Exception) -> str:
        """What is said of damage."""
        return str(error) if isinstance(error, TooLargeError) else f"the Excel workbook cannot be read ({_said(error)})"

    def rows(self, opened: ExitStack) -> Iterator[dict[str, Any]]:
        """Its rows, by the names of their columns."""
        return _records(_cells(unpacked(self.archive), self.inner, opened))


def sheets(path: Path | Inside) -> Sequence[Table] | None:
    """The sheets of a workbook in their order; ``None`` if a file is none. Nothing is written.

    >>> from tempfile import TemporaryDirectory
    >>> from openpyxl import Workbook
    >>> with TemporaryDirectory() as folder:
    ...     book = Workbook()
    ...     book.active.title = "Comments"
    ...     book.save(Path(folder) / "crawl.xlsx")
    ...     [sheet.inner for sheet in sheets(Path(folder) / "crawl.xlsx")]
    ['Comments']
    """
    try:
        with inflate(path, []) as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                return None
        content = unpacked(path)
        parts = _parts(content)
        if "xl/workbook.xml" not in parts:
            return None
        if fault := _too_large(parts, path):
            return [_Sheet(path, "", fault=fault)]
        with ExitStack() as opened:
            names = [str(sheet.title) for sheet in _book(content, opened, computed=False).worksheets]
    except MissingExtraError as error:
        return [_Sheet(path, "", fault=f"it is an Excel workbook. {error}, or save its sheets as CSV")]
    except TooLargeError as error:
        return [_Sheet(path, "", fault=str(error))]
    except OSError:
        return None
    except _BROKEN as error:
        return [_Sheet(path, "", fault=_Sheet.damaged(error))]
    if not names:
        return [_Sheet(path, "", fault="the Excel workbook has no sheet")]
    share = sum(size for name, size in parts.items() if _SHEET.fullmatch(name)) // len(names)
    return [_Sheet(path, name, share) for name in names]


def _parts(content: Path | bytes) -> dict[str, int]:
    """Name -> bytes, unpacked, of the files that a workbook consists of; none if it is no zip archive."""
    try:
        with ZipFile(content if isinstance(content, Path) else io.BytesIO(content)) as parts:
            return {part.filename: part.file_size for part in parts.infolist()}
    except _BROKEN:
        return {}


def _too_large(parts: dict[str, int], path: Path | Inside) -> str:
    """Why a workbook is not opened: sheets are streamed, everything else of it is held in memory."""
    size = sum(parts.values())
    packed = path.size() if isinstance(path, Inside) else path.stat().st_size
    if size > BOMB_BYTES and size > BOMB_RATIO * packed:
        return f"the Excel workbook unpacks to {size:,} bytes, more than {BOMB_RATIO} times its own: taken for a bomb"
    held = sum(size for name, size in parts.items() if not _SHEET.fullmatch(name))
    if held > MAX_PACKED:
        return f"the texts of the Excel workbook take {held:,} bytes, more than {MAX_PACKED:,}: save its sheets as CSV"
    return ""


def _said(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _book(content: Path | bytes, opened: ExitStack, *, computed: bool) -> Any:
    """Open a workbook for streaming; ``computed``: of formulas the value that Excel has left, not the formula."""
    openpyxl: Any = require("openpyxl", extra="xlsx")
    file = opened.enter_context(content.open("rb") if isinstance(content, Path) else io.BytesIO(content))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(file, read_only=True, data_only=computed, keep_links=False)
    return opened.enter_context(closing(book))


def _sheet_rows(content: Path | bytes, name: str, opened: ExitStack, *, computed: bool) -> Iterator[tuple[Any, ...]]:
    sheet = _book(content, opened, computed=computed)[name]
    sheet.reset_dimensions()  # what a file states of its size is not to be relied on
    found: Iterator[tuple[Any, ...]] = sheet.iter_rows(values_only=True)
    return found


def _cells(content: Path | bytes, name: str, opened: ExitStack) -> Iterator[tuple[Any, ...]]:
    """The rows of a sheet as plain values.

    What begins with ``=`` may be a formula, then its value counts, or a text that a crawler has written: then there is
    no value. The values are a second reading of the sheet, begun where the first such cell is.
    """
    plain = _sheet_rows(content, name, opened, computed=False)
    values: Iterator[tuple[Any, ...]] | None = None
    for number, row in enumerate(plain):
        if number >= MAX_ROWS:
            raise ValueError(f"more than {MAX_ROWS:,} rows")
        if values is None and any(map(_is_formula, row)):
            values = islice(_sheet_rows(content, name, opened, computed=True), number, None)
        second = row if values is None else next(values, row)
        yield tuple(
            _plain(_formula(cell) if value is None else value) for cell, value in zip(row, second, strict=False)
        )


def _is_formula(cell: object) -> bool:
    return cell.startswith("=") if isinstance(cell, str) else hasattr(cell, "ref")


def _formula(cell: object) -> object:
    return getattr(cell, "text", None) if hasattr(cell, "ref") else cell


def _plain(value: object) -> object:
    """A cell as JSON holds it; a whole number that was rounded stays in exponent notation."""
    if isinstance(value, float) and value.is_integer():
        return int(value) if abs(value) < 2**53 else f"{value:.{_DIGITS}g}"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) else value


def _records(rows: Iterator[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Rows by the names of their columns: those of the first row with more than one cell."""
    filled = (row for row in rows if any(cell not in (None, "") for cell in row))
    header = next((row for row in filled if sum(cell not in (None, "") for cell in row) > 1), ())
    names = clean_header(["" if cell is None else str(cell) for cell in header])
    places = {name: names.index(name) for name in names if name}
    first, fault = _beginning(filled)
    rounded = {place for place in places.values() if _is_rounded(row[place] for row in first if place < len(row))}
    for row in chain(first, filled):
        cells = {name: row[place] if place < len(row) else None for name, place in places.items()}
        yield {name: _exponent(cell) if places[name] in rounded else cell for name, cell in cells.items()}
    if fault is not None:
        raise fault


def _beginning(rows: Iterator[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], Exception | None]:
    """The first rows, and what kept them from being more."""
    first = list[tuple[Any, ...]]()
    try:
        first.extend(islice(rows, _TRIED))
    except _BROKEN as error:
        return first, error
    return first, None


def _is_rounded(cells: Iterator[Any]) -> bool:
    """Whether the long numbers of a column all end in the zeros that Excel makes of their last digits."""
    long = [cell for cell in cells if _is_long(cell)]
    return len(long) >= _FEW and not any(int(str(cell)[_DIGITS:]) for cell in long)


def _is_long(cell: object) -> bool:
    return isinstance(cell, int) and not isinstance(cell, bool) and cell >= 10**_DIGITS


def _exponent(cell: Any) -> object:
    return f"{cell:.{_DIGITS}g}" if _is_long(cell) else cell
