"""A tree on a terminal."""

from __future__ import annotations

import unicodedata

import numpy as np
from hypothesis import given
from strategies import threads

from nlp_engage.show import draw
from nlp_engage.tree import build_tree
from nlp_engage.types import Comment, LabelledTree


def comment(id_, parent, text="so good", **more):
    return Comment(id=id_, thread_id="p", parent_id=parent, text=text, **more)


def small_tree():
    return build_tree(
        [
            Comment(id="p", thread_id="p", author="shop", text="New cups!", is_owner=True),
            comment("a", "p", "Do they leak?", author="ann"),
            comment("b", "a", "No,\n we tested 400.", author="u7", author_name="Shop", is_owner=True),
            comment("c", "p", "gone now", author="eve", deleted=True),
            comment("d", "x", author=None),
            comment("e", "d", "", author="pic"),
        ]
    )


def test_branches_owner_mark_deleted_and_missing_comments():
    assert draw(small_tree()).splitlines() == [
        "p  shop*: New cups!",
        "├─ ann: Do they leak?",
        "│  └─ Shop*: No, we tested 400.",
        "├─ eve: (deleted)",
        "└─ (x: not in the archive)",
        "   └─ ?: so good",
        "      └─ pic: (no text)",
    ]


def test_labels_stand_before_the_names_and_a_dash_where_there_is_none():
    tree = small_tree()
    p = np.full((7, 3), np.nan)
    p[1], p[2] = (0.1, 0.8, 0.1), (0.2, 0.3, 0.5)
    labelled = LabelledTree(
        tree=tree,
        probabilities=p,
        acts=np.full(7, -1, dtype=np.int32),
        act_probabilities=np.full(7, np.nan),
        languages=("none",) * 7,
    )
    lines = draw(tree, labels=labelled).splitlines()
    assert lines[:4] == [
        "p  shop*: New cups!",
        "├─ [D] ann: Do they leak?",
        "│  └─ [S] Shop*: No, we tested 400.",
        "├─ [-] eve: (deleted)",
    ]


def test_recovered_and_doubtful_links_say_how_and_how_surely_and_stated_ones_nothing():
    floor = {"thread_id": "p", "parent_id": "1", "root_id": "1"}
    tree = build_tree([
        Comment(id="p", thread_id="p", author="shop", text="New cups!"),
        Comment(id="1", thread_id="p", parent_id="p", author="ann", text="Do they leak?"),
        Comment(id="2", **floor, author="bob", text="Mine does not."),
        Comment(id="3", **floor, author="ann", text="@bob Good."),
        Comment(id="4", **floor, author="eve", text="回复 @zoe :no"),
    ])  # fmt: skip
    assert draw(tree).splitlines() == [
        "p  shop: New cups!",
        "└─ ann: Do they leak?",
        "   ├─ bob: Mine does not.",
        "   │  └─ ‹name 100%› ann: @bob Good.",
        "   └─ ‹stranger 0%› eve: 回复 @zoe :no",
    ]


def test_a_thread_without_its_post_says_so():
    assert draw(build_tree([comment("a", "p")])).splitlines()[0] == "p  (post not in the archive)"


def test_what_is_beyond_the_limit_is_counted():
    tree = build_tree([Comment(id="p", thread_id="p"), *(comment(f"c{i}", "p") for i in range(50))])
    lines = draw(tree, limit=10).splitlines()
    assert len(lines) == 1 + 10 + 1
    assert lines[-1] == "... and 40 more"


def test_a_chain_of_any_depth_is_drawn():
    chain = [comment(f"c{i}", f"c{i - 1}" if i else "p") for i in range(20_000)]
    assert draw(build_tree([Comment(id="p", thread_id="p"), *chain]), limit=30).endswith("... and 19970 more")


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def test_long_lines_are_cut_to_the_width_of_the_terminal_also_in_chinese():
    for text in ("word " * 100, "好喝" * 100):
        line = draw(build_tree([Comment(id="p", thread_id="p", author="u", text=text)]))
        assert line.endswith("…")
        assert 95 <= columns(line) <= 96


def test_text_cannot_steer_the_terminal():
    evil = "\x1b[2J\x07\u202eevil\x9b31m\ud800"
    out = draw(build_tree([Comment(id="p", thread_id="p", author=evil, text=evil)]))
    assert out == "p  [2Jevil31m: [2Jevil31m"


@given(threads())
def test_every_node_is_one_line(records):
    tree = build_tree(records)
    assert len(draw(tree).splitlines()) == len(tree)
