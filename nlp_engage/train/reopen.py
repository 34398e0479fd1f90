"""The way back from an exported model: float32 weights out of its 8-bit file, so that it can be trained further.

What is shipped is 8 bits only. Whoever has labels of their own is better off starting there than at a base that has
never seen a comment thread.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_engage.errors import ModelError, require
from nlp_engage.train.places import check_base_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nlp_engage.train.base import FloatMatrix
    from nlp_engage.train.model import EngageNetwork

_BIAS, _WEIGHT = ".bias", ".weight"


def write_start(out: Path, folder: Path, opened: Mapping[str, str]) -> dict[str, Any]:
    """Write a folder that a training can take both as its base and as its start, from an exported model.

    Args:
        out: Folder to write.
        folder: Model folder.
        opened: Name and SHA-256 of the model, for the record.

    Returns:
        The record of the base, with ``opened``.

    Raises:
        ModelError: The model cannot be opened (see ``reopen``), or ``out`` holds a training or a model.
        MissingExtraError: onnx (extra ``train``) is not installed.
    """
    from nlp_engage.train.finetune import write_network

    check_base_folder(out, folder)
    network = reopen(folder)
    out.mkdir(parents=True, exist_ok=True)
    network.encoder.save_pretrained(out)
    write_network(out, network, folder / "tokenizer.json")
    record = (folder / "training.json").read_bytes()
    (out / "training.json").write_bytes(record)
    made: dict[str, Any] = {**json.loads(record)["base"], "opened": dict(opened)}
    (out / "base.json").write_text(json.dumps(made, indent=1), "utf-8")
    return made


def reopen(folder: Path) -> EngageNetwork:
    """Rebuild the network of a model folder with static 8-bit weights (``quantise``), in float32.

    A weight is its 8-bit step times the scale of its output channel, times what SmoothQuant had moved into its input.
    What rounding took is gone: the result answers as the 8-bit file does, not as the network before it did.

    Args:
        folder: A model folder as ``export`` writes it.

    Returns:
        The network, heads included, ready for ``finetune``.

    Raises:
        ModelError: Its record does not say how the encoder is built (exported before records did), or its weights are
            stored in another way.
        MissingExtraError: onnx (extra ``train``) is not installed.
    """
    import torch
    from transformers import AutoConfig, AutoModel

    from nlp_engage.train.model import EngageNetwork

    shape = _shape(folder)
    config = AutoConfig.for_model(**shape)
    network = EngageNetwork(AutoModel.from_config(config, add_pooling_layer=False))
    onnx: Any = require("onnx", extra="train")
    weights = _weights(onnx.load(str(folder / "model.onnx")).graph)
    state = network.state_dict()
    if missing := [name for name in state if name not in weights]:
        raise ModelError(
            f"{folder / 'model.onnx'}: no weights for {missing[0]} and {len(missing) - 1} more; only files in static "
            "8 bits, as `nlp-engage export` writes them, can be opened again"
        )
    network.load_state_dict({name: torch.from_numpy(weights[name].copy()) for name in state})
    network.eval()
    return network


def _shape(folder: Path) -> dict[str, Any]:
    try:
        shape: dict[str, Any] = json.loads((folder / "training.json").read_text("utf-8"))["encoder"]["config"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            f"{folder / 'training.json'} does not say how the encoder is built (encoder.config); export the model again"
        ) from None
    return shape


def _weights(graph: Any) -> dict[str, FloatMatrix]:
    """Every weight of an exported graph by its name in the network.

    Matrices have lost their names on the way; each is known by the bias that is added to its product.
    """
    from onnx import numpy_helper

    arrays = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    found = {name: a for name, a in arrays.items() if a.dtype in (np.float32, np.int64)}
    made = {out: node for node in graph.node for out in node.output}
    products = {node.output[0]: node for node in graph.node if node.op_type == "MatMul"}
    for node in graph.node:
        if node.op_type == "Add" and node.input[0] in products and node.input[1].endswith(_BIAS):
            product = products[node.input[0]]
            matrix = _smoothed(made, arrays, product.input[0], _dequantised(made, arrays, product.input[1]))
            found[node.input[1].removesuffix(_BIAS) + _WEIGHT] = matrix.T
        elif node.op_type == "Gemm":
            found[node.input[1]] = _smoothed(made, arrays, node.input[0], arrays[node.input[1]].T).T
    for name in [n for n in arrays if n.endswith("_rows")]:
        table = name.removesuffix("_rows")
        found[table] = arrays[name] * arrays[f"{table}_scales"]
    return found


def _dequantised(made: Mapping[str, Any], arrays: Mapping[str, Any], name: str) -> FloatMatrix:
    """A matrix of 8-bit steps in float32. *Shape:* (in, out)."""
    if name in arrays:
        return np.asarray(arrays[name], np.float32)
    steps, scale, *zero = made[name].input
    offset = arrays[zero[0]].astype(np.float32) if zero else np.float32(0)
    matrix: FloatMatrix = (arrays[steps].astype(np.float32) - offset) * arrays[scale]
    return matrix


def _smoothed(made: Mapping[str, Any], arrays: Mapping[str, Any], name: str, matrix: FloatMatrix) -> FloatMatrix:
    """Give a matrix back what its input is multiplied with before it is quantised."""
    while name in made and made[name].op_type in ("QuantizeLinear", "DequantizeLinear"):
        name = made[name].input[0]
    node = made.get(name)
    if node is None or node.op_type != "Mul" or node.input[1] not in arrays or "smooth_quant" not in node.name:
        return matrix
    whole: FloatMatrix = arrays[node.input[1]].reshape(-1, 1) * matrix
    return whole
