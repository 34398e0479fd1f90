"""How often intervals hold the truth: four ways to a share from imperfect labels, EQ and EP by audit, and ``measure``.

Run: ``python bench/coverage.py`` (a Latin square of 9 cells), ``--full`` (all 27 pairings of share, accuracy and
likeness, each with one of three spreads of thread size and three sizes of audit: 81 cells; ``--share`` takes a third
of them), ``--few`` (the same with 5 and 10 audited threads), ``--people`` (EQ and EP, through the whole of ``audit``),
``--measure`` (the intervals of ``measure``). Nominal coverage is 90 %. Archives of 400 threads are drawn at random with
a known truth: threads of unequal size, replies of a thread alike (intra-class correlation), a model that errs, and errs
alike within a thread.

* counting: share of predicted labels, replies taken as independent (what dashboards print);
* confusion: adjusted count with the confusion of 480 held-out replies (``measure.quantify``);
* ppi_py: ``ppi_py.ppi_mean_ci`` with replies taken as independent;
* ours: the audit, difference estimator by thread (``measure.audit``). Its parts are called with sums by thread, which
  is ten times as fast as going through a table of replies; that both give the same ends is checked at the start.

Ours should cover in 87 to 93 % of repetitions. Of 500 repetitions with a true coverage of 90 %, chance alone puts one
cell in forty outside; cells outside are therefore repeated with 2,000 fresh archives, and both figures are printed.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import product
from pathlib import Path
from statistics import NormalDist

import numpy as np

from nlp_engage.measure import measure_table
from nlp_engage.measure.audit import audit_tables
from nlp_engage.measure.audit_interval import interval, spread
from nlp_engage.measure.audit_plan import CAP, spent, strata_of, systematic, worth_of
from nlp_engage.measure.audit_sums import COLUMNS, AuditSums
from nlp_engage.measure.corrected import corrected_interval, corrected_shares
from nlp_engage.measure.credit import credit
from nlp_engage.measure.groups import group
from nlp_engage.measure.quantify import HeldOut, draw_rates
from nlp_engage.measure.statistics import STATISTICS
from nlp_engage.measure.sums import cells
from nlp_engage.measure.table import ReplyTable

# numba, which ppi_py needs, looks for a package with the name of this file
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]
LEVEL = 0.90
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
HELD_OUT = 480
D = 1  # the label whose share is followed
KEY = "share_genuine_dialogue"
GOAL = (0.87, 0.93)
THREADS = 400
SHARES, ACCURACIES, ALIKE, SPREADS = (0.05, 0.2, 0.6), (0.7, 0.85, 0.95), (0.0, 0.1, 0.3), (0.5, 1.0, 1.5)
AUDITED = (30, 60, 200)
FEW = (5, 10)
_NAMES: list[str] = []


class World:
    """A super-population of threads: shares, likeness within threads, a model with a given accuracy."""

    def __init__(
        self, *, share: float, alike: float, accuracy: float, spread: float = 1.0, people: int = 3_000
    ) -> None:
        self.share, self.alike, self.accuracy, self.spread, self.people = share, alike, accuracy, spread, people
        self.mix = np.array([(1 - share) * 0.6, share, (1 - share) * 0.4])

    def archive(self, rng: np.random.Generator, threads: int) -> tuple[ReplyTable, ReplyTable]:
        """An archive as the model sees it and as it is."""
        size = 1 + rng.poisson(np.exp(rng.normal(1.6, self.spread, threads)))
        thread = np.repeat(np.arange(threads, dtype=np.int32), size)
        mixes = rng.dirichlet(self.mix * (1 - self.alike) / self.alike, threads) if self.alike else None
        chances = np.broadcast_to(self.mix, (len(thread), 3)) if mixes is None else mixes[thread]
        truth = (rng.random(len(thread))[:, None] > chances.cumsum(axis=1)[:, :2]).sum(axis=1)
        right = np.clip(self.accuracy + rng.normal(0, 0.08 if self.alike else 0.0, threads), 0.34, 0.995)[thread]
        predicted = self.predict(rng, truth, right)
        exchange = rng.poisson(0.4, len(thread)).astype(np.float64)
        author = (rng.pareto(0.6, len(thread)) * 20 % self.people).astype(np.int32)
        return tuple(_table(p, thread, exchange, author) for p in (predicted, np.eye(3)[truth]))  # type: ignore[return-value]

    def predict(self, rng: np.random.Generator, truth: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Probabilities whose best label is right as often as it should be; dialogue is over-predicted."""
        wrong = np.array([[0, 0.7, 0.3], [0.5, 0, 0.5], [0.2, 0.8, 0]])
        cut = rng.random(len(truth))[:, None] > wrong[truth].cumsum(axis=1)
        label = np.where(rng.random(len(truth)) < right, truth, cut.sum(axis=1).clip(0, 2))
        sure = rng.uniform(0.5, 1.0, len(truth))
        p = np.repeat(((1 - sure) / 2)[:, None], 3, axis=1)
        p[np.arange(len(truth)), label] = sure
        return p

    def held_out(self, rng: np.random.Generator) -> HeldOut:
        """What the model does on replies of another mix."""
        truth = rng.choice(3, HELD_OUT, p=self.mix * 0.5 + 1 / 6)
        guess = self.predict(rng, truth, np.full(HELD_OUT, self.accuracy)).argmax(axis=1)
        confusion = np.zeros((3, 3))
        np.add.at(confusion, (truth, guess), 1)
        return HeldOut(confusion=confusion)

    def __str__(self) -> str:
        return f"share {self.share:.2f} accuracy {self.accuracy:.2f} alike {self.alike:.1f} spread {self.spread:.1f}"


