"""Chunks whose JPEG tiles are offered keep them: every coefficient and every pixel."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray

from numcodecs_neural import NeuralImage, config
from numcodecs_neural.codec import mosaic_of
from numcodecs_neural.coding import dec_jpeg, enc_jpeg
from numcodecs_neural.coefficients.dec_huffman import decode_huffman
from numcodecs_neural.coefficients.enc_huffman import encode_huffman
from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.errors import UnsupportedJpegError
from numcodecs_neural.format import Mode, unpack_chunk
from numcodecs_neural.jpeg import Colour
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.offers import offered
from tests.jpeg.mosaics import mosaics
from tests.jpeg.streams import SAMPLINGS, encoded, equal, photo, saved

Image = NDArray[np.uint8]
BACKENDS = ["numpy", "auto"]


def tiled(*grid: int, side: int = 40, quality: int = 75, sampling: str = "420") -> Mosaic:
    """Return a mosaic of stained tissue."""
    pixels = photo(grid[0] * side, grid[1] * side)
    return Mosaic.from_tiles(
        [
            [
                encoded(pixels[y : y + side, x : x + side], quality, subsampling=sampling)
                for x in range(0, pixels.shape[1], side)
            ]
            for y in range(0, pixels.shape[0], side)
        ]
    )


def codec_for(mosaic: Mosaic, channel_axis: int = -1) -> NeuralImage:
    """Return a codec for chunks of as many channels as a mosaic has."""
    is_grey = mosaic.colour is Colour.GREY
    return (
        NeuralImage("grey-fast", channel_axis=None)
        if is_grey
        else NeuralImage("he-fast", channel_axis=channel_axis)
    )


def window(mosaic: Mosaic) -> Image:
    """Return the pixels of a mosaic from its offset on: (y, x, c), or (y, x) in grey."""
    y, x = mosaic.offset
    pixels = np.ascontiguousarray(mosaic.pixels()[y:, x:])
    return pixels[..., 0] if mosaic.colour is Colour.GREY else pixels


def encode(mosaic: Mosaic, chunk: Image) -> bytes:
    """Return what a chunk becomes while a mosaic is offered for it."""
    axis = 0 if mosaic.colour is Colour.GREY else -1
    with offered([(chunk, axis, mosaic)]):
        return codec_for(mosaic).encode(chunk)


def mode_of(chunk: bytes) -> Mode:
    return unpack_chunk(chunk).header.mode


def check_comes_back(mosaic: Mosaic, pixels: Image) -> None:
    chunk = encode(mosaic, pixels)

    assert mode_of(chunk) is Mode.JPEG
    np.testing.assert_array_equal(codec_for(mosaic).decode(chunk), pixels, strict=True)
    found = mosaic_of(chunk)
    assert found is not None
    for name in ("frame", "colour", "steps", "grid", "offset"):
        assert getattr(found, name) == getattr(mosaic, name), name
    np.testing.assert_array_equal(found.present, mosaic.present)
    assert equal(found.coefficients, mosaic.coefficients)
    if not mosaic.present.all():
        assert found.fill == mosaic.fill


@hypothesis.given(mosaics(steps=16, largest=8))
def test_any_mosaic_comes_back(mosaic: Mosaic) -> None:
    try:
        pixels = window(mosaic)
    except UnsupportedJpegError:
        hypothesis.reject()
    check_comes_back(mosaic, pixels)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_tissue_of_every_sampling_comes_back_on_every_backend(sampling: str, backend: str) -> None:
    mosaic = tiled(2, 2, sampling=sampling)

    with config.set(backend=backend):
        check_comes_back(mosaic, window(mosaic))


@pytest.mark.parametrize("backend", BACKENDS)
def test_grey_tissue_comes_back(backend: str) -> None:
    mosaic = Mosaic.from_tiles([[saved(photo(33, 47)[..., 1])]])

    with config.set(backend=backend):
        check_comes_back(mosaic, window(mosaic))


def test_tables_of_large_steps_come_back() -> None:
    mosaic = dataclasses.replace(tiled(1, 1), steps=(tuple(range(1, 65)), (300,) * 64, (300,) * 64))
    for blocks in mosaic.coefficients:
        blocks //= 64

    check_comes_back(mosaic, window(mosaic))


def test_a_chunk_at_the_edge_keeps_what_its_tiles_hold_behind_it() -> None:
    mosaic = tiled(2, 2)
    chunk = np.full((120, 120, 3), 255, np.uint8)
    chunk[:61, :73] = mosaic.pixels()[:61, :73]

    check_comes_back(mosaic, chunk)


def test_a_window_inside_the_mosaic_comes_back() -> None:
    mosaic = dataclasses.replace(tiled(2, 2), offset=(16, 8))

    check_comes_back(mosaic, window(mosaic)[:50, :60])


@pytest.mark.parametrize("channel_axis", [-1, -3, -4])
def test_channels_may_lie_anywhere(channel_axis: int) -> None:
    mosaic = tiled(1, 2)
    pixels = mosaic.pixels()
    chunk = np.moveaxis(pixels if channel_axis != -4 else pixels[None], -1, channel_axis)
    codec = NeuralImage("he-fast", channel_axis=channel_axis)

    with offered([(chunk, channel_axis, mosaic)]):
        encoded_chunk = codec.encode(chunk)

    assert mode_of(encoded_chunk) is Mode.JPEG
    np.testing.assert_array_equal(codec.decode(encoded_chunk), chunk, strict=True)


def test_fortran_order_comes_back() -> None:
    mosaic = tiled(1, 1)
    chunk = np.asfortranarray(mosaic.pixels().transpose(2, 0, 1))
    codec = NeuralImage("he-fast")

    with offered([(chunk, -3, mosaic)]):
        decoded = codec.decode(codec.encode(chunk))

    np.testing.assert_array_equal(decoded, chunk)
    assert decoded.flags.f_contiguous


def test_a_chunk_of_one_colour_keeps_its_coefficients_too() -> None:
    mosaic = Mosaic.from_tiles([[saved(np.full((32, 32, 3), 255, np.uint8))]])

    check_comes_back(mosaic, window(mosaic))


def test_a_changed_pixel_is_coded_by_the_network() -> None:
    mosaic = tiled(2, 2)
    chunk = window(mosaic)
    chunk[3, 4, 1] ^= 1

    assert mode_of(encode(mosaic, chunk)) is Mode.LOSSY


def test_a_mosaic_of_other_pixels_than_the_chunk_is_not_used() -> None:
    mosaic = tiled(2, 2)
    mosaic.coefficients[0][1, 1, 3] += 1

    assert mode_of(encode(mosaic, window(tiled(2, 2)))) is Mode.LOSSY


def test_a_chunk_without_an_offer_is_coded_by_the_network() -> None:
    assert (
        mode_of(NeuralImage("he-fast", channel_axis=-1).encode(window(tiled(1, 1)))) is Mode.LOSSY
    )


def test_a_chunk_of_another_mode_holds_no_mosaic() -> None:
    assert mosaic_of(NeuralImage("he-fast").encode(np.zeros((3, 16, 16), np.uint8))) is None


def test_a_mosaic_with_tiles_outside_the_chunk_is_not_used() -> None:
    mosaic = tiled(2, 3)

    assert mode_of(encode(mosaic, window(mosaic)[:, :80])) is Mode.LOSSY


def test_a_mosaic_of_more_tiles_than_can_be_counted_is_not_used() -> None:
    stream = saved(np.full((1, 1, 3), 100, np.uint8))
    mosaic = Mosaic.from_tiles([[stream] + [None] * 65535])

    assert mode_of(encode(mosaic, window(mosaic))) is not Mode.JPEG


@contextmanager
def damaging_coder() -> Iterator[None]:
    """Have a coder whose coefficients come back changed."""

    def changed(data: bytes, layout: Any) -> Any:
        coefficients = decode_huffman(data, layout)
        coefficients[0][0, 0, 63] += 1
        return coefficients

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dec_jpeg, "JPEG_DECODERS", {0: lambda _: changed})
        yield


def test_what_does_not_decode_to_the_same_coefficients_is_not_stored() -> None:
    mosaic = tiled(1, 1)

    with damaging_coder():
        assert mode_of(encode(mosaic, window(mosaic))) is Mode.LOSSY


def test_the_smallest_of_all_coders_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def huffman(*arguments: Any) -> enc_jpeg.Coded:
        return enc_jpeg.Coded(0, encode_huffman(*arguments[:2]))

    def larger(*arguments: Any) -> enc_jpeg.Coded:
        return enc_jpeg.Coded(7, encode_huffman(*arguments[:2]) + b"?")

    monkeypatch.setattr(enc_jpeg, "JPEG_ENCODERS", {7: larger, 0: huffman})
    mosaic = tiled(1, 1)

    assert unpack_chunk(encode(mosaic, window(mosaic))).sections[0][0] == 0


@pytest.mark.parametrize("sampling", ["444", "420"])
def test_the_description_of_scaled_standard_tables_takes_20_bytes(sampling: str) -> None:
    mosaic = tiled(2, 2, quality=80, sampling=sampling)

    section = unpack_chunk(encode(mosaic, window(mosaic))).sections[0]

    layout = Layout.of(mosaic)
    coded = (code(mosaic.coefficients, layout, {}) for code in enc_jpeg.JPEG_ENCODERS.values())
    data = min((made.data for made in coded if made is not None), key=len)
    assert section.endswith(data)
    assert len(section) - len(data) <= 20
