"""Comments grouped by thread, out of core: DuckDB sorts what does not fit into memory.

An archive comes in any order (dumps are sorted by time); a tree needs its whole thread. The store takes comments
as they stream by and hands them back in parts, each holding whole threads, cut by a hash of the thread id.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa

PART_COMMENTS: Final = 5_000
"""Comments per part, about: what an interrupted run has to do again at most."""
MAX_PARTS: Final = 4_096
"""More parts than this only make more files: from 20 million comments on, parts grow instead."""
DEFAULT_MEMORY: Final = 2 * 1024**3
"""Bytes of memory an archive may take while it is grouped; what does not fit goes to disk."""

_BATCH: Final = 20_000
_SORTER_SHARE: Final = 0.4
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
        folder.mkdir(parents=True)
        self._folder = folder
        megabytes = max(64, int(memory * _SORTER_SHARE) // 2**20)
        options: dict[str, Any] = {"memory_limit": f"{megabytes}MB", "temp_directory": str(folder), "threads": 2}
        self._db = duckdb.connect(str(folder / _FILE), config=options)
        self._db.execute("SET preserve_insertion_order = false")

    def fill(self, comments: Iterable[Comment]) -> int:
        """Take all comments of an archive; returns how many there were."""
        self._db.execute("CREATE OR REPLACE TABLE arrived (hash BIGINT, record BLOB)")
        total, stream = 0, iter(comments)
        while batch := list(islice(stream, _BATCH)):
            rows = _rows(batch)
            self._db.register("batch", rows)
            self._db.execute("INSERT INTO arrived SELECT * FROM batch")
            self._db.unregister("batch")
            total += len(batch)
        return total

    def group(self, parts: int | None) -> int:
        """Sort what arrived into parts.

        Args:
            parts: Number of parts, where an earlier run fixed it; ``None`` to choose it by size.

        Returns:
            The number of parts, 1 or more.
        """
        (total,) = self._db.execute("SELECT count(*) FROM arrived").fetchone() or (0,)
        chosen = parts or min(MAX_PARTS, max(1, round(total / PART_COMMENTS)))
        self._db.execute(
            f"CREATE OR REPLACE TABLE grouped AS SELECT hash % {chosen:d} AS part, record FROM arrived ORDER BY part"
        )
        self._db.execute("DROP TABLE arrived")
        self._db.execute("CHECKPOINT")
        return chosen

    def part(self, number: int) -> list[bytes]:
        """The records of one part, encoded, sorted: the same list whatever the order of arrival."""
        found = self._db.execute("SELECT record FROM grouped WHERE part = ?", [number]).fetchall()
        return sorted(record for (record,) in found)

    def remove(self) -> None:
        """Close and delete everything."""
        self._db.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def threads_of(records: Iterable[bytes]) -> Iterator[list[Comment]]:
    """Decode the records of a part and yield them thread by thread, by thread id."""
    threads: defaultdict[str, list[Comment]] = defaultdict(list)
    for record in records:
        comment = _DECODER.decode(record)
        threads[comment.thread_id].append(comment)
    for name in sorted(threads):
        yield threads.pop(name)


def _rows(batch: list[Comment]) -> pa.Table:
    import pyarrow as pa

    columns: dict[str, Any] = {
        "hash": pa.array([thread_hash(c.thread_id) for c in batch], pa.int64()),
        "record": pa.array([_ENCODER.encode(c) for c in batch], pa.binary()),
    }
    return pa.table(columns)
