"""Plans from the tissue mask which chunks are elided and which pixels are painted.

The mask is a small picture of the slide: row r of it stands for the rows y of level 0 with
``y * mask_height // slide_height == r``, columns likewise. Everything here follows that one rule.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.transform import integral_image

from ..geometry.levels import Fraction, LevelGrid, Region
from ..options import GlassTreatment
from . import WHITE, grown

__all__ = ["GlassPlan", "chunks_over", "plan_glass", "spans"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GlassPlan:
    """What is glass, and what is done about it.

    Parameters
    ----------
    treatment : {"elide", "flatten", "keep"}
        What is done.
    fill_value : int
        What a reader sees where nothing is stored.
    colour : tuple of int
        Colour of the glass, which "flatten" paints.
    tissue : ndarray, optional
        The tissue mask, bool; None for slides that are not bright-field: they have no glass.
    kept : ndarray, optional
        The tissue mask with its safety margin.
    elided : tuple of ndarray
        For each level, which chunks are not stored; bool, in the shape of its grid of chunks.
    with_tissue : tuple of ndarray
        For each level, which chunks hold tissue, without margin.
    slide_shape : tuple of int
        Height and width of level 0.
    margin_px : float
        Safety margin around tissue, in pixels of level 0.
    """

    treatment: GlassTreatment
    fill_value: int
    colour: tuple[int, int, int]
    tissue: NDArray[np.bool_] | None
    kept: NDArray[np.bool_] | None
    elided: tuple[NDArray[np.bool_], ...]
    with_tissue: tuple[NDArray[np.bool_], ...]
    slide_shape: tuple[int, int]
    margin_px: float

    def painted(self, pixels: NDArray[Any], region: Region, grid: LevelGrid) -> NDArray[Any]:
        """Return `pixels`, shape (c, y, x), of a level's region with glass painted: "flatten" only.

        They may be painted in place.
        """
        if self.treatment != "flatten" or self.kept is None:
            return pixels
        kept = sample_mask(self.kept, region, self.slide_shape, grid.down_y, grid.down_x)
        if not pixels.flags.writeable:
            pixels = pixels.copy()
        pixels[:, ~kept] = np.array(self.colour, np.uint8)[:, None]
        return pixels

    def is_painted(self, region: Region, grid: LevelGrid) -> bool:
        """Return whether `painted` changes a pixel of a level's region."""
        if self.treatment != "flatten" or self.kept is None:
            return False
        kept = sample_mask(self.kept, region, self.slide_shape, grid.down_y, grid.down_x)
        return not bool(kept.all())

    def tissue_pixels(self, region: Region, grid: LevelGrid) -> NDArray[np.bool_]:
        """Return the tissue mask, bool (y, x), in the pixels of `region` of a level."""
        if self.tissue is None:
            return np.ones((region.height, region.width), bool)
        return sample_mask(self.tissue, region, self.slide_shape, grid.down_y, grid.down_x)


def plan_glass(
    tissue: NDArray[np.bool_] | None,
    grids: tuple[LevelGrid, ...],
    *,
    treatment: GlassTreatment,
    colour: tuple[int, int, int],
    margin_px: float,
    fill_value: int = WHITE,
) -> GlassPlan:
    """Decide what is elided and painted.

    Parameters
    ----------
    tissue : ndarray, optional
        The tissue mask; None if the slide is not bright-field: then all is kept, and the fill value
        is 0.
    grids : tuple of LevelGrid
        All levels.
    treatment : {"elide", "flatten", "keep"}
        What is asked for.
    colour : tuple of int
        Colour of the glass.
    margin_px : float
        Safety margin around tissue, in pixels of level 0.
    fill_value : int
        What a reader sees of elided chunks, at all levels: best the grey of the glass.
    """
    if tissue is None:
        kept, treatment = None, "keep"
    else:
        per_mask_px = max(grids[0].height, grids[0].width) / max(tissue.shape)
        kept = grown(tissue, int(np.ceil(margin_px / per_mask_px)))
    is_elided = treatment == "elide"
    return GlassPlan(
        treatment=treatment,
        fill_value=0 if tissue is None else fill_value,
        colour=colour,
        tissue=tissue,
        kept=kept,
        elided=tuple(glass & is_elided for glass in glass_chunks(kept, grids)),
        with_tissue=tuple(~glass for glass in glass_chunks(tissue, grids)),
        slide_shape=(grids[0].height, grids[0].width),
        margin_px=margin_px,
    )


