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

from nlp_engage.annotation.codings import adjudications, gather, gather_files
from nlp_engage.annotation.draw import capped, draw_replies
from nlp_engage.annotation.labelstudio import label_config
from nlp_engage.annotation.sheets import read_sheet, write_sheet
from nlp_engage.cli import main
from nlp_engage.errors import DataError
from nlp_engage.train.evaluate import codes_of_unit
from nlp_engage.tree import build_trees
from nlp_engage.types import LABELS, Comment, LabelledTree

WORDS = "I really think that the blue cup holds tea better than the old one because of its lid"
UNIT = {
    "uid": "u1", "lang": "en", "platform": "reddit", "thread": "t1", "post": "New cups!",
    "above": [["A", "Do they leak?"]], "by": "B", "reply": "'Tis dry.", "p_inclusion": 0.5, "stratum": "en",
}  # fmt: skip


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


def test_a_reply_has_the_same_uid_in_every_draw():
    def numbered():
        for t in "abc":
            yield Comment(id=t, thread_id=t, text="New cups are here!")
            for i in range(4):
                yield Comment(id="alone" if (t, i) == ("c", 3) else str(i), thread_id=t, parent_id=t, text=WORDS)

    everything = {u["uid"] for u in draw_replies(lambda: build_trees(numbered()), 99).units}
    assert everything == {f"{t}:{i}" for t in "abc" for i in range(4)} - {"c:3"} | {"alone"}
    for seed in range(9):
        assert {u["uid"] for u in draw_replies(lambda: build_trees(numbered()), 3, seed=seed).units} < everything


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": 5, "design": "clever"}, "design is 'clever', must be one of random"),
        ({"n": 5, "by": ("colour",)}, "'colour' are not known"),
        ({"n": 5, "explore": 0.0, "design": "uncertain"}, "explore is 0.0"),
        ({"n": 5, "seed": -1}, "seed is -1: it must be 0 or more"),
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
        ("1,Hi,,reac,1", "act is 'reac' and label is empty; write M into label"),
        ("1.23457E+18,Hi,M,,", "uid 1.23457E\\+18 was rounded by a spreadsheet"),
        ("1E+18,Hi,M,,", "uid 1E\\+18 was rounded by a spreadsheet"),
    ],
)
def test_a_wrong_answer_is_named_with_its_place(row, message, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(f"uid,reply,label,act,confidence\n{row}\n")
    with pytest.raises(DataError, match=rf"s\.csv, row 2: {message}"):
        read_sheet(path)


@pytest.mark.parametrize(
    "content", ["", "nothing,here\n1,2\n", "[1, 2]", '{"uid": ', '[{"data": {}}]', "[" * 100_000, "uid,reply\n1,Hi\n"]
)
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


def test_a_probability_written_with_a_comma_is_read_and_no_number_is_named(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("uid;label;p_inclusion;confidence\n1;d;0,25;2,0\n")
    (unit,) = read_sheet(path)
    assert (unit["label"], unit["p_inclusion"], unit["confidence"]) == ("D", 0.25, 2)
    path.write_text("uid;label;p_inclusion\n1;d;a fifth\n")
    with pytest.raises(DataError, match=r"s\.csv, row 2: p_inclusion is 'a fifth', must be a number"):
        read_sheet(path)


CHINESE = {**UNIT, "lang": "zh", "post": "新杯子来了！", "above": [["A", "漏水吗？"]], "label": "M"}


def through_a_western_excel(path, units):
    """What *CSV (Comma delimited)* makes of a sheet where the system's encoding has no Chinese."""
    write_sheet(path, units)
    path.write_bytes(path.read_text("utf-8-sig").encode("cp1252", "replace"))
    return path


@pytest.mark.parametrize("columns", [list(CHINESE), ["uid", "lang", "reply", "label"]])
def test_a_sheet_whose_chinese_was_saved_as_question_marks_is_refused(columns, tmp_path):
    rows = [{**CHINESE, "uid": f"u{i}", "reply": reply} for i, reply in enumerate(["不漏，好用", "😍😍", "ok"])]
    rows = [{k: row[k] for k in columns} for row in [*rows, {**UNIT, "uid": "u9", "label": "D"}]]
    path = through_a_western_excel(tmp_path / "ann.csv", rows)
    with pytest.raises(DataError, match=r"ann\.csv: \d of 3 Chinese rows hold question marks .*in Excel: CSV UTF-8"):
        read_sheet(path)


@pytest.mark.parametrize(
    "rows",
    [
        [{**CHINESE, "reply": "？？？"}, {**CHINESE, "reply": "???"}],
        [{"uid": "u1", "lang": "zh", "reply": "???", "label": "M"}],
        [{**UNIT, "uid": f"u{i}", "reply": "???", "post": "Why??", "label": "M"} for i in range(3)],
        [{**CHINESE, "post": "", "above": [], "reply": x} for x in ("???", "??", "好", "666")],
    ],
)
def test_replies_that_are_question_marks_are_replies(rows, tmp_path):
    write_sheet(tmp_path / "ann.csv", rows)
    assert [u["reply"] for u in read_sheet(tmp_path / "ann.csv")] == [row["reply"] for row in rows]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("removed", ["A: ", "A:"])
def test_a_removed_turn_stays_removed_however_a_spreadsheet_ends_lines(removed, end, tmp_path):
    above = f"{removed}{end}B(page owner): Is it: 10:30?{end}C:  two blanks{end}{removed}"
    (tmp_path / "s.csv").write_text(f'uid,label,above\n1,d,"{above}"\n', newline="")
    (unit,) = read_sheet(tmp_path / "s.csv")
    assert unit["above"] == [["A", ""], ["B(page owner)", "Is it: 10:30?"], ["C", " two blanks"], ["A", ""]]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("post", None, "post is None, must be a text"),
        ("reply", ["a"], r"reply is \['a'\], must be a text"),
        ("by", 3, "by is 3, must be a text"),
        ("lang", {}, r"lang is \{\}, must be a text"),
        ("thread", 1.5, "thread is 1.5, must be a text"),
        ("platform", True, "platform is True, must be a text"),
        ("uid", 1e18, r"uid 1e\+18 was rounded"),
        ("uid", ["u1"], "uid is .* must be a text"),
        ("above", "A: Why?", "above is 'A: Why.', must be a list of turns"),
        ("above", [["A", "Why?", "B"]], "above is .* must be a list of turns"),
        ("above", [["A", None]], "above is .* must be a list of turns"),
        ("above", None, "above is None, must be a list of turns"),
        ("p_inclusion", 0, "p_inclusion is 0, must be a number above 0 and at most 1; keep it as it was drawn"),
        ("p_inclusion", 1.01, "p_inclusion is 1.01, must be"),
        ("p_inclusion", float("nan"), "p_inclusion is nan, must be"),
        ("p_inclusion", [1], r"p_inclusion is \[1\], must be"),
    ],
)
def test_a_field_that_is_not_as_it_was_written_is_named_with_its_place(field, value, message, tmp_path):
    path, unit = tmp_path / "s.jsonl", {**UNIT, "label": "M"}
    path.write_text(f"{json.dumps(unit)}\n{json.dumps(unit | {field: value})}\n")
    with pytest.raises(DataError, match=rf"s\.jsonl, line 2: {message}"):
        read_sheet(path)


