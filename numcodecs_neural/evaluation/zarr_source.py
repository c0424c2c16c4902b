"""Regions of a Zarr array as images: read one by one, and no more of them than asked for."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from numcodecs_neural.errors import ConfigError, NeuralCodecError, SourceError
from numcodecs_neural.evaluation.kinds import Pixels

__all__ = ["ZarrRegion", "is_zarr", "regions"]

METADATA = ("zarr.json", ".zarray", ".zgroup")
# Regions start every 2048 pixels, so that a source's JPEG grid starts where a region does, and
# reach 16 further, so that crops that start off the grid still hold 4 x 4 chunks.
PITCH_PX, MARGIN_PX = 2048, 16
STEP_PX = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZarrRegion:
    """A rectangle of an array, read when it is needed.

    Parameters
    ----------
    name : str
    array : zarr.Array
    axes : str
        One letter for each axis of `array`: ``y``, ``x``, ``c``, or ``.`` for one of length 1
        that is dropped.
    rows, columns : slice
    """

    name: str
    array: Any
    axes: str
    rows: slice
    columns: slice

    def read(self) -> Pixels:
        """Return its pixels (H, W, C).

        Raises
        ------
        SourceError
            If a chunk cannot be read or decoded.
        """
        choice = {"y": self.rows, "x": self.columns, "c": slice(None), ".": 0}
        try:
            pixels = np.asarray(self.array[tuple(choice[axis] for axis in self.axes)])
        # Codecs and stores raise what they like.
        except Exception as exc:
            raise SourceError(f"{self.name} cannot be read: {exc}") from exc
        kept = self.axes.replace(".", "")
        if "c" not in kept:
            return pixels[..., np.newaxis]
        return np.moveaxis(pixels, kept.index("c"), -1)


def is_zarr(path: Path) -> bool:
    """Whether a folder holds the metadata of a Zarr array or group, of version 2 or 3."""
    return any((path / name).is_file() for name in METADATA)


def regions(path: Path, *, max_pixels: int) -> tuple[ZarrRegion, ...]:
    """Return regions that are spread over the array and hold `max_pixels` or less together.

    Regions of one colour, as glass that was not stored is, are passed over: no codec has a curve
    there. An array that is smaller than `max_pixels` is covered but for its last rows and columns.

    Parameters
    ----------
    path : Path
        An array, or a group that holds one, or an OME-Zarr image, of which level 0 is taken.
    max_pixels : int

    Raises
    ------
    ConfigError
        If `max_pixels` are less than one chunk.
    SourceError
        If there is no such array, its axes or dtype are not those of an image, or all is of one
        colour.
    """
    side = min(PITCH_PX + MARGIN_PX, math.isqrt(max_pixels))
    if side < STEP_PX:
        raise ConfigError(
            f"{max_pixels} pixels are too few to measure: take at least {STEP_PX} x {STEP_PX}, and "
            "more where crops start off the grid or are reduced"
        )
    array, name = _open(path)
    axes = _axes(array, name)
    height, width = (array.shape[axes.index(axis)] for axis in "yx")
    pitch = max(side // STEP_PX * STEP_PX - MARGIN_PX, STEP_PX)
    corners = [(y, x) for y in _starts(height, side, pitch) for x in _starts(width, side, pitch)]
    wanted = max(1, max_pixels // (min(side, height) * min(side, width)))
    found = []
    for y, x in _spread(corners):
        rows, columns = slice(y, min(y + side, height)), slice(x, min(x + side, width))
        region = ZarrRegion(
            name=f"{name} at ({y}, {x})", array=array, axes=axes, rows=rows, columns=columns
        )
        pixels = region.read()
        if (pixels != pixels[:1, :1]).any():
            found.append(region)
        if len(found) == wanted:
            break
    if not found:
        raise SourceError(f"{name} is of one colour wherever it was read: give another array")
    return tuple(found)


def _open(path: Path) -> tuple[Any, str]:
    """Return the array and what to call it."""
    import zarr

    try:
        node = zarr.open(str(path), mode="r")
        if not hasattr(node, "shape"):
            path /= _level_0(node, path)
            node = zarr.open(str(path), mode="r")
    except NeuralCodecError:
        raise
    # Damaged metadata and unknown codecs show as whatever zarr met first.
    except Exception as exc:
        raise SourceError(f"{path} cannot be opened by Zarr: {exc}") from exc
    if not hasattr(node, "shape"):
        raise SourceError(f"{path} is a group and no Zarr array: name an array in it")
    return node, str(path)


def _level_0(group: Any, path: Path) -> str:
    """Return the path of the array to take from a group."""
    attributes = dict(group.attrs)
    multiscales = attributes.get("ome", attributes).get("multiscales")
    if multiscales:
        return str(multiscales[0]["datasets"][0]["path"])
    arrays = sorted(name for name, _ in group.arrays())
    if len(arrays) != 1:
        held = ", ".join(arrays) if arrays else "none"
        raise SourceError(f"{path} is a group and no array; arrays in it: {held}. Name one array")
    return str(arrays[0])


def _axes(array: Any, name: str) -> str:
    """Return which axis is which: the channels are those of length 3 beside y and x."""
    shape: Sequence[int] = array.shape
    axes = ["." if length == 1 else "?" for length in shape]
    # y and x are the last two, or stand before channels of length 3 or 1.
    kept = [number for number, axis in enumerate(axes) if axis == "?"]
    if len(kept) == 3 and shape[kept[0]] == 3:
        letters = "cyx"
    elif len(kept) == 3 and shape[kept[2]] == 3:
        letters = "yxc"
    elif len(kept) == 2:
        letters = "yx"
    else:
        letters = ""
    if not letters or 0 in shape or array.dtype.name not in ("uint8", "uint16"):
        raise SourceError(
            f"{name} holds {array.dtype} samples of shape {tuple(shape)}; measured are uint8 and "
            "uint16 of shape (c, y, x), (y, x, c) or (y, x), c being 3 or 1 and no axis empty"
        )
    for number, letter in zip(kept, letters, strict=True):
        axes[number] = letter
    return "".join(axes)


def _starts(length: int, side: int, pitch: int) -> range:
    """Return where whole regions start; one that is longer than the array starts at 0."""
    return range(0, max(length - side, 0) + 1, pitch)


def _spread(corners: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield all of `corners`, far from each other first: in the order of their reversed bits."""
    bits = max(len(corners) - 1, 1).bit_length()
    for number in range(1 << bits):
        place = int(f"{number:0{bits}b}"[::-1], 2)
        if place < len(corners):
            yield corners[place]
