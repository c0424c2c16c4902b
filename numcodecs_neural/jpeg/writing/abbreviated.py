"""JPEG streams as a TIFF keeps them: tables once for all tiles, and tiles without tables."""

import dataclasses

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.description import Coefficients, Colour, Frame, Scan
from numcodecs_neural.jpeg.layout import MAX_UNIT_BLOCKS
from numcodecs_neural.jpeg.writing.scans import ScanWriter
from numcodecs_neural.jpeg.writing.segments import (
    EOI,
    SOI,
    adobe_rgb,
    frame_header,
    huffman_tables,
    quantisation,
    scan_header,
    sequential_frame,
    table_numbers,
)
from numcodecs_neural.jpeg.writing.standard_tables import STANDARD_AC, STANDARD_DC

__all__ = ["write_abbreviated", "write_tables"]

Steps = tuple[tuple[int, ...], ...]


def write_tables(steps: Steps) -> bytes:
    """Return a stream of tables alone: these steps, and the Huffman tables of the standard.

    Parameters
    ----------
    steps : tuple of tuple of int
        Quantisation steps of each component, row by row.
    """
    tables = tuple(dict.fromkeys(steps))
    return b"".join([SOI, quantisation(tables), huffman_tables(_scan(len(steps))), EOI])


def write_abbreviated(
    frame: Frame,
    colour: Colour,
    steps: Steps,
    coefficients: Coefficients,
    *,
    has_own_steps: bool = False,
) -> bytes:
    """Return a baseline stream with these coefficients that goes behind `write_tables`.

    It is extended where a step is larger than 255. RGB is marked as such, so that the stream means
    the same with and without the TIFF around it.

    Parameters
    ----------
    frame, colour, steps, coefficients
        As in `write_baseline`.
    has_own_steps : bool
        Write the quantisation tables into the stream, in place of those that go before it.

    Raises
    ------
    ConfigError
        If coefficients do not belong to the frame, or its components are too many blocks for one
        scan.
    """
    blocks = sum(component.horizontal * component.vertical for component in frame.components)
    if blocks > MAX_UNIT_BLOCKS and len(frame.components) > 1:
        raise ConfigError(
            f"minimum coded units of {blocks} blocks do not fit into one scan, which takes "
            f"{MAX_UNIT_BLOCKS}"
        )
    frame, tables = sequential_frame(frame, steps)
    scan = _scan(len(steps))
    data = ScanWriter(frame, coefficients).write(scan)
    pieces = [SOI, adobe_rgb() if colour is Colour.RGB else b""]
    if has_own_steps:
        pieces.append(quantisation(tables))
    return b"".join([*pieces, frame_header(frame), scan_header(frame, scan), data, EOI])


def _scan(count: int) -> Scan:
    """Return the scan of all components with the tables of the standard."""
    positions = tuple(range(count))
    numbers = table_numbers(positions)
    blank = Scan(positions, (), (), 0, 63, 0, 0, 0, b"")
    return dataclasses.replace(
        blank,
        dc_tables=tuple(STANDARD_DC[n] for n in numbers),
        ac_tables=tuple(STANDARD_AC[n] for n in numbers),
    )
