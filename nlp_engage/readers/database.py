"""SQLite databases of crawlers (weibo-crawler, MediaCrawler): read like a folder with a file of JSON lines a table."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from nlp_engage.readers.base import MAX_RECORD
from nlp_engage.readers.inside import Inside, Table
from nlp_engage.readers.streams import TooLargeError, inflate, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAGIC: Final = b"SQLite format 3\x00"
_BROKEN: Final = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged database raises: names of columns that are no UTF-8 are decoded by the library itself."""
_ORDINARY: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"


class _Stored(Table):
    """A table of a database."""

    broken = _BROKEN

    @staticmethod
    def damaged(error: Exception) -> str:
        """What is said of damage."""
        return f"the SQLite database cannot be read ({error})"

    def rows(self, opened: ExitStack) -> Iterator[dict[str, Any]]:
        """Its rows, by the names of their columns."""
        database = opened.enter_context(closing(_connect(self.archive)))
        name = self.inner.replace('"', '""')
        found = database.execute(f'SELECT * FROM "{name}"')
        names = [column[0] for column in found.description]
        return ({n: _plain(v) for n, v in zip(names, row, strict=True)} for row in found)


def _plain(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


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
        return [_Stored(path, "", fault=_Stored.damaged(error))]
    except TooLargeError as error:
        return [_Stored(path, "", fault=str(error))]
    except OSError:
        return None
    size = path.size() if isinstance(path, Inside) else path.stat().st_size
    if not names:
        return [_Stored(path, "", fault="the SQLite database has no table")]
    return [_Stored(path, name, size // len(names)) for name in names]


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
