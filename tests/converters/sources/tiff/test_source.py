"""Slides in TIFF: any region of any layout, pixel sizes, and files that are damaged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import Compression, open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import Image, Open

LAYOUTS: dict[str, dict[str, Any]] = {
    "jpeg tiles": {"tile": (240, 240), "compression": "jpeg", "photometric": "ycbcr"},
    "wide deflate tiles": {"tile": (64, 512), "compression": "deflate", "predictor": True},
    "jpeg 2000 tiles": {"tile": (256, 256), "compression": "jpeg2000"},
    "webp tiles": {"tile": (256, 256), "compression": "webp"},
    "raw strips": {"rowsperstrip": 100},
    "one lzw strip": {"rowsperstrip": 1501, "compression": "lzw"},
}


@pytest.fixture(scope="module", params=list(LAYOUTS.values()), ids=list(LAYOUTS))
def any_tiff(
    request: pytest.FixtureRequest, slide: Image, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("tiff") / "slide.tif"
    tifffile.imwrite(path, slide, **{"photometric": "rgb", **request.param})
    return path


def test_every_layout_holds_the_pixels_that_tifffile_reads(any_tiff: Path, opened: Open) -> None:
    found = opened(any_tiff).read_region(Region(0, 0, 1501, 1303))

    assert (found == tifffile.imread(any_tiff)).all()


def test_all_levels_of_an_aperio_slide_are_read(svs: Path, opened: Open) -> None:
    source = opened(svs)
    with tifffile.TiffFile(svs) as tiff:
        levels = [level.asarray() for level in tiff.series[0].levels]

    assert source.info.level_shapes == ((1501, 1303), (376, 326))
    for n, expected in enumerate(levels):
        height, width = expected.shape[:2]
        assert (source.read_region(Region(0, 0, height, width), n) == expected).all()


def test_the_levels_of_an_ome_tiff_are_found_in_its_sub_images(
    slide: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        options: dict[str, Any] = {"tile": (256, 256), "photometric": "rgb"}
        sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 260, "PhysicalSizeYUnit": "nm"}
        tiff.write(slide, subifds=1, metadata={"axes": "YXS", **sizes}, **options)
        tiff.write(slide[::2, ::2], subfiletype=1, **options)

    source = opened(path)

    assert source.info.name == "slide"
    assert source.info.level_shapes == ((1501, 1303), (751, 652))
    assert source.info.mpp == (0.26, 0.25)
    assert (source.read_region(Region(3, 5, 300, 200), 1) == slide[6:606:2, 10:410:2]).all()


def test_aperio_tells_pixel_size_and_earlier_compressions(svs: Path, opened: Open) -> None:
    source = opened(svs)

    assert source.info.mpp == (0.499, 0.499)
    (step,) = source.info.history
    assert (step.method, step.quality) == ("jpeg", 90)
    assert step.ratio is not None
    assert step.ratio > 5


def ome_size(size: float, unit: str) -> dict[str, Any]:
    """Return options to write an OME-TIFF of square pixels."""
    sizes = {f"PhysicalSize{axis}": size for axis in "XY"}
    units = {f"PhysicalSize{axis}Unit": unit for axis in "XY"}
    return {"name": "cell.ome.tif", "metadata": {"axes": "YX", **sizes, **units}}


def tags(x: float, y: float, unit: str) -> dict[str, Any]:
    return {"resolution": (x, y), "resolutionunit": unit}


@pytest.mark.parametrize(
    ("options", "mpp"),
    [
        pytest.param(tags(40000, 20000, "CENTIMETER"), (0.5, 0.25), id="centimetres"),
        pytest.param(tags(50800, 50800, "INCH"), (0.5, 0.5), id="inches"),
        pytest.param(tags(72, 72, "INCH"), None, id="a screen's resolution"),
        pytest.param(tags(1, 1, "NONE"), None, id="no unit"),
        pytest.param(tags(4, 4, "micrometer"), (0.25, 0.25), id="tifffile's micrometres"),
        pytest.param(tags(4000, 4000, "millimeter"), (0.25, 0.25), id="tifffile's millimetres"),
        pytest.param(ome_size(4, "nm"), (0.004, 0.004), id="OME, electron microscope"),
        pytest.param(ome_size(352.78, "µm"), None, id="OME, screen"),
        pytest.param(
            {"imagej": True, "resolution": (0.25, 0.25), "metadata": {"unit": "nm"}},
            (0.004, 0.004),
            id="ImageJ, electron microscope",
        ),
    ],
)
def test_a_pixel_size_counts_if_it_is_a_microscope_s(
    options: dict[str, Any], mpp: tuple[float, float] | None, open_tiff: Open
) -> None:
    info = open_tiff(np.zeros((40, 50), np.uint8), **options).info

    assert info.mpp == (None if mpp is None else pytest.approx(mpp))


def test_a_jpeg_s_quality_is_told_by_its_tables(slide: Image, open_tiff: Open) -> None:
    options: dict[str, Any] = {"tile": (256, 256), "compressionargs": {"level": 83}}

    source = open_tiff(slide, photometric="ycbcr", compression="jpeg", **options)

    (step,) = source.info.history
    assert step == Compression(method="jpeg", quality=83, ratio=step.ratio)


def test_tiles_that_the_scanner_left_out_are_white(slide: Image, open_tiff: Open) -> None:
    tiles = (None if x else slide[y : y + 512, x : x + 512] for y in (0, 512) for x in (0, 512))

    source = open_tiff(
        tiles, shape=(1024, 1024, 3), dtype=np.uint8, tile=(512, 512), photometric="rgb"
    )

    pixels = source.read_region(Region(0, 0, 1024, 1024))
    assert (pixels[:, 512:] == 255).all()
    assert (pixels[:, :512] == slide[:1024, :512]).all()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: bytes(len(data)), id="zeros"),
        pytest.param(lambda data: data[: len(data) // 2] + bytes(len(data) // 2), id="half"),
        pytest.param(lambda data: b"\xff\xd8" + data[40:-2] + b"\xff\xd9", id="no tables"),
    ],
)
def test_a_damaged_tile_is_named(svs: Path, tmp_path: Path, damage: Any, opened: Open) -> None:
    path = tmp_path / "damaged.svs"
    content = bytearray(svs.read_bytes())
    with tifffile.TiffFile(svs) as tiff:
        page = tiff.pages[0]
        start, size = page.dataoffsets[8], page.databytecounts[8]
    # Of the same length, so that all else stays where the file says that it is.
    damaged = damage(bytes(content[start : start + size])).ljust(size, b"\0")
    content[start : start + size] = damaged
    path.write_bytes(content)
    source = opened(path)

    assert source.read_region(Region(0, 0, 240, 240)).shape == (240, 240, 3)
    with pytest.raises(SourceError, match=r"damaged\.svs: the tile at row 1, column 2 of level 0"):
        source.read_region(Region(200, 400, 300, 300))


def test_a_file_that_is_cut_off_is_named(any_tiff: Path, tmp_path: Path, opened: Open) -> None:
    whole = any_tiff.read_bytes()
    with tifffile.TiffFile(any_tiff) as tiff:
        page = tiff.pages[0]
        last = page.dataoffsets[-1]
    path = tmp_path / "cut.tif"
    path.write_bytes(whole[: last + 5])

    with pytest.raises(SourceError, match=r"cut\.tif"):
        opened(path).read_region(Region(0, 0, 1501, 1303))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("notes.svs", b"just text", "cannot be read as a TIFF file", id="text"),
        pytest.param("stub.tif", b"II*\0\0\0\0\0", "stub.tif", id="no image"),
    ],
)
def test_what_is_no_slide_is_refused(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(SourceError, match=says):
        open_source(path)
