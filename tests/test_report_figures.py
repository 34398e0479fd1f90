"""Figures, charts, verdict, cards, graveyard, ledger: what the report says is what was measured."""

from __future__ import annotations

import json
import re
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_cases import friendly, hostile

from nlp_engage.errors import DataError
from nlp_engage.measure import HeldOut, collect, measure_table
from nlp_engage.report import charts, ledger, story
from nlp_engage.report.figures import milliseconds, period_name, period_start, take_figures, time_unit
from nlp_engage.report.gallery import Gallery
from nlp_engage.report.graveyard import COLUMNS, MAX_SQUARES, SIZE, graveyard, scale_of, squares_of
from nlp_engage.report.safety import Veil
from nlp_engage.report.trends import trends
from nlp_engage.report.words import Words
from nlp_engage.types import LABELS

EN, ZH = Words("en"), Words("zh")
SHARES = [f"share_{label}" for label in LABELS]


def figures_of(trees, by=None, resamples=60):
    table = collect(trees)
    return take_figures(table, measure_table(table, by=by, resamples=resamples, seed=3), by=by)


@pytest.fixture(scope="module")
def figures():
    return figures_of(friendly())


# --- figures ---


def test_every_view_is_the_measurement_of_the_same_table(figures):
    table = collect(friendly())
    for rows, by in ((figures.platforms, "platform"), (figures.languages, "lang"), (figures.periods, "week")):
        measured = {r["group"]: r for r in measure_table(table, by=by, resamples=60, seed=3).rows()}
        assert {row["group"]: row for row in rows} == {k: v for k, v in measured.items() if v["n_replies"]}
    assert figures.overall == measure_table(table, resamples=60, seed=3).rows()[0]
    assert sum(row["n_replies"] for row in figures.threads) == figures.overall["n_replies"]


def test_threads_come_with_most_engaged_people_first(figures):
    engaged = [row["ep"] for row in figures.threads]
    assert engaged == sorted(engaged, reverse=True)


def test_the_callers_groups_are_kept_only_if_they_are_news():
    halves = {f"t{k:02}": "before" if k < 6 else "after" for k in range(12)}
    assert {row["group"] for row in figures_of(friendly(), halves).groups} == {"before", "after"}
    assert figures_of(friendly(), "platform").by is None
    assert figures_of(friendly(), "author").by == "author"


@pytest.mark.parametrize(
    ("group", "unit", "start", "en", "zh"),
    [
        ("2025-W01", "week", date(2024, 12, 30), "Week of 30 Dec 2024", "2024年12月30日起一周"),
        ("2025-02", "month", date(2025, 2, 1), "Feb 2025", "2025年2月"),
        ("2025-02-28", "day", date(2025, 2, 28), "28 Feb 2025", "2025年2月28日"),
    ],
)
def test_periods_have_a_start_and_a_name(group, unit, start, en, zh):
    assert period_start(group) == start
    assert milliseconds(start) == (start - date(1970, 1, 1)).days * 86_400_000
    assert (period_name(group, unit, EN), period_name(group, unit, ZH)) == (en, zh)


def test_a_name_that_is_no_period_is_told():
    with pytest.raises(DataError, match="'spring' is no period"):
        period_start("spring")


def test_the_period_fits_the_span():
    import numpy as np

    def unit(first, last):
        return time_unit(np.array([first, last], dtype="datetime64[us]"))

    assert unit("2025-03-01", "2025-03-10") == "day"
    assert unit("2025-03-01", "2025-06-01") == "week"
    assert unit("2020-03-01", "2025-06-01") == "month"
    assert time_unit(np.array(["NaT"], dtype="datetime64[us]")) == "week"


# --- charts ---


def charts_of(figures, words=EN, veil=None):
    found, notes = trends(figures, words, veil or Veil())
    return {chart.id: chart for chart in found}, notes


def test_charts_plot_the_shares_and_their_intervals(figures):
    found, _ = charts_of(figures)
    points = found["by-lang"].spec["data"]["values"]
    names = {"en": "English", "zh": "Chinese"}
    for row in figures.languages:
        for label in LABELS:
            point = next(p for p in points if p["name"] == names[row["group"]] and p["label"] == label)
            share = row[f"share_{label}"]
            low, high = row[f"share_{label}_low"], row[f"share_{label}_high"]
            assert point["share"] == share
            assert (point["low"], point["high"]) == (share if low is None else low, share if high is None else high)
            assert f"{EN(f'label.{label}')}: {EN.percent(share)}" in point["tip"]


