"""Streams: decompressed within bounds, mended where they are damaged, and always UTF-8."""

from __future__ import annotations

import bz2
import io
import lzma
import re
import struct
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from nlp_engage.readers.inside import Inside, Pump

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE: Final = 4 * 1024
"""Compressed bytes fed at a time. One piece of zstd can grow to 128 MB at most, whoever made it."""
BOMB_BYTES: Final = 1024**3
BOMB_RATIO: Final = 1000
"""Beyond ``BOMB_BYTES``, data that expands more than this is not read on (real archives stay below 100)."""
ZSTD_WINDOW: Final = 2**31
"""Window of the Reddit dumps."""
MAX_BLOCK: Final = 64 * 1024**2
"""Bytes of the largest block of zst_blocks, packed or not; usual are 256 comments, less than 1 MB."""
MAX_PACKED: Final = 256 * 1024**2
"""Bytes of the largest Parquet file or database that is read from inside a zip or a compressed file: in memory."""
_NUMBER: Final = 4
_LINE: Final = 1024 * 1024

_MAGIC: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")


def compression(head: bytes) -> str | None:
    r"""Name the compression by its magic bytes.

    >>> compression(b"(\xb5/\xfd..."), compression(b'{"id":1}')
    ('zstd', None)
    """
    if _SKIPPABLE.match(head):
        return "zstd"
    if head[4:8] == _MAGIC[1][0]:
        return "zst_blocks"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def _decompressor(method: str) -> Any:
    if method == "gzip":
        return zlib.decompressobj(wbits=31)
    if method == "bzip2":
        return bz2.BZ2Decompressor()
    if method == "xz":
        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=256 * 1024**2)
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj(read_across_frames=False)


class _Inflated(Pump):
    """Decompressed data; damage ends the stream and is told instead of raised."""

    def __init__(self, inner: IO[bytes], method: str, faults: list[str]) -> None:
        super().__init__(inner)
        self._method, self._faults = method, faults
        self._machine, self._fed, self._got, self._rest = _decompressor(method), 0, 0, b""
        self._inside = self._done = False

    def pull(self) -> bytes:
        while not self._done:
            data = self._rest or self._inner.read(_PIECE)
            self._rest = b""
            if not data:
                return self._end("ends before its end mark: the file was cut off" if self._inside else None)
            self._fed += len(data)
            try:
                if not self._inside and self._got and compression(data) != self._method:
                    return self._end(None if not data.strip(b"\0") else "is followed by other bytes; they were ignored")
                self._inside = True
                piece: bytes = self._machine.decompress(data)
            except Exception as error:  # each library has errors of its own
                return self._end(f"is damaged ({error})")
            self._got += len(piece)
            if self._machine.eof:
                self._rest, self._inside = self._machine.unused_data, False
                self._fed -= len(self._rest)
                self._machine = _decompressor(self._method)
            if self._got > BOMB_BYTES and self._got > BOMB_RATIO * self._fed:
                self._end(f"expands more than {BOMB_RATIO}-fold beyond {BOMB_BYTES:,} bytes: taken for a bomb")
            if piece:
                return piece
        return b""

    def _end(self, fault: str | None) -> bytes:
        self._done = True
        if fault:
            message = f"the {self._method} data {fault}; what was read up to there is kept"
            if message not in self._faults:
                self._faults.append(message)
        return b""


class _Blocks(Pump):
    """The rows of zst_blocks, the older dumps of Arctic Shift, as lines.

    A block is its size, then zstd data: the number of rows, offset and size of each, the rows. All numbers take four
    bytes, the lowest first. Damage ends the stream and is told instead of raised.
    """

    def __init__(self, inner: IO[bytes], faults: list[str]) -> None:
        super().__init__(inner)
        self._faults, self._done, self._fed, self._got = faults, False, 0, 0

    def pull(self) -> bytes:
        while not self._done:
            try:
                rows = self._block()
            except ValueError as error:
                message = f"the zst_blocks data {error}; what was read up to there is kept"
                if message not in self._faults:
                    self._faults.append(message)
                self._done = True
                return b""
            if rows:
                return rows
        return b""

    def _block(self) -> bytes:
        """The rows of the next block."""
        import zstandard

        start = self._inner.read(_NUMBER)
        size = int.from_bytes(start, "little")
        if not start:
            self._done = True
            return b""
        if size > MAX_BLOCK:
            raise ValueError(f"has a block of {size:,} bytes, more than {MAX_BLOCK:,}")
        packed = self._inner.read(size)
        if len(start) < _NUMBER or len(packed) < size:
            raise ValueError("ends within a block: the file was cut off")
        try:
            if zstandard.frame_content_size(packed) > MAX_BLOCK:
                raise ValueError(f"has a block that unpacks to more than {MAX_BLOCK:,} bytes")
            data: bytes = zstandard.ZstdDecompressor().decompress(packed, max_output_size=MAX_BLOCK)
        except zstandard.ZstdError as error:
            raise ValueError(f"is damaged ({error})") from None
        self._fed, self._got = self._fed + size, self._got + len(data)
        if self._got > BOMB_BYTES and self._got > BOMB_RATIO * self._fed:
            raise ValueError(f"expands more than {BOMB_RATIO}-fold beyond {BOMB_BYTES:,} bytes: taken for a bomb")
        return b"".join([row.replace(b"\n", b" ") + b"\n" for row in _rows_of(data)])


