"""Encodings of images by the DCT with any base step, and a forecast of their errors.

The transform is orthonormal: what coefficients lose, pixels lose. So the base step that has a given
error is known nearly, before anything is encoded.
"""

import math
import operator
from bisect import bisect_left
from collections.abc import Callable
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.coding.dec_dct import DctModel
from numcodecs_neural.coding.enc_bracket import Bracket
from numcodecs_neural.coding.enc_dct import (
    DctEncoder,
    cheapest,
    padded,
    tuning_of,
)
from numcodecs_neural.coding.enc_dct_task import Known, Task
from numcodecs_neural.coding.enc_task import Trial
from numcodecs_neural.dct import enc_axes, enc_forward
from numcodecs_neural.dct.arithmetic import COEFFICIENT_BITS
from numcodecs_neural.dct.colour import matrices_of
from numcodecs_neural.dct.dec_inverse import inverse
from numcodecs_neural.dct.enc_base import find_base, nearest_base
from numcodecs_neural.dct.enc_contrast import MOST_OCTAVES, finer, octaves_below
from numcodecs_neural.dct.enc_grid import find_grid, is_on_grid
from numcodecs_neural.dct.steps import BASE_BITS, Quantisation, steps_of
from numcodecs_neural.networks.description import Pixels

__all__ = ["DctTrials", "Forecast", "base_ladder"]

_FINEST = 8
"""Base step whose steps of the lowest frequencies are the least there are."""

_FRACTION = 16
_BLOCKS = 256
"""How many blocks a forecast looks at, of all images together."""

_KEPT = 10
"""Sixteenths of a step from which on a coefficient counts as coded; below, it becomes 0."""

_PRICED = 17 / 16
"""Errors over those of coefficients that are rounded to the nearest: bits have a price."""

_SCANNED = 4
"""Rungs from one base step to the next that an image is tried with: 1.6 %."""

_NEAREST = 5, 20
"""Sixteenths of the expected base step between which an earlier one is looked for."""

_LEAST_EARLIER = 32
"""With smaller ones steps are an eighth of a grey level or two: every coefficient is a multiple."""

_FORECASTS = 6
_NEAR = 0.03
"""Decibels from the aim that end a forecast."""

_SLOPE = 0.03
"""Decibels from one base step of a ladder to the next, about."""


@lru_cache(maxsize=8)
def base_ladder(coarsest: int) -> tuple[int, ...]:
    """Return base steps from `coarsest` to the finest, each 255/256 of the one before, rounded.

    The logarithm of the error is nearly straight along them. Fine ones stand there repeatedly.

    Examples
    --------
    >>> base_ladder(520)[:4], base_ladder(9)[::15], base_ladder(4)
    ((520, 518, 516, 514), (9, 8, 8), (4,))
    """
    exact, finest = coarsest << _FRACTION, _FINEST << _FRACTION
    bases = [coarsest]
    while exact > finest:
        exact -= exact >> 8
        bases.append((exact + (1 << (_FRACTION - 1))) >> _FRACTION)
    return tuple(bases)


class Forecast:
    """Squared errors that quantisation will cause, from some of the coefficients.

    Parameters
    ----------
    coefficients : ndarray of int32, shape (blocks, A, 256)
        Along the axes of colour.
    """

    def __init__(self, coefficients: NDArray[np.int32]) -> None:
        self._magnitudes = np.abs(coefficients)
        # Whole numbers of float64, whose sums are exact in whatever order a library takes them.
        self._squares = np.square(self._magnitudes, dtype=np.float64)

    def error(self, steps: NDArray[np.int64]) -> float:
        """Return the mean squared error, in grey levels, of coefficients with these steps."""
        least = ((_KEPT * steps + 15) >> 4).astype(np.int32)
        is_coded = self._magnitudes >= least
        lost = float(self._squares[~is_coded].sum())
        coded = int((is_coded.sum(0) * steps * steps).sum())
        total = _PRICED * (lost + coded / 12)
        return total / self._squares.size / (1 << (2 * COEFFICIENT_BITS))