def test_every_chart_has_its_table_or_shares_one(figures):
    found, _ = charts_of(figures)
    assert set(found) == {"over-time", "volume", "by-platform", "by-lang"}
    for name in set(found) - {"volume"}:
        assert len(found[name].rows) == len({p["tip"].split("\n")[0] for p in found[name].spec["data"]["values"]})
        assert all(len(cells) == 5 for _, cells in found[name].rows)
    assert [int(cells[0]) for _, cells in found["over-time"].rows] == [
        bar["n"] for bar in found["volume"].spec["data"]["values"]
    ]


def test_time_charts_share_one_axis(figures):
    found, _ = charts_of(figures)
    time, volume = (found[name].spec["encoding"]["x"] for name in ("over-time", "volume"))
    assert time["scale"]["domain"] == volume["scale"]["domain"]
    assert "%-m月" in charts_of(figures, ZH)[0]["volume"].spec["encoding"]["x"]["axis"]["labelExpr"]


def test_lines_are_not_drawn_across_gaps():
    day = 86_400_000
    assert charts._runs({"a": 0, "b": 7 * day, "c": 21 * day, "d": 28 * day}, 7) == {"a": 0, "b": 0, "c": 1, "d": 1}
    assert charts._runs({"2025-01": 0, "2025-02": 31 * day, "2025-03": 59 * day}, 30) == dict.fromkeys(
        ("2025-01", "2025-02", "2025-03"), 0
    )


def test_one_platform_or_no_time_is_said_and_not_drawn():
    trees = [t for t in friendly() if t.tree.post.platform == "weibo"]
    found, notes = charts_of(figures_of(trees))
    assert "by-platform" not in found
    assert "All replies are from one platform: Weibo." in notes


def test_no_word_of_the_archive_stands_in_an_expression():
    found, _ = charts_of(figures_of(hostile()))
    for chart in found.values():
        spec = json.dumps({k: v for k, v in chart.spec.items() if k != "data"})
        assert "pwned" not in spec
        assert "<" not in spec


# --- verdict and cards ---


def share_row(**shares):
    row = {}
    for label, (low, value, high) in zip(LABELS, shares.values(), strict=True):
        row |= {f"share_{label}": value, f"share_{label}_low": low, f"share_{label}_high": high}
    return row


intervals = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)).map(sorted)


@given(intervals, intervals, intervals)
def test_a_label_leads_only_if_its_interval_is_clear_of_the_others(m, d, s):
    kind = story.leading(share_row(m=m, d=d, s=s))
    ends = dict(zip(LABELS, (m, d, s), strict=True))
    winners = [a for a in LABELS if all(ends[a][0] > ends[b][2] for b in LABELS if b != a)]
    assert kind == (winners[0] if winners else "mixed")


def test_the_verdict_says_the_figures_and_the_scores(figures):
    scores = {"per_language": {"en": {"macro_f1": 0.8249}, "zh": {"macro_f1": 0.758}}}
    found = story.verdict(figures, EN, scores)
    text = " ".join(found.sentences)
    row = figures.overall
    assert f"about {100 * row['share_genuine_dialogue']:.0f} are genuine dialogue" in text
    assert f"({100 * 0.9:.0f}% interval {row['eq_low']:.0f}–{row['eq_high']:.0f})" in text
    assert "macro-F1 is 0.82 in English, 0.76 in Chinese" in found.caution
    assert "宏平均 F1 为 英文 0.82、中文 0.76" in story.verdict(figures, ZH, scores).caution
    assert "not recorded" in story.verdict(figures, EN, None).caution
    scores["per_language"]["en"]["macro_f1"] = None  # a label without replies
    assert "macro-F1 is 0.76 in Chinese" in story.verdict(figures, EN, scores).caution
    scores["per_language"]["zh"]["macro_f1"] = None
    assert "not recorded" in story.verdict(figures, EN, scores).caution


def test_few_threads_and_empty_archives_get_no_verdict():
    assert story.verdict(figures_of(friendly(4)), EN, None).kind == "too_few"
    assert story.verdict(figures_of([]), EN, None).kind == "empty"


@pytest.mark.parametrize("words", [EN, ZH])
def test_a_card_shows_the_number_its_interval_and_why_it_is_unknown(figures, words):
    cards = {card.key: card for card in story.cards(figures, words)}
    row = figures.overall
    assert cards["eq"].value == f"{row['eq']:.0f}"
    assert cards["eq"].place == pytest.approx([row[k] / 100 for k in ("eq", "eq_low", "eq_high")])
    assert cards["reciprocity"].value == f"{100 * row['reciprocity']:.0f}"
    lone = {card.key: card for card in story.cards(figures_of(friendly(1)), words)}["return_rate"]
    assert (lone.value, lone.place) == ("–", None)
    assert {"en": "nobody could be seen again", "zh": "无从再次见到谁"}[words.lang] in lone.means


