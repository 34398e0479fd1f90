"""What of an archive is written down: author ids salted, words left out or masked on request."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.text import copy_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nlp_engage.types import Comment, Reject

# ASCII classes: in Chinese text no space stands between a number and the words around it.
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(r"(?<![A-Za-z0-9.])(?:\+|00)?\d[\d ().-]{6,16}\d(?![A-Za-z0-9])")
# a slash only behind an area code: elsewhere it stands in dates, fractions and prices
_AREA_CODE = re.compile(r"(?<![A-Za-z0-9./])(?:\+\d{1,3} ?\(?0?\)?|0)\d{1,4} ?/ ?\d[\d -]{3,10}\d(?![A-Za-z0-9/])")
_DATE_OR_DECIMAL = re.compile(r"\d{4}[-.]\d{1,2}[-.]\d{1,2}|\d{1,2}[-.]\d{1,2}[-.](?:19|20)\d{2}(?!\d)|\d+\.\d+$")
SALT: Final = ".salt"
"""File of a run that keeps the salt of its author ids."""
_MIN_DIGITS: Final = 8
_ID_BYTES: Final = 8


class Privacy(msgspec.Struct, frozen=True, kw_only=True):
    """How comments are written into a run.

    Attributes:
        salt: Secret that author ids are hashed with; ``None`` keeps authors as they are.
        secret: Secret that texts are hashed with where no words are written.
        text: Whether words are written. Without, each text becomes an opaque token, the same for copies, so that
            every measure can still be taken.
        mask: Whether e-mail addresses and phone numbers in texts are masked.

    >>> from nlp_engage.types import Comment
    >>> comment = Comment(id="c", thread_id="p", author="ann", author_name="Ann", text="mail me: ann@example.org")
    >>> hidden = Privacy(salt="s", mask=True).apply(comment)
    >>> hidden.text, hidden.author_name, len(hidden.author)
    ('mail me: [email]', None, 16)
    """

    salt: str | None = None
    secret: str = ""
    text: bool = True
    mask: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """What a manifest records: enough to refuse other settings, not enough to find the salt."""
        authors = "kept" if self.salt is None else f"salted ({_name_of(self.salt)})"
        tokens = {} if self.text else {"tokens": _name_of(self.secret)}
        return {"authors": authors, "text": self.text, "mask": self.mask, **tokens}

    def accounts(self, names: Iterable[str]) -> list[str]:
        """Accounts as a manifest records them: hidden like the authors of the archive.

        >>> Privacy(salt=None).accounts(["shop", "ann"]), Privacy(salt="s").accounts(["shop"]) == ["shop"]
        (['ann', 'shop'], False)
        """
        write = self.code if self.salt is not None else self._mask_name if self.mask else str
        return sorted({write(name) for name in names})

    def code(self, author: str) -> str:
        """How an author is written; only where there is a salt."""
        return _hash(author, self.salt or "")

    def apply(self, comment: Comment) -> Comment:
        """The comment as it is written."""
        changes: dict[str, Any] = {}
        if self.salt is not None:
            who = comment.author or comment.author_name
            changes["author"] = None if who is None else self.code(who)
            changes["author_name"] = None
        elif self.mask:  # an address may be all there is of a name: it becomes a code, for two people stay two
            changes["author"] = comment.author and self._mask_name(comment.author)
            changes["author_name"] = comment.author_name and self._mask_name(comment.author_name)
        if not self.text:
            key = copy_key(comment.text)
            changes["text"] = _hash(key, self.secret) if key else ""
        elif self.mask:
            changes["text"] = mask(comment.text)
        return msgspec.structs.replace(comment, **changes) if changes else comment

    def apply_to_reject(self, reject: Reject) -> Reject:
        """A rejected record as it is written: what it holds is unknown, so it is shown only where nothing is hidden."""
        hidden = self.salt is not None or self.mask or not self.text
        return msgspec.structs.replace(reject, excerpt="") if hidden else reject

    def _mask_name(self, name: str) -> str:
        return name if mask(name) == name else _hash(name, self.secret)


def _hash(value: str, salt: str) -> str:
    key = blake2b(salt.encode()).digest()
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=_ID_BYTES, key=key).hexdigest()


def _name_of(salt: str) -> str:
    """Tells one salt from another, and not what it is."""
    return blake2b(salt.encode(), digest_size=4, person=b"salt-id").hexdigest()


def mask(text: str) -> str:
    """Replace e-mail addresses and phone numbers; dates, decimals and short numbers are none.

    >>> mask("call +49 30 1234567 or write to a.b@example.org, order 4711 of 2026-05-01")
    'call [phone] or write to [email], order 4711 of 2026-05-01'
    >>> mask("加我13800001111聊")
    '加我[phone]聊'
    """
    return _PHONE.sub(_phone, _AREA_CODE.sub(_phone, _EMAIL.sub("[email]", text)))


def _phone(found: re.Match[str]) -> str:
    digits = sum(c.isdigit() for c in found[0])
    return found[0] if digits < _MIN_DIGITS or _DATE_OR_DECIMAL.match(found[0]) else "[phone]"
