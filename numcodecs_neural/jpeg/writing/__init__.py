"""From quantised coefficients to JPEG streams."""

from numcodecs_neural.jpeg.writing.abbreviated import write_abbreviated, write_tables
from numcodecs_neural.jpeg.writing.stream import rewrite_jpeg, write_baseline

__all__ = ["rewrite_jpeg", "write_abbreviated", "write_baseline", "write_tables"]
