"""Comments of an archive grouped by thread, in memory but packed: half of what the objects take."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, groupby, islice
from math import inf
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Final

import msgspec

from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PACK: Final = 1_000
"""Records of a thread that are packed at a time."""
_NO_PLATFORM: Final = frozenset((None, "", "4cat"))
"""What a record has for a platform where its export tells none (of 4CAT, the name of the tool)."""
_IDS: Final = ("thread_id", "id", "parent_id", "root_id")
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Comment)


def threads(comments: Iterable[Comment]) -> Iterator[list[Comment]]:
    """Group comments by thread.

    While grouping, records are kept as canonical JSON lines; archives hold a thread in one piece for the most part,
    so that most of them are packed together.

    Args:
        comments: Posts and comments of any number of threads, in any order.

    Yields:
        The records of each thread in the order of the input; threads by time of the post (without one, of the
        earliest comment), then by thread id. Threads without any time come last. Threads of several platforms that
        share an id (``by_platform``) follow one another.

    >>> records = [Comment(id="b", thread_id="q"), Comment(id="p", thread_id="p"), Comment(id="c", thread_id="q")]
    >>> [[c.id for c in thread] for thread in threads(records)]
    [['p'], ['b', 'c']]
    """
    packs: defaultdict[str, list[bytes | list[Comment]]] = defaultdict(list)
    starts: dict[str, tuple[float, float]] = {}
    for thread_id, run in groupby(comments, attrgetter("thread_id")):
        while records := list(islice(run, _PACK)):
            packs[thread_id].append(_packed(records))
            post, first = starts.get(thread_id, (inf, inf))
            post = _start([r for r in records if r.id == thread_id], post)
            starts[thread_id] = (post, _start(records, first) if post == inf else first)

    def start(thread_id: str) -> tuple[float, str]:
        post, first = starts[thread_id]
        return post if post < inf else first, thread_id

    for thread_id in sorted(packs, key=start):
        found = list(map(_unpacked, packs.pop(thread_id)))
        yield from by_platform(found[0] if len(found) == 1 else list(chain.from_iterable(found)))


def by_platform(thread: list[Comment]) -> Iterator[list[Comment]]:
    """Take threads of different platforms apart that share an id by chance: many platforms count from 1.

    Only then ids change: each of them gets the name of its platform before the id of thread and post. Records that tell
    no platform belong to the one that is told; of several it cannot be known which, and they keep to themselves.

    Args:
        thread: The records with one thread id, at least one.

    Yields:
        The records of each platform in the order of the input, by name of the platform.

    >>> mixed = [Comment(id="1", thread_id="1", platform="youtube"), Comment(id="1", thread_id="1", platform="weibo"),
    ...          Comment(id="2", thread_id="1", parent_id="1", platform="weibo")]
    >>> [[(c.id, c.parent_id) for c in records] for records in by_platform(mixed)]
    [[('weibo:1', None), ('2', 'weibo:1')], [('youtube:1', None)]]
    """
    told = {record.platform for record in thread}
    if len(told) == 1 or len({name.lower() for name in told - _NO_PLATFORM if name}) < 2:
        yield thread
        return
    parted: defaultdict[str, list[Comment]] = defaultdict(list)
    for record in thread:
        parted["" if record.platform in _NO_PLATFORM else (record.platform or "").lower()].append(record)
    for name, records in sorted(parted.items(), key=itemgetter(0)):
        yield [_of_platform(record, name) for record in records] if name else records


def _of_platform(record: Comment, platform: str) -> Comment:
    """The record with its platform's name before the id of its thread, wherever that stands."""
    own = f"{platform}:{record.thread_id}"
    changes = {name: own for name in _IDS if getattr(record, name) == record.thread_id}
    return msgspec.structs.replace(record, **changes)


def _start(records: Sequence[Comment], before: float) -> float:
    times = [r.created for r in records if r.created is not None]
    return min(before, min(times).timestamp()) if times else before


def _packed(records: list[Comment]) -> bytes | list[Comment]:
    try:
        return bytes(memoryview(_ENCODER.encode_lines(records)))  # a copy: the original was cut from a larger block
    except (ValueError, OverflowError):  # half a surrogate pair, a counter beyond 64 bits
        return records


def _unpacked(pack: bytes | list[Comment]) -> list[Comment]:
    return _DECODER.decode_lines(pack) if isinstance(pack, bytes) else pack
