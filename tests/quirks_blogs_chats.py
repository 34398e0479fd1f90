"""Quirks of WordPress, Disqus, Discourse, PTT, isso, Telegram, Discord, Mastodon, Bluesky and ConvoKit."""

from __future__ import annotations

import gzip
import json

from quirks import Files, quirk, utc
from reading import lines

SPACES = 'xmlns:wp="http://wordpress.org/export/{}/" xmlns:content="http://purl.org/rss/1.0/modules/content/" ' \
         'xmlns:dc="http://purl.org/dc/elements/1.1/"'  # fmt: skip
POST, ONE, TWO = "b.example/?p=5", "b.example/?p=5#comment-2", "b.example/?p=5#comment-3"


def wp(own="2", content="<![CDATA[First!]]>", **more):
    given = {"parent": "0", "user_id": "0", "author": "Ann", "date_gmt": "2014-01-14 17:32:12", "approved": "1"} | more
    inner = "".join(f"<wp:comment_{k}>{v}</wp:comment_{k}>" for k, v in given.items() if v is not None)
    text = f"<wp:comment_content>{content}</wp:comment_content>"
    return f"<wp:comment><wp:comment_id>{own}</wp:comment_id>{text}{inner}</wp:comment>"


def wxr(*comments, version="1.2", authors="", item=""):
    return (
        f'<?xml version="1.0"?><rss version="2.0" {SPACES.format(version)}><channel><link>https://b.example</link>'
        f"<wp:wxr_version>{version}</wp:wxr_version>{authors}<item><title>Hello</title><link>https://b.example/h</link>"
        "<content:encoded><![CDATA[Body\nmore]]></content:encoded><dc:creator>shop</dc:creator>"
        f"<wp:post_id>5</wp:post_id>{item}{''.join(comments)}</item></channel></rss>"
    )


SHOP = "<wp:author><wp:author_id>4</wp:author_id><wp:author_login>shop</wp:author_login>" \
       "<wp:author_email>shop@b.example</wp:author_email></wp:author>"  # fmt: skip
DEEP = [wp(str(n + 2), parent=str(n + 1) if n else "0") for n in range(10)]

WXR = [
    *(quirk("wxr", f"version {v} of the namespace", wxr(wp(), version=v), {
        f"{ONE}.text": "First!", f"{POST}.text": "Hello\n\nBody\nmore"}) for v in ("1.0", "1.1", "1.2")),
    quirk("wxr", "parent 0 is the post, otherwise a comment", wxr(wp(), wp("3", parent="2")), {
        f"{ONE}.parent_id": POST, f"{TWO}.parent_id": ONE}),
    quirk("wxr", "ten levels deep", wxr(*DEEP), {f"{POST}#comment-11.parent_id": f"{POST}#comment-10"}),
    quirk("wxr", "the time of Greenwich, not the site's", wxr(wp(date="2014-01-15 00:32:12")), {
        f"{ONE}.created": utc(2014, 1, 14, 17, 32, 12)}),
    quirk("wxr", "elements may be missing", wxr(wp(date_gmt=None, author=None, approved=None)), {
        f"{ONE}.created": None, f"{ONE}.author": None}),
    quirk("wxr", "values in CDATA or not, with white space around", wxr(wp(
        "\n 2 ", "\n plain words \n", parent="<![CDATA[0]]>", author=" <![CDATA[Ann]]> ")), {
        f"{ONE}.text": "plain words", f"{ONE}.author": "Ann", f"{ONE}.parent_id": POST}),
    quirk("wxr", "an empty comment_type is a comment", wxr(wp(type="").replace(
        "<wp:comment_type></wp:comment_type>", "<wp:comment_type/>"), wp("3", type="comment")), ids=[POST, ONE, TWO]),
    quirk("wxr", "pingbacks and trackbacks are skipped", wxr(wp(type="pingback"), wp("3", type="trackback")),
          ids=[POST], skipped=2),
    quirk("wxr", "what awaits moderation is kept, spam and trash are not", wxr(
        wp(approved="0"), wp("3", approved="spam"), wp("4", approved="trash")), ids=[POST, ONE], skipped=2),
    quirk("wxr", "control characters and bare ampersands", wxr(wp(content="I <3 Q&A & &nbsp;more\x01")), {
        f"{ONE}.text": "I <3 Q&A & \xa0more"}),
    quirk("wxr", "bare line breaks are paragraphs", wxr(wp(content="<![CDATA[One\n\ntwo <em>three</em>]]>")), {
        f"{ONE}.text": "One\n\ntwo three"}),
    quirk("wxr", "guests have user 0, the owner is a user of the blog", wxr(
        wp(), wp("3", user_id="4", author="Shop"), authors=SHOP), {
        f"{ONE}.is_owner": False, f"{TWO}.is_owner": True, f"{TWO}.author": "b.example/user/4"}),
    quirk("wxr", "the owner as a guest, by e-mail", wxr(wp(author_email="Shop@b.example"), authors=SHOP), {
        f"{ONE}.is_owner": True}),
    quirk("wxr", "commentmeta is no field of the comment", wxr(wp().replace(
        "</wp:comment>", "<wp:commentmeta><wp:meta_key>wp:comment_content</wp:meta_key>"
        "<wp:meta_value>wrong</wp:meta_value></wp:commentmeta></wp:comment>")), {f"{ONE}.text": "First!"}),
]  # fmt: skip


