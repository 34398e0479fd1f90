"""``explain`` and ``translate`` as scripts meet them."""

from __future__ import annotations

import json

import msgspec
import pytest
from fakes import FakeLabeller
from test_cli import archive, labelled, run  # noqa: F401  (fixtures)

from nlp_engage.types import Comment


def test_explain_gives_contributions_sensitivity_and_a_difference_that_adds_up(labelled):  # noqa: F811
    rows = json.loads(run("measure", labelled, "--by", "lang").stdout)
    before, after = (r["group"] for r in rows if r["n_replies"])
    result = run("explain", labelled, "--by", "lang", "--between", before, after, "--resamples", 20, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["version"] == "eq-2"
    eq = {r["group"]: r["eq"] for r in rows}
    split = found["difference"]["eq"]
    assert split["difference"] == pytest.approx(eq[after] - eq[before])
    assert split["mix"] + split["depth"] == pytest.approx(split["difference"])
    first = [r for r in found["sensitivity"] if r["variant"] == "as defined"]
    assert {r["group"]: r["eq"] for r in first} == pytest.approx(eq)
    assert {r["eq_change"] for r in first} <= {0, None}
    assert set(found["contributions"]) == {"thread_id", "label", "act"}


def test_explain_prints_tables(labelled):  # noqa: F811
    result = run("explain", labelled, "--top", 2, "--resamples", 0)
    assert result.exit_code == 0, result.output
    assert "Contributions by thread_id (the first 2 of 12)" in result.stdout
    assert "eq-1" in result.stdout


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["--between", "a", "b"], 2, "--between needs --by"),
        (["--by", "lang", "--between", "en", "fr"], 1, "no group 'fr' by lang: there are"),
        (["--by", "lang", "--between", "en", "none"], 1, "group 'none' by lang has no labelled audience reply"),
        (["--by", "author", "--between", "a", "b"], 1, "'u6', 'u7' and 2 more."),
        (["--by", "colour", "--resamples", "0"], 1, "no column 'colour'"),
        (["--resamples", "3"], 1, "resamples is 3: it must be 20 or more, or 0"),
        (["--seed", "-1"], 1, "seed is -1: it must be 0 or more"),
    ],
)
def test_explain_says_what_is_wrong(labelled, more, code, words):  # noqa: F811
    result = run("explain", labelled, *more)
    assert result.exit_code == code
    assert words in result.stderr


def test_hostile_names_cannot_steer_the_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr("nlp_engage.classify.OnnxLabeller.load", lambda *_, **__: FakeLabeller())
    names = ("we\x1b[2Jibo", "微\u202e博\n🌞")
    comments = [
        Comment(id=i, thread_id=f"t{k}", parent_id=up, author=who, text="Is it vegan?", platform=name)
        for k, name in enumerate(names)
        for i, up, who in ((f"t{k}", None, "shop"), (f"{k}a", f"t{k}", "ann"), (f"{k}b", f"t{k}", "bob"))
    ]
    (tmp_path / "a.jsonl").write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for c in comments))
    assert run("label", tmp_path / "a.jsonl", "-o", tmp_path / "run", "--keep-authors").exit_code == 0
    groups = [row["group"] for row in json.loads(run("measure", tmp_path / "run", "--by", "platform").stdout)]
    between = run("explain", tmp_path / "run", "--by", "platform", "--between", *groups, "--resamples", 0)
    assert between.exit_code == 0, between.output
    wrong = run("explain", tmp_path / "run", "--by", "platform", "--between", "a", "b")
    assert wrong.exit_code == 1
    served = run("service", tmp_path / "run", "--by", "page")
    for result in (between, wrong, served):
        assert "\x1b" not in result.output
        assert "\u202e" not in result.output


def test_translate_guesses_nothing_and_takes_numbers_for_all_or_by_post(labelled, tmp_path):  # noqa: F811
    def values(*more):
        result = run("translate", labelled, *more, "--json")
        assert result.exit_code == 0, result.output
        return {m["key"]: m for m in json.loads(result.stdout)["metrics"]}

    bare = values()
    assert bare["engagement_rate_by_reach"]["reason"] == "not computable: no reach given"
    given = ("--likes", 3, "--shares", 2, "--saves", 1, "--follows", 0)
    ces = values(*given)["xiaohongshu_ces"]["value"]
    numbers = tmp_path / "numbers.csv"
    thread = json.loads(run("measure", labelled, "--by", "thread_id").stdout)[0]["group"]
    numbers.write_text(f"thread_id,shares,saves\n{thread},12,\n", encoding="utf-8")
    assert values(*given, "--numbers", numbers)["xiaohongshu_ces"]["value"] == ces + 4 * 10
    text = run("translate", labelled).stdout
    assert "小红书互动量): not computable" in text
    assert "source: Gsdata" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("id,shares\nt,1\n", "no column thread_id"),
        ("thread_id,shares\nnobody,1\n", "row 2: there is no thread 'nobody'"),
        ("thread_id,shares\n{thread},many\n", "row 2: shares is 'many', which is no number"),
        ("thread_id,shares\n{thread},1\n{thread},2\n", "is there twice"),
        ("thread_id,shares\n{thread},inf\n", "shares is inf"),
        ("", "no column thread_id"),
        ("thread_id,colour\n{thread},1\n", "a number 'colour'"),
    ],
)
def test_translate_says_what_is_wrong_with_a_file(labelled, tmp_path, content, words):  # noqa: F811
    thread = json.loads(run("measure", labelled, "--by", "thread_id").stdout)[0]["group"]
    (tmp_path / "n.csv").write_text(content.format(thread=thread), encoding="utf-8")
    result = run("translate", labelled, "--numbers", tmp_path / "n.csv")
    assert result.exit_code == 1
    assert words in result.stderr


def test_translate_takes_files_as_spreadsheets_save_them(labelled, tmp_path):  # noqa: F811
    thread = json.loads(run("measure", labelled, "--by", "thread_id").stdout)[0]["group"]
    (tmp_path / "n.csv").write_text(f"thread_id;reach\n{thread};1\n", encoding="utf-8-sig")
    result = run("translate", labelled, "--numbers", tmp_path / "n.csv", "--likes", 1)
    assert result.exit_code == 0, result.output
    assert "not computable: reach given for 1 of" in result.stdout
    (tmp_path / "n.csv").write_text(f"Thread_ID\treach\n{thread}\t1\n\t\n", encoding="utf-16")
    result = run("translate", labelled, "--numbers", tmp_path / "n.csv", "--likes", 1)
    assert "not computable: reach given for 1 of" in result.stdout
    (tmp_path / "n.csv").write_bytes(f"thread_id,reach\n{thread},1\n帖,2\n".encode("gb18030"))
    result = run("translate", labelled, "--numbers", tmp_path / "n.csv")
    assert result.exit_code == 1
    assert "save it as UTF-8" in result.stderr
