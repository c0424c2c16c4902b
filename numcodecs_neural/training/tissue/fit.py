"""Training loop of the tissue network, on crops of slides that are painted meanwhile."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .fields import Rng
from .library import Library
from .network import GLASS_LEVEL, TissueNet
from .slides import training_slide

__all__ = ["Fit", "fit"]

_CHECKPOINT_S = 60.0
_SLIDE_PX, _CROP_PX = 512, 256
_POOL, _BATCH = 200, 5
# Painting takes as long as a step: so often a new slide joins the pool.
_NEW_EVERY = 3
_RATE, _LAST_RATE = 2e-3, 2e-5
# What is called glass by mistake is lost; what is called tissue is stored.
_TISSUE_WEIGHT = 2.0
# The last part of the time is for the integers.
_ROUNDED_FROM = 0.6
_SCENE_SHARE = 0.15
_UNKNOWN = 255
_BLACK, _WHITE = 20, 254

Labelled = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.floating]]
"""Pixels (height, width, 3); what each is: 1 tissue, 0 glass, 255 unknown; the glass's colour."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """What to train on, and for how long.

    Parameters
    ----------
    library : Library
        What slides are painted with.
    scenes : sequence of (pixels, labels)
        Real pictures, their labels, and the colour of their glass.
    work : Path
        Folder of the checkpoint, from which a stopped run goes on.
    minutes : float
        Time to train, all runs together.
    seed : int
        Of all that is random.
    """

    library: Library
    scenes: Sequence[Labelled]
    work: Path
    minutes: float
    seed: int = 0


def fit(plan: Fit, progress: Callable[[str], None] = print) -> TissueNet:
    """Train, from the checkpoint in the work folder if there is one; return the rounded network."""
    plan.work.mkdir(parents=True, exist_ok=True)
    path = plan.work / "checkpoint.pt"
    torch.manual_seed(plan.seed)
    net = TissueNet()
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=1e-4)
    state: dict[str, Any] = {"step": 0, "seconds": 0.0, "loss": 0.7}
    if path.exists():
        loaded = torch.load(path, weights_only=True)
        net.load_state_dict(loaded["net"])
        optimizer.load_state_dict(loaded["optimizer"])
        state = loaded["state"]
    rng = np.random.default_rng([plan.seed, state["step"]])
    pool: list[Labelled] = []
    saved = began = time.monotonic()
    before = state["seconds"]
    while state["seconds"] < 60 * plan.minutes:
        part = state["seconds"] / (60 * plan.minutes)
        net.is_rounded = part >= _ROUNDED_FROM
        for group in optimizer.param_groups:
            group["lr"] = _rate(part, state["step"])
        if len(pool) < _BATCH or state["step"] % _NEW_EVERY == 0:
            _add_slide(rng, plan, pool)
        loss = _step(net, optimizer, _batch(rng, plan, pool))
        state["step"] += 1
        state["loss"] += (loss - state["loss"]) * 0.02
        state["seconds"] = before + time.monotonic() - began
        if time.monotonic() - saved > _CHECKPOINT_S:
            saved = time.monotonic()
            _save(path, net, optimizer, state)
            progress(f"{state['seconds'] / 60:.1f} min, step {state['step']}: {state['loss']:.4f}")
    _save(path, net, optimizer, state)
    net.is_rounded = True
    return net


def _step(net: TissueNet, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, Tensor]) -> float:
    darkness, labels = batch
    wanted = functional.avg_pool2d(labels.float().clamp(0, 1), 2)
    is_known = functional.max_pool2d(labels.float(), 2) < _UNKNOWN
    weight = is_known * (1 + (_TISSUE_WEIGHT - 1) * wanted)
    logits = net(darkness)
    error = functional.binary_cross_entropy_with_logits(logits, wanted, weight, reduction="sum")
    loss = error / weight.sum().clamp(min=1)
    if not torch.isfinite(loss):
        raise FloatingPointError("the loss is not a number: continue from the last checkpoint")
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach())


def _rate(part: float, step: int) -> float:
    """Return the rate of learning: it rises for 200 steps, then falls along a cosine."""
    cosine = (1 + math.cos(math.pi * part)) / 2
    return (_LAST_RATE + (_RATE - _LAST_RATE) * cosine) * min(1, (step + 10) / 200)


def _add_slide(rng: Rng, plan: Fit, pool: list[Labelled]) -> None:
    """Paint a slide; it takes another's place when the pool is full."""
    pixels, mask = training_slide(rng, plan.library, (_SLIDE_PX, _SLIDE_PX))
    slide = pixels, mask.astype(np.uint8), _glass_of(pixels, mask)
    if len(pool) < _POOL:
        pool.append(slide)
    else:
        pool[int(rng.integers(_POOL))] = slide


def _glass_of(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Return the colour of the brightest glass, as the converter finds it in a picture."""
    glass = pixels[~mask & (pixels.max(axis=-1) > _BLACK) & (pixels.min(axis=-1) < _WHITE)]
    if not len(glass):
        return np.full(3, 240.0)
    brightness = glass.sum(axis=-1, dtype=np.int64)
    brightest = glass[brightness >= np.quantile(brightness, 0.7)]
    return np.asarray(np.median(brightest, axis=0), np.float64)


def _batch(rng: Rng, plan: Fit, pool: list[Labelled]) -> tuple[Tensor, Tensor]:
    """Return crops of painted slides and of scenes, (N, 3, H, W) and (N, 1, H, W)."""
    crops = []
    for _ in range(_BATCH):
        is_scene = plan.scenes and rng.random() < _SCENE_SHARE
        chosen = plan.scenes if is_scene else pool
        crops.append(_crop(rng, chosen[int(rng.integers(len(chosen)))]))
    darkness = np.stack([darkness for darkness, _ in crops]).transpose(0, 3, 1, 2)
    labels = np.stack([labels for _, labels in crops])[:, None]
    return torch.from_numpy(darkness), torch.from_numpy(labels)


def _crop(rng: Rng, slide: Labelled) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return how dark a part of a slide is, turned, and its labels; small slides are continued."""
    pixels, labels, glass = slide
    short = [max(_CROP_PX - size, 0) for size in labels.shape]
    if any(short):
        pixels = np.pad(pixels, [(0, short[0]), (0, short[1]), (0, 0)], mode="reflect")
        labels = np.pad(labels, [(0, short[0]), (0, short[1])], mode="reflect")
    y, x = (int(rng.integers(size - _CROP_PX + 1)) for size in labels.shape)
    pixels = pixels[y : y + _CROP_PX, x : x + _CROP_PX]
    labels = labels[y : y + _CROP_PX, x : x + _CROP_PX]
    turns, is_mirrored = int(rng.integers(4)), rng.random() < 0.5
    pixels, labels = np.rot90(pixels, turns), np.rot90(labels, turns)
    if is_mirrored:
        pixels, labels = pixels[:, ::-1], labels[:, ::-1]
    # The colour of glass is known to a few grey levels.
    level = np.floor(glass + rng.normal(0, 2.5) + rng.normal(0, 1, 3) + GLASS_LEVEL)
    darkness = level - pixels
    return np.clip(darkness, 0, 255).astype(np.float32), labels


def _save(
    path: Path, net: TissueNet, optimizer: torch.optim.Optimizer, state: dict[str, Any]
) -> None:
    """Write the checkpoint whole, or leave the one before."""
    partial = path.with_suffix(".new")
    torch.save(
        {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "state": state}, partial
    )
    partial.replace(path)
