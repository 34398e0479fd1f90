"""What platforms write into fields, turned into ours: ids, times, counters, flags."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from math import isfinite
from typing import Any, Final

ROOT_MARKERS: Final = frozenset({"", "0", "-1", "root", "null", "none", "None", "nan", "NaN", "false"})
"""What platforms write where a comment has no parent."""

_WHOLE = re.compile(r"-?\d+\.0+")
_EXPONENT = re.compile(r"-?\d+(?:\.\d+)?[eE]\+\d+")
_COUNT = re.compile(r"(-?\d+(?:,\d+)*(?:\.\d+)?)\s*([^\W\d_]*)[.+]*")
_GROUPED = re.compile(r",(?=\d{3}(?!\d))")
_SCALE: Final = {
    "": 1, "k": 10**3, "m": 10**6, "b": 10**9, "千": 10**3, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8,
    "tis": 10**3, "tys": 10**3, "тыс": 10**3, "mil": 10**3, "tsd": 10**3, "mln": 10**6, "млн": 10**6, "mio": 10**6,
}  # fmt: skip
_MONTHS: Final = {
    m: i for i, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_CTIME = re.compile(
    r"[A-Za-z]{3},?\s+([A-Za-z]{3})\s+(\d{1,2})\s+(\d{1,2}):(\d\d)(?::(\d\d))?\s+(?:([+-]\d{4}|[A-Z]{1,4})\s+)?(\d{4})"
)
_RFC822 = re.compile(
    r"(?:[A-Za-z]{3},?\s+)?(\d{1,2})\s+([A-Za-z]{3})[a-z]*\.?\s+(\d{4})\s+(\d{1,2}):(\d\d)(?::(\d\d))?\s*([+-]\d{4}|[A-Z]{1,4})?"
)
_LOOSE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T\s]+(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})秒?)?(?:[.,]\d+)?)?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?"
)
_SECONDS_LIMIT: Final = 253_402_300_800  # the year 10000
_TRUE: Final = frozenset({"true", "yes", "1", "y", "t", "是"})


class MangledIdError(ValueError):
    """A spreadsheet has turned an id into a rounded number: its last digits are lost."""


def as_id(value: Any) -> str | None:
    """An id as text, exact; ``None`` where there is none.

    Raises:
        MangledIdError: The id is in exponent notation.

    >>> as_id(9007199254740993), as_id("119236.0"), as_id(" c1 "), as_id(""), as_id(None)
    ('9007199254740993', '119236', 'c1', None, None)
    >>> as_id("1.38024e+18")
    Traceback (most recent call last):
    nlp_engage.readers.values.MangledIdError: 1.38024e+18
    """
    if isinstance(value, str):
        text = value.strip() if value[:1] <= " " or value[-1:] <= " " else value
        if not text:
            return None
        if text[-1] == "0" and _WHOLE.fullmatch(text):
            return text.partition(".")[0]
        if "+" in text and _EXPONENT.fullmatch(text):
            raise MangledIdError(text)
        return text
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return str(value) if abs(value) < 10**100 else None
    if isinstance(value, float | Decimal) and isfinite(value):
        if not -(2**53) <= value <= 2**53 or value != int(value):
            raise MangledIdError(str(value))
        return str(int(value))
    return None


def as_link(value: Any) -> str | None:
    """An id that points at something; ``None`` at a root, however the platform marks it.

    >>> as_link("0"), as_link("root"), as_link(0), as_link(17)
    (None, None, None, '17')
    """
    found = as_id(value)
    return None if found is None or found in ROOT_MARKERS else found


def as_count(value: Any) -> int | None:
    """A counter, also a short one in another language; ``None`` where it cannot be read.

    >>> as_count("1.2K"), as_count("1千+"), as_count("3.4万"), as_count("1,204"), as_count("赞"), as_count(7.0)
    (1200, 1000, 34000, 1204, None, 7)
    >>> as_count("1,2 tis."), as_count("1,2K"), as_count("2 Mio."), as_count("1,204K")
    (1200, 1200, 2000000, 1204000)
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    if isinstance(value, float | Decimal):
        return int(value) if -(2**53) < value < 2**53 else None
    if not isinstance(value, str) or len(value) > 40:
        return None
    match = _COUNT.fullmatch(value.replace("\u00a0", " ").strip())
    if match is None or match[2].lower() not in _SCALE:
        return None
    unit = match[2].lower()
    number = _GROUPED.sub("", match[1]).replace(",", ".", 1) if unit else match[1].replace(",", "")
    if number.count(".") + number.count(",") > 1:
        return None
    return as_count(round(float(number) * _SCALE[unit]) if unit else float(number) if "." in number else int(number))


