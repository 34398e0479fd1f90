"""The run folder, read back: manifest, labelled trees."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import groupby, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.archive.parts import part_paths
from nlp_engage.archive.privacy import SALT, Privacy
from nlp_engage.errors import DataError, RunError
from nlp_engage.tree import build_tree
from nlp_engage.types import ACTS, LABELS, Comment, LabelledTree, LinkMethod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from nlp_engage.measure import HeldOut
    from nlp_engage.types import DialogueTree

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


def check_words(run: Path, manifest: Mapping[str, Any]) -> None:
    """Refuse a run whose words were left out, where somebody is to read them.

    Args:
        run: Run folder, for the message.
        manifest: Its manifest.

    Raises:
        DataError: It was made with ``--no-text``.
    """
    if (manifest.get("settings") or {}).get("text") is False:
        raise DataError(
            f"{run} was made with --no-text and holds no words to judge: label the archive again with them."
        )


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
    """The scores of the shipped model whose weights these are.

    Returns:
        ``None`` where the run does not tell its weights, this installation has no such model, or the model's
        ``scores.json`` is missing or damaged: a report says that scores are not at hand, it does not fail for want of
        them.
    """
    from nlp_engage.classify.folder import read_scores, shipped_folders
    from nlp_engage.errors import ModelError

    if sha256 is None:
        return None
    for folder in shipped_folders():
        if _weights_of(folder) == sha256:
            try:
                return read_scores(folder)
            except ModelError:
                return None
    return None


def _weights_of(folder: Path) -> str | None:
    """The hash of a model's weights as its ``config.json`` has it; ``None`` where that cannot be read."""
    try:
        digest: str = json.loads((folder / "config.json").read_text("utf-8"))["sha256"]["model.onnx"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return digest


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
            labels = _Labels(pq.read_table(labels_path), labels_path)
        except (OSError, pa.ArrowException) as error:
            raise RunError(f"{comments_path.name} cannot be read ({error}); label the archive again") from None
        for _, thread in groupby(_comments(comments), key=lambda row: row[0].thread_id):
            yield labels.attach(_tree(list(thread)))


def _comments(table: pa.Table) -> Iterator[tuple[Comment, tuple[str, float] | None]]:
    """Comments from columns, each with how its link was found; a column without a value in the part costs nothing."""
    fields = Comment.__struct_fields__
    names = [name for name in table.column_names if name in fields and table[name].null_count < len(table)]
    whole = all(table[name].null_count == 0 for name in names)
    columns = zip(*(table[name].to_pylist() for name in names), strict=True)
    told: Iterable[tuple[str, float] | None] = repeat(None, len(table))  # runs of earlier versions do not tell
    if "link_method" in table.column_names:
        told = zip(table["link_method"].to_pylist(), table["link_confidence"].to_pylist(), strict=True)
    for values, link in zip(columns, told, strict=True):
        row = zip(names, values, strict=True)
        yield (Comment(**dict(row)) if whole else Comment(**{k: v for k, v in row if v is not None})), link


def _tree(thread: Sequence[tuple[Comment, tuple[str, float] | None]]) -> DialogueTree:
    """The tree as it was when it was labelled: parents are healed already, and are not recovered a second time."""
    tree = build_tree([comment for comment, _ in thread], recover=False)
    told = {comment.id: link for comment, link in thread if link is not None}
    if all(method == LinkMethod.STATED and confidence == 1 for method, confidence in told.values()):
        return tree  # nearly all
    rebuilt = zip(tree.comments, tree.link_method, tree.link_confidence.tolist(), strict=True)
    links = [told.get(c.id, (method, confidence)) for c, method, confidence in rebuilt]
    return replace(
        tree,
        link_method=tuple(LinkMethod(method) for method, _ in links),
        link_confidence=np.array([confidence for _, confidence in links], dtype=np.float64),
    )


class _Labels:
    """The labels of a part as columns, found by thread and comment: ids need be unique in their thread only."""

    def __init__(self, table: pa.Table, path: Path) -> None:
        self._path = path
        keys = zip(table["thread_id"].to_pylist(), table["id"].to_pylist(), strict=True)
        self._row = {key: row for row, key in enumerate(keys)}
        self._languages = table["lang"].to_pylist()
        self._probabilities = np.stack([table[f"p_{label}"].to_numpy() for label in LABELS], axis=1)
        codes: dict[str | None, int] = {None: -1, **{act.value: code for code, act in enumerate(ACTS)}}
        self._acts = np.array([codes[act] for act in table["act"].to_pylist()], dtype=np.int32)
        self._act_p = table["p_act"].to_numpy()

    def attach(self, tree: DialogueTree) -> LabelledTree:
        """Put the labels of a tree beside it."""
        nodes = np.flatnonzero(~tree.stand_in)
        nodes = nodes[nodes > 0]
        thread, comments = tree.thread_id, tree.comments
        try:
            rows = [self._row[thread, comments[i].id] for i in nodes.tolist()]
        except KeyError as missing:
            raise RunError(
                f"{self._path}: no row for comment {missing}; the part is damaged, label the archive again"
            ) from None
        probabilities = np.full((len(tree), len(LABELS)), np.nan)
        acts, act_p = np.full(len(tree), -1, dtype=np.int32), np.full(len(tree), np.nan)
        probabilities[nodes], acts[nodes], act_p[nodes] = self._probabilities[rows], self._acts[rows], self._act_p[rows]
        languages = ["none"] * len(tree)
        for i, row in zip(nodes.tolist(), rows, strict=True):
            languages[i] = self._languages[row]
        return LabelledTree(
            tree=tree, probabilities=probabilities, acts=acts, act_probabilities=act_p, languages=tuple(languages)
        )


def account_codes(run: Path, salt: str | None = None) -> Callable[[str], str | None] | None:
    """How an account is written in a run with salted author ids.

    Args:
        run: Run folder.
        salt: The salt if one was given; by default the run's own.

    Returns:
        From an author id to its code; ``None`` where authors are kept or the salt is not known.

    Raises:
        RunError: The folder is no run.
    """
    if read_manifest(run)["settings"]["authors"] == "kept":
        return None
    kept = run / SALT
    known = salt or (kept.read_text("ascii") if kept.is_file() else None)
    return None if known is None else Privacy(salt=known).code
