"""The settings of a training: read from TOML, checked, saved with the model."""

from __future__ import annotations

import json
import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

VIEWS: Final = ("full", "reply", "parent", "post")
"""How much of a conversation a network is shown; anything but ``full`` is for ablations."""
CLASS_WEIGHTS: Final = ("none", "balanced")
SHARED_THREADS: Final = ("refuse", "drop_from_train", "drop_from_dev")
"""What can be done with threads that are on both sides of a split."""
_CHOICES: Final = {"context": VIEWS, "class_weights": CLASS_WEIGHTS, "shared_threads": SHARED_THREADS}
_MOST: Final = 1_000_000
_RANGES: Final[dict[str, tuple[float, float]]] = {
    **dict.fromkeys(("epochs", "batch_size", "accumulate", "evaluations", "repeat"), (1, _MOST)),
    **dict.fromkeys(("patience", "layers", "folds", "fold"), (0, _MOST)),
    "seed": (0, 2**32 - 1),  # what NumPy takes
    **dict.fromkeys(("learning_rate", "head_learning_rate", "weight_decay"), (0, 1)),
    **dict.fromkeys(("act_weight", "focal"), (0, 1000)),
}
"""Least and largest value of a setting; ``nan`` is in no range."""


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
            threads; 0 for none. Not with ``start`` or a base of ``base --model``: any fold may have trained them.
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
        mixed: Mixed precision where there is a GPU: bfloat16, or float16 on one that lacks it or only emulates it.
        bf16: Mixed precision in bfloat16 where there is only a CPU (AVX-512 BF16 or AMX). On a GPU ``mixed`` decides.
        shared_threads: What to do with threads that are in train and dev: ``"refuse"``, ``"drop_from_train"``
            or ``"drop_from_dev"`` (so that the checkpoint is still chosen on threads never trained on).
        teacher_units: Further units that a finished model labelled (``selftrain.teach`` makes them); none if
            empty. Threads of dev, and replies that are labelled units, are left out.
        repeat: How often an epoch passes over the labelled units where there are ``teacher_units`` beside them; 1
            without.
        context: What the network sees of a conversation, in training and on dev: ``"full"``, or for ablations
            ``"reply"``, ``"parent"`` or ``"post"`` (see ``ablation.thin_context``).
        roles: Whether it sees who speaks (page owner, same author, another).
        layers: Encoder layers to keep of the base, evenly spaced; 0 keeps all.
        start: Folder of a finished training, or of ``base --model``, to start from instead of the base's weights
            (same tokenizer); none if empty. What it was trained on is not compared with dev.
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
    def from_toml(cls, path: str | Path | None, flags: Mapping[str, Any] | None = None) -> TrainConfig:
        """Read a configuration file, if there is one, and let flags overrule it.

        Args:
            path: TOML; ``None`` where the flags say everything.
            flags: Settings by name that stand above the file; those that are ``None`` are not set.

        Raises:
            DataError: The file cannot be read, holds an unknown setting, lacks a required one, or has a value
                of another type or out of range.
        """
        place = "settings" if path is None else str(path)
        values = {} if path is None else _read_toml(Path(path))
        known = {f.name for f in fields(cls)}
        if unknown := set(values) - known:
            raise DataError(f"{place}: unknown setting {sorted(unknown)}; known settings: {sorted(known)}")
        values |= {name: value for name, value in (flags or {}).items() if value is not None}
        if missing := [f.name for f in fields(cls) if f.default is MISSING and f.name not in values]:
            raise DataError(f"{place}: {', '.join(missing)} missing; base, train and out are required")
        for name, value in values.items():
            try:
                msgspec.convert(value, {"int": int, "float": float, "bool": bool}.get(_type_of(name), str))
            except msgspec.ValidationError as error:
                raise DataError(f"{place}: {name} is {value!r}: {error}; see docs/train.example.toml") from None
        config = msgspec.convert(values, cls)
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
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise DataError(f"{name} is {getattr(self, name)}, must be from {low} to {high}")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise DataError(f"{name} is {getattr(self, name)!r}, must be one of {', '.join(choices)}")
        for name in ("base", "train", "out"):
            if not getattr(self, name).strip():
                raise DataError(f"{name} is empty, must be a path")
        if not 0 < self.dev_share < 1:
            raise DataError(f"dev_share is {self.dev_share}, must be between 0 and 1")
        if not 0 <= self.warmup < 1:
            raise DataError(f"warmup is {self.warmup}, must be 0 or more and below 1")
        if not 0 < self.blend <= 1 or (self.blend < 1 and (not self.start or self.layers)):
            raise DataError(f"blend is {self.blend}: 1, or above 0 and with a start that keeps all its layers")
        if self.repeat > 1 and not self.teacher_units:
            raise DataError(
                f"repeat is {self.repeat} without teacher_units, beside which labelled units are repeated. Set epochs "
                "to pass over them more often, or name teacher_units"
            )
        self._check_folds()
        self._check_folders()

    def _check_folds(self) -> None:
        """A fold must be scored by a network that never saw it."""
        if self.folds == 1 or (self.folds and self.dev):
            raise DataError(f"folds is {self.folds}: 0, or 2 or more with no dev beside them")
        seen = f"start {self.start}" if self.start else ""
        if self.folds and not seen and (opened := opened_from(self.base)):
            seen = f"base {self.base}, opened from {opened['model']}"
        if self.folds and seen:
            raise DataError(
                f"folds is {self.folds} with {seen}: what that network was trained on may be in any fold, and such "
                "scores would flatter. Leave out start, take a base of `nlp-engage base --texts`, or give a dev file "
                "it was not trained on"
            )
        if self.fold > self.folds:
            raise DataError(
                f"fold is {self.fold} of {self.folds} folds; cross-validation sets it itself, leave it at 0"
            )

    def _check_folders(self) -> None:
        """A training must not write over what it is made from."""
        out = Path(self.out).resolve()
        for name in ("base", "start"):
            folder = Path(getattr(self, name)).resolve()
            if getattr(self, name) and folder.exists() and folder == out:
                raise DataError(f"out is {self.out}, the folder of {name}: it would be overwritten. Name a new folder")


def opened_from(folder: str) -> dict[str, str] | None:
    """Name and hash of the model that ``base --model`` opened a folder from; ``None`` where it did not."""
    try:
        opened: dict[str, str] | None = json.loads((Path(folder) / "base.json").read_text("utf-8")).get("opened")
    except (OSError, ValueError):
        return None
    return opened


def _type_of(name: str) -> str:
    return next(str(f.type) for f in fields(TrainConfig) if f.name == name)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path}: the training settings cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DataError(f"{path}: not TOML ({error}); see docs/train.example.toml") from None
