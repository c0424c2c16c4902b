"""Which prediction takes most off an image, and which one an image was decoded with before."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.context.order import natural, passes
from numcodecs_neural.dct.dec_steps import dequantised, dequantised_onto, predicted
from numcodecs_neural.dct.enc_gains import escape_bits, unsigned
from numcodecs_neural.dct.enc_grid import FEWEST, LARGEST_RATIO
from numcodecs_neural.dct.slices import (
    FIRST_GAIN,
    GAIN_BITS,
    MAX_GAIN,
    MAX_WEIGHT,
    Prediction,
    Slice,
    factors_of,
)

__all__ = ["prediction_of", "regained"]

Values = NDArray[np.int16]

_HALF = 1 << (GAIN_BITS - 1)
_GAINS = np.arange(MAX_GAIN + 1)[:, None]
_BLOCKS = 64
"""How many are looked at to find the gains that an image was decoded with."""
_AS_GOOD = 1.05
"""Squared distances from multiples by which gains are as good as others that take fewer bits."""


def prediction_of(
    coefficients: NDArray[np.int32],
    references: Sequence[Values],
    steps: NDArray[np.int64],
    before: NDArray[np.int64],
    price: float,
) -> Prediction | None:
    """Return what leaves the least energy, bits of its gains included; None if that is nothing.

    Parameters
    ----------
    coefficients : (h, w, axes, 256) int32
    references : one or two of (h, w, axes, 256) int16
    steps : (axes, 256) int64
    before : (passes,) int64
        The gains that these are told from.
    price : float
        What a bit is worth, in 256ths of a squared step.
    """
    moments = _moments(coefficients, references[0], references[-1], steps)
    bits = price * escape_bits(unsigned(_GAINS - before))
    best, least = None, 0.0
    for weight in _weights(references):
        first, second = (MAX_WEIGHT - weight) / MAX_WEIGHT, weight / MAX_WEIGHT
        square = first**2 * moments[0] + 2 * first * second * moments[1] + second**2 * moments[2]
        product = first * moments[3] + second * moments[4]
        gain = _GAINS / 16
        costs = 256 * (gain * gain * square - 2 * gain * product) + bits
        cost = float(costs.min(0).sum())
        if cost < least:
            best, least = Prediction(costs.argmin(0), weight), cost
    return best


def _weights(references: Sequence[Values]) -> range:
    return range(MAX_WEIGHT + 1 if len(references) > 1 else 1)


def _moments(
    coefficients: NDArray[np.int32], first: Values, second: Values, steps: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return sums of products for each pass: (5, passes), in squared steps.

    Of the first reference with itself, both, the second with itself, and each with the image. Those
    of constant parts are of differences between neighbours, which their coding predicts, too.
    """
    images = [x.astype(np.float32) for x in (first, second, coefficients)]
    pairs = ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2))
    sums = np.array([np.einsum("hwak,hwak->ak", images[i], images[j]) for i, j in pairs])
    if coefficients.shape[:2] != (1, 1):
        edges = [_differences(x[..., 0]) for x in images]
        sums[..., 0] = [(edges[i] * edges[j]).sum(0) / 2 for i, j in pairs]
    return _by_pass(sums / (steps.astype(np.float64) ** 2))


