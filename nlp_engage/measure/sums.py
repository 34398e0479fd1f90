"""What each thread adds to each group: the sums every statistic is made of.

A *cell* is a thread within a group. Statistics of replies are ratios of sums over cells. Statistics of people
are no sums, for one person may write in many threads; for these a cell holds its *influence*, what the statistic
loses if the cell is taken away, computed exactly. Resampling the influences costs no more than resampling sums and,
unlike drawing the same thread twice, does not count its people once (``docs/measure.md`` shows the difference).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nlp_engage.types import ACTS, Act

if TYPE_CHECKING:
    from nlp_engage.measure.groups import Grouping
    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray

    IntColumn = npt.NDArray[np.int64]

SUMS: Final = (
    "replies", "mindless", "dialogue", "expression", "credit", "voice", "turns", "turns_answered", "questions",
    "questions_answered", "depth", "cascades", "virality", "threads", "h", "dead_likes", "posts", "owner_replies",
    "unlabelled", "likes", "liked",
)  # fmt: skip
"""Columns that add up over cells."""
INFLUENCES: Final = ("engaged", "people", "named", "returners", "log_breadth", "dead_people")
"""Columns that hold what a statistic of people loses without the cell."""
COLUMNS: Final = (*SUMS, *INFLUENCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Sums by cell, cells sorted by group, then thread.

    Attributes:
        group: Group of each cell. Shape: (k,), int64.
        thread: Thread of each cell. Shape: (k,), int64.
        values: One column for each of ``COLUMNS``. Shape: (k, len(COLUMNS)), float64.
        totals: The statistics themselves: sums, and for influences the value of all cells together.
            Shape: (G, len(COLUMNS)), float64.
        row_cell: Cell of each reply, -1 for replies in no group. Shape: (n,), int64.
    """

    group: IntColumn
    thread: IntColumn
    values: FloatArray
    totals: FloatArray
    row_cell: IntColumn


def cells(table: ReplyTable, grouping: Grouping) -> Cells:
    """Sum up a table by thread within group.

    Args:
        table: The facts.
        grouping: The group of each reply and post.

    Returns:
        One cell for each thread that has a reply or its post in a group.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> from nlp_engage.measure.groups import group
    >>> table = collect(worked_archive(2))
    >>> found = cells(table, group(table, None))
    >>> found.values[:, COLUMNS.index("replies")].tolist(), found.totals[0, COLUMNS.index("replies")].item()
    ([7.0, 6.0], 13.0)
    """
    threads = len(table.thread_ids)
    found, cell = _cells_of(table, grouping)
    row_cell, post_cell = cell[: len(table)], cell[len(table) :]
    group, thread = found // max(threads, 1), found % max(threads, 1)
    columns = _reply_sums(table, row_cell, len(found)) | _post_sums(table, post_cell, len(found))
    columns["likes"] += columns.pop("post_likes")
    columns["liked"] += columns.pop("posts_liked")
    columns["dead_likes"] += columns.pop("post_dead_likes")
    columns |= _thread_facts(table, thread)
    summed = np.stack([columns[name] for name in SUMS], axis=1) if len(found) else np.zeros((0, len(SUMS)))
    groups = len(grouping.names)
    totals = np.stack([_add(group, summed[:, k], groups) for k in range(len(SUMS))], axis=1)
    influence, people = _people(table, row_cell, group, groups)
    return Cells(
        group=group,
        thread=thread,
        values=np.concatenate([summed, influence], axis=1),
        totals=np.concatenate([totals, people], axis=1),
        row_cell=row_cell,
    )


def _cells_of(table: ReplyTable, grouping: Grouping) -> tuple[IntColumn, IntColumn]:
    """The cells, as ``group * T + thread``, and the cell of each reply and then each post, -1 for none."""
    threads = len(table.thread_ids)
    keys = np.concatenate([grouping.rows * threads + table.thread, grouping.threads * threads + np.arange(threads)])
    inside = np.concatenate([grouping.rows >= 0, grouping.threads >= 0])
    found, place = np.unique(keys[inside], return_inverse=True)
    keys[:] = -1
    keys[inside] = place
    return found, keys


