"""Intervals of the measure: against scipy, against brute-force resampling, and what they do when there is little."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from hypothesis import assume
from measuring import archives, changed, given, said, trees
from scipy import stats

from nlp_engage.measure import ESTIMATES, collect, measure, measure_table
from nlp_engage.measure.bootstrap import MAX_BLOCKS, bca_interval, blocks, resample_weights
from nlp_engage.measure.groups import group
from nlp_engage.measure.statistics import STATISTICS
from nlp_engage.measure.sums import COLUMNS, INFLUENCES, SUMS, cells
from nlp_engage.resample import t_quantile


def many(threads, seed=0, replies=3):
    """Threads of a few replies each, with authors of their own."""
    rng = np.random.default_rng(seed)
    archive = []
    for t in range(threads):
        archive.append(said(f"t{t}", None, "shop", thread=f"t{t}", likes=int(rng.integers(50))))
        for k in range(int(rng.integers(1, 2 * replies))):
            p = tuple(rng.dirichlet((1, 1, 1)).tolist())
            archive.append(said(f"t{t}c{k}", f"t{t}", f"u{t}.{k % 2}", p, thread=f"t{t}"))
    return archive


def totals_of(archive):
    table = collect(trees(archive))
    return dict(zip(COLUMNS, cells(table, group(table, None)).totals[0], strict=True))


@given(archives(max_threads=4, max_size=6), max_examples=40)
def test_an_influence_is_what_is_lost_without_the_thread(archive):
    """Texts are made different and nobody says much, for copies and voices tie threads together on purpose."""
    archive = [changed(s, text=f"text {k}") for k, s in enumerate(archive)]
    table = collect(trees(archive))
    assume((table.voice == 1).all())
    found = cells(table, group(table, None))
    everything = totals_of(archive)
    for row, thread in zip(found.values, table.thread_ids, strict=True):
        without = totals_of([s for s in archive if s.comment.thread_id != thread])
        for name in INFLUENCES:
            assert everything[name] - without[name] == pytest.approx(row[COLUMNS.index(name)], abs=1e-9), name
        for name in SUMS:
            assert everything[name] - without[name] == pytest.approx(row[COLUMNS.index(name)], abs=1e-9), name


def test_a_resample_is_the_archive_with_threads_drawn_again():
    """Draw threads by hand, give each copy ids of its own, and measure: the weighted sums say the same."""
    archive = many(6)
    table = collect(trees(archive))
    found = cells(table, group(table, None))
    weights = resample_weights(6, 5, seed=4)
    beyond = found.totals[0] - found.values.sum(axis=0)
    beyond[: len(SUMS)] = 0
    sums = weights @ found.values + beyond
    for row, drawn in zip(sums, weights, strict=True):
        again = [
            changed(s, **_copy_ids(s.comment, n))
            for thread, times in zip(table.thread_ids, drawn.astype(int), strict=True)
            for n in range(times)
            for s in archive
            if s.comment.thread_id == thread
        ]
        (expected,) = measure(trees(again), resamples=0).rows()
        for statistic in STATISTICS:
            if statistic.key not in ("return_rate", "breadth"):  # nobody returns; breadth is linear to first order only
                value = float(statistic.value(row))
                wanted = expected[statistic.key]
                assert np.isnan(value) if wanted is None else value == pytest.approx(wanted), statistic.key


def _copy_ids(c, n):
    new = {"id": f"{c.id}/{n}", "thread_id": f"{c.thread_id}/{n}", "author": f"{c.author}/{n}", "text": f"{c.text} {n}"}
    return {**new, "parent_id": c.parent_id and f"{c.parent_id}/{n}"}


def test_interval_of_a_mean_of_equal_threads_is_that_of_scipy():
    rng = np.random.default_rng(1)
    sample = rng.gamma(20, size=120)
    weights = resample_weights(120, 20_000, seed=0)
    left_out = (sample.sum() - sample) / 119
    low, high = bca_interval(
        (weights @ sample / 120)[:, None], np.array([sample.mean()]), left_out[:, None], np.array([120.0]), 0.90
    )
    theirs = stats.bootstrap(
        (sample,), np.mean, confidence_level=0.90, n_resamples=20_000, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert low[0] == pytest.approx(theirs.low, abs=0.05 * width)
    assert high[0] == pytest.approx(theirs.high, abs=0.05 * width)
    assert width < high[0] - low[0] < 1.05 * width  # ours is widened, as Student's t is


def test_threads_of_very_unequal_size_widen_the_interval():
    """Two giants among many: the variance is then known from few, with 2 * 2**2 / 2 = 4 degrees of freedom."""
    alike, giant = np.ones((100, 1)), np.ones((100, 1))
    alike[::2], giant[0], giant[1] = -1, 60, -60
    draws = np.random.default_rng(0).normal(size=(20_000, 1))
    widths = []
    for influence in (alike, giant):
        low, high = bca_interval(draws, np.zeros(1), influence / 100, np.array([100.0]), 0.90)
        widths.append(float(high[0] - low[0]))
    assert widths[0] == pytest.approx(2 * 1.66, rel=0.03)
    assert widths[1] == pytest.approx(2 * np.sqrt(5 / 4) * stats.t.ppf(0.95, 4), rel=0.03)


@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 10, 11, 60, 200, 201, 5_000])
@pytest.mark.parametrize("p", [0.005, 0.05, 0.5, 0.6, 0.975])
def test_student_quantiles_are_those_of_scipy(df, p):
    assert t_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-6, abs=1e-9)


def test_weights_draw_as_many_threads_as_there_are():
    weights = resample_weights(30, 500, seed=1)
    assert (weights.sum(axis=1) == 30).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(30), abs=0.2)
    assert weights.var() == pytest.approx(29 / 30, abs=0.03)
    assert np.array_equal(weights, resample_weights.__wrapped__(30, 500, seed=1))
    assert not np.array_equal(weights, resample_weights(30, 500, seed=2))


def test_many_threads_are_put_into_blocks_of_equal_size():
    place = blocks(3 * MAX_BLOCKS + 5, seed=0)
    sizes = np.bincount(place)
    assert (len(sizes), sizes.min(), sizes.max()) == (MAX_BLOCKS, 3, 4)
    assert blocks(50, seed=0).tolist() == list(range(50))


def test_blocks_give_the_interval_that_threads_give(monkeypatch):
    table = collect(trees(many(400)))
    (by_threads,) = measure_table(table, resamples=2_000).rows()
    for module in ("bootstrap", "intervals"):
        monkeypatch.setattr(import_module(f"nlp_engage.measure.{module}"), "MAX_BLOCKS", 100)
    (by_blocks,) = measure_table(table, resamples=2_000).rows()
    for key in ("eq", "ep", "share_genuine_dialogue", "depth", "graveyard_likes", "graveyard_people", "breadth"):
        assert by_blocks[key] == by_threads[key]
        if by_threads[f"{key}_low"] is not None:
            width = by_threads[f"{key}_high"] - by_threads[f"{key}_low"]
            assert by_blocks[f"{key}_high"] - by_blocks[f"{key}_low"] == pytest.approx(width, rel=0.25), key


def test_an_interval_shrinks_with_the_root_of_the_threads():
    rows = [measure(trees(many(n))).rows()[0] for n in (50, 200)]
    widths = [row["eq_high"] - row["eq_low"] for row in rows]
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.35)
    assert all(row["eq_low"] < row["eq"] < row["eq_high"] for row in rows)


def test_intervals_are_wider_at_a_higher_level_and_the_same_for_the_same_seed():
    archive = trees(many(30))
    usual, again, wide, other = (
        measure(archive, **s).rows()[0] for s in ({}, {"seed": 0}, {"level": 0.99}, {"seed": 1})
    )
    assert usual == again
    assert usual != other
    assert wide["eq_low"] < usual["eq_low"] < usual["eq_high"] < wide["eq_high"]


def test_replies_of_one_thread_do_not_count_as_independent():
    """Threads of one mind: a hundred replies in ten threads say what ten say."""
    archive = []
    for t in range(10):
        archive.append(said(f"t{t}", None, "shop", thread=f"t{t}"))
        label = "D" if t < 5 else "M"
        archive += [said(f"t{t}c{k}", f"t{t}", f"u{t}.{k}", label, thread=f"t{t}") for k in range(10)]
    (row,) = measure(trees(archive)).rows()
    width = row["share_genuine_dialogue_high"] - row["share_genuine_dialogue_low"]
    assert width > 2 * 1.645 * np.sqrt(0.25 / 10)  # were replies independent, it would be a third of that


def test_one_thread_has_no_interval_and_says_so():
    (row,) = measure(trees(many(1))).rows()
    assert all(row[f"{key}_low"] is row[f"{key}_high"] is None for key in ESTIMATES)
    assert row["notes"]["eq"] == row["notes"]["ep"] == "one thread only: no interval"
    assert (row["eq"] is None, row["ep"] is None) == (False, False)


def test_threads_that_are_all_alike_have_no_interval_and_say_so():
    archive = [s for t in "abc" for s in (said(t, None, "shop", thread=t), said(f"{t}1", t, f"u{t}", "M", thread=t))]
    (row,) = measure(trees(archive)).rows()
    assert (row["eq"], row["eq_low"], row["notes"]["eq"]) == (0.0, None, "all threads alike: no interval")


def test_without_resamples_there_are_values_and_no_intervals():
    (row,) = measure(trees(many(5)), resamples=0).rows()
    assert (row["eq"] is None, row["eq_low"], row["notes"]["eq"]) == (False, None, "not resampled: no interval")


def test_median_hours_to_an_answer_resample_threads():
    archive = []
    for t in range(40):
        archive += [
            said(f"t{t}", None, "shop", thread=f"t{t}", hours=0),
            said(f"t{t}q", f"t{t}", f"u{t}", "D", thread=f"t{t}", hours=1, act="ques"),
            said(f"t{t}a", f"t{t}q", "shop", "D", thread=f"t{t}", hours=1 + (t + 1) / 10),
        ]
    (row,) = measure(trees(archive), resamples=4_000).rows()
    assert row["response_hours"] == pytest.approx(2.05)
    times = (np.arange(40) + 1) / 10
    theirs = stats.bootstrap(
        (times,), np.median, confidence_level=0.9, method="percentile", rng=np.random.default_rng(0)
    )
    assert row["response_hours_low"] == pytest.approx(theirs.confidence_interval.low, abs=0.2)
    assert row["response_hours_high"] == pytest.approx(theirs.confidence_interval.high, abs=0.2)


def test_groups_of_equally_many_threads_done_together_are_as_if_done_alone():
    archive = many(12)
    by = {f"t{t}": "abcd"[t % 4] for t in range(12)}
    together = {row["group"]: row for row in measure(trees(archive), by=by).rows()}
    for name in "abcd":
        (alone,) = measure(trees(archive), by={t: g for t, g in by.items() if g == name}).rows()
        assert alone["eq_low"] == pytest.approx(together[name]["eq_low"])
        assert alone["ep_high"] == pytest.approx(together[name]["ep_high"])
