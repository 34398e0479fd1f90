"""Quirks of MediaCrawler and of what Chinese platforms answer: Xiaohongshu to NetEase, Douban and Tieba pages."""

from __future__ import annotations

import json
import sqlite3
from html import escape
from io import BytesIO
from types import MappingProxyType

import openpyxl
from quirks import Files, quirk, utc
from reading import lines


def table(*records):
    """A CSV file with a byte order mark, as Chinese crawlers write it for Excel."""
    names = list(dict.fromkeys(name for r in records for name in r))
    rows = [names, *(["" if r.get(n) is None else str(r[n]) for n in names] for r in records)]
    return "\ufeff" + "".join(",".join(f'"{cell}"' for cell in row) + "\r\n" for row in rows)


def mc(own="c1", **more):
    """A comment of MediaCrawler without what only one platform has."""
    return {"comment_id": own, "content": "好", "create_time": 1700000000, "user_id": "u1", "nickname": "小王",
            "sub_comment_count": "0", "last_modify_ts": 1757055252618} | more  # fmt: skip


def xhs(own="c1", **more):
    return mc(own, note_id="n1", create_time=1725693101000, like_count="10", parent_comment_id=0, pictures="",
              ip_location="上海") | more  # fmt: skip


XHS_POST = {"note_id": "n1", "type": "normal", "title": "杯子", "desc": "新品", "time": 1725600000000, "user_id": "u9",
            "nickname": "店", "liked_count": "1.2万", "comment_count": "1千+", "last_modify_ts": 1}  # fmt: skip


def weibo(own="4800000000000001", root="4800000000000001", **more):
    return mc(own, note_id="4799", comment_like_count="5", parent_comment_id=root,
              create_date_time="2024-06-14 12:00:00+08:00") | more  # fmt: skip


def hashed(record, nick="小***王"):
    """The same record as the edition of July 2026 and later writes it."""
    kept = {k: v or ("" if k == "parent_comment_id" else v) for k, v in record.items()
            if k not in ("user_id", "ip_location")}  # fmt: skip
    return kept | {"creator_hash": "9f86d081884c7d65" if record["user_id"] == "u1" else "ffff", "nickname": nick}


def database(**tables):
    """A SQLite database with these tables."""
    base = sqlite3.connect(":memory:")
    for name, records in tables.items():
        base.execute(f"create table {name} ({', '.join(records[0])})")
        marks = ", ".join("?" * len(records[0]))
        base.executemany(f"insert into {name} values ({marks})", [tuple(r.values()) for r in records])
    base.commit()
    return base.serialize()


def workbook(**sheets):
    """An Excel workbook with these sheets."""
    book, out = openpyxl.Workbook(), BytesIO()
    book.remove(book.active)
    for name, records in sheets.items():
        sheet = book.create_sheet(name)
        for row in (list(records[0]), *(list(r.values()) for r in records)):
            sheet.append(row)
    book.save(out)
    return out.getvalue()


REPLY = xhs("c2", parent_comment_id="c1", user_id="u9", nickname="店")
BOTH = {"c1.parent_id": "n1", "c2.parent_id": "c1", "c1.thread_id": "n1"}
AWEME = "7400000000000000001"

POSTS = {
    "douyin": {"aweme_id": "n1", "title": "新杯", "desc": "新杯", "user_id": "u9", "last_modify_ts": 1},
    "kuaishou": {"video_id": "n1", "title": "新杯", "desc": "好", "user_id": "u9", "last_modify_ts": 1},
    "bilibili": {"video_id": "n1", "title": "新杯", "video_comment": "2", "user_id": "u9", "last_modify_ts": 1},
    "weibo": {"note_id": "n1", "content": "新品", "comments_count": "3", "user_id": "u9", "last_modify_ts": 1},
    "tieba": {"note_id": "n1", "title": "新杯", "tieba_name": "x", "user_id": "u9", "last_modify_ts": 1},
    "zhihu": {"content_id": "n1", "title": "问", "content_text": "答", "user_id": "u9", "last_modify_ts": 1},
}

