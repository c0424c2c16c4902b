# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural[torch,xarray]", "imagecodecs", "numpy", "scikit-image", "zarr"]
# ///
"""Is what a chunk holds enough to learn from? A classifier of patches on latents and on pixels.

python classify_latents.py [PICTURES 'REGEX']

PICTURES is a folder of pictures; what the group of REGEX finds in a name is the label, and every
third picture of a label is held out: 'TCGA-(A7|A8|AC)-' tells hospitals apart on pictures that were
not seen. Without them, labels are three pictures of scikit-image, whose lower thirds are held out.

Patches of 64 x 64 pixels are read from one Zarr array, as the first 48 latents of 4 x 4 blocks, and
as pixels. Both times a small network is trained on them, with the same number of steps. Printed is
the accuracy on held-out patches and pictures (the label of most patches), and seconds of processor.
"""

import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import skimage.data
import torch
import zarr

from numcodecs_neural import NeuralImageCodec
from numcodecs_neural.lazy import open_latents

PATCH_PX, SIDE_PX, QUALITY = 64, 448, 60
LATENTS, STEPS, FEW_STEPS, BATCH = 48, 600, 100, 128


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    pictures, labels, held_out = from_folder(*arguments) if arguments else from_library()
    names = sorted(set(labels))
    steps = STEPS if arguments else FEW_STEPS
    print(f"{len(pictures)} pictures of {names}, {sum(held_out)} of them held out")
    with tempfile.TemporaryDirectory() as folder:
        array = zarr.create_array(
            f"{folder}/pictures.zarr",
            data=np.stack(pictures),
            chunks=(1, 3, SIDE_PX, SIDE_PX),
            serializer=NeuralImageCodec("he-fast", quality=QUALITY),
            compressors=None,
        )
        array[:1], open_latents(array, count=LATENTS)[:1].compute()  # kernels load only once
        readers = {
            "pixels": lambda: np.asarray(array[:]),
            "latents": lambda: np.asarray(open_latents(array, count=LATENTS)),
        }
        targets, is_out = np.array([names.index(label) for label in labels]), np.array(held_out)
        print(f"{'':8}{'patches':>8}{'pictures':>9}{'read s':>8}{'train s':>8}{'test s':>8}")
        for what, read in readers.items():
            model = network(what, len(names))
            print(f"{what:8}" + report(read, model, targets, is_out, steps))


def from_folder(folder: str, pattern: str) -> tuple[list[np.ndarray], list[str], list[bool]]:
    pictures, labels, held_out = [], [], []
    count: Counter[str] = Counter()
    for path in sorted(Path(folder).iterdir()):
        found = re.search(pattern, path.name)
        if found:
            label = found[1]
            pictures.append(planes(imagecodecs.imread(path)))
            labels.append(label)
            held_out.append(count[label] % 3 == 2)
            count[label] += 1
    return pictures, labels, held_out


def from_library() -> tuple[list[np.ndarray], list[str], list[bool]]:
    pictures, labels, held_out = [], [], []
    for name in ("immunohistochemistry", "retina", "hubble_deep_field"):
        whole = getattr(skimage.data, name)()
        for third in range(3):
            rows = whole[third * len(whole) // 3 :][: len(whole) // 3]
            # Mirrored until it is large enough.
            pictures.append(planes(np.pad(rows, ((0, SIDE_PX), (0, 0), (0, 0)), mode="reflect")))
            labels.append(name)
            held_out.append(third == 2)
    return pictures, labels, held_out


def planes(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(picture[:SIDE_PX, :SIDE_PX, :3], -1, 0))


def report(
    read: Any, model: torch.nn.Module, targets: np.ndarray, held_out: np.ndarray, steps: int
) -> str:
    started = time.process_time()
    whole = read()
    read_s = time.process_time() - started
    patches = cut(whole)
    is_test = torch.from_numpy(np.repeat(held_out, len(patches) // len(targets)))
    wanted = torch.from_numpy(np.repeat(targets, len(patches) // len(targets)))
    # Each channel has a mean of 0 and a deviation of 1, as trained on.
    seen = patches[~is_test]
    patches = (patches - seen.mean((0, 2, 3), keepdim=True)) / seen.std((0, 2, 3), keepdim=True)
    started = time.process_time()
    train(model, patches[~is_test], wanted[~is_test], steps)
    train_s = time.process_time() - started
    started = time.process_time()
    model.eval()
    with torch.inference_mode():
        votes = torch.cat([model(part).softmax(1) for part in patches[is_test].split(BATCH)])
    test_s = time.process_time() - started
    of_patches = (votes.argmax(1) == wanted[is_test]).float().mean()
    together = votes.reshape(held_out.sum(), -1, votes.shape[1]).sum(1).argmax(1)
    of_pictures = (together == torch.from_numpy(targets[held_out])).float().mean()
    return f"{of_patches:8.3f}{of_pictures:9.3f}{read_s:8.2f}{train_s:8.1f}{test_s:8.2f}"


def cut(whole: np.ndarray) -> torch.Tensor:
    """Return the patches of pictures (n, c, h, w), one after the other."""
    side = whole.shape[-1] * PATCH_PX // SIDE_PX
    n, c, h, w = (*whole.shape[:2], whole.shape[2] // side, whole.shape[3] // side)
    patches = whole.reshape(n, c, h, side, w, side).transpose(0, 2, 4, 1, 3, 5)
    return torch.from_numpy(patches.reshape(-1, c, side, side).astype(np.float32))


def network(what: str, classes: int) -> torch.nn.Module:
    """Return one of 34,000 or 23,000 parameters: pixels first come down to 4 x 4 places, too."""
    if what == "pixels":
        down = [torch.nn.Conv2d(3, 24, 4, 4), torch.nn.ReLU(), torch.nn.Conv2d(24, 48, 4, 4)]
    else:
        down = [torch.nn.Conv2d(LATENTS, 96, 1), torch.nn.ReLU(), torch.nn.Conv2d(96, 48, 1)]
    return torch.nn.Sequential(
        *down,
        torch.nn.ReLU(),
        torch.nn.Conv2d(48, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.2),
        torch.nn.Linear(32, classes),
    )


def train(model: torch.nn.Module, patches: torch.Tensor, wanted: torch.Tensor, steps: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    model.train()
    for _ in range(steps):
        chosen = torch.randint(len(patches), (BATCH,))
        loss = torch.nn.functional.cross_entropy(model(patches[chosen]), wanted[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


if __name__ == "__main__":
    main(sys.argv[1:])
