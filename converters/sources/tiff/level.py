"""Level: base class of the levels of a TIFF image."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ...geometry.levels import Region
from .file import ByteReader
from .frame_layout import Layout, Part
from .photometric import Photometric

__all__ = ["Level", "path_of"]

# What scanners leave out of a slide that they saw in colour is glass.
MISSING_RGB, MISSING = 255, 0


class Level(ABC):
    """The planes of one level.

    Parameters
    ----------
    pages : list
        Of tifffile, in order.
    number : int
        Of the level.
    layout, photometric
        Of the image.
    reader : ByteReader
        Reads the files.
    """

    def __init__(
        self,
        pages: list[Any],
        number: int,
        layout: Layout,
        photometric: Photometric,
        reader: ByteReader,
    ) -> None:
        self.pages = pages
        self.keyframe = pages[0].keyframe
        self._number, self._reader, self._photometric = number, reader, photometric
        self._missing = MISSING_RGB if layout.samples == 3 else MISSING
        self.layout = layout
        bands, depth = self.keyframe.shaped[:2]
        self._planes_per_page = int(bands * depth)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.keyframe.imagelength), int(self.keyframe.imagewidth)

    @property
    def missing_pixel(self) -> tuple[int, ...]:
        """Samples of pixels that are not stored."""
        return (self._missing,) * self.layout.samples

    @property
    def is_converted(self) -> bool:
        """Whether stored samples stand for others."""
        return self._photometric.convert is not None

    @abstractmethod
    def read(self, out: NDArray[Any], region: Region, part: Part) -> None:
        """Read the samples of `part` into `out`, (height, width, samples).

        Raises
        ------
        SourceError
            If they do not decode; names the file, the level and the tile.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of what was kept of it."""

    def _page_of(self, part: Part) -> tuple[int, int]:
        """Return the number of the page that a plane is in, and of the plane in the page."""
        return divmod(part.plane, self._planes_per_page)

    def _converted(self, pixels: NDArray[Any]) -> NDArray[Any]:
        return pixels if self._photometric.convert is None else self._photometric.convert(pixels)


def path_of(page: Any) -> Path:
    """Return the file that a page is in."""
    return Path(page.parent.filehandle.path)
