"""What a report shows of an archive beside its figures, picked while the archive streams by once.

Memory is bounded by what is shown: some whole threads, a few replies for each label, a line a thread.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappush, heappushpop
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.counters import completeness
from nlp_engage.text import copy_key
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from nlp_engage.types import Comment, DialogueTree, LabelledTree

KEPT_THREADS: Final = 60
"""Threads that may turn out to be among the most engaging."""
SURE: Final = 0.85
"""From this probability on a label counts as typical."""
CANDIDATES: Final = 12
"""Replies kept for each label, language and kind."""
EXAMPLE_CHARS: Final = 320
TITLE_CHARS: Final = 90


_Rank = tuple[int, float, str]
"""Lower is better; the comment's id decides between equals, so that the order of the archive never does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A reply that stands for its label.

    Attributes:
        thread_id: Its thread.
        comment: The reply.
        above: What it answers; ``None`` where that is not in the archive.
        to_post: It answers the post itself.
        label: Place of its label in ``LABELS``.
        probabilities: In the order of ``LABELS``.
        act: Place of its act in ``ACTS``, -1 without one.
        language: ``en`` or ``zh``.
    """

    thread_id: str
    comment: Comment
    above: Comment | None
    to_post: bool
    label: int
    probabilities: tuple[float, ...]
    act: int
    language: str


@dataclass(slots=True)
class Gallery:
    """Threads, examples and books of an archive.

    Attributes:
        titles: Start of each post's text by thread id.
        threads: (upper bound of the thread's EP, thread id, tree): the threads with the highest bounds.
        examples: (label, language, typical or not) -> (rank, copy key, example), best rank first.
        issues: Repairs by kind.
        languages: Replies by language, unlabelled ones only.
        collected: Comments that are there in threads with a counter of the platform.
        declared: Comments that the platform announces in them.
        counted: Threads with such a counter.
        no_author: Replies without an author.
        no_time: Replies without a time.
        first: Earliest time of a post or reply.
        last: Latest one.
    """

    titles: dict[str, str] = field(default_factory=dict)
    threads: list[tuple[float, str, LabelledTree]] = field(default_factory=list)
    examples: dict[tuple[int, str, bool], list[tuple[_Rank, str, Example]]] = field(default_factory=dict)
    issues: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    collected: int = 0
    declared: int = 0
    counted: int = 0
    no_author: int = 0
    no_time: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def watch(self, labelled_trees: Iterable[LabelledTree]) -> Iterator[LabelledTree]:
        """Look at each tree and hand it on."""
        for labelled in labelled_trees:
            self.add(labelled)
            yield labelled

    def add(self, labelled: LabelledTree) -> None:
        """Take from a tree what may be shown."""
        tree = labelled.tree
        self.titles[tree.thread_id] = " ".join(tree.post.text[: 4 * TITLE_CHARS].split())
        self._keep_books(labelled)
        self._keep_thread(labelled)
        for i in np.flatnonzero(~np.isnan(labelled.probabilities[:, 0])).tolist():
            if not by_owner(tree, i):
                self._keep_example(labelled, i)

    def _keep_books(self, labelled: LabelledTree) -> None:
        tree = labelled.tree
        self.issues.update(str(issue.kind) for issue in tree.issues)
        if (counted := completeness(tree)) is not None:
            self.counted += 1
            self.collected += counted[0]
            self.declared += counted[1]
        for i, comment in enumerate(tree.comments):
            if tree.stand_in[i]:
                continue
            if comment.created is not None:
                self.first = min(self.first or comment.created, comment.created)
                self.last = max(self.last or comment.created, comment.created)
            if i:
                self.no_author += comment.author is None
                self.no_time += comment.created is None
                if np.isnan(labelled.probabilities[i, 0]):
                    self.languages[labelled.languages[i]] += 1

    def _keep_thread(self, labelled: LabelledTree) -> None:
        entry = (engaged_bound(labelled), labelled.tree.thread_id, labelled)
        if len(self.threads) < KEPT_THREADS:
            heappush(self.threads, entry)
        elif entry[:2] > self.threads[0][:2]:
            heappushpop(self.threads, entry)

    def _keep_example(self, labelled: LabelledTree, i: int) -> None:
        p = labelled.probabilities[i]
        second, best = np.sort(p)[-2:].tolist()
        label, language = int(p.argmax()), labelled.languages[i]
        comment = labelled.tree.comments[i]
        lot = int.from_bytes(blake2b(comment.id.encode("utf-8", "surrogatepass"), digest_size=6).digest())
        typical: _Rank = (0, lot, comment.id) if best >= SURE else (1, 1 - best, comment.id)
        borderline: _Rank = (0, best - second, comment.id)
        for kind, rank in ((True, typical), (False, borderline)):
            kept = self.examples.setdefault((label, language, kind), [])
            if len(kept) == CANDIDATES and rank >= kept[-1][0]:
                continue
            key = copy_key(comment.text)
            twin = next((k for k, (_, known, _) in enumerate(kept) if known == key), None)
            if twin is not None:
                if rank >= kept[twin][0]:
                    continue
                del kept[twin]  # of copies the best placed stays, so that the order of the archive does not matter
            kept.append((rank, key, _example(labelled, i)))
            kept.sort(key=lambda entry: entry[0])
            del kept[CANDIDATES:]

    def chosen(self, label: int, *, typical: bool, count: int) -> list[Example]:
        """Examples of a label: languages in turn, no thread twice while others have something to say.

        Args:
            label: Place in ``LABELS``.
            typical: Replies the model was sure of, drawn by lot; else those where it wavered most.
            count: How many, at most.
        """
        found = {key[1]: list(kept) for key, kept in self.examples.items() if key[0] == label and key[2] is typical}
        queues = [found[language] for language in sorted(found)]
        seen: Counter[str] = Counter()
        picked: list[Example] = []
        while len(picked) < count and any(queues):
            for queue in filter(None, queues):
                place = min(range(len(queue)), key=lambda k: (seen[queue[k][2].thread_id], k))
                example = queue.pop(place)[2]
                seen[example.thread_id] += 1
                picked.append(example)
        return picked[:count]


def by_owner(tree: DialogueTree, i: int) -> bool:
    """Whether the page, or whoever wrote the post, wrote node ``i``."""
    comment, poster = tree.comments[i], tree.post.author
    return comment.is_owner or (poster is not None and comment.author == poster)


def engaged_bound(labelled: LabelledTree) -> float:
    """No less than the engaged people (EP) of a thread, from its own labels alone.

    The credit of a reply is at most the probability that it is not mindless, ``1 - m``, so an author counts for
    at most ``1 - product of m`` over their replies. The true EP needs the whole archive, for copies of a reply
    may stand anywhere.

    Returns:
        0 or more.
    """
    tree, mindless = labelled.tree, labelled.probabilities[:, LABELS.index(LABELS[0])]
    silent: dict[Any, float] = {}
    for i in np.flatnonzero(~np.isnan(mindless)).tolist():
        if not by_owner(tree, i):
            author = tree.comments[i].author or i  # the measure takes unknown authors for different people
            silent[author] = silent.get(author, 1.0) * float(mindless[i])
    return sum(1 - product for product in silent.values())


def _example(labelled: LabelledTree, i: int) -> Example:
    tree = labelled.tree
    parent = int(tree.parents[i])
    gone = bool(tree.stand_in[parent])
    p = labelled.probabilities[i]
    return Example(
        thread_id=tree.thread_id,
        comment=tree.comments[i],
        above=None if gone else tree.comments[parent],
        to_post=parent == 0,
        label=int(p.argmax()),
        probabilities=tuple(p.tolist()),
        act=int(labelled.acts[i]),
        language=labelled.languages[i],
    )
