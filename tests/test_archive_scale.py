"""Runs of odd shapes and sizes, small versions of what ``bench/`` does in the large; and what a run keeps to itself."""

from __future__ import annotations

import json
import threading
from collections import Counter

import msgspec
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from fakes import FakeLabeller
from test_archive import WORDS, tables, thread, write_archive

from nlp_engage.archive import label as label_module
from nlp_engage.archive import label_archive, label_trees, read_run, run_status
from nlp_engage.archive import run as run_module
from nlp_engage.archive import spill as spill_module
from nlp_engage.archive.label import Remembering
from nlp_engage.cli import main
from nlp_engage.context import reply_contexts
from nlp_engage.errors import RunError
from nlp_engage.tree import build_tree, build_trees
from nlp_engage.types import Comment, ReadReport, ReplyContext


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(spill_module, "PART_COMMENTS", 40)


def write(path, comments):
    path.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for c in comments))
    return path


def star(thread_id, texts):
    return [
        Comment(id=f"{thread_id}.{k}", thread_id=thread_id, parent_id=thread_id, author=f"u{k}", text=text)
        for k, text in enumerate(texts)
    ]


# an archive that grows


@pytest.mark.parametrize("grown_to", [41, 90, 170])
def test_an_archive_that_grew_has_the_bytes_of_a_new_run_and_only_new_threads_are_labelled(
    tmp_path, small_parts, grown_to
):
    label_archive([write_archive(tmp_path / "a.jsonl", range(40))], tmp_path / "run", FakeLabeller(), salt="s")
    grown, labeller = write_archive(tmp_path / "a.jsonl", range(grown_to)), FakeLabeller()
    grown_run = label_archive([grown], tmp_path / "run", labeller, salt="s").manifest
    assert len(labeller.seen) == (grown_to - 40) * 6
    fresh = label_archive([grown], tmp_path / "fresh", FakeLabeller(), salt="s").manifest
    assert grown_run == fresh
    assert tables(tmp_path / "run") == tables(tmp_path / "fresh")


def test_growing_may_be_interrupted_and_nothing_is_labelled_twice(tmp_path, small_parts):
    label_archive([write_archive(tmp_path / "a.jsonl", range(40))], tmp_path / "run", FakeLabeller(), salt="s")
    grown = write_archive(tmp_path / "a.jsonl", range(200))
    seen = []
    for allowed in (300, 400, None):
        labeller = FakeLabeller(fail_after=allowed)
        try:
            label_archive([grown], tmp_path / "run", labeller, salt="s", workers=1)
        except KeyboardInterrupt:
            assert allowed is not None
        seen.append(len(labeller.seen))
    label_archive([grown], tmp_path / "fresh", FakeLabeller(), salt="s")
    assert tables(tmp_path / "run") == tables(tmp_path / "fresh")
    assert sum(seen) <= 160 * 6 + 2 * 60  # what a part in hand had when it was interrupted is done again


# shapes


def test_one_giant_thread_among_small_parts(tmp_path, small_parts, monkeypatch):
    monkeypatch.setattr(label_module, "CHUNK", 64)
    monkeypatch.setattr(label_module, "SLICE", 16)
    sizes = []

    class Measured(FakeLabeller):
        def predict(self, contexts):
            sizes.append(len(contexts))
            return super().predict(contexts)

    archive = write(tmp_path / "a.jsonl", [*star("giant", [f"word {k}" for k in range(3_000)]), *thread(1)])
    m = label_archive([archive], tmp_path / "run", Measured()).manifest
    assert (m["threads"], m["comments"], m["labelled"]) == (2, 3_006, 3_006)
    assert max(sizes) == 16
    assert max(len(lt.tree) for lt in read_run(tmp_path / "run")) == 3_001


