"""Coefficients as JPEG itself codes them (SPEC.md, section 8.4): one scan for each component."""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural import compilation
from numcodecs_neural.coefficients.dec_huffman_plain import read_blocks
from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.errors import (
    BitstreamError,
    JpegError,
    TruncatedChunkError,
    TruncatedJpegError,
)
from numcodecs_neural.jpeg import Coefficients, Component, Frame, Process, Scan
from numcodecs_neural.jpeg.huffman import HuffmanTable

__all__ = ["END", "decode_huffman", "frame_of_blocks", "scan_of", "table_group"]

END = b"\xff\xd9"
"""Marker behind each scan."""

_FILL = b"\xff\xff"
"""What JPEG allows in front of markers; chunks do without."""

_LENGTHS = 16
_MAX_SYMBOLS = 256
_MAX_DC_SYMBOL = 11
_LEAST_BITS = 2
"""Bits of a block: a code of its DC, and one that ends the block."""


def decode_huffman(data: bytes, layout: Layout) -> Coefficients:
    """Return the coefficients that `enc_huffman.encode_huffman` was given.

    Raises
    ------
    BitstreamError
        If the bytes are damaged, or hold other than all coded blocks of the layout.
    """
    try:
        return _decode(data, layout)
    except JpegError as exc:
        error = TruncatedChunkError if isinstance(exc, TruncatedJpegError) else BitstreamError
        raise error(f"the chunk's JPEG scans are damaged: {exc}") from exc


def table_group(component: int) -> int:
    """Return which pair of tables codes a component: the first has its own, the others share."""
    return min(component, 1)


def frame_of_blocks(rows: int, columns: int) -> Frame:
    """Return a frame of one component with so many blocks."""
    return Frame(Process.BASELINE, 8 * rows, 8 * columns, (Component(1, 1, 1, 0),))


def scan_of(dc: HuffmanTable | None, ac: HuffmanTable | None) -> Scan:
    """Return the scan of a single component with these tables."""
    return Scan((0,), (dc,), (ac,), 0, 63, 0, 0, 0, b"")


def _decode(data: bytes, layout: Layout) -> Coefficients:
    tables, place = [], 0
    for kind in range(2 * (table_group(len(layout.planes) - 1) + 1)):
        table, place = _read_table(data, place, is_dc=kind % 2 == 0)
        tables.append(table)
    planes = []
    for n, plane in enumerate(layout.planes):
        dc, ac = tables[2 * table_group(n) :][:2]
        blocks, place = _read_scan(data, place, dc, ac, int(plane.coded.sum()))
        whole = np.zeros(plane.shape, np.int16)
        whole[plane.coded] = blocks
        planes.append(whole)
    if place != len(data):
        raise BitstreamError(f"JPEG scans of a chunk have {len(data) - place} bytes behind them")
    return tuple(planes)


def _read_table(data: bytes, place: int, *, is_dc: bool) -> tuple[HuffmanTable, int]:
    """Return the table that begins here, and where it ends."""
    counts = tuple(data[place : place + _LENGTHS])
    end = place + _LENGTHS + sum(counts)
    if len(counts) < _LENGTHS or end > len(data):
        raise TruncatedChunkError(f"JPEG scans of {len(data)} bytes end within a Huffman table")
    table = HuffmanTable(counts, data[place + _LENGTHS : end])
    table.check()
    highest = _MAX_DC_SYMBOL if is_dc else _MAX_SYMBOLS - 1
    if len(table.symbols) > _MAX_SYMBOLS or max(table.symbols, default=0) > highest:
        raise BitstreamError(
            f"Huffman table has {len(table.symbols)} symbols up to "
            f"{max(table.symbols, default=0)}; allowed are {_MAX_SYMBOLS} up to {highest}"
        )
    return table, end


def _read_scan(
    data: bytes, place: int, dc: HuffmanTable, ac: HuffmanTable, count: int
) -> tuple[NDArray[np.int16], int]:
    """Return the blocks of the scan that begins here, and where its end marker ends."""
    if _LEAST_BITS * count > 8 * (len(data) - place):
        raise TruncatedChunkError(
            f"JPEG scan of {count} blocks begins {len(data) - place} bytes before the end"
        )
    if compilation.use_numba():
        from numcodecs_neural.jpeg.reading.scans import ScanReader

        reader = ScanReader(frame_of_blocks(count, 1), np.frombuffer(data, np.uint8), 0)
        end, blocks = reader.read(scan_of(dc, ac), place), reader.joined
    else:
        blocks, end = read_blocks(data, place, dc, ac, count)
    if data[end : end + len(END)] != END or data.find(_FILL, place, end + 1) >= 0:
        raise BitstreamError(
            f"JPEG scan ends with {data[end : end + 2].hex()}, or has {_FILL.hex()} before; "
            f"expected {END.hex()} alone"
        )
    return blocks, end + len(END)
