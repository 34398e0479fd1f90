"""The command line as scripts meet it: contracts, exit codes, streams."""

from __future__ import annotations

import builtins
import inspect
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner
from fakes import FakeLabeller
from test_archive import thread

from nlp_engage import __main__, cli_archive
from nlp_engage.cli import main
from nlp_engage.cli_train import _settings
from nlp_engage.train.config import TrainConfig

VERBS = (
    "demo",
    "inspect",
    "convert",
    "label",
    "status",
    "show",
    "measure",
    "report",
    "compare",
    "power",
    "service",
    "audit",
    "base",
    "teach",
    "train",
    "export",
    "evaluate",
)


def run(*args):
    return CliRunner().invoke(main, [str(a) for a in args])


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "archive.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for n in range(12) for c in thread(n)))
    return path


@pytest.fixture
def labelled(archive, tmp_path, monkeypatch):
    monkeypatch.setattr("nlp_engage.classify.OnnxLabeller.load", lambda *_, **__: FakeLabeller())
    out = run("label", archive, "-o", tmp_path / "run", "--keep-authors")
    assert out.exit_code == 0, out.output
    return tmp_path / "run"


def test_every_verb_is_there_and_opens_its_help_with_an_example():
    assert set(main.commands) >= set(VERBS)
    for name in main.commands:
        text = run(name, "--help").output
        assert re.search(rf"Example:\n\s+nlp-engage {name}", text), name


@pytest.mark.parametrize("words", [inspect.cleandoc(str(TrainConfig.__doc__)), None], ids=["Python 3.13", "-OO"])
def test_settings_have_their_flags_however_python_keeps_docstrings(monkeypatch, words):
    usual = {flag.name: flag.help for flag in main.commands["train"].params if hasattr(flag, "help")}
    monkeypatch.setattr(TrainConfig, "__doc__", words)
    flags = {flag.name: flag.help for flag in _settings(click.command()(lambda **_: None)).params}
    assert flags["epochs"] == ("Passes over the training units. (default: 4)" if words else "(default: 4)")
    assert words is None or flags.items() <= usual.items()


def test_inspect_answers_one_object_with_the_contracted_keys(archive):
    found = json.loads(run("inspect", archive, "--json").stdout)
    contracted = {
        "format",
        "threads",
        "posts",
        "comments",
        "rejected",
        "max_depth",
        "authors",
        "issues",
        "completeness",
    }
    assert set(found) >= contracted
    assert (found["threads"], found["posts"], found["comments"], found["rejected"]) == (12, 12, 72, 0)
    text = run("inspect", archive, "--trees", 2).stdout
    assert "New cups!" in text
    assert "└─" in text


@pytest.mark.parametrize("target", ["out.jsonl", "out.jsonl.gz", "out.jsonl.zst", "out.parquet"])
def test_convert_there_and_back_loses_nothing(archive, tmp_path, target):
    from nlp_engage.readers import read

    result = run("convert", archive, "-o", tmp_path / target)
    assert result.exit_code == 0, result.output
    assert sorted(map(repr, read([tmp_path / target]))) == sorted(map(repr, read([archive])))


def test_label_takes_the_owner_and_refuses_to_go_on_with_another(archive, labelled):
    import pyarrow.parquet as pq

    mine = labelled.with_name("mine")
    assert run("label", archive, "-o", mine, "--keep-authors", "--owner", "@user 1").exit_code == 0
    owned = sum(row["is_owner"] for row in pq.read_table(mine / "comments").to_pylist())
    assert owned == 24, "the post of each thread and the comment of User 1"
    refused = run("label", archive, "-o", labelled, "--keep-authors", "--owner", "user 1")
    assert refused.exit_code == 1
    assert "owners: then None, now ['user 1']" in refused.stderr


def test_label_refuses_threads_below_0_before_it_begins(archive, tmp_path):
    refused = run("label", archive, "-o", tmp_path / "run", "--threads", "-1")
    assert refused.exit_code == 2
    assert "'--threads': -1 is not in the range x>=0" in refused.stderr
    assert not (tmp_path / "run").exists()


