"""Checkpoint: the journal of a conversion, kept beside the store until it is complete.

A region that is in it is done: its pixels are stored, and its reduced pixels wait for the next
level. So a task may run twice, after a crash or on a second worker, and a conversion that was
killed goes on where it was.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.files.folder import Folder

from ..geometry.axes import Frame
from ..geometry.levels import Cell
from ..measure.distortion import ChunkQuality

__all__ = ["Checkpoint", "RegionResult"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionResult:
    """Sizes and distortion of one region that was written.

    Parameters
    ----------
    level : int
        Its level.
    frame : tuple of int
        Its frame.
    cell : tuple of int
        Its (row, column) among the level's regions.
    pixels : int
        Its size.
    chunk_nbytes : ndarray
        Bytes of each of its chunks, 0 where nothing is stored; int64.
    nbytes : int
        Bytes of its files.
    quality : ChunkQuality
        Sums over the tissue of its sampled chunks.
    chunks_sampled : int
        How many those are.
    low, high : float, optional
        The darkest and the brightest original sample in them; None without any.
    exact : int
        How many chunks are stored exactly: in a level that keeps the source's JPEG data, and of
        those in exact regions elsewhere.
    coarser : int
        How many have other pixels than the source, since its JPEG data were made coarser.
    fallbacks : dict
        How many of the others are not, by the reason why.
    """

    level: int
    frame: Frame
    cell: Cell
    pixels: int
    chunk_nbytes: NDArray[np.int64]
    nbytes: int
    quality: ChunkQuality = field(default_factory=ChunkQuality)
    chunks_sampled: int = 0
    low: float | None = None
    high: float | None = None
    exact: int = 0
    coarser: int = 0
    fallbacks: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-safe values, which `from_json` takes back."""
        return asdict(self) | {"chunk_nbytes": self.chunk_nbytes.tolist()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the result that `to_json` gave."""
        row, column = values.pop("cell")
        return cls(
            frame=tuple(values.pop("frame")),
            cell=(row, column),
            chunk_nbytes=np.array(values.pop("chunk_nbytes"), np.int64),
            quality=ChunkQuality(**values.pop("quality")),
            **values,
        )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One small file for each finished region.

    Parameters
    ----------
    folder : Folder
        The folder of these files.
    """

    folder: Folder

    def find(self, level: int, frame: Frame, cell: Cell) -> RegionResult | None:
        """Return the result of a region; None if it is not done."""
        content = self.folder.read(_name(level, frame, cell))
        return None if content is None else RegionResult.from_json(json.loads(content))

    def add(self, result: RegionResult) -> None:
        """Note that a region is done."""
        name = _name(result.level, result.frame, result.cell)
        self.folder.write(name, json.dumps(result.to_json()).encode())


def _name(level: int, frame: Frame, cell: Cell) -> str:
    return f"{level}/{'.'.join(map(str, (*frame, *cell)))}.json"
