"""The measure against brute force, networkx and threads worked by hand."""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise
from math import exp, isnan, log, prod
from statistics import mean, median

import networkx as nx
import numpy as np
import pytest
from measuring import archives, changed, given, said, trees

from nlp_engage.errors import DataError
from nlp_engage.measure import ESTIMATES, collect, held_out, measure, measure_table
from nlp_engage.text import copy_key
from nlp_engage.types import ACTS, Act, LabelledTree


def row_of(archive, **settings):
    (row,) = measure(trees(archive), resamples=0, **settings).rows()
    return row


# --- brute force: every definition again, in plain Python, from paths and pairs ---


class Oracle:
    """All of the measure for a list of labelled trees, with dictionaries and loops."""

    def __init__(self, labelled):
        self.replies = []
        for lt in labelled:
            comments, parents = lt.tree.comments, lt.tree.parents.tolist()
            owners = {c.author for c in comments if c.is_owner and c.author}
            owner = comments[0].author or (min(owners) if owners else None)
            platform = next((c.platform for c in comments if c.platform), None)
            for i, c in enumerate(comments):
                if i and not lt.tree.stand_in[i]:
                    self.replies.append(self._reply(lt, i, c, comments, parents, owner, platform))
        self.measured = [r for r in self.replies if r["p"] and not r["owner"]]
        for r in self.measured:
            copies = [x for x in self.measured if (x["page"], x["key"]) == (r["page"], r["key"])]
            total = sum(x["w"] for x in copies)
            r["u"] = r["w"] / total if total and len(copies) > 1 else 1 / len(copies)
            r["v"] = min(1, 3 / sum((x["page"], x["person"]) == (r["page"], r["person"]) for x in self.measured))
            exchange = 0 if r["self"] else r["r"]
            r["c"] = r["u"] * (r["p"][2] / 2 + r["p"][1] * (1 - 2 ** -(1 + exchange)))

    def _reply(self, lt, i, c, comments, parents, owner, platform):
        p = None if isnan(lt.probabilities[i, 0]) else lt.probabilities[i].tolist()
        below = [j for j in range(i + 1, len(comments)) if i in _path(parents, j)]
        own = [j for j in below if self._by_owner(comments[j], comments[0])]
        times = [comments[j].created for j in own if comments[j].created]
        others = [j for j in below if parents[j] == i and comments[j].author and c.author]
        others = [j for j in others if comments[j].author != c.author]
        hours = (min(times) - c.created).total_seconds() / 3600 if times and c.created else None
        return {
            "thread": lt.tree.thread_id,
            "person": (platform, c.author) if c.author else (lt.tree.thread_id, i),
            "named": bool(c.author),
            "owner": self._by_owner(c, comments[0]),
            "p": p,
            "w": p[1] + p[2] if p else 0.0,
            "r": _exchange(lt, comments, parents, i),
            "self": bool(c.author) and comments[parents[i]].author == c.author,
            "page": (platform, owner) if owner else lt.tree.thread_id,
            "key": copy_key(c.text),
            "depth": len(_path(parents, i)),
            "answered": 1 - prod(1 - _w(lt, j) for j in others),
            "asks": ACTS[lt.acts[i]] in (Act.QUESTION, Act.REQUEST) and lt.acts[i] >= 0,
            "owned": owner is not None or any(x.is_owner for x in comments),
            "owner_answered": bool(own),
            "hours": hours if hours is not None and hours >= 0 else None,
        }

    @staticmethod
    def _by_owner(c, post):
        return c.is_owner or (c.author is not None and c.author == post.author)

    def row(self):
        m = self.measured
        by_person = {}
        for r in m:
            by_person.setdefault(r["person"], []).append(r)
        turns = [r for r in m if r["named"]]
        asked = [r for r in m if r["asks"] and r["owned"]]
        hours = [r["hours"] for r in asked if r["hours"] is not None]
        named = [rs for rs in by_person.values() if rs[0]["named"]]
        shares = [len(rs) / len(m) for rs in by_person.values()]
        return {
            **{f"p{k}": mean(r["p"][k] for r in m) for k in range(3)},
            "eq": 100 * sum(r["v"] * r["c"] for r in m) / sum(r["v"] for r in m),
            "ep": sum(1 - prod(1 - r["c"] for r in rs) for rs in by_person.values()),
            "reciprocity": _ratio(sum(r["p"][1] * r["answered"] for r in turns), sum(r["p"][1] for r in turns)),
            "responsiveness": _ratio(sum(r["owner_answered"] for r in asked), len(asked)),
            "response_hours": median(hours) if hours else None,
            "return_rate": _ratio(sum(len({r["thread"] for r in rs}) > 1 for rs in named), len(named)),
            "breadth": exp(-sum(s * log(s) for s in shares)),
            "depth": mean(r["depth"] for r in m),
            "graveyard_people": sum(prod(r["p"][0] for r in rs) for rs in by_person.values()),
        }


