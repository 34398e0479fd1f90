"""Groups of the measure, and its rows as files."""

from __future__ import annotations

import json

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from measuring import archives, changed, given, said, trees

from nlp_engage.errors import DataError
from nlp_engage.measure import COUNTS, ESTIMATES, collect, measure, measure_table
from nlp_engage.report.tables import write_table
from nlp_engage.types import Act

ADDING_UP = ("n_posts", "n_replies", "n_owner_replies", "n_unlabelled")
TWO = [
    said("a", None, "shop", thread="a", platform="weibo", hours=0, lang="zh"),
    said("a1", "a", "ann", "D", thread="a", hours=1, lang="zh", act=Act.QUESTION),
    said("a2", "a1", "shop", "D", thread="a", hours=2, lang="zh"),
    said("a3", "a", "bob", "M", thread="a", hours=400, lang="en"),
    said("b", None, "shop", thread="b", platform="reddit", hours=400, lang="en"),
    said("b1", "b", "bob", "S", thread="b", hours=401, lang="en"),
    said("b2", "b", None, "S", thread="b", lang="en"),
]


def groups(archive, by, **settings):
    return {row["group"]: row for row in measure(trees(archive), by=by, resamples=20, **settings).rows()}


@given(archives())
def test_groups_share_out_every_reply_and_post(archive):
    table = collect(trees(archive))
    (whole,) = measure_table(table, resamples=0).rows()
    for by in ("thread_id", "platform", "lang", "author", "month", "week", "day"):
        rows = measure_table(table, by=by, resamples=0).rows()
        for key in ADDING_UP:
            assert sum(row[key] for row in rows) == whole[key], (by, key)
        likes = [row["likes"] for row in rows if row["likes"] is not None]
        assert (sum(likes) if likes else None) == whole["likes"]
        if (table.voice == 1).all():  # else EQ is no plain mean over replies
            earned = sum((row["eq"] or 0) * row["n_replies"] for row in rows)
            assert earned == pytest.approx((whole["eq"] or 0) * whole["n_replies"])


@given(archives())
def test_a_group_of_whole_threads_is_measured_as_if_it_were_alone(archive):
    """Texts are made different, for the copy rule looks at all that is collected."""
    archive = [changed(s, text=f"text {k}") for k, s in enumerate(archive)]
    names = sorted({s.comment.thread_id for s in archive})
    table = {name: "even" if k % 2 == 0 else "odd" for k, name in enumerate(names)}
    for name, row in groups(archive, table).items():
        alone = [s for s in archive if table[s.comment.thread_id] == name]
        (expected,) = measure(trees(alone), resamples=20).rows()
        for key in (*COUNTS, *ESTIMATES, *(k + e for k in ESTIMATES for e in ("_low", "_high"))):
            near = None if expected[key] is None else pytest.approx(expected[key], rel=1e-6, abs=1e-9)
            assert row[key] == near, key
        assert row["notes"] == expected["notes"]


def test_threads_go_whole_by_thread_platform_and_table():
    assert list(groups(TWO, "thread_id")) == ["a", "b"]
    assert {name: row["n_replies"] for name, row in groups(TWO, "platform").items()} == {"reddit": 2, "weibo": 2}
    by_table = groups(TWO, {"a": "before", "zzz": "after"})
    assert {name: row["n_replies"] for name, row in by_table.items()} == {"before": 2}
    assert groups(TWO, {"a": "x", "b": "x"})["x"]["n_threads"] == 2


