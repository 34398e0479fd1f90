"""Documents do not drift: links lead somewhere, commands exist, examples parse, names are those of the code."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from nlp_engage.cli import main
from nlp_engage.context import context_of_unit, labels_of_unit
from nlp_engage.train.data import read_units
from nlp_engage.types import ACT_LABEL, LABEL_CODES, LABEL_SCHEME

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "data/**/*.md", "models/**/*.md")
    for path in ROOT.glob(pattern)
    if path.relative_to(ROOT).parts[0] not in {"work", "out"}
)
IDS = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
TARGETS = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1].split())
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)


def blocks(path, *languages):
    return [body for language, body in FENCE.findall(path.read_text("utf-8")) if language in languages]


def slug(heading):
    """The anchor a heading gets: lower case, spaces to hyphens, punctuation of any script dropped."""
    return "".join(c if c.isalnum() or c in "-_" else "-" if c == " " else "" for c in heading.lower().strip())


def anchors(path):
    text = FENCE.sub("", path.read_text("utf-8"))
    return {slug(re.sub(r"[`*]", "", heading)) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


@each_document
def test_relative_links_lead_to_files_and_headings(path):
    dead = []
    for link in LINK.findall(FENCE.sub("", path.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def commands(path):
    """Every call of ``nlp-engage`` or ``make`` in shell blocks and in inline code."""
    text = path.read_text("utf-8")
    lines = [line for block in blocks(path, "bash", "sh", "console") for line in block.splitlines()]
    lines += [
        code for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)) if re.match(r"(\S*/)?(nlp-engage|make) ", code)
    ]
    for line in lines:
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words and words[0].split("/")[-1] in ("nlp-engage", "make"):
            yield words[0].split("/")[-1], words[1:]


@each_document
def test_commands_that_are_named_exist_with_their_options(path):
    wrong = []
    for program, words in commands(path):
        if program == "make":
            wrong += [f"make {word}" for word in words if word.isalpha() and word not in TARGETS]
            continue
        verb = main.commands.get(words[0]) if words else None
        if isinstance(verb, click.Group) and len(words) > 1 and not words[1].startswith("-"):
            words, verb = words[1:], verb.commands.get(words[1])  # a verb of two words
        known = {option for p in (verb.params if verb else []) for option in (*p.opts, *p.secondary_opts)}
        if verb is None and words and not words[0].startswith("-"):
            wrong.append(f"nlp-engage {words[0]}")
        elif verb is not None:
            used = [w.split("=")[0] for w in words[1:] if w.startswith("-") and not re.match(r"-\d", w)]
            wrong += [f"nlp-engage {words[0]} {w}" for w in used if w not in known | {"--help", "-h"}]
    assert wrong == []


def named_files(text):
    """Paths in inline code that are meant to be files of the repository."""
    folders = "nlp_engage|docs|tests|tools|bench|data|models|readers|measure|report|archive|classify|train"
    return re.findall(rf"`((?:{folders})/[\w./*-]+?)`", FENCE.sub("", text))


@pytest.mark.parametrize(
    "path", [ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda p: p.name
)
def test_files_that_are_named_are_there(path):
    missing = [
        name
        for name in named_files(path.read_text("utf-8"))
        if not any(list(base.glob(name)) for base in (ROOT, ROOT / "nlp_engage"))
    ]
    assert [
        name for name in missing if not name.startswith(("models/my", "readers/your", "nlp_engage/readers/your"))
    ] == []


def test_documents_that_the_code_names_are_there():
    named = {
        (str(path.relative_to(ROOT)), name)
        for path in (ROOT / "nlp_engage").rglob("*.py")
        for name in re.findall(r"docs/[\w.-]+\.(?:md|toml)", path.read_text("utf-8"))
    }
    assert {(path, name) for path, name in named if not (ROOT / name).exists()} == set()


@each_document
def test_toml_and_json_examples_parse(path):
    for block in blocks(path, "toml"):
        assert tomllib.loads(block)
    for block in blocks(path, "json"):
        assert json.loads(block)


def test_the_training_example_is_read_and_holds_every_setting():
    from dataclasses import fields

    from nlp_engage.train.config import TrainConfig

    path = ROOT / "docs" / "train.example.toml"
    config = TrainConfig.from_toml(path)
    assert set(tomllib.loads(path.read_text("utf-8"))) == {f.name for f in fields(TrainConfig)}
    assert config.epochs > 0


def test_the_codebook_has_the_scheme_and_every_act_under_its_label_in_both_languages():
    text = (ROOT / "docs" / "codebook.md").read_text("utf-8")
    codes = {label: code for code, label in LABEL_CODES.items()}
    rows = re.findall(r"^\| `(\w{3,4})` \| ([MDS]) \|", text, re.MULTILINE)
    expected = [(str(act), codes[label]) for act, label in ACT_LABEL.items()]
    assert rows == expected * 2
    assert text.count(f"`{LABEL_SCHEME}`") == 2
    english, chinese = text.split("\n---\n")
    for part in (english, chinese):
        rulings = part.split("## 5.")[1].split("## 6.")[0]
        assert [int(n) for n in re.findall(r"^(\d+)\. \*?\*", rulings, re.MULTILINE)] == list(range(1, 17))


def test_the_units_in_the_codebook_are_units(tmp_path):
    units = [json.loads(block) for block in blocks(ROOT / "docs" / "codebook.md", "json")]
    path = tmp_path / "units.jsonl"
    path.write_text("".join(json.dumps(u, ensure_ascii=False) + "\n" for u in units), "utf-8")
    assert read_units(path) == units
    assert [labels_of_unit(u)[0] for u in units] == [1, 1]
    assert [context_of_unit(u).by_owner for u in units] == [False, True]


def test_every_dependency_is_explained_and_no_other():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    names = {re.split(r"[<>=!~\[; ]", requirement)[0].lower() for requirement in wanted}
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    first = {
        name.strip()
        for cell in re.findall(r"^\| ([a-z][\w, -]*?) \| [\d.]+", text, re.MULTILINE)
        for name in cell.split(",")
    }
    assert first | {"pandas"} == names


def test_the_architecture_document_has_the_layers_of_the_test():
    from test_architecture import LAYERS

    rows = re.findall(
        r"^\| (\d) [^|]*\| ([^|]*) \|", (ROOT / "docs" / "architecture.md").read_text("utf-8"), re.MULTILINE
    )
    documented = [{name.rstrip("/") for name in re.findall(r"`([\w/]+)`", cell)} for _, cell in rows]
    assert documented == [set(layer) for layer in LAYERS]
