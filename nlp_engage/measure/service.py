"""Service pages: are questions and complaints answered, how soon, and does the talk go on after the answer?

A *case* is an audience reply whose act is a question (``ques``) or a request or complaint (``requ``). It is answered if
the brand wrote anything below it. It *goes on* if, below the first answer, somebody of the audience takes the talk
further with dialogue: the probability ``1 - prod(1 - d)`` over the audience's replies there; the replies of its own
author are counted apart (*comes back*). The answer itself is not judged: whether it helped shows in what follows.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate
from math import exp
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.bootstrap import bca_interval, check_resampling, resample_weights
from nlp_engage.measure.facts import collect
from nlp_engage.measure.groups import group
from nlp_engage.measure.intervals import medians
from nlp_engage.measure.posts import PostBook, owners
from nlp_engage.types import ACTS, Act

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray, LabelledTree

KINDS: Final = {"question": Act.QUESTION, "request": Act.REQUEST}
"""Kinds of cases and their acts; the act ``requ`` holds requests and complaints put to somebody."""
SHARES: Final = ("answered", "goes_on", "comes_back")
PAGE: Final = "page"
_HOURS: Final = 3_600.0
_TINY: Final = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question, request or complaint.

    Attributes:
        thread_id: Its thread.
        comment_id: Its comment.
        kind: ``question`` or ``request``.
        answered: The brand wrote something below it.
        hours: Hours to the first answer; ``None`` where it is unanswered or a time is missing or runs backwards.
        goes_on: Probability that the audience goes on in dialogue below the first answer; 0 where unanswered.
        comes_back: The same for the author of the case alone.
    """

    thread_id: str
    comment_id: str
    kind: str
    answered: bool
    hours: float | None
    goes_on: float
    comes_back: float


@dataclass(slots=True)
class CaseBook:
    """Cases, noted while trees pass through ``watch``.

    Attributes:
        accounts: Accounts that answer for the brand; empty for the owner of each thread: its poster, and whoever the
            archive marks as the page's.
        cases: What was found.
        left_out: Threads with cases in which nobody is known to answer for the brand, and how many cases they hold.
        met: Those of the accounts that wrote anything.
    """

    accounts: Collection[str] = ()
    cases: list[Case] = field(default_factory=list)
    left_out: tuple[int, int] = (0, 0)
    met: set[str] = field(default_factory=set)

    def watch(self, labelled_trees: Iterable[LabelledTree]) -> Iterator[LabelledTree]:
        """Pass trees on and note their cases.

        Args:
            labelled_trees: Trees, in any order.

        Yields:
            The same trees.

        >>> from nlp_engage.measure.worked import worked_archive
        >>> book = CaseBook()
        >>> _ = list(book.watch(worked_archive(1)))
        >>> [(case.comment_id, case.kind, case.answered) for case in book.cases]
        [('t0.1', 'question', True), ('t0.9', 'request', False)]
        """
        for labelled in labelled_trees:
            brand = self._brand(labelled)
            asked = _asked(labelled, brand)
            if any(brand) or (not self.accounts and labelled.tree.post.author):
                self.cases += _cases(labelled, brand, asked)
            elif asked:
                threads, cases = self.left_out
                self.left_out = threads + 1, cases + len(asked)
            yield labelled

    def _brand(self, labelled: LabelledTree) -> list[bool]:
        """Whether each comment was written for the brand."""
        comments, poster = labelled.tree.comments, labelled.tree.post.author
        if not self.accounts:
            return [c.is_owner or (bool(poster) and c.author == poster) for c in comments]
        names = [{c.author, c.author_name} & set(self.accounts) for c in comments]
        self.met |= {name for found in names for name in found if name}
        return [bool(found) for found in names]


def _asked(labelled: LabelledTree, brand: list[bool]) -> dict[int, str]:
    """Nodes of the cases, and the kind of each."""
    kind_of = {ACTS.index(act): kind for kind, act in KINDS.items()}
    return {
        i: kind_of[act]
        for i, act in enumerate(labelled.acts.tolist())
        if i and act in kind_of and not brand[i] and not labelled.tree.stand_in[i]
    }


