"""Writers: comments as canonical JSON lines, Parquet or a ConvoKit corpus, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.durable import whole
from nlp_engage.errors import DataError
from nlp_engage.readers.convokit import EXACT, MARK
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa

_BATCH: Final = 16_384
_SUFFIXES: Final = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet"}
_INT64: Final = 2**63 - 1
_COLUMNS: Final = Comment.__struct_fields__
_NO_SPEAKER: Final = "[unknown]"


def schema() -> pa.Schema:
    """The columns of canonical Parquet: those of ``Comment``, in its order; times in UTC microseconds.

    >>> schema().names[:4]
    ['id', 'thread_id', 'parent_id', 'author']
    """
    import pyarrow as pa

    kinds = {
        "created": pa.timestamp("us", tz="UTC"), "likes": pa.int64(), "n_replies": pa.int64(),
        "is_owner": pa.bool_(), "deleted": pa.bool_(),
    }  # fmt: skip
    required = {"id", "thread_id", "text", "is_owner", "deleted"}
    return pa.schema([pa.field(n, kinds.get(n, pa.string()), nullable=n not in required) for n in _COLUMNS])


def to_arrow(rows: Sequence[Comment]) -> pa.Table:
    """Comments as an Arrow table with the canonical columns.

    Half surrogate pairs, which are no characters, become U+FFFD; counters beyond 64 bits are cut to them.

    >>> to_arrow([Comment(id="p", thread_id="p", text="hi")]).column("text").to_pylist()
    ['hi']
    """
    import pyarrow as pa

    fields = schema()
    columns = []
    for field in fields:
        values = [getattr(row, field.name) for row in rows]
        try:
            columns.append(pa.array(values, field.type))
        except (UnicodeEncodeError, OverflowError, pa.ArrowException):
            columns.append(pa.array([_fit(v) for v in values], field.type))
    return pa.Table.from_arrays(columns, schema=fields)


def _fit(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if _broken(value) else value
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-_INT64 - 1, min(_INT64, value))
    return value


def _broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def write(comments: Iterable[Comment], out: str | Path, target: str | None = None) -> int:
    """Write comments to a file (or corpus folder) that is there whole or, if anything fails, not at all.

    Args:
        comments: Posts and comments; only a small batch of them is held in memory.
        out: ``.jsonl`` (also ``.jsonl.gz`` and ``.jsonl.zst``), ``.parquet``, or a folder for ``convokit``.
        target: ``jsonl``, ``parquet`` or ``convokit``; by the suffix of ``out`` where not given.

    Returns:
        How many were written.

    Raises:
        DataError: The suffix says nothing and no target is given, or ``out`` is a folder with other things in it.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write([Comment(id="p", thread_id="p", text="hi")], Path(folder) / "a.jsonl")
    ...     print((Path(folder) / "a.jsonl").read_text())
    1
    {"id":"p","thread_id":"p","text":"hi"}
    <BLANKLINE>
    """
    path = Path(out)
    kind = target or _target(path)
    if kind not in _WRITERS:
        raise DataError(f"there is no target {kind!r}; targets: {', '.join(_WRITERS)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return _WRITERS[kind](comments, path)


def _target(path: Path) -> str:
    bare = path.with_suffix("") if path.suffix in (".gz", ".zst") else path
    if bare.suffix in _SUFFIXES:
        return _SUFFIXES[bare.suffix]
    raise DataError(
        f"{path}: the suffix does not say what to write. Use .jsonl, .jsonl.gz, .jsonl.zst or .parquet, "
        "or --to convokit for a corpus folder."
    )


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the name of a file")
    with whole(path) as file:
        yield file


@contextmanager
def _compressed(file: IO[bytes], suffix: str) -> Iterator[IO[bytes]]:
    if suffix == ".gz":
        import gzip

        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:  # same comments, same bytes
            yield packed  # type: ignore[misc]  # a binary file in all but name
    elif suffix == ".zst":
        import zstandard

        with zstandard.ZstdCompressor(level=6).stream_writer(file, closefd=False) as packed:
            yield packed
    else:
        yield file


def _line(comment: Comment) -> bytes:
    try:
        return msgspec.json.encode(comment) + b"\n"
    except ValueError:  # half a surrogate pair
        fields = {n: _fit(getattr(comment, n)) for n in _COLUMNS}
        return msgspec.json.encode(Comment(**fields)) + b"\n"


def _write_jsonl(comments: Iterable[Comment], path: Path) -> int:
    count = 0
    with _whole(path) as file, _compressed(file, path.suffix) as stream:
        for batch in _batches(comments):
            stream.write(b"".join(map(_line, batch)))
            count += len(batch)
    return count


def _batches(comments: Iterable[Comment]) -> Iterator[list[Comment]]:
    batch: list[Comment] = []
    for comment in comments:
        batch.append(comment)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _write_parquet(comments: Iterable[Comment], path: Path) -> int:
    import pyarrow.parquet as pq

    count = 0
    with _whole(path) as file, pq.ParquetWriter(file, schema(), compression="zstd") as table:
        for batch in _batches(comments):
            table.write_table(to_arrow(batch))
            count += len(batch)
    return count


def _write_convokit(comments: Iterable[Comment], path: Path) -> int:
    """A corpus folder. Speakers and conversations are collected while the utterances pass by."""
    if path.is_file() or (path.is_dir() and any(path.iterdir()) and not (path / "utterances.jsonl").is_file()):
        raise DataError(f"{path} exists and is no ConvoKit corpus; choose another folder")
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    speakers, threads, keys, count = dict[str, None](), dict[str, None](), set[str](), 0
    try:
        scratch.mkdir(parents=True)
        with (scratch / "utterances.jsonl").open("wb") as file:
            for comment in comments:
                utterance = _utterance(comment)
                file.write(msgspec.json.encode(utterance) + b"\n")
                speakers[utterance["speaker"]] = threads[utterance["conversation_id"]] = None
                keys |= utterance["meta"].keys()
                count += 1
        for name, ids in (("speakers.json", speakers), ("conversations.json", threads)):
            with (scratch / name).open("wb") as file:
                file.write(msgspec.json.encode({one: {"meta": {}, "vectors": []} for one in ids}))
        index = {
            "utterances-index": {key: [_KINDS.get(key, "<class 'str'>")] for key in sorted(keys)},
            "speakers-index": {}, "conversations-index": {}, "overall-index": {}, "version": 1, "vectors": [],
        }  # fmt: skip
        (scratch / "index.json").write_text(json.dumps(index, indent=1), "utf-8")
        (scratch / "corpus.json").write_text("{}", "utf-8")
        if path.is_dir():
            shutil.rmtree(path)
        scratch.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return count


_KINDS: Final = {
    "likes": "<class 'int'>", "n_replies": "<class 'int'>", "is_owner": "<class 'bool'>", "deleted": "<class 'bool'>",
    MARK: "<class 'int'>",
}  # fmt: skip


def _utterance(comment: Comment) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.json.decode(_line(comment))
    meta: dict[str, Any] = {MARK: 1} | {name: fields[name] for name in EXACT if name != "author" and name in fields}
    author = fields.get("author")
    if author is None:
        meta["author"] = None
    return {
        "id": fields["id"],
        "conversation_id": fields["thread_id"],
        "text": fields.get("text", ""),
        "speaker": _NO_SPEAKER if author is None else author,
        "meta": meta,
        "reply-to": fields.get("parent_id"),
        "timestamp": int(comment.created.timestamp()) if comment.created is not None else None,
        "vectors": [],
    }


_WRITERS: Final[dict[str, Callable[[Iterable[Comment], Path], int]]] = {
    "jsonl": _write_jsonl,
    "parquet": _write_parquet,
    "convokit": _write_convokit,
}
