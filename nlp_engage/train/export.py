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
from typing import TYPE_CHECKING, Any, Final

import numpy as np
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
_INT8_MAX: Final = np.float32(127)
_MATRIX: Final = 2
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
    """Quantise the word embeddings row by row and the matrices in blocks of ``BLOCK`` weights, both to 8 bits.

    Activations are quantised while running, each row in blocks of its own: unlike with one scale per batch, a
    reply gets the same probabilities whatever else is in its batch.
    """
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / "clean.onnx"
        quant_pre_process(str(source), str(clean), skip_symbolic_shape=True)
        model = onnx.load(str(clean))
        quantise_embeddings(model.graph)
        matrices = MatMulNBitsQuantizer(
            model, bits=8, block_size=BLOCK, is_symmetric=True, accuracy_level=_INT8_ARITHMETIC
        )
        with _quietly():
            matrices.process()
        matrices.model.save_model_to_file(str(target), use_external_data_format=False)


def quantise_embeddings(graph: Any) -> None:
    """Replace the largest float table that is looked up by one of int8 and a scale a row, in place.

    One scale for the whole table, as ONNX Runtime's own quantiser gives it, leaves the rows of common words some
    ten steps between their extremes.
    """
    from onnx import TensorProto, helper, numpy_helper

    tables = {t.name: t for t in graph.initializer if len(t.dims) == _MATRIX and t.data_type == TensorProto.FLOAT}
    lookups = [n for n in graph.node if n.op_type == "Gather" and n.input[0] in tables]
    look = max(lookups, key=lambda n: tables[n.input[0]].dims[0])
    name, ids, out = look.input[0], look.input[1], look.output[0]
    weights = numpy_helper.to_array(tables[name])
    scale = np.maximum(np.abs(weights).max(axis=1, keepdims=True), np.finfo(np.float32).tiny) / _INT8_MAX
    steps = np.round(weights / scale).astype(np.int8)
    graph.initializer.remove(tables[name])
    graph.initializer.extend(
        [numpy_helper.from_array(steps, f"{name}_rows"), numpy_helper.from_array(scale, f"{name}_scales")]
    )
    place = list(graph.node).index(look)
    graph.node.remove(look)
    for offset, node in enumerate(
        (
            helper.make_node("Gather", [f"{name}_rows", ids], [f"{out}_row"]),
            helper.make_node("Gather", [f"{name}_scales", ids], [f"{out}_scale"]),
            helper.make_node("Cast", [f"{out}_row"], [f"{out}_steps"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{out}_steps", f"{out}_scale"], [out]),
        )
    ):
        graph.node.insert(place + offset, node)


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
        network = load_trained(trained)
        to_onnx(network, Path(scratch) / "float32.onnx")
        quantise(Path(scratch) / "float32.onnx", folder / "model.onnx")
    shutil.copyfile(trained / "tokenizer.json", folder / "tokenizer.json")
    encoder = json.loads((trained / "encoder.json").read_text("utf-8"))
    size = sum(p.numel() for p in network.encoder.parameters())
    record["encoder"] = {
        "layers": encoder["num_hidden_layers"], "width": encoder["hidden_size"], "parameters": size
    }  # fmt: skip
    (folder / "training.json").write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    write_config(folder, folder.name, dict.fromkeys(LANGUAGES, 1.0), base)
