"""Words of strangers in a page: cleaned, escaped, and hidden where they must not be seen.

Three walls stand between an archive and a browser. Every value goes through Jinja's autoescaping; data for
scripts is JSON in which no character can end its element; and the page's Content-Security-Policy admits only
the scripts and styles whose hashes it names, so that even a hole in the first two walls runs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# Controls, and the marks that turn the direction of all that follows ("Trojan Source"). Joiners stay: emoji
# are built with them.
_UNSAFE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"
)
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_SPACE: Final = re.compile(r"\s+")
_MARK: Final = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u20d0-\u20ff]"
_MARKS: Final = re.compile(f"({_MARK}{{2}}){_MARK}+")

KNOWN_PLATFORMS: Final = (
    "bilibili", "blog", "bluesky", "discourse", "disqus", "douyin", "facebook", "forum", "hackernews", "instagram",
    "kuaishou", "lemmy", "linkedin", "mastodon", "netease", "ptt", "reddit", "telegram", "threads", "tieba", "tiktok",
    "twitter", "weibo", "wordpress", "x", "xhs", "xiaohongshu", "youtube", "zhihu",
)  # fmt: skip
"""Names that are shown even in a report without text; any other might be a word of the archive."""


def clean(text: str, limit: int | None = None) -> str:
    r"""Make a text of the archive fit to be shown: one line, no controls, no more than ``limit`` characters.

    Escaping is not done here but by the template, once.

    >>> clean("so \u202egood\u202c!\n\nreally"), clean("abcdef", 4)
    ('so good! really', 'abc…')
    """
    safe = _UNSAFE.sub("", _SPACE.sub(" ", text))
    out = _SURROGATE.sub("\ufffd", _SPACE.sub(" ", safe)).strip()  # what stood between two spaces may be gone
    out = _MARKS.sub(r"\1", out)  # towers of combining marks climb into the lines above
    return out if limit is None or len(out) <= limit else out[: limit - 1].rstrip() + "…"


def embed_json(value: Any) -> str:
    r"""JSON that can stand inside a ``<script>`` element: no character of it can end the element.

    >>> print(embed_json({"a": "</script><b>&"}))
    {"a":"\u003c/script\u003e\u003cb\u003e\u0026"}
    """
    out = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        out = out.replace(character, f"\\u{ord(character):04x}")
    return out


def csp_hash(content: str) -> str:
    """The source expression by which a Content-Security-Policy admits exactly this inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def content_security_policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    """A policy that admits these inline scripts and styles and pictures inside the file, and nothing else.

    >>> content_security_policy([], [])
    "default-src 'none'; script-src 'none'; style-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
    """
    script, style = (" ".join(map(csp_hash, kind)) or "'none'" for kind in (scripts, styles))
    return (
        f"default-src 'none'; script-src {script}; style-src {style}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


@dataclass(slots=True, kw_only=True)
class Veil:
    """What of an archive may be seen.

    Attributes:
        no_text: Show no word of the archive: no texts, titles, names, file names or ids.
        salt: Salt of the pseudonyms. It is drawn anew for each report and kept nowhere, so that nobody can
            find a name by trying names, and two reports cannot be joined.
        coded: The archive's own author ids are codes already (a run hashes them): a few digits will do.
    """

    no_text: bool = False
    coded: bool = False
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def text(self, text: str, limit: int | None = None) -> str | None:
        """The text, cleaned; ``None`` where none may be shown."""
        return None if self.no_text else clean(text, limit)

    def name(self, identifier: str | None, shown: str | None = None) -> str | None:
        """A person's name, or a pseudonym; ``None`` where the archive has none.

        >>> Veil().name("u1", "Ann"), Veil(no_text=True, salt=b"x").name("u1", "Ann")
        ('Ann', '#118413fd')
        """
        if identifier is None:
            return None if self.no_text or not shown else clean(shown, 40)
        if self.no_text:
            return self.pseudonym(identifier)
        return f"#{clean(identifier)[:8]}" if self.coded else clean(shown or identifier, 40)

    def pseudonym(self, identifier: str) -> str:
        """Eight hexadecimal digits that stand for an identifier in this report."""
        coded = identifier.encode("utf-8", "surrogatepass")
        return "#" + hashlib.blake2b(coded, key=self.salt, digest_size=4).hexdigest()

    def platform(self, name: str | None) -> str | None:
        """A platform's name; a pseudonym where it might be a word of the archive."""
        if name is None or not self.no_text or name.casefold() in KNOWN_PLATFORMS:
            return None if name is None else clean(name, 40)
        return self.pseudonym(name)
