"""Compiled loops of the numpy backend. Same integers as its plain kernels, several times faster.

Compiled for float32 in C order, which is what the networks are run in.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from numcodecs_neural.compilation import compiled, readable
from numcodecs_neural.networks.dec_model import DEQUANTIZED_LIMIT
from numcodecs_neural.networks.description import ConvArrays, Pixels

Tensor = NDArray[np.floating[Any]]
Vector = NDArray[np.float32]
Integers = NDArray[np.int32]

_NOTHING = types.void
_VECTOR = readable(types.float32)
_INTEGERS = readable(types.int32)


class CompiledKernels:
    """The kernels that :class:`~.numpy_backend.NumpyBackend` asks for."""

    def requantize(self, x: Tensor, arrays: ConvArrays, bias: Tensor) -> None:
        """In place, ``clamp(floor((x + bias) * scale), low, high)``; x is (rows, outputs)."""
        _requantize(x, bias, arrays.scale, arrays.low, arrays.high)

    def add_sparse(self, x: Tensor, weight: Tensor, out: Tensor) -> None:
        """Add ``x @ weight`` to `out`, cheap where most of `x` is zero."""
        _add_sparse(np.ascontiguousarray(x), np.ascontiguousarray(weight), out)

    def shuffle_to_pixels(self, x: Tensor, arrays: ConvArrays, bias: Tensor, factor: int) -> Pixels:
        """Requantise (N, h, w, C f f) and shuffle to (N, C, h f, w f) pixels."""
        n, h, w, channels = x.shape
        shape = (n, channels // factor**2, h * factor, w * factor)
        out: Pixels = np.empty(shape, arrays.pixel_dtype)
        shuffle = _shuffle_to_uint8 if out.dtype == np.uint8 else _shuffle_to_uint16
        shuffle(x, bias, arrays.scale, arrays.low, arrays.high, factor, out)
        return out

    def dequantize(
        self, y: NDArray[np.int32], step: NDArray[np.int32], shift: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """``clamp((y * step + 2**(shift - 1)) >> shift)``; y is (rows, channels)."""
        out = np.empty(y.shape, np.float32)
        _dequantize(np.ascontiguousarray(y), step, shift, DEQUANTIZED_LIMIT, out)
        return out


@compiled(
    _NOTHING, readable(types.int32, 2), _INTEGERS, _INTEGERS, types.int64, types.float32[:, ::1]
)
def _dequantize(y: Integers, step: Integers, shift: Integers, limit: int, out: Vector) -> None:
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            half = np.int64(1) << (shift[j] - 1)
            v = (np.int64(y[i, j]) * step[j] + half) >> shift[j]
            v = v if v > -limit else -limit
            out[i, j] = v if v < limit else limit


@compiled(_NOTHING, types.float32[:, ::1], _VECTOR, _VECTOR, _VECTOR, _VECTOR)
def _requantize(x: Tensor, bias: Vector, scale: Vector, low: Vector, high: Vector) -> None:
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            v = np.floor((x[i, j] + bias[j]) * scale[j])
            x[i, j] = min(max(v, low[j]), high[j])


@compiled(_NOTHING, readable(types.float32, 2), readable(types.float32, 2), types.float32[:, ::1])
def _add_sparse(x: Tensor, weight: Tensor, out: Tensor) -> None:
    outputs = weight.shape[1]
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            v = x[i, k]
            if v != 0:
                for j in range(outputs):
                    out[i, j] += v * weight[k, j]


def _shuffle_to_pixels(
    x: Tensor,
    bias: Vector,
    scale: Vector,
    low: Vector,
    high: Vector,
    factor: int,
    out: Pixels,
) -> None:
    n, h, w, channels = x.shape
    line = np.empty((w, channels), out.dtype)  # pixels of one row of blocks, still block by block
    for b in range(n):
        for y in range(h):
            for z in range(w):
                for k in range(channels):
                    v = np.floor((x[b, y, z, k] + bias[k]) * scale[k])
                    line[z, k] = np.int32(min(max(v, low[k]), high[k]))
            for r in range(channels // factor):
                row = out[b, r // factor, y * factor + r % factor]
                for z in range(w):
                    for j in range(factor):
                        row[z * factor + j] = line[z, r * factor + j]


def _shuffle_for(pixel: types.Type) -> Callable[..., None]:
    vectors = (_VECTOR,) * 4
    signature = (readable(types.float32, 4), *vectors, types.int64, pixel[:, :, :, ::1])
    return compiled(_NOTHING, *signature)(_shuffle_to_pixels)


_shuffle_to_uint8 = _shuffle_for(types.uint8)
_shuffle_to_uint16 = _shuffle_for(types.uint16)
