"""Tables that people open and save in a spreadsheet: written so that no cell is changed, read however it was saved."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Final

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

_FORMULA: Final = ("=", "+", "-", "@")
"""A spreadsheet would run a cell that begins so, in full width too."""
_DROPPED: Final = ("\t", "\r", "\n", "'")
"""A spreadsheet may drop these from the front of a cell; the last is its mark of a text, and ours."""
_NUMBER: Final = re.compile(r"[\d.,:/年月日% -]*\d[\d.,:/年月日% -]*([eE][+-]?\d+)?|true|false", re.IGNORECASE)
"""A spreadsheet would take such a text for a number, a date or a truth, and write it otherwise: long ids rounded."""
_NUMBER_CHARS: Final = 60
_WORD: Final = re.compile(r"[^\W\d_年月日号號时時点點分秒上下午]+")
_OF_TIME: Final = re.compile(r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*|am|pm|de", re.IGNORECASE)
_ID: Final = re.compile(r"[a-z]\d+([._]\d+)*", re.IGNORECASE)
_TIME_CHARS: Final = 40
"""The longest date with its time, ``14 September 2026, 10:30:00 pm``, is shorter."""
_SEPARATOR: Final = re.compile(r'"?sep=(.)"?')
"""First line by which Excel is told the delimiter."""
_LONGEST: Final = 2**31 - 1
"""The highest limit of a cell that ``csv`` takes on every system."""


def to_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    """Rows as a CSV with a byte order mark, by which spreadsheets know UTF-8; ``None`` is an empty cell.

    A text that a spreadsheet would run, round or reformat, or might somewhere (``5 Mai``), gets an apostrophe in front,
    which ``from_csv`` takes off.

    >>> to_csv(["uid", "reply"], [{"uid": "1234567890123456789", "reply": "=1+1"}]).decode("utf-8-sig").splitlines()
    ['uid,reply', "'1234567890123456789,'=1+1"]
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(row.get(name)) for name in columns])
    return out.getvalue().encode("utf-8-sig", "replace")


def _harmless(cell: object) -> str:
    text = "" if cell is None else str(cell)
    plain = unicodedata.normalize("NFKC", text)
    changed = (
        text.startswith(_DROPPED)
        or plain.lstrip().startswith(_FORMULA)
        or (isinstance(cell, str) and (_is_number(plain) or _may_be_read_as_one(plain)))
    )
    return f"'{text}" if changed else text


def _is_number(plain: str) -> bool:
    return len(plain) <= _NUMBER_CHARS and _NUMBER.fullmatch(plain) is not None


def _may_be_read_as_one(plain: str) -> bool:
    """Whether a text is short, has a digit, and at most one word beside it or one of time.

    Which words are months and currencies depends on the country of whoever opens the sheet: any one word may be, but
    not a letter in front of digits, as many ids have it (``t0.12``).
    """
    if len(plain) > _TIME_CHARS or not any(map(str.isdigit, plain)) or _ID.fullmatch(plain):
        return False
    words = _WORD.findall(plain)
    return len(words) < 2 or any(map(_OF_TIME.fullmatch, words))


def from_csv(
    text: str, names: Collection[str] = (), *, foreign: str | None = None
) -> tuple[list[str], dict[int, dict[str, str]]]:
    r"""Names of the columns, and the rows, of a CSV with commas, semicolons or tabs, as countries differ.

    Args:
        text: The CSV. A first line such as ``sep=;`` says the delimiter; blank rows are left out.
        names: Columns whose name may be written in any case.
        foreign: A column by which a table of another program is known: there, apostrophes are text.

    Returns:
        The columns, and each row under its number in the spreadsheet, where the columns are row 1.

    Raises:
        csv.Error: The text is no CSV: a quote is never closed, a column is there twice, a row has too many cells.

    >>> from_csv("UID;reply\n;\nc1;'=1+1\n", ["uid"])
    (['uid', 'reply'], {3: {'uid': 'c1', 'reply': '=1+1'}})
    """
    text, delimiter = _delimited(text)
    csv.field_size_limit(min(max(csv.field_size_limit(), len(text)), _LONGEST))
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    known = {name.lower(): name for name in names}
    columns = [known.get(name.strip().lower(), name.strip()) for name in next(table, [])]
    if twice := [name for name, times in Counter(columns).items() if name and times > 1]:
        raise csv.Error(f"column {twice[0]!r} is there twice; keep one of them")
    own = foreign not in columns
    rows = {}
    for number, cells in enumerate(table, 2):
        if any(cell.strip() for cell in cells[len(columns) :]):
            raise csv.Error(f"row {number} has {len(cells)} cells, and there are {len(columns)} columns")
        if any(cell.strip() for cell in cells):
            full = (*cells, *[""] * (len(columns) - len(cells)))
            named = {name: cell for name, cell in zip(columns, full, strict=False) if name}
            rows[number] = {k: v.removeprefix("'") for k, v in named.items()} if own else named
    return [name for name in columns if name], rows


def check_new(paths: Iterable[Path]) -> None:
    """Refuse to write over a sheet: it may hold hours of somebody's work.

    Raises:
        DataError: One of the files is there.
    """
    if there := [path for path in paths if path.exists()]:
        raise DataError(f"{there[0]} is there already and may hold labels: choose another name, or delete it first.")


def _delimited(text: str) -> tuple[str, str]:
    """The text without the line that names the delimiter, and the delimiter."""
    first = re.split(r"[\r\n]", text, maxsplit=1)[0]
    if said := _SEPARATOR.fullmatch(first):
        return text[len(first) :].lstrip("\r\n"), said[1]
    return text, max(",;\t", key=first.count)


def read_text(path: Path) -> str:
    """Text of a sheet in UTF-8, or in UTF-16 with a byte order mark; line ends inside its cells are as they are.

    Raises:
        DataError: The file cannot be read, or is in another encoding.
    """
    try:
        data = path.read_bytes()
        wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return data.decode("utf-16" if wide else "utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: the sheet cannot be read ({error.strerror or error}); check its name") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: the sheet cannot be read ({error}); save it as UTF-8 (in Excel: CSV UTF-8)") from None
