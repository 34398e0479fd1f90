"""nlp_engage: an honest measure of engagement from comment archives in English and Chinese.

>>> import nlp_engage as ne
>>> trees = ne.build_trees(ne.read("archive/*.jsonl.zst"))           # doctest: +SKIP
>>> labelled = ne.label(trees, ne.Labeller.load())                   # doctest: +SKIP
>>> report = ne.measure(labelled, by="platform")                     # doctest: +SKIP
>>> report.save("report.html", lang="zh")                            # doctest: +SKIP
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlp_engage.archive import label_archive, read_run
    from nlp_engage.archive import label_trees as label
    from nlp_engage.classify import OnnxLabeller as Labeller
    from nlp_engage.modelling import evaluate, train_model
    from nlp_engage.readers import read
    from nlp_engage.report import EngagementReport, measure
    from nlp_engage.splits import split_threads
    from nlp_engage.train.config import TrainConfig
    from nlp_engage.train.data import read_units
    from nlp_engage.train.results import Evaluation
    from nlp_engage.tree import build_tree, build_trees
    from nlp_engage.types import Comment, DialogueTree, Issue, Label, LabelledTree

# Loaded on first use, so that `import nlp_engage` costs milliseconds.
_WHERE = {
    "Comment": ("types", "Comment"),
    "DialogueTree": ("types", "DialogueTree"),
    "EngagementReport": ("report", "EngagementReport"),
    "Evaluation": ("train.results", "Evaluation"),
    "Issue": ("types", "Issue"),
    "Label": ("types", "Label"),
    "LabelledTree": ("types", "LabelledTree"),
    "Labeller": ("classify", "OnnxLabeller"),
    "TrainConfig": ("train.config", "TrainConfig"),
    "build_tree": ("tree", "build_tree"),
    "build_trees": ("tree", "build_trees"),
    "evaluate": ("modelling", "evaluate"),
    "label": ("archive", "label_trees"),
    "label_archive": ("archive", "label_archive"),
    "measure": ("report", "measure"),
    "read": ("readers", "read"),
    "read_run": ("archive", "read_run"),
    "read_units": ("train.data", "read_units"),
    "split_threads": ("splits", "split_threads"),
    "train_model": ("modelling", "train_model"),
}
__all__ = [
    "Comment",
    "DialogueTree",
    "EngagementReport",
    "Evaluation",
    "Issue",
    "Label",
    "LabelledTree",
    "Labeller",
    "TrainConfig",
    "build_tree",
    "build_trees",
    "evaluate",
    "label",
    "label_archive",
    "measure",
    "read",
    "read_run",
    "read_units",
    "split_threads",
    "train_model",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name == "__version__":
        from importlib.metadata import version

        return version("nlp-engage")
    if name not in _WHERE:
        raise AttributeError(f"module 'nlp_engage' has no attribute {name!r}; public names: {', '.join(__all__)}")
    module, attribute = _WHERE[name]
    return getattr(import_module(f"nlp_engage.{module}"), attribute)


def __dir__() -> list[str]:
    """Public names."""
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """Keeps ``ne.measure`` the function: importing the subpackage of that name would put it in its place."""

    @property
    def measure(self) -> Any:
        return __getattr__("measure")

    @measure.setter
    def measure(self, subpackage: ModuleType) -> None:
        """Called by the import system; ``from nlp_engage.measure import ...`` finds the subpackage without it."""


sys.modules[__name__].__class__ = _Package
