"""Reading as such: recognition, joining, encodings, compression, the canonical formats, tables, corpora."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from reading import lines, owners, parents, put, read_all, reasons

from nlp_engage.errors import ReadError
from nlp_engage.readers import FORMATS, read
from nlp_engage.types import Comment, ReadReport

POST = {"id": "p", "thread_id": "p", "author": "shop", "text": "New cups!"}
REPLY = {"id": "a", "thread_id": "p", "parent_id": "p", "author": "ann", "text": "Do they leak? 漏水吗", "likes": 3,
         "created": "2024-03-01T12:00:00+08:00"}  # fmt: skip
TEXT = lines(POST, REPLY)


def test_canonical_lines_keep_every_field(tmp_path):
    full = REPLY | {"is_owner": True, "lang": "en", "platform": "blog", "author_name": "Ann", "root_id": "r",
                    "n_replies": 2, "deleted": True}  # fmt: skip
    found, report = read_all(put(tmp_path, "x", lines(POST, full)))
    assert found["a"] == Comment(**full | {"created": datetime(2024, 3, 1, 4, tzinfo=UTC)})
    assert found["p"] == Comment(**POST)
    assert next(iter(report.formats.values())).startswith("canonical: keys id")


def test_canonical_records_with_odd_types_are_understood(tmp_path):
    odd = {"id": 9007199254740993, "thread_id": 7, "parent_id": 9007199254740995, "text": "x", "likes": "1.2K",
           "created": 1700000000, "is_owner": 1}  # fmt: skip
    found, _ = read_all(put(tmp_path, "x", lines(POST, odd)))
    assert parents(found)["9007199254740993"] == "9007199254740995"
    comment = found["9007199254740993"]
    assert (comment.thread_id, comment.likes, comment.is_owner) == ("7", 1200, True)
    assert comment.created == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_canonical_as_one_array_is_read(tmp_path):
    found, _ = read_all(put(tmp_path, "x.json", [POST, REPLY]))
    assert parents(found) == {"p": None, "a": "p"}


def test_a_bad_line_is_rejected_with_its_place_and_the_rest_goes_on(tmp_path):
    rows = [*TEXT.splitlines(), '{"id": "b", "thread_id"', '{"id": "", "thread_id": "p"}', "[1, 2]", '{"id":"c"}']
    path = put(tmp_path, "x", "\n".join([*rows, *lines(POST | {"id": "d"}).splitlines()]))
    found, report = read_all(path)
    assert set(found) == {"p", "a", "d"}
    assert [(r.file, r.place) for r in report.rejected] == [(str(path), n) for n in (3, 4, 5, 6)]
    assert all(reasons(report))


def test_rejects_beyond_a_chunk_have_the_right_line_number(tmp_path):
    good = lines(*({"id": f"c{i}", "thread_id": "p", "text": "x" * 400} for i in range(6000)))
    found, report = read_all(put(tmp_path, "x", good + "{broken\n" + TEXT))
    assert len(found) == 6002
    assert [r.place for r in report.rejected] == [6001]


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, zstandard.compress, bz2.compress, lzma.compress, lambda d: gzip.compress(zstandard.compress(d)),
     lambda d: gzip.compress(d[:50]) + gzip.compress(d[50:]), lambda d: zstandard.compress(
         d[:50]) + zstandard.compress(d[50:])],
    ids=["gzip", "zstd", "bzip2", "xz", "zstd in gzip", "gzip members", "zstd frames"],
)  # fmt: skip
def test_compression_is_found_by_content(tmp_path, pack):
    found, report = read_all(put(tmp_path, "no_suffix", pack(TEXT.encode())))
    assert set(found) == {"p", "a"}
    assert report.n_rejected == 0


def test_zstd_with_the_window_of_the_reddit_dumps_is_read(tmp_path):
    options = zstandard.ZstdCompressionParameters.from_level(3, window_log=31, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=options).compressobj()
    data = packer.compress(TEXT.encode()) + packer.flush()
    assert set(read_all(put(tmp_path, "x", data))[0]) == {"p", "a"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_encodings_are_found_by_content(tmp_path, encoding):
    rows = "评论ID,帖子ID,用户昵称,评论内容\n1,9,小张,这个杯子会漏水吗？\n2,9,店家,不会的，我们测试了四百个\n"
    found, report = read_all(put(tmp_path, "x", rows.encode(encoding)))
    assert [c.text for c in found.values()] == ["这个杯子会漏水吗？", "不会的，我们测试了四百个"]
    assert [c.author for c in found.values()] == ["小张", "店家"]
    assert report.n_rejected == 0


def test_one_bad_byte_does_not_change_the_encoding(tmp_path):
    found, _ = read_all(put(tmp_path, "x", TEXT.encode().replace(b"leak", b"le\xffk")))
    assert found["a"].text == "Do they le\ufffdk? 漏水吗"


def test_tables_are_mapped_and_the_map_is_told(tmp_path):
    path = put(
        tmp_path, "shop.tsv", "Comment ID\tParent ID\tUser\tComment Text\tLikes\n1\t\tann\tgood\t3\n2\t1\tbob\tbad\t\n"
    )
    found, report = read_all(path)
    assert parents(found) == {"1": "shop", "2": "1"}
    assert (found["1"].author, found["1"].likes, found["2"].likes) == ("ann", 3, None)
    assert "text=Comment Text" in report.formats[str(path)]


def test_the_column_map_can_be_given(tmp_path):
    path = put(tmp_path, "x.csv", "a;b;c;d.e|f+g\n1;9;hello;ann\n")
    found, _ = read_all(path, columns={"text": "c", "id": "a", "thread_id": "b", "author": "d.e|f+g"})
    assert found["1"] == Comment(id="1", thread_id="9", parent_id="9", author="ann", text="hello")
    with pytest.raises(ReadError, match="no column 'z'; columns: a, b, c"):
        read([path], columns={"text": "z"})
    with pytest.raises(ReadError, match="no field 'body'"):
        read([path], columns={"body": "c"})
    with pytest.raises(ReadError, match="no column looks like the text"):
        read([path], columns={"id": "a"})


def test_rows_without_ids_are_numbered_and_broken_rows_rejected(tmp_path):
    path = put(tmp_path, "x.csv", 'user,comment\nann,"line one\nline two"\nbob,fine,too,many\n\neve,ok\n')
    found, report = read_all(path)
    assert {i: c.text for i, c in found.items()} == {"x:1": "line one\nline two", "x:2": "ok"}
    assert [(r.place, r.reason[:24]) for r in report.rejected] == [(4, "4 fields under 2 columns")]


def test_ids_that_a_spreadsheet_has_rounded_are_told(tmp_path):
    path = put(
        tmp_path,
        "x.csv",
        "comment_id,parent_id,user_id,text\n119236.0,,7.0,a\n1.38024E+18,,7,b\n3,1.38024E+18,1.2e+17,c\n",
    )
    found, report = read_all(path)
    assert parents(found) == {"119236": "x", "3": "x"}
    assert found["119236"].author == "7"
    assert "1.38024E+18 is rounded" in reasons(report)[0]
    assert "1 parent ids that a spreadsheet has rounded" in report.formats[str(path)]
    assert "1 author ids that a spreadsheet has rounded" in report.formats[str(path)]


def test_parquet_with_canonical_and_with_other_columns(tmp_path):
    pq.write_table(
        pa.Table.from_pylist([POST | {"extra": 1, "created": None}, REPLY | {"created": datetime(2024, 3, 1, 4)}]),
        tmp_path / "a",
    )
    found, _ = read_all(tmp_path / "a")
    assert (found["a"].text, found["a"].created) == (REPLY["text"], datetime(2024, 3, 1, 4, tzinfo=UTC))
    pq.write_table(pa.table({"comment_id": [2**60 + 1], "评论内容": ["好"], "video_id": [5]}), tmp_path / "b")
    found, _ = read_all(tmp_path / "b")
    assert found == {str(2**60 + 1): Comment(id=str(2**60 + 1), thread_id="5", parent_id="5", text="好")}


def test_a_damaged_parquet_file_is_a_reject(tmp_path):
    pq.write_table(pa.Table.from_pylist([POST]), tmp_path / "a.parquet")
    data = (tmp_path / "a.parquet").read_bytes()
    put(tmp_path, "b.parquet", data[:60])
    found, report = read_all(tmp_path)
    assert set(found) == {"p"}
    assert "damaged" in reasons(report)[0]


UTTERANCES = lines(
    {"id": "p1", "conversation_id": "p1", "text": "", "speaker": "ann", "meta": {"score": 5}, "reply-to": None,
    "timestamp": 1700000000},
    {"id": "c1", "conversation_id": "p1", "text": "[deleted]", "speaker": "bob", "meta": {}, "reply-to": "p1",
    "timestamp": None},
    {"id": "c2", "root": "p1", "text": "why", "user": {"id": "eve"}, "meta": {}, "reply_to": "c1",
    "timestamp": "1700000100.5"},
)  # fmt: skip


def test_convokit_folders_of_every_age(tmp_path):
    corpus = tmp_path / "data" / "corpus"
    put(corpus, "utterances.jsonl", UTTERANCES)
    put(corpus, "conversations.json", {"p1": {"meta": {"title": "Which cup?"}, "vectors": []}, "p2": {"title": "Lost"}})
    put(corpus, "speakers.json", {"ann": {}})
    for path in (corpus, tmp_path):
        found, report = read_all(path)
        assert parents(found) == {"p1": None, "c1": "p1", "c2": "c1", "p2": None}
        assert (found["p1"].text, found["p1"].likes, found["p2"].text) == ("Which cup?", 5, "Lost")
        assert (found["c1"].deleted, found["c1"].text, found["c2"].author) == (True, "", "eve")
        assert found["c2"].created == datetime(2023, 11, 14, 22, 15, 0, 500_000, tzinfo=UTC)
        assert list(report.formats.values()) == ["convokit: a folder with utterances.jsonl"]


def test_convokit_utterances_alone_and_as_an_array(tmp_path):
    found, _ = read_all(put(tmp_path, "u", UTTERANCES))
    assert parents(found) == {"p1": None, "c1": "p1", "c2": "c1"}
    found, _ = read_all(put(tmp_path, "v", "[" + UTTERANCES.replace("}\n{", "},\n{") + "]"))
    assert parents(found) == {"p1": None, "c1": "p1", "c2": "c1"}


def test_folders_hold_mixed_formats_and_things_that_are_no_archives(tmp_path):
    put(tmp_path, "b/one.jsonl", TEXT)
    put(tmp_path, "a.csv", "id,text\n7,hi\n")
    put(tmp_path, "README.md", "# Notes, and more\n")
    put(tmp_path, ".DS_Store", b"\x00\x00\x00\x01Bud1\x00\x00")
    put(tmp_path, "photo.png", b"\x89PNG\r\n\x1a\n0000")
    put(tmp_path, "empty.json", b"")
    put(tmp_path, "other.json", {"weather": "fine"})
    found, report = read_all(tmp_path)
    assert list(found) == ["7", "p", "a"]
    told = {os.path.relpath(k, tmp_path): v.partition(":")[0] for k, v in report.formats.items()}
    assert told == {".DS_Store": "ignored", "README.md": "ignored", "a.csv": "table", "b/one.jsonl": "canonical",
                    "empty.json": "ignored", "photo.png": "ignored", "other.json": "unknown"}  # fmt: skip
    assert reasons(report) == ["unknown format: JSON with an object with the keys weather"]


def test_globs_and_repeated_paths_read_a_file_once(tmp_path):
    put(tmp_path, "x/a.jsonl", TEXT)
    assert set(read_all(tmp_path / "*" / "*.jsonl", tmp_path / "x" / "a.jsonl", tmp_path)[0]) == {"p", "a"}
    assert {c.id for c in read(str(tmp_path))} == {"p", "a"}


def test_files_of_one_name_are_threads_of_their_own(tmp_path):
    put(tmp_path, "x/c.csv", "user,comment\nann,one\n")
    put(tmp_path, "y/c.csv", "user,comment\nbob,two\n")
    assert {c.thread_id for c in read_all(tmp_path)[0].values()} == {"x/c", "y/c"}
    assert {c.thread_id for c in read_all(tmp_path / "x/c.csv", tmp_path / "y/c.csv")[0].values()} == {"x/c", "y/c"}


def test_errors_name_what_was_seen_and_what_to_do(tmp_path):
    with pytest.raises(ReadError, match="does not exist"):
        read([tmp_path / "nowhere"])
    with pytest.raises(ReadError, match="matches no file"):
        read([tmp_path / "*.json"])
    with pytest.raises(ReadError, match=r"keys weather.*--format NAME.*canonical.*wxr"):
        read([put(tmp_path, "x.json", {"weather": 1})])
    with pytest.raises(ReadError, match=r"columns foo, bar.*--column text=COLUMN"):
        read([put(tmp_path, "x.csv", "foo,bar\n1,2\n")])
    with pytest.raises(ReadError, match="no format 'word'; formats: parquet"):
        read([tmp_path / "x.csv"], format="word")
    with pytest.raises(ReadError, match=r"no comment could be read.*an empty file"):
        list(read(put(tmp_path, "none", b"")))
    with pytest.raises(ReadError, match=r"an office document \(save it as \.xlsx or CSV\)"):
        read([put(tmp_path, "x.xlsx", b"PK\x03\x04....")])


def test_a_format_can_be_chosen(tmp_path):
    path = put(tmp_path, "x", lines(*({"id": i, "thread_id": "p", "foo": 1} for i in "ab")))
    with pytest.raises(ReadError, match="no known format"):
        read([path])
    assert set(read_all(path, format="canonical")[0]) == {"a", "b"}


def test_links_that_loop_pipes_and_missing_targets_do_not_stop_a_run(tmp_path):
    put(tmp_path, "a.jsonl", TEXT)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    found, report = read_all(tmp_path)
    assert set(found) == {"p", "a"}
    assert sorted(reasons(report)) == [
        "cannot be opened: No such file or directory",
        "not a regular file (a pipe, socket or device)",
    ]
    with pytest.raises(ReadError, match="pipe, socket or device"):
        list(read(tmp_path / "pipe"))


def test_posts_are_read_before_the_comments_that_need_their_author(tmp_path):
    put(
        tmp_path,
        "a_comments.jsonl",
        lines(
            {
                "id": "c1",
                "link_id": "t3_z",
                "parent_id": "t3_z",
                "author": "ann",
                "body": "hi",
                "created_utc": 1700000100,
            },
            {
                "id": "c2",
                "link_id": "t3_z",
                "parent_id": "t1_c1",
                "author": "shop",
                "body": "hello",
                "created_utc": 1700000200,
            },
        ),
    )
    put(
        tmp_path,
        "b_posts.jsonl",
        lines(
            {
                "id": "z",
                "title": "New",
                "selftext": "cups",
                "author": "shop",
                "subreddit": "x",
                "num_comments": 2,
                "created_utc": 1700000000,
            }
        ),
    )
    found, report = read_all(tmp_path)
    assert list(found) == ["t3_z", "t1_c1", "t1_c2"]
    assert owners(found) == {"t1_c2"}
    assert isinstance(report, ReadReport)


def test_every_format_has_a_name_a_title_and_a_row_in_the_documents():
    assert len({f.name for f in FORMATS}) == len(FORMATS)
    assert all(f.title for f in FORMATS)
    rows = (Path(__file__).parents[1] / "docs" / "formats.md").read_text("utf-8").split("\n| ")
    documented = {name for row in rows for name in re.findall(r"`([\w-]+)`", row.partition("|")[0])}
    assert {f.name for f in FORMATS} <= documented
