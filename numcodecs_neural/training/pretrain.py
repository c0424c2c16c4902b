"""Contrastive training of the feature network: SimCLR (Chen et al. 2020) on tiles of tissue.

Two views of each tile of a batch are to be more alike than views of different tiles. How well that
works is measured on tiles of held-back files: how often the nearest of all second views is the
other view of the same tile.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from numcodecs_neural.errors import SourceError
from numcodecs_neural.training.data import Crops, area_reduce
from numcodecs_neural.training.features import FeatureNetwork, save_features
from numcodecs_neural.training.images import Image
from numcodecs_neural.training.run import Resumable, Schedule, seed_of
from numcodecs_neural.training.sources import load_images
from numcodecs_neural.training.views import view_of

TEMPERATURE = 0.1
PROJECTION = 64
WEIGHT_DECAY = 1e-4
TILE_OVER_VIEW = 4 / 3  # side of the tile that views are taken from
HELD_BACK_TILES = 256
JPEG_LEVELS = (30, 50, 70, 90)

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how.

    Parameters
    ----------
    minutes : float
    steps : int, optional
        In place of minutes.
    batch, view_px : int
        Tiles in a step, and the side of their views.
    rate : float
        Highest rate of learning.
    seed : int
    device : str
    """

    minutes: float = 10
    steps: int | None = None
    batch: int = 96
    view_px: int = 64
    rate: float = 2e-3
    seed: int = 0
    device: str = "cpu"

    @property
    def tile_px(self) -> int:
        """Side of the tiles that views are taken from."""
        return round(TILE_OVER_VIEW * self.view_px)

    @property
    def settings(self) -> dict[str, Any]:
        """What must stay the same when a run is continued."""
        return {k: getattr(self, k) for k in ("batch", "view_px", "seed")}


def pretrain(
    folders: Path | Sequence[Path],
    work: Path,
    out: Path,
    plan: Plan,
    report: Report = print,
    *,
    deadline: float = math.inf,
) -> bool:
    """Train a feature network on the images in `folders` and write it to `out`.

    The checkpoint lies in `work`; a call with the same arguments continues.

    Returns
    -------
    bool
        Whether training is complete, and the file is written.

    Raises
    ------
    SourceError
        If there are no images, or none to hold back.
    ConfigError, WeightsError
        If the checkpoint is damaged or of another plan.
    FloatingPointError
        If training diverges; the last good checkpoint is kept.
    """
    images = load_images(folders, 3, plan.tile_px)
    if not images.held_back:
        raise SourceError("it takes two images or more: one is held back to measure with")
    report(str(images))
    work.mkdir(parents=True, exist_ok=True)
    crops = Crops(images.sets, plan.seed, varied=False)
    tiles = _disjoint_tiles(images.held_back, plan.tile_px).to(plan.device)
    trainer = _Contrast(plan, work / "features.pt")
    trainer.resume()
    if not trainer.run(crops, tiles, report, deadline):
        return False
    network = trainer.network.eval().cpu()
    network.settle(*_degraded(tiles.cpu()))
    figures = {
        "steps": trainer.steps,
        "retrieval": trainer.retrieval(tiles.cpu()),
        "of": len(tiles),
        "plan": asdict(plan),
    }
    digest = save_features(network, out, figures)
    report(f"{out}: SHA-256 {digest}; {json.dumps(figures['retrieval'])} of held-back tiles found")
    return True


