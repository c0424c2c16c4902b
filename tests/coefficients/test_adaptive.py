"""Coefficients come back from the adaptive coder; damaged bytes are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tifffile

from numcodecs_neural import config
from numcodecs_neural.coefficients.adaptive_constants import (
    BASIS,
    MANTISSA,
    PROBABILITIES,
    SQUASH,
    constants,
    initial_probabilities,
)
from numcodecs_neural.coefficients.adaptive_twins import twins_of
from numcodecs_neural.coefficients.dec_adaptive import decode_adaptive
from numcodecs_neural.coefficients.enc_adaptive import encode_adaptive
from numcodecs_neural.coefficients.enc_huffman import encode_huffman
from numcodecs_neural.coefficients.layout import Layout, Plane
from numcodecs_neural.errors import BitstreamError, ConfigError, TruncatedChunkError
from numcodecs_neural.jpeg import Coefficients, Colour
from numcodecs_neural.jpeg.mosaic import Mosaic
from tests.jpeg.mosaics import mosaics
from tests.jpeg.streams import encoded, equal, photo, saved

BACKENDS = ["numpy", "auto"]


def small() -> Mosaic:
    return Mosaic.from_tiles([[saved(photo(20, 30), quality=50), None]])


def layout_of(shapes: list[tuple[int, int]], step: int = 8) -> Layout:
    """Return the layout of components of so many blocks, all of them coded."""
    planes = tuple(Plane(steps=(step,) * 64, coded=np.ones(shape, np.bool_)) for shape in shapes)
    return Layout(colour=Colour.GREY if len(shapes) == 1 else Colour.YCBCR, planes=planes)


def zeros_of(layout: Layout) -> Coefficients:
    return tuple(np.zeros(plane.shape, np.int16) for plane in layout.planes)


def assert_comes_back(coefficients: Coefficients, layout: Layout) -> bytes:
    """Return the data, which the two backends write and read alike."""
    data = encode_adaptive(coefficients, layout)
    assert equal(decode_adaptive(data, layout), coefficients)
    with config.set(backend="numpy"):
        assert encode_adaptive(coefficients, layout) == data
        assert equal(decode_adaptive(data, layout), coefficients)
    return data


@hypothesis.given(mosaics())
def test_any_coefficients_come_back(mosaic: Mosaic) -> None:
    layout = Layout.of(mosaic)

    data = encode_adaptive(mosaic.coefficients, layout)

    assert equal(decode_adaptive(data, layout), mosaic.coefficients)


@hypothesis.settings(max_examples=5)
@hypothesis.given(mosaics(steps=65535))
def test_both_backends_write_the_same_bytes(mosaic: Mosaic) -> None:
    assert_comes_back(mosaic.coefficients, Layout.of(mosaic))


@pytest.mark.parametrize("value", [-1023, 1023])
@pytest.mark.parametrize("step", [1, 65535])
def test_extreme_coefficients_come_back(value: int, step: int) -> None:
    layout = layout_of([(3, 4)] * 3, step)
    # Checkerboards of signs, so that no border explains the next one.
    signs = np.indices((3, 4)).sum(0)[:, :, None] % 2 * 2 - 1
    coefficients = tuple((blocks + value * signs).astype(np.int16) for blocks in zeros_of(layout))
    for blocks in coefficients:
        blocks[:, :, 0][blocks[:, :, 0] == -1023] = -1024

    assert_comes_back(coefficients, layout)


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 1)],
        [(1, 1), (1, 1), (1, 1)],
        [(4, 12), (1, 3), (4, 3)],
        [(3, 3), (2, 1), (3, 3)],
        [(1, 1), (2, 2), (4, 4), (4, 4)],
        [(67, 2), (67, 1)],
        [(0, 3)],
    ],
    ids=str,
)
def test_components_of_any_size_come_back(
    shapes: list[tuple[int, int]], rng: np.random.Generator
) -> None:
    layout = layout_of(shapes)
    coefficients = tuple(
        np.rint(rng.laplace(0, 3, plane.shape)).astype(np.int16) for plane in layout.planes
    )

    assert_comes_back(coefficients, layout)


@pytest.mark.parametrize("largest", [1, 300, 32767])
@pytest.mark.parametrize("ratio", [(1, 1), (2, 2), (1, 2), (2, 1), (4, 4)])
def test_both_backends_reduce_blocks_alike(
    ratio: tuple[int, int], largest: int, rng: np.random.Generator
) -> None:
    rows, columns = 5, 6
    blocks = rng.integers(-largest, largest + 1, (rows * ratio[0], columns * ratio[1], 64))
    blocks[rng.random(blocks.shape) < 0.6] = 0
    own, steps = (tuple(rng.integers(1, 256, 64).tolist()) for _ in range(2))

    def twins(backend: Literal["numba", "numpy"]) -> list[Any]:
        with config.set(backend=backend):
            return twins_of(blocks.astype(np.int16), own, steps, slice(1, 4), (rows, columns))

    for fast, slow in zip(twins("numba"), twins("numpy"), strict=True):
        assert fast.dtype == slow.dtype
        np.testing.assert_array_equal(fast, slow)


def test_blocks_that_are_not_coded_are_0(rng: np.random.Generator) -> None:
    coded = rng.random((9, 9)) < 0.6
    layout = Layout(colour=Colour.GREY, planes=(Plane(steps=(3,) * 64, coded=coded),))
    blocks = (rng.integers(-9, 9, (9, 9, 64)) * coded[:, :, None]).astype(np.int16)

    assert_comes_back((blocks,), layout)


def test_zeros_take_hardly_any_bytes() -> None:
    layout = layout_of([(64, 64), (32, 32), (32, 32)])

    data = encode_adaptive(zeros_of(layout), layout)

    assert len(data) < 64


def test_a_stream_is_these_bytes() -> None:
    layout = layout_of([(2, 2), (1, 1)])
    luma, chroma = zeros_of(layout)
    luma[0, 0, [0, 1, 8]], luma[1, 1, [0, 9]], chroma[0, 0, 0] = (-9, 2, -1), (40, 1), 5

    data = assert_comes_back((luma, chroma), layout)

    assert data.hex() == "cda2b4d3870950f2ded1b28fc3f2"


@pytest.mark.parametrize("sampling", ["444", "422", "420"])
@pytest.mark.parametrize("quality", [30, 75, 95, 100])
def test_they_take_fewer_bytes_than_huffman_codes(quality: int, sampling: str) -> None:
    stream = encoded(photo(200, 200), quality, subsampling=sampling)
    mosaic = Mosaic.from_tiles([[stream]])

    data = encode_adaptive(mosaic.coefficients, Layout.of(mosaic))

    assert len(data) < 0.88 * len(encode_huffman(mosaic.coefficients, Layout.of(mosaic)))


def test_small_images_take_fewer_bytes_than_huffman_codes() -> None:
    mosaic = Mosaic.from_tiles([[encoded(photo(64, 64), 80, subsampling="420")]])

    data = encode_adaptive(mosaic.coefficients, Layout.of(mosaic))

    assert len(data) < 0.85 * len(encode_huffman(mosaic.coefficients, Layout.of(mosaic)))


def test_gaps_of_files_that_were_quantised_twice_are_learned() -> None:
    mosaic = Mosaic.from_tiles([[encoded(photo(400, 400), 50, subsampling="420")]])
    layout = Layout.of(mosaic)
    twice = tuple((5 * blocks.clip(-200, 200)).astype(np.int16) for blocks in mosaic.coefficients)

    once = encode_adaptive(mosaic.coefficients, layout)

    assert len(encode_adaptive(twice, layout)) < 1.35 * len(once)


@pytest.mark.parametrize("backend", BACKENDS)
def test_truncated_bytes_are_refused(backend: str) -> None:
    mosaic = small()
    layout = Layout.of(mosaic)
    data = encode_adaptive(mosaic.coefficients, layout)

    with config.set(backend=backend):
        for end in range(0, len(data), 1 if backend == "auto" else 17):
            with pytest.raises(BitstreamError):
                decode_adaptive(data[:end], layout)


@pytest.mark.parametrize("backend", BACKENDS)
def test_trailing_bytes_are_refused(backend: str) -> None:
    mosaic = small()
    data = encode_adaptive(mosaic.coefficients, Layout.of(mosaic))

    with config.set(backend=backend), pytest.raises(BitstreamError, match="1 words to spare"):
        decode_adaptive(data + b"\0\0", Layout.of(mosaic))


@hypothesis.settings(max_examples=20)
@hypothesis.given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=3))
def test_damaged_bytes_give_equal_results_on_all_backends(
    changes: list[tuple[float, int]],
) -> None:
    mosaic = small()
    layout = Layout.of(mosaic)
    data = bytearray(encode_adaptive(mosaic.coefficients, layout))
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value

    results: list[Coefficients | str] = []
    for backend in BACKENDS:
        with config.set(backend=backend):
            try:
                results.append(decode_adaptive(bytes(data), layout))
            except BitstreamError as exc:
                results.append(str(exc))

    one, other = results
    assert one == other if isinstance(one, str) or isinstance(other, str) else equal(one, other)


@hypothesis.given(st.binary(min_size=4, max_size=400).filter(lambda data: len(data) % 2 == 0))
def test_noise_gives_allowed_coefficients_or_a_bitstream_error(data: bytes) -> None:
    layout = layout_of([(4, 4), (2, 2), (2, 2)], step=65535)

    try:
        coefficients = decode_adaptive(data, layout)
    except BitstreamError:
        return

    for blocks in coefficients:
        assert blocks[:, :, 0].min() >= -1024
        assert blocks[:, :, 1:].min() >= -1023
        assert blocks.max() <= 1023


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", TruncatedChunkError, "0 bytes; expected at least 4"),
        (b"\0\0", TruncatedChunkError, "2 bytes; expected at least 4"),
        (bytes(5), BitstreamError, "5 bytes; expected an even number"),
        (b"\xff" * 400, BitstreamError, "begin with a code that no encoder writes"),
    ],
    ids=["empty", "one word", "odd", "ones"],
)
def test_hostile_bytes_are_refused(data: bytes, error: type[BitstreamError], says: str) -> None:
    with pytest.raises(error, match=says):
        decode_adaptive(data, layout_of([(4, 4)]))


def test_layouts_of_more_blocks_than_the_bytes_can_hold_take_no_memory() -> None:
    layout = layout_of([(2000, 2000)])

    with pytest.raises(TruncatedChunkError, match="4000000 blocks"):
        decode_adaptive(bytes(1000), layout)


@pytest.mark.parametrize(("place", "value"), [(5, 1024), (5, -1024), (0, 1024), (0, -1025)])
def test_coefficients_beyond_8_bit_jpeg_are_refused(place: int, value: int) -> None:
    layout = layout_of([(2, 2)])
    (blocks,) = zeros_of(layout)
    blocks[1, 1, place] = value

    with pytest.raises(ConfigError, match=r"those of 8-bit JPEG lie in \[-1023, 1023\]"):
        encode_adaptive((blocks,), layout)


def test_coefficients_of_another_layout_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"shapes \[\(2, 2, 64\)\]; the layout has"):
        encode_adaptive(zeros_of(layout_of([(2, 2)])), layout_of([(2, 3)]))


def test_coefficients_of_blocks_that_are_not_coded_are_refused() -> None:
    plane = Plane(steps=(1,) * 64, coded=np.array([[True, False]]))
    blocks = np.ones(plane.shape, np.int16)

    with pytest.raises(ConfigError, match="a block that is not coded"):
        encode_adaptive((blocks,), Layout(colour=Colour.GREY, planes=(plane,)))


def test_constants_are_far_from_where_rounding_would_depend_on_the_machine() -> None:
    odds = 256 * np.log(np.arange(1, 4096) / np.arange(4095, 0, -1))
    shares = 65536 / (1 + np.exp(-np.arange(-2048, 2048) / 256))

    for values in (odds, shares):
        assert np.abs(values % 1 - 0.5).min() > 1e-8
    assert constants()[SQUASH] == 24
    assert constants()[BASIS : BASIS + 8].tolist() == [181, 270, 306, 344, 362, 339, 265, 146]


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_every_component_begins_with_probabilities_between_0_and_1(kind: int) -> None:
    entries = initial_probabilities(kind)

    assert len(entries) == PROBABILITIES
    assert (entries >> 10).min() > 0
    assert set((entries & 1023).tolist()) == {0, 6}
    # Those of the second context of mantissas are left to the chunk.
    assert set(entries[MANTISSA[1] : MANTISSA[2]].tolist()) == {1 << 31}


@pytest.mark.slow
def test_tiles_of_a_slide_take_fewer_bytes_than_in_the_slide(
    shared_slide: Callable[[str], Path],
) -> None:
    path = shared_slide("aperio-svs/CMU-1-Small-Region.svs")
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        tables = page.jpegtables or b""
        streams = [
            tiff.filehandle.read_array("u1", count, offset=offset).tobytes()
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True)
        ]
        columns = page.imagewidth // page.tilewidth + 1
    rows = [streams[n : n + columns] for n in range(0, len(streams), columns)]
    stored = coded = 0
    for row in range(0, len(rows) - 1, 2):
        for column in range(0, columns - 1, 2):
            tiles = [line[column : column + 2] for line in rows[row : row + 2]]
            mosaic = Mosaic.from_tiles(tiles, tables=tables, colour=Colour.RGB)
            layout = Layout.of(mosaic)
            data = encode_adaptive(mosaic.coefficients, layout)
            assert equal(decode_adaptive(data, layout), mosaic.coefficients)
            coded += len(data)
            stored += sum(len(stream) for line in tiles for stream in line)

    assert coded < 0.6 * stored