def test_a_chance_is_checked_in_every_format(tmp_path):
    path, wrong = tmp_path / "s.csv", {**UNIT, "p_inclusion": 2.5}
    path.write_text("uid,label,p_inclusion\n1,d,-0.5\n")
    with pytest.raises(DataError, match=r"s\.csv, row 2: p_inclusion is '-0.5', must be a number above 0"):
        read_sheet(path)
    for flat in (json.dumps([wrong | {"label": "M"}]), json.dumps([{"data": wrong | {"dialogue": [{}]}}])):
        (tmp_path / "s.json").write_text(flat)
        with pytest.raises(DataError, match=r"s\.json, .* 1.*: p_inclusion is 2.5, must be a number above 0"):
            read_sheet(tmp_path / "s.json")


def test_ids_may_be_whole_numbers_and_what_is_not_known_null(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text(json.dumps({**UNIT, "uid": 7, "thread": 8, "platform": None, "label": "M"}))
    (unit,) = read_sheet(path)
    assert (unit["uid"], unit["thread"], unit["platform"]) == ("7", "8", None)


def test_a_broken_line_is_named_by_its_number(tmp_path):
    (tmp_path / "s.jsonl").write_text('{"uid": "1", "label": "M"}\n{"uid": \n')
    with pytest.raises(DataError, match=r"s\.jsonl, line 2: no JSON"):
        read_sheet(tmp_path / "s.jsonl")


def choice(name, *values):
    return {"from_name": name, "to_name": "dialogue", "type": "choices", "value": {"choices": [*values]}}


def exported(tmp_path, *annotations):
    """A task with annotations ``(annotator, results)`` as an export in JSON."""
    path, _ = write_sheet(tmp_path / "tasks.json", [UNIT])
    task = json.loads(path.read_text("utf-8"))[0]
    done = [{"id": i, "completed_by": who, "result": found} for i, (who, found) in enumerate(annotations)]
    return {**task, "id": 1, "annotations": done}


def flattened(task):
    """The same as JSON-MIN."""
    for done in task["annotations"]:
        given = {r["from_name"]: r["value"]["choices"][0] for r in done["result"]}
        yield {**task["data"], **given, "id": 1, "annotator": done["completed_by"], "annotation_id": 1 + done["id"]}


def as_csv(path, records, turns):
    """The same as CSV; ``turns`` writes the dialogue: as JSON, or, before Label Studio 1.7, as Python does."""
    names = sorted({name for record in records for name in record})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        writer.writerows({**record, "dialogue": turns(record["dialogue"])} for record in records)
    return path


def test_all_exports_of_label_studio_say_the_same(tmp_path):
    first = [choice("label", "D genuine dialogue"), choice("act_D", "answ"), choice("confidence", "3")]
    task = exported(tmp_path, (1, first), (2, [choice("label", "S self expression")]), (3, []))
    flat = list(flattened(task))
    for name, found in (("full", [task]), ("one", task), ("flat", flat)):
        (tmp_path / f"{name}.json").write_text(json.dumps(found, indent=1), "utf-8")
    files = [tmp_path / f"{name}.json" for name in ("full", "one", "flat")]
    files += [as_csv(tmp_path / "new.csv", flat, json.dumps), as_csv(tmp_path / "old.csv", flat, str)]
    for path in files:
        labelled = [u for u in read_sheet(path) if u["label"]]
        assert [(u["coder"], u["label"], u["act"], u["confidence"]) for u in labelled] == [
            ("1", "D", "answ", 3),
            ("2", "S", None, None),
        ]
        assert {k: labelled[0][k] for k in UNIT} == UNIT, path


@pytest.mark.parametrize("flat", [False, True])
def test_an_interface_with_other_names_is_refused(flat, tmp_path):
    task = exported(tmp_path, (1, [choice("engagement", "M mindless interaction")]))
    path = tmp_path / "export.json"
    path.write_text(json.dumps(list(flattened(task)) if flat else [task]), "utf-8")
    with pytest.raises(DataError, match=r"export\.json: .*annotators answered engagement, and nobody answered label"):
        read_sheet(path)


@pytest.mark.parametrize(("shown", "code"), [("genuine dialogue", "D"), ("Genuine_Dialogue", "D"), ("d", "D")])
def test_labels_of_an_edited_interface_are_known_by_code_or_name(shown, code, tmp_path):
    (tmp_path / "e.json").write_text(json.dumps([exported(tmp_path, (1, [choice("label", shown)]))]), "utf-8")
    assert read_sheet(tmp_path / "e.json")[0]["label"] == code


@pytest.mark.parametrize("shown", [["Dialogue"], ["M mindless interaction", "S self expression"]])
def test_other_labels_and_several_at_once_are_refused_as_they_were_written(shown, tmp_path):
    (tmp_path / "e.json").write_text(json.dumps([exported(tmp_path, (1, [choice("label", *shown)]))]), "utf-8")
    with pytest.raises(DataError, match=rf"task 1 .*: label is '{' . '.join(shown)}', must be one of M, D, S"):
        read_sheet(tmp_path / "e.json")


def test_an_annotation_is_named_as_label_studio_shows_it(tmp_path):
    good, wrong = [choice("label", "D genuine dialogue")], [choice("label", "Dialogue")]
    tasks = [exported(tmp_path, (4, good), (5, good)), {**exported(tmp_path, (4, good), (5, wrong)), "id": 17}]
    flat = [row | {"id": task["id"]} for task in tasks for row in flattened(task)]
    (tmp_path / "full.json").write_text(json.dumps(tasks), "utf-8")
    (tmp_path / "flat.json").write_text(json.dumps(flat), "utf-8")
    as_csv(tmp_path / "flat.csv", flat, json.dumps)
    for name, place in (("full.json", "task 2"), ("flat.json", "record 4"), ("flat.csv", "row 5")):
        with pytest.raises(DataError, match=rf"{name}, {place} \(id 17 in Label Studio\), annotator 5: label is"):
            read_sheet(tmp_path / name)


def test_results_that_are_no_answers_and_tasks_without_any_are_no_labels(tmp_path):
    relation = {"type": "relation", "from_id": "a", "to_id": "b"}
    task = exported(tmp_path, (1, [relation]))
    (tmp_path / "e.json").write_text(json.dumps([task, {**task, "annotations": None}]), "utf-8")
    assert [u["label"] for u in read_sheet(tmp_path / "e.json")] == [None, None]


def test_texts_with_half_a_character_are_written_to_tasks(tmp_path):
    write_sheet(tmp_path / "t.json", [UNIT | {"reply": "half \ud83d"}])
    assert json.loads((tmp_path / "t.json").read_text("utf-8"))[0]["data"]["reply"] == "half ?"


def test_an_adjudicator_in_label_studio_sees_the_codings(tmp_path):
    (differ,) = gather(
        [[{**UNIT, "label": "D", "coder": "ann"}], [{**UNIT, "label": "S", "coder": "bob"}]]
    ).disagreements()
    path, config = write_sheet(tmp_path / "differ.json", [differ])
    assert json.loads(path.read_text("utf-8"))[0]["data"]["codings"] == "ann: D; bob: S"
    assert '<Text name="codings" value="$codings"/>' in config.read_text("utf-8")
    assert "codings" not in label_config()


def test_sheets_that_hold_uid_and_label_only_can_be_adjudicated(tmp_path):
    (differ,) = gather([[{"uid": "1", "label": x, "coder": x}] for x in "MD"]).disagreements()
    for suffix in (".csv", ".json", ".jsonl"):
        write_sheet(tmp_path / f"d{suffix}", [differ])
        assert read_sheet(tmp_path / f"d{suffix}")[0]["uid"] == "1"


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
    assert settled["2"]["coders"] == {"ann": "D", "bob": "S"}
    assert codes_of_unit(settled["2"]) == [0, 1, 1]
    assert "soft" not in settled["2"]


def test_nothing_of_an_earlier_gold_overrules_the_adjudicator(tmp_path):
    before = {**UNIT, "label": "M", "coders": 3, "soft": {"M": 1.0, "D": 0.0, "S": 0.0}}
    sheet, out = tmp_path / "before.jsonl", tmp_path / "gold.jsonl"
    sheet.write_text(json.dumps(before | {"label": None}) + "\n")
    final = filled(tmp_path / "final.csv", "D", uid="u1")
    assert cli("agree", sheet, "--adjudicated", final, "--gold", out).exit_code == 0
    (unit,) = map(json.loads, out.read_text().splitlines())
    assert (unit["label"], unit.keys() & {"soft", "coders"}) == ("D", set())
    sheet.write_text(json.dumps(before) + "\n")
    assert cli("agree", sheet, "--adjudicated", final, "--gold", out).exit_code == 0
    (unit,) = map(json.loads, out.read_text().splitlines())
    assert (unit["label"], unit["coders"], "soft" in unit) == ("D", {"before": "M"}, False)


def test_a_coder_who_contradicts_themself_is_refused():
    with pytest.raises(DataError, match=r"ann\.csv: coder 'ann' labelled '1' twice, M and S"):
        gather([[coded("1", "M", "ann"), coded("1", "S", "ann")]], ["ann.csv"])
    with pytest.raises(DataError, match="sheet 1: coder 'ann' labelled '1' twice, D ques and D answ"):
        gather([[coded("1", "D", "ann", act="ques"), coded("1", "D", "ann", act="answ")]])
    with pytest.raises(DataError, match="'ann' labelled '1' twice, D 3 and D;"):
        gather([[coded("1", "D", "ann", confidence=3), coded("1", "D", "ann")]])
    assert gather([[coded("1", "D", "ann", act="ques")] * 2]).gold()[0]["coders"] == 1


@pytest.mark.parametrize(
    ("field", "other", "shown"),
    [
        ("reply", "another", "reply is 'text 1' in ann.csv and 'another' in bob.csv"),
        ("thread", "t2", "thread is 't1' in ann.csv and 't2' in bob.csv"),
        ("post", "Old cups!", "post is 'New cups!' in ann.csv and 'Old cups!' in bob.csv"),
        ("post", "New cups! Old", "post is 'New cups!' in ann.csv and 'New cups! Old' in bob.csv"),
        ("above", [["B", "Do they leak?"]], "above is 'A: Do they leak.' in ann.csv and 'B: Do they leak.' in bob.csv"),
        ("above", [], "above is 'A: Do they leak.' in ann.csv and 'no turns' in bob.csv"),
        ("p_inclusion", 0.25, "p_inclusion is '0.5' in ann.csv and '0.25' in bob.csv"),
    ],
)
def test_different_units_under_one_uid_are_no_agreement(field, other, shown):
    unit = coded("1", "M", "ann", **{k: UNIT[k] for k in ("thread", "post", "above", "p_inclusion")})
    with pytest.raises(DataError, match=f"uid '1' stands for two different replies: {shown}"):
        gather([[unit], [{**unit, "coder": "bob", field: other}]], ["ann.csv", "bob.csv"])


def test_long_texts_are_shown_where_they_differ():
    ann, bob = (coded("1", "M", name, post=f"{'x' * 99} {name} {'y' * 99}") for name in ("ann", "bob"))
    with pytest.raises(DataError, match=r"post is 'x{19} ann y{16}' in sheet 1 and 'x{19} bob y{16}' in sheet 2"):
        gather([[ann], [bob]])


def test_what_a_sheet_does_not_hold_or_a_spreadsheet_changed_is_no_other_unit():
    unit = coded("1", "M", "ann", thread="t1", post="Two\nlines", p_inclusion=0.030651341)
    unit |= {"above": [["A", "Do  they\nleak? "]], "reply": "'Tis dry."}
    bare = {"uid": "1", "label": "M", "coder": "bob", "above": [], "post": "", "thread": "", "reply": ""}
    saved = {**unit, "coder": "cem", "post": " Two\r\nlines", "above": [["A", "Do they leak?"]], "reply": "Tis dry."}
    codings = gather([[unit], [bare], [saved | {"p_inclusion": 0.030651}]])
    assert codings.gold()[0]["coders"] == 3
    assert {k: codings.units["1"][k] for k in ("above", "p_inclusion")} == {
        k: unit[k] for k in ("above", "p_inclusion")
    }


def test_blanks_may_differ_and_an_empty_post_stays(tmp_path):
    ann = coded("1", "M", "ann", reply="two\r\nlines ", post="")
    bob = coded("1", "M", "bob", reply="two\nlines", lang="en")
    (unit,) = gather([[ann], [bob]]).gold()
    assert (unit["post"], unit["lang"], unit["coders"]) == ("", "en", 2)


def test_a_number_as_uid_is_text_in_gold():
    assert gather([[coded(7, "M", "ann")]]).gold()[0]["uid"] == "7"


def filled(path, labels, coder="", **more):
    path.parent.mkdir(exist_ok=True)
    rows = [{**UNIT, "uid": f"u{i}", "label": x, "coder": coder, **more} for i, x in enumerate(labels)]
    write_sheet(path, rows)
    return path


def test_files_of_one_name_are_not_taken_for_one_coder(tmp_path):
    ann, bob = filled(tmp_path / "ann" / "sheet.csv", "MDS"), filled(tmp_path / "bob" / "sheet.csv", "MDS")
    with pytest.raises(DataError, match=r"ann/sheet\.csv and .*bob/sheet\.csv both hold a coding of 'u0' by 'sheet'"):
        gather_files([ann, bob])
    with pytest.raises(DataError, match="both hold a coding"):
        gather_files([ann, ann])
    filled(bob, "MDS", coder="bob")
    assert set(gather_files([ann, bob]).codes()) == {"sheet", "bob"}


@pytest.mark.parametrize("second", ["D genuine dialogue", "S self expression"])
def test_two_people_who_are_number_1_each_in_their_own_label_studio_are_told_apart(second, tmp_path):
    files = {name: tmp_path / f"{name}.json" for name in ("ann", "bob")}
    for path, label in zip(files.values(), ("D genuine dialogue", second), strict=True):
        path.write_text(json.dumps([exported(tmp_path, (1, [choice("label", label)]))]), "utf-8")
    with pytest.raises(DataError, match=r"ann\.json and .*bob\.json both hold a coding of 'u1' by '1'.*completed_by"):
        gather_files(list(files.values()))
    for name, path in files.items():  # what the error advises
        path.write_text(path.read_text("utf-8").replace('"completed_by": 1', f'"completed_by": "{name}"'), "utf-8")
    assert gather_files(list(files.values())).answers["u1"].keys() == {"ann", "bob"}


def test_the_work_of_one_coder_may_be_spread_over_files(tmp_path):
    first = filled(tmp_path / "1.csv", ["M", "D", ""], coder="ann")
    second = filled(tmp_path / "2.csv", ["", "", "S"], coder="ann")
    codes = gather_files([first, second]).codes()
    assert {coder: given.tolist() for coder, given in codes.items()} == {"ann": [0, 1, 2]}


def test_a_name_written_in_two_ways_is_one_coder(tmp_path):
    first = filled(tmp_path / "1.csv", "M", coder="Jos\u00e9 \u674e")
    second = filled(tmp_path / "2.csv", " D", coder=" Jose\u0301  \u674e")
    assert list(gather_files([first, second]).codes()) == ["Jos\u00e9 \u674e"]


def test_final_labels_are_of_known_units_and_one_each(tmp_path):
    codings = gather([[{**UNIT, "uid": "u0", "label": "M", "coder": "ann"}]])
    assert adjudications(filled(tmp_path / "a.csv", "D"), codings)["u0"]["label"] == "D"
    with pytest.raises(DataError, match=r"b\.csv: uid 'u1' is in none of the sheets"):
        adjudications(filled(tmp_path / "b.csv", "DD"), codings)
    double = [{**UNIT, "uid": "u0", "label": x} for x in "DS"]
    write_sheet(tmp_path / "c.csv", double)
    with pytest.raises(DataError, match="'u0' has two final labels, D and S"):
        adjudications(tmp_path / "c.csv", codings)


def cli(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_what_only_the_adjudicator_labelled_is_not_counted_as_tied(tmp_path):
    ann, final = filled(tmp_path / "ann.csv", "M "), filled(tmp_path / "final.csv", "MD")
    found = cli("agree", ann, "--adjudicated", final, "--gold", tmp_path / "gold.jsonl")
    assert "2 units with a gold label; 0 tied ones left out" in found.stderr
    assert "1 with one; 1 unlabelled" in found.stdout
    assert "coders" not in json.loads((tmp_path / "gold.jsonl").read_text().splitlines()[1])


def test_gold_that_could_not_be_read_is_refused(tmp_path):
    sheet = tmp_path / "ann.csv"
    sheet.write_text("uid,reply,label\n1,Mine leaks.,S\n")
    found = cli("agree", sheet, "--gold", tmp_path / "gold.jsonl")
    assert found.exit_code == 1
    assert "unit '1': field 'by' is missing" in found.stderr
    assert not (tmp_path / "gold.jsonl").exists()


def test_threads_that_are_not_known_are_told_and_make_no_gold(tmp_path):
    sheets = [filled(tmp_path / f"{coder}.csv", "MDS", thread=None) for coder in ("ann", "bob")]
    found = cli("agree", *sheets)
    assert "threads          not known of 3 units (no column thread)" in found.stdout
    assert json.loads(cli("agree", *sheets, "--json").stdout)["threadless"] == 3
    found = cli("agree", *sheets, "--gold", tmp_path / "gold.jsonl")
    assert found.exit_code == 1
    assert "unit 'u0': thread is missing" in found.stderr
    assert "give one sheet with the column thread" in found.stderr
    assert not (tmp_path / "gold.jsonl").exists()
    drawn = filled(tmp_path / "drawn.csv", ["", "", ""])
    found = cli("agree", *sheets, drawn, "--gold", tmp_path / "gold.jsonl")
    assert "3 units with a gold label" in found.stderr
    assert "not known" not in found.stdout


@pytest.mark.parametrize("final", ["final.csv", "bare.csv"])
def test_of_two_outputs_none_is_written_when_one_cannot_be(final, tmp_path):
    sheets = [filled(tmp_path / f"{coder}.csv", labels) for coder, labels in (("ann", "MM"), ("bob", "MD"))]
    filled(tmp_path / "final.csv", "MDS")  # one unit more than the sheets have
    (tmp_path / "bare.csv").write_text("uid,label\nu1,X\n")
    outputs = ["--disagreements", tmp_path / "differ.json", "--gold", tmp_path / "gold.jsonl"]
    there = sorted(tmp_path.iterdir())
    assert cli("agree", *sheets, "--adjudicated", tmp_path / final, *outputs).exit_code == 1
    assert sorted(tmp_path.iterdir()) == there


def test_coders_without_a_common_unit_are_told(tmp_path):
    ann, bob = filled(tmp_path / "ann.csv", ["M", "D", "", ""]), filled(tmp_path / "bob.csv", ["", "", "M", "D"])
    found = cli("agree", ann, bob)
    assert "0 with two codings or more, of 0 threads; 4 with one; 0 unlabelled" in found.stdout
    assert "ann and bob: no unit in common" in found.stdout


def test_names_cannot_steer_the_terminal(tmp_path):
    found = cli("agree", filled(tmp_path / "a.csv", "MD", coder="ann\x1b[2J"), filled(tmp_path / "b.csv", "MD"))
    assert "ann[2J (2)" in found.stdout
    assert "\x1b" not in found.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--seed", -1], 1, "seed is -1: it must be 0 or more"),
        (["--resamples", 1], 1, "resamples is 1: it must be 20 or more, or 0"),
        (["--adjudicated", "ann.csv"], 2, "--adjudicated needs --gold"),
        (["--gold", "ann.csv"], 2, "ann.csv is one of the sheets"),
        (["--disagreements", "ann.csv"], 1, "ann.csv is there already and may hold labels"),
        (["--disagreements", "differ.txt"], 2, "ends in .jsonl, .csv, or .json"),
    ],
)
def test_what_agree_cannot_do_is_said_before_anything_is_written(arguments, code, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sheets = [filled(tmp_path / f"{coder}.csv", "MD").read_bytes() for coder in ("ann", "bob")]
    found = cli("agree", "ann.csv", "bob.csv", *arguments)
    assert (found.exit_code, words in found.stderr) == (code, True), found.output
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == sheets


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [("sheet.txt", 2, "ends in .jsonl, .csv, or .json"), ("old.CSV", 1, "is there already"), ("t.json", 1, "is there")],
)
def test_a_sheet_that_cannot_be_written_is_refused_before_the_draw(name, code, words, tmp_path):
    for there in ("old.CSV", "t.label_config.xml"):
        (tmp_path / there).write_text("hours of work")
    found = cli("sample", "data/sample/archives/wordpress", "-n", 3, "-o", tmp_path / name)
    assert (found.exit_code, words in found.stderr) == (code, True), found.output
    assert {path.read_text() for path in tmp_path.iterdir()} == {"hours of work"}


def test_a_run_without_words_is_not_drawn_from(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json").write_text(json.dumps({"complete": True, "settings": {"text": False}}))
    for source in ([tmp_path / "run"], ["data/sample/archives/wordpress", tmp_path / "run"]):
        found = cli("sample", *source, "-o", tmp_path / "s.csv")
        assert found.exit_code == 1
        assert "was made with --no-text and holds no words to judge" in found.stderr


def test_many_strata_are_counted_and_not_listed(tmp_path):
    found = cli("sample", "data/sample/archives", "-n", 5, "--by", "thread", "-o", tmp_path / "s.CSV")
    assert found.exit_code == 0, found.output
    assert len(found.stderr.splitlines()) == 42
    assert "further strata" in found.stderr
    assert len(read_sheet(tmp_path / "s.CSV")) == 5


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
