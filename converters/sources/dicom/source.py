"""DicomSource: a DICOM slide, one file or several a level, read with wsidicom."""

import logging
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import wsidicom.errors
from numpy.typing import NDArray
from PIL import UnidentifiedImageError
from pydicom import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from wsidicom import WsiDicom

from numcodecs_neural.errors import JpegError, SourceError, UnsupportedJpegError
from numcodecs_neural.files.quiet import quiet
from numcodecs_neural.files.reasons import DAMAGED, reason_of
from numcodecs_neural.files.series import check_series, image_name
from numcodecs_neural.files.units import sane_mpp
from numcodecs_neural.jpeg.mosaic import Mosaic

from ...geometry.levels import Region
from ..base import Associated, FileSource, Frame, JpegTiles, SlideInfo
from ..jpeg.parsed import ParsedJpeg
from ..tile_cache import TileCache
from .files import files_of_slide
from .frames import FrameReader, Plane
from .metadata import channels, compression_steps, icc_profile, magnification, read_header

__all__ = ["DicomSource", "open_source"]

T = TypeVar("T")
# wsidicom's errors have no root of their own; damaged files run into the others.
_READ_ERRORS: tuple[type[Exception], ...] = (
    *(kind for kind in vars(wsidicom.errors).values() if isinstance(kind, type)),
    *(AttributeError, EOFError, IndexError, KeyError, NotImplementedError, OSError),
    *(RuntimeError, StopIteration, TypeError, ValueError, struct.error),
    *(BytesLengthException, InvalidDicomError),
)
# Coefficients of a region's JPEG tiles, which are wanted again once its pixels are read.
PARSED_NBYTES = 64 << 20
_SILENT = logging.NullHandler()


def open_source(path: Path, *, series: int = 0) -> "DicomSource":
    """Open one pyramid of a DICOM slide."""
    return DicomSource(path, series)


class DicomSource(FileSource):
    """A slide in DICOM files.

    RGB is read from the first optical path. Of all else each optical path is a channel. Focal
    planes are frames; levels that have not all of them are left out.

    Parameters
    ----------
    path : Path
        Folder of the files of one slide, or one of them.
    series : int
        Which pyramid of the slide: which piece of tissue, where they were scanned apart.

    Raises
    ------
    SourceError
        If there is no slide, or if a folder holds several; or if it has no such series.
    """

    def __init__(self, path: Path, series: int = 0) -> None:
        self._path, self._series = path, series
        self._parsed: TileCache[ParsedJpeg] = TileCache(PARSED_NBYTES)
        self._jpeg_tiles: dict[int, JpegTiles] = {}
        # Else its complaints of files beside the slide end up on the screen.
        logging.getLogger("wsidicom").addHandler(_SILENT)
        # Values that break the standard and are read all the same.
        with quiet("pydicom", "wsidicom"):
            files = files_of_slide(path)
            self._wsi: Any = self._tried("it is no DICOM slide", WsiDicom.open, files)
            try:
                self._tried("its files cannot be told apart", _check_all, files, self._wsi)
                check_series(path, series, len(self._wsi.pyramids))
                self._tried("its metadata cannot be read", self._describe, files)
            except BaseException:
                self._wsi.close()
                raise

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> NDArray[Any]:
        """Return the pixels of `region`, shape (height, width, samples)."""
        plane, failed = self._plane(frame), _failed(region, level)
        self._tried(failed, self._readers[level].check, region, plane)
        pixels = self._tried(
            failed,
            self._wsi.read_region,
            (region.x, region.y),
            self._levels[level],
            (region.width, region.height),
            z=plane.z,
            path=plane.path,
            pyramid=self._series,
            as_array=True,
        )
        return _with_samples(pixels, self._info.samples)

    def jpeg_tiles(self, level: int = 0) -> JpegTiles:
        """Return how a level is stored in JPEG, or why that is no use; reads one frame at most."""
        plane = self._plane((0,) * len(self._info.frames))
        if level not in self._jpeg_tiles:
            failed = f"the tiles of level {level} cannot be read"
            self._jpeg_tiles[level] = self._tried(failed, self._readers[level].tiles, plane)
        return self._jpeg_tiles[level]

    def read_mosaic(self, region: Region, level: int = 0, frame: Frame = ()) -> Mosaic:
        """Return the JPEG frames behind `region`, as `SlideSource` says."""
        reason = self.jpeg_tiles(level).reason
        if reason is not None:
            raise UnsupportedJpegError(reason)
        read = self._readers[level].mosaic
        return self._tried(_failed(region, level), read, region, self._plane(frame))

    def read_associated(self, name: Associated) -> NDArray[np.uint8] | None:
        """Return the picture of the slide's label or of the whole glass, if there is one."""
        pictures = self._wsi.labels if name == "label" else self._wsi.overviews
        if pictures is None:
            return None
        read = self._wsi.read_label if name == "label" else self._wsi.read_overview
        pixels = self._tried(f"its {name} picture does not decode", read, as_array=True)
        return _with_samples(pixels, 3)

    def close(self) -> None:
        """Close the files, and let go of the frames that were kept."""
        self._wsi.close()
        self._parsed.clear()

    def _plane(self, frame: Frame) -> Plane:
        at = dict(zip((axis for axis, _ in self._info.frames), frame, strict=True))
        return Plane(self._planes[at.get("z", 0)], self._paths[at.get("c", 0)])

    def _tried(self, failed: str, call: Callable[..., T], *args: Any, **options: Any) -> T:
        """Return what `call` does; its errors become ours, which say what `failed`."""
        try:
            return call(*args, **options)
        except (JpegError, SourceError):
            raise
        except _READ_ERRORS as exc:
            raise SourceError(f"{self._path}: {failed}: {_why(exc)}") from exc

    def _describe(self, files: list[Path]) -> None:
        pyramid = self._wsi.pyramids[self._series]
        base = pyramid.base_level
        self._planes = sorted(base.focal_planes)
        # Most identifiers are numbers, of one digit or more.
        self._paths = sorted(base.optical_paths, key=lambda name: (len(name), name))
        samples = int(base.datasets[0].samples_per_pixel)
        if samples == 3:
            self._paths = self._paths[:1]
        levels = [level for level in pyramid if _has_all(level, self._planes, self._paths)]
        self._levels = [level.level for level in levels]
        self._readers = [FrameReader(self._path, level, samples, self._parsed) for level in levels]
        header, base_nbytes = _base_header(files, base)
        bits = int(header.BitsAllocated), int(base.datasets[0].bits)
        dtype = np.dtype(np.uint8 if bits[0] <= 8 else np.uint16)
        frames = _frames(len(self._paths), len(self._planes))
        values = base.size.height * base.size.width * samples
        raw_nbytes = values * len(self._paths) * len(self._planes) * dtype.itemsize
        self._info = SlideInfo(
            name=image_name(self._path, self._series),
            level_shapes=tuple((level.size.height, level.size.width) for level in levels),
            mpp=sane_mpp(pyramid.mpp.height, pyramid.mpp.width),
            history=compression_steps(header, ratio=raw_nbytes / base_nbytes),
            size_bytes=sum(file.stat().st_size for file in files),
            dtype=dtype,
            samples=samples,
            frames=frames,
            channels=channels(header, self._paths) if "c" in dict(frames) else (),
            spacing=_spacing(self._planes),
            magnification=magnification(header),
            significant_bits=bits[1] if bits[1] < 8 * dtype.itemsize else None,
            series=self._series,
            series_count=len(self._wsi.pyramids),
            icc_profile=icc_profile(header),
        )


