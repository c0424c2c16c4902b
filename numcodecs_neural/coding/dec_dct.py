"""Payloads of the lossy mode through context model and DCT to pixels (SPEC.md, section 9)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.colour import matrices_of
from numcodecs_neural.dct.context.dec_context import decode
from numcodecs_neural.dct.context.model import ContextModel
from numcodecs_neural.dct.memory import lent
from numcodecs_neural.dct.steps import Quantisation, steps_of
from numcodecs_neural.errors import BitstreamError, TruncatedChunkError, WeightsError
from numcodecs_neural.networks.dec_model import pixel_fraction_of
from numcodecs_neural.networks.description import Pixels
from numcodecs_neural.weights import WeightsFile

__all__ = [
    "ANGLES",
    "BLOCK",
    "HEAD",
    "LENGTH",
    "MAX_BLOCKS",
    "DctModel",
    "Inverse",
    "decode_images",
]

HEAD = struct.Struct("<HBB")
"""Base step, slope, chroma."""
ANGLES = np.dtype("<u2")
LENGTH = struct.Struct("<I")
"""Of the coefficients of an image."""
BLOCK = 16
MAX_BLOCKS = 1 << 19
"""Of an image: twice as many as `MAX_LOSSY_PIXELS` fill, which only a thin strip exceeds."""
_TURN = 1024

Inverse = Callable[[NDArray[np.int16], NDArray[np.int32] | None, int, NDArray[np.int64]], Pixels]
"""From symbols (h, w, A, 256), matrices, fraction bits and steps to pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DctModel:
    """What turns payloads into pixels.

    Parameters
    ----------
    pixel_fraction : int
        Bits of a pixel below a grey level.
    context : ContextModel
    """

    pixel_fraction: int
    context: ContextModel

    @classmethod
    def from_file(cls, file: WeightsFile) -> "DctModel":
        """Read a decoder file and prove its bounds.

        Raises
        ------
        WeightsError
            If the file lacks something, or a bound does not hold.
        """
        try:
            fraction = pixel_fraction_of(file.description)
        except KeyError as exc:
            raise WeightsError(f"the weights file lacks {exc}") from exc
        return cls(pixel_fraction=fraction, context=ContextModel.from_file(file))

    @property
    def channels(self) -> int:
        """Colours of an image."""
        return self.context.axes


def decode_images(
    payload: bytes, shape: tuple[int, int, int], model: DctModel, inverse: Inverse
) -> Pixels:
    """Return pixels (n, C, H, W) for ``shape = (n, H, W)``.

    Raises
    ------
    BitstreamError
        If the payload is damaged.
    """
    images, height, width = shape
    rows, columns = -(-height // BLOCK), -(-width // BLOCK)
    if rows * columns > MAX_BLOCKS:
        raise BitstreamError(
            f"chunk has images of {rows} x {columns} blocks; allowed are {MAX_BLOCKS} blocks"
        )
    axes = model.channels
    cursor = _Cursor(payload)
    quantisation = Quantisation(*HEAD.unpack(cursor.take(HEAD.size)))
    if not quantisation.base or not quantisation.chroma:
        raise BitstreamError(f"a chunk has quantisation {tuple(quantisation)}; 0 is no step")
    steps = steps_of(quantisation, axes)
    pixels = []
    with lent() as memory:
        for _ in range(images):
            matrices = cursor.matrices() if axes > 1 else None
            (length,) = LENGTH.unpack(cursor.take(LENGTH.size))
            data = cursor.take(length)
            symbols = decode(data, (rows, columns), steps, matrices, model.context, memory)
            pixels.append(inverse(symbols, matrices, model.pixel_fraction, steps))
    cursor.check_end()
    together = pixels[0][None] if images == 1 else np.stack(pixels)
    return together[:, :, :height, :width]


class _Cursor:
    """Reads a payload from front to back."""

    def __init__(self, payload: bytes) -> None:
        self._payload, self._at = payload, 0

    def take(self, count: int) -> bytes:
        part = self._payload[self._at : self._at + count]
        if len(part) < count:
            raise TruncatedChunkError(f"a chunk lacks {count - len(part)} bytes of its image")
        self._at += count
        return part

    def matrices(self) -> NDArray[np.int32]:
        """Return the matrices of both bands."""
        angles = np.frombuffer(self.take(6 * ANGLES.itemsize), ANGLES).astype(np.int64)
        if angles.max() >= _TURN:
            raise BitstreamError(f"a chunk has the angle {angles.max()}; a turn has {_TURN}")
        return matrices_of(angles.reshape(2, 3))

    def check_end(self) -> None:
        rest = len(self._payload) - self._at
        if rest:
            raise BitstreamError(f"a chunk has {rest} bytes behind its images")
