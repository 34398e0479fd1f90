"""Command-line verbs of the audit: ``audit plan`` draws replies to label, ``audit report`` says what they change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from nlp_engage.cli_archive import PATH
from nlp_engage.cli_measure import BY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nlp_engage.measure.audit import AuditReport

_SHEETS: Final = (".jsonl", ".csv")
_TABLES: Final = (".json", ".csv", ".parquet")
_DIGITS: Final = {"eq": 1, "ep": 1}
_MOST_ROWS: Final = 200


@click.group()
def audit() -> None:
    """Check a run by hand: draw threads, label their replies, and see every figure corrected.

    \b
    Example:
      nlp-engage audit plan run --budget 200 -o sheet.csv
      nlp-engage audit report run sheet.csv
    """


@audit.command()
@click.argument("run", type=PATH)
@click.option("--budget", required=True, type=click.IntRange(min=1), help="Replies to label, about.")
@click.option("--seed", default=0, show_default=True, help="Seed of the draw.")
@click.option("-o", "--out", required=True, type=PATH, help="SHEET.csv for a spreadsheet, or SHEET.jsonl.")
def plan(run: Path, budget: int, seed: int, out: Path) -> None:
    """Draw threads with known probabilities and write a sheet with their replies, to be labelled by hand.

    Write M (mindless interaction), D (genuine dialogue) or S (self-expression) into the column label of every row, by
    docs/codebook.md, and leave the other columns as they are.

    \b
    Example:
      nlp-engage audit plan run --budget 200 -o sheet.csv
    """
    from nlp_engage.archive import read_run, run_manifest
    from nlp_engage.archive.store import check_words
    from nlp_engage.durable import write_atomically
    from nlp_engage.measure import collect
    from nlp_engage.measure.audit_plan import plan_audit
    from nlp_engage.measure.audit_sheet import sheet_bytes, sheet_units
    from nlp_engage.spreadsheet import check_new

    if out.suffix not in _SHEETS:
        raise click.BadParameter(f"{out} must end in {' or '.join(_SHEETS)}", param_hint="-o")
    check_new([out])
    check_words(run, run_manifest(run))
    drawn = plan_audit(collect(read_run(run)), budget, seed=seed)
    write_atomically(out, sheet_bytes(sheet_units(read_run(run), drawn), out.suffix))
    click.echo(_strata_text(drawn.rows()), err=True)
    click.echo(f"{out}: {len(drawn.inclusion)} replies to label in {len(drawn.threads)} threads, seed {seed}", err=True)
    if len(drawn.threads) == sum(stratum.threads for stratum in drawn.strata):
        click.echo("note: the budget is enough for the whole archive, and every thread is on the sheet", err=True)


def _strata_text(rows: Sequence[dict[str, Any]]) -> str:
    from nlp_engage.show import in_columns, plain

    head = ["stratum", "threads", "drawn", "replies to label"]
    lines = [[plain(row["stratum"]), *(f"{row[key]:,}" for key in ("threads", "drawn", "labels"))] for row in rows]
    return in_columns([head, *lines], left=(0,))


@audit.command(name="report")
@click.argument("run", type=PATH)
@click.argument("labels", type=PATH)
@click.option("--by", metavar="COLUMN", help=BY)
@click.option("--against", metavar="GROUP", help="Group the others are compared with (default: the largest).")
@click.option("--level", default=0.90, show_default=True, help="Confidence level of the intervals.")
@click.option("-o", "--out", type=PATH, help="Write the rows to OUT.json, .csv or .parquet, too.")
def report_audit(run: Path, labels: Path, by: str | None, against: str | None, level: float, out: Path | None) -> None:
    """Print shares, EQ and EP as the model has them and as corrected by labels made by hand, with intervals.

    LABELS is a sheet of `audit plan` that was filled in, or any JSON lines or CSV with uid, label and p_inclusion, the
    probability with which an active learner drew the reply. With --by, groups and their differences are shown.

    \b
    Example:
      nlp-engage audit report run sheet.csv --by platform
    """
    from nlp_engage.archive import read_run
    from nlp_engage.measure import collect
    from nlp_engage.measure.audit import audit as correct
    from nlp_engage.measure.audit_sheet import hand_labels, read_sheet

    if out is not None and out.suffix not in _TABLES:
        raise click.BadParameter(f"{out} must end in {', '.join(_TABLES)}", param_hint="-o")
    if not 0 < level < 1:
        raise click.BadParameter(f"{level} must be between 0 and 1", param_hint="--level")
    if against is not None and by is None:
        raise click.UsageError("--against needs --by: it names one of the groups")
    table = collect(read_run(run))
    found = hand_labels(read_sheet(labels), table)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    base = against or _largest(table, by)
    result = correct(
        read_run(run), found.labels, found.inclusion, stratum=found.stratum, by=by, against=base, level=level
    )
    click.echo(_report_text(result))
    if out is not None:
        _write(result, out)
        click.echo(f"{out}: {len(result.rows())} rows", err=True)


def _largest(table: Any, by: str | None) -> str | None:
    """The group with most labelled audience replies, if there are several."""
    import numpy as np

    from nlp_engage.measure.groups import group

    if by is None:
        return None
    grouping = group(table, by)
    replies = np.bincount(grouping.rows[table.measured & (grouping.rows >= 0)], minlength=len(grouping.names))
    return grouping.names[int(replies.argmax())] if np.count_nonzero(replies) > 1 else None


def _report_text(result: AuditReport) -> str:
    """One line a figure: raw beside audited, and what would make the interval half as wide."""
    from nlp_engage.show import in_columns, plain

    rows = [row for row in result.rows() if row["raw"] is not None]
    level = f"{100 * result.level:.6g}%"
    lines = [["group", "figure", "raw", f"{level} interval", "audited", f"{level} interval", "labels", "to halve"]]
    notes: dict[str, None] = {}
    before = None
    for row in rows[:_MOST_ROWS]:
        name = plain(row["group"])
        first = [name if name != before else "", row["statistic"].replace("_", " ")]
        more = "-" if row["labels_to_halve"] is None else f"+{row['labels_to_halve']:,}"
        lines.append([*first, *_cells(row, "raw"), *_cells(row, "audited"), f"{row['n_labels']:,}", more])
        before = name
        if row["note"]:
            notes[f"{name}: {row['note']}"] = None
    text = in_columns(lines, left=(0, 1))
    if len(rows) > _MOST_ROWS:
        text += f"\n... {len(rows) - _MOST_ROWS} more lines; -o writes them all"
    return "\n".join([text, *notes])


def _cells(row: dict[str, Any], way: str) -> tuple[str, str]:
    digits, factor = _DIGITS.get(row["statistic"], 1), 1 if row["statistic"] in _DIGITS else 100
    value, low, high = (row[way + end] for end in ("", "_low", "_high"))
    interval = "" if low is None else f"[{factor * low:.{digits}f}, {factor * high:.{digits}f}]"
    return ("-" if value is None else f"{factor * value:.{digits}f}"), interval


def _write(result: AuditReport, out: Path) -> None:
    from nlp_engage.report.tables import write_rows

    settings = {"version": result.version, "level": str(result.level)}
    write_rows(result.rows(), out, settings)


VERBS: Final = (audit,)
