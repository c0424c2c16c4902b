"""Pictures of a whole slide drawn from its facts: the tissue mask, and bits per pixel."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..geometry.levels import LevelGrid
from ..pipeline.coverage import ELIDED
from ..tissue import grown
from .facts import SlideFacts
from .pictures import Picture, blended, coloured, hatched, outlined

__all__ = ["MaskFigure", "RateFigure", "mask_figure", "rate_figure"]

Legend = list[tuple[str, tuple[int, int, int]]]

_TISSUE, _MARGIN, _ELIDED, _LOST = (0, 150, 60), (225, 110, 0), (70, 80, 95), (220, 30, 40)
_T = TypeVar("_T", bound=np.generic)
# More chunks than that have a few that stand out, and would take all colours for themselves.
_FEW_CHUNKS = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskFigure:
    """The tissue mask over the slide, and the names of its colours."""

    pixels: Picture
    legend: Legend


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RateFigure:
    """Bits per pixel of each chunk of level 0.

    Parameters
    ----------
    pixels : ndarray
        Shape (h, w, 4), transparent where nothing is stored.
    legend : list
        Names of colours that are not in the colour map.
    top : float
        Bits per pixel of the last colour of the map, and of all above.
    least, median, mean, most : float
        Of the chunks that are stored.
    count : int
        How many these are.
    is_partial : bool
        Whether some chunks are not stored.
    """

    pixels: Picture
    legend: Legend
    top: float
    least: float
    median: float
    mean: float
    most: float
    count: int
    is_partial: bool


def mask_figure(facts: SlideFacts) -> MaskFigure | None:
    """Return the tissue mask with its margin, and chunks that are not stored, over the slide."""
    stored, mask = facts.stored, facts.mask
    if stored is None or mask is None:
        return None
    grid = stored.grids[0]
    per_px = max(grid.height, grid.width) / max(mask.shape)
    kept = grown(mask, int(np.ceil(stored.block["glass"]["margin_px"] / per_px)))
    elided = np.zeros(mask.shape, bool)
    if facts.chunks is not None:
        elided = _in_pixels(facts.chunks.coverage == ELIDED, grid, mask.shape)
    pixels = _rgb(facts.overviews[0][1])
    pixels = blended(pixels, elided, _ELIDED, 0.25)
    pixels = blended(pixels, hatched(elided), _ELIDED, 0.5)
    pixels = blended(pixels, mask, _TISSUE, 0.2)
    pixels = blended(pixels, outlined(kept), _MARGIN, 1)
    pixels = blended(pixels, outlined(mask), _TISSUE, 1)
    legend = [("tissue", _TISSUE), ("margin", _MARGIN)]
    if elided.any():
        legend.append(("chunks not stored", _ELIDED))
    return MaskFigure(pixels=pixels, legend=legend)


def rate_figure(facts: SlideFacts) -> RateFigure | None:
    """Return bits per pixel chunk by chunk, as large as the slide's own picture."""
    stored, chunks = facts.stored, facts.chunks
    if stored is None or chunks is None or not chunks.is_any_stored or not facts.overviews:
        return None
    known = chunks.bpp[np.isfinite(chunks.bpp)]
    most = float(known.max())
    top = most if known.size <= _FEW_CHUNKS else float(np.percentile(known, 99, method="higher"))
    colours = coloured(chunks.bpp / top)
    colours[chunks.lost] = (*_LOST, 255)
    return RateFigure(
        pixels=_in_pixels(colours, stored.grids[0], facts.overviews[0][1].shape),
        legend=[("lost", _LOST)] if chunks.lost.any() else [],
        top=top,
        least=float(known.min()),
        median=float(np.median(known)),
        mean=chunks.mean_bpp,
        most=most,
        count=known.size,
        is_partial=bool((chunks.nbytes == 0).any()),
    )


def _in_pixels(cells: NDArray[_T], grid: LevelGrid, shape: tuple[int, ...]) -> NDArray[_T]:
    """Return values of chunks of level 0 for each pixel of a small picture."""
    rows, columns = (
        (2 * np.arange(small) + 1) * size // (2 * small) // grid.chunk_px
        for small, size in zip(shape[:2], (grid.height, grid.width), strict=True)
    )
    return cells[np.ix_(rows, columns)]


def _rgb(pixels: Picture) -> Picture:
    return pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1)
