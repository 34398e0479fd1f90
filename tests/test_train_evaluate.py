"""Evaluation, calibration and the card, on predictions made by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from nlp_engage.errors import DataError
from nlp_engage.resample import RESAMPLES
from nlp_engage.train.calibrate import fit_temperature
from nlp_engage.train.card import cross_fitted_ece, temperatures, write_card
from nlp_engage.train.evaluate import compare, evaluate, score_predictions
from nlp_engage.train.results import Evaluation
from nlp_engage.train.tables import detail_tables, difference_table, score_table
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


UNKNOWN = ("macro_f1", "macro_f1_low", "macro_f1_high")


def labelled(*threads):
    """Units of threads whose labels are spelt out: ``labelled("MMD", "MDS")``."""
    first = tiny.units(1, "u", threads=1)[0]
    return [
        {**first, "uid": f"{t}-{i}", "thread": f"t{t}", "label": label, "act": None}
        for t, labels in enumerate(threads)
        for i, label in enumerate(labels)
    ]


def answers(units, **wrong):
    """What a sure model predicts that is right but for ``uid=label``."""
    codes = ["MDS".index(wrong.get(f"u{u['uid']}".replace("-", "_"), u["label"])) for u in units]
    return np.eye(3)[codes]


def test_a_missing_label_is_no_error_in_the_total_nor_in_a_language():
    units = labelled(*["MMD"] * 6)
    found = score_predictions(answers(units), units)
    for part in (found, found["per_language"]["en"], found["per_depth"]["0"]):
        assert [part[key] for key in UNKNOWN] == [None] * 3
        assert part["reason"] == "no macro-F1: no reply here is self_expression"
        assert (part["accuracy"], part["alpha"], part["alpha_low"]) == (1.0, 1.0, 1.0)
        row = part["per_label"]["self_expression"]
        assert (row.pop("n"), row.pop("reason")) == (0, "no reply here is self_expression")
        assert len(row) == 9
        assert set(row.values()) == {None}
        assert part["per_label"]["genuine_dialogue"]["recall_low"] == 1.0


def test_one_label_alone_has_no_alpha():
    units = labelled("MM", "M")
    found = score_predictions(answers(units), units)
    assert (found["accuracy"], found["alpha"], found["alpha_low"]) == (1.0, None, None)
    assert found["reason"].endswith("no reply here is genuine_dialogue or self_expression; "
                                    "no alpha: only one label occurs")  # fmt: skip


def test_draws_without_a_label_are_left_out_of_its_interval_and_of_that_of_macro_f1():
    """S in 2 of 10 threads: a tenth of the draws hold none, and a model that is always right would seem to err."""
    units = labelled(*["MMD"] * 8, "MDS", "MDS")
    found = score_predictions(answers(units), units)
    assert [found[key] for key in UNKNOWN] == [1.0] * 3
    assert found["per_label"]["self_expression"]["recall_low"] == 1.0
    p = answers(units, u8_0="D", u9_2="M", u3_0="S")
    found = score_predictions(p, units, seed=6)
    threads = [np.flatnonzero([u["thread"] == f"t{t}" for u in units]) for t in range(10)]
    drawn = np.random.default_rng(6).integers(0, 10, size=(RESAMPLES, 10))
    f1, recall = [], []
    for rows in (np.concatenate([threads[t] for t in draw]) for draw in drawn):
        truth, guess = truth_of(units)[rows], p[rows].argmax(1)
        if 2 in truth:
            f1.append(metrics.f1_score(truth, guess, average="macro"))
            recall.append(metrics.recall_score(truth, guess, labels=[2], average="macro"))
    assert 800 < len(f1) < 950
    ends = [found[key] for key in UNKNOWN[1:]]
    far = np.sqrt(10 / 9) * stats.t.ppf(0.95, 9)  # ten threads alike
    np.testing.assert_allclose(ends, np.quantile(f1, stats.norm.cdf([-far, far])))
    ends = [found["per_label"]["self_expression"][f"recall_{end}"] for end in ("low", "high")]
    far = np.sqrt(2) * stats.t.ppf(0.95, 1)  # two hold the label
    np.testing.assert_allclose(ends, np.quantile(recall, stats.norm.cdf([-far, far])))


def test_a_label_of_one_thread_has_no_interval():
    """How it varies between threads cannot be known: every draw that holds it holds the same replies."""
    units = labelled(*["MMD"] * 9, "MDS")
    found = score_predictions(answers(units), units)
    assert [found[key] for key in UNKNOWN] == [1.0, None, None]
    assert found["reason"] == "no interval of macro-F1: one thread holds every reply that is self_expression"
    row = found["per_label"]["self_expression"]
    assert (row["n"], row["recall"], row["recall_low"], row["f1_high"]) == (1, 1.0, None, None)
    assert row["reason"] == "no interval: one thread holds every reply that is self_expression"
    assert found["per_label"]["genuine_dialogue"]["recall_high"] == 1.0


def test_a_label_that_is_never_the_answer_has_no_precision():
    units = labelled("MDS", "MDS", "MDS")
    found = score_predictions(answers(units, u0_2="M", u1_2="M", u2_2="M"), units)
    row = found["per_label"]["self_expression"]
    assert (row["precision"], row["recall"], row["f1"], row["f1_high"]) == (None, 0.0, 0.0, 0.0)
    assert row["reason"] == "no precision: no answer here is self_expression"
    assert found["macro_f1"] is not None
    row = score_predictions(answers(units, u0_2="M", u1_2="M"), units)["per_label"]["self_expression"]
    assert (row["precision"], row["precision_low"], row["recall_low"] is None) == (1.0, None, False)
    assert row["reason"] == "no interval of precision: one thread holds every answer self_expression"


def unknown_without_reason(found):
    """Keys of what is ``None`` with no reason beside it; a slice's reason covers its scores."""
    for key, value in found.items():
        if isinstance(value, dict):
            yield from unknown_without_reason(value)
        elif value is None and not found.get("coders_reason" if key.startswith("coders") else "reason"):
            yield key


