"""Whether an image was decoded before: the colour axes along which its coefficients are steps.

What a decoder wrote are multiples of the steps along the axes of its chunk; rounding to pixels adds
noise of 1/12 of a pixel's square to each coefficient. The image's own principal axes are close to
these axes, but not equal, since quantisation has changed the variances. So the axes are refined:
each coefficient is rounded to multiples of its steps, and the rotation is found that brings
coefficients closest to these multiples. Large coefficients join when the axes have become exact
enough for their rounding to be right.

DC is left out so far. In flat blocks pixels are all rounded alike, which can move it by half a
step, and it is so large that only the very axes of the chunk make it a multiple. At the end some
blocks are decoded with the axes found and with those nearby: the right ones give the same pixels.
"""

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.compilation import Kernel
from numcodecs_neural.dct.arithmetic import (
    BLOCK,
    COEFFICIENT_BITS,
    COSINE_BITS,
    IS_LOW,
    TURN,
    VALUE_MAX,
    VALUE_MIN,
)
from numcodecs_neural.dct.colour import ONE, cosine, matrices_of, sine
from numcodecs_neural.dct.dec_inverse import inverse
from numcodecs_neural.dct.enc_axes import (
    NEIGHBOURS,
    Matrix,
    angles_of,
    cross,
    dot,
    moments,
    principal_axes,
    rotate,
)
from numcodecs_neural.dct.enc_forward import clipped_blocks

__all__ = ["FEWEST", "LARGEST_RATIO", "find_grid", "fit", "fit_plain", "is_on_grid"]

_FIT = Kernel("numcodecs_neural.dct.enc_kernels", "fit")
_BANDS = np.flatnonzero(IS_LOW)[1:], np.flatnonzero(~IS_LOW)
_BLOCKS = 512, 64
"""How many are looked at in the bands."""

_FEWEST_BLOCKS = 8
"""Without so many that are not clipped, clipped ones are looked at too."""

FEWEST = 32
"""Symbols other than 0, without which nothing can be said."""

LARGEST_RATIO = 0.4
"""Of squared distances from multiples to those of an image that was not decoded, which is 1."""

_NO_BETTER = 0.6
"""The same of the first axis alone, before axes are refined, from which on nothing is refined."""

_ROUNDING = 0.4
"""Noise of the transform's own rounding, in squared eighths of a grey level."""

_NOISY = 1.5
"""Squared distances of so many times the noise are as good as any."""

_COMPARED = 48
"""How many blocks are decoded with each of the angles nearby."""

_ROUNDS = 2
"""How often all angles nearby are tried, at most."""

_LARGEST_TURN = 0.3
"""By which axes are refined at once, in radians."""

_REACHES = 6, 6, 20, 60, 1 << 20
"""In steps, the largest coefficients that join while axes are refined."""

_USUAL = angles_of(
    [[3**-0.5] * 3, [2 * 6**-0.5, -(6**-0.5), -(6**-0.5)], [0.0, 2**-0.5, -(2**-0.5)]]
)
"""Grey, and red against the others."""

_STARTS = 0, 43, -43, 85, -85, 128
"""Angles around the first axis: the others are uncertain where their variances are alike."""


