"""What the processor can do at most with 8-bit matrices, measured: the yardstick for inference."""

from __future__ import annotations

import os
import time
from importlib.util import find_spec

import numpy as np

from nlp_engage.classify.runtime import OPENVINO_ARITHMETIC

SIDE = 1536
ROWS = 2048
ROUNDS = 5


def _integer_product():
    """Plain int8: ``MatMulInteger``, unsigned by signed, as in the usual dynamic quantisation."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).integers(-64, 64, (SIDE, SIDE), dtype=np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "w"], ["y"])],
        "peak",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [ROWS, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [ROWS, SIDE])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model, np.random.default_rng(1).integers(0, 128, (ROWS, SIDE), dtype=np.uint8)


def _block_product():
    """8-bit weights in blocks of 64, as models had them before static int8."""
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    weights = np.random.default_rng(0).standard_normal((SIDE, SIDE), dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "w"], ["y"])],
        "peak",
        [helper.make_tensor_value_info("a", TensorProto.FLOAT, [ROWS, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [ROWS, SIDE])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    quantizer = MatMulNBitsQuantizer(model, bits=8, block_size=64, is_symmetric=True, accuracy_level=4)
    quantizer.process()
    return quantizer.model.model, np.random.default_rng(1).standard_normal((ROWS, SIDE), dtype=np.float32)


def _onnxruntime(model, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda a: session.run(None, {"a": a})


def _openvino(model, threads):
    import openvino

    settings = {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads), **OPENVINO_ARITHMETIC}
    core = openvino.Core()
    request = core.compile_model(core.read_model(model.SerializeToString()), "CPU", settings).create_infer_request()
    return lambda a: request.infer({"a": a}, share_inputs=True, share_outputs=True)


def _torch_product(threads):
    """Plain int8 by int8 in oneDNN, through PyTorch."""
    import torch

    torch.set_num_threads(threads)
    a = torch.randint(-64, 64, (ROWS, SIDE), dtype=torch.int8)
    weights = torch.randint(-64, 64, (SIDE, SIDE), dtype=torch.int8)
    return lambda _: torch._int_mm(a, weights)


def measured(threads: int = 0) -> dict[str, float]:
    """Multiply-adds a second of each kind of 8-bit product, all cores, the best of some rounds.

    Returns:
        Kind -> multiply-adds a second; the largest is the peak.
    """
    threads = threads or len(os.sched_getaffinity(0))
    plain, blocks = _integer_product(), _block_product()
    works = {
        "MatMulInteger": (_onnxruntime(plain[0], threads), plain[1]),
        "MatMulNBits": (_onnxruntime(blocks[0], threads), blocks[1]),
        "oneDNN": (_torch_product(threads), None),
    }
    if find_spec("openvino"):
        works["OpenVINO blocks"] = _openvino(blocks[0], threads), blocks[1]
    found = {}
    for name, (work, a) in works.items():
        work(a)
        best = float("inf")
        for _ in range(ROUNDS):
            start = time.perf_counter()
            work(a)
            best = min(best, time.perf_counter() - start)
        found[name] = ROWS * SIDE * SIDE / best
    return found


if __name__ == "__main__":
    for kind, rate in measured().items():
        print(f"{kind:16}{rate / 1e9:8.1f} G multiply-adds/s")
