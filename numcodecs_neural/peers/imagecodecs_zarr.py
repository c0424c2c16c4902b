"""Codecs of imagecodecs as serializers of Zarr v3, under the names that imagecodecs gave them.

imagecodecs brings such classes itself from 2026.8 on, for Python 3.12 and zarr 3.2, and its
package imagecodecs-zarr makes them known to zarr. What one writes, the other reads; but its JPEG
does not encode an image behind a transpose filter, which is a view in another memory order.
"""

import asyncio
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import zarr
from imagecodecs import numcodecs as image_codecs
from numcodecs.abc import Codec
from zarr.abc.codec import ArrayBytesCodec

from numcodecs_neural.errors import ConfigError

if TYPE_CHECKING:
    from zarr.abc.buffer import Buffer, NDBuffer

    from numcodecs_neural.zarr_types import ArraySpec

__all__ = ["Jpeg", "Jpeg2k", "Jpegxl"]


@dataclass(frozen=True, init=False)
class ImagecodecsSerializer(ArrayBytesCodec):
    """One codec of imagecodecs on chunks of one image each: (1, ..., y, x) or (1, ..., y, x, 3).

    Parameters
    ----------
    **configuration
        As the codec of imagecodecs takes them.
    """

    is_fixed_size = False

    codec_class: ClassVar[type[Codec]]
    configuration: dict[str, Any] = field(hash=False)

    def __init__(self, **configuration: Any) -> None:
        object.__setattr__(self, "configuration", configuration)
        self._codec  # noqa: B018 - refuses what it does not know

    @cached_property
    def _codec(self) -> Codec:
        try:
            return self.codec_class(**self.configuration)
        except TypeError as exc:
            raise ConfigError(
                f"{self.codec_class.codec_id} of the imagecodecs that is installed refuses "
                f"{self.configuration}: {exc}; a later release of imagecodecs may know it"
            ) from exc

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return the codec that the array's metadata describe."""
        return cls(**data.get("configuration", {}))

    def to_dict(self) -> dict[str, Any]:
        """Return the metadata from which `from_dict` makes this codec again."""
        return {"name": self.codec_class.codec_id, "configuration": dict(self.configuration)}

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: "ArraySpec") -> int:
        """Raise NotImplementedError, as zarr wants it of codecs whose output varies in size."""
        raise NotImplementedError

    def _decode_sync(self, chunk_bytes: "Buffer", chunk_spec: "ArraySpec") -> "NDBuffer":
        image = np.asarray(self._codec.decode(chunk_bytes.to_bytes()))
        array = image.reshape(chunk_spec.shape)
        return chunk_spec.prototype.nd_buffer.from_numpy_array(array)

    async def _decode_single(self, chunk_data: "Buffer", chunk_spec: "ArraySpec") -> "NDBuffer":
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    def _encode_sync(self, chunk_array: "NDBuffer", chunk_spec: "ArraySpec") -> "Buffer | None":
        array = np.ascontiguousarray(chunk_array.as_numpy_array())
        return chunk_spec.prototype.buffer.from_bytes(bytes(self._codec.encode(array)))

    async def _encode_single(
        self, chunk_data: "NDBuffer", chunk_spec: "ArraySpec"
    ) -> "Buffer | None":
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)


class Jpeg(ImagecodecsSerializer):
    """JPEG."""

    codec_class = image_codecs.Jpeg


class Jpeg2k(ImagecodecsSerializer):
    """JPEG 2000."""

    codec_class = image_codecs.Jpeg2k


class Jpegxl(ImagecodecsSerializer):
    """JPEG XL."""

    codec_class = image_codecs.Jpegxl


# Where two packages register one name, zarr warns and takes any of them, unless it is told which.
# What the user has told it stands.
zarr.config.set(
    {
        f"codecs.{name}": f"{serializer.__module__}.{serializer.__qualname__}"
        for serializer in (Jpeg, Jpeg2k, Jpegxl)
        if (name := serializer.codec_class.codec_id) not in zarr.config.get("codecs", {})
    }
)
