"""Fine-tuning with the transformers ``Trainer``: soft label targets, act loss beside it, best on dev kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch.nn import functional
from transformers import Trainer, TrainingArguments, set_seed

from nlp_engage.context import context_of_unit, labels_of_unit
from nlp_engage.encoding import PAD_ID, PairEncoder
from nlp_engage.errors import ModelError, RunError
from nlp_engage.scores import macro_f1
from nlp_engage.train.ablation import keep_layers, thin_context
from nlp_engage.train.config import TrainConfig
from nlp_engage.train.data import part_threads, read_units
from nlp_engage.train.model import load_network, load_trained
from nlp_engage.types import LABEL_CODES, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datasets import Dataset
    from torch import Tensor

    from nlp_engage.train.model import EngageNetwork
    from nlp_engage.types import FloatArray

_STARTED: Final = "started.json"
_PATHS: Final = ("base", "train", "dev", "out", "teacher_units", "start")
_TRAINER_STATE: Final = "trainer_state.json"
"""The file a checkpoint is finished with."""


def make_dataset(
    units: Sequence[Mapping[str, Any]], encoder: PairEncoder, view: str = "full", *, roles: bool = True
) -> Dataset:
    """Encode units: columns ``input_ids, token_type_ids, length, soft, label, act, language``.

    Args:
        units: Labelled units.
        encoder: Applies the template.
        view: What is shown of the conversation (``ablation.thin_context``).
        roles: Whether it is shown who speaks.
    """
    from datasets import Dataset

    encoded = encoder.encode([thin_context(context_of_unit(u), view, roles=roles) for u in units])
    rows = {
        "input_ids": [e.ids for e in encoded],
        "token_type_ids": [e.segments for e in encoded],
        "length": [len(e.ids) for e in encoded],
        "soft": [_soft(u) for u in units],
        "label": [labels_of_unit(u)[0] for u in units],
        "act": [labels_of_unit(u)[1] for u in units],
        "language": [LANGUAGES.index(u["lang"]) for u in units],
    }
    return Dataset.from_dict(rows)


_TARGETS: Final = ("soft", "label", "act", "language")


def _soft(unit: Mapping[str, Any]) -> list[float]:
    shares = unit.get("soft") or {unit["label"]: 1.0}
    return [float(shares.get(code, 0.0)) for code in LABEL_CODES]


def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Pad a batch to its longest pair."""
    longest = max(len(r["input_ids"]) for r in rows)

    def pad(key: str, value: int) -> Tensor:
        return torch.tensor([r[key] + [value] * (longest - len(r[key])) for r in rows])

    ids = pad("input_ids", PAD_ID)
    return {
        "input_ids": ids,
        "attention_mask": (ids != PAD_ID).long(),
        "token_type_ids": pad("token_type_ids", 0),
        **{key: torch.tensor([r[key] for r in rows]) for key in _TARGETS},
    }