MEDIACRAWLER = [
    quirk("mediacrawler", "JSON lines, the default", lines(xhs(), REPLY), BOTH),
    quirk("mediacrawler", "a JSON array, indented", json.dumps([xhs(), REPLY], indent=4, ensure_ascii=False), BOTH),
    quirk("mediacrawler", "CSV with a byte order mark", table(xhs(), REPLY), BOTH),
    quirk("mediacrawler", "its SQLite database", Files({"sqlite_tables.db": database(
        xhs_note_comment=[xhs(), REPLY], xhs_note=[XHS_POST])}), BOTH | {"n1.text": "杯子\n\n新品",
            "c2.is_owner": True}),
    quirk("mediacrawler", "its workbook with sheets", Files({"xhs_search.xlsx": workbook(
        Contents=[XHS_POST], Comments=[xhs(), REPLY])}), BOTH | {"c2.is_owner": True}),
    quirk("mediacrawler", "posts and comments in separate files", Files({
        "search_comments_2025-09-01.jsonl": lines(xhs(), REPLY), "search_contents_2025-09-01.jsonl": lines(XHS_POST)}),
        {"n1.text": "杯子\n\n新品", "n1.likes": 12000, "n1.n_replies": 1000, "c2.is_owner": True,
            "c1.is_owner": False}),
    quirk("mediacrawler", "creators are no comments", Files(a=lines(xhs()), b=lines(
        {"user_id": "u9", "nickname": "店", "fans": 3, "last_modify_ts": 1})), ids="c1", skipped=1),
    quirk("mediacrawler", "roots before and since July 2026", lines(xhs(), hashed(xhs("c2"))), {
        "c1.parent_id": "n1", "c2.parent_id": "n1"}),
    quirk("mediacrawler", "since July 2026 users are a hash and a masked name", lines(hashed(xhs())), {
        "c1.author": "9f86d081884c7d65", "c1.author_name": "小***王"}),
    *(quirk("mediacrawler", f"since July 2026 on {name} too", Files(
        a=lines(hashed(mc(**here))), b=lines(
            {k: v for k, v in POSTS[name].items() if k != "user_id"} | {"creator_hash": "9f86d081884c7d65"})), {
        "c1.author": "9f86d081884c7d65", "c1.is_owner": True, "c1.platform": name}) for name, here in {
        "douyin": {"aweme_id": "n1"}, "kuaishou": {"video_id": "n1"}, "bilibili": {"video_id": "n1", "like_count": 1},
        "weibo": {"note_id": "n1", "comment_like_count": "1"}, "tieba": {"note_id": "n1", "tieba_id": 1},
        "zhihu": {"content_id": "n1", "content_type": "answer"}}.items()),
    quirk("mediacrawler", "the hash is the owner's too", Files(a=lines(hashed(REPLY)), b=lines(
        {k: v for k, v in XHS_POST.items() if k != "user_id"} | {"creator_hash": "ffff"})), {"c2.is_owner": True}),
    quirk("mediacrawler", "Xiaohongshu: milliseconds, counters as words", lines(xhs(sub_comment_count="1.2万")), {
        "c1.created": utc(2024, 9, 7, 7, 11, 41), "c1.likes": 10, "c1.n_replies": 12000}),
    quirk("mediacrawler", "the time of the crawl is no time of the comment", lines(xhs(create_time=None)), {
        "c1.created": None}),
    quirk("mediacrawler", "stickers stay as they are written", lines(xhs(content="哪里买[偷笑R]")), {
        "c1.text": "哪里买[偷笑R]"}),
    quirk("mediacrawler", "ip_location may be null", lines(xhs(ip_location=None)), ids="c1"),
    quirk("mediacrawler", "old files lack parents and likes", lines({
        k: v for k, v in xhs().items() if k not in ("parent_comment_id", "like_count")}), {
        "c1.parent_id": "n1", "c1.likes": None}),
    quirk("mediacrawler", "Douyin: seconds, the floor as parent", lines(
        mc(aweme_id=AWEME, like_count=3, parent_comment_id="0", sec_uid="s"),
        mc("c2", aweme_id=AWEME, like_count=0, parent_comment_id="c1")), {
        "c1.parent_id": AWEME, "c2.parent_id": "c1", "c2.root_id": "c1", "c1.platform": "douyin",
        "c1.created": utc(2023, 11, 14, 22, 13, 20)}),
    quirk("mediacrawler", "Douyin ids that a spreadsheet has rounded are rejects", table(
        mc("7.4E+18", aweme_id=AWEME), mc("7400000000000000009", aweme_id=AWEME)),
        ids="7400000000000000009", rejected=1),
    quirk("mediacrawler", "Kuaishou: no parents, milliseconds", lines(mc(video_id="v", create_time=1700000000000)), {
        "c1.parent_id": "v", "c1.platform": "kuaishou", "c1.created": utc(2023, 11, 14, 22, 13, 20)}),
    quirk("mediacrawler", "Bilibili: the true target, root 0, numbers of videos apart", lines(
        mc("77", video_id="77", parent_comment_id="0", sex="x"), mc("78", video_id="77", parent_comment_id="77"),
        mc("79", video_id="77", parent_comment_id="78")), {
        "77.parent_id": "av77", "78.parent_id": "77", "79.parent_id": "78", "79.platform": "bilibili"}),
    quirk("mediacrawler", "Weibo: at top level the root is the comment itself", lines(
        weibo(), weibo("4800000000000002")), {
        "4800000000000001.parent_id": "4799", "4800000000000001.root_id": None, "4800000000000001.likes": 5,
        "4800000000000002.parent_id": "4800000000000001", "4800000000000002.root_id": "4800000000000001"}),
    quirk("mediacrawler", "Tieba: two forms of local time, an empty root", lines(
        mc(note_id="n1", tieba_id=1, tieba_name="x", publish_time="2024-8-6 22:11", parent_comment_id="",
           user_link="/home?id=7", user_nickname="lz", user_id=None, create_time=None, nickname=None),
        mc("c2", note_id="n1", tieba_id=1, tieba_name="x", publish_time="2024-08-06 22:12:13", create_time=None,
           parent_comment_id="c1")), {
        "c1.created": utc(2024, 8, 6, 14, 11), "c2.created": utc(2024, 8, 6, 14, 12, 13), "c1.parent_id": "n1",
        "c1.author": "/home?id=7", "c1.author_name": "lz", "c2.root_id": "c1"}),
    *(quirk("mediacrawler", f"Zhihu: {root!r} is a root", lines(mc(
        content_id="9", content_type="answer", publish_time=1700000000, parent_comment_id=root, create_time=None,
        dislike_count=1, user_nickname="甲", content="<p>对</p>")), {
        "c1.parent_id": "9", "c1.platform": "zhihu", "c1.created": utc(2023, 11, 14, 22, 13, 20),
        "c1.text": "对"}) for root in ("0", "", None)),
    quirk("mediacrawler", "what was crawled twice is told once", lines(xhs(like_count="1"), xhs(like_count="1"),
          xhs("c2", parent_comment_id="c1")), {"c2.tree": "c1"}, ids="c1 c2", twice=1),
]  # fmt: skip


def page(*comments, **more):
    return {"code": 0, "success": True, "data": {"comments": list(comments), "cursor": "x", "user_id": "me"} | more}


def note(own, who="u1", target=None, **more):
    return {"id": own, "note_id": "n1", "content": "好", "create_time": 1721178828000, "like_count": "17",
            "sub_comment_count": "8", "user_info": {"user_id": who, "nickname": f"n{who}"}, "show_tags": []} | (
            {"target_comment": {"id": target, "user_info": {"user_id": "x"}}} if target else {}) | more  # fmt: skip


