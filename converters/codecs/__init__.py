"""The codecs that chunks can be stored with: the one place that knows them."""

from .base import ChunkCodec, ChunkKind
from .curves import CodecFamily, exact_family, family_of
from .registry import check_codec, codec_for, codecs_for, keeps_bounds, lossless_codec

__all__ = [
    "ChunkCodec",
    "ChunkKind",
    "CodecFamily",
    "check_codec",
    "codec_for",
    "codecs_for",
    "exact_family",
    "family_of",
    "keeps_bounds",
    "lossless_codec",
]
