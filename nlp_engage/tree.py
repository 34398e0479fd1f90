"""Dialogue trees from comment records: every thread parses, and every repair is told.

The rules (each an ``IssueKind``), applied in this order, none of which looks at the order of the input:

* several records of one id: the latest version stays (``DUPLICATE_ID``, ``EDITED``);
* no post: a virtual one is put above all (``NO_POST``);
* a reply that a platform files under a floor goes to whom its text addresses (``RECOVERED_PARENT``);
* no parent, but not the post: a reply to the post (``EXTRA_ROOT``); its own parent: too (``SELF_REPLY``);
* a parent that is not there: a tombstone under the post, shared by all who answer it (``MISSING_PARENT``);
* a loop: the link of its earliest comment is cut and goes to the post (``LOOP``);
* older than its parent (``OLDER_THAN_PARENT``), fewer replies than counted (``INCOMPLETE``): only told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from nlp_engage.counters import replies_collected
from nlp_engage.errors import DataError
from nlp_engage.grouping import threads
from nlp_engage.mentions import recover_targets, time_key
from nlp_engage.types import BoolArray, Comment, DialogueTree, Issue, IssueKind, LinkMethod

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nlp_engage.mentions import Target

STATED: Final = 1.0
"""Confidence of a link that the platform states."""
REPLACED: Final = 0.5
"""Confidence of a link to the post that stands in for an impossible one: nothing is known of the true one."""

_KINDS: Final = {kind: place for place, kind in enumerate(IssueKind)}


@dataclass(slots=True)
class _Draft:
    """A tree in the making: nodes in any order, the post at 0; ``parents`` may still hold loops.

    ``confidence`` holds the links that are less than ``STATED``.
    """

    comments: list[Comment]
    issues: list[Issue]
    parents: list[int] = field(default_factory=list)
    confidence: dict[int, float] = field(default_factory=dict)
    methods: dict[int, LinkMethod] = field(default_factory=dict)
    stand_ins: set[int] = field(default_factory=set)

    def link(self, parent: int, confidence: float = STATED, method: LinkMethod = LinkMethod.STATED) -> None:
        """Give the next node its parent."""
        if confidence != STATED:
            self.confidence[len(self.parents)] = confidence
        if method is not LinkMethod.STATED:
            self.methods[len(self.parents)] = method
        self.parents.append(parent)

    def note(self, kind: IssueKind, node: int, detail: str) -> None:
        """Book a repair of a node."""
        self.issues.append(_issue(kind, self.comments[node], detail))


def build_trees(comments: Iterable[Comment]) -> Iterator[DialogueTree]:
    """Group comments by thread and build the tree of each.

    The grouping is done in memory: it takes about that of the archive as canonical JSON lines, and nothing is
    yielded before all was read.

    Args:
        comments: Posts and comments of any number of threads, in any order.

    Returns:
        One tree a thread, by time of the post (without one, of the earliest comment), then by thread id;
        threads without any time come last.

    >>> records = [Comment(id="b", thread_id="q", parent_id="q"), Comment(id="p", thread_id="p")]
    >>> [(tree.thread_id, len(tree)) for tree in build_trees(records)]
    [('p', 1), ('q', 2)]
    """
    return (_build(records, records[0].thread_id) for records in threads(comments))


def build_tree(records: Sequence[Comment], *, recover: bool = True) -> DialogueTree:
    """Build the dialogue tree of one thread, healing whatever is broken.

    The order of the records does not matter, the time is linear (sorting aside), and healing is stable:
    ``healed(tree)`` builds the same tree. Comments stay as the platform delivered them, ``parents`` is the truth.

    Of several records with one id the latest stays. Records carry no time of editing, so the latest is decided by:
    being deleted (never undone), ``created``, the counters ``n_replies`` and ``likes`` (a later crawl counts more), a
    parent finer than post or floor, the text by code points. Each dropped record is an issue.

    A post record with a parent is the post all the same; its parent is ignored and booked as ``SELF_REPLY``
    (its own id), ``LOOP`` (a comment of its thread) or ``MISSING_PARENT`` (anything else; no tombstone).

    Args:
        records: All records of one thread, in any order, at least one.
        recover: Whether to look for the true targets of replies filed under a floor; not where that was done before.

    Returns:
        The tree, depth first, siblings by time, then id; those without a time last.

    Raises:
        DataError: There is no record, or they belong to more than one thread.

    >>> tree = build_tree([
    ...     Comment(id="p", thread_id="p", author="shop", text="New cups!"),
    ...     Comment(id="b", thread_id="p", parent_id="a", author="shop", text="No, we tested 400."),
    ...     Comment(id="a", thread_id="p", parent_id="p", author="ann", text="Do they leak?"),
    ...     Comment(id="d", thread_id="p", parent_id="gone"),
    ... ])
    >>> [c.id for c in tree.comments], tree.parents.tolist()
    (['p', 'a', 'b', 'gone', 'd'], [-1, 0, 1, 0, 3])
    >>> [(issue.kind.value, issue.comment_id) for issue in tree.issues]
    [('missing_parent', 'd')]
    """
    return _build(records, _common_thread(records), recover=recover)


def _build(records: Sequence[Comment], thread_id: str, *, recover: bool = True) -> DialogueTree:
    draft = _seat(records, thread_id)
    _link(draft, recover_targets(draft.comments) if recover else {})
    moments = [(c.created is None, c.created, c.id) for c in draft.comments]  # the order of ``time_key``
    by_time = sorted(range(len(moments)), key=moments.__getitem__)
    order = _depth_first(draft.parents, by_time)
    if len(order) < len(by_time):  # what stands in a loop cannot be reached from the post
        _cut_loops(draft)
        order = _depth_first(draft.parents, by_time)
    return _in_order(draft, order)


def _common_thread(records: Sequence[Comment]) -> str:
    if not records:
        raise DataError(
            "build_tree got no records: a tree needs at least one post or comment. "
            "Leave empty threads out, or use build_trees, which never makes one."
        )
    threads = sorted({r.thread_id for r in records})
    if len(threads) > 1:
        raise DataError(
            f"build_tree got records of {len(threads)} threads ({threads[0]!r}, {threads[1]!r}, ...): "
            "all must share one thread_id. Use build_trees for a whole archive."
        )
    return threads[0]


def _seat(records: Sequence[Comment], thread_id: str) -> _Draft:
    """One record an id, the post (if need be a virtual one) first."""
    kept, dropped = _latest(records)
    post = kept.pop(thread_id, None)
    draft = _Draft(comments=[post or Comment(id=thread_id, thread_id=thread_id), *kept.values()], issues=[])
    if post is None:
        draft.stand_ins.add(0)
        draft.note(IssueKind.NO_POST, 0, "the post is not in the archive; a virtual one takes its place")
    for old in dropped:
        if old.text == (kept.get(old.id) or draft.comments[0]).text:
            draft.issues.append(_issue(IssueKind.DUPLICATE_ID, old, "another record of this id was dropped"))
        else:
            draft.issues.append(_issue(IssueKind.EDITED, old, "an older version of this text was dropped"))
    return draft


def _latest(records: Sequence[Comment]) -> tuple[dict[str, Comment], list[Comment]]:
    """The latest record of each id, and all others."""
    kept = {record.id: record for record in records}
    dropped: list[Comment] = []
    if len(kept) == len(records):
        return kept, dropped
    kept.clear()
    for record in records:
        if record.id in kept:
            older, record = sorted((kept[record.id], record), key=_version)
            dropped.append(older)
        kept[record.id] = record
    return kept, dropped


def _version(c: Comment) -> tuple[object, ...]:
    """Sorts the records of one id from oldest to latest (see ``build_tree``); the last item breaks ties."""
    return (
        c.deleted,
        -inf if c.created is None else c.created.timestamp(),
        -1 if c.n_replies is None else c.n_replies,
        -inf if c.likes is None else c.likes,
        c.parent_id not in (None, c.thread_id, c.root_id),
        c.text,
        repr(c),
    )


def _link(draft: _Draft, recovered: Mapping[int, Target]) -> None:
    """Resolve every parent; add a tombstone for each one that is missing."""
    comments = draft.comments
    index = {c.id: i for i, c in enumerate(comments)}
    draft.link(-1)
    _ignore_parent_of_post(draft, index)
    missing: dict[str, int] = {}
    for i in range(1, len(comments)):
        parent_id = comments[i].parent_id
        parent = index.get(parent_id) if parent_id else None
        if parent is not None and parent != i and i not in recovered:  # nearly all
            draft.parents.append(parent)
        elif i in recovered and _link_recovered(draft, i, recovered[i], index):
            continue
        elif not parent_id:
            draft.note(IssueKind.EXTRA_ROOT, i, "no parent, yet not the post; taken as a reply to the post")
            draft.link(0, STATED, LinkMethod.REPAIRED)
        elif parent_id == comments[i].id:
            draft.note(IssueKind.SELF_REPLY, i, "it answers itself; taken as a reply to the post")
            draft.link(0, REPLACED, LinkMethod.REPAIRED)
        else:
            if parent is None:
                parent = missing.setdefault(parent_id, len(index) + len(missing))
                draft.note(IssueKind.MISSING_PARENT, i, f"it answers {parent_id!r}, not in the archive")
            found = recovered.get(i)
            if found is None:
                draft.link(parent, STATED, LinkMethod.STATED)
            else:
                draft.link(parent, found.confidence, found.method)
    for parent_id in missing:
        draft.stand_ins.add(len(comments))
        thread_id = comments[0].thread_id
        comments.append(Comment(id=parent_id, thread_id=thread_id, parent_id=thread_id, deleted=True))
        draft.link(0, REPLACED, LinkMethod.REPAIRED)


def _link_recovered(draft: _Draft, i: int, target: Target, index: dict[str, int]) -> bool:
    """Link a flattened reply to whom it addresses; False where the platform's own link stands."""
    own = draft.comments[i].parent_id
    if target.node is None or own is None or target.node == index.get(own):
        return False
    answered = draft.comments[target.node].id
    draft.note(IssueKind.RECOVERED_PARENT, i, f"filed under {own!r} by the platform; it answers {answered!r}")
    draft.link(target.node, target.confidence, target.method)
    return True


