"""dask.distributed: the same files from a cluster, also if one of its workers dies."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

distributed = pytest.importorskip("distributed")

RunCli = Callable[..., tuple[int, str, str]]
ReadFiles = Callable[[Path], dict[str, bytes]]
SMALL = ("--chunk", 128, "--shard", 256)
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


def kill_after_some_regions(records: Path, pid: int) -> None:
    """Kill a worker as soon as some regions are done, or never."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if len(list(records.rglob("*.json"))) >= 5:
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.005)


def test_a_worker_that_dies_changes_no_file(
    run_cli: RunCli, svs: Path, tmp_path: Path, files_of: ReadFiles, cluster: Any
) -> None:
    run_cli(svs, "-o", tmp_path / "local", "--workers", 1, *SMALL)
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        pids = list(client.run(os.getpid).values())
    killer = threading.Thread(
        target=kill_after_some_regions, args=(tmp_path / "out.partial/records", pids[0])
    )
    killer.start()

    code, _, err = run_cli(
        svs, "-o", tmp_path / "out", "--scheduler", cluster.scheduler_address, *SMALL
    )

    killer.join()
    assert (code, err) == (0, "")
    with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
        assert pids[0] not in client.run(os.getpid).values()
    assert files_of(tmp_path / "out") == files_of(tmp_path / "local")


def test_an_error_on_a_worker_is_told(
    run_cli: RunCli, damaged_svs: Path, tmp_path: Path, cluster: Any
) -> None:
    code, _, err = run_cli(
        damaged_svs, "-o", tmp_path / "out", "--scheduler", cluster.scheduler_address, *SMALL
    )

    assert code == 1
    assert "the tile at row 1, column 2 of level 0 does not decode" in err
    assert not (tmp_path / "out").exists()


def test_an_address_without_a_scheduler_is_told(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    code, _, err = run_cli(svs, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1", *SMALL)

    assert code == 1
    assert "there is no dask scheduler at tcp://127.0.0.1:1" in err
    assert len(err.splitlines()) == 1
