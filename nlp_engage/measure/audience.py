"""Did people come back: the campaign's audience in the time after it, against audiences of earlier windows.

Two rates. *Return*: of the people who said something under a group's posts within a window, the share that is seen
again (a reply, or a post of their own) under another post in the time that follows. *Repeat dialogue*: of those in
dialogue there, the share in dialogue again elsewhere. A person belongs to the thread where they first spoke, so both
are ratios of sums over threads and are compared like any other figure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.measure.contrast_figures import Figure
from nlp_engage.measure.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from nlp_engage.measure.campaign_file import CampaignFile
    from nlp_engage.measure.campaign_groups import Parts
    from nlp_engage.measure.table import ReplyTable

RETURN: Final = Figure(key="return_after", top="returned", below="people")
REPEAT: Final = Figure(key="repeat_dialogue", top="again", below="in_dialogue")
_MAX_WINDOWS: Final = 52
_DAY: Final = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AudienceSamples:
    """A rate of the campaign's audience and of the earlier ones, or the reason why there is none.

    Attributes:
        samples: (after the campaign, after earlier windows), or ``None``.
        people: Number of people behind each.
        reason: Why there are no samples.
        facts: What else a row says: the windows.
    """

    samples: tuple[Sample, Sample] | None = None
    people: tuple[int, int] = (0, 0)
    reason: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Half-open: ``start`` is in, ``stop`` is the first moment that is out; people may return until ``follow``."""

    start: np.datetime64
    stop: np.datetime64
    follow: np.datetime64


def audience_samples(table: ReplyTable, parts: Parts, plan: CampaignFile) -> list[tuple[Figure, AudienceSamples]]:
    """Return and repeat dialogue of a campaign.

    Args:
        table: The facts.
        parts: The campaign's groups.
        plan: Says how long people have to come back.

    Returns:
        Both figures; the earlier windows are as long as the campaign's and lie in the baseline's time, the time to come
        back of each ends before the campaign begins, and their audiences are those of the baseline's posts.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.campaign_file import parse_campaigns
    >>> from nlp_engage.measure.campaign_groups import find_groups
    >>> from nlp_engage.measure.posts import PostBook
    >>> from nlp_engage.measure.worked import worked_archive
    >>> plan = parse_campaigns({"follow_days": 7, "baseline": {"until": "2026-06-15"},
    ...                         "campaigns": {"june": {"from": "2026-06-22", "until": "2026-07-06"}}})
    >>> book = PostBook()
    >>> table = collect(book.watch(worked_archive(12)))
    >>> (parts,), _ = find_groups(table, book, plan)
    >>> for figure, found in audience_samples(table, parts, plan):
    ...     print(figure.key, found.people, [sample.rate for sample in found.samples])
    return_after (4, 12) [1.0, 1.0]
    repeat_dialogue (4, 12) [1.0, 1.0]
    """
    window, earlier, reason = windows(table, parts, plan)
    facts = _facts(window, earlier) if window is not None else {}
    if reason or window is None:
        return [(figure, AudienceSamples(reason=reason, facts=facts)) for figure in (RETURN, REPEAT)]
    after = _after(table, parts.posts, parts.places, window)
    before = [_after(table, _posted_in(table, parts.baseline, w), parts.places, w) for w in earlier]
    found = []
    for figure, columns in ((RETURN, (0, 1)), (REPEAT, (2, 3))):
        samples = (_sample([after], columns), _sample(before, columns))
        people = (len(after.home), sum(len(one.home) for one in before))
        nobody = "nobody with a name spoke in the window" if not min(people) else ""
        if not nobody and min(s.units for s in samples) == 0:
            nobody = "nobody was in dialogue"
        whole = AudienceSamples(samples=samples, people=people, facts=facts)
        found.append((figure, AudienceSamples(reason=nobody, facts=facts) if nobody else whole))
    return found


