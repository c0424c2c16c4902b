"""Pixels are those of libjpeg-turbo, in numpy and in numba, or none."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import imagecodecs
import numpy as np
import PIL.Image
import pytest

from numcodecs_neural.errors import ConfigError, UnsupportedJpegError
from numcodecs_neural.jpeg import Coefficients, Colour, Frame, decode_pixels
from numcodecs_neural.jpeg.pixels import kernels, reference
from numcodecs_neural.jpeg.pixels.decode import Arithmetic
from numcodecs_neural.jpeg.writing import write_baseline
from tests.jpeg.streams import (
    FACTORS,
    PROGRESSIVE,
    SAMPLINGS,
    SEQUENTIAL,
    encoded,
    frame_of,
    images,
    libjpeg,
    our_pixels,
    photo,
    random_coefficients,
    saved,
)

Image = tuple[Frame, Colour, tuple[tuple[int, ...], ...], Coefficients]
BOTH = [pytest.param(reference, id="numpy"), pytest.param(kernels, id="numba")]
SIZES = [(1, 1), (1, 9), (2, 2), (3, 5), (8, 8), (15, 4), (17, 33), (70, 69)]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("arithmetic", BOTH)
def test_colour_images_of_all_samplings_and_sizes(
    arithmetic: Arithmetic, size: tuple[int, int], sampling: str
) -> None:
    stream = encoded(photo(*size), 85, subsampling=sampling)

    np.testing.assert_array_equal(our_pixels(stream, arithmetic), libjpeg(stream))


@pytest.mark.parametrize("arithmetic", BOTH)
@pytest.mark.parametrize("options", [*SEQUENTIAL.values(), *PROGRESSIVE.values()], ids=str)
def test_streams_of_all_kinds(options: dict[str, object], arithmetic: Arithmetic) -> None:
    stream = saved(photo(), **options)

    np.testing.assert_array_equal(our_pixels(stream, arithmetic), libjpeg(stream))


@pytest.mark.parametrize("quality", [*range(1, 101, 7), 100])
@pytest.mark.parametrize("channels", ["grey", "ycbcr"])
def test_every_quality(channels: str, quality: int) -> None:
    pixels = photo(61, 43)
    stream = saved(pixels if channels == "ycbcr" else pixels[..., 0], quality=quality)

    decoded = our_pixels(stream)

    np.testing.assert_array_equal(decoded, libjpeg(stream))
    with PIL.Image.open(io.BytesIO(stream)) as image:
        np.testing.assert_array_equal(decoded, image)


def test_components_that_are_rgb_stay_so() -> None:
    stream = encoded(photo(), 90, colorspace="RGB", outcolorspace="RGB")

    expected = imagecodecs.jpeg8_decode(stream, colorspace="RGB", outcolorspace="RGB")

    np.testing.assert_array_equal(our_pixels(stream), expected)


def decoded_or_error(image: Image, arithmetic: Arithmetic) -> object:
    try:
        return decode_pixels(*image, arithmetic=arithmetic).tolist()
    except UnsupportedJpegError as error:
        return str(error)


@hypothesis.given(images())
@hypothesis.settings(max_examples=100)
def test_numpy_and_numba_agree_on_any_coefficients(image: Image) -> None:
    assert decoded_or_error(image, reference) == decoded_or_error(image, kernels)


@hypothesis.given(images(steps=10, largest=40))
@hypothesis.settings(max_examples=100)
def test_coefficients_that_no_image_has_decode_as_libjpeg_decodes_them(image: Image) -> None:
    try:
        pixels = decode_pixels(*image)
    except UnsupportedJpegError:
        hypothesis.reject()

    np.testing.assert_array_equal(pixels, libjpeg(write_baseline(*image)))


@pytest.mark.parametrize("factors", FACTORS, ids=str)
def test_every_layout_decodes_as_libjpeg_decodes_it(
    factors: list[tuple[int, int]], rng: np.random.Generator
) -> None:
    for rows, columns in SIZES:
        frame = frame_of(rows, columns, *factors)
        coefficients = random_coefficients(rng, frame, largest=30)
        colour = Colour.YCBCR if len(factors) == 3 else Colour.GREY
        image = frame, colour, ((5,) * 64,) * len(factors), coefficients

        np.testing.assert_array_equal(decode_pixels(*image), libjpeg(write_baseline(*image)))


def block_image(rng: np.random.Generator) -> Image:
    """Return one block, mostly with samples near the limits of what is defined."""
    steps = rng.integers(1, 65536 >> rng.integers(0, 14), 64)
    block = np.where(rng.random(64) < rng.random(), rng.integers(-1023, 1024, 64), 0)
    dequantised = (block * steps).reshape(1, 1, 8, 8) / 8
    basis = np.cos(np.outer(np.arange(8), 2 * np.arange(8) + 1) * np.pi / 16) * 2
    basis[0] /= np.sqrt(2)
    reach = abs(basis.T @ dequantised[0, 0] @ basis).max() / 2
    block = (block * min(1, rng.uniform(300, 600) / max(reach, 1))).astype(np.int16)
    return frame_of(8, 8, (1, 1)), Colour.GREY, (tuple(steps.tolist()),), (block.reshape(1, 1, 64),)


EXTREMES = """
import sys, imagecodecs, numpy as np
streams = np.load(sys.argv[1], allow_pickle=False)
np.save(sys.argv[2], [imagecodecs.jpeg8_decode(bytes(streams[name])) for name in streams])
"""


@pytest.mark.parametrize("without_vectors", ["", "1"], ids=["vector units", "C code"])
def test_extreme_blocks_are_exact_where_all_decoders_agree(
    without_vectors: str, rng: np.random.Generator, fresh_python: Callable[..., str], tmp_path: Path
) -> None:
    decoded, streams = [], {}
    for n in range(2000):
        image = block_image(rng)
        if isinstance(pixels := decoded_or_error(image, kernels), list):
            decoded.append(pixels)
            streams[str(n)] = np.frombuffer(write_baseline(*image), np.uint8)
    paths = tmp_path / "streams.npz", tmp_path / "pixels.npy"
    np.savez(paths[0], allow_pickle=False, **streams)

    fresh_python(EXTREMES, *paths, JSIMD_FORCENONE=without_vectors)

    assert 500 < len(decoded) < 1900
    np.testing.assert_array_equal(decoded, np.load(paths[1]))


@pytest.mark.parametrize("arithmetic", BOTH)
@pytest.mark.parametrize(
    ("position", "step", "inside", "outside"),
    [
        # A DC of 8 moves all samples by 1, and they end at 511 and -512.
        pytest.param(0, 8, 511, 512, id="output, high"),
        pytest.param(0, 8, -512, -513, id="output, low"),
        pytest.param(63, 16, 68, 1023, id="highest frequency"),
        pytest.param(1, 17, 120, 1023, id="dequantised"),
    ],
)
def test_the_limits_are_where_they_are_said_to_be(
    position: int, step: int, inside: int, outside: int, arithmetic: Arithmetic
) -> None:
    frame = frame_of(8, 8, (1, 1))

    def image(value: int) -> Image:
        block = np.zeros((1, 1, 64), np.int16)
        block[0, 0, position] = value
        return frame, Colour.GREY, ((step,) * 64,), (block,)

    pixels = decode_pixels(*image(inside), arithmetic=arithmetic)
    np.testing.assert_array_equal(pixels, libjpeg(write_baseline(*image(inside))))
    with pytest.raises(UnsupportedJpegError, match="row 0, column 0 of component 0 has coeff"):
        decode_pixels(*image(outside), arithmetic=arithmetic)


@hypothesis.given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([(2, 1), (1, 2), (2, 2), (4, 1), (3, 2)]),
)
def test_numpy_and_numba_enlarge_alike(rows: int, columns: int, ratio: tuple[int, int]) -> None:
    plane = np.random.default_rng(rows * columns).integers(0, 256, (rows, columns), np.uint8)

    np.testing.assert_array_equal(
        kernels.upsampled(plane, *ratio), reference.upsampled(plane, *ratio)
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"frame": frame_of(9, 8, (1, 1))}, id="other shape"),
        pytest.param({"colour": Colour.RGB}, id="other colour"),
        pytest.param({"steps": ((1,) * 63,)}, id="other steps"),
        pytest.param({"coefficients": (np.zeros((1, 1, 64), np.int32),)}, id="other dtype"),
    ],
)
def test_what_does_not_belong_together_is_refused(change: dict[str, Any]) -> None:
    image: dict[str, Any] = {
        "frame": frame_of(8, 8, (1, 1)),
        "colour": Colour.GREY,
        "steps": ((1,) * 64,),
        "coefficients": (np.zeros((1, 1, 64), np.int16),),
    }

    assert decode_pixels(**image).tolist() == [[128] * 8] * 8
    with pytest.raises(ConfigError, match=r"coefficients are|steps or colour"):
        decode_pixels(**image | change)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_tiles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(1000):
        largest = rng.choice([70, 70, 70, 400])
        pixels = photo(*rng.integers(1, largest, 2, endpoint=True).tolist())
        options = {
            "quality": int(rng.integers(1, 100, endpoint=True)),
            "subsampling": int(rng.integers(3)),
            "progressive": bool(rng.integers(2)),
            "restart_marker_blocks": int(rng.integers(4)),
        }
        stream = saved(pixels[..., 0] if rng.integers(4) == 0 else pixels, **options)

        np.testing.assert_array_equal(our_pixels(stream), libjpeg(stream), err_msg=str(options))
