"""Labelled units: reading, checking, and keeping a thread on one side of a split."""

from __future__ import annotations

import re
from collections import defaultdict
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from nlp_engage.context import context_of_unit, labels_of_unit
from nlp_engage.errors import DataError
from nlp_engage.splits import deal_folds, split_threads, thread_of
from nlp_engage.train.config import SHARED_THREADS
from nlp_engage.train.evaluate import codes_of_unit
from nlp_engage.types import LABEL_CODES, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nlp_engage.train.config import TrainConfig

_NUMBER: Final = re.compile(r"#\d+$")
"""What ``teach`` writes behind an id that it gave before."""
_PACKED: Final = {b"\x1f\x8b": "gzip", b"(\xb5/\xfd": "zstd", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}


class _Unit(msgspec.Struct):
    """Types of the fields of a unit, as ``docs/codebook.md`` describes them; more fields may be there."""

    uid: Annotated[str, msgspec.Meta(min_length=1)]
    lang: str
    post: str
    above: list[tuple[str, str]]
    by: str
    reply: str
    label: str
    act: str | None = None
    confidence: Literal[1, 2, 3] | None = None
    thread: str | None = None
    soft: dict[str, float] | None = None
    coders: int | dict[str, str] | None = None
    source: str | int | None = None
    platform: str | int | None = None


def read_units(path: str | Path) -> list[dict[str, Any]]:
    """Read labelled units and check every field, label, act and language.

    Args:
        path: JSON lines, one unit a line, as ``docs/codebook.md`` describes them. Empty lines are skipped.

    Raises:
        DataError: The file cannot be read or holds no unit, a line is no JSON object, a field is missing or of another
            type, a label, act, language, soft label or coder is not as the codebook has it, or a uid occurs twice.
    """
    lines = _lines(Path(path))
    units: list[dict[str, Any]] = []
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            unit: dict[str, Any] = msgspec.json.decode(line)
            msgspec.convert(unit, _Unit)
            labels_of_unit(unit)
            context_of_unit(unit)
            _check_soft(unit)
            codes_of_unit(unit)
        except (msgspec.MsgspecError, UnicodeDecodeError, DataError) as error:
            raise DataError(
                f"{path}, line {number}: {error}; one JSON object a line, docs/codebook.md describes a unit"
            ) from None
        if unit["uid"] in seen:
            raise DataError(f"{path}, line {number}: uid {unit['uid']!r} occurs twice; uids must be unique")
        seen.add(unit["uid"])
        units.append(unit)
    if not units:
        raise DataError(f"{path}: no labelled units, the file is empty; docs/codebook.md describes a unit")
    return units


def _lines(path: Path) -> list[bytes]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: labelled units cannot be read ({error.strerror}); name a file of JSON lines, one unit a line"
        ) from None
    if packed := next((name for start, name in _PACKED.items() if data.startswith(start)), None):
        raise DataError(f"{path}: labelled units are read unpacked, this file is packed ({packed}). Unpack it first")
    return data.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def _check_soft(unit: Mapping[str, Any]) -> None:
    shares = unit.get("soft")
    if shares is None:
        return
    fair = min(shares.values(), default=0) >= 0 and isclose(sum(shares.values()), 1, abs_tol=1e-3)
    if not fair or set(shares) - set(LABEL_CODES):
        raise DataError(f"unit {unit['uid']!r}: soft is {shares!r}; must be shares of {', '.join(LABEL_CODES)}, sum 1")


def check_split(train: Sequence[Mapping[str, Any]], dev: Sequence[Mapping[str, Any]]) -> None:
    """Refuse data that would make the scores mean nothing.

    Raises:
        DataError: A thread or a uid is on both sides, a side lacks a label or a language, or a language of dev
            lacks a label.
    """
    if both := {thread_of(u) for u in train} & {thread_of(u) for u in dev}:
        raise DataError(
            f"{len(both)} threads are in train and dev, e.g. {min(both)!r}: split by thread, or set "
            f"shared_threads to one of {', '.join(SHARED_THREADS[1:])} to leave them out of one side"
        )
    if both := {u["uid"] for u in train} & {u["uid"] for u in dev}:
        raise DataError(f"{len(both)} uids are in train and dev, e.g. {min(both)!r}: a uid is one reply, on one side")
    for name, units in (("train", train), ("dev", dev)):
        if missing := set(LABEL_CODES) - {u["label"] for u in units}:
            raise DataError(f"{name}: no unit with label {sorted(missing)}; every label needs examples")
        if missing := set(LANGUAGES) - {u["lang"] for u in units}:
            raise DataError(f"{name}: no unit in {sorted(missing)}; a model is trained and chosen on both languages")
    cells = {(u["lang"], u["label"]) for u in dev}
    if absent := [f"{lang}/{code}" for lang in LANGUAGES for code in LABEL_CODES if (lang, code) not in cells]:
        raise DataError(f"dev: no unit of {', '.join(absent)}; the macro-F1 of a language needs all of its labels")