def test_shares_are_in_the_order_of_the_labels(figures):
    assert [card.key for card in story.share_cards(figures, EN)] == SHARES


# --- corrected shares ---

KNOWN = {lang: HeldOut(confusion=np.array([[80, 10, 10], [15, 80, 5], [20, 10, 70]], float)) for lang in ("en", "zh")}


@pytest.fixture(scope="module")
def corrected():
    table = collect(friendly(30))
    measured = measure_table(table, held_out=KNOWN, resamples=60, seed=3)
    return take_figures(table, measured, held_out=KNOWN)


@pytest.mark.parametrize("words", [EN, ZH])
def test_corrected_shares_stand_beside_the_counted_ones_everywhere(corrected, words):
    row = corrected.overall
    sentences = story.verdict(corrected, words, None).sentences
    charts_, _ = charts_of(corrected, words)
    for label, card in zip(LABELS, story.share_cards(corrected, words), strict=True):
        value, low, high, emq = (
            row[f"share_{label}_{end}"] for end in ("corrected", "corrected_low", "corrected_high", "emq")
        )
        assert value != pytest.approx(row[f"share_{label}"], abs=0.005)
        said = [
            f"{words.per_hundred(value)}%",
            words.interval(low, high, 0.9, "per_hundred"),
            f"{words.per_hundred(emq)}%",
        ]
        assert all(part in card.corrected for part in said)
        assert card.corrected_place == (value, low, high)
        assert card.value == words.per_hundred(row[f"share_{label}"])
        assert words.per_hundred(value) + " " in sentences[1]
        assert sum(words.interval(low, high, 0.9, "per_hundred") in s for s in sentences) == 1
    points = charts_["by-lang"].spec["data"]["values"]
    for group, (_, cells) in zip(corrected.languages, charts_["by-lang"].rows, strict=True):
        for label, cell in zip(LABELS, cells[1:4], strict=True):
            value = group[f"share_{label}_corrected"]
            assert cell.split("\n")[1].startswith(words("trends.corrected", value=words.percent(value)))
            assert any(p["label"] == label and p["corrected"] == value for p in points)
    assert any("校正" in f or "adjusted count" in f for _, f in ledger.formula_rows(words))


def test_what_was_not_corrected_says_why_and_has_no_hollow_mark():
    table = collect(friendly())
    bare = take_figures(table, measure_table(table, held_out={}, resamples=60, seed=3), held_out={})
    for words, why in ((EN, "are not known here"), (ZH, "没有模型在留出回复上的误差记录")):
        assert all(why in card.corrected and card.corrected_place is None for card in story.share_cards(bare, words))
    assert len(story.verdict(bare, EN, None).sentences) == len(
        story.verdict(figures_of(friendly()), EN, None).sentences
    )
    assert not any("corrected" in p for p in charts_of(bare)[0]["by-lang"].spec["data"]["values"])
    blind = {lang: HeldOut(confusion=np.ones((3, 3))) for lang in ("en", "zh")}
    refused = take_figures(table, measure_table(table, held_out=blind, resamples=60, seed=3), held_out=blind)
    assert "条件数" in story.share_cards(refused, ZH)[0].corrected


def test_a_label_must_lead_as_counted_and_as_corrected():
    row = share_row(m=(0.1, 0.2, 0.3), d=(0.5, 0.6, 0.7), s=(0.1, 0.2, 0.3))
    assert story.leading(row) == "genuine_dialogue"
    ends = {"": 0.45, "_low": 0.2, "_high": 0.7}
    unsure = {f"share_{label}_corrected{end}": value for label in LABELS for end, value in ends.items()}
    assert story.leading(row | unsure) == "mixed"
    sure = {
        k.replace("_low", "_corrected_low").replace("_high", "_corrected_high"): v
        for k, v in row.items()
        if k[-3:] in ("low", "igh")
    }
    assert story.leading(row | unsure | sure) == "genuine_dialogue"


# --- graveyard ---


@given(st.floats(0, 1e9))
def test_a_square_stands_for_a_round_number_and_fields_stay_small(largest):
    unit = scale_of(largest)
    assert largest / unit <= MAX_SQUARES
    assert unit == 1 or largest / unit > MAX_SQUARES / 2.5
    assert str(unit).strip("0") in ("1", "2", "5")


