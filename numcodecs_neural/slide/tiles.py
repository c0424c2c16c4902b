"""Tiles: the chunks of a slide as they are shown, each made once while the cache holds it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.reading.reader import ImageReader
from numcodecs_neural.reading.regions import Part, parts_of

from .display import Display

__all__ = ["Form", "Place", "Tiles"]

Form = Literal["rgb", "rgba"]


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle of a level, in its pixels; it may reach beyond the level.

    Parameters
    ----------
    level : int
    x, y : int
        Of its left upper pixel.
    width, height : int
    """

    level: int
    x: int
    y: int
    width: int
    height: int


class Tiles:
    """Rectangles of a slide as red, green and blue, from tiles that are as large as its chunks.

    Parameters
    ----------
    reader : ImageReader
    display : Display
        Which channels, times and planes are shown, and how.
    form : {"rgb", "rgba"}
        Tiles of shape (3, y, x), or (y, x, 4) with opaque pixels.
    """

    def __init__(self, reader: ImageReader, display: Display, form: Form) -> None:
        self._reader, self._display, self._form = reader, display, form
        self._axes = reader.image.metadata.axes
        self._frame = tuple(display.frame.get(axis, 0) for axis in "tz")
        self._shapes = tuple(tuple(level.shape[-2:]) for level in reader.levels)
        self._sides = tuple(tuple(level.sides[-2:]) for level in reader.levels)

    def fill(self, targets: Sequence[NDArray[np.uint8]], places: Sequence[Place]) -> None:
        """Write rectangles into arrays of the tiles' form; what is beyond the level stays as it is.

        Tiles that several of them need are made once, and those that are not there yet at the same
        time.

        Raises
        ------
        SourceError
            If a chunk is lost, damaged, or not to be decoded here.
        """
        parts = [list(self._parts(place)) for place in places]
        needed = dict.fromkeys(
            (place.level, *part.index)
            for place, some in zip(places, parts, strict=True)
            for part in some
        )
        keys = [(self._form, *self._frame, *tile) for tile in needed]
        tiles = dict(zip(needed, self._reader.keep_all(keys, self._make), strict=True))
        for target, place, some in zip(targets, places, parts, strict=True):
            for part in some:
                tile = tiles[(place.level, *part.index)]
                target[self._at(part.target)] = tile[self._at(part.source)]

    def _parts(self, place: Place) -> Iterator[Part]:
        """Yield the parts of a place that are inside its level."""
        height, width = self._shapes[place.level]
        top, left = max(place.y, 0), max(place.x, 0)
        bottom, right = min(place.y + place.height, height), min(place.x + place.width, width)
        if top >= bottom or left >= right:
            return
        shift_y, shift_x = top - place.y, left - place.x
        for part in parts_of(((top, bottom), (left, right)), self._sides[place.level]):
            rows, columns = part.target
            yield Part(part.index, part.source, (_moved(rows, shift_y), _moved(columns, shift_x)))

    def _at(self, place: tuple[slice, ...]) -> tuple[slice, ...]:
        return (slice(None), *place) if self._form == "rgb" else place

    def _make(self, key: tuple[Any, ...]) -> NDArray[np.uint8]:
        level, row, column = key[-3:]
        planes = self._planes(level, row, column)
        height, width = planes.shape[1:]
        is_one_color = planes.strides[1:] == (0, 0)
        if is_one_color:
            planes = planes[:, :1, :1]
        rgb = self._display.rgb(planes)
        tile = _opaque(rgb) if self._form == "rgba" else rgb
        if not is_one_color:
            return tile
        return np.broadcast_to(tile, self._shape_of_tile(height, width))

    def _shape_of_tile(self, height: int, width: int) -> tuple[int, ...]:
        return (height, width, 4) if self._form == "rgba" else (3, height, width)

    def _planes(self, level: int, row: int, column: int) -> NDArray[Any]:
        """Return the channels that are shown, of one chunk's place: (channels, y, x)."""
        chunks = self._reader.level(level)
        side = dict(zip(self._axes, chunks.sides, strict=True))
        at = {axis: self._place(axis, level) for axis in "tz"} | {"y": row, "x": column}
        wanted = self._display.channels if "c" in self._axes else (0,)
        side_c = side.get("c", 1)
        found = []
        for chunk_c in sorted({channel // side_c for channel in wanted}):
            places = at | {axis: at[axis] // side[axis] for axis in "tz" if axis in side}
            places["c"] = chunk_c
            chunk = chunks.decode(tuple(places[axis] for axis in self._axes))
            inside = {axis: at[axis] % side[axis] for axis in "tz" if axis in side}
            planes = chunk[tuple(inside.get(axis, slice(None)) for axis in self._axes)]
            planes = planes if "c" in self._axes else planes[np.newaxis]
            found.append(_chosen(planes, chunk_c * side_c, wanted))
        return found[0] if len(found) == 1 else _stacked(found)

    def _place(self, axis: str, level: int) -> int:
        """Return the plane, or time, of a level that lies where that of level 0 does."""
        at = dict(zip("tz", self._frame, strict=True))[axis]
        if axis not in self._axes:
            return at
        number = self._axes.index(axis)
        whole, length = (self._reader.level(n).shape[number] for n in (0, level))
        return at * length // whole


def _chosen(planes: NDArray[Any], first: int, wanted: tuple[int, ...]) -> NDArray[Any]:
    """Return those of a chunk's channels that are wanted; the first of them is number `first`."""
    if len(wanted) == len(planes) and wanted[0] == first:
        return planes
    here = [channel - first for channel in wanted if 0 <= channel - first < len(planes)]
    if planes.strides[1:] == (0, 0):
        return np.broadcast_to(planes[here, :1, :1], (len(here), *planes.shape[1:]))
    return planes[here]


def _stacked(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Return channels of several chunks as one array; of one colour if each is."""
    if all(part.strides[1:] == (0, 0) for part in parts):
        pixel = np.concatenate([part[:, :1, :1] for part in parts])
        return np.broadcast_to(pixel, (len(pixel), *parts[0].shape[1:]))
    return np.concatenate(parts)


def _opaque(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (3, y, x) as (y, x, 4), whose last sample is 255."""
    tile = np.empty((*rgb.shape[1:], 4), np.uint8)
    for n, plane in enumerate(rgb):
        tile[..., n] = plane
    tile[..., 3] = 255
    return tile


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)
