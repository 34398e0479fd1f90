"""The page as a browser gets it: whole, closed to attacks, silent without text, bounded, readable."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_cases import ATTACKS, BIDI, flood, friendly, hostile, label

from nlp_engage.report import measure
from nlp_engage.report.page import VENDOR, page_scripts, vendored
from nlp_engage.report.posts import MAX_POSTS, MAX_THREADS
from nlp_engage.types import Comment

VOID = {"meta", "br", "img", "input", "link", "hr"}
ASSETS = VENDOR.parent
MAX_BYTES = 5_000_000


class Page(HTMLParser):
    """Elements with attributes and text; complains where elements are not closed in order."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.elements, self.stack, self.texts, self.faults = [], [], [], []
        self.feed(source)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag, _ in self.stack]

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice")
        element = {"tag": tag, "attrs": dict(attrs), "text": ""}
        self.elements.append(element)
        if tag not in VOID:
            self.stack.append((tag, element))

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "attrs": dict(attrs), "text": ""})

    def handle_endtag(self, tag):
        if not self.stack or self.stack[-1][0] != tag:
            self.faults.append(f"</{tag}> closes {self.stack[-1][0] if self.stack else 'nothing'}")
        else:
            self.stack.pop()

    def handle_data(self, data):
        if self.stack:
            self.stack[-1][1]["text"] += data
            if self.stack[-1][0] not in ("script", "style"):
                self.texts.append(data)

    def all(self, *tags):
        return [e for e in self.elements if e["tag"] in tags]

    @property
    def words(self):
        return " ".join("".join(self.texts).split())


def own_part(source):
    """The page without our own style sheet and scripts."""
    return re.sub(r"<(style|script)>.*?</\1>", "", source, flags=re.DOTALL)


@pytest.fixture(scope="module")
def pages():
    """Every kind of page, by name."""
    manifest = {
        "model": {"name": "<b>m</b>", "sha256": "ab" * 32},
        "formats": {"/x/<script>alert(1)</script>.json": "<i>f</i>: because"},
        "read": 9, "kept": 8, "rejected": 1, "labelled": 7, "unlabelled": {"other": 1}, "skipped": {ATTACKS[0]: 2},
    }  # fmt: skip
    bad = measure(iter(hostile()), resamples=20, manifest=manifest)
    good = measure(iter(friendly()), resamples=20)
    return {
        "hostile": bad.to_html(title=ATTACKS[1], command=f"nlp-engage report '{ATTACKS[0]}'"),
        "hostile_zh": bad.to_html(lang="zh"),
        "hostile_no_text": bad.to_html(no_text=True),
        "en": good.to_html(),
        "zh": good.to_html(lang="zh"),
        "no_text": good.to_html(no_text=True),
        "empty": measure([], resamples=20).to_html(),
        "one": measure(friendly(1), resamples=20).to_html(lang="zh"),
        "authors": measure(friendly(3), "author", resamples=20).to_html(no_text=True),
    }


PAGES = ("hostile", "hostile_zh", "hostile_no_text", "en", "zh", "no_text", "empty", "one", "authors")


# --- whole ---


@pytest.mark.parametrize("name", PAGES)
def test_elements_are_closed_in_order_and_ids_are_unique(pages, name):
    page = Page(pages[name])
    assert page.faults == []
    ids = [e["attrs"]["id"] for e in page.elements if "id" in e["attrs"]]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for attribute in ("aria-labelledby", "aria-describedby"):
            assert element["attrs"].get(attribute, ids[0]) in ids
        href = element["attrs"].get("href")
        assert href is None or href.removeprefix("#") in ids


@pytest.mark.parametrize(("name", "lang"), [("en", "en"), ("zh", "zh-Hans")])
def test_the_page_says_its_language_and_has_every_section(pages, name, lang):
    page = Page(pages[name])
    assert page.all("html")[0]["attrs"]["lang"] == lang
    sections = [e["attrs"]["id"] for e in page.all("section")]
    assert sections == [
        "verdict",
        "headline",
        "trends",
        "threads",
        "examples",
        "graveyard",
        "posts",
        "missing",
        "ledger",
    ]
    assert len(page.all("h1")) == 1
    assert len(page.all("h2")) == len(sections)


def test_the_page_shows_what_was_measured(pages):
    row = measure(friendly(), resamples=20).rows()[0]
    words = Page(pages["en"]).words
    assert f"{row['n_replies']} replies by {row['n_people']} people under 12 threads" in words
    assert f"Engagement quality (EQ) is {row['eq']:.0f} on a scale from 0 to 100" in words
    assert "Is number 0 sweeter than the last one?" in words
    assert "小时候外婆常煮这个" in words
    assert "Typical" in words
    assert "Borderline" in words


