"""Service figures as a table for a terminal, in English and Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nlp_engage.measure.verdicts import columns, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nlp_engage.measure.service import ServiceReport

_HEADS: Final = (
    ("group", "kind", "cases", "answered", "median hours", "9 in 10 within", "goes on as dialogue", "asker comes back"),
    ("分组", "类别", "件数", "已回应", "回应时长（中位数，小时）", "九成在（小时）", "回应后继续对话", "提问者回来"),
)
_KINDS: Final = {
    "all": ("all", "全部"),
    "question": ("questions", "提问"),
    "request": ("requests, complaints", "请求、投诉"),
}


def service_lines(report: ServiceReport, lang: str) -> list[str]:
    """The rows as lines of a table, intervals in brackets; kinds without a case are left out.

    Args:
        report: What was measured.
        lang: ``en`` or ``zh``.

    Raises:
        DataError: There are no words in this language.
    """
    shown = [row for row in report.rows() if row["n_cases"] or row["kind"] == "all"]
    return columns([_HEADS[place_of(lang)], *(_cells(row, lang) for row in shown)])


def _cells(row: Mapping[str, Any], lang: str) -> tuple[str, ...]:
    late = row["hours_90"]
    return (
        row["group"],
        _KINDS[row["kind"]][place_of(lang)],
        f"{row['n_cases']:,}",
        _with_ends(row, "answered", "{:.0%}"),
        _with_ends(row, "hours", "{:.1f}"),
        "–" if late is None else f"{late:.1f}",
        _with_ends(row, "goes_on", "{:.0%}"),
        _with_ends(row, "comes_back", "{:.0%}"),
    )


def _with_ends(row: Mapping[str, Any], key: str, form: str) -> str:
    value, low, high = row[key], row[f"{key}_low"], row[f"{key}_high"]
    if value is None:
        return "–"
    ends = "" if low is None or high is None else f" [{form.format(low)}, {form.format(high)}]"
    return form.format(value) + ends
