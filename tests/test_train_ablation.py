"""Networks that see less, or are smaller: what is taken away is what the settings say, and it is on record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from nlp_engage.context import context_of_unit
from nlp_engage.encoding import PairEncoder
from nlp_engage.errors import DataError, ModelError
from nlp_engage.train.ablation import keep_layers, thin_context
from nlp_engage.train.config import TrainConfig
from nlp_engage.train.export import export_folder
from nlp_engage.train.finetune import EngageTrainer, finetune, make_dataset
from nlp_engage.train.model import load_network, load_trained
from nlp_engage.types import Role

UNIT = {
    **tiny.units(1, "u", threads=1)[0],
    "above": [["A", "oldest"], ["B(page owner)", "middle"], ["C", "nearest"]],
    "by": "A",
}


@pytest.mark.parametrize(
    ("view", "texts"),
    [
        ("full", ["nearest", "middle", "oldest", "New cups"]),
        ("reply", []),
        ("parent", ["nearest"]),
        ("post", ["New cups"]),
    ],
)
def test_a_view_leaves_what_it_says(view, texts):
    context = context_of_unit(UNIT)
    thin = thin_context(context, view)
    assert [text for _, text in thin.turns] == texts
    assert (thin.reply, thin.language) == (context.reply, context.language)


def test_the_parent_of_a_reply_to_the_post_is_the_post():
    context = context_of_unit({**UNIT, "above": []})
    assert thin_context(context, "parent") == thin_context(context, "post") == context


def test_without_roles_nobody_is_told_apart_but_post_and_gap_are():
    owner = {**UNIT, "by": "A(page owner)", "above": [["A(page owner)", "x"], ["B(page owner)", "y"], ["C", ""]]}
    thin = thin_context(context_of_unit(owner), roles=False)
    assert [role for role, _ in thin.turns] == [Role.GONE, Role.OTHER, Role.OTHER, Role.POST]
    assert not thin.by_owner


def test_training_and_dev_rows_are_made_of_the_thin_context(tiny_training):
    encoder = PairEncoder(Tokenizer.from_file(str(tiny_training.base / "tokenizer.json")))
    full, alone = (make_dataset([UNIT], encoder, view)[0] for view in ("full", "reply"))
    reply = full["token_type_ids"].count(0)
    assert alone["input_ids"] == [*full["input_ids"][:reply], full["input_ids"][-1]]


def test_an_ablation_is_on_record_sees_the_thin_context_and_is_not_exported(tiny_training, tmp_path, monkeypatch):
    from nlp_engage.train import finetune as module

    seen = []
    real = module.make_dataset
    monkeypatch.setattr(
        module, "make_dataset", lambda units, encoder, view, *, roles: (
            seen.append((view, roles)) or real(units, encoder, view, roles=roles)
        )
    )  # fmt: skip
    short = replace(tiny_training.config, epochs=1, out=str(tmp_path / "run"))
    record = finetune(replace(short, context="parent", roles=False))
    assert seen == [("parent", False)] * 2
    assert (record["config"]["context"], record["config"]["roles"]) == ("parent", False)
    with pytest.raises(ModelError, match=r"was trained with context = 'parent', roles = false: an ablation"):
        export_folder(tmp_path / "run", tmp_path / "model", {}, [])
    assert not (tmp_path / "model").exists()


def test_kept_layers_are_evenly_spaced_first_and_last_among_them():
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=9, hidden_size=4, num_hidden_layers=7, num_attention_heads=1, intermediate_size=4, pad_token_id=1
    )
    encoder = BertModel(config, add_pooling_layer=False)
    before = list(encoder.encoder.layer)
    keep_layers(encoder, 3)
    assert [before.index(layer) for layer in encoder.encoder.layer] == [0, 3, 6]
    assert encoder(input_ids=torch.tensor([[2, 3]])).last_hidden_state.shape == (1, 2, 4)
    with pytest.raises(ModelError, match="layers is 4, but the base has 3: set layers from 1 to 3"):
        keep_layers(encoder, 4)


def test_a_network_with_fewer_layers_is_trained_stored_and_loaded(tiny_training, tmp_path):
    finetune(replace(tiny_training.config, epochs=1, layers=1, out=str(tmp_path / "run")))
    network = load_trained(tmp_path / "run")
    assert len(network.encoder.encoder.layer) == network.encoder.config.num_hidden_layers == 1


def test_a_warm_start_begins_with_the_weights_of_the_finished_network(tiny_training, tmp_path):
    warm = replace(
        tiny_training.config,
        start=str(tiny_training.out),
        epochs=1,
        learning_rate=0.0,
        head_learning_rate=0.0,
        out=str(tmp_path / "run"),
    )
    record = finetune(warm)
    assert record["dev"]["eval_f1_mean"] == tiny_training.record["dev"]["eval_f1_mean"]
    assert record["config"]["start"] == "run"
    assert len(record["start"]) == 64
    old, new = (load_trained(folder).state_dict() for folder in (tiny_training.out, tmp_path / "run"))
    assert all(torch.equal(old[name], new[name]) for name in old)
    fresh = load_network(tiny_training.base).state_dict()
    assert not torch.equal(old["label_head.weight"], fresh["label_head.weight"])


def test_a_blend_is_the_weighted_mean_of_start_and_training(tiny_training, tmp_path):
    def trained(out, **settings):
        finetune(replace(tiny_training.config, start=str(tiny_training.out), out=str(tmp_path / out), **settings))
        return load_file(tmp_path / out / "network.safetensors")

    before = load_file(tiny_training.out / "network.safetensors")
    whole, mixed = trained("whole", epochs=1), trained("mixed", epochs=1, blend=0.25)
    assert any((whole[name] != before[name]).any() for name in before)
    for name in before:
        torch.testing.assert_close(mixed[name], 0.25 * whole[name] + 0.75 * before[name])


@pytest.mark.parametrize("settings", [{"blend": 0.0}, {"blend": 1.1}, {"blend": 0.5}, {"blend": 0.5, "layers": 1}])
def test_a_blend_without_a_whole_start_is_refused(tiny_training, settings):
    start = {"start": str(tiny_training.out)} if "layers" in settings else {}
    with pytest.raises(DataError, match="blend is"):
        replace(tiny_training.config, **settings, **start).check()


def test_a_start_that_is_no_finished_training_or_has_another_tokenizer_is_refused(tiny_training, tmp_path):
    with pytest.raises(ModelError, match=r"start: .* is no folder of a finished training"):
        finetune(replace(tiny_training.config, start=str(tiny_training.base), out=str(tmp_path / "run")))
    other = tmp_path / "other"
    other.mkdir()
    for name in ("network.safetensors", "encoder.json"):
        (other / name).write_bytes((tiny_training.out / name).read_bytes())
    (other / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="has another tokenizer than base"):
        finetune(replace(tiny_training.config, start=str(other), out=str(tmp_path / "run")))


def loss_of(config, weights, logits, soft):
    trainer = EngageTrainer.__new__(EngageTrainer)
    trainer.config, trainer.label_weights = config, weights
    return float(trainer._label_loss(torch.tensor(logits), torch.tensor(soft)))


def test_focal_loss_and_label_weights_by_hand(tiny_training):
    logits = [[0.0, float(np.log(3)), -50.0]]  # p = 1/4, 3/4, 0
    soft = [[0.5, 0.5, 0.0]]
    plain = replace(tiny_training.config, focal=0.0)
    assert loss_of(plain, None, logits, soft) == pytest.approx(0.5 * np.log(4) + 0.5 * np.log(4 / 3), rel=1e-5)
    focal = loss_of(replace(plain, focal=2.0), None, logits, soft)
    assert focal == pytest.approx(0.5 * (3 / 4) ** 2 * np.log(4) + 0.5 * (1 / 4) ** 2 * np.log(4 / 3), rel=1e-5)
    weighted = loss_of(plain, torch.tensor([2.0, 1.0, 1.0]), logits, soft)
    assert weighted == pytest.approx(np.log(4) + 0.5 * np.log(4 / 3), rel=1e-5)


def test_focal_loss_has_a_slope_where_a_label_is_certain():
    """In float32 the first probability is exactly 1."""
    trainer = EngageTrainer.__new__(EngageTrainer)
    trainer.config, trainer.label_weights = TrainConfig(base="b", train="t", out="o", focal=0.5), None
    logits = torch.tensor([[60.0, 0.0, 0.0], [0.0, 0.0, 0.0]], requires_grad=True)
    trainer._label_loss(logits, torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])).backward()
    assert logits.grad is not None
    assert bool(torch.isfinite(logits.grad).all())
    assert float(logits.grad[1, 0]) < 0


def test_balanced_weights_are_those_of_scikit_learn(tiny_training):
    from sklearn.utils.class_weight import compute_class_weight

    from nlp_engage.train.finetune import _label_weights

    units = [{**UNIT, "label": code, "act": None} for code in "MMMMDDS"]
    found = _label_weights(replace(tiny_training.config, class_weights="balanced"), units)
    expected = compute_class_weight("balanced", classes=np.array(list("MDS")), y=[u["label"] for u in units])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    assert _label_weights(tiny_training.config, units) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"context": "everything"}, "context is 'everything', must be one of full, reply, parent, post"),
        ({"class_weights": "auto"}, "class_weights is 'auto'"),
        ({"layers": -1}, "layers is -1, must be from 0"),
    ],
)
def test_settings_out_of_range_are_refused(tiny_training, change, message):
    with pytest.raises(DataError, match=message):
        replace(tiny_training.config, **change).check()
