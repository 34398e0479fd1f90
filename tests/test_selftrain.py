"""Self-training units: drawn fairly, never from threads that are scored on, and good to train with."""

from __future__ import annotations

import json

import msgspec
import pytest
from fakes import FakeLabeller, probabilities_of
from test_archive import thread

from nlp_engage.context import context_of_unit
from nlp_engage.errors import DataError
from nlp_engage.train.data import read_units
from nlp_engage.train.selftrain import teach


@pytest.fixture
def files(tmp_path):
    paths = []
    for k, numbers in enumerate((range(3), range(3, 40))):
        path = tmp_path / f"{k}.jsonl"
        path.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for n in numbers for c in thread(n)))
        paths.append(str(path))
    return paths


def test_every_file_gives_its_share_and_no_text_twice(files):
    units = list(teach(files, FakeLabeller(), per_file=15))
    assert len(units) == 30
    assert len({u["reply"] for u in units}) == 30
    small = [u for u in units if u["thread"] in {"t0", "t1", "t2"}]
    assert len(small) == 15


def test_units_hold_the_teachers_probabilities_and_can_be_trained_on(files, tmp_path):
    units = list(teach(files, FakeLabeller("old"), per_file=10, seed=1))
    for unit in units:
        expected = probabilities_of(context_of_unit(unit).reply)
        assert list(unit["soft"].values()) == pytest.approx(expected, abs=1e-4)
        assert unit["label"] == "MDS"[expected.argmax()]
        assert (unit["teacher"], unit["uid"][:4]) == ("old", "old:")
    path = tmp_path / "units.jsonl"
    path.write_text("".join(json.dumps(u, ensure_ascii=False) + "\n" for u in units), "utf-8")
    assert [u["uid"] for u in read_units(path)] == [u["uid"] for u in units]


def test_excluded_threads_and_the_seed_are_respected(files):
    first, again, other = (list(teach(files, FakeLabeller(), per_file=10, seed=s, exclude={"t1"})) for s in (1, 1, 2))
    assert first == again != other
    assert "t1" not in {u["thread"] for u in first}
    with pytest.raises(DataError, match="per_file is 0"):
        list(teach(files, FakeLabeller(), per_file=0))
