"""Entropy coding of scans: coefficients to the bytes between two markers.

Import it only when a stream is written, since it imports numba.
"""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.description import (
    MAX_COEFFICIENT,
    Coefficients,
    Frame,
    Process,
    Scan,
)
from numcodecs_neural.jpeg.layout import ScanLayout, check_coefficients, join_coefficients
from numcodecs_neural.jpeg.writing.bits import INTERVALS, MISSING, STATE_SIZE
from numcodecs_neural.jpeg.writing.progressive import (
    CORRECTIONS_ROOM,
    write_ac,
    write_dc,
    write_rest,
)
from numcodecs_neural.jpeg.writing.sequential import (
    BLOCK_WORDS,
    count_symbols,
    write_sequential,
)
from numcodecs_neural.jpeg.writing.stuffing import stuffed

__all__ = ["ScanWriter"]


class ScanWriter:
    """Coefficients of a frame, written scan by scan.

    Parameters
    ----------
    frame : Frame
        Size and components.
    coefficients : tuple of array
        Quantised coefficients of each component.
    """

    def __init__(self, frame: Frame, coefficients: Coefficients) -> None:
        check_coefficients(frame, coefficients)
        _check_range(coefficients)
        self.frame = frame
        self._joined = join_coefficients(frame, coefficients)

    def write(self, scan: Scan) -> bytes:
        """Return the entropy-coded data of a scan."""
        layout = ScanLayout.of(self.frame, scan)
        tables = _encoding_tables(scan)
        state = np.zeros(STATE_SIZE, np.int64)
        predictions = np.zeros(len(scan.components), np.int64)
        corrections = np.empty(CORRECTIONS_ROOM, np.uint8)
        blocks = int((layout.parts[:, 2] * layout.parts[:, 3]).sum())
        words = np.empty(layout.columns * (blocks * BLOCK_WORDS + 1) + CORRECTIONS_ROOM, np.uint32)
        ends = np.empty(layout.columns + 1, np.int64)
        pieces = []
        number = 0
        for row in range(layout.rows):
            place = self._joined, tables, layout.parts, row, layout.columns, scan.restart_interval
            room = state, words, ends
            bits = scan.low, int(scan.high > 0)
            if self.frame.process is not Process.PROGRESSIVE:
                used = write_sequential(*place, predictions, *room)
            elif scan.first == 0:
                used = write_dc(*place, predictions, *room, *bits)
            else:
                used = write_ac(*place, corrections, *room, scan.first, scan.last, *bits)
            count = int(state[INTERVALS])
            ends[count] = 4 * used
            pieces.append(stuffed(words, ends[: count + 1], number))
            number += count
            state[INTERVALS] = 0
        write_rest(tables, corrections, state, words, ends)
        pieces.append(stuffed(words, ends[:1], number))
        if state[MISSING]:
            raise ConfigError("the Huffman tables have no code for a coefficient")
        return b"".join(pieces)

    def count(self, scan: Scan) -> NDArray[np.int64]:
        """Return how often a sequential scan writes each symbol, two rows a component: DC, AC."""
        layout = ScanLayout.of(self.frame, scan)
        counts = np.zeros((2 * len(scan.components), 256), np.int64)
        count_symbols(
            self._joined,
            layout.parts,
            layout.rows,
            layout.columns,
            scan.restart_interval,
            counts,
        )
        return counts


def _encoding_tables(scan: Scan) -> NDArray[np.int32]:
    """Return two rows a component, DC and AC; rows of tables that the scan does not use are 0."""
    tables = np.zeros((2 * len(scan.components), 256), np.int32)
    pairs = zip(scan.dc_tables, scan.ac_tables, strict=True)
    for row, table in enumerate(table for pair in pairs for table in pair):
        if table is not None:
            tables[row] = table.encoding()
    return tables


def _check_range(coefficients: Coefficients) -> None:
    for blocks in coefficients:
        dc, ac = blocks[..., 0], blocks[..., 1:]
        if min(dc.min() + 1, ac.min()) < -MAX_COEFFICIENT or blocks.max() > MAX_COEFFICIENT:
            raise ConfigError("a coefficient has more bits than 8-bit JPEG can hold")
