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

from nlp_engage.measure.people import INFLUENCES, people_sums
from nlp_engage.measure.pieces import add_at, pieces
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
COLUMNS: Final = (*SUMS, *INFLUENCES)
_OF_REPLIES: Final = (
    "replies", "mindless", "dialogue", "expression", "credit", "voice", "turns", "turns_answered", "questions",
    "questions_answered", "depth", "dead_likes", "owner_replies", "unlabelled", "likes", "liked",
)  # fmt: skip
"""Those of them to which replies add."""


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
    found, row_cell, post_cell = _cells_of(table, grouping)
    group, thread = found // max(threads, 1), found % max(threads, 1)
    columns = _reply_sums(table, row_cell, len(found)) | _post_sums(table, post_cell, len(found))
    columns["likes"] += columns.pop("post_likes")
    columns["liked"] += columns.pop("posts_liked")
    columns["dead_likes"] += columns.pop("post_dead_likes")
    columns |= _thread_facts(table, thread)
    summed = np.stack([columns[name] for name in SUMS], axis=1) if len(found) else np.zeros((0, len(SUMS)))
    groups = len(grouping.names)
    totals = np.stack([_add(group, summed[:, k], groups) for k in range(len(SUMS))], axis=1)
    influence, people = people_sums(table, row_cell, group, groups)
    return Cells(
        group=group,
        thread=thread,
        values=np.concatenate([summed, influence], axis=1),
        totals=np.concatenate([totals, people], axis=1),
        row_cell=row_cell,
    )


def _cells_of(table: ReplyTable, grouping: Grouping) -> tuple[IntColumn, IntColumn, IntColumn]:
    """The cells, as ``group * T + thread``; the cell of each reply, and of each post, -1 for none."""
    threads = len(table.thread_ids)

    def keys(group: IntColumn, thread: npt.NDArray[np.integer]) -> IntColumn:
        return np.where(group >= 0, group * threads + thread, -1)

    posts = keys(grouping.threads, np.arange(threads))
    there = [np.unique(keys(grouping.rows[piece], table.thread[piece])) for piece in pieces(len(table))]
    found = np.unique(np.concatenate([posts, *there]))
    found = found[found >= 0]
    row_cell = np.empty(len(table), dtype=np.int64)
    for piece in pieces(len(table)):
        row_cell[piece] = _places(found, keys(grouping.rows[piece], table.thread[piece]))
    return found, row_cell, _places(found, posts)


def _places(found: IntColumn, keys: IntColumn) -> IntColumn:
    return np.where(keys >= 0, np.searchsorted(found, keys), -1)


def _add(at: IntColumn, values: npt.NDArray[Any], count: int) -> FloatArray:
    """Sum values by code. Shape: (count,)."""
    return np.bincount(at, values.astype(np.float64), count).astype(np.float64)


def _reply_sums(table: ReplyTable, cell: IntColumn, count: int) -> dict[str, FloatArray]:
    sums = {name: np.zeros(count) for name in _OF_REPLIES}
    measured, asked = table.measured & (cell >= 0), asks(table)
    for piece in pieces(len(table)):
        inside = piece.start + np.flatnonzero(cell[piece] >= 0)
        heard = piece.start + np.flatnonzero(measured[piece])
        for name, values in _of_all(table, inside).items():
            add_at(sums[name], cell[inside], values)
        for name, values in _of_measured(table, heard, asked[heard]).items():
            add_at(sums[name], cell[heard], values)
    return sums


def _of_measured(table: ReplyTable, rows: IntColumn, asked: npt.NDArray[np.bool_]) -> dict[str, npt.NDArray[Any]]:
    """What each of some measured replies adds."""
    p, weight, named = table.probabilities[rows], table.voice[rows], table.author[rows] >= 0
    return {
        "replies": np.ones(len(rows)),
        "mindless": p[:, 0],
        "dialogue": p[:, 1],
        "expression": p[:, 2],
        "credit": table.credit[rows] * weight,
        "voice": weight,
        "turns": p[:, 1] * named,
        "turns_answered": p[:, 1] * named * table.answered[rows],
        "questions": asked,
        "questions_answered": asked & table.owner_answered[rows],
        "depth": table.depth[rows],
        "dead_likes": p[:, 0] * np.nan_to_num(table.likes[rows]).clip(min=0),
    }


def _of_all(table: ReplyTable, rows: IntColumn) -> dict[str, npt.NDArray[Any]]:
    """What each of some replies adds, whosever and whether labelled or not."""
    owner, likes = table.owner[rows], table.likes[rows]
    return {
        "owner_replies": owner,
        "unlabelled": ~owner & np.isnan(table.probabilities[rows, 0]),
        "likes": np.nan_to_num(likes),
        "liked": ~np.isnan(likes),
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
