"""Facts about one slide, gathered from its report, its store, and the slide itself."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import NeuralCodecError

from ..batch.run import Outcome, as_sentence, opened
from ..options import ConvertOptions
from ..pipeline.summary import SlideReport
from ..sources import SlideInfo, SlideSource
from ..trials.jpeg_transcode import Transcoding, transcode_tiles
from .chunk_map import ChunkMap, map_chunks, report_of
from .crops import Crops, chunks_with_tissue, cut_crops
from .jpeg_estimate import JpegEstimate, estimate_jpeg, glass_of
from .overview import SIDE_PX, overviews
from .pictures import Picture, resampled
from .stored_slide import StoredSlide, open_stored

__all__ = ["SlideFacts", "gather_facts"]

# What zarr, codecs and readers raise at files that are gone or damaged.
_READ_ERRORS = (
    *(NeuralCodecError, OSError, ArithmeticError, LookupError, RuntimeError, TypeError),
    *(ValueError, zipfile.BadZipFile),
)


@dataclass(slots=True, kw_only=True, eq=False)
class SlideFacts:
    """One slide; whatever could not be had is None.

    Parameters
    ----------
    outcome : Outcome
        What became of it.
    report : SlideReport, optional
        Of a slide that was skipped, as far as its store tells.
    info : SlideInfo, optional
        What the slide says about itself.
    stored : StoredSlide, optional
        What its store says about itself; it is closed.
    overviews : list
        (name, picture) of the whole slide, for each channel; original pixels where these are there.
    mask : ndarray, optional
        The tissue mask, of the size of these pictures.
    chunks : ChunkMap, optional
        Sizes of chunks.
    crops : Crops, optional
        Crops at full resolution.
    jpeg : JpegEstimate, optional
        What the slide would take as JPEG.
    transcodings : tuple of Transcoding
        What its own JPEG tiles would take, kept by other tools.
    missing : tuple of str
        Which of these tools are left out, and why.
    troubles : list of str
        What could not be had, and why: sentences.
    """

    outcome: Outcome
    report: SlideReport | None = None
    info: SlideInfo | None = None
    stored: StoredSlide | None = None
    overviews: list[tuple[str, Picture]] = field(default_factory=list)
    mask: NDArray[np.bool_] | None = None
    chunks: ChunkMap | None = None
    crops: Crops | None = None
    jpeg: JpegEstimate | None = None
    transcodings: tuple[Transcoding, ...] = ()
    missing: tuple[str, ...] = ()
    troubles: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the slide."""
        if self.report is not None:
            return self.report.source
        path = self.outcome.job.path
        return "demo" if path is None else path.name

    def attempt(self, what: str, step: Callable[[], None]) -> None:
        """Run `step`; on failure append `what` and the reason to `troubles`."""
        try:
            step()
        except _READ_ERRORS as exc:
            self.troubles.append(f"{self.name}: {what}: {as_sentence(exc)}")


def gather_facts(outcome: Outcome, options: ConvertOptions, *, crops: int) -> SlideFacts:
    """Return what can be had of one slide.

    Parameters
    ----------
    crops : int
        How many crops to cut out, at most.
    """
    facts = SlideFacts(outcome=outcome, report=outcome.report)
    if outcome.status != "failed":
        facts.attempt(
            f"the store {outcome.job.output} cannot be read",
            lambda: _from_store(facts, options, crops),
        )
    return facts


def _from_store(facts: SlideFacts, options: ConvertOptions, crops: int) -> None:
    job = facts.outcome.job
    with open_stored(job.output) as stored:
        facts.stored = stored
        mask = stored.small_mask(SIDE_PX) if stored.has_mask else None
        facts.chunks = map_chunks(stored)
        if facts.report is None:
            facts.report = report_of(stored, facts.name, job.output, mask)
        facts.attempt(
            "the slide cannot be compared with its store",
            lambda: _from_source(facts, stored, mask, options, crops),
        )
        if not facts.overviews:
            shapes = [(grid.height, grid.width) for grid in stored.grids]
            facts.overviews = overviews(stored, stored.read, shapes)
        if mask is not None:
            facts.mask = resampled(mask, facts.overviews[0][1].shape[:2])


def _from_source(
    facts: SlideFacts,
    stored: StoredSlide,
    mask: NDArray[np.bool_] | None,
    options: ConvertOptions,
    crops: int,
) -> None:
    with opened(facts.outcome.job) as source:
        facts.info = source.info
        if facts.outcome.report is None and facts.report is not None:
            facts.report = _of_source(facts.report, source, options)
        facts.overviews = overviews(stored, source.read_region, source.info.level_shapes)
        chunks = facts.chunks
        if chunks is None or not chunks.is_any_stored:
            return
        with_tissue = chunks_with_tissue(stored, chunks)
        facts.crops = cut_crops(stored, source, chunks, with_tissue, count=crops)
        glass = glass_of(stored, mask, with_tissue, facts.overviews[0][1])
        facts.jpeg = estimate_jpeg(source, stored, glass)
        facts.transcodings, facts.missing = transcode_tiles(source)


def _of_source(report: SlideReport, source: SlideSource, options: ConvertOptions) -> SlideReport:
    return replace(
        report, source=options.name or source.info.name, source_nbytes=source.info.size_bytes
    )
