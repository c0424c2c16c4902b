"""Scans of one component in plain Python, to be read beside ITU T.81, annex F.

What `jpeg.reading` does many times as fast, where compiled kernels run.
"""

import re

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import JpegError, TruncatedJpegError
from numcodecs_neural.jpeg.description import MAX_COEFFICIENT, NATURAL_ORDER
from numcodecs_neural.jpeg.huffman import HuffmanTable

__all__ = ["read_blocks"]

_MARKER = re.compile(rb"\xff+[^\x00\xff]")
_STUFFED = re.compile(rb"\xff+\x00")
_LONGEST_CODE = 16
_MAX_DC_SIZE, _MAX_AC_SIZE = 11, 10
_END_OF_BLOCK, _SIXTEEN_ZEROS = 0x00, 0xF0


def read_blocks(
    data: bytes, begin: int, dc: HuffmanTable, ac: HuffmanTable, count: int
) -> tuple[NDArray[np.int16], int]:
    """Return `count` blocks, (count, 64) row by row, and where the marker behind them begins.

    Raises
    ------
    JpegError
        If the scan that begins here is damaged, or holds another number of blocks.
    """
    marker = _MARKER.search(data, begin)
    if marker is None:
        raise TruncatedJpegError("a scan of the JPEG stream has no marker behind it")
    bits = _Bits(_STUFFED.sub(b"\xff", data[begin : marker.start()]))
    dc_symbols, ac_symbols = _symbols(dc), _symbols(ac)
    blocks = np.zeros((count, 64), np.int16)
    value = 0
    for block in blocks:
        value += _read_difference(bits, dc_symbols)
        if not -MAX_COEFFICIENT - 1 <= value <= MAX_COEFFICIENT:
            raise JpegError(f"a scan of the JPEG stream has a DC coefficient of {value}")
        block[0] = value
        _read_ac(bits, ac_symbols, block)
    if bits.left >= 8:
        raise JpegError(f"a scan of the JPEG stream has {bits.left} bits behind its last block")
    return blocks, marker.end() - 2


class _Bits:
    """Bits of bytes, the highest of each first."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0
        self._window, self._count = 0, 0

    @property
    def left(self) -> int:
        """Bits that have not been read."""
        return self._count + 8 * (len(self._data) - self._place)

    def take(self, count: int) -> int:
        """Return the number that the next bits are."""
        while self._count < count:
            if self._place == len(self._data):
                raise TruncatedJpegError("a scan of the JPEG stream ends before its last block")
            self._window = self._window << 8 | self._data[self._place]
            self._place, self._count = self._place + 1, self._count + 8
        self._count -= count
        taken = self._window >> self._count
        self._window &= (1 << self._count) - 1
        return taken

    def symbol(self, symbols: dict[int, int]) -> int:
        """Return what the next code stands for."""
        code = 1
        for _ in range(_LONGEST_CODE):
            code = code << 1 | self.take(1)
            if code in symbols:
                return symbols[code]
        raise JpegError("a scan of the JPEG stream has a code that its table does not have")

    def number(self, size: int) -> int:
        """Return the number of `size` bits: negative where the first is 0."""
        value = self.take(size)
        return value if value >> (size - 1) else value - (1 << size) + 1


def _symbols(table: HuffmanTable) -> dict[int, int]:
    """Return what codes stand for; a code has a bit of 1 in front."""
    symbols, code, place = {}, 1, 0
    for count in table.counts:
        code <<= 1
        for symbol in table.symbols[place : place + count]:
            symbols[code] = symbol
            code += 1
        place += count
    return symbols


def _read_difference(bits: _Bits, symbols: dict[int, int]) -> int:
    size = bits.symbol(symbols)
    if size > _MAX_DC_SIZE:
        raise JpegError(f"a scan of the JPEG stream has a DC difference of {size} bits")
    return bits.number(size) if size else 0


def _read_ac(bits: _Bits, symbols: dict[int, int], block: NDArray[np.int16]) -> None:
    k = 1
    while k < len(block):
        symbol = bits.symbol(symbols)
        if symbol == _END_OF_BLOCK:
            return
        if symbol == _SIXTEEN_ZEROS:
            k += 16
            continue
        k += symbol >> 4
        size = symbol & 15
        if not 1 <= size <= _MAX_AC_SIZE or k >= len(block):
            raise JpegError(f"a scan of the JPEG stream has symbol {symbol:#04x} at {k} of a block")
        block[NATURAL_ORDER[k]] = bits.number(size)
        k += 1
    if k > len(block):
        raise JpegError("a scan of the JPEG stream has more than 64 coefficients in a block")
