"""From a JPEG stream to its description and its quantised coefficients."""

from numcodecs_neural.jpeg.reading.stream import MAX_BLOCKS, MAX_SCANS, read_header, read_jpeg

__all__ = ["MAX_BLOCKS", "MAX_SCANS", "read_header", "read_jpeg"]
