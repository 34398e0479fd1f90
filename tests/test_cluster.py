"""The engine ``ray`` on a cluster of two machines (two raylets on this one): the bytes of the local engine, whoever dies."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import fsspec
import pytest
from click.testing import CliRunner
from fakes import FakeLabeller
from fsspec.implementations.local import LocalFileSystem
from test_archive import tables, write_archive

from nlp_engage.archive import label_archive, run_status
from nlp_engage.archive import spill as spill_module
from nlp_engage.archive.cluster import RETRIES, label_on_ray
from nlp_engage.archive.remote import RemoteRun
from nlp_engage.cli import main
from nlp_engage.errors import DataError, MissingExtraError, RunError

ray = pytest.importorskip("ray", reason="needs the extra ray")
pytest.importorskip("ray.data", reason="needs the extra ray")


class Bucket(LocalFileSystem):
    """An object store to look at: ``bucket:///path`` is a folder of this machine, but no file can be renamed."""

    protocol = "bucket"

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
        time.sleep(0.2)
        _note(self.log, "labelled")
        return super().predict(contexts)


def _loaded(log):
    _note(log, "loaded")
    return Where(log)


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


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    node = {"num_cpus": 2, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=node)
    made.add_node(**node)
    made.wait_for_nodes()
    yield made.address
    ray.shutdown()
    made.shutdown()


