"""The notebook on training: its cells run and show what its words say; what is stored is whole and names no machine."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "02_train_your_own.ipynb"


@pytest.fixture(scope="module")
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_every_cell_was_executed_in_order_and_shows_no_error(notebook):
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"stream", "execute_result", "display_data"}
    assert {output.name for output in outputs if output.output_type == "stream"} <= {"stdout"}
    assert re.search(r"(/tmp/|/home/|/root/|/Users/|[A-Z]:\\)", nbformat.writes(notebook)) is None


def test_the_cells_run_again_and_show_what_the_words_say(notebook, monkeypatch):
    """In one process and with one epoch instead of eight, to be quick: the toy learns less, the way is the same."""
    monkeypatch.chdir(NOTEBOOK.parent)
    sources = [cell.source for cell in code(notebook)]
    assert sum("epochs=8" in source for source in sources) == 1
    found = {}
    for source in sources:
        exec(compile(source.replace("epochs=8", "epochs=1"), NOTEBOOK.name, "exec"), found)
    assert not found["threads"][0] & found["threads"][1]
    assert len(found["test"]) == pytest.approx(len(found["units"]) / 4, rel=0.15)
    seen = "".join(text for u in found["rest"] for text in (u["reply"], u["post"])).lower()
    pieces = [piece for piece, _ in found["vocabulary"] if piece not in found["special"]]
    assert not [piece for piece in pieces if piece.removeprefix("▁") not in seen], "the vocabulary knows the test set"
    assert (found["work"] / "toy-v1" / "model.onnx").is_file()
    assert found["toy"].scores["n"] == len(found["test"])
    assert [row["toy minus"] for row in found["rows"]] == ["TF-IDF", "engage-v7"]
    assert found["rows"][1]["macro_f1"] < 0  # a toy is a toy
    assert found["shipped"].scores["macro_f1"] > 0.7
