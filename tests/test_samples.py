"""The sample archives: what the scripts say is what the readers find, and the labels obey the codebook."""

from __future__ import annotations

import doctest
import io
import json
import sys
from collections import Counter, defaultdict
from importlib import import_module
from pathlib import Path

import pytest
import zstandard

from nlp_engage.context import context_of_unit, labels_of_unit, reply_contexts
from nlp_engage.counters import completeness
from nlp_engage.readers import read
from nlp_engage.tree import build_trees
from nlp_engage.types import IssueKind, ReadReport

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
build_samples = import_module("build_samples")
script = import_module("samples.script")
seed = import_module("samples.seed")

PARENTS_RECOVERED = 0.99
"""Measured: 1642 of 1643. The one that fails answers a lost reply, so its ``@handle`` leads nowhere."""
CONTEXTS_EQUAL = 0.97
"""Measured: 1585 of 1630. Reddit and Xiaohongshu do not tell that an account which did not open the thread speaks
for the page; all others but one (below that lost reply) are equal to the letter."""


@pytest.fixture(scope="module")
def threads():
    return build_samples.load(build_samples.SCRIPTS.glob("*.txt"))


@pytest.fixture(scope="module")
def report():
    return ReadReport()


@pytest.fixture(scope="module")
def comments(report):
    return {c.id: c for c in read(build_samples.ARCHIVES, report=report)}


@pytest.fixture(scope="module")
def trees(comments):
    return {tree.thread_id: tree for tree in build_trees(comments.values())}


@pytest.fixture(scope="module")
def units():
    return [json.loads(line) for line in build_samples.SEED.read_text("utf-8").splitlines()]


def counted(thread):
    return [sent for sent in thread.sent if sent.turn.counted]


def content(name, data):
    """Compressed bytes may differ between releases of zstandard, what is in them may not."""
    if not name.endswith(".zst"):
        return data
    return zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(io.BytesIO(data)).read()


def test_archives_are_up_to_date_with_the_scripts(threads):
    built = {name: content(name, data) for name, data in build_samples.archives(threads).items()}
    files = [path for path in build_samples.ARCHIVES.rglob("*") if path.is_file()]
    on_disk = {p.relative_to(build_samples.ARCHIVES).as_posix(): content(p.name, p.read_bytes()) for p in files}
    assert sorted(built) == sorted(on_disk)
    assert [name for name in built if built[name] != on_disk[name]] == [], "run: make samples"


def test_seed_is_up_to_date_with_the_scripts(threads):
    assert seed.seed_lines(threads) == build_samples.SEED.read_bytes(), "run: make samples"


def test_building_twice_gives_the_same_bytes(threads):
    again = build_samples.load(build_samples.SCRIPTS.glob("*.txt"))
    assert build_samples.archives(again) == build_samples.archives(threads)


def test_the_dumps_have_the_window_of_the_real_ones(threads):
    dumps = [data for name, data in build_samples.archives(threads).items() if name.endswith(".zst")]
    assert [zstandard.get_frame_parameters(data).window_size for data in dumps] == [2**31] * 4


def test_every_record_is_read_and_none_rejected(threads, comments, report):
    assert report.n_rejected == 0
    assert report.kept == len(comments) == len(threads) + sum(len(counted(t)) for t in threads)
    pingbacks = sum(sent.turn.pingback for t in threads for sent in t.sent)
    assert report.skipped == {"pingbacks and trackbacks": pingbacks}


def test_size_languages_and_formats(threads, report):
    sizes = Counter()
    for thread in threads:
        sizes[thread.post.lang] += len(counted(thread))
    assert len(threads) >= 60
    assert sizes.total() >= 900
    assert 0.4 <= sizes["zh"] / sizes.total() <= 0.6
    assert {t.post.lang for t in threads if t.post.platform == "wordpress"} == {"en", "zh"}
    formats = {what.partition(":")[0] for what in report.formats.values()}
    assert formats == {"wxr", "youtube", "mediacrawler", "reddit-dump"}


def test_every_comment_comes_back_as_it_was_written(threads, comments):
    for thread in threads:
        for sent in counted(thread):
            found = comments[thread.comment_key(sent.id)]
            assert found.thread_id == thread.key
            if not found.deleted and thread.post.platform not in ("weibo", "xhs"):
                assert found.text == sent.text
            assert found.created == sent.created
            if thread.post.platform != "wordpress":
                assert found.likes == sent.turn.likes


