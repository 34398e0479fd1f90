"""Sheets to label on: JSON lines, CSV for a spreadsheet, Label Studio tasks; each is written, and read back."""

from __future__ import annotations

import csv
import json
import re
from ast import literal_eval
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.annotation.answers import checked_answers, coder_name
from nlp_engage.annotation.fields import check_chinese, checked_unit
from nlp_engage.annotation.labelstudio import codes_of_tasks, is_export, label_config, tasks
from nlp_engage.durable import write_atomically
from nlp_engage.errors import DataError
from nlp_engage.spreadsheet import from_csv, read_text, to_csv

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ANSWERS: Final = ("label", "act", "confidence", "coder", "note")
"""What a coder fills in; everything else on a sheet is there to read."""
_COLUMNS: Final = ("uid", "lang", "platform", "thread", "post", "above", "by", "reply", *ANSWERS)
CONFIG_SUFFIX: Final = ".label_config.xml"
SUFFIXES: Final = (".jsonl", ".csv", ".json")


def sheet_files(path: Path) -> list[Path]:
    """The files ``write_sheet`` writes: the sheet, and beside Label Studio tasks the labelling interface.

    Raises:
        DataError: The suffix is that of no sheet.

    >>> from pathlib import Path
    >>> [file.name for file in sheet_files(Path("tasks.json"))]
    ['tasks.json', 'tasks.label_config.xml']
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: the name of a sheet ends in .jsonl, .csv, or .json for Label Studio tasks")
    return [path, path.with_suffix(CONFIG_SUFFIX)] if suffix == ".json" else [path]


def write_sheet(path: Path, units: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Write units to label. The suffix says how: ``.jsonl``, ``.csv``, or ``.json`` for Label Studio tasks.

    A CSV opens in a spreadsheet: with a byte order mark, turns above the reply on lines of their own, and no cell
    that would run as a formula. Beside Label Studio tasks the labelling interface is written.

    Args:
        path: File to write.
        units: From ``draw_replies``.

    Returns:
        The files written.

    Raises:
        DataError: The suffix is none of these.
    """
    files = sheet_files(path)
    rows = [{**{key: None for key in ANSWERS}, **unit} for unit in units]
    if len(files) > 1:
        write_atomically(files[1], label_config(codings=any("codings" in unit for unit in units)).encode())
        text = json.dumps(tasks(units), ensure_ascii=False, indent=1) + "\n"
    elif path.suffix.lower() == ".jsonl":
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    else:
        write_atomically(path, _csv(rows))
        return files
    write_atomically(path, text.encode("utf-8", "replace"))
    return files


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    columns = list(dict.fromkeys((*_COLUMNS, *(key for row in rows for key in row))))
    return to_csv(columns, ({**row, "above": _turns(row.get("above") or ())} for row in rows))


def _turns(above: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"{who}: {_one_line(text)}" for who, text in above)


def _one_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _lines(text: str) -> str:
    marks = {"n": "\n", "r": "\r", "\\": "\\"}
    parts = iter(text)
    return "".join(marks.get(follower := next(parts, ""), "\\" + follower) if c == "\\" else c for c in parts)


def read_sheet(path: Path) -> list[dict[str, Any]]:
    """Read a sheet somebody filled in: JSON lines, CSV, or an export of Label Studio (JSON, JSON-MIN or CSV).

    Args:
        path: The file; it is recognised by its content.

    Returns:
        One unit a coding: the fields of the unit, and ``label, act, confidence, coder``. Labels may be written as
        codes or in full, in any case; whoever coded without a name is called by the name of the file. Units nobody
        has labelled yet have the label ``None``.

    Raises:
        DataError: The file cannot be read or is no such sheet; a field is not as it was written (see
            ``checked_unit``) or its Chinese is lost; no unit has a field for the label; an answer is none (see
            ``checked_answers``).
    """
    text = read_text(path)
    units = []
    asked = False
    for place, row in _rows(path, text):
        unit = checked_unit(row, f"{path}, {place}")
        asked = asked or "label" in unit
        answers = checked_answers(unit, f"{path}, {place}")
        units.append({**unit, **answers, "coder": coder_name(unit.get("coder")) or coder_name(path.stem)})
    if not units:
        raise DataError(f"{path}: no unit is in this sheet")
    if not asked:
        raise DataError(f"{path}: no unit has a label field; coders fill in the column label of the sheet")
    check_chinese(path, units)
    return units


def _rows(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    head = text.lstrip()[:1]
    try:
        single = _whole(text) if head == "{" else None
        if head == "[" or is_export([single]):
            records: Any = json.loads(text) if head == "[" else [single]
            export = is_export(records)
            kind = "task" if export and "data" in records[0] else "record"
            rows = ((f"{kind} {i}", row) for i, row in enumerate(records, 1))
            yield from codes_of_tasks(rows) if export else rows
        elif head == "{":
            yield from _json_lines(path, text)
        else:
            yield from _table(path, text)
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError, csv.Error) as error:
        raise DataError(f"{path}: not JSON lines, CSV or an export of Label Studio ({error})") from None


def _whole(text: str) -> Any:
    """A text that is one JSON value, such as a single task; else ``None``."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _json_lines(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    for i, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"line {i}", json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}, line {i}: no JSON ({error}); a line is one unit") from None


def _table(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    columns, table = from_csv(text, (*_COLUMNS, "p_inclusion", "stratum"), foreign="dialogue")
    if "uid" not in columns:
        raise DataError(f"{path}: no column uid; is this a sheet `nlp-engage sample` wrote?")
    rows = ((f"row {i}", _from_cells(row, f"{path}, row {i}")) for i, row in table.items())
    yield from codes_of_tasks(rows) if "dialogue" in columns else rows


def _from_cells(cells: Mapping[str, str], place: str) -> dict[str, Any]:
    unit: dict[str, Any] = dict(cells)
    if "dialogue" in cells:  # a CSV of Label Studio
        unit["dialogue"] = _python_or_json(cells["dialogue"], place)
    elif "above" in cells:
        # spreadsheets change line ends and take the blank off that ends a removed turn, `A: `
        turns = [line.partition(":") for line in re.split(r"\r\n?|\n", cells["above"]) if line.strip()]
        unit["above"] = [[who, _lines(text.removeprefix(" "))] for who, _, text in turns]
    return unit


def _python_or_json(cell: str, place: str) -> Any:
    """The turns of a task: JSON, or as Label Studio wrote them before 1.7, a list of Python."""
    for decode in (json.loads, literal_eval):
        try:
            return decode(cell)
        except (ValueError, SyntaxError, MemoryError):
            continue
    raise DataError(f"{place}: dialogue is {cell[:40]!r}, no list of turns; export it from Label Studio again")
