"""Folders a training reads and writes: refused before anything is trained where it could not end well."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.durable import alone
from nlp_engage.errors import ModelError, RunError
from nlp_engage.train.record import STARTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from nlp_engage.train.config import TrainConfig

TRAINED: Final = ("network.safetensors", "encoder.json", "tokenizer.json", "training.json")
"""What a finished training leaves in its folder."""
_OTHERS: Final = (*TRAINED, "checkpoints", "config.json", "model.onnx", "model.safetensors")
_NO_MODEL: Final = (STARTED, "network.safetensors", "base.json", "model.safetensors")
"""What stands in the folder of a training or a base, never in a model folder."""
MODEL_FILES: Final = ("model.onnx", "tokenizer.json", "config.json", "training.json", "scores.json", "README.md")
"""What an export writes."""
_LARGEST: Final = 1_900_000_000
"""Bytes of float32 weights in an ONNX file, which as a protobuf message ends below 2 GB, the graph included."""
_KEPT: Final = 3
"""Checkpoints at once: the best, the last, and the one being written."""
_MOMENTS: Final = 3
"""Copies of the weights in a checkpoint: themselves and two moments of AdamW."""


def check_out(out: Path) -> None:
    """Refuse a folder for a training that cannot be written to or is in use for something else.

    Raises:
        RunError: It is a file, cannot be written to, or holds files of something else.
    """
    _check_writable(out, "out")
    if not (out / STARTED).exists() and (held := [name for name in _OTHERS if (out / name).exists()]):
        raise RunError(
            f"out: {out} holds {', '.join(held)}, but no training was started there; it would be overwritten. "
            "Set out to a new folder"
        )


def alone_in(out: Path) -> AbstractContextManager[None]:
    """Keep a second training out of a folder while one is at work there.

    Raises:
        RunError: Another process trains there (when entered).
    """
    return alone(out, "wait for it, stop it, or set out to a new folder")


def check_room(out: Path, parameters: int) -> None:
    """Refuse a disk that is too full for the checkpoints of a network.

    Args:
        out: Folder of the training; what stands there already counts as room.
        parameters: Parameters of the network.

    Raises:
        RunError: There is less room than the checkpoints take.
    """
    weights = 4 * parameters
    needed = weights * (_KEPT * _MOMENTS + 1)
    there = sum(path.stat().st_size for path in (out / "checkpoints").rglob("*") if path.is_file())
    free = shutil.disk_usage(out).free
    if free + there < needed:
        raise RunError(
            f"out: {out} has room for {free / 1e6:,.0f} MB, its checkpoints take {needed / 1e6:,.0f} MB. "
            "Make room, or set out to a folder on another disk"
        )


def check_size(parameters: int) -> None:
    """Refuse a network that could be trained, but not exported.

    Raises:
        ModelError: In float32 it is larger than the file that an export passes through can be.
    """
    if (size := 4 * parameters) > _LARGEST:
        raise ModelError(
            f"the network has {parameters / 1e6:,.0f} M parameters, {size / 1e9:.2f} GB in float32, and an export "
            f"takes {_LARGEST / 1e9:.2f} GB at most. Most of it is the vocabulary: cut it with `nlp-engage base "
            "--keep` and train on that base; or train with --no-export, and score the training's own folder"
        )


def check_target(folder: Path, settings: Mapping[str, Any], inputs: Mapping[str, Path | None]) -> None:
    """Refuse a model folder that an export would spoil, or could not write.

    Args:
        folder: Model folder to be written.
        settings: Settings of the training, as its record has them.
        inputs: Folders by what they are (``base``, ``start``, ``out``), which must not be overwritten.

    Raises:
        RunError: It is one of ``inputs`` or a file, cannot be written to, or holds another model or other files.
    """
    for name, path in inputs.items():
        if path is not None and path.resolve() == folder.resolve():
            raise RunError(f"{folder} is the folder of {name}; a model there would overwrite it. Name a new folder")
    held = [name for name in (*MODEL_FILES, *_NO_MODEL) if (folder / name).exists()]
    if held and (_settings_of(folder) != settings or not set(held) <= set(MODEL_FILES)):
        raise RunError(
            f"{folder} holds {', '.join(held)} of something else than this training; a model there would overwrite "
            "them. Name a new folder"
        )
    _check_writable(folder, "model folder")


def training_folders(config: TrainConfig) -> dict[str, Path | None]:
    """The folders a training is about, which nothing may overwrite."""
    out = Path(config.out)
    return {
        "base": Path(config.base),
        "start": Path(config.start) if config.start else None,
        "out": out,
        "the base in out": out / "base",
        "the checkpoints": out / "checkpoints",
    }


def check_trained(folder: Path, what: str = "", files: Sequence[str] = TRAINED) -> None:
    """Refuse a folder that holds no finished training.

    Raises:
        ModelError: One of ``files`` is missing.
    """
    if missing := [name for name in files if not (folder / name).is_file()]:
        raise ModelError(
            f"{what}{folder} is no folder of a finished training: {', '.join(missing)} missing. Run `nlp-engage train`"
        )


def check_base_folder(out: Path, source: Path) -> None:
    """Refuse a folder for a base that would spoil what stands there.

    Raises:
        ModelError: It is a file, the folder that the base is made from, or holds a training or a model.
    """
    if out.exists() and (not out.is_dir() or out.resolve() == source.resolve()):
        what = f"the folder of base {str(source)!r}" if out.is_dir() else "a file"
        raise ModelError(f"{out} is {what} and would be overwritten; name a new folder for the base")
    if held := [name for name in (STARTED, "network.safetensors", "model.onnx") if (out / name).exists()]:
        raise ModelError(f"{out} holds {', '.join(held)}, a training or a model; name a new folder for the base")


def check_start(start: Path, base: Path) -> None:
    """Refuse a finished training that cannot go on from a base.

    Raises:
        ModelError: It is none, or has another tokenizer.
    """
    tokenizer = "tokenizer.json"
    check_trained(start, "start: ", [name for name in TRAINED if name != "training.json"])  # weights are enough
    if (start / tokenizer).read_bytes() != (base / tokenizer).read_bytes():
        raise ModelError(f"start: {start} has another tokenizer than base {base}; start on its own base")


def _settings_of(folder: Path) -> Any:
    try:
        return json.loads((folder / "training.json").read_text("utf-8"))["config"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check_writable(folder: Path, what: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunError(
            f"{what}: {folder} cannot be written to ({error.strerror}); name a folder that you can write to"
        ) from None
