"""How well tissue came back: squared error and SSIM, as sums that add up over chunks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.measure import metrics

__all__ = ["ChunkQuality", "chunk_quality"]

# Sums are kept in these units: then they add up to the same number in any order.
_SSIM_UNITS = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkQuality:
    """Sums over the tissue of one chunk, or of several: ``a + b`` is both together.

    Parameters
    ----------
    squared_error : int
        Over all samples.
    samples : int
        How many: pixels times channels.
    ssim_sum : float
        Over all pixels that have a value, of the mean of their channels.
    ssim_count : int
        How many those are: all whose window of 11 x 11 pixels lies inside the chunk.

    Examples
    --------
    >>> one = ChunkQuality(squared_error=400, samples=100, ssim_sum=19.0, ssim_count=20)
    >>> other = ChunkQuality(squared_error=0, samples=300, ssim_sum=20.0, ssim_count=20)
    >>> (one + other).psnr_db(), (one + other).ssim
    (48.13, 0.975)
    """

    squared_error: int = 0
    samples: int = 0
    ssim_sum: float = 0.0
    ssim_count: int = 0

    def __add__(self, other: "ChunkQuality") -> "ChunkQuality":
        return ChunkQuality(
            squared_error=self.squared_error + other.squared_error,
            samples=self.samples + other.samples,
            ssim_sum=self.ssim_sum + other.ssim_sum,
            ssim_count=self.ssim_count + other.ssim_count,
        )

    def psnr_db(self, data_range: float = metrics.PEAK) -> float | None:
        """Return the PSNR in dB, or None if there is no error, or no sample."""
        if self.squared_error == 0 or self.samples == 0:
            return None
        return round(metrics.decibels(data_range**2 * self.samples, self.squared_error), 2)

    @property
    def ssim(self) -> float | None:
        """Mean SSIM, or None if no pixel has a value."""
        return self.ssim_sum / self.ssim_count if self.ssim_count else None


def chunk_quality(
    original: NDArray[Any],
    stored: NDArray[Any],
    tissue: NDArray[np.bool_],
    *,
    data_range: float = metrics.PEAK,
) -> ChunkQuality:
    """Compare a chunk with what a reader gets, on tissue.

    The same numbers on every machine, whatever else runs there.

    Parameters
    ----------
    original, stored : ndarray
        Shape (c, h, w), of one integer dtype; floats only if they came back as they were.
    tissue : ndarray
        Shape (h, w), bool.
    data_range : float
        Difference between the brightest and the darkest sample that there can be: for SSIM.

    Examples
    --------
    >>> grey = np.full((3, 16, 16), 100, np.uint8)
    >>> chunk_quality(grey, grey + np.uint8(2), np.ones((16, 16), bool)).psnr_db()
    42.11
    """
    samples = int(tissue.sum()) * original.shape[0]
    inside = _interior(tissue)
    ssim_count = int(inside.sum())
    if np.array_equal(original, stored, equal_nan=original.dtype.kind == "f"):
        return ChunkQuality(samples=samples, ssim_sum=float(ssim_count), ssim_count=ssim_count)
    ssim_sum = _ssim_sum(original, stored, inside, data_range) if ssim_count else 0.0
    return ChunkQuality(
        squared_error=int(metrics.squared_error(original[:, tissue].T, stored[:, tissue].T).sum()),
        samples=samples,
        ssim_sum=ssim_sum,
        ssim_count=ssim_count,
    )


def _interior(tissue: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return `tissue` without the pixels at the edge, whose windows reach beyond it."""
    edge = metrics.WINDOW_RADIUS
    return tissue[edge : max(tissue.shape[0] - edge, 0), edge:-edge]


def _ssim_sum(
    original: NDArray[Any], stored: NDArray[Any], inside: NDArray[np.bool_], data_range: float
) -> float:
    # Whole units, whose sum is the same in any order.
    total = sum(
        int(np.rint(metrics.ssim_map(plane, other, data_range)[inside] * _SSIM_UNITS).sum())
        for plane, other in zip(original, stored, strict=True)
    )
    return round(total / len(original)) / _SSIM_UNITS
