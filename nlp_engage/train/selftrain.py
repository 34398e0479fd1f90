"""Self-training: a finished model labels replies nobody labelled, softly, and the next one learns from both."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.context import context_of_unit, reply_contexts, units_of_replies
from nlp_engage.errors import DataError
from nlp_engage.readers import read
from nlp_engage.tree import build_trees
from nlp_engage.types import ACT_LABEL, ACTS, LABEL_CODES, LABELS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from nlp_engage.types import DialogueTree, Labeller

_DIGITS: Final = 4


def teach(
    files: Sequence[str], labeller: Labeller, *, per_file: int, seed: int = 0, exclude: Collection[str] = ()
) -> Iterator[dict[str, Any]]:
    """Draw replies from archives and label them with a model, as training units with soft labels.

    Every file gives at most ``per_file`` replies with different texts, spread over its threads, so that a large
    source does not drown a small one.

    Args:
        files: Archives in any supported format; each is held in memory while it is drawn from.
        labeller: The teacher.
        per_file: Replies per file, at most.
        seed: Seed of the draw.
        exclude: Thread ids to leave out: those the student will be scored on.

    Yields:
        Units as ``docs/codebook.md`` describes them, with ``soft`` shares and ``teacher``, the name of the model.
        An act of another label than the unit's is left out.

    Raises:
        DataError: ``per_file`` is not positive, or a file is named twice.
        ReadError: A file cannot be read.
    """
    if per_file < 1:
        raise DataError(f"per_file is {per_file}, must be 1 or more")
    if repeated := [file for file, times in Counter(map(os.path.realpath, files)).items() if times > 1]:
        raise DataError(f"{repeated[0]} is named twice: its replies would be drawn twice. Name each archive once")
    for file in files:
        trees = [tree for tree in build_trees(read([file])) if tree.thread_id not in exclude]
        units = list(_draw(trees, per_file, random.Random(f"{seed}:{len(trees)}")))
        yield from _labelled(units, labeller)


def _draw(trees: Sequence[DialogueTree], count: int, rng: random.Random) -> Iterator[dict[str, Any]]:
    """Replies of as many threads as possible, no text twice."""
    per_thread = max(4, -(-3 * count // max(1, len(trees))))
    seen: set[str] = set()
    for tree in rng.sample(trees, len(trees)):
        rows = [i for i, _ in reply_contexts(tree)]
        fresh = [i for i in rng.sample(rows, min(per_thread, len(rows))) if tree.comments[i].text not in seen]
        for unit in units_of_replies(tree, fresh[: count - len(seen)]):
            seen.add(unit["reply"])
            yield unit
        if len(seen) >= count:
            return


def _labelled(units: Sequence[dict[str, Any]], labeller: Labeller) -> Iterator[dict[str, Any]]:
    predictions = labeller.predict([context_of_unit(unit) for unit in units])
    codes = tuple(LABEL_CODES)
    for unit, p, act in zip(units, predictions.probabilities, predictions.acts, strict=True):
        k = int(p.argmax())
        soft = {code: round(float(share), _DIGITS) for code, share in zip(codes, p, strict=True)}
        act_code = {"act": str(ACTS[act])} if ACT_LABEL[ACTS[act]] == LABELS[k] else {}
        teacher = str(labeller.fingerprint["name"])
        yield {
            **unit,
            "uid": f"{teacher}:{unit['uid']}",
            "label": codes[k],
            "soft": soft,
            **act_code,
            "teacher": teacher,
        }
