"""Measure and report: the objects a user holds."""

from __future__ import annotations

import html
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.errors import DataError
from nlp_engage.measure import collect, held_out_of, measure_table
from nlp_engage.report.gallery import Gallery
from nlp_engage.report.ledger import Origin, labels_hash
from nlp_engage.report.words import Words
from nlp_engage.types import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    import pyarrow as pa

    from nlp_engage.measure import HeldOut, Measurement, ReplyTable
    from nlp_engage.measure.campaign_report import CampaignReport
    from nlp_engage.types import LabelledTree

RESAMPLES: Final = 1000
LEVEL: Final = 0.90
TABLE_SUFFIXES: Final = (".json", ".csv", ".parquet")
_NOTEBOOK_ROWS: Final = 50
_NOTEBOOK_KEYS: Final = (
    "n_threads", "n_replies", "n_people",
    *(f"share_{label}{end}" for label in LABELS for end in ("", "_corrected")), "eq", "ep", "reciprocity",
)  # fmt: skip


class EngagementReport:
    """What was measured, with the texts behind it: rows, frames, files and the HTML report.

    Made by ``measure``. ``rows``, ``to_arrow`` and ``to_pandas`` give the measurement, ``save`` writes it.

    Attributes:
        measurement: The rows that were asked for.
        table: The facts of every reply.
        campaigns: A comparison of campaigns to show, or ``None``.
    """

    def __init__(
        self,
        measurement: Measurement,
        *,
        table: ReplyTable,
        gallery: Gallery,
        by: str | Mapping[str, str] | None,
        manifest: Mapping[str, Any] | None = None,
        scores: Mapping[str, Any] | None = None,
        held_out: Mapping[str, HeldOut] | None = None,
    ) -> None:
        self.measurement = measurement
        self.table = table
        self.campaigns: CampaignReport | None = None
        self._gallery = gallery
        self._by = by
        self._manifest = dict(manifest or {})
        self._scores = scores
        self._held_out = dict(held_out or {})

    def rows(self) -> list[dict[str, Any]]:
        """One dict a group: counts, and estimates with ``_low`` and ``_high``."""
        return list(self.measurement.rows())

    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        return self.measurement.to_arrow()

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a pandas frame.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        return self.measurement.to_pandas()

    def save(
        self,
        path: str | Path,
        *,
        lang: str = "en",
        title: str | None = None,
        no_text: bool = False,
        command: str | None = None,
    ) -> None:
        """Write the report (``.html``) or the rows (``.json``, ``.csv``, ``.parquet``), by the suffix.

        Args:
            path: File to write; an existing one is replaced, whole or not at all.
            lang: Language of the HTML report, ``en`` or ``zh``.
            title: Title of the HTML report.
            no_text: Show no word of the archive; people and posts get codes drawn for this file.
            command: The command that makes the report, for its ledger.

        Raises:
            DataError: Another suffix, or another language.
        """
        out = Path(path)
        if out.suffix in TABLE_SUFFIXES:
            from nlp_engage.report.tables import write_table

            write_table(self.measurement, out)
        elif out.suffix in (".html", ".htm"):
            from nlp_engage.durable import write_atomically

            page = self.to_html(lang=lang, title=title, no_text=no_text, command=command)
            write_atomically(out, page.encode("utf-8"))
        else:
            raise DataError(f"{out} must end in .html or {', '.join(TABLE_SUFFIXES)}: the suffix says what to write")

    def to_html(
        self, *, lang: str = "en", title: str | None = None, no_text: bool = False, command: str | None = None
    ) -> str:
        """The report as one HTML document; arguments as for ``save``."""
        from nlp_engage.report.figures import take_figures
        from nlp_engage.report.page import Material, render
        from nlp_engage.report.safety import Veil

        words = Words(lang)
        written = self._manifest.get("settings") or {}
        figures = take_figures(self.table, self.measurement, by=self._by, held_out=self._held_out)
        material = Material(
            figures=figures,
            table=self.table,
            gallery=self._gallery,
            title=title,
            campaigns=self.campaigns,
            origin=Origin(
                manifest=self._manifest,
                command=command,
                labels_hash=labels_hash(self.table),
                scores=self._scores,
                version=version("nlp-engage"),
            ),
        )
        # A run that was written without words holds tokens in their place: they are not to be read as text.
        hidden = no_text or written.get("text") is False
        veil = Veil(no_text=hidden, coded=str(written.get("authors", "")).startswith("salted"))
        return render(material, words, veil)

    def _repr_html_(self) -> str:
        """The rows for a notebook: a plain table, every value escaped."""
        rows = self.rows()
        head = "".join(f"<th>{html.escape(key)}</th>" for key in ("group", *_NOTEBOOK_KEYS))
        lines = []
        for row in rows[:_NOTEBOOK_ROWS]:
            cells = "".join(f"<td>{_cell(row, key)}</td>" for key in _NOTEBOOK_KEYS)
            lines.append(f"<tr><th>{html.escape(str(row['group']))}</th>{cells}</tr>")
        more = f"<p>… {len(rows) - _NOTEBOOK_ROWS} more rows</p>" if len(rows) > _NOTEBOOK_ROWS else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>{more}"

    def __repr__(self) -> str:
        """What was measured, in a line."""
        size = f"{len(self.table)} replies in {len(self.table.thread_ids)} threads"
        return f"EngagementReport({len(self.rows())} rows by {self.measurement.by}; {size})"


