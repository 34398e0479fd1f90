"""A part: some whole threads with their labels, written so that it is there whole or not at all.

A part's key is text + context + model + settings + ``PIPELINE``. What does not verify is done again; threads
of a part that only grew keep the labels they have.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
import numpy as np

from nlp_engage.archive.label import label_trees
from nlp_engage.archive.spill import threads_of
from nlp_engage.durable import write_atomically
from nlp_engage.structure import depths
from nlp_engage.tree import build_tree, healed
from nlp_engage.types import ACTS, LABELS, LabelledTree
from nlp_engage.writers import to_arrow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from nlp_engage.archive.privacy import Privacy
    from nlp_engage.types import Comment, DialogueTree, Labeller

Books: TypeAlias = "dict[str, Any]"
"""What a part counts: records, threads, posts, comments, labelled, unlabelled, issues."""
PIPELINE: Final = "parts-4"
"""Version of what a part says of its comments and a model's answers: healed parents, languages, what a model is shown
beside the template, masks, columns. A change of any of them changes it; a new release of the package alone does not."""
_KEY: Final = b"nlp_engage.key"
_BOOKS: Final = b"nlp_engage.books"
_SETTINGS: Final = b"nlp_engage.settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a run, before it is labelled.

    Attributes:
        number: Its number, from 0.
        records: Its comments, encoded, in a fixed order.
        settings: Digest of pipeline, model and privacy.
        earlier: Parts of coarser cuts, from before the archive grew, that may hold labels of its threads.
    """

    number: int
    records: list[bytes]
    settings: str
    earlier: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """Digest of everything the part's bytes depend on."""
        state = hashlib.sha256(self.settings.encode())
        for record in self.records:
            state.update(record)
        return state.hexdigest()


def coarser(number: int, parts: int) -> tuple[int, ...]:
    """Where a part's threads were when the run had fewer parts: its number in every coarser cut, all below it.

    Made in descending order, a part finds these as the earlier run left them.

    >>> coarser(13, 16), coarser(0, 4)
    ((5, 1, 0), ())
    """
    cuts = (parts >> k for k in range(1, parts.bit_length()))
    return tuple(dict.fromkeys(n for cut in cuts if (n := number % cut) != number))


def part_paths(run: Path, number: int) -> tuple[Path, Path]:
    """Where a part's comments and labels lie."""
    name = f"part-{number:05d}.parquet"
    return run / "comments" / name, run / "labels" / name


def finished_books(run: Path, part: Part) -> dict[str, Any] | None:
    """The books of a part that is there, whole and made from this text with this model and these settings."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    metadata: dict[bytes, bytes] = {}
    for path in part_paths(run, part.number):
        try:
            metadata = pq.read_table(path, page_checksum_verification=True).schema.metadata or {}
        except (OSError, pa.ArrowException):
            return None
        if metadata.get(_KEY) != part.key.encode():
            return None
    books: dict[str, Any] = json.loads(metadata[_BOOKS])
    return books


def do_part(
    run: Path,
    part: Part,
    labeller: Labeller,
    privacy: Privacy,
    progress: Callable[[int], object] | None = None,
) -> tuple[Books, bool]:
    """Make a part (``make_part``) unless it is there already; returns its books, and whether it was."""
    found = finished_books(run, part)
    return (found, True) if found is not None else (make_part(run, part, labeller, privacy, progress), False)


def make_part(
    run: Path,
    part: Part,
    labeller: Labeller,
    privacy: Privacy,
    progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Heal, label and write a part: comments first, labels last, so that a part with labels is complete.

    Args:
        run: Run folder.
        part: What to label.
        labeller: The model.
        privacy: What of the comments is written.
        progress: Called with the number of records done since the last call.

    Returns:
        The part's books: threads, posts, comments, labelled, unlabelled, issues.
    """
    threads = list(threads_of(part.records))
    keys = {thread[0].thread_id: _thread_key(thread) for thread in threads}
    known = _known_labels(run, part, set(keys.values()))
    trees = [build_tree(thread) for thread in threads]
    new = [tree for tree in trees if keys[tree.thread_id] not in known]
    fresh = label_trees(new, labeller, progress=progress)
    labelled = [
        next(fresh) if keys[tree.thread_id] not in known else attach_rows(tree, known[keys[tree.thread_id]])
        for tree in trees
    ]
    if progress and (reused := sum(map(len, trees)) - sum(map(len, new))):
        progress(reused)
    books = _books(labelled, len(part.records))
    metadata = {
        _KEY: part.key.encode(),
        _SETTINGS: part.settings.encode(),
        _BOOKS: json.dumps(books).encode(),
    }
    comments_path, labels_path = part_paths(run, part.number)
    write_atomically(comments_path, _parquet_bytes(comment_table(trees, privacy), metadata))
    write_atomically(labels_path, _parquet_bytes(label_table(labelled, keys), metadata))
    return books


def _thread_key(records: Sequence[Comment]) -> str:
    state = hashlib.sha256()
    for record in sorted(msgspec.json.encode(r) for r in records):
        state.update(record)
    return state.hexdigest()[:16]


