"""Why two groups differ: their EQ by mix and depth, their EP by volume, mix and depth, adding up exactly.

EQ is a sum over labels, share times credit for a reply of that label, so a difference of two EQs splits into what
the shares changed (*mix*) and what the credits changed (*depth*: how long exchanges were kept up, and how much was
copied). EP is EQ times the number of replies, less what is lost because the same people speak again; that product
is the *volume*: the number of replies, discounted for people who had taken part already.
Each factor gets its Shapley value: its mean effect over all orders in which the factors can change from
one group to the other. For two factors this is the classical split of Kitagawa 1955, "Components of a difference
between two rates", doi 10.1080/01621459.1955.10501299; for more, Shorrocks 2013, "Decomposition procedures for
distributional analysis", doi 10.1007/s10888-011-9214-z. It adds up exactly and treats both groups alike.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.credit import SAID
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What EQ and EP of a group are made of: ``EQ = 100 sum(mix * depth)``, ``EP = replies * fresh * EQ / 100``.

    Attributes:
        replies: Labelled audience replies.
        fresh: EP per unit of credit: below 1 as far as the same people speak again. NaN where nothing was earned.
        mix: Share of each label, as weighted in EQ. Shape: (3,), order of ``LABELS``.
        depth: Mean credit of a reply of each label, NaN for a label nobody uses. Shape: (3,).
    """

    replies: float
    fresh: float
    mix: FloatArray
    depth: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A difference, and the parts that add up to it.

    Attributes:
        eq: ``difference``, ``mix``, ``depth``, in points of EQ.
        ep: ``difference``, ``volume``, ``mix``, ``depth``, in people; and the two parts of the volume, ``replies``
            (more or fewer replies) and ``again`` (the same people speaking less or more often).
        labels: For each label what its share (``mix``) and its credit (``depth``) did to EQ, in points.
    """

    eq: dict[str, float]
    ep: dict[str, float]
    labels: dict[str, dict[str, float]]

    def row(self) -> dict[str, Any]:
        """As plain values.

        Returns:
            ``eq``, ``ep`` and ``labels``.

        >>> Split(eq={"difference": 1.0}, ep={}, labels={}).row()["eq"]
        {'difference': 1.0}
        """
        return asdict(self)


def decompose(table: ReplyTable, before: BoolArray, after: BoolArray) -> Split:
    """Split the difference *after* less *before* of two groups of replies.

    Args:
        table: From ``collect``.
        before: Rows of the first group; owner replies and unlabelled ones are passed over. Shape: (n,).
        after: Rows of the second group. Shape: (n,).

    Returns:
        The parts; those of EQ in points, those of EP in people.

    Raises:
        DataError: A group has no labelled audience reply.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment, LabelledTree
    >>> turns = [("p", None, "ann"), ("1", "p", "bob"), ("2", "p", "cid"), ("3", "p", "dee"), ("4", "p", "eve")]
    >>> tree = build_tree([Comment(id=i, thread_id="p", parent_id=up, author=a, text=i) for i, up, a in turns])
    >>> sure = np.array([[np.nan] * 3, [1, 0, 0], [0, 0, 1], [0, 0, 1], [0, 1, 0]], dtype=float)
    >>> table = collect([LabelledTree(tree=tree, probabilities=sure, acts=np.full(5, -1, dtype=np.int32),
    ...                               act_probabilities=np.full(5, np.nan), languages=("en",) * 5)])
    >>> first = np.arange(4) < 2  # bob says nothing, cid something: EQ 25, EP 1/2; dee and eve: EQ 50, EP 1
    >>> found = decompose(table, first, ~first)
    >>> found.eq
    {'difference': 25.0, 'mix': 25.0, 'depth': 0.0}
    >>> found.ep["difference"], found.ep["volume"], found.ep["mix"]
    (0.5, 0.0, 0.5)
    """
    return split(factors(table, before), factors(table, after))


def factors(table: ReplyTable, rows: BoolArray) -> Factors:
    """What EQ and EP of a group of replies are made of.

    Args:
        table: From ``collect``.
        rows: Its replies; owner replies and unlabelled ones are passed over. Shape: (n,).

    Returns:
        Number of replies, shares that sum to 1, and mean credits in [0, 1).

    Raises:
        DataError: The group has no labelled audience reply.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> table = collect(worked_archive(1))
    >>> found = factors(table, table.measured)
    >>> found.replies, found.mix.round(3).tolist(), found.depth.round(3).tolist()
    (7.0, [0.429, 0.429, 0.143], [0.0, 0.75, 0.5])
    """
    mine = np.flatnonzero(rows & table.measured)
    if not len(mine):
        raise DataError("a group to compare has no labelled audience reply: there is nothing to split. Widen it.")
    weight, credit = table.voice[mine], table.credit[mine]
    p = table.probabilities[mine]
    spoken = (weight[:, None] * p).sum(axis=0)
    earned = (weight[:, None] * _by_label(table)[mine]).sum(axis=0)
    eq = earned.sum() / weight.sum()
    return Factors(
        replies=float(len(mine)),
        fresh=float(engaged(table, mine, credit).sum() / (eq * len(mine))) if eq > 0 else np.nan,
        mix=spoken / weight.sum(),
        depth=np.divide(earned, spoken, out=np.full(len(LABELS), np.nan), where=spoken > 0),
    )


def _by_label(table: ReplyTable) -> FloatArray:
    """Credit of each reply, parted by what it was given for. Shape: (n, 3), NaN where there is none."""
    expression = np.minimum(SAID * table.uniqueness * table.probabilities[:, 2], table.credit)
    return np.column_stack([table.credit * 0, table.credit - expression, expression])


def engaged(table: ReplyTable, rows: Any, credit: FloatArray) -> FloatArray:
    """What each reply adds to EP: the engagement of its author, shared among their replies by credit.

    Args:
        table: From ``collect``.
        rows: Places of the labelled audience replies that EP is taken over. Shape: (k,), integer.
        credit: Their credit. Shape: (k,).

    Returns:
        Sums to EP. Shape: (k,).

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> table = collect(worked_archive(1))
    >>> rows = np.flatnonzero(table.measured)
    >>> engaged(table, rows, table.credit[rows]).round(3).tolist()  # Bob 63/64, Dee and Eve 1/2
    [0.492, 0.492, 0.0, 0.0, 0.5, 0.0, 0.5]
    """
    person = np.where(table.author[rows] >= 0, table.author[rows].astype(np.int64), len(table.authors) + rows)
    _, who = np.unique(person, return_inverse=True)
    people = -np.expm1(np.bincount(who, np.log1p(-credit)))
    total = np.bincount(who, credit)
    rate = np.divide(people, total, out=np.zeros(len(total)), where=total > 0)
    shared: FloatArray = credit * rate[who]
    return shared


def split(before: Factors, after: Factors) -> Split:
    """Split a difference between two groups whose factors are known.

    What a group lacks (the credit of a label nobody used, the freshness of people where nothing was earned) is
    taken from the other: it explains nothing.

    Args:
        before: The group that is subtracted.
        after: The group it is subtracted from.

    Returns:
        The parts; those of EQ in points, those of EP in people.

    >>> both = np.array([0.5, 0.5, 0.0])
    >>> few = Factors(replies=10.0, fresh=1.0, mix=both, depth=np.array([0.0, 0.5, np.nan]))
    >>> many = Factors(replies=20.0, fresh=1.0, mix=both, depth=np.array([0.0, 0.5, np.nan]))
    >>> split(few, many).ep
    {'difference': 2.5, 'volume': 2.5, 'mix': 0.0, 'depth': 0.0, 'replies': 2.5, 'again': 0.0}
    """
    depth = _filled(before.depth, after.depth)
    fresh = _filled(np.array([before.fresh]), np.array([after.fresh]), nothing=1.0)[:, 0]
    mix = np.stack([before.mix, after.mix])
    replies = np.array([before.replies, after.replies])
    by_mix, by_depth = np.diff(mix, axis=0)[0] * depth.mean(axis=0), np.diff(depth, axis=0)[0] * mix.mean(axis=0)
    quality = np.array([[float(m @ d) for d in depth] for m in mix])  # [mix of group, depth of group]
    volume = replies * fresh
    # Shapley values of a product of three: the mean over the six orders in which they may change
    per_volume = (2 * quality[0, 0] + quality[1, 0] + quality[0, 1] + 2 * quality[1, 1]) / 6
    terms = _three(volume, quality)
    return Split(
        eq={
            "difference": 100 * float(quality[1, 1] - quality[0, 0]),
            "mix": 100 * float(by_mix.sum()),
            "depth": 100 * float(by_depth.sum()),
        },
        ep={
            "difference": float(volume[1] * quality[1, 1] - volume[0] * quality[0, 0]),
            "volume": float((volume[1] - volume[0]) * per_volume),
            **terms,
            "replies": float((replies[1] - replies[0]) * fresh.mean() * per_volume),
            "again": float((fresh[1] - fresh[0]) * replies.mean() * per_volume),
        },
        labels={
            label: {"mix": 100 * float(m), "depth": 100 * float(d)}
            for label, m, d in zip(LABELS, by_mix, by_depth, strict=True)
        },
    )


def _three(volume: FloatArray, quality: FloatArray) -> dict[str, float]:
    """Shapley values of mix and depth where the volume changes as well."""
    first, last = volume[0] / 3 + volume[1] / 6, volume[0] / 6 + volume[1] / 3
    mix = first * (quality[1, 0] - quality[0, 0]) + last * (quality[1, 1] - quality[0, 1])
    depth = first * (quality[0, 1] - quality[0, 0]) + last * (quality[1, 1] - quality[1, 0])
    return {"mix": float(mix), "depth": float(depth)}


def _filled(one: FloatArray, other: FloatArray, *, nothing: float = 0.0) -> FloatArray:
    """Both, with what one lacks taken from the other. Shape: (2, k)."""
    both = np.stack([np.where(np.isnan(one), other, one), np.where(np.isnan(other), one, other)])
    filled: FloatArray = np.nan_to_num(both, nan=nothing)
    return filled
