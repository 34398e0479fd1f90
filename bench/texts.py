"""What the benches read: the unlabelled pool beside the repository where it is there, else the sample archives.

``NLP_ENGAGE_POOL`` names another folder for the pool, e.g. for a second working tree.
"""

from __future__ import annotations

import os
from pathlib import Path

from nlp_engage.samples import sample_archives

POOL = Path(os.environ.get("NLP_ENGAGE_POOL") or Path(__file__).resolve().parents[2] / "shared" / "pool")


def archive_files() -> list[str]:
    """Files in both languages; threads as they are, no single labelled units."""
    pool = sorted(str(p) for p in POOL.glob("*.jsonl.zst") if p.name != "units.jsonl.zst")
    return pool or [str(sample_archives())]


def source() -> str:
    """What ``archive_files`` found, for the output."""
    return "pool of real comments" if POOL.is_dir() else "sample archives (no pool beside the repository)"
