"""What stands inside another file (a member of a zip, a table of a database) and is opened through that."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_ROWS: Final = 200


class Inside(ABC):
    """A file inside another one, with as much of the interface of ``Path`` as readers need.

    Attributes:
        archive: The file around it.
        inner: Path inside.
    """

    __slots__ = ()
    archive: Path | Inside
    inner: str

    def __str__(self) -> str:
        """As if the archive were a folder."""
        return f"{self.archive}/{self.inner}" if self.inner else str(self.archive)

    def __truediv__(self, name: str) -> Inside:
        """A file below this one; only a zip archive has any."""
        raise NotADirectoryError(f"{self} is no folder, so there is no {name} in it")

    @property
    def name(self) -> str:
        """Last part of the path."""
        return PurePosixPath(self.inner or self.archive.name).name

    def is_file(self) -> bool:
        """Whether there is such a file."""
        return True

    def is_dir(self) -> bool:
        """Whether there are files below."""
        return False

    def iterdir(self) -> Iterator[Inside]:
        """All files below, however deep."""
        return iter(())

    @abstractmethod
    def size(self) -> int:
        """Bytes, unpacked."""

    @abstractmethod
    def open(self, faults: list[str]) -> IO[bytes]:
        """Open the file; damage met while reading ends the stream and is told in ``faults``.

        Raises:
            OSError: It cannot be opened.
        """


class Pump(io.RawIOBase):
    """A raw stream made of pieces that a subclass pulls."""

    def __init__(self, inner: Any) -> None:
        self._inner, self._left = inner, memoryview(b"")

    def pull(self) -> bytes:
        """The next piece; empty at the end."""
        raise NotImplementedError

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, target: Any) -> int:
        """Fill a buffer from the pieces."""
        while not self._left:
            piece = self.pull()
            if not piece:
                return 0
            self._left = memoryview(piece)
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        """Close what is below as well."""
        if not self.closed:
            self._inner.close()
        super().close()


class Rows(Pump):
    """Rows as JSON lines; damage met among them ends the stream and is told instead of raised.

    Attributes:
        inner: What is closed with the stream.
        rows: The rows.
        faults: Where damage is told.
        broken: What damage raises.
        damaged: What is said of it.
    """

    def __init__(
        self,
        inner: Any,
        rows: Iterator[dict[str, Any]],
        faults: list[str],
        broken: tuple[type[Exception], ...],
        damaged: Callable[[Exception], str],
    ) -> None:
        super().__init__(inner)
        self._rows, self._faults, self._broken, self._damaged = rows, faults, broken, damaged

    def pull(self) -> bytes:
        """The next rows."""
        lines = list[bytes]()
        try:
            lines.extend(msgspec.json.encode(row) + b"\n" for row in islice(self._rows, _ROWS))
        except self._broken as error:
            self._rows = iter(())
            message = f"{self._damaged(error)}; what was read before is kept"
            if message not in self._faults:
                self._faults.append(message)
        return b"".join(lines)


@dataclass(frozen=True, slots=True)
class Table(Inside):
    """A table of a file that holds several (a database, a workbook): read as JSON lines.

    Attributes:
        archive: The file.
        inner: Name of the table; empty for the file as a whole.
        share: Its share of the bytes of the file, as if all tables were alike.
        fault: Why nothing of it is read.
        broken: What a damaged file raises.
        stream: What its rows are read through.
    """

    archive: Path | Inside
    inner: str
    share: int = 0
    fault: str = ""
    broken: ClassVar[tuple[type[Exception], ...]]
    stream: ClassVar[type[Rows]] = Rows

    @staticmethod
    @abstractmethod
    def damaged(error: Exception) -> str:
        """What is said of damage."""

    @abstractmethod
    def rows(self, opened: ExitStack) -> Iterator[dict[str, Any]]:
        """Its rows in their order; what has to be closed after them is put into ``opened``."""

    def size(self) -> int:
        """About how many bytes it takes."""
        return self.share

    def open(self, faults: list[str]) -> IO[bytes]:
        """Its rows as JSON lines, in their order.

        Raises:
            OSError: The file is damaged, or too large to be read where it is.
        """
        if self.fault:
            raise OSError(self.fault)
        opened = ExitStack()
        try:
            rows = self.rows(opened)
        except self.broken as error:
            opened.close()
            raise OSError(self.damaged(error)) from None
        return io.BufferedReader(self.stream(opened, rows, faults, self.broken, self.damaged), 256 * 1024)
