"""Hostile versions of real-looking exports: values of odd types, cut and shuffled bytes."""

from __future__ import annotations

import bz2
import copy
import gzip
import io
import json
import lzma
import random
import zipfile
from typing import Any

import zstandard

ODD: list[Any] = [
    None, True, False, 0, -1, 1e308, 2**64, 10**400, "", " ", "0", "x\x00y", "\ud800", "1.5e+20", [], {}, [[]],
        [None], {"id": None}, {"": {}},
    "9" * 5000, "<a " * 50, "&#0;&#xffffff;&bad;", "2024-99-99T99:99:99Z", "-1", "NaN", ["x", 1, None, {}],
    {"data": []}, "\u202e@a",
]  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found, stack = [], [(value, path)]
    while stack:
        one, where = stack.pop()
        found.append(where)
        items = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        stack += [(v, (*where, k)) for k, v in items]
    return found


def mutate_value(value: Any, rng: random.Random) -> Any:
    """Replace, delete, wrap or double a few members anywhere in a JSON value."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        where = rng.choice(_places(value))
        if not where:
            continue
        holder = value
        for step in where[:-1]:
            holder = holder[step]
        action = rng.random()
        if action < 0.7:
            holder[where[-1]] = copy.deepcopy(rng.choice(ODD))
        elif action < 0.8:
            del holder[where[-1]]
        elif action < 0.9:
            holder[where[-1]] = [copy.deepcopy(holder[where[-1]])]
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[where[-1]]))
    return value


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Cut, delete, insert, replace or double pieces of a file."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if not out:
            break
        a = rng.randrange(len(out))
        b = min(len(out), a + rng.choice([1, 1, 2, 8, 64]))
        action = rng.randrange(6)
        if action == 0:
            del out[a:]
        elif action == 1:
            del out[a:b]
        elif action == 2:
            out[a:a] = rng.choice(
                [b"\x00", b"\xff", b'"', b"{", b"]", b"<", b"<![CDATA[", b"&", b"\n", b",", b"\xed\xa0\x80", b"\\ud800"]
            )
        elif action == 3:
            out[a:b] = bytes(rng.randrange(256) for _ in range(b - a))
        elif action == 4:
            out[a:a] = out[a:b] * rng.randint(1, 3)
        else:
            c = rng.randrange(len(out))
            out[a], out[c] = out[c], out[a]
    return bytes(out)


def mutate(content: Any, rng: random.Random) -> bytes:
    """A hostile version of an export: its values, its bytes, its nesting, its encoding or its packing."""
    if isinstance(content, dict | list) and rng.random() < 0.6:
        changed = mutate_value(content, rng)
        if rng.random() < 0.02:
            changed = nested(changed, rng.choice([20, 100, 900]), rng)
        if isinstance(changed, list) and rng.random() < 0.3:
            data = "\n".join(json.dumps(row) for row in changed).encode()
        else:
            data = json.dumps(changed, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    elif isinstance(content, bytes) and content.startswith(b"PK") and rng.random() < 0.8:
        data = mutate_inside(content, rng)
    else:
        data = mutate_bytes(as_bytes(content), rng)
    if rng.random() < 0.05:
        data = data.decode("utf-8", "replace").encode(
            rng.choice(["utf-16", "utf-16-be", "gb18030", "utf-8-sig"]), "replace"
        )
    if rng.random() < 0.06:
        data = packed(data, rng)
        data = mutate_bytes(data, rng) if rng.random() < 0.7 else data
    return data


def mutate_inside(data: bytes, rng: random.Random) -> bytes:
    """A zip archive (a workbook) one of whose files is damaged, all checksums right."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        victim = rng.choice(old.namelist())
        for name in old.namelist():
            new.writestr(name, mutate_bytes(old.read(name), rng) if name == victim else old.read(name))
    return out.getvalue()


def nested(value: Any, depth: int, rng: random.Random) -> Any:
    """A value deep inside arrays and objects (as deep as the standard library can write)."""
    for _ in range(depth):
        value = [value] if rng.random() < 0.5 else {"replies": value}
    return value


def packed(data: bytes, rng: random.Random) -> bytes:
    """A file as it is mailed: gzip, zstd, bzip2, xz or a zip archive."""
    kind = rng.randrange(5)
    if kind == 4:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/x", data)
            archive.writestr("b.csv", "id,text\n1,x\n")
        return out.getvalue()
    return (gzip.compress, zstandard.compress, bz2.compress, lzma.compress)[kind](data)


def as_bytes(content: Any) -> bytes:
    """What ``reading.put`` would write."""
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass")
