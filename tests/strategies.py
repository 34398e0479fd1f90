"""Hypothesis strategies: threads as real exports deliver them, broken in every way at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from nlp_engage.types import Comment

NAMES = ("ann", "Bob", "小张", "小张三", "Mia Ro", "a:b", "店🌸", "李四")
_ZONES = (UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-5)))
_START = datetime(2025, 6, 14, 12, tzinfo=UTC)

words = st.sampled_from(
    (
        "so good!!",
        "太好喝了吧",
        "😂😂",
        "[doge]",
        "Do they leak?",
        "多少钱",
        "ＯＫ",
        "https://example.com/a",
        "",
        " ",
    )
)
prefixes = st.one_of(
    st.just(""),
    st.builds(
        lambda form, name: form.format(name),
        st.sampled_from(("回复 @{} :", "回复@{}：", "回覆 {}:", "@{} ", "@nobody @{} ", "@{}, ", "回复@{}")),
        st.sampled_from((*NAMES, "stranger")),
    ),
)
texts = st.builds(str.__add__, prefixes, words)
times = st.none() | st.builds(
    lambda minutes, zone: (_START + timedelta(minutes=minutes)).astimezone(zone),
    st.integers(0, 5),
    st.sampled_from(_ZONES),
)
counters = st.none() | st.integers(0, 12)


def _comments(thread_id: str, pool: list[str]) -> st.SearchStrategy[Comment]:
    targets = st.sampled_from([None, "", thread_id, "gone1", "gone2", *pool])
    return st.builds(
        Comment,
        id=st.sampled_from(pool),
        thread_id=st.just(thread_id),
        parent_id=targets,
        author=st.none() | st.sampled_from(("u1", "u2", "u3", "@Ann")),
        text=texts,
        created=times,
        likes=counters,
        author_name=st.none() | st.sampled_from(NAMES),
        n_replies=counters,
        deleted=st.booleans(),
    )


@st.composite
def threads(draw: st.DrawFn, thread_id: str = "p", max_size: int = 12) -> list[Comment]:
    """Records of one thread: duplicates, edits, loops, orphans, self-replies, two levels; a post or none."""
    pool = [f"{thread_id}{i}" for i in range(draw(st.integers(1, max_size)))]
    size = {"min_size": 1, "max_size": max_size}
    nested = draw(st.lists(_comments(thread_id, pool), **size))
    floors = st.sampled_from(["gone1", *pool[:2]])
    records = [
        Comment(**{**_fields(c), "parent_id": floor, "root_id": floor}) if filed else c
        for c in nested
        for filed, floor in [(draw(st.booleans()), draw(floors))]
    ]
    records += draw(st.lists(_comments(thread_id, [thread_id]), max_size=2))
    return draw(st.permutations(records))


def _fields(comment: Comment) -> dict[str, object]:
    return {name: getattr(comment, name) for name in comment.__struct_fields__}


@st.composite
def archives(draw: st.DrawFn) -> list[Comment]:
    """Records of up to three threads, mixed."""
    chosen = draw(st.lists(st.sampled_from("pqr"), min_size=1, max_size=3, unique=True))
    records = [c for thread_id in chosen for c in draw(threads(thread_id, max_size=6))]
    return draw(st.permutations(records))


@st.composite
def conversations(draw: st.DrawFn, max_size: int = 10) -> list[Comment]:
    """Records of one thread of 2 to 4 authors, now and then an unknown one or a missing parent."""
    people = draw(st.sampled_from(("ab", "ab", "abc", [*"abcd"], [None, *"ab"])))
    n = draw(st.integers(1, max_size))
    records = [Comment(id="p", thread_id="p", author=draw(st.sampled_from(people)))]
    for i in range(1, n):
        above = ["p", *(f"c{j:02}" for j in range(1, i)), *draw(st.sampled_from([[], [], [], ["gone"]]))]
        parent = draw(st.sampled_from(above))
        records.append(Comment(id=f"c{i:02}", thread_id="p", parent_id=parent, author=draw(st.sampled_from(people))))
    return records
