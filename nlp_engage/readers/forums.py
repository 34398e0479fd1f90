"""Blogs and forums: WordPress REST, Discourse, PTT, isso."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus, urlsplit

from nlp_engage.readers.base import Format
from nlp_engage.readers.records import ODD, BadRecordError, Layout, Page, SkipRecord, describe, excerpt, join
from nlp_engage.readers.styles import Style, candidates, pages
from nlp_engage.readers.values import as_count, as_id, as_link, as_time
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nlp_engage.readers.base import Source
    from nlp_engage.types import ReadReport


def _wordpress(record: dict[str, Any], page: Page) -> dict[str, Any]:
    """Posts and comments are numbered alike, blog by blog: ids are those of the permalinks."""
    guid = record.get("guid")
    link = str(record.get("link") or (guid.get("rendered") if isinstance(guid, dict) else "") or "")
    host = urlsplit(link).netloc or page.source.label
    own, parent, user = (as_link(record.get(k)) for k in ("id", "parent", "author"))
    if "post" not in record:
        thread = f"{host}/?p={own}"
        return {**record, "own": thread, "thread": thread, "user": f"{host}/user/{user}" if user else None}
    if record.get("type") in ("pingback", "trackback"):
        raise SkipRecord("pingbacks and trackbacks")
    if record.get("status") in ("spam", "trash"):
        raise SkipRecord("comments marked as spam or in the trash")
    thread = f"{host}/?p={as_link(record.get('post')) or page.source.label}"
    return {
        **record, "own": f"{thread}#comment-{own}" if own else None, "thread": thread,
        "above": f"{thread}#comment-{parent}" if parent else None, "user": f"{host}/user/{user}" if user else None,
    }  # fmt: skip


def _holds_posts(source: Source) -> bool:
    return any("post" not in r for doc in source.sample.docs for r in candidates(doc, "") if isinstance(r, dict))


WP_REST: Final = Style(
    name="wordpress-rest",
    title="WordPress REST API (comments, posts)",
    platform="wordpress",
    keys=(
        "id post author_name content.rendered", "id post author_name content.raw",
        "id title.rendered content.rendered date_gmt",
    ),
    lists=("comments", "posts", ""),
    layout=Layout(
        id="own", thread="thread", parent="above", author="user|author_name", name="author_name",
        text="title.rendered+content.rendered|content.raw", created="date_gmt|date", html=True,
    ),
    adapt=_wordpress,
    first=_holds_posts,
)  # fmt: skip


def _topic(page: Page) -> Iterator[Comment]:
    creator = (page.value.get("details") or {}).get("created_by") or {}
    page.owner = as_id(creator.get("id"))
    yield from ()


def _discourse(record: dict[str, Any], page: Page) -> dict[str, Any]:
    if as_count(record.get("post_type")) in (2, 3) or record.get("action_code"):
        raise SkipRecord("Discourse notices (pinned, closed, moved)")
    topic = page.value if isinstance(page.value, dict) else {}
    room = as_id(record.get("topic_id")) or as_id(topic.get("id"))
    if room is None:
        raise BadRecordError("no topic_id")
    own, number = as_id(record.get("id")), as_id(record.get("post_number"))
    target = as_link(record.get("reply_to_post_number"))
    # Replies name the number of a post: which id that is, the look ahead through all pages has learnt.
    numbers: dict[tuple[str, str], str] = page.source.memory.setdefault("numbers", {})
    if own and number:
        numbers[room, number] = own
    above = None
    if target not in (None, "1"):
        above = f"post-{numbers[room, target]}" if (room, target) in numbers else f"topic-{room}/{target}"
    actions = record.get("actions_summary") or ()
    hearts = next((a.get("count") for a in actions if isinstance(a, dict) and a.get("id") == 2), None)
    fields = {
        **record, "own": f"post-{own}" if own else None, "thread": f"topic-{room}", "above": above,
        "likes": hearts if hearts is not None else record.get("like_count"), "title": None,
    }  # fmt: skip
    if number != "1":
        return fields
    posts = as_count(topic.get("posts_count"))
    return fields | {
        "own": f"topic-{room}", "title": topic.get("title") or record.get("topic_title"),
        "reply_count": posts - 1 if posts else record.get("reply_count"),
    }  # fmt: skip


DISCOURSE: Final = Style(
    name="discourse",
    title="Discourse (topic JSON, posts)",
    platform="discourse",
    keys=("post_number cooked", "post_number raw username"),
    lists=("post_stream.posts", "latest_posts", ""),
    layout=Layout(
        id="own", thread="thread", parent="above", author="user_id|username", name="username", text="title+cooked|raw",
        created="created_at", likes="likes", replies="reply_count", owner="staff|admin|moderator",
        deleted="deleted_at_|user_deleted", html=True,
    ),
    opening=_topic,
    adapt=lambda record, page: {**_discourse(record, page), "deleted_at_": bool(record.get("deleted_at"))},
    chained=True,
)  # fmt: skip


def _isso(page: Page) -> Iterator[Comment]:
    page.thread = as_id(page.value.get("id")) or f"{page.source.label}/{page.state.setdefault('threads', 0)}"
    page.state["threads"] = page.state.get("threads", 0) + 1
    title = unquote_plus(str(page.value.get("title") or ""))
    yield Comment(id=page.thread, thread_id=page.thread, text=title, is_owner=True, platform="isso")


ISSO: Final = Style(
    name="isso",
    title="isso generic import (threads of comments)",
    platform="isso",
    keys=("id author text created",),
    check=lambda record: "parent" not in record and {"email", "website", "remote_addr"} & record.keys() != set(),
    lists=("comments",),
    layout=Layout(id="own", author="author", text="text", created="created", html=True, newlines=True),
    opening=_isso,
    adapt=lambda record, page: {**record, "own": f"{page.thread}#{as_id(record.get('id'))}"},
)  # fmt: skip

_TAIPEI: Final = timezone(timedelta(hours=8))
_TAGS: Final = {"推": 1, "噓": -1}


def _sniff_ptt(source: Source) -> str | None:
    if source.sample.kind not in ("json", "lines"):
        return None
    for doc in source.sample.docs:
        for path in ("articles", ""):
            for article in candidates(doc, path):
                messages = article.get("messages") if isinstance(article, dict) and "article_id" in article else None
                if isinstance(messages, list):
                    return "keys article_id, messages"
    return None


def _read_ptt(source: Source, report: ReadReport) -> Iterator[Comment]:
    for _, articles in pages(source, ("articles", ""), report, "PTT"):
        for place, article in articles:
            try:
                yield from list(_article(article, report))
            except SkipRecord as reason:
                report.skip(str(reason))
            except ODD as error:
                report.reject(source.name, place, f"no PTT article: {error or describe(article)}", excerpt(article))


def _article(article: dict[str, Any], report: ReadReport) -> Iterator[Comment]:
    if "error" in article and "article_id" not in article:
        raise SkipRecord("PTT articles that are gone")
    own = as_id(article.get("article_id"))
    if own is None:
        raise BadRecordError("no article_id")
    start = as_time(article.get("date"), 8)
    author, _, nick = str(article.get("author") or "").partition(" ")
    counts = article.get("message_count") or article.get("message_conut") or {}
    pushes = _pushes(article.get("messages") or [], start)
    yield Comment(
        id=own, thread_id=own, author=author or None, author_name=nick.strip("() ") or None, created=start,
        text=join([str(article.get("article_title") or ""), str(article.get("content") or "")]), is_owner=True,
        platform="ptt", likes=as_count(counts.get("count")), n_replies=len(pushes),
    )  # fmt: skip
    for number, (who, text, moment, score, parts) in enumerate(pushes, 1):
        if parts > 1:
            report.skip("PTT pushes that continue the one before", parts - 1)
        yield Comment(
            id=f"{own}#{number}", thread_id=own, parent_id=own, author=who, text=text, created=moment, likes=score,
            is_owner=bool(author) and who == author, platform="ptt",
        )  # fmt: skip


_Push = tuple[str, str, datetime | None, int, int]


def _pushes(messages: list[dict[str, Any]], start: datetime | None) -> list[_Push]:
    """Pushes with full dates; what one user says in consecutive arrows within a minute is one remark."""
    found: list[_Push] = []
    last = start
    for message in messages:
        who, text = (
            str(message.get("push_userid") or "").strip(),
            str(message.get("push_content") or "").strip().lstrip(":").strip(),
        )
        tag = str(message.get("push_tag") or "").strip()
        moment = last = _dated(str(message.get("push_ipdatetime") or ""), last)
        before = found[-1] if found else None
        if before and tag not in _TAGS and before[0] == who and _close(before[2], moment):
            found[-1] = (who, before[1] + text, before[2], before[3], before[4] + 1)
        else:
            found.append((who, text, moment, _TAGS.get(tag, 0), 1))
    return found


def _close(one: datetime | None, other: datetime | None) -> bool:
    return one is None or other is None or abs(other - one) <= timedelta(minutes=1)


def _dated(text: str, after: datetime | None) -> datetime | None:
    """``MM/DD HH:MM`` with the year that keeps the order; half a day of tolerance for clocks that differ."""
    parts = text.split()
    if after is None or len(parts) < 2:
        return after
    for year in (after.astimezone(_TAIPEI).year, after.astimezone(_TAIPEI).year + 1):
        moment = as_time(f"{year}/{parts[-2]} {parts[-1]}", 8)
        if moment is not None and moment >= after - timedelta(hours=12):
            return moment
    return after


PTT: Final = Format(
    name="ptt", title="PTT articles with pushes (ptt-web-crawler)", sniff=_sniff_ptt, read=_read_ptt, posts_own=True
)

STYLES: Final = (WP_REST, DISCOURSE, ISSO)
FORMATS: Final[tuple[Format, ...]] = (*(style.format() for style in STYLES), PTT)
