"""Long columns in pieces: what is worked out on the way to a sum takes the memory of a piece, not of the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from nlp_engage.types import FloatArray

ROWS: Final = 262_144
"""Rows of a piece: a column of them takes 2 MB."""


def pieces(count: int) -> Iterator[slice]:
    """Cut so many rows into pieces.

    Args:
        count: Rows in all, 0 or more.

    Yields:
        Slices of ``ROWS`` rows that follow one another; the last may be shorter.

    >>> [(p.start, p.stop) for p in pieces(300_000)]
    [(0, 262144), (262144, 300000)]
    """
    for start in range(0, count, ROWS):
        yield slice(start, min(start + ROWS, count))


def add_at(sums: FloatArray, at: npt.NDArray[np.integer], values: npt.NDArray[Any]) -> None:
    """Add values one after the other at their places: in pieces, the sums are those of all at once, to the bit.

    Args:
        sums: Is added to, in place. Shape: (m,).
        at: Place of each value in ``sums``. Shape: (n,), integers.
        values: Numbers or truth values. Shape: (n,).

    >>> sums = np.zeros(2)
    >>> add_at(sums, np.array([1, 1]), np.array([True, True]))
    >>> sums.tolist()
    [0.0, 2.0]
    """
    np.add.at(sums, at, values.astype(np.float64))


class Column:
    """A column that grows. It never is there twice at the end, as pieces and as the whole that is made of them.

    Room is taken by doubling; what was not written to yet takes no memory.

    >>> column = Column(np.int32)
    >>> column.extend([1, 2])
    >>> column.extend(np.array([3], np.int32))
    >>> column.whole().tolist()
    [1, 2, 3]
    """

    def __init__(self, kind: npt.DTypeLike, width: tuple[int, ...] = ()) -> None:
        self._room = np.empty((0, *width), dtype=kind)
        self._used = 0

    def extend(self, values: npt.ArrayLike) -> None:
        """Add values at the end."""
        new = np.asarray(values, dtype=self._room.dtype)
        need = self._used + len(new)
        if need > len(self._room):
            room = np.empty((2 * need, *self._room.shape[1:]), dtype=self._room.dtype)
            room[: self._used] = self._room[: self._used]
            self._room = room
        self._room[self._used : need] = new
        self._used = need

    def whole(self) -> npt.NDArray[Any]:
        """All values so far."""
        return self._room[: self._used]
