"""The words of the report: both languages whole, numbers and units as each language writes them."""

from __future__ import annotations

import re
import string
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_engage.errors import DataError
from nlp_engage.measure.core import _ONE_THREAD
from nlp_engage.measure.statistics import STATISTICS
from nlp_engage.report.words import Words, all_words
from nlp_engage.types import ACTS, LABELS, IssueKind

REPORT = Path(__file__).resolve().parents[1] / "nlp_engage" / "report"
SOURCES = [p for p in [*REPORT.glob("*.py"), *REPORT.glob("templates/*.html")] if p.name != "tables.py"]


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def forms(entry):
    return [entry] if isinstance(entry, str) else entry


def test_every_entry_has_both_languages_and_nothing_else():
    assert {key: set(entry) for key, entry in all_words().items() if set(entry) != {"en", "zh"}} == {}


def test_both_languages_name_the_same_values():
    for key, entry in all_words().items():
        named = {frozenset(placeholders(text)) for lang in ("en", "zh") for text in forms(entry[lang])}
        assert len(named) == 1, key


def test_chinese_entries_are_translated_and_english_ones_hold_no_chinese():
    han, english = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[A-Za-z]{3,}")
    for key, entry in all_words().items():
        assert not any(han.search(text) for text in forms(entry["en"])), key
        for text in (re.sub(r"\{\w+\}", "", text) for text in forms(entry["zh"])):
            assert han.search(text) or not english.search(text), key


def test_every_key_that_code_and_templates_name_exists():
    pattern = re.compile(r"""\b(?:w|words)\(\s*["']([a-z_]+(?:\.[A-Za-z_]+)+)["']""")
    named = {key for path in SOURCES for key in pattern.findall(path.read_text("utf-8"))}
    assert len(named) > 80
    assert named - set(all_words()) == set()


def test_every_entry_is_used():
    text = "\n".join(path.read_text("utf-8") for path in SOURCES)
    unused = []
    for key in all_words():
        stem, leaf = key.rsplit(".", 1) if "." in key else ("", key)
        by_name = re.search(rf"""["']{re.escape(key)}["']""", text)
        made = re.search(rf"""["']{re.escape(stem)}\.(?:["']|\{{|one_\{{|time_\{{)""", text)
        said = re.search(rf"\b{re.escape(leaf.removesuffix('_about'))}\b", text)
        if not by_name and not (made and (said or stem in GIVEN)):
            unused.append(key)
    assert unused == []


# Stems whose leaves come from elsewhere: labels, acts, issues, reasons, languages, periods.
GIVEN = {"act", "label", "label_about", "label_short", "gap", "gap_done", "why", "language", "trends", "count", "means"}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_there_are_words_for_all_that_other_modules_name(lang):
    words = Words(lang)
    wanted = [f"label.{label}" for label in LABELS] + [f"act.{act}" for act in ACTS]
    wanted += [f"gap.{kind}" for kind in IssueKind] + [f"gap_done.{kind}" for kind in IssueKind]
    assert [key for key in wanted if not words.has(key)] == []


def test_every_reason_of_the_measure_is_known_in_chinese():
    reasons = {statistic.nothing for statistic in STATISTICS} | {_ONE_THREAD}
    source = (REPORT.parent / "measure" / "core.py").read_text("utf-8")
    reasons |= set(re.findall(r'"((?:no |one thread)[a-z :]+)"', source))
    assert len(reasons) >= 8
    assert {reason for reason in reasons if not re.search("[\u4e00-\u9fff]", Words("zh").reason(reason))} == set()
    assert Words("en").reason("something new") == "something new"
    assert Words("zh").reason("something new") == ""


def test_another_language_is_refused():
    with pytest.raises(DataError, match="'fr'"):
        Words("fr")


def test_numbers_are_written_as_each_language_writes_them():
    en, zh = Words("en"), Words("zh")
    assert (en.number(99_999), zh.number(99_999)) == ("99,999", "99,999")
    assert (en.count("like", 1), en.count("like", 0), zh.count("like", 1_234_567)) == (
        "1 like",
        "0 likes",
        "123.5 万个赞",
    )
    assert (en.interval(36, 47, 0.9), zh.interval(36, 47, 0.9)) == (
        " (90% interval 36–47)",
        "（90% 区间 36～47）",
    )
    assert (en.date(date(2026, 12, 1)), zh.date(date(2026, 12, 1))) == ("1 Dec 2026", "2026年12月1日")


@pytest.mark.parametrize(
    ("hours", "en", "zh"),
    [
        (0.001, "1 minute", "1 分钟"),
        (0.5, "30 minutes", "30 分钟"),
        (1.04, "1 hour", "1 小时"),
        (2.5, "2.5 hours", "2.5 小时"),
        (47, "47 hours", "47 小时"),
        (48, "2 days", "2 天"),
        (260, "11 days", "11 天"),
    ],
)
def test_spans_of_time_come_in_the_unit_that_fits(hours, en, zh):
    assert (Words("en").hours(hours), Words("zh").hours(hours)) == (en, zh)


@given(st.floats(0, 1))
def test_a_share_is_never_off_by_more_than_its_last_digit(share):
    written = float(Words("en").per_hundred(share))
    assert abs(written - 100 * share) <= (0.05 if share < 0.0095 else 0.5) + 1e-9
    assert written > 0 or share < 0.0005
