"""Ask a run folder in SQL: its Parquet as two tables of an engine that can reach nothing else."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.archive.spill import DEFAULT_MEMORY
from nlp_engage.archive.store import run_manifest
from nlp_engage.errors import DataError, RunError

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    import pyarrow as pa

TABLES: Final = ("comments", "labels")
_SHARE: Final = 0.6


def query(run: Path, sql: str, memory: int = DEFAULT_MEMORY) -> pa.RecordBatchReader:
    """Answer one SQL query over the tables ``comments`` and ``labels`` of a finished run.

    The engine is DuckDB, in memory; nothing in the run can be changed, and the query can read no other file, nor the
    net. Rows stream: the answer may be larger than memory.

    Args:
        run: Run folder.
        sql: One ``SELECT`` (also ``DESCRIBE``, ``SUMMARIZE``, ``EXPLAIN``, ``FROM ...``, ``WITH ...``).
        memory: Bytes the engine may take.

    Raises:
        RunError: The folder is no finished run, or a part is damaged.
        DataError: The SQL is wrong, is not one query, or asks for something else than the two tables.

    Example:
        >>> query(Path("run"), "SELECT label, count(*) FROM labels GROUP BY label")  # doctest: +SKIP
    """
    import duckdb

    run_manifest(run)
    engine = _locked_engine(run, memory)
    try:
        statements = engine.extract_statements(sql)
        if len(statements) != 1:
            raise DataError(f"the SQL holds {len(statements)} statements; give one query, without a semicolon inside")
        _check_reading(statements[0].type.name)
        return engine.sql(statements[0].query).to_arrow_reader()
    except duckdb.PermissionException as error:
        raise DataError(f"{_first(error)}; a query reads the tables of {run} and nothing else") from None
    except duckdb.Error as error:
        raise DataError(f"{_first(error)} -- {_known(engine)}") from None


_READING: Final = {"EXPLAIN", "SELECT"}


def _check_reading(kind: str) -> None:
    if kind not in _READING:
        raise DataError(
            f"the SQL is a statement of the kind {kind}; a run is only read: write a SELECT over {' and '.join(TABLES)}"
        )


def _locked_engine(run: Path, memory: int) -> duckdb.DuckDBPyConnection:
    """An engine that holds the two tables and can open no file at all.

    The files are read by Arrow. If the engine could open them it could also write to them: ``EXPLAIN ANALYZE COPY``
    counts as an explanation and copies all the same.
    """
    import duckdb
    import pyarrow as pa
    import pyarrow.dataset as ds

    engine = duckdb.connect(config={"memory_limit": f"{max(64, int(memory * _SHARE) // 2**20)}MB"})
    for name in TABLES:
        files = [str(path) for path in sorted((run / name).glob("part-*.parquet"))]
        try:
            engine.register(name, ds.dataset(files, format="parquet"))
        except (OSError, pa.ArrowException) as error:
            raise RunError(
                f"the {name} of {run} cannot be read ({_first(error)}); run the same `nlp-engage label` command again, "
                "which does damaged parts anew"
            ) from None
    engine.execute("SET enable_external_access = false")
    engine.execute("SET lock_configuration = true")
    return engine


def _first(error: Exception) -> str:
    text = str(error).split("\n\n")[0].strip()
    return " ".join(text.split())


def _known(engine: duckdb.DuckDBPyConnection) -> str:
    tables = []
    for name in TABLES:
        columns = ", ".join(row[0] for row in engine.execute(f"DESCRIBE {name}").fetchall())
        tables.append(f"{name} ({columns})")
    return "there are the tables " + " and ".join(tables)


def write_answer(answer: pa.RecordBatchReader, kind: str, file: Any) -> int:
    """Write an answer as ``csv``, ``json`` (an array of objects) or ``parquet``; returns the number of rows.

    Raises:
        DataError: The query failed on a row, or a column is of a kind the format does not know.
    """
    import duckdb
    import pyarrow as pa

    try:
        return {"csv": _csv, "json": _json, "parquet": _parquet}[kind](answer, file)
    except (duckdb.Error, pa.ArrowException, ValueError) as error:
        raise DataError(f"{_first(error)} (writing {kind}; .json takes every kind of column)") from None


def _csv(answer: pa.RecordBatchReader, file: Any) -> int:
    import pyarrow.csv as pc

    with pc.CSVWriter(file, answer.schema) as writer:
        return _batches(answer, writer)


def _parquet(answer: pa.RecordBatchReader, file: Any) -> int:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(file, answer.schema, compression="zstd") as writer:
        return _batches(answer, writer)


def _batches(answer: pa.RecordBatchReader, writer: Any) -> int:
    rows = 0
    for batch in answer:
        writer.write_batch(batch)
        rows += batch.num_rows
    return rows


def _json(answer: pa.RecordBatchReader, file: Any) -> int:
    import json

    rows = 0
    file.write(b"[")
    for batch in answer:
        for found in batch.to_pylist():
            row = {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in found.items()}
            text = json.dumps(row, ensure_ascii=False, default=str, allow_nan=False)
            file.write((",\n" if rows else "\n").encode() + text.encode("utf-8", "replace"))
            rows += 1
    file.write(b"\n]\n")
    return rows
