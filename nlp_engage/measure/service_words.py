"""Service figures as a table for a terminal, in English and Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nlp_engage.measure.verdicts import columns, place_of
from nlp_engage.show import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nlp_engage.measure.service import ServiceReport

_HEADS: Final = (
    ("group", "kind", "cases", "answered", "median hours", "9 in 10 within", "goes on as dialogue", "asker comes back"),
    ("分组", "类别", "件数", "已回应", "回应时长（中位数，小时）", "九成在（小时）", "回应后继续对话", "提问者回来"),
)
_NO_CASE: Final = (
    "No question, request or complaint of the audience was found here.",
    "这里没有受众的提问、请求或投诉。",
)
_LEFT_OUT: Final = (
    "Left out: {threads} threads with {cases} questions, requests or complaints in which nobody is known to answer for "
    "the brand (no owner is known, or none of the accounts given wrote in them).",
    "未计入：{threads} 个帖子串、{cases} 条提问、请求或投诉，"
    "其中不知道谁代表品牌回应（帖主不明，或给出的账号没有在里面发言）。",
)
_KINDS: Final = {
    "all": ("all", "全部"),
    "question": ("questions", "提问"),
    "request": ("requests, complaints", "请求、投诉"),
}


def service_lines(report: ServiceReport, lang: str) -> list[str]:
    """The rows as lines of a table, intervals in brackets; kinds without a case are left out.

    Below it stands what no row holds: threads that were left out, or that there was no case at all.

    Args:
        report: What was measured.
        lang: ``en`` or ``zh``.

    Returns:
        One line a row.

    Raises:
        DataError: There are no words in this language.

    >>> from nlp_engage.measure.service import service
    >>> from nlp_engage.measure.worked import worked_archive
    >>> for line in service_lines(service(worked_archive(1)), "en"):
    ...     print(line)
    group  kind                  cases  answered  median hours  9 in 10 within  goes on as dialogue  asker comes back
    all    all                   2      50%       2.0           2.0             100%                 100%
    all    questions             1      100%      2.0           2.0             100%                 100%
    all    requests, complaints  1      0%        –             –               –                    –
    """
    shown = [row for row in report.rows() if row["n_cases"] or row["kind"] == "all"]
    lines = columns([_HEADS[place_of(lang)], *(_cells(row, lang) for row in shown)])
    if not any(row["n_cases"] for row in shown):
        lines.append(_NO_CASE[place_of(lang)])
    threads, cases = report.left_out
    if threads:
        lines.append(_LEFT_OUT[place_of(lang)].format(threads=f"{threads:,}", cases=f"{cases:,}"))
    return lines


def _cells(row: Mapping[str, Any], lang: str) -> tuple[str, ...]:
    late = row["hours_90"]
    return (
        plain(row["group"]),
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
