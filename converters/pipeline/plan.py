"""What is decided about a conversion before a chunk is written."""

from dataclasses import dataclass, replace
from pathlib import Path

from ..codecs import ChunkCodec, codec_for
from ..geometry.axes import Axes
from ..geometry.levels import LevelGrid, keep_levels, plan_levels
from ..options import ConvertOptions
from ..sources import SlideInfo, SlideSource
from ..tissue import find_tissue, glass_colour, is_bright_field, read_overview
from ..tissue.glass_plan import GlassPlan, plan_glass
from .fingerprint import settings_digest
from .memory import give_back_memory
from .rate_control import quality_for_psnr

__all__ = ["ConversionPlan", "find_glass", "plan_calibrated", "plan_conversion"]

GLASS_MARGIN_PX = 128.0  # for slides that do not tell the size of a pixel


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionPlan:
    """How one slide becomes one store.

    Parameters
    ----------
    info : SlideInfo
        The slide, under the name that it has in the store.
    options : ConvertOptions
        What was asked for.
    codec : ChunkCodec
        What codes the chunks.
    settings : str
        Digest of all that the store's bytes depend on.
    axes : Axes
        How frames lie in the arrays.
    grids : tuple of LevelGrid
        All levels.
    """

    info: SlideInfo
    options: ConvertOptions
    codec: ChunkCodec
    settings: str
    axes: Axes
    grids: tuple[LevelGrid, ...]


def plan_conversion(source: SlideSource, options: ConvertOptions) -> ConversionPlan:
    """Decide how a slide is converted; reads no pixels.

    Raises
    ------
    ConfigError, WeightsError
        If the slide does not allow the options.
    """
    info = source.info
    if options.name is not None:
        info = replace(info, name=options.name)
    codec = codec_for(options, info)
    return ConversionPlan(
        info=info,
        options=options,
        codec=codec,
        settings=settings_digest(info, options, codec, _tissue_picture(options)),
        axes=info.axes,
        grids=_plan_grids(info, options),
    )


def plan_calibrated(source: SlideSource, options: ConvertOptions) -> ConversionPlan:
    """Decide how a slide is converted; reads pixels only if the options name a PSNR.

    Raises
    ------
    ConfigError, WeightsError
        If the slide does not allow the options, or the codec does not reach the PSNR on it.
    SourceError
        If it does not decode.
    """
    plan = plan_conversion(source, options)
    if options.target_psnr is None:
        return plan
    quality = quality_for_psnr(source, options, find_glass(source, plan))
    return plan_conversion(source, replace(options, quality=quality))


def find_glass(source: SlideSource, plan: ConversionPlan) -> GlassPlan:
    """Look for glass on a slide that can have any: plain RGB of 8 bits, lit from behind."""
    options, info = plan.options, plan.info
    tissue, colour = None, (255, 255, 255)
    can_have_glass = plan.axes.is_plain and info.is_rgb and info.dtype == "uint8"
    if can_have_glass and options.bright_field != "no":
        overview = read_overview(source, workers=options.workers)
        if options.bright_field == "yes" or is_bright_field(overview):
            tissue, colour = find_tissue(overview, options.tissue), glass_colour(overview)
        del overview
        give_back_memory()
    return plan_glass(
        tissue,
        plan.grids,
        treatment=options.glass,
        colour=colour,
        margin_px=GLASS_MARGIN_PX if info.mpp is None else options.margin_um / min(info.mpp),
    )


def _plan_grids(info: SlideInfo, options: ConvertOptions) -> tuple[LevelGrid, ...]:
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
