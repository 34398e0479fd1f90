"""The shape of threads, against networkx, brute force and cases worked by hand."""

from __future__ import annotations

import math
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import conversations, threads

from nlp_engage.errors import DataError
from nlp_engage.structure import (
    child_counts,
    depths,
    effective_participants,
    exchange_weights,
    max_depth,
    structural_virality,
    subtree_sizes,
    thread_h_index,
    width,
)
from nlp_engage.tree import build_tree
from nlp_engage.types import Comment, DialogueTree


def grow(*links: tuple[str, str | None, str | None]) -> DialogueTree:
    """A tree from (id, parent, author), in this order in time."""
    return build_tree([Comment(id=i, thread_id="p", parent_id=up, author=who) for i, up, who in links])


def chain(authors: str) -> DialogueTree:
    """A chain of one-letter authors, the post first; ``-`` is an unknown one."""
    ids = ["p", *(f"c{i:06}" for i in range(1, len(authors)))]
    ups = [None, *ids[:-1]]
    return grow(*[(i, up, None if a == "-" else a) for i, up, a in zip(ids, ups, authors, strict=True)])


def by_id(tree: DialogueTree, values: np.ndarray) -> dict[str, float]:
    return {c.id: v for c, v in zip(tree.comments, values.tolist(), strict=True)}


def as_graph(tree: DialogueTree) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(tree)))
    graph.add_edges_from((int(up), i) for i, up in enumerate(tree.parents) if i)
    return graph


SMALL = grow(("p", None, "a"), ("1", "p", "b"), ("2", "p", "c"), ("3", "1", "a"), ("4", "gone", "b"), ("5", "4", "c"))


def test_small_tree_worked_by_hand():
    assert by_id(SMALL, depths(SMALL)) == {"p": 0, "1": 1, "3": 2, "2": 1, "gone": 1, "4": 2, "5": 3}
    assert by_id(SMALL, subtree_sizes(SMALL)) == {"p": 6, "1": 2, "3": 1, "2": 1, "gone": 2, "4": 2, "5": 1}
    assert by_id(SMALL, child_counts(SMALL)) == {"p": 2, "1": 1, "3": 0, "2": 0, "gone": 1, "4": 1, "5": 0}
    assert (max_depth(SMALL), width(SMALL), thread_h_index(SMALL)) == (3, 2, 2)
    assert depths(SMALL).dtype == subtree_sizes(SMALL).dtype == child_counts(SMALL).dtype == np.int32


@pytest.mark.parametrize("records", [[Comment(id="p", thread_id="p")], [Comment(id="a", thread_id="p")]])
def test_thread_of_one_record_has_defined_values_everywhere(records: list[Comment]):
    tree = build_tree(records)
    replies = len(tree) - 1
    assert (max_depth(tree), width(tree), thread_h_index(tree)) == (replies, replies, replies)
    assert structural_virality(tree) == (1.0 if replies else None)
    assert exchange_weights(tree, np.ones(len(tree))).tolist() == [0.0] * len(tree)


@given(threads())
def test_depths_agree_with_networkx(records: list[Comment]):
    tree = build_tree(records)
    paths = nx.single_source_shortest_path_length(as_graph(tree), 0)
    assert depths(tree).tolist() == [paths[i] for i in range(len(tree))]
    assert max_depth(tree) == max(paths.values())


@given(threads())
def test_sizes_and_counts_agree_with_networkx_on_real_comments(records: list[Comment]):
    tree = build_tree(records)
    graph, real = as_graph(tree), {i for i in range(len(tree)) if not tree.stand_in[i]}
    assert subtree_sizes(tree).tolist() == [len(real & ({i} | nx.descendants(graph, i))) for i in range(len(tree))]
    assert child_counts(tree).tolist() == [len(real & set(graph.successors(i))) for i in range(len(tree))]


# --- structural virality ----------------------------------------------------------------------------------


