"""The run folder, read back: manifest, labelled trees."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.archive.parts import attach_rows, part_paths
from nlp_engage.errors import RunError
from nlp_engage.tree import build_tree
from nlp_engage.types import Comment, LabelledTree, LinkMethod

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MANIFEST: Final = "manifest.json"
REJECTS: Final = "rejects.jsonl"


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
            comments = pq.read_table(comments_path)
            labels: defaultdict[str, dict[str, Any]] = defaultdict(dict)
            for row in pq.read_table(labels_path).to_pylist():  # ids need be unique in their thread only
                labels[row["thread_id"]][row["id"]] = row
        except (OSError, pa.ArrowException) as error:
            raise RunError(f"{comments_path.name} cannot be read ({error}); label the archive again") from None
        for thread_id, rows in groupby(comments.to_pylist(), key=itemgetter("thread_id")):
            yield _join(list(rows), labels[thread_id], labels_path)


def _join(rows: Sequence[dict[str, Any]], labels: Mapping[str, Any], path: Path) -> LabelledTree:
    fields = Comment.__struct_fields__
    records = [Comment(**{k: v for k, v in row.items() if k in fields and v is not None}) for row in rows]
    tree = build_tree(records, recover=False)
    if "link_method" in rows[0]:  # runs of earlier versions do not tell
        told = {row["id"]: (LinkMethod(row["link_method"]), row["link_confidence"]) for row in rows}
        rebuilt = zip(tree.comments, tree.link_method, tree.link_confidence, strict=True)
        links = [told.get(c.id, (method, confidence)) for c, method, confidence in rebuilt]
        methods, confidences = zip(*links, strict=True)
        tree = replace(tree, link_method=methods, link_confidence=np.array(confidences, dtype=np.float64))
    try:
        return attach_rows(tree, labels)
    except KeyError as missing:
        raise RunError(f"{path}: no row for comment {missing}; the part is damaged, label the archive again") from None
