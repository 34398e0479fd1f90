"""Codes without texts find their replies again, whatever archive these stand in."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from nlp_engage.readers import read

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture
def pool_labels(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    spec = importlib.util.spec_from_file_location("pool_labels", BENCH / "pool_labels.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "pool_labels", module)
    spec.loader.exec_module(module)
    return module


def archive(path, *rows):
    with path.open("w", encoding="utf-8") as file:
        for id, parent, text in rows:
            file.write(
                json.dumps({"id": id, "thread_id": "t1", "parent_id": parent, "author": id, "text": text}) + "\n"
            )
    return path


def code(part, label, act, agree="1/1"):
    return {
        "lang": "en",
        "source": "somewhere",
        "part": part,
        "label": label,
        "act": act,
        "confidence": "2",
        "agree": agree,
    }


def test_each_code_gets_its_reply_in_its_conversation(pool_labels, tmp_path):
    path = archive(
        tmp_path / "a.jsonl",
        ("t1", None, "New cups!"),
        ("a", "t1", "Do they leak?"),
        ("b", "a", "No."),
        ("c", "t1", "wow"),
    )
    codes = {
        pool_labels.key_of("t1", "b"): code("train", "D", "answ", "2/3"),
        pool_labels.key_of("t1", "c"): code("test", "M", "reac"),
        pool_labels.key_of("t2", "c"): code("test", "M", "reac"),
    }
    parts = pool_labels.join([path], codes).parts
    (answer,), (token,) = parts["train"], parts["test"]
    assert (answer["reply"], answer["above"], answer["post"]) == ("No.", [["A", "Do they leak?"]], "New cups!")
    assert answer["soft"] == pytest.approx({"M": 1 / 6, "D": 2 / 3, "S": 1 / 6})
    assert (token["reply"], token["label"], token["act"], token["confidence"]) == ("wow", "M", "reac", 2)
    assert not parts["dev_threads"]


def test_the_codes_of_the_repository_are_whole(pool_labels):
    codes = pool_labels.read_codes(pool_labels.CODES)
    assert {row["part"] for row in codes.values()} == {"dev_threads", *pool_labels.FILES}
    for row in codes.values():
        assert sum(pool_labels.shares(row["label"], row["agree"]).values()) == pytest.approx(1)


def test_every_code_of_a_real_file_is_found(pool_labels):
    small = pool_labels.POOL / "en_reddit_hellofresh.jsonl.zst"
    if not small.exists():
        pytest.skip("the pool is not beside the repository")
    codes = pool_labels.read_codes(pool_labels.CODES)
    found = list(pool_labels.coded_units(list(read([str(small)])), codes))
    assert len(found) == sum(row["source"] == "reddit_hellofresh" for row in codes.values())


def test_given_units_are_shown_as_at_work(pool_labels):
    """Without names nobody is the same person; what was cut is whole again."""
    long = "word " * 60
    pool = pool_labels.Pool(anonymous={"chat"}, whole={pool_labels._start(long): long})
    unit = {"source": "chat", "above": [["A", long[:220] + "…"], ["A(page owner)", "Hm."]], "by": "A", "reply": "No."}
    shown = pool_labels.as_at_work(unit, pool)
    assert shown["above"] == [["A", long], ["B(page owner)", "Hm."]]
    assert shown["by"] == "C"
    named = pool_labels.as_at_work({**unit, "source": "forum"}, pool)
    assert (named["above"], named["by"]) == ([["A", long], ["A(page owner)", "Hm."]], "A")


def test_a_source_without_names_is_told_from_its_archive(pool_labels, tmp_path):
    rows = [
        {"id": "t1", "thread_id": "t1", "text": "New"},
        {"id": "a", "thread_id": "t1", "parent_id": "t1", "text": "x"},
    ]
    path = tmp_path / "en_chat.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert pool_labels.join([path], {}).anonymous == {"chat"}


def test_an_empty_folder_is_named(pool_labels, tmp_path):
    with pytest.raises(SystemExit, match="no archives"):
        pool_labels.main([str(tmp_path / "out"), "--pool", str(tmp_path)])
