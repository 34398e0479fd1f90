"""The command line: verbs that parse, call and print. Data on stdout, progress on stderr; exit 0, 1 or 2."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nlp_engage.cli_train import VERBS
from nlp_engage.errors import DataError, NlpEngageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nlp_engage.types import DialogueTree, LabelledTree

FILES = click.argument("files", nargs=-1, required=True, type=click.Path())
FORMAT = click.option("--format", "format_", metavar="NAME", help="Read as this format instead of sniffing.")
COLUMNS = click.option(
    "--column", "columns", multiple=True, metavar="FIELD=COLUMN",
    help="Column map for CSV/TSV, e.g. --column text=Comment --column author=User (repeatable).",
)
LEVEL_HELP = "Draws and seed of the thread bootstrap behind every interval."


class Program(click.Group):
    """Turns the package's own errors into one line and exit code 1, and Ctrl-C into exit code 130."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; errors of data and model go to stderr without a traceback."""
        try:
            return super().invoke(ctx)
        except NlpEngageError as error:
            click.echo(f"nlp-engage: {error}", err=True)
            ctx.exit(1)
        except BrokenPipeError:  # the reader of a pipe has seen enough
            sys.stderr.close()
            ctx.exit(0)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="nlp-engage", prog_name="nlp-engage")
def main() -> None:
    """Measure engagement in comment archives (English and Chinese).

    \b
    Example:
      nlp-engage label archive/*.json -o run
      nlp-engage report run -o report.html
    """


