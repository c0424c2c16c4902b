"""Entropy coding of scans: coefficients to the bytes between two markers.

Import it only when a stream is written, since it imports numba.
"""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError, UnsupportedJpegError
from numcodecs_neural.jpeg.description import (
    MAX_COEFFICIENT,
    Coefficients,
    Frame,
    Process,
    Scan,
)
from numcodecs_neural.jpeg.layout import ScanLayout, join_coefficients
from numcodecs_neural.jpeg.writing.sequential import (
    BLOCK_NBYTES,
    count_symbols,
    write_rest,
    write_sequential,
)

__all__ = ["ScanWriter"]

_MARKER_NBYTES = 4
"""A restart marker, and the byte before it that it fills up."""


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
        _check_coefficients(frame, coefficients)
        self.frame = frame
        self._joined = join_coefficients(frame, coefficients)

    def write(self, scan: Scan) -> bytes:
        """Return the entropy-coded data of a scan."""
        if self.frame.process is Process.PROGRESSIVE:
            raise UnsupportedJpegError("progressive scans are not written again")
        layout = ScanLayout.of(self.frame, scan)
        tables = np.zeros((2 * len(scan.components), 256), np.int32)
        pairs = zip(scan.dc_tables, scan.ac_tables, strict=True)
        for row, table in enumerate(table for pair in pairs for table in pair):
            if table is not None:
                tables[row] = table.encoding()
        blocks = int((layout.parts[:, 2] * layout.parts[:, 3]).sum())
        out = np.empty(layout.columns * (blocks * BLOCK_NBYTES + _MARKER_NBYTES) + 8, np.uint8)
        state = np.zeros(2 + len(scan.components), np.int64)
        pieces = []
        for row in range(layout.rows):
            used = write_sequential(
                self._joined,
                tables,
                layout.parts,
                row,
                layout.columns,
                scan.restart_interval,
                state,
                out,
            )
            if used < 0:
                raise ConfigError("the Huffman tables have no code for a coefficient")
            pieces.append(out[:used].tobytes())
        pieces.append(out[: write_rest(out, state)].tobytes())
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


def _check_coefficients(frame: Frame, coefficients: Coefficients) -> None:
    expected = [((*frame.block_shape(c), 64), np.dtype(np.int16)) for c in frame.components]
    found = [(blocks.shape, blocks.dtype) for blocks in coefficients]
    if found != expected:
        raise ConfigError(f"coefficients are {found}; expected {expected}")
    for blocks in coefficients:
        dc, ac = blocks[..., 0], blocks[..., 1:]
        if min(dc.min() + 1, ac.min()) < -MAX_COEFFICIENT or blocks.max() > MAX_COEFFICIENT:
            raise ConfigError("a coefficient has more bits than 8-bit JPEG can hold")
