"""Kinds of files that stores are exported to, and the codecs that each has."""

from pathlib import Path
from typing import Literal, get_args

from numcodecs_neural.errors import ConfigError

__all__ = ["TiffCodec", "ZarrCodec", "codec_for", "is_tiff"]

ZarrCodec = Literal["zstd", "none", "jpegxl", "jpeg2k", "jpeg"]
TiffCodec = Literal["deflate", "zstd", "jpeg", "jpegxl"]
_TIFF_SUFFIXES = (".tif", ".tiff")
_ZARR_SUFFIXES = (".zarr", ".ozx", ".zip", "")


def is_tiff(output: str) -> bool:
    """Return whether a store is exported to a TIFF of this name, and not to OME-Zarr.

    Raises
    ------
    ConfigError
        If it is neither.
    """
    suffix = Path(output).suffix.lower()
    if suffix not in _TIFF_SUFFIXES + _ZARR_SUFFIXES:
        raise ConfigError(
            f"{output} ends in {suffix}: a store is exported to .ome.tif, or to .ome.zarr or .ozx"
        )
    return suffix in _TIFF_SUFFIXES


def codec_for(output: str, codec: str | None) -> str:
    """Return the codec of an output: the one that is named, or one that loses nothing.

    Raises
    ------
    ConfigError
        If files of this kind do not have it.

    Examples
    --------
    >>> codec_for("slide.ome.tif", None), codec_for("slide.ome.zarr", "jpegxl")
    ('deflate', 'jpegxl')
    """
    names: tuple[str, ...] = get_args(TiffCodec if is_tiff(output) else ZarrCodec)
    if codec is None:
        return names[0]
    if codec not in names:
        raise ConfigError(f"codec is {codec}; {output} can have one of {', '.join(names)}")
    return codec
