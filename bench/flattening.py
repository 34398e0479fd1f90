"""Truly deep threads, flattened as platforms with two levels show them, with the true parents kept aside.

The pool's authors are hashes, so every author gets a name made here, and the prefixes and handles that are already in
the texts (they name people nobody can look up any more) are taken off before new ones are put on.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zlib import crc32

from texts import POOL

from nlp_engage.readers import read
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = {
    "Reddit": ("en_reddit_mastercard_lol", "en_reddit_ufc_2018"),
    "forum": ("en_forum_fourforums",),
    "Weibo": ("zh_ced_weibo_people_media", "zh_ced_weibo_brand_accounts", "zh_ced_weibo_brand_mentions"),
    "Bilibili, Xiaohongshu": ("zh_bilibili_threads", "zh_xhs_dji_romo"),
}
"""Sources of the pool whose links are true and deep and whose authors are told apart."""

_OLD_PREFIX = re.compile(r"\s*(?:回[复覆]\s*@?[^\s:：]{1,40}\s*[:：]|@[\w\-·.]{1,40}[:：,，]?)\s*")
_OLD_QUOTE = re.compile(r"^[ \t]*>.*$\n?|//\s*@[^:：]{1,40}[:：].*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Thread:
    """A deep thread: its comments as they were, true parents stated; ``source`` is a key of ``SOURCES``."""

    source: str
    comments: list[Comment]

    @property
    def key(self) -> str:
        """Its id: what decides to which half it belongs, and seeds whatever is drawn for it."""
        return self.comments[0].thread_id

    @property
    def fitting(self) -> bool:
        """Whether it is in the half that confidences are fitted on; the other half scores."""
        return crc32(self.key.encode()) % 2 == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """How a platform writes whom a reply answers.

    Attributes:
        name: As in ``Comment.platform``.
        forms: Prefixes, ``{}`` standing for the name.
        latin: Names are handles of Latin letters.
        timed_ids: Ids grow with time.
    """

    name: str
    forms: tuple[str, ...]
    latin: bool = False
    timed_ids: bool = True


PLATFORMS = (
    Platform(name="youtube", forms=("@{} ",), latin=True, timed_ids=False),
    Platform(name="xiaohongshu", forms=("回复 @{} : ", "回复 {} : ", "回复 @{}：")),
    Platform(name="weibo", forms=("回复@{}:", "回复@{}：")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What becomes of a thread on its way into an archive. All numbers are shares in [0, 1].

    Attributes:
        prefix: Replies to replies that name whom they answer.
        prefix_floor: Replies to the floor comment that name its author.
        stated: Replies whose target is stated (the second id field is there): unless it is the floor, they are not
            flattened.
        names: ``unique`` in the thread, ``repeated`` (a third of the people shares five names), ``awkward``
            (spaces, punctuation, emoji, one name the beginning of another, other case and width in the prefix).
        mask: ``stars`` (``张***三``) in the author's name only, ``both`` there and in the prefix, ``opaque``
            (``用户123456``, the prefix has the true name), ``display`` (the handle in the prefix is made of the
            display name, as YouTube does).
        renamed: People who have another name in their profile by now.
        quotes: Replies to replies that quote what they answer: how a platform writes it, or in the pool's own way.
        friends: Replies to the floor that call in somebody who has not spoken.
        untimed: Comments that have lost their time.
        deleted: Replies that are gone, while their own replies are there.
    """

    name: str
    prefix: float = 1.0
    prefix_floor: float = 0.0
    stated: float = 0.0
    names: str = "unique"
    mask: str = ""
    renamed: float = 0.0
    quotes: float = 0.0
    own_quotes: bool = False
    friends: float = 0.0
    untimed: float = 0.0
    deleted: float = 0.0


SCENARIOS = (
    Scenario(name="prefix, unique names"),
    Scenario(name="prefix also to the floor", prefix_floor=1.0),
    Scenario(name="target id on all, no prefix", stated=1.0, prefix=0.0),
    Scenario(name="target id on half, prefix", stated=0.5),
    Scenario(name="target id on half, no prefix", stated=0.5, prefix=0.0),
    Scenario(name="prefix on half", prefix=0.5),
    Scenario(name="no prefix", prefix=0.0),
    Scenario(name="repeated names", names="repeated"),
    Scenario(name="awkward names", names="awkward"),
    Scenario(name="masked names", mask="stars"),
    Scenario(name="masked, prefix too", mask="both"),
    Scenario(name="masked and repeated", mask="stars", names="repeated"),
    Scenario(name="opaque names", mask="opaque"),
    Scenario(name="display name, handle", mask="display"),
    Scenario(name="a fifth renamed", renamed=0.2),
    Scenario(name="quotes for half", prefix=0.0, quotes=0.5),
    Scenario(name="the texts' own quotes", prefix=0.0, own_quotes=True),
    Scenario(name="friends called in", friends=0.2),
    Scenario(name="no times", untimed=1.0),
    Scenario(name="half the times", untimed=0.5),
    Scenario(name="no prefix, no times", prefix=0.0, untimed=1.0),
    Scenario(name="masked, no times", mask="stars", untimed=1.0),
    Scenario(name="a tenth deleted", deleted=0.1),
)