def test_a_chain_as_long_as_it_may_be_a_huge_comment_and_many_single_threads(tmp_path):
    chain = [
        Comment(id=f"c{k}", thread_id="c0", parent_id=f"c{k - 1}" if k else None, text="yes") for k in range(3_000)
    ]
    huge = Comment(id="h", thread_id="h0", parent_id="h0", text="what a long day " * 20_000)
    singles = [Comment(id=f"s{k}", thread_id=f"s{k}", text="hello") for k in range(500)]
    archive = write(tmp_path / "a.jsonl", [*chain, huge, *singles])
    m = label_archive([archive], tmp_path / "run", FakeLabeller()).manifest
    assert (m["threads"], m["posts"], m["comments"]) == (502, 501, 3_000)
    texts = pq.read_table(tmp_path / "run" / "comments")["text"].to_pylist()
    assert max(map(len, texts)) == len(huge.text)
    assert max(int(lt.tree.parents.max()) for lt in read_run(tmp_path / "run")) == 2_998


def test_records_are_taken_in_by_bytes_as_well_as_by_number(monkeypatch):
    monkeypatch.setattr(spill_module, "_BATCH_BYTES", 1_000)
    comments = [Comment(id=str(k), thread_id="t", text="x" * 300) for k in range(10)]
    assert [table.num_rows for table in spill_module._batches(comments)] == [3, 3, 3, 1]


# inputs


def test_identical_inputs_are_scored_once_across_threads_and_parts(tmp_path, small_parts):
    posts = [Comment(id=f"t{n}", thread_id=f"t{n}", author="shop", text="Win a cup!") for n in range(60)]
    replies = [c for n in range(60) for c in star(f"t{n}", WORDS)]
    labeller = FakeLabeller()
    m = label_archive([write(tmp_path / "a.jsonl", posts + replies)], tmp_path / "run", labeller, workers=1).manifest
    assert (m["parts"], m["labelled"]) == (16, 60 * len(WORDS))
    assert sorted(labeller.seen) == sorted(set(labeller.seen))
    assert len(labeller.seen) == len(WORDS)


def test_memory_of_inputs_is_bounded_and_answers_stay_right():
    labeller, direct = Remembering(FakeLabeller(), size=50), FakeLabeller()
    contexts = [ReplyContext(reply=f"text {k % 170}", by_owner=False, turns=(), language="en") for k in range(1_000)]
    for start in range(0, 1_000, 25):
        found, wanted = (one.predict(contexts[start : start + 25]) for one in (labeller, direct))
        assert found.probabilities.tolist() == wanted.probabilities.tolist()
        assert found.acts.tolist() == wanted.acts.tolist()
        assert found.act_probabilities.tolist() == wanted.act_probabilities.tolist()
        assert len(labeller._young) + len(labeller._old) <= 100


def test_labels_come_in_order_of_length_and_land_where_they_belong():
    class Lengths(FakeLabeller):
        def predict(self, contexts):
            self.lengths = [*getattr(self, "lengths", []), *(label_module._length(c) for c in contexts)]
            return super().predict(contexts)

    labeller, steps = Lengths(), []
    trees = list(build_trees(c for n in range(20) for c in thread(n)))
    labelled = list(label_trees(trees, labeller, progress=steps.append))
    assert labeller.lengths == sorted(labeller.lengths)
    assert sum(steps) == sum(map(len, trees))
    for lt in labelled:
        alone = FakeLabeller().predict([context for _, context in reply_contexts(lt.tree)])
        assert lt.probabilities[1:].tolist() == alone.probabilities.tolist()


# being stopped, and telling


