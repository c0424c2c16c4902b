"""Description of a JPEG stream: frame, tables, scans, and the bytes around their data."""

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.jpeg.huffman import HuffmanTable

__all__ = [
    "BLOCK",
    "MAX_COEFFICIENT",
    "NATURAL_ORDER",
    "Coefficients",
    "Colour",
    "Component",
    "Description",
    "Frame",
    "Process",
    "Scan",
]

BLOCK = 8
"""Samples along the side of a block."""

MAX_COEFFICIENT = 1023
"""AC coefficients of 8-bit JPEG have at most 10 bits; DC lies in ``[-1024, 1023]``."""

# fmt: off
NATURAL_ORDER = np.array([
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
], np.int64)
"""Where coefficient k of the zigzag scan stands in a block, row by row."""
# fmt: on
NATURAL_ORDER.flags.writeable = False

Coefficients = tuple[NDArray[np.int16], ...]
"""Quantised coefficients, an array a component: (block rows, block columns, 64), row by row.

With the blocks that fill up incomplete minimum coded units, which a file holds as well.
"""


class Process(enum.IntEnum):
    """How coefficients are coded, under the number of the marker that says so."""

    BASELINE = 0xC0
    EXTENDED = 0xC1
    PROGRESSIVE = 0xC2


class Colour(enum.Enum):
    """What the components are."""

    GREY = "grey"
    YCBCR = "ycbcr"
    RGB = "rgb"


@dataclass(frozen=True)
class Component:
    """One component of a frame.

    Parameters
    ----------
    identifier : int
        Its name in scans.
    horizontal, vertical : int
        Sampling factors: blocks of this component in a minimum coded unit.
    table : int
        Number of its quantisation table.
    """

    identifier: int
    horizontal: int
    vertical: int
    table: int


@dataclass(frozen=True)
class Frame:
    """Size and components of the image.

    Parameters
    ----------
    process : Process
        How its scans are coded.
    height, width : int
        Size of the image in samples.
    components : tuple of Component
        In the order of the frame header.
    """

    process: Process
    height: int
    width: int
    components: tuple[Component, ...]

    @property
    def horizontal(self) -> int:
        """Return the largest horizontal sampling factor."""
        return max(component.horizontal for component in self.components)

    @property
    def vertical(self) -> int:
        """Return the largest vertical sampling factor."""
        return max(component.vertical for component in self.components)

    @property
    def unit_grid(self) -> tuple[int, int]:
        """Return rows and columns of minimum coded units, in scans of several components."""
        height, width = BLOCK * self.vertical, BLOCK * self.horizontal
        return -(-self.height // height), -(-self.width // width)

    def sample_shape(self, component: Component) -> tuple[int, int]:
        """Return rows and columns of samples that a component has within the image."""
        return (
            -(-self.height * component.vertical // self.vertical),
            -(-self.width * component.horizontal // self.horizontal),
        )

    def inner_shape(self, component: Component) -> tuple[int, int]:
        """Return rows and columns of blocks that hold samples of the image."""
        rows, columns = self.sample_shape(component)
        return -(-rows // BLOCK), -(-columns // BLOCK)

    def block_shape(self, component: Component) -> tuple[int, int]:
        """Return rows and columns of blocks, those that fill up minimum coded units included.

        A frame of one component has none of these: its unit is one block.
        """
        if len(self.components) == 1:
            return self.inner_shape(component)
        rows, columns = self.unit_grid
        return rows * component.vertical, columns * component.horizontal


@dataclass(frozen=True)
class Scan:
    """One pass over coefficients.

    Parameters
    ----------
    components : tuple of int
        Positions of its components in the frame.
    dc_tables, ac_tables : tuple of HuffmanTable or None
        Their tables; None where the scan uses none.
    first, last : int
        Range of coefficients in zigzag order.
    high, low : int
        Bit positions of successive approximation: of the scan before, and of this one.
    restart_interval : int
        Minimum coded units between restart markers; 0 without them.
    head : bytes
        All bytes of the stream from the scan before up to this one's entropy-coded data.
    """

    components: tuple[int, ...]
    dc_tables: tuple[HuffmanTable | None, ...]
    ac_tables: tuple[HuffmanTable | None, ...]
    first: int
    last: int
    high: int
    low: int
    restart_interval: int
    head: bytes


@dataclass(frozen=True)
class Description:
    """All of a JPEG stream but its coefficients.

    Parameters
    ----------
    frame : Frame
        Size and components.
    colour : Colour
        What the components are, as libjpeg decides it from markers and identifiers.
    steps : tuple of tuple of int
        Quantisation steps of each component, row by row.
    scans : tuple of Scan
        In the order of the stream.
    tail : bytes
        All bytes after the last scan: the end marker, and what follows it.
    """

    frame: Frame
    colour: Colour
    steps: tuple[tuple[int, ...], ...]
    scans: tuple[Scan, ...]
    tail: bytes
