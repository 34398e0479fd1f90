"""Make or resume a run: read, group, cut into parts by thread hash, label what is not there yet, keep the books."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from nlp_engage.archive.label import Remembering
from nlp_engage.archive.parts import PIPELINE, Part, coarser, do_part, part_paths
from nlp_engage.archive.privacy import SALT, Privacy
from nlp_engage.archive.progress import PROGRESS, Progress
from nlp_engage.archive.spill import DEFAULT_MEMORY, ThreadStore
from nlp_engage.archive.store import MANIFEST, REJECTS, SCORES, is_run, read_manifest
from nlp_engage.durable import LOCK, LOCK_OWNER, alone, write_atomically
from nlp_engage.errors import RunError
from nlp_engage.readers import read
from nlp_engage.readers.registry import account_key
from nlp_engage.types import ReadReport

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from nlp_engage.archive.parts import Books
    from nlp_engage.types import Labeller

WORKERS: Final = 2
"""Parts in hand at once: enough for one to compute while the other is read or written (``docs/scale.md``)."""
_SPILL: Final = ".spill"
_COUNTS: Final = ("records", "threads", "posts", "comments", "labelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run did.

    Attributes:
        folder: The run folder, or the URL it lies at.
        manifest: Its manifest.
        resumed_parts: Parts that were already there.
    """

    folder: Path | str
    manifest: dict[str, Any]
    resumed_parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An archive that was read and grouped: what is left for an engine to do.

    Attributes:
        folder: The run folder.
        store: The comments, by part.
        parts: Number of parts.
        settings: Digest of pipeline, model, privacy and owners.
        labeller: The model.
        privacy: What of the comments is written.
        progress: Whom to tell how far it is.
    """

    folder: Path
    store: ThreadStore
    parts: int
    settings: str
    labeller: Labeller
    privacy: Privacy
    progress: Progress

    @property
    def order(self) -> Sequence[int]:
        """The last part first, so that a part of a finer cut finds what the coarser one left."""
        return range(self.parts - 1, -1, -1)

    def part(self, number: int) -> Part:
        """One part, to be labelled."""
        records, earlier = self.store.part(number), coarser(number, self.parts)
        return Part(number=number, records=records, settings=self.settings, earlier=earlier)


Engine: TypeAlias = "Callable[[Job], tuple[list[Books], int]]"
"""Does all parts of a job: returns the books of each, by number, and how many were there already."""


def label_archive(
    paths: Sequence[str | Path],
    out: str | Path,
    labeller: Labeller,
    *,
    columns: Mapping[str, str] | None = None,
    format: str | None = None,
    owners: Collection[str] = (),
    salt: str | None = None,
    keep_authors: bool = False,
    text: bool = True,
    mask: bool = False,
    memory: int = DEFAULT_MEMORY,
    workers: int = WORKERS,
    engine: Engine | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> RunResult:
    """Label an archive into a run folder, or finish a run that was interrupted.

    A part is done again unless text, context, model and settings are the same; two models never mix in a folder. A
    run may be finished with another release of the package, as long as ``parts.PIPELINE`` is the same.
    An archive that grew is continued: threads that did not change keep their labels.

    Args:
        paths: Files, folders or globs in any supported format.
        out: Run folder; made if it is not there.
        labeller: The model.
        columns: Column map for tabular files (our field -> their column).
        format: Name of a format, instead of sniffing.
        owners: Ids or names of the accounts that own the page, where the export does not tell. A setting of the run.
        salt: Salt of the author ids; by default a random one, kept in the run folder (``.salt``) for resuming.
        keep_authors: Write author ids and names as they are.
        text: Write the words; without, opaque tokens.
        mask: Mask e-mail addresses and phone numbers.
        memory: Bytes the grouping may take; beyond, it goes to disk.
        workers: Parts in hand at once, 1 or more.
        engine: Who does the parts; by default this process, ``workers`` at once (``cluster.label_on_ray`` for Ray).
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
    with alone(folder, f"wait for it (nlp-engage status {folder}) or choose another -o"):
        privacy = _privacy(salt or _own_salt(folder), keep_authors=keep_authors, text=text, mask=mask)
        made_with = _made_with(folder, labeller, privacy.settings | _owners(owners, privacy))
        told = Progress(folder, report, progress)
        store = ThreadStore(folder / _SPILL, memory)
        try:
            total = store.fill(told.while_reading(read(paths, format, columns, report, owners=owners)))
            parts = store.group(read_manifest(folder)["parts"] if is_run(folder) else None)
            head = {"nlp_engage": version("nlp-engage"), **made_with, "parts": parts, "read": report.read}
            write_atomically(folder / MANIFEST, _json({**head, "complete": False}))
            told.start(total, parts)
            job = Job(
                folder=folder, store=store, parts=parts, labeller=labeller, privacy=privacy, progress=told,
                settings=_digest(made_with),
            )  # fmt: skip
            books, resumed = engine(job) if engine else _Worker(job).all(workers)
        finally:
            store.remove()
        manifest = _finish(job, {**head, **_totals(books, report), "complete": True}, report)
        told.end()
    return RunResult(folder=folder, manifest=manifest, resumed_parts=resumed)


