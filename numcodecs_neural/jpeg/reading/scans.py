"""Entropy decoding of scans, one after another, into one array of coefficients.

Import it only when a stream is read, since it imports numba.
"""

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import JpegError, UnsupportedJpegError
from numcodecs_neural.jpeg.description import Frame, Process, Scan
from numcodecs_neural.jpeg.huffman import SYMBOLS
from numcodecs_neural.jpeg.layout import ScanLayout, block_count
from numcodecs_neural.jpeg.reading.intervals import read_intervals
from numcodecs_neural.jpeg.reading.progressive import read_ac, read_dc
from numcodecs_neural.jpeg.reading.sequential import read_sequential
from numcodecs_neural.jpeg.reading.statuses import raise_unless_done

__all__ = ["ScanReader"]

_NOT_READ = 16
"""Lowest bit read of a coefficient of which no scan has been read; it has fewer bits."""


class ScanReader:
    """Coefficients of a frame, read scan by scan.

    Parameters
    ----------
    frame : Frame
        What the stream declares.
    stream : array of uint8
        All of it.
    tolerance : int
        Bytes that may be left at the end of each restart interval.
    """

    def __init__(self, frame: Frame, stream: NDArray[np.uint8], tolerance: int) -> None:
        self.frame = frame
        self.joined = np.zeros((block_count(frame), 64), np.int16)
        self._stream = stream
        self._tolerance = tolerance
        self._lowest = np.full((len(frame.components), 64), _NOT_READ)
        self._scans = 0

    def read(self, scan: Scan, begin: int) -> int:
        """Read a scan whose data begin here; return where the marker after it begins."""
        self._scans += 1
        self._check_order(scan)
        layout = ScanLayout.of(self.frame, scan)
        units = layout.rows * layout.columns
        interval = scan.restart_interval or units
        intervals = read_intervals(self._stream, begin, -(-units // interval))
        common = (
            intervals.words,
            intervals.begins,
            intervals.bits,
            interval,
            units,
            layout.columns,
            _decoding_tables(scan),
            layout.parts,
            self.joined,
            8 * self._tolerance,
        )
        if self.frame.process is not Process.PROGRESSIVE:
            status, unit = read_sequential(*common)
        elif scan.first == 0:
            status, unit = read_dc(*common, scan.low, int(scan.high > 0))
        else:
            status, unit = read_ac(*common, scan.first, scan.last, scan.low, int(scan.high > 0))
        raise_unless_done(status, self._scans, unit, layout.columns)
        return intervals.end

    def check_complete(self) -> None:
        """Raise unless every bit of every coefficient has been read.

        Of what is missing libjpeg makes a smooth guess.
        """
        for component, lowest in zip(self.frame.components, self._lowest, strict=True):
            name = f"component {component.identifier}"
            if (lowest == _NOT_READ).all():
                raise JpegError(f"JPEG stream has no scan of {name}")
            if lowest.any():
                raise UnsupportedJpegError(f"JPEG stream leaves coefficients of {name} unfinished")

    def _check_order(self, scan: Scan) -> None:
        """Raise unless each bit is read once, and those of AC after DC."""
        for position in scan.components:
            lowest = self._lowest[position]
            before = lowest[scan.first : scan.last + 1]
            expected = scan.high or _NOT_READ
            if (before != expected).any() or (scan.first > 0 and lowest[0] == _NOT_READ):
                raise JpegError(
                    f"scan {self._scans} of the JPEG stream reads coefficients {scan.first} to "
                    f"{scan.last}, bits {scan.high} to {scan.low}, out of order"
                )
            before[:] = scan.low


def _decoding_tables(scan: Scan) -> NDArray[np.int32]:
    """Return two rows a component, DC and AC; rows of tables that the scan does not use are 0."""
    pairs = zip(scan.dc_tables, scan.ac_tables, strict=True)
    tables = np.zeros((2 * len(scan.components), SYMBOLS + 256), np.int32)
    for row, table in enumerate(table for pair in pairs for table in pair):
        if table is not None:
            tables[row] = table.decoding()
    return tables
