"""What is picked for show while the archive streams by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_cases import CODES, friendly, label
from strategies import conversations

from nlp_engage.measure import collect, measure_table
from nlp_engage.report import gallery as module
from nlp_engage.report.gallery import Gallery, by_owner, engaged_bound
from nlp_engage.types import Comment


def filled(trees):
    gallery = Gallery()
    assert list(gallery.watch(trees)) == list(trees)
    return gallery


@settings(max_examples=60, deadline=None)
@given(conversations(), st.randoms(use_true_random=False))
def test_the_bound_is_never_below_the_engaged_people_of_the_thread(records, random):
    labelled = label(records, {r.id: random.choice("mds?") for r in records[1:]})
    row = measure_table(collect([labelled]), resamples=0).rows()[0]
    assert engaged_bound(labelled) >= (row["ep"] or 0) - 1e-9


def test_the_order_of_the_archive_does_not_matter():
    trees = friendly()
    one, other = filled(trees), filled(trees[::-1])
    assert sorted(entry[:2] for entry in one.threads) == sorted(entry[:2] for entry in other.threads)
    for k in range(3):
        for typical in (True, False):
            a, b = (g.chosen(k, typical=typical, count=4) for g in (one, other))
            assert [e.comment.id for e in a] == [e.comment.id for e in b]
    assert (one.titles, one.first, one.last) == (other.titles, other.first, other.last)


def test_copies_are_shown_once_and_the_owner_never():
    records = [Comment(id="p", thread_id="p", author="page")]
    records += [Comment(id=f"c{k}", thread_id="p", parent_id="p", author=f"u{k}", text="So Good!!") for k in range(9)]
    records.append(Comment(id="o", thread_id="p", parent_id="p", author="page", text="thanks all"))
    gallery = filled([label(records, {r.id: "m" for r in records[1:]})])
    assert [e.comment.text for e in gallery.chosen(0, typical=True, count=9)] == ["So Good!!"]


def test_languages_take_turns_and_threads_are_spread():
    chosen = filled(friendly()).chosen(1, typical=True, count=4)
    assert [e.language for e in chosen] == ["en", "zh", "en", "zh"]
    assert len({e.thread_id for e in chosen}) == 4


def test_typical_replies_are_sure_and_borderline_ones_are_not():
    gallery = filled(friendly())
    for k in range(3):
        assert all(e.probabilities[k] >= module.SURE for e in gallery.chosen(k, typical=True, count=4))
    closest = gallery.chosen(1, typical=False, count=1)[0]
    first, second = sorted(closest.probabilities)[:0:-1]
    assert first - second == pytest.approx(CODES["?"][1] - CODES["?"][0])


def test_without_sure_replies_the_surest_stand_in():
    records = [Comment(id="p", thread_id="p"), Comment(id="c", thread_id="p", parent_id="p", author="a", text="hm")]
    assert len(filled([label(records, {"c": "?"})]).chosen(1, typical=True, count=4)) == 1


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "KEPT_THREADS", 5)
    monkeypatch.setattr(module, "CANDIDATES", 3)
    trees = friendly(20)
    gallery = filled(trees)
    assert len(gallery.threads) == 5
    assert max(len(kept) for kept in gallery.examples.values()) == 3
    best = sorted(((engaged_bound(t), t.tree.thread_id) for t in trees), reverse=True)[:5]
    assert sorted(entry[:2] for entry in gallery.threads) == sorted(best)


def test_books_are_kept():
    records = [
        Comment(id="p", thread_id="p", author="page", n_replies=8),
        Comment(id="a", thread_id="p", parent_id="gone", text="Why?"),
        Comment(id="b", thread_id="p", parent_id="p", author="u", text="¿qué?"),
        Comment(id="c", thread_id="p", parent_id="p", author="v", text=""),
    ]
    gallery = filled([label(records, {"a": "d"})])
    assert gallery.issues["missing_parent"] == 1
    assert (gallery.collected, gallery.declared, gallery.counted) == (3, 8, 1)
    assert (gallery.languages["other"], gallery.languages["none"]) == (1, 1)
    assert (gallery.no_author, gallery.no_time, gallery.first) == (1, 3, None)


def test_the_owner_is_whom_the_measure_takes_for_the_owner():
    for labelled in friendly(3):
        table = collect([labelled])
        ours = [by_owner(labelled.tree, int(i)) for i in table.index]
        assert np.array_equal(table.owner, ours)
