"""The section of a JPEG chunk: how its tiles lie and what they are, before their coefficients.

SPEC.md, section 8.1.
"""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.jpeg_steps import pack_steps, unpack_steps
from numcodecs_neural.errors import BitstreamError, ConfigError, TruncatedChunkError
from numcodecs_neural.jpeg import Colour, Component, Frame, Process
from numcodecs_neural.jpeg.mosaic import Mosaic, coefficient_shapes

__all__ = ["MAX_BLOCKS", "MAX_PIXELS", "pack_section", "unpack_section"]

MAX_PIXELS = 1 << 26
"""Of all tiles of a chunk."""

MAX_BLOCKS = 1 << 22
"""Of all tiles and components of a chunk: 512 MiB of coefficients."""

_HEAD = struct.Struct("<BBHHHH")  # coder, flags, size of a tile, rows and columns of tiles
_OFFSET = struct.Struct("<HH")
_COLOURS = (Colour.GREY, Colour.YCBCR, Colour.RGB)
_COLOUR_BITS, _HAS_ABSENT, _HAS_OFFSET = 3, 4, 8
_MAX_FACTOR, _MAX_SIZE = 4, 0xFFFF


def pack_section(coder: int, mosaic: Mosaic, data: bytes) -> bytes:
    """Return the section of a mosaic whose coefficients a coder has made `data` of.

    Raises
    ------
    ConfigError
        If a size has no place in it.
    """
    frame, has_absent = mosaic.frame, not mosaic.present.all()
    sizes = frame.height, frame.width, *mosaic.grid, *mosaic.offset
    if max(sizes) > _MAX_SIZE:
        raise ConfigError(f"a JPEG chunk has sizes {sizes}; the most are {_MAX_SIZE}")
    flags = _COLOURS.index(mosaic.colour)
    flags |= _HAS_ABSENT * has_absent | _HAS_OFFSET * (mosaic.offset != (0, 0))
    pieces = [
        _HEAD.pack(coder, flags, frame.height, frame.width, *mosaic.grid),
        bytes(own.horizontal << 4 | own.vertical for own in frame.components),
        pack_steps(mosaic.steps),
    ]
    if has_absent:
        pieces += [bytes(mosaic.fill), np.packbits(mosaic.present).tobytes()]
    if flags & _HAS_OFFSET:
        pieces.append(_OFFSET.pack(*mosaic.offset))
    return b"".join([*pieces, data])


def unpack_section(section: bytes) -> tuple[int, Mosaic, bytes]:
    """Return the number of the coder, the mosaic, and the coder's data.

    The coefficients of the mosaic are 0 and take no memory.

    Raises
    ------
    BitstreamError
        If a value is not allowed, or the mosaic is larger than one may be.
    """
    reader = _Reader(section)
    coder, flags, height, width, rows, columns = _HEAD.unpack(reader.take(_HEAD.size))
    if flags >> 4 or flags & _COLOUR_BITS >= len(_COLOURS):
        raise BitstreamError(f"JPEG section has flags {flags:#04x}")
    colour = _COLOURS[flags & _COLOUR_BITS]
    factors = reader.take(1 if colour is Colour.GREY else 3)
    frame = _frame(height, width, factors)
    grid = rows, columns
    _check_size(frame, grid)
    steps = reader.take_steps(len(factors))
    fill, present = (0,) * len(factors), np.ones(grid, np.bool_)
    if flags & _HAS_ABSENT:
        fill = tuple(reader.take(len(factors)))
        present = _presence(reader.take(-(-rows * columns // 8)), grid)
    offset = _OFFSET.unpack(reader.take(_OFFSET.size)) if flags & _HAS_OFFSET else (0, 0)
    shapes = coefficient_shapes(frame, grid)
    try:
        mosaic = Mosaic(
            frame=frame,
            colour=colour,
            steps=steps,
            grid=grid,
            present=present,
            coefficients=tuple(np.broadcast_to(np.int16(0), shape) for shape in shapes),
            fill=fill,
            offset=offset,
        )
    except ConfigError as exc:
        raise BitstreamError(f"JPEG section does not fit together: {exc}") from exc
    return coder, mosaic, reader.rest()


class _Reader:
    """Bytes of a section, taken one part after the other."""

    def __init__(self, section: bytes) -> None:
        self._section, self._place = section, 0

    def take(self, count: int) -> bytes:
        begin, self._place = self._place, self._place + count
        if self._place > len(self._section):
            raise TruncatedChunkError(
                f"JPEG section has {len(self._section)} bytes; its description needs more"
            )
        return self._section[begin : self._place]

    def take_steps(self, count: int) -> tuple[tuple[int, ...], ...]:
        steps, self._place = unpack_steps(self._section, self._place, count)
        return steps

    def rest(self) -> bytes:
        return self._section[self._place :]


def _frame(height: int, width: int, factors: bytes) -> Frame:
    """Return the frame of tiles; the one component of a grey one has factors of 1."""
    components = tuple(Component(n + 1, both >> 4, both & 15, n) for n, both in enumerate(factors))
    frame = Frame(Process.BASELINE, height, width, components)
    highest = 1 if len(factors) == 1 else _MAX_FACTOR
    for own in components:
        if not all(1 <= factor <= highest for factor in (own.horizontal, own.vertical)) or (
            frame.horizontal % own.horizontal or frame.vertical % own.vertical
        ):
            raise BitstreamError(f"JPEG section has sampling factors {factors.hex(' ')}")
    return frame


def _check_size(frame: Frame, grid: tuple[int, int]) -> None:
    """Raise where a mosaic is empty, or needs more memory than one may."""
    tiles = math.prod(grid)
    pixels = tiles * frame.height * frame.width
    if not 1 <= pixels <= MAX_PIXELS:
        raise BitstreamError(f"JPEG section has {pixels} pixels; allowed are 1 to {MAX_PIXELS}")
    blocks = tiles * sum(math.prod(frame.block_shape(own)) for own in frame.components)
    if blocks > MAX_BLOCKS:
        raise BitstreamError(f"JPEG section has {blocks} blocks; allowed are {MAX_BLOCKS}")


def _presence(packed: bytes, grid: tuple[int, int]) -> NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(packed, np.uint8)).astype(np.bool_)
    present, padding = np.split(bits, [math.prod(grid)])
    if padding.any() or present.all() or not present.any():
        raise BitstreamError(
            f"JPEG section marks {present.sum()} of {present.size} tiles as present, and "
            f"{padding.sum()} behind them"
        )
    return present.reshape(grid)
