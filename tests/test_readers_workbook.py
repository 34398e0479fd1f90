"""Excel workbooks: read sheet by sheet like the CSV files they might have been, or told what is wrong."""

from __future__ import annotations

import csv
import io
import re
import sys
import zipfile
from datetime import date, datetime

import pytest
import test_readers_formats
import test_readers_platforms
from openpyxl import Workbook
from openpyxl.worksheet.formula import ArrayFormula
from reading import owners, packed, parents, put, read_all, reasons

from nlp_engage.errors import ReadError
from nlp_engage.inspection import inspect_archive
from nlp_engage.readers import read, workbook

CONTENTS = [
    ["note_id", "type", "title", "desc", "time", "user_id", "nickname", "comment_count", "last_modify_ts"],
    ["66d5", "normal", "新杯", "好看", 1725690000000, "u9", "店", "2", 1757055252618],
]
COMMENTS = [
    ["comment_id", "create_time", "note_id", "content", "user_id", "nickname", "sub_comment_count", "parent_comment_id",
     "last_modify_ts", "like_count"],
    ["66aa01", 1725693101000, "66d5", "哪里买的", "u1", "小王", 1, 0, 1757055252618, "10"],
    ["66aa02", 1725693200000, "66d5", "链接在主页", "u9", "店", 0, "66aa01", 1757055252618, None],
]  # fmt: skip
CREATORS = [["user_id", "nickname", "last_modify_ts", "fans"], ["u9", "店", 1757055252618, "7"]]
CRAWLED = {"Contents": CONTENTS, "Comments": COMMENTS, "Creators": CREATORS}


