"""YouTube Data API: ``videos.list``, and for every video the pages of ``commentThreads.list``."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any, Final

from samples import ids
from samples.threads import seed_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from samples.threads import Sent, Thread

PAGE_SIZE: Final = 20
"""Threads a page, the API's default."""


def export(threads: Sequence[Thread]) -> dict[str, bytes]:
    """Write the list of videos and the comment pages of each.

    Replies are filed whole under their top-level comment, as downloaders do that fetch what the API's five leave out.
    """
    videos = {
        "kind": "youtube#videoListResponse",
        "etag": _etag("videos"),
        "items": [_video(thread) for thread in threads],
        "pageInfo": {"totalResults": len(threads), "resultsPerPage": len(threads)},
    }
    files = {"videos.json": _json(videos)}
    for thread in threads:
        items = [_thread(thread, sent) for sent in _newest_first(thread) if sent.floor_id == sent.id]
        pages = [items[start : start + PAGE_SIZE] for start in range(0, len(items), PAGE_SIZE)]
        for number, page in enumerate(pages, start=1):
            body: dict[str, Any] = {
                "kind": "youtube#commentThreadListResponse",
                "etag": _etag(thread.id, str(number)),
            }
            if number < len(pages):
                body["nextPageToken"] = ids.base64(ids.number("page", thread.id, str(number)), 20)
            body |= {"pageInfo": {"totalResults": len(page), "resultsPerPage": PAGE_SIZE}, "items": page}
            files[f"commentThreads_{thread.id}_page{number}.json"] = _json(body)
    return files


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"


def _video(thread: Thread) -> dict[str, Any]:
    post, seed = thread.post, seed_of(thread.post)
    return {
        "kind": "youtube#video",
        "etag": _etag("video", thread.id),
        "id": thread.id,
        "snippet": {
            "publishedAt": _stamp(thread.created),
            "channelId": _channel(post.page.owners[0]),
            "title": post.title,
            "description": post.text,
            "thumbnails": {"default": {"url": f"https://images.example/{thread.id}.jpg", "width": 120, "height": 90}},
            "channelTitle": post.page.name,
            "categoryId": "22",
            "liveBroadcastContent": "none",
            "localized": {"title": post.title, "description": post.text},
            "defaultAudioLanguage": "en-GB",
        },
        "contentDetails": {
            "duration": f"PT{1 + seed % 9}M{seed % 59}S",
            "dimension": "2d",
            "definition": "hd",
            "caption": "true",
            "licensedContent": True,
            "contentRating": {},
            "projection": "rectangular",
        },
        "statistics": {
            "viewCount": str(post.likes * 37 + seed % 997),
            "likeCount": str(post.likes),
            "favoriteCount": "0",
            "commentCount": str(thread.declared),
        },
    }


def _newest_first(thread: Thread) -> list[Sent]:
    return sorted(thread.exported, key=lambda sent: (sent.created, sent.id), reverse=True)


def _thread(thread: Thread, top: Sent) -> dict[str, Any]:
    replies = [sent for sent in _newest_first(thread) if sent.floor_id == top.id and sent is not top]
    item: dict[str, Any] = {
        "kind": "youtube#commentThread",
        "etag": _etag("thread", top.id),
        "id": top.id,
        "snippet": {
            "channelId": _channel(thread.post.page.owners[0]),
            "videoId": thread.id,
            "topLevelComment": _comment(thread, top),
            "canReply": True,
            "totalReplyCount": thread.floor_size(top.id) + _uncrawled(thread, top),
            "isPublic": True,
        },
    }
    if replies:
        item["replies"] = {"comments": [_comment(thread, sent) for sent in replies]}
    return item


def _uncrawled(thread: Thread, top: Sent) -> int:
    """The comments the script declares beyond its own are missing from the longest floor."""
    floors = [sent for sent in thread.exported if sent.floor_id == sent.id]
    longest = max(floors, key=lambda sent: thread.floor_size(sent.id))
    return thread.post.declared if longest is top else 0


def _comment(thread: Thread, sent: Sent) -> dict[str, Any]:
    author = sent.turn.author
    stamp = _stamp(sent.created)
    snippet: dict[str, Any] = {
        "channelId": _channel(thread.post.page.owners[0]),
        "videoId": thread.id,
        "textDisplay": html.escape(sent.text).replace("\n", "<br>"),
        "textOriginal": sent.text,
        "authorDisplayName": f"@{author}",
        "authorProfileImageUrl": f"https://avatars.example/{_channel(author)}=s48-c-k-c0x00ffffff-no-rj",
        "authorChannelUrl": f"http://www.youtube.com/@{author}",
        "authorChannelId": {"value": _channel(author)},
        "canRate": True,
        "viewerRating": "none",
        "likeCount": sent.turn.likes,
        "publishedAt": stamp,
        "updatedAt": stamp,
    }
    if sent.floor_id != sent.id:
        snippet["parentId"] = sent.floor_id
    return {"kind": "youtube#comment", "etag": _etag("comment", sent.id), "id": sent.id, "snippet": snippet}


def _channel(author: str) -> str:
    return f"UC{ids.base64(ids.number('youtube', author), 22)}"


def _etag(*parts: str) -> str:
    return ids.base64(ids.number("etag", *parts), 27)


def _stamp(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