@given(threads())
def test_structural_virality_agrees_with_networkx(records: list[Comment]):
    tree = build_tree(records)
    if len(tree) < 2:
        assert structural_virality(tree) is None
    else:
        expected = nx.average_shortest_path_length(as_graph(tree).to_undirected())
        assert structural_virality(tree) == pytest.approx(expected, rel=1e-12)


def test_structural_virality_of_star_and_chain_has_the_closed_form():
    n = 1_000
    star = grow(("p", None, None), *[(f"c{i}", "p", None) for i in range(n - 1)])
    assert structural_virality(star) == pytest.approx(2 * (n - 1) / n)
    assert structural_virality(chain("-" * n)) == pytest.approx((n + 1) / 3)


def test_structural_virality_of_a_long_chain_stays_exact():
    n = 100_000
    assert structural_virality(chain("-" * n)) == pytest.approx((n + 1) / 3, rel=1e-14)


# --- h-index and width ------------------------------------------------------------------------------------


def levels(*widths: int) -> DialogueTree:
    """A tree with so many comments at depth 1, 2, ..., all below the first of the level above."""
    links: list[tuple[str, str | None, str | None]] = [("p", None, None)]
    for depth, n in enumerate(widths, 1):
        above = "p" if depth == 1 else f"{depth - 1}-0"
        links += [(f"{depth}-{k}", above, None) for k in range(n)]
    return grow(*links)


@pytest.mark.parametrize(
    ("widths", "h"),
    [
        ((), 0),
        ((1,), 1),
        ((9,), 1),
        ((1, 1), 1),
        ((1, 2), 2),
        ((2, 2, 2), 2),
        ((3, 3, 3), 3),
        ((1, 1, 3), 3),
        ((5, 1, 2), 1),
    ],
)
def test_h_index_is_the_deepest_level_with_as_many_comments(widths: tuple[int, ...], h: int):
    tree = levels(*widths)
    assert thread_h_index(tree) == h
    assert width(tree) == max(widths, default=0)
    assert max_depth(tree) == len(widths)


def test_tombstones_are_no_comments_in_width_and_h_index():
    tree = grow(("p", None, None), ("a", "x", None), ("b", "y", None))
    assert (width(tree), thread_h_index(tree), max_depth(tree)) == (2, 2, 2)
    assert by_id(tree, depths(tree)) == {"p": 0, "x": 1, "a": 2, "y": 1, "b": 2}


# --- effective participants -------------------------------------------------------------------------------


def test_effective_participants_worked_by_hand():
    assert effective_participants([]) == 0.0
    assert effective_participants(["a"] * 7) == pytest.approx(1.0)
    assert effective_participants("abcd") == pytest.approx(4.0)
    # shares 1/2, 1/4, 1/4: entropy 1.5 bits
    assert effective_participants("aabc") == pytest.approx(2**1.5)


@given(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=60))
def test_effective_participants_is_the_hill_number_of_order_one(authors: list[str]):
    shares = np.unique(authors, return_counts=True)[1] / len(authors)
    found = effective_participants(authors)
    assert found == pytest.approx(math.exp(-sum(p * math.log(p) for p in shares)))
    assert 1 - 1e-9 <= found <= len(shares) + 1e-9


def test_effective_participants_do_not_depend_on_who_came_first():
    authors = "badfdcabafgagf"  # a plain float sum differs here in the last bit
    assert effective_participants(authors) == effective_participants(authors[::-1])


# --- exchanges --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        ("a", [0]),
        ("ab", [1, 0]),
        ("aba", [1, 1, 1]),
        ("abab", [2, 1, 2, 1]),
        ("ababa", [2, 2, 2, 2, 2]),
        ("abc", [1, 1, 0]),
        ("abcb", [1, 1, 1, 1]),
        ("aab", [0, 1, 0]),
        ("abb", [1, 0, 0]),
        ("abba", [1, 0, 1, 0]),
        ("a-a", [0, 0, 0]),
        ("-aba", [0, 1, 1, 1]),
    ],
)
def test_exchange_along_a_chain_worked_by_hand(authors: str, expected: list[int]):
    tree = chain(authors)
    assert exchange_weights(tree, np.ones(len(tree))).tolist() == expected


