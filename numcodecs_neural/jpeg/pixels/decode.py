"""From quantised coefficients to the pixels that libjpeg-turbo's default decoder makes of them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural import compilation
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.description import Coefficients, Colour, Component, Frame
from numcodecs_neural.jpeg.layout import check_coefficients
from numcodecs_neural.jpeg.pixels import reference

__all__ = ["Arithmetic", "decode_pixels"]


class Arithmetic(Protocol):
    """What `reference` and `kernels` have in common."""

    def component_plane(
        self, blocks: NDArray[np.int16], steps: tuple[int, ...], component: int, /
    ) -> NDArray[np.uint8]:
        """Return the samples of all blocks of a component."""

    def upsampled(self, plane: NDArray[np.uint8], across: int, down: int, /) -> NDArray[np.uint8]:
        """Return a plane enlarged by whole numbers."""

    def ycbcr_to_rgb(
        self, planes: Sequence[NDArray[np.uint8]], rows: int, columns: int, /
    ) -> NDArray[np.uint8]:
        """Return (rows, columns, 3) of samples in RGB; planes may be larger."""


def decode_pixels(
    frame: Frame,
    colour: Colour,
    steps: tuple[tuple[int, ...], ...],
    coefficients: Coefficients,
    *,
    arithmetic: Arithmetic | None = None,
) -> NDArray[np.uint8]:
    """Return the pixels of an image, (rows, columns) in grey or (rows, columns, 3) in RGB.

    Parameters
    ----------
    frame : Frame
        Size and components.
    colour : Colour
        What the components are; YCbCr is converted to RGB.
    steps : tuple of tuple of int
        Quantisation steps of each component, row by row.
    coefficients : tuple of array
        Quantised coefficients of each component.
    arithmetic : module, optional
        `reference` or `kernels`; if it is left out, kernels wherever compiled ones run.

    Raises
    ------
    ConfigError
        If coefficients, steps or colour do not belong to the frame.
    UnsupportedJpegError
        If coefficients are so large that decoders differ.
    """
    check_coefficients(frame, coefficients)
    count = len(frame.components)
    if [len(table) for table in steps] != [64] * count or (count == 1) != (colour is Colour.GREY):
        raise ConfigError(f"steps or colour ({colour.value}) are not those of {count} components")
    arithmetic = arithmetic or _fastest()
    planes = [
        _plane(arithmetic, frame, n, steps[n], blocks) for n, blocks in enumerate(coefficients)
    ]
    if colour is Colour.YCBCR:
        return arithmetic.ycbcr_to_rgb(planes, frame.height, frame.width)
    own = [plane[: frame.height, : frame.width] for plane in planes]
    return np.ascontiguousarray(own[0]) if colour is Colour.GREY else np.stack(own, -1)


def _plane(
    arithmetic: Arithmetic,
    frame: Frame,
    position: int,
    steps: tuple[int, ...],
    blocks: NDArray[np.int16],
) -> NDArray[np.uint8]:
    """Return the samples of a component at the size of the image, or a little larger."""
    component = frame.components[position]
    inner_rows, inner_columns = frame.inner_shape(component)
    inner = np.ascontiguousarray(blocks[:inner_rows, :inner_columns])
    plane = arithmetic.component_plane(inner, steps, position)
    rows, columns = frame.sample_shape(component)
    across, down = _ratios(frame, component)
    if (across, down) == (1, 1):
        return plane
    return arithmetic.upsampled(np.ascontiguousarray(plane[:rows, :columns]), across, down)


def _ratios(frame: Frame, component: Component) -> tuple[int, int]:
    return frame.horizontal // component.horizontal, frame.vertical // component.vertical


def _fastest() -> Arithmetic:
    if compilation.use_numba():
        from numcodecs_neural.jpeg.pixels import kernels

        return kernels
    return reference
