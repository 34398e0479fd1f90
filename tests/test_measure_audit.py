"""Audits: what is drawn, with which probability, and that labels made by hand correct what the model got wrong."""

from __future__ import annotations

import csv
import io
from collections import Counter

import numpy as np
import pytest
from measuring import SURE, archives, changed, given, said, trees

from nlp_engage.errors import DataError
from nlp_engage.measure import collect, measure
from nlp_engage.measure.audit import audit, relabelled
from nlp_engage.measure.audit_interval import Spread, interval
from nlp_engage.measure.audit_plan import plan_audit
from nlp_engage.measure.audit_sheet import hand_labels, read_sheet, sheet_bytes, sheet_units

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
    return {key_of(s): s.p.index(1.0) for s in real if s.p}


def key_of(one):
    return one.comment.thread_id, one.comment.id


def figures(report):
    return {(r["group"], r["statistic"]): r for r in report.rows()}


def everything(table):
    return [(table.thread_ids[t], i) for t, i in zip(table.thread.tolist(), table.comment_ids, strict=True)]


# --- plans ---


def test_a_plan_spends_its_budget_on_whole_threads_over_all_platforms():
    table = collect(trees(world(200)[1]))
    plan = plan_audit(table, 150, seed=3)
    assert len(plan.inclusion) == pytest.approx(150, abs=15)
    of = Counter(table.thread_ids[t] for t in table.thread.tolist())
    drawn = Counter(thread for thread, _ in plan.inclusion)
    assert all(drawn[t] == of[t] for t in plan.threads)
    assert set(drawn) == set(plan.threads)
    platforms = Counter(table.platforms[table.thread_ids.index(t)] for t in plan.threads)
    assert abs(platforms["reddit"] - platforms["weibo"]) <= 3
    assert plan_audit(table, 150, seed=3) == plan
    assert plan_audit(table, 150, seed=4) != plan
    assert sum(row["drawn"] for row in plan.rows()) == len(plan.threads)
    assert sum(row["labels"] for row in plan.rows()) == len(plan.inclusion)
    assert sum(row["threads"] for row in plan.rows()) == 200


def test_threads_are_drawn_as_often_as_the_plan_says():
    table = collect(trees(world(30)[1]))
    seen, said_ = Counter(), {}
    for seed in range(600):
        plan = plan_audit(table, 40, seed=seed)
        seen.update(plan.threads)
        said_ |= {thread: p for (thread, _), p in plan.inclusion.items()}
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
    drawn = [i for thread, i in plan.inclusion if thread == "p"]
    branches = {i[:3] for i in drawn}
    assert sorted(drawn) == sorted(b + x for b in branches for x in ("", "x", "y"))  # the owner's replies, too
    assert (len(branches), {plan.inclusion["p", i] for i in drawn}) == (10, {10 / 50})


def test_a_budget_for_everything_draws_everything():
    table = collect(trees(world(20)[1]))
    plan = plan_audit(table, 10_000)
    assert plan.inclusion == dict.fromkeys(everything(table), 1.0)


def test_a_budget_for_less_than_two_threads_is_refused():
    with pytest.raises(DataError, match="two at least"):
        plan_audit(collect(trees(world(20)[1])), 5)
    with pytest.raises(DataError, match="seed is -1: it must be 0 or more"):
        plan_audit(collect(trees(world(20)[1])), 500, seed=-1)


@pytest.mark.parametrize("threads", [0, 1])
def test_an_archive_with_nothing_to_draw_from_is_not_told_to_spend_more(threads):
    with pytest.raises(DataError, match=f"{threads} of {threads} threads hold audience replies") as told:
        plan_audit(collect(trees(world(threads)[1])), 500)
    assert "budget" not in str(told.value)


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
    units = {u["uid"]: u for u in sheet_units(labelled, plan_audit(collect(labelled), 100))}
    assert units["c"] == {
        "uid": "c", "lang": "en", "platform": None, "thread": "p", "post": "New cups!", "label": None, "by": "A",
        "above": [["A", "Do they leak?"], ["B(page owner)", "No."]], "reply": "Then I take two.",
        "p_inclusion": 1.0, "stratum": "en 0-100% mindless", "thread_units": 3,
    }  # fmt: skip
    assert list(units) == ["a", "b", "c", "d"]


