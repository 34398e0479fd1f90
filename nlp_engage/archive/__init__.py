"""Batch work: label an archive into a run folder, resume it, read it back."""

from nlp_engage.archive.label import label_trees
from nlp_engage.archive.progress import run_status
from nlp_engage.archive.run import RunResult, label_archive
from nlp_engage.archive.store import is_run, read_run, run_held_out, run_manifest, run_scores

__all__ = [
    "RunResult",
    "is_run",
    "label_archive",
    "label_trees",
    "read_run",
    "run_held_out",
    "run_manifest",
    "run_scores",
    "run_status",
]
