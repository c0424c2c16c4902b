"""TiledLevel: planes of a TIFF image in tiles or strips, which are decoded as wholes."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import JpegError, SourceError, UnsupportedJpegError

from ...geometry.levels import Region
from ..jpeg.parsed import ParsedJpeg
from ..jpeg2000 import check_jpeg2000
from ..tile_cache import TileCache
from .frame_layout import Part
from .jpeg_streams import has_end, parse_tile
from .level import Level, path_of
from .photometric import JPEGS
from .tile_grid import BIG_NBYTES, TileGrid, decode_tile

__all__ = ["TiledLevel"]

MAX_TILE_NBYTES = 4 << 30
# A JPEG says its sizes and its tables within these first bytes.
HEADER_NBYTES = 1 << 20
_JPEG2000 = frozenset({33003, 33004, 33005, 34712})


class TiledLevel(Level):
    """A level in tiles or strips, which are decoded as wholes.

    Parameters
    ----------
    cache : TileCache
        Keeps tiles that are wanted again.
    parsed : TileCache
        Keeps the coefficients of JPEG tiles.
    """

    def __init__(
        self,
        *arguments: Any,
        cache: TileCache[NDArray[Any]],
        parsed: TileCache[ParsedJpeg],
    ) -> None:
        super().__init__(*arguments)
        self._cache, self._parsed = cache, parsed
        self.grid = TileGrid.of(self.keyframe)
        grid, samples = self.grid, self.keyframe.shaped[-1]
        nbytes = grid.tile_height * grid.tile_width * grid.tile_depth * samples
        if nbytes < 1:
            raise SourceError(
                f"{path_of(self.keyframe)} has tiles of no pixels in level {self._number}"
            )
        self._tile_nbytes = nbytes * np.dtype(self.keyframe.dtype).itemsize
        if self._tile_nbytes > MAX_TILE_NBYTES:
            raise SourceError(
                f"{path_of(self.keyframe)} has tiles or strips of {self._tile_nbytes >> 30} GB "
                f"in level {self._number}, which must be decoded as wholes: save it in tiles"
            )

    def read(self, out: NDArray[Any], region: Region, part: Part) -> None:
        """Read tile by tile."""
        rows, columns = self.grid.tiles_of(region)
        for row in rows:
            for column in columns:
                self._copy_tile(out, region, part, (row, column))

    def close(self) -> None:
        """Let go of the tiles that were kept, of all levels."""
        self._cache.clear()
        self._parsed.clear()

    def first_tile(self) -> tuple[Any, bytes] | None:
        """Return the first bytes of a tile that is stored, and its page; None without any."""
        for page in self.pages:
            for offset, size in zip(page.dataoffsets, page.databytecounts, strict=False):
                if offset and size:
                    data = self._reader.read(path_of(page), offset, min(size, HEADER_NBYTES))
                    return page, data
        return None

    def parsed_tile(self, part: Part, tile: tuple[int, int]) -> ParsedJpeg | None:
        """Return the coefficients of a JPEG tile; None if it is not stored.

        Raises
        ------
        UnsupportedJpegError
            If they are not read of tiles of this kind.
        SourceError
            If it is damaged; names the file, the level and the tile.
        """
        found = self._find(part, tile)
        if found is None:
            return None
        if int(found[0].keyframe.compression) not in JPEGS:
            raise UnsupportedJpegError("some of its tiles are not JPEG")
        return self._parse(*found, part, tile)

    def stored_tiles(self) -> Iterator[tuple[int, int, Any, bytes]]:
        """Yield row, column, page and bytes of the tiles of the first plane that are stored."""
        part = next(iter(self.layout.parts((0,) * len(self.layout.frames))))
        page = self.pages[self._page_of(part)[0]]
        for row, column in product(range(self.grid.rows), range(self.grid.columns)):
            index = self.grid.index(0, row, column)[0]
            if _size_of_tile(page, index):
                yield row, column, page, self._bytes(page, index, part, (row, column))

    def _copy_tile(
        self, out: NDArray[Any], region: Region, part: Part, tile: tuple[int, int]
    ) -> None:
        grid = self.grid
        wanted = grid.overlap(region, *tile)
        target = out[wanted.relative_to(region).slices]
        is_cut = wanted.height < grid.tile_height or wanted.width < grid.tile_width
        pixels = self._tile(part, tile, is_kept=is_cut)
        if pixels is None:
            target[:] = self._missing
            return
        y, x = tile[0] * grid.tile_height, tile[1] * grid.tile_width
        piece = pixels[wanted.relative_to(Region(y, x, 0, 0)).slices]
        if piece.shape[:2] != target.shape[:2]:
            raise self._error(part, tile, f"has {pixels.shape[1]} x {pixels.shape[0]} pixels")
        target[:] = self._converted(piece[:, :, part.samples])

    def _tile(self, part: Part, tile: tuple[int, int], *, is_kept: bool) -> NDArray[Any] | None:
        """Return the pixels of a tile, (height, width, samples); None if it is not stored."""
        found = self._find(part, tile)
        if found is None:
            return None
        number, plane = self._page_of(part)
        page, index = found
        depth = self.grid.index(plane, *tile)[1]
        pixels = self._cache.get_or_decode(
            (self._number, number, index),
            lambda: self._decode(page, index, part, tile),
            is_kept=is_kept or self.grid.tile_depth > 1 or self.layout.is_interleaved,
            is_big=self._tile_nbytes >= BIG_NBYTES,
        )
        tile_of_plane: NDArray[Any] = pixels[depth]
        return tile_of_plane

    def _find(self, part: Part, tile: tuple[int, int]) -> tuple[Any, int] | None:
        """Return the page of a tile and its index there; None if it is not stored."""
        number, plane = self._page_of(part)
        index, page = self.grid.index(plane, *tile)[0], self.pages[number]
        size = _size_of_tile(page, index)
        if size is None:
            raise self._error(part, tile, "is missing from the file's index")
        return (page, index) if size else None

    def _decode(self, page: Any, index: int, part: Part, tile: tuple[int, int]) -> NDArray[Any]:
        data = self._bytes(page, index, part, tile)
        self._check(page, index, part, tile, data)
        try:
            return decode_tile(page, index, data)
        except SourceError as exc:
            raise self._error(part, tile, str(exc)) from exc

    def _check(self, page: Any, index: int, part: Part, tile: tuple[int, int], data: bytes) -> None:
        """Refuse damaged tiles of which decoders make something nevertheless."""
        compression = int(page.keyframe.compression)
        if compression in JPEGS:
            try:
                self._parse(page, index, part, tile, data)
            except UnsupportedJpegError as exc:
                if not has_end(page, data):
                    what = "does not decode: its JPEG data are cut off"
                    raise self._error(part, tile, what) from exc
        elif compression in _JPEG2000:
            try:
                check_jpeg2000(data)
            except ValueError as exc:
                raise self._error(part, tile, f"does not decode: {exc}") from exc

    def _parse(
        self, page: Any, index: int, part: Part, tile: tuple[int, int], data: bytes | None = None
    ) -> ParsedJpeg:
        """Return the coefficients of a JPEG tile; `data` are its bytes, where they were read."""

        def parse() -> ParsedJpeg:
            read = self._bytes(page, index, part, tile) if data is None else data
            return parse_tile(page, read)

        try:
            return self._parsed.get_or_decode(
                (self._number, self._page_of(part)[0], index),
                parse,
                is_kept=True,
                is_big=self._tile_nbytes >= BIG_NBYTES,
            )
        except UnsupportedJpegError:
            raise
        except JpegError as exc:
            raise self._error(part, tile, f"does not decode: {exc}") from exc

    def _bytes(self, page: Any, index: int, part: Part, tile: tuple[int, int]) -> bytes:
        offset, size = int(page.dataoffsets[index]), int(page.databytecounts[index])
        data = self._reader.read(path_of(page), offset, size)
        if len(data) < size:
            raise self._error(part, tile, f"has {len(data)} of {size} bytes: the file is cut off")
        return data

    def _error(self, part: Part, tile: tuple[int, int], what: str) -> SourceError:
        page, _ = self._page_of(part)
        of_page = f" of plane {part.plane}" if self.layout.planes > 1 else ""
        path = path_of(self.pages[page])
        return SourceError(
            f"{path}: the tile at row {tile[0]}, column {tile[1]} of level {self._number}"
            f"{of_page} {what}"
        )


def _size_of_tile(page: Any, index: int) -> int | None:
    """Return the number of bytes of a tile: 0 if it is not stored, None if it should be."""
    if index >= min(len(page.dataoffsets), len(page.databytecounts)):
        return None
    return int(page.databytecounts[index]) if page.dataoffsets[index] else 0