@given(st.floats(0, 5_000), st.sampled_from([1, 2, 5, 10]))
def test_the_squares_cover_what_they_stand_for(n, unit):
    path, rows = squares_of(n, unit)
    area = sum(float(width) * SIZE for width in re.findall(r"h([\d.]+)v", path))
    assert area == pytest.approx(n / unit * SIZE * SIZE, abs=0.06 * SIZE)
    assert rows == max(1, -(-path.count("M") // COLUMNS))


def test_the_graveyard_stands_beside_the_engaged(figures):
    fields, scale, point = graveyard(figures.overall, EN)
    row = figures.overall
    assert [field.code for field in fields] == ["likes", "gone", "engaged"]
    assert fields[0].number == f"{row['graveyard_likes']:,.0f}"
    assert f"{row['likes']:,}" in fields[0].about
    assert EN.number(scale_of(row["graveyard_likes"])) in scale
    assert EN.few(row["graveyard_likes"] / row["ep"]) in point
    without = graveyard({**row, "graveyard_likes": None}, EN)
    assert [field.code for field in without[0]] == ["gone", "engaged"]
    assert without[2] == "The archive gives no like counts."


# --- ledger ---


def origin(**parts):
    made = {"manifest": {}, "command": None, "labels_hash": "00", "scores": None, "version": "1"}
    return ledger.Origin(**(made | parts))


def score(value):
    part = {"macro_f1": value, "macro_f1_low": value - 0.01, "macro_f1_high": value + 0.01}
    return {"n": 9, "macro_f1": value, "accuracy": value, "ece": 0.03, "per_language": {"en": part, "zh": part}}


def test_the_strictest_score_of_the_model_is_the_one_that_counts():
    scores = {"majority label": score(0.2), "m1": score(0.85), "the same, on new threads": score(0.79)}
    made = origin(manifest={"model": {"name": "m1"}}, scores=scores)
    assert made.model_scores == scores["the same, on new threads"]
    rows = ledger.score_rows(made, EN)
    assert [row.own for row in rows] == [True, True, False]
    assert rows[0].macro_f1[0] == "0.850 (0.840–0.860)"
    assert origin(scores={"other": score(0.5)}).model_scores is None


def test_a_score_that_is_not_known_is_a_dash_and_one_without_interval_has_no_brackets():
    made = score(0.85)
    made["per_language"]["en"] = {"macro_f1": None, "macro_f1_low": None, "macro_f1_high": None}
    made["per_language"]["zh"] = {"macro_f1": 0.85, "macro_f1_low": None, "macro_f1_high": None}
    assert ledger.score_rows(origin(scores={"m1": made}), EN)[0].macro_f1 == ("–", "0.850")
    del made["per_language"]["en"]
    assert ledger.score_rows(origin(scores={"m1": made}), EN)[0].macro_f1 == ("–", "0.850")


def test_the_labels_hash_changes_with_any_label():
    one, other = friendly(2), friendly(2)
    assert ledger.labels_hash(collect(one)) == ledger.labels_hash(collect(other[::-1]))
    other[0].probabilities[1] = [0.2, 0.3, 0.5]
    assert ledger.labels_hash(collect(one)) != ledger.labels_hash(collect(other))


def test_gaps_come_from_the_run_and_from_the_trees():
    gallery = Gallery()
    list(gallery.watch(friendly(3)))
    manifest = {"rejected": 7, "skipped": {"pingbacks": 2, "more": 1}, "issues": {"missing_parent": 4}}
    found = {what: n for what, n, _ in ledger.gaps(gallery, manifest, EN)}
    assert found["Records that could not be read"] == "7"
    assert found["Records that are no comments by the format’s own rules"] == "3"
    assert found["Replies whose parent is not in the archive"] == "4"
    assert found["Replies in other languages"] == "3"
    assert "Comments that are their own parent" not in found


def test_completeness_is_told_by_the_platforms_own_counters():
    gallery = Gallery()
    list(gallery.watch(friendly(1)))
    assert ledger.completeness_lines(gallery, 3, EN) == [
        "Platforms’ own counters announce 9 comments below 1 thread; 7 comments were collected: 78%.",
        "2 threads carry no counter of the platform, so how complete they are is unknown.",
    ]
    assert "cannot be told" in ledger.completeness_lines(Gallery(), 3, EN)[0]


def test_files_are_named_by_format_and_hidden_without_text():
    made = origin(manifest={"formats": {"/home/x/secret/a.json": "youtube: keys", "b.json": "youtube: keys"}})
    rows = dict(ledger.data_rows(made, EN, Veil()))
    assert rows["Files"] == ["youtube, 2 files: a.json, b.json"]
    assert dict(ledger.data_rows(made, EN, Veil(no_text=True)))["Files"] == ["youtube, 2 files"]
