"""Cross-validation: as many networks as folds, each scored on threads it never saw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_engage.errors import DataError
from nlp_engage.train.data import read_units, sides
from nlp_engage.train.evaluate import score_predictions
from nlp_engage.train.finetune import finetune
from nlp_engage.train.places import alone_in
from nlp_engage.train.record import PREDICTIONS, read_predictions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.train.config import TrainConfig
    from nlp_engage.train.finetune import Tell


def cross_validate(config: TrainConfig, *, tell: Tell | None = None) -> dict[str, Any]:
    """Train ``config.folds`` networks in ``fold-1``, ``fold-2``, ... of ``config.out`` and score them together.

    Every unit is scored once, by the network whose training left its thread out. A fold that is finished is not
    trained again, so the same call resumes. The checkpoint of a fold is chosen on the fold itself, so the scores
    flatter a little.

    Returns:
        Scores of all units (``evaluate.score_predictions``, not calibrated), and ``f1_of_folds``, the mean macro-F1
        of both languages in each fold. Also written as ``folds.json``.

    Raises:
        DataError: ``folds`` is 0, the data cannot be dealt into folds (see ``splits.deal_folds``), or a fold cannot be
            trained on.
        RunError: As ``finetune``; also where another process trains in ``config.out``.
    """
    config.check()
    if not config.folds:
        raise DataError("folds is 0: set it to 2 or more to cross-validate, or train one network with finetune")
    units = read_units(Path(config.train))
    runs = [
        replace(config, fold=number, out=str(Path(config.out) / f"fold-{number}"))
        for number in range(1, config.folds + 1)
    ]
    for run in runs:  # all of them, before hours go into the first
        sides(run)
    with alone_in(Path(config.out)):
        return _each(config, units, runs, tell)


def _each(
    config: TrainConfig, units: Sequence[Mapping[str, Any]], runs: Sequence[TrainConfig], tell: Tell | None
) -> dict[str, Any]:
    """Train every fold and score them together."""
    found: dict[str, list[float]] = {}
    f1 = []
    for run in runs:
        record = finetune(run, tell=tell)
        f1.append(record["dev"]["eval_f1_mean"])
        found |= read_predictions(Path(run.out) / PREDICTIONS)
    scores = score_predictions(np.array([found[u["uid"]] for u in units]), units, seed=0) | {"f1_of_folds": f1}
    (Path(config.out) / "folds.json").write_text(json.dumps(scores, indent=1), "utf-8")
    return scores
