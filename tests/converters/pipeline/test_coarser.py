"""JPEG slides that lose a little on their own grid: what is stored, and what is told of it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from numcodecs_neural.converters.cli.tables import report_summary
from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.pipeline.exact_chunks import DIFFERENT
from numcodecs_neural.converters.pipeline.plan import plan_conversion
from numcodecs_neural.converters.restore.run import restore
from numcodecs_neural.converters.sources import Frame, SlideSource, open_source
from numcodecs_neural.converters.trials.compare import compare
from numcodecs_neural.converters.trials.dry_run import estimate
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.requantize import requantized
from tests.annotations import FindFile, Image, RunCli

COARSER = ConvertOptions(chunk_px=128, glass="keep", bright_field="no", jpeg_quality=85)
EXACT = replace(COARSER, jpeg_quality=100)


@pytest.fixture(scope="module")
def path(slide: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a slide of two levels in JPEG tiles."""
    path = tmp_path_factory.mktemp("coarser") / "slide.tif"
    tiles: dict[str, Any] = {
        "tile": (128, 128),
        "compression": "jpeg",
        "compressionargs": {"level": 90},
        "photometric": "rgb",
        "metadata": None,
    }
    pixels = slide[300:680, 300:600]
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(pixels, **tiles)
        tiff.write(pixels[::2, ::2], **tiles, subfiletype=1)
    return path


@pytest.fixture
def source(path: Path) -> Iterator[SlideSource]:
    source = open_source(path)
    yield source
    source.close()


def block_of(store: Path) -> dict[str, Any]:
    attributes = json.loads((store / "zarr.json").read_text())["attributes"]
    found: dict[str, Any] = attributes["numcodecs_neural"]
    return found


def planes_of(store: Path, level: int) -> Image:
    group: Any = zarr.open_group(store)
    pixels: Image = np.moveaxis(np.asarray(group[str(level)][...]), 0, -1)
    return pixels


def test_each_chunk_has_the_pixels_of_its_coarser_tiles(
    source: SlideSource, tmp_path: Path
) -> None:
    report = convert(source, tmp_path / "out", COARSER)

    for level in (0, 1):
        pixels = planes_of(tmp_path / "out", level)
        for region in (Region(0, 0, 128, 128), Region(128, 128, 62, 22)):
            mosaic = source.read_mosaic(region, level)
            expected = requantized(mosaic, 85).pixels()[: region.height, : region.width]
            assert np.array_equal(pixels[region.slices], expected)
    first = report.levels[0]
    assert [level.coding for level in report.levels] == ["jpeg", "jpeg", "lossy"]
    assert (first.exact, first.coarser, first.fallbacks) == (0, first.stored, {})
    assert not any(level.is_exact for level in report.levels)


def test_loss_is_measured_against_the_source_and_told(source: SlideSource, tmp_path: Path) -> None:
    report = convert(source, tmp_path / "out", COARSER)

    first = report.levels[0]
    height, width = source.info.shape
    original = source.read_region(Region(0, 0, height, width)).astype(float)
    error = ((planes_of(tmp_path / "out", 0) - original) ** 2).mean()
    assert first.psnr_db == pytest.approx(10 * np.log10(255**2 / error), abs=1)
    assert first.ssim is not None
    assert 0.9 < first.ssim < 1
    assert first.pixels == "jpeg q85"
    said = f"made coarser with loss in {first.stored} of {first.stored} chunks (--jpeg-quality 85)"
    assert said in report_summary(report)
    block = block_of(tmp_path / "out")
    assert block["lossy_history"][-1] == {
        "method": "jpeg-requantized",
        "quality": 85,
        "chunks": first.stored,
        "of_chunks": first.stored,
        "ratio": first.ratio_stored,
        "psnr_db": first.psnr_db,
        "ssim": first.ssim,
        "chunks_sampled": first.chunks_sampled,
    }
    noted = block["levels"][0]
    assert (noted["coding"], noted["is_exact"]) == ("jpeg", False)
    assert (noted["exact"], noted["coarser"], noted["jpeg_quality"]) == (0, first.stored, 85)


def test_the_history_ends_with_what_was_lost(source: SlideSource, tmp_path: Path) -> None:
    convert(source, tmp_path / "out.ome.zarr", COARSER)

    store = open_source(tmp_path / "out.ome.zarr")
    assert [step.method for step in store.info.history][-2:] == ["jpeg", "jpeg-requantized"]
    store.close()


def test_it_takes_fewer_bytes_than_exact_and_reduced_levels_stay_the_same(
    source: SlideSource, tmp_path: Path
) -> None:
    exact, coarser = (
        convert(source, tmp_path / name, options)
        for name, options in (("exact", EXACT), ("coarser", COARSER))
    )

    assert coarser.levels[0].nbytes < 0.9 * exact.levels[0].nbytes
    assert coarser.levels[2].codec["quality"] == 20
    assert np.array_equal(planes_of(tmp_path / "exact", 2), planes_of(tmp_path / "coarser", 2))


