"""The facts of every reply of an archive, in columns: what one pass over the trees leaves behind.

A table is made once (``collect``) and measured many times (``measure_table``): over all, by platform, by week.
Rows stand in a fixed order (thread id, then tree order), so that sums do not depend on the order of the input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nlp_engage.types import ACTS, LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from nlp_engage.types import BoolArray, FloatArray, IntArray

TimeArray = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReplyTable:
    """Columns of an archive: T threads, n replies (every comment that is no post and no stand-in).

    An *audience* reply is one the owner did not write; the owner is whoever wrote the post, and every account
    the archive marks as the page's. Only audience replies with a label are measured.

    Attributes:
        thread_ids: Thread of each row of the ``thread`` columns, sorted. Length T.
        platforms: Platform of each thread, ``None`` where the archive does not say. Length T.
        thread_post: The post is in the archive. Shape: (T,), bool.
        thread_author: Author of the post, index into ``authors``, -1 where unknown. Shape: (T,), int32.
        thread_language: Language of the post, index into ``languages``. Shape: (T,), int32.
        thread_time: Time of the post, NaT where unknown. Shape: (T,), datetime64[us].
        thread_likes: Likes of the post, NaN where unknown. Shape: (T,), float64.
        thread_owned: The owner is known, so that an answer by the owner could be told. Shape: (T,), bool.
        thread_virality: Structural virality, NaN where nobody answered. Shape: (T,), float64.
        thread_h: Thread h-index. Shape: (T,), int32.
        authors: Names of the authors; one name on two platforms is two people. Length: number of authors.
        languages: Languages that occur, as in ``LabelledTree.languages``.
        comment_ids: Identifier of each reply; none where ``collect`` was told to keep none. Length n, or 0.
        thread: Row of its thread. Shape: (n,), int32.
        index: Its place in the tree. Shape: (n,), int32.
        author: Index into ``authors``, -1 where unknown. Shape: (n,), int32.
        owner: Written by the owner. Shape: (n,), bool.
        probabilities: Order of ``LABELS``, NaN where unlabelled. Shape: (n, 3), float64.
        act: Index into ``ACTS``, -1 where unlabelled. Shape: (n,), int32.
        language: Index into ``languages``. Shape: (n,), int32.
        time: Time of writing, NaT where unknown. Shape: (n,), datetime64[us].
        likes: Likes, NaN where unknown. Shape: (n,), float64.
        depth: Steps up to the post, 1 or more. Shape: (n,), int32.
        self_reply: It answers a comment of its own author. Shape: (n,), bool.
        exchange: ``r``, see ``structure.exchange_weights``. Shape: (n,), float64.
        uniqueness: ``u`` in [0, 1], 1 where nothing was copied. Shape: (n,), float64.
        uniqueness_exact: The same where only exact copies share, for ``sensitivity``. Shape: (n,), float64.
        voice: Weight in EQ, in (0, 1]: nobody counts for more than three replies on a page. Shape: (n,), float64.
        answered: Probability that somebody else took it up in a direct answer. Shape: (n,), float64.
        owner_answered: The owner wrote something below it. Shape: (n,), bool.
        owner_hours: Hours until the owner's first answer, NaN where unknown. Shape: (n,), float64.
        credit: ``c`` in [0, 1), NaN for owner replies and unlabelled ones. Shape: (n,), float64.
    """

    thread_ids: Sequence[str]
    platforms: tuple[str | None, ...]
    thread_post: BoolArray
    thread_author: IntArray
    thread_language: IntArray
    thread_time: TimeArray
    thread_likes: FloatArray
    thread_owned: BoolArray
    thread_virality: FloatArray
    thread_h: IntArray
    authors: Sequence[str]
    languages: tuple[str, ...]
    comment_ids: Sequence[str]
    thread: IntArray
    index: IntArray
    author: IntArray
    owner: BoolArray
    probabilities: FloatArray
    act: IntArray
    language: IntArray
    time: TimeArray
    likes: FloatArray
    depth: IntArray
    self_reply: BoolArray
    exchange: FloatArray
    uniqueness: FloatArray
    uniqueness_exact: FloatArray
    voice: FloatArray
    answered: FloatArray
    owner_answered: BoolArray
    owner_hours: FloatArray
    credit: FloatArray

    def __len__(self) -> int:
        """Number of replies, of whomever and whether labelled or not."""
        return len(self.thread)

    @property
    def labelled(self) -> BoolArray:
        """Rows that have a label. Shape: (n,), bool.

        Returns:
            Owner replies among them.

        >>> from nlp_engage.measure import collect
        >>> from nlp_engage.measure.worked import worked_archive
        >>> int(collect(worked_archive(1)).labelled.sum())
        9
        """
        return ~np.isnan(self.probabilities[:, 0])

    @property
    def measured(self) -> BoolArray:
        """Audience replies with a label: the rows every rate is about. Shape: (n,), bool.

        Returns:
            No owner replies among them.

        >>> from nlp_engage.measure import collect
        >>> from nlp_engage.measure.worked import worked_archive
        >>> int(collect(worked_archive(1)).measured.sum())
        7
        """
        return self.labelled & ~self.owner

    def credits(self) -> FloatArray:
        """Credit of each reply: ``100 *`` its mean, weighted by ``voice``, is EQ.

        Returns:
            In [0, 1); NaN for owner replies and unlabelled ones, which earn nothing and cost nothing. Shape: (n,).

        >>> from nlp_engage.measure import collect
        >>> from nlp_engage.measure.worked import worked_archive
        >>> collect(worked_archive(1)).credits()[:3].tolist()
        [0.875, nan, 0.875]
        """
        return self.credit

    def to_arrow(self) -> pa.Table:
        """One row a reply, with everything that went into its credit.

        Columns: ``thread_id, platform, comment_id, index, author, owner, lang, created, likes, depth, label,
        p_mindless_interaction, p_genuine_dialogue, p_self_expression, act, self_reply, exchange, uniqueness, voice,
        answered, owner_answered, owner_hours, credit``; null where a value is unknown.

        Returns:
            n rows.

        >>> from nlp_engage.measure import collect
        >>> from nlp_engage.measure.worked import worked_archive
        >>> collect(worked_archive(1)).to_arrow().column("exchange").to_pylist()[:4]
        [2.0, 2.0, 2.0, 2.0]
        """
        import pyarrow as pa

        unlabelled = ~self.labelled
        best = np.nan_to_num(self.probabilities).argmax(1)
        columns = {
            "thread_id": _words(self.thread_ids, self.thread),
            "platform": _words(self.platforms, self.thread),
            "comment_id": pa.array(list(self.comment_ids), pa.string()),
            "index": pa.array(self.index),
            "author": _words(self.authors, self.author),
            "owner": pa.array(self.owner),
            "lang": _words(self.languages, self.language),
            "created": pa.array(self.time, pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC")),
            "likes": _numbers(self.likes),
            "depth": pa.array(self.depth),
            "label": _words(LABELS, np.where(unlabelled, -1, best)),
        }
        for k, label in enumerate(LABELS):
            columns[f"p_{label}"] = _numbers(self.probabilities[:, k])
        columns |= {
            "act": _words(ACTS, self.act),
            "self_reply": pa.array(self.self_reply),
            "exchange": _numbers(self.exchange),
            "uniqueness": _numbers(self.uniqueness),
            "voice": _numbers(self.voice),
            "answered": _numbers(self.answered),
            "owner_answered": pa.array(self.owner_answered),
            "owner_hours": _numbers(self.owner_hours),
            "credit": _numbers(self.credit),
        }
        return pa.table(columns)


def _words(names: Sequence[str | None], codes: npt.NDArray[np.integer]) -> pa.Array:
    import pyarrow as pa

    known = pa.array([None, *(None if name is None else str(name) for name in names)], pa.string())
    return known.take(pa.array(codes.astype(np.int64) + 1))


def _numbers(values: FloatArray) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.float64(), mask=np.isnan(values))
