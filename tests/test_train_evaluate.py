"""Evaluation, calibration and the card, on predictions made by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny
from sklearn import metrics

from nlp_engage.errors import DataError
from nlp_engage.train.calibrate import fit_temperature
from nlp_engage.train.card import cross_fitted_ece, score_table, temperatures, write_card
from nlp_engage.train.evaluate import evaluate, score_predictions
from nlp_engage.types import ACTS, LABELS, Predictions


def truth_of(units):
    return np.array(["MDS".index(u["label"]) for u in units])


def noisy(units, seed=0, spread=1.2):
    random = np.random.default_rng(seed)
    logits = np.eye(3)[truth_of(units)] * 1.5 + random.normal(size=(len(units), 3)) * spread
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def test_scores_are_those_of_scikit_learn_overall_and_per_language():
    units = tiny.units(20, "u", threads=30)
    p = noisy(units)
    found = score_predictions(p, units)
    chinese = np.array([u["lang"] == "zh" for u in units])
    for rows, result in ((slice(None), found), (chinese, found["per_language"]["zh"])):
        truth, guess = truth_of(units)[rows], p[rows].argmax(1)
        assert result["macro_f1"] == pytest.approx(metrics.f1_score(truth, guess, average="macro"))
        assert result["accuracy"] == pytest.approx(metrics.accuracy_score(truth, guess))
        assert result["confusion"] == metrics.confusion_matrix(truth, guess).tolist()
        expected = np.array(metrics.precision_recall_fscore_support(truth, guess)[:3]).T
        per_label = [[result["per_label"][label][k] for k in ("precision", "recall", "f1")] for label in LABELS]
        np.testing.assert_allclose(per_label, expected)
    assert (found["n"], found["threads"], found["per_language"]["zh"]["n"]) == (120, 30, 60)


def test_intervals_hold_the_score_and_repeat_with_the_seed():
    units = tiny.units(20, "u", threads=60)
    p = noisy(units)
    one, again, other = (score_predictions(p, units, seed=s) for s in (1, 1, 2))
    assert one == again != other
    for name in ("macro_f1", "alpha", "ece", "accuracy"):
        assert one[f"{name}_low"] < one[f"{name}_high"]
    assert one["macro_f1_low"] < one["macro_f1"] < one["macro_f1_high"]


def test_resampling_takes_whole_threads():
    """Two threads, one all right and one all wrong: a resampled accuracy is 0, a half or 1, nothing between."""
    units = [{**u, "thread": u["lang"]} for u in tiny.units(10, "u", threads=1)]
    p = np.eye(3)[[k if u["lang"] == "en" else (k + 1) % 3 for k, u in zip(truth_of(units), units, strict=True)]]
    found = score_predictions(p, units)
    assert (found["accuracy_low"], found["accuracy"], found["accuracy_high"]) == (0.0, 0.5, 1.0)


class Oracle:
    """Knows the label and answers every act with ``ques``."""

    fingerprint = {"name": "oracle"}  # noqa: RUF012

    def __init__(self, units):
        self.truth = truth_of(units)

    def predict(self, contexts):
        n = len(contexts)
        acts = np.full(n, ACTS.index("ques"), dtype=np.int32)
        return Predictions(probabilities=np.eye(3)[self.truth], acts=acts, act_probabilities=np.ones(n))


def test_a_labeller_is_scored_with_its_acts_where_units_have_some():
    units = tiny.units(2, "u", threads=4)
    assert evaluate(Oracle(units), units)["act_accuracy"] == pytest.approx(1 / 3)
    bare = [{**u, "act": None} for u in units]
    found = evaluate(Oracle(bare), bare)
    assert (found["act_accuracy"], found["macro_f1"], found["alpha"], found["ece"]) == (None, 1.0, 1.0, 0.0)
    with pytest.raises(DataError, match="no labelled units"):
        evaluate(Oracle([]), [])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_fitted_temperature_undoes_the_one_the_logits_were_spoilt_with(temperature):
    random = np.random.default_rng(0)
    logits = random.normal(size=(40_000, 3)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (p.cumsum(1) > random.random((len(p), 1))).argmax(1)
    assert fit_temperature(logits * temperature, truth) == pytest.approx(temperature, rel=0.03)


def test_languages_are_calibrated_apart_and_need_some_replies():
    units = tiny.units(100, "u", threads=50)
    logits = np.log(noisy(units))
    english = np.array([u["lang"] == "en" for u in units])
    logits[english] *= 4
    found = temperatures(logits, units)
    assert found["en"] == pytest.approx(fit_temperature(logits[english], truth_of(units)[english]))
    assert found["en"] > 3 * found["zh"]
    with pytest.raises(DataError, match="no held-out replies"):
        temperatures(logits[english], [u for u in units if u["lang"] == "en"])


def test_calibration_error_after_scaling_is_small_where_scaling_can_help():
    units = tiny.units(200, "u", threads=100)
    random = np.random.default_rng(3)
    logits = random.normal(size=(len(units), 3)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    drawn = (p.cumsum(1) > random.random((len(p), 1))).argmax(1)
    codes = [{**u, "label": "MDS"[k], "act": None} for u, k in zip(units, drawn, strict=True)]
    found = cross_fitted_ece(logits * 5, codes)
    assert max(found.values()) < 0.06


def test_the_table_has_a_dash_where_a_language_was_not_scored():
    units = [u for u in tiny.units(4, "u", threads=4) if u["lang"] == "en"]
    result = score_predictions(np.eye(3)[truth_of(units)], units)
    assert score_table({"m": result}).splitlines()[-1] == "| m | 1.000 [1.000, 1.000] | – | 1.000 / – |"


def test_the_card_says_who_gave_the_labels_if_it_is_told(tiny_model, tmp_path):
    import shutil

    folder = tmp_path / "tiny-v1"
    shutil.copytree(tiny_model, folder)
    scores = json.loads((folder / "scores.json").read_text("utf-8"))
    write_card(folder, scores, labels_note="Two students coded every reply.\n")
    card = (folder / "README.md").read_text("utf-8")
    assert "Two students coded every reply." in card
    assert "was not stated" not in card
    assert "{" not in card


def test_the_card_says_that_what_a_start_learned_from_was_not_compared_with_dev(tiny_model, tmp_path):
    import shutil

    folder = tmp_path / "tiny-v1"
    shutil.copytree(tiny_model, folder)
    scores, record = (json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("scores", "training"))
    write_card(folder, scores)
    assert "not compared with dev" not in (folder / "README.md").read_text("utf-8")
    record["config"]["start"], record["start"] = "run-7", "0" * 64
    (folder / "training.json").write_text(json.dumps(record))
    write_card(folder, scores)
    card = (folder / "README.md").read_text("utf-8")
    assert "from the weights of run-7 (file hash 0000000000000000...; what that network was trained on was not" in card
