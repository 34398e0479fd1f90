"""Zip archives are read like folders; documents, bombs, damage and passwords are told apart."""

from __future__ import annotations

import zipfile

import pytest
from reading import lines, parents, put, read_all, reasons

from nlp_engage.errors import ReadError
from nlp_engage.inspection import inspect_archive
from nlp_engage.readers import files, read, zipped
from nlp_engage.types import ReadReport

POST = {"id": "p", "thread_id": "p", "text": "New cups!"}
REPLY = {"id": "a", "thread_id": "p", "parent_id": "p", "author": "ann", "text": "Do they leak?"}


def pack(path, content, method=zipfile.ZIP_DEFLATED):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as out:
        for name, text in content.items():
            out.writestr(name, text)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_is_a_folder_of_mixed_formats(tmp_path, method):
    content = {"posts/a.jsonl": lines(POST, REPLY), "shop.csv": "user,comment\nann,good\n", "notes.txt": "hello",
               "__MACOSX/._a": "x", ".DS_Store": "x", "other.json": '{"weather": 1}'}  # fmt: skip
    path = pack(tmp_path / "export.zip", content, method)
    for given in (path, tmp_path, tmp_path / "*.zip"):
        found, report = read_all(given)
        assert parents(found) == {"p": None, "a": "p", "export/shop:1": "export/shop"}
        assert [f"{k[len(str(path)) + 1 :]}: {v.partition(':')[0]}" for k, v in report.formats.items()] == [
            "notes.txt: ignored", "other.json: unknown", "posts/a.jsonl: canonical", "shop.csv: table",
        ]  # fmt: skip
        assert reasons(report) == ["unknown format: JSON with an object with the keys weather"]


def test_a_corpus_in_a_zip_is_one_source(tmp_path):
    utterance = {"id": "p", "conversation_id": "p", "text": "hi", "speaker": "ann", "meta": {}, "reply-to": None,
                 "timestamp": None}  # fmt: skip
    content = {"corpus/utterances.jsonl": lines(utterance), "corpus/speakers.json": "{}",
               "corpus/conversations.json": '{"p": {"title": "Which cup?"}}'}  # fmt: skip
    for inner in (content, {k.partition("/")[2]: v for k, v in content.items()}):
        found, report = read_all(pack(tmp_path / "c.zip", inner))
        assert found["p"].text == "Which cup?\n\nhi"
        assert list(report.formats.values()) == ["convokit: a folder with utterances.jsonl"]
        assert report.n_rejected == 0


def test_inspect_looks_into_a_zip(tmp_path):
    found, trees = inspect_archive([str(pack(tmp_path / "a.zip", {"a.jsonl": lines(POST, REPLY)}))])
    assert (found["format"], found["comments"], len(trees)) == ("canonical", 1, 1)


def test_office_documents_are_not_unpacked(tmp_path):
    path = pack(tmp_path / "a.docx", {"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"})
    with pytest.raises(ReadError, match=r"office document.*save it as \.xlsx or CSV"):
        read([path])
    put(tmp_path, "b.jsonl", lines(POST))
    assert set(read_all(tmp_path)[0]) == {"p"}


def test_bombs_and_crowds_are_refused_and_the_rest_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BOMB_BYTES", 100_000)
    monkeypatch.setattr(files, "BOMB_RATIO", 50)
    put(tmp_path, "b.jsonl", lines(POST))
    pack(tmp_path / "bomb.zip", {"a.jsonl": lines(POST | {"id": "x"}) + " " * 5_000_000})
    found, report = read_all(tmp_path)
    assert set(found) == {"p"}
    assert "unpacks to 5,0" in reasons(report)[0]
    assert "taken for a bomb" in reasons(report)[0]
    monkeypatch.setattr(zipped, "MAX_MEMBERS", 3)
    pack(tmp_path / "bomb.zip", {f"{i}.jsonl": lines(REPLY) for i in range(4)})
    assert "holds 4 files" in reasons(read_all(tmp_path)[1])[0]


def test_damage_and_passwords_are_rejects(tmp_path):
    import random

    text = lines(*(POST | {"id": f"c{i}", "text": random.Random(i).randbytes(40).hex()} for i in range(20_000)))
    path = pack(tmp_path / "a.zip", {"a.jsonl": text, "b.jsonl": lines(REPLY)})
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path.write_bytes(data)
    report = ReadReport()
    found = {c.id for c in read(path, report=report)}
    assert "a" in found, "the files after it are read"
    assert 100 < len(found) < 20_001
    assert any("damaged" in reason for reason in reasons(report))
    data = bytearray(pack(tmp_path / "a.zip", {"a.jsonl": text[:99]}, zipfile.ZIP_STORED).read_bytes())
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + place] |= 1  # says that it is encrypted
    path.write_bytes(data)
    put(tmp_path, "b.jsonl", lines(POST))
    found, report = read_all(tmp_path)
    assert set(found) == {"p"}
    assert "encrypted" in reasons(report)[0]


def test_a_file_without_a_name_is_a_reject_and_the_rest_is_read(tmp_path):
    path = pack(tmp_path / "export.zip", {"a.jsonl": lines(POST, REPLY)})
    with zipfile.ZipFile(path, "a") as out, out.open(zipfile.ZipInfo(""), "w") as nameless:
        nameless.write(b"who am I?")
    found, report = read_all(path)
    assert list(found) == ["p", "a"]
    assert reasons(report) == ["cannot be opened: a file in it has no name"]


def test_a_zip_that_is_cut_off_is_told(tmp_path):
    path = pack(tmp_path / "a.zip", {"a.jsonl": lines(POST)})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ReadError, match="zip archive that cannot be listed"):
        read([path])
