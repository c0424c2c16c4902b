"""Rate-distortion curves, and the bits that one needs against another at equal quality."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BDRate", "Point", "bd_rate", "efficient", "rises"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A codec at one setting, averaged over the images of a set.

    Parameters
    ----------
    setting : float
        Quality, distance or level, as the codec calls it.
    bpp : float
        Bits per pixel of the stored chunks, headers included.
    psnr : float
        RGB-PSNR in dB.
    ssim : float, optional
        Structural similarity, where it was asked for.
    seam_db : float, optional
        How much greater the squared error is within 8 pixels of chunk borders than 32 to 64
        pixels inside, in dB; absent where chunks are too small for that.
    """

    setting: float
    bpp: float
    psnr: float
    ssim: float | None = None
    seam_db: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BDRate:
    """Mean difference of rate at equal PSNR.

    Parameters
    ----------
    percent : float
        Negative where the tested curve needs fewer bits than the anchor.
    low, high : float
        The range of PSNR, in dB, that it is the mean over.
    """

    percent: float
    low: float
    high: float

    @property
    def span(self) -> float:
        """Width of the range in dB; under 6 dB the figure says little."""
        return self.high - self.low


def bd_rate(
    anchor: Sequence[Point],
    tested: Sequence[Point],
    *,
    window: tuple[float, float] = (-math.inf, math.inf),
) -> BDRate | None:
    """Return the mean difference of log-rate over the PSNR that both curves and `window` have.

    Log-rate is interpolated over PSNR by monotone cubics (pchip) and integrated exactly. Points
    that another of their curve beats in both are left out (`efficient`).

    Parameters
    ----------
    anchor, tested : sequence of Point
    window : (float, float)
        Range of PSNR, in dB, beyond which nothing counts.

    Returns
    -------
    BDRate or None
        None where the curves do not overlap or have fewer than two points.

    Examples
    --------
    >>> curve = [Point(setting=q, bpp=2 ** (q / 10), psnr=q) for q in (30, 35, 40)]
    >>> half = [Point(setting=p.setting, bpp=p.bpp / 2, psnr=p.psnr) for p in curve]
    >>> round(bd_rate(curve, half).percent, 6)
    -50.0
    """
    curves = [efficient(anchor), efficient(tested)]
    if min(map(len, curves)) < 2:
        return None
    low = max(window[0], *(curve[0].psnr for curve in curves))
    high = min(window[1], *(curve[-1].psnr for curve in curves))
    if low >= high:
        return None
    before, after = (_mean_log_rate(curve, low, high) for curve in curves)
    return BDRate(percent=100 * math.expm1(after - before), low=low, high=high)


def efficient(points: Iterable[Point]) -> list[Point]:
    """Return the points that no cheaper one of the same curve equals in PSNR, by rising rate.

    Interpolation over PSNR needs it to rise. Infinite PSNR has no place on a curve either.
    """
    kept: list[Point] = []
    for point in sorted(points, key=lambda p: (p.bpp, -p.psnr)):
        if math.isfinite(point.psnr) and (not kept or point.psnr > kept[-1].psnr):
            kept.append(point)
    return kept


def rises(points: Sequence[Point]) -> bool:
    """Whether both rate and PSNR rise at every step of the setting, in the order given."""
    steps = itertools.pairwise(points)
    return all(a.bpp < b.bpp and a.psnr < b.psnr for a, b in steps)


def _mean_log_rate(curve: Sequence[Point], low: float, high: float) -> float:
    from scipy.interpolate import PchipInterpolator

    decibels: NDArray[np.float64] = np.array([point.psnr for point in curve])
    log_rate: NDArray[np.float64] = np.log([point.bpp for point in curve])
    area = PchipInterpolator(decibels, log_rate).integrate(low, high)
    return float(area) / (high - low)
