"""Read how the images of a chunk are predicted (SPEC.md, section 9.9)."""

from collections.abc import Iterable

import numpy as np

from numcodecs_neural.dct.slices import FIRST_GAIN, MAX_GAIN, MAX_WEIGHT, Prediction, Slice
from numcodecs_neural.errors import BitstreamError, TruncatedChunkError

__all__ = ["LARGEST_ESCAPE", "WEIGHT_BITS", "read_predictions"]

WEIGHT_BITS = 3
LARGEST_ESCAPE = 14
"""Zeros before the one of an escape."""


def read_predictions(data: bytes, order: Iterable[Slice], passes: int) -> list[Prediction | None]:
    """Return the prediction of each image in `order`; None for those that stand for themselves.

    Raises
    ------
    BitstreamError
        If `data` are damaged.
    """
    bits = _Bits(data)
    gains, predictions = [FIRST_GAIN] * passes, list[Prediction | None]()
    for slice in order:
        if not slice.references or not bits.number(1):
            predictions.append(None)
            continue
        weight = bits.number(WEIGHT_BITS) if len(slice.references) > 1 else 0
        gains = [gain + _signed(bits.escape()) for gain in gains]
        if weight > MAX_WEIGHT or min(gains) < 0 or max(gains) > MAX_GAIN:
            raise BitstreamError(
                f"image {slice.number} of a chunk has the weight {weight} and gains from "
                f"{min(gains)} to {max(gains)}; expected up to {MAX_WEIGHT}, and 0 to {MAX_GAIN}"
            )
        predictions.append(Prediction(np.array(gains, np.int64), weight))
    bits.check_end()
    return predictions


def _signed(number: int) -> int:
    """Return 0, 1, -1, 2, -2 and so on for 0, 1, 2, 3, 4."""
    return (number + 1) // 2 if number % 2 else -number // 2


class _Bits:
    """Takes numbers off bytes, the lowest bit first."""

    def __init__(self, data: bytes) -> None:
        self._bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        self._at = 0

    def number(self, count: int) -> int:
        part = self._bits[self._at : self._at + count]
        if len(part) < count:
            raise TruncatedChunkError("the gains of a chunk end early")
        self._at += count
        return int(part @ (1 << np.arange(count)))

    def escape(self) -> int:
        zeros = 0
        while self.number(1) == 0:
            zeros += 1
            if zeros > LARGEST_ESCAPE:
                raise BitstreamError("the gains of a chunk have an escape of 15 zeros or more")
        return (1 << zeros) - 1 + self.number(zeros)

    def check_end(self) -> None:
        rest = self._bits[self._at :]
        if len(rest) >= 8 or rest.any():
            raise BitstreamError("the gains of a chunk do not end where their bits do")
