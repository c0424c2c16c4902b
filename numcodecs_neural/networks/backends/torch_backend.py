"""Networks in torch, on the CPU or on CUDA: the same integers as the numpy backend.

Only matrix products and element-wise operations are used: a 3 x 3 convolution is unfolded first,
since a library's convolution may choose an algorithm (Winograd) that is not exact on integers.
Factors keep to 11 bits, so the result is the same whether or not TF32 is allowed by the process.
"""

import functools
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch.nn import functional as F

from numcodecs_neural.networks.dec_model import DEQUANTIZED_LIMIT, DecoderModel
from numcodecs_neural.networks.description import ConvArrays, Layer, Network, Pixels
from numcodecs_neural.networks.passes import Phase, positions_of

# torch's own uint16 is incomplete.
_DTYPES = {
    np.dtype(np.uint8): torch.uint8,
    np.dtype(np.uint16): torch.int32,
    np.dtype(np.int32): torch.int32,
    np.dtype(np.float32): torch.float32,
}


class TorchBackend:
    """Runs networks on a torch device, where their tensors stay.

    Parameters
    ----------
    device : str
        ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    """

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._constants: dict[int, tuple[Any, ...]] = {}

    def to_device(self, array: NDArray[Any]) -> torch.Tensor:
        """Return integers of the host as a tensor."""
        if array.dtype == np.uint16:
            array = array.astype(np.int32)
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def to_host(self, tensor: torch.Tensor, dtype: DTypeLike) -> NDArray[Any]:
        """Return a tensor as an array of `dtype`."""
        array: NDArray[Any] = tensor.to(_DTYPES[np.dtype(dtype)]).contiguous().cpu().numpy()
        return array.astype(dtype, copy=False)

    def floats(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor as float32."""
        return tensor.float()

    def integers(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor as int32."""
        return tensor.int()

    @torch.inference_mode()
    def run(
        self,
        network: Network,
        tensors: Mapping[str, torch.Tensor],
        quality: int,
        wanted: Collection[str],
    ) -> dict[str, torch.Tensor]:
        """Return the results of the layers whose names are wanted."""
        have = dict(tensors)
        with torch.autocast(self._device.type, enabled=False):
            for layer in network.layers:
                parts = [have[s.name][..., s.start : s.stop] for s in layer.inputs]
                x = torch.cat(parts, -1) if len(parts) > 1 else parts[0]
                have[layer.name] = self._apply(layer, network, x, quality)
        return {name: have[name] for name in wanted}

    def run_to_pixels(
        self, network: Network, tensors: Mapping[str, torch.Tensor], quality: int
    ) -> Pixels:
        """Execute a network that ends in pixels; (N, C, H, W) uint8 or uint16."""
        conv, last = (layer.name for layer in network.layers[-2:])
        pixels = self.run(network, tensors, quality, (last,))[last].permute(0, 3, 1, 2)
        return self.to_host(pixels, network.convs[conv].pixel_dtype)

    def take(self, tensor: torch.Tensor, phase: Phase) -> torch.Tensor:
        """Return (N, positions, channels): a tensor at the positions of a phase."""
        flat = tensor.flatten(1, 2)
        positions = _positions(phase, tensor.shape[1], tensor.shape[2], self._device)
        return flat if positions is None else flat[:, positions]

    def place(
        self,
        latents: torch.Tensor,
        phase: Phase,
        size: tuple[int, int],
        whole: torch.Tensor | None,
    ) -> torch.Tensor:
        """Undo `take`; the other positions are those of `whole`, or 0."""
        n, _, channels = latents.shape
        positions = _positions(phase, *size, self._device)
        if positions is None:
            return latents.reshape(n, *size, channels)
        if whole is None:
            whole = latents.new_zeros((n, *size, channels))
        whole.flatten(1, 2)[:, positions] = latents
        return whole

    def dequantize(
        self, latents: torch.Tensor, model: DecoderModel, channels: slice, quality: int
    ) -> torch.Tensor:
        """Return latents in the units of the synthesis."""
        steps, shifts = self._resident(model.step, model.step_shift)
        step, shift = steps[quality, channels].long(), shifts[channels].long()
        scaled = (latents.long() * step + (1 << (shift - 1))) >> shift
        return scaled.clamp(-DEQUANTIZED_LIMIT, DEQUANTIZED_LIMIT).float()

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


@functools.lru_cache(maxsize=32)
def _positions(phase: Phase, h: int, w: int, device: torch.device) -> torch.Tensor | None:
    positions = positions_of(phase, h, w)
    return None if positions is None else torch.tensor(positions, device=device)


def _neighbourhoods(x: torch.Tensor) -> torch.Tensor:
    """3 x 3 neighbourhoods, edges replicated: (N, h, w, C) -> (N, h, w, 9 C)."""
    _, h, w, _ = x.shape
    rows = torch.arange(-1, h + 1, device=x.device).clamp(0, h - 1)
    columns = torch.arange(-1, w + 1, device=x.device).clamp(0, w - 1)
    padded = x[:, rows][:, :, columns]
    parts = [padded[:, i : i + h, j : j + w] for i in range(3) for j in range(3)]
    return torch.cat(parts, -1)
