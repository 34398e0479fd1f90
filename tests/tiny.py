"""A whole model in seconds: a Unigram tokenizer of a few words, an encoder of 2 layers x 32, units with plain cues."""

from __future__ import annotations

import json
from pathlib import Path

CUES = {
    ("en", "M"): ("lol", "wow", "nice"),
    ("en", "D"): ("which size", "yes blue", "it leaks"),
    ("en", "S"): ("my nan", "our garden", "last summer"),
    ("zh", "M"): ("支持", "哈哈", "好看"),
    ("zh", "D"): ("多少钱", "蓝色吗", "漏水了"),
    ("zh", "S"): ("我奶奶", "小时候", "那年夏天"),
}
ACT_OF = {"M": "reac", "D": "ques", "S": "stor"}
POSTS = {"en": "New cups", "zh": "新杯子"}
FILLER = {"en": ("today", "here", "again"), "zh": ("今天", "这里", "又")}
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def units(per_cue: int, prefix: str, threads: int) -> list[dict]:
    """Labelled units: the cue in the reply tells the label, so that anything that learns at all gets them right."""
    made = []
    for (lang, label), cues in CUES.items():
        for n in range(per_cue):
            cue, filler = cues[n % len(cues)], FILLER[lang][n % 2 + n % 3 // 2]
            number = len(made)
            made.append(
                {
                    "uid": f"{prefix}{number}",
                    "lang": lang,
                    "thread": f"{prefix}-t{number % threads}",
                    "post": POSTS[lang],
                    "above": [["B", filler]] if n % 2 else [],
                    "by": "A",
                    "reply": f"{cue} {filler}" if lang == "en" else cue + filler,
                    "label": label,
                    "act": ACT_OF[label],
                }
            )
    return made


def write_units(path: Path, made: list[dict]) -> Path:
    path.write_text("".join(json.dumps(u, ensure_ascii=False) + "\n" for u in made), "utf-8")
    return path


def vocabulary() -> list[tuple[str, float]]:
    """Special pieces, words with and without the word mark, then every character, so that nothing is unknown."""
    texts = [*POSTS.values(), *(w for ws in (*CUES.values(), *FILLER.values()) for w in ws)]
    words = sorted({word for text in texts for word in text.split()})
    roles = ("▁post", "▁me", "▁brand", "▁user", "▁deleted")
    rare = [f"▁unused{n}" for n in range(40)]
    characters = sorted({c for text in texts for c in text if c != " "} | set("abcdefghijklmnopqrstuvwxyz▁"))
    pieces = [*(f"▁{w}" for w in words), *words, *roles, *rare, *characters]
    return [(piece, 0.0) for piece in SPECIAL] + [(p, -5.0 - 2 * (len(p) == 1)) for p in dict.fromkeys(pieces)]


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.Unigram(vocabulary(), unk_id=3))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.add_special_tokens(list(SPECIAL))
    return made


def hub_folder(folder: Path) -> Path:
    """What a model hub would give: encoder and fast tokenizer, in the XLM-R manner."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    torch.manual_seed(0)
    made = tokenizer()
    config = BertConfig(
        vocab_size=made.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=160,
        pad_token_id=1,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", pad_token="<pad>").save_pretrained(folder)
    return folder


def interrupt(config, monkeypatch, at):
    """Begin a training and break it off, as Ctrl-C does, at one of its steps."""
    import pytest

    from nlp_engage.train.finetune import EngageTrainer, finetune

    steps, loss = iter(range(1_000)), EngageTrainer.compute_loss

    def stopping(self, *args, **kwargs):
        if self.model.training and next(steps) == at:
            raise KeyboardInterrupt
        return loss(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(EngageTrainer, "compute_loss", stopping)
        with pytest.raises(KeyboardInterrupt):
            finetune(config)
