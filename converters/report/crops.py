"""Crops of level 0 at full resolution: original, stored, and their difference."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.measure.picking import rank

from ..geometry.levels import Cell, Region, cells_where
from ..measure.distortion import ChunkQuality
from ..measure.sampling import pick_samples
from ..sources import SlideSource
from .chunk_map import ChunkMap
from .pictures import DisplayRange, Picture, displayed
from .stored_slide import StoredSlide

__all__ = ["CROP_PX", "Crop", "Crops", "chunks_with_tissue", "cut_crops"]

CROP_PX = 256
_GAINS = (32, 16, 8, 4, 2)

# Chunks that are compared whole, of slides that have so many with tissue.
COMPARED = 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crop:
    """One crop of level 0 as pictures.

    Parameters
    ----------
    region : Region
        In pixels of level 0.
    chunk : tuple of int
        (row, column) of the chunk that it is in.
    nbytes : int
        Of that chunk.
    psnr_db : float, optional
        Of the tissue in that chunk; None where nothing was lost.
    is_worst : bool
        Whether no sampled chunk has a lower PSNR.
    original, stored, difference : ndarray
        Shape (h, w, 3) or (h, w), uint8. The difference is amplified, on grey.
    """

    region: Region
    chunk: Cell
    nbytes: int
    psnr_db: float | None
    is_worst: bool
    original: Picture
    stored: Picture
    difference: Picture


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crops:
    """All crops of a slide.

    Parameters
    ----------
    shown : tuple of Crop
        The worst one first.
    gain : int
        How often differences are shown; 0 if there are none.
    compared : int
        How many chunks were compared to find the worst one.
    """

    shown: tuple[Crop, ...]
    gain: int
    compared: int


def chunks_with_tissue(stored: StoredSlide, chunks: ChunkMap) -> NDArray[np.bool_]:
    """Return which chunks of level 0 hold tissue: exactly, region by region of the mask."""
    grid = stored.grids[0]
    if not stored.has_mask:
        return np.ones(grid.chunk_grid, bool)
    found = np.zeros(grid.chunk_grid, bool)
    for cell in grid.regions():
        outer = grid.region(cell)
        rows, columns = (np.arange(0, side, grid.chunk_px) for side in (outer.height, outer.width))
        tissue = np.logical_or.reduceat(stored.tissue(outer), rows, axis=0)
        found[grid.chunks_of(cell)] = np.logical_or.reduceat(tissue, columns, axis=1)
    return found


def cut_crops(
    stored: StoredSlide,
    source: SlideSource,
    chunks: ChunkMap,
    with_tissue: NDArray[np.bool_],
    *,
    count: int,
) -> Crops:
    """Compare sampled chunks, those measured when they were written among them, and crop some.

    The worst one is among them; a hash of their coordinates picks the others, on slides without a
    tissue mask in the half that takes most bytes.

    Raises
    ------
    SourceError
        If the slide does not decode.
    """
    candidates = with_tissue if (with_tissue & (chunks.nbytes > 0)).any() else chunks.nbytes > 0
    picked = pick_samples(candidates, 0, least=COMPARED) & (chunks.nbytes > 0)
    cells = sorted(cells_where(picked), key=_rank)
    pairs = _Pairs(stored, source)
    qualities, data_range = _qualities(pairs, cells)
    psnrs = {cell: quality.psnr_db(data_range) for cell, quality in qualities.items()}
    lossy = [cell for cell in cells if psnrs[cell] is not None]
    worst = min(lossy, key=lambda cell: psnrs[cell] or 0.0, default=None)
    chosen = [cell for cell in (worst,) if cell is not None]
    others = cells if stored.has_mask else _fuller_half(cells, chunks)
    chosen += [cell for cell in others if cell != worst]
    regions = [(cell, pairs.crop_of(cell)) for cell in chosen[:count]]
    display_range = stored.channels[0][1]
    differences = [pairs.difference(region, display_range) for _, region in regions]
    gain = _gain(differences)
    return Crops(
        shown=tuple(
            Crop(
                region=region,
                chunk=cell,
                nbytes=int(chunks.nbytes[cell]),
                psnr_db=psnrs[cell],
                is_worst=cell == worst,
                original=displayed(pairs.original(region), display_range),
                stored=displayed(pairs.stored(region), display_range),
                difference=displayed(128 + gain * difference, (0, 255)),
            )
            for (cell, region), difference in zip(regions, differences, strict=True)
        ),
        gain=gain,
        compared=len(cells),
    )


class _Pairs:
    """Original and stored pixels of the first frame, (h, w, c)."""

    def __init__(self, stored: StoredSlide, source: SlideSource) -> None:
        self._stored, self._source = stored, source
        self._frame = stored.first_frame

    def original(self, region: Region) -> NDArray[Any]:
        return self._source.read_region(region, 0, self._frame)

    def stored(self, region: Region) -> NDArray[Any]:
        return self._stored.read(region, 0, self._frame)

    def error(self, region: Region) -> NDArray[np.float64]:
        """Return stored less original samples."""
        error: NDArray[np.float64] = self.stored(region).astype(np.float64) - self.original(region)
        return error

    def difference(self, region: Region, display_range: DisplayRange) -> NDArray[np.float64]:
        """Return the error in grey levels of the pictures."""
        return self.error(region) * (255 / max(display_range[1] - display_range[0], 1e-12))

    def chunk(self, cell: Cell) -> Region:
        return self._stored.grids[0].chunk(cell)

    def quality(self, cell: Cell) -> tuple[ChunkQuality, float, float]:
        """Return the error on a chunk's tissue, and its darkest and brightest original sample."""
        region = self.chunk(cell)
        original, tissue = self.original(region), self._stored.tissue(region)
        error = self.error(region)[tissue]
        # Not a number where both are none.
        squared = float(np.nansum(error * error))
        quality = ChunkQuality(squared_error=round(squared), samples=error.size)
        known = original[np.isfinite(original)] if original.dtype.kind == "f" else original
        low, high = (known.min(), known.max()) if known.size else (0, 0)
        return quality, float(low), float(high)

    def crop_of(self, cell: Cell) -> Region:
        """Return that part of a chunk where tissue has the largest error, or is most."""
        outer = self.chunk(cell)
        tissue = self._stored.tissue(outer)
        weight = np.nan_to_num((self.error(outer) ** 2).sum(-1)) * tissue
        if not weight.any():
            weight = tissue.astype(np.float64)
        height, width = min(CROP_PX, outer.height), min(CROP_PX, outer.width)

        def inside(corner: tuple[int, ...]) -> float:
            y, x = corner
            return float(weight[y : y + height, x : x + width].sum())

        spare = outer.height - height, outer.width - width
        corners = product(*((0, length // 2, length) for length in spare))
        y, x = max(corners, key=inside)
        return Region(outer.y + y, outer.x + x, height, width)


def _qualities(pairs: _Pairs, cells: list[Cell]) -> tuple[dict[Cell, ChunkQuality], float]:
    """Return the quality of each chunk, and what PSNR is relative to, as in the report."""
    found = {cell: pairs.quality(cell) for cell in cells}
    qualities = {cell: quality for cell, (quality, _, _) in found.items()}
    is_8_bit = bool(cells) and pairs.original(pairs.chunk(cells[0])).dtype == np.uint8
    if is_8_bit or not cells:
        return qualities, 255.0
    low = min(low for _, low, _ in found.values())
    high = max(high for _, _, high in found.values())
    return qualities, max(high - low, 1e-12)


def _fuller_half(cells: list[Cell], chunks: ChunkMap) -> list[Cell]:
    """Return those that take most bytes, in the same order: most of a dark field is black."""
    sizes = [int(chunks.nbytes[cell]) for cell in cells]
    middle = float(np.median(sizes)) if sizes else 0.0
    return [cell for cell, size in zip(cells, sizes, strict=True) if size >= middle]


def _gain(differences: list[NDArray[np.float64]]) -> int:
    """Return how often differences are shown so that hardly any is cut off."""
    values = np.concatenate([np.abs(each).ravel() for each in differences] or [np.zeros(1)])
    values = np.nan_to_num(values)
    if not values.any():
        return 0
    high = float(np.percentile(values, 99.5))
    return next((gain for gain in _GAINS if gain * high <= 127), 1)


def _rank(cell: Cell) -> bytes:
    return rank("look", *cell)
