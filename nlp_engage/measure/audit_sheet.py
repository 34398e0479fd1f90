"""The sheet of an audit: replies in their place, to be labelled by hand, and what came back.

A sheet is JSON lines or CSV with the fields of labelled data (``uid, lang, thread, post, above, by, reply, label``) and
with ``p_inclusion``, the probability with which the reply was drawn, ``stratum``, and ``thread_units``, the number of
replies of the thread that are on the sheet. Units that were drawn otherwise, one by one, by an active learner say, need
``uid``, ``label`` and ``p_inclusion`` only.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.context import units_of_replies
from nlp_engage.errors import DataError
from nlp_engage.spreadsheet import from_csv, read_text, to_csv
from nlp_engage.types import LABEL_CODES, LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from nlp_engage.measure.audit_plan import AuditPlan, Key
    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import LabelledTree

FIELDS: Final = (
    "uid", "lang", "platform", "thread", "post", "above", "by", "reply", "label", "p_inclusion", "stratum",
    "thread_units",
)  # fmt: skip
"""Columns of a sheet, in their order."""


def sheet_units(labelled_trees: Iterable[LabelledTree], plan: AuditPlan) -> Iterator[dict[str, Any]]:
    """The replies of a plan as units to label, without the predictions.

    Args:
        labelled_trees: The trees the plan was drawn from.
        plan: The plan.

    Yields:
        The ``FIELDS``: ``uid`` is the comment id, with the thread before it where an earlier unit has the same;
        ``above`` are speaker and text, oldest first; ``label`` is ``None`` until somebody writes M, D or S.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.audit_plan import plan_audit
    >>> from nlp_engage.measure.worked import worked_archive
    >>> plan = plan_audit(collect(worked_archive(3)), 100)
    >>> unit = list(sheet_units(worked_archive(3), plan))[2]
    >>> unit["uid"], unit["above"][-1][1], unit["reply"], unit["label"], unit["p_inclusion"]
    ('t0.3', 'It is, we left the cream out.', 'Then I will bring my sister.', None, 1.0)
    """
    sizes = Counter(thread for thread, _ in plan.inclusion)
    seen: set[str] = set()
    for labelled in labelled_trees:
        tree = labelled.tree
        rows = [i for i, c in enumerate(tree.comments) if i and (tree.thread_id, c.id) in plan.inclusion]
        for unit in units_of_replies(tree, rows, labelled.languages):
            key = (tree.thread_id, unit["uid"])
            uid = key[1] if key[1] not in seen else f"{key[0]}:{key[1]}"
            seen.add(uid)
            yield {
                **unit,
                "uid": uid,
                "platform": unit["platform"] or tree.post.platform,
                "label": None,
                "p_inclusion": plan.inclusion[key],
                "stratum": plan.stratum[tree.thread_id],
                "thread_units": sizes[tree.thread_id],
            }


def sheet_bytes(units: Iterable[Mapping[str, Any]], suffix: str) -> bytes:
    """Units as a file.

    A CSV opens in a spreadsheet: it has a byte order mark, the turns above a reply stand on lines of their own, and no
    cell runs as a formula or is rounded.

    Args:
        units: From ``sheet_units``.
        suffix: ``.jsonl`` or ``.csv``.

    Returns:
        UTF-8, of a CSV with a byte order mark.

    Raises:
        DataError: Another suffix.

    >>> unit = {"uid": "c1", "reply": "=1+1", "above": [["A", "No."]], "p_inclusion": 0.5}
    >>> sheet_bytes([unit], ".csv").decode("utf-8-sig").splitlines()[1]
    "c1,,,,,A: No.,,'=1+1,,0.5,,"
    """
    if suffix == ".jsonl":
        return "".join(json.dumps(unit, ensure_ascii=False) + "\n" for unit in units).encode("utf-8", "replace")
    if suffix != ".csv":
        raise DataError(f"a sheet ends in .jsonl or .csv, not in {suffix!r}")
    return to_csv(FIELDS, ({**unit, "above": _turns(unit.get("above", ()))} for unit in units))


def _turns(above: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"{who}: {' '.join(text.split())}" for who, text in above)


def read_sheet(path: Path) -> list[dict[str, Any]]:
    """Read a sheet that was filled in.

    Args:
        path: JSON lines or CSV (with commas, semicolons or tabs), recognised by its content.

    Returns:
        One dictionary a unit; of a CSV, all values are text, and empty cells are ``None``.

    Raises:
        DataError: The file cannot be read, or is no such sheet.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "sheet.csv"
    ...     _ = path.write_bytes(sheet_bytes([{"uid": "c1", "label": "D", "p_inclusion": 0.5}], ".csv"))
    ...     [(unit["uid"], unit["label"], unit["p_inclusion"], unit["stratum"]) for unit in read_sheet(path)]
    [('c1', 'D', '0.5', None)]
    """
    text = read_text(path)
    try:
        units = _json_lines(text) if text.lstrip()[:1] == "{" else _table(text)
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path}: neither JSON lines nor CSV ({error}); save it in one of these") from None
    if not units and text.strip() and ("uid" not in text.split("\n", 1)[0] or text.lstrip()[0] == "["):
        raise DataError(f"{path}: neither JSON lines nor CSV with a column uid; save it as `nlp-engage audit plan` did")
    for number, unit in enumerate(units, 1):
        if not isinstance(unit, dict) or not unit.get("uid"):
            raise DataError(f"{path}, unit {number}: no uid; keep the column uid as `nlp-engage audit plan` wrote it")
    if not units:
        raise DataError(f"{path}: no unit is in this sheet")
    return units


def _json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _table(text: str) -> list[dict[str, Any]]:
    return [{k: v or None for k, v in row.items()} for row in from_csv(text, FIELDS)[1].values()]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandLabels:
    """What a sheet says.

    Attributes:
        labels: Thread and comment id -> index into ``LABELS``.
        inclusion: Of the same replies, the probability with which each was drawn.
        stratum: Thread id -> stratum; empty where the sheet has none.
        notes: What was left out, and how many.
    """

    labels: dict[Key, int]
    inclusion: dict[Key, float]
    stratum: dict[str, str]
    notes: tuple[str, ...]


def hand_labels(units: Sequence[Mapping[str, Any]], table: ReplyTable) -> HandLabels:
    """Find the units of a sheet in the archive and check that nothing of it would bias the result.

    Threads nobody has begun are left out and counted; so are units without ``p_inclusion`` (not drawn), replies that
    were drawn one by one and have no label, and replies the model has given none.

    Args:
        units: As ``read_sheet`` gives them.
        table: The facts of the archive.

    Returns:
        Labels and probabilities of the replies that were labelled, and notes of what was left out.

    Raises:
        DataError: A label or probability is none, a reply is not in the archive or labelled twice, a thread is
            half-labelled or rows of it are missing, or there is nothing to go by.

    >>> from nlp_engage.measure import collect
    >>> from nlp_engage.measure.worked import worked_archive
    >>> units = [{"uid": f"t0.{n}", "label": label, "p_inclusion": "0,5"} for n, label in ((5, "s"), (6, ""))]
    >>> found = hand_labels(units, collect(worked_archive(1)))
    >>> found.labels, found.inclusion
    ({('t0', 't0.5'): 2}, {('t0', 't0.5'): 0.5})
    >>> found.notes
    ('1 drawn replies without a label: left out (fine if chance decided which)',)
    """
    found = _Found()
    place = _Places(table)
    for unit in units:
        found.take(unit, place.of(unit))
    labels, whole = found.labels, found.whole
    begun = {thread for thread, _ in labels}
    _check_whole({k: uid for k, uid in found.blank.items() if k not in labels}, begun, found.rows, whole)
    notes = Counter({"unit(s) without p_inclusion: not drawn, left out": found.undrawn})
    notes["thread(s) that nobody has begun to label: left out (fine if chance decided which)"] = len(set(whole) - begun)
    notes["drawn replies without a label: left out (fine if chance decided which)"] = sum(
        key not in labels and key[0] not in whole for key in found.blank
    )
    if units and found.undrawn == len(units):
        raise DataError("no unit of the sheet has p_inclusion: keep the columns as `nlp-engage audit plan` wrote them.")
    if not labels:
        raise DataError("no unit of the sheet has a label: write M, D or S into the column label.")
    return HandLabels(
        labels=labels,
        inclusion={key: found.inclusion[key] for key in labels},
        stratum=found.stratum,
        notes=tuple(f"{n} {what}" for what, n in notes.items() if n),
    )


@dataclass(slots=True)
class _Found:
    """What units say, taken one by one; ``blank`` are those without a label, ``rows`` counts units of a thread."""

    labels: dict[Key, int] = field(default_factory=dict)
    inclusion: dict[Key, float] = field(default_factory=dict)
    stratum: dict[str, str] = field(default_factory=dict)
    blank: dict[Key, str] = field(default_factory=dict)
    whole: dict[str, int] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    whole_p: dict[str, float] = field(default_factory=dict)
    undrawn: int = 0

    def take(self, unit: Mapping[str, Any], key: Key) -> None:
        """Take a unit in, or say what is wrong with it."""
        uid, label, p = str(unit["uid"]), _label(unit), _probability(unit)
        if p is None:
            self.undrawn += 1
            return
        if self.inclusion.setdefault(key, p) != p:
            raise DataError(f"reply {uid!r} is in the sheet with two probabilities, {self.inclusion[key]} and {p}.")
        if unit.get("thread_units") and self.whole_p.setdefault(key[0], p) != p:
            raise DataError(
                f"thread {key[0]!r} was drawn as a whole and has two probabilities in the sheet, "
                f"{self.whole_p[key[0]]} and {p} (reply {uid!r}): keep the column p_inclusion as it was written."
            )
        if unit.get("stratum"):
            self.stratum[key[0]] = str(unit["stratum"])
        if key not in self.labels and key not in self.blank:
            self.rows[key[0]] += 1
        if unit.get("thread_units"):
            self.whole[key[0]] = _count(unit)
        if label is None:
            self.blank.setdefault(key, uid)
        elif self.labels.setdefault(key, label) != label:
            raise DataError(f"reply {uid!r} has two different labels in the sheet: settle on one.")


def _check_whole(blank: Mapping[Key, str], begun: set[str], rows: Counter[str], whole: Mapping[str, int]) -> None:
    """Refuse threads that were drawn as a whole and of which some replies have a label and some have not."""
    half = [(thread, uid) for (thread, _), uid in blank.items() if thread in begun and thread in whole]
    if half:
        raise DataError(
            f"{len(half)} replies in {len({t for t, _ in half})} threads that were begun have no label (e.g. "
            f"{half[0][1]!r} in thread {half[0][0]!r}): label them all, for leaving out the hard ones would bias the "
            "result, or clear the labels of these threads."
        )
    for thread, n in whole.items():
        if thread in begun and rows[thread] < n:
            raise DataError(
                f"thread {thread!r} has {rows[thread]} rows in the sheet, {n} were drawn: put the missing ones back, "
                "or clear the labels of this thread."
            )


def _label(unit: Mapping[str, Any]) -> int | None:
    given = str(unit.get("label") or "").strip()
    if not given:
        return None
    found = LABEL_CODES.get(given.upper(), given.lower().replace(" ", "_").replace("-", "_"))
    if found not in LABELS:
        names = ", ".join(f"{code} ({label})" for code, label in LABEL_CODES.items())
        raise DataError(f"reply {unit['uid']!r} of the sheet has label {given!r}: write one of {names}.")
    return LABELS.index(found)


def _probability(unit: Mapping[str, Any]) -> float | None:
    given = unit.get("p_inclusion", unit.get("inclusion_probability"))
    if given in (None, ""):
        return None
    try:
        p = float(str(given).replace(",", "."))  # spreadsheets write numbers as the country does
    except ValueError:
        p = -1.0
    if not 0 < p <= 1:
        raise DataError(f"reply {unit['uid']!r} has p_inclusion {given!r}: it must be a number in (0, 1].")
    return p


def _count(unit: Mapping[str, Any]) -> int:
    try:
        return int(float(unit["thread_units"]))
    except (ValueError, OverflowError):
        raise DataError(
            f"reply {unit['uid']!r} has thread_units {unit['thread_units']!r}: keep the column as it was written."
        ) from None


class _Places:
    """Finds units in an archive: by thread and id, or, where a unit names no thread, by an id that occurs once."""

    def __init__(self, table: ReplyTable) -> None:
        threads = [table.thread_ids[t] for t in table.thread.tolist()]
        self._known = set(zip(threads, table.comment_ids, strict=True))
        self._thread: dict[str, str | None] = {}
        for thread, comment in zip(threads, table.comment_ids, strict=True):
            self._thread[comment] = None if comment in self._thread else thread

    def of(self, unit: Mapping[str, Any]) -> Key:
        """Thread and comment id of a unit."""
        uid, thread = str(unit["uid"]), unit.get("thread") or self._thread.get(str(unit["uid"]))
        for comment in (uid, uid.removeprefix(f"{thread}:")):
            if (str(thread), comment) in self._known:
                return str(thread), comment
        why = (
            "is in several threads, and the unit names none"
            if uid in self._thread and not thread
            else "is not in the run"
        )
        raise DataError(f"reply {uid!r} of the sheet {why}: use the run that the sheet was drawn from.")
