"""Threads of formats that only tell whom each message answers: the end of the chain of parents."""

from __future__ import annotations

from array import array
from hashlib import blake2b

import numpy as np
import numpy.typing as npt


class Chains:
    """Parents of any number of messages, 16 bytes each, and the roots they lead to.

    Ids that are plain numbers below 2**63 are kept as they are; others as 63-bit hashes.

    >>> chains = Chains()
    >>> chains.add("3", "2"); chains.add("2", "1"); chains.add("5", "4"); chains.add("a", None)
    >>> [chains.root(i) for i in ("3", "5", "a", "unknown")]
    ['1', '4', 'a', 'unknown']
    """

    def __init__(self) -> None:
        self._ids, self._parents = array("q"), array("q")
        self._names: dict[int, str] = {}  # of hashed parents: the only ones that may have to be told again
        self._nodes: npt.NDArray[np.int64] | None = None
        self._roots: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def add(self, own: str, parent: str | None) -> None:
        """Learn the parent of a message; the first one told counts."""
        key = _key(own)
        above = key if parent is None else _key(parent)
        if parent is not None and above < 0:
            self._names[above] = parent
        self._ids.append(key)
        self._parents.append(above)
        self._nodes = None

    def root(self, own: str) -> str:
        """The message at the end of the chain, or the first one that is missing; of a loop its smallest key."""
        if self._nodes is None:
            self._nodes, self._roots = _resolve(self._ids, self._parents)
        key = _key(own)
        place = int(np.searchsorted(self._nodes, key))
        if place == len(self._nodes) or self._nodes[place] != key:
            return own
        root = int(self._roots[place])
        return own if root == key else self._names.get(root, str(root))


def _key(own: str) -> int:
    if len(own) < 19 and own.isdecimal() and own.isascii() and own[0] != "0":
        return int(own)
    return -1 - (int.from_bytes(blake2b(own.encode("utf-8", "replace"), digest_size=8).digest()) >> 1)


def _resolve(ids: array[int], parents: array[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pointer doubling: after k rounds every pointer has gone 2**k steps up."""
    own, above = np.array(ids, np.int64), np.array(parents, np.int64)
    nodes = np.union1d(own, above)
    pointer = np.arange(len(nodes))
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
    return nodes, nodes[pointer]
