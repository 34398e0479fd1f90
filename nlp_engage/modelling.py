"""Making and judging models from end to end: train, calibrate, export, score. Where ``train`` meets ``classify``."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.classify import OnnxLabeller
from nlp_engage.classify.folder import load_config, model_folder
from nlp_engage.context import context_of_unit
from nlp_engage.errors import DataError, ModelError, require
from nlp_engage.train.data import drop_shared_threads, read_units
from nlp_engage.train.evaluate import evaluate as score
from nlp_engage.train.evaluate import score_predictions
from nlp_engage.train.results import Evaluation
from nlp_engage.types import LABEL_CODES, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nlp_engage.train.config import TrainConfig
    from nlp_engage.train.finetune import Tell
    from nlp_engage.types import Labeller

    Units = Sequence[dict[str, Any]]

BASE_CREDIT: Final = {
    "name": "intfloat/multilingual-e5-small",
    "licence": "MIT",
    "source": "Wang et al. 2024, Multilingual E5 Text Embeddings, arXiv:2402.05672",
}


def load_labeller(model: str | Path | None = None) -> Labeller:
    """Load a model folder, or the folder of a finished training that was not exported (an ablation, a fold).

    Args:
        model: The folder, or a shipped model by name (``"fast"`` is the smaller one); ``None`` for the default.

    Raises:
        ModelError: It is neither.
    """
    if model is not None and (Path(model) / "network.safetensors").is_file():
        require("torch", extra="train")
        from nlp_engage.train.labeller import NetworkLabeller

        return NetworkLabeller.load(Path(model))
    return OnnxLabeller.load(model)


def evaluate(model: Labeller | str | Path | None, data: str | Path | Units, *, seed: int = 0) -> Evaluation:
    """Score a model on labelled units.

    Args:
        model: A labeller, a folder that ``load_labeller`` takes, or ``None`` for the shipped model.
        data: Labelled units, or the JSON lines file they are in.
        seed: Seed of the thread bootstrap.

    Returns:
        Scores and predictions; ``to_pandas()`` gives the scores as a frame.

    Raises:
        DataError: The units cannot be read, or there are none.
        ModelError: The model cannot be loaded.
    """
    labeller = load_labeller(model) if model is None or isinstance(model, str | Path) else model
    units = read_units(Path(data)) if isinstance(data, str | Path) else data
    return Evaluation.of(labeller, units, seed=seed)


def train_model(
    config: TrainConfig, *, folder: str | Path | None = None, labels_note: str | None = None, tell: Tell | None = None
) -> OnnxLabeller:
    """Train, export to int8, calibrate, score, write the model card: a whole model folder.

    Args:
        config: The settings.
        folder: Model folder; its name becomes the model's name. ``None``: in ``config.out``, of the same name.
        labels_note: Markdown for the card: who gave the labels, how far coders agree.
        tell: See ``finetune``.

    Returns:
        The model at work.

    Raises:
        DataError: The data or the settings cannot be used; found before training starts.
        ModelError: The base cannot be used, the network would be too large for an export, or the settings make an
            ablation, which is not exported.
        RunError: ``config.out`` holds checkpoints of other settings or other data, or ``folder`` something else than
            this model.
    """
    require("torch", extra="train")
    from nlp_engage.train.ablation import is_ablation
    from nlp_engage.train.data import files_of, sides
    from nlp_engage.train.finetune import finetune

    if config.folds:
        raise DataError("folds makes several networks, none of them a model: use train.folds.cross_validate")
    if taken := is_ablation({"context": config.context, "roles": config.roles}):
        raise ModelError(f"{taken} makes an ablation, which is not exported: use train.finetune.finetune")
    config.check()
    target = Path(folder) if folder else Path(config.out) / Path(config.out).name
    check_export(target, config)
    finetune(config, tell=tell, exported=True)
    export_model(Path(config.out), target, *sides(config), labels_note=labels_note, files=files_of(config))
    return OnnxLabeller.load(target)


def open_model(out: str | Path, model: str | Path | None = None) -> dict[str, Any]:
    """Make a base and a start for ``train`` of an exported model: its 8-bit weights in float32, to train further.

    Args:
        out: Folder to write.
        model: Model folder, or the name of a shipped model; ``None`` for the default.

    Returns:
        The record of the base, with name and hash of the model that was opened.

    Raises:
        ModelError: The model cannot be used, is not in static 8 bits, or ``out`` holds a training or a model.
        MissingExtraError: The extra ``train`` is not installed.
    """
    require("torch", extra="train")
    from nlp_engage.train.reopen import write_start

    folder = model_folder(model)
    config = load_config(folder)
    return write_start(Path(out), folder, {"model": config.name, "sha256": config.sha256["model.onnx"]})


def check_export(folder: Path, config: TrainConfig) -> None:
    """Refuse, before a training, a model folder that could not be written after it.

    Args:
        folder: Model folder to be written.
        config: The settings of the training.

    Raises:
        RunError: The folder is in use for something else, or cannot be written to.
        MissingExtraError: A package that the export needs is not installed.
    """
    from nlp_engage.train.places import check_target, training_folders
    from nlp_engage.train.quantise import quantiser
    from nlp_engage.train.record import config_on_record

    for module in ("onnx", "onnxscript", "sklearn", "spacy"):
        require(module, extra="train")
    quantiser()
    check_target(folder, config_on_record(config), training_folders(config))


def export_model(
    trained: Path,
    folder: Path,
    train: Units,
    dev: Units,
    *,
    labels_note: str | None = None,
    calibration: Units | None = None,
    files: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """Export a trained network to int8, fit its temperatures, score it beside the floors, write the card.

    Args:
        trained: What ``finetune`` wrote.
        folder: Model folder to write.
        train: Labelled units for the floors.
        dev: Labelled units for temperatures and scores.
        labels_note: Markdown for the card.
        calibration: Units whose replies the ranges of 8 bits are taken from, all of them; ``None``: some hundred of
            ``train``, as many of each language, filled up from ``dev`` where ``train`` has fewer.
        files: The files that ``train`` and ``dev`` are from, under these names; scores and card tell them.

    Returns:
        Scores by name, also written as ``scores.json``.

    Raises:
        ModelError: ``trained`` is no finished training, an ablation, or too large a network.
        DataError: A language has no dev reply to fit its temperature on, a label no unit to train the floors on, or
            there is nothing to take ranges from.
        RunError: ``folder`` is in use for something else, or cannot be written to.
    """
    from nlp_engage.train.places import MODEL_FILES, check_target, check_trained
    from nlp_engage.train.quantise import calibration_units
    from nlp_engage.train.record import describe

    folder = folder.resolve()  # "." has a name, too
    check_trained(trained)
    record = json.loads((trained / "training.json").read_text("utf-8"))
    check_target(folder, record["config"], {"the training": trained})
    _check_sides(train, dev)
    units = {"train": train, "dev": dev}
    data = {side: {"file": path.name, **describe(path, units[side])} for side, path in (files or {}).items()}
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        made = Path(scratch) / folder.name
        ranges = calibration_units(train, dev) if calibration is None else calibration
        scores = _make_model(trained, made, train, dev, ranges, record["base"]["base"], labels_note, data)
        for name in sorted(MODEL_FILES, key=lambda name: name == "config.json"):  # without it no folder is a model
            (made / name).replace(folder / name)
    return scores


def _check_sides(train: Units, dev: Units) -> None:
    """Refuse what calibration and the floors could not be made from."""
    unseen = {u["lang"] for u in drop_shared_threads(dev, train)}
    if missing := [language for language in LANGUAGES if language not in unseen]:
        raise DataError(
            f"dev: no reply in {', '.join(missing)} of a thread that is not in train, and each language is calibrated "
            "on such replies. Give other dev units"
        )
    known = {u["label"] for u in drop_shared_threads(train, dev)}
    if absent := [code for code in LABEL_CODES if code not in known]:
        raise DataError(
            f"train: no unit with label {', '.join(absent)} in a thread that is not in dev, and the floors are trained "
            "on such units. Give other training units"
        )


def _make_model(
    trained: Path,
    folder: Path,
    train: Units,
    dev: Units,
    ranges: Sequence[Mapping[str, Any]],
    base: str,
    labels_note: str | None,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    from nlp_engage.train.card import cross_fitted_ece, temperatures, write_card, write_scores
    from nlp_engage.train.export import export_folder, write_config

    credit = BASE_CREDIT if base.startswith(BASE_CREDIT["name"]) else {"name": base, "licence": "see its model page"}
    unseen = drop_shared_threads(dev, train)  # on threads it was trained on, a network is too sure of itself
    export_folder(trained, folder, credit, ranges)
    raw = OnnxLabeller.load(folder).predict([context_of_unit(u) for u in unseen])
    logits = np.log(np.clip(raw.probabilities, 1e-12, None))
    write_config(folder, folder.name, temperatures(logits, unseen), credit)
    labeller = OnnxLabeller.load(folder)
    scores: dict[str, Any] = {folder.name: score(labeller, dev), **dict(_other_scores(labeller, train, dev))}
    scores[folder.name] |= {"ece_cross_fitted": cross_fitted_ece(logits, unseen), "data": data}
    write_scores(folder, scores)
    write_card(folder, scores, labels_note=labels_note)
    return scores


def _other_scores(labeller: Labeller, train: Units, dev: Units) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The same model on dev threads it never saw anything of, and the two floors."""
    from nlp_engage.classify.baseline import TfidfBaseline, majority_baseline

    unseen = drop_shared_threads(dev, train)
    if len(unseen) < len(dev):
        yield f"the same, on the {len(unseen)} dev replies of threads not in train", score(labeller, unseen)
    apart = drop_shared_threads(train, dev)
    for name, estimator in (("TF-IDF + logistic regression", TfidfBaseline()), ("majority label", majority_baseline())):
        yield name, score_predictions(baseline_probabilities(estimator, apart, dev), dev)


def baseline_probabilities(estimator: Any, train: Units, dev: Units) -> Any:
    """Fit a scikit-learn estimator on the replies of ``train``; its probabilities for ``dev``, shape (n, 3)."""
    estimator.fit([u["reply"] for u in train], [u["label"] for u in train])
    order = [list(estimator.classes_).index(code) for code in LABEL_CODES]
    return estimator.predict_proba([u["reply"] for u in dev])[:, order]
