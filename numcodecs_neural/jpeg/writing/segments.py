"""Segments of new JPEG streams: tables and headers."""

import dataclasses
import struct

import numpy as np

from numcodecs_neural.jpeg.description import NATURAL_ORDER, Component, Frame, Process, Scan
from numcodecs_neural.jpeg.huffman import HuffmanTable

__all__ = [
    "APP0",
    "DRI",
    "EOI",
    "SOI",
    "adobe_rgb",
    "frame_header",
    "huffman_tables",
    "quantisation",
    "scan_header",
    "segment",
    "sequential_frame",
    "table_numbers",
]

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
APP0, DRI = 0xE0, 0xDD
_APP14, _DQT, _DHT, _SOS = 0xEE, 0xDB, 0xC4, 0xDA


def sequential_frame(
    frame: Frame, steps: tuple[tuple[int, ...], ...]
) -> tuple[Frame, tuple[tuple[int, ...], ...]]:
    """Return the frame with one scan's process and numbers of tables, and these tables.

    It is baseline, or extended where a step is larger than 255.
    """
    tables = tuple(dict.fromkeys(steps))
    process = Process.EXTENDED if max(map(max, tables)) > 0xFF else Process.BASELINE
    components = tuple(
        dataclasses.replace(component, table=tables.index(own))
        for component, own in zip(frame.components, steps, strict=True)
    )
    return dataclasses.replace(frame, process=process, components=components), tables


def table_numbers(positions: tuple[int, ...]) -> list[int]:
    """Return the number of each component's Huffman tables: 0 for the first, 1 for others."""
    return [min(n, 1) for n in range(len(positions))]


def segment(marker: int, content: bytes) -> bytes:
    """Return a segment: its marker, its length, its content."""
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content


def adobe_rgb() -> bytes:
    """Return Adobe's segment, which says that three components are RGB."""
    return segment(_APP14, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0))


def quantisation(tables: tuple[tuple[int, ...], ...]) -> bytes:
    """Return the segment of quantisation tables, numbered from 0."""
    pieces = []
    for number, table in enumerate(tables):
        wide = max(table) > 0xFF
        steps = np.array(table)[NATURAL_ORDER].astype(">u2" if wide else "u1")
        pieces.append(bytes([wide << 4 | number]) + steps.tobytes())
    return segment(_DQT, b"".join(pieces))


def frame_header(frame: Frame) -> bytes:
    """Return the segment that declares a frame."""

    def described(c: Component) -> bytes:
        return bytes([c.identifier, c.horizontal << 4 | c.vertical, c.table])

    content = struct.pack(">BHHB", 8, frame.height, frame.width, len(frame.components))
    return segment(frame.process, content + b"".join(map(described, frame.components)))


def huffman_tables(scan: Scan) -> bytes:
    """Return the segments of a scan's Huffman tables."""
    numbers = table_numbers(scan.components)
    defined: dict[int, HuffmanTable | None] = {}
    for number, dc, ac in zip(numbers, scan.dc_tables, scan.ac_tables, strict=True):
        defined |= {number: dc, 0x10 | number: ac}
    return b"".join(
        segment(_DHT, bytes([name, *table.counts]) + table.symbols)
        for name, table in defined.items()
        if table is not None
    )


def scan_header(frame: Frame, scan: Scan) -> bytes:
    """Return the segment that declares a scan."""
    numbers = table_numbers(scan.components)
    selectors = b"".join(
        bytes([frame.components[position].identifier, number << 4 | number])
        for position, number in zip(scan.components, numbers, strict=True)
    )
    content = bytes([len(numbers)]) + selectors + bytes([scan.first, scan.last, 0])
    return segment(_SOS, content)
