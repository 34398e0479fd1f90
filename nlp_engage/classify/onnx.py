"""The runtime: an int8 ONNX model on ONNX Runtime, no torch."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.classify.folder import ModelConfig, default_model, load_config, read_scores
from nlp_engage.encoding import PAD_ID, Encoded, PairEncoder
from nlp_engage.scores import softmax
from nlp_engage.types import Predictions, ReplyContext

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nlp_engage.types import FloatArray

BATCH_TOKENS: Final = 2_048
"""Tokens per inference call, padding included: enough to fill the matrix units, little enough for the cache."""
BATCH_SIZE: Final = 64
_VECTOR: Final = 8


class OnnxLabeller:
    """Labels replies with a model folder (the shipped one by default).

    Example:
        >>> from nlp_engage.types import ReplyContext, Role
        >>> labeller = OnnxLabeller.load()                                        # doctest: +SKIP
        >>> labeller.predict([ReplyContext(reply="😂😂", by_owner=False,          # doctest: +SKIP
        ...     turns=((Role.POST, "New cups!"),), language="en")]).probabilities.argmax()
        0
    """

    def __init__(self, folder: Path, config: ModelConfig, *, threads: int = 0, batch_size: int = BATCH_SIZE) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # batches side by side waste less than threads within a batch
        options.log_severity_level = 3
        onnxruntime.disable_telemetry_events()  # builds for some systems would phone home
        self.config = config
        self.folder = folder
        self._batch_size = batch_size
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._threads = threads or available_cores()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="inference")  # starts with the first batch
        self._encoder = PairEncoder(Tokenizer.from_file(str(folder / "tokenizer.json")))

    @classmethod
    def load(cls, folder: str | Path | None = None, *, threads: int = 0, batch_size: int = BATCH_SIZE) -> OnnxLabeller:
        """Load a model folder.

        Args:
            folder: Model folder; ``None`` for the shipped model.
            threads: Batches that are worked on at once, each on one thread; 0 for one per core.
            batch_size: Replies per inference call, at most (long replies make smaller batches).

        Raises:
            ModelError: The folder is missing, damaged or made for another scheme or template.
        """
        path = default_model() if folder is None else Path(folder)
        return cls(path, load_config(path), threads=threads, batch_size=batch_size)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled with the files of its model, so that a process on another machine needs no copy of the folder."""
        files = {name: (self.folder / name).read_bytes() for name in ("config.json", *self.config.sha256)}
        return _load_files, (files, self._threads, self._batch_size)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What a run records of its model: equal ones mean the same weights, tokens and calibration."""
        c = self.config
        return {
            "name": c.name,
            "scheme": c.scheme,
            "template": c.template,
            "sha256": c.sha256["model.onnx"],
            "tokenizer": c.sha256["tokenizer.json"],
            "temperature": c.temperature,
        }

    @property
    def scores(self) -> dict[str, Any] | None:
        """What the model scored on held-out replies (``scores.json``); ``None`` where its folder does not say."""
        return read_scores(self.folder)

    def predict(self, contexts: Sequence[ReplyContext]) -> Predictions:
        """Label a batch of any size. Identical inputs are scored once, batches are built by length.

        May be called from several threads; they share the threads for inference.

        Args:
            contexts: Replies in context (``context.reply_contexts``).

        Returns:
            Calibrated probabilities and acts, in the order of the input.
        """
        place: dict[ReplyContext, int] = {}
        where = np.array([place.setdefault(c, len(place)) for c in contexts], dtype=np.intp)
        unique = list(place)
        labels, acts = self._logits(self._encoder.encode(unique))
        temperature = np.array([self.config.temperature[c.language] for c in unique]).reshape(-1, 1)
        probabilities = softmax(labels / temperature)[where]
        act_probabilities = softmax(acts)[where]
        return Predictions(
            probabilities=probabilities,
            acts=act_probabilities.argmax(1).astype(np.int32),
            act_probabilities=act_probabilities.max(1, initial=0.0),
        )

    def _logits(self, encoded: Sequence[Encoded]) -> tuple[FloatArray, FloatArray]:
        labels = np.zeros((len(encoded), len(self.config.labels)))
        acts = np.zeros((len(encoded), len(self.config.acts)))
        batches = list(length_batches([len(e.ids) for e in encoded], BATCH_TOKENS, self._batch_size))
        for rows, (some_labels, some_acts) in zip(
            batches, self._pool.map(self._score, ([encoded[i] for i in rows] for rows in batches)), strict=True
        ):
            labels[rows], acts[rows] = some_labels, some_acts
        return labels, acts

    def _score(self, batch: Sequence[Encoded]) -> tuple[FloatArray, FloatArray]:
        # The last digit must not depend on the company. A single row takes another path through the matrix code, with
        # other rounding, and so does what is left over of a length that is no multiple of the vector width.
        inputs = pad(batch if len(batch) > 1 else [batch[0], batch[0]], _VECTOR)
        labels, acts = self._session.run(["labels", "acts"], inputs)
        return labels[: len(batch)], acts[: len(batch)]


def _load_files(files: Mapping[str, bytes], threads: int, batch_size: int) -> OnnxLabeller:
    with TemporaryDirectory() as name:
        for file, data in files.items():
            (Path(name) / file).write_bytes(data)
        return OnnxLabeller.load(name, threads=threads, batch_size=batch_size)


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def length_batches(lengths: Sequence[int], batch_tokens: int, batch_size: int) -> Iterator[list[int]]:
    """Group positions by length, so that little is padded.

    Args:
        lengths: Tokens of each input.
        batch_tokens: Tokens a batch holds at most, padding included; a longer input is a batch of its own.
        batch_size: Inputs a batch holds at most.

    >>> list(length_batches([9, 2, 8, 2], 18, 64))
    [[1, 3], [2, 0]]
    """
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) == batch_size or (len(batch) + 1) * lengths[i] > batch_tokens):
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def pad(batch: Sequence[Encoded], multiple: int = 1) -> dict[str, Any]:
    """Lay a batch out as the model's inputs, each int64 of shape (batch, longest rounded up to a multiple)."""
    longest = -(-max(len(e.ids) for e in batch) // multiple) * multiple
    ids = np.full((len(batch), longest), PAD_ID, dtype=np.int64)
    segments = np.zeros_like(ids)
    for row, encoded in enumerate(batch):
        ids[row, : len(encoded.ids)] = encoded.ids
        segments[row, encoded.reply_length : len(encoded.ids)] = 1
    return {"input_ids": ids, "attention_mask": (ids != PAD_ID).astype(np.int64), "token_type_ids": segments}
