"""JSON as archives hold it: values one by one, from lines, arrays or one huge object, whatever is broken."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import ijson
import msgspec

from nlp_engage.readers.base import MAX_DEPTH, MAX_RECORD, MAX_WHOLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

HOLDER: Final = "\0holder"
"""Key under which a record from a list of lists carries what is around it."""
_CHUNK: Final = 1024 * 1024
_STRICT = msgspec.json.Decoder()
_LENIENT = json.JSONDecoder(strict=False)
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair: one character
    r"|\\u([dD][89a-fA-F][0-9a-fA-F]{2})"  # half a pair
    r"|\\.",
    re.DOTALL,
)
_SPACE = re.compile(r"[ \t\r\n\x00\ufeff]*")


class BadJsonError(ValueError):
    """A JSON value that cannot be read; the message says why."""


def decode(data: bytes) -> Any:
    r"""Decode one JSON value; half surrogate pairs and bytes that are no UTF-8 become U+FFFD.

    Args:
        data: The whole value, UTF-8.

    Returns:
        The value; integers are exact.

    Raises:
        BadJsonError: It is no JSON, or nested deeper than ``MAX_DEPTH``.

    >>> decode(rb'{"id": 9007199254740993, "text": "\ud83d!"}')
    {'id': 9007199254740993, 'text': '�!'}
    """
    try:
        return _STRICT.decode(data)
    except RecursionError:
        return _decode_deep(data)
    except ValueError:
        pass  # what msgspec refuses, the standard library may still read: NaN, 1e999, raw control characters
    text = data.decode("utf-8", "replace")
    try:
        return _LENIENT.decode(_mend(text))
    except RecursionError:
        return _decode_deep(text.encode())
    except ValueError as error:
        raise BadJsonError(f"no JSON: {_say(error)}") from None


def _say(error: ValueError) -> str:
    return str(error).partition("; use sys.")[0].replace("line 1 ", "")


def _mend(text: str) -> str:
    """Replace escapes of half surrogate pairs: they are no characters and break every later encoding."""
    if "\\u" not in text:
        return text
    return _ESCAPE.sub(lambda m: "\\ufffd" if m[1] else m[0], text)


def _decode_deep(data: bytes) -> Any:
    value, error = build(ijson.basic_parse(data))
    if error:
        raise BadJsonError(error)
    return value


def build(events: Iterable[tuple[str, Any]]) -> tuple[Any, str | None]:
    """Build a value from ``ijson`` events without recursion.

    Returns:
        What could be built, and what went wrong (``None`` if nothing did).

    >>> build(ijson.basic_parse(b'{"a": [1, {"b": 2'))[0]
    {'a': [1, {'b': 2}]}
    """
    root: list[Any] = []
    stack: list[tuple[Any, str]] = [(root, "")]
    keys = [""]
    try:
        for event, value in events:
            if event == "map_key":
                keys[-1] = value
                continue
            if event in ("end_map", "end_array"):
                stack.pop()
                keys.pop()
                continue
            made = {} if event == "start_map" else [] if event == "start_array" else value
            if isinstance(stack[-1][0], dict):
                stack[-1][0][keys[-1]] = made
            else:
                stack[-1][0].append(made)
            if event.startswith("start"):
                stack.append((made, event))
                keys.append("")
                if len(stack) > MAX_DEPTH:
                    return root[0], f"nested deeper than {MAX_DEPTH:,} levels"
    except (ijson.JSONError, ValueError, SystemError) as error:  # SystemError: integers of over 4300 digits
        return (root[0] if root else None), f"no JSON: {str(error).splitlines()[0]}"
    return (root[0] if root else None), None


def lines(source: Source, report: ReadReport) -> Iterator[tuple[int, bytes]]:
    """Yield the number (from 1) and bytes of every line that is not blank; overlong ones are rejected."""
    with source.open() as stream:
        number = 0
        while line := stream.readline(MAX_RECORD + 1):
            number += 1
            if len(line) > MAX_RECORD and not line.endswith(b"\n"):
                _skip_line(stream)
                reason = f"the line is longer than {MAX_RECORD:,} bytes"
                report.reject(source.name, number, reason, line[:200].decode(errors="replace"))
            elif line.strip(b" \t\r\n\x00"):
                yield number, line


def _skip_line(stream: IO[bytes]) -> None:
    while (rest := stream.readline(_CHUNK)) and not rest.endswith(b"\n"):
        pass


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON value of a file and the records in it.

    Attributes:
        place: Line or item number, from 1.
        value: The value itself; of a huge object everything but its lists of records.
        records: Place and value of each record. To be consumed once.
        found: Whether any list of records is there, be it empty.
    """

    place: int
    value: Any
    records: Iterable[tuple[int, Any]]
    found: bool


