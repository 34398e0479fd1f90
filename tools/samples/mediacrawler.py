"""MediaCrawler (schema used until July 2026), Weibo and Xiaohongshu: contents and comments apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from samples import ids
from samples.script import BEIJING, CRAWLED, GONE_TEXTS
from samples.threads import seed_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from samples.threads import Sent, Thread

_DAY: Final = f"{CRAWLED.astimezone(BEIJING):%Y-%m-%d}"
_PROVINCES: Final = (
    "上海",
    "广东",
    "浙江",
    "江苏",
    "四川",
    "北京",
    "湖北",
    "福建",
    "陕西",
    "湖南",
    "云南",
    "中国台湾",
)


def export_weibo(threads: Sequence[Thread]) -> dict[str, bytes]:
    """Write Weibo as JSON lines (MediaCrawler's default); ``parent_comment_id`` names the floor only."""
    contents = [_weibo_note(thread) for thread in threads]
    comments = [_weibo_comment(thread, sent) for thread in threads for sent in _floor_by_floor(thread)]
    return {
        f"weibo/jsonl/search_contents_{_DAY}.jsonl": _lines(_crawled(contents)),
        f"weibo/jsonl/search_comments_{_DAY}.jsonl": _lines(_crawled(comments)),
    }


def export_xhs(threads: Sequence[Thread]) -> dict[str, bytes]:
    """Write Xiaohongshu as JSON arrays; ``parent_comment_id`` names the comment that is answered."""
    contents = [_xhs_note(thread) for thread in threads]
    comments = [_xhs_comment(thread, sent) for thread in threads for sent in _floor_by_floor(thread)]
    return {
        f"xhs/json/search_contents_{_DAY}.json": _array(_crawled(contents)),
        f"xhs/json/search_comments_{_DAY}.json": _array(_crawled(comments)),
    }


def _floor_by_floor(thread: Thread) -> list[Sent]:
    """The crawler takes a floor, then what hangs below it, then the next floor."""
    floors = {sent.id: place for place, sent in enumerate(thread.sent)}
    return sorted(thread.exported, key=lambda s: (floors[s.floor_id], s.floor_id != s.id, s.created, s.id))


def _weibo_note(thread: Thread) -> dict[str, Any]:
    post = thread.post
    return {
        "note_id": thread.id,
        "content": post.text,
        **_weibo_times(thread.created),
        "liked_count": str(post.likes),
        "comments_count": str(thread.declared),
        "shared_count": str(post.likes // 9 + seed_of(post) % 7),
        "last_modify_ts": 0,
        "note_url": f"https://m.weibo.cn/detail/{thread.id}",
        "ip_location": _place(post.author),
        **_weibo_user(post.author),
        "source_keyword": post.page.name,
    }


def _weibo_comment(thread: Thread, sent: Sent) -> dict[str, Any]:
    top = sent.floor_id == sent.id
    return {
        "comment_id": sent.id,
        **_weibo_times(sent.created),
        "note_id": thread.id,
        "content": _text(sent),
        "sub_comment_count": str(thread.floor_size(sent.id) if top else 0),
        "comment_like_count": str(sent.turn.likes),
        "last_modify_ts": 0,
        "ip_location": _place(sent.turn.author),
        "parent_comment_id": sent.floor_id,
        **_weibo_user(sent.turn.author),
    }


def _weibo_times(time: datetime) -> dict[str, Any]:
    return {"create_time": int(time.timestamp()), "create_date_time": str(time.astimezone(BEIJING))}


def _weibo_user(name: str) -> dict[str, Any]:
    seed = ids.number("weibo", name)
    user_id = str(1_700_000_000 + seed % 6_000_000_000)
    return {
        "user_id": user_id,
        "nickname": name,
        "gender": "fm"[seed % 2],
        "profile_url": f"https://m.weibo.cn/u/{user_id}",
        "avatar": f"https://avatars.example/weibo/{user_id}.jpg",
    }


def _xhs_note(thread: Thread) -> dict[str, Any]:
    post, seed = thread.post, seed_of(thread.post)
    time, token = int(thread.created.timestamp()) * 1000, f"AB{ids.base64(seed, 42)}="
    tags = [word.split("[")[0] for word in post.text.split("#")[1::2] if word.strip()]
    return {
        "note_id": thread.id,
        "type": "normal",
        "title": post.title or post.text[:255],
        "desc": post.text,
        "video_url": "",
        "time": time,
        "last_update_time": time,
        **_xhs_user(post.author),
        "liked_count": str(post.likes),
        "collected_count": str(post.likes // 5 + seed % 11),
        "comment_count": str(thread.declared),
        "share_count": str(post.likes // 14 + seed % 5),
        "ip_location": _place(post.author),
        "image_list": f"https://images.example/xhs/{thread.id}.webp",
        "tag_list": ",".join(tags),
        "last_modify_ts": 0,
        "note_url": f"https://www.xiaohongshu.com/explore/{thread.id}?xsec_token={token}&xsec_source=pc_search",
        "source_keyword": post.page.name,
        "xsec_token": token,
    }


def _xhs_comment(thread: Thread, sent: Sent) -> dict[str, Any]:
    top = sent.floor_id == sent.id
    return {
        "comment_id": sent.id,
        "create_time": int(sent.created.timestamp()) * 1000,
        "ip_location": _place(sent.turn.author),
        "note_id": thread.id,
        "content": _text(sent),
        **_xhs_user(sent.turn.author),
        "sub_comment_count": str(thread.floor_size(sent.id)) if top else 0,
        "pictures": "",
        "parent_comment_id": 0 if top else sent.parent_id,
        "last_modify_ts": 0,
        "like_count": str(sent.turn.likes),
    }


def _xhs_user(name: str) -> dict[str, str]:
    seed = ids.number("xhs", name)
    user_id = f"{0x5A000000 + seed % 0x0D000000:08x}00000000{seed >> 64 & 0xFFFFFFFF:08x}"
    return {"user_id": user_id, "nickname": name, "avatar": f"https://avatars.example/xhs/{user_id}"}


def _text(sent: Sent) -> str:
    return "该评论已被删除" if sent.turn.text in GONE_TEXTS else sent.text


def _place(name: str) -> str:
    return _PROVINCES[ids.number("place", name) % len(_PROVINCES)]


def _crawled(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stamp the records with the time they were saved, a few milliseconds after one another."""
    start = int(CRAWLED.timestamp()) * 1000 - 3_600_000
    for place, record in enumerate(records):
        record["last_modify_ts"] = start + 37 * place
    return records


def _lines(records: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def _array(records: list[dict[str, Any]]) -> bytes:
    return json.dumps(records, ensure_ascii=False, indent=4).encode()
