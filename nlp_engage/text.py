"""Text: what language a comment is in, what the model reads of it, and when two comments are copies.

Every function is pure, and ``copy_key`` is idempotent. ``for_model`` is part of the context template:
changing it changes what the model sees, so ``encoding.TEMPLATE_VERSION`` must change with it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from nlp_engage.types import LANGUAGES

_URL = re.compile(r"(?:https?://|www\.)[^\s\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+", re.IGNORECASE)
_LATIN_MENTION = re.compile(r"(?<![A-Za-z0-9_.])@[A-Za-z0-9_][A-Za-z0-9_.\-]{1,39}")
_OTHER_MENTION = re.compile(r"@[\w\-·]{1,16}(?=[\s:,。、!?@;]|$)")
_REPLY_PREFIX = re.compile(r"^\s*回[复覆]\s*(@[^:]{1,40}?)\s*:\s*")
# Lone surrogates are among them: no tokenizer takes them.
_INVISIBLE = re.compile(
    r"[\u0000-\u0008\u000b-\u001f\u007f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0e\ufe0f\ufeff\ud800-\udfff]"
)
_FLOOD = re.compile(r"([^\d\s]{1,4}?)\1{3,}")
_SPACE = re.compile(r"\s+")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_ASCII_SIGNS: Final = dict.fromkeys(c for c in range(128) if not chr(c).isalnum())
_STICKER = re.compile(r"\[[^\[\]\s]{1,12}\]")
# A sticker counts as one sign: its own letters are no flood ("[哈哈]" is not "[哈]").
_SIGN = rf"(?:{_STICKER.pattern}|(?!{_STICKER.pattern}).)"
_SIGNS = re.compile(rf"({_SIGN}{{1,12}}?)\1+|{_SIGN}", re.DOTALL)
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ebef]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f']+")
_MODEL_CHARS: Final = 2_000

# Function words that hardly occur in other Latin-script languages: they settle short texts, on which a
# statistical language identifier is unreliable (short English is often taken for Italian or Dutch).
_ENGLISH_WORDS: Final = frozenset(
    """
    the and you your this that what when where who why how with have has had was were are is it's i'm
    i've i'd don't didn't can't won't isn't of to for not they there their them then than would could
    should been just from about my we our his her she he's she's which because really thanks thank
    please good great love nice amazing want need know think does did get got lol yes
    """.split()  # noqa: SIM905  (a list of 100 quoted words is harder to read)
)
# The same for the other side: frequent words of these languages that English has not, nor names.
_OTHER_WORDS: Final = frozenset(
    """
    que para muy gracias por los las una está están eres hola quiero donde dónde cuanto cuánto cuesta precio hermosa
    hermoso bonita bonito linda lindo precioso preciosa encanta mejor siempre pero porque também você não obrigado
    obrigada muito onde quero adorei demais merci très avec pour je suis vous nous c'est magnifique und ist nicht ich
    das sehr schön danke bitte auch bello bella bellissimo bellissima grazie sono molto anche perché yang dan aku kamu
    banget tidak bagus çok güzel bir için teşekkürler
    """.split()  # noqa: SIM905
)
_TAG: Final = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]+)*")
_TAGS: Final = {"eng": "en", "zho": "zh", "chi": "zh", "cmn": "zh"}
_NO_LANGUAGE: Final = re.compile("un|und|mis|mul|zxx|q[a-t][a-z]")
"""Tags that name none: unknown, several, nothing linguistic, private use (Twitter's for mentions, media, hashtags)."""
_OTHER_LATIN_CONFIDENCE: Final = 0.9
_OTHER_LATIN_WORDS: Final = 3


def detect_language(text: str) -> str:
    """Tell English and Chinese from everything else, by script first.

    Args:
        text: Text of one comment.

    Returns:
        ``"en"``, ``"zh"``, ``"other"`` (another language), ``"und"`` (no letters: emoji, digits, stickers;
        the conversation around it decides) or ``"none"`` (nothing visible).

    >>> texts = ("so good!!", "太好喝了吧", "¿dónde puedo comprar esto en España?", "😂😂", " ")
    >>> [detect_language(text) for text in texts]
    ['en', 'zh', 'other', 'und', 'none']
    >>> detect_language("ありがとうございます"), detect_language("這個 flavour 我可以喝一整年")
    ('other', 'zh')
    """
    bare = _URL.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    if not bare.strip():
        return "und" if text.strip() and _URL.search(text) else "none"
    bare = _STICKER.sub(" ", _LATIN_MENTION.sub(" ", bare))
    han, kana = len(_HAN.findall(bare)), len(_KANA.findall(bare))
    latin = len(_LATIN.findall(bare))
    letters = sum(map(str.isalpha, bare))
    if kana > 1 and kana * 4 >= han:
        return "other"
    if han and han * 3 >= latin:  # one Chinese character says about as much as three Latin letters
        return "zh"
    if letters - latin - han - kana > max(latin, han):
        return "other"
    if latin == 0:
        return "und"
    return _latin_language(bare)


def tag_language(tag: str | None) -> str | None:
    """Read the language tag of an archive, whatever its region, script and case.

    Args:
        tag: As the source states it: ``en``, ``zh-CN``, ``zh_TW``, ``es``, ...

    Returns:
        ``"en"``, ``"zh"``, ``"other"`` (another language), or ``None`` where the tag names no language.

    >>> [tag_language(tag) for tag in ("en-US", "zh_TW", "ES", "und", "English", None)]
    ['en', 'zh', 'other', None, None, None]
    """
    found = _TAG.fullmatch((tag or "").strip().lower())
    if not found or _NO_LANGUAGE.fullmatch(found[1]):
        return None
    language = _TAGS.get(found[1], found[1])
    return language if language in LANGUAGES else "other"


def _latin_language(text: str) -> str:
    words = [w.lower().strip("'") for w in _WORD.findall(text)]
    if not words:
        return "und"
    english = sum(w in _ENGLISH_WORDS for w in words)
    if sum(w in _OTHER_WORDS for w in words) > english:
        return "other"
    if len(words) < _OTHER_LATIN_WORDS or english * 6 >= len(words):
        return "en"
    language, probability = _identify(" ".join(words))
    return "other" if language != "en" and probability >= _OTHER_LATIN_CONFIDENCE else "en"


@lru_cache(maxsize=1)
def _identifier() -> object:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # no pickle: arrays only

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _identify(text: str) -> tuple[str, float]:
    language, probability = _identifier().classify(text)  # type: ignore[attr-defined]
    return str(language), float(probability)


def for_model(text: str) -> str:
    """Normalise a text for the classifier: width, mentions, links, floods and white space.

    Names are masked because the model must not learn who somebody is; floods are cut to three because the
    fourth repetition says nothing new and costs tokens.

    >>> for_model("回复 @小张 :哈哈哈哈哈哈哈哈  太好笑了")
    '@user 哈哈哈 太好笑了'
    >>> for_model("@alex_99 look!!!!!! https://example.com/a?b=1 ＯＫ")
    '@user look!!! http OK'
    """
    out = unicodedata.normalize("NFKC", text[:_MODEL_CHARS])
    out = _URL.sub(" http ", _INVISIBLE.sub("", out))
    out = _REPLY_PREFIX.sub("@user ", out)
    out = _OTHER_MENTION.sub("@user", _LATIN_MENTION.sub("@user", out))
    out = _FLOOD.sub(r"\1\1\1", out)
    return _SPACE.sub(" ", out).strip()


def copy_key(text: str) -> str:
    """The part of a text by which copies are recognised.

    Case, width, punctuation, white space, mentions and links do not make a text a new one. Emoji and stickers
    count only where nothing else is left.

    >>> copy_key("Love it!!! @mia.ro") == copy_key("love it")
    True
    >>> copy_key("😍😍"), copy_key("[哈哈][哈哈]")
    ('😍', '[哈哈]')
    """
    out = text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    out = out.casefold()
    # Most texts have none of these: one look for a letter is a tenth of the price of a search for a pattern.
    if "回" in out:
        out = _REPLY_PREFIX.sub(" ", out)
    if "://" in out or "www." in out:
        out = _URL.sub(" ", out)
    if "@" in out:
        out = _OTHER_MENTION.sub(" ", _LATIN_MENTION.sub(" ", out))
    words = _letters(_STICKER.sub("", out) if "[" in out else out)
    return words or _without_repeats(_SPACE.sub("", out)[:_MODEL_CHARS])


def _letters(text: str) -> str:
    """Its letters and digits: what ``_NOT_ALPHANUMERIC`` leaves."""
    if text.isascii():
        return text.translate(_ASCII_SIGNS)
    words = "".join(text.split())
    return words if words.isalnum() else "".join(_NOT_ALPHANUMERIC.split(words))


def _without_repeats(signs: str) -> str:
    """Cut every repeated run to one, until none is left: cutting one run may make another."""
    while (shorter := _SIGNS.sub(lambda m: m[1] or m[0], signs)) != signs:
        signs = shorter
    return signs
