"""ParsedJpeg: a JPEG tile as its quantised coefficients, checked down to the last code."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import JpegError, UnsupportedJpegError
from numcodecs_neural.jpeg import Coefficients, Colour, Description, Frame, decode_pixels
from numcodecs_neural.jpeg.mosaic import plain_frame, zero_coefficients

__all__ = [
    "MAX_BLOCKS",
    "ParsedJpeg",
    "jpeg_markers",
    "parse_jpeg",
    "parse_jpeg_header",
    "unit_of",
    "whole_piece",
]

MAX_BLOCKS = 1 << 22
"""Blocks of a tile, or of a picture without tiles, that are read at once: 512 MiB."""

# Bytes without meaning that some encoders leave before markers. Of a hole far more are left.
_TOLERANCE = 16
_BLOCK = 8
_EOI = b"\xff\xd9"


@dataclass(frozen=True, eq=False)
class ParsedJpeg:
    """Coefficients of one JPEG image, and how they become pixels.

    Parameters
    ----------
    frame : Frame
        Size and components, without what pixels do not follow from.
    colour : Colour
        What the components are.
    steps : tuple of tuple of int
        Quantisation steps of each component, row by row.
    coefficients : tuple of ndarray
        Of each component.
    """

    frame: Frame
    colour: Colour
    steps: tuple[tuple[int, ...], ...]
    coefficients: Coefficients

    @property
    def nbytes(self) -> int:
        """Memory that the coefficients take."""
        return sum(blocks.nbytes for blocks in self.coefficients)

    def lengthened(self, height: int) -> "ParsedJpeg":
        """Return an image of more rows, which begins with the same pixels.

        Raises
        ------
        UnsupportedJpegError
            If no coefficients below these leave the last rows as they are.
        """
        frame = replace(self.frame, height=height)
        blocks = zero_coefficients(frame, (1, 1))
        for target, own in zip(blocks, self.coefficients, strict=True):
            target[: len(own)] = own
        longer = replace(self, frame=frame, coefficients=blocks)
        # Upsampling of chroma looks at the rows below.
        if (longer.pixels()[: self.frame.height] != self.pixels()).any():
            raise UnsupportedJpegError("the last strip of the level is shorter than the others")
        return longer

    def pixels(self) -> NDArray[np.uint8]:
        """Return what libjpeg-turbo decodes: (height, width), or (height, width, 3)."""
        return decode_pixels(self.frame, self.colour, self.steps, self.coefficients)


def parse_jpeg(data: bytes, *, tables: bytes = b"", colour: Colour | None = None) -> ParsedJpeg:
    """Read a JPEG image down to its coefficients.

    Its end marker may be missing, as long as all blocks are there.

    Parameters
    ----------
    data : bytes
        The stream.
    tables : bytes
        A stream of tables alone that goes before.
    colour : Colour, optional
        What the components are, where the file says it outside the stream.

    Raises
    ------
    UnsupportedJpegError
        If it is of a kind that is not read down to coefficients.
    JpegError
        If it is damaged: decoders would warn, and go on with something else.
    """
    with _numba():
        from numcodecs_neural.jpeg.reading import read_jpeg
    description, coefficients = read_jpeg(
        data + _EOI, tables=tables, max_blocks=MAX_BLOCKS, tolerance=_TOLERANCE
    )
    if any(_has_hole(blocks) for blocks in coefficients):
        raise JpegError("JPEG stream has a hole: a block of 63 equal coefficients, as of zeros")
    return ParsedJpeg(
        plain_frame(description.frame),
        description.colour if len(coefficients) == 1 or colour is None else colour,
        description.steps,
        coefficients,
    )


def _has_hole(blocks: NDArray[np.int16]) -> bool:
    """Return whether all AC coefficients of a block are equal, and not 0.

    In most tables a code of zeros alone is that of a small coefficient. A hole of zero bytes is
    blocks of these, and in a few cases as many as there were before: no code is illegal then.
    """
    last = blocks[..., 63]
    found = blocks[(last != 0) & (last == blocks[..., 1]) & (last == blocks[..., 8])]
    return bool((found[:, 1:] == found[:, 1:2]).all(axis=1).any())


def parse_jpeg_header(data: bytes, *, tables: bytes = b"") -> Description:
    """Return what a JPEG image says before its first scan; errors are those of `parse_jpeg`."""
    with _numba():
        from numcodecs_neural.jpeg.reading import read_header
    return read_header(data, tables=tables, tolerance=_TOLERANCE)


def jpeg_markers(data: bytes) -> set[int]:
    """Return the markers of the segments of a JPEG stream, up to its first scan."""
    found = set()
    with contextlib.suppress(JpegError):
        with _numba():
            from numcodecs_neural.jpeg.reading.segments import first_segments
        for segment in first_segments(data, _TOLERANCE):
            found.add(segment.marker)
    return found


@contextlib.contextmanager
def _numba() -> Iterator[None]:
    """Import what reads streams, with kernels that there is no other form of.

    Without it, tiles are decoded as they are, and neither checked nor kept.
    """
    try:
        yield
    except ImportError as exc:
        raise UnsupportedJpegError(f"JPEG stream cannot be read without numba ({exc})") from exc


def whole_piece(piece: bytes, header: bytes) -> bytes:
    """Return the stream of a piece between restart markers, whose frame `header` declares."""
    end = piece.rstrip(b"\0\xff")
    is_restart = len(end) >= 2 and end[-2] == 0xFF and 0xD0 <= end[-1] <= 0xD7
    return header + (end[:-2] if is_restart else piece) + _EOI


def unit_of(frame: Frame) -> tuple[int, int]:
    """Return height and width of a minimum coded unit in pixels."""
    if len(frame.components) == 1:
        return _BLOCK, _BLOCK
    return _BLOCK * frame.vertical, _BLOCK * frame.horizontal