def test_examples_stand_with_what_they_answer(pages):
    quotes = [e["text"] for e in Page(pages["en"]).all("bdi") if e["text"].startswith(("Flavour number", "第"))]
    assert len(quotes) > 12  # titles, and posts that examples answer


def test_specs_are_data_for_every_chart(pages):
    page = Page(pages["en"])
    specs = json.loads(next(e for e in page.all("script") if e["attrs"].get("id") == "specs")["text"])
    boxes = {e["attrs"]["data-chart"] for e in page.all("div") if "data-chart" in e["attrs"]}
    assert set(specs) == boxes == {"over-time", "volume", "by-platform", "by-lang"}


# --- closed ---


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_admits_the_pages_own_scripts_and_styles_and_nothing_else(pages, name):
    page = Page(pages[name])
    policy = page.all("meta")[1]["attrs"]
    assert policy["http-equiv"] == "Content-Security-Policy"
    rules = {r.split()[0]: r.split()[1:] for r in policy["content"].split(";")}
    assert rules["default-src"] == ["'none'"]
    assert rules["img-src"] == ["data:"]

    def digest(element):
        return f"'sha256-{base64.b64encode(hashlib.sha256(element['text'].encode()).digest()).decode()}'"

    scripts = [e for e in page.all("script") if e["attrs"].get("type") != "application/json"]
    assert [digest(e) for e in scripts] == rules["script-src"]
    assert [digest(e) for e in page.all("style")] == rules["style-src"]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_loaded_linked_or_run_from_attributes(pages, name):
    page = Page(pages[name])
    for element in page.elements:
        attributes = element["attrs"]
        assert not [a for a in attributes if a.startswith("on") or a in ("style", "src", "srcdoc", "action", "data")]
        assert element["tag"] not in {"img", "iframe", "object", "embed", "form", "link", "base"}
        assert not attributes.get("href", "#").startswith(("http", "javascript", "data"))


@pytest.mark.parametrize("name", ["hostile", "hostile_zh", "hostile_no_text"])
def test_attacks_add_no_element(pages, name):
    """The page holds the elements that our templates write: as many scripts as we have, and no foreign tag."""
    page = Page(pages[name])
    ours = Page(pages["en"])
    assert len(page.all("script")) == len(page_scripts()) + 1
    assert len(page.all("style")) == 1
    assert {e["tag"] for e in page.elements} <= {e["tag"] for e in ours.elements} | {"br"}
    assert {a for e in page.elements for a in e["attrs"]} <= {a for e in ours.elements for a in e["attrs"]}


def test_attacks_are_shown_as_the_words_they_are(pages):
    words = Page(pages["hostile"]).words
    for attack in (
        "<script>window.pwned=1</script>",
        "{{7*7}} {% for x",
        "javascript:window.pwned=4",
        "&lt;b&gt; &amp;",
    ):
        assert attack in words
    assert "49 {" not in words


@pytest.mark.parametrize("name", PAGES)
def test_no_character_turns_the_direction_of_the_page(pages, name):
    assert not set(pages[name]) & set(BIDI + "\x00\x1b\ud800")
    assert not set(own_part(pages[name])) & {"\u2028", "\u2029"}


def test_texts_choose_their_own_direction(pages):
    texts = [e for e in Page(pages["hostile"]).all("p", "blockquote") if "text" in e["attrs"].get("class", "").split()]
    assert texts
    assert all("dir" in e["attrs"] or "gone" in e["attrs"]["class"] for e in texts)


# --- silent ---


def test_without_text_no_word_of_the_archive_is_left(pages):
    page = own_part(pages["no_text"])
    trees = friendly()
    for comment in (c for t in trees for c in t.tree.comments):
        for word in (comment.text, comment.author, comment.id):
            assert word not in page or word in ("t00", "dee"), word
    assert not re.search(r"\b(brand|dee|ann\d|bob\d|cid\d|eve\d)\b", Page(pages["no_text"]).words)
    assert not re.search(r">[^<]*\bt\d\d\b", page)
    hostile_page = own_part(pages["hostile_no_text"])
    assert "pwned" not in hostile_page
    assert "evil" not in hostile_page
    assert "alert" not in hostile_page


def test_without_text_groups_of_authors_are_codes(pages):
    words = Page(pages["authors"]).words
    assert not re.search(r"\b(ann\d|bob\d)\b", words)
    assert re.search(r"#[0-9a-f]{8}", words)


def test_without_text_the_figures_stay(pages):
    pattern = r"Engagement quality \(EQ\) is [^.]*\."
    assert re.search(pattern, Page(pages["no_text"]).words)[0] == re.search(pattern, Page(pages["en"]).words)[0]


