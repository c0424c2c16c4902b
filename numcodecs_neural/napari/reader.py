"""Reader of OME-Zarr for napari: slides in colour, channels as layers, tissue as labels."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from numcodecs_neural.errors import SourceError
from numcodecs_neural.omezarr.images import find_images
from numcodecs_neural.omezarr.opened import OpenedImage, open_omezarr
from numcodecs_neural.omezarr.store import ZarrFiles

from .layers import LayerData, image_layers
from .masks import label_layers

__all__ = ["get_reader", "read"]

Reader = Callable[[str | list[str]], list[LayerData]]


def get_reader(path: str | list[str]) -> Reader | None:
    """Return the reader of a path if there is an OME-Zarr image, or None.

    Parameters
    ----------
    path : str or list of str
        A folder, a file ``.ozx`` or a URL. Several paths that are to be one stack are declined.
    """
    if not isinstance(path, str):
        if len(path) != 1:
            return None
        path = path[0]
    return read if _count_images(path) else None


def read(path: str | list[str]) -> list[LayerData]:
    """Return the layers of all images of a store; nothing but metadata is read.

    Raises
    ------
    SourceError
        If an image cannot be opened, as when a codec is not installed.
    """
    location = path if isinstance(path, str) else path[0]
    return [
        layer
        for image in _images(location)
        for layer in (*image_layers(image), *label_layers(image))
    ]


def _images(location: str) -> Iterator[OpenedImage]:
    """Yield all images; they stay open for as long as layers read them."""
    first = open_omezarr(location)
    yield first
    for series in range(1, first.series_count):
        yield open_omezarr(location, series=series)


def _count_images(location: str) -> int:
    """Return how many images of OME-Zarr there are; 0 for everything else."""
    if "://" not in location and not Path(location).exists():
        return 0
    try:
        with closing(ZarrFiles(location)) as files:
            return len(find_images(files.group(), location))
    except (SourceError, OSError):
        return 0
