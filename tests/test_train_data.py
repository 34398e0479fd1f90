"""Labelled units, the split, and the training settings: what is read and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from nlp_engage.errors import DataError
from nlp_engage.splits import thread_of
from nlp_engage.train.config import TrainConfig
from nlp_engage.train.data import check_split, drop_shared_threads, part_threads, read_units, sides

UNIT = tiny.units(1, "u", threads=1)[0]


def unit(**changes):
    return {k: v for k, v in {**UNIT, **changes}.items() if v is not ...}


def test_units_are_read_as_they_stand_whatever_white_space_is_in_them(tmp_path):
    odd = [unit(uid="1", reply="a\u2028b\x85c"), unit(uid="2", reply="line\nbreak", extra="kept")]
    path = tmp_path / "units.jsonl"
    text = "\n\n".join(json.dumps(u, ensure_ascii=False) for u in odd) + "\r\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_units(path) == odd


@pytest.mark.parametrize("name", ["seed", "contest_entries", "own_threads", "author_threads"])
def test_the_labelled_replies_that_ship_can_be_trained_on(name):
    found = read_units(Path(__file__).parents[1] / "data" / "labels" / f"{name}.jsonl")
    assert {(u["lang"], u["label"]) for u in found} == {(lang, code) for lang in ("en", "zh") for code in "MDS"}
    assert all(u["label"] == u.get("coders", {}).get("writer", u["label"]) for u in found)


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


def two_sides():
    return tiny.units(2, "t", threads=4), tiny.units(2, "d", threads=4)


def shared_sides():
    train, dev = two_sides()
    train[0] = {**train[0], "thread": dev[3]["thread"]}
    return train, dev


def test_a_thread_on_both_sides_is_refused_with_the_ways_out():
    with pytest.raises(DataError, match=r"1 threads are in train and dev, e.g. 'd-t3'.*drop_from_train, drop_from_dev"):
        part_threads(*shared_sides())


def test_a_shared_thread_can_be_left_out_of_either_side():
    train, dev = shared_sides()
    assert part_threads(train, dev, "drop_from_train") == (train[1:], dev)
    assert part_threads(train, dev, "drop_from_dev") == (train, [u for u in dev if u["thread"] != "d-t3"])
    assert part_threads(*two_sides(), "refuse") == two_sides()
    with pytest.raises(DataError, match="shared_threads is 'ignore', must be one of refuse"):
        part_threads(train, dev, "ignore")


def test_units_without_a_thread_are_threads_of_their_own():
    nameless = [{k: v for k, v in u.items() if k != "thread"} for u in two_sides()[0]]
    assert drop_shared_threads(nameless, nameless[:3]) == nameless[3:]


def test_a_side_without_a_label_or_dev_without_a_language_is_refused():
    train, dev = two_sides()
    with pytest.raises(DataError, match=r"train: no unit with label \['S'\]"):
        check_split([u for u in train if u["label"] != "S"], dev)
    with pytest.raises(DataError, match=r"dev: no unit in \['zh'\]"):
        check_split(train, [u for u in dev if u["lang"] != "zh"])
    with pytest.raises(DataError, match=r"train: no unit in \['en'\]"):
        check_split([u for u in train if u["lang"] != "en"], dev)
    with pytest.raises(DataError, match=r"dev: no unit of zh/S; the macro-F1"):
        check_split(train, [u for u in dev if (u["lang"], u["label"]) != ("zh", "S")])
    with pytest.raises(DataError, match=r"1 uids are in train and dev, e.g. 'd0'"):
        check_split([*train, {**train[0], "uid": "d0"}], dev)


GOOD = 'base = "b"\ntrain = "t"\ndev = "d"\nout = "o"\n'


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        (GOOD + "epoch = 3", r"unknown setting \['epoch'\]; known settings: .*'epochs'"),
        ('base = "b"', "train, out missing; base, train and out are required"),
        (GOOD + 'epochs = "3"', "epochs is '3': Expected `int`, got `str`"),
        (GOOD + "epochs = 0\nevaluations = 0", "epochs is 0, must be from 1 to 1000000"),
        (GOOD + "dev_share = 1.0", "dev_share is 1.0, must be between 0 and 1"),
        (GOOD + "folds = 5", "folds is 5: 0, or 2 or more with no dev beside them"),
        ('base = "b"\ntrain = "t"\nout = "o"\nfolds = 1', "folds is 1: 0, or 2 or more"),
        ("base = ", "not TOML .*; see docs/train.example.toml"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path, toml, message):
    (tmp_path / "train.toml").write_text(toml)
    with pytest.raises(DataError, match=message):
        TrainConfig.from_toml(tmp_path / "train.toml")


def test_flags_stand_above_the_file_and_can_do_without_it(tmp_path):
    (tmp_path / "train.toml").write_text(GOOD + "epochs = 2\n")
    config = TrainConfig.from_toml(tmp_path / "train.toml", {"epochs": 3, "seed": 5, "roles": None})
    assert (config.epochs, config.seed, config.roles) == (3, 5, True)
    alone = TrainConfig.from_toml(None, {"base": "b", "train": "t", "out": "o"})
    assert (alone.base, alone.dev) == ("b", "")
    with pytest.raises(DataError, match="settings: epochs is 0, must be from 1"):
        TrainConfig.from_toml(None, {"base": "b", "train": "t", "out": "o", "epochs": 0})


def one_file(tmp_path, threads=12):
    return TrainConfig(
        base="b", train=str(tiny.write_units(tmp_path / "all.jsonl", tiny.units(12, "u", threads))), out="o"
    )


def test_one_file_is_split_by_its_threads_into_the_share_that_was_asked_for(tmp_path):
    train, dev = sides(replace(one_file(tmp_path), dev_share=0.25))
    assert len(dev) == 18
    assert not {thread_of(u) for u in train} & {thread_of(u) for u in dev}
    assert sides(replace(one_file(tmp_path), dev_share=0.25)) == (train, dev)


def test_folds_deal_every_unit_to_dev_once(tmp_path):
    config = replace(one_file(tmp_path), folds=3)
    held = [[u["uid"] for u in sides(replace(config, fold=n))[1]] for n in (1, 2, 3)]
    assert sorted(uid for side in held for uid in side) == sorted(u["uid"] for u in tiny.units(12, "u", 12))


def test_settings_are_read_and_the_rest_has_its_default(tmp_path):
    (tmp_path / "train.toml").write_text(GOOD + "epochs = 2\nlearning_rate = 1\n")
    config = TrainConfig.from_toml(tmp_path / "train.toml")
    assert (config.base, config.epochs, config.learning_rate, config.batch_size) == ("b", 2, 1.0, 16)
    with pytest.raises(DataError, match="cannot be read"):
        TrainConfig.from_toml(tmp_path / "nowhere.toml")
