"""Whom a reply answers on platforms that show two levels.

Weibo, Bilibili, Douyin, Xiaohongshu, Tieba, YouTube and Instagram file every reply under a *floor* (a
top-level comment). Where the archive tells nothing finer (``parent_id == root_id``), the target is looked for
among the earlier comments of that floor: by the name the text opens with, by what it quotes, and last by who spoke
to its author. How sure that is was measured: ``CONFIDENCE``, ``docs/who_answers_whom.md``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from nlp_engage.names import (
    alike,
    alike_key,
    fold_name,
    is_opaque,
    own_words,
    plain_names,
    quoted_passage,
    read_address,
    sentences,
)
from nlp_engage.types import LinkMethod

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nlp_engage.names import Address
    from nlp_engage.types import Comment

HABIT: Final = 0.75
"""From this share of replies with a name or a stated target (among those of people who spoke on the floor before) on,
a thread is taken to tell its targets: any other reply then answers the floor."""
EXACT: Final = frozenset({"bilibili", "zhihu"})
"""Platforms that state every target: only a name in the text speaks against the floor."""
UNMARKED: Final = frozenset({"facebook"})
"""Platforms that put the full name of whom a reply answers before it, with nothing to mark it."""

CONFIDENCE: Final[dict[tuple[LinkMethod, str], float]] = {
    (LinkMethod.ALIKE, "answers back"): 0.888,  # of 25331
    (LinkMethod.ALIKE, "latest of more"): 0.699,  # of 21793
    (LinkMethod.ALIKE, "latest of two"): 0.861,  # of 7639
    (LinkMethod.ALIKE, "namesakes"): 0.629,  # of 4534
    (LinkMethod.ALIKE, "no order"): 0.311,  # of 6868
    (LinkMethod.ALIKE, "one comment"): 0.999,  # of 36193
    (LinkMethod.FLOOR, "first"): 0.999,  # of 39130
    (LinkMethod.FLOOR, "names are usual"): 0.969,  # of 117193
    (LinkMethod.FLOOR, "newcomer"): 0.628,  # of 111564
    (LinkMethod.FLOOR, "no order"): 0.496,  # of 17118
    (LinkMethod.FLOOR, "no sign of names"): 0.639,  # of 1838
    (LinkMethod.NAME, "answers back"): 0.885,  # of 70104
    (LinkMethod.NAME, "latest of more"): 0.694,  # of 62102
    (LinkMethod.NAME, "latest of two"): 0.838,  # of 22146
    (LinkMethod.NAME, "namesakes"): 0.644,  # of 4106
    (LinkMethod.NAME, "no order"): 0.407,  # of 13842
    (LinkMethod.NAME, "one comment"): 0.997,  # of 113511
    (LinkMethod.QUOTE, "alone"): 0.962,  # of 20826
    (LinkMethod.QUOTE, "with a name"): 0.999,  # of 2240
    (LinkMethod.STRANGER, "handle"): 0.728,  # of 6823
    (LinkMethod.STRANGER, "no order"): 0.037,  # of 5511
    (LinkMethod.STRANGER, "prefix"): 0.001,  # of 2650
    (LinkMethod.TURN, "no name, answers back"): 0.542,  # of 37532
    (LinkMethod.TURN, "no name, latest"): 0.455,  # of 19270
    (LinkMethod.TURN, "stranger, answers back"): 0.509,  # of 2331
    (LinkMethod.TURN, "unreadable, answers back"): 0.523,  # of 10817
    (LinkMethod.TURN, "unreadable, latest"): 0.380,  # of 15629
}
"""Share of right links, by method and situation: measured on flattened deep threads (one half of them) by
``bench/who_answers.py --fit``, which prints this table."""

TimeKey = tuple[float, str]


class Target(NamedTuple):
    """Whom a flattened reply answers.

    Attributes:
        node: Index of the comment that is answered, ``None`` where the platform's own link has to stand.
        method: How it was found.
        situation: What the confidence depends on besides the method.
    """

    node: int | None
    method: LinkMethod
    situation: str

    @property
    def confidence(self) -> float:
        """Chance that the resulting link is the true one, in (0, 1)."""
        return CONFIDENCE[self.method, self.situation]


def time_key(comment: Comment) -> TimeKey:
    """Order of comments in time: seconds since 1970, then id; a missing time sorts last.

    >>> from nlp_engage.types import Comment
    >>> time_key(Comment(id="c", thread_id="p"))
    (inf, 'c')
    """
    return (inf if comment.created is None else comment.created.timestamp()), comment.id


def recover_targets(comments: Sequence[Comment]) -> dict[int, Target]:
    """Find the real targets of replies for which the platform only tells the floor.

    A reply is looked at if ``parent_id == root_id`` and that is neither itself nor the post. In this order:

    * ``NAME``: the text opens with the name of somebody who spoke earlier on the floor (``UNMARKED``: with their
      full name, without any mark). Names are compared without
      case, width, invisible characters and leading ``@``; since nicknames may hold spaces and colons, the longest
      known one wins. Of several handles the first that is known counts. Of several comments of that person the
      latest is meant, unless the one before answered the replier, has had no reply by them, and the latest has not.
    * ``QUOTE``: it quotes sentences of an earlier comment (with a name: of that person).
    * ``ALIKE``: nobody bears the name, but a masked one may stand for it.
    * ``TURN``: it names nobody, in a thread that does not name its targets (``HABIT``), and its author has spoken
      on the floor before, or names somebody and the names on the floor are unreadable: the comment that answered
      them last and has had no reply by them, else the latest of somebody else.
    * ``FLOOR``, ``STRANGER``: the platform's link stands.

    The floor comment is earlier than anything on its floor, whatever its time. Where times are missing on a floor
    whose ids are numbers of one length, these give the order.

    Args:
        comments: The comments of one thread, ids unique, in any order.

    Returns:
        Index of each flattened reply -> its target. Linear in the text plus one sort of the floors.

    >>> from nlp_engage.types import Comment
    >>> floor = dict(thread_id="p", parent_id="1", root_id="1")
    >>> found = recover_targets([
    ...     Comment(id="1", thread_id="p", parent_id="p", author="u1", author_name="小张", text="好看"),
    ...     Comment(id="2", **floor, author="u2", author_name="店", text="谢谢"),
    ...     Comment(id="3", **floor, author="u1", author_name="小张", text="回复 @店 :多少钱"),
    ... ])
    >>> [(i, target.node, target.method.value) for i, target in found.items()]
    [(1, None, 'floor'), (2, 1, 'name')]
    """
    flattened = {i for i, c in enumerate(comments) if c.root_id is not None and _is_flattened(c)}
    if not flattened:
        return {}
    wanted = {comments[i].root_id for i in flattened}
    members: defaultdict[str | None, list[int]] = defaultdict(list)
    openers: dict[str | None, int] = {}
    for i, comment in enumerate(comments):
        if comment.id in wanted:
            openers[comment.id] = i
        if comment.root_id in wanted and comment.root_id != comment.id:
            members[comment.root_id].append(i)
    floors = [_Floor(comments, openers.get(root), members[root]) for root in members]
    named = _habit(floors)
    return {i: target for floor in floors for i, target in floor.walk(named=named) if i in flattened}


def _habit(floors: Sequence[_Floor]) -> bool | None:
    """Whether the replies of a thread name whom they answer; ``None`` where nobody had a reason to."""
    counts = Counter(named for floor in floors for named in floor.returning())
    if counts:
        return counts[True] >= HABIT * counts.total()
    return True if any(f.names_somebody(i) for f in floors for i in f.addresses) else None


def _is_flattened(comment: Comment) -> bool:
    root = comment.root_id
    return root is not None and root == comment.parent_id and root not in (comment.id, comment.thread_id)


class _Latest:
    """The latest comment of anybody else: the last one, and the last one of another person than that."""

    def __init__(self) -> None:
        self._last: tuple[int, str] | None = None
        self._before: tuple[int, str] | None = None

    def add(self, i: int, who: str) -> None:
        if self._last is not None and self._last[1] != who:
            self._before = self._last
        self._last = (i, who)

    def of_another(self, who: str) -> int | None:
        last = self._before if self._last is not None and self._last[1] == who else self._last
        return None if last is None else last[0]


class _Floor:
    """One floor, walked in time order. What is believed of earlier comments never depends on later ones."""

    def __init__(self, comments: Sequence[Comment], opener: int | None, members: list[int]) -> None:
        self._comments, self._opener = comments, opener
        self._numbered = len({len(comments[i].id) for i in members}) == 1 and all(
            comments[i].id.isdecimal() for i in members
        )
        self._untimed = any(comments[i].created is None for i in members)
        by_id = self._untimed and self._numbered
        self._members = sorted(members, key=lambda i: (0.0, comments[i].id) if by_id else time_key(comments[i]))
        self._ordered = self._numbered or not self._untimed
        self.addresses = {i: _address(comments[i]) for i in members}
        self._who = {i: _who(comments[i]) for i in (*members, *self._first())}
        self._index = {comments[i].id: i for i in self._who}
        self._quotes = {i: q for i in members if (q := sentences(quoted_passage(comments[i].text)))}
        self._spoken: defaultdict[str, list[int]] = defaultdict(list)
        self._alike: defaultdict[str, list[int]] = defaultdict(list)
        self._said: dict[str, int] = {}
        self._seen: set[str] = set()
        self._answered: set[tuple[str, int]] = set()
        self._believed: dict[int, int] = {}
        self._pending: dict[str, int] = {}
        self._latest, self._latest_opaque = _Latest(), _Latest()

    def _first(self) -> tuple[int, ...]:
        return () if self._opener is None else (self._opener,)

    def returning(self) -> Iterable[bool]:
        """Of each reply by somebody who spoke on the floor before: whether its target is named or stated."""
        seen = {self._who[i] for i in self._first()}
        for i in self._members:
            if self._who[i] in seen:
                yield self.names_somebody(i) or self._is_stated(i)
            seen.add(self._who[i])

    def names_somebody(self, i: int) -> bool:
        """Whether a reply opens with what can only be an address."""
        address = self.addresses[i]
        return address is not None and address.literal != ""

    def _is_stated(self, i: int) -> bool:
        comment = self._comments[i]
        return comment.parent_id != comment.root_id or comment.platform in EXACT

    def walk(self, *, named: bool | None) -> Iterable[tuple[int, Target]]:
        """Target of every reply on the floor, in time order; ``named`` tells the thread's habit."""
        for i in self._first():
            self._add(i)
        for i in self._members:
            target = self._resolve(i, named=named)
            yield i, target
            stated = self._index.get(self._comments[i].parent_id or "")
            node = target.node if target.node is not None else self._opener
            if stated in self._believed and time_key(self._comments[stated]) < time_key(self._comments[i]):
                node = stated  # on this floor, earlier, and not the floor comment
            self._add(i)
            if node is not None:
                self._answer(i, node)

    def _add(self, i: int) -> None:
        comment, who = self._comments[i], self._who[i]
        for name in {fold_name(comment.author_name), fold_name(comment.author)} - {""}:
            self._spoken[name].append(i)
        shown = fold_name(comment.author_name or comment.author)
        if key := alike_key(shown):
            self._alike[key].append(i)
        if is_opaque(shown):
            self._latest_opaque.add(i, who)
        if self._quotes:
            self._said.update(dict.fromkeys(sentences(own_words(comment.text)), i))
        self._latest.add(i, who)
        self._seen.add(who)

    def _answer(self, i: int, node: int) -> None:
        """Take it that ``i`` answers ``node``."""
        who, whom = self._who[i], self._who[node]
        self._believed[i] = node
        self._answered.add((who, node))
        if self._pending.get(who) == node:
            del self._pending[who]
        if who != whom:
            self._pending[whom] = i

    def _resolve(self, i: int, *, named: bool | None) -> Target:
        address = self.addresses[i]
        known = self._known(address)
        quoted = self._quoted(i)
        if quoted is not None and (not known or quoted in known[-8:]):
            return Target(quoted, LinkMethod.QUOTE, "with a name" if known else "alone")
        if known:
            return self._choose(i, known, LinkMethod.NAME)
        if address is None or not address.literal:
            return self._unaddressed(i, named=named)
        for key in alike(address.literal):
            if found := self._alike.get(key):
                return self._choose(i, found, LinkMethod.ALIKE)
        if not self._ordered:
            return Target(None, LinkMethod.STRANGER, "no order")
        unreadable = self._latest_opaque.of_another(self._who[i])
        if unreadable is not None:
            return self._turn(i, unreadable, "unreadable")
        waiting = self._pending.get(self._who[i])
        if waiting is not None:
            return Target(waiting, LinkMethod.TURN, "stranger, answers back")
        return Target(None, LinkMethod.STRANGER, "prefix" if address.answer else "handle")

    def _known(self, address: Address | None) -> list[int]:
        for names in address.known if address else ():
            for name in names:
                if spoken := self._spoken.get(name):
                    return spoken
        return []

    def _quoted(self, i: int) -> int | None:
        """The earlier comment most of whose sentences are quoted; of several the latest."""
        votes = Counter(self._said[key] for key in self._quotes.get(i, ()) if key in self._said)
        return max(votes, key=lambda node: (votes[node], self._order(node)), default=None)

    def _order(self, node: int) -> TimeKey:
        return (-inf, "") if node == self._opener else time_key(self._comments[node])

    def _choose(self, i: int, spoken: list[int], method: LinkMethod) -> Target:
        """One of the earlier comments of whoever is named."""
        chosen = spoken[-1]
        if len(spoken) > 1 and self._waits(i, spoken[-2]) and not self._waits(i, chosen):
            chosen = spoken[-2]
        if not self._ordered and len(self._members) > 1:
            return Target(chosen, method, "no order")
        if len({self._who[k] for k in spoken[-8:]}) > 1:
            return Target(chosen, method, "namesakes")
        if len(spoken) == 1:
            return Target(chosen, method, "one comment")
        if self._waits(i, chosen):
            return Target(chosen, method, "answers back")
        return Target(chosen, method, "latest of two" if len(spoken) == 2 else "latest of more")

    def _waits(self, i: int, node: int) -> bool:
        """Whether a comment answered the author of ``i`` and has had no reply by them yet."""
        whom = self._believed.get(node)
        return whom is not None and self._who[whom] == self._who[i] and (self._who[i], node) not in self._answered

    def _unaddressed(self, i: int, *, named: bool | None) -> Target:
        if named:
            return Target(None, LinkMethod.FLOOR, "names are usual")
        if not self._ordered:
            return Target(None, LinkMethod.FLOOR, "no order")
        if not self._believed:
            return Target(None, LinkMethod.FLOOR, "first")
        other = self._latest.of_another(self._who[i])
        if self._who[i] not in self._seen or other is None:
            return Target(None, LinkMethod.FLOOR, "no sign of names" if named is None else "newcomer")
        return self._turn(i, other, "no name")

    def _turn(self, i: int, other: int, situation: str) -> Target:
        waiting = self._pending.get(self._who[i])
        if waiting is None:
            return Target(other, LinkMethod.TURN, f"{situation}, latest")
        return Target(waiting, LinkMethod.TURN, f"{situation}, answers back")


def _address(comment: Comment) -> Address | None:
    return read_address(comment.text) or (plain_names(comment.text) if comment.platform in UNMARKED else None)


def _who(comment: Comment) -> str:
    return comment.author or fold_name(comment.author_name) or f"nobody {comment.id}"
