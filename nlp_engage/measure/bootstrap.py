"""Intervals by resampling threads, never replies: one comment seldom comes alone.

Weights are multinomial (each resample draws as many threads as there are), every statistic is a function of
weighted sums, so that a resample of all statistics is one row of a matrix product. Intervals are bias-corrected
and accelerated (BCa), with normal quantiles widened to Student's for few threads or threads of very unequal size.

Sources: Efron 1987, "Better bootstrap confidence intervals", doi 10.1080/01621459.1987.10478410; Davison and Hinkley
1997, "Bootstrap methods and their application", section 3.8 (clustered data); Hesterberg 2015, "What teachers should
know about the bootstrap", doi 10.1080/00031305.2015.1089789, section 5.3 (the widening); Satterthwaite 1946,
"An approximate distribution of estimates of variance components", doi 10.2307/3002019 (its degrees of freedom).
"""

from __future__ import annotations

from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.resample import normal_cdf, widened

if TYPE_CHECKING:
    import numpy.typing as npt

    from nlp_engage.types import FloatArray

MAX_BLOCKS: Final = 4_096
"""More threads than this are first put, at random, into so many blocks, and blocks are resampled.

The variance between random blocks is that between threads; it is then known to within 2 %, at a fixed cost."""
MIN_RESAMPLES: Final = 20
"""With fewer, the ends of an interval are those of a handful of draws and need not even hold the value."""
_ALIKE: Final = 1e-12
_NORMAL: Final = NormalDist()


def check_resampling(resamples: int, level: float, seed: int, *, least: int = 0, lowest: float = 0.0) -> None:
    """Refuse settings with which there is no interval, or one that says nothing.

    Args:
        resamples: Resamples of threads: 0 for no intervals where ``least`` is 0, else ``MIN_RESAMPLES`` or more.
        level: Confidence level, above ``lowest`` and below 1.
        seed: 0 or more.
        least: Fewest resamples.
        lowest: Bound of the level, in [0, 1).

    Raises:
        DataError: One of them is out of its range.

    >>> check_resampling(1000, 0.9, 0)
    >>> check_resampling(5, 0.9, 0)
    Traceback (most recent call last):
    nlp_engage.errors.DataError: resamples is 5: it must be 20 or more, or 0 for no intervals. Usual is 1000.
    """
    enough = max(least, MIN_RESAMPLES)
    if resamples < enough and (least or resamples):
        none = "" if least else ", or 0 for no intervals"
        raise DataError(f"resamples is {resamples}: it must be {enough} or more{none}. Usual is 1000.")
    if not lowest < level < 1:
        raise DataError(f"level is {level}: it must be above {lowest:g} and below 1. Usual is 0.9 (90 %).")
    check_seed(seed, "get the same numbers")


def check_seed(seed: int, purpose: str) -> None:
    """Refuse a seed that numpy would not take.

    Args:
        seed: 0 or more.
        purpose: What to note it down for.

    Raises:
        DataError: It is negative.

    >>> check_seed(-1, "draw the same sheet")
    Traceback (most recent call last):
    nlp_engage.errors.DataError: seed is -1: it must be 0 or more. Any will do; note it down to draw the same sheet.
    """
    if seed < 0:
        raise DataError(f"seed is {seed}: it must be 0 or more. Any will do; note it down to {purpose}.")


@lru_cache(maxsize=4)
def resample_weights(units: int, resamples: int, seed: int) -> FloatArray:
    """How often each unit is drawn in each resample.

    Args:
        units: Number of threads or blocks, 1 or more.
        resamples: Number of resamples.
        seed: Same seed, same weights.

    Returns:
        Whole numbers; each row sums to ``units``. Shape: (resamples, units), float64; do not write to it.

    >>> resample_weights(4, 3, seed=0).sum(axis=1).tolist()
    [4.0, 4.0, 4.0]
    """
    rng = np.random.default_rng(seed)
    weights = np.empty((resamples, units))
    for start in range(0, resamples, 64):
        stop = min(start + 64, resamples)
        drawn = rng.integers(0, units, size=(stop - start, units)) + np.arange(stop - start)[:, None] * units
        weights[start:stop] = np.bincount(drawn.ravel(), minlength=(stop - start) * units).reshape(-1, units)
    weights.setflags(write=False)
    return weights


