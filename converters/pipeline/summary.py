"""SlideReport and LevelReport: sizes and distortion of a conversion, in numbers; and notices."""

import itertools
import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.jpeg.requantize import EXACT

from ..codecs import ChunkCodec
from ..measure.distortion import ChunkQuality
from ..options import ConvertOptions
from ..sources import SlideInfo
from .checkpoint import RegionResult
from .coverage import ELIDED, EMPTY, is_stored
from .levels import Coding, LevelPlan

__all__ = [
    "LevelReport",
    "SlideReport",
    "archive_notices",
    "described_levels",
    "larger_than_source",
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
    coding : {"jpeg", "lossless", "lossy"}
        "jpeg" keeps the JPEG data of the source's tiles, "lossless" keeps all pixels.
    why : str
        Why it is not "jpeg": a clause, or empty.
    source_level : int, optional
        Level of the source that it is; None if it is reduced from the level before.
    codec : dict
        Method and parameters; of a level of coding "jpeg", of those chunks that could not be kept.
    exact : int
        Stored chunks that are exact: of a level of coding "jpeg", and of others those of exact
        regions.
    coarser : int
        Its chunks that are other than in the source, since the JPEG data were made coarser.
    fallbacks : dict
        How many of its other chunks are not exact, by the reason why.
    jpeg_quality : int
        How coarse; 100 is exact.
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
    coding: Coding
    why: str
    source_level: int | None
    codec: dict[str, Any]
    exact: int = 0
    coarser: int = 0
    fallbacks: dict[str, int] = field(default_factory=dict)
    jpeg_quality: int = EXACT

    @property
    def is_exact(self) -> bool:
        """Whether every stored pixel is that of the source."""
        if self.source_level is None or self.coarser or self.fallbacks:
            return False
        return self.coding != "lossy" or 0 < self.stored == self.exact

    @property
    def pixels(self) -> str:
        """How exact the pixels are, for tables; a star stands for chunks that are not."""
        if self.coding == "jpeg":
            kept = f"jpeg q{self.jpeg_quality}" if self.coarser else "exact"
            return f"{kept}*" if self.fallbacks else kept
        if self.coding == "lossless":
            return "exact" if self.is_exact else "lossless"
        return f"{self._lossy}, {self.exact} exact" if self.exact else self._lossy

    @property
    def max_error(self) -> int | None:
        """By how much samples may be off that are not exact; None without such a bound."""
        return self.codec.get("max_error")

    @property
    def _lossy(self) -> str:
        quality, target = self.codec.get("quality"), self.codec.get("target_psnr")
        if self.max_error is not None:
            return f"within {self.max_error}"
        if target is not None:
            return f"{target:g} dB"
        return "lossy" if quality is None else f"q{quality}"


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
        Method and parameters of level 0, as `LevelReport` has them.
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

    @property
    def against_source(self) -> str | None:
        """How much smaller or larger than the source file it is, in words."""
        if not self.source_nbytes:
            return None
        percent = math.ceil(100 * (self.nbytes / self.source_nbytes - 1))
        how = "LARGER" if percent > 0 else "smaller"
        return f"{abs(percent)} % {how} than the source file"

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON-safe values."""
        ratios = {"ratio": self.ratio, "ratio_source": self.ratio_source}
        return asdict(self) | ratios | {"against_source": self.against_source}


def report_levels(
    results: list[RegionResult],
    levels: tuple[LevelPlan, ...],
    codecs: tuple[ChunkCodec, ...],
    coverage: list[NDArray[np.uint8]],
    info: SlideInfo,
) -> tuple[LevelReport, ...]:
    """Sum up the results of regions, level by level."""
    return tuple(
        _report_level(level, codec, values, [r for r in results if r.level == n], info)
        for n, (level, codec, values) in enumerate(zip(levels, codecs, coverage, strict=True))
    )


def notices_of(info: SlideInfo, levels: tuple[LevelReport, ...]) -> tuple[str, ...]:
    """Return the notices of a conversion, one sentence each.

    Parameters
    ----------
    info : SlideInfo
        The slide.
    levels : tuple of LevelReport
        Its levels in the store.
    """
    first = levels[0]
    sentences = []
    if info.series_count > 1:
        sentences.append(
            f"the file holds {info.series_count} images and this is image {info.series}: "
            "--series picks one, and --series all converts all"
        )
    if info.mpp is None:
        sentences.append("the source does not tell the size of a pixel: scales count pixels")
    sentences += [_of_fallbacks(level) for level in levels if level.fallbacks]
    is_of_jpeg = bool(info.history) and info.history[-1].method == "jpeg"
    if is_of_jpeg and first.coding == "lossy" and first.why:
        sentences.append(f"level 0 is JPEG in the source and is not kept exactly: {first.why}")
    source_bpp = _source_bpp(info) if first.coding == "lossy" else None
    if source_bpp is not None and first.bpp is not None and first.bpp > source_bpp:
        sentences.append(
            f"the source holds {source_bpp:.2f} bits per pixel and the store {first.bpp:.2f}: "
            f"at a {'lower --quality' if first.max_error is None else 'larger --max-error'} it "
            "would be smaller, and more bits bring nothing back"
        )
    return tuple(sentences)


def larger_than_source(times: float, advice: str = "") -> str:
    """Return the notice of a store that is so many times as large as its source."""
    percent = math.ceil(100 * (times - 1))
    return f"the store is {percent} % LARGER than the source file{': ' if advice else ''}{advice}"


def archive_notices(info: SlideInfo, options: ConvertOptions) -> list[str]:
    """Return what an archive does not hold, unless options ask for it."""
    sentences = []
    if info.ome_xml is not None and not options.confidential:
        sentences.append(
            "the OME-XML is kept without people, dates and free text: --confidential keeps all of "
            "it"
        )
    if info.description is not None and not options.confidential:
        sentences.append(
            "the slide's description is kept without people, dates and free text: --confidential "
            "keeps all of it"
        )
    left_out = [name for name in ("label", "macro") if not getattr(options, name)]
    if left_out:
        sentences.append(
            f"pictures of the slide's {' and '.join(left_out)} are not in the archive: "
            f"{' and '.join(f'--{name}' for name in left_out)} would keep them"
        )
    return sentences


def described_levels(report: SlideReport) -> list[str]:
    """Return how exact levels are and what codes them: a sentence for each run of like ones."""
    found = []
    for said, alike in itertools.groupby(report.levels, _described):
        levels = [level.level for level in alike]
        first, last = levels[0], levels[-1]
        which = f"Level {first}" if first == last else f"Levels {first} to {last}"
        found.append(f"{which}: {said}")
    return found


def _described(level: LevelReport) -> str:
    method, *parameters = ((k, v) for k, v in level.codec.items() if k != "weights")
    codec = ", ".join((f"codec {method[1]}", *(f"{name} {value}" for name, value in parameters)))
    if level.coding == "jpeg":
        but = f", but for {sum(level.fallbacks.values())} chunks" if level.fallbacks else ""
        if level.coarser:
            return (
                f"the source's own JPEG data, made coarser with loss in {level.coarser} of "
                f"{level.stored} chunks (--jpeg-quality {level.jpeg_quality}){but}"
            )
        return f"every pixel of what is stored is exact, as the source's own JPEG data{but}"
    if level.is_exact:
        return f"every pixel of what is stored is exact, by {codec}"
    why = "reduced" if level.source_level is None else level.why
    if level.max_error is not None:
        codec, why = f"every sample of what is stored is {_bound(level)}, by {codec}", ""
    exact = f"; {level.exact} of {level.stored} chunks are exact" if level.exact else ""
    return f"{codec}{f' ({why})' if why else ''}{exact}"


def _bound(level: LevelReport) -> str:
    """Return how near samples are to what was to be stored."""
    if level.source_level is not None:
        return f"within {level.max_error} of the source's"
    return f"within {level.max_error} of the reduced one" if level.max_error else "as reduced"


def _of_fallbacks(level: LevelReport) -> str:
    reasons = "; ".join(f"{count} since {reason}" for reason, count in level.fallbacks.items())
    count = sum(level.fallbacks.values())
    kept = "kept as JPEG data" if level.coarser else "exact"
    if level.max_error:
        kept += f", and within {level.max_error} instead"
    return f"{count} of {level.stored} chunks of level {level.level} are not {kept}: {reasons}"


def _report_level(
    level: LevelPlan,
    codec: ChunkCodec,
    coverage: NDArray[np.uint8],
    results: list[RegionResult],
    info: SlideInfo,
) -> LevelReport:
    grid = level.grid
    nbytes = sum(result.nbytes for result in results)
    stored_pixels = grid.pixels_where(is_stored(coverage))
    frames = math.prod(info.frame_shape)
    pixel_nbytes = info.samples * info.dtype.itemsize
    return LevelReport(
        level=grid.level,
        height=grid.height,
        width=grid.width,
        chunks=coverage.size,
        stored=int(is_stored(coverage).sum()),
        elided=int((coverage == ELIDED).sum()),
        empty=int((coverage == EMPTY).sum()),
        nbytes=nbytes,
        bpp=_quotient(8 * nbytes, stored_pixels, digits=4),
        ratio=_quotient(pixel_nbytes * frames * grid.pixels, nbytes),
        ratio_stored=_quotient(pixel_nbytes * stored_pixels, nbytes),
        **_quality(results, is_8_bit=info.dtype == np.uint8),
        chunks_sampled=sum(result.chunks_sampled for result in results),
        elided_area=round(grid.pixels_where(coverage == ELIDED) / (frames * grid.pixels), 4),
        coding="lossless" if codec.is_lossless and level.coding == "lossy" else level.coding,
        why=level.why,
        source_level=grid.source_level,
        codec=codec.told,
        exact=sum(result.exact for result in results),
        coarser=sum(result.coarser for result in results),
        jpeg_quality=level.jpeg_quality,
        fallbacks=_sum([result.fallbacks for result in results]),
    )


def _sum(counts: list[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


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
