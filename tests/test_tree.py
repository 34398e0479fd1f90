"""Dialogue trees: every thread parses, whatever is broken, and says what was repaired."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import archives, threads

from nlp_engage.counters import completeness
from nlp_engage.errors import DataError
from nlp_engage.structure import depths
from nlp_engage.tree import REPLACED, STATED, build_tree, build_trees, healed
from nlp_engage.types import Comment, DialogueTree, IssueKind

NOON = datetime(2025, 6, 14, 12, tzinfo=UTC)


def comment(id: str, parent: str | None = "p", minute: int | None = None, **more: Any) -> Comment:
    created = None if minute is None else NOON + timedelta(minutes=minute)
    return Comment(id=id, thread_id="p", parent_id=parent, created=created, **more)


POST = Comment(id="p", thread_id="p", text="New cups!", created=NOON)


def shape(tree: DialogueTree) -> dict[str, str | None]:
    """Each node's id -> its healed parent's id, in tree order."""
    return {
        c.id: None if up < 0 else tree.comments[up].id
        for c, up in zip(tree.comments, tree.parents.tolist(), strict=True)
    }


def stand_ins(tree: DialogueTree) -> list[str]:
    return [c.id for c, made in zip(tree.comments, tree.stand_in, strict=True) if made]


def issues(tree: DialogueTree) -> list[tuple[str, str]]:
    return [(str(i.kind), i.comment_id) for i in tree.issues]


def everything(tree: DialogueTree) -> tuple[object, ...]:
    return (
        tree.comments,
        tree.parents.tolist(),
        tree.stand_in.tolist(),
        tree.link_confidence.tolist(),
        tree.issues,
    )


# --- a healthy thread -------------------------------------------------------------------------------------


def test_healthy_thread_comes_depth_first_with_siblings_by_time_then_id():
    tree = build_tree(
        [
            comment("d", "p", 3),
            comment("b", "a", 9),
            comment("e", "p", 3),
            comment("z", "a", 2),
            comment("late", "p"),
            comment("a", "p", 5),
            POST,
        ]
    )
    assert [c.id for c in tree.comments] == ["p", "d", "e", "a", "z", "b", "late"]
    assert tree.parents.tolist() == [-1, 0, 0, 0, 3, 3, 0]
    assert tree.parents.dtype == np.int32
    assert not tree.stand_in.any()
    assert tree.link_confidence.tolist() == [STATED] * 7
    assert issues(tree) == [("older_than_parent", "z")]


def test_comments_stay_as_the_platform_delivered_them():
    record = comment("a", "a", 1, text="hm")
    assert build_tree([POST, record]).comments[1] == record


def test_siblings_are_sorted_by_instant_not_by_wall_clock():
    east = Comment(id="east", thread_id="p", parent_id="p", created=datetime.fromisoformat("2025-06-14T20:30:00+08:00"))
    assert list(shape(build_tree([POST, comment("utc", "p", 31), east]))) == ["p", "east", "utc"]


# --- the cases on which other toolkits raise, hang or lose comments ---------------------------------------


def test_orphans_of_one_missing_parent_share_a_tombstone_under_the_post():
    tree = build_tree([POST, comment("a", "gone", 1), comment("b", "gone", 2), comment("c", "p", 3)])
    assert shape(tree) == {"p": None, "c": "p", "gone": "p", "a": "gone", "b": "gone"}
    assert stand_ins(tree) == ["gone"]
    tombstone = tree.comments[2]
    assert (tombstone.deleted, tombstone.text, tombstone.author) == (True, "", None)
    assert issues(tree) == [("missing_parent", "a"), ("missing_parent", "b")]
    assert "'gone'" in tree.issues[0].detail
    assert tree.link_confidence.tolist() == [STATED, STATED, REPLACED, STATED, STATED]


def test_two_roots_beside_the_post_become_replies_to_it():
    tree = build_tree([POST, comment("r1", None, 1), comment("r2", "", 2), comment("a", "r2", 3)])
    assert shape(tree) == {"p": None, "r1": "p", "r2": "p", "a": "r2"}
    assert issues(tree) == [("extra_root", "r1"), ("extra_root", "r2")]


def test_two_roots_without_a_post_stand_under_a_virtual_one():
    tree = build_tree([comment("r1", None, 1), comment("r2", None, 2)])
    assert shape(tree) == {"p": None, "r1": "p", "r2": "p"}
    assert stand_ins(tree) == ["p"]
    assert issues(tree) == [("no_post", "p"), ("extra_root", "r1"), ("extra_root", "r2")]


def test_missing_timestamps_sort_last_and_are_no_issue():
    tree = build_tree([POST, comment("b"), comment("a"), comment("c", "p", 1), comment("d", "b", 0)])
    assert list(shape(tree)) == ["p", "c", "a", "b", "d"]
    assert issues(tree) == []


def test_self_reply_goes_to_the_post():
    tree = build_tree([POST, comment("a", "a", 1), comment("b", "a", 2)])
    assert shape(tree) == {"p": None, "a": "p", "b": "a"}
    assert issues(tree) == [("self_reply", "a")]
    assert tree.link_confidence.tolist() == [STATED, REPLACED, STATED]


def test_two_comment_loop_is_cut_at_its_earlier_comment():
    tree = build_tree([POST, comment("a", "b", 2), comment("b", "a", 1)])
    assert shape(tree) == {"p": None, "b": "p", "a": "b"}
    assert tree.link_confidence.tolist() == [STATED, REPLACED, STATED]
    assert issues(tree) == [("loop", "b")]
    assert "'a'" in tree.issues[0].detail


def test_loop_of_equal_times_is_cut_at_the_smaller_id_and_untimed_comments_count_as_last():
    assert shape(build_tree([POST, comment("b", "a", 1), comment("a", "b", 1)]))["a"] == "p"
    assert shape(build_tree([POST, comment("a", "z"), comment("z", "a", 9)])) == {
        "p": None,
        "z": "p",
        "a": "z",
    }


def test_three_comment_loop_beside_a_healthy_root_keeps_its_hangers_on():
    tree = build_tree(
        [
            POST,
            comment("ok", "p", 1),
            comment("a", "c", 4),
            comment("b", "a", 3),
            comment("c", "b", 2),
            comment("tail", "a", 9),
        ]
    )
    assert shape(tree) == {"p": None, "ok": "p", "c": "p", "a": "c", "b": "a", "tail": "a"}
    assert ("loop", "c") in issues(tree)
    assert "loop of 3" in next(i.detail for i in tree.issues if i.kind is IssueKind.LOOP)


def test_chain_of_100_000_is_nothing_special():
    n = 100_000
    chain = [comment(f"c{i}", f"c{i - 1}" if i else "p", i % 1000) for i in range(n)]
    random.Random(1).shuffle(chain)
    tree = build_tree([*chain, POST])
    assert tree.parents.tolist() == list(range(-1, n))
    assert [c.id for c in tree.comments[1:]] == [f"c{i}" for i in range(n)]
    assert depths(tree)[-1] == n


def test_chain_of_100_000_closed_to_a_loop_is_cut_once():
    n = 100_000
    chain = [comment(f"c{i}", f"c{(i - 1) % n}", 7 if i != 500 else 3) for i in range(n)]
    tree = build_tree(chain)
    assert [i for i in issues(tree) if i[0] == "loop"] == [("loop", "c500")]
    assert depths(tree).max() == n


def test_200_000_comments_in_one_thread_keep_their_depth():
    n = 200_000  # a heap: the parent of k is (k - 1) // 2, so node k stands at depth floor(log2(k + 1))
    tree = build_tree([comment(str(k), str((k - 1) // 2) if k else "p", k % 60) for k in range(n)])
    depth = {c.id: d for c, d in zip(tree.comments, depths(tree).tolist(), strict=True)}
    assert len(tree) == n + 1
    assert all(depth[str(k)] == (k + 1).bit_length() for k in range(n))


def test_identical_duplicates_collapse_and_each_dropped_record_is_booked():
    record = comment("a", "p", 1, text="nice")
    tree = build_tree([record, POST, record, comment("a", "p", 1, text="nice"), POST])
    assert shape(tree) == {"p": None, "a": "p"}
    assert issues(tree) == [("duplicate_id", "p"), ("duplicate_id", "a"), ("duplicate_id", "a")]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (comment("a", "p", 1, text="z"), comment("a", "p", 2, text="a")),
        (comment("a", "p", 1, text="z", n_replies=3), comment("a", "p", 1, text="a", n_replies=4)),
        (comment("a", "p", 1, text="z", likes=3), comment("a", "p", 1, text="a", likes=4)),
        (comment("a", "p", 1, text="z"), comment("a", "p", 1, text="a", likes=0)),
        (comment("a", "p", text="z"), comment("a", "p", 1, text="a")),
        (comment("a", "p", 1, text="z", likes=9), comment("a", "p", 1, deleted=True)),
        (comment("a", "p", 1, text="z"), comment("a", "b", 1, text="a")),
        (comment("a", "p", 1, text="a", author="z"), comment("a", "p", 1, text="z", author="a")),
    ],
    ids=["created", "n_replies", "likes", "likes known", "created known", "deleted", "finer parent", "text"],
)
def test_same_id_with_edited_text_keeps_the_latest(old: Comment, new: Comment):
    for records in ([POST, old, new], [new, POST, old]):
        tree = build_tree(records)
        assert [c for c in tree.comments if c.id == "a"] == [new]
        assert [i for i in issues(tree) if i[0] in ("edited", "duplicate_id")] == [("edited", "a")]


def test_a_thread_in_which_nobody_answers_a_comment_is_in_the_order_of_the_walk():
    flat = [POST, comment("b", "p", 2), comment("a", "p", 1), comment("c", None, 3), comment("d", "d", 0)]
    tree = build_tree(flat)
    assert [c.id for c in tree.comments] == ["p", "d", "a", "b", "c"]
    walked = build_tree([*flat, comment("e", "c", 9)])
    assert [c.id for c in walked.comments] == ["p", "d", "a", "b", "c", "e"]


def test_a_finer_parent_survives_a_flat_copy_of_the_same_comment():
    flat, nested = comment("b", "p", 2, text="yes"), comment("b", "a", 2, text="yes")
    tree = build_tree([POST, comment("a", "p", 1), nested, flat])
    assert shape(tree)["b"] == "a"
    assert issues(tree) == [("duplicate_id", "b")]


def test_reply_older_than_its_parent_is_kept_and_reported():
    tree = build_tree([POST, comment("a", "p", 5), comment("b", "a", 4), comment("c", "a", 5)])
    assert (shape(tree)["b"], shape(tree)["c"]) == ("a", "a")
    assert issues(tree) == [("older_than_parent", "b")]


def test_thread_of_only_a_post_is_a_tree_of_one():
    tree = build_tree([POST])
    assert everything(tree) == ((POST,), [-1], [False], [STATED], ())
    assert completeness(tree) is None


def test_zero_records_are_refused_with_the_rule_and_the_next_step():
    with pytest.raises(DataError, match=r"no records.*at least one.*build_trees"):
        build_tree([])
    assert list(build_trees([])) == []


def test_two_threads_in_one_call_are_refused_by_name():
    with pytest.raises(DataError, match=r"2 threads \('p', 'q'.*thread_id.*build_trees"):
        build_tree([Comment(id="q", thread_id="q"), POST])


# --- the post ---------------------------------------------------------------------------------------------


def test_without_a_post_replies_to_the_thread_id_need_no_tombstone():
    tree = build_tree([comment("a", "p", 1), comment("b", "a", 2)])
    assert shape(tree) == {"p": None, "a": "p", "b": "a"}
    assert stand_ins(tree) == ["p"]
    assert (tree.post.text, tree.post.author, tree.post.deleted) == ("", None, False)
    assert issues(tree) == [("no_post", "p")]


@pytest.mark.parametrize(
    ("parent", "kind"), [("p", "self_reply"), ("a", "loop"), ("elsewhere", "missing_parent"), ("", None)]
)
def test_post_with_a_parent_is_the_post_all_the_same(parent: str, kind: str | None):
    post = Comment(id="p", thread_id="p", parent_id=parent)
    tree = build_tree([comment("a"), post])
    assert shape(tree) == {"p": None, "a": "p"}
    assert issues(tree) == ([(kind, "p")] if kind else [])


# --- completeness -----------------------------------------------------------------------------------------


def test_counter_of_the_post_counts_everything_below_and_stand_ins_are_not_collected():
    post = Comment(id="p", thread_id="p", n_replies=5)
    tree = build_tree([post, comment("a"), comment("b", "a"), comment("c", "gone")])
    assert completeness(tree) == (3, 5)
    assert [(i.kind, i.comment_id) for i in tree.issues if i.kind is IssueKind.INCOMPLETE] == [("incomplete", "p")]
    assert next(i.detail for i in tree.issues if i.kind is IssueKind.INCOMPLETE) == (
        "the platform counts 5 replies, the archive has 3"
    )


def test_counter_of_a_floor_counts_its_floor_even_where_targets_were_recovered():
    tree = build_tree(
        [
            POST,
            comment("f", "p", 1, author="u1", n_replies=3),
            comment("a", "f", 2, author="u2", root_id="f"),
            comment("b", "f", 3, author="u3", root_id="f", text="@u2 yes"),
        ]
    )
    assert shape(tree)["b"] == "a"
    assert issues(tree) == [("incomplete", "f"), ("recovered_parent", "b")]
    assert completeness(tree) == (3, 4)


def test_completeness_without_counter_of_the_post_needs_every_counter_of_the_top_level():
    top = comment("a", n_replies=2)
    assert completeness(build_tree([POST, top, comment("x", "a")])) == (2, 3)
    assert completeness(build_tree([POST, top, comment("b")])) is None
    assert completeness(build_tree([POST, top, comment("x", "gone")])) is None


@pytest.mark.parametrize("declared", [0, 1])
def test_counter_up_to_what_was_collected_is_no_issue(declared: int):
    tree = build_tree([Comment(id="p", thread_id="p", n_replies=declared), comment("a", n_replies=0)])
    assert completeness(tree) == (1, declared)
    assert issues(tree) == []


# --- archives ---------------------------------------------------------------------------------------------


def test_trees_come_by_time_of_the_post_then_thread_id_and_untimed_threads_last():
    records = [
        Comment(id="u2", thread_id="u2"),
        Comment(id="x", thread_id="late", parent_id="late", created=NOON),
        Comment(id="late", thread_id="late", created=NOON + timedelta(hours=2)),
        Comment(id="y", thread_id="postless", parent_id="postless", created=NOON + timedelta(hours=1)),
        Comment(id="u1", thread_id="u1"),
    ]
    assert [t.thread_id for t in build_trees(records)] == ["postless", "late", "u1", "u2"]
    assert [t.thread_id for t in build_trees(records[::-1])] == ["postless", "late", "u1", "u2"]


# --- properties -------------------------------------------------------------------------------------------


@given(threads(), st.randoms(use_true_random=False))
def test_order_of_the_input_never_matters(records: list[Comment], chance: random.Random):
    shuffled = list(records)
    chance.shuffle(shuffled)
    assert everything(build_tree(shuffled)) == everything(build_tree(records))


@given(archives(), st.randoms(use_true_random=False))
def test_order_of_an_archive_never_matters(records: list[Comment], chance: random.Random):
    shuffled = list(records)
    chance.shuffle(shuffled)
    assert [everything(t) for t in build_trees(shuffled)] == [everything(t) for t in build_trees(records)]


@given(archives())
def test_every_comment_is_in_exactly_one_tree_and_the_books_balance(records: list[Comment]):
    trees = list(build_trees(records))
    placed = [c.id for t in trees for c, made in zip(t.comments, t.stand_in, strict=True) if not made]
    dropped = [i for t in trees for i in t.issues if i.kind in (IssueKind.DUPLICATE_ID, IssueKind.EDITED)]
    assert sorted(placed) == sorted({c.id for c in records})
    assert len(records) == len(placed) + len(dropped)


@given(threads())
def test_every_tree_is_a_tree_in_topological_order(records: list[Comment]):
    tree = build_tree(records)
    n = len(tree)
    assert tree.parents[0] == -1
    assert all(0 <= tree.parents[i] < i for i in range(1, n))
    assert tree.post.id == "p"
    assert len({c.id for c in tree.comments}) == n
    assert len(tree.stand_in) == len(tree.link_confidence) == len(tree.parents) == n
    assert all(0 < c <= 1 for c in tree.link_confidence)
    graph = nx.DiGraph([(int(tree.parents[i]), i) for i in range(1, n)])
    graph.add_node(0)
    assert nx.is_arborescence(graph)
    depth_first = list(nx.dfs_preorder_nodes(graph, 0, sort_neighbors=sorted))
    assert depth_first == list(range(n))


@given(threads())
def test_siblings_stand_by_time_then_id(records: list[Comment]):
    tree = build_tree(records)
    late = datetime.max.replace(tzinfo=UTC)
    for up in range(len(tree)):
        children = [tree.comments[i] for i in np.flatnonzero(tree.parents == up)]
        assert children == sorted(children, key=lambda c: (c.created is None, c.created or late, c.id))


@given(threads())
def test_healing_is_idempotent(records: list[Comment]):
    once = build_tree(records)
    written = list(healed(once))
    again = build_tree(written[::-1])
    assert list(healed(again)) == written
    assert shape(again) == shape(once)
    assert again.parents.tolist() == once.parents.tolist()
    assert again.stand_in.tolist() == once.stand_in.tolist()
    kept = {IssueKind.NO_POST, IssueKind.MISSING_PARENT, IssueKind.OLDER_THAN_PARENT, IssueKind.INCOMPLETE}
    assert {i.kind for i in again.issues} <= kept


@given(threads())
def test_healed_records_differ_from_the_read_ones_in_the_parent_only(records: list[Comment]):
    tree = build_tree(records)
    parents = shape(tree)
    real = [c for c, made in zip(tree.comments, tree.stand_in, strict=True) if not made]
    assert list(healed(tree)) == [msgspec.structs.replace(c, parent_id=parents[c.id]) for c in real]


@given(threads())
def test_sound_links_are_never_touched(records: list[Comment]):
    tree = build_tree(records)
    repaired = {i.comment_id for i in tree.issues} | set(stand_ins(tree)) | {"p"}
    for id, parent in shape(tree).items():
        if id not in repaired:
            assert parent == next(c.parent_id for c in tree.comments if c.id == id)


@pytest.mark.parametrize(
    "odd",
    [
        {"text": "half \ud83d a pair"},
        {"likes": 10**30},
        {"text": "\x00\x7f\u2028\n"},
        {"created": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8)))},
        {"created": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-8)))},
    ],
    ids=["surrogate", "huge", "controls", "before time", "after time"],
)
def test_grouping_gives_back_what_it_was_given_also_what_no_line_can_hold(odd):
    strange = Comment(**{"id": "a", "thread_id": "p", "parent_id": "p", "text": "x", **odd})
    thread = [POST, strange, *(comment(f"c{i}", "a", i) for i in range(2_500))]
    apart = [*thread[:1_200], Comment(id="q", thread_id="q"), *thread[1_200:]]  # two runs, the first in two packs
    tree, other = build_trees(apart)
    assert everything(tree) == everything(build_tree(thread))
    assert other.thread_id == "q"


TWO_PLATFORMS = [
    Comment(id="1", thread_id="1", text="Cups, the film", author="7", platform="youtube"),
    Comment(id="2", thread_id="1", parent_id="1", text="does it leak?", platform="youtube"),
    Comment(id="3", thread_id="1", parent_id="2", root_id="2", text="no", platform="YouTube"),
    Comment(id="1", thread_id="1", text="新杯子", author="8", platform="weibo"),
    Comment(id="2", thread_id="1", parent_id="1", text="好看", author="7", platform="weibo"),
    Comment(id="9", thread_id="9", text="elsewhere", platform="weibo"),
]


@pytest.mark.parametrize("step", [1, -1])
def test_threads_of_two_platforms_that_share_an_id_are_two_trees(step):
    trees = {tree.thread_id: tree for tree in build_trees(TWO_PLATFORMS[::step])}
    found = {name: [(c.id, c.text) for c in tree.comments] for name, tree in trees.items()}
    assert found == {
        "weibo:1": [("weibo:1", "新杯子"), ("2", "好看")],
        "youtube:1": [("youtube:1", "Cups, the film"), ("2", "does it leak?"), ("3", "no")],
        "9": [("9", "elsewhere")],
    }
    assert trees["youtube:1"].parents.tolist() == [-1, 0, 1]
    assert all(not tree.issues for tree in trees.values())
    again = {tree.thread_id: tree for tree in build_trees(c for tree in trees.values() for c in healed(tree))}
    assert {name: tree.comments for name, tree in again.items()} == {n: t.comments for n, t in trees.items()}


def test_records_without_a_platform_belong_to_the_one_that_is_told():
    post, *rest = TWO_PLATFORMS[:3]
    bare = [
        Comment(id="4", thread_id="1", parent_id="1"),
        Comment(id="5", thread_id="1", parent_id="4", platform="4cat"),
    ]
    (tree,) = build_trees([*bare, *rest, post])
    assert sorted(c.id for c in tree.comments) == ["1", "2", "3", "4", "5"]
    assert {t.thread_id: len(t) for t in build_trees([*bare, *TWO_PLATFORMS])} == {
        "1": 3, "weibo:1": 2, "youtube:1": 3, "9": 1,
    }  # fmt: skip
