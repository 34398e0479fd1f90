"""Differences of groups of threads: hand-worked cases, independent oracles, nothing that is NaN in silence."""

from __future__ import annotations

from itertools import combinations, product
from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import strategies as st
from measuring import given
from scipy import stats

from nlp_engage.measure.campaign import holm
from nlp_engage.measure.contrast import audited_threads, contrast, detectable, times_larger, welch
from nlp_engage.measure.permutation import _random_deals, permutation_test
from nlp_engage.measure.sample import Sample
from nlp_engage.measure.verdicts import VERDICTS, decide


def sample(top, below=None):
    top = np.array(top, dtype=float)
    return Sample(top=top, below=np.ones(len(top)) if below is None else np.array(below, dtype=float))


def drawn(rng, n, rate=0.3):
    below = 1.0 + rng.poisson(6, n)
    return sample(rng.binomial(below.astype(int), rate), below)


def studentised(sides):
    """Written anew from the definition, one group at a time."""
    value, variance = 0.0, 0.0
    for sign, groups in zip((1, -1), sides, strict=False):
        for turn, (x, w) in zip((sign, -sign), groups, strict=True):
            rate = sum(x) / sum(w)
            value += turn * rate
            variance += (
                len(x) / (len(x) - 1) * sum((a - rate * b) ** 2 for a, b in zip(x, w, strict=True)) / sum(w) ** 2
            )
    return abs(value) / sqrt(variance)


def every_deal(side):
    (x1, w1), (x2, w2) = side
    x, w, size = [*x1, *x2], [*w1, *w2], len(x1)
    for chosen in combinations(range(len(x)), size):
        rest = [i for i in range(len(x)) if i not in chosen]
        yield tuple(([x[i] for i in part], [w[i] for i in part]) for part in (chosen, rest))


def pair(group):
    return group.top.tolist(), group.below.tolist()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [(3, 4), (5, 3), (4, 4)])
def test_the_permutation_p_is_that_of_going_through_every_deal(seed, sizes):
    rng = np.random.default_rng(seed)
    groups = [drawn(rng, n, rate) for n, rate in zip(sizes, (0.6, 0.3), strict=True)]
    found = permutation_test([tuple(groups)], permutations=99, level=0.9, seed=0)
    side = tuple(map(pair, groups))
    seen = studentised([side])
    deals = [studentised([deal]) for deal in every_deal(side)]
    assert found.exact
    assert found.p == pytest.approx(np.mean([t >= seen - 1e-9 for t in deals]))


def test_with_a_control_threads_are_dealt_out_within_each_side_once_the_shared_change_is_out():
    rng = np.random.default_rng(5)
    groups = [drawn(rng, 3, rate) for rate in (0.8, 0.2, 0.5, 0.4)]
    found = permutation_test([tuple(groups[:2]), tuple(groups[2:])], permutations=99, level=0.9, seed=0)
    changes = [groups[k].rate - groups[k + 1].rate for k in (0, 2)]
    precision = [1 / (groups[k].variance + groups[k + 1].variance) for k in (0, 2)]
    shared = np.average(changes, weights=precision)
    sides = []
    for k in (0, 2):
        x, w = pair(groups[k])
        sides.append((([a - shared * b for a, b in zip(x, w, strict=True)], w), pair(groups[k + 1])))
    seen = studentised(sides)
    deals = [studentised(both) for both in product(*map(every_deal, sides))]
    assert found.exact
    assert len(deals) == 400
    assert found.p == pytest.approx(np.mean([t >= seen - 1e-9 for t in deals]))


def test_random_deals_come_near_all_deals_and_are_never_zero():
    rng = np.random.default_rng(2)
    few = [drawn(rng, 8, 0.5), drawn(rng, 8, 0.3)]
    exact = permutation_test([tuple(few)], permutations=9, level=0.9, seed=0)
    pool = np.concatenate([np.stack([g.top, g.below], axis=1) for g in few])
    chosen = _random_deals([(pool, 8)], 4_000, np.random.default_rng(0))[0]
    assert chosen.shape == (4_000, 8)
    assert all(len(set(row)) == 8 for row in chosen.tolist())
    assert np.bincount(chosen.ravel(), minlength=16) == pytest.approx(2_000, rel=0.1)
    assert exact.exact
    far = [sample(np.full(30, 0.9) + rng.normal(0, 0.01, 30)), sample(np.full(30, 0.1) + rng.normal(0, 0.01, 30))]
    assert permutation_test([tuple(far)], permutations=999, level=0.9, seed=0).p == 1 / 1_000


def test_many_threads_are_put_together_first():
    rng = np.random.default_rng(3)
    a, b = sample(rng.normal(0.5, 1, 5_000)), sample(rng.normal(0.5, 1, 9_000))
    c = sample(b.top + 0.2)
    assert permutation_test([(a, b)], permutations=199, level=0.9, seed=0).p > 0.01
    assert permutation_test([(a, c)], permutations=199, level=0.9, seed=0).p < 0.01


def test_error_and_degrees_of_freedom_are_welchs():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.5, 0.1, 9), rng.normal(0.3, 0.4, 14)
    found = contrast([(sample(a), sample(b))], resamples=200, level=0.9, seed=0)
    oracle = stats.ttest_ind(a, b, equal_var=False)
    assert found.value / found.error == pytest.approx(oracle.statistic)
    assert welch([a.var(ddof=1) / 9, b.var(ddof=1) / 14], [8, 13]) == int(oracle.df)


