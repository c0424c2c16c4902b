"""JPEG tiles of slides as mosaics: their pixels are those that the reader gives."""

import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import PIL.Image
import pytest
import tifffile

from numcodecs_neural.converters.geometry.levels import Region
from numcodecs_neural.converters.sources import SlideSource
from numcodecs_neural.errors import UnsupportedJpegError
from numcodecs_neural.jpeg.mosaic import Mosaic
from tests.annotations import FindFile, Image, Open, Rng
from tests.converters.sources.tiff.ndpi_writer import write_ndpi
from tests.converters.sources.tiff.test_makers import PHILIPS, SCN
from tests.jpeg.streams import SAMPLINGS, encoded, saved

SVS = "Aperio Image Library v12\r\n96x128 (64x64) JPEG/RGB Q=70|AppMag = 40|MPP = 0.2500"


@pytest.fixture(scope="module")
def pixels(tissue: Image) -> Image:
    """Return tissue (y, x, 3) of odd sides."""
    return np.ascontiguousarray(np.moveaxis(tissue[:, 30:331, 40:243], 0, -1))


def jpeg_page(**options: Any) -> dict[str, Any]:
    """Return options of tifffile's writer, which writes into them."""
    return {"compression": "jpeg", "compressionargs": {"level": 85}, "metadata": None, **options}


def svs(pixels: Image, folder: Path) -> Path:
    with tifffile.TiffWriter(folder / "slide.svs") as tiff:
        tiff.write(pixels, **aperio_page())
        tiff.write(pixels[:90, :70], description=SVS, photometric="rgb", metadata=None)
        tiff.write(pixels[::4, ::4], **aperio_page())
    return folder / "slide.svs"


def aperio_page() -> dict[str, Any]:
    return jpeg_page(tile=(48, 48), photometric="rgb", description=SVS)


def scn(pixels: Image, folder: Path) -> Path:
    """Write Leica's file, whose first page shows the whole glass."""
    page = {"tile": (32, 32), "photometric": "ycbcr", "subsampling": (2, 2)}
    whole = np.ascontiguousarray(pixels[:128, :96])
    with tifffile.TiffWriter(folder / "slide.scn") as tiff:
        tiff.write(whole[::2, ::2], description=SCN, **jpeg_page(**page))
        tiff.write(whole, **jpeg_page(**page))
        tiff.write(whole[1::2, 1::2], **jpeg_page(**page))
        tiff.write(whole[::8, ::8], photometric="rgb", metadata=None)
    return folder / "slide.scn"


def philips(pixels: Image, folder: Path) -> Path:
    """Write Philips' file, which leaves tiles of glass out."""
    page = {"tile": (32, 32), "photometric": "ycbcr", "subsampling": (2, 2)}
    with tifffile.TiffWriter(folder / "slide.tiff") as tiff:
        tiff.write(pixels, description=PHILIPS, software="Philips DP v1.0", **jpeg_page(**page))
        tiff.write(np.ascontiguousarray(pixels[::2, ::2]), subfiletype=1, **jpeg_page(**page))
    forget_tiles(folder / "slide.tiff", [0, 1, 9])
    return folder / "slide.tiff"


def ycbcr_tiles(pixels: Image, folder: Path) -> Path:
    subsampled = jpeg_page(photometric="ycbcr", subsampling=(2, 2))
    tifffile.imwrite(folder / "slide.tif", pixels, tile=(64, 32), **subsampled)
    return folder / "slide.tif"


def channels(pixels: Image, folder: Path) -> Path:
    planes = np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
    options = jpeg_page(metadata={"axes": "CYX"}, photometric="minisblack")
    tifffile.imwrite(folder / "slide.ome.tif", planes, tile=(32, 32), **options)
    return folder / "slide.ome.tif"


def strips(pixels: Image, folder: Path) -> Path:
    full_chroma = jpeg_page(photometric="ycbcr", subsampling=(1, 1))
    tifffile.imwrite(folder / "slide.tif", pixels, rowsperstrip=16, **full_chroma)
    return folder / "slide.tif"


