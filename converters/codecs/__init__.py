"""The codecs that chunks can be stored with: the one place that knows them."""

from .choose import codec_for
from .chunks import ChunkCodec, ChunkKind

__all__ = ["ChunkCodec", "ChunkKind", "codec_for"]
