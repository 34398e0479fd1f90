"""What the figures say, in sentences: the verdict for somebody with one minute, and a card for each number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.types import LABELS, LANGUAGES, Label

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nlp_engage.report.figures import Figures, Row
    from nlp_engage.report.words import Words

LEAST_THREADS: Final = 10
"""Fewer threads than this carry no verdict: a bootstrap over so few says little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The top of the report.

    Attributes:
        kind: ``too_few``, ``empty``, ``mixed`` or the label that leads.
        headline: One line.
        sentences: What the line rests on.
        caution: What not to read into it.
    """

    kind: str
    headline: str
    sentences: tuple[str, ...]
    caution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One number with its interval and its meaning.

    Attributes:
        key: Name of the figure in a row.
        name: Name in words.
        value: The number in words; a dash where it is unknown.
        unit: What stands small behind it.
        interval: Its interval in words, or nothing.
        aria: Value and interval as one phrase, for screen readers.
        means: A plain sentence, or why the number is unknown.
        place: Value, low and high as a share of the scale, for the bar; ``None`` without an interval.
        share: The value itself as a share of the scale; ``None`` where it is unknown.
        corrected: The share corrected for the classifier's errors in words, or why there is none; empty otherwise.
        corrected_place: As ``place``, for the corrected share.
    """

    key: str
    name: str
    value: str
    unit: str
    interval: str
    aria: str
    means: str
    place: tuple[float, float, float] | None
    share: float | None
    corrected: str = ""
    corrected_place: tuple[float, float, float] | None = None


def estimate(row: Mapping[str, Any], key: str) -> tuple[float | None, float | None, float | None]:
    """Value, low and high of a figure; low and high are ``None`` where there is no interval."""
    return row.get(key), row.get(f"{key}_low"), row.get(f"{key}_high")


def leading(row: Row) -> str:
    """The label whose share is above that of both others by more than chance, else ``mixed``.

    It must hold for the intervals, not only for the values: its low end is above the others' high ends. Where shares
    were corrected, it must hold for the corrected ones as well.

    >>> row = {"share_genuine_dialogue": .6, "share_genuine_dialogue_low": .5, "share_genuine_dialogue_high": .7,
    ...        "share_self_expression": .3, "share_self_expression_low": .2, "share_self_expression_high": .4,
    ...        "share_mindless_interaction": .1, "share_mindless_interaction_low": .1,
    ...        "share_mindless_interaction_high": .1}
    >>> leading(row), leading(row | {"share_self_expression_high": 0.55})
    ('genuine_dialogue', 'mixed')
    """
    ways = [""] + ["_corrected"] * (row.get(f"share_{LABELS[0]}_corrected") is not None)
    return next((str(label) for label in LABELS if all(_leads(row, label, way) for way in ways)), "mixed")


def _leads(row: Row, label: str, way: str) -> bool:
    low = row.get(f"share_{label}{way}_low")
    others = [row.get(f"share_{other}{way}_high") for other in LABELS if other != label]
    return low is not None and all(high is not None and low > high for high in others)


def verdict(figures: Figures, words: Words, scores: Mapping[str, Any] | None) -> Verdict:
    """Say in short what was found, and how far to trust it.

    Args:
        figures: The figures.
        words: Language of the report.
        scores: Scores of the model (``scores.json``, its own entry); ``None`` where unknown.
    """
    row = figures.overall
    caution = words("verdict.caution", scores=_scores_sentence(row, words, scores))
    if row.get("eq") is None:
        return Verdict(
            kind="empty", headline=words("verdict.empty"), sentences=(words("verdict.empty_why"),), caution=caution
        )
    sentences = [_shares_sentence(row, words, figures.level)]
    if row.get(f"share_{LABELS[0]}_corrected") is not None:
        sentences.append(_shares_sentence(row, words, figures.level, corrected=True))
    sentences.append(_quality_sentence(row, words, figures.level))
    if row.get("responsiveness") is not None:
        value, low, high = estimate(row, "responsiveness")
        sentences.append(
            words("verdict.answers", value=words.per_hundred(value or 0),
                  interval=words.interval(low, high, figures.level, "per_hundred"))
        )  # fmt: skip
    sentences.append(_graveyard_sentence(row, words))
    kind = leading(row)
    if row["n_threads"] < LEAST_THREADS:
        kind = "too_few"
        sentences.insert(0, words("verdict.too_few_why", threads=words.count("thread", row["n_threads"])))
    return Verdict(kind=kind, headline=words(f"verdict.{kind}"), sentences=tuple(sentences), caution=caution)


def _shares_sentence(row: Row, words: Words, level: float, *, corrected: bool = False) -> str:
    values = {}
    for code, label in (("m", Label.MINDLESS), ("d", Label.DIALOGUE), ("s", Label.EXPRESSION)):
        value, low, high = estimate(row, f"share_{label}{'_corrected' if corrected else ''}")
        values[code] = words.per_hundred(value or 0)
        values[f"{code}_interval"] = words.interval(low, high, level, "per_hundred")
    return words("verdict.corrected", **values) if corrected else words("verdict.shares", **values)


def _quality_sentence(row: Row, words: Words, level: float) -> str:
    eq, eq_low, eq_high = estimate(row, "eq")
    ep, ep_low, ep_high = estimate(row, "ep")
    return words(
        "verdict.quality",
        eq=words.few(eq or 0),
        eq_interval=words.interval(eq_low, eq_high, level),
        people=words.count("person", row["n_people"]),
        ep=words.people(ep or 0),
        ep_interval=words.interval(ep_low, ep_high, level, "people"),
    )


