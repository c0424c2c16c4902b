"""The lossy codecs that others wrote: what their settings are, by way of imagecodecs.

Qualities of 0 to 100 mean another thing to each codec:

- JPEG: its own quality. Chroma is halved both ways (4:2:0), as scanners do.
- JPEG XL: libjxl's quality, which stands for a distance: 60 is 3.7, 90 is 1.0. 100 is lossless.
- JPEG 2000: the PSNR that streams are cut at, 20 + quality / 4 dB. 100 is lossless.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .base import ChunkKind

__all__ = ["JPEG", "JPEG2K", "JPEGXL", "PEERS", "Peer"]

JPEGXL_EFFORT = 7
# Samples of 16 bits seldom use all of them, and a PSNR is against the greatest that there can be:
# where nobody says how many are used, it is raised as if these were.
_BITS_IN_DOUBT = 12
_DB_PER_BIT = 20 * np.log10(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A lossy codec of images.

    Parameters
    ----------
    name : str
        As an option, in imagecodecs, and in a store's lossy history.
    title : str
        In tables.
    shown : callable
        ``setting -> str``: how tables name one.
    settings : tuple of float
        What sets its rate, in order of rising rate and fine enough to find any quality.
    setting_of : callable
        ``(quality, kind) -> setting``.
    arguments : callable
        ``(setting, kind) -> dict`` of what imagecodecs' encoder is given.
    dtypes : tuple of str
        What it codes.
    planes_first : bool
        Whether it takes RGB as (3, y, x); else as (y, x, 3).
    """

    name: str
    title: str
    shown: Callable[[float], str]
    settings: tuple[float, ...]
    setting_of: Callable[[int, ChunkKind], float]
    arguments: Callable[[float, ChunkKind], dict[str, Any]]
    dtypes: tuple[str, ...] = ("uint8", "uint16")
    planes_first: bool = False

    def is_lossless_at(self, setting: float) -> bool:
        """Whether the codec loses nothing there."""
        return setting == self.settings[-1] and self.name != "jpeg"


def jpegxl_distance(quality: int) -> float:
    """Return the distance that libjxl means by a quality, in units of just noticeable difference.

    Examples
    --------
    >>> [jpegxl_distance(quality) for quality in (0, 20, 60, 90, 99, 100)]
    [25.0, 9.0667, 3.7, 1.0, 0.19, 0.0]
    """
    if quality == 100:
        return 0.0
    if quality >= 30:
        return round(0.1 + (100 - quality) * 0.09, 4)
    return round(53 / 3000 * quality**2 - 23 / 20 * quality + 25, 4)


def jpeg2k_decibels(quality: int, kind: ChunkKind) -> float:
    """Return the PSNR in whole decibels at which JPEG 2000 is cut; `LOSSLESS_DB` for 100.

    Examples
    --------
    >>> [jpeg2k_decibels(quality, ChunkKind()) for quality in (0, 60, 99, 100)]
    [20.0, 35.0, 44.0, 1000.0]
    """
    if quality == 100:
        return LOSSLESS_DB
    is_in_doubt = kind.dtype.itemsize == 2 and kind.significant_bits is None
    raised = _DB_PER_BIT * (16 - _BITS_IN_DOUBT) if is_in_doubt else 0.0
    # Whole ones, since that is what the codec's wrappers for Zarr take.
    return float(int(20 + quality / 4 + raised))


LOSSLESS_DB = 1000.0


def _jpeg_arguments(setting: float, kind: ChunkKind) -> dict[str, Any]:
    subsampling = {"subsampling": "420"} if kind.is_rgb else {}
    return {"level": int(setting), **subsampling}


# In the order in which imagecodecs' own serializers write them, so that stores are the same.


def _jpegxl_arguments(setting: float, kind: ChunkKind) -> dict[str, Any]:
    arguments: dict[str, Any] = {"effort": JPEGXL_EFFORT}
    arguments |= {"distance": setting, "lossless": False} if setting else {"lossless": True}
    if kind.stored_bits is not None:
        arguments["bitspersample"] = kind.stored_bits
    return arguments


def _jpeg2k_arguments(setting: float, kind: ChunkKind) -> dict[str, Any]:
    is_lossless = setting == LOSSLESS_DB
    arguments: dict[str, Any] = {} if is_lossless else {"level": setting}
    arguments["codecformat"] = "j2k"
    if kind.is_rgb:
        arguments["planar"] = True
    if kind.stored_bits is not None:
        arguments["bitspersample"] = kind.stored_bits
    return arguments | {"reversible": is_lossless}


JPEG = Peer(
    name="jpeg",
    title="JPEG",
    shown=lambda setting: f"quality {setting:g}",
    settings=tuple(float(quality) for quality in range(1, 101)),
    # libjpeg takes 0 for 1.
    setting_of=lambda quality, _kind: float(max(quality, 1)),
    arguments=_jpeg_arguments,
    dtypes=("uint8",),
)
JPEGXL = Peer(
    name="jpegxl",
    title="JPEG XL",
    shown=lambda setting: f"distance {setting:.2f}" if setting else "lossless",
    # Steps of 2 %, from 25 to 0.01.
    settings=(*(round(25 * 0.98**step, 4) for step in range(388)), 0.0),
    setting_of=lambda quality, _kind: jpegxl_distance(quality),
    arguments=_jpegxl_arguments,
)
JPEG2K = Peer(
    name="jpeg2k",
    title="JPEG 2000",
    shown=lambda setting: "lossless" if setting == LOSSLESS_DB else f"{setting:g} dB",
    settings=(*(tenths / 10 for tenths in range(180, 1000)), LOSSLESS_DB),
    setting_of=jpeg2k_decibels,
    arguments=_jpeg2k_arguments,
    planes_first=True,
)

PEERS = {peer.name: peer for peer in (JPEGXL, JPEG2K, JPEG)}
