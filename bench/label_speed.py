"""Comments labelled per second, end to end in the process, beside ``transformers.pipeline`` on the same pairs.

The rival is what a researcher would otherwise run: ``pipeline("text-classification")``, float32, batches of 32 text
pairs in input order, with a network of the same shape (random weights: speed does not depend on their values).
"""

from __future__ import annotations

import itertools
import statistics
import time

from texts import archive_files, source

from nlp_engage.classify import OnnxLabeller, default_model
from nlp_engage.context import reply_contexts
from nlp_engage.encoding import MAX_TOKENS
from nlp_engage.readers import read
from nlp_engage.tree import build_trees

REPLIES = 2_000
PIPELINE_REPLIES = 320
ROUNDS = 3


def sample_contexts(count):
    """Replies in context, an equal number from every file, shuffled as an archive is."""
    import random

    found = []
    files = archive_files()
    for file in files:
        contexts = (c for tree in build_trees(itertools.islice(read([file]), 4_000)) for _, c in reply_contexts(tree))
        found += list(itertools.islice(contexts, -(-2 * count // len(files))))
    random.Random(7).shuffle(found)
    return found[:count]


def transformers_pipeline():
    """The rival: a BERT classifier of the shipped model's shape over its tokenizer."""
    import logging

    logging.getLogger("transformers").setLevel(logging.ERROR)
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast, pipeline

    tokenizer = Tokenizer.from_file(str(default_model() / "tokenizer.json"))
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=512,
        num_labels=3,
        pad_token_id=1,
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=MAX_TOKENS,
        pad_token="<pad>",
        cls_token="<s>",
        sep_token="</s>",
    )
    return pipeline("text-classification", model=BertForSequenceClassification(config), tokenizer=fast, device="cpu")


def rate(work, count):
    """Median of the rounds, in comments a second."""
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - start))
    return statistics.median(rates)


def main():
    contexts = sample_contexts(REPLIES)
    labeller = OnnxLabeller.load()
    labeller.predict(contexts[:64])
    ours = rate(lambda: labeller.predict(contexts), len(contexts))
    pairs = [{"text": c.reply, "text_pair": " ".join(t for _, t in c.turns)} for c in contexts[:PIPELINE_REPLIES]]
    rival = transformers_pipeline()
    rival(pairs[:32], batch_size=32, truncation=True)
    theirs = rate(lambda: rival(pairs, batch_size=32, truncation=True), len(pairs))
    print(f"texts: {source()}, {len(contexts)} replies in context")
    print(f"nlp-engage (shipped int8 model):          {ours:8.1f} comments/s")
    print(f"transformers.pipeline (float32, batch 32): {theirs:7.1f} comments/s")
    print(f"ratio: {ours / theirs:.1f} x")


if __name__ == "__main__":
    main()
