"""Fine-tuning with the transformers ``Trainer``: soft label targets, act loss beside it, best on dev kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from nlp_engage.context import context_of_unit, labels_of_unit
from nlp_engage.durable import write_atomically
from nlp_engage.encoding import PAD_ID, PairEncoder
from nlp_engage.errors import ModelError, RunError
from nlp_engage.scores import macro_f1
from nlp_engage.train.ablation import keep_layers, thin_context
from nlp_engage.train.base import base_folder
from nlp_engage.train.data import training_units
from nlp_engage.train.labeller import NetworkLabeller
from nlp_engage.train.model import load_network, load_trained
from nlp_engage.train.order import ByLength
from nlp_engage.train.places import TRAINED, alone_in, check_out, check_room, check_size, check_start
from nlp_engage.train.record import (
    PREDICTIONS,
    TRAINER_STATE,
    begin,
    check_started,
    start_record,
    write_predictions,
)
from nlp_engage.types import LABEL_CODES, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from datasets import Dataset
    from torch import Tensor

    from nlp_engage.train.config import TrainConfig
    from nlp_engage.train.model import EngageNetwork
    from nlp_engage.types import FloatArray

    Tell = Callable[[int, int, Mapping[str, float] | None], None]


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
    """The ``Trainer`` with this task's loss, learning rates and order of units."""

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
        missed = (1 - log_p.exp()).clamp_min(torch.finfo(log_p.dtype).tiny)  # of 0, focal < 1 has no slope
        return -(weights * missed**self.config.focal * log_p).sum(1).mean()

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

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        """An order that a resumed epoch goes on in; ``state.epoch`` is a whole number where an epoch begins."""
        rows = self.train_dataset if train_dataset is None else train_dataset
        step = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return ByLength(rows["length"], step, self.args.seed, lambda: int(self.state.epoch or 0))

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


def _precision(config: TrainConfig) -> dict[str, bool]:
    """Mixed precision where there is a GPU, in bfloat16 if it has that itself; on a CPU if that was asked for."""
    if not torch.cuda.is_available():
        return {"bf16": config.bf16, "fp16": False}
    bf16 = torch.cuda.is_bf16_supported(including_emulation=False)  # emulated, it is slower than float16
    return {"bf16": config.mixed and bf16, "fp16": config.mixed and not bf16}


