"""How often intervals hold the truth: four ways to a share from imperfect labels, EQ and EP by audit, and ``measure``.

Run: ``python bench/audit_coverage.py`` (a Latin square of 9 cells), ``--full`` (all 27 pairings of share, accuracy and
likeness, each with one of three spreads of thread size and three sizes of audit: 81 cells; ``--share`` takes a third
of them), ``--few`` (the same with 5 and 10 audited threads), ``--people`` (EQ and EP), ``--measure`` (the intervals of
``measure``). Nominal coverage is 90 %. Archives of 400 threads are drawn at random with
a known truth: threads of unequal size, replies of a thread alike (intra-class correlation), a model that errs, and errs
alike within a thread.

* counting: share of predicted labels, replies taken as independent (what dashboards print);
* confusion: adjusted count with the confusion of 480 held-out replies (``measure.quantify``);
* ppi_py: ``ppi_py.ppi_mean_ci`` with replies taken as independent;
* ours: the audit, difference estimator by thread (``measure.audit``). Its parts are called with sums by thread, and not
  the whole with a table of replies and their names; that both give the same ends is checked at the start.

Ours should cover in 87 to 93 % of repetitions. Of 500 repetitions with a true coverage of 90 %, chance alone puts one
cell in forty outside; cells outside are therefore repeated with 2,000 other archives, and both figures are printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from itertools import product
from statistics import NormalDist

import numpy as np
from worlds import D, Sample, World

from nlp_engage.measure import measure_table
from nlp_engage.measure.audit import audit_tables
from nlp_engage.measure.audit_interval import interval, spread
from nlp_engage.measure.audit_plan import CAP, spent, strata_of, systematic, worth_of
from nlp_engage.measure.audit_sums import COLUMNS, KEYS, AuditSums, Influences, audit_sums
from nlp_engage.measure.corrected import corrected_interval, corrected_shares
from nlp_engage.measure.groups import group
from nlp_engage.measure.quantify import draw_rates
from nlp_engage.measure.statistics import STATISTICS
from nlp_engage.measure.sums import cells
from nlp_engage.measure.table import ReplyTable

LEVEL = 0.90
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
PEOPLE = ("eq", "ep")
TOPS = (1.0, 1.0, 1.0, 100.0, np.inf)
GOAL = (0.87, 0.93)
THREADS = 400
SHARES, ACCURACIES, ALIKE, SPREADS = (0.05, 0.2, 0.6), (0.7, 0.85, 0.95), (0.0, 0.1, 0.3), (0.5, 1.0, 1.5)
AUDITED = (30, 60, 200)
FEW = (5, 10)
Coverage = dict[int, dict[str, float]]
"""For each size of audit, in how many repetitions the interval of each way held the truth."""


def _holds(low: float | None, high: float | None, truth: float) -> bool:
    return low is not None and high is not None and low <= truth <= high


# --- shares from imperfect labels ---


class Replies:
    """What every audit of an archive starts from."""

    def __init__(self, sample: Sample) -> None:
        self.thread, self.model, self.truth = sample.thread, sample.model, sample.truth
        self.size = np.bincount(self.thread)
        self.starts = np.cumsum(self.size) - self.size
        self.sums = np.stack([np.bincount(self.thread, self.model[:, k]) for k in range(3)], axis=1)
        self.order = np.argsort(self.sums[:, 0] / self.size, kind="stable")
        self.worth = worth_of(self.size)


def draw(replies: Replies, threads: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight of each reply, stratum of each thread (-1 where it was not drawn), threads drawn in each stratum."""
    size, order = replies.size, replies.order
    chances = spent(replies.worth, np.ones(len(size)), threads)
    drawn = order[systematic(chances[order], rng.random())]
    of_all, stratum, whole = np.empty(len(size), np.int64), np.full(len(size), -1), np.zeros(len(size))
    of_all[order] = strata_of(chances[order], np.zeros(len(size), np.int64))
    stratum[drawn] = of_all[drawn]
    whole[drawn] = 1 / chances[drawn]
    weight = whole[replies.thread]
    for t in drawn[size[drawn] > CAP].tolist():
        here = weight[replies.starts[t] : replies.starts[t] + size[t]]
        here[:] = 0
        here[rng.permutation(size[t])[:CAP]] = size[t] / CAP / chances[t]
    return weight, stratum, np.bincount(stratum[drawn]).astype(float)


