"""Point values and intervals of all statistics for all groups. Groups of equally many threads are done together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from nlp_engage.measure.bootstrap import MAX_BLOCKS, bca_interval, blocks, resample_weights
from nlp_engage.measure.statistics import STATISTICS
from nlp_engage.measure.sums import COLUMNS, SUMS, asks

if TYPE_CHECKING:
    import numpy.typing as npt

    from nlp_engage.measure.sums import Cells
    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray

_AT_ONCE: Final = 4_000_000
"""Numbers in one batch of resampled sums: bounds the memory to some hundred megabytes."""


def estimates(cells: Cells, *, resamples: int, level: float, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Value, interval and number of threads behind each statistic of each group.

    Args:
        cells: Sums by thread within group.
        resamples: Bootstrap resamples; with 0 there are no intervals.
        level: Confidence level.
        seed: Of the resampling; every group is resampled as if it were alone.

    Returns:
        ``(values, ends, units)``: values (G, S), NaN where there is none; ends (G, S, 2), NaN where there is no
        interval; units (G, S), threads that have a say. S is the number of ``STATISTICS``.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> from nlp_engage.measure.groups import group
    >>> from nlp_engage.measure.sums import cells
    >>> table = collect(worked_archive(12))
    >>> values, ends, units = estimates(cells(table, group(table, None)), resamples=100, level=0.9, seed=0)
    >>> eq = [statistic.key for statistic in STATISTICS].index("eq")
    >>> bool(ends[0, eq, 0] < values[0, eq] < ends[0, eq, 1]), units[0, eq].item()
    (True, 12.0)
    """
    groups = len(cells.totals)
    values = np.stack([s.value(cells.totals) for s in STATISTICS], axis=1)
    ends = np.full((groups, len(STATISTICS), 2), np.nan)
    heard = cells.values[:, [COLUMNS.index(s.support) for s in STATISTICS]] > 0
    units = np.zeros((groups, len(STATISTICS)))
    np.add.at(units, cells.group, heard)
    sizes = np.bincount(cells.group, minlength=groups)
    starts = np.cumsum(sizes) - sizes
    if resamples == 0:
        return values, ends, units
    for size in np.unique(sizes[sizes >= 2]).tolist():
        same = np.flatnonzero(sizes == size)
        place = blocks(size, seed)
        step = max(1, _AT_ONCE // (len(COLUMNS) * max(resamples, size)))
        for first in range(0, len(same), step):
            batch = same[first : first + step]
            rows = cells.values[starts[batch][:, None] + np.arange(size)]
            ends[batch] = _ends(
                _in_blocks(rows, place), cells.totals[batch], values[batch], units[batch], (resamples, level, seed)
            )
    return values, ends, units


def _in_blocks(rows: FloatArray, place: npt.NDArray[np.int64]) -> FloatArray:
    """Sum threads into their blocks. Shape: (G, T, K) -> (G, blocks, K)."""
    if rows.shape[1] <= MAX_BLOCKS:
        return rows
    order = np.argsort(place, kind="stable")
    first = np.flatnonzero(np.diff(place[order], prepend=-1))
    return np.add.reduceat(rows[:, order], first, axis=1)


def _ends(
    rows: FloatArray, totals: FloatArray, values: FloatArray, units: FloatArray, settings: tuple[int, float, int]
) -> FloatArray:
    """Intervals of a batch of groups. Shape: (G, S, 2)."""
    resamples, level, seed = settings
    weights = resample_weights(rows.shape[1], resamples, seed)
    linear = totals - rows.sum(axis=1)  # influences: what the point value has beyond their sum
    linear[:, : len(SUMS)] = 0.0
    sums = np.matmul(weights, rows) + linear[:, None, :]
    without = totals[:, None, :] - rows
    without[:, :, : len(SUMS)] = np.maximum(without[:, :, : len(SUMS)], 0.0)
    draws = np.stack([s.value(sums) for s in STATISTICS], axis=2)
    left_out = np.stack([s.value(without) for s in STATISTICS], axis=2)
    shape = values.shape
    low, high = bca_interval(
        draws.swapaxes(0, 1).reshape(resamples, -1),
        values.ravel(),
        left_out.swapaxes(0, 1).reshape(rows.shape[1], -1),
        units.ravel(),
        level,
    )
    return np.stack([low.reshape(shape), high.reshape(shape)], axis=2)


def response_hours(
    table: ReplyTable, cells: Cells, *, resamples: int, level: float, seed: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Median hours until the owner first answered a question or request, for each group.

    Args:
        table: The facts.
        cells: Sums by thread within group.
        resamples: Bootstrap resamples; with 0 there are no intervals.
        level: Confidence level in (0, 1).
        seed: Of the resampling.

    Returns:
        ``(values, ends, units)`` as from ``estimates``, for this one statistic: shapes (G,), (G, 2), (G,).

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> from nlp_engage.measure.groups import group
    >>> from nlp_engage.measure.sums import cells
    >>> table = collect(worked_archive(1))
    >>> values, ends, units = response_hours(table, cells(table, group(table, None)), resamples=0, level=0.9, seed=0)
    >>> values.tolist(), units.tolist()  # Bob asked at one o'clock, the cafe answered at three
    ([2.0], [1.0])
    """
    groups = len(cells.totals)
    values, ends, units = np.full(groups, np.nan), np.full((groups, 2), np.nan), np.zeros(groups)
    rows = np.flatnonzero(asks(table) & ~np.isnan(table.owner_hours) & (cells.row_cell >= 0))
    cell = cells.row_cell[rows]
    order = np.lexsort((table.owner_hours[rows], cells.group[cell]))
    cell, hours = cell[order], table.owner_hours[rows][order]
    if not len(rows):
        return values, ends, units
    answered, start = np.unique(cells.group[cell], return_index=True)
    stops = [*start[1:].tolist(), len(cell)]
    first_cell = np.searchsorted(cells.group, np.arange(groups))
    size = np.bincount(cells.group, minlength=groups)
    for g, a, b in zip(answered.tolist(), start.tolist(), stops, strict=True):
        values[g] = np.median(hours[a:b])
        units[g] = len(np.unique(cell[a:b]))
        if units[g] < 2 or resamples == 0:
            continue
        place = blocks(int(size[g]), seed)
        weights = resample_weights(int(place.max()) + 1, resamples, seed)
        draws = medians(hours[a:b], weights, place[cell[a:b] - first_cell[g]])[:, None]
        unskewed = np.full((1, 1), np.nan)  # leaving one thread out says little of a median's skewness
        low, high = bca_interval(draws, values[g : g + 1], unskewed, units[g : g + 1], level)
        ends[g] = low[0], high[0]
    return values, ends, units


def medians(ordered: FloatArray, weights: FloatArray, unit: npt.NDArray[np.int64]) -> FloatArray:
    """Median of a sorted sample with whole weights, for each row of weights; NaN where all are 0.

    Args:
        ordered: The sample, ascending. Shape: (n,).
        weights: How often each unit is drawn. Shape: (B, T).
        unit: Unit of each value. Shape: (n,), int64.

    Returns:
        Shape: (B,).

    >>> medians(np.array([1.0, 2.0, 9.0]), np.array([[1.0, 1.0], [0.0, 2.0], [0.0, 0.0]]), np.array([0, 0, 1])).tolist()
    [2.0, 9.0, nan]
    """
    found = np.full(len(weights), np.nan)
    step = max(1, _AT_ONCE // len(ordered))
    for start in range(0, len(weights), step):
        running = np.cumsum(weights[start : start + step][:, unit], axis=1)
        half = running[:, -1:] / 2
        middle = (ordered[(running >= half).argmax(axis=1)] + ordered[(running > half).argmax(axis=1)]) / 2
        found[start : start + step] = np.where(half[:, 0] > 0, middle, np.nan)
    return found
