"""The axioms of the measure, each a property: what must never pay, what must, and what must not matter."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import assume
from hypothesis import strategies as st
from measuring import SURE, Said, archives, changed, given, said, trees

from nlp_engage.measure import ESTIMATES, collect, measure
from nlp_engage.text import copy_key

NEAR = 1e-9
RATES = (
    "share_mindless_interaction", "share_genuine_dialogue", "share_self_expression", "eq", "reciprocity",
    "responsiveness", "response_hours", "return_rate", "depth", "structural_virality", "h_index",
)  # fmt: skip
TOTALS = (
    "n_threads", "n_posts", "n_replies", "n_owner_replies", "n_unlabelled", "n_people", "likes", "ep", "breadth",
    "graveyard_likes", "graveyard_people",
)  # fmt: skip


def row_of(archive, **settings):
    (row,) = measure(trees(archive), resamples=0, **settings).rows()
    return row


def credits_of(archive):
    table = collect(trees(archive))
    return dict(zip(table.comment_ids, table.credits().tolist(), strict=True))


def add_replies(draw, archive, *, p, texts=None, authors=("ann", "bob", "new1", "new2", None), count=4):
    """More replies somewhere in the archive, by audience authors, with given probabilities."""
    threads = sorted({s.comment.thread_id for s in archive})
    added = []
    for k in range(draw(st.integers(1, count))):
        thread = draw(st.sampled_from(threads))
        inside = [s.comment for s in [*archive, *added] if s.comment.thread_id == thread]
        parent = draw(st.sampled_from([thread, *(c.id for c in inside)]))
        text = draw(st.sampled_from([*(s.comment.text for s in archive), "entirely new"] if texts is None else texts))
        comment = said(f"x{k}", parent, draw(st.sampled_from(authors)), p, thread=thread, text=text).comment
        added.append(Said(msgspec.structs.replace(comment, platform=inside[0].platform if inside else None), p))
    return added


@given(archives(), st.data())
def test_adding_mindless_replies_never_raises_eq_and_leaves_ep_unchanged(archive, data):
    more = archive + add_replies(data.draw, archive, p=SURE["M"])
    before, after = row_of(archive), row_of(more)
    assert (after["ep"] or 0) == pytest.approx(before["ep"] or 0, abs=NEAR)
    assert before["eq"] is None or after["eq"] <= before["eq"] + NEAR


@given(archives(), st.data())
def test_adding_mindless_replies_changes_no_other_credit(archive, data):
    before = credits_of(archive)
    after = credits_of(archive + add_replies(data.draw, archive, p=SURE["M"]))
    for comment_id, credit in before.items():
        assert after[comment_id] == pytest.approx(credit, abs=NEAR, nan_ok=True)


@given(archives())
def test_a_reply_to_oneself_earns_nothing_for_dialogue(archive):
    table = collect(trees(archive))
    own = table.self_reply & table.measured
    p, u = table.probabilities[own], table.uniqueness[own]
    assert np.allclose(table.credit[own], u * (p[:, 1] + p[:, 2]) / 2)


@given(archives(), st.data())
def test_talking_to_oneself_raises_no_credit_of_what_was_there(archive, data):
    mine = data.draw(st.sampled_from(archive)).comment
    assume(mine.author)
    talk = [
        Said(
            msgspec.structs.replace(mine, id=f"x{k}", parent_id=f"x{k - 1}" if k else mine.id, text=f"new {k}"),
            SURE["D"],
        )
        for k in range(3)
    ]
    before, after = credits_of(archive), credits_of(archive + talk)
    assert all(not after[i] > credit + NEAR for i, credit in before.items())
    assert all(not after[f"x{k}"] > 0.5 for k in range(3))


@given(archives(), st.sampled_from(("ann", None)))
def test_dialogue_needs_two_known_people(archive, author):
    alone = [changed(s, author=author, is_owner=False) for s in archive]
    table = collect(trees(alone))
    assert (table.exchange == 0).all()
    measured = table.measured
    said_something = table.uniqueness * (table.probabilities[:, 1] + table.probabilities[:, 2]) / 2
    assert np.allclose(table.credit[measured], said_something[measured])


@given(archives(), st.data())
def test_copying_a_reply_never_raises_eq_and_brings_no_second_person(archive, data):
    table = collect(trees(archive))
    rows = np.flatnonzero(table.measured & (table.voice == 1))  # a full voice: see docs/measure.md
    assume(len(rows))
    chosen = table.comment_ids[data.draw(st.sampled_from(rows.tolist()))]
    archive = [changed(s, text="the copied text") if s.comment.id == chosen else s for s in archive]
    (original,) = (s for s in archive if s.comment.id == chosen)
    c = original.comment
    copies = [
        changed(original, id=f"x{k}", parent_id=c.thread_id, author=f"new{k}")
        for k in range(data.draw(st.integers(1, 5)))
    ]
    before, after = row_of(archive), row_of(archive + copies)
    assert after["eq"] <= before["eq"] + NEAR
    without = [changed(s, p=SURE["M"]) if s is original else s for s in archive]
    assert after["ep"] - row_of(without)["ep"] <= 1 + NEAR


@given(archives())
def test_all_copies_of_a_text_earn_no_more_than_the_best_of_them_alone(archive):
    text = {s.comment.id: copy_key(s.comment.text) for s in archive}
    table = collect(trees(archive))
    earned, best = {}, {}
    for k in np.flatnonzero(table.measured):
        key = (table.thread[k], text[table.comment_ids[k]])
        earned[key] = earned.get(key, 0.0) + table.credit[k]
        alone = table.credit[k] / table.uniqueness[k] if table.uniqueness[k] else 0.0
        best[key] = max(best.get(key, 0.0), alone)
    assert all(earned[key] <= best[key] + NEAR for key in earned)


@given(archives())
def test_duplicating_the_archive_under_new_ids_changes_no_rate_and_doubles_every_total(archive):
    def renamed(s):
        c = s.comment
        new = {"id": f"{c.id}'", "thread_id": f"{c.thread_id}'", "author": c.author and f"{c.author}'"}
        return changed(s, **new, parent_id=c.parent_id and f"{c.parent_id}'")

    once, twice = row_of(archive), row_of(archive + [renamed(s) for s in archive])
    for key in RATES:
        if key != "return_rate" or once["return_rate"] is not None:  # of one thread nobody can tell
            assert twice[key] == pytest.approx(once[key], abs=NEAR), key
    for key in TOTALS:
        assert twice[key] == (None if once[key] is None else pytest.approx(2 * once[key], abs=NEAR)), key


def test_credit_grows_with_a_kept_up_exchange_and_ever_less():
    """Bob asks under Ann's post and they go on: his first turn gains with each of hers, half as much each time."""
    first, mean = [], []
    for turns in range(1, 12):
        chain = [said("p", None, "ann"), said("c0", "p", "bob", "D")]
        chain += [said(f"c{k}", f"c{k - 1}", "bob" if k % 2 == 0 else "ann", "D") for k in range(1, turns)]
        first.append(credits_of(chain)["c0"])
        mean.append(row_of(chain)["eq"])
    assert first[::2] == pytest.approx([1 - 2.0 ** -(1 + k) for k in range(len(first[::2]))])
    gains = np.diff(first[::2])
    assert (gains > 0).all()
    assert (np.diff(gains) < 0).all()
    assert (np.diff(mean) > -NEAR).all()