@dataclass(slots=True)
class Flattened:
    """What an archive would hold, and what it no longer tells.

    Attributes:
        comments: In random order.
        truth: Id of each reply that is filed under its floor only -> id of what it answers; ``None`` where that is
            gone.
        named: Those of them whose text opens with the name of whom they answer.
    """

    comments: list[Comment]
    truth: dict[str, str | None] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)


def deep_threads(largest: int = 4_000) -> tuple[list[Thread], str]:
    """The deep threads of the pool, or generated ones where there is no pool; and which."""
    if not POOL.is_dir():
        return list(generated_threads()), "generated threads (no pool beside the repository)"
    threads = []
    for source, files in SOURCES.items():
        by_thread: defaultdict[str, list[Comment]] = defaultdict(list)
        for comment in read([str(POOL / f"{name}.jsonl.zst") for name in files]):
            by_thread[comment.thread_id].append(comment)
        threads += [Thread(source, kept) for records in by_thread.values() if (kept := _rooted(records))]
    return [t for t in threads if len(t.comments) <= largest], "deep threads of the pool"


def _rooted(records: list[Comment]) -> list[Comment]:
    """Post first, then by time, what hangs together under the post; nothing unless there are replies to replies."""
    by_id = {c.id: c for c in records}
    post = by_id.get(records[0].thread_id)
    children: defaultdict[str | None, list[Comment]] = defaultdict(list)
    for comment in by_id.values():
        if comment is not post:
            children[comment.parent_id].append(comment)
    if post is None or not any(children[c.id] for c in children[post.id]):
        return []
    kept = [post]
    for comment in kept:  # grows while it is walked
        kept += children[comment.id]
    return [post, *sorted(kept[1:], key=lambda c: (c.created or datetime.max.replace(tzinfo=UTC), c.id))]


def flatten(thread: Thread, platform: Platform, scenario: Scenario) -> Flattened:
    """Show a deep thread as the platform would."""
    rng = random.Random(f"{thread.key} {platform.name} {scenario.name}")
    names = _Names(thread, platform, scenario, rng)
    ids = _ids(thread, platform, rng)
    original = {c.id: c for c in thread.comments}
    floors = _floors(thread)
    gone = {c.id for c in thread.comments if floors.get(c.id) not in (None, c.id) and rng.random() < scenario.deleted}
    shown = Flattened([])
    for comment in thread.comments:
        if comment.id in gone:
            continue
        floor, target = floors.get(comment.id), original.get(comment.parent_id or "")
        on_floor = floor not in (None, comment.id)
        stated = on_floor and rng.random() < scenario.stated and comment.parent_id not in gone
        text = comment.text if scenario.own_quotes else _OLD_QUOTE.sub("", comment.text)
        text = _OLD_PREFIX.sub("", text, count=1) if _OLD_PREFIX.match(text) else text
        if on_floor and target is not None:
            text, named = _address(text, target, target.id == floor, platform, scenario, names, rng)
            if not stated or target.id == floor:  # a stated floor looks like an unstated target
                shown.truth[ids[comment.id]] = None if target.id in gone else ids[target.id]
                shown.named |= {ids[comment.id]} if named else set()
        parent = target.id if target is not None and (stated or not on_floor) else floor
        shown.comments.append(
            Comment(
                id=ids[comment.id], thread_id=ids[thread.key], text=text, platform=platform.name,
                parent_id=None if comment.is_post or parent is None else ids[parent],
                root_id=ids[floor] if on_floor and floor else None,
                author=names.account(comment.author), author_name=names.shown(comment.author),
                created=None if rng.random() < scenario.untimed else comment.created,
            )
        )  # fmt: skip
    rng.shuffle(shown.comments)
    return shown