def _cases(labelled: LabelledTree, brand: list[bool], asked: Mapping[int, str]) -> Iterator[Case]:
    tree, comments = labelled.tree, labelled.tree.comments
    first = _first_answers(labelled, brand)
    talk = _Talk(labelled, brand)
    for i, kind in asked.items():
        answer = first[i]
        on, back = (0.0, 0.0) if answer is None else talk.below(answer, comments[i].author)
        then, told = comments[i].created, comments[answer].created if answer is not None else None
        hours = None if then is None or told is None else (told - then).total_seconds() / _HOURS
        yield Case(
            thread_id=tree.thread_id, comment_id=comments[i].id, kind=kind, answered=answer is not None,
            hours=hours if hours is not None and hours >= 0 else None, goes_on=on, comes_back=back,
        )  # fmt: skip


def _first_answers(labelled: LabelledTree, brand: list[bool]) -> list[int | None]:
    """Node of the brand's first answer below each node, by time, where times are missing by place."""
    comments, parents = labelled.tree.comments, labelled.tree.parents.tolist()

    def when(i: int) -> tuple[float, int]:
        moment = comments[i].created
        return (moment.timestamp() if moment else float("inf"), i)

    first: list[int | None] = [None] * len(comments)
    for i in range(len(comments) - 1, 0, -1):
        own = first[i]
        best = i if brand[i] and not labelled.tree.stand_in[i] and (own is None or when(i) <= when(own)) else own
        above = first[parents[i]]
        if best is not None and (above is None or when(best) < when(above)):
            first[parents[i]] = best
    return first


class _Talk:
    """What the audience says below a node. A subtree is a stretch of the order in which branches are walked through."""

    def __init__(self, labelled: LabelledTree, brand: Sequence[bool]) -> None:
        comments, parents = labelled.tree.comments, labelled.tree.parents.tolist()
        self.size = [1] * len(comments)
        for i in range(len(comments) - 1, 0, -1):
            self.size[parents[i]] += self.size[i]
        self.start, free = [0] * len(comments), [1] * len(comments)
        for i in range(1, len(comments)):
            self.start[i] = free[parents[i]]
            free[parents[i]] += self.size[i]
            free[i] = self.start[i] + 1
        # a sure dialogue leaves no chance of silence; its logarithm is kept finite, for sums are subtracted below
        silence = np.log(np.maximum(1 - np.nan_to_num(labelled.probabilities[:, 1]), _TINY))
        said: dict[str | None, list[tuple[int, float]]] = {}
        for i, comment in enumerate(comments):
            if i and not brand[i]:
                said.setdefault(comment.author or "", []).append((self.start[i], float(silence[i])))
        self.said = {author: _running(found) for author, found in said.items()}
        self.all = _running([pair for found in said.values() for pair in found])

    def below(self, node: int, author: str | None) -> tuple[float, float]:
        """Probability that dialogue goes on below a node: by anybody of the audience, by one of its authors."""
        first, last = self.start[node] + 1, self.start[node] + self.size[node]
        own = self.said.get(author) if author else None
        return _spoken(self.all, first, last), 0.0 if own is None else _spoken(own, first, last)


