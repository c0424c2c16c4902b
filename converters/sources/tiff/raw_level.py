"""RawLevel: planes of a TIFF image that are not compressed, read row by row."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

from ...geometry.levels import Region
from .frame_layout import Part
from .level import Level, path_of

__all__ = ["RawLevel"]

# Rows of pixels are read in pieces of about this size.
PIECE_NBYTES = 4 << 20
# How many times larger than its file a plane cannot be, but by a mistake in its size.
FAR_TOO_SMALL = 100


class RawLevel(Level):
    """A level whose pixels are stored one after the other, and read as they are.

    Parameters
    ----------
    start : int, optional
        Where the first plane is, if all others follow it in the same file, whatever the pages say.
    """

    def __init__(self, *arguments: Any, start: int | None) -> None:
        super().__init__(*arguments)
        self._start = start
        order = self.keyframe.parent.byteorder
        self._dtype = np.dtype(self.keyframe.dtype).newbyteorder(order)
        self._samples = int(self.keyframe.shaped[-1])
        self._row_nbytes = self.shape[1] * self._samples * self._dtype.itemsize
        self._check_size()

    def read(self, out: NDArray[Any], region: Region, part: Part) -> None:
        """Read rows, some at a time."""
        path, offset = self._place_of(part)
        if offset == 0:
            out[:] = self._missing
            return
        step = max(PIECE_NBYTES // self._row_nbytes, 1)
        for top in range(0, region.height, step):
            rows = min(step, region.height - top)
            start = offset + (region.y + top) * self._row_nbytes
            data = self._reader.read(path, start, rows * self._row_nbytes)
            if len(data) < rows * self._row_nbytes:
                raise SourceError(
                    f"{path}: the file is cut off: rows {region.y + top} to "
                    f"{region.y + top + rows - 1} of level {self._number} are not in it"
                )
            pixels = np.frombuffer(data, self._dtype).reshape(rows, self.shape[1], self._samples)
            piece = pixels[:, region.x : region.x + region.width, part.samples]
            out[top : top + rows] = self._converted(piece.astype(self._dtype.newbyteorder("=")))

    def close(self) -> None:
        """Nothing is kept."""

    def _check_size(self) -> None:
        """Refuse a file that is far too small for one plane, before anyone counts its chunks.

        Of others that are cut off, reading names the rows.
        """
        path, nbytes = path_of(self.keyframe), self.shape[0] * self._row_nbytes
        is_stored = any(self.keyframe.dataoffsets)
        if is_stored and FAR_TOO_SMALL * path.stat().st_size < nbytes:
            raise SourceError(
                f"{path}: the file is cut off: it has fewer bytes than the {self.shape[1]} x "
                f"{self.shape[0]} pixels of level {self._number}"
            )

    def _place_of(self, part: Part) -> tuple[Path, int]:
        """Return the file of a plane and where it begins in it; 0 where it is not stored."""
        nbytes = self.shape[0] * self._row_nbytes
        if self._start is not None:
            return path_of(self.keyframe), self._start + part.plane * nbytes
        number, plane = self._page_of(part)
        page = self.pages[number]
        if not page.dataoffsets or page.dataoffsets[0] == 0:
            return path_of(page), 0
        return path_of(page), int(page.dataoffsets[0]) + plane * nbytes
