"""Evaluation in slices and pairs, the coders beside the model, and what comes out as frames, tables and pictures."""

from __future__ import annotations

import json

import krippendorff
import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from scipy import stats
from sklearn import metrics

from nlp_engage.agreement import agreement
from nlp_engage.cli import main
from nlp_engage.errors import DataError
from nlp_engage.resample import RESAMPLES, ThreadBootstrap
from nlp_engage.train.evaluate import codes_of_unit, compare, score_predictions
from nlp_engage.train.results import Evaluation
from nlp_engage.train.tables import detail_tables, plot_reliability
from nlp_engage.types import LABELS


def truth_of(units):
    return np.array(["MDS".index(u["label"]) for u in units])


def noisy(units, seed=0, spread=1.2):
    random = np.random.default_rng(seed)
    logits = np.eye(3)[truth_of(units)] * 1.5 + random.normal(size=(len(units), 3)) * spread
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def sourced(per_cue=20, threads=30):
    return [
        {**u, "source": f"s{i % 3}", "platform": "weibo" if u["lang"] == "zh" else "reddit"}
        for i, u in enumerate(tiny.units(per_cue, "u", threads=threads))
    ]


def test_resampled_sums_are_sums_over_the_drawn_threads():
    threads = ["b", "a", "b", "c"]
    values = np.arange(8.0).reshape(4, 2)
    found = ThreadBootstrap(threads, seed=3).sums(values)
    draws = np.random.default_rng(3).integers(0, 3, size=(RESAMPLES, 3))
    of_thread = np.array([values[1], values[0] + values[2], values[3]])
    np.testing.assert_allclose(found, of_thread[draws].sum(1))


def test_slices_hold_the_replies_they_say_and_the_scores_of_scikit_learn():
    units = sourced()
    p = noisy(units)
    found = score_predictions(p, units)
    members = {
        ("per_source", "s1"): [u["source"] == "s1" for u in units],
        ("per_platform", "weibo"): [u["platform"] == "weibo" for u in units],
        ("per_length", "1-9"): [len(u["reply"]) < 10 for u in units],
        ("per_depth", "1"): [len(u["above"]) == 1 for u in units],
    }
    for (key, name), rows in members.items():
        part = found[key][name]
        truth, guess = truth_of(units)[rows], p[rows].argmax(1)
        assert part["n"] == sum(rows) > 0
        assert part["macro_f1"] == pytest.approx(metrics.f1_score(truth, guess, average="macro"))
        assert part["accuracy_low"] <= part["accuracy"] <= part["accuracy_high"]
    for key in ("per_source", "per_platform", "per_length", "per_depth"):
        assert sum(part["n"] for part in found[key].values()) == len(units)


def test_length_and_depth_are_cut_where_their_names_say():
    units = [
        {**tiny.units(1, "u", 1)[0], "uid": str(n), "reply": "x" * n, "above": [["A", "y"]] * (n % 4)}
        for n in (9, 10, 29, 30, 99, 100)
    ]
    found = score_predictions(np.eye(3)[[0] * 6], units)
    assert {k: v["n"] for k, v in found["per_length"].items()} == {"1-9": 1, "10-29": 2, "30-99": 2, "100+": 1}
    assert {k: v["n"] for k, v in found["per_depth"].items()} == {"0": 1, "1": 2, "2": 2, "3": 1}


def test_a_slice_without_a_label_has_no_macro_f1_and_says_why():
    units = [u for u in sourced() if u["source"] != "s0" or u["label"] != "S"]
    part = score_predictions(noisy(units), units)["per_source"]["s0"]
    assert (part["macro_f1"], part["macro_f1_low"]) == (None, None)
    assert part["reason"] == "no macro-F1: no reply here is self_expression"
    assert part["accuracy"] is not None


def test_one_thread_has_no_intervals_and_says_why():
    units = [{**u, "thread": "t"} for u in sourced(2)]
    found = score_predictions(noisy(units), units)
    assert found["macro_f1"] is not None
    assert (found["macro_f1_low"], found["per_label"][LABELS[0]]["f1_high"]) == (None, None)
    assert found["reason"].startswith("one thread only")
    assert compare(noisy(units), noisy(units, 1), units)["all"]["macro_f1_decided"] is None


