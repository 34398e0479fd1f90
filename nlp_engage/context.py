"""What the classifier sees of a reply: its text, who wrote it, and the turns it stands under.

The same record is made from a dialogue tree (labelling) and from a labelled unit (training), so that a model
never meets at work a shape it was not trained on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nlp_engage.errors import DataError
from nlp_engage.text import detect_language, for_model, tag_language
from nlp_engage.types import ACT_LABEL, ACTS, LABEL_CODES, LANGUAGES, Act, Comment, ReplyContext, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nlp_engage.types import DialogueTree

MAX_ANCESTORS: Final = 3
POST_CHARS: Final = 300
"""A post is cut here, as in the labelled data."""

_OWNER_MARK: Final = "(page owner)"
_SILENT: Final = ("und", "none")
"""What ``detect_language`` says of a text that shows no language."""


def thread_language(tree: DialogueTree) -> str:
    """The language most of a thread is written in, for comments that show none (emoji, digits).

    A comment counts by what its text shows, or else by the archive's own tag. Ties fall to the post's language, then
    to English or Chinese; a thread that shows no language at all is taken for English.

    Returns:
        ``en``, ``zh`` or ``other``.

    >>> from nlp_engage.tree import build_tree
    >>> thread_language(build_tree([Comment(id="p", thread_id="p", text="新口味"),
    ...                             Comment(id="c", thread_id="p", parent_id="p", text="😍")]))
    'zh'
    """
    shown = [detect_language(c.text) for c in tree.comments]
    found = [tag_language(c.lang) if s in _SILENT else s for s, c in zip(shown, tree.comments, strict=True)]
    counts = {language: found.count(language) for language in (*LANGUAGES, "other")}
    return max(counts, key=lambda language: (counts[language], language == found[0]))


def comment_languages(tree: DialogueTree) -> tuple[str, ...]:
    """Language of every node: ``en``, ``zh``, ``other`` (out of domain) or ``none`` (nothing to read).

    What the text shows counts. Where it shows no language, the archive's own tag decides (``text.tag_language``), and
    where that names none, the thread around it: emoji below a Spanish post are out of domain like the post.

    Returns:
        One value a node, in tree order. Length n.
    """
    fallback: str | None = None
    languages = []
    for comment, stand_in in zip(tree.comments, tree.stand_in, strict=True):
        language = "none" if stand_in or comment.deleted else detect_language(comment.text)
        if language == "und":
            fallback = fallback or thread_language(tree)
            language = tag_language(comment.lang) or fallback
        languages.append(language)
    return tuple(languages)


def reply_contexts(tree: DialogueTree, languages: Sequence[str] | None = None) -> Iterator[tuple[int, ReplyContext]]:
    """Yield ``(index, context)`` for every reply of a tree that can be labelled.

    The post, stand-ins, deleted comments and text out of domain (neither English nor Chinese) are left out.

    Args:
        tree: The tree.
        languages: ``comment_languages(tree)``, where it is known already.

    >>> from nlp_engage.tree import build_tree
    >>> tree = build_tree([
    ...     Comment(id="p", thread_id="p", author="shop", text="New cups!"),
    ...     Comment(id="a", thread_id="p", parent_id="p", author="ann", text="Do they leak?"),
    ...     Comment(id="b", thread_id="p", parent_id="a", author="shop", text="No, we tested 400 of them."),
    ... ])
    >>> contexts = dict(reply_contexts(tree))
    >>> contexts[2].by_owner, [(role.value, text) for role, text in contexts[2].turns]
    (True, [('other', 'Do they leak?'), ('post', 'New cups!')])
    """
    languages = comment_languages(tree) if languages is None else languages
    texts: dict[int, str] = {}
    for i in range(1, len(tree)):
        if languages[i] not in LANGUAGES:
            continue
        yield (
            i,
            ReplyContext(
                reply=for_model(tree.comments[i].text),
                by_owner=_is_owner(tree.comments[i], tree.post),
                turns=tuple(_turns(tree, i, texts)),
                language=languages[i],
            ),
        )


def _turns(tree: DialogueTree, i: int, texts: dict[int, str]) -> Iterator[tuple[Role, str]]:
    author, comments = tree.comments[i].author, tree.comments
    j, taken = int(tree.parents[i]), 0
    while j > 0 and taken < MAX_ANCESTORS:
        # a comment without words (a picture, a sticker) is shown like a lost one: a unit tells no difference
        gone = bool(tree.stand_in[j]) or comments[j].deleted or not comments[j].text
        if j not in texts:
            texts[j] = "" if gone else for_model(comments[j].text)
        yield (Role.GONE if gone else _role(comments[j], author, comments[0])), texts[j]
        j, taken = int(tree.parents[j]), taken + 1
    if 0 not in texts:
        texts[0] = for_model(comments[0].text[:POST_CHARS])
    if texts[0]:
        yield Role.POST, texts[0]


def _is_owner(comment: Comment, post: Comment) -> bool:
    return comment.is_owner or (comment.author is not None and comment.author == post.author)


def _role(comment: Comment, author: str | None, post: Comment) -> Role:
    if author is not None and comment.author == author:
        return Role.SELF
    return Role.OWNER if _is_owner(comment, post) else Role.OTHER


def context_of_unit(unit: Mapping[str, Any]) -> ReplyContext:
    """Make the model's input from one labelled unit (a line of ``data/labels/seed.jsonl``).

    Args:
        unit: ``uid, lang, post, above, by, reply`` as described in ``docs/codebook.md``.

    Raises:
        DataError: A field is missing or the language is neither English nor Chinese.

    >>> unit = {"uid": "u1", "lang": "en", "post": "New cups!", "above": [["A", "Do they leak?"]],
    ...         "by": "B(page owner)", "reply": "No, we tested 400 of them."}
    >>> context_of_unit(unit).turns[0][0].value
    'other'
    """
    try:
        by, above, language = unit["by"], unit["above"], unit["lang"]
        post, reply = unit["post"], unit["reply"]
    except KeyError as missing:
        raise DataError(f"unit {unit.get('uid', '?')!r}: field {missing} is missing; see docs/codebook.md") from None
    if language not in LANGUAGES:
        raise DataError(f"unit {unit.get('uid', '?')!r}: lang is {language!r}, must be one of {LANGUAGES}")
    owner = by.endswith(_OWNER_MARK)
    turns: list[tuple[Role, str]] = []
    for speaker, text in list(reversed(above))[:MAX_ANCESTORS]:
        same = speaker.removesuffix(_OWNER_MARK) == by.removesuffix(_OWNER_MARK)
        role = Role.SELF if same else Role.OWNER if speaker.endswith(_OWNER_MARK) else Role.OTHER
        turns.append((role, for_model(text)) if text else (Role.GONE, ""))
    if post := for_model(post[:POST_CHARS]):
        turns.append((Role.POST, post))
    return ReplyContext(reply=for_model(reply), by_owner=owner, turns=tuple(turns), language=language)


def labels_of_unit(unit: Mapping[str, Any]) -> tuple[int, int]:
    """Index of a unit's label in ``LABELS`` and of its act in ``ACTS`` (-1 where the unit has no act).

    Raises:
        DataError: The label or act is unknown, or the act belongs to another label.

    >>> labels_of_unit({"uid": "u1", "label": "D", "act": "ques"})
    (1, 4)
    """
    uid, code, act = unit.get("uid", "?"), unit.get("label"), unit.get("act")
    if code not in LABEL_CODES:
        raise DataError(f"unit {uid!r}: label is {code!r}, must be one of {', '.join(LABEL_CODES)}")
    if act is None:
        return list(LABEL_CODES).index(code), -1
    if act not in ACTS:
        raise DataError(f"unit {uid!r}: act is {act!r}, must be one of {', '.join(ACTS)}")
    if ACT_LABEL[Act(act)] != LABEL_CODES[code]:
        raise DataError(f"unit {uid!r}: act {act!r} belongs to {ACT_LABEL[Act(act)]}, but the label is {code!r}")
    return list(LABEL_CODES).index(code), ACTS.index(Act(act))


def units_of_replies(
    tree: DialogueTree, rows: Iterable[int], languages: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Make the units an annotator reads (and a model can be trained on) from replies of a tree.

    A unit holds what ``reply_contexts`` would show the model, and nothing more: nobody labels by what the model
    cannot see. People are letters, the same letter for the same person.

    Args:
        tree: The tree.
        rows: Indices of the replies, each above 0.
        languages: What ``comment_languages`` gave for the tree, where it is known already.

    Yields:
        ``uid, lang, platform, thread, post, above, by, reply``; a label is what is missing.

    >>> from nlp_engage.tree import build_tree
    >>> tree = build_tree([
    ...     Comment(id="p", thread_id="p", author="shop", text="New cups!"),
    ...     Comment(id="a", thread_id="p", parent_id="p", author="ann", text="Do they leak?"),
    ...     Comment(id="b", thread_id="p", parent_id="a", author="shop", text="No, we tested 400 of them."),
    ... ])
    >>> unit, = units_of_replies(tree, [2])
    >>> unit["above"], unit["by"], unit["reply"]
    ([['A', 'Do they leak?']], 'B(page owner)', 'No, we tested 400 of them.')
    >>> context_of_unit(unit) == dict(reply_contexts(tree))[2]
    True
    """
    languages = comment_languages(tree) if languages is None else languages
    for i in rows:
        turns = _speaking_turns(tree, i)
        reply = tree.comments[i]
        yield {
            "uid": reply.id,
            "lang": languages[i],
            "platform": reply.platform,
            "thread": tree.thread_id,
            "post": tree.post.text[:POST_CHARS],
            "above": turns[:-1],
            "by": turns[-1][0],
            "reply": reply.text,
        }


def _speaking_turns(tree: DialogueTree, i: int) -> list[list[str]]:
    """The nearest ancestors of a reply, oldest first, and the reply itself, each with who speaks."""
    path = [i]
    while len(path) <= MAX_ANCESTORS and (up := int(tree.parents[path[-1]])) > 0:
        path.append(up)
    letters: dict[str, str] = {}
    turns = []
    for j in reversed(path):
        comment = tree.comments[j]
        letter = letters.setdefault(comment.author or f"unknown {j}", chr(ord("A") + len(letters)))
        owner = _OWNER_MARK if _is_owner(comment, tree.post) else ""
        gone = bool(tree.stand_in[j]) or comment.deleted
        turns.append([letter + owner, "" if gone else comment.text])
    return turns
