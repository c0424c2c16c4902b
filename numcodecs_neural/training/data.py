"""Random crops of training images: what is drawn depends on the seed and the step alone."""

import copy
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError
from numcodecs_neural.training.images import Image

SCALES = (1, 2, 4)
SCALE_WEIGHTS = (0.45, 0.35, 0.2)
JITTER = 0.25  # share of crops that are reduced by a factor between 1 and 2 besides
CHUNK_PX = 512  # 16-bit samples are mapped by the range of the chunk that they lie in


def area_reduce(image: Image, factor: int) -> Image:
    """Mean of `factor` x `factor` blocks, rounded; rows and columns left over are dropped."""
    h, w = (n // factor for n in image.shape[:2])
    blocks = image[: h * factor, : w * factor].reshape(h, factor, w, factor, -1)
    reduced: Image = (blocks.astype(np.float32).mean((1, 3)) + 0.5).astype(image.dtype)
    return reduced


class Crops:
    """Endless random crops with flips, rotations, scale and mild colour jitter.

    Each set (source of images) is drawn with a probability that grows with the square root of
    its area, so that one large source does not rule.

    Parameters
    ----------
    sets : dict of str to list of (H, W, channels) uint8 or uint16
    seed : int or tuple of int
    varied : bool
        Whether colours are changed; flips, rotations and scales are always.
    """

    def __init__(
        self, sets: dict[str, list[Image]], seed: int | tuple[int, ...], *, varied: bool = True
    ) -> None:
        self.seed = seed if isinstance(seed, tuple) else (seed,)
        self.rng = np.random.default_rng(self.seed)
        self.varied = varied
        self._pyramids = [
            [[area_reduce(image, s) if s > 1 else image for s in SCALES] for image in images]
            for images in sets.values()
        ]
        self._weights: dict[int, NDArray[np.float64]] = {}

    def with_seed(self, *seed: int) -> "Crops":
        """Return crops of the same images in another order."""
        other = copy.copy(self)
        other.seed, other.rng = seed, np.random.default_rng(seed)
        return other

    def seek(self, step: int) -> None:
        """Go to where `step` begins: what is drawn then does not depend on what was before."""
        self.rng = np.random.default_rng((*self.seed, step))

    def batch(self, count: int, size: int) -> NDArray[np.float32]:
        """(count, channels, size, size) float32 in 0..255.

        Raises
        ------
        SourceError
            If all images are smaller.
        """
        return np.stack([self._crop(size) for _ in range(count)])

    def can_draw(self, size: int) -> bool:
        """Whether there is an image as large as that."""
        return bool(self._set_weights(size).any())

    def _set_weights(self, size: int) -> NDArray[np.float64]:
        """Probability of each set, of what is large enough in it."""
        if size not in self._weights:
            areas = [
                sum(levels[0].size for levels in images if min(levels[0].shape[:2]) >= size)
                for images in self._pyramids
            ]
            roots = np.sqrt(np.array(areas, float))
            self._weights[size] = roots / max(roots.sum(), 1e-9)
        return self._weights[size]

    def _crop(self, size: int) -> NDArray[np.float32]:
        rng = self.rng
        image = self._draw(size)
        shortest = min(image.shape[:2])
        window = size
        if rng.random() < JITTER and shortest > size:
            window = int(rng.integers(size + 1, min(2 * size, shortest) + 1))
        y, x = (int(rng.integers(n - window + 1)) for n in image.shape[:2])
        crop = image[y : y + window, x : x + window].transpose(2, 0, 1).astype(np.float32)
        if window > size:
            matrix = _area_matrix(window, size)
            crop = np.floor(matrix @ crop @ matrix.T + 0.5)
        unit = 1.0
        if image.dtype == np.uint16:
            low, unit = _mapping(_chunk_around(image, y, x, window))
            crop = (crop - low) / unit
        crop = np.rot90(crop, int(rng.integers(4)), (1, 2))
        if rng.random() < 0.5:
            crop = crop[..., ::-1]
        return np.ascontiguousarray(self._vary(crop, unit) if self.varied else crop)

    def _draw(self, size: int) -> Image:
        """Return a random level of a random image, with sides of `size` at least."""
        rng, weights = self.rng, self._set_weights(size)
        if not weights.any():
            raise SourceError(f"all images are smaller than crops of {size} pixels")
        while True:
            images = self._pyramids[rng.choice(len(weights), p=weights)]
            image = images[rng.integers(len(images))][rng.choice(len(SCALES), p=SCALE_WEIGHTS)]
            if min(image.shape[:2]) >= size:
                return image

    def _vary(self, crop: NDArray[np.float32], unit: float) -> NDArray[np.float32]:
        """Stains, lamps and borders that the images do not show, (C, size, size) in 0..255.

        Without dark and foreign colours the transforms are wrong by many grey levels on ink,
        black borders and fluorescence, which no rate makes good. Samples stay multiples of
        ``1 / unit``.
        """
        rng, choice = self.rng, self.rng.random()
        channels, top = len(crop), np.float32(256 - 1 / unit)
        gain = np.ones((channels, 1, 1))
        if choice < 0.4:
            gain = rng.uniform(0.88, 1.06, (channels, 1, 1))
        elif choice < 0.5:
            gain = np.full((channels, 1, 1), rng.uniform(0.05, 0.9))
        elif choice < 0.57:
            crop = top - crop
            gain = rng.uniform(0.3, 1.0, (channels, 1, 1))
        elif choice < 0.63:
            crop = crop[rng.permutation(channels)]
        if choice < 0.57:
            scaled = np.clip(crop * gain.astype(np.float32), 0, top)
            crop = np.floor(scaled * np.float32(unit) + 0.5) / np.float32(unit)
        if rng.random() < 0.06:
            crop = crop.copy()
            (y0, y1), (x0, x1) = (np.sort(rng.integers(0, s + 1, 2)) for s in crop.shape[1:])
            is_plain = rng.random() < 0.5
            colour = rng.choice([0, 255], channels) if is_plain else rng.integers(0, 256, channels)
            crop[:, y0:y1, x0:x1] = colour[:, None, None]
        return crop


def _chunk_around(image: Image, y: int, x: int, window: int) -> Image:
    """Return the chunk's worth of pixels around a window, moved inside the image."""
    (y0, y1), (x0, x1) = (
        (max(0, min(start + (window - CHUNK_PX) // 2, n - CHUNK_PX)), n)
        for start, n in zip((y, x), image.shape[:2], strict=True)
    )
    side = max(CHUNK_PX, window)
    return image[y0 : min(y0 + side, y1), x0 : min(x0 + side, x1)]


def _mapping(chunk: Image) -> tuple[float, float]:
    """Lowest sample, and the power of two that brings the range of samples to 0..255."""
    low, high = int(chunk.min()), int(chunk.max())
    exponent = 0
    while (high - low) >> exponent > 255:
        exponent += 1
    return float(low), float(2**exponent)


@lru_cache(maxsize=256)
def _area_matrix(window: int, size: int) -> NDArray[np.float32]:
    """(size, window): means over `size` equal intervals of `window` pixels."""
    edges = np.arange(size + 1) * (window / size)
    pixels = np.arange(window)
    upper = np.minimum(edges[1:, None], pixels + 1)
    lower = np.maximum(edges[:-1, None], pixels)
    matrix: NDArray[np.float32] = np.clip(upper - lower, 0, None).astype(np.float32)
    return matrix * np.float32(size / window)


def principal_components(
    crops: Crops, count: int, patches: int = 60_000, stride: int = 16
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Principal components of `stride` x `stride` patches, largest energy first.

    Returns
    -------
    components : (count, channels * stride**2) float32, orthonormal rows
    mean : (channels * stride**2,) float32, of pixels minus 128
    """
    size = 128 if crops.can_draw(128) else stride
    seen, total, products = 0, np.zeros(()), np.zeros(())
    while seen < patches:
        b = crops.batch(16, size) - 128
        n, c, h, w = b.shape
        b = b.reshape(n, c, h // stride, stride, w // stride, stride).transpose(0, 2, 4, 1, 3, 5)
        x = b.reshape(-1, c * stride * stride)
        seen += len(x)
        total, products = total + x.sum(0, np.float64), products + x.T @ x
    average = total / seen
    # one mean per colour channel: a patch has no privileged pixel
    mean = np.repeat(average.reshape(-1, stride * stride).mean(1), stride * stride)
    cross = np.outer(average, mean)
    covariance = products / seen - cross - cross.T + np.outer(mean, mean)
    _, vectors = np.linalg.eigh(covariance)
    return vectors[:, ::-1][:, :count].T.astype(np.float32).copy(), mean.astype(np.float32)
