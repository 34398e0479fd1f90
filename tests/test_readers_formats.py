"""One small export of every further format: recognised, and every id, parent, floor, owner and time right."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from reading import lines, owners, parents, put, read_all, reasons

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Case:
    """Files of one export and what is in them: ``parents`` says all ids and links."""

    name: str
    files: dict[str, Any]
    parents: dict[str, str | None]
    roots: dict[str, str] = field(default_factory=dict)
    owners: set[str] = field(default_factory=set)
    platform: str
    skipped: int = 0
    rejected: int = 0
    check: Callable[[Any], bool] = lambda found: True
    formats: set[str] = field(default_factory=set)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


HN = {"id": 1, "created_at_i": 1700000000, "type": "story", "author": "ann", "title": "Show HN: cups", "url": "https://e.org",
      "text": None, "points": 9, "parent_id": None, "children": [
          {"id": 2, "created_at_i": 1700000100, "type": "comment", "author": "bob", "text": "Nice &#x27;idea&#x27;<p>second", "points": None,
           "parent_id": 1, "story_id": 1, "children": [
               {"id": 3, "created_at_i": 1700000200, "type": "comment", "author": None, "text": None, "parent_id": 2, "story_id": 1, "children": [
                   {"id": 4, "created_at_i": 1700000300, "type": "comment", "author": "ann", "text": "ok", "parent_id": 3, "story_id": 1,
                    "children": []}]}]}]}  # fmt: skip
HN_HITS = {"hits": [
    {"objectID": "2", "author": "bob", "comment_text": "hi", "story_id": 1, "parent_id": 1, "created_at_i": 1700000100, "story_title": "x",
     "_tags": ["comment", "author_bob", "story_1"]},
    {"objectID": "1", "author": "ann", "title": "Show", "story_text": "me", "created_at_i": 1700000000, "num_comments": 5,
     "_tags": ["story", "author_ann"]}], "nbHits": 2}  # fmt: skip
HN_ITEMS = [
    {"id": 12, "type": "comment", "parent": 11, "deleted": True, "time": 1700000200},
    {"id": 11, "type": "comment", "by": "bob", "parent": 10, "text": "ok<p>more", "time": 1700000100, "kids": [12]},
    {"id": 10, "type": "story", "by": "ann", "title": "T &amp; U", "time": 1700000000, "kids": [11], "descendants": 2, "score": 4},
    {"id": 21, "type": "comment", "by": "eve", "parent": 20, "text": "orphan", "time": 1700000300},
    {"id": 30, "type": "pollopt", "by": "ann", "parent": 10, "text": "A", "time": 1700000000},
]  # fmt: skip

YT_DLP = {"id": "v1", "title": "Cups", "description": "New", "extractor": "youtube", "channel_id": "UCown", "channel": "Shop",
          "comment_count": 4, "timestamp": 1705000000, "comments": [
              {"id": "UgA", "parent": "root", "text": "hi", "author": "@bob", "author_id": "UCb", "like_count": None, "timestamp": 1705795200},
              {"id": "UgA.x1", "parent": "UgA", "text": "@bob yes", "author": "@shop", "author_id": "UCown", "like_count": 1,
               "timestamp": 1705881600, "author_is_uploader": True},
              {"id": "UgA.x2", "parent": "UgA.x1", "text": "deep", "author": "@eve", "author_id": "UCe", "timestamp": 1705881600}]}  # fmt: skip
DOWNLOADED = [
    {"cid": "UgA.9z", "text": "@bob yes", "time": "1 week ago (edited)", "author": "@shop", "channel": "UCown", "votes": "0", "replies": "",
     "photo": "", "heart": False, "reply": True},
    {"cid": "UgA", "text": "first", "time": "2 weeks ago", "author": "@bob", "channel": "UCb", "votes": "1.2K", "replies": "1", "heart": True,
     "reply": False, "time_parsed": 1700831647.49},
]  # fmt: skip

FACEBOOK = {"data": [
    {"id": "500_99", "message": "New cups!", "created_time": "2021-08-10T18:00:00+0000", "from": {"id": "500", "name": "Shop"},
     "comments": {"summary": {"total_count": 3}, "data": [
         {"id": "99_1", "from": {"id": "7", "name": "Ann"}, "message": "Late again", "created_time": "2021-08-10T18:45:03+0000",
          "like_count": 2, "comment_count": 1, "comments": {"data": [
              {"id": "99_2", "parent": {"id": "99_1"}, "from": {"id": "500", "name": "Shop"}, "message": "Ann Sorry",
               "created_time": "2021-08-10T19:00:00+0000"}]}}]}}], "paging": {}}  # fmt: skip
FACEBOOK_BARE = {"data": [
    {"message": "one", "created_time": "2021-08-10T18:45:03+0000", "permalink_url": "https://www.facebook.com/500/posts/99/?comment_id=11"},
    {"message": "two", "created_time": "2021-08-10T18:46:03+0000",
     "permalink_url": "https://www.facebook.com/500/posts/99/?comment_id=11&reply_comment_id=12"},
    {"message": "no id", "created_time": "2021-08-10T18:46:03+0000"}]}  # fmt: skip
INSTAGRAM = {"data": [{"id": "178001", "text": "love it", "timestamp": "2020-06-01T10:56:52+0000", "username": "ann", "like_count": 1,
                       "replies": {"data": [{"id": "178002", "text": "@ann  thanks", "timestamp": "2020-06-01T11:00:00+0000"}]}}],
             "paging": {"next": "https://graph.facebook.com/v11.0/17846/comments?after=x"}}  # fmt: skip
INSTAGRAM_MEDIA = {"data": [{"id": "17846", "caption": "Cups", "timestamp": "2020-06-01T10:00:00+0000", "username": "shop", "comments_count": 9,
                             "comments": {"data": [{"id": "178003", "text": "x", "timestamp": "2020-06-01T12:00:00+0000", "username": "shop"}]}}]}  # fmt: skip

TWEETS = {"data": [
    {"id": "1002", "conversation_id": "1001", "author_id": "8", "in_reply_to_user_id": "7", "text": "@shop it &lt;crashes&gt;",
     "referenced_tweets": [{"type": "quoted", "id": "5"}, {"type": "replied_to", "id": "1001"}], "created_at": "2023-01-01T00:05:00.000Z"},
    {"id": "1003", "conversation_id": "1001", "author_id": "7", "text": "Sorry", "referenced_tweets": [{"type": "replied_to", "id": "1002"}],
     "created_at": "2023-01-01T00:06:00.000Z"}],
    "includes": {"users": [{"id": "7", "username": "shop", "name": "Shop"}, {"id": "8", "username": "bob", "name": "Bob"}], "tweets": [
        {"id": "1001", "conversation_id": "1001", "author_id": "7", "text": "New app", "created_at": "2023-01-01T00:00:00.000Z",
         "public_metrics": {"like_count": 5, "reply_count": 1}},
        {"id": "5", "conversation_id": "5", "author_id": "9", "text": "other"}]}, "meta": {"result_count": 2}}  # fmt: skip
FLAT_TWEETS = [
    {"id": "1001", "conversation_id": "1001", "author_id": "7", "author": {"id": "7", "username": "shop"}, "text": "New app",
     "created_at": "2023-01-01T00:00:00.000Z"},
    {"id": "1002", "conversation_id": "1001", "author_id": "8", "author": {"id": "8", "username": "bob"}, "text": "hm",
     "referenced_tweets": [{"type": "replied_to", "id": "1001", "text": "New app"}], "created_at": "2023-01-01T00:05:00.000Z"}]  # fmt: skip
OLD_TWEETS = [
    {"id_str": "1003", "full_text": "c", "user": {"id_str": "7", "screen_name": "shop"}, "in_reply_to_status_id_str": "1002",
     "created_at": "Tue Oct 10 07:57:53 +0000 2023", "favorite_count": 3},
    {"id_str": "1002", "full_text": "b", "user": {"id_str": "8", "screen_name": "bob"}, "in_reply_to_status_id_str": "1001",
     "created_at": "Tue Oct 10 07:56:53 +0000 2023"},
    {"id_str": "1001", "full_text": "a", "user": {"id_str": "7", "screen_name": "shop"}, "in_reply_to_status_id_str": None,
     "created_at": "Tue Oct 10 07:55:53 +0000 2023"}]  # fmt: skip
TWCS = """tweet_id,author_id,inbound,created_at,text,response_tweet_id,in_response_to_tweet_id
1,acmehelp,False,Tue Oct 31 22:10:47 +0000 2017,@900 Sorry!,2,3.0
2,900,True,Tue Oct 31 22:11:45 +0000 2017,"@acmehelp still
broken &lt;sigh&gt;",,1.0
3,900,TRUE,Tue Oct 31 22:08:27 +0000 2017,@acmehelp app crashes,"1,7",
5,901,True,Tue Oct 31 22:09:27 +0000 2017,@acmehelp hm,,4.0
"""

WP = [{"id": 3, "post": 4, "parent": 2, "author": 1, "author_name": "Site", "date": "2017-02-14T02:00:00", "date_gmt": "2017-02-14T01:00:00",
       "content": {"rendered": "<p>Thanks</p>\n"}, "status": "approved", "type": "comment", "link": "https://blog.example/?p=4#comment-3"},
      {"id": 2, "post": 4, "parent": 0, "author": 0, "author_name": "Ann", "date": "2017-02-14T01:00:00", "date_gmt": "2017-02-14T00:00:00",
       "content": {"rendered": "<p>Hi &#8211; ok</p>\n"}, "status": "approved", "type": "comment", "link": "https://blog.example/?p=4#comment-2"},
      {"id": 9, "post": 4, "parent": 0, "author": 0, "author_name": "x", "content": {"rendered": "x"}, "type": "pingback"}]  # fmt: skip
WP_POSTS = [{"id": 4, "date_gmt": "2017-02-13T00:00:00", "link": "https://blog.example/hello", "title": {"rendered": "Cups"}, "author": 1,
             "content": {"rendered": "<p>New</p>"}, "type": "post"}]  # fmt: skip

DISQUS = """<?xml version="1.0"?><disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">
 <category dsq:id="1"><title>General</title></category>
 <thread dsq:id="4"><id>a</id><category dsq:id="1"/><link>https://e.org/a</link><title>A &amp; B</title><message/>
  <createdAt>2020-01-01T00:00:00Z</createdAt><author><name>Site</name><username>site</username></author></thread>
 <thread dsq:id="3"><id/></thread>
 <post dsq:id="4"><id/><message><![CDATA[<p>Hi<br>you</p>]]></message><createdAt>2020-01-02T00:00:00Z</createdAt><isDeleted>false</isDeleted>
  <isSpam>false</isSpam><author><name>Ann</name><isAnonymous>true</isAnonymous></author><thread dsq:id="4"/></post>
 <post dsq:id="5"><message/><createdAt>2020-01-02T01:00:00Z</createdAt><isDeleted>true</isDeleted><isSpam>false</isSpam>
  <author><name>Bob</name><username>bob</username></author><thread dsq:id="4"/><parent dsq:id="4"/></post>
 <post dsq:id="6"><message>ok</message><isDeleted>false</isDeleted><isSpam>false</isSpam>
  <author><name>Site</name><username>site</username></author><thread dsq:id="4"/><parent dsq:id="5"/></post>
 <post dsq:id="7"><message>buy</message><isSpam>true</isSpam><author><name>S</name></author><thread dsq:id="4"/></post>
 <post dsq:id="8"><message>lost</message><isSpam>false</isSpam><author><name>O</name></author><thread dsq:id="99"/></post></disqus>"""

TOPIC = {"id": 57, "title": "Help", "posts_count": 5, "details": {"created_by": {"id": 1}}, "post_stream": {"stream": [83, 86, 226], "posts": [
    {"id": 83, "topic_id": 57, "post_number": 1, "username": "ann", "user_id": 1, "cooked": "<p>My topic</p>", "post_type": 1,
     "created_at": "2024-01-01T00:00:00.000Z", "reply_to_post_number": None},
    {"id": 86, "topic_id": 57, "post_number": 2, "username": "bob", "user_id": 2, "cooked": "<p>Try <img class='emoji' alt=':x:'></p>",
     "post_type": 1, "created_at": "2024-01-01T01:00:00.000-05:00", "reply_to_post_number": 1, "reply_count": 1,
     "actions_summary": [{"id": 2, "count": 3}]},
    {"id": 90, "topic_id": 57, "post_number": 3, "username": "mod", "user_id": 3, "cooked": "pinned", "post_type": 3},
    {"id": 226, "topic_id": 57, "post_number": 4, "username": "ann", "user_id": 1, "post_type": 1, "reply_to_post_number": 2,
     "cooked": '<aside class="quote" data-username="bob"><blockquote><p>Try x</p></blockquote></aside><p>Works</p>',
     "created_at": "2024-01-01T02:00:00.000Z"},
    {"id": 227, "topic_id": 57, "post_number": 5, "username": "eve", "user_id": 4, "post_type": 1, "reply_to_post_number": 30,
     "cooked": "<p>late</p>", "created_at": "2024-01-01T03:00:00.000Z"}]}}  # fmt: skip

TELEGRAM = {"name": "Shop chat", "type": "private_supergroup", "id": 123, "messages": [
    {"id": 1, "type": "service", "date": "2024-01-01T09:00:00", "actor": "Ann", "actor_id": "user1", "action": "create_group", "text": ""},
    {"id": 2, "type": "message", "date": "2024-01-01T09:01:00", "date_unixtime": "1704099660", "from": "Ann", "from_id": "user1",
     "text": ["see ", {"type": "link", "text": "https://e.org"}], "reactions": [{"emoji": "👍", "count": 2}, {"emoji": "❤", "count": 1}]},
    {"id": 3, "type": "message", "date": "2024-01-01T09:02:00", "from": "Shop", "from_id": "channel9", "reply_to_message_id": 2, "text": "ok"},
    {"id": 4, "type": "message", "date": "2024-01-01T09:03:00", "from": None, "from_id": "user2", "reply_to_message_id": 3, "text": "hm"},
    {"id": 5, "type": "message", "date": "2024-01-01T09:04:00", "from": "Bob", "from_id": "user3", "reply_to_message_id": 0, "text": "new"},
    {"id": 6, "type": "message", "date": "2024-01-01T09:05:00", "from": "Bob", "from_id": "user3", "reply_to_message_id": 77, "text": "?"}]}  # fmt: skip
DISCORD = {"guild": {"id": "1", "name": "G"}, "channel": {"id": "2", "type": "GuildTextChat", "name": "help"}, "messages": [
    {"id": "10", "type": "Default", "timestamp": "2024-01-01T00:00:00.1234567+00:00", "content": "help?", "reactions": [{"count": 2}],
     "author": {"id": "7", "name": "ann", "nickname": "Ann", "isBot": False}},
    {"id": "11", "type": "Reply", "timestamp": "2024-01-01T01:01:00+01:00", "content": "sure", "author": {"id": "8", "name": "bob"},
     "reference": {"messageId": "10", "channelId": "2"}},
    {"id": "12", "type": "Default", "timestamp": "2024-01-01T00:02:00+00:00", "content": "", "author": {"id": "8", "name": "bob"},
     "reference": {"type": "Forward", "messageId": "3"}, "forwardedMessage": {"content": "fwd"}},
    {"id": "13", "type": "ChannelPinnedMessage", "timestamp": "2024-01-01T00:03:00+00:00", "content": "Pinned a message.",
     "author": {"id": "8", "name": "bob"}, "reference": {"messageId": "10"}}], "messageCount": 4}  # fmt: skip
DISCORD_THREAD = {"guild": {"id": "1"}, "channel": {"id": "50", "type": "GuildPublicThread", "name": "q"}, "messages": [
    {"id": "50", "type": "Default", "timestamp": "2024-01-01T00:00:00+00:00", "content": "q", "author": {"id": "7", "name": "ann"}},
    {"id": "51", "type": "Default", "timestamp": "2024-01-01T00:01:00+00:00", "content": "a", "author": {"id": "8", "name": "bob"}}]}  # fmt: skip


def _status(own, parent, who, **more):
    return {"id": own, "in_reply_to_id": parent, "created_at": "2024-01-01T00:00:00.000Z", "content": f"<p>{own}</p>", "favourites_count": 2,
            "account": {"id": who, "acct": f"{who}@m.example"}, "replies_count": 1, "reblog": None, "spoiler_text": "", **more}  # fmt: skip


CONTEXT = {"ancestors": [_status("100", None, "1")], "descendants": [_status("102", "101", "2"), _status("103", "102", "1")]}


def _skeet(who, key, text, root=None, parent=None):
    record = {"text": text, "createdAt": "2024-01-01T00:05:00Z"}
    if root:
        record["reply"] = {"root": {"uri": root}, "parent": {"uri": parent or root}}
    return {"$type": "app.bsky.feed.defs#threadViewPost", "replies": [], "post": {
        "uri": f"at://{who}/p/{key}", "author": {"did": who, "handle": f"{who}.test"}, "record": record, "replyCount": 1, "likeCount": 2}}  # fmt: skip


BLUESKY = {"thread": _skeet("did:b", "2", "hi", "at://did:a/p/1") | {
    "parent": _skeet("did:a", "1", "root"),
    "replies": [_skeet("did:a", "3", "yes", "at://did:a/p/1", "at://did:b/p/2"),
                {"$type": "app.bsky.feed.defs#blockedPost", "uri": "at://did:c/p/9", "blocked": True, "author": {"did": "did:c"}},
                {"$type": "app.bsky.feed.defs#notFoundPost", "uri": "at://did:c/p/8", "notFound": True}]}}  # fmt: skip
BLUESKY_FLAT = {"hasOtherReplies": False, "thread": [
    {"uri": "at://did:a/p/1", "depth": 0, "value": {"$type": "x#threadItemPost", "post": _skeet("did:a", "1", "root")["post"]}},
    {"uri": "at://did:b/p/2", "depth": 1, "value": {"$type": "x#threadItemPost", "post": _skeet("did:b", "2", "hi", "at://did:a/p/1")["post"]}}]}  # fmt: skip
OUTBOX = {"orderedItems": [
    {"type": "Create", "actor": "https://m/u", "object": {"type": "Note", "id": "https://m/2", "inReplyTo": "https://m/1", "content": "<p>re</p>",
     "attributedTo": "https://m/u", "published": "2024-01-01T00:00:00Z"}},
    {"type": "Announce", "actor": "https://m/u", "object": "https://n/3"}]}  # fmt: skip

XHS = {"code": 0, "success": True, "data": {"cursor": "x", "has_more": True, "user_id": "viewer", "comments": [
    {"id": "a1", "note_id": "n1", "content": "怎么获取？", "create_time": 1721178828000, "like_count": "17", "sub_comment_count": "8",
     "user_info": {"user_id": "u1", "nickname": "小奶"}, "show_tags": [], "sub_comments": [
         {"id": "a2", "note_id": "n1", "content": "主页", "create_time": 1721531480000, "like_count": "3", "show_tags": ["is_author"],
          "user_info": {"user_id": "u2", "nickname": "店"}, "target_comment": {"id": "a1"}},
         {"id": "a3", "note_id": "n1", "content": "谢谢", "create_time": 1721531490000, "like_count": "", "show_tags": [],
          "user_info": {"user_id": "u1", "nickname": "小奶"}, "target_comment": {"id": "a2"}}]}]}}  # fmt: skip
DOUYIN = {"status_code": 0, "total": 3, "comments": [
    {"cid": "7001", "text": "好看 [赞]", "aweme_id": "6001", "create_time": 1762421688, "digg_count": 3, "user": {"uid": "17", "nickname": "yo"},
     "reply_id": "0", "reply_to_reply_id": "0", "reply_comment_total": 2, "label_text": "", "reply_comment": [
         {"cid": "7002", "text": "谢谢", "aweme_id": "6001", "create_time": 1762421700, "digg_count": 0, "user": {"uid": "99", "nickname": "店"},
          "reply_id": "7001", "reply_to_reply_id": "0", "label_text": "作者", "reply_comment": None},
         {"cid": "7003", "text": "不客气", "aweme_id": "6001", "create_time": 1762421710, "digg_count": 0, "user": {"uid": "18"},
          "reply_id": "7001", "reply_to_reply_id": "7002"}]}]}  # fmt: skip


def _reply(rpid, mid, parent, root, message, **more):
    return {"rpid": rpid, "oid": 77, "type": 1, "mid": mid, "root": root, "parent": parent, "dialog": 0, "rcount": 0, "ctime": 1592018067,
            "like": 3, "member": {"mid": str(mid), "uname": f"u{mid}"}, "content": {"message": message}, "replies": None, **more}  # fmt: skip


TOP = _reply(1000, 2, 0, 0, "置顶")
BILIBILI = {"code": 0, "data": {"upper": {"mid": 2, "top": TOP}, "top_replies": [TOP], "page": {"count": 2}, "replies": [
    TOP, _reply(1001, 9, 0, 0, "怎么上", rcount=2, replies=[
        _reply(1002, 2, 1001, 1001, "看置顶"), _reply(1003, 9, 1002, 1001, "回复 @u2 :好的", member=None)])]}}  # fmt: skip
DYNAMIC = {"code": 0, "data": {"root": _reply(5, 9, 0, 0, "root", type=17, oid=9007199254740993), "replies": [
    _reply(6, 9, 5, 5, "x", type=17, oid=9007199254740993)]}}  # fmt: skip

HOTFLOW = {"ok": 1, "data": {"max_id": 0, "total_number": 3, "data": [
    {"id": "4800000000000001", "rootid": "4800000000000001", "floor_number": 1, "created_at": "Sat Jun 14 12:00:00 +0800 2025",
     "text": '好看<span class="url-icon"><img alt=[赞] src="x"/></span>', "like_count": 5, "total_number": 2,
     "user": {"id": 111, "screen_name": "小张"}, "comments": [
         {"id": "4800000000000002", "rootid": "4800000000000001", "created_at": "Sat Jun 14 12:05:00 +0800 2025",
          "text": "回复<a href='/n/小张'>@小张</a>:谢谢", "user": {"id": 222, "screen_name": "店"}, "comments": False}]},
    {"id": "4800000000000003", "rootid": "4800000000000003", "created_at": "Sat Jun 14 12:06:00 +0800 2025", "text": "x", "like_count": 0,
     "user": {"id": 111, "screen_name": "小张"}, "comments": False}]}}  # fmt: skip
BUILD = {"ok": 1, "total_number": 2, "rootComment": [], "data": [
    {"id": 4800000000000012, "idstr": "4800000000000012", "rootid": 4800000000000010, "rootidstr": "4800000000000010", "text_raw": "回复@店:好",
     "text": "回复<a>@店</a>:好", "created_at": "Sat Jun 14 12:05:00 +0800 2025", "like_counts": 2, "user": {"id": 1, "idstr": "1", "screen_name": "a"},
     "reply_comment": {"id": 4800000000000011}}]}  # fmt: skip
OPEN = {"comments": [
    {"id": 4801, "idstr": "4801", "mid": "4801", "rootid": 4801, "floor_number": 1, "text": "好", "created_at": "Sat Jun 14 12:05:00 +0800 2025",
     "user": {"id": 1, "screen_name": "a"}, "status": {"id": 4700, "idstr": "4700", "mid": "4700", "text": "新品", "comments_count": 2,
     "created_at": "Sat Jun 14 10:05:00 +0800 2025", "user": {"id": 9, "screen_name": "店"}}},
    {"id": 4802, "idstr": "4802", "mid": "4802", "rootid": 4801, "text": "谢", "created_at": "Sat Jun 14 12:06:00 +0800 2025",
     "user": {"id": 9, "screen_name": "店"}, "reply_comment": {"id": 4801}, "status": {"id": 4700, "idstr": "4700", "text": "新品",
     "user": {"id": 9}}}], "total_number": 2, "hasvisible": False}  # fmt: skip
SPIDER = [
    {"_id": 4826279188108038, "created_at": "2022-10-19 13:41:29", "like_counts": 1, "ip_location": "来自河南", "content": "谢谢",
     "comment_user": {"_id": "23", "nick_name": "店"}, "reply_comment": {"_id": 4826279188108000, "text": "好看"}, "crawl_time": 1666863805},
    {"_id": 4826279188108000, "created_at": "2022-10-19 13:40:29", "like_counts": 2, "content": "好看", "comment_user": {"_id": "24"},
     "crawl_time": 1666863805}]  # fmt: skip
CED = [{"kids": [], "uid": "5", "parent": "m1", "text": "再转", "mid": "m2", "date": "2012-09-16 15:05:11"},
       {"kids": ["m2"], "uid": "4", "parent": "", "text": "转", "mid": "m1", "date": "2012-09-16 14:05:11"}]  # fmt: skip
CED_POST = {"multi": None, "text": "新闻", "user": {"verified": False}, "has_url": False, "comments": 5, "likes": 0, "time": 1347334462, "reposts": 2}
CHECKED = {"id": "I1", "date": "2020-02-01 10:00", "user_id": "u9", "text": "通报", "comment_num": 3, "like_num": 5, "reposts": [], "comments": [
    {"id": "C1", "date": "2020-02-01 10:05", "user_id": "u1", "text": "：收到", "pic_url": ""}]}  # fmt: skip

ZHIHU = {"data": [
    {"type": "comment", "id": "111", "content": "<p>有道理</p>", "created_time": 1700000000, "like_count": 3, "is_delete": False,
     "reply_comment_id": "0", "reply_root_comment_id": "0", "child_comment_count": 2, "author": {"id": "h1", "name": "甲"}, "child_comments": [
         {"type": "comment", "id": "112", "content": "谢谢", "created_time": 1700000100, "reply_comment_id": "111", "reply_root_comment_id": "111",
          "author": {"id": "h2", "name": "答主"}, "author_tag": [{"type": "content_author"}]}]},
    {"type": "ad", "id": "9", "content": "x", "author": {}}],
    "paging": {"next": "https://www.zhihu.com/api/v4/comment_v5/answers/9/root_comment?offset="}}  # fmt: skip
ZHIHU_CHILDREN = {"data": [
    {"type": "comment", "id": "113", "content": "同意", "created_time": 1700000200, "reply_comment_id": "112", "reply_root_comment_id": "111",
     "author": {"id": "h1", "name": "甲"}, "child_comment_count": 0}],
    "paging": {"next": "https://www.zhihu.com/api/v4/comment_v5/comment/111/child_comment?offset="}}  # fmt: skip
NETEASE = {"code": 200, "total": 2, "threadId": "R_SO_4_5", "hotComments": [
    {"commentId": 11, "parentCommentId": 0, "user": {"userId": 5, "nickname": "甲"}, "content": "好听", "time": 1413530574252, "likedCount": 3,
     "beReplied": []}], "comments": [
    {"commentId": 11, "parentCommentId": 0, "user": {"userId": 5, "nickname": "甲"}, "content": "好听", "time": 1413530574252, "likedCount": 3,
     "beReplied": []},
    {"commentId": 12, "parentCommentId": 0, "user": {"userId": 6, "nickname": "乙"}, "content": "同感", "time": 1413530674252, "likedCount": 0,
     "beReplied": [{"beRepliedCommentId": 11, "user": {"userId": 5}, "content": "好听"}]}]}  # fmt: skip
DOUBAN_API = {"total": 2, "topic": {"id": "300", "title": "求推荐", "content": "<p>如题</p>", "author": {"id": "1", "name": "小王"},
              "create_time": "2024-01-01 08:00:00"}, "popular_comments": [], "comments": [
    {"id": "1", "text": "试试", "create_time": "2024-01-01 09:00:00", "author": {"id": "2", "name": "李"}, "vote_count": 3},
    {"id": "2", "text": "好", "create_time": "2024-01-01 10:00:00", "author": {"id": "1", "name": "小王"}, "vote_count": 0, "ref_comment": {"id": "1"}}]}  # fmt: skip
DOUBAN = """id,group_id,thread_id,group_name,subject,body,author,author_id,author_avatar,timestamp,likes,is_highlighted,is_reply,is_topic_elite,image_urls
300,b,300,八组,求推荐,<p>如题</p>,小王,1234,x,1700000000,0,no,no,no,
301,b,300,八组,,可以试试,小李,5678,x,1700000100,Unknown,no,yes,no,
"""

TIEBA_FIELD = ('{&quot;author&quot;:{&quot;user_id&quot;:%d,&quot;user_name&quot;:&quot;%s&quot;,&quot;portrait&quot;:&quot;tb.%s?t=1&quot;},'
               '&quot;content&quot;:{&quot;post_id&quot;:%d,&quot;thread_id&quot;:9119,&quot;content&quot;:&quot;%s&quot;,&quot;post_no&quot;:%d,'
               '&quot;comment_num&quot;:%d}}')  # fmt: skip


def _floor(user, name, own, text, number, below=0, inner=""):
    return (f'<div class="l_post j_l_post" data-field="{TIEBA_FIELD % (user, name, name, own, text, number, below)}" data-pid="{own}">'
            f'<div id="post_content_{own}" class="d_post_content">{text}</div><div class="post-tail-wrap"><span class="tail-info">{number}楼</span>'
            f'<span class="tail-info">2024-08-06 22:11</span></div><ul>{inner}</ul></div>')  # fmt: skip


def _lzl(own, name, text, time):
    return (f"<li class=\"lzl_single_post\" data-field='{{&quot;spid&quot;:{own},&quot;showname&quot;:&quot;{name}&quot;,&quot;portrait&quot;:"
            f"&quot;tb.{name}&quot;}}'><a data-field='{{&quot;un&quot;:&quot;x&quot;}}'>{name}</a>:<span class=\"lzl_content_main\">\n {text} </span>"
            f'<div class="lzl_content_reply"><span class="lzl_time">{time}</span></div></li>')  # fmt: skip


TIEBA = ("<!DOCTYPE html><html><head><title>新杯子【杯子吧】_百度贴吧</title></head><body>" + _floor(1, "lz", 100, "正文<br>二", 1)
         + _floor(2, "b", 101, "顶", 2, 3, _lzl(201, "lz", "谢谢", "2024-8-6 22:12") + _lzl(202, "b", "回复 <a>lz</a> :不客气", "2024-8-7 9:01"))
         + "</body></html>")  # fmt: skip
TIEBA_API = {"thread": {"id": 10, "title": "标题", "reply_num": 3}, "forum": {"id": 3}, "first_floor": {
    "id": 100, "author_id": 1, "time": 1769951446, "content": [{"type": 0, "text": "正文"}]}, "post_list": [
    {"id": 101, "author_id": 2, "time": 1769952062, "content": [{"type": 0, "text": "顶"}, {"type": 2, "text": "[doge]"}], "sub_post_number": 4,
     "sub_post_list": [{"id": 102, "author_id": 1, "time": 1769952100, "content": [{"type": 0, "text": "谢"}]}]}],
    "user_list": [{"id": 1, "name_show": "楼主"}, {"id": 2, "name_show": "路人"}]}  # fmt: skip

PTT = {"articles": [{"article_id": "M.17.A.AAA", "article_title": "[問卦] 早餐", "author": "ann (小安)", "board": "Gossiping", "content": "吃什麼",
    "date": "Sun Dec 31 22:13:20 2023", "message_count": {"all": 5, "boo": 1, "count": 0, "neutral": 2, "push": 2}, "messages": [
        {"push_tag": "推", "push_userid": "bob", "push_content": "蛋餅", "push_ipdatetime": "12/31 23:14"},
        {"push_tag": "→", "push_userid": "bob", "push_content": "加起司", "push_ipdatetime": "12/31 23:14"},
        {"push_tag": "噓", "push_userid": "eve", "push_content": "bob 不要", "push_ipdatetime": "140.1.2.3 01/01 00:20"},
        {"push_tag": "→", "push_userid": "ann", "push_content": "好", "push_ipdatetime": "01/02 00:20"}]},
    {"error": "invalid url"}]}  # fmt: skip
ENVELOPE = {"nav_index": "1:4:0", "timestamp_collected": 1697108706245, "source_platform_url": "x", "source_url": "x", "user_agent": "x"}
ZEESCHUIMER = [
    ENVELOPE | {"item_id": "7001", "source_platform": "tiktok-comments", "data": {"id": "7001", "cid": "7001", "aweme_id": "6001", "reply_id": "0",
                "text": "hi", "create_time": 1697000000, "digg_count": 1, "user": {"uid": "9", "nickname": "Bob"}}},
    ENVELOPE | {"item_id": "a1", "source_platform": "xiaohongshu-comments", "data": XHS["data"]["comments"][0]},
    ENVELOPE | {"item_id": "5", "source_platform": "twitter.com", "data": {"rest_id": "5", "legacy": {"full_text": "x", "id_str": "5",
                "conversation_id_str": "4", "in_reply_to_status_id_str": "4", "created_at": "Tue Oct 10 07:57:53 +0000 2023", "user_id_str": "8"},
                "core": {"user_results": {"result": {"rest_id": "8", "legacy": {"screen_name": "bob"}}}}}},
    ENVELOPE | {"item_id": "6", "source_platform": "linkedin.com", "data": {"urn": 1}}]  # fmt: skip
FOURCHAN = """id,thread_id,timestamp,board,body,subject,author,unix_timestamp
101,101,2024-01-01 00:00:00,g,First post,Cups,Anonymous,1704067200
102,101,2024-01-01 00:01:00,g,">>101
nope",,Anonymous,1704067260
103,101,2024-01-01 00:02:00,g,">>102
yes",,Anonymous,1704067320
"""
FOURCAT_TELEGRAM = """id,thread_id,chat,author,body,timestamp,reply_to,is_reply
c-1,c,c,ann,hi,2024-01-01 00:00:00,,no
c-2,c,c,bob,ho,2024-01-01 00:01:00,1,yes
"""
ZEESCHUIMER_CSV = '''collected_from_url;id;thread_id;author;author_full;body;timestamp;unix_timestamp;likes;replies;post_id;is_comment_on_comment
https://x;7001;6001;bob;Bob;"say ""hi""";2024-01-01 00:00:00;1704067200;3;1;6001;no
https://x;7002;7001;shop;Shop;yes;2024-01-01 00:01:00;1704067260;0;;6001;yes
'''
ISSO = [{"id": "/a/", "title": "Test+post", "comments": [
    {"id": 1, "author": "Ann", "email": "", "website": "", "remote_addr": "", "created": "2020-01-01 00:00:00", "text": "hi"}]},
    {"id": "/b/", "title": "Other", "comments": [
        {"id": 1, "author": "Bob", "email": "", "website": "", "remote_addr": "", "created": "2020-01-02 00:00:00", "text": "ho"}]}]  # fmt: skip

CASES = [
    Case(name="hn-algolia", files={"x": HN}, platform="hackernews", parents={"1": None, "2": "1", "3": "2", "4": "3"}, owners={"4"},
         check=lambda f: f["2"].text == "Nice 'idea'\n\nsecond" and f["3"].deleted and f["2"].created == utc(2023, 11, 14, 22, 15)),
    Case(name="hn-algolia", files={"x": HN_HITS}, platform="hackernews", parents={"1": None, "2": "1"},
         check=lambda f: f["1"].text == "Show\n\nme" and f["1"].n_replies == 5 and f["2"].text == "hi"),
    Case(name="hn-firebase", files={"x": HN_ITEMS}, platform="hackernews", parents={"10": None, "11": "10", "12": "11", "21": "20"}, skipped=1,
         check=lambda f: f["12"].thread_id == "10" and f["12"].deleted and f["10"].text == "T & U" and f["21"].thread_id == "20"),
    Case(name="hn-firebase", files={f"{i['id']}.json": i for i in HN_ITEMS[:3]}, platform="hackernews",
         parents={"10": None, "11": "10", "12": "11"}, check=lambda f: {c.thread_id for c in f.values()} == {"10"}),
    Case(name="hn-firebase", files={"x": {str(i["id"]): i for i in HN_ITEMS[:3]}}, platform="hackernews",
         parents={"10": None, "11": "10", "12": "11"}),
    Case(name="yt-dlp", files={"x": YT_DLP}, platform="youtube", parents={"v1": None, "UgA": "v1", "UgA.x1": "UgA", "UgA.x2": "UgA.x1"},
         roots={"UgA.x1": "UgA", "UgA.x2": "UgA"}, owners={"UgA.x1"},
         check=lambda f: f["v1"].text == "Cups\n\nNew" and f["UgA.x1"].created < f["UgA.x2"].created and f["UgA"].author_name == "bob"),
    Case(name="yt-dlp", files={"x": YT_DLP | {"extractor": "BiliBili", "comments": [
        {"id": 5, "parent": "root", "text": "x", "author": "a", "author_id": 1}, {"id": 6, "parent": 5, "text": "y", "author": "b"}]}},
         platform="bilibili", parents={"v1": None, "5": "v1", "6": "5"}),
    Case(name="youtube-comment-downloader", files={"x": lines(*DOWNLOADED)}, platform="youtube", parents={"UgA": "x", "UgA.9z": "UgA"},
         roots={"UgA.9z": "UgA"}, check=lambda f: f["UgA"].likes == 1200 and f["UgA"].n_replies == 1 and f["UgA.9z"].n_replies is None),
    Case(name="youtube-comment-downloader", files={"x": {"comments": DOWNLOADED}}, platform="youtube", parents={"UgA": "x", "UgA.9z": "UgA"},
         roots={"UgA.9z": "UgA"}),
    Case(name="facebook-graph", files={"x": FACEBOOK}, platform="facebook", parents={"99": None, "99_1": "99", "99_2": "99_1"},
         roots={"99_2": "99_1"}, owners={"99_2"}, check=lambda f: f["99"].n_replies == 3 and f["99_1"].created == utc(2021, 8, 10, 18, 45, 3)),
    Case(name="facebook-graph", files={"x": FACEBOOK_BARE}, platform="facebook", parents={"99_11": "99", "99_12": "99_11"},
         roots={"99_12": "99_11"}, rejected=1),
    Case(name="facebook-graph", files={"x": {"99_1": FACEBOOK["data"][0]["comments"]["data"][0]}}, platform="facebook",
         parents={"99_1": "99", "99_2": "99_1"}, roots={"99_2": "99_1"}),
    Case(name="facebook-scraper", files={"c": "comment_id,status_id,parent_id,comment_message,comment_author,comment_published\n"
         "9_1,5_9,,hi,Ann,2017-01-01 00:00:00\n9_2,5_9,9_1,ho,Shop,2017-01-01 00:01:00\n",
         "p": "status_id,status_message,status_published,num_reactions,num_comments\n5_9,Cups,2016-12-31 23:00:00,4,2\n"},
         formats={"facebook-scraper", "facebook-scraper-posts"}, platform="facebook", parents={"5_9": None, "9_1": "5_9", "9_2": "9_1"},
         roots={"9_2": "9_1"}, check=lambda f: f["9_1"].created == utc(2017, 1, 1, 5) and f["5_9"].n_replies == 2),
    Case(name="instagram-graph", files={"x": INSTAGRAM, "y": INSTAGRAM_MEDIA}, platform="instagram",
         parents={"17846": None, "178001": "17846", "178002": "178001", "178003": "17846"}, roots={"178002": "178001"}, owners={"178003"},
         check=lambda f: f["17846"].n_replies == 9 and f["178002"].author is None),
    Case(name="twitter-v2", files={"x": TWEETS}, platform="twitter", parents={"1001": None, "1002": "1001", "1003": "1002"}, skipped=1,
         owners={"1003"}, check=lambda f: f["1002"].text == "@shop it <crashes>" and f["1001"].author_name == "shop" and f["1001"].likes == 5),
    Case(name="twitter-v2", files={"x": lines(TWEETS, TWEETS)}, platform="twitter", parents={"1001": None, "1002": "1001", "1003": "1002"},
         skipped=5, owners={"1003"}),
    Case(name="twitter-v2", files={"x": lines(*FLAT_TWEETS)}, platform="twitter", parents={"1001": None, "1002": "1001"},
         check=lambda f: f["1002"].author == "8" and f["1002"].author_name == "bob"),
    Case(name="twitter-v1", files={"x": lines(*OLD_TWEETS)}, platform="twitter", parents={"1001": None, "1002": "1001", "1003": "1002"},
         owners={"1003"}, check=lambda f: f["1003"].thread_id == "1001" and f["1003"].created == utc(2023, 10, 10, 7, 57, 53)),
    Case(name="twcs", files={"x": TWCS}, platform="twitter", parents={"3": None, "1": "3", "2": "1", "5": "4"}, owners={"1"},
         check=lambda f: f["2"].thread_id == "3" and f["2"].text == "@acmehelp still\nbroken <sigh>" and not f["3"].is_owner and f["5"].thread_id == "4"),
    Case(name="wordpress-rest", files={"c": WP, "p": WP_POSTS}, platform="wordpress", skipped=1, owners={"blog.example/?p=4#comment-3"},
         parents={"blog.example/?p=4": None, "blog.example/?p=4#comment-2": "blog.example/?p=4",
                  "blog.example/?p=4#comment-3": "blog.example/?p=4#comment-2"},
         check=lambda f: f["blog.example/?p=4#comment-2"].text == "Hi – ok" and f["blog.example/?p=4"].text == "Cups\n\nNew"),
    Case(name="disqus", files={"x": DISQUS}, platform="disqus", skipped=2, owners={"6"},
         parents={"thread:4": None, "4": "thread:4", "5": "4", "6": "5", "8": "thread:99"},
         check=lambda f: f["4"].text == "Hi\nyou" and f["5"].deleted and f["thread:4"].text == "A & B" and f["5"].author_name == "Bob"),
    Case(name="discourse", files={"x": TOPIC}, platform="discourse", skipped=1, owners={"post-226"},
         parents={"topic-57": None, "post-86": "topic-57", "post-226": "post-86", "post-227": "topic-57/30"},
         check=lambda f: f["post-226"].text == "Works" and f["post-86"].text == "Try :x:" and f["post-86"].likes == 3
         and f["topic-57"].n_replies == 4 and f["topic-57"].text == "Help\n\nMy topic" and f["post-86"].created == utc(2024, 1, 1, 6)),
    Case(name="telegram", files={"x": TELEGRAM}, platform="telegram", skipped=1, owners={"123:3"},
         parents={"123:2": None, "123:3": "123:2", "123:4": "123:3", "123:5": None, "123:6": "123:77"},
         check=lambda f: f["123:4"].thread_id == "123:2" and f["123:2"].text == "see https://e.org" and f["123:2"].likes == 3
         and f["123:2"].created == utc(2024, 1, 1, 9, 1) and f["123:6"].thread_id == "123:77"),
    Case(name="telegram", files={"x": {"about": "", "chats": {"about": "", "list": [TELEGRAM, TELEGRAM | {"id": 124}]}}}, platform="telegram",
         skipped=2, owners={"123:3", "124:3"}, parents={f"{c}:{m}": p and f"{c}:{p}" for c in (123, 124)
                                                       for m, p in ((2, None), (3, 2), (4, 3), (5, None), (6, 77))}),
    Case(name="discord", files={"x": DISCORD}, platform="discord", skipped=1, parents={"10": None, "11": "10", "12": None},
         check=lambda f: f["11"].thread_id == "10" and f["12"].text == "fwd" and f["10"].author_name == "Ann" and f["10"].likes == 2
         and f["11"].created == utc(2024, 1, 1, 0, 1)),
    Case(name="discord", files={"x": DISCORD_THREAD}, platform="discord", parents={"50": None, "51": "50"}),
    Case(name="mastodon", files={"x": CONTEXT}, platform="mastodon", parents={"100": None, "102": "101", "103": "102"}, owners={"103"},
         check=lambda f: {c.thread_id for c in f.values()} == {"100"} and f["102"].text == "102" and f["102"].author_name == "2@m.example"),
    Case(name="mastodon", files={"x": lines(_status("103", "102", "1"), _status("102", None, "2"), _status("9", None, "2", reblog={"id": "1"}))},
         platform="mastodon", parents={"102": None, "103": "102"}, skipped=1),
    Case(name="activitypub", files={"x": OUTBOX}, platform="mastodon", parents={"https://m/2": "https://m/1"}, skipped=1),
    Case(name="bluesky", files={"x": BLUESKY}, platform="bluesky", skipped=2, owners={"at://did:a/p/3"},
         parents={"at://did:a/p/1": None, "at://did:b/p/2": "at://did:a/p/1", "at://did:a/p/3": "at://did:b/p/2"}),
    Case(name="bluesky", files={"x": BLUESKY_FLAT}, platform="bluesky", parents={"at://did:a/p/1": None, "at://did:b/p/2": "at://did:a/p/1"}),
    Case(name="xiaohongshu", files={"x": XHS}, platform="xiaohongshu", parents={"a1": "n1", "a2": "a1", "a3": "a2"},
         roots={"a2": "a1", "a3": "a1"}, owners={"a2"}, check=lambda f: f["a1"].n_replies == 8 and f["a1"].created == utc(2024, 7, 17, 1, 13, 48)),
    Case(name="douyin", files={"x": DOUYIN}, platform="douyin", parents={"7001": "6001", "7002": "7001", "7003": "7002"},
         roots={"7002": "7001", "7003": "7001"}, owners={"7002"}),
    Case(name="bilibili", files={"x": BILIBILI}, platform="bilibili", skipped=2, owners={"1000", "1002"},
         parents={"1000": "av77", "1001": "av77", "1002": "1001", "1003": "1002"}, roots={"1002": "1001", "1003": "1001"},
         check=lambda f: f["1001"].n_replies == 2 and f["1003"].author == "9"),
    Case(name="bilibili", files={"x": DYNAMIC}, platform="bilibili", parents={"5": "t17-9007199254740993", "6": "5"}, roots={"6": "5"}),
    Case(name="weibo", files={"x": HOTFLOW}, platform="weibo", roots={"4800000000000002": "4800000000000001"},
         parents={"4800000000000001": "x", "4800000000000002": "4800000000000001", "4800000000000003": "x"},
         check=lambda f: f["4800000000000001"].text == "好看[赞]" and f["4800000000000002"].text == "回复@小张:谢谢"
         and f["4800000000000001"].created == utc(2025, 6, 14, 4)),
    Case(name="weibo", files={"x": BUILD}, platform="weibo", parents={"4800000000000012": "4800000000000011"},
         roots={"4800000000000012": "4800000000000010"}, check=lambda f: f["4800000000000012"].likes == 2),
    Case(name="weibo", files={"x": OPEN}, platform="weibo", parents={"4700": None, "4801": "4700", "4802": "4801"}, roots={"4802": "4801"},
         owners={"4802"}, check=lambda f: f["4700"].text == "新品" and f["4700"].n_replies == 2),
    Case(name="weibo-crawler", files={"x": "\ufeffid,weibo_id,created_at,user_screen_name,text,pic_url,like_count\n48,47,2024-01-01 08:00:00,小张,好,,3\n"},
         platform="weibo", parents={"48": "47"}, check=lambda f: f["48"].created == utc(2024, 1, 1) and f["48"].author == "小张"),
    Case(name="weibospider", files={"x": lines(*SPIDER)}, platform="weibo",
         parents={"4826279188108000": "x", "4826279188108038": "4826279188108000"},
         check=lambda f: f["4826279188108000"].created == utc(2022, 10, 19, 5, 40, 29)),
    Case(name="weibo-ced", files={"rumor-repost/w.json": CED, "original-microblog/w.json": CED_POST}, platform="weibo",
         parents={"w": None, "m1": "w", "m2": "m1"}, check=lambda f: f["w"].n_replies == 7 and f["m1"].created == utc(2012, 9, 16, 6, 5, 11)),
    Case(name="weibo-checked", files={"x": CHECKED}, platform="weibo", parents={"I1": None, "C1": "I1"},
         check=lambda f: f["C1"].text == "收到" and f["I1"].n_replies == 3),
    Case(name="zhihu", files={"b": ZHIHU, "a": ZHIHU_CHILDREN}, platform="zhihu", skipped=1, owners={"112"},
         parents={"111": "9", "112": "111", "113": "112"}, roots={"112": "111", "113": "111"}, check=lambda f: f["111"].text == "有道理"),
    Case(name="netease", files={"x": NETEASE}, platform="netease", skipped=1, parents={"11": "R_SO_4_5", "12": "11"}),
    Case(name="douban", files={"x": DOUBAN_API}, platform="douban", parents={"300": None, "1": "300", "2": "1"}, owners={"2"},
         check=lambda f: f["1"].created == utc(2024, 1, 1, 1) and f["300"].text == "求推荐\n\n如题"),
    Case(name="4cat", files={"x": DOUBAN}, platform="douban", parents={"300": None, "301": "300"},
         check=lambda f: f["300"].text == "求推荐\n\n如题" and f["301"].likes is None and f["301"].author == "5678"),
    Case(name="tieba", files={"x": TIEBA}, platform="tieba", parents={"9119": None, "101": "9119", "201": "101", "202": "101"},
         roots={"201": "101", "202": "101"}, owners={"201"},
         check=lambda f: f["9119"].text == "新杯子\n\n正文\n二" and f["202"].text == "回复 lz :不客气" and f["101"].n_replies == 3
         and f["202"].created == utc(2024, 8, 7, 1, 1) and f["101"].created == utc(2024, 8, 6, 14, 11)),
    Case(name="tieba-api", files={"x": TIEBA_API}, platform="tieba", parents={"10": None, "101": "10", "102": "101"}, roots={"102": "101"},
         owners={"102"}, check=lambda f: f["10"].text == "标题\n\n正文" and f["101"].text == "顶[doge]" and f["101"].author_name == "路人"),
    Case(name="ptt", files={"x": PTT}, platform="ptt", skipped=2, owners={"M.17.A.AAA#3"},
         parents={"M.17.A.AAA": None, "M.17.A.AAA#1": "M.17.A.AAA", "M.17.A.AAA#2": "M.17.A.AAA", "M.17.A.AAA#3": "M.17.A.AAA"},
         check=lambda f: f["M.17.A.AAA#1"].text == "蛋餅加起司" and f["M.17.A.AAA#1"].created == utc(2023, 12, 31, 15, 14)
         and f["M.17.A.AAA#2"].created == utc(2023, 12, 31, 16, 20) and f["M.17.A.AAA#2"].likes == -1 and f["M.17.A.AAA"].author_name == "小安"),
    Case(name="zeeschuimer", files={"x": lines(*ZEESCHUIMER[:1])}, platform="tiktok", parents={"7001": "6001"}),
    Case(name="zeeschuimer", files={"x": lines(*ZEESCHUIMER[1:2])}, platform="xiaohongshu", parents={"a1": "n1", "a2": "a1", "a3": "a2"},
         roots={"a2": "a1", "a3": "a1"}, owners={"a2"}),
    Case(name="zeeschuimer", files={"x": lines(*ZEESCHUIMER[2:])}, platform="twitter", parents={"5": "4"}, rejected=1,
         check=lambda f: f["5"].author_name == "bob"),
    Case(name="douyin", files={"x": lines(ZEESCHUIMER[0]["data"] | {"__import_meta": {"source_platform": "tiktok"}})}, platform="douyin",
         parents={"7001": "6001"}),
    Case(name="4cat", files={"x": FOURCHAN}, platform="4chan", parents={"101": None, "102": "101", "103": "102"},
         check=lambda f: f["101"].text == "Cups\n\nFirst post" and f["102"].created == utc(2024, 1, 1, 0, 1)),
    Case(name="4cat", files={"x": FOURCAT_TELEGRAM}, platform="telegram", parents={"c-1": "c", "c-2": "c-1"}),
    Case(name="4cat", files={"x": ZEESCHUIMER_CSV}, platform="4cat", parents={"7001": "6001", "7002": "7001"}, roots={"7002": "7001"},
         check=lambda f: f["7001"].text == 'say "hi"' and f["7001"].likes == 3),
    Case(name="isso", files={"x": ISSO}, platform="isso", parents={"/a/": None, "/a/#1": "/a/", "/b/": None, "/b/#1": "/b/"},
         check=lambda f: f["/a/"].text == "Test post"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c.name}" for i, c in enumerate(CASES)])
def test_every_format(tmp_path, case):
    for name, content in case.files.items():
        put(tmp_path, name, content)
    found, report = read_all(*([tmp_path] if len(case.files) > 1 else [tmp_path / next(iter(case.files))]))
    assert {f.partition(":")[0] for f in report.formats.values()} == (case.formats or {case.name})
    assert parents(found) == case.parents
    assert {i: c.root_id for i, c in found.items() if c.root_id} == case.roots
    assert owners(found) == case.owners
    assert {c.platform for c in found.values()} == {case.platform}
    assert (sum(report.skipped.values()), report.n_rejected) == (case.skipped, case.rejected), (report.skipped, reasons(report))
    assert case.check(found)
