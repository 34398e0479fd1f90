"""Near-copies: long texts that were made from one template, a word changed here and there.

Resemblance is the share of three-character pieces that two texts have in common, estimated from the smallest of
their hashes under 16 hash functions (Broder 1997, "On the resemblance and containment of documents", doi
10.1109/SEQUEN.1997.666900). Candidates are texts that agree in two neighbouring minima; each is compared with the
first of its candidates, so the work grows with the number of texts and not with its square.

Short texts are left alone: two people who both ask "where can I buy it?" have copied nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    Integers = npt.NDArray[np.int64]
    Signatures = npt.NDArray[np.uint32]

LONG: Final = 48
"""Bytes of a long text in UTF-8: 48 letters, or 16 Chinese characters, which say about as much."""
HASHES: Final = 16
ALIKE: Final = 10
"""Minima of 16 in which near-copies agree: a resemblance of about 0.6."""
_PIECE: Final = 3
_BAND: Final = 2
_ODD: Final = np.random.default_rng(1997).integers(1, 2**63, HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_HALF: Final = np.uint64(32)
_NONE: Final = np.uint32(0xFFFFFFFF)


def is_long(key: str) -> bool:
    """Whether a text (its ``text.copy_key``) is long enough to be told from a near-copy.

    Args:
        key: From ``text.copy_key``.

    Returns:
        Whether it has ``LONG`` bytes or more in UTF-8.

    >>> is_long("wherecanibuythis"), is_long("my gran made pumpkin soup every sunday and we all came")
    (False, True)
    """
    return len(key) >= LONG or (3 * len(key) >= LONG and len(key.encode("utf-8", "surrogatepass")) >= LONG)


def sign(keys: Sequence[str]) -> Signatures:
    """Signature of each text: the smallest hash of its pieces under each hash function.

    Args:
        keys: Texts of three characters or more.

    Returns:
        Shape: (n, 16), uint32.

    >>> one, other = sign(["sincemymothertriedthiscreamherskinhaschangedsomuch", "quitedifferentwordsaboutthetrain"])
    >>> near = sign(["sincemysistertriedthiscreamherskinhaschangedsomuch"])[0]
    >>> int((one == near).sum()) >= ALIKE, int((one == other).sum())
    (True, 0)
    """
    if not keys:
        return np.zeros((0, HASHES), dtype=np.uint32)
    letters = np.frombuffer("".join(keys).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    ends = np.cumsum([len(key) for key in keys])
    pieces = np.zeros(len(letters), dtype=np.uint64)
    for k in range(_PIECE):
        pieces[: len(letters) - k] = pieces[: len(letters) - k] * _MIX + letters[k:]
    pieces = (pieces ^ pieces >> _HALF) * _MIX
    pieces ^= pieces >> _HALF  # mixed well: the low half of a product depends on the low half of its factors only
    across = (ends[:, None] - np.arange(1, _PIECE)).ravel()  # pieces that reach into the next text
    starts = np.concatenate([[0], ends[:-1]])
    signatures = np.empty((len(keys), HASHES), dtype=np.uint32)
    for k, odd in enumerate(_ODD):
        hashes = (pieces * odd >> _HALF).astype(np.uint32)
        hashes[across] = _NONE
        signatures[:, k] = np.minimum.reduceat(hashes, starts)
    return signatures


def join_near(copies: Integers, page: npt.NDArray[np.int32], rows: Integers, signatures: Signatures) -> Integers:
    """Join groups of copies whose texts are near-copies on the same page.

    Args:
        copies: Group of each reply: equal numbers for the same text on the same page. Shape: (n,).
        page: Page of each reply. Shape: (n,).
        rows: Replies with a signature, ascending. Shape: (k,).
        signatures: Theirs. Shape: (k, 16).

    Returns:
        Groups, joined. Shape: (n,).

    >>> paraphrases = [f"sincemy{who}triedthiscreamherskinhaschangedsomuch" for who in ("mother", "sister")]
    >>> signatures = sign([*paraphrases, "quitedifferentwordsaboutthetrainthatcamelate"])
    >>> join_near(np.arange(3), np.zeros(3, dtype=np.int32), np.arange(3), signatures).tolist()
    [0, 0, 2]
    """
    if not len(rows):
        return copies
    groups, first = np.unique(copies[rows], return_index=True)
    by_row = np.argsort(first)  # the first of a bucket is the first of the archive
    groups, first = groups[by_row], first[by_row]
    found, where = signatures[first], page[rows[first]]
    one, other = _pairs(found, where)
    joined = _components(len(groups), one, other)
    new = np.arange(int(copies.max()) + 1)
    new[groups] = groups[joined]
    return new[copies]


def _pairs(signatures: Signatures, page: npt.NDArray[np.int32]) -> tuple[Integers, Integers]:
    """Near-copies: each text with the first of those that share a band with it. Shapes: (m,) and (m,)."""
    ones, others = [], []
    for band in range(0, HASHES, _BAND):
        wide = signatures[:, band].astype(np.uint64) << _HALF | signatures[:, band + 1]
        key = wide * _MIX ^ page.astype(np.uint64)
        _, leader, bucket = np.unique(key, return_index=True, return_inverse=True)
        candidate = np.flatnonzero(leader[bucket] != np.arange(len(bucket)))
        lead = leader[bucket][candidate]
        alike = (signatures[candidate] == signatures[lead]).sum(axis=1) >= ALIKE
        alike &= page[candidate] == page[lead]
        ones.append(candidate[alike])
        others.append(lead[alike])
    return np.concatenate(ones), np.concatenate(others)


def _components(count: int, one: Integers, other: Integers) -> Integers:
    """Lowest member of the connected component of each node. Shape: (count,)."""
    lowest = np.arange(count)
    while True:
        lower = lowest.copy()
        np.minimum.at(lower, one, lowest[other])
        np.minimum.at(lower, other, lowest[one])
        lower = lower[lower]
        if np.array_equal(lower, lowest):
            return lowest
        lowest = lower
