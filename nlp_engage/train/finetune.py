"""Fine-tuning with the transformers ``Trainer``: soft label targets, an auxiliary act loss, best dev checkpoint kept."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional
from transformers import Trainer, TrainingArguments, set_seed

from nlp_engage.context import context_of_unit, labels_of_unit
from nlp_engage.encoding import PairEncoder
from nlp_engage.errors import DataError
from nlp_engage.scores import macro_f1
from nlp_engage.train.data import check_split, drop_shared_threads, read_units
from nlp_engage.train.model import load_network
from nlp_engage.types import LABEL_CODES, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datasets import Dataset
    from torch import Tensor

    from nlp_engage.types import FloatArray

PAD_ID = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How to train. Read from TOML; saved in the model folder.

    Attributes:
        base: Folder with encoder and ``tokenizer.json`` (``train.base.prepare_base`` writes one).
        train: Labelled units, JSON lines.
        dev: Labelled units the checkpoint is chosen on; no thread may be in both.
        out: Folder for checkpoints and the result.
        epochs: Passes over the training units.
        batch_size: Units per step.
        learning_rate: Peak rate of the encoder; embeddings get half of it.
        head_learning_rate: Peak rate of the two heads.
        act_weight: Weight of the act loss beside the label loss.
        warmup: Share of the steps with rising rate, in [0, 1).
        weight_decay: Decoupled weight decay of the matrices.
        evaluations: Dev evaluations per epoch.
        seed: Seed of everything random.
        bf16: Mixed precision in bfloat16 (a GPU, or a CPU with AVX-512 BF16).
        drop_shared_threads: Leave out training units whose thread is also in dev, instead of refusing.
    """

    base: str
    train: str
    dev: str
    out: str
    epochs: int = 4
    batch_size: int = 16
    learning_rate: float = 5e-5
    head_learning_rate: float = 1e-3
    act_weight: float = 0.4
    warmup: float = 0.1
    weight_decay: float = 0.01
    evaluations: int = 2
    seed: int = 13
    bf16: bool = False
    drop_shared_threads: bool = False

    @classmethod
    def from_toml(cls, path: Path) -> TrainConfig:
        """Read a configuration file.

        Raises:
            DataError: The file holds an unknown setting or lacks a required one.
        """
        values = tomllib.loads(path.read_text("utf-8"))
        known = {f.name for f in fields(cls)}
        if unknown := set(values) - known:
            raise DataError(f"{path}: unknown setting {sorted(unknown)}; known settings: {sorted(known)}")
        try:
            return cls(**values)
        except TypeError as error:
            raise DataError(f"{path}: {error}; base, train, dev and out are required") from None


def make_dataset(units: Sequence[Mapping[str, Any]], encoder: PairEncoder) -> Dataset:
    """Encode units: columns ``input_ids, token_type_ids, length, soft, act, language``."""
    from datasets import Dataset

    encoded = encoder.encode([context_of_unit(u) for u in units])
    rows = {
        "input_ids": [e.ids for e in encoded],
        "token_type_ids": [e.segments for e in encoded],
        "length": [len(e.ids) for e in encoded],
        "soft": [_soft(u) for u in units],
        "act": [labels_of_unit(u)[1] for u in units],
        "language": [LANGUAGES.index(u["lang"]) for u in units],
    }
    return Dataset.from_dict(rows)


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
        "soft": torch.tensor([r["soft"] for r in rows]),
        "act": torch.tensor([r["act"] for r in rows]),
        "language": torch.tensor([r["language"] for r in rows]),
    }


