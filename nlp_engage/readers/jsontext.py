"""A JSON text that is read value by value, whatever its size."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from typing import IO, TYPE_CHECKING, Any, Final

from nlp_engage.readers.base import MAX_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK: Final = 1024 * 1024
LENIENT: Final = json.JSONDecoder(strict=False)
"""Reads what strict decoders refuse: NaN, numbers beyond the range of floats, raw control characters."""
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair: one character
    r"|\\u([dD][89a-fA-F][0-9a-fA-F]{2})"  # half a pair
    r"|\\.",
    re.DOTALL,
)
_SPACE = re.compile(r"[ \t\r\n\x00\ufeff]*")


class BadJsonError(ValueError):
    """A JSON value that cannot be read; the message says why."""


def say(error: ValueError) -> str:
    """What is wrong, in few words."""
    return str(error).partition("; use sys.")[0].replace("line 1 ", "")


def mend(text: str) -> str:
    """Replace escapes of half surrogate pairs: they are no characters and break every later encoding."""
    if "\\u" not in text:
        return text
    return _ESCAPE.sub(lambda m: "\\ufffd" if m[1] else m[0], text)


class JsonText:
    """A JSON text of any size, of which one value at a time is in memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._decoder = stream, getincrementaldecoder("utf-8")("replace")
        self._buffer, self._at, self._ended = "", 0, False
        self._dropped = 0
        self.kept = 0  # characters of values that the reader holds on to; for its own use

    @property
    def offset(self) -> int:
        """Characters passed so far."""
        return self._dropped + self._at

    def excerpt(self) -> str:
        """The beginning of what comes next."""
        return self._buffer[self._at : self._at + 200]

    def skip_to(self, offset: int) -> None:
        """Pass everything before a place."""
        while not self._ended and self._dropped + len(self._buffer) < offset:
            self._at = len(self._buffer)
            self._fill()
        self._at = offset - self._dropped

    def _fill(self) -> None:
        data = self._stream.read(max(CHUNK, len(self._buffer) - self._at))
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
        """The values of an array whose opening was passed."""
        for _ in self.members(end):
            yield self.value()

    def object_values(self) -> Iterator[Any]:
        """The values of the members of an object."""
        self.expect("{")
        for _ in self.members():
            self.key()
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
                value, end = LENIENT.raw_decode(self._buffer, self._at)
            except RecursionError:
                raise BadJsonError("nested too deeply to be read") from None
            except json.JSONDecodeError as error:
                if self._ended:
                    over = self._at == len(self._buffer)
                    raise BadJsonError("the JSON breaks off" if over else f"no JSON: {error.msg}") from None
                if len(self._buffer) - self._at > MAX_RECORD:
                    raise BadJsonError(f"a value is broken or longer than {MAX_RECORD:,} characters") from None
            except ValueError as error:
                raise BadJsonError(f"no JSON: {say(error)}") from None
            else:
                # A number may go on in the next chunk: "0" of "0.5", "1" of "1e3".
                if self._ended or (end < len(self._buffer) and self._buffer[end] not in ".eE+-0123456789"):
                    break
            self._fill()
        taken = self._buffer[self._at : end]
        self._at = end
        return LENIENT.decode(mend(taken)) if "\\ud" in taken or "\\uD" in taken else value
