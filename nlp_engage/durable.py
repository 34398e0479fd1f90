"""Files that are there whole or not at all, even if the process is killed; folders one process at a time works in."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from nlp_engage.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK: Final = ".lock"
"""The file in a folder that the process working in it holds locked."""
LOCK_OWNER: Final = ".lock.pid"
"""Its process id, in a file of its own: the locked one cannot be read on every system."""


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes its name only when it is complete and on disk.

    Written under another name beside it (``.NAME.*.part``), synced, renamed; the folder is made where needed.

    Raises:
        OSError: The disk is full or not writable; what was there before is untouched.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with whole(Path(folder) / "a.txt") as file:
    ...         _ = file.write(b"hi"), print((Path(folder) / "a.txt").exists())
    ...     (Path(folder) / "a.txt").read_bytes()
    False
    b'hi'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with scratch.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.filename == str(scratch):  # nobody knows that name
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        scratch.unlink(missing_ok=True)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file in one move.

    Raises:
        OSError: The disk is full or not writable; what was there before is untouched.
    """
    with whole(path) as file:
        file.write(data)


@contextmanager
def alone(folder: Path, way_out: str) -> Iterator[None]:
    """Keep a second process out of a folder; the system frees the lock when this one ends, however it ends.

    Args:
        folder: The folder; made where needed.
        way_out: What whoever comes second can do, for the message.

    Raises:
        RunError: Another process works there.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, alone(Path(folder), "wait for it"):
    ...     try:
    ...         with alone(Path(folder), "wait for it"):
    ...             pass
    ...     except RunError as error:
    ...         print(str(error).replace(folder, "run").replace(str(os.getpid()), "4711"))
    another process (4711) is working on run; wait for it
    """
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock, owner = FileLock(folder / LOCK), folder / LOCK_OWNER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"another process{_told(owner)} is working on {folder}; {way_out}") from None
    try:
        owner.write_text(str(os.getpid()), "ascii")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()


def _told(owner: Path) -> str:
    """The id of the process that holds a lock, in brackets; it may not have written it down yet."""
    try:
        return f" ({int(owner.read_text('ascii'))})"
    except (OSError, ValueError):
        return ""


def _sync_folder(folder: Path) -> None:
    """Make a rename durable where the system lets a folder be synced (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
