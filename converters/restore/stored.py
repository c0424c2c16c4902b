"""StoredImage: a store opened for its encoded chunks and for what it keeps beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.jpeg.requantize import EXACT
from numcodecs_neural.omezarr.chunk_files import StoredChunks
from numcodecs_neural.omezarr.levels import array_codecs
from numcodecs_neural.omezarr.opened import OpenedImage, open_omezarr
from numcodecs_neural.omezarr.store import ZarrFiles

from ..sources import Associated, SlideInfo
from ..sources.omezarr.describe import describe
from ..store.source_markers import JPEG_MARKERS, SourceMarkers, read_markers
from .level import StoredLevel

__all__ = ["StoredImage", "open_image_store"]

_CODEC = "neural_image"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """One image of a store.

    Parameters
    ----------
    info : SlideInfo
        What the store tells of the slide.
    levels : tuple of StoredLevel
        Level 0 first.
    """

    info: SlideInfo
    levels: tuple[StoredLevel, ...]
    _image: OpenedImage

    def picture(self, name: Associated) -> NDArray[np.uint8] | None:
        """Return the picture of the label or of the whole glass, (height, width, 3), if kept."""
        planes = self._image.extra(name)
        return None if planes is None else np.ascontiguousarray(np.moveaxis(planes, 0, -1))

    def markers(self) -> SourceMarkers | None:
        """Return the markers of the JPEG file that the slide was, if they are kept."""
        array = self._image.group.get(JPEG_MARKERS)
        return read_markers(array) if isinstance(array, zarr.Array) else None

    def small(self, side: int) -> NDArray[np.uint8]:
        """Return the slide at most `side` pixels long, (height, width, channels)."""
        array = self._image.levels[-1]
        step = -(-max(array.shape[-2:]) // side)
        pixels = np.asarray(array[..., ::step, ::step])
        planes: NDArray[np.uint8] = pixels.reshape(-1, *pixels.shape[-2:])
        return np.ascontiguousarray(np.moveaxis(planes, 0, -1))


@contextmanager
def open_image_store(path: Path) -> Iterator[StoredImage]:
    """Open a store: a folder, or a zip.

    Raises
    ------
    SourceError
        If it is no OME-Zarr image, or one of several planes or times.
    """
    if not path.exists():
        raise SourceError(f"{path}: there is no such store")
    image = open_omezarr(path)
    try:
        yield _stored(image, path)
    finally:
        image.close()


def _stored(image: OpenedImage, path: Path) -> StoredImage:
    if image.series_count > 1:
        raise SourceError(
            f"{path} holds {image.series_count} images, and one is restored at a time"
        )
    info = describe(image)
    if info.frames or info.dtype != np.uint8:
        raise SourceError(
            f"{path} has samples of {info.dtype} along the axes {image.metadata.axes}: what is "
            "restored from JPEG tiles is RGB or grey of 8 bits, without planes or times"
        )
    levels = [
        _level(image.files, number, name, array, image.noted(number))
        for number, (name, array) in enumerate(
            zip(image.paths[: len(image.levels)], image.levels, strict=True)
        )
    ]
    return StoredImage(info=info, levels=tuple(levels), _image=image)


def _level(
    files: ZarrFiles, number: int, name: str, array: Any, noted: dict[str, Any]
) -> StoredLevel:
    # Of an array of another codec there are no chunks to read.
    is_ours = _CODEC in array_codecs(files, name)
    return StoredLevel(
        number=number,
        shape=array.shape,
        chunk=array.chunks,
        fill=int(array.fill_value),
        chunks=StoredChunks(files.folder, name, array) if is_ours else None,
        coarser=noted.get("coarser", 0),
        jpeg_quality=noted.get("jpeg_quality", EXACT),
    )
