"""evaluate: image sets and models in, rate-distortion curves and BD-rates out."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from operator import add
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError, SourceError
from numcodecs_neural.evaluation.coders import QUALITIES, ImageCoder, neural_coder
from numcodecs_neural.evaluation.curves import BDRate, Point, bd_rate, rises
from numcodecs_neural.evaluation.images import SCALES, ImageSet, at_scale, chunks, read_image
from numcodecs_neural.evaluation.measure import Tally, average, measure_chunk
from numcodecs_neural.evaluation.peers import JPEG_420, JPEG_444, PEERS, peer_coders

__all__ = ["Evaluation", "Progress", "SetResult", "evaluate"]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetResult:
    """Every codec on one set at one scale.

    Parameters
    ----------
    name, scale : str
        Of the set, and one of ``"native"`` and ``"reduced by 2"``.
    images, chunks, pixels : int
        How much was measured.
    curves : dict of str to tuple of Point
        By name of the codec, at its settings in order.
    """

    name: str
    scale: str
    images: int
    chunks: int
    pixels: int
    curves: dict[str, tuple[Point, ...]]

    @property
    def title(self) -> str:
        """What a table calls it."""
        return f"{self.name}, {self.scale}"

    @property
    def window(self) -> tuple[float, float]:
        """The range of PSNR that JPEG spans: 4:2:0 at quality 30 to 4:4:4 at quality 95."""
        low, high = self.curves.get(JPEG_420), self.curves.get(JPEG_444)
        return (low[0].psnr if low else -math.inf, high[-1].psnr if high else math.inf)

    def bd_rate(self, model: str, peer: str) -> BDRate | None:
        """Return the rate of `model` against `peer` at equal PSNR within `window`."""
        return bd_rate(self.curves[peer], self.curves[model], window=self.window)

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
    """

    models: tuple[str, ...]
    peers: tuple[str, ...]
    results: tuple[SetResult, ...]

    def mean_bd_rate(self, model: str, peer: str) -> float | None:
        """Return the mean over sets and scales, in percent; None if there is none for any."""
        rates = [result.bd_rate(model, peer) for result in self.results]
        known = [rate.percent for rate in rates if rate is not None]
        return fmean(known) if known and len(known) == len(rates) else None


def evaluate(
    sets: Iterable[ImageSet],
    models: Sequence[str] = ("he-fast",),
    *,
    peers: Sequence[str] = PEERS,
    qualities: tuple[int, ...] = QUALITIES,
    scales: Sequence[str] = SCALES,
    with_ssim: bool = False,
    workers: int = 1,
    progress: Progress = lambda _: None,
) -> Evaluation:
    """Measure models of ours and other codecs on the same chunks.

    Parameters
    ----------
    sets : iterable of ImageSet
    models : sequence of str
        Names of RGB weights.
    peers : sequence of str
        Names out of `PEERS`.
    qualities : tuple of int
        Rising; the settings of the models.
    scales : sequence of str
        Out of `SCALES`. Crops start off the grid of the source's JPEG at either.
    with_ssim : bool
        Also measure SSIM, which takes longer than most of the codecs do.
    workers : int
        Chunks measured at once. Changes time only.
    progress : callable
        Is told in words what is measured next.

    Raises
    ------
    ConfigError
        If a peer or quality does not exist, or there are no models.
    SourceError
        If an image cannot be read or is too small.
    WeightsError
        If there are no weights of such a name.
    """
    if not models:
        raise ConfigError("no models are named: give at least one")
    # A family and its exact name are one model.
    ours = list({c.name: c for c in (neural_coder(name, qualities) for name in models)}.values())
    others = peer_coders(peers)
    pool = ThreadPoolExecutor(workers)
    try:
        results = [
            _run_set(
                pool, image_set, scale, [*ours, *others], with_ssim=with_ssim, progress=progress
            )
            for image_set in sets
            for scale in scales
        ]
    finally:
        # What waits in line is of no use after an error or an interrupt.
        pool.shutdown(cancel_futures=True)
    return Evaluation(
        models=tuple(coder.name for coder in ours),
        peers=tuple(coder.name for coder in others),
        results=tuple(results),
    )


def _run_set(
    pool: Executor,
    image_set: ImageSet,
    scale: str,
    coders: Sequence[ImageCoder],
    *,
    with_ssim: bool,
    progress: Progress,
) -> SetResult:
    tallies: dict[tuple[str, float], list[Tally]] = {}
    count = 0
    for number, pieces in enumerate(_images(image_set, scale), start=1):
        progress(f"{image_set.name}, {scale}: image {number} of {len(image_set.paths)}")
        count += len(pieces)
        for key, tally in _run_image(pool, pieces, coders, with_ssim=with_ssim):
            tallies.setdefault(key, []).append(tally)
    curves = {
        coder.name: tuple(average(tallies[coder.name, s], s) for s in coder.settings)
        for coder in coders
    }
    return SetResult(
        name=image_set.name,
        scale=scale,
        images=len(image_set.paths),
        chunks=count,
        pixels=sum(image.pixels for image in next(iter(tallies.values()))),
        curves=curves,
    )


def _images(image_set: ImageSet, scale: str) -> Iterator[list[NDArray[np.uint8]]]:
    for path in image_set.paths:
        image = read_image(path)
        try:
            pieces = chunks(at_scale(image, scale))
        except SourceError as exc:
            raise SourceError(f"{path} is too small when {scale}: {exc}") from exc
        yield pieces


def _run_image(
    pool: Executor,
    pieces: Sequence[NDArray[np.uint8]],
    coders: Sequence[ImageCoder],
    *,
    with_ssim: bool,
) -> Iterator[tuple[tuple[str, float], Tally]]:
    """Yield the sums over an image's chunks for each codec and setting."""
    futures = {
        (coder.name, setting): [
            pool.submit(measure_chunk, piece, coder, setting, with_ssim=with_ssim)
            for piece in pieces
        ]
        for coder in coders
        for setting in coder.settings
    }
    for key, parts in futures.items():
        yield key, reduce(add, (part.result() for part in parts))
