"""Static int8: scales of weights and activations, fitted on calibration replies, in a file both runtimes read."""

from __future__ import annotations

import logging
import sys
import tempfile
import warnings
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.encoding import VECTOR, pad
from nlp_engage.errors import DataError, require
from nlp_engage.types import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nlp_engage.encoding import Encoded

    Units = Sequence[Mapping[str, Any]]

REPLIES: Final = 300
"""Replies the ranges are taken from, as many as NNCF takes if nothing is said."""
_FLOAT: Final = ("Gather", "Gemm")
"""What NNCF leaves alone: tables (``quantise_embeddings`` did what is large) and the heads, two products a reply."""
_SMOOTH: Final = 0.8
"""SmoothQuant's alpha: how much of an outlier moves into the weights. NNCF's own 0.95 turned 5 % of the labels under
kinds of posts that are rare among calibration replies, this one 1 % (docs/experiments.md, static 8-bit)."""
_SEED: Final = 0
_INT8_MAX: Final = np.float32(127)
_MATRIX: Final = 2
_TELEMETRY: Final = "openvino_telemetry"


def calibration_units(train: Units, dev: Units, replies: int = REPLIES) -> list[Mapping[str, Any]]:
    """Draw the units whose replies the ranges of the activations are taken from; their labels play no part.

    Args:
        train: The units a network was trained on.
        dev: Units to fill up with, in a language of which ``train`` has fewer than its share.
        replies: How many to draw, as many of each language.

    Returns:
        Units language by language, the same at every call; fewer where there are no more.

    >>> units = [{"lang": "en", "uid": 1}, {"lang": "zh", "uid": 2}, {"lang": "en", "uid": 3}]
    >>> [u["uid"] for u in calibration_units(units[1:], units[:1], replies=4)]
    [3, 1, 2]
    """
    random = np.random.default_rng(_SEED)
    share = replies // len(LANGUAGES)
    drawn: list[Mapping[str, Any]] = []
    for language in LANGUAGES:
        wanted = share
        for units in (train, dev):
            own = [unit for unit in units if unit["lang"] == language]
            count = min(wanted, len(own))
            if count:
                drawn += [own[i] for i in sorted(random.choice(len(own), size=count, replace=False))]
            wanted -= count
    return drawn


def quantise(source: Path, target: Path, calibration: Sequence[Encoded]) -> None:
    """Quantise a network to static int8: matrices by output channel, word embeddings by row, activations by tensor.

    The ranges of the activations are fixed here, for all inputs to come: a reply gets the same probabilities whatever
    else is in its batch, and nothing has to be measured while running. NNCF finds them: outliers of activations are
    first moved into the weights (SmoothQuant), and the mean error of each product is taken off its bias afterwards.
    Weights use half of the range of 8 bits: processors without VNNI add two products in 16 bits, and cut off what does
    not fit, so that the same file would answer otherwise there.

    Args:
        source: The float32 model.
        target: File to write: quantisation as ``QuantizeLinear`` and ``DequantizeLinear``, the same bytes every time.
        calibration: Replies like those to come. Each is looked at alone, padded as at work.

    Raises:
        DataError: There is no reply.
        MissingExtraError: NNCF (extra ``train``) is not installed.

    Source: Xiao et al. 2023, SmoothQuant, ICML; https://github.com/openvinotoolkit/nncf.
    """
    if not calibration:
        raise DataError(
            "no reply to take the ranges of the activations from; give at least one, some hundred are usual"
        )
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    nncf = quantiser()
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / "clean.onnx"
        quant_pre_process(str(source), str(clean), skip_symbolic_shape=True)
        model = onnx.load(str(clean))
    quantise_embeddings(model.graph)
    with _quietly():
        made = nncf.quantize(
            model,
            nncf.Dataset([pad([reply], VECTOR) for reply in calibration]),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(calibration),
            ignored_scope=nncf.IgnoredScope(types=list(_FLOAT)),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.ENABLE,
                smooth_quant_alphas=nncf.AdvancedSmoothQuantParameters(matmul=_SMOOTH),
            ),
        )
    onnx.save(made, str(target))


def quantiser() -> Any:
    """NNCF, imported so that it never phones home: without its telemetry package it sends nothing.

    Its switch is a file in the home of whoever runs it, and looking for that file would make one.

    Raises:
        MissingExtraError: It is not installed.
    """
    before, loggers = sys.modules.get(_TELEMETRY), logging.getLoggerClass()
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # to Python: not installed
    try:
        return require("nncf", extra="train")
    finally:
        logging.setLoggerClass(loggers)  # which NNCF sets for the whole process
        del sys.modules[_TELEMETRY]
        if before is not None:
            sys.modules[_TELEMETRY] = before


@contextmanager
def _quietly() -> Iterator[None]:
    """Without NNCF's progress bars and log, which would go to stdout, where data goes, or into a notebook's outputs."""
    from rich import get_console

    console = get_console()
    before, console.quiet = console.quiet, True
    try:
        with muted("nncf"), redirect_stdout(StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", 'install "ipywidgets"', UserWarning)
            yield
    finally:
        console.quiet = before


@contextmanager
def muted(name: str) -> Iterator[None]:
    """Keep a library's logger quiet for a while.

    >>> with muted("nncf"):
    ...     logging.getLogger("nncf").disabled
    True
    """
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


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
