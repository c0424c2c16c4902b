"""CziScene: the sub-blocks of one image of a CZI file, by frame and level."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

from ...geometry.levels import Region
from ..base import Frame
from .blocks import Block

__all__ = ["CziScene", "find_scenes", "scene_of"]

_AXES = ("T", "C", "Z")
# Parts of a plane, and of a file; all other axes but these would need one of their own.
_IGNORED = ("S", "M", "B")
# Tiles of level 0 overlap more than those of reduced levels.
_MOST = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class CziLevel:
    """One level: its size, and its blocks by frame, the later ones above the earlier.

    Parameters
    ----------
    bounds : dict
        Of each frame, for each block: top, left, bottom and right in pixels of the level.
    """

    shape: tuple[int, int]
    blocks: dict[Frame, list[Block]]
    bounds: dict[Frame, NDArray[np.int64]]

    def is_reduction_of(self, finer: "CziLevel") -> bool:
        """Whether it has all frames of `finer`, and about as much in them; true of itself."""
        area, finer_area = (
            sum(block.height * block.width for some in level.blocks.values() for block in some)
            for level in (self, finer)
        )
        return self.blocks.keys() == finer.blocks.keys() and area >= _MOST * finer_area

    def blocks_in(self, region: Region, frame: Frame) -> Iterator[tuple[Block, int, int]]:
        """Iterate over the blocks that a region touches, with the place of their corners."""
        bounds = self.bounds[frame]
        top, left, bottom, right = bounds.T
        is_hit = (top < region.y + region.height) & (bottom > region.y)
        is_hit &= (left < region.x + region.width) & (right > region.x)
        for number in np.flatnonzero(is_hit):
            yield self.blocks[frame][number], int(top[number]), int(left[number])


@dataclass(frozen=True, slots=True, kw_only=True)
class CziScene:
    """An image.

    Parameters
    ----------
    frames : tuple
        (axis, length), as `SlideInfo` has it.
    levels : tuple of CziLevel
        Largest first.
    first : Block
        One of level 0, whose samples are like those of all.
    """

    frames: tuple[tuple[str, int], ...]
    levels: tuple[CziLevel, ...]
    first: Block


def find_scenes(blocks: list[Block]) -> list[list[Block]]:
    """Return the blocks of each scene, in the order of their numbers."""
    numbers = sorted({block.indices.get("S", 0) for block in blocks})
    return [[block for block in blocks if block.indices.get("S", 0) == n] for n in numbers]


def scene_of(blocks: list[Block], path: Path, *, has_names: bool) -> CziScene:
    """Put the blocks of a scene in their places.

    Blocks that are smaller by the same whole factor make a reduced level, if they show all of it.

    Parameters
    ----------
    has_names : bool
        Whether channels have names, for which a single one is kept as an axis.

    Raises
    ------
    SourceError
        If it has axes that OME-Zarr has not, or blocks of several kinds of samples.
    """
    _check_axes(blocks, path)
    full = [block for block in blocks if block.scale == 1]
    if not full:
        raise SourceError(f"{path} holds a scene of reduced pixels only: its level 0 is missing")
    first = full[0]
    kinds = {(block.dtype, block.samples) for block in blocks}
    if len(kinds) > 1:
        raise SourceError(
            f"{path} holds channels of different kinds of samples in one scene: export them apart"
        )
    starts, frames = _frames(full, has_names=has_names and first.samples == 1)
    if first.samples > 1 and "c" in dict(frames):
        raise SourceError(
            f"{path} holds several channels of colours in one scene: export them apart"
        )
    by_scale: dict[int, list[Block]] = {}
    for block in blocks:
        by_scale.setdefault(block.scale, []).append(block)
    origin = min(block.y for block in full), min(block.x for block in full)
    levels = [_level(by_scale[s], s, starts, frames, origin) for s in sorted(by_scale)]
    complete = [level for level in levels if level.is_reduction_of(levels[0])]
    return CziScene(frames=frames, levels=tuple(complete), first=first)


def _check_axes(blocks: list[Block], path: Path) -> None:
    for axis in {axis for block in blocks for axis in block.indices}:
        count = len({block.indices.get(axis, 0) for block in blocks})
        if axis not in (*_AXES, *_IGNORED) and count > 1:
            raise SourceError(
                f"{path} holds {count} images along its axis {axis}, which OME-Zarr does not have: "
                "process or split it in ZEN first"
            )


def _frames(
    blocks: list[Block], *, has_names: bool
) -> tuple[dict[str, int], tuple[tuple[str, int], ...]]:
    """Return the first index of each axis that frames are picked from, and these axes."""
    starts: dict[str, int] = {}
    frames = []
    for axis in _AXES:
        indices = {block.indices.get(axis, 0) for block in blocks}
        length = max(indices) - min(indices) + 1
        if length > 1 or (axis == "C" and has_names):
            starts[axis] = min(indices)
            frames.append((axis.lower(), length))
    return starts, tuple(frames)


def _level(
    blocks: list[Block],
    scale: int,
    starts: dict[str, int],
    frames: tuple[tuple[str, int], ...],
    origin: tuple[int, int],
) -> CziLevel:
    by_frame: dict[Frame, list[Block]] = {}
    for block in sorted(blocks, key=lambda block: block.indices.get("M", 0)):
        frame = tuple(block.indices.get(axis, 0) - start for axis, start in starts.items())
        by_frame.setdefault(frame, []).append(block)
    bounds = {
        frame: np.array([_bounds(block, scale, origin) for block in some], np.int64)
        for frame, some in by_frame.items()
    }
    everything = np.concatenate(list(bounds.values()))
    shape = int(everything[:, 2].max()), int(everything[:, 3].max())
    return CziLevel(shape=shape, blocks=by_frame, bounds=bounds)


def _bounds(block: Block, scale: int, origin: tuple[int, int]) -> tuple[int, int, int, int]:
    top = round((block.y - origin[0]) / scale)
    left = round((block.x - origin[1]) / scale)
    return top, left, top + block.stored[0], left + block.stored[1]
