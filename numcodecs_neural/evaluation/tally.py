"""One image through one codec at one setting, in sums that add up over chunks and images."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import NeuralCodecError
from numcodecs_neural.evaluation.coders import ImageCoder
from numcodecs_neural.evaluation.crops import STRIDE_PX
from numcodecs_neural.evaluation.curves import Point
from numcodecs_neural.evaluation.kinds import SPAN, Pixels
from numcodecs_neural.evaluation.measures import Measure
from numcodecs_neural.measure import metrics

__all__ = ["Tally", "average", "measure_chunk"]

# Of hyper-latents. A middle that begins less deep would be a border too.
_COARSE_PX = 64
_LEAST_DEPTH_PX = 32
_BORDER_PX = 8


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
    border_error, inside_error : int
        Squared error of the same pixels: where they lie within 8 pixels of a chunk's border, and
        where well inside. Both are 0 if chunks are too small for that.
    data_range : float
        The peak of PSNR: of the image, not of the chunk.
    scores : dict of str to float
        Measures that are means over chunks, by the name of their field, times pixels.
    """

    nbytes: int
    pixels: int
    error: int
    samples: int
    border_error: int
    inside_error: int
    data_range: float = metrics.PEAK
    scores: dict[str, float] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            nbytes=self.nbytes + other.nbytes,
            pixels=self.pixels + other.pixels,
            error=self.error + other.error,
            samples=self.samples + other.samples,
            border_error=self.border_error + other.border_error,
            inside_error=self.inside_error + other.inside_error,
            data_range=self.data_range,
            scores={name: value + other.scores[name] for name, value in self.scores.items()},
        )


def measure_chunk(
    pixels: Pixels,
    coder: ImageCoder,
    setting: float,
    *,
    measures: Sequence[Measure] = (),
    data_range: float = metrics.PEAK,
    span: tuple[int, int] = SPAN,
) -> Tally:
    """Encode and decode one chunk of shape (H, W, C), and count bytes and errors.

    Raises
    ------
    NeuralCodecError
        If the codec fails, or returns other samples than it was given.
    """

    def code(pixels: Pixels) -> tuple[int, Pixels]:
        stored = coder.encode(pixels, setting, span)
        return len(stored), _as_given(coder, stored, setting, pixels)

    nbytes, decoded = code(pixels)
    error = metrics.squared_error(pixels, decoded)
    border_error, inside_error = _seam_errors(pixels, error, lambda part: code(part)[1])
    return Tally(
        nbytes=nbytes,
        pixels=error.size,
        error=int(error.sum()),
        samples=pixels.size,
        border_error=border_error,
        inside_error=inside_error,
        data_range=data_range,
        scores={
            measure.field: measure.score(pixels, decoded, data_range) * error.size
            for measure in measures
            if measure.score is not None
        },
    )


def _seam_errors(
    pixels: Pixels, error: NDArray[np.int64], coded: Callable[[Pixels], Pixels]
) -> tuple[int, int]:
    """Return the errors of the same pixels at the border of a chunk and inside one.

    The middle of the chunk is coded once more as a chunk of its own. Other pixels would not do to
    compare with: what lies at a border may be richer tissue.
    """
    middle = tuple(_middle(n) for n in error.shape)
    if any(part.start < _LEAST_DEPTH_PX for part in middle):
        return 0, 0
    alone = np.ascontiguousarray(pixels[middle])
    border = _border(*alone.shape[:2])
    at_border = metrics.squared_error(alone, coded(alone))[border].sum()
    return int(at_border), int(error[middle][border].sum())


def _border(height: int, width: int) -> NDArray[np.bool_]:
    """Return where pixels lie less than 8 pixels from the nearest edge, (height, width).

    Examples
    --------
    >>> int(_border(16, 32).sum()), int(_border(32, 32).sum())
    (512, 768)
    """
    is_border = np.ones((height, width), bool)
    is_border[_BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX] = False
    return is_border


def _middle(length: int) -> slice:
    """Return half of an axis, on the grids of all strides where that is long enough."""
    grid = _COARSE_PX if length >= 4 * _COARSE_PX else STRIDE_PX
    start = length // 4 // grid * grid
    return slice(start, length - start)


def average(images: Sequence[Tally], setting: float) -> Point:
    """Return the point of a set: the mean over its images of rate, of PSNR in dB, and of scores.

    Errors at chunk borders are pooled over the set instead: one smooth image must not rule.
    """
    scores = {
        name: _mean(image.scores[name] / image.pixels for image in images)
        for name in images[0].scores
    }
    return Point(
        setting=setting,
        bpp=_mean(8 * image.nbytes / image.pixels for image in images),
        psnr=_mean(metrics.psnr_of(i.error / i.samples, i.data_range) for i in images),
        seam_db=_seam_db(images),
        # Where a chunk has none, neither has the set.
        **{name: None if np.isnan(score) else score for name, score in scores.items()},
    )


def _as_given(coder: ImageCoder, stored: bytes, setting: float, pixels: Pixels) -> Pixels:
    """Return what a chunk decodes to, with the axes and dtype of `pixels`."""
    decoded = coder.decode(stored, setting, pixels.shape)
    if decoded.ndim == 2:
        decoded = decoded[..., np.newaxis]
    if decoded.shape != pixels.shape or decoded.dtype != pixels.dtype:
        raise NeuralCodecError(
            f"{coder.name} at {setting:g} decodes {pixels.shape} of {pixels.dtype} to "
            f"{decoded.shape} of {decoded.dtype}: is imagecodecs built as expected?"
        )
    same: Pixels = decoded.view(pixels.dtype)
    return same


def _seam_db(images: Sequence[Tally]) -> float | None:
    # Errors of 16-bit images count by what they are of the image's own range.
    border, inside = (
        sum(getattr(image, name) / image.data_range**2 for image in images)
        for name in ("border_error", "inside_error")
    )
    return metrics.decibels(border, inside) if border or inside else None


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
