"""A permutation test beside the bootstrap: would threads dealt out at random differ as much?

Without an effect, which threads are the campaign's is arbitrary. All ways to deal them out are gone through where they
are few, else a random part of them. What is compared is the difference over its standard error, for this keeps
the test right also where groups differ in spread. With a control, the change that both pages share is taken out first
and threads are dealt out within each page.

Sources: Janssen 1997, "Studentized permutation tests for non-i.i.d. hypotheses", doi 10.1016/S0167-7152(97)00043-6;
Chung and Romano 2013, "Exact and asymptotically robust permutation tests", doi 10.1214/13-AOS1090; Phipson and Smyth
2010, "Permutation p-values should never be zero", doi 10.2202/1544-6115.1585; Freedman and Lane 1983, "A nonstochastic
interpretation of reported significance levels", doi 10.1080/07350015.1983.10509354 (taking out what is shared).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb, isfinite, prod
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nlp_engage.measure.sample import Sample
    from nlp_engage.types import FloatArray

EXACT: Final = 20_000
"""Up to so many ways to deal the threads out, all are gone through."""
MIN_UNITS: Final = 2
_AT_ONCE: Final = 2_000_000
_LARGE: Final = 2_000
"""Where the smaller group has more threads, threads are put together at random first."""
_SAME: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Permuted:
    """What dealing out the threads at random says.

    Attributes:
        p: Two-sided p-value, NaN where a group has fewer than two threads.
        critical: How many standard errors a difference must be from 0 to be rarer than the level allows; NaN likewise.
        exact: Whether all deals were gone through.
    """

    p: float
    critical: float
    exact: bool


def permutation_test(sides: Sequence[tuple[Sample, Sample]], *, permutations: int, level: float, seed: int) -> Permuted:
    """Test "no difference", or "no difference in differences", by dealing out the threads at random.

    Args:
        sides: (campaign, baseline); with a control also (control during, control before).
        permutations: Random deals where not all are gone through.
        level: Confidence level that ``critical`` is for.
        seed: Of the deals.

    Returns:
        The p-value in (0, 1], and what is needed to widen an interval by it.

    >>> from nlp_engage.measure.sample import Sample
    >>> high = Sample(top=np.array([8.0, 9, 7]), below=np.full(3, 10.0))
    >>> low = Sample(top=np.array([1.0, 3, 2]), below=np.full(3, 10.0))
    >>> found = permutation_test([(high, low)], permutations=999, level=0.9, seed=0)
    >>> found.p, found.exact  # 2 of the 20 deals are as far apart
    (0.1, True)
    """
    if min(sample.units for pair in sides for sample in pair) < MIN_UNITS:
        return Permuted(p=float("nan"), critical=float("nan"), exact=False)
    rng = np.random.default_rng([seed, 0x5E1])
    pools = [_pool(pair, shift, rng) for pair, shift in zip(sides, _shared_change(sides), strict=True)]
    found = abs(float(_studentised([_sums(pool, np.arange(size)[None]) for pool, size in pools])[0]))
    deals = prod(comb(len(pool), size) for pool, size in pools)
    exact = deals <= EXACT
    chosen = _all_deals(pools) if exact else _random_deals(pools, permutations, rng)
    dealt = np.abs(_studentised([_sums(pool, picks) for (pool, _), picks in zip(pools, chosen, strict=True)]))
    as_far = int((dealt >= found * (1 - _SAME)).sum())
    p = as_far / deals if exact else (as_far + 1) / (permutations + 1)
    return Permuted(p=p, critical=float(np.quantile(dealt, level, method="higher")), exact=exact)


def _shared_change(sides: Sequence[tuple[Sample, Sample]]) -> list[float]:
    """The change to take out of each side: that of both sides together, weighed by precision. None with one side."""
    if len(sides) == 1:
        return [0.0]
    changes = [treated.rate - untreated.rate for treated, untreated in sides]
    variances = [treated.variance + untreated.variance for treated, untreated in sides]
    if not all(isfinite(v) and v > 0 for v in variances):
        return [float(np.mean(changes))] * len(sides)
    return [float(np.average(changes, weights=[1 / v for v in variances]))] * len(sides)


def _pool(pair: tuple[Sample, Sample], change: float, rng: np.random.Generator) -> tuple[FloatArray, int]:
    """Threads of both groups, the smaller one first, as columns; and its size.

    Columns are what sums of a group need: one, x, w, x², xw, w². Shape: (n, 6). Where the baseline is the smaller
    one, x is turned, so that first less second is campaign less baseline all the same.
    """
    treated, untreated = pair
    rows = []
    for sample, moved in ((treated, change), (untreated, 0.0)):
        heard = sample.below > 0
        top = sample.scale * sample.top[heard] - moved * sample.below[heard]
        rows.append(np.stack([top, sample.below[heard]], axis=1))
    if len(rows[0]) > len(rows[1]):
        rows = [row * [-1.0, 1.0] for row in reversed(rows)]
    if len(rows[0]) > _LARGE:
        size = -(-len(rows[0]) // (_LARGE // 2))
        rows = [_together(row, size, rng) for row in rows]
    x, w = np.concatenate(rows).T
    return np.stack([np.ones(len(x)), x, w, x * x, x * w, w * w], axis=1), len(rows[0])


def _together(rows: FloatArray, size: int, rng: np.random.Generator) -> FloatArray:
    """Sums of ``size`` threads each, put together at random; a rest that fills no block is left out."""
    whole = len(rows) // size * size
    mixed: FloatArray = rng.permutation(rows)[:whole].reshape(-1, size, rows.shape[1]).sum(axis=1)
    return mixed


def _all_deals(pools: Sequence[tuple[FloatArray, int]]) -> list[npt.NDArray[np.int64]]:
    """Every choice of threads for the first group of each side, all pairs of choices with two sides."""
    every = [np.array(list(combinations(range(len(pool)), size)), dtype=np.int64) for pool, size in pools]
    grid = np.meshgrid(*(np.arange(len(picks)) for picks in every), indexing="ij")
    return [picks[place.ravel()] for picks, place in zip(every, grid, strict=True)]


def _random_deals(
    pools: Sequence[tuple[FloatArray, int]], count: int, rng: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    def deal(total: int, size: int) -> npt.NDArray[np.int64]:
        if total * count <= _AT_ONCE:
            return rng.random((count, total)).argpartition(size - 1, axis=1)[:, :size].astype(np.int64)
        return np.stack([rng.choice(total, size, replace=False, shuffle=False) for _ in range(count)])

    return [deal(len(pool), size) for pool, size in pools]


def _sums(pool: FloatArray, picks: npt.NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Sums of the picked threads and of the others. Shapes: (P, 6), (P, 6)."""
    step = max(1, _AT_ONCE // (picks.shape[1] * pool.shape[1]))
    parts = [pool[picks[k : k + step]].sum(axis=1) for k in range(0, len(picks), step)]
    picked = np.concatenate(parts)
    return picked, pool.sum(axis=0) - picked


def _studentised(sides: Sequence[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """The difference, of the first side less that of the second, over its standard error. Shape: (P,)."""
    value, variance = np.zeros(len(sides[0][0])), np.zeros(len(sides[0][0]))
    for sign, groups in zip((1.0, -1.0), sides, strict=False):
        for turn, sums in zip((sign, -sign), groups, strict=True):
            n, x, w, xx, xw, ww = sums.T
            rate = x / w
            value += turn * rate
            variance += n / np.maximum(n - 1, 1) * np.maximum(xx - 2 * rate * xw + rate**2 * ww, 0.0) / w**2
    tiny = _SAME * np.maximum(np.abs(value), np.finfo(np.float64).tiny)
    return value / np.maximum(np.sqrt(variance), tiny)
