"""The real exports beside the project: every one recognised, complete, and linked as it should be."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from reading import owners, parents, read_all, reasons

from nlp_engage.readers import read
from nlp_engage.tree import build_trees
from nlp_engage.types import ReadReport

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "formats" / "samples"
POOL = SAMPLES.parents[1] / "pool"
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not SAMPLES.is_dir(), reason="no ../shared beside the project")]

# file -> format, posts, comments, replies to comments
EXPECTED = {
    "bilibili-api__doc_list_1.json": ("bilibili", 0, 5, 0),
    "bilibili-api__doc_list_4.json": ("bilibili", 0, 5, 0),
    "bluesky__parent_notfound_derived.json": ("bluesky", 0, 1, 1),
    "bluesky__thread_view_post.json": ("bluesky", 1, 0, 0),
    "discord-dce__groupchat_5msgs.json": ("discord", 3, 0, 0),
    "discourse__topic.json": ("discourse", 1, 2, 0),
    "disqus__isso_test.xml": ("disqus", 2, 6, 2),
    "douyin-api__comment_list.json": ("douyin", 0, 10, 0),
    "facebook-graph__comments_p1.json": ("facebook-graph", 0, 10, 4),
    "hn-algolia__item_17.json": ("hn-algolia", 0, 3, 3),
    "hn-firebase__item_ask.json": ("hn-firebase", 1, 0, 0),
    "hn-firebase__item_comment.json": ("hn-firebase", 0, 1, 0),
    "hn-firebase__item_story.json": ("hn-firebase", 1, 0, 0),
    "instagram-graph__media_comments_p1.json": ("instagram-graph", 0, 2, 0),
    "instagram-graph__replies.json": ("instagram-graph", 0, 1, 0),
    "mastodon__test_status_reply_statuses.ndjson": ("mastodon", 1, 1, 0),
    "mediacrawler-xhs__search_comments_head.json": ("mediacrawler", 0, 300, 0),
    "netease__comment_derived.json": ("netease", 0, 16, None),
    "reddit-api__comment_deleted_2.json": ("reddit", 1, 0, 0),
    "reddit-api__comment_tree_with_more_2.json": ("reddit", 1, 145, None),
    "reddit-api__flat_comment_listing_1.json": ("reddit", 0, 100, None),
    "telegram__dm_7msgs.json": ("telegram", None, None, None),
    "twcs__excerpt.csv": ("twcs", None, None, None),
    "twitter-v2__twarc_two_tweets.jsonl": ("twitter-v2", 1, 0, 0),
    "weibo-ced__original_microblog.json": ("weibo-ced", 1, 0, 0),
    "weibo-ced__repost_comments.json": ("weibo-ced", 0, 205, None),
    "wp-rest__comments_collection.json": ("wordpress-rest", 0, 1, 0),
    "wxr__comment_meta.xml": ("wxr", 1, 1, 0),
    "wxr__small_export.xml": ("wxr", 10, 1, 0),
    "xhs-api__comment_page_derived.json": ("xiaohongshu", 0, 19, None),
    "youtube-api__threads_by_video.json": ("youtube", 0, 5, 0),
    "zeeschuimer-decoder__twitter_csv.csv": ("table", 0, 104, 0),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_real_export_is_recognised_and_complete(name):
    kind, posts, comments, nested = EXPECTED[name]
    found, report = read_all(SAMPLES / name)
    assert [f.partition(":")[0] for f in report.formats.values()] == [kind]
    assert (report.n_rejected, reasons(report)) == (0, [])
    if posts is not None:
        assert sum(c.is_post for c in found.values()) == posts
        assert sum(not c.is_post for c in found.values()) == comments
    if nested is not None:
        assert sum(c.parent_id not in (None, c.thread_id) for c in found.values()) == nested
    assert all(c.created is not None for c in found.values()) or name.startswith("zeeschuimer")
    assert not any(re.search(r"</?(?:p|br|a|span|img)\b|&(?:amp|lt|gt|quot|#\d+);", c.text) for c in found.values())
    assert sum(int((~t.stand_in).sum()) for t in build_trees(found.values())) == len(found)


def test_all_samples_together_are_one_archive():
    report = ReadReport()
    found = list(read(SAMPLES, report=report))
    assert report.read == report.kept + report.n_rejected
    assert report.kept == len(found)
    unknown = {Path(f).name for f, why in report.formats.items() if why.startswith(("unknown", "ignored"))}
    assert unknown == {
        "SOURCES.md",
        *(f"convokit-friends__{n}.json" for n in ("conversations", "corpus", "index", "users")),
    }


def _reddit_links(thing, out):
    if isinstance(thing, dict):
        if thing.get("kind") == "t1":
            out[thing["data"]["name"]] = thing["data"]["parent_id"]
        for value in thing.values():
            _reddit_links(value, out)
    elif isinstance(thing, list):
        for value in thing:
            _reddit_links(value, out)
    return out


@pytest.mark.parametrize("name", [n for n in EXPECTED if n.startswith("reddit")])
def test_reddit_links_are_those_of_the_file(name):
    found, _ = read_all(SAMPLES / name)
    want = _reddit_links(json.loads((SAMPLES / name).read_text("utf-8")), {})
    assert {i: p for i, p in parents(found).items() if i.startswith("t1_")} == want
    times = {
        t["data"]["name"]: t["data"]["created_utc"] for t in _all(json.loads((SAMPLES / name).read_text("utf-8")), "t1")
    }
    assert {i: c.created.timestamp() for i, c in found.items() if i in times} == times


def _all(thing, kind):
    stack, found = [thing], []
    while stack:
        one = stack.pop()
        if isinstance(one, dict) and one.get("kind") == kind:
            found.append(one)
        stack += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
    return found


def test_weibo_forwards_are_linked_as_the_file_says():
    found, _ = read_all(SAMPLES / "weibo-ced__repost_comments.json")
    rows = json.loads((SAMPLES / "weibo-ced__repost_comments.json").read_text("utf-8"))
    thread = next(iter(found.values())).thread_id
    assert parents(found) == {r["mid"]: r["parent"] or thread for r in rows}


def test_xiaohongshu_targets_are_linked_as_the_file_says():
    found, _ = read_all(SAMPLES / "xhs-api__comment_page_derived.json")
    page = json.loads((SAMPLES / "xhs-api__comment_page_derived.json").read_text("utf-8"))["data"]["comments"]
    want = {c["id"]: c["note_id"] for c in page} | {
        s["id"]: s["target_comment"]["id"] for c in page for s in c["sub_comments"]
    }
    assert parents(found) == want
    assert {i: c.root_id for i, c in found.items() if c.root_id} == {
        s["id"]: c["id"] for c in page for s in c["sub_comments"]
    }


def test_support_tweets_are_linked_and_brands_are_owners():
    import csv

    with (SAMPLES / "twcs__excerpt.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found, _ = read_all(SAMPLES / "twcs__excerpt.csv")
    assert {i: p for i, p in parents(found).items() if p} == {
        r["tweet_id"]: r["in_response_to_tweet_id"] for r in rows if r["in_response_to_tweet_id"]
    }
    assert owners(found) == {r["tweet_id"] for r in rows if r["inbound"] == "FALSE" and r["in_response_to_tweet_id"]}


def test_disqus_posts_are_those_expat_finds():
    tree = ElementTree.parse(SAMPLES / "disqus__isso_test.xml")
    space, key = "{http://disqus.com}", "{http://disqus.com/disqus-internals}id"
    posts = {p.get(key): p for p in tree.getroot().findall(f"{space}post") if p.findtext(f"{space}isSpam") != "true"}
    found, _ = read_all(SAMPLES / "disqus__isso_test.xml")
    comments = {i: c for i, c in found.items() if not c.is_post}
    assert set(comments) == set(posts)
    for own, post in posts.items():
        parent = post.find(f"{space}parent")
        assert comments[own].parent_id == (
            parent.get(key) if parent is not None else f"thread:{post.find(f'{space}thread').get(key)}"
        )


def test_discord_telegram_and_hacker_news_samples():
    telegram = json.loads((SAMPLES / "telegram__dm_7msgs.json").read_text("utf-8"))
    found, report = read_all(SAMPLES / "telegram__dm_7msgs.json")
    messages = [m for m in telegram["messages"] if m["type"] == "message"]
    assert len(found) == len(messages)
    assert report.skipped == {"Telegram service messages": len(telegram["messages"]) - len(messages)}
    found, _ = read_all(*sorted(SAMPLES.glob("hn-firebase__*")))
    assert parents(found) == {"121003": None, "2921983": "2921506", "8863": None}
    found, _ = read_all(SAMPLES / "hn-algolia__item_17.json")
    assert parents(found) == {"17": "15", "1079": "17", "454426": "17"}
    assert {c.thread_id for c in found.values()} == {"1"}


@pytest.mark.parametrize("path", sorted(POOL.glob("*.zst"))[:6] if POOL.is_dir() else [], ids=lambda p: p.name)
def test_pool_files_are_canonical(path):
    report = ReadReport()
    ids = [c.id for c in read(path, report=report)]
    assert report.n_rejected == 0
    assert len(set(ids)) == len(ids)
