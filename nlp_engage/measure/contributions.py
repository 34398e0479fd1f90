"""Where EQ and EP come from: what each thread and each kind of reply adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.decompose import engaged
from nlp_engage.types import ACTS, LABELS

if TYPE_CHECKING:
    import numpy.typing as npt

    from nlp_engage.measure.table import ReplyTable

KINDS: Final = ("thread_id", "label", "act")
_NO_ACT: Final = "unknown"


def contributions(table: ReplyTable, kind: str) -> list[dict[str, Any]]:
    """What each thread, label or act adds to EQ and EP.

    A person's part in EP is shared among their replies by credit, so parts of EP are not the EP of a thread by
    itself, in which a person who writes in two threads is counted twice. A reply counts for its likeliest label.

    Args:
        table: From ``collect``.
        kind: ``thread_id``, ``label`` or ``act``.

    Returns:
        One row for each that has a labelled audience reply, the largest part of EP first:
        ``name, n_replies, credit`` (mean), ``eq`` (points) and ``ep`` (people), which add up to EQ and EP of all,
        and their shares ``eq_share, ep_share`` (``None`` where the total is 0).

    Raises:
        DataError: There is no such kind.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> table = collect(worked_archive(1))
    >>> rows = contributions(table, "act")[:2]
    >>> [(row["name"], row["n_replies"], round(row["eq"], 2), round(row["ep"], 2)) for row in rows]
    [('requ', 1, 7.14, 0.5), ('stor', 1, 7.14, 0.5)]
    """
    rows = np.flatnonzero(table.measured)
    names, codes = _names(table, rows, kind)
    weight, credit = table.voice[rows], table.credit[rows]
    n = len(names)
    count = np.bincount(codes, minlength=n)
    earned = np.bincount(codes, credit, n)
    eq = 100 * np.bincount(codes, weight * credit, n) / max(float(weight.sum()), 1e-300)
    ep = np.bincount(codes, engaged(table, rows, credit), n)
    order = sorted(np.flatnonzero(count).tolist(), key=lambda k: (-ep[k], names[k]))
    return [
        {
            "name": names[k],
            "n_replies": int(count[k]),
            "credit": float(earned[k] / count[k]),
            "eq": float(eq[k]),
            "eq_share": _share(eq[k], eq.sum()),
            "ep": float(ep[k]),
            "ep_share": _share(ep[k], ep.sum()),
        }
        for k in order
    ]


def _names(table: ReplyTable, rows: npt.NDArray[np.int64], kind: str) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    if kind == "thread_id":
        return tuple(table.thread_ids), table.thread[rows].astype(np.int64)
    if kind == "label":
        return tuple(str(label) for label in LABELS), table.probabilities[rows].argmax(axis=1)
    if kind == "act":
        return (*(str(act) for act in ACTS), _NO_ACT), np.where(table.act[rows] < 0, len(ACTS), table.act[rows])
    raise DataError(f"no kind {kind!r} of contributions: take one of {', '.join(KINDS)}.")


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None
