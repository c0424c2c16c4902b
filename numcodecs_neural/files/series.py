"""Index of an image in a file: checked, and made part of its name."""

from pathlib import Path

from numcodecs_neural.errors import SourceError

__all__ = ["check_series", "image_name"]


def check_series(path: Path | str, series: int, count: int) -> None:
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
    >>> image_name(Path("a/slide.ome.zarr")), image_name(Path("b.czi"), 2)
    ('slide', 'b-2')
    """
    return _stem(path) + (f"-{series}" if series else "")


def _stem(path: Path) -> str:
    """Return the name without what says of what kind it is; dots in names of folders stay."""
    if path.suffix.lower() in (".zip", ".ozx"):
        return _stem(path.with_suffix(""))
    if path.is_dir() and path.suffix != ".zarr":
        return path.name
    return path.stem.removesuffix(".ome")
