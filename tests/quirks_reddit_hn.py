"""Quirks of Reddit (API listings, dumps) and Hacker News (Algolia, Firebase)."""

from __future__ import annotations

import zstandard
from quirks import Files, quirk, utc
from reading import lines


def comment(own="c1", **more):
    return {"id": own, "name": f"t1_{own}", "parent_id": "t3_z", "link_id": "t3_z", "author": "bob", "body": "hi",
            "created_utc": 1700000100.0} | more  # fmt: skip


def thing(kind, **data):
    return {"kind": kind, "data": data}


def listing(*children):
    return thing("Listing", children=list(children))


def page(*comments, **post):
    """The two listings of a thread's page."""
    top = {"id": "z", "name": "t3_z", "title": "Cups?", "selftext": "", "author": "ann", "created_utc": 1700000000.0}
    return [listing(thing("t3", **top | post)), listing(*comments)]


def t1(own="c1", **more):
    return thing("t1", **comment(own, **more))


def long_window(text):
    """Packed as the monthly dumps are: with a window of 2 GiB."""
    options = zstandard.ZstdCompressionParameters.from_level(1, window_log=31, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=options).compressobj()
    return packer.compress(text.encode()) + packer.flush()


SUBMISSION = {"id": "z", "title": "Cups?", "selftext": "Which", "author": "shop", "subreddit": "x", "num_comments": 2,
              "created_utc": 1700000000}  # fmt: skip
MORE = thing("more", id="c9", name="t1_c9", parent_id="t3_z", count=7, children=["c9", "ca"])
CONTINUE = thing("more", id="_", name="t1__", parent_id="t1_c1", count=0, children=[])

REDDIT = [
    quirk("reddit", "post and comments are two listings", page(t1()), {
        "t3_z.text": "Cups?", "t3_z.is_owner": True, "t1_c1.parent_id": "t3_z"}, ids="t3_z t1_c1"),
    quirk("reddit", "one listing of a user or subreddit", listing(t1(), t1("c2", link_id="t3_y", parent_id="t3_y")),
          {"t1_c1.thread_id": "t3_z", "t1_c2.thread_id": "t3_y"}),
    quirk("reddit", "morechildren: a flat list linked by parent_id",
          {"json": {"errors": [], "data": {"things": [t1(), t1("c2", parent_id="t1_c1"), MORE]}}},
          {"t1_c2.parent_id": "t1_c1"}, skipped=8),
    quirk("reddit", "an empty string stands for no replies", page(t1(replies="")), ids="t3_z t1_c1"),
    quirk("reddit", "replies nest as listings", page(t1(replies=listing(t1("c2", parent_id="t1_c1", replies="")))),
          {"t1_c2.parent_id": "t1_c1"}),
    quirk("reddit", "more stubs are missing replies, no comments", page(t1(), MORE), ids="t3_z t1_c1", skipped=8),
    quirk("reddit", "continue this thread is a stub without ids", page(t1(replies=listing(CONTINUE))),
          {"t1_c1.n_replies": 1}, ids="t3_z t1_c1"),
    quirk("reddit", "created_utc counts, created is shifted", page(t1(created=1700028900.0)),
          {"t1_c1.created": utc(2023, 11, 14, 22, 15)}),
    quirk("reddit", "entities without raw_json", page(t1(body="a &lt; b &amp; c &gt; d")), {
        "t1_c1.text": "a < b & c > d"}),
    quirk("reddit", "deleted by the user", page(t1(body="[deleted]", author="[deleted]")), {
        "t1_c1.deleted": True, "t1_c1.text": "", "t1_c1.author": None}),
    quirk("reddit", "removed by moderators", page(t1(body="[removed]")), {
        "t1_c1.deleted": True, "t1_c1.text": "", "t1_c1.author": "bob"}),
    quirk("reddit", "the deleted user's words stay", page(t1(author="[deleted]")), {
        "t1_c1.deleted": False, "t1_c1.text": "hi", "t1_c1.author": None}),
    quirk("reddit", "a permalink's branch has its parent outside the file", page(t1(parent_id="t1_gone")), {
        "t1_c1.parent_id": "t1_gone"}),
    quirk("reddit", "depth and edited may be there or not",
          page(t1(depth=0, edited=1700000150.0), t1("c2", edited=False)), ids="t3_z t1_c1 t1_c2"),
    quirk("reddit", "ups where there is no score", page(t1(score=None, ups=4), t1("c2", score=-3, ups=9)), {
        "t1_c1.likes": 4, "t1_c2.likes": -3}),
    quirk("reddit", "is_submitter is the poster", page(t1(is_submitter=True)), {"t1_c1.is_owner": True}),
    quirk("reddit", "distinguished staff speaks for the page, AutoModerator does not",
          page(t1(distinguished="moderator"), t1("c2", distinguished="moderator", author="AutoModerator",
              stickied=True)),
          {"t1_c1.is_owner": True, "t1_c2.is_owner": False}),
    quirk("reddit", "title and selftext are the post's text", page(selftext="Mine &amp; yours", num_comments=3), {
        "t3_z.text": "Cups?\n\nMine & yours", "t3_z.n_replies": 3}),
    quirk("reddit", "body_html where there is no body", listing(thing("t1", **{
        k: v for k, v in comment(body_html="&lt;div&gt;&lt;p&gt;a &amp;amp; b&lt;/p&gt;&lt;/div&gt;").items()
        if k != "body"})), {"t1_c1.text": "a & b"}),
]  # fmt: skip

