"""JPEG streams of all kinds, as encoders write them and as none would."""

import io
from typing import Any

import hypothesis.strategies as st
import imagecodecs
import numpy as np
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from numcodecs_neural.jpeg import Coefficients, Colour, Component, Frame, Process, decode_pixels
from numcodecs_neural.jpeg.pixels.decode import Arithmetic
from numcodecs_neural.jpeg.reading import read_jpeg

SAMPLINGS = ["444", "422", "420", "440", "411"]
SEQUENTIAL: dict[str, dict[str, Any]] = {
    "baseline": {},
    "full chroma": {"subsampling": 0},
    "half chroma": {"subsampling": 1},
    "optimised": {"optimize": True},
    "quality 1": {"quality": 1},
    "quality 100": {"quality": 100},
    "restarts": {"restart_marker_blocks": 3},
    "restart rows": {"restart_marker_rows": 1, "subsampling": 0},
}
PROGRESSIVE: dict[str, dict[str, Any]] = {
    "progressive": {"progressive": True},
    "progressive, full chroma": {"progressive": True, "subsampling": 0, "quality": 95},
    "progressive, restarts": {"progressive": True, "restart_marker_blocks": 5},
    "progressive, quality 100": {"progressive": True, "quality": 100},
}


def photo(rows: int = 147, columns: int = 189) -> NDArray[np.uint8]:
    """Return stained tissue as (y, x, c)."""
    pixels: NDArray[np.uint8] = skimage.data.immunohistochemistry()
    return np.ascontiguousarray(pixels[100 : 100 + rows, 30 : 30 + columns])


def saved(pixels: NDArray[np.uint8], **options: Any) -> bytes:
    """Return the stream that Pillow writes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


def encoded(pixels: NDArray[Any], quality: int, **options: Any) -> bytes:
    """Return the stream that libjpeg-turbo writes with options that Pillow does not have."""
    return bytes(imagecodecs.jpeg8_encode(pixels, quality, **options))


def libjpeg(stream: bytes) -> NDArray[np.uint8]:
    """Return the pixels that libjpeg-turbo decodes by default."""
    pixels: NDArray[np.uint8] = imagecodecs.jpeg8_decode(stream)
    return pixels


def our_pixels(stream: bytes, arithmetic: Arithmetic | None = None) -> NDArray[np.uint8]:
    """Return the pixels that this package makes of a stream."""
    description, coefficients = read_jpeg(stream)
    return decode_pixels(
        description.frame,
        description.colour,
        description.steps,
        coefficients,
        arithmetic=arithmetic,
    )


def frame_of(rows: int, columns: int, *factors: tuple[int, int]) -> Frame:
    """Return a frame of one component for each pair of sampling factors, across and down."""
    names = enumerate(factors, 1)
    components = tuple(Component(name, across, down, 0) for name, (across, down) in names)
    return Frame(Process.BASELINE, rows, columns, components)


def random_coefficients(
    rng: np.random.Generator, frame: Frame, *, largest: int = 1023, density: float = 0.2
) -> Coefficients:
    """Return coefficients that no image has."""
    blocks = []
    for component in frame.components:
        shape = (*frame.block_shape(component), 64)
        values = rng.integers(-largest, largest, shape, endpoint=True)
        blocks.append(np.where(rng.random(shape) < density, values, 0).astype(np.int16))
    return tuple(blocks)


def equal(one: Coefficients, other: Coefficients) -> bool:
    """Return whether all coefficients are equal."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


FACTORS = [
    *([(1, 1)], [(2, 2)]),
    *([(1, 1), (1, 1), (1, 1)], [(2, 1), (1, 1), (1, 1)], [(2, 2), (1, 1), (1, 1)]),
    *([(1, 2), (1, 1), (1, 1)], [(4, 1), (1, 1), (1, 1)], [(1, 4), (1, 1), (1, 1)]),
    *([(4, 2), (1, 1), (1, 1)], [(2, 2), (2, 1), (1, 2)], [(1, 1), (2, 2), (2, 1)]),
    *([(2, 2), (2, 2), (2, 2)], [(4, 4), (1, 1), (2, 2)], [(3, 1), (1, 1), (3, 1)]),
]
"""Sampling factors across and down: usual ones, then such as only the standard knows."""


@st.composite
def images(
    draw: st.DrawFn, *, steps: int = 255, largest: int = 1023
) -> tuple[Frame, Colour, tuple[tuple[int, ...], ...], Coefficients]:
    """Draw a frame, its colour, quantisation steps up to `steps`, and coefficients."""
    factors = draw(st.sampled_from(FACTORS))
    frame = frame_of(draw(st.integers(1, 70)), draw(st.integers(1, 70)), *factors)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    colours = [Colour.YCBCR, Colour.RGB] if len(factors) == 3 else [Colour.GREY]
    tables = tuple(
        tuple(rng.integers(1, draw(st.integers(1, steps)), 64, endpoint=True).tolist())
        for _ in factors
    )
    magnitude = draw(st.integers(0, largest))
    density = draw(st.floats(0, 1))
    coefficients = random_coefficients(rng, frame, largest=magnitude, density=density)
    return frame, draw(st.sampled_from(colours)), tables, coefficients
