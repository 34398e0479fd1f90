"""Labelled archives for the tests of the measure: a list of what was said, and how it becomes labelled trees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import hypothesis
import msgspec
import numpy as np
from hypothesis import strategies as st

from nlp_engage.tree import build_trees
from nlp_engage.types import ACTS, LABELS, Act, Comment, LabelledTree

SURE = {"M": (1.0, 0.0, 0.0), "D": (0.0, 1.0, 0.0), "S": (0.0, 0.0, 1.0)}
START = datetime(2025, 6, 14, 12, tzinfo=UTC)


def given(*strategies, max_examples=100):
    """A property without a deadline: a machine that does something else at the time must not fail it."""
    patient = hypothesis.settings(deadline=None, max_examples=max_examples)
    return lambda test: patient(hypothesis.given(*strategies)(test))


@dataclass(frozen=True)
class Said:
    """A comment and its label: three probabilities, or None where it has none."""

    comment: Comment
    p: tuple[float, float, float] | None = None
    act: Act | None = None


def said(id, parent, author, label=None, *, thread="p", act=None, hours=None, **fields):
    """One turn; ``label`` is M, D, S, three probabilities or None; ``hours`` count from the start of the archive."""
    created = None if hours is None else START + timedelta(hours=hours)
    fields = {"text": f"{thread} {id}", **fields}
    comment = Comment(id=id, thread_id=thread, parent_id=parent, author=author, created=created, **fields)
    return Said(comment, SURE.get(label, label), act)


def trees(archive):
    """Labelled trees of an archive, by thread id."""
    of = {s.comment.id: s for s in archive}
    return sorted(
        (_labelled(tree, of) for tree in build_trees([s.comment for s in archive])), key=lambda lt: lt.tree.thread_id
    )


def _labelled(tree, of):
    n = len(tree)
    p, acts = np.full((n, len(LABELS)), np.nan), np.full(n, -1, dtype=np.int32)
    for i, comment in enumerate(tree.comments):
        one = of.get(comment.id)
        if i and not tree.stand_in[i] and one is not None and one.p is not None:
            p[i] = one.p
            acts[i] = -1 if one.act is None else ACTS.index(one.act)
    return LabelledTree(
        tree=tree,
        probabilities=p,
        acts=acts,
        act_probabilities=np.where(acts < 0, np.nan, 1.0),
        languages=tuple(c.lang or "en" for c in tree.comments),
    )


def changed(one, **fields):
    """The same turn with other fields of its comment (or another ``p`` or ``act``)."""
    own = {k: fields.pop(k) for k in ("p", "act") if k in fields}
    return replace(one, comment=msgspec.structs.replace(one.comment, **fields), **own)


TEXTS = ("so good", "So good!!", "which size?", "my nan had one", "@mia.ro", "😂😂", "", "回复 @小张 :好看")
AUTHORS = ("ann", "bob", "cid", "dee", None)
_weights = st.sampled_from(((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 2), (8, 1, 1), (1, 5, 0), (0, 1, 3), (3, 2, 5)))


@st.composite
def archives(draw, max_threads=4, max_size=9, hard=False):
    """Up to four threads by the same few people, copies, unknown authors, gone parents, unlabelled replies."""
    archive = []
    for t in range(draw(st.integers(1, max_threads))):
        thread = f"t{t}"
        platform = draw(st.sampled_from((None, "reddit", "weibo")))
        common = {"thread": thread, "platform": platform}
        if draw(st.integers(0, 4)):
            archive.append(said(thread, None, draw(st.sampled_from(AUTHORS)), likes=draw(_likes), hours=0, **common))
        ids = [thread]
        for k in range(draw(st.integers(0 if archive and archive[-1].comment.id == thread else 1, max_size))):
            parent = draw(st.sampled_from([*ids, *ids[-2:], "gone"]))
            archive.append(
                _reply(draw, f"{thread}c{k}", f"{thread}{parent}" if parent == "gone" else parent, common, hard)
            )
            ids.append(f"{thread}c{k}")
    return archive


_likes = st.none() | st.integers(-2, 9)


def _reply(draw, id, parent, common, hard):
    weights = draw(_weights) if not hard else SURE[draw(st.sampled_from("MDS"))]
    return said(
        id,
        parent,
        draw(st.sampled_from(AUTHORS)),
        None if not draw(st.integers(0, 9)) else tuple(w / sum(weights) for w in weights),
        act=draw(st.sampled_from((Act.QUESTION, Act.REQUEST, Act.OPINION, None))),
        text=draw(st.sampled_from(TEXTS)),
        likes=draw(_likes),
        hours=draw(st.none() | st.integers(0, 400)),
        is_owner=not draw(st.integers(0, 7)),
        lang=draw(st.sampled_from(("en", "zh", None))),
        **common,
    )
