"""What is needed before a launch, in words, English and Chinese."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from nlp_engage.measure.verdicts import amount, figure_word, place_of

if TYPE_CHECKING:
    from nlp_engage.measure.power import Assumptions, PowerPlan, Spread

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "pilot": (
        "Measured in the pilot: {posts} posts, {replies} replies a post.",
        "据试点数据：{posts} 个帖子，每帖 {replies} 条回复。",
    ),
    "assumed": ("Assumed: {what}.", "假设：{what}。"),
    "need": (
        "To see a difference of {effect} in {figure} (test at {alpha} %, power {power} %): {posts} posts "
        "with about {replies} comments in each of the two groups.",
        "要看出{figure}{effect}的差异（显著性水平 {alpha}%，功效 {power}%）："
        "两组各需 {posts} 帖，约 {replies} 条评论。",
    ),
    "against": (
        "If the pilot itself is the baseline: {posts} campaign posts with about {replies} comments.",
        "若以试点本身作基准：活动需 {posts} 帖，约 {replies} 条评论。",
    ),
    "never": (
        "The pilot itself is too small a baseline: no number of campaign posts would do.",
        "试点本身太小，不能作基准：活动再多帖子也不够。",
    ),
    "now": (
        "Two groups as large as the pilot can tell {now} apart.",
        "两组都和试点一样大时，能看出{now}的差异。",
    ),
    "labels": (
        "Labels, so that errors of the model cannot hide or fake it: with {double} posts in each group, "
        "audit {audited} threads in each, about {labels} replies to label by hand.",
        "要让模型的误差既掩盖不了也冒充不了它："
        "每组 {double} 帖时，各审计 {audited} 个帖子串，约 {labels} 条回复需人工标注。",
    ),
    "share": ("share before {}", "活动前占比 {}"),
    "replies": ("{} replies a post", "每帖 {} 条回复"),
    "unequal": ("coefficient of variation of replies {}", "每帖回复数变异系数 {}"),
    "likeness": ("likeness in a thread {}", "帖内相似度 {}"),
    "accuracy": ("accuracy of the labels {}", "标注正确率 {}"),
    "credit_sd": ("standard deviation of a reply's credit {} points", "单条得分标准差 {} 分"),
}
_NOTES: Final = {
    "from assumptions": "这是按假设算的，不是数据：有条件就先做试点",
    "the pilot has": "试点帖子太少，这些数字可能差得很远",
    "from": "起点离上限或下限太近，这么大的差异只可能朝一个方向",
}


def power_lines(plan: PowerPlan, spread: Spread, assumed: Assumptions | None, lang: str) -> list[str]:
    """The plan as sentences.

    Args:
        plan: What is needed.
        spread: What it was worked out from.
        assumed: The assumptions, ``None`` with a pilot.
        lang: ``en`` or ``zh``.

    Returns:
        One sentence a line.

    Raises:
        DataError: There are no words in this language.

    >>> from nlp_engage.measure.power import Assumptions, assumed_spread, plan_power
    >>> assumed = Assumptions(share=0.4)
    >>> spread = assumed_spread(assumed, "share_genuine_dialogue")
    >>> plan = plan_power(spread, figure="share_genuine_dialogue", effect=10)
    >>> print(power_lines(plan, spread, assumed, "zh")[1])
    要看出真诚对话占比 10.0 个百分点的差异（显著性水平 10%，功效 80%）：两组各需 74 帖，约 1,480 条评论。
    """
    lines = [_origin(spread, assumed, plan.figure, lang)]
    points = 1.0 if plan.figure == "eq" else 100.0
    effect = amount(plan.effect / points, plan.figure, lang)
    lines.append(
        _say(
            "need",
            lang,
            effect=effect,
            figure=figure_word(plan.figure, lang),
            alpha=f"{100 * (1 - plan.level):.3g}",
            power=f"{100 * plan.power:.6g}",
            posts=f"{plan.posts:,}",
            replies=f"{plan.replies:,}",
        )
    )
    if spread.posts and plan.detectable_now is not None:
        alone = plan.against_pilot
        if alone is None:
            lines.append(_say("never", lang))
        else:
            lines.append(_say("against", lang, posts=f"{alone:,}", replies=f"{alone * spread.replies:,.0f}"))
        lines.append(_say("now", lang, now=amount(plan.detectable_now / points, plan.figure, lang)))
    if plan.audited is not None and plan.labels is not None:
        audit = {"audited": f"{plan.audited:,}", "labels": f"{plan.labels:,}", "double": f"{2 * plan.posts:,}"}
        lines.append(_say("labels", lang, **audit))
    return lines + [_note(note, lang) for note in plan.notes]


def _origin(spread: Spread, assumed: Assumptions | None, figure: str, lang: str) -> str:
    if assumed is None:
        return _say("pilot", lang, posts=f"{spread.posts:,}", replies=f"{spread.replies:.1f}")
    unused = "share" if figure == "eq" else "credit_sd"
    told = [
        _WORDS[f.name][place_of(lang)].format(f"{getattr(assumed, f.name):g}")
        for f in fields(assumed)
        if f.name != unused
    ]
    return _say("assumed", lang, what=(", ", "，")[place_of(lang)].join(told))


def _note(note: str, lang: str) -> str:
    if lang == "en":
        return f"Note: {note}."
    words = next((zh for start, zh in _NOTES.items() if note.startswith(start)), note)
    return f"注意：{words}。"


def _say(key: str, lang: str, **values: str) -> str:
    return _WORDS[key][place_of(lang)].format(**values).replace("： ", "：")
