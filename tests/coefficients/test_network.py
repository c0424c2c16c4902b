"""Coefficients come back from the learned context model; damaged bytes are refused."""

import dataclasses
import itertools
from collections.abc import Callable

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import config
from numcodecs_neural.coding.dec_jpeg import NETWORK
from numcodecs_neural.coding.enc_jpeg import JPEG_ENCODERS
from numcodecs_neural.coefficients.enc_adaptive import encode_adaptive
from numcodecs_neural.coefficients.layout import Layout, Plane
from numcodecs_neural.coefficients.network.dec_network import HEAD, decoder_of
from numcodecs_neural.coefficients.network.enc_network import encode_network
from numcodecs_neural.errors import BitstreamError, TruncatedChunkError, WeightsError
from numcodecs_neural.jpeg import Coefficients, Colour
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.weights import by_id, resolve
from numcodecs_neural.weights.catalogue import coefficient_weights
from tests.jpeg.mosaics import mosaics
from tests.jpeg.streams import encoded, equal, photo, saved

WEIGHTS = coefficient_weights().id
Damage = Callable[[bytes], bytes]

GRIDS: dict[str, tuple[Colour, list[tuple[int, int]]]] = {
    "grey": (Colour.GREY, [(2, 3)]),
    "one block": (Colour.YCBCR, [(1, 1)] * 3),
    "rgb": (Colour.RGB, [(2, 2)] * 3),
    "rgb, green larger": (Colour.RGB, [(1, 1), (2, 2), (1, 1)]),
    "4:4:4": (Colour.YCBCR, [(2, 2)] * 3),
    "4:2:2": (Colour.YCBCR, [(2, 4), (2, 2), (2, 2)]),
    "4:2:0": (Colour.YCBCR, [(4, 4), (2, 2), (2, 2)]),
    "4:4:0": (Colour.YCBCR, [(4, 2), (2, 2), (2, 2)]),
    "4:1:1": (Colour.YCBCR, [(1, 8), (1, 2), (1, 2)]),
    "4:1:0": (Colour.YCBCR, [(2, 8), (1, 2), (1, 2)]),
    "quarters, halves": (Colour.YCBCR, [(4, 4), (2, 2), (1, 1)]),
}


def layout_of(grid: str, steps: int | tuple[int, ...] = 8) -> Layout:
    """Return a layout with all blocks coded."""
    colour, shapes = GRIDS[grid]
    table = steps if isinstance(steps, tuple) else (steps,) * 64
    planes = [Plane(steps=table, coded=np.ones(shape, np.bool_)) for shape in shapes]
    return Layout(colour=colour, planes=tuple(planes))


def encode(coefficients: Coefficients, layout: Layout) -> bytes:
    return encode_network(coefficients, layout, WEIGHTS)


def decode(data: bytes, layout: Layout) -> Coefficients:
    return decoder_of(WEIGHTS)(data, layout)


def filled(layout: Layout, values: NDArray[np.int64] | int) -> Coefficients:
    """Return blocks that all hold these 64 values."""
    return tuple(np.broadcast_to(values, plane.shape).astype(np.int16) for plane in layout.planes)


