"""How good a labelling is: macro-F1, per label, per language, agreement, calibration, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.agreement import alpha_with_interval
from nlp_engage.context import context_of_unit, labels_of_unit
from nlp_engage.errors import DataError
from nlp_engage.resample import LEVEL, RESAMPLES, ThreadBootstrap, interval
from nlp_engage.scores import (
    alpha_of_coincidences,
    confidence_bins,
    error_of_bins,
    f1_of_confusion,
)
from nlp_engage.splits import thread_of
from nlp_engage.types import ACTS, LABEL_CODES, LABELS, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nlp_engage.types import FloatArray, Labeller

__all__ = ["BINS", "LEVEL", "RESAMPLES", "SCORES", "compare", "evaluate", "score_predictions"]

BINS: Final = 15
SCORES: Final = ("macro_f1", "accuracy", "alpha", "ece")
_PER_LABEL: Final = ("precision", "recall", "f1")
_LENGTHS: Final = (("1-9", 10), ("10-29", 30), ("30-99", 100))
_LONGEST: Final = "100+"
ONE_THREAD: Final = "one thread only: how scores vary between threads cannot be known"
ONE_LABEL: Final = "no alpha: only one label occurs"


def evaluate(labeller: Labeller, units: Sequence[Mapping[str, Any]], *, seed: int = 0) -> dict[str, Any]:
    """Score a labeller on labelled units.

    Args:
        labeller: The model.
        units: Labelled units (``uid, lang, thread, post, above, by, reply, label``).
        seed: Seed of the bootstrap.

    Returns:
        What ``score_predictions`` returns, and ``act_accuracy`` and ``n_acts``.

    Raises:
        DataError: There are no units.
    """
    if not units:
        raise DataError("no labelled units to evaluate on: the file is empty")
    predictions = labeller.predict([context_of_unit(u) for u in units])
    result = score_predictions(predictions.probabilities, units, seed=seed)
    return result | act_scores(predictions.acts, units)


def act_scores(acts: Any, units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Share of the acts that are right, among units that have one; ``None`` where none has."""
    act = np.array([labels_of_unit(u)[1] for u in units])
    known = act >= 0
    return {"act_accuracy": float((acts[known] == act[known]).mean()) if known.any() else None, "n_acts": len(ACTS)}


def score_predictions(
    probabilities: FloatArray, units: Sequence[Mapping[str, Any]], *, seed: int = 0
) -> dict[str, Any]:
    """Score probabilities that were predicted for units.

    Args:
        probabilities: Shape: (n, 3), in the order of ``LABELS``.
        units: The n units, in the same order.
        seed: Seed of the bootstrap.

    Returns:
        ``n, threads, macro_f1, accuracy, alpha`` (Krippendorff's, of model and gold), ``ece, confusion,
        per_label``; ``coders_alpha``, the coders' own alpha on the ``coders_n`` units that have several (what cannot
        be said of it has a ``coders_reason``); ``reliability``, the bins of the reliability diagram that hold replies;
        the same scores in ``per_language``, and in ``per_source, per_platform, per_length`` (characters of the reply)
        and ``per_depth`` (turns above it, the post not counted; units show three at most). Scores have ``_low`` and
        ``_high`` beside them (90 %, threads resampled), and are ``None``, with a ``reason``, where they cannot be
        known:

        * No label's scores where no reply has it, no macro-F1 where one label is missing (it would count as 0 and
          pass for an error), no precision where no answer is the label, no alpha where only one label occurs.
        * Draws in which a score cannot be known are left out of its interval, so that of macro-F1 is one of draws
          that hold every label.
        * No interval from one thread: neither of anything where there is one only, nor of a label's scores (and
          with them of macro-F1) where one thread holds all replies that have it.
    """
    result = _scores(probabilities, units, seed)
    result["reliability"] = list(_reliability(probabilities, units, seed))
    result["per_language"] = {
        name: _scores(probabilities[rows], [units[i] for i in rows], seed)
        for name, rows in _groups([u["lang"] for u in units], LANGUAGES)
    }
    for key, (values, order) in _slicings(units).items():
        result[key] = {
            name: _scores(probabilities[rows], [units[i] for i in rows], seed) for name, rows in _groups(values, order)
        }
    return result


