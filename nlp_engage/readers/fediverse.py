"""Mastodon (statuses, contexts, archive exports) and Bluesky (threads, posts)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nlp_engage.readers.records import BadRecordError, Layout, Page, SkipRecord, make
from nlp_engage.readers.styles import Style

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Format
    from nlp_engage.types import Comment


def _context(page: Page) -> Iterator[Comment]:
    """A context leaves out the status it was asked for: tell the chains where that one belongs."""
    above, below = page.value.get("ancestors"), page.value.get("descendants")
    if isinstance(above, list) and isinstance(below, list) and above and below:
        listed = {s.get("id") for s in (*above, *below) if isinstance(s, dict) and isinstance(s.get("id"), str)}
        replied = [s.get("in_reply_to_id") for s in below if isinstance(s, dict)]
        asked = next((r for r in replied if isinstance(r, str) and r not in listed), None)
        last = above[-1].get("id") if isinstance(above[-1], dict) else None
        if asked and isinstance(last, str) and last and "chains" in page.source.memory:
            page.source.memory["chains"].add(asked, last)
    yield from ()


def _status(record: dict[str, Any], page: Page) -> dict[str, Any]:
    if record.get("reblog"):
        raise SkipRecord("Mastodon boosts")
    return record


MASTODON: Final = Style(
    name="mastodon",
    title="Mastodon (statuses, /context)",
    platform="mastodon",
    keys=("id in_reply_to_id account.acct content",),
    lists=("ancestors", "descendants", "statuses", ""),
    layout=Layout(
        id="id", parent="in_reply_to_id", author="account.id", name="account.acct|account.username",
        text="spoiler_text+content", created="created_at", likes="favourites_count", replies="replies_count",
        lang="language", html=True,
    ),
    opening=_context,
    adapt=_status,
    chained=True,
    once=True,
)  # fmt: skip


def _activity(record: dict[str, Any], page: Page) -> dict[str, Any]:
    note = record.get("object") if isinstance(record.get("object"), dict) else record
    if not isinstance(note, dict) or note.get("type") not in ("Note", "Article", "Question", "Page"):
        raise SkipRecord("ActivityPub activities that are no notes")
    return note


OUTBOX: Final = Style(
    name="activitypub",
    title="ActivityPub outbox (Mastodon archive export)",
    platform="mastodon",
    keys=("type object.content object.published", "object.inReplyTo", "type actor object"),
    lists=("orderedItems", ""),
    layout=Layout(
        id="id", parent="inReplyTo", author="attributedTo", text="summary+content", created="published", html=True,
    ),
    adapt=_activity,
    chained=True,
)  # fmt: skip

_POST: Final = Layout(
    id="uri", thread="record.reply.root.uri|uri", parent="record.reply.parent.uri", author="author.did",
    name="author.handle", text="record.text", created="record.createdAt|record.created_at|indexedAt|indexed_at",
    likes="likeCount|like_count", replies="replyCount|reply_count", below=("replies",),
)  # fmt: skip


def _skeet(record: dict[str, Any], page: Page) -> dict[str, Any]:
    """Unwrap a post from a thread, a flat thread item or a list."""
    for name in ("thread", "value"):
        if isinstance(record.get(name), dict):
            record = record[name]
    kind = str(record.get("$type") or record.get("py_type"))
    if "post" not in record and (record.get("notFound") or record.get("not_found") or "NotFound" in kind):
        raise SkipRecord("Bluesky posts that are gone")
    if "post" not in record and (record.get("blocked") or "locked" in kind or "NoUnauthenticated" in kind):
        raise SkipRecord("Bluesky posts behind a block or a login")
    post = record.get("post", record)
    if not isinstance(post, dict) or not isinstance(post.get("record"), dict):
        raise BadRecordError("no Bluesky post: it has no record")
    return {**post, "replies": record.get("replies")}


def _above(page: Page) -> Iterator[Comment]:
    """The posts above the one that was asked for hang on it as a chain; the topmost comes first."""
    chain, node = [], page.value.get("thread")
    node = node.get("parent") if isinstance(node, dict) else None
    while isinstance(node, dict):
        chain.append(node)
        node = node.get("parent")
    for one in reversed(chain):
        try:
            yield make(_skeet(one, page), _POST, page, platform="bluesky")
        except (SkipRecord, BadRecordError):  # gone or blocked: what answers it keeps its id
            continue


BLUESKY: Final = Style(
    name="bluesky",
    title="Bluesky (getPostThread, lists of posts)",
    platform="bluesky",
    keys=("thread.post.uri", "uri depth value", "post.uri post.record", "uri record.text author.did"),
    lists=("thread", "posts", "feed", ""),
    layout=_POST,
    opening=_above,
    adapt=_skeet,
)  # fmt: skip

STYLES: Final = (MASTODON, OUTBOX, BLUESKY)
FORMATS: Final[tuple[Format, ...]] = tuple(style.format() for style in STYLES)