def extremes() -> list[NDArray[np.int64]]:
    """Return blocks with as large coefficients as there are."""
    k = np.arange(64)
    plus = np.full(64, 1023)
    minus = np.where(k, -1023, -1024)
    checkered = np.where((k + k // 8) % 2, 1023, minus)
    alone = np.where(k == 63, 1023, 0)
    return [plus, minus, checkered, -np.maximum(checkered, -1023), alone]


def small() -> Mosaic:
    return Mosaic.from_tiles([[saved(photo(20, 30), quality=50), None]])


@hypothesis.given(mosaics(steps=65535))
def test_any_coefficients_come_back(mosaic: Mosaic) -> None:
    layout = Layout.of(mosaic)
    try:
        data = encode(mosaic.coefficients, layout)
    except BitstreamError:
        hypothesis.reject()

    assert equal(decode(data, layout), mosaic.coefficients)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("steps", [1, 255, 65535])
def test_extreme_coefficients_come_back(grid: str, steps: int) -> None:
    layout = layout_of(grid, steps)
    blocks = extremes()
    for values in [*blocks, *(np.stack(pair) for pair in itertools.pairwise(blocks))]:
        coefficients = filled(layout, values) if values.ndim == 1 else mixed(layout, values)

        data = encode(coefficients, layout)

        assert equal(decode(data, layout), coefficients)


def mixed(layout: Layout, pair: NDArray[np.int64]) -> Coefficients:
    """Return blocks that are one of two by turns."""
    blocks = []
    for plane in layout.planes:
        turns = np.indices(plane.coded.shape).sum(0) % 2
        blocks.append(pair[turns].astype(np.int16))
    return tuple(blocks)


@pytest.mark.parametrize("steps", [(1,) * 32 + (65535,) * 32, (65535,) + (1,) * 63])
def test_extreme_steps_beside_small_ones_come_back(steps: tuple[int, ...]) -> None:
    layout = layout_of("4:2:0", steps)
    chroma = dataclasses.replace(layout.planes[1], steps=(1,) * 64)
    layout = dataclasses.replace(layout, planes=(layout.planes[0], chroma, chroma))
    for values in extremes():
        coefficients = filled(layout, values)

        data = encode(coefficients, layout)

        assert equal(decode(data, layout), coefficients)


@pytest.mark.parametrize("grid", GRIDS)
def test_blocks_of_zeros_take_next_to_nothing(grid: str) -> None:
    layout = layout_of(grid)
    zeros = filled(layout, 0)

    data = encode(zeros, layout)

    assert equal(decode(data, layout), zeros)
    assert len(data) <= 20 + 2 * sum(plane.coded.size for plane in layout.planes)


def test_blocks_that_are_not_coded_are_zeros() -> None:
    mosaic = small()
    layout = Layout.of(mosaic)
    assert not all(plane.coded.all() for plane in layout.planes)

    decoded = decode(encode(mosaic.coefficients, layout), layout)

    for blocks, plane in zip(decoded, layout.planes, strict=True):
        assert not blocks[~plane.coded].any()
    assert equal(decoded, mosaic.coefficients)


# Without numba a block takes tens of milliseconds; an overflow of numpy's integers is a warning
# there, and thus an error of the tests.
@pytest.mark.parametrize(
    ("grid", "steps"), [("rgb, green larger", 65535), ("one block", 1), ("grey", 3)]
)
def test_uncompiled_kernels_give_the_same_bytes_and_never_overflow(grid: str, steps: int) -> None:
    layout = layout_of(grid, steps)
    for coefficients in (mixed(layout, np.stack(extremes()[1:3])), tissue_like(layout)):
        data = encode(coefficients, layout)

        with config.set(backend="numpy"):
            assert encode(coefficients, layout) == data
            assert equal(decode(data, layout), coefficients)


def tissue_like(layout: Layout) -> Coefficients:
    """Return coefficients that fall off with frequency."""
    rng = np.random.default_rng(3)
    spread = 30 / (1 + np.add.outer(np.arange(8), np.arange(8)).ravel() ** 2)
    blocks = [np.rint(rng.laplace(0, spread, plane.shape)) for plane in layout.planes]
    return tuple(values.astype(np.int16) for values in blocks)


def test_tiles_of_a_slide_take_fewer_bytes_than_by_the_adaptive_coder() -> None:
    pixels = photo(240, 480)
    tiles = [
        encoded(pixels[:, x : x + 240], 30, subsampling="444", colorspace="RGB") for x in (0, 240)
    ]
    mosaic = dataclasses.replace(Mosaic.from_tiles([tiles]), colour=Colour.RGB)
    layout = Layout.of(mosaic)

    data = encode(mosaic.coefficients, layout)

    assert equal(decode(data, layout), mosaic.coefficients)
    assert len(data) < len(encode_adaptive(mosaic.coefficients, layout))


def test_truncated_bytes_are_refused() -> None:
    mosaic = small()
    layout = Layout.of(mosaic)
    data = encode(mosaic.coefficients, layout)

    for end in range(len(data)):
        with pytest.raises(TruncatedChunkError):
            decode(data[:end], layout)


def with_word(data: bytes) -> bytes:
    """Return a stream with a word behind the last one."""
    (count,) = HEAD.unpack_from(data)
    end = 20 + 2 * count
    return HEAD.pack(count + 1) + data[4:end] + bytes(2) + data[end:]


@pytest.mark.parametrize(
    ("damage", "error", "says"),
    [
        (lambda data: with_word(data), BitstreamError, "1 words and"),
        (lambda data: data + b"\0", BitstreamError, "0 words and 1"),
        (lambda data: data[:4], TruncatedChunkError, "expected 20 and"),
        (lambda data: data[:8] + bytes(4) + data[12:], BitstreamError, "begin with the state 0"),
        (lambda data: data[:6] + bytes(2) + data[8:], BitstreamError, "begin with the state"),
    ],
    ids=["a word more", "a byte more", "no states", "no state", "a low state"],
)
def test_damaged_ends_are_refused(damage: Damage, error: type[BitstreamError], says: str) -> None:
    mosaic = small()
    data = encode(mosaic.coefficients, Layout.of(mosaic))

    with pytest.raises(error, match=says):
        decode(damage(data), Layout.of(mosaic))


@hypothesis.given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=3))
def test_damaged_bytes_are_refused_or_give_coefficients(changes: list[tuple[float, int]]) -> None:
    mosaic = small()
    layout = Layout.of(mosaic)
    data = bytearray(encode(mosaic.coefficients, layout))
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value

    decode_or_refuse(bytes(data), layout)


