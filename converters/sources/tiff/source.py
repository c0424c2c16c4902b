"""TiffSource: slides and microscope images in TIFF of all kinds, read piece by piece."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError, UnsupportedJpegError
from numcodecs_neural.files.reasons import reason_of
from numcodecs_neural.files.series import image_name
from numcodecs_neural.jpeg.mosaic import Mosaic

from ...geometry.levels import Region
from ..base import Associated, FileSource, Frame, JpegTiles, SlideInfo
from ..jpeg.parsed import jpeg_markers
from .associated_images import read_associated
from .compression_history import compression_history
from .file import DECODE_ERRORS, ByteReader, opened
from .frame_layout import layout_of
from .images import find_image
from .jpeg_level import jpeg_tiles_of, mosaic_of
from .levels import levels_of
from .metadata import metadata_of
from .photometric import JPEGS, Photometric, photometric_of
from .tiled_level import TiledLevel

__all__ = ["TiffSource", "open_source"]

_APP0, _APP14 = 0xE0, 0xEE
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_RGB = 2
_THREE_COMPONENTS = 3


def open_source(path: Path, *, series: int = 0) -> "TiffSource":
    """Open one image of a TIFF file."""
    return TiffSource(path, series)


class TiffSource(FileSource):
    """One image of a TIFF file, or of a set of OME-TIFF files.

    Aperio SVS, Hamamatsu NDPI, Leica SCN, PerkinElmer QPTIFF, Philips, OME-TIFF, ImageJ stacks,
    and TIFF of no particular maker; pyramids in SubIFDs and in sequences of pages. Alpha is
    dropped, as are all samples after the third of an RGB pixel. Palettes become RGB, and white for
    0 becomes black for 0. Pixels come in the order in which they are stored, whatever the tag
    Orientation says. The tiles of NDPI are decoded apart: where their chroma is at half the
    resolution, samples at the border of two may differ a little from those of the whole.

    Pictures of the label and of the whole glass are no images and have no index.

    Parameters
    ----------
    path : Path
        The file.
    series : int
        Which image, where there are several.

    Raises
    ------
    SourceError
        If it is no TIFF, has no such image, or pixels of a kind that is not read.
    """

    def __init__(self, path: Path, series: int = 0) -> None:
        self._path, self._series = path, series
        self._reader = ByteReader()
        self._jpeg_tiles: dict[int, JpegTiles] = {}
        with opened(path) as tiff:
            image, count = find_image(tiff, path, series)
            try:
                self._read_structure(tiff, image, count)
            except SourceError:
                raise
            except DECODE_ERRORS as exc:
                raise SourceError(
                    f"{path} has a structure that cannot be read: {reason_of(exc)}"
                ) from exc

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> NDArray[Any]:
        """Return the pixels of `region`, shape (height, width, samples), decoding only its tiles.

        Tiles that are not stored are 255 in RGB images, and 0 in all others.
        """
        info = self._info
        out = np.empty((region.height, region.width, info.samples), info.dtype)
        for part in self._layout.parts(frame):
            self._levels[level].read(out[:, :, part.target], region, part)
        return out

    def read_associated(self, name: Associated) -> NDArray[np.uint8] | None:
        """Return the picture of the label or of the whole glass, (height, width, 3), or None.

        Hamamatsu's macro shows the label, too.
        """
        return read_associated(self._path, name)

    def jpeg_tiles(self, level: int = 0) -> JpegTiles:
        """Return how a level is stored in JPEG, or why that is no use; reads one header at most."""
        if level not in self._jpeg_tiles:
            self._jpeg_tiles[level] = jpeg_tiles_of(self._levels[level])
        return self._jpeg_tiles[level]

    def read_mosaic(self, region: Region, level: int = 0, frame: Frame = ()) -> Mosaic:
        """Return the JPEG tiles behind `region`, as `SlideSource` says."""
        reason = self.jpeg_tiles(level).reason
        source = self._levels[level]
        if reason is not None or not isinstance(source, TiledLevel):
            raise UnsupportedJpegError(reason)
        return mosaic_of(source, region, next(iter(self._layout.parts(frame))))

    def jpeg_files(self, level: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Yield (row, column, JPEG file) of the tiles of a level that is stored in JPEG tiles.

        Of a level of several planes, those of the first.

        Each file is complete: it has the page's shared tables, and where the stream does not say
        whether it is RGB or YCbCr, as Aperio's does not, Adobe's marker that does. What is not
        stored is left out. Yields nothing where tiles are not JPEG, or only pieces of one as in
        NDPI.

        Raises
        ------
        SourceError
            If the file ends before the tile does.
        """
        source = self._levels[level]
        if isinstance(source, TiledLevel) and _has_jpeg_tiles(source.keyframe):
            for row, column, page, data in source.stored_tiles():
                yield row, column, _jpeg_file(page, data)

    def close(self) -> None:
        """Close all files, and let go of the tiles that were kept."""
        self._reader.close()
        for level in self._levels:
            level.close()

    def _read_structure(self, tiff: tifffile.TiffFile, image: Any, count: int) -> None:
        photometric = photometric_of(image, self._path)
        self._layout = layout_of(image, photometric, self._path)
        self._levels = levels_of(image, self._layout, photometric, self._reader)
        self._info = self._describe(tiff, image, photometric, count)

    def _describe(
        self, tiff: tifffile.TiffFile, image: Any, photometric: Photometric, count: int
    ) -> SlideInfo:
        layout, said = self._layout, metadata_of(tiff, image, self._series)
        stated, stored = said.significant_bits, photometric.significant_bits
        bits = min((n for n in (stated, stored) if n), default=8 * photometric.dtype.itemsize)
        files = {page.parent.filehandle.path for page in image if page is not None}
        axes = dict(layout.frames)
        first: Any = tiff.pages.first
        return SlideInfo(
            name=image_name(self._path, self._series),
            level_shapes=tuple(level.shape for level in self._levels),
            mpp=said.mpp,
            history=compression_history(tiff, image),
            size_bytes=sum(Path(file).stat().st_size for file in files),
            dtype=photometric.dtype,
            samples=layout.samples,
            frames=layout.frames,
            channels=said.channels(axes.get("c", 1)) if layout.samples == 1 else (),
            spacing={axis: size for axis, size in said.spacing.items() if axis in axes},
            magnification=said.magnification,
            significant_bits=bits if bits < 8 * photometric.dtype.itemsize else None,
            series=self._series,
            series_count=count,
            icc_profile=said.icc_profile,
            ome_xml=said.ome_xml,
            description=str(first.description) if tiff.is_svs else None,
        )


