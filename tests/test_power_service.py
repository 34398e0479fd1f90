"""Power before a launch, and service pages: by hand, against a second implementation, on degenerate archives."""

from __future__ import annotations

import json
from math import sqrt

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import strategies as st
from measuring import archives, changed, given, said, trees
from scipy import stats

from nlp_engage.cli import main
from nlp_engage.errors import DataError
from nlp_engage.measure import collect, measure_table
from nlp_engage.measure.contrast_figures import thread_sums
from nlp_engage.measure.power import Assumptions, Spread, assumed_spread, pilot_spread, plan_power
from nlp_engage.measure.service import CaseBook, service
from nlp_engage.measure.service_words import service_lines
from nlp_engage.types import ACTS, Act

DIALOGUE = "share_genuine_dialogue"


# Power.


def pilot(n=12, labels="DDDMMMMMMM"):
    turned = labels[::-1].replace("M", "D", 2)
    return [
        one
        for k in range(n)
        for one in [
            said(f"p{k}", None, "shop", thread=f"p{k}"),
            *(
                said(f"p{k}r{j}", f"p{k}", f"a{k}{j}", label, thread=f"p{k}")
                for j, label in enumerate(turned if k % 2 else labels)
            ),
        ]
    ]


def test_posts_that_a_pilot_asks_for_by_hand():
    spread = pilot_spread(collect(trees(pilot())), DIALOGUE)
    # shares 0.3 and 0.5 in turn: variance 0.01 * 12 / 11
    assert spread.thread == pytest.approx(0.01 * 12 / 11)
    assert (spread.replies, spread.posts) == (10.0, 12)
    plan = plan_power(spread, figure=DIALOGUE, effect=5)
    n = plan.posts

    def detectable(posts):
        df = 2 * (posts - 1)
        return (stats.t.ppf(0.95, df) + stats.t.ppf(0.8, df)) * sqrt(2 * spread.thread / posts)

    assert detectable(n) <= 0.05 < detectable(n - 2)
    assert plan.replies == 10 * n
    assert plan.detectable_now == pytest.approx(100 * detectable(12), rel=1e-4)


def test_a_smaller_effect_or_a_surer_test_needs_more():
    spread = Spread(thread=0.04, gap=0.02, replies=20.0, posts=60)
    posts = [plan_power(spread, figure=DIALOGUE, effect=e).posts for e in (10, 5, 2)]
    assert posts == sorted(posts)
    assert plan_power(spread, figure=DIALOGUE, effect=5, power=0.95).posts > posts[1]
    assert plan_power(spread, figure=DIALOGUE, effect=5, level=0.99).posts > posts[1]
    assert plan_power(spread, figure=DIALOGUE, effect=50).posts >= 5
    assert plan_power(spread, figure=DIALOGUE, effect=2).against_pilot is None  # sixty posts are too few a baseline
    alone = plan_power(spread, figure=DIALOGUE, effect=12).against_pilot
    assert 5 <= alone < 60 < plan_power(spread, figure=DIALOGUE, effect=9).against_pilot


@given(st.floats(0, 0.5), st.floats(0, 3), st.integers(2, 60))
def test_the_assumed_spread_is_the_design_effect_of_unequal_threads(likeness, unequal, replies):
    assumed = Assumptions(share=0.3, replies=replies, unequal=unequal, likeness=likeness)
    effect = 1 + ((unequal**2 + 1) * replies - 1) * likeness
    assert assumed_spread(assumed, DIALOGUE).thread == pytest.approx(0.21 / replies * effect)


def test_the_assumed_spread_is_that_of_threads_drawn_so():
    rng = np.random.default_rng(0)
    likeness, share, size = 0.1, 0.3, 20
    rates = rng.beta(share * (1 - likeness) / likeness, (1 - share) * (1 - likeness) / likeness, 40_000)
    drawn = rng.binomial(size, rates) / size
    assumed = Assumptions(share=share, replies=size, unequal=0, likeness=likeness)
    assert assumed_spread(assumed, DIALOGUE).thread == pytest.approx(drawn.var(), rel=0.03)


