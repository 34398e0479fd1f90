"""The settings of a training: read from TOML, checked, saved with the model."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VIEWS: Final = ("full", "reply", "parent", "post")
"""How much of a conversation a network is shown; anything but ``full`` is for ablations."""
CLASS_WEIGHTS: Final = ("none", "balanced")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How to train. Read from TOML; saved in the model folder.

    Attributes:
        base: Folder that ``train.base.prepare_base`` wrote; or a hub id or folder of any encoder with an XLM-R
            tokenizer, which is then taken with its whole vocabulary.
        train: Labelled units, JSON lines.
        out: Folder for checkpoints and the result.
        dev: Labelled units the checkpoint is chosen on; no thread may be in both. If empty, whole threads of
            ``train`` are set aside.
        dev_share: Share of the units set aside where there is no ``dev``, in (0, 1).
        folds: Cross-validation without ``dev``: as many networks are trained, each scored on its own fold of the
            threads; 0 for none.
        fold: The fold that is dev, from 1; set by ``folds.cross_validate``.
        epochs: Passes over the training units.
        batch_size: Units per pass through the network.
        accumulate: Passes whose gradients make one step: ``batch_size * accumulate`` units a step.
        learning_rate: Peak rate of the encoder; embeddings get half of it.
        head_learning_rate: Peak rate of the two heads.
        act_weight: Weight of the act loss beside the label loss.
        warmup: Share of the steps with rising rate, in [0, 1).
        weight_decay: Decoupled weight decay of the matrices.
        evaluations: Dev evaluations per epoch.
        patience: Early stopping: evaluations in a row without a better score before it ends; 0 for never.
        seed: Seed of everything random, the split included.
        mixed: Mixed precision where there is a GPU: bfloat16, or float16 on one that lacks it.
        bf16: Mixed precision in bfloat16 on a CPU, too (AVX-512 BF16 or AMX).
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
        blend: Share of the trained weights in the result, in (0, 1]; the rest is the weights of ``start``. Training
            on new labels forgets less so. Source: Wortsman et al. 2022, Robust fine-tuning of zero-shot models,
            CVPR, eq. 1.
        focal: Focal loss: the label loss of a unit is weighted with (1 - p)^focal; 0 is plain cross-entropy.
        class_weights: ``"balanced"`` weights each label with n / (labels * n of the label), ``"none"`` all alike.
    """

    base: str
    train: str
    out: str
    dev: str = ""
    dev_share: float = 0.1
    folds: int = 0
    fold: int = 0
    epochs: int = 4
    batch_size: int = 16
    accumulate: int = 1
    learning_rate: float = 5e-5
    head_learning_rate: float = 1e-3
    act_weight: float = 0.4
    warmup: float = 0.1
    weight_decay: float = 0.01
    evaluations: int = 2
    patience: int = 0
    seed: int = 13
    mixed: bool = True
    bf16: bool = False
    shared_threads: str = "refuse"
    teacher_units: str = ""
    repeat: int = 1
    context: str = "full"
    roles: bool = True
    layers: int = 0
    start: str = ""
    blend: float = 1.0
    focal: float = 0.0
    class_weights: str = "none"

    @classmethod
    def from_toml(cls, path: Path | None, flags: Mapping[str, Any] | None = None) -> TrainConfig:
        """Read a configuration file, if there is one, and let flags overrule it.

        Args:
            path: TOML; ``None`` where the flags say everything.
            flags: Settings by name that stand above the file; those that are ``None`` are not set.

        Raises:
            DataError: The file cannot be read, holds an unknown setting, lacks a required one, or has a value
                of another type or out of range.
        """
        place = "settings" if path is None else str(path)
        values = {} if path is None else _read_toml(path)
        known = {f.name for f in fields(cls)}
        if unknown := set(values) - known:
            raise DataError(f"{place}: unknown setting {sorted(unknown)}; known settings: {sorted(known)}")
        values |= {name: value for name, value in (flags or {}).items() if value is not None}
        try:
            config = msgspec.convert(values, cls)
        except msgspec.ValidationError as error:
            raise DataError(f"{place}: {error}; base, train and out are required") from None
        try:
            config.check()
        except DataError as error:
            raise DataError(f"{place}: {error}") from None
        return config

    def check(self) -> None:
        """Refuse values that cannot be meant.

        Raises:
            DataError: A value is out of range.
        """
        if low := [k for k in ("epochs", "batch_size", "accumulate", "evaluations", "repeat") if getattr(self, k) < 1]:
            raise DataError(f"{', '.join(low)} must be 1 or more")
        if low := [k for k in ("layers", "focal", "patience", "act_weight", "weight_decay") if getattr(self, k) < 0]:
            raise DataError(f"{', '.join(low)} must be 0 or more")
        if not 0 < self.dev_share < 1 or not 0 <= self.warmup < 1:
            raise DataError(f"dev_share is {self.dev_share}, warmup {self.warmup}: both must be between 0 and 1")
        if not 0 < self.blend <= 1 or (self.blend < 1 and (not self.start or self.layers)):
            raise DataError(f"blend is {self.blend}: 1, or above 0 and with a start that keeps all its layers")
        if self.folds == 1 or self.folds < 0 or (self.folds and self.dev):
            raise DataError(f"folds is {self.folds}: 0, or 2 or more with no dev beside them")
        for name, choices in (("context", VIEWS), ("class_weights", CLASS_WEIGHTS)):
            if getattr(self, name) not in choices:
                raise DataError(f"{name} is {getattr(self, name)!r}, must be one of {', '.join(choices)}")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{path}: the training settings cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DataError(f"{path}: not TOML ({error}); see docs/train.example.toml") from None
