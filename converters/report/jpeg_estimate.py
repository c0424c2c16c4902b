"""Estimated size and quality of a slide as JPEG at quality 80, from samples of it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..codecs import ChunkKind, codecs_for, family_of
from ..measure.sampling import SampleChunk, sample_glass, sample_level
from ..pipeline.coverage import ELIDED
from ..pipeline.rate_control import Trial
from ..sources import SlideSource
from ..tissue import Overview, glass_colour
from ..tissue.glass_plan import GlassPlan, plan_glass
from .stored_slide import StoredSlide

__all__ = ["JPEG_QUALITY", "JpegEstimate", "estimate_jpeg", "glass_of"]

JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegEstimate:
    """A whole store of JPEG chunks, 4:2:0 where they are RGB, at quality 80.

    Parameters
    ----------
    nbytes : int
        With just those chunks that are stored.
    nbytes_whole : int
        With glass stored as well.
    bpp : float
        Of the samples.
    psnr_db, ssim : float, optional
        On tissue in the samples.
    chunks : int
        How many samples with tissue that is.
    """

    nbytes: int
    nbytes_whole: int
    bpp: float
    psnr_db: float | None
    ssim: float | None
    chunks: int


def glass_of(
    stored: StoredSlide,
    mask: NDArray[np.bool_] | None,
    with_tissue: NDArray[np.bool_],
    overview: NDArray[np.uint8],
) -> GlassPlan:
    """Return what was done about glass, from what is in the store.

    Parameters
    ----------
    mask : ndarray, optional
        The tissue mask, at any size.
    with_tissue : ndarray
        Which chunks of level 0 hold tissue, exactly.
    overview : ndarray
        A small picture of the slide, for the colour of its glass.
    """
    shape = stored.grids[0].height, stored.grids[0].width
    is_flattened = stored.block["glass"]["treatment"] == "flatten"
    plan = plan_glass(
        mask,
        stored.grids,
        treatment=stored.block["glass"]["treatment"],
        colour=glass_colour(Overview(overview, shape)) if is_flattened else (255, 255, 255),
        margin_px=stored.block["glass"]["margin_px"],
        fill_value=stored.block["glass"]["fill_value"],
    )
    frame = stored.first_frame
    return replace(
        plan,
        elided=tuple(stored.coverage(n)[frame] == ELIDED for n in range(len(stored.grids))),
        with_tissue=(with_tissue, *plan.with_tissue[1:]),
    )


def estimate_jpeg(
    source: SlideSource, stored: StoredSlide, glass: GlassPlan
) -> JpegEstimate | None:
    """Code samples of a slide; return None for samples that JPEG cannot code.

    Raises
    ------
    SourceError
        If the slide does not decode.
    """
    kind = ChunkKind.of(source.info, "0.5")
    if "jpeg" not in codecs_for(kind):
        return None
    family = family_of("jpeg", kind)
    setting = family.setting_of(JPEG_QUALITY)
    grid = stored.grids[0]
    trial = Trial.of(source, grid, glass)

    def rate(samples: list[SampleChunk], level: int) -> float:
        """Return bytes per pixel; padding is coded, and not counted."""
        side = stored.grids[level].chunk_px
        planes = (sample.padded(side, glass.fill_value) for sample in samples)
        nbytes = sum(len(family.encode(each, setting)) for each in planes)
        return nbytes / max(sum(sample.tissue.size for sample in samples), 1)

    measured = trial.measure(family, setting)
    of_tissue = measured.nbytes / sum(sample.tissue.size for sample in trial.samples)
    is_pyramid = len(stored.grids) > 1
    of_reduced = rate(_reduced(source, stored, glass), 1) if is_pyramid else 0.0

    def whole(plan: GlassPlan) -> int:
        """Return the size of a store of which `plan` tells what is not in it."""
        first, *reduced = (
            each.pixels_where(chunks)
            for chunks, each in zip(plan.with_tissue, stored.grids, strict=True)
        )
        others = sum(
            each.pixels_where(~tissue & ~elided)
            for tissue, elided, each in zip(
                plan.with_tissue, plan.elided, stored.grids, strict=True
            )
        )
        total = first * of_tissue + sum(reduced) * of_reduced
        if others:
            total += others * rate(sample_glass(source, grid, plan), 0)
        return round(stored.axes.count * total)

    kept = replace(glass, elided=tuple(np.zeros_like(chunks) for chunks in glass.elided))
    return JpegEstimate(
        nbytes=whole(glass),
        nbytes_whole=whole(kept),
        bpp=round(8 * of_tissue, 4),
        psnr_db=measured.quality.psnr_db(trial.data_range),
        ssim=measured.quality.ssim,
        chunks=len(trial.samples),
    )


def _reduced(source: SlideSource, stored: StoredSlide, glass: GlassPlan) -> list[SampleChunk]:
    """Return chunks of level 1 with tissue, a few from each of three parts of all."""
    samples: list[SampleChunk] = []
    cells = np.argwhere(glass.with_tissue[1])
    for part in (cells[start::3] for start in range(3)):
        chosen = np.zeros_like(glass.with_tissue[1])
        chosen[tuple(part.T)] = True
        part_of_glass = replace(glass, with_tissue=(glass.with_tissue[0], chosen))
        samples += sample_level(source, stored.grids, part_of_glass, 1)
    return samples
