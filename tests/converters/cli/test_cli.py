"""The program: exit codes, one sentence for each mistake, and nothing that looks complete."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import tifffile
import zarr

from numcodecs_neural.converters.pipeline import convert as convert_module
from tests.annotations import ReadFiles, Refused, RunCli

SMALL = ("--chunk", 128, "--shard", 256)
pytestmark = pytest.mark.usefixtures("lossless")


def level_0(store: Path) -> Any:
    return zarr.open_group(store, mode="r")["0"]


def test_one_slide_becomes_one_store(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    code, out, err = run_cli(svs, "-o", tmp_path / "out.ome.zarr", *SMALL)

    assert (code, err) == (0, "")
    assert "1303x1501" in out
    assert level_0(tmp_path / "out.ome.zarr").shape == (3, 1501, 1303)


def test_several_slides_become_stores_in_a_folder(
    run_cli: RunCli, svs: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.ome.tif"
    tifffile.imwrite(other, tifffile.imread(svs, key=1), photometric="rgb")

    code, out, _ = run_cli(svs, other, "-o", tmp_path / "out", *SMALL)

    assert code == 0
    assert out.count("bpp: bits per pixel") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "generated.ome.zarr",
        "other.ome.zarr",
    ]


def test_the_demo_needs_no_input(run_cli: RunCli, tmp_path: Path) -> None:
    code, out, _ = run_cli("--demo", tmp_path / "demo.ome.zarr")

    assert code == 0
    assert "4000x3000" in out


def test_the_report_is_written_as_json(
    run_cli: RunCli, svs: Path, damaged_svs: Path, tmp_path: Path
) -> None:
    run_cli(svs, damaged_svs, "-o", tmp_path / "out", "--report", tmp_path / "report.json", *SMALL)

    good, bad = json.loads((tmp_path / "report.json").read_text())["slides"]
    assert good["levels"][0]["bpp"] > 0
    assert good["seconds"] > 0
    assert "row 1, column 2 of level 0" in bad["error"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(
            ["--quality", "101"], "quality is 101; it must be a whole number", id="quality"
        ),
        pytest.param(["--quality", "best"], "'best' is no whole number", id="quality no number"),
        pytest.param(["--quality", "60.5"], "'60.5' is no whole number", id="part of a quality"),
        pytest.param(["--chunk", "100"], "chunk is 100; it must be a multiple of 16", id="chunk"),
        pytest.param(["--chunk", "0"], "chunk is 0", id="no chunk"),
        pytest.param(["--shard", "1000"], "shard is 1000; it must be a multiple of 16", id="shard"),
        pytest.param(
            ["--shard", "1000", "--chunk", "512"], "must be a multiple of 512", id="shard of chunks"
        ),
        pytest.param(["--levels-quality", "101"], "levels-quality is 101", id="levels' quality"),
        pytest.param(
            ["--archive", "--codec", "jpegxl"], "codec is jpegxl: leave one", id="archive's codec"
        ),
        pytest.param(
            ["--archive", "--glass", "flatten"], "glass is flatten: leave", id="archive's glass"
        ),
        pytest.param(["--archive", "--levels", "3"], "levels is 3: leave", id="archive's levels"),
        pytest.param(
            ["--archive", "--target-psnr", "40"], "target-psnr is 40", id="archive's PSNR"
        ),
        pytest.param(
            ["--shard", "1024", "--ome-zarr-version", "0.4"], "0.4 has no shards", id="v2 shard"
        ),
        pytest.param(["--levels", "0"], "levels is 0", id="levels"),
        pytest.param(["--model", "he-slow"], "no weights called 'he-slow'", id="model"),
        pytest.param(["--workers", "0"], "workers is 0", id="workers"),
        pytest.param(["--glass", "polish"], "'polish'", id="glass"),
        pytest.param(["--ome-zarr-version", "0.6"], "'0.6'", id="version"),
        pytest.param(
            ["--quality", "60", "--target-psnr", "38"], "leave one of them out", id="quality twice"
        ),
        pytest.param(
            ["--quality", "60", "--chunk-psnr", "38"], "--chunk-psnr has it found", id="of chunks"
        ),
        pytest.param(
            ["--target-psnr", "40", "--chunk-psnr", "38"], "of each chunk: leave one", id="PSNRs"
        ),
        pytest.param(["--chunk-psnr", "19"], "a number from 20 to 100", id="low PSNR"),
        pytest.param(
            ["--codec", "jpegxl", "--chunk-psnr", "38"], "for the neural codec", id="another's PSNR"
        ),
        pytest.param(
            ["--archive", "--chunk-psnr", "40"], "chunk-psnr is 40", id="archive's chunk PSNR"
        ),
        pytest.param(["--colour", "red"], "unrecognized arguments: --colour", id="unknown"),
        pytest.param(["--report", "/nowhere/report.json"], "in a folder that exists", id="report"),
        pytest.param(["--report", "report.pdf"], ".json or .html", id="kind of report"),
    ],
)
def test_bad_values_are_refused_before_any_work(
    refused: Refused, svs: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    assert says in refused(svs, "-o", tmp_path / "out", *arguments, code=2)
    assert not (tmp_path / "out").exists()


def test_a_device_that_is_not_there_is_refused_before_any_slide(
    refused: Refused, svs: Path, damaged_svs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from numcodecs_neural import config
    from numcodecs_neural.networks.backends import choice

    pytest.importorskip("torch")
    monkeypatch.setattr(choice, "_cuda_works", lambda: False)

    with config.set(device="auto"):
        err = refused(svs, damaged_svs, "-o", tmp_path / "out", "--device", "cuda", code=2)

    assert "torch finds no CUDA device here" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param([], "no input", id="nothing"),
        pytest.param(["a.svs"], "no output", id="no output"),
        pytest.param(["--demo", "d.zarr", "a.svs"], "--demo takes neither", id="demo and input"),
        pytest.param(["a/s.svs", "a/s.tif", "-o", "out"], "would both be written", id="same name"),
    ],
)
def test_inputs_and_output_must_make_sense(
    refused: Refused, arguments: list[str], says: str
) -> None:
    assert says in refused(*arguments, code=2)


@pytest.mark.parametrize("work", [("-o", "out"), ("--compare",)], ids=["convert", "compare"])
def test_a_file_that_is_no_slide_fails(
    refused: Refused, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.svs").write_text("not a slide")

    assert "cannot be read as a TIFF file" in refused("notes.svs", *work)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.svs"]


def test_a_tile_that_does_not_decode_leaves_nothing(
    refused: Refused, damaged_svs: Path, tmp_path: Path
) -> None:
    err = refused(damaged_svs, "-o", tmp_path / "out.ome.zarr", *SMALL)

    assert "damaged.svs: the tile at row 1, column 2 of level 0 does not decode" in err
    assert list(tmp_path.iterdir()) == [damaged_svs]


def test_one_bad_slide_does_not_stop_the_others(
    run_cli: RunCli, svs: Path, damaged_svs: Path, tmp_path: Path
) -> None:
    code, _, err = run_cli(damaged_svs, svs, "-o", tmp_path / "out", *SMALL)

    assert code == 1
    assert "1 of 2 slides failed" in err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["generated.ome.zarr"]


def test_more_levels_than_the_slide_has_fail(refused: Refused, svs: Path, tmp_path: Path) -> None:
    assert "has at most 12" in refused(svs, "-o", tmp_path / "out", "--levels", 20)


def test_an_output_that_exists_is_refused(
    run_cli: RunCli, refused: Refused, svs: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.ome.zarr"
    run_cli(svs, "-o", output, *SMALL)
    before = (output / "zarr.json").stat().st_mtime_ns

    err = refused(svs, "-o", output, *SMALL)

    assert "exists: choose another output, or pass --overwrite" in err
    assert (output / "zarr.json").stat().st_mtime_ns == before


def test_overwrite_replaces_a_store(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.ome.zarr"
    run_cli(svs, "-o", output, *SMALL)

    code, _, _ = run_cli(svs, "-o", output, "--overwrite", "--levels", 2, *SMALL)

    assert code == 0
    assert "2" not in zarr.open_group(output, mode="r")
    assert [path.name for path in tmp_path.iterdir()] == ["out.ome.zarr"]


def test_overwrite_replaces_nothing_but_stores(refused: Refused, svs: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/holiday.jpg").write_bytes(b"precious")

    err = refused(svs, "-o", tmp_path / "photos", "--overwrite", *SMALL)

    assert "is not a Zarr store" in err
    assert (tmp_path / "photos/holiday.jpg").read_bytes() == b"precious"


def test_a_failed_overwrite_keeps_the_old_store(
    run_cli: RunCli, svs: Path, damaged_svs: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.ome.zarr"
    run_cli(svs, "-o", output, *SMALL)

    code, _, _ = run_cli(damaged_svs, "-o", output, "--overwrite", *SMALL)

    assert code == 1
    assert level_0(output).shape == (3, 1501, 1303)


def test_after_a_full_disk_the_conversion_goes_on(
    run_cli: RunCli,
    refused: Refused,
    svs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    files_of: ReadFiles,
) -> None:
    real_set = zarr.storage.LocalStore.set

    async def set_until_full(self: Any, key: str, value: Any) -> None:
        # Then four regions of level 0 are done at least.
        if key.startswith("1/c/"):
            raise OSError(errno.ENOSPC, "No space left on device", key)
        await real_set(self, key, value)

    run_cli(svs, "-o", tmp_path / "undisturbed", *SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(zarr.storage.LocalStore, "set", set_until_full)
        err = refused(svs, "-o", tmp_path / "out", *SMALL)
    assert "the disk is full: free some space and go on with --resume" in err
    assert not (tmp_path / "out").exists()
    assert len(list((tmp_path / "out.partial/records/0").iterdir())) >= 4

    code, _, _ = run_cli(svs, "-o", tmp_path / "out", "--resume", *SMALL)

    assert code == 0
    assert files_of(tmp_path / "out") == files_of(tmp_path / "undisturbed")
    assert not (tmp_path / "out.partial").exists()


def test_an_output_folder_that_cannot_be_made_fails(
    refused: Refused, svs: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")

    refused(svs, "-o", tmp_path / "file" / "out.ome.zarr")


def test_what_a_killed_run_left_is_cleared(run_cli: RunCli, svs: Path, tmp_path: Path) -> None:
    leftover = tmp_path / "out.ome.zarr.partial" / "store" / "0"
    leftover.mkdir(parents=True)
    (leftover / "zarr.json").write_text("{}")

    code, _, _ = run_cli(svs, "-o", tmp_path / "out.ome.zarr", *SMALL)

    assert code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.ome.zarr"]


def test_two_conversions_to_one_store_are_refused(
    refused: Refused, svs: Path, tmp_path: Path
) -> None:
    from numcodecs_neural.converters.store.transaction import UnfinishedStore

    store = str(tmp_path / "out.ome.zarr")
    with UnfinishedStore(store, fingerprint="", overwrite=False, resume=False):
        err = refused(svs, "-o", tmp_path / "out.ome.zarr", *SMALL)

    assert "another conversion writes there" in err


def test_an_interrupt_ends_quietly(
    run_cli: RunCli, svs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object, **keywords: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(convert_module, "run_on_threads", interrupted)

    code, _, err = run_cli(svs, "-o", tmp_path / "out.ome.zarr", *SMALL)

    assert code == 130
    assert "interrupted: go on with --resume" in err
    assert [path.name for path in tmp_path.iterdir()] == ["out.ome.zarr.partial"]