def compare(
    one: FloatArray, other: FloatArray, units: Sequence[Mapping[str, Any]], *, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Difference of two models' scores on the same replies, with paired intervals.

    Both are scored on the same resampled threads, so what is hard for both cancels.

    Args:
        one: Probabilities of the first model. Shape: (n, 3).
        other: Those of the second. Shape: (n, 3).
        units: The n units.
        seed: Seed of the bootstrap.

    Returns:
        For ``all`` and each language: for each of ``SCORES`` the first minus the second, with ``_low`` and ``_high``
        (90 %), and ``_decided``: whether the interval leaves out 0.
    """
    languages = [u["lang"] for u in units]
    found: dict[str, dict[str, Any]] = {}
    for name, rows in [("all", np.arange(len(units))), *_groups(languages, LANGUAGES)]:
        part = [units[i] for i in rows]
        a, b = (_Scored.of(p[rows], part, seed) for p in (one, other))
        found[name] = {"n": len(part), "threads": a.threads}
        for score in SCORES:
            apart = a.point[score] - b.point[score], a.draws[score] - b.draws[score]
            found[name] |= _with_interval(score, *apart, a.effective)
            low, high = found[name][f"{score}_low"], found[name][f"{score}_high"]
            found[name][f"{score}_decided"] = None if low is None else bool(low > 0 or high < 0)
        found[name] |= a.reason(alpha=found[name]["alpha"])
    return found


def _scores(probabilities: FloatArray, units: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    scored = _Scored.of(probabilities, units, seed)
    point, draws = scored.point, scored.draws
    found: dict[str, Any] = {"n": len(units), "threads": scored.threads}
    for name in SCORES:
        found |= _with_interval(name, point[name], draws[name], scored.effective)
    found["confusion"] = point["confusion"].astype(int).tolist()
    found["per_label"] = {}
    for k, label in enumerate(LABELS):
        found["per_label"][label] = {"n": int(point["confusion"][k].sum())}
        for j, name in enumerate(_PER_LABEL):
            drawn = draws["per_label"][:, k, j]
            found["per_label"][label] |= _with_interval(name, point["per_label"][k, j], drawn, scored.effective_true[k])
        found["per_label"][label] |= scored.reason_of_label(k)
    return found | _coders_alpha(units, seed) | scored.reason(alpha=found["alpha"])


def _with_interval(name: str, value: float, draws: Any, threads: float) -> dict[str, Any]:
    low, high = interval(draws, threads)
    return {name: None if np.isnan(value) else float(value), f"{name}_low": low, f"{name}_high": high}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scored:
    """Every score of some replies, NaN where it cannot be known.

    Attributes:
        point: Of the replies as they are.
        draws: Of each resample; none of fewer than two threads, and NaN for what one thread alone holds.
        threads: Number of threads.
        effective: How many threads of equal size would tell as much.
        effective_true: The same of the replies that have each label. Shape: (labels,).
        true: In how many threads a reply has each label. Shape: (labels,).
        answered: In how many threads each label is the answer. Shape: (labels,).
    """

    point: dict[str, Any]
    draws: dict[str, Any]
    threads: int
    effective: float
    effective_true: Any
    true: Any
    answered: Any

    @classmethod
    def of(cls, probabilities: FloatArray, units: Sequence[Mapping[str, Any]], seed: int) -> _Scored:
        cells = np.zeros((len(units), len(LABELS), len(LABELS)))
        cells[np.arange(len(units)), _truth(units), probabilities.argmax(1)] = 1
        bins = confidence_bins(_truth(units), probabilities, BINS)
        threads = ThreadBootstrap([thread_of(u) for u in units], seed)
        true, answered = threads.holding(cells.sum(2)), threads.holding(cells.sum(1))
        return cls(
            point=_score_sums(cells.sum(0), bins.sum(0), True),
            draws=_score_sums(threads.sums(cells), threads.sums(bins), _held(true, answered) > 1),
            threads=threads.n,
            effective=float(threads.effective(np.ones(len(units)))),
            effective_true=threads.effective(cells.sum(2)),
            true=true,
            answered=answered,
        )

    def reason(self, *, alpha: float | None) -> dict[str, str]:
        """Why a score of all labels together, or its interval, is not known."""
        missing, alone = ([k for k, n in zip(LABELS, self.true, strict=True) if n == few] for few in (0, 1))
        reasons = []
        if self.threads < 2:
            reasons.append(ONE_THREAD)
        if missing:
            reasons.append(f"no macro-F1: no reply here is {' or '.join(missing)}")
        elif alone and self.threads > 1:
            reasons.append(f"no interval of macro-F1: one thread holds every reply that is {' or '.join(alone)}")
        if alpha is None:
            reasons.append(ONE_LABEL)
        return {"reason": "; ".join(reasons)} if reasons else {}

    def reason_of_label(self, k: int) -> dict[str, str]:
        """Why a score of one label, or its interval, is not known."""
        label, true, answered = LABELS[k], self.true[k], self.answered[k]
        if not true:
            return {"reason": f"no reply here is {label}"}
        reasons = [f"no interval: one thread holds every reply that is {label}"] if true == 1 else []
        if not answered:
            reasons.append(f"no precision: no answer here is {label}")
        elif answered == 1 < true:
            reasons.append(f"no interval of precision: one thread holds every answer {label}")
        return {"reason": "; ".join(reasons)} if reasons else {}


def _held(true: Any, answered: Any) -> Any:
    """How many replies (or threads) precision, recall and F1 of each label rest on. Shape: (..., labels, 3)."""
    return np.stack([np.minimum(true, answered), true, true], axis=-1)


def _score_sums(confusion: FloatArray, bins: FloatArray, told: Any) -> dict[str, Any]:
    """Scores from sums over replies; those of labels are NaN where ``told`` does not hold or the label is missing."""
    known = told & (_held(confusion.sum(-1), confusion.sum(-2)) > 0)
    per_label = np.where(known, f1_of_confusion(confusion), np.nan)
    hits = np.trace(confusion, axis1=-2, axis2=-1)
    return {
        "confusion": confusion,
        "per_label": per_label,
        "macro_f1": per_label[..., 2].mean(-1),  # NaN without one of the labels
        "accuracy": hits / confusion.sum((-2, -1)),
        "alpha": alpha_of_coincidences(confusion + np.swapaxes(confusion, -1, -2)),
        "ece": error_of_bins(bins),
    }


def _truth(units: Sequence[Mapping[str, Any]]) -> Any:
    return np.array([labels_of_unit(u)[0] for u in units])


def _coders_alpha(units: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """The coders' own agreement, on the units that several of them coded, resampling the threads of these."""
    codes = np.array([codes_of_unit(u) for u in units])
    several = codes.sum(1) > 1
    threads = ThreadBootstrap([thread_of(u) for u, many in zip(units, several, strict=True) if many], seed)
    found = alpha_with_interval(codes[several], threads)
    return {"coders_n": int(several.sum()), **{f"coders_{key}": value for key, value in found.items()}}


def codes_of_unit(unit: Mapping[str, Any]) -> list[int]:
    """How many coders gave a unit each label, in the order of ``LABELS``; all 0 where that is not on record.

    ``coders`` is either the number of coders, whose shares are ``soft``, or each coder's code by name.

    Raises:
        DataError: ``coders`` is neither, a coder's code is unknown, or the shares are not those of so many coders.

    >>> codes_of_unit({"coders": 2, "soft": {"M": 0.5, "D": 0.5}}), codes_of_unit({"coders": {"ann": "M", "bo": "M"}})
    ([1, 1, 0], [2, 0, 0])
    >>> codes_of_unit({"soft": {"M": 1.0}})
    [0, 0, 0]
    """
    coders, codes = unit.get("coders"), list(LABEL_CODES)
    if isinstance(coders, dict):
        if unknown := [code for code in coders.values() if code not in codes]:
            raise DataError(
                f"unit {unit.get('uid', '?')!r}: coders gave {sorted(set(map(str, unknown)))}; known: {codes}"
            )
        return [list(coders.values()).count(code) for code in codes]
    if coders is not None and (isinstance(coders, bool) or not isinstance(coders, int) or coders < 1):
        raise DataError(
            f"unit {unit.get('uid', '?')!r}: coders is {coders!r}, must be their number, 1 or more, or each one's code "
            "by name"
        )
    if coders is None or not unit.get("soft"):
        return [0] * len(codes)
    counts = [float(unit["soft"].get(code, 0)) * coders for code in codes]
    if any(abs(c - round(c)) > 0.02 * coders for c in counts):
        raise DataError(f"unit {unit.get('uid', '?')!r}: soft {unit['soft']} are no shares of {coders} coders")
    return [round(c) for c in counts]


def _reliability(probabilities: FloatArray, units: Sequence[Mapping[str, Any]], seed: int) -> Iterator[dict[str, Any]]:
    """The bins that hold replies; a bin whose replies are of one thread has no interval."""
    bins = confidence_bins(_truth(units), probabilities, BINS)
    threads = ThreadBootstrap([thread_of(u) for u in units], seed)
    draws, held, effective = threads.sums(bins), threads.holding(bins[..., 0]), threads.effective(bins[..., 0])
    for k, (n, confidence, right) in enumerate(bins.sum(0).tolist()):
        if not n:
            continue
        drawn = draws[:, k][draws[:, k, 0] > 0]
        several = held[k] > 1
        found = {"from": k / BINS, "to": (k + 1) / BINS, "n": int(n), "confidence": confidence / n}
        shares = drawn[:, 2] / drawn[:, 0] if several else drawn[:0, 2]
        found |= _with_interval("accuracy", right / n, shares, effective[k])
        yield found if several else found | {"reason": "replies of one thread only: no interval"}


def _slicings(units: Sequence[Mapping[str, Any]]) -> dict[str, tuple[list[Any], tuple[str, ...]]]:
    """Slice of each unit for every way of slicing, and the order of the slices where they have one."""

    def named(key: str) -> tuple[list[Any], tuple[str, ...]]:
        values = [None if u.get(key) == "" else u.get(key) for u in units]
        return values, tuple(sorted({str(v) for v in values if v is not None}))

    lengths = [next((name for name, end in _LENGTHS if len(u["reply"]) < end), _LONGEST) for u in units]
    depths = [str(min(len(u["above"]), 3)) for u in units]
    return {
        "per_source": named("source"),
        "per_platform": named("platform"),
        "per_length": (lengths, (*(name for name, _ in _LENGTHS), _LONGEST)),
        "per_depth": (depths, ("0", "1", "2", "3")),
    }


def _groups(values: Sequence[Any], order: Sequence[str]) -> Iterator[tuple[str, Any]]:
    array = np.array([str(v) if v is not None else "" for v in values])
    for name in order:
        if len(rows := np.flatnonzero(array == name)):
            yield name, rows
