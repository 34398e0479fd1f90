"""How good a labelling is: macro-F1, per label, per language, calibration, all with thread-bootstrap intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.context import context_of_unit, labels_of_unit
from nlp_engage.errors import DataError
from nlp_engage.scores import confusion, expected_calibration_error, macro_f1, precision_recall_f1
from nlp_engage.types import ACTS, LABELS, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nlp_engage.scores import Indices
    from nlp_engage.types import FloatArray, Labeller

LEVEL: Final = 0.90
RESAMPLES: Final = 1000


def evaluate(labeller: Labeller, units: Sequence[Mapping[str, Any]], *, seed: int = 0) -> dict[str, Any]:
    """Score a labeller on labelled units.

    Args:
        labeller: The model.
        units: Labelled units (``uid, lang, thread, post, above, by, reply, label``).
        seed: Seed of the bootstrap.

    Returns:
        ``n, macro_f1, ece, accuracy, act_accuracy, confusion, per_label, per_language``; scores with ``_low``
        and ``_high`` (90 %, threads resampled).

    Raises:
        DataError: There are no units.
    """
    if not units:
        raise DataError("no labelled units to evaluate on: the file is empty")
    predictions = labeller.predict([context_of_unit(u) for u in units])
    result = score_predictions(predictions.probabilities, units, seed=seed)
    act = np.array([labels_of_unit(u)[1] for u in units])
    known = act >= 0
    result["act_accuracy"] = float((predictions.acts[known] == act[known]).mean()) if known.any() else None
    result["n_acts"] = len(ACTS)
    return result


def score_predictions(
    probabilities: FloatArray, units: Sequence[Mapping[str, Any]], *, seed: int = 0
) -> dict[str, Any]:
    """Score probabilities that were predicted for units.

    Args:
        probabilities: Shape: (n, 3), in the order of ``LABELS``.
        units: The n units, in the same order.
        seed: Seed of the bootstrap.

    Returns:
        As ``evaluate``, without the act.
    """
    truth = np.array([labels_of_unit(u)[0] for u in units])
    threads = np.array([str(u.get("thread", u["uid"])) for u in units])
    languages = np.array([u["lang"] for u in units])
    result = _slice(truth, probabilities, threads, seed)
    result["per_language"] = {
        language: _slice(truth[rows], probabilities[rows], threads[rows], seed)
        for language in LANGUAGES
        if (rows := languages == language).any()
    }
    return result


def _slice(truth: Indices, probabilities: FloatArray, threads: Any, seed: int) -> dict[str, Any]:
    guess = probabilities.argmax(1)
    found: dict[str, Any] = {"n": len(truth), "threads": len(set(threads))}
    scores: dict[str, Callable[[Any], float]] = {
        "macro_f1": lambda rows: macro_f1(truth[rows], guess[rows]),
        "accuracy": lambda rows: float((truth[rows] == guess[rows]).mean()),
        "ece": lambda rows: expected_calibration_error(truth[rows], probabilities[rows]),
    }
    samples = _thread_samples(threads, seed)
    for name, score in scores.items():
        found[name] = score(np.arange(len(truth)))
        low, high = np.quantile([score(rows) for rows in samples], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        found[f"{name}_low"], found[f"{name}_high"] = float(low), float(high)
    found["confusion"] = confusion(truth, guess).tolist()
    found["per_label"] = {
        label: dict(zip(("precision", "recall", "f1"), row, strict=True))
        for label, row in zip(LABELS, precision_recall_f1(truth, guess).tolist(), strict=True)
    }
    return found


def _thread_samples(threads: Any, seed: int) -> list[Any]:
    _, place = np.unique(threads, return_inverse=True)
    order = np.argsort(place, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(place))[:-1])
    random = np.random.default_rng(seed)
    draws = random.integers(0, len(groups), size=(RESAMPLES, len(groups)))
    return [np.concatenate([groups[g] for g in draw]) for draw in draws]