def test_a_difference_in_differences_by_hand():
    groups = [sample([x * 10 for x in rates], [10] * 4) for rates in (
        (0.5, 0.6, 0.7, 0.6), (0.2, 0.1, 0.3, 0.2), (0.5, 0.4, 0.5, 0.6), (0.3, 0.3, 0.2, 0.4)
    )]  # fmt: skip
    found = contrast([tuple(groups[:2]), tuple(groups[2:])], resamples=500, level=0.9, seed=0)
    assert found.value == pytest.approx((0.6 - 0.2) - (0.5 - 0.3))
    # each group: sum of squares 0.02 over 4 threads, variance 0.02 / 3 / 4
    assert found.error == pytest.approx(sqrt(4 * 0.02 / 12))
    assert found.low < found.value < found.high


@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(2, 9))
def test_turning_the_groups_round_turns_the_difference_round(seed, n, m):
    rng = np.random.default_rng(seed)
    a, b = drawn(rng, n, 0.6), drawn(rng, m)
    one = contrast([(a, b)], resamples=100, level=0.9, seed=seed)
    other = contrast([(b, a)], resamples=100, level=0.9, seed=seed)
    assert one.value == pytest.approx(-other.value)
    assert one.error == pytest.approx(other.error)
    assert one.freedom == other.freedom
    if one.error > 0 and permutation_test([(a, b)], permutations=9, level=0.9, seed=0).exact:
        assert one.p == pytest.approx(other.p)


def test_the_interval_reaches_as_far_as_the_permutation_distribution_asks_for():
    rng = np.random.default_rng(1)
    a, b = drawn(rng, 6, 0.5), drawn(rng, 25)
    found = contrast([(a, b)], resamples=500, level=0.9, seed=0)
    reach = permutation_test([(a, b)], permutations=500, level=0.9, seed=0).critical * found.error
    assert found.low <= found.value - reach
    assert found.high >= found.value + reach


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (sample([1.0]), sample([0.0, 1.0])),
        (sample([0.0, 0.0], [0, 0]), sample([0.0, 1.0])),
        (sample([]), sample([1.0])),
    ],
)
def test_too_little_gives_no_interval_and_no_p(a, b):
    found = contrast([(a, b)], resamples=100, level=0.9, seed=0)
    assert all(map(isnan, (found.low, found.high, found.p, found.error)))
    assert found.freedom == 0
    assert isnan(detectable(found.error, found.freedom, 0.9, 0.8))


def test_groups_that_are_all_alike_have_p_1_and_no_nan():
    same = sample([0.0] * 6, [5.0] * 6)
    found = contrast([(same, same)], resamples=100, level=0.9, seed=0)
    assert (found.value, found.error, found.p) == (0.0, 0.0, 1.0)


def test_holm_by_hand():
    # 0.005 * 4, 0.01 * 3, 0.03 * 2, then 0.04 * 1 which may not be less than the one before
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.7, 0.9]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_the_p_values_and_bonferroni_and_keeps_their_order(p):
    corrected = holm(p)
    assert all(a <= b <= min(1.0, len(p) * a) + 1e-12 for a, b in zip(p, corrected, strict=True))
    assert [corrected[k] for k in np.argsort(p, kind="stable")] == sorted(corrected)


def test_what_is_needed_detects_just_that():
    error, freedom, effect = 0.04, 22, 0.05
    times = times_larger(error, freedom, effect, 0.9, 0.8)
    assert times > 1
    assert detectable(error / sqrt(times), int(times * freedom), 0.9, 0.8) == pytest.approx(effect, rel=0.01)
    assert times_larger(error, freedom, 2 * effect, 0.9, 0.8) < times
    # (1.645 + 0.842)² * (0.002 + 0.02 / m) * 2 = 0.05² at m = 110: too little room, then enough
    assert audited_threads([0.002] * 2, [0.02] * 2, 0.05, 1_000_000, 0.9, 0.8) is None
    m = audited_threads([0.0001] * 2, [0.02] * 2, 0.05, 1_000_000, 0.9, 0.8)
    left = (2.4865 * sqrt(2 * (0.0001 + 0.02 / m)), 2.4865 * sqrt(2 * (0.0001 + 0.02 / (m - 1))))
    assert left[0] <= 0.05 < left[1]


ends = st.tuples(st.floats(-50, 50), st.floats(0, 50), st.floats(0, 50)).map(lambda x: (x[0], x[0] - x[1], x[0] + x[2]))


@given(ends, st.none() | st.floats(0, 1), st.none() | st.floats(0.1, 20))
def test_a_verdict_never_says_more_than_interval_and_test(difference, p, margin):
    verdict = decide(difference, p=p, margin=margin, level=0.9)
    _, low, high = difference
    assert verdict in VERDICTS
    if verdict == "higher":
        assert low > 0
        assert p <= 0.1 + 1e-9
    if verdict == "lower":
        assert high < 0
        assert p <= 0.1 + 1e-9
    if verdict == "no_difference":
        assert -margin < low <= high < margin
    if p is None:
        assert verdict == "not_enough_data"