def test_posts_come_back_with_text_and_owner(threads, comments):
    for thread in threads:
        found = comments[thread.key]
        assert found.is_post
        assert found.text.split() == seed.post_text(thread).split()
        assert (found.author_name or found.author or "") != ""


def test_true_parents_are_recovered(threads, trees):
    right = total = 0
    for thread in threads:
        tree = trees[thread.key]
        parent = {
            c.id: tree.comments[p].id for c, p in zip(tree.comments, tree.parents.tolist(), strict=True) if p >= 0
        }
        for sent in counted(thread):
            total += 1
            right += parent[thread.comment_key(sent.id)] == thread.comment_key(sent.parent_id)
    assert right / total >= PARENTS_RECOVERED


def test_archives_hold_what_healing_is_for(threads, trees):
    kinds = Counter(issue.kind for tree in trees.values() for issue in tree.issues)
    assert kinds[IssueKind.RECOVERED_PARENT] > 100
    assert kinds[IssueKind.MISSING_PARENT] >= 3
    assert kinds[IssueKind.INCOMPLETE] > 10
    assert IssueKind.LOOP not in kinds
    assert any(comment.deleted for tree in trees.values() for comment in tree.comments)


def test_reply_counters_say_what_the_scripts_declare(threads, trees):
    for thread in threads:
        if thread.post.platform != "wordpress":
            assert completeness(trees[thread.key]) == (len(counted(thread)), thread.declared)


def test_hostile_texts_are_there_for_the_report_to_escape(comments):
    assert sum("<script>" in c.text for c in comments.values()) >= 1
    assert sum("](javascript:" in c.text for c in comments.values()) >= 1


def test_the_campaign_months_hold_less_mindless_interaction(threads):
    """What the report should show, said by the labels themselves."""
    labels, likes = defaultdict(Counter), defaultdict(list)
    for thread in threads:
        brand = "drink" if any(w in thread.post.page.name for w in ("Larkspring", "云雀")) else "telecom"
        month = f"{thread.created:%m}"
        phase = "before" if month < "05" else "campaign" if month == "05" else "after"
        labels[brand, phase].update(s.turn.label for s in counted(thread) if s.turn.label)
        likes[brand, phase].append(thread.post.likes)
    mindless = {key: found["M"] / found.total() for key, found in labels.items()}
    for brand in ("drink", "telecom"):
        assert mindless[brand, "campaign"] < mindless[brand, "after"] < mindless[brand, "before"]
    mean = {key: sum(found) / len(found) for key, found in likes.items()}
    assert mean["drink", "campaign"] < mean["drink", "before"]


def test_seed_is_large_enough_and_its_labels_are_valid(units):
    languages = Counter(unit["lang"] for unit in units)
    assert languages["en"] >= 150
    assert languages["zh"] >= 150
    assert len({unit["uid"] for unit in units}) == len(units)
    assert {unit["confidence"] for unit in units} <= {2, 3}
    found = Counter(labels_of_unit(unit) for unit in units)
    assert {label for label, _ in found} == {0, 1, 2}
    assert len({act for _, act in found}) == 15


def test_seed_units_show_what_the_archives_show(units, threads, trees):
    contexts = {tree.comments[i].id: c for tree in trees.values() for i, c in reply_contexts(tree)}
    different = [unit for unit in units if context_of_unit(unit) != contexts[unit["uid"]]]
    assert 1 - len(different) / len(units) >= CONTEXTS_EQUAL
    spoken_for = {t.key for t in threads if {s.turn.author for s in t.sent} & set(t.post.page.owners) - {t.post.author}}
    assert len([unit for unit in different if unit["thread"] not in spoken_for]) <= 1


def test_every_reply_in_domain_is_labelled(units, trees):
    labelled = {unit["uid"] for unit in units}
    unlabelled = [c for tree in trees.values() for i, c in reply_contexts(tree) if tree.comments[i].id not in labelled]
    assert unlabelled == []