def _ratio(top, below):
    return top / below if below else None


def _w(lt, i):
    p = lt.probabilities[i]
    return 0.0 if isnan(p[0]) else float(p[1] + p[2])


def _path(parents, i):
    """Nodes above i, nearest first, the post last."""
    above = []
    while i > 0:
        i = parents[i]
        above.append(i)
    return above


def _exchange(lt, comments, parents, i):
    """r from its definition: over all runs of a path that hold i and in which two known people alternate."""
    best = 0.0
    leaves = set(range(len(parents))) - set(parents)
    for leaf in leaves:
        path = [*reversed(_path(parents, leaf)), leaf]
        if i not in path:
            continue
        for a in range(path.index(i) + 1):
            for b in range(path.index(i), len(path)):
                run = [comments[j].author for j in path[a : b + 1]]
                if all(run) and all(x != y for x, y in pairwise(run)) and len(set(run)) == 2:
                    first = run.index(comments[i].author)
                    later = [j for j in path[a : b + 1][first:] if comments[j].author != comments[i].author]
                    best = max(best, sum(_w(lt, j) for j in later))
    return best


@given(archives(max_threads=3, max_size=7))
def test_every_number_agrees_with_brute_force(archive):
    labelled = trees(archive)
    oracle = Oracle(labelled)
    row = row_of(archive)
    assert row["n_replies"] == len(oracle.measured)
    assert row["n_people"] == len({r["person"] for r in oracle.measured})
    assert row["n_owner_replies"] == sum(r["owner"] for r in oracle.replies)
    assert row["n_unlabelled"] == sum(not r["owner"] and not r["p"] for r in oracle.replies)
    if not oracle.measured:
        assert row["eq"] is row["ep"] is row["breadth"] is None
        return
    expected = oracle.row()
    shares = ("share_mindless_interaction", "share_genuine_dialogue", "share_self_expression")
    for k, key in enumerate(shares):
        assert row[key] == pytest.approx(expected.pop(f"p{k}"))
    if len({r["thread"] for r in oracle.measured}) == 1:
        expected["return_rate"] = None
    for key, value in expected.items():
        assert row[key] == (None if value is None else pytest.approx(value, abs=1e-12)), key


@given(archives(max_threads=3, max_size=7))
def test_credits_agree_with_brute_force_reply_by_reply(archive):
    labelled = trees(archive)
    table = collect(labelled)
    expected = [r.get("c", np.nan) for r in Oracle(labelled).replies]
    assert table.credits() == pytest.approx(np.array(expected), nan_ok=True)


@given(archives())
def test_structural_virality_is_the_mean_of_what_networkx_says_of_each_thread(archive):
    found = []
    for lt in trees(archive):
        graph = nx.Graph()
        graph.add_nodes_from(range(len(lt.tree)))
        graph.add_edges_from((i, p) for i, p in enumerate(lt.tree.parents.tolist()) if i)
        if len(graph) > 1:
            found.append(nx.average_shortest_path_length(graph))
    row = row_of(archive)
    assert row["structural_virality"] == (pytest.approx(mean(found)) if found else None)


# --- worked by hand ---

CAFE = [
    # The café asks nothing; Bob asks it something, and it goes on for four turns.
    said("p", None, "cafe", likes=10, hours=0, text="New autumn menu"),
    said("1", "p", "bob", "D", act=Act.QUESTION, hours=1, likes=2, text="Is the soup vegan?"),
    said("2", "1", "cafe", "D", hours=3, text="It is, we left the cream out."),
    said("3", "2", "bob", "D", hours=4, text="Then I will bring my sister."),
    said("4", "3", "cafe", "D", hours=5, text="We will keep the window seat."),
    # Two people say the same; one of them also tells of herself. One tags a friend. One asks and gets nothing.
    said("5", "p", "cid", "M", hours=1, likes=3, text="yum!!"),
    said("6", "p", "dee", "M", hours=2, text="Yum"),
    said("7", "p", "dee", "S", hours=2, text="My gran made pumpkin soup every Sunday."),
    said("8", "p", None, "M", text="@eve"),
    said("9", "p", "eve", "D", act=Act.REQUEST, hours=9, text="Please open on Mondays, I work weekends."),
]


