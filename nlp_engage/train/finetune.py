"""Fine-tuning with the transformers ``Trainer``: soft label targets, act loss beside it, best on dev kept."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import torch
from torch.nn import functional
from transformers import Trainer, TrainingArguments, set_seed

from nlp_engage.context import context_of_unit, labels_of_unit
from nlp_engage.encoding import PAD_ID, PairEncoder
from nlp_engage.errors import DataError, ModelError, RunError
from nlp_engage.scores import macro_f1
from nlp_engage.train.data import part_threads, read_units
from nlp_engage.train.model import load_network
from nlp_engage.types import LABEL_CODES, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from datasets import Dataset
    from torch import Tensor

    from nlp_engage.types import FloatArray

_STARTED: Final = "started.json"
_TRAINER_STATE: Final = "trainer_state.json"
"""The file a checkpoint is finished with."""


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
        shared_threads: What to do with threads that are in train and dev: ``"refuse"``, ``"drop_from_train"``
            or ``"drop_from_dev"`` (so that the checkpoint is still chosen on threads never trained on).
        teacher_units: Further units that a finished model labelled (``selftrain.teach`` makes them); none if
            empty. Threads of dev are left out.
        repeat: How often an epoch passes over the labelled units where there are teacher's units beside them.
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
    shared_threads: str = "refuse"
    teacher_units: str = ""
    repeat: int = 1

    @classmethod
    def from_toml(cls, path: Path) -> TrainConfig:
        """Read a configuration file.

        Raises:
            DataError: The file cannot be read, holds an unknown setting, lacks a required one, or has a value
                of another type or out of range.
        """
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise DataError(f"{path}: the training settings cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise DataError(f"{path}: not TOML ({error}); see docs/train.example.toml") from None
        known = {f.name for f in fields(cls)}
        if unknown := set(values) - known:
            raise DataError(f"{path}: unknown setting {sorted(unknown)}; known settings: {sorted(known)}")
        try:
            config = msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            raise DataError(f"{path}: {error}; base, train, dev and out are required") from None
        if low := [k for k in ("epochs", "batch_size", "evaluations") if getattr(config, k) < 1]:
            raise DataError(f"{path}: {', '.join(low)} must be 1 or more")
        return config


def make_dataset(units: Sequence[Mapping[str, Any]], encoder: PairEncoder) -> Dataset:
    """Encode units: columns ``input_ids, token_type_ids, length, soft, label, act, language``."""
    from datasets import Dataset

    encoded = encoder.encode([context_of_unit(u) for u in units])
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

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, **_: Any) -> Any:
        """Soft-target cross-entropy of the label, plus that of the act where one is given."""
        targets = {key: inputs.pop(key) for key in _TARGETS}
        labels, acts = model(**inputs)
        loss = functional.cross_entropy(labels.float(), targets["soft"])
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
        model=load_network(base),
        args=_arguments(config, steps=-(-len(train) // config.batch_size) * config.epochs),
        data_collator=collate,
        train_dataset=make_dataset(train, encoder),
        eval_dataset=make_dataset(dev, encoder),
        compute_metrics=dev_scores,
    )
    trainer.config = config
    trainer.train(resume_from_checkpoint=checkpoint)
    save_file({k: v.contiguous() for k, v in trainer.model.state_dict().items()}, out / "network.safetensors")
    (out / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
    trainer.model.encoder.config.to_json_file(out / "encoder.json")
    record["history"] = [h for h in trainer.state.log_history if "eval_f1_mean" in h]
    record["dev"] = trainer.evaluate()
    (out / "training.json").write_text(json.dumps(record, indent=1), "utf-8")
    return record


def _start_record(
    config: TrainConfig, train: Sequence[Mapping[str, Any]], dev: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What is known before the first step: settings, base, data, versions."""
    import transformers

    base = Path(config.base)
    if missing := [n for n in ("base.json", "config.json", "tokenizer.json") if not (base / n).is_file()]:
        raise ModelError(f"{base} is no base folder: {missing} missing. Make one with `nlp-engage base -o {base}`")
    sides = (("train", config.train, train), ("dev", config.dev, dev))
    return {
        "config": {
            **asdict(config),
            **{k: Path(getattr(config, k)).name for k in ("base", "train", "dev", "out")},
            "teacher_units": Path(config.teacher_units).name,
        },
        "base": json.loads((base / "base.json").read_text("utf-8")),
        "data": {name: _describe(Path(path), units) for name, path, units in sides},
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }


def _checkpoint_to_resume(out: Path, record: Mapping[str, Any]) -> str | None:
    """The last whole checkpoint; one that was being written when the machine stopped is passed over."""
    started = out / _STARTED
    if started.exists():
        before = json.loads(started.read_text("utf-8"))
        if changed := [k for k in ("config", "base", "data") if before[k] != record[k]]:
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
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