XIAOHONGSHU = [
    quirk("xiaohongshu", "inlined replies name their target", page(note("a1", sub_comments=[
        note("a2", "u2", "a1"), note("a3", "u1", "a2")])), {
        "a1.parent_id": "n1", "a2.parent_id": "a1", "a3.parent_id": "a2", "a3.root_id": "a1"}),
    quirk("xiaohongshu", "milliseconds and counters as words", page(note("a1", like_count="1.2万")), {
        "a1.created": utc(2024, 7, 17, 1, 13, 48), "a1.likes": 12000, "a1.n_replies": 8}),
    quirk("xiaohongshu", "the author's mark", page(note("a1", show_tags=["is_author"]), note("a2", show_tags=None)), {
        "a1.is_owner": True, "a2.is_owner": False}),
    quirk("xiaohongshu", "the user of the page is the viewer, not the owner", page(note("a1", "me")), {
        "a1.is_owner": False}),
    quirk("xiaohongshu", "the older API: local time, counters as numbers", {"comments": [
        {"id": "a", "content": "好", "likes": 3, "time": "2019-01-31 18:50", "user": {"id": "u", "nickname": "n"},
         "sub_comments": [], "sub_comments_total": 4}]}, {
        "a.created": utc(2019, 1, 31, 10, 50), "a.likes": 3, "a.n_replies": 4, "a.author": "u", "a.author_name": "n"}),
]  # fmt: skip


def dy(own, floor="0", target="0", **more):
    return {"cid": own, "text": "好", "aweme_id": "6001", "create_time": 1762421688, "digg_count": 3, "status": 1,
            "user": {"uid": "17", "nickname": "yo"}, "reply_id": floor, "reply_to_reply_id": target} | more  # fmt: skip


DOUYIN = [
    quirk("douyin", "reply_to_reply_id is the target, reply_id the floor", {"status_code": 0, "comments": [
        dy("7001", reply_comment=[dy("7002", "7001"), dy("7003", "7001", "7002")])]}, {
        "7001.parent_id": "6001", "7002.parent_id": "7001", "7003.parent_id": "7002", "7003.root_id": "7001"}),
    quirk("douyin", "reply_comment may be null, counters absent on replies", {"comments": [
        dy("7001", reply_comment=None, reply_comment_total=2), dy("7002", "7001")]}, {
        "7001.n_replies": 2, "7002.n_replies": None}),
    quirk("douyin", "the author's label", {"comments": [dy("7001", label_text="作者"), dy("7002", label_type=1),
          dy("7003", label_text="")]}, {"7001.is_owner": True, "7002.is_owner": True, "7003.is_owner": False}),
    quirk("douyin", "ids of 19 digits", {"comments": [dy("7400000000000000001")]}, ids="7400000000000000001"),
    quirk("douyin", "without a target a copied name tells it", {"comments": [dy("7001", reply_comment=[
        dy("7002", "7001", user={"uid": "18", "nickname": "乙"}, create_time=1762421700),
        dy("7003", "7001", text="回复 @乙：真的", create_time=1762421710)])]}, {
        "7003.parent_id": "7001", "7003.tree": "7002"}),
    quirk("douyin", "TikTok has the same shape", {"comments": [dy("7001", share_info={}, comment_language="en")]}, {
        "7001.platform": "tiktok", "7001.lang": "en"}),
]  # fmt: skip


def rp(own, root=0, parent=0, mid=9, **more):
    return {"rpid": own, "oid": 77, "type": 1, "mid": mid, "root": root, "parent": parent, "dialog": 0, "rcount": 0,
            "ctime": 1592018067, "like": 3, "member": {"mid": str(mid), "uname": f"u{mid}"},
            "content": {"message": f"m{own}"}, "replies": None} | more  # fmt: skip


def bili(*replies, **more):
    return {"code": 0, "data": {"upper": {"mid": 2}, "replies": list(replies) or None} | more}


BILIBILI = [
    quirk("bilibili", "nesting is one level deep: parent tells the target, dialog does not", bili(rp(1001, replies=[
        rp(1002, 1001, 1001, dialog=1002), rp(1003, 1001, 1002, dialog=1002), rp(1004, 1001, 1003, dialog=1002)])), {
        "1001.parent_id": "av77", "1002.parent_id": "1001", "1003.parent_id": "1002", "1004.parent_id": "1003",
        "1004.root_id": "1001"}),
    quirk("bilibili", "replies may be null or empty", bili(rp(1001), rp(1002, replies=[])), ids="1001 1002"),
    *(quirk("bilibili", f"a pinned comment in {where} is told once", bili(rp(1001), rp(1000), **around),
            ids="1000 1001", skipped=1) for where, around in {
        "upper.top": {"upper": {"mid": 2, "top": rp(1000)}}, "top.upper": {"top": {"upper": rp(1000)}},
        "top": {"top": rp(1000)}, "top_replies": {"top_replies": [rp(1000)]}, "hots": {"hots": [rp(1000)]}}.items()),
    quirk("bilibili", "member may be null", bili(rp(1001, member=None, content={"message": "a", "members": None})), {
        "1001.author": "9", "1001.text": "a"}),
    quirk("bilibili", "the uploader is the owner", bili(rp(1001, mid=2), rp(1002)), {
        "1001.is_owner": True, "1002.is_owner": False}),
    quirk("bilibili", "rcount counts, count is larger", bili(rp(1001, rcount=2608, count=2733)), {
        "1001.n_replies": 2608}),
    quirk("bilibili", "oid of dynamics exceeds 2**53, its kind is told by type", bili(
        rp(5, type=17, oid=9007199254740993), rp(6, type=12, oid=77)), {
        "5.thread_id": "t17-9007199254740993", "6.thread_id": "t12-77"}),
    quirk("bilibili", "rpid_str and parent_str go first", bili(rp(
        1, rpid_str="190000000001", root_str="190000000000", parent_str="190000000000", root=1, parent=1)), {
        "190000000001.parent_id": "190000000000"}),
    quirk("bilibili", "replies of one comment come with it", bili(rp(1002, 1001, 1001), root=rp(1001)), {
        "1002.parent_id": "1001", "1002.root_id": "1001"}, ids="1001 1002"),
    quirk("bilibili", "the name in the text speaks for a target that only names the floor", bili(rp(1001, replies=[
        rp(1002, 1001, 1001, 2, ctime=1592018070), rp(1003, 1001, 1001, ctime=1592018080,
           content={"message": "回复 @u2 :好的"})])), {"1003.parent_id": "1001", "1003.tree": "1002"}),
    quirk("bilibili", "emotes stay as they are written", bili(rp(1001, content={"message": "好[doge]"})), {
        "1001.text": "好[doge]"}),
]  # fmt: skip


