"""A comparison in plain words, English and Chinese: higher, lower, no difference larger than X, not enough data."""

from __future__ import annotations

from operator import gt
from typing import TYPE_CHECKING, Any, Final
from unicodedata import east_asian_width

from nlp_engage.errors import DataError
from nlp_engage.show import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LANGUAGES: Final = ("en", "zh")
MIN_POSTS: Final = 5
"""Fewer posts in a group, and no verdict is given: of the ways to deal out 4 + 4 posts, few differ enough."""
MIN_REPLIES: Final = 30
HIGHER, LOWER, SAME, UNDECIDED = "higher", "lower", "no_difference", "not_enough_data"
VERDICTS: Final = (HIGHER, LOWER, SAME, UNDECIDED)

Ends = tuple[float | None, float | None, float | None]

FIGURE_WORDS: Final[dict[str, tuple[str, str]]] = {
    "eq": ("engagement quality (EQ)", "互动质量（EQ）"),
    "ep_per_post": ("engaged people per post", "每帖真正参与的人数"),
    "share_genuine_dialogue": ("share of genuine dialogue", "真诚对话占比"),
    "share_self_expression": ("share of self-expression", "自我表达占比"),
    "share_mindless_interaction": ("share of mindless interaction", "无心互动占比"),
    "reciprocity": ("reciprocity", "互惠率"),
    "responsiveness": ("responsiveness of the page", "主页回应率"),
    "return_after": ("share of people who came back", "受众回访率"),
    "repeat_dialogue": ("share of people in dialogue again", "再次对话率"),
}
VERDICT_WORDS: Final[dict[str, tuple[str, str]]] = {
    HIGHER: ("higher", "更高"),
    LOWER: ("lower", "更低"),
    SAME: ("no difference larger than {margin}", "差异不超过{margin}"),
    UNDECIDED: ("not enough data", "数据不足"),
}
_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "difference": (
        "{label}: the {figure} is {verdict} than in the baseline: {a} against {b}, a difference of {d}{interval}.",
        "{label}：{figure}比基准{verdict}：{a}，基准为{b}，相差{d}{interval}。",
    ),
    "difference_in_differences": (
        "{label}: the {figure} changed by {d} more than in the control posts{interval}: {verdict}.",
        "{label}：{figure}的变化与对照帖相差{d}{interval}：{verdict}。",
    ),
    SAME: (
        "{label}: the {figure} shows no difference larger than {margin}{beside}: {d}{interval}.",
        "{label}：{figure}{beside}的差异不超过{margin}：{d}{interval}。",
    ),
    UNDECIDED: (
        "{label}: not enough data on the {figure}{beside}: {d}{interval}.",
        "{label}：{figure}{beside}数据不足：{d}{interval}。",
    ),
    "unknown": ("{label}: not enough data on the {figure}{beside}.", "{label}：{figure}{beside}数据不足。"),
    "interval": (" ({level} % interval {low} to {high})", "（{level}% 区间 {low} 至 {high}）"),
    "beside difference": (" against the baseline", "与基准相比"),
    "beside difference_in_differences": (" beyond the change of the control posts", "扣除对照帖的变化后"),
    "small": (" It is smaller than {margin}.", "但差异小于{margin}。"),
    "detectable": (
        " A true difference smaller than about {mde} is easily missed with so few data.",
        "数据这样少，小于约{mde}的真实差异很容易看漏。",
    ),
    "needed": (
        " To see {margin}, about {posts} posts with {replies} {people} (campaign) and {posts_b} with {replies_b} "
        "(baseline) would do.",
        "要看出{margin}的差异，活动约需 {posts} 帖、{replies} {people}，基准约需 {posts_b} 帖、{replies_b} {people}。",
    ),
    "audited": (
        " With {audited} audited threads in each group, errors of the labels could not hide it.",
        "每组审计 {audited} 个帖子串，标注误差就掩盖不了它。",
    ),
    "replies": ("replies", "条回复"),
    "people": ("people", "人"),
    "why": (" {note}.", "（{note}）"),
}
_REASONS: Final[tuple[tuple[str, str], ...]] = (
    ("no times given", "没有时间信息"),
    ("the archive ends", "数据结束得太早，活动之后的时段还没有过完"),
    ("the baseline begins", "基准开始得太晚，放不下一个同样长的早期时段"),
    ("nobody with a name", "时段内没有具名的人发言"),
    ("nobody was in dialogue", "没有人参与对话"),
    ("all threads alike", "所有帖子串都一样，没有区间"),
    ("at least", f"每组至少要有 {MIN_POSTS} 个有数据的帖子和 {MIN_REPLIES} 条回复（或人）"),
)
_LEFT_OUT: Final = ("return_after", "repeat_dialogue")


