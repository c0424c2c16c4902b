"""LevelPlan: for each level of a store where its pixels come from, and whether they stay exact."""

from dataclasses import dataclass, replace
from typing import Literal

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.requantize import EXACT

from ..geometry.levels import LevelGrid, keep_level, reduced_levels
from ..options import CHUNK_MULTIPLE_PX, CHUNK_PX, ConvertOptions
from ..sources import JpegTiles, SlideSource

__all__ = ["Coding", "LevelPlan", "plan_store_levels"]

Coding = Literal["jpeg", "lossless", "lossy"]

# Readers fetch whole chunks, and nothing that one chunk holds helps to code another: so neither
# larger nor smaller ones are made for the sake of the source's tiles.
MIN_EXACT_CHUNK_PX, MAX_EXACT_CHUNK_PX = 128, 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPlan:
    """One level of a store.

    Parameters
    ----------
    grid : LevelGrid
        Its size, its chunks, and the level of the source that it is, if it is one.
    coding : {"jpeg", "lossless", "lossy"}
        "jpeg" keeps the JPEG data of the source's tiles, exactly; "lossless" keeps the pixels of a
        level of an archive that cannot be kept so; "lossy" is the codec of the options.
    why : str
        Why the level is not "jpeg": a clause. Empty where it is, and where the options name a
        codec.
    jpeg_quality : int
        Of a level of coding "jpeg" that is kept coarser, less than 100.
    """

    grid: LevelGrid
    coding: Coding
    why: str = ""
    jpeg_quality: int = EXACT

    @property
    def is_kept(self) -> bool:
        """Whether its pixels are those of the source, or its JPEG data made coarser."""
        return self.coding != "lossy"

    @property
    def is_exact(self) -> bool:
        """Whether its pixels are to be those of the source."""
        return self.is_kept and self.jpeg_quality == EXACT


def plan_store_levels(source: SlideSource, options: ConvertOptions) -> tuple[LevelPlan, ...]:
    """Return the levels of the store; reads no pixels.

    Where level 0 keeps its JPEG data, the source's own levels follow, as far as these can be kept,
    too: nothing is nearer to the original, and each takes the bytes of its JPEG and not those of a
    second loss. Below the last of them levels are reduced until one chunk holds the slide, which
    is what viewers open first. Options that describe the pyramid come before this rule.

    Raises
    ------
    ConfigError
        If the slide does not have the levels that the options name, or the chunks or shards that
        they name keep an archive from being exact.
    """
    shapes = source.info.level_shapes
    if options.archive or options.use_existing_levels:
        own = [_own_level(source, options, level) for level in range(len(shapes))]
        is_added = options.archive and not options.use_existing_levels and len(own) == 1
        return (*own, *(_reduced(own[-1], options) if is_added else ()))
    own = [_own_level(source, options, 0)]
    if options.levels is None and options.downsample is None:
        for level in range(1, len(shapes) if own[0].is_kept else 1):
            following = _own_level(source, options, level)
            if not following.is_kept:
                break
            own.append(following)
    return (*own, *_reduced(own[-1], options))


def _own_level(source: SlideSource, options: ConvertOptions, level: int) -> LevelPlan:
    """Return a level of the source as the store will have it."""
    tiles = source.jpeg_tiles(level) if options.codec == "auto" else None
    side, why = (None, "") if tiles is None else _exact_chunk(tiles, options)
    if options.archive and side is None and tiles is not None:
        _check_archive(source, level, tiles, options, why)
    chunk_px = side or options.chunk_px or _default_chunk(options)
    grid = keep_level(
        source.info.level_shapes,
        level,
        chunk_px=chunk_px,
        region_px=options.region_px(chunk_px),
    )
    if side is not None:
        return LevelPlan(grid=grid, coding="jpeg", jpeg_quality=options.jpeg_quality)
    return LevelPlan(grid=grid, coding="lossless" if options.archive else "lossy", why=why)


def _check_archive(
    source: SlideSource, level: int, tiles: JpegTiles, options: ConvertOptions, why: str
) -> None:
    """Refuse options without which a level would be kept as its JPEG data."""
    free = replace(options, chunk_px=None, shard_px=None)
    if _exact_chunk(tiles, free)[0] is not None:
        raise ConfigError(f"level {level} of {source.info.name} cannot be kept exactly: {why}")


def _exact_chunk(tiles: JpegTiles, options: ConvertOptions) -> tuple[int | None, str]:
    """Return the side of chunks that keep a level exactly; None and why, if there is none."""
    if tiles.reason is not None:
        return None, tiles.reason
    height, width = tiles.tile
    shape = f"its JPEG tiles have {width} x {height} pixels"
    if options.chunk_px is not None:
        if tiles.fits(options.chunk_px):
            return options.chunk_px, ""
        return None, f"{shape}, which chunks of {options.chunk_px} cut: leave chunk out"
    sides = range(MIN_EXACT_CHUNK_PX, MAX_EXACT_CHUNK_PX + 1, CHUNK_MULTIPLE_PX)
    fitting = [side for side in sides if tiles.fits(side)]
    if not fitting:
        return None, f"{shape}, which no chunk up to {MAX_EXACT_CHUNK_PX} holds"
    filling = [side for side in fitting if options.shard_px is None or not options.shard_px % side]
    if not filling:
        return None, f"{shape}, which shards of {options.shard_px} cut: leave shard out"
    return min(filling, key=lambda side: max(side / CHUNK_PX, CHUNK_PX / side)), ""


def _default_chunk(options: ConvertOptions) -> int:
    """Return 512, or the largest smaller side that fills the shard of the options."""
    if options.shard_px is None:
        return CHUNK_PX
    sides = range(CHUNK_MULTIPLE_PX, CHUNK_PX + 1, CHUNK_MULTIPLE_PX)
    return max(side for side in sides if not options.shard_px % side)


def _reduced(last: LevelPlan, options: ConvertOptions) -> tuple[LevelPlan, ...]:
    grids = reduced_levels(last.grid, levels=options.levels, step=options.step)
    return tuple(
        LevelPlan(grid=grid, coding="lossy", why=f"reduced from level {grid.level - 1}")
        for grid in grids
    )
