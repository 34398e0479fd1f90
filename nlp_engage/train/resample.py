"""The thread bootstrap of scores: all are functions of sums over replies, so threads are drawn and sums added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp_engage.types import FloatArray

LEVEL: Final = 0.90
RESAMPLES: Final = 1000


class ThreadBootstrap:
    """Draws threads with replacement; the same threads and seed give the same draws, which pairs two models.

    Args:
        threads: Thread of each reply. Length n.
        seed: Seed of the draws.

    Source: Field and Welsh 2007, Bootstrapping clustered data, JRSS B 69 (the cluster bootstrap).

    >>> sums = ThreadBootstrap(["a", "a", "b"], seed=0).sums(np.array([[1.0], [2.0], [4.0]]))
    >>> sums.shape, sorted(set(sums[:, 0].tolist()))
    ((1000, 1), [6.0, 7.0, 8.0])
    """

    def __init__(self, threads: Sequence[str], seed: int) -> None:
        names, self._place = np.unique(np.asarray(threads), return_inverse=True)
        self.n = len(names)
        draws = np.random.default_rng(seed).integers(0, self.n, size=(RESAMPLES, self.n))
        rows = np.arange(RESAMPLES)[:, None] * self.n
        times = np.bincount((rows + draws).ravel(), minlength=RESAMPLES * self.n)
        self._times: FloatArray = times.reshape(RESAMPLES, self.n).astype(np.float64)

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum what replies add over the threads of each resample.

        Args:
            values: Shape: (n, ...).

        Returns:
            Shape: (RESAMPLES, ...).
        """
        flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
        of_thread = np.stack([np.bincount(self._place, column, self.n) for column in flat.T], axis=1)
        result: FloatArray = (self._times @ of_thread).reshape(RESAMPLES, *values.shape[1:])
        return result


def interval(draws: Any) -> tuple[Any, Any]:
    """Quantiles of resampled scores that hold ``LEVEL`` of them, over the first axis."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high
