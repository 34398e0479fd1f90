"""The words of the field: every type that crosses a module boundary, and the label scheme.

Records are frozen and keyword-only. Results stand beside their inputs (a ``LabelledTree`` holds a tree and
arrays aligned with it); nothing is ever written into a comment after it was read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]

LABEL_SCHEME: Final = "engage-3/1.2"
"""Label set and codebook version. A model trained for another scheme is refused."""


class Label(StrEnum):
    """What kind of engagement a reply is (``docs/codebook.md``), in the order of every probability array."""

    MINDLESS = "mindless_interaction"
    DIALOGUE = "genuine_dialogue"
    EXPRESSION = "self_expression"


class Act(StrEnum):
    """The finer reason for a label: one of fifteen codes, each belonging to exactly one label."""

    REACTION = "reac"
    TAG = "tag"
    PARTICIPATION = "part"
    SPAM = "spam"
    QUESTION = "ques"
    ANSWER = "answ"
    AGREEMENT = "agre"
    DISAGREEMENT = "disa"
    REQUEST = "requ"
    SOCIAL = "soci"
    OPINION = "opin"
    STORY = "stor"
    FEELING = "feel"
    CREATION = "crea"
    IDENTITY = "iden"


LABELS: Final = tuple(Label)
ACTS: Final = tuple(Act)
LABEL_CODES: Final[dict[str, Label]] = {"M": Label.MINDLESS, "D": Label.DIALOGUE, "S": Label.EXPRESSION}
ACT_LABEL: Final[dict[Act, Label]] = {
    act: LABELS[0] if i < 4 else LABELS[1] if i < 10 else LABELS[2] for i, act in enumerate(ACTS)
}
LANGUAGES: Final = ("en", "zh")
"""Languages the classifier is trained for; everything else is out of domain."""


class Comment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One post or comment: a line of the canonical archive format.

    Attributes:
        id: Identifier, unique in the archive. Always a string: platform ids exceed 2**53.
        thread_id: Identifier of the post the comment stands under; the post's own record has
            ``id == thread_id``.
        parent_id: What it answers; ``None`` for the post itself.
        author: Identifier of the author, or ``None`` where the source has none.
        text: Plain text (markup of the platform already removed).
        created: Time of writing, in UTC; a time without zone is taken as UTC.
        likes: Likes, up-votes or score; may be negative on some platforms.
        is_owner: Written by the page or brand that owns the post.
        lang: Language tag if the source states one (``en``, ``zh``, ...), else ``None``.
        platform: Platform name in lower case (``reddit``, ``youtube``, ``weibo``, ...).
        author_name: Display name, where it differs from ``author``; needed to resolve ``@name`` prefixes.
        root_id: The floor (top-level comment) the platform files this reply under, if there are two levels.
        n_replies: The platform's own reply counter: for a post all comments below it, for a comment its
            replies.
        deleted: The platform says this comment was deleted or removed.

    >>> Comment(id="c1", thread_id="p1", parent_id="p1", author="bob", text="Which size?").is_post
    False
    """

    id: str
    thread_id: str
    parent_id: str | None = None
    author: str | None = None
    text: str = ""
    created: datetime | None = None
    likes: int | None = None
    is_owner: bool = False
    lang: str | None = None
    platform: str | None = None
    author_name: str | None = None
    root_id: str | None = None
    n_replies: int | None = None
    deleted: bool = False

    def __post_init__(self) -> None:
        """Give a zoneless time its zone, so that any two times can be compared."""
        if self.created is not None and self.created.tzinfo is None:
            msgspec.structs.force_setattr(self, "created", self.created.replace(tzinfo=UTC))

    @property
    def is_post(self) -> bool:
        """Whether this is the post that opens its thread."""
        return self.id == self.thread_id


class IssueKind(StrEnum):
    """What healing had to repair or an archive left open. Each kind names one rule of ``tree.build_tree``."""

    MISSING_PARENT = "missing_parent"
    LOOP = "loop"
    SELF_REPLY = "self_reply"
    DUPLICATE_ID = "duplicate_id"
    EDITED = "edited"
    NO_POST = "no_post"
    EXTRA_ROOT = "extra_root"
    OLDER_THAN_PARENT = "older_than_parent"
    RECOVERED_PARENT = "recovered_parent"
    INCOMPLETE = "incomplete"


