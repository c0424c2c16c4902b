"""ConversionPlan: levels, codec, glass and fingerprint of a conversion, each found once."""

import ctypes
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..codecs import ChunkCodec, codec_for
from ..geometry.axes import Axes
from ..geometry.levels import LevelGrid, keep_levels, plan_levels
from ..options import ConvertOptions
from ..sources import SlideInfo, SlideSource
from ..tissue import find_tissue, glass_colour, is_bright_field, read_overview
from ..tissue.glass_plan import GlassPlan, plan_glass
from .fingerprint import fingerprint_of
from .rate_control import quality_for_psnr

__all__ = ["ConversionPlan", "plan_conversion"]

GLASS_MARGIN_PX = 128.0  # for slides that do not tell the size of a pixel


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
    grids : tuple of LevelGrid
        All levels.
    """

    source: SlideSource
    options: ConvertOptions
    grids: tuple[LevelGrid, ...]

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "info"}

    @cached_property
    def info(self) -> SlideInfo:
        """The description of the slide, under the name that it has in the store."""
        name = self.options.name
        return self.source.info if name is None else replace(self.source.info, name=name)

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
        if asked.target_psnr is not None:
            # In place of the quality that reaches it, which only coding tells.
            asked = replace(asked, quality=0)
        codec = codec_for(asked, self.info)
        return fingerprint_of(self.info, asked, codec, _tissue_picture(asked))

    @cached_property
    def codec(self) -> ChunkCodec:
        """The codec of the chunks; samples of the slide are coded if the options name a PSNR.

        Raises
        ------
        ConfigError, WeightsError
            If the codec does not code the slide, or does not reach the PSNR on it.
        SourceError
            If the slide does not decode.
        """
        asked = self.options
        if asked.target_psnr is not None:
            asked = replace(asked, quality=quality_for_psnr(self.source, asked, self.glass))
        return codec_for(asked, self.info)

    @cached_property
    def glass(self) -> GlassPlan:
        """Tissue mask and treatment of glass; only plain RGB of 8 bits can have any."""
        options, info = self.options, self.info
        tissue, colour = None, (255, 255, 255)
        can_have_glass = self.axes.is_plain and info.is_rgb and info.dtype == "uint8"
        if can_have_glass and options.bright_field != "no":
            overview = read_overview(self.source, workers=options.workers)
            if options.bright_field == "yes" or is_bright_field(overview):
                tissue, colour = find_tissue(overview, options.tissue), glass_colour(overview)
            del overview
            _give_back_memory()
        return plan_glass(
            tissue,
            self.grids,
            treatment=options.glass,
            colour=colour,
            margin_px=GLASS_MARGIN_PX if info.mpp is None else options.margin_um / min(info.mpp),
        )


def plan_conversion(source: SlideSource, options: ConvertOptions) -> ConversionPlan:
    """Begin the plan of a conversion; reads no pixels.

    Raises
    ------
    ConfigError
        If the slide does not have the levels that the options name.
    """
    return ConversionPlan(source=source, options=options, grids=_grids(source.info, options))


def _grids(info: SlideInfo, options: ConvertOptions) -> tuple[LevelGrid, ...]:
    chunk_px, region_px = options.chunk_px, options.region_px
    if options.use_existing_levels:
        return keep_levels(info.level_shapes, chunk_px=chunk_px, region_px=region_px)
    return plan_levels(
        info.shape,
        levels=options.levels,
        chunk_px=chunk_px,
        region_px=region_px,
        step=options.downsample,
    )


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
