"""Self-training units: drawn fairly, never from threads that are scored on, and good to train with."""

from __future__ import annotations

import json

import msgspec
import pytest
import tiny
from fakes import FakeLabeller, probabilities_of
from test_archive import thread

from nlp_engage.context import context_of_unit
from nlp_engage.errors import DataError
from nlp_engage.train.config import TrainConfig
from nlp_engage.train.data import drop_labelled, read_units, training_units
from nlp_engage.train.selftrain import teach
from nlp_engage.types import Comment


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


def archive(path, *threads):
    """An archive of threads, each a name and what is replied to its post; ids are numbers within the thread."""
    comments = []
    for name, texts in threads:
        comments.append(Comment(id=name, thread_id=name, author="shop", text="New cups in spring colours"))
        comments += [
            Comment(id=f"{k}", thread_id=name, parent_id=name, author=f"a{k}", text=text)
            for k, text in enumerate(texts)
        ]
    path.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for c in comments))
    return str(path)


def sayings(*numbers):
    return [f"I bought {n} of these cups last summer" for n in numbers]


def test_a_text_that_one_thread_repeats_is_drawn_once_and_the_rest_comes_from_others(tmp_path):
    spam = archive(tmp_path / "a.jsonl", ("t1", ["Buy cups cheap at my own shop"] * 12), ("t2", sayings(1, 2, 3, 4)))
    for seed in range(4):
        drawn = [u["reply"] for u in teach([spam], FakeLabeller(), per_file=4, seed=seed)]
        assert (len(drawn), len(set(drawn))) == (4, 4)


def test_equal_ids_in_several_threads_and_files_give_units_that_can_be_trained_on(tmp_path):
    one = archive(tmp_path / "1.jsonl", ("t1", sayings(1, 2)), ("t2", sayings(3, 4)))
    two = archive(tmp_path / "2.jsonl", ("t2", sayings(3, 4)), ("t3", sayings(5, 6)))
    units = list(teach([one, two], FakeLabeller("old"), per_file=9))
    assert sorted(u["uid"] for u in units) == [f"old:t{t}:{k}" for t in (1, 2, 3) for k in (0, 1)]
    assert len(read_units(tiny.write_units(tmp_path / "units.jsonl", units))) == 6


def test_files_that_both_count_from_1_give_both_their_share(tmp_path):
    files = [archive(tmp_path / f"{k}.jsonl", ("t1", sayings(k, k + 2))) for k in (1, 2)]
    units = list(teach(files, FakeLabeller("old"), per_file=9))
    assert sorted(u["uid"] for u in units) == ["old:t1:0", "old:t1:0#2", "old:t1:1", "old:t1:1#2"]
    assert drop_labelled(units, [{"uid": "0"}, {"uid": "t1:1", "thread": "t1"}]) == []


def test_replies_of_labelled_units_without_a_thread_are_left_out(tmp_path):
    path = archive(tmp_path / "1.jsonl", ("t1", sayings(1, 2)), ("t2", sayings(3, 4)))
    for name, left in (("0", ["t1:1", "t2:1"]), ("t1:0", ["t1:1", "t2:0", "t2:1"]), ("t1", ["t2:0", "t2:1"])):
        units = teach([path], FakeLabeller("old"), per_file=9, exclude={name})
        assert sorted(u["uid"] for u in units) == [f"old:{reply}" for reply in left]


@pytest.mark.parametrize(
    ("labelled", "dropped"),
    [
        ({"uid": "7", "thread": "t"}, True),
        ({"uid": "t:7", "thread": "t"}, True),  # as `sample` writes an id that several threads have
        ({"uid": "7"}, True),
        ({"uid": "t:7"}, True),
        ({"uid": "7", "thread": "another"}, False),
        ({"uid": "another:7"}, False),
        ({"uid": "8", "thread": "t"}, False),
    ],
)
@pytest.mark.parametrize("uid", ["old:t:7", "old:7"], ids=["now", "as older files have it"])
def test_a_labelled_reply_is_recognised_among_the_teachers_units(uid, labelled, dropped):
    taught = [{"uid": uid, "thread": "t", "teacher": "old"}]
    assert drop_labelled(taught, [labelled]) == ([] if dropped else taught)


def test_an_id_that_begins_with_its_thread_is_recognised_too():
    taught = [{"uid": "old:t:t:7", "thread": "t", "teacher": "old"}]
    assert drop_labelled(taught, [{"uid": "t:7", "thread": "t"}]) == []


def test_the_teachers_units_hold_no_reply_of_dev_or_train(tmp_path):
    train, dev = tiny.units(4, "t", threads=6), tiny.units(4, "d", threads=6)
    bare = [{k: v for k, v in unit.items() if k != "thread"} for unit in dev]
    fresh = tiny.units(1, "new", threads=6)
    taught = [{**u, "uid": f"old:{u['thread']}:{u['uid']}", "teacher": "old"} for u in (*train, *dev, *fresh)]
    files = {
        name: str(tiny.write_units(tmp_path / f"{name}.jsonl", units))
        for name, units in {"train": train, "dev": bare, "teacher_units": taught}.items()
    }
    found, _ = training_units(TrainConfig(base="b", out=str(tmp_path / "o"), repeat=2, **files))
    assert [u["uid"] for u in found] == [
        *(u["uid"] for u in train * 2),
        *(f"old:{u['thread']}:{u['uid']}" for u in fresh),
    ]