HEAD = "@platform reddit\n@page Shop owner=shop\n== p01 | 2026-05-04 10:00 | likes=3 | title=Cups\nNew cups!\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + "- ann | +1h | 0 | Q/ques | hm", ":5: label 'Q' is unknown; it must be one of M, D, S"),
        (HEAD + "- ann | +1h | 0 | D/opin | hm", ":5: act 'opin' does not belong to label 'D'"),
        (HEAD + "- ann | +1h | 0 | D/what | hm", ":5: act 'what' is unknown"),
        (HEAD + "- ann | +1h | 0 | fine | hm", ":5: mark 'fine' must be label/act"),
        (HEAD + "- ann | +1h | 0 | - | a\n--- bob | +2h | 0 | - | b", ":6: depth 3 under a comment of depth 1"),
        (HEAD + "- ann | +2h | 0 | - | a\n-- bob | +1h | 0 | - | b", ":6: +1h is before the comment it answers"),
        (HEAD + "- ann | soon | 0 | - | a", ":5: time 'soon' must be minutes, hours or days"),
        (HEAD + "- ann | +99d | 0 | - | a", "later than the export"),
        (HEAD + "- ann | +1h | many | - | a", ":5: likes are 'many'"),
        (HEAD + "- ann smith | +1h | 1 | - | a", ":5: author 'ann smith' is no reddit handle"),
        (HEAD + "- ann | +1h | 1 | a", ":5: a comment has five fields"),
        (HEAD + "- ann | +1h | 1 | - | a\nb", ":6: 'b' is neither a comment nor a post header"),
        (HEAD + HEAD.partition("==")[1] + " p01 | 2026-05-04 10:00 | title=x", ":5: post 'p01' stands here twice"),
        (HEAD.replace("reddit", "myspace"), ":1: platform 'myspace' is unknown"),
        (HEAD.replace(" owner=shop", ""), ":2: a page needs a name and an owner"),
        (HEAD.replace("2026-05-04", "4 May"), ":3: '4 May 10:00' is no date"),
        (HEAD.replace("| title=Cups", ""), ":3: a reddit post needs a title="),
        (HEAD.replace("likes=3", "stars=3"), ":3: field 'stars=3' is unknown"),
        (HEAD.replace("reddit", "wordpress").replace("likes=3", "declared=+3"), "no reply counter"),
        (HEAD.replace("reddit", "youtube"), ":3: a video without comments"),
        (HEAD.replace("reddit", "weibo").replace("=shop", "=a,b"), ":2: on weibo a page has exactly one account"),
        ("", "the script holds no post"),
    ],
)
def test_a_broken_script_is_refused_with_its_place(tmp_path, text, problem):
    path = tmp_path / "shop_en.txt"
    path.write_text(text, "utf-8")
    with pytest.raises(script.ScriptError) as error:
        script.parse(path)
    assert problem in str(error.value)


def test_replies_of_a_lost_video_comment_are_refused(tmp_path):
    path = tmp_path / "youtube_en.txt"
    lines = "- bob | +1h | 0 | - | a\n-x ann | +1h | 0 | - | gone\n-- bob | +2h | 0 | - | b\n"
    path.write_text(HEAD.replace("reddit", "youtube") + lines, "utf-8")
    with pytest.raises(script.ScriptError, match="YouTube drops the replies"):
        script.parse(path)


def test_two_records_of_one_id_are_refused(tmp_path):
    path = tmp_path / "reddit_en.txt"
    path.write_text(HEAD + "- ann | +1h | 0 | - | same\n" * 2, "utf-8")
    with pytest.raises(script.ScriptError, match=r"reddit_en.txt:6: same id o\w+ as reddit_en.txt:5"):
        build_samples.load([path])


def test_all_problems_of_all_scripts_are_told_at_once(tmp_path, capsys):
    for name in ("reddit_en.txt", "reddit_zh.txt"):
        (tmp_path / name).write_text(HEAD + "- ann | +1h | 0 | Q/q | a\n- ann | x | 0 | - | b\n", "utf-8")
    assert build_samples.main(["--check", *map(str, tmp_path.iterdir())]) == 1
    told = capsys.readouterr().err
    assert [place in told for place in ("en.txt:5:", "en.txt:6:", "zh.txt:5:", "zh.txt:6:")] == [True] * 4


def test_check_counts_and_writes_nothing(tmp_path, capsys):
    path = tmp_path / "reddit_en.txt"
    path.write_text(HEAD + "- ann | +1h | 0 | D/ques? | Do they leak?\n", "utf-8")
    assert build_samples.main(["--check", str(path)]) == 0
    assert "ques=1" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["reddit_en.txt"]


def test_examples_in_the_docstrings_of_the_tool():
    assert doctest.testmod(import_module("samples.ids")).attempted == 3
    assert doctest.testmod(import_module("samples.ids")).failed == 0
