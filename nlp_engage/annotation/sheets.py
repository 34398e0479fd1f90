"""Sheets to label on: JSON lines, CSV for a spreadsheet, Label Studio tasks; each is written, and read back."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.annotation.labelstudio import codes_of_tasks, is_export, label_config, tasks
from nlp_engage.durable import write_atomically
from nlp_engage.errors import DataError
from nlp_engage.spreadsheet import from_csv, read_text, to_csv
from nlp_engage.types import ACT_LABEL, ACTS, LABEL_CODES, Act

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ANSWERS: Final = ("label", "act", "confidence", "coder", "note")
"""What a coder fills in; everything else on a sheet is there to read."""
_COLUMNS: Final = ("uid", "lang", "platform", "thread", "post", "above", "by", "reply", *ANSWERS)
CONFIG_SUFFIX: Final = ".label_config.xml"


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
    rows = [{**{key: None for key in ANSWERS}, **unit} for unit in units]
    if path.suffix == ".jsonl":
        write_atomically(
            path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "replace")
        )
    elif path.suffix == ".csv":
        write_atomically(path, _csv(rows))
    elif path.suffix == ".json":
        config = path.with_suffix(CONFIG_SUFFIX)
        write_atomically(config, label_config().encode())
        write_atomically(path, (json.dumps(tasks(units), ensure_ascii=False, indent=1) + "\n").encode())
        return [path, config]
    else:
        raise DataError(f"{path}: a sheet is .jsonl, .csv, or .json for Label Studio tasks")
    return [path]


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    columns = list(dict.fromkeys((*_COLUMNS, *(key for row in rows for key in row))))
    return to_csv(columns, ({**row, "above": _turns(row["above"])} for row in rows))


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
        DataError: The file cannot be read or is no such sheet; a label or act is unknown, or they do not belong
            together; a confidence is not 1, 2 or 3.
    """
    text = read_text(path)
    units = []
    for place, row in _rows(path, text):
        if not isinstance(row, dict) or not row.get("uid"):
            raise DataError(f"{path}, {place}: no uid; sheets keep the column uid that `nlp-engage sample` wrote")
        answers = _answers(row, f"{path}, {place}")
        units.append({**row, **answers, "coder": str(row.get("coder") or path.stem)})
    if not units:
        raise DataError(f"{path}: no unit is in this sheet")
    return units


def _rows(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    head = text.lstrip()[:1]
    try:
        if head == "[":
            records = json.loads(text)
            rows = codes_of_tasks(records) if is_export(records) else records
            yield from ((f"record {i}", row) for i, row in enumerate(rows, 1))
        elif head == "{":
            lines = ((i, line) for i, line in enumerate(text.split("\n"), 1) if line.strip())
            yield from ((f"line {i}", json.loads(line)) for i, line in lines)
        else:
            columns, table = from_csv(text)
            if "uid" not in columns:
                raise DataError(f"{path}: no column uid; is this a sheet `nlp-engage sample` wrote?")
            cells = [_from_cells(row) for row in table]
            rows = codes_of_tasks(cells) if "dialogue" in columns else cells
            yield from ((f"row {i}", row) for i, row in enumerate(rows, 2))
    except (ValueError, AttributeError, TypeError, KeyError, csv.Error) as error:
        raise DataError(f"{path}: not JSON lines, CSV or an export of Label Studio ({error})") from None


def _from_cells(cells: Mapping[str, str]) -> dict[str, Any]:
    unit: dict[str, Any] = dict(cells)
    if "dialogue" in cells:  # a CSV of Label Studio
        unit["dialogue"] = json.loads(cells["dialogue"])
    elif "above" in cells:
        lines = [line for line in cells["above"].split("\n") if line]
        unit["above"] = [[line.split(": ", 1)[0], _lines(line.partition(": ")[2])] for line in lines]
    if cells.get("p_inclusion"):
        unit["p_inclusion"] = float(cells["p_inclusion"])
    return unit


def _answers(row: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Label, act and confidence of a row, checked."""
    label, act = _word(row.get("label")), _word(row.get("act"))
    if label is None:
        return {"label": None, "act": None, "confidence": None}
    code = next((c for c, name in LABEL_CODES.items() if label in (c.lower(), name, name.replace("_", " "))), None)
    if code is None:
        raise DataError(f"{place}: label is {row['label']!r}, must be one of {', '.join(LABEL_CODES)}")
    if act is not None and (act not in ACTS or ACT_LABEL[Act(act)] != LABEL_CODES[code]):
        fit = [str(a) for a in ACTS if ACT_LABEL[a] == LABEL_CODES[code]]
        raise DataError(f"{place}: act is {row['act']!r}, with label {code} it must be one of {', '.join(fit)}")
    confidence = _word(row.get("confidence"))
    if confidence not in (None, "1", "2", "3"):
        raise DataError(f"{place}: confidence is {row['confidence']!r}, must be 1, 2, 3 or left empty")
    return {"label": code, "act": act, "confidence": int(confidence) if confidence else None}


def _word(value: Any) -> str | None:
    return str(value).strip().lower() or None if value is not None else None
