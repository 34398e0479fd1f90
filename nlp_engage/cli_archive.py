"""Command-line verbs around archives: ``inspect``, ``convert``, ``label``, ``status``, ``show``."""

from __future__ import annotations

import json
import re
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from nlp_engage.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nlp_engage.archive import RunResult

PATH: Final = click.Path(path_type=Path)
FILES: Final = click.argument("files", nargs=-1, required=True, type=click.Path())
FORMAT: Final = click.option("--format", "format_", metavar="NAME", help="Read as this format instead of sniffing.")
COLUMNS: Final = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Column map for CSV/TSV, e.g. --column text=Comment --column author=User (repeatable).",
)
OWNERS: Final = click.option(
    "--owner",
    "owners",
    multiple=True,
    metavar="ACCOUNT",
    help="Id or name of an account that owns the page, where the export does not tell (repeatable).",
)
_UNITS: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}
_LISTED: Final = 20
"""Lines of a list that a person reads."""
_MIN_MEMORY: Final = 256 * 2**20


def parse_columns(pairs: Sequence[str]) -> dict[str, str]:
    """Parse ``FIELD=COLUMN`` options.

    >>> parse_columns(["text=Comment body"])
    {'text': 'Comment body'}
    """
    bad = [p for p in pairs if "=" not in p]
    if bad:
        raise click.BadParameter(f"{bad[0]!r} has no '='; write FIELD=COLUMN, e.g. text=Comment")
    return dict(p.split("=", 1) for p in pairs)


def parse_memory(_: click.Context, __: click.Parameter, value: str) -> int:
    """Parse an amount of memory such as ``2G``, in bytes."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)i?B?", value.strip(), re.IGNORECASE)
    if not found:
        raise click.BadParameter(f"{value!r} is no amount of memory; write e.g. 2G or 500M")
    size = int(float(found[1]) * _UNITS[found[2].upper()])
    if size < _MIN_MEMORY:
        raise click.BadParameter(f"{value} is too little to work with; give 256M or more")
    return size


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, with rate and time left."""
    from tqdm import tqdm

    with tqdm(desc=title, unit=" comments", file=sys.stderr, dynamic_ncols=True, mininterval=0.2) as progress:

        def step(done: int, total: int) -> None:
            progress.total = total
            progress.update(done)

        yield step


@click.command()
@FILES
@FORMAT
@COLUMNS
@OWNERS
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--trees", default=5, show_default=True, help="Threads to draw.")
def inspect(
    files: tuple[str, ...],
    format_: str | None,
    columns: tuple[str, ...],
    owners: tuple[str, ...],
    as_json: bool,
    trees: int,
) -> None:
    """Say what files hold: format and why, counts, repairs, completeness, and some threads as trees.

    In a tree, ‹name 89%› marks a reply whose target was recovered: by what, and how surely (docs/who_answers_whom.md).

    \b
    Example:
      nlp-engage inspect data/sample/archives
    """
    from nlp_engage.inspection import inspect_archive
    from nlp_engage.show import draw

    found, kept = inspect_archive(files, format=format_, columns=parse_columns(columns), owners=owners, keep=trees)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for key, value in found.items():
        if key == "sample" and value is None:
            continue
        if isinstance(value, dict):
            click.echo(f"{key}:" + ("" if value else " none"))
            for name, detail in list(value.items())[:_LISTED]:
                click.echo(f"    {name}: {detail}")
            if len(value) > _LISTED:
                click.echo(f"    ... and {len(value) - _LISTED:,} more (--json tells all)")
        else:
            click.echo(f"{key}: {'unknown' if value is None else value}")
    for tree in kept:
        click.echo("\n" + draw(tree, limit=12))