def _by_pass(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add numbers (..., axes, 256) of coefficients up to those (..., passes) of passes."""
    members = [
        numbers[..., step.axis, natural()[step.start :][: step.length]].sum(-1)
        for step in passes(numbers.shape[-2])
    ]
    return np.stack(members, -1)


def _differences(constants: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what constant parts (h, w, axes) differ by from those above and to the left."""
    axes = constants.shape[-1]
    down, across = np.diff(constants, axis=0), np.diff(constants, axis=1)
    return np.concatenate([down.reshape(-1, axes), across.reshape(-1, axes)])


def regained(
    coefficients: Sequence[NDArray[np.int32]], order: Sequence[Slice], steps: NDArray[np.int64]
) -> list[Prediction | None] | None:
    """Return the predictions that images were decoded with; None if they were not decoded so.

    Parameters
    ----------
    coefficients : sequence of (h, w, axes, 256) int32
        Along the axes of colour they were decoded with.
    order : sequence of Slice
    steps : (axes, 256) int64
    """
    values: dict[int, Values] = {}
    found: list[Prediction | None] = []
    before = np.full(len(passes(len(steps))), FIRST_GAIN)
    evidence = np.zeros(3)
    for slice in order:
        image = coefficients[slice.number]
        references = [values[number] for number in slice.references]
        prediction = _decoded_with(image, references, steps, before) if references else None
        rest, values[slice.number] = _on_grid(image, references, steps, prediction)
        evidence += _evidence_of(rest, steps)
        symbols, distance, reach = evidence
        if symbols >= FEWEST and 12 * distance > LARGEST_RATIO * reach:
            return None
        found.append(prediction)
        before = before if prediction is None else prediction.gains
    return found if evidence[0] >= FEWEST else None


def _decoded_with(
    coefficients: NDArray[np.int32],
    references: Sequence[Values],
    steps: NDArray[np.int64],
    before: NDArray[np.int64],
) -> Prediction | None:
    """Return the prediction whose remainders lie nearest to multiples of steps."""
    blocks = coefficients.reshape(-1, *steps.shape)
    chosen = np.arange(min(_BLOCKS, len(blocks))) * len(blocks) // min(_BLOCKS, len(blocks))
    some = blocks[chosen]
    first, second = (references[i].reshape(blocks.shape)[chosen] for i in (0, -1))
    best, least = None, float(_distances(some, steps).sum()) / _AS_GOOD
    for weight in _weights(references):
        shared = (MAX_WEIGHT - weight) * first.astype(np.int32) + weight * second.astype(np.int32)
        distances = np.array([
            _by_pass(_distances(some - ((gain * shared + _HALF) >> GAIN_BITS), steps))
            for gain in range(MAX_GAIN + 1)
        ])  # fmt: skip
        kept = np.take_along_axis(distances, before[None], 0)[0]
        gains = np.where(kept <= _AS_GOOD * distances.min(0), before, distances.argmin(0))
        distance = float(np.take_along_axis(distances, gains[None], 0).sum())
        if distance < least:
            best, least = Prediction(gains, weight), distance
    return best


def _distances(values: NDArray[np.int32], steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sums over blocks of squared distances from multiples: (axes, 256)."""
    scaled = values / steps.astype(np.float32)
    sums: NDArray[np.float64] = ((scaled - np.rint(scaled)) ** 2).sum(0, dtype=np.float64)
    return sums


def _on_grid(
    coefficients: NDArray[np.int32],
    references: Sequence[Values],
    steps: NDArray[np.int64],
    prediction: Prediction | None,
) -> tuple[NDArray[np.int32], Values]:
    """Return what a prediction leaves of an image, and what an image of its symbols decodes to."""
    rest, onto = coefficients, None
    if prediction is not None:
        onto = (references[0], references[-1]), factors_of(prediction, len(steps))
        rest = coefficients - predicted(*onto)
    symbols = np.rint(rest / steps).clip(-32767, 32767).astype(np.int16)
    if onto is None:
        return rest, dequantised(symbols, steps)
    return rest, dequantised_onto(symbols, steps, *onto)


def _evidence_of(rest: NDArray[np.int32], steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how many symbols are not 0, their squared distances from multiples, and squared steps.

    Without constant parts, as `enc_grid.is_on_grid` has it.
    """
    step = steps[:, 1:].astype(np.float64)
    values = rest[..., 1:]
    nearest = step * np.rint(values / step)
    is_symbol = nearest != 0
    distance = ((values - nearest) ** 2)[is_symbol].sum()
    return np.array([is_symbol.sum(), distance, (step**2 * is_symbol).sum()])
