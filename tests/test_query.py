"""SQL over a run: the two tables and nothing else, answers in three forms, errors that help."""

from __future__ import annotations

import json
import re
import shutil

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from fakes import FakeLabeller
from test_archive import write_archive

from nlp_engage.archive import label_archive
from nlp_engage.cli import main


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("it's a run")  # a quote in the path must do no harm
    label_archive([write_archive(folder / "archive.jsonl", range(12))], folder / "run", FakeLabeller())
    return folder / "run"


def ask(run_folder, *args):
    return CliRunner().invoke(main, ["query", str(run_folder), *map(str, args)])


def test_counts_are_those_of_the_files(run_folder):
    labels = pq.read_table(run_folder / "labels").to_pylist()
    out = ask(run_folder, "SELECT label, count(*) AS n FROM labels GROUP BY label", "--json")
    assert out.exit_code == 0, out.output
    found = {row["label"]: row["n"] for row in json.loads(out.stdout)}
    assert found == {k: sum(r["label"] == k for r in labels) for k in {r["label"] for r in labels}}


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_an_answer_is_the_same_in_every_form(run_folder, tmp_path, suffix):
    import pandas as pd

    out = tmp_path / f"answer.{suffix}"
    sql = "SELECT c.id, c.text, l.label FROM comments c JOIN labels l USING (thread_id, id) ORDER BY c.id"
    assert ask(run_folder, sql, "-o", out).exit_code == 0
    frame = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}[suffix](out)
    texts = {c["id"]: c["text"] for c in pq.read_table(run_folder / "comments").to_pylist()}
    assert len(frame) == 12 * 6
    assert all(texts[row.id] == row.text for row in frame.itertuples())


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM read_csv('/etc/passwd')", "reads the tables of"),
        ("SELECT * FROM read_text('{run}/.salt')", "reads the tables of"),
        ("SELECT * FROM read_text('{run}/comments/../.salt')", "reads the tables of"),
        ("SELECT * FROM glob('/etc/*')", "reads the tables of"),
        ("COPY labels TO '{run}/labels/part-9.parquet'", "only read"),
        ("EXPLAIN ANALYZE COPY (SELECT 1 AS id) TO '{run}/labels/part-00000.parquet'", "reads the tables of"),
        ("EXPLAIN ANALYZE COPY labels TO '{run}/comments/part-9.csv'", "reads the tables of"),
        ("SELECT * FROM read_parquet('{run}/labels/part-00000.parquet')", "reads the tables of"),
        ("ATTACH '{run}/x.db'", "only read"),
        ("SET enable_external_access = true", "only read"),
        ("INSTALL httpfs", "only read"),
        ("SELECT 1; DROP VIEW labels", "2 statements"),
        ("", "0 statements"),
        ("SELECT nosuch FROM labels", r"nosuch.*there are the tables comments \(id, "),
        ("SELEC", "syntax error"),
        ("SELECT CAST(text AS INT) FROM comments", "Could not convert"),
    ],
)
def test_what_a_query_may_not_do_is_refused_with_a_reason(run_folder, sql, message):
    before = {p: p.stat().st_mtime_ns for p in run_folder.rglob("*")}
    out = ask(run_folder, sql.format(run=str(run_folder).replace("'", "''")))
    assert out.exit_code == 1
    assert re.search(message, out.output), out.output
    assert {p: p.stat().st_mtime_ns for p in run_folder.rglob("*")} == before


def test_a_damaged_part_is_told_with_the_way_out(run_folder, tmp_path):
    copy = shutil.copytree(run_folder, tmp_path / "run")
    (copy / "labels" / "part-00000.parquet").write_bytes(b"PAR1 and nothing more")
    out = ask(copy, "SELECT count(*) FROM labels")
    assert out.exit_code == 1
    assert "label` command again" in out.output


def test_an_unfinished_run_and_an_unknown_suffix_are_refused(run_folder, tmp_path):
    assert "no run folder" in ask(tmp_path, "SELECT 1").output
    out = ask(run_folder, "SELECT 1", "-o", tmp_path / "answer.xlsx")
    assert out.exit_code == 2
    assert "must end in" in out.output
    assert list(tmp_path.iterdir()) == []
