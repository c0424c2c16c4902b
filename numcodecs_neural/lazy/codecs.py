"""The codec of an array, as far as it matters for latents."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ShardingCodec

from numcodecs_neural import parameters
from numcodecs_neural.codec import NeuralImage
from numcodecs_neural.engine import decode_latents, latents_count, latents_of_pixels
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.format import unpack_chunk
from numcodecs_neural.zarr3 import NeuralImageCodec

if TYPE_CHECKING:
    from numcodecs_neural.weights import WeightsInfo

__all__ = ["LatentCodec", "latent_codec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentCodec:
    """Decodes chunks of an array to latents.

    Parameters
    ----------
    weights : WeightsInfo
    channel_axis : int, optional
        Of colours, among the axes of the array.
    dtype : numpy.dtype
        Of its samples.
    count : int
        How many latents are asked for.
    """

    weights: "WeightsInfo"
    channel_axis: int | None
    dtype: np.dtype[Any]
    count: int

    @property
    def stride(self) -> int:
        """Pixels per latent step."""
        return self.weights.stride

    def decode(self, data: bytes, size: tuple[int, int]) -> NDArray[np.float32]:
        """Return the latents (n, count, rows, columns) of a chunk, for so many places.

        Where it has more, they are padding; where it has fewer, the rest is a margin of one value.
        """
        chunk = unpack_chunk(data)
        found = decode_latents(chunk, self.weights, self.count)
        rows, columns = size
        if found.shape[-2] >= rows and found.shape[-1] >= columns:
            return found[..., :rows, :columns]
        whole = self.constant(len(found), size, chunk.header.margin_value)
        inside = found[..., :rows, :columns]
        whole[..., : inside.shape[-2], : inside.shape[-1]] = inside
        return whole

    def constant(self, n: int, size: tuple[int, int], value: Any) -> NDArray[np.float32]:
        """Return the latents (n, count, rows, columns) of samples of one value."""
        one = np.full((1, self.weights.channels, self.stride, self.stride), value, self.dtype)
        found = latents_of_pixels(one, self.weights, self.count)
        return np.broadcast_to(found, (n, self.count, *size)).copy()


def latent_codec(array: "zarr.Array[Any]", count: int | None) -> LatentCodec:
    """Return what decodes the chunks of an array to so many latents, or to all.

    Raises
    ------
    ConfigError
        If it is not coded by this package alone, by weights without latents, or with fewer.
    WeightsError
        If its weights are not installed.
    """
    codec = _codec_of(array)
    info = parameters.require_weights(codec.model, codec.weights)
    if parameters.is_exact(info):
        raise ConfigError(
            f"the weights {info.name} of {array.path or 'the array'} code pixels without loss and "
            "have no latents: read its pixels"
        )
    most = latents_count(info)
    if count is not None and not 1 <= count <= most:
        raise ConfigError(f"count is {count}; the weights {info.name} have 1 to {most} latents")
    return LatentCodec(
        weights=info,
        channel_axis=codec.channel_axis,
        dtype=np.dtype(array.dtype).newbyteorder("="),
        count=most if count is None else count,
    )


def _codec_of(array: "zarr.Array[Any]") -> NeuralImage | NeuralImageCodec:
    metadata: Any = array.metadata
    codecs = [*(getattr(metadata, "codecs", None) or _codecs_of_v2(metadata))]
    if len(codecs) == 1 and isinstance(codecs[0], ShardingCodec):
        codecs = [*codecs[0].codecs]
    if len(codecs) == 1 and isinstance(codecs[0], NeuralImage | NeuralImageCodec):
        return codecs[0]
    names = ", ".join(type(codec).__name__ for codec in codecs) or "none"
    raise ConfigError(
        f"{array.store_path} has the codecs {names}; latents are those of arrays that NeuralImage "
        "or NeuralImageCodec codes alone"
    )


def _codecs_of_v2(metadata: Any) -> list[Any]:
    return [*(metadata.filters or ()), metadata.compressor]
