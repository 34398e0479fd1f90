"""Command-line verbs of model makers: ``base``, ``teach``, ``train``, ``export``, ``evaluate``."""

from __future__ import annotations

import inspect
import json
import re
import sys
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from nlp_engage.errors import DataError, require
from nlp_engage.train.config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nlp_engage.train.finetune import Tell

PATH: Final = click.Path(path_type=Path)
SEED: Final = click.IntRange(min=0)
COUNT: Final = click.IntRange(min=1)
LABELS_NOTE: Final = click.option(
    "--labels-note",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Markdown for the model card: who gave the labels, how far coders agree.",
)


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
    type=PATH,
    help="Archives whose words say which vocabulary to keep (repeatable).",
)
@click.option("--keep", type=COUNT, default=34_000, show_default=True, help="Most used pieces to keep.")
@click.option(
    "--model",
    help="Instead: weights of an exported model in float32, to train further (a folder, 'default' or 'fast').",
)
def base(out: Path, base: str, texts: tuple[Path, ...], keep: int, model: str | None) -> None:
    """Make base weights with the vocabulary cut to what English and Chinese comments use.

    With --model, a folder that `train` takes as --base and as --start: the
    shipped model, say, whose 8-bit weights become float32 again.

    \b
    Example:
      nlp-engage base -o work/base --texts data/sample/archives
      nlp-engage base -o work/shipped --model default
    """
    require("torch", extra="train")
    from transformers.utils import logging

    from nlp_engage.modelling import open_model
    from nlp_engage.readers import read
    from nlp_engage.train.base import prepare_base

    logging.disable_progress_bar()
    if model is not None:
        if texts:
            raise click.UsageError(
                "--texts cuts the vocabulary of a base; that of --model stays as it is. Leave one out"
            )
        click.echo(json.dumps(open_model(out, model), indent=1))
        return
    if not texts:
        raise click.UsageError("Missing option '--texts': archives whose words say which vocabulary to keep.")
    words = (c.text for c in read([str(t) for t in texts]) if c.text)
    click.echo(json.dumps(prepare_base(out, words, base=base, keep=keep), indent=1))


def _settings(command: Any) -> Any:
    """An option for every setting of a training, with what it does from the docstring of ``TrainConfig``."""
    words = inspect.cleandoc(TrainConfig.__doc__ or "")  # Python 3.13 strips the indent itself, -OO strips it all
    about = dict(re.findall(r"^ {4}(\w+): (.*?)(?=^ {4}\w+: |\Z)", words, re.MULTILINE | re.DOTALL))
    for setting in reversed([f for f in fields(TrainConfig) if f.name != "fold"]):
        flag = setting.name.replace("_", "-")
        names = [f"--{flag}/--no-{flag}"] if setting.type == "bool" else [f"--{flag}"]
        kind = {"int": int, "float": float, "bool": bool}.get(str(setting.type), str)
        text = " ".join(about.get(setting.name, "").replace("``", "").split())
        if setting.default is not MISSING and setting.default != "":
            shown = str(setting.default).lower() if isinstance(setting.default, bool) else setting.default
            text += f" (default: {shown})"
        command = click.option(*names, setting.name, type=kind, default=None, help=text)(command)
    return command


