"""From figures and texts to the page: what each section gets, the template, and the walls around it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.report import ledger, safety, story
from nlp_engage.report.campaigns import campaign_views
from nlp_engage.report.graveyard import graveyard
from nlp_engage.report.posts import MAX_POSTS, Posts
from nlp_engage.report.threads import CODES, FIRST_BRANCHES
from nlp_engage.report.trends import group_name, trends
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from nlp_engage.measure import ReplyTable
    from nlp_engage.measure.campaign_report import CampaignReport
    from nlp_engage.report.figures import Figures
    from nlp_engage.report.gallery import Gallery
    from nlp_engage.report.ledger import Origin
    from nlp_engage.report.safety import Veil
    from nlp_engage.report.words import Words

HERE: Final = Path(__file__).parent
VENDOR: Final = HERE / "assets" / "vendor"
SECTIONS: Final = ("headline", "campaigns", "trends", "threads", "examples", "graveyard", "posts", "missing", "ledger")
IN_ORDER: Final = (1, 2, 0)
"""Places in ``LABELS`` in the order in which the page shows them: best news first."""
_TITLE_CHARS: Final = 200
_PLATFORMS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All that a page is made of."""

    figures: Figures
    table: ReplyTable
    gallery: Gallery
    origin: Origin
    title: str | None
    campaigns: CampaignReport | None = None


def render(material: Material, words: Words, veil: Veil) -> str:
    """Make the page.

    Args:
        material: Figures, facts, texts and their origin.
        words: Language of the page.
        veil: What of the archive may be seen.

    Returns:
        One HTML document that loads nothing.
    """
    charts, notes = trends(material.figures, words, veil)
    specs = safety.embed_json({chart.id: chart.spec for chart in charts})
    style, scripts = (HERE / "assets" / "report.css").read_text("utf-8"), page_scripts()
    page: str = _template().render(
        w=words,
        policy=safety.content_security_policy(scripts, [style]),
        style=_trusted(style),
        scripts=[_trusted(script) for script in scripts],
        specs=_trusted(specs),
        vendored=vendored(),
        version=material.origin.version,
        no_text=veil.no_text,
        sections=SECTIONS if material.campaigns else [name for name in SECTIONS if name != "campaigns"],
        campaigns=campaign_views(material.campaigns, words),
        in_order=IN_ORDER,
        codes=CODES,
        labels=LABELS,
        level=f"{100 * material.figures.level:.0f}",
        charts=charts,
        notes=notes,
        **_head(material, words, veil),
        **_numbers(material, words),
        **_texts(material, words, veil),
        **_records(material, words, veil),
    )
    return page


@lru_cache(maxsize=1)
def _template() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


def _trusted(text: str) -> Any:
    """Our own style sheet and scripts, and JSON that ``safety.embed_json`` made: all that is not escaped."""
    from markupsafe import Markup

    return Markup(text)


def vendored() -> list[dict[str, str]]:
    """The libraries inside the page, in loading order: the record of ``tools/fetch_assets.py`` and licences."""
    record: list[dict[str, str]] = json.loads((VENDOR / "vendor.json").read_text("utf-8"))
    return [{**entry, "licence_text": (VENDOR / entry["licence_file"]).read_text("utf-8")} for entry in record]


def page_scripts() -> list[str]:
    """Scripts in loading order, without the comments that would make a browser ask for source maps."""
    files = [*(VENDOR / entry["file"] for entry in vendored()), HERE / "assets" / "report.js"]
    lines = (file.read_text("utf-8").splitlines(keepends=True) for file in files)
    return ["".join(line for line in script if not line.startswith("//# sourceMappingURL")) for script in lines]


def _head(material: Material, words: Words, veil: Veil) -> dict[str, Any]:
    row, gallery = material.figures.overall, material.gallery
    scope = [
        words(
            "head.scope",
            replies=words.count("reply", row["n_replies"]),
            people=words.count("person", row["n_people"]),
            threads=words.count("thread", row["n_threads"]),
        )
    ]
    if gallery.first and gallery.last:
        first, last = words.date(gallery.first), words.date(gallery.last)
        scope.append(first if first == last else words("head.dates", first=first, last=last))
    platforms = [group_name(r["group"], "platform", words, veil) for r in material.figures.platforms]
    if platforms:
        scope.append(words.listed(platforms[:_PLATFORMS]) + (" …" if len(platforms) > _PLATFORMS else ""))
    title = safety.clean(material.title, _TITLE_CHARS) if material.title else words("head.title")
    return {"title": title, "scope": scope}


def _numbers(material: Material, words: Words) -> dict[str, Any]:
    figures = material.figures
    fields, scale, point = graveyard(figures.overall, words)
    return {
        "corrected": figures.overall.get(f"share_{LABELS[0]}_corrected") is not None,
        "verdict": story.verdict(figures, words, material.origin.model_scores),
        "shares": story.share_cards(figures, words),
        "cards": story.cards(figures, words),
        "shape": story.shape(figures, words),
        "fields": fields,
        "scale": scale,
        "point": point,
    }


def _texts(material: Material, words: Words, veil: Veil) -> dict[str, Any]:
    rows = material.figures.threads
    posts = Posts(rows=rows, table=material.table, gallery=material.gallery, words=words, veil=veil)
    threads, threads_note, posts_note = posts.threads(), "", ""
    if len(rows) > len(threads):
        threads_note = words("threads.of", shown=words.number(len(threads)), all=words.number(len(rows)))
    if len(rows) > MAX_POSTS:
        posts_note = words(
            "posts.more",
            shown=words.number(MAX_POSTS),
            more=words.number(len(rows) - MAX_POSTS),
            command="nlp-engage measure RUN --by thread_id -o posts.csv",
        )
    kinds = (("typical", True), ("borderline", False))
    return {
        "first_branches": FIRST_BRANCHES,
        "threads": threads,
        "threads_note": threads_note,
        "posts": posts.listed(),
        "posts_note": posts_note,
        "examples": {k: [(kind, posts.examples(k, typical=typical)) for kind, typical in kinds] for k in IN_ORDER},
    }


def _records(material: Material, words: Words, veil: Veil) -> dict[str, Any]:
    origin, gallery = material.origin, material.gallery
    return {
        "completeness": ledger.completeness_lines(gallery, len(material.table.thread_ids), words),
        "gaps": ledger.gaps(gallery, origin.manifest, words),
        "formulas": ledger.formula_rows(words),
        "formulas_title": words("ledger.formulas", version=material.figures.version),
        "interval": ledger.interval_line(material.figures, words),
        "model": ledger.model_rows(origin, words),
        "scores": ledger.score_rows(origin, words),
        "data": ledger.data_rows(origin, words, veil),
        "command": origin.command,
    }
