"""Which image of a file: checked, and named as in its metadata."""

from pathlib import Path

from numcodecs_neural.errors import SourceError

from ..options import slide_stem

__all__ = ["check_series", "image_name"]


def check_series(path: Path, series: int, count: int) -> None:
    """Refuse an image that the file does not have.

    Raises
    ------
    SourceError
        If `series` is not in 0 to `count` - 1; says how many there are.
    """
    if not 0 <= series < count:
        images = "one image: series 0" if count == 1 else f"{count} images: series 0 to {count - 1}"
        raise SourceError(f"{path} has no series {series}: it holds {images}")


def image_name(path: Path, series: int = 0) -> str:
    """Return the name of an image: the file's, with a dash and its index for all but the first.

    Examples
    --------
    >>> from pathlib import PurePosixPath
    >>> image_name(PurePosixPath("a/slide.ome.zarr")), image_name(PurePosixPath("b.czi"), 2)
    ('slide', 'b-2')
    """
    stem = slide_stem(path)
    # Of a zip: slide.ome.zarr.zip.
    if stem.endswith(".zarr"):
        stem = stem.removesuffix(".zarr").removesuffix(".ome")
    return stem + (f"-{series}" if series else "")
