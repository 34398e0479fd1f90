"""How far seven attacks move EQ and EP, and how far the classical numbers: the gaming suite.

Run: ``python bench/gaming.py [--model] [--own-likes] [--seed N]``. The clean archive is the sample of this project
with the labels its authors gave; injected replies carry the label that a good coder would give them, or with
``--model`` everything is labelled by the shipped model. What no archive holds is set by a rule per comment
(``PER_COMMENT``), and so are likes, unless ``--own-likes``: the sample's posts have thousands of them, beside which no
comment moves a classical number. Every attack is on one page; sizes stand in ``ATTACKS``.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nlp_engage.measure import collect, measure_table
from nlp_engage.measure.sensitivity import VARIANTS, under
from nlp_engage.measure.translator import translate
from nlp_engage.readers import read
from nlp_engage.samples import sample_archives
from nlp_engage.text import detect_language
from nlp_engage.tree import build_trees
from nlp_engage.types import LABELS, Comment, DialogueTree, LabelledTree

SEED_LABELS = Path(__file__).resolve().parents[1] / "data" / "labels" / "seed.jsonl"
PER_COMMENT = {"likes": 3, "shares": 0.3, "saves": 0.3, "follows": 0.05, "reach": 60, "reads": 60, "wow": 0.1}
CLASSICAL = {
    "engagement_rate_by_reach": "ER", "bci": "BCI", "wci": "WCI", "xiaohongshu_ces": "CES",
    "xiaohongshu_interactions": "互动量",
}  # fmt: skip
FIFTH = 0.2
M, D, S = range(3)


@dataclass
class Injected:
    """Replies that are added to one thread, their labels, and what the post's counters gain."""

    comments: list[Comment] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    counters: dict[str, float] = field(default_factory=dict)


class Attacker:
    """Writes replies under one post."""

    def __init__(self, target: DialogueTree, pool: dict[int, list[str]], seed: int) -> None:
        self.target, self.pool, self.rng = target, pool, random.Random(seed)
        self.done = Injected()

    def say(self, author: str, text: str, label: int, parent: str = "") -> str:
        """Write one reply, to the post or to another reply; its id."""
        post = self.target.post
        new = f"x{len(self.done.comments)}"
        self.done.comments.append(
            Comment(
                id=new, thread_id=post.id, parent_id=parent or post.id, author=author, text=text,
                platform=post.platform, lang=detect_language(text),
            )
        )  # fmt: skip
        self.done.labels.append(label)
        return new

    def fresh(self, label: int) -> str:
        """A text that nobody has written: three clauses from different replies of this label."""
        return " ".join(self.rng.choice(self.pool[label]) for _ in range(3))


def lottery(a: Attacker) -> None:
    """300 accounts enter a prize draw: tag a friend, like, share, follow."""
    for k in range(300):
        a.say(f"entrant{k}", f"Done! Pick me please @friend{k} @pal{k} number {k}", M)
    a.done.counters = {"likes": 300, "shares": 300, "follows": 300}


def template_bots(a: Attacker) -> None:
    """200 bots praise in paraphrases of five templates, each as if it were its own story."""
    slots = [
        ("mother", "sister", "aunt", "flatmate", "grandmother", "neighbour", "brother"),
        ("changed", "brightened", "improved", "rescued", "transformed"),
        ("mornings", "evenings", "weekends", "commute", "lunch breaks"),
    ]
    templates = (
        "Since my {0} gave me the first can it has completely {1} my {2} and I never leave the house without one now",
        "I was honestly so tired before my {0} told me about this drink, and now it has {1} all of my {2}",
        "We always fought about what to bring until my {0} found this one, it really {1} our family {2}",
        "Ten years I drank nothing but coffee, then my {0} made me try it once and that {1} my {2} for good",
        "When I lost my job the only thing that {1} my {2} was sharing a crate of this with my {0} on the porch",
    )
    for k in range(200):
        a.say(f"bot{k}", templates[k % 5].format(*(a.rng.choice(s) for s in slots)), S)
    a.done.counters = {"likes": 200}


def rewording_bots(a: Attacker) -> None:
    """200 bots tell stories, each in words of its own."""
    for k in range(200):
        a.say(f"bot{k}", a.fresh(S), S)
    a.done.counters = {"likes": 200}


def emoji_flood(a: Attacker) -> None:
    """300 replies of emoji from 30 accounts."""
    for k in range(300):
        a.say(f"fan{k % 30}", a.rng.choice("😍🔥👏💙🎉") * a.rng.randint(1, 9), M)


def tag_chain(a: Attacker) -> None:
    """300 tags by 100 people, each below the one before."""
    last = ""
    for k in range(300):
        last = a.say(f"friend{k % 100}", f"@friend{(k + 1) % 100} look", M, last)


def ping_pong(a: Attacker) -> None:
    """Two accounts talk to each other for 200 turns."""
    last = ""
    for k in range(200):
        last = a.say(f"puppet{k % 2}", a.fresh(D), D, last)


def owner_alone(a: Attacker) -> None:
    """The owner answers the owner 200 times."""
    last, name = "", a.target.post.author or ""
    for _ in range(200):
        last = a.say(name, a.fresh(D), D, last)


ATTACKS: Sequence[Callable[[Attacker], None]] = (
    lottery, template_bots, rewording_bots, emoji_flood, tag_chain, ping_pong, owner_alone,
)  # fmt: skip


