"""From the options to the codec: whether it can code the slide at all, and which one then."""

from dataclasses import replace
from typing import get_args

import numpy as np

from numcodecs_neural.errors import ConfigError

from ..options import CodecName, ConvertOptions, OmeZarrVersion
from ..sources import SlideInfo
from .base import ChunkCodec, ChunkKind
from .imagecodecs import peer_codec
from .lossless import none_codec, zstd_codec
from .neural import exact_codec, neural_codec
from .qualities import SCALES

__all__ = ["check_codec", "codec_for", "codecs_for", "keeps_bounds", "lossless_codec"]

_NEURAL_RGB = ("uint8",)
_NEURAL_GREY = ("uint8", "uint16", "int16")


def codec_for(options: ConvertOptions, info: SlideInfo | None = None) -> ChunkCodec:
    """Return the codec that `options` ask for.

    Parameters
    ----------
    options : ConvertOptions
        Of which codec, model, quality or bound, and OME-Zarr version are read.
    info : SlideInfo, optional
        The slide: by default a plain one, RGB and of 8 bits.

    Raises
    ------
    ConfigError
        If the codec cannot code such a slide; names those that can.
    WeightsError
        If the model is unknown.

    Examples
    --------
    >>> codec_for(ConvertOptions(codec="jpegxl", quality=90)).parameters
    {'quality': 90, 'effort': 7, 'distance': 1.0, 'lossless': False}
    >>> codec_for(ConvertOptions(quality=40)).parameters["model"]
    'he-fast-2'
    """
    kind = ChunkKind.of(info, options.ome_zarr_version)
    name: CodecName = "neural" if options.codec == "auto" else options.codec
    if options.max_error is not None:
        return exact_codec(options, kind)
    if name not in codecs_for(kind):
        raise ConfigError(
            f"the codec {name} does not code {kind.name} in OME-Zarr {kind.version}: "
            f"choose one of {', '.join(codecs_for(kind))}{_hint(name, kind)}"
        )
    if name == "neural":
        return neural_codec(options, kind)
    if name in SCALES:
        return peer_codec(SCALES[name], options.quality, kind)
    return zstd_codec(kind) if name == "zstd" else none_codec(kind)


def lossless_codec(info: SlideInfo, version: OmeZarrVersion) -> ChunkCodec:
    """Return the codec that keeps every sample of a slide: the neural one wherever it can.

    Against JPEG XL without loss, chunks of slides take -3 to +2 % of the bytes, 0.4 to 0.7 of the
    time to encode, and 0.5 to 0.8 to decode; readers need nothing beyond this package.
    """
    kind = ChunkKind.of(info, version)
    if keeps_bounds(kind):
        return exact_codec(ConvertOptions(max_error=0, ome_zarr_version=version), kind)
    return zstd_codec(kind)


def check_codec(options: ConvertOptions) -> None:
    """Refuse what is wrong with the codec whatever the slide is.

    Raises
    ------
    ConfigError
        If the model is for a bound and there is none, or the other way round.
    WeightsError
        If the model is unknown.
    """
    if options.max_error is not None:
        # Of 16 bits, which allow every bound.
        kind = ChunkKind(dtype=np.dtype(np.uint16), version=options.ome_zarr_version)
        exact_codec(options, kind)
    elif options.codec in ("auto", "neural"):
        neural_codec(options, ChunkKind(version=options.ome_zarr_version))


def codecs_for(kind: ChunkKind) -> tuple[CodecName, ...]:
    """Return the codecs that code such chunks.

    Examples
    --------
    >>> import numpy as np
    >>> codecs_for(ChunkKind(dtype=np.dtype("uint16")))
    ('jpegxl', 'jpeg2k', 'zstd', 'none')
    >>> codecs_for(ChunkKind(version="0.4"))
    ('neural', 'jpeg2k', 'zstd', 'none')
    """
    return tuple(name for name in get_args(CodecName) if name != "auto" and _codes(name, kind))


def keeps_bounds(kind: ChunkKind) -> bool:
    """Return whether the neural codec codes such chunks without loss, or within a bound.

    Examples
    --------
    >>> keeps_bounds(ChunkKind(dtype=np.dtype("uint16"))), keeps_bounds(
    ...     ChunkKind(dtype=np.dtype("float32"))
    ... )
    (True, False)
    """
    return kind.dtype.name in _NEURAL_GREY


def _codes(name: CodecName, kind: ChunkKind) -> bool:
    if name in ("zstd", "none"):
        return True
    if name == "neural":
        return kind.dtype.name in (_NEURAL_RGB if kind.is_rgb else _NEURAL_GREY)
    peer = SCALES[name].peer
    # Zarr v2 has no filter that brings the three samples of a pixel together.
    is_in_place = not kind.is_rgb or peer.planes_first or kind.version != "0.4"
    return kind.dtype.name in peer.dtypes and is_in_place


def _hint(name: CodecName, kind: ChunkKind) -> str:
    if kind.version == "0.4" and _codes(name, replace(kind, version="0.5")):
        return ", or write OME-Zarr 0.5"
    return ""
