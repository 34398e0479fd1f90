"""Threads of formats that only tell whom each message answers: the end of the chain of parents."""

from __future__ import annotations

from array import array
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

_PACKED = -(2**62)
_NUMBERS = 48
_PREFIXES = 2**13


class Chains:
    """Parents of any number of messages, 16 bytes each, and the roots they lead to.

    Ids that are numbers below 2**63 are kept as they are, those with a prefix (``chat:17``) packed; others
    as hashes, of which the parents are remembered by name too.

    >>> chains = Chains()
    >>> for own, parent in (("3", "2"), ("2", "1"), ("5", "4"), ("a", None), ("g:9", "g:8")):
    ...     chains.add(own, parent)
    >>> [chains.root(i) for i in ("3", "5", "a", "g:9", "unknown")]
    ['1', '4', 'a', 'g:8', 'unknown']
    """

    def __init__(self) -> None:
        self._ids, self._parents = array("q"), array("q")
        self._names: dict[int, str] = {}
        self._prefixes: dict[str, int] = {}
        self._nodes: npt.NDArray[np.int64] | None = None
        self._roots: npt.NDArray[np.int32] = np.zeros(0, np.int32)

    def add(self, own: str, parent: str | None) -> None:
        """Learn the parent of a message; the first one told counts, and none that comes after a question."""
        if self._nodes is not None:
            return
        key = self._key(own)
        above = key if parent is None else self._key(parent)
        if parent is not None and 0 > above >= _PACKED // 4:
            self._names[above] = parent
        self._ids.append(key)
        self._parents.append(above)

    def root(self, own: str) -> str:
        """The message at the end of the chain, or the first one that is missing; of a loop its smallest key."""
        if self._nodes is None:
            self._nodes, self._roots = _resolve(self._ids, self._parents)
            self._ids, self._parents = array("q"), array("q")
        key = self._key(own)
        place = int(np.searchsorted(self._nodes, key))
        if place == len(self._nodes) or self._nodes[place] != key:
            return own
        root = int(self._nodes[self._roots[place]])
        return own if root == key else self._name(root)

    def _key(self, own: str) -> int:
        prefix, colon, number = own.rpartition(":")
        if len(number) < 19 and number.isdecimal() and number.isascii() and (number[0] != "0" or number == "0"):
            if not colon:
                return int(number)
            if prefix not in self._prefixes and len(self._prefixes) < _PREFIXES:
                self._prefixes[prefix] = len(self._prefixes)
            place = self._prefixes.get(prefix)
            if place is not None and int(number) < 2**_NUMBERS:
                return _PACKED + (place << _NUMBERS) + int(number)
        return -1 - (int.from_bytes(blake2b(own.encode("utf-8", "replace"), digest_size=8).digest()) >> 4)

    def _name(self, key: int) -> str:
        if key >= 0:
            return str(key)
        if key >= _PACKED // 4:
            return self._names[key]
        place, number = divmod(key - _PACKED, 2**_NUMBERS)
        return f"{list(self._prefixes)[place]}:{number}"


def _resolve(ids: array[int], parents: array[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Pointer doubling: after k rounds every pointer has gone 2**k steps up."""
    own, above = np.array(ids, np.int64), np.array(parents, np.int64)
    nodes = np.union1d(own, above)
    pointer = np.arange(len(nodes), dtype=np.int32)
    pointer[np.searchsorted(nodes, own[::-1])] = np.searchsorted(nodes, above[::-1])
    step = pointer.copy()
    for _ in range(max(1, len(nodes)).bit_length() + 1):
        pointer = pointer[pointer]
    for entry in np.unique(pointer[step[pointer] != pointer]).tolist():  # in a loop
        loop, i = [entry], int(step[entry])
        while i != entry:
            loop.append(i)
            i = int(step[i])
        pointer[pointer == entry] = min(loop)
    return nodes, pointer
