"""Positions of blocks in arrays of coefficients and in scans."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.jpeg.description import Coefficients, Frame, Scan

__all__ = [
    "MAX_UNIT_BLOCKS",
    "ScanLayout",
    "block_count",
    "check_coefficients",
    "join_coefficients",
    "split_coefficients",
]

MAX_UNIT_BLOCKS = 10
"""Blocks that a minimum coded unit may have, in a scan of several components."""


@dataclass(frozen=True)
class ScanLayout:
    """The blocks of a scan, for kernels that walk through them.

    Parameters
    ----------
    rows, columns : int
        Minimum coded units.
    parts : array
        For each component of the scan: its first block in the joined coefficients, blocks in a row
        of it, and blocks down and across in a minimum coded unit.
    """

    rows: int
    columns: int
    parts: NDArray[np.int64]

    @classmethod
    def of(cls, frame: Frame, scan: Scan) -> "ScanLayout":
        """Return the layout of a scan: one component goes block by block, several by units."""
        firsts = _first_blocks(frame)
        parts = []
        for position in scan.components:
            component = frame.components[position]
            columns = frame.block_shape(component)[1]
            parts.append((firsts[position], columns, component.vertical, component.horizontal))
        if len(parts) > 1:
            return cls(*frame.unit_grid, np.array(parts, np.int64))
        first, columns, _, _ = parts[0]
        inner = frame.inner_shape(frame.components[scan.components[0]])
        return cls(*inner, np.array([(first, columns, 1, 1)], np.int64))


def block_count(frame: Frame) -> int:
    """Return how many blocks all components have."""
    return _first_blocks(frame)[-1]


def check_coefficients(frame: Frame, coefficients: Coefficients) -> None:
    """Raise ConfigError unless there is an array of the right shape for each component."""
    expected = [((*frame.block_shape(c), 64), np.dtype(np.int16)) for c in frame.components]
    found = [(blocks.shape, blocks.dtype) for blocks in coefficients]
    if found != expected:
        raise ConfigError(f"coefficients are {found}; expected {expected}")


def split_coefficients(frame: Frame, joined: NDArray[np.int16]) -> Coefficients:
    """Return views of all blocks, (blocks, 64), component by component."""
    firsts = _first_blocks(frame)
    return tuple(
        joined[firsts[n] : firsts[n + 1]].reshape(*frame.block_shape(component), 64)
        for n, component in enumerate(frame.components)
    )


def join_coefficients(frame: Frame, coefficients: Coefficients) -> NDArray[np.int16]:
    """Return the blocks of all components as one array, (blocks, 64)."""
    return np.concatenate([blocks.reshape(-1, 64) for blocks in coefficients])


def _first_blocks(frame: Frame) -> list[int]:
    shapes = [frame.block_shape(component) for component in frame.components]
    return [0, *np.cumsum([rows * columns for rows, columns in shapes]).tolist()]
