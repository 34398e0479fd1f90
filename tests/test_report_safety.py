"""Words of strangers: cleaned, embedded, hidden."""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st
from report_cases import ATTACKS, BIDI

from nlp_engage.report.safety import Veil, clean, content_security_policy, csp_hash, embed_json

anything = st.text(st.characters(codec=None) | st.sampled_from(BIDI + "<>&'\"\u2028\u2029\ud800\x00"), max_size=40)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | st.sampled_from(ATTACKS[:9]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(anything)
@example("0\r\x1b\r0")
def test_a_cleaned_text_is_one_line_without_controls_or_turned_direction(text):
    out = clean(text)
    assert not set(out) & set(BIDI)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in out)
    assert out == out.strip()
    out.encode("utf-8")
    assert clean(out) == out


@given(anything, st.integers(1, 30))
def test_a_cut_text_keeps_its_limit_and_its_start(text, limit):
    out = clean(text, limit)
    assert len(out) <= limit
    assert out == clean(text) or (out.endswith("…") and clean(text).startswith(out[:-1].rstrip()))


def test_emoji_families_and_accents_survive():
    for text in ("👨‍👩‍👧 ok", "e\u0301te\u0301", "ภาษาไทย", "مرحبا"):
        assert clean(text) == text
    assert len(clean("Z" + "\u0335\u0300" * 30 + "!")) < 8


@given(values)
def test_embedded_json_says_the_same_and_cannot_end_its_element(value):
    out = embed_json(value)
    assert not set(out) & set("<>&\u2028\u2029")
    assert json.loads(out) == value


def test_the_policy_admits_exactly_the_named_scripts():
    digest = base64.b64encode(hashlib.sha256(b"alert(1)").digest()).decode()
    assert csp_hash("alert(1)") == f"'sha256-{digest}'"
    policy = content_security_policy(["alert(1)"], ["p{}"])
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert "unsafe" not in policy
    assert "http" not in policy


def test_pseudonyms_are_stable_in_a_report_and_differ_between_reports():
    one, other = Veil(no_text=True), Veil(no_text=True)
    assert one.name("ann") == one.name("ann", "Ann") != one.name("bob")
    assert one.name("ann") != other.name("ann")
    assert one.name(None, "Ann") is None
    assert one.text("words") is None


def test_a_platform_is_named_only_if_everybody_knows_it():
    veil = Veil(no_text=True)
    assert veil.platform("youtube") == "youtube"
    assert veil.platform("my cousin's forum").startswith("#")
    assert veil.platform(None) is None
    assert Veil().platform("my cousin's forum") == "my cousin's forum"


def test_ids_that_are_codes_already_are_shown_short():
    assert Veil(coded=True).name("0123456789abcdef") == "#01234567"
