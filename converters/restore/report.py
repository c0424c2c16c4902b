"""RestoreReport: what a restored file holds, and what it does not."""

from dataclasses import dataclass
from pathlib import Path

from numcodecs_neural.jpeg.requantize import EXACT

__all__ = ["RestoreReport", "RestoredLevel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredLevel:
    """A level that was written.

    Parameters
    ----------
    number : int
        In the store.
    shape : tuple of int
        (height, width).
    tiles : int
        How many tiles it has.
    chunks, absent : int
        Chunks of the store, and those of them that it does not hold.
    coarser, jpeg_quality : int
        Chunks whose coefficients are coarser than those of the source, and by which quality.
    """

    number: int
    shape: tuple[int, int]
    tiles: int
    chunks: int
    absent: int
    coarser: int = 0
    jpeg_quality: int = EXACT


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """What became of a store.

    Parameters
    ----------
    output : Path
        The file.
    nbytes : int
        Its size.
    levels : tuple of RestoredLevel
        What was written, largest first.
    left_out : tuple
        (number, why) of each level that was not.
    is_same_file : bool
        Whether the file is the source, byte for byte.
    notes : tuple of str
        What else to know.
    """

    output: Path
    nbytes: int
    levels: tuple[RestoredLevel, ...]
    left_out: tuple[tuple[int, str], ...] = ()
    is_same_file: bool = False
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the report for the screen."""
        kind = "the source, byte for byte" if self.is_same_file else "the source's coefficients"
        if any(level.coarser for level in self.levels):
            kind = "NOT the source: its coefficients were made coarser"
        lines = [f"{self.output}: {self.nbytes} bytes, {kind}"]
        lines += [
            f"level {level.number}: {level.shape[1]} x {level.shape[0]}, {level.tiles} tiles"
            for level in self.levels
        ]
        lines += [
            f"level {level.number}: {level.absent} of {level.chunks} chunks are not stored (glass) "
            "and are of one colour: the pixels of the source are not kept there"
            for level in self.levels
            if level.absent
        ]
        lines += [
            f"level {level.number}: {level.coarser} of {level.chunks} chunks were stored with loss "
            f"(--jpeg-quality {level.jpeg_quality}): the pixels of the source are not kept there"
            for level in self.levels
            if level.coarser
        ]
        lines += [f"level {number} is left out: {reason}" for number, reason in self.left_out]
        return [*lines, *self.notes]
