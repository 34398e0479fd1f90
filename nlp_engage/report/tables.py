"""A measurement as a file: JSON, CSV or Parquet, there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nlp_engage.durable import write_atomically
from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

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


def _json(measurement: Measurement) -> bytes:
    return (json.dumps(measurement.rows(), ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def _csv(measurement: Measurement) -> bytes:
    import pyarrow as pa
    import pyarrow.csv

    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(measurement.to_arrow(), sink)
    return bytes(sink.getvalue().to_pybytes())


def _parquet(measurement: Measurement) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    sink = pa.BufferOutputStream()
    settings = {name: str(getattr(measurement, name)) for name in ("version", "by", "level", "resamples", "seed")}
    table = measurement.to_arrow().replace_schema_metadata({f"nlp_engage.{k}": v for k, v in settings.items()})
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


_FORMS: Final[dict[str, Callable[[Measurement], bytes]]] = {".json": _json, ".csv": _csv, ".parquet": _parquet}
