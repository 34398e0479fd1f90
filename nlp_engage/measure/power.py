"""Before a launch: how many posts, comments and labels are needed to see a difference.

From a pilot, the spread between threads is measured; without one, it follows from stated assumptions. The design effect
of replies that are alike within threads of unequal size is ``1 + ((cv² + 1) m - 1) rho`` (Eldridge et al. 2006, doi
10.1093/ije/dyl129), with ``m`` replies in a thread on average, ``cv`` their coefficient of variation and ``rho`` their
likeness. Posts needed in each of two groups: ``2 v (t(1 - alpha / 2) + t(power))² / effect²``, ``v`` the variance of a
thread (Bloom 1995, doi 10.1177/0193841X9501900504).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil, isfinite, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.contrast import audited_threads, detectable, times_larger
from nlp_engage.measure.contrast_figures import COMPARED, ERRORS_ALIKE, thread_sums
from nlp_engage.measure.verdicts import MIN_POSTS, MIN_REPLIES

if TYPE_CHECKING:
    from nlp_engage.measure.contrast_figures import Figure
    from nlp_engage.measure.table import ReplyTable

FIGURES: Final = {figure.key: figure for figure in COMPARED if figure.points is not None}
MIN_EFFECT: Final = 0.1
"""Points. Less would not matter to anybody, and is printed as 0.0."""
PILOT_POSTS: Final = 10
"""Below so many posts a pilot's spread is itself too uncertain: said in a note."""
_EQ_OFF: Final = 0.5
"""Credit that a wrong label costs or earns, about: a share is off by 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What is taken for granted where there is no pilot.

    Attributes:
        share: The figure before the campaign, in (0, 1): a share, or EQ / 100.
        replies: Replies under a post on average.
        unequal: Coefficient of variation of the replies under a post: 1 where most posts have few and some many.
        likeness: Intra-class correlation: how much more alike replies of one thread are.
        accuracy: Share of replies that the model labels right.
        credit_sd: Standard deviation of the credit of a reply, for EQ, in points.
    """

    share: float = 0.3
    replies: float = 20.0
    unequal: float = 1.0
    likeness: float = 0.1
    accuracy: float = 0.85
    credit_sd: float = 33.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What decides how much is needed, on the scale of the rate.

    Attributes:
        thread: Variance that one thread contributes to the rate: that of a rate over ``n`` threads is ``thread / n``.
        gap: The same for the gap between hand and model; NaN where unknown.
        replies: Replies under a post on average.
        posts: Posts it was measured on, 0 for assumptions.
        rate: The figure itself, in points of 100, which bounds how far it can move; ``None`` where unknown.
    """

    thread: float
    gap: float
    replies: float
    posts: int
    rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerPlan:
    """What is needed.

    Attributes:
        figure: What is compared.
        effect: Difference to see, in points.
        level: Confidence level.
        power: Probability of seeing it.
        posts: Posts in each group.
        replies: Replies in each group.
        against_pilot: Posts of the campaign alone if the pilot is the baseline; ``None`` where no number would do.
        audited: Threads to audit in each group, of twice the posts above; ``None`` without a way to tell.
        labels: Replies that are labelled in such an audit, in each group.
        detectable_now: Points that two groups as large as the pilot can tell apart; ``None`` without a pilot.
        notes: What to know of it.
    """

    figure: str
    effect: float
    level: float
    power: float
    posts: int
    replies: int
    against_pilot: int | None
    audited: int | None
    labels: int | None
    detectable_now: float | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values, for JSON.

        Returns:
            As the attributes; what cannot be given is ``None``.

        >>> plan_power(Spread(thread=0.04, gap=0.02, replies=20.0, posts=0), figure="eq", effect=5).to_dict()["notes"]
        ['from assumptions, not from data: measure a pilot if you can']
        """
        return {**asdict(self), "notes": list(self.notes)}


