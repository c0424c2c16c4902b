"""NeuralImageCodec: the Zarr v3 codec, which arrays take as their serializer. Needs zarr 3."""

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec

from numcodecs_neural import parameters
from numcodecs_neural.codec import ImageCodec, NeuralImage
from numcodecs_neural.errors import BitstreamError, ConfigError
from numcodecs_neural.format import ChunkHeader

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, NDBuffer
    from zarr.dtype import ZDType

    from numcodecs_neural.weights import WeightsInfo
    from numcodecs_neural.zarr_types import ArraySpec

__all__ = ["ImageSerializer", "NeuralImageCodec"]


class ImageSerializer(ArrayBytesCodec):
    """What codecs of images share as serializers: zarr's calls, passed on to a numcodecs codec."""

    is_fixed_size = False

    image_codec: ClassVar[type[ImageCodec[Any]]]
    """The codec that codes the chunks; its parameters are attributes here too."""

    channel_axis: int | None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the codec that the array's metadata describe; unknown keys are refused by name."""
        found = data.get("configuration", {})
        parameters.check_keys(found, cls.image_codec.codec_id, cls.image_codec.keys)
        return cls(**found)

    def to_dict(self) -> dict[str, Any]:
        """Return the metadata from which `from_dict` makes this codec again."""
        configuration = parameters.config_of(self, self.image_codec.keys)
        return {"name": self.image_codec.codec_id, "configuration": configuration}

    @cached_property
    def _codec(self) -> ImageCodec[Any]:
        return self.image_codec.from_config(parameters.config_of(self, self.image_codec.keys))

    def _take(self, codec: ImageCodec[Any]) -> None:
        """Have the parameters of a codec, which has checked them."""
        for key in self.image_codec.keys:
            object.__setattr__(self, key, getattr(codec, key))

    @property
    @abstractmethod
    def _info(self) -> "WeightsInfo | None":
        """What the weights can code, or None where they are not installed."""

    def evolve_from_array_spec(self, array_spec: "ArraySpec") -> Self:
        """Refuse, at creation, what cannot be coded inside shards: zarr calls no `validate` there.

        `array_spec` has the shape of the inner chunks there, and of the whole array elsewhere, so
        that only whole multiples of the channels can be told from mistakes.
        """
        info = self._info
        if info is not None:
            chunk = parameters.chunk_behind_filters(
                array_spec.shape, self.channel_axis, info, is_chunk=False
            )
            dtype = array_spec.dtype.to_native_dtype()
            parameters.check_chunk(chunk, dtype, self.channel_axis, info)
        return self

    def validate(
        self,
        *,
        shape: tuple[int, ...],
        dtype: "ZDType[Any, Any]",
        chunk_grid: Any,
    ) -> None:
        """Refuse an array that the weights cannot code in any order of its axes, at creation.

        Raises
        ------
        ConfigError
            If its dtype or its chunks are not those of the weights.
        """
        # Told by what it has: its class is private to zarr, and has changed its name.
        chunks = getattr(chunk_grid, "chunk_shape", None)
        if chunks is None:
            raise ConfigError(f"images need chunks of one shape, found {chunk_grid!r}")
        info = self._info
        if info is not None:
            chunk = parameters.chunk_behind_filters(chunks, self.channel_axis, info, is_chunk=True)
            parameters.check_chunk(chunk, dtype.to_native_dtype(), self.channel_axis, info)
            parameters.check_size(chunks, info)

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: "ArraySpec") -> int:
        """Raise NotImplementedError, as zarr wants it of codecs whose output varies in size."""
        raise NotImplementedError

    def _decode_sync(self, chunk_bytes: "Buffer", chunk_spec: "ArraySpec") -> "NDBuffer":
        chunk = self._codec.parse(chunk_bytes.to_bytes())
        self._check_place(chunk.header, chunk_spec)
        array = self._codec.decode_parsed(chunk)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    @staticmethod
    def _check_place(header: ChunkHeader, chunk_spec: "ArraySpec") -> None:
        # Byte order apart: a v3 array has none.
        found, dtype = header.dtype.newbyteorder("="), chunk_spec.dtype.to_native_dtype()
        if header.shape != chunk_spec.shape or found != dtype.newbyteorder("="):
            raise BitstreamError(
                f"the chunk holds {found.name} samples of shape {header.shape}, and its place in "
                f"this array is {dtype.name} of shape {chunk_spec.shape}: it belongs to another "
                "array"
            )

    async def _decode_single(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "NDBuffer":
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    def _encode_sync(self, chunk_array: "NDBuffer", chunk_spec: "ArraySpec") -> "Buffer | None":
        # A v3 chunk has no memory order: equal pixels shall give equal bytes.
        array = np.ascontiguousarray(chunk_array.as_numpy_array())
        chunk = self._codec.encode(array)
        return chunk_spec.prototype.buffer.from_bytes(chunk)

    async def _encode_single(
        self, chunk_data: "NDBuffer", chunk_spec: "ArraySpec"
    ) -> "Buffer | None":
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)


