"""From gathered facts to a table: the fixed order, the copy rule, the credits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nlp_engage.errors import DataError
from nlp_engage.measure.credit import answered_back, credit, uniqueness, voice
from nlp_engage.measure.near import join_near
from nlp_engage.measure.packed import Names
from nlp_engage.measure.table import ReplyTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.types import FloatArray

    Columns = Mapping[str, npt.NDArray[Any]]

_MICRO_PER_HOUR: Final = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What one pass gathered, threads and rows in the order they came; codes are indices into the names.

    The page of a thread is its owner's account, as a code of ``authors``, -1 where the owner is unknown. ``assemble``
    takes the columns of ``rows`` out one by one, so that no two copies of all are ever in memory.
    """

    rows: dict[str, npt.NDArray[Any]]
    threads: Columns
    thread_ids: Names
    platforms: Sequence[str | None]
    comment_ids: Sequence[Names] | None
    authors: Names
    languages: Sequence[str]
    long_rows: npt.NDArray[np.int64]
    """Rows with a text long enough to be told from a near-copy of it, in the order in which they came."""
    signatures: npt.NDArray[np.uint32]


def assemble(facts: Facts) -> ReplyTable:
    """Bring threads and rows into their fixed order and work out uniqueness, answers and credits.

    Called by ``facts.collect``, whose example shows what comes out.

    Args:
        facts: Columns of threads and rows in the order in which they came.

    Returns:
        The table to measure, the same for every order of the facts.

    Raises:
        DataError: A thread comes twice.
    """
    by_id = facts.thread_ids.order()
    thread_ids = facts.thread_ids.take(by_id)
    _check_once(thread_ids)
    rank = np.empty(len(by_id), dtype=np.int32)
    rank[by_id] = np.arange(len(by_id), dtype=np.int32)
    rows, order, place = _ordered(facts.rows, rank)
    threads = {name: values[by_id] for name, values in facts.threads.items()}
    comment_ids = Names.of([]) if facts.comment_ids is None else Names.joined(facts.comment_ids, order)
    del order
    long, signatures = _long(facts, place)
    del place
    author_order = _first_seen(np.concatenate([threads["author"], rows["author"]]), len(facts.authors))
    language_order = np.argsort(np.array(facts.languages, dtype=object), kind="stable")
    new_author, new_language = _renumber(author_order), _renumber(language_order)
    rows["author"], rows["language"] = new_author[rows["author"]], new_language[rows["language"]]
    page = threads["page"]  # a thread of an unknown owner is a page of its own
    rows["page"] = np.where(page >= 0, page, len(facts.authors) + by_id).astype(np.int32)[rows["thread"]]
    found = _worked_out(rows, long, signatures)
    return ReplyTable(
        thread_ids=thread_ids,
        platforms=tuple(facts.platforms[t] for t in by_id.tolist()),
        thread_post=threads["post"],
        thread_author=new_author[threads["author"]],
        thread_language=new_language[threads["language"]],
        thread_time=threads["time"].view("datetime64[us]"),
        thread_likes=threads["likes"],
        thread_owned=threads["owned"],
        thread_virality=threads["virality"],
        thread_h=threads["h"],
        authors=facts.authors.take(author_order),
        languages=tuple(facts.languages[k] for k in language_order.tolist()),
        comment_ids=comment_ids,
        time=rows["time"].view("datetime64[us]"),
        **{name: rows[name] for name in _AS_THEY_ARE},
        **found,
    )


def _check_once(ordered: Names) -> None:
    twice = ordered.repeated()
    if twice is not None:
        raise DataError(
            f"thread {twice!r} comes twice: every thread is measured once. Build the trees of all "
            "files together (build_trees), or give the threads of one archive other ids."
        )


_AS_THEY_ARE: Final = (
    "thread", "index", "author", "owner", "probabilities", "act", "language", "likes", "depth", "self_reply",
    "exchange",
)  # fmt: skip


