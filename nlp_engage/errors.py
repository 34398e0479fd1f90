"""Every error the package raises on purpose. A message names value, rule, place and next step."""

from __future__ import annotations

from typing import Final

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C: 128 and the number of the signal, as shells have it."""
STOPPED: Final = "\nnlp-engage: stopped; nothing half-written is left behind"
"""What is said then."""


class NlpEngageError(Exception):
    """Base class: catch this to catch everything the package raises on purpose."""


class ReadError(NlpEngageError):
    """An archive cannot be read at all (single bad records are rejected and counted instead)."""


class ModelError(NlpEngageError):
    """A model folder cannot be used: missing, damaged, or made for another scheme, template or version."""


class DataError(NlpEngageError):
    """Input that was read but cannot be worked with: unknown label, empty group, unknown column."""


class RunError(NlpEngageError):
    """A run folder cannot be resumed or read: made with another model, other settings, or incomplete."""


class MissingExtraError(NlpEngageError, ImportError):
    """An optional dependency is not installed; the message says which extra to install."""


def require(module: str, extra: str) -> object:
    """Import an optional dependency or say what to install.

    Args:
        module: Dotted name of the module.
        extra: Name of the extra that brings it.

    Returns:
        The imported module.

    Raises:
        MissingExtraError: The module is not installed.

    >>> require("json", extra="train").__name__
    'json'
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{module!r} is needed here but not installed ({error}). Install it with: pip install 'nlp-engage[{extra}]'"
        ) from error
