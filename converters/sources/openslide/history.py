"""Lossy history of a slide of OpenSlide's, from its properties and its vendor."""

from collections.abc import Mapping
from pathlib import Path

from ..base import Compression

__all__ = ["compression_steps"]

_VENDOR = "openslide.vendor"
# The first section of a MIRAX index that says how a level is stored is that of level 0.
_MIRAX_FORMAT = "mirax.LAYER_0_LEVEL_0_SECTION.IMAGE_FORMAT"
_MIRAX_QUALITY = "mirax.LAYER_0_LEVEL_0_SECTION.IMAGE_COMPRESSION_FACTOR"
_LOSSLESS = ("png", "bmp", "bmp24")
# These have no choice.
_METHOD_OF_SUFFIX = {".vms": "jpeg", ".svslide": "jpeg", ".vmu": ""}


def compression_steps(
    properties: Mapping[str, str], path: Path, *, ratio: float
) -> tuple[Compression, ...]:
    """Return the lossy step that the pixels went through, or that they may have.

    Parameters
    ----------
    properties : mapping
        Of the slide, as OpenSlide gives them.
    path : Path
        The file; of some kinds, the suffix tells.
    ratio : float
        Raw bytes of level 0 over the size of the files.
    """
    rounded = round(ratio, 2)
    if properties.get(_VENDOR) == "mirax" and _MIRAX_FORMAT in properties:
        method = properties[_MIRAX_FORMAT].lower()
        quality = properties.get(_MIRAX_QUALITY, "")
        stated = int(quality) if quality.isdecimal() else None
        if method in _LOSSLESS:
            return ()
        return (Compression(method=method, quality=stated, ratio=rounded),)
    method = _METHOD_OF_SUFFIX.get(path.suffix.lower(), "unknown")
    if not method:
        return ()
    note = {"note": "OpenSlide does not tell how the pixels are stored"}
    details = note if method == "unknown" else {}
    return (Compression(method=method, ratio=rounded, details=details),)
