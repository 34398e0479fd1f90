"""``inspect``: every number of a small archive by hand; large ones are sampled and say so."""

from __future__ import annotations

import json

import pytest
import test_readers_formats
from reading import lines, put

from nlp_engage import inspection
from nlp_engage.errors import ReadError
from nlp_engage.inspection import inspect_archive
from nlp_engage.readers import read
from nlp_engage.types import Comment, ReadReport
from nlp_engage.writers import write

ARCHIVE = [
    {"id": "p", "thread_id": "p", "author": "shop", "text": "New cups!", "n_replies": 8},
    {"id": "a", "thread_id": "p", "parent_id": "p", "author": "ann", "text": "Do they leak in the bag?",
    "created": "2024-01-02T00:00:00Z"},
    {"id": "b", "thread_id": "p", "parent_id": "a", "author": "shop", "text": "No, they do not", "is_owner": True,
    "created": "2024-01-03T00:00:00Z"},
    {"id": "c", "thread_id": "p", "parent_id": "gone", "author": "ann", "text": "太好喝了吧", "platform": "weibo",
    "created": "2024-01-01T00:00:00Z"},
    {"id": "d", "thread_id": "q", "parent_id": "q", "author": None, "text": "😂😂"},
]  # fmt: skip


def test_every_number_of_a_small_archive(tmp_path):
    path = put(tmp_path, "a.jsonl", lines(*ARCHIVE) + "broken\n")
    found, largest = inspect_archive([str(path)])
    assert found == {
        "format": "canonical", "format_reason": {"canonical": "keys id, thread_id, text"},
        "threads": 2, "posts": 1, "comments": 4, "rejected": 1, "max_depth": 2, "authors": 2,
        "issues": {"incomplete": 1, "missing_parent": 1, "no_post": 1}, "completeness": 0.375, "read": 6, "kept": 5,
        "skipped": {},
        "owner_replies": 1, "languages": {"en": 2, "zh": 1, "und": 1}, "languages_of": 4,
        "platforms": {"unknown": 3, "weibo": 1},
        "first": "2024-01-01T00:00:00+00:00", "last": "2024-01-03T00:00:00+00:00", "sampled": False, "sample": None,
        "files": {str(path): "canonical: keys id, thread_id, text"},
        "rejects": {f"{path}, 6": found["rejects"][f"{path}, 6"]}, "links": {"stated": 4},
    }  # fmt: skip
    assert [t.thread_id for t in largest] == ["p", "q"]
    assert json.loads(json.dumps(found)) == found


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setattr(inspection, "LARGE", 2_000_000)
    monkeypatch.setattr(inspection, "SAMPLE", 600_000)


MANY = [
    {"id": f"c{i}", "thread_id": f"p{i % 100}", "parent_id": f"p{i % 100}", "text": "so good " * 40}
    for i in range(9000)
]


@pytest.mark.parametrize("form", ["jsonl", "jsonl.zst", "parquet", "convokit", "json"])
def test_large_archives_are_sampled_and_say_so(tmp_path, monkeypatch, small_limits, form):
    path = tmp_path / f"a.{form}"
    rows = MANY * 5 if form == "parquet" else MANY
    if form == "json":
        put(tmp_path, "a.json", rows)
    else:
        write((Comment(**row) for row in rows), path, "convokit" if form == "convokit" else None)
    if form in ("jsonl.zst", "parquet"):
        monkeypatch.setattr(inspection, "LARGE", 2_000)  # repeated rows pack to next to nothing
    found, _ = inspect_archive([str(path)])
    assert found["sampled"] is True
    assert found["sample"].startswith("the first ")
    assert 300 < found["kept"] < len(rows) - 300
    assert (found["rejected"], found["languages_of"]) == (0, min(found["comments"], 2000))
    assert found["files"][str(path)].endswith("only the beginning was read")


def test_samples_of_every_format_have_no_rejects_of_their_own(tmp_path):
    for case in test_readers_formats.CASES:
        for name, content in case.files.items():
            path = put(tmp_path / case.name, name, content)
            for head in (60, 300, 700):
                report = ReadReport()
                try:
                    list(read(path, report=report, head=head))
                except ReadError:
                    assert report.kept == 0
                if path.stat().st_size > head + 1000:
                    assert report.n_rejected <= case.rejected, (case.name, head, report.rejected)


def test_small_archives_are_read_whole(tmp_path, small_limits):
    found, _ = inspect_archive([str(put(tmp_path, "a.jsonl", lines(*MANY[:2000])))])
    assert (found["sampled"], found["comments"]) == (False, 2000)
