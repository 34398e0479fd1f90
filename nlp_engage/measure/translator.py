"""The classical numbers for any archive: engagement rates, BCI, WCI, CES and 互动量, each with formula and source.

They count, and cannot tell a lottery from a debate; they stand beside EQ and EP so that a reader sees the familiar
number next to the new one. What an archive does not hold (reach, reads, shares, saves, follows) may be given by
post; where it is not, a number is "not computable", never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray

NUMBERS: Final = (
    "likes", "comments", "shares", "saves", "follows", "reach", "impressions", "followers", "reads", "wow", "headline",
)  # fmt: skip
"""What may be given of a post. ``comments`` and ``likes`` replace what was collected; ``wow`` is WeChat's 在看,
``headline`` is 1 for the first article of a push (头条) and 0 for others."""


_MOST: Final = 1e15
_HOUR: Final = 1 / 24
_CENTURY: Final = 36_525.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One classical number.

    Attributes:
        key: Name in code.
        name: Name in English.
        name_zh: Name in Chinese.
        value: The number; ``None`` where it cannot be computed.
        reason: Why not; empty where it can.
        formula: How it is made.
        version: Version of the formula, where it has one.
        source: Where the formula is from.
    """

    key: str
    name: str
    name_zh: str
    value: float | None
    reason: str
    formula: str
    version: str
    source: str

    def row(self) -> dict[str, Any]:
        """As plain values.

        Returns:
            As the attributes.

        >>> names = dict.fromkeys(("key", "name", "name_zh", "reason", "formula", "version", "source"), "")
        >>> Metric(**names, value=1.0).row()["value"]
        1.0
        """
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Posts:
    """Numbers of the posts, one array a name; names that were not given for every post are missing."""

    columns: dict[str, FloatArray]
    missing: dict[str, str]
    count: int
    days: float | None

    def lack(self, names: Collection[str]) -> str:
        """Why these cannot be had; empty where they can."""
        return next((self.missing[name] for name in names if name in self.missing), "")

    def __getitem__(self, name: str) -> FloatArray:
        return self.columns[name]


def translate(
    table: ReplyTable,
    numbers: Mapping[str, Mapping[str, float]] | None = None,
    *,
    days: float | None = None,
    threads: Collection[str] | None = None,
) -> list[Metric]:
    """Compute the classical numbers.

    Args:
        table: The facts; likes and comments are taken from it (comments as collected, the owner's included).
        numbers: Thread id -> what is known of the post beyond the archive, see ``NUMBERS``.
        days: Length of the period in days; ``None`` for the days from the first to the last post.
        threads: Posts to take; ``None`` for all.

    Returns:
        One metric for each formula, in a fixed order.

    Raises:
        DataError: A number has an unknown name or is out of its range (0 to 1e15), none is of a thread in the table, or
            the period is none (an hour to a century).

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> likes = {"t0": {"likes": 40.0, "shares": 2.0, "saves": 1.0}}
    >>> [(m.key, m.value, m.reason) for m in translate(collect(worked_archive(1)), likes)][-1:]
    [('xiaohongshu_interactions', 50.0, '')]
    """
    numbers = numbers or {}
    _check(numbers, days)
    if numbers and table.thread_ids and not set(numbers) & set(table.thread_ids):
        raise DataError(
            f"none of the {len(numbers)} threads with numbers is in the archive (it has e.g. {table.thread_ids[0]!r}): "
            "the keys must be thread ids."
        )
    posts = _posts(table, numbers, days, threads)
    metrics = []
    for formula in _FORMULAS:
        reason = "no post in the archive" if not posts.count else posts.lack(formula.needs)
        if not reason and formula.key == "wci" and posts.days is None:
            reason = "no days given, and no times of posts"
        if not reason and formula.key == "wci" and not posts["headline"].any():
            reason = "no post is a headline"
        value = None if reason else formula.compute(posts)
        if value is not None and not np.isfinite(value):
            value, reason = None, f"{formula.needs[0]} is 0 for {int((posts[formula.needs[0]] == 0).sum())} posts"
        metrics.append(
            Metric(
                key=formula.key,
                name=formula.name,
                name_zh=formula.name_zh,
                value=value,
                reason=f"not computable: {reason}" if reason else "",
                formula=formula.text.format(engagements=" + ".join(_engagement_kinds(posts))),
                version=formula.version,
                source=formula.source,
            )
        )
    return metrics


def _check(numbers: Mapping[str, Mapping[str, float]], days: float | None) -> None:
    for thread_id, given in numbers.items():
        for name, value in given.items():
            if name not in NUMBERS:
                raise DataError(f"thread {thread_id!r} has a number {name!r}: known are {', '.join(NUMBERS)}.")
            if not 0 <= value <= _MOST:
                raise DataError(
                    f"thread {thread_id!r}: {name} is {value}, it must be 0 or more, and at most {_MOST:g}."
                )
    if days is not None and not _HOUR <= days <= _CENTURY:
        raise DataError(f"the period is {days} days: it must be longer than 0, from an hour to a century.")


