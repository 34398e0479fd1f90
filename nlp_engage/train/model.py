"""The network: any encoder, mean pooling of reply and context apart, two linear heads (label and act)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from nlp_engage.types import ACTS, LABELS

if TYPE_CHECKING:
    from torch import Tensor


class EngageNetwork(nn.Module):  # type: ignore[misc]  # torch is not followed by our mypy settings
    """Scores a reply in its context.

    Reply and context are pooled apart, so that the heads can compare them.

    Args:
        encoder: A transformers encoder; its hidden width sets the heads' width.
        dropout: Dropout before the heads, in [0, 1).
    """

    def __init__(self, encoder: Any, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        width = 2 * encoder.config.hidden_size
        self.dropout = nn.Dropout(dropout)
        self.label_head = nn.Linear(width, len(LABELS))
        self.act_head = nn.Linear(width, len(ACTS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Score a batch.

        Args:
            input_ids: *Shape:* (batch, length), int64.
            attention_mask: 1 for tokens, 0 for padding. *Shape:* (batch, length), int64.
            token_type_ids: 0 for the reply, 1 for its context. *Shape:* (batch, length), int64.

        Returns:
            Label logits, *shape* (batch, 3), and act logits, *shape* (batch, 15).
        """
        segments = token_type_ids if self.encoder.config.type_vocab_size > 1 else torch.zeros_like(token_type_ids)
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=segments
        ).last_hidden_state
        context = (token_type_ids * attention_mask).unsqueeze(-1).to(hidden.dtype)
        reply = ((1 - token_type_ids) * attention_mask).unsqueeze(-1).to(hidden.dtype)
        pooled = torch.cat([_mean(hidden, reply), _mean(hidden, context)], dim=-1)
        pooled = self.dropout(pooled)
        return self.label_head(pooled), self.act_head(pooled)


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)


def load_network(base: Path) -> EngageNetwork:
    """Load an encoder folder (of the XLM-R family, see ``base.prepare_base``) and put fresh heads on it.

    In float32, also where the folder has 16 bits: small steps would be rounded away, and the heads have 32.
    """
    from transformers import AutoModel

    encoder = AutoModel.from_pretrained(base, add_pooling_layer=False, attn_implementation="sdpa", dtype=torch.float32)
    return EngageNetwork(encoder)


def load_trained(folder: Path) -> EngageNetwork:
    """Load what ``finetune`` wrote: ``encoder.json`` and ``network.safetensors``."""
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(folder / "encoder.json")
    network = EngageNetwork(AutoModel.from_config(config, add_pooling_layer=False))
    network.load_state_dict(load_file(folder / "network.safetensors"))
    network.eval()
    return network