def windows(table: ReplyTable, parts: Parts, plan: CampaignFile) -> tuple[Window | None, list[Window], str]:
    """The campaign's window, the earlier ones matched to it, and the reason why there are none.

    Without dates in the file a group's window goes from the day of its first post to the end of the day of its last.

    Args:
        table: The facts.
        parts: The groups of a campaign.
        plan: Says how many days people have to come back.

    Returns:
        The window, ``None`` where no post has a time; earlier ones, latest first, at most 52; and the reason why
        there are none, empty where there are some.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.campaign_file import parse_campaigns
    >>> from nlp_engage.measure.campaign_groups import find_groups
    >>> from nlp_engage.measure.posts import PostBook
    >>> from nlp_engage.measure.worked import worked_archive
    >>> plan = parse_campaigns({"follow_days": 7, "baseline": {"until": "2026-06-15"},
    ...                         "campaigns": {"june": {"from": "2026-06-22", "until": "2026-07-06"}}})
    >>> book = PostBook()
    >>> table = collect(book.watch(worked_archive(12)))
    >>> (parts,), _ = find_groups(table, book, plan)
    >>> window, earlier, reason = windows(table, parts, plan)
    >>> str(window.start)[:10], [str(one.start)[:10] for one in earlier], reason
    ('2026-06-22', ['2026-06-01', '2026-05-18', '2026-05-04'], '')
    """
    days = np.timedelta64(round(plan.follow_days * 86_400), "s")
    start, stop = _bounds(table, parts.posts, parts.campaign.posts.start, parts.campaign.posts.stop)
    first, _ = _bounds(table, parts.baseline, parts.campaign.baseline.start, parts.campaign.baseline.stop)
    if start is None or stop is None or first is None:
        return None, [], "no times given"
    window = Window(start=start, stop=stop, follow=stop + days)
    last = _last_time(table)
    if last is None:
        return window, [], "no times given"
    if last + _DAY < window.follow:
        return window, [], f"the archive ends on {_day(last)}, before the {plan.follow_days:g} days after it are over"
    earlier: list[Window] = []
    while len(earlier) < _MAX_WINDOWS:
        end = start - days - (stop - start) * len(earlier)
        if end - (stop - start) < first:
            break
        earlier.append(Window(start=end - (stop - start), stop=end, follow=end + days))
    needed = _day(start - days - (stop - start))
    late = f"the baseline begins on {_day(first)}: for an earlier window it would have to begin on {needed} or before"
    return window, earlier, "" if earlier else late


def _bounds(
    table: ReplyTable, threads: npt.NDArray[np.int64], start: datetime | None, stop: datetime | None
) -> tuple[np.datetime64 | None, np.datetime64 | None]:
    known = table.thread_time[threads]
    known = known[~np.isnat(known)]
    if not len(known):
        return None, None
    first = _moment(start) if start else known.min().astype("datetime64[D]").astype("datetime64[us]")
    last = _moment(stop) if stop else (known.max().astype("datetime64[D]") + _DAY).astype("datetime64[us]")
    return first, last


def _moment(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def _last_time(table: ReplyTable) -> np.datetime64 | None:
    times = np.concatenate([table.time, table.thread_time])
    times = times[~np.isnat(times)]
    return times.max() if len(times) else None


def _day(moment: np.datetime64) -> str:
    return str(moment.astype("datetime64[D]"))


def _facts(window: Window, earlier: Sequence[Window]) -> dict[str, Any]:
    def written(one: Window) -> list[str]:
        return [str(moment.astype("datetime64[s]")) + "Z" for moment in (one.start, one.stop, one.follow)]

    return {"window": written(window), "earlier_windows": [written(one) for one in earlier]}


def _posted_in(table: ReplyTable, threads: npt.NDArray[np.int64], window: Window) -> npt.NDArray[np.int64]:
    times = table.thread_time[threads]
    return threads[(times >= window.start) & (times < window.stop)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    """People of a window: ``home``, the thread where each first spoke, and columns returned, 1, again, in dialogue."""

    home: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    threads: npt.NDArray[np.int64]


def _after(table: ReplyTable, threads: npt.NDArray[np.int64], places: npt.NDArray[np.int64], window: Window) -> _Seen:
    mine = np.zeros(len(table.thread_ids), dtype=np.bool_)
    elsewhere = np.zeros_like(mine)
    mine[threads], elsewhere[places] = True, True
    elsewhere &= ~mine
    named = table.measured & (table.author >= 0)
    here = named & mine[table.thread] & (table.time >= window.start) & (table.time < window.stop)
    rows = np.flatnonzero(here)
    rows = rows[np.argsort(table.time[rows], kind="stable")]
    people, first = np.unique(table.author[rows], return_index=True)
    later = named & elsewhere[table.thread] & (table.time >= window.stop) & (table.time < window.follow)
    posted = elsewhere & (table.thread_time >= window.stop) & (table.thread_time < window.follow)
    again = np.isin(people, table.author[later]) | np.isin(people, table.thread_author[posted])
    dialogue, repeated = _in_dialogue(table, rows, people), _in_dialogue(table, np.flatnonzero(later), people)
    return _Seen(
        home=table.thread[rows][first].astype(np.int64),
        values=np.stack([again, np.ones(len(people)), dialogue * repeated, dialogue], axis=1).astype(np.float64),
        threads=threads,
    )


def _in_dialogue(
    table: ReplyTable, rows: npt.NDArray[np.int64], people: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """Probability that at least one of somebody's replies is dialogue, errors of labels taken as independent."""
    rows = rows[np.isin(table.author[rows], people)]
    silent = np.ones(len(people))
    np.multiply.at(silent, np.searchsorted(people, table.author[rows]), 1 - table.probabilities[rows, 1])
    return 1 - silent


def _sample(seen: Sequence[_Seen], columns: tuple[int, int]) -> Sample:
    """People summed up by their first thread, windows one after the other."""
    top, below = [], []
    for one in seen:
        place = np.searchsorted(one.threads, one.home)
        top.append(np.bincount(place, one.values[:, columns[0]], len(one.threads)))
        below.append(np.bincount(place, one.values[:, columns[1]], len(one.threads)))
    return Sample(top=np.concatenate(top), below=np.concatenate(below))
