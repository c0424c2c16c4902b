"""SlideSource, the protocol of readers, and SlideInfo, what they tell of a slide."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import UnsupportedJpegError
from numcodecs_neural.jpeg.mosaic import Mosaic
from numcodecs_neural.omezarr.history import Compression
from numcodecs_neural.omezarr.metadata import Channel

from ..geometry.axes import Axes, Frame
from ..geometry.levels import Region
from .jpeg.tiles import JpegTiles

__all__ = [
    "Associated",
    "Channel",
    "Compression",
    "FileSource",
    "Frame",
    "JpegTiles",
    "SlideInfo",
    "SlideSource",
    "WithoutJpeg",
]

Associated = Literal["label", "macro"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideInfo:
    """What is known about a slide before a pixel is read.

    Parameters
    ----------
    name : str
        Name of the file without folder and suffix; of its later images with a dash and their index.
    level_shapes : tuple
        (height, width) of each level of the source, largest first.
    mpp : tuple of float, optional
        Microns per pixel of level 0, (y, x); None where the source does not tell.
    history : tuple of Compression
        Oldest first; empty where nothing was lost.
    size_bytes : int, optional
        Size of the source's files.
    dtype : numpy.dtype
        Of the samples.
    samples : int
        3 for RGB, whose pixels are read whole; 1 for all else, where each channel is a frame.
    frames : tuple
        (axis, length) of the axes before y and x that a frame is picked from: some of ``t``, ``c``
        and ``z``, in that order; never ``c`` for RGB. Empty for a plain slide.
    channels : tuple of Channel
        Of the axis ``c``; empty for RGB, and where the source names none.
    spacing : dict
        Microns between planes (``"z"``) and seconds between times (``"t"``), where they are known.
    magnification : float, optional
        Of the objective.
    significant_bits : int, optional
        Bits of a sample that are used, where the source says so and they are fewer than it has.
    series, series_count : int
        Which image of the file this is, and how many there are.
    icc_profile : bytes, optional
        The slide's colour profile.
    ome_xml : str, optional
        The source's own OME-XML.
    description : str, optional
        What an Aperio slide says about itself, in the words of its first page.
    """

    name: str
    level_shapes: tuple[tuple[int, int], ...]
    mpp: tuple[float, float] | None
    history: tuple[Compression, ...]
    size_bytes: int | None
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.uint8))
    samples: int = 3
    frames: tuple[tuple[str, int], ...] = ()
    channels: tuple[Channel, ...] = ()
    spacing: dict[str, float] = field(default_factory=dict, hash=False)
    magnification: float | None = None
    significant_bits: int | None = None
    series: int = 0
    series_count: int = 1
    icc_profile: bytes | None = field(default=None, repr=False)
    ome_xml: str | None = field(default=None, repr=False)
    description: str | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of level 0."""
        return self.level_shapes[0]

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Lengths of the axes in `frames`."""
        return tuple(length for _, length in self.frames)

    @property
    def axes(self) -> Axes:
        """The axes of the slide's arrays.

        Examples
        --------
        >>> info = SlideInfo(
        ...     name="a", level_shapes=((8, 9),), mpp=None, history=(), size_bytes=None
        ... )
        >>> info.axes.names, info.axes.shape(8, 9)
        (('c', 'y', 'x'), (3, 8, 9))
        """
        return Axes(samples=self.samples, frames=self.frames)

    @property
    def is_rgb(self) -> bool:
        """Whether pixels have three samples."""
        return self.samples == 3


class SlideSource(Protocol):
    """A slide, read region by region from many threads at a time.

    Sources are pickled by what it takes to open them again: workers of a cluster do that.
    """

    @property
    def info(self) -> SlideInfo:
        """What is known without reading pixels."""

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> NDArray[Any]:
        """Return the pixels of `region`, shape (height, width, samples), of the slide's dtype.

        The array is the caller's own, to write into.

        Parameters
        ----------
        region : Region
            In pixels of `level`; wholly inside it.
        level : int
            Level of the source.
        frame : tuple of int
            Place on the axes of ``info.frames``.

        Raises
        ------
        SourceError
            If its pixels do not decode; names the file, the level and the tile.
        """

    def read_associated(self, name: Associated) -> NDArray[np.uint8] | None:
        """Return the picture of the slide's label or of the whole glass, (height, width, 3).

        Returns None where there is none. They may identify the patient: nobody reads them unasked.
        """

    def jpeg_tiles(self, level: int = 0) -> JpegTiles:
        """Return how a level is stored in JPEG, or why that is no use; reads one header at most."""

    def read_mosaic(self, region: Region, level: int = 0, frame: Frame = ()) -> Mosaic:
        """Return the JPEG tiles behind `region`, with their quantised coefficients.

        Its pixels at the region are those of `read_region`. Tiles that are not stored are not
        present, and its fill is what `read_region` gives for them.

        A region inside one tile becomes a window of whole minimum coded units. Where chroma is
        subsampled, it is wider by one unit on inner sides, since decoders look across; blocks of
        the other components are zero there.

        Parameters
        ----------
        region : Region
            A chunk of a side that ``jpeg_tiles(level)`` fits, cut at the edge of the slide.
        level, frame
            As in `read_region`.

        Raises
        ------
        UnsupportedJpegError
            If just this region cannot be kept exactly; says why.
        SourceError
            If a tile is damaged; names the file, the level and the tile.
        """

    def jpeg_file(self) -> bytes | None:
        """Return the slide's file if it is one JPEG whose coefficients are kept; None if not."""

    def close(self) -> None:
        """Let go of the file; closing twice does no harm."""


class WithoutJpeg:
    """Base class of sources whose pixels are not JPEG, or of which no tiles can be had."""

    not_jpeg = "its pixels are not JPEG"

    def jpeg_tiles(self, level: int = 0) -> JpegTiles:
        """Return why pixels are not kept as JPEG coefficients."""
        return JpegTiles(reason=self.not_jpeg)

    def read_mosaic(self, region: Region, level: int = 0, frame: Frame = ()) -> Mosaic:
        """Raise UnsupportedJpegError: there are no JPEG tiles."""
        raise UnsupportedJpegError(self.not_jpeg)

    def jpeg_file(self) -> bytes | None:
        """Return None: the slide is not one JPEG file."""
        return None


class FileSource(WithoutJpeg):
    """What readers of files have in common: they are opened again by path and series."""

    _path: Path
    _series: int
    _info: SlideInfo

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._path, self._series)

    @property
    def info(self) -> SlideInfo:
        """What the file says about itself."""
        return self._info
