"""Batches of crops in the order of their steps, drawn here or by worker processes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from numcodecs_neural.training.data import Crops


def batches(
    crops: Crops, count: int, crop_px: int, *, start: int, workers: int, device: torch.device
) -> Iterator[Tensor]:
    """Yield the batches (count, channels, crop_px, crop_px) of steps `start`, `start` + 1, ..."""
    source = _Batches(crops, count, crop_px)
    steps = itertools.count(start)
    if not workers:
        for step in steps:
            yield torch.from_numpy(source[step]).to(device)
    loader = DataLoader(
        source,
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=4,
        pin_memory=device.type == "cuda",
    )
    for batch in loader:
        yield batch.to(device, non_blocking=True)


def seed_of(crops: Crops, step: int) -> int:
    """Seed of a step's qualities and noise; they have other numbers than its crops."""
    state = np.random.SeedSequence((*crops.seed, step, 1)).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


class _Batches(Dataset[NDArray[np.float32]]):
    def __init__(self, crops: Crops, count: int, crop_px: int) -> None:
        self.crops, self.count, self.crop_px = crops, count, crop_px

    def __getitem__(self, step: int) -> NDArray[np.float32]:
        self.crops.seek(step)
        return self.crops.batch(self.count, self.crop_px)
