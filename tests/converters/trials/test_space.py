"""Free space: what a conversion needs is known before it starts, and told."""

import re
import shutil
import threading
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert_planned
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.converters.pipeline.reduced_pixels import ReducedPixels
from numcodecs_neural.converters.trials import space
from numcodecs_neural.converters.trials.space import check_space, scratch_nbytes
from numcodecs_neural.files.folder import Folder
from tests.annotations import Refused, RunCli

Usage = namedtuple("Usage", "total used free")
SMALL = ("--chunk", 128, "--shard", 256, "--codec", "zstd")
SMALL_OPTIONS = {"chunk_px": 64, "shard_px": 128, "codec": "none", "glass": "keep"}


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that sets the free bytes of all disks."""

    def set_free(free: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1 << 40, 0, free))

    return set_free


@pytest.fixture
def peak(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return a function that tells the most bytes of reduced pixels that waited at a time."""
    waiting: dict[str, int] = {}
    totals = [0]
    lock = threading.Lock()
    write, delete = Folder.write, Folder.delete

    def note(folder: Folder, name: str, nbytes: int) -> None:
        if folder.location.endswith("scratch"):
            with lock:
                waiting[name] = nbytes
                totals.append(sum(waiting.values()))

    def noted_write(self: Folder, name: str, content: bytes) -> None:
        note(self, name, len(content))
        write(self, name, content)

    def noted_delete(self: Folder, name: str) -> None:
        delete(self, name)
        note(self, name, 0)

    monkeypatch.setattr(Folder, "write", noted_write)
    monkeypatch.setattr(Folder, "delete", noted_delete)
    return lambda: max(totals)


@pytest.mark.parametrize("downsample", [2, 4])
@pytest.mark.parametrize("workers", [1, 4])
def test_no_more_reduced_pixels_wait_than_were_estimated(
    source_of: Any, tmp_path: Path, peak: Callable[[], int], workers: int, downsample: int
) -> None:
    source = source_of(np.random.default_rng(4).integers(0, 256, (1301, 1200, 3), dtype=np.uint8))
    options = ConvertOptions(workers=workers, downsample=downsample, **SMALL_OPTIONS)
    plan = plan_conversion(source, options)

    convert_planned(plan, str(tmp_path / "out"), lambda done, total: None)

    assert peak() <= scratch_nbytes(plan) < 7 * peak()
    assert scratch_nbytes(plan) <= sum(2 * 3 * grid.pixels for grid in plan.grids[1:])


def test_on_a_cluster_all_reduced_pixels_may_wait(source_of: Any) -> None:
    source = source_of(np.zeros((600, 500, 3), np.uint8))
    options = ConvertOptions(scheduler="tcp://nowhere:1", levels=3, **SMALL_OPTIONS)

    assert scratch_nbytes(plan_conversion(source, options)) == 2 * 3 * (300 * 250 + 150 * 125)


def test_levels_of_the_source_leave_nothing_waiting(source_of: Any) -> None:
    options = ConvertOptions(use_existing_levels=True, **SMALL_OPTIONS)

    assert scratch_nbytes(plan_conversion(source_of(np.zeros((600, 500, 3), "u1")), options)) == 0


def test_too_little_space_is_refused_before_anything_is_written(
    refused: Refused, svs: Path, tmp_path: Path, disk: Callable[[int], None]
) -> None:
    disk(1_000_000)

    err = refused(svs, "-o", tmp_path / "a" / "out.ome.zarr", *SMALL)

    assert f"the disk of {tmp_path} has 1.0 MB free, and about" in err
    assert "MB for the store," in err
    assert "MB for reduced pixels): free some space, or choose another output, or another" in err
    assert "with --scratch" in err
    assert not (tmp_path / "a").exists()


def test_where_raw_pixels_would_fit_nothing_is_estimated(
    run_cli: RunCli,
    svs: Path,
    tmp_path: Path,
    disk: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk(100_000_000)
    monkeypatch.setattr(space, "estimate", None)

    assert run_cli(svs, "-o", tmp_path / "out", *SMALL)[0] == 0


def test_a_store_that_compresses_is_not_refused_for_its_raw_size(
    run_cli: RunCli, source_of: Any, tmp_path: Path, disk: Callable[[int], None]
) -> None:
    plan = plan_conversion(
        source_of(np.full((1024, 1024, 3), 90, np.uint8)),
        ConvertOptions(codec="zstd", chunk_px=128, levels=1, glass="keep"),
    )
    disk(1_000_000)

    check_space(plan, str(tmp_path / "out"))


def test_a_single_file_needs_its_space_twice(
    source_of: Any, tmp_path: Path, disk: Callable[[int], None]
) -> None:
    source = source_of(np.random.default_rng(5).integers(0, 256, (512, 512, 3), dtype=np.uint8))
    plan = plan_conversion(source, ConvertOptions(levels=1, **SMALL_OPTIONS))
    disk(3 * 512 * 512 * 3 // 2)

    check_space(plan, str(tmp_path / "out.ome.zarr"))
    with pytest.raises(OSError, match=r"about 1\.6 MB more are needed \(1\.6 MB for the store\)"):
        check_space(plan, str(tmp_path / "out.ozx"))


def test_what_was_written_before_needs_no_space_again(
    run_cli: RunCli,
    svs: Path,
    tmp_path: Path,
    disk: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def raise_disk_error(*_: object, **__: object) -> None:
        raise OSError("Input/output error")

    output = tmp_path / "out.ome.zarr"
    arguments = (svs, "-o", output, *SMALL, "--workers", 1)
    with monkeypatch.context() as patched:
        patched.setattr(ReducedPixels, "clear", raise_disk_error)
        assert run_cli(*arguments)[0] == 1
    begun = [*tmp_path.glob("out*/store/**/*"), *tmp_path.glob("out*/scratch/**/*")]
    written = sum(path.stat().st_size for path in begun if path.is_file()) / 1e6
    assert written > 0.5
    disk(0)

    fresh, resumed = (
        float(re.findall(r"about ([0-9.]+) MB more are needed", run_cli(*arguments, *more)[2])[0])
        for more in ((), ("--resume",))
    )

    assert fresh - resumed == pytest.approx(written, abs=0.11)


def test_a_dry_run_tells_the_space_of_reduced_pixels_and_what_is_lacking(
    run_cli: RunCli, svs: Path, tmp_path: Path, disk: Callable[[int], None]
) -> None:
    disk(1_000_000)

    code, out, err = run_cli(svs, "-o", tmp_path / "out", "--dry-run", *SMALL)

    assert code == 1
    assert "scratch" in out
    assert "MB of reduced pixels that wait for the next level" in out
    assert "has 1.0 MB free, and about" in err


def test_a_dry_run_needs_no_output(run_cli: RunCli, svs: Path, disk: Callable[[int], None]) -> None:
    disk(0)

    code, out, err = run_cli(svs, "--dry-run", *SMALL)

    assert (code, err) == (0, "")
    assert "1303x1501" in out


def test_a_folder_for_reduced_pixels_must_exist(
    refused: Refused, svs: Path, tmp_path: Path
) -> None:
    err = refused(svs, "-o", tmp_path / "out", "--scratch", tmp_path / "absent", code=2)

    assert "absent: it must be a folder that exists" in err
