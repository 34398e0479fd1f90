"""How often intervals hold the truth: eq-2 by thread bootstrap, and four ways to a share from imperfect labels.

Run: ``python bench/coverage.py [--repetitions N] [--quick]``. Nominal coverage is 90 %. Archives are drawn at random
with a known truth: threads of very unequal size, replies of a thread alike (intra-class correlation), a model that
errs, and errs alike within a thread.

* counting: share of predicted labels, replies taken as independent (what dashboards print);
* confusion: adjusted count with the confusion of 480 held-out replies (``measure.quantify``);
* ppi: prediction-powered inference with replies taken as independent (the formula of ``ppi_py.ppi_mean_ci``);
* ours: the audit, difference estimator by thread (``measure.audit``).
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from statistics import NormalDist

import numpy as np

from nlp_engage.measure import measure_table
from nlp_engage.measure.audit import audit_tables
from nlp_engage.measure.audit_plan import plan_audit
from nlp_engage.measure.credit import credit
from nlp_engage.measure.groups import group
from nlp_engage.measure.quantify import HeldOut
from nlp_engage.measure.statistics import STATISTICS
from nlp_engage.measure.sums import cells
from nlp_engage.measure.table import ReplyTable

LEVEL = 0.90
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
HELD_OUT = 480
D = 1  # the label whose share is followed
GOAL = (0.87, 0.93)


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


def _table(p: np.ndarray, thread: np.ndarray, exchange: np.ndarray, author: np.ndarray) -> ReplyTable:
    n, threads = len(thread), int(thread[-1]) + 1
    no, zeros, ones = np.zeros(n, bool), np.zeros(n, np.int32), np.ones(n)
    never = np.full(n, np.datetime64("NaT"), "datetime64[us]")
    return ReplyTable(
        thread_ids=tuple(f"{t:06}" for t in range(threads)), platforms=(None,) * threads,
        thread_post=np.ones(threads, bool), thread_author=np.full(threads, -1, np.int32),
        thread_language=np.zeros(threads, np.int32), thread_time=never[:1].repeat(threads),
        thread_likes=np.full(threads, np.nan), thread_owned=np.ones(threads, bool),
        thread_virality=np.ones(threads), thread_h=np.ones(threads, np.int32),
        authors=tuple(map(str, range(int(author.max()) + 1))), languages=("en",),
        comment_ids=tuple(map(str, range(n))), thread=thread, index=zeros, author=author, owner=no,
        probabilities=p, act=zeros - 1, language=zeros, time=never, likes=np.full(n, np.nan), depth=zeros + 1,
        self_reply=no, exchange=exchange, uniqueness=ones, uniqueness_exact=ones, voice=ones,
        answered=np.minimum(exchange, 1.0), owner_answered=no,
        owner_hours=np.full(n, np.nan), credit=credit(p[:, 2], p[:, 1], exchange, ones, no),
    )  # fmt: skip


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


def _holds(low: float | None, high: float | None, truth: float) -> bool:
    return low is not None and high is not None and low <= truth <= high


def shares(world: World, threads: int, audited: int, repetitions: int) -> dict[str, float]:
    """Coverage of the share of dialogue, and of EQ by audit, for the truth of the population."""
    cover: dict[str, list[bool]] = {name: [] for name in ("counting", "confusion", "ppi", "ours", "ours eq", "ours ep")}
    sample = [world.archive(np.random.default_rng([9, threads, k]), threads)[1] for k in range(repetitions)]
    totals = np.mean([cells(a, group(a, None)).totals[0] for a in sample], axis=0)
    expected = {s.key: float(s.value(totals)) for s in STATISTICS}
    for k in range(repetitions):
        rng = np.random.default_rng([2, threads, audited, k])
        seen, real = world.archive(rng, threads)
        counted = (seen.probabilities.argmax(axis=1) == D).mean()
        half = Z * np.sqrt(counted * (1 - counted) / len(seen))
        cover["counting"].append(abs(counted - world.share) <= half)
        row = measure_table(seen, held_out={"en": world.held_out(rng)}, resamples=500, level=LEVEL, seed=k).rows()[0]
        key = "share_genuine_dialogue"
        cover["confusion"].append(_holds(row[f"{key}_corrected_low"], row[f"{key}_corrected_high"], world.share))
        plan = _plan(seen, audited, k)
        report = {
            r["statistic"]: r
            for r in audit_tables(seen, real, plan.inclusion, resamples=1_000, level=LEVEL, seed=k).rows()
        }
        for name, figure in (("ours", key), ("ours eq", "eq"), ("ours ep", "ep")):
            found = report[figure]
            cover[name].append(_holds(found["audited_low"], found["audited_high"], expected[figure]))
        cover["ppi"].append(_ppi(seen, real, set(plan.inclusion), world.share))
    return {name: float(np.mean(found)) for name, found in cover.items()}


def _plan(table: ReplyTable, audited: int, seed: int):
    """A plan of about so many threads."""
    low, high = 1, 2 * len(table)
    while high - low > 1:
        middle = (low + high) // 2
        plan = _try(table, middle, seed)
        low, high = (middle, high) if plan is None or len(plan.threads) < audited else (low, middle)
    return _try(table, high, seed)


def _try(table: ReplyTable, budget: int, seed: int):
    from nlp_engage.errors import DataError

    try:
        return plan_audit(table, budget, seed=seed)
    except DataError:
        return None


def _ppi(seen: ReplyTable, real: ReplyTable, audited: set[str], truth: float) -> bool:
    mine = np.array([i in audited for i in seen.comment_ids])
    model = seen.probabilities[:, D]
    gap = real.probabilities[mine, D] - model[mine]
    error = np.sqrt(gap.var(ddof=1) / len(gap) + model.var(ddof=1) / len(model))
    return bool(abs(model.mean() + gap.mean() - truth) <= Z * error)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=500)
    parser.add_argument("--quick", action="store_true", help="a few cells only")
    options = parser.parse_args()
    low, high = GOAL
    print("coverage in % at nominal 90 %\n\nmeasure(), by threads and likeness")
    for threads, alike in product((10, 30, 100, 400), (0.0, 0.1, 0.3)) if not options.quick else ((30, 0.1),):
        found = measured(World(share=0.3, alike=alike, accuracy=0.85), threads, options.repetitions)
        print(
            f"{threads:4} threads, {alike:.1f}: " + "  ".join(f"{k} {100 * v:.0f}" for k, v in found.items()),
            flush=True,
        )
    print("\nshares from imperfect labels (600 threads)")
    grid = product((0.05, 0.2, 0.6), (0.7, 0.85, 0.95), (0.0, 0.1, 0.3), (30, 60, 200))
    cells_ = list(grid) if not options.quick else [(0.2, 0.85, 0.1, 30), (0.05, 0.85, 0.3, 30)]
    outside = 0
    for share, accuracy, alike, audited in cells_:
        found = shares(World(share=share, alike=alike, accuracy=accuracy), 600, audited, options.repetitions)
        inside = low <= found["ours"] <= high
        outside += not inside
        text = "  ".join(f"{k} {100 * v:5.1f}" for k, v in found.items())
        place = f"share {share:.2f} accuracy {accuracy:.2f} likeness {alike:.1f} audited {audited:3}"
        print(f"{place}: {text}{'' if inside else '  <-'}", flush=True)
    print(f"\nours outside {100 * low:.0f}-{100 * high:.0f} %: {outside} of {len(cells_)} cells")
    return 0


if __name__ == "__main__":
    sys.exit(main())
