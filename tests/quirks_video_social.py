"""Quirks of YouTube (API and two tools), Facebook, Instagram, X/Twitter and the support tweets of Kaggle."""

from __future__ import annotations

from quirks import Files, quirk, utc
from reading import lines


def comment(own, who="bob", text="hi", **snippet):
    return {"kind": "youtube#comment", "id": own, "snippet": {
        "textDisplay": text, "authorDisplayName": f"@{who}", "authorChannelId": {"value": f"UC{who}"}, "likeCount": 1,
        "publishedAt": "2024-01-01T00:00:00Z", "updatedAt": "2024-01-01T00:00:00Z", **snippet}}  # fmt: skip


def thread(top, *replies, **snippet):
    one = {"kind": "youtube#commentThread", "id": top["id"],
           "snippet": {"videoId": "v1", "channelId": "UCshop", "topLevelComment": top, "totalReplyCount": len(replies),
                       **snippet}}  # fmt: skip
    return one | ({"replies": {"comments": list(replies)}} if replies else {})


def threads(*items):
    return {"kind": "youtube#commentThreadListResponse", "items": list(items), "nextPageToken": "x"}


def without(record, *names):
    return record | {"snippet": {k: v for k, v in record["snippet"].items() if k not in names}}


YOUTUBE = [
    quirk("youtube", "two levels: a reply to a reply has the same parentId and a handle", threads(thread(
        comment("A", "ann"), comment("A.2", "eve", "@bob sure?", parentId="A", publishedAt="2024-01-03T00:00:00Z"),
        comment("A.1", parentId="A", publishedAt="2024-01-02T00:00:00Z"))), {
        "A.1.parent_id": "A", "A.2.parent_id": "A", "A.2.root_id": "A", "A.2.tree": "A.1", "A.1.tree": "A"}),
    quirk("youtube", "more replies are counted than inlined", threads(thread(comment("A"), totalReplyCount=2)), {
        "A.n_replies": 2}, ids="A"),
    quirk("youtube", "textOriginal goes before textDisplay", threads(thread(
        comment("A", text="wow &lt;b&gt; <br>ok", textOriginal="wow <b>\nok &amp;"))), {"A.text": "wow <b>\nok &amp;"}),
    quirk("youtube", "textDisplay is HTML", threads(thread(
        comment("A", text="It&#39;s &quot;ok&quot;<br>see <a href=\"https://e.example\">this</a>"))), {
        "A.text": "It's \"ok\"\nsee this"}),
    quirk("youtube", "times with and without milliseconds", threads(
        thread(comment("A", publishedAt="2024-01-01T00:00:05.000Z")), thread(comment("B"))), {
        "A.created": utc(2024, 1, 1, 0, 0, 5), "B.created": utc(2024, 1, 1)}),
    quirk("youtube", "authorChannelId may be absent", threads(thread(without(comment("A"), "authorChannelId"))), {
        "A.author": "@bob", "A.is_owner": False}),
    quirk("youtube", "display names are handles since 2023", threads(thread(comment("A"))), {
        "A.author": "UCbob", "A.author_name": "bob"}),
    quirk("youtube", "the channel is the owner, in replies too", threads(thread(
        comment("A"), comment("A.1", "shop", parentId="A"))), {"A.1.is_owner": True, "A.is_owner": False}),
    quirk("youtube", "comments.list gives bare replies without the video", Files(
        a=threads(thread(comment("A"))),
        b={"kind": "youtube#commentListResponse", "items": [comment("A.1", parentId="A")]}), {
        "A.1.thread_id": "v1", "A.1.parent_id": "A", "A.1.root_id": "A"}),
    quirk("youtube", "replies may stand newest first", threads(thread(
        comment("A"), comment("A.2", "eve", parentId="A", publishedAt="2024-01-03T00:00:00Z"),
        comment("A.1", parentId="A", publishedAt="2024-01-02T00:00:00Z"))), {
        "A.1.created": utc(2024, 1, 2), "A.2.created": utc(2024, 1, 3)}),
    quirk("youtube", "videos.list has the post", Files(a=threads(thread(comment("A"))), b={
        "kind": "youtube#videoListResponse", "items": [{"kind": "youtube#video", "id": "v1", "snippet": {
            "title": "Cups", "description": "New", "channelId": "UCshop"}, "statistics": {"commentCount": "4"}}]}), {
        "v1.text": "Cups\n\nNew", "v1.n_replies": 4, "v1.author": "UCshop"}),
]  # fmt: skip


