"""Who answers whom beyond the plain name: masks, quotes, turns, habits, confidences, and the bench for them."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import threads

from nlp_engage.mentions import CONFIDENCE, Target, recover_targets, time_key
from nlp_engage.names import quoted_passage, read_address
from nlp_engage.tree import build_tree
from nlp_engage.types import Comment, LinkMethod

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

from flattening import PLATFORMS, SCENARIOS, Scenario, flatten, generated_threads, half, masked

NOON = datetime(2025, 6, 14, 12, tzinfo=UTC)
FLOOR = Comment(
    id="f", thread_id="p", parent_id="p", author="u0", author_name="开楼的", text="好看吗这个颜色", created=NOON
)
THREADS = list(generated_threads(40))
NAMES = st.lists(
    st.text(st.sampled_from("张小三李abC1·_- 🌸:*"), min_size=1, max_size=8).filter(str.strip),
    min_size=2,
    max_size=6,
    unique_by=lambda name: name.strip().casefold(),
)


def turn(id: str, minute: int, name: str | None, text: str = "", **more: Any) -> Comment:
    """A reply on the floor ``f``."""
    fields = {"parent_id": "f", "root_id": "f", "author": f"id-{name}", **more}
    return Comment(
        id=id, thread_id="p", author_name=name, text=text, created=NOON + timedelta(minutes=minute), **fields
    )


def found(*replies: Comment) -> dict[str, tuple[str, str, str]]:
    """Of each reply: whom it answers, how that was found, and in what situation."""
    comments = [FLOOR, *replies]
    return {
        comments[i].id: ("f" if t.node is None else comments[t.node].id, t.method.value, t.situation)
        for i, t in recover_targets(comments).items()
    }


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ("张***三", "张小三"),
        ("张*", "张三"),
        ("*", "张"),
        ("m***y", "Molly"),
        ("张**", "张小三"),
        ("Mia Ross", "miaross-x7k2"),
    ],
)
def test_masked_and_displayed_names_are_matched(shown: str, written: str):
    replies = [turn("a", 1, shown), turn("b", 2, "小李"), turn("c", 3, "me", f"回复 @{written} :多少钱")]
    assert found(*replies)["c"] == ("a", "alike", "one comment")


def test_a_name_in_full_comes_before_one_that_is_only_alike():
    replies = [turn("a", 1, "张小三"), turn("b", 2, "张***三"), turn("c", 3, "me", "回复 @张小三 :多少钱")]
    assert found(*replies)["c"] == ("a", "name", "one comment")


def test_people_who_share_a_name_are_less_sure():
    replies = [turn("a", 1, "momo"), turn("b", 2, "momo", author="id2"), turn("c", 3, "me", "@momo hi")]
    assert found(*replies)["c"] == ("b", "name", "namesakes")


def test_unreadable_names_leave_it_to_the_turns():
    replies = [
        turn("a", 1, "用户12345678", "多少钱"),
        turn("b", 2, "用户87654321", "回复 @小张 :五十"),
        turn("c", 3, "用户12345678", "回复 @小李 :谢谢"),
    ]
    assert found(*replies)["b"] == ("a", "turn", "unreadable, latest")
    assert found(*replies)["c"] == ("b", "turn", "unreadable, answers back")


def test_those_who_come_back_answer_who_answered_them_unless_names_are_usual():
    replies = [
        turn("a", 1, "小李", "多少钱"),
        turn("b", 2, "开楼的", "五十", author="u0"),
        turn("c", 3, "小李", "谢谢"),
    ]
    assert found(*replies)["b"] == ("a", "turn", "no name, answers back")
    assert found(*replies)["c"] == ("b", "turn", "no name, answers back")
    named = [replies[0], turn("b", 2, "开楼的", "回复@小李:五十", author="u0"), turn("c", 3, "小李", "回复@开楼的:谢")]
    assert found(*named, turn("d", 4, "小王", "真贵"))["d"] == ("f", "floor", "names are usual")


def test_a_newcomer_without_a_name_answers_the_floor():
    mine = [turn("a", 1, "小李"), turn("b", 2, "小李", "还有")]
    assert found(*mine, turn("x", 9, "小王", "真贵"))["x"] == ("f", "floor", "newcomer")
    assert found(mine[0], turn("x", 9, "小王", "真贵"))["x"] == ("f", "floor", "no sign of names")


def test_the_floor_stands_where_the_platform_tells_targets():
    stated = [turn("a", 1, "小李"), *(turn(id, 2, "小李", parent_id="a") for id in "bde")]
    assert found(*stated, turn("x", 9, "小李", "还有"))["x"] == ("f", "floor", "names are usual")
    exact = [turn(f"e{i}", i, "AB"[i % 2], platform="bilibili") for i in range(5)]
    assert {method for _, method, _ in found(*exact).values()} == {"floor"}


def test_the_comment_that_answered_the_replier_comes_before_a_later_one_of_the_same_person():
    replies = [
        turn("a", 1, "me", "多少钱"),
        turn("b", 2, "小店", "回复@me:五十"),
        turn("c", 3, "小店", "回复@开楼的:好看"),
        turn("d", 4, "me", "回复@小店:太贵"),
        turn("e", 5, "me", "回复@小店:算了"),
    ]
    assert found(*replies)["d"] == ("b", "name", "answers back")
    assert found(*replies)["e"] == ("c", "name", "latest of two")


def test_a_target_that_the_platform_states_counts_as_having_answered():
    replies = [
        turn("a", 1, "me", "多少钱"),
        turn("b", 2, "小店", "五十", parent_id="a"),
        turn("c", 3, "小店", "回复@开楼的:好看"),
        turn("d", 4, "me", "回复@小店:太贵"),
    ]
    assert found(*replies)["d"] == ("b", "name", "answers back")


@pytest.mark.parametrize(
    "quote", ["> 真的会漏水吗这个杯子\n会", "「真的会漏水吗这个杯子」会", "会//@谁:真的会漏水吗这个杯子"]
)
def test_a_quote_tells_whose_words_are_answered(quote: str):
    replies = [
        turn("a", 1, "小李", "真的会漏水吗这个杯子？"),
        turn("b", 2, "小店", "不知道啊"),
        turn("c", 3, "me", quote),
    ]
    assert found(*replies)["c"] == ("a", "quote", "alone")


def test_a_quote_picks_among_the_comments_of_the_person_named():
    replies = [
        turn("a", 1, "小李", "真的会漏水吗"),
        turn("b", 2, "小李", "哪里可以买"),
        turn("c", 3, "me", "会//@小李:真的会漏水吗"),
    ]
    assert found(*replies)["c"] == ("a", "quote", "with a name")


def test_words_quoted_by_others_are_not_theirs():
    replies = [
        turn("a", 1, "小李", "真的会漏水吗"),
        turn("b", 2, "小店", "「真的会漏水吗」不会"),
        turn("c", 3, "me", "「真的会漏水吗」会"),
    ]
    assert found(*replies)["c"][0] == "a"


def test_the_tree_keeps_the_platforms_value_the_method_and_the_confidence():
    tree = build_tree([Comment(id="p", thread_id="p"), FLOOR, turn("a", 1, "小店"), turn("b", 2, "me", "@小店 hi")])
    i = [c.id for c in tree.comments].index("b")
    assert tree.comments[i].parent_id == "f"
    assert tree.comments[tree.parents[i]].id == "a"
    assert tree.link_method[i] is LinkMethod.NAME
    assert tree.link_confidence[i] == CONFIDENCE[LinkMethod.NAME, "one comment"]
    assert [m.value for m in tree.link_method] == ["stated", "stated", "floor", "name"]


def test_confidences_are_chances():
    assert all(0 < c < 1 for c in CONFIDENCE.values())


@given(threads())
def test_a_recovered_parent_is_earlier_on_the_same_floor_or_the_floor_itself(records: list[Comment]):
    comments = list({c.id: c for c in records}.values())
    for i, target in recover_targets(comments).items():
        assert 0 < target.confidence < 1
        if target.node is not None:
            reply, parent = comments[i], comments[target.node]
            assert parent.id == reply.root_id or (
                parent.root_id == reply.root_id and time_key(parent) < time_key(reply)
            )


@given(threads(), st.randoms())
def test_the_order_of_the_input_does_not_matter(records: list[Comment], random: Any):
    comments = list({c.id: c for c in records}.values())
    mixed = random.sample(comments, len(comments))

    def by_id(order: list[Comment]) -> dict[str, tuple[str | None, Target]]:
        return {
            order[i].id: (None if t.node is None else order[t.node].id, t._replace(node=None))
            for i, t in recover_targets(order).items()
        }

    assert by_id(mixed) == by_id(comments)


@given(NAMES, st.data())
def test_a_written_name_that_one_earlier_comment_bears_is_answered_exactly(names: list[str], data: st.DataObject):
    spoken = [turn(f"t{i}", i + 1, name, "嗯", author=None) for i, name in enumerate(names)]
    wanted = data.draw(st.integers(0, len(names) - 1))
    name = names[wanted].strip()
    others = [n.strip().casefold() for n in names if n is not names[wanted]]
    form = data.draw(st.sampled_from(("回复 @{} :", "回复@{}:", "回复@{}：")))
    # A longer name that goes on as the text does would be as good a reading.
    if not any(o.startswith(name.casefold()) for o in others):
        assert found(*spoken, turn("x", 59, "我", form.format(name) + "yy"))["x"][:2] == (f"t{wanted}", "name")


@given(st.text(max_size=60), st.text(max_size=30), st.sampled_from(("", "@", "回复 @", "回复", "//@", "> ", "「")))
def test_no_text_and_no_name_is_too_odd(text: str, name: str, start: str):
    written = start + name + text
    assert read_address(written) is None or read_address(written).known
    assert isinstance(quoted_passage(written), str)
    replies = [
        turn("a", 1, masked(name or "x")),
        turn("b", 2, name, written),
        turn("c", 3, masked(text or "y"), written),
    ]
    assert set(found(*replies)) == {"a", "b", "c"}


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(SCENARIOS), st.sampled_from(PLATFORMS), st.sampled_from(THREADS))
def test_every_way_of_flattening_is_recovered_without_inventing_anything(scenario, platform, thread):
    shown = flatten(thread, platform, scenario)
    targets = recover_targets(shown.comments)
    assert {shown.comments[i].id for i in targets} == set(shown.truth)  # nothing that the platform states
    assert len(build_tree(shown.comments)) == len(shown.comments)


def right(scenario: Scenario, *, named: bool = False) -> tuple[int, int]:
    """Right links and links of the generated threads on Weibo."""
    hits = n = 0
    for thread in THREADS:
        shown = flatten(thread, PLATFORMS[2], scenario)
        for i, target in recover_targets(shown.comments).items():
            comment = shown.comments[i]
            if not named or (comment.id in shown.named and target.situation == "one comment"):
                guess = comment.root_id if target.node is None else shown.comments[target.node].id
                hits, n = hits + (guess == shown.truth[comment.id]), n + 1
    return hits, n


def test_unique_names_with_a_prefix_are_exact():
    hits, n = right(SCENARIOS[0], named=True)
    assert n > 200
    assert hits == n


def test_masks_cost_little_and_turns_beat_the_floor():
    full, none, masked_ = (
        right(s)[0] for s in SCENARIOS if s.name in ("prefix, unique names", "masked names", "no prefix")
    )
    assert full * 0.95 <= masked_ <= full
    assert none > sum(len(t.comments) for t in THREADS) * 0.3


def test_halves_share_no_thread():
    fitted, scored = ({t.key for t in half(THREADS, which, 10**6)} for which in (True, False))
    assert fitted | scored == {t.key for t in THREADS}
    assert not fitted & scored


def calls(comments: list[Comment]) -> int:
    """Function calls, of C functions too, that a recovery takes."""
    counts = Counter[str]()
    sys.setprofile(lambda frame, event, arg: counts.update([event]))
    try:
        recover_targets(comments)
    finally:
        sys.setprofile(None)
    return counts["call"] + counts["c_call"]


@pytest.mark.parametrize(
    "text", ["回复@u{other}:好", "> 真的会漏水吗这个杯子\n会", "@nobody @no one 好", "好", "回复@生人:好"]
)
def test_the_work_grows_with_the_thread_and_not_faster(text: str):
    def floor(n: int) -> list[Comment]:
        return [FLOOR, *(turn(f"{i:06}", i, f"u{i % 2}", text.format(other=1 - i % 2)) for i in range(n))]

    assert calls(floor(1_600)) < 4.4 * calls(floor(400))