class EngageTrainer(Trainer):
    """The ``Trainer`` with this task's loss and learning rates."""

    config: TrainConfig

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **_: Any) -> Any:
        """Soft-target cross-entropy of the label, plus that of the act where one is given."""
        targets = {key: inputs.pop(key) for key in ("soft", "act", "language")}
        labels, acts = model(**inputs)
        loss = functional.cross_entropy(labels.float(), targets["soft"])
        if bool((targets["act"] >= 0).any()):
            loss = loss + self.config.act_weight * functional.cross_entropy(
                acts.float(), targets["act"], ignore_index=-1
            )
        return (loss, (labels, acts)) if return_outputs else loss

    def prediction_step(self, model: Any, inputs: dict[str, Any], *_: Any, **__: Any) -> Any:
        """Return logits and targets for ``dev_scores``."""
        targets = (inputs["soft"].clone(), inputs["language"].clone())
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
    soft, language = prediction.label_ids
    truth, guess = np.asarray(soft).argmax(1), np.asarray(logits).argmax(1)
    scores = {
        name: macro_f1(truth[language == i], guess[language == i]) for i, name in enumerate(LANGUAGES)
    }
    return {**{f"f1_{k}": v for k, v in scores.items()}, "f1_mean": float(np.mean(list(scores.values())))}


def _arguments(config: TrainConfig, steps: int) -> TrainingArguments:
    every = max(1, steps // (config.epochs * config.evaluations))
    return TrainingArguments(
        output_dir=str(Path(config.out) / "checkpoints"), num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size, per_device_eval_batch_size=64,
        learning_rate=config.learning_rate, warmup_steps=int(config.warmup * steps),
        lr_scheduler_type="linear", eval_strategy="steps", eval_steps=every, save_steps=every,
        logging_steps=50, save_total_limit=2, load_best_model_at_end=True, metric_for_best_model="f1_mean",
        greater_is_better=True, train_sampling_strategy="group_by_length", length_column_name="length",
        remove_unused_columns=False, label_names=["soft", "language"], bf16=config.bf16, seed=config.seed,
        report_to=[], use_cpu=not torch.cuda.is_available(), dataloader_pin_memory=torch.cuda.is_available(),
    )


def finetune(config: TrainConfig) -> dict[str, Any]:
    """Fine-tune, keep the checkpoint with the best mean of the language scores, resume if one was interrupted.

    Writes ``network.safetensors``, ``encoder.json``, ``tokenizer.json`` and ``training.json`` to ``config.out``.

    Returns:
        The training record (also written as ``training.json``): configuration, data hashes, versions, scores.

    Raises:
        DataError: The data cannot be trained on (see ``check_split``).
    """
    import transformers
    from safetensors.torch import save_file
    from tokenizers import Tokenizer

    set_seed(config.seed)
    train, dev = read_units(Path(config.train)), read_units(Path(config.dev))
    if config.drop_shared_threads:
        train = drop_shared_threads(train, dev)
    check_split(train, dev)
    encoder = PairEncoder(Tokenizer.from_file(str(Path(config.base) / "tokenizer.json")))
    steps = -(-len(train) // config.batch_size) * config.epochs
    out = Path(config.out)
    trainer = EngageTrainer(
        model=load_network(Path(config.base)), args=_arguments(config, steps), data_collator=collate,
        train_dataset=make_dataset(train, encoder), eval_dataset=make_dataset(dev, encoder),
        compute_metrics=dev_scores,
    )
    trainer.config = config
    resume = any((out / "checkpoints").glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=resume or None)
    save_file({k: v.contiguous() for k, v in trainer.model.state_dict().items()}, out / "network.safetensors")
    (out / "tokenizer.json").write_bytes((Path(config.base) / "tokenizer.json").read_bytes())
    trainer.model.encoder.config.to_json_file(out / "encoder.json")
    record = {
        "config": {**asdict(config), **{k: Path(getattr(config, k)).name for k in ("base", "train", "dev", "out")}},
        "base": json.loads((Path(config.base) / "base.json").read_text("utf-8")),
        "data": {name: _describe(Path(path), units)
                 for name, path, units in (("train", config.train, train), ("dev", config.dev, dev))},
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "dev": trainer.evaluate(),
        "history": [h for h in trainer.state.log_history if "eval_f1_mean" in h],
    }
    (out / "training.json").write_text(json.dumps(record, indent=1), "utf-8")
    return record


def _describe(path: Path, units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = {f"{lang}/{code}": sum(u["lang"] == lang and u["label"] == code for u in units)
              for lang in LANGUAGES for code in LABEL_CODES}
    return {"units": len(units), "counts": counts, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
