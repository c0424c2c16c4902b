"""What a quality of 0 to 100 means to each lossy codec that others wrote.

- JPEG: its own quality.
- JPEG XL: libjxl's quality, which stands for a distance: 60 is 3.7, 90 is 1.0. 100 is lossless.
- JPEG 2000: the PSNR that streams are cut at, 20 + quality / 4 dB. 100 is lossless.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from numcodecs_neural.peers.codecs import JPEG, JPEG2K, JPEGXL, LOSSLESS_DB, Peer, Samples

__all__ = ["SCALES", "QualityScale"]

# Samples of 16 bits seldom use all of them, and a PSNR is against the greatest that there can be:
# where nobody says how many are used, it is raised as if these were.
_BITS_IN_DOUBT = 12
_DB_PER_BIT = 20 * np.log10(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityScale:
    """A codec and the settings that qualities stand for.

    Parameters
    ----------
    peer : Peer
    settings : tuple of float
        In order of rising rate, and fine enough to find any quality.
    setting_of : callable
        ``(quality, samples) -> setting``.
    shown : callable
        ``setting -> str``: how tables name one.
    """

    peer: Peer
    settings: tuple[float, ...]
    setting_of: Callable[[int, Samples], float]
    shown: Callable[[float], str]

    def is_lossless_at(self, setting: float) -> bool:
        """Whether the codec loses nothing there."""
        return setting == self.settings[-1] and self.peer is not JPEG


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


def jpeg2k_decibels(quality: int, samples: Samples) -> float:
    """Return the PSNR in whole decibels at which JPEG 2000 is cut; `LOSSLESS_DB` for 100.

    Examples
    --------
    >>> [jpeg2k_decibels(quality, Samples()) for quality in (0, 60, 99, 100)]
    [20.0, 35.0, 44.0, 1000.0]
    """
    if quality == 100:
        return LOSSLESS_DB
    is_in_doubt = samples.dtype.itemsize == 2 and samples.significant_bits is None
    raised = _DB_PER_BIT * (16 - _BITS_IN_DOUBT) if is_in_doubt else 0.0
    # Whole ones, since that is what the codec's wrappers for Zarr take.
    return float(int(20 + quality / 4 + raised))


_SCALES = (
    QualityScale(
        peer=JPEGXL,
        # Steps of 2 %, from 25 to 0.01.
        settings=(*(round(25 * 0.98**step, 4) for step in range(388)), 0.0),
        setting_of=lambda quality, _samples: jpegxl_distance(quality),
        shown=lambda setting: f"distance {setting:.2f}" if setting else "lossless",
    ),
    QualityScale(
        peer=JPEG2K,
        settings=(*(tenths / 10 for tenths in range(180, 1000)), LOSSLESS_DB),
        setting_of=jpeg2k_decibels,
        shown=lambda setting: "lossless" if setting == LOSSLESS_DB else f"{setting:g} dB",
    ),
    QualityScale(
        peer=JPEG,
        settings=tuple(float(quality) for quality in range(1, 101)),
        # libjpeg takes 0 for 1.
        setting_of=lambda quality, _samples: float(max(quality, 1)),
        shown=lambda setting: f"quality {setting:g}",
    ),
)

SCALES = {scale.peer.name: scale for scale in _SCALES}