def test_replies_go_where_they_belong_by_language_author_and_time():
    by_lang = groups(TWO, "lang")
    assert {k: (r["n_replies"], r["n_posts"], r["n_threads"]) for k, r in by_lang.items()} == {
        "en": (3, 1, 2),
        "zh": (1, 1, 1),
    }
    by_author = groups([changed(s, platform=None) for s in TWO], "author")
    assert {k: r["n_replies"] for k, r in by_author.items()} == {"ann": 1, "bob": 2, "shop": 0, "unknown": 1}
    assert by_author["bob"]["return_rate"] == 1.0
    assert (by_author["shop"]["n_posts"], by_author["shop"]["n_owner_replies"]) == (2, 1)
    assert [row["group"] for row in measure(trees(TWO), by="author").rows()].count("bob") == 2  # on two platforms
    by_month = groups(TWO, "month")
    assert {k: (r["n_replies"], r["n_posts"]) for k, r in by_month.items()} == {
        "2025-06": (1, 1),
        "2025-07": (2, 1),
        "unknown": (1, 0),
    }
    assert list(groups(TWO, "week")) == ["2025-W24", "2025-W27", "unknown"]
    assert list(groups(TWO, "day")) == ["2025-06-14", "2025-07-01", "unknown"]
    assert by_month["2025-06"]["response_hours"] == 1.0


def test_without_times_all_is_in_the_unknown_group():
    timeless = [changed(s, created=None) for s in TWO]
    assert {k: r["n_replies"] for k, r in groups(timeless, "week").items()} == {"unknown": 4}


def test_a_post_the_archive_lacks_makes_no_group():
    archive = [said("c", "gone", "ann", "S", thread="t", lang="zh", hours=1)]
    assert list(groups(archive, "lang")) == ["zh"]
    assert list(groups(archive, "month")) == ["2025-06"]


def test_a_table_that_names_no_thread_is_refused():
    with pytest.raises(DataError, match="none of the 1 threads"):
        groups(TWO, {"nope": "x"})


def test_an_unknown_column_is_refused_with_those_there_are():
    with pytest.raises(DataError, match=r"no column 'colour'.*platform, lang"):
        groups(TWO, "colour")


# --- rows as tables and files ---


def test_rows_are_plain_and_carry_what_they_were_made_with():
    result = measure(trees(TWO), by="platform", resamples=20, level=0.8, seed=3)
    assert (result.version, result.by, result.resamples, result.level, result.seed) == ("eq-2", "platform", 20, 0.8, 3)
    rows = result.rows()
    expected = ["group", *COUNTS, *(key + end for key in ESTIMATES for end in ("", "_low", "_high")), "notes"]
    assert sorted(rows[0]) == sorted(expected)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    rows[0]["notes"]["eq"] = "changed"
    assert result.rows()[0]["notes"]["eq"] != "changed"


def test_arrow_and_pandas_hold_the_rows():
    result = measure(trees(TWO), by="platform", resamples=20)
    frame, table = result.to_pandas(), result.to_arrow()
    assert isinstance(frame, pd.DataFrame)
    assert frame["eq"].tolist() == [row["eq"] for row in result.rows()]
    assert pl.from_arrow(table)["group"].to_list() == ["reddit", "weibo"]
    assert table["n_replies"].to_pylist() == [2, 2]
    assert json.loads(table["notes"][0].as_py()) == result.rows()[0]["notes"]
    assert pd.isna(frame["eq_low"][0])


@pytest.mark.parametrize("ending", ["json", "csv", "parquet"])
def test_files_hold_the_rows(tmp_path, ending):
    result = measure(trees(TWO), by="thread_id", resamples=20)
    path = tmp_path / "new" / f"rows.{ending}"
    write_table(result, path)
    read = {"json": lambda: json.loads(path.read_text("utf-8")), "csv": lambda: pd.read_csv(path).to_dict("records")}
    found = read.get(ending, lambda: pq.read_table(path).to_pylist())()
    assert [row["group"] for row in found] == ["a", "b"]
    assert [row["eq"] for row in found] == pytest.approx([row["eq"] for row in result.rows()])
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    if ending == "parquet":
        assert pq.read_schema(path).metadata[b"nlp_engage.version"] == b"eq-2"


def test_a_file_name_with_another_ending_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"\.json, \.csv, \.parquet"):
        write_table(measure([]), tmp_path / "rows.xlsx")
