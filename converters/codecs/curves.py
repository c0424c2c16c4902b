"""Each codec as a curve: chunks to bytes and back at any of its settings, without a store.

The bytes are those that a store would hold, header and checksum included.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..options import CodecName, Tuning
from .base import ChunkKind
from .lossless import blosc_config
from .neural import model_for, tuning_of
from .qualities import SCALES, QualityScale

__all__ = ["CodecFamily", "exact_family", "family_of"]

# (c, y, x), of the slide's own dtype.
Planes = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecFamily:
    """One codec at all its settings.

    Parameters
    ----------
    name : str
        The option's value; of the neural codec, the exact name of the weights.
    title : str
        In tables.
    settings : tuple of float
        In order of rising rate.
    setting_of : callable
        ``quality -> setting``, for a quality of 0 to 100.
    shown : callable
        ``setting -> str``: how tables name one.
    encode : callable
        ``(planes, setting) -> bytes``.
    decode : callable
        ``bytes -> planes``.
    """

    name: str
    title: str
    settings: tuple[float, ...]
    setting_of: Callable[[int], float]
    shown: Callable[[float], str]
    encode: Callable[[Planes, float], bytes]
    decode: Callable[[bytes], Planes]


def family_of(
    name: CodecName, kind: ChunkKind, model: str = "auto", tune: Tuning = "psnr"
) -> CodecFamily:
    """Return a codec that codes such chunks.

    Parameters
    ----------
    name : str
        The option's value; "auto" is what codes pixels that are not kept exactly.
    kind : ChunkKind
    model, tune : str
        Of the neural codec.

    Raises
    ------
    WeightsError
        If the model is unknown.

    Examples
    --------
    >>> jpegxl = family_of("jpegxl", ChunkKind())
    >>> jpegxl.shown(jpegxl.setting_of(90))
    'distance 1.00'
    >>> grey = np.full((3, 64, 64), 200, np.uint8)
    >>> jpegxl.decode(jpegxl.encode(grey, 1.0)).shape
    (3, 64, 64)
    """
    if name in ("auto", "neural"):
        return _neural_family(model_for(model, kind), tune)
    if name in SCALES:
        return _peer_family(SCALES[name], kind)
    return _lossless_family(name, kind)


def _neural_family(model: str, tune: Tuning) -> CodecFamily:
    from numcodecs_neural import NeuralImage

    codec_at = cache(lambda quality: NeuralImage(model, quality, tune=tuning_of(tune)))
    exact = codec_at(0).model

    def encode(planes: Planes, setting: float) -> bytes:
        return bytes(codec_at(int(setting)).encode(planes))

    def decode(chunk: bytes) -> Planes:
        return np.asarray(codec_at(0).decode(chunk))

    return CodecFamily(
        name=exact,
        title=exact,
        settings=tuple(float(quality) for quality in range(101)),
        setting_of=float,
        shown=lambda setting: f"quality {setting:g}",
        encode=encode,
        decode=decode,
    )


def exact_family(kind: ChunkKind, max_error: int = 0) -> CodecFamily:
    """Return the neural codec that loses nothing, or keeps every sample within a bound.

    Examples
    --------
    >>> family = exact_family(ChunkKind(), 2)
    >>> family.name, family.shown(family.settings[0])
    ('exact-1', 'within 2')
    """
    from numcodecs_neural import NeuralImage

    codec = NeuralImage(max_error=max_error, channel_axis=-3 if kind.is_rgb else None)

    def encode(planes: Planes, setting: float) -> bytes:
        return bytes(codec.encode(planes))

    def decode(chunk: bytes) -> Planes:
        return np.asarray(codec.decode(chunk))

    return CodecFamily(
        name=codec.model,
        title=codec.model,
        settings=(float(max_error),),
        setting_of=lambda _quality: float(max_error),
        shown=lambda setting: f"within {setting:g}" if setting else "lossless",
        encode=encode,
        decode=decode,
    )


def _peer_family(scale: QualityScale, kind: ChunkKind) -> CodecFamily:
    peer = scale.peer

    def encode(planes: Planes, setting: float) -> bytes:
        return peer.encode(np.moveaxis(planes, 0, -1), setting, kind)

    def decode(chunk: bytes) -> Planes:
        return np.moveaxis(peer.decode(chunk, kind), -1, 0)

    return CodecFamily(
        name=peer.name,
        title=peer.title,
        settings=scale.settings,
        setting_of=lambda quality: scale.setting_of(quality, kind),
        shown=scale.shown,
        encode=encode,
        decode=decode,
    )


def _lossless_family(name: str, kind: ChunkKind) -> CodecFamily:
    import numcodecs

    codec = numcodecs.get_codec(blosc_config(kind))

    def encode(planes: Planes, setting: float) -> bytes:
        return bytes(codec.encode(planes)) if name == "zstd" else planes.tobytes()

    def decode(chunk: bytes) -> Planes:
        raw = codec.decode(chunk) if name == "zstd" else chunk
        return np.frombuffer(raw, kind.dtype)

    return CodecFamily(
        name=name,
        title={"zstd": "Zstandard", "none": "raw"}[name],
        settings=(0.0,),
        setting_of=lambda _quality: 0.0,
        shown=lambda _setting: "lossless",
        encode=encode,
        decode=decode,
    )
