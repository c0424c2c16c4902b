"""Images to measure on: read from files, moved off the source's JPEG grid, cut into chunks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

__all__ = [
    "CHUNK_PX",
    "SCALES",
    "ImageSet",
    "at_scale",
    "chunks",
    "find_sets",
    "halve",
    "off_grid",
    "read_image",
]

CHUNK_PX = 512
# Chunk sides are multiples of the coarsest stride that a codec of ours has.
STRIDE_PX = 16
# Odd in y and x, and still off the grid of 4 x 4 that a grid of 8 x 8 becomes when reduced by 2.
CROP_START = (3, 5)
SCALES = ("native", "reduced by 2")
SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """Images that are averaged over as one.

    Parameters
    ----------
    name : str
    paths : tuple of Path
        Files with one RGB image each; at least one. They are read when they are needed.
    """

    name: str
    paths: tuple[Path, ...]

    def first(self, count: int) -> "ImageSet":
        """Return the set of the first `count` images."""
        return ImageSet(name=self.name, paths=self.paths[:count])


def find_sets(paths: Iterable[Path]) -> list[ImageSet]:
    """Return one set for each file, and for each folder that holds images, at any depth.

    Parameters
    ----------
    paths : iterable of Path
        Images, or folders of images (BMP, JPEG, PNG, TIFF; other files are passed over).

    Raises
    ------
    SourceError
        If a path does not exist or there are no images below it.
    """
    return [found for path in paths for found in _sets_below(path)]


def read_image(path: Path) -> NDArray[np.uint8]:
    """Return the pixels of an image file as (H, W, 3) uint8.

    Raises
    ------
    SourceError
        If the file cannot be read or is not 8-bit RGB.
    """
    import imagecodecs

    try:
        pixels: NDArray[np.uint8] = imagecodecs.imread(path)
    # Each of the readers that are tried has errors of its own, with no root but this one.
    except Exception as exc:
        raise SourceError(f"{path} cannot be read as an image: {_first_line(exc)}") from exc
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise SourceError(
            f"{path} holds {pixels.dtype} samples of shape {pixels.shape}; "
            "it takes 8-bit RGB, of shape (height, width, 3)"
        )
    return pixels


def at_scale(image: NDArray[np.uint8], scale: str) -> NDArray[np.uint8]:
    """Return the crop of `image` that is measured at one of `SCALES`."""
    crop = off_grid(image)
    return crop if scale == SCALES[0] else halve(crop)


def off_grid(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return `image` without its first 3 rows and 5 columns.

    Most tissue was JPEG before. A codec with blocks of 8 x 8 on the same grid finds its old
    coefficients already rounded, and gains some 10 dB that it would have on no new image.

    Examples
    --------
    >>> off_grid(np.zeros((768, 768, 3), np.uint8)).shape
    (765, 763, 3)
    """
    y, x = CROP_START
    return image[y:, x:]


def halve(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the rounded means of 2 x 2 pixels; an odd last row or column is left out.

    Examples
    --------
    >>> halve(np.arange(16, dtype=np.uint8).reshape(2, 8, 1))[..., 0]
    array([[ 5,  7,  9, 11]], dtype=uint8)
    """
    height, width = (n // 2 * 2 for n in image.shape[:2])
    even = image[:height, :width].astype(np.uint16)
    total = even[0::2, 0::2] + even[0::2, 1::2] + even[1::2, 0::2] + even[1::2, 1::2]
    return ((total + 2) >> 2).astype(np.uint8)


def chunks(image: NDArray[np.uint8], side: int = CHUNK_PX) -> list[NDArray[np.uint8]]:
    """Cut `image` into chunks of `side` x `side`, all of one shape, as an array has them.

    Along an axis that is shorter, a chunk has the largest multiple of 16 that fits. What is left
    over at the right and at the bottom is not measured, for any codec.

    Raises
    ------
    SourceError
        If not even 16 x 16 pixels fit.

    Examples
    --------
    >>> [chunk.shape for chunk in chunks(np.zeros((510, 1100, 3), np.uint8))]
    [(496, 512, 3), (496, 512, 3)]
    """
    height, width = (min(side, n // STRIDE_PX * STRIDE_PX) for n in image.shape[:2])
    if not height or not width:
        raise SourceError(
            f"a crop of {image.shape[0]} x {image.shape[1]} pixels holds no chunk: "
            f"it takes at least {STRIDE_PX} x {STRIDE_PX}"
        )
    return [
        np.ascontiguousarray(image[y : y + height, x : x + width])
        for y in range(0, image.shape[0] - height + 1, height)
        for x in range(0, image.shape[1] - width + 1, width)
    ]


def _sets_below(path: Path) -> Iterator[ImageSet]:
    if path.is_file():
        yield ImageSet(name=path.stem, paths=(path,))
        return
    if not path.is_dir():
        raise SourceError(f"{path} does not exist: give an image or a folder of images")
    images = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES and p.is_file()]
    if not images:
        raise SourceError(f"no images below {path} (BMP, JPEG, PNG or TIFF)")
    for folder in sorted({image.parent for image in images}):
        inside = tuple(image for image in images if image.parent == folder)
        yield ImageSet(name=folder.resolve().name, paths=inside)


def _first_line(exc: Exception) -> str:
    return (str(exc).strip() or type(exc).__name__).splitlines()[0]
