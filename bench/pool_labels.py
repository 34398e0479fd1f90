"""Join the codes of ``data/labels/pool_codes.csv`` with the texts they belong to: what shipped models are scored on.

The texts are other people's and stand beside the repository, not in it. Written to OUT, one unit a line: ``dev.jsonl``
(to choose and calibrate by: the given dev labels of threads without training labels, and ``dev_threads``),
``test_threads.jsonl``, ``unseen.jsonl``, ``test_known.jsonl`` (to report), ``train.jsonl`` (codes for training) and
``given_train.jsonl`` (the given training labels).

The given labels show two things otherwise than a model meets them at work, which is mended here: where nobody's name is
known every speaker has the same letter, as if all were one person; and the turns above are cut at 220 characters.

    python bench/pool_labels.py work/labels
    nlp-engage evaluate --data work/labels/unseen.jsonl
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from texts import POOL

from nlp_engage.context import units_of_replies
from nlp_engage.readers import read
from nlp_engage.tree import build_trees
from nlp_engage.types import LABEL_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nlp_engage.types import Comment

CODES = Path(__file__).resolve().parents[1] / "data" / "labels" / "pool_codes.csv"
FILES = {"test_threads": "test_threads", "test": "unseen", "test_known": "test_known", "train": "train"}
"""File of each part; ``dev_threads`` goes to ``dev`` with the given dev labels."""

CUT = 220
"""Characters at which the given labels cut the turns above."""

Unit = dict[str, Any]


def key_of(thread: str, comment: str) -> str:
    """What a reply is called in the codes."""
    return hashlib.sha256(f"{thread}\n{comment}".encode()).hexdigest()[:16]


def read_codes(path: Path) -> dict[str, Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file)}


@dataclass
class Pool:
    """What one pass over the archives gives.

    Attributes:
        parts: Coded units by part.
        anonymous: Sources that name no author.
        whole: Long texts by what a cut leaves of them (``_start``).
    """

    parts: dict[str, list[Unit]] = field(default_factory=lambda: {part: [] for part in ("dev_threads", *FILES)})
    anonymous: set[str] = field(default_factory=set)
    whole: dict[str, str] = field(default_factory=dict)


def join(archives: Iterable[Path], codes: Mapping[str, Mapping[str, str]]) -> Pool:
    """Read the archives once; units by part stand in their order."""
    pool = Pool()
    for archive in archives:
        comments = list(read([str(archive)]))
        if all(c.author is None for c in comments if c.parent_id):
            pool.anonymous.add(source_of(archive))
        pool.whole.update((_start(c.text), c.text) for c in comments if len(c.text) > CUT)
        for part, unit in coded_units(comments, codes):
            pool.parts[part].append(unit)
    return pool


def source_of(archive: Path) -> str:
    """Name of a source: that of its archive without language and ending."""
    return archive.name.split(".")[0][3:]


def _start(text: str) -> str:
    return " ".join(text.split())[: CUT - 30]  # blanks are counted before they are folded


def coded_units(comments: Iterable[Comment], codes: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, Unit]]:
    """Part and unit of every reply that has a code."""
    for tree in build_trees(comments):
        keys = [key_of(tree.thread_id, c.id) for c in tree.comments]
        rows = [i for i in range(1, len(tree)) if keys[i] in codes]
        for i, unit in zip(rows, units_of_replies(tree, rows), strict=True):
            code = codes[keys[i]]
            own = {"uid": f"pool:{keys[i]}", "lang": code["lang"], "source": code["source"]}
            label = {"label": code["label"], "act": code["act"], "confidence": int(code["confidence"])}
            yield code["part"], {**unit, **own, **label, "soft": shares(code["label"], code["agree"])}


def as_at_work(unit: Unit, pool: Pool) -> Unit:
    """A given unit as ``units_of_replies`` makes them: the unnamed are nobody's second self, and turns are whole."""
    turns = [[by, pool.whole.get(_start(text), text) if len(text) >= CUT else text] for by, text in unit["above"]]
    if unit["source"] not in pool.anonymous:
        return {**unit, "above": turns}
    above = [[letter + by[1:], text] for letter, (by, text) in zip(ascii_uppercase, turns, strict=False)]
    return {**unit, "above": above, "by": ascii_uppercase[len(turns)] + unit["by"][1:]}


def shares(label: str, agree: str) -> dict[str, float]:
    """The coders' shares of each label; what other labels got is divided evenly, for whose it was is not on record."""
    count, coders = map(int, agree.split("/"))
    rest = (1 - count / coders) / (len(LABEL_CODES) - 1)
    return {code: count / coders if code == label else rest for code in LABEL_CODES}


def given(labels: Path, pool: Pool) -> dict[str, list[Unit]]:
    """The given units, as at work: ``train``, and ``dev`` without threads that have a given training label."""
    train, dev = ([json.loads(line) for line in (labels / f"{name}.jsonl").open("rb")] for name in ("train", "dev"))
    taken = {unit["thread"] for unit in train}
    clean = [unit for unit in dev if unit["thread"] not in taken]
    return {name: [as_at_work(u, pool) for u in units] for name, units in (("train", train), ("dev", clean))}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--pool", type=Path, default=POOL, help="folder of the pool's archives")
    where = parser.parse_args(arguments)
    archives = sorted(p for p in where.pool.glob("*.jsonl.zst") if p.name != "units.jsonl.zst")
    if not archives:
        sys.exit(f"{where.pool}: no archives (*.jsonl.zst) there; name their folder with --pool")
    pool = join(archives, read_codes(CODES))
    labels = given(where.pool.parent / "labels", pool)
    dev = [*labels["dev"], *pool.parts.pop("dev_threads")]
    parts = {"dev": dev, "given_train": labels["train"], **{FILES[p]: units for p, units in pool.parts.items()}}
    where.out.mkdir(parents=True, exist_ok=True)
    for name, units in parts.items():
        lines = "".join(json.dumps(unit, ensure_ascii=False) + "\n" for unit in units)
        (where.out / f"{name}.jsonl").write_text(lines, "utf-8")
        print(f"{name}.jsonl: {len(units):,} units")


if __name__ == "__main__":
    main()