def test_the_coders_own_alpha_is_that_of_the_krippendorff_package():
    random = np.random.default_rng(0)
    units, table = [], []
    for unit in tiny.units(10, "u", threads=12):
        coders = int(random.integers(1, 4))
        codes = ["MDS"[k] for k in random.choice(3, coders, p=[0.6, 0.3, 0.1])]
        soft = {c: codes.count(c) / coders for c in "MDS"}
        units.append({**unit, "coders": coders, "soft": soft})
        table.append([codes.count(c) for c in "MDS"])
    found = score_predictions(noisy(units), units)
    expected = krippendorff.alpha(
        value_counts=np.array(table), value_domain=list("MDS"), level_of_measurement="nominal"
    )
    assert found["coders_alpha"] == pytest.approx(expected)
    assert found["coders_alpha_low"] < found["coders_alpha"] < found["coders_alpha_high"]
    assert found["coders_n"] == sum(sum(row) > 1 for row in table)
    named = [{**u, "coders": {f"c{i}": c for i, c in enumerate("M" * m + "D" * d + "S" * s)}}
             for u, (m, d, s) in zip(units, table, strict=True)]  # fmt: skip
    assert score_predictions(noisy(units), named)["coders_alpha"] == pytest.approx(expected)


def test_agreement_of_coders_that_is_not_on_record_is_not_known():
    found = score_predictions(noisy(sourced()), sourced())
    assert (found["coders_n"], found["coders_alpha"]) == (0, None)
    assert found["coders_reason"] == "no unit has two codings"
    assert "the coders' own alpha not known: no unit has two codings" in detail_tables(found)
    alike = [{**u, "coders": {"ann": "M", "bo": "M"}} for u in sourced()]
    found = score_predictions(noisy(alike), alike)
    assert (found["coders_n"], found["coders_alpha"]) == (120, None)
    assert found["coders_reason"].startswith("only one label occurs")


def coded(pairs):
    """Units of ten threads, three each; ``pairs`` says what two coders gave the units that both read."""
    units = [{**u, "thread": f"t{i // 3}", "coders": {"ann": "M"}} for i, u in enumerate(tiny.units(5, "u", 1))]
    return [{**u, "coders": {"ann": pairs[i][0], "bo": pairs[i][1]} if i in pairs else u["coders"]}
            for i, u in enumerate(units)]  # fmt: skip


def test_only_threads_that_several_coders_read_are_resampled_for_their_alpha():
    """As ``agree`` does it; the eight threads with single codings are no evidence of how far coders agree."""
    units = coded({0: "MM", 1: "MD", 2: "DD", 27: "MM", 28: "DM", 29: "DD"})
    found = score_predictions(noisy(units), units)
    index = {"M": 0, "D": 1}
    codes = {c: np.array([index[u["coders"][c]] if c in u["coders"] else -1 for u in units]) for c in ("ann", "bo")}
    direct = agreement(codes, [u["thread"] for u in units])
    for key in ("alpha", "alpha_low", "alpha_high"):
        assert found[f"coders_{key}"] == direct[key] is not None
    assert "coders_reason" not in found


def test_the_coders_alpha_of_one_thread_has_no_interval_and_says_why():
    units = coded({0: "MM", 1: "MD", 2: "DD"})
    result = evaluation(units, noisy(units))
    found = result.scores
    assert (found["threads"], found["coders_n"]) == (10, 3)
    assert found["coders_alpha"] == pytest.approx(1 - 5 * 2 / (2 * 3 * 3))  # n = 6, three codes of each label
    assert (found["coders_alpha_low"], found["coders_alpha_high"]) == (None, None)
    assert found["coders_reason"] == "units of one thread only: no interval"
    assert "the coders' own alpha 0.444: units of one thread only: no interval" in detail_tables(found)
    row = result.to_pandas().query("slice == 'all' and score == 'coders_alpha'").iloc[0]
    assert (round(row.estimate, 3), row.reason) == (0.444, found["coders_reason"])


