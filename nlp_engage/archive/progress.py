"""How far a run is: told to the one who waits, and to any other process through ``progress.json``."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.archive.store import read_manifest
from nlp_engage.durable import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from nlp_engage.types import Comment, ReadReport

PROGRESS: Final = "progress.json"
_EVERY: Final = 2.0
"""Seconds between two writings of the file, at least."""
_LOOK: Final = 4_096
"""Records between two looks at the clock while reading."""


class Progress:
    """Keeps count and tells. May be used from several threads.

    Args:
        folder: The run.
        report: The books of the reading.
        tell: Called with (records done since the last call, records in all).
    """

    def __init__(self, folder: Path, report: ReadReport, tell: Callable[[int, int], object] | None) -> None:
        self._path, self._report, self._tell = folder / PROGRESS, report, tell
        self._lock = threading.Lock()
        self._written = 0.0
        self._state: dict[str, Any] = {"phase": "reading", "started": time.time()}

    def while_reading(self, comments: Iterable[Comment]) -> Iterator[Comment]:
        """Pass comments through and count them."""
        self._write(now=True)
        for n, comment in enumerate(comments):
            if n % _LOOK == 0:
                self._write()
            yield comment
        self._state["phase"] = "grouping"
        self._write(now=True)

    def start(self, total: int, parts: int) -> None:
        """Begin with labelling: so many records in so many parts."""
        self._state |= {
            "phase": "labelling", "started": time.time(), "parts": parts, "parts_done": 0, "comments": total,
            "comments_done": 0, "resumed_comments": 0,
        }  # fmt: skip
        self._write(now=True)

    def step(self, count: int) -> None:
        """So many records more are done."""
        with self._lock:
            self._state["comments_done"] += count
            if self._tell:
                self._tell(count, self._state["comments"])
        self._write()

    def part_done(self, resumed: int) -> None:
        """A part is done; ``resumed`` of its records were so before."""
        with self._lock:
            self._state["parts_done"] += 1
            self._state["resumed_comments"] += resumed
        self._write(now=self._state["parts_done"] == self._state["parts"])

    def stop(self) -> None:
        """Write down how far it came, before an interrupted run ends."""
        self._write(now=True)

    def end(self) -> None:
        """Nothing is left to tell: the manifest says it all."""
        self._path.unlink(missing_ok=True)

    def _write(self, *, now: bool = False) -> None:
        with self._lock:
            clock = time.time()
            if not now and clock - self._written < _EVERY:
                return
            self._written = clock
            state = {**self._state, "now": clock, "read": self._report.read, "rejected": self._report.n_rejected}
            write_atomically(self._path, (json.dumps(state, indent=1) + "\n").encode())


def run_status(run: Path) -> dict[str, Any]:
    """How far a run is; may be asked from another process.

    Returns:
        ``complete``; ``phase`` (``reading``, ``grouping``, ``labelling`` or ``complete``); ``parts, parts_done,
        comments, comments_done`` once reading is over; ``per_second`` (of this session) and ``seconds_left``
        (``None`` where it cannot be told); ``read, rejected``, in the end with ``rejects_listed`` (less where the
        limit of ``rejects.jsonl`` was reached); ``told_seconds_ago``: if large, nothing is at work.

    Raises:
        RunError: The folder is no run.
    """
    try:
        state = json.loads((run / PROGRESS).read_text("utf-8"))
    except (OSError, ValueError):
        return _without_progress(read_manifest(run))
    told = {"complete": False, "phase": state["phase"], "per_second": None, "seconds_left": None}
    told |= {
        k: state[k] for k in ("parts", "parts_done", "comments", "comments_done", "read", "rejected") if k in state
    }
    seconds = state["now"] - state["started"]
    done = state["comments_done"] - state["resumed_comments"] if "comments" in state else state["read"]
    if done > 0 and seconds > 0:
        told["per_second"] = round(done / seconds, 1)
        if "comments" in state:
            told["seconds_left"] = round((state["comments"] - state["comments_done"]) * seconds / done)
    return {**told, "told_seconds_ago": round(max(0.0, time.time() - state["now"]), 1)}


def _without_progress(manifest: dict[str, Any]) -> dict[str, Any]:
    if not manifest["complete"]:
        nothing = {"per_second": None, "seconds_left": None}
        return {"complete": False, "phase": "labelling", "parts": manifest["parts"], "parts_done": 0, **nothing}
    done = {k: manifest[k] for k in ("parts", "comments", "read", "rejected", "rejects_listed")}
    return {"complete": True, "phase": "complete", "parts_done": manifest["parts"], **done, "seconds_left": 0}