@given(archives(), st.data())
def test_an_answer_with_substance_lowers_no_credit_but_that_of_its_copies(archive, data):
    more = archive + add_replies(data.draw, archive, p=SURE["D"], texts=["entirely new"], count=1)
    before, after = credits_of(archive), credits_of(more)
    assert all(not after[i] < credit - NEAR for i, credit in before.items())


@given(archives())
def test_everything_is_bounded_and_nothing_is_nan(archive):
    table = collect(trees(archive))
    credits = table.credits()[table.measured]
    assert ((credits >= 0) & (credits < 1)).all()
    for by in (None, "thread_id", "platform", "lang", "author", "week"):
        for row in measure(trees(archive), by=by, resamples=40).rows():
            _check_bounds(row)


def _check_bounds(row):
    top = {**dict.fromkeys(RATES, 1.0), "eq": 100.0, "depth": np.inf, "structural_virality": np.inf, "h_index": np.inf}
    top |= {"response_hours": np.inf, "ep": np.inf, "breadth": np.inf, "graveyard_likes": np.inf}
    top["graveyard_people"] = np.inf
    for key in ESTIMATES:
        for end in ("", "_low", "_high"):
            assert row[key + end] is None or 0 <= row[key + end] <= top[key] + NEAR, key + end
        if row[f"{key}_low"] is None:
            assert row["notes"][key]
        else:
            assert row[f"{key}_low"] <= row[f"{key}_high"]
    for key in ("ep", "graveyard_people", "breadth"):
        assert row[key] is None or row[key] <= row["n_people"] + NEAR
    if row["n_replies"]:
        assert row["ep"] + row["graveyard_people"] <= row["n_people"] + NEAR
        shares = [row[key] for key in RATES[:3]]
        assert sum(shares) == pytest.approx(1)


