"""Labels made by hand in place of a model's: everything that takes labelled trees takes these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.types import ACT_LABEL, ACTS, LABEL_CODES, LABELS, Act, LabelledTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nlp_engage.types import DialogueTree


def hand_labelled(trees: Iterable[DialogueTree], units: Iterable[Mapping[str, Any]]) -> Iterator[LabelledTree]:
    """Put labels made by hand beside trees: probability 1 for the label, none for replies that have no label.

    Args:
        trees: Trees of the archive, each thread once.
        units: Labels, as ``docs/codebook.md`` describes them: ``uid`` (the comment), ``label`` (M, D, S or the name
            of a label), and where known ``act``, ``lang`` and ``thread`` (needed where ids repeat between
            threads).

    Yields:
        Labelled trees, in the order of the trees.

    Raises:
        DataError: A label or act is none, an act belongs to another label, a reply has two different labels, or a unit
            is of no comment in the trees.

    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment
    >>> tree = build_tree([Comment(id="p", thread_id="p"), Comment(id="a", thread_id="p", parent_id="p")])
    >>> labelled, = hand_labelled([tree], [{"uid": "a", "label": "D", "act": "ques", "lang": "en"}])
    >>> labelled.probabilities[1].tolist(), ACTS[labelled.acts[1]].value, labelled.languages
    ([0.0, 1.0, 0.0], 'ques', ('none', 'en'))
    """
    wanted: dict[tuple[Any, Any], tuple[int, int, str | None]] = {}
    for unit in units:
        key = unit.get("thread"), unit.get("uid")
        if wanted.setdefault(key, _checked(unit)) != _checked(unit):
            raise DataError(f"reply {unit.get('uid')!r} has two different labels or acts: settle on one.")
    for tree in trees:
        n = len(tree)
        probabilities, acts = np.full((n, len(LABELS)), np.nan), np.full(n, -1, dtype=np.int32)
        languages = [comment.lang or "none" for comment in tree.comments]
        for i, comment in enumerate(tree.comments):
            for key in ((tree.thread_id, comment.id), (None, comment.id)):
                if i and not tree.stand_in[i] and key in wanted:
                    label, act, language = wanted.pop(key)
                    probabilities[i] = np.eye(len(LABELS))[label]
                    acts[i] = act
                    languages[i] = language or languages[i]
        yield LabelledTree(
            tree=tree,
            probabilities=probabilities,
            acts=acts,
            act_probabilities=np.where(acts < 0, np.nan, 1.0),
            languages=tuple(languages),
        )
    if wanted:
        thread, uid = next(iter(wanted))
        where = f" in thread {thread!r}" if thread is not None else ""
        raise DataError(
            f"{len(wanted)} labels are of no comment in the archive (e.g. {uid!r}{where}): "
            "read the archive they were made for."
        )


def _checked(unit: Mapping[str, Any]) -> tuple[int, int, str | None]:
    label = LABEL_CODES.get(str(unit.get("label")), unit.get("label"))
    if label not in LABELS:
        raise DataError(f"reply {unit.get('uid')!r} has label {unit.get('label')!r}: write M, D or S.")
    act = unit.get("act")
    if act is None:
        return LABELS.index(label), -1, unit.get("lang")
    if act not in ACTS or ACT_LABEL[Act(act)] != label:
        fitting = ", ".join(a for a in ACTS if ACT_LABEL[a] == label)
        raise DataError(f"reply {unit.get('uid')!r} has label {label} and act {act!r}: acts of it are {fitting}.")
    return LABELS.index(label), ACTS.index(Act(act)), unit.get("lang")
