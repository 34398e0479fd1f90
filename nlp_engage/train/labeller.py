"""A trained network at work before it is exported: what scores dev, an ablation, a fold."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from nlp_engage.encoding import PAD_ID, TEMPLATE_VERSION, PairEncoder
from nlp_engage.errors import ModelError
from nlp_engage.scores import softmax
from nlp_engage.train.ablation import thin_context
from nlp_engage.train.model import load_trained
from nlp_engage.types import ACTS, LABEL_SCHEME, LABELS, Predictions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nlp_engage.encoding import Encoded
    from nlp_engage.train.model import EngageNetwork
    from nlp_engage.types import ReplyContext

BATCH_SIZE: Final = 64


class NetworkLabeller:
    """A ``Labeller`` over a torch network, in float32 and without calibration.

    Args:
        network: The network.
        encoder: Applies the template.
        view: What the network was shown of a conversation (``ablation.thin_context``).
        roles: Whether it was shown who speaks.
        name: Its name in tables.
        sha256: Hash of its weights, where they stand in a file.
    """

    def __init__(
        self,
        network: EngageNetwork,
        encoder: PairEncoder,
        view: str = "full",
        *,
        roles: bool = True,
        name: str = "network",
        sha256: str = "",
    ) -> None:
        self._network, self._encoder = network, encoder
        self._view, self._roles = view, roles
        self.fingerprint: dict[str, Any] = {
            "name": name,
            "scheme": LABEL_SCHEME,
            "template": TEMPLATE_VERSION,
            "sha256": sha256,
            "context": view,
            "roles": roles,
        }

    @classmethod
    def load(cls, folder: Path) -> NetworkLabeller:
        """Load what ``finetune`` wrote; an ablation is shown what it was trained on.

        Raises:
            ModelError: The folder holds no finished training.
        """
        from tokenizers import Tokenizer

        names = ("network.safetensors", "encoder.json", "tokenizer.json", "training.json")
        if missing := [n for n in names if not (folder / n).is_file()]:
            raise ModelError(f"{folder} is no folder of a finished training: {', '.join(missing)} missing")
        settings = json.loads((folder / "training.json").read_text("utf-8"))["config"]
        return cls(
            load_trained(folder),
            PairEncoder(Tokenizer.from_file(str(folder / "tokenizer.json"))),
            settings.get("context", "full"),
            roles=settings.get("roles", True),
            name=folder.name,
            sha256=hashlib.sha256((folder / "network.safetensors").read_bytes()).hexdigest(),
        )

    def predict(self, contexts: Sequence[ReplyContext]) -> Predictions:
        """Label a batch of any size, an empty one included, in the order of the input."""
        encoded = self._encoder.encode(thin_context(c, self._view, roles=self._roles) for c in contexts)
        self._network.eval()
        batches = [self._logits(encoded[i : i + BATCH_SIZE]) for i in range(0, len(encoded), BATCH_SIZE)]
        none = np.zeros((0, len(LABELS))), np.zeros((0, len(ACTS)))  # what no replies at all have
        labels, acts = (np.concatenate(side) for side in zip(none, *batches, strict=True))
        p = softmax(acts)
        return Predictions(probabilities=softmax(labels), acts=p.argmax(1).astype(np.int32), act_probabilities=p.max(1))

    def _logits(self, batch: Sequence[Encoded]) -> tuple[Any, Any]:
        device = next(self._network.parameters()).device
        ids = pad_sequence([torch.tensor(e.ids) for e in batch], batch_first=True, padding_value=PAD_ID)
        segments = pad_sequence([torch.tensor(e.segments) for e in batch], batch_first=True)
        inputs = {"input_ids": ids, "attention_mask": (ids != PAD_ID).long(), "token_type_ids": segments}
        with torch.no_grad():
            labels, acts = self._network(**{k: v.to(device) for k, v in inputs.items()})
        return labels.double().cpu().numpy(), acts.double().cpu().numpy()