def book(sheets):
    """The bytes of a workbook: name of a sheet -> its rows."""
    made = Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def changed(data, name, change):
    """A workbook one of whose parts is another."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, change(old.read(part)) if part == name else old.read(part))
    return out.getvalue()


TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
SPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def as_excel_saves(data):
    """A workbook whose texts stand in a list of their own."""
    texts = []

    def share(match):
        texts.append(match[1])
        return b't="s"><v>%d</v>' % (len(texts) - 1)

    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            content = re.sub(rb't="inlineStr"><is><t>([^<]*)</t></is>', share, old.read(part))
            override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{TYPE}"/></Types>'
            new.writestr(part, content.replace(b"</Types>", override.encode()))
        listed = b"".join(b"<si><t>%s</t></si>" % text for text in texts)
        new.writestr("xl/sharedStrings.xml", b'<sst xmlns="%s">%s</sst>' % (SPACE.encode(), listed))
    return out.getvalue()


@pytest.mark.parametrize("packing", ["plain", "shared", "zip", "gzip", "folder"])
def test_a_mediacrawler_workbook_is_read_sheet_by_sheet(tmp_path, packing):
    data = as_excel_saves(book(CRAWLED)) if packing == "shared" else book(CRAWLED)
    path = packed(tmp_path, "xhs_search", data, packing)
    found, report = read_all(path)
    assert parents(found) == {"66d5": None, "66aa01": "66d5", "66aa02": "66aa01"}
    assert owners(found) == {"66aa02"}
    assert found["66aa01"].created.isoformat() == "2024-09-07T07:11:41+00:00"
    assert (found["66aa01"].likes, found["66aa02"].likes) == (10, None)
    assert [name.rpartition("/")[2] for name in report.formats] == ["Contents", "Comments", "Creators"]
    assert report.skipped == {"MediaCrawler creator profiles": 1}
    assert report.n_rejected == 0
    told, _ = inspect_archive([str(path)])
    assert (told["format"], told["comments"], told["completeness"]) == ("mediacrawler", 2, 1.0)


def _tables():
    for case in test_readers_formats.CASES:
        for name, content in case.files.items():
            if isinstance(content, str) and content[:1] not in "[{<" and len(case.files) == 1:
                yield pytest.param(content, id=f"{case.name}-{name}")
    yield pytest.param(test_readers_platforms._csv(test_readers_platforms.XHS), id="mediacrawler")


@pytest.mark.parametrize("text", [*_tables()])
def test_a_sheet_is_read_like_the_same_table_as_csv(tmp_path, text):
    head = text.partition("\n")[0]
    rows = list(csv.reader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ","))
    cells = [[int(cell) if cell.isdecimal() and len(cell) < 15 else cell for cell in row] for row in rows]
    table, report = read_all(put(tmp_path, "x.csv", text))
    sheet, again = read_all(put(tmp_path, "y.xlsx", book({"x": cells})))
    here = {"x": "y/x"}  # a thread that no record names is the file
    assert {i: _without_label(c, here) for i, c in table.items()} == {
        i: _without_label(c, {}) for i, c in sheet.items()
    }
    assert (report.kept, report.n_rejected, report.skipped) == (again.kept, again.n_rejected, again.skipped)


def _without_label(comment, labels):
    thread = labels.get(comment.thread_id, comment.thread_id)
    parent = labels.get(comment.parent_id, comment.parent_id)
    return comment.thread_id == "", thread, parent, comment.author, comment.text, comment.created, comment.likes


def test_any_other_sheet_is_read_by_its_columns_below_a_title(tmp_path):
    when = datetime(2024, 5, 1, 12, 30)
    rows = [["评论导出"], [], ["评论ID", "昵称", "评论内容", "时间", "时间"], [2**40, "小张", 12.0, when, 1],
            [], [" c2 ", "小李", True, date(2024, 5, 2), None, "beyond"]]  # fmt: skip
    found, report = read_all(
        put(tmp_path, "b.xlsx", book({"表": rows, "empty": [], "notes": [["read me"], ["again"]]}))
    )
    assert set(found) == {str(2**40), "c2"}
    assert found[str(2**40)].text == "12"
    assert found[str(2**40)].created.isoformat() == "2024-05-01T12:30:00+00:00"
    assert found["c2"].thread_id == "b/表"
    told = [what.partition(":")[0] for what in report.formats.values()]
    assert told == ["records", "ignored", "ignored"]
    assert report.n_rejected == 0


def test_ids_that_excel_has_rounded_are_told(tmp_path):
    rows = [
        ["comment_id", "user", "text"],
        [1.38024e18, "ann", "a"],
        [4826279188108038, "bob", "b"],
        ["9" * 19, "c", "c"],
    ]
    found, report = read_all(put(tmp_path, "b.xlsx", book({"x": rows})))
    assert set(found) == {"4826279188108038", "9" * 19}, "16 digits fit, and text is exact"
    assert "the id 1.38024e+18 is rounded" in reasons(report)[0]
    assert "last digits are lost" in reasons(report)[0]


def test_columns_whose_long_numbers_all_end_in_zeros_were_rounded(tmp_path):
    rows = [
        ["comment_id", "user", "text"],
        *[[4826279188108000 + 10 * i, 1000 * i, "x"] for i in range(4)],
        ["c5", 7, "y"],
    ]
    found, report = read_all(put(tmp_path, "b.xlsx", book({"x": rows})))
    assert set(found) == {"c5"}
    assert "the id 4.826279188108e+15 is rounded" in reasons(report)[0]
    exact = [*rows[:3], [4826279188108011, 1, "z"], *rows[3:]]
    assert len(read_all(put(tmp_path, "b.xlsx", book({"x": exact})))[0]) == 6, "by chance"


def test_comments_that_begin_like_a_formula_are_kept_and_formulas_have_their_value(tmp_path):
    rows = [
        ["id", "text", "user"],
        ["1", "plain", "a"],
        ["2", "=。= 好看", "b"],
        ["3", "=1+1", "c"],
        ["4", "last", "d"],
    ]
    data = changed(
        book({"x": rows}),
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>"),
    )
    found, _ = read_all(put(tmp_path, "b.xlsx", data))
    assert {i: c.text for i, c in found.items()} == {"1": "plain", "2": "=。= 好看", "3": "2", "4": "last"}
    data = book({"x": [["id", "text"], ["1", ArrayFormula("B2", "=A1")]]})
    assert read_all(put(tmp_path, "b.xlsx", data))[0]["1"].text == "=A1"


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    path = put(tmp_path, "b.xlsx", book(CRAWLED))
    with pytest.raises(ReadError, match=r"Excel workbook.*pip install 'nlp-engage\[xlsx\]', or save its sheets as CSV"):
        list(read(path))
    put(tmp_path, "c.csv", "评论ID,评论内容\n7,好看\n")
    assert set(read_all(tmp_path)[0]) == {"7"}


def test_damaged_workbooks_keep_what_can_be_read(tmp_path):
    rows = [["id", "text", "user"], *[[f"c{i}", f"word {i} " * 9, "ann"] for i in range(900)]]
    data = book({"x": rows, "y": [["colour", "size"], ["red", 1]]})
    cut = changed(data, "xl/worksheets/sheet1.xml", lambda xml: xml[: len(xml) * 2 // 3])
    found, report = read_all(put(tmp_path, "cut.xlsx", cut))
    assert 0 < len(found) < 900
    assert ["the Excel workbook cannot be read (" in r and "is kept" in r for r in reasons(report)] == [True]
    data = as_excel_saves(data)
    for name in ("xl/workbook.xml", "xl/sharedStrings.xml"):
        with pytest.raises(ReadError, match="Excel workbook cannot be read"):
            list(read(put(tmp_path, "cut.xlsx", changed(data, name, lambda xml: xml[:200]))))
    far = changed(data, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b'<row r="9"', b'<row r="99999999999"'))
    found, report = read_all(put(tmp_path, "cut.xlsx", far))
    assert len(found) == 7
    assert "more than 1,048,576 rows" in reasons(report)[0]


def test_what_a_workbook_states_of_its_size_is_not_believed(tmp_path):
    data = changed(
        book(CRAWLED), "xl/worksheets/sheet2.xml",
        lambda xml: xml.replace(b'<dimension ref="A1:J3"', b'<dimension ref="A1:A1"'),
    )  # fmt: skip
    assert set(read_all(put(tmp_path, "x.xlsx", data))[0]) == {"66d5", "66aa01", "66aa02"}


def test_workbooks_beyond_the_limits_are_refused(tmp_path, monkeypatch):
    rows = [["id", "text"], *[[str(i), "same," * 500] for i in range(900)]]
    path = put(tmp_path, "b.xlsx", as_excel_saves(book({"x": rows})))
    monkeypatch.setattr(workbook, "MAX_PACKED", 2**20)
    with pytest.raises(ReadError, match=r"texts of the Excel workbook take 2,.* save its sheets as CSV"):
        list(read(path))
    monkeypatch.setattr(workbook, "BOMB_BYTES", 10_000)
    monkeypatch.setattr(workbook, "BOMB_RATIO", 2)
    with pytest.raises(ReadError, match="taken for a bomb"):
        list(read(path))


def test_a_workbook_without_sheets_and_old_ones_are_a_clear_message(tmp_path):
    data = changed(
        book(CRAWLED), "xl/workbook.xml", lambda xml: xml[: xml.index(b"<sheets>")] + b"<sheets/></workbook>"
    )
    with pytest.raises(ReadError, match="has no sheet"):
        list(read(put(tmp_path, "b.xlsx", data)))
    with pytest.raises(ReadError, match=r"old office document.*save it as \.xlsx or CSV"):
        read(put(tmp_path, "b.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 9))
