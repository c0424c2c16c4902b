"""StoredLevel: the chunks of a level, and how many of them hold JPEG tiles."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from numcodecs_neural.codec import holds_jpeg, mosaic_of
from numcodecs_neural.errors import BitstreamError, SourceError
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.jpeg.requantize import EXACT
from numcodecs_neural.omezarr.chunk_files import StoredChunks

from .tiling import LevelShape, Sides

__all__ = ["StoredLevel", "Survey"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the chunks of a level are.

    Parameters
    ----------
    exact, other, absent : int
        Chunks in mode ``jpeg``, in others, and not stored.
    first : tuple of int, optional
        Row and column of the first exact one.
    """

    exact: int
    other: int
    absent: int
    first: Sides | None

    @property
    def count(self) -> int:
        """All chunks."""
        return self.exact + self.other + self.absent

    @property
    def reason(self) -> str | None:
        """Why the level cannot be written with the coefficients of the source; None if it can."""
        if self.other and not self.exact:
            return "it is not kept in JPEG tiles"
        if self.other:
            return f"{self.other} of its {self.count} chunks are not kept in JPEG tiles (mode jpeg)"
        return None if self.exact else "none of its chunks is stored"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLevel:
    """A level.

    Parameters
    ----------
    number : int
        0 is full resolution.
    shape, chunk : tuple of int
        Of the array, and of its chunks; y and x are last.
    fill : int
        Sample of chunks that are not stored.
    chunks : StoredChunks, optional
        Their bytes; None if another codec wrote them.
    coarser, jpeg_quality : int
        How many of them the converter made coarser than the source, and by which quality.
    """

    number: int
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    fill: int
    chunks: StoredChunks | None = field(repr=False)
    coarser: int = 0
    jpeg_quality: int = EXACT

    @property
    def sides(self) -> LevelShape:
        """Sides of the level and its chunks."""
        return LevelShape(
            level=(self.shape[-2], self.shape[-1]), chunk=(self.chunk[-2], self.chunk[-1])
        )

    @property
    def nbytes(self) -> int:
        """Size of all chunks."""
        return 0 if self.chunks is None else sum(map(self._size, self._cells()))

    def survey(self, workers: int) -> Survey:
        """Count the chunks by what they are; each is read, and its checksum compared.

        Raises
        ------
        SourceError
            If one is damaged; names it.
        """
        cells = list(self._cells())
        if self.chunks is None:
            return Survey(exact=0, other=len(cells), absent=0, first=None)
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(self._is_exact, cells))
        return Survey(
            exact=found.count(True),
            other=found.count(False),
            absent=found.count(None),
            first=cells[found.index(True)] if True in found else None,
        )

    def read(self, cell: Sides) -> Mosaic | None:
        """Return the JPEG tiles of the chunk at (row, column); None where it is not stored."""
        data = self._read(cell)
        if data is None:
            return None
        try:
            return mosaic_of(data)
        except BitstreamError as exc:
            raise self._error(cell, exc) from exc

    def _is_exact(self, cell: Sides) -> bool | None:
        data = self._read(cell)
        try:
            return None if data is None else holds_jpeg(data)
        except BitstreamError as exc:
            raise self._error(cell, exc) from exc

    def _read(self, cell: Sides) -> bytes | None:
        return None if self.chunks is None else self.chunks.read(self._index(cell))

    def _size(self, cell: Sides) -> int:
        return 0 if self.chunks is None else self.chunks.size(self._index(cell))

    def _index(self, cell: Sides) -> tuple[int, ...]:
        """Return the index of a chunk along all axes: channels are in one."""
        return (0,) * (len(self.shape) - 2) + cell

    def _cells(self) -> Iterator[Sides]:
        sides = self.sides
        rows, columns = (
            -(-level // chunk) for level, chunk in zip(sides.level, sides.chunk, strict=True)
        )
        return ((row, column) for row in range(rows) for column in range(columns))

    def _error(self, cell: Sides, exc: BitstreamError) -> SourceError:
        return SourceError(
            f"the chunk at row {cell[0]}, column {cell[1]} of level {self.number} is damaged: {exc}"
        )
