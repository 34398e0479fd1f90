"""What every reader is made of: a source (a file, decompressed), a format (how to recognise and read one)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from nlp_engage.types import Comment, ReadReport

HEAD_BYTES = 256 * 1024
"""How much of a file (decompressed) sniffing may look at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of an archive, opened through its compression.

    Attributes:
        path: The file (or, for ConvoKit, the folder).
        head: Its first ``HEAD_BYTES`` bytes, decompressed; empty for a folder.
        opener: Opens the decompressed byte stream from the start.
        columns: Column map given by the user for tabular files: our field -> their column. Empty: guess.
    """

    path: Path
    head: bytes
    opener: Callable[[], IO[bytes]]
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The path as the user gave it, for messages and the report."""
        return str(self.path)

    def open(self) -> IO[bytes]:
        """Open the decompressed stream; the caller closes it."""
        return self.opener()


class Sniffer(Protocol):
    """Says why a source is of this format, or ``None`` if it is not. Looks at content, never at the name."""

    def __call__(self, source: Source) -> str | None:
        """Return a short reason such as ``"keys link_id, parent_id"``."""
        ...


class Reader(Protocol):
    """Turns a source into comments, booking rejects and skips; never raises for a single bad record."""

    def __call__(self, source: Source, report: ReadReport) -> Iterator[Comment]:
        """Yield comments in file order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A supported format: one row of ``registry.FORMATS``."""

    name: str
    title: str
    sniff: Sniffer
    read: Reader
