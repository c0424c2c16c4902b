"""Ways out: OME-Zarr of other codecs, and OME-TIFF, with the pixels of the store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from numcodecs_neural.stores import export as exporting
from numcodecs_neural.stores import ome_tiff
from numcodecs_neural.stores.export import ExportOptions, export
from tests.annotations import Psnr, RunCli
from tests.converters.restore.slide_files import archive, scene, write_slide
from tests.stores.conftest import CHUNK_PX, Damaged, converted
from tests.stores.test_verify import places

StoreOf = Callable[[str], Path]


def levels_of(store: Path) -> list[Any]:
    group: Any = zarr.open_group(store, mode="r")
    return [group[str(level)] for level in range(3)]


@pytest.mark.parametrize(
    ("version", "written"), [("0.5", "0.5"), ("0.4", "0.4"), ("0.5", "0.4"), ("0.4", "0.5")]
)
def test_ome_zarr_without_loss_has_the_pixels_of_all_levels(
    version: str, written: str, kept: dict[str, Path], tmp_path: Path, run: RunCli
) -> None:
    output = tmp_path / "out.ome.zarr"

    code, out, _ = run("export", kept[version], output, "--ome-zarr-version", written)

    assert code == 0
    assert out == f"{kept[version]} -> {output} (zstd)\n"
    for ours, theirs in zip(levels_of(kept[version]), levels_of(output), strict=True):
        np.testing.assert_array_equal(theirs[...], ours[...])
        assert theirs.chunks == ours.chunks
        assert theirs.metadata.zarr_format == (2 if written == "0.4" else 3)
    assert (
        "neural_image"
        not in (output / "0").joinpath("zarr.json" if written == "0.5" else ".zarray").read_text()
    )


def test_ome_zarr_can_be_jpeg_xl(kept: dict[str, Path], tmp_path: Path, psnr: Psnr) -> None:
    output = tmp_path / "out.ozx"

    export(kept["0.5"], str(output), ExportOptions(codec="jpegxl", quality=95, workers=1))

    found: Any = zarr.open_group(zarr.storage.ZipStore(output, mode="r"), mode="r")["0"]
    ours = levels_of(kept["0.5"])[0]
    assert 35 < psnr(found[...], ours[...]) < 60


@pytest.mark.parametrize("codec", ["deflate", "zstd"])
def test_a_tiff_without_loss_has_the_pixels_of_all_levels(
    codec: str, kept: dict[str, Path], tmp_path: Path, run: RunCli
) -> None:
    output = tmp_path / "out.ome.tif"

    code, _, _ = run("export", kept["0.5"], output, "--codec", codec, "--workers", 2)

    assert code == 0
    with tifffile.TiffFile(output) as tiff:
        (series,) = tiff.series
        assert (tiff.is_ome, tiff.is_bigtiff, series.axes) == (True, False, "YXS")
        for page, array in zip(series.levels, levels_of(kept["0.5"]), strict=True):
            np.testing.assert_array_equal(page.asarray(), np.moveaxis(array[...], 0, -1))
        first: Any = tiff.pages[0]
        assert first.tile == (CHUNK_PX, CHUNK_PX)
        assert len(first.subifds) == 2
        assert first.get_resolution("MICROMETER") == pytest.approx((2.0, 2.0))
        assert 'PhysicalSizeX="0.5"' in (tiff.ome_metadata or "")
    assert [path.name for path in tmp_path.iterdir()] == ["out.ome.tif"]


@pytest.mark.parametrize(("codec", "quality"), [("jpeg", 60), ("jpeg", 95), ("jpegxl", 90)])
def test_a_lossy_tiff_is_near_the_store(
    codec: str, quality: int, kept: dict[str, Path], tmp_path: Path, psnr: Psnr
) -> None:
    output = tmp_path / "out.tif"

    export(kept["0.5"], str(output), ExportOptions(codec=codec, quality=quality, workers=1))

    pixels = tifffile.imread(output)
    assert psnr(pixels, np.moveaxis(levels_of(kept["0.5"])[0][...], 0, -1)) > 30
    with tifffile.TiffFile(output) as tiff:
        page: Any = tiff.pages[0]
        assert page.compression.name.lower() == codec


def test_a_tiff_has_channels_with_names_and_colours(channels: Path, tmp_path: Path) -> None:
    export(channels, str(tmp_path / "out.ome.tif"), ExportOptions(workers=1))

    with tifffile.TiffFile(tmp_path / "out.ome.tif") as tiff:
        pixels: Any = zarr.open_array(channels / "0", mode="r")[...]
        np.testing.assert_array_equal(tiff.series[0].asarray(), pixels)
        assert tiff.series[0].axes == "CYX"
        assert tiff.series[0].levels[1].shape == (2, 35, 45)
        text = tiff.ome_metadata or ""
    for part in ('Name="DAPI"', 'Name="FITC"', 'Color="16711935"', 'PhysicalSizeX="0.25"'):
        assert part in text


def test_a_large_tiff_is_a_bigtiff(
    foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ome_tiff, "_CLASSIC_NBYTES", 10_000)

    export(foreign, str(tmp_path / "out.tif"), ExportOptions(workers=1))

    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert tiff.is_bigtiff


def test_whoever_asks_for_jpeg_of_a_store_that_keeps_it_is_told_of_restore(
    tmp_path: Path, run: RunCli
) -> None:
    slide = write_slide(tmp_path / "slide.tif", scene(96, 160))
    store = archive(slide, tmp_path / "a.ome.zarr")

    code, _, err = run("export", store, tmp_path / "out.tif", "--codec", "jpeg")

    assert code == 0
    assert "`numcodecs-neural restore` writes them without loss" in err
    assert exporting.keeps_jpeg(store)


def test_a_damaged_store_leaves_no_tiff(store_of: StoreOf, tmp_path: Path, run: RunCli) -> None:
    store = store_of("0.5")
    Damaged(store).damage(*places(store, 1)[0])

    code, _, err = run("export", store, tmp_path / "out.tif")

    assert code == 1
    assert "does not decode" in err
    assert not list(tmp_path.glob("out*"))


def test_a_tiff_that_is_there_is_replaced_only_if_asked(
    kept: dict[str, Path], tmp_path: Path, run: RunCli
) -> None:
    output = tmp_path / "out.tif"
    output.write_bytes(b"mine")

    code, _, err = run("export", kept["0.5"], output)
    again, _, _ = run("export", kept["0.5"], output, "--overwrite")

    assert (code, again) == (1, 0)
    assert "exists: choose another output, or pass --overwrite" in err
    assert tifffile.imread(output).shape == (420, 500, 3)


@pytest.mark.parametrize(
    ("output", "more", "says"),
    [
        ("out.png", [], "ends in .png"),
        ("out.tif", ["--codec", "jpeg2k"], "can have one of deflate, zstd, jpeg, jpegxl"),
        ("out.ome.zarr", ["--codec", "deflate"], "can have one of zstd, none, jpegxl"),
        ("absent/out.tif", [], "is not a folder"),
        ("out.tif", ["--quality", "101"], "no whole number from 0 to 100"),
    ],
)
def test_wrong_usage_is_found_before_any_work(
    output: str, more: list[str], says: str, tmp_path: Path, run: RunCli
) -> None:
    code, _, err = run("export", tmp_path / "no store", tmp_path / output, *more)

    assert code == 2
    assert says in err


def test_a_codec_that_does_not_code_such_samples_is_refused(tmp_path: Path, run: RunCli) -> None:
    tifffile.imwrite(tmp_path / "grey.tif", np.zeros((64, 64), np.uint16))
    store = converted(tmp_path / "grey.tif", tmp_path / "g.ome.zarr", codec="zstd", levels=1)

    code, _, err = run("export", store, tmp_path / "out.tif", "--codec", "jpeg")

    assert code == 2
    assert "codes samples of uint8, and the store has uint16" in err