def _add(at: IntColumn, values: npt.NDArray[Any], count: int) -> FloatArray:
    """Sum values by code. Shape: (count,)."""
    return np.bincount(at, values.astype(np.float64), count).astype(np.float64)


def _reply_sums(table: ReplyTable, cell: IntColumn, count: int) -> dict[str, FloatArray]:
    inside = cell >= 0
    measured = table.measured & inside
    p, at = table.probabilities[measured], cell[measured]
    named = table.author[measured] >= 0
    asked = asks(table)[measured]

    def add(values: npt.NDArray[Any]) -> FloatArray:
        return _add(at, values, count)

    def add_all(values: npt.NDArray[Any]) -> FloatArray:
        return _add(cell[inside], values[inside], count)

    liked = np.nan_to_num(table.likes)
    return {
        "replies": add(np.ones(len(at))),
        "mindless": add(p[:, 0]),
        "dialogue": add(p[:, 1]),
        "expression": add(p[:, 2]),
        "credit": add((table.credit * table.voice)[measured]),
        "voice": add(table.voice[measured]),
        "turns": add(p[:, 1] * named),
        "turns_answered": add(p[:, 1] * named * table.answered[measured]),
        "questions": add(asked),
        "questions_answered": add(asked & table.owner_answered[measured]),
        "depth": add(table.depth[measured]),
        "dead_likes": add(p[:, 0] * liked[measured].clip(min=0)),
        "owner_replies": add_all(table.owner),
        "unlabelled": add_all(~table.owner & ~table.labelled),
        "likes": add_all(liked),
        "liked": add_all(~np.isnan(table.likes)),
    }


def asks(table: ReplyTable) -> npt.NDArray[np.bool_]:
    """Audience replies that ask or request something of an owner who is known. Shape: (n,), bool.

    Args:
        table: The facts.

    Returns:
        Shape: (n,), bool.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> table = collect(worked_archive(1))
    >>> [table.comment_ids[i] for i in np.flatnonzero(asks(table)).tolist()]
    ['t0.1', 't0.9']
    """
    wanted = np.isin(table.act, [ACTS.index(Act.QUESTION), ACTS.index(Act.REQUEST)])
    return np.asarray(wanted & table.measured & table.thread_owned[table.thread])


def _post_sums(table: ReplyTable, cell: IntColumn, count: int) -> dict[str, FloatArray]:
    here = cell >= 0
    at, likes = cell[here], table.thread_likes[here]
    known = np.nan_to_num(likes)
    return {
        "posts": _add(at, np.ones(len(at)), count),
        "post_likes": _add(at, known, count),
        "posts_liked": _add(at, ~np.isnan(likes), count),
        "post_dead_likes": _add(at, known.clip(min=0), count),
    }


def _thread_facts(table: ReplyTable, thread: IntColumn) -> dict[str, FloatArray]:
    virality = table.thread_virality[thread]
    return {
        "cascades": (~np.isnan(virality)).astype(np.float64),
        "virality": np.nan_to_num(virality),
        "threads": np.ones(len(thread)),
        "h": table.thread_h[thread].astype(np.float64),
    }


