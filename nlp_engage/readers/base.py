"""What every reader is made of: a source (a file, decompressed), a sample of it, a format that reads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from nlp_engage.readers.streams import Cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from nlp_engage.readers.inside import Inside
    from nlp_engage.types import Comment, ReadReport

HEAD_BYTES: Final = 256 * 1024
"""How much of a file (decompressed) sniffing may look at."""
MAX_RECORD: Final = 32 * 1024 * 1024
"""Bytes of the longest record (a JSON line, a JSON value, a field) that is read; longer ones are rejected."""
MAX_WHOLE: Final = 16 * 1024 * 1024
"""Bytes up to which a JSON document is loaded whole; beyond, its list of records is streamed."""
MAX_DEPTH: Final = 50_000
"""Levels of nesting beyond which a JSON value is rejected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the head of a file shows, made once and shown to every sniffer.

    Attributes:
        kind: ``json`` (one or several values), ``lines`` (one JSON value a line), ``table`` (CSV, TSV), ``xml``,
            ``html``, ``parquet``, ``folder``, ``text``, ``binary`` or ``empty``.
        text: The head as text; empty for binary files.
        docs: The first JSON values; the last one may be cut where the head ends.
        header: Column names of a table.
        delimiter: What separates the columns of a table.
        regular: Whether the rows of a table have as many fields as there are columns (prose has not).
        encoding: How the file is encoded.
        seen: What was seen, in words, for error messages.
        inside: Where in each JSON value everything is, if it comes in an envelope (``"data"``).
    """

    kind: str
    text: str = ""
    docs: tuple[Any, ...] = ()
    header: tuple[str, ...] = ()
    delimiter: str = ","
    regular: bool = False
    encoding: str = "utf-8"
    seen: str = ""
    inside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of an archive, opened through its compression and encoding.

    Attributes:
        path: The file (or, for a ConvoKit corpus, the folder), also inside a zip archive.
        label: Short name without suffixes, unique in the run: the thread id where a file names no thread.
        sample: What its head shows.
        opener: Opens the decompressed stream from the start, as UTF-8 without byte order mark.
        columns: Column map given by the user: our field -> their column. Empty: guess.
        faults: Damage found while the stream was read (truncated compression, ...); the run books it.
        notes: Things to tell about the file as a whole, counted (mangled ids, unreadable times, ...).
        memory: What the format remembers from one file of a run to the next.
        cut: Whether only the beginning of the file is read.
    """

    path: Path | Inside
    label: str
    sample: Sample
    opener: Callable[[], IO[bytes]]
    columns: Mapping[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    memory: dict[str, Any] = field(default_factory=dict)
    cut: Cut = field(default_factory=Cut)

    @property
    def name(self) -> str:
        """The path as the user gave it, for messages and the report."""
        return str(self.path)

    def open(self) -> IO[bytes]:
        """Open the stream; the caller closes it."""
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
    """A supported format: one row of ``registry.FORMATS``.

    Attributes:
        name: Name for ``--format`` and the report.
        title: What it is, for error messages and documents.
        sniff: Recognises it.
        read: Reads it.
        posts_own: Whether the author of a post owns the page, so that their comments below it are the owner's.
        holds_posts: Whether the source holds post records that other files refer to: such files are read first.
        prepare: Looks through a file before any file of the format is read, to learn what other files refer to.
    """

    name: str
    title: str
    sniff: Sniffer
    read: Reader
    posts_own: bool = False
    holds_posts: Callable[[Source], bool] = lambda source: False
    prepare: Callable[[Source], None] | None = None


def whole_page(source: Source, report: ReadReport) -> str | None:
    """The text of a saved page; ``None``, and a reject, where it has more than ``MAX_RECORD`` characters."""
    with source.open() as stream:
        page = stream.read(MAX_RECORD + 1).decode("utf-8", "replace")
    if len(page) > MAX_RECORD:
        report.reject(source.name, 1, f"a page of more than {MAX_RECORD:,} characters")
        return None
    return page