def info(*comments, **more):
    return {"id": "v1", "title": "Cups", "description": "New", "extractor": "youtube", "channel_id": "UCshop",
            "uploader": "Shop", "comment_count": 3, "comments": list(comments)} | more  # fmt: skip


def playlist(*entries):
    return {"id": "PL1", "title": "All cups", "_type": "playlist", "entries": list(entries),
            "extractor": "youtube:tab", "extractor_key": "YoutubeTab"}  # fmt: skip


def told(own, parent="root", **more):
    return {"id": own, "parent": parent, "text": "hi", "author": "@bob", "author_id": "UCb", "like_count": None,
            "timestamp": 1705795200, "_time_text": "11 days ago", "author_is_uploader": False} | more  # fmt: skip


YT_DLP = [
    quirk("yt-dlp", "root is the word root", info(told("A"), told("A.1", "A")), {
        "A.parent_id": "v1", "A.1.parent_id": "A", "A.1.root_id": "A", "v1.text": "Cups\n\nNew", "v1.n_replies": 3}),
    quirk("yt-dlp", "siblings share an estimated time: the order of the file refines it",
          info(told("A"), told("A.2", "A"), told("A.1", "A", author="@eve")), {
        "A.2.created": utc(2024, 1, 21, 0, 0, 0, 2), "A.1.created": utc(2024, 1, 21, 0, 0, 0, 3)}),
    quirk("yt-dlp", "localised and edited times", info(told("A", _time_text="vor 11 Tagen (bearbeitet)")), {
        "A.created": utc(2024, 1, 21, 0, 0, 0, 1)}),
    quirk("yt-dlp", "newer versions nest below replies", info(told("A"), told("A.1", "A"), told("A.2", "A.1")), {
        "A.2.parent_id": "A.1", "A.2.root_id": "A"}),
    quirk("yt-dlp", "Bilibili's ids are numbers", info(told(5), told(6, 5), extractor="BiliBili"), {
        "5.parent_id": "v1", "6.parent_id": "5", "6.platform": "bilibili"}),
    quirk("yt-dlp", "other sites use the same list, with html", info(
        {"id": "1", "parent": "root", "html": "<p>a &amp; b</p>", "author": "ann"}, extractor="SoundCloud"), {
        "1.text": "a & b", "1.platform": "soundcloud", "1.author": "ann"}),
    quirk("yt-dlp", "missing keys are the rule", info(told("A"), {"id": "B", "text": "x"}, {"id": "C"}), {
        "B.parent_id": "v1", "B.author": None, "C.text": ""}, ids="v1 A B C"),
    quirk("yt-dlp", "the uploader is the owner, by flag and by channel", info(
        told("A", author_is_uploader=True), told("B", author_id="UCshop")), {"A.is_owner": True, "B.is_owner": True}),
    quirk("yt-dlp", "like_count may be null", info(told("A"), told("B", like_count=3)), {
        "A.likes": None, "B.likes": 3}),
    quirk("yt-dlp", "a playlist holds several videos, each a thread of its own", playlist(
        info(told("A"), told("A.1", "A", author_id="UCshop")), info(told("B"), id="v2", channel_id="UCb"),
        info(id="v3", comments=None), None), {
        "A.thread_id": "v1", "A.parent_id": "v1", "A.1.parent_id": "A", "A.1.is_owner": True, "A.is_owner": False,
        "B.thread_id": "v2", "B.is_owner": True, "v2.text": "Cups\n\nNew", "v3.platform": "youtube",
        "B.platform": "youtube", "B.created": utc(2024, 1, 21, 0, 0, 0, 1)}, ids="v1 v2 v3 A A.1 B", skipped=1),
    quirk("yt-dlp", "formats and captions come before the comments, and are long", {
        "id": "v1", "title": "Cups", "formats": [{"url": "x" * 1000}] * 300, **info(told("A"))}, {
        "A.parent_id": "v1", "v1.author": "UCshop"}, ids="v1 A"),
    quirk("yt-dlp", "in a playlist, too", playlist(
        {"id": "v1", "title": "Cups", "formats": [{"url": "x" * 1000}] * 300, **info(told("A"))}), {
        "A.parent_id": "v1"}, ids="v1 A"),
    quirk("yt-dlp", "lines of videos of which one has no comments", lines(
        info(told("A")), info(id="v2", comments=None)), {
          "v2.text": "Cups\n\nNew"}, ids="v1 A v2"),
    quirk("yt-dlp-videos", "a flat playlist only lists its videos", playlist(
        {"_type": "url", "id": "v1", "title": "Cups", "ie_key": "Youtube", "url": "https://video.example/v1"}, None), {
        "v1.text": "Cups", "v1.platform": "youtube"}, ids="v1", skipped=1),
    quirk("yt-dlp", "a playlist within a playlist is refused, and nothing else", playlist(
        playlist(info(told("B"))), info(told("A"))), {"A.thread_id": "v1"}, ids="v1 A", rejected=1),
    quirk("yt-dlp-videos", "a playlist within a playlist is refused", playlist(
        playlist(info(told("A"))), {"id": "v2", "title": "Pots", "ie_key": "Youtube"}), ids="v2", rejected=1),
    quirk("yt-dlp-videos", "a video without comments is a post", {
        k: v for k, v in info(_type="video").items() if k != "comments"}, {"v1.text": "Cups\n\nNew"}, ids="v1"),
    quirk("yt-dlp-videos", "comments may be null", info(comments=None), ids="v1"),
    quirk("yt-dlp-comments", "the list of comments alone", [told("A"), told("A.1", "A")], {
        "A.parent_id": "x", "A.1.parent_id": "A"}),
]  # fmt: skip


