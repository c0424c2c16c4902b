"""JPEG coefficients of one colour, for what a store does not hold."""

import numpy as np

from numcodecs_neural.jpeg import Colour

__all__ = ["constant_coefficients"]

_MIDDLE, _LARGEST = 128, 255
_SAMPLES_PER_DC = 8
# Of JFIF: from red, green and blue to luma, blue and red difference.
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def constant_coefficients(
    fill: tuple[int, ...], colour: Colour, steps: tuple[tuple[int, ...], ...]
) -> tuple[int, ...]:
    """Return the DC coefficient of each component whose blocks are nearest to a colour.

    White, black and the middle grey are met exactly, whatever the steps.

    Parameters
    ----------
    fill : tuple of int
        One sample a channel, as decoders show it.
    colour : Colour
        What the components are.
    steps : tuple of tuple of int
        Quantisation steps of each component.

    Examples
    --------
    >>> constant_coefficients((255,), Colour.GREY, ((16,) * 64,))
    (64,)
    """
    samples = np.array(fill, np.float64)
    if colour is Colour.YCBCR:
        samples = _YCBCR @ samples + [0, _MIDDLE, _MIDDLE]
    return tuple(_dc(float(sample), table[0]) for sample, table in zip(samples, steps, strict=True))


def _dc(sample: float, step: int) -> int:
    exact = _SAMPLES_PER_DC * (sample - _MIDDLE) / step
    # Decoders clip: at both ends a little more is no more.
    if sample >= _LARGEST - 1e-6:
        return int(np.ceil(exact - 1e-6))
    if sample <= 1e-6:
        return int(np.floor(exact))
    return round(exact)
