"""What cannot end well is refused before anything is trained: settings, labels, folders, a changed run."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
from click.testing import CliRunner
from safetensors import SafetensorError

from nlp_engage.cli import main
from nlp_engage.durable import alone
from nlp_engage.errors import DataError, ModelError, RunError
from nlp_engage.modelling import train_model
from nlp_engage.train import places
from nlp_engage.train.base import prepare_base
from nlp_engage.train.card import _ece, cross_fitted_ece
from nlp_engage.train.config import TrainConfig
from nlp_engage.train.data import read_units
from nlp_engage.train.evaluate import codes_of_unit, score_predictions
from nlp_engage.train.export import export_folder
from nlp_engage.train.finetune import EngageTrainer, finetune
from nlp_engage.train.folds import cross_validate
from nlp_engage.train.record import begin
from nlp_engage.train.results import Evaluation
from nlp_engage.train.tables import detail_tables

NEEDED = {"base": "b", "train": "t", "out": "o"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 0) for name in ("epochs", "batch_size", "accumulate", "evaluations", "repeat")),
        *((name, -1) for name in ("patience", "layers", "seed", "folds", "fold", "batch_size")),
        *((name, -0.5) for name in ("learning_rate", "head_learning_rate", "act_weight", "weight_decay", "focal")),
        *((name, float("nan")) for name in ("learning_rate", "head_learning_rate", "act_weight", "weight_decay")),
        *((name, float("inf")) for name in ("learning_rate", "act_weight", "focal")),
        ("seed", 2**32),
        ("batch_size", 2**70),
    ],
)
def test_a_number_out_of_range_is_refused_with_its_name_value_and_range(name, value):
    with pytest.raises(DataError, match=rf"^settings: {name} is {value}, must be from \S+ to \S+$"):
        TrainConfig.from_toml(None, {**NEEDED, name: value})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dev_share": float("nan")}, "dev_share is nan, must be between 0 and 1"),
        ({"warmup": 1.0}, "warmup is 1.0, must be 0 or more and below 1"),
        ({"out": ""}, "out is empty, must be a path"),
        ({"base": " "}, "base is empty, must be a path"),
        ({"fold": 2}, "fold is 2 of 0 folds; cross-validation sets it itself"),
        ({"folds": 5, "start": "s"}, "folds is 5 with start s: what that network was trained on may be in any fold"),
        ({"repeat": 2}, "repeat is 2 without teacher_units, beside which labelled units are repeated. Set epochs"),
        ({"shared_threads": "ignore"}, "shared_threads is 'ignore', must be one of refuse"),
        ({"epochs": 2.5}, "epochs is 2.5: Expected `int`, got `float`"),
        ({"mixed": "yes"}, "mixed is 'yes': Expected `bool`, got `str`"),
        ({"train": ["a"]}, r"train is \['a'\]: Expected `str`, got `array`"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_with_its_name_and_value(changes, message):
    with pytest.raises(DataError, match=f"settings: {message}"):
        TrainConfig.from_toml(None, {**NEEDED, **changes})


def test_settings_with_a_byte_order_mark_are_read(tmp_path):
    path = tmp_path / "train.toml"
    path.write_bytes(b'\xef\xbb\xbfbase = "b"\r\ntrain = "t"\r\nout = "o"\r\n')
    assert TrainConfig.from_toml(path).base == "b"


@pytest.mark.parametrize("name", ["base", "start"])
def test_a_training_never_writes_over_its_base_or_its_start(tmp_path, name):
    roundabout = f"{tmp_path}/../{tmp_path.name}"
    with pytest.raises(DataError, match=rf"out is .*, the folder of {name}: it would be overwritten. Name a new"):
        TrainConfig.from_toml(None, {**NEEDED, name: str(tmp_path), "out": roundabout})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"uid": ""}, "length >= 1"),
        ({"confidence": 9}, "Invalid enum value 9"),
        ({"coders": {"ann": "X"}}, r"coders gave \['X'\]; known"),
        ({"coders": {"ann": ["M"]}}, "Expected `str`, got `array`"),
        ({"coders": ["ann"]}, "Expected `int | object | null`, got `array`"),
        ({"coders": -2, "soft": {"M": 1.0}}, "coders is -2, must be their number, 1 or more"),
        ({"coders": 2, "soft": {"M": 0.7, "D": 0.3}}, "are no shares of 2 coders"),
    ],
)
def test_a_unit_an_evaluation_could_not_count_is_refused_when_it_is_read(tmp_path, changes, message):
    path = tiny.write_units(tmp_path / "units.jsonl", [{**tiny.units(1, "u", 1)[0], **changes}])
    with pytest.raises(DataError, match=f"line 1: .*{message.replace('|', '.')}"):
        read_units(path)


def test_coders_in_python_that_are_no_codes_are_refused_too():
    with pytest.raises(DataError, match="coders is True, must be their number"):
        codes_of_unit({"uid": "u", "coders": True, "soft": {"M": 1.0}})
    with pytest.raises(DataError, match="coders gave"):
        codes_of_unit({"uid": "u", "coders": {"ann": ["M"]}})


def test_packed_and_empty_files_are_refused_with_what_they_are(tmp_path):
    packed, empty = tmp_path / "units.jsonl.gz", tmp_path / "empty.jsonl"
    packed.write_bytes(gzip.compress(b"{}"))
    empty.write_bytes(b"\n\r\n")
    with pytest.raises(DataError, match=r"units.jsonl.gz: .*packed \(gzip\). Unpack it first"):
        read_units(packed)
    with pytest.raises(DataError, match=r"empty.jsonl: no labelled units, the file is empty"):
        read_units(empty)


def short(tiny_training, out, **changes):
    return replace(tiny_training.config, epochs=1, out=str(out), **changes)


@pytest.mark.parametrize("side", ["train", "dev"])
def test_labelled_units_are_no_teachers_units(tiny_training, tmp_path, side):
    config = short(tiny_training, tmp_path / "run", teacher_units=str(getattr(tiny_training, side)))
    with pytest.raises(DataError, match=rf"{side}.jsonl: every unit is a labelled one or of a thread of dev"):
        finetune(config)


def test_which_side_of_which_file_cannot_be_used_is_told(tiny_training, tmp_path):
    labels = tiny.write_units(tmp_path / "en.jsonl", [u for u in tiny.units(6, "u", 12) if u["lang"] == "en"])
    with pytest.raises(DataError, match=r"en.jsonl: train: no unit in \['zh'\].*another dev_share or folds"):
        finetune(short(tiny_training, tmp_path / "run", train=str(labels), dev=""))


def test_a_start_that_failed_is_not_in_the_way_of_the_next(tiny_training, tmp_path):
    with pytest.raises(ModelError, match="layers is 5, but the base has 2"):
        finetune(short(tiny_training, tmp_path / "run", layers=5))
    assert finetune(short(tiny_training, tmp_path / "run", layers=1))["config"]["layers"] == 1


def test_a_base_that_cannot_be_loaded_is_refused(tiny_training, tmp_path):
    shutil.copytree(tiny_training.base, tmp_path / "base")
    (tmp_path / "base" / "config.json").write_text('{"name": "something else"}')
    with pytest.raises(ModelError, match=r"base cannot be loaded: .*model_type"):
        finetune(short(tiny_training, tmp_path / "run", base=str(tmp_path / "base")))


def test_what_changed_since_a_training_was_started_is_named(tiny_training, tmp_path, monkeypatch):
    shutil.copytree(tiny_training.base, tmp_path / "base")
    taught = tiny.write_units(tmp_path / "taught.jsonl", tiny.units(2, "x", threads=3))
    train = shutil.copy(tiny_training.train, tmp_path / "train.jsonl")
    config = short(tiny_training, tmp_path / "run", base=str(tmp_path / "base"), train=str(train))
    config = replace(config, teacher_units=str(taught))
    tiny.interrupt(config, monkeypatch, at=4)

    def refused(message, **changes):
        with pytest.raises(RunError, match=rf"was started with other settings: {message} \(.*Set out to a new folder"):
            finetune(replace(config, **changes))

    refused("learning_rate was 0.005, is 0.001", learning_rate=1e-3)
    whole = taught.read_text("utf-8")
    tiny.write_units(taught, [{**u, "post": "Other cups"} for u in tiny.units(2, "x", threads=3)])
    refused("the file of teacher_units has changed")
    taught.write_text(whole, "utf-8")
    train_text = train.read_text("utf-8")
    train.write_text(train_text + "\n", "utf-8")
    refused("the file of train has changed")
    train.write_text(train_text, "utf-8")
    tokenizer = tmp_path / "base" / "tokenizer.json"
    before = tokenizer.read_text("utf-8")
    tokenizer.write_text(before + " ", "utf-8")
    refused("tokenizer.json of the base has changed")
    tokenizer.write_text(before, "utf-8")
    started = tmp_path / "run" / "started.json"
    old = json.loads(started.read_text())
    started.write_text('{"config": ')
    with pytest.raises(RunError, match=r"started.json is damaged. Set out to a new folder"):
        finetune(config)
    del old["inputs"]  # a training that was started before hashes of the base were kept goes on
    started.write_text(json.dumps(old))
    assert finetune(config)["dev"]


def test_a_run_and_its_files_may_be_renamed(tiny_training, tmp_path, monkeypatch):
    old, new = ({"base": f"base-{k}", "train": f"t{k}", "dev": f"d{k}", "out": f"run-{k}"} for k in (1, 2))
    shutil.copytree(tiny_training.base, tmp_path / old["base"])
    for side in ("train", "dev"):
        shutil.copy(getattr(tiny_training, side), tmp_path / old[side])
    settings = replace(tiny_training.config, epochs=2, **{k: str(tmp_path / v) for k, v in old.items()})
    tiny.interrupt(settings, monkeypatch, at=8)
    for name in old:
        (tmp_path / old[name]).rename(tmp_path / new[name])
    steps = []
    renamed = replace(settings, **{k: str(tmp_path / v) for k, v in new.items()})
    finetune(renamed, tell=lambda step, *_: steps.append(step))
    assert (steps[0], steps[-1]) == (6, 12)
    with pytest.raises(RunError, match=r"start was '', is 'run'"):
        finetune(replace(renamed, start=str(tiny_training.out)))


def test_a_finished_training_is_not_trained_further_by_the_same_command(tiny_training, tmp_path):
    """Patience ended it early; going on would take another step, and maybe another network."""
    config = replace(tiny_training.config, patience=1, head_learning_rate=0.0, learning_rate=0.0)
    config = replace(config, out=str(tmp_path / "run"))
    told = []
    record = finetune(config, tell=lambda *news: told.append(news))
    assert told[-1][0] == 12  # of 48 steps
    assert finetune(config, tell=lambda *_: pytest.fail("trained again")) == record
    weights = (tmp_path / "run" / "network.safetensors").read_bytes()
    (tmp_path / "run" / "training.json").unlink()  # killed after the last step
    again = finetune(config)
    assert [h["step"] for h in again["history"]] == [h["step"] for h in record["history"]] == [6, 12]
    assert again["dev"]["eval_f1_mean"] == record["dev"]["eval_f1_mean"]
    assert (tmp_path / "run" / "network.safetensors").read_bytes() == weights


def test_a_training_that_diverges_ends_with_what_to_do_and_keeps_no_network(tiny_training, tmp_path, monkeypatch):
    loss = EngageTrainer.compute_loss

    def diverging(self, model, inputs, return_outputs=False, **more):
        found, outputs = loss(self, model, inputs, return_outputs=True, **more)
        return (found * float("nan"), outputs) if return_outputs else found

    monkeypatch.setattr(EngageTrainer, "compute_loss", diverging)
    with pytest.raises(RunError, match=r"step 6: the loss on dev is nan.*Set learning_rate and head_learning_rate"):
        finetune(short(tiny_training, tmp_path / "run"))
    assert not (tmp_path / "run" / "network.safetensors").exists()


def test_a_folder_in_use_or_a_file_is_no_place_for_a_training(tiny_training, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"out: .*file cannot be written to \(File exists\); name a folder"):
        finetune(short(tiny_training, tmp_path / "file"))
    shutil.copytree(tiny_training.base, tmp_path / "other")
    with pytest.raises(RunError, match=r"other holds tokenizer.json, config.json, model.safetensors, but no training"):
        finetune(short(tiny_training, tmp_path / "other"))


def test_a_second_training_in_one_folder_is_refused_at_once(tiny_training, tmp_path):
    seen = []

    def tell(*_):
        if not seen:
            missing = short(tiny_training, tmp_path / "run", train=str(tmp_path / "never-looked-at.jsonl"))
            with pytest.raises(RunError) as refusal:
                finetune(missing)
            seen.append(str(refusal.value))

    finetune(short(tiny_training, tmp_path / "run"), tell=tell)
    told = f"another process ({os.getpid()}) is working on {tmp_path / 'run'}; wait for it, stop it, or set out to a"
    assert seen == [f"{told} new folder"]
    assert not (tmp_path / "run" / ".lock.pid").exists()


def test_folds_are_kept_from_a_second_training_too(tiny_training, tmp_path):
    config = short(tiny_training, tmp_path / "run", dev="", folds=2)
    with (
        alone(tmp_path / "run", ""),
        pytest.raises(RunError, match=r"another process \(\d+\) is working on .*run; wait"),
    ):
        cross_validate(config)
    assert not (tmp_path / "run" / "fold-1").exists()


def test_the_lock_of_a_killed_training_is_in_nobodys_way(tiny_training, tmp_path):
    run = tmp_path / "run"
    script = (
        "import pathlib, sys, time\nfrom nlp_engage.durable import alone\n"
        "with alone(pathlib.Path(sys.argv[1]), ''):\n    print('in', flush=True)\n    time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(run)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder.stdout:
        assert holder.stdout.readline() == b"in\n"
        with pytest.raises(RunError, match=rf"another process \({holder.pid}\) is working on"):
            finetune(short(tiny_training, run))
        holder.kill()
        holder.wait()
    assert (run / ".lock.pid").exists()  # as SIGKILL leaves it
    assert finetune(short(tiny_training, run))["dev"]


def test_a_disk_too_full_for_checkpoints_is_told_before_training(tiny_training, tmp_path, monkeypatch):
    monkeypatch.setattr(places.shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000))
    with pytest.raises(RunError, match=r"out: .* has room for 0 MB, its checkpoints take 1 MB. Make room"):
        finetune(short(tiny_training, tmp_path / "run"))
    assert not (tmp_path / "run" / "started.json").exists()


def test_a_network_too_large_for_its_export_is_told_before_training(tiny_training, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "_LARGEST", 50_000)
    too_large = r"the network has 0 M parameters, 0.00 GB in float32, .* cut it with `nlp-engage base --keep` and train"
    with pytest.raises(ModelError, match=too_large):
        train_model(short(tiny_training, tmp_path / "run"))
    flags = [f"--{k}={getattr(tiny_training, k)}" for k in ("base", "train", "dev")]
    done = CliRunner().invoke(main, ["train", *flags, f"--out={tmp_path / 'run'}"])
    assert (done.exit_code, "base --keep" in done.stderr) == (1, True)
    assert not (tmp_path / "run" / "started.json").exists()
    finetune(short(tiny_training, tmp_path / "run"))  # without an export, size does not matter
    with pytest.raises(ModelError, match=too_large):
        export_folder(tiny_training.out, tmp_path / "m", {}, [])


@pytest.mark.parametrize(
    "error", [SafetensorError("I/O error: No space left on device"), RuntimeError("PytorchStreamWriter failed writing")]
)
def test_a_disk_that_fills_up_during_training_is_told_with_the_way_on(tiny_training, tmp_path, monkeypatch, error):
    def full(*_, **__):
        raise error

    monkeypatch.setattr(EngageTrainer, "_save_checkpoint", full)
    with pytest.raises(RunError, match=r"run: a checkpoint could not be written \(.*the same command goes on from"):
        finetune(short(tiny_training, tmp_path / "run"))


@pytest.mark.parametrize("verb", ["train", "export"])
def test_a_model_is_never_written_over_something_else(tiny_training, tiny_model, tmp_path, verb):
    shutil.copytree(tiny_training.base, tmp_path / "base")
    shutil.copytree(tiny_model, tmp_path / "another")
    record = json.loads((tmp_path / "another" / "training.json").read_text())
    record["config"]["seed"] = 1
    (tmp_path / "another" / "training.json").write_text(json.dumps(record))
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "README.md").write_text("Mine.")
    (tmp_path / "file").write_text("")
    config = short(tiny_training, tmp_path / "run", base=str(tmp_path / "base"))
    for name, message in {
        "base": "is the folder of base|holds .*model.safetensors of something else",
        "another": "holds model.onnx, .* of something else than this training",
        "project": "holds README.md of something else",
        "file": "file cannot be written to",
    }.items():
        with pytest.raises(RunError, match=message):
            train_model(config, folder=tmp_path / name)
        assert not (tmp_path / "run").exists()
        if verb == "export":
            arguments = [str(tiny_training.out), "-o", str(tmp_path / name), "--train", str(tiny_training.train)]
            done = CliRunner().invoke(main, ["export", *arguments, "--dev", str(tiny_training.dev)])
            assert done.exit_code == 1
            assert "Name a new folder" in done.stderr or "name a folder" in done.stderr
    assert (tmp_path / "project" / "README.md").read_text() == "Mine."


def test_a_labels_note_that_is_no_text_is_refused_before_training(tiny_training, tmp_path):
    (tmp_path / "note.md").write_bytes(b"\xff\xfe\x00")
    flags = {
        "base": tiny_training.base,
        "train": tiny_training.train,
        "dev": tiny_training.dev,
        "out": tmp_path / "run",
    }
    arguments = [str(part) for name, value in flags.items() for part in (f"--{name}", value)]
    done = CliRunner().invoke(main, ["train", *arguments, "--labels-note", str(tmp_path / "note.md")])
    assert done.exit_code == 1
    assert "note.md: not UTF-8 text" in done.stderr
    assert not (tmp_path / "run").exists()


def test_calibration_error_of_few_threads_is_told_or_said_not_to_be_known():
    units = [{**u, "thread": "en" if u["lang"] == "en" else f"zh{i % 2}"} for i, u in enumerate(tiny.units(6, "u", 1))]
    found = cross_fitted_ece(np.log(np.full((len(units), 3), 1 / 3)), units)
    assert found["en"] is None
    assert found["zh"] == pytest.approx(0.0, abs=1e-6)
    assert _ece(found) == "not known (one thread only) English, 0.000 Chinese"


def test_folds_that_cannot_all_be_trained_are_refused_before_the_first(tiny_training, tmp_path):
    units = [u for u in tiny.units(6, "u", threads=6) if (u["lang"], u["label"]) != ("zh", "S")]
    units += [{**u, "uid": f"x{u['uid']}", "thread": "lone"} for u in tiny.units(1, "u", 1)[-1:]]
    labels = tiny.write_units(tmp_path / "labels.jsonl", units)
    config = replace(tiny_training.config, train=str(labels), dev="", folds=2, out=str(tmp_path / "cv"))
    with pytest.raises(DataError, match=r"labels.jsonl: .*zh"):
        cross_validate(config)
    assert not (tmp_path / "cv").exists()


def test_a_cross_validation_without_folds_is_refused(tmp_path):
    labels = tiny.write_units(tmp_path / "labels.jsonl", tiny.units(6, "u", threads=6))
    with pytest.raises(DataError, match="folds is 0: set it to 2 or more"):
        cross_validate(TrainConfig(base="b", train=str(labels), out=str(tmp_path / "cv")))
    assert not (tmp_path / "cv").exists()


def test_a_checkpoint_that_a_power_cut_left_empty_is_passed_over(tmp_path):
    for step, text in ((6, "{}"), (12, ""), (18, '{"global_step": 1'), (24, "\0" * 8)):
        state = tmp_path / "checkpoints" / f"checkpoint-{step}" / "trainer_state.json"
        state.parent.mkdir(parents=True)
        state.write_text(text)
    assert begin(tmp_path, {}) == tmp_path / "checkpoints" / "checkpoint-6"


def test_an_evaluation_checks_its_flags_before_it_scores(tiny_training, tmp_path):
    arguments = ["evaluate", "--data", str(tiny_training.dev)]
    for flags, message in (
        (["--seed", "-1"], "--seed"),
        (["--plot", str(tmp_path / "none" / "plot.svg")], "there is no folder"),
    ):
        done = CliRunner().invoke(main, [*arguments, *flags])
        assert done.exit_code == 2
        assert message in done.stderr


def test_odd_names_of_sources_neither_break_a_table_nor_take_units_without_one():
    units = [{**u, "source": ("a|b\nc", "", None)[i % 3]} for i, u in enumerate(tiny.units(3, "u", 4))]
    found = score_predictions(np.eye(3)[["MDS".index(u["label"]) for u in units]], units)
    assert {k: v["n"] for k, v in found["per_source"].items()} == {"a|b\nc": 6}
    assert r"| a\|b c | 6 |" in detail_tables(found)


def test_teaching_reads_no_archive_twice_and_writes_over_none(tmp_path):
    archive = tmp_path / "archive.jsonl"
    archive.write_text("{}\n")
    for out, files, code in ((tmp_path / "o.jsonl", [archive, archive], 1), (archive, [archive], 2)):
        done = CliRunner().invoke(main, ["teach", *map(str, files), "-o", str(out)])
        assert done.exit_code == code
        assert "named twice" in done.stderr or "would be overwritten" in done.stderr
    assert archive.read_text() == "{}\n"


def test_a_base_is_never_written_over_the_folder_it_is_made_from(tiny_training, tmp_path):
    with pytest.raises(ModelError, match=r"is the folder of base .* would be overwritten; name a new folder"):
        prepare_base(tiny_training.hub, (), base=str(tiny_training.hub))
    with pytest.raises(ModelError, match=r"holds started.json, network.safetensors, a training or a model"):
        prepare_base(tiny_training.out, (), base=str(tiny_training.hub))
    with pytest.raises(DataError, match="keep is 0, must be 1 or more"):
        prepare_base(tmp_path / "b", (), base=str(tiny_training.hub), keep=0)


def test_an_export_that_breaks_off_leaves_no_model(tiny_training, tmp_path, monkeypatch):
    from nlp_engage import modelling

    def broken(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(modelling, "_other_scores", broken)
    train, dev = read_units(tiny_training.train), read_units(tiny_training.dev)
    with pytest.raises(KeyboardInterrupt):
        modelling.export_model(tiny_training.out, tmp_path / "m", train, dev)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_export_without_units_to_calibrate_or_compare_on_is_refused_first(tiny_training, tmp_path):
    from nlp_engage.modelling import export_model

    train, dev = read_units(tiny_training.train), read_units(tiny_training.dev)
    with pytest.raises(DataError, match=r"dev: no reply in en, zh of a thread that is not in train"):
        export_model(tiny_training.out, tmp_path / "m", train, train)
    with pytest.raises(DataError, match=r"train: no unit with label S in a thread that is not in dev"):
        export_model(tiny_training.out, tmp_path / "m", [u for u in train if u["label"] != "S"], dev)


def test_paths_may_be_strings_as_in_the_documentation(tiny_training, tmp_path):
    units = read_units(str(tiny_training.dev))
    assert units == read_units(tiny_training.dev)
    (tmp_path / "train.toml").write_text('base = "b"\ntrain = "t"\nout = "o"\n')
    assert TrainConfig.from_toml(str(tmp_path / "train.toml")).out == "o"
    p = np.eye(3)[["MDS".index(u["label"]) for u in units]]
    Evaluation.of_probabilities("m", p, units).plot(str(tmp_path / "plot.SVG"))
    assert (tmp_path / "plot.SVG").read_bytes().startswith(b"<?xml")
