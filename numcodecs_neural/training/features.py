"""Feature network of the perceptual loss, and its file.

It is trained by contrast alone (`pretrain.py`). Its features are taken after each of four stages,
at strides 2, 4, 8 and 16, each channel divided by its spread over tissue.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors_torch
from torch import Tensor, nn
from torch.nn import functional as F

from numcodecs_neural.errors import WeightsError

PROGRAM = "numcodecs-neural features 1"
WIDTHS = (32, 48, 96, 128)


class _Stage(nn.Module):
    """Half the side: a strided convolution, and a residual one where `is_deep`."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, is_deep: bool) -> None:
        super().__init__()
        padding = kernel // 2
        self.down = nn.Conv2d(inputs, outputs, kernel, 2, padding, bias=False)
        self.down_norm = nn.BatchNorm2d(outputs)
        self.is_deep = is_deep
        if is_deep:
            self.around = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.around_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, h, w) -> (N, outputs, h/2, w/2)."""
        x = F.relu(self.down_norm(self.down(x)))
        if not self.is_deep:
            return x
        return F.relu(x + self.around_norm(self.around(x)))


class FeatureNetwork(nn.Module):
    """RGB in 0..255 to features at four depths.

    Parameters
    ----------
    widths : sequence of int
        Channels of the stages.
    """

    scale: Tensor

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.widths = widths
        self.stages = nn.ModuleList(
            _Stage(before, after, 5 if number == 0 else 3, is_deep=number >= 2)
            for number, (before, after) in enumerate(zip((3, *widths), widths, strict=False))
        )
        for number, width in enumerate(widths):
            self.register_buffer(f"spread{number}", torch.ones(width))
        self.register_buffer("scale", torch.tensor(1.0))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(N, 3, H, W) -> [(N, widths[k], H / 2^(k+1), W / 2^(k+1)), ...], not normalised."""
        stages = []
        x = (x - 128) / 64
        for stage in self.stages:
            x = stage(x)
            stages.append(x)
        return stages

    def spread(self, depth: int) -> Tensor:
        """Standard deviation of each channel over tissue: (widths[depth],)."""
        spread: Tensor = getattr(self, f"spread{depth}")
        return spread

    def distance(self, x: Tensor, x_hat: Tensor) -> Tensor:
        """Squared distance of normalised features, on the scale of a squared error; (N,)."""
        with torch.no_grad():
            ours = self(x)
        total = torch.zeros(len(x), device=x.device)
        for depth, (a, b) in enumerate(zip(ours, self(x_hat), strict=True)):
            spread = self.spread(depth)[:, None, None]
            total = total + ((a - b) / spread).square().mean((1, 2, 3))
        return self.scale * total / len(ours)

    def embedding(self, x: Tensor) -> Tensor:
        """One unit vector for each image: (N, widths[-1])."""
        last: Tensor = self(x)[-1]
        return F.normalize(last.mean((2, 3)), dim=1)

    @torch.no_grad()
    def settle(self, tissue: Tensor, degraded: Tensor) -> None:
        """Choose spreads and scale: features of `degraded` are as far from `tissue` as pixels."""
        self.eval()
        for depth, features in enumerate(self(tissue)):
            self.spread(depth).copy_(features.std((0, 2, 3)).clamp(min=1e-3))
        self.scale.fill_(1.0)
        squared = (tissue - degraded).square().mean()
        self.scale.copy_(squared / self.distance(tissue, degraded).mean())


def save_features(network: FeatureNetwork, path: Path, figures: dict[str, Any]) -> str:
    """Write the network with `figures` about it, whole or not at all; return the SHA-256."""
    about = {"program": PROGRAM, "widths": network.widths, **figures}
    tensors = {k: v.detach().cpu().contiguous() for k, v in sorted(network.state_dict().items())}
    # one key: safetensors writes several in any order
    content = safetensors_torch.save(tensors, {"about": json.dumps(about, sort_keys=True)})
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)
    return hashlib.sha256(content).hexdigest()


def load_features(path: Path) -> tuple[FeatureNetwork, str]:
    """Read a network, frozen, and the SHA-256 of its file.

    Raises
    ------
    WeightsError
        If the file is damaged or something else.
    """
    content = path.read_bytes()
    try:
        tensors = safetensors_torch.load(content)
        length = int.from_bytes(content[:8], "little")
        about = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["about"])
        if about["program"] != PROGRAM:
            raise ValueError(about["program"])  # noqa: TRY301
        network = FeatureNetwork(tuple(about["widths"]))
        network.load_state_dict(tensors)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as exc:
        raise WeightsError(
            f"{path} is no feature network of numcodecs-neural, or damaged: "
            "`numcodecs-neural pretrain-features` makes one"
        ) from exc
    network.eval().requires_grad_(requires_grad=False)
    return network, hashlib.sha256(content).hexdigest()
