"""What an audit says: shares, EQ and EP corrected by hand-made labels of some threads, raw and corrected side by side.

The prediction-powered difference estimator: the model's figure for all, plus the weighted mean of what hands and model
differ by where both labelled. It needs no assumption about the model's errors. Intervals resample threads, for replies
of one thread are alike, in what they say and in how the model errs.

Sources: Angelopoulos et al. 2023, "Prediction-powered inference", doi 10.1126/science.adi6000; Egami et al. 2023,
"Using imperfect surrogates for downstream inference", arXiv 2306.04746; Särndal et al. 1992, section 6.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isnan
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.audit_sums import AUDITED, KEYS, AuditSums, audit_sums
from nlp_engage.measure.bootstrap import bca_interval, blocks, resample_weights
from nlp_engage.measure.credit import VERSION
from nlp_engage.measure.facts import collect_both
from nlp_engage.measure.groups import group
from nlp_engage.types import LABEL_CODES, LABELS, LabelledTree

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray

MIN_THREADS: Final = 2
_FEW: Final = "with fewer than 30 the interval may be too narrow"
_TOO_FEW: Final = "no interval"
_WEIGHT, _LABELS = AUDITED.index("weight"), AUDITED.index("labels")
Settings = tuple[int, float, int]
ADVISED_THREADS: Final = 30
"""From so many audited threads on, intervals cover as they say (``bench/coverage.py``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """Raw and audited figures.

    Attributes:
        version: Version of the definitions.
        level: Confidence level.
        resamples: Resamples of threads.
        seed: Of the resampling.
        estimates: One dictionary for each group and statistic.
    """

    version: str
    level: float
    resamples: int
    seed: int
    estimates: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """One row for each group (or difference of groups) and statistic.

        Keys: ``group, statistic, raw, audited, audited_low, audited_high, n_labels, n_threads`` (audited ones),
        ``labels_to_halve`` (further labels for an interval half as wide, ``None`` where labels cannot do it) and
        ``note``. Values that cannot be given are ``None``, and the note says why.
        """
        return [dict(row) for row in self.estimates]


def read_labels(units: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Labels of a sheet that was filled in: comment id -> index into ``LABELS``.

    Args:
        units: With ``uid`` and ``label``: M, D, S or the name of a label.

    Raises:
        DataError: A reply has no label or one that is none, or two different ones.

    >>> read_labels([{"uid": "c1", "label": "D"}, {"uid": "c2", "label": "self_expression"}])
    {'c1': 1, 'c2': 2}
    """
    found: dict[str, int] = {}
    for unit in units:
        uid, given = unit.get("uid"), unit.get("label")
        label = LABEL_CODES.get(str(given), given)
        if not isinstance(uid, str) or label not in LABELS:
            raise DataError(f"reply {uid!r} of the sheet has label {given!r}: write M, D or S for every reply.")
        place = LABELS.index(label)
        if found.setdefault(uid, place) != place:
            raise DataError(f"reply {uid!r} has two different labels in the sheet: settle on one.")
    return found


def relabelled(labelled: LabelledTree, labels: Mapping[str, int]) -> LabelledTree:
    """A tree with labels made by hand in place of predicted ones: probability 1 for the label, 0 for the others.

    Args:
        labelled: The tree with predicted labels.
        labels: Comment id -> index into ``LABELS``; replies that are not in it keep their prediction.
    """
    rows = [i for i, c in enumerate(labelled.tree.comments) if i and c.id in labels and not labelled.tree.stand_in[i]]
    probabilities = labelled.probabilities.copy()
    probabilities[rows] = np.eye(len(LABELS))[[labels[labelled.tree.comments[i].id] for i in rows]]
    return LabelledTree(
        tree=labelled.tree,
        probabilities=probabilities,
        acts=labelled.acts,
        act_probabilities=labelled.act_probabilities,
        languages=labelled.languages,
    )


def audit(
    labelled_trees: Iterable[LabelledTree],
    labels: Mapping[str, int],
    inclusion: Mapping[str, float],
    *,
    by: str | Mapping[str, str] | None = None,
    against: str | None = None,
    resamples: int = 1000,
    level: float = 0.90,
    seed: int = 0,
) -> AuditReport:
    """Correct shares, EQ and EP with labels made by hand.

    Args:
        labelled_trees: The archive with predicted labels; read once.
        labels: Comment id -> index into ``LABELS`` (``read_labels``), at least for every audience reply of
            ``inclusion`` that was predicted.
        inclusion: Comment id -> probability with which it was drawn, in (0, 1]: ``AuditPlan.inclusion``, or what an
            active learner has logged.
        by: Groups, as for ``measure``.
        against: Name of a group: each other group is compared with it.
        resamples: Resamples of threads.
        level: Confidence level.
        seed: Of the resampling.

    Returns:
        Raw and audited figures.

    Raises:
        DataError: Labels are missing, a probability is none, or there is no such group.
    """
    _check(labels, inclusion)
    drawn = {i: labels[i] for i in labels if i in inclusion}
    predicted, by_hand = collect_both(labelled_trees, lambda labelled: relabelled(labelled, drawn))
    return audit_tables(
        predicted,
        by_hand,
        inclusion,
        by=by,
        against=against,
        resamples=resamples,
        level=level,
        seed=seed,
        labels=labels,
    )


def audit_tables(
    predicted: ReplyTable,
    by_hand: ReplyTable,
    inclusion: Mapping[str, float],
    *,
    labels: Container[str] | None = None,
    by: str | Mapping[str, str] | None = None,
    against: str | None = None,
    resamples: int = 1000,
    level: float = 0.90,
    seed: int = 0,
) -> AuditReport:
    """``audit`` for facts that were collected before.

    Args:
        predicted: The facts with predicted labels.
        by_hand: The facts of the same trees with labels made by hand at least where ``inclusion`` says so.
        inclusion: As for ``audit``.
        labels: Comments labelled by hand; ``None`` for all.
        by: As for ``audit``.
        against: As for ``audit``.
        resamples: As for ``audit``.
        level: As for ``audit``.
        seed: As for ``audit``.

    Raises:
        DataError: As ``audit``.
    """
    known = set(predicted.comment_ids)
    if strangers := [i for i in inclusion if i not in known]:
        raise DataError(
            f"{len(strangers)} replies of the audit are not in the archive (e.g. {strangers[0]!r}): "
            "audit the run the plan was drawn from."
        )
    weights = _weights(predicted, labels, inclusion)
    grouping = group(predicted, by)
    if against is not None and against not in grouping.names:
        raise DataError(f"no group {against!r} to compare with: there are {', '.join(map(repr, grouping.names[:10]))}.")
    sums = audit_sums(predicted, by_hand, weights, grouping)
    settings = (resamples, level, seed)
    rows: list[dict[str, Any]] = []
    for g, name in enumerate(grouping.names):
        rows += _rows(sums, name, [(g, 1.0)], settings)
    if against is not None:
        base = grouping.names.index(against)
        for g, name in enumerate(grouping.names):
            if g != base:
                rows += _rows(sums, f"{name} - {against}", [(g, 1.0), (base, -1.0)], settings)
    return AuditReport(version=VERSION, level=level, resamples=resamples, seed=seed, estimates=tuple(rows))


def _check(labels: Mapping[str, int], inclusion: Mapping[str, float]) -> None:
    for comment_id, p in inclusion.items():
        if not 0 < p <= 1:
            raise DataError(f"reply {comment_id!r} has inclusion probability {p}: it must be in (0, 1].")
    for comment_id, label in labels.items():
        if label not in range(len(LABELS)):
            raise DataError(f"reply {comment_id!r} has label {label!r}: it must be 0, 1 or 2, in the order of LABELS.")


def _weights(table: ReplyTable, labels: Container[str] | None, inclusion: Mapping[str, float]) -> FloatArray:
    """One over the inclusion probability of audited audience replies, 0 elsewhere. Shape: (n,)."""
    weights = np.array([1 / inclusion[i] if i in inclusion else 0.0 for i in table.comment_ids], dtype=np.float64)
    weights[~table.measured] = 0.0
    drawn = [table.comment_ids[k] for k in np.flatnonzero(weights).tolist()]
    missing = [] if labels is None else [i for i in drawn if i not in labels]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(drawn)} replies of the audit have no label (e.g. {missing[0]!r}): "
            "label them all, for leaving out the hard ones would bias the result."
        )
    return weights


def _rows(sums: AuditSums, name: str, terms: list[tuple[int, float]], settings: Settings) -> list[dict[str, Any]]:
    """Figures of a group, or of a difference of two."""
    resamples, level, seed = settings
    sides = _sides(sums, terms)
    threads = min(int((side.cells[:, _WEIGHT] > 0).sum()) for side in sides)
    n_labels = round(sum(float(side.cells[:, _LABELS].sum()) for side in sides))
    raw, audited = (np.sum([side.sign * side.whole[k] for side in sides], axis=0) for k in (0, 1))
    low, high, halve = np.full((3, len(KEYS)), np.nan)
    if threads >= MIN_THREADS:
        without = _left_out(sides)
        halve = _further(*without) * n_labels
        if resamples:
            draws = np.sum([side.draws(resamples, seed) for side in sides], axis=0)
            units = np.full(len(KEYS), float(sum((side.cells[:, _WEIGHT] > 0).sum() for side in sides)))
            low, high = bca_interval(draws, audited, without[1], units, level)
    note = "" if threads >= ADVISED_THREADS else f"{threads} audited threads: {_FEW if threads > 1 else _TOO_FEW}"
    return [
        {
            "group": name,
            "statistic": key,
            "raw": _plain(raw[k]),
            "audited": _plain(audited[k]),
            "audited_low": _plain(low[k]),
            "audited_high": _plain(high[k]),
            "n_labels": n_labels,
            "n_threads": threads,
            "labels_to_halve": None if isnan(halve[k]) else ceil(halve[k]),
            "note": note,
        }
        for k, key in enumerate(KEYS)
    ]


def _plain(value: float) -> float | None:
    return None if isnan(value) else float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One group of a figure or a difference.

    ``cells`` is one row a thread, shape (T, 13); ``stream`` is the same for groups that share threads, which are
    then drawn together, and another for groups that do not.
    """

    sums: AuditSums
    group: int
    sign: float
    cells: FloatArray
    stream: int

    @property
    def whole(self) -> tuple[FloatArray, FloatArray]:
        """Raw and audited figures. Shapes: (5,), (5,)."""
        raw, audited = self.sums.figures(self.cells.sum(axis=0)[None], self.group)
        return raw[0], audited[0]

    def without(self) -> tuple[FloatArray, FloatArray]:
        """Raw and audited figures without each thread. Shapes: (T, 5), (T, 5)."""
        return self.sums.figures(self.cells.sum(axis=0) - self.cells, self.group)

    def draws(self, resamples: int, seed: int) -> FloatArray:
        """Audited figures in each resample, with their sign. Shape: (B, 5)."""
        place = blocks(len(self.cells), seed)
        summed = np.zeros((int(place.max()) + 1, self.cells.shape[1]))
        np.add.at(summed, place, self.cells)
        drawn = resample_weights(len(summed), resamples, seed + self.stream) @ summed
        return self.sign * self.sums.figures(drawn, self.group)[1]


def _sides(sums: AuditSums, terms: list[tuple[int, float]]) -> list[_Side]:
    threads = [sums.threads(g) for g, _ in terms]
    shared = len(np.unique(np.concatenate(threads))) < sum(map(len, threads))
    if shared:
        threads = [np.unique(np.concatenate(threads))] * len(terms)
    return [
        _Side(sums=sums, group=g, sign=sign, cells=sums.of(g, mine), stream=0 if shared else k)
        for k, ((g, sign), mine) in enumerate(zip(terms, threads, strict=True))
    ]


def _left_out(sides: list[_Side]) -> tuple[FloatArray, FloatArray]:
    """Raw and audited figures without each thread, relative to those with all. Shapes: (T, 5), (T, 5)."""
    away = [
        [side.sign * (part - all_) for part, all_ in zip(side.without(), side.whole, strict=True)] for side in sides
    ]
    together = np.sum if len({side.stream for side in sides}) == 1 else lambda parts, axis: np.concatenate(parts, axis)
    return together([raw for raw, _ in away], axis=0), together([audited for _, audited in away], axis=0)


def _further(raw: FloatArray, audited: FloatArray) -> FloatArray:
    """Further labels, as a multiple of those there are, that would halve the interval; NaN where none would.

    Of the variance, the part of the gap between hand and model falls as one over the number of labels; the rest,
    the threads' own, stays.
    """
    both, gap = (np.nansum((x - np.nanmean(x, axis=0)) ** 2, axis=0) for x in (audited, audited - raw))
    left = both / 4 - (both - gap)
    times: FloatArray = np.divide(gap, left, out=np.full(len(KEYS), np.nan), where=left > 0) - 1
    return times
