"""Comparison of codecs on samples of a slide, at equal SSIM on tissue."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from numcodecs_neural import config
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.requantize import EXACT

from ..codecs import (
    ChunkKind,
    CodecFamily,
    codecs_for,
    exact_family,
    family_of,
    keeps_bounds,
)
from ..measure.sampling import own_range_of
from ..options import ConvertOptions
from ..pipeline.plan import ConversionPlan, with_options
from ..pipeline.rate_control import Measured, Trial, setting_for_ssim, ssim_of
from .dry_run import code_sort, index_nbytes, sorts_of
from .jpeg_transcode import Transcoding, transcode_tiles

__all__ = ["COARSER", "ComparedCodec", "Comparison", "compare"]

JPEG_QUALITY = 80
# SSIM that far from the reference's still counts as equal.
TOLERANCE = 0.002
# Name of JPEG XL where it loses nothing.
LOSSLESS = "jpegxl-lossless"
# Name of the codec that makes the source's JPEG data coarser.
COARSER = "coarser"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCodec:
    """One codec, at the setting where it is as good as the reference.

    Parameters
    ----------
    name : str
        The option's value; of the neural codec, the exact name of the weights.
    title, setting : str
        For tables.
    ssim : float
        On tissue.
    psnr_db : float, optional
        On tissue; None where there is no error.
    is_equal : bool
        Whether the SSIM is within 0.002 of the reference's.
    bpp : float
        Bits per pixel of chunks with tissue.
    size : float
        Of these chunks, over that of the reference.
    nbytes : int
        Of the whole store, estimated.
    encode_mpx_s, decode_mpx_s : float
        Megapixels a second, on one thread.
    """

    name: str
    title: str
    setting: str
    ssim: float
    psnr_db: float | None
    is_equal: bool
    bpp: float
    size: float
    nbytes: int
    encode_mpx_s: float
    decode_mpx_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Comparison of codecs on samples of one slide.

    Parameters
    ----------
    source : str
        Name of the slide.
    reference_title, reference_setting : str
        The codec whose SSIM all others have.
    chunks : int
        How many chunks with tissue were coded, of `chunk_px` pixels a side.
    chunk_px : int
    data_range : float
        What SSIM and PSNR are relative to: 255 for RGB of 8 bits, else the range of the samples.
    glass : str
        What was done about glass in the estimates of whole stores.
    codecs : tuple of ComparedCodec
        Smallest first.
    source_nbytes : int, optional
        Size of the source file.
    exact_levels : tuple of int
        The levels of the source that the codec "exact" keeps.
    transcodings : tuple of Transcoding
        Of the source's own JPEG tiles, where it has any, by other tools.
    missing : tuple of str
        What is not compared, and why: sentences without their full stops.
    """

    source: str
    reference_title: str
    reference_setting: str
    chunks: int
    chunk_px: int
    data_range: float
    glass: str
    codecs: tuple[ComparedCodec, ...]
    source_nbytes: int | None = None
    exact_levels: tuple[int, ...] = ()
    transcodings: tuple[Transcoding, ...] = ()
    missing: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        values = asdict(self)
        for name in ("codecs", "exact_levels", "transcodings", "missing"):
            values[name] = list(values[name])
        for told, found in zip(values["transcodings"], self.transcodings, strict=True):
            told["nbytes"] = found.nbytes
        return values


