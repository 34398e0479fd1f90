"""The doors: ``measure`` for trees in hand, ``report_run`` for a run folder."""

from __future__ import annotations

import csv
import json

import pytest
from fakes import FakeLabeller
from report_cases import ATTACKS, friendly

import nlp_engage as ne
from nlp_engage.archive import label_archive, run_manifest
from nlp_engage.errors import DataError, RunError
from nlp_engage.measure import measure as take_measure
from nlp_engage.report import EngagementReport, report_run
from nlp_engage.writers import write


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "friendly.jsonl"
    write((c for t in friendly(12) for c in t.tree.comments), path, "jsonl")
    return path


@pytest.fixture(scope="module")
def run(archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    label_archive([archive], folder, FakeLabeller(), keep_authors=True)
    return folder


def test_measure_takes_a_stream_and_gives_the_rows_of_the_measure():
    report = ne.measure(iter(friendly()), "platform", resamples=30, seed=5)
    assert isinstance(report, EngagementReport)
    assert report.rows() == take_measure(friendly(), by="platform", held_out={}, resamples=30, seed=5).rows()
    assert report.to_arrow().num_rows == 2
    assert list(report.to_pandas()["group"]) == ["weibo", "youtube"]
    assert repr(report) == f"EngagementReport(2 rows by platform; {len(report.table)} replies in 12 threads)"


def test_measure_stays_the_function_after_its_subpackage_was_imported():
    import nlp_engage.measure

    assert ne.measure is ne.measure
    assert callable(ne.measure)
    assert nlp_engage.measure is ne.measure


def test_the_suffix_says_what_is_written(tmp_path):
    report = ne.measure(friendly(3), "thread_id", resamples=20)
    report.save(tmp_path / "deep" / "rows.json")
    assert json.loads((tmp_path / "deep" / "rows.json").read_text("utf-8"))[0]["group"] == "t00"
    report.save(tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(encoding="utf-8") as file:
        assert [row["group"] for row in csv.DictReader(file)] == ["t00", "t01", "t02"]
    report.save(tmp_path / "page.html", lang="zh", title="春季活动")
    assert "<h1>春季活动</h1>" in (tmp_path / "page.html").read_text("utf-8")
    with pytest.raises(DataError, match=r"must end in \.html or"):
        report.save(tmp_path / "page.pdf")


def test_the_notebook_table_escapes_names():
    groups = {f"t{k:02}": ATTACKS[0] for k in range(3)}
    table = ne.measure(friendly(3), groups, resamples=20)._repr_html_()
    assert "&lt;script&gt;" in table
    assert "<script" not in table
    assert table.count("<tr>") == 2


def test_a_run_becomes_a_report_that_says_how_it_was_made(run, tmp_path):
    out = tmp_path / "report.html"
    report = report_run(run, out, seed=4)
    page = out.read_text("utf-8")
    assert report.rows() == take_measure(ne.read_run(run), held_out={}, seed=4).rows()
    assert "nlp-engage report run -o report.html --lang en --seed 4" in page
    manifest = run_manifest(run)
    for said in (manifest["model"]["sha256"], "friendly.jsonl", "seed 4", "eq-2", "1,000 resamples"):
        assert str(said) in page
    assert f"{manifest['read']} read = {manifest['kept']} kept + {manifest['rejected']} rejected" in page
    assert str(run) not in page  # paths of this machine are nobody's business


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    for name in ("a", "b"):
        report_run(run, tmp_path / name / "r.html", lang="zh")
    assert (tmp_path / "a" / "r.html").read_bytes() == (tmp_path / "b" / "r.html").read_bytes()


def test_without_text_even_folder_and_file_names_are_left_out(run, tmp_path):
    report_run(run, tmp_path / "secret-name.html", no_text=True)
    page = (tmp_path / "secret-name.html").read_text("utf-8")
    assert "nlp-engage report RUN -o report.html --lang en --seed 0 --no-text" in page
    for word in ("friendly", "secret-name", "sweeter", "brand"):
        assert word not in page


def test_salted_authors_are_shown_as_short_codes(archive, tmp_path):
    label_archive([archive], tmp_path / "run", FakeLabeller())
    report_run(tmp_path / "run", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "ann0" not in page
    authors = {c.author for t in ne.read_run(tmp_path / "run") for c in t.tree.comments}
    assert all(author not in page for author in authors)
    assert any(f"<bdi>#{author[:8]}</bdi>" in page for author in authors)


def test_mistakes_are_told_before_the_work(run, tmp_path):
    with pytest.raises(DataError, match=r"report\.txt must end in \.html"):
        report_run(run, tmp_path / "report.txt")
    with pytest.raises(DataError, match="'fr'"):
        report_run(run, tmp_path / "report.html", lang="fr")
    with pytest.raises(RunError, match="no run folder"):
        report_run(tmp_path / "nothing", tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_campaigns_get_a_section_with_their_verdicts(run, tmp_path):
    from test_report_page import Page

    plan = tmp_path / "plan.toml"
    name = "<b>Spring & more</b>"
    plan.write_text(
        f'campaigns.spring = {{ label = "{name}", platforms = ["weibo"] }}\nbaseline = {{ platforms = ["youtube"] }}\n'
    )
    for lang, verdict in (("en", "Verdict"), ("zh", "结论")):
        out = tmp_path / f"{lang}.html"
        report = report_run(run, out, lang=lang, campaigns=plan)
        page = Page(out.read_text("utf-8"))
        assert page.faults == []
        assert [e["attrs"]["id"] for e in page.all("section")][1:3] == ["headline", "campaigns"]
        assert verdict in page.words
        assert name in page.words
        for row in report.campaigns.rows():
            assert not row["headline"] or row[f"verdict_{lang}"] in page.words
    assert "--campaigns plan.toml" in page.words


def test_a_report_without_campaigns_has_no_such_section(run, tmp_path):
    report_run(run, tmp_path / "plain.html")
    assert 'id="campaigns"' not in (tmp_path / "plain.html").read_text("utf-8")
