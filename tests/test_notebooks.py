"""The notebooks run from top to bottom, and what is stored in them is what comes out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.name)


def test_a_notebook_gives_what_is_stored():
    """Of the one that trains, the figures depend on the processor: ``test_notebook_train.py`` runs it."""
    path = ROOT / "notebooks" / "03_evaluate_a_campaign.ipynb"
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    command = [sys.executable, str(ROOT / "tools" / "notebooks.py"), "--check", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2_000:]


@each_notebook
def test_links_and_shipped_models_in_a_notebook_are_there(path):
    text = "".join("".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"])
    links = [path.parent / link for link in re.findall(r"\]\((?![a-z]+:)([^)\s#]+)", text)]
    places = links + [ROOT / name for name in re.findall(r"models/engage-[\w-]+", text)]
    assert [place for place in places if not place.exists()] == []


@each_notebook
def test_a_notebook_is_executed_and_shows_no_error_and_no_machine_path(path):
    notebook = json.loads(path.read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"stream", "execute_result", "display_data"}
    assert not [place for place in ("/home/", "/root/", "/Users/", "/tmp/", "site-packages") if place in str(outputs)]
