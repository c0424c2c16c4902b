"""What an evaluation found: curves by set and view, and the figures that follow from them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from numcodecs_neural.evaluation.crops import ALIGNED
from numcodecs_neural.evaluation.curves import BDRate, Point, bd_rate, rate_at, rises
from numcodecs_neural.evaluation.kinds import RGB, Kind
from numcodecs_neural.evaluation.measures import MS_SSIM, PSNR, SSIM, Measure
from numcodecs_neural.evaluation.peers import JPEG_420, JPEG_444, JPEG_GREY
from numcodecs_neural.evaluation.speed import Speed

__all__ = ["STATED", "Evaluation", "SetResult", "StatedPoint", "mean_of"]

JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPoint:
    """A quality at which rates are compared with that of JPEG (4:2:0).

    Parameters
    ----------
    name, title : str
        In JSON and in tables.
    measure : Measure
    level : float, optional
        The value of the measure; by default that of JPEG at quality 80.
    """

    name: str
    title: str
    measure: Measure
    level: float | None = None


STATED = (
    StatedPoint(name="ssim_of_jpeg_q80", title="equal SSIM with JPEG at quality 80", measure=SSIM),
    StatedPoint(name="ms_ssim_0.99", title="MS-SSIM 0.99", measure=MS_SSIM, level=0.99),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetResult:
    """Every codec on one set in one view.

    Parameters
    ----------
    name, scale : str
        Of the set and of the view.
    images, chunks, pixels : int
        How much was measured.
    curves : dict of str to tuple of Point
        By name of the codec, at its settings in order.
    kind : Kind
    data_range : (float, float)
        The least and the greatest peak that PSNR and SSIM took for an image.
    """

    name: str
    scale: str
    images: int
    chunks: int
    pixels: int
    curves: dict[str, tuple[Point, ...]]
    kind: Kind = RGB
    data_range: tuple[float, float] = (255.0, 255.0)

    @property
    def title(self) -> str:
        """What a table calls it."""
        return f"{self.name}, {self.scale}"

    @property
    def is_aligned(self) -> bool:
        """Whether its crops start on the grid of the source's JPEG."""
        return self.scale == ALIGNED.name

    @property
    def jpeg(self) -> tuple[Point, ...] | None:
        """The curve of JPEG: 4:2:0, or that of grey images."""
        return self.curves.get(JPEG_420) or self.curves.get(JPEG_GREY)

    def window(self, measure: Measure = PSNR) -> tuple[float, float]:
        """Return the range in dB that JPEG spans: 4:2:0 at quality 30 to 4:4:4 at quality 95."""
        low, high = self.jpeg, self.curves.get(JPEG_444) or self.curves.get(JPEG_GREY)
        return (
            measure.db(low[0]) if low else -math.inf,
            measure.db(high[-1]) if high else math.inf,
        )

    def bd_rate(self, model: str, peer: str, measure: Measure = PSNR) -> BDRate | None:
        """Return the rate of `model` against `peer` at equal quality within `window`."""
        if model not in self.curves or peer not in self.curves:
            return None
        return bd_rate(
            self.curves[peer],
            self.curves[model],
            measure=measure,
            window=self.window(measure),
        )

    def at_stated(self, stated: StatedPoint, coder: str) -> float | None:
        """Return how many percent more bits than JPEG a codec needs at a stated point.

        Returns
        -------
        float or None
            None where the curve of either does not reach the point.
        """
        jpeg = self.jpeg or ()
        at_80 = [point for point in jpeg if point.setting == JPEG_QUALITY]
        if stated.level is not None:
            level = stated.measure.to_db(stated.level)
            ours, theirs = (rate_at(c, stated.measure, level) for c in (self.curves[coder], jpeg))
        elif at_80:
            level = stated.measure.db(at_80[0])
            ours, theirs = rate_at(self.curves[coder], stated.measure, level), at_80[0].bpp
        else:
            return None
        return None if ours is None or theirs is None else 100 * (ours / theirs - 1)

    def rises(self, model: str) -> bool:
        """Whether mean rate and mean PSNR of `model` both rise at every step of its quality."""
        return rises(self.curves[model])


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What `evaluate` measured.

    Parameters
    ----------
    models, peers : tuple of str
        Names of curves, in the order of the tables.
    results : tuple of SetResult
    measures : tuple of Measure
        Those that were measured.
    speeds : tuple of Speed
    notes : tuple of str
        What was left out, in sentences.
    is_complete : bool
        Whether every image that was given could be measured.
    """

    models: tuple[str, ...]
    peers: tuple[str, ...]
    results: tuple[SetResult, ...]
    measures: tuple[Measure, ...] = (PSNR,)
    speeds: tuple[Speed, ...] = ()
    notes: tuple[str, ...] = ()
    is_complete: bool = True

    def results_of(self, coder: str, *, aligned: bool = False) -> list[SetResult]:
        """Return the results that a codec took part in; aligned crops stand apart."""
        return [r for r in self.results if coder in r.curves and r.is_aligned == aligned]

    def peers_of(self, model: str) -> list[str]:
        """Return the peers that took part in any result of a model."""
        held = {name for r in self.results if model in r.curves for name in r.curves}
        return [peer for peer in self.peers if peer in held]

    def mean_bd_rate(
        self, model: str, peer: str, measure: Measure = PSNR, *, aligned: bool = False
    ) -> float | None:
        """Return the mean over the sets and views that both code, in percent.

        Returns
        -------
        float or None
            None if there is none for any of them.
        """
        results = self.results_of(model, aligned=aligned)
        rates = [r.bd_rate(model, peer, measure) for r in results if peer in r.curves]
        return mean_of([None if rate is None else rate.percent for rate in rates])

    def mean_at_stated(
        self, stated: StatedPoint, coder: str, *, aligned: bool = False
    ) -> float | None:
        """Return the mean over sets and views of `SetResult.at_stated`; None as there."""
        results = [r for r in self.results_of(coder, aligned=aligned) if r.jpeg]
        return mean_of([r.at_stated(stated, coder) for r in results])


def mean_of(values: Sequence[float | None]) -> float | None:
    """Return the mean, or None where a value is not known, or there is none."""
    known = [value for value in values if value is not None]
    return fmean(known) if known and len(known) == len(values) else None
