"""From the words of a campaign file to threads: campaign, baseline and control, none of them empty, none shared."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt

    from nlp_engage.measure.campaign_file import Campaign, CampaignFile
    from nlp_engage.measure.posts import PostBook, Selection
    from nlp_engage.measure.table import ReplyTable

    Threads = npt.NDArray[np.int64]

ROLES: Final = ("campaign", "baseline", "control_during", "control_before")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """Threads of a campaign and of what it is compared with, as places in ``ReplyTable.thread_ids``.

    Attributes:
        campaign: What the file says of it.
        posts: Its threads, in order.
        baseline: Threads it is compared with.
        control: (during, before), or ``None``.
        places: Threads where coming back counts, the campaign's own among them.
    """

    campaign: Campaign
    posts: Threads
    baseline: Threads
    control: tuple[Threads, Threads] | None
    places: Threads

    def roles(self) -> list[tuple[str, Threads]]:
        """Name and threads of the two or four groups, in the order of ``ROLES``.

        Returns:
            Threads as places in ``ReplyTable.thread_ids``, shape (k,), int64.

        >>> from nlp_engage.measure.campaign_file import parse_campaigns
        >>> campaign, = parse_campaigns({"campaigns": {"may": {"ids": ["t1"], "baseline": {"ids": ["t0"]}}}}).campaigns
        >>> one, other = np.array([1]), np.array([0])
        >>> Parts(campaign=campaign, posts=one, baseline=other, control=None, places=one).roles()
        [('campaign', array([1])), ('baseline', array([0]))]
        """
        return list(zip(ROLES, (self.posts, self.baseline, *(self.control or ())), strict=False))


def find_groups(table: ReplyTable, book: PostBook, plan: CampaignFile) -> tuple[list[Parts], list[str]]:
    """Find the threads of every campaign.

    Args:
        table: The facts.
        book: Watched the trees of the table.
        plan: What the file asks for.

    Returns:
        One entry a campaign, and remarks (posts without a time, hashtags nobody uses).

    Raises:
        DataError: A group is empty, or groups share posts and the file does not allow it.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.campaign_file import parse_campaigns
    >>> from nlp_engage.measure.posts import PostBook
    >>> from nlp_engage.measure.worked import worked_archive
    >>> plan = parse_campaigns({"baseline": {"ids": ["t0", "t1"]},
    ...                         "campaigns": {"may": {"hashtags": ["soup"], "from": "2026-05-18"}}})
    >>> book = PostBook()
    >>> table = collect(book.watch(worked_archive(4)))
    >>> (parts,), notes = find_groups(table, book, plan)
    >>> [(role, threads.tolist()) for role, threads in parts.roles()], notes
    ([('campaign', [2, 3]), ('baseline', [0, 1])], [])
    """
    notes: dict[str, None] = {}

    def threads(wanted: Selection, place: str) -> Threads:
        fits, remarks = book.select(table.thread_ids, wanted, place)
        notes.update(dict.fromkeys(remarks))
        if not fits.any():
            raise DataError(
                f"{place}: no post fits ({len(table.thread_ids)} posts in the archive{_span(table)}); all conditions "
                "must hold together. Look at dates and time zone first."
            )
        return np.flatnonzero(fits).astype(np.int64)

    everything = np.arange(len(table.thread_ids), dtype=np.int64)
    places = everything if plan.audience is None else threads(plan.audience, "audience")
    found = []
    for campaign in plan.campaigns:
        name = f"campaign {campaign.name!r}"
        groups = [threads(campaign.posts, name), threads(campaign.baseline, f"{name}, baseline")]
        if campaign.control is not None:
            groups.append(threads(campaign.control.during, f"{name}, control during"))
            groups.append(threads(campaign.control.before, f"{name}, control before"))
        groups = _apart(groups, table, campaign.name, allow=plan.overlap == "allow")
        control = (groups[2], groups[3]) if len(groups) > 2 else None
        found.append(Parts(campaign=campaign, posts=groups[0], baseline=groups[1], control=control, places=places))
    if plan.overlap != "allow":
        for one, other in combinations(found, 2):
            _must_be_apart(one.posts, other.posts, (one.campaign.name, other.campaign.name), table)
    return found, list(notes)


def _apart(groups: list[Threads], table: ReplyTable, name: str, *, allow: bool) -> list[Threads]:
    """Groups that share no post: an error, or earlier roles keep what they share with later ones."""
    kept = groups[:1]
    for place, threads in enumerate(groups[1:], 1):
        mine = threads
        for earlier, taken in enumerate(kept):
            if not allow:
                _must_be_apart(taken, mine, (f"{name} ({ROLES[earlier]})", f"{name} ({ROLES[place]})"), table)
            mine = np.setdiff1d(mine, taken)
        if not len(mine):
            raise DataError(
                f"campaign {name!r}: all {len(threads)} posts of {ROLES[place]} are also in "
                f"{' or '.join(ROLES[:place])}, so nothing is left to compare with; choose others."
            )
        kept.append(mine)
    return kept


def _must_be_apart(one: Threads, other: Threads, names: tuple[str, str], table: ReplyTable) -> None:
    shared = np.intersect1d(one, other)
    if len(shared):
        raise DataError(
            f"{names[0]} and {names[1]} share {len(shared)} posts (e.g. {table.thread_ids[int(shared[0])]!r}): choose "
            'them apart, or write overlap = "allow" into the file: then campaigns may share posts, and posts of a '
            "campaign leave its baseline and control."
        )


def _span(table: ReplyTable) -> str:
    known = table.thread_time[~np.isnat(table.thread_time)]
    if not len(known):
        return ", none with a time"
    first, last = known.min().astype("datetime64[D]"), known.max().astype("datetime64[D]")
    return f", from {first} to {last}"