def rest(own=2, **more):
    return {"id": own, "post": 5, "parent": 0, "author": 0, "author_name": "Ann", "link": "https://b.example/h#c",
            "date": "2017-02-14T01:00:00", "date_gmt": "2017-02-14T00:00:00", "status": "approved", "type": "comment",
            "content": {"rendered": "<p>Hi &#8211; ok</p>\n"}} | more  # fmt: skip


REST = [
    quirk("wordpress-rest", "rendered content is HTML with entities", [rest()], {f"{ONE}.text": "Hi – ok"}),
    quirk("wordpress-rest", "raw content in the edit context", [rest(content={"raw": "Hi & ok"})], {
        f"{ONE}.text": "Hi & ok"}),
    quirk("wordpress-rest", "date_gmt has no zone", [rest()], {f"{ONE}.created": utc(2017, 2, 14)}),
    quirk("wordpress-rest", "parent 0 and author 0 are none", [rest(), rest(3, parent=2, author=1)], {
        f"{ONE}.parent_id": POST, f"{ONE}.author": "Ann", f"{TWO}.parent_id": ONE,
            f"{TWO}.author": "b.example/user/1"}),
    quirk("wordpress-rest", "a parent on another page, newest first", Files(
        a=[rest(3, parent=2)], b=[rest()]), {f"{TWO}.parent_id": ONE, f"{TWO}.tree": ONE}),
    quirk("wordpress-rest", "pingbacks, spam and trash are skipped, what is on hold is kept", [
        rest(status="hold"), rest(3, type="pingback"), rest(4, status="spam"), rest(6, status="trash")],
        ids=[ONE], skipped=3),
    quirk("wordpress-rest", "who wrote the post is the owner, in another file", Files(a=[
        rest(), rest(3, author=1)], b=[{"id": 5, "link": "https://b.example/h", "date_gmt": "2017-02-13T00:00:00",
        "author": 1, "title": {"rendered": "Cups"}, "content": {"rendered": ""}}]), {
        f"{ONE}.is_owner": False, f"{TWO}.is_owner": True}),
    quirk("wordpress-rest", "posts come from their own address", Files(a=[rest()], b=[
        {"id": 5, "link": "https://b.example/h", "date_gmt": "2017-02-13T00:00:00", "author": 1,
         "title": {"rendered": "Cups &amp; lids"}, "content": {"rendered": "<p>New</p>"}}]), {
        f"{POST}.text": "Cups & lids\n\nNew", f"{ONE}.thread_id": POST}),
]  # fmt: skip


def disqus(*records):
    return ('<?xml version="1.0"?><disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">'
            '<category dsq:id="1"><title>General</title></category>' + "".join(records) + "</disqus>")  # fmt: skip


def topic(own="2", title="A", more=""):
    return (f'<thread dsq:id="{own}"><id>a</id><link>https://e.example/a</link><title>{title}</title>'
            f"<createdAt>2020-01-01T00:00:00Z</createdAt>{more}</thread>")  # fmt: skip


def said(own, message="<![CDATA[<p>Hi</p>]]>", thread="2", parent="", deleted="false", spam="false",
         author="<name>Ann</name><isAnonymous>true</isAnonymous>"):  # fmt: skip
    above = f'<parent dsq:id="{parent}"/>' if parent else ""
    return (f'<post dsq:id="{own}"><id/><message>{message}</message><createdAt>2020-01-02T00:00:00Z</createdAt>'
            f"<isDeleted>{deleted}</isDeleted><isSpam>{spam}</isSpam><author>{author}</author>"
            f'<thread dsq:id="{thread}"/>{above}</post>')  # fmt: skip


SITE = "<author><name>Site</name><username>site</username></author>"

