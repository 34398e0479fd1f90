"""The records and the label scheme."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from nlp_engage.types import ACT_LABEL, ACTS, LABEL_CODES, LABELS, Act, Comment, Label, ReadReport


def test_order_of_the_labels_is_that_of_the_probability_columns():
    assert list(LABELS) == ["mindless_interaction", "genuine_dialogue", "self_expression"]
    assert list(LABEL_CODES.items()) == [
        ("M", Label.MINDLESS),
        ("D", Label.DIALOGUE),
        ("S", Label.EXPRESSION),
    ]


def test_every_act_belongs_to_the_label_the_codebook_gives_it():
    by_label = {label: [str(act) for act in ACTS if ACT_LABEL[act] == label] for label in LABELS}
    assert by_label == {
        "mindless_interaction": ["reac", "tag", "part", "spam"],
        "genuine_dialogue": ["ques", "answ", "agre", "disa", "requ", "soci"],
        "self_expression": ["opin", "stor", "feel", "crea", "iden"],
    }
    assert set(ACT_LABEL) == set(Act)


def test_time_without_zone_is_taken_as_utc_and_others_keep_theirs():
    beijing = datetime(2025, 6, 14, 20, tzinfo=timezone(timedelta(hours=8)))
    assert Comment(id="1", thread_id="p", created=datetime(2025, 6, 14, 12)).created == beijing
    assert Comment(id="1", thread_id="p", created=beijing).created.utcoffset() == timedelta(hours=8)
    decoded = msgspec.json.decode(b'{"id":"1","thread_id":"p","created":"2025-06-14T12:00:00"}', type=Comment)
    assert decoded.created.tzinfo is UTC


def test_json_line_of_a_comment_holds_only_what_is_known_and_reads_back_the_same():
    comment = Comment(id="9007199254740993", thread_id="p", parent_id="p", text="多少钱?", likes=-2)
    line = msgspec.json.encode(comment)
    assert line.decode() == '{"id":"9007199254740993","thread_id":"p","parent_id":"p","text":"多少钱?","likes":-2}'
    assert msgspec.json.decode(line, type=Comment) == comment


def test_records_cannot_be_changed_and_take_no_positions():
    comment = Comment(id="1", thread_id="p")
    with pytest.raises(AttributeError):
        comment.text = "new"
    with pytest.raises(TypeError):
        Comment("1", "p")


@pytest.mark.parametrize(("id_", "expected"), [("p", True), ("c", False)])
def test_the_post_is_the_record_whose_id_is_that_of_its_thread(id_, expected):
    assert Comment(id=id_, thread_id="p").is_post is expected


def test_books_of_a_read_balance_and_keep_only_the_first_rejects():
    report = ReadReport(max_rejects=2)
    report.kept = 5
    for place in range(1, 4):
        report.reject("a.jsonl", place, "not JSON", excerpt="x" * 500)
    report.skip("pingback")
    report.skip("pingback", 2)
    assert (report.read, report.n_rejected) == (8, 3)
    assert [(r.place, r.reason, len(r.excerpt)) for r in report.rejected] == [
        (1, "not JSON", 200),
        (2, "not JSON", 200),
    ]
    assert report.skipped == {"pingback": 3}
