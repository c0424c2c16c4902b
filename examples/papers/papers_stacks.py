"""Stacks of grey slices to train on and to measure with, each channel by itself."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from numcodecs_neural.training.split import is_held_back


class Stack(NamedTuple):
    """A volume or a film (n, H, W), uint8 or uint16."""

    name: str
    voxels: np.ndarray


def stacks_of(paths: Iterable[Path], *, held_back: bool) -> list[Stack]:
    """Return the stacks that are held back, or those that are not.

    Of a folder, whose files are slices, the name of the first file decides.

    Raises
    ------
    SystemExit
        If there are none, or a path is no stack.
    """
    stacks = []
    for path in paths:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        if is_held_back(files[0]) is held_back:
            stacks += read_channels(path, files)
    if not stacks:
        raise SystemExit(f"no stack is {'held back' if held_back else 'to train on'} by its name")
    return stacks


def read_channels(path: Path, files: list[Path]) -> list[Stack]:
    """Return a stack for each channel."""
    with tifffile.TiffFile(files[0]) as first:
        axes = first.series[0].axes
    array = np.stack([tifffile.imread(file) for file in files])
    array, axes = (array[0], axes) if len(files) == 1 else (array, f"Z{axes}")
    channels = channels_of(array, axes)
    if channels.ndim != 4 or channels.dtype not in (np.uint8, np.uint16):
        raise SystemExit(f"{path} holds {array.shape} ({axes}) of {array.dtype}, no grey slices")
    if len(channels) == 1:
        return [Stack(path.stem, np.ascontiguousarray(channels[0]))]
    return [
        Stack(f"{path.stem}, {number}", np.ascontiguousarray(channel))
        for number, channel in enumerate(channels)
    ]


def channels_of(array: np.ndarray, axes: str) -> np.ndarray:
    """Return the array with channels in front; of samples of colour the one that varies most."""
    if "C" in axes:
        return np.moveaxis(array, axes.index("C"), 0)
    if "S" in axes:
        samples = np.moveaxis(array, axes.index("S"), 0)
        return samples[np.argmax([sample.std() for sample in samples])][None]
    return array[None]


def range_of(voxels: np.ndarray) -> tuple[int, int]:
    """Return the levels that count as 0 and 1: those of 8 bits, or the range of a stack."""
    return (0, 255) if voxels.dtype == np.uint8 else (int(voxels.min()), int(voxels.max()))
