"""The training record: what a network was made of, and whether an interrupted run may go on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, asdict, fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.durable import write_atomically
from nlp_engage.errors import DataError, RunError
from nlp_engage.train.config import TrainConfig, opened_from
from nlp_engage.train.data import files_of
from nlp_engage.types import LABEL_CODES, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nlp_engage.types import FloatArray

STARTED: Final = "started.json"
"""The file that says what a training was started with."""
_PATHS: Final = ("base", "train", "dev", "out", "teacher_units", "start")
"""Settings of which the record keeps the name, not the path on this machine."""
_PACKAGES: Final = ("nlp-engage", "torch", "transformers", "tokenizers", "datasets", "accelerate", "scikit-learn")
PREDICTIONS: Final = "dev_predictions.jsonl"
TRAINER_STATE: Final = "trainer_state.json"
"""The file a checkpoint is finished with."""


def start_record(
    config: TrainConfig, base: Path, train: Sequence[Mapping[str, Any]], dev: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What is known before the first step: settings, base, data, versions."""
    files, sides = files_of(config), {"train": train, "dev": dev}
    start: dict[str, Any] = {"start": sha256_of(Path(config.start) / "network.safetensors")} if config.start else {}
    if opened := opened_from(config.start) if config.start else None:
        start["start_opened"] = opened
    inputs = {
        path.name: sha256_of(path) for path in sorted((base / "tokenizer.json", *base.glob("model*.safetensors")))
    }
    if config.teacher_units:
        inputs["teacher_units"] = sha256_of(Path(config.teacher_units))
    return {
        "config": config_on_record(config),
        "base": json.loads((base / "base.json").read_text("utf-8")),
        **start,
        "data": {name: describe(files[name], units) for name, units in sides.items()},
        "inputs": inputs,
        "versions": {name: version(name) for name in _PACKAGES},
    }


def config_on_record(config: TrainConfig) -> dict[str, Any]:
    """The settings as a record has them: of paths only the name."""
    return {**asdict(config), **{k: Path(getattr(config, k)).name for k in _PATHS}}


def check_started(out: Path, record: Mapping[str, Any]) -> None:
    """Refuse to go on from checkpoints of other settings or other data.

    Raises:
        RunError: ``out`` was started with something else, which is named.
    """
    started = out / STARTED
    if not started.exists():
        return
    try:
        before = json.loads(started.read_text("utf-8"))
        changed = list(_changes(before, record))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RunError(f"{started} is damaged. Set out to a new folder, or delete this one.") from None
    if changed:
        raise RunError(
            f"{out} was started with other settings: {', '.join(changed)} ({started} has the old ones). "
            "Set out to a new folder, or delete this one."
        )


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it was, in words. A setting or hash that came after the training was started is not compared.

    Nor is the name of a file or folder, which may have been renamed: only whether one was given, and by hash what is in
    it. Of ``out`` the checkpoints themselves are what is gone on from.
    """
    defaults = {f.name: f.default for f in fields(TrainConfig) if f.default is not MISSING}
    settings = {**defaults, **before["config"]}
    for name, value in now["config"].items():
        renamed = name in _PATHS and value and settings.get(name)
        if settings.get(name) != value and not renamed:
            yield f"{name} was {settings.get(name)!r}, is {value!r}"
    for name, data in now["data"].items():
        if before["data"][name]["sha256"] != data["sha256"]:
            yield f"the file of {name} has changed"
        elif before["data"][name] != data:
            yield f"the units of {name} have changed"
    hashes = before.get("inputs", {})
    for name, digest in now["inputs"].items():
        if hashes and hashes.get(name) != digest:
            place = "the file of teacher_units" if name == "teacher_units" else f"{name} of the base"
            yield f"{place} has changed"
    for name in ("base", "start"):
        if before.get(name) != now.get(name):
            yield f"{name} has changed"


def begin(out: Path, record: Mapping[str, Any]) -> Path | None:
    """Put on record what is being started; the last whole checkpoint, if there is one.

    One that was being written when the machine stopped is passed over, even if its last file is there, but empty.
    """
    if not (out / STARTED).exists():
        write_atomically(out / STARTED, json.dumps(record, indent=1).encode())
    whole = [p.parent for p in (out / "checkpoints").glob(f"checkpoint-*/{TRAINER_STATE}") if _is_json(p)]
    return max(whole, key=lambda p: int(p.name.split("-")[1])) if whole else None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def check_files(record: Mapping[str, Any], train: Path, dev: Path | None) -> None:
    """Refuse files of an export that stand on the wrong side of what its training was given; others are welcome.

    Args:
        record: The training record.
        train: Labelled units for the floors.
        dev: Labelled units for temperatures and scores; ``None`` for those that training set aside.

    Raises:
        DataError: The network learned from ``dev``, or ``train`` is what its checkpoint was chosen on.
    """
    learned, chosen = (record["data"][side]["sha256"] for side in ("train", "dev"))
    if dev is not None and sha256_of(dev) in (learned, record.get("inputs", {}).get("teacher_units")):
        raise DataError(
            f"--dev {dev} is a file that this network was trained on, its hash stands in training.json: temperatures "
            "and scores would come from what it has learned. Give units it never saw; leave --dev out where training "
            "set some aside"
        )
    if sha256_of(train) == chosen != learned:
        raise DataError(
            f"--train {train} is the dev file of this training, its hash stands in training.json. Are --train and "
            "--dev swapped? Give the training units"
        )


def describe(path: Path, units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts of units and the hash of the file they are from."""
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
        "sha256": sha256_of(path),
    }


def sha256_of(path: Path) -> str:
    """Hash of a file, read in pieces: weights may be larger than the memory that is left."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_predictions(path: Path, units: Sequence[Mapping[str, Any]], probabilities: FloatArray) -> None:
    """Write ``uid`` and probabilities in the order of ``LABELS``, a line a unit."""
    rows = ({"uid": u["uid"], "p": [round(float(x), 6) for x in p]} for u, p in zip(units, probabilities, strict=True))
    write_atomically(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())


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
