"""What happens to a labelling run that is killed, filled up, robbed of its input and started twice: nothing.

Each time the run must end with the very bytes of an undisturbed one. Kills are SIGKILL at random moments; the full disk
is a small tmpfs (needs root, else it is skipped, and says so).

Run: ``python bench/chaos.py [--kills 50] [--real]``. The labels come from a stand-in; ``--real`` takes the shipped
model.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import rmtree

from flat_memory import StandIn, write_archive

PART = 100
"""Comments in a part: small, so that there are many places to die at."""


def label(archive: str, run: str, real: bool) -> None:
    """The run, in this process."""
    from nlp_engage.archive import label_archive, spill
    from nlp_engage.classify import OnnxLabeller
    from nlp_engage.errors import NlpEngageError

    spill.PART_COMMENTS = PART
    try:
        label_archive([archive], run, OnnxLabeller.load() if real else StandIn(), salt="chaos")
    except (NlpEngageError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


class Chaos:
    """An archive, what an undisturbed run makes of it, and ways to disturb."""

    def __init__(self, folder: Path, comments: int, real: bool, rng: random.Random) -> None:
        self.folder, self.real, self.rng = folder, real, rng
        self.archive, self.run = folder / "archive.jsonl", folder / "run"
        write_archive(self.archive, comments)
        start = time.perf_counter()
        self.finish(folder / "whole")
        self.seconds = time.perf_counter() - start
        self.wanted = self.bytes_of(folder / "whole")

    def start(self, run: Path) -> subprocess.Popen[str]:
        """The run in a process of its own."""
        command = [sys.executable, __file__, "--label", str(self.archive), str(run), *(["--real"] * self.real)]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def finish(self, run: Path) -> str:
        """Run to the end; returns the complaint if there was one. A traceback is none: it ends the bench."""
        process = self.start(run)
        complaint = process.communicate()[1]
        assert "Traceback" not in complaint, complaint
        return complaint if process.returncode else ""

    def bytes_of(self, run: Path) -> dict[str, bytes]:
        """Everything a finished run holds."""
        files = [p for p in run.rglob("*") if p.is_file() and p.name != ".lock"]
        return {str(p.relative_to(run)): p.read_bytes() for p in files}

    def check(self, run: Path) -> None:
        """The run has the bytes of the undisturbed one, and nothing else lies about."""
        found = self.bytes_of(run)
        differ = sorted(k for k in {*found, *self.wanted} if found.get(k) != self.wanted.get(k))
        assert not differ, f"these files differ: {differ[:5]}"

    def kills(self, count: int) -> str:
        """SIGKILL at random moments, each time resumed; whenever it comes to its end, it is checked and begins anew."""
        killed = finished = 0
        while killed < count:
            process = self.start(self.run)
            try:
                complaint = process.communicate(timeout=self.rng.uniform(0.1, 1.1) * self.seconds)[1]
                assert process.returncode == 0, complaint
                self.check(self.run)
                rmtree(self.run)
                finished += 1
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                killed += 1
        assert not self.finish(self.run)
        self.check(self.run)
        return f"{killed} kills, {finished + 1} runs that came to their end: every byte the same"

    def twice(self) -> str:
        """Two at once: one works, the other is sent away with a reason."""
        rmtree(self.run, ignore_errors=True)
        both = [self.start(self.run) for _ in range(2)]
        complaints = [p.communicate()[1] for p in both]
        refused = [c for p, c in zip(both, complaints, strict=True) if p.returncode]
        assert len(refused) < 2, refused
        assert all("another process is working" in c for c in refused), refused
        self.check(self.run)
        return f"{len(refused)} of 2 refused, every byte the same"

    def robbed(self) -> str:
        """The archive is cut short while it is read, then gone, then back."""
        rmtree(self.run, ignore_errors=True)
        whole = self.archive.read_bytes()
        process = self.start(self.run)
        time.sleep(self.rng.uniform(0.2, 0.6) * self.seconds)
        os.truncate(self.archive, len(whole) // 2)
        process.communicate()
        self.archive.unlink()
        complaint = self.finish(self.run)
        assert "archive.jsonl" in complaint, complaint
        self.archive.write_bytes(whole)
        assert not self.finish(self.run)
        self.check(self.run)
        return "cut short, gone and back: every byte the same"

    def full_disk(self) -> str:
        """A disk that is far too small, and grows until the run fits."""
        if not hasattr(os, "geteuid") or os.geteuid() != 0:
            return "SKIPPED: mounting a small tmpfs needs root"
        disk = self.folder / "disk"
        disk.mkdir()
        size, failed = 256, []
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", str(disk)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            return "SKIPPED: this machine lets nobody mount a tmpfs"
        try:
            while complaint := self.finish(disk / "run"):
                failed.append(complaint.strip().splitlines()[-1])
                size = size * 5 // 4
                subprocess.run(["mount", "-o", f"remount,size={size}k", str(disk)], check=True)
            self.check(disk / "run")
        finally:
            subprocess.run(["umount", str(disk)], check=True)
        assert failed, "the first disk was large enough: nothing was tried"
        return f"full {len(failed)} times, up to {size // 1024} MiB ({failed[-1][:90]} ...): every byte the same"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--comments", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--real", action="store_true", help="the shipped model instead of a stand-in")
    parser.add_argument("--label", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.label:
        label(*options.label, options.real)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(Path(folder), options.comments, options.real, random.Random(options.seed))
        parts = sum(name.startswith("labels") for name in chaos.wanted)
        print(f"{options.comments:,} records in {parts} parts, {chaos.seconds:.1f} s undisturbed; seed {options.seed}")
        print(f"SIGKILL: {chaos.kills(options.kills)}", flush=True)
        print(f"two at once: {chaos.twice()}", flush=True)
        print(f"input: {chaos.robbed()}", flush=True)
        print(f"full disk: {chaos.full_disk()}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
