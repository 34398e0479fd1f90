"""Near-copies: signatures against the resemblance worked out from sets, and who is joined with whom."""

from __future__ import annotations

import random

import numpy as np
import pytest

from nlp_engage.measure.near import HASHES, is_long, join_near, sign

WORDS = [f"{a}{b}{c}" for a in "bdfgklmn" for b in "aeiou" for c in ("rt", "ss", "nd", "x")]


def pieces(text):
    return {text[k : k + 3] for k in range(len(text) - 2)}


def resemblance(one, other):
    return len(pieces(one) & pieces(other)) / len(pieces(one) | pieces(other))


def sentence(rng, words=20):
    return "".join(rng.choices(WORDS, k=words))


def test_signatures_estimate_the_resemblance_of_two_texts():
    rng = random.Random(3)
    errors = []
    for _ in range(300):
        one = [rng.choice(WORDS) for _ in range(20)]
        other = [w if rng.random() < 0.8 else rng.choice(WORDS) for w in one]
        a, b = sign(["".join(one), "".join(other)])
        errors.append((a == b).mean() - resemblance("".join(one), "".join(other)))
    assert abs(np.mean(errors)) < 0.02
    assert np.std(errors) < 1 / HASHES**0.5


def test_a_signature_does_not_depend_on_the_texts_beside_it():
    rng = random.Random(4)
    texts = [sentence(rng) for _ in range(50)]
    together = sign(texts)
    assert (together == np.concatenate([sign([t]) for t in texts])).all()
    assert sign([]).shape == (0, HASHES)


def joined(texts, pages=None):
    n = len(texts)
    pages = np.array(pages or [0] * n, dtype=np.int32)
    return join_near(np.arange(n) + 5, pages, np.arange(n), sign(texts)).tolist()


def test_only_near_copies_on_one_page_are_joined():
    rng = random.Random(5)
    base = sentence(rng)
    near, far = base[:-6] + "zzzzzz", sentence(rng)
    assert joined([far, base, near, base + "q"]) == [5, 6, 6, 6]
    assert joined([base, near, near], pages=[0, 1, 1]) == [5, 6, 6]
    assert join_near(np.array([1, 2]), np.zeros(2, np.int32), np.zeros(0, np.int64), sign([])).tolist() == [1, 2]


def test_thousands_of_different_texts_stay_apart():
    rng = random.Random(6)
    words = ["".join(rng.choices("aeinorstdhlu", k=rng.randint(3, 8))) for _ in range(2000)]
    assert len(set(joined(["".join(rng.choices(words, k=14)) for _ in range(3000)]))) == 3000


@pytest.mark.parametrize(
    ("text", "long"),
    [("wherecanibuyit", False), ("x" * 47, False), ("x" * 48, True), ("哪" * 15, False), ("哪" * 16, True)],
)
def test_short_texts_are_left_alone(text, long):
    assert is_long(text) is long
