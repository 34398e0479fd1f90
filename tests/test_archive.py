"""Runs: exactly once, whatever interrupts them; plain Parquet; nobody's name by accident."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from fakes import FakeLabeller, probabilities_of
from hypothesis import given, settings
from strategies import archives

from nlp_engage.archive import (
    label_archive,
    label_trees,
    read_run,
    run_held_out,
    run_manifest,
    run_scores,
    run_status,
)
from nlp_engage.archive import run as run_module
from nlp_engage.archive import spill as spill_module
from nlp_engage.archive.parts import PIPELINE
from nlp_engage.archive.privacy import Privacy, mask
from nlp_engage.archive.spill import ThreadStore, threads_of
from nlp_engage.classify import model_folder
from nlp_engage.durable import write_atomically
from nlp_engage.encoding import TEMPLATE_VERSION
from nlp_engage.errors import RunError
from nlp_engage.text import for_model
from nlp_engage.tree import build_trees, healed
from nlp_engage.types import LABEL_SCHEME, LABELS, Comment

WORDS = (
    "so good!!",
    "太好喝了吧",
    "Do they leak?",
    "my nan kept one of these on the sill",
    "多少钱",
    "谢谢你的回答",
    "lol",
)


def thread(number, size=6):
    post = Comment(id=f"t{number}", thread_id=f"t{number}", author="shop", text="New cups!", is_owner=True)
    above = [post.id] + [f"t{number}.{k}" for k in range(size)]
    replies = [
        Comment(
            id=f"t{number}.{k}",
            thread_id=post.id,
            parent_id=above[k // 2],
            author=f"u{(number * k) % 11}",
            author_name=f"User {k}",
            text=f"{WORDS[(number + k) % len(WORDS)]} {number}",
            likes=k,
        )
        for k in range(size)
    ]
    return [post, *replies]


@pytest.fixture
def archive(tmp_path):
    return write_archive(tmp_path / "archive.jsonl", range(40))


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(spill_module, "PART_COMMENTS", 40)


def write_archive(path, numbers):
    records = [c for n in numbers for c in thread(n)]
    path.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for c in records))
    return path


def tables(run):
    files = sorted([*run.glob("comments/*"), *run.glob("labels/*")])
    return {f"{f.parent.name}/{f.name}": f.read_bytes() for f in files}


def test_the_books_add_up_and_every_reply_has_one_row(archive, tmp_path, small_parts):
    archive.write_bytes(archive.read_bytes() + b'{"id": "broken"\n')
    result = label_archive([archive], tmp_path / "run", FakeLabeller(), salt="s")
    m = result.manifest
    assert (m["read"], m["kept"], m["rejected"]) == (281, 280, 1)
    assert (m["threads"], m["posts"], m["comments"], m["parts"]) == (40, 40, 240, 8)
    assert m["labelled"] + sum(m["unlabelled"].values()) == m["comments"]
    rejects = [json.loads(line) for line in (tmp_path / "run" / "rejects.jsonl").read_text().splitlines()]
    assert [(r["place"], bool(r["reason"])) for r in rejects] == [(281, True)]
    labels = pq.read_table(tmp_path / "run" / "labels").to_pylist()
    assert len(labels) == len({row["id"] for row in labels}) == 240
    row = next(r for r in labels if r["id"] == "t0.0")
    expected = probabilities_of(for_model("so good!! 0"))
    assert [row[f"p_{label}"] for label in LABELS] == pytest.approx(expected)
    assert row["label"] == LABELS[int(expected.argmax())]


def test_a_run_read_back_is_what_was_labelled(archive, tmp_path, small_parts):
    from nlp_engage.readers import read

    label_archive([archive], tmp_path / "run", FakeLabeller(), keep_authors=True)
    back = {lt.tree.thread_id: lt for lt in read_run(tmp_path / "run")}
    fresh = {lt.tree.thread_id: lt for lt in label_trees(build_trees(read([archive])), FakeLabeller())}
    assert back.keys() == fresh.keys()
    for name, lt in fresh.items():
        assert list(healed(back[name].tree)) == list(healed(lt.tree))
        assert back[name].tree.parents.tolist() == lt.tree.parents.tolist()
        np.testing.assert_array_equal(back[name].probabilities, lt.probabilities)
        assert back[name].acts.tolist() == lt.acts.tolist()
        assert back[name].languages[1:] == lt.languages[1:]  # of the post, no label tells


def test_a_run_keeps_the_platforms_parent_the_method_and_the_confidence_without_names_or_words(tmp_path):
    floor = {"thread_id": "p", "parent_id": "f", "root_id": "f"}
    comments = [
        Comment(id="p", thread_id="p"),
        Comment(id="f", thread_id="p", parent_id="p", author="u1", author_name="Ann", text="so good"),
        Comment(id="a", **floor, author="u2", author_name="Bob", text="which size"),
        Comment(id="b", **floor, author="u1", author_name="Ann", text="@Bob the small one"),
        Comment(id="c", **floor, author="u2", author_name="Bob", text="@Ann the blue one"),
        Comment(id="d", **floor, author="u3", author_name="Eve", text="@Zoe look at this"),
    ]
    path, run = tmp_path / "a.jsonl", tmp_path / "run"
    path.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for c in comments))
    label_archive([path], run, FakeLabeller(), text=False)
    tree = build_trees(comments).__next__()
    rows = {row["id"]: row for row in pq.read_table(run / "comments" / "part-00000.parquet").to_pylist()}
    told = [(r["parent_id"], r["platform_parent_id"], r["link_method"]) for r in (rows[i] for i in "abcd")]
    assert told == [("f", "f", "floor"), ("a", "f", "name"), ("b", "f", "name"), ("f", "f", "stranger")]
    (back,) = (lt.tree for lt in read_run(run))
    assert back.parents.tolist() == tree.parents.tolist()
    assert back.link_method == tree.link_method
    np.testing.assert_allclose(back.link_confidence, tree.link_confidence, rtol=1e-6)


def test_two_threads_may_use_the_same_comment_ids(tmp_path):
    path, run = tmp_path / "a.jsonl", tmp_path / "run"
    comments = [
        Comment(id="1", thread_id=t, parent_id=t, author="a", text=w) for t, w in (("p", WORDS[0]), ("q", WORDS[2]))
    ]
    path.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for c in comments))
    label_archive([path], run, FakeLabeller())
    for lt in read_run(run):
        assert lt.probabilities[1] == pytest.approx(probabilities_of(for_model(lt.tree.comments[1].text)))


def test_an_interrupted_run_ends_with_the_bytes_of_an_undisturbed_one(archive, tmp_path, small_parts):
    label_archive([archive], tmp_path / "whole", FakeLabeller(), salt="s")
    with pytest.raises(KeyboardInterrupt):
        label_archive([archive], tmp_path / "cut", FakeLabeller(fail_after=100), salt="s")
    with pytest.raises(RunError, match="was not finished"):
        run_manifest(tmp_path / "cut")
    again = FakeLabeller()
    result = label_archive([archive], tmp_path / "cut", again, salt="s")
    assert 0 < result.resumed_parts < result.manifest["parts"]
    assert len(again.seen) < 240
    assert tables(tmp_path / "cut") == tables(tmp_path / "whole")
    assert (tmp_path / "cut" / "manifest.json").read_bytes() == (tmp_path / "whole" / "manifest.json").read_bytes()


def test_a_second_run_labels_nothing(archive, tmp_path, small_parts):
    label_archive([archive], tmp_path / "run", FakeLabeller())
    before, idle = tables(tmp_path / "run"), FakeLabeller()
    result = label_archive([archive], tmp_path / "run", idle)
    assert (idle.seen, result.resumed_parts) == ([], result.manifest["parts"])
    assert tables(tmp_path / "run") == before


SCORES = {"fake": {"macro_f1": 0.8, "per_language": {"en": {"confusion": [[8, 1, 1], [1, 7, 2], [2, 1, 7]]}}}}


class ScoredLabeller(FakeLabeller):
    scores = SCORES


def test_the_scores_of_the_model_travel_with_the_run(archive, tmp_path):
    label_archive([archive], tmp_path / "run", ScoredLabeller())
    assert run_scores(tmp_path / "run") == SCORES
    assert run_held_out(tmp_path / "run")["en"].confusion.tolist() == SCORES["fake"]["per_language"]["en"]["confusion"]
    (tmp_path / "run" / "scores.json").write_text("{")
    with pytest.raises(RunError, match=r"scores\.json is damaged"):
        run_scores(tmp_path / "run")
    label_archive([archive], tmp_path / "run", ScoredLabeller())
    assert run_scores(tmp_path / "run") == SCORES


def test_of_an_older_run_the_scores_are_known_if_the_shipped_model_made_it(archive, tmp_path):
    label_archive([archive], tmp_path / "run", FakeLabeller())
    assert run_scores(tmp_path / "run") is None
    assert run_held_out(tmp_path / "run") == {}
    config, scores = (json.loads((model_folder() / name).read_text()) for name in ("config.json", "scores.json"))
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    manifest["model"] |= {"sha256": config["sha256"]["model.onnx"], "name": config["name"]}
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    assert run_scores(tmp_path / "run") == scores
    assert set(run_held_out(tmp_path / "run")) == {"en", "zh"}


def test_a_damaged_shipped_model_leaves_only_its_own_scores_unknown(archive, tmp_path, monkeypatch):
    label_archive([archive], tmp_path / "run", FakeLabeller())
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    manifest["model"]["sha256"] = "good"
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    configs = {"cut": "{", "without": "{}", "odd": '["sha256"]', "good": '{"sha256": {"model.onnx": "good"}}'}
    for name, config in configs.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(config)
    folders = [tmp_path / "gone", *(tmp_path / name for name in configs)]
    monkeypatch.setattr("nlp_engage.classify.folder.shipped_folders", lambda: folders)
    assert run_scores(tmp_path / "run") is None  # it has none
    (tmp_path / "good" / "scores.json").write_text(json.dumps(SCORES))
    assert run_scores(tmp_path / "run") == SCORES
    (tmp_path / "good" / "scores.json").write_text("{")
    assert run_scores(tmp_path / "run") is None


def test_a_grown_archive_labels_only_new_and_changed_threads(archive, tmp_path, small_parts):
    label_archive([archive], tmp_path / "run", FakeLabeller(), salt="s")
    grown = write_archive(tmp_path / "grown.jsonl", range(43))
    late = Comment(id="t5.late", thread_id="t5", parent_id="t5.1", author="u1", text="late to the party")
    grown.write_bytes(grown.read_bytes() + msgspec.json.encode(late) + b"\n")
    labeller = FakeLabeller()
    label_archive([grown], tmp_path / "run", labeller, salt="s")
    assert len(labeller.seen) == 3 * 6 + 7
    found = {lt.tree.thread_id: lt for lt in read_run(tmp_path / "run")}
    assert len(found) == 43
    assert len(found["t5"].tree) == 8


@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_a_damaged_part_is_made_again(archive, tmp_path, small_parts, damage):
    label_archive([archive], tmp_path / "run", FakeLabeller(), salt="s")
    before = tables(tmp_path / "run")
    victim = tmp_path / "run" / "comments" / "part-00002.parquet"
    data = victim.read_bytes()
    if damage == "gone":
        victim.unlink()
    else:
        broken = data[: len(data) // 2] if damage == "cut" else data[:60] + bytes([data[60] ^ 255]) + data[61:]
        victim.write_bytes(broken)
    result = label_archive([archive], tmp_path / "run", FakeLabeller(), salt="s")
    assert result.resumed_parts == result.manifest["parts"] - 1
    assert tables(tmp_path / "run") == before


def test_owners_are_marked_recorded_hidden_and_never_mix(archive, tmp_path):
    run = tmp_path / "run"
    label_archive([archive], run, FakeLabeller(), owners=["@U3"])
    rows = pq.read_table(run / "comments").to_pylist()
    assert sum(row["is_owner"] for row in rows) == 40 + sum((n * k) % 11 == 3 for n in range(40) for k in range(6))
    (owner,) = run_manifest(run)["settings"]["owners"]
    assert owner in {row["author"] for row in rows}, "hidden like the author it is"
    assert "u3" not in (run / "manifest.json").read_text().casefold()
    before = tables(run)
    assert label_archive([archive], run, FakeLabeller(), owners=["u3", "U3"]).resumed_parts == 1
    assert tables(run) == before
    with pytest.raises(RunError, match=r"other settings \(owners: then \['[0-9a-f]{16}'\], now None\)"):
        label_archive([archive], run, FakeLabeller())
    label_archive([archive], tmp_path / "kept", FakeLabeller(), keep_authors=True)
    with pytest.raises(RunError, match=r"owners: then None, now \['u3'\]"):
        label_archive([archive], tmp_path / "kept", FakeLabeller(), keep_authors=True, owners=["u3"])


def test_two_models_and_two_settings_never_mix(archive, tmp_path):
    label_archive([archive], tmp_path / "run", FakeLabeller("one"), salt="s")
    with pytest.raises(RunError, match=r"another model.*name: then 'one', now 'two'"):
        label_archive([archive], tmp_path / "run", FakeLabeller("two"), salt="s")
    with pytest.raises(RunError, match=r"other settings.*authors: then 'salted"):
        label_archive([archive], tmp_path / "run", FakeLabeller("one"), keep_authors=True)


def test_an_upgrade_that_changes_no_part_keeps_what_is_finished(archive, tmp_path, small_parts, monkeypatch):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    label_archive([archive], whole, FakeLabeller(), salt="s")
    with pytest.raises(KeyboardInterrupt):
        label_archive([archive], cut, FakeLabeller(fail_after=100), salt="s")
    monkeypatch.setattr(run_module, "version", lambda package: "9.9.9")
    result = label_archive([archive], cut, again := FakeLabeller(), salt="s")
    assert result.resumed_parts > 0
    assert len(again.seen) < 240
    assert tables(cut) == tables(whole)
    result = label_archive([archive], whole, idle := FakeLabeller(), salt="s")
    assert (idle.seen, result.resumed_parts) == ([], result.manifest["parts"])
    assert run_manifest(whole)["nlp_engage"] == "9.9.9"


def test_an_upgrade_that_makes_parts_otherwise_is_refused_with_the_way_out(archive, tmp_path, monkeypatch):
    label_archive([archive], tmp_path / "run", FakeLabeller(), salt="s")
    before, release = tables(tmp_path / "run"), run_manifest(tmp_path / "run")["nlp_engage"]
    monkeypatch.setattr(run_module, "PIPELINE", "parts-9")
    with pytest.raises(RunError, match=rf"then 'parts-4', now 'parts-9'.*finish this one with nlp-engage {release}"):
        label_archive([archive], tmp_path / "run", FakeLabeller(), salt="s")
    assert tables(tmp_path / "run") == before


class ContextLabeller(FakeLabeller):
    """Answers by all that a model is shown."""

    def predict(self, contexts):
        return super().predict([replace(c, reply=repr(c)) for c in contexts])


def test_what_a_part_says_changes_with_its_version_only(tmp_path):
    """Whoever changes what follows from the same archive gives ``PIPELINE`` (or the template) a new name."""
    floor = {"thread_id": "p", "parent_id": "f", "root_id": "f"}
    comments = [
        Comment(id="p", thread_id="p", author="shop", text="New cups! 新杯子"),
        Comment(id="f", thread_id="p", parent_id="p", author="u1", author_name="Ann", text="so   good!!! 😂😂😂"),
        Comment(id="a", **floor, author="u2", author_name="Bob", text="which size? mail bob@example.org", likes=2),
        Comment(id="b", **floor, author="u1", author_name="Ann", text="@Bob the small one, call +1 555 010 2030"),
        Comment(id="c", **floor, author="shop", is_owner=True, text="@Ann 谢谢，小的那个"),
        Comment(id="d", **floor, author="u3", author_name="Eve", text="https://example.org @Zoe look at this"),
        Comment(id="e", thread_id="p", parent_id="gone", text="здравствуйте", deleted=False),
        Comment(id="g", thread_id="p", parent_id="e", text="", deleted=True),
        *thread(3),
    ]
    path, said = tmp_path / "a.jsonl", []
    path.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for c in comments))
    for number, options in enumerate(({}, {"keep_authors": True, "mask": True}, {"text": False})):
        run = tmp_path / str(number)
        label_archive([path], run, ContextLabeller(), salt="s", **options)
        for table in ("comments", "labels"):
            rows = pq.read_table(run / table / "part-00000.parquet")
            said.append(repr((rows.schema.remove_metadata().to_string(), rows.to_pylist())))
    digest = blake2b("".join(said).encode(), digest_size=8).hexdigest()
    assert (PIPELINE, TEMPLATE_VERSION, LABEL_SCHEME, digest) == (
        "parts-4",
        "pair-1",
        "engage-3/1.2",
        "33dbae1c93354f4d",
    )


def test_a_folder_of_something_else_is_left_alone(archive, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "cat.png").write_bytes(b"meow")
    with pytest.raises(RunError, match="not a run folder"):
        label_archive([archive], folder, FakeLabeller())
    assert [p.name for p in folder.iterdir()] == ["cat.png"]
    with pytest.raises(RunError, match="is a file"):
        label_archive([archive], archive, FakeLabeller())


def test_two_at_once_are_kept_apart(archive, tmp_path):
    class Meanwhile(FakeLabeller):
        def predict(self, contexts):
            with pytest.raises(RunError, match=rf"another process \({os.getpid()}\) is working on .*run; wait for it"):
                label_archive([archive], tmp_path / "run", FakeLabeller())
            return super().predict(contexts)

    label_archive([archive], tmp_path / "run", Meanwhile())
    assert run_status(tmp_path / "run")["complete"]


def test_status_tells_how_far_an_interrupted_run_is(archive, tmp_path, small_parts):
    with pytest.raises(KeyboardInterrupt):
        label_archive([archive], tmp_path / "run", FakeLabeller(fail_after=100))
    status = run_status(tmp_path / "run")
    assert not status["complete"]
    assert 0 < status["parts_done"] < status["parts"] == 8
    assert 0 < status["comments_done"] < status["comments"] == 280
    with pytest.raises(RunError, match="no run folder"):
        run_status(tmp_path)


def test_authors_are_salted_unless_asked_otherwise(archive, tmp_path):
    label_archive([archive], tmp_path / "salted", FakeLabeller())
    comments = pq.read_table(tmp_path / "salted" / "comments").to_pylist()
    assert {c["author_name"] for c in comments} == {None}
    assert not {c["author"] for c in comments} & {f"u{k}" for k in range(11)}
    assert len({c["author"] for c in comments}) == len({c.author for n in range(40) for c in thread(n)})
    label_archive([archive], tmp_path / "kept", FakeLabeller(), keep_authors=True)
    assert "u1" in pq.read_table(tmp_path / "kept" / "comments")["author"].to_pylist()


def test_without_text_no_word_is_left_but_copies_stay_copies(tmp_path):
    texts = ["Where is my parcel??", "where is my parcel", "another thing", ""]
    comments = [Comment(id=str(i), thread_id="p", parent_id="p", text=t) for i, t in enumerate(texts)]
    hidden = [Privacy(salt="s", text=False).apply(c).text for c in comments]
    assert hidden[0] == hidden[1] != hidden[2]
    assert hidden[3] == ""
    assert not any(word in "".join(hidden) for word in ("parcel", "thing"))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我的电话13800001111，邮箱wang@example.cn", "我的电话[phone]，邮箱[email]"),
        ("order 12345 on 2026-05-01 10:30", "order 12345 on 2026-05-01 10:30"),
        ("+1 (555) 010-2030 is the office", "[phone] is the office"),
        ("v1.2.3 and 3.14159265358", "v1.2.3 and 3.14159265358"),
        ("030/7654321, +49 30/1234567, 0171 / 123 45 67", "[phone], [phone], [phone]"),
        ("on 01.05.2026 10:30 or 12/05/2026, 1000/2000 mAh", "on 01.05.2026 10:30 or 12/05/2026, 1000/2000 mAh"),
    ],
)
def test_masking(text, masked):
    assert mask(text) == masked


@settings(max_examples=30, deadline=None)
@given(records=archives())
def test_grouping_out_of_core_gives_the_threads_of_grouping_in_memory(tmp_path_factory, records):
    store = ThreadStore(tmp_path_factory.mktemp("spill"))
    try:
        assert store.fill(records) == len(records)
        parts = store.group(3)
        threads = [t for k in range(parts) for t in threads_of(store.part(k))]
    finally:
        store.remove()
    found = {t[0].thread_id: sorted(map(repr, t)) for t in threads}
    assert len(found) == len(threads)
    expected: dict[str, list[str]] = {}
    for record in records:
        expected.setdefault(record.thread_id, []).append(repr(record))
    assert found == {name: sorted(rows) for name, rows in expected.items()}


def test_a_failed_write_leaves_the_old_file_and_no_scratch(tmp_path, monkeypatch):
    target = tmp_path / "file"
    write_atomically(target, b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_names_the_file_and_not_its_scratch(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory") as error:
        write_atomically(tmp_path / "folder", b"new")
    assert (error.value.filename, error.value.filename2) == (str(tmp_path / "folder"), None)


SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
from fakes import FakeLabeller
from nlp_engage.archive import label_archive, spill
spill.PART_COMMENTS = 40
class Slow(FakeLabeller):
    def predict(self, contexts):
        time.sleep(0.05)
        return super().predict(contexts)
label_archive([sys.argv[1]], sys.argv[2], Slow(), salt="s")
"""