def _posts(
    table: ReplyTable,
    numbers: Mapping[str, Mapping[str, float]],
    days: float | None,
    threads: Collection[str] | None,
) -> _Posts:
    chosen = [
        t
        for t, thread_id in enumerate(table.thread_ids)
        if table.thread_post[t] and (threads is None or thread_id in threads)
    ]
    given = [numbers.get(table.thread_ids[t], {}) for t in chosen]
    own = {"likes": table.thread_likes, "comments": np.bincount(table.thread, minlength=len(table.thread_ids))}
    columns, missing = {}, {}
    for name in NUMBERS:
        values = np.array(
            [float(g.get(name, own[name][t] if name in own else np.nan)) for g, t in zip(given, chosen, strict=True)]
        )
        known = int((~np.isnan(values)).sum())
        if known == len(values):
            columns[name] = values
        else:
            missing[name] = f"no {name} given" if not known else f"{name} given for {known} of {len(values)} posts"
    times = table.thread_time[chosen]
    times = times[~np.isnat(times)].astype("datetime64[D]")
    if days is None and len(times):
        days = float((times.max() - times.min()).astype(int)) + 1
    return _Posts(columns=columns, missing=missing, count=len(chosen), days=days)


def _engagement_kinds(posts: _Posts) -> list[str]:
    return [name for name in ("likes", "comments", "shares", "saves") if name not in posts.missing]


def _rate(over: str) -> Callable[[_Posts], float]:
    """Mean over posts of engagements per hundred of an audience."""

    def compute(posts: _Posts) -> float:
        engaged = np.sum([posts[name] for name in _engagement_kinds(posts)], axis=0)
        return float(
            np.mean(100 * np.divide(engaged, posts[over], out=np.full(posts.count, np.nan), where=posts[over] > 0))
        )

    return compute


def _bci(posts: _Posts) -> float:
    total = {name: float(posts[name].sum()) for name in ("shares", "comments", "likes")}
    spread = 0.4 * log1p(total["shares"]) + 0.4 * log1p(total["comments"]) + 0.2 * log1p(max(total["likes"], 0.0))
    return 160 * (0.2 * log1p(posts.count) + 0.8 * spread)


def _wci(posts: _Posts) -> float:
    head = posts["headline"] > 0
    sums = {name: posts[name].sum() for name in _WECHAT}
    first = {name: posts[name][head].sum() for name in _WECHAT}
    top = {name: posts[name].max() for name in _WECHAT}
    days = float(posts.days or 1)
    force = (
        0.6 * _wechat(sums, days)
        + 0.2 * _wechat(sums, posts.count)
        + 0.1 * _wechat(first, days)
        + 0.1 * _wechat(top, 1)
    )
    return 12 * force**2


def _wechat(numbers: Mapping[str, float], per: float) -> float:
    """Weighted logarithms of reads, 在看, likes and shares."""
    return sum(w * log1p(scale * numbers[name] / per) for name, (w, scale) in _WECHAT.items())


_WECHAT: Final = {"reads": (0.70, 1), "wow": (0.09, 10), "likes": (0.06, 10), "shares": (0.15, 10)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Formula:
    key: str
    name: str
    name_zh: str
    needs: tuple[str, ...]
    compute: Callable[[_Posts], float]
    text: str
    version: str
    source: str


def _engagement_rate(over: str, zh: str) -> _Formula:
    return _Formula(
        key=f"engagement_rate_by_{over}",
        name=f"engagement rate by {over}",
        name_zh=zh,
        needs=(over, "likes"),
        compute=_rate(over),
        text=f"mean over posts of 100 x ({{engagements}}) / {over}",
        version="",
        source="Hootsuite, blog.hootsuite.com/calculate-engagement-rate (which says that there is no standard formula)",
    )


_FORMULAS: Final = (
    _engagement_rate("reach", "互动率(按触达)"),
    _engagement_rate("impressions", "互动率(按曝光)"),
    _engagement_rate("followers", "互动率(按粉丝)"),
    _Formula(
        key="bci",
        name="BCI, Weibo communication index",
        name_zh="微博传播指数 BCI",
        needs=("shares", "comments", "likes"),
        compute=_bci,
        text="160 x (0.2 ln(posts + 1) + 0.8 (0.4 ln(shares + 1) + 0.4 ln(comments + 1) + 0.2 ln(likes + 1)))",
        version="as registered in 2024",
        source="Zhejiang data intellectual property registry, entries 74081, 74097 and 75574 of October 2024",
    ),
    _Formula(
        key="wci",
        name="WCI, WeChat communication index",
        name_zh="微信传播指数 WCI",
        needs=("reads", "wow", "likes", "shares", "headline"),
        compute=_wci,
        text=(
            "12 x (0.6 f(total / days) + 0.2 f(total / posts) + 0.1 f(headlines / days) + 0.1 f(maximum))^2, "
            "f = 0.70 ln(reads + 1) + 0.09 ln(10 wow + 1) + 0.06 ln(10 likes + 1) + 0.15 ln(10 shares + 1)"
        ),
        version="14.2",
        source="Gsdata (清博), 微信传播指数 WCI(V14.2), as published with its rankings",
    ),
    _Formula(
        key="xiaohongshu_ces",
        name="Xiaohongshu CES",
        name_zh="小红书 CES",
        needs=("saves", "shares", "follows", "likes", "comments"),
        compute=lambda p: float(
            (p["likes"] + p["saves"] + 4 * p["comments"] + 4 * p["shares"] + 8 * p["follows"]).sum()
        ),
        text="sum over posts of likes + saves + 4 comments + 4 shares + 8 follows",
        version="",
        source="many marketing guides agree on it; Xiaohongshu itself has not published it",
    ),
    _Formula(
        key="xiaohongshu_interactions",
        name="Xiaohongshu interactions",
        name_zh="小红书互动量",
        needs=("saves", "likes", "comments"),
        compute=lambda p: float((p["likes"] + p["comments"] + p["saves"]).sum()),
        text="sum over posts of likes + comments + saves",
        version="",
        source="sum of the three counters under a note",
    ),
)