def _ignore_parent_of_post(draft: _Draft, index: dict[str, int]) -> None:
    parent_id = draft.comments[0].parent_id
    if not parent_id:
        return
    parent = index.get(parent_id)
    kind = IssueKind.MISSING_PARENT if parent is None else IssueKind.LOOP if parent else IssueKind.SELF_REPLY
    draft.note(kind, 0, f"it is the post, yet it answers {parent_id!r}; that link is ignored")


def _cut_loops(draft: _Draft) -> None:
    """Follow every node upwards; whoever meets their own walk has found a loop. Each node is passed once."""
    parents, comments = draft.parents, draft.comments
    walk = [0] * len(parents)
    walk[0] = -1
    for start in range(1, len(parents)):
        i = start
        while walk[i] == 0:
            walk[i] = start
            i = parents[i]
        if walk[i] != start:
            continue
        loop, j = [i], parents[i]
        while j != i:
            loop.append(j)
            j = parents[j]
        first = min(loop, key=lambda k: time_key(comments[k]))
        answered = comments[parents[first]].id
        draft.note(IssueKind.LOOP, first, f"it answered {answered!r} in a loop of {len(loop)}; cut")
        parents[first], draft.confidence[first], draft.methods[first] = 0, REPLACED, LinkMethod.REPAIRED


