"""The last step of making a model: calibrate it, score it beside the floors, write scores and card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.context import labels_of_unit
from nlp_engage.scores import expected_calibration_error
from nlp_engage.types import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from nlp_engage.types import FloatArray

FOLDS: Final = 5


def temperatures(logits: FloatArray, units: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Fit one temperature per language on held-out units.

    Args:
        logits: Log-probabilities at temperature 1. Shape: (n, 3).
        units: The n units.
    """
    from nlp_engage.train.calibrate import fit_temperature

    truth = np.array([labels_of_unit(u)[0] for u in units])
    languages = np.array([u["lang"] for u in units])
    return {k: fit_temperature(logits[languages == k], truth[languages == k]) for k in LANGUAGES}


def cross_fitted_ece(logits: FloatArray, units: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Calibration error per language where no reply is scored with a temperature fitted on its own thread.

    Fitting and scoring on the same replies would flatter; threads are dealt into ``FOLDS`` folds instead.
    """
    truth = np.array([labels_of_unit(u)[0] for u in units])
    languages = np.array([u["lang"] for u in units])
    names = sorted({str(u["thread"]) for u in units})
    fold_of = {name: i % FOLDS for i, name in enumerate(np.random.default_rng(0).permutation(names))}
    fold = np.array([fold_of[str(u["thread"])] for u in units])
    scaled = np.zeros_like(logits)
    for k in range(FOLDS):
        fitted = temperatures(logits[fold != k], [u for u, f in zip(units, fold, strict=True) if f != k])
        for language, t in fitted.items():
            rows = (fold == k) & (languages == language)
            scaled[rows] = logits[rows] / t
    p = np.exp(scaled - scaled.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return {k: expected_calibration_error(truth[languages == k], p[languages == k]) for k in LANGUAGES}


def score_table(scores: Mapping[str, Any]) -> str:
    """Scores beside the floors, as a Markdown table."""
    lines = ["| model | macro-F1 English | macro-F1 Chinese | accuracy en / zh |", "|---|---|---|---|"]
    for name, result in scores.items():
        cells = []
        for language in LANGUAGES:
            s = result["per_language"][language]
            cells.append(f"{s['macro_f1']:.3f} [{s['macro_f1_low']:.3f}, {s['macro_f1_high']:.3f}]")
        accuracy = " / ".join(f"{result['per_language'][k]['accuracy']:.3f}" for k in LANGUAGES)
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {accuracy} |")
    return "\n".join(lines)


def write_scores(folder: Path, scores: Mapping[str, Any]) -> None:
    """Write ``scores.json``."""
    (folder / "scores.json").write_text(json.dumps(scores, indent=1, ensure_ascii=False) + "\n", "utf-8")


def write_card(folder: Path, scores: Mapping[str, Any]) -> None:
    """Write the model card ``README.md`` from config, training record and scores."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    record = json.loads((folder / "training.json").read_text("utf-8"))
    data, name = record["data"], folder.name
    ece = scores[name]["ece_cross_fitted"]
    size = (folder / "model.onnx").stat().st_size / 1e6
    card = CARD.format(
        name=name, base=config["base"]["name"], licence=config["base"]["licence"],
        source=config["base"].get("source", ""), scheme=config["scheme"], template=config["template"],
        vocabulary=record["base"]["vocabulary"], parameters=record["base"]["parameters"] / 1e6, size=size,
        train=data["train"]["units"], dev=data["dev"]["units"], train_hash=data["train"]["sha256"][:16],
        dev_hash=data["dev"]["sha256"][:16], epochs=record["config"]["epochs"],
        rate=record["config"]["learning_rate"], seed=record["config"]["seed"], table=score_table(scores),
        act=scores[name]["act_accuracy"], ece_en=ece["en"], ece_zh=ece["zh"],
        t_en=config["temperature"]["en"], t_zh=config["temperature"]["zh"],
    )
    (folder / "README.md").write_text(card, "utf-8")


CARD: Final = """# {name}

Labels a reply, read in its conversation, as mindless interaction, genuine dialogue or self-expression
(label scheme {scheme}, `docs/codebook.md`), and names the act behind it (15 codes). English and Chinese.

* **Base**: {base} ({licence}; {source}), 12 layers, 384 wide, rebuilt from a 4-bit copy, vocabulary cut to
  {vocabulary} pieces used in English and Chinese comments: {parameters:.0f} M parameters.
* **Input**: template `{template}` (`nlp_engage/encoding.py`): reply, whether the page owner wrote it, post, and up to
  three ancestors with who speaks; at most 160 tokens. Reply and context are mean-pooled apart; two linear heads.
* **File**: `model.onnx`, {size:.1f} MB, int8 weights, activations quantised while running. No torch, no pickle.
* **Trained on** {train} real replies from public comment sections (file hash {train_hash}...), {epochs} epochs, peak
  rate {rate}, seed {seed}, soft label targets, act loss weighted 0.4. The checkpoint with the best mean of the two
  languages' macro-F1 on {dev} dev replies ({dev_hash}...) was kept. The texts are other people's and are not shipped.
* **Calibration**: one temperature per language ({t_en:.2f} English, {t_zh:.2f} Chinese), fitted on dev. Expected
  calibration error, fitted and scored on different threads of dev: {ece_en:.3f} English, {ece_zh:.3f} Chinese.
* **Act**: {act:.0%} of the acts on dev are right (15 codes).

## Scores on dev (90 % intervals, threads resampled)

{table}

Scores and calibration are those of the shipped int8 file (`scores.json`). The checkpoint and the temperatures were
chosen on the same dev replies, so expect somewhat less on new data, and clearly less on sources unlike those trained on.

## What the labels are, and what their agreement means
Every label was given by instances of one large language model that read the reply in its place by the codebook. Where two
passes coded the same reply they agree in 96 % of English and 94 % of Chinese cases (Krippendorff's alpha 0.94 and
0.91). That says how reproducible the codebook is in that model's hands. **It is not the agreement of human coders**, and anything
published with this model must say so. About a third of the training replies were drawn because an earlier model was unsure
of them: class shares in training are not those of an archive.

## Limits
Not for judging single people. Irony, in-jokes and allusions to a missing turn are often misread; the line between
self-expression and mindless praise is the least certain. Other languages are not labelled but counted. Shares counted from
predicted labels inherit the model's errors: use the intervals, and audit before a decision depends on a small difference.
"""
