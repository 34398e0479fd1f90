"""Identifiers in each platform's own shape, made from hashes: the same script always gets the same ids."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final

_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE64: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_NEW_YEAR: Final = datetime(2026, 1, 1, tzinfo=UTC)
_WEIBO_EPOCH: Final = 515_483_463


def number(*parts: str) -> int:
    """A 128-bit number that depends on the parts and nothing else.

    >>> number("a", "b") == number("a", "b") != number("ab")
    True
    """
    return int.from_bytes(hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest(), "big")


def base36(value: int) -> str:
    """Write a number as Reddit does.

    >>> base36(36 * 36 + 35)
    '10z'
    """
    digits = ""
    while value:
        value, digit = divmod(value, 36)
        digits = _BASE36[digit] + digits
    return digits or "0"


def base64(value: int, length: int) -> str:
    """The low bits of a number in the URL-safe alphabet YouTube uses.

    >>> base64(65, 3)
    'ABB'
    """
    return "".join(_BASE64[value >> 6 * place & 63] for place in reversed(range(length)))


def reddit_post(created: datetime, seed: int) -> str:
    """Seven base36 characters, growing with time (``1r…`` in early 2026)."""
    return base36(3_815_000_000 + _seconds(created) * 16 + seed % 16)


def reddit_comment(created: datetime, seed: int) -> str:
    """Seven base36 characters, growing with time (``o…`` in 2026)."""
    return base36(52_300_000_000 + _seconds(created) * 160 + seed % 160)


def youtube_comment(seed: int) -> str:
    """26 characters, ``Ugx…4AaABAg``."""
    return f"Ug{'wxyz'[seed % 4]}{base64(seed >> 8, 16)}4AaABAg"


def weibo(created: datetime, seed: int) -> str:
    """16 digits: seconds since Weibo's epoch, then 22 bits that tell the posts of that second apart."""
    return str((int(created.timestamp()) - _WEIBO_EPOCH) << 22 | seed % (1 << 22))


def xhs(created: datetime, seed: int) -> str:
    """24 hexadecimal digits that begin with the time in seconds."""
    return f"{int(created.timestamp()):08x}00000000{seed % (1 << 32):08x}"


def _seconds(created: datetime) -> int:
    return int((created - _NEW_YEAR).total_seconds())
