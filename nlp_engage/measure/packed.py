"""Many names in little memory: millions of ids and authors as bytes in a row, not as objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, overload

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    Integers = npt.NDArray[np.int64]
    Codes = npt.NDArray[np.int32]

_UNPACKED: Final = 8_192
_SPACE: Final = 4
"""Bytes in front of a name that say which space it belongs to."""


class Names(Sequence[str]):
    """Many names in little memory: their bytes in a row, each a string only while it is looked at.

    >>> names = Names.of(["ann", "小张"])
    >>> names[1], list(names), len(names)
    ('小张', ['ann', '小张'], 2)
    """

    def __init__(self, encoded: pa.LargeBinaryArray) -> None:
        self._encoded = encoded

    @classmethod
    def of(cls, names: Iterable[str]) -> Names:
        """Pack some names; half surrogate pairs survive."""
        import pyarrow as pa

        return cls(pa.array([_bytes(name) for name in names], pa.large_binary()))

    @classmethod
    def joined(cls, parts: Sequence[Names], order: Integers | None = None) -> Names:
        """All names of some packs, in a new order if one is given."""
        import pyarrow as pa

        found = cls(pa.chunked_array([part._encoded for part in parts], pa.large_binary()).combine_chunks())
        return found if order is None else found.take(order)

    def take(self, places: Integers) -> Names:
        """The names at these places.

        >>> list(Names.of(["ann", "bob"]).take(np.array([1, 1, 0])))
        ['bob', 'bob', 'ann']
        """
        import pyarrow as pa

        return Names(self._encoded.take(pa.array(places)))

    def order(self) -> Integers:
        """Places of the names as ``sorted`` would put them: the order of UTF-8 is that of code points.

        >>> Names.of(["b", "小", "a"]).order().tolist()
        [2, 0, 1]
        """
        import pyarrow.compute as pc

        places: Integers = pc.array_sort_indices(self._encoded).to_numpy().astype(np.int64)
        return places

    def repeated(self) -> str | None:
        """A name that stands twice in a row, ``None`` where there is none.

        >>> Names.of(["a", "b", "b"]).repeated(), Names.of(["b", "a", "b"]).repeated()
        ('b', None)
        """
        import pyarrow.compute as pc

        place: int = pc.index(pc.equal(self._encoded[1:], self._encoded[:-1]), True).as_py()
        return None if place < 0 else self[place]

    def __len__(self) -> int:
        """How many there are."""
        return len(self._encoded)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Names: ...
    def __getitem__(self, place: int | slice) -> str | Names:
        """One name, or some of them."""
        if isinstance(place, slice):
            return Names(self._encoded[place])
        name: bytes = self._encoded[place].as_py()
        return _text(name)

    def __iter__(self) -> Iterator[str]:
        """The names in order, a few thousand unpacked at a time."""
        for start in range(0, len(self), _UNPACKED):
            for name in self._encoded[start : start + _UNPACKED].to_pylist():
                yield _text(name)


class NameCodes:
    """Numbers for names that stream by. Equal names of one space get one number; nothing is kept as an object for long.

    Names that were seen since the last ``pack`` are known by a dictionary. Across packs a name has several numbers for
    the time being; ``settle`` makes them one.

    >>> codes = NameCodes()
    >>> first = codes.of("forum", ["ann", "bob", None, "ann"])
    >>> codes.pack()
    >>> second = codes.of("forum", ["bob"]) + codes.of("blog", ["bob"])
    >>> one, names = codes.settle()
    >>> first, second, one.tolist(), list(names)
    ([0, 1, -1, 0], [2, 3], [0, 1, 1, 2, -1], ['ann', 'bob', 'bob'])
    """

    def __init__(self) -> None:
        self._spaces: dict[str | None, int] = {}
        self._fresh: dict[tuple[int, str], int] = {}
        self._packs: list[Names] = []
        self._packed = 0

    def of(self, space: str | None, names: Iterable[str | None]) -> list[int]:
        """A number for each name, -1 where there is none."""
        at, fresh, packed = self._spaces.setdefault(space, len(self._spaces)), self._fresh, self._packed
        return [fresh.setdefault((at, name), packed + len(fresh)) if name else -1 for name in names]

    def pack(self) -> None:
        """Let go of the objects."""
        import pyarrow as pa

        keys = [at.to_bytes(_SPACE) + _bytes(name) for at, name in self._fresh]
        self._packs.append(Names(pa.array(keys, pa.large_binary())))
        self._packed += len(keys)
        self._fresh = {}

    def settle(self) -> tuple[Codes, Names]:
        """The one number behind each that was given, and -1 as the last for -1; the names behind these numbers.

        Nothing is left here afterwards.
        """
        import pyarrow as pa

        self.pack()
        packs, self._packs = [pack._encoded for pack in self._packs], []
        coded = pa.chunked_array(packs, pa.large_binary()).dictionary_encode().combine_chunks()
        del packs
        pa.default_memory_pool().release_unused()
        codes = np.append(coded.indices.to_numpy(), np.int32(-1)).astype(np.int32)
        return codes, _without_space(coded.dictionary)


def _without_space(keys: pa.LargeBinaryArray) -> Names:
    import pyarrow as pa

    starts = range(0, len(keys), _UNPACKED)
    cut = ([key[_SPACE:] for key in keys[start : start + _UNPACKED].to_pylist()] for start in starts)
    return Names(
        pa.chunked_array((pa.array(names, pa.large_binary()) for names in cut), pa.large_binary()).combine_chunks()
    )


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")
