"""Lossy history of a TIFF image, from its tags and its first tile."""

import math
import re
from typing import Any

import numpy as np
import tifffile

from numcodecs_neural.errors import JpegError

from ..base import Compression
from ..codestreams import compression_steps, jpeg_quality
from ..jpeg.parsed import jpeg_markers, parse_jpeg_header
from .file import first_tile
from .photometric import JPEGS

__all__ = ["compression_history"]

_NAMES = {
    **dict.fromkeys(JPEGS, "jpeg"),
    **dict.fromkeys((33003, 33004, 33005, 34712), "jpeg2000"),
    **dict.fromkeys((34927, 50001), "webp"),
    **dict.fromkeys((22610, 34934), "jpegxr"),
    **dict.fromkeys((50002, 52546), "jpegxl"),
    **dict.fromkeys((34676, 34677), "sgilog"),
    48124: "jetraw",
}
# Of those whose streams tell whether anything was lost: their names as `compression_steps` has it.
_TELLING = {34712: "JPEG2000", 34927: "WEBP", 50001: "WEBP"}
# Whose streams may have lost nothing, and do not tell.
_SILENT = ("jpegxl", "jpegxr")
_LOSSLESS_JPEG = 0xC3
_NDPI_QUALITY = 65444
_APERIO_STEP = re.compile(r"\b(JPEG|J2K)/\S+ Q=(\d+)")


def compression_history(tiff: tifffile.TiffFile, series: Any) -> tuple[Compression, ...]:
    """Return the lossy compressions of level 0 that the file admits to, oldest first.

    The file must be open.
    """
    keyframe = series.keyframe
    method = _NAMES.get(int(keyframe.compression))
    if method is None:
        return ()
    data, tables = first_tile(keyframe), getattr(keyframe, "jpegtables", None) or b""
    if _is_lossless(int(keyframe.compression), data):
        return ()
    # Aperio writes one line per program that recompressed the slide, the latest first.
    stated = _APERIO_STEP.findall(_description(tiff)) if tiff.is_svs else []
    steps = [
        Compression(method={"JPEG": "jpeg", "J2K": "jpeg2000"}[name], quality=int(quality))
        for name, quality in reversed(stated)
    ]
    quality = steps[-1].quality if steps else None
    if quality is None and method == "jpeg":
        quality = _jpeg_quality(keyframe, tables, data)
    note = {"note": "the file does not tell whether it is lossless"} if method in _SILENT else {}
    last = Compression(method=method, quality=quality, ratio=_ratio(series), details=note)
    return (*steps[:-1], last)


def _is_lossless(compression: int, data: bytes) -> bool:
    if compression in JPEGS:
        return _LOSSLESS_JPEG in jpeg_markers(data)
    kind = _TELLING.get(compression)
    return kind is not None and bool(data) and not compression_steps(kind, data, raw_nbytes=1)


def _jpeg_quality(keyframe: Any, tables: bytes, data: bytes) -> int | None:
    """Return the quality that a maker states, or that libjpeg's tables of that quality tell."""
    stated = keyframe.tags.valueof(_NDPI_QUALITY) if keyframe.is_ndpi else None
    if isinstance(stated, int) and 0 < stated <= 100:
        return stated
    try:
        header = parse_jpeg_header(keyframe.jpegheader or data, tables=tables)
    except JpegError:
        return None
    return jpeg_quality(header.steps[0])


def _ratio(series: Any) -> float | None:
    pages = [page for page in series if page is not None]
    stored = sum(sum(page.databytecounts) for page in pages)
    raw = math.prod(series.keyframe.shaped) * np.dtype(series.dtype).itemsize * len(pages)
    return round(raw / stored, 2) if stored else None


def _description(tiff: tifffile.TiffFile) -> str:
    return str(getattr(tiff.pages.first, "description", "") or "")
