"""JPEG tiles with coarser coefficients on their own grid, in fewer bytes.

A coefficient that was rounded to multiples of a step loses least where it is rounded again to a
multiple of that: half of the values stay as they are when a step doubles. And equal steps of all
frequencies cost the fewest bits at a given squared error. So each step becomes its largest multiple
up to one limit, which is the same for all frequencies and components. Doing so again changes
nothing.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.mosaic import Mosaic

__all__ = ["EXACT", "requantized"]

EXACT = 100
"""The quality that changes nothing."""


def requantized(mosaic: Mosaic, quality: int) -> Mosaic:
    """Return the mosaic with its quantisation steps enlarged, and its coefficients rounded to them.

    Parameters
    ----------
    mosaic : Mosaic
    quality : int
        1 to 100: each step becomes its largest multiple up to ``101 - quality``, and one that is
        larger already stays. At 100 everything does.

    Returns
    -------
    Mosaic
        The same one where no step changes.

    Raises
    ------
    ConfigError
        If the quality is none.
    """
    if not 1 <= quality <= EXACT:
        raise ConfigError(f"quality of JPEG data is {quality}; it must be 1 to {EXACT}")
    steps = tuple(
        tuple(max((EXACT + 1 - quality) // step, 1) * step for step in own) for own in mosaic.steps
    )
    if steps == mosaic.steps:
        return mosaic
    coefficients = tuple(
        _rounded(blocks, np.array(coarser) // np.array(own))
        for blocks, own, coarser in zip(mosaic.coefficients, mosaic.steps, steps, strict=True)
    )
    return dataclasses.replace(mosaic, steps=steps, coefficients=coefficients)


def _rounded(blocks: NDArray[np.int16], factors: NDArray[np.int64]) -> NDArray[np.int16]:
    """Return coefficients in units that are so many times larger.

    Halves go to zero, which takes fewer bits at the same error; those of DC to the even number,
    since an image would become greyer.
    """
    rounded = np.sign(blocks) * (
        (2 * np.abs(blocks.astype(np.int32)) + factors - 1) // (2 * factors)
    )
    rounded[..., 0] = np.rint(blocks[..., 0] / factors[0])
    narrow: NDArray[np.int16] = rounded.astype(np.int16)
    return narrow
