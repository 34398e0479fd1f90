"""Taking things away: parts of the conversation, roles, encoder layers, to see what each is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_engage.errors import ModelError
from nlp_engage.types import ReplyContext, Role

if TYPE_CHECKING:
    from collections.abc import Mapping


def thin_context(context: ReplyContext, view: str = "full", *, roles: bool = True) -> ReplyContext:
    """What a network trained on less than the whole conversation is shown of a reply.

    Args:
        context: The reply in its whole context.
        view: ``"full"``; ``"reply"``, the reply alone; ``"parent"``, and the one turn it answers (the post, for
            a reply to the post); ``"post"``, the reply and the post.
        roles: Without roles every speaker is ``OTHER`` and the owner's replies are not marked. Which turn is the
            post, and which is gone, is still told: that is no role of a speaker.

    >>> context = ReplyContext(reply="No.", by_owner=True, language="en",
    ...                        turns=((Role.SELF, "Do they leak?"), (Role.POST, "New cups!")))
    >>> [role.value for role, _ in thin_context(context, "post").turns]
    ['post']
    >>> thin_context(context, "parent", roles=False).turns
    ((<Role.OTHER: 'other'>, 'Do they leak?'),)
    """
    turns = context.turns
    if view == "reply":
        turns = ()
    elif view == "parent":
        turns = turns[:1]
    elif view == "post":
        turns = tuple(turn for turn in turns if turn[0] is Role.POST)
    if roles:
        return replace(context, turns=turns)
    plain = tuple((role if role in (Role.POST, Role.GONE) else Role.OTHER, text) for role, text in turns)
    return replace(context, turns=plain, by_owner=False)


def is_ablation(settings: Mapping[str, Any]) -> str | None:
    """What a training took away of the input, in words, or ``None``: the runtime shows models everything.

    >>> is_ablation({"context": "post", "roles": False})
    "context = 'post', roles = false"
    >>> is_ablation({"epochs": 4})
    """
    found = []
    if (view := settings.get("context", "full")) != "full":
        found.append(f"context = {view!r}")
    if not settings.get("roles", True):
        found.append("roles = false")
    return ", ".join(found) or None


def keep_layers(encoder: Any, count: int) -> None:
    """Keep ``count`` layers of a transformers encoder, evenly spaced, first and last among them.

    Source: Sajjad et al. 2023, On the Effect of Dropping Layers of Pre-trained Transformer Models, Computer
    Speech & Language 77 (alternate dropping).

    Args:
        encoder: The encoder; changed in place, with its ``config.num_hidden_layers``.
        count: Layers to keep, 1 or more.

    Raises:
        ModelError: The encoder has fewer layers, or keeps them in a way not known here.
    """
    from torch import nn

    have = int(encoder.config.num_hidden_layers)
    if not 1 <= count <= have:
        raise ModelError(f"layers is {count}, but the base has {have}: set layers from 1 to {have}, or 0 for all")
    stacks = [m for m in encoder.modules() if isinstance(m, nn.ModuleList) and len(m) == have]
    if len(stacks) != 1:
        raise ModelError(f"{type(encoder).__name__}: no single stack of {have} layers found; leave layers at 0")
    kept = np.unique(np.linspace(0, have - 1, count).round().astype(int))
    layers = [stacks[0][int(i)] for i in kept]
    del stacks[0][:]
    stacks[0].extend(layers)
    encoder.config.num_hidden_layers = count