def test_a_run_that_was_written_without_words_is_reported_without_words():
    manifest = {"settings": {"text": False, "authors": "salted (ab)"}}
    page = measure(friendly(2), resamples=20, manifest=manifest).to_html()
    assert "sweeter" not in page


# --- bounded ---


def test_a_large_archive_makes_a_file_of_bounded_size():
    long = "这是一条很长的评论，" * 120
    trees = [flood(260, text=long, thread=f"帖子{k:03}") for k in range(MAX_THREADS + 4)]
    for k in range(MAX_POSTS + 90):
        post = Comment(id=f"s{k}", thread_id=f"s{k}", author="page", text=long, platform="论坛" * 20)
        reply = Comment(id=f"s{k}r", thread_id=f"s{k}", parent_id=f"s{k}", author=f"v{k}", text=f"{long}{k}")
        trees.append(label([post, reply], {f"s{k}r": "d"}))
    source = measure(iter(trees), resamples=20).to_html(lang="zh")
    assert len(source.encode()) < MAX_BYTES
    page = Page(source)
    body = source.split('id="posts-table"')[1].split("</table>")[0]
    assert body.count('class="post-title"') == MAX_POSTS
    assert sum("thread" in e["attrs"].get("class", "").split() for e in page.all("details")) == MAX_THREADS
    assert f"另有 {MAX_THREADS + 4 + 90} 条未列出" in page.words
    assert f"共 {MAX_THREADS + 4 + MAX_POSTS + 90} 个帖子串，显示 {MAX_THREADS} 个。" in page.words


# --- readable ---


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def schemes():
    css = (ASSETS / "report.css").read_text("utf-8")
    roots = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    colours = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", root)) for root in roots]
    return {"light": colours[0], "dark": {**colours[0], **colours[1]}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_meet_wcag_aa(scheme):
    colours = schemes()[scheme]
    for ground in ("page", "card"):
        for text in ("ink", "soft", "link", "m-text", "d-text", "s-text"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        for area in ("m-fill", "d-fill", "s-fill", "n-fill", "focus"):
            assert contrast(colours[area], colours[ground]) >= 3, (area, ground)
    assert contrast(colours["ink"], colours["notice"]) >= 4.5


def test_every_class_of_the_style_sheet_that_carries_a_label_exists_in_the_page(pages):
    used = {c for e in Page(pages["en"]).elements for c in (e["attrs"].get("class") or "").split()}
    assert {"edge-m", "edge-d", "edge-s", "edge-o", "edge-x", "fill-m", "fill-d", "fill-s", "text-d"} <= used


def test_controls_are_buttons_and_summaries(pages):
    page = Page(pages["en"])
    assert all(e["attrs"].get("type") == "button" for e in page.all("button"))
    assert all(e["attrs"].get("aria-label") for e in page.all("svg") if e["attrs"].get("role") == "img")
    assert all(e["attrs"].get("aria-hidden") or e["attrs"].get("role") for e in page.all("svg"))
    assert all(e["attrs"].get("scope") for e in page.all("th"))
    regions = [e for e in page.all("div") if "scroll" in (e["attrs"].get("class") or "").split()]
    assert all(e["attrs"].get("tabindex") == "0" and e["attrs"].get("aria-label") for e in regions)


# --- the libraries inside ---


def test_vendored_files_are_those_that_were_fetched():
    for entry in vendored():
        script = (VENDOR / entry["file"]).read_bytes()
        assert hashlib.sha256(script).hexdigest() == entry["sha256"], entry["file"]
        assert "Redistribution and use" in entry["licence_text"]
    assert [entry["name"] for entry in vendored()] == ["vega", "vega-lite", "vega-embed"]


def test_no_script_can_end_its_element_or_asks_for_a_source_map():
    for script in page_scripts():
        assert "</script" not in script.lower()
        assert "<!--" not in script
        assert "sourceMappingURL" not in script


def test_licences_are_in_the_page(pages):
    assert Page(pages["en"]).words.count("University of Washington") >= 3


def test_our_script_builds_no_markup_and_no_code_from_strings():
    script = (ASSETS / "report.js").read_text("utf-8")
    for risky in ("innerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", 'setAttribute("style'):
        assert risky not in script
    assert "ast: true" in script


def test_package_data_lies_in_the_package():
    package = Path(__file__).resolve().parents[1] / "nlp_engage" / "report"
    for name in (
        "words.toml",
        "assets/report.css",
        "assets/report.js",
        "templates/report.html",
        "templates/parts.html",
    ):
        assert (package / name).is_file()