def test_resamples_in_which_coders_gave_one_label_only_are_left_out_of_their_alpha():
    units = coded({i: "DD" if i == 29 else "MM" for i in range(30)})
    found = score_predictions(noisy(units), units)
    assert (found["coders_alpha_low"], found["coders_alpha"], found["coders_alpha_high"]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ({"coders": {"ann": "X"}}, r"coders gave \['X'\]; known: \['M', 'D', 'S'\]"),
        ({"coders": 2, "soft": {"M": 0.7, "D": 0.3}}, "are no shares of 2 coders"),
    ],
)
def test_codes_that_cannot_be_counted_are_refused(unit, message):
    with pytest.raises(DataError, match=message):
        codes_of_unit(unit)


def test_a_paired_difference_is_the_difference_and_its_interval_is_the_narrower():
    units = sourced(threads=60)
    one = noisy(units)
    other = noisy(units, seed=5, spread=0.4) * 0.05 + one * 0.95  # nearly the same model: the pairing is what tells
    found = compare(one, other, units)["all"]
    a, b = score_predictions(one, units), score_predictions(other, units)
    for score in ("macro_f1", "accuracy", "alpha", "ece"):
        assert found[score] == pytest.approx(a[score] - b[score])
    apart = max(s["macro_f1_high"] - s["macro_f1_low"] for s in (a, b))
    assert found["macro_f1_high"] - found["macro_f1_low"] < apart / 2


def test_a_model_is_not_better_than_itself_and_clearly_better_than_noise():
    units = sourced(threads=60)
    good, bad = noisy(units, spread=0.5), noisy(units, spread=6)
    same = compare(good, good, units)
    assert {row[k] for row in same.values() for k in ("macro_f1", "macro_f1_low", "macro_f1_high")} == {0.0}
    assert not same["all"]["macro_f1_decided"]
    found = compare(good, bad, units)
    assert set(found) == {"all", "en", "zh"}
    assert found["zh"]["macro_f1_low"] > 0
    assert found["zh"]["macro_f1_decided"]


def students_quantiles(draws, sizes):
    """Quantiles that Hesterberg's widening takes, for threads of so many replies each, by scipy."""
    df = int(sum(sizes) ** 2 / sum(size**2 for size in sizes)) - 1
    far = np.sqrt((df + 1) / df) * stats.t.ppf(0.95, df)
    return np.quantile(draws, stats.norm.cdf([-far, far]))


def test_paired_differences_are_taken_on_the_same_resampled_threads():
    units = sourced()
    one, other = noisy(units), noisy(units, seed=1)
    truth = truth_of(units)
    names, place = np.unique([u["thread"] for u in units], return_inverse=True)
    draws = np.random.default_rng(4).integers(0, len(names), size=(RESAMPLES, len(names)))
    differences = []
    for draw in draws:
        rows = np.concatenate([np.flatnonzero(place == g) for g in draw])
        right = [(p[rows].argmax(1) == truth[rows]).mean() for p in (one, other)]
        differences.append(right[0] - right[1])
    found = compare(one, other, units, seed=4)["all"]
    expected = students_quantiles(differences, np.bincount(place))
    np.testing.assert_allclose([found["accuracy_low"], found["accuracy_high"]], expected, atol=1e-12)


def evaluation(units, p, name="m"):
    return Evaluation.of_probabilities(name, p, units)


def test_frames_hold_every_score_once_and_every_unit_once():
    units = sourced()
    found = evaluation(units, noisy(units))
    frame = found.to_pandas()
    assert list(frame.columns) == ["slice", "value", "n", "threads", "score", "estimate", "low", "high", "reason"]
    assert not frame.duplicated(["slice", "value", "score"]).any()
    row = frame.query("slice == 'source' and value == 's1' and score == 'accuracy'").iloc[0]
    assert row.estimate == found.scores["per_source"]["s1"]["accuracy"]
    unknown = frame[frame.estimate.isna()]
    assert set(unknown.score) == {"coders_alpha"}
    assert set(unknown.reason) == {"no unit has two codings"}
    assert frame[frame.estimate.notna()].reason.isna().all()
    assert set(frame.slice) == {"all", "language", "platform", "source", "characters", "turns_above"}
    predictions = found.predictions().to_pandas()
    assert predictions.uid.tolist() == [u["uid"] for u in units]
    assert metrics.accuracy_score(predictions.label, predictions.predicted) == found.scores["accuracy"]


