"""The neural codec, as the arrays of a slide take it."""

from typing import Any

from numcodecs_neural import NeuralImage
from numcodecs_neural.errors import ConfigError

from ..options import ConvertOptions, Tuning
from .base import ChunkCodec, ChunkKind

__all__ = ["model_for", "neural_codec", "tuning_of"]


def neural_codec(options: ConvertOptions, kind: ChunkKind) -> ChunkCodec:
    """Return the neural codec with the model and at the quality of `options`.

    Raises
    ------
    ConfigError
        If the model does not code such chunks.
    WeightsError
        If the model is unknown.
    """
    codec = NeuralImage(
        model_for(options.model, kind),
        options.quality if options.chunk_psnr is None else None,
        tune=tuning_of(options.tune),
        target_psnr=options.chunk_psnr,
    )
    _check_channels(codec, kind)
    if codec.channel_axis is not None and kind.axes.endswith("czyx"):
        codec = NeuralImage(codec.model, codec.quality, channel_axis=-4, encoder=codec.encoder)
    return ChunkCodec(
        method=codec.codec_id,
        parameters={
            "model": codec.model,
            "weights": codec.weights,
            **({"quality": codec.quality} if options.chunk_psnr is None else {}),
            **codec.encoder,
        },
        zarr_arguments=_zarr_arguments(codec, kind),
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