def _cell(row: Mapping[str, Any], key: str) -> str:
    value, low, high = row.get(key), row.get(f"{key}_low"), row.get(f"{key}_high")
    if value is None:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    digits = 1 if key in ("eq", "ep") else 3
    interval = "" if low is None or high is None else f" ({low:.{digits}f}–{high:.{digits}f})"
    return f"{value:.{digits}f}{interval}"


def measure(
    labelled: Iterable[LabelledTree],
    by: str | Mapping[str, str] | None = None,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
    manifest: Mapping[str, Any] | None = None,
    scores: Mapping[str, Any] | None = None,
) -> EngagementReport:
    """Measure labelled trees as they stream by, and keep what a report shows of them.

    Args:
        labelled: Trees from ``label`` or ``read_run``; read once.
        by: ``None`` for one row over all, ``thread_id``, ``platform``, ``lang``, ``month``, ``week``, ``day``,
            ``author``, or a table thread id -> group.
        resamples: Bootstrap draws behind every interval.
        level: Confidence level of the intervals, in (0, 1).
        seed: Seed of the draws.
        manifest: Manifest of the run the trees come from, for the report's ledger.
        scores: What the model scored on held-out replies (``Labeller.scores``, ``archive.run_scores``): its
            confusions correct the shares, which otherwise stand there as counted, with the reason in ``notes``.

    Returns:
        The rows, and a report to save.

    Raises:
        DataError: Unknown column, or a thread that comes twice.

    >>> from nlp_engage.tree import build_tree
    >>> from nlp_engage.types import Comment, LabelledTree
    >>> import numpy as np
    >>> tree = build_tree([Comment(id="p", thread_id="p", author="shop", text="New cups!"),
    ...                    Comment(id="a", thread_id="p", parent_id="p", author="ann", text="Do they leak?")])
    >>> sure = np.array([[np.nan] * 3, [0.0, 1.0, 0.0]])
    >>> labelled = LabelledTree(tree=tree, probabilities=sure, acts=np.array([-1, 4], np.int32),
    ...                         act_probabilities=np.array([np.nan, 1.0]), languages=("en", "en"))
    >>> report = measure([labelled], resamples=20)
    >>> report.rows()[0]["eq"], report.rows()[0]["share_genuine_dialogue"]
    (50.0, 1.0)
    """
    gallery = Gallery()
    table = collect(gallery.watch(labelled))
    known = held_out_of(scores, _model_name(manifest, scores))
    measurement = measure_table(table, by=by, held_out=known, resamples=resamples, level=level, seed=seed)
    return EngagementReport(
        measurement, table=table, gallery=gallery, by=by, manifest=manifest, scores=scores, held_out=known
    )


def _model_name(manifest: Mapping[str, Any] | None, scores: Mapping[str, Any] | None) -> str | None:
    """Name of the model: as the run says, else the first of the scores, for it stands before its floors."""
    named = ((manifest or {}).get("model") or {}).get("name")
    return named or next(iter(scores or {}), None)


def report_run(
    run: str | Path,
    out: str | Path,
    *,
    lang: str = "en",
    title: str | None = None,
    seed: int = 0,
    no_text: bool = False,
    campaigns: str | Path | None = None,
) -> EngagementReport:
    """Write the engagement report of a finished run.

    Args:
        run: Run folder.
        out: HTML file to write.
        lang: ``en`` or ``zh``.
        title: Title; by default a question in the language of the report.
        seed: Seed of the bootstrap.
        no_text: Show no word of the archive; people and posts get codes drawn for this file.
        campaigns: TOML file of campaigns to compare in a section of their own.

    Returns:
        The report, to go on with.

    Raises:
        RunError: The folder is no finished run.
        DataError: ``out`` is no HTML file, the language is unknown, or the campaigns do not fit.
    """
    from nlp_engage.archive import read_run, run_manifest, run_scores
    from nlp_engage.archive.store import account_codes
    from nlp_engage.measure.campaign import compare_table
    from nlp_engage.measure.campaign_file import read_campaigns
    from nlp_engage.measure.posts import PostBook

    folder, target = Path(run), Path(out)
    if target.suffix not in (".html", ".htm"):
        raise DataError(f"{target} must end in .html: a report is one HTML file")
    Words(lang)  # an unknown language is told before the work is done
    manifest = run_manifest(folder)
    plan = None if campaigns is None else read_campaigns(campaigns)
    book = PostBook(alias=account_codes(folder))
    report = measure(book.watch(read_run(folder)), seed=seed, manifest=manifest, scores=run_scores(folder))
    if plan is not None:
        report.campaigns = compare_table(report.table, book, plan, seed=seed)
    command = _command(folder, target, lang, seed, no_text)
    if campaigns is not None:
        command += " --campaigns " + ("campaigns.toml" if no_text else shlex.quote(Path(campaigns).name))
    report.save(target, lang=lang, title=title, no_text=no_text, command=command)
    return report


def _command(run: Path, out: Path, lang: str, seed: int, no_text: bool) -> str:
    """The command that made a report. Folder names may tell something too, so without text they are left out."""
    names = ["RUN", "report.html"] if no_text else [run.resolve().name, out.name]
    parts = ["nlp-engage", "report", names[0], "-o", names[1], "--lang", lang, "--seed", str(seed)]
    return shlex.join(parts + ["--no-text"] * no_text)
