"""JPEG streams of scanners and cameras: equal pixels, and equal bytes when written again."""

from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from numcodecs_neural.jpeg import Colour, decode_pixels
from numcodecs_neural.jpeg.pixels import kernels, reference
from numcodecs_neural.jpeg.reading import read_jpeg
from numcodecs_neural.jpeg.writing import rewrite_jpeg

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def real(path: str) -> list[Path]:
    """Return the files of a pattern, or skip."""
    found = sorted(DATA.glob(path))
    if not found:
        pytest.skip(f"real files are not there (../shared/data/{path})")
    return found


def check(stream: bytes, *, tables: bytes = b"", colour: Colour | None = None) -> None:
    """Compare pixels with libjpeg-turbo's and, written again, bytes with the source's."""
    description, coefficients = read_jpeg(stream, tables=tables)
    colour = colour or description.colour
    space = "RGB" if colour is Colour.RGB else None
    expected = imagecodecs.jpeg8_decode(
        stream, tables=tables or None, colorspace=space, outcolorspace=space
    )
    pixels = decode_pixels(description.frame, colour, description.steps, coefficients)

    np.testing.assert_array_equal(pixels, expected)
    assert rewrite_jpeg(description, coefficients) == stream


@pytest.mark.parametrize(
    "pattern",
    [
        "train-he/oscc-rahman_ccby4/*.jpg",
        "dev-eval-he/brecahad_ccby4/*.jpg",
        "microscopy/cellprofiler_bsd3/*.JPG",
    ],
)
def test_camera_files(pattern: str) -> None:
    for path in real(pattern)[:4]:
        check(path.read_bytes())


def tiles(path: Path, step: int) -> Iterator[tuple[bytes, tifffile.TiffPage]]:
    """Yield pieces of JPEG data of a file, one in `step` of each page, and their pages."""
    with tifffile.TiffFile(path) as file:
        for page in file.pages:
            if not isinstance(page, tifffile.TiffPage):
                continue
            if page.compression != tifffile.COMPRESSION.JPEG:
                continue
            places = zip(page.dataoffsets, page.databytecounts, strict=True)
            for offset, nbytes in list(places)[::step]:
                file.filehandle.seek(offset)
                yield file.filehandle.read(nbytes), page


@pytest.mark.parametrize(
    "pattern",
    [
        "wsi/aperio-svs/*.svs",
        "wsi/tiled-tiff/*.jpeg.tiff",
        "wsi/ome-tiff/*.tif",
        "wsi/derived-pyramids/*.tif",
    ],
)
def test_tiles_that_share_their_tables(pattern: str) -> None:
    for path in real(pattern):
        for tile, page in tiles(path, 23):
            rgb = Colour.RGB if page.photometric == tifffile.PHOTOMETRIC.RGB else None
            check(tile, tables=page.jpegtables or b"", colour=rgb)


def test_pieces_between_restart_markers() -> None:
    for path in real("wsi/hamamatsu-ndpi/*.ndpi"):
        heads = [(page.jpegheader, piece) for piece, page in tiles(path, 101) if page.jpegheader]
        assert heads
        for head, piece in heads:
            check(head + piece[:-2] + b"\xff\xd9")


def test_numpy_decodes_a_real_tile_alike() -> None:
    tile, page = next(tiles(real("wsi/aperio-svs/CMU-1*.svs")[0], 1))
    description, coefficients = read_jpeg(tile, tables=page.jpegtables or b"")
    image = description.frame, Colour.RGB, description.steps, coefficients

    np.testing.assert_array_equal(
        decode_pixels(*image, arithmetic=reference), decode_pixels(*image, arithmetic=kernels)
    )
