"""From an exported model back to float32 weights that can be trained further."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.torch import load_file
from tokenizers import Tokenizer

from nlp_engage.classify import OnnxLabeller
from nlp_engage.classify.folder import SHIPPED, load_config, model_folder
from nlp_engage.cli import main
from nlp_engage.context import context_of_unit
from nlp_engage.encoding import PairEncoder
from nlp_engage.errors import DataError, ModelError
from nlp_engage.modelling import open_model
from nlp_engage.train.card import write_card
from nlp_engage.train.config import TrainConfig
from nlp_engage.train.data import read_units
from nlp_engage.train.finetune import finetune
from nlp_engage.train.labeller import NetworkLabeller
from nlp_engage.train.model import load_trained
from nlp_engage.train.record import start_record
from nlp_engage.train.reopen import reopen

SEED = Path(__file__).parents[1] / "data" / "labels" / "seed.jsonl"


@pytest.fixture(scope="module")
def opened(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("opened") / "tiny"
    done = CliRunner().invoke(main, ["base", "-o", str(folder), "--model", str(tiny_model)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["opened"]["model"] == tiny_model.name
    return folder


def test_the_weights_are_those_that_were_exported_but_for_their_rounding(tiny_training, opened):
    before, after = load_trained(tiny_training.out).state_dict(), load_file(opened / "network.safetensors")
    assert set(after) == set(before)
    for name, weights in before.items():
        if name.endswith(("bias", "position_ids")):  # biases were corrected on purpose
            continue
        assert (after[name] - weights).norm() <= 0.05 * weights.norm(), name


def test_it_answers_as_the_8_bit_file_does(tiny_training, tiny_model, opened):
    contexts = [context_of_unit(u) for u in read_units(tiny_training.dev)]
    config = load_config(tiny_model)
    labels = NetworkLabeller.load(opened).predict(contexts).probabilities
    warm = np.array([config.temperature[u["lang"]] for u in read_units(tiny_training.dev)])[:, None]
    calibrated = labels ** (1 / warm)
    calibrated /= calibrated.sum(axis=1, keepdims=True)
    theirs = OnnxLabeller.load(tiny_model).predict(contexts).probabilities
    assert np.abs(calibrated - theirs).mean() < 0.02
    assert (calibrated.argmax(1) == theirs.argmax(1)).mean() > 0.9


def test_a_training_goes_on_from_it(tiny_training, opened, tmp_path):
    config = TrainConfig(
        base=str(opened),
        start=str(opened),
        train=str(tiny_training.train),
        dev=str(tiny_training.dev),
        out=str(tmp_path / "further"),
        epochs=1,
        evaluations=1,
        learning_rate=1e-6,
        head_learning_rate=1e-6,
    )
    record = finetune(config)
    assert record["base"]["opened"]["model"] == record["start_opened"]["model"] == "tiny-v1"
    assert record["dev"]["eval_f1_mean"] == pytest.approx(tiny_training.record["dev"]["eval_f1_mean"], abs=0.1)


@pytest.mark.parametrize("start", [True, False])
def test_folds_on_a_model_that_was_opened_are_refused_as_base_and_as_start(opened, start):
    config = TrainConfig(base=str(opened), start=str(opened) if start else "", train="t", out="o", folds=5)
    with pytest.raises(DataError, match="may be in any fold") as refusal:
        config.check()
    assert ("opened from tiny-v1: what that network was trained on" in str(refusal.value)) != start


def test_the_card_of_what_went_on_from_it_names_the_model(tiny_training, tiny_model, opened, tmp_path):
    config = replace(tiny_training.config, base=str(opened), out="further")
    started = {
        "encoder of tiny-v1, opened from its 8-bit file (file hash": replace(config, start=""),
        "weights of tiny-v1, opened from its 8-bit file (file hash": replace(config, start=str(opened)),
        "weights of run (file hash": replace(config, start=str(tiny_training.out)),
    }
    folder = shutil.copytree(tiny_model, tmp_path / tiny_model.name)
    scores, before = (json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("scores", "training"))
    for words, settings in started.items():
        record = before | start_record(settings, opened, read_units(tiny_training.train), [])
        (folder / "training.json").write_text(json.dumps(record), "utf-8")
        write_card(folder, scores)
        card = (folder / "README.md").read_text("utf-8")
        assert ", by way of tiny-v1: 2 layers" in card
        assert f"starting from the {words}" in card
        assert "what that network was trained on was not compared with dev" in card


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_shipped_models_can_be_opened(name):
    folder = model_folder(name)
    labels = [json.loads(line) for line in SEED.read_text("utf-8").splitlines()[:40]]
    contexts = [context_of_unit(u) for u in labels]
    network = reopen(folder)
    ours = NetworkLabeller(network, PairEncoder(Tokenizer.from_file(str(folder / "tokenizer.json")))).predict(contexts)
    theirs = OnnxLabeller.load(folder).predict(contexts)
    assert (ours.probabilities.argmax(1) == theirs.probabilities.argmax(1)).mean() > 0.9


def test_what_cannot_be_opened_is_refused_with_the_reason(tiny_training, tiny_model, opened, tmp_path):
    with pytest.raises(ModelError, match="is no model folder"):
        open_model(tmp_path / "out", tiny_training.out)
    silent = shutil.copytree(tiny_model, tmp_path / "silent")
    record = json.loads((silent / "training.json").read_text("utf-8"))
    del record["encoder"]["config"]
    (silent / "training.json").write_text(json.dumps(record), "utf-8")
    with pytest.raises(ModelError, match="does not say how the encoder is built"):
        open_model(tmp_path / "out", silent)
    with pytest.raises(ModelError, match=r"network\.safetensors, a training or a model"):
        open_model(opened, tiny_model)
    with pytest.raises(ModelError, match="would be overwritten"):
        open_model(tiny_model, tiny_model)


def test_the_verb_wants_either_texts_or_a_model(tiny_model, tmp_path):
    for flags, words in (
        ([], "Missing option '--texts'"),
        (["--model", "fast", "--texts", "a.jsonl"], "Leave one out"),
    ):
        done = CliRunner().invoke(main, ["base", "-o", str(tmp_path / "b"), *flags])
        assert done.exit_code == 2
        assert words in done.output