def test_ctrl_c_ends_all_parts_in_hand_and_says_how_to_go_on(tmp_path, small_parts, monkeypatch):
    archive = write_archive(tmp_path / "a.jsonl", range(80))
    monkeypatch.setattr("nlp_engage.classify.OnnxLabeller.load", lambda *_, **__: FakeLabeller(fail_after=100))
    out = CliRunner().invoke(main, ["label", str(archive), "-o", str(tmp_path / "run"), "--salt", "s"])
    assert out.exit_code == 130
    assert "Run the same command again to go on" in out.stderr
    assert not [t for t in threading.enumerate() if t.name.startswith("part")]
    names = {p.name for p in (tmp_path / "run").rglob("*") if p.is_file()}
    assert not [name for name in names if name.endswith(".part")]
    assert not (tmp_path / "run" / ".spill").exists()
    status = run_status(tmp_path / "run")
    assert (status["complete"], status["phase"]) == (False, "labelling")
    assert 0 < status["comments_done"] < status["comments"]


def test_status_from_outside_while_it_reads_and_while_it_labels(tmp_path, small_parts, monkeypatch):
    monkeypatch.setattr("nlp_engage.archive.progress._EVERY", 0.0)
    archive = write_archive(tmp_path / "a.jsonl", range(40))
    archive.write_bytes(b"{broken\n" + archive.read_bytes())
    phases = Counter()

    class Watched(FakeLabeller):
        def predict(self, contexts):
            phases[json.dumps({k: run_status(tmp_path / "run")[k] for k in ("phase", "rejected", "comments")})] += 1
            return super().predict(contexts)

    real_read = run_module.read

    def watched_read(*args, **options):
        for comment in real_read(*args, **options):
            phases[run_status(tmp_path / "run")["phase"]] += 1
            yield comment

    monkeypatch.setattr(run_module, "read", watched_read)
    label_archive([archive], tmp_path / "run", Watched())
    assert (
        set(phases) == {"reading", '{"phase": "labelling", "rejected": 1, "comments": 280}'} or phases["reading"] > 270
    )
    done = run_status(tmp_path / "run")
    assert (done["phase"], done["rejected"], done["rejects_listed"]) == ("complete", 1, 1)


def test_the_limit_of_listed_rejects_is_stated_when_reached(tmp_path, monkeypatch):
    archive = write_archive(tmp_path / "a.jsonl", range(10))
    archive.write_bytes(archive.read_bytes() + b'{"id": "broken"}\n' * 30)
    monkeypatch.setattr(run_module, "ReadReport", lambda: ReadReport(max_rejects=20))
    monkeypatch.setattr("nlp_engage.classify.OnnxLabeller.load", lambda *_, **__: FakeLabeller())
    out = CliRunner().invoke(main, ["label", str(archive), "-o", str(tmp_path / "run")])
    assert out.exit_code == 0, out.output
    assert "lists the first 20 of 30 rejects" in out.stderr
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert (manifest["rejected"], manifest["rejects_listed"], manifest["rejects_limit"]) == (30, 20, 20)
    assert len((tmp_path / "run" / "rejects.jsonl").read_text().splitlines()) == 20


def test_a_full_disk_while_grouping_is_told_with_the_way_out(tmp_path, monkeypatch):
    archive = write_archive(tmp_path / "a.jsonl", range(10))

    class Full:
        def __init__(self, db):
            self.db = db

        def execute(self, statement, *args):
            import duckdb

            if statement == "CHECKPOINT":
                raise duckdb.IOException("Could not write file: No space left on device")
            return self.db.execute(statement, *args)

        def __getattr__(self, name):
            return getattr(self.db, name)

    real = spill_module.ThreadStore.__init__

    def full(self, *args):
        real(self, *args)
        self._db = Full(self._db)

    monkeypatch.setattr(spill_module.ThreadStore, "__init__", full)
    with pytest.raises(RunError, match=r"No space left.*make room, then run the same command again"):
        label_archive([archive], tmp_path / "run", FakeLabeller())
    monkeypatch.undo()
    assert label_archive([archive], tmp_path / "run", FakeLabeller()).manifest["complete"]


# what a run keeps to itself

SECRETS = ("Ann Example", "ann@example.org", "+49 30 1234567", "hush-hush", "u-ann")


