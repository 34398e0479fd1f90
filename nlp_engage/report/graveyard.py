"""The graveyard of likes as a picture: likes and lost people beside the people who took part, on one scale."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nlp_engage.report.figures import Row
    from nlp_engage.report.words import Words

COLUMNS: Final = 40
MAX_SQUARES: Final = 400
"""Squares of the largest field: above this, a square stands for more."""
SIZE: Final = 10
_GAP: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of squares.

    Attributes:
        code: ``likes``, ``gone`` or ``engaged``: class in the style sheet.
        name: What is counted.
        about: What that means.
        number: How many, in words.
        squares: (x, y, width) of each square; the last may be cut to what it stands for.
        height: Height of the field.
    """

    code: str
    name: str
    about: str
    number: str
    squares: tuple[tuple[float, float, float], ...]
    height: float


def scale_of(largest: float, most: int = MAX_SQUARES) -> int:
    """How many a square stands for: 1, 2, 5, 10, ... so that the largest field has at most ``most`` squares.

    >>> [scale_of(n) for n in (0, 400, 401, 12_000)]
    [1, 1, 2, 50]
    """
    unit, steps = 1, (2, 2.5, 2)
    k = 0
    while largest / unit > most:
        unit = int(unit * steps[k % 3])
        k += 1
    return unit


def squares_of(n: float, unit: int) -> tuple[tuple[float, float, float], ...]:
    """Squares for a number, in rows of ``COLUMNS``; the last is as wide as its part.

    >>> squares_of(2.5, 1)
    ((0, 0, 10), (12, 0, 10), (24, 0, 5.0))
    """
    whole, rest = divmod(n / unit, 1)
    widths = [float(SIZE)] * int(whole) + ([round(SIZE * rest, 1)] if round(SIZE * rest, 1) else [])
    step = SIZE + _GAP
    return tuple(
        (step * (k % COLUMNS), step * (k // COLUMNS), int(w) if w == SIZE else w) for k, w in enumerate(widths)
    )


def graveyard(row: Row, words: Words) -> tuple[list[Field], str]:
    """The three fields and what a square stands for.

    Args:
        row: The row over everything.
        words: Language of the report.
    """
    counts = {
        "likes": row.get("graveyard_likes"),
        "gone": row.get("graveyard_people"),
        "engaged": row.get("ep"),
    }
    unit = scale_of(max((n for n in counts.values() if n is not None), default=0))
    fields = []
    for code, n in counts.items():
        if n is None:
            continue
        squares = squares_of(max(n, 0), unit)
        fields.append(
            Field(
                code=code,
                name=words(f"graveyard.{code}"),
                about=words(f"graveyard.{code}_about", all=words.number(row.get("likes") or 0)),
                number=words.few(n) if code == "engaged" else words.number(n),
                squares=squares,
                height=max(1, ceil(len(squares) / COLUMNS)) * (SIZE + _GAP) - _GAP,
            )
        )
    scale = words("graveyard.scale_one")
    if unit > 1:
        scale = words("graveyard.scale", unit=words("graveyard.scale_unit", n=words.number(unit)))
    return fields, scale
