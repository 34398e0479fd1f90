"""Scores against scikit-learn, published examples and sums worked by hand."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from nlp_engage.scores import (
    alpha_of_coincidences,
    coincidences,
    confidence_bins,
    confusion,
    error_of_bins,
    expected_calibration_error,
    f1_of_confusion,
    macro_f1,
    own_scores,
    precision_recall_f1,
)

pairs = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60).map(
    lambda rows: np.array(rows).T
)


@settings(deadline=None)
@given(pairs)
def test_confusion_and_f1_are_those_of_scikit_learn(coded):
    truth, guess = coded
    assert confusion(truth, guess).tolist() == metrics.confusion_matrix(truth, guess, labels=[0, 1, 2]).tolist()
    expected = metrics.precision_recall_fscore_support(truth, guess, labels=[0, 1, 2], zero_division=0)[:3]
    np.testing.assert_allclose(precision_recall_f1(truth, guess), np.array(expected).T)
    f1 = metrics.f1_score(truth, guess, labels=[0, 1, 2], average="macro", zero_division=0)
    assert macro_f1(truth, guess) == pytest.approx(f1)


@pytest.mark.parametrize(
    ("one", "other", "alpha"),
    [
        ("aabbdcccedda", "babbbcccedd" + "d", 0.692),  # Krippendorff 2011, section B
        ("abaaaaaaba", "bbbaabaaaa", 0.095),  # section A
        ("ab", "ab", 1.0),
        ("ab", "ba", -0.5),  # n = 4: 1 - 3 * 4 / (16 - 8)
    ],
)
def test_alpha_is_that_of_the_published_examples(one, other, alpha):
    counts = confusion(*(np.array([ord(c) - ord("a") for c in coding]) for coding in (one, other)), n_labels=5)
    assert round(float(alpha_of_coincidences(counts + counts.T)), 3) == alpha


def test_alpha_of_codings_that_never_vary_is_not_known():
    assert np.isnan(alpha_of_coincidences(np.array([[8, 0], [0, 0]])))
    assert np.isnan(alpha_of_coincidences(np.zeros((2, 2))))


@settings(deadline=None)
@given(pairs)
def test_alpha_of_two_codings_is_that_of_the_krippendorff_package(coded):
    counts = confusion(*coded)
    ours = float(alpha_of_coincidences(counts + counts.T))
    if len(np.unique(coded)) < 2:
        assert np.isnan(ours)
        return
    assert ours == pytest.approx(krippendorff.alpha(reliability_data=coded, level_of_measurement="nominal"))


def test_calibration_error_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.8, 0.2], [0.4, 0.6]])
    truth = np.array([0, 1, 0, 1])
    # bins of 0.1: two replies at 0.9, half right; one right at 0.8; one right at 0.6
    by_hand = (2 * abs(0.5 - 0.9) + abs(1 - 0.8) + abs(1 - 0.6)) / 4
    assert expected_calibration_error(truth, probabilities, bins=10) == pytest.approx(by_hand)


def test_errors_of_both_signs_in_one_bin_cancel_and_in_two_bins_add():
    truth = np.array([0, 1])
    probabilities = np.array([[0.55, 0.45], [0.95, 0.05]])  # one right, one wrong
    assert expected_calibration_error(truth, probabilities, bins=1) == pytest.approx(abs(0.5 - 0.75))
    assert expected_calibration_error(truth, probabilities, bins=10) == pytest.approx((0.45 + 0.95) / 2)


def test_confidence_that_comes_true_has_no_calibration_error():
    random = np.random.default_rng(1)
    p = random.uniform(0.5, 1, 200_000)
    truth = np.where(random.random(len(p)) < p, 0, 1)
    assert expected_calibration_error(truth, np.stack([p, 1 - p], axis=1)) < 0.01


coded = st.lists(st.lists(st.integers(0, 2), min_size=0, max_size=4), min_size=1, max_size=30)


@settings(deadline=None)
@given(coded)
def test_alpha_of_several_coders_with_gaps_is_that_of_the_krippendorff_package(units):
    counts = np.array([[codes.count(k) for k in range(3)] for codes in units])
    ours = float(alpha_of_coincidences(coincidences(counts).sum(0)))
    paired = counts[counts.sum(1) > 1]
    if np.count_nonzero(paired.sum(0)) < 2:
        assert np.isnan(ours)  # codings that never vary show nothing
        return
    theirs = krippendorff.alpha(value_counts=counts, value_domain=[0, 1, 2], level_of_measurement="nominal")
    assert ours == pytest.approx(theirs)


@settings(deadline=None)
@given(pairs)
def test_scores_of_stacked_counts_are_the_scores_of_each(coded_pairs):
    one, other = coded_pairs
    stack = np.stack([confusion(one, other), confusion(other, one)])
    for found, (truth, guess) in zip(f1_of_confusion(stack), ((one, other), (other, one)), strict=True):
        np.testing.assert_array_equal(found, precision_recall_f1(truth, guess))
    pair = stack + stack.swapaxes(1, 2)
    np.testing.assert_array_equal(alpha_of_coincidences(pair), [alpha_of_coincidences(c) for c in pair])


def test_bins_add_up_to_the_calibration_error():
    random = np.random.default_rng(2)
    p = random.dirichlet(np.ones(3), 50)
    truth = random.integers(0, 3, 50)
    held = confidence_bins(truth, p, 10)
    assert held.sum((0, 1)).tolist() == pytest.approx([50, p.max(1).sum(), (p.argmax(1) == truth).sum()])
    assert float(error_of_bins(held.sum(0))) == pytest.approx(expected_calibration_error(truth, p, 10))
    assert float(error_of_bins(np.zeros((10, 3)))) == 0.0


def test_a_macro_f1_that_is_not_known_is_not_the_lowest():
    known, unknown = {"macro_f1": 0.8}, {"macro_f1": None}
    assert own_scores({"m": known, "the same, elsewhere": unknown}, "m") is known
    assert own_scores({"m": unknown}, "m") is unknown
