"""Which threads to label by hand: drawn with known probabilities, so that what is found holds for the archive."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.bootstrap import check_seed

if TYPE_CHECKING:
    import numpy.typing as npt

    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray

    IntColumn = npt.NDArray[np.int64]

Key = tuple[str, str]
"""A reply: its thread and its own id, which need be unique in the thread only."""
CAP: Final = 60
"""Of a thread with more replies than this, only some branches are labelled, about so many replies in all."""
_ALIKE: Final = 0.1
"""How alike replies of one thread are assumed to be (intra-class correlation), to spread the labels well."""
_STRATUM: Final = 10
_LEAST: Final = 5
_NAMED: Final = 2
"""Threads that a stratum is expected to give, and the least: a border of language or platform is one from there on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """Threads that are like each other.

    Attributes:
        name: Languages, platforms and predicted share of mindless replies, e.g. ``en reddit 12-31% mindless``.
        threads: Threads of the archive in it.
        drawn: Threads drawn.
        labels: Replies to label in them.
    """

    name: str
    threads: int
    drawn: int
    labels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """Replies to label by hand.

    Attributes:
        inclusion: Thread and comment id -> probability with which it was drawn. Comments of one thread have one
            probability.
        stratum: Thread id -> name of its stratum, for each thread drawn, in the order of the table.
        strata: All strata.
        budget: Labels asked for; the plan holds about as many.
        seed: Of the draw.
    """

    inclusion: dict[Key, float]
    stratum: dict[str, str]
    strata: tuple[Stratum, ...]
    budget: int
    seed: int

    @property
    def threads(self) -> tuple[str, ...]:
        """Threads drawn, in the order of the table.

        Returns:
            Thread ids.

        >>> AuditPlan(inclusion={("t1", "a"): 0.5}, stratum={"t1": "en"}, strata=(), budget=9, seed=0).threads
        ('t1',)
        """
        return tuple(self.stratum)

    def rows(self) -> list[dict[str, Any]]:
        """One row a stratum: ``stratum, threads, drawn, labels``.

        Returns:
            Of all strata, also those of which nothing was drawn.

        >>> AuditPlan(inclusion={}, stratum={}, budget=9, seed=0,
        ...           strata=(Stratum(name="en", threads=9, drawn=2, labels=8),)).rows()
        [{'stratum': 'en', 'threads': 9, 'drawn': 2, 'labels': 8}]
        """
        return [{"stratum": s.name, "threads": s.threads, "drawn": s.drawn, "labels": s.labels} for s in self.strata]


