"""Command-line verbs of annotation: ``sample`` and ``agree``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from nlp_engage.annotation.designs import DESIGNS, STRATA
from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.annotation.codings import Codings

LEVEL: Final = 0.9
PATH: Final = click.Path(path_type=Path)
_MOST_STRATA: Final = 40
SHEETS: Final = click.argument(
    "sheets", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)


@click.command()
@click.argument("source", nargs=-1, required=True, type=click.Path())
@click.option("-o", "--out", required=True, type=PATH, help="New sheet: .jsonl, .csv, or .json for Label Studio.")
@click.option("-n", default=200, show_default=True, help="Replies to draw.")
@click.option("--design", type=click.Choice(DESIGNS), default="random", show_default=True, help="How to draw.")
@click.option(
    "--by",
    multiple=True,
    type=click.Choice(STRATA),
    default=("lang",),
    show_default=True,
    help="What strata are made of (repeatable); label is the predicted one.",
)
@click.option(
    "--explore", default=0.5, show_default=True, help="With --design uncertain: share of the chance that is random."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the draw.")
def sample(
    source: tuple[str, ...], out: Path, n: int, design: str, by: tuple[str, ...], explore: float, seed: int
) -> None:
    """Draw replies to label by hand, with the chance of each written beside it.

    SOURCE is an archive, or a run made by `label`, which the designs that use predicted labels need.

    \b
    Example:
      nlp-engage sample data/sample/archives -n 50 --design stratified --by lang --by depth -o work/sheet.csv
    """
    from nlp_engage.annotation.draw import draw_replies
    from nlp_engage.annotation.sheets import write_sheet
    from nlp_engage.archive.store import check_words, is_run, read_manifest, read_run
    from nlp_engage.readers import read
    from nlp_engage.show import plain
    from nlp_engage.tree import build_trees

    _check_sheet(out, "-o")
    for path in filter(is_run, map(Path, source)):
        check_words(path, read_manifest(path))
    run = Path(source[0]) if len(source) == 1 and is_run(Path(source[0])) else None
    draw = draw_replies(
        lambda: read_run(run) if run else build_trees(read(source)), n, design=design, by=by, explore=explore, seed=seed
    )
    files = write_sheet(out, draw.units)
    click.echo(f"{len(draw.units)} of {draw.population} replies drawn ({design}, seed {seed})", err=True)
    for stratum, (size, drawn) in list(draw.strata.items())[:_MOST_STRATA]:
        click.echo(f"  {drawn:>6} of {size:>8}  {plain(stratum)}", err=True)
    if len(draw.strata) > _MOST_STRATA:
        click.echo(f"  and {len(draw.strata) - _MOST_STRATA} further strata, as the sheet has them", err=True)
    click.echo("\n".join(str(f) for f in files))


def _check_sheet(path: Path, option: str) -> None:
    """Refuse a sheet of no known kind, and one that is there already: it may hold hours of somebody's work."""
    from nlp_engage.annotation.sheets import sheet_files
    from nlp_engage.spreadsheet import check_new

    try:
        files = sheet_files(path)
    except DataError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
    check_new(files)


@click.command()
@SHEETS
@click.option("--gold", type=PATH, help="Units with their gold label, JSON lines: what `train` and `evaluate` read.")
@click.option("--disagreements", type=PATH, help="New sheet of the units coders differ on, to adjudicate.")
@click.option(
    "--adjudicated",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="That sheet, filled in: its labels are final.",
)
@click.option("--resamples", default=1_000, show_default=True, help="Thread-bootstrap resamples (0: no intervals).")
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def agree(
    sheets: tuple[Path, ...],
    gold: Path | None,
    disagreements: Path | None,
    adjudicated: Path | None,
    resamples: int,
    seed: int,
    as_json: bool,
) -> None:
    """Tell how far coders agree; list where they differ; write the gold labels.

    SHEETS are filled-in sheets of `sample` (JSON lines, CSV) or exports of Label Studio (JSON, JSON-MIN, CSV).

    \b
    Example:
      nlp-engage agree data/labels/coder_1.csv data/labels/coder_2.csv --gold work/gold.jsonl
    """
    from nlp_engage.agreement import agreement
    from nlp_engage.annotation.codings import gather_files
    from nlp_engage.annotation.sheets import write_sheet
    from nlp_engage.measure.bootstrap import check_resampling

    check_resampling(resamples, LEVEL, seed)
    if adjudicated and not gold:
        raise click.UsageError("--adjudicated needs --gold: its labels are written there")
    if disagreements:
        _check_sheet(disagreements, "--disagreements")
    if gold and gold.resolve() in [p.resolve() for p in (*sheets, adjudicated, disagreements) if p]:
        raise click.BadParameter(f"{gold} is one of the sheets; choose another name", param_hint="--gold")
    codings = gather_files(sheets)
    found = agreement(codings.codes(), codings.threads(), resamples=resamples, level=LEVEL, seed=seed)
    differing = codings.disagreements()
    found |= {
        "disagreements": len(differing),
        "unlabelled": sum(not given for given in codings.answers.values()),
        "threadless": sum(not unit.get("thread") for unit in codings.units.values()),
    }
    settled = _gold_units(codings, adjudicated) if gold else []  # nothing is written before all of it can be
    if disagreements:
        write_sheet(disagreements, differing)
    if gold:
        found["gold"] = len(settled)
        _write_gold(gold, settled, codings)
    click.echo(json.dumps(found, indent=1, ensure_ascii=False) if as_json else _table(found))


