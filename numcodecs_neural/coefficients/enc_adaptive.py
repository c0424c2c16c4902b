"""Adaptive coder of coefficients: encoding."""

import numpy as np

from numcodecs_neural.coefficients.adaptive_planes import FIRST_RANGE, Coder, code_planes
from numcodecs_neural.coefficients.adaptive_rows import CODE, POSITION
from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg import Coefficients
from numcodecs_neural.jpeg.description import MAX_COEFFICIENT

__all__ = ["encode_adaptive"]

# A block has at most 6 + 63 x 20 + 22 bits to code, and none of them takes 12 bits of the stream.
_BLOCK_WORDS = 12 * (6 + 63 * 20 + 22) // 16
_END_WORDS = 2


def encode_adaptive(coefficients: Coefficients, layout: Layout) -> bytes:
    """Return the coefficients as a stream for `dec_adaptive`.

    Raises
    ------
    ConfigError
        If they are not those of the layout: of another shape, too large, or not 0 where no block
        is coded.
    """
    _check(coefficients, layout)
    copies = tuple(np.array(blocks, np.int16, order="C") for blocks in coefficients)
    coder = Coder(np.array([0, FIRST_RANGE, 0, 0, 0], np.int64), np.zeros(0, np.uint16))
    coder = code_planes(_with_room(coder, 0), copies, layout, _with_room)
    return _finish(coder)


def _check(coefficients: Coefficients, layout: Layout) -> None:
    shapes = [blocks.shape for blocks in coefficients]
    expected = [plane.shape for plane in layout.planes]
    if shapes != expected:
        raise ConfigError(f"coefficients have shapes {shapes}; the layout has {expected}")
    for blocks, plane in zip(coefficients, layout.planes, strict=True):
        most, ac = blocks.max(initial=0), blocks[:, :, 1:]
        least = min(blocks[:, :, :1].min(initial=0) + 1, ac.min(initial=0))
        if most > MAX_COEFFICIENT or least < -MAX_COEFFICIENT:
            raise ConfigError(
                f"coefficients lie in [{blocks.min()}, {most}]; those of 8-bit JPEG lie in "
                f"[{-MAX_COEFFICIENT}, {MAX_COEFFICIENT}], and DC one lower"
            )
        if blocks[~plane.coded].any():
            raise ConfigError("coefficients of a block that is not coded are not 0")


def _with_room(coder: Coder, blocks: int) -> Coder:
    """Return the coder with room for a row of so many blocks, and for the end."""
    need = int(coder.numbers[POSITION]) + blocks * _BLOCK_WORDS + _END_WORDS
    if coder.words.size >= need:
        return coder
    words = np.zeros(2 * need, np.uint16)
    words[: coder.words.size] = coder.words
    return Coder(coder.numbers, words)


def _finish(coder: Coder) -> bytes:
    """Write the least number of the last interval that ends in 16 zeros, and leave these out."""
    position = int(coder.numbers[POSITION])
    written = int.from_bytes(coder.words[:position].astype(">u2").tobytes(), "big")
    last = (int(coder.numbers[CODE]) + 65535) >> 16
    number = (written << 32) + last
    words = np.frombuffer(number.to_bytes(2 * (position + 2), "big"), ">u2")
    return words.astype("<u2").tobytes()
