"""The spaCy component ``engagement``: ``nlp.add_pipe("engagement")``, then ``doc._.engagement``.

A doc is one reply. What it answers goes into ``doc.user_data["context"]`` before the pipeline runs, in the fields of
a labelled unit (``docs/codebook.md``, section 8): ``post``, ``above`` (oldest first, ``[speaker, text]``), ``by``; all
may be left out, and the reply is then read as if nothing stood above it. ``lang``, a tag such as ``en`` or ``zh-CN``,
goes before what the text shows. A ``ReplyContext`` is taken as it is. Blank replies and other languages have no label.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from nlp_engage.classify import OnnxLabeller
from nlp_engage.classify.runtime import AUTO
from nlp_engage.context import context_of_unit
from nlp_engage.errors import DataError, require
from nlp_engage.text import detect_language, tag_language
from nlp_engage.types import ACTS, LABELS, LANGUAGES, ReplyContext, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

require("spacy", extra="train")
from spacy.language import Language  # noqa: E402
from spacy.tokens import Doc  # noqa: E402

NAME: Final = "engagement"


class _Context(msgspec.Struct):
    """Types of the fields of ``doc.user_data["context"]``; more may be there."""

    post: str = ""
    above: list[tuple[str, str]] = []
    by: str = "A"
    lang: str | None = None


_SURROGATE: Final = re.compile("[\ud800-\udfff]")
CONTEXT: Final = "context"
"""Key of ``doc.user_data`` that holds what a reply stands under."""


@Language.factory(NAME, default_config={"model": None, "threads": 0, "runtime": AUTO}, assigns=[f"doc._.{NAME}"])  # type: ignore[untyped-decorator]
def make_engagement(
    nlp: Language, name: str, model: str | None = None, threads: int = 0, runtime: str = AUTO
) -> Engagement:
    """Make the component; spaCy calls it.

    Args:
        nlp: The pipeline; its language is the reply's where the text does not show one.
        name: Name of the component in the pipeline.
        model: Model folder; ``None`` for the shipped model.
        threads: Threads for inference; 0 for one per core.
        runtime: As for ``OnnxLabeller.load``.

    Raises:
        DataError: ``threads`` is below 0.
        ModelError: The model or the runtime cannot be used.
    """
    return Engagement(nlp.lang, model, threads, runtime)


class Engagement:
    """Sets ``doc._.engagement``: label, act and their probabilities; ``None`` where a text is blank or out of domain.

    Args:
        lang: Language of the pipeline.
        model: Model folder; ``None`` for the shipped model.
        threads: Threads for inference; 0 for one per core.
        runtime: As for ``OnnxLabeller.load``.

    Example:
        >>> import spacy
        >>> nlp = spacy.blank("en")
        >>> component = nlp.add_pipe("engagement")
        >>> doc = nlp.make_doc("No, we tested 400 of them.")
        >>> doc.user_data["context"] = {"post": "New cups!", "above": [["A", "Do they leak?"]], "by": "B(page owner)"}
        >>> nlp(doc)._.engagement["label"]
        'genuine_dialogue'
    """

    def __init__(self, lang: str, model: str | None = None, threads: int = 0, runtime: str = AUTO) -> None:
        self._settings = lang, model, threads, runtime
        self._lang = lang
        self._labeller = OnnxLabeller.load(model, threads=threads, runtime=runtime)
        if not Doc.has_extension(NAME):
            Doc.set_extension(NAME, default=None)

    def __reduce__(self) -> tuple[type[Engagement], tuple[str, str | None, int, str]]:
        """Other processes (``nlp.pipe(..., n_process=2)``) load the model for themselves."""
        return Engagement, self._settings

    def __call__(self, doc: Doc) -> Doc:
        """Label one doc."""
        self._label([doc])
        return doc

    def pipe(self, stream: Iterable[Doc], batch_size: int = 256) -> Iterator[Doc]:
        """Label a stream in batches, in order."""
        docs = iter(stream)
        while batch := list(islice(docs, batch_size)):
            self._label(batch)
            yield from batch

    def _label(self, docs: Sequence[Doc]) -> None:
        for doc in docs:
            doc._.engagement = None  # it may have been labelled before, with another context
        contexts = [(doc, context) for doc in docs if (context := self._context(doc))]
        found = self._labeller.predict([context for _, context in contexts])
        rows = zip(contexts, found.probabilities, found.acts, found.act_probabilities, strict=True)
        for (doc, _), p, act, p_act in rows:
            doc._.engagement = {
                "label": str(LABELS[int(p.argmax())]),
                "probabilities": {str(label): float(x) for label, x in zip(LABELS, p, strict=True)},
                "act": str(ACTS[act]),
                "act_probability": float(p_act),
            }

    def _context(self, doc: Doc) -> ReplyContext | None:
        given: Any = doc.user_data.get(CONTEXT, {})
        if fault := _fault_of_context(given) if isinstance(given, ReplyContext) else _fault_of_fields(given):
            raise DataError(f"doc.user_data[{CONTEXT!r}]{fault} (the doc is {doc.text[:40]!r})")
        if isinstance(given, ReplyContext):
            return None if detect_language(given.reply) == "none" else given
        language = self._language(doc.text, given.get("lang"))
        if language not in LANGUAGES:
            return None
        unit = {"uid": doc.text[:40], "post": "", "above": [], "by": "A", **given, "lang": language, "reply": doc.text}
        return context_of_unit(unit)

    def _language(self, text: str, tag: str | None) -> str:
        shown = detect_language(text)
        if shown == "none":
            return shown
        return tag_language(tag) or (self._lang if shown == "und" else shown)


def _fault_of_fields(given: Any) -> str | None:
    """What is wrong with a context in the fields of a unit, to go on after where it stands."""
    if not isinstance(given, dict):
        return (
            f" is a {type(given).__name__}, must be a dictionary with post, above and by (docs/codebook.md, section 8) "
            "or a ReplyContext"
        )
    try:
        tag = msgspec.convert(given, _Context).lang
    except msgspec.ValidationError as error:
        return f": {error}; see docs/codebook.md, section 8"
    if tag and not tag_language(tag):
        return f": lang is {tag!r}, must be a language tag such as en or zh-CN; leave it out where it is not known"
    return None


def _fault_of_context(given: ReplyContext) -> str | None:
    """What a model could not read in a context that somebody else made."""
    if given.language not in LANGUAGES:
        return f": language is {given.language!r}, must be one of {LANGUAGES}; leave out docs in other languages"
    if not isinstance(given.turns, tuple) or not all(map(_is_turn, given.turns)):
        return f": turns is {given.turns!r}, must be a tuple of tuples (Role, text)"
    for text in (given.reply, *(text for _, text in given.turns)):
        if not isinstance(text, str) or _SURROGATE.search(text):
            return f": {text!r} must be a text without lone surrogates; nlp_engage.text.for_model takes them out"
    return None


def _is_turn(turn: object) -> bool:
    return isinstance(turn, tuple) and len(turn) == 2 and isinstance(turn[0], Role)
