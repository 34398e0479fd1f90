"""Codings of several people put together: who labelled what, where they differ, and the gold label."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.agreement import MISSING
from nlp_engage.annotation.answers import coder_name
from nlp_engage.annotation.sheets import read_sheet
from nlp_engage.errors import DataError
from nlp_engage.splits import thread_of
from nlp_engage.types import LABEL_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

_ANSWERS: Final = ("label", "act", "confidence", "coder", "note", "codings", "soft", "coders")
"""Of a row, what is no part of the unit; the last two are what an earlier gold says of its coders."""
_SHOWN: Final = 40


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
        return [thread_of(unit) for unit in self.units.values()]

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
            Units with ``label``, ``act`` where one is known, ``confidence`` (the coders' lower median), and, where
            coders labelled it, ``coders`` (how many) and ``soft`` (their shares per label). What was adjudicated has
            no ``soft``, so that training aims at the final label; ``coders`` is then each coder's label by name.
        """
        settled = adjudicated or {}
        return [
            {**self.units[uid], "uid": uid, **answer}
            for uid, given in self.answers.items()
            if (answer := _settle(given, settled.get(uid)))
        ]


def _written(given: Mapping[str, Mapping[str, Any]]) -> str:
    return "; ".join(f"{coder}: {a['label']} {a.get('act') or ''}".strip() for coder, a in sorted(given.items()))


def _settle(coded: Mapping[str, Mapping[str, Any]], final: Mapping[str, Any] | None) -> dict[str, Any] | None:
    given = list(coded.values())
    votes = Counter(a["label"] for a in given)
    if final is None:
        best = votes.most_common(2)
        if not best or (len(best) == 2 and best[0][1] == best[1][1]):
            return None
    label = final["label"] if final else best[0][0]
    acts = Counter(a["act"] for a in given if a["label"] == label and a.get("act"))
    act = (final and final.get("act")) or next(iter(acts and acts.most_common(1)[0]), None)
    sure = [a["confidence"] for a in given if a.get("confidence")]
    if final:  # shares of coders, as training's target, would overrule whoever settled it
        votes_kept: dict[str, Any] = {"coders": {coder: a["label"] for coder, a in coded.items()}}
    else:
        votes_kept = {"coders": len(given), "soft": {c: round(votes[c] / len(given), 4) for c in LABEL_CODES}}
    return {
        "label": label,
        **({"act": act} if act else {}),
        **({"confidence": median_low(sure)} if sure else {}),
        **(votes_kept if given else {}),
    }


def gather(sheets: Iterable[Iterable[Mapping[str, Any]]]) -> Codings:
    """Put sheets together.

    Args:
        sheets: Each what ``read_sheet`` returned: one coder's, or several coders' one after the other.

    Raises:
        DataError: A coder labelled a unit twice, differently (in label, act or confidence), or sheets hold different
            replies under one uid.

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
            asked = {k: v for k, v in row.items() if k not in _ANSWERS and (v != "" or k in ("post", "reply"))}
            before = units.setdefault(uid, asked)
            _same_reply(before, asked, coder)
            units[uid] = {**asked, **{k: v for k, v in before.items() if v not in (None, "") or k not in asked}}
            given = answers.setdefault(uid, {})
            if row["label"] is None:
                continue
            answer = {k: row.get(k) for k in ("label", "act", "confidence")}
            if (first := given.setdefault(coder, answer)) != answer:
                once, again = (" ".join(str(v) for v in a.values() if v) for a in (first, answer))
                raise DataError(
                    f"coder {coder!r} labelled {uid!r} twice, {once} and {again}; name "
                    "coders in the column coder, keep one file a coder, or delete one of the two annotations"
                )
    return Codings(units=units, answers=answers)


def _same_reply(before: Mapping[str, Any], asked: Mapping[str, Any], coder: str) -> None:
    """Refuse two replies under one uid; blanks and line ends may differ, for spreadsheets change them."""
    texts = [" ".join(str(unit.get("reply") or "").split()) for unit in (before, asked)]
    if all(texts) and texts[0] != texts[1]:
        raise DataError(
            f"uid {asked['uid']!r} stands for two different replies, {texts[0][:_SHOWN]!r} and, with coder {coder!r}, "
            f"{texts[1][:_SHOWN]!r}: the sheets are of different draws, or a text was changed; take those of one draw"
        )


def gather_files(paths: Sequence[Path]) -> Codings:
    """Read sheets and put them together.

    Raises:
        DataError: As ``read_sheet`` and ``gather``; or files of the same name, whose coders have no other, hold
            codings of the same unit: they would be one coder.
    """
    sheets = [read_sheet(path) for path in paths]
    first: dict[tuple[str, str], int] = {}
    for i, sheet in enumerate(sheets):
        for row in sheet:
            if row["label"] is None or row["coder"] != coder_name(paths[i].stem):
                continue
            if (at := first.setdefault((row["coder"], str(row["uid"])), i)) != i:
                raise DataError(
                    f"{paths[at]} and {paths[i]} both hold codings of {row['uid']!r} by {row['coder']!r}, the name of "
                    "the file: give each coder's file a name of its own, name coders in the column coder, or leave "
                    "out the file that is there twice"
                )
    return gather(sheets)


def adjudications(path: Path, known: Codings) -> dict[str, dict[str, Any]]:
    """What an adjudicator settled: uid -> the unit with its final ``label`` and, maybe, ``act``.

    Args:
        path: The filled-in sheet of ``Codings.disagreements``.
        known: The codings it settles.

    Raises:
        DataError: As ``read_sheet``; a unit is none of the codings', or has two final labels.
    """
    final: dict[str, dict[str, Any]] = {}
    for row in read_sheet(path):
        uid = str(row["uid"])
        if uid not in known.units:
            raise DataError(f"{path}: uid {uid!r} is in none of the sheets; take what --disagreements wrote of them")
        _same_reply(known.units[uid], row, row["coder"])
        if row["label"] and final.setdefault(uid, row)["label"] != row["label"]:
            raise DataError(f"{path}: {uid!r} has two final labels, {final[uid]['label']} and {row['label']}; keep one")
    return final
