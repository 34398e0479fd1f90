"""Languages, the model's normalisation, and copies."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import texts as comment_texts

from nlp_engage import text as patterns
from nlp_engage.text import copy_key, detect_language, for_model, tag_language

whole_signs = st.sampled_from(["😍", "😂", "🔥", "[哈哈]", "[doge]", "[2233]", "!", "。"])
signs = whole_signs | st.sampled_from(["[", "]", "💪🏽", "❤️"])
anything = st.one_of(st.text(max_size=60), comment_texts, st.lists(signs, max_size=40).map("".join))


@pytest.mark.parametrize(
    ("tags", "language"),
    [
        (("en", "EN", "en-US", "en_GB", "eng", " en "), "en"),
        (("zh", "zh-CN", "zh_TW", "zh-Hans-CN", "cmn", "zho"), "zh"),
        (("es", "pt-BR", "fil", "fr_FR"), "other"),
        ((None, "", "und", "un", "zxx", "qme", "qam", "mul", "English", "z", "e n", "en-", "中文"), None),
    ],
)
def test_a_tag_is_read_whatever_its_region_script_and_case(tags, language):
    assert {tag_language(tag) for tag in tags} == {language}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("So my nan had one of these.", "en"),
        ("ok", "en"),
        ("这杯我能喝一整年", "zh"),
        ("這杯我可以喝一整年", "zh"),
        ("这个 flavour 真的好喝", "zh"),
        ("I tried 云雀 in Chengdu and would buy it again", "en"),
        ("これ飲んでみたいです", "other"),
        ("이거 어디서 사요?", "other"),
        ("Где это купить?", "other"),
        ("Où est-ce que je peux acheter cette boisson en France", "other"),
        ("Wo kann ich das in der Schweiz kaufen und was kostet das", "other"),
        ("muchas gracias", "other"),
        ("Precioso @sofia", "other"),
        ("Congratulations eres el mejor!!!", "other"),
        ("muito bom", "other"),
        ("bagus banget", "other"),
        ("Nike forever", "en"),
        ("Omg gorgeous", "en"),
        ("que sera, whatever you want", "en"),
        ("666", "und"),
        ("[doge][doge]", "und"),
        ("😂😂😂", "und"),
        ("@mia.ro", "und"),
        ("https://example.com/a", "und"),
        ("", "none"),
        (" \u200b\n", "none"),
    ],
)
def test_language_by_script_first(text, language):
    assert detect_language(text) == language


def test_a_name_or_a_link_does_not_decide_the_language():
    assert detect_language("@some_long_latin_name https://example.com/path/to/page 好喝") == "zh"


@settings(deadline=None)  # the first text of an unknown Latin language loads the identifier
@given(anything)
def test_language_is_one_of_five_answers_for_any_text(text):
    assert detect_language(text) in {"en", "zh", "other", "und", "none"}


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("回复 @小张 :好的", "@user 好的"),
        ("回覆@小張：好的", "@user 好的"),
        ("@alex_99 @小李 look", "@user @user look"),
        ("mail me at a.b@example.com", "mail me at a.b@example.com"),
        ("see www.example.com/x看这里", "see http 看这里"),
        ("哈哈哈哈哈哈", "哈哈哈"),
        ("hahahahaha", "hahaha"),
        ("!!!!!!!!", "!!!"),
        ("10000000", "10000000"),
        ("ＡＢＣ　１２３", "ABC 123"),
        ("a\u200bb\ufeffc", "abc"),
        ("half \ud83d surrogate", "half surrogate"),
        ("  two\n\nlines ", "two lines"),
    ],
)
def test_what_the_model_reads(raw, seen):
    assert for_model(raw) == seen


@given(anything)
def test_what_the_model_reads_is_one_clean_line(text):
    out = for_model(text)
    assert out == out.strip()
    assert not re.search(r"\s\s|[^\S ]", out)
    assert not any(c < " " or c == "\x7f" for c in out)
    assert out.encode("utf-8").decode("utf-8") == out  # no tokenizer takes lone surrogates


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=47), min_size=1, max_size=3), st.integers(4, 60))
def test_a_flood_is_cut_to_three(unit, times):
    assert len(for_model(unit * times)) <= 3 * max(len(unit), 4) + 2 * len(unit)


def test_a_long_comment_is_read_to_a_limit():
    assert len(for_model("word " * 100_000)) <= 2_000


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Love it!!! @mia.ro", "love  IT"),
        ("支持！", "支持"),
        ("ＯＫ", "ok"),
        ("回复 @小张 :好看", "好看"),
        ("nice https://example.com/a", "nice"),
        ("so cute 😍", "so cute"),
        ("[哈哈]", "[哈哈][哈哈][哈哈]"),
        ("😍😂😍😂", "😍😂"),
        ("😵😵💦😵💦", "😵💦"),
    ],
)
def test_copies_share_a_key(one, other):
    assert copy_key(one) == copy_key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("[哈哈]", "[哈]"), ("😍", "😂"), ("love it", "loved it"), ("1", "2"), ("[doge]", "[哈哈]")]
)
def test_other_words_have_other_keys(one, other):
    assert copy_key(one) != copy_key(other)


@given(anything)
def test_the_key_of_a_key_is_itself(text):
    key = copy_key(text)
    assert copy_key(key) == key


@given(st.lists(whole_signs, min_size=1, max_size=6, unique=True).map("".join), st.integers(2, 6))
def test_repeating_emoji_and_stickers_makes_no_new_text(unit, times):
    assert copy_key(unit * times) == copy_key(unit)


def test_the_key_of_a_huge_flood_is_found_at_once():
    start = time.perf_counter()
    copy_key("😍😂🔥[doge]" * 200_000)
    copy_key("".join(chr(0x1F600 + i * i % 60) for i in range(100_000)))
    assert time.perf_counter() - start < 5


def plain_copy_key(text):
    """Every pattern searched in every text: slow, and what ``copy_key`` must equal."""
    out = patterns._INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    out = patterns._URL.sub(" ", patterns._REPLY_PREFIX.sub(" ", out))
    out = patterns._OTHER_MENTION.sub(" ", patterns._LATIN_MENTION.sub(" ", out))
    words = patterns._NOT_ALPHANUMERIC.sub("", patterns._STICKER.sub("", out))
    return words or patterns._without_repeats(patterns._SPACE.sub("", out)[: patterns._MODEL_CHARS])


pieces = st.sampled_from(
    ["http://a.b/c", "HTTPS://x", "www.", "回复 @小张 :", "回覆", "@mia.ro", "@", "[", "]", "[哈哈]", "_", "\n", "\t",
     "\x00", "\x7f", "\u00ad", "\u200b", "Ｗ", "ſ", "ß", "²", "٣", "love it", "好喝", " ", ":", "？", "😍", "\ud800"]
)  # fmt: skip


@given(st.one_of(anything, st.lists(pieces, max_size=12).map("".join)))
@settings(max_examples=400)
def test_the_quick_copy_key_is_the_plain_one(text):
    assert copy_key(text) == plain_copy_key(text)
