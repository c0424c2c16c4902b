"""Rate control: the setting of a codec that reaches a PSNR or SSIM on samples of the slide."""

import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache

from numcodecs_neural.errors import ConfigError

from ..codecs import ChunkKind, CodecFamily, codec_for, family_of
from ..geometry.levels import LevelGrid
from ..measure.distortion import ChunkQuality, chunk_quality
from ..measure.sampling import SampleChunk, data_range_of, sample_chunks
from ..options import ConvertOptions
from ..sources import SlideSource
from ..tissue.glass_plan import GlassPlan

__all__ = [
    "Measured",
    "Trial",
    "quality_for_psnr",
    "quality_that_fits",
    "setting_for_ssim",
    "ssim_of",
]

# Enough to tell a quality by sizes alone.
FEW_CHUNKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Distortion, size and time of the samples, coded at one setting.

    Parameters
    ----------
    setting : float
    quality : ChunkQuality
        Distortion on tissue.
    nbytes : int
        Of all chunks.
    encode_s, decode_s : float
        Seconds that it took, chunk after chunk.
    """

    setting: float
    quality: ChunkQuality
    nbytes: int
    encode_s: float
    decode_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """Samples of a slide, on which codecs are tried.

    Parameters
    ----------
    samples : list of SampleChunk
    chunk_px : int
        Side of a chunk as it is stored.
    fill_value : int
        Padding of chunks at the edge.
    data_range : float
        Range of samples that PSNR and SSIM are relative to.
    """

    samples: list[SampleChunk]
    chunk_px: int
    fill_value: int
    data_range: float

    @classmethod
    def of(cls, source: SlideSource, grid: LevelGrid, glass: GlassPlan) -> "Trial":
        """Read the samples of a slide: chunks of level 0, whose grid is given, with tissue."""
        return cls.on(sample_chunks(source, grid, glass), grid.chunk_px, glass)

    @classmethod
    def on(cls, samples: list[SampleChunk], chunk_px: int, glass: GlassPlan) -> "Trial":
        """Return samples as they will be stored, in chunks of `chunk_px`."""
        return cls(
            samples=samples,
            chunk_px=chunk_px,
            fill_value=glass.fill_value,
            data_range=data_range_of(samples),
        )

    @property
    def pixels(self) -> int:
        """Number of pixels, without padding."""
        return sum(sample.tissue.size for sample in self.samples)

    @property
    def coded_pixels(self) -> int:
        """Number of pixels that are coded, padding included."""
        return len(self.samples) * self.chunk_px**2

    def measure(self, family: CodecFamily, setting: float) -> Measured:
        """Code and decode all samples, and measure their distortion."""
        total, nbytes, encode_s, decode_s = ChunkQuality(), 0, 0.0, 0.0
        for sample in self.samples:
            planes = sample.padded(self.chunk_px, self.fill_value)
            started = time.perf_counter()
            chunk = family.encode(planes, setting)
            encoded = time.perf_counter()
            found = family.decode(chunk).reshape(planes.shape)
            decode_s += time.perf_counter() - encoded
            encode_s += encoded - started
            nbytes += len(chunk)
            height, width = sample.tissue.shape
            total += chunk_quality(
                sample.pixels,
                found[:, :height, :width],
                sample.tissue,
                data_range=self.data_range,
            )
        return Measured(
            setting=setting, quality=total, nbytes=nbytes, encode_s=encode_s, decode_s=decode_s
        )


def quality_for_psnr(
    source: SlideSource, options: ConvertOptions, grid: LevelGrid, glass: GlassPlan
) -> int:
    """Return the lowest quality whose PSNR on sampled tissue is at least ``options.target_psnr``.

    The same for the same slide and options, each time and everywhere.

    Parameters
    ----------
    grid : LevelGrid
        That of level 0.

    Raises
    ------
    ConfigError
        If even the best quality does not reach it, or the codec cannot code the slide.
    SourceError
        If the slide does not decode.
    """
    target = options.target_psnr
    if target is None:
        raise ConfigError("target-psnr is not set: there is nothing to look for")
    codec_for(options, source.info)  # refuses what it cannot code
    kind = ChunkKind.of(source.info, options.ome_zarr_version)
    family = family_of(options.codec, kind, options.model, options.tune)
    trial = Trial.of(source, grid, glass)

    @cache
    def psnr_at(quality: int) -> float:
        found = trial.measure(family, family.setting_of(quality)).quality
        psnr = found.psnr_db(trial.data_range)
        return float("inf") if psnr is None else psnr

    if psnr_at(100) < target:
        raise ConfigError(
            f"target-psnr is {target:g} dB, and the best that {family.title} reaches on this slide "
            f"is {psnr_at(100):.2f} dB: ask for less, or choose another codec"
        )
    return bisect_left(range(101), target, key=psnr_at)


def quality_that_fits(
    source: SlideSource,
    options: ConvertOptions,
    grid: LevelGrid,
    glass: GlassPlan,
    *,
    quality: int,
    part: float,
) -> int | None:
    """Return the best quality at which a lossy store would take `part` of what it takes now.

    A few chunks of level 0 stand for all of the store. Returns None where no quality is low enough.

    Parameters
    ----------
    grid : LevelGrid
        That of level 0.
    quality : int
        The quality of the store.
    part : float
        Less than 1.

    Raises
    ------
    SourceError
        If the slide does not decode.
    """
    kind = ChunkKind.of(source.info, options.ome_zarr_version)
    family = family_of(options.codec, kind, options.model, options.tune)
    samples = sample_chunks(source, grid, glass, count=FEW_CHUNKS)
    planes = [sample.padded(grid.chunk_px, glass.fill_value) for sample in samples]

    @cache
    def nbytes_at(quality: int) -> int:
        setting = family.setting_of(quality)
        return sum(len(family.encode(each, setting)) for each in planes)

    found = bisect_right(range(quality), part * nbytes_at(quality), key=nbytes_at) - 1
    return None if found < 0 else found


def setting_for_ssim(trial: Trial, family: CodecFamily, ssim: float) -> Measured:
    """Return the setting whose SSIM on the samples is nearest to `ssim`, measured.

    Raises
    ------
    ConfigError
        If no sample has an SSIM: all are smaller than its window.
    """

    @cache
    def measured(index: int) -> Measured:
        return trial.measure(family, family.settings[index])

    def ssim_at(index: int) -> float:
        return ssim_of(measured(index))

    first = bisect_left(range(len(family.settings) - 1), ssim, key=ssim_at)
    return measured(min((first, max(first - 1, 0)), key=lambda index: abs(ssim_at(index) - ssim)))


def ssim_of(measured: Measured) -> float:
    """Return the SSIM that was measured.

    Raises
    ------
    ConfigError
        If no window lies in the tissue.
    """
    ssim = measured.quality.ssim
    if ssim is None:
        raise ConfigError("the slide has too little tissue to measure SSIM on: there is no window")
    return ssim
