"""Label trees as they stream by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from nlp_engage.context import comment_languages, reply_contexts
from nlp_engage.types import LABELS, LabelledTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from nlp_engage.types import DialogueTree, Labeller, Predictions, ReplyContext

CHUNK: Final = 1_024
"""Comments that are labelled together: enough for batches of equal length, little enough for smooth progress."""


def label_trees(
    trees: Iterable[DialogueTree], labeller: Labeller, *, progress: Callable[[int], object] | None = None
) -> Iterator[LabelledTree]:
    """Label every reply of every tree; trees come out in the order they went in.

    Memory is that of a chunk of trees (about ``CHUNK`` comments, or one tree if it is larger).

    Args:
        trees: Trees from ``tree.build_trees``.
        labeller: The shipped model or anything with the same ``predict``.
        progress: Called with the number of comments done since the last call.

    Yields:
        Each tree with its labels; out-of-domain text, the post and stand-ins have none.
    """
    for chunk in _chunks(trees):
        languages = [comment_languages(tree) for tree in chunk]
        contexts = [list(reply_contexts(tree, found)) for tree, found in zip(chunk, languages, strict=True)]
        predictions = labeller.predict([context for tree in contexts for _, context in tree])
        start = 0
        for tree, found, pairs in zip(chunk, languages, contexts, strict=True):
            rows = slice(start, start + len(pairs))
            yield _attach(tree, found, pairs, predictions, rows)
            start = rows.stop
            if progress:
                progress(len(tree))


def _chunks(trees: Iterable[DialogueTree]) -> Iterator[list[DialogueTree]]:
    chunk: list[DialogueTree] = []
    size = 0
    for tree in trees:
        chunk.append(tree)
        size += len(tree)
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _attach(
    tree: DialogueTree,
    languages: tuple[str, ...],
    pairs: Sequence[tuple[int, ReplyContext]],
    predictions: Predictions,
    rows: slice,
) -> LabelledTree:
    probabilities = np.full((len(tree), len(LABELS)), np.nan)
    acts = np.full(len(tree), -1, dtype=np.int32)
    act_probabilities = np.full(len(tree), np.nan)
    where = [i for i, _ in pairs]
    probabilities[where] = predictions.probabilities[rows]
    acts[where] = predictions.acts[rows]
    act_probabilities[where] = predictions.act_probabilities[rows]
    return LabelledTree(
        tree=tree,
        probabilities=probabilities,
        acts=acts,
        act_probabilities=act_probabilities,
        languages=languages,
    )
