"""The engine ``ray`` on a cluster of two machines (two raylets here): the bytes of the local engine, whoever dies."""

from __future__ import annotations

import os
import sys
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from fakes import FakeLabeller
from test_archive import tables, write_archive

from nlp_engage.archive import label_archive, run_status
from nlp_engage.archive import spill as spill_module
from nlp_engage.archive.cluster import label_on_ray
from nlp_engage.archive.remote import RemoteRun
from nlp_engage.classify import OnnxLabeller
from nlp_engage.cli import main
from nlp_engage.errors import DataError, MissingExtraError, RunError
from nlp_engage.readers import read
from nlp_engage.samples import sample_archives
from nlp_engage.tree import build_trees, healed

ray = pytest.importorskip("ray", reason="needs the extra ray")
pytest.importorskip("ray.data", reason="needs the extra ray")

from clustered import Afar, Changeling, HalfWritten, Mortal, Refusing, Where, notes  # noqa: E402

TESTS = str(Path(__file__).parent)


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join([TESTS, str(Path(TESTS).parent)]))  # actors need the labellers
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


def test_a_cluster_that_does_not_answer_is_named(archive, tmp_path):
    with pytest.raises(RunError, match=r"cannot be reached: 127.0.0.1:1 \(.*ray start --head"):
        label_on_ray([archive], tmp_path / "run", FakeLabeller(), address="127.0.0.1:1")


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
    loaded = [note[1:] for note in notes(log) if note[0] == "loaded"]
    assert len({node for node, _ in loaded}) == 2
    assert len(loaded) == len(set(loaded)) < 8  # parts
    assert {note[1:] for note in notes(log) if note[0] == "labelled"} <= set(loaded)


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


def test_an_actor_killed_between_the_two_files_of_a_part_costs_nothing(archive, tmp_path, expected, connected):
    lives = lives_in(tmp_path / "lives", 1)
    label_on_ray([archive], tmp_path / "run", HalfWritten(lives), salt="s", workers=2)
    assert not list(lives.iterdir())
    assert len(list(tmp_path.glob("died.part-*"))) == 1
    assert everything(tmp_path / "run") == expected


def test_with_the_shipped_model_the_bytes_are_those_of_the_local_engine(tmp_path, connected):
    records = [c for tree in islice(build_trees(read([sample_archives()])), 0, None, 5) for c in healed(tree)]
    archive = tmp_path / "archive.jsonl"
    archive.write_bytes(b"".join(msgspec.json.encode(c) + b"\n" for c in records))
    label_archive([archive], tmp_path / "local", OnnxLabeller.load(threads=1), salt="s")
    result = label_on_ray([archive], tmp_path / "run", OnnxLabeller.load(threads=1), salt="s", workers=2)
    assert result.manifest["parts"] > 1
    assert result.manifest["labelled"] > 50
    assert everything(tmp_path / "run") == everything(tmp_path / "local")


def test_what_an_actor_raises_reaches_the_user_and_either_engine_goes_on(archive, tmp_path, expected, connected):
    run = tmp_path / "run"
    with pytest.raises(DataError, match=r"^this labeller refuses$"):
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
    with pytest.raises(RunError, match=f"^{url} was labelled with other settings"):
        label_on_ray([archive], url, Afar(), keep_authors=True)


def test_a_url_keeps_its_own_salt_and_a_place_of_something_else_is_left_alone(archive, tmp_path, connected):
    url = f"bucket://{tmp_path}/store/run"
    label_on_ray([archive], url, Afar())
    assert len((tmp_path / "store" / "run" / ".salt").read_text()) == 32
    assert label_on_ray([archive], url, Afar()).resumed_parts == 8
    (tmp_path / "store" / "cat.png").touch()
    with pytest.raises(RunError, match="holds files but no manifest"):
        label_on_ray([archive], f"bucket://{tmp_path}/store", Afar())
    with pytest.raises(RunError, match=r"nostore://.* takes a path or a URL"):
        RemoteRun("nostore://run").check()


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
