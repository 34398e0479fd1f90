"""What the text of a reply says about whom it answers: names it opens with, passages it quotes.

The forms: ``回复 @name :``, ``回复@name：``, ``回复 name :``, ``@handle``, Weibo's chain ``//@name:passage``; quotes as
``> passage`` and ``「passage」``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, NamedTuple

_HEAD_CHARS: Final = 400
_NAME_CHARS: Final = 64
_PASSAGE_CHARS: Final = 4_000
_SENTENCE_KEY: Final = 24
_SHORTEST_SENTENCE: Final = 6
_SHORTEST_ALIKE: Final = 4  # letters of a Latin name; two of any other

_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe0e\ufe0f\ufeff]")
_ANSWER = re.compile(r"回[复覆]\s*")
_COLON = re.compile(r":")
_NAME_END = re.compile(r"[\s:,。、!?]|$")
_ADDRESSED = re.compile(r"@\S|回[复覆]\s*(?:@|[^\s:]{1,40}?\s*:)")
_CHAIN = re.compile(r"//\s*@")
_CHAINED = re.compile(r"//\s*@[^:：]{1,64}[:：]((?:(?!//).)*)", re.DOTALL)
_QUOTED_LINES = re.compile(r"(?:^[ \t]*>.*(?:\n|\Z)\s*)+", re.MULTILINE)
_BRACKETED = re.compile(r"\s*[「『]([^」』]{4,})[」』]")
_STOP = re.compile(r"[\n.!?;。！？；…]+")
_NO_LETTER = re.compile(r"[\W_]+")
_STARS = re.compile(r"\*+")
_TAIL = re.compile(r"-\w{1,6}$|\d+$")
_OPAQUE = re.compile(r"(?:用户|user|uid|id|u)?[_\- ]?(?:[0-9a-f]{8,}|\d{5,})|\*+")


class Address(NamedTuple):
    """What a text opens with.

    Attributes:
        known: The names each address may stand for, longest first, in the order of the addresses.
        literal: The first address as it would be read if nobody knew any names; empty where it is one only if
            somebody of such a name is there (``回复 ... :`` with a space in it may be a sentence).
        answer: It is a prefix that platforms write (``回复``), no mere handle.
    """

    known: tuple[tuple[str, ...], ...]
    literal: str
    answer: bool


def fold(text: str) -> str:
    """Text without case, width and invisible characters.

    >>> fold("Ｂｏ\u200bb")
    'bob'
    """
    if text.isascii():
        return text.lower()
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()


def fold_name(name: str | None) -> str:
    """A name as it is compared: folded, without spaces around it and without leading ``@``.

    >>> fold_name(" @Bob ")
    'bob'
    """
    return fold(name or "").strip().lstrip("@").strip()


def read_address(text: str) -> Address | None:
    """Read whom a text addresses; ``None`` if it opens with no address.

    Nicknames hold spaces, colons and one another, so an address is all the names it may stand for. A handle after
    ``回复 ... :`` belongs to the reply itself. Weibo's chain (``//@name:``) counts if nothing else does.

    >>> read_address("回复 @Mia Ro :hi")
    Address(known=(('mia ro :hi', 'mia ro', 'mia'),), literal='mia ro', answer=True)
    >>> read_address("@ann @bob look").known[1][-1]
    'bob'
    >>> read_address("well said//@ann:so good").literal
    'ann'
    """
    head = fold(text[:_HEAD_CHARS]).lstrip()
    if answer := _ANSWER.match(head):
        rest = head[answer.end() :]
        name = rest.lstrip("@ ")
        names = _beginnings(name, _NAME_END if rest.startswith("@") else _COLON)
        before, colon, _ = name[:_NAME_CHARS].partition(":")
        literal = before.strip() if colon else _literal(names)
        return Address((names,), literal if _ADDRESSED.match(head) else "", answer=True) if names else None
    known = []
    while head.startswith("@"):
        rest = head.lstrip("@")
        known.append(_beginnings(rest, _NAME_END))
        head = "".join(rest.split(maxsplit=1)[1:])
    if any(known):
        return Address(tuple(known), _literal(known[0]), answer=False)
    chain = _CHAIN.search(head)
    names = _beginnings(head[chain.end() :], _COLON) if chain else ()
    return Address((names,), _literal(names), answer=True) if names else None


def plain_names(text: str) -> Address | None:
    """The full names that a text may open with where nothing marks them, as on Facebook; ``None`` if none.

    A single word is none of them: too many texts open with a word that is also somebody's name.

    >>> plain_names("Bob Roe why?").known
    (('bob roe why?', 'bob roe why', 'bob roe'),)
    """
    head = fold(text[:_HEAD_CHARS]).lstrip()
    names = tuple(name for name in _beginnings(head, _NAME_END) if " " in name)
    return Address((names,), "", answer=False) if names else None


def _literal(names: tuple[str, ...]) -> str:
    return names[-1] if names and not _NAME_END.match(names[-1]) else ""


def _beginnings(text: str, end: re.Pattern[str]) -> tuple[str, ...]:
    ends = (text[: m.start()].rstrip() for m in end.finditer(text, 0, _NAME_CHARS + 1))
    return tuple(dict.fromkeys(name for name in ends if name))[::-1]


def alike(name: str) -> list[str]:
    """Keys under which a written name is looked up where nobody bears it exactly, likeliest first.

    Masks as MediaCrawler writes them (``张***三``, ``张*``), and the display name that a YouTube handle was made of.

    >>> alike("张小三"), alike("mia-ross-x7k2")
    (['张*三', '张*', '~张小三'], ['m*2', 'm*', '~miarossx7k2', '~miaross'])
    """
    if not name:
        return []
    keys = [f"{name[0]}*{name[-1]}", f"{name[0]}*"] if len(name) > 2 else [f"{name[0]}*"] if len(name) > 1 else ["*"]
    letters = [_NO_LETTER.sub("", name), _NO_LETTER.sub("", _TAIL.sub("", name))]
    return keys + [f"~{key}" for key in dict.fromkeys(letters) if _telling(key)]


def alike_key(name: str) -> str | None:
    """The one key of ``alike`` under which the author of a (folded) name is filed, if any.

    >>> alike_key("张***三"), alike_key("mia ross"), alike_key("bob")
    ('张*三', '~miaross', None)
    """
    if "*" in name:
        return _STARS.sub("*", name)
    letters = _NO_LETTER.sub("", name)
    return f"~{letters}" if _telling(letters) else None


def _telling(letters: str) -> bool:
    return len(letters) >= (_SHORTEST_ALIKE if letters.isascii() else 2)


def is_opaque(name: str) -> bool:
    """Whether a (folded) name tells nothing of how others write it: none, a number, a hash.

    >>> is_opaque("用户1234567"), is_opaque(""), is_opaque("bob")
    (True, True, False)
    """
    return not name or _OPAQUE.fullmatch(name) is not None


def quoted_passage(text: str) -> str:
    r"""What a text quotes; empty if nothing.

    >>> quoted_passage("> So it leaks?\nIt does."), quoted_passage("「真的漏水吗」漏"), quoted_passage("是//@a:漏吗")
    ('> So it leaks?\n', '真的漏水吗', '漏吗')
    """
    text = text[:_PASSAGE_CHARS]
    if lines := "".join(_QUOTED_LINES.findall(text)) if ">" in text else "":
        return lines
    if bracketed := _BRACKETED.match(text):
        return bracketed[1]
    chained = _CHAINED.search(text)
    return chained[1] if chained else ""


def own_words(text: str) -> str:
    r"""A text without what it quotes.

    >>> own_words("> So it leaks?\nIt does."), own_words("「真的漏水吗」漏"), own_words("是//@a:漏吗漏吗")
    ('It does.', '漏', '是')
    """
    text = _QUOTED_LINES.sub("", text[:_PASSAGE_CHARS]) if ">" in text else text[:_PASSAGE_CHARS]
    text = _BRACKETED.sub("", text, count=1)
    return _CHAIN.split(text, maxsplit=1)[0]


def sentences(text: str) -> set[str]:
    """Keys of the sentences of a text: their first letters, folded; those too short to tell anything are left out.

    >>> sentences("So it LEAKS? No.")
    {'soitleaks'}
    """
    keys = (_NO_LETTER.sub("", part)[:_SENTENCE_KEY] for part in _STOP.split(fold(text)))
    return {key for key in keys if len(key) >= _SHORTEST_SENTENCE}


__all__ = [
    "Address", "alike", "alike_key", "fold", "fold_name", "is_opaque", "own_words", "plain_names", "quoted_passage",
    "read_address", "sentences",
]  # fmt: skip
