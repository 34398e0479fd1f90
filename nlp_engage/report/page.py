"""From figures and gallery to the page: the view each section needs, the template, the walls around it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.report import charts, ledger, safety, story
from nlp_engage.report.figures import UNKNOWN, milliseconds, period_name, period_start
from nlp_engage.report.gallery import EXAMPLE_CHARS, TITLE_CHARS
from nlp_engage.report.graveyard import graveyard
from nlp_engage.report.threads import CODES, FIRST_BRANCHES, draw_thread
from nlp_engage.types import ACTS, LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.measure import ReplyTable
    from nlp_engage.report.figures import Figures, Row
    from nlp_engage.report.gallery import Example, Gallery
    from nlp_engage.report.ledger import Origin
    from nlp_engage.report.safety import Veil
    from nlp_engage.report.words import Words

HERE: Final = Path(__file__).parent
MAX_THREADS: Final = 20
MAX_POSTS: Final = 500
MAX_GROUPS: Final = 20
TYPICAL, BORDERLINE = 4, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All that a page is made of."""

    figures: Figures
    table: ReplyTable
    gallery: Gallery
    origin: Origin
    title: str | None


def render(material: Material, words: Words, veil: Veil) -> str:
    """Make the page.

    Args:
        material: Figures, facts, texts and their origin.
        words: Language of the page.
        veil: What of the archive may be seen.

    Returns:
        One HTML document that loads nothing.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    trends = _trends(material, words, veil)
    style, scripts = _style(), _scripts()
    specs = safety.embed_json({chart["id"]: chart["spec"] for chart in trends["charts"]})
    return environment.get_template("report.html").render(
        w=words,
        policy=safety.content_security_policy(scripts, [style]),
        style=_trusted(style),
        scripts=[_trusted(script) for script in scripts],
        specs=_trusted(specs),
        vendored=_vendored(),
        version=material.origin.version,
        no_text=veil.no_text,
        codes=CODES,
        first_branches=FIRST_BRANCHES,
        labels=LABELS,
        head=_head(material, words, veil),
        verdict=story.verdict(material.figures, words, material.origin.model_scores),
        shares=story.share_cards(material.figures, words),
        cards=story.cards(material.figures, words),
        level=f"{100 * material.figures.level:.0f}",
        trends=trends,
        threads=_threads(material, words, veil),
        examples=_examples(material, words, veil),
        graveyard=_graveyard(material, words),
        posts=_posts(material, words, veil),
        missing=_missing(material, words),
        ledger=_ledger(material, words, veil),
    )


def _trusted(text: str) -> Any:
    """Our own style sheet and scripts, and JSON that ``safety.embed_json`` made: the only unescaped text."""
    from markupsafe import Markup

    return Markup(text)


def _vendored() -> list[dict[str, str]]:
    record: list[dict[str, str]] = json.loads((HERE / "assets" / "vendor" / "vendor.json").read_text("utf-8"))
    for entry in record:
        entry["licence_text"] = (HERE / "assets" / "vendor" / entry["licence_file"]).read_text("utf-8")
    return record


def _scripts() -> list[str]:
    """Scripts in loading order, without the comments that would make a browser ask for source maps."""
    files = [HERE / "assets" / "vendor" / entry["file"] for entry in _vendored()]
    texts = [file.read_text("utf-8") for file in [*files, HERE / "assets" / "report.js"]]
    return ["".join(x for x in t.splitlines(True) if not x.startswith("//# sourceMappingURL")) for t in texts]


def _style() -> str:
    return (HERE / "assets" / "report.css").read_text("utf-8")


def _head(material: Material, words: Words, veil: Veil) -> dict[str, Any]:
    row, gallery = material.figures.overall, material.gallery
    scope = words(
        "head.scope",
        replies=words.count("reply", row["n_replies"]),
        people=words.count("person", row["n_people"]),
        threads=words.count("thread", row["n_threads"]),
    )
    parts = [scope]
    if gallery.first and gallery.last:
        first, last = words.date(gallery.first), words.date(gallery.last)
        parts.append(first if first == last else words("head.dates", first=first, last=last))
    platforms = [_group_name(r["group"], "platform", words, veil) for r in material.figures.platforms]
    if platforms:
        parts.append(words.listed(platforms[:6]) + (" …" if len(platforms) > 6 else ""))
    title = safety.clean(material.title, 200) if material.title else words("head.title")
    return {"title": title, "scope": parts}


def _group_name(group: str, column: str, words: Words, veil: Veil) -> str:
    if group == UNKNOWN:
        return words("unknown")
    if column == "lang":
        return words.language(group)
    if column == "platform":
        return PLATFORM_NAMES.get(group, veil.platform(group) or words("unknown"))
    if column in ("author", "thread_id"):
        return veil.name(group) or words("unknown")
    return safety.clean(group, 60)


PLATFORM_NAMES: Final = {
    "bilibili": "Bilibili", "blog": "Blog", "discourse": "Discourse", "disqus": "Disqus", "facebook": "Facebook",
    "instagram": "Instagram", "mastodon": "Mastodon", "reddit": "Reddit", "tiktok": "TikTok", "twitter": "Twitter",
    "weibo": "Weibo", "wordpress": "WordPress", "xhs": "Xiaohongshu", "xiaohongshu": "Xiaohongshu", "youtube": "YouTube",
}  # fmt: skip


def _trends(material: Material, words: Words, veil: Veil) -> dict[str, Any]:
    figures = material.figures
    found: list[dict[str, Any]] = []
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
        names = {row["group"]: _group_name(row["group"], kind, words, veil) for row in rows}
        if len(rows) == 1 and column != "group":
            notes.append(words(f"trends.one_{column}", name=next(iter(names.values()))))
        elif rows:
            title, shown = words(f"trends.{column}"), rows[:MAX_GROUPS]
            names = _distinct(names)
            note = ""
            if len(rows) > len(shown):
                note = words("trends.more_groups", shown=words.number(len(shown)), all=words.number(len(rows)))
            spec = charts.by_group(shown, names, words, figures.level, title)
            found.append(_chart(f"by-{column}", title, spec, shown, names, words, figures.level, note))
    return {"charts": found, "notes": notes}


def _distinct(names: Mapping[str, str]) -> dict[str, str]:
    """Names of groups, told apart where cleaning or cutting made two the same."""
    seen: dict[str, int] = {}
    out = {}
    for group, name in names.items():
        seen[name] = seen.get(name, 0) + 1
        out[group] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return out


def _time_charts(figures: Figures, words: Words) -> list[dict[str, Any]]:
    rows, unit = figures.periods, figures.unit
    names = {row["group"]: period_name(row["group"], unit, words) for row in rows}
    starts = {row["group"]: milliseconds(period_start(row["group"])) for row in rows}
    title = words(f"trends.time_{unit}")
    spec = charts.over_time(rows, starts, names, words, figures.level, figures.days, title)
    shares = _chart("over-time", title, spec, rows, names, words, figures.level, "")
    spec = charts.volume(rows, starts, names, words, figures.days, words("trends.volume"))
    return [shares, {"id": "volume", "title": words("trends.volume"), "spec": spec, "rows": [], "note": "", "wide": True}]


def _chart(
    name: str, title: str, spec: dict[str, Any], rows: Sequence[Row], names: Mapping[str, str], words: Words,
    level: float, note: str,
) -> dict[str, Any]:
    """A chart and the table that says the same."""
    lines = []
    for row in rows:
        cells = [words.number(row["n_replies"])]
        for key in (*(f"share_{label}" for label in LABELS), "eq"):
            value, low, high = story.estimate(row, key)
            form = words.few if key == "eq" else words.percent
            text = "–" if value is None else form(value)
            if low is not None and high is not None:
                text += f" ({words('interval.bare', low=form(low), high=form(high))})"
            cells.append(text)
        lines.append((names[row["group"]], cells))
    return {"id": name, "title": title, "spec": spec, "rows": lines, "note": note, "wide": name == "over-time"}


def _threads(material: Material, words: Words, veil: Veil) -> dict[str, Any]:
    kept = {thread_id: labelled for _, thread_id, labelled in material.gallery.threads}
    rows = [r for r in material.figures.threads if r["group"] in kept and r["ep"]][:MAX_THREADS]
    views = []
    for row in rows:
        labelled = kept[row["group"]]
        views.append(
            {
                **_post_view(row, material, words, veil),
                "root": draw_thread(labelled, _credits(material.table, row["group"]), words, veil),
            }
        )
    note = ""
    if len(material.figures.threads) > len(views):
        total = words.number(len(material.figures.threads))
        note = words("threads.of", shown=words.number(len(views)), all=total)
    return {"views": views, "note": note}


def _credits(table: ReplyTable, thread_id: str) -> dict[int, float]:
    """Credit of each node of a thread that has some."""
    place = int(np.searchsorted(np.array(table.thread_ids, dtype=object), thread_id))
    rows = slice(*np.searchsorted(table.thread, [place, place + 1]).tolist())
    pairs = zip(table.index[rows].tolist(), table.credits()[rows].tolist(), strict=True)
    return {i: credit for i, credit in pairs if credit == credit}


def _post_view(row: Row, material: Material, words: Words, veil: Veil) -> dict[str, Any]:
    """A post in a line: title, place, day and figures; each with what to sort by."""
    table = material.table
    place = int(np.searchsorted(np.array(table.thread_ids, dtype=object), row["group"]))
    time, likes = table.thread_time[place], row.get("likes")
    day = None if np.isnat(time) else time.astype("datetime64[D]").item()
    title = veil.text(material.gallery.titles.get(row["group"], ""), TITLE_CHARS)
    if veil.no_text:
        title = veil.pseudonym(row["group"])
    platform = table.platforms[place]
    shares = [row.get(f"share_{label}") for label in LABELS]
    return {
        "title": title or words("posts.no_title"),
        "platform": "" if platform is None else _group_name(platform, "platform", words, veil),
        "day": words.date(day) if day else "",
        "day_key": day.isoformat() if day else "",
        "replies": words.count("reply", row["n_replies"]),
        "n": {key: row[key] or 0 for key in ("n_replies", "n_people")},
        "likes": None if likes is None else int(likes),
        "shares": None if None in shares else [round(100 * s, 1) for s in shares],
        "mix": "" if None in shares else words("examples.probabilities", **_codes(words, shares)),
        "eq": row["eq"],
        "ep": row["ep"],
        "deepest": _deepest(table, place),
    }


def _codes(words: Words, shares: Sequence[Any]) -> dict[str, str]:
    return {code: words.percent(share) for code, share in zip(CODES, shares, strict=True)}


def _deepest(table: ReplyTable, place: int) -> int:
    start, stop = np.searchsorted(table.thread, [place, place + 1]).tolist()
    return int(table.depth[start:stop].max(initial=0))


def _examples(material: Material, words: Words, veil: Veil) -> list[dict[str, Any]]:
    if veil.no_text:
        return []
    return [
        {
            "code": CODES[k],
            "label": label,
            "kinds": [
                (kind, [_example(e, words, veil) for e in material.gallery.chosen(k, typical=typical, count=count)])
                for kind, typical, count in (("typical", True, TYPICAL), ("borderline", False, BORDERLINE))
            ],
        }
        for k, label in enumerate(LABELS)
    ]


def _example(example: Example, words: Words, veil: Veil) -> dict[str, Any]:
    context, above = words("examples.context_missing"), None
    if example.above is not None:
        above = veil.text(example.above.text, 160) or words("threads.deleted" if example.above.deleted else "posts.no_title")
        name = veil.name(example.above.author, example.above.author_name) or words("threads.anonymous")
        context = words("examples.under") if example.to_post else words("examples.answers", name=name)
    return {
        "text": veil.text(example.comment.text, EXAMPLE_CHARS),
        "context": context,
        "above": above,
        "act": words(f"act.{ACTS[example.act]}") if example.act >= 0 else "",
        "percent": [round(100 * p, 1) for p in example.probabilities],
        "probabilities": words("examples.probabilities", **_codes(words, example.probabilities)),
    }


def _graveyard(material: Material, words: Words) -> dict[str, Any]:
    row = material.figures.overall
    fields, scale = graveyard(row, words)
    likes, ep = row.get("graveyard_likes"), row.get("ep")
    point = words("graveyard.no_likes") if likes is None else ""
    if likes and ep:
        point = words("graveyard.point", n=words.few(likes / ep))
    return {"fields": fields, "scale": scale, "point": point}


def _posts(material: Material, words: Words, veil: Veil) -> dict[str, Any]:
    rows = material.figures.threads
    more = ""
    if len(rows) > MAX_POSTS:
        command = "nlp-engage measure RUN --by thread_id -o posts.csv"
        more = words("posts.more", shown=words.number(MAX_POSTS), more=words.number(len(rows) - MAX_POSTS), command=command)
    return {"rows": [_post_view(row, material, words, veil) for row in rows[:MAX_POSTS]], "more": more}


def _missing(material: Material, words: Words) -> dict[str, Any]:
    n_threads = len(material.table.thread_ids)
    return {
        "lines": ledger.completeness_lines(material.gallery, n_threads, words),
        "gaps": ledger.gaps(material.gallery, material.origin.manifest, words),
    }


def _ledger(material: Material, words: Words, veil: Veil) -> dict[str, Any]:
    return {
        "formulas": ledger.formula_rows(words),
        "formulas_title": words("ledger.formulas", version=material.figures.version),
        "interval": ledger.interval_line(material.figures, words),
        "model": ledger.model_rows(material.origin, words),
        "scores": ledger.score_rows(material.origin, words),
        "data": ledger.data_rows(material.origin, words, veil),
        "command": material.origin.command,
    }
