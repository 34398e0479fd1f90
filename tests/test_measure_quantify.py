"""Corrected shares: against values that QuaPy 0.2.3 gave for the same input, and worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st
from measuring import changed, given, said, trees

from nlp_engage.errors import DataError
from nlp_engage.measure import HeldOut, collect, held_out, measure, measure_table
from nlp_engage.measure.quantify import adjusted_count, check_condition, draw_rates, emq
from nlp_engage.types import LABELS

CONFUSION = np.array([[171, 11, 7], [12, 169, 6], [6, 21, 75]], dtype=float)
KNOWN = HeldOut(confusion=CONFUSION)
shares = st.tuples(*[st.integers(0, 20)] * 3).filter(any).map(lambda w: np.array(w) / sum(w))


@pytest.mark.parametrize(
    ("counted", "quapy"),
    [
        # ACC.solve_adjustment(rates.T, counted, method="inversion", solver="minimize")
        ((0.5, 0.3, 0.2), (0.519975, 0.244902, 0.235122)),
        ((0.2, 0.7, 0.1), (0.162197, 0.742369, 0.095434)),
        ((0.9, 0.08, 0.02), (0.984159, 0.015841, 0.0)),
        ((0.03, 0.9, 0.07), (0.0, 0.969927, 0.030073)),
    ],
)
def test_adjusted_count_is_that_of_quapy(counted, quapy):
    assert adjusted_count(np.array(counted), KNOWN.rates) == pytest.approx(quapy, abs=1e-4)


def test_emq_is_that_of_quapy():
    told = np.repeat([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5], [0.05, 0.05, 0.9]], [30, 25, 15, 10], axis=0)
    # EMQ.EM(prior, told, epsilon=1e-10)
    expected = (0.3285483572338791, 0.26891900344387515, 0.40253263932224603)
    assert emq(told, KNOWN.prior) == pytest.approx(expected, abs=1e-6)


@given(shares)
def test_adjusted_count_undoes_what_the_classifier_does(truth):
    assert adjusted_count(truth @ KNOWN.rates, KNOWN.rates) == pytest.approx(truth, abs=1e-9)


@given(shares)
def test_adjusted_count_is_the_best_fit_on_the_simplex(counted):
    found = adjusted_count(counted, KNOWN.rates)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    grid = np.array([(a, b, 50 - a - b) for a in range(51) for b in range(51 - a)]) / 50
    misfits = ((grid @ KNOWN.rates - counted) ** 2).sum(axis=1)
    assert ((found @ KNOWN.rates - counted) ** 2).sum() <= misfits.min() + 1e-12


@given(shares, max_examples=15)
def test_emq_finds_the_shares_when_probabilities_are_right(truth):
    """Replies of three kinds that differ in their likelihoods, in the numbers the true shares make likely."""
    prior, likelihood = KNOWN.prior, KNOWN.rates  # column = what is seen
    seen = truth @ likelihood
    posterior = (prior[:, None] * likelihood / (prior @ likelihood)).T
    told = np.repeat(posterior, np.round(seen * 5_000).astype(int), axis=0)
    assert emq(told, prior) == pytest.approx(truth, abs=0.005)


@pytest.mark.parametrize(
    "confusion", [np.ones((3, 3)), [[50, 0, 0], [0, 0, 0], [0, 0, 50]], [[9, 1, 0], [9, 1, 0], [0, 0, 9]]]
)
def test_labels_that_cannot_be_told_apart_are_refused(confusion):
    with pytest.raises(DataError, match="cannot be told apart"):
        check_condition(HeldOut(confusion=np.array(confusion, dtype=float)))


def test_held_out_reads_an_evaluation_and_its_design_effect():
    accuracy = {"accuracy": 0.8, "accuracy_low": 0.75, "accuracy_high": 0.85, "n": 400}
    confusion = [[160, 20, 20], [10, 80, 10], [10, 10, 80]]
    found = held_out({"per_language": {"zh": {"confusion": confusion, **accuracy}, "en": {"confusion": confusion}}})
    assert found["zh"].design_effect == pytest.approx((0.1 / 3.289707) ** 2 / (0.8 * 0.2 / 400), rel=1e-4)
    assert found["en"].design_effect == 1.0
    assert found["en"].prior.tolist() == [0.5, 0.25, 0.25]


@pytest.mark.parametrize("bad", [{}, {"per_language": {}}, {"per_language": {"en": {"confusion": [[1, 2], [3, 4]]}}}])
def test_evaluations_without_confusions_are_refused(bad):
    with pytest.raises(DataError):
        held_out(bad)


def test_drawn_confusions_are_as_uncertain_as_their_counts():
    draws = draw_rates(KNOWN, 4_000, np.random.default_rng(0))
    n = CONFUSION[0].sum() + 1
    p = (CONFUSION[0, 0] + 1 / 3) / n
    assert draws[:, 0, 0].mean() == pytest.approx(p, abs=0.003)
    assert draws[:, 0, 0].std() == pytest.approx(np.sqrt(p * (1 - p) / (n + 1)), rel=0.05)
    wider = draw_rates(HeldOut(confusion=CONFUSION, design_effect=4.0), 4_000, np.random.default_rng(0))
    assert wider[:, 0, 0].std() == pytest.approx(2 * draws[:, 0, 0].std(), rel=0.1)


def predicted(threads, counts, lang="en"):
    """Threads in which the model sees so many of each label; every second one is the reverse of what it is sure of."""
    archive = []
    for t in range(threads):
        name = f"{lang}{t}"
        archive.append(said(name, None, "shop", thread=name))
        labels = [k for k, n in enumerate(counts) for _ in range(n + (t % 2))]
        for i, k in enumerate(labels):
            p = tuple(0.8 if j == k else 0.1 for j in range(3))
            archive.append(said(f"{name}.{i}", name, f"u{name}.{i}", p, thread=name, lang=lang))
    return archive


def test_rows_have_corrected_shares_beside_the_raw_ones():
    archive = predicted(20, (5, 3, 2))
    (row,) = measure(trees(archive), held_out={"en": KNOWN}).rows()
    n = np.array([5.5, 3.5, 2.5])
    expected = adjusted_count(n / n.sum(), KNOWN.rates)
    for label, value in zip(LABELS, expected, strict=True):
        key = f"share_{label}_corrected"
        assert row[key] == pytest.approx(value)
        assert row[f"{key}_low"] < row[key] < row[f"{key}_high"]
    told = np.repeat(np.full((3, 3), 0.1) + 0.7 * np.eye(3), (2 * n * 10).astype(int), axis=0)
    found = [row[f"share_{label}_emq"] for label in LABELS]
    assert found == pytest.approx(emq(told, KNOWN.prior), abs=1e-5)
    assert row["share_mindless_interaction"] == pytest.approx((0.8 * 5.5 + 0.1 * 6) / 11.5)  # raw stays raw


def test_the_interval_includes_what_the_held_out_replies_leave_open():
    archive = trees(predicted(40, (5, 3, 2)))
    few = HeldOut(confusion=np.maximum(CONFUSION / 10, 0.1))
    widths = []
    for known in (HeldOut(confusion=CONFUSION * 100), KNOWN, few):
        (row,) = measure(archive, held_out={"en": known}).rows()
        widths.append(row["share_genuine_dialogue_corrected_high"] - row["share_genuine_dialogue_corrected_low"])
    assert widths == sorted(widths)
    assert widths[2] > 2 * widths[0]


def test_languages_are_corrected_each_with_its_own_confusion():
    archive = [*predicted(10, (4, 2, 2)), *predicted(10, (1, 4, 4), "zh")]
    other = HeldOut(confusion=np.array([[60, 20, 20], [10, 80, 10], [10, 20, 70]], dtype=float))
    by_lang = {r["group"]: r for r in measure(trees(archive), by="lang", held_out={"en": KNOWN, "zh": other}).rows()}
    (whole,) = measure(trees(archive), held_out={"en": KNOWN, "zh": other}).rows()
    n = {g: r["n_replies"] for g, r in by_lang.items() if r["n_replies"]}
    for label in LABELS:
        key = f"share_{label}_corrected"
        assert whole[key] == pytest.approx(sum(by_lang[g][key] * n[g] for g in n) / sum(n.values()))


def test_what_cannot_be_corrected_says_why():
    archive = predicted(10, (4, 2, 2))
    stranger = [changed(s, lang="zh") for s in archive]
    blind = {"en": HeldOut(confusion=np.ones((3, 3)))}
    cases = (
        (stranger, {"en": KNOWN}, "in a language without held-out confusion"),
        (archive, blind, "cannot be told apart"),
        (archive[:9], {"en": KNOWN}, "fewer than 30 labelled replies"),
    )
    for said_, known, reason in cases:
        (row,) = measure(trees(said_), held_out=known).rows()
        assert row["share_genuine_dialogue_corrected"] is row["share_genuine_dialogue_emq"] is None
        assert reason in row["notes"]["share_genuine_dialogue_corrected"]
    one = [s for s in predicted(1, (20, 10, 10))]
    (row,) = measure(trees(one), held_out={"en": KNOWN}).rows()
    assert row["share_genuine_dialogue_corrected"] is not None
    assert row["notes"]["share_genuine_dialogue_corrected"] == "one thread only: no interval"


def test_corrected_shares_have_columns_where_they_were_asked_for():
    table = collect(trees(predicted(10, (4, 2, 2))))
    plain, corrected = measure_table(table), measure_table(table, held_out={"en": KNOWN})
    extra = set(corrected.to_arrow().column_names) - set(plain.to_arrow().column_names)
    keys = {f"share_{label}_corrected" for label in LABELS}
    assert extra == {f"share_{label}_emq" for label in LABELS} | {k + e for k in keys for e in ("", "_low", "_high")}
    assert corrected.rows() == measure_table(table, held_out={"en": KNOWN}).rows()
