"""Every quirk of every format, one test each: the list of what the readers are asked to cope with."""

from __future__ import annotations

import pytest
import quirks_blogs_chats
import quirks_chinese
import quirks_fields
import quirks_reddit_hn
import quirks_tools
import quirks_video_social
from quirks import Files, fields_of, value_of
from reading import put, reasons

from nlp_engage.readers import FORMATS, read
from nlp_engage.types import ReadReport

QUIRKS = [
    *quirks_fields.QUIRKS,
    *quirks_reddit_hn.QUIRKS,
    *quirks_video_social.QUIRKS,
    *quirks_blogs_chats.QUIRKS,
    *quirks_chinese.QUIRKS,
    *quirks_tools.QUIRKS,
]


@pytest.mark.parametrize("quirk", QUIRKS, ids=[f"{q.format}: {q.says}" for q in QUIRKS])
def test_quirk(tmp_path, quirk):
    files = quirk.given if isinstance(quirk.given, Files) else {"x": quirk.given}
    for name, content in files.items():
        put(tmp_path, name, content)
    report = ReadReport()
    read_in = list(read(tmp_path if len(files) > 1 else tmp_path / next(iter(files)), report=report))
    found = {c.id: c for c in read_in}
    assert len(read_in) - len(found) == quirk.twice
    assert (report.kept, report.read) == (len(read_in), len(read_in) + report.n_rejected)
    assert {why.partition(":")[0] for why in report.formats.values()} == {*quirk.format.split()}
    assert report.n_rejected == quirk.rejected, reasons(report)
    if quirk.skipped is not None:
        assert sum(report.skipped.values()) == quirk.skipped, report.skipped
    if quirk.ids is not None:
        assert set(found) == quirk.ids
    if quirk.whole:
        assert {own: fields_of(comment) for own, comment in found.items()} == quirk.whole
    got = {key: value_of(found, *key.rsplit(".", 1)) for key in quirk.want}
    assert got == dict(quirk.want)


def test_every_format_is_in_the_list_with_every_field():
    named = {name for quirk in QUIRKS if quirk.whole for name in quirk.format.split()}
    assert {known.name for known in FORMATS} - named == {"parquet", "canonical", "records"}, (
        "tests/test_readers_core.py"
    )
    assert len({(quirk.format, quirk.says) for quirk in QUIRKS}) == len(QUIRKS)
