"""The codecs that chunks can be stored with: the one place that knows them."""

from .choose import check_codec, codec_for, codecs_for
from .chunks import ChunkCodec, ChunkKind
from .families import CodecFamily, family_of

__all__ = [
    "ChunkCodec",
    "ChunkKind",
    "CodecFamily",
    "check_codec",
    "codec_for",
    "codecs_for",
    "family_of",
]
