"""Pictures without tiles, from PNG to JPEG XL, held in memory."""

from .source import PlainSource, open_source

__all__ = ["PlainSource", "open_source"]
