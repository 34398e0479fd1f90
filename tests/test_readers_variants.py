"""The same exports as people really have them: in envelopes, one object a line, cut out of their page, half empty."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import test_readers_formats as formats
import test_readers_platforms as platforms
from quirks_video_social import info, playlist, told
from reading import lines, owners, parents, put, read_all, reasons

from nlp_engage.errors import ReadError
from nlp_engage.readers import jsonio, jsontext, read

EXPORTS = {
    f"{i}-{case.name}-{name}": content
    for i, case in enumerate(formats.CASES)
    for name, content in case.files.items()
    if isinstance(content, dict | list)
}
EXPORTS |= {"reddit": platforms.THREAD, "mediacrawler": [platforms.XHS, platforms.XHS_REPLY]}


def _dump(value, **options):
    return json.dumps(value, ensure_ascii=False, **options)


WRAPPED = {
    "indented": lambda v: _dump(v, indent=2),
    "with mark": lambda v: "\ufeff" + _dump(v),
    "utf-16": lambda v: _dump(v).encode("utf-16"),
    "gb18030": lambda v: _dump(v).encode("gb18030"),
    "a page a line": lambda v: _dump(v) + "\n",
    "list of pages": lambda v: _dump(v if isinstance(v, list) else [v]),
    "records a line": lambda v: lines(*v) if isinstance(v, list) else _dump(v),
    "data": lambda v: _dump({"data": v}),
    "result of response": lambda v: _dump({"code": 0, "response": {"result": v}}),
    "envelopes a line": lambda v: lines(*({"data": one} for one in (v if isinstance(v, list) else [v]))),
}


def _read(folder, content):
    found, report = read_all(put(folder, "x", content))
    return parents(found), report.n_rejected


@pytest.mark.parametrize("export", EXPORTS)
def test_every_json_export_is_read_in_every_wrapping(tmp_path, export):
    want = _read(tmp_path, _dump(EXPORTS[export]))
    for name, wrap in WRAPPED.items():
        got = _read(tmp_path, wrap(EXPORTS[export]))
        if export.endswith("reddit") and name == "records a line":
            assert got[0] == want[0]
        assert got == want, name


@pytest.mark.parametrize("limit", [0, 10**9], ids=["streamed", "whole"])
def test_huge_exports_are_read_inside_envelopes(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(jsonio, "MAX_WHOLE", limit)
    monkeypatch.setattr(jsontext, "CHUNK", 200)
    for content in (formats.DOUYIN, formats.ZHIHU, platforms.THREAD, [platforms.XHS, platforms.XHS_REPLY]):
        want = _read(tmp_path, _dump(content))
        assert _read(tmp_path, _dump({"page": 1, "data": content, "more": False})) == want
        assert want[0]


@pytest.mark.parametrize("limit", [0, 10**9], ids=["streamed", "whole"])
def test_a_huge_playlist_is_read_video_by_video(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(jsonio, "MAX_WHOLE", limit)
    long = {"formats": [{"url": "x" * 200}] * 3}
    videos = info(told("A"), told("A.1", "A")), info(id="v2", comments=None), info(told("B"), id="v3", channel_id="UCb")
    content = playlist(*({"id": v["id"], "title": v["title"]} | long | v for v in videos))
    found, report = read_all(put(tmp_path, "x", content))
    assert {c.id: c.thread_id for c in found.values()} == {
        "v1": "v1", "A": "v1", "A.1": "v1", "v2": "v2", "v3": "v3", "B": "v3",
    }  # fmt: skip
    assert owners(found) == {"B"}  # A has the same author, below another's video
    assert report.n_rejected == 0
    if limit == 0:  # what surrounds the comments is kept up to a limit: beyond, no comment gets into another's thread
        monkeypatch.setattr(jsonio, "MAX_RECORD", 1000)
        found, report = read_all(tmp_path / "x")
        assert {c.id: c.thread_id for c in found.values()} == {"v1": "v1", "A": "v1", "A.1": "v1", "v2": "v2"}
        assert "save every video in a file of its own" in reasons(report)[0]


RECORDS = {
    "facebook-graph": (formats.FACEBOOK["data"], {"99": None, "99_1": "99", "99_2": "99_1"}),
    "instagram-graph": (formats.INSTAGRAM_MEDIA["data"], None),
    "youtube": (
        [
            platforms._youtube_thread(
                platforms._youtube("A", "bob", "x"), [platforms._youtube("A.1", "eve", "y", parentId="A")]
            )
        ],
        {"A": "v1", "A.1": "A"},
    ),
    "xiaohongshu": (formats.XHS["data"]["comments"], {"a1": "n1", "a2": "a1", "a3": "a2"}),
    "douyin": (formats.DOUYIN["comments"], {"7001": "6001", "7002": "7001", "7003": "7002"}),
    "bilibili": (formats.BILIBILI["data"]["replies"], {"1000": "av77", "1001": "av77", "1002": "1001", "1003": "1002"}),
    "weibo": (
        formats.HOTFLOW["data"]["data"],
        {"4800000000000001": "x", "4800000000000002": "4800000000000001", "4800000000000003": "x"},
    ),
    "zhihu": (formats.ZHIHU["data"], {"111": "x", "112": "111"}),
    "netease": (formats.NETEASE["comments"], {"11": "x", "12": "11"}),
    "telegram": (
        formats.TELEGRAM["messages"],
        {f"x:{i}": p and f"x:{p}" for i, p in ((2, None), (3, 2), (4, 3), (5, None), (6, 77))},
    ),
    "discord": (formats.DISCORD["messages"], {"10": None, "11": "10", "12": None}),
    "activitypub": (formats.OUTBOX["orderedItems"], {"https://m/2": "https://m/1"}),
    "yt-dlp-comments": (formats.YT_DLP["comments"], {"UgA": "x", "UgA.x1": "UgA", "UgA.x2": "UgA.x1"}),
    "discourse": (formats.TOPIC["post_stream"]["posts"], None),
    "tieba-api": (formats.TIEBA_API["post_list"], {"101": "x", "102": "101"}),
    "ptt": (formats.PTT["articles"], None),
}


@pytest.mark.parametrize("name", RECORDS)
def test_records_cut_out_of_their_page_lose_nothing(tmp_path, name):
    records, want = RECORDS[name]
    forms = [lines(*records), _dump(records), _dump({"data": records}), _dump({"result": {"list": records}})]
    for content in forms if len(records) > 1 else [*forms, _dump(records[0])]:
        found, report = read_all(put(tmp_path, "x", content))
        assert [f.partition(":")[0] for f in report.formats.values()] == [name]
        if want is not None:
            assert parents(found) == want, content[:50]
        assert found


def test_a_comment_that_holds_a_list_is_a_comment_itself(tmp_path):
    reply = {"id": "4802", "rootid": "4801", "created_at": "Sat Jun 14 12:05:00 +0800 2025", "text": "谢谢",
             "user": {"id": 2, "screen_name": "店"}}  # fmt: skip
    root = reply | {"id": "4801", "text": "好看", "comments": [reply]}
    for comments in ([reply], False, None, []):
        found, report = read_all(put(tmp_path, "x", lines(root | {"comments": comments}, root | {"id": "4803"})))
        assert set(found) == {"4801", "4803", "4802"}
        assert report.n_rejected == 0


def test_items_that_are_null_are_skipped_and_the_map_is_still_one(tmp_path):
    items = {str(i["id"]): i for i in formats.HN_ITEMS[:3]} | {"13": None}
    for content in (items, [*items.values()]):
        found, report = read_all(put(tmp_path, "x", content))
        assert set(found) == {"10", "11", "12"}
        assert report.n_rejected == 0


def test_empty_pages_are_no_rejects(tmp_path):
    put(tmp_path, "1.json", formats.XHS)
    for number, page in enumerate([{"data": []}, {"ancestors": [], "descendants": []}, [], {"data": {"replies": []}}]):
        put(tmp_path, f"empty{number}.json", page)
    found, report = read_all(tmp_path)
    assert len(found) == 3
    assert report.n_rejected == 0
    assert sum("a page without records" in told for told in report.formats.values()) == 4
    with pytest.raises(ReadError, match="a page without records"):
        list(read(tmp_path / "empty0.json"))


def test_owners_can_be_named_by_id_or_name(tmp_path):
    rows = [
        {
            "cid": "A",
            "text": "x",
            "time": "1 day ago",
            "author": "@bob",
            "channel": "UCb",
            "votes": "1",
            "heart": False,
        },
        {
            "cid": "A.1",
            "text": "y",
            "time": "1 day ago",
            "author": "@Shop",
            "channel": "UCs",
            "votes": "",
            "heart": True,
        },
    ]
    path = put(tmp_path, "x", lines(*rows))
    assert owners(read_all(path)[0]) == set()
    for name in ("@shop", "Shop", "UCs"):
        assert owners(read_all(path, owners=[name])[0]) == {"A.1"}
    assert owners(read_all(path, owners=["nobody"])[0]) == set()


def test_json_of_unknown_make_is_read_by_the_names_of_its_keys(tmp_path):
    row = {"post_id": "p", "content": "a &amp; b", "likes": "1.2K", "user": {"id": 7, "nickname": "Ann"}, "tags": ["x"]}
    rows = [row | {"comment_id": 2**60 + i, "created_at": 1700000000} for i in range(3)]
    for content in (lines(*rows), rows, {"total": 3, "data": {"list": rows}}):
        found, report = read_all(put(tmp_path, "x", content))
        assert parents(found) == {str(2**60 + i): "p" for i in range(3)}
        one = found[str(2**60)]
        assert (one.text, one.likes, one.author, one.author_name) == ("a & b", 1200, "7", "Ann")
        assert next(iter(report.formats.values())).startswith("records: column map id=comment_id")
    told, _ = read_all(put(tmp_path, "y", [{"said": "hi", "who": "ann"}]), columns={"text": "said", "author": "who"})
    assert [(c.text, c.author) for c in told.values()] == [("hi", "ann")]
    for other in ({"id": 1, "text": "x"}, {"id": 1, "text": "x", "author": "a", "replies": [{"id": 2}]}):
        with pytest.raises(ReadError, match="no known format"):
            read([put(tmp_path, "z", other)])


# --- Reddit, X, chats ---------------------------------------------------------------------------------------


def test_reddit_comments_with_rendered_text_only(tmp_path):
    row = {"id": "a", "link_id": "t3_z", "parent_id": "t3_z", "author": "ann", "created_utc": 1700000000,
           "body_html": "&lt;div class=\"md\"&gt;&lt;p&gt;a &amp;lt; b&lt;/p&gt;&lt;/div&gt;"}  # fmt: skip
    found, report = read_all(
        put(tmp_path, "x.json", {"kind": "Listing", "data": {"children": [{"kind": "t1", "data": row}]}})
    )
    assert (found["t1_a"].text, report.n_rejected) == ("a < b", 0)


POST = {"id": "1001", "conversation_id": "1001", "author_id": "7", "text": "Our new app is out", "lang": "en"}
ANSWER = {"id": "1002", "conversation_id": "1001", "author_id": "8", "text": "it crashes",
          "referenced_tweets": [{"type": "replied_to", "id": "1001"}, {"type": "quoted", "id": "5"}]}  # fmt: skip
OWN = ANSWER | {"id": "1003", "author_id": "7", "referenced_tweets": [{"type": "replied_to", "id": "1002"}]}


def test_one_tweet_beside_its_included_post(tmp_path):
    page = {"data": ANSWER, "includes": {"tweets": [POST], "users": [{"id": "7", "username": "shop"}]}}
    found, _ = read_all(put(tmp_path, "x", page))
    assert parents(found) == {"1001": None, "1002": "1001"}
    assert found["1001"].author_name == "shop"


def test_flattened_tweets_bring_the_tweet_they_answer(tmp_path):
    flat = ANSWER | {"referenced_tweets": [{"type": "replied_to", **POST}]}
    found, report = read_all(put(tmp_path, "x", lines(flat, flat | {"id": "1004"}, OWN)))
    assert parents(found) == {"1001": None, "1002": "1001", "1004": "1001", "1003": "1002"}
    assert owners(found) == {"1003"}
    again, _ = read_all(put(tmp_path, "y", lines(POST, flat)))
    assert parents(again) == {"1001": None, "1002": "1001"}
    assert report.n_rejected == 0


def test_long_tweets_are_whole_and_dumps_tell_what_moderators_removed(tmp_path):
    long = POST | {
        "text": "Our new…",
        "note_tweet": {"text": "Our new app &amp; more"},
        "edit_history_tweet_ids": ["1"],
    }
    found, _ = read_all(put(tmp_path, "x", {"data": [long], "errors": [{"type": "resource-not-found"}]}))
    assert found["1001"].text == "Our new app & more"
    row = {"id": "c3", "link_id": "t3_z", "parent_id": "t1_c2", "author": "eve", "body": "[removed]",
           "created_utc": "1700000300", "score": None, "_meta": {"removal_type": "removed"}}  # fmt: skip
    found, _ = read_all(put(tmp_path, "y", lines(row)))
    assert (found["t1_c3"].deleted, found["t1_c3"].parent_id, found["t1_c3"].likes) == (True, "t1_c2", None)


def test_facebook_replies_that_come_flat_and_stickers_without_words(tmp_path):
    reply = {"id": "99_2", "parent": {"id": "99_1"}, "message": "Ann Sorry", "created_time": "2021-08-10T19:00:00+0000"}
    sticker = {"id": "99_1", "from": {"id": "7", "name": "Ann"}, "message": "", "attachment": {"type": "sticker"},
               "created_time": "2021-08-10T18:45:03+0000"}  # fmt: skip
    found, _ = read_all(put(tmp_path, "x", {"data": [reply, sticker]}))
    assert parents(found) == {"99_1": "99", "99_2": "99_1"}
    assert found["99_1"].text == ""


def test_discord_exports_that_break_off_and_csv_without_links(tmp_path):
    whole = {"id": "10", "type": "Default", "timestamp": "2024-01-01T00:00:00+00:00", "content": "a",
             "author": {"id": "7", "name": "Deleted User", "nickname": None}}  # fmt: skip
    head = '{"guild": {"id": "1"}, "channel": {"id": "2", "type": "GuildTextChat"}, "messages": ['
    found, report = read_all(put(tmp_path, "x", head + _dump(whole) + ',\n{"id": "11", "type": "Def'))
    assert (found["10"].author_name, len(found), report.n_rejected) == ("Deleted User", 1, 1)
    rows = "7,ann,2024-01-01T00:00:00.0000000+00:00,hi,,\n8,bob,2024-01-01T00:01:00.0000000+00:00,ok,,\n"
    found, _ = read_all(put(tmp_path, "c", "AuthorID,Author,Date,Content,Attachments,Reactions\n" + rows))
    assert [(c.author, c.text, c.parent_id) for c in found.values()] == [("7", "hi", "c"), ("8", "ok", "c")]


def test_telegram_topics_open_a_thread(tmp_path):
    opened = {"id": 1, "type": "service", "action": "topic_created", "title": "Lids", "actor": "A", "actor_id": "user1",
              "date": "2020-01-01T10:00:00", "text": ""}  # fmt: skip
    said = {"id": 2, "type": "message", "date": "2020-01-01T10:00:00", "from": None, "from_id": 700, "text": "a",
            "reply_to_message_id": 1}  # fmt: skip
    found, _ = read_all(put(tmp_path, "x", {"type": "private_supergroup", "id": 5, "messages": [opened, said]}))
    assert parents(found) == {"5:1": None, "5:2": "5:1"}
    assert (found["5:1"].text, found["5:2"].author) == ("Lids", "700")


def test_telegram_stickers_and_chats_that_were_left(tmp_path):
    message = {"id": 5, "type": "message", "date": "2024-01-01T09:00:00", "from": "Ann", "from_id": 7, "text": "",
               "sticker_emoji": "😂", "media_type": "sticker"}  # fmt: skip
    chat = {"name": "x", "type": "private_group", "id": 9, "messages": [message]}
    found, _ = read_all(put(tmp_path, "x", {"chats": {"list": []}, "left_chats": {"list": [chat]}}))
    assert (found["9:5"].text, found["9:5"].author) == ("😂", "7")


# --- video, fediverse -----------------------------------------------------------------------------------------


def test_yt_dlp_comments_as_html(tmp_path):
    info = {"id": "v", "title": "T", "extractor": "SoundCloud", "comments": [
        {"id": "1", "parent": "root", "html": "<p>a &amp; b</p>", "author": "ann"}]}  # fmt: skip
    found, _ = read_all(put(tmp_path, "x", info))
    assert (found["1"].text, found["1"].platform) == ("a & b", "soundcloud")


def test_bluesky_posts_of_the_python_library_and_behind_a_login(tmp_path):
    def post(number, who, **record):
        return {"uri": f"at://{who}/p/{number}", "author": {"did": who, "handle": f"{who}.test"}, "like_count": 2,
                "reply_count": 1, "record": {"text": f"t{number}", "created_at": "2024-01-01T00:00:00.123456Z",
                                             "py_type": "app.bsky.feed.post", **record}}  # fmt: skip

    ref = {"uri": "at://a/p/1", "cid": "c"}
    tree = {"py_type": "app.bsky.feed.defs#threadViewPost", "post": post(1, "a"), "parent": None, "replies": [
        {"py_type": "app.bsky.feed.defs#threadViewPost", "replies": None,
         "post": post(2, "b", reply={"root": ref, "parent": ref})},
        {"py_type": "app.bsky.feed.defs#notFoundPost", "uri": "at://c/p/3", "not_found": True}]}  # fmt: skip
    found, report = read_all(put(tmp_path, "x", {"thread": tree}))
    assert parents(found) == {"at://a/p/1": None, "at://b/p/2": "at://a/p/1"}
    assert (found["at://a/p/1"].likes, found["at://a/p/1"].n_replies) == (2, 1)
    assert found["at://b/p/2"].created == datetime(2024, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    flat = {
        "thread": [
            {"uri": "at://a/p/1", "depth": 0, "value": {"post": post(1, "a")}},
            {
                "uri": "at://d/p/4",
                "depth": 1,
                "value": {"$type": "app.bsky.unspecced.defs#threadItemNoUnauthenticated"},
            },
        ]
    }
    found, report = read_all(put(tmp_path, "y", flat))
    assert (set(found), report.n_rejected) == ({"at://a/p/1"}, 0)


# --- Chinese platforms, forums ------------------------------------------------------------------------------


def test_weibo_replies_come_with_their_root_and_deleted_ones_are_marked(tmp_path):
    root = {"id": 4801, "idstr": "4801", "rootid": 4801, "created_at": "Sat Jun 14 12:00:00 +0800 2025",
            "text_raw": "好看", "text": "好看", "like_counts": 5, "user": {"id": 1, "screen_name": "小张"}}  # fmt: skip
    gone = root | {"id": 4802, "idstr": "4802", "text_raw": "该评论已被删除", "reply_comment": {"id": 4801}}
    for beside in (root, [root]):
        found, report = read_all(put(tmp_path, "x", {"ok": 1, "rootComment": beside, "data": [gone, root]}))
        assert parents(found) == {"4801": "x", "4802": "4801"}
        assert (found["4802"].deleted, found["4802"].text, found["4801"].deleted) == (True, "", False)
        assert report.n_rejected == 0


def _bili(number, **more):
    record = {"rpid": number, "oid": 77, "type": 1, "mid": 9, "root": 0, "parent": 0, "ctime": 1592018067, "like": 3,
              "member": {"mid": "9", "uname": "A"}, "content": {"message": f"m{number}"}, "replies": None}  # fmt: skip
    return record | more


@pytest.mark.parametrize("replies", [[], None])
@pytest.mark.parametrize(
    "around", [{"upper": {"mid": 9, "top": _bili(5)}}, {"top": {"upper": _bili(5), "admin": None}}, {"top": _bili(5)}]
)
def test_bilibili_pages_whose_only_comment_is_pinned(tmp_path, around, replies):
    found, report = read_all(put(tmp_path, "x", {"code": 0, "data": {**around, "replies": replies}}))
    assert parents(found) == {"5": "av77"}
    assert owners(found) == ({"5"} if "upper" in around else set())
    assert report.n_rejected == 0


def test_bilibili_dialogues_are_linked_by_parent_not_by_dialog(tmp_path):
    replies = [_bili(8, root=6, parent=7, dialog=7), _bili(7, root=6, parent=6, dialog=7, member=None)]
    found, _ = read_all(put(tmp_path, "x", {"code": 0, "data": {"dialog": {"min_floor": 1}, "replies": replies}}))
    assert parents(found) == {"8": "7", "7": "6"}
    assert {c.root_id for c in found.values()} == {"6"}
    assert found["7"].author == "9"


def test_zhihu_comments_of_blocked_authors_and_of_the_old_api(tmp_path):
    gone = {"id": "5", "type": "comment", "content": "a", "like_count": 2, "created_time": 1700000000,
            "child_comment_count": 0, "reply_comment_id": "0", "is_delete": True}  # fmt: skip
    found, report = read_all(
        put(tmp_path, "x", {"data": [gone], "paging": {"next": "https://x/answers/9/root_comment"}})
    )
    assert next(iter(report.formats.values())).startswith("zhihu")
    assert (found["5"].author, found["5"].deleted, found["5"].thread_id) == (None, True, "9")
    old = {"id": 5, "type": "comment", "content": "<p>a</p>", "vote_count": 2, "created_time": 1700000000,
           "author": {"member": {"id": "h", "name": "n"}}}  # fmt: skip
    found, _ = read_all(put(tmp_path, "x", {"data": [old], "paging": {"previous": "https://x/answers/9/comments?o=1"}}))
    assert (found["5"].author, found["5"].author_name, found["5"].likes, found["5"].parent_id) == ("h", "n", 2, "9")


def test_netease_floors_come_with_the_comment_they_answer(tmp_path):
    root = {"commentId": 10, "parentCommentId": 0, "user": {"userId": 6, "nickname": "乙"}, "content": "root",
            "time": 1413530574000, "likedCount": 1, "beReplied": None}  # fmt: skip
    quoted = [{"beRepliedCommentId": 0, "content": None, "status": -5}]
    reply = root | {"commentId": 11, "parentCommentId": 10, "content": "好听", "beReplied": quoted}
    found, report = read_all(put(tmp_path, "x", {"code": 200, "data": {"ownerComment": root, "comments": [reply]}}))
    assert parents(found) == {"10": "x", "11": "10"}
    assert report.n_rejected == 0


def test_the_older_api_of_xiaohongshu(tmp_path):
    reply = {"id": "b", "content": "谢", "likes": 0, "time": "2019-01-31 18:51", "user": {"id": "v", "nickname": "m"},
             "target_comment": {"id": "a"}}  # fmt: skip
    root = {"id": "a", "content": "好", "likes": 3, "time": "2019-01-31 18:50", "user": {"id": "u", "nickname": "n"},
            "sub_comments": [reply], "sub_comments_total": 4}  # fmt: skip
    found, _ = read_all(put(tmp_path, "x", {"comments": [root]}))
    assert parents(found) == {"a": "x", "b": "a"}
    assert (found["a"].likes, found["a"].n_replies, found["a"].author_name) == (3, 4, "n")
    assert found["b"].created == datetime(2019, 1, 31, 10, 51, tzinfo=UTC)


def test_an_aborted_ptt_run_keeps_its_articles(tmp_path):
    push = {"push_tag": "→", "push_userid": "bob", "push_content": "蛋餅", "push_ipdatetime": "11/14 22:14"}
    article = {"article_id": "M.17.A.AAA", "article_title": "早餐", "author": "", "board": "G", "content": "吃什麼",
               "date": "", "message_conut": {"all": 1}, "messages": [push]}  # fmt: skip
    found, report = read_all(put(tmp_path, "x", '{"articles": [' + _dump(article) + ",\n"))
    assert parents(found) == {"M.17.A.AAA": None, "M.17.A.AAA#1": "M.17.A.AAA"}
    assert (found["M.17.A.AAA"].author, found["M.17.A.AAA"].created) == (None, None), "malformed on the page"
    assert found["M.17.A.AAA"].n_replies == 1
    assert ["breaks off" in reason for reason in reasons(report)] == [True]


def test_4cat_tables_of_vk_name_the_comment_that_is_answered(tmp_path):
    head = "id,thread_id,timestamp,unix_timestamp,item_type,body,author_id,author_name,in_reply_to_user,"
    rows = (
        "9,9,2024-01-01 03:00:00,1704067200,post,New cups,-5,Shop,,,2,7",
        "10,9,2024-01-01 03:01:00,1704067260,comment,Do they leak?,71,Ann,,,,1",
        "11,9,2024-01-01 03:02:00,1704067320,comment,Never,-5,Shop,71,10,,0",
    )
    table = "\n".join([head + "in_reply_to_comment_id,post_comments,likes", *rows]) + "\n"
    found, report = read_all(put(tmp_path, "x.csv", table))
    assert next(iter(report.formats.values())).startswith("4cat")
    assert parents(found) == {"9": None, "10": "9", "11": "10"}
    assert (found["9"].n_replies, found["10"].author_name, found["10"].platform) == (2, "Ann", "vk")
    assert found["11"].created == datetime(2024, 1, 1, 0, 2, tzinfo=UTC)


def test_titles_of_isso_are_decoded(tmp_path):
    comment = {"id": 1, "author": "a", "email": "a@x.example", "website": None, "remote_addr": "127.0.0.1",
               "created": "2020-01-01 00:00:00", "text": "hi"}  # fmt: skip
    found, _ = read_all(put(tmp_path, "x", [{"id": "/t/", "title": "Cups+%26+co", "comments": [comment]}]))
    assert found["/t/"].text == "Cups & co"


def test_tieba_pages_inside_data_keep_title_and_names(tmp_path):
    found, _ = read_all(put(tmp_path, "x", {"error_code": 0, "data": formats.TIEBA_API}))
    assert found["10"].text == "新杯\n\n好用吗"
    assert found["101"].author_name == "路人"


def test_staff_of_a_forum_are_its_owner(tmp_path):
    posts = [
        {
            "id": i,
            "post_number": i,
            "topic_id": 5,
            "username": f"u{i}",
            "user_id": i,
            "cooked": "<p>x</p>",
            "created_at": "2024-01-01T00:00:00Z",
            "reply_to_post_number": None,
            "staff": i == 3,
        }
        for i in (1, 2, 3)
    ]
    found, _ = read_all(put(tmp_path, "x", {"latest_posts": posts}))
    assert owners(found) == {"post-3"}


def test_mediacrawler_rows_before_parents_and_likes_were_added(tmp_path):
    row = {
        "comment_id": "66aa01",
        "create_time": 1725693101000,
        "ip_location": None,
        "note_id": "66d5",
        "content": "好",
        "user_id": "u1",
        "nickname": "小王",
        "sub_comment_count": None,
        "last_modify_ts": 1,
    }
    found, report = read_all(put(tmp_path, "x", lines(row, row | {"comment_id": "66aa02", "parent_comment_id": None})))
    assert parents(found) == {"66aa01": "66d5", "66aa02": "66d5"}
    assert (report.n_rejected, reasons(report)) == (0, [])
