"""The statistics of a group, as functions of its sums. Each is one row of a table: no special cases elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from nlp_engage.measure.people import INFLUENCES
from nlp_engage.measure.sums import COLUMNS

if TYPE_CHECKING:
    from nlp_engage.types import FloatArray

AT: Final = {name: k for k, name in enumerate(COLUMNS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One number of the measure.

    Attributes:
        key: Name in the rows.
        top: Column of the numerator, or of the statistic itself.
        below: Column of the denominator; ``None`` for totals.
        form: ``ratio``, ``total`` or ``exp`` (of a logarithm).
        scale: Factor.
        support: Column that says whether a cell has a say in it.
        nothing: Reason given where no cell has.
    """

    key: str
    top: str
    below: str | None
    form: Literal["ratio", "total", "exp"]
    support: str
    nothing: str
    scale: float = 1.0

    def value(self, totals: FloatArray) -> FloatArray:
        """The statistic of each row of totals, NaN where its denominator is 0. Shape: (..., K) -> (...).

        Args:
            totals: Sums, in the order of ``sums.COLUMNS``. Shape: (..., K).

        Returns:
            Shape: (...).

        >>> totals = np.zeros(len(AT))
        >>> totals[AT["dialogue"]], totals[AT["replies"]] = 3, 4
        >>> next(s for s in STATISTICS if s.key == "share_genuine_dialogue").value(totals).item()
        0.75
        """
        top = totals[..., AT[self.top]]
        if self.below is not None:
            below = totals[..., AT[self.below]]
            found: FloatArray = self.scale * np.divide(top, below, out=np.full(top.shape, np.nan), where=below > 0)
            # linearised counts of people may step over their bounds in a resample
            return found.clip(0.0, 1.0) if self.top in INFLUENCES else found
        total: FloatArray = np.maximum(top, 0.0)
        return np.exp(total) if self.form == "exp" else total


_NO_REPLY: Final = "no labelled audience reply"


def _ratio(
    key: str, top: str, below: str, nothing: str = _NO_REPLY, *, scale: float = 1.0, support: str | None = None
) -> Statistic:
    return Statistic(
        key=key, top=top, below=below, form="ratio", support=support or below, nothing=nothing, scale=scale
    )


def _total(key: str, top: str, support: str = "replies", nothing: str = _NO_REPLY) -> Statistic:
    return Statistic(key=key, top=top, below=None, form="total", support=support, nothing=nothing)


STATISTICS: Final = (
    _ratio("share_mindless_interaction", "mindless", "replies"),
    _ratio("share_genuine_dialogue", "dialogue", "replies"),
    _ratio("share_self_expression", "expression", "replies"),
    _ratio("eq", "credit", "voice", scale=100.0, support="replies"),
    _total("ep", "engaged"),
    _ratio("reciprocity", "turns_answered", "turns", "no dialogue turn by a known author"),
    _ratio("responsiveness", "questions_answered", "questions", "no question or request to a known owner"),
    _ratio("return_rate", "returners", "named", "no authors given", support="replies"),
    Statistic(key="breadth", top="log_breadth", below=None, form="exp", support="replies", nothing=_NO_REPLY),
    _ratio("depth", "depth", "replies"),
    _ratio("structural_virality", "virality", "cascades", "nobody answered a post"),
    _ratio("h_index", "h", "threads", "no thread"),
    _total("graveyard_likes", "dead_likes", "liked", "no likes given"),
    _total("graveyard_people", "dead_people"),
)
