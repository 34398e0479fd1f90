"""Intervals of an audit: the variance of its threads, the degrees of freedom it has, and the scale it is taken on.

A figure is the model's figure for all threads plus a correction from the audited ones. Each thread has an influence
on both; the variance is the sum of their squares, less what drawing by strata saves. Where figures are bounded,
intervals are made on the scale on which the bounds are infinitely far: few audited threads with a share near 0 rarely
see what is rare, and then underestimate both the share and its error; a symmetric interval misses on one side.

Sources: Särndal, Swensson and Wretman 1992, sections 3.7 and 6.3 (stratified difference estimator); Satterthwaite
1946, doi 10.2307/3002019 (degrees of freedom); Korn and Graubard 1998, "Confidence intervals for proportions with
small expected number of positive counts estimated from survey data", Survey Methodology 24 (logit).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, floor, inf, isfinite, log, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp_engage.resample import t_quantile

if TYPE_CHECKING:
    import numpy.typing as npt

    from nlp_engage.types import FloatArray

_MOST_FREEDOM: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How uncertain a figure is.

    Attributes:
        variance: All of it.
        design: The part that comes from having audited some threads and not all.
        growing: ``design`` without the correction for having drawn from finitely many.
        freedom: Degrees of freedom of ``variance``; 0 where there is no telling.
    """

    variance: float
    design: float
    growing: float
    freedom: int

    @property
    def times_to_halve(self) -> float | None:
        """How many times the labels halve the interval; ``None`` where no number does.

        Of the variance only ``growing`` falls as one over the number of labels.

        Returns:
            A factor above 1.

        >>> Spread(variance=1.0, design=0.9, growing=0.9, freedom=9).times_to_halve
        5.999999999999999
        >>> Spread(variance=1.0, design=0.5, growing=0.5, freedom=9).times_to_halve is None
        True
        """
        left = self.growing - 0.75 * self.variance
        return self.growing / left if self.growing > 0 and left > 0 else None


def spread(
    archive: FloatArray, audit: FloatArray, chance: FloatArray, stratum: npt.NDArray[np.int64], drawn: FloatArray
) -> Spread:
    """Variance of a figure from the influences of threads.

    Args:
        archive: Influence of each thread through the model's figure. Shape: (T,).
        audit: Influence of each thread through the correction, 0 where it was not audited. Shape: (T,).
        chance: Probability with which each audited thread was drawn. Shape: (T,).
        stratum: Stratum of each audited thread, -1 for others. Shape: (T,), int64.
        drawn: Audited threads of each stratum, in this group or not. Shape: (H,).

    Returns:
        The variance, its parts and its degrees of freedom.

    >>> few = np.array([0.01, -0.02, 0.0, 0.01])
    >>> found = spread(np.zeros(4), few, np.full(4, 0.01), np.zeros(4, np.int64), np.array([4.0]))
    >>> round(float(found.variance / (few**2).sum()), 6), found.freedom
    (1.0, 3)
    """
    seen = np.flatnonzero(stratum >= 0)
    h, threads = stratum[seen], float(drawn.sum())
    strata = int(np.count_nonzero(np.bincount(h, minlength=len(drawn))))
    many = np.maximum(drawn, 1.0)
    # one degree of freedom is in the influences already (CR2), and every further stratum costs one
    factor = np.where(many > 1, many / np.maximum(many - 1, 1.0), 1.0) * (max(threads - 1, 1.0) / max(threads, 1.0))
    factor = factor if len(drawn) > 1 else np.ones(1)

    def within(values: FloatArray) -> tuple[FloatArray, FloatArray]:
        mean = np.where(many > 1, np.bincount(h, values, len(drawn)) / many, 0.0)
        squares = factor * (np.bincount(h, values**2, len(drawn)) - many * mean**2)
        return squares, (values - mean[h]) * np.sqrt(factor[h])

    open_ = audit[seen] * np.sqrt(1 - chance[seen])
    squares, apart = within(open_)
    design = float(squares.sum())
    both = archive + audit
    variance = max(float((both**2).sum() - (open_**2).sum()), 0.0) + design
    deviations = archive.copy()
    deviations[seen] += apart + audit[seen] * (1 - np.sqrt(1 - chance[seen]))
    return Spread(
        variance=variance,
        design=design,
        growing=float(within(audit[seen])[0].sum()),
        freedom=_freedom(deviations, variance, design, threads - strata),
    )


def _freedom(deviations: FloatArray, variance: float, design: float, units: float) -> int:
    """Satterthwaite's degrees of freedom: few where some threads outweigh the rest, or where few were audited."""
    square, fourth = float((deviations**2).sum()), float((deviations**4).sum())
    if variance <= 0 or square <= 0:
        return 0
    excess = fourth - square**2 / len(deviations)
    freedom = 2 * square**2 / excess if excess > 0 else inf
    if design > 0:
        freedom = min(freedom, max(units, 1.0) * (variance / design) ** 2)
    else:
        freedom = min(freedom, len(deviations) - 1.0)
    return max(1, min(floor(freedom), _MOST_FREEDOM))


def interval(value: float, found: Spread, level: float, top: float | None) -> tuple[float, float] | None:
    """Ends of an interval; ``None`` without a degree of freedom.

    Args:
        value: The figure.
        found: Its spread.
        level: Confidence level.
        top: Where the figure ends, 0 being where it begins: a share ends at 1; infinity for a number of people, and
            ``None`` for a difference, which has no bounds that matter.

    Returns:
        Lower and upper end, on the scale of the figure and within its bounds.

    >>> few = Spread(variance=0.0004, design=0.0, growing=0.0, freedom=30)
    >>> [[round(end, 3) for end in interval(0.05, few, 0.9, top)] for top in (1.0, None)]
    [[0.025, 0.097], [0.016, 0.084]]
    """
    if not found.freedom or not isfinite(value):
        return None
    half = t_quantile((1 + level) / 2, found.freedom) * sqrt(found.variance)
    low, high = value - half, value + half
    if top is None:
        return low, high
    if low <= 0 and high >= top:
        return 0.0, top
    # Too near a bound for the other scale. The plain end is too near, that of the least share one could tell from the
    # bound too far; half way between them covers (docs/measure.md).
    if low <= 0:
        return 0.0, min(high + (half - value) / 2, top)
    if high >= top:
        return max(low - (half - (top - value)) / 2, 0.0), top
    if top == inf:
        return value * exp(-half / value), value * exp(half / value)
    place, away = log(value / (top - value)), half * top / (value * (top - value))
    return top / (1 + exp(-(place - away))), top / (1 + exp(-(place + away)))
