"""Training images: a folder packed once, crops drawn from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SUFFIXES = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp"}
SCALES = (1, 2, 4)
SCALE_WEIGHTS = (0.45, 0.35, 0.2)


HOLD_BACK = 16
"""One image of so many is never trained on."""

Image = NDArray[np.uint8]


def load_folder(folder: Path) -> tuple[dict[str, list[Image]], list[Image]]:
    """Read every 8-bit RGB image below `folder`.

    Returns
    -------
    sets : dict of str to list of (H, W, 3) uint8
        To train on, by name of the sub-folder.
    held_back : list of (H, W, 3) uint8
        To measure with.

    Raises
    ------
    FileNotFoundError
        If there is no such image.
    """
    import imagecodecs

    sets: dict[str, list[Image]] = {}
    held_back: list[Image] = []
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
    for number, path in enumerate(paths):
        image = imagecodecs.imread(path)
        if image.ndim != 3 or image.shape[2] < 3 or image.dtype != np.uint8:
            continue
        image = np.ascontiguousarray(image[..., :3])
        if number % HOLD_BACK == HOLD_BACK // 2 - 1:
            held_back.append(image)
        else:
            sets.setdefault(path.parent.name, []).append(image)
    if not sets:
        raise FileNotFoundError(f"there are no 8-bit RGB images to train on below {folder}")
    return sets, held_back


def area_reduce(image: Image, factor: int) -> Image:
    """Mean of `factor` x `factor` blocks, rounded; rows and columns left over are dropped."""
    h, w = (n // factor for n in image.shape[:2])
    blocks = image[: h * factor, : w * factor].reshape(h, factor, w, factor, -1)
    reduced: NDArray[np.uint8] = (blocks.astype(np.float32).mean((1, 3)) + 0.5).astype(np.uint8)
    return reduced


class Crops:
    """Endless random crops with flips, rotations, scale and mild colour jitter.

    Each set (source of images) is drawn with a probability that grows with the square root of
    its area, so that one large source does not rule.
    """

    def __init__(self, sets: dict[str, list[Image]], seed: int | tuple[int, ...]) -> None:
        self.rng = np.random.default_rng(seed)
        self.pyramids = [
            [[area_reduce(image, s) if s > 1 else image for s in SCALES] for image in images]
            for images in sets.values()
        ]
        area = np.array([sum(im.size for im in images) for images in sets.values()])
        self.weights = np.sqrt(area) / np.sqrt(area).sum()

    def batch(self, count: int, size: int) -> NDArray[np.float32]:
        """(count, 3, size, size) float32 in 0..255."""
        return np.stack([self._crop(size) for _ in range(count)])

    def _crop(self, size: int) -> NDArray[np.float32]:
        rng = self.rng
        while True:
            images = self.pyramids[rng.choice(len(self.pyramids), p=self.weights)]
            image = images[rng.integers(len(images))][rng.choice(len(SCALES), p=SCALE_WEIGHTS)]
            h, w = image.shape[:2]
            if min(h, w) >= size:
                break
        y, x = rng.integers(h - size + 1), rng.integers(w - size + 1)
        crop = image[y : y + size, x : x + size].transpose(2, 0, 1)
        crop = np.rot90(crop, int(rng.integers(4)), (1, 2))
        if rng.random() < 0.5:
            crop = crop[..., ::-1]
        return np.ascontiguousarray(self._vary(crop.astype(np.float32)))

    def _vary(self, crop: NDArray[np.float32]) -> NDArray[np.float32]:
        """Stains, lamps and borders that the images do not show, (3, size, size) in 0..255.

        Without dark and foreign colours the transforms are wrong by many grey levels on ink,
        black borders and fluorescence, which no rate makes good.
        """
        rng, choice = self.rng, self.rng.random()
        gain = np.ones((3, 1, 1))
        if choice < 0.4:
            gain = rng.uniform(0.88, 1.06, (3, 1, 1))
        elif choice < 0.5:
            gain = np.full((3, 1, 1), rng.uniform(0.05, 0.9))
        elif choice < 0.57:
            crop = 255 - crop
            gain = rng.uniform(0.3, 1.0, (3, 1, 1))
        elif choice < 0.63:
            crop = crop[rng.permutation(3)]
        crop = np.floor(np.clip(crop * gain.astype(np.float32), 0, 255) + 0.5)
        if rng.random() < 0.06:
            sides = crop.shape[1:]
            (top, bottom), (left, right) = (np.sort(rng.integers(0, s + 1, 2)) for s in sides)
            colour = rng.choice([0, 255], 3) if rng.random() < 0.5 else rng.integers(0, 256, 3)
            crop[:, top:bottom, left:right] = colour[:, None, None]
        return crop


def principal_components(
    crops: Crops, count: int, patches: int = 60_000, stride: int = 16
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Principal components of `stride` x `stride` patches, largest energy first.

    Returns
    -------
    components : (count, 3 * stride**2) float32, orthonormal rows
    mean : (3 * stride**2,) float32, of pixels minus 128
    """
    rows: list[NDArray[np.float32]] = []
    while sum(len(r) for r in rows) < patches:
        b = crops.batch(16, 128) - 128
        n, c, h, w = b.shape
        b = b.reshape(n, c, h // stride, stride, w // stride, stride).transpose(0, 2, 4, 1, 3, 5)
        rows.append(b.reshape(-1, c * stride * stride))
    x = np.concatenate(rows).astype(np.float64)
    mean = x.mean(0)
    # one mean per colour channel: a patch has no privileged pixel
    mean = np.repeat(mean.reshape(3, -1).mean(1), stride * stride)
    covariance = (x - mean).T @ (x - mean) / len(x)
    _, vectors = np.linalg.eigh(covariance)
    return vectors[:, ::-1][:, :count].T.astype(np.float32).copy(), mean.astype(np.float32)
