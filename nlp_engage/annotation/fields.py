"""What stands on a sheet to be read, checked: ids, texts, turns, and the chance with which a reply was drawn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_IDS: Final = ("uid", "thread", "platform")
"""JSON may hold them as whole numbers, and, but for the first, as null."""
_TEXTS: Final = ("lang", "post", "by", "reply")
_ROUNDED: Final = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
_HAN: Final = re.compile(r"[\u3400-\u9fff]")
_LOST: Final = re.compile(r"\?{2,}")
_KEEP: Final = "keep it as `nlp-engage sample` wrote it"


def checked_unit(row: Any, place: str) -> dict[str, Any]:
    """A row with its ids as text and ``p_inclusion`` as a number; answers are left as they are.

    Args:
        row: What was read; fields may be missing, but for ``uid``.
        place: File and row, for errors.

    Raises:
        DataError: The row is none, its uid is missing or was rounded, a field is of a wrong type, or ``p_inclusion`` is
            no chance.

    >>> checked_unit({"uid": 7, "above": [["A", "Why?"]], "p_inclusion": "0,25"}, "ann.csv, row 2")
    {'uid': '7', 'above': [['A', 'Why?']], 'p_inclusion': 0.25}
    """
    uid = row.get("uid") if isinstance(row, dict) else None
    if uid is None or uid == "":
        raise DataError(f"{place}: no uid; sheets keep the column uid that `nlp-engage sample` wrote")
    if _ROUNDED.fullmatch(str(uid)):
        raise DataError(
            f"{place}: uid {uid} was rounded by a spreadsheet, its last digits are lost; fill in the sheet "
            "that `nlp-engage sample` wrote, and have the column uid read as text"
        )
    unit = {**row, **{k: str(row[k]) for k in _IDS if type(row.get(k)) is int}}
    for field in (*_IDS, *_TEXTS):
        value = unit.get(field, "")
        if not isinstance(value, str) and (value is not None or field in _TEXTS):
            raise DataError(f"{place}: {field} is {value!r:.40}, must be a text; {_KEEP}")
    if not _are_turns(above := unit.get("above", [])):
        raise DataError(f"{place}: above is {above!r:.40}, must be a list of turns [speaker, text]; {_KEEP}")
    return unit | _chance(unit, place)


def _are_turns(above: Any) -> bool:
    return isinstance(above, list) and all(
        isinstance(turn, list) and len(turn) == 2 and all(isinstance(part, str) for part in turn) for turn in above
    )


def _chance(unit: Mapping[str, Any], place: str) -> dict[str, float]:
    given = unit.get("p_inclusion")
    if given is None or not str(given).strip():
        return {}
    try:
        chance = float(str(given).replace(",", "."))  # spreadsheets write numbers as the country does
    except ValueError:
        chance = -1.0
    if not 0 < chance <= 1:
        raise DataError(
            f"{place}: p_inclusion is {given!r:.40}, must be a number above 0 and at most 1; keep it as it was drawn"
        )
    return {"p_inclusion": chance}


def check_chinese(path: Path, units: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a sheet whose Chinese was saved as question marks, which is more than replies that are nothing else.

    A comment ``???`` is a comment: most Chinese rows of the sheet must lack every Chinese character, in the post and
    the turns above too, and there must be more than the one run of question marks.

    Args:
        path: The file, for the error.
        units: Its rows.

    Raises:
        DataError: The Chinese is lost.
    """
    chinese = [_words(unit) for unit in units if unit.get("lang") == "zh"]
    lost = [words for words in chinese if _LOST.search(words) and not _HAN.search(words)]
    if 2 * len(lost) > len(chinese) and len(_LOST.findall("\n".join(lost))) > 1:
        raise DataError(
            f"{path}: {len(lost)} of {len(chinese)} Chinese rows hold question marks for Chinese, such as "
            f"{lost[0]!r:.40}: a spreadsheet saved them in an encoding without it. The file cannot be mended; open the "
            "one before, and save it as UTF-8 (in Excel: CSV UTF-8, not CSV Comma delimited)"
        )


def _words(unit: Mapping[str, Any]) -> str:
    return "\n".join([unit.get("reply", ""), unit.get("post", ""), *(text for _, text in unit.get("above", ()))])
