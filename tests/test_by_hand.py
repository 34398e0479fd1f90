"""Labels made by hand beside trees."""

from __future__ import annotations

import numpy as np
import pytest
from measuring import said, trees

from nlp_engage.errors import DataError
from nlp_engage.measure import collect
from nlp_engage.measure.by_hand import hand_labelled
from nlp_engage.types import Act

ARCHIVE = [
    said("p", None, "café"),
    said("1", "p", "bob", "D", act=Act.QUESTION, lang="en"),
    said("2", "1", "café", "D", act=Act.ANSWER, lang="en"),
    said("3", "p", "cid", "M", act=Act.REACTION, lang="en"),
]
UNITS = [
    {"uid": "1", "label": "D", "act": "ques", "lang": "en"},
    {"uid": "2", "label": "genuine_dialogue", "act": "answ", "lang": "en"},
    {"uid": "3", "label": "M", "act": "reac", "lang": "en", "thread": "p"},
]


def test_hand_made_labels_measure_like_the_same_labels_from_elsewhere():
    plain = [lt.tree for lt in trees(ARCHIVE)]
    (found,), (expected,) = list(hand_labelled(plain, UNITS)), trees(ARCHIVE)
    assert np.array_equal(found.probabilities, expected.probabilities, equal_nan=True)
    assert found.acts.tolist() == expected.acts.tolist()
    assert collect([found]).credits().tolist()[0] == pytest.approx(0.75)


def test_replies_without_a_label_have_none():
    (found,) = hand_labelled([lt.tree for lt in trees(ARCHIVE)], UNITS[:1])
    assert np.isnan(found.probabilities[[0, 2, 3]]).all()
    assert found.acts.tolist() == [-1, 4, -1, -1]


def test_one_reply_with_two_labels_is_refused():
    twice = [{"uid": "1", "label": "D"}, {"uid": "1", "label": "M"}]
    with pytest.raises(DataError, match="reply '1' has two different labels or acts"):
        list(hand_labelled([lt.tree for lt in trees(ARCHIVE)], twice))
    (found,) = hand_labelled([lt.tree for lt in trees(ARCHIVE)], [twice[0], twice[0]])
    assert found.probabilities[1].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("unit", "message"),
    [
        ({"uid": "1", "label": "X"}, "reply '1' has label 'X': write M, D or S"),
        ({"uid": "1", "label": "D", "act": "spam"}, "act 'spam': acts of it are ques, answ"),
        ({"uid": "9", "label": "D"}, r"1 labels are of no comment in the archive \(e.g. '9'\)"),
        ({"uid": "1", "label": "D", "thread": "q"}, r"e.g. '1' in thread 'q'"),
    ],
)
def test_labels_that_fit_nothing_are_named(unit, message):
    with pytest.raises(DataError, match=message):
        list(hand_labelled([lt.tree for lt in trees(ARCHIVE)], [unit]))
