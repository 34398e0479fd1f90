"""The benches of the measure: their short ways say what the long ways say, and the suite of attacks attacks."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

import audit_coverage
import gaming
from worlds import World


def test_sums_by_thread_give_the_ends_of_the_whole_audit():
    audit_coverage.check()


def test_the_check_of_the_short_way_can_fail(monkeypatch):
    monkeypatch.setattr(audit_coverage, "TOPS", (1.0, 1.0, 1.0, 50.0, np.inf))
    with pytest.raises(SystemExit, match="audited eq: audit says"):
        audit_coverage.check()


def test_a_size_of_audit_has_the_same_coverage_whichever_others_are_asked_for():
    world = World(share=0.3, alike=0.1, accuracy=0.7, people=400, voices=True)
    both = audit_coverage.people(world, (30, 100), 3)
    assert both[100] == audit_coverage.people(world, (100,), 3)[100]


def test_a_world_with_voices_lets_nobody_count_for_more_than_three_replies():
    sample = World(share=0.3, alike=0.1, accuracy=0.7, people=20, voices=True).sample(np.random.default_rng(1), 50)
    weight = np.bincount(sample.author, sample.table(sample.truth).voice)
    assert weight.max() == pytest.approx(3)


def test_attacks_change_their_thread_alone_and_tokens_never_raise_ep():
    bench = gaming.Bench(model=False, own_likes=False, seed=1)
    assert [len(a.tree) - len(bench.target) for a in bench.attacked] == [300, 200, 200, 300, 300, 200, 200]
    assert all(clean.tree is tree for clean, tree in zip(bench.clean, bench.trees, strict=True))
    before, after = bench.figures(), [bench.figures(k) for k in range(len(gaming.ATTACKS))]
    named = dict(zip((attack.__name__ for attack in gaming.ATTACKS), after, strict=True))
    for tokens in ("lottery", "emoji_flood", "tag_chain", "owner_alone"):
        assert named[tokens]["EP"] == pytest.approx(before["EP"])
        assert named[tokens]["EQ"] <= before["EQ"] + 1e-9
    assert named["ping_pong"]["EQ"] < 1.01 * before["EQ"] < named["rewording_bots"]["EQ"]