DISQUS = [
    quirk("disqus", "posts stand beside their threads", disqus(topic(), said("4"), said("5", parent="4")), {
        "4.parent_id": "thread:2", "5.parent_id": "4", "thread:2.text": "A", "4.text": "Hi",
        "4.created": utc(2020, 1, 2)}),
    quirk("disqus", "threads and posts are numbered alike", disqus(topic("4"), said("4", thread="4")),
          ids="thread:4 4"),
    quirk("disqus", "empty duplicate threads", disqus(topic(), '<thread dsq:id="3"><id/></thread>', said("4")),
          ids="thread:2 4", skipped=1),
    quirk("disqus", "a thread without title is its address", disqus(topic(title=""), said("4")), {
        "thread:2.text": "https://e.example/a"}),
    quirk("disqus", "orphans whose thread is not there", disqus(topic(), said("8", thread="99")), {
        "8.thread_id": "thread:99", "8.parent_id": "thread:99"}),
    quirk("disqus", "deleted posts are empty and have live answers", disqus(
        topic(), said("4", message="", deleted="true"), said("5", parent="4")), {
        "4.deleted": True, "4.text": "", "5.parent_id": "4", "5.deleted": False}),
    quirk("disqus", "anonymous authors have a name only", disqus(topic(), said("4"), said(
        "5", author="<name>Bob</name><isAnonymous>false</isAnonymous><username>bob</username>")), {
        "4.author": "Ann", "5.author": "bob", "5.author_name": "Bob"}),
    quirk("disqus", "who opened the thread is the owner", disqus(topic(more=SITE), said(
        "4", author="<name>Site</name><username>site</username>")), {"4.is_owner": True}),
    quirk("disqus", "spam is skipped", disqus(topic(), said("4", spam="true")), ids="thread:2", skipped=1),
    quirk("disqus", "the export comes gzipped", gzip.compress(disqus(topic(), said("4")).encode()), ids="thread:2 4"),
]  # fmt: skip


def dpost(number, own, **more):
    return {"id": own, "topic_id": 57, "post_number": number, "user_id": number, "username": f"u{number}",
            "cooked": "<p>x</p>", "created_at": "2024-01-01T00:00:00.000Z", "reply_to_post_number": None,
            "post_type": 1} | more  # fmt: skip


def forum(*posts, **more):
    return {"id": 57, "title": "Lids", "posts_count": len(posts), "post_stream": {
        "posts": list(posts), "stream": [p["id"] for p in posts]},
            "details": {"created_by": {"id": 1}}} | more  # fmt: skip


QUOTE = '<aside class="quote" data-username="u2" data-post="2"><blockquote><p>Try x</p></blockquote></aside>'

DISCOURSE = [
    quirk("discourse", "replies name the number of a post, not its id", forum(
        dpost(1, 83), dpost(2, 86), dpost(4, 226, reply_to_post_number=2)), {
        "post-226.parent_id": "post-86", "post-86.parent_id": "topic-57", "topic-57.parent_id": None}),
    quirk("discourse", "null and 1 both answer the topic", forum(
        dpost(1, 83), dpost(2, 86), dpost(3, 87, reply_to_post_number=1)), {
        "post-86.parent_id": "topic-57", "post-87.parent_id": "topic-57"}),
    quirk("discourse", "numbers have gaps", forum(dpost(1, 83), dpost(9, 86), dpost(30, 87, reply_to_post_number=9)), {
        "post-87.parent_id": "post-86"}),
    quirk("discourse", "a target beyond the saved pages", forum(dpost(1, 83), dpost(5, 86, reply_to_post_number=4)), {
        "post-86.parent_id": "topic-57/4"}),
    quirk("discourse", "a target on a later page", Files(a={"post_stream": {"posts": [
        dpost(3, 87, reply_to_post_number=2)]}, "id": 57}, b=forum(dpost(1, 83), dpost(2, 86))), {
        "post-87.parent_id": "post-86"}),
    quirk("discourse", "moderator and small actions are notices", forum(
        dpost(1, 83), dpost(2, 84, post_type=2), dpost(3, 85, post_type=3, action_code="closed.enabled")),
        ids="topic-57", skipped=2),
    quirk("discourse", "quotes are not the writer's words", forum(dpost(1, 83), dpost(
        2, 86, cooked=f"{QUOTE}<p>Works</p>")), {"post-86.text": "Works"}),
    quirk("discourse", "emoji are images with a name", forum(dpost(
        1, 83, cooked='<p>ok <img class="emoji" src="x.png" alt=":smile:"></p>')), {
        "topic-57.text": "Lids\n\nok :smile:"}),
    quirk("discourse", "only the first posts are in the file: posts_count tells", forum(dpost(1, 83), posts_count=41), {
        "topic-57.n_replies": 40}),
    quirk("discourse", "likes stand in actions_summary or like_count", forum(
        dpost(1, 83, actions_summary=[{"id": 2, "count": 3}, {"id": 3, "count": 9}]), dpost(2, 86, like_count=4)), {
        "topic-57.likes": 3, "post-86.likes": 4}),
    quirk("discourse", "times with an offset", forum(dpost(1, 83, created_at="2024-01-01T02:00:00.000+02:00")), {
        "topic-57.created": utc(2024, 1, 1)}),
    quirk("discourse", "who opened the topic, and staff, are owners", forum(
        dpost(1, 83), dpost(2, 86, user_id=1), dpost(3, 87, admin=True), dpost(4, 88)), {
        "post-86.is_owner": True, "post-87.is_owner": True, "post-88.is_owner": False}),
    quirk("discourse", "details tell who opened the topic where its first post is on another page", forum(
        dpost(21, 86, user_id=1), dpost(22, 87)), {"post-86.is_owner": True, "post-87.is_owner": False}),
    quirk("discourse", "staff and moderators", forum(dpost(1, 83), dpost(2, 86, staff=True), dpost(
        3, 87, moderator=True)), {"post-86.is_owner": True, "post-87.is_owner": True}),
    quirk("discourse", "deleted by moderators or by the user", forum(
        dpost(1, 83), dpost(2, 86, deleted_at="2024-01-02T00:00:00Z"), dpost(3, 87, user_deleted=True)), {
        "post-86.deleted": True, "post-87.deleted": True, "topic-57.deleted": False}),
    quirk("discourse", "latest posts of all topics", {"latest_posts": [
        dpost(2, 86), dpost(2, 96, topic_id=58)]}, {"post-86.thread_id": "topic-57", "post-96.thread_id": "topic-58"}),
    quirk("discourse", "a single post, raw", dpost(2, 86, raw="*hi*") | {"cooked": None}, {"post-86.text": "*hi*"}),
]  # fmt: skip


