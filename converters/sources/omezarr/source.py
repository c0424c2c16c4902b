"""OmeZarrSource: an OME-Zarr image of any version, in a folder or in a zip."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.files.reasons import reason_of
from numcodecs_neural.omezarr.lost_files import LostFiles, find_lost_files
from numcodecs_neural.omezarr.opened import OpenedImage
from numcodecs_neural.reading.cache import ChunkCache
from numcodecs_neural.reading.chunks import READ_ERRORS
from numcodecs_neural.reading.reader import ImageReader

from ...geometry.levels import Region
from ..base import Associated, FileSource, Frame, SlideInfo
from .describe import describe

__all__ = ["OmeZarrSource", "open_source"]

# Of chunks that regions share, or that hold several frames.
_KEPT_NBYTES = 64 << 20


def open_source(path: Path, *, series: int = 0) -> "OmeZarrSource":
    """Open one image of an OME-Zarr store."""
    return OmeZarrSource(path, series)


class OmeZarrSource(FileSource):
    """An image of an OME-Zarr store.

    Three channels of 8 bits are RGB if their colours are red, green and blue, or if they are named
    so and shown in colour. Axes of length 1 are left out, and levels of fewer planes or times. What
    is not stored is read as the fill value; what this package's coverage says was stored, and is
    not there, is an error.

    Parameters
    ----------
    path : Path or str
        Folder, zip or URL of the store.
    series : int
        Which image, where it holds several.

    Raises
    ------
    SourceError
        If it is no image of OME-Zarr, has no such series, a codec that is not installed, or a level
        0 of which a part is lost.
    """

    def __init__(self, path: Path | str, series: int = 0) -> None:
        self._location, self._series = path, series
        self._reader = ImageReader(path, series=series, cache=ChunkCache(_KEPT_NBYTES))
        try:
            self._info = self._describe()
            self._lost = self._find_lost()
            # Of level 0 at once: a conversion would meet it after hours.
            self._lost.check(0, (slice(None),) * len(self._image.metadata.axes))
        except BaseException:
            self._reader.close()
            raise

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._location, self._series)

    @property
    def _image(self) -> OpenedImage:
        return self._reader.image

    @property
    def chunk_sides(self) -> list[int]:
        """Width of a chunk of each level, in pixels."""
        return [int(level.chunks[-1]) for level in self._image.levels_of_all_planes]

    @property
    def windows(self) -> tuple[tuple[float, float] | None, ...]:
        """Samples that viewers show as black and in full colour, of each channel that tells."""
        return self._image.metadata.windows

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> NDArray[Any]:
        """Return the pixels of `region`, shape (height, width, samples)."""
        index = (*self._leading(frame), *region.slices)
        self._lost.check(level, index)
        pixels = self._reader.read(level, index)
        pixels = np.stack(list(pixels), -1) if self._info.is_rgb else pixels[..., np.newaxis]
        return np.ascontiguousarray(pixels, dtype=self._info.dtype)

    def read_associated(self, name: Associated) -> NDArray[np.uint8] | None:
        """Return the picture of the label or the whole glass, which our own stores may keep."""
        try:
            planes = self._image.extra(name)
        except READ_ERRORS as exc:
            raise SourceError(
                f"{self._location}: its {name} picture does not decode: {exc}"
            ) from exc
        return None if planes is None else np.ascontiguousarray(np.moveaxis(planes, 0, -1))

    def close(self) -> None:
        """Close the store."""
        self._reader.close()

    def _leading(self, frame: Frame) -> list[int | slice]:
        """Return the index of the axes before y and x."""
        at = dict(zip((axis for axis, _ in self._info.frames), frame, strict=True))
        has_colors = self._info.is_rgb
        return [
            slice(None) if axis == "c" and has_colors else at.get(axis, 0)
            for axis in self._image.metadata.axes[:-2]
        ]

    def _find_lost(self) -> LostFiles:
        try:
            return find_lost_files(self._image)
        except SourceError:
            raise
        except READ_ERRORS as exc:
            raise SourceError(f"{self._location}: its coverage cannot be read: {exc}") from exc

    def _describe(self) -> SlideInfo:
        try:
            return describe(self._image, series=self._series)
        except SourceError:
            raise
        except READ_ERRORS as exc:
            raise SourceError(
                f"{self._location}: its metadata cannot be read: {reason_of(exc)}"
            ) from exc
