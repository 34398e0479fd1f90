"""Campaigns compared: per group the measure, differences and differences in differences, and a verdict.

``docs/campaigns.md`` explains how a verdict is reached. Sources: Holm 1979, "A simple sequentially rejective multiple
test procedure", JSTOR 4615733; Schuirmann 1987, doi 10.1007/BF01068419 (two one-sided tests: no difference larger
than X where the 90 % interval lies within plus and minus X).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, isfinite, isnan
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.audience import audience_samples
from nlp_engage.measure.bootstrap import check_resampling
from nlp_engage.measure.campaign_groups import ROLES, Parts, find_groups
from nlp_engage.measure.campaign_report import CampaignReport
from nlp_engage.measure.contrast import Contrast, audited_threads, contrast, detectable, times_larger
from nlp_engage.measure.contrast_figures import COMPARED, ThreadSums, thread_sums
from nlp_engage.measure.core import measure_table
from nlp_engage.measure.credit import VERSION
from nlp_engage.measure.decompose import decompose
from nlp_engage.measure.facts import collect
from nlp_engage.measure.posts import PostBook
from nlp_engage.measure.verdicts import MIN_POSTS, MIN_REPLIES, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from nlp_engage.measure.campaign_file import CampaignFile
    from nlp_engage.measure.contrast_figures import Figure
    from nlp_engage.measure.sample import Sample
    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import LabelledTree

    Threads = npt.NDArray[np.int64]

DIFFERENCE: Final = "difference"
IN_DIFFERENCES: Final = "difference_in_differences"
MIN_RESAMPLES: Final = 100
_NEEDED: Final = ("posts_needed", "replies_needed", "audited_threads_needed")
_ALIKE: Final = "all threads alike: no interval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How comparisons are made.

    Attributes:
        plan: The campaign file.
        resamples: Resamples of threads and deals of the permutation test.
        level: Confidence level.
        seed: Of both.
    """

    plan: CampaignFile
    resamples: int
    level: float
    seed: int


def compare(
    labelled_trees: Iterable[LabelledTree],
    plan: CampaignFile,
    *,
    resamples: int = 1000,
    level: float = 0.90,
    seed: int = 0,
    alias: Callable[[str], str | None] | None = None,
) -> CampaignReport:
    """Compare campaigns with their baselines and controls.

    Args:
        labelled_trees: Trees with calibrated probabilities or human labels, in any order; read once.
        plan: What is compared (``read_campaigns``).
        resamples: Resamples of threads behind each interval, and deals of the permutation test; 100 or more.
        level: Confidence level of the intervals; tests are made at ``1 - level``.
        seed: Of the resampling: same trees, same seed, same numbers.
        alias: Gives the code of an account where authors are written in code.

    Returns:
        Rows of the groups and of their comparisons.

    Raises:
        DataError: A group is empty, groups overlap, the plan names what the archive does not have, or a setting is
            out of its range.

    >>> from nlp_engage.measure.campaign_file import parse_campaigns
    >>> from nlp_engage.measure.worked import worked_archive
    >>> plan = parse_campaigns({"baseline": {"until": "2026-06-15"}, "campaigns": {"june": {"from": "2026-06-15"}}})
    >>> row = compare(worked_archive(12), plan).rows()[0]
    >>> row["figure"], row["n_posts"], row["n_replies"], round(row["difference"], 2), row["verdict"]
    ('eq', [6, 6], [39, 39], 0.0, 'no_difference')
    """
    book = PostBook(alias=alias)
    table = collect(book.watch(labelled_trees))
    return compare_table(table, book, plan, resamples=resamples, level=level, seed=seed)


def compare_table(
    table: ReplyTable,
    book: PostBook,
    plan: CampaignFile,
    *,
    resamples: int = 1000,
    level: float = 0.90,
    seed: int = 0,
) -> CampaignReport:
    """``compare`` for facts that were collected before, with the posts that were noted meanwhile.

    Args:
        table: From ``collect``.
        book: Watched the trees of the table.
        plan: As for ``compare``.
        resamples: As for ``compare``.
        level: As for ``compare``.
        seed: As for ``compare``.

    Returns:
        As ``compare``.

    Raises:
        DataError: As ``compare``.

    >>> from nlp_engage.measure.campaign_file import parse_campaigns
    >>> from nlp_engage.measure.worked import worked_archive
    >>> plan = parse_campaigns({"baseline": {"until": "2026-06-15"}, "campaigns": {"june": {"from": "2026-06-15"}}})
    >>> book = PostBook()
    >>> table = collect(book.watch(worked_archive(12)))
    >>> compare_table(table, book, plan).rows() == compare(worked_archive(12), plan).rows()
    True
    """
    check_resampling(resamples, level, seed, least=MIN_RESAMPLES, lowest=0.5)
    _check_reach(plan, resamples, level)
    groups, notes = find_groups(table, book, plan)
    settings = Settings(plan=plan, resamples=resamples, level=level, seed=seed)
    sums = thread_sums(table)
    comparisons: list[dict[str, Any]] = []
    for parts in groups:
        comparisons += _figures(parts, sums, settings)
        comparisons += _audience(parts, table, settings)
    return CampaignReport(
        version=VERSION,
        plan=plan,
        level=level,
        resamples=resamples,
        seed=seed,
        groups=tuple(_group_rows(groups, table, settings)),
        comparisons=tuple(_with_verdicts(comparisons, settings)),
        splits=tuple(_split(parts, table) for parts in groups),
        notes=tuple(notes),
    )


