"""Export: network to ONNX, 8-bit weights, temperatures per language, scores, a whole model folder."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from nlp_engage.encoding import MAX_TOKENS, TEMPLATE_VERSION
from nlp_engage.errors import ModelError
from nlp_engage.train.ablation import is_ablation
from nlp_engage.train.model import load_trained
from nlp_engage.types import ACTS, LABEL_SCHEME, LABELS, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nlp_engage.train.model import EngageNetwork

_INPUTS: Final = ["input_ids", "attention_mask", "token_type_ids"]
BLOCK: Final = 64
"""Weights that share a scale: of 32, 64 and 128 the fastest (``docs/experiments.md``)."""
_INT8_ARITHMETIC: Final = 4
_OUTPUTS: Final = ["labels", "acts"]
_TALKATIVE: Final = (
    "torch.onnx._internal.exporter._registration",
    "onnxruntime.quantization.matmul_nbits_quantizer",
)


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
    """Without what the exporters say of torch's own code, of packages not needed here and of every node."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated", FutureWarning)
            warnings.filterwarnings("ignore", "# The axis name", UserWarning)  # all inputs share their axes
            yield
    finally:
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was


def quantise(source: Path, target: Path) -> None:
    """Quantise the embeddings row by row and the matrices in blocks of ``BLOCK`` weights, both to 8 bits.

    Activations are quantised while running, each row in blocks of its own: unlike with one scale per batch, a
    reply gets the same probabilities whatever else is in its batch.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        clean, embedded = Path(folder) / "clean.onnx", Path(folder) / "embedded.onnx"
        quant_pre_process(str(source), str(clean), skip_symbolic_shape=True)
        quantize_dynamic(
            str(clean), str(embedded), weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["Gather"]
        )
        matrices = MatMulNBitsQuantizer(
            onnx.load(str(embedded)), bits=8, block_size=BLOCK, is_symmetric=True, accuracy_level=_INT8_ARITHMETIC
        )
        with _quietly():
            matrices.process()
        matrices.model.save_model_to_file(str(target), use_external_data_format=False)


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


def export_folder(trained: Path, folder: Path, base: Mapping[str, str]) -> None:
    """Make a model folder with temperatures of 1, not calibrated yet; ``card`` fits, scores and describes it.

    Args:
        trained: What ``finetune`` wrote.
        folder: Model folder to write; its name becomes the model's name.
        base: Name and licence of the base, for config and card.

    Raises:
        ModelError: The network was trained on less than the whole input, which the runtime would show it.
    """
    record = json.loads((trained / "training.json").read_text("utf-8"))
    if taken := is_ablation(record["config"]):
        raise ModelError(f"{trained} was trained with {taken}: an ablation, only for comparing scores; not exported")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        to_onnx(load_trained(trained), Path(scratch) / "float32.onnx")
        quantise(Path(scratch) / "float32.onnx", folder / "model.onnx")
    shutil.copyfile(trained / "tokenizer.json", folder / "tokenizer.json")
    encoder = json.loads((trained / "encoder.json").read_text("utf-8"))
    record["encoder"] = {"layers": encoder["num_hidden_layers"], "width": encoder["hidden_size"]}
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    write_config(folder, folder.name, dict.fromkeys(LANGUAGES, 1.0), base)