class DctTrials:
    """Encodings of images, on a ladder of base steps from that of quality 0.

    Parameters
    ----------
    images : ndarray, shape (n, C, H, W)
    tune : str
    model : DctModel
    encoder : DctEncoder
    turn : callable
        Context manager that is held while an image is worked on.
    suits_contrast : bool
        As `encode_images` has it: rungs are then base steps before they are made finer.
    """

    def __init__(
        self,
        images: Pixels,
        tune: str,
        *,
        model: DctModel,
        encoder: DctEncoder,
        turn: Callable[[], Any],
        suits_contrast: bool = True,
    ) -> None:
        self._size = images.shape[2:]
        self._tune, self._model, self._encoder, self._turn = tune, model, encoder, turn
        self._shape = encoder.quantisation(0, tune)
        self._bases = base_ladder(self._shape.base)
        self._found: dict[int, Trial] = {}
        self._octaves = self._most_octaves = 0
        with turn():
            self._images = padded(images)
            if model.channels == 1 and suits_contrast:
                self._octaves = octaves_below(images, model.pixel_fraction)
                self._most_octaves = MOST_OCTAVES
            self._coefficients = [
                enc_forward.forward(image, model.pixel_fraction) for image in self._images
            ]

    @property
    def rungs(self) -> int:
        """How many base steps there are."""
        return len(self._bases)

    def guess(self, error: float) -> tuple[int, float]:
        """Return the rung that is forecast to have an error, and decibels from rung to rung."""
        aim = -_decibels(error)
        # The base step of grey levels with this error, if every coefficient were coded.
        base = math.sqrt(12 * error) * (1 << BASE_BITS)
        first = bisect_left(self._bases, -base, key=operator.neg, hi=self.rungs - 1)
        bracket = Bracket(self.rungs, aim, first=first, slope=_SLOPE)
        with self._turn():
            forecast = Forecast(self._some)
            for _ in range(_FORECASTS):
                rung = bracket.next()
                found = -_decibels(forecast.error(self._steps_of(self._bases[rung], self._octaves)))
                bracket.note(rung, found, is_enough=found >= aim)
                if bracket.is_closed or abs(found - aim) < _NEAR:
                    break
        return rung, bracket.slope

    def at(self, rung: int) -> Trial:
        """Encode with a base step, and decode."""
        base = self._bases[rung]
        if base not in self._found:
            self._found[base] = self._encode(base, self._octaves)
        return self._found[base]

    def again(self, rung: int) -> Trial | None:
        """Encode with the steps that the images were decoded with, if these are near a rung's."""
        near = [base for base in self._bases[::_SCANNED] if _is_near(base, self._bases[rung])]
        others = (octaves for octaves in range(self._most_octaves + 1) if octaves != self._octaves)
        for octaves in (self._octaves, *others):
            with self._turn():
                base = self._earlier_base(near, octaves)
            if base is not None:
                return self._encode(base, octaves)
        return None

    def _earlier_base(self, near: list[int], octaves: int) -> int | None:
        """Return the base step, near one of some, with which the first image was decoded.

        Later images may have been predicted from it, and lie on no multiples of steps.
        """
        steps_of = partial(self._steps_of, octaves=octaves)
        base = find_base(self._first, near, steps_of)
        if base is None:
            return None
        image, coefficients = self._images[0], self._coefficients[0]
        steps = steps_of(base)
        some = _some_blocks(coefficients, _BLOCKS)
        if self._model.channels > 1:
            angles, is_decoded = find_grid(
                image, coefficients, steps.astype(np.int32), self._model.pixel_fraction
            )
            some = enc_axes.rotate(some, matrices_of(angles))
        else:
            is_decoded = is_on_grid(coefficients, steps.astype(np.int32))
        return nearest_base(some[0], base, steps_of) if is_decoded else None

    def _encode(self, base: int, octaves: int) -> Trial:
        quantisation = self._quantisation(base, octaves)
        tuning, price = tuning_of(self._tune), self._encoder.price
        with self._turn():
            task = Task(
                pixels=self._images,
                coefficients=self._coefficients,
                quantisation=quantisation,
                steps=self._steps_of(base, octaves),
                model=self._model,
                price=price * tuning.price,
                masking=tuning.masking,
            )
            coded = cheapest(task, self._size)
            pixels = np.stack([self._decoded(image) for image in coded.images])
        return Trial(
            payload=coded.payload,
            quality=self._encoder.quality_near(base, self._tune),
            pixels=pixels,
        )

    def _decoded(self, image: Known) -> Pixels:
        height, width = self._size
        symbols, matrices, steps = image
        found: Pixels = inverse(symbols, matrices, self._model.pixel_fraction, steps)
        return found[:, :height, :width]

    def _quantisation(self, base: int, octaves: int) -> Quantisation:
        return finer(self._shape._replace(base=base), octaves)

    def _steps_of(self, base: int, octaves: int) -> NDArray[np.int64]:
        return steps_of(self._quantisation(base, octaves), self._model.channels)

    @cached_property
    def _some(self) -> NDArray[np.int32]:
        """Return coefficients of some blocks of all images, along their axes of colour."""
        count = len(self._coefficients)
        others = [_along_axes(c, max(_BLOCKS // count, 1)) for c in self._coefficients[1:]]
        return np.concatenate([self._first[::count], *others])

    @cached_property
    def _first(self) -> NDArray[np.int32]:
        """Return coefficients of some blocks of the first image, along its axes of colour."""
        return _along_axes(self._coefficients[0], _BLOCKS)


def _along_axes(coefficients: NDArray[np.int32], most: int) -> NDArray[np.int32]:
    some = _some_blocks(coefficients, most)
    if some.shape[2] > 1:
        some = enc_axes.rotate(some, matrices_of(enc_axes.axes_of(some)))
    blocks: NDArray[np.int32] = some[0]
    return blocks


def _some_blocks(coefficients: NDArray[np.int32], most: int) -> NDArray[np.int32]:
    """Return up to `most` blocks, as one row of blocks."""
    rows, columns, axes, length = coefficients.shape
    count = min(most, rows * columns)
    chosen = np.arange(count) * (rows * columns) // count
    some: NDArray[np.int32] = coefficients.reshape(1, -1, axes, length)[:, chosen]
    return some


def _is_near(base: int, expected: int) -> bool:
    """Whether images decoded with `base` may have been meant to have the error of `expected`.

    What decoding made 0 cannot be lost again, so that steps are expected to be larger than they
    were.
    """
    is_near = _NEAREST[0] * expected <= 16 * base <= _NEAREST[1] * expected
    return is_near and base >= _LEAST_EARLIER


def _decibels(error: float) -> float:
    return float(10 * np.log10(max(error, 1e-9)))
