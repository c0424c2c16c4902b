"""What the DCT encoder works on: images, coefficients, steps and axes (SPEC.md, section 9)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_dct import ANGLES, DctModel
from numcodecs_neural.compilation import Kernel
from numcodecs_neural.dct import enc_axes, enc_grid
from numcodecs_neural.dct.colour import matrices_of
from numcodecs_neural.dct.context.enc_context import LARGEST_TARGET
from numcodecs_neural.dct.steps import Quantisation
from numcodecs_neural.networks.description import Pixels

__all__ = [
    "Angles",
    "Coded",
    "Known",
    "Task",
    "along",
    "angle_bytes",
    "axes_of",
    "error_of",
    "targets_of",
]

_QUANTISE = Kernel("numcodecs_neural.dct.enc_kernels", "quantise")

Angles = NDArray[np.int64] | None
"""Of both bands, (2, 3); None for grey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Images to encode, and with what.

    Parameters
    ----------
    pixels : (n, C, 16 h, 16 w)
    coefficients : n of (h, w, C, 256) int32
        Of each channel by itself.
    quantisation : Quantisation
    steps : (C, 256) int64
    model : DctModel
    price, masking : float
        As `prices_of` has them, of images that were not decoded before.
    """

    pixels: Pixels
    coefficients: list[NDArray[np.int32]]
    quantisation: Quantisation
    steps: NDArray[np.int64]
    model: DctModel
    price: float
    masking: float

    @property
    def blocks(self) -> int:
        """Of all images."""
        return sum(image[..., 0, 0].size for image in self.coefficients)


class Known(NamedTuple):
    """What a reader will know of an image, as the inverse transform takes it.

    Parameters
    ----------
    symbols : (h, w, C, 256) int16
    matrices : ndarray or None
        Of the axes of colour.
    steps : (C, 256) int64 or None
        None where symbols are multiplied by them.
    """

    symbols: NDArray[np.int16]
    matrices: NDArray[np.int32] | None
    steps: NDArray[np.int64] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """Images that were encoded.

    Parameters
    ----------
    payload : bytes
    error : int
        Sum of squared errors, in 256ths of squared steps.
    is_decoded : bool
        Whether they were decoded from such a payload before.
    images : list of Known
        In their order in the chunk.
    """

    payload: bytes
    error: int
    is_decoded: bool
    images: list[Known]

    def cost(self, price: float) -> float:
        """Return the error and what the bits are worth, in 256ths of squared steps."""
        return self.error + 8 * len(self.payload) * price


def axes_of(
    pixels: Pixels, coefficients: NDArray[np.int32], steps: NDArray[np.int64], fraction: int
) -> tuple[Angles, bool]:
    """Return the axes of an image, and whether it was decoded along them before.

    Parameters
    ----------
    pixels : (C, 16 h, 16 w)
    coefficients : (h, w, C, 256) int32
    steps : (C, 256) int64
    fraction : int
        Bits of a pixel below a grey level.
    """
    short = steps.astype(np.int32)
    if len(steps) == 1:
        return None, enc_grid.is_on_grid(coefficients, short)
    return enc_grid.find_grid(pixels, coefficients, short, fraction)


def along(
    channels: NDArray[np.int32], angles: Angles
) -> tuple[NDArray[np.int32], NDArray[np.int32] | None]:
    """Return the coefficients of channels along axes of colour, and the matrices of these."""
    if angles is None:
        return channels, None
    matrices = matrices_of(angles)
    return enc_axes.rotate(channels, matrices), matrices


def angle_bytes(angles: Angles) -> bytes:
    """Return angles as a payload has them."""
    return b"" if angles is None else angles.astype(ANGLES).tobytes()


def targets_of(coefficients: NDArray[np.int32], steps: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return coefficients in sixteenths of their steps, rounded."""
    factors = 16 / steps.astype(np.float64)
    kernel = _QUANTISE.compiled()
    if kernel is None:
        limited = np.rint(coefficients * factors).clip(-LARGEST_TARGET, LARGEST_TARGET)
        return limited.astype(np.int32)
    targets = np.empty(coefficients.shape, np.int32)
    kernel(coefficients.reshape(-1), factors.reshape(-1), LARGEST_TARGET, targets.reshape(-1))
    return targets


def error_of(targets: NDArray[np.int32], symbols: NDArray[np.int16]) -> int:
    """Return the sum of squared differences, in 256ths of squared steps."""
    differences = targets - 16 * symbols.astype(np.int32)
    return int(np.vdot(differences, differences.astype(np.int64)))
