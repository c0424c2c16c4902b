"""Adaptive coder of coefficients: decoding."""

import numpy as np

from numcodecs_neural.coefficients.adaptive_planes import FIRST_RANGE, Coder, code_planes
from numcodecs_neural.coefficients.adaptive_rows import BAD_VALUE, CODE, NO_WORDS, POSITION, STATUS
from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.errors import BitstreamError, TruncatedChunkError
from numcodecs_neural.jpeg import Coefficients

__all__ = ["decode_adaptive"]

_IMPLIED = bytes(2)
_LEAST_NBYTES = 4
_RANGE_NBYTES = 6
_BLOCKS_PER_BYTE = 2200
"""A block has at least 7 decisions, and none has a probability above 65512 / 65536."""


def decode_adaptive(data: bytes, layout: Layout) -> Coefficients:
    """Return the coefficients of a layout; blocks that are not coded are 0.

    Raises
    ------
    TruncatedChunkError
        If the data end too early.
    BitstreamError
        If they are no stream of this layout.
    """
    if len(data) < _LEAST_NBYTES:
        raise TruncatedChunkError(
            f"adaptive coefficients have {len(data)} bytes; expected at least {_LEAST_NBYTES}"
        )
    if len(data) % 2:
        raise BitstreamError(
            f"adaptive coefficients have {len(data)} bytes; expected an even number"
        )
    blocks = sum(int(plane.coded.sum()) for plane in layout.planes)
    if blocks > _BLOCKS_PER_BYTE * (len(data) + _RANGE_NBYTES):
        raise TruncatedChunkError(
            f"adaptive coefficients have {len(data)} bytes, too few for {blocks} blocks"
        )
    words = np.frombuffer(data + _IMPLIED, "<u2").astype(np.uint16)
    code = int(words[0]) << 32 | int(words[1]) << 16 | int(words[2])
    if code >= FIRST_RANGE:
        raise BitstreamError("adaptive coefficients begin with a code that no encoder writes")
    coder = Coder(np.array([code, FIRST_RANGE, 3, 1, 0], np.int64), words)
    coefficients = tuple(np.zeros(plane.shape, np.int16) for plane in layout.planes)
    coder = code_planes(coder, coefficients, layout, _checked)
    _check_end(_checked(coder, 0))
    return coefficients


def _checked(coder: Coder, _: int) -> Coder:
    """Return the coder unless what it has read so far is damaged."""
    if coder.numbers[STATUS] == NO_WORDS:
        raise TruncatedChunkError(
            f"adaptive coefficients end after their {coder.words.size - 1} words"
        )
    if coder.numbers[STATUS] == BAD_VALUE:
        raise BitstreamError("adaptive coefficients hold a DC coefficient beyond [-1024, 1023]")
    return coder


def _check_end(coder: Coder) -> None:
    left = coder.words.size - int(coder.numbers[POSITION])
    if left or coder.numbers[CODE] > 65535:
        raise BitstreamError(
            f"adaptive coefficients end with {left} words to spare and a remainder of "
            f"{coder.numbers[CODE]}; expected none, and less than 65536"
        )
