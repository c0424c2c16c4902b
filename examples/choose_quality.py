# /// script
# requires-python = ">=3.11"
# dependencies = ["numcodecs-neural", "imageio", "numpy", "scikit-image"]
# ///
"""Which quality suits my images? Prints size and error at several, for an image of yours.

python choose_quality.py [IMAGE]     an 8-bit RGB image; without one, the tissue in scikit-image
"""

import sys
from collections.abc import Iterator

import numpy as np
import skimage.data
import skimage.io

from numcodecs_neural import NeuralImage

CHUNK_PX = 512


def main(arguments: list[str]) -> None:
    image = skimage.io.imread(arguments[0]) if arguments else skimage.data.immunohistochemistry()
    image = image[..., :3]  # (y, x, c): without an alpha channel
    print("quality  bits per pixel  ratio  PSNR (dB)  largest error")
    for quality in range(0, 101, 20):
        chunks = list(code(image, quality))
        n_bytes = sum(len(chunk) for chunk, _, _ in chunks)
        errors = np.concatenate([(a.astype(int) - b).ravel() for _, a, b in chunks])
        bpp = 8 * n_bytes / (image.shape[0] * image.shape[1])
        psnr = 10 * np.log10(255**2 / max(np.mean(errors**2), 1e-9))
        worst = np.abs(errors).max()
        print(f"{quality:7}  {bpp:14.3f}  {24 / bpp:5.1f}  {psnr:9.2f}  {worst:13}")


def code(image: np.ndarray, quality: int) -> Iterator[tuple[bytes, np.ndarray, np.ndarray]]:
    """Yield each chunk of the image: encoded, decoded and original."""
    codec = NeuralImage("he-fast", quality=quality, channel_axis=-1)
    for y in range(0, image.shape[0], CHUNK_PX):
        for x in range(0, image.shape[1], CHUNK_PX):
            original = image[y : y + CHUNK_PX, x : x + CHUNK_PX]
            encoded = codec.encode(original)
            yield encoded, codec.decode(encoded), original


if __name__ == "__main__":
    main(sys.argv[1:])
