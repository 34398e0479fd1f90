"""Agreement of coders: Krippendorff's alpha overall and per label, with intervals from resampling threads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError, require
from nlp_engage.scores import alpha_of_coincidences, coincidences
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from nlp_engage.types import FloatArray

    Codes = npt.NDArray[np.integer]

MISSING: Final = -1


def agreement(
    codes: Mapping[str, Codes], threads: Sequence[str], *, resamples: int = 1_000, level: float = 0.9, seed: int = 0
) -> dict[str, Any]:
    """How far coders agree.

    Only units with two codings or more count. Alpha of one label is that of "this label or another".

    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability (nominal, with missing values), computed by
    the package ``krippendorff``. Intervals: percentile bootstrap over threads, since replies of a thread are alike.

    Args:
        codes: Coder -> index in ``LABELS`` of each unit, ``MISSING`` where the coder did not label it. Shape: (units,).
        threads: The thread of each unit.
        resamples: Bootstrap resamples.
        level: Of the intervals, in (0, 1).
        seed: Of the bootstrap.

    Returns:
        ``coders`` (name -> units coded), ``units`` (with two codings or more), ``single`` (units with
        one), ``threads`` of the former, ``agreement`` (share of
        pairs of codings that are equal), ``alpha`` with ``alpha_low`` and ``alpha_high``, ``alpha_per_label``,
        and ``pairs``: for each two coders their names, ``units`` in common, ``alpha`` and ``confusion`` (rows the
        first, columns the second, order ``LABELS``). What cannot be said is ``None``, with a ``reason``.

    Raises:
        DataError: Lengths differ.
        MissingExtraError: ``krippendorff`` is not installed.

    >>> ann, bob = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    >>> found = agreement({"ann": ann, "bob": bob}, ["t1", "t2", "t3", "t4"])
    >>> found["units"], found["agreement"], round(found["alpha"], 3)
    (4, 0.75, 0.667)
    """
    if wrong := [name for name, c in codes.items() if len(c) != len(threads)]:
        raise DataError(f"coder {wrong[0]!r} has {len(codes[wrong[0]])} codings of {len(threads)} units")
    table = np.stack([np.asarray(c) for c in codes.values()]) if codes else np.full((0, len(threads)), MISSING)
    counts = np.stack([(table == k).sum(0) for k in range(len(LABELS))], axis=1)
    twice = counts.sum(1) >= 2
    where = np.array(threads, dtype=object)[twice]
    result: dict[str, Any] = {
        "coders": {name: int((row != MISSING).sum()) for name, row in zip(codes, table, strict=True)},
        "units": int(twice.sum()),
        "single": int((counts.sum(1) == 1).sum()),
        "threads": len(set(where.tolist())),
        "level": level,
        "agreement": _agreement(counts[twice]),
    }
    draws = _Draws.of(where, resamples, seed)
    result |= _alpha(counts[twice], draws, level)
    result["alpha_per_label"] = {
        str(label): _alpha(np.stack([counts[twice, k], counts[twice].sum(1) - counts[twice, k]], axis=1), draws, level)
        for k, label in enumerate(LABELS)
    }
    result["pairs"] = [_pair(a, b, codes) for a, b in combinations(codes, 2)]
    return result


def _agreement(counts: npt.NDArray[np.integer]) -> float | None:
    """Share of equal pairs of codings, each unit weighing as much as its pairs."""
    n = counts.sum(1)
    pairs = (n * (n - 1)).sum()
    return float((counts * (counts - 1)).sum() / pairs) if pairs else None


@dataclass(frozen=True, slots=True, eq=False)
class _Draws:
    """Bootstrap resamples of whole threads, with replacement.

    Attributes:
        thread: Thread of each unit. Shape: (units,).
        times: How often each thread is in each resample; no resamples of a single thread. Shape: (resamples, threads).
    """

    thread: npt.NDArray[np.intp]
    times: FloatArray

    @classmethod
    def of(cls, threads: npt.NDArray[np.object_], resamples: int, seed: int) -> _Draws:
        names, thread = np.unique(threads.astype(str), return_inverse=True)
        rng, n = np.random.default_rng(seed), len(names)
        drawn = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(resamples if n > 1 else 0)]
        return cls(thread, np.array(drawn, dtype=np.float64).reshape(len(drawn), n))

    def alphas(self, counts: npt.NDArray[np.integer]) -> FloatArray:
        """Alpha of each resample in which two labels occur."""
        labels = counts.shape[1]
        unit = coincidences(counts).reshape(len(counts), -1)
        by_thread = np.stack([np.bincount(self.thread, column, self.times.shape[1]) for column in unit.T], axis=1)
        drawn = (self.times @ by_thread).reshape(-1, labels, labels)
        return alpha_of_coincidences(drawn[(drawn.sum(-1) > 0).sum(-1) > 1])

    def none(self) -> str:
        """Why there is no interval."""
        if self.times.shape[1] < 2:
            return "units of one thread only: no interval"
        return "no resample holds two labels: no interval" if len(self.times) else "no interval was asked for"


def _alpha(counts: npt.NDArray[np.integer], draws: _Draws, level: float) -> dict[str, float | str | None]:
    value = nominal_alpha(counts)
    if value is None:
        none = "no unit has two codings" if not len(counts) else "only one label occurs: agreement cannot be told"
        return {"alpha": None, "alpha_low": None, "alpha_high": None, "reason": none}
    found = draws.alphas(counts)
    if not len(found):
        reason = draws.none()
        return {"alpha": value, "alpha_low": None, "alpha_high": None, "reason": reason}
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return {"alpha": value, "alpha_low": float(low), "alpha_high": float(high)}


def nominal_alpha(counts: npt.NDArray[np.integer] | FloatArray) -> float | None:
    """Krippendorff's alpha of nominal labels from how many coders gave each unit each label.

    Args:
        counts: Shape: (units, labels).

    Returns:
        At most 1; ``None`` where fewer than two labels occur in units coded twice.

    Raises:
        MissingExtraError: ``krippendorff`` is not installed.

    >>> round(nominal_alpha(np.array([[2, 0], [1, 1], [0, 2], [0, 2]])), 3)
    0.533
    """
    counts = counts[counts.sum(1) >= 2]
    if (counts.sum(0) > 0).sum() < 2:
        return None
    krippendorff: Any = require("krippendorff", extra="train")
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))


def _pair(a: str, b: str, codes: Mapping[str, Codes]) -> dict[str, Any]:
    both = (codes[a] != MISSING) & (codes[b] != MISSING)
    confusion = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    np.add.at(confusion, (codes[a][both], codes[b][both]), 1)
    counts = np.zeros((int(both.sum()), len(LABELS)), dtype=np.int64)
    for coder in (a, b):
        np.add.at(counts, (np.arange(len(counts)), codes[coder][both]), 1)
    return {"coders": [a, b], "units": len(counts), "alpha": nominal_alpha(counts), "confusion": confusion.tolist()}
