"""Pyramid: sizes of levels, and the places that OpenSlide's coordinates mean in them."""

from dataclasses import dataclass
from functools import cached_property

__all__ = ["Pyramid"]


@dataclass(frozen=True)
class Pyramid:
    """Levels as OpenSlide describes them.

    Parameters
    ----------
    dimensions : tuple
        (width, height) of each level, the finest first.

    Examples
    --------
    >>> pyramid = Pyramid(((300, 250), (75, 62)))
    >>> pyramid.downsamples
    (1.0, 4.016129032258064)
    >>> pyramid.start(1, 40), pyramid.start(1, -41)
    (10, -10)
    """

    dimensions: tuple[tuple[int, int], ...]

    @cached_property
    def downsamples(self) -> tuple[float, ...]:
        """By how much each level is smaller than level 0, on the average of both axes."""
        width, height = self.dimensions[0]
        return tuple((height / h + width / w) / 2 for w, h in self.dimensions)

    def best_level(self, downsample: float) -> int:
        """Return the coarsest level that is no coarser than `downsample`, or level 0."""
        fine_enough = [n for n, found in enumerate(self.downsamples) if found <= downsample]
        return fine_enough[-1] if fine_enough else 0

    def start(self, level: int, place: int) -> int:
        """Return which pixel of a level is at a place that is given in pixels of level 0.

        The nearest one; left of the image and above it, that nearer to the image, as in OpenSlide.
        """
        downsample = self.downsamples[level]
        return -int(-place / downsample) if place < 0 else int(place / downsample + 0.5)
