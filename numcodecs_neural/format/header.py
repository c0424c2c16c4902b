"""Header of an encoded chunk: what it decodes to, and how (see SPEC.md, section 2)."""

import math
import struct
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from numcodecs_neural.errors import BitstreamError, TruncatedChunkError, UnsupportedVersionError
from numcodecs_neural.format.modes import RULES, Mode

__all__ = ["MAX_CHUNK_NBYTES", "MAX_NDIM", "NO_WEIGHTS", "ChunkHeader"]

MAX_CHUNK_NBYTES = 1 << 30
"""Largest size of a decoded chunk; nothing larger is allocated on a header's word."""

MAX_NDIM = 8
NO_WEIGHTS = bytes(8)
"""The weights id of a mode that uses no weights."""

# mode, dtype, flags, quality, channel axis, axes, largest error, margin value, box, weights id
_LAYOUT = struct.Struct("<BBBBBBHiII8s")
_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype(np.uint8),
    2: np.dtype(np.uint16),
    3: np.dtype(np.int16),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}
_BIG_ENDIAN, _FORTRAN_ORDER = 1, 2
# lowest sample, level shift: behind the shape, in lossy chunks of 16-bit samples
_LEVELS = struct.Struct("<iB")
_CHANNEL_AXES = {0: 1, -1: 3, -3: 3, -4: 4}
"""Where channels may lie, and how many axes a chunk needs for that."""
_MAX_QUALITY = 100
_MAX_LEVEL_SHIFT = 8


