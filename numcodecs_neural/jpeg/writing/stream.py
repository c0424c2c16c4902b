"""JPEG streams from coefficients: the source's own stream again, or a new baseline one."""

import dataclasses
import struct

from numcodecs_neural.jpeg.description import (
    Coefficients,
    Colour,
    Description,
    Frame,
    Scan,
)
from numcodecs_neural.jpeg.huffman import HuffmanTable
from numcodecs_neural.jpeg.layout import MAX_UNIT_BLOCKS
from numcodecs_neural.jpeg.writing.scans import ScanWriter
from numcodecs_neural.jpeg.writing.segments import (
    APP0,
    DRI,
    EOI,
    SOI,
    adobe_rgb,
    frame_header,
    huffman_tables,
    quantisation,
    scan_header,
    segment,
    sequential_frame,
    table_numbers,
)

__all__ = ["rewrite_jpeg", "write_baseline"]

_JFIF = b"JFIF\0" + struct.pack(">HBHHBB", 0x0101, 0, 1, 1, 0, 0)


def rewrite_jpeg(description: Description, coefficients: Coefficients) -> bytes:
    """Return the stream that was read: its own markers, scans and tables.

    All bytes are those of the source where its encoder wrote no code that it could have left out,
    and filled bytes up with ones: compare them.

    Raises
    ------
    ConfigError
        If coefficients do not belong to the frame, or the tables have no code for one.
    """
    writer = ScanWriter(description.frame, coefficients)
    pieces = [piece for scan in description.scans for piece in (scan.head, writer.write(scan))]
    return b"".join([*pieces, description.tail])


def write_baseline(
    frame: Frame,
    colour: Colour,
    steps: tuple[tuple[int, ...], ...],
    coefficients: Coefficients,
    *,
    restart_interval: int = 0,
) -> bytes:
    """Return a new stream with these coefficients, with Huffman tables made for them.

    It is baseline, or extended where a step is larger than 255; of one interleaved scan where that
    is allowed; else of one a component, without the blocks behind the image. A source of any
    process comes back with equal coefficients.

    Parameters
    ----------
    frame : Frame
        Size and components; the numbers of tables are not used.
    colour : Colour
        What the components are, for the markers that say so.
    steps : tuple of tuple of int
        Quantisation steps of each component, row by row.
    coefficients : tuple of array
        Quantised coefficients of each component.
    restart_interval : int
        Minimum coded units between restart markers; 0 for none.
    """
    frame, tables = sequential_frame(frame, steps)
    writer = ScanWriter(frame, coefficients)
    scans = [_scan(writer, positions, restart_interval) for positions in _scan_components(frame)]
    marker = adobe_rgb() if colour is Colour.RGB else segment(APP0, _JFIF)
    pieces = [SOI, marker, quantisation(tables), frame_header(frame)]
    if restart_interval:
        pieces.append(segment(DRI, struct.pack(">H", restart_interval)))
    for scan in scans:
        pieces += [huffman_tables(scan), scan_header(frame, scan), writer.write(scan)]
    return b"".join([*pieces, EOI])


def _scan_components(frame: Frame) -> list[tuple[int, ...]]:
    """Return the components of each scan: all in one, or each alone where a unit is too large."""
    positions = range(len(frame.components))
    if sum(c.horizontal * c.vertical for c in frame.components) <= MAX_UNIT_BLOCKS:
        return [tuple(positions)]
    return [(position,) for position in positions]


def _scan(writer: ScanWriter, positions: tuple[int, ...], interval: int) -> Scan:
    """Return a scan with the best tables: one of DC and AC for the first component, one for others.

    These are luma and chroma, which baseline streams have room for.
    """
    blank = (None,) * len(positions)
    scan = Scan(positions, blank, blank, 0, 63, 0, 0, interval, b"")
    counts = writer.count(scan)
    groups = [[0], [*range(1, len(positions))]]
    dc, ac = (
        [
            HuffmanTable.from_counts(counts[[2 * n + kind for n in group]].sum(0))
            for group in groups
            if group
        ]
        for kind in (0, 1)
    )
    numbers = table_numbers(positions)
    return dataclasses.replace(
        scan, dc_tables=tuple(dc[n] for n in numbers), ac_tables=tuple(ac[n] for n in numbers)
    )
