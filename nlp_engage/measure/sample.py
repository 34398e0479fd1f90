"""A rate in a group of threads: a ratio of two sums, its variance, its resamples.

Source: Cochran 1977, "Sampling Techniques", section 6.4 (variance of a ratio).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp_engage.measure.bootstrap import blocks, resample_weights

if TYPE_CHECKING:
    from nlp_engage.types import FloatArray


_ROUNDING: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """A rate in a group of threads.

    Attributes:
        top: What each thread adds to the numerator. Shape: (n,).
        below: What it adds to the denominator, 0 where it has no say. Shape: (n,).
        scale: Factor of the rate.
    """

    top: FloatArray
    below: FloatArray
    scale: float = 1.0

    @property
    def units(self) -> int:
        """Threads that have a say.

        Returns:
            0 or more.

        >>> Sample(top=np.array([1.0, 0.0]), below=np.array([4.0, 0.0])).units
        1
        """
        return int((self.below > 0).sum())

    @property
    def rate(self) -> float:
        """The rate, NaN where nobody has a say.

        Returns:
            In the unit of ``scale``.

        >>> Sample(top=np.array([1.0, 3.0]), below=np.array([4.0, 4.0]), scale=100.0).rate
        50.0
        """
        below = float(self.below.sum())
        return self.scale * float(self.top.sum()) / below if below > 0 else float("nan")

    @property
    def variance(self) -> float:
        """Variance of the rate, linearised; NaN with fewer than two threads, 0 where they differ by rounding only.

        ``n / (n - 1) * sum (x - rate * w)^2 / (sum w)^2``.

        Returns:
            In the squared unit of ``scale``, 0 or more.

        >>> Sample(top=np.array([1.0, 3.0]), below=np.array([4.0, 4.0])).variance
        0.0625
        """
        if self.units < 2:
            return float("nan")
        away = self.scale * self.top - self.rate * self.below
        # labels of one text, worked out in two batches, differ in their last digits: that is no spread
        if np.abs(away).max() <= _ROUNDING * abs(self.scale) * float(np.abs(self.top).max()):
            return 0.0
        return self.units / (self.units - 1) * float((away**2).sum()) / float(self.below.sum()) ** 2

    def without(self) -> FloatArray:
        """The rate without each thread, NaN where nothing is left. Shape: (n,).

        Returns:
            In the unit of ``scale``. Shape: (n,).

        >>> Sample(top=np.array([1.0, 3.0]), below=np.array([4.0, 4.0])).without().tolist()
        [0.75, 0.25]
        """
        top, below = self.top.sum() - self.top, self.below.sum() - self.below
        found: FloatArray = np.divide(self.scale * top, below, out=np.full(len(top), np.nan), where=below > 1e-12)
        return found

    def draws(self, resamples: int, seed: int) -> FloatArray:
        """The rate in each resample of threads. Shape: (resamples,).

        Args:
            resamples: How many.
            seed: Same seed, same resamples.

        Returns:
            In the unit of ``scale``, NaN where nobody drawn has a say. Shape: (resamples,).

        >>> drawn = Sample(top=np.array([1.0, 3.0]), below=np.array([4.0, 4.0])).draws(100, seed=0)
        >>> sorted(set(drawn.tolist()))
        [0.25, 0.5, 0.75]
        """
        place = blocks(len(self.top), seed)
        count = int(place.max(initial=-1)) + 1
        top, below = np.bincount(place, self.top, count), np.bincount(place, self.below, count)
        weights = resample_weights(count, resamples, seed)
        drawn_top, drawn_below = weights @ top, weights @ below
        found: FloatArray = np.divide(
            self.scale * drawn_top, drawn_below, out=np.full(resamples, np.nan), where=drawn_below > 0
        )
        return found
