"""From a JPEG stream to its description and its quantised coefficients."""

from numcodecs_neural.jpeg.reading.heads import MAX_SCANS, read_heads
from numcodecs_neural.jpeg.reading.stream import MAX_BLOCKS, read_header, read_jpeg

__all__ = ["MAX_BLOCKS", "MAX_SCANS", "read_header", "read_heads", "read_jpeg"]
