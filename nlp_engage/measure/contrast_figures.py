"""The figures that are compared, as sums by thread: rates only, so that groups of different size compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.measure.credit import DECAY, SAID
from nlp_engage.measure.groups import group
from nlp_engage.measure.sample import Sample
from nlp_engage.measure.statistics import AT
from nlp_engage.measure.sums import cells
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    import numpy.typing as npt

    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import FloatArray

ERRORS_ALIKE: Final = 0.1
"""Assumed likeness (intra-class correlation) of the model's errors within a thread: for audited threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A rate that is compared.

    Attributes:
        key: Name in the rows.
        top: Sum that is the numerator.
        below: Sum that is the denominator.
        scale: Factor of the rate.
        points: What makes points of it (100 for shares, 1 for EQ); ``None`` for EP, which counts people.
        label_error: Column of ``ThreadSums.label_errors``; ``None`` where no such column would tell.
    """

    key: str
    top: str
    below: str
    scale: float = 1.0
    points: float | None = 100.0
    label_error: int | None = None


COMPARED: Final = (
    Figure(key="eq", top="credit", below="voice", scale=100.0, points=1.0, label_error=3),
    Figure(key="ep_per_post", top="engaged", below="threads", points=None),
    Figure(key="share_genuine_dialogue", top="dialogue", below="replies", label_error=1),
    Figure(key="share_self_expression", top="expression", below="replies", label_error=2),
    Figure(key="share_mindless_interaction", top="mindless", below="replies", label_error=0),
    Figure(key="reciprocity", top="turns_answered", below="turns"),
    Figure(key="responsiveness", top="questions_answered", below="questions"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ThreadSums:
    """Sums of each thread of an archive.

    Attributes:
        values: The columns of ``sums.COLUMNS``; of people, those of the thread alone. Shape: (T, K).
        label_errors: Variance of what a thread adds up, if labels are drawn from their probabilities: the three
            labels, then credit. Shape: (T, 4).
    """

    values: FloatArray
    label_errors: FloatArray

    def sample(self, figure: Figure, threads: npt.NDArray[np.int64]) -> Sample:
        """A figure of a group of threads.

        Args:
            figure: One of ``COMPARED``.
            threads: Places in ``ReplyTable.thread_ids``. Shape: (k,), int64.

        Returns:
            The rate, as two sums a thread.

        >>> from nlp_engage.measure import collect
        >>> from nlp_engage.measure.worked import worked_archive
        >>> sums = thread_sums(collect(worked_archive(2)))
        >>> sums.sample(COMPARED[2], np.array([0])).rate
        0.42857142857142855
        """
        chosen = self.values[threads]
        return Sample(top=chosen[:, AT[figure.top]], below=chosen[:, AT[figure.below]], scale=figure.scale)

    def count(self, column: str, threads: npt.NDArray[np.int64]) -> int:
        """A sum over threads, as a whole number.

        Args:
            column: One of ``sums.COLUMNS``.
            threads: Places in ``ReplyTable.thread_ids``. Shape: (k,), int64.

        Returns:
            The sum, rounded.

        >>> from nlp_engage.measure import collect
        >>> from nlp_engage.measure.worked import worked_archive
        >>> sums = thread_sums(collect(worked_archive(2)))
        >>> sums.count("replies", np.array([0, 1]))
        13
        """
        return round(float(self.values[threads, AT[column]].sum()))

    def gap(self, figure: Figure, threads: npt.NDArray[np.int64]) -> float:
        """Variance of the gap between hand and model in a thread, on the scale of the rate; NaN where unknown.

        Args:
            figure: One of ``COMPARED``.
            threads: Places in ``ReplyTable.thread_ids``. Shape: (k,), int64.

        Returns:
            0 or more.

        >>> from nlp_engage.measure import collect
        >>> from nlp_engage.measure.worked import worked_archive
        >>> sums = thread_sums(collect(worked_archive(2)))
        >>> sums.gap(COMPARED[0], np.array([0, 1]))  # labels by hand do not err
        0.0
        """
        sample = self.sample(figure, threads)
        if figure.label_error is None or not sample.units:
            return float("nan")
        heard = threads[sample.below > 0]
        mean = float(sample.below.sum()) / sample.units
        return figure.scale**2 * float(self.label_errors[heard, figure.label_error].mean()) / mean**2


def thread_sums(table: ReplyTable) -> ThreadSums:
    """Sum up a table by thread; every thread is its own group, so that people are those of the thread alone.

    Args:
        table: The facts.

    Returns:
        One row a thread, in the order of ``ReplyTable.thread_ids``.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> sums = thread_sums(collect(worked_archive(2)))
    >>> eq, both = COMPARED[0], np.array([0, 1])
    >>> round(sums.sample(eq, both).rate, 2), sums.count("replies", both), sums.gap(eq, both)  # hands do not err
    (35.42, 13, 0.0)
    """
    found = cells(table, group(table, "thread_id"))
    values = np.zeros((len(table.thread_ids), found.values.shape[1]))
    values[found.thread] = found.values
    return ThreadSums(values=values, label_errors=_label_errors(table))


def _label_errors(table: ReplyTable) -> FloatArray:
    """Variance of a thread's sums if each label is drawn from its probabilities, errors alike within a thread.

    With ``n`` replies in a thread, independent errors are multiplied by ``1 + (n - 1) * ERRORS_ALIKE`` (Kish 1965).
    """
    rows = np.flatnonzero(table.measured)
    p, thread = table.probabilities[rows], table.thread[rows]
    kept_up = 1 - (1 - SAID) * DECAY ** -np.where(table.self_reply[rows], 0.0, table.exchange[rows])
    weight = table.voice[rows] * table.uniqueness[rows]
    worth = weight[:, None] * np.stack([np.zeros(len(rows)), kept_up, np.full(len(rows), SAID)], axis=1)
    spread = (p * worth**2).sum(axis=1) - (p * worth).sum(axis=1) ** 2
    variances = np.concatenate([p * (1 - p), np.maximum(spread, 0.0)[:, None]], axis=1)
    count = len(table.thread_ids)
    alike = 1 + ERRORS_ALIKE * np.maximum(np.bincount(thread, minlength=count) - 1, 0)
    sums: list[npt.NDArray[Any]] = [np.bincount(thread, v, count) * alike for v in variances.T]
    return np.stack(sums, axis=1) if sums else np.zeros((count, len(LABELS) + 1))
