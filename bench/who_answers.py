"""Who answers whom: deep threads flattened as YouTube, Xiaohongshu and Weibo show them, and their links recovered.

Run: ``python bench/who_answers.py [--full] [--fit]``. Threads are split in two halves by their id: ``--fit`` measures
the table of confidences (``CONFIDENCE`` in ``nlp_engage/mentions.py``) on one and prints it, all else is scored on the
other. Rivals: the platform's own value (the floor comment) and the nearest earlier comment on the floor.
``docs/who_answers_whom.md`` explains the columns.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from flattening import PLATFORMS, SCENARIOS, Flattened, Platform, Scenario, Thread, census, deep_threads, flatten, half

from nlp_engage.mentions import CONFIDENCE, recover_targets, time_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nlp_engage.mentions import Target

REPLIES = 6_000
FULL = 24_000
BINS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """One flattened reply: what was recovered and what is true."""

    source: str
    target: Target
    right: bool
    at_floor: bool
    floor_right: bool
    nearest_right: bool
    named: bool
    people: int
    comments: int

    @property
    def cell(self) -> tuple[str, str]:
        """Method and situation: a row of the table of confidences."""
        return self.target.method.value, self.target.situation


def answers(threads: Iterable[Thread], platform: Platform, scenario: Scenario) -> Iterator[Answer]:
    for thread in threads:
        yield from _answers(thread, flatten(thread, platform, scenario))


def _answers(thread: Thread, shown: Flattened) -> Iterator[Answer]:
    comments = shown.comments
    found = {comments[i].id: target for i, target in recover_targets(comments).items()}
    by_id = {c.id: c for c in comments}
    floors = defaultdict(list)
    for comment in sorted(comments, key=time_key):
        if comment.root_id:
            floors[comment.root_id].append(comment)
    for root, replies in floors.items():
        nearest, people, spoken = root, defaultdict(set), Counter()
        for comment in (by_id[root], *replies):
            if comment.id in shown.truth:
                truth, target = shown.truth[comment.id], found[comment.id]
                guess = root if target.node is None else comments[target.node].id
                name = by_id[truth].author_name if truth else None
                yield Answer(
                    thread.source, target, guess == truth, guess == root, truth == root, nearest == truth,
                    comment.id in shown.named, len(people[name]), spoken[name],
                )  # fmt: skip
            people[comment.author_name].add(comment.author)
            spoken[comment.author_name] += 1
            nearest = comment.id


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error over equally wide bins (Guo et al. 2017)."""
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(place, weights=right - confidence)).sum() / len(right))


def fit(threads: list[Thread]) -> None:
    """Measure the confidences and print them as they stand in ``mentions.py``."""
    cells: defaultdict[tuple[str, str], list[bool]] = defaultdict(list)
    for scenario in SCENARIOS:
        for platform in PLATFORMS:
            for answer in answers(threads, platform, scenario):
                cells[answer.cell].append(answer.right)
    for (method, situation), right in sorted(cells.items()):
        share = (sum(right) + 1) / (len(right) + 2)  # rule of succession: never 0 or 1
        print(
            f'    (LinkMethod.{method.upper()}, "{situation}"): {min(max(share, 0.001), 0.999):.3f},  # of {len(right)}'
        )


def score(threads: list[Thread]) -> dict[str, list[Answer]]:
    """Print a line for each scenario on each platform; the answers by scenario."""
    print("\nshares in %; ours beside the platform's own value and the nearest earlier comment\n")
    titles = ("right", "floor", "near", "at fl.", "conf", "ECE")
    print(f"{'scenario':29}{'platform':13}{'replies':>7}{''.join(f'{t:>7}' for t in titles)}")
    everything = defaultdict(list)
    for scenario in SCENARIOS:
        for platform in PLATFORMS:
            found = list(answers(threads, platform, scenario))
            everything[scenario.name] += found
            flags = np.array([(a.right, a.floor_right, a.nearest_right, a.at_floor) for a in found], dtype=float)
            confidence = np.array([a.target.confidence for a in found])
            figures = (*flags.mean(axis=0), confidence.mean(), calibration_error(confidence, flags[:, 0]))
            row = f"{scenario.name:29}{platform.name:13}{len(found):7}"
            print(row + "".join(f"{100 * f:7.1f}" for f in figures), flush=True)
    return everything


def by_uniqueness(headline: list[Answer]) -> None:
    """The first scenario: how many comments of the person named are there to choose from."""
    print("\nprefix present, names unique (first scenario, all platforms)\n")
    rows = {
        "name of one earlier comment": lambda a: a.named and a.comments == 1,
        "name of one person, any number of comments": lambda a: a.named and a.people == 1,
        "no prefix (to the floor, or the account is gone)": lambda a: not a.named,
        "all": lambda a: True,
    }
    sources = list(dict.fromkeys(a.source for a in headline))
    for label, takes in rows.items():
        parts = [("all", [a for a in headline if takes(a)])]
        parts += [(s, [a for a in parts[0][1] if a.source == s]) for s in sources]
        print(
            f"{label:49}"
            + "  ".join(f"{s} {100 * np.mean([a.right for a in p]):.1f} of {len(p)}" for s, p in parts if p)
        )


def reliability(found: list[Answer]) -> None:
    """Confidence against what came true, by method and bin and by situation."""
    print("\nreliability, all scenarios: confidence -> right, in %\n")
    by_bin, by_cell = defaultdict(list), defaultdict(list)
    for answer in found:
        confidence = answer.target.confidence
        by_bin[answer.cell[0], min(int(confidence * BINS), BINS - 1)].append((confidence, answer.right))
        by_cell[answer.cell].append((confidence, answer.right))
    for table in (by_bin, by_cell):
        for (method, part), pairs in sorted(table.items()):
            confidence, right = np.mean(pairs, axis=0)
            label = part if isinstance(part, str) else f"{part / BINS:.1f}-{(part + 1) / BINS:.1f}"
            print(f"{method:10}{label:27}{len(pairs):8}{100 * confidence:8.1f} ->{100 * right:6.1f}")
        print()
    confidence, right = np.array([(a.target.confidence, a.right) for a in found], dtype=float).T
    print(f"all: {len(found)} replies, confidence {100 * confidence.mean():.1f} %, right {100 * right.mean():.1f} %, "
          f"ECE {100 * calibration_error(confidence, right):.2f} points")  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help=f"{FULL} comments a run instead of {REPLIES}")
    parser.add_argument("--fit", action="store_true", help="measure the table of confidences on the other half")
    options = parser.parse_args()
    threads, source = deep_threads()
    threads = half(threads, options.fit, FULL if options.full else REPLIES)
    print(f"{'fitted' if options.fit else 'scored'} on {source}: {census(threads)}")
    if options.fit:
        fit(threads)
        return 0
    found = score(threads)
    by_uniqueness(found[SCENARIOS[0].name])
    reliability([answer for part in found.values() for answer in part])
    print(f"table of confidences: {len(CONFIDENCE)} situations")
    return 0


if __name__ == "__main__":
    sys.exit(main())
