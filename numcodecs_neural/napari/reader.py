"""Reader of OME-Zarr for napari: slides in colour, channels as layers, tissue as labels."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from numcodecs_neural.errors import SourceError
from numcodecs_neural.omezarr.images import find_images
from numcodecs_neural.omezarr.store import ZarrFiles
from numcodecs_neural.reading.reader import ImageReader

from .layers import LayerData, image_layers
from .masks import label_layers

__all__ = ["get_reader", "read"]

Reader = Callable[[str | list[str]], list[LayerData]]


def get_reader(path: str | list[str]) -> Reader | None:
    """Return the reader of a path if there is an OME-Zarr image, damaged or not, or None.

    Parameters
    ----------
    path : str or list of str
        A folder, a file ``.ozx`` or a URL. Several paths that are to be one stack are declined.
    """
    if not isinstance(path, str):
        if len(path) != 1:
            return None
        path = path[0]
    return read if _is_ours(path) else None


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
        for reader in _readers(location)
        for layer in (*image_layers(reader), *label_layers(reader.image))
    ]


def _readers(location: str) -> Iterator[ImageReader]:
    """Yield a reader for each image; they stay open for as long as layers read them."""
    first = ImageReader(location)
    yield first
    for series in range(1, first.image.series_count):
        yield ImageReader(location, series=series)


def _is_ours(location: str) -> bool:
    """Return whether there are images of OME-Zarr, or were before they were damaged."""
    if "://" not in location and not Path(location).exists():
        return False
    if location.lower().endswith(".ozx"):
        return True
    try:
        with closing(ZarrFiles(location)) as files:
            return _has_damaged_metadata(files) or bool(find_images(files.group(), location))
    except (SourceError, OSError):
        return False


def _has_damaged_metadata(files: ZarrFiles) -> bool:
    """Return whether nobody can tell what a store is, which reading it says in an error."""
    try:
        for name in ("zarr.json", ".zattrs"):
            files.json(name)
    except SourceError:
        return True
    return False