def _graveyard_sentence(row: Row, words: Words) -> str:
    gone = words.count("person", row["graveyard_people"] or 0)
    if row["graveyard_likes"] is None:
        return words("verdict.graveyard_no_likes", gone=gone)
    return words("verdict.graveyard", gone=gone, likes=words.count("like", row["graveyard_likes"]))


def _scores_sentence(row: Row, words: Words, scores: Mapping[str, Any] | None) -> str:
    found = (scores or {}).get("per_language", {})
    parts = [
        words("verdict.score", value=f"{found[lang]['macro_f1']:.2f}", language=words.language(lang))
        for lang in LANGUAGES
        if lang in found and found[lang]["macro_f1"] is not None  # not known where a label is missing
    ]
    return words("verdict.scores", scores=words.listed(parts)) if parts else words("verdict.no_scores")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How a figure is written: its place in the words, the form of its numbers, the end of its scale, its unit."""

    name: str
    means: str
    form: str
    scale: float
    unit: str


def cards(figures: Figures, words: Words) -> list[Card]:
    """A card for each headline number but the shares."""
    row = figures.overall
    people, about = max(row["n_people"], 1), words.count("person", row["n_people"])
    hours = row.get("response_hours")
    time = "" if hours is None else words("means.response_time", time=words.hours(hours))
    kinds = {
        "eq": ("few", 100, "/ 100"),
        "ep": ("people", people, words("unit.of", n=about)),
        "reciprocity": ("per_hundred", 1, "%"),
        "responsiveness": ("per_hundred", 1, "%"),
        "return_rate": ("per_hundred", 1, "%"),
        "breadth": ("people", people, words("unit.people")),
    }
    return [
        _card(
            figures,
            words,
            key,
            _Kind(name=f"name.{key}", means=f"means.{key}", form=form, scale=scale, unit=unit),
            more=time if key == "responsiveness" else "",
            people=about,
        )
        for key, (form, scale, unit) in kinds.items()
    ]


def share_cards(figures: Figures, words: Words) -> list[Card]:
    """A card for each of the three shares, in the order of ``LABELS``: as counted, and corrected beside it."""
    return [_share_card(figures, words, label) for label in LABELS]


def _share_card(figures: Figures, words: Words, label: str) -> Card:
    kind = _Kind(name=f"label.{label}", means=f"means.{label}", form="per_hundred", scale=1, unit="%")
    card = _card(figures, words, f"share_{label}", kind)
    if card.share is None:
        return card
    value, low, high = estimate(figures.overall, f"share_{label}_corrected")
    if value is None:
        why = words.reason((figures.overall.get("notes") or {}).get(f"share_{label}_corrected", ""))
        return replace(card, corrected=words("headline.not_corrected", why=why) if why else "")
    line = words(
        "headline.corrected",
        value=words.per_hundred(value),
        interval=words.interval(low, high, figures.level, "per_hundred"),
        emq=words.per_hundred(figures.overall[f"share_{label}_emq"]),
    )
    return replace(card, corrected=line, corrected_place=None if low is None or high is None else (value, low, high))


def _card(figures: Figures, words: Words, key: str, kind: _Kind, *, more: str = "", **values: str) -> Card:
    value, low, high = estimate(figures.overall, key)
    name = words(kind.name)
    if value is None:
        return Card(
            key=key, name=name, value="–", unit="", interval="", aria=words("unknown"), place=None, share=None,
            means=unknown(figures.overall, key, words),
        )  # fmt: skip
    write = getattr(words, kind.form)
    number = write(value)
    sentence = words(kind.means, value=number, interval=words.interval(low, high, figures.level, kind.form), **values)
    interval, aria, place = "", f"{number} {kind.unit}", None
    if low is not None and high is not None:
        level = f"{100 * figures.level:.0f}"
        interval = words("interval.bare", low=write(low), high=write(high))
        aria = words("interval.aria", value=aria, level=level, low=write(low), high=write(high))
        place = (min(value / kind.scale, 1.0), min(low / kind.scale, 1.0), min(high / kind.scale, 1.0))
    return Card(
        key=key, name=name, value=number, unit=kind.unit, interval=interval, aria=aria, place=place,
        share=value / kind.scale, means=" ".join(filter(None, (sentence, more))),
    )  # fmt: skip


def shape(figures: Figures, words: Words) -> list[tuple[str, str, str]]:
    """How the conversations are built: name, value with interval, meaning."""
    level = f"{100 * figures.level:.0f}"
    return [
        (
            words(f"name.{key}"),
            with_interval(estimate(figures.overall, key), words, lambda n: words.number(n, 1), level),
            words(f"means.{key}"),
        )
        for key in ("depth", "structural_virality", "h_index")
    ]


def with_interval(
    values: tuple[float | None, float | None, float | None],
    words: Words,
    write: Callable[[float], str],
    level: str | None = None,
) -> str:
    """A value with its interval behind it, for cells.

    >>> from nlp_engage.report.words import Words
    >>> with_interval((0.41, 0.36, 0.47), Words("en"), Words("en").percent)
    '41% (36%–47%)'
    """
    value, low, high = values
    if value is None:
        return "–"
    if low is None or high is None:
        return write(value)
    if level is not None:
        return write(value) + words("interval.paren", level=level, low=write(low), high=write(high))
    return f"{write(value)} ({words('interval.bare', low=write(low), high=write(high))})"


def unknown(row: Row, key: str, words: Words) -> str:
    """Why a figure is not there, in words."""
    why = words.reason((row.get("notes") or {}).get(key, ""))
    return words("means.unknown", why=why) if why else words("means.unknown_plain")
