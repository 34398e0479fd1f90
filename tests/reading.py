"""Helpers of the reader tests: write a small archive, read it, look at what came out."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_engage.readers import read
from nlp_engage.types import ReadReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp_engage.types import Comment


def packed(folder: Path, name: str, content: bytes, packing: str) -> Path:
    """What to read for a file that lies there ``plain``, in a ``zip`` or ``gzip`` beside it, or in its ``folder``."""
    path = put(folder, name, content)
    if packing == "zip":
        path = folder / "a.zip"
        with zipfile.ZipFile(path, "w") as out:
            out.writestr(f"in/{name}", content)
    elif packing == "gzip":
        path = put(folder, "w.gz", gzip.compress(content))
    elif packing == "folder":
        path = folder
    return path


def put(folder: Path, name: str, content: Any) -> Path:
    """Write bytes as they are, text as UTF-8, a list of lines (JSON) or any other value as JSON."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, str):
        path.write_text(content, "utf-8")
    else:
        path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return path


def load(name: str) -> Any:
    """A small export written for the tests: JSON as a value, anything else as text."""
    text = (Path(__file__).parent / "data" / "formats" / name).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else text


def lines(*records: Any) -> str:
    """JSON lines."""
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)


def read_all(*paths: Path, **options: Any) -> tuple[dict[str, Comment], ReadReport]:
    """The comments by id, and the books, which have to add up."""
    report = ReadReport()
    found = list(read(list(paths), report=report, **options))
    assert report.kept == len(found)
    assert report.read == report.kept + report.n_rejected
    assert len({c.id for c in found}) == len(found), "ids are unique"
    return {c.id: c for c in found}, report


def parents(comments: dict[str, Comment]) -> dict[str, str | None]:
    """Id -> parent."""
    return {c.id: c.parent_id for c in comments.values()}


def owners(comments: dict[str, Comment]) -> set[str]:
    """Comments (not posts) of the owner."""
    return {c.id for c in comments.values() if c.is_owner and not c.is_post}


def reasons(report: ReadReport) -> Sequence[str]:
    """Reasons of the rejects."""
    return [r.reason for r in report.rejected]
