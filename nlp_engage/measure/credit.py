"""What a reply is credited with: the formulas of version ``eq-2``, on plain arrays.

``docs/measure.md`` gives the reasons and a worked thread; the tests hold the axioms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from nlp_engage.types import BoolArray, FloatArray

VERSION: Final = "eq-2"
"""Name of the definitions below. Any change to them changes it."""
SAID: Final = 0.5
"""Credit for having said something, whether or not anybody came back."""
DECAY: Final = 2.0
"""Each further turn of the other side closes this much of the gap to 1: half of it."""
VOICE: Final = 3.0
"""In EQ nobody counts for more than so many replies on one page."""
_BELOW_ONE: Final = float(np.nextafter(1.0, 0.0))


def credit(
    expression: FloatArray, dialogue: FloatArray, exchange: FloatArray, uniqueness: FloatArray, self_reply: BoolArray,
    *, said: float = SAID, decay: float = DECAY,
) -> FloatArray:  # fmt: skip
    """Credit ``c = u * (s/2 + d * (1 - 2 ** -(1 + r)))``, with ``r`` taken as 0 where somebody answers themself.

    With ``r = 0`` dialogue earns what self-expression earns, one half for having said something; so a reply to
    oneself earns ``u * (s + d) / 2`` and nothing for dialogue.

    Args:
        expression: ``s``, probability of self-expression. Shape: (n,).
        dialogue: ``d``, probability of genuine dialogue. Shape: (n,).
        exchange: ``r``, what the other side said in return, 0 or more. Shape: (n,).
        uniqueness: ``u`` in [0, 1]. Shape: (n,).
        self_reply: Whether the reply answers its own author. Shape: (n,).
        said: Credit for having said something, in [0, 1]. Another than ``SAID`` is for ``sensitivity`` only.
        decay: Base of the decay, above 1. Another than ``DECAY`` is for ``sensitivity`` only.

    Returns:
        In [0, 1). Shape: (n,), float64.

    >>> one, no = np.ones(4), np.zeros(4)
    >>> credit(no, one, np.array([0.0, 1, 2, 2]), one, np.array([False, False, False, True])).tolist()
    [0.5, 0.75, 0.875, 0.5]
    """
    kept_up = 1 - (1 - said) * decay ** -np.where(self_reply, 0.0, exchange)
    return np.minimum(uniqueness * (said * expression + dialogue * kept_up), _BELOW_ONE)


def uniqueness(copies: npt.NDArray[np.integer], substance: FloatArray) -> FloatArray:
    """Share of each reply in all that its copies say: ``u = w / sum of w over its copies``, ``w = s + d``.

    Where all copies are labelled alike this is the ``1/m`` of the design. Weighing by ``w`` keeps two promises
    that ``1/m`` breaks when copies are labelled differently: a mindless copy (``w = 0``) takes nothing from
    the others, and all copies together earn no more than the best of them.

    Args:
        copies: Equal numbers for replies with the same text, or nearly the same, on the same page. Shape: (n,).
        substance: ``w``, probability of being no mindless reply. Shape: (n,).

    Returns:
        In [0, 1]; 1 where there is no copy, and ``1/m`` where all ``m`` copies are wholly mindless. Shape: (n,).

    >>> uniqueness(np.array([7, 7, 8, 7]), np.array([1.0, 1.0, 0.4, 0.0])).tolist()
    [0.5, 0.5, 1.0, 0.0]
    """
    _, group, size = np.unique(copies, return_inverse=True, return_counts=True)
    total = np.bincount(group, weights=substance, minlength=len(size))
    shared = np.divide(substance, total[group], out=1.0 / size[group], where=total[group] > 0)
    return np.where(size[group] == 1, 1.0, shared)


def voice(person: npt.NDArray[np.integer]) -> FloatArray:
    """Weight of each reply in EQ: ``v = min(1, 3 / n)`` for a person who wrote ``n`` replies on the page.

    A mean over replies belongs to whoever writes most: two accounts that talk to each other all day would be the
    quality of the page. So nobody counts for more than ``VOICE`` replies. The weight looks at no label: a flood
    of tokens from one account weighs as little as a flood of dialogue.

    Args:
        person: Equal numbers for replies of one person on one page. Shape: (n,).

    Returns:
        In (0, 1]. Shape: (n,).

    >>> voice(np.array([1, 2, 1, 1, 1, 1, 1])).tolist()
    [0.5, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5]
    """
    _, who, wrote = np.unique(person, return_inverse=True, return_counts=True)
    weight: FloatArray = np.minimum(1.0, VOICE / wrote[who])
    return weight


def answered_back(parent: npt.NDArray[np.integer], other: BoolArray, substance: FloatArray) -> FloatArray:
    """Probability that at least one direct answer by another person is no mindless turn.

    ``1 - prod(1 - w)`` over the answers, taking the labels' errors as independent.

    Args:
        parent: Row of the reply each row answers, -1 where that is the post or unknown. Shape: (n,).
        other: Whether the row was written by another known author than what it answers. Shape: (n,).
        substance: ``w`` of each row, 0 where it has no label. Shape: (n,).

    Returns:
        In [0, 1]. Shape: (n,), float64.

    >>> answered_back(np.array([-1, 0, 0, 1]), np.array([False, True, True, False]), np.full(4, 0.5)).tolist()
    [0.75, 0.0, 0.0, 0.0]
    """
    counts = other & (parent >= 0)
    silent = np.ones(len(parent))
    np.multiply.at(silent, parent[counts], 1 - substance[counts])
    return 1 - silent
