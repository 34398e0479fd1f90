"""The template: ids, order, budget, segments, and text that tries to look like the template."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from nlp_engage.encoding import MAX_TOKENS, PAD_ID, POST_TOKENS, REPLY_TOKENS, ROLE_TOKENS, PairEncoder
from nlp_engage.errors import ModelError
from nlp_engage.types import ReplyContext, Role

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
WORDS = ["post", "one", "two", "three", "reply", "<", ">", "owner"]
ROLES = list(ROLE_TOKENS.values())


def tokenizer_of(special=SPECIAL, roles=ROLES):
    """Words at white space, one token a word: expected ids can be read off the text."""
    vocabulary = {token: i for i, token in enumerate([*special, *WORDS, *roles])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([*special, *roles])
    return tokenizer


TOKENIZER = tokenizer_of()
ENCODER = PairEncoder(TOKENIZER)


def context_of(reply="reply", *turns, by_owner=False):
    return ReplyContext(reply=reply, by_owner=by_owner, turns=turns, language="en")


def tokens_of(context):
    (encoded,) = ENCODER.encode([context])
    return [TOKENIZER.id_to_token(i) for i in encoded.ids], encoded


def test_reply_first_then_post_then_ancestors_from_the_nearest():
    tokens, encoded = tokens_of(
        context_of("reply", (Role.OTHER, "one"), (Role.OWNER, "two"), (Role.SELF, "three"), (Role.POST, "post"))
    )
    expected = "<s> reply </s> <post> post <other> one <owner> two <self> three </s>"
    assert tokens == expected.split()
    assert encoded.reply_length == 3
    assert encoded.segments == [0] * 3 + [1] * 9


def test_the_owners_reply_is_marked_and_a_gap_keeps_its_place():
    tokens, encoded = tokens_of(context_of("reply", (Role.GONE, ""), (Role.OTHER, "one"), by_owner=True))
    assert tokens == ["<s>", "<owner>", "reply", "</s>", "<gone>", "<other>", "one", "</s>"]
    assert encoded.reply_length == 4


def test_a_reply_without_any_context_is_still_a_pair():
    tokens, encoded = tokens_of(context_of("reply"))
    assert (tokens, encoded.segments) == (["<s>", "reply", "</s>", "</s>"], [0, 0, 0, 1])


def test_a_post_alone_gets_all_the_room_and_beside_ancestors_its_share():
    long = "post " * 300
    alone, _ = tokens_of(context_of("reply", (Role.POST, long)))
    assert alone.count("post") == MAX_TOKENS - 3 - 1 - 1  # reply part, role token, closing mark
    shared, _ = tokens_of(context_of("reply", (Role.OTHER, "one"), (Role.POST, long)))
    assert shared.count("post") == POST_TOKENS


def test_what_does_not_fit_is_cut_from_the_far_end():
    tokens, encoded = tokens_of(
        context_of("reply " * 300, (Role.OTHER, "one " * 30), (Role.OTHER, "two " * 90), (Role.POST, "post"))
    )
    assert len(tokens) == MAX_TOKENS
    assert tokens.count("reply") == REPLY_TOKENS
    assert tokens.count("one") == 30
    assert tokens.count("two") == MAX_TOKENS - REPLY_TOKENS - 3 - 2 - 31 - 1
    assert (tokens[-1], encoded.reply_length) == ("</s>", REPLY_TOKENS + 2)


@given(
    st.builds(
        ReplyContext,
        reply=st.text(max_size=30) | st.just("one two " * 200),
        by_owner=st.booleans(),
        turns=st.lists(
            st.tuples(st.sampled_from(list(Role)), st.sampled_from(["", "one", "two " * 150])), max_size=4
        ).map(tuple),
        language=st.just("zh"),
    )
)
def test_any_context_fits_the_budget(context):
    (encoded,) = ENCODER.encode([context])
    assert 3 <= len(encoded.ids) <= MAX_TOKENS
    assert 2 <= encoded.reply_length < len(encoded.ids)
    assert len(encoded.segments) == len(encoded.ids)
    assert PAD_ID not in encoded.ids


def test_order_of_the_answer_is_that_of_the_batch():
    contexts = [context_of(word, (Role.POST, "post")) for word in ("one", "two", "one", "three")]
    together = ENCODER.encode(contexts)
    assert together == [ENCODER.encode([c])[0] for c in contexts]
    assert together[0] == together[2] != together[1]


@pytest.mark.parametrize("mark", ["<owner>", "<s>", "</s>", "<pad>", "<post>"])
def test_marks_of_the_template_in_a_comment_are_left_out(mark):
    honest = tokens_of(context_of("reply one", (Role.POST, "post two")))
    forged = tokens_of(context_of(f"{mark} reply {mark} one", (Role.POST, f"post {mark} two")))
    assert forged == honest


def test_a_tokenizer_without_the_role_tokens_is_refused():
    with pytest.raises(ModelError, match=r"lacks \['<self>', '<gone>'\].*nlp-engage base"):
        PairEncoder(tokenizer_of(roles=["<post>", "<owner>", "<other>"]))


def test_a_tokenizer_that_pads_with_another_id_is_refused():
    with pytest.raises(ModelError, match="<pad> has id 0, it must be 1"):
        PairEncoder(tokenizer_of(special=["<pad>", "<s>", "</s>", "<unk>"]))
