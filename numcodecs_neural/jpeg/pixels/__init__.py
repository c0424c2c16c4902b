"""From quantised coefficients to pixels."""

from numcodecs_neural.jpeg.pixels.decode import decode_pixels

__all__ = ["decode_pixels"]
