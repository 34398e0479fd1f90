"""Run every bench of this folder, one after the other, each in its own process: ``make bench``.

Figures are ratios against a rival measured in the same run. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BENCHES = (
    "read_speed.py",
    "structure_speed.py",
    "who_answers.py",
    "measure_speed.py",
    "label_speed.py",
    "flat_memory.py",
    "chaos.py",
    "gaming.py",
    "odd_shapes.py",
    "false_alarms.py",
    "coverage.py",
)


def main() -> int:
    print(f"machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    failed = []
    for name in sys.argv[1:] or BENCHES:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, str(HERE / name)], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
