"""JpegPicture: the coefficients of a JPEG file without tiles, cut into windows."""

from pathlib import Path

from numcodecs_neural.errors import JpegError, SourceError, UnsupportedJpegError
from numcodecs_neural.jpeg.mosaic import Mosaic

from ...geometry.levels import Region
from ..base import JpegTiles
from ..jpeg.mosaics import join_tiles, span_of
from ..jpeg.parsed import ParsedJpeg, parse_jpeg
from ..tile_cache import TileCache

__all__ = ["JpegPicture"]


class JpegPicture:
    """A JPEG file that is one image.

    It is read down to its coefficients once, when the first window is asked for; they stay in
    memory, as the pixels do.

    Parameters
    ----------
    path : Path
        The file.
    tiles : JpegTiles
        Its only one, or why its coefficients are of no use.
    """

    def __init__(self, path: Path, tiles: JpegTiles) -> None:
        self._path, self.tiles = path, tiles
        self._parsed: TileCache[ParsedJpeg] = TileCache(0)

    @classmethod
    def of(cls, path: Path, data: bytes, *, samples: int, is_turned: bool) -> "JpegPicture":
        """Return the picture that `data` are, all of which is checked.

        Parameters
        ----------
        samples : int
            Of a pixel, as it was decoded.
        is_turned : bool
            Whether pixels were turned upright afterwards.

        Raises
        ------
        SourceError
            If it is damaged.
        """
        try:
            frame = parse_jpeg(data).frame
        except UnsupportedJpegError as exc:
            return cls(path, JpegTiles(reason=f"its {exc}"))
        except JpegError as exc:
            raise SourceError(f"{path} does not decode as a picture: {exc}") from exc
        if is_turned:
            return cls(path, JpegTiles(reason="it is turned upright as its Exif says"))
        shape = frame.height, frame.width
        tiles = JpegTiles.of(data, tile=shape, grid=(1, 1), samples=samples, sizes=[shape])
        return cls(path, tiles)

    def mosaic(self, region: Region) -> Mosaic:
        """Return the window of the image that `region` needs.

        Raises
        ------
        UnsupportedJpegError
            If the coefficients are of no use, or the region does not begin with a unit.
        SourceError
            If the file changed since it was opened.
        """
        if self.tiles.reason is not None:
            raise UnsupportedJpegError(self.tiles.reason)
        try:
            parsed = self._parsed.get_or_decode(
                (0,), lambda: parse_jpeg(self._path.read_bytes()), is_kept=True, is_big=True
            )
        except (JpegError, OSError) as exc:
            raise SourceError(f"{self._path} changed while it was read: {exc}") from exc
        height, width = self.tiles.tile
        rows = span_of(region.y, region.y + region.height, height, height)
        columns = span_of(region.x, region.x + region.width, width, width)
        return join_tiles([[parsed]], (255,) * len(parsed.coefficients), rows, columns)

    def close(self) -> None:
        """Let go of the coefficients."""
        self._parsed.clear()