def test_a_perfect_model_needs_no_labels():
    plan = plan_power(assumed_spread(Assumptions(accuracy=1.0), DIALOGUE), figure=DIALOGUE, effect=5)
    assert (plan.audited, plan.labels) == (None, None)
    worse = [
        plan_power(assumed_spread(Assumptions(accuracy=a), DIALOGUE), figure=DIALOGUE, effect=5).labels
        for a in (0.95, 0.85, 0.7)
    ]
    assert worse == sorted(worse)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pilot_spread(collect(trees(pilot(3))), DIALOGUE), "the pilot has 3 posts"),
        (
            lambda: pilot_spread(collect(trees(pilot(9, "M" * 10)[:0] + pilot(9)[:0])), DIALOGUE),
            "the pilot has 0 posts",
        ),
        (lambda: pilot_spread(collect(trees(pilot())), "likes"), "no figure 'likes'.*eq, share_genuine"),
        (lambda: assumed_spread(Assumptions(share=1.2), DIALOGUE), "share is 1.2"),
        (lambda: assumed_spread(Assumptions(likeness=1), DIALOGUE), "likeness is 1"),
        (lambda: plan_power(Spread(thread=1, gap=0, replies=1, posts=0), figure="eq", effect=0), "effect is 0"),
        (
            lambda: plan_power(Spread(thread=1, gap=0, replies=1, posts=0), figure="eq", effect=1e-300),
            "effect is 1e-300",
        ),
        (lambda: plan_power(Spread(thread=1, gap=0, replies=1, posts=0), figure="eq", effect=-5), "effect is -5"),
        (
            lambda: plan_power(assumed_spread(Assumptions(share=0.3), DIALOGUE), figure=DIALOGUE, effect=80),
            "is 30.0 and can neither rise nor fall by 80 points: plan for an effect of 70.0 or less",
        ),
        (lambda: assumed_spread(Assumptions(), "responsiveness"), "responsiveness is no share of all replies"),
        (lambda: assumed_spread(Assumptions(), "reciprocity"), "give a labelled pilot"),
    ],
)
def test_what_cannot_be_planned_is_told(make, message):
    with pytest.raises(DataError, match=message):
        make()


def test_threads_that_are_all_alike_tell_nothing():
    alike = [one for one in pilot(10) if int(one.comment.thread_id[1:]) % 2]
    with pytest.raises(DataError, match="all 5 threads of the pilot are alike"):
        pilot_spread(collect(trees(alike)), DIALOGUE)


def test_a_pilot_whose_threads_differ_by_rounding_only_tells_nothing():
    alike = [one for one in pilot(20) if int(one.comment.thread_id[1:]) % 2]
    noisy = [
        one if one.p is None else changed(one, p=(0.7 - 1e-9 * (k % 3), 0.3 + 1e-9 * (k % 3), 0.0))
        for k, one in enumerate(alike)
    ]
    with pytest.raises(DataError, match="all 10 threads of the pilot are alike"):
        pilot_spread(collect(trees(noisy)), DIALOGUE)


def test_an_effect_that_is_possible_one_way_only_is_told():
    plan = plan_power(assumed_spread(Assumptions(share=0.02), DIALOGUE), figure=DIALOGUE, effect=5)
    assert plan.notes[-1] == "from 2.0 the figure can rise, but not fall, by so much"
    plan = plan_power(assumed_spread(Assumptions(share=0.98), DIALOGUE), figure=DIALOGUE, effect=5)
    assert plan.notes[-1] == "from 98.0 the figure can fall, but not rise, by so much"
    assert "只可能朝一个方向" in run("power", "--share", 0.98, "--lang", "zh").stdout


def test_labels_that_count_less_by_voice_err_less():
    # twelve replies of one person count as three: so do the errors of their labels (eq-2)
    one = [said("p", None, "shop"), *(said(f"r{k}", "p", "ann", (0.5, 0.5, 0.0), text=f"w{k}") for k in range(12))]
    many = [said("p", None, "shop"), *(said(f"r{k}", "p", f"a{k}", (0.5, 0.5, 0.0), text=f"w{k}") for k in range(12))]
    single, crowd = (thread_sums(collect(trees(archive))).label_errors[0, 3] for archive in (one, many))
    assert single == pytest.approx(crowd / 16)  # a quarter of the weight, squared


