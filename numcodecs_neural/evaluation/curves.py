"""Rate-distortion curves, and the bits that one needs against another at equal quality."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.evaluation.measures import PSNR, Measure

__all__ = ["ENOUGH_DB", "BDRate", "Point", "bd_rate", "efficient", "rate_at", "rises"]

# An overlap of two curves that is narrower says little about either: on stained tissue (OS-1) JPEG
# spans 12 dB of PSNR, 10 of SSIM and 15 of MS-SSIM between quality 30 and 95.
ENOUGH_DB = 6.0


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
        In dB, over all samples of all channels.
    ssim, ms_ssim, lpips : float, optional
        Structural similarity, the same on several scales, and the distance of features; where
        they were asked for and could be measured.
    seam_db : float, optional
        How much greater the squared error of pixels is within 8 pixels of a chunk's border than
        that of the same pixels inside a larger chunk, in dB; absent where chunks are too small for
        that, or nothing is lost.
    """

    setting: float
    bpp: float
    psnr: float
    ssim: float | None = None
    ms_ssim: float | None = None
    lpips: float | None = None
    seam_db: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BDRate:
    """Mean difference of rate at equal quality.

    Parameters
    ----------
    percent : float
        Negative where the tested curve needs fewer bits than the anchor.
    low, high : float
        The range of quality, in dB, that it is the mean over.
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
    measure: Measure = PSNR,
    window: tuple[float, float] = (-math.inf, math.inf),
) -> BDRate | None:
    """Return the mean difference of log-rate over the quality that both curves and `window` have.

    Log-rate is interpolated over quality in dB by monotone cubics (pchip) and integrated exactly.
    Points that another of their curve beats in both are left out (`efficient`).

    Parameters
    ----------
    anchor, tested : sequence of Point
    measure : Measure
        What quality is; similarities x are -10 log10(1 - x) dB.
    window : (float, float)
        Range of quality, in dB, beyond which nothing counts.

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
    curves = [efficient(anchor, measure), efficient(tested, measure)]
    if min(map(len, curves)) < 2:
        return None
    low = max(window[0], *(measure.db(curve[0]) for curve in curves))
    high = min(window[1], *(measure.db(curve[-1]) for curve in curves))
    # Written so that a window of NaN, where JPEG has no such measure, leaves nothing either.
    if not low < high:
        return None
    before, after = (
        float(_log_rate(curve, measure).integrate(low, high)) / (high - low) for curve in curves
    )
    return BDRate(percent=100 * math.expm1(after - before), low=low, high=high)


def rate_at(points: Sequence[Point], measure: Measure, level_db: float) -> float | None:
    """Return the bits per pixel that a curve needs for a quality, interpolated as in `bd_rate`.

    Returns
    -------
    float or None
        None where the curve does not reach down or up to `level_db`.

    Examples
    --------
    >>> curve = [Point(setting=q, bpp=2 ** (q / 10), psnr=q) for q in (30, 40, 50)]
    >>> round(rate_at(curve, PSNR, 35), 3), rate_at(curve, PSNR, 51)
    (11.314, None)
    """
    curve = efficient(points, measure)
    if len(curve) < 2 or not measure.db(curve[0]) <= level_db <= measure.db(curve[-1]):
        return None
    return math.exp(float(_log_rate(curve, measure)(level_db)))


def efficient(points: Iterable[Point], measure: Measure = PSNR) -> list[Point]:
    """Return the points that no cheaper one of the same curve equals in quality, by rising rate.

    Interpolation over quality needs it to rise. What is infinitely good, or was not measured, has
    no place on a curve either.
    """
    kept: list[Point] = []
    placed = [point for point in points if math.isfinite(measure.db(point))]
    for point in sorted(placed, key=lambda p: (p.bpp, -measure.db(p))):
        if not kept or measure.db(point) > measure.db(kept[-1]):
            kept.append(point)
    return kept


def rises(points: Sequence[Point]) -> bool:
    """Whether both rate and PSNR rise at every step of the setting, in the order given."""
    steps = itertools.pairwise(points)
    return all(a.bpp < b.bpp and a.psnr < b.psnr for a, b in steps)


def _log_rate(curve: Sequence[Point], measure: Measure) -> Any:
    from scipy.interpolate import PchipInterpolator

    decibels: NDArray[np.float64] = np.array([measure.db(point) for point in curve])
    log_rate: NDArray[np.float64] = np.log([point.bpp for point in curve])
    return PchipInterpolator(decibels, log_rate)