def wb(own, root=None, **more):
    return {"id": own, "rootid": root or own, "floor_number": 1, "created_at": "Sat Jun 14 12:00:00 +0800 2025",
            "text": "好看", "source": "来自上海", "like_count": 5, "total_number": 1,
            "user": {"id": 111, "screen_name": "小张"}} | more  # fmt: skip


def hotflow(*comments):
    return {"ok": 1, "data": {"data": list(comments), "total_number": len(comments), "max_id": 0}}


W1, W2, W3 = "4800000000000001", "4800000000000002", "4800000000000003"
SHOP = {"id": 222, "screen_name": "店"}


def built(own, root, target=None, **more):
    return {"id": own, "idstr": str(own), "rootid": root, "rootidstr": str(root), "text_raw": "好 <看>", "text": "好",
            "created_at": "Sat Jun 14 12:00:00 +0800 2025", "like_counts": 2, "user": {"id": 111, "screen_name": "小张"}
            } | ({"reply_comment": {"id": target, "text": "x"}} if target else {}) | more  # fmt: skip


STATUS = {"id": 4700, "idstr": "4700", "text": "新品", "created_at": "Sat Jun 14 11:00:00 +0800 2025",
          "comments_count": 2, "user": SHOP}  # fmt: skip
IMAGE = '好看<span class="url-icon"><img alt=[赞] src="x"/></span> &amp; <a href="/n/x">@甲</a>'
SPIDER = {"_id": 4826279188108038, "created_at": "2022-10-19 13:41:29", "like_counts": 1, "ip_location": "来自河南",
          "content": "谢谢", "comment_user": {"_id": "23", "nick_name": "店"}, "crawl_time": 1666863805}  # fmt: skip
CED = [{"mid": "m1", "uid": "1", "parent": "", "kids": ["m2"], "text": "", "date": "2012-09-16 15:05:11"},
       {"mid": "m2", "uid": "2", "parent": "m1", "kids": [], "text": "转", "date": "2012-09-16 15:06:11"}]  # fmt: skip
CRAWLED = {"id": "48", "bid": "N1", "weibo_id": "47", "root_id": "48", "user_id": "7",
           "created_at": "Sat Jun 14 12:00:00 +0800 2025", "user_screen_name": "小张", "text": "好",
               "like_count": 3}  # fmt: skip