def as_flag(value: Any) -> bool:
    """Whether a field says yes.

    >>> as_flag("TRUE"), as_flag("0"), as_flag(1), as_flag(None)
    (True, False, True, False)
    """
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return bool(value)


def as_time(value: Any, zone: int = 0) -> datetime | None:
    """A time in UTC; ``None`` where it cannot be read.

    Args:
        value: Seconds, milliseconds or microseconds since 1970 (told apart by size), ISO 8601 and looser
            dates, RFC 822, ``Tue Oct 31 22:10:47 +0000 2017``.
        zone: Hours east of UTC of times that state no zone.

    >>> as_time(1700000000) == as_time("1700000000123") - timedelta(milliseconds=123)
    True
    >>> as_time("2024-8-6 22:11", zone=8).isoformat(), as_time("Tue Oct 31 22:10:47 +0000 2017").isoformat()
    ('2024-08-06T14:11:00+00:00', '2017-10-31T22:10:47+00:00')
    >>> as_time("3 days ago"), as_time(0), as_time("1e999")
    (None, None, None)
    """
    try:
        if isinstance(value, str):
            return _from_text(value.strip(), zone) if len(value) < 80 else None
        if isinstance(value, datetime):
            return _utc(value, zone)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return None
        return _from_number(value)
    except (ValueError, OverflowError, ArithmeticError):
        return None


def _from_number(number: float | Decimal) -> datetime | None:
    if not 0 < number < 10**19:
        return None
    micros = int(number * 1_000_000) if isinstance(number, int | Decimal) else round(number * 1_000_000)
    for _ in range(2):
        if micros < 100_000_000_000 * 1_000_000:  # seconds reach 10**11 in the year 5138, milliseconds in 1973
            break
        micros //= 1000
    if micros >= _SECONDS_LIMIT * 1_000_000:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _utc(moment: datetime, zone: int) -> datetime:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC) if zone == 0 else moment.replace(tzinfo=timezone(timedelta(hours=zone)))
    return moment.astimezone(UTC)


def _from_text(text: str, zone: int) -> datetime | None:
    if not text:
        return None
    if text.replace(".", "", 1).isdecimal():
        return _from_number(Decimal(text) if "." in text else int(text)) if len(text) > 8 else None
    try:
        return _utc(datetime.fromisoformat(text), zone)
    except ValueError:
        pass
    if match := _CTIME.fullmatch(text):
        month, day, hour, minute, second, offset, year = match.groups()
    elif match := _RFC822.fullmatch(text):
        day, month, year, hour, minute, second, offset = match.groups()
    elif match := _LOOSE.fullmatch(text):
        year, month, day, hour, minute, second, offset = match.groups()
    else:
        return None
    number = int(month) if month.isdecimal() else _MONTHS.get(month.lower(), 0)
    moment = datetime(int(year), number, int(day), int(hour or 0), int(minute or 0), int(second or 0))
    return _utc(moment.replace(tzinfo=_offset(offset)) if offset else moment, zone)


def _offset(text: str) -> timezone:
    digits = text.replace(":", "")
    if digits[1:].isdecimal():
        return timezone((-1 if digits[0] == "-" else 1) * timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5])))
    if text in ("Z", "UTC", "GMT", "UT"):
        return UTC
    raise ValueError(f"unknown time zone {text!r}")
