"""What every reader promises as a SlideSource, tried on one small file of each."""

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import Associated, SlideSource, open_source
from numcodecs_neural.errors import SourceError
from tests.annotations import Image, Open


def png(pixels: Image, folder: Path) -> Path:
    import PIL.Image

    PIL.Image.fromarray(pixels).save(folder / "picture.png")
    return folder / "picture.png"


def tiled_tiff(pixels: Image, folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "slide.tif") as tiff:
        tiff.write(pixels, tile=(64, 64), photometric="rgb", compression="zstd", subifds=1)
        tiff.write(pixels[::2, ::2], tile=(64, 64), photometric="rgb", subfiletype=1)
    return folder / "slide.tif"


def strips(pixels: Image, folder: Path) -> Path:
    path = folder / "slide.tif"
    tifffile.imwrite(path, pixels, rowsperstrip=50, photometric="rgb", compression="lzw")
    return path


def jpeg_tiff(pixels: Image, folder: Path) -> Path:
    path = folder / "slide.svs"
    tifffile.imwrite(path, pixels, tile=(64, 64), photometric="ycbcr", compression="jpeg")
    return path


def raw_stack(pixels: Image, folder: Path) -> Path:
    planes = np.moveaxis(pixels, -1, 0).astype(np.uint16)
    tifffile.imwrite(folder / "stack.ome.tif", planes, metadata={"axes": "CYX"})
    return folder / "stack.ome.tif"


def czi(pixels: Image, folder: Path) -> Path:
    pytest.importorskip("czifile", reason="czifile is not installed")
    from tests.converters.sources.czi_writer import ZSTD, Tile, write_czi

    tiles = [
        Tile(pixels[y : y + 70, x : x + 70], y=y, x=x, compression=ZSTD)
        for y in range(0, pixels.shape[0], 60)
        for x in range(0, pixels.shape[1], 60)
    ]
    write_czi(folder / "slide.czi", tiles)
    return folder / "slide.czi"


def dicom(pixels: Image, folder: Path) -> Path:
    pytest.importorskip("wsidicom", reason="wsidicom is not installed")
    from tests.converters.sources.dicom_writer import write_dicom

    write_dicom(folder / "a.dcm", [pixels], series="1.2.3.4")
    return folder / "a.dcm"


def mirax(pixels: Image, folder: Path) -> Path:
    pytest.importorskip("openslide", reason="OpenSlide is not installed")
    from tests.converters.sources.mirax_writer import TILE, write_mirax

    path = folder / "slide.mrxs"
    write_mirax(path, pixels[: 2 * TILE, :TILE], missing=(1, 0), fill=0xE6F0FA)
    return path


def omezarr(pixels: Image, folder: Path) -> Path:
    from tests.converters.sources.omezarr_writer import RGB, write_image

    level = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    group = zarr.open_group(folder / "slide.zarr", mode="w")
    write_image(group, [level, level[:, ::2, ::2]], "cyx", omero={"channels": RGB})
    return folder / "slide.zarr"


@pytest.fixture(
    params=[png, tiled_tiff, strips, jpeg_tiff, raw_stack, czi, dicom, mirax, omezarr],
    ids=lambda write: write.__name__,
)
def path(request: pytest.FixtureRequest, tissue: Image, tmp_path: Path) -> Path:
    """Return a slide of odd sides, written for the reader under test."""
    write: Callable[[Image, Path], Path] = request.param
    return write(np.ascontiguousarray(np.moveaxis(tissue[:, :301, :203], 0, -1)), tmp_path)


@pytest.fixture
def source(path: Path, opened: Open) -> SlideSource:
    return opened(path)


def every_frame(source: SlideSource) -> Iterator[tuple[int, tuple[int, ...]]]:
    for level in range(len(source.info.level_shapes)):
        for frame in source.info.axes.all_frames():
            yield level, frame


def whole(source: SlideSource, level: int, frame: tuple[int, ...]) -> NDArray[Any]:
    height, width = source.info.level_shapes[level]
    pixels: NDArray[Any] = source.read_region(Region(0, 0, height, width), level, frame)
    return pixels


def some_regions(shape: tuple[int, int], count: int = 12) -> list[Region]:
    """Return regions of a level, its last pixel among them."""
    generator, regions = np.random.default_rng(5), [Region(shape[0] - 1, shape[1] - 1, 1, 1)]
    for _ in range(count):
        y, x = int(generator.integers(shape[0])), int(generator.integers(shape[1]))
        height, width = generator.integers(1, (shape[0] - y + 1, shape[1] - x + 1))
        regions.append(Region(y, x, int(height), int(width)))
    return regions


def test_levels_come_largest_first(source: SlideSource) -> None:
    shapes = source.info.level_shapes

    assert source.info.shape == shapes[0]
    assert list(shapes) == sorted(shapes, reverse=True)


def test_any_region_is_cut_out_of_its_level(source: SlideSource) -> None:
    for level, frame in every_frame(source):
        pixels = whole(source, level, frame)
        assert pixels.dtype == source.info.dtype
        assert pixels.shape == (*source.info.level_shapes[level], source.info.samples)
        for region in some_regions(source.info.level_shapes[level]):
            found = source.read_region(region, level, frame)
            np.testing.assert_array_equal(found, pixels[region.slices])


def test_what_is_done_to_pixels_does_not_reach_the_source(source: SlideSource) -> None:
    frame = next(source.info.axes.all_frames())
    before = whole(source, 0, frame).copy()

    whole(source, 0, frame)[:] = 0

    np.testing.assert_array_equal(whole(source, 0, frame), before)


def test_threads_read_the_same_pixels_from_a_pickled_copy(source: SlideSource) -> None:
    regions = some_regions(source.info.shape, count=40)
    frame = next(source.info.axes.all_frames())
    expected = [source.read_region(region, 0, frame) for region in regions]

    with ThreadPoolExecutor(8) as pool, closing(pickle.loads(pickle.dumps(source))) as copy:
        found = list(pool.map(lambda region: copy.read_region(region, 0, frame), regions))

    assert (type(copy), copy.info) == (type(source), source.info)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["label", "macro"])
def test_a_picture_beside_the_slide_is_rgb_or_absent(source: SlideSource, name: Associated) -> None:
    picture = source.read_associated(name)

    assert picture is None or (picture.dtype == np.uint8 and picture.shape[2:] == (3,))


def test_closing_twice_does_no_harm(source: SlideSource) -> None:
    before = source.info
    source.close()

    source.close()

    assert source.info == before


@pytest.mark.parametrize("series", [1, -1])
def test_an_image_that_is_not_there_is_refused_with_those_that_are(path: Path, series: int) -> None:
    with pytest.raises(SourceError, match=f"has no series {series}: it holds one image: series 0"):
        open_source(path, series=series)
