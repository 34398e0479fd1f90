"""The graveyard of likes as a picture: likes and lost people beside the people who took part, on one scale."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nlp_engage.report.figures import Row
    from nlp_engage.report.words import Words

COLUMNS: Final = 80
MAX_SQUARES: Final = 1200
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
        path: Outline of its squares (SVG), in rows of ``COLUMNS``; the last is cut to what it stands for.
        height: Height of the field.
    """

    code: str
    name: str
    about: str
    number: str
    path: str
    height: int


def scale_of(largest: float, most: int = MAX_SQUARES) -> int:
    """How many a square stands for: 1, 2, 5, 10, ... so that the largest field has at most ``most`` squares.

    >>> [scale_of(n) for n in (0, 1_200, 1_201, 30_000)]
    [1, 1, 2, 50]
    """
    unit, k = 1, 0
    while largest / unit > most:
        unit = int(unit * (2, 2.5, 2)[k % 3])
        k += 1
    return unit


def squares_of(n: float, unit: int) -> tuple[str, int]:
    """Squares for a number.

    Returns:
        An SVG path, and how many rows it takes.

    >>> squares_of(2.5, 1)
    ('M0 0h10v10h-10zM12 0h10v10h-10zM24 0h5.0v10h-5.0z', 1)
    """
    whole, rest = divmod(n / unit, 1)
    last = round(SIZE * rest, 1)
    widths: list[float] = [SIZE] * int(whole) + ([last] if last else [])
    step = SIZE + _GAP
    path = "".join(
        f"M{step * (k % COLUMNS)} {step * (k // COLUMNS)}h{width}v{SIZE}h-{width}z" for k, width in enumerate(widths)
    )
    return path, max(1, ceil(len(widths) / COLUMNS))


def graveyard(row: Row, words: Words) -> tuple[list[Field], str, str]:
    """The three fields, what a square stands for, and the point of it all in a sentence.

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
        path, rows = squares_of(max(n, 0), unit)
        fields.append(
            Field(
                code=code,
                name=words(f"graveyard.{code}"),
                about=words(f"graveyard.{code}_about", all=words.number(row.get("likes") or 0)),
                number=words.people(n),
                path=path,
                height=rows * (SIZE + _GAP),
            )
        )
    scale = words("graveyard.scale_one")
    if unit > 1:
        scale = words("graveyard.scale", unit=words("graveyard.scale_unit", n=words.number(unit)))
    likes, ep = counts["likes"], counts["engaged"]
    point = words("graveyard.point", n=words.few(likes / ep)) if likes and ep else ""
    return fields, scale, words("graveyard.no_likes") if likes is None else point
