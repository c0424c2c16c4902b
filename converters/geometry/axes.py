"""Axes: how the frames of a slide lie in the one array of a level."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from .levels import Region

__all__ = ["Axes", "Frame"]

Frame = tuple[int, ...]
"""Index of a frame along the axes that frames are picked from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """The axes of a level's array, in the order of OME-Zarr: some of t, c, z, then y, x.

    A frame is what is coded together: the three channels of an RGB slide at one time and depth, or
    one channel of any other. It is written in chunks of length 1 along all other axes.

    Parameters
    ----------
    samples : int
        3 for RGB, 1 for all else.
    frames : tuple
        (axis, length) of the axes that frames are picked from.
    """

    samples: int
    frames: tuple[tuple[str, int], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all axes."""
        return (*(name for name, _ in self._leading), "y", "x")

    @property
    def is_plain(self) -> bool:
        """Whether there is one frame and no axis to pick it from."""
        return not self.frames

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return the shape of an array of all frames."""
        return (*(length for _, length in self._leading), height, width)

    def frame_shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return the shape of one frame in that array, and so of chunks and shards."""
        return (*(3 if self._is_sample(name) else 1 for name, _ in self._leading), height, width)

    def index(self, frame: Frame, region: Region) -> tuple[slice, ...]:
        """Return where a region of a frame lies in the array."""
        place = iter(frame)
        leading = (
            slice(0, 3) if self._is_sample(name) else _only(next(place))
            for name, _ in self._leading
        )
        return (*leading, *region.slices)

    def chunk_index(self, frame: Frame, cell: tuple[int, int]) -> tuple[int, ...]:
        """Return the number of a chunk, or shard, along all axes."""
        place = iter(frame)
        leading = (0 if self._is_sample(name) else next(place) for name, _ in self._leading)
        return (*leading, *cell)

    def all_frames(self) -> Iterator[Frame]:
        """Iterate over all frames; one that is empty for a plain slide."""
        return product(*(range(length) for _, length in self.frames))

    @property
    def count(self) -> int:
        """Number of frames."""
        return math.prod(length for _, length in self.frames)

    @property
    def _leading(self) -> list[tuple[str, int]]:
        leading = dict(self.frames) | ({"c": 3} if self.samples == 3 else {})
        return [(name, leading[name]) for name in ("t", "c", "z") if name in leading]

    def _is_sample(self, name: str) -> bool:
        return name == "c" and self.samples == 3


def _only(index: int) -> slice:
    return slice(index, index + 1)