def test_strata_are_what_was_drawn_from_and_hold_about_ten_threads():
    table = collect(trees(world(300)[1]))
    plan = plan_audit(table, 500, seed=2)
    rows = plan.rows()
    assert len({row["stratum"] for row in rows}) == len(rows)
    assert all(4 <= row["drawn"] <= 11 for row in rows)
    assert Counter(plan.stratum.values()) == Counter({row["stratum"]: row["drawn"] for row in rows})
    assert {row["stratum"].split()[1] for row in rows} <= {"reddit", "weibo", "reddit+weibo"}


# --- sheets ---


@pytest.fixture(scope="module")
def drawn():
    labelled = trees(world(40)[1])
    table = collect(labelled)
    plan = plan_audit(table, 60)
    return table, plan, list(sheet_units(labelled, plan))


def filled(units, label="M"):
    return [{**unit, "label": label} for unit in units]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_a_sheet_comes_back_as_it_went(drawn, tmp_path, suffix):
    table, plan, units = drawn
    path = tmp_path / f"sheet{suffix}"
    path.write_bytes(sheet_bytes(filled(units, "self_expression"), suffix))
    found = hand_labels(read_sheet(path), table)
    assert found.inclusion == pytest.approx(plan.inclusion)
    assert found.labels == dict.fromkeys(plan.inclusion, 2)
    assert found.stratum == plan.stratum
    assert found.notes == ()
    with pytest.raises(DataError, match=r"ends in \.jsonl or \.csv"):
        sheet_bytes(units, ".xlsx")


def test_a_csv_runs_nothing_in_a_spreadsheet_and_may_come_back_with_semicolons(tmp_path):
    attacks = ("=cmd|' /C calc'!A0", "+1", "-1", "@sum(1)", "\tx", "'quoted", "plain; yes", 'say "no"\nor not')
    archive = [said("p", None, "shop", text="=1+1")]
    archive += [said(f"-{k}", "p", f"u{k}", "M", text=text) for k, text in enumerate(attacks)]
    archive += [said("q", None, "shop", thread="q"), said("q1", "q", "bob", "M", thread="q")]
    labelled = trees(archive)
    table = collect(labelled)
    sheet = sheet_bytes(filled(sheet_units(labelled, plan_audit(table, 100)), "d"), ".csv")
    assert sheet.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))
    assert not [cell for row in rows[1:] for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))]
    out = io.StringIO()
    csv.writer(out, delimiter=";").writerows(rows)
    (tmp_path / "s.csv").write_bytes(out.getvalue().replace(";1.0;", ';"1,0";').encode())
    units = read_sheet(tmp_path / "s.csv")
    assert {u["reply"] for u in units} >= set(attacks)
    assert hand_labels(units, table).labels[("p", "-0")] == 1
    assert set(hand_labels(units, table).inclusion.values()) == {1.0}


def test_one_id_in_two_threads_is_two_replies():
    archive = [said(t, None, "shop", thread=t) for t in "pq"]
    archive += [said("same", t, "ann", "M", thread=t) for t in "pq"]
    labelled = [lt for t in "pq" for lt in trees([s for s in archive if s.comment.thread_id == t])]
    table = collect(labelled)
    units = list(sheet_units(labelled, plan_audit(table, 10)))
    assert [u["uid"] for u in units] == ["same", "q:same"]
    units[0]["label"], units[1]["label"] = "D", "S"
    assert hand_labels(units, table).labels == {("p", "same"): 1, ("q", "same"): 2}
    with pytest.raises(DataError, match="several threads"):
        hand_labels([{"uid": "same", "label": "D", "p_inclusion": 1}], table)


def test_threads_nobody_has_begun_are_counted_and_left_out(drawn):
    table, plan, units = drawn
    last = units[-1]["thread"]
    found = hand_labels([u if u["thread"] == last else {**u, "label": "M"} for u in units], table)
    assert found.notes == ("1 thread(s) that nobody has begun to label: left out (fine if chance decided which)",)
    assert {thread for thread, _ in found.labels} == set(plan.threads) - {last}