class EngageTrainer(Trainer):  # type: ignore[misc]  # transformers is untyped for us
    """The ``Trainer`` with this task's loss and learning rates."""

    config: TrainConfig
    label_weights: Tensor | None = None

    def _label_loss(self, logits: Tensor, soft: Tensor) -> Tensor:
        """Cross-entropy against the soft label, plain unless the settings weight labels or hard units.

        Source of the focal weight: Lin et al. 2017, Focal Loss for Dense Object Detection, ICCV, eq. 4, summed
        over the shares of the soft label.
        """
        if not self.config.focal and self.label_weights is None:
            return functional.cross_entropy(logits, soft)
        log_p = functional.log_softmax(logits, dim=-1)
        weights = soft if self.label_weights is None else soft * self.label_weights.to(soft.device)
        return -(weights * (1 - log_p.exp()) ** self.config.focal * log_p).sum(1).mean()

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **_: Any) -> Any:
        """Soft-target cross-entropy of the label, plus that of the act where one is given."""
        targets = {key: inputs.pop(key) for key in _TARGETS}
        labels, acts = model(**inputs)
        loss = self._label_loss(labels.float(), targets["soft"])
        if bool((targets["act"] >= 0).any()):
            loss = loss + self.config.act_weight * functional.cross_entropy(
                acts.float(), targets["act"], ignore_index=-1
            )
        return (loss, (labels, acts)) if return_outputs else loss

    def prediction_step(self, model: Any, inputs: dict[str, Any], *_: Any, **__: Any) -> Any:
        """Return logits and targets for ``dev_scores``."""
        targets = (inputs["label"].clone(), inputs["language"].clone())
        with torch.no_grad(), self.compute_loss_context_manager():
            loss, (labels, _acts) = self.compute_loss(model, dict(inputs), return_outputs=True)
        return loss.detach(), labels.float().detach(), targets

    def create_optimizer(self, *_: Any, **__: Any) -> Any:
        """AdamW with three rates: heads, encoder, embeddings; no decay on biases and norms."""
        groups: dict[tuple[float, float], list[Any]] = {}
        for name, parameter in self.model.named_parameters():
            rate = self.config.learning_rate
            if "head" in name:
                rate = self.config.head_learning_rate
            elif "embeddings" in name:
                rate = self.config.learning_rate / 2
            decay = 0.0 if parameter.ndim < 2 else self.config.weight_decay
            groups.setdefault((rate, decay), []).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [{"params": p, "lr": rate, "weight_decay": decay} for (rate, decay), p in groups.items()]
        )
        return self.optimizer


def dev_scores(prediction: Any) -> dict[str, float]:
    """Macro-F1 per language and their mean, which chooses the checkpoint."""
    logits: FloatArray = prediction.predictions
    truth, language = prediction.label_ids
    guess = np.asarray(logits).argmax(1)
    scores = {name: macro_f1(truth[language == i], guess[language == i]) for i, name in enumerate(LANGUAGES)}
    return {**{f"f1_{k}": v for k, v in scores.items()}, "f1_mean": float(np.mean(list(scores.values())))}