_MODES = frozenset(Mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkHeader:
    """What a reader must know before it looks at the payload.

    Parameters
    ----------
    mode : Mode
    dtype : numpy.dtype
        Of the decoded chunk, byte order included: uint8, uint16 or int16.
    shape : tuple of int
        Of the decoded chunk: 1 to 8 axes, none empty, at most `MAX_CHUNK_NBYTES` in all.
    box : tuple of int
        ``(height, width)`` of the top left part that the payload holds. Every sample right of it or
        below it is `margin_value`.
    margin_value : int
        0 where there is no margin.
    order : {"C", "F"}
        Memory order in which the decoded chunk is handed over.
    channel_axis : {0, -1, -3, -4}
        -3 for chunks (..., c, y, x), -1 for (..., y, x, c), -4 for (..., c, z, y, x), 0 for
        (..., y, x).
    weights_id : bytes
        First 8 bytes of the SHA-256 of the decoder weights; `NO_WEIGHTS` where none are needed.
    quality : int
        0 to 100; 0 unless the mode is lossy.
    max_error : int
        By how much a sample may differ from the one that was encoded; 0 unless the mode is exact.
    low : int
        The sample that is grey level 0; 0 unless the mode is lossy and samples have 16 bits.
    level_shift : int
        A grey level is ``2**level_shift`` samples, 0 to 8; 0 in the same chunks.

    Raises
    ------
    BitstreamError
        If a value is not allowed.
    UnsupportedVersionError
        If the mode is left to a later release.

    Examples
    --------
    >>> header = ChunkHeader(
    ...     mode=Mode.STORED, dtype=np.dtype(">u2"), shape=(3, 512, 512), box=(512, 200),
    ...     channel_axis=-3,
    ... )
    >>> ChunkHeader.unpack(header.pack()) == header
    True
    >>> header.box_shape
    (3, 512, 200)
    """

    mode: Mode
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    box: tuple[int, int]
    margin_value: int = 0
    order: Literal["C", "F"] = "C"
    channel_axis: int = 0
    weights_id: bytes = NO_WEIGHTS
    quality: int = 0
    max_error: int = 0
    low: int = 0
    level_shift: int = 0

    def __post_init__(self) -> None:
        _check_mode(self)
        _check_shape(self)
        _check_box(self)
        _check_levels(self)

    @property
    def has_levels(self) -> bool:
        """Whether `low` and `level_shift` are stored."""
        return _has_levels(self.mode, self.dtype)

    @property
    def plane(self) -> tuple[int, int]:
        """``(height, width)`` of the decoded chunk; a chunk of one axis has height 1."""
        axes = self.shape[:-1] if self.channel_axis == -1 else self.shape
        return (axes[-2] if len(axes) > 1 else 1, axes[-1])

    @property
    def box_shape(self) -> tuple[int, ...]:
        """Shape of what the payload holds: `shape`, its plane cut to `box`."""
        if self.channel_axis == -1:
            return (*self.shape[:-3], *self.box, self.shape[-1])
        return (*self.shape[:-2], *self.box)[-len(self.shape) :]

    @property
    def planes_shape(self) -> tuple[int, int, int, int]:
        """``(images, channels, height, width)`` of what the payload holds."""
        channels = self.shape[self.channel_axis] if self.channel_axis else 1
        images = math.prod(self.shape) // (channels * math.prod(self.plane))
        return (images, channels, *self.box)

    @property
    def packed_nbytes(self) -> int:
        """Length of `pack`'s result."""
        return _LAYOUT.size + 4 * len(self.shape) + self.has_levels * _LEVELS.size

    def pack(self) -> bytes:
        """Return this header as bytes."""
        is_big_endian = self.dtype != self.dtype.newbyteorder("<")
        fixed = _LAYOUT.pack(
            self.mode,
            _CODES[self.dtype.newbyteorder("=")],
            _BIG_ENDIAN * is_big_endian | _FORTRAN_ORDER * (self.order == "F"),
            self.quality,
            -self.channel_axis,
            len(self.shape),
            self.max_error,
            self.margin_value,
            *self.box,
            self.weights_id,
        )
        shape = struct.pack(f"<{len(self.shape)}I", *self.shape)
        levels = _LEVELS.pack(self.low, self.level_shift) if self.has_levels else b""
        return fixed + shape + levels

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Read the header that `data` begins with.

        Raises
        ------
        TruncatedChunkError
            If `data` ends before the header does.
        BitstreamError
            If a value is not allowed.
        UnsupportedVersionError
            If the mode or the dtype is left to a later release.
        """
        _require(data, _LAYOUT.size)
        mode, code, flags, quality, channel_axis, ndim, max_error, margin_value, *rest = (
            _LAYOUT.unpack_from(data)
        )
        height, width, weights_id = rest
        if mode not in _MODES or code not in _DTYPES:
            raise UnsupportedVersionError(
                f"chunk has mode {mode} and dtype code {code}, which this release does not know"
            )
        if flags & ~(_BIG_ENDIAN | _FORTRAN_ORDER) or (flags & _BIG_ENDIAN and code == 1):
            raise BitstreamError(f"chunk header has flags {flags:#04x} for dtype {_DTYPES[code]}")
        if ndim > MAX_NDIM:
            raise BitstreamError(f"chunk header has {ndim} axes; the most are {MAX_NDIM}")
        end = _LAYOUT.size + 4 * ndim
        _require(data, end)
        low = level_shift = 0
        if _has_levels(Mode(mode), _DTYPES[code]):
            _require(data, end + _LEVELS.size)
            low, level_shift = _LEVELS.unpack_from(data, end)
        return cls(
            mode=Mode(mode),
            dtype=_DTYPES[code].newbyteorder(">" if flags & _BIG_ENDIAN else "<"),
            shape=struct.unpack_from(f"<{ndim}I", data, _LAYOUT.size),
            box=(height, width),
            margin_value=margin_value,
            order="F" if flags & _FORTRAN_ORDER else "C",
            channel_axis=-channel_axis,
            weights_id=weights_id,
            quality=quality,
            max_error=max_error,
            low=low,
            level_shift=level_shift,
        )


def _require(data: bytes, nbytes: int) -> None:
    if len(data) < nbytes:
        raise TruncatedChunkError(f"chunk header needs {nbytes} bytes; there are {len(data)}")


def _has_levels(mode: Mode, dtype: np.dtype[Any]) -> bool:
    return dtype.itemsize > 1 and mode in RULES and RULES[mode].has_levels


def _check_mode(header: ChunkHeader) -> None:
    if header.mode not in RULES:
        raise UnsupportedVersionError(
            f"chunk is in the {header.mode.name.lower()} mode, which this release cannot read"
        )
    if not 0 <= header.quality <= _MAX_QUALITY or len(header.weights_id) != len(NO_WEIGHTS):
        raise BitstreamError(
            f"chunk header has quality {header.quality} and weights id {header.weights_id.hex()!r};"
            f" expected 0 to {_MAX_QUALITY} and {len(NO_WEIGHTS)} bytes"
        )
    rules, mode = RULES[header.mode], header.mode.name.lower()
    if header.quality and not rules.has_quality:
        raise BitstreamError(f"chunk header has quality {header.quality}; the mode {mode} has none")
    if header.max_error and not rules.has_max_error:
        raise BitstreamError(
            f"chunk header has a largest error of {header.max_error}; the mode {mode} has none"
        )
    if header.weights_id != NO_WEIGHTS and not rules.has_weights:
        raise BitstreamError(
            f"chunk header has weights {header.weights_id.hex()}; the mode {mode} has none"
        )


def _check_shape(header: ChunkHeader) -> None:
    if header.dtype.newbyteorder("=") not in _CODES:
        raise BitstreamError(f"chunk has dtype {header.dtype}; allowed are uint8, uint16, int16")
    if not 1 <= len(header.shape) <= MAX_NDIM or min(header.shape) < 1:
        raise BitstreamError(
            f"chunk has shape {header.shape}; allowed are 1 to {MAX_NDIM} axes, none empty"
        )
    nbytes = math.prod(header.shape) * header.dtype.itemsize
    if nbytes > MAX_CHUNK_NBYTES:
        raise BitstreamError(
            f"chunk of shape {header.shape} has {nbytes} bytes; the most are {MAX_CHUNK_NBYTES}"
        )
    least = _CHANNEL_AXES.get(header.channel_axis)
    if least is None or len(header.shape) < least:
        raise BitstreamError(
            f"chunk of shape {header.shape} has channel axis {header.channel_axis}; allowed are "
            f"{', '.join(map(str, _CHANNEL_AXES))}, and with channels at least {least or 3} axes"
        )


def _check_box(header: ChunkHeader) -> None:
    (height, width), (plane_height, plane_width) = header.box, header.plane
    if not (1 <= height <= plane_height and 1 <= width <= plane_width):
        raise BitstreamError(f"chunk has a box of {header.box} in a plane of {header.plane}")
    limits = np.iinfo(header.dtype)
    allowed = range(limits.min, limits.max + 1) if header.box != header.plane else range(1)
    if header.margin_value not in allowed:
        raise BitstreamError(
            f"chunk has margin value {header.margin_value};"
            f" allowed are {allowed.start} to {allowed.stop - 1}"
        )


def _check_levels(header: ChunkHeader) -> None:
    limits = np.iinfo(header.dtype)
    allowed = range(limits.min, limits.max + 1) if header.has_levels else range(1)
    most = _MAX_LEVEL_SHIFT if header.has_levels else 0
    if header.low not in allowed or not 0 <= header.level_shift <= most:
        raise BitstreamError(
            f"chunk has lowest sample {header.low} and level shift {header.level_shift}; allowed"
            f" are {allowed.start} to {allowed.stop - 1} and 0 to {most}"
        )
