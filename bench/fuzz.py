"""Mutated exports of every format: readers give comments, rejects or a ``ReadError``, and nothing else.

Run: ``python bench/fuzz.py [--inputs 200000] [--seed 1] [--only WORD]``. Seeds are the fixtures of the tests and,
where they are beside the project, the real samples; with ``--only`` those whose name holds the word. Any other
exception, a reader that calls itself defective, books that do not balance, an input that takes longer than
``SECONDS`` or memory beyond ``MEMORY`` fails the run; the input is saved in ``out/fuzz``.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.errors import ReadError
from nlp_engage.readers import read
from nlp_engage.tree import build_trees
from nlp_engage.types import ReadReport

if TYPE_CHECKING:
    from types import FrameType

ROOT: Final = Path(__file__).resolve().parents[1]
SECONDS: Final = 5
"""The longest that one input may take, by the clock of this process."""
MEMORY: Final = 400 * 2**20
"""The most memory of the process, everything included."""
SAMPLES: Final = ROOT.parent / "shared" / "formats" / "samples"
SAVED: Final = ROOT / "out" / "fuzz"


class TooSlowError(BaseException):
    """Raised by the timer; no reader catches it."""


def seeds() -> dict[str, Any]:
    """Name -> content: a JSON value, text or bytes."""
    from test_readers_hostile import SEEDS

    found: dict[str, Any] = {f"fixture {name}": content for name, content in SEEDS.items()}
    for path in sorted(SAMPLES.glob("*")) if SAMPLES.is_dir() else []:
        data = path.read_bytes()[:60_000]
        try:
            found[f"sample {path.name}"] = json.loads(data)
        except ValueError:
            found[f"sample {path.name}"] = data
    return found


def outcome(path: Path) -> tuple[str, str]:
    """What a file was read as, and what came of it.

    Raises:
        AssertionError: The books do not balance or a reader is defective.
    """
    report = ReadReport()
    try:
        found = list(read(path, report=report))
    except ReadError:
        return _format(report), "refused"
    assert report.kept == len(found), "kept is not what was given"
    assert report.read == report.kept + report.n_rejected, "the books do not balance"
    assert not [r for r in report.rejected if "defect" in r.reason], report.rejected[-1].reason
    assert all(c.id and c.thread_id for c in found), "a comment without id or thread"
    nodes = sum(len(tree) - int(tree.stand_in.sum()) for tree in build_trees(found))
    assert nodes <= len(found), "trees hold more than was read"
    return _format(report), "read with rejects" if report.n_rejected else "read"


def _format(report: ReadReport) -> str:
    return next((told.partition(":")[0] for told in report.formats.values()), "not recognised")


def _stop(number: int, frame: FrameType | None) -> None:
    raise TooSlowError


def attempt(path: Path) -> tuple[str, str]:
    """``outcome`` within limits; everything that is no outcome is a failure."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return outcome(path)
    except MemoryError:
        return "?", "FAILED: out of memory"
    except TooSlowError:
        return "?", f"FAILED: longer than {SECONDS} s"
    except Exception as error:
        return "?", f"FAILED: {type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def peak() -> int:
    """Most memory so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(inputs: int, seed: int, folder: Path, only: str = "") -> list[str]:
    """Read mutated inputs, print what came of them, return the failures."""
    from mutating import mutate

    rng, known, start = random.Random(seed), seeds(), time.perf_counter()
    names = [name for name in known if only in name]
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    failures: list[str] = []
    before = peak()
    print(f"{len(names)} seeds, {inputs:,} inputs, random seed {seed}")
    for number in range(inputs):
        if number and number % 20_000 == 0:
            print(f"{number:,} inputs, {len(failures)} failed", file=sys.stderr, flush=True)
        if number % 500 == 0:
            faulthandler.dump_traceback_later(500 * SECONDS, exit=True)  # where the timer does not get through
        name = names[number % len(names)]
        path = folder / "x"
        path.write_bytes(mutate(known[name], rng))
        kind, what = attempt(path)
        if peak() > MEMORY and before <= MEMORY:
            kind, what = "?", f"FAILED: {peak() / 2**20:.0f} MB of memory"
        before = peak()
        if what.startswith("FAILED"):
            SAVED.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, saved := SAVED / f"{seed}-{number}")
            failures.append(f"{saved} (from {name}): {what}")
            print(failures[-1], flush=True)
        counts[kind][what.partition(":")[0]] += 1
    total: Counter[str] = Counter()
    for kind, found in sorted(counts.items()):
        total.update(found)
        print(f"{kind:28}" + ", ".join(f"{what} {n:,}" for what, n in sorted(found.items())))
    print(f"{'in all':28}" + ", ".join(f"{what} {n:,}" for what, n in sorted(total.items())))
    seconds = time.perf_counter() - start
    print(f"{inputs / seconds:,.0f} inputs/s, {seconds:.0f} s, peak memory {peak() / 2**20:.0f} MB")
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="seeds whose name holds this word")
    wanted = parser.parse_args()
    sys.path.insert(0, str(ROOT / "tests"))
    signal.signal(signal.SIGPROF, _stop)
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, resource.getrlimit(resource.RLIMIT_AS)[1]))
    memory = Path("/dev/shm")  # a disk would be most of the time
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        return 1 if run(wanted.inputs, wanted.seed, Path(folder), wanted.only) else 0


if __name__ == "__main__":
    raise SystemExit(main())
