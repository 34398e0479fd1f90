"""WordPress, Reddit, YouTube and MediaCrawler exports: ids, parents, owners, times, counters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from reading import lines, owners, parents, put, read_all, reasons

from nlp_engage.counters import completeness
from nlp_engage.tree import build_trees


def _reddit(kind, **data):
    return {"kind": kind, "data": data}


def _listing(*children):
    return _reddit("Listing", children=list(children))


POST = _reddit("t3", id="zz1", name="t3_zz1", title="Which cup?", selftext="Mine &amp; yours", author="ann",
               created_utc=1700000000.0, created=1700028800.0, num_comments=12, score=9)  # fmt: skip
THREAD = [
    _listing(POST),
    _listing(
        _reddit("t1", id="c1", name="t1_c1", parent_id="t3_zz1", link_id="t3_zz1", author="bob", body="a &lt; b",
            score=-2,
                created_utc=1700000100.0, replies=_listing(
            _reddit("t1", id="c2", parent_id="t1_c1", link_id="t3_zz1", author="[deleted]", body="[removed]",
                replies="",
                    created_utc=1700000200.0),
            _reddit("t1", id="c3", parent_id="t1_c1", link_id="t3_zz1", author="ann", body="ok", is_submitter=True,
                replies=_listing(
                _reddit("more", id="_", name="t1__", parent_id="t1_c3", count=0, children=[]))),
            _reddit("more", id="c4", parent_id="t1_c1", count=7, children=["c4", "c5"]))),
        _reddit("more", id="c9", name="t1_c9", parent_id="t3_zz1", count=3, children=["c9"]),
    ),
]  # fmt: skip


def test_reddit_threads_with_stubs(tmp_path):
    found, report = read_all(put(tmp_path, "x.json", THREAD))
    assert parents(found) == {"t3_zz1": None, "t1_c1": "t3_zz1", "t1_c2": "t1_c1", "t1_c3": "t1_c1"}
    assert found["t3_zz1"].text == "Which cup?\n\nMine & yours"
    assert found["t3_zz1"].created == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert (found["t1_c1"].text, found["t1_c1"].likes, found["t1_c1"].n_replies) == ("a < b", -2, 9)
    assert (found["t1_c2"].deleted, found["t1_c2"].text, found["t1_c2"].author) == (True, "", None)
    assert found["t1_c3"].n_replies == 1
    assert owners(found) == {"t1_c3"}
    assert report.skipped == {"Reddit 'more' stubs": 3, "replies behind Reddit 'more' stubs (not in the archive)": 11}
    assert completeness(next(iter(build_trees(found.values())))) == (3, 12)


@pytest.mark.parametrize("wrap", [
    lambda thing: {"json": {"errors": [], "data": {"things": [thing]}}}, lambda thing: _listing(thing),
        lambda thing: [thing],
    lambda thing: {"data": [thing["data"]]}, lambda thing: thing["data"],
], ids=["morechildren", "listing", "things", "pullpush", "bare"])  # fmt: skip
def test_reddit_comments_in_other_wrappings(tmp_path, wrap):
    thing = _reddit(
        "t1", id="c1", parent_id="t1_c0", link_id="t3_zz1", author="bob", body="hi", created_utc="1435003525"
    )
    found, report = read_all(put(tmp_path, "x.json", wrap(thing)))
    assert parents(found) == {"t1_c1": "t1_c0"}
    assert found["t1_c1"].thread_id == "t3_zz1"
    assert found["t1_c1"].created == datetime(2015, 6, 22, 20, 5, 25, tzinfo=UTC)
    assert report.n_rejected == 0


def test_reddit_replies_nested_thousands_deep(tmp_path):
    opened, closed = [], []
    for i in range(8_000):
        parent = f"t1_c{i - 1}" if i else "t3_z"
        opened.append(f'{{"kind":"Listing","data":{{"children":[{{"kind":"t1","data":{{"id":"c{i}","parent_id":"{parent}",'
                      '"link_id":"t3_z","body":"x","replies":')  # fmt: skip
        closed.append("}}]}}")
    found, _ = read_all(put(tmp_path, "x.json", "[" + "".join(opened) + '""' + "".join(closed) + "]"))
    assert len(found) == 8_000
    assert len(next(iter(build_trees(found.values())))) == 8_001


WXR = """<?xml version="1.0" encoding="UTF-8" ?>
<rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Cups & co</title><link>https://cups.example</link>
<wp:author><wp:author_id>4</wp:author_id><wp:author_login><![CDATA[shop]]></wp:author_login>
<wp:author_email>Shop@cups.example</wp:author_email></wp:author>
<item><title>Hello &amp; hi</title><link>https://cups.example/hello</link><dc:creator><![CDATA[shop]]></dc:creator>
<content:encoded><![CDATA[<!-- wp:paragraph --><p>Body</p><!-- /wp:paragraph -->
More]]></content:encoded><wp:post_id>5</wp:post_id><wp:post_date_gmt>2014-01-14 10:00:00</wp:post_date_gmt>
<wp:postmeta><wp:meta_key>wp:comment_id</wp:meta_key></wp:postmeta>
<wp:comment><wp:comment_id>5</wp:comment_id><wp:comment_author><![CDATA[Ann]]></wp:comment_author>
 <wp:comment_author_email>ann@mail.example</wp:comment_author_email>
 <wp:comment_date>2014-01-15 00:32:12</wp:comment_date><wp:comment_date_gmt>2014-01-14 17:32:12</wp:comment_date_gmt>
 <wp:comment_content><![CDATA[One\nline <em>Q&amp;A</em> ]]]]><![CDATA[> x]]></wp:comment_content>
 <wp:comment_approved>1</wp:comment_approved><wp:comment_type></wp:comment_type>
 <wp:comment_parent>0</wp:comment_parent><wp:comment_user_id>0</wp:comment_user_id>
 <wp:commentmeta><wp:meta_key>x</wp:meta_key><wp:meta_value>wrong</wp:meta_value></wp:commentmeta></wp:comment>
