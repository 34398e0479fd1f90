"""Scores of a labelling against gold labels, in numpy: macro-F1, confusion, agreement, calibration error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nlp_engage.types import LABELS, FloatArray

Indices = npt.NDArray[np.integer]
STRICT: Final = "the same"
"""How ``scores.json`` names further scores of a model: those on threads of which none was trained on."""


def own_scores(scores: Mapping[str, Any] | None, name: str | None) -> Mapping[str, Any] | None:
    """The scores of a model itself among all that its ``scores.json`` holds; where there are several, the lowest.

    Args:
        scores: Name -> scores, floors among them; ``None`` where unknown.
        name: Name of the model.

    >>> own_scores({"m": {"macro_f1": 0.9}, "the same, elsewhere": {"macro_f1": 0.8}, "floor": {"macro_f1": 0.2}}, "m")
    {'macro_f1': 0.8}
    """
    own = [
        s
        for key, s in (scores or {}).items()
        if (key == name or key.startswith(STRICT)) and isinstance(s, Mapping) and "macro_f1" in s
    ]
    return min(own, key=lambda s: float(s["macro_f1"]), default=None)


def confusion(truth: Indices, guess: Indices, n_labels: int = len(LABELS)) -> npt.NDArray[np.int64]:
    """Count how often each true label got each predicted one.

    Returns:
        Counts; row = truth, column = prediction. Shape: (n_labels, n_labels).

    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    counts = np.zeros((n_labels, n_labels), dtype=np.int64)
    np.add.at(counts, (truth, guess), 1)
    return counts


def precision_recall_f1(truth: Indices, guess: Indices, n_labels: int = len(LABELS)) -> FloatArray:
    """Precision, recall and F1 of each label; 0 where a label was neither true nor predicted.

    Returns:
        Shape: (n_labels, 3), each in [0, 1].

    >>> precision_recall_f1(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).round(2).tolist()
    [[1.0, 0.5, 0.67], [0.5, 1.0, 0.67]]
    """
    counts = confusion(truth, guess, n_labels)
    hits = np.diag(counts).astype(np.float64)
    predicted, true = counts.sum(0), counts.sum(1)
    return np.stack(
        [
            hits / np.maximum(predicted, 1),
            hits / np.maximum(true, 1),
            2 * hits / np.maximum(predicted + true, 1),
        ],
        axis=1,
    )


def macro_f1(truth: Indices, guess: Indices, n_labels: int = len(LABELS)) -> float:
    """Mean of the labels' F1 scores, each label counting the same. In [0, 1].

    >>> round(macro_f1(np.array([0, 0, 1]), np.array([0, 1, 1]), 2), 3)
    0.667
    """
    return float(precision_recall_f1(truth, guess, n_labels)[:, 2].mean())


def krippendorff_alpha(truth: Indices, guess: Indices, n_labels: int = len(LABELS)) -> float:
    """Agreement beyond chance of two codings of the same replies, for nominal labels and without gaps.

    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, sections A and B.

    Returns:
        1 for perfect agreement, 0 for that of chance, below 0 for systematic disagreement. 0, too, where only
        one label occurs: codings that never vary show nothing.

    >>> round(krippendorff_alpha(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2), 3)
    0.533
    """
    coincidences = confusion(truth, guess, n_labels)
    coincidences = coincidences + coincidences.T
    totals, n = coincidences.sum(0), int(coincidences.sum())
    expected = n * n - int((totals * totals).sum())  # pairs of unequal labels, had chance paired them
    observed = (n - 1) * (n - int(np.trace(coincidences)))
    return 1 - observed / expected if expected else 0.0


def expected_calibration_error(truth: Indices, probabilities: FloatArray, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equally wide bins of confidence, weighted by their size.

    Args:
        truth: True label of each reply. Shape: (n,).
        probabilities: Shape: (n, n_labels); rows sum to 1.
        bins: Number of bins over (0, 1].

    Returns:
        A value in [0, 1]; 0 is perfectly calibrated.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, ICML, section 2.

    >>> expected_calibration_error(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    0.5
    """
    top = probabilities.max(1)
    correct = probabilities.argmax(1) == truth
    place = np.minimum((top * bins - 1e-9).astype(int), bins - 1)
    gap = np.bincount(place, weights=correct - top, minlength=bins)
    return float(np.abs(gap).sum() / len(truth))


def softmax(logits: FloatArray) -> FloatArray:
    """Row-wise softmax.

    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    if not len(logits):
        return logits
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: FloatArray = shifted / shifted.sum(axis=1, keepdims=True)
    return result
