"""Command-line verbs around campaigns: ``compare``, ``power``, ``service``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from nlp_engage.cli_archive import PATH
from nlp_engage.cli_measure import RESAMPLES, SEED

if TYPE_CHECKING:
    from collections.abc import Callable

LANG: Final = click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of table and verdicts."
)
LEVEL: Final = click.option("--level", default=0.90, show_default=True, help="Confidence level of the intervals.")
SALT: Final = click.option("--salt", metavar="TEXT", help="Salt of the run's author ids, if one was given to `label`.")
SUFFIXES: Final = (".json", ".csv", ".parquet")


def check_suffix(_: click.Context, __: click.Parameter, out: Path | None) -> Path | None:
    """Only what can be written, before the work is done."""
    if out is not None and out.suffix not in SUFFIXES:
        raise click.BadParameter(f"{out} must end in {', '.join(SUFFIXES)}")
    return out


OUT: Final = click.option("-o", "--out", type=PATH, callback=check_suffix, help="OUT.json, .csv or .parquet.")


@click.command()
@click.argument("run", type=PATH)
@click.option("--campaigns", required=True, type=PATH, help="TOML file that names the groups of posts.")
@OUT
@LANG
@SEED
@RESAMPLES
@LEVEL
@SALT
def compare(
    run: Path, campaigns: Path, out: Path | None, lang: str, seed: int, resamples: int, level: float, salt: str | None
) -> None:
    """Compare campaigns with a baseline: differences, intervals, tests, and a verdict in plain words.

    \b
    Example:
      nlp-engage compare run --campaigns data/sample/campaigns.toml -o campaigns.json
    """
    from nlp_engage.archive import read_run
    from nlp_engage.measure.campaign import compare as compare_campaigns
    from nlp_engage.measure.campaign_file import read_campaigns

    plan = read_campaigns(campaigns)
    found = compare_campaigns(
        read_run(run), plan, resamples=resamples, level=level, seed=seed, alias=account_codes(run, salt)
    )
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    for line in found.lines(lang):
        click.echo(line)
    if out is not None:
        save(out, found.to_dict, found.to_arrow)


def account_codes(run: Path, salt: str | None) -> Callable[[str], str | None] | None:
    """How an account is written in a run; ``None`` where authors are kept or the salt is not known."""
    from nlp_engage.archive.privacy import Privacy
    from nlp_engage.types import Comment

    kept = run / ".salt"
    known = salt or (kept.read_text("utf-8").strip() if kept.is_file() else None)
    if known is None:
        return None
    privacy = Privacy(salt=known)
    return lambda name: privacy.apply(Comment(id="", thread_id="", author=name)).author


def save(out: Path, plain: Callable[[], Any], arrow: Callable[[], Any]) -> None:
    """Write a result by its suffix, whole or not at all."""
    from nlp_engage.archive.parts import write_atomically
    from nlp_engage.report.tables import write_arrow

    if out.suffix == ".json":
        text = json.dumps(plain(), ensure_ascii=False, indent=1, allow_nan=False)
        write_atomically(out, (text + "\n").encode("utf-8"))
    else:
        write_arrow(arrow(), out)
    click.echo(f"written: {out}", err=True)


VERBS: Final = (compare,)