def find_grid(
    pixels: NDArray[Any],
    coefficients: NDArray[np.int32],
    steps: NDArray[np.int32],
    fraction: int,
) -> tuple[NDArray[np.int64], bool]:
    """Return angles of colour axes, and whether an image was decoded along them with these steps.

    If it was not, the angles are those of `enc_axes.axes_of`, or the usual ones if it is blank.

    Parameters
    ----------
    pixels : (3, 16 h, 16 w)
    coefficients : (h, w, 3, 256) int32
        What `enc_forward.forward` returns for them.
    steps : (3, 256) int32
        Along colour axes, in eighths of a grey level.
    fraction : int
        Bits of a pixel below a grey level.

    Returns
    -------
    angles : (2, 3) int64
    is_decoded : bool
    """
    steps = np.ascontiguousarray(steps, np.int32)
    own = [principal_axes(m) for m in moments(coefficients)]
    clipped = clipped_blocks(pixels, fraction)
    bands = [_samples(coefficients, steps, clipped, band) for band in range(2)]
    if all(_may_be_decoded(*pair) for pair in zip(bands, own, strict=True)):
        fits = [_best_fit(*pair, fraction) for pair in zip(bands, own, strict=True)]
        if sum(f.symbols for f in fits) >= FEWEST and all(f.is_good for f in fits):
            angles = np.array([f.angles for f in fits])
            return _settled(_Decoded(coefficients, pixels, steps, fraction), angles), True
    angles = np.array([angles_of(axes) for axes in own])
    symbols = sum(
        int(band.fit(matrix, _REACHES[-1])[5].sum())
        for band, matrix in zip(bands, matrices_of(angles), strict=True)
    )
    # What is nearly blank has axes of noise, which the next generation would not find again.
    return (angles if symbols >= FEWEST else np.array([_USUAL, _USUAL])), False