def _floors(thread: Thread) -> dict[str, str]:
    """Id of each comment -> id of its floor (of a floor its own)."""
    above = {c.id: c.parent_id for c in thread.comments}
    floors: dict[str, str] = {}
    for comment in thread.comments[1:]:
        walk, at = [], comment.id
        while at not in floors and above[at] != thread.key:
            walk.append(at)
            at = above[at] or ""
        floors.setdefault(at, at)
        floors.update(dict.fromkeys(walk, floors[at]))
    return floors


def _address(
    text: str,
    target: Comment,
    to_floor: bool,
    platform: Platform,
    scenario: Scenario,
    names: _Names,
    rng: random.Random,
) -> tuple[str, bool]:
    """Put in front of a text what its author, or the platform, writes there; and whether that is the name."""
    name = names.written(target.author)
    if to_floor and rng.random() < scenario.friends:
        return f"@{names.stranger()} {text}", False
    if not to_floor and rng.random() < scenario.quotes:
        line = " ".join(_OLD_QUOTE.sub("", target.text).split())[: rng.choice((30, 80, 400))]
        quoting = (f"> {line}\n{text}", f"「{line}」{text}", f"{text}//@{name}:{line}")
        return quoting[rng.randrange(3)], False
    if name and rng.random() < (scenario.prefix_floor if to_floor else scenario.prefix):
        return rng.choice(platform.forms).format(name) + text, True
    return text, False


def _ids(thread: Thread, platform: Platform, rng: random.Random) -> dict[str, str]:
    """New ids as the platform gives them: growing with time, or drawn."""
    start = rng.randrange(4 * 10**15, 5 * 10**15)
    if platform.timed_ids:
        return {c.id: str(start + 1000 * i + rng.randrange(1000)) for i, c in enumerate(thread.comments)}
    return {c.id: f"{rng.getrandbits(64):016x}" for c in thread.comments}


class _Names:
    """The people of a thread: account, name in the profile, name as others write it."""

    def __init__(self, thread: Thread, platform: Platform, scenario: Scenario, rng: random.Random) -> None:
        people = sorted({c.author for c in thread.comments if c.author})
        rng.shuffle(people)
        taken: set[str] = set()
        self._real = {p: self._make(platform, scenario, rng, taken) for p in people}
        self._mask, self._awkward, self._rng, self._taken = scenario.mask, scenario.names == "awkward", rng, taken
        self._renamed = {p for p in people if rng.random() < scenario.renamed}
        self._accounts = {p: f"{rng.getrandbits(48):012x}" for p in people}
        self._latin = platform.latin

    def _make(self, platform: Platform, scenario: Scenario, rng: random.Random, taken: set[str]) -> str:
        if scenario.names == "repeated" and rng.random() < 1 / 3:
            return rng.choice(("momo", "小红薯", "我", "lucky", "abc"))
        while True:
            name = _name(rng, platform.latin, scenario.names == "awkward", sorted(taken)[:50])
            if name.casefold() not in taken:
                taken.add(name.casefold())
                return name

    def account(self, person: str | None) -> str | None:
        return None if person is None else self._accounts[person]

    def shown(self, person: str | None) -> str | None:
        """The name in the profile, as the archive has it."""
        if person is None:
            return None
        name = self._real[person]
        if person in self._renamed:
            return _name(random.Random(f"new {person}"), self._latin, False, []) + "2"
        if self._mask in ("stars", "both"):
            return masked(name)
        if self._mask == "opaque":
            return f"用户{crc32(name.encode()):010}"
        return " ".join(name.split("-")).title() if self._mask == "display" else name

    def written(self, person: str | None) -> str | None:
        """The name as it stands in the prefix of those who answer."""
        if person is None:
            return None
        name = self._real[person]
        if self._mask == "both":
            return masked(name)
        if self._mask == "display":
            return f"{''.join(c for c in name if c.isalnum()).casefold()}-{crc32(name.encode()) % 46656:04d}"[:30]
        if self._awkward and self._rng.random() < 0.2:
            return self._rng.choice((name.upper(), name.lower(), name.translate(_WIDE)))
        return name

    def stranger(self) -> str:
        return self._make(PLATFORMS[0 if self._latin else 1], Scenario(name=""), self._rng, self._taken)


_WIDE = {c: c + 0xFEE0 for c in range(ord("0"), ord("z") + 1)}
_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN = "小大明月风云天星海雨雪花山水木子文心安乐一二三北南西东春秋冬夏青白红阿老咖猫狗鱼茶米糖豆丸"
_SYLLABLES = tuple("anbekalomirasutovinezoelquibrastofinmarheldorwin"[i : i + 2] for i in range(0, 48, 2))
_ODD = ("🌸", "✨", " ", "·", "_", "-", "~", " 🐱", "!", ".", "（上海）", "'s", " & ", ":", "｜")


