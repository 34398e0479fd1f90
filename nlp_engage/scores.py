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

    A macro-F1 that is not known (``None``: a label is missing) is no lowest one.

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
    return min(own, key=lambda s: np.inf if s["macro_f1"] is None else float(s["macro_f1"]), default=None)


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
    return f1_of_confusion(confusion(truth, guess, n_labels))


def f1_of_confusion(counts: npt.NDArray[Any]) -> FloatArray:
    """Precision, recall and F1 of each label from confusion counts, over any leading axes (resamples).

    Args:
        counts: Rows are true labels. Shape: (..., n_labels, n_labels).

    Returns:
        Shape: (..., n_labels, 3), each in [0, 1]; 0 where a label was neither true nor predicted.

    >>> f1_of_confusion(np.array([[1, 1], [0, 1]])).round(2).tolist()
    [[1.0, 0.5, 0.67], [0.5, 1.0, 0.67]]
    """
    hits = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    predicted, true = counts.sum(-2), counts.sum(-1)
    return np.stack(
        [hits / np.maximum(predicted, 1), hits / np.maximum(true, 1), 2 * hits / np.maximum(predicted + true, 1)],
        axis=-1,
    )


def macro_f1(truth: Indices, guess: Indices, n_labels: int = len(LABELS)) -> float:
    """Mean of the labels' F1 scores, each label counting the same. In [0, 1].

    >>> round(macro_f1(np.array([0, 0, 1]), np.array([0, 1, 1]), 2), 3)
    0.667
    """
    return float(precision_recall_f1(truth, guess, n_labels)[:, 2].mean())


def alpha_of_coincidences(counts: npt.NDArray[Any]) -> FloatArray:
    """Krippendorff's alpha of nominal labels from coincidences, over any leading axes (resamples).

    Coincidences are pairs of codes within units (see ``coincidences``). Those of two codings without gaps are their
    confusion plus its transpose.

    Args:
        counts: Symmetric. A unit with m codes, of which c_k are label k, adds c_k (c_l - [k = l]) / (m - 1) to
            cell (k, l); one with a single code adds nothing. Shape: (..., n_labels, n_labels).

    Returns:
        Shape: (...,). 1 for perfect agreement, 0 for that of chance, below 0 for systematic disagreement; NaN where
        fewer than two labels occur: codings that never vary show nothing.

    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, sections C and D.

    >>> alpha_of_coincidences(np.array([[[2, 1], [1, 4]], [[8, 0], [0, 0]]])).round(3).tolist()
    [0.533, nan]
    """
    counts = np.asarray(counts, dtype=np.float64)
    totals, n = counts.sum(-1), counts.sum((-2, -1))
    expected = n * n - (totals * totals).sum(-1)  # pairs of unequal labels, had chance paired them
    observed = (n - 1) * (n - np.trace(counts, axis1=-2, axis2=-1))
    varied = expected > 1e-9 * np.maximum(n * n, 1)
    return np.where(varied, 1 - observed / np.where(varied, expected, 1), np.nan)


def coincidences(codes: npt.NDArray[Any]) -> FloatArray:
    """Coincidences of each unit, from how many of its coders chose each label.

    Args:
        codes: Shape: (n, n_labels).

    Returns:
        What each unit adds (see ``alpha_of_coincidences``). Shape: (n, n_labels, n_labels).

    >>> coincidences(np.array([[2, 1, 0]]))[0].tolist()
    [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    codes = np.asarray(codes, dtype=np.float64)
    pairs = codes[:, :, None] * codes[:, None, :] - np.eye(codes.shape[1]) * codes[:, None, :]
    many = codes.sum(1)
    found: FloatArray = np.where(many > 1, 1 / np.maximum(many - 1, 1), 0.0)[:, None, None] * pairs
    return found


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
    return float(error_of_bins(confidence_bins(truth, probabilities, bins).sum(0)))


def confidence_bins(truth: Indices, probabilities: FloatArray, bins: int = 15) -> FloatArray:
    """Where each reply falls in a reliability diagram.

    Args:
        truth: True label of each reply. Shape: (n,).
        probabilities: Shape: (n, n_labels); rows sum to 1.
        bins: Number of equally wide bins of confidence over (0, 1].

    Returns:
        In the reply's bin 1, its confidence, and whether it is right; 0 elsewhere, so that sums over replies are
        what a bin holds. Shape: (n, bins, 3).

    >>> confidence_bins(np.array([0]), np.array([[0.8, 0.2]]), bins=2).tolist()
    [[[0.0, 0.0, 0.0], [1.0, 0.8, 1.0]]]
    """
    top = probabilities.max(1)
    place = np.minimum((top * bins - 1e-9).astype(int), bins - 1)
    held = np.zeros((len(truth), bins, 3))
    held[np.arange(len(truth)), place] = np.stack([np.ones_like(top), top, probabilities.argmax(1) == truth], axis=1)
    return held


def error_of_bins(sums: FloatArray) -> FloatArray:
    """Expected calibration error from sums of ``confidence_bins``, over any leading axes (resamples).

    Args:
        sums: Shape: (..., bins, 3).

    Returns:
        Shape: (...,); 0 where there are no replies.
    """
    gaps = np.abs(sums[..., 2] - sums[..., 1]).sum(-1)
    error: FloatArray = gaps / np.maximum(sums[..., 0].sum(-1), 1)
    return error


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