def _has_jpeg_tiles(keyframe: Any) -> bool:
    """Return whether every tile of a page is one JPEG.

    Those of NDPI are pieces of one, cut at restart markers: apart, they are not what was encoded.
    """
    is_jpeg = int(keyframe.compression) in JPEGS and keyframe.jpegheader is None
    return bool(is_jpeg and keyframe.is_tiled)


def _jpeg_file(page: Any, tile: bytes) -> bytes:
    """Return the JPEG file that decodes to a tile's pixels: tables, and colours told.

    Aperio and others store RGB without the marker that says so, and only the page's photometric
    tells; decoders that see the stream alone would take it for YCbCr.
    """
    keyframe, tables = page.keyframe, page.jpegtables or _SOI + _EOI
    # Inside a scan, these two bytes are the end and nothing else.
    body = tile[: tile.rfind(_EOI) + 2]
    shared = tables[2:-2] if tables.endswith(_EOI) else tables[2:]
    markers = jpeg_markers(tables) | jpeg_markers(tile)
    told = b"" if _APP14 in markers else _adobe_marker(keyframe, has_jfif=_APP0 in markers)
    return _SOI + told + shared + body[2:]


def _adobe_marker(keyframe: Any, *, has_jfif: bool) -> bytes:
    """Return Adobe's segment that says RGB, if the page says so and the stream says nothing.

    A JFIF segment says YCbCr, whatever the page says; and so does saying nothing.
    """
    is_rgb = int(keyframe.photometric) == _RGB and not has_jfif
    if not is_rgb or keyframe.samplesperpixel != _THREE_COMPONENTS or keyframe.planarconfig != 1:
        return b""
    return b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