def plan_audit(table: ReplyTable, budget: int, *, seed: int = 0, cap: int = CAP) -> AuditPlan:
    """Draw threads to label: spread evenly over languages, platforms and predicted mixes.

    Threads are sorted by language, platform and predicted share of mindless replies and drawn systematically, with
    probabilities that make the most of the labels if replies of a thread are a little alike. Stretches of the order
    that are expected to give about ten threads are the strata. Of a long thread whole branches are drawn, for a reply
    is judged, and its exchange counted, along its branch.

    Source: Särndal, Swensson and Wretman 1992, "Model assisted survey sampling", sections 3.6, 3.7 and 4.3.

    Args:
        table: The facts, with predicted labels.
        budget: Labels to spend, about.
        seed: Of the draw.
        cap: Replies to label in one thread at most, about.

    Returns:
        The plan. Owner replies of the branches are in it, for their labels decide exchanges.

    Raises:
        DataError: There are fewer than two threads with labelled replies, the budget is less than two of them, or the
            seed is negative.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> table = collect(worked_archive(12))
    >>> plan = plan_audit(table, 40)
    >>> len(plan.threads), len(plan.inclusion), plan.rows()
    (5, 41, [{'stratum': 'en 43-50% mindless', 'threads': 12, 'drawn': 5, 'labels': 41}])
    """
    check_seed(seed, "draw the same sheet")
    rows = np.flatnonzero(table.labelled)
    size = np.bincount(table.thread[rows], minlength=len(table.thread_ids))
    useful = np.flatnonzero(np.bincount(table.thread[table.measured], minlength=len(size)) > 0)
    if len(useful) < 2:
        raise DataError(
            f"{len(useful)} of {len(size)} threads hold audience replies with a label: an audit draws some of at least "
            "two. With one, label all its replies by hand (nlp_engage.measure.by_hand)."
        )
    chances = _chances(size[useful], budget, cap)
    if chances.sum() < 2:
        each = np.minimum(size[useful], cap).mean()
        raise DataError(
            f"a budget of {budget} labels buys {chances.sum():.1f} of {len(useful)} threads: an audit needs two at "
            f"least, about {ceil(2 * each)} labels, and thirty to be worth much. Raise the budget."
        )
    rng = np.random.default_rng(seed)
    order, kinds = _spread(table, useful)
    drawn = np.sort(order[systematic(chances[order], rng.random())])
    stratum = np.empty(len(useful), dtype=np.int64)
    stratum[order] = strata_of(chances[order], kinds[order])
    starts = np.searchsorted(table.thread[rows], np.arange(len(size) + 1))
    inclusion: dict[Key, float] = {}
    labels = np.zeros(len(useful), dtype=np.int64)
    for k in drawn.tolist():
        chosen, share = _branches(table, rows[starts[useful[k]] : starts[useful[k] + 1]], cap, rng)
        labels[k] = len(chosen)
        thread = table.thread_ids[useful[k]]
        inclusion |= {(thread, table.comment_ids[i]): float(chances[k] * share) for i in chosen.tolist()}
    found = _described(table, useful, stratum, labels)
    return AuditPlan(
        inclusion=inclusion,
        stratum={table.thread_ids[useful[k]]: found[stratum[k]].name for k in drawn.tolist()},
        strata=found,
        budget=budget,
        seed=seed,
    )


def _chances(size: IntColumn, budget: float, cap: int) -> FloatArray:
    """Inclusion probabilities of threads that spend the budget, by the optimum of variance against cost."""
    return spent(worth_of(size, cap), np.minimum(size, cap).astype(np.float64), budget)


def worth_of(size: IntColumn, cap: int = CAP) -> FloatArray:
    """What the chance of a thread of so many replies should be proportional to, if each label costs the same.

    Args:
        size: Labelled replies of each thread. Shape: (T,), int64.
        cap: Replies to label in one thread at most.

    Returns:
        Up to a factor. Shape: (T,).

    >>> worth_of(np.array([1, 10, 100])).round(2).tolist()
    [1.0, 1.38, 4.38]
    """
    cost = np.clip(size, 1, cap).astype(np.float64)
    worth: FloatArray = size.astype(np.float64) * np.sqrt((_ALIKE + (1 - _ALIKE) / cost) / cost)
    return worth


def systematic(chances: FloatArray, start: float) -> IntColumn:
    """Places drawn: one wherever the running sum of chances passes a whole number.

    Args:
        chances: Inclusion probabilities in [0, 1], in the order to draw along. Shape: (T,).
        start: Random, in [0, 1).

    Returns:
        Places, ascending. Shape: (drawn,), int64.

    >>> systematic(np.array([0.5, 0.5, 1.0, 0.25]), 0.6).tolist()
    [0, 2]
    """
    running = np.cumsum(chances) + start
    return np.flatnonzero(np.floor(running) > np.floor(running - chances))


def spent(worth: FloatArray, cost: FloatArray, budget: float) -> FloatArray:
    """Probabilities proportional to ``worth`` and at most 1 whose expected cost is the budget, or all of it.

    Args:
        worth: What the probability of each thread should be proportional to, above 0. Shape: (T,).
        cost: Labels each thread costs, above 0. Shape: (T,).
        budget: Labels to spend.

    Returns:
        Probabilities in (0, 1]. Shape: (T,).

    >>> spent(np.array([1.0, 2.0, 7.0]), np.ones(3), 2.0).round(3).tolist()
    [0.333, 0.667, 1.0]
    """
    if budget >= cost.sum():
        return np.ones(len(worth))
    # threads in the order in which they reach certainty; the last k are certain
    order = np.argsort(worth, kind="stable")
    certain = cost.sum() - np.cumsum(cost[order])
    factor = (budget - certain) / np.cumsum((worth * cost)[order])
    fits = np.flatnonzero(factor * worth[order] <= 1)
    chances: FloatArray = np.minimum(factor[fits[-1]] * worth, 1.0)
    return chances


