"""ConvoKit corpora: a folder of utterances, speakers and conversations, of any age of the format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.readers.base import Format
from nlp_engage.readers.canonical import lenient
from nlp_engage.readers.files import CORPUS_FILES, Found, UnreadableError, open_source
from nlp_engage.readers.jsonio import documents, members
from nlp_engage.readers.records import BadRecordError, Layout, Page, excerpt, has, join, make
from nlp_engage.readers.styles import candidates
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nlp_engage.readers.base import Source
    from nlp_engage.readers.inside import Inside
    from nlp_engage.types import ReadReport

MARK: Final = "nlp_engage"
"""Key in the meta of utterances that ``writers`` made: what is there is exact."""
EXACT: Final = (
    "author",
    "created",
    "likes",
    "is_owner",
    "lang",
    "platform",
    "author_name",
    "root_id",
    "n_replies",
    "deleted",
)
"""Fields that stand in the meta of an utterance under their own names."""
_GONE: Final = frozenset({"[deleted]", "[removed]"})
_LAYOUT: Final = Layout(
    id="id", thread="conversation_id|root", parent="reply-to|reply_to", author="speaker.id|speaker|user.id|user",
    text="text", created="timestamp", likes="meta.score|meta.likes|meta.like_count",
)  # fmt: skip


def _is_utterance(record: Any) -> bool:
    return has(record, "id text") and any(
        has(record, f"{thread} {reply}") for thread in ("conversation_id", "root") for reply in ("reply-to", "reply_to")
    )


def _sniff(source: Source) -> str | None:
    if source.sample.kind == "folder":
        return next((f"a folder with {name}" for name in CORPUS_FILES if (source.path / name).is_file()), None)
    if source.sample.kind in ("lines", "json") and any(
        _is_utterance(r) for doc in source.sample.docs for r in candidates(doc, "")
    ):
        return "utterances with conversation_id and reply-to"
    return None


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    titles: dict[str, str] = {}
    utterances: Source | None = source
    if source.sample.kind == "folder":
        conversations = _child(source.path / "conversations.json", source, report, needed=False)
        titles = _titles(conversations, report) if conversations else {}
        name = next(n for n in CORPUS_FILES if (source.path / n).is_file())
        utterances = _child(source.path / name, source, report, needed=True)
    if utterances is None:
        return
    page = Page(source=utterances, value={}, thread=source.label, state={})
    for document in documents(utterances, ("",), report):
        record = document.value
        try:
            comment = _comment(record, page)
        except BadRecordError as error:
            report.reject(utterances.name, document.place, str(error), excerpt(record))
            continue
        title = titles.pop(comment.thread_id, None) if comment.is_post else None
        if title and not comment.text.startswith(title):
            comment = msgspec.structs.replace(comment, text=join([title, comment.text]))
        yield comment
    if utterances is not source:
        source.faults.extend(utterances.faults)
        source.cut.made = utterances.cut.made
    for thread, title in titles.items():  # conversations whose first utterance is not the post itself
        yield Comment(id=thread, thread_id=thread, text=title)


def _child(path: Path | Inside, folder: Source, report: ReadReport, *, needed: bool) -> Source | None:
    try:
        return open_source(Found(path=path, label=folder.label, named=False), limit=folder.cut.limit)
    except UnreadableError as error:
        if needed:
            report.reject(str(path), 1, str(error))
        return None


def _titles(source: Source, report: ReadReport) -> dict[str, str]:
    """Titles of the posts, where conversations have some: the only thing kept of their meta."""
    found = {}
    for thread, value in members(source, report):
        meta = value.get("meta", value) if isinstance(value, dict) else None
        title = meta.get("title") if isinstance(meta, dict) else None
        if isinstance(title, str) and title.strip():
            found[thread] = title.strip()
    return found


def _comment(record: Any, page: Page) -> Comment:
    if not isinstance(record, dict):
        raise BadRecordError("an utterance should be an object")
    meta = record.get("meta")
    if isinstance(meta, dict) and meta.get(MARK):
        exact = {name: meta[name] for name in EXACT if name in meta}
        exact.setdefault("author", record.get("speaker"))
        fields = {
            "id": record.get("id"), "thread_id": record.get("conversation_id"), "parent_id": record.get("reply-to"),
            "text": record.get("text"), **exact,
        }  # fmt: skip
        try:
            return msgspec.convert(fields, Comment)
        except msgspec.ValidationError:
            return lenient(fields, page)
    comment = make(record, _LAYOUT, page, platform=None)
    gone = comment.text.strip() in _GONE
    return msgspec.structs.replace(
        comment,
        is_owner=False,
        text="" if gone else comment.text,
        deleted=gone,
        author=None if comment.author in _GONE else comment.author,
        platform="reddit" if isinstance(meta, dict) and "subreddit" in meta else None,
    )


CONVOKIT = Format(name="convokit", title="ConvoKit corpus (folder or utterances.jsonl)", sniff=_sniff, read=_read)
