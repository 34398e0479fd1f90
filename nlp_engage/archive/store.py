"""The run folder: plain Parquet beside a manifest, written atomically, read back as labelled trees."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import RunError
from nlp_engage.structure import depths
from nlp_engage.tree import build_tree
from nlp_engage.types import ACTS, LABELS, Comment, LabelledTree
from nlp_engage.writers import to_arrow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from nlp_engage.types import DialogueTree

MANIFEST: Final = "manifest.json"
REJECTS: Final = "rejects.jsonl"
_KEY: Final = b"nlp_engage.key"


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all, even if the machine stops."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _parquet_bytes(table: pa.Table, key: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({_KEY: key.encode()}), sink, compression="zstd")
    result: bytes = sink.getvalue().to_pybytes()
    return result


def part_paths(run: Path, part: int) -> tuple[Path, Path]:
    """Where a part's comments and labels lie."""
    name = f"part-{part:05d}.parquet"
    return run / "comments" / name, run / "labels" / name


def part_is_done(run: Path, part: int, key: str) -> bool:
    """Whether a part is there, whole, and made from this text with this model and these settings."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in part_paths(run, part):
        try:
            metadata = pq.read_schema(path).metadata or {}
        except (OSError, pa.ArrowException):
            return False
        if metadata.get(_KEY) != key.encode():
            return False
    return True


def write_part(run: Path, part: int, key: str, labelled: Sequence[LabelledTree]) -> None:
    """Write a part: comments first, labels last, so that a part with labels is complete."""
    comments, labels = part_paths(run, part)
    write_atomically(comments, _parquet_bytes(_comment_table([lt.tree for lt in labelled]), key))
    write_atomically(labels, _parquet_bytes(label_table(labelled), key))


def _comment_table(trees: Sequence[DialogueTree]) -> pa.Table:
    import pyarrow as pa

    from nlp_engage.tree import healed

    rows = [comment for tree in trees for comment in healed(tree)]
    table = to_arrow(rows)
    depth = np.concatenate([depths(t)[~t.stand_in] for t in trees]) if trees else np.zeros(0, np.int32)
    confidence = np.concatenate([t.link_confidence[~t.stand_in] for t in trees]) if trees else np.zeros(0)
    table = table.append_column("depth", pa.array(depth, pa.int32()))
    return table.append_column("link_confidence", pa.array(confidence, pa.float32()))


def label_table(labelled: Sequence[LabelledTree]) -> pa.Table:
    """The labels of some trees as a table, one row per reply.

    Columns: ``id, thread_id, lang, label`` (null where out of domain), ``p_mindless_interaction,
    p_genuine_dialogue, p_self_expression, act, p_act``.
    """
    import pyarrow as pa

    ids, threads, langs, keep_p, keep_a, keep_pa = [], [], [], [], [], []
    for lt in labelled:
        rows = [i for i in range(1, len(lt.tree)) if not lt.tree.stand_in[i]]
        ids += [lt.tree.comments[i].id for i in rows]
        threads += [lt.tree.thread_id] * len(rows)
        langs += [lt.languages[i] for i in rows]
        keep_p.append(lt.probabilities[rows])
        keep_a.append(lt.acts[rows])
        keep_pa.append(lt.act_probabilities[rows])
    p = np.concatenate(keep_p) if keep_p else np.zeros((0, len(LABELS)))
    acts = np.concatenate(keep_a) if keep_a else np.zeros(0, np.int32)
    unlabelled = np.isnan(p[:, 0])
    best = np.nan_to_num(p).argmax(1)
    columns: dict[str, Any] = {
        "id": pa.array(ids, pa.string()),
        "thread_id": pa.array(threads, pa.string()),
        "lang": pa.array(langs, pa.string()),
        "label": pa.array(np.array(LABELS, dtype=object)[best], pa.string(), mask=unlabelled),
    }
    for k, label in enumerate(LABELS):
        columns[f"p_{label}"] = pa.array(p[:, k], pa.float64(), mask=unlabelled)
    columns["act"] = pa.array(np.array(ACTS, dtype=object)[acts], pa.string(), mask=unlabelled)
    act_p = np.concatenate(keep_pa) if keep_pa else np.zeros(0)
    columns["p_act"] = pa.array(act_p, pa.float64(), mask=unlabelled)
    return pa.table(columns)


def run_manifest(run: Path) -> dict[str, Any]:
    """Read a run's manifest.

    Raises:
        RunError: The folder is no finished run.
    """
    path = run / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RunError(f"{run} is no run folder: {MANIFEST} is missing. Make one with: nlp-engage label FILE -o {run}") from None
    except ValueError as error:
        raise RunError(f"{path} is damaged ({error}); label the archive again into a new folder") from None
    if not manifest.get("complete"):
        raise RunError(f"{run} was not finished ({manifest.get('parts_done', 0)} of {manifest.get('parts')} parts); "
                       "run the same `nlp-engage label` command again to finish it")
    return manifest


def read_run(run: str | Path) -> Iterator[LabelledTree]:
    """Read a finished run back, thread by thread in the order of its parts.

    Raises:
        RunError: The folder is no finished run, or a part does not fit its labels.
    """
    import pyarrow.parquet as pq

    folder = Path(run)
    for part in range(int(run_manifest(folder)["parts"])):
        comments_path, labels_path = part_paths(folder, part)
        comments = pq.read_table(comments_path).drop_columns(["depth", "link_confidence"])
        labels = {row["id"]: row for row in pq.read_table(labels_path).to_pylist()}
        thread: list[Comment] = []
        for row in comments.to_pylist():
            comment = Comment(**{k: v for k, v in row.items() if v is not None})
            if thread and thread[0].thread_id != comment.thread_id:
                yield _join(thread, labels, labels_path)
                thread = []
            thread.append(comment)
        if thread:
            yield _join(thread, labels, labels_path)


def _join(records: Sequence[Comment], labels: dict[str, dict[str, Any]], path: Path) -> LabelledTree:
    tree = build_tree(records)
    probabilities = np.full((len(tree), len(LABELS)), np.nan)
    acts, act_p = np.full(len(tree), -1, dtype=np.int32), np.full(len(tree), np.nan)
    languages = ["none"] * len(tree)
    for i in range(1, len(tree)):
        if tree.stand_in[i]:
            continue
        row = labels.get(tree.comments[i].id)
        if row is None:
            raise RunError(f"{path}: no row for comment {tree.comments[i].id!r}; the part is damaged, label again")
        languages[i] = row["lang"]
        if row["label"] is not None:
            probabilities[i] = [row[f"p_{label}"] for label in LABELS]
            acts[i], act_p[i] = ACTS.index(row["act"]), row["p_act"]
    return LabelledTree(
        tree=tree, probabilities=probabilities, acts=acts, act_probabilities=act_p, languages=tuple(languages)
    )


def digest(value: Any) -> str:
    """SHA-256 of a JSON value in a canonical form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