def blocks(units: int, seed: int) -> npt.NDArray[np.int64]:
    """Which block each thread is put in: its own place where there are few, else one of ``MAX_BLOCKS`` at random.

    Args:
        units: Number of threads.
        seed: Of the permutation.

    Returns:
        Blocks of equal size, give or take one. Shape: (units,), int64.

    >>> blocks(3, seed=0).tolist(), int(np.bincount(blocks(10_000, seed=0)).min())
    ([0, 1, 2], 2)
    """
    if units <= MAX_BLOCKS:
        return np.arange(units)
    return np.random.default_rng([seed, units]).permutation(units) % MAX_BLOCKS


def bca_interval(
    draws: FloatArray,
    point: FloatArray,
    left_out: FloatArray,
    units: FloatArray,
    level: float,
    freedom: npt.NDArray[np.int64] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Bias-corrected and accelerated interval of each column, widened as Student's t is for few or unequal units.

    Args:
        draws: The statistic in each resample, NaN where it has no value; those are passed over. Shape: (B, S).
        point: The statistic itself. Shape: (S,).
        left_out: The statistic without each unit, NaN where it has no value. Shape: (T, S).
        units: Units that have a say in each statistic; fewer than two give no interval, nor do units that are
            all alike, for these do not tell how much others would differ. Shape: (S,).
        level: Confidence level in (0, 1).
        freedom: Degrees of freedom, 1 or more, where they are known better than from all units together.
            Shape: (S,).

    Returns:
        Lower and upper ends, NaN without an interval. Shapes: (S,), (S,).

    >>> rng = np.random.default_rng(0)
    >>> draws = rng.normal(10, 1, size=(4_000, 1))
    >>> nearly = 10 + np.tile([0.1, -0.1], 25)[:, None]
    >>> low, high = bca_interval(draws, np.array([10.0]), nearly, np.array([50.0]), 0.90)
    >>> bool(abs(low[0] - (10 - 1.69)) < 0.1), bool(abs(high[0] - (10 + 1.69)) < 0.1)
    (True, True)
    """
    draws = np.sort(draws, axis=0)  # NaN last
    valid = (~np.isnan(draws)).sum(axis=0)
    below = (draws < point).sum(axis=0) + 0.5 * (draws == point).sum(axis=0)
    bias = _inverse_normal(np.divide(below, valid, out=np.full(len(valid), 0.5), where=valid > 0), valid)
    acceleration, own_freedom = _shape_of(left_out, units)
    freedom = own_freedom if freedom is None else freedom
    alike = np.nan_to_num(draws[np.maximum(valid - 1, 0), np.arange(len(valid))] - draws[0]) <= _ALIKE * np.abs(point)
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        moved = bias + _widened(tail, freedom)
        moved = bias + moved / np.maximum(1 - acceleration * moved, 0.1)
        ends.append(np.where(alike, np.nan, _quantiles(draws, valid, normal_cdf(moved))))
    return ends[0], ends[1]


def degrees_of_freedom(left_out: FloatArray, units: FloatArray) -> npt.NDArray[np.int64]:
    """Degrees of freedom of a variance made of the units' influences; arguments as for ``bca_interval``.

    Args:
        left_out: As for ``bca_interval``. Shape: (T, S).
        units: As for ``bca_interval``. Shape: (S,).

    Returns:
        From 1 to one less than the units; 0 where there are fewer than two. Shape: (S,).

    >>> degrees_of_freedom(np.array([[1.0, 9.0], [-1.0, 0.1], [1.0, -0.1], [-1.0, 0.0]]), np.full(2, 4.0)).tolist()
    [3, 3]
    """
    return _shape_of(left_out, units)[1]


def percentile_interval(
    draws: FloatArray, left_out: FloatArray, units: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Percentile interval of each column, widened as in ``bca_interval``, without correction for bias.

    For draws that hold more than the resampling of units, so that their place says nothing of its bias.

    Args:
        draws: As for ``bca_interval``.
        left_out: As for ``bca_interval``.
        units: As for ``bca_interval``.
        level: As for ``bca_interval``.

    Returns:
        Lower and upper ends, NaN without an interval. Shapes: (S,), (S,).

    >>> draws = np.random.default_rng(0).normal(10, 1, size=(4_000, 1))
    >>> nearly = 10 + np.tile([0.1, -0.1], 25)[:, None]
    >>> low, high = percentile_interval(draws, nearly, np.array([50.0]), 0.90)
    >>> bool(abs(low[0] - (10 - 1.69)) < 0.1), bool(abs(high[0] - (10 + 1.69)) < 0.1)
    (True, True)
    """
    draws = np.sort(draws, axis=0)
    valid = (~np.isnan(draws)).sum(axis=0)
    _, freedom = _shape_of(left_out, units)
    ends = [
        _quantiles(draws, valid, normal_cdf(_widened(tail, freedom))) for tail in ((1 - level) / 2, (1 + level) / 2)
    ]
    return ends[0], ends[1]


def _widened(tail: float, freedom: npt.NDArray[np.int64]) -> FloatArray:
    """Student's quantile in place of the normal one, NaN where there are no degrees of freedom."""
    return np.array([widened(tail, df) if df else np.nan for df in freedom.tolist()])


def _shape_of(left_out: FloatArray, units: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Acceleration and degrees of freedom, from the influence of each unit: what its absence changes.

    The acceleration is a sixth of their skewness. The degrees of freedom are those of their variance
    (Satterthwaite): one less than the units where these weigh alike, few where some threads are giants.
    """
    known = ~np.isnan(left_out)
    n = np.maximum(known.sum(axis=0), 1)
    values = np.where(known, left_out, 0.0)
    away = np.where(known, values.sum(axis=0) / n - values, 0.0)
    size = np.maximum(np.abs(away).max(axis=0, initial=0.0), np.finfo(np.float64).tiny)
    second, third, fourth = (((away / size) ** k).sum(axis=0) for k in (2, 3, 4))
    scale = second**1.5
    acceleration: FloatArray = np.divide(third, 6 * scale, out=np.zeros_like(third), where=scale > 0)
    spread = fourth - second**2 / np.maximum(units, 1)
    freedom = np.divide(2 * second**2, spread, out=np.full_like(spread, np.inf), where=spread > 0)
    return acceleration, np.where(units >= 2, np.clip(np.floor(freedom), 1, units - 1), 0).astype(np.int64)


def _quantiles(ordered: FloatArray, valid: npt.NDArray[np.int64], at: FloatArray) -> FloatArray:
    """Quantile of each column at its own probability, linear between order statistics."""
    place = np.nan_to_num(at) * np.maximum(valid - 1, 0)
    down = np.floor(place).astype(np.int64)
    up = np.minimum(down + 1, np.maximum(valid - 1, 0))
    columns = np.arange(ordered.shape[1])
    low, high = ordered[down, columns], ordered[up, columns]
    return np.where(np.isnan(at) | (valid == 0), np.nan, low + (place - down) * (high - low))


def _inverse_normal(p: FloatArray, valid: npt.NDArray[np.int64]) -> FloatArray:
    inside = 0.5 / np.maximum(valid, 1)
    clipped = np.clip(p, inside, 1 - inside)
    return np.array([_NORMAL.inv_cdf(x) for x in clipped.tolist()])