def decide(difference: Ends, *, p: float | None, margin: float | None, level: float) -> str:
    """A verdict: both the interval and the test must say that there is a difference.

    Args:
        difference: Value, lower and upper end of its interval.
        p: p-value, corrected where there are several; ``None`` where the data are too few for any verdict.
        margin: Differences up to this count as none; ``None`` where it cannot be told.
        level: Confidence level of the interval.

    Returns:
        One of ``VERDICTS``.

    >>> decide((9.0, 2.0, 16.0), p=0.03, margin=5.0, level=0.9), decide((1.0, -2.0, 4.0), p=0.5, margin=5.0, level=0.9)
    ('higher', 'no_difference')
    >>> decide((9.0, -2.0, 20.0), p=0.2, margin=5.0, level=0.9), decide((9.0, 2.0, 16.0), p=0.2, margin=5.0, level=0.9)
    ('not_enough_data', 'not_enough_data')
    """
    _, low, high = difference
    if p is None or low is None or high is None:
        return UNDECIDED
    if p <= 1 - level + 1e-12 and (low > 0 or high < 0):
        return HIGHER if low > 0 else LOWER
    if margin is not None and -margin < low and high < margin:
        return SAME
    return UNDECIDED


def figure_word(figure: str, lang: str) -> str:
    """Name of a figure.

    Args:
        figure: Key of ``FIGURE_WORDS``.
        lang: ``en`` or ``zh``.

    Returns:
        In words.

    Raises:
        DataError: There are no words in this language.

    >>> figure_word("reciprocity", "en"), figure_word("reciprocity", "zh")
    ('reciprocity', '互惠率')
    """
    return FIGURE_WORDS[figure][place_of(lang)]


def verdict_word(row: Mapping[str, Any], lang: str) -> str:
    """The verdict of a comparison in a few words.

    Args:
        row: With ``verdict``, ``margin`` and ``figure``.
        lang: ``en`` or ``zh``.

    Returns:
        In words, with the margin where it matters.

    Raises:
        DataError: There are no words in this language.

    >>> verdict_word({"verdict": SAME, "margin": 5.0, "figure": "eq"}, "en")
    'no difference larger than 5.0 points'
    """
    return VERDICT_WORDS[row["verdict"]][place_of(lang)].format(margin=amount(row["margin"], row["figure"], lang))