@click.command()
@click.argument("config", type=PATH, required=False)
@click.option("--model", "folder", type=PATH, help="Model folder to write (default: in OUT, with the same name).")
@click.option("--no-export", is_flag=True, help="Leave it at the trained network; `export` makes the model folder.")
@LABELS_NOTE
@_settings
def train(config: Path | None, folder: Path | None, no_export: bool, labels_note: Path | None, **flags: Any) -> None:
    """Fine-tune on labelled units and write the whole model folder; resumes from its last checkpoint.

    Settings stand in a TOML file (docs/train.example.toml), as flags, or both: flags stand above the file. An ablation
    (context, roles) is scored, not exported; so are folds.

    \b
    Example:
      nlp-engage train --base intfloat/multilingual-e5-small --train data/labels/seed.jsonl --out work/run1
    """
    require("torch", extra="train")
    from nlp_engage.modelling import check_export, export_model
    from nlp_engage.train.ablation import is_ablation
    from nlp_engage.train.data import files_of, sides
    from nlp_engage.train.finetune import finetune
    from nlp_engage.train.folds import cross_validate

    settings = TrainConfig.from_toml(config, flags)
    note = _text(labels_note)
    target = folder or Path(settings.out) / Path(settings.out).name
    taken = is_ablation({"context": settings.context, "roles": settings.roles})
    exported = not (taken or no_export or settings.folds)
    if exported:
        check_export(target, settings)
    with _progress() as tell:
        if settings.folds:
            scores = cross_validate(settings, tell=tell)
            click.echo(json.dumps({k: scores[k] for k in ("macro_f1", "macro_f1_low", "macro_f1_high", "f1_of_folds")}))
            return
        record = finetune(settings, tell=tell, exported=exported)
    if exported:
        export_model(Path(settings.out), target, *sides(settings), labels_note=note, files=files_of(settings))
        click.echo(f"{target}: model folder, for `nlp-engage label --model {target}`", err=True)
    else:
        click.echo(f"{settings.out}: trained, not exported" + (f" ({taken})" if taken else ""), err=True)
    click.echo(json.dumps(record["dev"], indent=1))


@contextmanager
def _progress() -> Iterator[Tell]:
    """Steps, time left and dev scores on stderr."""
    from tqdm import tqdm
    from transformers.utils import logging

    logging.disable_progress_bar()  # one for every checkpoint that is written would break ours
    with tqdm(desc="training", unit=" steps", file=sys.stderr, dynamic_ncols=True, mininterval=0.5) as bar:

        def tell(step: int, steps: int, scores: Mapping[str, float] | None) -> None:
            if bar.total != steps or step < bar.n:  # begins, or the next fold does
                bar.reset(total=steps)
                bar.initial = bar.n = bar.last_print_n = step  # a resumed run counts its speed from where it begins
            bar.update(step - bar.n)
            if scores:
                shown = ", ".join(f"{k.removeprefix('eval_')} {scores[k]:.3f}" for k in sorted(scores) if "_f1_" in k)
                bar.write(f"step {step}: {shown}", file=sys.stderr)

        yield tell


def _text(path: Path | None) -> str | None:
    try:
        return path.read_text("utf-8-sig") if path else None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error}); --labels-note takes a Markdown file") from None


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Units to write, JSON lines.",
)
@click.option("--model", type=PATH, help="The teacher: model folder, or `fast` (default: the larger shipped one).")
@click.option("--per-file", type=COUNT, default=1_500, show_default=True, help="Replies drawn from a file, at most.")
@click.option(
    "--exclude",
    type=PATH,
    help="Labelled units scored on: their threads are left out, and the replies of those that name no thread.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the draw.")
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
    from nlp_engage.splits import thread_of
    from nlp_engage.train.data import read_units
    from nlp_engage.train.selftrain import teach as run

    if out.resolve() in {Path(name).resolve() for name in (*files, *((str(exclude),) if exclude else ()))}:
        raise click.BadParameter(f"{out} is read, too, and would be overwritten; name a new file", param_hint="--out")
    threads = {thread_of(unit) for unit in read_units(exclude)} if exclude else set()
    units = list(run(files, OnnxLabeller.load(model), per_file=per_file, seed=seed, exclude=threads))
    write_atomically(out, "".join(json.dumps(u, ensure_ascii=False) + "\n" for u in units).encode())
    click.echo(f"{out}: {len(units)} units", err=True)


