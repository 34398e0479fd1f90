"""What an audit is made of: by thread, the model's sums for all replies and the gaps to the labels made by hand."""

from __future__ import annotations

from dataclasses import dataclass
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
AUDITED: Final = (*_MODEL, "weight", "labels", *_GAPS)
KEYS: Final = (*(f"share_{label}" for label in LABELS), "eq", "ep")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSums:
    """Sums by thread within group.

    Attributes:
        group: Group of each cell. Shape: (k,), int64.
        thread: Thread of each cell. Shape: (k,), int64.
        values: One column for each of ``AUDITED``. Shape: (k, 14), float64.
        beyond: What EP of a group has beyond the sum of the influences. Shape: (G,), float64.
    """

    group: npt.NDArray[np.int64]
    thread: npt.NDArray[np.int64]
    values: FloatArray
    beyond: FloatArray

    def threads(self, g: int) -> npt.NDArray[np.int64]:
        """Threads of a group, in order."""
        mine: npt.NDArray[np.int64] = self.thread[self.group == g]
        return mine

    def of(self, g: int, threads: npt.NDArray[np.int64]) -> FloatArray:
        """Cells of a group, one row for each of the threads, zero for those it has no part in. Shape: (T, 14)."""
        spread = np.zeros((len(threads), len(AUDITED)))
        mine = self.group == g
        spread[np.searchsorted(threads, self.thread[mine])] = self.values[mine]
        return spread

    def figures(self, totals: FloatArray, g: int) -> tuple[FloatArray, FloatArray]:
        """Raw and audited figures of a group from (resampled) sums.

        Args:
            totals: Shape: (B, 14).
            g: Group.

        Returns:
            Two arrays in the order of ``KEYS``, NaN where there is no reply (raw) or no audited one. Shapes: (B, 5).
        """
        at = {name: totals[:, k] for k, name in enumerate(AUDITED)}
        model = np.stack([at[name] for name in ("mindless", "dialogue", "expression", "credit")], axis=1)
        gaps = np.stack([at[name] for name in _GAPS], axis=1)
        per_voice = np.divide(at["replies"], at["voice"], out=np.ones(len(totals)), where=at["voice"] > 0)
        raw = np.empty((len(totals), len(KEYS)))
        raw[:, :4] = _over(model, at["replies"])
        raw[:, 3] *= 100 * per_voice
        raw[:, 4] = np.where(at["replies"] > 0, np.maximum(at["engaged"] + self.beyond[g], 0.0), np.nan)
        gap = _over(gaps, at["weight"])
        gap[:, 3] *= 100 * per_voice
        gap[:, 4] *= at["replies"]
        return raw, np.clip(raw + gap, 0.0, [1.0, 1.0, 1.0, 100.0, np.inf])


def _over(top: FloatArray, below: FloatArray) -> FloatArray:
    found: FloatArray = np.divide(top, below[:, None], out=np.full(top.shape, np.nan), where=below[:, None] > 0)
    return found


def audit_sums(predicted: ReplyTable, by_hand: ReplyTable, weights: FloatArray, grouping: Grouping) -> AuditSums:
    """Sum up by thread within group.

    Args:
        predicted: The facts as the model sees them.
        by_hand: The same with labels made by hand where there are some; rows as in ``predicted``.
        weights: One over the inclusion probability of audited rows, 0 elsewhere. Shape: (n,).
        grouping: The group of each reply.
    """
    found = cells(predicted, grouping)
    count = len(found.group)
    audited = np.flatnonzero((weights > 0) & (found.row_cell >= 0))
    cell, weight = found.row_cell[audited], weights[audited]

    def add(values: FloatArray) -> FloatArray:
        return np.bincount(cell, values, count).astype(np.float64)

    differ = by_hand.probabilities[audited] - predicted.probabilities[audited]
    columns = [found.values[:, AT[name]] for name in _MODEL]
    columns += [add(weight), add(np.ones(len(cell)))]
    columns += [add(weight * differ[:, k]) for k in range(len(LABELS))]
    columns += [add(weight * (predicted.voice * (by_hand.credit - predicted.credit))[audited])]
    columns += [_engaged_gap(predicted, by_hand, weights, found)]
    beyond = found.totals[:, AT["engaged"]] - np.bincount(
        found.group, found.values[:, AT["engaged"]], len(found.totals)
    )
    return AuditSums(group=found.group, thread=found.thread, values=np.stack(columns, axis=1), beyond=beyond)


def _engaged_gap(predicted: ReplyTable, by_hand: ReplyTable, weights: FloatArray, found: Cells) -> FloatArray:
    """How EP changes if the audited replies of a cell, and only these, get their labels made by hand. Shape: (k,)."""
    rows = np.flatnonzero(predicted.measured & (found.row_cell >= 0))
    person = np.where(predicted.author[rows] >= 0, predicted.author[rows], len(predicted.authors) + rows)
    cell = found.row_cell[rows]
    unit = np.unique(np.stack([found.group[cell], person]), axis=1, return_inverse=True)[1]
    silent = np.log1p(-predicted.credit[rows])
    everything = np.bincount(unit, silent)
    audited = weights[rows] > 0
    pair = np.unique(np.stack([unit, cell]), axis=1, return_inverse=True)[1]
    model = np.bincount(pair[audited], silent[audited], pair.max(initial=-1) + 1)
    hand = np.bincount(pair[audited], np.log1p(-by_hand.credit[rows][audited]), len(model))
    first = np.unique(pair, return_index=True)[1]
    others = everything[unit[first]] - model
    change = np.exp(others + model) - np.exp(others + hand)
    weight = np.zeros(len(first))
    weight[pair[audited]] = weights[rows][audited]
    return np.bincount(cell[first], weight * change, len(found.group)).astype(np.float64)