def ptt(*pushes, **more):
    return {"article_id": "M.1.A.A", "article_title": "[問卦] 早餐", "author": "ann (小安)", "board": "G",
        "ip": "1.2.3.4",
            "content": "吃什麼", "date": "Sun Dec 31 23:13:20 2023", "message_count": {"count": 0},
            "messages": [{"push_tag": t, "push_userid": u, "push_content": c, "push_ipdatetime": d}
                         for t, u, c, d in pushes]} | more  # fmt: skip


PUSHES = [("推", "bob", "蛋餅", "12/31 23:14"), ("→", "bob", "加起司", "12/31 23:14"),
          ("噓", "eve", "不要", "140.1.2.3 01/01 00:20"), ("→", "ann", "好", "01/01 00:21")]  # fmt: skip
PTT = [
    quirk("ptt", "a list of articles, or one article", ptt(), ids="M.1.A.A"),
    quirk("ptt", "pushes have no ids: their place is one", {"articles": [ptt(*PUSHES)]}, {
        "M.1.A.A#1.parent_id": "M.1.A.A", "M.1.A.A.text": "[問卦] 早餐\n\n吃什麼", "M.1.A.A.n_replies": 3}),
    quirk("ptt", "a remark split over arrows is one", ptt(*PUSHES), {"M.1.A.A#1.text": "蛋餅加起司"},
          ids="M.1.A.A M.1.A.A#1 M.1.A.A#2 M.1.A.A#3", skipped=1),
    quirk("ptt", "an arrow of somebody else is another remark", ptt(PUSHES[0], ("→", "eve", "嗯", "12/31 23:14")), {
        "M.1.A.A#2.author": "eve"}),
    quirk("ptt", "pushes tell no year: it is the article's and rolls over", ptt(*PUSHES), {
        "M.1.A.A#1.created": utc(2023, 12, 31, 15, 14), "M.1.A.A#2.created": utc(2023, 12, 31, 16, 20)}),
    quirk("ptt", "an address may stand before the time", ptt(*PUSHES), {
        "M.1.A.A#2.created": utc(2023, 12, 31, 16, 20)}),
    quirk("ptt", "local time of Taipei", ptt(), {"M.1.A.A.created": utc(2023, 12, 31, 15, 13, 20)}),
    quirk("ptt", "tags are scores", ptt(*PUSHES), {
        "M.1.A.A#1.likes": 1, "M.1.A.A#2.likes": -1, "M.1.A.A#3.likes": 0}),
    quirk("ptt", "the author is an id with a nickname, and the owner", ptt(*PUSHES), {
        "M.1.A.A.author": "ann", "M.1.A.A.author_name": "小安", "M.1.A.A#3.is_owner": True}),
    quirk("ptt", "a clone misspells message_count", ptt(message_count=None, message_conut={"count": 7}), {
        "M.1.A.A.likes": 7}),
    quirk("ptt", "malformed articles have no author and date", ptt(*PUSHES[:1], author="", date=""), {
        "M.1.A.A.author": None, "M.1.A.A.created": None, "M.1.A.A#1.created": None}),
    quirk("ptt", "deleted articles are an error", {"articles": [ptt(), {"error": "invalid url"}]}, ids="M.1.A.A",
          skipped=1),
    quirk("ptt", "an aborted run lacks its end", '{"articles": [' + json.dumps(ptt()) + ",\n", ids="M.1.A.A",
        rejected=1),
]  # fmt: skip


