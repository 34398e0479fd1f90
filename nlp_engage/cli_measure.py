"""Command-line verbs around the measure: ``demo``, ``measure``, ``report``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from nlp_engage.cli_archive import PATH, run_label

BY: Final = "One row per value: thread_id, platform, lang, month, week, day, author."
SEED: Final = click.option("--seed", default=0, show_default=True, help="Seed of the thread bootstrap.")
RESAMPLES: Final = click.option(
    "--resamples",
    default=1000,
    show_default=True,
    help="Draws of the thread bootstrap behind every interval: 20 or more, or 0 for none.",
)


@click.command()
@click.argument("run", type=PATH)
@click.option("--by", metavar="COLUMN", help=BY)
@SEED
@RESAMPLES
@click.option("--level", default=0.90, show_default=True, help="Confidence level of the intervals.")
@click.option("-o", "--out", type=PATH, help="OUT.json, .csv or .parquet (default: JSON on stdout).")
def measure(run: Path, by: str | None, seed: int, resamples: int, level: float, out: Path | None) -> None:
    """Measure engagement in a labelled run: shares, EQ, EP and the rest, with intervals.

    Shares stand there twice: as counted, and corrected for the errors the model made on held-out replies.

    \b
    Example:
      nlp-engage measure run --by platform -o measure.csv
    """
    from nlp_engage.archive import read_run, run_held_out
    from nlp_engage.measure import measure as take_measure
    from nlp_engage.report.tables import shares_text, write_table

    if out is not None and out.suffix not in (".json", ".csv", ".parquet"):
        raise click.BadParameter(f"{out} must end in .json, .csv or .parquet", param_hint="-o")
    known = run_held_out(run)
    result = take_measure(read_run(run), by=by, held_out=known, resamples=resamples, level=level, seed=seed)
    if out is None:
        click.echo(json.dumps(result.rows(), ensure_ascii=False, indent=1, default=str))
    else:
        write_table(result, out)
        click.echo(shares_text(result), err=True)
        click.echo(f"{out}: {len(result.rows())} rows", err=True)


@click.command()
@click.argument("run", type=PATH)
@click.option("-o", "--out", required=True, type=PATH, help="OUT.html")
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the report."
)
@click.option("--title", help="Title of the report.")
@SEED
@click.option("--no-text", is_flag=True, help="Leave out all words from the archive and hash author names.")
@click.option("--campaigns", type=PATH, help="TOML file of campaigns to compare in a section of their own.")
def report(
    run: Path, out: Path, lang: str, title: str | None, seed: int, no_text: bool, campaigns: Path | None
) -> None:
    """Write the engagement report: one self-contained HTML file.

    \b
    Example:
      nlp-engage report run -o report.html --lang zh
    """
    from nlp_engage.report import report_run

    report_run(run, out, lang=lang, title=title, seed=seed, no_text=no_text, campaigns=campaigns)
    click.echo(f"report: {out}")


@click.command()
@click.option("-o", "--out", default=Path("out/demo"), show_default=True, type=PATH, help="Folder for run and reports.")
def demo(out: Path) -> None:
    """Label the sample archives with the default model and write the report in English and Chinese.

    \b
    Example:
      nlp-engage demo -o demo
    """
    from nlp_engage.report import report_run
    from nlp_engage.samples import sample_archives

    run = out / "run"
    run_label([str(sample_archives())], run, keep_authors=True)  # the people in the samples are made up
    for lang, name in (("en", "English"), ("zh", "中文")):
        path = out / f"report.{lang}.html"
        report_run(run, path, lang=lang)
        click.echo(f"report ({name}): {path}")


DEMO: Final = (demo,)
VERBS: Final = (measure, report)