def test_replies_drawn_one_by_one_need_id_label_and_probability_only(drawn):
    table, _, units = drawn
    logged = [{"uid": u["uid"], "label": "D", "p_inclusion": 0.25} for u in units[:4]]
    logged += [{"uid": units[4]["uid"], "label": None, "p_inclusion": 0.25}, {"uid": units[5]["uid"], "label": "M"}]
    found = hand_labels(logged, table)
    assert found.labels == {(u["thread"], u["uid"]): 1 for u in units[:4]}
    assert set(found.inclusion.values()) == {0.25}
    assert sorted(note[:2] for note in found.notes) == ["1 ", "1 "]
    other = [{"uid": u["uid"], "label": "D", "inclusion_probability": 0.25} for u in units[:4]]
    assert hand_labels(other, table).inclusion == found.inclusion


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda u: u[0].update(label="X"), "label 'X'"),
        (lambda u: u[0].update(label=None), "have no label"),
        (lambda u: u[0].update(uid="zzz"), "'zzz' of the sheet is not in the run"),
        (lambda u: u[0].update(p_inclusion=0), "p_inclusion 0"),
        (lambda u: u[0].update(p_inclusion="often"), "p_inclusion 'often'"),
        (lambda u: u[0].update(thread_units="many"), "thread_units 'many'"),
        (lambda u: u[0].update(thread_units="inf"), "thread_units 'inf'"),
        (lambda u: u[0].update(p_inclusion=0.987), "was drawn as a whole and has two probabilities"),
        (lambda u: u.append({**u[0], "label": "D"}), "two different labels"),
        (lambda u: u.append({**u[0], "p_inclusion": 0.999}), "two probabilities"),
        (lambda u: u.pop(0), "put the missing ones back"),
        (lambda u: [x.update(label=None) for x in u], "no unit of the sheet has a label"),
        (lambda u: [x.update(p_inclusion=None) for x in u], "no unit of the sheet has p_inclusion: keep the columns"),
    ],
)
def test_a_sheet_that_would_mislead_is_refused(drawn, change, message):
    table, plan, units = drawn
    big = max(plan.threads, key=Counter(u["thread"] for u in units).__getitem__)
    sheet = sorted(filled(units), key=lambda u: u["thread"] != big)
    change(sheet)
    with pytest.raises(DataError, match=message):
        hand_labels(sheet, table)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no unit"),
        (b"a,b\n1,2\n", "no uid"),
        (b'{"uid": 1', "neither"),
        (b"\xff\xd6", "cannot be read .*save it as UTF-8"),
        (b'[{"uid": "1"}]', "neither JSON lines nor CSV with a column uid"),
    ],
)
def test_a_file_that_is_no_sheet_is_refused(tmp_path, content, message):
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_sheet(tmp_path / "s.csv")


# --- labels ---


@given(archives(max_threads=2), max_examples=40)
def test_labels_made_by_hand_everywhere_are_what_is_measured(archive):
    hand = {key_of(s): k % 3 for k, s in enumerate(archive) if s.p}
    relabelled_trees = [relabelled(lt, hand) for lt in trees(archive)]
    by_hand = [changed(s, p=SURE["MDS"[hand[key_of(s)]]]) if s.p else s for s in archive]
    assert measure(relabelled_trees, resamples=0).rows() == measure(trees(by_hand), resamples=0).rows()


# --- reports ---


def test_a_worked_audit():
    """Four threads, two audited; every number can be checked with pencil and paper."""
    archive, hand = [], {}
    for t, (seen, real, _) in enumerate((("DD", "DM", 0.5), ("M", "M", 0.25), ("DM", "", 0), ("M", "", 0))):
        archive.append(said(f"t{t}", None, "shop", thread=f"t{t}"))
        for k, label in enumerate(seen):
            archive.append(said(f"t{t}.{k}", f"t{t}", f"u{t}{k}", label, thread=f"t{t}"))
        hand |= {(f"t{t}", f"t{t}.{k}"): "MDS".index(label) for k, label in enumerate(real)}
    inclusion = {key: 0.5 if key[0] == "t0" else 0.25 for key in hand}
    row = figures(audit(trees(archive), hand, inclusion))["all", "share_genuine_dialogue"]
    assert row["raw"] == pytest.approx(3 / 6)
    # weights 2, 2 and 4; the gap is (2 * -1) / 8
    assert row["audited"] == pytest.approx(1 / 2 - 1 / 4)
    gap = np.array([-1 / 8, 1 / 8]) / np.sqrt(1 / 2)  # (-2 + 4/4) / 8 and (0 + 4/4) / 8; each has half the weight
    archive_part = np.array([1 / 6, -1 / 12, 0, -1 / 12])  # (2 - 2/2) / 6 and so on
    by_chance = gap * np.sqrt([1 / 2, 3 / 4])
    both = archive_part + np.append(gap, [0, 0])
    design = ((by_chance - by_chance.mean()) ** 2).sum()
    variance = max((both**2).sum() - (by_chance**2).sum(), 0) + design
    assert (row["audited_low"], row["audited_high"]) == (0.0, 1.0)  # one degree of freedom says nothing
    wide = interval(0.25, Spread(variance=variance, design=0.0, growing=0.0, freedom=1), 0.3, 1.0)
    narrow = figures(audit(trees(archive), hand, inclusion, level=0.3))["all", "share_genuine_dialogue"]
    assert (narrow["audited_low"], narrow["audited_high"]) == pytest.approx(wide)


