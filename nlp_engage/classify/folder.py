"""A model folder: what is in it, and when it is refused.

``config.json`` says what the weights were made for; ``model.onnx`` and ``tokenizer.json`` are checked against
the hashes in it. Nothing in a folder is ever unpickled or executed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import msgspec

from nlp_engage.encoding import MAX_TOKENS, TEMPLATE_VERSION
from nlp_engage.errors import ModelError
from nlp_engage.types import ACTS, LABEL_SCHEME, LABELS, LANGUAGES

DEFAULT_MODEL: Final = "engage-v7"
SHIPPED: Final = {"default": DEFAULT_MODEL, "fast": "engage-fast-v4"}
"""Short and full names of the models that come with the package; ``--model`` takes both."""
FILES: Final = ("model.onnx", "tokenizer.json")
SCORES: Final = "scores.json"


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of ``config.json``.

    Attributes:
        name: Name and version of the model.
        scheme: Label scheme it was trained for; must equal ``types.LABEL_SCHEME``.
        template: Input template it was trained with; must equal ``encoding.TEMPLATE_VERSION``.
        labels: Order of the label probabilities.
        acts: Order of the act probabilities.
        max_tokens: Longest input, in tokens.
        temperature: Calibration temperature per language, > 0.
        sha256: SHA-256 of each of ``FILES``, by file name; no other file may be named.
        base: The base model and its licence.
    """

    name: str
    scheme: str
    template: str
    labels: tuple[str, ...]
    acts: tuple[str, ...]
    max_tokens: int
    temperature: dict[str, float]
    sha256: dict[str, str]
    base: dict[str, str] = {}


def model_folder(model: str | Path | None = None) -> Path:
    """Where a model stands.

    Args:
        model: A model folder, or the short or full name of a shipped model (``SHIPPED``), where a folder of such a
            name goes first; ``None`` for the default, whatever folders there are.

    Returns:
        The folder; whether it holds a model is for ``load_config`` to say.

    Raises:
        ModelError: A shipped model is not in this installation.

    >>> model_folder("fast") == model_folder(SHIPPED["fast"]), model_folder("models/my-v1").name
    (True, 'my-v1')
    """
    if model is None:
        return _shipped(DEFAULT_MODEL)
    name = str(model)
    full = SHIPPED.get(name, name)
    return _shipped(full) if full in SHIPPED.values() and not Path(name).is_dir() else Path(name)


def shipped_folders() -> list[Path]:
    """Folders of the shipped models that this installation has."""
    return [folder for name in SHIPPED.values() for folder in _places(name)[:1]]


def _shipped(name: str) -> Path:
    for folder in _places(name):
        return folder
    raise ModelError(
        f"the shipped model {name!r} is missing from this installation; "
        "reinstall nlp-engage, or name a model folder with --model"
    )


def _places(name: str) -> list[Path]:
    """Inside the wheel, and in ``models/`` of a checkout."""
    package = Path(__file__).resolve().parents[1]
    folders = package / "_shipped" / "models" / name, package.parent / "models" / name
    return [folder for folder in folders if (folder / "config.json").is_file()]


def load_config(folder: Path) -> ModelConfig:
    """Read and check a model folder.

    Raises:
        ModelError: A file is missing or damaged, or the model was made for another label scheme, template,
            label order or language set than this version of the package works with.
    """
    path = folder / "config.json"
    try:
        config = msgspec.json.decode(path.read_bytes(), type=ModelConfig)
    except OSError as error:
        names = ", ".join((*SHIPPED, *SHIPPED.values()))
        raise ModelError(
            f"{folder} is no model folder: config.json cannot be read ({error.strerror}); "
            f"name a folder that holds a model, or a shipped model: {names}"
        ) from None
    except ValueError as error:  # no JSON, other fields, or bytes that are no UTF-8
        raise ModelError(f"{path}: {error}; train or export the model again") from None
    expected: dict[str, tuple[object, object]] = {
        "label scheme": (config.scheme, LABEL_SCHEME),
        "input template": (config.template, TEMPLATE_VERSION),
        "labels": (config.labels, tuple(LABELS)),
        "acts": (config.acts, tuple(ACTS)),
        "longest input": (config.max_tokens, MAX_TOKENS),
        "calibrated languages": (tuple(sorted(config.temperature)), LANGUAGES),
    }
    for what, (found, wanted) in expected.items():
        if found != wanted:
            raise ModelError(
                f"{path}: the model's {what} is {found!r}, this version of nlp-engage works with {wanted!r}. "
                "Use a model made for it, or the package version the model was made with."
            )
    if cold := [f"{k}={t}" for k, t in config.temperature.items() if not t > 0]:
        raise ModelError(f"{path}: temperature {cold} must be above 0")
    if strange := sorted(set(config.sha256) - set(FILES)):
        raise ModelError(f"{path}: sha256 names {strange}, must name {FILES} and no other file; export the model again")
    _check_files(folder, config)
    return config


def read_scores(folder: Path) -> dict[str, Any] | None:
    """Read ``scores.json``: what the model, and the floors beside it, did on held-out replies.

    Returns:
        Name -> scores; ``None`` where there is no such file, for a model can be used without it.

    Raises:
        ModelError: The file is damaged.
    """
    path = folder / SCORES
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path}: {error}; it must be what `nlp-engage export` writes. Fetch the folder again, or delete the file "
            "(shares then stay uncorrected)."
        ) from None


def _check_files(folder: Path, config: ModelConfig) -> None:
    for name in FILES:
        try:
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise ModelError(
                f"{folder / name} cannot be read ({error.strerror}); the model folder is incomplete"
            ) from None
        if digest != config.sha256.get(name):
            raise ModelError(
                f"{folder / name} is not the file config.json was written for: SHA-256 {digest[:12]}..., not "
                f"{str(config.sha256.get(name))[:12]}...; damaged or exchanged. Fetch the folder again."
            )