def sentence(row: Mapping[str, Any], lang: str, level: float) -> str:
    """The verdict of a comparison in a sentence or two, with what would be needed where there are not enough data.

    Args:
        row: A row of ``CampaignReport.rows``.
        lang: ``en`` or ``zh``.
        level: Confidence level of the interval.

    Returns:
        Text for people; never a number that ``row`` does not have.

    Raises:
        DataError: There are no words in this language.

    >>> from nlp_engage.measure.campaign import compare
    >>> from nlp_engage.measure.campaign_file import parse_campaigns
    >>> from nlp_engage.measure.worked import worked_archive
    >>> plan = parse_campaigns({"baseline": {"ids": ["t0"]}, "campaigns": {"may": {"ids": ["t1"]}}})
    >>> row = compare(worked_archive(2), plan).rows()[0]
    >>> print(sentence({**row, "note": "only one post each"}, "en", 0.9))
    may: not enough data on the engagement quality (EQ) against the baseline: -10.8 points. Only one post each.
    """
    verdict, figure = row["verdict"], row["figure"]
    key = verdict if verdict in (SAME, UNDECIDED) else row["contrast"]
    if key == UNDECIDED and row["difference"] is None:
        key = "unknown"
    text = _say(
        key,
        lang,
        label=plain(row["label"]),
        figure=figure_word(figure, lang),
        verdict=verdict_word(row, lang),
        a=number(row["campaign_value"], figure),
        b=number(row["baseline_value"], figure),
        d=amount(row["difference"], figure, lang, signed=True),
        interval=_interval(row, lang, level),
        margin=amount(row["margin"], figure, lang),
        beside=_say(f"beside {row['contrast']}", lang),
    )
    within = row["margin"] is not None and max(map(abs, _ends(row)), default=0.0) < row["margin"]
    if verdict in (HIGHER, LOWER) and within:
        text += _say("small", lang, margin=amount(row["margin"], figure, lang))
    text += _wanting(row, lang) if verdict == UNDECIDED else ""
    return text.replace("： ", "：")


def _ends(row: Mapping[str, Any]) -> list[float]:
    return [row[f"difference_{end}"] for end in ("low", "high") if row[f"difference_{end}"] is not None]


def _interval(row: Mapping[str, Any], lang: str, level: float) -> str:
    if len(_ends(row)) < 2:
        return ""
    low, high = (number(x, row["figure"], signed=True) for x in _ends(row))
    return _say("interval", lang, level=f"{100 * level:g}", low=low, high=high)


def _wanting(row: Mapping[str, Any], lang: str) -> str:
    """What stands in the way of a verdict, and what would do."""
    text, figure = "", row["figure"]
    if row["note"]:
        text += _say("why", lang, note=_reason(row["note"], lang))
    if row["detectable"] is not None:
        text += _say("detectable", lang, mde=amount(row["detectable"], figure, lang))
    margin = amount(row["margin"], figure, lang)
    posts, replies = row["posts_needed"], row["replies_needed"]
    more = posts is not None and any(map(gt, posts, row["n_posts"]))  # else there are as many already: bad luck
    if more and row["contrast"] == "difference":
        people = _say("people" if figure in _LEFT_OUT else "replies", lang)
        text += _say(
            "needed", lang, margin=margin, people=people, posts=f"{posts[0]:,}", replies=f"{replies[0]:,}",
            posts_b=f"{posts[1]:,}", replies_b=f"{replies[1]:,}",
        )  # fmt: skip
    if row["audited_threads_needed"] is not None:
        text += _say("audited", lang, audited=f"{row['audited_threads_needed']:,}")
    return text


def _reason(note: str, lang: str) -> str:
    if lang == "en":
        return note[:1].upper() + note[1:]
    return next((words for start, words in _REASONS if note.startswith(start)), note)


def amount(value: float | None, figure: str, lang: str, *, signed: bool = False) -> str:
    """A difference with its unit.

    Args:
        value: On the scale of the figure; ``None`` is a dash.
        figure: Key of ``FIGURE_WORDS``.
        lang: ``en`` or ``zh``.
        signed: Write a plus, too.

    Returns:
        With its unit.

    >>> amount(0.053, "share_genuine_dialogue", "en", signed=True), amount(5.0, "eq", "zh")
    ('+5.3 points', ' 5.0 分')
    """
    if value is None:
        return "–"
    unit = ("people", "人") if figure == "ep_per_post" else ("points", "分" if figure == "eq" else "个百分点")
    text = f"{number(value, figure, signed=signed).removesuffix('%')} {unit[place_of(lang)]}"
    return text if lang == "en" else f" {text}"


