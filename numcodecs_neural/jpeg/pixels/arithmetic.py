"""Constants of the arithmetic from coefficients to samples, and the range in which it is defined.

All of it is that of libjpeg-turbo's default decoder: the "slow" integer inverse DCT, triangle
filters to upsample, and YCbCr in fixed point of 16 bits.

Its vector units compute in 16 bits with saturation where the C code computes in 32 bits and wraps,
so beyond `WORKING_RANGE` and `OUTPUT_RANGE` the result depends on the machine. There is then no
answer to reproduce, and `range_error` is raised. Within them no product and no sum leaves 32 bits:
one pass multiplies by at most 8 x 11,363.
"""

from numcodecs_neural.errors import UnsupportedJpegError

__all__ = [
    "CB_TO_BLUE",
    "CB_TO_GREEN",
    "COLOUR_BITS",
    "COLUMN_SHIFT",
    "CR_TO_GREEN",
    "CR_TO_RED",
    "FRACTION_BITS",
    "LEVEL",
    "OUTPUT_RANGE",
    "ROW_SHIFT",
    "WORKING_RANGE",
    "fixed",
    "is_smoothed",
    "range_error",
]

FRACTION_BITS = 13
"""Of the constants of the inverse DCT."""

COLUMN_SHIFT, ROW_SHIFT = FRACTION_BITS - 2, FRACTION_BITS + 5
"""Columns are transformed first, and keep 2 bits; rows then take these, and 3 of the transform."""

LEVEL = 128
"""Added to each sample."""

WORKING_RANGE = 1 << 14
"""Dequantised coefficients, and columns once transformed, lie in ``[-2**14, 2**14)``."""

OUTPUT_RANGE = 1 << 9
"""Samples lie in ``[-512, 512)`` before `LEVEL` is added and they are limited to 8 bits."""

COLOUR_BITS = 16


def fixed(value: float, bits: int = FRACTION_BITS) -> int:
    """Return a constant in fixed point.

    >>> fixed(0.541196100)
    4433
    """
    return int(value * (1 << bits) + 0.5)


CR_TO_RED = fixed(1.40200, COLOUR_BITS)
CB_TO_BLUE = fixed(1.77200, COLOUR_BITS)
CR_TO_GREEN = -fixed(0.71414, COLOUR_BITS)
CB_TO_GREEN = -fixed(0.34414, COLOUR_BITS)


def is_smoothed(across: int, down: int, columns: int) -> bool:
    """Return whether a component is upsampled by a triangle filter; otherwise samples repeat.

    `across` and `down` are ratios to the image, `columns` are samples in a row of the component.
    """
    return (across == 2 and down in (1, 2) and columns > 2) or (across == 1 and down == 2)


def range_error(component: int, row: int, column: int) -> UnsupportedJpegError:
    """Return the error of a block whose samples depend on the machine that decodes it."""
    return UnsupportedJpegError(
        f"JPEG block at row {row}, column {column} of component {component} has coefficients so "
        "large that decoders differ"
    )
