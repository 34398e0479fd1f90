"""How far EQ and EP hang on the constants of the measure: the same facts under other choices.

The constants (one half for having said something, the base of the decay, three replies a person, copies) are
decisions, no findings. A headline that another decision would turn is none; so every one is shown under others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.measure.core import measure_table
from nlp_engage.measure.credit import DECAY, SAID, credit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nlp_engage.measure.table import ReplyTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Another choice of constants.

    Attributes:
        key: Name.
        text: What is chosen otherwise.
        said: Credit for having said something.
        decay: Base of the decay.
        copies: Who shares a credit: ``near`` (copies and near-copies), ``exact`` (copies) or ``none``.
        voice: Whether a person counts in EQ for three replies of a page at most.
    """

    key: str
    text: str
    said: float = SAID
    decay: float = DECAY
    copies: str = "near"
    voice: bool = True


VARIANTS: Final = (
    Variant(key="as defined", text="the measure as it is defined"),
    Variant(key="said 0.3", text="0.3 instead of 0.5 for having said something", said=0.3),
    Variant(key="said 0.7", text="0.7 instead of 0.5 for having said something", said=0.7),
    Variant(key="decay 1.5", text="a further turn closes a third of the gap to 1 instead of a half", decay=1.5),
    Variant(key="decay 3", text="a further turn closes two thirds of the gap to 1 instead of a half", decay=3.0),
    Variant(key="exact copies", text="only exact copies share a credit, near-copies do not", copies="exact"),
    Variant(key="copies count", text="every copy earns as if it were the only one", copies="none"),
    Variant(key="no limit a person", text="in EQ all replies of a person count", voice=False),
    Variant(
        key="eq-1", text="the first version: exact copies only, all replies of a person", copies="exact", voice=False
    ),
)


def under(table: ReplyTable, variant: Variant) -> ReplyTable:
    """The facts with credits worked out anew.

    Args:
        table: From ``collect``.
        variant: The constants.

    Returns:
        A table to measure like any other.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> table = collect(worked_archive(1))
    >>> other = under(table, next(v for v in VARIANTS if v.key == "said 0.3"))
    >>> table.credit[8].item(), other.credit[8].item()  # Eve, whom nobody answered
    (0.5, 0.30000000000000004)
    """
    ones = np.ones(len(table))
    unique = {"near": table.uniqueness, "exact": table.uniqueness_exact, "none": ones}[variant.copies]
    p = table.probabilities
    earned = credit(p[:, 2], p[:, 1], table.exchange, unique, table.self_reply, said=variant.said, decay=variant.decay)
    return replace(
        table,
        uniqueness=unique,
        voice=table.voice if variant.voice else ones,
        credit=np.where(table.measured, earned, np.nan),
    )


def sensitivity(
    table: ReplyTable, *, by: str | Mapping[str, str] | None = None, resamples: int = 1000, seed: int = 0
) -> list[dict[str, Any]]:
    """EQ and EP of every group under each of ``VARIANTS``.

    Args:
        table: From ``collect``.
        by: As for ``measure``.
        resamples: For the intervals of the measure as defined.
        seed: Of the resampling.

    Returns:
        One row for each group and variant: ``group, variant, text``, and for ``eq`` and ``ep`` the value,
        ``_change`` (relative to the measure as defined; ``None`` where that is 0 or missing), ``_inside`` (whether
        the value lies in the 90 % interval of the measure as defined; ``None`` without one) and ``_rank`` (place
        of the group among all, 1 for the highest).

    Raises:
        DataError: There is no such column.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> rows = sensitivity(collect(worked_archive(1)), resamples=0)
    >>> [(row["variant"], round(row["eq"], 1)) for row in rows][:2]
    [('as defined', 39.3), ('said 0.3', 32.1)]
    """
    base = measure_table(table, by=by, resamples=resamples, seed=seed).rows()
    rows = []
    for variant in VARIANTS:
        found = measure_table(under(table, variant), by=by, resamples=0).rows()
        ranks = {key: _ranks([row[key] for row in found]) for key in ("eq", "ep")}
        for g, (mine, first) in enumerate(zip(found, base, strict=True)):
            row = {"group": mine["group"], "variant": variant.key, "text": variant.text}
            for key in ("eq", "ep"):
                row |= _against(key, mine[key], first) | {f"{key}_rank": ranks[key][g]}
            rows.append(row)
    return rows


def _against(key: str, value: float | None, base: Mapping[str, Any]) -> dict[str, Any]:
    low, high = base[f"{key}_low"], base[f"{key}_high"]
    return {
        key: value,
        f"{key}_change": value / base[key] - 1 if value is not None and base[key] else None,
        f"{key}_inside": None if value is None or low is None else bool(low <= value <= high),
    }


def _ranks(values: list[float | None]) -> list[int | None]:
    known = sorted((v for v in values if v is not None), reverse=True)
    return [None if v is None else known.index(v) + 1 for v in values]