def one_strip(pixels: Image, folder: Path) -> Path:
    subsampled = jpeg_page(photometric="ycbcr", subsampling=(2, 2))
    tifffile.imwrite(folder / "slide.tif", pixels, rowsperstrip=len(pixels), **subsampled)
    return folder / "slide.tif"


def ndpi(pixels: Image, folder: Path) -> Path:
    # Hamamatsu's sides are whole pieces.
    even = np.ascontiguousarray(pixels[:288, :192])
    jpeg = saved(even, subsampling=0, restart_marker_blocks=12)
    write_ndpi(folder / "slide.ndpi", jpeg, 288, 192)
    return folder / "slide.ndpi"


def wide_ndpi(pixels: Image, folder: Path) -> Path:
    """Write pieces that are wider than a chunk, of subsampled chroma."""
    jpeg = saved(pixels, subsampling=1, restart_marker_rows=1)
    write_ndpi(folder / "slide.ndpi", jpeg, *pixels.shape[:2])
    return folder / "slide.ndpi"


def ndpi_without_restarts(pixels: Image, folder: Path) -> Path:
    write_ndpi(folder / "slide.ndpi", saved(pixels), *pixels.shape[:2], has_starts=False)
    return folder / "slide.ndpi"


def dicom(pixels: Image, folder: Path) -> Path:
    pytest.importorskip("wsidicom", reason="wsidicom is not installed")
    from tests.converters.sources.dicom_writer import write_dicom

    write_dicom(folder / "slide.dcm", [pixels], series="1.2.3.4")
    return folder / "slide.dcm"


def progressive(pixels: Image, folder: Path) -> Path:
    (folder / "picture.jpg").write_bytes(saved(pixels, progressive=True, quality=90))
    return folder / "picture.jpg"


def grey(pixels: Image, folder: Path) -> Path:
    (folder / "picture.jpg").write_bytes(saved(pixels[..., 1], quality=90))
    return folder / "picture.jpg"


# Side of chunks; tiles of the chunk in the second row and column, and the size of each.
WRITTEN = [
    pytest.param(svs, 96, (2, 2), (48, 48), id="SVS"),
    pytest.param(scn, 64, (2, 1), (32, 32), id="SCN"),
    pytest.param(philips, 64, (2, 2), (32, 32), id="Philips"),
    pytest.param(ycbcr_tiles, 64, (1, 2), (64, 32), id="tiles, 4:2:0"),
    pytest.param(channels, 64, (2, 2), (32, 32), id="channels"),
    pytest.param(strips, 64, (4, 1), (16, 64), id="strips"),
    pytest.param(one_strip, 64, (1, 1), (96, 96), id="one strip"),
    pytest.param(ndpi, 96, (12, 1), (8, 96), id="NDPI"),
    pytest.param(wide_ndpi, 64, (8, 1), (8, 96), id="wide pieces of NDPI"),
    pytest.param(ndpi_without_restarts, 64, (1, 1), (96, 96), id="NDPI without restarts"),
    pytest.param(dicom, 128, (1, 1), (128, 128), id="DICOM"),
    pytest.param(progressive, 64, (1, 1), (96, 96), id="progressive"),
    pytest.param(grey, 64, (1, 1), (64, 64), id="grey"),
]


@pytest.mark.parametrize(("write", "chunk_px", "grid", "tile"), WRITTEN)
def test_the_mosaic_of_a_chunk_has_the_pixels_of_the_reader(
    write: Callable[[Image, Path], Path],
    chunk_px: int,
    grid: tuple[int, int],
    tile: tuple[int, int],
    pixels: Image,
    tmp_path: Path,
    opened: Open,
) -> None:
    source = opened(write(pixels, tmp_path))

    for level in range(len(source.info.level_shapes)):
        assert source.jpeg_tiles(level).fits(chunk_px)
        check_chunks(source, level, chunk_px)

    inner = chunk_at(source, chunk_px, 1, 1)
    assert (inner.grid, inner.frame.height, inner.frame.width) == (grid, *tile)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_windows_of_a_jpeg_file_have_its_pixels_in_every_sampling(
    sampling: str, pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(pixels, 80, subsampling=sampling))
    source = opened(path)

    assert source.jpeg_tiles().fits(32)
    check_chunks(source, 0, 32)


