"""Archives that are no text: SQLite databases, zst_blocks, Parquet that is packed. Read, or told what is wrong."""

from __future__ import annotations

import gzip
import sqlite3
import struct
import tempfile
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from reading import lines, owners, packed, parents, put, read_all, reasons

from nlp_engage.errors import ReadError
from nlp_engage.inspection import inspect_archive
from nlp_engage.readers import read, streams
from nlp_engage.types import Comment
from nlp_engage.writers import write

COMMENTS = "id TEXT, bid TEXT, weibo_id TEXT, root_id TEXT, user_id TEXT, created_at TEXT, user_screen_name TEXT, \
user_avatar_url TEXT, text TEXT, pic_url TEXT, like_count INTEGER"
WEIBO = {
    f"comments ({COMMENTS})": [
        ("5000000000000001", "", "49", "", "11", "Sat Jun 14 12:00:00 +0800 2025", "小张", "", "杯子漏水吗", "", 3),
        ("5000000000000002", "", "49", "5000000000000001", "99", "2025-06-14", "店", "", "回复@小张:不漏", "", 0),
    ],
    "weibo (id TEXT, bid TEXT, user_id TEXT, screen_name TEXT, text TEXT, created_at TEXT, attitudes_count INTEGER, \
comments_count INTEGER)": [("49", "Q", "99", "店", "新杯子到了", "2025-06-14 11:00:00", 7, 5)],
    "user (id TEXT, nick_name TEXT, followers INTEGER)": [("99", "店", 10)],
    "bins (ext TEXT, data BLOB)": [("jpg", b"\xff\xd8\xff")],
}  # fmt: skip
CRAWLED = {
    "xhs_note_comment (id INTEGER PRIMARY KEY, user_id TEXT, nickname TEXT, add_ts BIGINT, last_modify_ts BIGINT, \
comment_id TEXT, create_time BIGINT, note_id TEXT, content TEXT, sub_comment_count INTEGER, parent_comment_id TEXT, \
like_count TEXT)": [
        (1, "u1", "小王", 1, 1757055252618, "66aa01", 1725693101000, "66d5", "哪里买的", 1, "0", "10"),
        (2, "u9", "店", 1, 1757055252618, "66aa02", 1725693200000, "66d5", "链接在主页", 0, "66aa01", "0"),
    ],
    "xhs_note (id INTEGER PRIMARY KEY, user_id TEXT, nickname TEXT, last_modify_ts BIGINT, note_id TEXT, title TEXT, \
desc TEXT, time BIGINT, comment_count TEXT)": [(1, "u9", "店", 2, "66d5", "新杯", "好看", 1725690000000, "2")],
    "xhs_creator (id INTEGER PRIMARY KEY, user_id TEXT, nickname TEXT, last_modify_ts BIGINT, fans TEXT)": [
        (1, "u9", "店", 2, "7")
    ],
    "kuaishou_video_comment (id INTEGER PRIMARY KEY, comment_id TEXT)": [],
}  # fmt: skip
PAIR = [Comment(id="p", thread_id="p", text="cups"), Comment(id="a", thread_id="p", parent_id="p", text="leak")]
DUMP = [{"id": f"c{i}", "link_id": "t3_z", "parent_id": "t3_z" if i == 0 else f"t1_c{i - 1}", "body": f"word {i}",
         "author": "ann", "created_utc": 1700000000 + i, "subreddit": "cups"} for i in range(5)]  # fmt: skip


def serialized(tables):
    """The bytes of an SQLite file: ``name (columns)`` -> rows."""
    with closing(sqlite3.connect(":memory:")) as made:
        with made:
            for declared, rows in tables.items():
                made.execute(f"CREATE TABLE {declared}")
                for row in rows:
                    made.execute(f"INSERT INTO {declared.partition(' ')[0]} VALUES ({','.join('?' * len(row))})", row)
        return made.serialize()


def database(path, tables=None):
    """An SQLite file; by default that of weibo-crawler."""
    path.write_bytes(serialized(WEIBO if tables is None else tables))
    return path


