"""Names of stores in URLs: those of their files, each once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from numcodecs_neural.files.folder import is_url
from numcodecs_neural.files.series import image_name

__all__ = ["store_names"]


def store_names(locations: Sequence[str]) -> list[str]:
    """Return a name for each store; those of the same name are numbered from the second on.

    All end in ``.ome.zarr``, which clients know a store by: behind a URL a zip is a folder, too.

    Examples
    --------
    >>> store_names(["a/slide.ome.zarr", "b/slide.ozx", "s3://bucket/other.zarr"])
    ['slide.ome.zarr', 'slide-2.ome.zarr', 'other.ome.zarr']
    """
    return list(_names(locations))


def _names(locations: Sequence[str]) -> Iterator[str]:
    taken: set[str] = set()
    for location in locations:
        stem = _stem(location)
        name, count = stem, 1
        while name in taken:
            count += 1
            name = f"{stem}-{count}"
        taken.add(name)
        yield f"{name}.ome.zarr"


def _stem(location: str) -> str:
    path = urlsplit(location).path if is_url(location) else str(Path(location).absolute())
    found = image_name(Path(path.rstrip("/")))
    # What no path of a request can hold.
    return "".join(c if c.isprintable() and c not in "/\\" else "_" for c in found) or "store"