def labelled(tree: DialogueTree, label_of: dict[str, int]) -> LabelledTree:
    """A tree with labels as given; a reply without one has none."""
    p = np.full((len(tree), len(LABELS)), np.nan)
    for i, comment in enumerate(tree.comments):
        if i and not tree.stand_in[i] and comment.id in label_of:
            p[i] = np.eye(len(LABELS))[label_of[comment.id]]
    return LabelledTree(
        tree=tree, probabilities=p, acts=np.full(len(tree), -1, np.int32),
        act_probabilities=np.full(len(tree), np.nan),
        languages=tuple(c.lang or detect_language(c.text) for c in tree.comments),
    )  # fmt: skip


def label_by_model(trees: list[DialogueTree]) -> list[LabelledTree]:
    """Labels of the shipped model; an input that several trees have is scored once."""
    from nlp_engage.archive.label import Remembering, label_trees
    from nlp_engage.classify import OnnxLabeller

    return list(label_trees(trees, Remembering(OnnxLabeller.load())))


class Bench:
    """The clean archive, the attacked ones, and their figures."""

    def __init__(self, *, model: bool, own_likes: bool, seed: int) -> None:
        units = [json.loads(line) for line in SEED_LABELS.read_text("utf-8").splitlines()]
        gold = {u["uid"]: "MDS".index(u["label"]) for u in units}
        pool = {
            k: sorted({c for u in units if u["lang"] == "en" and u["label"] == "MDS"[k] for c in _clauses(u["reply"])})
            for k in (D, S)
        }
        self.trees = list(build_trees(read(str(sample_archives()))))
        self.own_likes = own_likes
        self.target = max((t for t in self.trees if t.post.author and not t.stand_in[0]), key=len)
        self.injected = [_injected(attack, self.target, pool, seed) for attack in ATTACKS]
        attacked = [next(build_trees([*_comments(self.target), *i.comments])) for i in self.injected]
        # one call for all: whatever the clean archive and the attacks share is scored once
        if model:
            found = label_by_model([*self.trees, *attacked])
        else:
            golds = [gold] * len(self.trees)
            golds += [gold | {c.id: k for c, k in zip(i.comments, i.labels, strict=True)} for i in self.injected]
            found = [labelled(tree, known) for tree, known in zip([*self.trees, *attacked], golds, strict=True)]
        self.clean, self.attacked = found[: len(self.trees)], found[len(self.trees) :]

    def figures(self, attack: int | None = None) -> dict[str, float]:
        """EQ and EP, the same as eq-1, and the classical numbers."""
        after = self.clean
        counters = {t.thread_id: self._counters(t) for t in self.trees}
        if attack is not None:
            after = [self.attacked[attack] if lt.tree is self.target else lt for lt in self.clean]
            for name, more in self.injected[attack].counters.items():
                counters[self.target.thread_id][name] += more
        table = collect(after)
        (row,) = measure_table(table, resamples=0).rows()
        (first,) = measure_table(under(table, next(v for v in VARIANTS if v.key == "eq-1")), resamples=0).rows()
        found = {"EQ": row["eq"], "EP": row["ep"], "EQ eq-1": first["eq"], "EP eq-1": first["ep"]}
        old = {m.key: m.value for m in translate(table, counters)}
        return found | {name: old[key] for key, name in CLASSICAL.items()}

    def _counters(self, tree: DialogueTree) -> dict[str, float]:
        n = sum(not gone for gone in tree.stand_in.tolist()) - 1
        counters = {name: per * max(n, 1) for name, per in PER_COMMENT.items()} | {"headline": 1}
        if self.own_likes and tree.post.likes is not None:
            counters["likes"] = tree.post.likes
        return counters


def _injected(
    attack: Callable[[Attacker], None], target: DialogueTree, pool: dict[int, list[str]], seed: int
) -> Injected:
    attacker = Attacker(target, pool, seed)
    attack(attacker)
    return attacker.done


def _comments(tree: DialogueTree) -> list[Comment]:
    return [c for c, gone in zip(tree.comments, tree.stand_in.tolist(), strict=True) if not gone]


def _clauses(text: str) -> list[str]:
    return [c.strip() for c in re.split(r"(?<=[.,;!?])\s+", text) if 18 <= len(c.strip()) <= 90]


def verdict(moves: dict[str, float]) -> str:
    """What pays by more than a fifth of what the classical numbers are moved; what only falls."""
    classical = max(abs(moves[name]) for name in CLASSICAL.values())
    up = {key: moves[key] for key in ("EQ", "EP") if moves[key] > FIFTH * classical + 1e-9}
    down = {key: moves[key] for key in ("EQ", "EP") if moves[key] < -FIFTH * classical - 1e-9}
    words = [f"{k} rises {v / classical:.1f}x the classical" for k, v in up.items()]
    words += [f"{k} falls {-v / classical:.1f}x" for k, v in down.items()]
    return "; ".join(words) or "within a fifth"


def table(rows: Iterable[tuple[str, dict[str, float]]]) -> None:
    names = ("EQ", "EP", "EQ eq-1", "EP eq-1", *CLASSICAL.values())
    print("| attack | " + " | ".join(names) + " | EQ, EP against the largest classical move |")
    print("|---|" + "---:|" * len(names) + "---|")
    for attack, moves in rows:
        print(f"| {attack} | " + " | ".join(f"{100 * moves[n]:+.1f} %" for n in names) + f" | {verdict(moves)} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", action="store_true", help="labels of the shipped model")
    parser.add_argument("--own-likes", action="store_true", help="the likes of the sample instead of three a comment")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bench = Bench(model=options.model, own_likes=options.own_likes, seed=options.seed)
    before = bench.figures()
    print("clean archive: " + ", ".join(f"{name} {value:,.1f}" for name, value in before.items()))
    rows = []
    for k, attack in enumerate(ATTACKS):
        after = bench.figures(k)
        rows.append((attack.__doc__ or "", {name: after[name] / before[name] - 1 for name in before}))
    table((words.splitlines()[0], moves) for words, moves in rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
