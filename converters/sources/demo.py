"""DemoSource: a small slide made of the tissue image that ships inside scikit-image."""

import numpy as np
from numpy.typing import NDArray

from ..geometry.levels import Region
from .base import Associated, Frame, SlideInfo, WithoutJpeg

__all__ = ["DemoSource"]

HEIGHT, WIDTH = 3000, 4000
GLASS = (243, 242, 245)


class DemoSource(WithoutJpeg):
    """Human colon tissue (H-DAB, 512 x 512), mirrored into a larger section, on glass.

    The same pixels each time and everywhere; nothing is downloaded.
    """

    def __init__(self) -> None:
        self._pixels = _paint_slide()

    @property
    def info(self) -> SlideInfo:
        """Size and name; the image comes without a pixel size, and from a lossless file."""
        return SlideInfo(
            name="demo",
            level_shapes=((HEIGHT, WIDTH),),
            mpp=None,
            history=(),
            size_bytes=None,
        )

    def read_region(self, region: Region, level: int = 0, frame: Frame = ()) -> NDArray[np.uint8]:
        """Return pixels of level 0, the only one."""
        return self._pixels[region.slices].copy()

    def read_associated(self, name: Associated) -> NDArray[np.uint8] | None:
        """Return None: this slide has no label."""
        return None

    def close(self) -> None:
        """Nothing is open."""


def _paint_slide() -> NDArray[np.uint8]:
    slide = _glass()
    tissue = _mirrored_tissue(side=1800)
    y, x = np.ogrid[-900:900, -900:900]
    # A tilted ellipse, in integers so that no platform rounds it elsewhere.
    inside = 2 * (x * x + y * y) + x * y < 2 * 720**2
    place = slide[500:2300, 700:2500]
    place[inside] = tissue[inside]
    return slide


def _glass() -> NDArray[np.uint8]:
    # The legacy generator: its stream is the one that numpy promises never to change.
    noise = np.random.RandomState(1).randint(-1, 2, (HEIGHT, WIDTH, 1))
    return (np.array(GLASS) + noise).astype(np.uint8)


def _mirrored_tissue(side: int) -> NDArray[np.uint8]:
    from skimage.data import immunohistochemistry

    image: NDArray[np.uint8] = immunohistochemistry()
    double = np.concatenate([image, image[:, ::-1]], axis=1)
    quad = np.concatenate([double, double[::-1]], axis=0)
    times = -(-side // len(quad))
    return np.tile(quad, (times, times, 1))[:side, :side]