def test_cafe_worked_by_hand():
    """Bob: r = 2 at his first turn, 2 at his second; 7/8 each. Dee 1/2 for her story, Eve 1/2, the others nothing."""
    row = row_of(CAFE)
    counts = ("n_threads", "n_posts", "n_replies", "n_owner_replies", "n_unlabelled", "n_people", "likes")
    assert [row[key] for key in counts] == [1, 1, 7, 2, 0, 5, 15]
    assert row["share_mindless_interaction"] == pytest.approx(3 / 7)
    assert row["share_genuine_dialogue"] == pytest.approx(3 / 7)
    assert row["share_self_expression"] == pytest.approx(1 / 7)
    assert row["eq"] == pytest.approx(100 * (7 / 8 + 7 / 8 + 1 / 2 + 1 / 2) / 7)
    assert row["ep"] == pytest.approx((1 - 1 / 64) + 1 / 2 + 1 / 2)
    assert row["reciprocity"] == pytest.approx(2 / 3)  # Bob twice, Eve not
    assert (row["responsiveness"], row["response_hours"]) == (0.5, 2.0)
    assert row["return_rate"] is None
    assert row["breadth"] == pytest.approx(exp(log(7) - 2 * 2 * log(2) / 7))
    assert row["depth"] == pytest.approx((1 + 3 + 1 + 1 + 1 + 1 + 1) / 7)
    assert row["h_index"] == 1
    assert row["graveyard_likes"] == 10 + 3
    assert row["graveyard_people"] == 2  # Cid and the one without a name; Dee also told a story


def test_mindless_answers_keep_no_exchange_alive():
    chain = [said("p", None, "ann"), said("1", "p", "bob", "D"), said("2", "1", "cid", "M"), said("3", "2", "bob", "D")]
    table = collect(trees(chain))
    assert dict(zip(table.comment_ids, table.exchange.tolist(), strict=True)) == {"1": 0.0, "2": 1.0, "3": 0.0}
    assert table.credits().tolist() == [0.5, 0.0, 0.5]


def test_copies_count_once_over_all_threads_of_one_page_but_not_across_pages():
    def post_and_entry(thread, owner, n):
        return [
            said(thread, None, owner, thread=thread, platform="weibo"),
            said(
                f"{thread}c", thread, f"fan{n}", "S", thread=thread, platform="weibo", text="Pick me, I collect them!"
            ),
        ]

    same = collect(trees([*post_and_entry("a", "shop", 1), *post_and_entry("b", "shop", 2)]))
    other = collect(trees([*post_and_entry("a", "shop", 1), *post_and_entry("b", "cafe", 2)]))
    unknown = collect(trees([*post_and_entry("a", None, 1), *post_and_entry("b", None, 2)]))
    assert same.credits().tolist() == [0.25, 0.25]
    assert other.credits().tolist() == [0.5, 0.5]
    assert unknown.credits().tolist() == [0.5, 0.5]  # a thread of nobody's is a page of its own


def test_one_name_on_two_platforms_is_two_people_and_does_not_return():
    def thread(name, platform):
        return [
            said(name, None, "shop", thread=name, platform=platform),
            said(f"{name}1", name, "bob", "S", thread=name, platform=platform),
        ]

    row = row_of([*thread("a", "reddit"), *thread("b", "youtube")])
    assert (row["n_people"], row["return_rate"], row["ep"]) == (2, 0.0, 1.0)
    row = row_of([*thread("a", "reddit"), *thread("b", "reddit")])
    assert (row["n_people"], row["return_rate"], row["ep"]) == (1, 1.0, 0.75)


def test_an_answer_before_its_question_counts_as_answered_without_a_time():
    archive = [
        said("p", None, "shop"),
        said("1", "p", "bob", "D", act=Act.QUESTION, hours=5),
        said("2", "1", "shop", "D", hours=4),
    ]
    row = row_of(archive)
    assert (row["responsiveness"], row["response_hours"]) == (1.0, None)
    assert row["notes"]["response_hours"] == "no times given, or they run backwards"