@pytest.mark.filterwarnings("ignore")  # what ppi_py's own imports warn of is not ours
def test_without_clusters_and_strata_it_is_what_ppi_py_says():
    ppi_py = pytest.importorskip("ppi_py")
    rng = np.random.default_rng(4)
    archive, n = [], 900
    for t in range(n):
        p = rng.dirichlet((2, 1, 1))
        archive += [
            said(f"t{t}", None, "shop", thread=f"t{t}"),
            said(f"{t}", f"t{t}", f"u{t}", tuple(p), thread=f"t{t}"),
        ]
    model = np.array([s.p[1] for s in archive if s.p])
    audited = np.sort(rng.choice(n, 200, replace=False))
    hand = (rng.random(200) < 0.7 * model[audited]).astype(int)  # 1 dialogue, 0 mindless
    labels = {(f"t{t}", f"{t}"): int(h) for t, h in zip(audited.tolist(), hand, strict=True)}
    row = figures(audit(trees(archive), labels, dict.fromkeys(labels, 200 / n)))["all", "share_genuine_dialogue"]
    seen = model[audited][:, None]
    point = ppi_py.ppi_mean_pointestimate(hand[:, None], seen, model[:, None], lam=1)[0]
    low, high = (end[0] for end in ppi_py.ppi_mean_ci(hand[:, None], seen, model[:, None], alpha=0.1, lam=1))
    assert row["audited"] == pytest.approx(point, abs=1e-12)
    # ppi_py takes the labelled replies as others than those of the archive; ours knows that they are among them
    gap = hand - model[audited]
    among = 2 * np.cov(model[audited], gap)[0, 1] / n
    variance = ((high - low) / 2 / 1.6448536) ** 2 + among
    found = Spread(variance=variance, design=variance, growing=0.0, freedom=199)
    assert (row["audited_low"], row["audited_high"]) == pytest.approx(interval(point, found, 0.9, 1.0), abs=5e-4)


