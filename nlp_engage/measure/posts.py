"""What is known of each post, and which posts are meant: by id, account, hashtag, platform and time.

A table of replies holds no words. Posts are watched as the trees stream by, and their hashtags are kept.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import numpy as np

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from nlp_engage.types import BoolArray, LabelledTree

_WORD_TAG = re.compile(r"#(\w[\w·\-]*)")
_PAIRED_TAG = re.compile(r"#([^#\n]{1,60})#")
_SHOWN: Final = 5
_CODED: Final = (
    ". The run's author ids are salted, and this one would be {!r} in it: give ids, not display names, and --salt "
    "where the run was made with one"
)
_MAYBE_CODED: Final = " (a run that was labelled with --salt needs the same --salt here)"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def hashtags(text: str) -> frozenset[str]:
    """Hashtags of a text, without signs and case; a Chinese topic stands between two signs and may hold spaces.

    Args:
        text: As the archive has it.

    Returns:
        Folded: NFKC, lower case.

    >>> sorted(hashtags("New! #PorchStories and #summer-2026. #门廊故事#今晚见 ＃Tea"))
    ['porchstories', 'summer-2026', 'tea', '门廊故事']
    """
    folded = _folded(text)
    paired = [m[1].strip() for m in _PAIRED_TAG.finditer(folded) if "\u3400" <= m[1].strip()[:1] <= "\u9fff"]
    rest = _PAIRED_TAG.sub(lambda m: " " if m[1].strip() in paired else m[0], folded)
    return frozenset([*paired, *_WORD_TAG.findall(rest)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post.

    Attributes:
        names: What its account is called: id and display name, folded. Empty where unknown.
        account: Account that owns the thread, by its display name where there is one: the poster, else the first that
            the archive marks as the page's.
        platform: Platform in lower case, ``None`` where unknown.
        created: Time of posting, ``None`` where unknown.
        tags: Its hashtags.
    """

    names: frozenset[str]
    account: str | None
    platform: str | None
    created: datetime | None
    tags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which posts are meant. All conditions that are given must hold; of a list, one entry must fit.

    Attributes:
        ids: Thread ids.
        accounts: Accounts by id or display name, whatever the case, with or without ``@``.
        hashtags: Hashtags, with or without ``#``.
        platforms: Platforms.
        start: First moment, inclusive; ``None`` for no bound.
        stop: First moment after it, exclusive; ``None`` for no bound.
    """

    ids: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    start: datetime | None = None
    stop: datetime | None = None


@dataclass(slots=True)
class PostBook:
    """Posts by thread, noted while trees pass through ``watch``.

    Attributes:
        posts: Thread id -> post.
        alias: How an account is called in this archive, where it is written in code; ``None`` where it is not.
    """

    alias: Callable[[str], str | None] | None = None
    posts: dict[str, Post] = field(default_factory=dict)

    def watch(self, labelled_trees: Iterable[LabelledTree]) -> Iterator[LabelledTree]:
        """Pass trees on and note their posts.

        Args:
            labelled_trees: Trees, in any order.

        Yields:
            The same trees.

        >>> from nlp_engage.measure.worked import worked_archive
        >>> book = PostBook()
        >>> len(list(book.watch(worked_archive(2)))), sorted(book.posts), sorted(book.posts["t0"].tags)
        (2, ['t0', 't1'], ['soup'])
        """
        for labelled in labelled_trees:
            tree, post = labelled.tree, labelled.tree.post
            marked = sorted(c.author for c in tree.comments if c.is_owner and c.author)
            self.posts[tree.thread_id] = Post(
                names=frozenset(_folded(name) for name in (post.author, post.author_name) if name),
                account=post.author_name or post.author or next(iter(marked), None),
                platform=post.platform or next((c.platform for c in tree.comments if c.platform), None),
                created=post.created,
                tags=hashtags(post.text),
            )
            yield labelled

    def select(self, thread_ids: Sequence[str], wanted: Selection, place: str) -> tuple[BoolArray, list[str]]:
        """Find the posts that are meant.

        Args:
            thread_ids: Threads, in the order of the answer.
            wanted: What is meant.
            place: Where it was said, for errors.

        Returns:
            Whether each thread is meant, shape (T,), and remarks: posts without a time, hashtags nobody uses.

        Raises:
            DataError: An id, account or platform is nowhere in the archive, or none of the hashtags is.

        >>> from nlp_engage.measure.worked import worked_archive
        >>> book = PostBook()
        >>> ids = [labelled.tree.thread_id for labelled in book.watch(worked_archive(3))]
        >>> book.select(ids, Selection(ids=("t1",), hashtags=("#Soup",)), "campaign")[0].tolist()
        [False, True, False]
        """
        posts = [self.posts[t] for t in thread_ids]
        ids = self._known(wanted.ids, set(thread_ids), f"{place}: no thread", "threads")
        names = {name for post in posts for name in post.names}
        written = {self._account(account): account for account in wanted.accounts}
        accounts = set(self._known(list(written), names, f"{place}: no post by", "accounts", written))
        platforms = [_folded(p) for p in wanted.platforms]
        self._known(platforms, {p.platform for p in posts if p.platform}, f"{place}: no post on", "platforms")
        tags, notes = self._tags(wanted.hashtags, posts, place)
        fits = np.array(
            [
                (not ids or t in ids)
                and (not accounts or bool(accounts & post.names))
                and (not platforms or post.platform in platforms)
                and (not tags or bool(tags & post.tags))
                for t, post in zip(thread_ids, posts, strict=True)
            ],
            dtype=np.bool_,
        )
        if wanted.start is None and wanted.stop is None:
            return fits, notes
        undated = int(sum(post.created is None for post, fit in zip(posts, fits.tolist(), strict=True) if fit))
        if undated:
            notes.append(f"{place}: {undated} posts have no time and are left out, for dates are asked for")
        inside = [_within(post.created, wanted.start, wanted.stop) for post in posts]
        return fits & np.array(inside, dtype=np.bool_), notes

    def _account(self, account: str) -> str:
        plain = account.strip().removeprefix("@")
        coded = self.alias(plain) if self.alias else None
        return _folded(coded or plain)

    def _known(
        self, wanted: Sequence[str], known: set[str], what: str, things: str, written: Mapping[str, str] | None = None
    ) -> Sequence[str]:
        """``wanted`` if all of it is known; ``written`` is how the caller wrote an entry, for the error."""
        unknown = [name for name in wanted if name not in known]
        if unknown:
            near = get_close_matches(unknown[0], sorted(known), n=3) or sorted(known)[:_SHOWN]
            own = (written or {}).get(unknown[0], unknown[0])
            coded = _CODED.format(unknown[0]) if unknown[0] != _folded(own.strip().removeprefix("@")) else ""
            if things == "accounts" and not coded and not self.alias:
                coded = _MAYBE_CODED
            raise DataError(
                f"{what} {own!r} in the archive ({len(unknown)} of {len(wanted)} {things} unknown){coded}; "
                f"it has {len(known)} {things}, e.g. {', '.join(map(repr, near)) or 'none'}."
            )
        return wanted

    def _tags(self, wanted: Sequence[str], posts: Sequence[Post], place: str) -> tuple[set[str], list[str]]:
        tags = {_folded(tag).strip("#").strip() for tag in wanted}
        used = {tag for post in posts for tag in post.tags}
        unused = sorted(tags - used)
        if tags and len(unused) == len(tags):
            near = get_close_matches(unused[0], sorted(used), n=3) or sorted(used)[:_SHOWN]
            raise DataError(
                f"{place}: no post has a hashtag {', '.join('#' + tag for tag in unused)}; it has {len(used)}, "
                f"e.g. {', '.join('#' + tag for tag in near) or 'none'} (a run made with --no-text has none)."
            )
        return tags, [f"{place}: no post has the hashtag #{tag}" for tag in unused]


def _within(moment: datetime | None, start: datetime | None, stop: datetime | None) -> bool:
    if moment is None:
        return False
    return (start is None or moment >= start) and (stop is None or moment < stop)


def owners(book: PostBook) -> Mapping[str, str]:
    """Thread id -> page (account and platform), for grouping; threads whose owner is unknown are left out.

    Args:
        book: Watched the trees.

    Returns:
        Account, with its platform where that is known.

    >>> from nlp_engage.measure.worked import worked_archive
    >>> book = PostBook()
    >>> _ = list(book.watch(worked_archive(2)))
    >>> owners(book)
    {'t0': 'cafe', 't1': 'cafe'}
    """
    return {
        thread: post.account if post.platform is None else f"{post.account} ({post.platform})"
        for thread, post in book.posts.items()
        if post.account
    }