@click.command()
@FILES
@FORMAT
@COLUMNS
@OWNERS
@click.option(
    "-o",
    "--out",
    required=True,
    type=PATH,
    help=".jsonl, .jsonl.gz, .jsonl.zst, .parquet, or a folder with --to convokit.",
)
@click.option("--to", "target", type=click.Choice(["jsonl", "parquet", "convokit"]), help="Default: by suffix of OUT.")
@click.option("--heal/--no-heal", default=False, help="Write healed parents instead of the archive's own.")
def convert(
    files: tuple[str, ...],
    format_: str | None,
    columns: tuple[str, ...],
    owners: tuple[str, ...],
    out: Path,
    target: str | None,
    heal: bool,
) -> None:
    """Convert any supported archive to the canonical format, Parquet or a ConvoKit corpus.

    \b
    Example:
      nlp-engage convert data/sample/archives -o sample.jsonl
    """
    from nlp_engage.readers import read
    from nlp_engage.tree import build_trees, healed
    from nlp_engage.types import ReadReport
    from nlp_engage.writers import write

    report = ReadReport()
    comments = read(list(files), format=format_, columns=parse_columns(columns), report=report, owners=owners)
    if heal:
        comments = (comment for tree in build_trees(comments) for comment in healed(tree))
    written = write(comments, out, target)
    click.echo(
        f"{out}: {written} records written; read {report.read} = kept {report.kept} + rejected {report.n_rejected}",
        err=True,
    )
    for reject in report.rejected[:10]:
        click.echo(f"  rejected: {reject.file}, {reject.place}: {reject.reason}", err=True)


@click.command()
@FILES
@FORMAT
@COLUMNS
@OWNERS
@click.option("-o", "--out", required=True, help="Run folder to make or to finish; with --engine ray also a URL.")
@click.option(
    "--model", type=PATH, help="Model folder, or a shipped one by name: `fast` is the smaller (default: the larger)."
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Replies per inference call, at most.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=0),
    default=0,
    help="Batches worked on at once, each on one thread (0: one per core; ray: 1).",
)
@click.option(
    "--runtime",
    type=click.Choice(["auto", "onnxruntime", "openvino"]),
    default="auto",
    show_default=True,
    help="What multiplies the matrices; auto: OpenVINO where it works (extra openvino), for it is faster.",
)
@click.option(
    "--memory",
    default="2G",
    show_default=True,
    callback=parse_memory,
    help="Memory for the whole run; what of the archive does not fit is sorted on disk.",
)
@click.option("--salt", metavar="TEXT", help="Salt of the author ids (default: a random one kept in RUN/.salt).")
@click.option("--keep-authors", is_flag=True, help="Write author ids and names as they are.")
@click.option("--no-text", is_flag=True, help="Write no words: each text becomes an opaque token.")
@click.option("--mask", is_flag=True, help="Mask e-mail addresses and phone numbers.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="This process, or actors on a Ray cluster (extra `ray`).",
)
@click.option("--ray-address", metavar="HOST:PORT", help="Ray cluster (default: RAY_ADDRESS, or one started here).")
@click.option("--workers", type=click.IntRange(min=1), help="Ray actors at most (default: one per free processor).")
def label(files: tuple[str, ...], out: str, format_: str | None, columns: tuple[str, ...], **options: Any) -> None:
    """Label every reply of an archive. Interrupted? Run the same command again: finished parts are kept.

    \b
    Example:
      nlp-engage label data/sample/archives -o run
    """
    if options["salt"] and options["keep_authors"]:
        raise click.UsageError("--salt and --keep-authors exclude each other")
    if options["engine"] == "local" and (given := [o for o in ("ray_address", "workers") if options[o]]):
        raise click.UsageError(f"--{given[0].replace('_', '-')} needs --engine ray")
    if options["engine"] == "local" and "://" in out:
        raise click.UsageError(f"{out} is a URL, which needs --engine ray; give a folder with -o")
    run_label(files, out, format=format_, columns=parse_columns(columns), **options)


