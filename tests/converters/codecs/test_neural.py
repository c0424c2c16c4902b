"""Conversions with the learned codec itself."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from tests.annotations import FreshPython, Image, Psnr, ReadFiles, RunCli

VERSIONS = ["0.4", "0.5"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_fresh_process_reads_the_store_by_zarr_alone(
    run_cli: RunCli,
    svs: Path,
    slide: Image,
    tmp_path: Path,
    fresh_python: FreshPython,
    psnr: Psnr,
    version: str,
) -> None:
    store = tmp_path / "out.ome.zarr"
    run_cli(svs, "-o", store, "--ome-zarr-version", version, "--levels", 1)
    code = (
        "import sys, zarr\n"
        "pixels = zarr.open(sys.argv[1], mode='r')['0'][:, 300:700, 200:650]\n"
        "sys.stdout.buffer.write(pixels.tobytes().hex().encode())"
    )

    read = np.frombuffer(bytes.fromhex(fresh_python(code, store)), np.uint8)

    original = np.moveaxis(slide[300:700, 200:650], -1, 0)
    assert psnr(read.reshape(original.shape), original) > 22


@pytest.mark.parametrize("version", VERSIONS)
def test_workers_do_not_change_a_byte(
    run_cli: RunCli, svs: Path, tmp_path: Path, files_of: ReadFiles, version: str
) -> None:
    for workers in (1, 2):
        run_cli(
            svs,
            "-o",
            tmp_path / str(workers),
            *("--chunk", 256, "--workers", workers, "--ome-zarr-version", version),
        )

    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")


def test_the_store_and_the_report_say_what_was_lost(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    run_cli(svs, "-o", tmp_path / "out", "--quality", 30, "--report", tmp_path / "report.json")

    block: Any = zarr.open_group(tmp_path / "out", mode="r").attrs["numcodecs_neural"]
    ours = block["lossy_history"][-1]
    assert (ours["method"], ours["quality"]) == ("neural_image", 30)
    assert len(ours["weights"]) == 64
    (report,) = json.loads((tmp_path / "report.json").read_text())["slides"]
    assert report["levels"][0]["psnr_db"] == ours["psnr_db"]
    assert 20 < ours["psnr_db"] < 60
    assert report["levels"][0]["ratio_stored"] == ours["ratio"]


def test_an_unknown_model_is_refused_before_any_work(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    code, _, err = run_cli(svs, "-o", tmp_path / "out", "--model", "he-slow")

    assert code == 2
    assert "he-slow" in err
    assert "he-fast-1" in err
    assert not (tmp_path / "out").exists()