DUMPS = [
    quirk("reddit-dump", "created_utc as number and as string",
          lines(comment(created_utc="1435003525"), comment("c2", created_utc=1435003525)),
          {"t1_c1.created": utc(2015, 6, 22, 20, 5, 25), "t1_c2.created": utc(2015, 6, 22, 20, 5, 25)}),
    quirk("reddit-dump", "name is missing in many years",
          lines({k: v for k, v in comment().items() if k != "name"}), {"t1_c1.thread_id": "t3_z"}),
    quirk("reddit-dump", "score may be null", lines(comment(score=None)), {"t1_c1.likes": None}),
    quirk("reddit-dump", "_meta tells of removals", lines(
        comment(body="[removed]", _meta={"removal_type": "removed", "was_deleted_later": True}),
        comment("c2", _meta={"was_deleted_later": True})), {
        "t1_c1.deleted": True, "t1_c2.deleted": False, "t1_c2.text": "hi"}),
    quirk("reddit-dump", "removed by reddit", lines(comment(body="[ Removed by Reddit ]")), {"t1_c1.deleted": True}),
    quirk("reddit-dump", "posts stand in the other file", Files(
        RC=lines(comment(), comment("c2", parent_id="t1_c1", author="shop")), RS=lines(SUBMISSION)), {
        "t3_z.text": "Cups?\n\nWhich", "t3_z.n_replies": 2, "t1_c2.is_owner": True, "t1_c1.is_owner": False}),
    quirk("reddit-dump", "a parent of another month", lines(comment(parent_id="t1_old")), {
        "t1_c1.parent_id": "t1_old", "t1_c1.thread_id": "t3_z"}),
    quirk("reddit-dump", "zstd with a window of 2 GiB", long_window(lines(comment())), ids="t1_c1"),
    quirk("reddit-dump", "PullPush wraps the list in data", {"data": [comment()]}, ids="t1_c1"),
    quirk("reddit-dump", "Arctic Shift's tree nests things with more", {"data": [
        t1(replies=listing(t1("c2", parent_id="t1_c1", replies=""))), MORE]}, {"t1_c2.parent_id": "t1_c1"}),
]  # fmt: skip


def hn(own, kind="comment", **more):
    return {"id": own, "type": kind, "created_at_i": 1700000000 + own, "author": "bob", "text": None, "points": None,
            "parent_id": None, "children": []} | more  # fmt: skip


def hit(own, kind="comment", **more):
    return {"objectID": str(own), "created_at_i": 1700000000, "author": "bob", "_tags": [kind, "author_bob"]} | more


def story(*children, **more):
    return hn(1, "story", title="Show HN: cups", url="https://e.example", points=9, children=list(children)) | more


