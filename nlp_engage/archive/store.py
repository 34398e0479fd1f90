"""The run folder, read back: manifest, labelled trees."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.archive.parts import attach_rows, part_paths
from nlp_engage.errors import RunError
from nlp_engage.tree import build_tree
from nlp_engage.types import Comment, LabelledTree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nlp_engage.measure import HeldOut

MANIFEST: Final = "manifest.json"
REJECTS: Final = "rejects.jsonl"
SCORES: Final = "scores.json"


def is_run(folder: Path) -> bool:
    """Whether a folder is a run, finished or not."""
    return (folder / MANIFEST).is_file()


def read_manifest(run: Path) -> dict[str, Any]:
    """Read the manifest of a run, finished or not.

    Raises:
        RunError: The folder is no run, or its manifest is damaged.
    """
    path = run / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(
            f"{run} is no run folder: {MANIFEST} is missing. Make one with: nlp-engage label FILE -o {run}"
        ) from None
    except ValueError as error:
        raise RunError(f"{path} is damaged ({error}); label the archive again into a new folder") from None
    return manifest


def run_manifest(run: Path) -> dict[str, Any]:
    """Read the manifest of a finished run.

    Raises:
        RunError: The folder is no run, or it was not finished.
    """
    manifest = read_manifest(run)
    if not manifest.get("complete"):
        raise RunError(
            f"{run} was not finished; run the same `nlp-engage label` command again to finish it "
            f"(`nlp-engage status {run}` tells how far it got)"
        )
    return manifest


def run_scores(run: Path) -> dict[str, Any] | None:
    """What the model that labelled a run scored on held-out replies: the confusions that correct shares, the floors.

    They lie in the run since it was labelled. Of older runs they are known if the shipped model made them.

    Returns:
        Name -> scores, as in the model's ``scores.json``; ``None`` where they are not known.

    Raises:
        RunError: The folder is no run, or its scores are damaged.
    """
    path = run / SCORES
    if path.is_file():
        try:
            scores: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise RunError(
                f"{path} is damaged ({error}); run `nlp-engage label` again, finished parts are kept"
            ) from None
        return scores
    return _shipped_scores((read_manifest(run).get("model") or {}).get("sha256"))


def run_held_out(run: Path) -> dict[str, HeldOut]:
    """Language -> confusion on held-out replies of the model that labelled a run; empty where it is not known.

    Raises:
        RunError: As ``run_scores``.
        DataError: The scores hold no confusions.
    """
    from nlp_engage.measure import held_out_of

    name = (read_manifest(run).get("model") or {}).get("name")
    return held_out_of(run_scores(run), name)


def _shipped_scores(sha256: str | None) -> dict[str, Any] | None:
    """The scores of the shipped model, if its weights are these."""
    from nlp_engage.classify.folder import default_model, read_scores
    from nlp_engage.errors import ModelError

    try:
        folder = default_model()
        config = json.loads((folder / "config.json").read_text("utf-8"))  # not load_config: no need to hash the weights
        return read_scores(folder) if config["sha256"]["model.onnx"] == sha256 else None
    except (ModelError, OSError, ValueError, KeyError):
        return None  # a report says that the scores are not at hand; it does not fail for want of them


def read_run(run: str | Path) -> Iterator[LabelledTree]:
    """Read a finished run back, thread by thread in the order of its parts. Memory is that of one part.

    Raises:
        RunError: The folder is no finished run, or a part does not fit its labels.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Path(run)
    for number in range(int(run_manifest(folder)["parts"])):
        comments_path, labels_path = part_paths(folder, number)
        try:
            comments = pq.read_table(comments_path).drop_columns(["depth", "link_confidence"])
            labels: defaultdict[str, dict[str, Any]] = defaultdict(dict)
            for row in pq.read_table(labels_path).to_pylist():  # ids need be unique in their thread only
                labels[row["thread_id"]][row["id"]] = row
        except (OSError, pa.ArrowException) as error:
            raise RunError(f"{comments_path.name} cannot be read ({error}); label the archive again") from None
        thread: list[Comment] = []
        for row in comments.to_pylist():
            comment = Comment(**{k: v for k, v in row.items() if v is not None})
            if thread and thread[0].thread_id != comment.thread_id:
                yield _join(thread, labels, labels_path)
                thread = []
            thread.append(comment)
        if thread:
            yield _join(thread, labels, labels_path)


def _join(records: Sequence[Comment], labels: Mapping[str, dict[str, Any]], path: Path) -> LabelledTree:
    try:
        return attach_rows(build_tree(records), labels[records[0].thread_id])
    except KeyError as missing:
        raise RunError(f"{path}: no row for comment {missing}; the part is damaged, label the archive again") from None
