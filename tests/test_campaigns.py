"""Campaigns: the file, the groups, the figures by hand, degenerate archives, the command line in two languages."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from fakes import FakeLabeller
from measuring import START, changed, said, trees

from nlp_engage.cli import main
from nlp_engage.errors import DataError
from nlp_engage.measure import collect, measure_table
from nlp_engage.measure.audience import windows
from nlp_engage.measure.campaign import compare, compare_table
from nlp_engage.measure.campaign_file import FIGURES, parse_campaigns, read_campaigns
from nlp_engage.measure.campaign_groups import find_groups
from nlp_engage.measure.contrast_figures import COMPARED
from nlp_engage.measure.posts import PostBook, hashtags
from nlp_engage.measure.verdicts import VERDICTS, number

ROOT = Path(__file__).resolve().parents[1]
DAY = 24
PLAN = {
    "campaigns": {"may": {"label": "May", "accounts": ["shop"], "from": "2025-07-12", "until": "2025-07-26"}},
    "baseline": {"accounts": ["shop"], "until": "2025-07-12"},
}


def thread(name, day, labels, author="shop", people=None, **fields):
    """A post and a reply a label, each by somebody else unless told."""
    platform = fields.pop("platform", "weibo")
    post = said(name, None, author, thread=name, hours=day * DAY, platform=platform, **fields)
    return [post] + [
        said(f"{name}r{k}", name, people[k] if people else f"{name}{k}", label, thread=name, hours=day * DAY + k + 1)
        for k, label in enumerate(labels)
    ]


def archive(campaign="DDDSSM", baseline="DMMMMM", n=8, **fields):
    """A baseline on every third day and a campaign from day 28 on."""
    posts = [thread(f"b{k}", 3 * k, baseline, **fields) for k in range(n)]
    posts += [thread(f"c{k}", 28 + k, campaign, **fields) for k in range(n)]
    return [one for post in posts for one in post]


def found(archive_, plan=PLAN, **settings):
    settings = {"resamples": 200, **settings}
    return compare(trees(archive_), parse_campaigns(plan), **settings)


def row(report, figure="eq", contrast="difference", campaign=None):
    return next(
        r
        for r in report.rows()
        if (r["figure"], r["contrast"]) == (figure, contrast) and campaign in (None, r["campaign"])
    )


def mixed(labels, k):
    """The same labels with one turned, so that threads differ."""
    return "M" + labels[1:] if k % 2 else labels


def lively(n=8):
    posts = [thread(f"b{k}", 3 * k, mixed("DMMMMM", k)) for k in range(n)]
    posts += [thread(f"c{k}", 28 + k, mixed("DDDSSM", k)) for k in range(n)]
    return [one for post in posts for one in post]


def test_figures_by_hand_and_a_verdict():
    report = found(lively())
    eq = row(report)
    # D and S earn 1/2 each: 5 and 4 of 6 in turn, against 1 and 0 of 6
    assert eq["campaign_value"] == pytest.approx(100 * 4.5 / 12)
    assert eq["baseline_value"] == pytest.approx(100 * 0.5 / 12)
    assert eq["difference"] == pytest.approx(100 * 4 / 12)
    assert eq["n_posts"] == [8, 8]
    assert eq["n_replies"] == [48, 48]
    assert eq["verdict"] == "higher"
    assert eq["p"] == eq["p_holm"] == pytest.approx(2 / 12_870)
    ep = row(report, "ep_per_post")  # everybody is another person: the sum of credits
    assert ep["campaign_value"] == pytest.approx(2.25)
    assert ep["p_holm"] is None
    assert row(report, "share_mindless_interaction")["verdict"] == "lower"


def test_a_difference_is_split_into_parts_that_add_up_in_both_languages():
    report = found(lively())
    (split,) = report.splits
    # everybody answers the post once: no exchange, nobody twice, as many replies; the shares alone differ
    assert split["eq"] == pytest.approx({"difference": 100 * 4 / 12, "mix": 100 * 4 / 12, "depth": 0})
    assert split["ep"]["difference"] == pytest.approx(48 * 4 / 12)
    assert split["ep"]["volume"] == pytest.approx(0)
    assert split["eq"]["difference"] == pytest.approx(row(report)["difference"])
    (campaign,) = report.to_dict()["campaigns"]
    assert campaign["split"] == {key: split[key] for key in ("eq", "ep", "labels")}
    english, chinese = report.lines("en")[-3:], report.lines("zh")[-3:]
    assert english[1].strip() == "May: EQ +33.3 = mix +33.3, depth +0.0"
    assert "数量" in chinese[2]


def test_the_parts_add_up_where_volume_people_and_exchanges_differ():
    posts = [thread(f"b{k}", 3 * k, "DMS", people=("ann", "bob", "ann")) for k in range(6)]
    posts += [thread(f"c{k}", 28 + k, "DDDSM") for k in range(9)]
    posts += [[said(f"c{k}a", f"c{k}r0", "shop", "D", thread=f"c{k}", hours=28 * DAY + 30 + k) for k in range(9)]]
    report = found([one for post in posts for one in post])
    (split,) = report.splits
    eq, ep = split["eq"], split["ep"]
    assert min(abs(part) for part in (eq["mix"], eq["depth"], ep["volume"], ep["replies"], ep["again"])) > 0.01
    assert eq["mix"] + eq["depth"] == pytest.approx(eq["difference"])
    assert ep["volume"] + ep["mix"] + ep["depth"] == pytest.approx(ep["difference"])
    assert ep["replies"] + ep["again"] == pytest.approx(ep["volume"])
    values = {g["role"]: g for g in report.groups}
    assert ep["difference"] == pytest.approx(values["campaign"]["ep"] - values["baseline"]["ep"])


def test_a_group_without_a_reply_is_not_split():
    posts = [thread(f"b{k}", 3 * k, "DMS") for k in range(6)] + [thread(f"c{k}", 28 + k, "") for k in range(6)]
    report = found([one for post in posts for one in post])
    assert report.splits[0]["eq"] is None
    assert "no split" in report.lines("en")[-1]
    assert "无法拆分" in report.lines("zh")[-1]


def test_rates_are_those_of_the_measure_and_people_per_post_do_not_fall_where_people_return():
    people = ("ann", "bob", "cid", "dee", "eve", "fay")
    report = found(archive(people=people))
    groups = {(g["campaign"], g["role"]): g for g in report.groups}
    for role in ("campaign", "baseline"):
        measured = groups["may", role]
        for figure in ("eq", "share_genuine_dialogue", "share_self_expression", "share_mindless_interaction"):
            assert row(report, figure)[f"{role}_value"] == pytest.approx(measured[figure])
    assert groups["may", "campaign"]["ep"] < 6  # six people, however many posts
    assert row(report, "ep_per_post")["campaign_value"] == pytest.approx(2.5)  # five of them under each post


def test_no_effect_large_enough_is_told_from_not_enough_data():
    def one(k, day, name):
        return thread(f"{name}{k}", day, ("DDMMMSMMDM" if k % 2 else "DMMMMSMMDM") * 2)

    many = [c for k in range(40) for c in one(k, 0.5 * k, "b") + one(k, 28 + 0.2 * k, "c")]
    same = row(found(many))
    assert same["verdict"] == "no_difference"
    assert same["verdict_en"] == (
        "May: the engagement quality (EQ) shows no difference larger than 5.0 points against the baseline: +0.0 points "
        f"(90 % interval {same['difference_low']:+.1f} to {same['difference_high']:+.1f})."
    )
    assert "差异不超过 5.0 分" in same["verdict_zh"]
    strict = row(found(many, {**PLAN, "margin": 0.01}))
    assert strict["verdict"] == "not_enough_data"
    assert strict["posts_needed"][0] > 40
    assert re.search(r"about [\d,]+ posts with [\d,]+ replies", strict["verdict_en"])
    assert "数据不足" in strict["verdict_zh"]


def test_a_difference_in_differences_takes_the_common_change_out():
    base = [
        c
        for k in range(8)
        for c in thread(f"b{k}", 3 * k, mixed("DDMMMM", k)) + thread(f"c{k}", 28 + k, mixed("DDDDMM", k))
    ]
    control = [
        c
        for k in range(8)
        for c in thread(f"x{k}", 3 * k, mixed("DDMMMM", k), "other")
        + thread(f"y{k}", 28 + k, mixed("DDDDMM", k), "other")
    ]
    report = found([*base, *control], {**PLAN, "control": {"accounts": ["other"]}})
    plain, did = row(report), row(report, contrast="difference_in_differences")
    assert plain["verdict"] == "higher"
    assert did["control_during_value"] - did["control_before_value"] == pytest.approx(100 * 2 / 12)
    assert did["difference"] == pytest.approx(0.0, abs=1e-9)
    assert did["verdict"] != "higher"
    # two headline tests in the file: both are corrected
    assert plain["p_holm"] == pytest.approx(2 * plain["p"])


def test_several_campaigns_are_corrected_together():
    plan = {
        "baseline": PLAN["baseline"],
        "campaigns": {
            "first": {"ids": [f"c{k}" for k in range(5)]},
            "second": {"ids": [f"d{k}" for k in range(5)]},
        },
    }
    more = [c for k in range(5) for c in thread(f"d{k}", 40 + k, mixed("DMMMMS", k))]
    report = found([*lively(), *more], plan)
    p = {name: row(report, campaign=name) for name in ("first", "second")}
    small, large = sorted(p.values(), key=lambda r: r["p"])
    assert small["p_holm"] == pytest.approx(2 * small["p"])
    assert large["p_holm"] == pytest.approx(max(large["p"], small["p_holm"]))


@pytest.mark.parametrize(
    ("name", "posts", "figure", "reason"),
    [
        ("one thread each", lambda: archive(n=1), "eq", "at least 5 posts"),
        ("few replies", lambda: archive("D", "M"), "eq", "30 replies"),
        ("all mindless", lambda: archive("MMMMMM", "MMMMMM"), "eq", "all threads alike"),
        ("no dialogue", lambda: archive("SSMMMM", "SMMMMM"), "reciprocity", "at least 5 posts"),
        ("no questions", archive, "responsiveness", "at least 5 posts"),
    ],
    ids=lambda x: x if isinstance(x, str) and " " in x else "",
)
def test_degenerate_archives_get_not_enough_data_and_the_reason(name, posts, figure, reason):
    report = found(posts())
    one = row(report, figure)
    assert one["verdict"] == "not_enough_data"
    assert reason in one["note"]
    json.dumps(report.to_dict(), allow_nan=False)  # no NaN anywhere
    for lang in ("en", "zh"):
        assert "nan" not in "\n".join(report.lines(lang)).lower()


def test_one_author_and_no_author_are_measured_like_any_other():
    for people in (["ann"] * 6, [None] * 6):
        report = found(archive(people=people))
        assert row(report)["campaign_value"] > row(report)["baseline_value"]
        json.dumps(report.to_dict(), allow_nan=False)
    gone = row(found(archive(people=[None] * 6), {**PLAN, "follow_days": 2}), "return_after")
    assert (gone["verdict"], gone["campaign_value"]) == ("not_enough_data", None)


def test_human_labels_leave_nothing_to_audit_and_predicted_ones_do():
    assert row(found(lively()))["audited_threads_needed"] is None
    soft = [
        c
        for k in range(30)
        for c in thread(f"b{k}", 0.5 * k, [(0.4, 0.5, 0.1)] * 6) + thread(f"c{k}", 28 + 0.2 * k, [(0.4, 0.4, 0.2)] * 5)
    ]
    soft += thread("c99", 30, "MMM") + thread("b99", 3, "DDD")
    one = row(found(soft, {**PLAN, "margin": 20}), "share_genuine_dialogue")
    assert 5 <= one["audited_threads_needed"] <= 31


def test_times_are_needed_only_where_dates_are_asked_for():
    timeless = [msgspec.structs.replace(c.comment, created=None) for c in archive()]
    labels = archive()
    bare = [type(one)(comment, one.p, one.act) for one, comment in zip(labels, timeless, strict=True)]
    with pytest.raises(DataError, match=r"campaign 'may': no post fits \(16 posts in the archive, none with a time\)"):
        found(bare)
    by_id = {"campaigns": {"c": {"ids": [f"c{k}" for k in range(8)]}}, "baseline": {"ids": [f"b{k}" for k in range(8)]}}
    report = found(bare, by_id)
    assert row(report)["difference"] > 0
    back = row(report, "return_after")
    assert (back["verdict"], back["note"]) == ("not_enough_data", "no times given")


def test_groups_that_share_posts_are_refused_unless_the_file_allows_it():
    everything = {"baseline": {"accounts": ["shop"]}, "campaigns": PLAN["campaigns"]}
    with pytest.raises(DataError, match=r"may \(campaign\) and may \(baseline\) share 8 posts .*overlap = \"allow\""):
        found(archive(), everything)
    allowed = row(found(archive(), {**everything, "overlap": "allow"}))
    assert allowed["n_posts"] == [8, 8]  # the campaign's posts have left the baseline
    twice = {**PLAN, "campaigns": {"a": PLAN["campaigns"]["may"], "b": PLAN["campaigns"]["may"]}}
    with pytest.raises(DataError, match="a and b share 8 posts"):
        found(archive(), twice)
    assert len({r["campaign"] for r in found(archive(), {**twice, "overlap": "allow"}).rows()}) == 2
    same = {"campaigns": PLAN["campaigns"], "baseline": {**PLAN["campaigns"]["may"]}, "overlap": "allow"}
    del same["baseline"]["label"]
    with pytest.raises(DataError, match="all 8 posts of baseline are also in campaign, so nothing is left"):
        found(archive(), same)


# Who is meant.


def select(archive_, **conditions):
    book = PostBook()
    table = collect(book.watch(trees(archive_)))
    plan = parse_campaigns({"campaigns": {"c": conditions}, "baseline": {"from": "1990-01-01"}})
    fits, notes = book.select(table.thread_ids, plan.campaigns[0].posts, "here")
    return [t for t, fit in zip(table.thread_ids, fits, strict=True) if fit], notes


POSTS = [
    *thread("a", 0, "M", "u1", author_name="Shop", text="Hello #Porch-Stories!", platform="reddit"),
    *thread("b", 1, "M", "u2", author_name="别人", text="来了 #门廊故事#今晚见", platform="weibo"),
    *thread("c", 2, "M", "u1", text="#cute#dog", platform="reddit"),
]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"ids": ["a", "c"]}, ["a", "c"]),
        ({"accounts": ["@SHOP"]}, ["a"]),
        ({"accounts": ["u1", "别人"]}, ["a", "b", "c"]),
        ({"hashtags": ["#porch-stories", "门廊故事"]}, ["a", "b"]),
        ({"hashtags": ["dog"]}, ["c"]),
        ({"platforms": ["Reddit"]}, ["a", "c"]),
        ({"platforms": ["reddit"], "hashtags": ["dog"]}, ["c"]),
        (
            {"from": "2025-06-15T12:00:00", "until": "2025-06-16T12:00:00"},
            ["b"],
        ),  # half-open: c is the first that is out
    ],
)
def test_posts_are_selected_by_every_condition_together(conditions, expected):
    assert select(POSTS, **conditions)[0] == expected


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"ids": ["a", "zz"]}, r"no thread 'zz' in the archive \(1 of 2 threads unknown\)"),
        ({"accounts": ["shopp"]}, r"no post by 'shopp' .*e\.g\. 'shop'"),
        ({"platforms": ["redit"]}, r"no post on 'redit' .*'reddit'"),
        ({"hashtags": ["porch"]}, r"no post has a hashtag #porch; it has \d+.*--no-text"),
    ],
)
def test_what_the_archive_does_not_have_is_named_with_what_is_near(conditions, message):
    with pytest.raises(DataError, match=message):
        select(POSTS, **conditions)


def test_a_hashtag_nobody_uses_beside_others_is_a_remark():
    fits, notes = select(POSTS, hashtags=["dog", "cat"])
    assert fits == ["c"]
    assert notes == ["here: no post has the hashtag #cat"]


def test_posts_without_a_time_are_left_out_of_dates_and_counted():
    timeless = thread("d", 0, "M")
    timeless = [type(one)(msgspec.structs.replace(one.comment, created=None), one.p) for one in timeless]
    fits, notes = select([*POSTS, *timeless], **{"from": "2025-06-14"})
    assert fits == ["a", "b", "c"]
    assert notes == ["here: 1 posts have no time and are left out, for dates are asked for"]


def test_hashtags_of_both_kinds():
    assert hashtags("＃ＡＢＣ #x_1 a#b c# d") == {"abc", "x_1", "b"}
    assert hashtags("#夏天 的风#") == {"夏天 的风"}
    assert hashtags("nothing # here") == frozenset()


# The file.


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no campaign; add a table"),
        ("campaigns = 3", "campaigns must be a table, not a number"),
        ("[campaigns.\"\"]\nids=['a']\n[baseline]\nids=['b']", "a campaign needs a name"),
        ("[campaigns.a]\nids=[5]\n[baseline]\nids=['b']", r"ids\[0\] must be text in quotes, not a number"),
        (
            "timezone='Asia/Shanghai'\n[campaigns.a]\nfrom=0001-01-01\n[baseline]\nids=['b']",
            "from = 0001-01-01 is out of range",
        ),
        ("[campaigns.a]\nfrom = 2026-01-01", "nothing to compare with"),
        ("headlin = 'eq'", "unknown key 'headlin', did you mean 'headline'"),
        ("headline = 'likes'", "headline = 'likes' must be one of eq, ep_per_post"),
        ("margin = -1", "margin = -1.0 must be points"),
        ("overlap = 'maybe'", "'error' or 'allow'"),
        ("follow_days = 0", "follow_days"),
        ("[campaigns.a]\naccount = ['x']", "unknown key 'account', did you mean 'accounts'.*Allowed are ids, accounts"),
        ("[campaigns.a]\naccounts = 'x'", r'accounts must be a list like \["a", "b"\], not text'),
        ("[baseline]\nuntil=2026-01-01\n[campaigns.a]\nlabel='x'", "says not which posts"),
        ("[campaigns.a]\nfrom=2026-02-01\nuntil=2026-02-01\n[baseline]\nids=['a']", "holds no moment"),
        ("[campaigns.a]\nfrom='soon'\n[baseline]\nids=['a']", "'soon' is no date"),
        ("timezone='Mars/Base'\n[campaigns.a]\nids=['a']\n[baseline]\nids=['b']", "no time zone 'Mars/Base'"),
        ("[campaigns.a]\nids=['a']\n[baseline]\nids=['b']\n[control]\naccounts=['x']", "has no dates to take over"),
        (
            "[campaigns.a]\nids=['a']\n[baseline]\nids=['b']\n[control.during]\nids=['x']",
            "give both 'during' and 'before'",
        ),
        ("[campaigns", "is no TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path, content, message):
    path = tmp_path / "c.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(DataError, match=message):
        read_campaigns(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_campaigns(tmp_path / "none.toml")


def test_dates_are_days_of_the_time_zone_of_the_file():
    plan = parse_campaigns({"timezone": "Asia/Shanghai", **PLAN})
    posts = plan.campaigns[0].posts
    assert posts.start.astimezone(UTC) == datetime(2025, 7, 11, 16, tzinfo=UTC)
    stamped = parse_campaigns({**PLAN, "baseline": {"until": "2025-07-01T00:00:00-05:00"}})
    assert stamped.campaigns[0].baseline.stop.astimezone(UTC) == datetime(2025, 7, 1, 5, tzinfo=UTC)


def test_the_figures_of_the_file_are_those_that_are_compared():
    assert [figure.key for figure in COMPARED] == list(FIGURES)


# Did people come back?


def returning():
    """Ann and bob write under the campaign, ann comes back to another post within ten days and bob too late.

    v1 goes on under the campaign's own post, which is no return.
    """
    posts = [thread(f"b{k}", 3 * k, "DM", people=[f"p{k}", f"q{k}"]) for k in range(9)]
    posts += [
        thread(f"c{k}", 28 + k, "DD", people=["ann" if k == 0 else f"u{k}", "bob" if k == 0 else f"v{k}"])
        for k in range(6)
    ]
    common = {"thread": "late", "platform": "weibo"}
    later = said("l1", "late", "ann", "D", hours=44 * DAY, **common)
    too_late = said("l2", "late", "bob", "D", hours=60 * DAY, **common)
    posts.append([said("late", None, "other", hours=43 * DAY, **common), later, too_late])
    posts.append(
        [said("more", "c1", "v1", "D", thread="c1", hours=45 * DAY, platform="weibo")]
    )  # the campaign's own post
    posts.append([said("own", None, "u1", thread="own", hours=45 * DAY, platform="weibo")])
    return [one for post in posts for one in post]


def test_return_counts_people_seen_again_elsewhere_within_the_days_that_follow():
    plan = {**PLAN, "follow_days": 10}  # campaign from day 28 (half of it: noon) for 14 days, then ten days
    report = found(returning(), plan)
    back = row(report, "return_after")
    # twelve people under the campaign; ann replies elsewhere, u1 writes a post of their own, bob is too late
    assert back["campaign_value"] == pytest.approx(2 / 12)
    assert back["n_replies"][0] == 12
    assert back["window"] == ["2025-07-12T00:00:00Z", "2025-07-26T00:00:00Z", "2025-08-05T00:00:00Z"]
    again = row(report, "repeat_dialogue")
    assert again["campaign_value"] == pytest.approx(1 / 12)  # of twelve in dialogue, ann is in dialogue again


def test_earlier_windows_end_before_the_campaign_and_lie_in_the_baseline():
    book = PostBook()
    table = collect(book.watch(trees(returning())))
    plan = parse_campaigns({**PLAN, "follow_days": 3, "baseline": {"from": "2025-06-14", "until": "2025-07-12"}})
    (parts,), _ = find_groups(table, book, plan)
    window, earlier, reason = windows(table, parts, plan)
    assert reason == ""
    assert [(str(w.start)[:10], str(w.stop)[:10], str(w.follow)[:10]) for w in earlier] == [
        ("2025-06-25", "2025-07-09", "2025-07-12")
    ]
    assert all(w.follow <= window.start for w in earlier)
    late = parse_campaigns({**PLAN, "follow_days": 15})
    assert windows(table, parts, late)[2].startswith("the baseline begins on 2025-06-14: for an earlier window")
    long = parse_campaigns({**PLAN, "follow_days": 300})
    assert windows(table, parts, long)[2].startswith("the archive ends on 2025-08-13")


# The command line.


def run(*args):
    return CliRunner().invoke(main, [str(a) for a in args])


@pytest.fixture
def labelled(tmp_path, monkeypatch):
    path = tmp_path / "archive.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(one.comment) + b"\n" for one in archive("DDDDDDD", "DDDDDDD", n=6)))
    monkeypatch.setattr("nlp_engage.classify.OnnxLabeller.load", lambda *_, **__: FakeLabeller())
    for name, *options in (("run", "--keep-authors"), ("salted",)):
        assert run("label", path, "-o", tmp_path / name, *options).exit_code == 0
    plan = tmp_path / "c.toml"
    plan.write_text(
        '[campaigns.may]\naccounts = ["shop"]\nfrom = 2025-07-12\n[baseline]\naccounts = ["shop"]\nuntil = 2025-07-12\n'
    )
    return tmp_path


def test_compare_writes_json_and_prints_a_table_in_both_languages(labelled):
    out = labelled / "out.json"
    result = run("compare", labelled / "run", "--campaigns", labelled / "c.toml", "-o", out, "--resamples", 200)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0].split()[:2] == ["campaign", "figure"]
    content = json.loads(out.read_text("utf-8"))
    assert content["settings"]["resamples"] == 200
    (campaign,) = content["campaigns"]
    assert [g["role"] for g in campaign["groups"]] == ["campaign", "baseline"]
    assert {c["verdict"] for c in campaign["comparisons"]} <= set(VERDICTS)
    chinese = run("compare", labelled / "run", "--campaigns", labelled / "c.toml", "--lang", "zh", "--resamples", 200)
    assert chinese.stdout.startswith("活动")
    again = run("compare", labelled / "run", "--campaigns", labelled / "c.toml", "--resamples", 200)
    assert again.stdout == result.stdout


def test_accounts_are_found_where_author_ids_are_salted(labelled):
    result = run("compare", labelled / "salted", "--campaigns", labelled / "c.toml", "--resamples", 200)
    assert result.exit_code == 0, result.output
    (labelled / "salted" / ".salt").unlink()
    lost = run("compare", labelled / "salted", "--campaigns", labelled / "c.toml", "--resamples", 200)
    assert lost.exit_code == 1
    assert "no post by 'shop'" in lost.stderr
    assert "a run that was labelled with --salt needs the same --salt here" in lost.stderr
    other = run("compare", labelled / "salted", "--campaigns", labelled / "c.toml", "--salt", "pepper")
    assert other.exit_code == 1
    assert "no post by 'shop' in the archive (1 of 1 accounts unknown). The run's author ids are salted" in other.stderr


def test_a_file_that_is_no_utf8_says_how_to_save_it(tmp_path):
    path = tmp_path / "c.toml"
    path.write_bytes('[campaigns."café"]\n'.encode("latin-1"))
    with pytest.raises(DataError, match=r"is not UTF-8 .*: save it as UTF-8"):
        read_campaigns(path)


def test_few_posts_give_no_numbers_that_would_reassure():
    # two posts and two: what little they differ says nothing of how much others would
    few = row(found(lively(n=2)))
    assert few["verdict"] == "not_enough_data"
    assert few["difference_low"] is not None
    assert (few["detectable"], few["posts_needed"], few["replies_needed"]) == (None, None, None)
    assert "At least 5 posts with a say and 30 replies are needed" in few["verdict_en"]
    assert "easily missed" not in few["verdict_en"]


def test_threads_that_differ_by_rounding_only_are_alike():
    threads = archive("DDMMMMM", "DDMMMMM", n=8)
    off = [1e-9 * (k % 3) for k in range(len(threads))]
    noisy = [
        one if one.p is None else changed(one, p=(0.7 - x, 0.3 + x, 0.0)) for one, x in zip(threads, off, strict=True)
    ]
    share = row(found(noisy), "share_genuine_dialogue")
    assert (share["difference_low"], share["verdict"]) == (None, "not_enough_data")
    assert share["note"] == "all threads alike: no interval"


def test_a_label_cannot_steer_the_terminal_or_break_the_table():
    plan = {**PLAN, "campaigns": {"may": {**PLAN["campaigns"]["may"], "label": '\x1b[2JSummer,\n"夏天" 🌞 {label}'}}}
    lines = found(archive(n=6), plan).lines()
    assert lines[1].startswith('* [2JSummer, "夏天" 🌞 {label}  engagement quality')
    assert not any("\x1b" in line or "\n" in line for line in lines)


def test_a_level_that_no_deal_could_reach_is_refused():
    with pytest.raises(DataError, match=r"at level 0.999 and with 1 verdicts .* Take 999 or more"):
        found(lively(), level=0.999, resamples=200)
    twice = {**PLAN, "overlap": "allow", "campaigns": {k: PLAN["campaigns"]["may"] for k in "ab"}}
    with pytest.raises(DataError, match=r"with 2 verdicts .* Take 199 or more"):
        found(lively(), twice, level=0.99, resamples=198)
    assert row(found(lively(), twice, level=0.99, resamples=199))["verdict"] == "higher"


def test_numbers_have_no_negative_zero():
    assert number(-1e-9, "eq", signed=True) == "+0.0"
    assert number(-1e-9, "reciprocity") == "0.0%"


def test_power_and_service_take_a_run(labelled):
    pilot = run("power", labelled / "run", "--figure", "ep_per_post")
    assert pilot.exit_code == 1
    assert "no figure 'ep_per_post' to plan for: take one of eq" in pilot.stderr
    plan = run("power", labelled / "run", "--effect", 20, "--json")
    assert plan.exit_code == 0, plan.output
    assert json.loads(plan.stdout)["detectable_now"] > 0
    out = labelled / "service.json"
    served = run("service", labelled / "run", "--by", "page", "-o", out, "--resamples", 50)
    assert served.exit_code == 0, served.output
    assert {row["group"] for row in json.loads(out.read_text("utf-8"))} == {"shop (weibo)"}
    assert run("service", labelled / "salted", "--account", "shop", "--lang", "zh").stdout.startswith("分组")


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_compare_writes_tables(labelled, name):
    import pyarrow.csv
    import pyarrow.parquet as pq

    out = labelled / name
    result = run("compare", labelled / "run", "--campaigns", labelled / "c.toml", "-o", out, "--resamples", 200)
    assert result.exit_code == 0, result.output
    table = pyarrow.csv.read_csv(out) if name.endswith("csv") else pq.read_table(out)
    assert len(table) == len(COMPARED) + 2
    assert table["n_posts_campaign"].to_pylist()[0] == 6


def test_wrong_use_is_told_with_its_exit_code(labelled):
    assert run("compare", labelled / "run", "--campaigns", labelled / "c.toml", "-o", "x.txt").exit_code == 2
    assert run("compare", labelled / "run").exit_code == 2
    few = run("compare", labelled / "run", "--campaigns", labelled / "c.toml", "--resamples", 5)
    assert few.exit_code == 1
    assert "resamples is 5: it must be 100 or more" in few.stderr
    seed = run("compare", labelled / "run", "--campaigns", labelled / "c.toml", "--seed", -1)
    assert seed.exit_code == 1
    assert "seed is -1: it must be 0 or more" in seed.stderr


def test_the_sample_campaigns_are_read_and_fit_the_sample_archives():
    from nlp_engage.readers import read
    from nlp_engage.tree import build_trees
    from nlp_engage.types import LabelledTree

    plan = read_campaigns(ROOT / "data" / "sample" / "campaigns.toml")
    sample = [
        LabelledTree(
            tree=tree,
            probabilities=np.where(np.arange(len(tree))[:, None] > 0, [[0.2, 0.5, 0.3]], np.nan),
            acts=np.full(len(tree), -1, dtype=np.int32),
            act_probabilities=np.full(len(tree), np.nan),
            languages=("en",) * len(tree),
        )
        for tree in build_trees(read([ROOT / "data" / "sample" / "archives"]))
    ]
    book = PostBook()
    table = collect(book.watch(sample))
    groups, notes = find_groups(table, book, plan)
    assert notes == []
    assert {g.campaign.name: [len(t) for _, t in g.roles()] for g in groups} == {
        "porch_stories": [10, 14, 2, 2],
        "ask_the_engineers": [8, 6],
    }


def test_the_same_seed_gives_the_same_numbers_and_order_does_not_matter():
    plan = parse_campaigns(PLAN)
    one = compare(trees(lively()), plan, resamples=150, seed=3)
    other = compare(reversed(trees(lively())), plan, resamples=150, seed=3)
    assert one.rows() == other.rows()
    assert one.rows() != compare(trees(lively()), plan, resamples=150, seed=4).rows()


def test_a_table_that_was_collected_before_gives_the_same():
    book = PostBook()
    table = collect(book.watch(trees(lively())))
    plan = parse_campaigns(PLAN)
    report = compare_table(table, book, plan, resamples=150)
    assert report.rows() == compare(trees(lively()), plan, resamples=150).rows()
    by = {t: "g" for t, post in book.posts.items() if post.created.timestamp() >= START.timestamp() + 28 * DAY * 3_600}
    whole = measure_table(table, by=by, resamples=150).rows()[0]
    assert {k: v for k, v in whole.items() if k != "group"} == {
        k: v for k, v in report.groups[0].items() if k not in ("campaign", "role")
    }
    assert report.to_arrow().num_rows == len(report.rows())
