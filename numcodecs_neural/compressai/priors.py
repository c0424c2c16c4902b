"""Latents to streams and back, with the three kinds of priors of the papers.

All arithmetic that decides how a symbol is coded is done in float64 on the CPU, whatever the
device: there, what another machine rounds differently is some 1e-16 of a number and moves
practically no symbol into another table, while float32 moves a few in every chunk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from numcodecs_neural.compressai.architectures import Architecture
from numcodecs_neural.compressai.rans import StreamReader, Symbols, Tables
from numcodecs_neural.errors import NumericsError, WeightsError

__all__ = ["Coded", "Prior", "make_prior"]

LATENT_STRIDE, HYPER_STRIDE = 16, 64

# A position of `n` images: indexes of their M symbols and means, both (n, M), to symbols (n, M).
SymbolsOf = Callable[[NDArray[np.int64], Tensor, int, int], Symbols]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """Latents in both forms.

    Parameters
    ----------
    streams : tuple of bytes
        Of the latents, and of the hyper-latents where there are any.
    symbols : tuple of ndarray
        What the streams stand for, int32, in the same order.
    y_hat : Tensor
        The latents as the synthesis takes them, (n, M, h, w) float64.
    """

    streams: tuple[bytes, ...]
    symbols: tuple[Symbols, ...]
    y_hat: Tensor


class Prior(Protocol):
    """Codes the latents `y` of images."""

    stream_count: int

    def encode(self, y: Tensor) -> Coded:
        """Code (n, M, h, w)."""

    def decode(self, streams: tuple[bytes, ...], shape: tuple[int, int, int]) -> Coded:
        """Decode for ``shape = (n, H, W)`` in pixels, multiples of 64."""


def make_prior(net: Any, arch: Architecture) -> Prior:
    """Return the prior of a model; parts of `net` are moved to the CPU and to float64."""
    if arch.has_context:
        return ContextPrior(net)
    return Hyperprior(net, has_means=arch.has_means) if arch.has_hyperprior else Factorized(net)


class Bottleneck:
    """CompressAI's entropy bottleneck: one table and one median for each channel."""

    def __init__(self, model: Any) -> None:
        self._tables = Tables(model)
        self._medians = model.quantiles[:, 0, 1].double().cpu().reshape(1, -1, 1, 1)

    def encode(self, x: Tensor) -> tuple[bytes, Symbols, Tensor]:
        """Return stream, symbols and rounded values of (n, C, h, w)."""
        symbols = _rounded(x.double().cpu() - self._medians)
        return self._tables.encode(symbols, self._indexes(symbols.shape)), *self._both(symbols)

    def decode(self, stream: bytes, shape: tuple[int, int, int]) -> tuple[Symbols, Tensor]:
        """Return symbols and values for ``shape = (n, h, w)``."""
        n, h, w = shape
        indexes = self._indexes((n, len(self._tables), h, w))
        return self._both(self._tables.decode(stream, indexes))

    def _both(self, symbols: Symbols) -> tuple[Symbols, Tensor]:
        return symbols, torch.from_numpy(symbols).double() + self._medians

    def _indexes(self, shape: tuple[int, ...]) -> NDArray[np.int64]:
        channels = np.arange(len(self._tables)).reshape(1, -1, 1, 1)
        return np.broadcast_to(channels, shape)


class Gaussian:
    """CompressAI's Gaussian conditional: the table is chosen by a scale."""

    def __init__(self, model: Any) -> None:
        self.tables = Tables(model)
        scales = model.scale_table.double().cpu()
        if len(scales) != len(self.tables):
            raise WeightsError(
                f"the model has {len(scales)} scales for {len(self.tables)} tables: import it again"
            )
        self._edges, self._least = scales[:-1].contiguous(), float(model.lower_bound_scale.bound)

    def indexes(self, scales: Tensor) -> NDArray[np.int64]:
        """Return, for each scale, the first table that is no narrower."""
        found: NDArray[np.int64] = torch.bucketize(
            scales.clamp(min=self._least).contiguous(), self._edges
        ).numpy()
        return found


class Factorized:
    """Every latent by its channel's table alone."""

    stream_count = 1

    def __init__(self, net: Any) -> None:
        self._bottleneck = Bottleneck(net.entropy_bottleneck)

    def encode(self, y: Tensor) -> Coded:
        """Code (n, M, h, w)."""
        stream, symbols, y_hat = self._bottleneck.encode(y)
        return Coded(streams=(stream,), symbols=(symbols,), y_hat=y_hat)

    def decode(self, streams: tuple[bytes, ...], shape: tuple[int, int, int]) -> Coded:
        """Decode for ``shape = (n, H, W)`` in pixels."""
        symbols, y_hat = self._bottleneck.decode(streams[0], _reduced(shape, LATENT_STRIDE))
        return Coded(streams=streams, symbols=(symbols,), y_hat=y_hat)


