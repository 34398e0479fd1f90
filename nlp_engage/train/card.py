"""The last step of making a model: calibrate it, score it beside the floors, write scores and card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.context import labels_of_unit
from nlp_engage.scores import expected_calibration_error, softmax
from nlp_engage.splits import thread_of
from nlp_engage.train.tables import score_table
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


def cross_fitted_ece(logits: FloatArray, units: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Calibration error per language where no reply is scored with a temperature fitted on its own thread.

    Fitting and scoring on the same replies would flatter; threads are dealt into ``FOLDS`` folds instead.

    Returns:
        Language -> error; ``None`` where all its replies are in one thread.
    """
    languages = np.array([u["lang"] for u in units])
    return {k: _cross_fitted(logits[languages == k], [u for u in units if u["lang"] == k]) for k in LANGUAGES}


def _cross_fitted(logits: FloatArray, units: Sequence[Mapping[str, Any]]) -> float | None:
    from nlp_engage.train.calibrate import fit_temperature

    truth = np.array([labels_of_unit(u)[0] for u in units])
    names, thread = np.unique([thread_of(u) for u in units], return_inverse=True)
    if len(names) < 2:
        return None
    fold = (np.random.default_rng(0).permutation(len(names)) % min(FOLDS, len(names)))[thread]
    scaled = np.zeros_like(logits)
    for k in range(min(FOLDS, len(names))):
        scaled[fold == k] = logits[fold == k] / fit_temperature(logits[fold != k], truth[fold != k])
    return expected_calibration_error(truth, softmax(scaled))


def _ece(found: Mapping[str, float | None]) -> str:
    names = {"en": "English", "zh": "Chinese"}
    told = {k: "not known (one thread only)" if found[k] is None else f"{found[k]:.3f}" for k in LANGUAGES}
    return ", ".join(f"{told[k]} {names[k]}" for k in LANGUAGES)


def write_scores(folder: Path, scores: Mapping[str, Any]) -> None:
    """Write ``scores.json``."""
    (folder / "scores.json").write_text(json.dumps(scores, indent=1, ensure_ascii=False) + "\n", "utf-8")


def write_card(folder: Path, scores: Mapping[str, Any], *, labels_note: str | None = None) -> None:
    """Write the model card ``README.md`` from config, training record and scores.

    Args:
        folder: Model folder with ``config.json``, ``training.json`` and ``model.onnx``.
        scores: Scores by name; those of the model itself under the name of the folder.
        labels_note: Markdown that says who gave the labels and what their agreement means. Without one the
            card says that this was not stated.
    """
    config = json.loads((folder / "config.json").read_text("utf-8"))
    record = json.loads((folder / "training.json").read_text("utf-8"))
    own = scores[folder.name]
    card = CARD.format(
        name=folder.name,
        base=_base_line(config["base"], record),
        config=config,
        settings=record["config"],
        quantisation=record["quantisation"],
        size=(folder / "model.onnx").stat().st_size / 1e6,
        train=_train_line(record) + _start_line(record),
        dev=_data_line(record["data"]["dev"]),
        scored=_scored_line(own.get("data"), record["data"]),
        table=score_table(scores),
        act="no acts on dev" if own["act_accuracy"] is None else f"{own['act_accuracy']:.0%} of the acts on dev",
        ece=_ece(own["ece_cross_fitted"]),
        labels_note=(labels_note or NO_NOTE).strip(),
    )
    (folder / "README.md").write_text(card, "utf-8")


def _base_line(base: Mapping[str, str], record: Mapping[str, Any]) -> str:
    credit = "; ".join(base[key] for key in ("licence", "source") if base.get(key))
    made, encoder = record["base"], record["encoder"]
    rebuilt = ", rebuilt from a 4-bit copy" if made["base"].endswith("(4-bit rebuild)") else ""
    opened = f", by way of {made['opened']['model']}" if "opened" in made else ""
    return (
        f"{base['name']} ({credit}){rebuilt}{opened}: {encoder['layers']} layers, {encoder['width']} wide, "
        f"vocabulary cut from {made['vocabulary_before']} to {made['vocabulary']} pieces, "
        f"{encoder['parameters'] / 1e6:.0f} M parameters."
    )


