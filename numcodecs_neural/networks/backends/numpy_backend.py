"""Networks in numpy: float32 matrix products over integers, exact by :mod:`.bounds`.

Loops that numpy would need several passes for are compiled with numba (:mod:`.numba_kernels`); the
plain versions here say what they compute, and give the same integers. A tensor is an array.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from numcodecs_neural.networks.dec_model import DEQUANTIZED_LIMIT, DecoderModel
from numcodecs_neural.networks.description import ConvArrays, Layer, Network, Pixels, Source
from numcodecs_neural.networks.passes import Phase, positions_of

Tensor = NDArray[np.floating[Any]]

SPARSE_INPUTS = 256  # sources with at least so many channels are looked at for zeros
SPARSE_DENSITY = 0.15


class Kernels(Protocol):
    """The loops a backend needs besides matrix products."""

    def requantize(self, x: Tensor, arrays: ConvArrays, bias: Tensor) -> None:
        """In place, ``clamp(floor((x + bias) * scale), low, high)``; x is (rows, outputs)."""

    def add_sparse(self, x: Tensor, weight: Tensor, out: Tensor) -> None:
        """Add ``x @ weight`` to `out`, cheap where most of `x` is zero."""

    def shuffle_to_pixels(self, x: Tensor, arrays: ConvArrays, bias: Tensor, factor: int) -> Pixels:
        """Requantise (N, h, w, C f f) and shuffle to (N, C, h f, w f) pixels."""

    def dequantize(
        self, y: NDArray[np.int32], step: NDArray[np.int32], shift: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """``clamp((y * step + 2**(shift - 1)) >> shift)``; y is (rows, channels)."""


class PlainKernels:
    """The kernels in numpy."""

    def requantize(self, x: Tensor, arrays: ConvArrays, bias: Tensor) -> None:
        """See :class:`Kernels`."""
        x += bias
        x *= arrays.scale.astype(x.dtype)
        np.floor(x, out=x)
        np.clip(x, arrays.low, arrays.high, out=x)

    def add_sparse(self, x: Tensor, weight: Tensor, out: Tensor) -> None:
        """See :class:`Kernels`."""
        out += x @ weight

    def shuffle_to_pixels(self, x: Tensor, arrays: ConvArrays, bias: Tensor, factor: int) -> Pixels:
        """See :class:`Kernels`."""
        n, h, w, channels = x.shape
        self.requantize(x.reshape(-1, channels), arrays, bias)
        blocks = x.reshape(n, h, w, -1, factor, factor).transpose(0, 3, 1, 4, 2, 5)
        return blocks.reshape(n, -1, h * factor, w * factor).astype(arrays.pixel_dtype)

    def dequantize(
        self, y: NDArray[np.int32], step: NDArray[np.int32], shift: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """See :class:`Kernels`."""
        half = np.int64(1) << (shift.astype(np.int64) - 1)
        scaled: NDArray[Any] = (y.astype(np.int64) * step + half) >> shift
        return scaled.clip(-DEQUANTIZED_LIMIT, DEQUANTIZED_LIMIT).astype(np.float32)


class NumpyBackend:
    """Runs networks on arrays of shape (N, h, w, channels).

    Parameters
    ----------
    kernels : Kernels
        Compiled or plain loops.
    dtype : numpy dtype
        float32; float64 serves tests, and machines whose float32 products are in doubt.
    """

    def __init__(self, kernels: Kernels | None = None, dtype: Any = np.float32) -> None:
        self._kernels: Kernels = kernels or PlainKernels()
        self._dtype = np.dtype(dtype)

    def to_device(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return `array`, which is there already."""
        return array

    def to_host(self, tensor: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return a tensor as an array of `dtype`."""
        return tensor.astype(dtype, copy=False)

    def floats(self, tensor: NDArray[Any]) -> Tensor:
        """Return a tensor as float32."""
        return tensor.astype(np.float32, copy=False)

    def integers(self, tensor: NDArray[Any]) -> NDArray[np.int32]:
        """Return a tensor as int32."""
        return tensor.astype(np.int32, copy=False)

    def run(
        self,
        network: Network,
        tensors: Mapping[str, Tensor],
        quality: int,
        wanted: Collection[str],
    ) -> dict[str, Tensor]:
        """Return the results of the layers whose names are wanted."""
        have = self._execute(network.layers, network, tensors, quality)
        return {name: have[name] for name in wanted}

    def run_to_pixels(
        self, network: Network, tensors: Mapping[str, Tensor], quality: int
    ) -> Pixels:
        """Execute a network that ends in a ``conv`` to pixels and a ``shuffle``.

        Returns (N, C, H, W), uint8 where the ``conv`` is clamped to 255 at most, else uint16.
        """
        *body, conv, shuffle = network.layers
        have = self._execute(body, network, tensors, quality)
        arrays = network.convs[conv.name]
        return self._kernels.shuffle_to_pixels(
            self._products(conv, arrays, have), arrays, arrays.bias_at(quality), shuffle.factor
        )

    def take(self, tensor: NDArray[Any], phase: Phase) -> NDArray[Any]:
        """Return (N, positions, channels): a tensor at the positions of a phase."""
        positions = positions_of(phase, *tensor.shape[1:3])
        flat = tensor.reshape(len(tensor), -1, tensor.shape[-1])
        return flat if positions is None else np.take(flat, positions, 1)

    def place(
        self,
        latents: NDArray[Any],
        phase: Phase,
        size: tuple[int, int],
        whole: NDArray[Any] | None,
    ) -> NDArray[Any]:
        """Undo `take`; the other positions are those of `whole`, or 0."""
        n, _, channels = latents.shape
        positions = positions_of(phase, *size)
        if positions is None:
            return latents.reshape(n, *size, channels)
        if whole is None:
            whole = np.zeros((n, *size, channels), latents.dtype)
        whole.reshape(n, -1, channels)[:, positions] = latents
        return whole

    def dequantize(
        self, latents: NDArray[np.int32], model: DecoderModel, channels: slice, quality: int
    ) -> Tensor:
        """Return latents in the units of the synthesis."""
        step, shift = model.step[quality, channels], model.step_shift[channels]
        rows = latents.reshape(-1, latents.shape[-1])
        return self._kernels.dequantize(rows, step, shift).reshape(latents.shape)

    def _execute(
        self,
        layers: Sequence[Layer],
        network: Network,
        tensors: Mapping[str, Tensor],
        quality: int,
    ) -> dict[str, Tensor]:
        """Return the tensors given, and every layer's result."""
        have = dict(tensors)
        for layer in layers:
            have[layer.name] = self._apply(layer, network, have, quality)
        return have

    def _apply(
        self, layer: Layer, network: Network, have: Mapping[str, Tensor], quality: int
    ) -> Tensor:
        if layer.op == "conv":
            arrays = network.convs[layer.name]
            out = self._products(layer, arrays, have)
            self._kernels.requantize(
                out.reshape(-1, out.shape[-1]), arrays, arrays.bias_at(quality)
            )
            return out
        x = _take(have, layer.inputs[0])
        if layer.op == "shuffle":
            return shuffle(x, layer.factor)
        if layer.op == "unshuffle":
            return unshuffle(x, layer.factor)
        table = network.tables[layer.name]
        n = len(table) // 2
        looked_up: Tensor = table[np.clip(x, -n, n).astype(np.int32) + n].astype(self._dtype)
        return looked_up

    def _products(self, layer: Layer, arrays: ConvArrays, have: Mapping[str, Tensor]) -> Tensor:
        """Sums of the layer before its bias: (N, h, w, outputs)."""
        parts = [_take(have, source) for source in layer.inputs]
        if layer.kernel == 3:
            parts = [neighbourhoods(np.concatenate(parts, -1) if len(parts) > 1 else parts[0])]
        return self._pointwise(parts, arrays.weight.astype(self._dtype, copy=False))

    def _pointwise(self, parts: list[Tensor], weight: Tensor) -> Tensor:
        n, h, w = parts[0].shape[:3]
        dense, rows, sparse, start = [], [], [], 0
        for part in parts:
            stop = start + part.shape[-1]
            flat, taken = part.reshape(n * h * w, -1), weight[start:stop]
            if flat.shape[1] >= SPARSE_INPUTS and _is_sparse(flat):
                sparse.append((flat, taken))
            else:
                dense.append(flat)
                rows.append(taken)
            start = stop
        if dense:
            x = np.concatenate(dense, 1) if len(dense) > 1 else dense[0]
            out = x @ (np.concatenate(rows) if len(rows) > 1 else rows[0])
        else:
            out = np.zeros((n * h * w, weight.shape[1]), weight.dtype)
        for flat, taken in sparse:
            self._kernels.add_sparse(flat, taken, out)
        return out.reshape(n, h, w, -1)


def _is_sparse(x: Tensor) -> bool:
    return int(np.count_nonzero(x)) < SPARSE_DENSITY * x.size


def _take(have: Mapping[str, Tensor], source: Source) -> Tensor:
    x = have[source.name]
    return x if source.is_whole else x[..., source.start : source.stop]


def neighbourhoods(x: Tensor) -> Tensor:
    """3 x 3 neighbourhoods, edges replicated: (N, h, w, C) -> (N, h, w, 9 C)."""
    n, h, w, c = x.shape
    padded = np.empty((n, h + 2, w + 2, c), x.dtype)
    padded[:, 1:-1, 1:-1] = x
    padded[:, 0, 1:-1], padded[:, -1, 1:-1] = x[:, 0], x[:, -1]
    padded[:, :, 0], padded[:, :, -1] = padded[:, :, 1], padded[:, :, -2]
    out = np.empty((n, h, w, 9 * c), x.dtype)
    for i in range(3):
        for j in range(3):
            k = (3 * i + j) * c
            out[..., k : k + c] = padded[:, i : i + h, j : j + w]
    return out


def shuffle(x: Tensor, factor: int) -> Tensor:
    """(N, h, w, C f f) -> (N, h f, w f, C)."""
    n, h, w, channels = x.shape
    x = x.reshape(n, h, w, -1, factor, factor).transpose(0, 1, 4, 2, 5, 3)
    return np.ascontiguousarray(x).reshape(n, h * factor, w * factor, channels // factor**2)


def unshuffle(x: Tensor, factor: int) -> Tensor:
    """(N, h f, w f, C) -> (N, h, w, C f f)."""
    n, height, width, c = x.shape
    h, w = height // factor, width // factor
    x = x.reshape(n, h, factor, w, factor, c).transpose(0, 1, 3, 5, 2, 4)
    return np.ascontiguousarray(x).reshape(n, h, w, c * factor**2)
