"""What an audit is made of: by thread, the model's sums for all replies and the gaps to the labels made by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from nlp_engage.measure.statistics import AT
from nlp_engage.measure.sums import cells
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from nlp_engage.measure.groups import Grouping
    from nlp_engage.measure.sums import Cells
    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray

_MODEL: Final = ("replies", "mindless", "dialogue", "expression", "credit", "voice", "engaged")
_GAPS: Final = ("mindless_gap", "dialogue_gap", "expression_gap", "credit_gap", "engaged_gap")
COLUMNS: Final = (*_MODEL, "levelled", "weight", "labels", *_GAPS)
"""``levelled`` is ``engaged`` with credits brought to the level of those made by hand."""
KEYS: Final = (*(f"share_{label}" for label in LABELS), "eq", "ep")
_SCALE: Final = np.array([1.0, 1.0, 1.0, 100.0])
_BELOW_ONE: Final = float(np.nextafter(1.0, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Influences:
    """Figures of a group and what each of its threads adds to their error. The order is that of ``KEYS``.

    Attributes:
        raw: The model's figures, NaN without a reply. Shape: (5,).
        audited: Those corrected, NaN without an audited reply. Shape: (5,).
        model: Influence of each thread on ``raw``. Shape: (T, 5).
        archive: Influence on the part of ``audited`` that rests on all threads. Shape: (T, 5).
        audit: Influence on the part that rests on audited ones, 0 for others. Shape: (T, 5).
        chance: Probability with which the labels of each thread were drawn, 1 for threads without. Shape: (T,).
        labels: Labels made by hand in each thread. Shape: (T,).
    """

    raw: FloatArray
    audited: FloatArray
    model: FloatArray
    archive: FloatArray
    audit: FloatArray
    chance: FloatArray
    labels: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSums:
    """Sums by thread within group.

    Attributes:
        group: Group of each cell. Shape: (k,), int64.
        thread: Thread of each cell. Shape: (k,), int64.
        values: One column for each of ``COLUMNS``. Shape: (k, 15), float64.
        beyond: What EP of a group has beyond the sum of the influences, with the credits of the model and with
            levelled ones. Shape: (G, 2), float64.
    """

    group: npt.NDArray[np.int64]
    thread: npt.NDArray[np.int64]
    values: FloatArray
    beyond: FloatArray

    def threads(self, g: int) -> npt.NDArray[np.int64]:
        """Threads of a group, in order.

        Args:
            g: Number of the group.

        Returns:
            Places in ``ReplyTable.thread_ids``. Shape: (T,), int64.

        >>> AuditSums(group=np.array([0, 0, 1]), thread=np.array([0, 2, 2]), values=np.zeros((3, 15)),
        ...           beyond=np.zeros((2, 2))).threads(0).tolist()
        [0, 2]
        """
        mine: npt.NDArray[np.int64] = self.thread[self.group == g]
        return mine

    def influences(self, g: int) -> Influences:
        """Figures of a group, and the influences of its threads in their order.

        The share of a thread in the weight of the audit pulls the mean towards the thread itself, so that what is left
        of its deviation is too small by about as much; it is divided by the square root of the rest (CR2; Bell and
        McCaffrey 2002, "Bias reduction in standard errors for linear regression with multi-stage samples").

        Args:
            g: Number of the group.

        Returns:
            Five figures, in the order of ``KEYS``.
        """
        at = {name: self.values[self.group == g, k] for k, name in enumerate(COLUMNS)}
        n, weight = at["replies"], at["weight"]
        size, threads = n.sum(), max(len(n), 1)
        model, gaps = (np.stack([at[name] for name in names], axis=1) for names in (_MODEL[1:5], _GAPS))
        counts = np.stack([n, n, n, at["voice"]], axis=1)  # what each figure is a mean over
        below = counts.sum(axis=0)
        raw, gap = _over(model.sum(axis=0), below), _over(gaps.sum(axis=0), weight.sum())
        own = (model - raw * counts) / np.maximum(below, 1e-300) * _SCALE
        people = [
            max(at[name].sum() + self.beyond[g, k], 0.0) if size else np.nan
            for k, name in enumerate(("engaged", "levelled"))
        ]
        engaged = [at[name] - at[name].sum() / threads for name in ("engaged", "levelled")]
        scale = np.array([*_SCALE * size / np.maximum(below, 1e-300), size])
        audit = (gaps - gap * weight[:, None]) / max(weight.sum(), 1e-300) * scale
        rest = np.sqrt(np.maximum(1 - weight / max(weight.sum(), 1e-300), 1e-12))
        grown = (n - size / threads) * np.nan_to_num(gap[4])
        own_gap = (
            own + (n[:, None] / max(size, 1) - counts / np.maximum(below, 1e-300)) * np.nan_to_num(gap * scale)[:4]
        )
        ceiling = [1.0, 1.0, 1.0, 100.0, np.inf]
        return Influences(
            raw=np.append(raw * _SCALE, people[0]),
            audited=np.clip(np.append(raw * _SCALE, people[1]) + gap * scale, 0.0, ceiling),
            model=np.column_stack([own, engaged[0]]),
            archive=np.column_stack([own_gap, engaged[1] + grown]),
            audit=np.nan_to_num(audit) / rest[:, None],
            chance=np.divide(at["labels"], weight, out=np.ones_like(weight), where=weight > 0),
            labels=at["labels"],
        )


def _over(top: FloatArray, below: FloatArray | float) -> FloatArray:
    found: FloatArray = np.divide(top, below, out=np.full(top.shape, np.nan), where=np.asarray(below) > 0)
    return found


def audit_sums(predicted: ReplyTable, by_hand: ReplyTable, weights: FloatArray, grouping: Grouping) -> AuditSums:
    """Sum up by thread within group.

    Args:
        predicted: The facts as the model sees them.
        by_hand: The same with labels made by hand where there are some; rows as in ``predicted``.
        weights: One over the inclusion probability of audited rows, 0 elsewhere. Shape: (n,).
        grouping: The group of each reply.

    Returns:
        The sums, from which ``influences`` makes figures and what each thread adds to their error.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> from nlp_engage.measure.groups import group
    >>> table = collect(worked_archive(4))
    >>> weights = np.where(table.measured & (table.thread < 2), 2.0, 0.0)
    >>> found = audit_sums(table, table, weights, group(table, None)).influences(0)
    >>> found.raw.round(3).tolist() == found.audited.round(3).tolist(), found.labels.tolist()  # hands agree
    (True, [7.0, 6.0, 0.0, 0.0])
    """
    found = cells(predicted, grouping)
    level = levelled(predicted, by_hand, weights)
    evened = cells(level, grouping)
    count = len(found.group)
    audited = np.flatnonzero((weights > 0) & (found.row_cell >= 0))
    cell, weight = found.row_cell[audited], weights[audited]

    def add(values: FloatArray) -> FloatArray:
        return np.bincount(cell, values, count).astype(np.float64)

    differ = by_hand.probabilities[audited] - predicted.probabilities[audited]
    columns = [found.values[:, AT[name]] for name in _MODEL] + [evened.values[:, AT["engaged"]]]
    columns += [add(weight), add(np.ones(len(cell)))]
    columns += [add(weight * differ[:, k]) for k in range(len(LABELS))]
    columns += [add(weight * (predicted.voice * (by_hand.credit - predicted.credit))[audited])]
    columns += [_engaged_gap(level, by_hand, weights, found)]
    beyond = [
        c.totals[:, AT["engaged"]] - np.bincount(c.group, c.values[:, AT["engaged"]], len(c.totals))
        for c in (found, evened)
    ]
    return AuditSums(
        group=found.group, thread=found.thread, values=np.stack(columns, axis=1), beyond=np.stack(beyond, axis=1)
    )


def levelled(predicted: ReplyTable, by_hand: ReplyTable, weights: FloatArray) -> ReplyTable:
    """The facts with the model's credits multiplied, for each predicted label, to the level of those made by hand.

    EP is a product over all that a person wrote, and an audit sees some of it. If what it has not seen has the right
    credit on average, the products are right on average; with the model's own credits they are off by the square of
    its error (``docs/measure.md``).

    Args:
        predicted: As for ``audit_sums``.
        by_hand: As for ``audit_sums``.
        weights: As for ``audit_sums``.

    Returns:
        The table with other credits, in [0, 1). Shape of each column: (n,).

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> from nlp_engage.measure.audit import relabelled
    >>> seen = collect(worked_archive(1))
    >>> by_hand = collect([relabelled(worked_archive(1)[0], {("t0", "t0.9"): 0})])  # Eve asked nothing
    >>> level = levelled(seen, by_hand, np.where(seen.measured, 1.0, 0.0))
    >>> seen.credit[[0, 2, 8]].tolist(), level.credit[[0, 2, 8]].round(3).tolist()
    ([0.875, 0.875, 0.5], [0.681, 0.681, 0.389])
    """
    guess = np.nan_to_num(predicted.probabilities).argmax(axis=1)
    factor = np.ones(len(LABELS))
    for k in range(len(LABELS)):
        mine = (guess == k) & (weights > 0)
        model = float((weights * predicted.credit)[mine].sum())
        if model > 0:
            factor[k] = float((weights * by_hand.credit)[mine].sum()) / model
    return replace(predicted, credit=np.minimum(predicted.credit * factor[guess], _BELOW_ONE))


def _engaged_gap(predicted: ReplyTable, by_hand: ReplyTable, weights: FloatArray, found: Cells) -> FloatArray:
    """How EP changes if the audited replies of a cell, and only these, get their labels made by hand. Shape: (k,)."""
    rows = np.flatnonzero(predicted.measured & (found.row_cell >= 0))
    person = np.where(predicted.author[rows] >= 0, predicted.author[rows], len(predicted.authors) + rows)
    cell = found.row_cell[rows]
    unit = np.unique(found.group[cell] * (person.max(initial=0) + 1) + person, return_inverse=True)[1]
    silent = np.log1p(-predicted.credit[rows])
    everything = np.bincount(unit, silent)
    audited = weights[rows] > 0
    _, first, pair = np.unique(unit * (len(found.group) + 1) + cell, return_index=True, return_inverse=True)
    model = np.bincount(pair[audited], silent[audited], pair.max(initial=-1) + 1)
    hand = np.bincount(pair[audited], np.log1p(-by_hand.credit[rows][audited]), len(model))
    others = everything[unit[first]] - model
    change = np.exp(others + model) - np.exp(others + hand)
    weight = np.zeros(len(first))
    weight[pair[audited]] = weights[rows][audited]
    return np.bincount(cell[first], weight * change, len(found.group)).astype(np.float64)
