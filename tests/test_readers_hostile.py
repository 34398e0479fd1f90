"""What no reader may choke on: damaged, huge, deep and malicious files. Only rejects or a ``ReadError``."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import time

import pytest
import test_readers_containers
import test_readers_core
import test_readers_formats
import test_readers_platforms
import test_readers_workbook
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutating import mutate
from reading import lines, put, read_all, reasons

from nlp_engage.errors import ReadError
from nlp_engage.readers import base, files, jsonio, jsontext, markup, read, registry, streams, xmlstream
from nlp_engage.tree import build_trees
from nlp_engage.types import ReadReport
from nlp_engage.writers import to_arrow

GOOD = [{"id": f"c{i}", "thread_id": "p", "parent_id": "p", "text": "x"} for i in range(3)]
DEEP = "[" * 100_000 + "]" * 100_000

SEEDS = {
    f"{i}-{case.name}-{name}": content
    for i, case in enumerate(test_readers_formats.CASES)
    for name, content in case.files.items()
}
SEEDS |= {
    "reddit": test_readers_platforms.THREAD,
    "wxr": test_readers_platforms.WXR,
    "youtube": {
        "items": [test_readers_platforms._youtube_thread(test_readers_platforms._youtube("UgA", "bob", "x"), [])]
    },
    "mediacrawler": [test_readers_platforms.XHS, test_readers_platforms.XHS_POST],
    "mediacrawler csv": test_readers_platforms._csv(test_readers_platforms.XHS),
    "canonical": test_readers_core.TEXT,
    "convokit": test_readers_core.UTTERANCES,
    "database weibo-crawler": test_readers_containers.serialized(test_readers_containers.WEIBO),
    "database mediacrawler": test_readers_containers.serialized(test_readers_containers.CRAWLED),
    "zst_blocks": test_readers_containers.dump(2, 3),
    "workbook mediacrawler": test_readers_workbook.book(test_readers_workbook.CRAWLED),
    "workbook of Excel": test_readers_workbook.as_excel_saves(
        test_readers_workbook.book(test_readers_workbook.CRAWLED)
    ),
    "parquet": test_readers_containers.parquet(),
    "table": "评论ID,帖子ID,用户昵称,评论内容\n1,9,小张,好\n".encode("gb18030"),
}


@pytest.mark.parametrize("seed", SEEDS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rng=st.randoms(use_true_random=False))
def test_mutated_exports_give_comments_rejects_or_a_read_error(tmp_path, seed, rng):
    path = put(tmp_path, "x", mutate(SEEDS[seed], rng))
    report = ReadReport()
    try:
        found = list(read(path, report=report))
    except ReadError:
        return
    assert report.read == report.kept + report.n_rejected == len(found) + report.n_rejected
    assert not [r for r in reasons(report) if "defect" in r]
    assert all(isinstance(c.id, str) and c.id and c.thread_id for c in found)
    assert to_arrow(found).num_rows == len(found)
    assert sum(len(t) for t in build_trees(found)) >= 1


@pytest.mark.parametrize("form", ["alone", "line", "element", "member"])
def test_json_nested_a_hundred_thousand_deep(tmp_path, form):
    text = {
        "alone": DEEP,
        "line": lines(*GOOD) + DEEP + "\n" + '{"id": "d", "thread_id": "p", "text": ' + DEEP + "}\n",
        "element": json.dumps([*GOOD])[:-1] + "," + DEEP + "]",
        "member": json.dumps([*GOOD])[:-1] + ',{"id": "d", "thread_id": "p", "text": ' + DEEP + "}]",
    }[form]
    path = put(tmp_path, "x", text)
    if form == "alone":
        with pytest.raises(ReadError, match="no known format"):
            read([path])
        return
    found, report = read_all(path)
    assert set(found) == {"c0", "c1", "c2"}
    assert report.n_rejected == (2 if form == "line" else 1)
    assert all("nested" in reason for reason in reasons(report))


def test_lines_beyond_the_limit_are_rejected_and_the_rest_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("nlp_engage.readers.canonical.MAX_RECORD", 2_000_000)
    monkeypatch.setattr(jsonio, "MAX_RECORD", 2_000_000)
    long = json.dumps({"id": "long", "thread_id": "p", "text": "y" * 5_000_000})
    path = put(tmp_path, "x", lines(*GOOD) + long + "\n" + lines({"id": "d", "thread_id": "p", "text": "end"}))
    found, report = read_all(path)
    assert set(found) == {"c0", "c1", "c2", "d"}
    assert [(r.place, r.reason[:38]) for r in report.rejected] == [(4, "the line is longer than 2,000,000 byte")]
    reddit = [{"id": f"c{i}", "link_id": "t3_z", "parent_id": "t3_z", "body": "x"} for i in range(2)]
    found, report = read_all(put(tmp_path, "y", lines(reddit[0]) + long + "\n" + lines(reddit[1])))
    assert set(found) == {"t1_c0", "t1_c1"}
    assert [r.place for r in report.rejected] == [2]


def test_a_line_of_fifty_megabytes_is_refused_quickly(tmp_path):
    path = put(tmp_path, "x", lines(*GOOD) + '{"id": "long", "thread_id": "p", "text": "' + "y" * 50_000_000 + '"}\n')
    start = time.perf_counter()
    found, report = read_all(path)
    assert len(found) == 3
    assert "longer than" in reasons(report)[0]
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    ("value", "likes"),
    [("1e999", None), ("NaN", None), ("-Infinity", None), ("1.5", 1), ("9" * 30, None), ("1e2", 100)],
)
def test_numbers_beyond_all_ranges(tmp_path, value, likes):
    numbers = f'"score": {value}, "created_utc": {value}'
    text = f'{{"id": "a", "link_id": "t3_z", "parent_id": "t3_z", "body": "x", {numbers}}}\n'
    found, _ = read_all(put(tmp_path, "x", text))
    assert found["t1_a"].likes == likes
    assert to_arrow(list(found.values())).num_rows == 1


def test_numbers_of_thousands_of_digits_are_a_reject(tmp_path):
    found, report = read_all(
        put(tmp_path, "x", lines(*GOOD) + '{"id": "d", "thread_id": "p", "text": "", "likes": ' + "9" * 5000 + "}\n")
    )
    assert len(found) == 3
    assert "limit" in reasons(report)[0]


def test_half_surrogates_and_zero_bytes_become_text(tmp_path):
    rows = b'{"id": "a", "thread_id": "p", "text": "x\\ud83dy \\ud83d\\ude00 \\u0000"}\n'
    rows += b'{"id": "b", "thread_id": "p", "text": "x\x00y"}\n'
    found, report = read_all(put(tmp_path, "x", rows))
    assert found["a"].text == "x\ufffdy 😀 \x00"
    assert found["b"].text == "x\x00y"
    assert to_arrow(list(found.values())).column("text").to_pylist() == [found["a"].text, found["b"].text]
    assert report.n_rejected == 0


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress], ids=["gzip", "zstd", "bzip2", "xz"]
)
def test_truncated_compression_keeps_what_was_read(tmp_path, pack):
    import random

    rng = random.Random(1)
    rows = lines(*({"id": f"c{i}", "thread_id": "p", "text": rng.randbytes(300).hex()} for i in range(3000)))
    data = pack(rows.encode())
    found, report = read_all(put(tmp_path, "x", data[: len(data) * 2 // 3]))
    assert 500 < len(found) < 3000
    assert any("cut off" in reason for reason in reasons(report))
    found, report = read_all(put(tmp_path, "y", data + b"trailing garbage"))
    assert len(found) == 3000
    assert any("ignored" in reason for reason in reasons(report))
    damaged = bytearray(data)
    damaged[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    report = ReadReport()
    assert len(list(read(put(tmp_path, "z", bytes(damaged)), report=report))) < 3000
    assert report.n_rejected >= 1


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.compress, bz2.compress, lzma.compress], ids=["gzip", "zstd", "bzip2", "xz"]
)
def test_bombs_are_stopped(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(streams, "BOMB_BYTES", 1_000_000)
    monkeypatch.setattr(streams, "BOMB_RATIO", 20)
    data = pack(lines(*GOOD).encode() + b"\n" * 80_000_000)
    start = time.perf_counter()
    found, report = read_all(put(tmp_path, "x", data))
    assert len(found) == 3
    assert "taken for a bomb" in reasons(report)[0]
    assert time.perf_counter() - start < 10


def test_broken_json_documents_keep_what_is_whole(tmp_path):
    discord = json.dumps(test_readers_formats.DISCORD)
    cut = discord[: discord.index('{"id": "12"')]
    found, report = read_all(put(tmp_path, "x", cut))
    assert set(found) == {"10", "11"}
    assert "breaks off" in reasons(report)[0]
    ptt = json.dumps(test_readers_formats.PTT)[:-2] + ",\n"
    found, report = read_all(put(tmp_path, "y", ptt))
    assert len(found) == 4
    assert report.n_rejected == 1
    array = json.dumps([test_readers_platforms.XHS, test_readers_platforms.XHS_REPLY])
    assert set(read_all(put(tmp_path, "z", array[:-30]))[0]) == {"66aa01"}


@pytest.mark.parametrize("limit", [0, 10**9], ids=["streamed", "whole"])
def test_huge_documents_are_read_like_small_ones(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(jsonio, "MAX_WHOLE", limit)
    monkeypatch.setattr(jsontext, "CHUNK", 100)
    for case in test_readers_formats.CASES:
        folder = tmp_path / f"{case.name}-{test_readers_formats.CASES.index(case)}"
        for name, content in case.files.items():
            put(folder, name, content)
        found, _ = read_all(*([folder] if len(case.files) > 1 else [folder / next(iter(case.files))]))
        extra = (
            {"5"} if case.name == "twitter-v2" and limit == 0 else set()
        )  # a quoted tweet cannot be told apart there
        assert {i: c.parent_id for i, c in found.items() if i not in extra} == case.parents, case.name


def test_several_documents_in_one_file(tmp_path):
    one, two = (json.dumps(page, indent=1) for page in (test_readers_formats.XHS, {"data": {"comments": []}}))
    found = [c.id for c in read(put(tmp_path, "x", f"{one}\n{two},\n[{one}]"))]
    assert found == ["a1", "a2", "a3"] * 2


def test_tables_with_quotes_that_never_close(tmp_path, monkeypatch):
    monkeypatch.setattr("nlp_engage.readers.tables._FIELD", 1000)
    import csv

    before = csv.field_size_limit(1000)
    try:
        found, report = read_all(put(tmp_path, "x.csv", 'id,text\n1,a\n2,"' + "b\n" * 2000 + "3,c\n"))
    finally:
        csv.field_size_limit(before)
    assert found["1"].text == "a"
    assert "field larger than field limit" in reasons(report)[0]


@pytest.mark.parametrize("text", [
    "<a " * 200_000, "<" * 500_000, '<a "' * 100_000, "<!--" * 200_000, "<![CDATA[" * 100_000, "&" * 500_000,
    "<a href='" * 100_000,
    "<p>" * 200_000, "<aside class='quote'>" * 50_000, "<x y=" * 100_000 + ">", "&#" * 200_000,
], ids=range(11))  # fmt: skip
def test_hostile_markup_takes_linear_time(text):
    import io

    start = time.perf_counter()
    markup.plain(text, quotes=False)
    list(xmlstream.tokens(io.BytesIO(text.encode()), {"item", "p"}))
    assert time.perf_counter() - start < 8


def test_an_element_that_never_ends_is_cut(monkeypatch):
    monkeypatch.setattr(xmlstream, "MAX_RECORD", 1000)
    words = xmlstream.Words()
    for _ in range(10_000):
        words.add("x" * 10)
    assert 1000 <= len(words.take()) <= 1010
    words.add("next")
    assert words.take() == "next"


@pytest.mark.parametrize(
    "data", [b"\x0b", b"\x0c\x1c\n", b"\x85", b"\xe2\x80\xa8", b",", b"\n,\n", b"[", b"{", b"<", b'"']
)
def test_files_of_next_to_nothing_are_told(tmp_path, data):
    with pytest.raises(ReadError):
        list(read(put(tmp_path, "x", data)))
    put(tmp_path, "a.jsonl", lines(*GOOD))
    found, report = read_all(tmp_path)
    assert len(found) == 3
    assert not [r for r in reasons(report) if "defect" in r]


def test_a_defect_in_recognising_a_file_does_not_stop_the_others(tmp_path, monkeypatch):
    put(tmp_path, "a.jsonl", lines(*GOOD))
    monkeypatch.setattr(registry, "open_source", lambda found, *_: [][1])
    with pytest.raises(ReadError, match="defect of the readers: IndexError"):
        list(read(tmp_path))


@pytest.mark.parametrize("when", ["opening", "reading"])
def test_files_that_cannot_be_read_are_told_and_the_rest_is_read(tmp_path, monkeypatch, when):
    put(tmp_path, "a.jsonl", lines(*GOOD))
    locked = put(tmp_path, "b.jsonl", lines(*GOOD[:1]))
    opened = streams.inflate

    def refuse(path, faults):
        if path == locked:
            if when == "opening":
                raise PermissionError(13, "Permission denied")
            if faults is not None and getattr(refuse, "looked", False):
                raise OSError(5, "Input/output error")
            refuse.looked = True
        return opened(path, faults)

    monkeypatch.setattr(files, "inflate", refuse)
    monkeypatch.setattr(streams, "inflate", refuse)
    refuse.looked = False
    monkeypatch.setattr(registry, "open_source", _looks_twice(registry.open_source, refuse))
    found, report = read_all(tmp_path)
    assert set(found) == {"c0", "c1", "c2"}
    assert reasons(report) == [
        "cannot be opened: Permission denied" if when == "opening" else "reading stopped: Input/output error"
    ]


def _looks_twice(open_source, refuse):
    def look(*args, **options):
        refuse.looked = False
        return open_source(*args, **options)

    return look


def test_limits_are_stated():
    assert (base.MAX_RECORD, base.MAX_DEPTH, streams.BOMB_RATIO) == (32 * 1024**2, 50_000, 1000)
