"""One small export of every further format: recognised, and every id, parent, floor, owner and time right."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from reading import lines, load, owners, parents, put, read_all, reasons

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


HN = load("hn_algolia_item.json")
HN_HITS = load("hn_algolia_search.json")
HN_ITEMS = load("hn_firebase_items.json")

YT_DLP = load("yt_dlp.info.json")
DOWNLOADED = load("youtube_comment_downloader.json")

FACEBOOK = load("facebook_posts.json")
FACEBOOK_BARE = load("facebook_without_ids.json")
INSTAGRAM = load("instagram_comments.json")
INSTAGRAM_MEDIA = load("instagram_media.json")

TWEETS = load("twitter_v2_page.json")
FLAT_TWEETS = load("twitter_v2_flat.json")
OLD_TWEETS = load("twitter_v1.json")
TWCS = load("twcs.csv")

WP = load("wordpress_rest_comments.json")
WP_POSTS = load("wordpress_rest_posts.json")

DISQUS = load("disqus.xml")

TOPIC = load("discourse_topic.json")

TELEGRAM = load("telegram_result.json")
DISCORD = load("discord_channel.json")
DISCORD_THREAD = load("discord_thread.json")


def _status(own, parent, who, **more):
    return {
        "id": own, "in_reply_to_id": parent, "created_at": "2024-01-01T00:00:00.000Z", "content": f"<p>{own}</p>",
        "account": {"id": who, "acct": f"{who}@m.example"}, "reblog": None, "spoiler_text": "", **more,
    }  # fmt: skip


CONTEXT = load("mastodon_context.json")


BLUESKY = load("bluesky_thread.json")
BLUESKY_FLAT = load("bluesky_thread_v2.json")
OUTBOX = load("activitypub_outbox.json")

XHS = load("xiaohongshu_page.json")
DOUYIN = load("douyin_list.json")


BILIBILI = load("bilibili_main.json")
DYNAMIC = load("bilibili_dynamic.json")

HOTFLOW = load("weibo_hotflow.json")
BUILD = load("weibo_build_comments.json")
OPEN = load("weibo_comments_show.json")
SPIDER = load("weibospider.json")
CED = load("ced_reposts.json")
CED_POST = load("ced_post.json")
CHECKED = load("checked.json")

ZHIHU = load("zhihu_root.json")
ZHIHU_CHILDREN = load("zhihu_children.json")
NETEASE = load("netease.json")
DOUBAN_API = load("douban_topic.json")
DOUBAN = load("douban_4cat.csv")
DOUBAN_PAGE = load("douban_page.html")


TIEBA = load("tieba_page.html")
TIEBA_API = load("tieba_page_pc.json")

PTT = load("ptt.json")
ZEESCHUIMER = load("zeeschuimer.json")
FOURCHAN = load("4cat_4chan.csv")
FOURCAT_TELEGRAM = load("4cat_telegram.csv")
ZEESCHUIMER_CSV = load("zeeschuimer.csv")
ISSO = load("isso.json")

CASES = [
    Case(
        name="hn-algolia",
        files={"x": HN},
        platform="hackernews",
        parents={"1": None, "2": "1", "3": "2", "4": "3"},
        owners={"4"},
        check=lambda f: (
            f["2"].text == "Good 'lids'\n\nat last" and f["3"].deleted and f["2"].created == utc(2023, 11, 14, 22, 15)
        ),
    ),
    Case(
        name="hn-algolia",
        files={"x": HN_HITS},
        platform="hackernews",
        parents={"1": None, "2": "1"},
        check=lambda f: f["1"].text == "Show\n\nme" and f["1"].n_replies == 5 and f["2"].text == "hi",
    ),
    Case(
        name="hn-firebase",
        files={"x": HN_ITEMS},
        platform="hackernews",
        parents={"10": None, "11": "10", "12": "11", "21": "20"},
        skipped=1,
        check=lambda f: (
            f["12"].thread_id == "10"
            and f["12"].deleted
            and f["10"].text == "Cups & lids"
            and f["21"].thread_id == "20"
        ),
    ),
    Case(
        name="hn-firebase",
        files={f"{i['id']}.json": i for i in HN_ITEMS[:3]},
        platform="hackernews",
        parents={"10": None, "11": "10", "12": "11"},
        check=lambda f: {c.thread_id for c in f.values()} == {"10"},
    ),
    Case(
        name="hn-firebase",
        files={"x": {str(i["id"]): i for i in HN_ITEMS[:3]}},
        platform="hackernews",
        parents={"10": None, "11": "10", "12": "11"},
    ),
    Case(
        name="hn-bigquery",
        files={
            "x": "id,by,parent,type,time,text,deleted\n"
            "11,bob,10,comment,1700000100,fine<p>really,\n12,,11,comment,1700000200,,true\n"
        },
        platform="hackernews",
        parents={"11": "10", "12": "11"},
        check=lambda f: f["12"].thread_id == "10" and f["12"].deleted and f["11"].text == "fine\n\nreally",
    ),
    Case(
        name="yt-dlp",
        files={"x": YT_DLP},
        platform="youtube",
        parents={"v1": None, "UgA": "v1", "UgA.x1": "UgA", "UgA.x2": "UgA.x1"},
        roots={"UgA.x1": "UgA", "UgA.x2": "UgA"},
        owners={"UgA.x1"},
        check=lambda f: (
            f["v1"].text == "Cups\n\nNew"
            and f["UgA.x1"].created < f["UgA.x2"].created
            and f["UgA"].author_name == "bob"
        ),
    ),
    Case(
        name="yt-dlp",
        files={
            "x": YT_DLP
            | {
                "extractor": "BiliBili",
                "comments": [
                    {"id": 5, "parent": "root", "text": "x", "author": "a", "author_id": 1},
                    {"id": 6, "parent": 5, "text": "y", "author": "b"},
                ],
            }
        },
        platform="bilibili",
        parents={"v1": None, "5": "v1", "6": "5"},
    ),
    Case(
        name="yt-dlp-videos",
        files={"x": {k: v for k, v in YT_DLP.items() if k != "comments"}},
        platform="youtube",
        parents={"v1": None},
        check=lambda f: f["v1"].text == "Cups\n\nNew",
    ),
    Case(
        name="youtube-data-tools",
        files={
            "x": "id,replyCount,likeCount,publishedAt,authorName,text,isReply,isReplyTo\n"
            "A,1,3,2024-01-01 00:00:00,@bob,hi,0,\nA.1,,0,2024-01-01 00:01:00,@eve,yo,1,A\n"
        },
        platform="youtube",
        parents={"A": "x", "A.1": "A"},
        roots={"A.1": "A"},
    ),
    Case(
        name="youtube-comment-downloader",
        files={"x": lines(*DOWNLOADED)},
        platform="youtube",
        parents={"UgA": "x", "UgA.9z": "UgA"},
        roots={"UgA.9z": "UgA"},
        check=lambda f: f["UgA"].likes == 1200 and f["UgA"].n_replies == 1 and f["UgA.9z"].n_replies is None,
    ),
    Case(
        name="youtube-comment-downloader",
        files={"x": {"comments": DOWNLOADED}},
        platform="youtube",
        parents={"UgA": "x", "UgA.9z": "UgA"},
        roots={"UgA.9z": "UgA"},
    ),
    Case(
        name="facebook-graph",
        files={"x": FACEBOOK},
        platform="facebook",
        parents={"99": None, "99_1": "99", "99_2": "99_1"},
        roots={"99_2": "99_1"},
        owners={"99_2"},
        check=lambda f: f["99"].n_replies == 3 and f["99_1"].created == utc(2021, 8, 10, 18, 45, 3),
    ),
    Case(
        name="facebook-graph",
        files={"x": FACEBOOK_BARE},
        platform="facebook",
        parents={"99_11": "99", "99_12": "99_11"},
        roots={"99_12": "99_11"},
        rejected=1,
    ),
    Case(
        name="facebook-graph",
        files={"x": {"99_1": FACEBOOK["data"][0]["comments"]["data"][0]}},
        platform="facebook",
        parents={"99_1": "99", "99_2": "99_1"},
        roots={"99_2": "99_1"},
    ),
    Case(
        name="facebook-scraper",
        files={
            "c": "comment_id,status_id,parent_id,comment_message,comment_author,comment_published\n"
            "9_1,5_9,,hi,Ann,2017-01-01 00:00:00\n9_2,5_9,9_1,ho,Shop,2017-01-01 00:01:00\n",
            "p": "status_id,status_message,status_published,num_reactions,num_comments\n"
            "5_9,Cups,2016-12-31 23:00:00,4,2\n",
        },
        formats={"facebook-scraper", "facebook-scraper-posts"},
        platform="facebook",
        parents={"5_9": None, "9_1": "5_9", "9_2": "9_1"},
        roots={"9_2": "9_1"},
        check=lambda f: f["9_1"].created == utc(2017, 1, 1, 5) and f["5_9"].n_replies == 2,
    ),
    Case(
        name="instagram-graph",
        files={"x": INSTAGRAM, "y": INSTAGRAM_MEDIA},
        platform="instagram",
        parents={"17846": None, "178001": "17846", "178002": "178001", "178003": "17846"},
        roots={"178002": "178001"},
        owners={"178003"},
        check=lambda f: f["17846"].n_replies == 9 and f["178002"].author is None,
    ),
    Case(
        name="twitter-v2",
        files={"x": TWEETS},
        platform="twitter",
        parents={"1001": None, "1002": "1001", "1003": "1002"},
        skipped=1,
        owners={"1003"},
        check=lambda f: (
            f["1002"].text == "@shop it <leaks>" and f["1001"].author_name == "shop" and f["1001"].likes == 5
        ),
    ),
    Case(
        name="twitter-v2",
        files={"x": lines(TWEETS, TWEETS)},
        platform="twitter",
        parents={"1001": None, "1002": "1001", "1003": "1002"},
        skipped=5,
        owners={"1003"},
    ),
    Case(
        name="twitter-v2",
        files={"x": lines(*FLAT_TWEETS)},
        platform="twitter",
        parents={"1001": None, "1002": "1001"},
        check=lambda f: f["1002"].author == "8" and f["1002"].author_name == "bob",
    ),
    Case(
        name="twitter-v1",
        files={"x": lines(*OLD_TWEETS)},
        platform="twitter",
        parents={"1001": None, "1002": "1001", "1003": "1002"},
        owners={"1003"},
        check=lambda f: f["1003"].thread_id == "1001" and f["1003"].created == utc(2023, 10, 10, 7, 57, 53),
    ),
    Case(
        name="twcs",
        files={"x": TWCS},
        platform="twitter",
        parents={"3": None, "1": "3", "2": "1", "5": "4"},
        owners={"1"},
        check=lambda f: (
            f["2"].thread_id == "3"
            and f["2"].text == "@cupshop not\nhere <yet>"
            and not f["3"].is_owner
            and f["5"].thread_id == "4"
        ),
    ),
    Case(
        name="wordpress-rest",
        files={"c": WP, "p": WP_POSTS},
        platform="wordpress",
        skipped=1,
        owners={"blog.example/?p=4#comment-3"},
        parents={
            "blog.example/?p=4": None,
            "blog.example/?p=4#comment-2": "blog.example/?p=4",
            "blog.example/?p=4#comment-3": "blog.example/?p=4#comment-2",
        },
        check=lambda f: (
            f["blog.example/?p=4#comment-2"].text == "Hi – ok" and f["blog.example/?p=4"].text == "Cups\n\nNew"
        ),
    ),
    Case(
        name="disqus",
        files={"x": DISQUS},
        platform="disqus",
        skipped=2,
        owners={"6"},
        parents={"thread:4": None, "4": "thread:4", "5": "4", "6": "5", "8": "thread:99"},
        check=lambda f: (
            f["4"].text == "Hi\nyou"
            and f["5"].deleted
            and f["thread:4"].text == "A & B"
            and f["5"].author_name == "Bob"
        ),
    ),
    Case(
        name="discourse",
        files={"x": TOPIC},
        platform="discourse",
        skipped=1,
        owners={"post-226"},
        parents={"topic-57": None, "post-86": "topic-57", "post-226": "post-86", "post-227": "topic-57/30"},
        check=lambda f: (
            f["post-226"].text == "Works"
            and f["post-86"].text == "Try :x:"
            and f["post-86"].likes == 3
            and f["topic-57"].n_replies == 4
            and f["topic-57"].text == "Lids\n\nWhich lid?"
            and f["post-86"].created == utc(2024, 1, 1, 6)
        ),
    ),
    Case(
        name="telegram",
        files={"x": TELEGRAM},
        platform="telegram",
        skipped=1,
        owners={"123:3"},
        parents={"123:2": None, "123:3": "123:2", "123:4": "123:3", "123:5": None, "123:6": "123:77"},
        check=lambda f: (
            f["123:4"].thread_id == "123:2"
            and f["123:2"].text == "see https://e.org"
            and f["123:2"].likes == 3
            and f["123:2"].created == utc(2024, 1, 1, 9, 1)
            and f["123:6"].thread_id == "123:77"
        ),
    ),
    Case(
        name="telegram",
        files={"x": {"about": "", "chats": {"about": "", "list": [TELEGRAM, TELEGRAM | {"id": 124}]}}},
        platform="telegram",
        skipped=2,
        owners={"123:3", "124:3"},
        parents={
            f"{c}:{m}": p and f"{c}:{p}" for c in (123, 124) for m, p in ((2, None), (3, 2), (4, 3), (5, None), (6, 77))
        },
    ),
    Case(
        name="discord",
        files={"x": DISCORD},
        platform="discord",
        skipped=1,
        parents={"10": None, "11": "10", "12": None},
        check=lambda f: (
            f["11"].thread_id == "10"
            and f["12"].text == "fwd"
            and f["10"].author_name == "Ann"
            and f["10"].likes == 2
            and f["11"].created == utc(2024, 1, 1, 0, 1)
        ),
    ),
    Case(name="discord", files={"x": DISCORD_THREAD}, platform="discord", parents={"50": None, "51": "50"}),
    Case(
        name="mastodon",
        files={"x": CONTEXT},
        platform="mastodon",
        parents={"100": None, "102": "101", "103": "102"},
        owners={"103"},
        check=lambda f: (
            {c.thread_id for c in f.values()} == {"100"}
            and f["102"].text == "102"
            and f["102"].author_name == "2@m.example"
        ),
    ),
    Case(
        name="mastodon",
        files={
            "x": lines(
                _status("103", "102", "1"), _status("102", None, "2"), _status("9", None, "2", reblog={"id": "1"})
            )
        },
        platform="mastodon",
        parents={"102": None, "103": "102"},
        skipped=1,
    ),
    Case(
        name="activitypub", files={"x": OUTBOX}, platform="mastodon", parents={"https://m/2": "https://m/1"}, skipped=1
    ),
    Case(
        name="bluesky",
        files={"x": BLUESKY},
        platform="bluesky",
        skipped=2,
        owners={"at://did:a/p/3"},
        parents={"at://did:a/p/1": None, "at://did:b/p/2": "at://did:a/p/1", "at://did:a/p/3": "at://did:b/p/2"},
    ),
    Case(
        name="bluesky",
        files={"x": BLUESKY_FLAT},
        platform="bluesky",
        parents={"at://did:a/p/1": None, "at://did:b/p/2": "at://did:a/p/1"},
    ),
    Case(
        name="xiaohongshu",
        files={"x": XHS},
        platform="xiaohongshu",
        parents={"a1": "n1", "a2": "a1", "a3": "a2"},
        roots={"a2": "a1", "a3": "a1"},
        owners={"a2"},
        check=lambda f: f["a1"].n_replies == 8 and f["a1"].created == utc(2024, 7, 17, 1, 13, 48),
    ),
    Case(
        name="douyin",
        files={"x": DOUYIN},
        platform="douyin",
        parents={"7001": "6001", "7002": "7001", "7003": "7002"},
        roots={"7002": "7001", "7003": "7001"},
        owners={"7002"},
    ),
    Case(
        name="bilibili",
        files={"x": BILIBILI},
        platform="bilibili",
        skipped=2,
        owners={"1000", "1002"},
        parents={"1000": "av77", "1001": "av77", "1002": "1001", "1003": "1002"},
        roots={"1002": "1001", "1003": "1001"},
        check=lambda f: f["1001"].n_replies == 2 and f["1003"].author == "9",
    ),
    Case(
        name="bilibili",
        files={"x": DYNAMIC},
        platform="bilibili",
        parents={"5": "t17-9007199254740993", "6": "5"},
        roots={"6": "5"},
    ),
    Case(
        name="weibo",
        files={"x": HOTFLOW},
        platform="weibo",
        roots={"4800000000000002": "4800000000000001"},
        parents={"4800000000000001": "x", "4800000000000002": "4800000000000001", "4800000000000003": "x"},
        check=lambda f: (
            f["4800000000000001"].text == "漂亮[赞]"
            and f["4800000000000002"].text == "回复@小张:谢谢"
            and f["4800000000000001"].created == utc(2025, 6, 14, 4)
        ),
    ),
    Case(
        name="weibo",
        files={"x": BUILD},
        platform="weibo",
        parents={"4800000000000012": "4800000000000011"},
        roots={"4800000000000012": "4800000000000010"},
        check=lambda f: f["4800000000000012"].likes == 2,
    ),
    Case(
        name="weibo",
        files={"x": OPEN},
        platform="weibo",
        parents={"4700": None, "4801": "4700", "4802": "4801"},
        roots={"4802": "4801"},
        owners={"4802"},
        check=lambda f: f["4700"].text == "新品" and f["4700"].n_replies == 2,
    ),
    Case(
        name="weibo-crawler",
        files={
            "x": "\ufeffid,weibo_id,created_at,user_screen_name,text,pic_url,like_count\n"
            "48,47,2024-01-01 08:00:00,小张,好,,3\n"
        },
        platform="weibo",
        parents={"48": "47"},
        check=lambda f: f["48"].created == utc(2024, 1, 1) and f["48"].author == "小张",
    ),
    Case(
        name="weibospider",
        files={"x": lines(*SPIDER)},
        platform="weibo",
        parents={"4826279188108000": "x", "4826279188108038": "4826279188108000"},
        check=lambda f: f["4826279188108000"].created == utc(2022, 10, 19, 5, 40, 29),
    ),
    Case(
        name="weibo-ced",
        files={"rumor-repost/w.json": CED, "original-microblog/w.json": CED_POST},
        platform="weibo",
        parents={"w": None, "m1": "w", "m2": "m1"},
        check=lambda f: f["w"].n_replies == 7 and f["m1"].created == utc(2012, 9, 16, 6, 5, 11),
    ),
    Case(
        name="weibo-checked",
        files={"x": CHECKED},
        platform="weibo",
        parents={"I1": None, "C1": "I1"},
        check=lambda f: f["C1"].text == "收到" and f["I1"].n_replies == 3,
    ),
    Case(
        name="zhihu",
        files={"b": ZHIHU, "a": ZHIHU_CHILDREN},
        platform="zhihu",
        skipped=1,
        owners={"112"},
        parents={"111": "9", "112": "111", "113": "112"},
        roots={"112": "111", "113": "111"},
        check=lambda f: f["111"].text == "说得对",
    ),
    Case(name="netease", files={"x": NETEASE}, platform="netease", skipped=1, parents={"11": "R_SO_4_5", "12": "11"}),
    Case(
        name="douban",
        files={"x": DOUBAN_API},
        platform="douban",
        parents={"300": None, "1": "300", "2": "1"},
        owners={"2"},
        check=lambda f: f["1"].created == utc(2024, 1, 1, 1) and f["300"].text == "保温杯选哪款\n\n想换个杯子",
    ),
    Case(
        name="4cat",
        files={"x": DOUBAN},
        platform="douban",
        parents={"300": None, "301": "300"},
        check=lambda f: (
            f["300"].text == "保温杯选哪款\n\n想换个杯子" and f["301"].likes is None and f["301"].author == "5678"
        ),
    ),
    Case(
        name="douban-page",
        files={"x": DOUBAN_PAGE},
        platform="douban",
        skipped=1,
        parents={"300": None, "1": "300", "2": "1"},
        owners={"2"},
        check=lambda f: f["1"].text == "304 的好\n不漏" and f["1"].created == utc(2024, 1, 1, 1),
    ),
    Case(
        name="tieba",
        files={"x": TIEBA},
        platform="tieba",
        parents={"9119": None, "101": "9119", "201": "101", "202": "101"},
        roots={"201": "101", "202": "101"},
        owners={"201"},
        check=lambda f: (
            f["9119"].text == "新杯子\n\n好用吗\n二"
            and f["202"].text == "回复 lz :不客气"
            and f["101"].n_replies == 3
            and f["202"].created == utc(2024, 8, 7, 1, 1)
            and f["101"].created == utc(2024, 8, 6, 14, 11)
        ),
    ),
    Case(
        name="tieba-api",
        files={"x": TIEBA_API},
        platform="tieba",
        parents={"10": None, "101": "10", "102": "101"},
        roots={"102": "101"},
        owners={"102"},
        check=lambda f: (
            f["10"].text == "新杯\n\n好用吗" and f["101"].text == "顶[doge]" and f["101"].author_name == "路人"
        ),
    ),
    Case(
        name="ptt",
        files={"x": PTT},
        platform="ptt",
        skipped=2,
        owners={"M.17.A.AAA#3"},
        parents={
            "M.17.A.AAA": None,
            "M.17.A.AAA#1": "M.17.A.AAA",
            "M.17.A.AAA#2": "M.17.A.AAA",
            "M.17.A.AAA#3": "M.17.A.AAA",
        },
        check=lambda f: (
            f["M.17.A.AAA#1"].text == "不錯想買"
            and f["M.17.A.AAA#1"].created == utc(2023, 12, 31, 15, 14)
            and f["M.17.A.AAA#2"].created == utc(2023, 12, 31, 16, 20)
            and f["M.17.A.AAA#2"].likes == -1
            and f["M.17.A.AAA"].author_name == "安安"
        ),
    ),
    Case(name="zeeschuimer", files={"x": lines(*ZEESCHUIMER[:1])}, platform="tiktok", parents={"7001": "6001"}),
    Case(
        name="zeeschuimer",
        files={"x": lines(*ZEESCHUIMER[1:2])},
        platform="xiaohongshu",
        parents={"a1": "n1", "a2": "a1", "a3": "a2"},
        roots={"a2": "a1", "a3": "a1"},
        owners={"a2"},
    ),
    Case(
        name="zeeschuimer",
        files={"x": lines(*ZEESCHUIMER[2:])},
        platform="twitter",
        parents={"5": "4"},
        rejected=1,
        check=lambda f: f["5"].author_name == "bob",
    ),
    Case(
        name="douyin",
        files={"x": lines(ZEESCHUIMER[0]["data"] | {"__import_meta": {"source_platform": "tiktok"}})},
        platform="douyin",
        parents={"7001": "6001"},
    ),
    Case(
        name="4cat",
        files={"x": FOURCHAN},
        platform="4chan",
        parents={"101": None, "102": "101", "103": "102"},
        check=lambda f: f["101"].text == "Cups\n\nFirst post" and f["102"].created == utc(2024, 1, 1, 0, 1),
    ),
    Case(name="4cat", files={"x": FOURCAT_TELEGRAM}, platform="telegram", parents={"c-1": "c", "c-2": "c-1"}),
    Case(
        name="4cat",
        files={"x": ZEESCHUIMER_CSV},
        platform="4cat",
        parents={"7001": "6001", "7002": "7001"},
        roots={"7002": "7001"},
        check=lambda f: f["7001"].text == 'say "hi"' and f["7001"].likes == 3,
    ),
    Case(
        name="isso",
        files={"x": ISSO},
        platform="isso",
        parents={"/a/": None, "/a/#1": "/a/", "/b/": None, "/b/#1": "/b/"},
        check=lambda f: f["/a/"].text == "Our cups",
    ),
]


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
    assert (sum(report.skipped.values()), report.n_rejected) == (case.skipped, case.rejected), (
        report.skipped,
        reasons(report),
    )
    assert case.check(found)