class _Contrast(Resumable):
    """The feature network, and a projection that only training needs."""

    def __init__(self, plan: Plan, checkpoint: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.checkpoint, self.settings = plan, checkpoint, plan.settings
        self.schedule = Schedule(
            minutes=plan.minutes, steps=plan.steps, rate=plan.rate, flat_fraction=0.1
        )
        self.network = FeatureNetwork().to(plan.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        width = self.network.widths[-1]
        self.projection = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, PROJECTION)
        ).to(plan.device)
        self.parameters = [*self.network.parameters(), *self.projection.parameters()]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=plan.rate, weight_decay=WEIGHT_DECAY, fused=True
        )
        self.modules = {"network": self.network, "projection": self.projection}

    def run(self, crops: Crops, held_back: Tensor, report: Report, deadline: float) -> bool:
        """Train until the plan is over or the deadline has come; return whether it is over."""

        def report_with_share(line: str) -> None:
            report(f"{line}  held-back tiles found {100 * self.retrieval(held_back):.1f} %")

        return self.run_steps(lambda: self._step(crops), report_with_share, deadline)

    def _step(self, crops: Crops) -> dict[str, float]:
        crops.seek(self.steps)
        tiles = torch.from_numpy(crops.batch(self.plan.batch, self.plan.tile_px))
        tiles = tiles.to(self.plan.device)
        generator = torch.Generator().manual_seed(seed_of(crops, self.steps))
        views = torch.cat([view_of(tiles, self.plan.view_px, generator) for _ in range(2)])
        self.network.train()
        last = self.network(views.contiguous(memory_format=torch.channels_last))[-1]
        loss, found = nt_xent(self.projection(last.mean((2, 3))))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.parameters, 3.0)
        if not (torch.isfinite(loss) and torch.isfinite(norm)):
            raise FloatingPointError(
                f"loss or gradient of step {self.steps} are not finite; the last good state is in "
                f"{self.checkpoint}: continue with a lower --rate"
            )
        self.optimizer.step()
        self.steps += 1
        return {"found": float(found), "loss": float(loss.detach())}

    @torch.no_grad()
    def retrieval(self, tiles: Tensor) -> float:
        """Share of tiles whose other view is the nearest of all; always the same views."""
        generator = torch.Generator().manual_seed(1)
        self.network.eval()
        one, other = (
            self.network.embedding(view_of(tiles, self.plan.view_px, generator)) for _ in range(2)
        )
        return float(found_of(one, other))


def nt_xent(projected: Tensor) -> tuple[Tensor, Tensor]:
    """Normalised temperature-scaled cross entropy of views (2 N, D), and the share found.

    Row k and row N + k are views of one tile.
    """
    z = F.normalize(projected, dim=1)
    count = len(z) // 2
    similarity = (z @ z.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    partner = (torch.arange(2 * count, device=z.device) + count) % (2 * count)
    found = (similarity.argmax(1) == partner).float().mean()
    return F.cross_entropy(similarity, partner), found


def found_of(one: Tensor, other: Tensor) -> Tensor:
    """Share of rows of `one` whose most similar row of `other` is that of the same number."""
    nearest = (one @ other.T).argmax(1)
    return (nearest == torch.arange(len(one), device=one.device)).float().mean()


def _disjoint_tiles(images: Sequence[Image], side: int) -> Tensor:
    """Tiles (N, 3, side, side) that do not overlap, native and reduced by 2; 256 at most."""
    tiles = [
        level[y : y + side, x : x + side]
        for image in images
        for level in (image, area_reduce(image, 2))
        for y in range(0, level.shape[0] - side + 1, side)
        for x in range(0, level.shape[1] - side + 1, side)
    ]
    chosen = np.random.default_rng(0).permutation(len(tiles))[:HELD_BACK_TILES]
    return _planes(np.stack([tiles[k] for k in chosen]))


def _degraded(tiles: Tensor) -> tuple[Tensor, Tensor]:
    """Tiles as they are, and compressed as JPEG at several qualities."""
    pixels = tiles.round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()
    coded = np.empty_like(pixels)
    for number, image in enumerate(pixels):
        level = JPEG_LEVELS[number % len(JPEG_LEVELS)]
        file = imagecodecs.jpeg_encode(image, level, subsampling="444")
        coded[number] = imagecodecs.jpeg_decode(file)
    return _planes(pixels), _planes(coded)


def _planes(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