def test_a_slide_whose_steps_are_larger_already_stays_exact(slide: Image, tmp_path: Path) -> None:
    tile: dict[str, Any] = {"tile": (128, 128), "photometric": "rgb", "compression": "jpeg"}
    coarse: dict[str, Any] = {"compressionargs": {"level": 15}}
    tifffile.imwrite(tmp_path / "coarse.tif", slide[:256, :256], **tile, **coarse)
    source = open_source(tmp_path / "coarse.tif")

    report = convert(source, tmp_path / "out", COARSER)

    assert report.levels[0].is_exact
    assert report.levels[0].pixels == "exact"
    assert report.levels[0].psnr_db is None
    assert "coarser" not in block_of(tmp_path / "out")["levels"][0]
    source.close()


def test_tiles_that_do_not_give_back_the_pixels_fall_back(
    source: SlideSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = source.read_region

    def other(region: Region, level: int = 0, frame: Frame = ()) -> Image:
        pixels: Image = read(region, level, frame)
        if (region.y, region.x) == (0, 0):
            pixels[0, 0] ^= 1
        return pixels

    monkeypatch.setattr(source, "read_region", other)

    report = convert(source, tmp_path / "out", COARSER)

    first = report.levels[0]
    assert first.fallbacks == {DIFFERENT: 1}
    assert first.coarser == first.stored - 1
    steps = block_of(tmp_path / "out")["lossy_history"][-2:]
    assert [step["method"] for step in steps] == ["jpeg-requantized", "neural_image"]
    assert [step["chunks"] for step in steps] == [first.stored - 1, 1]
    assert "are not kept as JPEG data" in report_summary(report)


def test_a_dry_run_tells_its_size(source: SlideSource, tmp_path: Path) -> None:
    options = replace(COARSER, levels=1)

    expected = estimate(plan_conversion(source, options))

    stored = convert(source, tmp_path / "out", options).nbytes
    assert expected.exact == ()
    assert expected.nbytes == pytest.approx(stored, rel=0.05)


def test_a_comparison_tells_its_size_and_loss(slide: Image, tmp_path: Path) -> None:
    tiles: dict[str, Any] = {"tile": (128, 128), "photometric": "rgb", "compression": "jpeg"}
    high: dict[str, Any] = {"compressionargs": {"level": 95}}
    tifffile.imwrite(tmp_path / "small.tif", slide[300:428, 300:428], **tiles, **high)
    source = open_source(tmp_path / "small.tif")
    options = replace(COARSER, levels=1)
    report = convert(source, tmp_path / "out", options)

    found = {codec.name: codec for codec in compare(plan_conversion(source, options)).codecs}

    coarser, exact = found["coarser"], found["exact"]
    assert coarser.nbytes == report.nbytes < exact.nbytes
    assert (exact.ssim, exact.psnr_db) == (1, None)
    assert (coarser.setting, coarser.psnr_db) == ("quality 85", report.levels[0].psnr_db)
    assert coarser.ssim == report.levels[0].ssim
    source.close()


def test_another_quality_is_another_store(run_cli: RunCli, path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = (path, "-o", out, "--chunk", 128, "--jpeg-quality")
    assert run_cli(*arguments, 90)[0] == 0
    before = (out / "zarr.json").read_bytes()

    same = run_cli(*arguments, "90.0", "--resume")
    other = run_cli(*arguments, 95, "--resume")

    assert same[0] == 0
    assert other[0] == 1
    assert "if it was made with the same settings" in other[2]
    assert (out / "zarr.json").read_bytes() == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"jpeg_quality": 79}, r"jpeg-quality is 79; it must .* 80 to 100; .* --codec neural"),
        ({"jpeg_quality": 90.5}, r"jpeg-quality is 90\.5"),
        ({"jpeg_quality": 90, "codec": "jpegxl"}, r"codec auto keeps, and codec is jpegxl"),
        ({"jpeg_quality": 90, "archive": True}, r"archive .* jpeg-quality is 90: leave one"),
    ],
)
def test_what_it_does_not_go_with_is_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ConvertOptions(**options)


def test_what_is_restored_is_told_to_be_no_original(
    source: SlideSource, tmp_path: Path, run_cli: RunCli
) -> None:
    report = convert(source, tmp_path / "out.ome.zarr", COARSER)

    restored = restore(tmp_path / "out.ome.zarr", tmp_path / "again.tif")

    lines = restored.lines()
    count = report.levels[0].stored
    assert "NOT the source: its coefficients were made coarser" in lines[0]
    assert any(
        line.startswith(
            f"level 0: {count} of {count} chunks were stored with loss (--jpeg-quality 85)"
        )
        for line in lines
    )
    again = open_source(tmp_path / "again.tif")
    height, width = again.info.shape
    pixels = again.read_region(Region(0, 0, height, width))
    assert np.array_equal(pixels, planes_of(tmp_path / "out.ome.zarr", 0))
    again.close()


@pytest.mark.slow
def test_a_real_slide_takes_fewer_bytes_at_an_ssim_of_99_percent(
    shared_slide: FindFile, tmp_path: Path
) -> None:
    source = open_source(shared_slide("ome-tiff/OS-1-detail.ome.tif"))

    exact, coarser = (
        convert(source, tmp_path / str(quality), ConvertOptions(jpeg_quality=quality))
        for quality in (100, 85)
    )

    assert coarser.levels[0].nbytes < 0.9 * exact.levels[0].nbytes
    assert coarser.levels[0].ssim > 0.985
    assert coarser.levels[0].fallbacks == exact.levels[0].fallbacks
    source.close()
