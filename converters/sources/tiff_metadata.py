"""What a TIFF slide says about pixel size and compression, in each vendor's way."""

import contextlib
import math
import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from .base import Compression

if TYPE_CHECKING:
    import tifffile

__all__ = ["compression_history", "microns_per_pixel"]

_MICRONS = {"nm": 1e-3, "µm": 1.0, "um": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}
_RESOLUTION_UNIT_UM = {2: 25400.0, 3: 10000.0}
# Optical microscopy; screen resolutions such as 72 dpi, which tools write by default, are not.
_SANE_MPP = (0.02, 50.0)
_LOSSLESS = {"none", "lzw", "deflate", "adobe_deflate", "packbits", "zstd", "lzma", "lerc"}
_APERIO_STEP = re.compile(r"\b(JPEG|J2K)/\S+ Q=(\d+)")


def microns_per_pixel(tiff: "tifffile.TiffFile") -> tuple[float, float] | None:
    """Return the pixel size of level 0, (y, x) in micrometres, or None if the file tells none."""
    for found in (_aperio_mpp(tiff), _ome_mpp(tiff), _resolution_mpp(tiff)):
        if found is not None and all(_SANE_MPP[0] <= value <= _SANE_MPP[1] for value in found):
            return found
    return None


def compression_history(tiff: "tifffile.TiffFile", page: Any) -> tuple[Compression, ...]:
    """Return the lossy compressions of level 0 that the file admits to, oldest first."""
    method = _method(page.keyframe)
    if method in _LOSSLESS:
        return ()
    keyframe = page.keyframe
    stored = sum(page.databytecounts)
    ratio = 3 * keyframe.imagelength * keyframe.imagewidth / stored if stored else None
    # Aperio writes one line per program that recompressed the slide, the latest first.
    stated = _APERIO_STEP.findall(_description(tiff)) if tiff.is_svs else []
    steps = [
        Compression(method={"JPEG": "jpeg", "J2K": "jpeg2000"}[name], quality=int(quality))
        for name, quality in reversed(stated)
    ]
    quality = steps[-1].quality if steps else None
    rounded = round(ratio, 2) if ratio else None
    return (*steps[:-1], Compression(method=method, quality=quality, ratio=rounded))


def _method(keyframe: Any) -> str:
    name = str(getattr(keyframe.compression, "name", keyframe.compression)).lower()
    if "jp2000" in name or "jpeg2000" in name or "jpeg_2000" in name:
        return "jpeg2000"
    return "jpeg" if name == "ojpeg" else name


def _description(tiff: "tifffile.TiffFile") -> str:
    return str(getattr(tiff.pages.first, "description", "") or "")


def _aperio_mpp(tiff: "tifffile.TiffFile") -> tuple[float, float] | None:
    match = re.search(r"\bMPP\s*=\s*([0-9.]+)", _description(tiff)) if tiff.is_svs else None
    if match is None:
        return None
    with contextlib.suppress(ValueError):
        return float(match[1]), float(match[1])
    return None


def _ome_mpp(tiff: "tifffile.TiffFile") -> tuple[float, float] | None:
    try:
        root = ElementTree.fromstring(tiff.ome_metadata or "")
    except ElementTree.ParseError:
        return None
    pixels = root.find(".//{*}Image/{*}Pixels")
    if pixels is None:
        return None
    y, x = (_physical_size(pixels, axis) for axis in "YX")
    return None if y is None or x is None else (y, x)


def _physical_size(pixels: ElementTree.Element, axis: str) -> float | None:
    unit = _MICRONS.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    try:
        size = float(pixels.get(f"PhysicalSize{axis}", ""))
    except ValueError:
        return None
    return size * unit if unit is not None and math.isfinite(size) else None


def _resolution_mpp(tiff: "tifffile.TiffFile") -> tuple[float, float] | None:
    tags = getattr(tiff.pages.first, "tags", {})
    values = [tags.get(name) for name in ("ResolutionUnit", "YResolution", "XResolution")]
    if any(tag is None for tag in values):
        return None
    unit, y, x = (tag.value for tag in values if tag is not None)
    unit_um = _RESOLUTION_UNIT_UM.get(int(unit))
    if unit_um is None or 0 in (*y, *x):
        return None
    return unit_um * y[1] / y[0], unit_um * x[1] / x[0]