def test_margins_hold_what_upsampling_needs_and_no_more(
    pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(pixels, 95, subsampling="422"))

    mosaic = chunk_at(opened(path), 64, 1, 1)

    luma, blue, _ = mosaic.coefficients
    assert mosaic.offset == (0, 16)
    assert luma.shape[:2] == (8, 12)
    assert blue.shape[:2] == (8, 6)
    assert not luma[:, :2].any()
    assert not luma[:, -2:].any()
    assert luma[:, 2:-2].any(axis=-1).all()
    assert blue[:, [0, -1]].any(axis=-1).all()


def test_tiles_that_are_not_stored_are_not_present(
    pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path = svs(pixels, tmp_path)
    forget_tiles(path, [1])

    mosaic = chunk_at(opened(path), 96, 0, 0)

    assert mosaic.present.tolist() == [[True, False], [True, True]]
    assert mosaic.fill == (255, 255, 255)
    check_chunks(opened(path), 0, 96)


def test_a_chunk_without_any_tile_has_no_mosaic(
    pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path = svs(pixels, tmp_path)
    forget_tiles(path, [0])
    source = opened(path)

    with pytest.raises(UnsupportedJpegError, match="none of its JPEG tiles is stored"):
        source.read_mosaic(Region(0, 0, 48, 48))
    assert source.jpeg_tiles().reason is None


def test_tiles_of_different_tables_have_no_mosaic(
    pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.tif"
    streams = [encoded(pixels[:64, x : x + 64], quality) for x, quality in ((0, 80), (64, 70))]
    page: dict[str, Any] = {"tile": (64, 64), "compression": "jpeg", "photometric": "ycbcr"}
    tifffile.imwrite(path, iter(streams), shape=(64, 128, 3), dtype=np.uint8, **page)
    source = opened(path)

    with pytest.raises(UnsupportedJpegError, match="its JPEG tiles have different tables"):
        source.read_mosaic(Region(0, 0, 64, 128))
    check_chunks(source, 0, 64)


def test_a_region_that_cuts_tiles_has_no_mosaic(
    pixels: Image, tmp_path: Path, opened: Open
) -> None:
    source = opened(svs(pixels, tmp_path))

    assert not source.jpeg_tiles().fits(64)
    with pytest.raises(UnsupportedJpegError, match="not made of whole JPEG tiles of 48 pixels"):
        source.read_mosaic(Region(0, 0, 64, 64))


def test_a_window_begins_with_a_unit(pixels: Image, tmp_path: Path, opened: Open) -> None:
    source = opened(progressive(pixels, tmp_path))

    assert not source.jpeg_tiles().fits(40)
    with pytest.raises(UnsupportedJpegError, match="pixel 40 of a JPEG tile is not where one of"):
        source.read_mosaic(Region(40, 0, 40, 40))


def test_a_last_strip_may_be_shorter_where_its_last_rows_look_at_no_others(
    pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.tif"
    subsampled = jpeg_page(photometric="ycbcr", subsampling=(2, 2))
    tifffile.imwrite(path, pixels[:90], rowsperstrip=16, **subsampled)
    source = opened(path)

    assert source.read_mosaic(Region(0, 0, 64, 64)).grid == (4, 1)
    with pytest.raises(UnsupportedJpegError, match="last strip of the level is shorter"):
        source.read_mosaic(Region(64, 0, 26, 64))


def forget_tiles(path: Path, indices: list[int]) -> None:
    """Write into the file that tiles of its first page have no bytes."""
    with tifffile.TiffFile(path, mode="r+") as tiff:
        page: Any = tiff.pages[0]
        tag = page.tags["TileByteCounts"]
        tag.overwrite([0 if n in indices else count for n, count in enumerate(tag.value)])


REASONS = [
    pytest.param({"compression": "zstd"}, "pixels are not JPEG", id="not JPEG"),
    pytest.param({}, "pixels are not JPEG", id="raw"),
    pytest.param(
        {"compression": "jpeg", "planarconfig": "separate"},
        "its colours are in planes of their own",
        id="planes of colours",
    ),
]


@pytest.mark.parametrize(("options", "reason"), REASONS)
def test_a_level_that_cannot_be_kept_says_why(
    options: dict[str, Any], reason: str, pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "slide.tif"
    stored = np.moveaxis(pixels, -1, 0) if "planarconfig" in options else pixels
    tifffile.imwrite(path, stored, tile=(64, 64), photometric="rgb", **options)
    source = opened(path)

    tiles = source.jpeg_tiles()

    assert tiles.reason is not None
    assert reason in tiles.reason
    assert not tiles.fits(64)
    with pytest.raises(UnsupportedJpegError, match=reason):
        source.read_mosaic(Region(0, 0, 64, 64))


def cmyk(pixels: Image) -> bytes:
    four = np.concatenate([pixels, pixels[..., :1]], axis=-1)
    return bytes(imagecodecs.jpeg8_encode(four, 90, colorspace="CMYK", outcolorspace="CMYK"))


def turned(pixels: Image) -> bytes:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    return saved(pixels, exif=exif)


@pytest.mark.parametrize(
    ("encode", "reason"),
    [
        pytest.param(cmyk, "its JPEG stream has 4 components, not 1 or 3", id="CMYK"),
        pytest.param(turned, "it is turned upright as its Exif says", id="turned"),
    ],
)
def test_a_picture_that_cannot_be_kept_says_why(
    encode: Callable[[Image], bytes], reason: str, pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(encode(pixels))

    assert opened(path).jpeg_tiles().reason == reason


def test_jpeg_tiles_of_12_bits_say_so(tmp_path: Path, rng: Rng, opened: Open) -> None:
    path = tmp_path / "slide.tif"
    deep = rng.integers(0, 4096, (64, 64), dtype=np.uint16)
    stream = bytes(imagecodecs.jpeg8_encode(deep, 90, bitspersample=12))
    page: dict[str, Any] = {"tile": (64, 64), "compression": "jpeg", "photometric": "minisblack"}
    tifffile.imwrite(
        path, iter([stream]), shape=(64, 64), dtype=np.uint16, bitspersample=12, **page
    )

    source = opened(path)

    assert source.jpeg_tiles().reason == "its JPEG stream has 12 bits a sample, not 8"
    assert source.read_region(Region(0, 0, 64, 64)).shape == (64, 64, 1)


@pytest.mark.parametrize("write", [svs, progressive], ids=lambda write: write.__name__)
def test_without_numba_slides_are_read_and_not_kept(
    write: Callable[[Image, Path], Path],
    pixels: Image,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    opened: Open,
) -> None:
    path, region = write(pixels, tmp_path), Region(0, 0, 96, 96)
    expected = opened(path).read_region(region)
    # As an import of numba that fails.
    for name in ("reading", "reading.segments"):
        monkeypatch.setitem(sys.modules, f"numcodecs_neural.jpeg.{name}", None)

    source = opened(path)

    reason = source.jpeg_tiles().reason
    assert reason is not None
    assert reason.startswith("its JPEG stream cannot be read without numba")
    np.testing.assert_array_equal(source.read_region(region), expected)


def test_a_first_tile_that_is_damaged_is_a_reason(
    pixels: Image, tmp_path: Path, opened: Open
) -> None:
    path = svs(pixels, tmp_path)
    with tifffile.TiffFile(path) as tiff:
        begin = tiff.pages[0].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[begin + 2 : begin + 12] = bytes(10)
    path.write_bytes(content)

    reason = opened(path).jpeg_tiles().reason

    assert reason is not None
    assert reason.startswith("its first tile is damaged: JPEG ")


def test_a_mirax_slide_has_no_tiles(tissue: Image, tmp_path: Path, opened: Open) -> None:
    pytest.importorskip("openslide", reason="OpenSlide is not installed")
    from tests.converters.sources.mirax_writer import TILE, write_mirax

    write_mirax(
        tmp_path / "slide.mrxs",
        np.moveaxis(tissue[:, : 2 * TILE, :TILE], 0, -1),
        missing=(1, 0),
        fill=0xE6F0FA,
    )

    reason = opened(tmp_path / "slide.mrxs").jpeg_tiles().reason

    assert reason == "OpenSlide composes its pixels, and gives no tiles"


REAL = {
    "aperio-svs/CMU-1-Small-Region.svs": 480,
    "hamamatsu-ndpi/test3-DAPI-2-387.ndpi": 512,
    "hamamatsu-ndpi/test3-TRITC-2-560.ndpi": 512,
    "ome-tiff/OS-1-detail.ome.tif": 512,
    "ome-tiff/OS-2-ndpi.ome.tif": 512,
    "ome-tiff/OS-2-vsi.ome.tif": 512,
    "tiled-tiff/CMU-1-Small-Region.jpeg.tiff": 512,
    "derived-pyramids/her2st_B4_pyramidal.ome.tif": 512,
    "dicom-wsi/CMU-1-Small-Region": 480,
    "dicom-wsi/CMU-1-Small-Region-J2K": 480,
}


@pytest.mark.parametrize(("name", "chunk_px"), REAL.items())
def test_mosaics_of_real_slides_have_their_pixels(
    name: str, chunk_px: int, shared_file: FindFile, opened: Open
) -> None:
    if name.startswith("dicom"):
        pytest.importorskip("wsidicom", reason="wsidicom is not installed")
    source = opened(shared_file(f"wsi/{name}"))

    for level in range(len(source.info.level_shapes)):
        assert source.jpeg_tiles(level).fits(chunk_px)
        check_chunks(source, level, chunk_px, every=7)


def test_windows_of_a_camera_s_file_have_its_pixels(shared_file: FindFile, opened: Open) -> None:
    source = opened(shared_file("dev-eval-he/brecahad_ccby4/brecahad_10011.jpg"))

    check_chunks(source, 0, 256, every=2)


def check_chunks(source: SlideSource, level: int, chunk_px: int, every: int = 1) -> None:
    """Compare chunks of a level, of every frame, the last one among them."""
    chunks = list(chunks_of(source.info.level_shapes[level], chunk_px))
    for frame in source.info.axes.all_frames():
        for region in reversed(chunks[::-every]):
            mosaic = source.read_mosaic(region, level, frame)
            y, x = mosaic.offset
            found = mosaic.pixels()[y:, x:][: region.height, : region.width]
            expected = source.read_region(region, level, frame)
            np.testing.assert_array_equal(found, expected, f"{region} of level {level}")


def chunks_of(shape: tuple[int, int], side: int) -> Iterator[Region]:
    height, width = shape
    for y, x in product(range(0, height, side), range(0, width, side)):
        yield Region(y, x, min(side, height - y), min(side, width - x))


def chunk_at(source: SlideSource, chunk_px: int, row: int, column: int) -> Mosaic:
    """Return the mosaic of a chunk of level 0, of the first frame."""
    y, x = row * chunk_px, column * chunk_px
    height, width = source.info.shape
    region = Region(y, x, min(chunk_px, height - y), min(chunk_px, width - x))
    mosaic: Mosaic = source.read_mosaic(region, 0, next(iter(source.info.axes.all_frames())))
    return mosaic
