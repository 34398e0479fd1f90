"""The two doors: ``measure`` for trees, ``measure_table`` for facts that were collected before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.measure.bootstrap import check_resampling
from nlp_engage.measure.corrected import corrections
from nlp_engage.measure.credit import VERSION
from nlp_engage.measure.facts import collect
from nlp_engage.measure.groups import group
from nlp_engage.measure.intervals import estimates, response_hours
from nlp_engage.measure.result import Measurement
from nlp_engage.measure.statistics import AT, STATISTICS
from nlp_engage.measure.sums import cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nlp_engage.measure.corrected import Correction
    from nlp_engage.measure.quantify import HeldOut
    from nlp_engage.measure.sums import Cells
    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray, LabelledTree

_COUNTS: Final = {
    "n_threads": "threads", "n_posts": "posts", "n_replies": "replies", "n_owner_replies": "owner_replies",
    "n_unlabelled": "unlabelled", "n_people": "people",
}  # fmt: skip
_ONE_THREAD: Final = "one thread only: no interval"
_ALIKE: Final = "all threads alike: no interval"
_NO_RETURN: Final = "one thread only: nobody could be seen again"
_NOT_RESAMPLED: Final = "not resampled: no interval"


def measure(
    labelled_trees: Iterable[LabelledTree],
    *,
    by: str | Mapping[str, str] | None = None,
    held_out: Mapping[str, HeldOut] | None = None,
    resamples: int = 1000,
    level: float = 0.90,
    seed: int = 0,
) -> Measurement:
    """Measure engagement: shares, EQ, EP and their companions, with intervals.

    Args:
        labelled_trees: Trees with calibrated probabilities or human labels, in any order; read once.
        by: ``None`` for one row, a column (``thread_id, platform, lang, month, week, day, author``) for a row a
            value, or a table thread id -> group.
        held_out: Language -> the classifier's confusion on held-out replies (``quantify.held_out``). With it,
            each row has corrected shares beside the raw ones: ``share_*_corrected`` with ``_low`` and
            ``_high``, and ``share_*_emq``, or ``None`` and the reason in ``notes``. Empty where nothing is known.
        resamples: Bootstrap resamples, 20 or more; with 0 there are no intervals.
        level: Confidence level of the intervals, in (0, 1).
        seed: Of the resampling: same trees, same seed, same numbers.

    Returns:
        One row a group. ``docs/measure.md`` defines every column.

    Raises:
        DataError: A thread comes twice, probabilities are none, there is no such column, or a setting is out
            of its range.

    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment, LabelledTree
    >>> turns = [("p", None, "ann"), ("1", "p", "bob"), ("2", "1", "ann"), ("3", "2", "bob"), ("4", "p", "cid")]
    >>> tree = build_tree([Comment(id=i, thread_id="p", parent_id=up, author=a, text=i) for i, up, a in turns])
    >>> sure = np.array([[np.nan] * 3, [0, 1, 0], [0, 1, 0], [0, 1, 0], [1, 0, 0]], dtype=float)
    >>> labelled = LabelledTree(tree=tree, probabilities=sure, acts=np.full(5, -1, dtype=np.int32),
    ...                         act_probabilities=np.full(5, np.nan), languages=("en",) * 5)
    >>> row, = measure([labelled]).rows()  # ann owns the post; bob earns 3/4 twice, cid nothing
    >>> row["n_replies"], row["eq"], row["ep"], row["graveyard_people"], row["notes"]["eq"]
    (3, 50.0, 0.9375, 1.0, 'one thread only: no interval')
    """
    table = collect(labelled_trees, comment_ids=False)
    return measure_table(table, by=by, held_out=held_out, resamples=resamples, level=level, seed=seed)


def measure_table(
    table: ReplyTable,
    *,
    by: str | Mapping[str, str] | None = None,
    held_out: Mapping[str, HeldOut] | None = None,
    resamples: int = 1000,
    level: float = 0.90,
    seed: int = 0,
) -> Measurement:
    """Measure facts that were collected before: several groupings then cost one pass over the trees.

    Args:
        table: From ``collect``.
        by: As for ``measure``.
        held_out: As for ``measure``.
        resamples: As for ``measure``.
        level: As for ``measure``.
        seed: As for ``measure``.

    Returns:
        As ``measure``.

    Raises:
        DataError: There is no such column, or a setting is out of its range.

    >>> from nlp_engage.measure.worked import worked_archive
    >>> table = collect(worked_archive(12))
    >>> [(row["group"], round(row["eq"], 1)) for row in measure_table(table, by="month").rows()]
    [('2026-05', 19.8), ('2026-06', 20.5), ('2026-07', 18.7)]
    """
    check_resampling(resamples, level, seed)
    grouping = group(table, by)
    sums = cells(table, grouping)
    columns = _columns(table, sums, resamples=resamples, level=level, seed=seed)
    rows = tuple(_row(name, sums.totals[g], [c.of(g) for c in columns]) for g, name in enumerate(grouping.names))
    if held_out is not None:
        found = corrections(table, sums, held_out, resamples=resamples, level=level, seed=seed)
        rows = tuple(_with_correction(row, correction) for row, correction in zip(rows, found, strict=True))
    return Measurement(
        version=VERSION,
        by="table" if isinstance(by, Mapping) else by,
        level=level,
        resamples=resamples,
        seed=seed,
        groups=rows,
    )


def _with_correction(row: dict[str, Any], correction: Correction) -> dict[str, Any]:
    extra = correction.row()
    notes = {**row["notes"], **extra.pop("notes")}
    return {**row, **extra, "notes": notes}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A statistic of every group. ``reasons`` says of each why there is no value, or no interval."""

    key: str
    values: FloatArray
    ends: FloatArray
    reasons: list[str]

    def of(self, g: int) -> tuple[str, float, float, float, str]:
        """Key, value, ends and reason for one group."""
        return self.key, float(self.values[g]), float(self.ends[g, 0]), float(self.ends[g, 1]), self.reasons[g]


