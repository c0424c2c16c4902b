"""Tissue detection by a convolutional network of eleven layers, in integers.

Weights are 8-bit, activations 0 to 255. Products are taken in float32, which is exact for integers
as long as no sum leaves +-2**24, in whatever order a machine adds: checked for every output when
the weights are read. So the mask is the same everywhere.

The layers run here and not in `numcodecs_neural.networks`, which is made for many channels on few
positions. Pictures here are large and their channels few: that runtime gives the same evidence, but
takes more than twice the time and six times the memory, and has no zero padding.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import WeightsError
from numcodecs_neural.networks.bounds import worst_sums

from .light import Glass, find_glass, is_black, scanned_pixels
from .morphology import Mask, closed, parts_apart, without_holes, without_specks
from .overview import Overview

__all__ = ["TissueNetwork", "network_tissue"]

WEIGHTS = Path(__file__).with_name("tissue.safetensors")

# name: kernel, inputs, outputs. What is fed to which is in `TissueNetwork.evidence`.
LAYERS = {
    "e1": (3, 12, 16),
    "e2": (3, 64, 24),
    "e3": (3, 96, 32),
    "e4": (3, 128, 40),
    "e5": (3, 160, 48),
    "e6": (3, 48, 48),
    "d4": (3, 88, 40),
    "d3": (3, 72, 32),
    "d2": (3, 56, 24),
    "d1": (1, 40, 16),
    "out": (3, 16, 1),
}
# The network halves its picture five times.
_MULTIPLE = 32
_LARGEST = 255
_EXACT = 2**24
_MOST_SHIFT = 24
_BAND_VALUES = 2**20
# What is as bright as glass is this dark, so that what is brighter has numbers too.
_GLASS_LEVEL = 16

# In doubt it is tissue. Natural logarithms of the odds.
_LIKELY_16THS, _POSSIBLE_16THS = -8, -32
# Gaps of so many pixels across are tissue, and so are holes of so few pixels.
_GAP_RADIUS, _HOLE_AREA = 3, 2000
# Smaller parts are dust, in pixels.
_SPECK_AREA = 12

Activations = NDArray[np.uint8]
"""(height, width, channels)."""


def network_tissue(overview: Overview) -> Mask:
    """Return the tissue mask that the network sees; a slide that shows no glass is all tissue."""
    height, width = overview.shape
    glass = find_glass(overview)
    if glass is None:
        return ~is_black(overview)
    evidence = _shipped().evidence(scanned_pixels(overview, glass), glass)
    likely = evidence > _LIKELY_16THS
    # Alone, less is enough: around what is likely it would only widen the edges.
    likely |= parts_apart(evidence > _POSSIBLE_16THS, likely)
    mask = likely.repeat(2, 0).repeat(2, 1)[:height, :width]
    mask = without_specks(mask, _SPECK_AREA)
    return without_holes(closed(mask, _GAP_RADIUS), _HOLE_AREA)


class TissueNetwork:
    """The network, of weights that were checked.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        For each layer ``NAME.weight`` int8 (kernel, kernel, inputs, outputs), ``NAME.bias`` int32
        and ``NAME.shift`` int32, both (outputs,).

    Raises
    ------
    WeightsError
        If arrays are absent, of another shape or type, or if a sum might not be exact.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = dict(arrays)
        for name, (kernel, inputs, outputs) in LAYERS.items():
            self._expect(f"{name}.weight", np.int8, (kernel, kernel, inputs, outputs))
            self._expect(f"{name}.bias", np.int32, (outputs,))
            self._expect(f"{name}.shift", np.int32, (outputs,))
            self._prove(name)

    def evidence(self, pixels: NDArray[np.uint8], glass: Glass) -> NDArray[np.int32]:
        """Return how sure the network is of tissue, in squares of two by two pixels.

        Parameters
        ----------
        pixels : ndarray
            Shape (height, width, 3).
        glass : Glass
            The colour of glass, from which colours are counted.

        Returns
        -------
        ndarray
            int32, half as high and wide, rounded up; sixteenths of the logarithm of the odds.
        """
        height, width = pixels.shape[:2]
        pad = [(0, -height % _MULTIPLE), (0, -width % _MULTIPLE), (0, 0)]
        darkness = np.array(glass, np.int16) + _GLASS_LEVEL - np.pad(pixels, pad, mode="edge")
        e1 = self._active("e1", _down(np.clip(darkness, 0, _LARGEST).astype(np.uint8)))
        e2 = self._active("e2", _down(e1))
        e3 = self._active("e3", _down(e2))
        e4 = self._active("e4", _down(e3))
        e6 = self._active("e6", self._active("e5", _down(e4)))
        d4 = self._active("d4", _beside(e6, e4))
        d3 = self._active("d3", _beside(d4, e3))
        d2 = self._active("d2", _beside(d3, e2))
        d1 = self._active("d1", _beside(d2, e1))
        # A step of the sum is 1/32, times the power of two of the weights.
        shift = self._arrays["out.shift"] + 1
        out = self._sum("out", d1) >> shift
        evidence: NDArray[np.int32] = out[: -(-height // 2), : -(-width // 2), 0]
        return evidence

    def _active(self, name: str, x: Activations) -> Activations:
        total = self._sum(name, x)
        shift = self._arrays[f"{name}.shift"]
        total += (1 << shift) >> 1
        total >>= shift
        np.clip(total, 0, _LARGEST, out=total)
        return total.astype(np.uint8)

    def _sum(self, name: str, x: Activations) -> NDArray[np.int32]:
        """Return sums of products and bias; around the picture there is 0."""
        weight = self._arrays[f"{name}.weight"].astype(np.float32)
        kernel, outputs = weight.shape[0], weight.shape[-1]
        height, width, channels = x.shape
        padded = np.pad(x, [(kernel // 2, kernel // 2)] * 2 + [(0, 0)])
        total = np.empty((height, width, outputs), np.int32)
        rows = max(_BAND_VALUES // (width * channels), 1)
        for top in range(0, height, rows):
            band = padded[top : top + rows + kernel - 1].astype(np.float32)
            count = len(band) - kernel + 1
            sums = np.zeros((count, width, outputs), np.float32)
            for dy, dx in np.ndindex(kernel, kernel):
                sums += band[dy : dy + count, dx : dx + width] @ weight[dy, dx]
            total[top : top + count] = sums
        total += self._arrays[f"{name}.bias"]
        return total

    def _expect(self, name: str, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
        array = self._arrays.get(name)
        if array is None or array.dtype != dtype or array.shape != shape:
            found = "absent" if array is None else f"{array.dtype} of shape {array.shape}"
            raise WeightsError(
                f"weights of the tissue network: {name} is {found}; it must be "
                f"{np.dtype(dtype)} of shape {shape}"
            )

    def _prove(self, name: str) -> None:
        """Refuse weights with which a sum of the layer, or a part of it, might be rounded."""
        weight, bias, shift = (
            self._arrays[f"{name}.{part}"].astype(np.int64) for part in ("weight", "bias", "shift")
        )
        rows = weight.reshape(-1, weight.shape[-1])
        highest = np.full(len(rows), _LARGEST)
        worst = int(np.max(worst_sums(rows, np.zeros_like(highest), highest)))
        if worst >= _EXACT or abs(bias).max() >= 2**30 or not _in_range(shift):
            raise WeightsError(
                f"weights of the tissue network: sums of {name} may reach {worst}, of which "
                "float32 is not exact, or its bias or shift is too large"
            )


@cache
def _shipped() -> TissueNetwork:
    from safetensors.numpy import load_file

    return TissueNetwork(load_file(WEIGHTS))


def _in_range(shift: NDArray[np.int64]) -> bool:
    return bool((shift >= 0).all() and (shift <= _MOST_SHIFT).all())


def _down(x: Activations) -> Activations:
    """Return squares of two by two pixels as one pixel of four times the channels."""
    height, width, channels = x.shape
    squares = x.reshape(height // 2, 2, width // 2, 2, channels).transpose(0, 2, 4, 1, 3)
    return squares.reshape(height // 2, width // 2, 4 * channels)


def _beside(small: Activations, large: Activations) -> Activations:
    """Return the channels of `small`, at twice its size, before those of `large`."""
    return np.concatenate([small.repeat(2, 0).repeat(2, 1), large], axis=-1)