def _gold_units(codings: Codings, adjudicated: Path | None) -> list[dict[str, Any]]:
    """Units with their gold label, each of which `train` and `evaluate` can read and knows its thread."""
    from nlp_engage.annotation.codings import adjudications
    from nlp_engage.context import context_of_unit

    units = codings.gold(adjudications(adjudicated, codings) if adjudicated else {})
    for unit in units:
        try:
            context_of_unit(unit)
        except DataError as error:
            raise DataError(f"{error}; no sheet has it: give one with all columns `nlp-engage sample` wrote") from None
        if not unit.get("thread"):
            raise DataError(
                f"unit {unit['uid']!r}: thread is missing, and training would see replies of one conversation on both "
                "sides of a split; give one sheet with the column thread as `nlp-engage sample` wrote it, or write the "
                "uid there if no two replies are of one conversation"
            )
    return units


def _write_gold(path: Path, units: Sequence[Mapping[str, Any]], codings: Codings) -> None:
    from nlp_engage.durable import write_atomically

    write_atomically(path, "".join(json.dumps(u, ensure_ascii=False) + "\n" for u in units).encode("utf-8", "replace"))
    settled = {unit["uid"] for unit in units}
    left = sum(bool(given) and uid not in settled for uid, given in codings.answers.items())
    click.echo(f"{path}: {len(units)} units with a gold label; {left} tied ones left out", err=True)


def _table(found: Mapping[str, Any]) -> str:
    from nlp_engage.show import plain

    coders = ", ".join(f"{plain(name)} ({n})" for name, n in found["coders"].items())
    lines = [
        f"coders (units)   {coders}",
        f"units            {found['units']} with two codings or more, of {found['threads']} threads; "
        f"{found['single']} with one; {found['unlabelled']} unlabelled",
        *_no_threads(found["threadless"]),
        f"agreement        {_number(found['agreement'])}; coders differ on {found['disagreements']} units",
        f"alpha            {_alpha(found)}",
        *(f"  {label:<22} {_alpha(a)}" for label, a in found["alpha_per_label"].items()),
    ]
    for pair in found["pairs"]:
        a, b = map(plain, pair["coders"])
        if not pair["units"]:
            lines += [f"{a} and {b}: no unit in common"]
            continue
        lines += [f"{a} (rows) and {b}: {pair['units']} units in common, alpha {_number(pair['alpha'])}"]
        lines += _confusion(pair["confusion"])
    return "\n".join(lines)


def _no_threads(units: int) -> list[str]:
    if not units:
        return []
    return [
        f"threads          not known of {units} units (no column thread): each counts as one of its own, and intervals "
        "may be too narrow"
    ]


def _confusion(rows: Sequence[Sequence[int]]) -> list[str]:
    from nlp_engage.types import LABEL_CODES

    head = "      " + "".join(f"{code:>7}" for code in LABEL_CODES)
    return [head, *(f"  {c:<4}" + "".join(f"{n:>7}" for n in row) for c, row in zip(LABEL_CODES, rows, strict=True))]


def _alpha(found: Mapping[str, Any]) -> str:
    if found["alpha"] is None:
        return f"– ({found['reason']})"
    if found["alpha_low"] is None:
        return f"{_number(found['alpha'])} ({found['reason']})"
    return f"{_number(found['alpha'])} [{_number(found['alpha_low'])}, {_number(found['alpha_high'])}]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


VERBS: Final = (sample, agree)