def _rows_of(data: bytes) -> list[bytes]:
    """The rows of an unpacked block; they follow one another and nothing overlaps, or it is damaged."""
    count = int.from_bytes(data[:_NUMBER], "little")
    begin = _NUMBER * (1 + 2 * count)
    if begin > len(data):
        raise ValueError("has a block whose rows do not fit into it")
    places = list(struct.iter_unpack("<II", data[_NUMBER:begin]))
    if sum(size for _, size in places) > len(data) - begin:
        raise ValueError("has a block whose rows do not fit into it")
    return [data[begin + offset : begin + offset + size] for offset, size in places]


class _Utf8(Pump):
    """Text of another encoding, as UTF-8; bytes that do not fit become U+FFFD."""

    def __init__(self, inner: IO[bytes], encoding: str) -> None:
        super().__init__(inner)
        self._decoder = getincrementaldecoder(encoding)("replace")
        self._done = False

    def pull(self) -> bytes:
        while not self._done:
            data = self._inner.read(256 * 1024)
            self._done = not data
            text = self._decoder.decode(data, self._done).encode("utf-8", "replace")
            if text:
                return text
        return b""


class Cut:
    """How much of a file may be read when an archive is only sampled, and whether that was all of it.

    Attributes:
        limit: Bytes (decompressed) after which the stream ends, at the next line end; ``None``: no limit.
        made: Whether the stream has been ended.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit, self.made = limit, False


class _Beginning(Pump):
    """The beginning of a stream."""

    def __init__(self, inner: IO[bytes], cut: Cut) -> None:
        super().__init__(inner)
        self._cut, self._left_over = cut, cut.limit or 0

    def pull(self) -> bytes:
        if self._left_over <= 0:
            return b""
        piece: bytes = self._inner.read(min(256 * 1024, self._left_over))
        self._left_over -= len(piece)
        if self._left_over <= 0 and piece:
            rest = self._inner.readline(_LINE)
            piece += rest
            self._cut.made = self._cut.made or bool(self._inner.read(1))
        return piece


def inflate(path: Path | Inside, faults: list[str]) -> IO[bytes]:
    """Open a file through up to two layers of compression, found by magic bytes.

    Raises:
        OSError: The file cannot be opened.
    """
    stream: IO[bytes] = path.open(faults) if isinstance(path, Inside) else path.open("rb")
    for _ in range(2):
        method = compression(stream.peek(8)[:8])  # type: ignore[attr-defined]  # all streams here are buffered
        if method is None:
            break
        inner = _Blocks(stream, faults) if method == "zst_blocks" else _Inflated(stream, method, faults)
        stream = io.BufferedReader(inner, 256 * 1024)
    return stream


class TooLargeError(OSError):
    """A packed file that would have to be held in memory and does not fit."""


def unpacked(path: Path | Inside) -> Path | bytes:
    """A file that is read with jumps, by libraries of its own: where it lies, or, if it is packed, its bytes.

    Raises:
        TooLargeError: It is packed and larger than ``MAX_PACKED``.
        OSError: It cannot be opened.
    """
    if isinstance(path, Path):
        with path.open("rb") as file:
            if compression(file.read(8)) is None:
                return path
    with inflate(path, []) as stream:
        content: bytes = stream.read(MAX_PACKED + 1)
    if len(content) > MAX_PACKED:
        raise TooLargeError(f"it is packed and of more than {MAX_PACKED:,} bytes: unpack it first")
    return content


def opener(path: Path | Inside, encoding: str, faults: list[str], cut: Cut) -> Callable[[], IO[bytes]]:
    """How to open a file (or its beginning) as UTF-8 without byte order mark."""

    def open_it() -> IO[bytes]:
        stream = inflate(path, faults)
        if cut.limit is not None:
            stream = io.BufferedReader(_Beginning(stream, cut), 256 * 1024)
        if encoding not in ("utf-8", "utf-8-sig"):
            return io.BufferedReader(_Utf8(stream, encoding), 256 * 1024)
        if stream.peek(3)[:3] == BOM_UTF8:  # type: ignore[attr-defined]
            stream.read(3)
        return stream

    return open_it


def encoding_of(head: bytes) -> str:
    """Tell how a text is encoded, by its mark or by what its bytes can be.

    >>> encoding_of("评论".encode("gb18030")), encoding_of("评论".encode("utf-16")), encoding_of("é评".encode())
    ('gb18030', 'utf-16', 'utf-8')
    """
    if head.startswith(BOM_UTF8):
        return "utf-8-sig"
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:4096]
    low, high = sample[0::2].count(0), sample[1::2].count(0)  # in UTF-16 every digit, comma and line end has a zero
    if len(sample) >= 4 and 50 * (low + high) > len(sample) and 10 * min(low, high) < max(low, high):
        return "utf-16-le" if high > low else "utf-16-be"
    wrong = head.decode("utf-8", "replace")[:-1].count("\ufffd")  # the last character may be cut
    if not wrong:
        return "utf-8"
    right = len(re.findall(rb"[\xc2-\xf4][\x80-\xbf]+", head))
    chinese = getincrementaldecoder("gb18030")("replace").decode(head)
    high = sum(byte > 0x7F for byte in head)
    pairs = len(re.findall(rb"[\xa1-\xf7][\xa1-\xfe]", head))  # characters in common use: both bytes are high
    if 50 * chinese.count("\ufffd") <= pairs and 3 * pairs > high and wrong > right // 20:
        return "gb18030"
    return "utf-8" if right > wrong else "cp1252"
