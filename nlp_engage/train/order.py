"""The order a training passes over its units in: alike in length side by side, and the same again after a break."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class ByLength(Sampler):  # type: ignore[misc]  # torch is not followed by our mypy settings
    """Units of similar length in one step, in an order that seed and epoch alone decide.

    The ``LengthGroupedSampler`` of transformers draws from torch's global generator when an epoch begins. A training
    that goes on within an epoch has another state there, and would pass over some units twice and over others never.

    Args:
        lengths: Tokens of each unit.
        step: Units a step.
        seed: Seed of the training.
        epoch: Tells the epoch that begins or is gone on with, from 0. Asked for, not set: how ``set_epoch`` passes
            through the wrappers of a resumed data loader differs between releases of accelerate.
    """

    def __init__(self, lengths: Sequence[int], step: int, seed: int, epoch: Callable[[], int]) -> None:
        self._lengths, self._step, self._seed, self._epoch = list(lengths), step, seed, epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed + self._epoch())
        return iter(get_length_grouped_indices(self._lengths, self._step, generator=generator))
