"""Lossless transcoding of a slide's own JPEG tiles by other tools: how much they would save."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from numcodecs_neural.measure.picking import pick

__all__ = ["Transcoding", "WithJpegFiles", "transcode_tiles"]

_TILES = 64
_LEPTON = "Lepton is not installed, and is not compared: pip install 'numcodecs-neural[lepton]'"


@runtime_checkable
class WithJpegFiles(Protocol):
    """A source whose stored tiles can be had as JPEG files."""

    def jpeg_files(self, level: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Yield (row, column, JPEG file) of each tile of a level that is stored as JPEG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcoding:
    """Tiles of level 0 as a tool keeps them: their JPEG files can be had back, bit by bit.

    Parameters
    ----------
    title : str
        Name of the tool, for tables.
    jpeg_nbytes : int
        Of all tiles, as they are in the source.
    tiles : int
        How many of them were transcoded.
    ratio : float
        Size of those after, over that before.
    """

    title: str
    jpeg_nbytes: int
    tiles: int
    ratio: float

    @property
    def nbytes(self) -> int:
        """Size of all tiles after, estimated."""
        return round(self.jpeg_nbytes * self.ratio)


def transcode_tiles(source: object) -> tuple[tuple[Transcoding, ...], tuple[str, ...]]:
    """Transcode a sample of a source's own JPEG tiles, by JPEG XL and by Lepton.

    Returns
    -------
    found : tuple of Transcoding
        Empty where the source has no JPEG tiles, or none that a tool can keep.
    missing : tuple of str
        Which tools are left out, and why: sentences without their full stops.

    Raises
    ------
    SourceError
        If the file ends before a tile does.
    """
    if not isinstance(source, WithJpegFiles):
        return (), ()
    total, picked = _pick(source)
    if not picked:
        return (), ()
    tools: dict[str, Callable[[bytes], bytes | None]] = {"JPEG XL transcoding": _jpegxl}
    lepton = _lepton()
    if lepton is not None:
        tools["Lepton"] = lepton
    tried = (_transcode(title, tool, total, picked) for title, tool in tools.items())
    return tuple(found for found in tried if found), (() if lepton else (_LEPTON,))


def _transcode(
    title: str, tool: Callable[[bytes], bytes | None], total: int, picked: list[bytes]
) -> Transcoding | None:
    """Return what a tool makes of tiles; None if it can keep none of them."""
    before = after = tiles = 0
    for jpeg in picked:
        kept = tool(jpeg)
        if kept is not None:
            before, after, tiles = before + len(jpeg), after + len(kept), tiles + 1
    if not tiles:
        return None
    ratio = round(after / before, 4)
    return Transcoding(title=title, jpeg_nbytes=total, tiles=tiles, ratio=ratio)


def _jpegxl(jpeg: bytes) -> bytes | None:
    import imagecodecs

    try:
        return bytes(imagecodecs.jpegxl_encode_jpeg(jpeg, numthreads=1))
    except imagecodecs.JpegxlError:
        return None  # Kinds of JPEG that it does not know, such as of 12 bits.


def _lepton() -> Callable[[bytes], bytes | None] | None:
    """Return Lepton's encoder, if it is installed: there are wheels for a few platforms only."""
    try:
        import lepton_jpeg_python
    except ImportError:
        return None

    def encode(jpeg: bytes) -> bytes | None:
        try:
            return bytes(lepton_jpeg_python.compress_bytes(jpeg, {"max_partitions": 1}))
        except RuntimeError:
            return None  # It raises nothing narrower, at kinds of JPEG that it does not know.

    return encode


def _pick(source: WithJpegFiles) -> tuple[int, list[bytes]]:
    """Return the bytes of all tiles, and some of their files."""
    sizes = []

    def tiles() -> Iterator[tuple[int, int, bytes]]:
        for tile in source.jpeg_files():
            sizes.append(len(tile[2]))
            yield tile

    picked = pick(tiles(), _TILES, key=lambda tile: tile[:2])
    return sum(sizes), [jpeg for *_, jpeg in picked]