def isso(own, *comments, title="Cups+%26+co"):
    return {"id": own, "title": title, "comments": [
        {"id": i, "author": "a", "email": "a@x.example", "website": None, "remote_addr": "127.0.0.1",
         "created": "2020-01-01 00:00:00", "text": "hi"} for i in comments]}  # fmt: skip


ISSO = [
    quirk("isso", "ids are unique inside a thread only", [isso("/a/", 1, 2), isso("/b/", 1)],
          ids="/a/ /a/#1 /a/#2 /b/ /b/#1"),
    quirk("isso", "titles are encoded for addresses", [isso("/a/", 1)], {"/a/.text": "Cups & co"}),
    quirk("isso", "times are of Greenwich, comments flat", [isso("/a/", 1)], {
        "/a/#1.created": utc(2020, 1, 1), "/a/#1.parent_id": "/a/"}),
]  # fmt: skip


def tg(own, **more):
    return {"id": own, "type": "message", "date": "2024-01-01T17:01:00", "date_unixtime": "1704099660", "from": "Ann",
            "from_id": "user1", "text": "hi"} | more  # fmt: skip


def chat(*messages, **more):
    return {"name": "Shop", "type": "private_supergroup", "id": 9, "messages": list(messages)} | more


TELEGRAM = [
    quirk("telegram", "text is a string or a list of parts", chat(tg(1, text=[
        "see ", {"type": "link", "text": "https://e.example"}, "!"]), tg(2)), {
        "9:1.text": "see https://e.example!", "9:2.text": "hi"}),
    quirk("telegram", "service messages are skipped", chat(tg(2), tg(1, type="service", actor="Ann",
          action="create_group")), ids="9:2", skipped=1),
    quirk("telegram", "ids are those of a chat, a full export has many", {"about": "", "chats": {"list": [
        chat(tg(1)), chat(tg(1), id=8)]}}, ids="9:1 8:1"),
    quirk("telegram", "what answers nothing opens a thread", chat(tg(1), tg(2, reply_to_message_id=1), tg(3)), {
        "9:2.parent_id": "9:1", "9:2.thread_id": "9:1", "9:3.parent_id": None}),
    quirk("telegram", "chats that were left", {"chats": {"list": []}, "left_chats": {"list": [chat(tg(1))]}},
        ids="9:1"),
    quirk("telegram", "deleted messages leave dangling targets", chat(tg(6, reply_to_message_id=77)), {
        "9:6.parent_id": "9:77", "9:6.thread_id": "9:77"}),
    quirk("telegram", "a reply into another chat", chat(tg(2, reply_to_message_id=1, reply_to_peer_id="channel8")), {
        "9:2.parent_id": "8:1"}),
    quirk("telegram", "date_unixtime is a string of seconds", chat(tg(1)), {"9:1.created": utc(2024, 1, 1, 9, 1)}),
    quirk("telegram", "older exports have a local date only", chat({
        k: v for k, v in tg(1, date="2020-01-01T10:00:00").items() if k != "date_unixtime"}), {
        "9:1.created": utc(2020, 1, 1, 10)}),
    quirk("telegram", "older from_id are numbers, deleted accounts have no name", chat(
        tg(1, from_id=7), tg(2, **{"from": None, "from_id": "user3"})), {
        "9:1.author": "7", "9:2.author": "user3", "9:2.author_name": None}),
    quirk("telegram", "media without words, stickers by their emoji", chat(
        tg(1, text="", photo="p.jpg"), tg(2, text="", media_type="sticker", sticker_emoji="😂")), {
        "9:1.text": "", "9:2.text": "😂"}),
    quirk("telegram", "reactions are likes", chat(tg(1, reactions=[
        {"emoji": "👍", "count": 2}, {"emoji": "🔥", "count": 1}])), {"9:1.likes": 3}),
    quirk("telegram", "a channel's post in its discussion group is the owner's", chat(
        tg(1, from_id="channel5", forwarded_from="Shop"), tg(2, reply_to_message_id=1)), {
        "9:1.is_owner": True, "9:2.parent_id": "9:1"}),
    quirk("telegram", "forum topics: messages answer the one that opened the topic", chat(
        tg(1, type="service", action="topic_created", title="Lids", text=""), tg(2, reply_to_message_id=1)), {
        "9:1.text": "Lids", "9:2.parent_id": "9:1"}),
]  # fmt: skip