def ends(found: Influences, k: int, stratum: np.ndarray, drawn: np.ndarray) -> tuple[float, float] | None:
    """The audited interval of one of ``KEYS``."""
    both = spread(found.archive[:, k], found.audit[:, k], found.chance, stratum, drawn)
    return interval(float(found.audited[k]), both, LEVEL, TOPS[k])


def raw_ends(found: Influences, k: int) -> tuple[float, float] | None:
    """The interval of the model's own figure."""
    nobody = np.full(len(found.chance), -1)
    own = spread(found.model[:, k], np.zeros(len(nobody)), found.chance, nobody, np.zeros(1))
    return interval(float(found.raw[k]), own, LEVEL, TOPS[k])


def audited(replies: Replies, weight: np.ndarray, stratum: np.ndarray, drawn: np.ndarray) -> tuple[float, float]:
    """The interval of ours for the share of dialogue."""
    threads = len(replies.size)
    gaps = weight[:, None] * (replies.truth - replies.model)
    columns = dict.fromkeys(COLUMNS, np.zeros(threads))
    columns |= {"replies": replies.size, "weight": np.bincount(replies.thread, weight)}
    columns |= {"labels": np.bincount(replies.thread, weight > 0)}
    for k, name in enumerate(("mindless", "dialogue", "expression")):
        columns |= {name: replies.sums[:, k], f"{name}_gap": np.bincount(replies.thread, gaps[:, k])}
    values = np.stack(list(columns.values()), axis=1).astype(float)
    one = np.zeros(threads, np.int64)
    found = AuditSums(group=one, thread=np.arange(threads), values=values, beyond=np.zeros((1, 2))).influences(0)
    return ends(found, D, stratum, drawn) or (1.0, 0.0)


def check() -> None:
    """Sums by thread and the whole of ``audit`` say the same: shares, EQ and EP, raw and audited."""
    sample = World(share=0.2, alike=0.1, accuracy=0.85, voices=True).sample(np.random.default_rng(0), THREADS)
    seen, real = sample.tables()
    weight, stratum, drawn = draw(Replies(sample), 40, np.random.default_rng(1))
    rows = np.flatnonzero(weight).tolist()
    inclusion = {(seen.thread_ids[seen.thread[k]], seen.comment_ids[k]): 1 / weight[k] for k in rows}
    names = {seen.thread_ids[t]: f"{stratum[t]:03}" for t in np.flatnonzero(stratum >= 0).tolist()}
    said = {r["statistic"]: r for r in audit_tables(seen, real, inclusion, stratum=names, level=LEVEL).rows()}
    found = audit_sums(seen, real, weight, group(seen, None)).influences(0)
    parts = [("audited", key, ends(found, k, stratum, drawn)) for k, key in enumerate(KEYS)]
    parts += [("raw", key, raw_ends(found, k)) for k, key in enumerate(KEYS)]
    parts += [("audited", KEYS[D], audited(Replies(sample), weight, stratum, drawn))]
    for way, key, part in parts:
        whole = said[key][f"{way}_low"], said[key][f"{way}_high"]
        if not np.allclose(part or (), whole, rtol=1e-9):
            raise SystemExit(f"{way} {key}: audit says {whole}, its parts say {part}")


def shares(world: World, sizes: tuple[int, ...], repetitions: int, *, again: bool = False) -> Coverage:
    """Coverage of the share of dialogue for each size of audit, for the truth of the population.

    Again: of ours alone, in other archives.
    """
    cover: dict[int, dict[str, list[bool]]] = {n: {} for n in sizes}
    for k in range(repetitions):
        rng = np.random.default_rng([3 if again else 2, k])
        replies = Replies(world.sample(rng, THREADS))
        same = {} if again else _rivals(world, replies, rng)
        for n in sizes:
            weight, stratum, drawn = draw(replies, n, rng)
            low, high = audited(replies, weight, stratum, drawn)
            found = same | ({} if again else {"ppi_py": _ppi(replies, weight > 0, world.share)})
            found["ours"] = low <= world.share <= high
            for name, held in found.items():
                cover[n].setdefault(name, []).append(held)
    return {n: {name: float(np.mean(held)) for name, held in found.items()} for n, found in cover.items()}