def saved(own, **more):
    return {"cid": own, "text": "hi", "time": "2 weeks ago", "author": "@bob", "channel": "UCb", "votes": "3",
            "replies": "", "photo": "https://e.example", "heart": False, "reply": "." in own} | more  # fmt: skip


DOWNLOADER = [
    quirk("youtube-comment-downloader", "the parent stands before the dot", lines(saved("A"), saved("A.9z")), {
        "A.parent_id": "x", "A.9z.parent_id": "A", "A.9z.root_id": "A"}),
    quirk("youtube-comment-downloader", "votes are words", lines(
        saved("A", votes="1.2K"), saved("B", votes="3万"), saved("C", votes="1,5 tis."), saved("D", votes=7)), {
        "A.likes": 1200, "B.likes": 30000, "C.likes": 1500, "D.likes": 7}),
    quirk("youtube-comment-downloader", "replies is a string, empty or absent", lines(
        saved("A", replies="12"), saved("B"), {k: v for k, v in saved("C").items() if k != "replies"}), {
        "A.n_replies": 12, "B.n_replies": None, "C.n_replies": None}),
    quirk("youtube-comment-downloader", "relative times are none, time_parsed is", lines(
        saved("A", time="1 week ago (edited)"), saved("B", time_parsed=1700831647.5)), {
        "A.created": None, "B.created": utc(2023, 11, 24, 13, 14, 7, 500_000)}),
    quirk("youtube-comment-downloader", "a reply may come before its floor", lines(saved("A.1"), saved("B"),
          saved("A")), {"A.1.parent_id": "A", "A.1.tree": "A"}),
    quirk("youtube-comment-downloader", "pretty output is one object", {"comments": [saved("A")]}, ids="A"),
]  # fmt: skip


def fb(own=None, **more):
    return ({"id": own} if own else {}) | {"message": "hi", "created_time": "2021-08-10T18:45:03+0000"} | more


LINK = "https://www.facebook.com/500/posts/99/?comment_id=11"

