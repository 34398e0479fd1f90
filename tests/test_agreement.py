"""Agreement of coders: against the formula in exact fractions, a published example, and what must not matter."""

from __future__ import annotations

from fractions import Fraction

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_engage.agreement import MISSING, agreement, alpha_with_interval
from nlp_engage.errors import DataError
from nlp_engage.resample import ThreadBootstrap, interval


def by_definition(table):
    """Alpha from all pairs of codings within units and over the archive, as Krippendorff 2011 defines it."""
    units = [[v for v in column if v != MISSING] for column in zip(*table, strict=True)]
    units = [u for u in units if len(u) > 1]
    values = [v for u in units for v in u]
    n = len(values)
    observed = sum(
        Fraction(sum(a != b for i, a in enumerate(u) for j, b in enumerate(u) if i != j), len(u) - 1) for u in units
    )
    expected = Fraction(sum(a != b for i, a in enumerate(values) for j, b in enumerate(values) if i != j), n - 1)
    return None if not expected else float(1 - observed / expected)


@given(
    st.integers(2, 4).flatmap(
        lambda coders: st.lists(
            st.lists(st.sampled_from([MISSING, 0, 1, 2]), min_size=coders, max_size=coders), min_size=1, max_size=12
        )
    )
)
@settings(max_examples=60, deadline=None)
def test_alpha_is_that_of_the_definition(columns):
    table = np.array(columns).T
    codes = {f"coder {i}": row for i, row in enumerate(table)}
    found = agreement(codes, [f"t{i}" for i in range(table.shape[1])], resamples=0)
    if not found["units"]:
        assert found["alpha"] is None
        assert found["reason"] == "no unit has two codings"
        return
    expected = by_definition(table)
    assert found["alpha"] == (pytest.approx(expected, abs=1e-12) if expected is not None else None)


def test_alpha_of_the_published_example():
    # Krippendorff 2011, section C: four observers, twelve units, nominal: 0.743.
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ]
    counts = np.array([[sum(row[i] == v for row in table) for v in range(1, 6)] for i in range(12)])
    counts = counts[counts.sum(1) > 1]
    draws = ThreadBootstrap([str(i) for i in range(len(counts))], seed=0)
    assert alpha_with_interval(counts, draws)["alpha"] == pytest.approx(0.743, abs=5e-4)


def test_two_full_codings_have_the_alpha_of_the_krippendorff_package():
    rng = np.random.default_rng(1)
    a = rng.integers(0, 3, 200)
    b = np.where(rng.random(200) < 0.8, a, rng.integers(0, 3, 200))
    found = agreement({"a": a, "b": b}, [str(i // 4) for i in range(200)], resamples=200)
    expected = krippendorff.alpha(reliability_data=[a, b], level_of_measurement="nominal")
    assert found["alpha"] == found["pairs"][0]["alpha"] == pytest.approx(expected, abs=1e-12)
    assert found["alpha_low"] < found["alpha"] < found["alpha_high"]
    assert found["pairs"][0]["confusion"] == [[int(((a == i) & (b == j)).sum()) for j in range(3)] for i in range(3)]
    assert set(found["alpha_per_label"]) == {"mindless_interaction", "genuine_dialogue", "self_expression"}


def test_threads_are_resampled_whole():
    # Ten threads of forty replies each: coders agree wholly in half of them and never in the others.
    a = np.tile([0, 1], 200)
    good = np.repeat(np.arange(10) % 2 == 0, 40)
    b = np.where(good, a, 1 - a)
    threads = [str(i // 40) for i in range(400)]
    wide = agreement({"a": a, "b": b}, threads, resamples=300)
    narrow = agreement({"a": a, "b": b}, [str(i) for i in range(400)], resamples=300)
    assert wide["alpha_high"] - wide["alpha_low"] > 3 * (narrow["alpha_high"] - narrow["alpha_low"])


def test_what_cannot_be_said_has_a_reason():
    same = agreement({"a": np.zeros(3, int), "b": np.zeros(3, int)}, ["x", "y", "z"])
    assert same["alpha"] is None
    assert "only one label" in same["reason"]
    assert same["agreement"] == 1.0
    alone = agreement({"a": np.array([0, 1])}, ["x", "y"])
    assert (alone["alpha"], alone["units"], alone["agreement"], alone["pairs"]) == (None, 0, None, [])
    one_thread = agreement({"a": np.array([0, 1, 2]), "b": np.array([0, 1, 1])}, ["x", "x", "x"])
    assert one_thread["alpha"] is not None
    assert one_thread["alpha_low"] is None
    assert "one thread" in one_thread["reason"]
    unasked = agreement({"a": np.array([0, 1, 2]), "b": np.array([0, 1, MISSING])}, ["x", "y", "z"], resamples=0)
    assert unasked["reason"] == "no interval was asked for"
    assert (unasked["units"], unasked["single"]) == (2, 1)


def test_threads_that_only_one_coder_read_are_not_resampled():
    """Their draws would hold no pair of codings; with all pairs in one thread, no interval can be told."""
    a, b = np.array([0, 1, 0, 1, 0, 1]), np.array([0, 0, MISSING, MISSING, MISSING, MISSING])
    found = agreement({"a": a, "b": b}, ["x", "x", "y", "y", "z", "z"])
    assert (found["units"], found["threads"], found["alpha_low"]) == (2, 1, None)
    assert found["reason"] == "units of one thread only: no interval"


def test_resamples_without_two_labels_are_left_out():
    """Coders agree wholly; one label is in one thread of ten, so a third of the draws hold the other one only."""
    a = np.array([1] + [0] * 9)
    found = agreement({"a": a, "b": a}, [str(i) for i in range(10)])
    assert (found["alpha_low"], found["alpha"], found["alpha_high"]) == (1.0, 1.0, 1.0)


def test_codings_of_another_length_are_refused():
    with pytest.raises(DataError, match="'b' has 1 codings of 2 units"):
        agreement({"a": np.array([0, 1]), "b": np.array([0])}, ["x", "y"])


@pytest.mark.parametrize("threads", [4, 8])
def test_intervals_of_few_threads_hold_the_value_about_as_often_as_they_say(threads):
    """Plain quantiles of these draws hold the mean in 77 and 80 of 100 cases."""
    rng, held = np.random.default_rng(threads), 0
    for seed in range(300):
        scores = rng.normal(size=threads)
        draws = ThreadBootstrap([str(i) for i in range(threads)], seed=seed).sums(scores[:, None])[:, 0] / threads
        low, high = interval(draws, threads)
        held += low <= 0 <= high
    assert 0.84 <= held / 300 <= 0.95
