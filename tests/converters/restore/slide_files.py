"""Slides and pictures whose pixels are JPEG, written for the tests, and stores of them."""

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from numcodecs_neural.converters.options import ConvertOptions
from numcodecs_neural.converters.pipeline.convert import convert
from numcodecs_neural.converters.sources import open_source
from numcodecs_neural.jpeg import Coefficients
from numcodecs_neural.jpeg.reading import read_jpeg
from tests.annotations import Image
from tests.jpeg.streams import encoded, photo

MPP = 0.25
APERIO = (
    "Aperio Image Library v12.0.15 \r\n500x390 [0,0 500x390] (96x80) JPEG/RGB Q=70"
    "|AppMag = 40|MPP = 0.2500|User = J. Doe|Filename = 1234"
)


def archive(slide: Path, store: Path, **options: Any) -> Path:
    """Convert a slide into an archive; return the store."""
    return stored(slide, store, archive=True, **options)


def stored(slide: Path, store: Path, **options: Any) -> Path:
    """Convert a slide; return the store."""
    with closing(open_source(slide)) as source:
        convert(source, store, ConvertOptions(workers=2, **options))
    return store


def write_slide(
    path: Path,
    pixels: Image,
    *,
    tile: tuple[int, int] = (80, 96),
    sampling: tuple[int, int] = (2, 2),
    colour: str = "ycbcr",
    **first: Any,
) -> Path:
    """Write a TIFF of two levels in JPEG tiles, with a small picture behind the first.

    Parameters
    ----------
    sampling : tuple of int
        Of chroma, across and down.
    colour : {"ycbcr", "rgb"}
        What is in the JPEG.
    first
        Passed to tifffile for level 0.
    """
    options: dict[str, Any] = {
        "tile": tile,
        "compression": "jpeg",
        "compressionargs": {"level": 70, "outcolorspace": colour},
        "photometric": "rgb" if pixels.ndim == 3 else "minisblack",
        "metadata": None,
    }
    if pixels.ndim == 3:
        options["subsampling"] = sampling
    else:
        options["compressionargs"] = {"level": 70}
    is_aperio = "description" in first
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(pixels, **options, **first)
        if is_aperio:
            tiff.write(pixels[::4, ::4], photometric="rgb", description=APERIO, metadata=None)
        tiff.write(pixels[::2, ::2], subfiletype=0 if is_aperio else 1, **options)
    return path


def write_mixed(path: Path, pixels: Image, qualities: tuple[int, ...]) -> Path:
    """Write a TIFF of one level, each column of its square grey tiles at another quality."""
    side = pixels.shape[1] // len(qualities)
    tiles = (
        encoded(np.ascontiguousarray(pixels[y : y + side, n * side : (n + 1) * side]), quality)
        for y in range(0, len(pixels), side)
        for n, quality in enumerate(qualities)
    )
    tifffile.imwrite(
        path,
        tiles,
        shape=pixels.shape,
        dtype=np.uint8,
        tile=(side, side),
        compression="jpeg",
        photometric="minisblack",
        metadata=None,
    )
    return path


def scene(rows: int = 390, columns: int = 500) -> Image:
    """Return stained tissue of odd proportions, (y, x, 3)."""
    pixels = np.tile(photo(256, 256), (2, 2, 1))
    return np.ascontiguousarray(pixels[:rows, :columns])


def tile_coefficients(path: Path) -> list[Coefficients]:
    """Return the coefficients of each tile of a TIFF, page by page."""
    found = []
    with tifffile.TiffFile(path) as tiff:
        pages: Any = tiff.pages
        for page in (page for page in pages if page.is_tiled):
            for offset, size in zip(page.dataoffsets, page.databytecounts, strict=True):
                tiff.filehandle.seek(offset)
                data = tiff.filehandle.read(size)
                found.append(read_jpeg(data, tables=page.jpegtables or b"")[1])
    return found