def test_best_of_several_branches_counts_and_branches_never_add_up():
    tree = grow(
        ("p", None, "a"),
        ("1", "p", "b"),
        ("2", "1", "a"),
        ("3", "1", "a"),
        ("4", "3", "b"),
        ("5", "4", "a"),
        ("6", "1", "c"),
    )
    assert by_id(tree, exchange_weights(tree, np.ones(7))) == {
        "p": 2, "1": 2, "2": 1, "3": 2, "4": 2, "5": 2, "6": 0
    }  # fmt: skip


def test_branches_two_turns_down_never_add_up_either():
    tree = grow(("p", None, "a"), ("1", "p", "b"), ("2", "1", "a"), ("3", "1", "a"), ("4", "2", "b"), ("5", "3", "b"))
    assert by_id(tree, exchange_weights(tree, np.ones(6))) == {"p": 2, "1": 1, "2": 2, "3": 2, "4": 1, "5": 1}


def test_a_tombstone_ends_an_exchange():
    tree = grow(("p", None, "a"), ("1", "p", "b"), ("2", "gone", "a"), ("3", "2", "b"))
    assert by_id(tree, exchange_weights(tree, np.ones(5))) == {"p": 1, "1": 0, "gone": 0, "2": 1, "3": 0}


def test_an_empty_answer_counts_what_it_weighs():
    tree = chain("abab")
    assert exchange_weights(tree, np.array([1.0, 1.0, 0.25, 0.5])).tolist() == [1.5, 0.25, 1.5, 0.25]


@pytest.mark.parametrize("weights", [np.ones(3), np.ones((2, 1)), np.array([1.0, -0.1]), np.array([1.0, np.nan])])
def test_weights_that_do_not_fit_are_refused(weights: np.ndarray):
    with pytest.raises(DataError, match=r"thread 'p'.*must be 2, one a node, each 0 or more"):
        exchange_weights(chain("ab"), weights)


def test_exchange_of_100_000_turns_is_nothing_special():
    n = 100_000
    found = exchange_weights(chain("ab" * (n // 2)), np.ones(n))
    assert found[:2].tolist() == [n / 2, n / 2 - 1]
    assert set(found.tolist()) == {n / 2, n / 2 - 1}


def _exchanges(tree: DialogueTree) -> set[tuple[int, ...]]:
    """Every maximal alternating chain of every path from the post to a leaf, by enumeration."""
    graph = as_graph(tree)
    who = [None if made else c.author for c, made in zip(tree.comments, tree.stand_in, strict=True)]
    found = set()
    for leaf in (i for i in graph if not graph.out_degree(i)):
        path = nx.shortest_path(graph, 0, leaf)
        spans = [path[i:j] for i in range(len(path)) for j in range(i + 2, len(path) + 1)]
        chains = [s for s in spans if _alternates([who[i] for i in s])]
        found |= {tuple(s) for s in chains if not any(len(t) > len(s) and set(s) <= set(t) for t in chains)}
    return found


def _alternates(people: list[str | None]) -> bool:
    return None not in people and len(set(people)) == 2 and all(x != y for x, y in pairwise(people))


def _by_definition(tree: DialogueTree, weights: np.ndarray) -> list[float]:
    result = [0.0] * len(tree)
    for turns in _exchanges(tree):
        for i in turns:
            author = tree.comments[i].author
            first = next(k for k, j in enumerate(turns) if tree.comments[j].author == author)
            later = sum(weights[j] for j in turns[first + 1 :] if tree.comments[j].author != author)
            result[i] = max(result[i], later)
    return result


@given(conversations(), st.data())
def test_exchange_weights_follow_the_definition(records: list[Comment], data: st.DataObject):
    tree = build_tree(records)
    drawn = st.lists(st.sampled_from((0.0, 0.25, 0.5, 1.0)), min_size=len(tree), max_size=len(tree))
    weights = np.array(data.draw(drawn))
    assert exchange_weights(tree, weights).tolist() == _by_definition(tree, weights)
