"""The classical numbers, worked by hand."""

from __future__ import annotations

from math import log

import pytest
from measuring import said, trees

from nlp_engage.errors import DataError
from nlp_engage.measure import collect
from nlp_engage.measure.translator import translate

ARCHIVE = [
    said("a", None, "shop", thread="a", likes=90, hours=0),
    said("a1", "a", "ann", "D", thread="a"),
    said("a2", "a1", "shop", "D", thread="a"),
    said("b", None, "shop", thread="b", likes=9, hours=20),
    said("b1", "b", "bob", "M", thread="b"),
    said("c1", "gone", "bob", "M", thread="c"),  # its post is not in the archive
]
MORE = {
    "a": {"reach": 1000, "shares": 6, "saves": 2, "follows": 1, "reads": 5000, "wow": 4, "headline": 1},
    "b": {"reach": 100, "shares": 1, "saves": 0, "follows": 0, "reads": 400, "wow": 0, "headline": 0},
}


def values(*args, **settings):
    return {m.key: m for m in translate(collect(trees(ARCHIVE)), *args, **settings)}


def test_without_numbers_beyond_the_archive_nothing_is_guessed():
    found = values()
    assert {key: m.value for key, m in found.items()} == dict.fromkeys(found)
    assert found["engagement_rate_by_reach"].reason == "not computable: no reach given"
    assert found["bci"].reason == "not computable: no shares given"
    assert found["xiaohongshu_interactions"].reason == "not computable: no saves given"
    assert all(m.source and m.formula and m.name_zh for m in found.values())


def test_with_all_numbers_each_is_what_its_formula_says():
    found = values(MORE)
    assert found["engagement_rate_by_reach"].value == pytest.approx(
        (100 * (90 + 2 + 6 + 2) / 1000 + 100 * (9 + 1 + 1) / 100) / 2
    )
    assert "likes + comments + shares + saves" in found["engagement_rate_by_reach"].formula
    assert found["bci"].value == pytest.approx(
        160 * (0.2 * log(3) + 0.8 * (0.4 * log(8) + 0.4 * log(4) + 0.2 * log(100)))
    )
    assert found["xiaohongshu_ces"].value == 99 + 2 + 4 * 3 + 4 * 7 + 8
    assert found["xiaohongshu_interactions"].value == 99 + 3 + 2
    assert found["engagement_rate_by_followers"].reason == "not computable: no followers given"


def test_wci_is_its_published_formula():
    def f(reads, wow, likes, shares):
        return (
            0.70 * log(reads + 1) + 0.09 * log(10 * wow + 1) + 0.06 * log(10 * likes + 1) + 0.15 * log(10 * shares + 1)
        )

    daily, mean = f(2700, 2, 49.5, 3.5), f(2700, 2, 49.5, 3.5)
    head, top = f(2500, 2, 45, 3), f(5000, 4, 90, 6)
    expected = 12 * (0.6 * daily + 0.2 * mean + 0.1 * head + 0.1 * top) ** 2
    found = values(MORE)["wci"]
    assert found.value == pytest.approx(expected)  # two days from the first post to the last
    assert found.version == "14.2"
    assert values(MORE, days=30)["wci"].value < found.value


def test_numbers_for_some_posts_are_not_enough():
    assert (
        values({"a": {"reach": 10}})["engagement_rate_by_reach"].reason
        == "not computable: reach given for 1 of 2 posts"
    )
    assert values({"a": {"reach": 10}}, threads={"a"})["engagement_rate_by_reach"].value == pytest.approx(920)
    assert (
        values({t: {"reach": 0} for t in "ab"})["engagement_rate_by_reach"].reason
        == "not computable: reach is 0 for 2 posts"
    )


def test_the_platforms_own_counters_replace_what_was_collected():
    given = {t: {"comments": 1000, "saves": 0} for t in "ab"}
    assert values(given)["xiaohongshu_interactions"].value == 99 + 2000


def test_no_headline_and_no_days_are_reasons():
    none = {t: {**n, "headline": 0} for t, n in MORE.items()}
    assert values(none)["wci"].reason == "not computable: no post is a headline"
    timeless = collect(trees([said("a", None, "shop", thread="a", likes=1)]))
    found = {m.key: m for m in translate(timeless, {"a": MORE["a"]})}
    assert found["wci"].reason == "not computable: no days given, and no times of posts"
    assert {m.reason for m in translate(collect([]))} == {"not computable: no post in the archive"}


@pytest.mark.parametrize(
    ("numbers", "settings", "message"),
    [
        ({"a": {"reech": 1}}, {}, "a number 'reech'"),
        ({"a": {"reach": -1}}, {}, "reach is -1"),
        ({"a": {"reach": float("nan")}}, {}, "reach is nan"),
        ({"a": {"reach": float("inf")}}, {}, "reach is inf"),
        ({"a": {"reach": 1e300}}, {}, "at most 1e"),
        ({"zz": {"reach": 1}}, {}, "none of the 1 threads with numbers is in the archive"),
        ({}, {"days": 0}, "the period is 0 days"),
        ({}, {"days": 1e-300}, "from an hour to a century"),
    ],
)
def test_wrong_numbers_are_refused(numbers, settings, message):
    with pytest.raises(DataError, match=message):
        values(numbers, **settings)


def test_rows_are_plain():
    row = translate(collect(trees(ARCHIVE)), MORE)[-1].row()
    assert (row["key"], row["value"], row["reason"]) == ("xiaohongshu_interactions", 104.0, "")
