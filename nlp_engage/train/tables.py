"""Scores for people: Markdown tables and the reliability diagram."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError, require
from nlp_engage.types import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES: Final = {
    "per_language": "language",
    "per_platform": "platform",
    "per_source": "source",
    "per_length": "characters",
    "per_depth": "turns above",
}
PLOTS: Final = (".svg", ".png", ".pdf")
_DASH: Final = "–"


def score_table(scores: Mapping[str, Any]) -> str:
    """Scores beside the floors, as a Markdown table; a dash where there are no replies in a language."""
    lines = ["| model | macro-F1 English | macro-F1 Chinese | accuracy en / zh |", "|---|---|---|---|"]
    for name, result in scores.items():
        found = [result["per_language"].get(language) for language in LANGUAGES]
        cells = [_cell(s, "macro_f1") for s in found]
        accuracy = " / ".join(f"{s['accuracy']:.3f}" if s else _DASH for s in found)
        lines.append(f"| {name} | {' | '.join(cells)} | {accuracy} |")
    return "\n".join(lines)


def detail_tables(result: Mapping[str, Any]) -> str:
    """Scores of one model per label and per slice, its confusion, and its alpha beside the coders'."""
    labels = list(result["per_label"])
    rows = [
        [label, str(row["n"]), *(_cell(row, k) for k in ("precision", "recall", "f1"))]
        for label, row in result["per_label"].items()
    ]
    parts = [_table(["label", "n", "precision", "recall", "F1"], rows)]
    parts.append(_table(["truth \\ answer", *labels], [[k, *map(str, row)] for k, row in _confusion(result, labels)]))
    for key, name in NAMES.items():
        rows = [
            [slice_, str(s["n"]), str(s["threads"]), *(_cell(s, k) for k in ("macro_f1", "accuracy", "ece"))]
            for slice_, s in result[key].items()
        ]
        if rows:
            parts.append(_table([name, "n", "threads", "macro-F1", "accuracy", "ECE"], rows))
    known = "not known" if result["coders_alpha"] is None else _cell(result, "coders_alpha")
    own = ": ".join(filter(None, (known, result.get("coders_reason"))))
    parts.append(f"alpha of model and gold {_cell(result, 'alpha')}; the coders' own alpha {own}")
    return "\n\n".join(parts)


def difference_table(name: str, other: str, found: Mapping[str, Any]) -> str:
    """Paired differences of two models as a Markdown table; ``*`` where the interval leaves out 0."""
    scores = ("macro_f1", "accuracy", "alpha", "ece")
    rows = [
        [part, str(row["n"]), *(_cell(row, k, "+.3f") + (" *" if row[f"{k}_decided"] else "") for k in scores)]
        for part, row in found.items()
    ]
    return _table([f"{name} minus {other}", "n", "macro-F1", "accuracy", "alpha", "ECE"], rows)


def _confusion(result: Mapping[str, Any], labels: Sequence[str]) -> list[tuple[str, list[int]]]:
    return list(zip(labels, result["confusion"], strict=True))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([" ".join(cell.replace("|", r"\|").split()) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(scores: Mapping[str, Any] | None, key: str, form: str = ".3f") -> str:
    if not scores or scores[key] is None:
        return _DASH
    low, high = scores[f"{key}_low"], scores[f"{key}_high"]
    return f"{scores[key]:{form}}" + ("" if low is None else f" [{low:{form}}, {high:{form}}]")


def plot_reliability(scores: Mapping[str, Any], path: str | Path) -> None:
    """Draw a reliability diagram: how often answers of some confidence are right, and how many there are.

    A bin without an interval, for its replies are of one thread, is a point without a bar.

    Args:
        scores: Result of ``evaluate`` by name of the model.
        path: File to write; the ending says the kind of picture.

    Raises:
        DataError: The ending is none of ``PLOTS``.
        MissingExtraError: matplotlib (extra ``train``) is not installed.

    Source: Niculescu-Mizil and Caruana 2005, Predicting good probabilities with supervised learning, ICML.
    """
    path = Path(path)
    if path.suffix.lower() not in PLOTS:
        raise DataError(f"{path} must end in {', '.join(PLOTS)}")
    require("matplotlib", extra="train")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "nlp-engage", "svg.fonttype": "path"}):
        figure = Figure(figsize=(4.5, 5.5), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        upper.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for name, result in scores.items():
            bins = result["reliability"]
            x, y = [b["confidence"] for b in bins], [b["accuracy"] for b in bins]
            spread = np.array([_lengths(b) for b in bins]).T
            upper.errorbar(x, y, spread, marker="o", capsize=2, label=f"{name}: ECE {result['ece']:.3f}")
            lower.step(x, [b["n"] for b in bins], where="mid")
        upper.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
        lower.set(xlabel="confidence", ylabel="replies")
        upper.legend(loc="upper left", frameon=False)
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix.lower() == ".svg" else {})


def _lengths(of_bin: Mapping[str, Any]) -> tuple[float, float]:
    """How far the interval of a bin reaches below and above its share; NaN, which draws no bar, where there is none."""
    low, share, high = (of_bin[key] for key in ("accuracy_low", "accuracy", "accuracy_high"))
    return (np.nan, np.nan) if low is None else (max(0.0, share - low), max(0.0, high - share))