def secret_archive(path):
    post = Comment(id="p", thread_id="p", author="shop", text="New cups!")
    reply = Comment(
        id="c",
        thread_id="p",
        parent_id="p",
        author="u-ann",
        author_name="Ann Example",
        text="hush-hush, mail ann@example.org or call +49 30 1234567",
    )
    write(path, [post, reply])
    bad = {
        "id": "x",
        "author": "u-ann",
        "author_name": "Ann Example",
        "text": "hush-hush ann@example.org +49 30 1234567",
    }
    path.write_bytes(path.read_bytes() + json.dumps(bad).encode() + b"\n")
    return path


def written(run):
    """Every byte a run folder holds, Parquet unpacked."""
    found = ""
    for path in sorted(p for p in run.rglob("*") if p.is_file() and p.name != ".salt"):
        found += (
            str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else path.read_text("utf-8", "replace")
        )
    return found


@pytest.mark.parametrize(
    ("options", "hidden"),
    [
        ({}, {"Ann Example", "u-ann"}),
        ({"text": False}, set(SECRETS)),
        ({"mask": True}, {"Ann Example", "u-ann", "ann@example.org", "+49 30 1234567"}),
        ({"keep_authors": True}, set()),
        ({"keep_authors": True, "text": False}, {"hush-hush", "ann@example.org", "+49 30 1234567"}),
        ({"keep_authors": True, "mask": True}, {"ann@example.org", "+49 30 1234567"}),
    ],
)
def test_what_is_hidden_is_in_no_file_of_the_run(tmp_path, options, hidden):
    archive = secret_archive(tmp_path / "a.jsonl")
    label_archive([archive], tmp_path / "run", FakeLabeller(), **options)
    found = written(tmp_path / "run")
    assert {s for s in SECRETS if s not in found} == hidden
    assert ("hush" in json.loads((tmp_path / "run" / "rejects.jsonl").read_text())["excerpt"]) == (not hidden)


def test_a_kept_name_that_is_an_address_is_masked_and_two_people_stay_two(tmp_path):
    replies = star("p", ["one", "two", "three"])
    names = ["a@example.org", "b@example.org", "cleo"]
    comments = [msgspec.structs.replace(c, author=name) for c, name in zip(replies, names, strict=True)]
    label_archive(
        [write(tmp_path / "a.jsonl", comments)], tmp_path / "run", FakeLabeller(), keep_authors=True, mask=True
    )
    authors = pq.read_table(tmp_path / "run" / "comments")["author"].to_pylist()
    assert len(set(authors)) == 3
    assert "cleo" in authors
    assert not [a for a in authors if "@" in a]


def test_tokens_for_texts_cannot_be_guessed_without_the_salt(tmp_path):
    archive = write(tmp_path / "a.jsonl", star("p", ["lol", "LOL!"]))
    tokens = []
    for name in ("one", "two"):
        label_archive([archive], tmp_path / name, FakeLabeller(), keep_authors=True, text=False)
        found = set(pq.read_table(tmp_path / name / "comments")["text"].to_pylist())
        assert len(found) == 1  # copies stay copies
        tokens.append(found)
    assert tokens[0] != tokens[1]


def test_only_the_owner_may_look_into_what_a_killed_run_leaves(tmp_path):
    store = spill_module.ThreadStore(tmp_path / "run" / ".spill")
    try:
        assert (tmp_path / "run" / ".spill").stat().st_mode & 0o077 == 0
    finally:
        store.remove()


def test_a_tree_read_back_has_its_labels_by_thread_and_comment(tmp_path):
    archive = write_archive(tmp_path / "a.jsonl", range(5))
    label_archive([archive], tmp_path / "run", FakeLabeller())
    victim = next((tmp_path / "run" / "labels").iterdir())
    table = pq.read_table(victim)
    pq.write_table(table.slice(1), victim)
    with pytest.raises(RunError, match="no row for comment"):
        list(read_run(tmp_path / "run"))
    assert len(build_tree(thread(0))) == 7