def parquet():
    """The bytes of a Parquet file of two comments."""
    with tempfile.TemporaryDirectory() as folder:
        write(PAIR, Path(folder) / "a.parquet", None)
        return (Path(folder) / "a.parquet").read_bytes()


def blocks(*groups):
    """Rows of bytes as zst_blocks."""
    out = b""
    for rows in groups:
        places, at = b"", 0
        for row in rows:
            places += struct.pack("<II", at, len(row))
            at += len(row)
        packed = zstandard.compress(struct.pack("<I", len(rows)) + places + b"".join(rows))
        out += struct.pack("<I", len(packed)) + packed
    return out


def dump(*sizes):
    """The dump in blocks of so many comments."""
    rows, groups = [line.encode() for line in lines(*DUMP).splitlines()], []
    for size in sizes:
        groups.append(rows[:size])
        rows = rows[size:]
    return blocks(*groups)


@pytest.mark.parametrize("packing", ["plain", "zip", "gzip", "folder"])
def test_a_weibo_crawler_database_is_read_table_by_table(tmp_path, packing):
    path = database(tmp_path / "weibo")
    before = path.read_bytes()
    path = packed(tmp_path, "weibo", before, packing)
    found, report = read_all(path)
    first, second = "5000000000000001", "5000000000000002"
    assert parents(found) == {"49": None, first: "49", second: first}
    assert owners(found) == {second}
    assert found["49"].n_replies == 5
    assert found[first].created.isoformat() == "2025-06-14T04:00:00+00:00"
    told = [what.partition(":")[0] for what in report.formats.values()]
    assert told == ["ignored", "weibo-crawler", "ignored", "weibo-crawler-posts"]
    assert report.n_rejected == 0
    assert {p.name for p in tmp_path.iterdir()} <= {"weibo", "a.zip", "w.gz"}, "no journal, no lock"
    assert (tmp_path / "weibo").read_bytes() == before


def test_a_mediacrawler_database_joins_posts_and_comments_and_inspect_tells(tmp_path):
    path = database(tmp_path / "sqlite_tables.db", CRAWLED)
    found, report = read_all(path)
    assert parents(found) == {"66d5": None, "66aa01": "66d5", "66aa02": "66aa01"}
    assert owners(found) == {"66aa02"}
    assert report.skipped == {"MediaCrawler creator profiles": 1}
    told, _ = inspect_archive([str(path)])
    assert (told["format"], told["comments"], told["completeness"]) == ("mediacrawler", 2, 1.0)


def test_any_other_table_is_read_by_its_columns(tmp_path):
    tables = {"remarks (comment_id INTEGER, user_name TEXT, content TEXT)": [(2**62 + 1, "ann", b"caf\xe9 \x00")]}
    found, report = read_all(database(tmp_path / "x.db", tables))
    assert set(found) == {str(2**62 + 1)}
    assert found[str(2**62 + 1)].thread_id == "x/remarks"
    assert next(iter(report.formats.values())).startswith("records: column map")


def test_databases_without_tables_or_with_views_only_are_a_clear_message(tmp_path):
    with closing(sqlite3.connect(path := tmp_path / "x.db")) as made, made:
        made.execute("CREATE VIEW comments AS SELECT 1 AS id, 'x' AS text")
    with pytest.raises(ReadError, match="the SQLite database has no table"):
        list(read(path))


