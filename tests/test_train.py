"""From labelled units to a model at work, with a network that trains in seconds."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from click.testing import CliRunner
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from transformers import AutoModel, TrainingArguments

from nlp_engage.classify import OnnxLabeller
from nlp_engage.cli import main
from nlp_engage.cli_train import base as base_verb
from nlp_engage.cli_train import evaluate as evaluate_verb
from nlp_engage.cli_train import export as export_verb
from nlp_engage.cli_train import train as train_verb
from nlp_engage.context import context_of_unit
from nlp_engage.encoding import PairEncoder
from nlp_engage.errors import DataError, ModelError, RunError
from nlp_engage.modelling import evaluate as evaluate_any
from nlp_engage.scores import softmax
from nlp_engage.train.data import read_units
from nlp_engage.train.evaluate import evaluate
from nlp_engage.train.export import to_onnx, write_config
from nlp_engage.train.finetune import EngageTrainer, _precision, collate, dev_scores, finetune, make_dataset
from nlp_engage.train.folds import cross_validate
from nlp_engage.train.model import EngageNetwork, load_trained
from nlp_engage.train.record import PREDICTIONS, check_files, read_predictions
from nlp_engage.types import ACTS


def encoder_of(training):
    return PairEncoder(Tokenizer.from_file(str(training.base / "tokenizer.json")))


def network_logits(network, batch):
    with torch.no_grad():
        labels, acts = network(**{k: batch[k] for k in ("input_ids", "attention_mask", "token_type_ids")})
    return labels.numpy(), acts.numpy()


def weights_of(folder):
    return load_file(folder / "network.safetensors")


def test_training_learns_the_cues_and_keeps_the_best_checkpoint(tiny_training):
    record = tiny_training.record
    history = [step["eval_f1_mean"] for step in record["history"]]
    assert len(history) == 8
    assert record["dev"]["eval_f1_mean"] == max(history) > 0.95
    assert json.loads((tiny_training.out / "training.json").read_text()) == record


def test_the_training_record_says_what_was_trained_on(tiny_training):
    record = tiny_training.record
    assert record["data"]["train"]["units"] == 72
    assert record["data"]["dev"]["counts"] == {f"{k}/{c}": 4 for k in ("en", "zh") for c in "MDS"}
    assert record["config"]["train"] == "train.jsonl"  # names, not paths of this machine
    assert {"nlp-engage", "torch", "transformers", "scikit-learn"} <= set(record["versions"])


def test_an_exported_model_scores_what_the_network_scored(tiny_training, tiny_model):
    result = evaluate(OnnxLabeller.load(tiny_model, threads=1), read_units(tiny_training.dev))
    assert result["n"] == 24
    assert result["macro_f1"] == pytest.approx(tiny_training.record["dev"]["eval_f1_mean"], abs=0.1)
    assert result["alpha"] > 0.9


def test_torch_and_onnx_give_the_same_probabilities(tiny_training, tmp_path):
    network, units = load_trained(tiny_training.out), read_units(tiny_training.dev)
    rows = make_dataset(units, encoder_of(tiny_training))
    labels, acts = network_logits(network, collate(list(rows)))
    to_onnx(network, tmp_path / "model.onnx")
    shutil.copyfile(tiny_training.out / "tokenizer.json", tmp_path / "tokenizer.json")
    write_config(tmp_path, "float32", {"en": 2.0, "zh": 0.5}, {})
    found = OnnxLabeller.load(tmp_path, threads=1).predict([context_of_unit(u) for u in units])
    temperature = np.array([[2.0 if u["lang"] == "en" else 0.5] for u in units])
    np.testing.assert_allclose(found.probabilities, softmax(labels / temperature), atol=1e-5)
    assert found.acts.tolist() == acts.argmax(1).tolist()
    np.testing.assert_allclose(found.act_probabilities, softmax(acts).max(1), atol=1e-5)


def test_padding_changes_no_logit(tiny_training):
    network = load_trained(tiny_training.out)
    rows = list(make_dataset(read_units(tiny_training.dev), encoder_of(tiny_training)))
    together = network_logits(network, collate(rows))[0]
    alone = np.concatenate([network_logits(network, collate([row]))[0] for row in rows])
    assert len({len(row["input_ids"]) for row in rows}) > 1
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_reply_without_context_is_pooled_without_dividing_by_nothing():
    class Embedding(torch.nn.Module):
        config = type("Config", (), {"hidden_size": 2, "type_vocab_size": 1})

        def forward(self, input_ids, attention_mask, token_type_ids):
            assert not token_type_ids.any()  # an encoder with one type never sees a second
            return type("Out", (), {"last_hidden_state": torch.stack([input_ids, -input_ids], -1).float()})

    network = EngageNetwork(Embedding()).eval()
    seen = []
    network.label_head.register_forward_hook(lambda _module, inputs, _out: seen.append(inputs[0]))
    network(
        input_ids=torch.tensor([[4, 6, 9, 1], [2, 4, 6, 8]]),
        attention_mask=torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]),
        token_type_ids=torch.tensor([[0, 0, 0, 0], [0, 0, 1, 1]]),
    )
    assert seen[0].tolist() == [[5, -5, 0, 0], [3, -3, 7, -7]]  # mean of the reply, mean of the context


def test_soft_labels_are_the_targets_and_the_hard_label_is_what_is_scored(tiny_training):
    units = [
        {**tiny.units(1, "s", threads=1)[0], "soft": {"M": 0.5, "S": 0.5}, "label": "S", "act": None},
        {**tiny.units(1, "s", threads=1)[1]},
    ]
    batch = collate(list(make_dataset(units, encoder_of(tiny_training))))
    assert batch["soft"].tolist() == [[0.5, 0, 0.5], [0, 1, 0]]
    assert batch["label"].tolist() == [2, 1]
    assert batch["act"].tolist() == [-1, ACTS.index("ques")]


def test_the_loss_is_soft_cross_entropy_plus_that_of_the_known_acts(tiny_training):
    trainer = EngageTrainer.__new__(EngageTrainer)
    trainer.config = replace(tiny_training.config, act_weight=0.25)
    labels, acts = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), torch.zeros(2, 15)
    acts[1, 4] = 3.0

    def loss_of(act):
        targets = {"soft": torch.tensor([[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]), "act": torch.tensor(act)}
        rest = {"label": torch.tensor([2, 1]), "language": torch.tensor([0, 0])}
        return float(trainer.compute_loss(lambda: (labels, acts), {**targets, **rest}))

    log_p = np.log(softmax(labels.numpy().astype(float)))
    by_hand = -(0.5 * log_p[0, 0] + 0.5 * log_p[0, 2] + log_p[1, 1]) / 2
    of_act = -np.log(softmax(acts.numpy().astype(float)))[1, 4]
    assert loss_of([-1, -1]) == pytest.approx(by_hand, rel=1e-5)
    assert loss_of([-1, 4]) == pytest.approx(by_hand + 0.25 * of_act, rel=1e-5)


def test_the_checkpoint_is_chosen_on_the_mean_of_both_languages():
    class Prediction:
        predictions = np.eye(3)[[0, 1, 2, 0, 0, 0]]
        label_ids = (np.array([0, 1, 2, 0, 1, 2]), np.array([0, 0, 0, 1, 1, 1]))

    found = dev_scores(Prediction)
    assert found == {"f1_en": 1.0, "f1_zh": pytest.approx(0.5 / 3), "f1_mean": pytest.approx((1 + 0.5 / 3) / 2)}


def test_an_interrupted_training_ends_with_the_very_same_network(tiny_training, tmp_path, monkeypatch):
    config = replace(tiny_training.config, out=str(tmp_path / "run"))
    tiny.interrupt(config, monkeypatch, at=20)
    half_written = tmp_path / "run" / "checkpoints" / "checkpoint-24"
    half_written.mkdir()
    (half_written / "model.safetensors").write_bytes(b"half")
    record = finetune(config)
    assert [step["step"] for step in record["history"]] == [6, 12, 18, 24, 30, 36, 42, 48]
    through, resumed = weights_of(tiny_training.out), weights_of(tmp_path / "run")
    assert set(through) == set(resumed)
    for name, values in through.items():
        np.testing.assert_allclose(resumed[name], values, atol=1e-6, err_msg=name)


def orders(config, monkeypatch, at=None):
    """The units of each pass, in order, of a training that was broken off at a step or not at all; and its weights."""
    seen = []

    def noted(rows):
        if len(rows) == config.batch_size:  # dev is one batch of 24
            seen.append([row["input_ids"] for row in rows])
        return collate(rows)

    if at is not None:
        tiny.interrupt(config, monkeypatch, at=at)
    with monkeypatch.context() as patch:
        patch.setattr("nlp_engage.train.finetune.collate", noted)
        finetune(config)
    return seen, weights_of(Path(config.out))


@pytest.mark.parametrize("at", [4, 10, 16], ids=["epoch 1", "epoch 2", "epoch 3"])
def test_a_training_broken_off_within_any_epoch_goes_on_in_the_order_of_that_epoch(
    tiny_training, tmp_path, monkeypatch, at
):
    """Evaluations, and so checkpoints, after steps 3, 6, ...: it goes on from step 3, 9 or 15, in the midst."""
    config = replace(tiny_training.config, epochs=3, evaluations=2)
    through, weights = orders(replace(config, out=str(tmp_path / "through")), monkeypatch)
    resumed, again = orders(replace(config, out=str(tmp_path / "broken")), monkeypatch, at=at)
    assert resumed == through[-len(resumed) :]
    for name, values in weights.items():
        np.testing.assert_allclose(again[name], values, atol=1e-6, err_msg=name)


def test_early_stopping_counts_on_after_an_interruption(tiny_training, tmp_path, monkeypatch):
    """Nothing is learned, so the first score stays the best: with patience 2 the third evaluation is the last."""
    still = replace(
        tiny_training.config, learning_rate=0.0, head_learning_rate=0.0, patience=2, out=str(tmp_path / "run")
    )
    tiny.interrupt(still, monkeypatch, at=14)  # two evaluations, one of them without gain
    assert [step["step"] for step in finetune(still)["history"]] == [6, 12, 18]


@pytest.mark.parametrize("steps", [8, 12], ids=["on the way", "at its end"])
def test_a_run_that_is_moved_still_ends_with_its_best_network(tiny_training, tmp_path, monkeypatch, steps):
    """The first evaluation is the best; at the end the trainer looks for its checkpoint where it was."""
    falling = iter(np.linspace(1, 0, 50))
    monkeypatch.setattr("nlp_engage.train.finetune.dev_scores", lambda _: {"f1_mean": float(next(falling))})
    config = replace(tiny_training.config, epochs=2, out=str(tmp_path / "old" / "run"))
    if steps == 8:
        tiny.interrupt(config, monkeypatch, at=steps)
    else:
        finetune(config)
        for name in ("training.json", "network.safetensors"):  # killed after the last step
            (tmp_path / "old" / "run" / name).unlink()
    (tmp_path / "old").rename(tmp_path / "new")
    run = tmp_path / "new" / "run"
    finetune(replace(config, out=str(run)))
    best, kept = load_file(run / "checkpoints" / "checkpoint-6" / "model.safetensors"), weights_of(run)
    for name, values in best.items():
        np.testing.assert_array_equal(kept[name], values, err_msg=name)


def test_accumulated_passes_make_one_step(tiny_training, tmp_path):
    told = []
    halves = replace(tiny_training.config, batch_size=6, accumulate=2, epochs=1, out=str(tmp_path / "run"))
    finetune(halves, tell=lambda *news: told.append(news))
    assert [(step, steps) for step, steps, scores in told if not scores] == [(n, 6) for n in range(7)]
    assert {"eval_f1_mean", "eval_f1_en", "eval_f1_zh"} <= set(next(scores for *_, scores in told if scores))


def test_of_several_gpus_one_is_used_so_that_a_step_is_what_the_settings_say(tiny_training, tmp_path, monkeypatch):
    begin = TrainingArguments.__post_init__

    def on_two(self):
        begin(self)
        self._n_gpu = 2

    monkeypatch.setattr(TrainingArguments, "__post_init__", on_two)
    told = []
    once = replace(tiny_training.config, epochs=1, out=str(tmp_path / "run"))
    record = finetune(once, tell=lambda step, steps, _: told.append((step, steps)))
    assert told[-1] == (6, 6)  # 72 units in batches of 12
    assert [h["step"] for h in record["history"]] == [6]


def test_any_encoder_of_the_family_can_be_the_base_with_its_whole_vocabulary(tiny_training, tmp_path):
    config = replace(tiny_training.config, base=str(tiny_training.hub), epochs=1, out=str(tmp_path / "run"))
    record = finetune(config)
    made = record["base"]
    assert made["base"] == "hub"
    assert made["vocabulary"] == made["vocabulary_before"] + 5  # the role tokens
    assert finetune(config)["history"] == record["history"]  # resumes on the base it made


def test_another_base_of_the_same_name_is_noticed(tiny_training, tmp_path):
    one, two = tmp_path / "1" / "hub", tmp_path / "2" / "hub"
    for folder in (one, two):
        shutil.copytree(tiny_training.hub, folder)
    config = replace(tiny_training.config, base=str(one), epochs=1, out=str(tmp_path / "run"))
    record = finetune(config)
    renamed = shutil.copytree(one, tmp_path / "renamed")
    assert finetune(replace(config, base=str(renamed))) == record  # the same files are the same base
    encoder = AutoModel.from_pretrained(two, add_pooling_layer=False)
    encoder.embeddings.LayerNorm.bias.data += 1
    encoder.save_pretrained(two)
    with pytest.raises(RunError, match=r"started with other settings: .*base has changed"):
        finetune(replace(config, base=str(two)))
    assert finetune(config) == record


@pytest.mark.parametrize("bits", [torch.float16, torch.bfloat16])
def test_a_base_stored_in_16_bits_is_trained_in_32(tiny_training, tmp_path, bits):
    half, base = tmp_path / "half", tmp_path / "base"
    shutil.copytree(tiny_training.hub, half)
    AutoModel.from_pretrained(half, add_pooling_layer=False).to(bits).save_pretrained(half)
    shutil.copytree(tiny_training.base, base)
    AutoModel.from_pretrained(base, add_pooling_layer=False).to(bits).save_pretrained(base)
    for name, folder in {"adopted": half, "made before": base}.items():
        out = tmp_path / name
        finetune(replace(tiny_training.config, base=str(folder), epochs=1, out=str(out)))
        assert {str(values.dtype) for values in weights_of(out).values()} == {"float32"}
        assert json.loads((out / "encoder.json").read_text())["dtype"] == "float32"
    assert json.loads((tmp_path / "adopted" / "base" / "config.json").read_text())["dtype"] == "float32"


def test_a_base_that_is_nowhere_is_refused_before_anything_is_written(tiny_training, tmp_path):
    with pytest.raises(ModelError, match=r"cannot be used.*Give an existing folder, or the hub id"):
        finetune(replace(tiny_training.config, base=str(tmp_path / "none"), out=str(tmp_path / "run")))
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_on_a_gpu_precision_is_mixed_unless_that_is_turned_off(tiny_training, monkeypatch):
    """In bfloat16 if the GPU computes in it; one that emulates it (a T4) is faster in float16. ``bf16`` is for CPUs."""
    config = tiny_training.config
    assert _precision(config) == {"bf16": False, "fp16": False}
    assert _precision(replace(config, bf16=True)) == {"bf16": True, "fp16": False}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert _precision(replace(config, bf16=True)) == _precision(config) == {"bf16": False, "fp16": True}
    assert _precision(replace(config, mixed=False, bf16=True)) == {"bf16": False, "fp16": False}
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: True)
    assert _precision(config) == {"bf16": True, "fp16": False}


def test_one_verb_leads_from_one_file_of_labels_to_a_model_that_labels(tiny_training, tmp_path):
    labels = tiny.write_units(tmp_path / "labels.jsonl", tiny.units(12, "u", threads=12))
    out = tmp_path / "run2"
    flags = {
        "base": tiny_training.base,
        "train": labels,
        "out": out,
        "dev-share": 0.3,
        "epochs": 8,
        "batch-size": 12,
        "learning-rate": 5e-3,
        "head-learning-rate": 1e-2,
    }
    arguments = [str(part) for name, value in flags.items() for part in (f"--{name}", value)]
    done = CliRunner().invoke(train_verb, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["eval_f1_mean"] > 0.9
    assert "step 4:" in done.stderr
    assert "f1_mean" in done.stderr
    model = out / "run2"
    assert {p.name for p in model.iterdir()} == {
        *("config.json", "model.onnx", "tokenizer.json", "training.json", "scores.json", "README.md")
    }
    assert OnnxLabeller.load(model).predict([context_of_unit(u) for u in tiny.units(1, "x", 1)]).acts.shape == (6,)
    # the verb `export` finds the units that were set aside by itself
    again = tmp_path / "run2-again"
    done = CliRunner().invoke(export_verb, [str(out), "-o", str(again), "--train", str(labels)], catch_exceptions=False)
    assert done.exit_code == 0
    scores = [json.loads((folder / "scores.json").read_text("utf-8")) for folder in (model, again)]
    assert scores[0]["run2"] == scores[1]["run2-again"]


@pytest.mark.parametrize(("shared", "left"), [("drop_from_train", (0, 1)), ("drop_from_dev", (1, 0)), (None, (1, 1))])
def test_an_export_leaves_shared_threads_out_where_the_training_did(tiny_training, tmp_path, monkeypatch, shared, left):
    trained = tmp_path / "run"
    shutil.copytree(tiny_training.out, trained, ignore=shutil.ignore_patterns("checkpoints"))
    record = json.loads((trained / "training.json").read_text())
    record["config"] |= {"shared_threads": shared} if shared else {}
    (trained / "training.json").write_text(json.dumps(record))
    both = {"thread": "in-both"}
    sides = [
        [*read_units(path), {**tiny.units(1, f"x-{name}", 1)[0], **both}]
        for name, path in (("train", tiny_training.train), ("dev", tiny_training.dev))
    ]
    files = [tiny.write_units(tmp_path / f"{k}.jsonl", units) for k, units in enumerate(sides)]
    seen = []

    def exported(_trained, _folder, *units, **_):
        seen.extend(sum(u["thread"] == "in-both" for u in side) for side in units)
        return {}

    monkeypatch.setattr("nlp_engage.modelling.export_model", exported)
    monkeypatch.setattr("nlp_engage.train.tables.score_table", lambda _: "")
    arguments = [trained, "-o", tmp_path / "m", "--train", files[0], "--dev", files[1]]
    CliRunner().invoke(export_verb, [str(a) for a in arguments], catch_exceptions=False)
    assert tuple(seen) == left


def exported(training, folder, train, dev=None):
    arguments = [training.out, "-o", folder, "--train", train, *(("--dev", dev) if dev else ())]
    return CliRunner().invoke(main, ["export", *(str(a) for a in arguments)])


def test_files_on_the_wrong_side_of_an_export_are_refused_by_what_is_in_them(tiny_training, tmp_path):
    train, dev = tmp_path / "a.jsonl", tmp_path / "b.jsonl"  # the names say nothing
    shutil.copy(tiny_training.train, train)
    shutil.copy(tiny_training.dev, dev)
    other = tiny.write_units(tmp_path / "other.jsonl", tiny.units(4, "o", threads=8))
    for files, words in {
        (other, train): f"--dev {train} is a file that this network was trained on",
        (dev, train): f"--dev {train} is a file that this network was trained on",
        (dev, other): f"--train {dev} is the dev file of this training",
        (dev, None): f"--train {dev} is the dev file of this training",
    }.items():
        done = exported(tiny_training, tmp_path / "m", *files)
        assert (done.exit_code, words in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "m").exists()


def test_units_set_aside_of_one_file_may_be_in_it_and_the_teachers_are_no_dev(tiny_training, tmp_path):
    one = {"data": dict.fromkeys(("train", "dev"), tiny_training.record["data"]["train"])}
    check_files(one, tiny_training.train, None)
    with pytest.raises(DataError, match="leave --dev out where training set some aside"):
        check_files(one, tiny_training.dev, tiny_training.train)
    taught = tiny_training.record | {"inputs": {"teacher_units": tiny_training.record["data"]["dev"]["sha256"]}}
    with pytest.raises(DataError, match="is a file that this network was trained on"):
        check_files(taught, tiny_training.train, tiny_training.dev)


def test_scores_and_card_say_which_files_were_scored(tiny_training, tiny_model, tmp_path):
    card = (tiny_model / "README.md").read_text("utf-8")
    digest = hashlib.sha256(tiny_training.dev.read_bytes()).hexdigest()
    assert f"On 24 labelled replies of `dev.jsonl` (file hash {digest[:16]}...). The floors learned from 72 " in card
    wide = tiny.write_units(tmp_path / "wide.jsonl", read_units(tiny_training.dev) + tiny.units(2, "w", threads=4))
    done = exported(tiny_training, tmp_path / "m", tiny_training.train, wide)
    assert done.exit_code == 0, done.stderr
    digest = hashlib.sha256(wide.read_bytes()).hexdigest()
    data = json.loads((tmp_path / "m" / "scores.json").read_text("utf-8"))["m"]["data"]
    assert (data["dev"]["file"], data["dev"]["units"], data["dev"]["sha256"]) == ("wide.jsonl", 36, digest)
    told = f"`wide.jsonl` (file hash {digest[:16]}...; another file than the checkpoint was chosen on)"
    assert told in (tmp_path / "m" / "README.md").read_text("utf-8")


def test_the_network_scores_itself_as_on_dev_and_close_to_its_int8_file(tiny_training, tiny_model):
    """Tolerance of the int8 file: no probability further off than 0.03, on this toy; float32 agrees to 1e-5 above."""
    units = read_units(tiny_training.dev)
    network = evaluate_any(tiny_training.out, units)
    assert np.mean([s["macro_f1"] for s in network.scores["per_language"].values()]) == pytest.approx(
        tiny_training.record["dev"]["eval_f1_mean"]
    )
    stored = read_predictions(tiny_training.out / PREDICTIONS)
    np.testing.assert_allclose([stored[u["uid"]] for u in units], network.probabilities, atol=1e-6)
    int8 = OnnxLabeller.load(tiny_model)
    warmth = np.array([[int8.config.temperature[u["lang"]]] for u in units])
    raw = softmax(np.log(int8.predict([context_of_unit(u) for u in units]).probabilities) * warmth)
    np.testing.assert_allclose(raw, network.probabilities, atol=0.03)


def test_folds_score_every_unit_once_by_a_network_that_never_saw_its_thread(tiny_training, tmp_path):
    labels = tiny.write_units(tmp_path / "labels.jsonl", tiny.units(6, "u", threads=6))
    config = replace(tiny_training.config, train=str(labels), dev="", folds=2, epochs=2, out=str(tmp_path / "cv"))
    scores = cross_validate(config)
    assert (scores["n"], len(scores["f1_of_folds"])) == (36, 2)
    held = [set(read_predictions(tmp_path / "cv" / f"fold-{n}" / PREDICTIONS)) for n in (1, 2)]
    threads = [{u["thread"] for u in tiny.units(6, "u", threads=6) if u["uid"] in side} for side in held]
    assert not threads[0] & threads[1]
    assert len(held[0] | held[1]) == 36


def test_checkpoints_of_other_settings_are_never_gone_on_from(tiny_training):
    with pytest.raises(
        RunError, match=r"was started with other settings: learning_rate was 0.005, is 0.0001 .*Set out to a new folder"
    ):
        finetune(replace(tiny_training.config, learning_rate=1e-4))


def test_a_base_folder_that_lacks_a_file_is_refused_before_anything_is_trained(tiny_training, tmp_path):
    shutil.copytree(tiny_training.base, tmp_path / "base")
    (tmp_path / "base" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"no base folder: \['tokenizer.json'\] missing.*nlp-engage base"):
        finetune(replace(tiny_training.config, base=str(tmp_path / "base"), out=str(tmp_path / "out")))


def test_the_model_folder_holds_what_the_runtime_and_a_reader_need(tiny_training, tiny_model):
    files = {path.name for path in tiny_model.iterdir()}
    assert files == {"config.json", "model.onnx", "tokenizer.json", "training.json", "scores.json", "README.md"}
    scores = json.loads((tiny_model / "scores.json").read_text("utf-8"))
    assert list(scores) == ["tiny-v1", "TF-IDF + logistic regression", "majority label"]
    assert scores["majority label"]["macro_f1"] == pytest.approx(0.5 / 3)
    card = (tiny_model / "README.md").read_text("utf-8")
    assert "2 layers, 32 wide" in card
    assert "72 labelled replies" in card
    assert "was not stated when this model was exported" in card
    assert f"| majority label | {0.5 / 3:.3f} [" in card


def test_finished_training_is_not_repeated_by_the_verb(tiny_training, tmp_path):
    settings = {k: getattr(tiny_training.config, k) for k in ("base", "train", "dev", "out")}
    settings |= {"epochs": 8, "evaluations": 1, "batch_size": 12, "learning_rate": 5e-3, "head_learning_rate": 1e-2}
    path = tmp_path / "train.toml"
    path.write_text("".join(f"{k} = {json.dumps(v)}\n" for k, v in settings.items()))
    before = weights_of(tiny_training.out)
    done = CliRunner().invoke(train_verb, [str(path), "--no-export"], catch_exceptions=False)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["eval_f1_mean"] == tiny_training.record["dev"]["eval_f1_mean"]
    for name, values in weights_of(tiny_training.out).items():
        np.testing.assert_array_equal(values, before[name])


def test_the_verb_evaluate_prints_the_contract(tiny_training, tiny_model):
    arguments = ["--model", str(tiny_model), "--data", str(tiny_training.dev)]
    found = json.loads(CliRunner().invoke(evaluate_verb, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert {"macro_f1", "per_label", "per_language", "ece", "alpha", "n"} <= set(found)
    for score in ("macro_f1", "ece", "alpha", "accuracy"):
        assert found[f"{score}_low"] <= found[score] <= found[f"{score}_high"]
    table = CliRunner().invoke(evaluate_verb, arguments, catch_exceptions=False).stdout
    assert "| tiny-v1 |" in table


def test_the_verb_evaluate_works_for_one_language_alone(tiny_training, tiny_model, tmp_path):
    english = [u for u in read_units(tiny_training.dev) if u["lang"] == "en"]
    path = tiny.write_units(tmp_path / "en.jsonl", english)
    done = CliRunner().invoke(evaluate_verb, ["--model", str(tiny_model), "--data", str(path)], catch_exceptions=False)
    assert done.exit_code == 0
    row = next(line for line in done.stdout.splitlines() if line.startswith("| tiny-v1 |"))
    assert row.count("–") == 2


def test_the_verb_base_makes_a_base_from_an_archive(tiny_training, tmp_path):
    archive = tmp_path / "archive.jsonl"
    archive.write_text(
        '{"id": "p", "thread_id": "p", "parent_id": null, "author": "shop", "text": "New cups"}\n'
        '{"id": "a", "thread_id": "p", "parent_id": "p", "author": "ann", "text": "which size"}\n'
    )
    arguments = ["-o", str(tmp_path / "base"), "--base", str(tiny_training.hub), "--texts", str(archive), "--keep", "9"]
    done = CliRunner().invoke(base_verb, arguments, catch_exceptions=False)
    record = json.loads(done.stdout[done.stdout.index("{") :])
    assert record["vocabulary"] < record["vocabulary_before"]
    assert Tokenizer.from_file(str(tmp_path / "base" / "tokenizer.json")).token_to_id("▁which") is not None
