"""Comments grouped by thread, out of core: DuckDB sorts what does not fit into memory.

An archive comes in any order (dumps are sorted by time); a tree needs its whole thread. The store takes comments
as they stream by and hands them back in parts, each holding whole threads, cut by a hash of the thread id.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from contextlib import contextmanager
from hashlib import blake2b
from math import log2
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.errors import RunError
from nlp_engage.grouping import by_platform
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa

PART_COMMENTS: Final = 5_000
"""Comments per part, about: what an interrupted run has to do again at most."""
MAX_PARTS: Final = 16_384
"""More parts than this only make more files: from 80 million comments on, parts grow instead."""
DEFAULT_MEMORY: Final = 2 * 1024**3
"""Bytes of memory an archive may take while it is grouped; what does not fit goes to disk."""

_BATCH: Final = 20_000
_BATCH_BYTES: Final = 32 * 2**20
_SORTER_SHARE: Final = 0.25
_FILE: Final = "threads.duckdb"
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Comment)


def thread_hash(thread_id: str) -> int:
    """A stable 63-bit hash of a thread id: which part a thread belongs to is the same on every machine.

    >>> thread_hash("t3_abc") == thread_hash("t3_abc"), thread_hash("t3_abc") < 2**63
    (True, True)
    """
    return int.from_bytes(blake2b(thread_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1


class ThreadStore:
    """A folder that takes comments in any order and gives them back thread by thread.

    It holds the archive as it was read, in the clear: only its owner may look into it, and it is gone when the run ends
    (after SIGKILL, when the next one begins).

    Args:
        folder: Where DuckDB keeps its files; made anew here, removed by ``remove``.
        memory: Bytes DuckDB and the batches may take together.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> with tempfile.TemporaryDirectory() as scratch:
        ...     store = ThreadStore(Path(scratch) / "spill")
        ...     n = store.fill([Comment(id="c", thread_id="p", parent_id="p"), Comment(id="p", thread_id="p")])
        ...     parts = store.group(None)
        ...     threads = [sorted(c.id for c in thread) for thread in threads_of(store.part(0))]
        ...     store.remove()
        >>> n, parts, threads
        (2, 1, [['c', 'p']])
    """

    def __init__(self, folder: Path, memory: int = DEFAULT_MEMORY) -> None:
        import duckdb

        shutil.rmtree(folder, ignore_errors=True)  # left by a process that was killed
        folder.mkdir(parents=True, mode=0o700)
        self._folder = folder
        megabytes = max(64, int(memory * _SORTER_SHARE) // 2**20)
        options: dict[str, Any] = {"memory_limit": f"{megabytes}MB", "temp_directory": str(folder), "threads": 2}
        with self._told():
            self._db = duckdb.connect(str(folder / _FILE), config=options)
            self._db.execute("SET preserve_insertion_order = false")

    def fill(self, comments: Iterable[Comment]) -> int:
        """Take all comments of an archive; returns how many there were.

        Raises:
            RunError: The disk is full, or there is too little memory.
        """
        self._do("CREATE OR REPLACE TABLE arrived (hash BIGINT, record BLOB)")
        total = 0
        for batch in _batches(comments):
            with self._told():
                self._db.register("batch", batch)
                self._db.execute("INSERT INTO arrived SELECT * FROM batch")
                self._db.unregister("batch")
            total += batch.num_rows
        return total

    def group(self, parts: int | None) -> int:
        """Sort what arrived into parts. Their number is a power of two, so that a finer cut only divides parts.

        Args:
            parts: Number of parts of an earlier run, a lower bound; ``None`` to choose it by size alone.

        Returns:
            The number of parts, 1 or more.

        Raises:
            RunError: The disk is full, or there is too little memory.
        """
        with self._told():
            (total,) = self._db.execute("SELECT count(*) FROM arrived").fetchone() or (0,)
        chosen = max(parts or 1, min(MAX_PARTS, 2 ** max(0, round(log2(max(1, total / PART_COMMENTS))))))
        self._do(
            f"CREATE OR REPLACE TABLE grouped AS SELECT hash % {chosen:d} AS part, record FROM arrived ORDER BY part"
        )
        self._do("DROP TABLE arrived")
        self._do("CHECKPOINT")
        self._do("SET memory_limit = '64MB'")  # the sorting is done: what is left is to read part by part
        return int(chosen)

    def _do(self, statement: str) -> None:
        with self._told():
            self._db.execute(statement)

    @contextmanager
    def _told(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise RunError(
                f"the archive could not be grouped by thread in {self._folder}: {str(error).splitlines()[0]}. It needs "
                "about three times the size of the unpacked archive on disk, and what --memory gives it; make room, "
                "then run the same command again."
            ) from None

    def part(self, number: int) -> list[bytes]:
        """The records of one part, encoded, sorted: the same list whatever the order of arrival."""
        with self._told(), self._db.cursor() as cursor:  # parts may be asked for from several threads
            found = cursor.execute("SELECT record FROM grouped WHERE part = ?", [number]).fetchall()
        return sorted(record for (record,) in found)

    def remove(self) -> None:
        """Close and delete everything."""
        self._db.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def threads_of(records: Iterable[bytes]) -> Iterator[list[Comment]]:
    """Decode the records of a part and yield them thread by thread, by thread id (and platform: ``by_platform``)."""
    threads: defaultdict[str, list[Comment]] = defaultdict(list)
    for record in records:
        comment = _DECODER.decode(record)
        threads[comment.thread_id].append(comment)
    for name in sorted(threads):
        yield from by_platform(threads.pop(name))


def _batches(comments: Iterable[Comment]) -> Iterator[pa.Table]:
    hashes: list[int] = []
    records: list[bytes] = []
    size = 0
    for comment in comments:
        hashes.append(thread_hash(comment.thread_id))
        records.append(_ENCODER.encode(comment))
        size += len(records[-1])
        if len(records) == _BATCH or size > _BATCH_BYTES:
            yield _table(hashes, records)
            hashes, records, size = [], [], 0
    if records:
        yield _table(hashes, records)


def _table(hashes: list[int], records: list[bytes]) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, Any] = {"hash": pa.array(hashes, pa.int64()), "record": pa.array(records, pa.binary())}
    return pa.table(columns)
