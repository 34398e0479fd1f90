"""Splits of labelled units: whole threads on one side, languages and labels in their shares on both."""

from __future__ import annotations

import warnings
from collections import Counter
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.types import IntArray

_PIECES: Final = 20
"""A share is made of folds; twenty give it to within a fortieth where threads are small."""
_MOST_PIECES: Final = 100
"""For shares near 0 or 1; dealing takes time with the number of folds."""


def thread_of(unit: Mapping[str, Any]) -> str:
    """The thread a unit comes from; a unit that names none is a thread of its own.

    >>> thread_of({"uid": "u1", "thread": "t1"}), thread_of({"uid": "u1"})
    ('t1', 'u1')
    """
    return str(unit.get("thread") or unit["uid"])


def deal_folds(units: Sequence[Mapping[str, Any]], folds: int, *, seed: int = 13) -> IntArray:
    """Deal units into folds: no thread in two of them, languages and labels as evenly as threads allow.

    Args:
        units: Labelled units; ``lang`` and ``label`` are what is balanced.
        folds: Number of folds, 2 or more.
        seed: Seed of the deal.

    Returns:
        Fold of each unit, from 0. Shape: (n,).

    Raises:
        DataError: There are fewer threads than folds, or no language and label has a unit for each fold.
        MissingExtraError: scikit-learn (extra ``train``) is not installed.

    Source: scikit-learn's ``StratifiedGroupKFold`` with languages x labels as strata and threads as groups.

    >>> units = [{"uid": str(i), "thread": f"t{i // 2}", "lang": "en", "label": "M"} for i in range(8)]
    >>> fold = deal_folds(units, 2)
    >>> bool((fold[::2] == fold[1::2]).all()), np.bincount(fold).tolist()
    (True, [4, 4])
    """
    threads = [thread_of(unit) for unit in units]
    strata = [f"{unit['lang']}/{unit['label']}" for unit in units]
    if folds < 2:
        raise DataError(f"{folds} folds: there must be 2 or more")
    if len(set(threads)) < folds:
        raise DataError(
            f"{len(set(threads))} threads cannot make {folds} folds: a thread is never cut. Use fewer folds"
        )
    if max(Counter(strata).values()) < folds:
        raise DataError(f"{len(units)} units are too few for {folds} folds of every language and label")
    selection: Any = require("sklearn.model_selection", extra="train")
    dealer = selection.StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    fold = np.zeros(len(units), dtype=np.int32)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)  # a rare label misses some folds
        for number, (_, rows) in enumerate(dealer.split(strata, strata, threads)):
            fold[rows] = number
    return fold


def split_threads(
    units: Sequence[dict[str, Any]], *, share: float = 0.1, seed: int = 13
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Set whole threads aside, languages and labels in their shares on both sides.

    Args:
        units: Labelled units.
        share: Share of the units to set aside, in (0, 1); threads are not cut, so it is met as nearly as they allow.
        seed: Seed of the draw.

    Returns:
        The larger part (or what is left) and the part set aside, both in the order of the input.

    Raises:
        DataError: The share is not between 0 and 1, or there are fewer than two threads.

    >>> units = [{"uid": str(i), "thread": f"t{i // 2}", "lang": "en", "label": "M"} for i in range(40)]
    >>> train, dev = split_threads(units, share=0.2)
    >>> len(train), len(dev), {thread_of(u) for u in train} & {thread_of(u) for u in dev}
    (32, 8, set())
    """
    if not 0 < share < 1:
        raise DataError(f"the share set aside is {share}, must be between 0 and 1")
    threads = len({thread_of(unit) for unit in units})
    if threads < 2:
        raise DataError(f"{threads} thread cannot be split: a thread is never cut. Label replies of more threads")
    most = max(Counter((unit["lang"], unit["label"]) for unit in units).values())
    pieces = min(max(_PIECES, ceil(1 / min(share, 1 - share))), _MOST_PIECES, threads, most)
    if pieces < 2:
        raise DataError(f"{len(units)} units are too few to split by language and label")
    fold = deal_folds(units, pieces, seed=seed)
    sizes = np.bincount(fold, minlength=pieces)
    aside: list[int] = []
    have, wanted = 0, share * len(units)
    for piece in np.argsort(sizes, kind="stable"):  # a thread too large for the share stays on the other side
        size = int(sizes[piece])
        all_of_it = have + size == len(units)
        if size and not all_of_it and (not have or abs(have + size - wanted) < abs(have - wanted)):
            aside.append(int(piece))
            have += size
    held = np.isin(fold, aside)
    sides = ([u for u, out in zip(units, held, strict=True) if out == side] for side in (False, True))
    return next(sides), next(sides)
