"""Temperature scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from nlp_engage.types import FloatArray


def fit_temperature(logits: FloatArray, truth: Any) -> float:
    """Temperature that minimises the negative log-likelihood on held-out replies; in [0.05, 20].

    Args:
        logits: Logits or log-probabilities. Shape: (n, labels).
        truth: Index of the true label of each reply. Shape: (n,).

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, ICML, section 4.2. The loss is convex
    in 1/T, so golden-section search over log T finds the minimum.

    Raises:
        DataError: There are no replies to fit on.

    >>> logits = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]])   # sure, but right in 3 of 4
    >>> round(fit_temperature(logits, np.array([0, 0, 0, 1])), 3)             # 2 / log 3
    1.82
    """
    if not len(truth):
        raise DataError("no held-out replies to fit a temperature on; each language needs some, in two threads")
    low, high = np.log(0.05), np.log(20.0)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(60):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if _nll(logits, truth, np.exp(a)) < _nll(logits, truth, np.exp(b)):
            high = b
        else:
            low = a
    return float(np.exp((low + high) / 2))


def _nll(logits: FloatArray, truth: Any, temperature: float) -> float:
    z = logits / temperature
    z = z - z.max(1, keepdims=True)
    return float((np.log(np.exp(z).sum(1)) - z[np.arange(len(truth)), truth]).mean())
