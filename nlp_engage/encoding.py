"""From a reply in its context to token ids: the versioned template every model is trained with.

``<s> [<owner>] reply </s> <role> turn <role> turn ... </s>`` with segment 0 for the reply, 1 for the context.
The post comes first in the context (cut short when there are ancestors), then ancestors, nearest first, so
what does not fit is cut from the far end. Marks of the template that somebody typed into a comment are left
out: nobody can write ``<owner>`` and pass for the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from nlp_engage.errors import ModelError
from nlp_engage.types import ReplyContext, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tokenizers import Tokenizer

TEMPLATE_VERSION: Final = "pair-1"
"""Stored with every model; a model trained with another template is refused."""

ROLE_TOKENS: Final = {role: f"<{role.value}>" for role in Role}
MAX_TOKENS: Final = 160
REPLY_TOKENS: Final = 96
POST_TOKENS: Final = 40
PAD_ID: Final = 1
"""Id of ``<pad>`` in every tokenizer of the XLM-R family, the only one the template is made for."""
VECTOR: Final = 8
"""Lengths are padded to multiples of it, and only equal ones share a batch: OpenVINO rounds by padded length."""
_START, _PAD, _END = "<s>", "<pad>", "</s>"


class Encoded(NamedTuple):
    """Token ids of one pair: the first ``reply_length`` (closing mark included) are segment 0, the rest 1."""

    ids: list[int]
    reply_length: int

    @property
    def segments(self) -> list[int]:
        """Segment (token type) of every position."""
        return [0] * self.reply_length + [1] * (len(self.ids) - self.reply_length)


class PairEncoder:
    """Applies the template with a given tokenizer. Post and ancestor texts are tokenised once per batch.

    Args:
        tokenizer: A ``tokenizers.Tokenizer`` whose vocabulary holds ``<s>``, ``<pad>`` (at ``PAD_ID``),
            ``</s>`` and the role tokens.

    Raises:
        ModelError: The tokenizer lacks one of these.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        special = (_START, _PAD, _END, *ROLE_TOKENS.values())
        ids = {token: number for token in special if (number := tokenizer.token_to_id(token)) is not None}
        if missing := [token for token in special if token not in ids]:
            raise ModelError(
                f"the tokenizer lacks {missing}, which template {TEMPLATE_VERSION!r} needs; "
                "make the base with `nlp-engage base`, which adds the role tokens"
            )
        if ids[_PAD] != PAD_ID:
            raise ModelError(f"the tokenizer's {_PAD} has id {ids[_PAD]}, it must be {PAD_ID} (XLM-R family)")
        self._start, self._end = ids[_START], ids[_END]
        self._role = {role: ids[token] for role, token in ROLE_TOKENS.items()}
        self._marks = frozenset(ids.values())

    def encode(self, contexts: Iterable[ReplyContext]) -> list[Encoded]:
        """Encode a batch.

        Returns:
            One ``Encoded`` a context, in order; each has between 3 and ``MAX_TOKENS`` ids.
        """
        batch = list(contexts)
        texts = dict.fromkeys(text for c in batch for text in (c.reply, *(t for _, t in c.turns)))
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        pieces = {text: self._pieces(text, e.ids) for text, e in zip(texts, encodings, strict=True)}
        return [self._assemble(context, pieces) for context in batch]

    def _pieces(self, text: str, ids: list[int]) -> list[int]:
        return [i for i in ids if i not in self._marks] if "<" in text else ids

    def _assemble(self, context: ReplyContext, pieces: dict[str, list[int]]) -> Encoded:
        head = [self._start, *([self._role[Role.OWNER]] if context.by_owner else [])]
        reply = [*head, *pieces[context.reply][:REPLY_TOKENS], self._end]
        room = MAX_TOKENS - len(reply) - 1
        turns = list(context.turns)
        ids: list[int] = []
        if turns and turns[-1][0] is Role.POST:
            turns = [turns[-1], *turns[:-1]]
        for role, text in turns:
            limit = POST_TOKENS if role is Role.POST and len(turns) > 1 else room
            ids += [self._role[role], *pieces[text][:limit]]
        return Encoded(ids=[*reply, *ids[:room], self._end], reply_length=len(reply))


def padded(length: int, multiple: int = VECTOR) -> int:
    """A length rounded up.

    >>> padded(9), padded(8), padded(9, multiple=1)
    (16, 8, 9)
    """
    return -(-length // multiple) * multiple


def pad(batch: Sequence[Encoded], multiple: int = 1) -> dict[str, Any]:
    """Lay a batch out as the model's inputs.

    Returns:
        The inputs by name, each int64 of shape (batch, longest rounded up to a multiple).

    >>> pad([Encoded([0, 9, 2, 5, 2], 3), Encoded([0, 2], 2)])["token_type_ids"].tolist()
    [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]
    """
    longest = padded(max(len(e.ids) for e in batch), multiple)
    ids = np.full((len(batch), longest), PAD_ID, dtype=np.int64)
    segments = np.zeros_like(ids)
    for row, encoded in enumerate(batch):
        ids[row, : len(encoded.ids)] = encoded.ids
        segments[row, encoded.reply_length : len(encoded.ids)] = 1
    return {"input_ids": ids, "attention_mask": (ids != PAD_ID).astype(np.int64), "token_type_ids": segments}
