"""Base weights: the 4-bit file, the cut vocabulary, and bases of another family."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from nlp_engage.encoding import ROLE_TOKENS
from nlp_engage.errors import ModelError
from nlp_engage.train.base import cut_vocabulary, prepare_base, read_q4, rebuild_encoder

DIMS = {"hidden": 32, "layers": 1, "heads": 2, "ff": 64, "vocab": 6, "positions": 8, "types": 2}


def quantised(random, size):
    """Blocks of 32: scale and nibbles, written byte by byte, and the weights they stand for."""
    raw, weights = b"", []
    for _ in range(size // 32):
        scale = np.float16(random.uniform(0.01, 0.1))
        nibbles = random.integers(0, 16, 32)
        raw += scale.tobytes() + bytes(int(nibbles[j]) | int(nibbles[j + 16]) << 4 for j in range(16))
        weights += [(int(n) - 8) * float(scale) for n in nibbles]
    return raw, np.array(weights, np.float32)


def shapes():
    h, f = DIMS["hidden"], DIMS["ff"]
    found = {"emb.word": (DIMS["vocab"], h), "emb.pos": (DIMS["positions"], h), "emb.type": (DIMS["types"], h)}
    found |= {"emb.ln.w": (h,), "emb.ln.b": (h,)}
    for name, (rows, columns) in {
        "q": (h, h),
        "k": (h, h),
        "v": (h, h),
        "ao": (h, h),
        "fi": (f, h),
        "fo": (h, f),
    }.items():
        found |= {f"l0.{name}.w": (rows, columns), f"l0.{name}.b": (rows,)}
    return found | {f"l0.{norm}.{part}": (h,) for norm in ("aln", "oln") for part in "wb"}


def write_q4(path, left_out=()):
    """A whole weight file by the documented layout; returns what each tensor holds."""
    random = np.random.default_rng(0)
    tensors, raw = {}, {}
    for name, shape in shapes().items():
        if name in left_out:
            continue
        if len(shape) == 2 and name not in ("emb.pos", "emb.type"):
            raw[name], flat = quantised(random, shape[0] * shape[1])
        else:
            flat = random.normal(size=shape).astype(np.float32).reshape(-1)
            raw[name] = flat.tobytes()
        tensors[name] = flat.reshape(shape)
    pieces, blob = ["<s>", "a"], b"<s>a"
    head = b"NE5Q" + struct.pack("<I7ifi", 1, *DIMS.values(), 1e-12, 32)
    head += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, len(blob))
    head += struct.pack("<3I2f", 0, 3, 4, 0.0, -1.0) + blob
    head += struct.pack("<iI", 1, 5) + b"norms" + struct.pack("<i", len(raw))
    table_size = sum(2 + len(name) + 21 for name in raw)
    offset, table = len(head) + table_size, b""
    for name, data in raw.items():
        quant = len(data) != 4 * tensors[name].size
        table += struct.pack("<H", len(name)) + name.encode()
        table += struct.pack("<BIQQ", int(quant), tensors[name].size, offset, len(data))
        offset += len(data)
    path.write_bytes(head + table + b"".join(raw.values()))
    return tensors


def test_every_weight_of_a_4_bit_file_is_read_back(tmp_path):
    written = write_q4(tmp_path / "w.bin")
    dims, tensors = read_q4(tmp_path / "w.bin")
    assert dims == DIMS
    assert set(tensors) == set(written)
    for name, values in written.items():
        np.testing.assert_array_equal(tensors[name].reshape(values.shape), values, err_msg=name)


def test_an_encoder_is_rebuilt_weight_for_weight(tmp_path):
    written = write_q4(tmp_path / "w.bin")
    state = rebuild_encoder(tmp_path / "w.bin").state_dict()
    layer = "encoder.layer.0."
    for ours, theirs in {
        "emb.word": "embeddings.word_embeddings.weight",
        "l0.q.w": layer + "attention.self.query.weight",
        "l0.ao.b": layer + "attention.output.dense.bias",
        "l0.aln.w": layer + "attention.output.LayerNorm.weight",
        "l0.fi.w": layer + "intermediate.dense.weight",
        "l0.fo.w": layer + "output.dense.weight",
        "l0.oln.b": layer + "output.LayerNorm.bias",
    }.items():
        np.testing.assert_array_equal(state[theirs].numpy(), written[ours], err_msg=ours)


@given(cut=st.integers(0, 12_000))
def test_a_weight_file_that_ends_early_is_refused(tmp_path_factory, cut):
    folder = tmp_path_factory.getbasetemp()
    whole, short = folder / "whole.bin", folder / "short.bin"
    if not whole.exists():
        write_q4(whole)
    data = whole.read_bytes()
    short.write_bytes(data[: min(cut, len(data) - 1)])
    with pytest.raises(ModelError, match=r"short.bin"):
        read_q4(short)


def test_a_file_of_another_kind_or_none_is_refused(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        read_q4(tmp_path / "w.bin")
    write_q4(tmp_path / "w.bin", left_out=("emb.word",))
    with pytest.raises(ModelError, match=r"no tensor 'emb\.word'"):
        read_q4(tmp_path / "w.bin")


def test_cut_vocabulary_keeps_each_piece_with_its_row_and_drops_what_nobody_uses():
    before = json.loads(tiny.tokenizer().to_str())
    pieces = [piece for piece, _ in before["model"]["vocab"]]
    cut, rows = cut_vocabulary(before, ["which size", "多少钱 which"], keep=50)
    after = [piece for piece, _ in cut["model"]["vocab"]]
    assert [pieces[row] for row in rows[: len(after)]] == after
    assert after[:4] == list(tiny.SPECIAL)
    assert {"▁which", "▁size", "少", "a", "z"} <= set(after)
    assert not {"▁unused1", "▁nan"} & set(after)
    roles = {t["content"]: t["id"] for t in cut["added_tokens"] if t["content"] in ROLE_TOKENS.values()}
    assert list(roles.values()) == list(range(len(after), len(rows)))
    named = {"<post>": "▁post", "<self>": "▁me", "<owner>": "▁brand", "<other>": "▁user", "<gone>": "▁deleted"}
    assert {token: pieces[rows[i]] for token, i in roles.items()} == named


def test_the_cut_tokenizer_splits_kept_text_as_the_whole_one_does():
    before = json.loads(tiny.tokenizer().to_str())
    texts = ["which size today", "多少钱", "our garden"]
    cut, rows = cut_vocabulary(before, texts, keep=50)
    old, new = Tokenizer.from_str(json.dumps(before)), Tokenizer.from_str(json.dumps(cut))
    for text in texts:
        ids = new.encode(text, add_special_tokens=False).ids
        assert [rows[i] for i in ids] == old.encode(text, add_special_tokens=False).ids
    assert new.token_to_id("<owner>") == rows.index(old.token_to_id("▁brand"), new.get_vocab_size() - len(ROLE_TOKENS))


def test_rare_pieces_go_first():
    before = json.loads(tiny.tokenizer().to_str())
    texts = ["which which which size"]
    kept = {piece for piece, _ in cut_vocabulary(before, texts, keep=1)[0]["model"]["vocab"]}
    assert "▁which" in kept
    assert "▁size" not in kept


def test_a_prepared_base_has_the_rows_of_the_hubs_embedding(tiny_training):
    from transformers import AutoModel

    old, new = (
        AutoModel.from_pretrained(folder, add_pooling_layer=False).get_input_embeddings().weight.detach().numpy()
        for folder in (tiny_training.hub, tiny_training.base)
    )
    before, after = (
        Tokenizer.from_file(str(folder / "tokenizer.json")) for folder in (tiny_training.hub, tiny_training.base)
    )
    assert len(new) == after.get_vocab_size() < len(old)
    for piece, i in after.get_vocab().items():
        source = {"<owner>": "▁brand", "<post>": "▁post"}.get(piece, piece)
        if (j := before.token_to_id(source)) is not None:
            np.testing.assert_array_equal(new[i], old[j], err_msg=piece)
    record = json.loads((tiny_training.base / "base.json").read_text())
    assert record["base"] == "hub"
    assert record["vocabulary"] == len(new)


def test_a_base_that_cannot_be_fetched_or_is_of_another_family_is_refused(tmp_path, tiny_training):
    with pytest.raises(ModelError, match=r"nowhere' cannot be used.*Give an existing folder, or the hub id"):
        prepare_base(tmp_path / "out", ["text"], base=str(tmp_path / "nowhere"))
    import shutil

    other = tmp_path / "other"
    shutil.copytree(tiny_training.hub, other)
    path = other / "tokenizer.json"
    state = json.loads(path.read_text("utf-8"))
    state["model"]["vocab"][:2] = [["<pad>", 0.0], ["<s>", 0.0]]
    path.write_text(json.dumps(state), "utf-8")
    with pytest.raises(ModelError, match=r"Unigram tokenizer that begins with \('<pad>', '<s>'"):
        prepare_base(tmp_path / "out", ["text"], base=str(other))