def _spread(table: ReplyTable, threads: IntColumn) -> tuple[IntColumn, IntColumn]:
    """Places of threads, sorted by language, platform and predicted share of mindless replies; kind of each thread.

    A kind is a language on a platform.
    """
    language, mindless = _look(table, threads)
    platforms = sorted({p or "" for p in table.platforms})
    platform = np.array([platforms.index(table.platforms[t] or "") for t in threads.tolist()], dtype=np.int64)
    return np.lexsort((mindless, platform, language)), language * len(platforms) + platform


def _look(table: ReplyTable, threads: IntColumn) -> tuple[IntColumn, FloatArray]:
    """Commonest language and predicted share of mindless replies of threads."""
    rows = np.flatnonzero(table.measured)
    where, count = table.thread[rows], len(table.thread_ids)
    votes = np.zeros((count, max(len(table.languages), 1)))
    np.add.at(votes, (where, table.language[rows]), 1)
    mindless = np.bincount(where, table.probabilities[rows, 0], count) / np.maximum(votes.sum(axis=1), 1)
    return votes[threads].argmax(axis=1), mindless[threads]


def strata_of(chances: FloatArray, kinds: IntColumn) -> IntColumn:
    """Number of the stratum of each thread, for threads in their order.

    A stratum ends where it is expected to give ``_STRATUM`` threads, or ``_LEAST`` and the kind changes. What is left
    over at the end goes to the last one.

    Args:
        chances: Inclusion probabilities. Shape: (T,).
        kinds: Language and platform of each, as a number. Shape: (T,), int64.

    Returns:
        From 0, ascending. Shape: (T,), int64.

    >>> strata_of(np.full(24, 0.5), np.repeat([0, 1], 12)).tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    number, expected = 0, 0.0
    found = np.zeros(len(chances), dtype=np.int64)
    for k in range(len(chances)):
        border = k > 0 and kinds[k] != kinds[k - 1]
        if expected >= _STRATUM - 1e-9 or (border and expected >= _LEAST):
            number, expected = number + 1, 0.0
        found[k] = number
        expected += chances[k]
    if number and expected < _LEAST:
        found[found == number] = number - 1
    return found


def _described(table: ReplyTable, threads: IntColumn, stratum: IntColumn, labels: IntColumn) -> tuple[Stratum, ...]:
    language, mindless = _look(table, threads)
    found: list[Stratum] = []
    for h in range(int(stratum.max()) + 1):
        mine = np.flatnonzero(stratum == h)
        names = sorted({table.languages[k] for k in language[mine].tolist()})
        places = sorted({table.platforms[t] or "" for t in threads[mine].tolist()} - {""})
        share = f"{100 * mindless[mine].min():.0f}-{100 * mindless[mine].max():.0f}% mindless"
        place = "+".join(places) if len(places) <= _NAMED else f"{len(places)} platforms"
        name = " ".join(filter(None, ("+".join(names), place, share)))
        # strata of one description stay apart
        same = sum(s.name.split(" (")[0] == name for s in found)
        found.append(
            Stratum(
                name=f"{name} ({same + 1})" if same else name,
                threads=len(mine),
                drawn=int((labels[mine] > 0).sum()),
                labels=int(labels[mine].sum()),
            )
        )
    return tuple(found)


def _branches(table: ReplyTable, rows: IntColumn, cap: int, rng: np.random.Generator) -> tuple[IntColumn, float]:
    """Some branches of a thread, each with the same probability; all of them if the thread is short."""
    if len(rows) <= cap:
        return rows, 1.0
    starts = table.depth[rows] == 1
    starts[0] = True
    branch = np.cumsum(starts) - 1
    count = int(branch[-1]) + 1
    wanted = max(1, round(count * cap / len(rows)))
    chosen = rng.choice(count, size=wanted, replace=False)
    return rows[np.isin(branch, chosen)], wanted / count
