"""Execute the notebooks and store their outputs, without times, machine paths or anything else that changes by itself.

``make notebooks`` writes them; ``python tools/notebooks.py --check`` says whether what is stored is what comes out.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient

FOLDER: Final = Path(__file__).resolve().parents[1] / "notebooks"


def joined(outputs: list[Any]) -> list[Any]:
    """What was printed in a row as one output: in how many pieces it comes is a matter of time."""
    kept: list[Any] = []
    for output in outputs:
        if kept and output.output_type == kept[-1].output_type == "stream" and output.name == kept[-1].name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def executed(path: Path) -> Any:
    """The notebook with fresh outputs, run in its own folder."""
    notebook = nbformat.read(path, as_version=4)
    here = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER.parent), os.environ.get("PYTHONPATH", "")])}
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute(env=here)
    for cell in notebook.cells:
        cell.metadata.clear()
        if "outputs" in cell:
            cell.outputs = joined(cell.outputs)
        for output in cell.get("outputs", ()):
            output.get("metadata", {}).clear()
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    text = nbformat.writes(notebook)
    for place in {str(FOLDER.parent), str(Path.home())} - {"/"}:
        if place in text:
            raise SystemExit(f"{path.name}: an output names a folder of this machine ({place}); print something else")
    return notebook


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a stored output differs")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of notebooks/")
    options = parser.parse_args(arguments)
    stale = []
    for path in options.notebooks or sorted(FOLDER.glob("*.ipynb")):
        new = nbformat.writes(executed(path)) + "\n"
        if new != path.read_text("utf-8"):
            stale.append(path.name)
            if not options.check:
                path.write_text(new, "utf-8")
    if options.check and stale:
        print(f"outputs differ from what is stored: {', '.join(stale)}; run: make notebooks")
        return 1
    print(f"{len(stale)} notebooks written" if not options.check else "notebooks are as stored")
    return 0


if __name__ == "__main__":
    sys.exit(main())
