"""Settings that decide the result of training, besides the images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from numcodecs_neural.errors import ConfigError
from numcodecs_neural.training.losses import MS_SSIM_CROP_PX, MS_SSIM_MORE_THAN_PX
from numcodecs_neural.training.model import Shape

CROP_PX = 128
STRIDE_PX = 64  # of hyper-latents


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what comes out, besides the images.

    Parameters
    ----------
    minutes, finish_minutes : float
        Length of the first and of the second phase.
    steps, finish_steps : int, optional
        The same in steps, in place of minutes.
    shape : Shape
        Channels of the networks.
    batch, crop_px : int
        Crops per step, and their side; 0: 128, or 192 for MS-SSIM.
    rate : float
        Highest rate of learning of the first phase.
    distortion : str
        One of `losses.DISTORTIONS`.
    features : Path, optional
        File of the feature network, if the distortion needs one.
    init : Path, optional
        Weights of another run to begin with, in place of principal components.
    thrift : float
        How much a bit is worth when symbols are chosen; 1 is what high-rate theory gives.
    table_batches : int
        Batches of crops that tables are fitted to.
    seed : int
    device : str
        Where the two phases run; everything else is for the CPU.
    workers : int
        Processes that draw crops beside this one.
    """

    minutes: float
    finish_minutes: float
    steps: int | None = None
    finish_steps: int | None = None
    shape: Shape = field(default_factory=Shape)
    batch: int = 8
    crop_px: int = 0
    rate: float = 6e-4
    distortion: str = "mse"
    features: Path | None = None
    init: Path | None = None
    thrift: float = 0.55
    table_batches: int = 200
    seed: int = 0
    device: str = "cpu"
    workers: int = 0

    @property
    def side(self) -> int:
        """Side of a crop in pixels.

        Raises
        ------
        ConfigError
            If it is no multiple of the stride, or MS-SSIM has no room for its scales.
        """
        needs_room = self.distortion.startswith("ms-ssim")
        side = self.crop_px or (MS_SSIM_CROP_PX if needs_room else CROP_PX)
        if needs_room and side <= MS_SSIM_MORE_THAN_PX:
            raise ConfigError(
                f"crops of {side} pixels are too small for the five scales of MS-SSIM: "
                f"take more than {MS_SSIM_MORE_THAN_PX}"
            )
        if side < STRIDE_PX or side % STRIDE_PX:
            raise ConfigError(f"crops of {side} pixels: take a multiple of {STRIDE_PX}, above 0")
        return side