def test_damaged_databases_keep_what_can_be_read(tmp_path):
    rows = [(str(i), "", "49", "", "11", "", "ann", "", f"word {i} " * 50, "", 0) for i in range(200)]
    data = database(tmp_path / "good.db", {f"comments ({COMMENTS})": rows}).read_bytes()
    (tmp_path / "good.db").unlink()
    middle = len(data) * 2 // 3 // 4096 * 4096
    found, report = read_all(put(tmp_path, "hole.db", data[:middle] + b"\xff" * 4096 + data[middle + 4096 :]))
    assert 0 < len(found) < 200
    assert "the SQLite database cannot be read (" in reasons(report)[0]
    assert "what was read before is kept" in reasons(report)[0]
    for size in (600, len(data) // 2):  # SQLite opens no file that is shorter than it says
        with pytest.raises(ReadError, match="SQLite database cannot be read"):
            list(read(put(tmp_path, "cut.db", data[:size])))


def test_packed_files_beyond_the_limit_ask_to_be_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "MAX_PACKED", 1000)
    put(tmp_path, "w.gz", gzip.compress(database(tmp_path / "plain.db").read_bytes()))
    write([Comment(id="p", thread_id="p", text=str(i)) for i in range(9)], tmp_path / "a.parquet", None)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.write(tmp_path / "a.parquet", "a.parquet")
    (tmp_path / "a.parquet").unlink()
    found, report = read_all(tmp_path)
    assert len(found) == 3, "what lies on the disk as it is has no such limit"
    assert [r.partition("bytes: ")[2] for r in reasons(report)] == ["unpack it first"] * 2


@pytest.mark.parametrize("packing", ["zip", "gzip"])
def test_packed_parquet_is_read(tmp_path, packing):
    data = parquet()
    if packing == "gzip":
        path = put(tmp_path, "x", gzip.compress(data))
    else:
        with zipfile.ZipFile(path := tmp_path / "a.zip", "w") as out:
            out.writestr("x", data)
    found, report = read_all(path)
    assert list(found.values()) == PAIR
    assert list(report.formats.values()) == ["parquet: Parquet with columns id, thread_id"]
    damaged = data[: len(data) // 2]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr("x", damaged)
        out.writestr("y.jsonl", lines({"id": "q", "thread_id": "q", "text": "tea"}))
    found, report = read_all(tmp_path / "a.zip")
    assert set(found) == {"q"}
    assert "the Parquet file is damaged" in reasons(report)[0]


@pytest.mark.parametrize("sizes", [(5,), (2, 3), (1, 0, 4)])
def test_zst_blocks_are_read_like_lines(tmp_path, sizes):
    found, report = read_all(put(tmp_path, "RC_2023-01.zst_blocks", dump(*sizes)))
    assert parents(found) == {f"t1_c{i}": "t3_z" if i == 0 else f"t1_c{i - 1}" for i in range(5)}
    assert report.n_rejected == 0
    assert "reddit-dump" in next(iter(report.formats.values()))


@pytest.mark.parametrize(
    ("damage", "kept", "why"),
    [
        (lambda d: d[:-9], 2, "ends within a block"),
        (lambda d: d + b"\x01", 5, "ends within a block"),
        (lambda d: d[:-40] + bytes(40), 2, "is damaged"),
        (lambda d: d + struct.pack("<I", 2**31) + b"x", 5, "a block of 2,147,483,648 bytes"),
        (lambda d: d + _block(struct.pack("<III", 1, 0, 99) + b"x"), 5, "rows do not fit"),
        (lambda d: d + _block(struct.pack("<I", 2**30)), 5, "rows do not fit"),
        (lambda d: d + _block(bytes(2**27)), 5, "unpacks to more than"),
    ],
)
def test_damaged_zst_blocks_keep_what_can_be_read(tmp_path, damage, kept, why):
    found, report = read_all(put(tmp_path, "x", damage(dump(2, 3))))
    assert len(found) == kept
    assert [why in reason and "is kept" in reason for reason in reasons(report)] == [True]


def _block(data):
    packed = zstandard.compress(data)
    return struct.pack("<I", len(packed)) + packed


def test_columns_whose_names_are_no_utf8_are_a_reject(tmp_path):
    data = serialized(WEIBO).replace(b"root_id", b"root_\xff\xfe")
    found, report = read_all(put(tmp_path, "x", data))
    assert set(found) == {"49"}, "the posts are in another table"
    assert ["SQLite database cannot be read" in reason for reason in reasons(report)] == [True]
