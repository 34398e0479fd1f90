"""X/Twitter: API v2 pages and twarc files, tweets of API v1.1 (also as Zeeschuimer saves them), twcs.csv."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nlp_engage.readers.records import Layout, Page, SkipRecord, has, make
from nlp_engage.readers.styles import Style, seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Format
    from nlp_engage.types import Comment


def _opening(page: Page) -> Iterator[Comment]:
    """Learn the authors of a page, and which conversations it is about."""
    includes = page.value.get("includes")
    users = includes.get("users") if isinstance(includes, dict) else None
    known = [u for u in users if isinstance(u, dict)] if isinstance(users, list) else []
    page.state["users"] = {u.get("id"): u for u in known if isinstance(u.get("id"), str)}
    data = page.value.get("data")
    included = includes.get("tweets") if isinstance(includes, dict) and isinstance(data, dict) else None
    page.extra += included if isinstance(included, list) else []  # beside one tweet that stands alone
    tweets = data if isinstance(data, list) else [data]
    page.state["about"] = {
        t.get("conversation_id") for t in tweets if isinstance(t, dict) and _flat(t.get("conversation_id"))
    }
    yield from ()


def _answered(record: dict[str, Any], page: Page) -> Iterator[Comment]:
    """Flattened tweets hold the tweet they answer: often it is the only copy of the post."""
    references = record.get("referenced_tweets")
    for one in references if isinstance(references, list) else ():
        if has(one, "type id text author_id conversation_id") and one["type"] == "replied_to":
            tweet = make(_tweet(one, page), V2.layout, page, platform=V2.platform)
            if not seen(tweet.id, page):
                yield tweet


def _flat(value: Any) -> bool:
    return isinstance(value, str | int)


def _tweet(record: dict[str, Any], page: Page) -> dict[str, Any]:
    """Resolve author and parent; of included tweets only those of the page's own conversations are comments."""
    if isinstance(record.get("data"), dict) and "conversation_id" in record["data"]:
        record = record["data"]
    about = page.state.get("about")
    if about and record.get("conversation_id") not in about:
        raise SkipRecord("tweets of other conversations (quoted, retweeted)")
    references = record.get("referenced_tweets")
    replied = (
        [r for r in references if isinstance(r, dict) and r.get("type") == "replied_to"]
        if isinstance(references, list)
        else []
    )
    author = record.get("author_id")
    user = page.state.get("users", {}).get(author) if _flat(author) else None
    return {**record, "above": replied[0].get("id") if replied else None, "user": user or record.get("author")}


V2: Final = Style(
    name="twitter-v2",
    title="X/Twitter API v2 (pages, twarc)",
    platform="twitter",
    keys=("conversation_id text id", "data.conversation_id data.text"),
    lists=("data", "includes.tweets", ""),
    layout=Layout(
        id="id", thread="conversation_id", parent="above", author="author_id|user.id", name="user.username|user.name",
        text="note_tweet.text|text", created="created_at", likes="public_metrics.like_count",
        replies="public_metrics.reply_count", lang="lang", html=True,
    ),
    opening=_opening,
    adapt=_tweet,
    beside=_answered,
    ahead=True,
    once=True,
)  # fmt: skip


def _legacy(record: dict[str, Any], page: Page) -> dict[str, Any]:
    """Zeeschuimer keeps the tweet under ``legacy`` and its author elsewhere."""
    legacy = record.get("legacy")
    if not isinstance(legacy, dict):
        return record
    user: Any = record
    for key in ("core", "user_results", "result"):
        user = user.get(key) if isinstance(user, dict) else None
    user = user if isinstance(user, dict) else {}
    parts = [user.get(name) for name in ("legacy", "core")]
    name = next((p["screen_name"] for p in parts if isinstance(p, dict) and p.get("screen_name")), None)
    writer = legacy.get("user_id_str") or user.get("rest_id")
    return {
        **legacy,
        "id_str": legacy.get("id_str") or record.get("rest_id"),
        "user": {"id_str": writer, "screen_name": name},
    }


V1: Final = Style(
    name="twitter-v1",
    title="X/Twitter tweets (API v1.1)",
    platform="twitter",
    keys=("id_str created_at in_reply_to_status_id_str", "legacy.full_text", "id_str full_text user"),
    lists=("statuses", "globalObjects.tweets{}", ""),
    layout=Layout(
        id="id_str", thread="conversation_id_str", parent="in_reply_to_status_id_str", author="user.id_str|user_id_str",
        name="user.screen_name", text="extended_tweet.full_text|full_text|text", created="created_at",
        likes="favorite_count", replies="reply_count", lang="lang", html=True,
    ),
    adapt=_legacy,
    chained=True,
)  # fmt: skip


def _support(record: dict[str, Any], page: Page) -> dict[str, Any]:
    return {**record, "brand": str(record.get("inbound", "")).strip().lower() == "false"}


TWCS: Final = Style(
    name="twcs",
    title="Customer Support on Twitter (twcs.csv)",
    platform="twitter",
    keys=("tweet_id author_id inbound text in_response_to_tweet_id",),
    table=True,
    layout=Layout(
        id="tweet_id", parent="in_response_to_tweet_id", author="author_id", text="text", created="created_at",
        owner="brand", html=True, posts_own=False,
    ),
    adapt=_support,
    chained=True,
)  # fmt: skip

STYLES: Final = (V2, V1, TWCS)
FORMATS: Final[tuple[Format, ...]] = tuple(style.format() for style in STYLES)
