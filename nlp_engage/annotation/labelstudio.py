"""Label Studio: tasks that show the thread, the labelling interface, and its exports read back.

Formats: the task, Paragraphs, Choices and export pages of Label Studio's documentation (labelstud.io/guide, /tags).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from nlp_engage.types import ACT_LABEL, ACTS, LABEL_CODES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KEPT: Final = ("uid", "lang", "platform", "thread", "post", "by", "reply", "p_inclusion", "stratum")


def tasks(units: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Units as tasks to import: the conversation, ending with the reply to label, as a dialogue.

    >>> unit = {"uid": "u1", "post": "New cups!", "above": [["A", "Do they leak?"]], "by": "B", "reply": "Mine does."}
    >>> tasks([unit])[0]["data"]["dialogue"]
    [{'speaker': 'A', 'text': 'Do they leak?'}, {'speaker': '>> B', 'text': 'Mine does.'}]
    """
    return [{"data": {k: u[k] for k in _KEPT if u.get(k) is not None} | {"dialogue": _dialogue(u)}} for u in units]


def _dialogue(unit: Mapping[str, Any]) -> list[dict[str, str]]:
    turns = [{"speaker": who, "text": text} for who, text in unit["above"]]
    return [*turns, {"speaker": f">> {unit['by']}", "text": unit["reply"]}]


def label_config() -> str:
    """The labelling interface (XML) for ``tasks``: label, then the acts that belong to it, then confidence."""
    labels = "".join(f"    <Choice value={quoteattr(_shown(code))}/>\n" for code in LABEL_CODES)
    acts = "".join(_acts(code) for code in LABEL_CODES)
    sure = "".join(f"    <Choice value={quoteattr(v)}/>\n" for v in ("1", "2", "3"))
    return (
        "<View>\n"
        '  <Header value="Post"/>\n  <Text name="post" value="$post"/>\n'
        '  <Header value="Conversation; the last turn is the reply to label"/>\n'
        '  <Paragraphs name="dialogue" value="$dialogue" layout="dialogue" nameKey="speaker" textKey="text"/>\n'
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


def codes_of_tasks(records: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Codings of an export, one for each annotation; a task nobody has finished has one without a label.

    Args:
        records: Tasks with ``annotations`` (JSON), or flat records (JSON-MIN). Cancelled annotations are left out.

    Yields:
        Fields of the unit with ``label, act, confidence`` and ``coder``, the annotator's e-mail address or number.
    """
    for record in records:
        data = record.get("data", record)
        turns = data["dialogue"]
        unit = {k: data[k] for k in _KEPT if k in data} | {"above": [[t["speaker"], t["text"]] for t in turns[:-1]]}
        if "data" not in record:
            coder = record.get("annotator") or record.get("created_username")
            yield unit | _pick({k: _first(v) for k, v in record.items()}) | {"coder": _name(coder)}
            continue
        done = [a for a in record.get("annotations", []) if not a.get("was_cancelled") and a.get("result")]
        for annotation in done:
            given = {r["from_name"]: _first(r.get("value")) for r in annotation["result"]}
            yield unit | _pick(given) | {"coder": _name(annotation.get("completed_by"))}
        if not done:
            yield unit | {"label": None, "coder": None}


def _first(value: Any) -> Any:
    """The one choice of a value, however it is wrapped."""
    if isinstance(value, dict) and "choices" in value:
        value = value["choices"]
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else value


def _pick(given: Mapping[str, Any]) -> dict[str, Any]:
    label = str(given.get("label") or "").split(" ", 1)[0] or None
    return {"label": label, "act": given.get(f"act_{label}"), "confidence": given.get("confidence")}


def _name(coder: Any) -> str | None:
    if isinstance(coder, dict):
        coder = coder.get("email") or coder.get("id")
    return None if coder is None else str(coder)
