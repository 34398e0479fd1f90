"""The thread bootstrap: whole threads are drawn, for replies of a thread are alike, and sums over replies added up."""

from __future__ import annotations

from functools import lru_cache
from math import atan, cos, erfc, inf, pi, sin, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nlp_engage.types import FloatArray

LEVEL: Final = 0.90
RESAMPLES: Final = 1000
_NORMAL: Final = NormalDist()


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

    def effective(self, values: Any) -> FloatArray:
        """How many equally large threads would tell as much: ``(sum v)^2 / sum v^2`` of what threads add.

        Source: Kish 1965, "Survey sampling", section 11.7 (the effective sample size of unequal weights).

        Args:
            values: What replies add, 0 or more. Shape: (n, ...).

        Returns:
            From 1 to the number of threads; 0 where nothing is added. Shape: (...,).

        >>> ThreadBootstrap(["a", "a", "a", "b"], seed=0).effective(np.array([[1], [1], [1], [1]])).tolist()
        [1.6]
        """
        added = self._of_threads(values)
        squares = (added**2).sum(0)
        found: FloatArray = np.where(squares > 0, added.sum(0) ** 2 / np.where(squares > 0, squares, 1), 0.0)
        return found.reshape(values.shape[1:])

    def _of_threads(self, values: Any) -> FloatArray:
        flat = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
        return np.stack([np.bincount(self._place, column, self.n) for column in flat.T], axis=1)


def interval(draws: Any, threads: float, level: float = LEVEL) -> tuple[float | None, float | None]:
    """Quantiles of the resampled values of a score that hold ``level`` of its values, Student's where threads are few.

    Plain quantiles would be too close: of four threads they hold a mean in 77 cases of 100 instead of 90, these in 87.
    Two threads have three different draws, from which no more than half can be had. Draws that leave the score unknown
    (NaN) are left out.

    Source: Hesterberg 2015, "What teachers should know about the bootstrap", doi 10.1080/00031305.2015.1089789,
    section 5.3.

    Args:
        draws: Shape: (resamples,).
        threads: How many threads the score rests on (``ThreadBootstrap.effective``).
        level: In (0, 1).

    Returns:
        Two ends; ``None`` where no draw is left.

    >>> draws = np.random.default_rng(0).normal(size=20_000)
    >>> [round(end, 1) for end in interval(draws, 1000)], [round(end, 1) for end in interval(draws, 5)]
    ([-1.6, 1.6], [-2.4, 2.4])
    >>> interval(np.array([]), 5)
    (None, None)
    """
    known = draws[~np.isnan(draws)]
    if not len(known):
        return None, None
    freedom = max(1, int(threads) - 1)
    far = widened((1 + level) / 2, freedom)
    low, high = np.quantile(known, normal_cdf(np.array([-far, far])))
    return float(low), float(high)


def normal_cdf(z: FloatArray) -> FloatArray:
    """Distribution function of the standard normal. Shape: that of ``z``, (n,)."""
    return np.array([0.5 * erfc(-x / sqrt(2)) for x in z.tolist()])


def widened(p: float, df: int) -> float:
    """Student's quantile for a normal one, and the variance of so few draws taken for n by n - 1; see ``interval``."""
    return sqrt((df + 1) / df) * t_quantile(p, df)


@lru_cache(maxsize=1_024)
def t_quantile(p: float, df: int) -> float:
    """Quantile of Student's t for whole degrees of freedom, by bisection on the closed form.

    Source: Abramowitz and Stegun 1964, 26.7.3 and 26.7.4; above 200 degrees the expansion 26.7.5.

    Args:
        p: Probability in (0, 1).
        df: Degrees of freedom, 1 or more.

    Returns:
        The quantile, with the sign of ``p - 0.5``.

    >>> round(t_quantile(0.95, 4), 4), round(t_quantile(0.05, 1), 4), round(t_quantile(0.95, 500), 4)
    (2.1318, -6.3138, 1.6479)
    """
    if p < 0.5:
        return -t_quantile(1 - p, df)
    z = _NORMAL.inv_cdf(p)
    if df > 200:
        return z + (z**3 + z) / (4 * df) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * df**2)
    low, high = 0.0, 1.0
    while _t_cdf(high, df) < p and high < inf:
        low, high = high, high * 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_cdf(middle, df) < p else (low, middle)
    return (low + high) / 2


def _t_cdf(t: float, df: int) -> float:
    angle = atan(t / sqrt(df))
    term, total = (cos(angle), cos(angle)) if df % 2 else (1.0, 1.0)
    for k in range(2 + df % 2, df - 1, 2):
        term *= cos(angle) ** 2 * (k - 1) / k
        total += term
    if df == 1:
        return 0.5 + angle / pi
    within = 2 / pi * (angle + sin(angle) * total) if df % 2 else sin(angle) * total
    return 0.5 + within / 2
