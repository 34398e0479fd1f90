"""Drawing replies with known chances, sheets out and back, several coders put together."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from nlp_engage.annotation.codings import gather
from nlp_engage.annotation.draw import capped, draw_replies
from nlp_engage.annotation.sheets import read_sheet, write_sheet
from nlp_engage.cli import main
from nlp_engage.errors import DataError
from nlp_engage.tree import build_trees
from nlp_engage.types import LABELS, Comment, LabelledTree

WORDS = "I really think that the blue cup holds tea better than the old one because of its lid"


def archive(threads=6, replies=10):
    """Threads in English, those with odd numbers on YouTube, the others on Reddit."""
    for t in range(threads):
        platform = "youtube" if t % 2 else "reddit"
        yield Comment(id=f"p{t}", thread_id=f"p{t}", author="shop", text="New cups are here!", platform=platform)
        for i in range(replies * (1 + 3 * (t == 0))):
            parent = f"p{t}" if i % 3 or not i else f"p{t}c{i - 1}"
            text = f"{WORDS}, number {i}"
            yield Comment(
                id=f"p{t}c{i}", thread_id=f"p{t}", parent_id=parent, author=f"a{i}", text=text, platform=platform
            )


def trees():
    return build_trees(archive())


def labelled():
    """The same trees, with a model that is the less sure the later a reply comes."""
    for tree in trees():
        p = np.full((len(tree), len(LABELS)), np.nan)
        for i in range(1, len(tree)):
            doubt = i / len(tree)
            p[i] = [1 - doubt * 2 / 3, doubt / 3, doubt / 3]
        blank = np.full(len(tree), np.nan)
        acts = np.full(len(tree), -1, dtype=np.int32)
        yield LabelledTree(
            tree=tree, probabilities=p, acts=acts, act_probabilities=blank, languages=("en",) * len(tree)
        )


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=40), st.data())
@settings(max_examples=100, deadline=None)
def test_chances_add_up_are_capped_and_keep_the_proportions(weights, data):
    n = data.draw(st.integers(1, len(weights)))
    w = np.array(weights)
    chances = capped(w, n)
    assert chances.sum() == pytest.approx(n)
    assert ((chances > 0) & (chances <= 1)).all()
    free = chances < 1 - 1e-9
    if free.any():
        assert np.ptp(chances[free] / w[free]) < 1e-9 * (chances[free] / w[free]).max() + 1e-12


@pytest.mark.parametrize(
    ("design", "by"), [("random", ("lang",)), ("stratified", ("platform", "depth")), ("uncertain", ("lang",))]
)
def test_replies_come_out_as_often_as_their_chance_says(design, by):
    counts, stated = Counter(), {}
    rounds = 400
    for seed in range(rounds):
        draw = draw_replies(labelled, 12, design=design, by=by, seed=seed)
        assert len(draw.units) == 12
        counts.update(u["uid"] for u in draw.units)
        stated.update({u["uid"]: u["p_inclusion"] for u in draw.units})
    assert sum(stated.values()) == pytest.approx(12, rel=0.02)
    for uid, chance in stated.items():
        off = counts[uid] / rounds - chance
        assert abs(off) < 4.5 * (chance * (1 - chance) / rounds) ** 0.5 + 1e-9, (uid, chance, counts[uid])


def test_weighting_with_the_chances_gives_the_archive_back():
    late = []
    for seed in range(60):
        units = draw_replies(labelled, 30, design="uncertain", explore=0.3, seed=seed).units
        late.append(sum(1 / u["p_inclusion"] for u in units if int(u["uid"].split("c")[1]) >= 5))
    assert np.mean(late) == pytest.approx(6 * 5 + 30, rel=0.05)  # replies 5 to 9 of five threads, 5 to 39 of one


def test_unsure_replies_are_drawn_more_often_and_sure_ones_sometimes():
    units = [u for s in range(40) for u in draw_replies(labelled, 20, design="uncertain", explore=0.2, seed=s).units]
    chance = {u["uid"]: u["p_inclusion"] for u in units}
    assert chance["p1c9"] > 2 * chance["p1c0"] > 0


def test_strata_come_out_even_and_are_written_down():
    draw = draw_replies(trees, 20, design="stratified", by=("platform",), seed=4)
    assert draw.strata == {"reddit": (60, 10), "youtube": (30, 10)}
    assert {u["stratum"]: u["p_inclusion"] for u in draw.units} == {
        "reddit": pytest.approx(1 / 6),
        "youtube": pytest.approx(1 / 3),
    }


def test_asking_for_more_than_there_is_gives_all():
    draw = draw_replies(trees, 10_000)
    assert (len(draw.units), draw.population) == (90, 90)
    assert {u["p_inclusion"] for u in draw.units} == {1.0}


def test_the_same_seed_draws_the_same():
    assert draw_replies(trees, 9, seed=5).units == draw_replies(trees, 9, seed=5).units
    assert draw_replies(trees, 9, seed=5).units != draw_replies(trees, 9, seed=6).units


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": 5, "design": "clever"}, "design is 'clever', must be one of random"),
        ({"n": 5, "by": ("colour",)}, "'colour' are not known"),
        ({"n": 5, "explore": 0.0, "design": "uncertain"}, "explore is 0.0"),
        ({"n": 5, "design": "uncertain"}, "needs predicted labels: draw from a run"),
        ({"n": 5, "by": ("label",)}, "need predicted labels"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments, message):
    with pytest.raises(DataError, match=message):
        draw_replies(trees, **arguments)


def test_an_archive_without_replies_is_refused():
    with pytest.raises(DataError, match="nothing to draw from"):
        draw_replies(lambda: build_trees([Comment(id="p", thread_id="p", text="Alone here.")]), 5)


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)


@st.composite
def units(draw):
    uids = draw(st.lists(st.from_regex(r"[a-z0-9.]{1,8}", fullmatch=True), min_size=1, max_size=4, unique=True))
    turn = st.tuples(st.sampled_from(["A", "B(page owner)", "C"]), texts).map(list)
    return [
        {
            "uid": uid,
            "lang": draw(st.sampled_from(["en", "zh"])),
            "platform": "reddit",
            "thread": draw(st.sampled_from(["t1", "t2"])),
            "post": draw(texts),
            "above": draw(st.lists(turn, max_size=3)),
            "by": "D",
            "reply": draw(texts.filter(bool)),
            "label": None,
            "p_inclusion": draw(st.floats(0.001, 1)),
            "stratum": "en / depth 1",
        }
        for uid in uids
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".json"])
@given(drawn=units())
@settings(max_examples=60, deadline=None)
def test_a_sheet_loses_nothing(suffix, drawn, tmp_path_factory):
    path = tmp_path_factory.mktemp("sheets") / f"sheet{suffix}"
    write_sheet(path, drawn)
    back = read_sheet(path)
    assert [{k: u.get(k) for k in drawn[0]} for u in back] == drawn


def test_no_cell_of_a_csv_runs_as_a_formula(tmp_path):
    unit = draw_replies(trees, 1).units[0] | {"reply": "=HYPERLINK(1)", "post": "+1", "by": "@x"}
    write_sheet(tmp_path / "s.csv", [unit])
    raw = (tmp_path / "s.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")  # spreadsheets take it for UTF-8
    cells = next(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert not [v for v in cells.values() if v.startswith(("=", "+", "-", "@"))]
    assert read_sheet(tmp_path / "s.csv")[0]["reply"] == "=HYPERLINK(1)"


def test_a_filled_in_csv_is_read_with_semicolons_and_words(tmp_path):
    path = tmp_path / "ann.csv"
    path.write_text(
        "uid;reply;label;act;confidence\n1;Mine leaks.;Self-Expression;;2\n2;Ok;m;reac;\n3;Hm;;;\n".replace(
            "Self-Expression", "Self_Expression"
        )
    )
    found = [(u["uid"], u["label"], u["act"], u["confidence"], u["coder"]) for u in read_sheet(path)]
    assert found == [("1", "S", None, 2, "ann"), ("2", "M", "reac", None, "ann"), ("3", None, None, None, "ann")]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,Hi,X,,", "label is 'X', must be one of M, D, S"),
        ("1,Hi,M,ques,", "act is 'ques', with label M it must be one of reac"),
        ("1,Hi,M,reac,9", "confidence is '9', must be 1, 2, 3"),
        (",Hi,M,reac,1", "no uid"),
    ],
)
def test_a_wrong_answer_is_named_with_its_place(row, message, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(f"uid,reply,label,act,confidence\n{row}\n")
    with pytest.raises(DataError, match=rf"s\.csv, row 2: {message}"):
        read_sheet(path)


@pytest.mark.parametrize("content", ["", "nothing,here\n1,2\n", "[1, 2]", '{"uid": ', '[{"data": {}}]'])
def test_a_file_that_is_no_sheet_is_refused(content, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(content)
    with pytest.raises(DataError):
        read_sheet(path)


def test_an_export_of_label_studio_is_read_back(tmp_path):
    drawn = draw_replies(trees, 3).units
    path, config = write_sheet(tmp_path / "tasks.json", drawn)
    shown = ElementTree.fromstring(config.read_text("utf-8"))
    choice = {c.get("name"): [x.get("value") for x in c] for c in shown.iter("Choices")}
    tasks = json.loads(path.read_text("utf-8"))

    def result(name, value):
        return {"from_name": name, "to_name": "dialogue", "type": "choices", "value": {"choices": [value]}}

    done = [result("label", choice["label"][1]), result("act_D", choice["act_D"][0]), result("confidence", "2")]
    export = [
        {**tasks[0], "annotations": [{"completed_by": {"email": "ann@example.org"}, "result": done}]},
        {
            **tasks[1],
            "annotations": [
                {"completed_by": 7, "result": [result("label", choice["label"][0])]},
                {"completed_by": 8, "result": done, "was_cancelled": True},
            ],
        },
        {**tasks[2], "annotations": []},
    ]
    path.write_text(json.dumps(export), "utf-8")
    found = [(u["uid"], u["label"], u["act"], u["confidence"], u["coder"]) for u in read_sheet(path)]
    ids = [u["uid"] for u in drawn]
    assert found == [
        (ids[0], "D", "ques", 2, "ann@example.org"),
        (ids[1], "M", None, None, "7"),
        (ids[2], None, None, None, "tasks"),
    ]
    flat = [{**tasks[0]["data"], "label": choice["label"][1], "act_D": "ques", "annotator": 3, "id": 1}]
    path.write_text(json.dumps(flat), "utf-8")
    assert [(u["label"], u["act"], u["coder"]) for u in read_sheet(path)] == [("D", "ques", "3")]
    with (tmp_path / "export.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*flat[0]])
        writer.writeheader()
        writer.writerow({**flat[0], "dialogue": json.dumps(flat[0]["dialogue"])})
    (back,) = read_sheet(tmp_path / "export.csv")
    assert (back["label"], back["act"], back["coder"]) == ("D", "ques", "3")
    assert [list(turn) for turn in back["above"]] == drawn[0]["above"]


def coded(uid, label, coder, **more):
    return {
        "uid": uid, "reply": f"text {uid}", "above": [], "act": None, "confidence": None,
        "label": label, "coder": coder, **more,
    }  # fmt: skip


def test_gold_is_the_majority_and_ties_wait_for_the_adjudicator():
    ann = [coded("1", "M", "ann", confidence=3), coded("2", "D", "ann", act="ques"), coded("3", None, "ann")]
    bob = [coded("1", "M", "bob", confidence=1), coded("2", "S", "bob")]
    codings = gather([ann, bob])
    assert codings.gold() == [
        {
            "uid": "1", "reply": "text 1", "above": [], "label": "M", "confidence": 1, "coders": 2,
            "soft": {"M": 1.0, "D": 0.0, "S": 0.0},
        }
    ]  # fmt: skip
    (open_case,) = codings.disagreements()
    assert (open_case["uid"], open_case["codings"]) == ("2", "ann: D ques; bob: S")
    settled = {u["uid"]: u for u in codings.gold({"2": {"label": "D", "act": "ques"}})}
    assert (settled["2"]["label"], settled["2"]["act"]) == ("D", "ques")
    assert settled["2"]["soft"] == {"M": 0.0, "D": 0.5, "S": 0.5}


def test_a_coder_who_contradicts_themself_or_another_draw_is_refused():
    with pytest.raises(DataError, match="'ann' labelled '1' twice, M and S"):
        gather([[coded("1", "M", "ann")], [coded("1", "S", "ann")]])
    with pytest.raises(DataError, match="two different replies"):
        gather([[coded("1", "M", "ann")], [{**coded("1", "M", "bob"), "reply": "another"}]])


def test_from_the_sample_archive_to_gold_on_the_command_line(tmp_path):
    run = CliRunner()
    made = run.invoke(main, ["sample", "data/sample/archives", "-n", "12", "-o", str(tmp_path / "sheet.csv")])
    assert made.exit_code == 0, made.output
    rows = list(csv.DictReader(io.StringIO((tmp_path / "sheet.csv").read_bytes().decode("utf-8-sig"), newline="")))
    for coder, shift in (("ann", 0), ("bob", 1)):
        for i, row in enumerate(rows):
            row["label"], row["coder"] = "MDS"[(i + shift * (i == 4)) % 3], coder
        with (tmp_path / f"{coder}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*rows[0]])
            writer.writeheader()
            writer.writerows(rows)
    sheets = [str(tmp_path / f"{coder}.csv") for coder in ("ann", "bob")]
    more = ["--gold", str(tmp_path / "gold.jsonl"), "--disagreements", str(tmp_path / "differ.csv"), "--json"]
    found = run.invoke(main, ["agree", *sheets, *more])
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout)
    assert (result["units"], result["disagreements"], result["gold"]) == (12, 1, 11)
    (open_case,) = read_sheet(tmp_path / "differ.csv")
    assert open_case["codings"].count(":") == 2
    table = run.invoke(main, ["agree", *sheets])
    assert "alpha" in table.stdout
    from nlp_engage.train.data import read_units

    assert len(read_units(tmp_path / "gold.jsonl")) == 11