def test_exports_of_two_platforms_with_the_same_ids_stay_apart(tmp_path):
    told = {"parent": "root", "author": "@bob", "author_id": "7", "timestamp": 1705795200}
    video = {"id": "1", "title": "Cups", "extractor": "youtube", "channel_id": "7", "comments": [
        {"id": "1001", "text": "does it leak?"} | told, {"id": "1002", "text": "mine does"} | told]}  # fmt: skip
    comment = {"note_id": "1", "comment_like_count": 0, "create_date_time": "2024-01-01 08:00:00"}
    comment |= {"user_id": "7", "add_ts": 1, "last_modify_ts": 1}
    weibo = [{"comment_id": n, "content": text} | comment for n, text in (("1001", "好看"), ("1003", "漏水吗"))]
    (tmp_path / "video.info.json").write_text(json.dumps(video))
    (tmp_path / "comments.json").write_text(json.dumps(weibo))
    files = [tmp_path / "video.info.json", tmp_path / "comments.json"]
    manifest = label_archive(files, tmp_path / "run", FakeLabeller(), keep_authors=True).manifest
    assert (manifest["threads"], manifest["comments"], manifest["duplicates_collapsed"]) == (2, 4, 0)
    assert "edited" not in manifest["issues"]
    trees = {labelled.tree.thread_id: labelled for labelled in read_run(tmp_path / "run")}
    assert {n: [c.text for c in lt.tree.comments[1:]] for n, lt in trees.items()} == {
        "youtube:1": ["does it leak?", "mine does"], "weibo:1": ["好看", "漏水吗"],
    }  # fmt: skip
    owners = {(n, c.text) for n, lt in trees.items() for c in lt.tree.comments[1:] if c.is_owner}
    assert owners == {("youtube:1", "does it leak?"), ("youtube:1", "mine does")}  # 7 is somebody else on Weibo
    assert not any(np.isnan(lt.probabilities[1:]).any() for lt in trees.values())


