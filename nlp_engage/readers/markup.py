"""HTML of comments to plain text, in linear time whatever is thrown at it.

The standard library's parser takes quadratic time on hostile input, so tags are found here by one pattern
whose match never looks past the next ``<``; entities are the standard library's.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_TAG = re.compile(
    r"<(/?)([a-zA-Z][a-zA-Z0-9:-]*)((?:[^<>\"']|\"[^\"<]{0,2000}\"|'[^'<]{0,2000}'|[\"'])*+)>|<[!?][^<>]*>"
)
_ATTRIBUTE = re.compile(r"([a-zA-Z_:][\w:.-]*)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_LIKELY = re.compile(
    r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{1,7}|#x[0-9a-fA-F]{1,6});|</?(?:p|br|a|b|i|em|strong|span|div|img)\b[^<>]*>"
)
_LINES = re.compile(r"[ \t\xa0]*\n[ \t\xa0]*")
_EMPTY_LINES = re.compile(r"\n{3,}")
_BREAKS: Final = frozenset(["br", "li", "tr", "hr", "dt", "dd"])
_BLOCKS: Final = frozenset({
    "p", "div", "blockquote", "ul", "ol", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table", "section",
    "article", "header", "footer", "figure", "aside", "dl",
})  # fmt: skip
_SILENT: Final = frozenset({"script", "style", "noscript", "template"})


def attributes(text: str) -> dict[str, str]:
    """The attributes of a tag.

    >>> attributes('alt="[doge]" width=20')
    {'alt': '[doge]', 'width': '20'}
    """
    return {m[1].lower(): unescape(m[2] or m[3] or m[4] or "") for m in _ATTRIBUTE.finditer(text)}


def element(html: str, mark: str) -> tuple[dict[str, str], str]:
    """The first element of a class: its attributes and what is in it, up to its end or that of the text.

    Args:
        html: A page or a part of one.
        mark: The class.

    Returns:
        Empty attributes and an empty text if there is no such element.

    >>> element('<p class="a x">one <b>two</b></p><p>three</p>', "x")
    ({'class': 'a x'}, 'one <b>two</b>')
    """
    name, found, begin, depth = "", dict[str, str](), 0, 0
    for match in _TAG.finditer(html):
        if not name:
            if match[2] and not match[1] and mark in match[3]:
                found = attributes(match[3])
                if mark in found.get("class", "").split():
                    name, begin, depth = match[2].lower(), match.end(), 1
        elif (match[2] or "").lower() == name:
            depth += -1 if match[1] else 1
            if depth == 0:
                return found, html[begin : match.start()]
    return (found, html[begin:]) if name else ({}, "")


def plain(html: str, *, quotes: bool = True, newlines: bool = False) -> str:
    r"""Text of a piece of HTML: entities resolved, breaks kept, emoji images by their ``alt``.

    Args:
        html: HTML as a comment field holds it, often without end tags.
        quotes: Keep quoted posts (``<aside class="quote">``); quotes are somebody else's words.
        newlines: Line breaks of the source count (WordPress writes paragraphs as bare lines).

    >>> plain("Good &#x27;lids&#x27;<p>see <a href='x'>this</a><br>ok<img alt='[赞]' src='x'/> 1 < 2")
    "Good 'lids'\n\nsee this\nok[赞] 1 < 2"
    """
    if "<" not in html:
        text = unescape(html) if "&" in html else html
        return text.replace("\r\n", "\n").strip()
    html = _without_comments(html)
    out: list[str] = []
    end, muted = 0, ""  # while muted: the tag that ends the silence, and how deep inside it we are
    depth, verbatim = 0, 0
    for match in _TAG.finditer(html):
        if not muted:
            out.append(_words(html[end : match.start()], newlines or verbatim > 0))
        end = match.end()
        closing, name = match[1], (match[2] or "").lower()
        if muted:
            depth += 0 if name != muted else -1 if closing else 1
            muted = muted if depth > 0 else ""
        elif not closing and (name in _SILENT or (name == "aside" and not quotes and "quote" in match[3])):
            muted, depth = name, 1
        elif name == "img" or (name == "br" and not closing) or name in _BREAKS:
            out.append(_image(match[3]) if name == "img" else "\n")
        elif name in _BLOCKS:
            out.append("\n\n")
            verbatim += (-1 if closing else 1) if name == "pre" else 0
    if not muted:
        out.append(_words(html[end:], newlines or verbatim > 0))
    return _EMPTY_LINES.sub("\n\n", _LINES.sub("\n", "".join(out))).strip()


def tidy(text: str) -> str:
    r"""A text of unknown make: as it is, or as plain text if it looks like HTML.

    >>> tidy("1 < 2 & so on"), tidy("Q&amp;A<br>ok")
    ('1 < 2 & so on', 'Q&A\nok')
    """
    return plain(text, newlines=True) if _LIKELY.search(text) else text


def _without_comments(html: str) -> str:
    out, at = [], 0
    while (start := html.find("<!--", at)) >= 0 and (end := html.find("-->", start + 4)) >= 0:
        out.append(html[at:start])
        at = end + 3
    return "".join(out) + html[at:] if out else html


def _words(text: str, newlines: bool) -> str:
    if not newlines and ("\n" in text or "\r" in text):
        text = re.sub(r"\s*[\r\n]\s*", " ", text)
    return unescape(text) if "&" in text else text


def _image(text: str) -> str:
    found = attributes(text)
    kind = found.get("class", "") + found.get("alt", "")[:1] + found.get("src", "")
    alt = found.get("alt", "")
    return alt if alt and (alt[0] in "[:" or len(alt) < 9 or "emoji" in kind or "emot" in kind) else ""
