"""Make or resume a run: read, heal, cut into parts by thread hash, label what is not there yet, keep the books."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.archive.label import label_trees
from nlp_engage.archive.store import MANIFEST, REJECTS, digest, part_is_done, part_paths, write_atomically, write_part
from nlp_engage.errors import RunError
from nlp_engage.readers import read
from nlp_engage.tree import build_trees, healed
from nlp_engage.types import ReadReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nlp_engage.types import DialogueTree, Labeller

PART_COMMENTS: Final = 5_000
"""Comments per part, about: what an interrupted run has to do again at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run did: the manifest, and how many parts were already there."""

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
    progress: Callable[[int, int], object] | None = None,
) -> RunResult:
    """Label an archive into a run folder, or finish a run that was interrupted.

    A part is done again unless text, context and model are the same; two models never mix in a folder.

    Args:
        paths: Files, folders or globs in any supported format.
        out: Run folder; made if it is not there.
        labeller: The model.
        columns: Column map for tabular files (our field -> their column).
        format: Name of a format, instead of sniffing.
        progress: Called with (comments done since the last call, comments in all).

    Returns:
        The manifest and how much was resumed.

    Raises:
        ReadError: Nothing can be read.
        RunError: The folder was made with another model.
    """
    folder, report = Path(out), ReadReport()
    _check_folder(folder, labeller)
    trees = list(build_trees(read(paths, format=format, columns=columns, report=report)))
    parts = _parts(trees, _known_parts(folder))
    total = sum(len(t) for t in trees)
    model = labeller.fingerprint
    books = {"nlp_engage": version("nlp-engage"), "model": model, "parts": len(parts)}
    write_atomically(folder / MANIFEST, _json({**books, "complete": False}))
    resumed = 0
    for number, part in enumerate(parts):
        key = _key(part, model)
        if part_is_done(folder, number, key):
            resumed += 1
            if progress:
                progress(sum(len(t) for t in part), total)
            continue
        labelled = list(label_trees(part, labeller, progress=lambda n: progress(n, total) if progress else None))
        write_part(folder, number, key, labelled)
    _drop_stale_parts(folder, len(parts))
    labelled_count, out_of_domain = _count_labels(folder, len(parts))
    rejects = b"".join(msgspec.json.encode(r) + b"\n" for r in report.rejected)
    write_atomically(folder / REJECTS, rejects)
    manifest = {**books, "complete": True, **_books(trees, report), "labelled": labelled_count,
                "unlabelled": dict(sorted(out_of_domain.items()))}
    write_atomically(folder / MANIFEST, _json(manifest))
    return RunResult(folder=folder, manifest=manifest, resumed_parts=resumed)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _check_folder(folder: Path, labeller: Labeller) -> None:
    path = folder / MANIFEST
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise RunError(f"{folder} holds files but no {MANIFEST}: not a run folder. Choose another one with -o.")
        return
    before = json.loads(path.read_text("utf-8")).get("model")
    if before != labeller.fingerprint:
        raise RunError(
            f"{folder} was labelled with model {before.get('name')!r} ({str(before.get('sha256'))[:12]}), this is "
            f"{labeller.fingerprint.get('name')!r} ({str(labeller.fingerprint.get('sha256'))[:12]}): two models never "
            "mix in a run. Choose another folder with -o, or delete this one."
        )


def _known_parts(folder: Path) -> int | None:
    path = folder / MANIFEST
    return int(json.loads(path.read_text("utf-8"))["parts"]) if path.exists() else None


def _parts(trees: Sequence[DialogueTree], known: int | None) -> list[list[DialogueTree]]:
    count = known or max(1, round(sum(len(t) for t in trees) / PART_COMMENTS))
    parts: dict[int, list[DialogueTree]] = defaultdict(list)
    for tree in trees:
        place = int.from_bytes(hashlib.sha256(tree.thread_id.encode("utf-8", "surrogatepass")).digest()[:8])
        parts[place % count].append(tree)
    return [sorted(parts[i], key=lambda t: t.thread_id) for i in range(count)]


def _key(part: Iterable[DialogueTree], model: Mapping[str, Any]) -> str:
    state = hashlib.sha256(digest(model).encode())
    for tree in part:
        for comment in healed(tree):
            state.update(msgspec.json.encode(comment))
    return state.hexdigest()


def _drop_stale_parts(folder: Path, count: int) -> None:
    known = {path for number in range(count) for path in part_paths(folder, number)}
    for kind in ("comments", "labels"):
        for path in (folder / kind).glob("part-*.parquet"):
            if path not in known:
                path.unlink()


def _count_labels(folder: Path, parts: int) -> tuple[int, Counter[str]]:
    import pyarrow.parquet as pq

    labelled, unlabelled = 0, Counter[str]()
    for number in range(parts):
        table = pq.read_table(part_paths(folder, number)[1], columns=["lang", "label"])
        labelled += len(table) - table["label"].null_count
        pairs = zip(table["lang"].to_pylist(), table["label"].to_pylist(), strict=True)
        unlabelled.update(lang for lang, label in pairs if label is None)
    return labelled, unlabelled


def _books(trees: Sequence[DialogueTree], report: ReadReport) -> dict[str, Any]:
    kept = sum(int((~t.stand_in).sum()) for t in trees)
    posts = sum(not t.stand_in[0] for t in trees)
    return {
        "read": report.read, "kept": report.kept, "rejected": report.n_rejected, "skipped": report.skipped,
        "formats": report.formats, "threads": len(trees), "posts": posts, "comments": kept - posts,
        "duplicates_collapsed": report.kept - kept,
        "issues": dict(sorted(Counter(str(i.kind) for t in trees for i in t.issues).items())),
    }
