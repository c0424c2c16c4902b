"""Images to measure on: found in files, folders and Zarr arrays, and sorted by kind."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from numcodecs_neural.errors import SourceError
from numcodecs_neural.evaluation.kinds import KINDS, Kind, Pixels
from numcodecs_neural.evaluation.zarr_source import is_zarr, regions

__all__ = ["MAX_PIXELS", "ImageFile", "ImageSet", "ImageSource", "find_sets", "sorted_by_kind"]

SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff"}
# Of a Zarr array: four regions of 2048 x 2048.
MAX_PIXELS = 4 * 2064 * 2064


class ImageSource(Protocol):
    """One image, read when it is needed."""

    @property
    def name(self) -> str:
        """What an error calls it."""

    def read(self) -> Pixels:
        """Return its pixels (H, W, C), or raise SourceError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """An image in a file (BMP, JPEG, PNG, TIFF; of several pages the first).

    Parameters
    ----------
    path : Path
    """

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return _shown(str(self.path))

    def read(self) -> Pixels:
        """Return its pixels (H, W, C) as they are; grey ones have a channel axis of length 1."""
        import imagecodecs

        try:
            pixels: Pixels = imagecodecs.imread(self.path)
        # Each of the readers that are tried has errors of its own, with no root but this one.
        except Exception as exc:
            raise SourceError(f"{self.name} cannot be read as an image: {_reason(exc)}") from exc
        return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """Images that are averaged over as one.

    Parameters
    ----------
    name : str
    images : tuple of ImageSource
        At least one.
    """

    name: str
    images: tuple[ImageSource, ...]

    def first(self, count: int) -> "ImageSet":
        """Return the set of the first `count` images."""
        return ImageSet(name=self.name, images=self.images[:count])


def find_sets(paths: Iterable[Path], *, max_pixels: int = MAX_PIXELS) -> list[ImageSet]:
    """Return a set for each file, each Zarr array, and each folder that holds images at any depth.

    Parameters
    ----------
    paths : iterable of Path
        Images, folders of images (other files are passed over), or Zarr arrays or groups.
    max_pixels : int
        How much of a Zarr array is measured, in regions spread over it.

    Raises
    ------
    SourceError
        If a path does not exist or there are no images in it.
    """
    return [found for path in paths for found in _sets_below(path, max_pixels)]


def sorted_by_kind(
    image_set: ImageSet, check: Callable[[str, Kind, Pixels], None] = lambda *_: None
) -> tuple[list[tuple[Kind, ImageSet]], list[str]]:
    """Return the images of each kind as a set of its own, and what was passed over, in sentences.

    A set that is all of one kind keeps its name.

    Parameters
    ----------
    image_set : ImageSet
    check : callable
        Is shown the name, kind and pixels of every image that is of a kind.

    Raises
    ------
    SourceError
        If an image cannot be read.
    """
    found: dict[Kind, list[ImageSource]] = {}
    notes = []
    for image in image_set.images:
        pixels = image.read()
        kind = next((kind for kind in KINDS if kind.holds(pixels)), None)
        if kind is not None:
            check(image.name, kind, pixels)
            found.setdefault(kind, []).append(image)
        else:
            notes.append(
                f"{image.name} was passed over: it holds {pixels.dtype} samples of shape "
                f"{pixels.shape}, and measured are 8-bit RGB and 8- or 16-bit grey"
            )
    kinds = [kind for kind in KINDS if kind in found]
    return [(kind, _named(image_set, kind, kinds, found[kind])) for kind in kinds], notes


def _named(
    image_set: ImageSet, kind: Kind, kinds: Sequence[Kind], images: Sequence[ImageSource]
) -> ImageSet:
    name = image_set.name if len(kinds) == 1 else f"{image_set.name} ({kind.title})"
    return ImageSet(name=name, images=tuple(images))


def _sets_below(path: Path, max_pixels: int) -> Iterator[ImageSet]:
    if path.is_file():
        yield ImageSet(name=_shown(path.stem), images=(ImageFile(path=path),))
        return
    if not path.is_dir():
        raise SourceError(f"{path} does not exist: give an image, a folder or a Zarr array")
    if is_zarr(path):
        name = _shown(_zarr_name(path.resolve()))
        yield ImageSet(name=name, images=regions(path, max_pixels=max_pixels))
        return
    images = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES and p.is_file()]
    if not images:
        raise SourceError(
            f"no images below {path} (BMP, JPEG, PNG or TIFF), and it is no Zarr array or group"
        )
    for folder in sorted({image.parent for image in images}):
        inside = tuple(ImageFile(path=image) for image in images if image.parent == folder)
        yield ImageSet(name=_shown(folder.resolve().name), images=inside)


def _zarr_name(path: Path) -> str:
    """Return what to call an array: that in a group by both names, since levels are numbers."""
    return f"{path.parent.name}/{path.name}" if is_zarr(path.parent) else path.name


def _shown(name: str) -> str:
    """Return what can be printed, stored and drawn of a file's name: its bytes may be no text."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _reason(exc: Exception) -> str:
    return (str(exc).strip() or type(exc).__name__).splitlines()[0]
