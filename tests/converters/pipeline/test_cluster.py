"""dask.distributed: the same files from a cluster, also if one of its workers dies."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.annotations import ReadFiles, Refused, RunCli

distributed = pytest.importorskip("distributed")

SMALL = ("--chunk", 128, "--shard", 256)
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


def make_mortal(client: Any, note: Path) -> None:
    """Let the first worker that has written two regions die then, and leave its pid in `note`."""

    # Inside, for then it travels to the workers as code: they cannot import the tests.
    def die_at_the_second_region(note: str) -> None:
        from numcodecs_neural.converters.pipeline.checkpoint import Checkpoint

        add, done = Checkpoint.add, []

        def add_and_die(self: Any, result: Any) -> None:
            add(self, result)
            done.append(result)
            if len(done) == 2:
                with contextlib.suppress(FileExistsError), Path(note).open("x") as file:
                    file.write(str(os.getpid()))
                    file.flush()
                    os.kill(os.getpid(), signal.SIGKILL)

        setattr(Checkpoint, "add", add_and_die)  # noqa: B010 - mypy lets no method be assigned

    client.run(die_at_the_second_region, str(note))


def test_a_worker_that_dies_changes_no_file(
    run_cli: RunCli, svs: Path, tmp_path: Path, files_of: ReadFiles, cluster: Any
) -> None:
    run_cli(svs, "-o", tmp_path / "local", "--workers", 1, *SMALL)
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        pids = client.run(os.getpid).values()
        make_mortal(client, tmp_path / "note")

    code, _, err = run_cli(
        svs, "-o", tmp_path / "out", "--scheduler", cluster.scheduler_address, *SMALL
    )

    assert (code, err) == (0, "")
    assert int((tmp_path / "note").read_text()) in pids
    assert files_of(tmp_path / "out") == files_of(tmp_path / "local")


def test_a_region_that_could_not_be_written_is_tried_again(
    run_cli: RunCli, svs: Path, tmp_path: Path, files_of: ReadFiles, cluster: Any
) -> None:
    def fail_once(note: str) -> None:
        from numcodecs_neural.converters.pipeline.checkpoint import Checkpoint

        add = Checkpoint.add

        def fail_or_add(self: Any, result: Any) -> None:
            with contextlib.suppress(FileExistsError), Path(note).open("x"):
                raise OSError("Input/output error")
            add(self, result)

        setattr(Checkpoint, "add", fail_or_add)  # noqa: B010 - mypy lets no method be assigned

    quick = ("--codec", "zstd", "--levels", 1, *SMALL)
    run_cli(svs, "-o", tmp_path / "local", "--workers", 1, *quick)
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        client.run(fail_once, str(tmp_path / "note"))

    code, _, err = run_cli(
        svs, "-o", tmp_path / "out", "--scheduler", cluster.scheduler_address, *quick
    )

    assert (code, err) == (0, "")
    assert (tmp_path / "note").exists()
    assert files_of(tmp_path / "out") == files_of(tmp_path / "local")


def test_an_error_on_a_worker_is_told(
    refused: Refused, damaged_svs: Path, tmp_path: Path, cluster: Any
) -> None:
    err = refused(
        damaged_svs, "-o", tmp_path / "out", "--scheduler", cluster.scheduler_address, *SMALL
    )

    assert "the tile at row 1, column 2 of level 0 does not decode" in err
    assert not (tmp_path / "out").exists()


def test_an_address_without_a_scheduler_is_told(
    refused: Refused, svs: Path, tmp_path: Path
) -> None:
    err = refused(svs, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1", *SMALL)

    assert "there is no dask scheduler at tcp://127.0.0.1:1" in err
