"""Chats: Telegram Desktop exports and DiscordChatExporter files. A message that answers nothing opens a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nlp_engage.readers.jsonio import HOLDER
from nlp_engage.readers.records import BadRecordError, Layout, Page, SkipRecord
from nlp_engage.readers.styles import Style
from nlp_engage.readers.values import MangledIdError, as_count, as_id, as_link

if TYPE_CHECKING:
    from nlp_engage.readers.base import Format


def reactions(record: dict[str, Any]) -> int | None:
    """The sum of all reactions of a message."""
    counts = [as_count(r.get("count")) for r in record.get("reactions") or () if isinstance(r, dict)]
    return sum(c for c in counts if c is not None) if counts else None


def _telegram_text(value: Any) -> str:
    if not isinstance(value, list):
        return value if isinstance(value, str) else ""
    parts = (p if isinstance(p, str) else p.get("text") if isinstance(p, dict) else "" for p in value)
    return "".join(p for p in parts if isinstance(p, str))


def _telegram(record: dict[str, Any], page: Page) -> dict[str, Any]:
    chat = record.get(HOLDER) or page.value
    if chat is record:  # a message that was saved without its chat
        chat = {}
    text = _telegram_text(record.get("text")) or str(record.get("sticker_emoji") or "")
    if record.get("type") == "service":
        if record.get("action") != "topic_created":
            raise SkipRecord("Telegram service messages")
        text = str(record.get("title") or text)
    try:
        own, room = as_id(record.get("id")), as_id(chat.get("id")) or page.source.label
        above, elsewhere = as_link(record.get("reply_to_message_id")), as_id(record.get("reply_to_peer_id"))
    except MangledIdError as error:
        raise BadRecordError(f"the id {error} is rounded (by a spreadsheet): its last digits are lost") from None
    writer = record.get("from_id", record.get("actor_id"))
    there = (elsewhere or room).removeprefix("channel").removeprefix("user").removeprefix("chat")
    return {
        **record, "own": f"{room}:{own}" if own else None, "above": f"{there}:{above}" if above else None,
        "words": text,
        "writer": writer, "name": record.get("from", record.get("actor")), "owner": str(writer).startswith("channel"),
        "reactions_": reactions(record),
    }  # fmt: skip


def _is_telegram(record: Any) -> bool:
    return record.get("type") in ("message", "service") and isinstance(record.get("date"), str)


TELEGRAM: Final = Style(
    name="telegram",
    title="Telegram Desktop export (result.json)",
    platform="telegram",
    keys=("id type date text",),
    check=_is_telegram,
    lists=("messages", "chats.list[].messages", "left_chats.list[].messages", ""),
    layout=Layout(
        id="own", parent="above", author="writer|name", name="name", text="words", created="date_unixtime|date",
        likes="reactions_", owner="owner", posts_own=False,
    ),
    adapt=_telegram,
    chained=True,
)  # fmt: skip


def _discord(record: dict[str, Any], page: Page) -> dict[str, Any]:
    kind = str(record.get("type", "Default"))
    if kind not in (
        "Default",
        "Reply",
        "0",
        "19",
        "20",
        "ApplicationCommand",
        "ChatInputCommand",
        "ContextMenuCommand",
    ):
        raise SkipRecord("Discord system messages")
    reference = record.get("reference")
    answers = kind in ("Reply", "19") and isinstance(reference, dict) and reference.get("type") != "Forward"
    channel = page.value.get("channel") if isinstance(page.value, dict) else None
    inside = isinstance(channel, dict) and "Thread" in str(channel.get("type"))
    return {
        **record, "above": reference.get("messageId") if answers and isinstance(reference, dict) else None,
        "room": channel.get("id") if inside and isinstance(channel, dict) else None, "reactions_": reactions(record),
    }  # fmt: skip


DISCORD: Final = Style(
    name="discord",
    title="DiscordChatExporter (JSON)",
    platform="discord",
    keys=("id type timestamp content author.id",),
    lists=("messages", ""),
    layout=Layout(
        id="id", thread="room", parent="above", author="author.id", name="author.nickname|author.name",
        text="content|forwardedMessage.content", created="timestamp", likes="reactions_", posts_own=False,
    ),
    adapt=_discord,
    chained=True,
)  # fmt: skip

STYLES: Final = (TELEGRAM, DISCORD)
FORMATS: Final[tuple[Format, ...]] = tuple(style.format() for style in STYLES)