@settings(deadline=None, max_examples=12)
@given(st.lists(st.text("MDS", min_size=1, max_size=3), min_size=1, max_size=5), st.integers(0, 9))
def test_what_is_not_known_has_a_reason_and_nothing_is_nan(threads, seed):
    units = labelled(*threads)
    one, other = (np.random.default_rng(seed + k).dirichlet(np.ones(3), len(units)) for k in (0, 1))
    result = Evaluation.of_probabilities("m", one, units)
    difference = compare(one, other, units)
    json.dumps([result.scores, difference], allow_nan=False)
    assert not list(unknown_without_reason(result.scores))
    assert not [key for key in unknown_without_reason(difference) if not key.endswith("_decided")]
    assert detail_tables(result.scores) + score_table({"m": result.scores}) + difference_table("a", "b", difference)
    frame = result.to_pandas()
    assert frame[frame[["estimate", "low", "high"]].isna().any(axis=1)].reason.notna().all()


def test_models_compared_on_replies_without_a_label_have_no_difference_of_macro_f1():
    units = labelled(*["MMD"] * 9, "MDS")
    part = compare(answers(units), answers(units, u0_0="D"), units)["all"]
    assert (part["macro_f1"] > 0, part["macro_f1_low"], part["macro_f1_decided"]) == (True, None, None)
    assert part["reason"].startswith("no interval of macro-F1")
    assert part["accuracy_low"] == 0.0
    part = compare(answers(units[:-1]), answers(units[:-1]), units[:-1])["all"]
    assert [part[key] for key in UNKNOWN] == [None] * 3
    assert part["reason"] == "no macro-F1: no reply here is self_expression"


def test_a_labeller_is_scored_with_its_acts_where_units_have_some():
    units = tiny.units(2, "u", threads=4)
    assert evaluate(Oracle(units), units)["act_accuracy"] == pytest.approx(1 / 3)
    bare = [{**u, "act": None} for u in units]
    found = evaluate(Oracle(bare), bare)
    assert (found["act_accuracy"], found["macro_f1"], found["alpha"], found["ece"]) == (None, 1.0, 1.0, 0.0)
    with pytest.raises(DataError, match="no labelled units"):
        evaluate(Oracle([]), [])


def test_a_network_that_is_asked_nothing_answers_nothing():
    from torch.nn import Identity

    from nlp_engage.encoding import ROLE_TOKENS, PairEncoder
    from nlp_engage.train.labeller import NetworkLabeller

    tokenizer = tiny.tokenizer()
    tokenizer.add_special_tokens(list(ROLE_TOKENS.values()))
    found = NetworkLabeller(Identity(), PairEncoder(tokenizer)).predict([])
    assert (found.probabilities.shape, found.acts.shape, found.act_probabilities.shape) == ((0, 3), (0,), (0,))
    assert found.acts.dtype == np.int32


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


@pytest.mark.parametrize(
    ("units", "taught", "told"),
    [
        (72, 0, "**Trained on** 72 labelled replies (file hash"),  # from before such a repeat was refused
        (172, 28, "**Trained on** 72 labelled replies (file hash {}...), passed 2 x an epoch, and 28 that an earlier"),
    ],
)
def test_the_card_counts_repeated_units_once(tiny_model, tmp_path, units, taught, told):
    import shutil

    folder = tmp_path / "tiny-v1"
    shutil.copytree(tiny_model, folder)
    scores, record = (json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("scores", "training"))
    record["config"]["repeat"] = 2
    record["data"]["train"] |= {"units": units, "of_teacher": taught}
    (folder / "training.json").write_text(json.dumps(record))
    write_card(folder, scores)
    assert told.format(record["data"]["train"]["sha256"][:16]) in (folder / "README.md").read_text("utf-8")


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
