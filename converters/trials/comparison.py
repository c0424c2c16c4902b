"""Comparison: sizes, distortion and speed of each codec on one slide."""

from dataclasses import asdict, dataclass
from typing import Any

from .jpeg_transcode import Transcoding

__all__ = ["ComparedCodec", "Comparison"]


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
