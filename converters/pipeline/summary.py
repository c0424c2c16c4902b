"""SlideReport and LevelReport: sizes and distortion of a conversion, in numbers; and notices."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.levels import LevelGrid
from ..measure.distortion import ChunkQuality
from ..sources import SlideInfo
from .checkpoint import RegionResult
from .coverage import ELIDED, EMPTY, STORED

__all__ = [
    "LevelReport",
    "SlideReport",
    "notices_of",
    "report_levels",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelReport:
    """One level in numbers.

    Parameters
    ----------
    level, height, width : int
        Which level, and its size in pixels.
    chunks, stored, elided, empty : int
        All chunks, and how many of them are stored, elided as glass, or equal to the fill value.
    nbytes : int
        Bytes of the level's files, without its metadata.
    bpp : float, optional
        Bits per pixel of the stored chunks, padding not counted as pixels.
    ratio : float, optional
        Raw bytes of the whole level, glass included, over `nbytes`.
    ratio_stored : float, optional
        Raw bytes of the stored chunks over `nbytes`.
    psnr_db : float, optional
        Of tissue pixels in the sampled chunks; None where nothing was lost or sampled. Against 255,
        or, of samples that are not 8 bits, against the range of those that were sampled.
    ssim : float, optional
        Likewise; of 8 bits only.
    chunks_sampled : int
        How many chunks that is.
    elided_area : float
        Part of the level's pixels that is elided.
    """

    level: int
    height: int
    width: int
    chunks: int
    stored: int
    elided: int
    empty: int
    nbytes: int
    bpp: float | None
    ratio: float | None
    ratio_stored: float | None
    psnr_db: float | None
    ssim: float | None
    chunks_sampled: int
    elided_area: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SlideReport:
    """One conversion in numbers.

    Parameters
    ----------
    source, output : str
        Name of the slide, and location of the store.
    levels : tuple of LevelReport
        Level 0 first.
    glass : str
        Treatment of glass.
    tissue_area : float, optional
        Part of the slide that is tissue; None if the slide is not bright-field.
    raw_nbytes, nbytes : int
        Bytes of all levels, raw and stored.
    source_nbytes : int, optional
        Size of the source file.
    codec : dict
        Method and parameters.
    cautions : tuple of str
        Notices, a sentence each.
    seconds : float
        Duration. Here only: a store tells nothing about the machine that wrote it.
    """

    source: str
    output: str
    levels: tuple[LevelReport, ...]
    glass: str
    tissue_area: float | None
    raw_nbytes: int
    nbytes: int
    source_nbytes: int | None
    codec: dict[str, Any]
    cautions: tuple[str, ...] = ()
    seconds: float

    @property
    def ratio(self) -> float | None:
        """Raw bytes over stored bytes, all levels and glass included."""
        return _quotient(self.raw_nbytes, self.nbytes)

    @property
    def ratio_source(self) -> float | None:
        """Bytes of the source file over stored bytes."""
        return _quotient(self.source_nbytes or 0, self.nbytes) or None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-safe values."""
        return asdict(self) | {"ratio": self.ratio, "ratio_source": self.ratio_source}


def report_levels(
    results: list[RegionResult],
    grids: tuple[LevelGrid, ...],
    coverage: list[NDArray[np.uint8]],
    info: SlideInfo,
) -> tuple[LevelReport, ...]:
    """Sum up the results of regions, level by level."""
    return tuple(
        _report_level(
            grid, coverage[grid.level], [r for r in results if r.level == grid.level], info
        )
        for grid in grids
    )


def notices_of(info: SlideInfo, first: LevelReport) -> tuple[str, ...]:
    """Return the notices of a conversion, one sentence each.

    Parameters
    ----------
    info : SlideInfo
        The slide.
    first : LevelReport
        Its level 0 in the store.
    """
    sentences = []
    if info.series_count > 1:
        sentences.append(
            f"the file holds {info.series_count} images and this is image {info.series}: "
            "--series picks one, and --series all converts all"
        )
    if info.mpp is None:
        sentences.append("the source does not tell the size of a pixel: scales count pixels")
    source_bpp = _source_bpp(info)
    if source_bpp is not None and first.bpp is not None and first.bpp > source_bpp:
        sentences.append(
            f"the source holds {source_bpp:.2f} bits per pixel and the store {first.bpp:.2f}: "
            "at a lower --quality it would be smaller, and more bits bring nothing back"
        )
    return tuple(sentences)


def _report_level(
    grid: LevelGrid, coverage: NDArray[np.uint8], results: list[RegionResult], info: SlideInfo
) -> LevelReport:
    nbytes = sum(result.nbytes for result in results)
    stored_pixels = grid.pixels_where(coverage == STORED)
    frames = math.prod(info.frame_shape)
    pixel_nbytes = info.samples * info.dtype.itemsize
    return LevelReport(
        level=grid.level,
        height=grid.height,
        width=grid.width,
        chunks=coverage.size,
        stored=int((coverage == STORED).sum()),
        elided=int((coverage == ELIDED).sum()),
        empty=int((coverage == EMPTY).sum()),
        nbytes=nbytes,
        bpp=_quotient(8 * nbytes, stored_pixels, digits=4),
        ratio=_quotient(pixel_nbytes * frames * grid.pixels, nbytes),
        ratio_stored=_quotient(pixel_nbytes * stored_pixels, nbytes),
        **_quality(results, is_8_bit=info.dtype == np.uint8),
        chunks_sampled=sum(result.chunks_sampled for result in results),
        elided_area=round(grid.pixels_where(coverage == ELIDED) / (frames * grid.pixels), 4),
    )


def _quality(results: list[RegionResult], *, is_8_bit: bool) -> dict[str, float | None]:
    total = sum((result.quality for result in results), ChunkQuality())
    if is_8_bit:
        ssim = total.ssim
        return {"psnr_db": total.psnr_db(), "ssim": None if ssim is None else round(ssim, 4)}
    lows = [result.low for result in results if result.low is not None]
    highs = [result.high for result in results if result.high is not None]
    data_range = max(highs) - min(lows) if lows and highs else 0
    return {"psnr_db": total.psnr_db(data_range) if data_range else None, "ssim": None}


def _source_bpp(info: SlideInfo) -> float | None:
    """Return the bits per pixel of level 0 as the source's last lossy step left it."""
    ratio = info.history[-1].ratio if info.history else None
    return 8 * info.samples * info.dtype.itemsize / ratio if ratio else None


def _quotient(a: int, b: int, digits: int = 2) -> float | None:
    return round(a / b, digits) if b else None
