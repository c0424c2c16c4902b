"""The inverse of `dec_inverse` in torch: the same pixels on any device.

Import it only when a torch device decodes. Products are in float64, which holds every sum exactly.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from numcodecs_neural.dct.arithmetic import (
    BASIS,
    BLOCK,
    COLUMN_SHIFT,
    COSINE_BITS,
    IS_LOW,
    LEVEL,
    ROW_SHIFT,
    VALUE_MAX,
    VALUE_MIN,
    pixel_dtype,
)
from numcodecs_neural.dct.dec_steps import dequantised

__all__ = ["inverse", "inverse_on"]


def inverse_on(
    device: str,
) -> Callable[..., NDArray[Any]]:
    """Return `inverse` for arrays of numpy, computed on a device."""

    def run(
        coefficients: NDArray[np.int16],
        matrices: NDArray[np.int32] | None,
        fraction: int,
        steps: NDArray[np.int64] | None = None,
    ) -> NDArray[Any]:
        if steps is not None:
            coefficients = dequantised(coefficients, steps)
        pixels = inverse(torch.from_numpy(coefficients).to(device), matrices, fraction)
        return pixels.cpu().numpy().astype(pixel_dtype(fraction))

    return run


def inverse(
    coefficients: torch.Tensor, matrices: NDArray[np.integer] | None, fraction: int
) -> torch.Tensor:
    """Return the pixels of blocks, on their device.

    Parameters
    ----------
    coefficients : (h, w, A, 256) of any type
        Dequantised, in eighths of a grey level, within int16.
    matrices : (2, 3, 3) or None
    fraction : int

    Returns
    -------
    (A, 16 h, 16 w) uint8, or int32 with fraction bits: torch's uint16 is incomplete
    """
    h, w, channels, _ = coefficients.shape
    basis = torch.from_numpy(BASIS).to(coefficients.device, torch.float64)
    rgb = coefficients.double()
    if matrices is not None:
        rgb = _to_rgb(rgb, matrices)
    blocks = rgb.reshape(h, w, channels, BLOCK, BLOCK)
    columns = _limited(_rounded(basis.T @ blocks, COLUMN_SHIFT))
    rows = _rounded(columns @ basis + (LEVEL << ROW_SHIFT), ROW_SHIFT - fraction)
    pixels = rows.clamp(0, (256 << fraction) - 1).to(torch.int32 if fraction else torch.uint8)
    return pixels.permute(2, 0, 3, 1, 4).reshape(channels, BLOCK * h, BLOCK * w)


def _to_rgb(axes: torch.Tensor, matrices: NDArray[np.integer]) -> torch.Tensor:
    low, high = (
        _rounded(torch.from_numpy(m.astype(np.float64)).to(axes.device).T @ axes, COSINE_BITS)
        for m in matrices
    )
    return _limited(torch.where(torch.from_numpy(IS_LOW).to(axes.device), low, high))


def _rounded(sums: torch.Tensor, shift: int) -> torch.Tensor:
    return torch.floor((sums + (1 << (shift - 1))) / (1 << shift))


def _limited(values: torch.Tensor) -> torch.Tensor:
    return values.clamp(VALUE_MIN, VALUE_MAX)