class LinkMethod(StrEnum):
    """How the parent of a comment was found. All but the last four are read from what was written."""

    STATED = "stated"  # the platform names the target
    NAME = "name"  # the text opens with the name of somebody on the floor
    ALIKE = "alike"  # ... with a name that a masked or displayed one may stand for
    QUOTE = "quote"  # it quotes a comment on the floor
    TURN = "turn"  # it names nobody or somebody unreadable: whoever spoke to its author, or spoke last
    FLOOR = "floor"  # it names nobody: the platform's floor stands
    STRANGER = "stranger"  # it names somebody who is not on the floor: the platform's floor stands
    REPAIRED = "repaired"  # the link was impossible (a loop, itself, none): the post stands in


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """One repair or gap: what, where, and a sentence a person can act on."""

    kind: IssueKind
    thread_id: str
    comment_id: str
    detail: str = ""


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be read: file, place (line or item, from 1) and reason."""

    file: str
    place: int
    reason: str
    excerpt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DialogueTree:
    """A thread as a rooted tree, post first, in topological order.

    Attributes:
        comments: The post at index 0, then every comment after its parent; siblings by time, then id.
            Shape: (n,).
        parents: Index of each comment's parent, ``parents[i] < i``; -1 for the post. Shape: (n,), int32.
        stand_in: True for nodes made by healing (a virtual post, a tombstone): never counted as comments.
            Shape: (n,), bool.
        link_confidence: Chance that the parent link is the true one, in (0, 1]: 1 where the platform states it,
            measured where it was recovered (``docs/who_answers_whom.md``). Shape: (n,), float64.
        link_method: How each parent link was found; the platform's own value is ``comments[i].parent_id``.
            Length n.
        issues: Every repair that was made, in a fixed order.
    """

    comments: tuple[Comment, ...]
    parents: IntArray
    stand_in: BoolArray
    link_confidence: FloatArray
    link_method: tuple[LinkMethod, ...]
    issues: tuple[Issue, ...] = ()

    @property
    def thread_id(self) -> str:
        """Identifier of the thread."""
        return self.comments[0].thread_id

    @property
    def post(self) -> Comment:
        """The opening post (a virtual one, with empty text, where the archive lacks it)."""
        return self.comments[0]

    def __len__(self) -> int:
        """Number of nodes, stand-ins and post included."""
        return len(self.comments)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledTree:
    """A tree and what is known of each of its nodes.

    Attributes:
        tree: The tree.
        probabilities: Calibrated probabilities in the order of ``LABELS``; a row of NaN where a node has no
            label (the post, stand-ins, out-of-domain text). Shape: (n, 3), float64; other rows sum to 1.
        acts: Index into ``ACTS``, -1 where unlabelled. Shape: (n,), int32.
        act_probabilities: Probability of that act, NaN where unlabelled. Shape: (n,), float64.
        languages: ``en``, ``zh``, ``other`` (out of domain) or ``none`` (empty, deleted). Length n.
    """

    tree: DialogueTree
    probabilities: FloatArray
    acts: IntArray
    act_probabilities: FloatArray
    languages: tuple[str, ...]


class Role(StrEnum):
    """Who speaks in a turn, seen from the author of the reply that is labelled."""

    POST = "post"
    SELF = "self"
    OWNER = "owner"
    OTHER = "other"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyContext:
    """What the classifier sees of one reply (``context`` makes it, ``encoding`` turns it into tokens).

    Attributes:
        reply: Text of the reply, normalised for the model.
        by_owner: Whether the page owner (the brand or the poster) wrote it.
        turns: The turns it stands under: nearest ancestor first, the post last. A removed comment has the
            role ``GONE`` and no text; an unknown post is left out.
        language: ``en`` or ``zh``: selects the calibration temperature.
    """

    reply: str
    by_owner: bool
    turns: tuple[tuple[Role, str], ...]
    language: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """A classifier's answer for a batch.

    Attributes:
        probabilities: Calibrated, in the order of ``LABELS``. Shape: (n, 3), float64; rows sum to 1.
        acts: Most probable act, index into ``ACTS``. Shape: (n,), int32.
        act_probabilities: Its probability. Shape: (n,), float64.
    """

    probabilities: FloatArray
    acts: IntArray
    act_probabilities: FloatArray


class Labeller(Protocol):
    """Anything that labels replies in context: the shipped model, a baseline, a fake in a test."""

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Name, scheme, template and weight hash: what a run's manifest records."""
        ...

    def predict(self, contexts: Sequence[ReplyContext]) -> Predictions:
        """Label a batch. Order of the answer is that of the input. May be called from several threads at once."""
        ...


@dataclass(slots=True)
class ReadReport:
    """The books of one read: ``read == kept + len(rejected)`` always holds.

    Attributes:
        formats: File name -> name of the format it was read as, and why.
        kept: Records turned into comments.
        skipped: Records that are no comments by design (pingbacks, Reddit ``more`` stubs), by reason.
        n_rejected: Records rejected; ``rejected`` keeps the first ``max_rejects`` of them.
    """

    formats: dict[str, str] = field(default_factory=dict)
    kept: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    n_rejected: int = 0
    rejected: list[Reject] = field(default_factory=list)
    max_rejects: int = 10_000

    @property
    def read(self) -> int:
        """Records seen that claim to be posts or comments."""
        return self.kept + self.n_rejected

    def reject(self, file: str, place: int, reason: str, excerpt: str = "") -> None:
        """Book a record that could not be used."""
        self.n_rejected += 1
        if len(self.rejected) < self.max_rejects:
            self.rejected.append(Reject(file=file, place=place, reason=reason, excerpt=excerpt[:200]))

    def skip(self, reason: str, count: int = 1) -> None:
        """Book records that are no comments by the format's own rules."""
        self.skipped[reason] = self.skipped.get(reason, 0) + count