WEIBO = [
    quirk("weibo", "at top level the root is the comment itself", hotflow(wb(W1), wb(W2, W1)), {
        f"{W1}.root_id": None, f"{W1}.parent_id": "x", f"{W2}.parent_id": W1, f"{W2}.root_id": W1}),
    quirk("weibo", "inlined replies are a list, or false", hotflow(
        wb(W1, comments=[wb(W2, W1, user=SHOP)]), wb(W3, comments=False)), {f"{W2}.parent_id": W1},
        ids=[W1, W2, W3]),
    quirk("weibo", "emoji are images with a name, links and entities in the text", hotflow(wb(W1, text=IMAGE)), {
        f"{W1}.text": "好看[赞] & @甲"}),
    *(quirk("weibo", f"the prefix tells the target: {text}", hotflow(wb(W1, comments=[
        wb(W2, W1, user=SHOP, created_at="Sat Jun 14 12:01:00 +0800 2025"),
        wb(W3, W1, text=text, created_at="Sat Jun 14 12:02:00 +0800 2025")])), {
        f"{W3}.parent_id": W1, f"{W3}.tree": W2}) for text in (
        "回复@店:多少钱", "回复@店：多少钱", "回复 @店 : 多少钱", "回复<a href='https://m.weibo.cn/n/店'>@店</a>:多少钱",
        "多少钱//@店:谢谢")),
    quirk("weibo", "a link to a picture comes with its words", hotflow(wb(
        W1, text='看<a href="https://x"><span class="url-icon"><img src="i.png"></span>查看图片</a>')), {
        f"{W1}.text": "看查看图片"}),
    *(quirk("weibo", f"deleted: {text}", hotflow(wb(W1, text=text)), {f"{W1}.deleted": True, f"{W1}.text": ""})
      for text in ("该评论已被删除", "抱歉，该评论已被删除。")),
    quirk("weibo", "likes and counters, the time has its zone", hotflow(wb(W1)), {
        f"{W1}.likes": 5, f"{W1}.n_replies": 1, f"{W1}.created": utc(2025, 6, 14, 4)}),
    quirk("weibo", "ids just below 2**53 as numbers", hotflow(wb(5300000000000001)), {
        "5300000000000001.parent_id": "x"}),
    quirk("weibo", "buildComments: reply_comment is the target, text_raw the text", {"ok": 1, "data": [
        built(12, 10, 11), built(11, 10)]}, {"12.parent_id": "11", "12.root_id": "10", "12.text": "好 <看>",
        "12.likes": 2}),
    quirk("weibo", "buildComments: the root stands beside its replies", {"ok": 1, "rootComment": [built(10, 10)],
          "data": [built(11, 10)]}, {"11.parent_id": "10", "10.parent_id": "x"}, ids="10 11"),
    quirk("weibo", "the root may stand among its replies again", {"ok": 1, "rootComment": built(10, 10),
          "data": [built(10, 10), built(11, 10)]}, ids="10 11", skipped=1),
    quirk("weibo", "the open API repeats the whole post with every comment", {"comments": [
        wb(W1, status=STATUS), wb(W2, user=SHOP, status=STATUS)], "hasvisible": False}, {
        "4700.text": "新品", "4700.n_replies": 2, f"{W1}.thread_id": "4700", f"{W2}.is_owner": True},
        ids=["4700", W1, W2]),
    quirk("weibo", "the older mobile API tells no year: no time is made up", {"ok": 1, "data": {"data": [
        {"id": 5, "created_at": "06-14 12:00", "text": "好", "user": {"id": 1, "screen_name": "甲"}, "like_counts": 3}],
        "max": 1}}, {"5.created": None, "5.likes": 3}),
    quirk("weibo-crawler", "its CSV has no parents", table(
        {k: v for k, v in CRAWLED.items() if k not in ("bid", "root_id", "user_id")}
        | {"created_at": "2024-01-01 08:00:00", "pic_url": ""}), {
        "48.parent_id": "47", "48.created": utc(2024, 1, 1), "48.author": "小张", "48.likes": 3}),
    quirk("weibo-crawler", "its text may be HTML", table(CRAWLED | {"text": "好<br>看 &amp; 吃"}),
        {"48.text": "好\n看 & 吃"}),
    quirk("weibo-crawler-posts", "posts in its database have English names", Files({"weibo.db": database(weibo=[
        {"id": "47", "bid": "N1", "user_id": "9", "screen_name": "店", "text": "新品", "attitudes_count": 5,
         "created_at": "2024-01-01", "full_created_at": "2024-01-01 08:00:00", "comments_count": 2}])}), {
        "47.text": "新品", "47.author": "9", "47.author_name": "店", "47.created": utc(2024, 1, 1), "47.likes": 5,
        "47.n_replies": 2}),
    quirk("weibo-crawler weibo-crawler-posts", "who wrote the post is the owner, in another file", Files(
        a=table(CRAWLED, CRAWLED | {"id": "49", "user_id": "9"}), b=table(
        {"id": "47", "bid": "N1", "用户id": "9", "用户昵称": "店", "正文": "新品", "评论数": "2"})), {
        "48.is_owner": False, "49.is_owner": True}),
    quirk("weibo weibo-posts", "a file named after its post, and the post in another file", Files({
        "4700.json": hotflow(wb(W1, user=SHOP)), "posts.json": {"statuses": [STATUS | {"mid": "4700"}]}}), {
        f"{W1}.thread_id": "4700", f"{W1}.is_owner": True}),
    quirk("weibo-posts", "short posts have no long text", {"statuses": [STATUS | {"mid": "4700",
        "text": "新品<br>来了"}]},
          {"4700.text": "新品\n来了"}),
    quirk("weibo-crawler", "its database has the floor and raw times", Files({"weibo.db": database(
        comments=[CRAWLED, CRAWLED | {"id": "49"}])}), {
        "48.parent_id": "47", "49.parent_id": "48", "49.root_id": "48", "48.created": utc(2025, 6, 14, 4)}),
    quirk("weibospider", "reply_comment is the target, local time, no post", lines(
        SPIDER, SPIDER | {"_id": 2, "reply_comment": {"_id": 4826279188108038, "text": "谢谢"}}), {
        "2.parent_id": "4826279188108038", "4826279188108038.parent_id": "x", "2.author_name": "店",
        "2.created": utc(2022, 10, 19, 5, 41, 29)}),
    quirk("weibo-ced", "forwards and comments, often empty, joined with their post by the file's name", Files({
        "rumor-repost/w.json": CED, "original-microblog/w.json": {
            "text": "新品", "time": 1347775511, "user": {"name": "x"}, "reposts": 3, "comments": 4, "likes": 6,
            "has_url": False}}), {
        "w.text": "新品", "w.n_replies": 7, "w.likes": 6, "m1.parent_id": "w", "m2.parent_id": "m1", "m1.text": "",
        "m1.created": utc(2012, 9, 16, 7, 5, 11)}),
    quirk("weibo-checked", "comments begin with a colon, times without seconds", {
        "id": "I1", "date": "2020-02-01 10:00", "user_id": "9", "text": "通报", "comment_num": 3, "reposts": [],
        "comments": [{"id": "C1", "date": "2020-02-01 10:05", "user_id": "9", "text": "：收到", "pic_url": ""}]}, {
        "C1.text": "收到", "C1.parent_id": "I1", "C1.created": utc(2020, 2, 1, 2, 5), "I1.n_replies": 3,
        "C1.is_owner": True}),
]  # fmt: skip


def zh(own, above="0", root="0", **more):
    return {"type": "comment", "id": own, "content": "<p>有道理</p>", "created_time": 1700000000, "like_count": 3,
            "is_delete": False, "reply_comment_id": above, "reply_root_comment_id": root, "child_comment_count": 1,
            "author": {"id": f"h{own}", "name": f"n{own}"}} | more  # fmt: skip


def answers(*comments, of="9"):
    return {"data": list(comments), "paging": {
        "is_end": True,
            "next": f"https://www.zhihu.com/api/v4/comment_v5/answers/{of}/root_comment?offset="}}  # fmt: skip