def run_label(
    files: Sequence[str],
    out: str | Path,
    *,
    model: Path | None = None,
    batch_size: int = 64,
    threads: int = 0,
    runtime: str = "auto",
    engine: str = "local",
    ray_address: str | None = None,
    workers: int | None = None,
    no_text: bool = False,
    **options: Any,
) -> None:
    """Label with a progress bar and say what was done."""
    from nlp_engage.archive import label_archive
    from nlp_engage.classify import OnnxLabeller

    make: Callable[..., RunResult] = label_archive
    if engine == "ray":
        from nlp_engage.archive.cluster import label_on_ray

        threads = threads or 1  # many actors, not many threads: any machine has room for one
        make = partial(label_on_ray, address=ray_address, workers=workers, cpus=threads)
    labeller = OnnxLabeller.load(model, threads=threads, batch_size=batch_size, runtime=runtime)
    try:
        with bar("labelling") as step:
            result = make(list(files), out, labeller, text=not no_text, progress=step, **options)
    except KeyboardInterrupt:
        click.echo(
            f"\nstopped; finished parts are kept in {out}. Run the same command again to go on "
            f"(nlp-engage status {out} tells how far it got).",
            err=True,
        )
        raise SystemExit(130) from None
    _tell(out, result)


def _tell(out: str | Path, result: RunResult) -> None:
    m = result.manifest
    click.echo(
        f"{out}: {m['threads']} threads, {m['comments']} comments, {m['labelled']} labelled "
        f"(not labelled: {m['unlabelled'] or 'none'}); read {m['read']} = kept {m['kept']} + rejected {m['rejected']}"
        + (f"; {result.resumed_parts} of {m['parts']} parts were already there" if result.resumed_parts else ""),
        err=True,
    )
    if m["rejected"] > m["rejects_listed"]:
        click.echo(f"{out}/rejects.jsonl lists the first {m['rejects_listed']} of {m['rejected']} rejects", err=True)


@click.command()
@click.argument("run", type=PATH)
def status(run: Path) -> None:
    """Tell how far a labelling run is; works from another terminal while it runs.

    \b
    Example:
      nlp-engage status run
    """
    from nlp_engage.archive import run_status

    click.echo(json.dumps(run_status(run), indent=1))


@click.command()
@click.argument("source", type=PATH)
@click.option("--thread", "thread_id", metavar="ID", help="Thread to draw (default: the largest).")
@click.option("--limit", default=60, show_default=True, help="Comments to draw at most.")
def show(source: Path, thread_id: str | None, limit: int) -> None:
    """Draw one tree: of an archive, or of a run with its labels.

    ‹name 89%› marks a reply whose target was recovered: by what, and how surely (docs/who_answers_whom.md).
    [M], [D] and [S] are the labels.

    \b
    Example:
      nlp-engage show data/sample/archives
    """
    from nlp_engage.archive import is_run, read_run
    from nlp_engage.show import draw

    if is_run(source):
        labelled = {lt.tree.thread_id: lt for lt in read_run(source)}
        chosen = _choose(labelled, thread_id, source, lambda lt: len(lt.tree))
        click.echo(draw(chosen.tree, labels=chosen, limit=limit))
        return
    from nlp_engage.readers import read
    from nlp_engage.tree import build_trees

    by_id = {tree.thread_id: tree for tree in build_trees(read([source]))}
    click.echo(draw(_choose(by_id, thread_id, source, len), limit=limit))


def _choose(trees: Mapping[str, Any], thread_id: str | None, source: Path, size: Callable[[Any], int]) -> Any:
    if not trees:
        raise DataError(f"{source} holds no thread")
    if thread_id is None:
        return max(trees.values(), key=size)
    if thread_id not in trees:
        some = ", ".join(list(trees)[:3])
        raise DataError(f"{source} holds no thread {thread_id!r}; it has {len(trees)}, e.g. {some}")
    return trees[thread_id]


VERBS: Final = (inspect, convert, label, status, show)
