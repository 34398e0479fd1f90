"""Agreement of coders: Krippendorff's alpha overall and per label, with intervals from resampling threads."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError, require
from nlp_engage.resample import LEVEL, RESAMPLES, ThreadBootstrap, interval
from nlp_engage.scores import alpha_of_coincidences, coincidences, confusion
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Codes = npt.NDArray[np.integer]

MISSING: Final = -1


def agreement(
    codes: Mapping[str, Codes],
    threads: Sequence[str],
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Any]:
    """How far coders agree.

    Only units with two codings or more count. Alpha of one label is that of "this label or another".

    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability (nominal, with missing values), computed by
    the package ``krippendorff``, in resamples from sums of coincidences. Intervals: percentile bootstrap over the
    threads of these units.

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
    given = np.stack([(table == k).sum(0) for k in range(len(LABELS))], axis=1)
    twice = given.sum(1) >= 2
    counts = given[twice]
    where = [str(thread) for thread, two in zip(threads, twice, strict=True) if two]
    result: dict[str, Any] = {
        "coders": {name: int((row != MISSING).sum()) for name, row in zip(codes, table, strict=True)},
        "units": len(counts),
        "single": int((given.sum(1) == 1).sum()),
        "threads": len(set(where)),
        "level": level,
        "agreement": _agreement(counts),
    }
    draws = ThreadBootstrap(where, seed, resamples)
    result |= alpha_with_interval(counts, draws, level)
    result["alpha_per_label"] = {
        str(label): alpha_with_interval(np.stack([counts[:, k], counts.sum(1) - counts[:, k]], axis=1), draws, level)
        for k, label in enumerate(LABELS)
    }
    result["pairs"] = [_pair(a, b, codes) for a, b in combinations(codes, 2)]
    return result


def _agreement(counts: npt.NDArray[np.integer]) -> float | None:
    """Share of equal pairs of codings, each unit weighing as much as its pairs."""
    n = counts.sum(1)
    pairs = (n * (n - 1)).sum()
    return float((counts * (counts - 1)).sum() / pairs) if pairs else None


def alpha_with_interval(
    counts: npt.NDArray[np.integer], threads: ThreadBootstrap, level: float = LEVEL
) -> dict[str, float | str | None]:
    """Krippendorff's alpha of nominal labels, with an interval from resampling threads.

    A resample in which fewer than two labels occur is left out: nothing can be told of agreement there.

    Args:
        counts: How many coders gave each unit each label; units that two or more coded. Shape: (units, labels).
        threads: The threads of these units and of no others: they are what is resampled.
        level: Of the interval, in (0, 1).

    Returns:
        ``alpha``, at most 1, ``alpha_low`` and ``alpha_high``; what cannot be said is ``None``, with a ``reason``.

    Raises:
        MissingExtraError: ``krippendorff`` is not installed.

    >>> counts, threads = np.array([[2, 0], [1, 1], [0, 2], [0, 2]]), ["t1", "t1", "t1", "t1"]
    >>> found = alpha_with_interval(counts, ThreadBootstrap(threads, seed=0))
    >>> round(found["alpha"], 3), found["alpha_low"], found["reason"]
    (0.533, None, 'units of one thread only: no interval')
    """
    if (counts.sum(0) > 0).sum() < 2:
        none = "only one label occurs: agreement cannot be told" if len(counts) else "no unit has two codings"
        return {"alpha": None, "alpha_low": None, "alpha_high": None, "reason": none}
    krippendorff: Any = require("krippendorff", extra="train")
    value = float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))
    draws = alpha_of_coincidences(threads.sums(coincidences(counts)))
    low, high = interval(draws, float(threads.effective(np.ones(len(counts)))), level)
    found: dict[str, float | str | None] = {"alpha": value, "alpha_low": low, "alpha_high": high}
    return found if low is not None else found | {"reason": _no_interval(threads)}


def _no_interval(threads: ThreadBootstrap) -> str:
    if threads.n < 2:
        return "units of one thread only: no interval"
    return "no resample holds two labels: no interval" if threads.resamples else "no interval was asked for"


def _pair(a: str, b: str, codes: Mapping[str, Codes]) -> dict[str, Any]:
    both = (codes[a] != MISSING) & (codes[b] != MISSING)
    counts = confusion(codes[a][both], codes[b][both])
    alpha = float(alpha_of_coincidences(counts + counts.T))
    found = {"alpha": None if np.isnan(alpha) else alpha, "confusion": counts.tolist()}
    return {"coders": [a, b], "units": int(both.sum()), **found}