def _in_order(draft: _Draft, order: list[int]) -> DialogueTree:
    """Put the nodes in order, and book what can only be seen in the finished tree."""
    position = [0] * len(order)
    for new, old in enumerate(order):
        position[old] = new
    comments, above = draft.comments, draft.parents
    nodes = tuple(map(comments.__getitem__, order))
    parents = list(map(position.__getitem__, map(above.__getitem__, order)))
    parents[0] = -1
    stand_in, confidence = np.zeros(len(order), dtype=np.bool_), np.array([STATED] * len(order))
    for i in draft.stand_ins:
        stand_in[position[i]] = True
    for i, less in draft.confidence.items():
        confidence[position[i]] = less
    methods = [LinkMethod.STATED] * len(order)
    for i, method in draft.methods.items():
        methods[position[i]] = method
    issues = [*draft.issues, *_older_than_parent(nodes, parents), *_incomplete(nodes, parents, stand_in)]
    if len(issues) > 1:
        place = {c.id: i for i, c in enumerate(nodes)}
        issues.sort(key=lambda issue: (place[issue.comment_id], _KINDS[issue.kind], issue.detail))
    return DialogueTree(
        comments=nodes, parents=np.array(parents, dtype=np.int32), stand_in=stand_in, link_confidence=confidence,
        link_method=tuple(methods), issues=tuple(issues),
    )  # fmt: skip


