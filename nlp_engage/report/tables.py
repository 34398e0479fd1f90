"""A measurement as a file: JSON, CSV or Parquet, there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.durable import write_atomically
from nlp_engage.errors import DataError
from nlp_engage.show import in_columns, plain
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from nlp_engage.measure import Measurement


def write_table(measurement: Measurement, path: str | Path) -> None:
    """Write the rows of a measurement; the ending of the file name says how.

    JSON is a list of objects as ``Measurement.rows`` gives them; CSV (UTF-8, empty where a value is missing) and
    Parquet have the columns of ``Measurement.to_arrow``. A file that is there is replaced at once, never in part.

    Args:
        measurement: The rows.
        path: Name of the file, ending in ``.json``, ``.csv`` or ``.parquet``; missing folders are made.

    Raises:
        DataError: The name ends in something else.
    """
    target = Path(path)
    make = _FORMS.get(target.suffix.lower())
    if make is None:
        raise DataError(f"cannot write {target}: the name must end in {', '.join(_FORMS)}.")
    write_atomically(target, make(measurement))


def write_arrow(table: pa.Table, path: str | Path) -> None:
    """Write an Arrow table as CSV or Parquet, by the ending of the file name; whole or not at all.

    Raises:
        DataError: The name ends in something else.
    """
    target = Path(path)
    if target.suffix.lower() not in (".csv", ".parquet"):
        raise DataError(f"cannot write {target}: the name must end in .csv or .parquet.")
    write_atomically(target, _csv_bytes(table) if target.suffix.lower() == ".csv" else _parquet_bytes(table, {}))


def write_rows(rows: Sequence[dict[str, Any]], path: str | Path, settings: Mapping[str, str]) -> None:
    """Write plain rows, for instance of an audit, as ``write_table`` writes those of a measurement.

    Args:
        rows: All with the same keys; texts, numbers and ``None``.
        path: As for ``write_table``.
        settings: What they were made with; goes into the metadata of Parquet.

    Raises:
        DataError: The name ends in something else.
    """
    import pyarrow as pa

    target = Path(path)
    if target.suffix == ".json":
        data = (json.dumps(list(rows), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()
    else:
        table = pa.Table.from_pylist(list(rows))
        if target.suffix not in (".csv", ".parquet"):
            raise DataError(f"cannot write {target}: the name must end in {', '.join(_FORMS)}.")
        data = _csv_bytes(table) if target.suffix == ".csv" else _parquet_bytes(table, settings)
    write_atomically(target, data)


def shares_text(measurement: Measurement, most: int = 20) -> str:
    """The three shares of each group as lines of text, as counted and as corrected, with their intervals.

    Args:
        measurement: The rows, measured with ``held_out``.
        most: Groups shown.
    """
    rows = measurement.rows()
    head = ["group", "replies", "share", "counted", "", "corrected", "", "EMQ"]
    lines = [head]
    reasons: dict[str, None] = {}
    for row in rows[:most]:
        for k, label in enumerate(LABELS):
            key = f"share_{label}"
            first = [plain(str(row["group"])), str(row["n_replies"])] if k == 0 else ["", ""]
            cells = [cell for end in ("", "_corrected") for cell in _cells(row, key + end)]
            lines.append([*first, label.replace("_", " "), *cells, _cells(row, f"{key}_emq")[0]])
        if reason := row["notes"].get(f"share_{LABELS[0]}_corrected"):
            reasons[f"{plain(str(row['group']))}: {reason}"] = None
    text = in_columns(lines, left=(0, 2))
    more = [f"... {len(rows) - most} more groups"] if len(rows) > most else []
    return "\n".join([text, *more, *list(reasons)[:most]])


def _cells(row: dict[str, Any], key: str) -> tuple[str, str]:
    """A share and its interval in per cent."""
    value, low, high = (row.get(key + end) for end in ("", "_low", "_high"))
    interval = "" if low is None or high is None else f"[{100 * low:.1f}, {100 * high:.1f}]"
    return ("-" if value is None else f"{100 * value:.1f}"), interval


def _json(measurement: Measurement) -> bytes:
    return (json.dumps(measurement.rows(), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def _csv(measurement: Measurement) -> bytes:
    return _csv_bytes(measurement.to_arrow())


def _csv_bytes(table: pa.Table) -> bytes:
    import pyarrow as pa
    import pyarrow.csv

    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _parquet(measurement: Measurement) -> bytes:
    settings = {name: str(getattr(measurement, name)) for name in ("version", "by", "level", "resamples", "seed")}
    return _parquet_bytes(measurement.to_arrow(), settings)


def _parquet_bytes(table: pa.Table, settings: Mapping[str, str]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    kept = table.schema.metadata or {}
    table = table.replace_schema_metadata({**kept, **{f"nlp_engage.{k}": v for k, v in settings.items()}})
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


_FORMS: Final[dict[str, Callable[[Measurement], bytes]]] = {".json": _json, ".csv": _csv, ".parquet": _parquet}