@dataclass(frozen=True, init=False)
class NeuralImageCodec(ImageSerializer):
    """Compression of image chunks by learned models, for Zarr v3.

    Stands in ``serializer=``; ``compressors=None``, since its output does not compress further.
    The parameters are those of `numcodecs_neural.NeuralImage`.

    Parameters
    ----------
    model : str, optional
        Name of the weights, pinned to the newest exact name; by default ``"he-fast"``, and
        ``"exact"`` with `max_error`.
    quality : int, optional
        0 (smallest) to 100 (best); by default 60.
    weights : str, optional
        SHA-256 of the decoder weights, filled in from `model` when absent.
    channel_axis : int, optional
        -3 for chunks (..., c, y, x), -1 for chunks (..., y, x, c), -4 for chunks (..., c, z, y, x);
        by default -3, and None with weights of one channel, which code chunks (..., y, x).
    max_error : int, optional
        By how much a decoded sample may differ; 0 for no loss at all.
    value_range : (int, int), optional
        For samples of 16 bits: the lowest and the highest to expect, so that all chunks have one
        quality.
    tune : {"psnr", "ssim", "ms-ssim"}, optional
        Which measure of quality the bits serve best.
    target_psnr : float, optional
        Decibels that each chunk shall have, in place of `quality`.
    encoder : dict, optional
        Notes of the encoder that wrote the data; no reader needs them.

    Raises
    ------
    ConfigError
        If a parameter has a value that is not allowed.
    WeightsError
        If `model` is unknown and `weights` are not given.

    Examples
    --------
    >>> import zarr
    >>> from numcodecs_neural import NeuralImageCodec
    >>> array = zarr.create_array(
    ...     {},
    ...     shape=(3, 1000, 1000),
    ...     chunks=(3, 512, 512),
    ...     dtype="uint8",
    ...     serializer=NeuralImageCodec("he-fast", quality=60),
    ...     compressors=None,
    ... )
    >>> array.serializer.model
    'he-fast-2'
    """

    image_codec = NeuralImage

    model: str
    quality: int
    weights: str
    channel_axis: int | None
    encoder: dict[str, Any] = field(hash=False)

    def __init__(
        self,
        model: str | None = None,
        quality: int | None = None,
        *,
        weights: str | None = None,
        channel_axis: int | None = None,
        max_error: int | None = None,
        value_range: tuple[int, int] | None = None,
        tune: str | None = None,
        target_psnr: float | None = None,
        encoder: Mapping[str, Any] | None = None,
    ) -> None:
        self._take(
            NeuralImage(
                model,
                quality,
                weights=weights,
                channel_axis=channel_axis,
                max_error=max_error,
                value_range=value_range,
                tune=tune,
                target_psnr=target_psnr,
                encoder=encoder,
            )
        )

    def evolve_from_array_spec(self, array_spec: "ArraySpec") -> Self:
        """Refuse, at creation, what cannot be coded; see `ImageSerializer`."""
        parameters.check_max_error(array_spec.dtype.to_native_dtype(), self.encoder)
        return super().evolve_from_array_spec(array_spec)

    @property
    def _info(self) -> "WeightsInfo | None":
        return parameters.installed_weights(self.model, self.weights)
