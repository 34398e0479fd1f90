"""JSON as archives hold it: values one by one, from lines, arrays or one huge object, whatever is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import ijson
import msgspec

from nlp_engage.readers.base import MAX_DEPTH, MAX_RECORD, MAX_WHOLE
from nlp_engage.readers.jsontext import CHUNK, LENIENT, BadJsonError, JsonText, mend, say

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

HOLDER: Final = "\0holder"
"""Key under which a record from a list of lists carries what is around it."""
_STRICT = msgspec.json.Decoder()


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
        return LENIENT.decode(mend(text))
    except RecursionError:
        return _decode_deep(text.encode())
    except ValueError as error:
        raise BadJsonError(f"no JSON: {say(error)}") from None


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
    while (rest := stream.readline(CHUNK)) and not rest.endswith(b"\n"):
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


def documents(
    source: Source, lists: Collection[str], report: ReadReport, whole: Callable[[Any], object] = lambda value: None
) -> Iterator[Document]:
    """Yield the JSON documents of a file with their records; what cannot be read is rejected.

    Args:
        source: A file of JSON lines, an array, one object, or several of any of these.
        lists: Where records are in a document, as dotted paths of lists (``"data.comments"``) or, with ``{}`` at
            the end, of objects that hold one record a member; ``""``: a document may itself be a record.
        report: The books.
        whole: Tells of a document that is a record itself, whatever lists it holds (asked if ``lists`` has ``""``).

    Yields:
        One document a line, array element or object, in order.
    """
    form = _Form(lists, whole if "" in lists else lambda value: None, source.sample.inside)
    if source.sample.kind == "lines":
        for number, line in lines(source, report):
            try:
                value = decode(line.strip(b" \t\r\n\x00"))
            except BadJsonError as error:
                report.reject(source.name, number, str(error), line[:200].decode(errors="replace"))
                continue
            yield from _spread(number, value, form)
        return
    with source.open() as stream:
        data = stream.read(MAX_WHOLE + 1)
    if len(data) <= MAX_WHOLE:
        try:
            value = decode(data)
        except BadJsonError:
            pass  # several values, or cut off: the streaming reader keeps what is whole
        else:
            yield from _spread(1, value, form)
            return
    yield from _streamed(source, form, report)


@dataclass(frozen=True, slots=True)
class _Form:
    """How the documents of a file are built: see ``documents``; ``inside`` is the member that holds everything."""

    lists: Collection[str]
    whole: Callable[[Any], object]
    inside: str

    def paths(self) -> list[str]:
        """Where records are, from the outside."""
        if not self.inside:
            return [path for path in self.lists if path]
        return [f"{self.inside}.{path}".rstrip(".") for path in self.lists if path != "{}"]

    def unwrapped(self, value: Any) -> Any:
        """What the envelope holds."""
        return dig(value, self.inside) if self.inside else value


def _spread(place: int, value: Any, form: _Form) -> Iterator[Document]:
    """The elements of a top-level array are documents of their own, also those of an array in an envelope."""
    if isinstance(value, list):
        for number, element in enumerate(value, 1):
            yield from _elements(number, form.unwrapped(element), form)
    else:
        yield from _elements(place, form.unwrapped(value), form)


def _elements(place: int, value: Any, form: _Form) -> Iterator[Document]:
    if form.inside and isinstance(value, list):
        for number, element in enumerate(value, 1):
            yield _document(place if place > 1 else number, element, form)
    else:
        yield _document(place, value, form)


def _document(place: int, value: Any, form: _Form) -> Document:
    lists = form.lists
    if form.whole(value):
        return Document(place, value, ((place, value),), True)
    present = [found for path in lists if path not in ("", "{}") and (found := listed(value, path)) is not None]
    if not present and "{}" in lists and (found := listed(value, "{}")) is not None:
        present = [found]
    if not present and "" in lists:
        return Document(place, value, ((place, value),), True)
    records = (record for many in present for record in many)
    return Document(place, value, ((place if place > 1 else n, r) for n, r in enumerate(records, 1)), bool(present))


def listed(value: Any, path: str) -> list[Any] | None:
    """The records at a path: a list, or with ``{}`` at the end of the path the values of an object of objects.

    >>> listed({"comments": {"7": {"id": 7}}}, "comments{}")
    [{'id': 7}]
    """
    found = dig(value, path.removesuffix("{}")) if path != "{}" else value
    if path.endswith("{}"):
        return list(found.values()) if isinstance(found, dict) and _is_map(found) else None
    return found if isinstance(found, list) else None


def _is_map(value: dict[str, Any]) -> bool:
    """Whether an object holds one record a member; items that are gone are ``null`` (Firebase)."""
    return any(value.values()) and all(isinstance(member, dict) or member is None for member in value.values())


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
        text = JsonText(stream)
        try:
            text.expect("{")
            for _ in text.members():
                yield text.key(), text.value()
        except BadJsonError as error:
            report.reject(source.name, 1, f"{error}; what comes after it was not read", text.excerpt())


def _streamed(source: Source, form: _Form, report: ReadReport) -> Iterator[Document]:
    """Read values bit by bit; of a top-level object first everything but the records, then these."""
    with source.open() as stream:
        text = JsonText(stream)
        try:
            place = 0
            while text.peek():
                if text.take("["):
                    for value in text.elements("]"):
                        place += 1
                        yield from _elements(place, form.unwrapped(value), form)
                elif text.peek() == "{":
                    place += 1
                    yield from _huge(source, text, place, form)
                else:
                    raise BadJsonError(f"no JSON: {text.peek()!r} where a value should begin")
                text.take(",")
        except BadJsonError as error:
            report.reject(source.name, place + 1, f"{error}; what comes after it was not read", text.excerpt())


def _huge(source: Source, text: JsonText, place: int, form: _Form) -> Iterator[Document]:
    """An object, in two passes: everything but the records, then these."""
    lists, paths = form.lists, form.paths()
    header, found, error = dict[str, Any](), False, None
    with source.open() as again:  # the keys that follow the records are needed before them
        ahead = JsonText(again)
        ahead.skip_to(text.offset)
        try:
            for _ in _scan(ahead, paths, header):
                found = True
        except BadJsonError as wrong:
            error = wrong
    if error and not found:
        raise error
    if not found and "{}" in lists and _is_map(header):
        rest, found = text.object_values(), True
    elif not found and "" in lists:
        for _ in _scan(text, (), {}):
            pass
        yield _document(place, form.unwrapped(header), form)
        return
    else:
        rest = _scan(text, paths, {})
    broken: list[BadJsonError] = []
    records = _until_broken(rest, broken)
    yield Document(place, form.unwrapped(header), records, found)
    for _ in records:  # what the reader did not want; the next value comes after it
        pass
    if broken:
        raise broken[0]


def _until_broken(records: Iterator[Any], broken: list[BadJsonError]) -> Iterator[tuple[int, Any]]:
    try:
        yield from enumerate(records, 1)
    except BadJsonError as error:
        broken.append(error)


def _scan(text: JsonText, paths: Collection[str], header: dict[str, Any], prefix: str = "") -> Iterator[Any]:
    """Yield the records of an object that stand under any of the paths; put the rest into ``header``."""
    text.expect("{")
    for _ in text.members():
        key = text.key()
        path = f"{prefix}{key}"
        nested = [p for p in paths if p.startswith((path + ".", path + "[]."))]
        if path in paths and text.take("["):
            header[key] = []
            yield from text.elements("]")
        elif path + "{}" in paths and text.peek() == "{":
            header[key] = {}
            yield from text.object_values()
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
            start = text.offset
            value = text.value()
            text.kept += text.offset - start
            if text.kept <= MAX_RECORD:  # no more of what surrounds the records is kept
                header[key] = value
