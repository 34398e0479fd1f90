"""Imports go down the layers only, modules and functions stay small, the package is light to import.

The picture behind ``LAYERS`` is in ``docs/architecture.md``; a new module is added here first.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

import nlp_engage

PACKAGE = Path(nlp_engage.__file__).parent

# A unit is a module of the package or a whole folder of it. Its layer is the number of its row.
DOORS = {
    "cli_annotate",
    "cli_archive",
    "cli_audit",
    "cli_campaign",
    "cli_explain",
    "cli_measure",
    "cli_query",
    "cli_train",
}
LAYERS = (
    {"types", "errors"},
    {
        "readers",
        "writers",
        "tree",
        "counters",
        "grouping",
        "mentions",
        "names",
        "text",
        "scores",
        "resample",
        "samples",
        "durable",
        "spreadsheet",
    },
    {"structure", "context", "encoding", "show", "agreement", "splits"},
    {"classify", "measure", "train"},
    {"archive", "report", "inspection", "annotation", "modelling"},
    {"__main__", "cli", *DOORS, "spacy_component", "__init__"},
)
SIDES = {"classify", "measure", "train"}

# Neighbours in one layer that may be imported, one way only. Never one of SIDES.
ALONGSIDE = {
    # Threads of an archive; healing asks whom a flattened reply addresses, and tells whose counters promise more.
    "tree": {"grouping", "mentions", "counters"},
    "mentions": {"names"},  # what a text says of whom it answers
    "writers": {"readers", "durable"},  # the names of a format's fields stand where it is read; files are there whole
    "report": {"archive"},  # a report is made of a run folder
    "__main__": {"cli"},  # where the command begins
    "cli": DOORS,  # verbs of one program
    "cli_measure": {"cli_archive"},  # `demo` labels first
    "cli_explain": {"cli_archive", "cli_measure"},  # the same arguments and options
    "cli_query": {"cli_archive"},  # the same words for paths and memory
    "cli_audit": {"cli_archive", "cli_measure"},  # options they share
    "cli_campaign": {"cli_archive", "cli_measure"},  # the same options
}
MODULE_LINES = 400
FUNCTION_LINES = 40  # without the docstring
WITHOUT_EXAMPLE = {"assemble"}  # its example is that of `collect`, which alone calls it
PRINTING = {"__main__", "cli", *DOORS}


@dataclass(frozen=True)
class Link:
    """One import statement of one module of the package by another."""

    source: str
    target: str
    line: int

    def __str__(self) -> str:
        return f"{self.source}:{self.line} imports {self.target}"


def name_of(path, package):
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def links(package):
    """Every import inside the package, wherever it stands: at the top, in a function, under TYPE_CHECKING."""
    modules = {name_of(path, package): path for path in sorted(package.rglob("*.py"))}
    return [
        Link(source, target, node.lineno)
        for source, path in modules.items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for target in _targets(node, package.name, path.relative_to(package).parts[:-1], modules)
    ]


def _targets(node, package, folder, modules):
    if isinstance(node, ast.Import):
        dotted = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = [package, *folder[: len(folder) - node.level + 1]] if node.level else []
        base = ".".join([*base, *([node.module] if node.module else [])])
        dotted = [f"{base}.{alias.name}" for alias in node.names]
    else:
        return
    for name in dotted:
        if name.split(".")[0] == package:
            parts = name.split(".")[1:]
            known = [".".join(parts[:n]) for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in modules]
            yield known[0] if known else "__init__"


def unit_of(module):
    return module.split(".")[0]


def wrong_direction(found, layers=LAYERS, alongside=ALONGSIDE):
    layer = {unit: number for number, units in enumerate(layers) for unit in units}
    wrong = []
    for link in found:
        source, target = unit_of(link.source), unit_of(link.target)
        if source not in layer or target not in layer:
            wrong.append(f"{link}: not in LAYERS")
        elif source != target and layer[target] > layer[source]:
            wrong.append(f"{link}: upward, from layer {layer[source]} to {layer[target]}")
        elif source != target and layer[target] == layer[source] and target not in alongside.get(source, ()):
            wrong.append(f"{link}: sideways in layer {layer[source]}")
    return wrong


def circles(found):
    """Modules that (through others) import themselves."""
    below = {}
    for link in found:
        below.setdefault(link.source, set()).add(link.target)

    def reaches(start):
        seen, open_ = set(), list(below.get(start, ()))
        while open_:
            module = open_.pop()
            if module not in seen:
                seen.add(module)
                open_ += below.get(module, ())
        return seen

    return sorted(module for module in below if module in reaches(module))


def sources():
    return {name_of(path, PACKAGE): path for path in sorted(PACKAGE.rglob("*.py"))}


def test_imports_go_down_only():
    assert wrong_direction(links(PACKAGE)) == []


def test_no_module_imports_itself_through_others():
    assert circles(links(PACKAGE)) == []


def test_every_unit_of_the_package_has_one_layer_and_no_layer_names_a_stranger():
    units = [unit for layer in LAYERS for unit in layer]
    assert len(units) == len(set(units))
    assert set(units) == {unit_of(module) for module in sources()}


def test_the_three_sides_never_know_each_other():
    assert LAYERS[3] == SIDES
    assert not SIDES & (set(ALONGSIDE) | set().union(*ALONGSIDE.values()))


def test_modules_are_short():
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in sources().items()}
    assert {name: n for name, n in lines.items() if n > MODULE_LINES} == {}


def functions(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            has_docstring = ast.get_docstring(node) is not None
            docstring = node.body[0].end_lineno - node.body[0].lineno + 1 if has_docstring else 0
            yield node.name, node.end_lineno - node.lineno + 1 - docstring


def test_functions_are_short():
    long = {
        f"{name}.{function}": n
        for name, path in sources().items()
        for function, n in functions(path)
        if n > FUNCTION_LINES
    }
    assert long == {}


def lacks(node):
    """What the docstring of a public function of the measure does not have."""
    text = ast.get_docstring(node) or ""
    arguments = [a.arg for a in [*node.args.args, *node.args.kwonlyargs] if a.arg not in ("self", "cls")]
    returns = node.returns is not None and ast.unparse(node.returns) != "None"
    wanted = {
        "Args:": bool(arguments),
        "Returns:": returns and "Yields:" not in text,
        "Raises:": any(isinstance(part, ast.Raise) for part in ast.walk(node)),
        ">>>": node.name not in WITHOUT_EXAMPLE,
    }
    return [section for section, needed in wanted.items() if needed and section not in text]


def test_public_functions_of_the_measure_have_all_sections_and_an_example():
    found = {}
    for name, path in sources().items():
        if name.startswith("measure."):
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and lacks(node):
                    found[f"{name}.{node.name}"] = lacks(node)
    assert found == {}


def test_only_the_command_line_writes_to_the_terminal():
    printing = [
        f"{name}:{node.lineno}"
        for name, path in sources().items()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"print", "click.echo", "sys.stdout.write", "sys.stderr.write"}
        and unit_of(name) not in PRINTING
    ]
    assert printing == []


def in_a_new_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_import_is_fast():
    best = 9.0
    for _ in range(3):  # the best of three: a busy machine is no heavy package
        start = time.perf_counter()
        in_a_new_python("import nlp_engage")
        best = min(best, time.perf_counter() - start)
    assert best < 0.5


def test_import_loads_nothing_heavy():
    heavy = ("torch", "transformers", "datasets", "sklearn", "spacy", "pyarrow", "onnxruntime", "tokenizers", "duckdb")
    loaded = in_a_new_python(f"import sys, nlp_engage; print(*(m for m in {heavy} if m in sys.modules))")
    assert loaded == []


def test_the_runtime_side_never_needs_torch():
    code = (
        "import sys, nlp_engage, nlp_engage.cli, nlp_engage.classify, nlp_engage.archive, nlp_engage.report\n"
        "print(*(m for m in ('torch', 'transformers', 'datasets', 'sklearn', 'spacy') if m in sys.modules))"
    )
    assert in_a_new_python(code) == []


@pytest.mark.parametrize("module", [name for name in sources() if name != "__init__"])
def test_public_names_of_a_module_are_there(module):
    loaded = import_module(f"nlp_engage.{module}")
    assert [name for name in getattr(loaded, "__all__", ()) if not hasattr(loaded, name)] == []


@pytest.mark.parametrize("name", nlp_engage.__all__)
def test_public_names_of_the_package_are_there(name):
    assert getattr(nlp_engage, name) is not None
    assert name in dir(nlp_engage)


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(AttributeError, match=r"no attribute 'mesure'; public names: .*measure"):
        nlp_engage.mesure  # noqa: B018


# The checker itself, on a skeleton: it must see what it is there for.

SKELETON_LAYERS = ({"types"}, {"text"}, {"classify", "measure"}, {"__init__"})


def skeleton(tmp_path, **files):
    package = tmp_path / "pkg"
    for name in ("__init__", "types", "text", "classify.__init__", "measure.__init__"):
        path = package.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for name, code in files.items():
        (package / f"{name.replace('__', '/')}.py").write_text(code)
    return links(package)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"text": "from pkg.types import A"}, None),
        ({"classify__onnx": "from pkg.classify.folder import B", "classify__folder": ""}, None),
        ({"types": "import pkg.text"}, "types:1 imports text: upward, from layer 0 to 1"),
        ({"types": "def f():\n    from pkg import text"}, "types:2 imports text: upward, from layer 0 to 1"),
        (
            {"text": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg.measure import M"},
            "text:3 imports measure: upward, from layer 1 to 2",
        ),
        ({"measure__core": "from pkg.classify import X"}, "measure.core:1 imports classify: sideways in layer 2"),
        ({"measure__core": "from ..classify import X"}, "measure.core:1 imports classify: sideways in layer 2"),
        ({"measure__core": "from .. import classify"}, "measure.core:1 imports classify: sideways in layer 2"),
        ({"text": "import pkg"}, "text:1 imports __init__: upward, from layer 1 to 3"),
        ({"stranger": "import pkg.types"}, "stranger:1 imports types: not in LAYERS"),
    ],
)
def test_checker_sees_upward_and_sideways_imports_wherever_they_stand(tmp_path, files, message):
    found = wrong_direction(skeleton(tmp_path, **files), SKELETON_LAYERS, {})
    assert found == ([] if message is None else [message])


def test_checker_sees_circles_within_a_folder(tmp_path):
    found = skeleton(
        tmp_path,
        measure__a="from pkg.measure.b import B",
        measure__b="from .c import C",
        measure__c="def f():\n    import pkg.measure.a",
        text="from pkg.types import T",
    )
    assert wrong_direction(found, SKELETON_LAYERS, {}) == []
    assert circles(found) == ["measure.a", "measure.b", "measure.c"]


def test_checker_counts_a_function_without_its_docstring(tmp_path):
    path = tmp_path / "m.py"
    path.write_text('def f():\n    """One.\n\n    Two.\n    """\n    a = 1\n    return a\n')
    assert list(functions(path)) == [("f", 3)]