def test_label_makes_the_contracted_folder(labelled):
    import pyarrow.parquet as pq

    assert set(pq.read_table(labelled / "labels").column_names) >= {
        "id",
        "thread_id",
        "lang",
        "label",
        "p_mindless_interaction",
        "p_genuine_dialogue",
        "p_self_expression",
        "act",
        "p_act",
    }
    assert set(pq.read_table(labelled / "comments").column_names) >= {"id", "thread_id", "parent_id", "depth", "text"}
    manifest = json.loads((labelled / "manifest.json").read_text())
    assert manifest["read"] == manifest["kept"] + manifest["rejected"] == 84
    assert (labelled / "rejects.jsonl").exists()


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
def test_measure_writes_rows_with_intervals(labelled, tmp_path, suffix):
    import pandas as pd

    out = tmp_path / f"measure.{suffix}"
    result = run("measure", labelled, "--by", "platform", "--seed", 3, "-o", out)
    assert result.exit_code == 0, result.output
    readers = {
        "json": lambda p: pd.DataFrame(json.loads(p.read_text())),
        "csv": pd.read_csv,
        "parquet": pd.read_parquet,
    }
    frame = readers[suffix](out)
    assert frame["n_replies"].sum() > 0
    for name in ("share_genuine_dialogue", "eq", "ep"):
        assert (frame[f"{name}_low"] <= frame[name]).all()
        assert (frame[name] <= frame[f"{name}_high"]).all()


def test_measure_prints_json_without_out(labelled):
    rows = json.loads(run("measure", labelled).stdout)
    assert len(rows) == 1
    assert 0 <= rows[0]["eq"] <= 100


def test_report_is_written_in_both_languages(labelled, tmp_path):
    for lang in ("en", "zh"):
        out = tmp_path / f"{lang}.html"
        result = run("report", labelled, "-o", out, "--lang", lang)
        assert result.exit_code == 0, result.output
        assert result.stdout.strip() == f"report: {out}"
        assert f'<html lang="{lang}' in out.read_text("utf-8")


def test_show_draws_a_tree_of_an_archive_and_of_a_run(archive, labelled):
    assert "t3  " in run("show", archive, "--thread", "t3").stdout
    text = run("show", labelled, "--thread", "t3").stdout
    assert re.search(r"\[[MDS-]\]", text)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["label", "{archive}"], 2, "Missing option '-o'"),
        (["nonsense"], 2, "No such command"),
        (["inspect", "no-such-file.jsonl"], 1, "no-such-file.jsonl"),
        (["measure", "{folder}"], 1, "no run folder"),
        (["measure", "{folder}", "-o", "out.xlsx"], 2, ".json, .csv or .parquet"),
        (["show", "{archive}", "--thread", "nope"], 1, "holds no thread 'nope'"),
        (["label", "{archive}", "-o", "{folder}", "--memory", "12Q"], 2, "no amount of memory"),
        (["label", "{archive}", "-o", "{folder}", "--salt", "x", "--keep-authors"], 2, "exclude each other"),
        (["label", "{archive}", "-o", "{folder}/run", "--model", "{folder}"], 1, "no model folder"),
        (["inspect", "{archive}", "--column", "text"], 2, "FIELD=COLUMN"),
    ],
)
def test_errors_are_one_line_with_the_right_exit_code(archive, tmp_path, arguments, code, message):
    folder = tmp_path / "folder"
    folder.mkdir()
    result = run(*(a.format(archive=archive, folder=folder) for a in arguments))
    assert result.exit_code == code, result.output
    assert message in result.output
    assert "Traceback" not in result.output


def test_ctrl_c_says_how_to_go_on(archive, tmp_path, monkeypatch):
    monkeypatch.setattr("nlp_engage.classify.OnnxLabeller.load", lambda *_, **__: FakeLabeller(fail_after=0))
    result = run("label", archive, "-o", tmp_path / "run")
    assert result.exit_code == 130
    assert "Run the same command again" in result.output
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["complete"] is False


def test_ctrl_c_while_python_is_importing_ends_in_one_line(monkeypatch, capsys):
    real = builtins.__import__

    def stopping(name, *args, **kwargs):
        if name == "nlp_engage" and "cli" in args[2]:
            raise KeyboardInterrupt
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", stopping)
    with pytest.raises(SystemExit) as end:
        __main__.main()
    assert end.value.code == 130
    assert capsys.readouterr() == ("", "\nnlp-engage: stopped; nothing half-written is left behind\n")


def test_the_command_begins_before_anything_that_takes_time_is_imported():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["scripts"] == {"nlp-engage": "nlp_engage.__main__:main"}
    heavy = {"click", "msgspec", "numpy", "nlp_engage.cli"}
    code = f"import sys, nlp_engage.__main__; print(*{heavy} & {{*sys.modules}})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_closed_pipe_is_no_error(archive):
    command = [sys.executable, "-m", "nlp_engage.cli", "convert", str(archive), "-o", "/dev/null", "--help"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[1])
    assert process.stdout is not None
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait()


@pytest.mark.parametrize(("text", "size"), [("2G", 2 * 2**30), ("500m", 500 * 2**20), ("1.5 GiB", 3 * 2**29)])
def test_amounts_of_memory(text, size):
    assert cli_archive.parse_memory(None, None, text) == size
