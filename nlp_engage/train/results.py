"""The result of an evaluation: scores, what was predicted, and both as data frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlp_engage.context import context_of_unit
from nlp_engage.errors import DataError, require
from nlp_engage.splits import thread_of
from nlp_engage.train.evaluate import SCORES, act_scores, compare, score_predictions
from nlp_engage.train.tables import NAMES, plot_reliability
from nlp_engage.types import LABEL_CODES, LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

    from nlp_engage.types import FloatArray, Labeller


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """How a model did on labelled units.

    Attributes:
        name: Name of the model.
        units: The labelled units. Length n.
        probabilities: What it predicted, in the order of ``LABELS``. Shape: (n, 3).
        scores: What ``evaluate.score_predictions`` returns, and the accuracy of the acts where they are known.
        seed: Seed of the thread bootstrap.
    """

    name: str
    units: Sequence[Mapping[str, Any]]
    probabilities: FloatArray
    scores: dict[str, Any]
    seed: int = 0

    @classmethod
    def of(cls, labeller: Labeller, units: Sequence[Mapping[str, Any]], *, seed: int = 0) -> Evaluation:
        """Score a labeller on units.

        Raises:
            DataError: There are no units.
        """
        if not units:
            raise DataError("no labelled units to evaluate on: the file is empty")
        found = labeller.predict([context_of_unit(u) for u in units])
        made = cls.of_probabilities(str(labeller.fingerprint["name"]), found.probabilities, units, seed=seed)
        made.scores.update(act_scores(found.acts, units))
        return made

    @classmethod
    def of_probabilities(
        cls, name: str, probabilities: FloatArray, units: Sequence[Mapping[str, Any]], *, seed: int = 0
    ) -> Evaluation:
        """Score what anything else predicted for units: a baseline, a model of another package.

        Args:
            name: Name in tables.
            probabilities: In the order of ``LABELS``. Shape: (n, 3).
            units: The n units.
            seed: Seed of the thread bootstrap.
        """
        scores = score_predictions(probabilities, units, seed=seed)
        return cls(name=name, units=units, probabilities=probabilities, scores=scores, seed=seed)

    def compare(self, other: Evaluation) -> dict[str, dict[str, Any]]:
        """This model's scores minus another's on the same units, with paired intervals (``evaluate.compare``).

        Raises:
            DataError: The other was scored on other units.
        """
        if [u["uid"] for u in self.units] != [u["uid"] for u in other.units]:
            raise DataError(f"{self.name} and {other.name} were scored on different units; evaluate both on one file")
        return compare(self.probabilities, other.probabilities, self.units, seed=self.seed)

    def to_arrow(self) -> pa.Table:
        """Scores in long form: ``slice, value, n, threads, score, estimate, low, high, reason``.

        ``estimate`` is null where a score cannot be known, ``low`` and ``high`` where an interval cannot; the reason is
        beside them.
        """
        import pyarrow as pa

        rows = list(_rows("all", "all", self.scores))
        for key, slice_ in NAMES.items():
            for value, scores in self.scores[key].items():
                rows += _rows(slice_.replace(" ", "_"), value, scores)
        kinds = {
            **dict.fromkeys(("slice", "value"), pa.string()),
            **dict.fromkeys(("n", "threads"), pa.int64()),
            "score": pa.string(),
            **dict.fromkeys(("estimate", "low", "high"), pa.float64()),
            "reason": pa.string(),
        }
        return pa.Table.from_pylist(rows, schema=pa.schema(kinds))

    def to_pandas(self) -> pd.DataFrame:
        """``to_arrow`` as a pandas frame; what is not known is ``<NA>``.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas: Any = require("pandas", extra="pandas")
        import pyarrow as pa

        kinds = {
            pa.float64(): pandas.Float64Dtype(),
            pa.int64(): pandas.Int64Dtype(),
            pa.string(): pandas.StringDtype(),
        }
        return self.to_arrow().to_pandas(types_mapper=kinds.get)

    def predictions(self) -> pa.Table:
        """A row a unit: ``uid, lang, thread, label, predicted`` and ``p_...`` for each label."""
        import pyarrow as pa

        columns: dict[str, Any] = {key: [u[key] for u in self.units] for key in ("uid", "lang")}
        columns["thread"] = [thread_of(u) for u in self.units]
        columns["label"] = [str(LABEL_CODES[u["label"]]) for u in self.units]
        columns["predicted"] = [str(LABELS[k]) for k in self.probabilities.argmax(1)]
        columns |= {f"p_{label}": self.probabilities[:, k] for k, label in enumerate(LABELS)}
        return pa.table(columns)

    def plot(self, path: str | Path) -> None:
        """Draw the reliability diagram (``tables.plot_reliability``)."""
        plot_reliability({self.name: self.scores}, path)


def _rows(slice_: str, value: str, scores: Mapping[str, Any]) -> list[dict[str, Any]]:
    where = {"slice": slice_, "value": value, "n": scores["n"], "threads": scores["threads"]}
    rows = [{**where, **_row(name, scores, name, scores.get("reason"))} for name in SCORES]
    rows.append({**where, **_row("coders_alpha", scores, "coders_alpha", scores.get("coders_reason"))})
    for label, row in scores["per_label"].items():
        rows += [
            {**where, **_row(f"{name}:{label}", row, name, row.get("reason"))} for name in ("precision", "recall", "f1")
        ]
    return rows


def _row(name: str, scores: Mapping[str, Any], key: str, reason: str | None) -> dict[str, Any]:
    found = {"estimate": scores[key], "low": scores[f"{key}_low"], "high": scores[f"{key}_high"]}
    return {"score": name, **found, "reason": reason if None in found.values() else None}
