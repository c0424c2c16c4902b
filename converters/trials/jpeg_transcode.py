"""Lossless transcoding of a slide's own JPEG tiles to JPEG XL: how much it would save."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from numcodecs_neural.measure.picking import pick

__all__ = ["Transcoding", "WithJpegFiles", "transcode_tiles"]

_TILES = 64


@runtime_checkable
class WithJpegFiles(Protocol):
    """A source whose stored tiles can be had as they are."""

    def jpeg_files(self, level: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Yield (row, column, JPEG file) of each tile of a level that is stored as JPEG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcoding:
    """Tiles of level 0 as JPEG XL keeps them: their JPEG files can be had back, bit by bit.

    Parameters
    ----------
    jpeg_nbytes : int
        Of all tiles, as they are in the source.
    tiles : int
        How many of them were transcoded.
    ratio : float
        Size of those after, over that before.
    """

    jpeg_nbytes: int
    tiles: int
    ratio: float

    @property
    def nbytes(self) -> int:
        """Size of all tiles after, estimated."""
        return round(self.jpeg_nbytes * self.ratio)


def transcode_tiles(source: object) -> Transcoding | None:
    """Transcode a sample of a source's own JPEG tiles.

    Returns None where there are none, or none that JPEG XL can keep.

    Raises
    ------
    SourceError
        If the file ends before a tile does.
    """
    import imagecodecs

    if not isinstance(source, WithJpegFiles):
        return None
    total, picked = _pick(source)
    before = after = tiles = 0
    for jpeg in picked:
        try:
            transcoded = imagecodecs.jpegxl_encode_jpeg(jpeg, numthreads=1)
        except imagecodecs.JpegxlError:
            # Kinds of JPEG that it does not know, such as of 12 bits.
            continue
        before, after, tiles = before + len(jpeg), after + len(transcoded), tiles + 1
    if not tiles:
        return None
    return Transcoding(jpeg_nbytes=total, tiles=tiles, ratio=round(after / before, 4))


def _pick(source: WithJpegFiles) -> tuple[int, list[bytes]]:
    """Return the bytes of all tiles, and some of their files."""
    sizes = []

    def tiles() -> Iterator[tuple[int, int, bytes]]:
        for tile in source.jpeg_files():
            sizes.append(len(tile[2]))
            yield tile

    picked = pick(tiles(), _TILES, key=lambda tile: tile[:2])
    return sum(sizes), [jpeg for *_, jpeg in picked]