def drop_shared_threads(train: Sequence[dict[str, Any]], dev: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Training units whose thread is not in dev.

    >>> units = [{"uid": "1", "thread": "a"}, {"uid": "2", "thread": "b"}]
    >>> drop_shared_threads(units, [{"uid": "3", "thread": "b"}])
    [{'uid': '1', 'thread': 'a'}]
    """
    dev_threads = {thread_of(unit) for unit in dev}
    return [unit for unit in train if thread_of(unit) not in dev_threads]


def drop_labelled(taught: Sequence[dict[str, Any]], labelled: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A teacher's units without the replies that are labelled units.

    Ids are compared with and without what ``teach`` and ``sample`` add to them (the teacher's name, the thread, a
    number). They mean replies of their threads; where one of the two units names no thread, the id is enough alone.

    >>> taught = [{"uid": f"old:t:{k}", "thread": "t", "teacher": "old"} for k in "abc"]
    >>> [unit["uid"] for unit in drop_labelled(taught, [{"uid": "a"}, {"uid": "b", "thread": "t"}])]
    ['old:t:c']
    """
    known: dict[str, set[str | None]] = defaultdict(set)
    for unit in labelled:
        for name in _reply_names(unit):
            known[name].add(unit.get("thread") or None)

    def is_labelled(unit: Mapping[str, Any]) -> bool:
        found = set().union(*(known.get(name, ()) for name in _reply_names(unit)))
        return bool(found) and (not unit.get("thread") or not found.isdisjoint((unit["thread"], None)))

    return [unit for unit in taught if not is_labelled(unit)]


def _reply_names(unit: Mapping[str, Any]) -> set[str]:
    uid, thread = str(unit["uid"]), unit.get("thread")
    uids = {uid}
    if teacher := unit.get("teacher"):
        uid = uid.removeprefix(f"{teacher}:")
        uids = {uid, _NUMBER.sub("", uid)}
    return {name for u in uids for name in ((u, u.removeprefix(f"{thread}:"), f"{thread}:{u}") if thread else (u,))}


def part_threads(
    train: Sequence[dict[str, Any]], dev: Sequence[dict[str, Any]], shared: str = "refuse"
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Put every thread on one side and check what is left.

    Args:
        train: Training units.
        dev: Units the checkpoint is chosen on.
        shared: What to do with threads that are on both sides: one of ``SHARED_THREADS``.

    Returns:
        The training and the dev units to use.

    Raises:
        DataError: ``shared`` is unknown, or the sides cannot be used (see ``check_split``).
    """
    kept = drop_from_side(train, dev, shared)
    check_split(*kept)
    return kept


def drop_from_side(
    train: Sequence[dict[str, Any]], dev: Sequence[dict[str, Any]], shared: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Leave the threads of both sides out of the one that ``shared`` names, of neither where it is ``"refuse"``.

    Raises:
        DataError: ``shared`` is none of ``SHARED_THREADS``.
    """
    if shared not in SHARED_THREADS:
        raise DataError(f"shared_threads is {shared!r}, must be one of {', '.join(SHARED_THREADS)}")
    if shared == "drop_from_train":
        return drop_shared_threads(train, dev), list(dev)
    if shared == "drop_from_dev":
        return list(train), drop_shared_threads(dev, train)
    return list(train), list(dev)


def sides(config: TrainConfig) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read the units a training is about and put every thread on one side.

    Without ``dev``, the threads of ``train`` are dealt: into ``folds`` folds, of which ``fold`` is dev, or
    ``dev_share`` of the units is set aside.

    Returns:
        The training and the dev units, checked.

    Raises:
        DataError: A file cannot be used, or the sides cannot (see ``check_split``).
    """
    units = read_units(Path(config.train))
    other = read_units(Path(config.dev)) if config.dev else None
    place = f"{config.train} and {config.dev}" if config.dev else config.train
    try:
        return part_threads(*_parted(config, units, other), config.shared_threads)
    except DataError as error:
        way = "" if config.dev else "; units of more threads, another dev_share or folds, or a dev file would help"
        raise DataError(f"{place}: {error}{way}") from None


def files_of(config: TrainConfig) -> dict[str, Path]:
    """The files that the two ``sides`` of a training are read from."""
    return {"train": Path(config.train), "dev": Path(config.dev or config.train)}


def training_units(config: TrainConfig) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What a training passes over in an epoch, the teacher's units among it, and the dev units.

    Raises:
        DataError: As ``sides``; or nothing of the teacher's units is left without threads of dev and labelled replies.
    """
    train, dev = sides(config)
    if not config.teacher_units:
        return train, dev
    taught = drop_shared_threads(read_units(Path(config.teacher_units)), dev)
    if not (taught := drop_labelled(taught, [*train, *dev])):
        raise DataError(
            f"{config.teacher_units}: every unit is a labelled one or of a thread of dev; teacher_units are replies "
            "nobody labelled. Make some with `nlp-engage teach --exclude`"
        )
    return [*train * config.repeat, *taught], dev


def _parted(
    config: TrainConfig, units: list[dict[str, Any]], dev: list[dict[str, Any]] | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    if dev is not None:
        return units, dev
    if not config.folds:
        return split_threads(units, share=config.dev_share, seed=config.seed)
    fold = deal_folds(units, config.folds, seed=config.seed)
    held = [bool(f == config.fold - 1) for f in fold]
    dealt = ([u for u, out in zip(units, held, strict=True) if out == side] for side in (False, True))
    return next(dealt), next(dealt)
