"""Comments of an archive grouped by thread, in memory but packed: half of what the objects take."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, groupby, islice
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import msgspec

from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PACK: Final = 1_000
"""Records of a thread that are packed at a time."""
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
        earliest comment), then by thread id. Threads without any time come last.

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
        yield found[0] if len(found) == 1 else list(chain.from_iterable(found))


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
