"""``audit plan`` and ``audit report`` from the command line: a sheet goes out, comes back, and corrects the run."""

from __future__ import annotations

import csv
import io
import json
import re

import msgspec
import pytest
from click.testing import CliRunner
from fakes import FakeLabeller
from test_archive import thread

from nlp_engage.archive import label_archive
from nlp_engage.cli import main
from nlp_engage.measure.audit_sums import KEYS

SCORES = {
    "fake": {
        "macro_f1": 0.8,
        "per_language": {lang: {"confusion": [[60, 30, 10], [5, 90, 5], [10, 20, 70]]} for lang in ("en", "zh")},
    }
}


class ScoredLabeller(FakeLabeller):
    scores = SCORES


def run(*args):
    return CliRunner().invoke(main, [str(a) for a in args])


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "archive.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for n in range(60) for c in thread(n)))
    return path


@pytest.fixture(scope="module")
def labelled(archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    label_archive([archive], folder, ScoredLabeller())
    return folder


@pytest.fixture
def sheet(labelled, tmp_path):
    path = tmp_path / "sheet.csv"
    result = run("audit", "plan", labelled, "--budget", 120, "--seed", 4, "-o", path)
    assert result.exit_code == 0, result.output
    return path


def fill(path, out, label):
    """Fill a CSV sheet in as a spreadsheet would save it; ``label`` gets the number of the row and the row."""
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    for k, row in enumerate(rows):
        row["label"] = label(k, row)
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    out.write_bytes(text.getvalue().encode("utf-8-sig"))
    return out


def test_a_plan_prints_its_strata_and_writes_a_sheet(labelled, tmp_path, sheet):
    again = tmp_path / "again.jsonl"
    result = run("audit", "plan", labelled, "--budget", 120, "--seed", 4, "-o", again)
    assert result.stdout == ""
    units = [json.loads(line) for line in again.read_text("utf-8").splitlines()]
    drawn = [int(row.split()[-2]) for row in result.stderr.splitlines()[1:-1]]
    assert sum(drawn) == len({u["thread"] for u in units})
    assert f"{len(units)} replies to label in {sum(drawn)} threads, seed 4" in result.stderr
    rows = list(csv.DictReader(io.StringIO(sheet.read_bytes().decode("utf-8-sig"), newline="")))
    assert [row["uid"] for row in rows] == [u["uid"] for u in units]
    assert {row["label"] for row in rows} == {""}
    assert all(0 < float(row["p_inclusion"]) <= 1 for row in rows)


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
def test_a_report_prints_raw_beside_audited_and_writes_rows(labelled, sheet, tmp_path, suffix):
    import pandas as pd

    filled = fill(sheet, tmp_path / "filled.csv", lambda k, _: "MDS"[k % 3])
    out = tmp_path / f"out.{suffix}"
    result = run("audit", "report", labelled, filled, "-o", out)
    assert result.exit_code == 0, result.output
    frame = {"json": pd.read_json, "csv": pd.read_csv, "parquet": pd.read_parquet}[suffix](out)
    assert list(frame["statistic"]) == list(KEYS)
    assert (frame["audited_low"] < frame["audited"]).all()
    assert (frame["audited"] < frame["audited_high"]).all()
    lines = result.stdout.splitlines()
    assert re.split(r" {2,}", lines[0]) == [
        "group", "figure", "raw", "90% interval", "audited", "90% interval", "labels", "to halve",
    ]  # fmt: skip
    for line, row in zip(lines[1:], frame.to_dict("records"), strict=False):
        factor = 1 if row["statistic"] in ("eq", "ep") else 100
        for way in ("raw", "audited"):
            value, low, high = (f"{factor * row[way + end]:.1f}" for end in ("", "_low", "_high"))
            assert re.search(rf"\b{re.escape(value)} +\[{re.escape(low)}, {re.escape(high)}\]", line)


def test_groups_are_compared_with_the_largest_or_the_one_that_is_named(labelled, sheet, tmp_path):
    filled = fill(sheet, tmp_path / "filled.csv", lambda k, _: "MDS"[k % 3])
    out = tmp_path / "o.json"
    result = run("audit", "report", labelled, filled, "--by", "lang", "-o", out)
    assert result.exit_code == 0, result.output
    rows = json.loads(out.read_text("utf-8"))
    replies = {row["group"]: row["n_replies"] for row in rows if " - " not in row["group"] and row["n_replies"]}
    assert set(replies) == {"en", "zh"}
    first, second = sorted(replies, key=replies.__getitem__)
    assert f"{first} - {second}" in result.stdout
    assert f"{second} - {first}" not in result.stdout
    named = run("audit", "report", labelled, filled, "--by", "lang", "--against", first)
    assert f"{second} - {first}" in named.stdout
    assert run("audit", "report", labelled, filled, "--by", "lang", "--against", "nl").exit_code == 1


def test_what_an_active_learner_logged_will_do(labelled, sheet, tmp_path):
    rows = list(csv.DictReader(io.StringIO(sheet.read_bytes().decode("utf-8-sig"), newline="")))
    units = [{"uid": r["uid"], "thread": r["thread"], "label": "genuine_dialogue", "p_inclusion": 0.2} for r in rows]
    path = tmp_path / "learned.jsonl"
    path.write_text("".join(json.dumps(u) + "\n" for u in [*units, {"uid": rows[0]["uid"], "label": "M"}]))
    result = run("audit", "report", labelled, path)
    assert result.exit_code == 0, result.output
    assert "note: 1 unit(s) without p_inclusion" in result.stderr
    assert re.search(r"share genuine dialogue .* 100\.0 ", result.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["plan", "{run}", "--budget", "120", "-o", "s.xlsx"], 2, ".jsonl or .csv"),
        (["plan", "{run}", "--budget", "1", "-o", "s.csv"], 1, "Raise the budget"),
        (["plan", "{run}", "--budget", "120", "--seed", "-1", "-o", "s.csv"], 1, "seed is -1"),
        (["plan", "{run}", "--budget", "120", "-o", "{sheet}"], 1, "may hold labels"),
        (["plan", "{nowhere}", "--budget", "120", "-o", "s.csv"], 1, "no run folder"),
        (["report", "{run}", "{sheet}"], 1, "no unit of the sheet has a label"),
        (["report", "{run}", "{nowhere}"], 1, "cannot be read (No such file or directory); check its name"),
        (["report", "{run}", "{sheet}", "-o", "o.xlsx"], 2, ".json, .csv, .parquet"),
        (["report", "{run}", "{sheet}", "--level", "90"], 2, "between 0 and 1"),
        (["report", "{run}", "{sheet}", "--against", "x"], 2, "needs --by"),
    ],
)
def test_mistakes_are_told(labelled, sheet, tmp_path, arguments, code, message):
    places = {"run": labelled, "sheet": sheet, "nowhere": tmp_path / "nowhere"}
    result = run("audit", *(a.format(**places) for a in arguments))
    assert result.exit_code == code, result.output
    assert message in result.output


