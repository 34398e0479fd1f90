"""The report's words in one of its two languages, and how numbers and times are written there.

All words stand in ``words.toml``, English and Chinese side by side.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable

REPORT_LANGUAGES: Final = ("en", "zh")
_TABLE: Final = Path(__file__).with_name("words.toml")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MYRIAD_GAP: Final = re.compile(r"万 (?=[\u4e00-\u9fff])")
_MYRIAD: Final = 100_000
"""From here on Chinese prose counts in 万."""


@lru_cache(maxsize=1)
def all_words() -> dict[str, dict[str, Any]]:
    """Every entry by its dotted key: a text or (singular, plural) for each language."""
    found: dict[str, dict[str, Any]] = {}

    def walk(prefix: str, table: dict[str, Any]) -> None:
        if not any(isinstance(value, dict) for value in table.values()):
            found[prefix] = table
            return
        for key, value in table.items():
            walk(f"{prefix}.{key}" if prefix else key, value)

    walk("", tomllib.loads(_TABLE.read_text("utf-8")))
    return found


class Words:
    """Words, numbers and times of one language.

    >>> Words("en")("verdict.score", value="0.81", language="English")
    '0.81 in English'
    >>> Words("en").count("reply", 1), Words("zh").count("reply", 1_200), Words("zh").count("reply", 234_000)
    ('1 reply', '1,200 条回复', '23.4 万条回复')

    Args:
        lang: ``en`` or ``zh``.

    Raises:
        DataError: The report does not speak this language.
    """

    def __init__(self, lang: str) -> None:
        if lang not in REPORT_LANGUAGES:
            raise DataError(f"a report can be made in {' or '.join(REPORT_LANGUAGES)}, not in {lang!r}")
        self.lang = lang
        self.html_lang = {"en": "en", "zh": "zh-Hans"}[lang]

    def __call__(self, key: str, **values: str) -> str:
        """The text of a key with its values filled in."""
        text: str = all_words()[key][self.lang]
        return self._closed(text.format(**values))

    def _closed(self, text: str) -> str:
        """No space between 万 and its measure word."""
        return _MYRIAD_GAP.sub("万", text) if self.lang == "zh" else text

    def has(self, key: str) -> bool:
        """Whether there are words for a key: for kinds that other modules may add to."""
        return key in all_words()

    def count(self, unit: str, n: float, key: str | None = None) -> str:
        """A number with its unit, in singular or plural."""
        entry = all_words()[key or f"count.{unit}"][self.lang]
        text = entry if isinstance(entry, str) else entry[n != 1]
        return self._closed(text.format(n=self.number(n)))

    def number(self, n: float, digits: int = 0) -> str:
        """A number with thousands separated.

        >>> Words("en").number(1234567), Words("zh").number(1234567), Words("en").number(-0.04, 1)
        ('1,234,567', '123.5 万', '0.0')
        """
        if self.lang == "zh" and abs(n) >= _MYRIAD:
            return f"{n / 10_000:,.1f}".removesuffix(".0") + " 万"
        text = f"{n:,.{digits}f}"
        return text.removeprefix("-") if not any(c in "123456789" for c in text) else text

    def few(self, n: float) -> str:
        """A number that may be small: one digit after the point below 10, none above.

        >>> Words("en").few(3.04), Words("en").few(41.2)
        ('3.0', '41')
        """
        return self.number(n, 1 if abs(n) < 9.95 else 0)

    def people(self, n: float) -> str:
        """An expected number of people: whole, unless it is less than one.

        >>> Words("en").people(9.3), Words("en").people(0.42)
        ('9', '0.4')
        """
        return self.number(n, 1 if 0 < n < 0.95 else 0)

    def percent(self, share: float) -> str:
        """A share in [0, 1] as per cent.

        >>> Words("en").percent(0.413), Words("zh").percent(0.004)
        ('41%', '0.4%')
        """
        return f"{self.per_hundred(share)}%"

    def per_hundred(self, share: float) -> str:
        """A share in [0, 1] as a number of a hundred: small ones are not rounded away."""
        digits = 1 if 0 < share < 0.0095 else 0
        return self.number(100 * share, digits)

    def date(self, day: datetime.date) -> str:
        """A day.

        >>> from datetime import date
        >>> Words("en").date(date(2025, 3, 9)), Words("zh").date(date(2025, 3, 9))
        ('9 Mar 2025', '2025年3月9日')
        """
        if self.lang == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def month(self, day: datetime.date) -> str:
        """The month of a day.

        >>> from datetime import date
        >>> Words("en").month(date(2025, 3, 9)), Words("zh").month(date(2025, 3, 9))
        ('Mar 2025', '2025年3月')
        """
        return f"{day.year}年{day.month}月" if self.lang == "zh" else f"{_MONTHS[day.month - 1]} {day.year}"

    def hours(self, hours: float) -> str:
        """A span of time in the unit that fits.

        >>> Words("en").hours(0.5), Words("en").hours(1), Words("zh").hours(75)
        ('30 minutes', '1 hour', '3.1 天')
        """
        if hours < 0.99:
            return self.count("minute", max(1, round(hours * 60)))
        unit, n = ("hour", hours) if hours < 48 else ("day", hours / 24)
        entry = all_words()[f"count.{unit}"][self.lang]
        text = self.few(n).removesuffix(".0")
        return (entry if isinstance(entry, str) else entry[text != "1"]).format(n=text)

    def interval(self, low: float | None, high: float | None, level: float, form: str = "few") -> str:
        """An interval in brackets, or nothing where there is none.

        >>> Words("en").interval(36.2, 47.0, 0.9), Words("en").interval(None, None, 0.9)
        (' (90% interval 36–47)', '')
        """
        if low is None or high is None:
            return ""
        write = getattr(self, form)
        return self("interval.paren", level=f"{100 * level:.0f}", low=write(low), high=write(high))

    def language(self, code: str) -> str:
        """Name of a language of the archive."""
        return self(f"language.{code}") if self.has(f"language.{code}") else self("language.other")

    def reason(self, english: str) -> str:
        """A reason that ``measure`` gives in English, in this language; nothing where it is not known here.

        >>> Words("zh").reason("no likes given"), Words("zh").reason("fewer than 30 labelled replies: not corrected")
        ('没有点赞数', '已标注的回复不足 30 条，不作校正')
        """
        for entry in (entry for key, entry in all_words().items() if key.startswith("why.")):
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(entry["en"]))
            if found := re.fullmatch(pattern, english):
                return self._closed(str(entry[self.lang]).format(**found.groupdict()))
        return english if self.lang == "en" else ""

    def listed(self, items: Iterable[str]) -> str:
        """Several things in a row."""
        return self("join.list").join(items)