@given(archives(), st.randoms(use_true_random=False))
def test_the_order_of_the_trees_does_not_matter_in_any_digit(archive, random):
    ordered = trees(archive)
    mixed = list(ordered)
    random.shuffle(mixed)
    for by in (None, "platform", "author", "lang"):
        assert measure(mixed, by=by, resamples=30).rows() == measure(ordered, by=by, resamples=30).rows()
    mixed_credits, ordered_credits = collect(mixed).credits(), collect(ordered).credits()
    assert np.array_equal(mixed_credits, ordered_credits, equal_nan=True)


@given(archives(), st.data())
def test_nobody_counts_in_eq_for_more_than_three_replies_of_a_page(archive, data):
    thread = archive[0].comment.thread_id
    platform = archive[0].comment.platform
    flood = [
        said(
            f"x{k}",
            thread,
            "flooder",
            data.draw(st.sampled_from("MDS")),
            thread=thread,
            text=f"new {k}",
            platform=platform,
        )
        for k in range(data.draw(st.integers(1, 9)))
    ]
    before, table = collect(trees(archive)), collect(trees(archive + flood))
    mine = np.array([comment_id.startswith("x") for comment_id in table.comment_ids])
    assert table.voice[mine].sum() == pytest.approx(min(len(flood), 3))
    assert np.allclose(table.voice[~mine], before.voice)
    earned, weight = (before.credit * before.voice)[before.measured].sum(), before.voice[before.measured].sum()
    assert row_of(archive + flood)["eq"] <= 100 * (earned + 3) / (weight + 3) + NEAR or len(flood) < 3


def test_a_conversation_of_two_accounts_is_two_people_however_long():
    page = [said("p", None, "shop")] + [said(f"c{k}", "p", f"u{k}", "MDS"[k % 3]) for k in range(60)]
    eq, ep = [], []
    for turns in (0, 8, 80, 240):
        talk = [said(f"x{k}", f"x{k - 1}" if k else "p", f"puppet{k % 2}", "D") for k in range(turns)]
        row = row_of(page + talk)
        eq.append(row["eq"])
        ep.append(row["ep"])
    assert ep[-1] <= ep[0] + 2 + NEAR
    assert eq[-1] < (60 * eq[0] + 6 * 100) / 66


def test_paraphrases_of_one_template_count_once_and_words_of_ones_own_do_not():
    def page(texts):
        return [said("p", None, "shop")] + [said(f"c{k}", "p", f"u{k}", "S", text=t) for k, t in enumerate(texts)]

    names = ("mother", "sister", "grandmother", "neighbour")
    same = [f"Since my {name} gave me the first can I never leave the house without one" for name in names]
    own = [
        "I drank the first can on the night train to my father's funeral, of all places",
        "We froze it into cubes by mistake and now the children ask for nothing else",
        "Coming home from the late shift I sit on the stairs with one and listen to the rain",
        "It tastes like the summer in which I learned to swim, which nobody believes",
    ]
    assert row_of(page(same))["ep"] == pytest.approx(0.5)
    assert row_of(page(own))["ep"] == pytest.approx(2.0)