@pytest.fixture(scope="module")
def connected(cluster):
    """Connected once for most tests: the engine uses the connection that is there."""
    ray.init(cluster, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def archive(tmp_path):
    return write_archive(tmp_path / "archive.jsonl", range(40))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(spill_module, "PART_COMMENTS", 40)


@pytest.fixture
def expected(archive, tmp_path):
    """What the local engine makes of the archive."""
    label_archive([archive], tmp_path / "local", FakeLabeller(), salt="s")
    return everything(tmp_path / "local")


def everything(run):
    return {**tables(run), **{name: (run / name).read_bytes() for name in ("manifest.json", "rejects.jsonl")}}


def test_the_cluster_is_reached_by_its_address_and_the_run_is_the_same(archive, tmp_path, expected, cluster):
    steps = []
    run = tmp_path / "run"
    label_on_ray(
        [archive], run, FakeLabeller(), address=cluster, salt="s", progress=lambda n, total: steps.append((n, total))
    )
    assert not ray.is_initialized()
    assert everything(run) == expected
    assert sum(n for n, _ in steps) == 280
    assert {total for _, total in steps} == {280}
    assert run_status(run)["complete"]
    assert not (run / ".spill").exists()


def test_both_machines_label_and_an_actor_loads_the_model_once(archive, tmp_path, expected, connected):
    log = tmp_path / "log"
    label_on_ray([archive], tmp_path / "run", Where(log), salt="s")
    assert everything(tmp_path / "run") == expected
    notes = [tuple(json.loads(line)) for line in log.read_text().splitlines()]
    loaded = [note[1:] for note in notes if note[0] == "loaded"]
    assert len({node for node, _ in loaded}) == 2
    assert len(loaded) == len(set(loaded)) < 8  # parts
    assert {note[1:] for note in notes if note[0] == "labelled"} <= set(loaded)


def lives_in(folder, count):
    folder.mkdir()
    for n in range(count):
        (folder / str(n)).touch()
    return folder


def test_a_killed_actor_costs_nothing(archive, tmp_path, expected, connected):
    lives = lives_in(tmp_path / "lives", 1)
    label_on_ray([archive], tmp_path / "run", Mortal(lives, after=6), salt="s", workers=2)
    assert not list(lives.iterdir())
    assert everything(tmp_path / "run") == expected


def test_a_part_that_kills_whoever_takes_it_ends_the_run_and_the_rest_is_kept(archive, tmp_path, expected, connected):
    lives, run = lives_in(tmp_path / "lives", 40), tmp_path / "run"
    label_archive([archive], run, FakeLabeller(), salt="s")
    for part in sorted(run.glob("labels/*"))[2:4]:
        part.unlink()
    with pytest.raises(RunError, match=r"the Ray cluster failed: .*; finished parts are kept"):
        label_on_ray([archive], run, Mortal(lives), salt="s", workers=1)
    assert 40 - len(list(lives.iterdir())) <= 2 * (RETRIES + 1)
    assert run_status(run)["parts_done"] == 6
    result = label_on_ray([archive], run, FakeLabeller(), salt="s", workers=1)
    assert result.resumed_parts == 6
    assert everything(run) == expected


def test_what_an_actor_raises_reaches_the_user_and_either_engine_goes_on(archive, tmp_path, expected, connected):
    run = tmp_path / "run"
    with pytest.raises(DataError, match="^this labeller refuses$"):
        label_on_ray([archive], run, Refusing(), salt="s")
    assert not run_status(run)["complete"]
    label_archive([archive], run, FakeLabeller(), salt="s")
    assert everything(run) == expected
    with pytest.raises(RunError, match="another model"):
        label_on_ray([archive], run, FakeLabeller("two"), salt="s")


def test_a_run_at_a_url_is_the_same_is_resumed_and_has_no_stale_parts(archive, tmp_path, expected, connected):
    place = tmp_path / "store" / "run"
    url = f"bucket://{place}"
    label_on_ray([archive], url, Afar(), salt="s")
    assert everything(place) == expected
    (place / "labels" / "part-00003.parquet").unlink()
    (place / "comments" / "part-00099.parquet").write_bytes(b"of another cut")
    assert label_on_ray([archive], url, Afar(), salt="s").resumed_parts == 7
    assert everything(place) == expected
    with pytest.raises(RunError, match=f"^{url} was labelled with another settings"):
        label_on_ray([archive], url, Afar(), keep_authors=True)


def test_a_url_keeps_its_own_salt_and_a_place_of_something_else_is_left_alone(archive, tmp_path, connected):
    url = f"bucket://{tmp_path}/store/run"
    label_on_ray([archive], url, Afar())
    assert len((tmp_path / "store" / "run" / ".salt").read_text()) == 32
    assert label_on_ray([archive], url, Afar()).resumed_parts == 8
    (tmp_path / "store" / "cat.png").touch()
    with pytest.raises(RunError, match="holds files but no manifest"):
        label_on_ray([archive], f"bucket://{tmp_path}/store", Afar())
    with pytest.raises(RunError, match="nostore://.* takes a path or a URL"):
        RemoteRun("nostore://run")


def test_a_machine_with_another_version_is_refused(archive, tmp_path, connected):
    with pytest.raises(RunError, match=r"a machine of the cluster labels with .*'other'.*install the same"):
        label_on_ray([archive], tmp_path / "run", Changeling(), salt="s")


def test_actors_too_large_for_any_machine_are_refused(archive, tmp_path, connected):
    with pytest.raises(RunError, match="no machine of the Ray cluster has 99 processors"):
        label_on_ray([archive], tmp_path / "run", FakeLabeller(), cpus=99)


def test_the_verb_on_the_cluster(archive, tmp_path, expected, cluster, connected, monkeypatch):
    monkeypatch.setattr("nlp_engage.classify.OnnxLabeller.load", lambda *_, **__: FakeLabeller())
    run = tmp_path / "run"
    arguments = ["label", str(archive), "-o", str(run), "--salt", "s", "--engine", "ray", "--ray-address", cluster]
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "240 comments" in done.stderr
    assert everything(run) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "run", "--workers", "2"], "--workers needs --engine ray"),
        (["-o", "run", "--ray-address", "head:6379"], "--ray-address needs --engine ray"),
        (["-o", "s3://bucket/run"], "needs --engine ray"),
    ],
)
def test_options_of_the_cluster_need_the_engine(archive, options, message):
    done = CliRunner().invoke(main, ["label", str(archive), *options])
    assert done.exit_code == 2
    assert message in done.stderr


def test_without_the_extra_the_user_is_told_what_to_install(archive, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(MissingExtraError, match=r"nlp-engage\[ray\]"):
        label_on_ray([archive], tmp_path / "run", FakeLabeller())
