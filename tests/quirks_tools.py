"""Quirks of Zeeschuimer and 4CAT, and those that any format may have: bytes, wrappings, ids, roots, times."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zipfile
from io import BytesIO

import zstandard
from quirks import quirk, utc
from quirks_chinese import database, dy, note, workbook
from quirks_video_social import OLD
from reading import lines


def caught(platform, data, own="1", **more):
    """An envelope of Zeeschuimer."""
    return {"nav_index": "1:4:0", "item_id": own, "timestamp_collected": 1697108706245, "source_platform": platform,
            "source_platform_url": "https://e.example", "source_url": "https://e.example/api", "user_agent": "x",
            "data": data, "id": 12} | more  # fmt: skip


TIKTOK = dy("7001", id="7001")
TWEET = {"rest_id": "5", "legacy": {k: v for k, v in OLD.items() if k != "user"} | {"user_id_str": "8"},
         "core": {"user_results": {"result": {"rest_id": "8", "legacy": {"screen_name": "bob"}}}}}  # fmt: skip
NESTED = note("a1", sub_comments=[note("a2", "u2", "a1")])

ZEESCHUIMER = [
    quirk("zeeschuimer", "TikTok comments: the platform's object in an envelope", lines(
        caught("tiktok-comments", TIKTOK), caught("tiktok-comments", dy("7002", "7001"))), {
        "7001.parent_id": "6001", "7002.parent_id": "7001", "7001.platform": "tiktok", "7001.likes": 3}),
    quirk("zeeschuimer", "Xiaohongshu comments: replies are the inlined ones", lines(
        caught("xiaohongshu-comments", NESTED)), {"a1.parent_id": "n1", "a2.parent_id": "a1"}),
    quirk("zeeschuimer", "X: legacy fields, the author elsewhere, older versions name the domain", lines(
        caught("twitter.com", TWEET), caught("twitter", {**TWEET, "rest_id": "6", "legacy": {
            **TWEET["legacy"], "id_str": "6"}})), {
        "5.text": "a & b", "5.parent_id": "4", "5.author": "8", "5.author_name": "bob", "6.thread_id": "4"}),
    quirk("zeeschuimer", "Douyin", lines(caught("douyin.com", dy("7001"))), {"7001.platform": "douyin"}),
    quirk("zeeschuimer", "platforms without comments are rejects, by name", lines(
        caught("tiktok-comments", TIKTOK), caught("linkedin.com", {"urn": 1})), ids="7001", rejected=1),
    quirk("zeeschuimer", "an item that was seen again: the later one counts", lines(
        caught("tiktok-comments", TIKTOK), caught("tiktok-comments", dy("7001", digg_count=9))), {
        "7001.likes": 9, "7001.tree": "6001"}, twice=1),
    quirk("douyin", "through 4CAT the envelope is flattened",
        lines(TIKTOK | {"__import_meta": {"source_platform": "x"}}), {
        "7001.parent_id": "6001"}),
    quirk("4cat", "the CSV of 2026 has semicolons and the names of 4CAT",
          "collected_from_url;id;thread_id;author;author_full;body;timestamp;unix_timestamp;likes;replies;post_id;"
          "is_comment_on_comment\n"
          'x;7001;6001;bob;Bob;"say ""hi""; ok";2023-10-11 00:00:00;1697000000;3;1;6001;no\n'
          "x;7002;7001;eve;Eve;yo;2023-10-11 00:01:00;1697000060;0;0;6001;yes\n", {
        "7001.text": 'say "hi"; ok', "7001.likes": 3, "7001.n_replies": 1, "7001.parent_id": "6001",
        "7002.parent_id": "7001", "7002.root_id": "7001", "7002.thread_id": "6001"}),
]  # fmt: skip

REQUIRED = "id,thread_id,author,body,timestamp,unix_timestamp"

FOURCAT = [
    quirk("4cat", "the post is the row whose id is the thread's", f"{REQUIRED}\n"
          "101,101,Anonymous,First,2024-01-01 00:00:00,1704067200\n"
          "102,101,Anonymous,ok,2024-01-01 00:01:00,1704067260\n",
          {"101.parent_id": None, "102.parent_id": "101", "102.created": utc(2024, 1, 1, 0, 1)}),
    quirk("4cat", "4chan: parents are numbers in the text", f"{REQUIRED},subject,board\n"
          "101,101,Anonymous,First,2024-01-01 00:00:00,1704067200,Cups,x\n"
          '102,101,Anonymous,">>101\nnope",2024-01-01 00:01:00,1704067260,,x\n'
          '103,101,Anonymous,">>102\nwhy",2024-01-01 00:02:00,1704067320,,x\n', {
        "101.text": "Cups\n\nFirst", "102.parent_id": "101", "103.parent_id": "102", "103.platform": "4chan"}),
    quirk("4cat", "Telegram: ids are chat and message, targets bare", f"{REQUIRED},chat,reply_to,is_reply\n"
          "c-1,c,ann,hi,2024-01-01 00:00:00,1704067200,c,,no\nc-2,c,bob,ho,2024-01-01 00:01:00,1704067260,c,1,yes\n", {
        "c-1.parent_id": "c", "c-2.parent_id": "c-1", "c-2.platform": "telegram"}),
    quirk("4cat", "X: the thread is the conversation, no parents", f"{REQUIRED},is_reply,replied_user,like_count\n"
          "1,1,shop,New,2024-01-01 00:00:00,1704067200,no,,5\n2,1,bob,ok,2024-01-01 00:01:00,1704067260,yes,shop,0\n", {
        "2.parent_id": "1", "1.likes": 5, "1.parent_id": None}),
    quirk("4cat", "Xiaohongshu: the thread is the note", f"{REQUIRED},likes\n"
          "a1,n1,小王,好,2024-01-01 00:00:00,1704067200,7\n", {"a1.parent_id": "n1", "a1.likes": 7}),
    quirk("4cat", "VK: replies name the comment", f"{REQUIRED},in_reply_to_comment_id\n"
          "10,9,71,hm,2024-01-01 00:00:00,1704067200,\n11,9,5,no,2024-01-01 00:01:00,1704067260,10\n", {
        "10.parent_id": "9", "11.parent_id": "10", "11.platform": "vk"}),
    quirk("youtube-data-tools", "through 4CAT a comment names itself as thread, a reply its floor",
          f"{REQUIRED},replyCount,likeCount,publishedAt,authorName,text,isReply,isReplyTo\n"
          "A,A,@bob,hi,2024-01-01 00:00:00,1704067200,1,3,2024-01-01 00:00:00,@bob,hi,0,\n"
          "A.1,A,@eve,yo,2024-01-01 00:01:00,1704067260,,0,2024-01-01 00:01:00,@eve,yo,1,A\n"
          "B,B,@eve,hm,2024-01-01 00:02:00,1704067320,0,0,2024-01-01 00:02:00,@eve,hm,0,\n", {
        "A.thread_id": "x", "A.parent_id": "x", "B.parent_id": "x", "A.1.parent_id": "A", "A.1.root_id": "A",
        "A.likes": 3, "A.n_replies": 1, "A.platform": "youtube"}, ids="A A.1 B"),
    quirk("youtube-data-tools", "replies name their floor, nothing names the video",
        "id,replyCount,likeCount,publishedAt,authorName,text,isReply,isReplyTo\n"
          "A,1,3,2024-01-01 00:00:00,@bob,hi,0,\nA.1,,0,2024-01-01 00:01:00,@eve,yo,1,A\n", {
        "A.parent_id": "x", "A.1.parent_id": "A", "A.1.root_id": "A", "A.likes": 3, "A.author": "bob"}),
    quirk("4cat", "pseudonyms are hashes, missing values are empty", f"{REQUIRED},likes\n"
          "1,9,5f4dcc3b5aa765d6,hi,2024-01-01 00:00:00,1704067200,\n2,9,,ho,,,\n", {
        "1.author": "5f4dcc3b5aa765d6", "1.likes": None, "2.author": None, "2.created": None}),
    quirk("4cat", "unix_timestamp goes before the server's local time", f"{REQUIRED},num_likes\n"
          "1,9,a,hi,2024-01-01 08:00:00,1704067200,4\n", {"1.created": utc(2024, 1, 1), "1.likes": 4}),
    quirk("4cat", "author is a handle or a display name, as author_id is there or not",
        f"{REQUIRED},author_full,author_id\n"
          "1,9,bob,hi,2024-01-01 00:00:00,1704067200,Bob Roe,\n2,9,Ann,hi,2024-01-01 00:00:00,1704067200,Ann Poe,7\n", {
        "1.author": "bob", "1.author_name": "Bob Roe", "2.author": "7", "2.author_name": "Ann"}),
    quirk("4cat", "without unix_timestamp the timestamp is of Greenwich", "id,thread_id,author,body,timestamp\n"
          "1,9,a,hi,2024-01-01 00:00:05\n", {"1.created": utc(2024, 1, 1, 0, 0, 5)}),
]  # fmt: skip

RECORD = {"id": "c", "thread_id": "p", "text": "好 ok"}
TEXT = lines(RECORD)


def zipped(**files):
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


BYTES = [
    *(quirk("canonical", f"{name} is told by its first bytes", content, {"c.text": "好 ok"}) for name, content in {
        "gzip": gzip.compress(TEXT.encode()), "zstd": zstandard.compress(TEXT.encode()),
        "bzip2": bz2.compress(TEXT.encode()), "xz": lzma.compress(TEXT.encode()), "zip": zipped(a=TEXT),
        "a byte order mark": b"\xef\xbb\xbf" + TEXT.encode(), "utf-16": TEXT.encode("utf-16")}.items()),
    quirk("table", "GB18030 is told by its bytes",
        "评论ID,用户昵称,评论内容\n1,小张,这个杯子会漏水吗\n".encode("gb18030"), {
        "1.text": "这个杯子会漏水吗", "1.author": "小张"}),
    quirk("records", "SQLite is told by its first bytes", database(
        t=[{"comment_id": "1", "body": "hi", "author": "a"}]), {"1.text": "hi"}),
    quirk("records", "a workbook is told from other zip files", workbook(
        t=[{"comment_id": "1", "body": "hi", "author": "a"}]), {"1.text": "hi"}),
    quirk("canonical", "data after the first object makes JSON lines", json.dumps(RECORD) + json.dumps(
        RECORD | {"id": "d"}), ids="c d"),
    *(quirk("table", f"columns separated by {name}", sep.join(("id", "body", "author")) + "\n"
            + sep.join(("1", "hi", "ann")) + "\n", {"1.text": "hi", "1.author": "ann"})
      for name, sep in (("commas", ","), ("semicolons", ";"), ("tabs", "\t"))),
]  # fmt: skip


def made(**more):
    """A record of unknown make."""
    return {"comment_id": "5", "post_id": "p", "content": "hi", "user": "ann"} | more


IDS = [
    quirk("records", "ids beyond 2**53 as numbers are exact", [made(comment_id=2**60 + 1, parent_id=2**60 + 3)], {
        f"{2**60 + 1}.parent_id": str(2**60 + 3)}),
    quirk("table", "ids that pandas has written as floats", "comment_id,parent_id,user_id,body\n119236.0,,7.0,a\n"
          "3.0,119236.0,7.0,b\n", {"119236.author": "7", "3.parent_id": "119236"}),
    quirk("table", "ids in exponent notation are data loss", "comment_id,parent_id,user_id,body\n"
          "1.38024e+18,,7,a\n3,1.38024e+18,1.2e+17,b\n", {"3.parent_id": "x"}, ids="3", rejected=1),
    *(quirk("records", f"a root is marked by {root!r}", [made(parent_id=root)], {"5.parent_id": "p"})
      for root in (None, "", 0, "0", "root", "5", "p", "null", -1)),
    quirk("records", "a root is marked by no key", [made()], {"5.parent_id": "p"}),
]  # fmt: skip

NOON = utc(2017, 10, 31, 12)
TIMES = [
    *(quirk("records", f"a time as {time!r}", [made(created_at=time)], {"5.created": want}) for time, want in (
        (1509451200, NOON), (1509451200000, NOON), ("1509451200", NOON), (1509451200.5, utc(2017, 10, 31, 12, 0, 0,
            500_000)),
        ("2017-10-31T12:00:00Z", NOON), ("2017-10-31T12:00:00+0000", NOON), ("2017-10-31T14:00:00+02:00", NOON),
        ("2017-10-31T12:00:00", NOON), ("2017-10-31 12:00", NOON), ("Tue Oct 31 12:00:00 +0000 2017", NOON),
        ("Tue, 31 Oct 2017 12:00:00 GMT", NOON), ("10-31 12:00", None), ("3 days ago", None), ("刚刚", None))),
]  # fmt: skip

QUIRKS = [*ZEESCHUIMER, *FOURCAT, *BYTES, *IDS, *TIMES]