def _table(p: np.ndarray, thread: np.ndarray, exchange: np.ndarray, author: np.ndarray) -> ReplyTable:
    n, threads = len(thread), int(thread[-1]) + 1
    no, zeros, ones = np.zeros(n, bool), np.zeros(n, np.int32), np.ones(n)
    never = np.full(n, np.datetime64("NaT"), "datetime64[us]")
    return ReplyTable(
        thread_ids=_names(threads), platforms=(None,) * threads,
        thread_post=np.ones(threads, bool), thread_author=np.full(threads, -1, np.int32),
        thread_language=np.zeros(threads, np.int32), thread_time=never[:1].repeat(threads),
        thread_likes=np.full(threads, np.nan), thread_owned=np.ones(threads, bool),
        thread_virality=np.ones(threads), thread_h=np.ones(threads, np.int32),
        authors=tuple(map(str, range(int(author.max()) + 1))), languages=("en",),
        comment_ids=_names(n), thread=thread, index=zeros, author=author, owner=no,
        probabilities=p, act=zeros - 1, language=zeros, time=never, likes=np.full(n, np.nan), depth=zeros + 1,
        self_reply=no, exchange=exchange, uniqueness=ones, uniqueness_exact=ones, voice=ones,
        answered=np.minimum(exchange, 1.0), owner_answered=no,
        owner_hours=np.full(n, np.nan), credit=credit(p[:, 2], p[:, 1], exchange, ones, no),
    )  # fmt: skip


def _names(n: int) -> tuple[str, ...]:
    while len(_NAMES) < n:
        _NAMES.extend(f"{k:07}" for k in range(len(_NAMES), 2 * n))
    return tuple(_NAMES[:n])


def _holds(low: float | None, high: float | None, truth: float) -> bool:
    return low is not None and high is not None and low <= truth <= high


# --- shares from imperfect labels ---


class Replies:
    """An archive as arrays: truth and probabilities of each reply, and the thread it is in."""

    def __init__(self, seen: ReplyTable, real: ReplyTable) -> None:
        self.thread, self.model, self.truth = seen.thread, seen.probabilities, real.probabilities
        self.size = np.bincount(self.thread)
        self.sums = np.stack([np.bincount(self.thread, self.model[:, k]) for k in range(3)], axis=1)


