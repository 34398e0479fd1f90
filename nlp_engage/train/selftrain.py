"""Self-training: a finished model labels replies nobody labelled, softly, and the next one learns from both."""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.context import context_of_unit, reply_contexts, units_of_replies
from nlp_engage.errors import DataError
from nlp_engage.readers import read
from nlp_engage.tree import build_trees
from nlp_engage.types import ACT_LABEL, ACTS, LABEL_CODES, LABELS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from nlp_engage.types import DialogueTree, Labeller

_DIGITS: Final = 4


def teach(
    files: Sequence[str], labeller: Labeller, *, per_file: int, seed: int = 0, exclude: Collection[str] = ()
) -> Iterator[dict[str, Any]]:
    """Draw replies from archives and label them with a model, as training units with soft labels.

    Every file gives at most ``per_file`` replies with different texts, spread over its threads, so that a large
    source does not drown a small one. A reply that two files hold (same thread, id and text) is drawn from one of them.

    Args:
        files: Archives in any supported format; each is held in memory while it is drawn from.
        labeller: The teacher.
        per_file: Replies per file, at most.
        seed: Seed of the draw.
        exclude: What the student will be scored on: thread ids, and, of units without a thread, their uids
            (``splits.thread_of`` gives either).

    Yields:
        Units as ``docs/codebook.md`` describes them, with ``soft`` shares and ``teacher``, the name of the model.
        ``uid`` is ``teacher:thread:id``, with ``#2`` and so on behind it where an earlier file has another reply of
        that thread and id: many platforms count from 1. An act of another label than the unit's is left out.

    Raises:
        DataError: ``per_file`` is not positive, or a file is named twice.
        ReadError: A file cannot be read.
    """
    if per_file < 1:
        raise DataError(f"per_file is {per_file}, must be 1 or more")
    if repeated := [file for file, times in Counter(map(os.path.realpath, files)).items() if times > 1]:
        raise DataError(f"{repeated[0]} is named twice: its replies would be drawn twice. Name each archive once")
    left_out = frozenset(exclude)
    given: dict[str, list[str]] = defaultdict(list)
    for file in files:
        trees = [tree for tree in build_trees(read([file])) if tree.thread_id not in left_out]
        units = list(_draw(trees, per_file, random.Random(f"{seed}:{len(trees)}"), left_out, given))
        for unit in units:
            name = _name(unit["thread"], unit["uid"])
            given[name].append(unit["reply"])
            unit["uid"] = name if len(given[name]) == 1 else f"{name}#{len(given[name])}"
        yield from _labelled(units, labeller)


def _draw(
    trees: Sequence[DialogueTree],
    count: int,
    rng: random.Random,
    left_out: AbstractSet[str],
    given: Mapping[str, Sequence[str]],
) -> Iterator[dict[str, Any]]:
    """Replies of as many threads as possible, no text twice, none ``left_out`` by id or name, none ``given`` before."""
    per_thread = max(4, -(-3 * count // max(1, len(trees))))
    seen: set[str] = set()
    for tree in rng.sample(trees, len(trees)):
        rows = [i for i, _ in reply_contexts(tree)]
        fresh = []
        for i in rng.sample(rows, min(per_thread, len(rows))):
            text, uid = tree.comments[i].text, tree.comments[i].id
            name = _name(tree.thread_id, uid)
            known = text in seen or text in given.get(name, ()) or left_out & {uid, name}
            if not known and len(seen) < count:
                seen.add(text)
                fresh.append(i)
        yield from units_of_replies(tree, fresh)
        if len(seen) == count:
            return


def _name(thread: str, uid: str) -> str:
    """One name for a reply in all files: an id alone may occur in several threads."""
    return f"{thread}:{uid}"


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
