"""What each cell (a thread within a group) adds to the statistics of people, worked out person by person.

Replies are brought into the order of their authors once; then the people are taken some hundred thousand replies at a
time. The sums are built in the same order whatever the size of a piece, so that they are the same to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from nlp_engage.measure import pieces
from nlp_engage.measure.pieces import add_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray

    IntColumn = npt.NDArray[np.int64]

INFLUENCES: Final = ("engaged", "people", "named", "returners", "log_breadth", "dead_people")
"""Columns that hold what a statistic of people loses without the cell."""
_NOBODY: Final = np.iinfo(np.int32).max


def people_sums(
    table: ReplyTable, row_cell: IntColumn, cell_group: IntColumn, groups: int
) -> tuple[FloatArray, FloatArray]:
    """Influence of each cell on, and value of, each statistic of people.

    Args:
        table: The facts.
        row_cell: Cell of each reply, -1 for none. Shape: (n,).
        cell_group: Group of each cell. Shape: (k,).
        groups: Number of groups.

    Returns:
        In the order of ``INFLUENCES``. Shapes: (k, 6) and (G, 6).

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> table = collect(worked_archive(2))
    >>> totals = people_sums(table, table.thread.astype(np.int64), np.zeros(2, np.int64), groups=1)[1]
    >>> found = dict(zip(INFLUENCES, totals[0].tolist(), strict=True))
    >>> found["named"], found["people"]  # whoever has no name is a person of their own in each thread
    (4.0, 6.0)
    """
    sums = _People(table, row_cell, cell_group, groups)
    for rows in _by_person(table, row_cell):
        sums.add(rows)
    return sums.found()


def _by_person(table: ReplyTable, row_cell: IntColumn) -> Iterator[IntColumn]:
    """Measured replies in the order of their authors, those without one at the end; a piece holds whole people."""
    rows = np.flatnonzero(table.measured & (row_cell >= 0))
    author = table.author[rows]
    author[author < 0] = _NOBODY
    order = np.argsort(author, kind="stable")
    rows, author = rows[order], author[order]
    del order
    start = 0
    while start < len(rows):
        stop = min(start + pieces.ROWS, len(rows))
        last = author[stop - 1]
        if last != _NOBODY:
            stop = int(np.searchsorted(author, last, side="right"))
        yield rows[start:stop]
        start = stop


class _People:
    """The sums in the making."""

    def __init__(self, table: ReplyTable, row_cell: IntColumn, cell_group: IntColumn, groups: int) -> None:
        self._table, self._row_cell, self._cell_group = table, row_cell, cell_group
        self._influence = np.zeros((len(INFLUENCES), len(cell_group)))
        self._totals = np.zeros((len(INFLUENCES), groups))
        self._wrote, self._spread = np.zeros(groups), np.zeros(groups)
        self._cell_wrote, self._cell_spread = np.zeros(len(cell_group)), np.zeros(len(cell_group))

    def add(self, rows: IntColumn) -> None:
        """Take all replies of some people."""
        table, count, everybody = self._table, len(self._cell_group), len(self._table.authors) + len(self._table)
        author = table.author[rows].astype(np.int64)
        # whoever has no name is a person of their own
        person = np.where(author >= 0, author, len(table.authors) + rows)
        keys, pair = np.unique(person * count + self._row_cell[rows], return_inverse=True)
        pair_person, cell = keys // count, keys % count
        unit_keys, unit = np.unique(self._cell_group[cell] * everybody + pair_person, return_inverse=True)
        group, named = unit_keys // everybody, unit_keys % everybody < len(table.authors)
        said = np.bincount(pair, minlength=len(keys)).astype(np.float64)
        seen = np.bincount(unit, minlength=len(unit_keys)).astype(np.float64)  # in how many threads
        silent_log = np.bincount(pair, np.log1p(-table.credit[rows]), len(keys))
        with_all = np.bincount(unit, silent_log, len(unit_keys))
        dead, dead_loss = _dead(table.probabilities[rows, 0], pair, unit, seen)
        losses = {
            "engaged": np.exp(with_all[unit] - silent_log) - np.exp(with_all[unit]),
            "people": seen[unit] == 1,
            "named": (seen[unit] == 1) & named[unit],
            "returners": (seen[unit] == 2) & named[unit],
            "dead_people": dead_loss,
        }
        values = {
            "engaged": 1 - np.exp(with_all),
            "people": np.ones(len(unit_keys)),
            "named": named,
            "returners": named & (seen >= 2),
            "dead_people": dead,
        }
        for name, loss in losses.items():
            add_at(self._influence[INFLUENCES.index(name)], cell, loss)
            add_at(self._totals[INFLUENCES.index(name)], group, values[name])
        self._add_breadth(said, unit, group, cell)

    def _add_breadth(self, said: FloatArray, unit: IntColumn, group: IntColumn, cell: IntColumn) -> None:
        wrote = np.bincount(unit, said, len(group)).astype(np.float64)
        add_at(self._wrote, group, wrote)
        add_at(self._spread, group, _n_log_n(wrote))
        add_at(self._cell_wrote, cell, said)
        add_at(self._cell_spread, cell, _n_log_n(wrote[unit]) - _n_log_n(wrote[unit] - said))

    def found(self) -> tuple[FloatArray, FloatArray]:
        """Influences and totals, after all people were taken."""
        group, at = self._cell_group, INFLUENCES.index("log_breadth")
        breadth = _log_hill(self._wrote, self._spread)
        without = _log_hill(self._wrote[group] - self._cell_wrote, self._spread[group] - self._cell_spread)
        self._totals[at], self._influence[at] = breadth, breadth[group] - without
        return self._influence.T, self._totals.T


def _dead(mindless: FloatArray, pair: IntColumn, unit: IntColumn, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Probability that all a person wrote is mindless, and what is lost of it without one thread."""
    sure_not = mindless == 0
    pairs, units = len(unit), len(seen)
    log = np.bincount(pair, np.log(np.where(sure_not, 1.0, mindless)), pairs)
    zeros = np.bincount(pair, sure_not, pairs)
    all_log, all_zeros = np.bincount(unit, log, units), np.bincount(unit, zeros, units)
    dead = np.where(all_zeros > 0, 0.0, np.exp(all_log))
    without = np.where(all_zeros[unit] > zeros, 0.0, np.exp(all_log[unit] - log))
    return dead, dead[unit] - np.where(seen[unit] == 1, 0.0, without)


def _n_log_n(n: FloatArray) -> FloatArray:
    return n * np.log(np.maximum(n, 1))


def _log_hill(n: FloatArray, spread: FloatArray) -> FloatArray:
    """Log of n less sum(c log c) / n; 0 where there is nobody, and never less than one person for rounding."""
    at_least = np.maximum(n, 1)
    return np.maximum(np.log(at_least) - spread / at_least, 0.0)
