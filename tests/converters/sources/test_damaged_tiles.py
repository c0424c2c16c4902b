"""Holes in JPEG and JPEG 2000 data are errors, and what decoders rightly pass over is not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import imagecodecs
import numpy as np
import pytest
import tifffile

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import SlideSource
from numcodecs_neural.errors import SourceError
from tests.annotations import Image, Open
from tests.converters.sources.tiff.ndpi_writer import write_ndpi
from tests.jpeg.streams import libjpeg, saved

SIDE = 256
HOLE = 500


class Written(NamedTuple):
    """A slide, and the bytes of its file that hold coded data of one tile."""

    path: Path
    begin: int
    end: int


@pytest.fixture(scope="module")
def pixels(tissue: Image) -> Image:
    """Return tissue (y, x, 3) of two by two tiles."""
    return np.ascontiguousarray(np.moveaxis(tissue, 0, -1))


def tile_of(path: Path, index: int) -> Written:
    """Return the coded data of a tile of a TIFF file's first page, without its headers."""
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0]
        begin, size = page.dataoffsets[index], page.databytecounts[index]
    return Written(path, begin + min(size // 4, 1000), begin + size - 2)


def svs_tile(pixels: Image, folder: Path) -> Written:
    page: dict[str, Any] = {"tile": (SIDE, SIDE), "photometric": "rgb", "compression": "jpeg"}
    tifffile.imwrite(folder / "slide.svs", pixels, description="Aperio", metadata=None, **page)
    return tile_of(folder / "slide.svs", 3)


def subsampled_tile(pixels: Image, folder: Path) -> Written:
    page: dict[str, Any] = {"tile": (SIDE, SIDE), "photometric": "ycbcr", "compression": "jpeg"}
    tifffile.imwrite(folder / "slide.tif", pixels, subsampling=(2, 2), **page)
    return tile_of(folder / "slide.tif", 3)


def strip(pixels: Image, folder: Path) -> Written:
    page: dict[str, Any] = {"rowsperstrip": 128, "photometric": "rgb", "compression": "jpeg"}
    tifffile.imwrite(folder / "slide.tif", pixels, **page)
    return tile_of(folder / "slide.tif", 3)


def ndpi_piece(pixels: Image, folder: Path) -> Written:
    jpeg = saved(pixels, quality=90, subsampling=0, restart_marker_rows=1)
    write_ndpi(folder / "slide.ndpi", jpeg, *pixels.shape[:2])
    return tile_of(folder / "slide.ndpi", 3)


def jpeg2000_tile(pixels: Image, folder: Path) -> Written:
    page: dict[str, Any] = {"tile": (SIDE, SIDE), "photometric": "rgb", "compression": "jpeg2000"}
    tifffile.imwrite(folder / "slide.tif", pixels, **page)
    return tile_of(folder / "slide.tif", 3)


def dicom_frame(pixels: Image, folder: Path) -> Written:
    pytest.importorskip("wsidicom", reason="wsidicom is not installed")
    from tests.converters.sources.dicom_writer import write_dicom

    path = folder / "slide.dcm"
    write_dicom(path, [pixels], series="1.2.3.4")
    content = path.read_bytes()
    begin = content.index(b"\xff\xda", len(content) // 2)
    return Written(path, begin + 20, content.index(b"\xff\xd9", begin))


def dicom_jpeg2000_frame(pixels: Image, folder: Path) -> Written:
    pytest.importorskip("wsidicom", reason="wsidicom is not installed")
    from pydicom.uid import JPEG2000Lossless

    from tests.converters.sources.dicom_writer import write_dicom

    path = folder / "slide.dcm"
    write_dicom(path, [pixels], series="1.2.3.4", syntax=JPEG2000Lossless)
    content = path.read_bytes()
    begin = content.index(b"\xff\x93", len(content) // 2)
    return Written(path, begin + 200, content.index(b"\xff\xd9", begin))


def czi_tile(pixels: Image, folder: Path) -> Written:
    pytest.importorskip("czifile", reason="czifile is not installed")
    from tests.converters.sources.czi_writer import JPEG, Tile, write_czi

    path = folder / "slide.czi"
    write_czi(path, [Tile(pixels, compression=JPEG)])
    content = path.read_bytes()
    begin = content.index(b"\xff\xda")
    return Written(path, begin + 20, content.index(b"\xff\xd9", begin))


def picture(pixels: Image, folder: Path) -> Written:
    path = folder / "picture.jpg"
    path.write_bytes(saved(pixels, quality=90))
    return Written(path, 1000, path.stat().st_size - 2)


def progressive_picture(pixels: Image, folder: Path) -> Written:
    path = folder / "picture.jpg"
    path.write_bytes(saved(pixels, quality=90, progressive=True))
    size = path.stat().st_size
    return Written(path, size - size // 4, size - 2)


def jpeg2000_picture(pixels: Image, folder: Path) -> Written:
    path = folder / "picture.jp2"
    path.write_bytes(imagecodecs.jpeg2k_encode(pixels))
    return Written(path, 1000, path.stat().st_size - 2)


KINDS = [
    pytest.param(svs_tile, "row 1, column 1 of level 0 does not decode", id="RGB tile"),
    pytest.param(subsampled_tile, "row 1, column 1 of level 0 does not decode", id="4:2:0 tile"),
    pytest.param(strip, "row 3, column 0 of level 0 does not decode", id="strip"),
    pytest.param(ndpi_piece, "row 3, column 0 of level 0 does not decode", id="piece of NDPI"),
    pytest.param(jpeg2000_tile, "row 1, column 1 of level 0 does not decode", id="JPEG 2000 tile"),
    pytest.param(dicom_frame, r"slide\.dcm: the tile at row \d, column \d of level", id="DICOM"),
    pytest.param(
        dicom_jpeg2000_frame,
        r"slide\.dcm: the tile at row \d, column \d of level",
        id="DICOM, JPEG 2000",
    ),
    pytest.param(
        czi_tile, r"slide\.czi: the tile of 512 x 512 pixels at row 0, column 0 of", id="CZI"
    ),
    pytest.param(picture, r"picture\.jpg does not decode", id="picture"),
    pytest.param(progressive_picture, r"picture\.jpg does not decode", id="progressive picture"),
    pytest.param(jpeg2000_picture, r"picture\.jp2 does not decode", id="JPEG 2000 picture"),
]


@pytest.mark.parametrize(("write", "says"), KINDS)
def test_a_hole_of_zeros_is_a_damaged_tile_wherever_it_is(
    write: Callable[[Image, Path], Written],
    says: str,
    pixels: Image,
    tmp_path: Path,
    opened: Open,
) -> None:
    path, begin, end = write(pixels, tmp_path)
    whole(opened(path))
    content = path.read_bytes()

    for place in np.linspace(begin, end - HOLE, 8).astype(int):
        path.write_bytes(content[:place] + bytes(HOLE) + content[place + HOLE :])
        with pytest.raises(SourceError, match=says):
            whole(opened(path))


def test_a_mosaic_of_a_damaged_tile_is_the_same_error(
    pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path, begin, _ = svs_tile(pixels, tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:begin] + bytes(HOLE) + content[begin + HOLE :])
    source = opened(path)

    assert source.read_mosaic(Region(0, 0, SIDE, SIDE)).grid == (1, 1)
    with pytest.raises(SourceError, match="row 1, column 1 of level 0 does not decode"):
        source.read_mosaic(Region(SIDE, SIDE, SIDE, SIDE))


def surplus_bytes(stream: bytes) -> bytes:
    return stream[:-2] + bytes(12) + stream[-2:]


def no_end(stream: bytes) -> bytes:
    return stream[:-2]


def padding(stream: bytes) -> bytes:
    return stream + b"\0\0padding"


def fill_bytes(stream: bytes) -> bytes:
    return stream[:-2] + b"\xff\xff\xff" + stream[-2:]


def stray_bytes_in_the_header(stream: bytes) -> bytes:
    place = stream.index(b"\xff\xdb")
    return stream[:place] + b"stray" + stream[place:]


def surplus_in_a_restart_interval(stream: bytes) -> bytes:
    place = stream.index(b"\xff\xd3")
    return stream[:place] + b"\0\0\0" + stream[place:]


ODDITIES = [
    surplus_bytes,
    no_end,
    padding,
    fill_bytes,
    stray_bytes_in_the_header,
    surplus_in_a_restart_interval,
]


@pytest.mark.parametrize("make_odd", ODDITIES, ids=lambda make_odd: make_odd.__name__)
def test_a_tile_that_is_merely_odd_is_read_and_kept(
    make_odd: Callable[[bytes], bytes], pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.tif"
    stream = saved(pixels[:SIDE, :SIDE], quality=90, restart_marker_rows=1)
    page: dict[str, Any] = {"tile": (SIDE, SIDE), "compression": "jpeg", "photometric": "ycbcr"}
    odd = iter([make_odd(stream)])
    tifffile.imwrite(path, odd, shape=(SIDE, SIDE, 3), dtype=np.uint8, **page)
    source, region = opened(path), Region(0, 0, SIDE, SIDE)

    found, kept = source.read_region(region), source.read_mosaic(region).pixels()

    np.testing.assert_array_equal(found, libjpeg(stream))
    np.testing.assert_array_equal(kept, found)


def whole(source: SlideSource) -> Image:
    pixels: Image = source.read_region(Region(0, 0, *source.info.shape))
    return pixels
