"""A split difference in words, English and Chinese: which part of it is volume, mix and depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nlp_engage.measure.verdicts import place_of
from nlp_engage.show import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "eq": (
        "{label}: EQ {difference} = mix {mix}, depth {depth}",
        "{label}：EQ {difference} = 构成 {mix}，深度 {depth}",
    ),
    "ep": (
        "{label}: EP {difference} = volume {volume} (replies {replies}, the same people again {again}), mix {mix}, "
        "depth {depth}",
        "{label}：EP {difference} = 数量 {volume}（回复数 {replies}，同一批人重复发言 {again}），构成 {mix}，"
        "深度 {depth}",
    ),
    "none": (
        "{label}: no split of the difference: a group has no labelled audience reply",
        "{label}：差异无法拆分：有一组没有带标签的受众回复",
    ),
    "head": ("Campaign less baseline, split into parts that add up", "活动减基准之差的构成（各部分之和等于差）"),
}


def split_head(lang: str) -> str:
    """What stands above the lines.

    Args:
        lang: ``en`` or ``zh``.

    Returns:
        One line.

    Raises:
        DataError: There are no words in this language.

    >>> split_head("en")
    'Campaign less baseline, split into parts that add up'
    """
    return _WORDS["head"][place_of(lang)]


def split_lines(split: Mapping[str, Any], lang: str) -> list[str]:
    """A line for EQ and one for EP; or one that says why there is nothing to split.

    Args:
        split: An entry of ``CampaignReport.splits``.
        lang: ``en`` or ``zh``.

    Returns:
        Two lines, or one.

    Raises:
        DataError: There are no words in this language.

    >>> eq = {"difference": 25.0, "mix": 20.0, "depth": 5.0}
    >>> ep = {"difference": 0.5, "volume": 0.0, "replies": 1.0, "again": -1.0, "mix": 0.4, "depth": 0.1}
    >>> for line in split_lines({"label": "May", "eq": eq, "ep": ep}, "en"):
    ...     print(line)
    May: EQ +25.0 = mix +20.0, depth +5.0
    May: EP +0.5 = volume +0.0 (replies +1.0, the same people again -1.0), mix +0.4, depth +0.1
    """
    place, label = place_of(lang), plain(split["label"])
    if split["eq"] is None:
        return [_WORDS["none"][place].format(label=label)]
    return [
        _WORDS[figure][place].format(label=label, **{part: f"{value:+z.1f}" for part, value in split[figure].items()})
        for figure in ("eq", "ep")
    ]