FACEBOOK = [
    quirk("facebook-graph", "ids are post and comment", {"data": [fb("99_1")], "summary": {"total_count": 1}}, {
        "99_1.thread_id": "99", "99_1.parent_id": "99"}),
    quirk("facebook-graph", "replies nest", {"data": [fb("99_1", comments={"data": [fb("99_2")]})]}, {
        "99_2.parent_id": "99_1", "99_2.root_id": "99_1"}),
    quirk("facebook-graph", "filter=stream gives replies flat, with their parent", {"data": [
        fb("99_2", parent={"id": "99_1"}), fb("99_1")]}, {"99_2.parent_id": "99_1", "99_1.parent_id": "99"}),
    quirk("facebook-graph", "a map of ids", {"99_1": fb("99_1"), "99_2": fb("99_2")}, ids="99_1 99_2"),
    quirk("facebook-graph", "no id was asked for: permalink_url has it", {"data": [
        fb(permalink_url=LINK), fb(permalink_url=f"{LINK}&reply_comment_id=12")]}, {
        "99_11.thread_id": "99", "99_12.parent_id": "99_11", "99_12.root_id": "99_11"}),
    quirk("facebook-graph", "neither id nor permalink is a reject that says what to ask for", {"data": [
        fb("99_1"), fb()]}, ids="99_1", rejected=1),
    quirk("facebook-graph", "from needs a page token", {"data": [fb("99_1")]}, {"99_1.author": None}),
    quirk("facebook-graph", "zones without colon", {"data": [fb("99_1", created_time="2021-08-10T18:45:03+0200")]}, {
        "99_1.created": utc(2021, 8, 10, 16, 45, 3)}),
    quirk("facebook-graph", "the post may stand in the address of the next page", {"data": [fb("11")], "paging": {
        "next": "https://graph.facebook.com/v12.0/500_99/comments?after=x"}}, {"11.thread_id": "99"}),
    quirk("facebook-graph", "posts are page and post: told by what only they have, or by who wrote them", {"data": [
        fb("500_99", shares={"count": 1}), fb("500_98", **{"from": {"id": "500", "name": "Shop"}}),
        fb("500_97", comments={"data": [fb("97_1", **{"from": {"id": "500", "name": "Shop"}})]})]}, {
        "97_1.parent_id": "97", "97_1.is_owner": True}, ids="99 98 97 97_1"),
    quirk("facebook-graph", "likes as a number or as a summary", {"data": [
        fb("99_1", like_count=2), fb("99_2", likes={"summary": {"total_count": 3}})]}, {
        "99_1.likes": 2, "99_2.likes": 3}),
    quirk("facebook-graph", "stickers and photos have no words", {"data": [
        fb("99_1", message="", attachment={"type": "sticker"}),
        {"id": "99_2", "created_time": "2021-08-10T18:45:03+0000", "attachment": {"type": "photo"}}]}, {
        "99_1.text": "", "99_2.text": ""}, ids="99_1 99_2"),
    quirk("facebook-graph", "the page that the permalink names is the owner", {"data": [
        fb("99_11", permalink_url=LINK, **{"from": {"id": "500", "name": "Shop"}})]}, {"99_11.is_owner": True}),
    quirk("facebook-graph", "a plain full name at the start tells the target", {"data": [fb("99_1", comments={"data": [
        fb("99_2", message="No", created_time="2021-08-10T19:00:00+0000", **{"from": {"id": "8", "name": "Bob Roe"}}),
        fb("99_3", message="Bob Roe why?", created_time="2021-08-10T19:01:00+0000", **{
            "from": {"id": "7", "name": "Ann Poe"}})]})]}, {"99_3.parent_id": "99_1", "99_3.tree": "99_2"}),
    quirk("facebook-scraper facebook-scraper-posts", "who wrote the post is the owner, in another table", Files(
        a="comment_id,status_id,parent_id,comment_message,comment_author,comment_published\n9_1,5_9,,hi,Shop,\n",
        b="status_id,status_message,status_author,status_published\n5_9,Cups,Shop,2016-12-31 23:00:00\n"), {
        "9_1.is_owner": True, "5_9.text": "Cups"}),
    quirk("facebook-scraper", "the scraper's table: no parent at top level, times of New York",
          "comment_id,status_id,parent_id,comment_message,comment_author,comment_published\n"
          "9_1,5_9,,hi,Ann,2017-01-01 00:00:00\n9_2,5_9,9_1,ho,Shop,2017-01-01 00:01:00\n", {
        "9_1.parent_id": "5_9", "9_2.parent_id": "9_1", "9_1.created": utc(2017, 1, 1, 5)}),
]  # fmt: skip


def ig(own, **more):
    return {"id": own, "text": "hi", "timestamp": "2020-06-01T10:56:52+0000"} | more