class Hyperprior:
    """Scales, and means where the architecture has them, from hyper-latents."""

    stream_count = 2

    def __init__(self, net: Any, *, has_means: bool) -> None:
        self._has_means = has_means
        self._bottleneck = Bottleneck(net.entropy_bottleneck)
        self._gaussian = Gaussian(net.gaussian_conditional)
        self._h_a, self._h_s = net.h_a, net.h_s.double().cpu()

    def encode(self, y: Tensor) -> Coded:
        """Code (n, M, h, w)."""
        z = self._h_a(y if self._has_means else y.abs())  # -> (n, N, h / 4, w / 4)
        z_stream, z_symbols, z_hat = self._bottleneck.encode(z)
        scales, means = self._parameters(z_hat)
        symbols = _rounded(y.double().cpu() - means)
        y_stream = self._gaussian.tables.encode(symbols, self._gaussian.indexes(scales))
        y_hat = torch.from_numpy(symbols).double() + means
        return Coded(streams=(y_stream, z_stream), symbols=(symbols, z_symbols), y_hat=y_hat)

    def decode(self, streams: tuple[bytes, ...], shape: tuple[int, int, int]) -> Coded:
        """Decode for ``shape = (n, H, W)`` in pixels."""
        z_symbols, z_hat = self._bottleneck.decode(streams[1], _reduced(shape, HYPER_STRIDE))
        scales, means = self._parameters(z_hat)
        symbols = self._gaussian.tables.decode(streams[0], self._gaussian.indexes(scales))
        y_hat = torch.from_numpy(symbols).double() + means
        return Coded(streams=streams, symbols=(symbols, z_symbols), y_hat=y_hat)

    def _parameters(self, z_hat: Tensor) -> tuple[Tensor, Tensor]:
        """Scales and means, each (n, M, h, w)."""
        found = self._h_s(z_hat)
        if not self._has_means:
            return found, torch.zeros(())
        scales, means = found.chunk(2, 1)
        return scales, means


class ContextPrior:
    """Scales and means from hyper-latents and from the latents above and to the left.

    One position after the other, so it takes seconds for what the others do at once.
    """

    stream_count = 2

    def __init__(self, net: Any) -> None:
        self._bottleneck = Bottleneck(net.entropy_bottleneck)
        self._gaussian = Gaussian(net.gaussian_conditional)
        self._h_a, self._h_s = net.h_a, net.h_s.double().cpu()
        self._merge = net.entropy_parameters.double().cpu()
        context = net.context_prediction.double().cpu()
        # The last step of a training leaves weights where the mask forbids them.
        self._weight, self._bias = context.weight * context.mask, context.bias
        self._reach = context.weight.shape[-1] // 2

    def encode(self, y: Tensor) -> Coded:
        """Code (n, M, h, w)."""
        z_stream, z_symbols, z_hat = self._bottleneck.encode(self._h_a(y))
        wanted = y.double().cpu()
        used: list[NDArray[np.int64]] = []

        def symbols_of(indexes: NDArray[np.int64], means: Tensor, i: int, j: int) -> Symbols:
            used.append(indexes)
            return _rounded(wanted[:, :, i, j] - means)

        symbols, y_hat = self._walk(z_hat, symbols_of)
        y_stream = self._gaussian.tables.encode(symbols, np.stack(used))
        return Coded(streams=(y_stream, z_stream), symbols=(symbols, z_symbols), y_hat=y_hat)

    def decode(self, streams: tuple[bytes, ...], shape: tuple[int, int, int]) -> Coded:
        """Decode for ``shape = (n, H, W)`` in pixels."""
        z_symbols, z_hat = self._bottleneck.decode(streams[1], _reduced(shape, HYPER_STRIDE))
        n, h, w = _reduced(shape, LATENT_STRIDE)
        reader = StreamReader(self._gaussian.tables, streams[0], n * self._weight.shape[1] * h * w)
        symbols, y_hat = self._walk(z_hat, lambda indexes, *_: reader.read(indexes))
        return Coded(streams=streams, symbols=(symbols, z_symbols), y_hat=y_hat)

    def _walk(self, z_hat: Tensor, symbols_of: SymbolsOf) -> tuple[Symbols, Tensor]:
        """Visit all positions in order: symbols (h * w, n, M), and latents (n, M, h, w).

        Both directions come through here, so that they compute the same.
        """
        hyper, reach = self._h_s(z_hat), self._reach
        n, _, h, w = hyper.shape
        y_hat = hyper.new_zeros(n, self._weight.shape[1], h + 2 * reach, w + 2 * reach)
        symbols = []
        for i in range(h):
            for j in range(w):
                around = y_hat[:, :, i : i + 2 * reach + 1, j : j + 2 * reach + 1]
                context = F.conv2d(around, self._weight, self._bias)  # -> (n, 2 M, 1, 1)
                here = torch.cat((hyper[:, :, i : i + 1, j : j + 1], context), 1)
                scales, means = self._merge(here)[:, :, 0, 0].chunk(2, 1)
                found = symbols_of(self._gaussian.indexes(scales), means, i, j)
                y_hat[:, :, i + reach, j + reach] = torch.from_numpy(found).double() + means
                symbols.append(found)
        return np.stack(symbols), y_hat[:, :, reach : reach + h, reach : reach + w]


def _rounded(x: Tensor) -> Symbols:
    if not bool(torch.isfinite(x).all()) or float(x.abs().max()) >= 2**31 - 1:
        raise NumericsError(
            "the network gives latents that are not finite or too large to be coded: is the model "
            "trained?"
        )
    symbols: Symbols = torch.round(x).to(torch.int32).numpy()
    return symbols


def _reduced(shape: tuple[int, int, int], stride: int) -> tuple[int, int, int]:
    n, height, width = shape
    return n, height // stride, width // stride
