"""Make or resume a run: read, group, cut into parts by thread hash, label what is not there yet, keep the books."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.archive.parts import Part, finished_books, make_part, part_paths, write_atomically
from nlp_engage.archive.privacy import SALT, Privacy
from nlp_engage.archive.spill import DEFAULT_MEMORY, ThreadStore
from nlp_engage.archive.store import MANIFEST, REJECTS, SCORES, is_run, read_manifest
from nlp_engage.errors import RunError
from nlp_engage.readers import read
from nlp_engage.types import ReadReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nlp_engage.types import Labeller

PROGRESS: Final = "progress.json"
_SPILL: Final = ".spill"
_LOCK: Final = ".lock"
_COUNTS: Final = ("records", "threads", "posts", "comments", "labelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run did.

    Attributes:
        folder: The run folder.
        manifest: Its manifest.
        resumed_parts: Parts that were already there.
    """

    folder: Path
    manifest: dict[str, Any]
    resumed_parts: int


def label_archive(
    paths: Sequence[str | Path],
    out: str | Path,
    labeller: Labeller,
    *,
    columns: Mapping[str, str] | None = None,
    format: str | None = None,
    salt: str | None = None,
    keep_authors: bool = False,
    text: bool = True,
    mask: bool = False,
    memory: int = DEFAULT_MEMORY,
    progress: Callable[[int, int], object] | None = None,
) -> RunResult:
    """Label an archive into a run folder, or finish a run that was interrupted.

    A part is done again unless text, context, model and settings are the same; two models never mix in a folder.
    An archive that grew is continued: threads that did not change keep their labels.

    Args:
        paths: Files, folders or globs in any supported format.
        out: Run folder; made if it is not there.
        labeller: The model.
        columns: Column map for tabular files (our field -> their column).
        format: Name of a format, instead of sniffing.
        salt: Salt of the author ids; by default a random one, kept in the run folder (``.salt``) for resuming.
        keep_authors: Write author ids and names as they are.
        text: Write the words; without, opaque tokens.
        mask: Mask e-mail addresses and phone numbers.
        memory: Bytes the grouping may take; beyond, it goes to disk.
        progress: Called with (records done since the last call, records in all).

    Returns:
        The manifest and how much was resumed.

    Raises:
        ReadError: Nothing can be read.
        RunError: The folder was made with another model or other settings, is no run folder, or is in use.
        OSError: The disk is full; run again when there is room.
    """
    folder, report = Path(out), ReadReport()
    _check_folder(folder)
    with _locked(folder):
        privacy = Privacy(salt=None if keep_authors else salt or _own_salt(folder), text=text, mask=mask)
        made_with = {"model": labeller.fingerprint, "settings": privacy.settings}
        _check_made_with(folder, made_with)
        known_parts = read_manifest(folder)["parts"] if is_run(folder) else None
        store = ThreadStore(folder / _SPILL, memory)
        try:
            total = store.fill(read(paths, format=format, columns=columns, report=report))
            parts = store.group(known_parts)
            head = {"nlp_engage": version("nlp-engage"), **made_with, "parts": parts, "read": report.read}
            write_atomically(folder / MANIFEST, _json({**head, "complete": False}))
            worker = _Worker(folder, store, labeller, privacy, total, progress)
            books = [worker.part(number, head) for number in range(parts)]
        finally:
            store.remove()
        _drop_stale_parts(folder, parts)
        _keep_scores(folder, labeller)
        write_atomically(folder / REJECTS, b"".join(msgspec.json.encode(r) + b"\n" for r in report.rejected))
        manifest = {**head, **_totals(books, report), "complete": True}
        write_atomically(folder / MANIFEST, _json(manifest))
        (folder / PROGRESS).unlink(missing_ok=True)
    return RunResult(folder=folder, manifest=manifest, resumed_parts=worker.resumed)


class _Worker:
    """Does parts one after the other and tells how far it is, here and in ``progress.json``."""

    def __init__(
        self,
        folder: Path,
        store: ThreadStore,
        labeller: Labeller,
        privacy: Privacy,
        total: int,
        progress: Callable[[int, int], object] | None,
    ) -> None:
        self._folder, self._store, self._labeller, self._privacy = folder, store, labeller, privacy
        self._total, self._progress = total, progress
        self._started, self._done, self._skipped = time.time(), 0, 0
        self.resumed = 0

    def part(self, number: int, head: Mapping[str, Any]) -> dict[str, Any]:
        settings = _digest({k: head[k] for k in ("nlp_engage", "model", "settings")})
        part = Part(number=number, records=self._store.part(number), settings=settings)
        before = self._done
        if (books := finished_books(self._folder, part)) is not None:
            self.resumed += 1
            self._skipped += len(part.records)
        else:
            books = make_part(self._folder, part, self._labeller, self._privacy, self._step)
        self._step(before + len(part.records) - self._done)  # stand-ins make trees and records differ
        self._tell(number + 1, head["parts"])
        return books

    def _step(self, count: int) -> None:
        self._done += count
        if self._progress:
            self._progress(count, self._total)

    def _tell(self, parts_done: int, parts: int) -> None:
        state = {
            "parts_done": parts_done,
            "parts": parts,
            "comments_done": self._done,
            "comments": self._total,
            "resumed_comments": self._skipped,
            "started": self._started,
            "now": time.time(),
        }
        write_atomically(self._folder / PROGRESS, _json(state))


