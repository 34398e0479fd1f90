"""Corrected shares of every group, beside the raw ones: adjusted counts with intervals, and EMQ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.bootstrap import blocks, percentile_interval, resample_weights
from nlp_engage.measure.pieces import add_at, pieces
from nlp_engage.measure.quantify import adjusted_count, check_condition, draw_rates, emq
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from nlp_engage.measure.quantify import HeldOut
    from nlp_engage.measure.sums import Cells
    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray

MIN_REPLIES: Final = 30
"""Fewer labelled replies than this are not corrected: the correction of a handful is noise."""
NO_SCORES: Final = "the model's errors on held-out replies are not known here: shares are not corrected"
CORRECTED: Final = tuple(f"share_{label}_corrected" for label in LABELS)
EMQ: Final = tuple(f"share_{label}_emq" for label in LABELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Corrected shares of one group; ``reason`` says why there are none, or no interval."""

    shares: tuple[float, ...] | None = None
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    emq: tuple[float, ...] | None = None
    reason: str = ""

    def row(self) -> dict[str, Any]:
        """Keys of a measurement's row, and its notes under ``notes``.

        Returns:
            Shares in [0, 1], or ``None``.

        >>> Correction(reason="no scores").row()["notes"][CORRECTED[0]]
        'no scores'
        """
        found: dict[str, Any] = {}
        for k in range(len(LABELS)):
            found[CORRECTED[k]] = self.shares and self.shares[k]
            found[f"{CORRECTED[k]}_low"] = self.low and self.low[k]
            found[f"{CORRECTED[k]}_high"] = self.high and self.high[k]
            found[EMQ[k]] = self.emq and self.emq[k]
        missing = CORRECTED if self.low is None else ()
        return {**found, "notes": dict.fromkeys((*missing, *(EMQ if self.emq is None else ())), self.reason)}


def corrections(
    table: ReplyTable, cells: Cells, known: Mapping[str, HeldOut], *, resamples: int, level: float, seed: int
) -> list[Correction]:
    """Correct the shares of every group, language by language.

    Args:
        table: The facts.
        cells: Their sums by thread within group.
        known: Language -> what the classifier did on held-out replies; empty where nothing is known, and then no
            group is corrected.
        resamples: Resamples of threads, each with its own draw of the confusions; 0 for no intervals.
        level: Confidence level.
        seed: Of both.

    Returns:
        One correction a group.

    >>> from nlp_engage.measure import HeldOut, collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> from nlp_engage.measure.groups import group
    >>> from nlp_engage.measure.sums import cells
    >>> table = collect(worked_archive(12))
    >>> known = {"en": HeldOut(confusion=np.array([[45, 5, 0], [5, 45, 0], [0, 5, 45]], dtype=float))}
    >>> one, = corrections(table, cells(table, group(table, None)), known, resamples=100, level=0.9, seed=0)
    >>> [round(share, 3) for share in one.shares], one.low is not None
    ([0.473, 0.356, 0.171], True)
    """
    if not known:
        return [Correction(reason=NO_SCORES)] * len(cells.totals)
    languages = sorted(known)
    refused = {language: reason for language in languages if (reason := _refusal(known[language]))}
    counts, strangers = _counts(table, cells, languages)
    rates = np.stack([_filled(known[language].rates) for language in languages])
    rng = np.random.default_rng([seed, len(languages)])
    drawn = np.stack([draw_rates(known[language], resamples, rng) for language in languages], axis=1)
    bounds = np.searchsorted(cells.group, np.arange(len(cells.totals) + 1))
    by_group = _rows_by_group(table, cells)
    found = []
    for g, (a, b) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
        mine = counts[a:b]
        reason = _unfit(mine, strangers[a:b], languages, refused)
        if reason:
            found.append(Correction(reason=reason))
            continue
        shares = corrected_shares(mine.sum(axis=0), rates)
        beside = _emq(table, by_group[g], languages, known)
        low, high, reason = corrected_interval(mine, shares, rates, drawn, (resamples, level, seed))
        found.append(Correction(shares=_plain(shares), low=low, high=high, emq=_plain(beside), reason=reason))
    return found


def _refusal(known: HeldOut) -> str:
    try:
        check_condition(known)
    except DataError as error:
        return str(error)
    return ""


def _filled(rates: FloatArray) -> FloatArray:
    """Rates that may be computed with; where some are missing, the correction is refused anyway."""
    return np.where(np.isnan(rates), np.eye(len(LABELS)), rates)


def _counts(table: ReplyTable, cells: Cells, languages: list[str]) -> tuple[FloatArray, FloatArray]:
    """Predicted labels by cell and language, shape (k, L, 3), and replies in other languages, shape (k,)."""
    measured, count = table.measured & (cells.row_cell >= 0), len(cells.group)
    place = np.array([languages.index(x) if x in languages else -1 for x in table.languages], dtype=np.int64)
    counts, others = np.zeros(count * len(languages) * len(LABELS)), np.zeros(count)
    for piece in pieces(len(table)):
        rows = piece.start + np.flatnonzero(measured[piece])
        cell, language = cells.row_cell[rows], place[table.language[rows]]
        code = (cell * len(languages) + language) * len(LABELS) + table.probabilities[rows].argmax(axis=1)
        known_rows = language >= 0
        add_at(counts, code[known_rows], known_rows[known_rows])
        add_at(others, cell[~known_rows], ~known_rows[~known_rows])
    return counts.reshape(count, len(languages), len(LABELS)), others


