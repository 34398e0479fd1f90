"""The section of campaigns: verdicts in words, and the figures behind them as a table for each campaign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlp_engage.measure.split_words import split_lines
from nlp_engage.measure.verdicts import figure_word, number, sentence, verdict_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nlp_engage.measure.campaign_report import CampaignReport
    from nlp_engage.report.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignView:
    """One campaign as it is shown.

    Attributes:
        label: Its name.
        verdicts: The headline verdicts, a sentence or two each.
        rows: Name of the figure; then campaign, compared with, difference, interval, p and verdict.
        split: The difference in volume, mix and depth, a line each for EQ and EP.
    """

    label: str
    verdicts: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    split: tuple[str, ...]


def campaign_views(report: CampaignReport | None, words: Words) -> list[CampaignView]:
    """What the section shows; nothing without a comparison."""
    if report is None:
        return []
    views = []
    for campaign, split in zip(report.plan.campaigns, report.splits, strict=True):
        rows = [row for row in report.comparisons if row["campaign"] == campaign.name]
        views.append(
            CampaignView(
                label=campaign.label,
                verdicts=tuple(sentence(row, words.lang, report.level) for row in rows if row["headline"]),
                rows=tuple(_row(row, words) for row in rows),
                split=tuple(split_lines(split, words.lang)),
            )
        )
    return views


def _row(row: Mapping[str, Any], words: Words) -> tuple[str, tuple[str, ...]]:
    figure, low, high = row["figure"], row["difference_low"], row["difference_high"]
    name, against = figure_word(figure, words.lang), number(row["baseline_value"], figure)
    if row["contrast"] == "difference_in_differences":
        name = words("campaigns.beyond", figure=name)
        during, before = (number(row[f"control_{when}_value"], figure) for when in ("during", "before"))
        against = words("campaigns.control", during=during, before=before)
    ends = "–"
    if low is not None and high is not None:
        ends = f"{number(low, figure, signed=True)} … {number(high, figure, signed=True)}"
    p = row["p"] if row["p_holm"] is None else row["p_holm"]
    difference = number(row["difference"], figure, signed=True)
    chance = "–" if p is None else f"{p:.3f}" if p >= 0.0005 else "< 0.001"
    return name, (
        number(row["campaign_value"], figure),
        against,
        difference,
        ends,
        chance,
        verdict_word(row, words.lang),
    )
