"""Levels of an OME-Zarr image: those of its arrays that are reductions of the first."""

import contextlib
import math
from itertools import pairwise
from typing import Any

import zarr

from numcodecs_neural.errors import SourceError

from .history import codecs_of
from .store import OPEN_ERRORS, ZarrFiles

__all__ = ["array_codecs", "open_array", "open_levels"]

_BY_IMAGECODECS = "imagecodecs_"
# A petabyte in chunks of a megabyte. Whoever goes through more of them never ends.
_MOST_CHUNKS = 1 << 30


def open_levels(
    root: zarr.Group, files: ZarrFiles, paths: tuple[str, ...], *, axes: str
) -> tuple[Any, ...]:
    """Return the arrays at `paths` that are levels of a pyramid, level 0 first.

    An array belongs to it while it is smaller than the one before in y or x, larger in nothing, and
    has as many channels, and samples of the same type.

    Parameters
    ----------
    files : ZarrFiles
        Of the store.
    paths : tuple of str
        From the root.
    axes : str
        Of each array.

    Raises
    ------
    SourceError
        If an array is absent, has another number of axes, chunks without end, no or no numeric
        samples, or a codec that is not installed.
    """
    arrays = tuple(open_array(root, files, one) for one in paths)
    for one, array in zip(paths, arrays, strict=True):
        _check_grid(array, f"{files.location}: the array {one}", axes)
    if 0 in arrays[0].shape:
        raise SourceError(
            f"{files.location}: the array {paths[0]} has the shape {arrays[0].shape}, which holds "
            "no sample: write the image again"
        )
    if arrays[0].dtype.kind not in "iuf":
        raise SourceError(
            f"{files.location}: the array {paths[0]} has samples of {arrays[0].dtype}; "
            "integers and floats are read: store it as one of these"
        )
    reduced = [_is_reduction(finer, coarser, axes) for finer, coarser in pairwise(arrays)]
    count = [*reduced, False].index(False) + 1
    return arrays[:count]


def open_array(root: zarr.Group, files: ZarrFiles, name: str) -> Any:
    """Return the array at a path from the root.

    Raises
    ------
    SourceError
        If there is none, or a group, or it has a codec that is not installed.
    """
    codecs = array_codecs(files, name)
    _make_known(list(codecs))
    try:
        array = root[name]
    except OPEN_ERRORS as exc:
        if not codecs:
            raise SourceError(f"{files.location}: the array {name} is not there: {exc}") from exc
        unknown = [codec for codec in codecs if not _is_known(codec)]
        hint = f"; install the package that brings the codec {', '.join(unknown)}"
        raise SourceError(
            f"{files.location}: the array {name} cannot be opened: {exc}{hint if unknown else ''}"
        ) from exc
    if not isinstance(array, zarr.Array):
        raise SourceError(f"{files.location}: {name} is to be an array of pixels, and is a group")
    return array


def array_codecs(files: ZarrFiles, path: str) -> dict[str, dict[str, Any]]:
    """Return the codecs of an array with their settings, whether they are installed or not.

    Raises
    ------
    SourceError
        If its metadata are damaged.
    """
    metadata = files.json(f"{path}/zarr.json") or files.json(f"{path}/.zarray") or {}
    try:
        return codecs_of(metadata)
    except OPEN_ERRORS as exc:
        raise SourceError(
            f"{files.location}: the codecs of the array {path} are not what Zarr says they should "
            "be: its metadata are damaged; copy the store again"
        ) from exc


def _check_grid(array: "zarr.Array[Any]", what: str, axes: str) -> None:
    """Refuse an array of other axes than its metadata name, or of chunks without end."""
    if array.ndim != len(axes):
        raise SourceError(
            f"{what} has {array.ndim} axes, and its metadata name {len(axes)}: {', '.join(axes)}"
        )
    if 0 in array.chunks:
        raise SourceError(f"{what} has chunks of shape {array.chunks}, which hold no sample")
    sides = zip(array.shape, array.chunks, strict=True)
    count = math.prod(-(-length // side) for length, side in sides)
    if count > _MOST_CHUNKS:
        raise SourceError(
            f"{what} has the shape {array.shape} in {count} chunks of {array.chunks}, and no store "
            f"has more than {_MOST_CHUNKS}: its metadata are damaged, or its chunks too small"
        )


def _is_known(codec: str) -> bool:
    """Return whether a codec of Zarr v2 or v3 is installed."""
    from numcodecs.registry import codec_registry, entries
    from zarr.registry import get_codec_class

    if codec in codec_registry or codec in entries:
        return True
    try:
        get_codec_class(codec)
    except (KeyError, ValueError):
        return False
    return True


def _make_known(names: list[str]) -> None:
    """Tell numcodecs and zarr of imagecodecs' codecs; they are not found by themselves."""
    if not any(name.startswith(_BY_IMAGECODECS) for name in names):
        return
    from imagecodecs import numcodecs as image_codecs

    image_codecs.register_codecs(verbose=False)
    for name in names:
        _register_serializer(name)


def _register_serializer(name: str) -> None:
    from zarr.registry import get_codec_class, register_codec

    from numcodecs_neural.peers import imagecodecs_zarr

    with contextlib.suppress(KeyError, ValueError):
        get_codec_class(name)
        return
    known = {
        "jpeg": imagecodecs_zarr.Jpeg,
        "jpeg2k": imagecodecs_zarr.Jpeg2k,
        "jpegxl": imagecodecs_zarr.Jpegxl,
    }
    serializer = known.get(name.removeprefix(_BY_IMAGECODECS))
    if serializer is not None:
        register_codec(name, serializer)


def _is_reduction(finer: "zarr.Array[Any]", coarser: "zarr.Array[Any]", axes: str) -> bool:
    if finer.dtype.newbyteorder("=") != coarser.dtype.newbyteorder("="):
        return False
    lengths = dict(zip(axes, zip(finer.shape, coarser.shape, strict=True), strict=True))
    is_smaller = any(lengths[axis][0] > lengths[axis][1] for axis in "yx")
    return is_smaller and all(
        large == small if axis == "c" else 0 < small <= large
        for axis, (large, small) in lengths.items()
    )
