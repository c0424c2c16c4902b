"""Display: how the channels of an image are shown as red, green and blue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.omezarr.metadata import ome_attributes, omero_of, window_of_channel
from numcodecs_neural.omezarr.opened import OpenedImage
from numcodecs_neural.omezarr.shown_channels import (
    ShownChannel,
    added_up,
    default_color,
    rgb_of,
)

__all__ = ["Display", "display_of"]


@dataclass(frozen=True, slots=True)
class Display:
    """What is shown of an image.

    Parameters
    ----------
    shown : tuple
        The channels that are added up; empty if the samples are red, green and blue already.
    frame : dict
        Which time and which plane are shown, by the axis.
    """

    shown: tuple[ShownChannel, ...]
    frame: Mapping[str, int]

    @property
    def channels(self) -> tuple[int, ...]:
        """Which channels are needed."""
        return tuple(shown.channel for shown in self.shown) or (0, 1, 2)

    def rgb(self, planes: NDArray[Any]) -> NDArray[np.uint8]:
        """Return planes (channels, y, x) as red, green and blue (3, y, x)."""
        if not self.shown:
            rgb: NDArray[np.uint8] = planes
            return rgb
        return added_up(planes, self.shown)


def display_of(image: OpenedImage, *, z: int | None, t: int | None) -> Display:
    """Return how an image is to be shown, as its ``omero`` says where it has any.

    Three channels of 8 bits without colours are red, green and blue. Otherwise each channel that
    is active is shown in its colour from the start to the end of its window.

    Raises
    ------
    SourceError
        If there is no such plane or time.
    """
    omero = omero_of(ome_attributes(image.attributes))
    count = image.shape.get("c", 1)
    # What is said of another number of channels is said of another image.
    entries = omero["channels"] if len(omero["channels"]) == count else [{}] * count
    has_colors = any(isinstance(entry.get("color"), str) for entry in entries)
    is_rgb = image.is_rgb or (count == 3 and image.dtype == np.uint8 and not has_colors)
    shown = () if is_rgb else _shown(entries, image.dtype)
    asked = {"z": z, "t": t}
    frame = {
        axis: _frame(axis, at, omero["rdefs"], image.shape.get(axis, 1))
        for axis, at in asked.items()
    }
    return Display(shown, frame)


def _shown(entries: list[dict[str, Any]], dtype: np.dtype[Any]) -> tuple[ShownChannel, ...]:
    is_any_active = any(entry.get("active", True) for entry in entries)
    count = len(entries)
    return tuple(
        ShownChannel(
            n,
            *(window_of_channel(entry) or _whole_range(dtype)),
            _color(entry, default_color(n, count)),
        )
        for n, entry in enumerate(entries)
        if entry.get("active", True) or not is_any_active
    )


def _whole_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the darkest and the brightest sample that may be."""
    return (0.0, 1.0) if dtype.kind == "f" else (0.0, float(np.iinfo(dtype).max))


def _color(entry: dict[str, Any], default: str) -> tuple[int, int, int]:
    text = str(entry.get("color") or "").lstrip("#")
    try:
        return rgb_of(text)
    except ValueError:
        return rgb_of(default)


def _frame(axis: str, asked: int | None, defaults: dict[str, Any], length: int) -> int:
    """Return the place along an axis that is asked for, or that the store shows first."""
    if asked is None:
        told = defaults.get(f"default{axis.upper()}")
        return told if isinstance(told, int) and 0 <= told < length else 0
    if not 0 <= asked < length:
        raise SourceError(f"{axis}={asked} was asked for; the image has {axis} 0 to {length - 1}")
    return asked
