"""Static int8: what is quantised, on which replies, the same every time, and silently; files of the older kind."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
import tiny
from click.testing import CliRunner
from onnx import TensorProto, numpy_helper
from tokenizers import Tokenizer

from nlp_engage.classify import OnnxLabeller
from nlp_engage.classify.runtime import RUNTIMES
from nlp_engage.cli import main
from nlp_engage.context import context_of_unit
from nlp_engage.encoding import PairEncoder
from nlp_engage.errors import DataError
from nlp_engage.train.data import read_units
from nlp_engage.train.export import to_onnx, write_config
from nlp_engage.train.model import load_trained
from nlp_engage.train.quantise import calibration_units, quantise, quantise_embeddings


@pytest.fixture(scope="module")
def float32(tiny_training, tmp_path_factory):
    path = tmp_path_factory.mktemp("float32") / "model.onnx"
    to_onnx(load_trained(tiny_training.out), path)
    return path


def encoded(tiny_training, count):
    encoder = PairEncoder(Tokenizer.from_file(str(tiny_training.out / "tokenizer.json")))
    return encoder.encode([context_of_unit(u) for u in read_units(tiny_training.train)[:count]])


def test_equal_inputs_give_equal_bytes_and_nothing_is_said(tiny_training, float32, tmp_path, capfd):
    for name in ("one", "two"):
        quantise(float32, tmp_path / name, encoded(tiny_training, 12))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert "".join(capfd.readouterr()) == ""


def test_matrices_are_int8_by_column_and_what_follows_them_stays_float(tiny_model):
    graph = onnx.load(str(tiny_model / "model.onnx")).graph
    constants = {t.name: t for t in graph.initializer}
    maker = {out: node for node in graph.node for out in node.output}
    weights = [n.input[1] for n in graph.node if n.op_type == "MatMul" and n.input[1] in maker]
    weights = [maker[name] for name in weights if maker[name].op_type == "DequantizeLinear"]
    stored = [n for n in weights if n.input[0] in constants]
    assert len(stored) == 2 * 6  # layers: query, key, value, their output, and two of the feed-forward net
    for node in stored:
        values, scales = (constants[name] for name in node.input[:2])
        assert values.data_type == TensorProto.INT8
        assert list(scales.dims) == [values.dims[1]]
        # two products of 255 with such weights fit into 16 bits: no processor cuts their sum off
        assert np.abs(numpy_helper.to_array(values).astype(int)).max() <= 64
    for kind in ("LayerNormalization", "Softmax", "Gemm", "Gather"):  # Gemm: the heads
        nodes = [n for n in graph.node if n.op_type == kind]
        assert nodes
        assert not [name for n in nodes for name in n.input if name in maker and "Linear" in maker[name].op_type]


def test_each_word_has_a_scale_of_its_own(float32):
    model = onnx.load(str(float32))
    before = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    quantise_embeddings(model.graph)
    after = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    (name,) = set(before) - set(after)
    table, steps, scales = before[name], after[f"{name}_rows"], after[f"{name}_scales"]
    assert steps.dtype == np.int8
    assert (np.abs(steps * scales - table) <= 0.501 * scales).all()
    assert (np.abs(steps).max(1)[np.abs(table).max(1) > 0] == 127).all()


def test_as_many_replies_of_each_language_are_drawn_the_same_every_time():
    train, dev = tiny.units(12, "t", threads=18), tiny.units(4, "d", threads=8)
    drawn = calibration_units(train, dev, replies=20)
    assert drawn == calibration_units(train, dev, replies=20)
    assert [u["lang"] for u in drawn] == ["en"] * 10 + ["zh"] * 10
    assert len({u["uid"] for u in drawn}) == 20
    assert all(u in train for u in drawn)
    english = [u for u in train if u["lang"] == "en"]
    filled = calibration_units(english, dev, replies=20)
    assert all(u in english for u in filled[:10])
    assert all(u in dev and u["lang"] == "zh" for u in filled[10:])
    few = [u for u in train if u["lang"] == "en"][:4]
    filled = calibration_units([*few, *(u for u in train if u["lang"] == "zh")], dev, replies=20)
    assert filled[:4] == few  # all there are, and only what lacks from dev
    assert all(u in dev and u["lang"] == "en" for u in filled[4:10])
    assert len({u["uid"] for u in filled}) == 20


def test_the_draw_of_the_shipped_models_stays_as_it_was():
    train, dev = tiny.units(12, "t", threads=18), tiny.units(4, "d", threads=8)
    rows, random, expected = (
        {k: [u for u in train if u["lang"] == k] for k in ("en", "zh")},
        np.random.default_rng(0),
        [],
    )
    for own in rows.values():
        expected += [own[i] for i in sorted(random.choice(len(own), size=10, replace=False))]
    assert calibration_units(train, dev, replies=20) == expected


def test_without_a_reply_there_are_no_ranges(float32, tmp_path):
    with pytest.raises(DataError, match="no reply to take the ranges of the activations from"):
        quantise(float32, tmp_path / "model.onnx", [])


def test_the_folder_says_how_many_replies_and_holds_none_of_them(tiny_training, tiny_model, tmp_path):
    assert json.loads((tiny_model / "training.json").read_text("utf-8"))["quantisation"]["replies"] == 96
    assert "in ranges that were fixed on\n  96 replies" in (tiny_model / "README.md").read_text("utf-8")
    told = {**tiny.units(1, "c", threads=1)[0], "reply": "ourlittlesecret"}
    own = tiny.write_units(tmp_path / "own.jsonl", [told, *tiny.units(1, "c", threads=1)[1:]])
    arguments = ["export", str(tiny_training.out), "--train", str(tiny_training.train), "--dev", str(tiny_training.dev)]
    done = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "m"), "--calibration", str(own)])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "m" / "training.json").read_text("utf-8"))["quantisation"]["replies"] == 6
    assert not [p for p in (tmp_path / "m").iterdir() if b"ourlittlesecret" in p.read_bytes()]
    done = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "n"), "--calibration", str(tmp_path / "gone")])
    assert done.exit_code == 1
    assert "gone: labelled units cannot be read" in done.stderr
    assert not (tmp_path / "n").exists()


def test_the_quantiser_phones_nobody_and_leaves_the_process_as_it_was():
    """In a process of its own: NNCF sends nothing where it sees pytest anyway."""
    code = (
        "import logging, sys\n"
        "before = logging.getLoggerClass()\n"
        "from nlp_engage.train.quantise import quantiser\n"
        "quantiser()\n"
        "import nncf.telemetry\n"
        "from unittest.mock import MagicMock\n"
        "assert nncf.telemetry.telemetry is MagicMock or isinstance(nncf.telemetry.telemetry, MagicMock)\n"
        "assert 'openvino_telemetry' not in sys.modules\n"
        "assert logging.getLoggerClass() is before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_who_shares_a_batch_changes_no_bit(tiny_model, runtime):
    if runtime == "openvino":
        pytest.importorskip("openvino")
    labeller = OnnxLabeller.load(tiny_model, threads=1, runtime=runtime)
    contexts = list(dict.fromkeys(context_of_unit(u) for u in tiny.units(12, "x", threads=4)))
    together = labeller.predict(contexts).probabilities
    groups = [[k] for k in range(6)] + [[3, 0], [5, 1, 4], list(range(len(contexts)))[::-3]]
    for rows in groups:
        assert (labeller.predict([contexts[k] for k in rows]).probabilities == together[rows]).all()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_folder_made_with_blocks_of_weights_still_labels(tiny_training, tiny_model, float32, tmp_path, runtime):
    """The kind that was exported before: 8-bit weights that share a scale in blocks, activations quantised at work."""
    if runtime == "openvino":
        pytest.importorskip("openvino")
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    older = shutil.copytree(tiny_model, tmp_path / "older")
    model = onnx.load(str(float32))
    matrices = MatMulNBitsQuantizer(model, bits=8, block_size=64, is_symmetric=True, accuracy_level=4)
    matrices.process()
    matrices.model.save_model_to_file(str(older / "model.onnx"), use_external_data_format=False)
    assert "MatMulNBits" in {n.op_type for n in onnx.load(str(older / "model.onnx")).graph.node}
    write_config(older, "older", {"en": 1.0, "zh": 1.0}, {})
    units = read_units(tiny_training.dev)
    found = OnnxLabeller.load(older, threads=1, runtime=runtime).predict([context_of_unit(u) for u in units])
    assert ["MDS"[k] for k in found.probabilities.argmax(1)] == [u["label"] for u in units]
