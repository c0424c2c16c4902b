"""StoredRegion: sizes and first bytes of chunks, from a store's files and the indexes of shards."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.files.folder import Folder
from numcodecs_neural.omezarr.chunk_files import EMPTY, StoredChunks

from ..geometry.axes import Axes, Frame
from ..geometry.levels import Cell, LevelGrid

__all__ = ["StoredRegion"]

# As many bytes as say how a chunk is coded.
_START_NBYTES = 17


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredRegion:
    """The chunks of a region that were written.

    Parameters
    ----------
    store : Folder
        Root of the store.
    array : zarr.Array
        The level that `grid` describes.
    grid : LevelGrid
    cell : tuple of int
        (row, column) of the region.
    axes : Axes
        Those of the array.
    frame : tuple of int
        Which frame's region.
    """

    store: Folder
    array: zarr.Array[Any]
    grid: LevelGrid
    cell: Cell
    axes: Axes
    frame: Frame

    def nbytes(self) -> tuple[NDArray[np.int64], int]:
        """Return the size of each chunk of the region, and of the files that hold them.

        Returns
        -------
        sizes : ndarray
            In the shape of the region's grid of chunks; 0 where nothing is stored.
        total : int
            Bytes of the files, shard index included.
        """
        if self.array.shards is None:
            sizes = np.zeros(self._shape, np.int64)
            for chunk in np.ndindex(self._shape):
                sizes[chunk] = self.store.size(self._chunk_file(chunk))
            return sizes, int(sizes.sum())
        total = self.store.size(self._shard_file())
        if total == 0:
            return np.zeros(self._shape, np.int64), 0
        return self._shard_index()[1], total

    def starts(self, sizes: NDArray[np.int64]) -> dict[Cell, bytes]:
        """Return the first bytes of each stored chunk, by its row and column in the region.

        Parameters
        ----------
        sizes : ndarray
            What `nbytes` returned.
        """
        cells = [(int(row), int(column)) for row, column in np.argwhere(sizes > 0)]
        if not cells:
            return {}
        if self.array.shards is None:
            places = [(self._chunk_file(cell), 0) for cell in cells]
        else:
            offsets, file = self._shard_index()[0], self._shard_file()
            places = [(file, int(offsets[cell])) for cell in cells]
        return dict(zip(cells, self.store.parts(places, _START_NBYTES), strict=True))

    @property
    def _shape(self) -> Cell:
        rows, columns = self.grid.chunks_of(self.cell)
        return rows.stop - rows.start, columns.stop - columns.start

    def _chunk_file(self, chunk: tuple[int, ...]) -> str:
        rows, columns = self.grid.chunks_of(self.cell)
        cell = rows.start + chunk[0], columns.start + chunk[1]
        return self._file(self.axes.chunk_index(self.frame, cell))

    def _shard_file(self) -> str:
        return self._file(self.axes.chunk_index(self.frame, self.cell))

    def _file(self, place: tuple[int, ...]) -> str:
        return f"{self.array.path}/{self.array.metadata.encode_chunk_key(place)}"

    def _shard_index(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the offsets and sizes of chunks that a shard's end lists."""
        shard = self.axes.chunk_index(self.frame, self.cell)
        index = StoredChunks(self.store, self.array.path, self.array).shard_index(shard)
        side = self.grid.region_px // self.grid.chunk_px
        index = index.reshape(side, side, 2)
        index = index[: self._shape[0], : self._shape[1]]
        sizes = np.where(index[..., 0] == EMPTY, 0, index[..., 1])
        return index[..., 0].astype(np.int64), sizes.astype(np.int64)
