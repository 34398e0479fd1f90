"""Writing: what goes out comes back the same, whole or not at all."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta, timezone

import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nlp_engage.errors import DataError
from nlp_engage.readers import read
from nlp_engage.types import Comment
from nlp_engage.writers import schema, to_arrow, write

_text = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
_ids = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
_times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(  # made aware below
    lambda t: t.replace(tzinfo=timezone(timedelta(hours=t.microsecond % 20 - 9)))
)
comments = st.builds(
    Comment,
    id=_ids,
    thread_id=_ids,
    parent_id=st.none() | _ids,
    author=st.none() | _text,
    text=_text | st.sampled_from(["[deleted]", "[removed]", "a\nb", "\x00"]),
    created=st.none() | _times,
    likes=st.none() | st.integers(-(2**63), 2**63 - 1),
    is_owner=st.booleans(),
    lang=st.none() | st.sampled_from(["en", "zh"]),
    platform=st.none() | st.sampled_from(["reddit", "weibo"]),
    author_name=st.none() | _text,
    root_id=st.none() | _ids,
    n_replies=st.none() | st.integers(0, 2**62),
    deleted=st.booleans(),
)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.parquet", "corpus"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(archive=st.lists(comments, min_size=1, max_size=6))
def test_nothing_is_lost_on_the_way_out_and_back(tmp_path, name, archive):
    target = None if "." in name else "convokit"
    assert write(iter(archive), tmp_path / name, target) == len(archive)
    assert list(read(tmp_path / name)) == archive


ONE = Comment(id="p", thread_id="p", author="shop", text="hi", created=datetime(2024, 1, 1, tzinfo=UTC))


def test_lines_are_plain_json_and_the_same_bytes_every_time(tmp_path):
    for name, unpack in [("a.jsonl", bytes), ("a.jsonl.gz", gzip.decompress), ("a.jsonl.zst", _unzstd)]:
        write([ONE], tmp_path / name)
        data = (tmp_path / name).read_bytes()
        assert json.loads(unpack(data)) == {
            "id": "p",
            "thread_id": "p",
            "author": "shop",
            "text": "hi",
            "created": "2024-01-01T00:00:00Z",
        }
        write([ONE], tmp_path / name)
        assert (tmp_path / name).read_bytes() == data


def _unzstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def test_parquet_has_one_schema_whatever_is_in_it(tmp_path):
    write([], tmp_path / "none.parquet")
    write([ONE] * 40_000, tmp_path / "many.parquet")
    for name, rows in (("none", 0), ("many", 40_000)):
        file = pq.ParquetFile(tmp_path / f"{name}.parquet")
        assert file.schema_arrow.equals(schema())
        assert file.metadata.num_rows == rows


def test_arrow_takes_what_is_no_text_and_no_64_bit_number():
    table = to_arrow([Comment(id="a\ud800", thread_id="p", text="x\udfffy", likes=10**30, n_replies=-(10**30))])
    assert table.to_pylist()[0] | {"created": None} == {
        "id": "a?", "thread_id": "p", "parent_id": None, "author": None, "text": "x?y", "created": None,
        "likes": 2**63 - 1,
        "is_owner": False, "lang": None, "platform": None, "author_name": None, "root_id": None, "n_replies": -(2**63),
        "deleted": False,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "corpus"])
def test_half_surrogates_are_written_as_a_replacement(tmp_path, name):
    write([Comment(id="a", thread_id="p", text="x\ud83dy")], tmp_path / name, None if "." in name else "convokit")
    assert [c.text for c in read(tmp_path / name)] == ["x?y"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.zst", "a.parquet", "corpus"])
def test_a_failure_leaves_the_old_file_and_no_scratch(tmp_path, name):
    target = None if "." in name else "convokit"
    write([ONE], tmp_path / name, target)

    def failing():
        yield ONE
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(failing(), tmp_path / name, target)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert list(read(tmp_path / name)) == [ONE]


def test_a_corpus_has_the_files_convokit_asks_for(tmp_path):
    reply = Comment(id="c", thread_id="p", parent_id="p", text="x", likes=2)
    write([ONE, reply], tmp_path / "c", "convokit")
    load = {p.name: p.read_text("utf-8") for p in (tmp_path / "c").iterdir()}
    assert sorted(load) == ["conversations.json", "corpus.json", "index.json", "speakers.json", "utterances.jsonl"]
    first, second = (json.loads(line) for line in load["utterances.jsonl"].splitlines())
    assert first == {"id": "p", "conversation_id": "p", "text": "hi", "speaker": "shop", "reply-to": None,
        "timestamp": 1704067200,
                     "vectors": [], "meta": {"nlp_engage": 1, "created": "2024-01-01T00:00:00Z"}}  # fmt: skip
    assert (second["reply-to"], second["meta"]["likes"]) == ("p", 2)
    assert json.loads(load["speakers.json"]).keys() == {"shop", second["speaker"]}
    assert json.loads(load["conversations.json"]) == {"p": {"meta": {}, "vectors": []}}
    index = json.loads(load["index.json"])
    assert index["utterances-index"].keys() == {"created", "likes", "nlp_engage", "author"}
    assert {"speakers-index", "conversations-index", "overall-index", "version"} <= index.keys()


def test_wrong_targets_are_refused(tmp_path):
    with pytest.raises(DataError, match="the suffix does not say"):
        write([ONE], tmp_path / "a.xlsx")
    with pytest.raises(DataError, match="no target 'word'"):
        write([ONE], tmp_path / "a", "word")
    (tmp_path / "x.jsonl").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        write([ONE], tmp_path / "x.jsonl")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    with pytest.raises(DataError, match="no ConvoKit corpus"):
        write([ONE], tmp_path / "full", "convokit")
