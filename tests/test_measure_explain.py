"""Decomposition, sensitivity and contributions: parts add up to what ``measure`` says."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from measuring import archives, given, said, trees

from nlp_engage.errors import DataError
from nlp_engage.measure import collect, measure_table
from nlp_engage.measure.contributions import KINDS, contributions
from nlp_engage.measure.decompose import decompose, factors, split
from nlp_engage.measure.sensitivity import VARIANTS, sensitivity, under


def two_groups(draw, archive):
    table = collect(trees(archive))
    before = np.array([draw(st.booleans()) for _ in range(len(table))], dtype=bool)
    assume((table.measured & before).any())
    assume((table.measured & ~before).any())
    return table, before


@given(archives(), st.data())
def test_parts_of_a_difference_add_up_to_it(archive, data):
    table, before = two_groups(data.draw, archive)
    found = decompose(table, before, ~before)
    eq, ep = found.eq, found.ep
    assert eq["mix"] + eq["depth"] == pytest.approx(eq["difference"], abs=1e-9)
    assert ep["volume"] + ep["mix"] + ep["depth"] == pytest.approx(ep["difference"], abs=1e-9)
    assert ep["replies"] + ep["again"] == pytest.approx(ep["volume"], abs=1e-9)
    for key in ("mix", "depth"):
        assert sum(part[key] for part in found.labels.values()) == pytest.approx(eq[key], abs=1e-9)


@given(archives(), st.data())
def test_the_difference_split_is_that_of_the_measure_and_turns_round_with_it(archive, data):
    table, before = two_groups(data.draw, archive)
    there, back = decompose(table, before, ~before), decompose(table, ~before, before)
    for one, other in ((there.eq, back.eq), (there.ep, back.ep)):
        assert {k: -v for k, v in one.items()} == pytest.approx(other, abs=1e-9)
    if len(table.thread_ids) > 1:  # threads are what the measure can group by a table
        half = {t: "ab"[k % 2] for k, t in enumerate(table.thread_ids)}
        rows = {r["group"]: r for r in measure_table(table, by=half, resamples=0).rows()}
        mine = np.array([half[table.thread_ids[t]] == "a" for t in table.thread])
        if all(rows[g]["eq"] is not None for g in "ab" if g in rows) and len(rows) == 2:
            found = decompose(table, mine, ~mine)
            assert found.eq["difference"] == pytest.approx(rows["b"]["eq"] - rows["a"]["eq"], abs=1e-8)
            assert found.ep["difference"] == pytest.approx(rows["b"]["ep"] - rows["a"]["ep"], abs=1e-8)


@given(archives(), st.data())
def test_ep_is_split_by_the_mean_over_all_orders_of_change(archive, data):
    """The oracle walks all six orders in which volume, mix and depth can change, one after the other."""
    table, before = two_groups(data.draw, archive)
    a, b = factors(table, before), factors(table, ~before)
    depth = np.nan_to_num([np.where(np.isnan(x), y, x) for x, y in ((a.depth, b.depth), (b.depth, a.depth))])
    fresh = [next(v for v in (x, y, 1.0) if not np.isnan(v)) for x, y in ((a.fresh, b.fresh), (b.fresh, a.fresh))]
    states = {
        "volume": [a.replies * fresh[0], b.replies * fresh[1]], "mix": [a.mix, b.mix], "depth": list(depth),
    }  # fmt: skip
    effects = dict.fromkeys(states, 0.0)
    for order in permutations(states):
        now = dict.fromkeys(states, 0)
        for name in order:
            old = _ep(states, now)
            now[name] = 1
            effects[name] += (_ep(states, now) - old) / 6
    found = split(a, b).ep
    assert {name: found[name] for name in states} == pytest.approx(effects, abs=1e-9)


def _ep(states, now):
    volume, mix, depth = (states[name][now[name]] for name in ("volume", "mix", "depth"))
    return volume * float(mix @ depth)


def page(thread, *turns):
    return [said(thread, None, "shop", thread=thread)] + [
        said(f"{thread}{k}", thread if up is None else f"{thread}{up}", who, label, thread=thread)
        for k, (up, who, label) in enumerate(turns)
    ]


def test_pure_changes_land_where_they_belong():
    quiet = page("a", (None, "u1", "M"), (None, "u2", "D"))
    table = collect(
        trees(quiet + page("b", (None, "u3", "M"), (None, "u4", "M"), (None, "u5", "D"), (None, "u6", "D")))
    )
    more = decompose(table, table.thread == 0, table.thread == 1)
    assert (more.eq["mix"], more.eq["depth"]) == (0, 0)
    assert more.ep == pytest.approx(
        {"difference": 0.5, "volume": 0.5, "mix": 0, "depth": 0, "replies": 0.5, "again": 0}, abs=1e-12
    )
    table = collect(trees(quiet + page("b", (None, "u3", "M"), (None, "u4", "D"), (1, "shop", "D"))))
    deeper = decompose(table, table.thread == 0, table.thread == 1)
    assert deeper.eq == pytest.approx({"difference": 12.5, "mix": 0, "depth": 12.5})
    assert deeper.ep["depth"] == pytest.approx(0.25)
    table = collect(trees(quiet + page("b", (None, "u3", "D"), (None, "u3", "D"))))
    same_person = decompose(table, table.thread == 0, table.thread == 1)
    assert same_person.ep["again"] < 0 < same_person.ep["mix"]
    assert same_person.ep["difference"] == pytest.approx(0.25)


def test_a_group_without_replies_is_refused():
    table = collect(trees(page("a", (None, "u1", "M"))))
    with pytest.raises(DataError, match="no labelled audience reply"):
        decompose(table, np.array([True]), np.array([False]))


@given(archives(), st.sampled_from(KINDS))
def test_contributions_add_up_to_eq_and_ep(archive, kind):
    table = collect(trees(archive))
    (row,) = measure_table(table, resamples=0).rows()
    found = contributions(table, kind)
    assert sum(r["n_replies"] for r in found) == row["n_replies"]
    assert sum(r["eq"] for r in found) == pytest.approx(row["eq"] or 0)
    assert sum(r["ep"] for r in found) == pytest.approx(row["ep"] or 0)
    if row["ep"]:
        assert sum(r["ep_share"] for r in found) == pytest.approx(1)


def test_contributions_name_threads_labels_and_acts():
    table = collect(trees(page("a", (None, "u1", "S"), (None, "u2", "M")) + page("b", (None, "u1", "S"))))
    assert [(r["name"], r["ep"]) for r in contributions(table, "thread_id")] == [("a", 0.375), ("b", 0.375)]
    assert [r["name"] for r in contributions(table, "label")] == ["self_expression", "mindless_interaction"]
    assert [r["name"] for r in contributions(table, "act")] == ["unknown"]
    with pytest.raises(DataError, match="no kind 'colour'"):
        contributions(table, "colour")


@given(archives())
def test_the_first_version_is_a_plain_mean_and_the_variant_as_defined_changes_nothing(archive):
    table = collect(trees(archive))
    same = under(table, VARIANTS[0])
    assert np.array_equal(same.credit, table.credit, equal_nan=True)
    first = under(table, next(v for v in VARIANTS if v.key == "eq-1"))
    (row,) = measure_table(first, resamples=0).rows()
    credits = first.credit[first.measured]
    assert row["eq"] == (pytest.approx(100 * credits.mean()) if len(credits) else None)


def test_other_constants_worked_by_hand():
    """Bob asks and is answered (r = 1), Cid tells something, Dee nothing: said 0.3 gives (1 - 0.7/2 + 0.3) / 3."""
    table = collect(trees(page("a", (None, "bob", "D"), (0, "shop", "D"), (None, "cid", "S"), (None, "dee", "M"))))
    rows = {r["variant"]: r for r in sensitivity(table, resamples=0)}
    assert rows["as defined"]["eq"] == pytest.approx(100 * (0.75 + 0.5) / 3)
    assert rows["said 0.3"]["eq"] == pytest.approx(100 * (0.65 + 0.3) / 3)
    assert rows["decay 3"]["eq"] == pytest.approx(100 * (1 - 0.5 / 3 + 0.5) / 3)
    assert rows["said 0.7"]["ep_change"] == pytest.approx((0.85 + 0.7) / 1.25 - 1)
    assert (rows["eq-1"]["eq_change"], rows["eq-1"]["eq_inside"]) == (0, None)


def test_ranks_of_groups_are_given_and_groups_without_replies_have_none():
    table = collect(trees(page("a", (None, "u1", "S"), (None, "u2", "M")) + page("b", (None, "u1", "S")) + page("c")))
    rows = [r for r in sensitivity(table, by="thread_id", resamples=0) if r["variant"] == "as defined"]
    assert [(r["group"], r["eq_rank"], r["ep_rank"]) for r in rows] == [("a", 2, 1), ("b", 1, 1), ("c", None, None)]