def dc(own, **more):
    return {"id": own, "type": "Default", "timestamp": "2024-01-01T00:00:00.1234567+00:00", "content": "hi",
            "author": {"id": "7", "name": "ann", "nickname": "Ann", "isBot": False},
                "reactions": []} | more  # fmt: skip


def room(*messages, kind="GuildTextChat"):
    return {"guild": {"id": "1", "name": "G"}, "channel": {"id": "2", "type": kind, "name": "help"},
            "messages": list(messages), "messageCount": len(messages)}  # fmt: skip


def ref(own, **more):
    return {"messageId": own, "channelId": "2", "guildId": "1"} | more


DISCORD = [
    quirk("discord", "replies refer to a message", room(dc("10"), dc("11", type="Reply", reference=ref(
        "10", type="Default"))), {"11.parent_id": "10", "11.thread_id": "10", "10.parent_id": None}),
    quirk("discord", "older references have no type", room(dc("10"), dc("11", type="Reply", reference=ref("10"))), {
        "11.parent_id": "10"}),
    quirk("discord", "forwards refer too and answer nothing", room(dc("10"), dc(
        "12", content="", reference=ref("10", type="Forward"), forwardedMessage={"content": "fwd"})), {
        "12.parent_id": None, "12.text": "fwd"}),
    quirk("discord", "system messages refer too and are skipped", room(
        dc("10"), dc("13", type="ChannelPinnedMessage", reference=ref("10")), dc("14", type="ThreadCreated",
        reference=ref("10")), dc("15", type="RecipientAdd"), dc("16", type="Call"), dc("17", type="GuildMemberJoin")),
        ids="10", skipped=5),
    quirk("discord", "nickname may be missing", room(dc("10", author={"id": "7", "name": "ann"})), {
        "10.author_name": "ann", "10.author": "7"}),
    quirk("discord", "deleted users are called so", room(dc("10", author={
        "id": "456226577798135808", "name": "Deleted User"})), {"10.author_name": "Deleted User"}),
    quirk("discord", "seven digits of a second", room(dc("10")), {
        "10.created": utc(2024, 1, 1, 0, 0, 0, 123456)}),
    quirk("discord", "the sum of reactions", room(dc("10", reactions=[{"count": 2}, {"count": 1}])), {"10.likes": 3}),
    quirk("discord", "a thread channel is one thread", room(dc("50"), dc("51"), kind="GuildPublicThread"), {
        "51.thread_id": "2", "51.parent_id": "2"}),
    quirk("discord", "parts of an export belong together", Files({
        "help [part 1].json": room(dc("10")), "help [part 2].json": room(dc("11", type="Reply", reference=ref("10")))}),
        {"11.thread_id": "10", "11.parent_id": "10"}),
    quirk("discord", "an aborted run lacks its end", json.dumps(room(dc("10"), dc("11")))[:-120], ids="10", rejected=1),
    quirk("table", "the CSV has no reply links", "AuthorID,Author,Date,Content,Attachments,Reactions\n"
          "7,ann,2024-01-01T00:00:00.0000000+00:00,hi,,\n", {"x:1.author": "7", "x:1.text": "hi"}),
]  # fmt: skip


def status(own, above=None, who="1", **more):
    return {"id": own, "in_reply_to_id": above, "created_at": "2024-01-01T00:00:00.000Z", "content": "<p>hi</p>",
            "account": {"id": who, "acct": f"u{who}@m.example"}, "favourites_count": 2, "replies_count": 1,
            "reblog": None, "spoiler_text": ""} | more  # fmt: skip


MENTION = '<p><span class="h-card"><a href="x">@<span>ann</span></a></span> a &amp; b<br />c</p>'