def run_status(run: Path) -> dict[str, Any]:
    """How far a run is; may be asked from another process.

    Returns:
        ``complete, parts, parts_done, comments, comments_done, per_second`` (of this session) and ``seconds_left``
        (``None`` where it cannot be told), ``rejected``.

    Raises:
        RunError: The folder is no run.
    """
    manifest = read_manifest(run)
    if manifest["complete"]:
        done = {k: manifest[k] for k in ("parts", "comments", "rejected", "read")}
        return {"complete": True, "parts_done": manifest["parts"], **done, "seconds_left": 0}
    try:
        state = json.loads((run / PROGRESS).read_text("utf-8"))
    except (OSError, ValueError):
        return {
            "complete": False,
            "parts": manifest["parts"],
            "parts_done": 0,
            "read": manifest["read"],
            "per_second": None,
            "seconds_left": None,
        }
    labelled, seconds = state["comments_done"] - state["resumed_comments"], state["now"] - state["started"]
    rate = labelled / seconds if labelled > 0 and seconds > 0 else None
    left = None if rate is None else round((state["comments"] - state["comments_done"]) / rate)
    return {
        "complete": False,
        "parts": state["parts"],
        "parts_done": state["parts_done"],
        "comments": state["comments"],
        "comments_done": state["comments_done"],
        "per_second": None if rate is None else round(rate, 1),
        "seconds_left": left,
        "read": manifest["read"],
    }


def _check_folder(folder: Path) -> None:
    if folder.is_file():
        raise RunError(f"{folder} is a file; -o names the run folder to make or to finish")
    ours = {_LOCK, SALT, _SPILL}
    if not is_run(folder) and folder.exists() and any(path.name not in ours for path in folder.iterdir()):
        raise RunError(f"{folder} holds files but no {MANIFEST}: not a run folder. Choose another one with -o.")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second process out; the system frees the lock when this one ends, however it ends."""
    from filelock import FileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / _LOCK, timeout=0):
            yield
    except Timeout:
        raise RunError(
            f"another process is working on {folder}; wait for it (nlp-engage status {folder}) or choose another -o"
        ) from None


def _own_salt(folder: Path) -> str:
    path = folder / SALT
    if not path.exists():
        write_atomically(path, secrets.token_hex(16).encode())
        path.chmod(0o600)
    return path.read_text("ascii")


def _check_made_with(folder: Path, made_with: Mapping[str, Any]) -> None:
    if not is_run(folder):
        return
    before = read_manifest(folder)
    for what in ("model", "settings"):
        then, now = before.get(what) or {}, made_with[what]
        if then != now:
            keys = [k for k in {**then, **now} if then.get(k) != now.get(k)]
            differ = "; ".join(f"{k}: then {then.get(k)!r}, now {now.get(k)!r}" for k in sorted(keys))
            raise RunError(
                f"{folder} was labelled with another {what} ({differ}): they never mix in one run. "
                "Choose another folder with -o, use what it was made with, or delete the folder."
            )


def _keep_scores(folder: Path, labeller: Labeller) -> None:
    """Write down how far the labels can be trusted: shares are corrected with the model's held-out confusions.

    Only a model that was scored has ``scores``; they are no part of what a labeller must have.
    """
    scores = getattr(labeller, "scores", None)
    if scores is not None:
        write_atomically(folder / SCORES, _json(scores))


def _drop_stale_parts(folder: Path, count: int) -> None:
    """Remove parts of another cut and what killed processes left half-written."""
    known = {path for number in range(count) for path in part_paths(folder, number)}
    for path in (*folder.glob(".*.part"), *(folder / "comments").iterdir(), *(folder / "labels").iterdir()):
        if path not in known:
            path.unlink()


def _totals(books: Sequence[Mapping[str, Any]], report: ReadReport) -> dict[str, Any]:
    counts = {name: sum(b[name] for b in books) for name in _COUNTS}
    found: dict[str, Any] = {name: Counter() for name in ("issues", "unlabelled")}
    for name, counter in found.items():
        for book in books:
            counter.update(book[name])
        found[name] = dict(sorted(counter.items()))
    return {
        "read": report.read,
        "kept": report.kept,
        "rejected": report.n_rejected,
        "skipped": report.skipped,
        "rejects_listed": len(report.rejected),
        "formats": report.formats,
        **{name: counts[name] for name in _COUNTS[1:]},
        **found,
        "duplicates_collapsed": report.kept - counts["posts"] - counts["comments"],
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
