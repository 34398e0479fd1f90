"""The spaCy component labels what the model folder labels, in batches, with and without context."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import spacy
import tiny

from nlp_engage.classify import OnnxLabeller
from nlp_engage.context import context_of_unit
from nlp_engage.errors import DataError
from nlp_engage.spacy_component import Engagement
from nlp_engage.types import ACTS, LABELS, Role

UNITS = tiny.units(2, "s", threads=3)


@pytest.fixture(scope="module")
def nlp(tiny_model):
    made = spacy.blank("en")
    made.add_pipe("engagement", config={"model": str(tiny_model), "threads": 1})
    return made


def doc_of(nlp, unit):
    doc = nlp.make_doc(unit["reply"])
    doc.user_data["context"] = {k: unit[k] for k in ("post", "above", "by")}
    return doc


def test_docs_get_the_labels_of_the_model_one_by_one_and_as_a_stream(nlp, tiny_model):
    found = OnnxLabeller.load(tiny_model, threads=1).predict([context_of_unit(u) for u in UNITS])
    for docs in ([nlp(doc_of(nlp, u)) for u in UNITS], list(nlp.pipe((doc_of(nlp, u) for u in UNITS), batch_size=5))):
        assert [d.text for d in docs] == [u["reply"] for u in UNITS]
        answers = [d._.engagement for d in docs]
        assert [a["label"] for a in answers] == [str(LABELS[k]) for k in found.probabilities.argmax(1)]
        assert [a["act"] for a in answers] == [str(ACTS[k]) for k in found.acts]
        p = [[a["probabilities"][label] for label in LABELS] for a in answers]
        np.testing.assert_allclose(p, found.probabilities, atol=1e-6)


def test_context_counts_and_may_be_left_out(nlp, tiny_model):
    unit = UNITS[1]
    alone = context_of_unit({**unit, "post": "", "above": [], "by": "A"})
    expected = OnnxLabeller.load(tiny_model, threads=1).predict([alone, context_of_unit(unit)]).probabilities[:, 0]
    bare = nlp(unit["reply"])._.engagement["probabilities"]["mindless_interaction"]
    whole = nlp(doc_of(nlp, unit))._.engagement["probabilities"]["mindless_interaction"]
    np.testing.assert_allclose([bare, whole], expected, atol=1e-6)
    assert bare != whole
    doc = nlp.make_doc(unit["reply"])
    doc.user_data["context"] = context_of_unit(unit)
    assert nlp(doc)._.engagement["probabilities"]["mindless_interaction"] == whole


def test_text_of_other_languages_and_empty_text_have_no_label(nlp):
    assert nlp("Это очень красивая чашка, спасибо большое")._.engagement is None
    assert nlp("")._.engagement is None
    assert nlp("666 😍")._.engagement is not None  # shows no language: that of the pipeline


def test_a_context_of_another_shape_is_refused_with_what_it_must_be(nlp):
    doc = nlp.make_doc("nice")
    doc.user_data["context"] = "New cups"
    with pytest.raises(DataError, match=r"doc.user_data\['context'\] is a str, must be a dictionary with post, above"):
        nlp(doc)


@pytest.mark.parametrize("context", [{"above": None}, {"by": None}, {"above": [["A"]]}, {"post": 3}])
def test_a_field_of_another_type_is_refused_with_its_name(nlp, context):
    doc = nlp.make_doc("nice")
    doc.user_data["context"] = context
    with pytest.raises(DataError, match=rf"doc.user_data\['context'\]: Expected .* `\$.{next(iter(context))}"):
        nlp(doc)


def test_threads_below_0_are_refused(tiny_model):
    with pytest.raises(DataError, match="threads is -1, must be 0"):
        spacy.blank("en").add_pipe("engagement", config={"model": str(tiny_model), "threads": -1})


def test_a_language_in_the_context_is_a_tag_and_goes_before_the_text(nlp, tiny_model):
    labeller = OnnxLabeller.load(tiny_model, threads=1)
    for tag, language in (("zh-CN", "zh"), ("EN", "en"), ("en_GB", "en"), (None, "en"), ("", "en")):
        doc = nlp.make_doc("which size")
        doc.user_data["context"] = {"lang": tag}
        unit = {"uid": "u", "post": "", "above": [], "by": "A", "reply": "which size", "lang": language}
        expected = labeller.predict([context_of_unit(unit)]).probabilities[0]
        np.testing.assert_allclose(list(nlp(doc)._.engagement["probabilities"].values()), expected, atol=1e-6)
    doc.user_data["context"] = {"lang": "fr"}
    assert nlp(doc)._.engagement is None
    doc.user_data["context"] = {"lang": "English"}
    with pytest.raises(DataError, match=r"lang is 'English', must be a language tag .*leave it out.*'which size'"):
        nlp(doc)


def test_a_blank_reply_has_no_label_whatever_its_context_says(nlp):
    whole = context_of_unit(UNITS[0])
    for text, context in ((" \u200b", {"lang": "en"}), ("", {"lang": "zh"}), ("nice", replace(whole, reply=" "))):
        doc = nlp.make_doc(text)
        doc.user_data["context"] = context
        assert nlp(doc)._.engagement is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        *(({"language": tag}, rf"language is '{tag}', must be one of \('en', 'zh'\)") for tag in ("zh-CN", "EN", "fr")),
        ({"language": None}, "language is None, must be one of"),
        ({"turns": [(Role.POST, "New cups")]}, r"turns is \[.*\], must be a tuple of tuples \(Role, text\)"),
        ({"turns": ([Role.POST, "New cups"],)}, r"turns is \(\[.*must be a tuple of tuples"),
        ({"turns": (("post", "New cups"),)}, r"turns is \(\('post'.*must be a tuple of tuples"),
        ({"turns": ((Role.POST, None),)}, "None must be a text without lone surrogates"),
        (
            {"reply": "so \ud83d good"},
            r"'so \\ud83d good' must be a text without lone surrogates; nlp_engage.text.for_m",
        ),
        ({"reply": 3}, "3 must be a text"),
    ],
)
def test_a_ready_context_that_no_model_can_read_is_refused_with_the_rule(nlp, changes, message):
    doc = nlp.make_doc("nice")
    doc.user_data["context"] = replace(context_of_unit(UNITS[0]), **changes)
    told = rf"doc.user_data\['context'\]: {message}.*\(the doc is 'nice'\)"
    with pytest.raises(DataError, match=told):
        nlp(doc)
    with pytest.raises(DataError, match=told):
        list(nlp.pipe([doc]))


def test_lone_surrogates_in_the_fields_of_a_unit_are_taken_out(nlp):
    found = []
    for post in ("New cups", "New \ud83dcups"):
        doc = nlp.make_doc("which size")
        doc.user_data["context"] = {"post": post, "above": [["A", post]]}
        found.append(nlp(doc)._.engagement)
    assert found[0] == found[1] is not None


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_runtime_can_be_chosen_and_goes_along_to_another_process(tiny_model, runtime):
    if runtime == "openvino":
        pytest.importorskip("openvino")
    settings = {"model": str(tiny_model), "threads": 1, "runtime": runtime}
    component = spacy.blank("en").add_pipe("engagement", config=settings)
    for one in (component, pickle.loads(pickle.dumps(component))):
        assert one._labeller.runtime == runtime


def test_labels_survive_writing_a_doc_and_the_component_being_sent_to_another_process(nlp):
    doc = nlp("which size today")
    again = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert again._.engagement == doc._.engagement
    sent = pickle.loads(pickle.dumps(nlp.get_pipe("engagement")))
    assert sent(nlp.make_doc("which size today"))._.engagement == doc._.engagement


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # Python 3.12: that is what is tested
def test_a_component_that_has_worked_works_in_the_processes_of_spacy(nlp):
    texts = [u["reply"] for u in UNITS]
    expected = [nlp(text)._.engagement for text in texts]
    # spaCy waits for its processes without end: a hung one is killed, and the test fails
    watch = threading.Timer(90, lambda: [process.kill() for process in multiprocessing.active_children()])
    watch.start()
    try:
        found = [doc._.engagement for doc in nlp.pipe(texts, n_process=2, batch_size=2)]
    finally:
        watch.cancel()
    assert found == expected


def test_spacy_finds_the_component_by_its_entry_point():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    module, name = project["entry-points"]["spacy_factories"]["engagement"].split(":")
    factory = getattr(__import__(module, fromlist=[name]), name)
    assert isinstance(factory(spacy.blank("zh"), "engagement", None, 1), Engagement)
