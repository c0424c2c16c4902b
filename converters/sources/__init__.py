"""Readers of slides: one protocol, one file a reader library."""

from pathlib import Path

from numcodecs_neural.errors import SourceError

from .base import Compression, SlideInfo, SlideSource

__all__ = ["Compression", "SlideInfo", "SlideSource", "open_source"]

TIFF_SUFFIXES = (".svs", ".tif", ".tiff", ".btf", ".tf2", ".tf8", ".ndpi", ".qptiff")


def open_source(path: Path) -> SlideSource:
    """Open a slide.

    The suffix decides, since several vendors' files begin like a TIFF and keep their pixels
    elsewhere.

    Raises
    ------
    SourceError
        If `path` is absent, no slide, or a slide that this release cannot read.
    """
    if not path.exists():
        raise SourceError(f"{path}: there is no such file")
    if path.is_dir():
        raise SourceError(f"{path} is a folder; name the slides in it")
    if path.suffix.lower() not in TIFF_SUFFIXES:
        raise SourceError(
            f"{path} is not a kind of slide that this release reads: convert it to OME-TIFF "
            f"first (it reads {', '.join(TIFF_SUFFIXES)})"
        )
    # Inside, because tifffile is not needed to print the program's help.
    from .tiff import TiffSource

    return TiffSource(path)
