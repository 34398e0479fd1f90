"""Two-level platforms: whom a reply answers, from the name at the start of its text."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import threads

from nlp_engage.mentions import CONFIDENCE, Target, recover_targets, time_key
from nlp_engage.tree import STATED, build_tree, healed
from nlp_engage.types import Comment, DialogueTree, LinkMethod

# The confidences of the situations below, as measured.
ONE = CONFIDENCE[LinkMethod.NAME, "one comment"]
LATEST = CONFIDENCE[LinkMethod.NAME, "latest of two"]
USUAL = CONFIDENCE[LinkMethod.FLOOR, "names are usual"]
NO_SIGN = CONFIDENCE[LinkMethod.FLOOR, "no sign of names"]
PREFIX = CONFIDENCE[LinkMethod.STRANGER, "prefix"]
HANDLE = CONFIDENCE[LinkMethod.STRANGER, "handle"]
NOON = datetime(2025, 6, 14, 12, tzinfo=UTC)
POST = Comment(id="p", thread_id="p", author="brand", author_name="品牌")


def turn(id: str, minute: int | None, name: str, text: str = "", **more: Any) -> Comment:
    """A reply on the floor ``f``, of which the platform tells no more than the floor."""
    created = None if minute is None else NOON + timedelta(minutes=minute)
    author = more.pop("author", f"id-{name}")
    fields = {"parent_id": "f", "root_id": "f", **more}
    return Comment(id=id, thread_id="p", author=author, author_name=name, text=text, created=created, **fields)


FLOOR = turn("f", 0, "开楼的", "好看", parent_id="p", root_id=None)


def answered(tree: DialogueTree, id: str) -> tuple[str, float]:
    i = [c.id for c in tree.comments].index(id)
    return tree.comments[int(tree.parents[i])].id, float(tree.link_confidence[i])


def target(text: str, *names: str) -> tuple[str, float]:
    """Whom a text answers on a floor where each name spoke once, in this order."""
    spoken = [turn(f"t{i}", i + 1, name, "谢谢") for i, name in enumerate(names)]
    return answered(build_tree([POST, FLOOR, *spoken, turn("x", 59, "me", text)]), "x")


@pytest.mark.parametrize(
    "text",
    [
        "回复 @小店 :多少钱",
        "回复@小店:多少钱",
        "回复@小店：多少钱",
        "回覆 @小店：多少錢",
        "回复 小店 :多少钱",
        "  回复 ＠小店 ： 多少钱",
        "回复@小店 多少钱",
        "@小店 多少钱",
        "@小店：多少钱",
        "@小店，多少钱",
        "@小店",
        "\u200b@\u2068小店\u2069 多少钱",
    ],
)
def test_every_known_form_of_prefix_is_read(text: str):
    assert target(text, "小李", "小店", "老王") == ("t1", ONE)


def test_recovered_parent_is_booked_with_the_platforms_own_value():
    tree = build_tree([POST, FLOOR, turn("a", 1, "小店"), turn("b", 2, "me", "回复 @小店 :多少钱")])
    assert [(i.kind.value, i.comment_id) for i in tree.issues] == [("recovered_parent", "b")]
    assert tree.issues[0].detail == "filed under 'f' by the platform; it answers 'a'"
    assert tree.comments[3].parent_id == "f"


def test_no_prefix_leaves_the_floor_comment_as_parent():
    assert target("多少钱", "小店") == ("f", NO_SIGN)
    assert target("回复一下大家，谢谢", "小店") == ("f", NO_SIGN)
    assert target("写信到 @小店 吧", "小店") == ("f", NO_SIGN)
    named = [turn("a", 1, "小店"), turn("b", 2, "小李", "回复 @小店 :谢谢"), turn("x", 3, "me", "多少钱")]
    assert answered(build_tree([POST, FLOOR, *named]), "x") == ("f", USUAL)


def test_nobody_of_that_name_keeps_the_platforms_parent_at_low_confidence():
    assert target("回复 @路人 :多少钱", "小店") == ("f", PREFIX)
    assert target("回复 路人 :多少钱", "小店") == ("f", PREFIX)
    assert target("@stranger what?", "小店") == ("f", HANDLE)


def test_name_of_the_floor_comments_author_means_the_floor_comment():
    tree = build_tree([POST, FLOOR, turn("a", 1, "小店"), turn("b", 2, "me", "回复 @开楼的 :谢谢")])
    assert answered(tree, "b") == ("f", ONE)
    assert tree.issues == ()


def test_the_floor_comment_is_earliest_whatever_its_time():
    for minute in (None, 99):
        late = turn("f", minute, "开楼的", parent_id="p", root_id=None)
        tree = build_tree([POST, late, turn("b", 2, "me", "@开楼的 谢谢")])
        assert answered(tree, "b") == ("f", ONE)


def test_a_floor_comment_that_names_itself_as_root_is_one_comment_not_two():
    floor = turn("f", 0, "开楼的", parent_id="p", root_id="f")
    tree = build_tree([POST, floor, turn("b", 2, "me", "@开楼的 谢谢")])
    assert answered(tree, "b") == ("f", ONE)


def test_a_floor_comment_that_answers_itself_is_no_reply_on_its_floor():
    floor = turn("f", 5, "开楼的", "@小店 在吗", parent_id="f", root_id="f")
    tree = build_tree([POST, floor, turn("a", 1, "小店")])
    assert [(c.id, answered(tree, c.id)[0]) for c in tree.comments[1:]] == [("f", "p"), ("a", "f")]


def test_anonymous_comments_have_no_name_to_be_addressed_by():
    nobody = Comment(id="a", thread_id="p", parent_id="f", root_id="f", created=NOON)
    for text in ("回复 : 谢谢", "@ 谢谢", "@: 谢谢"):
        tree = build_tree([POST, FLOOR, nobody, turn("b", 2, "me", text)])
        assert answered(tree, "b")[0] == "f"


def test_nearest_earlier_comment_of_several_is_taken_and_later_ones_never():
    spoken = [turn("a1", 1, "小店"), turn("a2", 3, "小店", "@开楼的 谢谢"), turn("a3", 9, "小店")]
    tree = build_tree([POST, FLOOR, *spoken, turn("b", 2, "me", "@小店 1"), turn("c", 5, "me", "@小店 2")])
    assert answered(tree, "b") == ("a1", ONE)
    assert answered(tree, "c") == ("a2", LATEST)


def test_name_that_only_speaks_later_is_not_answered():
    tree = build_tree([POST, FLOOR, turn("b", 1, "me", "@小店 在吗"), turn("a", 2, "小店")])
    assert answered(tree, "b") == ("f", HANDLE)


def test_equal_and_missing_times_fall_back_to_the_id():
    at_once = [turn("a", 1, "小店"), turn("b", 1, "me", "@小店 1"), turn("c", 1, "小店")]
    assert answered(build_tree([POST, FLOOR, *at_once]), "b") == ("a", ONE)
    untimed = [turn("a", None, "小店"), turn("b", None, "me", "@小店 1"), turn("c", None, "小店")]
    assert answered(build_tree([POST, FLOOR, *untimed]), "b") == ("a", CONFIDENCE[LinkMethod.NAME, "no order"])


def test_ids_that_are_numbers_of_one_length_give_the_order_where_times_are_missing():
    spoken = [turn("12", None, "小店"), turn("13", 1, "me", "@小店 1"), turn("14", None, "小店")]
    assert answered(build_tree([POST, FLOOR, *spoken]), "13") == ("12", ONE)


def test_names_of_another_floor_are_not_looked_at():
    other = turn("g", 0, "隔壁楼主", parent_id="p", root_id=None)
    there = turn("a", 1, "小店", parent_id="g", root_id="g")
    tree = build_tree([POST, FLOOR, other, there, turn("b", 2, "me", "@小店 在吗")])
    assert answered(tree, "b") == ("f", HANDLE)


def test_longest_known_name_wins():
    assert target("回复 @Mia Ro :hi", "Mia", "Mia Ro") == ("t1", ONE)
    assert target("@Mia Ro hi", "Mia", "Mia Ro") == ("t1", ONE)
    assert target("@Mia Ross hi", "Mia", "Mia Ro") == ("t0", ONE)
    assert target("回复 @a:b :hi", "a", "a:b") == ("t1", ONE)
    assert target("回复 Mia Ro :hi", "Mia", "Mia Ro") == ("t1", ONE)


def test_a_name_is_not_found_inside_a_longer_one():
    assert target("@bobby hi", "bob") == ("f", HANDLE)
    assert target("回复 @小店铺 :hi", "小店") == ("f", PREFIX)


@pytest.mark.parametrize("name", ["BOB", "@bob", "Ｂｏｂ", "bo\u200bb", " Bob "])
def test_case_width_and_leading_at_do_not_matter(name: str):
    assert target("@bOb hi", name) == ("t0", ONE)


def test_author_id_counts_as_a_name_too():
    tree = build_tree(
        [POST, FLOOR, turn("a", 1, "Shop", author="shop_official"), turn("b", 2, "me", "@shop_official ?")]
    )
    assert answered(tree, "b") == ("a", ONE)


def test_of_several_handles_the_first_that_is_known_counts():
    assert target("@stranger @bob @eve look", "eve", "bob") == ("t1", ONE)
    assert target("@eve @bob look", "bob", "eve") == ("t1", ONE)


def test_a_handle_after_the_reply_prefix_is_somebody_else():
    assert target("回复 @gone :@bob look", "bob") == ("f", PREFIX)


def test_a_target_stated_by_the_platform_is_never_overruled():
    spoken = [turn("a", 1, "小店"), turn("b", 2, "小李")]
    tree = build_tree([POST, FLOOR, *spoken, turn("c", 3, "me", "@小店 hi", parent_id="b")])
    assert answered(tree, "c") == ("b", STATED)


def test_replies_to_the_post_and_platforms_without_floors_are_left_alone():
    top = turn("a", 1, "小店", parent_id="p", root_id="a")
    tagged = turn("b", 2, "me", "@小店 look", parent_id="p", root_id=None)
    rooted = turn("c", 3, "me", "@小店 look", parent_id="p", root_id="p")
    tree = build_tree([POST, top, tagged, rooted])
    assert [answered(tree, id) for id in "abc"] == [("p", STATED)] * 3
    assert recover_targets([POST, top, tagged, rooted]) == {}


def test_missing_floor_gets_its_tombstone_only_if_somebody_still_stands_on_it():
    first = turn("a", 1, "小店", "谢谢")
    second = turn("b", 2, "me", "@小店 多少钱")
    tree = build_tree([POST, first, second])
    assert answered(tree, "a") == ("f", USUAL)
    assert answered(tree, "b") == ("a", ONE)
    stated = build_tree([POST, turn("a", 1, "小店", parent_id="p"), second])
    assert [c.id for c in stated.comments] == ["p", "a", "b"]


def test_recovery_comes_before_loops_are_cut():
    a = turn("a", 1, "小店", parent_id="b")
    b = turn("b", 2, "me", "@小店 hi")
    tree = build_tree([POST, FLOOR, a, b])
    assert [(c.id, answered(tree, c.id)[0]) for c in tree.comments[1:]] == [
        ("f", "p"),
        ("a", "p"),
        ("b", "a"),
    ]
    assert [i.kind.value for i in tree.issues] == ["loop", "recovered_parent"]


def test_healed_records_state_the_recovered_parent():
    tree = build_tree([POST, FLOOR, turn("a", 1, "小店"), turn("b", 2, "me", "@小店 hi")])
    assert {c.id: c.parent_id for c in healed(tree)}["b"] == "a"
    assert answered(build_tree(list(healed(tree))), "b") == ("a", STATED)


def test_long_reply_chain_on_one_floor_is_recovered_turn_by_turn():
    n = 20_000
    names = ["ann", "bob"]
    spoken = [turn(f"{i:05}", i, names[i % 2], f"@{names[(i + 1) % 2]} {i}") for i in range(n)]
    random.Random(2).shuffle(spoken)
    tree = build_tree([POST, FLOOR, *spoken])
    assert answered(tree, "00000") == ("f", HANDLE)
    assert answered(tree, "00001") == ("00000", ONE)
    assert all(answered_id == f"{i - 1:05}" for i, answered_id in _links(tree) if i)


def _links(tree: DialogueTree) -> list[tuple[int, str]]:
    return [(int(tree.comments[i].id), tree.comments[int(tree.parents[i])].id) for i in range(2, len(tree))]


def _nearest_by_search(comments: list[Comment], reply: Comment, name: str) -> list[int]:
    """Oracle: look through the whole floor, earliest first."""
    found = []
    for i, c in enumerate(comments):
        bears = name in (c.author_name, c.author)
        opens = c.id == reply.root_id
        on_floor = c.root_id == reply.root_id and time_key(c) < time_key(reply)
        if bears and (opens or on_floor):
            found.append((not opens, time_key(c), i))
    return [i for _, _, i in sorted(found)]


@given(threads(), st.sampled_from(("小张", "李四", "店🌸")), st.sampled_from(("回复 @{} :", "回复@{}：", "@{} ")))
def test_index_agrees_with_a_search_of_the_whole_floor(records: list[Comment], name: str, form: str):
    comments = list({c.id: c for c in records}.values())
    asking = turn("p0a", 3, "me", form.format(name) + "hi", parent_id="p0", root_id="p0")
    comments.append(asking)
    found = _nearest_by_search(comments, asking, name)
    target = recover_targets(comments)[len(comments) - 1]
    if len(found) == 1:
        assert target == Target(found[0], LinkMethod.NAME, target.situation)
    elif found:
        assert target.node in found[-2:]
        assert target.method is LinkMethod.NAME
    else:
        assert target.method is not LinkMethod.NAME