def run(*args):
    return CliRunner().invoke(main, [str(a) for a in args])


def test_power_prints_its_assumptions_in_both_languages():
    english = run("power", "--effect", 5)
    assert english.exit_code == 0, english.output
    assert "share before 0.3, 20 replies a post" in english.stdout
    assert "posts with about" in english.stdout
    assert "两组各需" in run("power", "--lang", "zh", "--figure", "eq").stdout
    plan = json.loads(run("power", "--json", "--effect", 8).stdout)
    assert (plan["effect"], plan["against_pilot"], plan["detectable_now"]) == (8.0, None, None)
    both = run("power", "somewhere", "--share", 0.3)
    assert both.exit_code == 2
    assert "--share is measured in RUN" in both.stderr
    for option, figure in (("--share", "eq"), ("--credit-sd", DIALOGUE)):
        idle = run("power", option, 0.3, "--figure", figure)
        assert idle.exit_code == 2
        assert f"{option} says nothing of {figure}" in idle.stderr


# Service pages.


def conversation():
    """Three cases: one answered and gone on by its author and another, one answered with nothing after it, one not."""
    return [
        said("p", None, "café", hours=0),
        said("1", "p", "bob", "D", act=Act.QUESTION, hours=1),
        said("2", "1", "café", "D", hours=4),
        said("3", "2", "bob", (0.5, 0.5, 0.0), act=Act.ANSWER, hours=5),
        said("4", "2", "eve", (0.8, 0.2, 0.0), act=Act.REACTION, hours=6),
        said("5", "p", "cid", "D", act=Act.REQUEST, hours=2),
        said("6", "5", "café", "D", hours=3),
        said("7", "p", "dee", "D", act=Act.QUESTION, hours=2),
        said("8", "7", "eve", "D", act=Act.ANSWER, hours=3),
    ]


def kinds(report):
    return {(row["group"], row["kind"]): row for row in report.rows()}


def test_service_by_hand():
    rows = kinds(service(trees(conversation())))
    everything, questions, requests = (rows["all", kind] for kind in ("all", "question", "request"))
    assert (everything["n_cases"], everything["n_answered"]) == (3, 2)
    assert everything["answered"] == pytest.approx(2 / 3)
    assert everything["hours"] == pytest.approx(2.0)  # three hours and one
    assert everything["goes_on"] == pytest.approx((1 - 0.5 * 0.8 + 0) / 2)
    assert everything["comes_back"] == pytest.approx(0.5 / 2)
    assert (questions["n_cases"], questions["hours"], questions["goes_on"]) == (2, 3.0, pytest.approx(0.6))
    assert (requests["answered"], requests["goes_on"]) == (1.0, 0.0)
    assert everything["notes"]["answered"].startswith("fewer than two threads")


def ancestors(tree, i):
    while i > 0:
        i = int(tree.parents[i])
        yield i


@given(archives(), max_examples=60)
def test_cases_are_those_of_looking_at_every_pair_of_nodes(archive):
    for labelled in trees(archive):
        book = CaseBook()
        assert list(book.watch([labelled])) == [labelled]
        tree, poster = labelled.tree, labelled.tree.post.author
        brand = [c.is_owner or (poster is not None and c.author == poster) for c in tree.comments]
        expected = {}
        for i, comment in enumerate(tree.comments):
            asked = labelled.acts[i] in (ACTS.index(Act.QUESTION), ACTS.index(Act.REQUEST))
            if not i or brand[i] or not asked or tree.stand_in[i] or not (any(brand) or poster):
                continue
            answers = [
                j for j in range(len(tree)) if j and brand[j] and not tree.stand_in[j] and i in ancestors(tree, j)
            ]
            answers.sort(
                key=lambda j: (tree.comments[j].created.timestamp() if tree.comments[j].created else np.inf, j)
            )
            silent = 1.0
            for j in range(len(tree)):
                if answers and answers[0] in ancestors(tree, j) and not brand[j]:
                    silent *= 1 - np.nan_to_num(labelled.probabilities[j, 1])
            expected[comment.id] = (bool(answers), 1 - silent if answers else 0.0)
        assert {c.comment_id: c.answered for c in book.cases} == {k: v[0] for k, v in expected.items()}
        assert [c.goes_on for c in book.cases] == pytest.approx([expected[c.comment_id][1] for c in book.cases])
        assert all(0 <= c.comes_back <= c.goes_on + 1e-12 for c in book.cases)


