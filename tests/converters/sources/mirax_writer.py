"""A writer of small MIRAX slides, for tests: what OpenSlide needs of one."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TILE = 128
SLIDE_ID = "00112233445566778899AABBCCDDEEFF"
_VERSION = "01.02"
_GENERAL = """[GENERAL]
SLIDE_VERSION={version}
SLIDE_ID={slide_id}
IMAGENUMBER_X={columns}
IMAGENUMBER_Y={rows}
OBJECTIVE_MAGNIFICATION=20
[HIERARCHICAL]
HIER_COUNT=1
NONHIER_COUNT=0
INDEXFILE=Index.dat
HIER_0_NAME=Slide zoom level
HIER_0_COUNT=2
HIER_0_VAL_0=ZoomLevel_0
HIER_0_VAL_0_SECTION=LAYER_0_LEVEL_0_SECTION
HIER_0_VAL_1=ZoomLevel_1
HIER_0_VAL_1_SECTION=LAYER_0_LEVEL_1_SECTION
[DATAFILE]
FILE_COUNT=1
FILE_0=Data0000.dat
"""
_LEVEL = """[LAYER_0_LEVEL_{level}_SECTION]
OVERLAP_X=0
OVERLAP_Y=0
MICROMETER_PER_PIXEL_X={mpp}
MICROMETER_PER_PIXEL_Y={mpp}
IMAGE_FORMAT=PNG
IMAGE_COMPRESSION_FACTOR=80
IMAGE_FILL_COLOR_BGR={fill}
IMAGE_CONCAT_FACTOR={concat}
DIGITIZER_WIDTH={tile}
DIGITIZER_HEIGHT={tile}
"""


def write_mirax(
    path: Path, pixels: NDArray[np.uint8], *, missing: tuple[int, int], fill: int
) -> None:
    """Write a slide of two levels, of whole tiles, without the one at (row, column) `missing`.

    `fill` is the colour of what was not scanned: blue, green and red, red in the lowest byte.
    """
    folder = path.with_suffix("")
    folder.mkdir()
    rows, columns = pixels.shape[0] // TILE, pixels.shape[1] // TILE
    data = bytearray(f"{_VERSION}{SLIDE_ID}".encode())
    levels = []
    for step in (1, 2):
        entries = []
        for row in range(0, rows, step):
            for column in range(0, columns, step):
                if step == 1 and (row, column) == missing:
                    continue
                y, x = row * TILE, column * TILE
                tile = _png(pixels[y : y + step * TILE : step, x : x + step * TILE : step])
                entries.append((row * columns + column, len(data), len(tile), 0))
                data += tile
        levels.append(entries)
    text = _GENERAL.format(version=_VERSION, slide_id=SLIDE_ID, rows=rows, columns=columns)
    for level in range(2):
        text += _LEVEL.format(level=level, mpp=0.25 * 2**level, fill=fill, concat=level, tile=TILE)
    (folder / "Slidedat.ini").write_text(text)
    (folder / "Index.dat").write_bytes(_index(levels))
    (folder / "Data0000.dat").write_bytes(data)
    Image.fromarray(pixels[::8, ::8]).save(path, "JPEG")


def _png(pixels: NDArray[np.uint8]) -> bytes:
    tile = np.full((TILE, TILE, 3), 255, np.uint8)
    tile[: pixels.shape[0], : pixels.shape[1]] = pixels
    buffer = BytesIO()
    Image.fromarray(tile).save(buffer, "PNG")
    return buffer.getvalue()


def _index(levels: list[list[tuple[int, int, int, int]]]) -> bytes:
    """Return where each level's table of tiles is, and these tables."""
    index = bytearray(f"{_VERSION}{SLIDE_ID}".encode())
    table = len(index) + 8
    index += struct.pack("<ii", table, 0) + bytes(4 * len(levels))
    for level, entries in enumerate(levels):
        struct.pack_into("<i", index, table + 4 * level, len(index))
        # A list of pages, of which there is one.
        index += struct.pack("<ii", 0, len(index) + 8)
        index += struct.pack("<ii", len(entries), 0)
        index += b"".join(struct.pack("<4i", *entry) for entry in entries)
    return bytes(index)