def documents(source: Source, lists: Collection[str], report: ReadReport) -> Iterator[Document]:
    """Yield the JSON documents of a file with their records; what cannot be read is rejected.

    Args:
        source: A file of JSON lines, an array, one object, or several of any of these.
        lists: Where records are in a document, as dotted paths of lists (``"data.comments"``) or, with ``{}`` at
            the end, of objects that hold one record a member; ``""``: a document may itself be a record.
        report: The books.

    Yields:
        One document a line, array element or object, in order.
    """
    if source.sample.kind == "lines":
        for number, line in lines(source, report):
            try:
                value = decode(line.strip(b" \t\r\n\x00"))
            except BadJsonError as error:
                report.reject(source.name, number, str(error), line[:200].decode(errors="replace"))
                continue
            yield from _spread(number, value, lists)
        return
    with source.open() as stream:
        data = stream.read(MAX_WHOLE + 1)
    if len(data) <= MAX_WHOLE:
        try:
            value = decode(data)
        except BadJsonError:
            pass  # several values, or cut off: the streaming reader keeps what is whole
        else:
            yield from _spread(1, value, lists)
            return
    yield from _streamed(source, lists, report)


def _spread(place: int, value: Any, lists: Collection[str]) -> Iterator[Document]:
    """The elements of a top-level array are documents of their own."""
    if isinstance(value, list):
        for number, element in enumerate(value, 1):
            yield _document(number, element, lists)
    else:
        yield _document(place, value, lists)


def _document(place: int, value: Any, lists: Collection[str]) -> Document:
    present = [found for path in lists if path and (found := listed(value, path)) is not None]
    if not present and "" in lists:
        return Document(place, value, ((place, value),), True)
    records = (record for many in present for record in many)
    return Document(place, value, ((place if place > 1 else n, r) for n, r in enumerate(records, 1)), bool(present))


def listed(value: Any, path: str) -> list[Any] | None:
    """The records at a path: a list, or with ``{}`` at the end of the path the values of an object.

    >>> listed({"comments": {"7": "a", "8": "b"}}, "comments{}")
    ['a', 'b']
    """
    found = dig(value, path.removesuffix("{}")) if path != "{}" else value
    if path.endswith("{}"):
        return list(found.values()) if isinstance(found, dict) else None
    return found if isinstance(found, list) else None


def dig(value: Any, path: str) -> Any:
    """Follow a dotted path through objects; ``[]`` after a name joins the lists below every element.

    What is found in joined lists gets a member ``HOLDER``: the element it comes from.

    >>> dig({"data": {"comments": [1, 2]}}, "data.comments")
    [1, 2]
    >>> dig({"chats": [{"id": 7, "messages": [{"id": 1}]}]}, "chats[].messages")[0][HOLDER]["id"]
    7
    """
    head, joined, tail = path.partition("[].")
    for name in head.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    if not joined:
        return value
    if not isinstance(value, list):
        return None
    below = [(element, dig(element, tail)) for element in value]
    return [_held(record, holder) for holder, many in below if isinstance(many, list) for record in many]


def _held(record: Any, holder: Any) -> Any:
    return {**record, HOLDER: holder} if isinstance(record, dict) else record


def members(source: Source, report: ReadReport) -> Iterator[tuple[str, Any]]:
    """Yield the members of the object that a file is, one at a time."""
    with source.open() as stream:
        text = _Text(stream)
        try:
            text.expect("{")
            for _ in text.members():
                yield text.key(), text.value()
        except BadJsonError as error:
            report.reject(source.name, 1, f"{error}; what comes after it was not read", text.excerpt())


def _streamed(source: Source, lists: Collection[str], report: ReadReport) -> Iterator[Document]:
    """Read values bit by bit; of a top-level object first everything but the records, then these."""
    with source.open() as stream:
        text = _Text(stream)
        try:
            place = 0
            while text.peek():
                if text.take("["):
                    for value in text.elements("]"):
                        place += 1
                        yield _document(place, value, lists)
                elif text.peek() == "{":
                    place += 1
                    yield from _huge(source, text, place, lists)
                else:
                    raise BadJsonError(f"no JSON: {text.peek()!r} where a value should begin")
                text.take(",")
        except BadJsonError as error:
            report.reject(source.name, place + 1, f"{error}; what comes after it was not read", text.excerpt())


