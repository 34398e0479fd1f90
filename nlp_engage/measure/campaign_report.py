"""What a comparison of campaigns says: rows, Arrow, JSON, words."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.measure.campaign_groups import ROLES
from nlp_engage.measure.split_words import split_head, split_lines
from nlp_engage.measure.verdicts import LANGUAGES, sentence, table_text

if TYPE_CHECKING:
    import pyarrow as pa

    from nlp_engage.measure.campaign_file import CampaignFile

_TEXTS: Final = ("campaign", "label", "contrast", "figure", "verdict", "verdict_en", "verdict_zh", "note")
_NUMBERS: Final = (
    "campaign_value", "baseline_value", "control_during_value", "control_before_value", "difference",
    "difference_low", "difference_high", "p", "p_holm", "margin", "detectable",
)  # fmt: skip
_LISTS: Final = ("n_posts", "n_replies", "posts_needed", "replies_needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignReport:
    """Groups and their comparisons.

    Attributes:
        version: Version of the definitions, ``eq-2``.
        plan: The campaign file.
        level: Confidence level.
        resamples: Resamples of threads and deals of the permutation test.
        seed: Of both.
        groups: One row a campaign and role, as ``Measurement.rows`` gives them.
        comparisons: One row a campaign, figure and contrast; see ``rows``.
        splits: One entry a campaign: why it differs from its baseline. ``eq`` and ``ep`` (of the groups, not a post)
            hold the difference and its parts as ``decompose`` gives them, ``labels`` what each label did to EQ; all
            three are ``None`` where a group has no labelled audience reply.
        notes: Remarks on what the file asked for.
    """

    version: str
    plan: CampaignFile
    level: float
    resamples: int
    seed: int
    groups: tuple[dict[str, Any], ...]
    comparisons: tuple[dict[str, Any], ...]
    splits: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """One row a campaign, figure and contrast.

        Keys: ``campaign, label, contrast`` (``difference`` or ``difference_in_differences``), ``figure``,
        ``headline``, the rates ``campaign_value, baseline_value, control_during_value, control_before_value``,
        ``difference`` with ``_low`` and ``_high``, ``p``, ``p_holm`` (headline only), ``margin``, ``n_posts`` and
        ``n_replies`` of each group (people, for figures of the audience), ``detectable`` (minimum detectable effect),
        ``posts_needed, replies_needed, audited_threads_needed``, ``verdict``, ``verdict_en``, ``verdict_zh`` and
        ``note``. What cannot be given is ``None``, and the note says why.

        Returns:
            Plain values; those of shares in [0, 1], of EQ in points.

        >>> from nlp_engage.measure.campaign import compare
        >>> from nlp_engage.measure.campaign_file import parse_campaigns
        >>> from nlp_engage.measure.worked import worked_archive
        >>> plan = parse_campaigns({"baseline": {"ids": ["t0"]}, "campaigns": {"may": {"ids": ["t1"]}}})
        >>> compare(worked_archive(2), plan).rows()[0]["note"]
        'at least 5 posts with a say and 30 replies are needed in each group; there are 1, 1 posts with 6, 7 replies'
        """
        return [
            {**row, **{f"verdict_{lang}": sentence(row, lang, self.level) for lang in LANGUAGES}}
            for row in self.comparisons
        ]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON.

        ``campaigns`` holds one object a campaign: its groups, its comparisons, and as ``split`` its difference in
        volume, mix and depth.

        Returns:
            Dictionaries, lists, texts, numbers and ``None``.

        >>> from nlp_engage.measure.campaign import compare
        >>> from nlp_engage.measure.campaign_file import parse_campaigns
        >>> from nlp_engage.measure.worked import worked_archive
        >>> plan = parse_campaigns({"baseline": {"ids": ["t0"]}, "campaigns": {"may": {"ids": ["t1"]}}})
        >>> [list(one) for one in compare(worked_archive(2), plan).to_dict()["campaigns"]]
        [['campaign', 'label', 'posts', 'groups', 'comparisons', 'split']]
        """
        rows = self.rows()
        settings = {"level": self.level, "resamples": self.resamples, "seed": self.seed}
        plan = self.plan
        asked = {
            key: getattr(plan, key)
            for key in ("headline", "margin", "margin_ep", "power", "follow_days", "timezone", "overlap")
        }
        return {
            "version": self.version,
            "settings": {**settings, **asked},
            "campaigns": [
                {
                    "campaign": campaign.name,
                    "label": campaign.label,
                    "posts": json.loads(json.dumps(asdict(campaign.posts), default=str)),
                    "groups": [row for row in self.groups if row["campaign"] == campaign.name],
                    "comparisons": [row for row in rows if row["campaign"] == campaign.name],
                    "split": {key: value for key, value in split.items() if key not in ("campaign", "label")},
                }
                for campaign, split in zip(plan.campaigns, self.splits, strict=True)
            ],
            "notes": list(self.notes),
        }

    def to_arrow(self) -> pa.Table:
        """The comparisons as an Arrow table, one row each; counts by role, windows of the audience as JSON text.

        Returns:
            As many rows as ``rows``.

        >>> from nlp_engage.measure.campaign import compare
        >>> from nlp_engage.measure.campaign_file import parse_campaigns
        >>> from nlp_engage.measure.worked import worked_archive
        >>> plan = parse_campaigns({"baseline": {"ids": ["t0"]}, "campaigns": {"may": {"ids": ["t1"]}}})
        >>> compare(worked_archive(2), plan).to_arrow().select(["figure", "n_posts_campaign"]).to_pylist()[0]
        {'figure': 'eq', 'n_posts_campaign': 1}
        """
        import pyarrow as pa

        fields = [(key, pa.string()) for key in _TEXTS] + [("headline", pa.bool_())]
        fields += [(key, pa.float64()) for key in _NUMBERS]
        fields += [(f"{key}_{role}", pa.int64()) for key in _LISTS for role in ROLES]
        fields += [("audited_threads_needed", pa.int64()), ("windows", pa.string())]
        rows = []
        for row in self.rows():
            windows = {key: row[key] for key in ("window", "earlier_windows") if key in row}
            lists = {f"{key}_{role}": n for key in _LISTS for role, n in zip(ROLES, row[key] or (), strict=False)}
            rows.append({**row, **lists, "windows": json.dumps(windows) if windows else None})
        return pa.Table.from_pylist(rows, schema=pa.schema(fields))

    def lines(self, lang: str = "en") -> list[str]:
        """Table and sentences for a terminal.

        Args:
            lang: ``en`` or ``zh``.

        Returns:
            Lines without line ends.

        Raises:
            DataError: There are no words in this language.

        >>> from nlp_engage.measure.campaign import compare
        >>> from nlp_engage.measure.campaign_file import parse_campaigns
        >>> from nlp_engage.measure.worked import worked_archive
        >>> plan = parse_campaigns({"baseline": {"ids": ["t0"]}, "campaigns": {"may": {"ids": ["t1"]}}})
        >>> compare(worked_archive(2), plan).lines("en")[-1]
        '  may: EP -0.2 = volume +0.4 (replies -0.3, the same people again +0.6), mix -0.3, depth -0.3'
        """
        stars = {
            "en": "* headline figure; its p-values are corrected for their number (Holm), the others are not.",
            "zh": "* 主要指标，p 值按检验个数校正（Holm 法）；其余未校正。",
        }
        lines = [*table_text(self.comparisons, lang), "", stars.get(lang, "")]
        told = ("return_after", "repeat_dialogue")
        chosen = [row for row in self.rows() if row["headline"] or row["figure"] in told]
        lines += ["", *(row[f"verdict_{lang}"] for row in chosen), "", split_head(lang)]
        return [*lines, *(f"  {line}" for split in self.splits for line in split_lines(split, lang))]
