"""What is in an archive, before anything is labelled: the answer of ``nlp-engage inspect``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_engage.readers import read
from nlp_engage.structure import depths
from nlp_engage.text import detect_language
from nlp_engage.tree import build_trees, completeness
from nlp_engage.types import ReadReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.types import DialogueTree


def inspect_archive(
    paths: Sequence[str],
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    keep: int = 5,
) -> tuple[dict[str, Any], list[DialogueTree]]:
    """Read an archive whole and describe it.

    Args:
        paths: Files, folders, globs.
        format: Format name instead of sniffing.
        columns: Column map for tabular files.
        keep: How many of the largest threads to return.

    Returns:
        ``format, threads, posts, comments, rejected, max_depth, authors, issues, completeness, ...`` and the
        largest threads.

    Raises:
        ReadError: Nothing can be read.
    """
    report = ReadReport()
    issues, languages, platforms, authors = Counter[str](), Counter[str](), Counter[str](), set[str]()
    threads = posts = comments = owner_replies = max_depth = collected = declared = 0
    times: list[Any] = []
    largest: list[DialogueTree] = []
    for tree in build_trees(read(list(paths), format=format, columns=columns, report=report)):
        threads += 1
        posts += int(not tree.stand_in[0])
        real = [c for c, gone in zip(tree.comments[1:], tree.stand_in[1:], strict=True) if not gone]
        comments += len(real)
        owner_replies += sum(c.is_owner for c in real)
        max_depth = max(max_depth, int(np.max(depths(tree))))
        authors.update(c.author for c in real if c.author is not None)
        issues.update(str(i.kind) for i in tree.issues)
        languages.update(detect_language(c.text) for c in real)
        platforms.update(c.platform or "unknown" for c in real)
        times += [c.created for c in real if c.created is not None]
        if (counted := completeness(tree)) is not None:
            collected, declared = collected + counted[0], declared + counted[1]
        largest = sorted([*largest, tree], key=lambda t: (-len(t), t.thread_id))[:keep]
    found = {
        "format": ", ".join(sorted({f.split(":", 1)[0] for f in report.formats.values()})),
        "threads": threads,
        "posts": posts,
        "comments": comments,
        "rejected": report.n_rejected,
        "max_depth": max_depth,
        "authors": len(authors),
        "issues": dict(sorted(issues.items())),
        "completeness": round(collected / declared, 4) if declared else None,
        "read": report.read,
        "kept": report.kept,
        "skipped": report.skipped,
        "owner_replies": owner_replies,
        "languages": dict(languages.most_common()),
        "platforms": dict(platforms.most_common()),
        "first": min(times).isoformat() if times else None,
        "last": max(times).isoformat() if times else None,
        "files": report.formats,
        "rejects": {f"{r.file}, {r.place}": r.reason for r in report.rejected[:20]},
    }
    return found, largest
