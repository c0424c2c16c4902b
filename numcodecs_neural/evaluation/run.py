"""evaluate: image sets and models in, rate-distortion curves and BD-rates out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from numcodecs_neural.errors import ConfigError, SourceError
from numcodecs_neural.evaluation.coders import QUALITIES, Entrant, ImageCoder, neural_entrant
from numcodecs_neural.evaluation.crops import VIEWS, Crop, View, chunk_shape
from numcodecs_neural.evaluation.images import ImageSet, sorted_by_kind
from numcodecs_neural.evaluation.kinds import Kind, Pixels
from numcodecs_neural.evaluation.measures import PSNR, Measure, measures_by_name
from numcodecs_neural.evaluation.peers import PEERS, peer_entrants
from numcodecs_neural.evaluation.results import JPEG_QUALITY, Evaluation, SetResult
from numcodecs_neural.evaluation.speed import AT_PSNR_DB, Speed, like_quality, measure_speed
from numcodecs_neural.evaluation.tally import Tally, average, measure_chunk

__all__ = ["Progress", "evaluate"]

Progress = Callable[[str], None]


def evaluate(
    sets: Iterable[ImageSet],
    models: Sequence[str] = ("he-fast",),
    *,
    peers: Sequence[str] = PEERS,
    codecs: Sequence[Entrant] = (),
    qualities: tuple[int, ...] = QUALITIES,
    views: Sequence[View] = VIEWS,
    metrics: tuple[str, ...] = ("psnr",),
    with_speed: bool = False,
    workers: int = 1,
    progress: Progress = lambda _: None,
) -> Evaluation:
    """Measure models of ours and other codecs on the same chunks.

    Parameters
    ----------
    sets : iterable of ImageSet
        A set with images of several kinds is measured as several.
    models : sequence of str
        Names of weights; each is measured on the sets that it codes.
    peers : sequence of str
        Names out of `PEERS`.
    codecs : sequence of Entrant
        More codecs, as `registered_entrant` returns them.
    qualities : tuple of int
        Rising; the settings of the models.
    views : sequence of View
        How each image is looked at.
    metrics : tuple of str
        Names out of `MEASURES`. What cannot be measured here is left out and noted.
    with_speed : bool
        Also time each codec, at like quality, on the first image of each kind.
    workers : int
        Chunks measured at once. Changes time only.
    progress : callable
        Is told in words what is measured next.

    Raises
    ------
    ConfigError
        If a peer, metric or quality does not exist, or there are no models.
    SourceError
        If an image cannot be read or is too small, or none could be measured.
    WeightsError
        If there are no weights of such a name.
    """
    if not models:
        raise ConfigError("no models are named: give at least one")
    notes: list[str] = []
    measures = _measurable(measures_by_name(metrics), notes)
    # A family and its exact name are one model.
    ours = list({e.name: e for e in (neural_entrant(m, qualities) for m in models)}.values())
    others = [*peer_entrants(peers), *codecs]
    _check_names([*ours, *others])
    with ThreadPoolExecutor(workers) as pool:
        run = _Run(
            ours=ours,
            others=others,
            views=views,
            measures=measures,
            with_speed=with_speed,
            workers=workers,
            progress=progress,
            pool=pool,
            notes=notes,
        )
        try:
            run.measure(sets)
        finally:
            # What waits in line is of no use after an error or an interrupt.
            pool.shutdown(cancel_futures=True)
    return run.evaluation()


@dataclass(slots=True, kw_only=True)
class _Run:
    """An evaluation under way: what is measured with, and what was found so far."""

    ours: list[Entrant]
    others: list[Entrant]
    views: Sequence[View]
    measures: list[Measure]
    with_speed: bool
    workers: int
    progress: Progress
    pool: Executor
    notes: list[str]
    results: list[SetResult] = field(default_factory=list)
    speeds: dict[Kind, list[Speed]] = field(default_factory=dict)
    is_complete: bool = True

    def measure(self, sets: Iterable[ImageSet]) -> None:
        """Measure sets in every view, or note why not.

        All images are looked at first: one that cannot be read, or is too small, would end the run
        hours later, and what had been measured until then would be lost.
        """
        looked_at = [sorted_by_kind(image_set, self._check_size) for image_set in sets]
        for parts, passed_over in looked_at:
            self.notes += passed_over
            self.is_complete = self.is_complete and not passed_over
            for kind, part in parts:
                coders = self._coders(kind, part.name)
                for view in self.views if coders else ():
                    self._measure_view(part, kind, view, coders)

    def evaluation(self) -> Evaluation:
        """Return what was found.

        Raises
        ------
        SourceError
            If that is nothing.
        """
        if not self.results:
            raise SourceError(f"nothing was measured: {'; '.join(self.notes)}")
        names = {name: None for result in self.results for name in result.curves}
        models = [entrant.name for entrant in self.ours]
        return Evaluation(
            models=tuple(model for model in models if model in names),
            peers=tuple(name for name in names if name not in models),
            results=tuple(self.results),
            measures=tuple(self.measures),
            speeds=tuple(speed for speeds in self.speeds.values() for speed in speeds),
            notes=tuple(dict.fromkeys(self.notes)),
            is_complete=self.is_complete,
        )

    def _check_size(self, name: str, kind: Kind, pixels: Pixels) -> None:
        """Refuse an image that will be measured and holds no chunk in one of the views."""
        if not any(entrant.coder_for(kind) for entrant in self.ours):
            return
        for view in self.views:
            try:
                chunk_shape(*view.shape_of(*pixels.shape[:2]))
            except SourceError as exc:
                raise SourceError(f"{name} is too small when {view.name}: {exc}") from exc

    def _coders(self, kind: Kind, name: str) -> list[ImageCoder]:
        """Return who takes part for a kind; nobody where no model of ours does."""
        ours = [coder for entrant in self.ours if (coder := entrant.coder_for(kind))]
        if not ours:
            models = ", ".join(entrant.name for entrant in self.ours)
            self.notes.append(f"{name} was skipped: {models} cannot code {kind.title} images")
            self.is_complete = False
            return []
        others = [(entrant, entrant.coder_for(kind)) for entrant in self.others]
        self.notes += [
            f"{entrant.name} takes no part where images are {kind.title}"
            for entrant, coder in others
            if coder is None
        ]
        return [*ours, *(coder for _, coder in others if coder is not None)]

    def _measure_view(
        self, image_set: ImageSet, kind: Kind, view: View, coders: Sequence[ImageCoder]
    ) -> None:
        tallies: dict[tuple[str, float], list[Tally]] = {}
        crops = []
        for number, image in enumerate(image_set.images, start=1):
            self.progress(
                f"{image_set.name}, {view.name}: image {number} of {len(image_set.images)}"
            )
            crop = Crop.of(image.read(), view)
            crops.append((len(crop.chunks), crop.data_range))
            for key, tally in self._measure_crop(crop, coders):
                tallies.setdefault(key, []).append(tally)
        curves = {
            coder.name: tuple(average(tallies[coder.name, s], s) for s in coder.settings)
            for coder in coders
        }
        ranges = [data_range for _, data_range in crops]
        result = SetResult(
            name=image_set.name,
            scale=view.name,
            images=len(crops),
            chunks=sum(count for count, _ in crops),
            pixels=sum(image.pixels for image in next(iter(tallies.values()))),
            curves=curves,
            kind=kind,
            data_range=(min(ranges), max(ranges)),
        )
        self.results.append(result)
        self.notes += _unmeasured(result, self.measures)
        if self.with_speed and kind not in self.speeds:
            self.progress(f"{image_set.name}, {view.name}: speed")
            self.speeds[kind] = self._time(crop, coders, result)

    def _measure_crop(
        self, crop: Crop, coders: Sequence[ImageCoder]
    ) -> Iterator[tuple[tuple[str, float], Tally]]:
        """Yield the sums over an image's chunks for each codec and setting."""
        futures = {
            (coder.name, setting): [
                self.pool.submit(
                    measure_chunk,
                    chunk,
                    coder,
                    setting,
                    measures=self.measures,
                    data_range=crop.data_range,
                    span=crop.span,
                )
                for chunk in crop.chunks
            ]
            for coder in coders
            for setting in coder.settings
        }
        for key, parts in futures.items():
            yield key, reduce(add, (part.result() for part in parts))

    def _time(self, crop: Crop, coders: Sequence[ImageCoder], result: SetResult) -> list[Speed]:
        """Time every codec where its PSNR is nearest to that of JPEG at quality 80."""
        at_80 = [point.psnr for point in result.jpeg or () if point.setting == JPEG_QUALITY]
        psnr = at_80[0] if at_80 else AT_PSNR_DB
        return [
            measure_speed(
                crop,
                coder,
                like_quality(result.curves[coder.name], psnr),
                pool=self.pool,
                workers=self.workers,
            )
            for coder in coders
        ]


def _measurable(measures: Sequence[Measure], notes: list[str]) -> list[Measure]:
    """Return the measures that can be measured here, and note what the others lack."""
    reasons = {measure.name: measure.why_not() for measure in measures}
    notes += [f"{m.title} was not measured: {reasons[m.name]}" for m in measures if reasons[m.name]]
    return [measure for measure in measures if reasons[measure.name] is None]


def _unmeasured(result: SetResult, measures: Sequence[Measure]) -> list[str]:
    """Note the measures that the chunks of a set are too small, or not of the kind, for."""
    points = next(iter(result.curves.values()))
    return [
        f"{measure.title} was not measured on {result.title}: it needs {measure.needs}"
        for measure in measures
        if measure is not PSNR and measure.of(points[0]) is None
    ]


def _check_names(entrants: Sequence[Entrant]) -> None:
    names = [entrant.name for entrant in entrants]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"two codecs are called {', '.join(twice)}: give one another name")
