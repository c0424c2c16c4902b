"""Write how the images of a chunk are predicted (SPEC.md, section 9.9)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.dec_gains import WEIGHT_BITS
from numcodecs_neural.dct.slices import FIRST_GAIN, Prediction, Slice

__all__ = ["escape_bits", "unsigned", "write_predictions"]


def write_predictions(
    predictions: Iterable[Prediction | None], order: Iterable[Slice], passes: int
) -> bytes:
    """Return what `dec_gains.read_predictions` reads."""
    bits: list[int] = []
    before = np.full(passes, FIRST_GAIN)
    for slice, prediction in zip(order, predictions, strict=True):
        if not slice.references:
            continue
        bits.append(prediction is not None)
        if prediction is None:
            continue
        if len(slice.references) > 1:
            bits += _number(prediction.weight, WEIGHT_BITS)
        for number in unsigned(prediction.gains - before).tolist():
            zeros = (number + 1).bit_length() - 1
            bits += [0] * zeros + [1] + _number(number + 1 - (1 << zeros), zeros)
        before = prediction.gains
    return np.packbits(np.array(bits, np.uint8), bitorder="little").tobytes()


def unsigned(differences: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers that stand for differences: 0, 1, 2, 3, 4 for 0, 1, -1, 2, -2."""
    return np.where(differences > 0, 2 * differences - 1, -2 * differences)


def escape_bits(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many bits escapes take."""
    highest: NDArray[np.int64] = np.floor(np.log2(numbers + 1)).astype(np.int64)
    return 2 * highest + 1


def _number(value: int, count: int) -> list[int]:
    return [value >> i & 1 for i in range(count)]
