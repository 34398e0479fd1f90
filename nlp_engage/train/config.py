"""The settings of a training: read from TOML, checked, saved with the model."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import msgspec

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

VIEWS: Final = ("full", "reply", "parent", "post")
"""How much of a conversation a network is shown; anything but ``full`` is for ablations."""
CLASS_WEIGHTS: Final = ("none", "balanced")


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
        context: What the network sees of a conversation, in training and on dev: ``"full"``, or for ablations
            ``"reply"``, ``"parent"`` or ``"post"`` (see ``ablation.thin_context``).
        roles: Whether it sees who speaks (page owner, same author, another).
        layers: Encoder layers to keep of the base, evenly spaced; 0 keeps all.
        start: Folder of a finished training to start from instead of the base's weights (same tokenizer); none
            if empty.
        focal: Focal loss: the label loss of a unit is weighted with (1 - p)^focal; 0 is plain cross-entropy.
        class_weights: ``"balanced"`` weights each label with n / (labels * n of the label), ``"none"`` all alike.
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
    context: str = "full"
    roles: bool = True
    layers: int = 0
    start: str = ""
    focal: float = 0.0
    class_weights: str = "none"

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
        try:
            config.check()
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
        return config

    def check(self) -> None:
        """Refuse values that cannot be meant.

        Raises:
            DataError: A value is out of range.
        """
        if low := [k for k in ("epochs", "batch_size", "evaluations", "repeat") if getattr(self, k) < 1]:
            raise DataError(f"{', '.join(low)} must be 1 or more")
        if low := [k for k in ("layers", "focal", "act_weight", "weight_decay") if getattr(self, k) < 0]:
            raise DataError(f"{', '.join(low)} must be 0 or more")
        for name, choices in (("context", VIEWS), ("class_weights", CLASS_WEIGHTS)):
            if getattr(self, name) not in choices:
                raise DataError(f"{name} is {getattr(self, name)!r}, must be one of {', '.join(choices)}")