def _rivals(world: World, seen: Replies, rng: np.random.Generator) -> dict[str, bool]:
    label, known = seen.model.argmax(axis=1), world.held_out(rng)
    counted = (label == D).mean()
    half = Z * np.sqrt(counted * (1 - counted) / len(label))
    counts = np.bincount(seen.thread * 3 + label, minlength=3 * THREADS).reshape(THREADS, 1, 3).astype(float)
    rates, drawn = known.rates[None], draw_rates(known, 300, rng)[:, None]
    low, high, _ = corrected_interval(
        counts, corrected_shares(counts.sum(axis=0), rates), rates, drawn, (300, LEVEL, 0)
    )
    held = low is not None and high is not None and low[D] <= world.share <= high[D]
    return {"counting": bool(abs(counted - world.share) <= half), "confusion": held}


def _ppi(replies: Replies, drawn: np.ndarray, truth: float) -> bool:
    import ppi_py

    model, hand = replies.model[:, D], replies.truth[:, D]
    low, high = ppi_py.ppi_mean_ci(hand[drawn], model[drawn], model[~drawn], alpha=1 - LEVEL)
    return bool(low[0] <= truth <= high[0])


# --- EQ and EP ---


def people(world: World, sizes: tuple[int, ...], repetitions: int, *, again: bool = False) -> Coverage:
    """Coverage of EQ and EP, raw and audited, for what such an archive holds in truth on average.

    Again: in other archives.
    """
    expected = _expected(world)
    cover: dict[int, dict[str, list[bool]]] = {n: {} for n in sizes}
    for k in range(repetitions):
        rng = np.random.default_rng([5 if again else 4, k])
        sample = world.sample(rng, THREADS)
        replies, (seen, real) = Replies(sample), sample.tables()
        everything = group(seen, None)
        for n in sizes:
            weight, stratum, drawn = draw(replies, n, deepcopy(rng))  # the same draw whatever other sizes are asked for
            found = audit_sums(seen, real, weight, everything).influences(0)
            for key, truth in expected.items():
                at, name = KEYS.index(key), key.upper()
                for way, got in (("raw", raw_ends(found, at)), ("audited", ends(found, at, stratum, drawn))):
                    cover[n].setdefault(f"{way} {name}", []).append(got is not None and got[0] <= truth <= got[1])
    return {n: {name: float(np.mean(held)) for name, held in found.items()} for n, found in cover.items()}


def _expected(world: World, archives: int = 400) -> dict[str, float]:
    """EQ and EP of an archive without errors, on average."""
    samples = (world.sample(np.random.default_rng([9, k]), THREADS) for k in range(archives))
    real = (sample.table(sample.truth) for sample in samples)
    totals = np.mean([cells(table, group(table, None)).totals[0] for table in real], axis=0)
    return {s.key: float(s.value(totals)) for s in STATISTICS if s.key in PEOPLE}


# --- cells ---


def compare(
    worlds: list[tuple[World, tuple[int, ...]]],
    repetitions: tuple[int, int],
    cover: Callable[..., Coverage],
    ours: tuple[str, ...],
) -> int:
    """Print coverage in every cell as it is done; the number of cells in which ours misses its goal twice."""
    kept: dict[str, list[float]] = {}
    outside, failed, (once, again) = 0, 0, repetitions
    for world, sizes in worlds:
        for n, found in cover(world, sizes, once).items():
            print(f"{world} audited {n:3}: " + "  ".join(f"{k} {100 * v:5.1f}" for k, v in found.items()), flush=True)
            for name, value in found.items():
                kept.setdefault(name, []).append(value)
            if missed := [name for name in ours if not _inside(found[name])]:
                second = cover(world, (n,), again, again=True)[n]
                told = ", ".join(f"{name} {100 * found[name]:.1f}, then {100 * second[name]:.1f}" for name in missed)
                print(f"  outside; with {again:,} others: {told}", flush=True)
                outside += len(missed)
                failed += sum(not _inside(second[name]) for name in missed)
    cells_done = len(kept[ours[0]])
    print(f"\n{cells_done} cells, {once} repetitions, {time.process_time():.0f} s of CPU")
    print("coverage in %: worst low, worst high, median")
    for name, values in kept.items():
        v = 100 * np.array(values)
        print(f"  {name:10} {v.min():5.1f} {v.max():5.1f} {np.median(v):5.1f}")
    print(f"outside {100 * GOAL[0]:.0f}-{100 * GOAL[1]:.0f} % ({', '.join(ours)}): {outside}; in both runs: {failed}")
    return failed