def _arguments(config: TrainConfig, units: int) -> TrainingArguments:
    """What the ``Trainer`` goes by: one GPU of several, or a step would be of as many batches as there are GPUs."""
    steps = -(-units // (config.batch_size * config.accumulate)) * config.epochs
    every = max(1, steps // (config.epochs * config.evaluations))
    arguments = TrainingArguments(
        output_dir=str(Path(config.out) / "checkpoints"),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.accumulate,
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
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        label_names=["label", "language"],
        seed=config.seed,
        report_to=[],
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        **_precision(config),
    )
    arguments._n_gpu = min(1, arguments.n_gpu)  # as the Trainer itself does; there is no public setting
    return arguments


class _Teller(TrainerCallback):  # type: ignore[misc]  # transformers is untyped for us
    """Passes on how far a training is."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        self._tell(state.global_step, state.max_steps, None)

    def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        self._tell(state.global_step, state.max_steps, None)

    def on_evaluate(self, _args: Any, state: Any, _control: Any, metrics: Mapping[str, float], **_: Any) -> None:
        self._tell(state.global_step, state.max_steps, metrics)


class _Watch(TrainerCallback):  # type: ignore[misc]  # transformers is untyped for us
    """Ends a training whose loss is no number any more, before such a network is kept."""

    def on_evaluate(self, _args: Any, state: Any, _control: Any, metrics: Mapping[str, float], **_: Any) -> None:
        if not np.isfinite(metrics["eval_loss"]):
            raise RunError(
                f"step {state.global_step}: the loss on dev is {metrics['eval_loss']}, the training has diverged. Set "
                "learning_rate and head_learning_rate lower, and out to a new folder"
            )


def finetune(config: TrainConfig, *, tell: Tell | None = None, exported: bool = False) -> dict[str, Any]:
    """Fine-tune and keep the checkpoint with the best mean of both languages; resume what was interrupted.

    Writes ``network.safetensors``, ``encoder.json``, ``tokenizer.json``, ``training.json`` and
    ``dev_predictions.jsonl`` (uid and probabilities, not calibrated) to ``config.out``.

    Args:
        config: The settings.
        tell: Called with steps done, steps in all, and scores where dev was evaluated.
        exported: Whether an export is to follow: a network that is too large for one is then not trained.

    Returns:
        The training record (also written as ``training.json``): configuration, data hashes, versions, scores.

    Raises:
        DataError: A setting is out of range, or the data cannot be trained on (see ``data.check_split``).
        ModelError: The base or the start cannot be used, or makes a network too large for its export.
        RunError: ``config.out`` cannot be written to, lacks room, or holds checkpoints of other settings or other data
            or something else; another process trains there; or the training has diverged.
    """
    config.check()
    out = Path(config.out)
    check_out(out)
    with alone_in(out):
        return _finetune(config, out, tell, exported)


def _finetune(config: TrainConfig, out: Path, tell: Tell | None, exported: bool) -> dict[str, Any]:
    train, dev = training_units(config)
    base = base_folder(config)
    if config.start:
        check_start(Path(config.start), base)
    record = start_record(config, base, train, dev)
    check_started(out, record)
    if all((out / name).is_file() for name in TRAINED):
        finished: dict[str, Any] = json.loads((out / "training.json").read_text("utf-8"))
        return finished
    set_seed(config.seed)
    network, encoder = _starting_network(config, base), PairEncoder(Tokenizer.from_file(str(base / "tokenizer.json")))
    size = sum(p.numel() for p in network.parameters())
    if exported:
        check_size(size)
    check_room(out, size)
    trainer = _trainer(config, network, encoder, train, dev, tell)
    _run(trainer, out, begin(out, record))
    if config.blend < 1:
        blend(trainer.model, load_trained(Path(config.start)), config.blend)
    record["history"] = [h for h in trainer.state.log_history if "eval_f1_mean" in h]
    record["dev"] = trainer.evaluate()
    write_network(out, trainer.model, base / "tokenizer.json")
    labeller = NetworkLabeller(trainer.model, encoder, config.context, roles=config.roles)
    write_predictions(out / PREDICTIONS, dev, labeller.predict([context_of_unit(u) for u in dev]).probabilities)
    write_atomically(out / "training.json", json.dumps(record, indent=1).encode())
    return record


def _trainer(
    config: TrainConfig,
    network: EngageNetwork,
    encoder: PairEncoder,
    train: Sequence[Mapping[str, Any]],
    dev: Sequence[Mapping[str, Any]],
    tell: Tell | None,
) -> EngageTrainer:
    trainer = EngageTrainer(
        model=network,
        args=_arguments(config, len(train)),
        data_collator=collate,
        train_dataset=make_dataset(train, encoder, config.context, roles=config.roles),
        eval_dataset=make_dataset(dev, encoder, config.context, roles=config.roles),
        compute_metrics=dev_scores,
        callbacks=[
            *([_Teller(tell)] if tell else []),
            _Watch(),
            *([EarlyStoppingCallback(config.patience)] if config.patience else []),
        ],
    )
    trainer.remove_callback(PrinterCallback)  # it would print to stdout, which is for data
    trainer.config = config
    trainer.label_weights = _label_weights(config, train)
    return trainer


def _run(trainer: EngageTrainer, out: Path, checkpoint: Path | None) -> None:
    """Train to the end, from a checkpoint if there is one; one of the last step, or of early stopping, is the end.

    The best checkpoint is then looked for here: the ``Trainer`` looks where the run was, and keeps the last network.
    """
    if checkpoint is not None:
        state = TrainerState.load_from_json(str(checkpoint / TRAINER_STATE))
        if state.global_step >= state.max_steps or _stopped_early(state, trainer.config.patience):
            best = out / "checkpoints" / Path(str(state.best_model_checkpoint)).name
            trainer.model.load_state_dict(load_file(best / "model.safetensors"))
            trainer.state = state
            return
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except (SafetensorError, RuntimeError) as error:  # neither writer raises OSError where the disk is full
        if isinstance(error, RuntimeError) and "PytorchStreamWriter" not in str(error):
            raise
        raise RunError(
            f"{out}: a checkpoint could not be written ({str(error).splitlines()[0]}). Make room; the same command "
            "goes on from the last whole one"
        ) from error


def _stopped_early(state: Any, patience: int) -> bool:
    kept = state.stateful_callbacks.get(EarlyStoppingCallback.__name__, {})
    counted = int(kept.get("attributes", {}).get("early_stopping_patience_counter", 0))
    return patience > 0 and counted >= patience


def blend(network: EngageNetwork, start: EngageNetwork, share: float) -> None:
    """Move a network back towards the one its training started from, in place.

    Args:
        network: The trained network; its weights become ``share * trained + (1 - share) * start``.
        start: The network before, of the same shape.
        share: In (0, 1].
    """
    before = start.state_dict()
    with torch.no_grad():
        for name, weights in network.state_dict().items():
            weights.lerp_(before[name].to(weights), 1 - share)


def write_network(out: Path, network: EngageNetwork, tokenizer: Path) -> None:
    """Write a network as ``load_trained`` reads it, and the tokenizer it was trained with."""
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, out / "network.safetensors")
    (out / "tokenizer.json").write_bytes(tokenizer.read_bytes())
    network.encoder.config.to_json_file(out / "encoder.json")


def _starting_network(config: TrainConfig, base: Path) -> EngageNetwork:
    """The base with fresh heads, or a finished network, with as many layers as the settings say."""
    try:
        network = load_trained(Path(config.start)) if config.start else load_network(base)
    except (OSError, ValueError) as error:
        folder = config.start or base
        raise ModelError(f"{folder} cannot be loaded: {str(error).splitlines()[0]} Make or fetch it again") from error
    if config.layers:
        keep_layers(network.encoder, config.layers)
    return network


def _label_weights(config: TrainConfig, units: Sequence[Mapping[str, Any]]) -> Tensor | None:
    if config.class_weights == "none":
        return None
    counts = np.bincount([labels_of_unit(u)[0] for u in units], minlength=len(LABEL_CODES))
    return torch.tensor(len(units) / (len(counts) * counts), dtype=torch.float32)
