"""A level of an OME-Zarr image as a DataArray with named dimensions and physical coordinates."""

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from numcodecs_neural.omezarr.lost_files import find_lost_files
from numcodecs_neural.omezarr.metadata import Placement
from numcodecs_neural.omezarr.opened import OpenedImage, open_omezarr

from .places import checked_level

__all__ = ["open_level"]

_RGB = ("red", "green", "blue")


def open_level(store: str | Path, n: int = 0, *, series: int = 0) -> xr.DataArray:
    """Return a level of an image, of which nothing is read before it is asked for.

    Its dimensions are those of ``t c z y x`` that the image has. Coordinates are of the centres of
    pixels, in micrometres, and in seconds along ``t``, where the store has units that are known;
    else they count what the store counts, and have no ``units``. Channels go by their names, if all
    have one of their own.

    Parameters
    ----------
    store : str or Path
        A folder, a zip (``.ozx``), or a URL.
    n : int
        Which level; 0 is the largest, -1 the smallest.
    series : int
        Which image, where the store holds several.

    Raises
    ------
    SourceError
        If it is no image of OME-Zarr, has no such series, a codec that is not installed, or has
        lost files of this level.
    ConfigError
        If there is no such level.

    Examples
    --------
    >>> slide = open_level("slide.ome.zarr", 2)                          # doctest: +SKIP
    >>> slide.sel(y=slice(500, 900), x=slice(500, 900)).sizes            # doctest: +SKIP
    Frozen({'c': 3, 'y': 200, 'x': 200})
    """
    image = open_omezarr(store, series=series)
    try:
        level = checked_level(image, n)
        array, placement = image.levels[level], image.metadata.placements[level]
        find_lost_files(image).check(level, (slice(None),) * array.ndim)
    except BaseException:
        image.close()
        raise
    opened = xr.DataArray(
        da.from_array(array, chunks=array.shards or array.chunks, name=False, meta=_meta(image)),
        dims=tuple(image.metadata.axes),
        coords=_coordinates(image, array.shape, placement),
        name=image.metadata.name or None,
        attrs={"level": level, "store": image.files.location},
    )
    opened.set_close(image.close)
    return opened


def _meta(image: OpenedImage) -> NDArray[Any]:
    return np.empty((0,) * len(image.metadata.axes), image.levels[0].dtype)


def _coordinates(
    image: OpenedImage, shape: tuple[int, ...], placement: Placement
) -> dict[str, xr.Variable]:
    """Return the coordinates of all axes but channels without names."""
    found: dict[str, xr.Variable] = {}
    for axis, length in zip(image.metadata.axes, shape, strict=True):
        if axis == "c":
            names = _channel_names(image, length)
            if names:
                found["c"] = xr.Variable("c", list(names))
            continue
        values = placement.translation[axis] + placement.scale[axis] * np.arange(length)
        unit = placement.units.get(axis)
        found[axis] = xr.Variable(axis, values, {"units": unit} if unit else {})
    return found


def _channel_names(image: OpenedImage, count: int) -> tuple[str, ...]:
    if image.is_rgb:
        return _RGB
    names = tuple(channel.label for channel in image.metadata.channels)
    return names if len({*names} - {""}) == count else ()