ZHIHU = [
    quirk("zhihu", "what is commented on stands in the address of the next page", answers(zh("111")), {
        "111.thread_id": "9", "111.parent_id": "9", "111.root_id": None}),
    *(quirk("zhihu", f"comments of {what}", {"data": [zh("111")], "paging": {
        "next": f"https://www.zhihu.com/api/v4/comment_v5/{what}/9/root_comment"}}, {"111.thread_id": "9"})
      for what in ("articles", "pins", "zvideos")),
    quirk("zhihu", "children are inlined and may answer each other", answers(zh("111", child_comments=[
        zh("112", "111", "111"), zh("113", "112", "111")])), {
        "112.parent_id": "111", "113.parent_id": "112", "113.root_id": "111"}),
    quirk("zhihu", "pages of children do not hold their root", Files(a=answers(zh("111")), b={
        "data": [zh("113", "112", "111")], "paging": {"next": "https://x/comment_v5/comment/111/child_comment"}}), {
        "113.thread_id": "9", "113.root_id": "111"}),
    quirk("zhihu", "content is HTML, pictures are links", answers(zh(
        "111", content='<p>对 &amp; <a class="comment_img" href="x">查看图片</a></p>')), {"111.text": "对 & 查看图片"}),
    quirk("zhihu", "blocked authors are missing", answers({k: v for k, v in zh("111").items() if k != "author"}), {
        "111.author": None}),
    quirk("zhihu", "other items are skipped", answers(zh("111"), {"type": "ad", "id": "5", "content": "x", "author": {},
          "reply_comment_id": "0"}), ids="111", skipped=1),
    quirk("zhihu", "deleted", answers(zh("111", is_delete=True)), {"111.deleted": True}),
    quirk("zhihu", "the author of the answer, by flag and by tag", answers(
        zh("111", is_author=True), zh("112", author_tag=[{"type": "content_author"}]), zh("113", author_tag=[])), {
        "111.is_owner": True, "112.is_owner": True, "113.is_owner": False}),
    quirk("zhihu", "the old API: number, member, vote_count", answers(
        {"type": "comment", "id": 5, "content": "a", "vote_count": 2, "created_time": 1700000000,
         "author": {"member": {"id": "h", "name": "n"}}}), {
        "5.author": "h", "5.author_name": "n", "5.likes": 2, "5.created": utc(2023, 11, 14, 22, 13, 20)}),
]  # fmt: skip

_HEAD = "id,group_id,thread_id,group_name,subject,body,author,author_id,author_avatar,timestamp,likes,is_highlighted," \
        "is_reply,is_topic_elite,image_urls\n"  # fmt: skip


def db(own, **more):
    return {"id": own, "text": "可以", "create_time": "2024-01-01 09:00:00", "author": {"id": "5", "name": "小李"},
            "vote_count": 2} | more  # fmt: skip


DOUBAN = [
    quirk("4cat", "Douban by 4CAT: the first row is the post, no parents, unknown likes", _HEAD
          + "300,b,300,八组,求推荐,<p>如题</p>,小王,1234,x,1700000000,0,no,no,no,\n"
          + "301,b,300,八组,,可以试试,小李,5678,x,1700000100,Unknown,no,yes,no,\n", {
        "300.text": "求推荐\n\n如题", "300.parent_id": None, "301.parent_id": "300", "301.likes": None,
        "301.author": "5678", "301.author_name": "小李", "301.created": utc(2023, 11, 14, 22, 15),
        "301.platform": "douban"}),
    quirk("douban", "the mobile API: quoted targets, local time, popular ones once", {
        "comments": [db("1"), db("2", ref_comment={"id": "1"}), db("3", parent_cid="1")], "popular_comments": [db("1")],
        "total": 3}, {"2.parent_id": "1", "3.parent_id": "1", "1.created": utc(2024, 1, 1, 1), "1.likes": 2},
        ids="1 2 3", skipped=1),
    quirk("douban", "the mobile API: replies nest", {"comments": [
        db("1", total_replies=1, replies=[db("2", parent_cid="1")])], "total": 1}, {
        "2.parent_id": "1", "1.n_replies": 1}),
]  # fmt: skip


def reply(own, who, text, quote="", vote="", time="2024-01-01 09:00:00 北京"):
    return (f'<li class="comment-item reply-item" id="{own}" data-cid="{own}"><div class="user-face">'
            f'<a href="https://www.douban.com/people/{who}/"><img class="pil" src="x.jpg" alt="n{who}"/></a></div>'
            f'<div class="reply-doc"><h4><a href="/people/{who}/">n{who}</a> <span class="pubtime">{time}</span></h4>'
            f'{quote}<p class="reply-content">{text}</p>{vote}</div></li>')  # fmt: skip


def quoted(who, text, whole=""):
    inner = f'<span class="short">{text}</span><span class="all ref-content">{whole}</span>' if whole else text
    return (f'<div class="reply-quote"><div class="reply-quote-content">{inner} <span class="pubdate">'
            f'<a href="https://www.douban.com/people/{who}/">n{who}</a></span></div></div>')  # fmt: skip


def douban(*comments, popular=(), topic=True):
    post = ('<h1>\n 求推荐 &amp; 避雷 \n</h1><div id="topic-content"><div class="user-face"><a href="/people/9/">'
            '<img src="x.jpg" alt="小王"/></a></div><span class="create-time">2024-01-01 08:00:00</span>'
            '<div class="topic-richtext"><p>如题</p><p>想换杯子</p></div></div>')  # fmt: skip
    return ('<!DOCTYPE html><html><head><link rel="canonical" href="https://www.douban.com/group/topic/300/"></head>'
            f'<body>{post if topic else ""}<ul id="popular-comments">{"".join(popular)}</ul>'
            f'<ul class="topic-reply" id="comments">{"".join(comments)}</ul></body></html>')  # fmt: skip


