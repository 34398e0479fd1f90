"""The floors every score is printed beside: the most common label, and TF-IDF with logistic regression.

Both are scikit-learn estimators over reply texts; words come from spaCy's tokenizers (Chinese by character),
so that neither language is favoured. Needs the extra ``train``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from nlp_engage.errors import require
from nlp_engage.text import detect_language, for_model

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FEATURES: Final = 60_000


@lru_cache(maxsize=2)
def _tokenizer(language: str) -> Any:
    spacy: Any = require("spacy", extra="train")
    return spacy.blank(language).tokenizer


def tokens(text: str) -> list[str]:
    """Words of an English text, characters of a Chinese one, lower-cased; emoji and punctuation are kept.

    >>> tokens("So good 太好喝")
    ['so', 'good', '太', '好', '喝']
    >>> tokens("So good!!")
    ['so', 'good', '!', '!']
    """
    normal = for_model(text).lower()
    language = "zh" if detect_language(normal) == "zh" else "en"
    found = [token for token in _tokenizer(language)(normal) if not token.is_space]
    return _join_latin(found) if language == "zh" else [token.text for token in found]


def _join_latin(characters: Sequence[Any]) -> list[str]:
    # spaCy's character segmenter cuts Latin words into letters; put back together what no space parts.
    joined: list[str] = []
    apart = True
    for c in characters:
        latin = c.text.isascii() and c.text.isalnum()
        if latin and not apart:
            joined[-1] += c.text
        else:
            joined.append(c.text)
        apart = bool(c.whitespace_) or not latin
    return joined


def majority_baseline() -> Any:
    """An estimator that always answers with the most common training label."""
    dummy: Any = require("sklearn.dummy", extra="train")
    return dummy.DummyClassifier(strategy="most_frequent")


def tfidf_baseline(*, seed: int = 0) -> Any:
    """TF-IDF over one- to three-token runs of the reply, then multinomial logistic regression.

    Returns:
        A scikit-learn ``Pipeline``: ``fit(texts, labels)``, ``predict(texts)``, ``predict_proba(texts)``.
    """
    text: Any = require("sklearn.feature_extraction.text", extra="train")
    linear: Any = require("sklearn.linear_model", extra="train")
    pipeline: Any = require("sklearn.pipeline", extra="train")
    vectoriser = text.TfidfVectorizer(
        tokenizer=tokens,
        token_pattern=None,
        lowercase=False,
        ngram_range=(1, 3),
        min_df=2,
        max_features=MAX_FEATURES,
        sublinear_tf=True,
    )
    model = linear.LogisticRegression(C=4.0, max_iter=1000, class_weight="balanced", random_state=seed)
    return pipeline.Pipeline([("tfidf", vectoriser), ("logistic", model)])
