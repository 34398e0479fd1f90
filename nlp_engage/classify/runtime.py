"""What multiplies the matrices: ONNX Runtime, or OpenVINO where it is installed. Both read the same ``model.onnx``."""

from __future__ import annotations

import ctypes
import os
import platform
import threading
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from nlp_engage.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nlp_engage.types import FloatArray

    Run = Callable[[Mapping[str, Any]], tuple[FloatArray, FloatArray]]

AUTO: Final = "auto"
RUNTIMES: Final = ("onnxruntime", "openvino")
OUTPUTS: Final = ("labels", "acts")
_X86: Final = ("x86_64", "AMD64")
OPENVINO_ARITHMETIC: Final = {
    "INFERENCE_PRECISION_HINT": "f32",  # what is not 8 bits stays float32, on processors with bfloat16, too
    "DYNAMIC_QUANTIZATION_GROUP_SIZE": "64",  # of weights in blocks (older models); static int8 has its ranges
}
"""How OpenVINO multiplies, whatever the threads."""
_COMPILED: Final[WeakSet[Any]] = WeakSet()
"""The models OpenVINO holds in this process."""


def choose_runtime(wanted: str = AUTO) -> str:
    """The runtime to use.

    Args:
        wanted: One of ``RUNTIMES``; or ``"auto"``: OpenVINO where it is installed on an x86-64 processor, for there
            it was measured to be 1.8 times as fast (``docs/experiments.md``), otherwise ONNX Runtime.

    Raises:
        ModelError: The name is unknown, or OpenVINO was asked for and is not installed.

    >>> choose_runtime("onnxruntime")
    'onnxruntime'
    """
    installed = find_spec("openvino") is not None
    if wanted == AUTO:
        return "openvino" if installed and platform.machine() in _X86 else "onnxruntime"
    if wanted not in RUNTIMES:
        raise ModelError(f"runtime is {wanted!r}; must be one of {', '.join((AUTO, *RUNTIMES))}")
    if wanted == "openvino" and not installed:
        raise ModelError("runtime is 'openvino', which is not installed: pip install 'nlp-engage[openvino]'")
    return wanted


def open_wanted(model: Path, wanted: str, threads: int) -> tuple[str, Run]:
    """Choose the runtime and load the weights; ``"auto"`` takes ONNX Runtime, and warns, where OpenVINO cannot load.

    Args:
        model: As for ``open_model``.
        wanted: As for ``choose_runtime``.
        threads: As for ``open_model``.

    Returns:
        The runtime that was taken, and its function from inputs to logits.

    Raises:
        ModelError: As ``choose_runtime`` and ``open_model`` have it.
    """
    runtime = choose_runtime(wanted)
    try:
        return runtime, open_model(model, runtime, threads)
    except ModelError as error:
        if wanted != AUTO or runtime == "onnxruntime":
            raise
        run = open_model(model, "onnxruntime", threads)
        warnings.warn(f"{error}. Taken for now: onnxruntime, slower and with other rounding", stacklevel=2)
        return "onnxruntime", run


def open_model(model: Path, runtime: str, threads: int) -> Run:
    """Load the weights.

    Args:
        model: ``model.onnx`` of a model folder.
        runtime: One of ``RUNTIMES``.
        threads: Calls that will be made side by side; each is worked on by one thread.

    Returns:
        A function from the inputs of the network to its label logits, *shape* (batch, labels), and act logits,
        *shape* (batch, acts). It may be called from several threads.

    Raises:
        ModelError: The runtime cannot use the file.
    """
    try:
        return _openvino(model, threads) if runtime == "openvino" else _onnxruntime(model)
    except Exception as error:  # the runtimes raise types of their own, without a common base
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[-1] if lines else repr(error)  # OpenVINO first says where in its own code, line by line
        way_out = "; give the runtime 'onnxruntime' instead (--runtime onnxruntime)" if runtime == "openvino" else ""
        raise ModelError(f"{model} cannot be loaded by {runtime} ({reason}){way_out}") from error


def _onnxruntime(model: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # batches side by side waste less than threads within a batch
    options.log_severity_level = 3
    onnxruntime.disable_telemetry_events()  # builds for some systems would phone home
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def run(inputs: Mapping[str, Any]) -> tuple[FloatArray, FloatArray]:
        labels, acts = session.run(list(OUTPUTS), inputs)
        return labels, acts

    return run


def _openvino(model: Path, threads: int) -> Run:
    import openvino

    settings = {
        "NUM_STREAMS": str(threads),
        "INFERENCE_NUM_THREADS": str(threads),
        **OPENVINO_ARITHMETIC,
    }
    compiled = openvino.Core().compile_model(str(model), "CPU", settings)
    _COMPILED.add(compiled)
    local = threading.local()  # a request holds its tensors: every thread needs its own

    def run(inputs: Mapping[str, Any]) -> tuple[FloatArray, FloatArray]:
        if not hasattr(local, "request"):
            local.request = compiled.create_infer_request()
        found = local.request.infer(dict(inputs))
        return found[OUTPUTS[0]], found[OUTPUTS[1]]

    return run


def _keep_what_was_forked() -> None:
    """One reference more, for ever: OpenVINO hangs or crashes where a forked process frees a model it came with."""
    for compiled in _COMPILED:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(compiled))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_what_was_forked)