def _check_reach(plan: CampaignFile, resamples: int, level: float) -> None:
    """Refuse settings with which no p-value could ever be small enough, for then "not enough data" would mislead.

    The smallest p-value of n random deals is 1 / (n + 1), and Holm multiplies it by the size of the family.
    """
    family = sum(1 + (campaign.control is not None) for campaign in plan.campaigns)
    needed = ceil(family / (1 - level) - 1e-9) - 1
    if resamples < needed:
        raise DataError(
            f"resamples is {resamples}: at level {level:g} and with {family} verdicts on the headline figure, no "
            f"p-value of so few random deals is small enough for any of them. Take {needed} or more, or a lower level."
        )


def _group_rows(groups: Sequence[Parts], table: ReplyTable, settings: Settings) -> list[dict[str, Any]]:
    """The measure of each group; a baseline that campaigns share is measured once."""
    done: dict[bytes, dict[str, Any]] = {}
    rows = []
    for parts in groups:
        for role, threads in parts.roles():
            key = threads.tobytes()
            if key not in done:
                by = {table.thread_ids[t]: "group" for t in threads.tolist()}
                made = measure_table(
                    table, by=by, resamples=settings.resamples, level=settings.level, seed=settings.seed
                )
                done[key] = made.rows()[0]
            own = {"campaign": parts.campaign.name, "role": role}
            rows.append({**own, **{k: v for k, v in done[key].items() if k != "group"}})
    return rows


def _split(parts: Parts, table: ReplyTable) -> dict[str, Any]:
    """Campaign less baseline in volume, mix and depth; ``None`` where a group has nothing to split."""
    own = {"campaign": parts.campaign.name, "label": parts.campaign.label}
    before, after = (np.isin(table.thread, threads) for threads in (parts.baseline, parts.posts))
    if not (before & table.measured).any() or not (after & table.measured).any():
        return {**own, "eq": None, "ep": None, "labels": None}
    return {**own, **decompose(table, before, after).row()}


def _figures(parts: Parts, sums: ThreadSums, settings: Settings) -> list[dict[str, Any]]:
    """Every figure: the difference, and with a control the difference in differences."""
    rows = []
    for figure in COMPARED:
        threads = [t for _, t in parts.roles()]
        samples = [sums.sample(figure, t) for t in threads]
        replies = [sums.count("replies", t) for t in threads]
        gaps = [sums.gap(figure, t) for t in threads]
        for many, kind in ((2, DIFFERENCE), (4, IN_DIFFERENCES)):
            if len(samples) >= many:
                about = _About(parts=parts, figure=figure, kind=kind)
                rows.append(_row(about, samples[:many], replies[:many], gaps[:many], settings))
    return rows


def _audience(parts: Parts, table: ReplyTable, settings: Settings) -> list[dict[str, Any]]:
    """Did people come back: return and repeat dialogue against earlier windows."""
    rows = []
    for figure, found in audience_samples(table, parts, settings.plan):
        about = _About(parts=parts, figure=figure, kind=DIFFERENCE, extra=found.facts)
        if found.samples is None:
            rows.append(_empty_row(about, found.reason, settings))
        else:
            rows.append(_row(about, found.samples, found.people, [float("nan")] * 2, settings))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    """What a row is about."""

    parts: Parts
    figure: Figure
    kind: str
    extra: dict[str, Any] | None = None

    def row(self, settings: Settings) -> dict[str, Any]:
        headline = self.figure.key == settings.plan.headline
        campaign = self.parts.campaign
        own = {"campaign": campaign.name, "label": campaign.label, "contrast": self.kind, "figure": self.figure.key}
        return {**own, "headline": headline, **{f"{role}_value": None for role in ROLES}}


def _empty_row(about: _About, reason: str, settings: Settings) -> dict[str, Any]:
    nothing = Contrast(value=np.nan, low=np.nan, high=np.nan, p=np.nan, error=np.nan, freedom=0)
    return {**about.row(settings), **_numbers(nothing), **_needs([], [], [], None, nothing, settings), "note": reason,
            "n_posts": [], "n_replies": [], "margin": None, **(about.extra or {})}  # fmt: skip