# --- degenerate input ---


def test_an_empty_archive_has_one_row_without_values_and_no_groups():
    row = row_of([])
    assert [row[k] for k in ("n_threads", "n_replies", "n_people", "likes")] == [0, 0, 0, None]
    assert all(row[key] is None and row["notes"][key] for key in ESTIMATES)
    assert measure([], by="platform").rows() == []
    assert measure([]).to_arrow().num_rows == 1


def test_a_post_without_answers_has_an_h_index_and_no_rates():
    row = row_of([said("p", None, "ann", likes=3)])
    assert (row["n_threads"], row["n_posts"], row["likes"], row["graveyard_likes"], row["h_index"]) == (1, 1, 3, 3, 0)
    assert row["eq"] is None
    assert row["notes"]["eq"] == "no labelled audience reply"
    assert row["notes"]["structural_virality"] == "nobody answered a post"


def test_without_authors_there_is_no_exchange_no_return_and_everybody_is_somebody():
    archive = [
        said("p", None, None),
        said("1", "p", None, "D", act=Act.QUESTION),
        said("2", "1", None, "D"),
        said("3", "p", None, "M"),
    ]
    row = row_of(archive)
    assert (row["n_people"], row["ep"], row["eq"]) == (3, 1.0, pytest.approx(100 / 3))
    assert row["reciprocity"] is row["responsiveness"] is None
    assert row["notes"]["reciprocity"] == "no dialogue turn by a known author"
    assert row["notes"]["responsiveness"] == "no question or request to a known owner"
    assert row["notes"]["response_hours"] == "no question or request to a known owner"
    assert row["notes"]["return_rate"] == "one thread only: nobody could be seen again"
    two = [*archive, said("q", None, None, thread="q"), said("4", "q", None, "M", thread="q")]
    assert row_of(two)["notes"]["return_rate"] == "no authors given"


def test_all_mindless_is_a_graveyard():
    archive = [said("p", None, "ann")] + [said(str(k), "p", f"fan{k}", "M") for k in range(5)]
    row = row_of(archive)
    assert (row["eq"], row["ep"], row["share_mindless_interaction"], row["graveyard_people"]) == (0.0, 0.0, 1.0, 5.0)
    assert row["notes"]["reciprocity"] == "no dialogue turn by a known author"
    assert (row["likes"], row["graveyard_likes"]) == (None, None)
    assert row["notes"]["likes"] == row["notes"]["graveyard_likes"] == "no likes given"


def test_endless_exchange_stays_below_one():
    chain = [said("p", None, "ann")]
    chain += [said(f"c{k:04}", f"c{k - 1:04}" if k else "p", "bob" if k % 2 else "cid", "D") for k in range(400)]
    table = collect(trees(chain))
    assert table.credits().max() < 1
    row = row_of(chain)
    assert row["ep"] == pytest.approx(2)
    assert row["eq"] <= 100


@pytest.mark.parametrize("bad", [(0.5, 0.2, 0.2), (1.5, -0.5, 0.0), (float("nan"), 0.5, 0.5), (0.2, float("nan"), 0.8)])
def test_probabilities_that_are_none_are_refused_with_their_comment(bad):
    (lt,) = trees([said("p", None, "ann"), said("c7", "p", "bob", "D")])
    lt.probabilities[1] = bad
    with pytest.raises(DataError, match="'c7'"):
        collect([lt])


def test_arrays_that_do_not_fit_their_tree_are_refused_with_their_thread():
    (lt,) = trees([said("p", None, "ann"), said("1", "p", "bob", "D")])
    short = LabelledTree(
        tree=lt.tree,
        probabilities=lt.probabilities[:1],
        acts=lt.acts,
        act_probabilities=lt.act_probabilities,
        languages=lt.languages,
    )
    with pytest.raises(DataError, match="'p' has 2 nodes"):
        collect([short])


def test_a_thread_that_comes_twice_is_refused():
    one = trees(CAFE)
    with pytest.raises(DataError, match="'p' comes twice"):
        collect([*one, *one])


