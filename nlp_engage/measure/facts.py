"""One pass over labelled trees: what every reply is and who answered it. ``assemble`` turns it into a table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from math import inf, nan
from sys import intern
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.measure.assemble import Facts, assemble
from nlp_engage.measure.near import HASHES, is_long, sign
from nlp_engage.measure.packed import NameCodes, Names
from nlp_engage.measure.pieces import Column
from nlp_engage.structure import depths, exchange_weights, structural_virality, thread_h_index
from nlp_engage.text import copy_key
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nlp_engage.measure.table import ReplyTable
    from nlp_engage.types import BoolArray, Comment, DialogueTree, FloatArray, LabelledTree

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TIME: Final = int(np.iinfo(np.int64).min)  # what numpy calls NaT
_FLUSH: Final = 65_536
"""Rows kept as Python objects before they become arrays."""
_SHORT: Final = 200
"""Characters of a text that is remembered: short ones come again, long ones would fill the memory."""
_TOKEN: Final = 0.95
"""Replies this surely mindless are compared with no near-copy: they earn next to nothing as it is."""
_NOTHING: Final = ("", 0, False)
_SUM_TOLERANCE: Final = 1e-3
"""How far a row of probabilities may be from 1: they may have been stored in single precision."""

_ROW: Final[dict[str, Any]] = {
    "thread": np.int32, "index": np.int32, "author": np.int32, "owner": np.bool_, "language": np.int32,
    "time": np.int64, "likes": np.float64, "parent": np.int32, "self_reply": np.bool_, "other": np.bool_,
    "copy": np.uint64, "first_answer": np.float64,
}  # fmt: skip
_THREAD: Final[dict[str, Any]] = {
    "post": np.bool_, "author": np.int32, "page": np.int32, "language": np.int32, "time": np.int64,
    "likes": np.float64, "owned": np.bool_, "virality": np.float64, "h": np.int32,
}  # fmt: skip
_ARRAYS: Final[dict[str, Any]] = {"act": np.int32, "depth": np.int32, "exchange": np.float64}  # come as arrays already


def collect(labelled_trees: Iterable[LabelledTree], *, comment_ids: bool = True) -> ReplyTable:
    """Gather the facts of every reply, in one pass; the trees are not kept.

    The *window* of the copy rule is all that is collected here. The *page* is the owner's account on its
    platform (the post's author, else the first account in the alphabet that the archive marks as the page's);
    a thread whose owner is unknown is a page of its own.

    Args:
        labelled_trees: Trees with calibrated probabilities, or with human labels as 0 and 1; in any order.
        comment_ids: Keep the id of every reply. ``measure_table`` does without them: in a large archive they take
            about as much memory as all numbers together.

    Returns:
        The table to measure, the same for every order of the trees.

    Raises:
        DataError: A thread comes twice, arrays do not fit their tree, or a row of probabilities is none.

    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment, LabelledTree
    >>> turns = [("p", None, "ann"), ("1", "p", "bob"), ("2", "1", "ann"), ("3", "2", "bob"), ("4", "p", "cid")]
    >>> tree = build_tree([Comment(id=i, thread_id="p", parent_id=up, author=a, text=i) for i, up, a in turns])
    >>> sure = np.array([[np.nan] * 3, [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=float)
    >>> table = collect([LabelledTree(tree=tree, probabilities=sure, acts=np.full(5, -1, dtype=np.int32),
    ...                               act_probabilities=np.full(5, np.nan), languages=("en",) * 5)])
    >>> tuple(table.comment_ids), table.exchange.tolist(), table.credits().tolist()
    (('1', '2', '3', '4'), [1.0, 2.0, 1.0, 0.0], [0.75, nan, 0.75, 0.5])
    """
    collector = _Collector(keep_ids=comment_ids)
    for labelled in labelled_trees:
        collector.add(labelled)
    return assemble(collector.facts())


def collect_both(
    labelled_trees: Iterable[LabelledTree], other: Callable[[LabelledTree], LabelledTree]
) -> tuple[ReplyTable, ReplyTable]:
    """Gather the facts of trees under two labellings in one pass; rows of the two tables correspond.

    Args:
        labelled_trees: As for ``collect``.
        other: Gives the same tree with other probabilities.

    Returns:
        The table of the trees, and that of the other labelling.

    Raises:
        DataError: As ``collect``.

    >>> from nlp_engage.measure.worked import worked_archive
    >>> from dataclasses import replace
    >>> guess = lambda labelled: replace(labelled, probabilities=labelled.probabilities * 0 + [1.0, 0.0, 0.0])
    >>> hand, model = collect_both(worked_archive(1), guess)
    >>> round(float(np.nansum(hand.credit)), 2), float(np.nansum(model.credit)), len(hand) == len(model)
    (2.75, 0.0, True)
    """
    first, second = _Collector(), _Collector()
    for labelled in labelled_trees:
        first.add(labelled)
        second.add(other(labelled))
    return assemble(first.facts()), assemble(second.facts())


@dataclass(slots=True)
class _Collector:
    """Columns in the making. Lists go into arrays now and then, so that a row costs bytes and not objects."""

    keep_ids: bool = True
    rows: defaultdict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    columns: dict[str, Column] = field(default_factory=lambda: _columns(_ROW | _ARRAYS, LABELS))
    thread_columns: dict[str, Column] = field(default_factory=lambda: _columns(_THREAD))
    long_columns: tuple[Column, Column] = field(
        default_factory=lambda: (Column(np.int64), Column(np.uint32, (HASHES,)))
    )
    threads: defaultdict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    thread_ids: list[str] = field(default_factory=list)
    packed_threads: list[Names] = field(default_factory=list)
    platforms: list[str | None] = field(default_factory=list)
    comment_ids: list[str] = field(default_factory=list)
    packed_ids: list[Names] = field(default_factory=list)
    count: int = 0
    count_threads: int = 0
    authors: NameCodes = field(default_factory=NameCodes)
    long_rows: list[int] = field(default_factory=list)
    long_keys: list[str] = field(default_factory=list)
    languages: dict[str, int] = field(default_factory=dict)

    def add(self, labelled: LabelledTree) -> None:
        """Take the facts of one thread."""
        tree, post = labelled.tree, labelled.tree.post
        _check_shapes(labelled)
        platform = post.platform or next((c.platform for c in tree.comments if c.platform), None)
        self.platforms.append(platform and intern(platform))
        marked = [c.author for c in tree.comments if c.is_owner]
        owner = post.author or min((name for name in marked if name), default=None)
        author, page = self.authors.of(platform, [post.author, owner])
        virality, depth = structural_virality(tree), depths(tree)
        facts = {
            "post": not tree.stand_in[0], "author": author, "page": page,
            "language": self._language(labelled.languages[0]), "time": _micros(post), "likes": _likes(post),
            "owned": bool(owner or marked), "virality": nan if virality is None else virality,
            "h": thread_h_index(tree, depth),
        }  # fmt: skip
        for name, value in facts.items():
            self.threads[name].append(value)
        self.columns["depth"].extend(depth[_replies(tree)])
        self._add_rows(labelled, platform)
        self.thread_ids.append(tree.thread_id)
        self.count_threads += 1
        if len(self.rows["thread"]) >= _FLUSH or len(self.threads["h"]) >= _FLUSH:
            self._flush()

    def _add_rows(self, labelled: LabelledTree, platform: str | None) -> None:
        tree, kept = labelled.tree, _replies(labelled.tree)
        comments, parents = tree.comments, tree.parents.tolist()
        nodes = np.arange(len(comments))[kept].tolist()
        place = [-1] * len(comments)
        for row, i in enumerate(nodes, self.count):
            place[i] = row
        up = [parents[i] for i in nodes]
        written, above = [comments[i] for i in nodes], [comments[i] for i in up]
        owner = _by_owner(comments)
        mine = [owner[i] for i in nodes]
        names = [c.author for c in written]
        pairs = list(zip(names, [c.author for c in above], strict=True))
        mindless = labelled.probabilities[kept, 0]
        rows = self.rows
        rows["thread"] += [self.count_threads] * len(nodes)
        rows["index"] += nodes
        rows["owner"] += mine
        rows["author"] += self.authors.of(platform, names)
        rows["language"] += [self._language(labelled.languages[i]) for i in nodes]
        rows["time"] += [_micros(c) for c in written]
        rows["likes"] += [_likes(c) for c in written]
        rows["parent"] += [place[i] for i in up]
        rows["self_reply"] += [bool(name) and name == answered for name, answered in pairs]
        rows["other"] += [bool(name and answered) and name != answered for name, answered in pairs]
        rows["first_answer"] += _first_answers(comments, parents, owner, nodes)
        self._add_texts(written, mine, mindless)
        self.comment_ids += [c.id for c in written]
        self.count += len(nodes)
        self.columns["probabilities"].extend(labelled.probabilities[kept])
        self.columns["act"].extend(labelled.acts[kept])
        self.columns["exchange"].extend(_exchange(labelled)[kept])

    def _add_texts(self, written: Sequence[Comment], owner: Sequence[bool], mindless: FloatArray) -> None:
        """By what copies and near-copies are told: nothing for what is not measured."""
        chances = mindless.tolist()  # a number that is none is unequal to itself
        keys = [
            _copy(c.text) if p == p and not by_owner else _NOTHING
            for c, p, by_owner in zip(written, chances, owner, strict=True)
        ]
        self.rows["copy"] += [number for _, number, _ in keys]
        long = [k for k, (_, _, long) in enumerate(keys) if long and chances[k] < _TOKEN]
        self.long_rows += [self.count + k for k in long]
        self.long_keys += [keys[k][0] for k in long]

    def _language(self, name: str) -> int:
        return self.languages.setdefault(name, len(self.languages))

    def _flush(self) -> None:
        if self.comment_ids:
            _check_probabilities(self.columns["probabilities"].whole()[-len(self.comment_ids) :], self.comment_ids)
        for name in _ROW:
            self.columns[name].extend(self.rows[name])
        for name in _THREAD:
            self.thread_columns[name].extend(self.threads[name])
        self.rows.clear()
        self.threads.clear()
        rows, signatures = self.long_columns
        rows.extend(self.long_rows)
        signatures.extend(sign(self.long_keys))
        self.long_rows.clear()
        self.long_keys.clear()
        self._flush_names()

    def _flush_names(self) -> None:
        self.authors.pack()
        self.packed_threads.append(Names.of(self.thread_ids))
        self.thread_ids.clear()
        if self.keep_ids:
            self.packed_ids.append(Names.of(self.comment_ids))
        self.comment_ids.clear()

    def facts(self) -> Facts:
        """What was gathered, in the order it came; the collector is empty afterwards."""
        self._flush()
        codes, authors = self.authors.settle()
        rows = {name: self.columns.pop(name).whole() for name in tuple(self.columns)}
        threads = {name: column.whole() for name, column in self.thread_columns.items()}
        rows["author"] = codes[rows["author"]]
        threads["author"], threads["page"] = codes[threads["author"]], codes[threads["page"]]
        long_rows, signatures = self.long_columns
        return Facts(
            rows=rows,
            threads=threads,
            thread_ids=Names.joined(self.packed_threads),
            platforms=self.platforms,
            comment_ids=self.packed_ids if self.keep_ids else None,
            authors=authors,
            languages=list(self.languages),
            long_rows=long_rows.whole(),
            signatures=signatures.whole(),
        )


def _columns(kinds: Mapping[str, Any], labels: Sequence[str] = ()) -> dict[str, Column]:
    columns = {name: Column(kind) for name, kind in kinds.items()}
    return columns | ({"probabilities": Column(np.float64, (len(labels),))} if labels else {})


def _check_shapes(labelled: LabelledTree) -> None:
    n = len(labelled.tree)
    found = (labelled.probabilities.shape, labelled.acts.shape, len(labelled.languages))
    if found != ((n, len(LABELS)), (n,), n):
        raise DataError(
            f"thread {labelled.tree.thread_id!r} has {n} nodes, but its labels come as probabilities, acts, languages "
            f"of {found}: there must be ({n}, {len(LABELS)}), ({n},) and {n}. Label the tree again."
        )


def _check_probabilities(probabilities: FloatArray, comment_ids: Sequence[str]) -> None:
    missing = np.isnan(probabilities)
    in_range = (probabilities >= 0) & (probabilities <= 1)
    whole = in_range.all(axis=1) & (np.abs(probabilities.sum(axis=1) - 1) <= _SUM_TOLERANCE)
    bad = np.flatnonzero(~(whole | missing.all(axis=1)))
    if len(bad):
        raise DataError(
            f"comment {comment_ids[bad[0]]!r} has probabilities {probabilities[bad[0]].tolist()}: they must be three "
            f"numbers from 0 to 1 that sum to 1, or all NaN where there is no label ({len(bad)} such rows up to here)."
        )


def _replies(tree: DialogueTree) -> slice | BoolArray:
    """Which nodes are replies: all but the post and the stand-ins."""
    if not tree.stand_in[1:].any():
        return slice(1, None)
    kept = ~tree.stand_in
    kept[0] = False
    return kept


def _by_owner(comments: Sequence[Comment]) -> list[bool]:
    poster = comments[0].author or None
    return [c.is_owner or (poster is not None and c.author == poster) for c in comments]


def _micros(comment: Comment) -> int:
    if comment.created is None:
        return _NO_TIME
    since = comment.created - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _likes(comment: Comment) -> float:
    return nan if comment.likes is None else float(comment.likes)


def _copy(text: str) -> tuple[str, int, bool]:
    """Key of a text, its number, and whether it is long enough to have near-copies."""
    return _known_copy(text) if len(text) <= _SHORT else _numbered(text)


def _numbered(text: str) -> tuple[str, int, bool]:
    key = copy_key(text)
    number = int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest())
    return key, number, is_long(key)


_known_copy: Final = lru_cache(maxsize=65_536)(_numbered)


def _exchange(labelled: LabelledTree) -> FloatArray:
    """``r`` of each node: mindless turns keep no exchange alive, unlabelled ones do not count."""
    parents = labelled.tree.parents
    if parents.max(initial=-1) <= 0:  # nobody answered a reply
        return np.zeros(len(parents))
    said = np.clip(1 - labelled.probabilities[:, 0], 0, 1)
    said[np.isnan(said)] = 0
    return exchange_weights(labelled.tree, said)


def _first_answers(
    comments: Sequence[Comment], parents: Sequence[int], owner: Sequence[bool], nodes: Sequence[int]
) -> list[float]:
    """Time of the owner's first answer below each node: NaN without one, infinite where it has no time."""
    if not any(owner[i] for i in nodes):
        return [nan] * len(nodes)
    first: list[float] = [nan] * len(comments)
    for i in range(len(comments) - 1, 0, -1):
        at = first[i]
        if owner[i]:
            mine = float(_micros(comments[i])) if comments[i].created is not None else inf
            at = mine if at != at else min(at, mine)
        if at == at and not first[parents[i]] <= at:
            first[parents[i]] = at
    return [first[i] for i in nodes]
