"""Audits: what is drawn, with which probability, and that labels made by hand correct what the model got wrong."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from measuring import SURE, archives, changed, given, said, trees

from nlp_engage.errors import DataError
from nlp_engage.measure import collect, measure
from nlp_engage.measure.audit import audit, read_labels, relabelled
from nlp_engage.measure.audit_plan import audit_sheet, plan_audit

STATISTICS = ("share_mindless_interaction", "share_genuine_dialogue", "share_self_expression", "eq", "ep")


def world(threads, seed=0, *, exchange=True):
    """An archive with true labels, and as a model sees it that takes a third of what is mindless for dialogue."""
    rng = np.random.default_rng(seed)
    real, seen = [], []
    for t in range(threads):
        post = said(f"t{t}", None, "shop", thread=f"t{t}", platform=("reddit", "weibo")[t % 2])
        real.append(post)
        seen.append(post)
        for k in range(1 + int(rng.poisson(5))):
            label = "MDS"[int(rng.choice(3, p=(0.6, 0.15, 0.25)))]
            parent = f"t{t}" if k % 3 or not exchange or k == 0 else f"t{t}.{k - 1}"
            one = said(
                f"t{t}.{k}", parent, f"u{rng.integers(400)}", label, thread=f"t{t}", platform=post.comment.platform
            )
            real.append(one)
            fooled = label == "M" and rng.random() < 1 / 3
            p = (0.1, 0.8, 0.1) if fooled else tuple(0.9 if x == 1.0 else 0.05 for x in SURE[label])
            seen.append(changed(one, p=p))
    return real, seen


def truth_of(real):
    return {s.comment.id: s.p.index(1.0) for s in real if s.p}


def figures(report):
    return {(r["group"], r["statistic"]): r for r in report.rows()}


# --- plans ---


def test_a_plan_spends_its_budget_on_whole_threads_over_all_platforms():
    table = collect(trees(world(200)[1]))
    plan = plan_audit(table, 150, seed=3)
    assert len(plan.inclusion) == pytest.approx(150, abs=15)
    of = Counter(table.thread_ids[t] for t in table.thread.tolist())
    drawn = Counter(i.split(".")[0] for i in plan.inclusion)
    assert all(drawn[t] == of[t] for t in plan.threads)
    assert set(drawn) == set(plan.threads)
    platforms = Counter(table.platforms[table.thread_ids.index(t)] for t in plan.threads)
    assert abs(platforms["reddit"] - platforms["weibo"]) <= 3
    assert plan_audit(table, 150, seed=3) == plan
    assert plan_audit(table, 150, seed=4) != plan
    assert [(row["comment_id"], row["inclusion"]) for row in plan.rows()] == list(plan.inclusion.items())


def test_threads_are_drawn_as_often_as_the_plan_says():
    table = collect(trees(world(30)[1]))
    seen, said_ = Counter(), {}
    for seed in range(600):
        plan = plan_audit(table, 40, seed=seed)
        seen.update(plan.threads)
        said_ |= {i.split(".")[0]: p for i, p in plan.inclusion.items()}
    for thread, p in said_.items():
        assert seen[thread] / 600 == pytest.approx(p, abs=4.5 * np.sqrt(p * (1 - p) / 600))


def test_of_a_long_thread_whole_branches_are_drawn():
    archive = [said("p", None, "shop"), said("q", None, "shop", thread="q"), said("q1", "q", "bob", "M", thread="q")]
    for k in range(50):
        archive += [
            said(f"a{k:02}", "p", f"u{k}", "S"),
            said(f"a{k:02}x", f"a{k:02}", "shop", "D"),
            said(f"a{k:02}y", f"a{k:02}x", f"u{k}", "D"),
        ]
    plan = plan_audit(collect(trees(archive)), 31, seed=1, cap=30)
    drawn = [i for i in plan.inclusion if i != "q1"]
    branches = {i[:3] for i in drawn}
    assert sorted(drawn) == sorted(b + x for b in branches for x in ("", "x", "y"))  # the owner's replies, too
    assert (len(branches), {plan.inclusion[i] for i in drawn}) == (10, {10 / 50})


def test_a_budget_for_everything_draws_everything():
    table = collect(trees(world(20)[1]))
    plan = plan_audit(table, 10_000)
    assert plan.inclusion == dict.fromkeys(table.comment_ids, 1.0)


def test_a_budget_for_less_than_two_threads_is_refused():
    with pytest.raises(DataError, match="two at least"):
        plan_audit(collect(trees(world(20)[1])), 5)


def test_the_sheet_shows_each_reply_in_its_place_and_no_prediction():
    archive = [
        said("p", None, "shop", text="New cups!"),
        said("a", "p", "ann", "D", text="Do they leak?"),
        said("b", "a", "shop", "D", text="No."),
        said("c", "b", "ann", "D", text="Then I take two.", lang="en"),
        said("q", None, "shop", thread="q"),
        said("d", "q", None, "M", thread="q"),
    ]
    labelled = trees(archive)
    units = {u["uid"]: u for u in audit_sheet(labelled, plan_audit(collect(labelled), 100))}
    assert units["c"] == {
        "uid": "c", "lang": "en", "thread": "p", "post": "New cups!", "label": None, "by": "A",
        "above": [["A", "Do they leak?"], ["B(page owner)", "No."]], "reply": "Then I take two.",
    }  # fmt: skip
    assert list(units) == ["a", "b", "c", "d"]


# --- labels ---


def test_labels_are_read_by_letter_or_name_and_must_be_complete():
    units = [{"uid": "a", "label": "M"}, {"uid": "b", "label": "self_expression"}]
    assert read_labels(units) == {"a": 0, "b": 2}
    with pytest.raises(DataError, match=r"'c'.*None"):
        read_labels([*units, {"uid": "c", "label": None}])
    with pytest.raises(DataError, match="two different labels"):
        read_labels([*units, {"uid": "a", "label": "D"}])


@given(archives(max_threads=2), max_examples=40)
def test_labels_made_by_hand_everywhere_are_what_is_measured(archive):
    hand = {s.comment.id: k % 3 for k, s in enumerate(archive) if s.p}
    relabelled_trees = [relabelled(lt, hand) for lt in trees(archive)]
    by_hand = [changed(s, p=SURE["MDS"[hand[s.comment.id]]]) if s.p else s for s in archive]
    assert measure(relabelled_trees, resamples=0).rows() == measure(trees(by_hand), resamples=0).rows()


# --- reports ---


def test_labelling_everything_gives_the_truth():
    real, seen = world(40)
    table = collect(trees(seen))
    found = figures(audit(trees(seen), truth_of(real), dict.fromkeys(table.comment_ids, 1.0)))
    raw, true = (measure(trees(x), resamples=0).rows()[0] for x in (seen, real))
    for key in STATISTICS:
        row = found["all", key]
        assert row["raw"] == pytest.approx(raw[key])
        if key != "ep":  # exact where nobody writes in two threads
            assert row["audited"] == pytest.approx(true[key])
        assert row["audited_low"] < row["audited"] < row["audited_high"]


def test_ep_is_exact_when_everything_is_labelled_and_nobody_writes_in_two_threads():
    real, seen = world(30)
    own = [
        [changed(s, author=f"{s.comment.author} {s.comment.thread_id}") if s.comment.parent_id else s for s in archive]
        for archive in (real, seen)
    ]
    found = figures(audit(trees(own[1]), truth_of(real), {s.comment.id: 1.0 for s in real if s.p}))
    assert found["all", "ep"]["audited"] == pytest.approx(measure(trees(own[0]), resamples=0).rows()[0]["ep"])


def test_an_audit_moves_a_biased_share_to_the_truth():
    real, seen = world(400, seed=5)
    labelled = trees(seen)
    plan = plan_audit(collect(labelled), 400, seed=1)
    report = audit(labelled, {i: c for i, c in truth_of(real).items() if i in plan.inclusion}, plan.inclusion)
    row = figures(report)["all", "share_genuine_dialogue"]
    true = measure(trees(real), resamples=0).rows()[0]["share_genuine_dialogue"]
    assert row["raw"] > true + 0.1
    assert row["audited_low"] < true < row["audited_high"] < row["raw"]
    assert (row["n_labels"], row["n_threads"]) == (len(plan.inclusion), len(plan.threads))
    assert row["note"] == ""
    assert 2 * row["n_labels"] < row["labels_to_halve"] < 4 * row["n_labels"]  # the gap is most of the variance
    assert (report.version, report.level) == ("eq-2", 0.90)


def test_probabilities_of_drawing_are_undone():
    """Replies the model gets wrong are drawn ten times as often, as an active learner would: the answer stays right."""
    real, seen = world(300, seed=2, exchange=False)
    rng = np.random.default_rng(0)
    wrong = [s.comment for r, s in zip(real, seen, strict=True) if s.p and np.argmax(s.p) != np.argmax(r.p)]
    hard = {c.thread_id for c in wrong}
    chance = {s.comment.thread_id: 0.5 if s.comment.thread_id in hard else 0.05 for s in seen}
    drawn = {t for t, p in chance.items() if rng.random() < p}
    inclusion = {s.comment.id: chance[s.comment.thread_id] for s in seen if s.p and s.comment.thread_id in drawn}
    labels = truth_of(real)
    row = figures(audit(trees(seen), labels, inclusion))["all", "share_genuine_dialogue"]
    unweighted = figures(audit(trees(seen), labels, dict.fromkeys(inclusion, 0.5)))["all", "share_genuine_dialogue"]
    true = measure(trees(real), resamples=0).rows()[0]["share_genuine_dialogue"]
    assert row["audited_low"] < true < row["audited_high"]
    assert abs(unweighted["audited"] - true) > abs(row["audited"] - true)


def test_groups_and_their_difference():
    real, seen = world(200, seed=3)
    by = {f"t{t}": "before" if t < 100 else "after" for t in range(200)}
    inclusion = {s.comment.id: 1.0 for s in real if s.p}
    found = figures(audit(trees(seen), truth_of(real), inclusion, by=by, against="before"))
    difference = found["after - before", "eq"]
    assert difference["audited"] == pytest.approx(found["after", "eq"]["audited"] - found["before", "eq"]["audited"])
    width = [r["audited_high"] - r["audited_low"] for r in (difference, found["after", "eq"], found["before", "eq"])]
    assert width[0] == pytest.approx(np.hypot(width[1], width[2]), rel=0.15)
    with pytest.raises(DataError, match="no group 'never'"):
        audit(trees(seen), truth_of(real), inclusion, by=by, against="never")


def test_groups_that_share_threads_are_drawn_together():
    """Two languages in every thread, equally engaged thread by thread: the difference is sharper than apart."""
    archive = []
    for t in range(60):
        archive.append(said(f"t{t}", None, "shop", thread=f"t{t}"))
        label = "S" if t % 2 else "M"
        both = ("en", "zh")
        archive += [said(f"t{t}{x}", f"t{t}", f"{x}{t}", label, thread=f"t{t}", lang=x) for x in both]
    archive.append(said("t0x", "t0", "x", "S", thread="t0", lang="zh"))
    inclusion = {s.comment.id: 1.0 for s in archive if s.p}
    found = figures(audit(trees(archive), truth_of(archive), inclusion, by="lang", against="en"))
    apart = found["zh", "eq"]["audited_high"] - found["zh", "eq"]["audited_low"]
    together = found["zh - en", "eq"]
    assert together["audited_high"] - together["audited_low"] < apart / 3


def test_what_an_audit_cannot_tell_it_says():
    real, seen = world(10)
    one = {s.comment.id: 1.0 for s in real if s.p and s.comment.thread_id == "t3"}
    row = figures(audit(trees(seen), truth_of(real), one))["all", "eq"]
    assert (row["audited_low"], row["note"]) == (None, "1 audited threads: no interval")
    assert row["audited"] is not None
    few = {s.comment.id: 1.0 for s in real if s.p and s.comment.thread_id in ("t3", "t4", "t5")}
    assert "fewer than 30" in figures(audit(trees(seen), truth_of(real), few))["all", "eq"]["note"]
    none = figures(audit(trees(seen), truth_of(real), {}))["all", "eq"]
    assert (none["audited"], none["note"]) == (None, "0 audited threads: no interval")


@pytest.mark.parametrize(
    ("labels", "inclusion", "message"),
    [
        ({}, {"t0.0": 1.0}, "1 of 1 replies of the audit have no label"),
        ({"t0.0": 0}, {"t0.0": 0.0}, "probability 0.0"),
        ({"t0.0": 3}, {"t0.0": 1.0}, "label 3"),
        ({"zzz": 0}, {"zzz": 1.0}, "not in the archive"),
    ],
)
def test_wrong_audits_are_refused(labels, inclusion, message):
    with pytest.raises(DataError, match=message):
        audit(trees(world(3)[1]), labels, inclusion)
