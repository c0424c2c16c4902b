"""Coefficients to bytes as JPEG itself codes them: what any source can be stored as."""

import math

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coefficients.dec_huffman import END, frame_of_blocks, scan_of, table_group
from numcodecs_neural.coefficients.layout import Layout
from numcodecs_neural.jpeg import Coefficients, Frame
from numcodecs_neural.jpeg.huffman import HuffmanTable

__all__ = ["encode_huffman"]


def encode_huffman(coefficients: Coefficients, layout: Layout) -> bytes:
    """Return coefficients as one scan for each component, behind Huffman tables made for them.

    Raises
    ------
    ConfigError
        If a coefficient has more bits than 8-bit JPEG can hold.
    """
    # Inside, since it imports numba.
    from numcodecs_neural.jpeg.writing.scans import ScanWriter

    planes = zip(coefficients, layout.planes, strict=True)
    writers = [ScanWriter(*_scan_blocks(blocks, plane.coded)) for blocks, plane in planes]
    counts = np.zeros((table_group(len(writers) - 1) + 1, 2, 256), np.int64)
    for n, writer in enumerate(writers):
        counts[table_group(n)] += writer.count(scan_of(None, None))
    tables = [[HuffmanTable.from_counts(kind) for kind in pair] for pair in counts]
    pieces = [bytes(table.counts) + table.symbols for pair in tables for table in pair]
    for n, writer in enumerate(writers):
        pieces += [writer.write(scan_of(*tables[table_group(n)])), END]
    return b"".join(pieces)


def _scan_blocks(blocks: NDArray[np.int16], coded: NDArray[np.bool_]) -> tuple[Frame, Coefficients]:
    """Return the coded blocks as a frame of their own.

    Only their order matters; in rows that are as long as can be they are written fastest.
    """
    columns = math.gcd(*coded.sum(1).tolist())
    rows = int(coded.sum()) // columns
    return frame_of_blocks(rows, columns), (blocks[coded].reshape(rows, columns, 64),)
