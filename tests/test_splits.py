"""Splits: a thread is on one side, the shares are kept as far as threads allow, the same seed gives the same split."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_engage.errors import DataError
from nlp_engage.splits import deal_folds, split_threads, thread_of

cells = st.tuples(st.sampled_from(("en", "zh")), st.sampled_from("MDS"), st.integers(0, 11))
archives = st.lists(cells, min_size=12, max_size=80).map(
    lambda rows: [
        {"uid": f"u{i}", "lang": lang, "label": label, **({"thread": f"t{thread}"} if thread else {})}
        for i, (lang, label, thread) in enumerate(rows)
    ]
)


@settings(deadline=None, max_examples=60)
@given(archives, st.floats(0.05, 0.95), st.integers(0, 3))
def test_no_thread_is_on_two_sides_and_no_unit_is_lost(units, share, seed):
    try:
        train, dev = split_threads(units, share=share, seed=seed)
    except DataError:
        assert (
            len({thread_of(u) for u in units}) < 2 or max(Counter((u["lang"], u["label"]) for u in units).values()) < 2
        )
        return
    assert not {thread_of(u) for u in train} & {thread_of(u) for u in dev}
    assert sorted(u["uid"] for u in train + dev) == sorted(u["uid"] for u in units)
    assert dev
    assert split_threads(units, share=share, seed=seed) == (train, dev)


@settings(deadline=None, max_examples=60)
@given(archives, st.integers(2, 4), st.integers(0, 3))
def test_no_thread_is_in_two_folds(units, folds, seed):
    try:
        fold = deal_folds(units, folds, seed=seed)
    except DataError:
        return
    of_thread = {}
    for unit, f in zip(units, fold, strict=True):
        of_thread.setdefault(thread_of(unit), set()).add(int(f))
    assert {len(found) for found in of_thread.values()} == {1}
    assert set(fold) <= set(range(folds))


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_share_languages_and_labels_are_kept(share):
    random = np.random.default_rng(0)
    made = tiny.units(100, "u", threads=1)
    units = [{**u, "thread": f"t{random.integers(0, 150)}"} for u in made]
    _, dev = split_threads(units, share=share)
    assert len(dev) == pytest.approx(share * len(units), rel=0.15)
    counts = Counter((u["lang"], u["label"]) for u in dev)
    assert max(counts.values()) < 1.6 * min(counts.values())


@pytest.mark.parametrize(("share", "aside"), [(0.01, 10), (0.98, 980)])
def test_small_and_large_shares_are_met_where_threads_allow(share, aside):
    units = [{"uid": str(i), "thread": str(i), "lang": "en", "label": "MDS"[i % 3]} for i in range(1000)]
    train, dev = split_threads(units, share=share)
    assert len(dev) == pytest.approx(aside, abs=5)
    assert train


def test_not_everything_is_set_aside():
    units = [{"uid": str(i), "thread": f"t{i > 6}", "lang": "en", "label": "M"} for i in range(9)]
    train, dev = split_threads(units, share=0.8)
    assert train
    assert dev


def test_another_seed_gives_another_split():
    units = tiny.units(20, "u", threads=40)
    assert split_threads(units, seed=1) != split_threads(units, seed=2)


def test_a_thread_larger_than_the_share_stays_on_the_other_side():
    units = [{**u, "thread": "big"} if i < 100 else u for i, u in enumerate(tiny.units(20, "u", threads=30))]
    train, dev = split_threads(units, share=0.1)
    assert "big" in {u["thread"] for u in train}
    assert 0 < len(dev) <= 20


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda u: split_threads(u, share=1.0), "the share set aside is 1.0, must be between 0 and 1"),
        (lambda u: split_threads([{**x, "thread": "t"} for x in u]), "1 thread cannot be split"),
        (lambda u: split_threads(u[:2]), "2 units are too few to split"),
        (lambda u: deal_folds(u, 1), "1 folds: there must be 2 or more"),
        (lambda u: deal_folds(u, 5), "4 threads cannot make 5 folds: a thread is never cut"),
        (lambda u: deal_folds(u[:4], 3), "4 units are too few for 3 folds"),
    ],
)
def test_what_cannot_be_split_is_refused(call, message):
    units = tiny.units(2, "u", threads=4)
    units = [units[0], units[2], units[5], units[7], *units[8:]]
    with pytest.raises(DataError, match=message):
        call(units)