def parse_columns(pairs: Sequence[str]) -> dict[str, str]:
    """Parse ``FIELD=COLUMN`` options.

    >>> parse_columns(["text=Comment body"])
    {'text': 'Comment body'}
    """
    bad = [p for p in pairs if "=" not in p]
    if bad:
        raise click.BadParameter(f"{bad[0]!r} has no '='; write FIELD=COLUMN, e.g. text=Comment")
    return dict(p.split("=", 1) for p in pairs)


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, with rate and time left."""
    from tqdm import tqdm

    with tqdm(desc=title, unit=" comments", file=sys.stderr, dynamic_ncols=True, mininterval=0.2) as progress:

        def step(done: int, total: int) -> None:
            progress.total = total
            progress.update(done)

        yield step


@main.command()
@FILES
@FORMAT
@COLUMNS
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--trees", default=5, show_default=True, help="Threads to draw.")
def inspect(files: tuple[str, ...], format_: str | None, columns: tuple[str, ...], as_json: bool, trees: int) -> None:
    """Say what files hold: format and why, counts, repairs, completeness, and some threads as trees.

    \b
    Example:
      nlp-engage inspect data/sample/archives
    """
    from nlp_engage.inspection import inspect_archive
    from nlp_engage.show import draw

    found, kept = inspect_archive(files, format=format_, columns=parse_columns(columns), keep=trees)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=1))
        return
    for key, value in found.items():
        if isinstance(value, dict):
            click.echo(f"{key}:" + ("" if value else " none"))
            for name, detail in value.items():
                click.echo(f"    {name}: {detail}")
        else:
            click.echo(f"{key}: {'unknown' if value is None else value}")
    for tree in kept:
        click.echo("\n" + draw(tree, limit=12))


@main.command()
@FILES
@FORMAT
@COLUMNS
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help=".jsonl, .jsonl.gz, .jsonl.zst, "
              ".parquet, or a folder with --to convokit.")
@click.option("--to", "target", type=click.Choice(["jsonl", "parquet", "convokit"]), help="Default: by suffix of OUT.")
@click.option("--heal/--no-heal", default=False, help="Write healed parents instead of the archive's own.")
def convert(
    files: tuple[str, ...], format_: str | None, columns: tuple[str, ...], out: Path, target: str | None, heal: bool
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
    comments = read(list(files), format=format_, columns=parse_columns(columns), report=report)
    if heal:
        comments = (comment for tree in build_trees(comments) for comment in healed(tree))
    written = write(comments, out, target)
    click.echo(f"{out}: {written} records written; read {report.read} = kept {report.kept} + rejected "
               f"{report.n_rejected}", err=True)
    for reject in report.rejected[:10]:
        click.echo(f"  rejected: {reject.file}, {reject.place}: {reject.reason}", err=True)


@main.command()
@FILES
@FORMAT
@COLUMNS
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Run folder to make or to finish.")
@click.option("--model", type=click.Path(path_type=Path), help="Model folder (default: the shipped model).")
@click.option("--threads", default=0, help="Threads for inference (0: one per core).")
def label(
    files: tuple[str, ...], format_: str | None, columns: tuple[str, ...], out: Path, model: Path | None, threads: int
) -> None:
    """Label every reply of an archive. Interrupted? Run the same command again: finished parts are kept.

    \b
    Example:
      nlp-engage label data/sample/archives -o run
    """
    run_label(files, out, model, threads, format_, parse_columns(columns))


def run_label(
    files: Sequence[str], out: Path, model: Path | None, threads: int = 0,
    format_: str | None = None, columns: Mapping[str, str] | None = None,
) -> None:
    """Label with a progress bar and say what was done."""
    from nlp_engage.archive import label_archive
    from nlp_engage.classify import OnnxLabeller

    labeller = OnnxLabeller.load(model, threads=threads)
    try:
        with bar("labelling") as step:
            result = label_archive(list(files), out, labeller, columns=columns, format=format_, progress=step)
    except KeyboardInterrupt:
        click.echo(f"\nstopped; finished parts are kept in {out}. Run the same command again to go on.", err=True)
        raise SystemExit(130) from None
    m = result.manifest
    click.echo(
        f"{out}: {m['threads']} threads, {m['comments']} comments, {m['labelled']} labelled "
        f"(not labelled: {m['unlabelled'] or 'none'}); read {m['read']} = kept {m['kept']} + rejected {m['rejected']}"
        + (f"; {result.resumed_parts} of {m['parts']} parts were already there" if result.resumed_parts else ""),
        err=True,
    )


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--by", metavar="COLUMN", help="One row per value: thread_id, platform, lang, month, week, day, author.")
@click.option("--seed", default=0, show_default=True, help=LEVEL_HELP)
@click.option("--resamples", default=1000, show_default=True, help=LEVEL_HELP)
@click.option("--level", default=0.90, show_default=True, help="Confidence level of the intervals.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="OUT.json, .csv or .parquet (default: JSON on stdout).")
def measure(run: Path, by: str | None, seed: int, resamples: int, level: float, out: Path | None) -> None:
    """Measure engagement in a labelled run: shares, EQ, EP and the rest, with intervals.

    \b
    Example:
      nlp-engage measure run --by platform -o measure.csv
    """
    from nlp_engage.archive import read_run
    from nlp_engage.measure import measure as take_measure
    from nlp_engage.report.tables import write_table

    if out is not None and out.suffix not in (".json", ".csv", ".parquet"):
        raise click.BadParameter(f"{out} must end in .json, .csv or .parquet", param_hint="-o")
    result = take_measure(read_run(run), by=by, resamples=resamples, level=level, seed=seed)
    if out is None:
        click.echo(json.dumps(result.rows(), ensure_ascii=False, indent=1, default=str))
    else:
        write_table(result, out)
        click.echo(f"{out}: {len(result.rows())} rows", err=True)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="OUT.html")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the report.")
@click.option("--title", help="Title of the report.")
@click.option("--seed", default=0, show_default=True, help=LEVEL_HELP)
@click.option("--no-text", is_flag=True, help="Leave out all words from the archive and hash author names.")
def report(run: Path, out: Path, lang: str, title: str | None, seed: int, no_text: bool) -> None:
    """Write the engagement report: one self-contained HTML file.

    \b
    Example:
      nlp-engage report run -o report.html --lang zh
    """
    from nlp_engage.report import report_run

    report_run(run, out, lang=lang, title=title, seed=seed, no_text=no_text)
    click.echo(f"report: {out}")


@main.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--thread", "thread_id", metavar="ID", help="Thread to draw (default: the largest).")
@click.option("--limit", default=60, show_default=True, help="Comments to draw at most.")
def show(source: Path, thread_id: str | None, limit: int) -> None:
    """Draw one tree: of an archive, or of a run with its labels.

    \b
    Example:
      nlp-engage show run --thread t3_abc123
    """
    from nlp_engage.archive.store import MANIFEST
    from nlp_engage.show import draw

    trees: list[DialogueTree] | list[LabelledTree]
    if (source / MANIFEST).exists():
        from nlp_engage.archive import read_run

        labelled = {lt.tree.thread_id: lt for lt in read_run(source)}
        chosen = _choose(labelled, thread_id, source, lambda lt: len(lt.tree))
        click.echo(draw(chosen.tree, labels=chosen, limit=limit))
        return
    from nlp_engage.readers import read
    from nlp_engage.tree import build_trees

    by_id = {tree.thread_id: tree for tree in build_trees(read([source]))}
    click.echo(draw(_choose(by_id, thread_id, source, len), limit=limit))


def _choose(trees: Mapping[str, Any], thread_id: str | None, source: Path, size: Callable[[Any], int]) -> Any:
    if thread_id is None:
        return max(trees.values(), key=size)
    if thread_id not in trees:
        raise DataError(f"{source} holds no thread {thread_id!r}; it has {len(trees)}, e.g. {', '.join(list(trees)[:3])}")
    return trees[thread_id]


@main.command()
@click.option("-o", "--out", default=Path("out/demo"), show_default=True, type=click.Path(path_type=Path))
def demo(out: Path) -> None:
    """Label the sample archives with the shipped model and write the report in English and Chinese.

    \b
    Example:
      nlp-engage demo -o demo
    """
    from nlp_engage.report import report_run
    from nlp_engage.samples import sample_archives

    run = out / "run"
    run_label([str(sample_archives())], run, None)
    for lang in ("en", "zh"):
        path = out / f"report.{lang}.html"
        report_run(run, path, lang=lang)
        click.echo(f"report ({'English' if lang == 'en' else '中文'}): {path}")


for _verb in VERBS:
    main.add_command(_verb)

if __name__ == "__main__":
    main()
