"""The factorised prior of Balle et al. 2018, and streams of the integers that it describes."""

import itertools

import numpy as np
import torch
from torch.nn import Parameter, ParameterList
from torch.nn import functional as f

from numcodecs_neural.entropy import SymbolDecoder, SymbolTables
from numcodecs_neural.entropy.enc_stream import encode_symbols
from numcodecs_neural.entropy.enc_tables import tables_from_counts

WIDTHS = (1, 3, 3, 3, 1)
FIRST_SCALE = 3.0  # of the distributions before training, in steps
LEAST = 1e-9  # a probability, so that its logarithm is finite
REACH = 250  # the largest magnitude in a table; what lies beyond is escaped
COUNTS = 1 << 24


class FactorizedPrior(torch.nn.Module):
    """A distribution for each channel: its cumulative is a small monotonic network."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        scale = FIRST_SCALE ** (1 / (len(WIDTHS) - 1))
        self.matrices, self.biases, self.factors = ParameterList(), ParameterList(), ParameterList()
        for inner, outer in itertools.pairwise(WIDTHS):
            start = float(np.log(np.expm1(1 / scale / outer)))
            self.matrices.append(Parameter(torch.full((channels, outer, inner), start)))
            self.biases.append(Parameter(torch.rand(channels, outer, 1) - 0.5))
            self.factors.append(Parameter(torch.zeros(channels, outer, 1)))

    def logits(self, values: torch.Tensor) -> torch.Tensor:
        """Return the logits of the cumulative at (C, 1, n)."""
        layers = list(zip(self.matrices, self.biases, self.factors, strict=True))
        for number, (matrix, bias, factor) in enumerate(layers):
            values = f.softplus(matrix) @ values + bias
            if number < len(layers) - 1:
                values = values + torch.tanh(factor) * torch.tanh(values)
        return values

    def probability(self, values: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of the steps around the values (C, 1, n)."""
        below, above = self.logits(values - 0.5), self.logits(values + 0.5)
        # Of two sigmoids near 1 the difference is lost, of those near 0 it is not.
        side = -torch.sign(below + above).detach()
        return (torch.sigmoid(side * above) - torch.sigmoid(side * below)).abs()

    def bits(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the bits of all latents (N, C, ...), with noise in place of rounding."""
        noisy = latents + torch.rand_like(latents) - 0.5
        by_channel = noisy.transpose(0, 1).reshape(latents.shape[1], 1, -1)
        return -torch.log2(self.probability(by_channel).clamp(min=LEAST)).sum()

    @torch.no_grad()
    def tables(self) -> SymbolTables:
        """Return integer tables of the channels."""
        steps = torch.arange(-REACH, REACH + 1.0).expand(len(self.biases[0]), 1, -1)
        counts = (self.probability(steps)[:, 0] * COUNTS).round().long().numpy()
        rows, offsets = [], []
        for row in counts:
            (used,) = np.nonzero(row >= COUNTS >> 16)
            first, last = int(used[0]), int(used[-1])
            inside = row[first : last + 1]
            rows.append(np.append(inside, max(0, COUNTS - int(inside.sum()))))
            offsets.append(first - REACH)
        return tables_from_counts(rows, offsets)


def rounded(latents: torch.Tensor) -> torch.Tensor:
    """Round; gradients pass as if nothing was done."""
    return latents + (latents.round() - latents).detach()


def coded(latents: torch.Tensor, tables: SymbolTables) -> bytes:
    """Return the stream of the integers (1, C, ...)."""
    symbols = latents.numpy().astype(np.int32).ravel()
    return encode_symbols([(symbols, indexes_of(latents.shape), tables)], lanes=1)


def decoded(stream: bytes, shape: tuple[int, ...], tables: SymbolTables) -> torch.Tensor:
    """Return the integers of (1, C, ...)."""
    decoder = SymbolDecoder(stream)
    symbols = decoder.decode(indexes_of(shape), tables)
    decoder.finish()
    return torch.from_numpy(symbols.astype(np.float32)).reshape(shape)


def indexes_of(shape: tuple[int, ...]) -> np.ndarray:
    """Return the index of the table that codes each integer: its channel."""
    channels = np.arange(shape[1], dtype=np.uint8)
    return channels.repeat(int(np.prod(shape[2:])))
