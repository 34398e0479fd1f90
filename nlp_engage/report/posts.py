"""What the page says of single posts and replies: the table, the browsable threads, the examples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp_engage.report.gallery import EXAMPLE_CHARS, TITLE_CHARS
from nlp_engage.report.threads import CODES, draw_thread
from nlp_engage.report.trends import group_name
from nlp_engage.types import ACTS, LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp_engage.measure import ReplyTable
    from nlp_engage.report.figures import Row
    from nlp_engage.report.gallery import Example, Gallery
    from nlp_engage.report.safety import Veil
    from nlp_engage.report.threads import Node
    from nlp_engage.report.words import Words

MAX_THREADS: Final = 20
MAX_POSTS: Final = 500
TYPICAL, BORDERLINE = 4, 2
_CONTEXT_CHARS: Final = 160


@dataclass(frozen=True, kw_only=True)
class PostView:
    """A post in a line; numbers as they are, for sorting, and words to show.

    Attributes:
        title: Start of its text, a pseudonym in a report without text.
        platform: Platform in words, or nothing.
        day: Day of the post in words, or nothing.
        day_key: The same as ISO date.
        n_replies: Labelled audience replies.
        n_people: People behind them.
        likes: Likes on post and replies; ``None`` where unknown.
        shares: Per cent of each label, in the order of ``LABELS``; ``None`` without a labelled reply.
        mix: The shares in words.
        eq: Engagement quality.
        ep: Engaged people.
        deepest: Deepest level.
    """

    title: str
    platform: str
    day: str
    day_key: str
    n_replies: int
    n_people: int
    likes: int | None
    shares: tuple[float, ...] | None
    mix: str
    eq: float | None
    ep: float | None
    deepest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadView:
    """A thread to browse: its line and its tree."""

    post: PostView
    root: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleView:
    """A reply that stands for its label.

    Attributes:
        text: Its text.
        context: What it answers, in words.
        above: Text of that; ``None`` where it is not in the archive.
        act: Finer reason, or nothing.
        percent: Probability of each label in per cent.
        probabilities: The same in words.
    """

    text: str | None
    context: str
    above: str | None
    act: str
    percent: tuple[float, ...]
    probabilities: str


@dataclass(frozen=True, kw_only=True)
class Posts:
    """Makes the views of posts and replies.

    Attributes:
        rows: One row of the measurement a thread, most engaged people first.
        table: The facts.
        gallery: Texts.
        words: Language of the report.
        veil: What may be seen.
    """

    rows: Sequence[Row]
    table: ReplyTable
    gallery: Gallery
    words: Words
    veil: Veil

    @cached_property
    def _places(self) -> dict[str, int]:
        return {thread_id: place for place, thread_id in enumerate(self.table.thread_ids)}

    def listed(self) -> list[PostView]:
        """The table of posts."""
        return [self.view(row) for row in self.rows[:MAX_POSTS]]

    def threads(self) -> list[ThreadView]:
        """The threads with most engaged people, drawn."""
        kept = {thread_id: labelled for _, thread_id, labelled in self.gallery.threads}
        rows = [row for row in self.rows if row["group"] in kept and row["ep"]][:MAX_THREADS]
        return [
            ThreadView(
                post=self.view(row),
                root=draw_thread(kept[row["group"]], self._credits(row["group"]), self.words, self.veil),
            )
            for row in rows
        ]

    def _rows_of(self, place: int) -> slice:
        return slice(*np.searchsorted(self.table.thread, [place, place + 1]).tolist())

    def _credits(self, thread_id: str) -> dict[int, float]:
        """Credit of each node of a thread that has some."""
        rows = self._rows_of(self._places[thread_id])
        pairs = zip(self.table.index[rows].tolist(), self.table.credits()[rows].tolist(), strict=True)
        return {i: credit for i, credit in pairs if not np.isnan(credit)}

    def view(self, row: Row) -> PostView:
        """A post in a line."""
        words, veil, place = self.words, self.veil, self._places[row["group"]]
        time, platform = self.table.thread_time[place], self.table.platforms[place]
        day = None if np.isnat(time) else time.astype("datetime64[D]").item()
        title = veil.text(self.gallery.titles.get(row["group"], ""), TITLE_CHARS)
        if veil.no_text:
            title = veil.pseudonym(row["group"])
        shares = [row[f"share_{label}"] for label in LABELS if row[f"share_{label}"] is not None]
        return PostView(
            title=title or words("posts.no_title"),
            platform="" if platform is None else group_name(platform, "platform", words, veil),
            day=words.date(day) if day else "",
            day_key=day.isoformat() if day else "",
            n_replies=row["n_replies"],
            n_people=row["n_people"],
            likes=row["likes"],
            shares=_percent(shares) if shares else None,
            mix=_in_words(shares, words) if shares else "",
            eq=row["eq"],
            ep=row["ep"],
            deepest=int(self.table.depth[self._rows_of(place)].max(initial=0)),
        )

    def examples(self, label: int, *, typical: bool) -> list[ExampleView]:
        """Replies of a label, by its place in ``LABELS``; none in a report without text."""
        if self.veil.no_text:
            return []
        count = TYPICAL if typical else BORDERLINE
        return [self._example(example) for example in self.gallery.chosen(label, typical=typical, count=count)]

    def _example(self, example: Example) -> ExampleView:
        words, veil = self.words, self.veil
        context, above = words("examples.context_missing"), None
        if example.above is not None:
            gone = words("threads.deleted" if example.above.deleted else "posts.no_title")
            above = veil.text(example.above.text, _CONTEXT_CHARS) or gone
            name = veil.name(example.above.author, example.above.author_name) or words("threads.anonymous")
            context = words("examples.under") if example.to_post else words("examples.answers", name=name)
        return ExampleView(
            text=veil.text(example.comment.text, EXAMPLE_CHARS),
            context=context,
            above=above,
            act=words(f"act.{ACTS[example.act]}") if example.act >= 0 else "",
            percent=_percent(example.probabilities),
            probabilities=_in_words(example.probabilities, words),
        )


def _percent(shares: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(100 * share, 1) for share in shares)


def _in_words(shares: Sequence[float], words: Words) -> str:
    return words("examples.probabilities", **{code: words.percent(s) for code, s in zip(CODES, shares, strict=True)})
