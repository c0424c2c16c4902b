"""A conversion that is killed goes on where it was, and ends in the same files."""

import functools
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from numcodecs_neural.converters.scratch import Scratch

RunCli = Callable[..., tuple[int, str, str]]
ReadFiles = Callable[[Path], dict[str, bytes]]
SMALL = ("--chunk", "128", "--shard", "256", "--workers", "2")
# -P: what is installed runs, and not the folder that the tests are started in.
PROGRAM = (sys.executable, "-P", "-m", "numcodecs_neural.converters.cli")


def start(*arguments: object) -> "subprocess.Popen[bytes]":
    """Start the program in a process of its own."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def run(*arguments: object) -> int:
    """Run the program in a process of its own to its end."""
    with start(*arguments) as process:
        return process.wait()


def kill_when(process: "subprocess.Popen[bytes]", is_time: Callable[[], bool]) -> None:
    """Kill a process as soon as `is_time`, unless it ends before."""
    with process:
        while process.poll() is None and not is_time():
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)


def has_done(output: Path, regions: int) -> bool:
    """Return whether so many regions of an unfinished store are done."""
    records = output.with_name(f"{output.name}.partial") / "records"
    return len(list(records.rglob("*.json"))) >= regions


def is_past(moment: float) -> bool:
    return time.monotonic() > moment


def raise_disk_error(*_: object) -> None:
    """Fail as a disk does: level 0 is done then, and no other."""
    raise OSError("Input/output error")


@pytest.fixture(scope="module")
def undisturbed(svs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("undisturbed") / "out.ome.zarr"
    assert run(svs, "-o", output, *SMALL) == 0
    return output


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_killed_conversion_ends_in_the_same_files(
    svs: Path, tmp_path: Path, files_of: ReadFiles, version: str
) -> None:
    output, whole = tmp_path / "out.ome.zarr", tmp_path / "whole.ome.zarr"
    quick = ("--ome-zarr-version", version, "--codec", "zstd", "--chunk", "128")
    arguments = [svs, "-o", output, "--resume", *quick]
    assert run(svs, "-o", whole, *quick) == 0

    for wanted in (1, 2):
        kill_when(start(*arguments), functools.partial(has_done, output, wanted))
        assert not output.exists()
    assert run(*arguments) == 0

    assert files_of(output) == files_of(whole)
    assert not output.with_name("out.ome.zarr.partial").exists()


@pytest.mark.slow
def test_twenty_random_kills_change_no_file(
    svs: Path, undisturbed: Path, tmp_path: Path, files_of: ReadFiles
) -> None:
    moments = random.Random(5)
    expected = files_of(undisturbed)
    for attempt in range(20):
        output = tmp_path / f"{attempt}.ome.zarr"
        started, delay = time.monotonic(), moments.uniform(1.0, 4.0)
        kill_when(start(svs, "-o", output, *SMALL), functools.partial(is_past, started + delay))

        assert run(svs, "-o", output, "--resume", *SMALL) == 0

        assert files_of(output) == expected


def test_a_region_that_is_done_is_not_written_again(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.ome.zarr"
    kill_when(start(svs, "-o", output, *SMALL), functools.partial(has_done, output, 3))
    shards = {
        path.relative_to(tmp_path / "out.ome.zarr.partial/store"): path.stat().st_ino
        for path in (tmp_path / "out.ome.zarr.partial/store/0/c").rglob("*")
        if path.is_file() and path.suffix != ".partial"
    }

    code, _, _ = run_cli(svs, "-o", output, "--resume", *SMALL)

    assert code == 0
    kept = [name for name, inode in shards.items() if (output / name).stat().st_ino == inode]
    assert len(kept) >= 1


def test_a_finished_store_is_skipped(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.ome.zarr"
    run_cli(svs, "-o", output, *SMALL)
    before = (output / "zarr.json").stat().st_mtime_ns

    code, out, _ = run_cli(svs, "-o", output, "--resume", *SMALL)

    assert code == 0
    assert "made with the same settings" in out
    assert (output / "zarr.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "changed",
    [["--quality", 50], ["--chunk", 256], ["--glass", "keep"], ["--name", "other"]],
    ids=lambda changed: changed[0],
)
def test_a_store_with_other_settings_is_not_taken_for_finished(
    run_cli: RunCli, svs: Path, tmp_path: Path, changed: list[object]
) -> None:
    output = tmp_path / "out.ome.zarr"
    run_cli(svs, "-o", output, *SMALL)

    code, _, err = run_cli(svs, "-o", output, "--resume", *SMALL, *changed)

    assert code == 1
    assert "exists" in err


def test_what_was_begun_with_other_settings_is_begun_anew(
    run_cli: RunCli, svs: Path, tmp_path: Path, files_of: ReadFiles
) -> None:
    output = tmp_path / "out.ome.zarr"
    kill_when(start(svs, "-o", output, *SMALL), functools.partial(has_done, output, 2))

    run_cli(svs, "-o", output, "--resume", "--quality", 30, *SMALL)
    run_cli(svs, "-o", tmp_path / "whole", "--quality", 30, *SMALL)

    assert files_of(output) == files_of(tmp_path / "whole")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"settings": 3}'])
def test_a_note_that_is_damaged_is_not_trusted(
    run_cli: RunCli,
    svs: Path,
    tmp_path: Path,
    files_of: ReadFiles,
    undisturbed: Path,
    content: bytes,
) -> None:
    output = tmp_path / "out.ome.zarr"
    kill_when(start(svs, "-o", output, *SMALL), functools.partial(has_done, output, 2))
    (tmp_path / "out.ome.zarr.partial/conversion.json").write_bytes(content)

    code, _, _ = run_cli(svs, "-o", output, "--resume", *SMALL)

    assert code == 0
    assert files_of(output) == files_of(undisturbed)


@pytest.mark.parametrize("lost", ["store/0/c", "scratch/0"])
def test_what_was_lost_meanwhile_is_no_garbage(
    run_cli: RunCli, svs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    output = tmp_path / "out.ome.zarr"
    quick = ("--glass", "keep", "--codec", "zstd", *SMALL)
    with monkeypatch.context() as patched:
        patched.setattr(Scratch, "collect", raise_disk_error)
        assert run_cli(svs, "-o", output, *quick)[0] == 1
    files = [
        path for path in (tmp_path / "out.ome.zarr.partial" / lost).rglob("*") if path.is_file()
    ]
    assert files
    for path in files:
        path.unlink()

    code, _, err = run_cli(svs, "-o", output, "--resume", *quick)

    assert code == 1
    assert "lost from" in err
    assert "begin anew, without --resume" in err
    assert run_cli(svs, "-o", output, *quick)[0] == 0


def test_workers_may_differ_when_resuming(
    svs: Path, tmp_path: Path, files_of: ReadFiles, undisturbed: Path, run_cli: RunCli
) -> None:
    output = tmp_path / "out.ome.zarr"
    kill_when(start(svs, "-o", output, *SMALL), functools.partial(has_done, output, 2))

    run_cli(svs, "-o", output, "--resume", *SMALL[:-1], 1)

    assert files_of(output) == files_of(undisturbed)
