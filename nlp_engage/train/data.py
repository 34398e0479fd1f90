"""Labelled units: reading, checking, and keeping a thread on one side of a split."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nlp_engage.context import context_of_unit, labels_of_unit
from nlp_engage.errors import DataError
from nlp_engage.types import LABEL_CODES, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def read_units(path: Path) -> list[dict[str, Any]]:
    """Read labelled units and check every label, act and language.

    Raises:
        DataError: A line is no JSON, a label is unknown, or a uid occurs twice.
    """
    units, seen = [], set()
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            unit = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: not JSON ({error})") from None
        labels_of_unit(unit)
        context_of_unit(unit)
        if unit["uid"] in seen:
            raise DataError(f"{path}, line {number}: uid {unit['uid']!r} occurs twice; labels must be unique")
        seen.add(unit["uid"])
        units.append(unit)
    return units


def check_split(train: Sequence[Mapping[str, Any]], dev: Sequence[Mapping[str, Any]]) -> None:
    """Refuse data that would make the scores mean nothing.

    Raises:
        DataError: A thread is on both sides, a label is missing from a side, or a language from dev.
    """
    if both := {u["thread"] for u in train} & {u["thread"] for u in dev}:
        raise DataError(f"{len(both)} threads are in train and dev, e.g. {min(both)!r}: split by thread, or set "
                        "drop_shared_threads = true to leave them out of train")
    for name, units in (("train", train), ("dev", dev)):
        if missing := set(LABEL_CODES) - {u["label"] for u in units}:
            raise DataError(f"{name}: no unit with label {sorted(missing)}; every label needs examples")
    if missing := set(LANGUAGES) - {u["lang"] for u in dev}:
        raise DataError(f"dev: no unit in {sorted(missing)}; the checkpoint is chosen on both languages")


def drop_shared_threads(train: Sequence[dict[str, Any]], dev: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Training units whose thread is not in dev.

    >>> drop_shared_threads([{"thread": "a"}, {"thread": "b"}], [{"thread": "b"}])
    [{'thread': 'a'}]
    """
    dev_threads = {unit["thread"] for unit in dev}
    return [unit for unit in train if unit["thread"] not in dev_threads]
