"""Threads as they are drawn: what is shown, how it nests, what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_cases import flood, friendly, label
from strategies import conversations

from nlp_engage.report.safety import Veil
from nlp_engage.report.threads import (
    MAX_COMMENTS,
    MAX_NESTING,
    SHORT_CHARS,
    TEXT_CHARS,
    draw_thread,
    shown_nodes,
    text_limit,
)
from nlp_engage.report.words import Words
from nlp_engage.types import Comment

EN = Words("en")


def walk(node, depth=0):
    yield node, depth
    for child in node.children:
        yield from walk(child, depth + 1)


def draw(labelled, credits=None, veil=None):
    return draw_thread(labelled, credits or {}, EN, veil or Veil())


@given(conversations(max_size=14), st.integers(1, 8), st.randoms(use_true_random=False))
def test_what_is_shown_hangs_together_and_keeps_the_limit(records, limit, random):
    labelled = label(records, {})
    credits = {i: random.random() for i in range(1, len(labelled.tree))}
    shown = shown_nodes(labelled, credits, limit)
    assert shown == sorted(set(shown))
    assert shown[0] == 0
    assert len(shown) <= limit + 1
    assert all(int(labelled.tree.parents[i]) in shown for i in shown[1:])


def test_the_reply_with_most_credit_is_shown_with_what_it_answers():
    labelled = flood(400, text="hello there")
    deepest = len(labelled.tree) - 1
    shown = shown_nodes(labelled, {deepest: 0.9}, 20)
    i = deepest
    while i:
        assert i in shown
        i = int(labelled.tree.parents[i])


def test_every_comment_is_drawn_or_counted_as_hidden():
    labelled = flood(700, text="hello there")
    drawn = list(walk(draw(labelled)))
    assert len(drawn) == MAX_COMMENTS + 1
    assert sum(node.hidden for node, _ in drawn) == 700 - MAX_COMMENTS
    root = drawn[0][0]
    assert root.below == MAX_COMMENTS


def test_a_deep_chain_is_flattened_and_says_how_deep_it_is():
    records = [Comment(id="p", thread_id="p", author="a")]
    records += [
        Comment(
            id=f"c{k:05}", thread_id="p", parent_id=records[-1].id if k == 0 else f"c{k - 1:05}", author="ab"[k % 2]
        )
        for k in range(5_000)
    ]
    labelled = label(records, {})
    drawn = list(walk(draw(labelled)))
    assert max(depth for _, depth in drawn) == MAX_NESTING
    assert next(node.deep for node, _ in drawn if node.deep) == f"depth {MAX_NESTING + 1}"
    assert len(drawn) == MAX_COMMENTS + 1


def test_branches_with_most_credit_come_first():
    labelled = friendly(1)[0]
    credits = {i: 0.9 if c.id == "t00.c" else 0.1 for i, c in enumerate(labelled.tree.comments) if i}
    root = draw(labelled, credits)
    assert root.children[0].text.startswith("My gran")
    assert [child.earned for child in root.children] == sorted((c.earned for c in root.children), reverse=True)


def test_a_reply_says_label_probability_act_and_credit():
    labelled = friendly(1)[0]
    place = next(i for i, c in enumerate(labelled.tree.comments) if c.id == "t00.a")
    node = next(n for n, _ in walk(draw(labelled, {place: 0.75})) if n.text.startswith("Is number"))
    assert (node.code, node.label, node.probability, node.act, node.credit) == (
        "d",
        "Genuine dialogue",
        "0.90",
        "question",
        "credit 0.75",
    )
    assert (node.who, node.likes, node.when) == ("ann0", "3 likes", "3 Mar 2025")


def test_the_owner_is_marked_and_earns_nothing():
    labelled = friendly(1)[0]
    node = next(n for n, _ in walk(draw(labelled, {2: 0.5})) if n.owner)
    assert (node.code, node.who, node.credit) == ("o", "brand", "")


@pytest.mark.parametrize(
    ("comment", "note"),
    [
        ({"text": "secret", "deleted": True}, "deleted"),
        ({"text": "  "}, "nothing to read"),
    ],
)
def test_a_comment_without_text_says_why(comment, note):
    records = [Comment(id="p", thread_id="p"), Comment(id="a", thread_id="p", parent_id="p", **comment)]
    node = draw(label(records, {})).children[0]
    assert (node.text, node.note) == (None, note)


def test_stand_ins_say_that_they_are_missing():
    root = draw(label([Comment(id="a", thread_id="p", parent_id="gone", text="yes")], {"a": "d"}))
    assert (root.text, root.note) == (None, "The post is not in the archive.")
    assert root.children[0].note == "This comment is not in the archive."
    assert root.children[0].children[0].text == "yes"


def test_without_text_no_word_is_left():
    for node, _ in walk(draw(friendly(1)[0], veil=Veil(no_text=True))):
        assert node.text is None
        assert node.who.startswith("#")


@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=200), st.integers(100, 30_000))
def test_texts_are_cut_no_more_than_the_room_asks_for(lengths, room):
    limit = text_limit(lengths, room)
    assert SHORT_CHARS <= limit <= TEXT_CHARS
    total = sum(min(length, limit) for length in lengths)
    assert total <= room or limit in (SHORT_CHARS, TEXT_CHARS)
    if SHORT_CHARS < limit < TEXT_CHARS:
        assert sum(min(length, limit + 1) for length in lengths) > room - len(lengths)
