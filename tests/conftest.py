"""Fixtures shared by several files: the sample archive of other files is in ``strategies``, ``fakes`` and ``tiny``."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def tiny_training(tmp_path_factory):
    """A tiny network, trained from base to checkpoint once for all tests: ``.base, .train, .dev, .out, .record``."""
    import tiny

    from nlp_engage.train.base import prepare_base
    from nlp_engage.train.config import TrainConfig
    from nlp_engage.train.finetune import finetune

    folder = tmp_path_factory.mktemp("tiny")
    train, dev = tiny.units(12, "t", threads=18), tiny.units(4, "d", threads=8)
    train_file = tiny.write_units(folder / "train.jsonl", train)
    dev_file = tiny.write_units(folder / "dev.jsonl", dev)
    hub = tiny.hub_folder(folder / "hub")
    prepare_base(folder / "base", [u["reply"] for u in train + dev], base=str(hub), keep=100)
    config = TrainConfig(
        base=str(folder / "base"),
        train=str(train_file),
        dev=str(dev_file),
        out=str(folder / "run"),
        epochs=8,
        evaluations=1,
        batch_size=12,
        learning_rate=5e-3,
        head_learning_rate=1e-2,
    )
    record = finetune(config)
    return SimpleNamespace(
        base=folder / "base",
        hub=hub,
        config=config,
        train=train_file,
        dev=dev_file,
        out=folder / "run",
        record=record,
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_training, tmp_path_factory):
    """The exported model folder of ``tiny_training``, through the command line: calibrated, scored, with its card."""
    from click.testing import CliRunner

    from nlp_engage.cli_train import export

    folder = tmp_path_factory.mktemp("models") / "tiny-v1"
    arguments = [str(tiny_training.out), "-o", str(folder), "--train", str(tiny_training.train)]
    done = CliRunner().invoke(export, [*arguments, "--dev", str(tiny_training.dev)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return folder


SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def shared():
    """The folder of real labelled replies and archives; tests that need it are skipped where it is not."""
    if not SHARED.is_dir():
        pytest.skip("../shared is not here")
    return SHARED
