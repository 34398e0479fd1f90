"""How good a labelling is: macro-F1, per label, per language, agreement, calibration, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.context import context_of_unit, labels_of_unit
from nlp_engage.errors import DataError
from nlp_engage.scores import (
    confusion,
    expected_calibration_error,
    krippendorff_alpha,
    macro_f1,
    precision_recall_f1,
)
from nlp_engage.train.data import thread_of
from nlp_engage.types import ACTS, LABELS, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nlp_engage.scores import Indices
    from nlp_engage.types import FloatArray, Labeller

LEVEL: Final = 0.90
RESAMPLES: Final = 1000
_PER_LABEL: Final = ("precision", "recall", "f1")


def evaluate(labeller: Labeller, units: Sequence[Mapping[str, Any]], *, seed: int = 0) -> dict[str, Any]:
    """Score a labeller on labelled units.

    Args:
        labeller: The model.
        units: Labelled units (``uid, lang, thread, post, above, by, reply, label``).
        seed: Seed of the bootstrap.

    Returns:
        ``n, threads, macro_f1, accuracy, alpha`` (Krippendorff's, of model and gold), ``ece, confusion,
        per_label, per_language, act_accuracy, n_acts``; scores have ``_low`` and ``_high`` beside them (90 %,
        threads resampled).

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
    threads = np.array([thread_of(u) for u in units])
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
        "alpha": lambda rows: krippendorff_alpha(truth[rows], guess[rows]),
        "ece": lambda rows: expected_calibration_error(truth[rows], probabilities[rows]),
    }
    samples = _thread_samples(threads, seed)
    for name, score in scores.items():
        low, high = _interval([score(rows) for rows in samples])
        found |= {name: score(np.arange(len(truth))), f"{name}_low": float(low), f"{name}_high": float(high)}
    found["confusion"] = confusion(truth, guess).tolist()
    found["per_label"] = _per_label(truth, guess, samples)
    return found


def _per_label(truth: Indices, guess: Indices, samples: Sequence[Any]) -> dict[str, dict[str, float]]:
    low, high = _interval([precision_recall_f1(truth[rows], guess[rows]) for rows in samples])
    found: dict[str, dict[str, float]] = {label: {} for label in LABELS}
    for ending, values in (("", precision_recall_f1(truth, guess)), ("_low", low), ("_high", high)):
        for label, row in zip(LABELS, values.tolist(), strict=True):
            found[label] |= {f"{k}{ending}": v for k, v in zip(_PER_LABEL, row, strict=True)}
    return found


def _interval(values: Sequence[Any]) -> Any:
    return np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)


def _thread_samples(threads: Any, seed: int) -> list[Any]:
    _, place = np.unique(threads, return_inverse=True)
    order = np.argsort(place, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(place))[:-1])
    random = np.random.default_rng(seed)
    draws = random.integers(0, len(groups), size=(RESAMPLES, len(groups)))
    return [np.concatenate([groups[g] for g in draw]) for draw in draws]
