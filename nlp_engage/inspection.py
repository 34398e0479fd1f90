"""What is in an archive, before anything is labelled: the answer of ``nlp-engage inspect``."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.counters import completeness
from nlp_engage.readers import read
from nlp_engage.readers.files import find
from nlp_engage.readers.inside import Inside
from nlp_engage.readers.streams import compression
from nlp_engage.structure import depths
from nlp_engage.text import detect_language
from nlp_engage.tree import build_trees
from nlp_engage.types import ReadReport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from nlp_engage.types import DialogueTree

LARGE: Final = 300_000_000
"""Bytes beyond which an archive is sampled."""
PACKED: Final = 6
"""How often larger than on disk a compressed file is taken to be."""
SAMPLE: Final = 32_000_000
"""Bytes of a sample, shared out evenly among the files."""
_LEAST: Final = 256 * 1024
"""Bytes read of each file at least."""
LANGUAGES: Final = 2_000
"""Comments whose language is told."""
KEYS: Final = (
    "format", "format_reason", "threads", "posts", "comments", "rejected", "max_depth", "authors", "issues",
    "completeness", "read", "kept", "skipped", "owner_replies", "languages", "languages_of", "platforms", "first",
    "last", "sampled", "sample", "files", "rejects", "links",
)  # fmt: skip
"""What is told of an archive, in this order."""
_NO_FORMAT: Final = frozenset({"ignored", "unknown", "unreadable"})
"""What stands in place of a format for files that could not be read."""


def inspect_archive(
    paths: Sequence[str],
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    owners: Collection[str] = (),
    keep: int = 5,
) -> tuple[dict[str, Any], list[DialogueTree]]:
    """Describe an archive, of a large one a sample: the beginning of each file.

    Files of more than ``LARGE`` bytes together (compressed ones count ``PACKED``-fold) are sampled; ``sampled``
    says so, and every count is then one of the sample. Languages are told of ``languages_of`` comments, at most
    ``LANGUAGES``, chosen at random but always the same.

    Args:
        paths: Files, folders, globs.
        format: Format name instead of sniffing.
        columns: Column map for tabular files.
        owners: Accounts that own the page, where the export does not tell.
        keep: How many of the largest threads to return.

    Returns:
        ``format, threads, posts, comments, rejected, max_depth, authors, issues, completeness, ...`` and the
        largest threads.

    Raises:
        ReadError: Nothing can be read.
    """
    report = ReadReport()
    tally = _Tally(keep)
    size, count = _sizes(paths)
    head = max(SAMPLE // count, _LEAST) if size > LARGE else None
    comments = read(list(paths), format=format, columns=columns, report=report, head=head, owners=owners)
    for tree in build_trees(comments):
        tally.add(tree)
    reasons = _reasons(report)
    found = {
        "format": ", ".join(sorted(reasons)),
        "format_reason": dict(sorted(reasons.items())),
        **tally.shape(),
        "rejected": report.n_rejected,
        "read": report.read,
        "kept": report.kept,
        "skipped": report.skipped,
        "sample": f"the first {head / 1e6:,.1f} MB of each file, of about {size / 1e9:,.2f} GB in all"
        if head
        else None,
        "sampled": any(told.endswith("only the beginning was read") for told in report.formats.values()),
        "files": report.formats,
        "rejects": {f"{r.file}, {r.place}": r.reason for r in report.rejected[:20]},
    }
    return {key: found[key] for key in KEYS}, tally.largest


def _reasons(report: ReadReport) -> dict[str, str]:
    """Why files were taken for each format; of many files of a format the reason for the first."""
    told = [line.split(":", 1) for line in report.formats.values()]
    counts = Counter(name for name, _ in told)
    first = {name: reason.strip() for name, reason in reversed(told) if name not in _NO_FORMAT}
    return {n: why + (f" (the first of {counts[n]:,} files)" if counts[n] > 1 else "") for n, why in first.items()}


def _sizes(paths: Sequence[str]) -> tuple[int, int]:
    """Bytes in all files, unpacked, and how many files there are."""
    sizes = []
    for found in find(paths):
        for path in found.path.iterdir() if found.path.is_dir() else (found.path,):
            with suppress(OSError):
                sizes.append(_size(path))
    return sum(sizes), len(sizes)


def _size(path: Path | Inside) -> int:
    """Bytes of a file, about those it unpacks to if it is compressed; none of what is no regular file."""
    if isinstance(path, Inside):
        return path.size()
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        packed = compression(file.read(8)) is not None
    return path.stat().st_size * (PACKED if packed else 1)


class _Tally:
    """Counts over the trees of an archive as they pass by."""

    def __init__(self, keep: int) -> None:
        self.largest: list[DialogueTree] = []
        self._keep = keep
        self._counts = Counter[str]()
        self._authors: set[str] = set()
        self._issues, self._platforms = Counter[str](), Counter[str]()
        self._links = Counter[str]()
        self._texts, self._heard, self._random = list[str](), 0, Random(0)
        self._max_depth = 0
        self._first: datetime | None = None
        self._last: datetime | None = None

    def add(self, tree: DialogueTree) -> None:
        real = [c for c, gone in zip(tree.comments[1:], tree.stand_in[1:], strict=True) if not gone]
        collected, declared = completeness(tree) or (0, 0)
        self._counts.update(
            threads=1,
            posts=int(not tree.stand_in[0]),
            comments=len(real),
            owner_replies=sum(c.is_owner for c in real),
            collected=collected,
            declared=declared,
        )
        self._max_depth = max(self._max_depth, int(np.max(depths(tree))))
        self._authors.update(c.author for c in real if c.author is not None)
        self._issues.update(str(issue.kind) for issue in tree.issues)
        replies = zip(tree.link_method[1:], tree.stand_in[1:], strict=True)
        self._links.update(str(method) for method, gone in replies if not gone)
        self._hear(c.text for c in real)
        self._platforms.update(c.platform or "unknown" for c in real)
        if times := [t for c in real if (t := c.created) is not None]:
            self._first = min(times) if self._first is None else min(self._first, *times)
            self._last = max(times) if self._last is None else max(self._last, *times)
        self.largest = sorted([*self.largest, tree], key=lambda t: (-len(t), t.thread_id))[: self._keep]

    def _hear(self, texts: Iterable[str]) -> None:
        """Keep a random sample of the texts: telling languages takes longer than all the rest."""
        for text in texts:
            self._heard += 1
            if len(self._texts) < LANGUAGES:
                self._texts.append(text)
            elif (place := self._random.randrange(self._heard)) < LANGUAGES:
                self._texts[place] = text

    def shape(self) -> dict[str, Any]:
        counts = self._counts
        return {
            **{key: counts[key] for key in ("threads", "posts", "comments", "owner_replies")},
            "max_depth": self._max_depth,
            "authors": len(self._authors),
            "issues": dict(sorted(self._issues.items())),
            "links": dict(sorted(self._links.items())),
            "completeness": round(counts["collected"] / counts["declared"], 4) if counts["declared"] else None,
            "languages": dict(Counter(map(detect_language, self._texts)).most_common()),
            "languages_of": len(self._texts),
            "platforms": dict(self._platforms.most_common()),
            "first": self._first.isoformat() if self._first else None,
            "last": self._last.isoformat() if self._last else None,
        }
