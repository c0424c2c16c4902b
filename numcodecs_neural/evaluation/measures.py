"""The measures of distortion by name, and the scale in dB that curves are compared on."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.evaluation import perceptual
from numcodecs_neural.evaluation.kinds import Pixels
from numcodecs_neural.measure import metrics

__all__ = ["LPIPS", "MEASURES", "MS_SSIM", "PSNR", "SSIM", "Measure", "measures_by_name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure of distortion.

    Parameters
    ----------
    name : str
        On the command line; with ``_`` for ``-`` the field of a `Point`.
    title : str
        In tables.
    to_db : callable
        From a value to a scale in dB that rises with quality.
    digits : int
        After the decimal point, in tables.
    score : callable, optional
        ``(image, decoded, data_range) -> value`` of one chunk, NaN where it has none. PSNR has no
        such: it comes from sums over all chunks of an image.
    why_not : callable
        Returns what is missing to measure it, or None.
    needs : str
        What a chunk must be to have a value.
    """

    name: str
    title: str
    to_db: Callable[[float], float]
    digits: int
    score: Callable[[Pixels, Pixels, float], float] | None = None
    why_not: Callable[[], str | None] = lambda: None
    needs: str = ""

    @property
    def field(self) -> str:
        """The name of its attribute of a `Point`, and of its key in JSON."""
        return self.name.replace("-", "_")

    def of(self, point: object) -> float | None:
        """Return its value at a `Point`."""
        value: float | None = getattr(point, self.field)
        return value

    def db(self, point: object) -> float:
        """Return its value at a `Point` in dB; NaN where it was not measured."""
        value = self.of(point)
        return math.nan if value is None else self.to_db(value)


def _distance_to_db(distance: float) -> float:
    """Return -10 log10 of a distance that is 0 for equal images.

    Examples
    --------
    >>> _distance_to_db(0.01), _distance_to_db(0)
    (20.0, inf)
    """
    return metrics.decibels(1.0, distance) if distance > 0 else math.inf


def _similarity_to_db(similarity: float) -> float:
    """Return -10 log10(1 - x), which spreads out what lies close to 1."""
    return _distance_to_db(1.0 - similarity)


PSNR = Measure(name="psnr", title="PSNR", to_db=float, digits=1)
SSIM = Measure(name="ssim", title="SSIM", to_db=_similarity_to_db, digits=4, score=metrics.ssim)
MS_SSIM = Measure(
    name="ms-ssim",
    title="MS-SSIM",
    to_db=_similarity_to_db,
    digits=4,
    score=perceptual.ms_ssim,
    why_not=perceptual.why_no_ms_ssim,
    needs="chunks with sides of more than 160 pixels",
)
LPIPS = Measure(
    name="lpips",
    title="LPIPS",
    to_db=_distance_to_db,
    digits=4,
    score=perceptual.lpips_distance,
    why_not=perceptual.why_no_lpips,
    needs="chunks of 8-bit RGB with sides of 64 pixels or more",
)
MEASURES = (PSNR, SSIM, MS_SSIM, LPIPS)


def measures_by_name(names: tuple[str, ...]) -> list[Measure]:
    """Return the measures of these names; PSNR is always among them, and first.

    Raises
    ------
    ConfigError
        If there is none of a name.

    Examples
    --------
    >>> [measure.title for measure in measures_by_name(("ms-ssim",))]
    ['PSNR', 'MS-SSIM']
    """
    known = [measure.name for measure in MEASURES]
    for name in names:
        if name not in known:
            raise ConfigError(f"there is no metric called {name!r}; known are {', '.join(known)}")
    return [measure for measure in MEASURES if measure is PSNR or measure.name in names]