@pytest.mark.parametrize("settings", [{"resamples": -1}, {"level": 1.0}, {"level": 0.0}, {"by": "colour"}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(DataError):
        measure(trees(CAFE), **settings)


# --- the table ---


def test_table_says_what_went_into_each_credit():
    rows = collect(trees(CAFE)).to_arrow().to_pylist()
    by_id = {r["comment_id"]: r for r in rows}
    assert list(by_id) == [str(k) for k in (1, 2, 3, 4, 5, 6, 7, 9, 8)]  # tree order: those without a time come last
    bob = by_id["1"]
    assert (bob["author"], bob["label"], bob["act"], bob["exchange"], bob["credit"]) == (
        "bob", "genuine_dialogue", "ques", 2.0, 0.875,
    )  # fmt: skip
    assert (bob["owner_answered"], bob["owner_hours"], bob["answered"], bob["likes"]) == (True, 2.0, 1.0, 2.0)
    assert (by_id["2"]["owner"], by_id["2"]["credit"]) == (True, None)
    assert (by_id["6"]["uniqueness"], by_id["8"]["author"], by_id["8"]["created"]) == (0.5, None, None)


def test_many_threads_are_gathered_as_few_are(monkeypatch):
    """More rows than are kept as objects: the columns stay aligned across the pieces they are gathered in."""
    archive = [said("p", None, "ann")] + [said(f"c{k}", "p", f"u{k % 7}", "S", text=f"t{k}") for k in range(40)]
    (lt,) = trees(archive)
    many = [*trees([changed(s, **_renamed(s, t)) for t in "abc" for s in archive]), lt]
    whole = collect(many)
    monkeypatch.setattr(import_module("nlp_engage.measure.facts"), "_FLUSH", 16)
    pieces = collect(many)
    assert pieces.to_arrow().equals(whole.to_arrow())
    assert measure_table(pieces).rows() == measure_table(whole).rows()


@pytest.mark.parametrize("by", [None, "lang", "author"])
def test_sums_over_small_pieces_are_the_same_to_the_bit(monkeypatch, by):
    """However few rows are taken at a time; only EMQ, which adds up in another order, differs, and by rounding."""
    archive = [said("p", None, "ann")]
    archive += [said(f"c{k}", "p", f"u{k % 7}" if k % 5 else None, "MDS"[k % 3], text=f"t{k}") for k in range(60)]
    many = trees([changed(s, **_renamed(s, t)) for t in "abc" for s in archive])
    known = held_out({"per_language": {"en": {"confusion": [[90, 10, 0], [20, 70, 10], [0, 20, 80]]}}})
    whole = measure(many, by=by, held_out=known, resamples=50).rows()
    monkeypatch.setattr(import_module("nlp_engage.measure.pieces"), "ROWS", 16)
    for row, same in zip(measure(many, by=by, held_out=known, resamples=50).rows(), whole, strict=True):
        for key in row:
            rounded = key.endswith("_emq") and same[key] is not None
            assert row[key] == (pytest.approx(same[key], rel=1e-9) if rounded else same[key]), key


def test_ids_are_kept_unless_told_otherwise():
    with_ids, without = collect(trees(CAFE)), collect(trees(CAFE), comment_ids=False)
    assert (len(with_ids.comment_ids), len(without.comment_ids)) == (len(with_ids), 0)
    assert measure_table(with_ids).rows() == measure_table(without).rows()


def test_the_page_of_a_thread_is_its_owner_on_the_platform():
    """One name on two platforms is two pages, and a thread of an unknown owner is a page of its own."""

    def copied(thread, owner, platform):
        post, reply = (
            said(thread, None, owner),
            said(f"{thread}1", thread, f"u{thread}", "S", text="the very same words"),
        )
        return [changed(s, platform=platform, thread_id=thread) for s in (post, reply)]

    same = collect(trees([*copied("a", "shop", "x"), *copied("b", "shop", "x")]))
    apart = collect(trees([*copied("a", "shop", "x"), *copied("b", "shop", "y")]))
    unknown = collect(trees([*copied("a", None, "x"), *copied("b", None, "x")]))
    assert [t.uniqueness.tolist() for t in (same, apart, unknown)] == [[0.5, 0.5], [1.0, 1.0], [1.0, 1.0]]


def _renamed(s, t):
    c = s.comment
    return {"id": t + c.id, "thread_id": t + c.thread_id, "parent_id": c.parent_id and t + c.parent_id}
