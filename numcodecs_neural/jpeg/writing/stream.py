"""JPEG streams from coefficients: the source's own stream again, or a new baseline one."""

import dataclasses
import struct

import numpy as np

from numcodecs_neural.jpeg.description import (
    NATURAL_ORDER,
    Coefficients,
    Colour,
    Component,
    Description,
    Frame,
    Process,
    Scan,
)
from numcodecs_neural.jpeg.huffman import HuffmanTable
from numcodecs_neural.jpeg.layout import MAX_UNIT_BLOCKS
from numcodecs_neural.jpeg.writing.scans import ScanWriter

__all__ = ["rewrite_jpeg", "write_baseline"]

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_APP0, _APP14, _DQT, _DHT, _SOS, _DRI = 0xE0, 0xEE, 0xDB, 0xC4, 0xDA, 0xDD
_JFIF = b"JFIF\0" + struct.pack(">HBHHBB", 0x0101, 0, 1, 1, 0, 0)
_ADOBE_RGB = b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0)


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
    tables = tuple(dict.fromkeys(steps))
    process = Process.EXTENDED if max(map(max, tables)) > 0xFF else Process.BASELINE
    components = tuple(
        dataclasses.replace(component, table=tables.index(own))
        for component, own in zip(frame.components, steps, strict=True)
    )
    frame = dataclasses.replace(frame, process=process, components=components)
    writer = ScanWriter(frame, coefficients)
    scans = [_scan(writer, positions, restart_interval) for positions in _scan_components(frame)]
    marker = _segment(_APP14, _ADOBE_RGB) if colour is Colour.RGB else _segment(_APP0, _JFIF)
    pieces = [_SOI, marker, _quantisation(tables), _frame_header(frame)]
    if restart_interval:
        pieces.append(_segment(_DRI, struct.pack(">H", restart_interval)))
    for scan in scans:
        pieces += [_scan_header(frame, scan), writer.write(scan)]
    return b"".join([*pieces, _EOI])


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
    numbers = _table_numbers(positions)
    return dataclasses.replace(
        scan, dc_tables=tuple(dc[n] for n in numbers), ac_tables=tuple(ac[n] for n in numbers)
    )


def _table_numbers(positions: tuple[int, ...]) -> list[int]:
    return [min(n, 1) for n in range(len(positions))]


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content


def _quantisation(tables: tuple[tuple[int, ...], ...]) -> bytes:
    pieces = []
    for number, table in enumerate(tables):
        wide = max(table) > 0xFF
        steps = np.array(table)[NATURAL_ORDER].astype(">u2" if wide else "u1")
        pieces.append(bytes([wide << 4 | number]) + steps.tobytes())
    return _segment(_DQT, b"".join(pieces))


def _frame_header(frame: Frame) -> bytes:
    def described(c: Component) -> bytes:
        return bytes([c.identifier, c.horizontal << 4 | c.vertical, c.table])

    content = struct.pack(">BHHB", 8, frame.height, frame.width, len(frame.components))
    return _segment(frame.process, content + b"".join(map(described, frame.components)))


def _scan_header(frame: Frame, scan: Scan) -> bytes:
    """Return the segments of a scan's Huffman tables, and its own."""
    numbers = _table_numbers(scan.components)
    defined: dict[int, HuffmanTable | None] = {}
    for number, dc, ac in zip(numbers, scan.dc_tables, scan.ac_tables, strict=True):
        defined |= {number: dc, 0x10 | number: ac}
    tables = [
        _segment(_DHT, bytes([name, *table.counts]) + table.symbols)
        for name, table in defined.items()
        if table is not None
    ]
    selectors = b"".join(
        bytes([frame.components[position].identifier, number << 4 | number])
        for position, number in zip(scan.components, numbers, strict=True)
    )
    content = bytes([len(numbers)]) + selectors + bytes([scan.first, scan.last, 0])
    return b"".join([*tables, _segment(_SOS, content)])