def test_drawing_by_strata_makes_the_interval_narrower_where_strata_differ():
    archive, labels, stratum = [], {}, {}
    for t in range(80):
        archive.append(said(f"t{t}", None, "shop", thread=f"t{t}"))
        for k in range(3):
            archive.append(said(f"t{t}.{k}", f"t{t}", f"u{t}{k}", (0.4, 0.4, 0.2), thread=f"t{t}"))
            if t % 4 < 2:
                labels[f"t{t}", f"t{t}.{k}"] = int(t % 2 == 0) if k else (t // 4) % 2
        stratum[f"t{t}"] = f"s{t % 2}"
    inclusion = dict.fromkeys(labels, 0.5)
    width = {}
    for name, strata in (("without", {}), ("with", stratum)):
        row = figures(audit(trees(archive), labels, inclusion, stratum=strata))["all", "share_genuine_dialogue"]
        width[name] = row["audited_high"] - row["audited_low"]
    assert width["with"] < 0.85 * width["without"]


@pytest.mark.parametrize(("value", "top"), [(0.05, 1.0), (5.0, 100.0), (12.0, float("inf"))])
def test_intervals_keep_their_bounds_and_their_point(value, top):
    for variance in (1e-6, 1e-3, 1.0, 1e4):
        found = Spread(variance=variance, design=variance, growing=variance, freedom=20)
        low, high = interval(value, found, 0.9, top)
        assert 0 <= low < value < high <= top
    assert interval(value, Spread(variance=0.0, design=0.0, growing=0.0, freedom=0), 0.9, top) is None


def test_intervals_near_a_bound_reach_further_from_it_and_mirror_each_other():
    found = Spread(variance=0.0004, design=0.0, growing=0.0, freedom=10**6)
    half = 0.02 * 1.6448536
    assert interval(0.01, found, 0.9, 1.0) == pytest.approx((0, 0.01 + half + (half - 0.01) / 2), abs=1e-6)
    for value in (0.01, 0.05, 0.4):
        low, high = interval(value, found, 0.9, 1.0)
        assert interval(1 - value, found, 0.9, 1.0) == pytest.approx((1 - high, 1 - low))
    wide = Spread(variance=0.25, design=0.0, growing=0.0, freedom=10**6)
    assert interval(0.4, wide, 0.9, 1.0) == (0.0, 1.0)


def test_labels_to_halve_is_what_halves_the_interval():
    found = Spread(variance=5.0, design=4.0, growing=4.4, freedom=20)
    times = found.times_to_halve
    assert 5.0 - 4.4 + 4.4 / times == pytest.approx(5.0 / 4)
    assert Spread(variance=5.0, design=2.0, growing=2.0, freedom=20).times_to_halve is None


def test_labelling_everything_gives_the_truth():
    real, seen = world(40)
    table = collect(trees(seen))
    found = figures(audit(trees(seen), truth_of(real), dict.fromkeys(everything(table), 1.0)))
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
    found = figures(audit(trees(own[1]), truth_of(real), {key_of(s): 1.0 for s in real if s.p}))
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
    inclusion = {key_of(s): chance[s.comment.thread_id] for s in seen if s.p and s.comment.thread_id in drawn}
    labels = truth_of(real)
    row = figures(audit(trees(seen), labels, inclusion))["all", "share_genuine_dialogue"]
    unweighted = figures(audit(trees(seen), labels, dict.fromkeys(inclusion, 0.5)))["all", "share_genuine_dialogue"]
    true = measure(trees(real), resamples=0).rows()[0]["share_genuine_dialogue"]
    assert row["audited_low"] < true < row["audited_high"]
    assert abs(unweighted["audited"] - true) > abs(row["audited"] - true)


def test_groups_and_their_difference():
    real, seen = world(200, seed=3)
    by = {f"t{t}": "before" if t < 100 else "after" for t in range(200)}
    inclusion = {key_of(s): 1.0 for s in real if s.p}
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
    inclusion = {key_of(s): 1.0 for s in archive if s.p}
    found = figures(audit(trees(archive), truth_of(archive), inclusion, by="lang", against="en"))
    apart = found["zh", "eq"]["audited_high"] - found["zh", "eq"]["audited_low"]
    together = found["zh - en", "eq"]
    assert together["audited_high"] - together["audited_low"] < apart / 3


def test_what_an_audit_cannot_tell_it_says():
    real, seen = world(10)
    one = {key_of(s): 1.0 for s in real if s.p and s.comment.thread_id == "t3"}
    row = figures(audit(trees(seen), truth_of(real), one))["all", "eq"]
    assert (row["audited_low"], row["note"]) == (None, "1 audited threads: no interval")
    assert row["audited"] is not None
    few = {key_of(s): 1.0 for s in real if s.p and s.comment.thread_id in ("t3", "t4", "t5")}
    assert "fewer than 30" in figures(audit(trees(seen), truth_of(real), few))["all", "eq"]["note"]
    mindless = dict.fromkeys(few, 0)
    everything = {key_of(s): 1.0 for s in real if s.p}
    dead = figures(audit(trees(seen), dict.fromkeys(everything, 0), everything))["all", "ep"]
    assert (dead["audited"], dead["audited_low"]) == (0.0, None)
    assert dead["note"] == "the audited figure is at its bound or all threads are alike: no interval"
    assert figures(audit(trees(seen), mindless, few))["all", "eq"]["audited_low"] is not None
    none = figures(audit(trees(seen), truth_of(real), {}))["all", "eq"]
    assert (none["audited"], none["note"]) == (None, "0 audited threads: no interval")


@pytest.mark.parametrize(
    ("labels", "inclusion", "message"),
    [
        ({}, {("t0", "t0.0"): 1.0}, "1 of 1 replies of the audit have no label"),
        ({("t0", "t0.0"): 0}, {("t0", "t0.0"): 0.0}, "probability 0.0"),
        ({("t0", "t0.0"): 3}, {("t0", "t0.0"): 1.0}, "label 3"),
        ({("t0", "zzz"): 0}, {("t0", "zzz"): 1.0}, "not in the archive"),
    ],
)
def test_wrong_audits_are_refused(labels, inclusion, message):
    with pytest.raises(DataError, match=message):
        audit(trees(world(3)[1]), labels, inclusion)
