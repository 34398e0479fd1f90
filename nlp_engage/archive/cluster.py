"""The engine ``ray``: the parts of a run on Ray Data, labelled by actors that load the model once.

The driver reads and groups, as in a run on one machine; that is cheap beside labelling. Each part is one row of a Ray
dataset, and an actor does it with the code of the local engine, so the bytes are the same. Queueing, retries and
spilling are Ray's own. Words in the clear travel through Ray's object store only: nothing but finished parts is
written to the shared place.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.archive.label import Remembering
from nlp_engage.archive.parts import Part, coarser, do_part
from nlp_engage.archive.remote import SALT, RemoteRun, do_remote_part, local_path
from nlp_engage.archive.run import RunResult, label_archive
from nlp_engage.archive.store import MANIFEST, REJECTS, SCORES
from nlp_engage.errors import NlpEngageError, RunError, require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from nlp_engage.archive.parts import Books
    from nlp_engage.archive.privacy import Privacy
    from nlp_engage.archive.run import Job
    from nlp_engage.types import Labeller

_SMALL: Final = (Path(SALT), Path(MANIFEST))


def label_on_ray(
    paths: Sequence[str | Path],
    out: str | Path,
    labeller: Labeller,
    *,
    address: str | None = None,
    workers: int | None = None,
    cpus: int = 1,
    **options: Any,
) -> RunResult:
    """Label an archive on a Ray cluster, into the same run folder as ``label_archive``, byte for byte.

    Args:
        paths: Files, folders or globs, read by this process.
        out: Run folder on a file system that all machines share, or a URL that fsspec knows (``s3://bucket/run``).
        labeller: The model; pickled once, unpickled once in each actor.
        address: Of the cluster; ``None`` is Ray's default: ``RAY_ADDRESS``, a cluster on this machine, or a new one.
            Where this process is connected to a cluster already, that one is used.
        workers: Actors at most; ``None`` for as many as the cluster has room for.
        cpus: Processors of one actor.
        **options: As for ``label_archive``.

    Returns:
        The manifest and how much was resumed.

    Raises:
        MissingExtraError: Ray, or the package for this kind of URL, is not installed.
        RunError: The cluster cannot be reached or failed, or any reason ``label_archive`` has.
    """
    # Read when Ray is imported: it reports its use to its makers, and its C++ side writes to our stderr, unless told.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    require("ray.data", extra="ray")
    engine = _OnRay(address=address, workers=workers, cpus=cpus, remote=None)
    if (folder := local_path(out)) is not None:
        return label_archive(paths, folder.absolute(), labeller, engine=engine, **options)
    remote = RemoteRun(str(out))
    remote.check()
    with TemporaryDirectory(prefix="nlp-engage-") as name:
        desk = Path(name)
        remote.fetch(desk, _SMALL)
        engine = _OnRay(address=address, workers=workers, cpus=cpus, remote=remote)
        try:
            result = label_archive(paths, desk, labeller, engine=engine, **options)
        except RunError as error:  # the user knows the run by its URL
            raise RunError(str(error).replace(name, remote.url)) from None
        remote.drop_stale(result.manifest["parts"])
        remote.send(desk, [Path(REJECTS), Path(SCORES), Path(MANIFEST)])
    return RunResult(folder=remote.url, manifest=result.manifest, resumed_parts=result.resumed_parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnRay:
    """An engine (``run.Engine``)."""

    address: str | None
    workers: int | None
    cpus: int
    remote: RemoteRun | None

    def __call__(self, job: Job) -> tuple[list[Books], int]:
        for folder in ("comments", "labels"):
            (job.folder / folder).mkdir(exist_ok=True)
        if self.remote:
            self.remote.send(job.folder, _SMALL)
        try:
            with _connected(self.address):
                rows = {row["number"]: row for row in self._rows(job)}
        finally:
            job.progress.stop()
        books = [json.loads(rows[number]["books"]) for number in range(job.parts)]
        return books, sum(row["resumed"] for row in rows.values())

    def _rows(self, job: Job) -> Iterator[dict[str, Any]]:
        """What the actors answer, part by part as they get done."""
        import ray

        with _quiet(), _told():
            parts = ray.data.from_arrow_refs([ray.put(_row(job.part(number))) for number in job.order])
            done = parts.map_batches(
                _Labelling,
                batch_size=None,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(size=self._actors(job.parts)),
                num_cpus=self.cpus,
                fn_constructor_args=(
                    self.remote or job.folder, ray.put(job.labeller), job.privacy, job.settings, job.parts,
                    _versions(job.labeller),
                ),
            )  # fmt: skip
            for row in done.iter_rows():
                job.progress.step(row["records"])
                job.progress.part_done(row["records"] if row["resumed"] else 0)
                yield row

    def _actors(self, parts: int) -> int:
        import ray

        rooms = [int(node["Resources"].get("CPU", 0)) // self.cpus for node in ray.nodes() if node["Alive"]]
        if not sum(rooms):
            raise RunError(f"no machine of the Ray cluster has {self.cpus} processors; give fewer with --threads")
        return min(self.workers or sum(rooms), parts)


class _Labelling:
    """An actor: holds the model, does one part after the other."""

    def __init__(
        self, run: Path | RemoteRun, labeller: Any, privacy: Privacy, settings: str, parts: int, made_with: Any
    ) -> None:
        self._run, self._privacy, self._settings, self._parts = run, privacy, settings, parts
        self._shipped, self._made_with = labeller, made_with

    @cached_property
    def _labeller(self) -> Labeller:
        """Loaded with the first part, not above: what a constructor raises, Ray tells as the death of an actor."""
        import ray

        model: Labeller = ray.get(self._shipped)
        if (here := _versions(model)) != self._made_with:
            raise RunError(
                f"a machine of the cluster labels with {here}, this one with {self._made_with}: install the same on all"
            )
        return Remembering(model)

    def __call__(self, batch: pa.Table) -> pa.Table:
        import pyarrow as pa

        try:
            return pa.Table.from_pylist([self._row(**row) for row in batch.to_pylist()])
        except OSError as error:
            raise RunError(f"a machine of the cluster cannot read or write the run: {error}") from None

    def _row(self, number: int, records: list[bytes]) -> dict[str, Any]:
        part = Part(number=number, records=records, settings=self._settings, earlier=coarser(number, self._parts))
        if isinstance(self._run, RemoteRun):
            with TemporaryDirectory(prefix="nlp-engage-") as desk:
                books, resumed = do_remote_part(self._run, Path(desk), part, self._labeller, self._privacy)
        else:
            books, resumed = do_part(self._run, part, self._labeller, self._privacy)
        return {"number": number, "records": len(records), "resumed": resumed, "books": json.dumps(books)}


def _row(part: Part) -> pa.Table:
    """A part as one row of a table, so that Ray cannot cut it."""
    import pyarrow as pa

    records = pa.array([part.records], pa.large_list(pa.large_binary()))
    return pa.table({"number": pa.array([part.number], pa.int64()), "records": records})


def _versions(labeller: Labeller) -> dict[str, Any]:
    return {"nlp_engage": version("nlp-engage"), "model": labeller.fingerprint}


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """Connect to a cluster, quietly; where this process is connected already, nothing is changed.

    Raises:
        RunError: The cluster cannot be reached.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    try:
        _knock(address or os.environ.get("RAY_ADDRESS") or "")
        ray.init(
            address,
            logging_level=logging.ERROR,
            log_to_driver=False,
            include_dashboard=False if address is None else None,
        )
    except (OSError, ValueError, RuntimeError) as error:
        where = address or os.environ.get("RAY_ADDRESS") or "a cluster on this machine"
        raise RunError(
            f"the Ray cluster cannot be reached: {where} ({_first(error)}). Start one with `ray start --head`, give "
            "its address with --ray-address HOST:PORT, or leave the address out to have one started here."
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError at once where nobody answers; Ray itself tries for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


@contextmanager
def _quiet() -> Iterator[None]:
    """No bars and no plans of Ray Data: progress is told by the run. Errors of an actor arrive as they are."""
    import ray

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what fails is told once, by us
    context = ray.data.DataContext.get_current()
    wanted = {"enable_progress_bars": False, "print_on_execution_start": False, "raise_original_map_exception": True}
    before = {name: getattr(context, name) for name in wanted}
    for name, value in wanted.items():
        setattr(context, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)


@contextmanager
def _told() -> Iterator[None]:
    """Turn what Ray raises into what an actor raised, or into one line."""
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        if isinstance(cause, NlpEngageError):  # Ray adds a line on its own retries
            raise type(cause)(str(cause).split("\nFailed to ")[0]) from None
        raise RunError(f"the Ray cluster failed: {_first(cause)}; finished parts are kept, run it again") from error


def _first(error: BaseException) -> str:
    return " ".join(str(error).split("\n\n")[0].split())[:300] or type(error).__name__
