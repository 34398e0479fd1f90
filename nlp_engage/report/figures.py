"""Everything the report counts, measured once: over all, over time, by platform, by language, by thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure import measure_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.measure import HeldOut, Measurement, ReplyTable
    from nlp_engage.report.words import Words

Row = dict[str, Any]

UNKNOWN: Final = "unknown"
"""Name that ``measure`` gives to the group of those without a value."""
MAX_PERIODS: Final = 120
_DAYS: Final = {"day": 1, "week": 7, "month": 30}
_SHORT_SPAN, _LONG_SPAN = timedelta(days=14), timedelta(days=7 * 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures behind a report. Rows are those of ``Measurement.rows``.

    Attributes:
        overall: One row over everything.
        periods: One row a period, in order, those without a time left out.
        unit: ``day``, ``week`` or ``month``.
        undated: Measured replies without a time.
        platforms: One row a platform, most replies first.
        languages: One row a language with labelled replies, most replies first.
        by: Name of the caller's own groups, ``None`` without.
        groups: Their rows, most replies first.
        threads: One row a thread, most engaged people first.
        level: Confidence level of the intervals.
        resamples: Bootstrap draws behind them.
        seed: Seed of the draws.
        version: Version of the formulas.
    """

    overall: Row
    periods: Sequence[Row]
    unit: str
    undated: int
    platforms: Sequence[Row]
    languages: Sequence[Row]
    by: str | None
    groups: Sequence[Row]
    threads: Sequence[Row]
    level: float
    resamples: int
    seed: int
    version: str

    @property
    def days(self) -> int:
        """Length of a period, about."""
        return _DAYS[self.unit]


def take_figures(
    table: ReplyTable,
    measurement: Measurement,
    *,
    by: str | Mapping[str, str] | None = None,
    held_out: Mapping[str, HeldOut] | None = None,
) -> Figures:
    """Measure a table in every way the report shows.

    Args:
        table: The facts (``measure.collect``).
        measurement: What the caller asked for: its level, resamples and seed hold for everything.
        by: The grouping the caller asked for; shown as a chart of its own if it is none of the usual ones.
        held_out: Language -> confusion on held-out replies, which corrects the shares of all but single threads;
            ``None`` for shares as counted only.
    """
    same: dict[str, Any] = {"level": measurement.level, "seed": measurement.seed}

    def rows(column: str | None) -> list[Row]:
        return measure_table(table, by=column, held_out=held_out, resamples=measurement.resamples, **same).rows()

    unit = time_unit(table.time[table.measured])
    periods = rows(unit)
    own = by is not None and by not in ("thread_id", "platform", "lang", unit)
    undated = sum(row["n_replies"] for row in periods if row["group"] == UNKNOWN)
    periods = [row for row in periods if row["group"] != UNKNOWN and row["n_replies"]]
    return Figures(
        overall=rows(None)[0],
        periods=sorted(periods, key=lambda row: row["group"])[-MAX_PERIODS:],
        unit=unit,
        undated=undated,
        platforms=_largest(rows("platform")),
        languages=_largest(rows("lang")),
        by=(by if isinstance(by, str) else "") if own else None,
        groups=_largest(measurement.rows()) if own else [],
        threads=sorted(
            measure_table(table, by="thread_id", resamples=0, **same).rows(),
            key=lambda r: (-(r["ep"] or 0), -r["n_replies"], r["group"]),
        ),
        level=measurement.level,
        resamples=measurement.resamples,
        seed=measurement.seed,
        version=measurement.version,
    )


def _largest(rows: Sequence[Row]) -> list[Row]:
    return sorted((r for r in rows if r["n_replies"]), key=lambda r: (-r["n_replies"], r["group"]))


def time_unit(times: Any) -> str:
    """The period over which to show a span of times: days for two weeks, months for more than sixty.

    >>> time_unit(np.array(["2025-03-01", "2025-05-01", "NaT"], dtype="datetime64[us]"))
    'week'
    """
    known = times[~np.isnat(times)]
    if not len(known):
        return "week"
    span = (known.max() - known.min()).astype("timedelta64[s]").item()
    return "day" if span < _SHORT_SPAN else "week" if span < _LONG_SPAN else "month"


def period_start(group: str) -> date:
    """First day of a period by its name.

    >>> period_start("2025-W10"), period_start("2025-03"), period_start("2025-03-09")
    (datetime.date(2025, 3, 3), datetime.date(2025, 3, 1), datetime.date(2025, 3, 9))
    """
    if "-W" in group:
        year, week = group.split("-W")
        return date.fromisocalendar(int(year), int(week), 1)
    try:
        return date.fromisoformat(group if len(group) > len("2025-03") else f"{group}-01")
    except ValueError:
        raise DataError(f"{group!r} is no period: expected YYYY-Www, YYYY-MM or YYYY-MM-DD") from None


def milliseconds(day: date) -> int:
    """Start of a day in milliseconds since 1970, UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def period_name(group: str, unit: str, words: Words) -> str:
    """A period in words.

    >>> from nlp_engage.report.words import Words
    >>> period_name("2025-W10", "week", Words("en")), period_name("2025-03", "month", Words("zh"))
    ('Week of 3 Mar 2025', '2025年3月')
    """
    start = period_start(group)
    if unit == "week":
        return words("trends.week_of", day=words.date(start))
    return words.date(start) if unit == "day" else words.month(start)
