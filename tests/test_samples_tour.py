"""A stranger's tour of the real exports: look at each, convert it three ways, read back what was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nlp_engage.cli import main
from nlp_engage.readers import read
from nlp_engage.types import ReadReport

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "formats" / "samples"
NO_COMMENTS = ("SOURCES.md", *(f"convokit-friends__{n}.json" for n in ("conversations", "corpus", "index", "users")))
"""Notes, and what stands beside the utterances of a corpus, which are not among the samples."""
FILES = sorted(p for p in SAMPLES.iterdir() if p.name not in NO_COMMENTS) if SAMPLES.is_dir() else []
TARGETS = {"a.jsonl": "canonical", "a.parquet": "parquet", "corpus": "convokit"}
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not FILES, reason="no ../shared beside the project")]


def run(*args):
    result = CliRunner().invoke(main, [str(a) for a in args])
    assert result.exit_code == 0, result.output
    return result.stdout


def archive(path):
    """The comments, in order (pages of one thread may overlap), and the books, which have to add up."""
    report = ReadReport()
    found = list(read(path, report=report))
    assert report.kept == len(found)
    assert report.read == report.kept + report.n_rejected
    return found, report


@pytest.mark.parametrize("path", [*FILES, SAMPLES], ids=lambda path: path.name)
def test_what_inspect_counts_is_what_convert_writes_and_reads_back(tmp_path, path):
    found, report = archive(path)
    told = json.loads(run("inspect", path, "--json"))
    assert (told["read"], told["kept"], told["rejected"]) == (report.read, len(found), report.n_rejected)
    assert told["posts"] + told["comments"] == len(found)
    for name, kind in TARGETS.items():
        run("convert", path, "-o", tmp_path / name, *(["--to", kind] if kind == "convokit" else []))
        again, books = archive(tmp_path / name)
        assert {f.partition(":")[0] for f in books.formats.values()} == {kind}
        assert books.n_rejected == 0
        assert again == found, "every field of every comment, in the same order: ids, parents, times, texts"


@pytest.mark.parametrize("name", NO_COMMENTS)
def test_what_holds_no_comments_is_refused_with_a_reason(name):
    result = CliRunner().invoke(main, ["inspect", str(SAMPLES / name)])
    assert result.exit_code != 0
    assert name in result.output
    assert "Traceback" not in result.output
