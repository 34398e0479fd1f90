"""Label Studio: tasks that show the thread, the labelling interface, and its exports read back.

Formats: the task, Paragraphs, Choices and export pages of Label Studio's documentation (labelstud.io/guide, /tags).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from nlp_engage.annotation.answers import label_code
from nlp_engage.types import ACT_LABEL, ACTS, LABEL_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_KEPT: Final = ("uid", "lang", "platform", "thread", "post", "by", "reply", "p_inclusion", "stratum", "codings")

_FLAT: Final = {
    *_KEPT, "dialogue", "id", "annotator", "created_username", "annotation_id", "created_at", "updated_at", "lead_time",
    "agreement", "history",
}  # fmt: skip
"""Of a flat record, what is no answer."""


def tasks(units: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Units as tasks to import: the conversation, ending with the reply to label, as a dialogue.

    >>> unit = {"uid": "u1", "post": "New cups!", "above": [["A", "Do they leak?"]], "by": "B", "reply": "Mine does."}
    >>> tasks([unit])[0]["data"]["dialogue"]
    [{'speaker': 'A', 'text': 'Do they leak?'}, {'speaker': '>> B', 'text': 'Mine does.'}]
    """
    return [{"data": {k: u[k] for k in _KEPT if u.get(k) is not None} | {"dialogue": _dialogue(u)}} for u in units]


def _dialogue(unit: Mapping[str, Any]) -> list[dict[str, str]]:
    turns = [{"speaker": who, "text": text} for who, text in unit.get("above") or ()]
    return [*turns, {"speaker": f">> {unit.get('by') or '?'}", "text": unit.get("reply") or ""}]


def label_config(*, codings: bool = False) -> str:
    """The labelling interface (XML) for ``tasks``: label, then the acts that belong to it, then confidence.

    Args:
        codings: Whether tasks hold what coders gave, for an adjudicator to read.

    >>> "$codings" in label_config(codings=True), "$codings" in label_config()
    (True, False)
    """
    labels = "".join(f"    <Choice value={quoteattr(_shown(code))}/>\n" for code in LABEL_CODES)
    acts = "".join(_acts(code) for code in LABEL_CODES)
    sure = "".join(f"    <Choice value={quoteattr(v)}/>\n" for v in ("1", "2", "3"))
    given = '  <Header value="What the coders gave"/>\n  <Text name="codings" value="$codings"/>\n' if codings else ""
    return (
        "<View>\n"
        '  <Header value="Post"/>\n  <Text name="post" value="$post"/>\n'
        '  <Header value="Conversation; the last turn is the reply to label"/>\n'
        '  <Paragraphs name="dialogue" value="$dialogue" layout="dialogue" nameKey="speaker" textKey="text"/>\n'
        f"{given}"
        f'  <Choices name="label" toName="dialogue" choice="single-radio" required="true">\n{labels}  </Choices>\n'
        f"{acts}"
        '  <Header value="How sure are you? 3 clear, 2 arguable, 1 a guess"/>\n'
        f'  <Choices name="confidence" toName="dialogue" choice="single-radio">\n{sure}  </Choices>\n'
        "</View>\n"
    )


def _shown(code: str) -> str:
    """What a coder reads; it begins with the code, which is all that is read back."""
    return f"{code} {LABEL_CODES[code].replace('_', ' ')}"


def _acts(code: str) -> str:
    fit = "".join(f"    <Choice value={quoteattr(str(a))}/>\n" for a in ACTS if ACT_LABEL[a] == LABEL_CODES[code])
    shown = f'visibleWhen="choice-selected" whenTagName="label" whenChoiceValue={quoteattr(_shown(code))}'
    return f'  <Choices name="act_{code}" toName="dialogue" choice="single-radio" {shown}>\n{fit}  </Choices>\n'


def is_export(records: Any) -> bool:
    """Whether decoded JSON is an export of Label Studio, in full or JSON-MIN."""
    first = records[0] if isinstance(records, list) and records else {}
    return isinstance(first, dict) and ("data" in first or "dialogue" in first)


def codes_of_tasks(records: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Codings of an export, one for each annotation; a task nobody has finished has one without a label.

    Args:
        records: Tasks with ``annotations`` (JSON), or flat records (JSON-MIN, CSV), each behind the name of its place.
            Cancelled annotations are left out.

    Yields:
        The place, with the task's id and the annotator, by which Label Studio shows it, and fields of the unit with
        ``label, act, confidence`` and ``coder``, the annotator's e-mail address or number.

    Raises:
        ValueError: A task has no dialogue, or there are answers and none is to ``label``: the interface is another.
    """
    others: set[str] = set()
    labelled = False
    for place, record in records:
        data = record.get("data", record)
        if "id" in record:
            place = f"{place} (id {record['id']} in Label Studio)"
        if not isinstance(turns := data.get("dialogue"), list):
            raise ValueError(f"{place} has no dialogue, which the tasks of `nlp-engage sample` have")
        unit = {k: data[k] for k in _KEPT if k in data} | {"above": [[t["speaker"], t["text"]] for t in turns[:-1]]}
        done = _answers(record)
        for coder, given in done:
            others |= given.keys() - {"label"}
            labelled = labelled or "label" in given
            yield f"{place}, annotator {coder}" if coder else place, unit | _pick(given) | {"coder": coder}
        if not done:
            yield place, unit | {"label": None, "coder": None}
    if others and not labelled:
        raise ValueError(
            f"annotators answered {', '.join(sorted(others))}, and nobody answered label: the names of the labelling "
            "interface that `nlp-engage sample` wrote must stay"
        )


def _answers(record: Mapping[str, Any]) -> list[tuple[str | None, dict[str, Any]]]:
    """Who gave which answers to a task."""
    if "data" not in record:
        coder = record.get("annotator") or record.get("created_username")
        given = {k: _first(v) for k, v in record.items() if k not in _FLAT and v not in (None, "")}
        return [(_name(coder), given)] if coder or record.get("annotation_id") else []
    done = [a for a in record.get("annotations") or () if not a.get("was_cancelled") and a.get("result")]
    return [(_name(a.get("completed_by")), _choices(a["result"])) for a in done]


def _choices(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {r["from_name"]: _first(r.get("value")) for r in results if "from_name" in r}


def _first(value: Any) -> Any:
    """The one choice of a value, however it is wrapped; of several, all, which is no label."""
    if isinstance(value, dict) and "choices" in value:
        value = value["choices"]
    if isinstance(value, list) and value:
        return " + ".join(str(_first(part)) for part in value)
    return value


def _pick(given: Mapping[str, Any]) -> dict[str, Any]:
    label = str(given.get("label") or "") or None
    code = label and label_code(label)
    return {"label": code or label, "act": given.get(f"act_{code}"), "confidence": given.get("confidence")}


def _name(coder: Any) -> str | None:
    if isinstance(coder, dict):
        coder = coder.get("email") or coder.get("id")
    return None if coder is None else str(coder)