def glass_chunks(
    kept: NDArray[np.bool_] | None, grids: tuple[LevelGrid, ...]
) -> list[NDArray[np.bool_]]:
    """Return for each level which chunks hold nothing of `kept`, in all that they stand for.

    That is decided at level 0: a chunk of level n counts only if all chunks under it do.
    """
    if kept is None:
        return [np.zeros(grid.chunk_grid, bool) for grid in grids]
    shape = grids[0].height, grids[0].width
    finest = _chunks_without(kept, grids[0], shape)
    return [finest, *(~chunks for chunks in chunks_over(~finest, grids)[1:])]


def chunks_over(finest: NDArray[np.bool_], grids: tuple[LevelGrid, ...]) -> list[NDArray[np.bool_]]:
    """Return for each level which chunks stand for something of chunks of level 0, `finest`."""
    covered = _covered(grids[0])
    return [finest, *(~_chunks_without(finest, grid, covered) for grid in grids[1:])]


def sample_mask(
    mask: NDArray[np.bool_],
    region: Region,
    slide_shape: tuple[int, int],
    down_y: Fraction = (1, 1),
    down_x: Fraction = (1, 1),
) -> NDArray[np.bool_]:
    """Return `mask` in the pixels of `region`: what is under each pixel's centre.

    Parameters
    ----------
    region : Region
        In pixels that are `down_y` by `down_x` of level 0.
    slide_shape : tuple of int
        Height and width of level 0, which the mask covers.
    """
    rows = _mask_index(region.y, region.height, down_y, slide_shape[0], mask.shape[0])
    columns = _mask_index(region.x, region.width, down_x, slide_shape[1], mask.shape[1])
    return mask[np.ix_(rows, columns)]


def _covered(grid: LevelGrid) -> tuple[int, int]:
    """Return height and width that the chunks of a level cover, in its pixels."""
    rows, columns = grid.chunk_grid
    return rows * grid.chunk_px, columns * grid.chunk_px


def _chunks_without(
    cells: NDArray[np.bool_], grid: LevelGrid, covered: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return which chunks of a level touch no True one of `cells`, which divide `covered` pixels.

    Those are pixels of level 0; they may reach beyond the slide.
    """
    total = np.pad(integral_image(cells, dtype=np.int32), (1, 0))
    top, bottom = spans(grid.chunk_grid[0], grid, grid.down_y, covered[0], cells.shape[0])
    left, right = spans(grid.chunk_grid[1], grid, grid.down_x, covered[1], cells.shape[1])
    count = (
        total[np.ix_(bottom, right)]
        - total[np.ix_(top, right)]
        - total[np.ix_(bottom, left)]
        + total[np.ix_(top, left)]
    )
    is_without: NDArray[np.bool_] = count == 0
    return is_without


def _mask_index(
    start: int, count: int, down: Fraction, size: int, mask_size: int
) -> NDArray[np.int64]:
    pixel = np.arange(start, start + count, dtype=np.int64)
    centre = np.minimum((2 * pixel + 1) * down[0] // (2 * down[1]), size - 1)
    index: NDArray[np.int64] = centre * mask_size // size
    return index


def spans(
    count: int, grid: LevelGrid, down: Fraction, covered: int, cells: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and one past the last row (or column) of cells under each row of chunks.

    Parameters
    ----------
    count : int
        Rows (or columns) of chunks.
    grid : LevelGrid
    down : tuple of int
        Of the grid, along this axis.
    covered : int
        Pixels of level 0 that the cells divide.
    cells : int
        How many rows (or columns) of cells there are.
    """
    chunk = np.arange(count, dtype=np.int64)
    first = np.minimum(chunk * grid.chunk_px * down[0] // down[1], covered - 1)
    end = -((chunk + 1) * grid.chunk_px * down[0] // -down[1])
    last = np.minimum(end, covered) - 1
    return first * cells // covered, last * cells // covered + 1
