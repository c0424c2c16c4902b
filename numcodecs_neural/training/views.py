"""Augmentations for contrastive training: two views of a tile that show the same tissue."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

# Optical densities of haematoxylin, eosin and what is neither (Ruifrok & Johnston 2001), as rows.
_STAINS = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
STAIN_GAIN, STAIN_OFFSET = 0.25, 0.06
SCALE = 1.35  # largest zoom, and the inverse of the smallest
SHIFT = 0.2  # of the tile's half side
BLUR_SHARE, BLUR_SIGMA = 0.3, 1.2


def view_of(tiles: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """One random view (N, 3, side, side) of tiles (N, 3, H, W) in 0..255: place, stain, blur."""
    view = _moved(tiles, side, generator)
    view = _stained(view, generator)
    return _blurred(view, generator).clamp(0, 255)


def _moved(tiles: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Shifted, zoomed, turned by any angle and mirrored, about the middle of the tile."""
    n, device = len(tiles), tiles.device
    angle, zoom, dy, dx, mirror = _uniform((5, n), generator).to(device)
    angle = angle * math.pi
    reach = SCALE**zoom * side / tiles.shape[-1]
    mirror = torch.where(mirror > 0, 1.0, -1.0)
    rows = [
        [reach * torch.cos(angle) * mirror, -reach * torch.sin(angle), SHIFT * dx],
        [reach * torch.sin(angle) * mirror, reach * torch.cos(angle), SHIFT * dy],
    ]
    theta = torch.stack([torch.stack(row, 1) for row in rows], 1)
    grid = F.affine_grid(theta, [n, 3, side, side], align_corners=False)
    return F.grid_sample(tiles, grid, padding_mode="reflection", align_corners=False)


def _stained(view: Tensor, generator: torch.Generator) -> Tensor:
    """With more or less of each stain, as other laboratories would have it."""
    stains = torch.tensor(_STAINS, device=view.device)
    stains = stains / stains.norm(dim=1, keepdim=True)
    gain, offset = _uniform((2, len(view), 1, 3), generator).to(view.device)
    density = -torch.log((view.clamp(0, 255) + 1) / 256)  # (N, 3, h, w)
    flat = density.flatten(2).transpose(1, 2)  # (N, pixels, 3)
    amounts = flat @ torch.linalg.inv(stains)
    amounts = amounts * (1 + STAIN_GAIN * gain) + STAIN_OFFSET * offset
    flat = (amounts @ stains).transpose(1, 2).reshape(density.shape)
    return 256 * torch.exp(-flat) - 1


def _blurred(view: Tensor, generator: torch.Generator) -> Tensor:
    """Out of focus, in some of the views."""
    chance, sigma = torch.rand((2, len(view)), generator=generator).to(view.device)
    chosen = (chance < BLUR_SHARE).nonzero()[:, 0]
    if not len(chosen):
        return view
    offsets = torch.arange(-3, 4, device=view.device)
    weights = torch.exp(-0.5 * (offsets / (0.3 + BLUR_SIGMA * sigma[chosen, None])).square())
    weights = (weights / weights.sum(1, keepdim=True)).repeat_interleave(3, 0)[:, None]
    some = F.pad(view[chosen], (3, 3, 3, 3), mode="reflect")
    some = some.reshape(1, -1, *some.shape[-2:])
    some = F.conv2d(some, weights[..., None], groups=len(weights))
    some = F.conv2d(some, weights[:, :, None], groups=len(weights))
    result = view.clone()
    result[chosen] = some.reshape(len(chosen), 3, *view.shape[-2:])
    return result


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers in -1..1; drawn on the CPU, so that a seed gives the same on any device."""
    return 2 * torch.rand(shape, generator=generator) - 1
