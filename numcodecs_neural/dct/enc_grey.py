"""Whether grey images were decoded before: with which steps, and from which level 0.

The coefficients of a decoded image are multiples of its steps, but for the noise of rounding to
samples. So are constant parts, unless level 0 is another sample than it was: then all of them are
off by the same amount, which says where level 0 was.

What was clipped on decoding lies elsewhere. Samples at an end of the range stand for anything
beyond it; they are restored by rounding coefficients to multiples and keeping all other samples, a
few times. Blocks that nothing clipped tell more, so they alone are looked at where there are some.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.dct.arithmetic import BASIS, BASIS_BITS, BLOCK, COEFFICIENT_BITS, LEVEL

__all__ = ["Fit", "Sample", "grey_levels", "restored", "sample_blocks"]

_Floats = NDArray[np.float64]

_SAMPLED, _COMPARED = 256, 96
"""How many blocks are looked at, and how many of them, the busiest, are compared with multiples."""

_FEWEST_BLOCKS = 4
"""Without so many that are neither clipped nor flat, all are compared."""

_FEWEST = 4
"""Symbols other than 0, without which nothing can be said."""

_LARGEST_RATIO, _LARGEST_RESTORED = 0.6, 0.1
"""Of squared distances from multiples to those of an image that was not decoded, which is 1; and
the same of what was restored, which any image follows a little."""

_MAY_BE_RESTORED = 0.8
"""The ratio before, from which on it is not tried."""

_ENOUGH = 100
"""The fewer symbols there are, the nearer they must be, since few are near by chance: the ratio is
at most their number by this one."""

_ROUNDS = 8
"""How often what was clipped is restored from what it was rounded to."""

_BASIS = BASIS / float(1 << BASIS_BITS)
_SCALE = float(1 << COEFFICIENT_BITS)
_BRIGHTEST = 255 - LEVEL


class Fit(NamedTuple):
    """How well multiples of steps explain coefficients.

    Parameters
    ----------
    ratio : float
        Squared distances in those of an image that was not decoded.
    offset : float
        By how much constant parts exceed multiples of their step, in their own unit.
    symbols : int
        Multiples other than 0, and constant parts.
    largest : float
        Up to which ratio the image was decoded with these steps.
    """

    ratio: float
    offset: float
    symbols: int
    largest: float = _LARGEST_RATIO

    @property
    def is_good(self) -> bool:
        """Whether the image was decoded with these steps."""
        is_near = self.ratio <= min(self.largest, self.symbols / _ENOUGH)
        return self.symbols >= _FEWEST and is_near


@dataclass(frozen=True, slots=True)
class Sample:
    """Some blocks of grey images.

    Parameters
    ----------
    blocks : (m, 16, 16) float64
        Grey levels less 128.
    is_clipped : bool
        Whether most blocks reach an end of the range.
    """

    blocks: _Floats
    is_clipped: bool

    def coarser(self, octaves: int) -> "Sample":
        """Return the same on levels that are coarser by octaves, with the same level 0."""
        return replace(self, blocks=(self.blocks + LEVEL) / (1 << octaves) - LEVEL)

    def fit(self, steps: NDArray[np.int64], *, knows_level: bool) -> Fit:
        """Return how well multiples of steps explain the blocks.

        Parameters
        ----------
        steps : (1, 256)
            In eighths of a grey level.
        knows_level : bool
            Whether level 0 is where it was, so that constant parts are multiples too. It is, where
            blocks are clipped there.
        """
        found = _fit(_forward(self.blocks), steps, knows_level=knows_level or self.is_clipped)
        if not self.is_clipped or found.is_good or found.ratio > _MAY_BE_RESTORED:
            return found
        again = _fit(restored(self.blocks, steps), steps, knows_level=True)
        return again._replace(largest=_LARGEST_RESTORED)


def sample_blocks(images: NDArray[Any]) -> tuple[NDArray[Any], bool]:
    """Return some whole blocks (m, 16, 16) of grey images, and whether they may be clipped.

    Parameters
    ----------
    images : (n, 1, H, W)
        Samples or pixels.
    """
    n, _, height, width = images.shape
    grid = n, height // BLOCK, width // BLOCK
    whole = images[:, 0, : grid[1] * BLOCK, : grid[2] * BLOCK]
    whole = whole.reshape(n, grid[1], BLOCK, grid[2], BLOCK)
    total = grid[0] * grid[1] * grid[2]
    if not total:
        return images[:0, 0, :BLOCK, :BLOCK].reshape(0, BLOCK, BLOCK), False
    image, row, column = np.unravel_index(
        np.arange(min(_SAMPLED, total)) * total // min(_SAMPLED, total), grid
    )
    blocks = whole[image, row, :, column]
    low, high = blocks.min((1, 2)), blocks.max((1, 2))
    is_inner = (low > low.min()) & (high < high.max()) & (low < high)
    is_clipped = int(is_inner.sum()) < _FEWEST_BLOCKS
    return _busiest(blocks if is_clipped else blocks[is_inner]), is_clipped


def grey_levels(pixels: NDArray[Any], fraction: int) -> _Floats:
    """Return pixels as grey levels less 128."""
    levels: _Floats = pixels / float(1 << fraction) - LEVEL
    return levels


def _busiest(blocks: NDArray[Any]) -> NDArray[Any]:
    activity = blocks.astype(np.float32).var((1, 2))
    return blocks[np.argsort(-activity, kind="stable")[:_COMPARED]]


def restored(blocks: _Floats, steps: NDArray[np.int64]) -> _Floats:
    """Return the coefficients (m, 256) of decoded blocks as they were before they were clipped.

    Parameters
    ----------
    blocks : (m, 16, 16)
        Grey levels less 128.
    steps : (1, 256)
        In eighths of a grey level.
    """
    is_dark, is_bright = blocks <= -LEVEL, blocks >= _BRIGHTEST
    unclipped, step = blocks, steps.astype(np.float64)
    for _ in range(_ROUNDS):
        decoded = _inverse(step * np.rint(_forward(unclipped) / step))
        unclipped = np.where(is_dark, np.minimum(decoded, blocks), blocks)
        unclipped = np.where(is_bright, np.maximum(decoded, blocks), unclipped)
    return _forward(unclipped)


def _forward(blocks: _Floats) -> _Floats:
    coefficients: _Floats = _BASIS @ blocks @ _BASIS.T * _SCALE
    return coefficients.reshape(-1, BLOCK * BLOCK)


def _inverse(coefficients: _Floats) -> _Floats:
    blocks: _Floats = _BASIS.T @ coefficients.reshape(-1, BLOCK, BLOCK) @ _BASIS / _SCALE
    return blocks


def _fit(coefficients: _Floats, steps: NDArray[np.int64], *, knows_level: bool) -> Fit:
    step = np.broadcast_to(steps[0].astype(np.float64), coefficients.shape)[:, 1:]
    details = coefficients[:, 1:]
    multiples = step * np.rint(details / step)
    is_symbol = multiples != 0
    # Samples of flat blocks are all rounded alike, which can move a constant part by half a step.
    constants, first = coefficients[is_symbol.any(1), 0], float(steps[0, 0])
    offset = 0.0 if knows_level else _common_offset(constants, first)
    off = constants - offset
    off -= first * np.rint(off / first)
    distance = float(((details - multiples)[is_symbol] ** 2).sum() + (off**2).sum())
    reach = float((step[is_symbol] ** 2).sum() + first * first * len(constants))
    ratio = 12 * distance / reach if reach else np.inf
    return Fit(ratio, offset, int(is_symbol.sum()) + len(constants))


def _common_offset(constants: _Floats, step: float) -> float:
    """Return the mean distance from multiples, on a circle as long as a step."""
    turns = np.exp(2j * np.pi / step * constants).sum()
    return float(np.angle(turns) / (2 * np.pi) * step)