def test_models_scored_on_different_units_are_not_compared():
    units = sourced()
    one, other = evaluation(units, noisy(units)), evaluation(units[1:], noisy(units)[1:], "o")
    with pytest.raises(DataError, match="m and o were scored on different units"):
        one.compare(other)


def test_a_bin_of_one_thread_has_no_interval_and_no_bar(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    bars = []
    draw = Axes.errorbar
    monkeypatch.setattr(Axes, "errorbar", lambda self, x, y, spread, **more: (
        bars.append(np.array(spread)), draw(self, x, y, spread, **more))[1])  # fmt: skip
    units = [{**u, "thread": f"t{i % 3}"} for i, u in enumerate(sourced(2))]
    p = np.eye(3)[truth_of(units)]
    p[0] = p[3] = (0.6, 0.4, 0.0)  # both of t0: a bin of its own, of one thread
    found = evaluation(units, p)
    alone, others = found.scores["reliability"]
    assert (alone["n"], alone["accuracy"] is None, alone["accuracy_low"], alone["accuracy_high"]) == (
        2,
        False,
        None,
        None,
    )
    assert alone["reason"] == "replies of one thread only: no interval"
    assert (others["accuracy_low"], others["accuracy_high"], "reason" in others) == (1.0, 1.0, False)
    found.plot(tmp_path / "plot.svg")
    assert np.isnan(bars[0]).tolist() == [[True, False], [True, False]]
    evaluation([{**u, "thread": "t"} for u in units], p).plot(tmp_path / "one.svg")
    assert np.isnan(bars[1]).all()


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_the_reliability_diagram_is_drawn(tmp_path, ending):
    units = sourced()
    path = tmp_path / f"plot.{ending}"
    evaluation(units, noisy(units)).plot(path)
    start = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[ending]
    assert path.read_bytes().startswith(start)
    if ending == "svg":
        before = path.read_bytes()
        evaluation(units, noisy(units)).plot(path)
        assert path.read_bytes() == before  # no date, no random ids


def test_a_picture_of_another_kind_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"plot.gif must end in .svg, .png, .pdf"):
        plot_reliability({}, tmp_path / "plot.gif")


def test_bins_of_the_diagram_hold_all_replies_and_what_is_right_in_them():
    units = sourced()
    p = noisy(units)
    bins = score_predictions(p, units)["reliability"]
    assert sum(b["n"] for b in bins) == len(units)
    right = p.argmax(1) == truth_of(units)
    for b in bins:
        rows = (p.max(1) > b["from"]) & (p.max(1) <= b["to"])
        assert b["n"] == rows.sum()
        assert b["accuracy"] == pytest.approx(right[rows].mean())
        assert b["confidence"] == pytest.approx(p[rows].max(1).mean())
        assert b["accuracy_low"] <= b["accuracy_high"]


def test_the_verb_compares_an_exported_model_with_its_network_and_draws(tiny_training, tiny_model, tmp_path):
    plot = tmp_path / "plot.svg"
    arguments = ["evaluate", "--model", str(tiny_model), "--data", str(tiny_training.dev)]
    arguments += ["--against", str(tiny_training.out), "--plot", str(plot)]
    found = json.loads(CliRunner().invoke(main, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert {"macro_f1", "per_label", "per_language", "ece", "alpha", "n", "reliability", "per_depth"} <= set(found)
    assert found["against"]["name"] == "run"
    difference = found["against"]["difference"]["all"]
    assert difference["macro_f1"] == pytest.approx(found["macro_f1"] - found["against"]["scores"]["macro_f1"])
    assert plot.stat().st_size > 1000
    shown = CliRunner().invoke(main, arguments, catch_exceptions=False).stdout
    for heading in ("| model |", "| label |", "| truth \\ answer |", "| turns above |", "| tiny-v1 minus run |"):
        assert heading in shown
    assert "NaN" not in json.dumps(found)


def test_a_plot_of_another_kind_is_a_usage_error(tiny_training):
    done = CliRunner().invoke(main, ["evaluate", "--data", str(tiny_training.dev), "--plot", "plot.gif"])
    assert done.exit_code == 2
    assert "must end in .svg, .png, .pdf" in done.output
