"""Archives drawn at random with a known truth, for the benches of intervals, verdicts and audits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nlp_engage.measure.credit import credit, voice
from nlp_engage.measure.quantify import HeldOut
from nlp_engage.measure.table import ReplyTable

HELD_OUT = 480
D = 1  # the label whose share is followed
_NAMES: list[str] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Replies of an archive: thread, probabilities as the model sees them and as they are, exchange, author."""

    thread: np.ndarray
    model: np.ndarray
    truth: np.ndarray
    exchange: np.ndarray
    author: np.ndarray
    voices: bool

    def tables(self) -> tuple[ReplyTable, ReplyTable]:
        """The archive as the model sees it and as it is."""
        return self.table(self.model), self.table(self.truth)

    def table(self, p: np.ndarray) -> ReplyTable:
        """The archive with these probabilities."""
        thread, exchange, author = self.thread, self.exchange, self.author
        n, threads = len(thread), int(thread[-1]) + 1
        no, zeros, ones = np.zeros(n, bool), np.zeros(n, np.int32), np.ones(n)
        never = np.full(n, np.datetime64("NaT"), "datetime64[us]")
        return ReplyTable(
            thread_ids=_names(threads), platforms=(None,) * threads,
            thread_post=np.ones(threads, bool), thread_author=np.full(threads, -1, np.int32),
            thread_language=np.zeros(threads, np.int32), thread_time=never[:1].repeat(threads),
            thread_likes=np.full(threads, np.nan), thread_owned=np.ones(threads, bool),
            thread_virality=np.ones(threads), thread_h=np.ones(threads, np.int32),
            authors=_names(int(author.max()) + 1), languages=("en",),
            comment_ids=_names(n), thread=thread, index=zeros, author=author, owner=no,
            probabilities=p, act=zeros - 1, language=zeros, time=never, likes=np.full(n, np.nan), depth=zeros + 1,
            self_reply=no, exchange=exchange, uniqueness=ones, uniqueness_exact=ones,
            voice=voice(author) if self.voices else ones,
            answered=np.minimum(exchange, 1.0), owner_answered=no,
            owner_hours=np.full(n, np.nan), credit=credit(p[:, 2], p[:, 1], exchange, ones, no),
        )  # fmt: skip


class World:
    """A super-population of threads: shares, likeness within threads, a model with a given accuracy.

    With ``voices`` all threads are on one page, and nobody counts in EQ for more than three replies; a few people write
    much. Otherwise every reply has its full weight.
    """

    def __init__(
        self, *, share: float, alike: float, accuracy: float, spread: float = 1.0, people: int = 3_000,
        voices: bool = False,
    ) -> None:  # fmt: skip
        self.share, self.alike, self.accuracy, self.spread = share, alike, accuracy, spread
        self.people, self.voices = people, voices
        self.mix = np.array([(1 - share) * 0.6, share, (1 - share) * 0.4])

    def sample(self, rng: np.random.Generator, threads: int) -> Sample:
        """Draw the replies of an archive."""
        size = 1 + rng.poisson(np.exp(rng.normal(1.6, self.spread, threads)))
        thread = np.repeat(np.arange(threads, dtype=np.int32), size)
        mixes = rng.dirichlet(self.mix * (1 - self.alike) / self.alike, threads) if self.alike else None
        chances = np.broadcast_to(self.mix, (len(thread), 3)) if mixes is None else mixes[thread]
        truth = (rng.random(len(thread))[:, None] > chances.cumsum(axis=1)[:, :2]).sum(axis=1)
        right = np.clip(self.accuracy + rng.normal(0, 0.08 if self.alike else 0.0, threads), 0.34, 0.995)[thread]
        return Sample(
            thread=thread,
            model=self.predict(rng, truth, right),
            truth=np.eye(3)[truth],
            exchange=rng.poisson(0.4, len(thread)).astype(np.float64),
            author=(rng.pareto(0.6, len(thread)) * 20 % self.people).astype(np.int32),
            voices=self.voices,
        )

    def archive(self, rng: np.random.Generator, threads: int) -> ReplyTable:
        """Draw an archive as the model sees it."""
        sample = self.sample(rng, threads)
        return sample.table(sample.model)

    def predict(self, rng: np.random.Generator, truth: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Probabilities whose best label is right as often as it should be; dialogue is over-predicted."""
        wrong = np.array([[0, 0.7, 0.3], [0.5, 0, 0.5], [0.2, 0.8, 0]])
        cut = rng.random(len(truth))[:, None] > wrong[truth].cumsum(axis=1)
        label = np.where(rng.random(len(truth)) < right, truth, cut.sum(axis=1).clip(0, 2))
        sure = rng.uniform(0.5, 1.0, len(truth))
        p = np.repeat(((1 - sure) / 2)[:, None], 3, axis=1)
        p[np.arange(len(truth)), label] = sure
        return p

    def held_out(self, rng: np.random.Generator) -> HeldOut:
        """What the model does on replies of another mix."""
        truth = rng.choice(3, HELD_OUT, p=self.mix * 0.5 + 1 / 6)
        guess = self.predict(rng, truth, np.full(HELD_OUT, self.accuracy)).argmax(axis=1)
        confusion = np.zeros((3, 3))
        np.add.at(confusion, (truth, guess), 1)
        return HeldOut(confusion=confusion)

    def __str__(self) -> str:
        told = f"share {self.share:.2f} accuracy {self.accuracy:.2f} alike {self.alike:.1f} spread {self.spread:.1f}"
        return f"{told} people {self.people:4}" if self.voices else told


def _names(n: int) -> tuple[str, ...]:
    while len(_NAMES) < n:
        _NAMES.extend(f"{k:07}" for k in range(len(_NAMES), 2 * n))
    return tuple(_NAMES[:n])
