"""Command-line verbs that explain the measure: ``explain`` and ``translate``."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from nlp_engage.cli_archive import PATH
from nlp_engage.cli_measure import BY, RESAMPLES, SEED
from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nlp_engage.measure import ReplyTable
    from nlp_engage.measure.translator import Metric

_PER_POST: Final = (
    "reach", "impressions", "followers", "likes", "comments", "shares", "saves", "follows", "reads", "wow", "headline",
)  # fmt: skip
_NAMED: Final = 10
JSON: Final = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


@click.command()
@click.argument("run", type=PATH)
@click.option("--by", metavar="COLUMN", help=BY)
@click.option(
    "--between", nargs=2, metavar="BEFORE AFTER", help="Two values of --by: split their difference in EQ and EP."
)
@click.option("--top", default=10, show_default=True, type=click.IntRange(1), help="Threads to show.")
@SEED
@RESAMPLES
@JSON
def explain(
    run: Path, by: str | None, between: tuple[str, str] | None, top: int, seed: int, resamples: int, as_json: bool
) -> None:
    """Say where EQ and EP come from, and how far they hang on the constants of the measure.

    Contributions by label, act and thread; EQ and EP under other constants; and, with --between, the difference
    of two groups split into volume, mix and depth, which add up to it.

    \b
    Example:
      nlp-engage explain run
      nlp-engage explain run --by month --between 2026-04 2026-05
    """
    from nlp_engage.archive import read_run
    from nlp_engage.measure import VERSION, collect
    from nlp_engage.measure.contributions import KINDS, contributions
    from nlp_engage.measure.sensitivity import sensitivity

    if between is not None and by is None:
        raise click.UsageError("--between needs --by: the column whose two values are compared, e.g. --by month")
    table = collect(read_run(run))
    found: dict[str, Any] = {"version": VERSION}
    if between is not None and by is not None:
        found["difference"] = _difference(table, by, *between)
    found["contributions"] = {kind: contributions(table, kind) for kind in KINDS}
    found["sensitivity"] = sensitivity(table, by=by, resamples=resamples, seed=seed)
    click.echo(json.dumps(found, ensure_ascii=False, indent=1) if as_json else "\n".join(_explained(found, top)))


def _difference(table: ReplyTable, by: str, before: str, after: str) -> dict[str, Any]:
    from nlp_engage.measure.decompose import decompose
    from nlp_engage.measure.groups import group

    grouping = group(table, by)
    for name in (before, after):
        if name not in grouping.names:
            rest = f" and {len(grouping.names) - _NAMED} more" if len(grouping.names) > _NAMED else ""
            raise DataError(
                f"no group {name!r} by {by}: there are {', '.join(map(repr, grouping.names[:_NAMED]))}{rest}."
            )
    masks = [grouping.rows == grouping.names.index(name) for name in (before, after)]
    for name, mask in zip((before, after), masks, strict=True):
        if not table.measured[mask].any():
            raise DataError(f"group {name!r} by {by} has no labelled audience reply: there is nothing to split.")
    return {"by": by, "before": before, "after": after, **decompose(table, *masks).row()}


def _explained(found: dict[str, Any], top: int) -> Iterable[str]:
    if "difference" in found:
        yield from _split_lines(found["difference"])
    for kind, rows in found["contributions"].items():
        shown = rows[:top]
        rest = f" (the first {len(shown)} of {len(rows)})" if len(rows) > len(shown) else ""
        yield f"Contributions by {kind}{rest}"
        yield from _table(
            ("", "replies", "credit", "EQ", "of EQ", "EP", "of EP"),
            [
                (r["name"], r["n_replies"], _n(r["credit"], 2), _n(r["eq"]), _share(r["eq_share"]), _n(r["ep"]),
                 _share(r["ep_share"]))
                for r in shown
            ],
        )  # fmt: skip
        yield ""
    yield f"Other constants ({found['version']} first; * lies outside the interval of the measure as defined)"
    yield from _table(
        ("group", "constants", "EQ", "change", "EP", "change"),
        [
            (r["group"], r["variant"], _n(r["eq"]) + _out(r["eq_inside"]), _share(r["eq_change"], sign=True),
             _n(r["ep"]) + _out(r["ep_inside"]), _share(r["ep_change"], sign=True))
            for r in found["sensitivity"]
        ],
    )  # fmt: skip


def _split_lines(split: dict[str, Any]) -> Iterable[str]:
    from nlp_engage.show import plain

    yield f"{plain(split['after'])} less {plain(split['before'])} (by {split['by']})"
    eq, ep = split["eq"], split["ep"]
    yield f"  EQ {eq['difference']:+z.1f} = mix {eq['mix']:+z.1f}, depth {eq['depth']:+z.1f}"
    yield (
        f"  EP {ep['difference']:+z.1f} = volume {ep['volume']:+z.1f} (replies {ep['replies']:+z.1f}, same people "
        f"again {ep['again']:+z.1f}), mix {ep['mix']:+z.1f}, depth {ep['depth']:+z.1f}"
    )
    for label, part in split["labels"].items():
        yield f"    EQ by {label}: mix {part['mix']:+z.1f}, depth {part['depth']:+z.1f}"
    yield ""


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Iterable[str]:
    from nlp_engage.show import in_columns, plain

    cells = [list(head), *([plain(str(row[0])), *map(str, row[1:])] for row in rows)]
    words = [k for k, name in enumerate(head) if k == 0 or name == "constants"]
    yield from (f"  {line}" for line in in_columns(cells, left=words).split("\n"))


def _n(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _share(value: float | None, *, sign: bool = False) -> str:
    return "-" if value is None else f"{value:{'+' if sign else ''}.1%}"


def _out(inside: bool | None) -> str:
    return "*" if inside is False else " "


def _numbers(verb: Callable[..., None]) -> Callable[..., None]:
    for name in reversed(_PER_POST):
        verb = click.option(f"--{name}", type=click.FloatRange(0), metavar="N", help=f"{name.title()} of each post.")(
            verb
        )
    return verb


@click.command()
@click.argument("run", type=PATH)
@click.option(
    "--numbers",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV with a column thread_id and further ones named like the options below, one row a post.",
)
@_numbers
@click.option("--days", type=click.FloatRange(0, min_open=True), help="Length of the period, for WCI.")
@JSON
def translate(run: Path, numbers: Path | None, days: float | None, as_json: bool, **each: float | None) -> None:
    """Give the classical numbers of a run: engagement rates, BCI, WCI 14.2, Xiaohongshu CES and 互动量.

    Each comes with its formula, version and source. What no archive holds (reach, shares, saves, ...) may be given,
    by post in a file, or as one number for each post: a mean gives the right sums, though not WCI's maximum.
    Without it a number is "not computable", never a guess.

    \b
    Example:
      nlp-engage translate run --reach 5000 --followers 20000 --shares 40 --saves 25 --follows 3
    """
    from nlp_engage.archive import read_run
    from nlp_engage.measure import collect
    from nlp_engage.measure.translator import translate as classical

    table = collect(read_run(run))
    everywhere = {name: value for name, value in each.items() if value is not None}
    by_post = _read_numbers(numbers, set(table.thread_ids)) if numbers else {}
    given = {thread: {**everywhere, **by_post.get(thread, {})} for thread in table.thread_ids}
    metrics = classical(table, given, days=days)
    if as_json:
        click.echo(json.dumps({"metrics": [m.row() for m in metrics]}, ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(line for metric in metrics for line in _metric(metric)))


def _read_numbers(path: Path, threads: set[str]) -> dict[str, dict[str, float]]:
    from nlp_engage.spreadsheet import from_csv, read_text

    try:
        columns, rows = from_csv(read_text(path), ["thread_id"])
    except csv.Error as error:
        raise DataError(f"{path} is no CSV ({error}): save it as one, in UTF-8.") from None
    if "thread_id" not in columns:
        raise DataError(f"{path} has no column thread_id: name the column of the posts so.")
    found: dict[str, dict[str, float]] = {}
    for n, row in rows.items():
        thread = row.pop("thread_id")
        if thread not in threads:
            raise DataError(f"{path}, row {n}: there is no thread {thread!r} in the run; take ids from it.")
        if thread in found:
            raise DataError(f"{path}, row {n}: thread {thread!r} is there twice; keep one row a post.")
        found[thread] = {}
        for name, value in row.items():
            try:
                found[thread] |= {name: float(value)} if value else {}
            except ValueError:
                raise DataError(
                    f"{path}, row {n}: {name} is {value!r}, which is no number; write 1234.5, or leave it empty."
                ) from None
    return found


def _metric(metric: Metric) -> Iterable[str]:
    value = metric.reason if metric.value is None else f"{metric.value:,.2f}"
    yield f"{metric.name} ({metric.name_zh}): {value}"
    version = f", {metric.version}" if metric.version else ""
    yield f"    {metric.formula}{version}"
    yield f"    source: {metric.source}"


VERBS: Final = (explain, translate)