def _row(
    about: _About, samples: Sequence[Sample], replies: Sequence[int], gaps: Sequence[float], settings: Settings
) -> dict[str, Any]:
    sides = [(samples[k], samples[k + 1]) for k in range(0, len(samples), 2)]
    found = contrast(sides, resamples=settings.resamples, level=settings.level, seed=settings.seed)
    found = _bounded(found, about.figure, len(sides))
    plan, points = settings.plan, about.figure.points
    margin = plan.margin / points if points else plan.margin_ep * abs(samples[1].rate)
    posts = [sample.units for sample in samples]
    rates = {f"{role}_value": _plain(sample.rate) for role, sample in zip(ROLES, samples, strict=False)}
    return {
        **about.row(settings),
        **rates,
        **_numbers(found),
        "margin": _plain(margin) or None,
        "n_posts": posts,
        "n_replies": list(replies),
        **_needs(samples, replies, gaps, _plain(margin) or None, found, settings),
        "note": _note(found, posts, replies, about),
        **(about.extra or {}),
    }


def _bounded(found: Contrast, figure: Figure, sides: int) -> Contrast:
    """No interval where nothing varies, and none beyond what the figure can be."""
    if found.error == 0.0:
        return replace(found, low=np.nan, high=np.nan)
    if figure.points is None:
        return found
    most = sides * 100.0 / figure.points
    return replace(found, low=max(found.low, -most), high=min(found.high, most))


def _numbers(found: Contrast) -> dict[str, Any]:
    p = _plain(found.p)
    ends = {"difference_low": _plain(found.low), "difference_high": _plain(found.high)}
    return {"difference": _plain(found.value), **ends, "p": p, "p_holm": None}


def _note(found: Contrast, posts: Sequence[int], replies: Sequence[int], about: _About) -> str:
    what = "replies" if about.extra is None else "people"
    if min(posts) < MIN_POSTS or min(replies) < MIN_REPLIES:
        return (
            f"at least {MIN_POSTS} posts with a say and {MIN_REPLIES} {what} are needed in each group; "
            f"there are {', '.join(map(str, posts))} posts with {', '.join(map(str, replies))} {what}"
        )
    return _ALIKE if isnan(found.low) else ""


def _needs(
    samples: Sequence[Sample],
    replies: Sequence[int],
    gaps: Sequence[float],
    margin: float | None,
    found: Contrast,
    settings: Settings,
) -> dict[str, Any]:
    """What can be detected, and how many posts, replies or audited threads a group would do for the margin."""
    level, power = settings.level, settings.plan.power
    needs: dict[str, Any] = dict.fromkeys(("detectable", *_NEEDED))
    # of two to four posts the spread is as good as unknown, and numbers made from it would mislead
    if not found.error or not isfinite(found.error) or min(sample.units for sample in samples) < MIN_POSTS:
        return needs
    needs["detectable"] = _plain(detectable(found.error, found.freedom, level, power))
    if margin is None:
        return needs
    times = times_larger(found.error, found.freedom, margin, level, power)
    if isfinite(times):
        needs["posts_needed"] = [max(MIN_POSTS, ceil(times * sample.units)) for sample in samples]
        needs["replies_needed"] = [max(MIN_REPLIES, ceil(times * n)) for n in replies]
    if sum(gaps) > 0:
        audited = audited_threads([s.variance for s in samples], gaps, margin, found.freedom, level, power)
        if audited is not None:
            most = max(sample.units for sample in samples)
            needs["audited_threads_needed"] = min(max(audited, MIN_POSTS), most)
    return needs


def _with_verdicts(rows: Sequence[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """Correct the headline's p-values for their number, then decide."""
    enough = [row["p"] is not None and not _too_few(row) for row in rows]
    family = [k for k, row in enumerate(rows) if row["headline"] and enough[k]]
    corrected = dict(zip(family, holm([rows[k]["p"] for k in family]), strict=True))
    out = []
    for k, row in enumerate(rows):
        p = corrected.get(k, row["p"])
        verdict = decide(
            (row["difference"], row["difference_low"], row["difference_high"]),
            p=p if enough[k] else None,
            margin=row["margin"],
            level=settings.level,
        )
        out.append({**row, "p_holm": corrected.get(k), "verdict": verdict})
    return out


def _too_few(row: dict[str, Any]) -> bool:
    return not row["n_posts"] or min(row["n_posts"]) < MIN_POSTS or min(row["n_replies"]) < MIN_REPLIES


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for their number, so that the chance of any false alarm keeps to the level.

    The smallest is multiplied by how many there are, the next by one less, and so on; none is smaller than the one
    before it (Holm 1979). Holds however the tests depend on each other.

    Args:
        p: p-values in [0, 1], in any order.

    Returns:
        Corrected ones in [0, 1], in the same order.

    >>> [round(x, 6) for x in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=p.__getitem__)
    corrected, running = [0.0] * len(p), 0.0
    for rank, k in enumerate(order):
        running = max(running, min(1.0, (len(p) - rank) * p[k]))
        corrected[k] = running
    return corrected


def _plain(value: float) -> float | None:
    return float(value) if isfinite(value) else None