def _inside(coverage: float) -> bool:
    return GOAL[0] <= coverage <= GOAL[1]


# --- the intervals of measure ---


def measured(world: World, threads: int, repetitions: int) -> dict[str, float]:
    """Coverage of the intervals of ``measure`` for what a fresh archive of as many threads would give on average."""
    keys = [
        s.key
        for s in STATISTICS
        if s.key not in ("responsiveness", "structural_virality", "h_index", "graveyard_likes", "depth")
    ]

    def archive(k: int) -> ReplyTable:
        return world.archive(np.random.default_rng([1, threads, k]), threads)

    drawn = (archive(k) for k in range(3 * repetitions))
    totals = np.mean([cells(a, group(a, None)).totals[0] for a in drawn], axis=0)
    truth = {s.key: float(s.value(totals)) for s in STATISTICS}
    rows = [measure_table(archive(k), resamples=1_000, level=LEVEL, seed=k).rows()[0] for k in range(repetitions)]
    return {key: np.mean([_holds(r[f"{key}_low"], r[f"{key}_high"], truth[key]) for r in rows]) for key in keys}


def _latin_square() -> list[tuple[World, tuple[int, ...]]]:
    """Nine cells in which every pair of share and accuracy meets a likeness, a spread and a size of audit in turn."""
    return [
        (
            World(share=SHARES[i], accuracy=ACCURACIES[j], alike=ALIKE[(i + j) % 3], spread=SPREADS[(i + 2 * j) % 3]),
            (AUDITED[(i + j + 1) % 3],),
        )
        for i, j in product(range(3), repeat=2)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--again", type=int, default=2_000, help="archives for a cell that is outside")
    parser.add_argument("--full", action="store_true", help="all cells")
    parser.add_argument("--few", action="store_true", help="all cells with very few audited threads")
    parser.add_argument("--people", action="store_true", help="EQ and EP instead")
    parser.add_argument("--share", type=float, choices=SHARES, help="with --full or --few: only cells of this share")
    parser.add_argument("--measure", action="store_true", help="the intervals of measure instead")
    options = parser.parse_args()
    print("coverage in % at nominal 90 %\n")
    if options.measure:
        for threads, alike in product((10, 30, 100, 400), ALIKE):
            found = measured(World(share=0.3, alike=alike, accuracy=0.85, voices=True), threads, options.repetitions)
            told = "  ".join(f"{k} {100 * v:.0f}" for k, v in found.items())
            print(f"{threads:4} threads, {alike:.1f}: {told}", flush=True)
        return 0
    check()
    repetitions = options.repetitions, options.again
    if options.people:
        worlds = [
            (World(share=share, alike=0.1, accuracy=accuracy, people=writers, voices=True), (30, 100))
            for share, accuracy, writers in product((0.05, 0.3), (0.7, 0.9), (400, 3_000))
        ]
        return int(compare(worlds, repetitions, people, ("audited EQ", "audited EP")) > 0)
    if not (options.full or options.few):
        return int(compare(_latin_square(), repetitions, shares, ("ours",)) > 0)
    worlds = [
        World(share=SHARES[i], accuracy=ACCURACIES[j], alike=ALIKE[k], spread=SPREADS[(i + j + k) % 3])
        for i, j, k in product(range(3), repeat=3)
        if options.share in (None, SHARES[i])
    ]
    sizes = FEW if options.few else AUDITED
    return int(compare([(world, sizes) for world in worlds], repetitions, shares, ("ours",)) > 0)


if __name__ == "__main__":
    sys.exit(main())