<wp:comment><wp:comment_id>6</wp:comment_id><wp:comment_author>Shop</wp:comment_author>
 <wp:comment_date_gmt>2014-01-15 08:00:00</wp:comment_date_gmt>
 <wp:comment_content>I <3 Q&A & &nbsp;more\x01</wp:comment_content>
 <wp:comment_approved>1</wp:comment_approved><wp:comment_parent> 5 </wp:comment_parent>
 <wp:comment_user_id>4</wp:comment_user_id>
</wp:comment>
<wp:comment><wp:comment_id>7</wp:comment_id><wp:comment_type>pingback</wp:comment_type></wp:comment>
<wp:comment><wp:comment_id>8</wp:comment_id><wp:comment_approved>spam</wp:comment_approved></wp:comment>
<wp:comment><wp:comment_content>no id</wp:comment_content></wp:comment></item>
<item><title>logo</title><wp:post_id>9</wp:post_id><wp:post_type>attachment</wp:post_type></item>
<item><title>Quiet</title><wp:post_id>10</wp:post_id><wp:post_type>post</wp:post_type></item></channel></rss>"""


def test_wordpress_exports_that_are_not_well_formed(tmp_path):
    found, report = read_all(put(tmp_path, "x.xml", WXR))
    one, two = "cups.example/?p=5#comment-5", "cups.example/?p=5#comment-6"
    assert parents(found) == {"cups.example/?p=5": None, one: "cups.example/?p=5", two: one, "cups.example/?p=10": None}
    assert found["cups.example/?p=5"].text == "Hello & hi\n\nBody\n\nMore"
    assert found[one].text == "One\nline Q&A ]]> x"
    assert found[two].text == "I <3 Q&A & \xa0more"
    assert found[one].created == datetime(2014, 1, 14, 17, 32, 12, tzinfo=UTC)
    assert (found[two].author, found["cups.example/?p=5"].author) == ("cups.example/user/4",) * 2
    assert found[one].author_name == "Ann"
    assert found[one].author.startswith("guest-")
    assert "ann@mail" not in repr(found), "addresses stay out of the archive"
    assert owners(found) == {two}
    assert reasons(report) == ["a comment without wp:comment_id"]
    assert report.skipped == {"pingbacks and trackbacks": 1, "comments marked as spam": 1,
                              "WordPress items that are no published posts (attachment)": 1}  # fmt: skip


def test_a_wordpress_export_that_breaks_off_keeps_what_is_whole(tmp_path):
    found, report = read_all(put(tmp_path, "x.xml", WXR[: WXR.index("<wp:comment_id>6")]))
    assert set(found) == {"cups.example/?p=5", "cups.example/?p=5#comment-5"}
    assert reasons(report) == ["the export breaks off inside <wp:comment>"]


def _youtube(own, who, text, likes=0, **snippet):
    return {"kind": "youtube#comment", "id": own, "snippet": {
        "textDisplay": text, "authorDisplayName": f"@{who}", "authorChannelId": {"value": f"UC{who}"},
        "likeCount": likes,
        "publishedAt": "2024-01-01T00:00:00Z", "updatedAt": "2024-01-01T00:00:00Z", **snippet}}  # fmt: skip


def _youtube_thread(top, replies, **snippet):
    return {"kind": "youtube#commentThread", "id": top["id"], "replies": {"comments": replies},
            "snippet": {"videoId": "v1", "channelId": "UCshop", "topLevelComment": top, **snippet}}  # fmt: skip


def test_youtube_threads_replies_and_videos(tmp_path):
    put(
        tmp_path,
        "1_threads.json",
        {
            "kind": "youtube#commentThreadListResponse",
            "items": [
                _youtube_thread(
                    _youtube("UgA", "bob", "wow &amp; <br>ok", likes=3),
                    [_youtube("UgA.x1", "shop", "@bob &#39;thanks&#39;", parentId="UgA", textOriginal="@bob 'thanks'")],
                    totalReplyCount=3,
                )
            ],
        },
    )
    put(
        tmp_path,
        "2_replies.json",
        {
            "kind": "youtube#commentListResponse",
            "items": [
                _youtube("UgA.x2", "eve", "@shop hm", parentId="UgA"),
                _youtube("UgB.x3", "eve", "lost", parentId="UgB"),
            ],
        },
    )
    put(tmp_path, "3_videos.json", {"kind": "youtube#videoListResponse", "items": [
        {"kind": "youtube#video", "id": "v1", "snippet": {"title": "Cups", "description": "New", "channelId": "UCshop",
         "channelTitle": "Shop", "publishedAt": "2023-12-31T00:00:00Z"},
         "statistics": {"commentCount": "4", "likeCount": "10"}}]})  # fmt: skip
    found, report = read_all(tmp_path)
    assert parents(found) == {"v1": None, "UgA": "v1", "UgA.x1": "UgA", "UgA.x2": "UgA", "UgB.x3": "UgB"}
    assert {i: c.thread_id for i, c in found.items()} == dict.fromkeys(("v1", "UgA", "UgA.x1", "UgA.x2"), "v1") | {
        "UgB.x3": "2_replies"
    }
    assert [found[i].root_id for i in ("UgA", "UgA.x1", "UgA.x2")] == [None, "UgA", "UgA"]
    assert (found["UgA"].text, found["UgA"].n_replies, found["UgA"].likes) == ("wow &\nok", 3, 3)
    assert (found["UgA"].author, found["UgA"].author_name) == ("UCbob", "bob")
    assert (found["v1"].text, found["v1"].n_replies) == ("Cups\n\nNew", 4)
    assert owners(found) == {"UgA.x1"}
    trees = {t.thread_id: t for t in build_trees(found.values())}
    real = {
        c.id: trees["v1"].comments[p].id
        for c, p in zip(trees["v1"].comments, trees["v1"].parents, strict=True)
        if p >= 0
    }
    assert real["UgA.x2"] == "UgA.x1", "the handle in the text tells the true target"
    assert report.n_rejected == 0


XHS_POST = {"note_id": "66d5", "type": "normal", "title": "杯子", "desc": "新品", "time": 1725600000000,
    "user_id": "u9",
            "nickname": "店", "liked_count": "1.2万", "comment_count": "1千+",
            "last_modify_ts": 1757055252618}  # fmt: skip
XHS = {"comment_id": "66aa01", "create_time": 1725693101000, "ip_location": "上海", "note_id": "66d5",
    "content": "什么材质[偷笑R]",
       "user_id": "u1", "nickname": "小王", "sub_comment_count": "1", "pictures": "", "parent_comment_id": 0,
       "last_modify_ts": 1757055252618, "like_count": "10"}  # fmt: skip
XHS_REPLY = XHS | {
    "comment_id": "66aa02",
    "user_id": "u9",
    "content": "蓝色",
    "parent_comment_id": "66aa01",
    "sub_comment_count": 0,
}


def _new(record):
    """The same record as the teaching edition writes it since July 2026."""
    kept = {k: v for k, v in record.items() if k not in ("user_id", "ip_location", "avatar")}
    parent = {"parent_comment_id": kept["parent_comment_id"] or ""} if "parent_comment_id" in kept else {}
    return kept | {"creator_hash": record["user_id"] * 8, "nickname": "小***王"} | parent


def _csv(*records):
    names = list(records[0])
    rows = [names, *([str("" if r.get(n) is None else r.get(n, "")) for n in names] for r in records)]
    return "\ufeff" + "".join(",".join(row) + "\r\n" for row in rows)


@pytest.mark.parametrize("edition", [dict, _new], ids=["classic", "teaching"])
@pytest.mark.parametrize("form", [list, lambda r: lines(*r), lambda r: _csv(*r)], ids=["json", "jsonl", "csv"])
def test_mediacrawler_xiaohongshu(tmp_path, edition, form):
    put(tmp_path, "xhs/1_search_comments", form([edition(XHS), edition(XHS_REPLY)]))
    put(tmp_path, "xhs/1_search_contents", form([edition(XHS_POST)]))
    put(tmp_path, "xhs/1_search_creators", form([{"user_id": "u9", "nickname": "店", "fans": 3, "last_modify_ts": 1}]))
    found, report = read_all(tmp_path)
    assert parents(found) == {"66d5": None, "66aa01": "66d5", "66aa02": "66aa01"}
    assert owners(found) == {"66aa02"}
    assert found["66d5"].text == "杯子\n\n新品"
    assert (found["66d5"].likes, found["66d5"].n_replies) == (12000, 1000)
    assert found["66aa01"].created == datetime(2024, 9, 7, 7, 11, 41, tzinfo=UTC)
    assert (found["66aa01"].likes, found["66aa01"].n_replies, found["66aa01"].platform) == (10, 1, "xiaohongshu")
    assert report.skipped == {"MediaCrawler creator profiles": 1}
    assert report.n_rejected == 0


def test_mediacrawler_weibo_root_points_at_itself(tmp_path):
    comment = {"comment_id": "4800000000000001", "create_time": 1718337600,
        "create_date_time": "2024-06-14 12:00:00+08:00",
               "note_id": "4799", "content": "漂亮", "comment_like_count": "5", "sub_comment_count": "2",
               "user_id": "111",
               "nickname": "小张", "parent_comment_id": "4800000000000001", "last_modify_ts": 1}  # fmt: skip
    reply = comment | {"comment_id": "4800000000000002", "content": "谢谢", "user_id": "9", "nickname": "店"}
    again = comment | {"comment_id": "4800000000000003", "content": "回复@店:多少钱"}
    post = {"note_id": "4799", "content": "新品<br />来了", "create_time": 1718330000,
        "create_date_time": "2024-06-14 09:53:20+08:00",
            "liked_count": "7", "comments_count": "3", "shared_count": "0", "user_id": "9", "nickname": "店",
            "last_modify_ts": 1}  # fmt: skip
    found, _ = read_all(put(tmp_path, "c", [comment, reply, again]), put(tmp_path, "p", [post]))
    assert parents(found) == {"4799": None, "4800000000000001": "4799", "4800000000000002": "4800000000000001",
                              "4800000000000003": "4800000000000001"}  # fmt: skip
    assert found["4800000000000001"].root_id is None
    assert found["4800000000000003"].root_id == "4800000000000001"
    assert found["4799"].text == "新品\n来了"
    assert owners(found) == {"4800000000000002"}


def test_mediacrawler_bilibili_keeps_videos_and_comments_apart(tmp_path):
    comment = {"comment_id": "77", "create_time": 1592018067, "video_id": "77", "content": "会漏吗", "user_id": "9",
        "nickname": "小A",
               "sex": "保密", "sign": "", "sub_comment_count": "1", "last_modify_ts": 1, "like_count": 3,
               "parent_comment_id": "0"}  # fmt: skip
    reply = comment | {"comment_id": "78", "user_id": "2", "parent_comment_id": "77", "content": "不会漏"}
    post = {"video_id": "77", "video_type": "video", "title": "杯子", "desc": "", "create_time": 1592010000,
        "user_id": "2",
            "nickname": "UP", "liked_count": "5", "video_play_count": "9", "video_comment": "2",
            "last_modify_ts": 1}  # fmt: skip
    found, _ = read_all(put(tmp_path, "c", lines(comment, reply)), put(tmp_path, "p", lines(post)))
    assert parents(found) == {"av77": None, "77": "av77", "78": "77"}
    assert {c.thread_id for c in found.values()} == {"av77"}
    assert found["av77"].n_replies == 2
    assert owners(found) == {"78"}


@pytest.mark.parametrize(("platform", "columns", "parent", "root"), [
    ("douyin", {"aweme_id": "p", "parent_comment_id": "r", "sec_uid": "x"}, "r", "r"),
    ("kuaishou", {"video_id": "p"}, "p", None),
    ("tieba", {"note_id": "p", "tieba_id": 1, "tieba_name": "x", "parent_comment_id": "r",
    "publish_time": "2024-8-6 22:11"}, "r", "r"),
    ("zhihu", {"content_id": "p", "content_type": "answer", "publish_time": 1700000000, "parent_comment_id": "r"},
    "r", None),
])  # fmt: skip
def test_mediacrawler_other_platforms(tmp_path, platform, columns, parent, root):
    record = {
        "comment_id": "c",
        "content": "好",
        "last_modify_ts": 1757055252618,
        "user_id": "u",
        "create_time": 1700000000,
    } | columns
    if "publish_time" in record:
        del record["create_time"]
    found, _ = read_all(put(tmp_path, "x", [record]))
    comment = found["c"]
    assert (comment.platform, comment.thread_id, comment.parent_id, comment.root_id) == (platform, "p", parent, root)
    moment = (
        datetime(2024, 8, 6, 14, 11, tzinfo=UTC)
        if platform == "tieba"
        else datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    )
    assert comment.created == moment
