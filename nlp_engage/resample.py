"""The thread bootstrap: whole threads are drawn, for replies of a thread are alike, and sums over replies added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nlp_engage.types import FloatArray

LEVEL: Final = 0.90
RESAMPLES: Final = 1000


class ThreadBootstrap:
    """Draws threads with replacement; the same threads and seed give the same draws, which pairs two models.

    Nothing is drawn from fewer than two threads: how they vary cannot be known, so there are no draws then.

    Args:
        threads: Thread of each reply. Length n.
        seed: Seed of the draws.
        resamples: Number of draws; 0 for none.

    Attributes:
        n: Number of threads.
        resamples: Number of draws.

    Source: Field and Welsh 2007, Bootstrapping clustered data, JRSS B 69 (the cluster bootstrap).

    >>> sums = ThreadBootstrap(["a", "a", "b"], seed=0).sums(np.array([[1.0], [2.0], [4.0]]))
    >>> sums.shape, sorted(set(sums[:, 0].tolist()))
    ((1000, 1), [6.0, 7.0, 8.0])
    >>> ThreadBootstrap(["a", "a"], seed=0).sums(np.array([[1.0], [2.0]])).shape
    (0, 1)
    """

    def __init__(self, threads: Sequence[str], seed: int, resamples: int = RESAMPLES) -> None:
        names, self._place = np.unique(np.asarray(threads, dtype=str), return_inverse=True)
        self.n = len(names)
        self.resamples = resamples if self.n > 1 else 0
        draws = np.random.default_rng(seed).integers(0, max(1, self.n), size=(self.resamples, self.n))
        rows = np.arange(self.resamples)[:, None] * self.n
        times = np.bincount((rows + draws).ravel(), minlength=self.resamples * self.n)
        self._times: FloatArray = times.reshape(self.resamples, self.n).astype(np.float64)

    def sums(self, values: Any) -> FloatArray:
        """Sum what replies add over the threads of each resample.

        Args:
            values: Shape: (n, ...).

        Returns:
            Shape: (resamples, ...).
        """
        found: FloatArray = (self._times @ self._of_threads(values)).reshape(self.resamples, *values.shape[1:])
        return found

    def holding(self, values: Any) -> npt.NDArray[np.intp]:
        """In how many threads a reply adds something; from fewer than two of them no interval can be told.

        Args:
            values: What replies add, 0 or more. Shape: (n, ...).

        Returns:
            Shape: (...,).

        >>> ThreadBootstrap(["a", "a", "b"], seed=0).holding(np.array([[1, 1], [0, 1], [0, 1]])).tolist()
        [1, 2]
        """
        held: npt.NDArray[np.intp] = (self._of_threads(values) > 0).sum(0).reshape(values.shape[1:])
        return held

    def _of_threads(self, values: Any) -> FloatArray:
        flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
        return np.stack([np.bincount(self._place, column, self.n) for column in flat.T], axis=1)


def interval(draws: Any, level: float = LEVEL) -> tuple[float | None, float | None]:
    """Quantiles that hold ``level`` of the resampled values of a score; draws that leave it unknown (NaN) are left out.

    Args:
        draws: Shape: (resamples,).
        level: In (0, 1).

    Returns:
        Two ends; ``None`` where no draw is left.

    >>> interval(np.array([0.25, 0.75, np.nan]), level=0.5), interval(np.array([]))
    ((0.375, 0.625), (None, None))
    """
    known = draws[~np.isnan(draws)]
    if not len(known):
        return None, None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
