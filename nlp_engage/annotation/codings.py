"""Codings of several people put together: who labelled what, where they differ, and the gold label."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import isclose
from statistics import median_low
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.agreement import MISSING
from nlp_engage.annotation.sheets import read_sheet
from nlp_engage.errors import DataError
from nlp_engage.splits import thread_of
from nlp_engage.types import LABEL_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    _Seen = dict[tuple[str, str], tuple[Any, str]]  # uid and field -> what the first sheet has there, and its name

_ANSWERS: Final = ("label", "act", "confidence", "coder", "note", "codings", "soft", "coders")
"""Of a row, what is no part of the unit; the last two are what an earlier gold says of its coders."""
_COMPARED: Final = ("reply", "thread", "post", "above", "p_inclusion")
_SHOWN: Final = 40
_AS_SHOWN: Final = 1e-4
"""How far, relatively, a number may be off: a spreadsheet may save fewer digits than it read."""


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


def gather(sheets: Iterable[Iterable[Mapping[str, Any]]], names: Sequence[str] = ()) -> Codings:
    """Put sheets together.

    Args:
        sheets: Each what ``read_sheet`` returned: one coder's, or several coders' one after the other.
        names: What errors call the sheets; without names they are numbered.

    Raises:
        DataError: A coder labelled a unit in two sheets, or twice in one and differently (in label, act or confidence),
            or sheets hold different replies under one uid.

    >>> unit = {"uid": "u1", "reply": "Mine leaks.", "above": [], "act": None, "confidence": None}
    >>> codings = gather([[{**unit, "label": "S", "coder": "ann"}], [{**unit, "label": "D", "coder": "bob"}]])
    >>> codings.disagreements()[0]["codings"], codings.gold()
    ('ann: S; bob: D', [])
    """
    units: dict[str, dict[str, Any]] = {}
    answers: dict[str, dict[str, dict[str, Any]]] = {}
    seen: _Seen = {}
    coded: dict[tuple[str, str], tuple[int, str]] = {}
    for number, sheet in enumerate(sheets):
        name = names[number] if names else f"sheet {number + 1}"
        for row in sheet:
            uid, coder = str(row["uid"]), str(row["coder"])
            _check_same(seen, row, name)
            asked = {k: v for k, v in row.items() if k not in _ANSWERS and (v != "" or k in ("post", "reply"))}
            before = units.get(uid, {})
            units[uid] = {**asked, **{k: v for k, v in before.items() if v not in (None, "", []) or k not in asked}}
            given = answers.setdefault(uid, {})
            if row["label"] is None:
                continue
            first, where = coded.setdefault((uid, coder), (number, name))
            if first != number:
                raise DataError(_coded_in_two(uid, coder, where, name))
            answer = {k: row.get(k) for k in ("label", "act", "confidence")}
            if (once := given.setdefault(coder, answer)) != answer:
                raise DataError(_coded_twice(uid, coder, name, once, answer))
    return Codings(units=units, answers=answers)


def _coded_in_two(uid: str, coder: str, first: str, second: str) -> str:
    return (
        f"{first} and {second} both hold a coding of {uid!r} by {coder!r}. If these are two people, name each: in the "
        "column coder, by the name of the file where that is empty, or in exports of Label Studio, which numbers "
        "people from 1 wherever it runs, in place of the number in completed_by (JSON) or annotator (JSON-MIN, CSV). "
        "If it is one, leave out what is there twice"
    )


def _coded_twice(uid: str, coder: str, name: str, *answers: Mapping[str, Any]) -> str:
    once, again = (" ".join(str(v) for v in answer.values() if v) for answer in answers)
    return (
        f"{name}: coder {coder!r} labelled {uid!r} twice, {once} and {again}; name coders in the column coder, keep "
        "one row a coder, or delete one of the two annotations"
    )


def _check_same(seen: _Seen, row: Mapping[str, Any], name: str) -> None:
    """Refuse two replies under one uid: what a sheet holds of a unit is what the sheets before it do."""
    uid = str(row["uid"])
    for field in _COMPARED:
        if not (value := _comparable(row, field)):
            continue
        before, where = seen.setdefault((uid, field), (value, name))
        same = before == value if isinstance(value, str) else isclose(before, value, rel_tol=_AS_SHOWN)
        if not same:
            texts = [str(before), str(value)]
            alike = next((i for i, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
            start = max(alike - _SHOWN // 2, 0)
            one, other = (repr(text[start : start + _SHOWN]) for text in texts)
            raise DataError(
                f"uid {uid!r} stands for two different replies: {field} is {one} in {where} and {other} in {name}; the "
                "sheets are of different draws, or a cell was changed: take those of one draw, or put the cell back"
            )


def _comparable(row: Mapping[str, Any], field: str) -> Any:
    """A field without what spreadsheets change: blanks, line ends, the mark of a text; empty where it is not there."""
    value = row.get(field)
    if field == "p_inclusion":
        return float(value or 0)
    if field == "above" and "above" in row:
        alone = "no turns" if row.get("reply") else ""  # a sheet without the reply does not hold the unit
        value = "\n".join(f"{who}: {text}" for who, text in row["above"]) or alone
    return " ".join(str(value or "").split()).lstrip("'")


def gather_files(paths: Sequence[Path]) -> Codings:
    """Read sheets and put them together.

    Raises:
        DataError: As ``read_sheet`` and ``gather``.
    """
    return gather(map(read_sheet, paths), [str(path) for path in paths])


def adjudications(path: Path, known: Codings) -> dict[str, dict[str, Any]]:
    """What an adjudicator settled: uid -> the unit with its final ``label`` and, maybe, ``act``.

    Args:
        path: The filled-in sheet of ``Codings.disagreements``.
        known: The codings it settles.

    Raises:
        DataError: As ``read_sheet``; a unit is none of the codings', is another than theirs, or has two final labels.
    """
    final: dict[str, dict[str, Any]] = {}
    seen: _Seen = {}
    for uid, unit in known.units.items():
        _check_same(seen, {**unit, "uid": uid}, "the sheets")
    for row in read_sheet(path):
        uid = str(row["uid"])
        if uid not in known.units:
            raise DataError(f"{path}: uid {uid!r} is in none of the sheets; take what --disagreements wrote of them")
        _check_same(seen, row, str(path))
        if row["label"] and final.setdefault(uid, row)["label"] != row["label"]:
            raise DataError(f"{path}: {uid!r} has two final labels, {final[uid]['label']} and {row['label']}; keep one")
    return final
