"""The codecs that chunks can be stored with: the one place that knows them."""

from .base import ChunkCodec, ChunkKind
from .curves import CodecFamily, family_of
from .registry import check_codec, codec_for, codecs_for, lossless_codec

__all__ = [
    "ChunkCodec",
    "ChunkKind",
    "CodecFamily",
    "check_codec",
    "codec_for",
    "codecs_for",
    "family_of",
    "lossless_codec",
]