def _huge(source: Source, text: _Text, place: int, lists: Collection[str]) -> Iterator[Document]:
    paths = [path for path in lists if path]
    start, header = text.offset, dict[str, Any]()
    with source.open() as again:  # the keys that follow the records are needed before them
        ahead = _Text(again)
        ahead.skip_to(start)
        try:
            found = any([True for _ in _scan(ahead, paths, header)])  # to the end: it fills the header
        except BadJsonError:
            found = True  # booked when the records are read
    if not found and "" in lists:
        for _ in _scan(text, (), {}):
            pass
        yield Document(place, header, ((place, header),), True)
        return
    yield Document(place, header, enumerate(_scan(text, paths, {}), 1), found)


def _scan(text: _Text, paths: Collection[str], header: dict[str, Any], prefix: str = "") -> Iterator[Any]:
    """Yield the records of an object that stand under any of the paths; put the rest into ``header``."""
    text.expect("{")
    for _ in text.members():
        key = text.key()
        path = f"{prefix}{key}"
        nested = [p for p in paths if p.startswith((path + ".", path + "[]."))]
        if path in paths and text.take("["):
            header[key] = []
            yield from text.elements("]")
        elif path + "{}" in paths and text.take("{"):
            header[key] = {}
            for _ in text.members():
                text.key()
                yield text.value()
        elif nested and text.peek() == "{":
            header[key] = {}
            yield from _scan(text, paths, header[key], path + ".")
        elif nested and text.take("["):
            header[key] = []
            for _ in text.members("]"):
                holder: dict[str, Any] = {}
                header[key].append(holder)
                yield from (_held(record, holder) for record in _scan(text, paths, holder, path + "[]."))
        else:
            header[key] = text.value()


class _Text:
    """A JSON text of any size, of which one value at a time is in memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._decoder = stream, getincrementaldecoder("utf-8")("replace")
        self._buffer, self._at, self._ended = "", 0, False
        self._dropped = 0

    @property
    def offset(self) -> int:
        """Characters passed so far."""
        return self._dropped + self._at

    def excerpt(self) -> str:
        return self._buffer[self._at : self._at + 200]

    def skip_to(self, offset: int) -> None:
        while not self._ended and self._dropped + len(self._buffer) < offset:
            self._at = len(self._buffer)
            self._fill()
        self._at = offset - self._dropped

    def _fill(self) -> None:
        data = self._stream.read(max(_CHUNK, len(self._buffer) - self._at))
        self._ended = not data
        self._dropped += self._at
        self._buffer = self._buffer[self._at :] + self._decoder.decode(data, not data)
        self._at = 0

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            match = _SPACE.match(self._buffer, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._buffer) or self._ended:
                return self._buffer[self._at : self._at + 1]
            self._fill()

    def take(self, character: str) -> bool:
        """Pass a character if it is next."""
        if self.peek() != character:
            return False
        self._at += 1
        return True

    def expect(self, character: str) -> None:
        """Pass a character that has to be next."""
        if not self.take(character):
            raise BadJsonError(f"no JSON: {self.peek() or 'the end'!r} where {character!r} should be")

    def members(self, end: str = "}") -> Iterator[None]:
        """Stop before every member of an object or array whose opening was passed; pass its end."""
        while not self.take(end):
            yield
            if not self.take(","):
                self.expect(end)
                return

    def elements(self, end: str) -> Iterator[Any]:
        for _ in self.members(end):
            yield self.value()

    def key(self) -> str:
        """The next key of an object, with its colon."""
        key = self.value()
        if not isinstance(key, str):
            raise BadJsonError(f"no JSON: a key has to be a text, this is {str(key)[:40]!r}")
        self.expect(":")
        return key

    def value(self) -> Any:
        """The next value."""
        self.peek()
        while True:
            try:
                value, end = _LENIENT.raw_decode(self._buffer, self._at)
            except RecursionError:
                raise BadJsonError("nested too deeply to be read") from None
            except json.JSONDecodeError as error:
                if self._ended:
                    over = self._at == len(self._buffer)
                    raise BadJsonError("the JSON breaks off" if over else f"no JSON: {error.msg}") from None
                if len(self._buffer) - self._at > MAX_RECORD:
                    raise BadJsonError(f"a value is broken or longer than {MAX_RECORD:,} characters") from None
            except ValueError as error:
                raise BadJsonError(f"no JSON: {_say(error)}") from None
            else:
                if end < len(self._buffer) or self._ended:
                    break
            self._fill()
        taken = self._buffer[self._at : end]
        self._at = end
        return _LENIENT.decode(_mend(taken)) if "\\ud" in taken or "\\uD" in taken else value
