"""Label trees as they stream by."""

from __future__ import annotations

import threading
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from nlp_engage.context import comment_languages, reply_contexts
from nlp_engage.types import LABELS, LabelledTree, Predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from nlp_engage.types import DialogueTree, Labeller, ReplyContext

CHUNK: Final = 4_096
"""Comments that are looked at together: identical inputs are found and lengths sorted among so many."""
SLICE: Final = 256
"""Inputs a labeller is given at a time: a few batches, so that progress is smooth and Ctrl-C is soon heard."""
REMEMBERED: Final = 131_072
"""Inputs a ``Remembering`` labeller keeps, at least (twice as many at most): some 60 MB."""


def label_trees(
    trees: Iterable[DialogueTree], labeller: Labeller, *, progress: Callable[[int], object] | None = None
) -> Iterator[LabelledTree]:
    """Label every reply of every tree; trees come out in the order they went in.

    The replies of a chunk are labelled together, whatever trees they stand in: each distinct input once, in order
    of length. Memory is that of a chunk of trees (``CHUNK`` comments, or one tree if it is larger) and of the inputs
    of ``CHUNK`` replies.

    Args:
        trees: Trees from ``tree.build_trees``.
        labeller: The shipped model or anything with the same ``predict``.
        progress: Called with the number of nodes done since the last call. What it raises ends the work.

    Yields:
        Each tree with its labels; out-of-domain text, the post and stand-ins have none.
    """
    for chunk in _chunks(trees):
        labelled = [_unlabelled(tree) for tree in chunk]
        pairs = ((lt, i, context) for lt in labelled for i, context in reply_contexts(lt.tree, lt.languages))
        scored = 0
        while window := list(islice(pairs, CHUNK)):
            _label(window, labeller, progress)
            scored += len(window)
        if progress and (rest := sum(map(len, chunk)) - scored):
            progress(rest)
        yield from labelled


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


def _unlabelled(tree: DialogueTree) -> LabelledTree:
    return LabelledTree(
        tree=tree,
        probabilities=np.full((len(tree), len(LABELS)), np.nan),
        acts=np.full(len(tree), -1, dtype=np.int32),
        act_probabilities=np.full(len(tree), np.nan),
        languages=comment_languages(tree),
    )


def _label(
    window: Sequence[tuple[LabelledTree, int, ReplyContext]],
    labeller: Labeller,
    progress: Callable[[int], object] | None,
) -> None:
    places: dict[ReplyContext, list[tuple[LabelledTree, int]]] = {}
    for lt, i, context in window:
        places.setdefault(context, []).append((lt, i))
    by_length = sorted(places, key=_length)
    for start in range(0, len(by_length), SLICE):
        inputs = by_length[start : start + SLICE]
        predictions = labeller.predict(inputs)
        done = 0
        for row, context in enumerate(inputs):
            for lt, i in places[context]:
                lt.probabilities[i] = predictions.probabilities[row]
                lt.acts[i] = predictions.acts[row]
                lt.act_probabilities[i] = predictions.act_probabilities[row]
            done += len(places[context])
        if progress:
            progress(done)


def _length(context: ReplyContext) -> int:
    """About how long an input is: bytes of UTF-8, of which a token has some four in either language."""
    return len(context.reply.encode()) + sum(len(text.encode()) for _, text in context.turns)


class Remembering:
    """A labeller that answers from memory what it was asked before, as far as a bounded memory reaches.

    Two generations are kept: when the younger is full, the elder is forgotten. May be used from several threads.

    Args:
        labeller: Whom to ask. Its answer to an input must not depend on what else is asked.
        size: Inputs of one generation.

    >>> from nlp_engage.types import ReplyContext
    >>> class Counting:
    ...     fingerprint, asked = {}, 0
    ...     def predict(self, contexts):
    ...         self.asked += len(contexts)
    ...         return Predictions(probabilities=np.full((len(contexts), 3), 1 / 3),
    ...                            acts=np.zeros(len(contexts), np.int32), act_probabilities=np.ones(len(contexts)))
    >>> wow = ReplyContext(reply="wow", by_owner=False, turns=(), language="en")
    >>> counting = Counting()
    >>> labeller = Remembering(counting)
    >>> [labeller.predict([wow]).probabilities.shape for _ in range(3)], counting.asked
    ([(1, 3), (1, 3), (1, 3)], 1)
    """

    def __init__(self, labeller: Labeller, size: int = REMEMBERED) -> None:
        self._labeller, self._size = labeller, size
        self._young: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> dict[str, Any]:
        """That of the labeller who is asked."""
        return self._labeller.fingerprint

    def predict(self, contexts: Sequence[ReplyContext]) -> Predictions:
        """Label a batch; only what is new is scored."""
        keys = [blake2b(msgspec.msgpack.encode(c), digest_size=16).digest() for c in contexts]
        with self._lock:
            rows = [self._young.get(key) or self._old.get(key) for key in keys]
        new = [i for i, row in enumerate(rows) if row is None]
        if new:
            found = self._labeller.predict([contexts[i] for i in new])
            columns = (found.probabilities, found.acts[:, None], found.act_probabilities[:, None])
            for i, values in zip(new, np.concatenate(columns, axis=1, dtype=np.float64), strict=True):
                rows[i] = values.tobytes()
        with self._lock:
            if len(self._young) + len(keys) > self._size:
                self._young, self._old = {}, self._young
            self._young.update((key, row) for key, row in zip(keys, rows, strict=True) if row is not None)
        table = np.frombuffer(b"".join(row for row in rows if row), np.float64).reshape(-1, len(LABELS) + 2)
        return Predictions(
            probabilities=table[:, :-2], acts=table[:, -2].astype(np.int32), act_probabilities=table[:, -1]
        )