def _ordered(
    rows: dict[str, npt.NDArray[Any]], rank: npt.NDArray[np.int32]
) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Rows by thread id, then in tree order; links between rows follow. Empties ``rows``.

    Returns:
        The rows, the old row of each new one, and the new row of each old one, -1 at the end.
    """
    order = np.argsort(rank[rows["thread"]], kind="stable")
    place = np.full(len(order) + 1, -1, dtype=np.int32)  # the last entry answers for the link -1
    place[order] = np.arange(len(order), dtype=np.int32)
    ordered = {name: rows.pop(name)[order] for name in tuple(rows)}
    ordered["thread"] = rank[ordered["thread"]]
    ordered["parent"] = place[ordered["parent"]]
    return ordered, order, place


def _long(facts: Facts, place: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    """Rows with a signature in their fixed order, and the signatures, brought into that order where they are."""
    rows = place[facts.long_rows].astype(np.int64)
    sort = np.argsort(rows)
    signatures = facts.signatures
    signatures[:] = signatures[sort]
    return rows[sort], signatures


def _first_seen(codes: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    """All codes but -1, in the order in which they first occur."""
    first = np.full(count, len(codes), dtype=np.int64)
    known = np.flatnonzero(codes >= 0)
    np.minimum.at(first, codes[known], known)
    return np.argsort(first, kind="stable")


def _renumber(order: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    """New code of each old code; the last entry keeps -1 what it is."""
    new = np.full(len(order) + 1, -1, dtype=np.int32)
    new[order] = np.arange(len(order), dtype=np.int32)
    return new


def _worked_out(
    rows: dict[str, npt.NDArray[Any]], long: npt.NDArray[np.int64], signatures: npt.NDArray[np.uint32]
) -> dict[str, npt.NDArray[Any]]:
    """The columns that follow from others. Takes what is needed for nothing else out of ``rows``, as soon as it can."""
    p = rows["probabilities"]
    measured = ~np.isnan(p[:, 0]) & ~rows["owner"]
    substance = np.minimum(np.nan_to_num(p[:, 1]) + np.nan_to_num(p[:, 2]), 1.0)
    answered = answered_back(rows.pop("parent"), rows.pop("other"), substance)
    by_owner = _owner_answers(rows.pop("first_answer"), rows["time"])
    weight, exact, unique = (np.ones(len(measured)) for _ in range(3))
    page = rows.pop("page")
    weight[measured] = voice(_persons(page[measured], rows["author"][measured]))
    copies = np.zeros(len(measured), dtype=np.int64)
    copies[measured] = _copy_groups(page[measured], rows.pop("copy")[measured])
    substance = substance[measured]
    exact[measured] = uniqueness(copies[measured], substance)
    copies = join_near(copies, page, long, signatures)
    unique[measured] = uniqueness(copies[measured], substance)
    del copies, page, substance
    earned = credit(np.nan_to_num(p[:, 2]), np.nan_to_num(p[:, 1]), rows["exchange"], unique, rows["self_reply"])
    earned[~measured] = np.nan
    return {
        "uniqueness": unique,
        "uniqueness_exact": exact,
        "voice": weight,
        "answered": answered,
        "credit": earned,
        **by_owner,
    }


def _owner_answers(first: FloatArray, asked: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[Any]]:
    """Whether the owner answered, and after how many hours, from the times of answer and question."""
    known = np.isfinite(first) & ~np.isnat(asked.view("datetime64[us]"))
    hours = np.full(len(first), np.nan)
    hours[known] = (first[known] - asked[known]) / _MICRO_PER_HOUR
    hours[hours < 0] = np.nan  # answered before it was asked: a clock is wrong
    return {"owner_answered": ~np.isnan(first), "owner_hours": hours}


def _persons(page: npt.NDArray[np.int32], author: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """One number for each pair of page and person; whoever has no name is a person of their own."""
    pair = page.astype(np.int64) * (int(author.max(initial=0)) + 1) + author
    return np.where(author >= 0, pair, -1 - np.arange(len(author)))


def _copy_groups(page: npt.NDArray[np.int32], copy: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """One number for each pair of page and text."""
    order = np.lexsort((copy, page))
    new = np.ones(len(order), dtype=np.int64)
    new[1:] = (np.diff(page[order]) != 0) | (copy[order][1:] != copy[order][:-1])
    groups = np.empty(len(order), dtype=np.int64)
    groups[order] = np.cumsum(new)
    return groups