@click.command()
@click.argument("trained", type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="Model folder to write; its name is the model's name.")
@click.option("--train", "train_file", required=True, type=PATH, help="Labelled units for the floors.")
@click.option(
    "--dev",
    "dev_file",
    type=PATH,
    help="Labelled units for temperatures and scores (default: those of --train that training set aside).",
)
@click.option(
    "--calibration",
    type=PATH,
    help="Units whose replies the ranges of 8 bits are taken from, all of them (default: 300 of --train).",
)
@LABELS_NOTE
def export(
    trained: Path,
    out: Path,
    train_file: Path,
    dev_file: Path | None,
    calibration: Path | None,
    labels_note: Path | None,
) -> None:
    """Export a trained network to int8, fit its temperatures, score it beside the floors.

    What the training did with threads in both files (shared_threads) is done here, too. Other files than those of the
    training may be given, a larger dev say; the card names them. What it was trained on is refused as --dev, and its
    dev as --train.

    \b
    Example:
      nlp-engage export work/run1 -o models/my-v1 --train train.jsonl --dev dev.jsonl
    """
    require("torch", extra="train")
    from nlp_engage.modelling import export_model
    from nlp_engage.train.data import drop_from_side, read_units
    from nlp_engage.train.places import check_trained
    from nlp_engage.train.record import PREDICTIONS, check_files, read_predictions
    from nlp_engage.train.tables import score_table

    check_trained(trained)
    record = json.loads((trained / "training.json").read_text("utf-8"))
    units, dev = read_units(train_file), read_units(dev_file) if dev_file else []
    check_files(record, train_file, dev_file)
    if not dev_file:
        held = read_predictions(trained / PREDICTIONS)
        dev, units = [u for u in units if u["uid"] in held], [u for u in units if u["uid"] not in held]
        if len(dev) < len(held):
            raise DataError(
                f"{train_file} lacks {len(held) - len(dev)} dev units of {trained}; name their file with --dev"
            )
    units, dev = drop_from_side(units, dev, record["config"].get("shared_threads", "refuse"))
    ranges = read_units(calibration) if calibration else None
    files = {"train": train_file, "dev": dev_file or train_file}
    scores = export_model(trained, out, units, dev, labels_note=_text(labels_note), calibration=ranges, files=files)
    click.echo(score_table(scores))


@click.command()
@click.option(
    "--model",
    type=PATH,
    help="Model folder, folder of a finished training, or `fast` (default: the larger shipped model).",
)
@click.option("--data", required=True, type=PATH, help="Labelled units, JSON lines.")
@click.option("--against", type=PATH, help="A second model: differences on the same replies, with paired intervals.")
@click.option("--plot", type=PATH, help="Reliability diagram to write: OUT.svg, .png or .pdf.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the thread bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def evaluate(model: Path | None, data: Path, against: Path | None, plot: Path | None, seed: int, as_json: bool) -> None:
    """Score a model on labelled units: macro-F1, per label and slice, calibration, agreement, with intervals.

    \b
    Example:
      nlp-engage evaluate --data data/labels/seed.jsonl --plot reliability.svg
    """
    from nlp_engage.modelling import evaluate as run
    from nlp_engage.modelling import load_labeller
    from nlp_engage.train.data import read_units
    from nlp_engage.train.tables import PLOTS, detail_tables, difference_table, plot_reliability, score_table

    if plot is not None and plot.suffix.lower() not in PLOTS:
        raise click.BadParameter(f"{plot} must end in {', '.join(PLOTS)}", param_hint="--plot")
    if plot is not None and not plot.absolute().parent.is_dir():
        raise click.BadParameter(f"{plot}: there is no folder {plot.parent}; make it first", param_hint="--plot")
    units = read_units(data)
    labeller, second = load_labeller(model), load_labeller(against) if against is not None else None
    found = run(labeller, units, seed=seed)
    scores = {found.name: found.scores}
    result = dict(found.scores)
    tables = [detail_tables(found.scores)]
    if second is not None:
        other = run(second, units, seed=seed)
        name = other.name if other.name != found.name else str(against)
        scores[name] = other.scores
        difference = found.compare(other)
        result["against"] = {"name": name, "difference": difference, "scores": other.scores}
        tables.append(difference_table(found.name, name, difference))
    if plot is not None:
        plot_reliability(scores, plot)
        click.echo(f"{plot}: reliability diagram", err=True)
    click.echo(json.dumps(result, indent=1) if as_json else "\n\n".join([score_table(scores), *tables]))


VERBS: Final = (base, teach, train, export, evaluate)
