"""Scripts: hand-written threads with their true tree and their labels (format: ``data/sample/README.md``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from nlp_engage.types import ACT_LABEL, ACTS, LABEL_CODES, Act

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CRAWLED: Final = datetime(2026, 6, 30, 12, 0, tzinfo=UTC)
"""When the fictional exports were made; nothing in a script may be later."""

BEIJING: Final = timezone(timedelta(hours=8))
PLATFORMS: Final = {"reddit": UTC, "youtube": UTC, "wordpress": UTC, "weibo": BEIJING, "xhs": BEIJING}
"""Platform -> the time zone its scripts are written in."""

GONE_TEXTS: Final = ("[deleted]", "[removed]")
PINGBACK: Final = "pingback:"

_TITLED: Final = ("reddit", "youtube", "wordpress")
_UNCOUNTED: Final = ("wordpress",)
_ONE_OWNER: Final = ("youtube", "weibo", "xhs")
_HANDLES: Final = {
    "reddit": re.compile(r"[A-Za-z0-9_-]{3,20}|\[deleted\]"),
    "youtube": re.compile(r"[A-Za-z0-9_.-]{3,30}"),
}
_COMMENT = re.compile(r"(-+)(x?)\s+(.*)")
_AFTER = re.compile(r"\+(\d+)([mhd])")
_MARK = re.compile(r"([A-Z]+)/([a-z]+)(\??)")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_COMMENT_FIELDS: Final = 5


class ScriptError(Exception):
    """A script breaks the format; the message lists every problem as ``file:line: what, rule, next step``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One comment of a script.

    Attributes:
        line: Line in the script, from 1.
        parent: Index of the comment it answers in ``Post.turns``; ``None`` below the post.
        author: Handle or display name.
        created: Time of writing, in UTC.
        likes: Likes or score.
        label: Code of the codebook (``M``, ``D``, ``S``), or ``None``.
        act: Act of the codebook, or ``None``.
        confidence: 3 clear, 2 a careful colleague could choose otherwise; 0 without a label.
        text: Text as the author wrote it, without the platform's prefixes.
        missing: The export has lost it; it is not written.
    """

    line: int
    parent: int | None
    author: str
    created: datetime
    likes: int
    label: str | None
    act: str | None
    confidence: int
    text: str
    missing: bool

    @property
    def gone(self) -> bool:
        """Deleted or removed: the platform keeps the place and drops the text."""
        return self.text in GONE_TEXTS

    @property
    def pingback(self) -> bool:
        """A machine's notice that another blog linked to the post: no comment by the format's own rules."""
        return self.author.startswith(PINGBACK)

    @property
    def counted(self) -> bool:
        """Whether a reader of the export must find it as a comment."""
        return not self.missing and not self.pingback


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page, channel, subreddit or blog a post stands on, and the accounts that speak for it."""

    name: str
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A post and the comments below it, in script order (parents before children).

    Attributes:
        key: Name of the post, unique in its script.
        declared: How many comments the platform's counter knows beyond those of the script.
    """

    line: int
    key: str
    platform: str
    lang: str
    page: Page
    author: str
    created: datetime
    likes: int
    declared: int
    title: str
    text: str
    turns: tuple[Turn, ...]

    def is_owner(self, author: str) -> bool:
        """Whether an account speaks for the page or opened the thread."""
        return author in self.page.owners or author == self.author


@dataclass(slots=True)
class _Draft:
    """A post in the making: its header is read, its text and comments are not."""

    line: int
    key: str
    fields: dict[str, str]
    created: datetime
    page: Page
    text: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    path: list[int] = field(default_factory=list)


def parse(script: Path) -> list[Post]:
    """Read a script.

    Args:
        script: A file named ``<platform>_<en|zh>.txt``.

    Returns:
        Its posts in script order.

    Raises:
        ScriptError: The format is broken; all problems are listed.
    """
    return _Parser(script.name, script.stem.rsplit("_", 1)[-1]).parse(script.read_text("utf-8").splitlines())


class _Parser:
    def __init__(self, name: str, lang: str) -> None:
        self.name, self.lang = name, lang
        self.problems: list[str] = []
        self.platform: str | None = None
        self.page: Page | None = None
        self.draft: _Draft | None = None
        self.posts: list[Post] = []
        self.line = 0

    def parse(self, lines: Sequence[str]) -> list[Post]:
        if self.lang not in ("en", "zh"):
            self.problem(f"the file name ends in {self.lang!r}; name scripts <platform>_en.txt or <platform>_zh.txt")
        for self.line, line in enumerate(lines, start=1):
            self.take(line.rstrip())
        self.close()
        if not self.posts and not self.problems:
            self.problem("the script holds no post; a post starts with '== key | date | ...'")
        if self.problems:
            raise ScriptError("\n".join(self.problems))
        return self.posts

    def problem(self, what: str, line: int | None = None) -> None:
        self.problems.append(f"{self.name}:{self.line if line is None else line}: {what}")

    def take(self, line: str) -> None:
        if line.startswith(("@platform ", "@page ")):
            self.close()
            self.directive(line)
        elif line.startswith("=="):
            self.close()
            self.header(line)
        elif self.draft is None:
            if line and not line.startswith("#"):
                self.problem(
                    f"{line[:40]!r} stands outside any post; lines there are '@platform reddit', "
                    "'@page NAME owner=ACCOUNT' or a post header '== key | date | ...'"
                )
        elif match := _COMMENT.fullmatch(line):
            self.comment(*match.groups())
        elif not self.draft.turns:
            self.draft.text.append(line)
        elif line and not line.startswith("# "):
            self.problem(
                f"{line[:40]!r} is neither a comment nor a post header; "
                r"a comment is one line: '- author | +2h | likes | D/answ | text', with \n for a line break"
            )

    def directive(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        rest = rest.partition(" # ")[0].strip()
        if word == "@platform":
            if rest not in PLATFORMS:
                self.problem(f"platform {rest!r} is unknown; it must be one of {', '.join(PLATFORMS)}")
            self.platform = rest
        else:
            name, found, owners = rest.partition("owner=")
            self.page = Page(name=name.strip(), owners=tuple(o.strip() for o in owners.split(",") if o.strip()))
            if not found or not self.page.name or not self.page.owners:
                self.problem("a page needs a name and an owner: '@page Larkspring owner=larkspring_official'")
                self.page = None
            elif self.platform in _ONE_OWNER and len(self.page.owners) > 1:
                self.problem(f"on {self.platform} a page has exactly one account, not {len(self.page.owners)}")

    def header(self, line: str) -> None:
        if self.platform not in PLATFORMS or self.page is None:
            self.problem("a post needs @platform and @page lines above it")
            return
        key, *parts = (part.strip() for part in line[2:].split("|"))
        stamp = parts.pop(0) if parts else ""
        try:
            created = datetime.strptime(stamp, "%Y-%m-%d %H:%M").replace(tzinfo=PLATFORMS[self.platform])
        except ValueError:
            self.problem(f"{stamp!r} is no date; write '== {key or 'p01'} | 2026-05-04 10:00 | likes=12 | ...'")
            created = CRAWLED
        fields = {}
        for part in parts:
            name, found, value = part.partition("=")
            if not found or name not in ("likes", "declared", "author", "title"):
                self.problem(f"field {part!r} is unknown; a post has likes=, declared=, author= and title=")
            fields[name] = value
        for name in ("likes", "declared"):
            if not re.fullmatch(r"\+?\d+", fields.setdefault(name, "0")):
                self.problem(f"{name}={fields[name]!r} is no number")
                fields[name] = "0"
        if self.platform in _TITLED and not fields.get("title"):
            self.problem(f"a {self.platform} post needs a title=")
        if self.platform in _UNCOUNTED and int(fields["declared"]):
            self.problem(f"{self.platform} exports have no reply counter; leave declared= out")
        if any(post.key == key for post in self.posts):
            self.problem(f"post {key!r} stands here twice; give it another name")
        self.draft = _Draft(line=self.line, key=key, fields=fields, created=created.astimezone(UTC), page=self.page)

    def comment(self, dashes: str, lost: str, rest: str) -> None:
        draft = self.draft
        assert draft is not None, "take() calls this below a post only"
        parts = [part.strip() for part in rest.split("|", _COMMENT_FIELDS - 1)]
        if len(parts) < _COMMENT_FIELDS or not parts[0] or not parts[4]:
            self.problem("a comment has five fields: '- author | +2h | likes | D/answ | text'")
            return
        author, after, likes, mark, text = parts
        self.check_author(author)
        depth = len(dashes)
        if depth > len(draft.path) + 1:
            self.problem(
                f"depth {depth} under a comment of depth {len(draft.path)}: no depth may be skipped, "
                f"use at most {len(draft.path) + 1} dashes"
            )
            depth = len(draft.path) + 1
        del draft.path[depth - 1 :]
        parent = draft.path[-1] if draft.path else None
        created = self.time(after, None if parent is None else draft.turns[parent])
        if not re.fullmatch(r"-?\d+", likes):
            self.problem(f"likes are {likes!r}; write a whole number")
            likes = "0"
        label, act, confidence = self.mark(mark)
        draft.path.append(len(draft.turns))
        draft.turns.append(
            Turn(
                line=self.line,
                parent=parent,
                author=author,
                created=created,
                likes=int(likes),
                label=label,
                act=act,
                confidence=confidence,
                text=text.replace(r"\n", "\n"),
                missing=bool(lost),
            )
        )

    def check_author(self, author: str) -> None:
        shape = _HANDLES.get(self.platform or "")
        if shape is not None and not shape.fullmatch(author):
            self.problem(f"author {author!r} is no {self.platform} handle ({shape.pattern})")

    def time(self, after: str, parent: Turn | None) -> datetime:
        assert self.draft is not None, "comment() calls this below a post only"
        match = _AFTER.fullmatch(after)
        if match is None:
            self.problem(f"time {after!r} must be minutes, hours or days after the post: +35m, +2h, +3d")
            return self.draft.created
        created = self.draft.created + timedelta(**{_UNITS[match[2]]: int(match[1])})
        if parent is not None and created <= parent.created:
            if parent.created - created > timedelta(minutes=2):
                self.problem(f"{after} is before the comment it answers (line {parent.line}); make it later")
            created = parent.created + timedelta(seconds=40)
        if created > CRAWLED:
            self.problem(f"{after} after {self.draft.created:%Y-%m-%d %H:%M} UTC is later than the export ({CRAWLED})")
        return created

    def mark(self, mark: str) -> tuple[str | None, str | None, int]:
        if mark == "-":
            return None, None, 0
        match = _MARK.fullmatch(mark)
        if match is None:
            self.problem(f"mark {mark!r} must be label/act, e.g. D/answ (D/answ? where unsure), or -")
            return None, None, 0
        label, act, unsure = match.groups()
        if label not in LABEL_CODES:
            self.problem(f"label {label!r} is unknown; it must be one of {', '.join(LABEL_CODES)}")
        elif act not in ACTS:
            self.problem(f"act {act!r} is unknown; it must be one of {', '.join(ACTS)}")
        elif ACT_LABEL[Act(act)] != LABEL_CODES[label]:
            fitting = ", ".join(a for a in ACTS if ACT_LABEL[a] == LABEL_CODES[label])
            self.problem(f"act {act!r} does not belong to label {label!r}, which has {fitting}")
        return label, act, 2 if unsure else 3

    def close(self) -> None:
        draft, self.draft = self.draft, None
        if draft is None or self.platform is None:
            return
        if self.platform == "youtube":
            self.check_video(draft)
        self.posts.append(
            Post(
                line=draft.line,
                key=draft.key,
                platform=self.platform,
                lang=self.lang,
                page=draft.page,
                author=draft.fields.get("author") or draft.page.owners[0],
                created=draft.created,
                likes=int(draft.fields["likes"]),
                declared=int(draft.fields["declared"]),
                title=draft.fields.get("title", ""),
                text="\n".join(draft.text).strip(),
                turns=tuple(draft.turns),
            )
        )

    def check_video(self, draft: _Draft) -> None:
        if not any(turn.parent is None and not turn.missing for turn in draft.turns):
            self.problem("a video without comments is in no YouTube comment export; give it one", draft.line)
        for turn in draft.turns:
            if turn.parent is not None and draft.turns[turn.parent].missing:
                floor = draft.turns[turn.parent]
                if floor.parent is None:
                    self.problem("YouTube drops the replies of a lost top-level comment; mark them -x", turn.line)