DOUBAN_PAGE = [
    quirk("douban-page", "the topic stands above its comments", douban(reply(1, 5, "可以<br>试试")), {
        "300.text": "求推荐 & 避雷\n\n如题\n\n想换杯子", "300.author": "9", "300.author_name": "小王",
        "300.created": utc(2024, 1, 1), "1.parent_id": "300", "1.text": "可以\n试试", "1.author": "5",
        "1.author_name": "n5"}, ids="300 1"),
    quirk("douban-page", "local times, with the place behind them", douban(reply(1, 5, "a")), {
        "1.created": utc(2024, 1, 1, 1)}),
    quirk("douban-page", "popular comments repeat", douban(reply(1, 5, "a"), reply(2, 6, "b"), popular=[
        reply(2, 6, "b")]), ids="300 1 2", skipped=1),
    quirk("douban-page", "a quote and its author tell the target", douban(
        reply(1, 5, "可以 试试"), reply(2, 5, "别买"), reply(3, 6, "真的吗", quoted(5, "可以试试"))), {
        "3.parent_id": "1", "2.parent_id": "300", "3.text": "真的吗"}),
    quirk("douban-page", "long quotes are cut, and stand there whole", douban(
        reply(1, 5, "可以试试这个"), reply(2, 6, "好", quoted(5, "可以…", whole="可以试试这个")),
        reply(3, 7, "好", quoted(5, "可以试试..."))), {"2.parent_id": "1", "3.parent_id": "1"}),
    quirk("douban-page", "a popular reply is listed above what it quotes", douban(
        reply(1, 5, "可以"), reply(2, 6, "好", quoted(5, "可以")), popular=[reply(2, 6, "好", quoted(5, "可以"))]), {
        "2.parent_id": "1"}),
    quirk("douban-page", "a quote from the page before", Files({
        "1.html": douban(reply(1, 5, "可以")), "2.html": douban(reply(2, 6, "好", quoted(5, "可以")))}), {
        "2.parent_id": "1", "2.thread_id": "300"}, ids="300 1 2"),
    quirk("douban-page", "a page that was saved without the topic", douban(reply(1, 5, "可以"), topic=False), {
        "1.parent_id": "300"}, ids="1"),
    quirk("douban-page", "a quote of what is not there", douban(reply(2, 6, "好", quoted(5, "没了"))), {
        "2.parent_id": "300"}),
    quirk("douban-page", "a topic without comments", douban(), ids="300"),
    quirk("douban-page", "title, time, face and link of an author may be missing", douban(reply(
        1, 5, "a", time="").replace("<a href=\"https://www.douban.com/people/5/\">", ""), '<li data-cid="2">'
        '<p class="reply-content">b</p></li>').replace("<h1", "<h2").replace("2024-01-01 08:00:00", ""), {
        "300.text": "如题\n\n想换杯子", "300.created": None, "1.author": "n5", "1.author_name": None, "1.created": None,
        "2.text": "b", "2.author": None}),
    quirk("douban-page", "likes in words, or none", douban(
        reply(1, 5, "a", vote='<a class="comment-vote lnk-fav">赞 (12)</a>'), reply(2, 6, "b", vote=(
            '<a class="comment-vote lnk-fav">赞</a>'))), {"1.likes": 12, "2.likes": None}),
    quirk("douban-page", "who wrote the topic is the owner", douban(reply(1, 9, "a"), reply(2, 5, "b")), {
        "1.is_owner": True, "2.is_owner": False}),
]  # fmt: skip


def floor(own, number, who, text="顶", lzl="", time="2024-08-06 22:11", **content):
    data = {
        "author": {"user_id": who, "user_name": f"u{who}", "portrait": f"tb.{who}?t=1"},
        "content": {"post_id": own, "thread_id": 9, "post_no": number, "comment_num": 2, "content": text} | content,
    }
    inner = f'<div id="post_content_{own}">{text}</div><span class="tail-info">{time}</span><ul>{lzl}</ul>'
    return f'<div class="l_post" data-field="{escape(json.dumps(data))}">{inner}</div>'  # fmt: skip


def lzl(own, who, text, time="2024-8-6 22:12"):
    data = escape(json.dumps({"spid": own, "showname": f"u{who}", "portrait": f"tb.{who}"}))
    return (f'<li class="lzl_single_post" data-field=\'{data}\'><a>u{who}</a>:<span class="lzl_content_main"> {text} '
            f'</span><div class="lzl_content_reply"><span class="lzl_time">{time}</span></div></li>')  # fmt: skip


def tieba(*parts):
    return (
        f"<!DOCTYPE html><html><head><title>新杯【杯子吧】_百度贴吧</title></head><body>{''.join(parts)}</body></html>"
    )


def fragment(kind, text):
    return {"type": kind, "text": text}


def pc(*posts, first=MappingProxyType({"id": 100, "author_id": 1, "time": 1769951446,
       "content": [{"type": 0, "text": "正文"}]})):  # fmt: skip
    return {"thread": {"id": 10, "title": "标题", "reply_num": 2}, "forum": {"id": 3, "name": "x"},
            "first_floor": dict(first), "post_list": list(posts),
            "user_list": [{"id": 1, "name_show": "楼主"}, {"id": 2, "name_show": "路人"}]}  # fmt: skip


def pcpost(own, who=2, *parts, **more):
    return {"id": own, "author_id": who, "time": 1769952062, "content": list(parts) or [fragment(0, "顶")],
            "sub_post_number": 4} | more  # fmt: skip