def _data_line(data: Mapping[str, Any]) -> str:
    return f"{data['units']} labelled replies (file hash {data['sha256'][:16]}...)"


def _train_line(record: Mapping[str, Any]) -> str:
    """Where a teacher's units were beside them, the labelled ones are counted as often as an epoch passes over them."""
    data, repeat = record["data"]["train"], record["config"].get("repeat", 1)
    if not (taught := data.get("of_teacher", 0)):
        return _data_line(data)
    own = _data_line(data | {"units": (data["units"] - taught) // repeat})
    return f"{own}, passed {repeat} x an epoch, and {taught} that an earlier model labelled softly"


def _scored_line(scored: Mapping[str, Any] | None, trained: Mapping[str, Any]) -> str:
    """What the scores are on and the floors learned from, and whether the training was given the same files."""
    if not scored:
        return ""
    told = {side: f"{data['units']} labelled replies of `{data['file']}`" for side, data in scored.items()}
    for side, data in scored.items():
        other = f"; another file than {_WAS[side]}" if data["sha256"] != trained[side]["sha256"] else ""
        told[side] += f" (file hash {data['sha256'][:16]}...{other})"
    return f"On {told['dev']}. The floors learned from {told['train']}, without threads of dev.\n\n"


_WAS: Final = {"train": "the network learned from", "dev": "the checkpoint was chosen on"}


def _start_line(record: Mapping[str, Any]) -> str:
    """Which trained network the training began with: its start, or what its base was opened from."""
    start, layers = record["config"].get("start"), record["config"].get("layers")
    opened = record.get("start_opened") if start else record["base"].get("opened")
    if not start and not opened:
        return ""
    name = f"{opened['model']}, opened from its 8-bit file" if opened else start
    digest = opened["sha256"] if opened else record["start"]
    kept = f" with {layers} of its layers" if layers else ""
    share = record["config"].get("blend", 1)
    mixed = f", of which {1 - share:.0%} were mixed in again at the end" if share < 1 else ""
    what = "weights" if start else "encoder"
    return f", starting from the {what} of {name}{kept} (file hash {digest[:16]}...; {_UNCOMPARED}){mixed}"


_UNCOMPARED: Final = "what that network was trained on was not compared with dev"
NO_NOTE: Final = "Who gave the labels, and how far coders agree, was not stated when this model was exported."

CARD: Final = """# {name}

Labels a reply, read in its conversation, as mindless interaction, genuine dialogue or self-expression (label
scheme {config[scheme]}, `docs/codebook.md`), and names the act behind it (15 codes). English and Chinese.

* **Base**: {base}
* **Input**: template `{config[template]}` (`nlp_engage/encoding.py`): the reply, whether the page owner wrote it,
  the post, and up to three ancestors with who speaks; at most {config[max_tokens]} tokens. Reply and context are
  mean-pooled apart; two linear heads.
* **File**: `model.onnx`, {size:.1f} MB, static int8: weights, and activations in ranges that were fixed on
  {quantisation[replies]} replies of the data, so that a reply's label does not depend on its batch. No torch, no
  pickle.
* **Trained on** {train}, {settings[epochs]} epoch(s), peak rate {settings[learning_rate]}, seed {settings[seed]},
  soft label targets, act loss weighted {settings[act_weight]}. The checkpoint with the best mean of the two
  languages' macro-F1 on {dev} was kept. The texts are other people's and are not shipped.
* **Calibration**: one temperature per language ({config[temperature][en]:.2f} English,
  {config[temperature][zh]:.2f} Chinese), fitted on the dev threads that are not in training. Expected calibration
  error, fitted and scored on different ones of them: {ece}.
* **Act**: right for {act} (15 codes).

## Scores on dev (90 % intervals, threads resampled)

{scored}{table}

Scores and calibration are those of the shipped int8 file (`scores.json`). The checkpoint and the temperatures were
chosen on dev replies, so expect somewhat less on new data, and clearly less on sources unlike those trained on.

## What the labels are, and what their agreement means

{labels_note}

## Limits

Not for judging single people. Irony, in-jokes and allusions to a missing turn are often misread; the line between
self-expression and mindless praise is the least certain. Other languages are not labelled but counted. Shares
counted from predicted labels inherit the model's errors: use the intervals, and audit before a decision depends on
a small difference.
"""