def _known_labels(run: Path, part: Part, wanted: set[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Labels an earlier version of this part has, by thread key and comment id; none if made otherwise."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    known: dict[str, dict[str, dict[str, Any]]] = {}
    for number in (part.number, *part.earlier):
        try:
            table = pq.read_table(part_paths(run, number)[1], page_checksum_verification=True)
        except (OSError, pa.ArrowException):
            continue
        if (table.schema.metadata or {}).get(_SETTINGS) != part.settings.encode():
            continue
        keys = pa.array(sorted(wanted - known.keys()), pa.string())
        for row in table.filter(pc.is_in(table["thread_key"], keys)).to_pylist():
            known.setdefault(row["thread_key"], {})[row["id"]] = row
    return known


def attach_rows(tree: DialogueTree, rows: Mapping[str, Mapping[str, Any]]) -> LabelledTree:
    """Put label rows (by comment id) back on their tree.

    Raises:
        KeyError: A comment has no row.
    """
    probabilities = np.full((len(tree), len(LABELS)), np.nan)
    acts, act_p = np.full(len(tree), -1, dtype=np.int32), np.full(len(tree), np.nan)
    languages = ["none"] * len(tree)
    for i in range(1, len(tree)):
        if tree.stand_in[i]:
            continue
        row = rows[tree.comments[i].id]
        languages[i] = row["lang"]
        if row["label"] is not None:
            probabilities[i] = [row[f"p_{label}"] for label in LABELS]
            acts[i], act_p[i] = ACTS.index(row["act"]), row["p_act"]
    return LabelledTree(
        tree=tree, probabilities=probabilities, acts=acts, act_probabilities=act_p, languages=tuple(languages)
    )


def _books(labelled: Sequence[LabelledTree], records: int) -> dict[str, Any]:
    nodes = sum(int((~lt.tree.stand_in).sum()) for lt in labelled)
    posts = sum(not lt.tree.stand_in[0] for lt in labelled)
    replies = [
        (lt.languages[i], not np.isnan(lt.probabilities[i, 0]))
        for lt in labelled
        for i in range(1, len(lt.tree))
        if not lt.tree.stand_in[i]
    ]
    return {
        "records": records,
        "threads": len(labelled),
        "posts": posts,
        "comments": nodes - posts,
        "labelled": sum(known for _, known in replies),
        "unlabelled": dict(sorted(Counter(lang for lang, known in replies if not known).items())),
        "issues": dict(sorted(Counter(str(i.kind) for lt in labelled for i in lt.tree.issues).items())),
    }


def comment_table(trees: Sequence[DialogueTree], privacy: Privacy) -> pa.Table:
    """Posts and comments as they are written: canonical columns, healed parents and what is known of them.

    Beside ``parent_id``: ``depth``, ``platform_parent_id`` (the platform's own value), ``link_method``,
    ``link_confidence``.
    """
    import pyarrow as pa

    table = to_arrow([privacy.apply(comment) for tree in trees for comment in healed(tree)])
    depth = np.concatenate([np.zeros(0, np.int32), *(depths(t)[~t.stand_in] for t in trees)])
    confidence = np.concatenate([np.zeros(0), *(t.link_confidence[~t.stand_in] for t in trees)])
    table = table.append_column("depth", pa.array(depth.astype(np.int32), pa.int32()))
    own = [c.parent_id for t in trees for c, gone in zip(t.comments, t.stand_in, strict=True) if not gone]
    methods = [str(m) for t in trees for m, gone in zip(t.link_method, t.stand_in, strict=True) if not gone]
    table = table.append_column("platform_parent_id", pa.array(own, pa.string()))
    table = table.append_column("link_method", pa.array(methods, pa.string()))
    return table.append_column("link_confidence", pa.array(confidence, pa.float32()))


def label_table(labelled: Sequence[LabelledTree], thread_keys: Mapping[str, str]) -> pa.Table:
    """The labels of some trees as a table, one row per reply.

    Columns: ``id, thread_id, lang, label`` (null where out of domain), ``p_mindless_interaction,
    p_genuine_dialogue, p_self_expression, act, p_act, thread_key`` (digest of the thread the label was made in).
    """
    import pyarrow as pa

    picked = [(lt, np.flatnonzero(~lt.tree.stand_in)) for lt in labelled]
    picked = [(lt, rows[rows > 0]) for lt, rows in picked]
    probabilities = np.concatenate([np.zeros((0, len(LABELS))), *(lt.probabilities[rows] for lt, rows in picked)])
    acts = np.concatenate([np.zeros(0, np.int32), *(lt.acts[rows] for lt, rows in picked)])
    act_p = np.concatenate([np.zeros(0), *(lt.act_probabilities[rows] for lt, rows in picked)])
    unlabelled = np.isnan(probabilities[:, 0])
    best = np.nan_to_num(probabilities).argmax(1)
    threads = [lt.tree.thread_id for lt, rows in picked for _ in rows]
    columns: dict[str, Any] = {
        "id": pa.array([lt.tree.comments[i].id for lt, rows in picked for i in rows], pa.string()),
        "thread_id": pa.array(threads, pa.string()),
        "lang": pa.array([lt.languages[i] for lt, rows in picked for i in rows], pa.string()),
        "label": pa.array(np.array(LABELS, dtype=object)[best], pa.string(), mask=unlabelled),
    }
    for k, label in enumerate(LABELS):
        columns[f"p_{label}"] = pa.array(probabilities[:, k], pa.float64(), mask=unlabelled)
    columns["act"] = pa.array(np.array(ACTS, dtype=object)[acts], pa.string(), mask=unlabelled)
    columns["p_act"] = pa.array(act_p, pa.float64(), mask=unlabelled)
    columns["thread_key"] = pa.array([thread_keys[t] for t in threads], pa.string())
    return pa.table(columns)


def _parquet_bytes(table: pa.Table, metadata: Mapping[bytes, bytes]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(dict(metadata)), sink, compression="zstd", write_page_checksum=True)
    result: bytes = sink.getvalue().to_pybytes()
    return result
