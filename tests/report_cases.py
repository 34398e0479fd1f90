"""Small labelled archives for the tests of the report: a friendly one, a hostile one, a large one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from nlp_engage.tree import build_tree
from nlp_engage.types import ACTS, LABELS, Comment, LabelledTree

START = datetime(2025, 3, 3, 9, tzinfo=UTC)
CODES = {"m": (0.9, 0.06, 0.04), "d": (0.05, 0.9, 0.05), "s": (0.04, 0.06, 0.9), "?": (0.34, 0.35, 0.31)}
FIRST_ACT = {"m": 0, "d": 4, "s": 10, "?": 5}

# Whatever a stranger may write. None of it may reach the page as markup, script, link or instruction.
ATTACKS = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=2</script>",
    "<img src=x onerror=window.pwned=3>",
    "javascript:window.pwned=4",
    '"><svg/onload=window.pwned=5>',
    "' onmouseover='window.pwned=6",
    "{{7*7}} {% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "safe \u202egnp.exe\u202c \u2066tail\u2069 \u200fmark",
    "<!-- <script> --> ]]> <style>*{display:none}</style>",
    "line\u2028separator\u2029paragraph \x00null \x1bescape \ud800lone",
    "&lt;b&gt; &amp; &#x3c;i&#x3e;",
    "<a href='https://evil.example/'>click</a> https://evil.example/track.png",
)
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


def label(records: list[Comment], codes: dict[str, str]) -> LabelledTree:
    """Build a tree and give each comment the label of its code; without one it is out of domain."""
    tree = build_tree(records)
    n = len(tree)
    probabilities, acts = np.full((n, len(LABELS)), np.nan), np.full(n, -1, np.int32)
    languages = ["none"] * n
    for i, comment in enumerate(tree.comments):
        code = codes.get(comment.id)
        if code and not tree.stand_in[i]:
            probabilities[i], acts[i] = CODES[code], FIRST_ACT[code]
            languages[i] = "zh" if any("\u4e00" <= c <= "\u9fff" for c in comment.text) else "en"
        elif i and comment.text and not tree.stand_in[i]:
            languages[i] = "other"
    assert all(act < len(ACTS) for act in acts)
    return LabelledTree(
        tree=tree,
        probabilities=probabilities,
        acts=acts,
        act_probabilities=np.where(acts >= 0, 0.8, np.nan),
        languages=tuple(languages),
    )


def friendly(threads: int = 12) -> list[LabelledTree]:
    """A drinks brand on two platforms, in two languages, over six weeks; every kind of reply in every thread."""
    found = []
    for k in range(threads):
        thread, zh = f"t{k:02}", k % 2
        platform = "weibo" if zh else "youtube"
        when = START + timedelta(days=3.5 * k)

        def say(name: str, up: str, who: str, text: str, likes: int, t: str = thread, w: datetime = when) -> Comment:
            return Comment(
                id=f"{t}.{name}",
                thread_id=t,
                parent_id=f"{t}.{up}" if up else t,
                author=who,
                text=text,
                likes=likes,
                platform="weibo" if int(t[1:]) % 2 else "youtube",
                created=w + timedelta(hours=len(name)),
                is_owner=who == "brand",
            )

        post = Comment(
            id=thread,
            thread_id=thread,
            author="brand",
            platform=platform,
            created=when,
            likes=100 + k,
            n_replies=9,
            text=f"第{k}款新口味来了" if zh else f"Flavour number {k} is here",
        )
        records = [
            post,
            say("a", "", f"ann{k % 5}", "会不会太甜？" if zh else f"Is number {k} sweeter than the last one?", 3),
            say("ab", "a", "brand", "比上一款少糖三成。" if zh else f"No, it has a third less sugar than {k - 1}.", 1),
            say("abc", "ab", f"ann{k % 5}", "那我明天去买。" if zh else f"Then I will try it on day {k}.", 2),
            say("b", "", f"bob{k}", "😍😍", 0),
            say("c", "", f"cid{k % 3}", "小时候外婆常煮这个" if zh else f"My gran made this every June, {k} jars", 7),
            say("d", "", "dee", "¿dónde lo venden?", 0),
            say("e", "", f"eve{k}", "so nice or not", 0),
            *(say(f"f{j}", "", f"fan{k}{j}", f"first {j}!", 0) for j in range(k % 4)),
        ]
        codes = {"a": "d", "ab": "d", "abc": "d", "b": "m", "c": "s", "e": "?"} | {f"f{j}": "m" for j in range(k % 4)}
        found.append(label(records, {f"{thread}.{name}": code for name, code in codes.items()}))
    return found


def hostile() -> list[LabelledTree]:
    """Every attack as post, name, platform, id, parent and reply under each label."""
    found = []
    for k, attack in enumerate(ATTACKS):
        thread = f"{attack} {k}"
        same = {"thread_id": thread, "platform": attack, "author_name": attack}
        records = [Comment(id=thread, author=attack, text=attack, likes=k, **same)]
        for code in CODES:
            about = {"author": f"{attack}{code}", "text": f"{attack} {code} {k}", "created": START, "lang": attack}
            records.append(Comment(id=f"{thread}/{code}", parent_id=thread, **same, **about))
        found.append(label(records, {f"{thread}/{code}": code for code in CODES}))
    return found


def flood(comments: int, *, text: str, thread: str = "flood") -> LabelledTree:
    """One thread of many long comments, half of them in deep chains."""
    records = [Comment(id=thread, thread_id=thread, author="page", text=text, platform="forum")]
    for i in range(comments):
        parent = records[-1].id if i % 2 else thread
        records.append(
            Comment(id=f"{thread}:{i:07}", thread_id=thread, parent_id=parent, author=f"u{i % 997}", text=f"{text} {i}")
        )
    return label(records, {record.id: "mds"[i % 3] for i, record in enumerate(records[1:])})
