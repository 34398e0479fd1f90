"""The report's charts as Vega-Lite specifications: plain dicts, drawn in the reader's browser.

Colours, fonts and widths are left to the page (``assets/report.js`` reads them from the style sheet), so that a
chart follows the light or dark scheme. Every mark carries its own tooltip in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.report.words import Words

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
_COLOUR: Final = {"field": "label", "scale": {"domain": list(LABELS)}, "legend": None}
_SHAPE: Final = {
    "field": "label",
    "scale": {"domain": list(LABELS), "range": ["square", "circle", "triangle-up"]},
    "legend": None,
}
_BESIDE: Final = {"field": "label", "sort": ["genuine_dialogue", "self_expression", "mindless_interaction"]}
# The page sets "focus" in every chart when a reader picks a kind of reply.
_FOCUS: Final = {"condition": {"test": "focus === '' || focus === datum.label", "value": 1}, "value": 0.12}
_TIP: Final = {"field": "tip"}
_WHISKER: Final = {"type": "rule", "strokeWidth": 1.75}
_POINT: Final = {"type": "point", "filled": True, "size": 60}
_HOLLOW: Final = {"type": "point", "filled": False, "size": 70, "strokeWidth": 1.25}
_KNOWN: Final = [{"filter": "isValid(datum.corrected)"}]
"""Groups whose shares could not be corrected have no hollow mark."""
_DAY_MS: Final = 86_400_000
_MOST_TICKS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Charted:
    """What one chart is about.

    Attributes:
        title: What it is called.
        rows: Rows of a measurement, in the order in which they are shown.
        names: Words for each group.
        level: Confidence level of the intervals.
        starts: For periods, the start of each in milliseconds since 1970.
        days: For periods, how long one is.
    """

    title: str
    rows: Sequence[Mapping[str, Any]]
    names: Mapping[str, str]
    level: float
    starts: Mapping[str, int] = field(default_factory=dict)
    days: int = 0


def _base(description: str) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "description": description,
        "width": "container",
        "params": [{"name": "focus", "value": ""}],
    }


def _share_axis(words: Words, *, grid: bool) -> dict[str, Any]:
    return {
        "title": words("trends.axis"),
        "scale": {"domain": [0, 1]},
        "axis": {"format": "%", "tickCount": 5, "grid": grid},
    }


def share_points(charted: Charted, words: Words) -> list[tuple[str, dict[str, Any]]]:
    """The group of each row, and one record for each of its labels: share, interval, and what to say about it.

    The record goes into the page. The group's own name does not: it is a word of the archive.
    """
    points = []
    for row in charted.rows:
        for label in LABELS:
            share, low, high = (row.get(f"share_{label}{end}") for end in ("", "_low", "_high"))
            if share is None:
                continue
            interval = words.interval(low, high, charted.level, "percent")
            size = words.count("reply", row["n_replies"]) + words("join.dot") + words.count("thread", row["n_threads"])
            corrected, c_low, c_high = (row.get(f"share_{label}_corrected{end}") for end in ("", "_low", "_high"))
            tip = [charted.names[row["group"]], f"{words(f'label.{label}')}: {words.percent(share)}{interval}"]
            if corrected is not None:
                c_interval = words.interval(c_low, c_high, charted.level, "percent")
                tip.append(words("trends.corrected", value=words.percent(corrected) + c_interval))
            tip.append(size)
            point = {"label": label, "share": share, "tip": "\n".join(tip)}
            point |= {"low": share if low is None else low, "high": share if high is None else high}
            point |= {} if corrected is None else {"corrected": corrected}
            points.append((row["group"], point))
    return points


def over_time(charted: Charted, words: Words) -> dict[str, Any]:
    """Shares of the three labels over time, as lines with whiskers."""
    starts, days = charted.starts, charted.days
    runs = _runs(starts, days)
    points = []
    for group, point in share_points(charted, words):
        # whiskers of one period stand beside each other, not upon each other
        step = (LABELS.index(point["label"]) - 1) * 0.12
        points.append(point | {"x": starts[group] + round(step * days * _DAY_MS), "run": runs[group]})
    x = {"field": "x", **_time(words, days, starts)}
    y = {"field": "share", "type": "quantitative", **_share_axis(words, grid=True)}
    y["axis"] |= {"minExtent": 44, "maxExtent": 44}
    return {
        **_base(charted.title),
        "height": 260,
        "data": {"values": points},
        "encoding": {"x": x, "color": _COLOUR, "opacity": _FOCUS},
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"y": y, "detail": {"field": "run"}}},
            {"mark": _WHISKER, "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}, "tooltip": _TIP}},
            {"mark": _POINT, "encoding": {"y": y, "shape": _SHAPE, "tooltip": _TIP}},
            {
                "transform": _KNOWN,
                "mark": _HOLLOW,
                "encoding": {"y": {**y, "field": "corrected"}, "shape": _SHAPE, "tooltip": _TIP},
            },
        ],
    }


def _runs(starts: Mapping[str, int], days: int) -> dict[str, int]:
    """Number the stretches of periods without a gap: a line is drawn through each, never across a gap."""
    runs: dict[str, int] = {}
    run, before = 0, None
    for group, start in sorted(starts.items(), key=lambda item: item[1]):
        run += before is not None and start - before > 1.5 * days * _DAY_MS
        runs[group], before = run, start
    return runs


def volume(charted: Charted, words: Words) -> dict[str, Any]:
    """Replies in each period, as bars on the same axis as ``over_time``."""
    half = 0.4 * charted.days * _DAY_MS
    values = []
    for row in charted.rows:
        start, tip = charted.starts[row["group"]], words.count("reply", row["n_replies"])
        tip = f"{charted.names[row['group']]}\n{tip}"
        values.append({"x": start - half, "x2": start + half, "n": row["n_replies"], "tip": tip})
    axis = {"tickCount": 2, "minExtent": 44, "maxExtent": 44, "format": ",d"}
    return {
        **_base(charted.title),
        "height": 70,
        "data": {"values": values},
        "mark": {"type": "bar", "color": {"expr": "inkSoft"}},
        "params": [{"name": "focus", "value": ""}, {"name": "inkSoft", "value": "#999"}],
        "encoding": {
            "x": {"field": "x", **_time(words, charted.days, charted.starts)},
            "x2": {"field": "x2"},
            "y": {"field": "n", "type": "quantitative", "title": words("trends.axis_replies"), "axis": axis},
            "y2": {"datum": 0},
            "tooltip": _TIP,
        },
    }


def _time(words: Words, days: int, starts: Mapping[str, int]) -> dict[str, Any]:
    """A time axis over milliseconds, the same for every chart of the same periods; labelled at their starts."""
    margin, ticks = round(0.5 * days * _DAY_MS), sorted(starts.values())
    long = ticks[-1] - ticks[0] > 300 * _DAY_MS
    form = {"en": "%b %Y", "zh": "%Y年%-m月"} if days >= 28 or long else {"en": "%-d %b", "zh": "%-m月%-d日"}
    return {
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [ticks[0] - margin, ticks[-1] + margin], "zero": False, "nice": False},
        "axis": {
            "values": ticks[:: max(1, len(ticks) // _MOST_TICKS)],
            "labelExpr": f"utcFormat(datum.value, '{form[words.lang]}')",
            "labelOverlap": True,
            "grid": False,
        },
    }


def by_group(charted: Charted, words: Words) -> dict[str, Any]:
    """Shares of the three labels in each group, as points with whiskers."""
    rank = {row["group"]: k for k, row in enumerate(charted.rows)}
    points = [
        point | {"name": charted.names[group], "rank": rank[group]} for group, point in share_points(charted, words)
    ]
    y = {
        "field": "name",
        "type": "nominal",
        "title": None,
        # by a number, not by a list of names: Vega-Lite would write such a list into an expression
        "sort": {"field": "rank", "op": "min"},
        "axis": {"labelLimit": 150, "ticks": False, "domain": False, "labelPadding": 10},
        "scale": {"paddingInner": 0.35, "paddingOuter": 0.2},
    }
    x = {"field": "share", "type": "quantitative", **_share_axis(words, grid=True)}
    return {
        **_base(charted.title),
        "height": {"step": 15},
        "data": {"values": points},
        "encoding": {"y": y, "yOffset": _BESIDE, "color": _COLOUR, "opacity": _FOCUS},
        "layer": [
            {"mark": _WHISKER, "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "tooltip": _TIP}},
            {"mark": _POINT, "encoding": {"x": x, "shape": _SHAPE, "tooltip": _TIP}},
            {
                "transform": _KNOWN,
                "mark": _HOLLOW,
                "encoding": {"x": {**x, "field": "corrected"}, "shape": _SHAPE, "tooltip": _TIP},
            },
        ],
    }
