"""SlideSource: what the converter asks of a reader."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..geometry import Region

__all__ = ["Compression", "SlideInfo", "SlideSource"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """One compression that the pixels went through before they came here.

    Parameters
    ----------
    method : str
        Name of the codec, in small letters.
    quality : int, optional
        As the file states it, on the codec's own scale.
    ratio : float, optional
        Raw bytes over stored bytes of level 0, where it could be measured.
    """

    method: str
    quality: int | None = None
    ratio: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideInfo:
    """What is known about a slide before a pixel is read.

    Parameters
    ----------
    name : str
        Name of the file without folder and suffix.
    level_shapes : tuple
        (height, width) of each level of the source, largest first.
    mpp : tuple of float, optional
        Microns per pixel of level 0, (y, x); None where the source does not tell.
    history : tuple of Compression
        Oldest first; empty where nothing was lost.
    size_bytes : int, optional
        Size of the source file.
    """

    name: str
    level_shapes: tuple[tuple[int, int], ...]
    mpp: tuple[float, float] | None
    history: tuple[Compression, ...]
    size_bytes: int | None

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of level 0."""
        return self.level_shapes[0]


class SlideSource(Protocol):
    """A slide of 8-bit RGB pixels, read region by region from many threads at a time."""

    @property
    def info(self) -> SlideInfo:
        """What is known without reading pixels."""

    def read_region(self, region: Region, level: int = 0) -> NDArray[np.uint8]:
        """Return the pixels of `region`, shape (height, width, 3).

        Parameters
        ----------
        region : Region
            In pixels of `level`; wholly inside it.
        level : int
            Level of the source.

        Raises
        ------
        SourceError
            If its pixels do not decode; names the file, the level and the tile.
        """

    def close(self) -> None:
        """Let go of the file."""
