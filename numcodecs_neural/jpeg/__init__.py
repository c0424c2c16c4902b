"""JPEG streams, exactly: to quantised coefficients and back, and to libjpeg-turbo's pixels.

`reading` turns a stream into its `description` and its coefficients, `writing` turns these into a
stream again, and `pixels` turns coefficients into what a decoder shows. `huffman` and `layout` are
what reading and writing share. `mosaic` holds tiles side by side, `requantize` makes them coarser,
and `offers` hands them to the encoder of the chunk that they are.
"""

from numcodecs_neural.jpeg.description import (
    Coefficients,
    Colour,
    Component,
    Description,
    Frame,
    Process,
    Scan,
)
from numcodecs_neural.jpeg.pixels import decode_pixels

__all__ = [
    "Coefficients",
    "Colour",
    "Component",
    "Description",
    "Frame",
    "Process",
    "Scan",
    "decode_pixels",
]
