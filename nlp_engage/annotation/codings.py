"""Codings of several people put together: who labelled what, where they differ, and the gold label."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.agreement import MISSING
from nlp_engage.errors import DataError
from nlp_engage.types import LABEL_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

_ANSWERS: Final = ("label", "act", "confidence", "coder", "note", "codings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Codings:
    """Units and who labelled them how.

    Attributes:
        units: uid -> the unit without any answer.
        answers: uid -> coder -> ``label``, ``act``, ``confidence``; a unit nobody labelled has none.
    """

    units: dict[str, dict[str, Any]]
    answers: dict[str, dict[str, dict[str, Any]]]

    def codes(self) -> dict[str, npt.NDArray[np.int64]]:
        """Coder -> index in ``LABELS`` for every unit in order, ``agreement.MISSING`` where there is none."""
        index = {code: k for k, code in enumerate(LABEL_CODES)}
        coders = sorted({coder for given in self.answers.values() for coder in given})
        return {
            c: np.array([index[given[c]["label"]] if c in given else MISSING for given in self.answers.values()])
            for c in coders
        }

    def threads(self) -> list[str]:
        """The thread of every unit in order; a unit that names none is a thread of its own."""
        return [str(unit.get("thread") or uid) for uid, unit in self.units.items()]

    def disagreements(self) -> list[dict[str, Any]]:
        """Units with different labels, as a sheet to adjudicate: the unit, and ``codings`` to read beside it."""
        differ = [uid for uid, given in self.answers.items() if len({a["label"] for a in given.values()}) > 1]
        return [{**self.units[uid], "label": None, "codings": _written(self.answers[uid])} for uid in differ]

    def gold(self, adjudicated: Mapping[str, Mapping[str, Any]] | None = None) -> list[dict[str, Any]]:
        """Labelled units to train and to evaluate on.

        The label is the adjudicator's, else that of the most coders; where they are tied there is no gold label, and
        the unit is left out. The act is the most frequent one given with that label.

        Args:
            adjudicated: uid -> the adjudicator's ``label`` and, maybe, ``act``.

        Returns:
            Units with ``label``, ``act`` where one is known, ``confidence`` (the coders' lower median), ``coders``
            (how many) and ``soft`` (their shares per label).
        """
        settled = adjudicated or {}
        return [
            {**self.units[uid], **answer}
            for uid, given in self.answers.items()
            if (answer := _settle(list(given.values()), settled.get(uid)))
        ]


def _written(given: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(f"{coder}: {a['label']} {a.get('act') or ''}".strip() for coder, a in sorted(given.items()))


def _settle(given: Sequence[Mapping[str, Any]], final: Mapping[str, Any] | None) -> dict[str, Any] | None:
    votes = Counter(a["label"] for a in given)
    if final is None:
        best = votes.most_common(2)
        if not best or (len(best) == 2 and best[0][1] == best[1][1]):
            return None
    label = final["label"] if final else best[0][0]
    acts = Counter(a["act"] for a in given if a["label"] == label and a.get("act"))
    act = (final and final.get("act")) or next(iter(acts and acts.most_common(1)[0]), None)
    sure = [a["confidence"] for a in given if a.get("confidence")]
    soft = {code: round(votes[code] / len(given), 4) for code in LABEL_CODES} if given else None
    return {
        "label": label,
        **({"act": act} if act else {}),
        **({"confidence": median_low(sure)} if sure else {}),
        "coders": len(given),
        **({"soft": soft} if soft else {}),
    }


def gather(sheets: Iterable[Iterable[Mapping[str, Any]]]) -> Codings:
    """Put sheets together.

    Args:
        sheets: Each what ``read_sheet`` returned: one coder's, or several coders' one after the other.

    Raises:
        DataError: A coder labelled a unit twice, differently, or sheets hold different replies under one uid.

    >>> unit = {"uid": "u1", "reply": "Mine leaks.", "above": [], "act": None, "confidence": None}
    >>> codings = gather([[{**unit, "label": "S", "coder": "ann"}], [{**unit, "label": "D", "coder": "bob"}]])
    >>> codings.disagreements()[0]["codings"], codings.gold()
    ('ann: S; bob: D', [])
    """
    units: dict[str, dict[str, Any]] = {}
    answers: dict[str, dict[str, dict[str, Any]]] = {}
    for sheet in sheets:
        for row in sheet:
            uid, coder = str(row["uid"]), str(row["coder"])
            asked = {
                k: v for k, v in row.items() if k not in ("label", "act", "confidence", "coder", "note") and v != ""
            }
            before = units.setdefault(uid, asked)
            if before.get("reply") != asked.get("reply") and "reply" in before and "reply" in asked:
                raise DataError(f"uid {uid!r} stands for two different replies: the sheets are of different draws")
            units[uid] = {**asked, **before}
            given = answers.setdefault(uid, {})
            if row["label"] is None:
                continue
            answer = {k: row.get(k) for k in ("label", "act", "confidence")}
            if given.setdefault(coder, answer)["label"] != answer["label"]:
                raise DataError(
                    f"coder {coder!r} labelled {uid!r} twice, {given[coder]['label']} and {answer['label']}; name "
                    "coders in the column coder, or keep one file a coder"
                )
    return Codings(units=units, answers=answers)