MASTODON = [
    quirk("mastodon", "a context lacks the status it was asked for", {
        "ancestors": [status("100")], "descendants": [status("102", "101", "2"), status("103", "102")]}, {
        "102.parent_id": "101", "102.thread_id": "100", "103.thread_id": "100", "103.is_owner": True}),
    quirk("mastodon", "a context in any order", {"ancestors": [status("99"), status("100", "99")], "descendants": [
        status("103", "102"), status("102", "101", "2")]}, {"103.thread_id": "99", "102.thread_id": "99"}),
    quirk("mastodon", "the status saved beside its context joins them", Files(
        a={"ancestors": [], "descendants": [status("102", "101", "2")]}, b=status("101")), {
        "102.thread_id": "101", "101.parent_id": None, "102.tree": "101"}),
    quirk("mastodon", "dangling targets of remote threads", lines(status("7", "6")), {"7.parent_id": "6"}),
    quirk("mastodon", "content is HTML with mentions", lines(status("7", content=MENTION)), {
        "7.text": "@ann a & b\nc"}),
    quirk("mastodon", "boosts are skipped", lines(status("7"), status("8", reblog={"id": "7"})), ids="7", skipped=1),
    quirk("mastodon", "a content warning is part of the text", lines(status("7", spoiler_text="Cups")), {
        "7.text": "Cups\n\nhi"}),
    quirk("mastodon", "remote accounts carry their host, ids are snowflakes", lines(status("111634998877665544")), {
        "111634998877665544.author_name": "u1@m.example", "111634998877665544.likes": 2,
        "111634998877665544.n_replies": 1}),
    quirk("activitypub", "the archive export is an outbox", {"orderedItems": [
        {"type": "Create", "actor": "https://m/a", "object": {
            "id": "https://m/2", "type": "Note", "inReplyTo": "https://m/1", "content": "<p>hi</p>",
            "published": "2024-01-01T00:00:00Z", "attributedTo": "https://m/a"}},
        {"type": "Announce", "actor": "https://m/a", "object": "https://m/9"}]}, {
        "https://m/2.parent_id": "https://m/1", "https://m/2.text": "hi"}, skipped=1),
]  # fmt: skip


def skeet(own, who="a", above=None, **more):
    reply = {"reply": {"root": {"uri": "at://a/p/1"}, "parent": {"uri": above}}} if above else {}
    return {"uri": own, "cid": "c", "author": {"did": f"did:{who}", "handle": f"{who}.test"}, "likeCount": 2,
            "replyCount": 3, "indexedAt": "2024-01-01T00:00:09Z",
            "record": {"text": "hi", "createdAt": "2024-01-01T00:00:00Z", **reply, **more}}  # fmt: skip


def view(post, *replies, **more):
    return {"$type": "app.bsky.feed.defs#threadViewPost", "post": post, "replies": list(replies)} | more


ROOT, REPLY = skeet("at://a/p/1"), skeet("at://b/p/2", "b", "at://a/p/1")
GONE = {"$type": "app.bsky.feed.defs#notFoundPost", "uri": "at://c/p/3", "notFound": True}
BLOCKED = {"$type": "app.bsky.feed.defs#blockedPost", "uri": "at://d/p/4", "blocked": True, "author": {"did": "did:d"}}

BLUESKY = [
    quirk("bluesky", "replies nest, ids are addresses", {"thread": view(ROOT, view(REPLY)), "threadgate": {}}, {
        "at://b/p/2.parent_id": "at://a/p/1", "at://b/p/2.thread_id": "at://a/p/1", "at://b/p/2.author": "did:b",
        "at://b/p/2.author_name": "b.test", "at://a/p/1.is_owner": True}),
    quirk("bluesky", "posts that are gone or blocked are skipped", {"thread": view(ROOT, GONE, BLOCKED)},
          ids=["at://a/p/1"], skipped=2),
    quirk("bluesky", "the anchor stands in the middle, above it a chain", {"thread": view(
        skeet("at://c/p/3", "c", "at://b/p/2"), parent=view(REPLY, parent=view(ROOT)))}, {
        "at://a/p/1.parent_id": None, "at://b/p/2.parent_id": "at://a/p/1", "at://c/p/3.parent_id": "at://b/p/2"}),
    quirk("bluesky", "who wrote the root is the owner", {"thread": view(ROOT, view(REPLY, view(
        skeet("at://a/p/9", "a", "at://b/p/2"))))}, {"at://a/p/9.is_owner": True, "at://b/p/2.is_owner": False}),
    quirk("bluesky", "branches are cut silently: the counter tells", {"thread": view(ROOT, view(REPLY))}, {
        "at://b/p/2.n_replies": 3}),
    *(quirk("bluesky", f"createdAt as {time}", {"thread": view(skeet("at://a/p/1", createdAt=time))}, {
        "at://a/p/1.created": utc(2024, 1, 1, 0, 0, 5, micros)}) for time, micros in (
        ("2024-01-01T00:00:05Z", 0), ("2024-01-01T00:00:05+00:00", 0), ("2024-01-01T00:00:05.123456Z", 123456),
        ("2024-01-01T02:00:05.5+02:00", 500_000))),
    quirk("bluesky", "the Python library writes snake_case", {"thread": {
        "py_type": "app.bsky.feed.defs#threadViewPost", "replies": [
            {"py_type": "app.bsky.feed.defs#notFoundPost", "uri": "at://c/p/3", "not_found": True}],
        "post": {"uri": "at://a/p/1", "author": {"did": "did:a", "handle": "a.test"}, "like_count": 4, "reply_count": 1,
                 "record": {"text": "hi", "created_at": "2024-01-01T00:00:05Z"}}}}, {
        "at://a/p/1.likes": 4, "at://a/p/1.n_replies": 1, "at://a/p/1.created": utc(2024, 1, 1, 0, 0, 5)}, skipped=1),
    quirk("bluesky", "getPostThreadV2 is flat", {"hasOtherReplies": False, "thread": [
        {"uri": "at://a/p/1", "depth": -1, "value": {"$type": "app.bsky.unspecced.defs#threadItemPost", "post": ROOT}},
        {"uri": "at://b/p/2", "depth": 0, "value": {"$type": "app.bsky.unspecced.defs#threadItemPost",
            "post": REPLY}}]},
        {"at://b/p/2.parent_id": "at://a/p/1"}, ids=["at://a/p/1", "at://b/p/2"]),
]  # fmt: skip