def _arguments(config: TrainConfig, steps: int) -> TrainingArguments:
    every = max(1, steps // (config.epochs * config.evaluations))
    return TrainingArguments(
        output_dir=str(Path(config.out) / "checkpoints"),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=64,
        learning_rate=config.learning_rate,
        warmup_steps=int(config.warmup * steps),
        lr_scheduler_type="linear",
        eval_strategy="steps",
        eval_steps=every,
        save_steps=every,
        logging_steps=50,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="f1_mean",
        greater_is_better=True,
        train_sampling_strategy="group_by_length",
        length_column_name="length",
        remove_unused_columns=False,
        label_names=["label", "language"],
        bf16=config.bf16,
        seed=config.seed,
        report_to=[],
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def finetune(config: TrainConfig) -> dict[str, Any]:
    """Fine-tune and keep the checkpoint with the best mean of both languages; resume what was interrupted.

    Writes ``network.safetensors``, ``encoder.json``, ``tokenizer.json``, ``training.json`` to ``config.out``.

    Returns:
        The training record (also written as ``training.json``): configuration, data hashes, versions, scores.

    Raises:
        DataError: The data cannot be trained on (see ``part_threads``).
        ModelError: The base folder is not one that ``prepare_base`` wrote.
        RunError: ``config.out`` holds checkpoints of other settings or other data.
    """
    from safetensors.torch import save_file
    from tokenizers import Tokenizer

    set_seed(config.seed)
    train, dev = read_units(Path(config.train)), read_units(Path(config.dev))
    train, dev = part_threads(train, dev, config.shared_threads)
    if config.teacher_units:
        taught, _ = part_threads(read_units(Path(config.teacher_units)), dev, "drop_from_train")
        train = [*train * config.repeat, *taught]
    base, out = Path(config.base), Path(config.out)
    record = _start_record(config, train, dev)
    checkpoint = _checkpoint_to_resume(out, record)
    encoder = PairEncoder(Tokenizer.from_file(str(base / "tokenizer.json")))
    trainer = EngageTrainer(
        model=_starting_network(config),
        args=_arguments(config, steps=-(-len(train) // config.batch_size) * config.epochs),
        data_collator=collate,
        train_dataset=make_dataset(train, encoder, config.context, roles=config.roles),
        eval_dataset=make_dataset(dev, encoder, config.context, roles=config.roles),
        compute_metrics=dev_scores,
    )
    trainer.config = config
    trainer.label_weights = _label_weights(config, train)
    trainer.train(resume_from_checkpoint=checkpoint)
    save_file({k: v.contiguous() for k, v in trainer.model.state_dict().items()}, out / "network.safetensors")
    (out / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
    trainer.model.encoder.config.to_json_file(out / "encoder.json")
    record["history"] = [h for h in trainer.state.log_history if "eval_f1_mean" in h]
    record["dev"] = trainer.evaluate()
    (out / "training.json").write_text(json.dumps(record, indent=1), "utf-8")
    return record


def _starting_network(config: TrainConfig) -> EngageNetwork:
    """The base with fresh heads, or a finished network, with as many layers as the settings say."""
    network = load_trained(Path(config.start)) if config.start else load_network(Path(config.base))
    if config.layers:
        keep_layers(network.encoder, config.layers)
    return network


def _check_start(start: Path, base: Path) -> None:
    tokenizer = "tokenizer.json"
    if missing := [n for n in ("network.safetensors", "encoder.json", tokenizer) if not (start / n).is_file()]:
        raise ModelError(f"start: {start} is no folder of a finished training: {missing} missing")
    if (start / tokenizer).read_bytes() != (base / tokenizer).read_bytes():
        raise ModelError(f"start: {start} has another tokenizer than base {base}; start on its own base")


def _label_weights(config: TrainConfig, units: Sequence[Mapping[str, Any]]) -> Tensor | None:
    if config.class_weights == "none":
        return None
    counts = np.bincount([labels_of_unit(u)[0] for u in units], minlength=len(LABEL_CODES))
    return torch.tensor(len(units) / (len(counts) * counts), dtype=torch.float32)


def _start_record(
    config: TrainConfig, train: Sequence[Mapping[str, Any]], dev: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What is known before the first step: settings, base, data, versions."""
    import transformers

    base = Path(config.base)
    if missing := [n for n in ("base.json", "config.json", "tokenizer.json") if not (base / n).is_file()]:
        raise ModelError(f"{base} is no base folder: {missing} missing. Make one with `nlp-engage base -o {base}`")
    if config.start:
        _check_start(Path(config.start), base)
    sides = (("train", config.train, train), ("dev", config.dev, dev))
    return {
        "config": {
            **asdict(config),
            **{k: Path(getattr(config, k)).name for k in _PATHS},
        },
        "base": json.loads((base / "base.json").read_text("utf-8")),
        **({"start": _sha256(Path(config.start) / "network.safetensors")} if config.start else {}),
        "data": {name: _describe(Path(path), units) for name, path, units in sides},
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }


def _checkpoint_to_resume(out: Path, record: Mapping[str, Any]) -> str | None:
    """The last whole checkpoint; one that was being written when the machine stopped is passed over."""
    started = out / _STARTED
    if started.exists():
        before = json.loads(started.read_text("utf-8"))
        defaults = {f.name: f.default for f in fields(TrainConfig) if f.default is not MISSING}
        before["config"] = {**defaults, **before["config"]}  # settings that came after it was started
        if changed := [k for k in ("config", "base", "start", "data") if before.get(k) != record.get(k)]:
            raise RunError(
                f"{out} was started with other settings: {', '.join(changed)} changed ({started} has the old "
                "ones). Set out to a new folder, or delete this one."
            )
    else:
        out.mkdir(parents=True, exist_ok=True)
        started.write_text(json.dumps(record, indent=1), "utf-8")
    whole = [p.parent for p in (out / "checkpoints").glob(f"checkpoint-*/{_TRAINER_STATE}")]
    return str(max(whole, key=lambda p: int(p.name.split("-")[1]))) if whole else None


def _describe(path: Path, units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = {
        f"{lang}/{code}": sum(u["lang"] == lang and u["label"] == code for u in units)
        for lang in LANGUAGES
        for code in LABEL_CODES
    }
    taught = sum("teacher" in u for u in units)
    return {
        "units": len(units),
        "of_teacher": taught,
        "counts": counts,
        "sha256": _sha256(path),
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