def compare(plan: ConversionPlan, *, progress: Progress = lambda done, total: None) -> Comparison:
    """Code samples of a slide with every codec, set to the SSIM of JPEG at quality 80.

    Beside them: the slide as it is, and what keeps its own JPEG tiles without any loss. Where JPEG
    does not code such samples, the SSIM is that of another lossy codec at the quality of the
    options. Nothing is written.

    Parameters
    ----------
    plan : ConversionPlan
        Its codec is not used, which may not code such a slide at all; of its options are glass,
        chunks, levels, model and quality.
    progress : callable
        Called with how many codecs were tried, and how many there are.

    Raises
    ------
    ConfigError
        If no lossy codec codes the slide, or it has too little tissue for an SSIM.
    SourceError
        If it does not decode.
    """
    families = _families(plan)
    # Lossy codecs have the pyramid that a conversion by them has.
    lossy = plan
    if _keeps_jpeg(plan):
        lossy = with_options(plan, codec="neural", archive=False, jpeg_quality=EXACT)
    options, glass = lossy.options, lossy.glass
    trial, store = Trial.of(plan.source, lossy.grids[0], glass), _Store.of(lossy)
    if not plan.info.is_rgb:
        trial = replace(trial, data_range=own_range_of(trial.samples))
    # One thread, for all codecs alike.
    with config.set(threads=1):
        reference, first = _reference(families, trial, options)
        found = []
        for number, family in enumerate(families):
            progress(number, len(families))
            measured = first if family is reference else _equal(family, trial, first)
            found.append(_describe(family, measured, first, trial, store))
        if _keeps_jpeg(plan):
            found += _describe_kept(plan, first, trial)
        progress(len(families), len(families))
    transcodings, missing = transcode_tiles(plan.source)
    return Comparison(
        source=plan.info.name,
        reference_title=reference.title,
        reference_setting=reference.shown(first.setting),
        chunks=len(trial.samples),
        chunk_px=trial.chunk_px,
        data_range=trial.data_range,
        glass=glass.treatment,
        codecs=tuple(sorted(found, key=lambda codec: codec.size)),
        source_nbytes=plan.info.size_bytes,
        exact_levels=tuple(n for n, level in enumerate(plan.levels) if level.coding == "jpeg"),
        transcodings=transcodings,
        missing=missing,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Store:
    """The chunks that a store would hold besides those of level 0 with tissue.

    Parameters
    ----------
    tissue : int
        How many pixels those have.
    others : tuple
        Samples and number of pixels of those of smaller levels with tissue, and of those without.
    index_nbytes : int
        Bytes of shards that are in none of the chunks.
    """

    tissue: int
    others: tuple[tuple[Trial, int], ...]
    index_nbytes: int

    @classmethod
    def of(cls, plan: ConversionPlan) -> "_Store":
        sorts = sorts_of(plan)
        return cls(
            tissue=sum(sort.pixels for sort in sorts if sort.has_tissue and not sort.level),
            others=tuple(
                (Trial.on(sort.samples, plan.grids[sort.level].chunk_px, plan.glass), sort.pixels)
                for sort in sorts
                if sort.level or not sort.has_tissue
            ),
            index_nbytes=index_nbytes(plan),
        )

    def nbytes(self, family: CodecFamily, setting: float, pixel_nbytes: float) -> int:
        """Return the size of the store, where a pixel of chunks with tissue has `pixel_nbytes`."""
        total = self.index_nbytes + self.tissue * pixel_nbytes
        for trial, pixels in self.others:
            total += pixels * trial.measure(family, setting).nbytes / trial.pixels
        return round(total)


def _keeps_jpeg(plan: ConversionPlan) -> bool:
    """Return whether level 0 keeps the source's JPEG data."""
    return plan.levels[0].coding == "jpeg"


def _describe_kept(plan: ConversionPlan, first: Measured, trial: Trial) -> Iterator[ComparedCodec]:
    """Yield the store that keeps the source's JPEG data, and the one that makes them coarser."""
    quality = plan.options.jpeg_quality
    exact = with_options(plan, jpeg_quality=EXACT)
    yield _kept_store(exact, first, trial, name="exact", title="exact JPEG", setting="lossless")
    if quality != EXACT:
        setting = f"quality {quality}"
        yield _kept_store(plan, first, trial, name=COARSER, title="coarser JPEG", setting=setting)


def _kept_store(plan: ConversionPlan, first: Measured, trial: Trial, **names: str) -> ComparedCodec:
    """Return a store of JPEG data, beside lossy codecs."""
    coded = [(sort, code_sort(sort, plan)) for sort in sorts_of(plan)]
    _, pixel = coded[0]
    ssim = 1.0 if pixel.quality.ssim is None else pixel.quality.ssim
    return ComparedCodec(
        **names,
        ssim=round(ssim, 4),
        psnr_db=pixel.quality.psnr_db(),
        is_equal=abs(ssim - ssim_of(first)) <= TOLERANCE,
        bpp=round(8 * pixel.nbytes, 4),
        size=round(pixel.nbytes / (first.nbytes / trial.pixels), 4),
        nbytes=round(sum(sort.pixels * one.nbytes for sort, one in coded)) + index_nbytes(plan),
        encode_mpx_s=_rounded(1e-6 / pixel.encode_s),
        decode_mpx_s=_rounded(1e-6 / pixel.decode_s),
    )


def _families(plan: ConversionPlan) -> list[CodecFamily]:
    """Return the codecs compared: the model of the options, he-perceptual beside it, all peers.

    Of those without loss, the neural one keeps the bound of the options if they have one.
    """
    kind, model, tune = ChunkKind.of(plan.info, "0.5"), plan.options.model, plan.options.tune
    if plan.options.max_error is not None:
        model = "auto"  # what keeps a bound has no quality to be set to an SSIM
    families = []
    for name in codecs_for(kind):
        if name == "neural":
            ours = family_of(name, kind, model, tune)
            others = [family_of(name, kind, "he-perceptual")] if kind.is_rgb else []
            families += [ours, *(other for other in others if other.name != ours.name)]
        elif name != "none":
            families.append(family_of(name, kind))
        if name == "jpegxl":
            jpegxl = families[-1]
            families.append(replace(jpegxl, name=LOSSLESS, settings=jpegxl.settings[-1:]))
    if keeps_bounds(kind):
        families.append(exact_family(kind, plan.options.max_error or 0))
    return families


def _reference(
    families: list[CodecFamily], trial: Trial, options: ConvertOptions
) -> tuple[CodecFamily, Measured]:
    """Return JPEG, or else the first lossy codec, and its measurement."""
    lossy = [family for family in families if len(family.settings) > 1]
    if not lossy:
        raise ConfigError("only lossless codecs code this slide: there is nothing to compare")
    for family in lossy:
        if family.name == "jpeg":
            return family, trial.measure(family, family.setting_of(JPEG_QUALITY))
    return lossy[0], trial.measure(lossy[0], lossy[0].setting_of(options.quality))


def _equal(family: CodecFamily, trial: Trial, first: Measured) -> Measured:
    if len(family.settings) == 1:
        return trial.measure(family, family.settings[0])
    return setting_for_ssim(trial, family, ssim_of(first))


def _describe(
    family: CodecFamily, measured: Measured, first: Measured, trial: Trial, store: _Store
) -> ComparedCodec:
    ssim, megapixels = ssim_of(measured), trial.coded_pixels / 1e6
    return ComparedCodec(
        name=family.name,
        title=family.title,
        setting=family.shown(measured.setting),
        ssim=round(ssim, 4),
        psnr_db=measured.quality.psnr_db(trial.data_range),
        is_equal=abs(ssim - ssim_of(first)) <= TOLERANCE,
        bpp=round(8 * measured.nbytes / trial.pixels, 4),
        size=round(measured.nbytes / first.nbytes, 4),
        nbytes=store.nbytes(family, measured.setting, measured.nbytes / trial.pixels),
        encode_mpx_s=_rounded(megapixels / measured.encode_s),
        decode_mpx_s=_rounded(megapixels / measured.decode_s),
    )


def _rounded(speed: float) -> float:
    """Return a speed in three digits: in two decimals, a slow codec would have none."""
    return float(f"{speed:.3g}")
