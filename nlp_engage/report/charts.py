"""The report's charts as Vega-Lite specifications: plain dicts, drawn in the reader's browser.

Colours, fonts and widths are left to the page (``assets/report.js`` reads them from the style sheet), so that a
chart follows the light or dark scheme. Every mark carries its own tooltip in words.
"""

from __future__ import annotations

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
_DAY_MS: Final = 86_400_000
_MOST_TICKS: Final = 30


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


def share_points(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], words: Words, level: float) -> list[dict[str, Any]]:
    """One record for each row and label: share, interval, and what to say about it.

    Args:
        rows: Rows of a measurement.
        names: Words for each group.
        words: Language of the report.
        level: Confidence level of the intervals.
    """
    points = []
    for row in rows:
        for label in LABELS:
            share, low, high = (row.get(f"share_{label}{end}") for end in ("", "_low", "_high"))
            if share is None:
                continue
            tip = [
                names[row["group"]],
                f"{words(f'label.{label}')}: {words.percent(share)}{words.interval(low, high, level, 'percent')}",
                words.count("reply", row["n_replies"]) + words("join.dot") + words.count("thread", row["n_threads"]),
            ]
            points.append(
                {"group": row["group"], "label": label, "share": share, "low": share if low is None else low,
                 "high": share if high is None else high, "tip": "\n".join(tip)}
            )  # fmt: skip
    return points


def over_time(
    rows: Sequence[Mapping[str, Any]], starts: Mapping[str, int], names: Mapping[str, str], words: Words, level: float,
    days: int, title: str,
) -> dict[str, Any]:
    """Shares of the three labels over time, as lines with whiskers.

    Args:
        rows: One row a period.
        starts: Start of each period in milliseconds since 1970.
        names: Words for each period.
        words: Language of the report.
        level: Confidence level.
        days: Length of a period.
        title: What the chart is called.
    """
    points = share_points(rows, names, words, level)
    runs = _runs(starts, days)
    for point in points:  # whiskers of one period stand beside each other, not upon each other
        step = (LABELS.index(point["label"]) - 1) * 0.12
        point["x"] = starts[point["group"]] + round(step * days * _DAY_MS)
        point["run"] = runs[point["group"]]
    x = {"field": "x", **_time(words, days, starts)}
    y = {"field": "share", "type": "quantitative", **_share_axis(words, grid=True)}
    y["axis"] |= {"minExtent": 44, "maxExtent": 44}
    return {
        **_base(title),
        "height": 260,
        "data": {"values": points},
        "encoding": {"x": x, "color": _COLOUR, "opacity": _FOCUS},
        "layer": [
            {"mark": {"type": "line", "strokeWidth": 1.5}, "encoding": {"y": y, "detail": {"field": "run"}}},
            {"mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}, "tooltip": {"field": "tip"}}},
            {"mark": {"type": "point", "filled": True, "size": 60}, "encoding": {"y": y, "shape": _SHAPE, "tooltip": {"field": "tip"}}},
        ],
    }  # fmt: skip


def _runs(starts: Mapping[str, int], days: int) -> dict[str, int]:
    """Number the stretches of periods without a gap: a line is drawn through each, never across a gap."""
    runs: dict[str, int] = {}
    run, before = 0, None
    for group, start in sorted(starts.items(), key=lambda item: item[1]):
        run += before is not None and start - before > 1.5 * days * _DAY_MS
        runs[group], before = run, start
    return runs


def volume(
    rows: Sequence[Mapping[str, Any]], starts: Mapping[str, int], names: Mapping[str, str], words: Words, days: int,
    title: str,
) -> dict[str, Any]:
    """Replies in each period, as bars on the same axis as ``over_time``."""
    values = [
        {"x": starts[row["group"]] - 0.4 * days * _DAY_MS, "x2": starts[row["group"]] + 0.4 * days * _DAY_MS,
         "n": row["n_replies"], "tip": f"{names[row['group']]}\n{words.count('reply', row['n_replies'])}"}
        for row in rows
    ]  # fmt: skip
    axis = {"tickCount": 2, "minExtent": 44, "maxExtent": 44, "format": ",d"}
    return {
        **_base(title),
        "height": 70,
        "data": {"values": values},
        "mark": {"type": "bar", "color": {"expr": "inkSoft"}},
        "params": [{"name": "focus", "value": ""}, {"name": "inkSoft", "value": "#999"}],
        "encoding": {
            "x": {"field": "x", **_time(words, days, starts)},
            "x2": {"field": "x2"},
            "y": {"field": "n", "type": "quantitative", "title": words("trends.axis_replies"), "axis": axis},
            "tooltip": {"field": "tip"},
        },
    }  # fmt: skip


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


def by_group(
    rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], words: Words, level: float, title: str
) -> dict[str, Any]:
    """Shares of the three labels in each group, as points with whiskers; largest group first."""
    points = share_points(rows, names, words, level)
    for point in points:
        point["name"] = names[point["group"]]
    y = {
        "field": "name", "type": "nominal", "title": None, "sort": [names[row["group"]] for row in rows],
        "axis": {"labelLimit": 150, "ticks": False, "domain": False, "labelPadding": 10},
        "scale": {"paddingInner": 0.35, "paddingOuter": 0.2},
    }  # fmt: skip
    x = {"field": "share", "type": "quantitative", **_share_axis(words, grid=True)}
    return {
        **_base(title),
        "height": {"step": 15},
        "data": {"values": points},
        "encoding": {"y": y, "yOffset": _BESIDE, "color": _COLOUR, "opacity": _FOCUS},
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "tooltip": {"field": "tip"}}},
            {"mark": {"type": "point", "filled": True, "size": 60}, "encoding": {"x": x, "shape": _SHAPE, "tooltip": {"field": "tip"}}},
        ],
    }  # fmt: skip
