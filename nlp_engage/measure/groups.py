"""Which group each reply and each post belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from nlp_engage.measure.table import ReplyTable

COLUMNS: Final = ("thread_id", "platform", "lang", "month", "week", "day", "author")
ALL: Final = "all"
"""Name of the one group where nothing is asked for."""
UNKNOWN: Final = "unknown"
"""Name of the group of those without a value: no platform, no time, no author."""
_OUT: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """A group for every reply and every post.

    Attributes:
        names: Names of the groups, sorted, the unknown last. Length G.
        rows: Group of each reply, -1 for none. Shape: (n,), int64.
        threads: Group of each thread's post, -1 for none and where the archive lacks it. Shape: (T,), int64.
    """

    names: tuple[str, ...]
    rows: npt.NDArray[np.int64]
    threads: npt.NDArray[np.int64]


def group(table: ReplyTable, by: str | Mapping[str, str] | None) -> Grouping:
    """Sort replies and posts into groups.

    Threads go whole into a group by ``thread_id``, ``platform`` or a mapping. By ``lang``, ``author`` and time each
    reply and each post goes where it belongs itself: an answer of July under a post of June is a reply of July.

    Args:
        table: The facts.
        by: ``None`` for one group of all, one of ``COLUMNS``, or thread id -> name of a group; threads that
            the mapping does not name are left out.

    Returns:
        Names and codes.

    Raises:
        DataError: There is no such column, or the mapping names no thread of the table.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> table = collect(worked_archive(9))
    >>> group(table, "month").names, group(table, {"t0": "first", "t1": "then"}).names, group(table, None).names
    (('2026-05', '2026-06'), ('first', 'then'), ('all',))
    """
    if by is None:
        everywhere = np.zeros(len(table), np.int64), np.where(table.thread_post, 0, _OUT)
        return Grouping(names=(ALL,), rows=everywhere[0], threads=everywhere[1])
    if isinstance(by, Mapping):
        return _by_thread(table, _mapped(table, by), leave_out=True)
    if by in ("thread_id", "platform"):
        return _by_thread(table, table.thread_ids if by == "thread_id" else table.platforms)
    if by == "lang":
        return _by_code(table, table.languages, table.language, table.thread_language)
    if by == "author":
        return _by_code(table, table.authors, table.author, table.thread_author)
    if by in ("month", "week", "day"):
        return _by_time(table, by)
    raise DataError(f"no column {by!r} to group by: take one of {', '.join(COLUMNS)}, or a table thread id -> group")


def _mapped(table: ReplyTable, by: Mapping[str, str]) -> list[str | None]:
    found = [by.get(t) for t in table.thread_ids]
    if by and table.thread_ids and not any(name is not None for name in found):
        raise DataError(
            f"none of the {len(by)} threads in the table of groups is in the archive (it has e.g. "
            f"{table.thread_ids[0]!r}): the keys must be thread ids."
        )
    return found


def _by_thread(table: ReplyTable, values: Sequence[str | None], *, leave_out: bool = False) -> Grouping:
    names, codes = _encode(values, leave_out=leave_out)
    return _grouping(table, names, codes[table.thread], codes)


def _by_code(
    table: ReplyTable, names: Sequence[str], rows: npt.NDArray[np.int32], threads: npt.NDArray[np.int32]
) -> Grouping:
    """Groups from codes that are there already; two codes of one name (on two platforms) stay apart."""
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    rank = np.full(len(names) + 1, len(names), dtype=np.int64)  # the last entry is for -1: unknown
    rank[by_name] = np.arange(len(names))
    return _grouping(table, [*(names[k] for k in by_name.tolist()), UNKNOWN], rank[rows], rank[threads])


def _by_time(table: ReplyTable, unit: str) -> Grouping:
    days = np.concatenate([table.time, table.thread_time]).astype("datetime64[D]")
    distinct, codes = np.unique(days, return_inverse=True)
    names, of_day = _encode([_period(day, unit) for day in distinct.tolist()], leave_out=False)
    periods = of_day[codes]
    return _grouping(table, names, periods[: len(table)], periods[len(table) :])


def _period(day: date | None, unit: str) -> str | None:
    if day is None:
        return None
    if unit == "week":
        year, week, _ = day.isocalendar()
        return f"{year:04}-W{week:02}"
    return day.isoformat()[:7] if unit == "month" else day.isoformat()


def _encode(values: Sequence[str | None], *, leave_out: bool) -> tuple[list[str], npt.NDArray[np.int64]]:
    names = sorted({v for v in values if v is not None})
    code: dict[str | None, int] = {name: i for i, name in enumerate(names)}
    code[None] = _OUT if leave_out else len(names)
    return [*names, UNKNOWN], np.array([code[v] for v in values], dtype=np.int64)


def _grouping(
    table: ReplyTable, names: Sequence[str], rows: npt.NDArray[np.int64], threads: npt.NDArray[np.int64]
) -> Grouping:
    """Leave out posts that are not in the archive, then drop the groups that nobody is in."""
    posts = np.where(table.thread_post, threads, _OUT)
    used = np.zeros(len(names) + 1, dtype=np.bool_)
    used[rows], used[posts] = True, True
    used[_OUT] = False
    new = np.cumsum(used) - 1
    new[_OUT] = _OUT
    return Grouping(names=tuple(names[i] for i in np.flatnonzero(used).tolist()), rows=new[rows], threads=new[posts])