def _rows_by_group(table: ReplyTable, cells: Cells) -> list[npt.NDArray[np.int64]]:
    """Measured rows of each group."""
    rows = np.flatnonzero((cells.row_cell >= 0) & table.measured)
    group = cells.group[cells.row_cell[rows]].astype(np.int32)
    order = np.argsort(group, kind="stable")
    bounds = np.searchsorted(group[order], np.arange(len(cells.totals) + 1))
    rows = rows[order]
    return [rows[a:b] for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)]


def _unfit(counts: FloatArray, strangers: FloatArray, languages: list[str], refused: Mapping[str, str]) -> str:
    """Why a group is not corrected; empty where it is."""
    total = counts.sum(axis=(0, 2))
    if strangers.sum():
        return f"{strangers.sum():.0f} labelled replies in a language without held-out confusion"
    if total.sum() < MIN_REPLIES:
        return f"fewer than {MIN_REPLIES} labelled replies: not corrected"
    reasons = [refused[language] for language, n in zip(languages, total, strict=True) if n and language in refused]
    return reasons[0] if reasons else ""


def corrected_shares(counts: FloatArray, rates: FloatArray) -> FloatArray:
    """Adjusted counts of all languages together. Shapes: (..., L, 3) and (..., L, 3, 3) -> (..., 3).

    Args:
        counts: Predicted labels, by language. Shape: (..., L, 3).
        rates: Probability of each prediction given the truth, by language. Shape: (..., L, 3, 3).

    Returns:
        Shares of all languages together, weighted by their replies; NaN where there are none. Shape: (..., 3).

    >>> rates = np.array([[[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.0, 0.1, 0.9]]])
    >>> corrected_shares(np.array([[51.0, 29.0, 20.0]]), rates).round(3).tolist()
    [0.506, 0.271, 0.222]
    """
    n = counts.sum(axis=-1, keepdims=True)
    adjusted = adjusted_count(np.divide(counts, n, out=np.full_like(counts, 1 / len(LABELS)), where=n > 0), rates)
    total = n.sum(axis=-2)
    shares: FloatArray = np.divide(
        (adjusted * n).sum(axis=-2), total, out=np.full((*total.shape[:-1], len(LABELS)), np.nan), where=total > 0
    )
    return shares


def _emq(
    table: ReplyTable, rows: npt.NDArray[np.int64], languages: list[str], known: Mapping[str, HeldOut]
) -> FloatArray:
    shares = np.zeros(len(LABELS))
    for language in languages:
        if language in table.languages:
            mine = rows[table.language[rows] == table.languages.index(language)]
            if len(mine):
                shares += len(mine) * emq(table.probabilities[mine], known[language].prior)
    return shares / len(rows)


def corrected_interval(
    counts: FloatArray, shares: FloatArray, rates: FloatArray, drawn: FloatArray, settings: tuple[int, float, int]
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None, str]:
    """Ends of the corrected shares of a group, or why there are none: threads and confusions drawn anew each time.

    Args:
        counts: Predicted labels by thread and language. Shape: (T, L, 3).
        shares: The corrected shares. Shape: (3,).
        rates: Probability of each prediction given the truth, by language. Shape: (L, 3, 3).
        drawn: Draws of the same (``quantify.draw_rates``). Shape: (B, L, 3, 3).
        settings: Resamples B, level, seed.

    Returns:
        Lower and upper ends, three each, and the reason why there are none, empty where there are.

    >>> rates = np.array([[[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.0, 0.1, 0.9]]])
    >>> counts = np.array([[[6.0, 3, 1]], [[4.0, 4, 2]], [[5.0, 2, 3]]])
    >>> shares = corrected_shares(counts.sum(axis=0), rates)
    >>> drawn = np.repeat(rates[None], 100, axis=0)  # as if the confusion were known for sure
    >>> low, high, why = corrected_interval(counts, shares, rates, drawn, (100, 0.9, 0))
    >>> bool((np.array(low) <= shares).all() and (shares <= np.array(high)).all()), why
    (True, '')
    """
    resamples, level, seed = settings
    units = int((counts.sum(axis=(1, 2)) > 0).sum())
    if units < 2:
        return None, None, "one thread only: no interval"
    if not resamples:
        return None, None, "not resampled: no interval"
    place = blocks(len(counts), seed)
    flat = np.zeros((int(place.max()) + 1, counts[0].size))
    np.add.at(flat, place, counts.reshape(len(counts), -1))
    sums = resample_weights(len(flat), resamples, seed) @ flat
    draws = corrected_shares(sums.reshape(resamples, *counts.shape[1:]), drawn)
    without = np.maximum(flat.sum(axis=0) - flat, 0).reshape(len(flat), *counts.shape[1:])
    left_out = corrected_shares(without, rates)
    low, high = percentile_interval(draws, left_out, np.full(len(LABELS), float(units)), level)
    if np.isnan(low).any():
        return None, None, "all threads alike: no interval"
    return _plain(np.minimum(low, shares)), _plain(np.maximum(high, shares)), ""


def _plain(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
