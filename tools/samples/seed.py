"""The labelled replies of the scripts as ``data/labels/seed.jsonl`` (fields: ``data/labels/README.md``)."""

from __future__ import annotations

import json
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.text import detect_language
from nlp_engage.types import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from samples.threads import Sent, Thread

MAX_ABOVE: Final = 4
POST_CHARS: Final = 300
OWNER_MARK: Final = "(page owner)"


def seed_lines(threads: Sequence[Thread]) -> bytes:
    """Write every labelled reply of the exports, one JSON object a line, in the order of the threads."""
    return "".join(json.dumps(u, ensure_ascii=False) + "\n" for t in threads for u in units(t)).encode()


def units(thread: Thread) -> Iterator[dict[str, Any]]:
    """Yield the labelled replies of a thread whose text is English or Chinese."""
    post = thread.post
    for sent in thread.exported:
        language = detect_language(sent.text)
        language = post.lang if language == "und" else language
        if sent.turn.label is None or language not in LANGUAGES:
            continue
        above = _above(thread, sent)
        speakers = _letters(thread, [*above, sent])
        yield {
            "uid": thread.comment_key(sent.id),
            "lang": language,
            "platform": "xiaohongshu" if post.platform == "xhs" else post.platform,
            "source": "sample",
            "thread": thread.key,
            "post": post_text(thread)[:POST_CHARS],
            "above": [[speakers[s.turn.author], _text(s)] for s in above],
            "by": speakers[sent.turn.author],
            "reply": sent.text,
            "label": sent.turn.label,
            "act": sent.turn.act,
            "confidence": sent.turn.confidence,
        }


def post_text(thread: Thread) -> str:
    """Title and text of a post as one text."""
    return "\n\n".join(part for part in (thread.post.title, thread.post.text) if part)


def _above(thread: Thread, sent: Sent) -> list[Sent]:
    """The nearest comments above, oldest first; what stands above a lost comment cannot be known."""
    by_id = {s.id: s for s in thread.sent}
    above: list[Sent] = []
    parent = by_id.get(sent.parent_id)
    while parent is not None and len(above) < MAX_ABOVE:
        above.append(parent)
        parent = None if parent.turn.missing else by_id.get(parent.parent_id)
    return above[::-1]


def _text(sent: Sent) -> str:
    return "" if sent.turn.missing or sent.turn.gone else sent.text


def _letters(thread: Thread, turns: Sequence[Sent]) -> dict[str, str]:
    """A letter a person, by first turn; accounts that speak for the page or opened the thread are marked."""
    authors = dict.fromkeys(s.turn.author for s in turns)
    return {
        author: letter + (OWNER_MARK if thread.post.is_owner(author) else "")
        for letter, author in zip(ascii_uppercase, authors, strict=False)
    }
