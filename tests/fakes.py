"""A labeller without a model: probabilities follow from the text alone, so any test can work them out."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from nlp_engage.types import ACT_LABEL, ACTS, LABELS, Predictions


def probabilities_of(text):
    raw = np.frombuffer(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest(), "<u2") + 1.0
    return raw / raw.sum()


class FakeLabeller:
    """Counts what it is asked, and can be made to fail after so many replies."""

    def __init__(self, name="fake", fail_after=None):
        self.name, self.fail_after = name, fail_after
        self.seen = []

    @property
    def fingerprint(self):
        return {"name": self.name, "scheme": "test", "template": "test", "sha256": "0" * 64}

    def predict(self, contexts):
        if self.fail_after is not None and len(self.seen) + len(contexts) > self.fail_after:
            raise KeyboardInterrupt
        self.seen += [c.reply for c in contexts]
        p = np.array([probabilities_of(c.reply) for c in contexts]).reshape(-1, len(LABELS))
        first_act = {label: next(i for i, act in enumerate(ACTS) if ACT_LABEL[act] == label) for label in LABELS}
        acts = np.array([first_act[LABELS[k]] for k in p.argmax(1)], dtype=np.int32)
        return Predictions(probabilities=p, acts=acts, act_probabilities=np.full(len(p), 0.5))