def _columns(table: ReplyTable, sums: Cells, *, resamples: int, level: float, seed: int) -> list[_Column]:
    values, ends, units = estimates(sums, resamples=resamples, level=level, seed=seed)
    hours, hours_ends, hours_units = response_hours(table, sums, resamples=resamples, level=level, seed=seed)
    columns = []
    for k, statistic in enumerate(STATISTICS):
        value = np.where(units[:, k] > 0, values[:, k], np.nan)
        reasons = _reasons(value, units[:, k], [statistic.nothing] * len(value), resamples)
        if statistic.key == "return_rate":
            alone = units[:, k] == 1
            value = np.where(alone, np.nan, value)
            reasons = [_NO_RETURN if one else reason for one, reason in zip(alone.tolist(), reasons, strict=True)]
        columns.append(_Column(key=statistic.key, values=value, ends=ends[:, k], reasons=reasons))
        if statistic.key == "responsiveness":
            reasons = _reasons(hours, hours_units, [_no_hours(t) for t in sums.totals], resamples)
            columns.append(_Column(key="response_hours", values=hours, ends=hours_ends, reasons=reasons))
    return columns


def _reasons(values: FloatArray, units: FloatArray, nothing: Sequence[str], resamples: int) -> list[str]:
    without = _ALIKE if resamples else _NOT_RESAMPLED
    return [
        reason if missing else _ONE_THREAD if threads < 2 else without
        for reason, missing, threads in zip(nothing, np.isnan(values).tolist(), units.tolist(), strict=True)
    ]


def _no_hours(totals: FloatArray) -> str:
    if not totals[AT["questions"]]:
        return "no question or request to a known owner"
    answered = totals[AT["questions_answered"]]
    return "no times given, or they run backwards" if answered else "no question or request was answered"


def _row(name: str, totals: FloatArray, found: Sequence[tuple[str, float, float, float, str]]) -> dict[str, Any]:
    row: dict[str, Any] = {"group": name}
    row |= {key: round(float(totals[AT[column]])) for key, column in _COUNTS.items()}
    row["likes"] = round(float(totals[AT["likes"]])) if totals[AT["liked"]] else None
    notes = {} if totals[AT["liked"]] else {"likes": "no likes given"}
    for key, value, low, high, reason in found:
        known, bounded = not isnan(value), not isnan(value) and not isnan(low)
        row |= {key: value if known else None, f"{key}_low": low if bounded else None}
        row[f"{key}_high"] = high if bounded else None
        if not bounded:
            notes[key] = reason
    row["notes"] = notes
    return row
