"""Fetch the chart library that the report carries inside, and write down what was fetched.

The report is one file that works offline, so Vega, Vega-Lite and Vega-Embed are inlined into it. This script
gets the exact versions below through the ordinary ``npm`` client, copies the minified build and the licence
of each into ``nlp_engage/report/assets/vendor`` byte for byte, and records version and SHA-256 in
``vendor.json``. A test checks the files against that record.

    python tools/fetch_assets.py            fetch and write
    python tools/fetch_assets.py --check    only compare the files with the record (offline)
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[1] / "nlp_engage" / "report" / "assets" / "vendor"
RECORD = VENDOR / "vendor.json"

# In the order in which a page must load them. Only the report's own charts run on them: Vega-Embed brings the
# interpreter of expressions with which Vega runs under a Content-Security-Policy without "unsafe-eval".
PACKAGES = (
    ("vega", "6.4.0", "build/vega.min.js"),
    ("vega-lite", "6.4.3", "build/vega-lite.min.js"),
    ("vega-embed", "7.3.0", "build/vega-embed.min.js"),
)


def fetch(name: str, version: str, build: str) -> dict[str, str]:
    """Get one package and copy its build and licence; say what it was."""
    with tempfile.TemporaryDirectory() as scratch:
        packed = subprocess.run(
            ["npm", "pack", f"{name}@{version}", "--json", "--pack-destination", scratch],
            check=True,
            capture_output=True,
            text=True,
        )
        about = json.loads(packed.stdout)[0]
        with tarfile.open(Path(scratch) / about["filename"]) as archive:
            script = _member(archive, f"package/{build}")
            licence = _member(archive, "package/LICENSE")
    (VENDOR / Path(build).name).write_bytes(script)
    (VENDOR / f"{name}.LICENSE.txt").write_bytes(licence)
    return {
        "name": name,
        "version": version,
        "file": Path(build).name,
        "sha256": hashlib.sha256(script).hexdigest(),
        "licence": "BSD-3-Clause",
        "licence_file": f"{name}.LICENSE.txt",
        "package_integrity": about["integrity"],
    }


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise SystemExit(f"{archive.name}: {name} is not in the package; has its layout changed?")
    return file.read()


def check() -> list[str]:
    """Compare the files with the record; return what differs."""
    differing = []
    for entry in json.loads(RECORD.read_text("utf-8")):
        digest = hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest()
        if digest != entry["sha256"]:
            differing.append(f"{entry['file']}: SHA-256 is {digest}, the record says {entry['sha256']}")
    return differing


def main() -> None:
    """Fetch, or check."""
    if "--check" in sys.argv[1:]:
        if differing := check():
            raise SystemExit("\n".join(differing))
        print("vendored files are those of the record")
        return
    VENDOR.mkdir(parents=True, exist_ok=True)
    record = [fetch(*package) for package in PACKAGES]
    RECORD.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    for entry in record:
        print(f"{entry['name']} {entry['version']}  {entry['sha256']}  {entry['file']}")


if __name__ == "__main__":
    main()
