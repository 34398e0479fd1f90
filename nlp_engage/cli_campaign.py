"""Command-line verbs around campaigns: ``compare``, ``power``, ``service``."""

from __future__ import annotations

import json
from functools import partial
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
DEALS: Final = click.option(
    "--resamples",
    default=1000,
    show_default=True,
    help="Draws of the thread bootstrap, and deals of the permutation test: 100 or more.",
)
SUFFIXES: Final = (".json", ".csv", ".parquet")


def check_suffix(_: click.Context, __: click.Parameter, out: Path | None) -> Path | None:
    """Only what can be written, before the work is done."""
    if out is not None and out.suffix not in SUFFIXES:
        raise click.BadParameter(f"{out} must end in {', '.join(SUFFIXES)}")
    return out


OUT: Final = click.option("-o", "--out", type=PATH, callback=check_suffix, help="OUT.json, .csv or .parquet.")


def _measured(verb: Callable[..., None], resamples: Any = RESAMPLES) -> Callable[..., None]:
    """Options of a verb that measures a run and writes what it finds."""
    for option in (SALT, LEVEL, resamples, SEED, LANG, OUT):  # the last one stands first in --help
        verb = option(verb)
    return verb


@click.command()
@click.argument("run", type=PATH)
@click.option("--campaigns", required=True, type=PATH, help="TOML file that names the groups of posts.")
@partial(_measured, resamples=DEALS)
def compare(
    run: Path, campaigns: Path, out: Path | None, lang: str, seed: int, resamples: int, level: float, salt: str | None
) -> None:
    """Compare campaigns with a baseline: differences, intervals, tests, and a verdict in plain words.

    \b
    Example:
      nlp-engage compare run --campaigns data/sample/campaigns.toml -o campaigns.json
    """
    from nlp_engage.archive import read_run
    from nlp_engage.archive.store import account_codes
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


def save(out: Path, plain: Callable[[], Any], arrow: Callable[[], Any]) -> None:
    """Write a result by its suffix, whole or not at all."""
    from nlp_engage.durable import write_atomically
    from nlp_engage.report.tables import write_arrow

    if out.suffix == ".json":
        text = json.dumps(plain(), ensure_ascii=False, indent=1, allow_nan=False)
        write_atomically(out, (text + "\n").encode("utf-8"))
    else:
        write_arrow(arrow(), out)
    click.echo(f"written: {out}", err=True)


@click.command()
@click.argument("run", required=False, type=PATH)
@click.option("--effect", default=5.0, show_default=True, help="Difference to see, in points of 100: 0.1 or more.")
@click.option(
    "--figure",
    default="share_genuine_dialogue",
    show_default=True,
    help="What is compared: eq, a share, or, with RUN, reciprocity or responsiveness.",
)
@click.option("--power", "chance", default=0.8, show_default=True, help="Probability of seeing it if it is there.")
@LEVEL
@click.option("--share", type=float, help="Without RUN: the share before the campaign. [default: 0.3]")
@click.option("--replies", type=float, help="Without RUN: replies under a post on average. [default: 20]")
@click.option("--unequal", type=float, help="Without RUN: their coefficient of variation. [default: 1]")
@click.option("--likeness", type=float, help="Without RUN: intra-class correlation in a thread. [default: 0.1]")
@click.option("--accuracy", type=float, help="Without RUN: share of labels that are right. [default: 0.85]")
@click.option("--credit-sd", type=float, help="Without RUN: spread of a reply's credit, for eq. [default: 33]")
@LANG
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def power(
    run: Path | None,
    effect: float,
    figure: str,
    chance: float,
    level: float,
    lang: str,
    as_json: bool,
    **assumptions: float | None,
) -> None:
    """Before a launch: how many posts, comments and labels are needed to see a difference.

    RUN is a labelled pilot: its spread between threads is measured. Without it, the spread follows
    from what is assumed.

    \b
    Example:
      nlp-engage power run --effect 5
      nlp-engage power --share 0.3 --replies 20 --effect 5
    """
    from nlp_engage.measure import collect
    from nlp_engage.measure.power import Assumptions, assumed_spread, pilot_spread, plan_power
    from nlp_engage.measure.power_words import power_lines

    given = {name: value for name, value in assumptions.items() if value is not None}
    if run is not None and given:
        raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} is measured in RUN; leave one of the two out")
    unused = "share" if figure == "eq" else "credit_sd"
    if unused in given:
        raise click.UsageError(f"--{unused.replace('_', '-')} says nothing of {figure}; leave it out")
    assumed = Assumptions(**given) if run is None else None
    if run is None:
        spread = assumed_spread(Assumptions(**given), figure)
    else:
        from nlp_engage.archive import read_run

        spread = pilot_spread(collect(read_run(run)), figure)
    plan = plan_power(spread, figure=figure, effect=effect, level=level, power=chance)
    if as_json:
        click.echo(json.dumps(plan.to_dict(), ensure_ascii=False, indent=1))
        return
    for line in power_lines(plan, spread, assumed, lang):
        click.echo(line)


@click.command()
@click.argument("run", type=PATH)
@click.option("--by", metavar="COLUMN", help="page, platform, lang, month, week, day, thread_id, author.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    help="Who answers for the brand (default: the owner of a thread); threads without are left out.",
)
@_measured
def service(
    run: Path,
    by: str | None,
    accounts: tuple[str, ...],
    out: Path | None,
    lang: str,
    seed: int,
    resamples: int,
    level: float,
    salt: str | None,
) -> None:
    """Service pages: questions and complaints answered, how soon, and whether the talk goes on after the answer.

    \b
    Example:
      nlp-engage service run --by page
    """
    from nlp_engage.archive import read_run
    from nlp_engage.archive.store import account_codes
    from nlp_engage.measure.service import service as measure_service
    from nlp_engage.measure.service_words import service_lines

    code = account_codes(run, salt)
    found = measure_service(
        read_run(run), by=by, accounts=accounts, resamples=resamples, level=level, seed=seed, alias=code
    )
    for line in service_lines(found, lang):
        click.echo(line)
    if out is not None:
        save(out, found.rows, found.to_arrow)


VERBS: Final = (compare, power, service)
