"""From paths to sources: files, folders and globs, sorted, with everything that is no archive told apart."""

from __future__ import annotations

import glob
import os
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.errors import ReadError
from nlp_engage.readers.base import HEAD_BYTES, Sample, Source
from nlp_engage.readers.database import tables
from nlp_engage.readers.inside import Inside
from nlp_engage.readers.sniffing import make_sample
from nlp_engage.readers.streams import BOMB_BYTES, BOMB_RATIO, Cut, inflate, opener
from nlp_engage.readers.workbook import sheets
from nlp_engage.readers.zipped import Member, members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import PurePath

CORPUS_FILES: Final = ("utterances.jsonl", "utterances.json")
"""A folder with one of these is a ConvoKit corpus and read as one source."""
_SUFFIXES: Final = frozenset({
    ".gz", ".zst", ".zstd", ".zst_blocks", ".bz2", ".xz", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".xml",
    ".txt", ".parquet", ".html", ".htm", ".zip", ".db", ".sqlite", ".sqlite3", ".xlsx",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file (or corpus folder, or table) to read, also inside a zip archive, a database or a workbook.

    Attributes:
        path: Where it is.
        label: Short name without suffixes, relative to the folder the user gave.
        named: Whether the user named this very file: then not knowing it is an error.
    """

    path: Path | Inside
    label: str
    named: bool


def find(paths: Iterable[str | os.PathLike[str]]) -> list[Found]:
    """List the files behind paths, each once, in a fixed order.

    Args:
        paths: Files, folders (searched through, links to folders above are not followed twice) and globs.

    Raises:
        ReadError: A path does not exist, or a glob matches nothing.
    """
    found: dict[str, Found] = {}
    for path in paths:
        for one in _expand(Path(path)):
            found.setdefault(os.path.abspath(str(one.path)), one)
    return _distinct(list(found.values()))


def _expand(path: Path) -> Iterator[Found]:
    if path.is_dir():
        yield from _walk(path)
    elif os.path.lexists(path):
        yield from _file(path, _label(Path(path.name)), named=True)
    elif glob.has_magic(str(path)):
        matches = sorted(glob.glob(str(path), recursive=True))
        if not matches:
            raise ReadError(f"{path} matches no file; check the pattern and the folder you are in ({Path.cwd()})")
        for match in matches:
            one = Path(match)
            if one.is_dir():
                yield from _walk(one)
            else:
                yield from _file(one, _label(Path(one.name)), named=False)
    else:
        raise ReadError(f"{path} does not exist; check the path and the folder you are in ({Path.cwd()})")


def _walk(folder: Path) -> Iterator[Found]:
    """The files below a folder; a folder that was seen (a loop of links) is not entered again."""
    seen: set[tuple[int, int]] = set()
    for where, folders, files in os.walk(folder, followlinks=True):
        here = Path(where)
        state = here.stat()
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if not set(files).isdisjoint(CORPUS_FILES):
            yield Found(path=here, label=_label(here.relative_to(folder)) or here.resolve().name, named=here == folder)
            continue
        for name in sorted(files):
            one = here / name
            yield from _file(one, _label(one.relative_to(folder)), named=False)


def _file(path: Path, label: str, *, named: bool) -> Iterator[Found]:
    """A file, or the files inside if it is a zip archive; corpora in there are read as one source, too."""
    inside = members(path, BOMB_BYTES, BOMB_RATIO) if path.is_file() else None
    if inside is None:
        yield from _tables(path, label, named=named)
        return
    corpora = {one.inner.rpartition("/")[0] for one in inside if one.name in CORPUS_FILES}
    for folder in sorted(corpora):
        corpus = Member(path, inside[0].files, folder)
        yield Found(path=corpus, label=f"{label}/{folder}".rstrip("/"), named=False)
    for one in inside:
        if one.inner.rpartition("/")[0] not in corpora:
            yield from _tables(one, f"{label}/{_label(PurePosixPath(one.inner))}".rstrip("/"), named=False)


def _tables(path: Path | Inside, label: str, *, named: bool) -> Iterator[Found]:
    """A file, or the tables inside if it is a database or a workbook."""
    inside = (tables(path) or sheets(path)) if path.is_file() else None
    if inside is None:
        yield Found(path=path, label=label, named=named)
    else:
        yield from (Found(path=one, label=f"{label}/{one.inner}".rstrip("/"), named=False) for one in inside)


def _label(path: PurePath) -> str:
    while path.suffix.lower() in _SUFFIXES:
        path = path.with_suffix("")
    return "" if path == type(path)() else path.as_posix()


def _distinct(files: Sequence[Found]) -> list[Found]:
    """Labels that occur twice (files of one name in several folders) get their folder, then a number."""
    out: list[Found] = []
    count = Counter(f.label for f in files)
    used: set[str] = set()
    for one in files:
        label = one.label
        if count[label] > 1:
            label = f"{Path(str(one.path)).absolute().parent.name}/{label}"
        number = 2
        while label in used:
            label, number = f"{one.label}-{number}", number + 1
        used.add(label)
        out.append(Found(path=one.path, label=label, named=one.named))
    return out


class UnreadableError(Exception):
    """A file that cannot be opened or is no file; the message says what it is."""


def open_source(
    found: Found,
    columns: Mapping[str, str] | None = None,
    memory: dict[str, Any] | None = None,
    limit: int | None = None,
) -> Source:
    """Look at a file and make it a source.

    Args:
        found: The file.
        columns: Column map given by the user.
        memory: What the format remembers from one file of a run to the next.
        limit: Read only so many bytes (decompressed) of the beginning.

    Raises:
        UnreadableError: It is no regular file, or the system does not let us open it.
    """
    path, faults, cut = found.path, list[str](), Cut(limit)
    try:
        mode = path.stat().st_mode if isinstance(path, Path) else stat.S_IFDIR if path.is_dir() else stat.S_IFREG
        if stat.S_ISDIR(mode):
            sample, encoding = Sample(kind="folder", seen="a folder with utterances"), "utf-8"
        elif not stat.S_ISREG(mode):
            raise UnreadableError("not a regular file (a pipe, socket or device)")
        else:
            with inflate(path, faults) as stream:
                sample = make_sample(_head(stream))
            encoding = sample.encoding
            if sample.kind == "empty" and faults:
                raise UnreadableError(f"nothing of it can be read: {faults[0].partition(';')[0]}")
    except OSError as error:
        raise UnreadableError(f"cannot be opened: {error.strerror or error}") from None
    faults.clear()  # found again, and then booked, when the file is read
    return Source(
        path=path,
        label=found.label,
        sample=sample,
        opener=opener(path, encoding, faults, cut),
        columns=dict(columns or {}),
        faults=faults,
        memory={} if memory is None else memory,
        cut=cut,
    )


def _head(stream: object) -> bytes:
    parts, size = [], 0
    while size < HEAD_BYTES and (part := stream.read(HEAD_BYTES - size)):  # type: ignore[attr-defined]
        parts.append(part)
        size += len(part)
    return b"".join(parts)
