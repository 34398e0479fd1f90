"""What a coder wrote, checked: label, act, confidence and name."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from nlp_engage.errors import DataError
from nlp_engage.types import ACT_LABEL, ACTS, LABEL_CODES, Act

if TYPE_CHECKING:
    from collections.abc import Mapping


def label_code(label: str) -> str | None:
    """The code of a label, written as code, in full, or both, in any case; ``None`` where it is none.

    >>> [label_code(label) for label in ("d", "Genuine-Dialogue", "D genuine dialogue", "dialogue")]
    ['D', 'D', 'D', None]
    """
    said = " ".join(label.lower().replace("_", " ").replace("-", " ").split())
    for code, name in LABEL_CODES.items():
        full = name.replace("_", " ")
        if said in (code.lower(), full, f"{code.lower()} {full}"):
            return code
    return None


def checked_answers(row: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Label, act and confidence of a row, checked.

    Args:
        row: ``label``, ``act``, ``confidence`` as they were written; what is left empty is no answer.
        place: File and row, for errors.

    Raises:
        DataError: A label or act is unknown, an act stands without a label or with another one's, or a confidence is
            not 1, 2 or 3.

    >>> checked_answers({"label": "d", "act": "QUES", "confidence": "2.0"}, "ann.csv, row 2")
    {'label': 'D', 'act': 'ques', 'confidence': 2}
    """
    label, act = _word(row.get("label")), _word(row.get("act"))
    if label is None:
        if act in ACTS:
            fit = next(code for code, name in LABEL_CODES.items() if name == ACT_LABEL[Act(act)])
            raise DataError(f"{place}: act is {act!r} and label is empty; write {fit} into label, or clear act")
        return {"label": None, "act": None, "confidence": None}
    code = label_code(label)
    if code is None:
        raise DataError(f"{place}: label is {row['label']!r}, must be one of {', '.join(LABEL_CODES)} or left empty")
    if act is not None and (act not in ACTS or ACT_LABEL[Act(act)] != LABEL_CODES[code]):
        fits = [str(a) for a in ACTS if ACT_LABEL[a] == LABEL_CODES[code]]
        raise DataError(f"{place}: act is {row['act']!r}, with label {code} it must be one of {', '.join(fits)}")
    confidence = (_word(row.get("confidence")) or "").removesuffix(".0").removesuffix(",0")
    if confidence not in ("", "1", "2", "3"):
        raise DataError(f"{place}: confidence is {row['confidence']!r}, must be 1, 2, 3 or left empty")
    return {"label": code, "act": act, "confidence": int(confidence) if confidence else None}


def coder_name(given: Any) -> str:
    r"""A name as it is compared: systems and spreadsheets write accents and blanks in several ways.

    >>> coder_name(" Jose\u0301 ") == coder_name("Jos\u00e9"), coder_name(None)
    (True, '')
    """
    return "" if given is None else unicodedata.normalize("NFC", " ".join(str(given).split()))


def _word(value: Any) -> str | None:
    return str(value).strip().lower() or None if value is not None else None
