"""Scripts as their platform files them: ids, two-level flattening, reply prefixes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from samples import ids
from samples.script import ScriptError
from samples.sites import site_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from samples.script import Post, Turn

_PREFIX: Final = {"youtube": "@{name} {text}", "weibo": "回复@{name}:{text}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A comment as the platform files it.

    Attributes:
        turn: The comment in the script.
        id: Its id in the platform's shape.
        created: Its time, to the second.
        parent_id: Id of what it really answers (the post's id at the top).
        floor_id: Id of the top-level comment it stands below, its own id at the top.
        text: Its text with the prefix the platform puts before replies to replies.
    """

    turn: Turn
    id: str
    created: datetime
    parent_id: str
    floor_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A post with its id, and every comment of the script (the lost ones too), in script order."""

    post: Post
    id: str
    created: datetime
    sent: tuple[Sent, ...]

    @property
    def exported(self) -> list[Sent]:
        """What is in the export, lost comments left out."""
        return [s for s in self.sent if not s.turn.missing]

    @property
    def declared(self) -> int:
        """What the platform's counter says: lost comments and uncrawled ones count too."""
        return sum(not s.turn.pingback for s in self.sent) + self.post.declared

    @property
    def key(self) -> str:
        """The id under which ``nlp_engage.readers`` knows the post."""
        match self.post.platform:
            case "reddit":
                return f"t3_{self.id}"
            case "wordpress":
                return f"{site_of(self.post).host}/?p={self.id}"
            case _:
                return self.id

    def comment_key(self, id_: str) -> str:
        """The id under which ``nlp_engage.readers`` knows a comment (or the post)."""
        if id_ == self.id:
            return self.key
        match self.post.platform:
            case "reddit":
                return f"t1_{id_}"
            case "wordpress":
                return f"{self.key}#comment-{id_}"
            case _:
                return id_

    def floor_size(self, floor_id: str) -> int:
        """Replies the platform has filed below a top-level comment, the lost ones included."""
        return sum(s.floor_id == floor_id for s in self.sent) - 1


def build_threads(posts: Sequence[Post]) -> list[Thread]:
    """Give the posts of one platform their ids and file their comments.

    Args:
        posts: All posts of that platform, from all scripts: WordPress counts its ids up.

    Returns:
        One thread a post, by time.

    Raises:
        ScriptError: Two records got the same id.
    """
    posts = sorted(posts, key=lambda post: (post.created, post.lang, post.key))
    counted = _counted_ids(posts)
    threads = [_thread(post, counted) for post in posts]
    seen: dict[str, str] = {}
    for thread in threads:
        for id_, line in [(thread.id, thread.post.line), *((s.id, s.turn.line) for s in thread.sent)]:
            place = f"{thread.post.platform}_{thread.post.lang}.txt:{line}"
            if id_ in seen and thread.post.platform != "wordpress":
                raise ScriptError(f"{place}: same id {id_} as {seen[id_]}; change the text, time or key of one of them")
            seen[id_] = place
    return threads


def seed_of(post: Post, turn: Turn | None = None) -> int:
    """The number all made-up details of a post or comment are drawn from."""
    if turn is None:
        return ids.number(post.platform, post.page.name, post.key, post.created.isoformat())
    return ids.number(post.platform, post.key, turn.author, turn.created.isoformat(), turn.text)


def _thread(post: Post, counted: dict[tuple[str, str, int], str]) -> Thread:
    post_id = counted.get(_place(post, -1)) or _post_id(post)
    sent: list[Sent] = []
    for i, turn in enumerate(post.turns):
        parent = None if turn.parent is None else sent[turn.parent]
        created = turn.created + timedelta(seconds=(seed_of(post, turn) >> 64) % 40)
        if parent is not None and created <= parent.created:
            created = parent.created + timedelta(seconds=20)
        id_ = counted.get(_place(post, i)) or _comment_id(post, turn, created, parent)
        sent.append(
            Sent(
                turn=turn,
                id=id_,
                created=created,
                parent_id=post_id if parent is None else parent.id,
                floor_id=id_ if parent is None else parent.floor_id,
                text=_prefixed(post.platform, turn, parent),
            )
        )
    return Thread(post=post, id=post_id, created=post.created, sent=tuple(sent))


def _prefixed(platform: str, turn: Turn, parent: Sent | None) -> str:
    """Two-level platforms name the partner where a reply answers another reply, not the floor itself."""
    prefix = _PREFIX.get(platform)
    if prefix is None or parent is None or parent.turn.parent is None or turn.gone:
        return turn.text
    return prefix.format(name=parent.turn.author, text=turn.text)


def _post_id(post: Post) -> str:
    seed = seed_of(post)
    match post.platform:
        case "reddit":
            return ids.reddit_post(post.created, seed)
        case "youtube":
            return ids.base64(seed, 11)
        case "weibo":
            return ids.weibo(post.created, seed)
        case _:
            return ids.xhs(post.created, seed)


def _comment_id(post: Post, turn: Turn, created: datetime, parent: Sent | None) -> str:
    seed = seed_of(post, turn)
    match post.platform:
        case "reddit":
            return ids.reddit_comment(created, seed)
        case "youtube":
            return ids.youtube_comment(seed) if parent is None else f"{parent.floor_id}.{ids.base64(seed, 22)}"
        case "weibo":
            return ids.weibo(created, seed)
        case _:
            return ids.xhs(created, seed)


def _place(post: Post, turn: int) -> tuple[str, str, int]:
    return post.lang, post.key, turn


def _counted_ids(posts: Sequence[Post]) -> dict[tuple[str, str, int], str]:
    """WordPress numbers posts and comments as they come in, each in a row of their own."""
    blog = [post for post in posts if post.platform == "wordpress"]
    counted = {_place(post, -1): str(11 + 3 * rank) for rank, post in enumerate(blog)}
    comments = sorted((t.created, post.lang, post.key, i) for post in blog for i, t in enumerate(post.turns))
    for rank, (_, lang, key, i) in enumerate(comments):
        counted[lang, key, i] = str(204 + rank)
    return counted
