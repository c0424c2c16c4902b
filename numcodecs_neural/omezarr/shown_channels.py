"""Channels as viewers show them: each in a colour from dark to bright, and all added up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ShownChannel", "added_up", "default_color", "rgb_of"]

_WHITE = "FFFFFF"
# Of channels without colours, one after the other.
_COLORS = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")


@dataclass(frozen=True, slots=True)
class ShownChannel:
    """How one channel is shown.

    Parameters
    ----------
    channel : int
        Its place on the axis ``c``.
    start, end : float
        The samples that are shown black and in full colour.
    color : tuple of int
        Red, green and blue of the brightest sample.
    """

    channel: int
    start: float
    end: float
    color: tuple[int, int, int]


def default_color(channel: int, count: int) -> str:
    """Return six hexadecimal digits for a channel that has no colour: white for one alone.

    Examples
    --------
    >>> default_color(0, 1), default_color(1, 3)
    ('FFFFFF', 'FF00FF')
    """
    return _WHITE if count == 1 else _COLORS[channel % len(_COLORS)]


def rgb_of(digits: str) -> tuple[int, int, int]:
    """Return red, green and blue of six hexadecimal digits; raises ValueError at others."""
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def added_up(planes: Iterable[NDArray[Any]], shown: Sequence[ShownChannel]) -> NDArray[np.uint8]:
    """Return channels in their colours, added up, (3, height, width).

    Parameters
    ----------
    planes : iterable of ndarray
        Samples (height, width) of each channel in `shown`, of which there is one at least.
    shown : sequence of ShownChannel

    Examples
    --------
    >>> green = ShownChannel(0, 0.0, 100.0, (0, 255, 0))
    >>> added_up([np.array([[0, 50, 100]], np.uint16)], [green])[1]
    array([[  0, 128, 255]], dtype=uint8)
    """
    light: NDArray[np.float32] | None = None
    for one, plane in zip(shown, planes, strict=True):
        if light is None:
            light = np.zeros((3, *plane.shape), np.float32)
        width = max(one.end - one.start, float(np.finfo(np.float32).tiny))
        bright = np.clip((plane.astype(np.float32) - one.start) / width, 0, 1)
        if plane.dtype.kind == "f":
            # A channel of which nothing is known somewhere leaves the others as they are.
            bright = np.nan_to_num(bright)
        for part, color in zip(light, one.color, strict=True):
            if color:
                part += bright * color
    if light is None:
        raise ValueError("no channel is given")
    return np.rint(light).clip(0, 255).astype(np.uint8)