def _privacy(secret: str, *, keep_authors: bool, text: bool, mask: bool) -> Privacy:
    return Privacy(salt=None if keep_authors else secret, secret=secret, text=text, mask=mask)


def _owners(owners: Collection[str], privacy: Privacy) -> dict[str, Any]:
    """The setting ``owners``; absent where none are named, as in runs made before there was such a setting."""
    return {"owners": privacy.accounts(map(account_key, owners))} if owners else {}


def _finish(job: Job, manifest: dict[str, Any], report: ReadReport) -> dict[str, Any]:
    """Write the model's scores and what was rejected, then the manifest that says the run is complete."""
    folder = job.folder
    _drop_stale_parts(folder, job.parts)
    _keep_scores(folder, job.labeller)
    rejects = (job.privacy.apply_to_reject(reject) for reject in report.rejected)
    write_atomically(folder / REJECTS, b"".join(msgspec.json.encode(reject) + b"\n" for reject in rejects))
    write_atomically(folder / MANIFEST, _json(manifest))
    return manifest


class _StoppedError(Exception):
    """Another part failed, or the user wants to end: what is in hand is left."""


class _Worker:
    """Does parts, several at once: while one is read, tokenised or written, another keeps the processor busy."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._labeller = Remembering(job.labeller)
        self._stop = threading.Event()

    def all(self, workers: int) -> tuple[list[Books], int]:
        """Do all parts; returns the books of each, by number, and how many were there already."""
        pool = ThreadPoolExecutor(workers, thread_name_prefix="part")
        try:
            futures = {n: pool.submit(self.part, n) for n in self._job.order}
            for done in as_completed(futures.values()):
                done.result()
            results = [futures[n].result() for n in sorted(futures)]
        finally:
            self._stop.set()
            pool.shutdown(cancel_futures=True)
            self._job.progress.stop()
        return [books for books, _ in results], sum(resumed for _, resumed in results)

    def part(self, number: int) -> tuple[Books, bool]:
        """Do one part, unless it is there already; returns its books, and whether it was."""
        job, part = self._job, self._job.part(number)
        left = len(part.records)

        def step(count: int) -> None:
            nonlocal left
            if self._stop.is_set():
                raise _StoppedError
            count = min(count, left)  # stand-ins make trees and records differ
            left -= count
            job.progress.step(count)

        books, resumed = do_part(job.folder, part, self._labeller, job.privacy, step)
        step(left)
        job.progress.part_done(len(part.records) if resumed else 0)
        return books, resumed


def _check_folder(folder: Path) -> None:
    if folder.is_file():
        raise RunError(f"{folder} is a file; -o names the run folder to make or to finish")
    ours = {LOCK, LOCK_OWNER, SALT, _SPILL, PROGRESS}
    if not is_run(folder) and folder.exists() and any(path.name not in ours for path in folder.iterdir()):
        raise RunError(f"{folder} holds files but no {MANIFEST}: not a run folder. Choose another one with -o.")


def _own_salt(folder: Path) -> str:
    path = folder / SALT
    if not path.exists():
        write_atomically(path, secrets.token_hex(16).encode())
        path.chmod(0o600)
    return path.read_text("ascii")


def _made_with(folder: Path, labeller: Labeller, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest records, where the folder was not made with anything else."""
    made_with: dict[str, Any] = {"pipeline": PIPELINE, "model": labeller.fingerprint, "settings": settings}
    if not is_run(folder):
        return made_with
    before = read_manifest(folder)
    if (then := before.get("pipeline")) != made_with["pipeline"]:
        release = before.get("nlp_engage")
        raise RunError(
            f"{folder} was begun with nlp-engage {release}, which heals threads or writes parts otherwise (pipeline: "
            f"then {then!r}, now {made_with['pipeline']!r}): they never mix in one run. Label the archive again into "
            f"another folder with -o, finish this one with nlp-engage {release}, or delete the folder."
        )
    for what in ("model", "settings"):
        _check_same(folder, what, before.get(what) or {}, made_with[what])
    return made_with


def _check_same(folder: Path, what: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    if then == now:
        return
    keys = [k for k in {**then, **now} if then.get(k) != now.get(k)]
    differ = "; ".join(f"{k}: then {then.get(k)!r}, now {now.get(k)!r}" for k in sorted(keys))
    raise RunError(
        f"{folder} was labelled with {'another model' if what == 'model' else 'other settings'} ({differ}): they never "
        "mix in one run. Choose another folder with -o, use what it was made with, or delete the folder."
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
        "rejects_limit": report.max_rejects,
        "formats": report.formats,
        **{name: counts[name] for name in _COUNTS[1:]},
        **found,
        "duplicates_collapsed": report.kept - counts["posts"] - counts["comments"],
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()
