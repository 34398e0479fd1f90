"""What an audit says: shares, EQ and EP corrected by hand-made labels of some threads, raw and corrected side by side.

The prediction-powered difference estimator: the model's figure for all, plus the weighted mean of what hands and model
differ by where both labelled. It needs no assumption about the model's errors. Variance is that between threads, for
replies of one thread are alike, in what they say and in how the model errs.

Sources: Angelopoulos et al. 2023, "Prediction-powered inference", doi 10.1126/science.adi6000; Egami et al. 2023,
"Using imperfect surrogates for downstream inference", arXiv 2306.04746; Särndal et al. 1992, section 6.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, inf, isnan
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.audit_interval import interval, spread
from nlp_engage.measure.audit_sums import KEYS, AuditSums, Influences, audit_sums
from nlp_engage.measure.credit import VERSION
from nlp_engage.measure.facts import collect_both
from nlp_engage.measure.groups import group
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    import numpy.typing as npt

    from nlp_engage.measure.audit_plan import Key
    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray, LabelledTree

MIN_THREADS: Final = 2
ADVISED_THREADS: Final = 30
"""From so many audited threads on, intervals cover as they say (``bench/audit_coverage.py``)."""
_FEW: Final = "with fewer than 30 the interval is less sure to hold what it says"
_TOO_FEW: Final = "no interval"
_TOPS: Final = (1.0, 1.0, 1.0, 100.0, inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """Raw and audited figures.

    Attributes:
        version: Version of the definitions.
        level: Confidence level.
        estimates: One dictionary for each group and statistic.
    """

    version: str
    level: float
    estimates: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """One row for each group (or difference of groups) and statistic.

        Keys: ``group, statistic``, ``raw`` and ``audited`` with ``_low`` and ``_high``, ``n_replies``, ``n_labels``,
        ``n_threads`` (audited ones), ``labels_to_halve`` (further labels for an audited interval half as wide,
        ``None`` where labels cannot do it) and ``note``. Values that cannot be given are ``None``, and the note says
        why.

        Returns:
            Shares in [0, 1], EQ in points, EP in people.

        >>> AuditReport(version="eq-2", level=0.9, estimates=({"group": "all", "statistic": "eq"},)).rows()
        [{'group': 'all', 'statistic': 'eq'}]
        """
        return [dict(row) for row in self.estimates]


def relabelled(labelled: LabelledTree, labels: Mapping[Key, int]) -> LabelledTree:
    """A tree with labels made by hand in place of predicted ones: probability 1 for the label, 0 for the others.

    Args:
        labelled: The tree with predicted labels.
        labels: Thread and comment id -> index into ``LABELS``; replies that are not in it keep their prediction.

    Returns:
        The same tree; ``labelled`` itself is left as it is. Probabilities have the shape (n, 3).

    >>> from nlp_engage.measure.worked import worked_thread
    >>> labelled = relabelled(worked_thread(), {("t0", "t0.5"): 2})
    >>> labelled.probabilities[5].tolist()
    [0.0, 0.0, 1.0]
    """
    tree, probabilities = labelled.tree, labelled.probabilities.copy()
    keys = [(tree.thread_id, comment.id) for comment in tree.comments]
    rows = [i for i, key in enumerate(keys) if i and key in labels and not tree.stand_in[i]]
    probabilities[rows] = np.eye(len(LABELS))[[labels[keys[i]] for i in rows]]
    return replace(labelled, probabilities=probabilities)


def audit(
    labelled_trees: Iterable[LabelledTree],
    labels: Mapping[Key, int],
    inclusion: Mapping[Key, float],
    *,
    stratum: Mapping[str, str] | None = None,
    by: str | Mapping[str, str] | None = None,
    against: str | None = None,
    level: float = 0.90,
) -> AuditReport:
    """Correct shares, EQ and EP with labels made by hand.

    Args:
        labelled_trees: The archive with predicted labels; read once.
        labels: Thread and comment id -> index into ``LABELS``, at least for every audience reply of ``inclusion``
            that was predicted.
        inclusion: Thread and comment id -> probability with which it was drawn, in (0, 1]:
            ``AuditPlan.inclusion``, or what an active learner has logged.
        stratum: Thread id -> stratum, if threads were drawn by strata (``AuditPlan.stratum``).
        by: Groups, as for ``measure``.
        against: Name of a group: each other group is compared with it.
        level: Confidence level.

    Returns:
        Raw and audited figures.

    Raises:
        DataError: Labels are missing, a probability is none, or there is no such group.

    >>> from nlp_engage.measure.worked import worked_archive
    >>> trees = worked_archive(8)
    >>> replies = [(f"t{k}", f"t{k}.{n}") for k in range(0, 8, 2) for n in (1, 3, 5, 6, 7, 8, 9)]
    >>> half = dict.fromkeys(replies, 1)  # hands say: all is dialogue
    >>> rows = audit(trees, half, dict.fromkeys(half, 0.5)).rows()
    >>> [(row["statistic"], round(row["raw"], 2), round(row["audited"], 2), row["n_labels"]) for row in rows[:2]]
    [('share_mindless_interaction', 0.46, 0.03, 28), ('share_genuine_dialogue', 0.38, 0.96, 28)]
    """
    _check(labels, inclusion)
    drawn = {i: labels[i] for i in labels if i in inclusion}
    predicted, by_hand = collect_both(labelled_trees, lambda labelled: relabelled(labelled, drawn))
    return audit_tables(
        predicted, by_hand, inclusion, labels=labels, stratum=stratum, by=by, against=against, level=level
    )


def audit_tables(
    predicted: ReplyTable,
    by_hand: ReplyTable,
    inclusion: Mapping[Key, float],
    *,
    labels: Container[Key] | None = None,
    stratum: Mapping[str, str] | None = None,
    by: str | Mapping[str, str] | None = None,
    against: str | None = None,
    level: float = 0.90,
) -> AuditReport:
    """``audit`` for facts that were collected before.

    Args:
        predicted: The facts with predicted labels.
        by_hand: The facts of the same trees with labels made by hand at least where ``inclusion`` says so.
        inclusion: As for ``audit``.
        labels: Replies labelled by hand; ``None`` for all.
        stratum: As for ``audit``.
        by: As for ``audit``.
        against: As for ``audit``.
        level: As for ``audit``.

    Returns:
        As ``audit``.

    Raises:
        DataError: As ``audit``.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> hand = {("t0", "t0.5"): 1, ("t1", "t1.5"): 1}
    >>> seen, by_hand = collect(worked_archive(2)), collect([relabelled(lt, hand) for lt in worked_archive(2)])
    >>> rows = audit_tables(seen, by_hand, dict.fromkeys(hand, 1.0)).rows()
    >>> rows[0]["n_threads"], rows[0]["note"]
    (2, '2 audited threads: with fewer than 30 the interval is less sure to hold what it says')
    """
    weights = _weights(predicted, labels, inclusion)
    grouping = group(predicted, by)
    if against is not None and against not in grouping.names:
        raise DataError(f"no group {against!r} to compare with: there are {', '.join(map(repr, grouping.names[:10]))}.")
    design = _Design.of(predicted, weights, stratum or {})
    sums = audit_sums(predicted, by_hand, weights, grouping)
    rows: list[dict[str, Any]] = []
    for g, name in enumerate(grouping.names):
        rows += _rows(name, [_side(sums, g, 1.0)], design, level)
    if against is not None:
        base = grouping.names.index(against)
        for g, name in enumerate(grouping.names):
            if g != base:
                rows += _rows(f"{name} - {against}", [_side(sums, g, 1.0), _side(sums, base, -1.0)], design, level)
    return AuditReport(version=VERSION, level=level, estimates=tuple(rows))


def _check(labels: Mapping[Key, int], inclusion: Mapping[Key, float]) -> None:
    for (_, comment), p in inclusion.items():
        if not 0 < p <= 1:
            raise DataError(f"reply {comment!r} has inclusion probability {p}: it must be in (0, 1].")
    for (_, comment), label in labels.items():
        if label not in range(len(LABELS)):
            raise DataError(f"reply {comment!r} has label {label!r}: it must be 0, 1 or 2, in the order of LABELS.")


def _weights(table: ReplyTable, labels: Container[Key] | None, inclusion: Mapping[Key, float]) -> FloatArray:
    """One over the inclusion probability of audited audience replies, 0 elsewhere. Shape: (n,)."""
    number = {thread: t for t, thread in enumerate(table.thread_ids)}
    starts = np.searchsorted(table.thread, np.arange(len(number) + 1)).tolist()
    begun = {number[thread] for thread, _ in inclusion if thread in number}
    rows = [row for t in sorted(begun) for row in range(starts[t], starts[t + 1])]
    place = {(table.thread_ids[table.thread[row]], table.comment_ids[row]): row for row in rows}
    if strangers := [key[1] for key in inclusion if key not in place]:
        raise DataError(
            f"{len(strangers)} replies of the audit are not in the archive (e.g. {strangers[0]!r}): "
            "audit the run the plan was drawn from."
        )
    measured = table.measured
    drawn = [key for key in inclusion if measured[place[key]]]
    missing = [] if labels is None else [key for key in drawn if key not in labels]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(drawn)} replies of the audit have no label (e.g. {missing[0][1]!r}): "
            "label them all, for leaving out the hard ones would bias the result."
        )
    weights = np.zeros(len(table))
    weights[[place[key] for key in drawn]] = [1 / inclusion[key] for key in drawn]
    return weights


@dataclass(frozen=True, slots=True, kw_only=True)
class _Design:
    """How threads were drawn: the stratum of each audited one, -1 for others, and how many each stratum has given."""

    stratum: npt.NDArray[np.int64]
    drawn: FloatArray

    @classmethod
    def of(cls, table: ReplyTable, weights: FloatArray, stratum: Mapping[str, str]) -> _Design:
        audited = np.unique(table.thread[weights > 0]).tolist()
        names = [stratum.get(table.thread_ids[t], "") for t in audited]
        distinct = sorted(set(names)) or [""]
        found = np.full(len(table.thread_ids), -1, dtype=np.int64)
        found[audited] = [distinct.index(name) for name in names]
        return cls(stratum=found, drawn=np.bincount(found[audited], minlength=len(distinct)).astype(np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One group of a figure or of a difference."""

    sign: float
    thread: npt.NDArray[np.int64]
    found: Influences
    replies: int