TIEBA = [
    quirk("tieba", "floors are JSON in attributes, escaped", tieba(floor(100, 1, 1, "好用吗<br>二"), floor(101, 2,
        2)), {
        "9.text": "新杯\n\n好用吗\n二", "101.parent_id": "9", "101.n_replies": 2, "101.author": "tb.2"},
        ids="9 101"),
    quirk("tieba", "replies below a floor", tieba(floor(100, 1, 1), floor(101, 2, 2, lzl=lzl(201, 1, "谢谢"))), {
        "201.parent_id": "101", "201.root_id": "101", "201.text": "谢谢"}),
    quirk("tieba", "the name in such a reply tells the target", tieba(floor(100, 1, 1), floor(101, 2, 2, lzl=lzl(
        201, 1, "谢谢") + lzl(202, 3, "回复 <a>u1</a> :不客气", "2024-8-7 9:01"))), {
        "202.text": "回复 u1 :不客气", "202.tree": "201"}),
    quirk("tieba", "local times, with and without zeros", tieba(floor(100, 1, 1), floor(101, 2, 2, lzl=lzl(
        201, 1, "谢谢", "2024-8-7 9:01"))), {
        "101.created": utc(2024, 8, 6, 14, 11), "201.created": utc(2024, 8, 7, 1, 1)}),
    quirk("tieba", "who opened the thread is the owner, below floors too", tieba(
        floor(100, 1, 1), floor(101, 2, 1), floor(102, 3, 2, lzl=lzl(201, 1, "谢谢"))), {
        "101.is_owner": True, "201.is_owner": True, "102.is_owner": False}),
    quirk("tieba", "the poster's mark on a later page", tieba(floor(
        101, 31, 1, lzl='<div class="louzhubiaoshi"></div>')), {"101.is_owner": True, "101.thread_id": "9"}),
    quirk("tieba", "the text may stand in the page only", tieba(floor(100, 1, 1, "好用吗<br>二").replace(
        "&quot;content&quot;: &quot;好用吗&lt;br&gt;二&quot;", "&quot;content&quot;: null").replace(
        "&quot;content&quot;: &quot;\\u597d\\u7528\\u5417&lt;br&gt;\\u4e8c&quot;", "&quot;content&quot;: null")), {
        "9.text": "新杯\n\n好用吗\n二"}),
    quirk("tieba", "the heading goes before the title of the window", tieba(
        '<h3 class="core_title_txt" title="新杯好用吗">新杯好…</h3>', floor(100, 1, 1)),
            {"9.text": "新杯好用吗\n\n顶"}),
    quirk("tieba", "replies alone, with the address of their thread", tieba(
        '<a href="https://tieba.baidu.com/p/9?pn=2">2</a>', lzl(201, 1, "谢谢", time="")), {
        "201.thread_id": "9", "201.parent_id": "9", "201.created": None}),
    quirk("tieba", "an author without portrait is known by name", tieba(floor(101, 2, 2).replace("tb.2?t=1", "")), {
        "101.author": "2", "101.author_name": "u2"}),
    quirk("tieba", "only unfolded replies were saved", lzl(201, 1, "谢谢"), {"201.text": "谢谢", "201.parent_id": "x"}),
    quirk("tieba-api", "page_pc: authors stand in a list of their own", pc(pcpost(101), pcpost(102, 1)), {
        "10.text": "标题\n\n正文", "10.n_replies": 2, "101.author": "2", "101.author_name": "路人", "101.n_replies": 4,
        "102.is_owner": True, "101.created": utc(2026, 2, 1, 13, 21, 2)}, ids="10 101 102"),
    quirk("tieba-api", "content is a list of fragments", pc(pcpost(101, 2, fragment(0, "顶 "), fragment(4, "@楼主"),
          fragment(2, "[doge]"), {"type": 3, "src": "x"})), {"101.text": "顶 @楼主[doge]"}),
    quirk("tieba-api", "the answer may stand in data", {"error_code": 0, "data": pc(pcpost(101))}, {
        "10.text": "标题\n\n正文", "101.author_name": "路人"}),
    quirk("tieba-api", "content may be one string", pc(pcpost(101) | {"content": "顶"},
        pcpost(102) | {"content": None}), {
        "101.text": "顶", "102.text": ""}),
    quirk("tieba-api", "aiotieba: a target is told by the first fragments only", {"post_list": [
        {"id": 101, "tid": 10, "floor": 2, "time": 1769952062, "author_id": 2, "agree": {"agree_num": 3}, "content": [
            fragment(0, "顶")], "sub_post_list": [
            {"id": 201, "tid": 10, "time": 1769952070, "author_id": 1, "content": [fragment(0, "谢谢")],
             "author": {"name": "楼主"}},
            {"id": 202, "tid": 10, "time": 1769952080, "author_id": 3, "content": [
                fragment(0, "回复 "), {"type": 4, "text": "楼主", "uid": 1}, fragment(0, " :不客气")]}]}]}, {
        "202.text": "回复 楼主 :不客气", "202.parent_id": "101", "202.tree": "201", "101.likes": 3,
        "201.thread_id": "10"}),
]  # fmt: skip


def song(own, quoted=None, **more):
    return {"commentId": own, "parentCommentId": 0, "user": {"userId": 5, "nickname": "甲"}, "content": "好听",
            "time": 1413530574252, "likedCount": 3, "beReplied": [{"beRepliedCommentId": quoted, "content": "x",
            "user": {"userId": 6}}] if quoted else []} | more  # fmt: skip


def netease(*comments, **more):
    return {"code": 200, "comments": list(comments), "hotComments": [], "topComments": [], "total": 2} | more


NETEASE = [
    quirk("netease", "a reply has parent 0 and says by its quote whom it answers", netease(song(11), song(12, 11)), {
        "11.parent_id": "x", "12.parent_id": "11"}),
    quirk("netease", "what is quoted is often not in the list", netease(song(12, 7)), {"12.parent_id": "7"}, ids="12"),
    quirk("netease", "hot comments repeat", netease(song(11), hotComments=[song(11)]), ids="11", skipped=1),
    quirk("netease", "top comments, and both lists of the new API", Files(
        a=netease(topComments=[song(11)]), b={"code": 200, "data": {"hotComments": [song(12)], "comments": [],
        "topComments": [song(13)]}}), ids="11 12 13"),
    quirk("netease", "times in milliseconds", netease(song(11)), {
        "11.created": utc(2014, 10, 17, 7, 22, 54, 252_000), "11.likes": 3}),
    quirk("netease", "the song stands in threadId only", netease(song(11), threadId="R_SO_4_5"), {
        "11.thread_id": "R_SO_4_5"}),
    quirk("netease", "counters of replies, often null", netease(
        song(11, showFloorComment={"replyCount": 4}), song(12, showFloorComment=None)), {
        "11.n_replies": 4, "12.n_replies": None}),
    quirk("netease", "the quoted comment was deleted", netease(song(12, beReplied=[
        {"beRepliedCommentId": 0, "content": None, "status": -5}], parentCommentId=11)), {"12.parent_id": "11"}),
    quirk("netease", "the new API has its lists in data and the floor beside them", {"code": 200, "data": {
        "ownerComment": song(10), "comments": [song(11, parentCommentId=10)]}}, {"11.parent_id": "10"}, ids="10 11"),
]  # fmt: skip

QUIRKS = [*MEDIACRAWLER, *XIAOHONGSHU, *DOUYIN, *BILIBILI, *WEIBO, *ZHIHU, *DOUBAN, *DOUBAN_PAGE, *TIEBA, *NETEASE]
