"""Tables that go through a spreadsheet: what it must not change, and every way it saves them."""

from __future__ import annotations

import csv
import io

import pytest

from nlp_engage.errors import DataError
from nlp_engage.spreadsheet import from_csv, read_text, to_csv


@pytest.mark.parametrize(
    "text",
    [
        *("1234567890123456789", "007", "5e10", "1/2", "12:30", "2026-11-28", "7月1日", "50%", "true", "１２３", "²"),
        *("5 Mar", "MARCH1", "1-Sept", "5. Mai 2026", "14 September 2026, 10:30:00 pm", "Mon, 5 Mar", "5 de enero"),
        *("$5", "5 €", "￥5", "R$ 5", "5 kr", "(5)", "[1]", "5:", "5 pm", "10:30am", "上午8时30分", "1 cup"),
        *("=1+1", "＝1+1", "＋a", "－a", "＠a", " =1+1", "\n=1+1", "\tx", "'quoted", "''twice", "'", "'=1"),
    ],
)
def test_what_a_spreadsheet_would_change_is_written_as_text_and_comes_back(text):
    written = to_csv(["uid", "n"], [{"uid": text, "n": 0.25}]).decode("utf-8-sig")
    (_, cells) = csv.reader(io.StringIO(written, newline=""))
    assert cells == [f"'{text}", "0.25"]
    assert from_csv(written)[1] == {2: {"uid": text, "n": "0.25"}}


@pytest.mark.parametrize(
    "text",
    [
        "t1_ofj3v3i",
        "t0.12",
        "c1",
        "Mine holds 3",
        "我买了3个",
        "May I?",
        "no $",
        "1" * 5_000 + "x",
        "1" * 61,
        "1 " + "x" * 40,
    ],
)
def test_other_texts_stand_as_they_are(text):
    assert to_csv(["uid"], [{"uid": text}]).decode("utf-8-sig") == f"uid\r\n{text}\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "uid,label\nc1,M\n",
        "UID; label \r\nc1;M\r\n",
        "uid\tlabel\rc1\tM\r",
        "sep=;\r\nuid;label\r\nc1;M\r\n",
        '"sep=;"\nuid;label\nc1;M\n',
        "uid,label,\nc1,M,,,\n,,\n\n",
    ],
)
def test_every_way_to_save_a_table_is_read(text):
    assert from_csv(text, ["uid"]) == (["uid", "label"], {2: {"uid": "c1", "label": "M"}})


def test_rows_have_the_numbers_they_have_in_the_spreadsheet():
    text = 'uid,reply\nc1,"two\nlines"\n\n,\nc2,one\n'
    assert {n: row["uid"] for n, row in from_csv(text)[1].items()} == {2: "c1", 5: "c2"}


def test_apostrophes_of_another_program_are_text():
    assert from_csv("uid,dialogue\n'tis,[]\n", foreign="dialogue")[1][2]["uid"] == "'tis"
    assert from_csv("uid,reply\n'tis,x\n", foreign="dialogue")[1][2]["uid"] == "tis"


def test_cells_may_be_long():
    assert len(from_csv(f"uid,post\nc1,{'x' * 200_000}\n")[1][2]["post"]) == 200_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uid,label,label\nc1,M,D\n", "column 'label' is there twice"),
        ("uid,label\nc1,M,lost\n", "row 2 has 3 cells, and there are 2 columns"),
        ('uid,label\nc1,"M\nc2,D\n', "unexpected end of data"),
    ],
)
def test_a_table_of_which_something_would_be_lost_is_refused(text, message):
    with pytest.raises(csv.Error, match=message):
        from_csv(text)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_in_the_encodings_of_spreadsheets(encoding, tmp_path):
    (tmp_path / "s.csv").write_bytes("uid\n帖\r\n".encode(encoding))
    assert read_text(tmp_path / "s.csv") == "uid\n帖\r\n"


def test_another_encoding_is_refused_and_the_next_step_named(tmp_path):
    (tmp_path / "s.csv").write_bytes("帖子".encode("gb18030"))
    with pytest.raises(DataError, match=r"s\.csv: .*save it as UTF-8 \(in Excel: CSV UTF-8\)"):
        read_text(tmp_path / "s.csv")
