"""The worked thread of ``docs/measure.md``, labels by hand: what the examples of this package measure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from nlp_engage.measure.by_hand import hand_labelled
from nlp_engage.tree import build_tree
from nlp_engage.types import Comment

if TYPE_CHECKING:
    from nlp_engage.types import LabelledTree

_START: Final = datetime(2026, 5, 4, 9, tzinfo=UTC)
_WEEK: Final = timedelta(days=7)
_TURNS: Final = (
    # id, answers, who, hours after the post, text, label, act
    ("p", None, "cafe", 0, "New autumn menu #soup", None, None),
    ("1", "p", "bob", 1, "Is the soup vegan?", "D", "ques"),
    ("2", "1", "cafe", 3, "It is, we left the cream out.", "D", "answ"),
    ("3", "2", "bob", 4, "Then I will bring my sister.", "D", "soci"),
    ("4", "3", "cafe", 5, "We will keep the window seat.", "D", "answ"),
    ("5", "p", "cid", 1, "yum!!", "M", "reac"),
    ("6", "p", "dee", 2, "Yum", "M", "reac"),
    ("7", "p", "dee", 2, "My gran made pumpkin soup every Sunday.", "S", "stor"),
    ("8", "p", None, 3, "@eve", "M", "tag"),
    ("9", "p", "eve", 9, "Please open on Mondays, I work weekends.", "D", "requ"),
)
_LAST_BY_TURNS: Final = ("3", "4")


def worked_thread() -> LabelledTree:
    """The thread that ``docs/measure.md`` works by hand.

    Returns:
        The tree of a post and nine replies, two of them by the café that owns the page, with labels and acts.

    >>> from nlp_engage.measure import measure
    >>> row, = measure([worked_thread()]).rows()
    >>> round(row["eq"], 1), round(row["ep"], 2), round(row["reciprocity"], 2)
    (39.3, 1.98, 0.67)
    """
    return worked_archive(1)[0]


def worked_archive(threads: int) -> list[LabelledTree]:
    """The worked thread several times, a week apart: in every second one Bob's exchange ends with the first answer.

    Args:
        threads: How many, 1 or more.

    Returns:
        Labelled trees with thread ids ``t0``, ``t1``, ...; comment ids begin with the thread's, as in ``t0.1``. Later
        threads have their number behind each text, so that nothing is a copy.

    >>> [(labelled.tree.thread_id, len(labelled.tree)) for labelled in worked_archive(3)]
    [('t0', 10), ('t1', 8), ('t2', 10)]
    """
    return [_thread(k) for k in range(threads)]


def _thread(k: int) -> LabelledTree:
    turns = [turn for turn in _TURNS if k % 2 == 0 or turn[0] not in _LAST_BY_TURNS]
    name = f"t{k}"
    tree = build_tree(
        [
            Comment(
                id=name if up is None else f"{name}.{own}",
                thread_id=name,
                parent_id=None if up is None else name if up == "p" else f"{name}.{up}",
                author=who,
                created=_START + k * _WEEK + timedelta(hours=hours),
                text=f"{text} ({k})" if k else text,
            )
            for own, up, who, hours, text, _, _ in turns
        ]
    )
    units = [
        {"uid": f"{name}.{own}", "label": label, "act": act, "lang": "en"} for own, *_, label, act in turns if label
    ]
    (labelled,) = hand_labelled([tree], units)
    return labelled
