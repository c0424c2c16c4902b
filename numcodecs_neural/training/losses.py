"""Distortion terms of the loss: squared error, MS-SSIM, and similarity of deep features.

All distortions are on the scale of the mean squared error of 8-bit samples, so that one lambda, and
with it quality 0..100, means about the same rate and visual loss for each:

- ``mse`` is that error.
- ``ms-ssim`` is 1275 (1 - MS-SSIM). CompressAI trains lambda 255^2 MSE at lambda .0018 .. .18 where
  it trains lambda (1 - MS-SSIM) at 2.40 .. 220, MSE being of samples in 0..1: between 1222 and 1333
  to one. Five scales with a window of 11 need crops of more than 160 pixels.
- ``features`` is psi times the squared distance of deep features, brought to the scale of the
  squared error by the factor that the feature network's file holds. Psi is 0.5 for the first 60 %
  of training and 0.7 then, as in SPL2E (Fischer et al. 2023: 90 and 60 epochs).
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.training.features import FeatureNetwork
from numcodecs_neural.training.model import Codec, lmbda_of

DISTORTIONS = ("mse", "ms-ssim", "mse+features", "ms-ssim+features")
MS_SSIM_WEIGHT = 1275.0
MS_SSIM_CROP_PX = 192
MS_SSIM_MORE_THAN_PX = 160
PSI_FIRST, PSI_LAST, PSI_CHANGE = 0.5, 0.7, 0.6

_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW_PX, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
# A factor of nothing has an infinite gradient in a product of powers: below this it has none.
_LEAST_FACTOR = 1e-3


class Distortion:
    """Distance of images, as one of `DISTORTIONS`.

    Parameters
    ----------
    name : str
    features : FeatureNetwork, optional
        Needed where the name says so.

    Raises
    ------
    ConfigError
        If the name is unknown, or features are missing or not asked for.
    """

    def __init__(self, name: str = "mse", features: FeatureNetwork | None = None) -> None:
        if name not in DISTORTIONS:
            raise ConfigError(f"distortion {name!r} is unknown: take {', '.join(DISTORTIONS)}")
        if name.endswith("+features") != (features is not None):
            raise ConfigError(
                f"distortion {name!r} needs a feature network"
                if features is None
                else f"distortion {name!r} has no use for a feature network: add '+features'"
            )
        self.name, self.features = name, features

    def to(self, device: torch.device | str) -> "Distortion":
        """Move the feature network to a device."""
        if self.features is not None:
            self.features.to(device)
        return self

    def terms(self, x: Tensor, x_hat: Tensor, progress: float) -> dict[str, Tensor]:
        """Terms by name, each (N,), of images (N, C, H, W) in 0..255.

        `progress` is how much of training is done, 0..1.
        """
        if self.name.startswith("ms-ssim"):
            terms = {"ms-ssim": MS_SSIM_WEIGHT * (1 - ms_ssim(x, x_hat))}
        else:
            terms = {"mse": (x - x_hat).square().mean((1, 2, 3))}
        if self.features is not None:
            psi = PSI_FIRST if progress < PSI_CHANGE else PSI_LAST
            terms["features"] = psi * self.features.distance(x, x_hat)
        return terms


def loss_of(
    codec: Codec,
    x: Tensor,
    t: Tensor,
    distortion: Distortion | None = None,
    progress: float = 1.0,
    autocast: bool = False,  # noqa: FBT001, FBT002
) -> tuple[Tensor, dict[str, Tensor]]:
    """Rate-distortion loss, every rate and every kind of image weighing about alike.

    Returns
    -------
    loss : Tensor
    log : dict of str to Tensor
        Means over the batch: rates, PSNR, and ``share ...`` of the cost by its parts.
    """
    with torch.autocast(x.device.type, torch.bfloat16, enabled=autocast):
        x_hat, y_bits, z_bits = codec(x, t)
    x_hat, y_bits, z_bits = x_hat.float(), y_bits.float(), z_bits.float()
    pixels = x.shape[-1] * x.shape[-2]
    bpp = (y_bits + z_bits) / pixels
    lmbda = lmbda_of(t)
    terms = (distortion or Distortion()).terms(x, x_hat, progress)
    parts = {"rate": bpp, **{name: lmbda * term for name, term in terms.items()}}
    cost = sum(parts.values(), torch.zeros_like(bpp)) / lmbda.sqrt()
    loss = (cost / (cost.detach() + 1.0).sqrt()).mean()
    with torch.no_grad():
        mse = (x - x_hat).square().mean((1, 2, 3))
        log = {
            "loss": loss.detach(),
            "cost": cost.mean(),
            "bpp": bpp.mean(),
            "z_bpp": z_bits.mean() / pixels,
            "psnr": (10 * torch.log10(255**2 / mse)).mean(),
            **_shares(parts, cost * lmbda.sqrt()),
        }
    return loss, log


def _shares(parts: Mapping[str, Tensor], cost: Tensor) -> dict[str, Tensor]:
    return {f"share {name}": (part / cost).mean() for name, part in parts.items()}


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """Multi-scale structural similarity of images (N, C, H, W) in 0..255; (N,).

    Five scales, Gaussian window of 11, per channel (Wang et al. 2003).
    """
    window = _window(x)
    factors = []
    for number, weight in enumerate(_SCALE_WEIGHTS):
        ssim, contrast = _ssim(x, y, window)
        is_last = number == len(_SCALE_WEIGHTS) - 1
        factors.append((ssim if is_last else contrast).clamp(min=_LEAST_FACTOR) ** weight)
        if not is_last:
            padding = [n % 2 for n in x.shape[-2:]]
            x, y = (F.avg_pool2d(v, 2, padding=padding) for v in (x, y))
    return torch.stack(factors).prod(0).mean(1)


def _ssim(x: Tensor, y: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Mean similarity, and its contrast and structure alone, each (N, C)."""
    kernel, groups = window.expand(x.shape[1], 1, -1), x.shape[1]
    mx, my, xx, yy, xy = (  # one by one: the convolution of a batch of all took three times as long
        F.conv2d(F.conv2d(v, kernel[..., None], groups=groups), kernel[:, :, None], groups=groups)
        for v in (x, y, x * x, y * y, x * y)
    )
    contrast = (2 * (xy - mx * my) + _C2) / (xx - mx * mx + yy - my * my + _C2)
    luminance = (2 * mx * my + _C1) / (mx * mx + my * my + _C1)
    return (luminance * contrast).mean((2, 3)), contrast.mean((2, 3))


def _window(like: Tensor) -> Tensor:
    """Gaussian (1, 1, 11) with sum 1."""
    offsets = torch.arange(_WINDOW_PX, device=like.device, dtype=like.dtype) - _WINDOW_PX // 2
    weights = torch.exp(-offsets.square() / (2 * _SIGMA**2))
    return (weights / weights.sum())[None, None]
