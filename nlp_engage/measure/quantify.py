"""Shares corrected for the classifier's errors, as measured on held-out replies: adjusted count, and EMQ beside it.

Counting predicted labels is not measuring: a classifier that is right 85 times in 100 reports a share of one in
five as more than one in four. What it confuses with what is known from held-out replies; both methods here use
that knowledge, and both assume the archive differs from the held-out replies in *how many* replies have each label,
not in how hard these are to tell (label shift). Where that is in doubt, an audit is the remedy (``audit``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.pieces import pieces
from nlp_engage.scores import own_scores
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from nlp_engage.types import FloatArray

MAX_CONDITION: Final = 10.0
"""Errors of the counts may grow this many times in the correction; beyond, labels cannot be told apart."""
_EMQ_STEPS: Final = 200
_EMQ_TOLERANCE: Final = 1e-8
_SINGULAR: Final = 1e-12
_TINY: Final = float(np.finfo(np.float64).tiny)
_Z_90: Final = 1.6448536269514722


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """What a classifier did on held-out replies of one language.

    Attributes:
        confusion: Counts; row = truth, column = prediction, in the order of ``LABELS``. Shape: (3, 3).
        design_effect: How many times the variance of independent replies the counts have, for replies of one
            thread are alike; 1 or more.
    """

    confusion: FloatArray
    design_effect: float = 1.0

    @property
    def rates(self) -> FloatArray:
        """Probability of each prediction given the truth; rows sum to 1, NaN where a label never occurred.

        Returns:
            In [0, 1]. Shape: (3, 3).

        >>> HeldOut(confusion=np.array([[9.0, 1, 0], [0, 4, 0], [0, 0, 0]])).rates.tolist()
        [[0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [nan, nan, nan]]
        """
        totals = self.confusion.sum(axis=1, keepdims=True)
        rates: FloatArray = np.divide(
            self.confusion, totals, out=np.full_like(self.confusion, np.nan), where=totals > 0
        )
        return rates

    @property
    def prior(self) -> FloatArray:
        """Share of each label among the held-out replies, on which the probabilities were calibrated.

        Returns:
            Sum 1. Shape: (3,).

        >>> HeldOut(confusion=np.array([[9.0, 1, 0], [0, 5, 0], [0, 0, 5]])).prior.tolist()
        [0.5, 0.25, 0.25]
        """
        shares: FloatArray = self.confusion.sum(axis=1) / self.confusion.sum()
        return shares

    @property
    def condition(self) -> float:
        """How many times errors of the counts may grow: 1 for a perfect classifier, infinite for a blind one.

        Returns:
            1 or more.

        >>> HeldOut(confusion=np.eye(3) * 50).condition, HeldOut(confusion=np.ones((3, 3))).condition > 1e9
        (1.0, True)
        """
        rates = self.rates
        return float("inf") if np.isnan(rates).any() else float(np.linalg.cond(rates))


def held_out(evaluation: Mapping[str, Any]) -> dict[str, HeldOut]:
    """Read the confusions of an evaluation (what ``nlp-engage evaluate --json`` prints), one a language.

    The design effect is read off the thread-bootstrap interval of the accuracy, if there is one.

    Args:
        evaluation: With ``per_language``, and in it ``confusion`` and, if known, ``n``, ``accuracy`` and its 90 %
            interval.

    Returns:
        Language -> confusion.

    Raises:
        DataError: There are no confusions by language, or one is not three rows of three counts.

    >>> known = held_out({"per_language": {"en": {"confusion": [[9, 1, 0], [2, 7, 1], [0, 2, 8]]}}})
    >>> known["en"].rates.tolist()[2], round(known["en"].condition, 2)
    ([0.0, 0.2, 0.8], 1.84)
    """
    languages = evaluation.get("per_language")
    if not isinstance(languages, Mapping) or not languages:
        raise DataError(
            f"no per_language in the evaluation (it has {', '.join(sorted(map(str, evaluation))) or 'nothing'}): "
            "shares are corrected language by language. "
            "Make one with: nlp-engage evaluate --model DIR --data FILE --json"
        )
    return {str(language): _held_out(str(language), found) for language, found in languages.items()}


def held_out_of(scores: Mapping[str, Any] | None, name: str | None) -> dict[str, HeldOut]:
    """The confusions of a model from its ``scores.json``; none where they are not known.

    Args:
        scores: Name -> evaluation (``Labeller.scores``, ``archive.run_scores``).
        name: Name of the model, as in the manifest of a run.

    Returns:
        Language -> confusion; empty where nothing is known of this model.

    Raises:
        DataError: As ``held_out``.

    >>> known = {"macro_f1": 0.8, "per_language": {"en": {"confusion": [[9, 1, 0], [2, 7, 1], [0, 2, 8]]}}}
    >>> list(held_out_of({"engage-v7": known}, "engage-v7")), held_out_of(None, "engage-v7")
    (['en'], {})
    """
    own = own_scores(scores, name)
    return {} if own is None else held_out(own)


def _held_out(language: str, found: Mapping[str, Any]) -> HeldOut:
    confusion = np.array(found.get("confusion", ()), dtype=np.float64)
    if confusion.shape != (len(LABELS), len(LABELS)) or not (confusion >= 0).all() or not confusion.sum():
        raise DataError(
            f"the confusion of {language!r} is {confusion.tolist()}: "
            "it must be three rows of three counts, row = truth."
        )
    low, high, accuracy = (found.get(key) for key in ("accuracy_low", "accuracy_high", "accuracy"))
    effect = 1.0
    if low is not None and high is not None and accuracy is not None and 0 < accuracy < 1:
        independent = accuracy * (1 - accuracy) / confusion.sum()
        effect = max(1.0, ((high - low) / (2 * _Z_90)) ** 2 / independent)
    return HeldOut(confusion=confusion, design_effect=float(effect))


def check_condition(known: HeldOut) -> None:
    """Refuse a confusion that cannot be undone.

    Args:
        known: What the classifier did on held-out replies.

    Raises:
        DataError: A label never occurred among the held-out replies, or labels cannot be told apart.

    >>> check_condition(HeldOut(confusion=np.eye(3) * 50))
    >>> check_condition(HeldOut(confusion=np.ones((3, 3))))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    nlp_engage.errors.DataError: the labels cannot be told apart well enough to correct shares ...
    """
    if not known.condition <= MAX_CONDITION:
        missing = [str(label) for label, row in zip(LABELS, known.confusion, strict=True) if not row.sum()]
        reason = f"no held-out reply is {missing[0]}" if missing else f"condition number {known.condition:.3g}"
        raise DataError(
            f"the labels cannot be told apart well enough to correct shares ({reason}, at most {MAX_CONDITION:.0f} is "
            "sound). Use a better model, more held-out replies, or an audit."
        )


def adjusted_count(counted: FloatArray, rates: FloatArray) -> FloatArray:
    """The shares that would be counted as these: ``counted = shares @ rates``, solved on the simplex.

    Where the solution has negative shares, the point of the simplex that fits best (least squares) is taken. It
    lies on a face of the simplex, and there are seven: all are tried, so that it is exact.

    Source: Forman 2008, "Quantifying counts and costs via classification", doi 10.1007/s10618-008-0097-y; on the
    simplex: Bunse 2022, "On multi-class extensions of adjusted classify and count".

    Args:
        counted: Share of each predicted label. Shape: (..., 3).
        rates: Probability of each prediction given the truth, rows sum to 1. Shape: (..., 3, 3).

    Returns:
        Share of each true label, 0 or more, sum 1. Shape: (..., 3).

    >>> rates = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.0, 0.1, 0.9]])
    >>> adjusted_count(np.array([0.5, 0.3, 0.2]) @ rates, rates).round(6).tolist()
    [0.5, 0.3, 0.2]
    >>> adjusted_count(np.array([1.0, 0.0, 0.0]), rates).round(6).tolist()
    [1.0, 0.0, 0.0]
    """
    counted, rates = np.broadcast_arrays(counted[..., None, :], rates)
    counted = counted[..., 0, :]
    best = np.full(counted.shape, np.nan)
    misfit = np.full(counted.shape[:-1], np.inf)
    for size in range(len(LABELS), 0, -1):
        for face in combinations(range(len(LABELS)), size):
            shares = _on_face(counted, rates, face)
            error = ((np.einsum("...k,...kj->...j", shares, rates) - counted) ** 2).sum(axis=-1)
            better = (shares >= -1e-12).all(axis=-1) & (error < misfit - 1e-15)
            best[better], misfit = np.maximum(shares[better], 0.0), np.where(better, error, misfit)
    return best


def _on_face(counted: FloatArray, rates: FloatArray, face: tuple[int, ...]) -> FloatArray:
    """Least-squares shares of the labels of a face that sum to 1, the others 0; they may be negative.

    The last label takes what the others leave; theirs solve the normal equations, one or two, by Cramer's rule.
    """
    last, others = face[-1], list(face[:-1])
    shares = np.zeros(counted.shape)
    if others:
        away = rates[..., others, :] - rates[..., [last], :]
        gap = counted - rates[..., last, :]
        normal = np.einsum("...ik,...jk->...ij", away, away)
        right = np.einsum("...ik,...k->...i", away, gap)
        if len(others) == 1:
            top, below = right, normal[..., 0]
        else:
            (a, b), (_, d) = (normal[..., 0, 0], normal[..., 0, 1]), (normal[..., 1, 0], normal[..., 1, 1])
            first, second = right[..., 0], right[..., 1]
            top = np.stack([d * first - b * second, a * second - b * first], axis=-1)
            below = (a * d - b * b)[..., None]
        # labels with the same rates cannot be told apart: all goes to the last
        shares[..., others] = np.divide(top, below, out=np.zeros_like(top), where=below > _SINGULAR)
    shares[..., last] = 1 - shares.sum(axis=-1)
    return shares


def emq(probabilities: FloatArray, prior: FloatArray) -> FloatArray:
    """Shares under which calibrated probabilities are most likely, by expectation-maximisation.

    Source: Saerens, Latinne and Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori
    probabilities", doi 10.1162/089976602753284446; in leaps: Varadhan and Roland 2008, "Simple and globally
    convergent methods for accelerating the convergence of any EM algorithm", doi 10.1111/j.1467-9469.2007.00585.x.

    Args:
        probabilities: Calibrated on replies with the shares of ``prior``. Shape: (n, 3), n of 1 or more.
        prior: Shares of the labels there. Shape: (3,).

    Returns:
        Shares, sum 1. Shape: (3,).

    >>> told = np.repeat([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]], [30, 10], axis=0)
    >>> emq(told, np.full(3, 1 / 3)).round(3).tolist()
    [0.821, 0.179, 0.0]
    """
    floored = np.maximum(prior, _TINY)
    shares = np.asarray(prior, dtype=np.float64)
    for _ in range(_EMQ_STEPS):
        once = _em_step(probabilities, floored, shares)
        twice = _em_step(probabilities, floored, once)
        step, bend = once - shares, twice - 2 * once + shares
        far = float(np.sqrt((step**2).sum() / max((bend**2).sum(), _TINY)))
        leap = shares + 2 * far * step + far**2 * bend
        # a leap may leave the simplex; then the two plain steps are taken
        updated = _em_step(probabilities, floored, leap / leap.sum()) if (leap > 0).all() else twice
        done = np.abs(updated - shares).max() < _EMQ_TOLERANCE
        shares = updated
        if done:
            break
    return shares


def _em_step(probabilities: FloatArray, prior: FloatArray, shares: FloatArray) -> FloatArray:
    """One step; piece by piece, so that nothing as long as the archive is made beside it."""
    weights, pulled = shares / prior, np.zeros(len(prior))
    for piece in pieces(len(probabilities)):
        p = probabilities[piece]
        pulled += (1 / np.maximum(p @ weights, _TINY)) @ p
    updated: FloatArray = weights * pulled
    normed: FloatArray = updated / updated.sum()
    return normed


def draw_rates(known: HeldOut, resamples: int, rng: np.random.Generator) -> FloatArray:
    """Confusions that the held-out replies leave possible: each row from its Dirichlet posterior.

    Counts are divided by the design effect, for replies of one thread say less than as many of different ones; a
    third of a reply is added to each cell, so that what was never seen is not held impossible.

    Args:
        known: What the classifier did on held-out replies.
        resamples: Draws.
        rng: Where chance comes from.

    Returns:
        Rates; rows sum to 1. Shape: (resamples, 3, 3).

    >>> drawn = draw_rates(HeldOut(confusion=np.eye(3) * 200), 50, np.random.default_rng(0))
    >>> drawn.shape, bool((np.abs(drawn.mean(axis=0) - np.eye(3)) < 0.01).all())
    ((50, 3, 3), True)
    """
    shape = known.confusion / known.design_effect + 1 / 3
    drawn = rng.standard_gamma(np.broadcast_to(shape, (resamples, *shape.shape)))
    rates: FloatArray = drawn / drawn.sum(axis=-1, keepdims=True)
    return rates
