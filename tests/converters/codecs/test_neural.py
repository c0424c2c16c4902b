"""Conversions with the learned codec itself."""

import json
from pathlib import Path
from typing import Any

import pytest
import zarr

from tests.annotations import ReadFiles, RunCli

VERSIONS = ["0.4", "0.5"]


@pytest.mark.parametrize("version", VERSIONS)
def test_workers_do_not_change_a_byte(
    run_cli: RunCli, svs: Path, tmp_path: Path, files_of: ReadFiles, version: str
) -> None:
    for workers in (1, 2):
        chosen = ("--chunk", 256, "--workers", workers, "--ome-zarr-version", version)
        run_cli(svs, "-o", tmp_path / str(workers), *chosen)

    assert files_of(tmp_path / "1") == files_of(tmp_path / "2")


def test_the_store_and_the_report_say_what_was_lost(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    arguments = (svs, "-o", tmp_path / "out", "--codec", "neural", "--quality", 30)
    run_cli(*arguments, "--report", tmp_path / "report.json")

    block: Any = zarr.open_group(tmp_path / "out", mode="r").attrs["numcodecs_neural"]
    ours = block["lossy_history"][-1]
    assert (ours["method"], ours["quality"]) == ("neural_image", 30)
    assert len(ours["weights"]) == 64
    (report,) = json.loads((tmp_path / "report.json").read_text())["slides"]
    assert report["levels"][0]["psnr_db"] == ours["psnr_db"]
    assert 20 < ours["psnr_db"] < 60
    assert report["levels"][0]["ratio_stored"] == ours["ratio"]
