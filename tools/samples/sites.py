"""The fictional WordPress sites: which page of a script stands on which of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from samples.script import ScriptError

if TYPE_CHECKING:
    from samples.script import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A blog: its host, its name, its subtitle, the domain of its staff's mail, the stem of its export file."""

    host: str
    title: str
    description: str
    domain: str
    stem: str


_LARKSPRING: Final = Site(
    host="journal.larkspring.example",
    title="Larkspring Journal / 云雀泉手记",
    description="Notes from the spring / 泉边来信",
    domain="larkspring.example",
    stem="larkspringjournal",
)
_TINDRA: Final = Site(
    host="blog.tindra.example",
    title="汀达博客",
    description="网络的里里外外",
    domain="tindra.example",
    stem="tindrablog",
)
_PAGES: Final = {"Larkspring Journal": _LARKSPRING, "云雀泉手记": _LARKSPRING, "汀达博客": _TINDRA}


def site_of(post: Post) -> Site:
    """The site of a post.

    Raises:
        ScriptError: The page is on none.
    """
    if post.page.name not in _PAGES:
        raise ScriptError(
            f"wordpress_{post.lang}.txt:{post.line}: page {post.page.name!r} is on no site; "
            f"use one of {', '.join(_PAGES)}, or add it to tools/samples/sites.py"
        )
    return _PAGES[post.page.name]