INSTAGRAM = [
    quirk("instagram-graph", "only id, text and timestamp come unasked", {"data": [ig("178001")]}, {
        "178001.author": None, "178001.created": utc(2020, 6, 1, 10, 56, 52), "178001.parent_id": "x"}),
    quirk("instagram-graph", "replies nest one level, the name in the text tells the target", {"data": [
        ig("1781", username="ann", replies={"data": [
            ig("1782", username="bob", timestamp="2020-06-01T11:00:00+0000"),
            ig("1783", username="ann", text="@bob  sure?", timestamp="2020-06-01T11:01:00+0000")]})]}, {
        "1782.parent_id": "1781", "1783.root_id": "1781", "1783.tree": "1782"}),
    quirk("instagram-graph", "a map of ids", {"1781": ig("1781", username="ann"), "1782": ig("1782")}, {
        "1781.author": "ann"}, ids="1781 1782"),
    quirk("instagram-graph", "a single comment names its media", ig("1781", media={"id": "99"}, replies={
        "data": [ig("1782")]}), {"1781.thread_id": "99", "1782.thread_id": "99", "1782.parent_id": "1781"}),
    quirk("instagram-graph", "parent_id where it was asked for", {"data": [ig("1782", parent_id="1781")]}, {
        "1782.parent_id": "1781", "1782.root_id": "1781"}),
    quirk("instagram-graph", "media or comment may stand in the address of the next page", Files(
        a={"data": [ig("1781")], "paging": {"next": "https://graph.facebook.com/v12.0/17846/comments?after=x"}},
        b={"data": [ig("1782")], "paging": {"previous": "https://graph.facebook.com/v12.0/1781/replies?before=x"}}), {
        "1781.thread_id": "17846", "1782.parent_id": "1781", "1782.root_id": "1781"}),
    quirk("instagram-graph", "user.id or from.id where there is no username", {"data": [
        ig("1", user={"id": "7"}), ig("2", **{"from": {"id": "8", "username": "eve"}})]}, {
        "1.author": "7", "2.author": "eve"}),
    quirk("instagram-graph", "the account writes below its own media", {"data": [
        {"id": "99", "caption": "Cups", "timestamp": "2020-06-01T10:00:00+0000", "username": "shop",
         "comments": {"data": [ig("1", username="shop"), ig("2", username="ann")]}}]}, {
        "99.text": "Cups", "1.is_owner": True, "2.is_owner": False, "1.parent_id": "99"}),
]  # fmt: skip


def tweet(own, writer="8", *references, **more):
    return {"id": own, "conversation_id": "1001", "author_id": writer, "text": "hi",
            "created_at": "2023-01-01T00:00:00.000Z",
            "referenced_tweets": [{"type": kind, "id": i} for kind, i in references]} | more  # fmt: skip


ROOT = tweet("1001", "7", text="New app", lang="en", public_metrics={"like_count": 5, "reply_count": 1})
USERS = {"users": [{"id": "7", "username": "shop", "name": "Shop"}, {"id": "8", "username": "bob", "name": "Bob"}]}
REPLY = tweet("1002", "8", ("quoted", "5"), ("replied_to", "1001"))
OLD = {"id_str": "5", "full_text": "a &amp; b", "conversation_id_str": "4", "in_reply_to_status_id_str": "4",
       "created_at": "Tue Oct 10 07:57:53 +0000 2023", "favorite_count": 2,
       "user": {"id_str": "8", "screen_name": "bob"}}  # fmt: skip

