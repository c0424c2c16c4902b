"""Networks in torch, on the CPU or on CUDA: the same integers as the numpy backend.

Only matrix products and element-wise operations are used: a 3 x 3 convolution is unfolded first,
since a library's convolution may choose an algorithm (Winograd) that is not exact on integers.
Factors keep to 11 bits, so the result is the same whether or not TF32 is allowed by the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from numcodecs_neural.networks.description import ConvArrays, Layer, Network, Pixels


class TorchBackend:
    """Runs networks on a torch device; takes and gives numpy arrays.

    Parameters
    ----------
    device : str
        ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    """

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._constants: dict[int, tuple[Any, ...]] = {}

    def run(
        self, network: Network, tensors: Mapping[str, NDArray[Any]], quality: int
    ) -> dict[str, NDArray[Any]]:
        """Execute all layers; return the given tensors and every result, by name."""
        have = self._execute(network, tensors, quality)
        results = {x.name: have[x.name].cpu().numpy() for x in network.layers}
        return {**tensors, **results}

    def run_to_pixels(
        self, network: Network, tensors: Mapping[str, NDArray[Any]], quality: int
    ) -> Pixels:
        """Execute a network that ends in pixels; (N, C, H, W) uint8 or uint16."""
        last = self._execute(network, tensors, quality)[network.layers[-1].name]
        dtype = network.convs[network.layers[-2].name].pixel_dtype
        # torch's own uint16 is incomplete.
        moved = last.to(torch.uint8 if dtype is np.uint8 else torch.int32).permute(0, 3, 1, 2)
        return np.ascontiguousarray(moved.cpu().numpy(), dtype)

    @torch.inference_mode()
    def _execute(
        self, network: Network, tensors: Mapping[str, NDArray[Any]], quality: int
    ) -> dict[str, torch.Tensor]:
        have = {
            name: torch.from_numpy(np.ascontiguousarray(x, np.float32)).to(self._device)
            for name, x in tensors.items()
        }
        with torch.autocast(self._device.type, enabled=False):
            for layer in network.layers:
                parts = [have[s.name][..., s.start : s.stop] for s in layer.inputs]
                x = torch.cat(parts, -1) if len(parts) > 1 else parts[0]
                have[layer.name] = self._apply(layer, network, x, quality)
        return have

    def _apply(self, layer: Layer, network: Network, x: torch.Tensor, quality: int) -> torch.Tensor:
        if layer.op == "conv":
            return self._conv(layer, network.convs[layer.name], x, quality)
        if layer.op == "table":
            (table,) = self._resident(network.tables[layer.name])
            n = len(table) // 2
            return table[(x.clamp(-n, n) + n).long()]
        planes = x.permute(0, 3, 1, 2)
        move = F.pixel_shuffle if layer.op == "shuffle" else F.pixel_unshuffle
        return move(planes, layer.factor).permute(0, 2, 3, 1).contiguous()

    def _conv(
        self, layer: Layer, arrays: ConvArrays, x: torch.Tensor, quality: int
    ) -> torch.Tensor:
        weight, bias, scale, low, high = self._resident(
            arrays.weight, arrays.bias, arrays.scale, arrays.low, arrays.high
        )
        if layer.kernel == 3:
            x = _neighbourhoods(x)
        n, h, w, channels = x.shape
        y = x.reshape(-1, channels) @ weight
        y = torch.floor((y + bias[quality if len(bias) > 1 else 0]) * scale)
        return torch.minimum(torch.maximum(y, low), high).reshape(n, h, w, -1)

    def _resident(self, *arrays: NDArray[Any]) -> tuple[torch.Tensor, ...]:
        """The arrays on the device, moved there once; keyed by the first array's identity."""
        key = id(arrays[0])
        if key not in self._constants:
            moved = tuple(torch.from_numpy(a).to(self._device) for a in arrays)
            self._constants[key] = (arrays, moved)  # holding the arrays keeps their id theirs
        resident: tuple[torch.Tensor, ...] = self._constants[key][1]
        return resident


def _neighbourhoods(x: torch.Tensor) -> torch.Tensor:
    """3 x 3 neighbourhoods, edges replicated: (N, h, w, C) -> (N, h, w, 9 C)."""
    _, h, w, _ = x.shape
    rows = torch.arange(-1, h + 1, device=x.device).clamp(0, h - 1)
    columns = torch.arange(-1, w + 1, device=x.device).clamp(0, w - 1)
    padded = x[:, rows][:, :, columns]
    parts = [padded[:, i : i + h, j : j + w] for i in range(3) for j in range(3)]
    return torch.cat(parts, -1)