def draw(replies: Replies, threads: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight of each reply, stratum of each thread (-1 where it was not drawn), threads drawn in each stratum."""
    size = replies.size
    chances = spent(worth_of(size), np.ones(len(size)), threads)
    order = np.argsort(replies.sums[:, 0] / size, kind="stable")
    drawn = order[systematic(chances[order], rng.random())]
    stratum = np.full(len(size), -1)
    stratum[drawn] = strata_of(chances[order], np.zeros(len(size), np.int64))[np.argsort(order)][drawn]
    weight = np.zeros(len(replies.thread))
    starts = np.cumsum(size) - size
    for t in drawn.tolist():
        chosen = rng.permutation(size[t])[:CAP] if size[t] > CAP else np.arange(size[t])
        weight[starts[t] + chosen] = size[t] / len(chosen) / chances[t]
    return weight, stratum, np.bincount(stratum[drawn]).astype(float)


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
    both = spread(found.archive[:, D], found.audit[:, D], found.chance, stratum, drawn)
    return interval(float(found.audited[D]), both, LEVEL, 1.0) or (1.0, 0.0)


def check() -> None:
    """Sums by thread and the whole of ``audit`` say the same."""
    seen, real = World(share=0.2, alike=0.1, accuracy=0.85).archive(np.random.default_rng(0), THREADS)
    weight, stratum, drawn = draw(Replies(seen, real), 40, np.random.default_rng(1))
    rows = np.flatnonzero(weight).tolist()
    inclusion = {(seen.thread_ids[seen.thread[k]], seen.comment_ids[k]): 1 / weight[k] for k in rows}
    names = {seen.thread_ids[t]: f"{stratum[t]:03}" for t in np.flatnonzero(stratum >= 0).tolist()}
    report = audit_tables(seen, real, inclusion, stratum=names, level=LEVEL)
    row = next(r for r in report.rows() if r["statistic"] == KEY)
    ends = audited(Replies(seen, real), weight, stratum, drawn)
    if not np.allclose(ends, (row["audited_low"], row["audited_high"])):
        raise SystemExit(f"audit says {row['audited_low'], row['audited_high']}, its parts say {ends}")


def shares(
    world: World, sizes: tuple[int, ...], repetitions: int, *, fresh: int = 2, rivals: bool = True
) -> dict[int, dict[str, float]]:
    """Coverage of the share of dialogue for each size of audit, for the truth of the population."""
    cover: dict[int, dict[str, list[bool]]] = {n: {} for n in sizes}
    for k in range(repetitions):
        rng = np.random.default_rng([fresh, k])
        seen, real = world.archive(rng, THREADS)
        replies = Replies(seen, real)
        same = _rivals(world, seen, rng) if rivals else {}
        for n in sizes:
            weight, stratum, drawn = draw(replies, n, rng)
            low, high = audited(replies, weight, stratum, drawn)
            found = same | ({"ppi_py": _ppi(replies, weight > 0, world.share)} if rivals else {})
            found["ours"] = low <= world.share <= high
            for name, held in found.items():
                cover[n].setdefault(name, []).append(held)
    return {n: {name: float(np.mean(held)) for name, held in found.items()} for n, found in cover.items()}


def _rivals(world: World, seen: ReplyTable, rng: np.random.Generator) -> dict[str, bool]:
    label, known = seen.probabilities.argmax(axis=1), world.held_out(rng)
    counted = (label == D).mean()
    half = Z * np.sqrt(counted * (1 - counted) / len(seen))
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


def people(world: World, threads: int, repetitions: int) -> dict[str, float]:
    """Coverage of EQ and EP, raw and audited, for what such an archive holds in truth on average."""
    expected, cover = _expected(world), dict[str, list[bool]]()
    for k in range(repetitions):
        rng = np.random.default_rng([4, k])
        seen, real = world.archive(rng, THREADS)
        weight, stratum, _ = draw(Replies(seen, real), threads, rng)
        rows = np.flatnonzero(weight).tolist()
        inclusion = {(seen.thread_ids[seen.thread[k]], seen.comment_ids[k]): 1 / weight[k] for k in rows}
        names = {seen.thread_ids[t]: f"{stratum[t]:03}" for t in np.flatnonzero(stratum >= 0).tolist()}
        for row in audit_tables(seen, real, inclusion, stratum=names, level=LEVEL).rows():
            if row["statistic"] in expected:
                for way in ("raw", "audited"):
                    held = _holds(row[f"{way}_low"], row[f"{way}_high"], expected[row["statistic"]])
                    cover.setdefault(f"{way} {row['statistic'].upper()}", []).append(held)
    return {name: float(np.mean(held)) for name, held in cover.items()}


def _expected(world: World, archives: int = 400) -> dict[str, float]:
    real = (world.archive(np.random.default_rng([9, k]), THREADS)[1] for k in range(archives))
    totals = np.mean([cells(table, group(table, None)).totals[0] for table in real], axis=0)
    return {s.key: float(s.value(totals)) for s in STATISTICS if s.key in ("eq", "ep")}


def compare(worlds: list[tuple[World, tuple[int, ...]]], repetitions: int) -> int:
    """Print coverage in every cell; the number of cells in which ours misses its goal twice."""
    low, high = GOAL
    kept: dict[str, list[float]] = {}
    again, started = [], time.perf_counter()
    for world, sizes in worlds:
        for n, found in shares(world, sizes, repetitions).items():
            inside = low <= found["ours"] <= high
            print(f"{world} audited {n:3}: " + "  ".join(f"{k} {100 * v:5.1f}" for k, v in found.items()), flush=True)
            for name, value in found.items():
                kept.setdefault(name, []).append(value)
            if not inside:
                again.append((world, n, found["ours"]))
    print(f"\n{len(kept['ours'])} cells, {repetitions} repetitions, "
          f"{time.perf_counter() - started:.0f} s; coverage in %: worst low, worst high, median")  # fmt: skip
    for name, values in kept.items():
        v = 100 * np.array(values)
        print(f"  {name:10} {v.min():5.1f} {v.max():5.1f} {np.median(v):5.1f}")
    failed = 0
    print(f"ours outside {100 * low:.0f}-{100 * high:.0f} %: {len(again)} cells")
    for world, n, first in again:
        second = shares(world, (n,), 2_000, fresh=3, rivals=False)[n]["ours"]
        inside = low <= second <= high
        failed += not inside
        print(f"  {world} audited {n:3}: {100 * first:.1f}, with 2,000 others {100 * second:.1f}", flush=True)
    print(f"outside in both: {failed}")
    return failed


# --- the intervals of measure ---


def measured(world: World, threads: int, repetitions: int) -> dict[str, float]:
    """Coverage of the intervals of ``measure`` for what a fresh archive of as many threads would give on average."""
    keys = [
        s.key
        for s in STATISTICS
        if s.key not in ("responsiveness", "structural_virality", "h_index", "graveyard_likes", "depth")
    ]
    archives = [world.archive(np.random.default_rng([1, threads, k]), threads)[0] for k in range(3 * repetitions)]
    totals = np.mean([cells(a, group(a, None)).totals[0] for a in archives], axis=0)
    truth = {s.key: float(s.value(totals)) for s in STATISTICS}
    rows = [
        measure_table(a, resamples=1_000, level=LEVEL, seed=k).rows()[0] for k, a in enumerate(archives[:repetitions])
    ]
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
    parser.add_argument("--full", action="store_true", help="all cells")
    parser.add_argument("--few", action="store_true", help="all cells with very few audited threads")
    parser.add_argument("--people", action="store_true", help="EQ and EP instead")
    parser.add_argument("--share", type=float, choices=SHARES, help="with --full or --few: only cells of this share")
    parser.add_argument("--measure", action="store_true", help="the intervals of measure instead")
    options = parser.parse_args()
    print("coverage in % at nominal 90 %\n")
    if options.measure:
        for threads, alike in product((10, 30, 100, 400), ALIKE):
            found = measured(World(share=0.3, alike=alike, accuracy=0.85), threads, options.repetitions)
            told = "  ".join(f"{k} {100 * v:.0f}" for k, v in found.items())
            print(f"{threads:4} threads, {alike:.1f}: {told}", flush=True)
        return 0
    if options.people:
        for share, accuracy, alike, writers in product((0.05, 0.3), (0.7, 0.9), (0.1,), (400, 3_000)):
            world = World(share=share, alike=alike, accuracy=accuracy, people=writers)
            for threads in (30, 100):
                found = people(world, threads, options.repetitions)
                told = "  ".join(f"{k} {100 * v:.1f}" for k, v in found.items())
                print(f"{world} people {writers} audited {threads:3}: {told}", flush=True)
        return 0
    check()
    if not (options.full or options.few):
        return int(compare(_latin_square(), options.repetitions) > 0)
    worlds = [
        World(share=SHARES[i], accuracy=ACCURACIES[j], alike=ALIKE[k], spread=SPREADS[(i + j + k) % 3])
        for i, j, k in product(range(3), repeat=3)
        if options.share in (None, SHARES[i])
    ]
    sizes = FEW if options.few else AUDITED
    return int(compare([(world, sizes) for world in worlds], options.repetitions) > 0)


if __name__ == "__main__":
    sys.exit(main())