def pilot_spread(table: ReplyTable, figure: str) -> Spread:
    """Measure the spread between threads in a pilot.

    Args:
        table: The facts of the pilot.
        figure: One of ``FIGURES``.

    Returns:
        Variances on the scale of the rate (points of 100 for EQ, shares in [0, 1]).

    Raises:
        DataError: The pilot has fewer than ``MIN_POSTS`` posts with a say, or its threads are all alike.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> spread = pilot_spread(collect(worked_archive(12)), "eq")
    >>> spread.posts, spread.replies, round(spread.rate, 1)
    (12, 6.5, 19.8)
    """
    what, sums = _figure(figure), thread_sums(table)
    threads = np.arange(len(table.thread_ids))
    sample = sums.sample(what, threads)
    if sample.units < MIN_POSTS:
        raise DataError(
            f"the pilot has {sample.units} posts that say something of {figure}; {MIN_POSTS} or more are needed. "
            "Leave the run out and state what you assume (nlp-engage power --help)."
        )
    if sample.variance <= 0:
        raise DataError(
            f"all {sample.units} threads of the pilot are alike in {figure}, so they do not tell how much others would "
            "differ. Leave the run out and state what you assume (nlp-engage power --help)."
        )
    replies = sums.count("replies", threads) / sample.units
    return Spread(
        thread=sample.variance * sample.units,
        gap=sums.gap(what, threads),
        replies=replies,
        posts=sample.units,
        rate=sample.rate * (what.points or 1.0),
    )


def assumed_spread(assumed: Assumptions, figure: str) -> Spread:
    """The spread between threads that assumptions imply.

    Args:
        assumed: What is taken for granted.
        figure: ``eq`` or a share.

    Returns:
        As ``pilot_spread``, of 0 posts.

    Raises:
        DataError: An assumption is out of its range.

    >>> spread = assumed_spread(Assumptions(share=0.5, replies=20, unequal=0, likeness=0), "share_genuine_dialogue")
    >>> spread.thread  # 0.25 / 20: a thread is 20 independent replies
    0.0125
    """
    _check(assumed)
    what = _figure(figure)
    if figure != "eq" and what.below != "replies":
        raise DataError(
            f"{figure} is no share of all replies, and the assumptions say nothing of those it is counted over: "
            "give a labelled pilot (nlp-engage power RUN)."
        )
    single = (assumed.credit_sd / 100) ** 2 if figure == "eq" else assumed.share * (1 - assumed.share)
    wrong = (1 - assumed.accuracy) * (_EQ_OFF**2 if figure == "eq" else 1.0)
    larger = (assumed.unequal**2 + 1) * assumed.replies

    def thread(variance: float, alike: float) -> float:
        return what.scale**2 * variance / assumed.replies * (1 + max(larger - 1, 0.0) * alike)

    return Spread(
        thread=thread(single, assumed.likeness),
        gap=thread(wrong, ERRORS_ALIKE),
        replies=assumed.replies,
        posts=0,
        rate=None if figure == "eq" else 100 * assumed.share,
    )


