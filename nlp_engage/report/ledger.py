"""The claims ledger: which model, data, formula and command stand behind the figures, and what the archive lacks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.report.safety import clean
from nlp_engage.scores import STRICT, own_scores
from nlp_engage.types import LANGUAGES, IssueKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.measure import ReplyTable
    from nlp_engage.report.figures import Figures
    from nlp_engage.report.gallery import Gallery
    from nlp_engage.report.safety import Veil
    from nlp_engage.report.words import Words

FORMULAS: Final = (
    "shares", "corrected", "eq", "ep", "reciprocity", "responsiveness", "return_rate", "breadth", "depth",
    "structural_virality", "h_index", "graveyard",
)  # fmt: skip
_FLOORS: Final = {"majority label": "majority", "TF-IDF + logistic regression": "tfidf"}
MAX_FILES: Final = 8
"""Names of files listed for each format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where labelled trees came from.

    Attributes:
        manifest: Manifest of the run; empty where the trees came from Python.
        command: The command that makes this report again; ``None`` where there is none.
        labels_hash: Digest of ids and probabilities that were measured.
        scores: All entries of the model's ``scores.json``; ``None`` where it is not at hand.
        version: Version of the package.
    """

    manifest: Mapping[str, Any]
    command: str | None
    labels_hash: str
    scores: Mapping[str, Any] | None
    version: str

    @property
    def model_scores(self) -> Mapping[str, Any] | None:
        """The scores of the model itself; where there are several, the lowest."""
        return own_scores(self.scores, (self.manifest.get("model") or {}).get("name"))


def labels_hash(table: ReplyTable) -> str:
    """SHA-256 over comment ids and probabilities, in the fixed order of the table."""
    state = hashlib.sha256()
    for comment_id in table.comment_ids:
        state.update(comment_id.encode("utf-8", "surrogatepass") + b"\0")
    state.update(table.probabilities.round(6).astype("<f8").tobytes())
    return state.hexdigest()


def model_rows(origin: Origin, words: Words) -> list[tuple[str, str]]:
    """What is known of the model, name and value."""
    model = origin.manifest.get("model") or {}
    if not model:
        return []
    temperature = ", ".join(f"{k} {v:.3f}" for k, v in sorted((model.get("temperature") or {}).items()))
    values = {
        "model_name": model.get("name"),
        "model_hash": model.get("sha256"),
        "scheme": model.get("scheme"),
        "template": model.get("template"),
        "temperature": temperature,
    }
    return [(words(f"ledger.{key}"), str(value)) for key, value in values.items() if value]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One model in the table of scores.

    Attributes:
        name: Name of the model or floor.
        own: It is the one that labelled this archive.
        macro_f1: For each language, with interval, in words.
        accuracy: Over all languages.
        ece: Calibration error over all languages.
        n: Replies scored.
    """

    name: str
    own: bool
    macro_f1: tuple[str, ...]
    accuracy: str
    ece: str
    n: str


def score_rows(origin: Origin, words: Words) -> list[ScoreRow]:
    """The model's scores beside its floors, the model first."""
    own = (origin.manifest.get("model") or {}).get("name")
    rows = [
        ScoreRow(
            name=_score_name(name, words),
            own=name == own or name.startswith(STRICT),
            macro_f1=tuple(_with_interval((s.get("per_language") or {}).get(k) or {}, words) for k in LANGUAGES),
            accuracy=_decimal(s.get("accuracy")),
            ece=_decimal(s.get("ece")),
            n=words.number(s["n"]) if "n" in s else "–",
        )
        for name, s in (origin.scores or {}).items()
        if isinstance(s, dict) and "per_language" in s
    ]
    return sorted(rows, key=lambda row: not row.own)


def _score_name(name: str, words: Words) -> str:
    key = "strict" if name.startswith(STRICT) else _FLOORS.get(name)
    return words(f"ledger.{key}") if key else clean(name, 80)


def _with_interval(score: Mapping[str, Any], words: Words) -> str:
    text = _decimal(score.get("macro_f1"))
    if score.get("macro_f1_low") is not None:
        ends = {end: _decimal(score[f"macro_f1_{end}"]) for end in ("low", "high")}
        text += f" ({words('interval.bare', **ends)})"
    return text


