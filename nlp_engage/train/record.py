"""The training record: what a network was made of, and whether an interrupted run may go on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, asdict, fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.errors import RunError
from nlp_engage.train.config import TrainConfig
from nlp_engage.types import LABEL_CODES, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.types import FloatArray

_STARTED: Final = "started.json"
_PATHS: Final = ("base", "train", "dev", "out", "teacher_units", "start")
"""Settings of which the record keeps the name, not the path on this machine."""
_PACKAGES: Final = ("nlp-engage", "torch", "transformers", "tokenizers", "datasets", "accelerate", "scikit-learn")
PREDICTIONS: Final = "dev_predictions.jsonl"
_TRAINER_STATE: Final = "trainer_state.json"
"""The file a checkpoint is finished with."""


def start_record(
    config: TrainConfig, base: Path, train: Sequence[Mapping[str, Any]], dev: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What is known before the first step: settings, base, data, versions."""
    sides = (("train", config.train, train), ("dev", config.dev or config.train, dev))
    start = {"start": _sha256(Path(config.start) / "network.safetensors")} if config.start else {}
    return {
        "config": {**asdict(config), **{k: Path(getattr(config, k)).name for k in _PATHS}},
        "base": json.loads((base / "base.json").read_text("utf-8")),
        **start,
        "data": {name: _describe(Path(path), units) for name, path, units in sides},
        "versions": {name: version(name) for name in _PACKAGES},
    }


def checkpoint_to_resume(out: Path, record: Mapping[str, Any]) -> str | None:
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


def write_predictions(path: Path, units: Sequence[Mapping[str, Any]], probabilities: FloatArray) -> None:
    """Write ``uid`` and probabilities in the order of ``LABELS``, a line a unit."""
    rows = ({"uid": u["uid"], "p": [round(float(x), 6) for x in p]} for u, p in zip(units, probabilities, strict=True))
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def read_predictions(path: Path) -> dict[str, list[float]]:
    """Probabilities by uid, as ``write_predictions`` wrote them.

    Raises:
        RunError: The file is missing.
    """
    try:
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror}); the training has not finished") from None
    return {row["uid"]: row["p"] for row in rows}
