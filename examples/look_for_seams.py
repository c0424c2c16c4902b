# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural", "imageio", "numpy", "scikit-image"]
# ///
"""Can one see where chunks meet? Writes a picture about a corner of four, with contrast stretched.

python look_for_seams.py [OUT.png [IMAGE]]     seams.png, of an 8-bit RGB image of 512 x 512 pixels
                                               or more; without one, the tissue in scikit-image

Left the original, right what was decoded; the corner is in the middle of each. Below, both once
more with levels spread about their local mean. Printed is how much greater the error is within 8
pixels of the borders than that of the same pixels coded inside a chunk.
"""

import sys

import numpy as np
import skimage.data
import skimage.filters
import skimage.io

from numcodecs_neural import NeuralImage

CHUNK_PX, VIEW_PX, BORDER_PX = 256, 160, 8
QUALITY = 30
STRETCH = 4


def main(arguments: list[str]) -> None:
    out, *given = arguments or ["seams.png"]
    image = skimage.io.imread(given[0]) if given else skimage.data.immunohistochemistry()
    image = np.ascontiguousarray(image[: 2 * CHUNK_PX, : 2 * CHUNK_PX, :3])
    codec = NeuralImage("he-fast", quality=QUALITY, channel_axis=-1)
    decoded = np.empty_like(image)
    for y in (0, CHUNK_PX):
        for x in (0, CHUNK_PX):
            part = np.s_[y : y + CHUNK_PX, x : x + CHUNK_PX]
            decoded[part] = codec.decode(codec.encode(np.ascontiguousarray(image[part])))

    skimage.io.imsave(out, picture(image, decoded), check_contrast=False)
    whole = codec.decode(codec.encode(image))
    cross = near_cross(*image.shape[:2])
    apart, together = (np.mean((d.astype(float) - image)[cross] ** 2) for d in (decoded, whole))
    print(f"error at borders: {10 * np.log10(apart / together):+.2f} dB against the same inside")


def picture(image: np.ndarray, decoded: np.ndarray) -> np.ndarray:
    """Return the four views, (2 VIEW_PX, 2 VIEW_PX, 3) uint8."""
    middle = np.s_[CHUNK_PX - VIEW_PX // 2 : CHUNK_PX + VIEW_PX // 2]
    plain = [view[middle, middle] for view in (image, decoded)]
    stretched = [stretch(view)[middle, middle] for view in (image, decoded)]
    return np.vstack([np.hstack(plain), np.hstack(stretched)])


def stretch(image: np.ndarray) -> np.ndarray:
    """Spread levels about their local mean, so that even a level or two can be seen."""
    around = skimage.filters.gaussian(image.astype(float), sigma=24, channel_axis=-1)
    return np.clip(128 + STRETCH * (image - around), 0, 255).astype(np.uint8)


def near_cross(height: int, width: int) -> np.ndarray:
    """Return where pixels lie within 8 pixels of where the chunks meet: bool (height, width)."""
    y, x = (np.abs(np.arange(n) + 0.5 - CHUNK_PX) < BORDER_PX for n in (height, width))
    return y[:, None] | x[None, :]


if __name__ == "__main__":
    main(sys.argv[1:])