def _people(
    table: ReplyTable, row_cell: IntColumn, cell_group: IntColumn, groups: int
) -> tuple[FloatArray, FloatArray]:
    """Influence of each cell on, and value of, each statistic of people. Shapes: (k, 6) and (G, 6)."""
    rows = table.measured & (row_cell >= 0)
    count = len(cell_group)
    everybody = len(table.authors) + len(table)
    pair, pair_person, pair_cell = _pairs(table, rows, row_cell[rows], count)
    unit_keys, unit = np.unique(cell_group[pair_cell] * everybody + pair_person, return_inverse=True)
    del pair_person
    unit_group, unit_named = unit_keys // max(everybody, 1), unit_keys % max(everybody, 1) < len(table.authors)
    said = _add(pair, np.ones(len(pair)), len(pair_cell))
    seen = _add(unit, np.ones(len(unit)), len(unit_keys))  # in how many threads
    silent_log = _add(pair, np.log1p(-table.credit[rows]), len(pair_cell))
    with_all = _add(unit, silent_log, len(unit_keys))
    dead, dead_loss = _dead(table.probabilities[rows, 0], pair, unit, seen)
    del pair
    losses = [
        np.exp(with_all[unit] - silent_log) - np.exp(with_all[unit]),
        seen[unit] == 1,
        (seen[unit] == 1) & unit_named[unit],
        (seen[unit] == 2) & unit_named[unit],
    ]
    values = [1 - np.exp(with_all), np.ones(len(unit_keys)), unit_named, unit_named & (seen >= 2)]
    influence = [_add(pair_cell, loss, count) for loss in losses]
    totals = [_add(unit_group, value, groups) for value in values]
    wrote = _add(unit, said, len(unit_keys))
    breadth, breadth_loss = _breadth(wrote, unit_group, groups, said, unit, pair_cell, cell_group)
    influence += [breadth_loss, _add(pair_cell, dead_loss, count)]
    totals += [breadth, _add(unit_group, dead, groups)]
    return np.stack(influence, axis=1), np.stack(totals, axis=1)


def _pairs(
    table: ReplyTable, rows: npt.NDArray[np.bool_], cell: IntColumn, count: int
) -> tuple[IntColumn, IntColumn, IntColumn]:
    """Pairs of person and cell: the pair of each of these rows, then person and cell of each pair."""
    author = table.author[rows].astype(np.int64)
    # whoever has no name is a person of their own
    person = np.where(author >= 0, author, len(table.authors) + np.flatnonzero(rows))
    keys, pair = np.unique(person * max(count, 1) + cell, return_inverse=True)
    return pair, keys // max(count, 1), keys % max(count, 1)


def _dead(mindless: FloatArray, pair: IntColumn, unit: IntColumn, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Probability that all a person wrote is mindless, and what is lost of it without one thread."""
    sure_not = mindless == 0
    pairs, units = len(unit), len(seen)
    log = _add(pair, np.log(np.where(sure_not, 1.0, mindless)), pairs)
    zeros = _add(pair, sure_not, pairs)
    all_log, all_zeros = _add(unit, log, units), _add(unit, zeros, units)
    dead = np.where(all_zeros > 0, 0.0, np.exp(all_log))
    without = np.where(all_zeros[unit] > zeros, 0.0, np.exp(all_log[unit] - log))
    return dead, dead[unit] - np.where(seen[unit] == 1, 0.0, without)


def _breadth(
    wrote: FloatArray, unit_group: IntColumn, groups: int, said: FloatArray, unit: IntColumn, pair_cell: IntColumn,
    cell_group: IntColumn,
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Log of the effective number of people of each group, and what is lost of it without a cell."""
    n = _add(unit_group, wrote, groups)
    spread = _add(unit_group, _n_log_n(wrote), groups)
    count = len(cell_group)
    n_cell = _add(pair_cell, said, count)
    lost = _add(pair_cell, _n_log_n(wrote[unit]) - _n_log_n(wrote[unit] - said), count)
    breadth = _log_hill(n, spread)
    return breadth, breadth[cell_group] - _log_hill(n[cell_group] - n_cell, spread[cell_group] - lost)


def _n_log_n(n: FloatArray) -> FloatArray:
    return n * np.log(np.maximum(n, 1))


def _log_hill(n: FloatArray, spread: FloatArray) -> FloatArray:
    """Log of n less sum(c log c) / n; 0 where there is nobody, and never less than one person for rounding."""
    at_least = np.maximum(n, 1)
    return np.maximum(np.log(at_least) - spread / at_least, 0.0)
