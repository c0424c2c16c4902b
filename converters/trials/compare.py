"""Comparison of codecs on samples of a slide, at equal SSIM on tissue."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from numcodecs_neural import config
from numcodecs_neural.errors import ConfigError

from ..codecs import ChunkKind, CodecFamily, codecs_for, family_of
from ..measure.sampling import own_range_of, sample_glass, sample_reduced
from ..options import ConvertOptions
from ..pipeline.plan import ConversionPlan
from ..pipeline.rate_control import Measured, Trial, setting_for_ssim, ssim_of
from .jpeg_transcode import Transcoding, transcode_tiles

__all__ = ["ComparedCodec", "Comparison", "compare"]

JPEG_QUALITY = 80
# SSIM that far from the reference's still counts as equal.
TOLERANCE = 0.002

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
    transcoding : Transcoding, optional
        Of the source's own JPEG tiles, where it has any.
    """

    source: str
    reference_title: str
    reference_setting: str
    chunks: int
    chunk_px: int
    data_range: float
    glass: str
    codecs: tuple[ComparedCodec, ...]
    transcoding: Transcoding | None

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        values = asdict(self)
        values["codecs"] = list(values["codecs"])
        if self.transcoding is not None:
            values["transcoding"]["nbytes"] = self.transcoding.nbytes
        return values


def compare(plan: ConversionPlan, *, progress: Progress = lambda done, total: None) -> Comparison:
    """Code samples of a slide with every codec, set to the SSIM of JPEG at quality 80.

    Where JPEG does not code such samples, the SSIM is that of another lossy codec at the quality
    of the options. Nothing is written.

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
    options, glass = plan.options, plan.glass
    families = _families(plan)
    trial, store = Trial.of(plan.source, options, glass), _Store.of(plan)
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
        progress(len(families), len(families))
    return Comparison(
        source=plan.info.name,
        reference_title=reference.title,
        reference_setting=reference.shown(first.setting),
        chunks=len(trial.samples),
        chunk_px=options.chunk_px,
        data_range=trial.data_range,
        glass=glass.treatment,
        codecs=tuple(sorted(found, key=lambda codec: codec.size)),
        transcoding=transcode_tiles(plan.source),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Store:
    """The chunks that a store would hold besides those of level 0 with tissue.

    Parameters
    ----------
    tissue : int
        How many those are.
    others : tuple
        Samples and number of those of smaller levels with tissue, and of those without.
    frames : int
        How often there are all of them.
    """

    tissue: int
    others: tuple[tuple[Trial, int], ...]
    frames: int

    @classmethod
    def of(cls, plan: ConversionPlan) -> "_Store":
        source, glass = plan.source, plan.glass
        with_tissue = [int(chunks.sum()) for chunks in glass.with_tissue]
        stored = [int((~chunks).sum()) for chunks in glass.elided]
        if not with_tissue[0]:
            with_tissue = stored
        reduced = sample_reduced(
            source, plan.grids, glass, use_existing_levels=plan.options.use_existing_levels
        )
        without = sample_glass(source, plan.grids[0], glass)
        counted = [(reduced, sum(with_tissue[1:])), (without, sum(stored) - sum(with_tissue))]
        return cls(
            tissue=with_tissue[0],
            others=tuple(
                (Trial.on(samples, plan.options, glass), count)
                for samples, count in counted
                if samples and count
            ),
            frames=plan.axes.count,
        )

    def nbytes(self, family: CodecFamily, setting: float, chunk_nbytes: float) -> int:
        """Return the size of all chunks, where those with tissue have `chunk_nbytes`."""
        total = self.tissue * chunk_nbytes
        for trial, count in self.others:
            total += count * trial.measure(family, setting).nbytes / len(trial.samples)
        return round(self.frames * total)


def _families(plan: ConversionPlan) -> list[CodecFamily]:
    """Return the codecs compared: the model of the options, he-perceptual beside it, all peers."""
    kind, model = ChunkKind.of(plan.info, "0.5"), plan.options.model
    families = []
    for name in codecs_for(kind):
        if name == "neural":
            models = [model, "he-perceptual"] if kind.is_rgb else [model]
            neural = [family_of(name, kind, model) for model in models]
            families += list({family.name: family for family in neural}.values())
        elif name != "none":
            families.append(family_of(name, kind))
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
    chunk_nbytes = measured.nbytes / len(trial.samples)
    return ComparedCodec(
        name=family.name,
        title=family.title,
        setting=family.shown(measured.setting),
        ssim=round(ssim, 4),
        psnr_db=measured.quality.psnr_db(trial.data_range),
        is_equal=abs(ssim - ssim_of(first)) <= TOLERANCE,
        bpp=round(8 * measured.nbytes / trial.pixels, 4),
        size=round(measured.nbytes / first.nbytes, 4),
        nbytes=store.nbytes(family, measured.setting, chunk_nbytes),
        encode_mpx_s=round(megapixels / measured.encode_s, 2),
        decode_mpx_s=round(megapixels / measured.decode_s, 2),
    )