ALGOLIA = [
    quirk("hn-algolia", "one item holds the whole tree", story(hn(2, parent_id=1, story_id=1, text="a", children=[
        hn(3, parent_id=2, story_id=1, text="b")])), {
        "1.text": "Show HN: cups", "1.likes": 9, "2.parent_id": "1", "3.parent_id": "2", "3.thread_id": "1",
        "2.likes": None}),
    quirk("hn-algolia", "an unclosed p separates paragraphs, entities are hex",
          story(hn(2, parent_id=1, text="It&#x27;s &quot;ok&quot;<p>a &gt; b&#x2F;c <i>d</i>")), {
        "2.text": "It's \"ok\"\n\na > b/c d"}),
    quirk("hn-algolia", "old items wrap the text in p", story(hn(2, parent_id=1, text="<p>one</p>")), {
        "2.text": "one"}),
    quirk("hn-algolia", "code keeps its lines", story(hn(2, parent_id=1,
        text="so:<p><pre><code>a\n  b</code></pre>")), {
        "2.text": "so:\n\na\nb"}),
    quirk("hn-algolia", "deleted comments with children", story(hn(2, parent_id=1, author=None, children=[
        hn(3, parent_id=2, text="b")])), {"2.deleted": True, "2.text": "", "2.author": None, "3.parent_id": "2"}),
    quirk("hn-algolia", "a deleted story without author keeps its comments", story(hn(2, parent_id=1, text="a"),
          author=None), {"2.parent_id": "1", "1.author": None}),
    quirk("hn-algolia", "search hits are flat and marked", {"hits": [
        hit(1, "story", title="Cups", story_text="me", num_comments=5, points=3),
        hit(2, parent_id=1, story_id=1, comment_text="hi", story_title="Cups",
            _highlightResult={"comment_text": {"value": "<em>hi</em>"}})], "nbHits": 2}, {
        "1.text": "Cups\n\nme", "1.n_replies": 5, "2.parent_id": "1", "2.text": "hi"}),
    quirk("hn-algolia", "comments found by a search bring the title of their story", {"hits": [
        hit(2, parent_id=1, story_id=1, comment_text="hi", story_title="Cups &amp; lids"),
        hit(3, parent_id=2, story_id=1, comment_text="ho", story_title="Cups &amp; lids"),
        hit(5, parent_id=4, story_id=4, comment_text="x", story_title="Ours"),
        hit(4, "story", title="Ours", num_comments=5)], "nbHits": 4}, {
        "1.text": "Cups & lids", "1.parent_id": None, "2.parent_id": "1", "3.parent_id": "2", "4.n_replies": 5},
            ids="1 2 3 4 5"),
    quirk("hn-algolia", "polls and jobs are posts, poll options are skipped", [
        hn(1, "poll", title="Which?"), hn(2, "pollopt", parent_id=1, text="red"), hn(4, "job", title="Work")], {
        "1.thread_id": "1", "4.thread_id": "4"}, ids="1 4", skipped=1),
]  # fmt: skip


def item(own, kind="comment", **more):
    return {"id": own, "type": kind, "time": 1700000000 + own, "by": "bob"} | more


ITEMS = [item(10, "story", title="T &amp; U", kids=[12, 11], descendants=3, score=4),
         item(11, parent=10, text="ok<p>more", kids=[13]), item(12, parent=10, text="b"),
         {"id": 13, "type": "comment", "parent": 11, "deleted": True, "time": 1700000200}]  # fmt: skip

FIREBASE = [
    quirk("hn-firebase", "no item names its story", lines(*reversed(ITEMS)), {
        "13.thread_id": "10", "13.parent_id": "11", "12.thread_id": "10"}),
    quirk("hn-firebase", "as a map", {str(i["id"]): i for i in ITEMS}, ids="10 11 12 13"),
    quirk("hn-firebase", "as a list", ITEMS, ids="10 11 12 13"),
    quirk("hn-firebase", "one file an item", Files({f"{i['id']}.json": i for i in ITEMS}), {"13.thread_id": "10"}),
    quirk("hn-firebase", "deleted items lack author and text", ITEMS, {
        "13.deleted": True, "13.author": None, "13.text": ""}),
    quirk("hn-firebase", "dead items", [*ITEMS, item(14, parent=10, text="x", dead=True)], {"14.deleted": True}),
    quirk("hn-firebase", "titles are escaped", ITEMS, {"10.text": "T & U"}),
    quirk("hn-firebase", "counters: descendants of a story, kids of a comment", ITEMS, {
        "10.n_replies": 3, "11.n_replies": 1, "10.likes": 4}),
    quirk("hn-firebase", "kids are ranked, times give the order", ITEMS, {
        "11.created": utc(2023, 11, 14, 22, 13, 31), "12.created": utc(2023, 11, 14, 22, 13, 32)}),
    quirk("hn-bigquery", "the BigQuery table", "id,by,parent,type,time,timestamp,text,deleted,dead\n"
          "11,bob,10,comment,1700000100,2023-11-14 22:15:00 UTC,fine<p>really,,\n12,,11,comment,1700000200,,,true,\n", {
        "12.thread_id": "10", "12.deleted": True, "11.text": "fine\n\nreally", "11.deleted": False}),
]  # fmt: skip

QUIRKS = [*REDDIT, *DUMPS, *ALGOLIA, *FIREBASE]
