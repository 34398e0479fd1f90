"""SQLite databases of crawlers (weibo-crawler, MediaCrawler): read like a folder with a file of JSON lines a table."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from nlp_engage.readers.base import MAX_RECORD
from nlp_engage.readers.inside import Inside, Pump
from nlp_engage.readers.streams import TooLargeError, inflate, unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence

MAGIC: Final = b"SQLite format 3\x00"
_ROWS: Final = 200
_BROKEN: Final = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged database raises: names of columns that are no UTF-8 are decoded by the library itself."""
_ORDINARY: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"


@dataclass(frozen=True, slots=True)
class Table(Inside):
    """A table of a database.

    Attributes:
        archive: The database.
        inner: Name of the table; empty for the database as a whole.
        share: Its share of the bytes of the database, as if all tables were alike.
        fault: Why nothing of it is read.
    """

    archive: Path | Inside
    inner: str
    share: int = 0
    fault: str = ""

    def size(self) -> int:
        """About how many bytes it takes."""
        return self.share

    def open(self, faults: list[str]) -> IO[bytes]:
        """Its rows as JSON lines, in their order.

        Raises:
            OSError: The database is damaged, or too large to be read where it is.
        """
        if self.fault:
            raise OSError(self.fault)
        try:
            database = _connect(self.archive)
            name = self.inner.replace('"', '""')
            rows = database.execute(f'SELECT * FROM "{name}"')
        except _BROKEN as error:
            raise OSError(_damaged(error)) from None
        return io.BufferedReader(_Rows(database, rows, faults), 256 * 1024)


class _Rows(Pump):
    """Rows as JSON lines."""

    def __init__(self, database: sqlite3.Connection, rows: sqlite3.Cursor, faults: list[str]) -> None:
        super().__init__(database)
        self._rows, self._faults, self._done = rows, faults, False
        self._names = [column[0] for column in rows.description]

    def pull(self) -> bytes:
        found = list[Any]()
        try:
            while not self._done and len(found) < _ROWS:
                row = self._rows.fetchone()
                self._done = row is None
                found += [] if row is None else [row]
        except _BROKEN as error:
            self._done = True
            message = f"{_damaged(error)}; what was read before is kept"
            if message not in self._faults:
                self._faults.append(message)
        records = ({n: _plain(v) for n, v in zip(self._names, row, strict=True)} for row in found)
        return b"".join(msgspec.json.encode(record) + b"\n" for record in records)


def _plain(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _damaged(error: Exception) -> str:
    return f"the SQLite database cannot be read ({error})"


def tables(path: Path | Inside) -> Sequence[Table] | None:
    """The tables of a database, by name; ``None`` if a file is none. Nothing is written, nor locked.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "crawl.db"
    ...     with closing(sqlite3.connect(path)) as database, database:
    ...         _ = database.execute("CREATE TABLE comments (id INTEGER, text TEXT)")
    ...     [table.name for table in tables(path)]
    ['comments']
    """
    try:
        with inflate(path, []) as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                return None
        with closing(_connect(path)) as database:
            names = [name for (name,) in database.execute(_ORDINARY)]
    except _BROKEN as error:
        return [Table(path, "", fault=_damaged(error))]
    except TooLargeError as error:
        return [Table(path, "", fault=str(error))]
    except OSError:
        return None
    size = path.size() if isinstance(path, Inside) else path.stat().st_size
    if not names:
        return [Table(path, "", fault="the SQLite database has no table")]
    return [Table(path, name, size // len(names)) for name in names]


def _connect(path: Path | Inside) -> sqlite3.Connection:
    """Open a database for reading only: as it lies on the disk, or packed from memory."""
    content = unpacked(path)
    if isinstance(content, Path):
        # Immutable: no journal is looked at and no lock file made, so that a folder without rights to write will do.
        uri = f"file:{quote(str(content.absolute()))}?mode=ro&immutable=1"
        database = sqlite3.connect(uri, uri=True, check_same_thread=False)
    else:
        database = sqlite3.connect(":memory:", check_same_thread=False)
        database.deserialize(content)
    database.text_factory = lambda text: text.decode("utf-8", "replace")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_RECORD)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA query_only = ON")
    return database
