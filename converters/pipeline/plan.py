"""ConversionPlan: levels, codec, glass and fingerprint of a conversion, each found once."""

import ctypes
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..codecs import ChunkCodec, codec_for, lossless_codec
from ..geometry.axes import Axes
from ..geometry.levels import LevelGrid
from ..options import ConvertOptions
from ..sources import SlideInfo, SlideSource
from ..tissue import (
    WHITE,
    find_tissue,
    glass_colour,
    glass_grey,
    is_bright_field,
    read_overview,
)
from ..tissue.glass_plan import GlassPlan, chunks_over, plan_glass
from ..tissue.regions.exact import exact_chunks, no_chunks
from .fingerprint import fingerprint_of
from .levels import LevelPlan, plan_store_levels
from .rate_control import quality_for_psnr

__all__ = ["ConversionPlan", "plan_conversion", "with_options"]

Colour = tuple[int, int, int]

GLASS_MARGIN_PX = 128.0  # for slides that do not tell the size of a pixel
# Of reduced levels, by default, where level 0 does not have the quality of the options.
LEVELS_QUALITY = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class ConversionPlan:
    """How one slide becomes one store. Codec and glass take pixels: they are found when first used.

    It pickles with all that is found by then, for workers elsewhere, and without the description of
    the slide, which they read from their own source.

    Parameters
    ----------
    source : SlideSource
        The slide; it stays open.
    options : ConvertOptions
        The options that were asked for.
    levels : tuple of LevelPlan
        All levels.
    """

    source: SlideSource
    options: ConvertOptions
    levels: tuple[LevelPlan, ...]

    def __getstate__(self) -> dict[str, Any]:
        # The plan of the glass holds the mask.
        return {key: value for key, value in vars(self).items() if key not in ("info", "tissue")}

    @cached_property
    def info(self) -> SlideInfo:
        """The description of the slide, under the name that it has in the store."""
        name = self.options.name
        return self.source.info if name is None else replace(self.source.info, name=name)

    @property
    def grids(self) -> tuple[LevelGrid, ...]:
        """The sizes of all levels."""
        return tuple(level.grid for level in self.levels)

    @property
    def axes(self) -> Axes:
        """How frames lie in the arrays."""
        return self.source.info.axes

    @cached_property
    def fingerprint(self) -> str:
        """Digest of all that the store's bytes depend on; no pixels are read for it.

        Raises
        ------
        ConfigError, WeightsError
            If the codec does not code the slide.
        """
        asked = self.options
        # In place of the quality that reaches a PSNR, which only coding tells.
        quality = asked.quality if asked.target_psnr is None else 0
        return fingerprint_of(
            self.info,
            asked,
            self.levels,
            self._codecs(quality),
            _tissue_picture(asked),
            self.exact if asked.exact_regions is not None else (),
        )

    @property
    def codec(self) -> ChunkCodec:
        """The codec of level 0."""
        return self.codecs[0]

    @cached_property
    def codecs(self) -> tuple[ChunkCodec, ...]:
        """The codec of each level; samples of the slide are coded if the options name a PSNR.

        That of a level that keeps its JPEG data codes chunks of it that cannot be kept.

        Raises
        ------
        ConfigError, WeightsError
            If the codec does not code the slide, or does not reach the PSNR on it.
        SourceError
            If the slide does not decode.
        """
        asked = self.options
        if asked.target_psnr is None:
            return self._codecs(asked.quality)
        return self._codecs(quality_for_psnr(self.source, asked, self.grids[0], self.glass))

    def _codecs(self, quality: int) -> tuple[ChunkCodec, ...]:
        """Return the codec of each level, for a quality of level 0."""
        first = replace(self.options, quality=quality)
        return tuple(
            lossless_codec(self.info, first.ome_zarr_version)
            if level.coding == "lossless"
            else codec_for(self._reduced(first) if level.grid.is_reduced else first, self.info)
            for level in self.levels
        )

    def _reduced(self, first: ConvertOptions) -> ConvertOptions:
        """Return the options of levels that are made by reduction, from those of level 0."""
        if first.levels_quality is not None:
            return replace(first, quality=first.levels_quality, chunk_psnr=None, max_error=None)
        if self.levels[0].is_kept:
            return replace(first, quality=min(first.quality, LEVELS_QUALITY))
        return first

    @cached_property
    def tissue(self) -> tuple[NDArray[np.bool_] | None, Colour, int]:
        """Tissue mask, or None, colour of the glass, and the grey nearest to what is not tissue.

        Only plain RGB of 8 bits can have any.
        """
        options, info = self.options, self.info
        tissue, colour, grey = None, (WHITE, WHITE, WHITE), WHITE
        can_have_glass = self.axes.is_plain and info.is_rgb and info.dtype == "uint8"
        if can_have_glass and options.bright_field != "no":
            overview = read_overview(self.source, workers=options.workers)
            if options.bright_field == "yes" or is_bright_field(overview):
                tissue, colour = find_tissue(overview, options.tissue), glass_colour(overview)
                grey = glass_grey(overview, tissue)
            del overview
            _give_back_memory()
        return tissue, colour, grey

    @cached_property
    def exact(self) -> tuple[NDArray[np.bool_], ...]:
        """For each level, which chunks are to be exact, since regions of the options touch them.

        Raises
        ------
        ConfigError
            If the file of the regions does not read, or they lie outside of the slide.
        """
        asked = self.options
        if asked.exact_regions is None:
            return no_chunks(self.grids)
        return exact_chunks(asked.exact_regions, self.grids, all_levels=asked.exact_all_levels)

    @cached_property
    def glass(self) -> GlassPlan:
        """Treatment of glass, level by level; chunks of exact regions are stored in any case."""
        options, info, (tissue, colour, grey) = self.options, self.info, self.tissue
        plan = plan_glass(
            tissue,
            self.grids,
            treatment=options.treatment,
            colour=colour,
            margin_px=GLASS_MARGIN_PX if info.mpp is None else options.margin_um / min(info.mpp),
            fill_value=grey,
        )
        over = chunks_over(self.exact[0], self.grids)
        return replace(
            plan,
            elided=tuple(e & ~kept for e, kept in zip(plan.elided, over, strict=True)),
        )


def with_options(plan: ConversionPlan, **changes: Any) -> ConversionPlan:
    """Return the plan of the same slide with other options, whose tissue is not looked for again.

    Parameters
    ----------
    **changes
        Fields of `ConvertOptions` that do not change what is tissue.
    """
    other = plan_conversion(plan.source, replace(plan.options, **changes))
    vars(other)["tissue"] = plan.tissue
    return other


def plan_conversion(source: SlideSource, options: ConvertOptions) -> ConversionPlan:
    """Begin the plan of a conversion; reads no pixels.

    Raises
    ------
    ConfigError
        If the slide does not have the levels that the options name, or an archive cannot have the
        chunks that they name.
    """
    levels = plan_store_levels(source, options)
    return ConversionPlan(source=source, options=options, levels=levels)


def _tissue_picture(options: ConvertOptions) -> bytes:
    """Return the content of the picture that is the mask: its path means nothing elsewhere."""
    if options.tissue in ("threshold", "network"):
        return b""
    path = Path(options.tissue)
    return path.read_bytes() if path.is_file() else b""


def _give_back_memory() -> None:
    """Let the C library return what Python has freed; where it cannot, nothing happens.

    glibc keeps the memory of a large picture for the next one of its thread. The search for tissue
    takes 100 MB and more in the main thread, once, and would keep it while the workers write.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
