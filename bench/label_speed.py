"""Comments labelled per second beside what one would run otherwise, where the time goes, and how near to the limit.

Rivals, in the same run; as they are slow, on some of the same replies, batches spread over all of them:

* ``transformers.pipeline("text-classification")``, float32, batches of 32 text pairs in input order, with a network of
  the model's shape (random weights: speed does not depend on their values), and with one of 12 layers;
* a plain loop over ONNX Runtime: the same 8-bit model, batches of 32 in input order, padded to the longest of each.

The limit is the rate at which this machine multiplies large 8-bit matrices (``matrix_peak.py``). The share of it counts
multiply-adds with the model's weights for real tokens: padding, attention and everything else are loss.

Run: ``python bench/label_speed.py [--model DIR ...] [--replies N]``; without a model, those that are shipped.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import statistics
import tempfile
import time
from pathlib import Path

from matrix_peak import measured
from texts import archive_files, source

from nlp_engage.archive import label_archive
from nlp_engage.archive.parts import comment_table, label_table
from nlp_engage.archive.privacy import Privacy
from nlp_engage.classify import OnnxLabeller, model_folder
from nlp_engage.classify.folder import SHIPPED
from nlp_engage.classify.onnx import available_cores, length_batches
from nlp_engage.context import reply_contexts
from nlp_engage.encoding import MAX_TOKENS, PairEncoder, pad
from nlp_engage.readers import read
from nlp_engage.tree import build_trees, healed
from nlp_engage.writers import write

ROUNDS = 3
BATCH = 32
"""Of the rivals."""
GOALS = {"same": 8, "twelve": 15, "plain": 3, "peak": 0.5}


def sample_trees(count: int) -> list:
    """Whole threads of both languages with about so many replies, a share of every file, shuffled as an archive is."""
    files, found = archive_files(), []
    for file in files:
        taken = 0
        for tree in build_trees(itertools.islice(read([file]), 4_000)):
            contexts = sum(1 for _ in reply_contexts(tree))
            if contexts and taken + contexts <= max(8, 2 * count // len(files)):
                found.append(tree)
                taken += contexts
    random.Random(7).shuffle(found)
    sizes = itertools.accumulate(len(tree) - 1 for tree in found)
    return [tree for tree, size in zip(found, sizes, strict=True) if size <= count]


def spread(contexts: list, count: int) -> list:
    """Whole batches, evenly spaced: in length like all replies, and within a batch as they come."""
    batches = [contexts[i : i + BATCH] for i in range(0, len(contexts), BATCH)]
    return [c for batch in batches[:: max(1, len(contexts) // count)] for c in batch]


def timed(work) -> float:
    """Seconds, the median of the rounds."""
    spent = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)


def shape_of(model: Path) -> dict[str, int]:
    """Layers and width of a model folder, from what its training wrote down."""
    try:
        encoder = json.loads((model / "training.json").read_text("utf-8"))["encoder"]
    except (OSError, KeyError):
        encoder = {"layers": 12, "width": 384}
    return {"layers": int(encoder["layers"]), "width": int(encoder["width"])}


def transformers_pipeline(model: Path, layers: int, width: int):
    """The rival: a BERT classifier of that shape over the model's tokenizer."""
    import logging

    logging.getLogger("transformers").setLevel(logging.ERROR)
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast, pipeline

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        intermediate_size=4 * width,
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


def pipeline_rate(model: Path, layers: int, width: int, contexts: list) -> float:
    """Comments a second of ``transformers.pipeline``."""
    pairs = [{"text": c.reply, "text_pair": " ".join(t for _, t in c.turns)} for c in contexts]
    rival = transformers_pipeline(model, layers, width)
    rival(pairs[:BATCH], batch_size=BATCH, truncation=True)
    return len(pairs) / timed(lambda: rival(pairs, batch_size=BATCH, truncation=True))


