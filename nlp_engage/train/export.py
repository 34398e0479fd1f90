"""Export: a network as ONNX, in 8 bits, as a model folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from tokenizers import Tokenizer

from nlp_engage.context import context_of_unit
from nlp_engage.encoding import MAX_TOKENS, TEMPLATE_VERSION, PairEncoder
from nlp_engage.errors import ModelError
from nlp_engage.train.ablation import is_ablation
from nlp_engage.train.model import load_trained
from nlp_engage.train.places import check_size
from nlp_engage.train.quantise import muted, quantise
from nlp_engage.types import ACTS, LABEL_SCHEME, LABELS, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nlp_engage.train.model import EngageNetwork

_INPUTS: Final = ["input_ids", "attention_mask", "token_type_ids"]
_OUTPUTS: Final = ["labels", "acts"]
_TALKATIVE: Final = "torch.onnx._internal.exporter._registration"


def to_onnx(network: EngageNetwork, path: Path) -> None:
    """Write a float32 ONNX model with dynamic batch and length."""
    ids = torch.full((2, 12), 4)
    example = (ids, torch.ones_like(ids), torch.cat([torch.zeros(2, 5), torch.ones(2, 7)], 1).long())
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=MAX_TOKENS)
    with _quietly():
        torch.onnx.export(
            network.eval(),
            example,
            str(path),
            input_names=_INPUTS,
            output_names=_OUTPUTS,
            dynamo=True,
            dynamic_shapes=[{0: batch, 1: length}] * 3,
            external_data=False,
            verbose=False,
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter says of torch's own code and of packages not needed here."""
    with muted(_TALKATIVE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated", FutureWarning)
        warnings.filterwarnings("ignore", "# The axis name", UserWarning)  # all inputs share their axes
        yield


def write_config(folder: Path, name: str, temperature: Mapping[str, float], base: Mapping[str, str]) -> None:
    """Write ``config.json`` with the hashes of the weight files that are already in the folder."""
    digest = {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in ("model.onnx", "tokenizer.json")}
    config = {
        "name": name,
        "scheme": LABEL_SCHEME,
        "template": TEMPLATE_VERSION,
        "labels": list(LABELS),
        "acts": list(ACTS),
        "max_tokens": MAX_TOKENS,
        "temperature": {k: temperature[k] for k in LANGUAGES},
        "sha256": digest,
        "base": dict(base),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", "utf-8")


def export_folder(
    trained: Path, folder: Path, base: Mapping[str, str], calibration: Sequence[Mapping[str, Any]]
) -> None:
    """Make a model folder with temperatures of 1, not fitted yet; ``card`` fits, scores and describes it.

    Args:
        trained: What ``finetune`` wrote.
        folder: Model folder to write; its name becomes the model's name.
        base: Name and licence of the base, for config and card.
        calibration: Units whose replies the ranges of 8 bits are taken from (``quantise.calibration_units``); only
            their number goes on record.

    Raises:
        DataError: There is no such unit.
        ModelError: The network was trained on less than the whole input, which the runtime would show it.
    """
    record = json.loads((trained / "training.json").read_text("utf-8"))
    if taken := is_ablation(record["config"]):
        raise ModelError(f"{trained} was trained with {taken}: an ablation, only for comparing scores; not exported")
    folder.mkdir(parents=True, exist_ok=True)
    encoder = PairEncoder(Tokenizer.from_file(str(trained / "tokenizer.json")))
    with tempfile.TemporaryDirectory() as scratch:
        network = load_trained(trained)
        check_size(sum(p.numel() for p in network.parameters()))
        to_onnx(network, Path(scratch) / "float32.onnx")
        replies = encoder.encode([context_of_unit(unit) for unit in calibration])
        quantise(Path(scratch) / "float32.onnx", folder / "model.onnx", replies)
    shutil.copyfile(trained / "tokenizer.json", folder / "tokenizer.json")
    shape = json.loads((trained / "encoder.json").read_text("utf-8"))
    size = sum(p.numel() for p in network.encoder.parameters())
    record["encoder"] = {
        "layers": shape["num_hidden_layers"], "width": shape["hidden_size"], "parameters": size, "config": shape
    }  # fmt: skip
    record["quantisation"] = {"method": "static int8", "replies": len(replies), "nncf": version("nncf")}
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    write_config(folder, folder.name, dict.fromkeys(LANGUAGES, 1.0), base)
