"""The codec of the chunks: the one place that knows which codec a store is written with."""

from dataclasses import dataclass, field
from typing import Any

from .options import ConvertOptions

__all__ = ["ChunkCodec", "codec_for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCodec:
    """How chunks are coded.

    Parameters
    ----------
    method : str
        Name in the store's lossy history.
    parameters : dict
        What the history tells of it: whatever changes pixels.
    zarr_arguments : dict
        Keywords for `zarr.create_array`.
    """

    method: str
    parameters: dict[str, Any]
    zarr_arguments: dict[str, Any] = field(repr=False)


def codec_for(options: ConvertOptions) -> ChunkCodec:
    """Return the codec that `options` ask for.

    Raises
    ------
    ConfigError
        If a parameter is not allowed.
    WeightsError
        If the model is unknown.
    """
    from numcodecs_neural import NeuralImage

    model = "he-fast" if options.model == "auto" else options.model
    codec = NeuralImage(model, options.quality)
    parameters = {
        "model": codec.model,
        "weights": codec.weights,
        "quality": codec.quality,
    }
    return ChunkCodec(
        method=codec.codec_id,
        parameters=parameters,
        zarr_arguments=_zarr_arguments(codec.model, options),
    )


def _zarr_arguments(model: str, options: ConvertOptions) -> dict[str, Any]:
    from numcodecs_neural import NeuralImage

    if options.ome_zarr_version == "0.4":
        return {"compressors": NeuralImage(model, options.quality), "filters": None}
    # Inside, because it needs zarr.
    from numcodecs_neural import NeuralImageCodec

    return {"serializer": NeuralImageCodec(model, options.quality), "compressors": None}