def test_a_budget_for_more_than_there_is_says_so(labelled, tmp_path):
    result = run("audit", "plan", labelled, "--budget", 100_000, "-o", tmp_path / "all.csv")
    assert result.exit_code == 0, result.output
    assert "enough for the whole archive" in result.stderr


def test_a_run_without_words_cannot_be_judged(archive, tmp_path):
    label_archive([archive], tmp_path / "run", FakeLabeller(), text=False)
    result = run("audit", "plan", tmp_path / "run", "--budget", 120, "-o", tmp_path / "s.csv")
    assert result.exit_code == 1
    assert "--no-text" in result.output


def test_measure_prints_and_writes_corrected_shares_beside_the_counted_ones(labelled, tmp_path):
    result = run("measure", labelled, "-o", tmp_path / "m.json")
    (row,) = json.loads((tmp_path / "m.json").read_text("utf-8"))
    value, low, high = (100 * row[f"share_genuine_dialogue_corrected{end}"] for end in ("", "_low", "_high"))
    counted, emq = (100 * row[f"share_genuine_dialogue{end}"] for end in ("", "_emq"))
    line = next(x for x in result.stderr.splitlines() if "genuine dialogue" in x)
    assert re.search(rf"{counted:.1f} .* {value:.1f} +\[{low:.1f}, {high:.1f}\] +{emq:.1f}$", line)
    assert abs(counted - value) > 0.1


def test_measure_says_why_shares_are_not_corrected(archive, tmp_path):
    label_archive([archive], tmp_path / "run", FakeLabeller())
    result = run("measure", tmp_path / "run", "-o", tmp_path / "m.csv")
    (row,) = csv.DictReader(io.StringIO((tmp_path / "m.csv").read_text("utf-8")))
    assert row["share_genuine_dialogue_corrected"] == ""
    assert "are not known here" in row["notes"]
    assert "are not known here" in result.stderr
