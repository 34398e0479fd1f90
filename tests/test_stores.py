"""The three lines a tool in ``docs/stores.md`` run as they stand, and give what the files hold."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fakes import FakeLabeller
from test_archive import write_archive

from nlp_engage.archive import label_archive

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "stores.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^## (\w+)\n\n```python\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("stores")
    label_archive([write_archive(made / "archive.jsonl", range(12))], made / "run", FakeLabeller())
    return made


@pytest.mark.parametrize("tool", ["DuckDB", "pandas", "polars"])
def test_the_lines_of_the_page_run_and_see_every_label(folder, tool, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    names = {}
    exec(BLOCKS[tool], names)
    labels = pq.read_table(folder / "run" / "labels")["label"].to_pylist()
    printed = capsys.readouterr().out
    assert all(label in printed for label in set(labels))
    found = names["labels"]
    found = found.fetchall() if tool == "DuckDB" else found.collect() if tool == "polars" else found
    column = [row[3] for row in found] if tool == "DuckDB" else list(found["label"])
    assert Counter(column) == Counter(labels)


def test_the_page_has_three_lines_a_tool_and_names_every_column(folder):
    lines = {tool: sum(bool(line) for line in code.splitlines()) for tool, code in BLOCKS.items()}
    assert lines == {"DuckDB": 3, "pandas": 3, "polars": 3, "Spark": 3}
    for table in ("comments", "labels"):
        row = re.search(rf"^\| `{table}` \| (.*) \|$", PAGE, re.MULTILINE)[1]
        assert set(pq.read_table(folder / "run" / table).column_names) == set(
            re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", row)))
        ) - {"keep", "authors"}


def test_files_hold_nothing_that_spark_cannot_read(folder):
    flat = (pa.types.is_string, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating)
    for path in (folder / "run").rglob("*.parquet"):
        for field in pq.read_schema(path):
            timestamp = pa.types.is_timestamp(field.type) and field.type.unit == "us" and field.type.tz == "UTC"
            assert timestamp or any(is_kind(field.type) for is_kind in flat), field
        group = pq.ParquetFile(path).metadata.row_group(0)
        assert {group.column(k).compression for k in range(group.num_columns)} == {"ZSTD"}
