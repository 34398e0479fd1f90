"""The bricks of the readers against independent oracles: expat, html.parser, json, networkx."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta, timezone
from html import escape
from html.parser import HTMLParser
from xml.parsers import expat
from xml.sax.saxutils import escape as xml_escape

import ijson
import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_engage.readers.chains import Chains
from nlp_engage.readers.jsonio import build, decode
from nlp_engage.readers.jsontext import JsonText
from nlp_engage.readers.markup import plain
from nlp_engage.readers.streams import compression, encoding_of
from nlp_engage.readers.values import MangledIdError, as_count, as_id, as_link, as_time
from nlp_engage.readers.xmlstream import tokens

_visible = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\x85"), max_size=12)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(_json)
def test_json_is_decoded_as_the_standard_library_does(value):
    text = json.dumps(value)
    want = json.loads(
        text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if "\\ud" not in text else text
    )
    if "\\ud" not in text.lower():
        assert decode(text.encode()) == want
    assert json.dumps(decode(text.encode())).encode()


@given(st.lists(_json, min_size=1, max_size=4), st.sampled_from(["\n", " ", ",\n", "\n\n"]), st.integers(1, 30))
def test_values_are_streamed_one_by_one_whatever_the_chunks(values, separator, size):
    class Slow(io.BytesIO):
        def read(self, n=-1):
            return super().read(size)

    text = JsonText(Slow(separator.join(json.dumps(v) for v in values).encode()))
    found = []
    while text.peek():
        found.append(text.value())
        text.take(",")
    assert json.dumps(found) == json.dumps([decode(json.dumps(v).encode()) for v in values])


@given(_json.filter(lambda v: isinstance(v, dict | list)))
def test_values_are_built_without_recursion_as_ijson_builds_them(value):
    data = json.dumps(value).encode()
    built, error = build(ijson.basic_parse(data, use_float=True))
    assert error is None or "overflow" in error
    if error is None:
        assert json.dumps(built) == json.dumps(next(ijson.items(io.BytesIO(data), "", use_float=True)))


_xml = st.recursive(
    st.builds(xml_escape, _visible) | st.builds("<![CDATA[{}]]>".format, _visible.filter(lambda t: "]]>" not in t)),
    lambda inner: st.builds(
        lambda name, quote, parts: f"<{name} x={quote}a&amp;b{quote}>{''.join(parts)}</{name}>",
        st.sampled_from(["a", "wp:b", "c-d"]),
        st.sampled_from("\"'"),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
).map(lambda inner: f"<?xml version='1.0'?><!-- note --><r>{inner}</r>")


def _expat(data: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: found.append(("start", name))
    parser.EndElementHandler = lambda name: found.append(("end", name))
    parser.CharacterDataHandler = lambda text: found.append(("text", text))
    parser.Parse(data, True)
    return _joined(found)


def _joined(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for kind, value in found:
        if kind == "text" and out and out[-1][0] == "text":
            out[-1] = ("text", out[-1][1] + value)
        elif value or kind != "text":
            out.append((kind, value))
    return out


@given(_xml, st.integers(1, 50))
def test_well_formed_xml_is_read_as_expat_reads_it(text, size):
    class Slow(io.BytesIO):
        def read(self, n=-1):
            return super().read(size)

    found = [(kind, value) for kind, value, _ in tokens(Slow(text.encode()), {"r", "a", "wp:b", "c-d"})]
    assert _joined(found) == _expat(text.encode())


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)


_html = st.lists(
    st.builds(escape, _visible)
    | st.sampled_from(
        [
            "<b>",
            "</b>",
            "<i class='x'>",
            "</i>",
            '<a href="/x?a=1&amp;b=2">',
            "</a>",
            "<span title='a > b'>",
            "</span>",
            "&eacute;",
            "&#x4f60;",
        ]
    ),
    max_size=10,
).map("".join)


@given(_html)
def test_words_of_html_are_those_the_standard_parser_finds(html):
    oracle = _Words()
    oracle.feed(html)
    oracle.close()
    assert "".join(plain(html).split()) == "".join("".join(oracle.found).split())


@pytest.mark.parametrize(("html", "text"), [
    ("<p>one</p><p>two</p>", "one\n\ntwo"), ("a<br>b<br/>c", "a\nb\nc"), ("a\n b", "a\n b"), ("<b>a</b>\n b", "a b"),
    ("<ul><li>x</li><li>y</li></ul>", "x\n\ny"), ("<script>alert(1)</script>ok", "ok"), ("a<!-- c -->b", "ab"),
    ("1 < 2 && 3 > 2", "1 < 2 && 3 > 2"),
    ("<img alt=[哈哈] src=x>", "[哈哈]"), ("<img class='emoji' alt=':heart:'>", ":heart:"),
    ("<img src='cat.png' alt='A photograph of a cat'>", ""),
    ("<aside class='quote'><p>theirs <aside>x</aside></p></aside>mine", "mine"), ("<pre>a\nb</pre>", "a\nb"),
    ("&lt;b&gt;", "<b>"),
    ("<p>unclosed", "unclosed"), ("I <3 you", "I <3 you"),
])  # fmt: skip
def test_html_to_plain_text(html, text):
    assert plain(html, quotes=False) == text


@given(
    st.lists(st.tuples(st.integers(1, 12), st.none() | st.integers(1, 14)), max_size=15),
    st.sampled_from(["{}", "id-{}", "a:b:{}"]),
)
def test_chains_end_where_the_graph_says(links, form):
    name = form.format
    first = {}
    for own, parent in links:
        first.setdefault(own, parent)
    chains = Chains()
    for own, parent in links:
        chains.add(name(own), None if parent is None else name(parent))
    graph = nx.DiGraph()
    graph.add_nodes_from(first)
    graph.add_edges_from((own, parent) for own, parent in first.items() if parent is not None and parent != own)
    for own in first:
        reached = nx.descendants(graph, own) | {own}
        ends = [n for n in reached if not graph.out_degree(n)]
        if ends:
            assert chains.root(name(own)) == name(ends[0])
        else:
            loop = [set(c) for c in nx.strongly_connected_components(graph) if len(c) > 1 and c <= reached]
            assert chains.root(name(own)) in {name(n) for n in loop[0]}
    for loop in nx.simple_cycles(graph):
        assert len({chains.root(name(n)) for n in loop}) == 1


@given(st.integers(1, 2**80))
def test_ids_are_exact(number):
    assert as_id(number) == as_id(str(number)) == str(number)
    assert as_link(json.loads(json.dumps({"id": number}))["id"]) == str(number)


@pytest.mark.parametrize("value", ["1.38024e+18", "1.2E+17", 1.38024e18, 1.5])
def test_rounded_ids_are_refused(value):
    with pytest.raises(MangledIdError):
        as_id(value)


@given(st.datetimes(datetime(1973, 6, 1), datetime(2200, 1, 1)), st.integers(-12, 14))
def test_times_in_all_forms_agree(moment, zone):
    moment = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
    seconds = moment.replace(microsecond=0)
    local = moment.astimezone(timezone(timedelta(hours=zone)))
    stamp = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert as_time(stamp) == as_time(str(stamp)) == as_time(stamp * 1000) == moment
    assert as_time(stamp // 1000) == as_time(f"{stamp // 1000}") == seconds
    assert as_time(local.isoformat()) == as_time(moment.isoformat().replace("+00:00", "Z")) == moment
    assert as_time(f"{local:%Y-%m-%d %H:%M:%S}", zone) == seconds
    assert as_time(f"{local:%a %b %d %H:%M:%S %z %Y}") == seconds
    assert as_time(f"{local:%a, %d %b %Y %H:%M:%S %z}") == seconds
    assert as_time(f"{local.year}/{local.month}/{local.day} {local.hour}:{local.minute:02}", zone) == seconds.replace(
        second=0
    )


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        0,
        -5,
        "0",
        "yesterday",
        "刚刚",
        "2024-13-01",
        1e300,
        float("nan"),
        "99999999999999999999",
        True,
        [],
        {},
    ],
)
def test_times_that_are_none(value):
    assert as_time(value) is None


COUNTERS = [
    ("1.2万", 12000), ("3亿", 300_000_000), ("12K", 12000), ("1,5", 15), ("1,5K", 1500), ("1,204K", 1_204_000),
    ("1,2 tis.", 1200), ("5 тыс.", 5000), ("2\u00a0Mio.", 2_000_000), ("1,2,3K", None), ("3 likes", None),
    ("1,234,567", 1_234_567), ("-3", -3), (True, None), ("x", None), (1e300, None), ("9" * 50, None), (2**70, None),
    (4.0, 4),
]  # fmt: skip


@pytest.mark.parametrize(("value", "count"), COUNTERS)
def test_counters(value, count):
    assert as_count(value) == count


def test_compression_and_encoding_are_told_by_bytes():
    assert [compression(h) for h in (b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"\x50\x2a\x4d\x18", b"{")] == [
        "gzip",
        "bzip2",
        "xz",
        "zstd",
        None,
    ]
    assert encoding_of("café".encode("cp1252") * 50) == "cp1252"
    assert encoding_of(("好 text " * 99).encode() + b"\xff") == "utf-8"
    assert encoding_of("{}".encode("utf-16-le")) == "utf-16-le"
