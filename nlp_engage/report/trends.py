"""The section of charts: shares over time, by platform, by language, by the caller's groups, each with its table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.report import charts
from nlp_engage.report.charts import Charted
from nlp_engage.report.figures import UNKNOWN, milliseconds, period_name, period_start
from nlp_engage.report.safety import clean
from nlp_engage.report.story import estimate, with_interval
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nlp_engage.report.figures import Figures
    from nlp_engage.report.safety import Veil
    from nlp_engage.report.words import Words

MAX_GROUPS: Final = 20
PLATFORM_NAMES: Final = {
    "bilibili": "Bilibili", "blog": "Blog", "discourse": "Discourse", "disqus": "Disqus", "facebook": "Facebook",
    "instagram": "Instagram", "mastodon": "Mastodon", "reddit": "Reddit", "tiktok": "TikTok", "twitter": "Twitter",
    "weibo": "Weibo", "wordpress": "WordPress", "xhs": "Xiaohongshu", "xiaohongshu": "Xiaohongshu",
    "youtube": "YouTube",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart on the page.

    Attributes:
        id: Name in the page.
        title: What it is called.
        spec: Vega-Lite specification.
        rows: The same figures for a table: name of the group, cells. None for a chart that needs no table.
        note: What is left out of it.
        wide: It takes the whole width.
    """

    id: str
    title: str
    spec: Mapping[str, Any]
    rows: list[tuple[str, list[str]]] = field(default_factory=list)
    note: str = ""
    wide: bool = False


def trends(figures: Figures, words: Words, veil: Veil) -> tuple[list[Chart], list[str]]:
    """The charts an archive has something to show in, and notes on those it has not."""
    found: list[Chart] = []
    notes: list[str] = []
    if figures.periods:
        found += _time_charts(figures, words)
        if figures.undated:
            notes.append(words("trends.undated", replies=words.count("reply", figures.undated)))
    else:
        notes.append(words("trends.no_time"))
    places = [("platform", figures.platforms), ("lang", figures.languages)]
    if figures.by is not None:
        places.append(("group", figures.groups))
    for column, rows in places:
        kind = figures.by or "group" if column == "group" else column
        names = distinct({row["group"]: group_name(row["group"], kind, words, veil) for row in rows})
        if len(rows) == 1 and column != "group":
            notes.append(words(f"trends.one_{column}", name=next(iter(names.values()))))
        elif rows:
            shown = rows[:MAX_GROUPS]
            about = Charted(title=words(f"trends.{column}"), rows=shown, names=names, level=figures.level)
            note = ""
            if len(rows) > len(shown):
                note = words("trends.more_groups", shown=words.number(len(shown)), all=words.number(len(rows)))
            found.append(
                Chart(
                    id=f"by-{column}",
                    title=about.title,
                    spec=charts.by_group(about, words),
                    rows=_table(about, words),
                    note=note,
                )
            )
    return found, notes


def _time_charts(figures: Figures, words: Words) -> list[Chart]:
    rows, unit = figures.periods, figures.unit
    about, volume = (
        Charted(
            title=words(title),
            rows=rows,
            names={row["group"]: period_name(row["group"], unit, words) for row in rows},
            level=figures.level,
            starts={row["group"]: milliseconds(period_start(row["group"])) for row in rows},
            days=figures.days,
        )
        for title in (f"trends.time_{unit}", "trends.volume")
    )
    shares = charts.over_time(about, words)
    return [
        Chart(id="over-time", title=about.title, spec=shares, rows=_table(about, words), wide=True),
        Chart(id="volume", title=volume.title, spec=charts.volume(volume, words), wide=True),
    ]


def _table(about: Charted, words: Words) -> list[tuple[str, list[str]]]:
    """The figures of a chart as cells: replies, the three shares (corrected ones in a second line), EQ."""
    lines = []
    for row in about.rows:
        cells = [words.number(row["n_replies"])]
        cells += [_share(row, label, words) for label in LABELS]
        cells.append(with_interval(estimate(row, "eq"), words, words.few))
        lines.append((about.names[row["group"]], cells))
    return lines


def _share(row: Mapping[str, Any], label: str, words: Words) -> str:
    """A share as counted, and in a second line as corrected."""
    counted = with_interval(estimate(row, f"share_{label}"), words, words.percent)
    corrected = estimate(row, f"share_{label}_corrected")
    if corrected[0] is None:
        return counted
    return f"{counted}\n{words('trends.corrected', value=with_interval(corrected, words, words.percent))}"


def group_name(group: str, column: str, words: Words, veil: Veil) -> str:
    """A group in words.

    Args:
        group: Its name in the measurement.
        column: What it is a group by: ``platform``, ``lang``, ``author``, ``thread_id``, or the caller's own.
        words: Language of the report.
        veil: What may be seen. Names of the caller's own groups are the caller's words and are shown.
    """
    if group == UNKNOWN:
        return words("unknown")
    if column == "lang":
        return words.language(group)
    if column == "platform":
        return PLATFORM_NAMES.get(group) or veil.platform(group) or words("unknown")
    if column in ("author", "thread_id"):
        return veil.name(group) or words("unknown")
    return clean(group, 60)


def distinct(names: Mapping[str, str]) -> dict[str, str]:
    """Names of groups, told apart where cleaning or cutting made two the same.

    >>> distinct({"a ": "a", "a": "a"})
    {'a ': 'a', 'a': 'a (2)'}
    """
    seen: dict[str, int] = {}
    out = {}
    for group, name in names.items():
        seen[name] = seen.get(name, 0) + 1
        out[group] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return out
