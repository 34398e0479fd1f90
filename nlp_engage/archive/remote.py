"""A run folder on an object store: fetched and sent file by file, through fsspec."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.archive.parts import do_part, part_paths
from nlp_engage.archive.store import MANIFEST
from nlp_engage.errors import MissingExtraError, RunError, require

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nlp_engage.archive.parts import Books, Part
    from nlp_engage.archive.privacy import Privacy
    from nlp_engage.types import Labeller

SALT: Final = ".salt"


def local_path(out: str | Path) -> Path | None:
    """The path of a run that lies on a file system, ``None`` if it lies on an object store.

    >>> local_path("runs/may").as_posix(), local_path("file:///runs/may").as_posix(), local_path("s3://bucket/may")
    ('runs/may', '/runs/may', None)
    """
    text = str(out)
    if "://" not in text:
        return Path(text)
    return Path(text.removeprefix("file://")) if text.startswith("file://") else None


class RemoteRun:
    """A run at a URL. A file is put there in one call: on an object store it is there whole or not at all.

    Args:
        url: Where the run lies, e.g. ``s3://bucket/run``. Goes to other processes as it is.

    Example:
        >>> import tempfile
        >>> run = RemoteRun("memory://doctest-run")
        >>> with tempfile.TemporaryDirectory() as name:
        ...     desk = Path(name)
        ...     _ = (desk / "manifest.json").write_text("{}")
        ...     run.send(desk, [Path("manifest.json")])
        ...     (desk / "manifest.json").unlink()
        ...     run.fetch(desk, [Path("manifest.json"), Path("never.json")])
        ...     sorted(path.name for path in desk.iterdir())
        ['manifest.json']
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def __reduce__(self) -> tuple[type[RemoteRun], tuple[str]]:
        return RemoteRun, (self.url,)

    @cached_property
    def _store(self) -> tuple[Any, str]:
        """The file system and the path on it; opened where it is first used, for connections do not travel."""
        require("fsspec", extra="ray")
        import fsspec

        try:
            fs, root = fsspec.core.url_to_fs(self.url)
        except ImportError as error:
            raise MissingExtraError(f"{self.url}: {error}") from None
        except ValueError as error:
            raise RunError(f"{self.url}: {error}; -o takes a path or a URL such as s3://bucket/run") from None
        return fs, root

    def fetch(self, desk: Path, names: Iterable[Path]) -> None:
        """Copy files of the run into a local folder; those that are not there are left out."""
        fs, _ = self._store
        for name in names:
            try:
                data = fs.cat_file(self._at(name))
            except FileNotFoundError:
                continue
            (desk / name).parent.mkdir(parents=True, exist_ok=True)
            (desk / name).write_bytes(data)

    def send(self, desk: Path, names: Iterable[Path]) -> None:
        """Copy files of a local folder into the run, in this order; those that are not there are left out."""
        fs, _ = self._store
        for name in names:
            if (desk / name).is_file():
                fs.pipe_file(self._at(name), (desk / name).read_bytes())

    def check(self) -> None:
        """Refuse a place that holds something else.

        Raises:
            MissingExtraError: The package for this kind of URL is not installed.
            RunError: There are files, but no manifest; or the URL names no known kind of store.
        """
        names = {Path(path).name for path in self._list()}
        if MANIFEST not in names and names - {SALT}:
            raise RunError(f"{self.url} holds files but no {MANIFEST}: not a run. Choose another place with -o.")

    def drop_stale(self, count: int) -> None:
        """Remove parts of another cut: all but the first ``count``."""
        known = {self._at(name) for number in range(count) for name in part_paths(Path(), number)}
        for folder in ("comments", "labels"):
            for path in self._list(folder):
                if path not in known:
                    self._store[0].rm_file(path)

    def _at(self, name: Path) -> str:
        return f"{self._store[1].rstrip('/')}/{name.as_posix()}"

    def _list(self, folder: str = "") -> list[str]:
        fs, root = self._store
        fs.invalidate_cache()  # other processes write here, too
        try:
            found: list[str] = fs.ls(self._at(Path(folder)) if folder else root, detail=False)
        except FileNotFoundError:
            return []
        return found


def do_remote_part(run: RemoteRun, desk: Path, part: Part, labeller: Labeller, privacy: Privacy) -> tuple[Books, bool]:
    """``do_part`` for a run at a URL: by way of a local folder, with the same code and so the same bytes.

    Args:
        run: The run.
        desk: An empty local folder.
        part: What to label.
        labeller: The model.
        privacy: What of the comments is written.

    Returns:
        The part's books, and whether it was there already.
    """
    comments, labels = part_paths(Path(), part.number)
    run.fetch(desk, (comments, labels, *(part_paths(Path(), number)[1] for number in part.earlier)))
    books, resumed = do_part(desk, part, labeller, privacy)
    if not resumed:
        run.send(desk, (comments, labels))  # labels last: a part with labels is complete
    return books, resumed
