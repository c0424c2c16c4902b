"""The neural codec, as the arrays of a slide take it."""

from typing import Any

import numpy as np

from numcodecs_neural import NeuralImage
from numcodecs_neural.errors import ConfigError

from ..options import ConvertOptions, Tuning
from .base import ChunkCodec, ChunkKind

__all__ = ["exact_codec", "model_for", "neural_codec", "tuning_of"]

# Weights without loss, or within a bound; a family, as others are.
_EXACT = "exact"


def neural_codec(options: ConvertOptions, kind: ChunkKind) -> ChunkCodec:
    """Return the neural codec with the model and at the quality of `options`.

    Raises
    ------
    ConfigError
        If the model does not code such chunks, or wants a bound.
    WeightsError
        If the model is unknown.
    """
    model = model_for(options.model, kind)
    if _keeps_a_bound(model):
        raise ConfigError(
            f"the model {model} codes within a bound, and there is none: give max-error, of which "
            "0 loses nothing, or leave the model out"
        )
    codec = NeuralImage(
        model,
        options.quality if options.chunk_psnr is None else None,
        tune=tuning_of(options.tune),
        target_psnr=options.chunk_psnr,
    )
    _check_channels(codec, kind)
    if codec.channel_axis is not None and kind.axes.endswith("czyx"):
        codec = NeuralImage(codec.model, codec.quality, channel_axis=-4, encoder=codec.encoder)
    quality = {"quality": codec.quality} if options.chunk_psnr is None else {}
    return _chunk_codec(codec, kind, quality)


def exact_codec(options: ConvertOptions, kind: ChunkKind) -> ChunkCodec:
    """Return the neural codec that keeps every sample within the bound of `options`.

    Raises
    ------
    ConfigError
        If it does not code such samples, all of them are within the bound, or the model is another.
    WeightsError
        If the model is unknown.
    """
    model = _EXACT if options.model == "auto" else options.model
    if not _keeps_a_bound(model):
        raise ConfigError(
            f"model is {model} and max-error is {options.max_error}: leave one of them out, since "
            "what keeps a bound has weights of its own"
        )
    axis = (-4 if kind.axes.endswith("czyx") else -3) if kind.is_rgb else None
    codec = NeuralImage(model, channel_axis=axis, max_error=options.max_error)
    # The codec itself says what it does not code, before anything is written.
    codec.encode(np.zeros((3, 1, 1, 1)[: abs(axis)] if axis else (1, 1), kind.dtype))
    return _chunk_codec(codec, kind, is_lossless=options.max_error == 0)


def _keeps_a_bound(model: str) -> bool:
    return "max_error" in NeuralImage(model).encoder


def _chunk_codec(
    codec: NeuralImage,
    kind: ChunkKind,
    quality: dict[str, int] | None = None,
    *,
    is_lossless: bool = False,
) -> ChunkCodec:
    return ChunkCodec(
        method=codec.codec_id,
        parameters={
            "model": codec.model,
            "weights": codec.weights,
            **(quality or {}),
            **codec.encoder,
        },
        zarr_arguments=_zarr_arguments(codec, kind),
        is_lossless=is_lossless,
        channel_axis=codec.channel_axis or 0,
    )


def tuning_of(tune: Tuning) -> Tuning | None:
    """Return what an array's metadata say of a tuning: nothing of the usual one."""
    return None if tune == "psnr" else tune


def model_for(model: str, kind: ChunkKind) -> str:
    """Return the weights' name: that of `model`, or what ``"auto"`` stands for.

    Examples
    --------
    >>> model_for("auto", ChunkKind()), model_for("auto", ChunkKind(is_rgb=False, axes="yx"))
    ('he-fast', 'grey-fast')
    >>> model_for("he-perceptual", ChunkKind())
    'he-perceptual'
    """
    if model != "auto":
        return model
    return "he-fast" if kind.is_rgb else "grey-fast"


def _check_channels(codec: NeuralImage, kind: ChunkKind) -> None:
    """Refuse weights of three channels for planes of one; the other way, each plane is coded."""
    if codec.channel_axis is not None and not kind.is_rgb:
        raise ConfigError(
            f"the model {codec.model} codes RGB, and the slide has one sample a pixel: choose "
            "the model grey-fast, or auto"
        )


def _zarr_arguments(codec: NeuralImage, kind: ChunkKind) -> dict[str, Any]:
    if kind.version == "0.4":
        return {"compressors": codec, "filters": None}
    # Inside, because it needs zarr 3.
    from numcodecs_neural import NeuralImageCodec

    serializer = NeuralImageCodec(
        codec.model, codec.quality, channel_axis=codec.channel_axis, encoder=codec.encoder
    )
    return {"serializer": serializer, "compressors": None, "filters": None}