def number(value: float | None, figure: str, *, signed: bool = False) -> str:
    """A figure as it is read: shares in per cent, a difference of shares in points.

    Args:
        value: On the scale of the figure; ``None`` is a dash.
        figure: Key of ``FIGURE_WORDS``.
        signed: A difference: with its sign, in points.

    Returns:
        With one decimal.

    >>> number(0.413, "reciprocity"), number(-0.053, "reciprocity", signed=True), number(39.27, "eq")
    ('41.3%', '-5.3', '39.3')
    """
    if value is None:
        return "–"
    points = value if figure in ("eq", "ep_per_post") else 100 * value
    text = f"{points:{'+z' if signed else 'z'}.1f}"  # z: no "-0.0"
    return text if signed or figure in ("eq", "ep_per_post") else f"{text}%"


def _say(key: str, lang: str, **values: str) -> str:
    return _SENTENCES[key][place_of(lang)].format(**values)


def place_of(lang: str) -> int:
    """Place of a language in a pair of words.

    Args:
        lang: ``en`` or ``zh``.

    Returns:
        0 or 1.

    Raises:
        DataError: There are no words in this language.

    >>> place_of("zh")
    1
    """
    if lang not in LANGUAGES:
        raise DataError(f"verdicts are given in {' or '.join(LANGUAGES)}, not in {lang!r}")
    return LANGUAGES.index(lang)


def table_text(rows: Sequence[Mapping[str, Any]], lang: str) -> list[str]:
    """Comparisons as lines of a table for a terminal.

    Args:
        rows: As ``CampaignReport.rows`` gives them.
        lang: ``en`` or ``zh``.

    Returns:
        One line a row, below one of heads.

    Raises:
        DataError: There are no words in this language.

    >>> from nlp_engage.measure.campaign import compare
    >>> from nlp_engage.measure.campaign_file import parse_campaigns
    >>> from nlp_engage.measure.worked import worked_archive
    >>> plan = parse_campaigns({"baseline": {"ids": ["t0"]}, "campaigns": {"may": {"ids": ["t1"]}}})
    >>> print(table_text(compare(worked_archive(2), plan).rows(), "en")[1])
    * may     engagement quality (EQ)            29.5      40.4           -10.8       –         –  not enough data
    """
    heads = (
        ("campaign", "figure", "campaign", "compared with", "difference", "interval", "p", "verdict"),
        ("活动", "指标", "活动值", "对比", "差异", "区间", "p", "结论"),
    )[place_of(lang)]
    return columns([heads, *(_cells(row, lang) for row in rows)])


def columns(lines: Sequence[Sequence[str]]) -> list[str]:
    """Cells in columns; a Chinese character takes the room of two.

    Args:
        lines: Rows of equally many cells.

    Returns:
        One line a row.

    >>> columns([("指标", "p"), ("EQ", "0.1")])
    ['指标  p', 'EQ    0.1']
    """

    def width(text: str) -> int:
        return sum(1 + (east_asian_width(c) in "WF") for c in text)

    wide = [max(map(width, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell + " " * (w - width(cell)) for cell, w in zip(line, wide, strict=True)).rstrip() for line in lines
    ]


def _cells(row: Mapping[str, Any], lang: str) -> tuple[str, ...]:
    figure = row["figure"]
    against = number(row["baseline_value"], figure)
    if row["contrast"] == "difference_in_differences":
        values = [row[key] for key in ("control_during_value", "control_before_value")]
        against = ("control " if lang == "en" else "对照 ") + " / ".join(number(v, figure) for v in values)
    ends = [number(x, figure, signed=True) for x in _ends(row)]
    p = row["p"] if row["p_holm"] is None else row["p_holm"]
    return (
        ("* " if row["headline"] else "  ") + plain(row["label"]),
        figure_word(figure, lang),
        number(row["campaign_value"], figure),
        against,
        number(row["difference"], figure, signed=True),
        f"[{ends[0]}, {ends[1]}]" if len(ends) == 2 else "–",
        "–" if p is None else f"{p:.3f}" if p >= 0.0005 else "<0.001",
        verdict_word(row, lang),
    )