@hypothesis.given(st.sampled_from(list(GRIDS)), st.integers(1, 65535), st.binary(max_size=400))
def test_random_bytes_are_refused_or_give_coefficients(grid: str, steps: int, data: bytes) -> None:
    decode_or_refuse(data, layout_of(grid, steps))


def decode_or_refuse(data: bytes, layout: Layout) -> None:
    """Assert that all coefficients that come out are such as JPEG has."""
    try:
        decoded = decode(data, layout)
    except BitstreamError:
        return
    for blocks, plane in zip(decoded, layout.planes, strict=True):
        assert blocks.shape == plane.shape
        assert blocks.min() >= -1024
        assert np.abs(blocks[..., 1:]).max() <= 1023
        assert blocks.max() <= 1023


OTHER_GRIDS = {
    "four components": (Colour.YCBCR, [(2, 2)] * 4),
    "two components": (Colour.RGB, [(2, 2)] * 2),
    "thirds": (Colour.YCBCR, [(3, 3), (1, 1), (3, 3)]),
    "eighths": (Colour.YCBCR, [(8, 8), (1, 1), (1, 1)]),
    "larger chroma": (Colour.YCBCR, [(2, 2), (4, 4), (4, 4)]),
    "a larger third component": (Colour.YCBCR, [(4, 4), (2, 2), (4, 4)]),
    "smaller green": (Colour.RGB, [(2, 2), (1, 1), (2, 2)]),
    "no whole ratio": (Colour.YCBCR, [(5, 5), (3, 3), (3, 3)]),
}


@pytest.mark.parametrize("grid", OTHER_GRIDS)
def test_layouts_that_it_does_not_code_are_left_to_other_coders(grid: str) -> None:
    colour, shapes = OTHER_GRIDS[grid]
    planes = [Plane(steps=(8,) * 64, coded=np.ones(shape, np.bool_)) for shape in shapes]
    layout = Layout(colour=colour, planes=tuple(planes))

    assert JPEG_ENCODERS[NETWORK](filled(layout, 1), layout, {}) is None
    with pytest.raises(BitstreamError, match="network coder"):
        decode(b"\0\0\1\0", layout)


def test_weights_that_are_not_installed_are_named() -> None:
    with pytest.raises(WeightsError, match="weights 0102030405060708"):
        decoder_of(bytes(range(1, 9)))


def test_weights_of_one_coder_are_unknown_to_the_other() -> None:
    with pytest.raises(WeightsError):
        decoder_of(resolve("he-fast").id)
    with pytest.raises(WeightsError):
        by_id(WEIGHTS)
