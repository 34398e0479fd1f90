"""Labelled units, the split, and the training settings: what is read and what is refused."""

from __future__ import annotations

import json

import pytest
import tiny

from nlp_engage.errors import DataError
from nlp_engage.train.data import check_split, drop_shared_threads, part_threads, read_units

UNIT = tiny.units(1, "u", threads=1)[0]


def unit(**changes):
    return {k: v for k, v in {**UNIT, **changes}.items() if v is not ...}


def test_units_are_read_as_they_stand_whatever_white_space_is_in_them(tmp_path):
    odd = [unit(uid="1", reply="a\u2028b\x85c"), unit(uid="2", reply="line\nbreak", extra="kept")]
    path = tmp_path / "units.jsonl"
    text = "\n\n".join(json.dumps(u, ensure_ascii=False) for u in odd) + "\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_units(path) == odd


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reply": ...}, "Object missing required field `reply`"),
        ({"uid": ...}, "Object missing required field `uid`"),
        ({"post": None}, "Expected `str`, got `null`"),
        ({"above": "A: hello"}, "Expected `array`, got `str`"),
        ({"above": [["A"]]}, "Expected `array` of length 2"),
        ({"label": "X"}, "label is 'X', must be one of M, D, S"),
        ({"act": "soci"}, "act 'soci' belongs to genuine_dialogue, but the label is 'M'"),
        ({"lang": "fr"}, "lang is 'fr'"),
        ({"soft": {"M": 0.5, "D": 0.1}}, "soft is .* must be shares of M, D, S, sum 1"),
        ({"soft": {"M": 1.5, "D": -0.5}}, "soft is"),
        ({"soft": {"M": 0.5, "X": 0.5}}, "soft is"),
        ({"soft": {}}, "soft is"),
    ],
)
def test_a_unit_that_is_not_as_the_codebook_has_it_is_refused_with_its_line(tmp_path, changes, message):
    path = tiny.write_units(tmp_path / "units.jsonl", [unit(uid="first"), unit(**changes)])
    with pytest.raises(DataError, match=rf"units.jsonl, line 2: .*{message}.*docs/codebook.md describes a unit"):
        read_units(path)


@pytest.mark.parametrize("line", [b"{", b"[1]", b"3", b'"text"', b"\xff\xfe{", b'{"uid": 1}'])
def test_a_line_that_is_no_unit_is_refused_with_its_number(tmp_path, line):
    (tmp_path / "units.jsonl").write_bytes(line)
    with pytest.raises(DataError, match="line 1"):
        read_units(tmp_path / "units.jsonl")


def test_a_uid_that_occurs_twice_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(DataError, match="line 2: uid 'u0' occurs twice"):
        read_units(tiny.write_units(tmp_path / "units.jsonl", [UNIT, UNIT]))
    with pytest.raises(DataError, match="cannot be read"):
        read_units(tmp_path / "nowhere.jsonl")


def sides():
    return tiny.units(2, "t", threads=4), tiny.units(2, "d", threads=4)


def shared_sides():
    train, dev = sides()
    train[0] = {**train[0], "thread": dev[3]["thread"]}
    return train, dev


def test_a_thread_on_both_sides_is_refused_with_the_ways_out():
    with pytest.raises(DataError, match=r"1 threads are in train and dev, e.g. 'd-t3'.*drop_from_train, drop_from_dev"):
        part_threads(*shared_sides())


def test_a_shared_thread_can_be_left_out_of_either_side():
    train, dev = shared_sides()
    assert part_threads(train, dev, "drop_from_train") == (train[1:], dev)
    assert part_threads(train, dev, "drop_from_dev") == (train, [u for u in dev if u["thread"] != "d-t3"])
    assert part_threads(*sides(), "refuse") == sides()
    with pytest.raises(DataError, match="shared_threads is 'ignore', must be one of refuse"):
        part_threads(train, dev, "ignore")


def test_units_without_a_thread_are_threads_of_their_own():
    nameless = [{k: v for k, v in u.items() if k != "thread"} for u in sides()[0]]
    assert drop_shared_threads(nameless, nameless[:3]) == nameless[3:]


def test_a_side_without_a_label_or_dev_without_a_language_is_refused():
    train, dev = sides()
    with pytest.raises(DataError, match=r"train: no unit with label \['S'\]"):
        check_split([u for u in train if u["label"] != "S"], dev)
    with pytest.raises(DataError, match=r"dev: no unit in \['zh'\]"):
        check_split(train, [u for u in dev if u["lang"] != "zh"])


GOOD = 'base = "b"\ntrain = "t"\ndev = "d"\nout = "o"\n'


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (GOOD + "epoch = 3", r"unknown setting \['epoch'\]; known settings: .*'epochs'"),
        ('base = "b"', "Object missing required field `train`; base, train, dev and out are required"),
        (GOOD + 'epochs = "3"', "Expected `int`, got `str`"),
        (GOOD + "epochs = 0\nevaluations = 0", "epochs, evaluations must be 1 or more"),
        ("base = ", "not TOML .*; see docs/train.example.toml"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path, toml, message):
    from nlp_engage.train.config import TrainConfig

    (tmp_path / "train.toml").write_text(toml)
    with pytest.raises(DataError, match=message):
        TrainConfig.from_toml(tmp_path / "train.toml")


def test_settings_are_read_and_the_rest_has_its_default(tmp_path):
    from nlp_engage.train.config import TrainConfig

    (tmp_path / "train.toml").write_text(GOOD + "epochs = 2\nlearning_rate = 1\n")
    config = TrainConfig.from_toml(tmp_path / "train.toml")
    assert (config.base, config.epochs, config.learning_rate, config.batch_size) == ("b", 2, 1.0, 16)
    with pytest.raises(DataError, match="cannot be read"):
        TrainConfig.from_toml(tmp_path / "nowhere.toml")
