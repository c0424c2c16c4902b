"""Pictures of the label and of the whole glass that a slide in TIFF carries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

from ..base import Associated
from .file import DECODE_ERRORS, decode_reason, opened
from .images import role_of, series_of
from .photometric import photometric_of

__all__ = ["read_associated"]

# A picture of a glass slide, and no slide.
MAX_PIXELS = 100_000_000


def read_associated(path: Path, name: Associated) -> NDArray[np.uint8] | None:
    """Return a picture, (height, width, 3), or None if the slide has none of that name.

    Raises
    ------
    SourceError
        If it does not decode.
    """
    with opened(path) as tiff:
        for image in _pictures(tiff, path, name):
            keyframe = image.keyframe
            if keyframe.imagelength * keyframe.imagewidth > MAX_PIXELS:
                continue
            try:
                return _as_rgb(image.asarray(), image, path)
            except DECODE_ERRORS as exc:
                raise SourceError(
                    f"{path}: the picture of the {name} does not decode: {decode_reason(exc)}"
                ) from exc
    return None


def _pictures(tiff: tifffile.TiffFile, path: Path, name: Associated) -> Iterator[Any]:
    """Yield what shows the label or the whole glass, smallest level first."""
    for series, role in series_of(tiff, path):
        if role == name:
            yield series.levels[-1]
    # Pages that tifffile puts into no series.
    for page in tiff.pages:
        if role_of(page) == name:
            yield page
    if tiff.is_scn and name == "label":
        root = ElementTree.fromstring(tiff.scn_metadata or "<scn/>")
        for extra in root.iterfind(".//{*}supplementalImage[@type='label']"):
            yield tiff.pages[int(extra.get("ifd", ""))]


def _as_rgb(pixels: NDArray[Any], image: Any, path: Path) -> NDArray[np.uint8]:
    """Return any picture of one, three or four samples in 8-bit RGB."""
    # Axes of length 1 are left out of the pixels, or of both, as the release of tifffile has it.
    lengths = zip(image.axes, image.shape, strict=True)
    kept = [(axis, n) for axis, n in lengths if n > 1 or axis in "YX"]
    axes, pixels = "".join(axis for axis, _ in kept), pixels.reshape([n for _, n in kept])
    if axes[:1] == "S":
        pixels, axes = np.moveaxis(pixels, 0, -1), axes[1:] + "S"
    if axes not in ("YX", "YXS"):
        raise ValueError(f"its axes are {axes}")
    if axes == "YX":
        pixels = pixels[..., None]
    photometric = photometric_of(tifffile.TiffPageSeries([image.keyframe]), path)
    if photometric.convert is not None:
        pixels = photometric.convert(pixels)
    if pixels.dtype == np.uint16:
        pixels = pixels >> 8
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"its samples are {pixels.dtype}")
    color = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., [0, 0, 0]]
    return np.ascontiguousarray(color.astype(np.uint8))
