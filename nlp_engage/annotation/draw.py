"""Which replies to label by hand: at random, evenly over strata, or where a model is unsure, with known chances."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.annotation.designs import DESIGNS, STRATA
from nlp_engage.context import comment_languages, reply_contexts, units_of_replies
from nlp_engage.errors import DataError
from nlp_engage.measure.bootstrap import check_seed
from nlp_engage.structure import depths
from nlp_engage.types import LABELS, LabelledTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from nlp_engage.types import DialogueTree, FloatArray

    Trees = Iterable[DialogueTree | LabelledTree]

_DEEP: Final = 3
_RUN_FIRST: Final = "draw from a run (`nlp-engage label ARCHIVE -o RUN`), one alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Replies drawn from an archive.

    Attributes:
        units: Units as ``docs/codebook.md`` describes them, in the order of the archive, ``label`` still ``None``,
            with ``p_inclusion``, the probability with which each was drawn, and its ``stratum``. ``uid`` is the
            comment id, with the thread before it where several threads have it.
        strata: Stratum -> replies there and replies drawn.
        population: Replies that could have been drawn.
    """

    units: list[dict[str, Any]]
    strata: dict[str, tuple[int, int]]
    population: int


def draw_replies(
    trees: Callable[[], Trees],
    n: int,
    *,
    design: str = "random",
    by: Sequence[str] = ("lang",),
    explore: float = 0.5,
    seed: int = 0,
) -> Draw:
    """Draw replies to label.

    The chance of every reply is proportional to a weight, and at most 1: the same for all (``random``), one over the
    size of its stratum, so that strata come out even (``stratified``), or ``explore + (1 - explore) * H / mean H``
    with ``H`` the entropy of the predicted labels (``uncertain``). The draw is systematic, so exactly these chances
    hold and the number drawn is ``n``. Weighting what is found with ``1 / p_inclusion`` makes it hold for the archive,
    whatever the design.

    Source: Särndal, Swensson and Wretman 1992, "Model assisted survey sampling", sections 3.4, 3.6 and 3.7; entropy
    sampling: Settles 2009, "Active learning literature survey", section 3.1.

    Args:
        trees: Called twice, gives the same trees in the same order both times; memory is some 100 bytes a reply.
        n: Replies to draw; all of them if there are fewer.
        design: One of ``DESIGNS``.
        by: What strata are made of, of ``STRATA``; in every design the strata are written beside the units.
        explore: Share of the chance that does not depend on the model, in (0, 1]; for ``uncertain``.
        seed: Of the draw.

    Raises:
        DataError: A value is out of its range, there is nothing to draw, texts are missing, or a design that needs
            predicted labels gets trees without.

    >>> from nlp_engage.tree import build_trees
    >>> from nlp_engage.types import Comment
    >>> post = Comment(id="p", thread_id="p", text="New cups!")
    >>> said = [Comment(id=f"c{i}", thread_id="p", parent_id="p", text=f"I own {i} of them.") for i in range(8)]
    >>> draw = draw_replies(lambda: build_trees([post, *said]), 2)
    >>> len(draw.units), draw.population, draw.units[0]["p_inclusion"]
    (2, 8, 0.25)
    """
    _check(n, design, by, explore)
    check_seed(seed, "draw the same sheet")
    names, code, entropy, shared = _frame(trees(), by)
    if not len(code):
        raise DataError("nothing to draw from: no reply in English or Chinese with a text is in the archive")
    size = np.bincount(code, minlength=len(names))
    weights = {"random": np.ones(len(code)), "stratified": 1.0 / size[code]}.get(design)
    if weights is None:
        weights = _by_entropy(entropy, explore)
    chances = capped(weights, min(n, len(code)))
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(code))
    order = shuffled[np.argsort(code[shuffled], kind="stable")] if design == "stratified" else shuffled
    drawn = np.sort(order[_systematic(chances[order], rng)])
    units = list(_units(trees(), drawn, chances, [names[c] for c in code[drawn]], shared))
    found = np.bincount(code[drawn], minlength=len(names))
    strata = {names[i]: (int(size[i]), int(found[i])) for i in np.argsort(names)}
    return Draw(units=units, strata=strata, population=len(code))


def _check(n: int, design: str, by: Sequence[str], explore: float) -> None:
    if n < 1:
        raise DataError(f"n is {n}, must be 1 or more")
    if design not in DESIGNS:
        raise DataError(f"design is {design!r}, must be one of {', '.join(DESIGNS)}")
    if unknown := [k for k in by if k not in STRATA]:
        raise DataError(f"strata by {unknown[0]!r} are not known, must be of {', '.join(STRATA)}")
    if not 0 < explore <= 1:
        raise DataError(f"explore is {explore}, must be above 0 (or some replies could never be drawn) and at most 1")