def _side(sums: AuditSums, g: int, sign: float) -> _Side:
    replies = int(sums.values[sums.group == g, 0].sum())
    return _Side(sign=sign, thread=sums.threads(g), found=sums.influences(g), replies=replies)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Joined:
    """Influences of all threads of a figure or a difference; a thread that two groups share is there once."""

    model: FloatArray
    archive: FloatArray
    audit: FloatArray
    chance: FloatArray
    stratum: npt.NDArray[np.int64]

    @classmethod
    def of(cls, sides: list[_Side], design: _Design) -> _Joined:
        threads = np.unique(np.concatenate([side.thread for side in sides]))
        model, archive, audit = np.zeros((3, len(threads), len(KEYS)))
        chance = np.ones(len(threads))
        for side in sides:
            at = np.searchsorted(threads, side.thread)
            model[at] += side.sign * side.found.model
            archive[at] += side.sign * side.found.archive
            audit[at] += side.sign * side.found.audit
            chance[at] = np.minimum(chance[at], side.found.chance)
        return cls(model=model, archive=archive, audit=audit, chance=chance, stratum=design.stratum[threads])


def _rows(name: str, sides: list[_Side], design: _Design, level: float) -> list[dict[str, Any]]:
    """Figures of a group, or of a difference of two."""
    joined = _Joined.of(sides, design)
    threads = min(int((side.found.labels > 0).sum()) for side in sides)
    n_labels = round(sum(float(side.found.labels.sum()) for side in sides))
    n_replies = sum(side.replies for side in sides)
    note = "" if threads >= ADVISED_THREADS else f"{threads} audited threads: {_FEW if threads > 1 else _TOO_FEW}"
    no_end = f"the audited figure is at its bound or all threads are alike: {_TOO_FEW}"
    nobody = np.full(len(joined.stratum), -1, dtype=np.int64)
    rows = []
    for k, key in enumerate(KEYS):
        raw, audited = (sum(side.sign * getattr(side.found, way)[k] for side in sides) for way in ("raw", "audited"))
        top = _TOPS[k] if len(sides) == 1 else None
        own = spread(joined.model[:, k], np.zeros(len(nobody)), joined.chance, nobody, np.zeros(1))
        row: dict[str, Any] = {"group": name, "statistic": key, "raw": _plain(raw)}
        row |= _ends("raw", interval(raw, own, level, top) if len(nobody) > 1 else None)
        row |= {"audited": _plain(audited), **_ends("audited", None)}
        further = None
        if threads >= MIN_THREADS:
            both = spread(joined.archive[:, k], joined.audit[:, k], joined.chance, joined.stratum, design.drawn)
            row |= _ends("audited", interval(audited, both, level, top))
            further = _further(both.times_to_halve, n_labels, n_replies)
        row |= {"n_replies": n_replies, "n_labels": n_labels, "n_threads": threads}
        why = no_end if threads >= MIN_THREADS and row["audited_low"] is None else note
        rows.append({**row, "labels_to_halve": further, "note": why})
    return rows


def _ends(name: str, found: tuple[float, float] | None) -> dict[str, float | None]:
    return {f"{name}_low": found and found[0], f"{name}_high": found and found[1]}


def _further(times: float | None, n_labels: int, n_replies: int) -> int | None:
    """Further labels that halve an interval; ``None`` where the archive has not so many replies."""
    if times is None or times * n_labels > n_replies:
        return None
    return ceil((times - 1) * n_labels)


def _plain(value: float) -> float | None:
    return None if isnan(value) else float(value)
