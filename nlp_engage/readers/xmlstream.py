"""A forgiving XML tokenizer for exports: streams, and lets nothing stop it.

Blog and comment exports are often not well formed: control characters, bare ``&``, HTML entities, HTML that
was not escaped. Strict parsers stop there. This one knows no entities but characters, expands nothing, follows
nothing, and takes everything that is no tag for text.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from html import unescape
from typing import IO, TYPE_CHECKING, Final

from nlp_engage.readers.base import MAX_RECORD
from nlp_engage.readers.markup import attributes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_CHUNK: Final = 256 * 1024
_TAG = re.compile(r"<(/?)([A-Za-z_][\w:.-]{0,100})(\s[^<>]{0,20000})?(/?)>")
_CONTROL = {c: None for c in range(32) if c not in (9, 10, 13)}
_SECTIONS: Final = (("<![CDATA[", "]]>"), ("<!--", "-->"), ("<?", "?>"))
_ENTITY_CHARS: Final = 40


class Words:
    """The text of one element, put together from its pieces; beyond ``MAX_RECORD`` characters it is cut.

    >>> words = Words()
    >>> for piece in (" Q&", "A "):
    ...     words.add(piece)
    >>> words.take()
    'Q&A'
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._size = 0

    def add(self, piece: str) -> None:
        """Another piece."""
        if self._size <= MAX_RECORD:
            self._pieces.append(piece)
            self._size += len(piece)

    def take(self) -> str:
        """The whole, without outer spaces; the next one begins empty."""
        text = "".join(self._pieces).strip()
        self._pieces.clear()
        self._size = 0
        return text


def tokens(stream: IO[bytes], names: Collection[str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield starts and ends of the elements that count, and text; text may come in several pieces.

    Args:
        stream: UTF-8.
        names: Names (with prefix) of the elements that count; other tags are passed on as text, as they stand.

    >>> import io
    >>> data = io.BytesIO(b"<r><a x='1'>Q&A <b>bold</b> &lt; <![CDATA[<i>&amp;]]></a><c/></r>")
    >>> [t[1] for t in tokens(data, {"a"})][1:-1]
    ['a', 'Q&A ', '<b>', 'bold', '</b>', ' < ', '<i>&amp;', 'a', '<c/>']
    """
    reader = _Buffer(stream)
    while True:
        start = reader.find("<", 0)
        if start != 0:
            text = reader.take(start if start > 0 else None)
            if text:
                yield "text", unescape(text).translate(_CONTROL) if "&" in text else text.translate(_CONTROL), {}
            elif start < 0:
                return
            continue
        section = next((s for s in _SECTIONS if reader.starts(s[0])), None) if reader.second() in "!?" else None
        if section is not None:
            end = reader.find(section[1], len(section[0]))
            if end >= 0:
                body = reader.take(end + len(section[1]))
                if section[0] == "<![CDATA[":
                    yield "text", body[9:-3].translate(_CONTROL), {}
                continue
        yield from _tag(reader, names)


def _tag(reader: _Buffer, names: Collection[str]) -> Iterator[tuple[str, str, dict[str, str]]]:
    match = reader.match(_TAG)
    if match is None:
        yield "text", reader.take(1), {}
        return
    closing, name, rest, empty = match.groups()
    text = reader.take(match.end() - match.start())
    if name not in names:
        yield "text", text, {}
        return
    if rest and rest.endswith("/"):
        empty = "/"
    if not closing:
        yield "start", name, attributes(rest) if rest else {}
    if closing or empty:
        yield "end", name, {}


class _Buffer:
    """The part of a text that is looked at, refilled as needed and never beyond ``MAX_RECORD``."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._decoder = stream, getincrementaldecoder("utf-8")("replace")
        self._text, self._at, self._ended, self._passed = "", 0, False, 0
        self._searched: dict[str, int] = {}  # how far a section's end was looked for in vain

    def _fill(self) -> bool:
        if self._ended or len(self._text) - self._at > MAX_RECORD:
            return False
        data = self._stream.read(_CHUNK)
        self._ended = not data
        self._passed += self._at
        self._text = self._text[self._at :] + self._decoder.decode(data, not data)
        self._at = 0
        return True

    def second(self) -> str:
        """The character after the next one."""
        while len(self._text) - self._at < 2 and self._fill():
            pass
        return self._text[self._at + 1 : self._at + 2]

    def starts(self, prefix: str) -> bool:
        while len(self._text) - self._at < len(prefix) and self._fill():
            pass
        return self._text.startswith(prefix, self._at)

    def find(self, what: str, begin: int) -> int:
        """Where something is, counted from here; -1 if not within reach. ``<`` is not waited for."""
        begin = max(begin, self._searched.get(what, 0) - self._passed - self._at)
        while True:
            place = self._text.find(what, self._at + begin)
            if place >= 0:
                return place - self._at
            begin = max(begin, len(self._text) - self._at - len(what) + 1)
            self._searched[what] = self._passed + self._at + begin
            if what == "<" and len(self._text) - self._at > _ENTITY_CHARS:
                return -1
            if not self._fill():
                return -1

    def take(self, size: int | None) -> str:
        """Pass some characters; ``None``: all there are, save a last entity that may not be whole."""
        if size is None:
            size = len(self._text) - self._at
            cut = self._text.rfind("&", max(self._at, len(self._text) - _ENTITY_CHARS))
            if cut > self._at and not self._ended:
                size = cut - self._at
        taken = self._text[self._at : self._at + size]
        self._at += size
        return taken

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        while True:
            found = pattern.match(self._text, self._at)
            rest = len(self._text) - self._at
            if found or rest > _CHUNK or not self._fill():
                return found
