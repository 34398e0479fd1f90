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

require("sklearn", extra="train")
from sklearn.base import BaseEstimator, ClassifierMixin  # noqa: E402
from sklearn.dummy import DummyClassifier  # noqa: E402
from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.utils.validation import check_is_fitted  # noqa: E402

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
    return DummyClassifier(strategy="most_frequent")


class TfidfBaseline(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped for us
    """TF-IDF over one- to three-token runs of the reply, then multinomial logistic regression.

    A scikit-learn classifier of texts: it can be cloned, searched over and cross-validated. Its input is a list of
    strings, so those of scikit-learn's estimator checks that feed numbers do not apply.

    Args:
        ngrams: Longest run of tokens.
        min_df: Replies a run must occur in.
        max_features: Runs to keep, the most frequent ones.
        C: Inverse strength of regularisation.
        random_state: Seed of the solver.

    Example:
        >>> texts = ["which size?", "what size is it?", "so nice", "nice nice nice"]
        >>> model = TfidfBaseline(min_df=1).fit(texts, ["D", "D", "M", "M"])
        >>> model.predict(["what size?"]).tolist(), model.classes_.tolist()
        (['D'], ['D', 'M'])
    """

    def __init__(
        self,
        *,
        ngrams: int = 3,
        min_df: int = 2,
        max_features: int = MAX_FEATURES,
        C: float = 4.0,  # noqa: N803  # scikit-learn's name
        random_state: int | None = 0,
    ) -> None:
        self.ngrams = ngrams
        self.min_df = min_df
        self.max_features = max_features
        self.C = C
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags

    def fit(self, X: Sequence[str], y: Sequence[Any]) -> TfidfBaseline:  # noqa: N803
        """Learn from texts and their labels.

        Raises:
            ValueError: ``X`` is no sequence of strings, or only one label occurs in ``y``.
        """
        vectoriser = TfidfVectorizer(
            tokenizer=tokens,
            token_pattern=None,
            lowercase=False,
            ngram_range=(1, self.ngrams),
            min_df=self.min_df,
            max_features=self.max_features,
            sublinear_tf=True,
        )
        model = LogisticRegression(C=self.C, max_iter=1000, class_weight="balanced", random_state=self.random_state)
        self.pipeline_ = make_pipeline(vectoriser, model).fit(_texts(X), y)
        self.classes_ = model.classes_
        return self

    def predict(self, X: Sequence[str]) -> Any:  # noqa: N803
        """Label of each text. Shape: (n,)."""
        check_is_fitted(self)
        return self.pipeline_.predict(_texts(X))

    def predict_proba(self, X: Sequence[str]) -> Any:  # noqa: N803
        """Probabilities in the order of ``classes_``. Shape: (n, labels)."""
        check_is_fitted(self)
        return self.pipeline_.predict_proba(_texts(X))


def _texts(X: Sequence[str]) -> list[str]:  # noqa: N803
    texts = [] if isinstance(X, str) else list(X)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("X must be a sequence of texts, at least one")
    return texts
