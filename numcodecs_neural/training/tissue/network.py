"""The tissue network in torch, for training with its integer rounding."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["GLASS_LEVEL", "TissueNet", "integers_of"]

# An activation of 1 is this many steps; the largest is 255 steps. Both are the converter's.
STEPS = 32
LARGEST = 255
# Weights are 8-bit integers times a power of two for each output, none larger than this.
WEIGHT_LIMIT = 127
MOST_SHIFT = 14
# What is as bright as glass is this dark, so that what is brighter has numbers too.
GLASS_LEVEL = 16

# name: kernel, inputs, outputs. What is fed to which is in `forward`.
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


class TissueNet(nn.Module):
    """Finds tissue in (N, 3, H, W): how much darker than glass, 0 to 255. Sides: multiples of 32.

    Returns (N, 1, H/2, W/2): above 0 where there is tissue.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(
            {
                name: nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
                for name, (kernel, inputs, outputs) in LAYERS.items()
            }
        )
        self.is_rounded = False
        for layer in self.layers.values():
            assert isinstance(layer, nn.Conv2d)
            assert layer.bias is not None
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, darkness: Tensor) -> Tensor:
        """Return the map; rounded like the integer network if `is_rounded`."""
        e1 = self._active("e1", _down(darkness / STEPS))
        e2 = self._active("e2", _down(e1))
        e3 = self._active("e3", _down(e2))
        e4 = self._active("e4", _down(e3))
        e6 = self._active("e6", self._active("e5", _down(e4)))
        d4 = self._active("d4", torch.cat([_up(e6), e4], 1))
        d3 = self._active("d3", torch.cat([_up(d4), e3], 1))
        d2 = self._active("d2", torch.cat([_up(d3), e2], 1))
        d1 = self._active("d1", torch.cat([_up(d2), e1], 1))
        return self._sum("out", d1)

    def _active(self, name: str, x: Tensor) -> Tensor:
        y = self._sum(name, x)
        if self.is_rounded:
            y = y + ((y * STEPS + 0.5).floor() / STEPS - y).detach()
        return y.clamp(0, LARGEST / STEPS)

    def _sum(self, name: str, x: Tensor) -> Tensor:
        layer = self.layers[name]
        assert isinstance(layer, nn.Conv2d)
        weight, bias = layer.weight, layer.bias
        assert bias is not None
        if self.is_rounded:
            scale = _scale(weight)
            weight = weight + ((weight * scale).round() / scale - weight).detach()
            step = scale.flatten() * STEPS
            bias = bias + ((bias * step).round() / step - bias).detach()
        return functional.conv2d(x, weight, bias, padding=layer.padding)


def integers_of(net: TissueNet) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of the integer network, as converters read them.

    For each layer ``NAME.weight`` int8 (kernel, kernel, inputs, outputs), ``NAME.bias`` int32 and
    ``NAME.shift`` int32, both (outputs,).
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, layer in net.layers.items():
        assert isinstance(layer, nn.Conv2d)
        assert layer.bias is not None
        scale = _scale(layer.weight)
        weight = (layer.weight * scale).round().permute(2, 3, 1, 0)
        bias = (layer.bias * scale.flatten() * STEPS).round()
        arrays[f"{name}.weight"] = np.ascontiguousarray(weight.detach().numpy().astype(np.int8))
        arrays[f"{name}.bias"] = bias.detach().numpy().astype(np.int32)
        arrays[f"{name}.shift"] = scale.flatten().log2().round().numpy().astype(np.int32)
    return arrays


def _scale(weight: Tensor) -> Tensor:
    """Return the largest power of two for each output that keeps its weights within 8 bits."""
    largest = weight.detach().abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-6)
    shift = (WEIGHT_LIMIT / largest).log2().floor().clamp(0, MOST_SHIFT)
    return torch.exp2(shift)


def _down(x: Tensor) -> Tensor:
    return functional.pixel_unshuffle(x, 2)


def _up(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")