def test_kill_minus_nine_at_any_point_loses_nothing(archive, tmp_path, small_parts):
    label_archive([archive], tmp_path / "whole", FakeLabeller(), salt="s")
    script = textwrap.dedent(SCRIPT).format(tests=str(Path(__file__).parent))
    command = [sys.executable, "-c", script, str(archive), str(tmp_path / "killed")]
    for k in range(5):
        process = subprocess.Popen(command)
        _wait_for_parts(tmp_path / "killed", k, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    label_archive([archive], tmp_path / "killed", FakeLabeller(), salt="s")
    assert tables(tmp_path / "killed") == tables(tmp_path / "whole")
    leftovers = {p.name for p in (tmp_path / "killed").iterdir()}
    assert leftovers <= {"comments", "labels", "manifest.json", "rejects.jsonl", ".lock"}


def _wait_for_parts(run, count, process):
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None and len(list(run.glob("labels/*.parquet"))) <= count:
        time.sleep(0.01)


def test_an_archive_in_any_order_gives_the_same_run(archive, tmp_path, small_parts):
    label_archive([archive], tmp_path / "a", FakeLabeller(), salt="s")
    lines = archive.read_bytes().splitlines(keepends=True)
    shuffled = tmp_path / "shuffled.jsonl"
    shuffled.write_bytes(b"".join(lines[i] for i in np.random.default_rng(1).permutation(len(lines))))
    label_archive([shuffled], tmp_path / "b", FakeLabeller(), salt="s")
    assert tables(tmp_path / "a") == tables(tmp_path / "b")


def test_progress_reaches_the_total(archive, tmp_path, small_parts):
    steps = []
    label_archive([archive], tmp_path / "run", FakeLabeller(), progress=lambda n, total: steps.append((n, total)))
    assert sum(n for n, _ in steps) == 280
    assert {total for _, total in steps} == {280}


def test_nothing_readable_leaves_no_folder_that_looks_like_a_run(tmp_path):
    from nlp_engage.errors import ReadError

    with pytest.raises(ReadError):
        label_archive([tmp_path / "no-such-file.jsonl"], tmp_path / "run", FakeLabeller())
    assert not (tmp_path / "run" / run_module.MANIFEST).exists()