def _depth_first(parents: Sequence[int], by_time: Sequence[int]) -> list[int]:
    """Nodes from the root down, siblings in the order of ``by_time``; those of loops are left out."""
    if not any(parents[1:]):  # nobody answers a comment: many threads are like that, and the walk is most of the time
        return [0, *filter(None, by_time)]
    children: dict[int, list[int]] = {}
    for i in reversed(by_time):
        if i:
            children.setdefault(parents[i], []).append(i)
    order: list[int] = []
    stack = [0]
    while stack:
        i = stack.pop()
        order.append(i)
        if i in children:
            stack += children[i]
    return order


def _older_than_parent(nodes: Sequence[Comment], parents: Sequence[int]) -> Iterator[Issue]:
    times = [c.created for c in nodes]
    for i in range(1, len(nodes)):
        time, before = times[i], times[parents[i]]
        if time is not None and before is not None and time < before:
            detail = f"written {time.isoformat()}, before the comment it answers ({before.isoformat()})"
            yield _issue(IssueKind.OLDER_THAN_PARENT, nodes[i], detail)


def _incomplete(nodes: Sequence[Comment], parents: Sequence[int], stand_in: BoolArray) -> Iterator[Issue]:
    """Counters that promise more than there is."""
    counted = [i for i, c in enumerate(nodes) if c.n_replies is not None]
    if not counted:
        return
    collected = replies_collected(nodes, parents, stand_in)
    for i in counted:
        declared = nodes[i].n_replies
        if declared is not None and declared > collected[i]:
            detail = f"the platform counts {declared} replies, the archive has {collected[i]}"
            yield _issue(IssueKind.INCOMPLETE, nodes[i], detail)


def _issue(kind: IssueKind, comment: Comment, detail: str) -> Issue:
    return Issue(kind=kind, thread_id=comment.thread_id, comment_id=comment.id, detail=detail)


def healed(tree: DialogueTree) -> Iterator[Comment]:
    """Yield the real records of a tree with their healed ``parent_id``, in tree order.

    Stand-ins are left out; a child of a tombstone keeps the missing id, from which the tombstone comes back.
    What is lost is the memory of repairs: a recovered parent now reads as stated by the platform.

    >>> tree = build_tree([Comment(id="p", thread_id="p"), Comment(id="a", thread_id="p", parent_id="a")])
    >>> [(c.id, c.parent_id) for c in healed(tree)]
    [('p', None), ('a', 'p')]
    """
    for i, comment in enumerate(tree.comments):
        if tree.stand_in[i]:
            continue
        parent_id = tree.comments[int(tree.parents[i])].id if i else None
        if parent_id == comment.parent_id:
            yield comment
        else:
            yield msgspec.structs.replace(comment, parent_id=parent_id)
