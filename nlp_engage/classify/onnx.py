"""Labelling with an 8-bit ONNX model, without torch: encode, batch by length, run, calibrate."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nlp_engage.classify.folder import FILES, SCORES, ModelConfig, load_config, model_folder, read_scores
from nlp_engage.classify.runtime import AUTO, open_wanted
from nlp_engage.encoding import VECTOR, Encoded, PairEncoder, pad, padded
from nlp_engage.errors import DataError, ModelError
from nlp_engage.scores import softmax
from nlp_engage.types import Predictions, ReplyContext

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nlp_engage.types import FloatArray

BATCH_TOKENS: Final = 2_048
"""Tokens per inference call, padding included: enough to fill the matrix units, little enough for the cache."""
BATCH_SIZE: Final = 64


class OnnxLabeller:
    """Labels replies with a model folder (the shipped one by default).

    Example:
        >>> from nlp_engage.types import ReplyContext, Role
        >>> labeller = OnnxLabeller.load()                                        # doctest: +SKIP
        >>> labeller.predict([ReplyContext(reply="😂😂", by_owner=False,          # doctest: +SKIP
        ...     turns=((Role.POST, "New cups!"),), language="en")]).probabilities.argmax()
        0
    """

    def __init__(
        self,
        folder: Path,
        config: ModelConfig,
        *,
        threads: int = 0,
        batch_size: int = BATCH_SIZE,
        runtime: str = AUTO,
    ) -> None:
        self.config = config
        self.folder = folder
        self.runtime = runtime
        self._batch_size = batch_size
        self._threads = threads or available_cores()
        self._encoder = _encoder(folder / "tokenizer.json")
        self._open()

    def _open(self) -> None:
        self.runtime, self._run = open_wanted(self.folder / "model.onnx", self.runtime, self._threads)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="inference")  # starts with the first batch
        self._process = os.getpid()  # last: whoever sees it finds the rest

    @classmethod
    def load(
        cls,
        folder: str | Path | None = None,
        *,
        threads: int = 0,
        batch_size: int = BATCH_SIZE,
        runtime: str = AUTO,
    ) -> OnnxLabeller:
        """Load a model folder.

        Args:
            folder: Model folder, or a shipped model by name (``"fast"`` is the smaller one); ``None`` for the default.
            threads: Batches that are worked on at once, each on one thread; 0 for one per core.
            batch_size: Replies per inference call, at most (long replies make smaller batches).
            runtime: ``"onnxruntime"``, ``"openvino"`` (extra ``openvino``), or ``"auto"``, the faster one that is
                installed (``runtime.choose_runtime``) and can load the weights. They round otherwise: probabilities
                differ by 0.003 on average, by 0.07 at most.

        Raises:
            DataError: ``threads`` is below 0.
            ModelError: The folder is missing, damaged or made for another scheme or template, or the runtime is
                not installed.
        """
        if threads < 0:
            raise DataError(f"threads is {threads}, must be 0 (one per core) or more")
        path = model_folder(folder)
        return cls(path, load_config(path), threads=threads, batch_size=batch_size, runtime=runtime)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled with the files of its model, so that a process on another machine needs no copy of the folder."""
        names = ("config.json", *FILES, *([SCORES] if self.scores else []))
        files = {name: (self.folder / name).read_bytes() for name in names}
        return _load_files, (files, self._threads, self._batch_size, self.runtime)

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What a run records of its model: equal ones mean the same weights, tokens, calibration and arithmetic."""
        c = self.config
        return {
            "name": c.name,
            "scheme": c.scheme,
            "template": c.template,
            "sha256": c.sha256["model.onnx"],
            "tokenizer": c.sha256["tokenizer.json"],
            "temperature": c.temperature,
            "runtime": self.runtime,
        }

    @property
    def scores(self) -> dict[str, Any] | None:
        """What the model scored on held-out replies (``scores.json``); ``None`` where its folder does not say."""
        return read_scores(self.folder)

    def predict(self, contexts: Sequence[ReplyContext]) -> Predictions:
        """Label a batch of any size. Identical inputs are scored once, batches are built by length.

        May be called from several threads; they share the threads for inference. A process that was forked from the
        one that loaded the model opens the weights again, for no thread comes along.

        Args:
            contexts: Replies in context (``context.reply_contexts``).

        Returns:
            Calibrated probabilities and acts, in the order of the input.

        Raises:
            DataError: The model has no temperature for the language of a reply.
        """
        place: dict[ReplyContext, int] = {}
        where = np.array([place.setdefault(c, len(place)) for c in contexts], dtype=np.intp)
        unique = list(place)
        if strange := {c.language for c in unique} - self.config.temperature.keys():
            raise DataError(
                f"language is {min(map(repr, strange))}, must be one of {', '.join(self.config.temperature)}, for "
                f"which {self.config.name} has a temperature; leave out replies in other languages"
            )
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
        if self._process != os.getpid():
            self._open()
        labels = np.zeros((len(encoded), len(self.config.labels)))
        acts = np.zeros((len(encoded), len(self.config.acts)))
        batches = list(length_batches([len(e.ids) for e in encoded], BATCH_TOKENS, self._batch_size))
        for rows, (some_labels, some_acts) in zip(
            batches, self._pool.map(self._score, ([encoded[i] for i in rows] for rows in batches)), strict=True
        ):
            labels[rows], acts[rows] = some_labels, some_acts
        return labels, acts

    def _score(self, batch: Sequence[Encoded]) -> tuple[FloatArray, FloatArray]:
        # The last digit must not depend on the company. A single row takes another path through ONNX Runtime's matrix
        # code, with other rounding, and so does what is left over of a length that is no multiple of the vector width.
        inputs = pad(batch if len(batch) > 1 else [batch[0], batch[0]], VECTOR)
        labels, acts = self._run(inputs)
        return labels[: len(batch)], acts[: len(batch)]


def _encoder(path: Path) -> PairEncoder:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers has no type of its own
        raise ModelError(
            f"{path} is no tokenizer ({error}); export the model again or fetch the folder again"
        ) from error
    return PairEncoder(tokenizer)


def _load_files(files: Mapping[str, bytes], threads: int, batch_size: int, runtime: str) -> OnnxLabeller:
    folder = Path(tempfile.mkdtemp())
    try:
        for file, data in files.items():
            (folder / file).write_bytes(data)
        labeller = OnnxLabeller.load(folder, threads=threads, batch_size=batch_size, runtime=runtime)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # as long as the labeller lives, its scores and further copies of it are read from there
    weakref.finalize(labeller, _remove, folder, os.getpid())
    return labeller


def _remove(folder: Path, process: int) -> None:
    if process == os.getpid():  # a forked process that forgets its labeller leaves the folder to the others
        shutil.rmtree(folder, ignore_errors=True)


def available_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def length_batches(lengths: Sequence[int], batch_tokens: int, batch_size: int) -> Iterator[list[int]]:
    """Group positions by length, padded (``encoding.padded``), shorter ones first.

    Args:
        lengths: Tokens of each input.
        batch_tokens: Tokens a batch holds at most, padding included; a longer input is a batch of its own.
        batch_size: Inputs a batch holds at most.

    >>> list(length_batches([9, 2, 8, 2], 16, 64))
    [[1, 2], [3], [0]]
    """
    by_length: dict[int, list[int]] = {}
    for i, length in enumerate(lengths):
        by_length.setdefault(padded(length), []).append(i)
    for length in sorted(by_length):
        size = max(1, min(batch_size, batch_tokens // length))
        rows = by_length[length]
        yield from (rows[start : start + size] for start in range(0, len(rows), size))