def is_on_grid(coefficients: NDArray[np.int32], steps: NDArray[np.int32]) -> bool:
    """Return whether a grey image was decoded with these steps before.

    Parameters
    ----------
    coefficients : (h, w, 1, 256) int32
        What `enc_forward.forward` returns.
    steps : (1, 256) int32
        In eighths of a grey level.
    """
    blocks = coefficients.reshape(-1, coefficients.shape[-1])
    count = min(sum(_BLOCKS), len(blocks))
    values = blocks[np.arange(count) * len(blocks) // count][:, 1:].astype(np.float64)
    step = np.broadcast_to(steps[0, 1:].astype(np.float64), values.shape)
    nearest = step * np.rint(values / step)
    is_symbol = nearest != 0
    distance = float((((values - nearest) ** 2)[is_symbol]).sum())
    reach = float((step**2)[is_symbol].sum())
    return bool(is_symbol.sum() >= FEWEST and 12 * distance <= LARGEST_RATIO * reach)


@dataclass(frozen=True, slots=True)
class _Samples:
    """Coefficients of some blocks in one band, and what `fit` takes of them."""

    coefficients: NDArray[np.int32]
    blocks: NDArray[np.int64]
    frequencies: NDArray[np.int64]
    steps: NDArray[np.int32]

    def fit(self, matrix: NDArray[np.integer], reach: int) -> NDArray[np.int64]:
        return fit(self.coefficients, self.blocks, self.frequencies, self.steps, matrix, reach)


@dataclass(frozen=True, slots=True)
class _Fit:
    """How well symbols explain samples.

    Parameters
    ----------
    angles : (3,) int64
    sums : (7, 3) int64
        What `fit` returned for them.
    """

    angles: NDArray[np.int64]
    sums: NDArray[np.int64]

    @property
    def symbols(self) -> int:
        """How many are not 0."""
        return int(self.sums[5].sum())

    @property
    def distance(self) -> int:
        """Sum of squared distances from multiples."""
        return int(self.sums[3].sum() + self.sums[6].sum())

    @property
    def is_good(self) -> bool:
        """Whether symbols other than 0, if any, are nearer to multiples than chance is."""
        return bool(12 * self.sums[3].sum() <= LARGEST_RATIO * self.sums[4].sum())


def _samples(
    coefficients: NDArray[np.int32],
    steps: NDArray[np.int32],
    clipped: NDArray[np.bool_],
    band: int,
) -> _Samples:
    blocks = np.flatnonzero(~clipped)
    if len(blocks) < _FEWEST_BLOCKS:
        blocks = np.arange(clipped.size)
    count = min(_BLOCKS[band], len(blocks))
    chosen = blocks[np.arange(count) * len(blocks) // count]
    return _Samples(coefficients.reshape(-1, *steps.shape), chosen, _BANDS[band], steps)


def _may_be_decoded(samples: _Samples, axes: Matrix) -> bool:
    """Return whether the first axis, which is nearly right, does not speak against it."""
    some = replace(samples, blocks=samples.blocks[::4])
    sums = some.fit(_integers(axes), _REACHES[0])
    return bool(sums[5, 0] < FEWEST or 12 * sums[3, 0] < _NO_BETTER * sums[4, 0])


def _noise(fraction: int) -> float:
    """Return the variance of a coefficient that rounding to pixels causes."""
    level = 1 << COEFFICIENT_BITS
    return level * level / 12 / float(1 << (2 * fraction)) + _ROUNDING


def _best_fit(samples: _Samples, axes: Matrix, fraction: int) -> _Fit:
    best = None
    for turn in _STARTS:
        angles = angles_of(_refined(samples, _turned(axes, turn)))
        fitted = _Fit(angles, samples.fit(matrices_of(angles), _REACHES[-1]))
        if best is None or fitted.distance < best.distance:
            best = fitted
        if fitted.sums[3].sum() <= _NOISY * _noise(fraction) * fitted.symbols:
            break
    assert best is not None
    return best


class _Decoded:
    """Some blocks of an image that was decoded, to compare with what angles would decode to."""

    def __init__(
        self,
        coefficients: NDArray[np.int32],
        pixels: NDArray[Any],
        steps: NDArray[np.int32],
        fraction: int,
    ) -> None:
        h, w, channels, _ = coefficients.shape
        chosen = np.arange(min(_COMPARED, h * w)) * (h * w) // min(_COMPARED, h * w)
        blocks = pixels.reshape(channels, h, BLOCK, w, BLOCK)[:, chosen // w, :, chosen % w]
        self._coefficients = coefficients.reshape(1, h * w, *steps.shape)[:, chosen]
        self._pixels = blocks.transpose(1, 2, 0, 3).reshape(channels, BLOCK, -1).astype(np.int64)
        self._steps, self._fraction = steps, fraction

    def distance(self, angles: NDArray[np.int64]) -> int:
        """Return the sum of squared differences of pixels."""
        matrices = matrices_of(angles)
        symbols = np.rint(rotate(self._coefficients, matrices) / self._steps)
        values = (symbols * self._steps).clip(VALUE_MIN, VALUE_MAX).astype(np.int16)
        decoded = inverse(values, matrices, self._fraction)
        return int(((decoded - self._pixels) ** 2).sum())


def _settled(decoded: _Decoded, angles: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the angles nearby that decode to what is most like the image."""
    least = decoded.distance(angles)
    for _ in range(_ROUNDS):
        before = least
        for band, step in itertools.product(range(2), NEIGHBOURS[1:]):
            if least == 0:
                return angles
            moved = angles.copy()
            moved[band] = (moved[band] + step) % TURN
            distance = decoded.distance(moved)
            if distance < least:
                angles, least = moved, distance
        if least == before:
            break
    return angles


def _turned(axes: Matrix, angle: int) -> Matrix:
    c, s = float(cosine(angle)) / ONE, float(sine(angle)) / ONE
    first, second, third = axes
    return [
        first,
        [c * x - s * y for x, y in zip(second, third, strict=True)],
        [s * x + c * y for x, y in zip(second, third, strict=True)],
    ]


def _refined(samples: _Samples, axes: Matrix) -> Matrix:
    for reach in _REACHES:
        axes = _rotated(axes, _rotation(samples.fit(_integers(axes), reach)))
    return axes


def _rotation(sums: NDArray[np.int64]) -> list[float]:
    """Return the small rotation vector that brings coefficients closest to multiples.

    It solves ``sum(|y|**2 - y y^T) w = sum(y x q)`` for coefficients y and their multiples q.
    """
    squares, products, moment = ([float(x) for x in row] for row in sums[:3])
    total = sum(squares) + 1  # keeps the system solvable where all coefficients are 0
    rows = [
        [total - squares[0], -products[2], -products[1]],
        [-products[2], total - squares[1], -products[0]],
        [-products[1], -products[0], total - squares[2]],
    ]
    columns = [cross(rows[i - 2], rows[i - 1]) for i in range(3)]
    determinant = dot(rows[0], columns[0])
    vector = [dot(moment, [c[i] for c in columns]) / determinant for i in range(3)]
    length = math.sqrt(dot(vector, vector))
    return [x * min(1.0, _LARGEST_TURN / length) for x in vector] if length else vector


def _rotated(axes: Matrix, w: list[float]) -> Matrix:
    """Return rows turned by a small rotation vector, and made orthonormal again."""
    first, second, _ = (
        [axes[a][c] + w[a - 2] * axes[a - 1][c] - w[a - 1] * axes[a - 2][c] for c in range(3)]
        for a in range(3)
    )
    first = _unit(first)
    along = dot(first, second)
    second = _unit([y - along * x for x, y in zip(first, second, strict=True)])
    return [first, second, cross(first, second)]


def _unit(vector: list[float]) -> list[float]:
    length = math.sqrt(dot(vector, vector))
    return [x / length for x in vector]


def _integers(axes: Matrix) -> NDArray[np.int64]:
    matrix: NDArray[np.int64] = np.rint(np.array(axes) * ONE).astype(np.int64)
    return matrix


def fit(
    coefficients: NDArray[np.int32],
    blocks: NDArray[np.int64],
    frequencies: NDArray[np.int64],
    steps: NDArray[np.int32],
    matrix: NDArray[np.integer],
    reach: int,
) -> NDArray[np.int64]:
    """Return sums over coefficients y along axes, and their nearest multiples q of steps.

    Parameters
    ----------
    coefficients : (n, 3, 256) int32
    blocks, frequencies : int64
        Which coefficients are looked at.
    steps : (3, 256) int32
    matrix : (3, 3)
        Rows are axes; 16384 is 1.
    reach : int
        Coefficients count if the sum of their magnitudes is at most so many of the smallest step.

    Returns
    -------
    (7, 3) int64
        For each axis: squares; products of the two other axes; the vector product ``y x q``; for
        symbols other than 0, squares of ``y - q``, squares of steps, and their number; for
        symbols 0, squares of y.
    """
    wide: NDArray[np.int64] = matrix.astype(np.int64)
    kernel = _FIT.compiled()
    if kernel is None:
        return fit_plain(coefficients, blocks, frequencies, steps, wide, reach)
    sums = np.zeros((7, 3), np.int64)
    chosen = np.ascontiguousarray(blocks)
    kernel(coefficients, chosen, frequencies, steps, np.ascontiguousarray(wide), reach, sums)
    return sums


def fit_plain(
    coefficients: NDArray[np.int32],
    blocks: NDArray[np.int64],
    frequencies: NDArray[np.int64],
    steps: NDArray[np.int32],
    matrix: NDArray[np.int64],
    reach: int,
) -> NDArray[np.int64]:
    """Do what `fit` does."""
    colours = coefficients[blocks][..., frequencies].swapaxes(0, 1).astype(np.int64)
    y = (np.tensordot(matrix, colours, 1) + (ONE >> 1)) >> COSINE_BITS
    step = np.broadcast_to(steps[:, None, frequencies].astype(np.int64), y.shape)
    joins = np.abs(y).sum(0) <= reach * step.min(0)
    y, step = y[:, joins], step[:, joins]
    q = step * np.floor(y / step + 0.5).astype(np.int64)
    is_symbol = q != 0
    return np.array(
        [
            (y * y).sum(1),
            (np.roll(y, -1, 0) * np.roll(y, -2, 0)).sum(1),
            np.cross(y, q, axis=0).sum(1),
            ((y - q) ** 2 * is_symbol).sum(1),
            (step**2 * is_symbol).sum(1),
            is_symbol.sum(1),
            (y * y * ~is_symbol).sum(1),
        ]
    )
