"""Labellers and a store for the tests of the cluster, in a module that an actor imports quickly."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import fsspec
import ray
from fakes import FakeLabeller
from fsspec.implementations.local import LocalFileSystem

from nlp_engage.archive import parts
from nlp_engage.errors import DataError


class Bucket(LocalFileSystem):
    """An object store to look at: ``bucket:///path`` is a folder of this machine, but no file can be renamed."""

    protocol = "bucket"

    def __init__(self, **options):
        super().__init__(auto_mkdir=True, **options)  # folders are but names in an object store

    @classmethod
    def _strip_protocol(cls, path):
        return LocalFileSystem._strip_protocol(str(path).removeprefix("bucket://"))

    def mv(self, *_, **__):
        raise NotImplementedError


fsspec.register_implementation("bucket", Bucket, clobber=True)


class Mortal(FakeLabeller):
    """Kills its own process in mid-part as long as there are lives left in a folder, once it has seen some replies."""

    def __init__(self, lives: Path, after=0):
        super().__init__()
        self.lives, self.after = lives, after

    def predict(self, contexts):
        lives = sorted(self.lives.iterdir())
        if lives and len(self.seen) >= self.after:
            lives[0].unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(contexts)


class Afar(FakeLabeller):
    """Brings the bucket with it."""

    def __reduce__(self):
        return _afar, ()


def _afar():
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    return Afar()


class Where(FakeLabeller):
    """Writes down which machine and process labels, and when it was loaded."""

    def __init__(self, log: Path):
        super().__init__()
        self.log = log

    def __reduce__(self):
        return _loaded, (self.log,)

    def predict(self, contexts):
        _note(self.log, "labelled")
        end = time.monotonic() + 60
        while len({node for what, node, _ in notes(self.log) if what == "loaded"}) < 2 and time.monotonic() < end:
            time.sleep(0.1)  # the first to be ready leaves something to the other
        return super().predict(contexts)


def _loaded(log):
    _note(log, "loaded")
    return Where(log)


def notes(log):
    return [tuple(json.loads(line)) for line in log.read_text().splitlines()]


def _note(log, what):
    with log.open("a") as file:
        file.write(json.dumps([what, ray.get_runtime_context().get_node_id(), os.getpid()]) + "\n")


class Refusing(FakeLabeller):
    def predict(self, contexts):
        raise DataError("this labeller refuses")


class Changeling(FakeLabeller):
    """Is somebody else on another machine."""

    def __reduce__(self):
        return FakeLabeller, ("other",)


class HalfWritten(FakeLabeller):
    """Its process dies between the two files of a part, as long as there are lives left in a folder."""

    def __init__(self, lives: Path):
        super().__init__()
        self.lives = lives

    def __reduce__(self):
        return _half_written, (self.lives,)


def _half_written(lives):
    write = parts.write_atomically

    def dying(path, data):
        if path.parent.name == "labels" and (left := sorted(lives.iterdir())):
            left[0].rename(lives.parent / f"died.{path.name}")
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, data)

    parts.write_atomically = dying  # in the process of an actor, which ends with it
    return HalfWritten(lives)
