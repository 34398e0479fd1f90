"""WordPress exports (WXR): posts of a blog with their comments below them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from nlp_engage.readers.base import Format
from nlp_engage.readers.markup import plain
from nlp_engage.readers.records import join
from nlp_engage.readers.values import as_link, as_time
from nlp_engage.readers.xmlstream import Words, tokens
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport

_ITEM: Final = frozenset({
    "title", "link", "guid", "dc:creator", "content:encoded", "wp:post_id", "wp:post_date_gmt", "wp:post_date",
    "wp:post_type", "wp:status",
})  # fmt: skip
_FIELDS: Final = "id author author_email author_url date date_gmt content approved type parent user_id"
_COMMENT: Final = frozenset(f"wp:comment_{name}" for name in _FIELDS.split())
_AUTHOR: Final = frozenset(["wp:author_id", "wp:author_login", "wp:author_email", "wp:author_display_name"])
_RECORDS: Final = ("channel", "item", "wp:comment", "wp:author")
_NAMES: Final = _ITEM | _COMMENT | _AUTHOR | {*_RECORDS, "wp:base_blog_url", "wp:commentmeta"} - {"channel"}
_NO_POSTS: Final = frozenset(
    {"attachment", "nav_menu_item", "revision", "custom_css", "wp_global_styles", "wp_navigation"}
)
_UNPUBLISHED: Final = frozenset({"draft", "auto-draft", "trash", "pending"})
_HIDDEN: Final = {
    "spam": "comments marked as spam",
    "trash": "comments in the trash",
    "post-trashed": "comments in the trash",
}
_NO_TIME: Final = "0000-00-00 00:00:00"


def _sniff(source: Source) -> str | None:
    if source.sample.kind == "xml" and re.search(
        r"xmlns:wp=[\"']https?://wordpress\.org/export/1\.", source.sample.text
    ):
        return "namespace wordpress.org/export"
    return None


@dataclass(slots=True)
class _Blog:
    """What is known while the file passes by: the blog, the post, the comment or author that is being read."""

    source: Source
    report: ReadReport
    host: str
    logins: dict[str, str] = field(default_factory=dict)
    emails: set[str] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    inside: str = "channel"
    fields: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in _RECORDS})
    items: int = 0
    told: bool = False

    def begin(self, record: str) -> Iterator[Comment]:
        """A record begins. A post is told as soon as its first comment begins."""
        if record == "wp:comment" and not self.told:
            self.told = True
            yield from _post(self, commented=True)
        if record == "item":
            self.told, self.items = False, self.items + 1
        self.inside, self.fields[record] = record, {}

    def end(self, record: str) -> Iterator[Comment]:
        """A record is complete."""
        if record == "wp:comment":
            yield from _comment(self)
        elif record == "item" and not self.told and self.fields["item"]:
            yield from _post(self, commented=False)
        elif record == "wp:author":
            _learn(self, self.fields["wp:author"])
        self.inside = "item" if record == "wp:comment" else "channel"

    def put(self, name: str, value: str) -> None:
        """A field is complete; of several of one name the first counts."""
        self.fields[self.inside].setdefault(name, value)
        if self.inside == "channel" and name in ("link", "wp:base_blog_url"):
            self.host = urlsplit(value).netloc or self.host


def _read(source: Source, report: ReadReport) -> Iterator[Comment]:
    blog, leaf, words = _Blog(source=source, report=report, host=source.label), "", Words()
    with source.open() as stream:
        for kind, value, _ in tokens(stream, _NAMES):
            if kind == "text":
                if leaf:
                    words.add(value)
            elif value in _RECORDS:
                yield from blog.begin(value) if kind == "start" else blog.end(value)
                leaf = ""
            elif kind == "start":
                leaf = value
                words.take()
            elif leaf == value:
                blog.put(value, words.take())
                leaf = ""
    if blog.inside != "channel":
        reason = f"the export breaks off inside <{blog.inside}>"
        report.reject(source.name, blog.items, reason, str(blog.fields[blog.inside])[:200])


def _learn(blog: _Blog, author: dict[str, str]) -> None:
    login, number = author.get("wp:author_login", ""), author.get("wp:author_id", "")
    if login:
        blog.logins[login] = number
        blog.names[login] = author.get("wp:author_display_name", "")
    if email := author.get("wp:author_email", "").lower():
        blog.emails.add(email)


def _thread(blog: _Blog) -> str:
    item = blog.fields["item"]
    host = urlsplit(item.get("link", "")).netloc or blog.host
    return f"{host}/?p={as_link(item.get('wp:post_id')) or f'item{blog.items}'}"


def _post(blog: _Blog, *, commented: bool) -> Iterator[Comment]:
    item = blog.fields["item"]
    kind = item.get("wp:post_type", "post")
    if not commented and (kind in _NO_POSTS or item.get("wp:status") in _UNPUBLISHED):
        blog.report.skip(f"WordPress items that are no published posts ({kind})")
        return
    thread, login = _thread(blog), item.get("dc:creator", "")
    user = blog.logins.get(login)
    author = f"{thread.split('/')[0]}/user/{user}" if user else login or None
    name = blog.names.get(login) or login
    yield Comment(
        id=thread,
        thread_id=thread,
        author=author,
        author_name=name if name and name != author else None,
        text=join([plain(item.get("title", "")), plain(item.get("content:encoded", ""), newlines=True)]),
        created=_time(item.get("wp:post_date_gmt"), item.get("wp:post_date")),
        is_owner=True,
        platform="wordpress",
    )


def _time(gmt: str | None, local: str | None) -> datetime | None:
    """The time in UTC; the blog's local time (whose zone the export does not tell) only where there is no other."""
    return as_time(gmt if gmt and gmt != _NO_TIME else local)


def _comment(blog: _Blog) -> Iterator[Comment]:
    get = {name.removeprefix("wp:comment_"): text for name, text in blog.fields["wp:comment"].items()}.get
    kind, state = get("type", ""), get("approved", "1")
    if kind in ("pingback", "trackback"):
        blog.report.skip("pingbacks and trackbacks")
        return
    if state in _HIDDEN:
        blog.report.skip(_HIDDEN[state])
        return
    own = as_link(get("id"))
    if own is None:
        blog.report.reject(blog.source.name, blog.items, "a comment without wp:comment_id", get("content", "")[:200])
        return
    thread = _thread(blog)
    parent, user, email = as_link(get("parent")), as_link(get("user_id")), get("author_email", "").lower()
    name = plain(get("author", "")) or None
    guest = f"guest-{sha256(email.encode()).hexdigest()[:16]}" if email else name
    author = f"{thread.split('/')[0]}/user/{user}" if user else guest
    writer = blog.logins.get(blog.fields["item"].get("dc:creator", ""))
    yield Comment(
        id=f"{thread}#comment-{own}",
        thread_id=thread,
        parent_id=f"{thread}#comment-{parent}" if parent else thread,
        author=author,
        author_name=name if name != author else None,
        text=plain(get("content", ""), newlines=True),
        created=_time(get("date_gmt"), get("date")),
        is_owner=bool((user and user == writer) or (email and email in blog.emails)),
        platform="wordpress",
    )


WXR = Format(name="wxr", title="WordPress export (WXR)", sniff=_sniff, read=_read)
