"""Join the codes of ``data/labels/pool_codes.csv`` with the texts they belong to: what shipped models are scored on.

The texts are other people's and stand beside the repository, not in it. Written to OUT, one unit a line: ``dev.jsonl``
(to choose and calibrate by: the given dev labels of threads without training labels, and ``dev_threads``),
``test_threads.jsonl``, ``unseen.jsonl``, ``test_known.jsonl`` (to report), ``train.jsonl`` (codes for training).

    python bench/pool_labels.py work/labels
    nlp-engage evaluate --data work/labels/unseen.jsonl
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from texts import POOL

from nlp_engage.context import units_of_replies
from nlp_engage.readers import read
from nlp_engage.tree import build_trees
from nlp_engage.types import LABEL_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CODES = Path(__file__).resolve().parents[1] / "data" / "labels" / "pool_codes.csv"
FILES = {"test_threads": "test_threads", "test": "unseen", "test_known": "test_known", "train": "train"}
"""File of each part; ``dev_threads`` goes to ``dev`` with the given dev labels."""

Unit = dict[str, Any]


def key_of(thread: str, comment: str) -> str:
    """What a reply is called in the codes."""
    return hashlib.sha256(f"{thread}\n{comment}".encode()).hexdigest()[:16]


def read_codes(path: Path) -> dict[str, Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file)}


def coded_units(archive: Path, codes: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, Unit]]:
    """Part and unit of every reply of an archive that has a code."""
    for tree in build_trees(list(read([str(archive)]))):
        keys = [key_of(tree.thread_id, c.id) for c in tree.comments]
        rows = [i for i in range(1, len(tree)) if keys[i] in codes]
        for i, unit in zip(rows, units_of_replies(tree, rows), strict=True):
            code = codes[keys[i]]
            own = {"uid": f"pool:{keys[i]}", "lang": code["lang"], "source": code["source"]}
            label = {"label": code["label"], "act": code["act"], "confidence": int(code["confidence"])}
            yield code["part"], {**unit, **own, **label, "soft": shares(code["label"], code["agree"])}


def shares(label: str, agree: str) -> dict[str, float]:
    """The coders' shares of each label; what other labels got is divided evenly, for whose it was is not on record."""
    count, coders = map(int, agree.split("/"))
    rest = (1 - count / coders) / (len(LABEL_CODES) - 1)
    return {code: count / coders if code == label else rest for code in LABEL_CODES}


def clean_dev(labels: Path) -> list[Unit]:
    """The given dev units whose threads have no given training label."""
    train, dev = ([json.loads(line) for line in (labels / f"{name}.jsonl").open("rb")] for name in ("train", "dev"))
    taken = {unit["thread"] for unit in train}
    return [unit for unit in dev if unit["thread"] not in taken]


def join(pool: Iterable[Path], codes: Mapping[str, Mapping[str, str]]) -> dict[str, list[Unit]]:
    """Units by part, in the order of the archives."""
    parts: dict[str, list[Unit]] = {part: [] for part in ("dev_threads", *FILES)}
    for archive in pool:
        for part, unit in coded_units(archive, codes):
            parts[part].append(unit)
    return parts


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--pool", type=Path, default=POOL, help="folder of the pool's archives")
    given = parser.parse_args(arguments)
    archives = sorted(p for p in given.pool.glob("*.jsonl.zst") if p.name != "units.jsonl.zst")
    if not archives:
        sys.exit(f"{given.pool}: no archives (*.jsonl.zst) there; name their folder with --pool")
    parts = join(archives, read_codes(CODES))
    dev = [*clean_dev(given.pool.parent / "labels"), *parts.pop("dev_threads")]
    given.out.mkdir(parents=True, exist_ok=True)
    for name, units in [("dev", dev), *((FILES[part], units) for part, units in parts.items())]:
        lines = "".join(json.dumps(unit, ensure_ascii=False) + "\n" for unit in units)
        (given.out / f"{name}.jsonl").write_text(lines, "utf-8")
        print(f"{name}.jsonl: {len(units):,} units")


if __name__ == "__main__":
    main()