def _decimal(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def data_rows(origin: Origin, words: Words, veil: Veil) -> list[tuple[str, list[str]]]:
    """What is known of the data: name and lines."""
    manifest = origin.manifest
    rows: list[tuple[str, list[str]]] = []
    if files := _files(manifest.get("formats") or {}, words, veil):
        rows.append((words("ledger.files"), files))
    if "read" in manifest:
        counts = {k: words.number(manifest[k]) for k in ("read", "kept", "rejected")}
        rows.append((words("ledger.records"), [words("ledger.records_value", **counts)]))
    if "labelled" in manifest:
        left = [f"{words.language(k)} {words.number(n)}" for k, n in (manifest.get("unlabelled") or {}).items()]
        line = words(
            "ledger.labelled_value",
            labelled=words.number(manifest["labelled"]),
            unlabelled=words.listed(left) or words("ledger.nothing"),
        )
        rows.append((words("ledger.labelled"), [line]))
    rows.append((words("ledger.labels_hash"), [origin.labels_hash]))
    return rows


def _files(formats: Mapping[str, Any], words: Words, veil: Veil) -> list[str]:
    """One line a format: how many files, and the names of some."""
    names: dict[str, list[str]] = {}
    for path, how in sorted(formats.items()):
        names.setdefault(str(how).split(":", 1)[0], []).append(Path(path).name)
    lines = []
    for kind, found in sorted(names.items()):
        files, shown = words.count("file", len(found)), clean(kind, 40)
        if veil.no_text:
            lines.append(words("ledger.files_of", format=shown, files=files))
        else:
            some = [clean(name, 80) for name in found[:MAX_FILES]] + ["…"] * (len(found) > MAX_FILES)
            lines.append(words("ledger.files_named", format=shown, files=files, names=words.listed(some)))
    return lines


def formula_rows(words: Words) -> list[tuple[str, str]]:
    """Every figure and its formula."""
    return [(words(f"name.{key}"), words(f"ledger.{key}")) for key in FORMULAS]


def gaps(gallery: Gallery, manifest: Mapping[str, Any], words: Words) -> list[tuple[str, str, str]]:
    """What is absent, broken or unreadable: what, how many, what was done. Only what occurs."""
    skipped = manifest.get("skipped") or {}
    # A run is healed before it is written, so its manifest remembers repairs that its trees no longer show.
    issues = {**gallery.issues, **(manifest.get("issues") or {})}
    counts: dict[str, int] = {
        "rejected": manifest.get("rejected", 0),
        "skipped": sum(skipped.values()),
        "duplicates": manifest.get("duplicates_collapsed", 0),
        "other": gallery.languages["other"],
        "none": gallery.languages["none"],
        "no_author": gallery.no_author,
        "no_time": gallery.no_time,
        **{str(kind): issues.get(str(kind), 0) for kind in IssueKind},
    }
    return [(words(f"gap.{k}"), words.number(n), words(f"gap_done.{k}")) for k, n in counts.items() if n]


def completeness_lines(gallery: Gallery, n_threads: int, words: Words) -> list[str]:
    """How much of the archive is there, by the platforms' own counters."""
    if not gallery.counted or not gallery.declared:
        return [words("missing.no_counter")]
    lines = [
        words(
            "missing.complete",
            declared=words.count("comment", gallery.declared),
            threads=words.count("thread", gallery.counted),
            collected=words.count("comment", gallery.collected),
            share=words.percent(gallery.collected / gallery.declared),
        )
    ]
    if unknown := n_threads - gallery.counted:
        lines.append(words("missing.complete_unknown", threads=words.count("thread", unknown)))
    return lines


def interval_line(figures: Figures, words: Words) -> str:
    """How the intervals are made."""
    return words(
        "ledger.interval",
        level=f"{100 * figures.level:.0f}",
        resamples=words.number(figures.resamples),
        seed=str(figures.seed),
    )


def software(vendored: Sequence[Mapping[str, str]]) -> list[str]:
    """The libraries inside the file, with version, licence and digest."""
    return [f"{e['name']} {e['version']} ({e['licence']}), SHA-256 {e['sha256'][:16]}…" for e in vendored]
