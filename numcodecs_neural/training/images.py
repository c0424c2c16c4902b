"""Image files as planes to train on: 8-bit RGB, or grey of 8 or 16 bits."""

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from numcodecs_neural.errors import SourceError

SUFFIXES = {".bmp", ".czi", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
PLANES_PER_FILE = 16  # of a stack or a film: more would be more of the same

Image = NDArray[Any]
"""(H, W, channels), uint8 or uint16."""


class Images(NamedTuple):
    """Images of one kind.

    Parameters
    ----------
    sets : dict of str to list of (H, W, channels)
        To train on, by name of the sub-folder.
    held_back : list of (H, W, channels)
        To measure with.
    skipped : mapping of str to int
        How many files or planes were passed over, by reason.
    """

    sets: dict[str, list[Image]]
    held_back: list[Image]
    skipped: Mapping[str, int] = {}

    def __str__(self) -> str:
        """Numbers of images, and what was skipped."""
        count = sum(map(len, self.sets.values()))
        text = f"{count} images of {len(self.sets)} sources, {len(self.held_back)} held back"
        return f"{text}; skipped: {reasons(self.skipped)}" if self.skipped else text


def reasons(skipped: Mapping[str, int]) -> str:
    """Why files were passed over, most frequent first.

    Examples
    --------
    >>> reasons({"not readable": 1, "1 channel": 4})
    '4 x 1 channel, 1 x not readable'
    """
    ordered = sorted(skipped.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} x {reason}" for reason, count in ordered)


def image_paths(folder: Path) -> list[Path]:
    """Return every file below `folder` that may be an image, sorted."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())


def planes_of(path: Path, channels: int) -> list[Image]:
    """Read the planes of a file that a model of `channels` can learn from.

    Grey models take every plane of a stack, up to 16 spread over it, and colour files whose
    channels are equal. An alpha channel is left out.

    Raises
    ------
    SourceError
        If the file cannot be read, or holds something else; the text says what, and is the same
        for all files of its kind.
    """
    array, has_samples = _read(path)
    if array.dtype not in (np.uint8, np.uint16):
        raise SourceError(f"{array.dtype} samples")
    if has_samples and array.shape[-1] in (2, 4):
        array = array[..., :-1]
    if channels == 3:
        return list(_colour(array, has_samples=has_samples))
    return list(_grey(array, has_samples=has_samples))


def _colour(array: Image, *, has_samples: bool) -> Iterator[Image]:
    found = array.shape[-1] if has_samples else 1
    if found != 3 or array.ndim != 3:
        raise SourceError(f"{found} channel{'s' * (found > 1)}")
    if array.dtype != np.uint8:
        raise SourceError("RGB of 16 bits")
    yield np.ascontiguousarray(array)


def _grey(array: Image, *, has_samples: bool) -> Iterator[Image]:
    if has_samples:
        if array.dtype == np.uint8 and (array != array[..., :1]).any():
            raise SourceError(f"{array.shape[-1]} channels")
        # 16-bit "colour" is fluorescence: its channels are planes of their own
        array = np.moveaxis(array, -1, 0) if array.dtype == np.uint16 else array[..., 0]
    planes = array.reshape(-1, *array.shape[-2:])
    chosen = np.linspace(0, len(planes) - 1, min(len(planes), PLANES_PER_FILE)).round().astype(int)
    for plane in planes[chosen]:
        if plane.min() != plane.max():
            yield np.ascontiguousarray(plane[..., None])


def _read(path: Path) -> tuple[Image, bool]:
    """Return an array (..., H, W), or (H, W, samples), and whether its last axis is samples."""
    import imagecodecs
    import tifffile

    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            with tifffile.TiffFile(path) as file:
                series = file.series[0]
                return series.asarray(), series.axes.endswith("S")
        if path.suffix.lower() == ".czi":
            return _read_czi(path), False
        array: Image = imagecodecs.imread(path)
    except ImportError as exc:
        raise SourceError(f"no reader: pip install {exc.name}") from exc
    # Each of the readers that are tried has errors of its own, with no root but this one.
    except Exception as exc:
        raise SourceError("not readable") from exc
    return array, array.ndim == 3


def _read_czi(path: Path) -> Image:
    reader = importlib.import_module("czifile")
    with reader.CziFile(path) as file:
        array: Image = file.asarray()
        return array[..., 0] if file.axes.endswith("0") else array  # samples of one pixel