def _candidates(trees: Trees) -> Iterator[tuple[DialogueTree, list[int], FloatArray | None]]:
    """Each tree, the replies of it that can be labelled, and what a model said of them."""
    for item in trees:
        if isinstance(item, LabelledTree):
            rows = np.flatnonzero(~np.isnan(item.probabilities[:, 0])).tolist()
            yield item.tree, rows, item.probabilities[rows]
        else:
            yield item, [i for i, _ in reply_contexts(item)], None


def _frame(
    trees: Trees, by: Sequence[str]
) -> tuple[list[str], npt.NDArray[np.int64], FloatArray | None, npt.NDArray[np.bool_]]:
    """Names of the strata; of every reply its stratum, its entropy in nats, and whether another one has its id.

    There is no entropy (``None``) without predictions. Ids are compared by their hashes, which are small.
    """
    names: dict[str, int] = {}
    ids = array("q")
    code: list[int] = []
    entropy: list[float] = []
    for tree, rows, p in _candidates(trees):
        strata = _strata(tree, rows, p, by)
        code.extend(names.setdefault(s, len(names)) for s in strata)
        ids.extend(hash(tree.comments[i].id) for i in rows)
        if p is not None:
            entropy.extend((-(p * np.log(np.clip(p, 1e-12, 1))).sum(1)).tolist())
    known = np.array(entropy) if len(entropy) == len(code) else None
    return list(names), np.array(code, dtype=np.int64), known, _several(np.asarray(ids))


def _several(values: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which values occur more than once."""
    ordered = np.sort(values)
    again = np.append(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]), np.iinfo(np.int64).max)
    found: npt.NDArray[np.bool_] = again[np.searchsorted(again, values)] == values
    return found


def _strata(tree: DialogueTree, rows: Sequence[int], p: FloatArray | None, by: Sequence[str]) -> Iterator[str]:
    if "label" in by and p is None:
        raise DataError(f"strata by label need predicted labels: {_RUN_FIRST}")
    languages = comment_languages(tree) if "lang" in by else ()
    depth = depths(tree).tolist() if "depth" in by else ()
    for k, i in enumerate(rows):
        values = {
            "lang": languages and languages[i],
            "platform": tree.comments[i].platform or "unknown platform",
            "label": p is not None and LABELS[int(p[k].argmax())],
            "depth": depth and (f"depth {depth[i]}" if depth[i] < _DEEP else f"depth {_DEEP}+"),
            "thread": tree.thread_id,
        }
        yield " / ".join(str(values[key]) for key in by) or "all"


def _by_entropy(entropy: FloatArray | None, explore: float) -> FloatArray:
    if entropy is None:
        raise DataError(f"the design 'uncertain' needs predicted labels: {_RUN_FIRST}")
    mean = float(entropy.mean())
    weights: FloatArray = explore + (1 - explore) * (entropy / mean if mean > 0 else np.ones(len(entropy)))
    return weights


def capped(weights: FloatArray, n: int) -> FloatArray:
    """Chances proportional to weights, none above 1, that add up to ``n``.

    Args:
        weights: Positive. Shape: (replies,).
        n: At most the number of weights.

    >>> capped(np.array([8.0, 1.0, 1.0]), 2).tolist()
    [1.0, 0.5, 0.5]
    """
    falling = np.sort(weights)[::-1]
    below = np.cumsum(falling[::-1])[::-1]  # weight from each place on
    certain = np.arange(len(falling))
    scale = (n - certain) / below  # if the first `certain` are capped at 1
    first = int(np.argmax(falling * scale <= 1 + 1e-12))
    chances: FloatArray = np.minimum(weights * scale[first], 1.0)
    return chances


def _systematic(chances: FloatArray, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Places drawn: one wherever the running sum of chances, from a random start, passes a whole number."""
    running = np.concatenate([[0.0], np.cumsum(chances)]) + rng.random()
    total = round(float(running[-1] - running[0]))
    running[-1] = running[0] + total  # so that rounding never costs a reply
    return np.flatnonzero(np.diff(np.floor(running)) > 0)


def _units(
    trees: Trees,
    drawn: npt.NDArray[np.int64],
    chances: FloatArray,
    strata: Sequence[str],
    shared: npt.NDArray[np.bool_],
) -> Iterator[dict[str, Any]]:
    start = place = 0
    for tree, rows, _ in _candidates(trees):
        last = place
        while last < len(drawn) and drawn[last] < start + len(rows):
            last += 1
        mine = [rows[k - start] for k in drawn[place:last].tolist()]
        for k, unit in enumerate(units_of_replies(tree, mine), place):
            if not unit["reply"]:
                raise DataError(f"comment {unit['uid']!r} has no text: a run made with --no-text cannot be labelled")
            # by the archive and not by the draw: a reply has the same uid in every sheet
            uid = f"{unit['thread']}:{unit['uid']}" if shared[drawn[k]] else unit["uid"]
            chance = round(float(chances[drawn[k]]), 9)
            yield {**unit, "uid": uid, "label": None, "p_inclusion": chance, "stratum": strata[k]}
        start, place = start + len(rows), last
