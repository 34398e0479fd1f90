"""What the processor can do at most with 8-bit matrices, measured: the yardstick for inference."""

from __future__ import annotations

import os
import time

import numpy as np

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
    """8-bit weights in blocks of 64, as in the shipped model."""
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


def measured(threads: int = 0) -> dict[str, float]:
    """Multiply-adds a second of each kind of 8-bit product, all cores, the best of some rounds.

    Returns:
        Kind -> multiply-adds a second; the largest is the peak.
    """
    import onnxruntime

    found = {}
    for name, (model, a) in {"MatMulInteger": _integer_product(), "MatMulNBits": _block_product()}.items():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        session.run(None, {"a": a})
        best = float("inf")
        for _ in range(ROUNDS):
            start = time.perf_counter()
            session.run(None, {"a": a})
            best = min(best, time.perf_counter() - start)
        found[name] = ROWS * SIDE * SIDE / best
    return found


if __name__ == "__main__":
    for kind, rate in measured().items():
        print(f"{kind:16}{rate / 1e9:8.1f} G multiply-adds/s")
