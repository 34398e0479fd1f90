"""Files inside zip archives, listed and opened like those of a folder, within bounds."""

from __future__ import annotations

import io
import lzma
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final
from zipfile import BadZipFile, ZipFile

from nlp_engage.readers.inside import Inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAGIC: Final = b"PK\x03\x04"
MAX_MEMBERS: Final = 100_000
_OFFICE: Final = ("xl/", "word/", "ppt/", "mimetype", "META-INF/")
"""What documents in a zip (Excel, OpenOffice) begin the names of their parts with."""
_BROKEN: Final = (
    BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    OSError,
    KeyError,
)


@dataclass(frozen=True, slots=True)
class Member(Inside):
    """A file (or folder) inside a zip archive.

    Attributes:
        archive: The zip archive.
        files: It, opened; shared by its members, closed with the last of them.
        inner: Path inside; empty for the archive as a whole.
        fault: Why nothing of it is read (a bomb).
    """

    archive: Path
    files: ZipFile
    inner: str
    fault: str = ""

    def __truediv__(self, name: str) -> Member:
        """A member below this one."""
        return Member(self.archive, self.files, f"{self.inner}/{name}".lstrip("/"))

    def is_file(self) -> bool:
        """Whether there is such a file."""
        return self.inner in self.files.NameToInfo

    def is_dir(self) -> bool:
        """Whether there are files below."""
        return not self.fault and not self.is_file()

    def iterdir(self) -> Iterator[Member]:
        """All files below, however deep."""
        prefix = f"{self.inner}/".lstrip("/")
        for name in self.files.namelist():
            if name.startswith(prefix):
                yield Member(self.archive, self.files, name)

    def size(self) -> int:
        """Bytes, unpacked."""
        return self.files.NameToInfo[self.inner].file_size if self.is_file() else 0

    def open(self, faults: list[str]) -> IO[bytes]:
        """Open the file; damage met while reading ends the stream and is told in ``faults``.

        Raises:
            OSError: It cannot be opened: a bomb, encrypted, a method that is not supported.
        """
        if self.fault:
            raise OSError(self.fault)
        try:
            stream = self.files.open(self.inner)
        except _BROKEN as error:
            raise OSError(f"the zip archive does not give it out ({str(error).strip(chr(39))})") from None
        return io.BufferedReader(_Unzipped(stream, faults), 256 * 1024)


class _Unzipped(io.RawIOBase):
    """The bytes of a member, at most as many as the archive declares."""

    def __init__(self, stream: IO[bytes], faults: list[str]) -> None:
        self._stream, self._faults = stream, faults

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, target: Any) -> int:
        """Fill a buffer."""
        try:
            data = self._stream.read(len(target))
        except _BROKEN as error:
            message = f"the zip archive is damaged here ({error}); what was read up to there is kept"
            if message not in self._faults:
                self._faults.append(message)
            return 0
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the member as well."""
        if not self.closed:
            self._stream.close()
        super().close()


def members(path: Path, most: int, ratio: int) -> list[Member] | None:
    """The files in a zip archive, sorted; ``None`` if it is none that can be listed, or a document (Excel).

    Args:
        path: Any file.
        most: Bytes that an archive may always unpack to.
        ratio: How often larger than the archive its files may be beyond that.

    Returns:
        The members; of a bomb one member that stands for the archive and has a ``fault``.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != MAGIC:
                return None
        files = ZipFile(path)
    except (OSError, BadZipFile, ValueError, EOFError, NotImplementedError):
        return None
    named = [info for info in files.infolist() if info.filename]
    found = [info for info in named if not info.is_dir() and _is_ours(info.filename)]
    if any(info.filename.startswith(_OFFICE) for info in found):
        return None
    size = sum(info.file_size for info in found)
    if len(found) > MAX_MEMBERS:
        return [Member(path, files, "", f"the zip archive holds {len(found):,} files, more than {MAX_MEMBERS:,}")]
    if size > most and size > ratio * path.stat().st_size:
        fault = f"the zip archive unpacks to {size:,} bytes, more than {ratio} times its own: taken for a bomb"
        return [Member(path, files, "", fault)]
    faulty = [] if len(named) == len(files.infolist()) else [Member(path, files, "", "a file in it has no name")]
    return [*(Member(path, files, name) for name in sorted({info.filename for info in found})), *faulty]


def _is_ours(name: str) -> bool:
    """No notes of the system that packed it."""
    return not any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
