"""Reddit dumps: ``<subreddit>_submissions.zst`` and ``<subreddit>_comments.zst``, one JSON object a line."""

from __future__ import annotations

import html
import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec
import zstandard

from samples import ids
from samples.script import CRAWLED
from samples.threads import seed_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from samples.threads import Sent, Thread

WINDOW_LOG: Final = 31
"""Window of the real dumps (``zstd --long=31``): a reader must allow 2**31 bytes."""

_GONE: Final = "[deleted]"


def export(threads: Sequence[Thread]) -> dict[str, bytes]:
    """Write the dump pair of every subreddit, sorted by time and id, keys sorted, as the dumps are."""
    posts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    comments: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for thread in threads:
        name = _subreddit(thread)
        posts[name].append(_submission(thread))
        comments[name] += [_comment(thread, sent) for sent in thread.exported]
    files = {f"{name}_submissions.zst": _dump(lines) for name, lines in posts.items()}
    return files | {f"{name}_comments.zst": _dump(lines) for name, lines in comments.items()}


def _dump(records: list[dict[str, Any]]) -> bytes:
    records.sort(key=lambda r: (r["created_utc"], r["id"]))
    lines = b"".join(msgspec.json.encode(record, order="sorted") + b"\n" for record in records)
    settings = zstandard.ZstdCompressionParameters.from_level(3, window_log=WINDOW_LOG, write_checksum=True)
    stream = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    return stream.compress(lines) + stream.flush()


def _submission(thread: Thread) -> dict[str, Any]:
    post, seed = thread.post, seed_of(thread.post)
    slug = re.sub(r"\W+", "_", post.title.lower()).strip("_")[:50]
    permalink = f"/r/{_subreddit(thread)}/comments/{thread.id}/{slug}/"
    return _common(thread, post.author, post.likes) | {
        "id": thread.id,
        "name": f"t3_{thread.id}",
        "title": html.escape(post.title, quote=False),
        "selftext": html.escape(post.text, quote=False),
        "created_utc": int(thread.created.timestamp()),
        "num_comments": thread.declared,
        "permalink": permalink,
        "url": f"https://www.reddit.com{permalink}",
        "domain": f"self.{_subreddit(thread)}",
        "is_self": True,
        "is_video": False,
        "is_original_content": False,
        "is_crosspostable": True,
        "media": None,
        "thumbnail": "self",
        "hidden": False,
        "over_18": False,
        "spoiler": False,
        "pinned": False,
        "quarantine": False,
        "contest_mode": False,
        "suggested_sort": None,
        "link_flair_text": None,
        "link_flair_type": "text",
        "num_crossposts": 0,
        "upvote_ratio": round(0.71 + seed % 28 / 100, 2),
        "view_count": None,
        "removed_by_category": None,
    }


def _comment(thread: Thread, sent: Sent) -> dict[str, Any]:
    turn, post = sent.turn, thread.post
    gone = turn.text == _GONE
    author = _GONE if turn.gone else turn.author
    top = sent.parent_id == thread.id
    slug = re.sub(r"\W+", "_", post.title.lower()).strip("_")[:50]
    record = _common(thread, author, turn.likes) | {
        "id": sent.id,
        "name": f"t1_{sent.id}",
        "link_id": f"t3_{thread.id}",
        "parent_id": f"{'t3' if top else 't1'}_{sent.parent_id}",
        "body": html.escape(sent.text, quote=False),
        "created_utc": int(sent.created.timestamp()),
        "edited": sent.created.timestamp() + 1800 if "edit:" in turn.text.lower() else False,
        "is_submitter": author == post.author,
        "controversiality": int(turn.likes <= 0 and any(s.parent_id == sent.id for s in thread.sent)),
        "permalink": f"/r/{_subreddit(thread)}/comments/{thread.id}/{slug}/{sent.id}/",
        "collapsed": turn.gone or turn.likes < -4,
        "collapsed_because_crowd_control": None,
        "collapsed_reason": "comment score below threshold" if turn.likes < -4 else None,
        "collapsed_reason_code": "DELETED" if turn.gone else "LOW_SCORE" if turn.likes < -4 else None,
        "comment_type": None,
        "score_hidden": False,
        "replies": "",
        "unrepliable_reason": None,
    }
    if turn.gone:
        record["_meta"] = {"removal_type": "deleted" if gone else "removed", "retrieved_2nd_on": _crawled()}
    return record


def _common(thread: Thread, author: str, score: int) -> dict[str, Any]:
    """Fields submissions and comments share."""
    name = _subreddit(thread)
    speaks_for_page = author in thread.post.page.owners
    record: dict[str, Any] = {
        "all_awardings": [],
        "approved_at_utc": None,
        "approved_by": None,
        "archived": False,
        "author": author,
        "author_flair_background_color": "" if speaks_for_page else None,
        "author_flair_css_class": None,
        "author_flair_richtext": [],
        "author_flair_template_id": None,
        "author_flair_text": f"{thread.post.page.name} staff" if speaks_for_page else None,
        "author_flair_text_color": "dark" if speaks_for_page else None,
        "author_flair_type": "text",
        "author_is_blocked": False,
        "author_patreon_flair": False,
        "author_premium": False,
        "awarders": [],
        "banned_at_utc": None,
        "banned_by": None,
        "can_gild": False,
        "can_mod_post": False,
        "distinguished": "moderator" if speaks_for_page else None,
        "downs": 0,
        "edited": False,
        "gilded": 0,
        "gildings": {},
        "likes": None,
        "locked": False,
        "mod_note": None,
        "mod_reason_by": None,
        "mod_reason_title": None,
        "mod_reports": [],
        "no_follow": score < 2,
        "num_reports": 0,
        "removal_reason": None,
        "report_reasons": None,
        "retrieved_on": _crawled(),
        "saved": False,
        "score": score,
        "send_replies": True,
        "stickied": False,
        "subreddit": name,
        "subreddit_id": f"t5_{ids.base36(ids.number('subreddit', name) % 36**6)}",
        "subreddit_name_prefixed": f"r/{name}",
        "subreddit_type": "public",
        "top_awarded_type": None,
        "total_awards_received": 0,
        "treatment_tags": [],
        "ups": score,
        "user_reports": [],
    }
    if author != _GONE:
        record["author_fullname"] = f"t2_{ids.base36(ids.number('reddit', author) % 36**10)}"
    return record


def _subreddit(thread: Thread) -> str:
    return re.sub(r"\W", "", thread.post.page.name)


def _crawled() -> int:
    return int(CRAWLED.timestamp())
