"""What stands inside another file (a member of a zip, a table of a database) and is opened through that."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
