"""The campaign file: TOML that names groups of posts, what they are compared with, and how.

Strict: an unknown key is an error that names the key and the ones there are. ``docs/campaigns.md`` is the reference.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from nlp_engage.errors import DataError
from nlp_engage.measure.posts import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping

FIGURES: Final = (
    "eq", "ep_per_post", "share_genuine_dialogue", "share_self_expression", "share_mindless_interaction",
    "reciprocity", "responsiveness",
)  # fmt: skip
"""What is compared: all rates, so that groups of different size compare."""


class _Posts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from"}):
    """Conditions on posts, as they stand in the file."""

    ids: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    start: Any = None
    until: Any = None


class _Campaign(_Posts, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from"}):
    label: str | None = None
    baseline: dict[str, Any] | None = None
    control: dict[str, Any] | None = None


class _Control(_Posts, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"start": "from"}):
    during: dict[str, Any] | None = None
    before: dict[str, Any] | None = None


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    headline: str = "eq"
    margin: float = 5.0
    margin_ep: float = 0.2
    power: float = 0.8
    follow_days: float = 28.0
    timezone: str = "UTC"
    overlap: str = "error"
    baseline: dict[str, Any] | None = None
    control: dict[str, Any] | None = None
    audience: dict[str, Any] | None = None
    campaigns: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Posts that the campaign could not reach.

    Attributes:
        during: Those in the campaign's time.
        before: Those in the baseline's time.
    """

    during: Selection
    before: Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign and what it is compared with.

    Attributes:
        name: Key in the file.
        label: Name to show.
        posts: Its posts.
        baseline: Posts it is compared with.
        control: Posts for the difference in differences, ``None`` without.
    """

    name: str
    label: str
    posts: Selection
    baseline: Selection
    control: Control | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFile:
    """What a campaign file asks for.

    Attributes:
        campaigns: In the order of the file.
        headline: Figure of ``FIGURES`` whose verdicts are corrected for their number.
        margin: Differences up to this many points count as none (all figures but EP per post).
        margin_ep: The same for EP per post, as a share of the baseline's.
        power: Probability with which the minimum detectable effect is detected.
        follow_days: Length of the window after a campaign in which people may come back.
        audience: Posts that count as coming back; ``None`` for all others in the archive.
        overlap: ``error``, or ``allow``: campaigns may share posts, and those of a campaign leave its baseline.
        timezone: Time zone of dates without one.
    """

    campaigns: tuple[Campaign, ...]
    headline: str = "eq"
    margin: float = 5.0
    margin_ep: float = 0.2
    power: float = 0.8
    follow_days: float = 28.0
    audience: Selection | None = None
    overlap: str = "error"
    timezone: str = "UTC"


def read_campaigns(path: str | Path) -> CampaignFile:
    """Read a campaign file.

    Args:
        path: TOML in UTF-8; ``docs/campaigns.md`` lists its keys.

    Returns:
        What the file asks for, with the defaults filled in.

    Raises:
        DataError: There is no such file, it is no TOML, or it breaks a rule; the message says which and where.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "campaigns.toml"
    ...     _ = path.write_text('campaigns.may = {ids = ["t1"], baseline = {ids = ["t0"]}}', "utf-8")
    ...     [campaign.name for campaign in read_campaigns(path).campaigns]
    ['may']
    """
    try:
        content = Path(path).read_text("utf-8-sig")
    except OSError as error:
        raise DataError(f"campaign file {path} cannot be read: {error.strerror or error}; check the name.") from None
    except UnicodeDecodeError as error:
        raise DataError(f"campaign file {path} is not UTF-8 ({error}): save it as UTF-8.") from None
    try:
        found = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{path} is no TOML: {error}. docs/campaigns.md has an example.") from None
    return parse_campaigns(found, str(path))


def parse_campaigns(content: Mapping[str, Any], place: str = "campaigns") -> CampaignFile:
    """Check what a campaign file holds.

    Args:
        content: The file as nested tables.
        place: Name of the file, for errors.

    Returns:
        What the file asks for, with the defaults filled in; moments are in UTC.

    Raises:
        DataError: A key is unknown, a value is of the wrong kind or out of range, or something is missing.

    >>> plan = parse_campaigns({
    ...     "baseline": {"until": date(2026, 5, 1)}, "campaigns": {"may": {"from": "2026-05-04", "accounts": ["ann"]}}})
    >>> plan.campaigns[0].posts.start.isoformat(), plan.campaigns[0].baseline.stop.isoformat()
    ('2026-05-04T00:00:00+00:00', '2026-05-01T00:00:00+00:00')
    >>> parse_campaigns({"baselin": {}})
    Traceback (most recent call last):
    nlp_engage.errors.DataError: campaigns: unknown key 'baselin', did you mean 'baseline'? Allowed are headline,
    margin, margin_ep, power, follow_days, timezone, overlap, baseline, control, audience, campaigns.
    """
    file = _convert(content, _File, place)
    _check_settings(file, place)
    if not file.campaigns:
        raise DataError(f"{place}: no campaign; add a table [campaigns.NAME] with ids, accounts, hashtags or dates.")
    zone = _zone(file.timezone, place)
    campaigns = tuple(_campaign(name, table, file, zone, place) for name, table in file.campaigns.items())
    return CampaignFile(
        campaigns=campaigns,
        headline=file.headline,
        margin=file.margin,
        margin_ep=file.margin_ep,
        power=file.power,
        follow_days=file.follow_days,
        audience=None if file.audience is None else _selection(file.audience, zone, f"{place} [audience]"),
        overlap=file.overlap,
        timezone=file.timezone,
    )


def _check_settings(file: _File, place: str) -> None:
    rules = (
        ("headline", file.headline in FIGURES, f"one of {', '.join(FIGURES)}"),
        ("overlap", file.overlap in ("error", "allow"), "'error' or 'allow'"),
        ("margin", 0.001 <= file.margin < 100, "points, from 0.001 to below 100"),
        ("margin_ep", 0.001 <= file.margin_ep < 10, "a share of the baseline, from 0.001 to below 10 (0.2 is a fifth)"),
        ("power", 0.5 <= file.power < 1, "from 0.5 to below 1 (usual is 0.8)"),
        ("follow_days", 0 < file.follow_days <= 3660, "days, above 0"),
    )
    for key, holds, rule in rules:
        if not holds:
            raise DataError(f"{place}: {key} = {getattr(file, key)!r} must be {rule}.")


def _campaign(name: str, table: dict[str, Any], file: _File, zone: tzinfo, place: str) -> Campaign:
    here = f"{place} [campaigns.{name}]"
    if not name.strip():
        raise DataError(f"{here}: a campaign needs a name; write [campaigns.NAME].")
    own = _convert(table, _Campaign, here)
    posts = _posts(own, zone, here)
    chosen = file.baseline if own.baseline is None else own.baseline
    if chosen is None:
        raise DataError(f"{here}: nothing to compare with; add a table [baseline], or [campaigns.{name}.baseline].")
    baseline = _selection(chosen, zone, f"{here} baseline")
    given = file.control if own.control is None else own.control
    control = None if given is None else _control(given, posts, baseline, zone, f"{here} control")
    return Campaign(name=name, label=own.label or name, posts=posts, baseline=baseline, control=control)


def _control(table: dict[str, Any], posts: Selection, baseline: Selection, zone: tzinfo, place: str) -> Control:
    """Control posts take the dates of campaign and baseline, unless two groups are given."""
    own = _convert(table, _Control, place)
    if (own.during is None) != (own.before is None):
        raise DataError(f"{place}: give both 'during' and 'before', or neither: then the campaign's dates are taken.")
    if own.during is not None and own.before is not None:
        if any((own.ids, own.accounts, own.hashtags, own.platforms, own.start, own.until)):
            raise DataError(f"{place}: beside 'during' and 'before' there is no other key; move it into the two.")
        return Control(
            during=_selection(own.during, zone, f"{place} during"),
            before=_selection(own.before, zone, f"{place} before"),
        )
    if own.start is not None or own.until is not None or own.ids:
        raise DataError(f"{place}: ids and dates belong into two tables, 'during' and 'before'.")
    undated = [what for what, s in (("campaign", posts), ("baseline", baseline)) if s.start is None and s.stop is None]
    if undated:
        raise DataError(f"{place}: the {undated[0]} has no dates to take over; give tables 'during' and 'before'.")
    same = _posts(own, zone, place)
    return Control(
        during=replace(same, start=posts.start, stop=posts.stop),
        before=replace(same, start=baseline.start, stop=baseline.stop),
    )


def _selection(table: Mapping[str, Any], zone: tzinfo, place: str) -> Selection:
    return _posts(_convert(table, _Posts, place), zone, place)


def _posts(own: _Posts, zone: tzinfo, place: str) -> Selection:
    start, stop = _moment(own.start, zone, f"{place}: from"), _moment(own.until, zone, f"{place}: until")
    if start is not None and stop is not None and start >= stop:
        raise DataError(
            f"{place}: from {own.start} until {own.until} holds no moment; 'until' is the first day that is out."
        )
    if not any((own.ids, own.accounts, own.hashtags, own.platforms, start, stop)):
        raise DataError(f"{place}: says not which posts; give ids, accounts, hashtags, platforms, from or until.")
    return Selection(
        ids=own.ids, accounts=own.accounts, hashtags=own.hashtags, platforms=own.platforms, start=start, stop=stop
    )


def _convert(table: Any, kind: type[Any], place: str) -> Any:
    allowed = [field.encode_name for field in msgspec.structs.fields(kind)]
    for key in table:
        if key not in allowed:
            near = get_close_matches(key, allowed, n=1)
            hint = f", did you mean {near[0]!r}?" if near else "."
            raise DataError(f"{place}: unknown key {key!r}{hint} Allowed are {', '.join(allowed)}.")
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise DataError(f"{place}: {_in_words(str(error))}. docs/campaigns.md has an example.") from None


def _in_words(error: str) -> str:
    """What is wrong with a value, in the words of TOML instead of the library's.

    >>> _in_words("Expected `array`, got `str` - at `$.accounts`")
    'accounts must be a list like ["a", "b"], not text'
    >>> _in_words("Expected `str | null`, got `int` - at `$.label`")
    'label must be text in quotes, not a number'
    """
    found = _EXPECTED.fullmatch(error)
    if not found:
        return error
    wanted, given, key = found["wanted"].removesuffix(" | null"), found["given"], found["key"]
    return f"{key} must be {_KINDS.get(wanted, wanted)}, not {_KINDS.get(given, given).removesuffix(' in quotes')}"


_EXPECTED: Final = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<given>[^`]+)` - at `\$\.?(?P<key>[^`]+)`")
_KINDS: Final = {
    "array": 'a list like ["a", "b"]', "str": "text in quotes", "int": "a number", "float": "a number",
    "object": "a table", "bool": "true or false", "null": "empty",
}  # fmt: skip


def _zone(name: str, place: str) -> tzinfo:
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DataError(f"{place}: no time zone {name!r} is known here; write e.g. Asia/Shanghai or UTC.") from None


def _moment(value: Any, zone: tzinfo, place: str) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise DataError(f"{place} = {value!r} is no date; write 2026-05-04 or 2026-05-04T18:00:00+08:00.") from None
    if isinstance(value, date):  # a datetime is one, too
        moment = value if isinstance(value, datetime) else datetime.combine(value, time())
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise DataError(f"{place} = {value} is out of range: leave it out where there is no bound.") from None
    raise DataError(f"{place} = {value!r} is no date; write 2026-05-04 or 2026-05-04T18:00:00+08:00.")