TWITTER = [
    quirk("twitter-v2", "only replied_to is a parent", {"data": [ROOT, REPLY, tweet("1003", "8", ("quoted", "1002"))],
          "includes": USERS}, {"1002.parent_id": "1001", "1003.parent_id": "1001"}),
    quirk("twitter-v2", "in_reply_to_user_id is no parent", {"data": [ROOT, tweet("1002", in_reply_to_user_id="9")]}, {
        "1002.parent_id": "1001"}),
    quirk("twitter-v2", "the root is often only in includes", {"data": [REPLY], "includes": {"tweets": [ROOT], **USERS},
          "meta": {}}, {"1001.text": "New app", "1002.author_name": "bob", "1001.is_owner": True, "1001.likes": 5,
                        "1001.n_replies": 1, "1001.lang": "en"}),
    quirk("twitter-v2", "twarc saves a page a line", lines({"data": [ROOT], "__twarc": {}}, {"data": [REPLY]}),
          ids="1001 1002"),
    quirk("twitter-v2", "flattened tweets inline author and referenced tweet", lines(
        tweet("1002", "8", author={"id": "8", "username": "bob"}, referenced_tweets=[{"type": "replied_to",
            **ROOT}])), {
        "1001.text": "New app", "1002.parent_id": "1001", "1002.author_name": "bob"}),
    quirk("twitter-v2", "flattened answers repeat the tweet they answer", lines(*(tweet(
        own, "8", referenced_tweets=[{"type": "replied_to", **ROOT}]) for own in ("1002", "1003"))),
            ids="1001 1002 1003"),
    quirk("twitter-v2", "one tweet alone, with what it answers beside it", {"data": REPLY, "includes": {
        "tweets": [ROOT], **USERS}}, {"1002.parent_id": "1001", "1001.author_name": "shop"}, ids="1001 1002"),
    quirk("twitter-v2", "quoted tweets of other conversations are no comments", {"data": [REPLY], "includes": {
        "tweets": [ROOT, tweet("5", conversation_id="5")]}}, ids="1001 1002", skipped=1),
    quirk("twitter-v2", "who began the conversation is the owner, in a later file too", Files(
        a={"data": [tweet("1003", "7", ("replied_to", "1002"))]}, b={"data": [ROOT]}), {"1003.is_owner": True}),
    quirk("twitter-v2", "deleted parents stand in errors", {"data": [tweet("1003", "8", ("replied_to", "1002"))],
          "errors": [{"type": "https://api.example/resource-not-found", "resource_id": "1002"}]}, {
        "1003.parent_id": "1002"}, ids="1003"),
    quirk("twitter-v2", "entities, mentions and links stay readable", {"data": [
        ROOT, tweet("1002", text="@shop @eve it &lt;leaks&gt; &amp; https://t.co/x")]}, {
        "1002.text": "@shop @eve it <leaks> & https://t.co/x"}),
    quirk("twitter-v2", "long tweets are whole in note_tweet", {"data": [
        ROOT | {"text": "New…", "note_tweet": {"text": "New app &amp; more"}}]}, {"1001.text": "New app & more"}),
    quirk("twitter-v2", "retweets are threads of their own", {"data": [ROOT, tweet(
        "1004", "8", ("retweeted", "1001"), conversation_id="1004", text="RT @shop: New ap…")]}, {
        "1004.parent_id": None, "1001.parent_id": None}),
    quirk("twitter-v1", "old tweets have id_str and dates in words", lines(OLD), {
        "5.text": "a & b", "5.parent_id": "4", "5.thread_id": "4", "5.created": utc(2023, 10, 10, 7, 57, 53),
        "5.likes": 2, "5.author_name": "bob"}),
    quirk("twitter-v1", "the conversation is the thread, whatever is answered", lines(OLD | {
        "conversation_id_str": "1"}), {"5.thread_id": "1", "5.parent_id": "4"}),
    quirk("twitter-v1", "without conversation the chain of replies is the thread", lines(
        *({k: v for k, v in (OLD | {"id_str": own, "in_reply_to_status_id_str": above}).items()
           if k != "conversation_id_str"} for own, above in (("7", "6"), ("6", "5"), ("5", None)))), {
        "7.thread_id": "5", "7.parent_id": "6", "5.parent_id": None}),
]  # fmt: skip

HEAD = "tweet_id,author_id,inbound,created_at,text,response_tweet_id,in_response_to_tweet_id\n"
TIME = "Tue Oct 31 22:10:47 +0000 2017"

TWCS = [
    quirk("twcs", "newest first, no column for the thread", HEAD + f"1,cupshop,False,{TIME},so,2,3\n"
          f'2,900,True,{TIME},no,,1\n3,900,True,{TIME},hm,"1,7",\n', {
        "1.thread_id": "3", "2.thread_id": "3", "3.parent_id": None, "1.created": utc(2017, 10, 31, 22, 10, 47)}),
    quirk("twcs", "parents written by pandas are floats", HEAD + f"1,cupshop,False,{TIME},so,,3.0\n", {
        "1.parent_id": "3"}),
    quirk("twcs", "True and TRUE, False and FALSE", HEAD + f"1,a,False,{TIME},so,,3\n2,b,FALSE,{TIME},so,,3\n"
          f"4,900,TRUE,{TIME},so,,3\n", {"1.is_owner": True, "2.is_owner": True, "4.is_owner": False}),
    quirk("twcs", "quoted text has line breaks and entities",
        HEAD + f'1,900,True,{TIME},"a\nb &lt;c&gt; &amp; d",,\n', {
        "1.text": "a\nb <c> & d"}),
    quirk("twcs", "parents that are not in the file", HEAD + f"5,900,True,{TIME},hm,10,4\n6,900,True,{TIME},so,,5\n", {
        "5.parent_id": "4", "6.thread_id": "4"}),
    quirk("twcs", "customers do not own their threads", HEAD + f"3,900,True,{TIME},hm,1,\n", {"3.is_owner": False}),
]  # fmt: skip

QUIRKS = [*YOUTUBE, *YT_DLP, *DOWNLOADER, *FACEBOOK, *INSTAGRAM, *TWITTER, *TWCS]
