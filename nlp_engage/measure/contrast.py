"""A difference of groups of threads in one rate, or a difference in differences: estimate, interval, what it can see.

A rate is a ratio of two sums over threads (credit over replies). Groups are drawn independently, so a contrast
``sum of sign * rate`` has the variance of its groups added up, and Welch's degrees of freedom.

Sources: Welch 1947, "The generalization of 'Student's' problem", doi 10.1093/biomet/34.1-2.28 (degrees of freedom);
Cochran 1977, "Sampling Techniques", section 6.4 (variance of a ratio); Bloom 1995, "Minimum detectable effects",
doi 10.1177/0193841X9501900504. The interval is that of ``bootstrap``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, isfinite, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp_engage.measure.bootstrap import bca_interval, degrees_of_freedom
from nlp_engage.measure.permutation import MIN_UNITS, permutation_test
from nlp_engage.measure.sample import Sample
from nlp_engage.resample import t_quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp_engage.types import FloatArray

MANY: Final = 1_000_000
"""Degrees of freedom that stand for the normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A signed sum of rates.

    Attributes:
        value: The difference; NaN where a group has no rate.
        low: Lower end of its interval, NaN without one.
        high: Upper end.
        p: Two-sided p-value by permutation, NaN without one.
        error: Standard error, linearised; NaN where a group has fewer than two threads.
        freedom: Welch's degrees of freedom, 0 where there are none.
    """

    value: float
    low: float
    high: float
    p: float
    error: float
    freedom: int


def contrast(sides: Sequence[tuple[Sample, Sample]], *, resamples: int, level: float, seed: int) -> Contrast:
    """Estimate a difference of two groups, or a difference in differences, with interval and p-value.

    The interval reaches as far as that of the thread bootstrap and as far as the permutation distribution of the
    studentised difference asks for, whichever is farther: alone, the bootstrap is too narrow for few threads of unequal
    size (``bench/false_alarms.py``).

    Args:
        sides: (campaign, baseline); for a difference in differences also (control during, control before).
        resamples: Resamples of threads, and random deals of the permutation test; 1 or more.
        level: Confidence level in (0, 1).
        seed: Of both.

    Returns:
        The difference on the scale of the rates, with everything that is known of it.

    >>> campaign = Sample(top=np.array([6.0, 5, 7, 6]), below=np.full(4, 10.0))
    >>> baseline = Sample(top=np.array([2.0, 3, 1, 2]), below=np.full(4, 10.0))
    >>> found = contrast([(campaign, baseline)], resamples=1000, level=0.9, seed=0)
    >>> round(found.value, 3), round(found.error, 4), found.freedom, 0.2 < found.low < 0.4 < found.high < 0.6
    (0.4, 0.0577, 6, True)
    >>> round(found.p, 4)  # of the 70 ways to deal out 8 threads, 2 are as far apart
    0.0286
    """
    signs = (1.0, -1.0, -1.0, 1.0)
    terms = list(zip(signs, (sample for pair in sides for sample in pair), strict=False))
    value = sum(sign * sample.rate for sign, sample in terms)
    if not isfinite(value) or min(sample.units for _, sample in terms) < MIN_UNITS:
        return Contrast(value=value, low=np.nan, high=np.nan, p=np.nan, error=np.nan, freedom=0)
    left_out = [sign * (sample.without() - sample.rate) for sign, sample in terms]
    variances = [sample.variance for _, sample in terms]
    freedom = welch(variances, [_freedom(away, sample) for away, (_, sample) in zip(left_out, terms, strict=True)])
    draws = np.sum([sign * sample.draws(resamples, seed + k) for k, (sign, sample) in enumerate(terms)], axis=0)
    low, high = bca_interval(
        draws[:, None],
        np.array([value]),
        np.concatenate(left_out)[:, None],
        np.array([float(sum(sample.units for _, sample in terms))]),
        level,
        np.array([freedom]),
    )
    permuted = permutation_test(sides, permutations=resamples, level=level, seed=seed)
    error = sqrt(sum(variances))
    reach = permuted.critical * error
    return Contrast(
        value=value,
        low=float(np.minimum(low[0], value - reach)),
        high=float(np.maximum(high[0], value + reach)),
        p=permuted.p,
        error=error,
        freedom=freedom,
    )


def _freedom(away: FloatArray, sample: Sample) -> int:
    heard = sample.below > 0
    return int(degrees_of_freedom(away[heard][:, None], np.array([float(sample.units)]))[0])


def welch(variances: Sequence[float], freedoms: Sequence[int]) -> int:
    """Degrees of freedom of a sum of independent variances (Welch 1947), rounded down, 1 or more.

    Args:
        variances: Variance of each term, 0 or more.
        freedoms: Degrees of freedom of each.

    Returns:
        1 or more.

    >>> welch([1.0, 1.0], [9, 9]), welch([1.0, 0.0], [4, 99])
    (18, 4)
    """
    total = sum(variances)
    if total <= 0:
        return max(1, sum(freedoms))
    parts = sum(v**2 / max(df, 1) for v, df in zip(variances, freedoms, strict=True))
    return max(1, int(total**2 / parts + 1e-9))


def detectable(error: float, freedom: int, level: float, power: float) -> float:
    """Minimum detectable effect: the true difference that a two-sided test at ``1 - level`` finds with this power.

    ``(t(1 - alpha / 2) + t(power)) * standard error`` (Bloom 1995).

    Args:
        error: Standard error, on the scale of the figure.
        freedom: Degrees of freedom, 0 where there are none.
        level: Confidence level in (0, 1).
        power: Probability of detection in (0, 1).

    Returns:
        On the scale of the error; NaN where there are no degrees of freedom.

    >>> round(detectable(1.0, MANY, 0.90, 0.8), 3)
    2.486
    """
    if not freedom or not isfinite(error):
        return float("nan")
    return (t_quantile((1 + level) / 2, freedom) + t_quantile(power, freedom)) * error


def times_larger(error: float, freedom: int, effect: float, level: float, power: float) -> float:
    """How many times as many threads in every group are needed to detect an effect; infinite if none would do.

    The variance falls as one over the number, the degrees of freedom rise with it.

    Args:
        error: Standard error now.
        freedom: Degrees of freedom now.
        effect: Difference to detect, on the same scale.
        level: Confidence level in (0, 1).
        power: Probability of detection in (0, 1).

    Returns:
        A factor above 0.

    >>> round(times_larger(1.0, MANY, 2.486, 0.90, 0.8), 2), round(times_larger(1.0, MANY, 1.243, 0.90, 0.8), 2)
    (1.0, 4.0)
    """
    if not freedom or not isfinite(error) or effect <= 0:
        return inf
    times = 1.0
    for _ in range(60):  # a contraction: settles after a few rounds
        df = int(min(max(1, times * freedom), MANY))
        new = (detectable(error, df, level, power) / effect) ** 2
        if abs(new - times) <= 1e-6 * times:
            return new
        times = max((new + times) / 2, 1e-6)
    return times


def audited_threads(
    variances: Sequence[float], gaps: Sequence[float], effect: float, freedom: int, level: float, power: float
) -> int | None:
    """Threads to audit in each group so that a difference of audited rates detects an effect; ``None`` if none would.

    The variance of an audited rate is that of the threads and, divided by the number of audited ones, that of the
    gap between hand and model in a thread (``audit``).

    Args:
        variances: Variance of each group's rate.
        gaps: Variance of the gap of one thread in each group, on the scale of the rate.
        effect: The difference.
        freedom: Degrees of freedom.
        level: Confidence level.
        power: Probability of detection.

    Returns:
        Threads, 1 or more.

    >>> audited_threads([1.0, 1.0], [20.0, 20.0], 4.0, MANY, 0.90, 0.8)
    69
    """
    per_unit = detectable(1.0, freedom, level, power)
    left = (effect / per_unit) ** 2 - sum(variances)
    return ceil(sum(gaps) / left) if isfinite(left) and left > 0 else None
