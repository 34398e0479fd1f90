"""How often campaigns without any effect are called "higher" or "lower", and how often `power` keeps its promise.

Run: ``python bench/false_alarms.py [--full] [--repetitions N]``. Nominal is 10 %. Archives are drawn at random from one
population: threads of very unequal size, replies of a thread alike, a model that errs. Groups differ in nothing but
size; with a control, both sides share a common change. Columns:

* replies: difference of two counted shares, replies taken as independent (what dashboards and z-tests do);
* bootstrap: the interval of the thread bootstrap alone does not hold 0;
* permutation: the p-value is 10 % or less;
* verdict: what `compare` says, which asks for both (EQ; the corrected p-value where there are several campaigns).

The rates have a standard error of sqrt(0.09 / repetitions): 1.3 points with 500.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from itertools import product
from statistics import NormalDist

import numpy as np
from worlds import D, World

from nlp_engage.measure.bootstrap import bca_interval
from nlp_engage.measure.campaign import compare_table
from nlp_engage.measure.campaign_file import Campaign, CampaignFile
from nlp_engage.measure.contrast import contrast
from nlp_engage.measure.contrast_figures import COMPARED, thread_sums
from nlp_engage.measure.posts import Post, PostBook, Selection
from nlp_engage.measure.power import pilot_spread, plan_power

LEVEL = 0.90
FIGURE = next(f for f in COMPARED if f.key == "eq")
SHARE = next(f for f in COMPARED if f.key == "share_genuine_dialogue")
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


def bootstrap_alone(groups, seed: int) -> bool:
    """The plain thread bootstrap: does its interval leave out 0?"""
    signs = (1, -1, -1, 1)
    terms = list(zip(signs, groups, strict=False))
    value = np.array([sum(sign * s.rate for sign, s in terms)])
    draws = np.sum([sign * s.draws(1000, seed + k) for k, (sign, s) in enumerate(terms)], axis=0)
    left_out = np.concatenate([sign * (s.without() - s.rate) for sign, s in terms])
    units = np.array([float(sum(s.units for s in groups))])
    low, high = bca_interval(draws[:, None], value, left_out[:, None], units, LEVEL)
    return bool(low[0] > 0 or high[0] < 0)


def by_reply(tables) -> bool:
    """The z-test of two proportions, on predicted labels."""
    labels = [t.probabilities.argmax(axis=1) == D for t in tables]
    rates, sizes = [found.mean() for found in labels], [len(found) for found in labels]
    error = np.sqrt(sum(p * (1 - p) / n for p, n in zip(rates, sizes, strict=True)))
    return bool(abs(rates[0] - rates[1]) > Z * error)


def _world(alike: float, share: float = 0.3) -> World:
    """One page on which a few people write much, so that the rule of voice counts in EQ."""
    return World(share=share, alike=alike, accuracy=0.85, voices=True)


def alarms(world: World, sizes: tuple[int, ...], repetitions: int) -> dict[str, float]:
    """False alarms of two groups, or of four (a difference in differences with a common change)."""
    found: dict[str, list[bool]] = {"replies": [], "bootstrap": [], "permutation": [], "verdict": []}
    changed = _world(world.alike, share=world.share + 0.15)
    for k in range(repetitions):
        rng = np.random.default_rng([3, *sizes, k])
        drawn = [changed if len(sizes) == 4 and place in (0, 2) else world for place in range(len(sizes))]
        tables = [one.archive(rng, size) for one, size in zip(drawn, sizes, strict=True)]
        groups = [thread_sums(t).sample(FIGURE, np.arange(size)) for t, size in zip(tables, sizes, strict=True)]
        sides = [tuple(groups[i : i + 2]) for i in range(0, len(groups), 2)]
        seen = contrast(sides, resamples=1000, level=LEVEL, seed=k)
        found["bootstrap"].append(bootstrap_alone(groups, k))
        found["permutation"].append(seen.p <= 1 - LEVEL)
        found["verdict"].append(seen.p <= 1 - LEVEL and (seen.low > 0 or seen.high < 0))
        if len(sizes) == 2:
            found["replies"].append(by_reply(tables))
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def family(world: World, campaigns: int, repetitions: int) -> dict[str, float]:
    """At least one false verdict among several campaigns with one baseline, by the whole of ``compare``."""
    sizes = [20] * campaigns + [40]
    names = [*(f"c{k}" for k in range(campaigns)), "baseline"]
    ids = np.repeat(names, sizes)
    found: dict[str, list[bool]] = {"each at 10 %": [], "verdict (Holm)": []}
    plan = CampaignFile(
        campaigns=tuple(
            Campaign(name=n, label=n, posts=_at(n), baseline=_at("baseline"), control=None) for n in names[:-1]
        )
    )
    for k in range(repetitions):
        table = world.archive(np.random.default_rng([4, campaigns, k]), len(ids))
        book = PostBook(posts={t: _post(n) for t, n in zip(table.thread_ids, ids.tolist(), strict=True)})
        rows = [r for r in compare_table(table, book, plan, resamples=500, seed=k).rows() if r["headline"]]
        found["each at 10 %"].append(min(r["p"] for r in rows) <= 1 - LEVEL)
        found["verdict (Holm)"].append(any(r["verdict"] in ("higher", "lower") for r in rows))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _at(platform: str) -> Selection:
    return Selection(platforms=(platform,))


def _post(platform: str) -> Post:
    return Post(names=frozenset(), account=None, platform=platform, created=None, tags=frozenset())


def promised(world: World, effect: float, repetitions: int) -> tuple[int, float]:
    """Posts that ``power`` asks for from a pilot, and how often that many see the effect; promised are 80 %."""
    pilot = world.archive(np.random.default_rng([5]), 2_000)
    plan = plan_power(pilot_spread(pilot, SHARE.key), figure=SHARE.key, effect=effect)
    seen = []
    for k in range(repetitions):
        rng = np.random.default_rng([6, k])
        a, b = (thread_sums(world.archive(rng, plan.posts)) for _ in range(2))
        threads = np.arange(plan.posts)
        campaign = a.sample(SHARE, threads)
        campaign = replace(campaign, top=campaign.top + effect / 100 * campaign.below)
        row = contrast([(campaign, b.sample(SHARE, threads))], resamples=500, level=LEVEL, seed=k)
        seen.append(row.p <= 1 - LEVEL and row.low > 0)
    return plan.posts, float(np.mean(seen))


def show(place: str, rates: dict[str, float], repetitions: int) -> bool:
    """Print a line; whether the verdict keeps to the nominal rate within three standard errors."""
    limit = 0.10 + 3 * np.sqrt(0.09 / repetitions)
    last = list(rates.values())[-1]
    text = "  ".join(f"{name} {100 * rate:5.1f}" for name, rate in rates.items())
    print(f"{place:42} {text}{'' if last <= limit else '  <- above nominal'}", flush=True)
    return last <= limit


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--full", action="store_true", help="more cells, 1,000 repetitions unless told otherwise")
    options = parser.parse_args()
    n = 1_000 if options.full and options.repetitions == 200 else options.repetitions
    start, kept = time.perf_counter(), []
    print(f"false alarms in % at nominal 10 %, {n} repetitions (standard error {100 * np.sqrt(0.09 / n):.1f})\n")
    sizes = ((5, 5), (8, 30), (12, 16), (30, 100)) + (((5, 30), (8, 8), (100, 100)) if options.full else ())
    for size, alike in product(sizes, (0.0, 0.1, 0.3) if options.full else (0.1, 0.3)):
        place = f"{size[0]} against {size[1]} posts, likeness {alike:.1f}"
        kept.append(show(place, alarms(_world(alike), size, n), n))
    print("\ndifference in differences, both sides changed by the same")
    fours = ((8, 8, 8, 8), (12, 30, 12, 30)) + (((6, 12, 30, 30), (40, 40, 40, 40)) if options.full else ())
    for size in fours:
        rates = alarms(_world(0.1), size, n)
        kept.append(show(" ".join(map(str, size)) + " posts, likeness 0.1", rates, n))
    print("\nat least one false verdict among several campaigns with one baseline")
    for campaigns in (3, 6) if options.full else (3,):
        place = f"{campaigns} campaigns"
        kept.append(show(place, family(_world(0.1), campaigns, n // 2), n // 2))
    print("\npower: posts asked for to see +8 points of dialogue, and how often that many see it (promised 80 %)")
    posts, seen = promised(_world(0.1), 8.0, n)
    print(f"{posts} posts in each group: {100 * seen:.1f} %")
    print(f"\nabove nominal: {kept.count(False)} of {len(kept)} cells; {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