def utterance(own, above=None, **more):
    return {"id": own, "conversation_id": "p1", "text": "hi", "speaker": "ann", "meta": {}, "reply-to": above,
            "timestamp": 1700000000, "vectors": []} | more  # fmt: skip


def old(record, **names):
    return {names.get(k.replace("-", "_"), k): v for k, v in record.items()}


CORPUS = Files({"c/utterances.jsonl": lines(utterance("p1"), utterance("c1", "p1")), "c/speakers.json": {"ann": {}},
                "c/conversations.json": {"p1": {"meta": {"title": "Cups?"}, "vectors": []}}, "c/corpus.json": {},
                "c/index.json": {"utterances-index": {}, "version": 1}})  # fmt: skip

CONVOKIT = [
    quirk("convokit", "reply-to is written with a hyphen", lines(utterance("c1", "p1")), {"c1.parent_id": "p1"}),
    quirk("convokit", "Reddit corpora write reply_to", lines(old(utterance("c1", "p1"), reply_to="reply_to")), {
        "c1.parent_id": "p1"}),
    quirk("convokit", "older files have user and root", lines(old(
        utterance("c1", "p1"), speaker="user", conversation_id="root")), {"c1.author": "ann", "c1.thread_id": "p1"}),
    quirk("convokit", "a speaker may be an object", lines(utterance("c1", "p1", speaker={"id": "bob", "meta": {}})), {
        "c1.author": "bob"}),
    *(quirk("convokit", f"timestamp as {time!r}", lines(utterance("c1", "p1", timestamp=time)), {
        "c1.created": want}) for time, want in (
        (None, None), (1700000100, utc(2023, 11, 14, 22, 15)), ("1700000100", utc(2023, 11, 14, 22, 15)),
        (1700000100.5, utc(2023, 11, 14, 22, 15, 0, 500_000)))),
    quirk("convokit", "a folder is one corpus, titles stand in its conversations", CORPUS, {
        "p1.text": "Cups?\n\nhi", "c1.parent_id": "p1"}, ids="p1 c1"),
    quirk("convokit", "old corpora hold one array and users.json", Files({
        "c/utterances.json": [utterance("p1"), utterance("c1", "p1")], "c/users.json": {},
        "c/conversations.json": {"p1": {"title": "Cups?"}}}), {"p1.text": "Cups?\n\nhi"}, ids="p1 c1"),
    quirk("convokit", "deleted utterances, scores", lines(utterance(
        "c1", "p1", text="[deleted]", speaker="[deleted]", meta={"score": 2, "subreddit": "x"})), {
        "c1.deleted": True, "c1.text": "", "c1.author": None, "c1.likes": 2, "c1.platform": "reddit"}),
    quirk("convokit", "pointers to pickles are left alone", lines(utterance("c1", "p1", meta={
        "score": 3, "vector": "<##bin##>1"})), {"c1.likes": 3}),
]  # fmt: skip

QUIRKS = [*WXR, *REST, *DISQUS, *DISCOURSE, *PTT, *ISSO, *TELEGRAM, *DISCORD, *MASTODON, *BLUESKY, *CONVOKIT]
