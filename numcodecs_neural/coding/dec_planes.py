"""Planes (n, C, H, W) of a chunk's box as an array of any layout, margins included."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.format import ChunkHeader

__all__ = ["from_planes"]

Planes = NDArray[Any]


def from_planes(planes: Planes, header: ChunkHeader) -> NDArray[Any]:
    """Return the decoded chunk from the planes of its box: margins added, layout restored."""
    height, width = header.plane
    if header.box != header.plane:
        whole = np.full((*planes.shape[:2], height, width), header.margin_value, planes.dtype)
        whole[..., : header.box[0], : header.box[1]] = planes
        planes = whole
    if header.channel_axis:
        others = list(header.shape)
        channels = others.pop(header.channel_axis)
        array = planes.reshape(*others[:-2], channels, *others[-2:])
        array = np.moveaxis(array, -3, header.channel_axis)
    else:
        array = planes.reshape(header.shape)
    laid_out = np.asarray(array, dtype=header.dtype, order=header.order)
    # One value for a whole plane takes no memory until here; of a single pixel it is still shared.
    return laid_out if laid_out.flags.writeable else laid_out.copy()
