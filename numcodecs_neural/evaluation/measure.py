"""One image through one codec at one setting, in sums that add up over chunks and images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import NeuralCodecError
from numcodecs_neural.evaluation import metrics
from numcodecs_neural.evaluation.coders import ImageCoder
from numcodecs_neural.evaluation.curves import Point

__all__ = ["Tally", "average", "measure_chunk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Sums over chunks of one image.

    Parameters
    ----------
    nbytes, pixels : int
    error : int
        Squared error, summed over pixels and channels.
    samples : int
        Pixels times channels.
    border_error, border_pixels, inside_error, inside_pixels : int
        The parts of `error` and `pixels` within 8, and from 32 to 64, pixels of chunk borders.
    ssim : float, optional
        SSIM times pixels.
    """

    nbytes: int
    pixels: int
    error: int
    samples: int
    border_error: int
    border_pixels: int
    inside_error: int
    inside_pixels: int
    ssim: float | None = None

    def __add__(self, other: "Tally") -> "Tally":
        both = None if self.ssim is None or other.ssim is None else self.ssim + other.ssim
        return Tally(
            nbytes=self.nbytes + other.nbytes,
            pixels=self.pixels + other.pixels,
            error=self.error + other.error,
            samples=self.samples + other.samples,
            border_error=self.border_error + other.border_error,
            border_pixels=self.border_pixels + other.border_pixels,
            inside_error=self.inside_error + other.inside_error,
            inside_pixels=self.inside_pixels + other.inside_pixels,
            ssim=both,
        )


def measure_chunk(
    pixels: NDArray[np.uint8], coder: ImageCoder, setting: float, *, with_ssim: bool = False
) -> Tally:
    """Encode and decode one chunk of shape (H, W, 3), and count bytes and errors.

    Raises
    ------
    NeuralCodecError
        If the codec returns another shape than it was given.
    """
    stored = coder.encode(pixels, setting)
    decoded = coder.decode(stored)
    if decoded.shape != pixels.shape:
        raise NeuralCodecError(
            f"{coder.name} at {setting} decodes {pixels.shape} to {decoded.shape}: "
            "is imagecodecs built as expected?"
        )
    error = metrics.squared_error(pixels, decoded)
    height, width = error.shape
    border = metrics.ring(height, width, *metrics.BORDER_PX)
    inside = metrics.ring(height, width, *metrics.INSIDE_PX)
    ssim = metrics.ssim(pixels, decoded) * error.size if with_ssim else None
    return Tally(
        nbytes=len(stored),
        pixels=error.size,
        error=int(error.sum(dtype=np.int64)),
        samples=pixels.size,
        border_error=int(error[border].sum(dtype=np.int64)),
        border_pixels=int(border.sum()),
        inside_error=int(error[inside].sum(dtype=np.int64)),
        inside_pixels=int(inside.sum()),
        ssim=ssim,
    )


def average(images: Sequence[Tally], setting: float) -> Point:
    """Return the point of a set: the mean over its images of rate, of PSNR in dB, and of SSIM.

    Errors near chunk borders are pooled over the set instead: one smooth image must not rule.
    """
    pooled = sum(images[1:], start=images[0])
    return Point(
        setting=setting,
        bpp=_mean(8 * image.nbytes / image.pixels for image in images),
        psnr=_mean(metrics.psnr_of(image.error / image.samples) for image in images),
        ssim=None
        if pooled.ssim is None
        else _mean((image.ssim or 0.0) / image.pixels for image in images),
        seam_db=_seam_db(pooled),
    )


def _seam_db(tally: Tally) -> float | None:
    if not tally.inside_pixels:
        return None
    return metrics.decibels(
        tally.border_error / tally.border_pixels, tally.inside_error / tally.inside_pixels
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
