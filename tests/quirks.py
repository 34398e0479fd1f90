"""What a quirk of a format is: a small export of our own writing that shows it, and what has to be read from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from nlp_engage.tree import build_trees
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Mapping


class Files(dict[str, Any]):
    """Several files of one export: name -> content."""


@dataclass(frozen=True, kw_only=True)
class Quirk:
    """One quirk.

    Attributes:
        format: The format that has to be recognised, or several with spaces between.
        says: The quirk in words: the id of the test.
        given: What the file holds (see ``reading.put``), or ``Files``. A single file is called ``x``.
        want: ``"<comment id>.<field>"`` -> its value. The field ``tree`` is the parent in the healed tree.
        whole: ``<comment id>`` -> every field that is not its default, but for the id itself.
        ids: All comments, where it matters that there are no others.
        skipped: What is left out by the format's own rules, all reasons together; ``None``: no matter.
        rejected: How many records are rejected.
        twice: How many records have an id that another one has: the tree keeps the latest.
    """

    format: str
    says: str
    given: Any
    want: Mapping[str, Any] = field(default_factory=dict)
    whole: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ids: frozenset[str] | None = None
    skipped: int | None = None
    rejected: int = 0
    twice: int = 0


def value_of(found: Mapping[str, Comment], own: str, name: str) -> Any:
    """A field of a comment; ``tree`` is the parent after healing."""
    assert own in found, f"there is no comment {own!r}, only {', '.join(found)}"
    if name != "tree":
        return getattr(found[own], name)
    tree = next(t for t in build_trees(found.values()) if t.thread_id == found[own].thread_id)
    at = [c.id for c in tree.comments].index(own)
    return tree.comments[int(tree.parents[at])].id


_DEFAULTS = msgspec.structs.asdict(Comment(id="", thread_id=""))


def fields_of(comment: Comment) -> dict[str, Any]:
    """Every field of a comment that is not its default, but for the id."""
    return {k: v for k, v in msgspec.structs.asdict(comment).items() if k != "id" and v != _DEFAULTS[k]}


def quirk(format: str, says: str, given: Any, want: Mapping[str, Any] | None = None, **more: Any) -> Quirk:
    """A quirk; ``ids`` may be any collection, or one string with spaces between."""
    ids = more.pop("ids", None)
    if ids is not None:
        more["ids"] = frozenset(ids.split() if isinstance(ids, str) else ids)
    return Quirk(format=format, says=says, given=given, want=want or {}, **more)


def utc(*parts: int) -> datetime:
    """A time in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]