@given(archives(), st.sampled_from((None, "platform", "page", "thread_id", "lang", "month", "author")), max_examples=40)
def test_service_has_no_nan_and_agrees_with_the_measure(archive, by):
    report = service(trees(archive), by=by, resamples=50)
    json.dumps(report.rows(), allow_nan=False)
    assert report.to_arrow().num_rows == len(report.rows())
    for lang in ("en", "zh"):
        assert service_lines(report, lang)
    for row in report.rows():
        for key in ("answered", "goes_on", "comes_back"):
            value, low, high = row[key], row[f"{key}_low"], row[f"{key}_high"]
            assert value is None or 0 <= value <= 1
            assert value is not None or row["notes"][key]
            assert low is None or 0 <= low <= high <= 1
    if by in (None, "platform", "thread_id", "lang", "month"):
        measured = measure_table(collect(trees(archive)), by=by, resamples=0).rows()
        of = {row["group"]: row["answered"] for row in report.rows() if row["kind"] == "all"}
        assert of == pytest.approx({row["group"]: row["responsiveness"] for row in measured})


def test_a_brand_that_is_named_answers_alone():
    archive = [*conversation(), said("9", "7", "helper", "D", hours=9)]
    named = kinds(service(trees(archive), accounts=["helper"]))["all", "all"]
    assert (named["n_cases"], named["n_answered"], named["hours"]) == (3, 1, 7.0)


def test_an_account_that_wrote_nothing_is_named():
    with pytest.raises(DataError, match="account 'helpr' wrote nothing in the archive"):
        service(trees(conversation()), accounts=["café", "helpr"])
    coded = service(trees(conversation()), accounts=["shop"], alias={"shop": "café"}.get)
    assert kinds(coded)["all", "all"]["n_answered"] == 2


def test_threads_without_the_brand_are_counted_and_said_to_be_left_out():
    elsewhere = [said("q", None, None, thread="q"), said("q1", "q", "ann", "D", thread="q", act=Act.QUESTION)]
    report = service(trees([*conversation(), *elsewhere]))
    assert (report.left_out, kinds(report)["all", "all"]["n_cases"]) == ((1, 1), 3)
    assert service_lines(report, "en")[-1].startswith("Left out: 1 threads with 1 questions")
    assert service_lines(report, "zh")[-1].startswith("未计入：1 个帖子串")
    nothing = service(trees([said("p", None, "café"), said("1", "p", "bob", "M")]))
    assert service_lines(nothing, "en")[-1].startswith("No question, request or complaint")
    assert nothing.left_out == (0, 0)


def test_pages_have_their_name_and_platform():
    there = said("q", None, "u7", thread="q", author_name="Tea Bar", platform="weibo")
    asked = said("q1", "q", "ann", "D", thread="q", act=Act.QUESTION, platform="weibo")
    groups = {row["group"] for row in service(trees([*conversation(), there, asked]), by="page").rows()}
    assert groups == {"café", "Tea Bar (weibo)"}


def test_an_archive_without_a_case_says_so():
    report = service(trees([said("p", None, "café"), said("1", "p", "bob", "M")]))
    row = kinds(report)["all", "all"]
    assert (row["n_cases"], row["answered"], row["notes"]["hours"]) == (0, None, "no question or complaint")
    assert {r["n_cases"] for r in service(trees([])).rows()} == {0}
    with pytest.raises(DataError, match="no column 'colour'"):
        service(trees(conversation()), by="colour")


def test_a_clock_that_runs_backwards_gives_no_hours():
    backwards = [
        type(one)(msgspec.structs.replace(one.comment, created=None), one.p, one.act) if one.comment.id == "2" else one
        for one in conversation()
    ]
    rows = kinds(service(trees(backwards)))
    assert rows["all", "question"]["n_answered"] == 1
    assert (rows["all", "question"]["hours"], rows["all", "question"]["notes"]["hours"]) == (
        None,
        "no times given, or they run backwards",
    )
