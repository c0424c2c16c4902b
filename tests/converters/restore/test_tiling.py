"""Tiles of levels: what can be joined or cut without changing a pixel, and what cannot."""

from dataclasses import replace

import numpy as np
import pytest

from numcodecs_neural.converters.restore.cells import Tile, tiles_of
from numcodecs_neural.converters.restore.tiling import (
    LevelShape,
    NotTilesError,
    Tiling,
    one_jpeg_tiling,
    tiff_tiling,
)
from numcodecs_neural.converters.sources.jpeg.mosaics import join_tiles, span_of
from numcodecs_neural.converters.sources.jpeg.parsed import parse_jpeg
from numcodecs_neural.jpeg import Coefficients, Colour, decode_pixels
from numcodecs_neural.jpeg.mosaic import Mosaic
from tests.annotations import Image
from tests.jpeg.streams import encoded, equal, photo

CHUNK = 64
Steps = tuple[tuple[int, ...], ...]


def level_of(pieces: list[bytes], width: int) -> tuple[LevelShape, dict[tuple[int, int], Mosaic]]:
    """Return a level that is made of JPEGs of its full width, one below the other, in chunks."""
    parsed = [parse_jpeg(piece) for piece in pieces]
    rows = parsed[0].frame.height
    height = rows * len(pieces)
    shape = LevelShape(level=(height, width), chunk=(CHUNK, CHUNK))
    chunks = {}
    for y in range(0, height, CHUNK):
        for x in range(0, width, CHUNK):
            down = span_of(y, min(y + CHUNK, height), height, rows)
            across = span_of(x, min(x + CHUNK, width), width, width)
            mosaic = join_tiles([[parsed[n]] for n in down.tiles], (255, 255, 255), down, across)
            chunks[y // CHUNK, x // CHUNK] = mosaic
    return shape, chunks


def pieces(rows: int, columns: int, height: int, sampling: str) -> list[bytes]:
    """Return a picture in JPEGs of full width, as Hamamatsu's restart markers cut it."""
    pixels = photo(rows, columns)
    return [
        encoded(np.ascontiguousarray(pixels[y : y + height]), 80, subsampling=sampling)
        for y in range(0, rows, height)
    ]


def tiles(tiling: Tiling, chunks: dict[tuple[int, int], Mosaic]) -> list[Coefficients]:
    found: list[Coefficients] = []

    def keep(tile: Tile) -> bytes:
        found.append(tile.coefficients)
        return b""

    # One thread, so that they come in order.
    list(tiles_of(tiling, chunks.get, keep, fill=(255, 255, 255), workers=1))
    return found


def pixels_of(
    tiling: Tiling, chunks: dict[tuple[int, int], Mosaic], steps: Steps | None = None
) -> Image:
    """Return the pixels of a level, each tile decoded by itself."""
    rows, columns = tiling.grid
    decoded = [
        decode_pixels(tiling.frame, tiling.colour, steps or tiling.steps, tile)
        for tile in tiles(tiling, chunks)
    ]
    lines = [np.hstack(decoded[row * columns :][:columns]) for row in range(rows)]
    height, width = tiling.shape.level
    return np.vstack(lines)[:height, :width]


def expected(streams: list[bytes]) -> Image:
    parsed = [parse_jpeg(stream) for stream in streams]
    return np.vstack(
        [decode_pixels(one.frame, one.colour, one.steps, one.coefficients) for one in parsed]
    )


@pytest.mark.parametrize(
    ("sampling", "height", "columns", "tile"),
    [
        pytest.param("444", 8, 189, (64, 64), id="free on both axes"),
        pytest.param("422", 8, 176, (64, 176), id="free down, whole across"),
        pytest.param("420", 16, 176, (16, 176), id="own rows, whole across"),
        pytest.param("440", 16, 189, None, id="vertical only, which no TIFF knows"),
    ],
)
def test_pieces_of_full_width_become_tiles(
    sampling: str, height: int, columns: int, tile: tuple[int, int] | None
) -> None:
    streams = pieces(144, columns, height, sampling)
    shape, chunks = level_of(streams, columns)
    if tile is None:
        with pytest.raises(NotTilesError, match="1 x 2, 1 x 1, 1 x 1, which TIFF does not know"):
            tiff_tiling(shape, chunks[0, 0])
        return

    for chunk in chunks.values():  # any tells the same
        tiling = tiff_tiling(shape, chunk)
        assert tiling.tile == tile
    np.testing.assert_array_equal(pixels_of(tiling, chunks), expected(streams))


def test_windows_of_one_jpeg_are_joined_again() -> None:
    (stream,) = streams = pieces(147, 189, 147, "420")
    shape, chunks = level_of(streams, 189)

    for chunk in chunks.values():
        (found,) = tiles(one_jpeg_tiling(shape, chunk), chunks)
        assert equal(found, parse_jpeg(stream).coefficients)


def test_a_chunk_of_another_kind_is_refused() -> None:
    shape, chunks = level_of(pieces(128, 128, 128, "444"), 128)
    chunks[1, 1] = replace(chunks[1, 1], colour=Colour.RGB)

    with pytest.raises(NotTilesError, match=r"not all of one kind: rgb .* beside ycbcr"):
        tiles(tiff_tiling(shape, chunks[0, 0]), chunks)


def test_a_window_without_its_margin_is_refused() -> None:
    shape, chunks = level_of(pieces(128, 128, 128, "420"), 128)
    _, cut = level_of(pieces(64, 64, 64, "420"), 64)
    chunks[1, 1] = cut[0, 0]

    with pytest.raises(NotTilesError, match=r"different sizes: .* chunk at row 1, column 1"):
        tiles(one_jpeg_tiling(shape, chunks[0, 0]), chunks)


def test_a_side_that_is_no_multiple_of_16_is_refused_where_chroma_goes_on() -> None:
    shape, chunks = level_of(pieces(144, 189, 16, "420"), 189)

    with pytest.raises(NotTilesError, match="go on over 189 pixels with subsampled chroma"):
        tiff_tiling(shape, chunks[0, 0])


@pytest.mark.parametrize(
    ("sides", "says"),
    [
        pytest.param((64, 65536), "at most 65535 on a side", id="side"),
        pytest.param((65528, 65528), "201277443 blocks, and 2097152", id="memory"),
    ],
)
def test_a_jpeg_that_is_too_large_is_refused(sides: tuple[int, int], says: str) -> None:
    shape, chunks = level_of(pieces(64, 64, 64, "444"), 64)

    with pytest.raises(NotTilesError, match=says):
        one_jpeg_tiling(replace(shape, level=sides), chunks[0, 0])


def test_what_is_not_stored_is_white_by_the_steps_of_its_tile() -> None:
    streams = pieces(64, 176, 8, "422")
    shape, chunks = level_of(streams, 176)
    tiling = tiff_tiling(shape, chunks[0, 0])
    other = replace(tiling, steps=tuple((1,) * 64 for _ in tiling.steps))
    del chunks[0, 1]

    pixels = pixels_of(other, chunks, steps=tiling.steps)

    np.testing.assert_array_equal(pixels[:, 72:120], 255)
