"""What the classifier sees of a reply, from a tree and from a labelled unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from strategies import threads

from nlp_engage.context import (
    MAX_ANCESTORS,
    POST_CHARS,
    comment_languages,
    context_of_unit,
    labels_of_unit,
    reply_contexts,
    thread_language,
    units_of_replies,
)
from nlp_engage.errors import DataError
from nlp_engage.tree import build_tree
from nlp_engage.types import LANGUAGES, Comment, Role

UNIT = {
    "uid": "u1",
    "lang": "en",
    "post": "Which lid do you want next?",
    "above": [["A", "The blue one leaks."], ["B(page owner)", "Sorry! Which batch?"]],
    "by": "A",
    "reply": "It says L7 on the bottom.",
    "label": "D",
    "act": "answ",
}


def comment(id_, parent, author=None, text="Do they leak?", **more):
    return Comment(id=id_, thread_id="p", parent_id=parent, author=author, text=text, **more)


def tree_of(*comments, post="New cups!"):
    return build_tree([Comment(id="p", thread_id="p", author="shop", text=post), *comments])


def contexts_by_id(tree):
    return {tree.comments[i].id: context for i, context in reply_contexts(tree)}


def test_turns_go_from_the_nearest_ancestor_up_and_the_post_is_last():
    tree = tree_of(
        comment("a", "p", "ann", "Do they leak?"),
        comment("b", "a", "shop", "No, we tested 400."),
        comment("c", "b", "ann", "Mine did."),
        comment("d", "c", "bob", "Mine too."),
    )
    assert contexts_by_id(tree)["c"].turns == (
        (Role.OWNER, "No, we tested 400."),
        (Role.SELF, "Do they leak?"),
        (Role.POST, "New cups!"),
    )
    assert [role for role, _ in contexts_by_id(tree)["d"].turns] == [Role.OTHER, Role.OWNER, Role.OTHER, Role.POST]


def test_only_the_nearest_ancestors_are_seen():
    chain = [comment(f"c{i}", f"c{i - 1}" if i else "p", f"u{i}", f"turn {i}") for i in range(8)]
    turns = contexts_by_id(tree_of(*chain))["c7"].turns
    assert [text for _, text in turns] == ["turn 6", "turn 5", "turn 4", "New cups!"]
    assert MAX_ANCESTORS == 3


def test_owner_is_who_is_marked_or_who_wrote_the_post():
    tree = tree_of(
        comment("a", "p", "shop", "One more thing."),
        comment("b", "p", "page2", "We restocked.", is_owner=True),
        comment("c", "p", "ann", "Thanks for telling."),
    )
    assert {name: c.by_owner for name, c in contexts_by_id(tree).items()} == {"a": True, "b": True, "c": False}


def test_two_unknown_authors_are_not_taken_for_the_same_person():
    tree = tree_of(comment("a", "p", None, "Do they leak?"), comment("b", "a", None, "Mine did."))
    assert contexts_by_id(tree)["b"].turns[0] == (Role.OTHER, "Do they leak?")
    assert contexts_by_id(tree)["b"].by_owner is False


def test_a_removed_ancestor_is_a_gap_and_a_missing_post_is_left_out():
    tree = build_tree(
        [
            comment("a", "p", "ann", "shown no more", deleted=True),
            comment("b", "a", "bob", "No, it's the other one."),
            comment("c", "gone", "eve", "Same here."),
        ]
    )
    assert contexts_by_id(tree)["b"].turns == ((Role.GONE, ""),)
    assert contexts_by_id(tree)["c"].turns == ((Role.GONE, ""),)


def test_an_ancestor_without_words_is_shown_as_its_unit_shows_it():
    tree = tree_of(comment("a", "p", "ann", text=""), comment("b", "a", "bob", "So cute, which size?"))
    row = [c.id for c in tree.comments].index("b")
    (unit,) = units_of_replies(tree, [row])
    assert context_of_unit(unit) == contexts_by_id(tree)["b"]
    assert contexts_by_id(tree)["b"].turns[0] == (Role.GONE, "")


def test_post_is_cut_and_every_text_is_normalised():
    tree = tree_of(comment("a", "p", "ann", "ＯＫ!!!!!! @mia_ro"), post="x y " * 400)
    context = contexts_by_id(tree)["a"]
    assert context.reply == "OK!!! @user"
    assert len(context.turns[0][1]) <= POST_CHARS


def test_replies_out_of_domain_have_no_context():
    tree = tree_of(
        comment("a", "p", text="どこで買えますか"),
        comment("b", "p", text=""),
        comment("c", "p", text="so good", deleted=True),
        comment("d", "p", text="so good"),
        comment("e", "missing", text="太好喝了"),
    )
    assert set(contexts_by_id(tree)) == {"d", "e"}
    languages = dict(zip((c.id for c in tree.comments), comment_languages(tree), strict=True))
    assert languages == {"p": "en", "a": "other", "b": "none", "c": "none", "d": "en", "e": "zh", "missing": "none"}


@pytest.mark.parametrize(
    ("post", "others", "tag", "language"),
    [
        ("新口味上市", ["好喝"], None, "zh"),
        ("New cups!", ["好喝", "多少钱"], None, "zh"),
        ("新口味上市", ["so good"], None, "zh"),
        ("New cups!", ["好喝"], None, "en"),
        ("", [], None, "en"),
        ("New cups!", [], "zh", "zh"),
        ("New cups!", [], "zh-CN", "zh"),
        ("新口味上市", [], "en_US", "en"),
        ("新口味上市", [], "und", "zh"),
        ("¿cuál es mejor para ti?", ["so good", "love it"], None, "en"),
        ("¿cuál es mejor para ti?", ["好喝", "多少钱", "so good", "love it"], None, "en"),
    ],
)
def test_emoji_take_the_tag_of_the_archive_or_the_language_of_the_thread(post, others, tag, language):
    rest = [comment(f"c{i}", "p", text=text) for i, text in enumerate(others)]
    tree = tree_of(comment("z", "p", text="😍😍", lang=tag), *rest, post=post)
    assert contexts_by_id(tree)["z"].language == language


def test_a_tie_of_languages_falls_to_the_post_and_then_to_a_language_of_ours():
    assert thread_language(tree_of(comment("a", "p", text="so good"), post="新口味")) == "zh"
    assert thread_language(tree_of(comment("a", "p", text="so good"), post="¿cuál es mejor para ti?")) == "other"
    assert (
        thread_language(tree_of(comment("a", "p", text="好喝"), comment("b", "p", text="gracias"), post="😍")) == "zh"
    )


@pytest.mark.parametrize("text", ["😍😍", "2", "@maria", "[哈哈]"])
def test_what_shows_no_language_is_out_of_domain_in_a_thread_of_another_one(text):
    spanish = [comment("a", "p", text="me encanta, gracias"), comment("b", "a", text="y para cuando la grande?")]
    tree = tree_of(comment("z", "p", text=text), *spanish, post="¿Cuál quieres para la próxima temporada?")
    assert (thread_language(tree), set(comment_languages(tree))) == ("other", {"other"})
    assert not contexts_by_id(tree)


def test_a_tag_of_another_language_is_out_of_domain_but_never_against_the_text():
    tree = tree_of(comment("a", "p", text="😍", lang="es"), comment("b", "p", text="so good", lang="es"))
    assert set(contexts_by_id(tree)) == {"b"}
    tagged = tree_of(comment("a", "p", text="me encanta, gracias", lang="en"), comment("b", "p", text="😍"), post="😍")
    assert not contexts_by_id(tagged)


@pytest.mark.parametrize(
    ("tag", "language"), [("zh-TW", "zh"), ("en-US", "en"), ("pt", "other"), ("qme", "en"), ("", "en"), (None, "en")]
)
def test_a_thread_that_shows_no_language_goes_by_its_tags_and_then_is_english(tag, language):
    assert (
        thread_language(tree_of(comment("a", "p", text="😍"), comment("b", "p", text="2", lang=tag), post=""))
        == language
    )


@given(threads())
def test_every_reply_in_domain_has_exactly_one_context_and_no_other(records):
    tree = build_tree(records)
    languages = comment_languages(tree)
    found = dict(reply_contexts(tree))
    assert set(found) == {i for i in range(1, len(tree)) if languages[i] in LANGUAGES}
    for i, context in found.items():
        roles = [role for role, _ in context.turns]
        assert not tree.stand_in[i]
        assert Role.POST not in roles[:-1]
        assert len(roles) <= MAX_ANCESTORS + 1
        assert context.language == languages[i]


def test_a_unit_and_the_tree_it_shows_give_the_same_context():
    tree = tree_of(
        comment("1", "p", "ann", "The blue one leaks."),
        comment("2", "1", "shop", "Sorry! Which batch?"),
        comment("3", "2", "ann", "It says L7 on the bottom."),
        post=UNIT["post"],
    )
    assert context_of_unit(UNIT) == contexts_by_id(tree)["3"]


def test_a_unit_by_the_owner_sees_itself_in_its_own_turns():
    unit = {**UNIT, "by": "B(page owner)", "above": [["B(page owner)", "We restocked."], ["A", ""]]}
    context = context_of_unit(unit)
    assert context.by_owner
    assert context.turns[:2] == ((Role.GONE, ""), (Role.SELF, "We restocked."))


@pytest.mark.parametrize("field", ["by", "above", "lang", "post", "reply"])
def test_a_unit_without_a_field_is_refused_by_name(field):
    with pytest.raises(DataError, match=rf"'u1'.*'{field}' is missing"):
        context_of_unit({k: v for k, v in UNIT.items() if k != field})


def test_a_unit_in_another_language_is_refused():
    with pytest.raises(DataError, match="lang is 'fr'"):
        context_of_unit({**UNIT, "lang": "fr"})


@pytest.mark.parametrize(
    ("label", "act", "places"),
    [("M", "reac", (0, 0)), ("D", "answ", (1, 5)), ("S", "iden", (2, 14)), ("S", None, (2, -1))],
)
def test_labels_of_a_unit_are_places_in_the_label_and_act_lists(label, act, places):
    assert labels_of_unit({"uid": "u1", "label": label, "act": act}) == places


@pytest.mark.parametrize(
    ("label", "act", "message"),
    [
        ("X", None, "label is 'X', must be one of M, D, S"),
        (None, None, "label is None"),
        ("M", "love", "act is 'love'"),
        ("M", "ques", "act 'ques' belongs to genuine_dialogue, but the label is 'M'"),
    ],
)
def test_a_label_or_act_outside_the_codebook_is_refused(label, act, message):
    with pytest.raises(DataError, match=message):
        labels_of_unit({"uid": "u1", "label": label, "act": act})