def _running(found: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    found.sort()
    return [place for place, _ in found], list(accumulate((x for _, x in found), initial=0.0))


def _spoken(running: tuple[list[int], list[float]], first: int, last: int) -> float:
    places, sums = running
    return 1 - exp(min(sums[bisect_left(places, last)] - sums[bisect_left(places, first)], 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReport:
    """Service figures by group and kind.

    Attributes:
        level: Confidence level.
        resamples: Resamples of threads.
        seed: Of the resampling.
        groups: The rows.
        left_out: Threads with questions or requests in which nobody is known to answer for the brand (no owner is
            known, or none of the accounts wrote in them), and how many cases they hold: these are in no row.
    """

    level: float
    resamples: int
    seed: int
    groups: tuple[dict[str, Any], ...]
    left_out: tuple[int, int]

    def rows(self) -> list[dict[str, Any]]:
        """One row a group and kind (``question``, ``request``, ``all``).

        Keys: ``group, kind, n_cases, n_threads, n_answered``; ``answered`` (share of cases), ``hours`` (median to the
        first answer), ``goes_on`` and ``comes_back`` (shares of the answered cases), each with ``_low`` and ``_high``;
        ``hours_90`` (nine in ten answers come within); ``notes``, the reason of every ``None``.

        Returns:
            Shares in [0, 1], times in hours.
        """
        return [{**row, "notes": dict(row["notes"])} for row in self.groups]

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table, ``notes`` as JSON text."""
        import json

        import pyarrow as pa

        fields = [("group", pa.string()), ("kind", pa.string())]
        fields += [(key, pa.int64()) for key in ("n_cases", "n_threads", "n_answered")]
        ends = [(key + end, pa.float64()) for key in (*SHARES, "hours") for end in ("", "_low", "_high")]
        schema = pa.schema([*fields, *ends, ("hours_90", pa.float64()), ("notes", pa.string())])
        rows = [{**row, "notes": json.dumps(row["notes"])} for row in self.groups]
        return pa.Table.from_pylist(rows, schema=schema)


def service(
    labelled_trees: Iterable[LabelledTree],
    *,
    by: str | Mapping[str, str] | None = None,
    accounts: Collection[str] = (),
    resamples: int = 1000,
    level: float = 0.90,
    seed: int = 0,
    alias: Callable[[str], str | None] | None = None,
) -> ServiceReport:
    """Measure how a page serves those who ask.

    Args:
        labelled_trees: Trees with labels and acts, in any order; read once.
        by: ``None``, ``page`` (the account that owns the thread), any column of ``measure``, or a table thread id ->
            group.
        accounts: Accounts that answer for the brand, by id or name, as the archive writes them; empty for the owner of
            each thread. Threads in which none of them wrote are left out.
        resamples: Resamples of threads, 20 or more; with 0 there are no intervals.
        level: Confidence level, in (0, 1).
        seed: Of the resampling.
        alias: Gives the code of an account where authors are written in code.

    Returns:
        One row a group and kind; a group without a case has rows all the same, with ``None`` and the reason. Shares
        are in [0, 1], times in hours.

    Raises:
        DataError: There is no such column, an account wrote nothing in the archive, or a setting is out of its range.

    >>> from datetime import UTC, datetime
    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment, LabelledTree
    >>> turns = [("p", None, "shop", 9), ("1", "p", "bob", 10), ("2", "1", "shop", 13), ("3", "2", "bob", 14)]
    >>> tree = build_tree([Comment(id=i, thread_id="p", parent_id=up, author=who, text=i,
    ...                            created=datetime(2026, 5, 4, hour, tzinfo=UTC)) for i, up, who, hour in turns])
    >>> sure = np.array([[np.nan] * 3, [0, 1, 0], [0, 1, 0], [0, 0.75, 0.25]])
    >>> acts = np.array([-1, ACTS.index(Act.QUESTION), ACTS.index(Act.ANSWER), -1], dtype=np.int32)
    >>> row = service([LabelledTree(tree=tree, probabilities=sure, acts=acts, act_probabilities=np.ones(4),
    ...                             languages=("en",) * 4)]).rows()[0]
    >>> row["n_cases"], row["answered"], row["hours"], round(row["goes_on"], 6)  # asked at 10, answered at 13
    (1, 1.0, 3.0, 0.75)
    """
    check_resampling(resamples, level, seed)
    spelled = {account: {account, (alias(account) if alias else None) or account} for account in accounts}
    posts, cases = PostBook(), CaseBook(accounts=frozenset().union(*spelled.values()))
    table = collect(posts.watch(cases.watch(labelled_trees)))
    for account, names in spelled.items():
        if not names & cases.met:
            raise DataError(
                f"account {account!r} wrote nothing in the archive: give its id or name as the archive writes it "
                "(in a run with salted author ids its id, and --salt where the run was made with one)."
            )
    by = owners(posts) if by == PAGE else by
    place = {(table.thread_ids[t], c): r for r, (t, c) in enumerate(zip(table.thread, table.comment_ids, strict=True))}
    grouping = group(table, by)
    columns = _columns(cases.cases, table, [int(grouping.rows[place[c.thread_id, c.comment_id]]) for c in cases.cases])
    settings = (resamples, level, seed)
    rows = [
        _row(name, kind, columns, (columns["group"] == g) & _of_kind(columns, kind), settings)
        for g, name in enumerate(grouping.names)
        for kind in ("all", *KINDS)
    ]
    return ServiceReport(level=level, resamples=resamples, seed=seed, groups=tuple(rows), left_out=cases.left_out)


def _of_kind(columns: Mapping[str, Any], kind: str) -> Any:
    return columns["kind"] == kind if kind != "all" else np.ones(len(columns["kind"]), dtype=np.bool_)


def _columns(cases: list[Case], table: ReplyTable, groups: list[int]) -> dict[str, Any]:
    threads = {t: k for k, t in enumerate(table.thread_ids)}
    return {
        "group": np.array(groups, dtype=np.int64),
        "thread": np.array([threads[c.thread_id] for c in cases], dtype=np.int64),
        "kind": np.array([c.kind for c in cases], dtype=object),
        "answered": np.array([c.answered for c in cases], dtype=np.float64),
        "hours": np.array([np.nan if c.hours is None else c.hours for c in cases], dtype=np.float64),
        "goes_on": np.array([c.goes_on for c in cases], dtype=np.float64),
        "comes_back": np.array([c.comes_back for c in cases], dtype=np.float64),
    }


def _row(
    name: str, kind: str, columns: Mapping[str, Any], mine: Any, settings: tuple[int, float, int]
) -> dict[str, Any]:
    thread = columns["thread"][mine]
    answered, hours = columns["answered"][mine], columns["hours"][mine]
    row: dict[str, Any] = {"group": name, "kind": kind, "n_cases": len(thread)}
    row |= {"n_threads": len(np.unique(thread)), "n_answered": int(answered.sum())}
    notes: dict[str, str] = {}
    unanswered = "no question or complaint" if not len(thread) else "none was answered"
    for key in SHARES:
        weight = np.ones(len(thread)) if key == "answered" else answered
        _put(row, notes, key, _share(columns[key][mine], weight, thread, settings), unanswered)
    timed = hours[~np.isnan(hours)]
    reason = "no times given, or they run backwards" if answered.sum() else unanswered
    _put(row, notes, "hours", _median(hours, thread, settings), reason)
    row["hours_90"] = float(np.quantile(timed, 0.9)) if len(timed) else None
    return {**row, "notes": notes}


def _put(row: dict[str, Any], notes: dict[str, str], key: str, found: tuple[float, float, float], why: str) -> None:
    value, low, high = (None if np.isnan(x) else float(x) for x in found)
    row |= {key: value, f"{key}_low": low, f"{key}_high": high}
    if value is None:
        notes[key] = why
    elif low is None:
        notes[key] = "fewer than two threads, or all alike: no interval"


def _share(
    values: FloatArray, weight: FloatArray, thread: Any, settings: tuple[int, float, int]
) -> tuple[float, float, float]:
    """A weighted mean with its interval by threads."""
    names, place = np.unique(thread, return_inverse=True)
    top, below = (np.bincount(place, x, len(names)) for x in (values * weight, weight))
    return _interval(lambda w: _over(w @ top, w @ below), len(names), int((below > 0).sum()), settings)


def _median(hours: FloatArray, thread: Any, settings: tuple[int, float, int]) -> tuple[float, float, float]:
    """The median of what is known, with its interval by threads."""
    known = ~np.isnan(hours)
    names, place = np.unique(thread[known], return_inverse=True)
    order = np.argsort(hours[known], kind="stable")
    ordered, place = hours[known][order], place[order]

    return _interval(lambda w: medians(ordered, w, place), len(names), len(names), settings, smooth=False)


def _interval(
    statistic: Callable[[FloatArray], FloatArray],
    threads: int,
    units: int,
    settings: tuple[int, float, int],
    *,
    smooth: bool = True,
) -> tuple[float, float, float]:
    """Value and ends of a statistic that takes weights of threads, shape (B, T) -> (B,)."""
    resamples, level, seed = settings
    if not threads:
        return np.nan, np.nan, np.nan
    value = statistic(np.ones((1, threads)))
    if units < 2 or not resamples or np.isnan(value[0]):
        return float(value[0]), np.nan, np.nan
    draws = statistic(resample_weights(threads, resamples, seed))
    # leaving one thread out says little of a median's skewness
    without = statistic(1 - np.eye(threads)) if smooth and threads <= 4_096 else np.full(1, np.nan)
    low, high = bca_interval(draws[:, None], value, without[:, None], np.array([float(units)]), level)
    return float(value[0]), float(low[0]), float(high[0])


def _over(top: FloatArray, below: FloatArray) -> FloatArray:
    found: FloatArray = np.divide(top, below, out=np.full(len(top), np.nan), where=below > 0)
    return found
