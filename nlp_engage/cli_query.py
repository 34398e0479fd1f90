"""The verb ``query``: SQL over a run folder, for the impatient."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from nlp_engage.cli_archive import PATH, parse_memory

_KINDS: Final = {".csv": "csv", ".json": "json", ".parquet": "parquet"}


@click.command()
@click.argument("run", type=PATH)
@click.argument("sql")
@click.option("-o", "--out", type=PATH, help="OUT.csv, .json or .parquet (default: CSV on stdout).")
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout instead of CSV.")
@click.option("--memory", default="2G", show_default=True, callback=parse_memory, help="Memory the engine may take.")
def query(run: Path, sql: str, out: Path | None, as_json: bool, memory: int) -> None:
    """Ask a run in SQL; its tables are `comments` and `labels`. Nothing is changed, no other file is read.

    \b
    Example:
      nlp-engage query run "SELECT label, count(*) AS n FROM labels GROUP BY label ORDER BY n DESC"
    """
    from nlp_engage.archive.ask import query as ask
    from nlp_engage.archive.ask import write_answer
    from nlp_engage.durable import whole

    if out is not None and out.suffix not in _KINDS:
        raise click.BadParameter(f"{out} must end in {', '.join(_KINDS)}", param_hint="-o")
    answer = ask(run, sql, memory)
    if out is None:
        write_answer(answer, "json" if as_json else "csv", sys.stdout.buffer)
        return
    with whole(out) as file:
        rows = write_answer(answer, _KINDS[out.suffix], file)
    click.echo(f"{out}: {rows} rows", err=True)


VERBS: Final = (query,)