def plan_power(spread: Spread, *, figure: str, effect: float, level: float = 0.90, power: float = 0.8) -> PowerPlan:
    """Say what is needed to see a difference.

    Args:
        spread: From a pilot or from assumptions.
        figure: One of ``FIGURES``.
        effect: Difference in points, up or down, 0.1 or more.
        level: Confidence level; the test is two-sided at ``1 - level``.
        power: Probability of seeing the difference if it is there.

    Returns:
        Posts, replies and labels, 1 or more each.

    Raises:
        DataError: A setting is out of its range.

    >>> spread = Spread(thread=0.04, gap=0.02, replies=20.0, posts=0)
    >>> plan = plan_power(spread, figure="share_genuine_dialogue", effect=5)
    >>> plan.posts, plan.replies  # 2 * 0.04 * (1.645 + 0.842)² / 0.05² = 198
    (199, 3980)
    """
    what = _figure(figure)
    if not (MIN_EFFECT <= effect < 100 and 0.5 < level < 1 and 0.5 <= power < 1):
        raise DataError(
            f"effect is {effect}, level {level}, power {power}: effect must be {MIN_EFFECT} or more and below 100 "
            "points (up or down is the same), level above 0.5 and below 1, power from 0.5 to below 1."
        )
    if spread.rate is not None and effect > max(spread.rate, 100 - spread.rate):
        raise DataError(
            f"{figure} is {spread.rate:.1f} and can neither rise nor fall by {effect:g} points: plan for an effect of "
            f"{max(spread.rate, 100 - spread.rate):.1f} or less."
        )
    points = what.points or 1.0
    target = effect / points
    posts = max(_posts(2 * spread.thread, target, level, power, 2), MIN_POSTS, ceil(MIN_REPLIES / spread.replies))
    twice = 2 * posts
    audited = None
    if spread.gap > 0:
        audited = audited_threads([spread.thread / twice] * 2, [spread.gap] * 2, target, 2 * (twice - 1), level, power)
        audited = None if audited is None else min(max(audited, MIN_POSTS), twice)
    now = None
    if spread.posts:
        now = points * detectable(sqrt(2 * spread.thread / spread.posts), 2 * (spread.posts - 1), level, power)
    return PowerPlan(
        figure=figure, effect=effect, level=level, power=power, posts=posts, replies=ceil(posts * spread.replies),
        against_pilot=_against(spread, target, level, power), audited=audited,
        labels=None if audited is None else ceil(audited * spread.replies), detectable_now=now,
        notes=tuple(_notes(spread, effect)),
    )  # fmt: skip


def _posts(variance: float, target: float, level: float, power: float, groups: int) -> int:
    """Posts in each group: where as many as there are detect the target."""
    times = times_larger(sqrt(variance / MIN_POSTS), groups * (MIN_POSTS - 1), target, level, power)
    return ceil(times * MIN_POSTS) if isfinite(times) else 0


def _against(spread: Spread, target: float, level: float, power: float) -> int | None:
    """Posts of a campaign that is compared with the pilot itself; the pilot's own variance stays."""
    if not spread.posts:
        return None
    low, high = MIN_POSTS - 1, 1_000_000

    def sees(n: int) -> bool:
        error = sqrt(spread.thread / n + spread.thread / spread.posts)
        return detectable(error, spread.posts - 1, level, power) <= target

    if not sees(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if sees(middle) else (middle, high)
    return high


def _notes(spread: Spread, effect: float) -> list[str]:
    notes = []
    if not spread.posts:
        notes.append("from assumptions, not from data: measure a pilot if you can")
    elif spread.posts < PILOT_POSTS:
        notes.append(f"the pilot has {spread.posts} posts: with fewer than {PILOT_POSTS}, these numbers may be far off")
    if spread.rate is not None and effect > min(spread.rate, 100 - spread.rate):
        way = "fall, but not rise" if spread.rate > 50 else "rise, but not fall"
        notes.append(f"from {spread.rate:.1f} the figure can {way}, by so much")
    return notes


def _figure(name: str) -> Figure:
    if name not in FIGURES:
        raise DataError(f"no figure {name!r} to plan for: take one of {', '.join(FIGURES)}.")
    return FIGURES[name]


def _check(assumed: Assumptions) -> None:
    rules = (
        ("share", 0 < assumed.share < 1, "between 0 and 1"),
        ("replies", 1 <= assumed.replies <= 1e6, "1 or more"),
        ("unequal", 0 <= assumed.unequal <= 20, "0 or more (1 is usual)"),
        ("likeness", 0 <= assumed.likeness < 1, "from 0 to below 1 (0.1 is usual)"),
        ("accuracy", 0 < assumed.accuracy <= 1, "above 0, at most 1"),
        ("credit_sd", 0 < assumed.credit_sd <= 50, "above 0, at most 50 points"),
    )
    for name, holds, rule in rules:
        if not holds:
            raise DataError(f"{name} is {getattr(assumed, name)}: it must be {rule}.")
