"""Which samples the levels stand for (SPEC.md, section 10.1)."""

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import BitstreamError
from numcodecs_neural.exact.dec_colours import COLOURS, jpeg_to_rgb, luma_to_rgb

__all__ = [
    "EVEN",
    "HEAD",
    "JPEG",
    "LISTED",
    "LIST_LENGTH",
    "LUMA",
    "RAW_DEFLATE",
    "Values",
    "read_values",
]

EVEN, LISTED, LUMA, JPEG = range(4)
HEAD = struct.Struct("<BiHHH")
"""Kind, lowest sample, distance of samples, highest level, largest error in levels."""
LIST_LENGTH = struct.Struct("<I")
RAW_DEFLATE = -15
"""zlib's number for a stream without header and checksum."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Values:
    """The samples that levels stand for.

    Parameters
    ----------
    kind : int
        `EVEN` or `LISTED`; or `LUMA` or `JPEG`, of colours in other terms.
    table : ndarray, shape (levels,)
        In rising order.
    error : int
        By how much levels may differ from those that were encoded.
    """

    kind: int
    table: NDArray[Any]
    error: int

    @property
    def most(self) -> int:
        """The highest level."""
        most = len(self.table) - 1
        return 2 * most if self.kind == LUMA else most

    def samples(self, levels: NDArray[np.uint16]) -> NDArray[Any]:
        """Return the samples of levels (n, C, H, W)."""
        if self.kind == JPEG:
            return jpeg_to_rgb(levels)
        if self.kind == LUMA:
            levels = luma_to_rgb(levels, len(self.table) - 1)
        low, dtype = self.table[0], self.table.dtype
        if int(self.table[-1]) - int(low) + 1 == len(self.table):
            # Modulo the dtype's range, as the sum of two numbers in it is exact.
            found: NDArray[Any] = levels.astype(dtype) + low
        else:
            found = self.table[levels]
        return found


def read_values(data: bytes, dtype: np.dtype[Any], channels: int) -> tuple[Values, int]:
    """Read them from the beginning of a payload, and return where the rest begins.

    Raises
    ------
    BitstreamError
        If they are none, or none of `dtype` and so many channels.
    """
    if len(data) < HEAD.size:
        raise BitstreamError(f"an exact chunk has {len(data)} bytes; expected {HEAD.size} or more")
    kind, low, step, most, error = HEAD.unpack_from(data)
    end = HEAD.size
    if kind == LISTED:
        offsets, end = _listed(data, end, most)
    elif kind in (EVEN, LUMA, JPEG) and step and not (kind == LUMA and most % 2):
        offsets = np.arange((most >> (kind == LUMA)) + 1) * step
    else:
        raise BitstreamError(
            f"an exact chunk has values of kind {kind} with distances of {step} and {most} levels"
        )
    if kind in (LUMA, JPEG) and channels != COLOURS:
        raise BitstreamError(f"an exact chunk has colours of kind {kind} in {channels} channels")
    if kind == JPEG and (dtype != np.uint8 or (low, step, most) != (0, 1, 255)):
        raise BitstreamError(
            f"an exact chunk has colours of JPEG from {low} to level {most} of {dtype}; expected "
            "all of uint8"
        )
    limits = np.iinfo(dtype)
    if low < limits.min or low + int(offsets[-1]) > limits.max or (kind != EVEN and error):
        raise BitstreamError(
            f"an exact chunk has samples from {low} to {low + int(offsets[-1])} of {dtype}, and an "
            f"error of {error} levels"
        )
    table = (low + offsets).astype(dtype.newbyteorder("="))
    return Values(kind=kind, table=table, error=error), end


def _listed(data: bytes, at: int, most: int) -> tuple[NDArray[np.int64], int]:
    """Return the offsets of a list of which samples there are."""
    if len(data) < at + LIST_LENGTH.size:
        raise BitstreamError("an exact chunk ends before its list of samples")
    (length,) = LIST_LENGTH.unpack_from(data, at)
    begin, end = at + LIST_LENGTH.size, at + LIST_LENGTH.size + length
    inflate = zlib.decompressobj(RAW_DEFLATE)
    try:
        flags = inflate.decompress(data[begin:end], (1 << 13) + 1)
    except zlib.error as exc:
        raise BitstreamError(f"an exact chunk has a damaged list of samples: {exc}") from exc
    offsets = np.flatnonzero(np.unpackbits(np.frombuffer(flags, np.uint8), bitorder="little"))
    if len(data) < end or not inflate.eof or inflate.unused_data or len(flags) > 1 << 13:
        raise BitstreamError("an exact chunk has a list of samples that is not complete")
    if len(offsets) != most + 1:
        raise BitstreamError(f"an exact chunk lists {len(offsets)} samples; expected {most + 1}")
    return offsets, end
