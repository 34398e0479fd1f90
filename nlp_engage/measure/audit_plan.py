"""Which threads to label by hand: drawn with known probabilities, so that what is found holds for the archive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.context import MAX_ANCESTORS, POST_CHARS
from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import DialogueTree, FloatArray, LabelledTree

    IntColumn = npt.NDArray[np.int64]

CAP: Final = 60
"""Of a thread with more replies than this, only some branches are labelled, about so many replies in all."""
_ALIKE: Final = 0.1
"""How alike replies of one thread are assumed to be (intra-class correlation), to spread the labels well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """Replies to label by hand.

    Attributes:
        inclusion: Comment id -> probability with which it was drawn. Comments of one branch have one probability.
        threads: Threads drawn, in the order of the table.
        budget: Labels asked for; the plan holds about as many.
        seed: Of the draw.
    """

    inclusion: dict[str, float]
    threads: tuple[str, ...]
    budget: int
    seed: int

    def rows(self) -> list[dict[str, Any]]:
        """One row a reply: ``comment_id, inclusion``."""
        return [{"comment_id": i, "inclusion": p} for i, p in self.inclusion.items()]


def plan_audit(table: ReplyTable, budget: int, *, seed: int = 0, cap: int = CAP) -> AuditPlan:
    """Draw threads to label: spread evenly over languages, platforms and predicted mixes.

    Threads are sorted by language, platform and predicted share of mindless replies and drawn systematically, with
    probabilities that make the most of the labels if replies of a thread are a little alike. Of a long thread whole
    branches are drawn, for a reply is judged, and its exchange counted, along its branch.

    Source: Särndal, Swensson and Wretman 1992, "Model assisted survey sampling", sections 3.6 and 4.3.

    Args:
        table: The facts, with predicted labels.
        budget: Labels to spend, about.
        seed: Of the draw.
        cap: Replies to label in one thread at most, about.

    Returns:
        The plan. Owner replies of the branches are in it, for their labels decide exchanges.

    Raises:
        DataError: There are fewer than two threads with labelled replies, or the budget is less than two of them.
    """
    rows = np.flatnonzero(table.labelled)
    size = np.bincount(table.thread[rows], minlength=len(table.thread_ids))
    useful = np.flatnonzero(np.bincount(table.thread[table.measured], minlength=len(size)) > 0)
    chances = _chances(size[useful], budget, cap)
    if len(useful) < 2 or chances.sum() < 2:
        raise DataError(
            f"a budget of {budget} labels buys {chances.sum():.1f} of {len(useful)} threads: an audit needs two at "
            "least, and thirty to be worth much. Raise the budget."
        )
    rng = np.random.default_rng(seed)
    order = _spread(table, useful)
    running = np.cumsum(chances[order]) + rng.random()
    drawn = np.sort(order[np.flatnonzero(np.floor(running) > np.floor(running - chances[order]))])
    starts = np.searchsorted(table.thread[rows], np.arange(len(size) + 1))
    inclusion: dict[str, float] = {}
    for k in drawn.tolist():
        mine = rows[starts[useful[k]] : starts[useful[k] + 1]]
        chosen, share = _branches(table, mine, cap, rng)
        inclusion |= dict.fromkeys((table.comment_ids[i] for i in chosen.tolist()), float(chances[k] * share))
    threads = tuple(table.thread_ids[t] for t in useful[drawn].tolist())
    return AuditPlan(inclusion=inclusion, threads=threads, budget=budget, seed=seed)


def _chances(size: IntColumn, budget: int, cap: int) -> FloatArray:
    """Inclusion probabilities of threads that spend the budget, by the optimum of variance against cost."""
    cost = np.minimum(size, cap).astype(np.float64)
    worth = size * np.sqrt((_ALIKE + (1 - _ALIKE) / np.maximum(cost, 1)) / np.maximum(cost, 1))
    if budget >= cost.sum():
        return np.ones(len(size))
    low, high = 0.0, 1.0 / worth.min()
    for _ in range(100):
        middle = (low + high) / 2
        spent = (np.minimum(middle * worth, 1.0) * cost).sum()
        low, high = (middle, high) if spent < budget else (low, middle)
    chances: FloatArray = np.minimum(high * worth, 1.0)
    return chances


def _spread(table: ReplyTable, threads: IntColumn) -> IntColumn:
    """Places of threads, sorted by language, platform and predicted share of mindless replies."""
    rows = np.flatnonzero(table.measured)
    where, count = table.thread[rows], len(table.thread_ids)
    votes = np.zeros((count, max(len(table.languages), 1)))
    np.add.at(votes, (where, table.language[rows]), 1)
    mindless = np.bincount(where, table.probabilities[rows, 0], count) / np.maximum(votes.sum(axis=1), 1)
    platforms = sorted({p or "" for p in table.platforms})
    platform = np.array([platforms.index(table.platforms[t] or "") for t in threads.tolist()], dtype=np.int64)
    return np.lexsort((mindless[threads], platform, votes[threads].argmax(axis=1)))


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


def audit_sheet(labelled_trees: Iterable[LabelledTree], plan: AuditPlan) -> Iterator[dict[str, Any]]:
    """The replies of a plan as units to label, in the form of the labelled data, without the predictions.

    Args:
        labelled_trees: The trees the plan was drawn from.
        plan: The plan.

    Yields:
        ``uid`` (the comment id), ``lang, thread, post, above`` (speaker and text, oldest first), ``by, reply`` and
        ``label``, which is ``None`` until somebody writes M, D or S.
    """
    for labelled in labelled_trees:
        tree = labelled.tree
        for i, comment in enumerate(tree.comments):
            if comment.id in plan.inclusion and i:
                above = _above(tree, i)
                speakers = _speakers(tree, [*above, i])
                texts = ["" if tree.stand_in[j] or tree.comments[j].deleted else tree.comments[j].text for j in above]
                yield {
                    "uid": comment.id,
                    "lang": labelled.languages[i],
                    "thread": tree.thread_id,
                    "post": tree.post.text[:POST_CHARS],
                    "above": [list(turn) for turn in zip(speakers, texts, strict=False)],
                    "by": speakers[-1],
                    "reply": comment.text,
                    "label": None,
                }


def _above(tree: DialogueTree, i: int) -> list[int]:
    """The nearest ancestors below the post, oldest first."""
    above: list[int] = []
    j = int(tree.parents[i])
    while j > 0 and len(above) < MAX_ANCESTORS:
        above.insert(0, j)
        j = int(tree.parents[j])
    return above


def _speakers(tree: DialogueTree, nodes: list[int]) -> list[str]:
    """A letter for each speaker, the page owner marked; whoever has no name has a letter of their own."""
    letters: dict[object, str] = {}
    names = []
    for j in nodes:
        c = tree.comments[j]
        letter = letters.setdefault(c.author or (c.id,), chr(ord("A") + len(letters)))
        owner = c.is_owner or (c.author is not None and c.author == tree.post.author)
        names.append(f"{letter}(page owner)" if owner else letter)
    return names