def _failed(region: Region, level: int) -> str:
    return (
        f"the {region.width} x {region.height} pixels at row {region.y}, column {region.x} of "
        f"level {level} do not decode"
    )


def _why(error: Exception) -> str:
    """Return the reason without what only programmers of the libraries know.

    wsidicom puts its reader, an object, before what is wrong with a file. Pillow names an object
    that it cannot identify, and pydicom its settings, behind a value of the wrong length.
    """
    if isinstance(error, wsidicom.errors.WsiDicomFileError):
        return str(error.error)
    is_for_programmers = isinstance(error, BytesLengthException | UnidentifiedImageError)
    return DAMAGED if is_for_programmers else reason_of(error)


def _check_all(files: list[Path], wsi: Any) -> None:
    """Refuse a slide of which wsidicom leaves a file out, which it writes to its log only."""
    groups = (*wsi.pyramids, wsi.labels, wsi.overviews)
    datasets = [dataset for group in groups if group is not None for dataset in group.datasets]
    opened = {str(dataset.instance_uid) for dataset in datasets}
    for file in files:
        header = read_header(file)
        # Those are not read here.
        is_thumbnail = "THUMBNAIL" in header.ImageType
        if not is_thumbnail and header.get("SOPInstanceUID") not in opened:
            raise SourceError(
                f"{file} belongs to the slide, and wsidicom leaves it out: its header is damaged, "
                "or describes a kind of image that is not supported; copy it again, or move it out "
                "of the slide's folder to convert what remains"
            )


def _base_header(files: list[Path], base: Any) -> tuple[Dataset, int]:
    """Return what the first file of level 0 says, and the size of all of that level's files."""
    of_base = {str(dataset.instance_uid) for dataset in base.datasets}
    headers = [(file, read_header(file)) for file in files]
    chosen = [(file, header) for file, header in headers if header.SOPInstanceUID in of_base]
    return chosen[0][1], sum(file.stat().st_size for file, _ in chosen)


def _has_all(level: Any, planes: list[float], paths: list[str]) -> bool:
    return set(planes) <= set(level.focal_planes) and set(paths) <= set(level.optical_paths)


def _frames(paths: int, planes: int) -> tuple[tuple[str, int], ...]:
    return tuple((axis, length) for axis, length in (("c", paths), ("z", planes)) if length > 1)


def _spacing(planes: list[float]) -> dict[str, float]:
    if len(planes) < 2:
        return {}
    return {"z": round((planes[-1] - planes[0]) / (len(planes) - 1), 6)}


def _with_samples(pixels: NDArray[Any], samples: int) -> NDArray[Any]:
    """Return pixels as (height, width, samples), of grey ones too, in an array of their own."""
    grey = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
    return np.array(np.broadcast_to(grey, (*grey.shape[:2], samples)), order="C")
