"""Codecs of imagecodecs as serializers of Zarr v3, under the names that imagecodecs gave them.

imagecodecs brings such classes itself from 2026.8 on, for Python 3.12 and zarr 3.2, and its
package imagecodecs-zarr makes them known to zarr. Where they are there, they are what this module
holds. Where they are not, these are: what one writes, the other reads.
"""

import asyncio
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from imagecodecs import numcodecs as image_codecs
from numcodecs.abc import Codec
from zarr.abc.codec import ArrayBytesCodec
from zarr.core.common import parse_named_configuration

from numcodecs_neural.errors import ConfigError

if TYPE_CHECKING:
    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer
    from zarr.core.common import JSON

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
    def from_dict(cls, data: "dict[str, JSON]") -> Self:
        """Return the codec that the array's metadata describe."""
        name = cls.codec_class.codec_id
        _, found = parse_named_configuration(data, name, require_configuration=False)
        return cls(**(found or {}))

    def to_dict(self) -> "dict[str, JSON]":
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


class _Jpeg(ImagecodecsSerializer):
    codec_class = image_codecs.Jpeg


class _Jpeg2k(ImagecodecsSerializer):
    codec_class = image_codecs.Jpeg2k


class _Jpegxl(ImagecodecsSerializer):
    codec_class = image_codecs.Jpegxl


def _theirs_or(own: type[ImagecodecsSerializer]) -> Any:
    """Return imagecodecs' own class, the very same: zarr warns where two have one name."""
    try:
        from imagecodecs import zarr as image_serializers
    except ImportError:
        return own
    return getattr(image_serializers, own.codec_class.__name__)


Jpeg = _theirs_or(_Jpeg)
Jpeg2k = _theirs_or(_Jpeg2k)
Jpegxl = _theirs_or(_Jpegxl)