def _name(rng: random.Random, latin: bool, awkward: bool, others: list[str]) -> str:
    if awkward and others and rng.random() < 0.2:  # somebody else's name with something behind it
        return rng.choice(others) + rng.choice(("er", "店", "2", " 二", "·"))
    if latin or rng.random() < 0.25:
        name = "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 4)))
        name += rng.choice(("", "", str(rng.randint(1, 9999)), f"-{rng.choice(_SYLLABLES)}{rng.choice(_SYLLABLES)}"))
    else:
        name = rng.choice(_FAMILY + _GIVEN) + "".join(rng.choice(_GIVEN) for _ in range(rng.randint(1, 5)))
    if awkward:
        at = rng.randint(1, len(name))
        name = name[:at] + rng.choice(_ODD) + name[at:]
    return name


def masked(name: str) -> str:
    """``张小三`` as ``张***三``, ``张三`` as ``张*``, ``张`` as ``*``: what MediaCrawler writes since July 2026.

    >>> masked("张小三"), masked("张三"), masked("张")
    ('张***三', '张*', '*')
    """
    return "*" if len(name) < 2 else f"{name[0]}*" if len(name) == 2 else f"{name[0]}***{name[-1]}"


def generated_threads(n: int = 300, seed: int = 5) -> Iterator[Thread]:
    """Threads by a simple story: people answer the floor, the latest comment, or whoever answered them last."""
    rng = random.Random(seed)
    words = ("size", "leak", "price", "today", "shop", "好看", "多少钱", "哪里买", "谢谢", "真的吗", "不行", "颜色")
    for t in range(n):
        now = datetime(2025, 6, 1, tzinfo=UTC) + timedelta(hours=t)
        post = Comment(id=f"g{t}", thread_id=f"g{t}", author="owner", created=now, text="post")
        comments, to_me = [post], dict[str, str]()
        for i in range(rng.randint(10, 80)):
            who = rng.choice(["owner", *(f"u{rng.randrange(3 + i // 3)}" for _ in range(4))])
            back = to_me.get(who)
            target = post if rng.random() < 0.25 else rng.choice(comments[-6:])
            parent = back if back and rng.random() < 0.5 else target.id
            now += timedelta(seconds=rng.randint(5, 900))
            text = " ".join(rng.choices(words, k=rng.randint(2, 12)))
            comments.append(
                Comment(id=f"g{t}_{i}", thread_id=post.id, parent_id=parent, author=who, created=now, text=text)
            )
            answered = next(c.author for c in comments if c.id == parent)
            if answered and answered != who:
                to_me[answered] = comments[-1].id
        if kept := _rooted(comments):
            yield Thread("generated", kept)


def census(threads: list[Thread]) -> str:
    """What the threads are, in a line."""
    counts = Counter(t.source for t in threads)
    deep = sum(f != i for t in threads for i, f in _floors(t).items())
    return f"{', '.join(f'{n} {s}' for s, n in counts.items())}; {deep} replies to comments"


def half(threads: list[Thread], fitting: bool, replies: int, *, each: int = 120) -> list[Thread]:
    """Threads of one half, as many of every source, until there are about so many comments.

    Of a thread only floors with replies are taken, in an order drawn by their ids, until it has ``each`` comments: so
    that few large threads do not speak for all.
    """
    by_source = defaultdict(list)
    for thread in sorted(threads, key=lambda t: crc32(t.key.encode()[::-1])):
        if thread.fitting == fitting:
            by_source[thread.source].append(thread)
    chosen: list[Thread] = []
    for own in by_source.values():
        left = replies // len(by_source)
        for thread in own:
            if left > 0:
                chosen.append(_part(thread, each))
                left -= len(chosen[-1].comments)
    return chosen


def _part(thread: Thread, size: int) -> Thread:
    """Some floors of a thread, whole."""
    floors = _floors(thread)
    replies = Counter(floor for i, floor in floors.items() if floor != i)
    kept, left = set[str](), size
    for floor in sorted(replies, key=lambda i: crc32(i.encode())):
        if left > 0:
            kept.add(floor)
            left -= 1 + replies[floor]
    return Thread(thread.source, [c for c in thread.comments if c.is_post or floors[c.id] in kept])


__all__ = ["PLATFORMS", "SCENARIOS", "Flattened", "Platform", "Scenario", "Thread", "census", "deep_threads", "flatten",
           "generated_threads", "half", "masked"]  # fmt: skip
