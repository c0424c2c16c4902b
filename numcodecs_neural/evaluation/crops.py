"""What of an image is measured: moved off the source's JPEG grid, reduced, cut into chunks."""

from dataclasses import dataclass

import numpy as np

from numcodecs_neural.errors import SourceError
from numcodecs_neural.evaluation.kinds import SPAN, Pixels

__all__ = [
    "ALIGNED",
    "CHUNK_PX",
    "NATIVE",
    "REDUCED",
    "VIEWS",
    "Crop",
    "View",
    "chunk_shape",
    "chunks",
    "halve",
]

CHUNK_PX = 512
# Chunk sides are multiples of the coarsest stride that a codec of ours has.
STRIDE_PX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A way to look at every image of a set.

    Parameters
    ----------
    name : str
    start : (int, int)
        The first row and column that are measured.
    is_halved : bool
        Whether 2 x 2 pixels become one.
    """

    name: str
    start: tuple[int, int]
    is_halved: bool = False

    def shape_of(self, height: int, width: int) -> tuple[int, int]:
        """Return how many rows and columns it shows of an image.

        Examples
        --------
        >>> REDUCED.shape_of(100, 4)
        (48, 0)
        """
        y, x = (max(n - start, 0) for n, start in zip((height, width), self.start, strict=True))
        return (y // 2, x // 2) if self.is_halved else (y, x)


# Most tissue was JPEG before. A codec with blocks of 8 x 8 on the same grid finds its old
# coefficients already rounded, and gains some 10 dB that it would have on no new image. Odd in y
# and x, and still off the grid of 4 x 4 that a grid of 8 x 8 becomes when reduced by 2.
NATIVE = View(name="native", start=(3, 5))
REDUCED = View(name="reduced by 2", start=(3, 5), is_halved=True)
# On that grid, as whoever recompresses a slide without moving it has it.
ALIGNED = View(name="native, aligned", start=(0, 0))
VIEWS = (NATIVE, REDUCED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crop:
    """The part of one image that is measured.

    Parameters
    ----------
    chunks : tuple of ndarray
        (H, W, C), all of one shape, as an array has them.
    data_range : float
        What PSNR and SSIM take as the peak: 255 for 8 bits; for 16 bits the difference of the
        crop's greatest and least sample, because cameras rarely use all bits.
    span : (int, int)
        The least and greatest sample, which codecs for 16 bits are told; 0 and 255 for 8 bits.
    """

    chunks: tuple[Pixels, ...]
    data_range: float = 255.0
    span: tuple[int, int] = SPAN

    @classmethod
    def of(cls, image: Pixels, view: View) -> "Crop":
        """Return what `view` shows of an image (H, W, C).

        Raises
        ------
        SourceError
            If it holds no chunk.

        Examples
        --------
        >>> crop = Crop.of(np.zeros((768, 768, 3), np.uint8), NATIVE)
        >>> [chunk.shape for chunk in crop.chunks], crop.data_range
        ([(512, 512, 3)], 255.0)
        """
        y, x = view.start
        part = halve(image[y:, x:]) if view.is_halved else image[y:, x:]
        pieces = tuple(chunks(part))
        if part.dtype == np.uint8:
            return cls(chunks=pieces)
        low, high = int(part.min()), int(part.max())
        # Of one colour: any range will do, since every codec gets it right.
        return cls(chunks=pieces, data_range=float(high - low or 1), span=(low, high))


def halve(image: Pixels) -> Pixels:
    """Return the rounded means of 2 x 2 pixels; an odd last row or column is left out.

    Examples
    --------
    >>> halve(np.arange(16, dtype=np.uint8).reshape(2, 8, 1))[..., 0]
    array([[ 5,  7,  9, 11]], dtype=uint8)
    """
    height, width = (n // 2 * 2 for n in image.shape[:2])
    even = image[:height, :width].astype(np.uint32)
    total = even[0::2, 0::2] + even[0::2, 1::2] + even[1::2, 0::2] + even[1::2, 1::2]
    halved: Pixels = ((total + 2) >> 2).astype(image.dtype)
    return halved


def chunks(image: Pixels, side: int = CHUNK_PX) -> list[Pixels]:
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
    height, width = chunk_shape(image.shape[0], image.shape[1], side)
    return [
        np.ascontiguousarray(image[y : y + height, x : x + width])
        for y in range(0, image.shape[0] - height + 1, height)
        for x in range(0, image.shape[1] - width + 1, width)
    ]


def chunk_shape(height: int, width: int, side: int = CHUNK_PX) -> tuple[int, int]:
    """Return the rows and columns of the chunks that a crop is cut into.

    Raises
    ------
    SourceError
        If not even 16 x 16 pixels fit.
    """
    rows, columns = (min(side, n // STRIDE_PX * STRIDE_PX) for n in (height, width))
    if not rows or not columns:
        raise SourceError(
            f"a crop of {height} x {width} pixels holds no chunk: "
            f"it takes at least {STRIDE_PX} x {STRIDE_PX}"
        )
    return rows, columns