def plain_loop_rate(model: Path, contexts: list) -> float:
    """Comments a second of ONNX Runtime as it comes: input order, batches of 32, padded to the longest."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model / "model.onnx"), options, providers=["CPUExecutionProvider"])
    encoder = PairEncoder(Tokenizer.from_file(str(model / "tokenizer.json")))

    def loop():
        for start in range(0, len(contexts), BATCH):
            session.run(None, pad(encoder.encode(contexts[start : start + BATCH])))

    return len(contexts) / timed(loop)


def weights_per_token(model: Path) -> int:
    """Multiply-adds with the weights of the model for one token: the 8-bit matrices, static or in blocks."""
    import onnx

    graph = onnx.load(str(model / "model.onnx")).graph
    blocks = [{a.name: a.i for a in node.attribute} for node in graph.node if node.op_type == "MatMulNBits"]
    stored = {t.name: math.prod(t.dims) for t in graph.initializer}
    static = {n.output[0]: stored.get(n.input[0], 0) for n in graph.node if n.op_type == "DequantizeLinear"}
    products = sum(static.get(n.input[1], 0) for n in graph.node if n.op_type == "MatMul")
    return products + sum(size["K"] * size["N"] for size in blocks)


def stages(trees: list, archive: Path, labeller: OnnxLabeller) -> tuple[dict[str, float], int]:
    """CPU seconds of each step, one after the other, and the tokens that were scored."""
    from nlp_engage.archive.label import label_trees

    spent = {}

    def step(name, work):
        start = time.process_time()
        found = work()
        spent[name] = time.process_time() - start
        return found

    comments = step("read", lambda: list(read([archive])))
    built = step("trees", lambda: list(build_trees(comments)))
    contexts = step("contexts", lambda: [c for tree in built for _, c in reply_contexts(tree)])
    encoded = step("tokenise", lambda: labeller._encoder.encode(dict.fromkeys(contexts)))
    batches = list(length_batches([len(e.ids) for e in encoded], 2_048, 64))
    step("infer", lambda: [labeller._score([encoded[i] for i in rows]) for rows in batches])
    labelled = list(label_trees(trees, labeller))
    keys = {lt.tree.thread_id: "" for lt in labelled}
    step("write", lambda: (comment_table(built, Privacy(salt="s")), label_table(labelled, keys)))
    return spent, sum(len(e.ids) for e in encoded)


def report(model: Path, trees: list, contexts: list, rivals: int, twelve: float, limit: dict[str, float]) -> float:
    """Print what a model folder does here; its comments a second, from replies in context to labels."""
    labeller = OnnxLabeller.load(model)
    shape, name = shape_of(model), labeller.fingerprint["name"]
    labeller.predict(contexts[:64])
    with tempfile.TemporaryDirectory() as folder:
        archive, run = Path(folder) / "archive.jsonl", Path(folder) / "run"
        write((comment for tree in trees for comment in healed(tree)), archive)
        cpu, start = time.process_time(), time.perf_counter()
        done = label_archive([archive], run, labeller).manifest["labelled"]
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        spent, tokens = stages(trees, archive, labeller)
    ours = len(contexts) / timed(lambda: labeller.predict(contexts))
    some = spread(contexts, rivals)
    same = twelve if shape["layers"] == 12 else pipeline_rate(model, shape["layers"], shape["width"], some)
    plain = plain_loop_rate(model, spread(contexts, 2 * rivals))
    print(f"{name}, {shape['layers']} layers, on {labeller.runtime}")
    print(f"  archive to run folder          {done / wall:8.1f} comments/s; {done / cpu * 3600:,.0f} per CPU-hour")
    print(f"  replies in context to labels   {ours:8.1f} comments/s")
    names = {
        "same": (same, f"transformers.pipeline, float32, {shape['layers']} layers (the same network)"),
        "twelve": (twelve, "transformers.pipeline, float32, 12 layers (what one would fine-tune)"),
        "plain": (plain, "ONNX Runtime, int8, plain loop"),
    }
    for key, (rate, what) in names.items():
        print(f"  {what:68}{rate:7.1f} comments/s: {ours / rate:5.1f} x (goal {GOALS[key]} x)")
    total = sum(spent.values())
    print("  CPU time: " + ", ".join(f"{step} {100 * s / total:.1f} %" for step, s in spent.items()))
    useful = tokens / len(contexts) * ours * weights_per_token(model)
    told = ", ".join(f"{kind} {rate / 1e9:.0f}" for kind, rate in limit.items())
    print(
        f"  8-bit matrix peak of this machine: {told} G multiply-adds/s; inference does {useful / 1e9:.0f} useful ones:"
    )
    print(f"  {100 * useful / max(limit.values()):.0f} % of the peak (goal {100 * GOALS['peak']:.0f} %)", flush=True)
    return ours


def main() -> None:
    global ROUNDS
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=model_folder, nargs="+", default=[model_folder(name) for name in SHIPPED])
    parser.add_argument("--replies", type=int, default=2_000)
    parser.add_argument("--rival-replies", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    ROUNDS = options.rounds
    trees = sample_trees(options.replies)
    contexts = [c for tree in trees for _, c in reply_contexts(tree)]
    languages = {lang: sum(c.language == lang for c in contexts) for lang in ("en", "zh")}
    print(f"texts: {source()}, {len(contexts)} replies in context {languages}, {available_cores()} cores", flush=True)
    first = options.model[0]
    twelve = pipeline_rate(first, 12, shape_of(first)["width"], spread(contexts, options.rival_replies))
    limit = measured()
    rates = [report(model, trees, contexts, options.rival_replies, twelve, limit) for model in options.model]
    for model, rate in zip(options.model[1:], rates[1:], strict=True):
        print(f"{model.name} is {rate / rates[0]:.2f} x as fast as {first.name}")


if __name__ == "__main__":
    main()
